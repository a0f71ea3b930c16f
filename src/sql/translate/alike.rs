//! Names that differ in the case of their letters alone: PostgreSQL tells them apart, IRIS does not (manual,
//! "Identifiers"). What only a statement names gets a name of the gateway's, or is refused.

use super::names;
use crate::wire::PgError;

/// Whether two folded names are one to IRIS.
pub fn is_alike(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// Whether PostgreSQL tells two folded names apart and IRIS does not.
pub fn is_confused(a: &str, b: &str) -> bool {
    a != b && is_alike(a, b)
}

/// 0A000 for two such names in one place.
pub fn refusal(what: &str, a: &str, b: &str) -> Box<PgError> {
    PgError::unsupported(format!(
        "the {what} {} and {} are one to IRIS, which compares names without case",
        names::quoted(a),
        names::quoted(b)
    ))
    .hint("Give one of them another name.")
}
