//! Simple query: one or more statements in a string, one implicit transaction around several of them
//! (protocol-flow chapter, "Simple Query", "Multiple Statements in a Simple Query").

use std::rc::Rc;

use crate::sql::{Action, CursorCommand, check_syntax, position_in, split};
use crate::wire::{PgError, SendBuf};

use super::executing::{Framing, Origin, Purpose};
use super::ready::{Activity, Ready, in_failed_block};
use crate::session::contract::step::Step;
use crate::session::run::Operation;
use crate::session::run::arguments::{Arguments, argument_values, constants};
use crate::session::run::bind::{Values, bind_values, literals_only};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::resolve::Resolve;
use crate::session::understand::rows::Formats;
use crate::session::understand::rules::{ends_failed_block, needs_transaction};

/// Where a query string stands. The string is copied once, and only when it holds several statements.
#[derive(Debug, Clone, Default)]
pub(in crate::session) struct Place {
    /// `None`: nothing is left.
    text: Option<Rc<str>>,
    /// What stands behind the present statement.
    bytes_left: usize,
    /// Characters in front of the present statement: positions of errors count from the start of the string.
    pub(in crate::session) offset: u32,
    /// Characters in front of what is left.
    rest_offset: u32,
}

/// Statements that run without a wait before others get their turn.
const STATEMENTS_PER_STEP_MAX: u32 = 32;

/// Bytes of statements whose syntax is checked before others get their turn.
const CHECKED_BYTES_PER_STEP: usize = 8 << 10;

impl Ready {
    pub(in crate::session) fn on_query(&mut self, sql: &str, out: &mut SendBuf) -> Step {
        // A simple query ends the unnamed statement and portal (protocol-flow chapter, "Extended Query").
        self.statements.clear_unnamed();
        self.portals.close_unnamed(&mut self.closes);
        self.client.begin_statement(sql);
        // One pass for the common string of one statement.
        if let Some(statement) = Resolve::scan_only(sql, &mut self.template, &self.client) {
            let place = Place { offset: characters(in_front(sql, statement)), ..Place::default() };
            let result = self.start_scanned(statement, &place, out);
            return self.settle(result, Framing::Query(place), out);
        }
        let mut statements = split(sql);
        match (statements.next(), statements.next()) {
            (None, _) => {
                out.put_empty_query_response();
                self.finish_cycle(out)
            }
            (Some(statement), None) => {
                let place = Place { offset: characters(in_front(sql, statement)), ..Place::default() };
                let result = self.start_statement(statement, &place, out);
                self.settle(result, Framing::Query(place), out)
            }
            (Some(_), Some(_)) => self.check_statements(&Rc::from(sql), 0, out),
        }
    }

    /// A syntax error anywhere in a string of several statements is found before the first of them runs. A statement
    /// that stands alone is checked when it is translated. `checked`: bytes in front of what is left to do.
    pub(in crate::session) fn check_statements(
        &mut self,
        text: &Rc<str>,
        mut checked: usize,
        out: &mut SendBuf,
    ) -> Step {
        let enough = checked.saturating_add(CHECKED_BYTES_PER_STEP);
        loop {
            let rest = text.get(checked..).unwrap_or_default();
            let Some(statement) = split(rest).next() else {
                let place = Place { text: Some(Rc::clone(text)), bytes_left: text.len(), ..Place::default() };
                return self.run_statements(place, out);
            };
            if checked >= enough {
                self.activity = Activity::Check { text: Rc::clone(text), checked };
                return Step::FlushThenResume;
            }
            if let Err(mut error) = check_syntax(statement) {
                error.position = error.position.map(|position| position_in(text, statement, position));
                self.report(&error, out);
                return self.finish_cycle(out);
            }
            checked = checked.saturating_add(in_front(rest, statement).len()).saturating_add(statement.len());
        }
    }

