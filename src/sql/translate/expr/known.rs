//! The functions that PostgreSQL knows. IRIS has functions of the same names that mean something else, so a call that no
//! rule makes exact is refused, not sent.

use crate::wire::PgError;

/// Names of the functions in pg_catalog of PostgreSQL 18 (`SELECT DISTINCT proname FROM pg_proc`, without those that
/// only the server can call: with arguments of types internal and cstring, and handlers) and of pgvector. Sorted, one to
/// a line.
const NAMES: &str = include_str!("known.txt");

/// Whether a function of PostgreSQL's has this name.
pub(crate) fn is_of_postgresql(name: &str) -> bool {
    NAMES.lines().any(|known| known == name)
}

/// The refusal of a call that no rule covers.
pub(crate) fn without_rule(name: &str) -> Box<PgError> {
    PgError::unsupported(format!(
        "the function {name}() is not supported here: IRIS has none that does exactly the same"
    ))
    .hint("Compute it in the application. A query that reads no table may call it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_without_doubles() {
        let names: Vec<&str> = NAMES.lines().collect();
        assert!(names.len() > 1000, "{}", names.len());
        for pair in names.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for name in ["left", "initcap", "make_time", "overlaps", "l1_distance", "convert", "substr"] {
            assert!(is_of_postgresql(name), "{name}");
        }
        for name in ["instr", "nvl", "datediff", "int4in", "to_vector", ""] {
            assert!(!is_of_postgresql(name), "{name}");
        }
    }
}
