//! Simple query: one or more statements in a string, one implicit transaction around several of them
//! (protocol-flow chapter, "Simple Query", "Multiple Statements in a Simple Query").

use std::rc::Rc;

use crate::sql::{Action, CursorCommand, check_syntax, position_in, split};
use crate::types::Oid;
use crate::wire::{PgError, SendBuf};

use super::arguments::{Arguments, argument_values, constants};
use super::client::Client;
use super::context::{Cx, Understood};
use super::cursor_commands::nested;
use super::operation::{Operation, Outcome, Values, bind_values, ends_failed_block, literals_only};
use super::ready::{Activity, Ready, in_failed_block};
use super::resolve::{Resolve, plans};
use super::rows::Formats;
use super::statement::Statement;
use super::step::{Event, Progress, Step};

/// A query string under way.
#[derive(Debug)]
pub(super) struct SimpleQuery {
    stage: Stage,
    /// What stands behind the present statement.
    rest: Rest,
    /// Characters in front of the present statement: positions of errors count from the start of the string.
    offset: u32,
    /// Characters in front of `rest`.
    rest_offset: u32,
}

/// The last bytes of a query string. The string is copied once, however many of its statements wait.
#[derive(Debug, Default)]
struct Rest {
    /// `None`: nothing is left.
    text: Option<Rc<str>>,
    bytes_left: usize,
}

impl Rest {
    fn as_str(&self) -> &str {
        let Some(text) = &self.text else { return "" };
        text.get(text.len().saturating_sub(self.bytes_left)..).unwrap_or_default()
    }
}

#[allow(clippy::large_enum_variant, reason = "one per client, and the hot path must not allocate")]
#[derive(Debug)]
enum Stage {
    /// The syntax of all statements is being checked, up to this byte so far. `rest` is the whole string.
    Check {
        checked: usize,
    },
    /// Between two statements, so that others get their turn and the output goes out.
    Between,
    Resolve {
        resolve: Resolve,
        purpose: Purpose,
    },
    Run {
        operation: Operation,
        notices: Rc<Understood>,
    },
}

/// What a statement is resolved for.
#[derive(Debug)]
enum Purpose {
    Run,
    /// SQL-level PREPARE.
    Prepare {
        name: String,
        types: Vec<Oid>,
        tag: String,
        offset: u32,
    },
    /// The query of a cursor; the DECLARE itself.
    Declare(Rc<Understood>),
}

impl Purpose {
    /// Characters of the statement in front of what is resolved.
    fn offset(&self) -> u32 {
        match self {
            Self::Declare(declare) => nested(&declare.translation.action, &[]).map_or(0, |query| query.offset),
            Self::Prepare { offset, .. } => *offset,
            Self::Run => 0,
        }
    }
}

/// Where a query string stands between two statements.
#[derive(Clone, Copy)]
struct Position<'a> {
    rest: &'a str,
    /// The string that ends with `rest`, when it has been copied before.
    kept: Option<&'a Rc<str>>,
    offset: u32,
    rest_offset: u32,
}

impl Position<'_> {
    fn keep(&self) -> Rest {
        if self.rest.is_empty() {
            return Rest::default();
        }
        let text = self.kept.map_or_else(|| Rc::from(self.rest), Rc::clone);
        Rest { text: Some(text), bytes_left: self.rest.len() }
    }
}

/// Statements that run without a wait before others get their turn.
const STATEMENTS_PER_STEP_MAX: u32 = 32;

/// Bytes of statements whose syntax is checked before others get their turn.
const CHECKED_BYTES_PER_STEP: usize = 8 << 10;

impl Ready {
    pub(super) fn on_query(&mut self, sql: &str, out: &mut SendBuf) -> Step {
        // A simple query ends the unnamed statement and portal (protocol-flow chapter, "Extended Query").
        self.statements.remove("");
        if let Some(portal) = self.portals.remove("") {
            self.closes.extend(portal.open_result());
        }
        // One pass for the common string of one statement.
        let mut statements = split(sql);
        match (statements.next(), statements.next()) {
            (None, _) => {
                out.put_empty_query_response();
                return self.finish_cycle(out);
            }
            (Some(_), None) => {}
            (Some(_), Some(_)) => return self.check_statements(sql, None, 0, out),
        }
        self.run_statements(sql, None, 0, out)
    }