    /// Runs the statements that are left one after the other until one has to wait, or others have to have their turn.
    pub(in crate::session) fn run_statements(&mut self, mut place: Place, out: &mut SendBuf) -> Step {
        let Some(text) = place.text.clone() else { return self.finish_cycle(out) };
        let mut done: u32 = 0;
        loop {
            let rest = text.get(text.len().saturating_sub(place.bytes_left)..).unwrap_or_default();
            let Some(sql) = split(rest).next() else { return self.finish_cycle(out) };
            if done >= STATEMENTS_PER_STEP_MAX || out.is_full() {
                self.activity = Activity::Between(place);
                return Step::FlushThenResume;
            }
            done = done.saturating_add(1);
            let front = in_front(rest, sql);
            let behind = rest.get(front.len().saturating_add(sql.len())..).unwrap_or_default();
            place.bytes_left = behind.len();
            place.offset = place.rest_offset.saturating_add(characters(front));
            place.rest_offset = place.offset.saturating_add(characters(sql));
            if split(behind).next().is_some() {
                self.client.transaction.begin_implicit();
            }
            self.client.begin_statement(&text);
            match self.start_statement(sql, &place, out) {
                Ok(None) => self.client.end_statement(),
                result => return self.settle(result, Framing::Query(place), out),
            }
        }
    }

    /// `Ok(None)`: done without waiting.
    fn start_statement(&mut self, sql: &str, place: &Place, out: &mut SendBuf) -> Result<Option<Step>, Box<PgError>> {
        self.check_statement_bytes(sql)?;
        Resolve::scan(sql, &mut self.template, &self.client)?;
        self.start_scanned(sql, place, out)
    }

    /// `self.template` holds the scan of the statement.
    fn start_scanned(&mut self, sql: &str, place: &Place, out: &mut SendBuf) -> Result<Option<Step>, Box<PgError>> {
        self.check_statement_bytes(sql)?;
        if let Some(understood) = Resolve::of_template(&self.template, &self.context) {
            return self.start_understood(understood, sql, place, out);
        }
        let resolve = Resolve::new(sql, std::mem::take(&mut self.template));
        self.understand(resolve, Purpose::Run(place.clone()), out)
    }

    pub(in crate::session) fn start_understood(
        &mut self,
        understood: Rc<Understood>,
        sql: &str,
        place: &Place,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        let action = &understood.translation.action;
        if self.client.transaction.is_failed() && !ends_failed_block(action) {
            return Err(in_failed_block());
        }
        let tag = &understood.tag;
        match action {
            Action::Prepare { name, parameter_types, sql, offset } => {
                self.check_statement_name(name)?;
                let mut template = std::mem::take(&mut self.template);
                Resolve::scan(sql, &mut template, &self.client)?;
                let purpose = Purpose::Prepare {
                    name: name.clone(),
                    types: parameter_types.clone(),
                    tag: tag.clone(),
                    offset: *offset,
                    place: place.clone(),
                };
                return self.understand(Resolve::with_types(sql, template, parameter_types), purpose, out);
            }
            Action::Cursor(CursorCommand::Declare { sql, .. }) => {
                let mut template = std::mem::take(&mut self.template);
                Resolve::scan(sql, &mut template, &self.client)?;
                // The columns are wanted before the first row.
                let resolve = Resolve::with_types(sql, template, &[]);
                let purpose = Purpose::Declare(Rc::clone(&understood), place.clone());
                return self.understand(resolve, purpose, out);
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
                            let operation = Operation::Arguments(Box::new(unknown));
                            let origin = Origin::Query(place.clone());
                            return self.execute(operation, understood, origin, 0, out);
                        }
                        None => constants(arguments),
                    };
                let values = argument_values(&statement, &arguments, &mut self.cx(out))?;
                return self.start_operation(understood, values, place, out);
            }
            _ => {}
        }
        let template = std::mem::take(&mut self.template);
        let sources = literals_only(sql, &template, &self.context);
        let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
        let values = bind_values(&understood, &sources, &mut cx);
        self.template = template;
        self.start_operation(understood, values?, place, out)
    }

    fn start_operation(
        &mut self,
        understood: Rc<Understood>,
        values: Values,
        place: &Place,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        if needs_transaction(&understood) {
            self.client.transaction.begin_implicit();
        }
        let named = if let Action::Script(_) = understood.translation.action {
            None
        } else {
            self.named_operation(&understood, None)?
        };
        let operation = match named {
            Some(operation) => operation,
            None => Operation::new(Rc::clone(&understood), values, Formats::text(), true, &self.context, &self.client)?,
        };
        self.execute(operation, understood, Origin::Query(place.clone()), 0, out)
    }
}

/// What stands in front of a part of `text`.
fn in_front<'a>(text: &'a str, part: &str) -> &'a str {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    text.get(..start).unwrap_or_default()
}

fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
