//! Views: IRIS keeps the query in its own SQL. Where PostgreSQL takes it, it is the view's query; where it does not,
//! the view is one of the right columns and types.

use crate::sql::view_for_mirror;

use super::text::{Guarded, identifiers};
use crate::types::quoted_name;

/// The statement that makes the view, and the names its text mentions.
pub(super) fn create(
    qualified: &str,
    columns: &[(String, String)],
    definition: Option<&str>,
    default_schema: &str,
) -> (Guarded, Vec<String>) {
    let typed: Vec<String> =
        columns.iter().map(|(name, type_name)| format!("NULL::{type_name} AS {}", quoted_name(name))).collect();
    let otherwise = format!("CREATE VIEW {qualified} AS SELECT {}", typed.join(", "));
    let Some(view) = definition.and_then(|text| view_for_mirror(text, default_schema)) else {
        return (Guarded::certain(otherwise), Vec::new());
    };
    let names = identifiers(columns.iter().map(|(name, _)| name.as_str()));
    let list = if columns.is_empty() { String::new() } else { format!(" ({names})") };
    let create = format!("CREATE VIEW {qualified}{list} AS {}", view.sql);
    (Guarded { sql: create, otherwise: Some(otherwise) }, view.mentions)
}
