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
pub enum Values {
    /// One `$LIST` per IRIS statement of the script.
    Iris(Vec<Vec<u8>>),
    Oracle(CatalogStatement),
    /// Of functions that the gateway carries out.
    Calls(CallValues),
}

/// The values of every step, made once per Bind (or per simple query).
///
/// # Errors
/// 22xxx, 42P02.
pub fn bind_values(understood: &Understood, sources: &Sources<'_>, cx: &mut Cx<'_>) -> Result<Values, Box<PgError>> {
    let steps = match &understood.translation.action {
        Action::Script(steps) => steps,
        Action::Calls(calls) => return bind_arguments(calls, sources).map(Values::Calls),
        Action::Catalog(_) => {
            let sleeps = bind_arguments(&understood.translation.sleeps, sources)?;
            let mut statement = CatalogStatement { sleeps, ..catalog_statement(sources) };
            for call in &understood.translation.set_configs {
                statement.settings.push(SettingValue::of(call, sources)?);
            }
            return Ok(Values::Oracle(statement));
        }
        _ => return Ok(Values::Iris(Vec::new())),
    };
    let mut all = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let mut values = Vec::new();
        let metadata = understood.extra.metadata(index);
        put_values(&step.plan, metadata.as_deref(), sources, cx.client, cx.out, &mut values)?;
        all.push(values);
    }
    let style = Arc::clone(cx.client.settings.style());
    check_keys(&understood.translation.upsert_keys, sources, cx.client, &style)?;
    Ok(Values::Iris(all))
}

/// Sources for a statement without parameters.
pub fn literals_only<'a>(sql: &'a str, template: &'a Template, context: &'a ShardContext) -> Sources<'a> {
    const NONE: &[Parameter<'static>] = &[];
    Sources { sql, template, parameters: NONE, context }
}
