//! The values of a statement, whatever becomes of them: items for IRIS, parameters for the oracle, arguments of calls.
//! A query with a value that IRIS cannot take is left to PostgreSQL.

use std::sync::Arc;

use crate::sql::{Action, StepRole, Template};
use crate::wire::{PgError, SqlState};

use super::calls::{CallValues, bind_arguments};
use super::catalog::{CatalogStatement, catalog_statement};
use super::drawing::Undrawn;
use super::upsert_keys::check_keys;
use super::values::{Parameter, SettingValue, Sources, put_values};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::rows::Formats;
use crate::session::understand::shape::row_shape;

/// A statement's values, ready to be sent.
#[derive(Debug)]
pub(crate) enum Values {
    Iris(StepValues),
    Oracle(Box<CatalogStatement>),
    /// Of functions that the gateway carries out.
    Calls(Box<CallValues>),
    /// Of a statement that takes values of sequences first.
    Undrawn(Box<Undrawn>),
    /// Of a query that IRIS computes for other values.
    Refused(Box<RefusedQuery>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Iris(StepValues::default())
    }
}

/// One `$LIST` per IRIS statement of a script. The first stands apart: most scripts have one.
#[derive(Debug, Default)]
pub(crate) struct StepValues {
    first: Vec<u8>,
    others: Vec<Vec<u8>>,
}

impl StepValues {
    fn put(&mut self, step: usize, values: Vec<u8>) {
        if step == 0 {
            self.first = values;
        } else {
            self.others.push(values);
        }
    }

    /// Those of a step; once.
    pub(crate) fn take(&mut self, step: usize) -> Vec<u8> {
        match step.checked_sub(1) {
            None => std::mem::take(&mut self.first),
            Some(other) => self.others.get_mut(other).map(std::mem::take).unwrap_or_default(),
        }
    }

    /// Memory held.
    pub(crate) fn bytes(&self) -> usize {
        self.others.iter().map(Vec::capacity).fold(self.first.capacity(), usize::saturating_add)
    }
}

/// The values of every step, made once per Bind (or per simple query).
///
/// What is kept until it runs of a query with a value that IRIS cannot take, or a column that nobody here writes in the
/// wanted format.
#[derive(Debug)]
pub(crate) struct RefusedQuery {
    /// Why IRIS cannot: what the client hears where PostgreSQL cannot either.
    error: Box<PgError>,
    template: Template,
    /// The client's text and parameters.
    statement: CatalogStatement,
}

impl RefusedQuery {
    fn new(error: Box<PgError>, sources: &Sources<'_>) -> Self {
        Self { error, template: sources.template.clone(), statement: catalog_statement(sources) }
    }

    pub(super) fn into_parts(self) -> (Box<PgError>, Template, CatalogStatement) {
        (self.error, self.template, self.statement)
    }

    pub(super) fn into_error(self) -> Box<PgError> {
        self.error
    }

    /// Memory held, about.
    pub(in crate::session) fn bytes(&self) -> usize {
        self.statement.bytes().saturating_add(self.template.bytes())
    }
}

/// Whether it is for PostgreSQL to say what comes of a query with such a value: the fault is IRIS's or ours.
fn may_be_finished(understood: &Understood, error: &PgError, shard: &ShardContext) -> bool {
    let translation = &understood.translation;
    shard.options.finishes
        && (error.is_beyond_iris || error.code == SqlState::FEATURE_NOT_SUPPORTED)
        && matches!(translation.action, Action::Script(_))
        && translation.tag == "SELECT"
        && !translation.is_iris_dialect
}

/// `formats`: those of the columns of its rows.
///
/// # Errors
/// 22xxx, 42P02.
pub(crate) fn bind_values(
    understood: &Understood,
    sources: &Sources<'_>,
    formats: &Formats,
    cx: &mut Cx<'_>,
) -> Result<Values, Box<PgError>> {
    let refusal = match values_of(understood, sources, cx) {
        Err(error) => error,
        Ok(values) => match check_formats(understood, formats, cx) {
            Ok(()) => return Ok(values),
            Err(error) => error,
        },
    };
    if may_be_finished(understood, &refusal, cx.shard) {
        return Ok(Values::Refused(Box::new(RefusedQuery::new(refusal, sources))));
    }
    Err(refusal)
}

/// Whether the rows of a query can be told in these formats, where that is not sure.
fn check_formats(understood: &Understood, formats: &Formats, cx: &Cx<'_>) -> Result<(), Box<PgError>> {
    // Rows have been told in these before.
    if understood.extra.has_shape(formats) || formats.means(&Formats::text()) {
        return Ok(());
    }
    let Action::Script(steps) = &understood.translation.action else { return Ok(()) };
    let Some((index, step)) = steps.iter().enumerate().find(|(_, step)| step.role == StepRole::Rows) else {
        return Ok(());
    };
    let Some(metadata) = understood.extra.metadata(index) else { return Ok(()) };
    row_shape(understood, step, &metadata, formats, cx.shard, cx.client.settings.style()).map(|_| ())
}

fn values_of(understood: &Understood, sources: &Sources<'_>, cx: &mut Cx<'_>) -> Result<Values, Box<PgError>> {
    let steps = match &understood.translation.action {
        // Not before it runs: what is bound may never be.
        Action::Script(_) if cx.client.drawn.len() < understood.translation.draws.len() => {
            return Ok(Values::Undrawn(Box::new(Undrawn::new(sources))));
        }
        Action::Script(steps) => steps,
        Action::Calls(calls) => return Ok(Values::Calls(Box::new(bind_arguments(calls, sources)?))),
        Action::Catalog(_) => {
            let sleeps = bind_arguments(&understood.translation.sleeps, sources)?;
            let mut statement = CatalogStatement { sleeps, ..catalog_statement(sources) };
            for call in &understood.translation.set_configs {
                statement.settings.push(SettingValue::of(call, sources)?);
            }
            return Ok(Values::Oracle(Box::new(statement)));
        }
        Action::Finish(_) | Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_) => {
            return Ok(Values::Oracle(Box::new(catalog_statement(sources))));
        }
        _ => return Ok(Values::Iris(StepValues::default())),
    };
    let mut all = StepValues::default();
    for (index, step) in steps.iter().enumerate() {
        let mut values = cx.shard.buffer();
        let metadata = understood.extra.metadata(index);
        put_values(&step.plan, metadata.as_deref(), sources, cx.client, cx.out, &mut values)?;
        all.put(index, values);
    }
    let keys = &understood.translation.upsert_keys;
    if !keys.is_empty() {
        let style = Arc::clone(cx.client.settings.style());
        check_keys(keys, sources, cx.client, &style)?;
    }
    Ok(Values::Iris(all))
}

/// Sources for a statement without parameters.
pub(crate) fn literals_only<'a>(sql: &'a str, template: &'a Template, context: &'a ShardContext) -> Sources<'a> {
    const NONE: &[Parameter<'static>] = &[];
    Sources { sql, template, parameters: NONE, context }
}
