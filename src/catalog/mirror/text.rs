//! Pieces of PostgreSQL text. Whatever comes from IRIS stands in quotes it cannot leave.

use crate::types::{Oid, PgType, quoted_name, quoted_text};

pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted_name(schema), quoted_name(name))
}

pub(super) fn identifiers<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted_name).collect::<Vec<_>>().join(", ")
}

/// A type as a column definition names it.
pub(super) fn type_name(pg_type: PgType) -> String {
    match (pg_type.oid, pg_type.typmod) {
        // Bare `character` would be `character(1)`.
        (Oid::BPCHAR, -1) => "bpchar".to_owned(),
        (Oid::BPCHAR_ARRAY, -1) => "bpchar[]".to_owned(),
        _ => PgType { oid: pg_type.oid, typmod: pg_type.wire_typmod() }.name(),
    }
}

/// A definition and what stands for it when PostgreSQL refuses its words, which were written for IRIS, or by somebody
/// else: whether PostgreSQL takes them only PostgreSQL can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Guarded {
    pub sql: String,
    pub otherwise: Option<String>,
}

impl Guarded {
    pub(super) fn certain(sql: String) -> Self {
        Self { sql, otherwise: None }
    }
}

/// Runs the statement if the relation does not exist.
pub(super) fn unless_relation(schema: &str, name: &str, body: &str) -> String {
    do_block(&format!("IF to_regclass({}) IS NULL THEN {body} END IF;", quoted_text(&qualified(schema, name))))
}

/// The body is one string constant, so nothing in it can end the block.
pub(super) fn do_block(body: &str) -> String {
    format!("DO {}", quoted_text(&format!("BEGIN {body} END")))
}
