//! A statement from its begin to its end, whatever the protocol: simple and extended query differ in how they frame it.
//! What it waits for comes back here.

use std::rc::Rc;

use crate::sql::Action;
use crate::types::Oid;
use crate::wire::{Frame, FrontendMessage, PgError, SendBuf};

use super::cursors::cursor_formats;
use super::portal::PortalState;
use super::portal_table::Portals;
use super::ready::{Activity, Ready, in_failed_block};
use super::simple::Place;
use crate::session::contract::step::{Event, Progress, Step};
use crate::session::run::Operation;
use crate::session::run::bind::{bind_values, literals_only};
use crate::session::run::outcome::Outcome;
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::resolve::Resolve;
use crate::session::understand::rules::{moved, nested, put_notices};
use crate::session::understand::statement::Statement;

/// A statement being carried out. It stays where it is, in [`Ready::executing`], from its start to its end.
#[derive(Debug)]
pub(in crate::session) struct Executing {
    /// `None`: it runs in its portal.
    pub operation: Option<Operation>,
    /// What the client wrote: its notices, and what its end means to cursors.
    pub understood: Rc<Understood>,
    pub origin: Origin,
}

/// Where a statement that is carried out comes from.
#[derive(Debug)]
pub(in crate::session) enum Origin {
    /// A statement of a query string.
    Query(Place),
    /// Execute of the portal of this name.
    Portal(String),
}

/// A statement being understood.
#[derive(Debug)]
pub(in crate::session) struct Understanding {
    resolve: Resolve,
    purpose: Purpose,
}

/// What a statement is understood for.
#[derive(Debug)]
pub(in crate::session) enum Purpose {
    /// It stands in a query string.
    Run(Place),
    /// SQL-level PREPARE in a query string.
    Prepare {
        name: String,
        types: Vec<Oid>,
        tag: Rc<str>,
        /// Characters in front of it.
        offset: u32,
        place: Place,
    },
    /// The query of a cursor; the DECLARE itself, in a query string.
    Declare(Rc<Understood>, Place),
    Parse {
        name: String,
        types: Vec<Oid>,
        /// The DECLARE or PREPARE around what is being understood.
        outer: Option<Box<Statement>>,
    },
    /// The statement must be understood anew because the schema has changed. The body of the message.
    Bind(Rc<Statement>, Vec<u8>),
    /// The same of a statement that EXECUTE names.
    Renew(Rc<Statement>, Box<Behind>),
}

/// What comes behind the understanding of a statement that EXECUTE names.
#[derive(Debug)]
pub(in crate::session) enum Behind {
    /// The EXECUTE, its text, and where it stands.
    Execute(Rc<Understood>, String, Place),
    /// The body of its Bind message.
    Bind(Vec<u8>),
}

/// How what comes of a statement is told, and what follows it.
#[derive(Debug)]
pub(in crate::session) enum Framing {
    /// The next statement of the query string, or ReadyForQuery.
    Query(Place),
    /// Execute: the next message.
    Execute,
    /// Another message of the extended protocol: the statement is not over with it.
    Message,
}

impl Purpose {
    fn framing(&self) -> Framing {
        match self {
            Self::Run(place) | Self::Prepare { place, .. } | Self::Declare(_, place) => Framing::Query(place.clone()),
            Self::Renew(_, behind) => match &**behind {
                Behind::Execute(_, _, place) => Framing::Query(place.clone()),
                Behind::Bind(_) => Framing::Message,
            },
            Self::Parse { .. } | Self::Bind(..) => Framing::Message,
        }
    }

    /// Characters of the statement in front of what is understood.
    fn offset(&self) -> u32 {
        let offset = |action: &Action| nested(action, &[]).map_or(0, |query| query.offset);
        match self {
            Self::Declare(declare, _) => offset(&declare.translation.action),
            Self::Parse { outer: Some(outer), .. } => offset(&outer.understood.translation.action),
            Self::Prepare { offset, .. } => *offset,
            Self::Run(_) | Self::Parse { outer: None, .. } | Self::Bind(..) | Self::Renew(..) => 0,
        }
    }
}

impl Origin {
    fn framing(&self) -> Framing {
        match self {
            Self::Query(place) => Framing::Query(place.clone()),
            Self::Portal(_) => Framing::Execute,
        }
    }
}

impl Understanding {
    pub(in crate::session) fn framing(&self) -> Framing {
        self.purpose.framing()
    }
}

