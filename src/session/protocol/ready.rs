//! An authenticated session: dispatch of frames and events, and the end of every cycle (Query, or pipeline to Sync).

use std::rc::Rc;

use crate::iris::{Reply, Request};
use crate::sql::Template;
use crate::wire::{Frame, FrontendMessage, PgError, SendBuf, Severity, SqlState, TransactionStatus};

use super::bounds::KeptBytes;
use super::by_name::ByName;
use super::executing::{Executing, Framing, Understanding};
use super::portal::Portal;
use super::portal_table::Portals;
use super::simple::Place;
use crate::session::client::Client;
use crate::session::client::presence::SessionState;
use crate::session::contract::step::{Event, Step, Want};
use crate::session::run::undoing::Undoing;
use crate::session::run::{Operation, undoing};
use crate::session::understand::context::{Cx, ShardContext};
use crate::session::understand::rules::{refused, unexpected};
use crate::session::understand::statement::Statement;

/// What the session is in the middle of.
#[allow(clippy::large_enum_variant, reason = "one per client, and the hot path must not allocate")]
#[derive(Debug)]
pub(in crate::session) enum Activity {
    /// Waits for a frame.
    Idle,
    /// The syntax of all statements of a query string is being checked, up to here so far.
    Check(Place),
    /// Between two statements of a query string, so that others get their turn and the output goes out.
    Between(Place),
    Understand(Box<Understanding>),
    /// [`Ready::executing`] waits for something.
    Execute,
    Ending(Ending),
    /// Definitions of a transaction that is over are undone.
    Undo(Box<Undoing>),
}

/// What closes a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Ending {
    CloseResult,
    /// Of the implicit transaction.
    Commit,
    Rollback,
    /// A failed block without savepoints frees its IRIS connection at once; the client still owes its ROLLBACK.
    RollbackFailedBlock,
    /// What the client listens to is told before ReadyForQuery.
    Notifications,
}

#[derive(Debug)]
pub(crate) struct Ready {
    pub(in crate::session) context: Rc<ShardContext>,
    pub(in crate::session) client: Client,
    /// Scratch of the scanner.
    pub(in crate::session) template: Template,
    pub(in crate::session) statements: ByName<Rc<Statement>>,
    pub(in crate::session) portals: Portals,
    pub(in crate::session) kept: KeptBytes,
    pub(in crate::session) activity: Activity,
    /// The statement that is carried out.
    pub(in crate::session) executing: Option<Executing>,
    /// An error in the extended protocol: everything up to Sync is skipped.
    pub(in crate::session) skip_until_sync: bool,
    /// An error happened since the last ReadyForQuery.
    pub(in crate::session) errored: bool,
    /// Results to be dropped on the lease before it goes back.
    pub(in crate::session) closes: Vec<Request>,
    /// What is being looked at came over the lease.
    pub(in crate::session) reads_lease: bool,
    /// What came over the lease could not be read: nothing that comes over it can be trusted.
    pub(in crate::session) distrusts_lease: bool,
    /// Nobody is there any more.
    is_abandoned: bool,
}

impl Ready {
    pub(crate) fn new(context: Rc<ShardContext>, client: Client) -> Self {
        Self {
            context,
            client,
            template: Template::default(),
            statements: ByName::default(),
            portals: Portals::default(),
            kept: KeptBytes::default(),
            activity: Activity::Idle,
            executing: None,
            skip_until_sync: false,
            errored: false,
            closes: Vec::new(),
            reads_lease: false,
            distrusts_lease: false,
            is_abandoned: false,
        }
    }

    /// Whether the session still needs its IRIS connection: a transaction or a result is open on it.
    pub(crate) fn keeps_lease(&self) -> bool {
        self.client.transaction.iris_open() || !self.closes.is_empty() || self.client.open_results.any()
    }

    /// Gives back what only a statement needs.
    pub(crate) fn release(&mut self) {
        if matches!(self.activity, Activity::Idle) {
            self.template.release();
            self.closes.shrink_to_fit();
            self.client.effects.shrink_to_fit();
        }
    }

    pub(in crate::session) fn cx<'a>(&'a mut self, out: &'a mut SendBuf) -> Cx<'a> {
        Cx { shard: &self.context, client: &mut self.client, out }
    }

