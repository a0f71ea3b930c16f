//! Interrupting a statement that runs in IRIS: because of a cancel request, a timeout, or a client that is gone.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::link::Link;
use super::pool::Pool;
use super::pump::{canceled_by_timeout, canceled_by_user};
use super::wait::{Signals, within};
use crate::iris::{IrisError, Reply, Request, SubmitOutcome};
use crate::wire::{PgError, SqlState};

/// How long an interrupted statement may take to end before its connection is given up, the way of the interruption
/// included. IRIS ends what ran on a connection that is gone by itself.
const INTERRUPT_LIMIT: Duration = Duration::from_secs(1);
/// How long IRIS may take to end a transaction when nobody says anything else.
const END_LIMIT: Duration = Duration::from_secs(60);

/// Why a statement was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupted {
    ByUser,
    ByTimeout,
}

impl Interrupted {
    /// What IRIS would say.
    pub(super) const fn sqlcode(self) -> i32 {
        match self {
            Self::ByUser => IrisError::CANCELED,
            Self::ByTimeout => IrisError::TIMED_OUT,
        }
    }
}

/// What is known about a request in flight.
pub(super) struct Watch {
    pub(super) deadline: Option<Instant>,
    pub(super) interrupted: Option<Interrupted>,
    pub(super) client_gone: bool,
    /// Neither is interrupted: nobody could tell what became of it.
    is_commit: bool,
    may_be_interrupted: bool,
    /// The interruption on its way; tells whether it may still arrive later.
    under_way: Option<Pin<Box<dyn Future<Output = bool>>>>,
    may_arrive_late: bool,
}

impl Watch {
    pub(super) fn new(deadline: Option<Instant>, request: &Request, pending: SubmitOutcome) -> Self {
        let ends_transaction = matches!(request, Request::Commit | Request::Rollback);
        let limit = if ends_transaction { Instant::now().checked_add(END_LIMIT) } else { None };
        Self {
            deadline: deadline.into_iter().chain(limit).min(),
            interrupted: None,
            client_gone: false,
            is_commit: matches!(request, Request::Commit),
            may_be_interrupted: pending == SubmitOutcome::Pending && !ends_transaction,
            under_way: None,
            may_arrive_late: false,
        }
    }

    pub(super) fn wanted(&self) -> Signals {
        let mut wanted = Signals::STOP_NOW;
        if self.interrupted.is_none() {
            wanted = wanted.union(Signals::CANCEL);
        }
        if !self.client_gone {
            wanted = wanted.union(Signals::LOOK_AT_CLIENT);
        }
        wanted
    }

    /// Has EI sent over a control connection, and gives the statement a moment to end. A commit or rollback only gets
    /// the moment.
    pub(super) fn interrupt(&mut self, pool: &Rc<Pool>, link: &Link, why: Interrupted) {
        if self.interrupted.is_some() {
            return;
        }
        self.interrupted = Some(why);
        self.deadline = Instant::now().checked_add(INTERRUPT_LIMIT);
        if self.may_be_interrupted {
            let (job, statement_id) = link.in_flight();
            self.under_way = Some(Box::pin(send(Rc::clone(pool), link.address(), job, statement_id)));
        }
    }

    /// Ends when an interruption that was under way has arrived, or never will.
    pub(super) async fn arrival(&mut self) {
        match &mut self.under_way {
            Some(under_way) => self.may_arrive_late = under_way.await,
            None => pending().await,
        }
        self.under_way = None;
    }

    /// The statement has ended. Waits for the interruption under way: one that arrives when the connection serves
    /// somebody else would hit the wrong statement. Whether it still may.
    pub(super) async fn settle(&mut self) -> bool {
        if self.under_way.is_some() {
            self.arrival().await;
        }
        self.may_arrive_late
    }

    /// The moment is over; the connection has to go.
    pub(super) fn given_up(&self) -> Box<PgError> {
        let error = match self.interrupted {
            Some(Interrupted::ByUser) => canceled_by_user(),
            Some(Interrupted::ByTimeout) | None => canceled_by_timeout(),
        };
        self.broken(error)
    }

    /// What a connection that broke means to the client.
    pub(super) fn broken(&self, error: Box<PgError>) -> Box<PgError> {
        if !self.is_commit {
            return error;
        }
        PgError::error(SqlState::TRANSACTION_RESOLUTION_UNKNOWN, "IRIS did not confirm the COMMIT")
            .detail(error.message.clone())
            .hint("The transaction may have been committed or rolled back; look before you repeat it.")
    }
}

/// Whether the interruption may arrive later than this ends.
async fn send(pool: Rc<Pool>, address: SocketAddr, job: i64, statement_id: u32) -> bool {
    let mut may_arrive_late = false;
    let sent = async {
        let _slot = pool.slots().control().await;
        let mut control = Link::connect_beside(address, pool.target()).await?;
        may_arrive_late = true;
        let accepted = control.interrupt(job, statement_id).await?;
        may_arrive_late = false;
        control.disconnect().await;
        Ok::<_, super::link::LinkFailure>(accepted)
    };
    match within(INTERRUPT_LIMIT, sent).await {
        Some(Ok(true)) => {}
        Some(Ok(false)) => tracing::warn!(job, "IRIS refused to interrupt a statement"),
        Some(Err(error)) => tracing::warn!(job, %error, "a statement could not be interrupted"),
        None => tracing::warn!(job, "a statement could not be interrupted in time"),
    }
    may_arrive_late
}

/// The error of an interrupted statement says why it was interrupted. Which code IRIS gives is not known for every
/// version; any of the likely ones is taken for it.
pub(super) fn relabeled(reply: Reply<'_>, interrupted: Option<Interrupted>) -> Reply<'_> {
    match (reply, interrupted) {
        (Reply::Failed { mut error, counts }, Some(why)) if matches!(error.sqlcode, 400 | 450 | 453 | 456) => {
            error.sqlcode = why.sqlcode();
            Reply::Failed { error, counts }
        }
        (reply, _) => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(sqlcode: i32) -> Reply<'static> {
        Reply::Failed { error: IrisError { sqlcode, text: String::new() }, counts: Vec::new() }
    }

    fn sqlcode(reply: Reply<'_>) -> i32 {
        match reply {
            Reply::Failed { error, .. } => error.sqlcode,
            _ => 0,
        }
    }

    #[test]
    fn an_interrupted_statement_says_why() {
        assert_eq!(sqlcode(relabeled(failed(456), Some(Interrupted::ByTimeout))), 450);
        assert_eq!(sqlcode(relabeled(failed(400), Some(Interrupted::ByUser))), 456);
        // An error of its own stays.
        assert_eq!(sqlcode(relabeled(failed(119), Some(Interrupted::ByUser))), 119);
        assert_eq!(sqlcode(relabeled(failed(456), None)), 456);
        assert!(matches!(relabeled(Reply::Done, Some(Interrupted::ByUser)), Reply::Done));
    }
}