impl Executing {
    pub(in crate::session) fn framing(&self) -> Framing {
        self.origin.framing()
    }
}

impl Ready {
    /// What is left to do after a part of a statement. `Ok(None)`: that part is done.
    pub(in crate::session) fn settle(
        &mut self,
        result: Result<Option<Step>, Box<PgError>>,
        framing: Framing,
        out: &mut SendBuf,
    ) -> Step {
        match (result, framing) {
            (Ok(Some(step)), _) => step,
            (Ok(None), Framing::Query(place)) => {
                self.client.end_statement();
                self.run_statements(place, out)
            }
            (Ok(None), Framing::Execute) => {
                self.client.end_statement();
                Step::NeedFrame
            }
            (Ok(None), Framing::Message) => Step::NeedFrame,
            (Err(error), Framing::Query(place)) => {
                self.report(&moved(error, place.offset()), out);
                self.finish_cycle(out)
            }
            (Err(error), Framing::Execute | Framing::Message) => self.fail_extended(&error, out),
        }
    }

    /// Starts to understand a statement, and goes on with it when nothing has to be asked for that.
    pub(in crate::session) fn understand(
        &mut self,
        mut resolve: Resolve,
        purpose: Purpose,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let progress = resolve.start(&mut self.cx(out));
        self.on_progress(progress, Understanding { resolve, purpose }, out)
    }

    pub(in crate::session) fn resume_understanding(
        &mut self,
        mut understanding: Understanding,
        event: Event<'_>,
        out: &mut SendBuf,
    ) -> Step {
        let framing = understanding.framing();
        let progress = understanding.resolve.resume(event, &mut self.cx(out));
        let result = self.on_progress(progress, understanding, out);
        self.settle(result, framing, out)
    }

    fn on_progress(
        &mut self,
        progress: Result<crate::session::understand::resolve::Understanding, Box<PgError>>,
        understanding: Understanding,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let offset = understanding.purpose.offset();
        let result = match progress {
            Ok(Progress::Wait(_)) if self.client.transaction.is_failed() => Err(in_failed_block()),
            Ok(Progress::Wait(want)) => {
                self.activity = Activity::Understand(Box::new(understanding));
                Ok(Some(want.into()))
            }
            Ok(Progress::Ready(understood)) => self.on_understood(understood, understanding, out),
            Err(error) => Err(error),
        };
        result.map_err(|error| moved(error, offset))
    }

    fn on_understood(
        &mut self,
        understood: Rc<Understood>,
        understanding: Understanding,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let Understanding { resolve, purpose } = understanding;
        match purpose {
            Purpose::Run(place) => {
                let (sql, template, _) = resolve.into_parts();
                self.template = template;
                self.start_understood(understood, &sql, &place, out)
            }
            Purpose::Prepare { name, types, tag, .. } => {
                let mut statement = Statement::new(understood, resolve.into_parts(), &types, self.context.epoch());
                statement.from_sql = true;
                self.add_statement(name, statement)?;
                out.put_command_complete(&tag);
                Ok(None)
            }
            Purpose::Declare(declare, place) => {
                let Action::Cursor(command) = &declare.translation.action else { return Ok(None) };
                let statement = Rc::new(Statement::new(understood, resolve.into_parts(), &[], self.context.epoch()));
                let sources = literals_only(&statement.sql, &statement.template, &self.context);
                let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
                let values = bind_values(&statement.understood, &sources, &cursor_formats(command), &mut cx)?;
                let operation = self.declare(command, statement, values, true)?;
                let understood = Rc::clone(&declare);
                self.execute(operation, understood, Origin::Query(place), 0, out)
            }
            Purpose::Parse { name, types, outer } => self.finish_parse(&name, &types, understood, resolve, outer, out),
            Purpose::Renew(statement, behind) => {
                self.renew(&statement, understood, resolve)?;
                match *behind {
                    Behind::Execute(understood, sql, place) => self.start_understood(understood, &sql, &place, out),
                    Behind::Bind(body) => match FrontendMessage::parse(Frame { tag: b'B', body: &body }) {
                        Ok(FrontendMessage::Bind(bind)) => self.start_bind(&bind, &body, out),
                        Ok(_) => Ok(None),
                        Err(error) => Err(error.to_pg()),
                    },
                }
            }
            Purpose::Bind(statement, body) => {
                let statement = self.renew(&statement, understood, resolve)?;
                match FrontendMessage::parse(Frame { tag: b'B', body: &body }) {
                    Ok(FrontendMessage::Bind(bind)) => self.finish_bind(&bind, &statement, out),
                    Ok(_) => Ok(None),
                    Err(error) => Err(error.to_pg()),
                }
            }
        }
    }