    /// A syntax error anywhere in a string of several statements is found before the first of them runs. A statement
    /// that stands alone is checked when it is translated. `checked`: bytes in front of what is left to do.
    fn check_statements(&mut self, text: &str, kept: Option<&Rc<str>>, mut checked: usize, out: &mut SendBuf) -> Step {
        let enough = checked.saturating_add(CHECKED_BYTES_PER_STEP);
        loop {
            let rest = text.get(checked..).unwrap_or_default();
            let Some(statement) = split(rest).next() else { return self.run_statements(text, kept, 0, out) };
            if checked >= enough {
                let rest = Position { rest: text, kept, offset: 0, rest_offset: 0 }.keep();
                let stage = Stage::Check { checked };
                self.activity = Activity::Simple(SimpleQuery { stage, rest, offset: 0, rest_offset: 0 });
                return Step::FlushThenResume;
            }
            if let Err(mut error) = check_syntax(statement) {
                error.position = error.position.map(|position| position_in(text, statement, position));
                self.report(&error, out);
                return self.finish_cycle(out);
            }
            let start = (statement.as_ptr() as usize).saturating_sub(rest.as_ptr() as usize);
            checked = checked.saturating_add(start).saturating_add(statement.len());
        }
    }

    /// Runs the statements of `rest` one after the other until one has to wait, or others have to have their turn.
    /// `offset`: characters in front of it.
    fn run_statements(&mut self, mut rest: &str, kept: Option<&Rc<str>>, mut offset: u32, out: &mut SendBuf) -> Step {
        let mut done: u32 = 0;
        loop {
            let Some(sql) = split(rest).next() else { return self.finish_cycle(out) };
            if done >= STATEMENTS_PER_STEP_MAX || out.is_full() {
                self.wait(Stage::Between, &Position { rest, kept, offset, rest_offset: offset });
                return Step::FlushThenResume;
            }
            done = done.saturating_add(1);
            let start = (sql.as_ptr() as usize).saturating_sub(rest.as_ptr() as usize);
            let behind = rest.get(start.saturating_add(sql.len())..).unwrap_or_default();
            offset = offset.saturating_add(characters(rest.get(..start).unwrap_or_default()));
            let rest_offset = offset.saturating_add(characters(sql));
            if split(behind).next().is_some() {
                self.client.transaction.begin_implicit();
            }
            let here = Position { rest: behind, kept, offset, rest_offset };
            match self.start_statement(sql, &here, out) {
                Ok(None) => {}
                Ok(Some(step)) => return step,
                Err(error) => {
                    self.report(&moved(error, offset), out);
                    return self.finish_cycle(out);
                }
            }
            offset = rest_offset;
            rest = behind;
        }
    }

    /// `Ok(None)`: done without waiting.
    fn start_statement(
        &mut self,
        sql: &str,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        if let Some(understood) = Resolve::known(sql, &mut self.template, &self.context, &self.client)? {
            return self.start_understood(understood, sql, here, out);
        }
        let resolve = Resolve::new(sql, std::mem::take(&mut self.template));
        self.start_resolve(resolve, Purpose::Run, here, out)
    }

    fn start_resolve(
        &mut self,
        mut resolve: Resolve,
        purpose: Purpose,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        match resolve.start(&mut self.cx(out))? {
            Progress::Ready(understood) => self.resolved(understood, resolve, purpose, here, out),
            Progress::Wait(_) if self.client.transaction.is_failed() => Err(in_failed_block()),
            Progress::Wait(want) => {
                self.wait(Stage::Resolve { resolve, purpose }, here);
                Ok(Some(want.into()))
            }
        }
    }