    pub(crate) fn on_frame(&mut self, frame: Frame<'_>, lookahead: Option<u8>, out: &mut SendBuf) -> Step {
        let message = match FrontendMessage::parse(frame) {
            Ok(message) => message,
            Err(error) => return self.malformed(frame.tag, error.to_pg(), out),
        };
        // While something is under way only COPY FROM STDIN reads frames.
        if !matches!(self.activity, Activity::Idle) {
            if let Some(Executing { operation: Some(Operation::Copy(copy)), .. }) = &self.executing
                && !matches!(frame.tag, b'd' | b'c' | b'f' | b'H' | b'S')
            {
                out.put_error_response(&copy.out_of_place(frame.tag));
                let lost = "terminating connection because protocol synchronization was lost";
                out.put_error_response(&PgError::fatal(SqlState::PROTOCOL_VIOLATION, lost));
                return Step::Close;
            }
            return self.on_event(Event::Frame(message), out);
        }
        match message {
            FrontendMessage::Terminate => Step::Close,
            FrontendMessage::Sync => {
                self.skip_until_sync = false;
                self.finish_cycle(out)
            }
            _ if self.skip_until_sync => Step::NeedFrame,
            FrontendMessage::Query(sql) => self.on_query(sql, out),
            FrontendMessage::Parse(parse) => self.on_parse(&parse, out),
            FrontendMessage::Bind(bind) => self.on_bind(&bind, frame.body, out),
            FrontendMessage::Describe { target, name } => self.on_describe(target, name, out),
            FrontendMessage::Execute { portal, rows_max } => self.on_execute(portal, rows_max, lookahead, out),
            FrontendMessage::Close { target, name } => self.on_close(target, name, out),
            FrontendMessage::Flush => Step::Flush,
            // What is left of a COPY that failed (protocol-flow chapter, "COPY Operations").
            FrontendMessage::CopyData(_) | FrontendMessage::CopyDone | FrontendMessage::CopyFail(_) => Step::NeedFrame,
            FrontendMessage::FunctionCall(_) => {
                let error = PgError::unsupported("function calls by message are not supported")
                    .hint("Call the function in a SELECT.");
                self.report(&error, out);
                self.finish_cycle(out)
            }
            FrontendMessage::Authentication(_) => {
                out.put_error_response(&PgError::fatal(
                    SqlState::PROTOCOL_VIOLATION,
                    "authentication message outside of authentication",
                ));
                Step::Close
            }
        }
    }

    /// A frame of a client whose statement ran out of time before it came: the statement ends with `error`. So it is in
    /// PostgreSQL, which looks at the time when it has read a message, whatever that is; of COPY when data came, and when
    /// rows are left to be written behind CopyDone.
    pub(crate) fn on_late_frame(
        &mut self,
        frame: Frame<'_>,
        lookahead: Option<u8>,
        error: Box<PgError>,
        out: &mut SendBuf,
    ) -> Step {
        let has_unsent = || match &self.executing {
            Some(Executing { operation: Some(Operation::Copy(copy)), .. }) => copy.has_unsent(),
            _ => false,
        };
        match (&self.activity, frame.tag) {
            (Activity::Execute, tag) if tag == b'd' || tag == b'c' && has_unsent() => {
                let framing = self.executing.as_ref().map_or(Framing::Message, Executing::framing);
                self.activity = Activity::Idle;
                self.give_up();
                self.settle(Err(error), framing, out)
            }
            (Activity::Idle, b'Q' | b'F' | b'S') => {
                self.report(&error, out);
                self.finish_cycle(out)
            }
            (Activity::Idle, b'P' | b'B' | b'D' | b'E' | b'C' | b'H') => self.fail_extended(&error, out),
            _ => self.on_frame(frame, lookahead, out),
        }
    }

    /// A message that could be cut but not read. A query cycle can recover from what only its content broke;
    /// broken framing cannot be trusted further.
    fn malformed(&mut self, tag: u8, error: Box<PgError>, out: &mut SendBuf) -> Step {
        if error.severity == Severity::Fatal {
            out.put_error_response(&error);
            return Step::Close;
        }
        if self.skip_until_sync {
            return Step::NeedFrame;
        }
        match tag {
            b'Q' | b'F' => {
                self.report(&error, out);
                self.finish_cycle(out)
            }
            _ => self.fail_extended(&error, out),
        }
    }

    pub(crate) fn on_event(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        if let Event::Lost(error) = event {
            return self.on_lost(error, out);
        }
        self.reads_lease = matches!(event, Event::Iris(_));
        let step = self.on_awaited(event, out);
        self.reads_lease = false;
        step
    }

