//! The values of a statement, whatever becomes of them: items for IRIS, parameters for the oracle, arguments of calls.

use std::sync::Arc;

use crate::sql::{Action, Template};
use crate::wire::PgError;

use super::calls::{CallValues, bind_arguments};
use super::catalog::{CatalogStatement, catalog_statement};
use super::upsert_keys::check_keys;
use super::values::{Parameter, SettingValue, Sources, put_values};
use crate::session::understand::context::{Cx, ShardContext, Understood};

/// A statement's values, ready to be sent.
#[derive(Debug)]
pub(crate) enum Values {
    Iris(StepValues),
    Oracle(Box<CatalogStatement>),
    /// Of functions that the gateway carries out.
    Calls(Box<CallValues>),
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
/// # Errors
/// 22xxx, 42P02.
pub(crate) fn bind_values(
    understood: &Understood,
    sources: &Sources<'_>,
    cx: &mut Cx<'_>,
) -> Result<Values, Box<PgError>> {
    let steps = match &understood.translation.action {
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
        Action::Finish(_) => return Ok(Values::Oracle(Box::new(catalog_statement(sources)))),
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