    fn resolved(
        &mut self,
        understood: Rc<Understood>,
        resolve: Resolve,
        purpose: Purpose,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        match purpose {
            Purpose::Run => {
                let (sql, template, _) = resolve.into_parts();
                self.template = template;
                self.start_understood(understood, &sql, here, out)
            }
            Purpose::Prepare { name, types, tag, .. } => {
                let mut statement = Statement::new(understood, resolve, &types, self.context.epoch());
                statement.from_sql = true;
                self.add_statement(name, statement)?;
                out.put_command_complete(&tag);
                Ok(None)
            }
            Purpose::Declare(declare) => {
                let Action::Cursor(command) = &declare.translation.action else { return Ok(None) };
                let statement = Rc::new(Statement::new(understood, resolve, &[], self.context.epoch()));
                let sources = literals_only(&statement.sql, &statement.template, &self.context);
                let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
                let values = bind_values(&statement.understood, &sources, &mut cx)?;
                let operation = self.declare(command, statement, values, true)?;
                self.run_operation(operation, Rc::clone(&declare), here, out)
            }
        }
    }

    fn wait(&mut self, stage: Stage, here: &Position<'_>) {
        self.activity = Activity::Simple(SimpleQuery {
            stage,
            rest: here.keep(),
            offset: here.offset,
            rest_offset: here.rest_offset,
        });
    }

    fn start_understood(
        &mut self,
        understood: Rc<Understood>,
        sql: &str,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let action = &understood.translation.action;
        if self.client.transaction.is_failed() && !ends_failed_block(action) {
            return Err(in_failed_block());
        }
        let tag = &understood.translation.tag;
        match action {
            Action::Prepare { name, parameter_types, sql, offset } => {
                let (name, types, sql, tag) = (name.clone(), parameter_types.clone(), sql.clone(), tag.clone());
                let offset = *offset;
                self.check_statement_name(&name)?;
                let mut template = std::mem::take(&mut self.template);
                Resolve::scan(&sql, &mut template, &self.client)?;
                let resolve = Resolve::with_types(&sql, template, &types);
                let purpose = Purpose::Prepare { name, types, tag, offset };
                return self.start_resolve(resolve, purpose, here, out).map_err(|error| moved(error, offset));
            }
            Action::Cursor(CursorCommand::Declare { sql, offset, .. }) => {
                let mut template = std::mem::take(&mut self.template);
                Resolve::scan(sql, &mut template, &self.client)?;
                // The columns are wanted before the first row.
                let (resolve, offset) = (Resolve::with_types(sql, template, &[]), *offset);
                let purpose = Purpose::Declare(Rc::clone(&understood));
                return self.start_resolve(resolve, purpose, here, out).map_err(|error| moved(error, offset));
            }
            Action::Deallocate(name) => {
                self.deallocate(name.as_deref())?;
                out.put_command_complete(tag);
                return Ok(None);
            }
            Action::Execute { name, arguments } => {
                let statement = self.statement(name)?;
                let understood = Rc::clone(&statement.understood);
                let arguments =
                    match Arguments::new(&statement, arguments, &Formats::text(), true, &self.context, &self.client)? {
                        Some(unknown) => {
                            if needs_transaction(&understood) {
                                self.client.transaction.begin_implicit();
                            }
                            return self.run_operation(Operation::Arguments(Box::new(unknown)), understood, here, out);
                        }
                        None => constants(arguments),
                    };
                let values = argument_values(&statement, &arguments, &mut self.cx(out))?;
                return self.start_operation(understood, values, here, out);
            }
            _ => {}
        }
        let template = std::mem::take(&mut self.template);
        let sources = literals_only(sql, &template, &self.context);
        let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
        let values = bind_values(&understood, &sources, &mut cx);
        self.template = template;
        self.start_operation(understood, values?, here, out)
    }

    fn start_operation(
        &mut self,
        understood: Rc<Understood>,
        values: Values,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        if needs_transaction(&understood) {
            self.client.transaction.begin_implicit();
        }
        let operation = match self.named_operation(&understood, None)? {
            Some(operation) => operation,
            None => Operation::new(Rc::clone(&understood), values, Formats::text(), true, &self.context, &self.client)?,
        };
        self.run_operation(operation, understood, here, out)
    }