    fn on_awaited(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        match (std::mem::replace(&mut self.activity, Activity::Idle), event) {
            (Activity::Understand(understanding), event) => self.resume_understanding(*understanding, event, out),
            (Activity::Execute, event) => self.resume(event, out),
            (Activity::Check(place), Event::Flushed) => self.check_statements(place, out),
            (Activity::Between(place), Event::Flushed) => self.run_statements(place, out),
            (Activity::Ending(Ending::Notifications), Event::Notified(notifications)) => {
                super::notifications::put_notifications(&notifications, out);
                self.ready_for_query(out)
            }
            (Activity::Ending(ending), Event::Iris(reply)) if ending != Ending::Notifications => {
                self.on_ending(ending, &reply, out)
            }
            (Activity::Undo(mut undoing), event) => {
                let want = undoing.resume(event, &mut self.cx(out));
                self.undo(undoing, want, out)
            }
            (Activity::Check(_) | Activity::Between(_) | Activity::Ending(_), _) => self.unwaited(out),
            (Activity::Idle, _) => {
                let error = PgError { severity: Severity::Fatal, ..*self.context.unwaited() };
                out.put_error_response(&error);
                Step::Close
            }
        }
    }

    /// An event that nothing waits for ends the cycle.
    pub(in crate::session) fn unwaited(&mut self, out: &mut SendBuf) -> Step {
        let error = self.context.unwaited();
        self.report(&error, out);
        self.finish_cycle(out)
    }

    /// The connection is gone, was cancelled or could not be had: an error like any other, but nothing is left open.
    fn on_lost(&mut self, error: Box<PgError>, out: &mut SendBuf) -> Step {
        self.forget_lease();
        match std::mem::replace(&mut self.activity, Activity::Idle) {
            Activity::Understand(understanding) => self.settle(Err(error), understanding.framing(), out),
            Activity::Execute => {
                let framing = self.executing.as_ref().map_or(Framing::Message, Executing::framing);
                self.give_up();
                // What was open is gone with the connection.
                self.closes.clear();
                self.settle(Err(error), framing, out)
            }
            Activity::Check(_) | Activity::Between(_) => {
                self.report(&error, out);
                self.finish_cycle(out)
            }
            // A rollback that is lost with its connection has happened all the same.
            Activity::Ending(
                Ending::Rollback | Ending::RollbackFailedBlock | Ending::CloseResult | Ending::Notifications,
            ) => self.finish_cycle(out),
            // Over another connection.
            Activity::Undo(_) => {
                self.client.definitions.lost();
                self.finish_cycle(out)
            }
            Activity::Ending(Ending::Commit) => {
                self.report(&error, out);
                self.finish_cycle(out)
            }
            Activity::Idle => Step::NeedFrame,
        }
    }

    fn forget_lease(&mut self) {
        self.client.transaction.lost();
        self.client.definitions.connection_lost();
        self.closes.clear();
        if self.client.open_results.any() {
            self.portals.values_mut().for_each(Portal::forget_result);
            self.client.open_results.forget();
        }
    }

    /// An error of the present cycle.
    pub(in crate::session) fn report(&mut self, error: &PgError, out: &mut SendBuf) {
        if self.reads_lease && error.code == SqlState::CONNECTION_FAILURE {
            self.forget_lease();
            self.distrusts_lease = true;
        }
        out.put_error_response(error);
        self.client.end_statement();
        self.client.fail_transaction();
        self.errored = true;
    }

    pub(in crate::session) fn fail_extended(&mut self, error: &PgError, out: &mut SendBuf) -> Step {
        self.report(error, out);
        self.skip_until_sync = true;
        Step::NeedFrame
    }

