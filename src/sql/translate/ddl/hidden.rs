//! Columns of IRIS that no client sees: they tell of rules, and some hold the keys of unique indexes.

use crate::sql::description::NOTE_BYTES_MAX;
use crate::sql::iris_text;
use crate::sql::rule_notes::rule_column;
use crate::sql::syntax::names;
use crate::sql::translate::context::Result;
use crate::wire::{PgError, SqlState};

/// What keys of unique indexes are kept as.
pub(super) const KEY_TYPE: &str = "VARCHAR(255) %EXACT";

/// The name of a hidden column, and its definition.
pub(super) fn hidden_column(taken: &mut Vec<String>, note: &str, iris_type: &str) -> Result<(String, String)> {
    let (name, description) = rule_column(taken, note);
    if description.len() > NOTE_BYTES_MAX {
        let message = format!("the definition is longer than {NOTE_BYTES_MAX} bytes: IRIS cannot keep it");
        return Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
    }
    taken.push(name.clone());
    let definition =
        format!("{} {iris_type} %DESCRIPTION {}", names::iris_name_of(&name), iris_text::quoted(&description));
    Ok((name, definition))
}
