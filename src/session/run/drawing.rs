//! Values of sequences that a statement needs: they are taken, outside of its transaction, before it is sent to IRIS.

use std::rc::Rc;

use crate::sql::{Draw, SequenceFunction, Template};
use crate::wire::PgError;

use super::bind::{Values, bind_values};
use super::catalog::{CatalogStatement, catalog_statement};
use super::sequence_call::SequenceCall;
use super::values::Sources;
use crate::session::contract::step::{Event, Progress};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::parameter::Parameter;
use crate::session::understand::rows::Formats;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// A statement whose values cannot be bound yet: the client's text and parameters.
#[derive(Debug)]
pub(crate) struct Undrawn {
    template: Template,
    statement: CatalogStatement,
}

impl Undrawn {
    pub(super) fn new(sources: &Sources<'_>) -> Self {
        Self { template: sources.template.clone(), statement: catalog_statement(sources) }
    }

    /// Memory held, about.
    pub(in crate::session) fn bytes(&self) -> usize {
        self.statement.bytes().saturating_add(self.template.bytes())
    }
}

/// Its values being drawn.
#[derive(Debug)]
pub(crate) struct Drawing {
    understood: Rc<Understood>,
    undrawn: Undrawn,
    formats: Formats,
    describe: bool,
    pub(super) rows_max: u64,
    /// It stands inside of another statement; whether its rows become parameters.
    pub(super) carries: Option<bool>,
    /// In the order of the draws; `None` for those that are still to come.
    values: Vec<Option<i64>>,
    /// What is being drawn, for these.
    call: Option<(SequenceCall, Vec<usize>)>,
}

impl Drawing {
    pub(super) fn new(understood: Rc<Understood>, undrawn: Undrawn, formats: Formats, describe: bool) -> Self {
        let values = vec![None; understood.translation.draws.len()];
        Self { understood, undrawn, formats, describe, rows_max: 0, carries: None, values, call: None }
    }

    /// The tag without counts.
    pub(super) fn command(&self) -> &str {
        &self.understood.translation.tag
    }

    /// # Errors
    /// Those of the sequence functions, then those of binding the values.
    pub(super) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Progress<Values>> {
        self.rows_max = rows_max;
        self.next(cx)
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Progress<Values>> {
        let Some((mut call, places)) = self.call.take() else { return Err(cx.shard.unwaited()) };
        match call.resume(event, cx)? {
            Progress::Wait(want) => {
                self.call = Some((call, places));
                Ok(Progress::Wait(want))
            }
            Progress::Ready(drawn) => {
                self.take(&places, &drawn);
                self.next(cx)
            }
        }
    }

    /// Once the values are bound.
    pub(super) fn take_wanted(&mut self) -> (Rc<Understood>, Formats, bool) {
        (Rc::clone(&self.understood), self.formats.clone(), self.describe)
    }

    fn take(&mut self, places: &[usize], drawn: &[i64]) {
        for (place, value) in places.iter().zip(drawn) {
            if let Some(slot) = self.values.get_mut(*place) {
                *slot = Some(*value);
            }
        }
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Progress<Values>> {
        while let Some(first) = self.values.iter().position(Option::is_none) {
            let understood = Rc::clone(&self.understood);
            let draws = &understood.translation.draws;
            let Some(draw) = draws.get(first) else { return Err(cx.shard.unwaited()) };
            let places = self.together(draws, first);
            let mut call = match draw.function {
                SequenceFunction::Next => SequenceCall::draw(&draw.name, places.len()),
                function => SequenceCall::new(function, &draw.name, 0, true),
            };
            match call.start(cx)? {
                Progress::Wait(want) => {
                    self.call = Some((call, places));
                    return Ok(Progress::Wait(want));
                }
                Progress::Ready(drawn) => self.take(&places, &drawn),
            }
        }
        self.bind(cx).map(Progress::Ready)
    }

    /// Those that are drawn together with the first: the rows of one INSERT take theirs at once, unless it also asks what
    /// was drawn last.
    fn together(&self, draws: &[Draw], first: usize) -> Vec<usize> {
        let Some(draw) = draws.get(first) else { return Vec::new() };
        if draw.function != SequenceFunction::Next || draws.iter().any(|draw| draw.function != SequenceFunction::Next) {
            return vec![first];
        }
        draws.iter().enumerate().filter(|(_, other)| *other == draw).map(|(place, _)| place).collect()
    }

    fn bind(&mut self, cx: &mut Cx<'_>) -> Result<Values> {
        let statement = &self.undrawn.statement;
        let parameters: Vec<Parameter<'_>> = statement
            .parameter_types
            .iter()
            .zip(&statement.values)
            .map(|(&oid, (format, bytes))| Parameter { oid, format: *format, bytes: bytes.as_deref() })
            .collect();
        let template = &self.undrawn.template;
        let sources = Sources { sql: &statement.sql, template, parameters: &parameters, context: cx.shard };
        cx.client.drawn = self.values.iter().copied().flatten().collect();
        let values = bind_values(&self.understood, &sources, &self.formats, cx);
        cx.client.drawn.clear();
        values
    }
}