    /// The end of a Query, or Sync: results are closed, the implicit transaction ends, ReadyForQuery.
    pub(in crate::session) fn finish_cycle(&mut self, out: &mut SendBuf) -> Step {
        self.client.end_statement();
        let transaction = &self.client.transaction;
        // Portals live until the end of their transaction. In a failed block nothing can use them any more, and
        // their results would keep the IRIS connection.
        if !transaction.in_block() {
            self.end_portals(!self.errored);
        } else if transaction.is_failed() && !transaction.has_savepoints() {
            self.end_portals(false);
        }
        let transaction = &self.client.transaction;
        let next = if let Some(request) = self.closes.pop() {
            Some((Ending::CloseResult, request))
        } else if !transaction.iris_open() {
            None
        } else if !transaction.in_block() {
            Some(if self.errored { (Ending::Rollback, Request::Rollback) } else { (Ending::Commit, Request::Commit) })
        } else if transaction.is_failed() && !transaction.has_savepoints() {
            Some((Ending::RollbackFailedBlock, Request::Rollback))
        } else {
            None
        };
        if let Some((ending, request)) = next {
            self.client.definitions.set_committing(ending == Ending::Commit);
            self.activity = Activity::Ending(ending);
            return Step::Submit(request);
        }
        if self.client.transaction.is_implicit() {
            let committed = !self.errored;
            self.client.end_transaction(committed, out);
        } else if !self.client.transaction.in_block() {
            self.client.end_lone_statement(out);
        }
        if self.client.definitions.is_due() && !self.client.transaction.wants_transaction() {
            let mut undoing = Box::new(undoing());
            let want = undoing.start(&mut self.cx(out));
            return self.undo(undoing, want, out);
        }
        if self.client.channels.is_listening() && !self.client.transaction.in_block() {
            self.activity = Activity::Ending(Ending::Notifications);
            return Step::Notifications;
        }
        self.ready_for_query(out)
    }

    #[cold]
    fn undo(&mut self, undoing: Box<Undoing>, want: Option<Want>, out: &mut SendBuf) -> Step {
        match want {
            Some(want) => {
                self.activity = Activity::Undo(undoing);
                want.into()
            }
            None => self.finish_cycle(out),
        }
    }

    /// The client has gone, or has to: what its transaction has defined is undone, which IRIS has rolled back by then. Its
    /// last step is to close the connection. `None`: there is nothing to do.
    #[cold]
    pub(crate) fn abandon(&mut self, out: &mut SendBuf) -> Option<Step> {
        if self.client.definitions.is_empty() {
            return None;
        }
        self.is_abandoned = true;
        self.activity = Activity::Idle;
        self.executing = None;
        self.forget_lease();
        self.client.end_statement();
        self.client.end_transaction(false, out);
        Some(self.finish_cycle(out))
    }

    fn ready_for_query(&mut self, out: &mut SendBuf) -> Step {
        if self.client.definitions.end_cycle() && !self.is_abandoned {
            tracing::warn!("definitions of a transaction wait for a connection to IRIS to be undone");
        }
        if self.is_abandoned {
            return Step::Close;
        }
        self.errored = false;
        let status = self.client.transaction.status();
        out.put_ready_for_query(status);
        self.client.presence.set_state(match status {
            TransactionStatus::Idle => SessionState::Idle,
            TransactionStatus::InTransaction => SessionState::IdleInTransaction,
            TransactionStatus::Failed => SessionState::IdleInFailedTransaction,
        });
        Step::NeedFrame
    }

    /// Between two cycles, outside of a transaction.
    pub(in crate::session) fn takes_notifications(&self) -> bool {
        self.client.channels.is_listening()
            && matches!(self.activity, Activity::Idle)
            && !self.client.transaction.in_block()
            && !self.client.transaction.is_implicit()
            && !self.skip_until_sync
            // A cursor WITH HOLD is no sign of a cycle under way.
            && !self.portals.has_passing()
    }

    fn on_ending(&mut self, ending: Ending, reply: &Reply<'_>, out: &mut SendBuf) -> Step {
        let failed = match reply {
            Reply::Done => None,
            Reply::Failed { error, .. } => Some(refused(error, &self.context)),
            reply => Some(unexpected(reply)),
        };
        self.client.definitions.set_committing(false);
        match ending {
            Ending::CloseResult | Ending::Notifications => {}
            Ending::Commit => {
                if let Some(error) = &failed {
                    self.report(error, out);
                }
                self.client.end_transaction(failed.is_none(), out);
            }
            Ending::Rollback => self.client.end_transaction(false, out),
            Ending::RollbackFailedBlock => {
                self.client.transaction.iris_rolled_back();
                self.client.definitions.end(false);
            }
        }
        self.finish_cycle(out)
    }
}

/// 25P02.
pub(in crate::session) fn in_failed_block() -> Box<PgError> {
    PgError::error(
        SqlState::IN_FAILED_TRANSACTION,
        "current transaction is aborted, commands ignored until end of transaction block",
    )
}