    fn run_operation(
        &mut self,
        mut operation: Operation,
        understood: Rc<Understood>,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        self.tell_of_session(&operation);
        let outcome = operation.start(0, &mut self.cx(out))?;
        self.on_outcome(operation, understood, outcome, here, out)
    }

    fn on_outcome(
        &mut self,
        operation: Operation,
        understood: Rc<Understood>,
        outcome: Outcome,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let step = match outcome {
            Outcome::Wait(want) => want.into(),
            Outcome::Complete(tag) => {
                self.after_statement(&understood.translation.action, &tag);
                put_notices(&understood, &self.client, out);
                out.put_command_complete(&tag);
                return Ok(None);
            }
            Outcome::Empty => {
                out.put_empty_query_response();
                return Ok(None);
            }
            Outcome::Suspended => return Ok(None),
        };
        self.wait(Stage::Run { operation, notices: understood }, here);
        Ok(Some(step))
    }

    pub(super) fn on_simple_event(&mut self, query: SimpleQuery, event: Event<'_>, out: &mut SendBuf) -> Step {
        let SimpleQuery { stage, rest, offset, rest_offset } = query;
        let here = Position { rest: rest.as_str(), kept: rest.text.as_ref(), offset, rest_offset };
        let result = match (stage, event) {
            (Stage::Check { checked }, Event::Flushed) => {
                return self.check_statements(here.rest, here.kept, checked, out);
            }
            (Stage::Between, Event::Flushed) => Ok(None),
            (Stage::Check { .. } | Stage::Between, _) => Err(self.context.unwaited()),
            (Stage::Resolve { mut resolve, purpose }, event) => match resolve.resume(event, &mut self.cx(out)) {
                Ok(Progress::Wait(want)) => {
                    self.wait(Stage::Resolve { resolve, purpose }, &here);
                    return want.into();
                }
                Ok(Progress::Ready(understood)) => self.resolved(understood, resolve, purpose, &here, out),
                Err(error) => Err(moved(error, purpose.offset())),
            },
            (Stage::Run { mut operation, notices }, event) => match operation.resume(event, &mut self.cx(out)) {
                Ok(outcome) => self.on_outcome(operation, notices, outcome, &here, out),
                Err(error) => {
                    self.abandon(&operation);
                    Err(error)
                }
            },
        };
        self.continue_query(result, &here, out)
    }

    fn continue_query(
        &mut self,
        result: Result<Option<Step>, Box<PgError>>,
        here: &Position<'_>,
        out: &mut SendBuf,
    ) -> Step {
        match result {
            Ok(Some(step)) => step,
            Ok(None) => self.run_statements(here.rest, here.kept, here.rest_offset, out),
            Err(error) => {
                self.report(&moved(error, here.offset), out);
                self.finish_cycle(out)
            }
        }
    }
}

/// Several IRIS statements for one of PostgreSQL's, and COPY, are all or nothing. DDL stands alone: IRIS does not
/// roll it back.
pub(super) fn needs_transaction(understood: &Understood) -> bool {
    let translation = &understood.translation;
    match &translation.action {
        Action::CopyFromStdin(_) => true,
        Action::Do(block) => block.has_several_statements(),
        Action::Script(_) => {
            let is_ddl = ["CREATE", "DROP", "ALTER", "TRUNCATE"].iter().any(|verb| translation.tag.starts_with(verb));
            !is_ddl && plans(&translation.action).count() > 1
        }
        _ => false,
    }
}

pub(super) fn put_notices(understood: &Understood, client: &Client, out: &mut SendBuf) {
    for notice in &understood.translation.notices {
        client.notice(notice, out);
    }
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// The error with its position counted from the start of the query string.
pub(super) fn moved(mut error: Box<PgError>, offset: u32) -> Box<PgError> {
    error.position = error.position.map(|position| position.saturating_add(offset));
    error
}
