//! Names that differ in the case of their letters alone: PostgreSQL tells them apart, IRIS does not (manual,
//! "Identifiers"). What only a statement names gets a name of the gateway's, or is refused.

use super::scope::{Column, Relation};
use crate::sql::translate::context::Result;
use crate::types::quoted_name;
use crate::wire::PgError;

/// Whether two folded names are one to IRIS.
pub(crate) fn is_alike(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// Whether PostgreSQL tells two folded names apart and IRIS does not.
pub(crate) fn is_confused(a: &str, b: &str) -> bool {
    a != b && is_alike(a, b)
}

/// 0A000 for two such names in one place.
pub(crate) fn refusal(what: &str, a: &str, b: &str) -> Box<PgError> {
    PgError::unsupported(format!(
        "the {what} {} and {} are one to IRIS, which compares names without case",
        quoted_name(a),
        quoted_name(b)
    ))
    .hint("Give one of them another name.")
}

/// # Errors
/// 0A000 where IRIS would take one of the relations of a query for another, or for one of a query around it.
pub(crate) fn check_relations<'a>(
    around: impl Iterator<Item = &'a Relation> + Clone,
    scope: &'a [Relation],
) -> Result<()> {
    for (n, relation) in scope.iter().enumerate() {
        let mut others = around.clone().chain(scope.iter().take(n));
        if let Some(other) = others.find(|other| is_confused(&other.name, &relation.name)) {
            return Err(refusal("table names", &other.name, &relation.name));
        }
    }
    Ok(())
}

/// The column of that name: a subquery may have others that differ from it in case alone.
pub(crate) fn named<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    let is_alike = |column: &&Column| column.name.eq_ignore_ascii_case(name);
    columns.iter().find(|column| column.name == name).or_else(|| columns.iter().find(is_alike))
}
