//! From the syntax tree to SQLite SQL: names resolved, types inferred, IRIS semantics spelled out.
//!
//! Every construct is matched exhaustively and written anew; no text of a client reaches SQLite.

mod aggregate;
mod arguments;
mod coerce;
mod compare;
mod condition;
mod dml;
mod expr;
mod from;
mod function;
mod function_date;
mod function_json;
mod function_text;
mod names;
mod nearest;
mod order;
mod output;
mod query;
mod scope;
mod shape;
mod slot;
mod term;
mod translator;
mod type_name;
mod variable;

use std::sync::Arc;

use super::SqlError;
use super::catalog::TableDef;
use super::parse::ast::{Query, Statement};
pub(super) use slot::{Slot, SlotSource};
pub(super) use translator::{Environment, Plan, Verb};
use translator::{Rules, Translator};

/// How what stands within is translated.
const RULES: Rules = Rules {
    value: |translator, expr| translator.value_of(expr),
    condition: |translator, expr| translator.condition_of(expr),
    query: |translator, query| translator.query_of(query),
};

/// Translates a query, INSERT, UPDATE or DELETE.
///
/// # Errors
/// What IRIS's Prepare would refuse.
pub(super) fn translate(statement: &Statement, environment: &Environment<'_>) -> Result<Plan, SqlError> {
    let mut translator = Translator::new(environment, RULES);
    match statement {
        Statement::Query(query) => translator.query_plan(query),
        Statement::Insert(insert) => translator.insert(insert),
        Statement::Update(update) => translator.update(update),
        Statement::Delete(delete) => translator.delete(delete),
        Statement::Explain(_) | Statement::Transaction(_) | Statement::Accepted => {
            Err(SqlError::prepare(1, "statement cannot be translated"))
        }
    }
}

/// Translates `query` with its columns converted to those of `target`, as CREATE TABLE AS fills them.
///
/// # Errors
/// What Prepare would refuse.
pub(super) fn translate_fill(
    query: &Query,
    target: &Arc<TableDef>,
    environment: &Environment<'_>,
) -> Result<Plan, SqlError> {
    Translator::new(environment, RULES).fill(query, target)
}