    /// Starts a statement, or goes on with a portal that was suspended, with at most `rows_max` rows (0 = all).
    pub(in crate::session) fn execute(
        &mut self,
        operation: Operation,
        understood: Rc<Understood>,
        origin: Origin,
        rows_max: u64,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        self.tell_of_session(&operation);
        let operation = match (operation, &origin) {
            // What IRIS runs stays where it will be when it is suspended, or done.
            (operation @ Operation::Run(_), Origin::Portal(name)) => match self.portals.get_mut(name) {
                Some(portal) => {
                    portal.state = PortalState::Running(operation);
                    None
                }
                None => Some(operation),
            },
            (operation, _) => Some(operation),
        };
        self.executing = Some(Executing { operation, understood, origin });
        self.start(rows_max, out)
    }

    /// Starts what is being executed.
    pub(in crate::session) fn start(&mut self, rows_max: u64, out: &mut SendBuf) -> Result<Option<Step>, Box<PgError>> {
        let Self { executing, portals, context, client, .. } = self;
        let Some(operation) = running(executing, portals) else { return Err(context.unwaited()) };
        operation.put_deletes_in_front(client);
        let outcome = operation.start(rows_max, &mut Cx { shard: context, client, out });
        self.on_outcome(outcome, out)
    }

    pub(in crate::session) fn resume(&mut self, event: Event<'_>, out: &mut SendBuf) -> Step {
        let framing = self.executing.as_ref().map_or(Framing::Message, Executing::framing);
        let Self { executing, portals, context, client, .. } = self;
        let Some(operation) = running(executing, portals) else { return self.unwaited(out) };
        let outcome = operation.resume(event, &mut Cx { shard: context, client, out });
        let result = self.on_outcome(outcome, out);
        self.settle(result, framing, out)
    }

    /// What the statement under way has come to.
    fn on_outcome(
        &mut self,
        outcome: Result<Outcome, Box<PgError>>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        match outcome {
            Ok(Outcome::Wait(want)) => {
                self.activity = Activity::Execute;
                return Ok(Some(want.into()));
            }
            Ok(Outcome::Complete(tag)) => {
                if let Some(understood) = self.executing.as_ref().map(|executing| Rc::clone(&executing.understood)) {
                    self.after_statement(&understood.translation.action, &tag);
                    put_notices(&understood, &self.context, &mut self.client, out);
                }
                tag.put(out);
            }
            Ok(Outcome::Empty) => out.put_empty_query_response(),
            Ok(Outcome::Suspended) => {
                if let Some(Executing { origin: Origin::Portal(_), .. }) = self.executing {
                    out.put_portal_suspended();
                    self.put_back();
                    // The statement is not over.
                    return Ok(Some(Step::NeedFrame));
                }
            }
            Err(error) => {
                self.give_up();
                return Err(error);
            }
        }
        self.put_back();
        Ok(None)
    }

    /// The statement under way has failed. Its portal cannot be run again.
    pub(in crate::session) fn give_up(&mut self) {
        let Some(Executing { operation, origin, .. }) = self.executing.take() else { return };
        let operation = match (operation, origin) {
            (None, Origin::Portal(name)) => {
                let state =
                    self.portals.get_mut(&name).map(|portal| std::mem::replace(&mut portal.state, PortalState::Spent));
                if let Some(PortalState::Running(operation)) = state { Some(operation) } else { None }
            }
            (operation, _) => operation,
        };
        self.closes.extend(operation.and_then(|mut operation| operation.take_result()));
    }
}

/// The operation of what is being executed, where it is.
fn running<'a>(executing: &'a mut Option<Executing>, portals: &'a mut Portals) -> Option<&'a mut Operation> {
    let Executing { operation, origin, .. } = executing.as_mut()?;
    match (operation, origin) {
        (Some(operation), _) => Some(operation),
        (None, Origin::Portal(name)) => match &mut portals.get_mut(name)?.state {
            PortalState::Running(operation) => Some(operation),
            _ => None,
        },
        (None, Origin::Query(_)) => None,
    }
}
