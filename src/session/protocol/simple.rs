//! Simple query: one or more statements in a string, one implicit transaction around several of them
//! (protocol-flow chapter, "Simple Query", "Multiple Statements in a Simple Query").

use std::rc::Rc;

use crate::sql::{Action, CursorCommand, check_syntax, statement_start};
use crate::wire::{PgError, SendBuf};

use super::executing::{Behind, Executing, Framing, Origin, Purpose};
use super::extended::is_wrapped;
use super::ready::{Activity, Ready, in_failed_block};
use crate::session::contract::step::Step;
use crate::session::run::Operation;
use crate::session::run::arguments::{Arguments, argument_values, constants};
use crate::session::run::bind::{Values, bind_values, literals_only};
use crate::session::run::script::Run;
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::resolve::Resolve;
use crate::session::understand::rows::Formats;
use crate::session::understand::rules::{ends_failed_block, moved, needs_transaction};

/// Where a query string stands. The string is copied once, and only when it holds several statements.
#[derive(Debug, Clone, Default)]
pub(in crate::session) struct Place {
    /// `None`: nothing is left.
    text: Option<Rc<str>>,
    /// Where the present statement begins; bytes, as those that follow.
    start: usize,
    /// Where it ends.
    end: usize,
    /// Where the last statement of the string begins.
    last: usize,
    /// Without a text: characters in front of the statement.
    offset: u32,
}

impl Place {
    /// Characters in front of the present statement: positions of errors count from the start of the string.
    pub(in crate::session) fn offset(&self) -> u32 {
        self.text.as_deref().map_or(self.offset, |text| characters_in_front(text, self.start))
    }
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
        let Some(start) = statement_start(sql, 0) else {
            out.put_empty_query_response();
            return self.finish_cycle(out);
        };
        let text = sql.get(start..).unwrap_or_default();
        let place = Place { offset: characters_in_front(sql, start), ..Place::default() };
        let result = match Resolve::scan_first(text, &mut self.template, &self.client) {
            Ok(statement) if statement_start(text, statement.len()).is_none() => {
                self.start_scanned(statement, &place, out)
            }
            Ok(statement) => match self.check_scanned(statement) {
                Ok(()) => {
                    let end = start.saturating_add(statement.len());
                    let place = Place { text: Some(Rc::from(sql)), start, end, last: start, offset: 0 };
                    return self.check_statements(place, out);
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        self.settle(result, Framing::Query(place), out)
    }

    /// The statements behind `place` are checked: a syntax error anywhere in a string of several statements is found before
    /// the first of them runs. A statement that stands alone is checked when it is translated.
    pub(in crate::session) fn check_statements(&mut self, mut place: Place, out: &mut SendBuf) -> Step {
        let Some(text) = place.text.clone() else { return self.finish_cycle(out) };
        let enough = place.end.saturating_add(CHECKED_BYTES_PER_STEP);
        while let Some(start) = statement_start(&text, place.end) {
            if place.end >= enough {
                self.activity = Activity::Check(place);
                return Step::FlushThenResume;
            }
            (place.start, place.last) = (start, start);
            let rest = text.get(start..).unwrap_or_default();
            let scanned = Resolve::scan_first(rest, &mut self.template, &self.client);
            match scanned.and_then(|statement| self.check_scanned(statement).map(|()| statement)) {
                Ok(statement) => place.end = start.saturating_add(statement.len()),
                Err(error) => {
                    self.report(&moved(error, place.offset()), out);
                    return self.finish_cycle(out);
                }
            }
        }
        (place.start, place.end) = (0, 0);
        self.run_statements(place, out)
    }

    /// `self.template` holds the scan of the statement. What has been translated before needs no parser.
    ///
    /// # Errors
    /// 42601.
    fn check_scanned(&self, statement: &str) -> Result<(), Box<PgError>> {
        if Resolve::is_known(&self.template, &self.context) { Ok(()) } else { check_syntax(statement) }
    }

    /// Runs the statements that are left one after the other until one has to wait, or others have to have their turn.
    pub(in crate::session) fn run_statements(&mut self, mut place: Place, out: &mut SendBuf) -> Step {
        let Some(text) = place.text.clone() else { return self.finish_cycle(out) };
        let mut done: u32 = 0;
        loop {
            let Some(start) = statement_start(&text, place.end) else { return self.finish_cycle(out) };
            if done >= STATEMENTS_PER_STEP_MAX || out.is_full() {
                self.activity = Activity::Between(place);
                return Step::FlushThenResume;
            }
            done = done.saturating_add(1);
            place.start = start;
            if start < place.last {
                self.client.transaction.begin_implicit();
            }
            self.client.begin_statement(&text);
            // Read once more: what was read when it was checked depends on settings that may have changed since, and would
            // take more memory than the text.
            let rest = text.get(start..).unwrap_or_default();
            let result = match Resolve::scan_first(rest, &mut self.template, &self.client) {
                Ok(sql) => {
                    place.end = start.saturating_add(sql.len());
                    self.start_scanned(sql, &place, out)
                }
                Err(error) => Err(error),
            };
            match result {
                Ok(None) => self.client.end_statement(),
                result => return self.settle(result, Framing::Query(place), out),
            }
        }
    }

    /// `self.template` holds the scan of the statement. `Ok(None)`: done without waiting.
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
                if let Some((named, resolve)) = self.renewed_by_execute(&understood)? {
                    let behind = Behind::Execute(Rc::clone(&understood), sql.to_owned(), place.clone());
                    return self.understand(resolve, Purpose::Renew(named, Box::new(behind)), out);
                }
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
                let values = argument_values(&statement, &arguments, &Formats::text(), &mut self.cx(out))?;
                return self.start_operation(understood, values, place, out);
            }
            _ => {}
        }
        let template = std::mem::take(&mut self.template);
        let sources = literals_only(sql, &template, &self.context);
        let mut cx = Cx { shard: &self.context, client: &mut self.client, out };
        let values = bind_values(&understood, &sources, &Formats::text(), &mut cx);
        self.template = template;
        self.start_operation(understood, values?, place, out)
    }

    fn start_operation(
        &mut self,
        understood: Rc<Understood>,
        mut values: Values,
        place: &Place,
        out: &mut SendBuf,
    ) -> Result<Option<Step>, Box<PgError>> {
        if needs_transaction(&understood) {
            self.client.transaction.begin_implicit();
        }
        if let (Values::Iris(values), Action::Script(_)) = (&mut values, &understood.translation.action)
            && (understood.is_plain || !is_wrapped(&understood, &self.context, &self.client))
        {
            // Made where it stays.
            let run = Run::new(Rc::clone(&understood), std::mem::take(values), Formats::text(), true);
            let (operation, origin) = (Some(Operation::Run(run)), Origin::Query(place.clone()));
            self.executing = Some(Executing { operation, understood, origin });
            return self.start(0, out);
        }
        let operation = match self.named_operation(&understood, None)? {
            Some(operation) => operation,
            None => Operation::new(Rc::clone(&understood), values, Formats::text(), true, &self.context, &self.client)?,
        };
        self.execute(operation, understood, Origin::Query(place.clone()), 0, out)
    }
}

fn characters_in_front(text: &str, at: usize) -> u32 {
    let front = text.get(..at).unwrap_or_default();
    u32::try_from(front.chars().count()).unwrap_or(u32::MAX)
}
