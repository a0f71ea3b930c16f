//! The PostgreSQL type of a column, kept in IRIS as the column's `%DESCRIPTION` where its IRIS type cannot tell.
//!
//! Form: `pg:` then `typname`, then modifiers in parentheses, then `[]` for an array: `pg:timestamptz`, `pg:text`,
//! `pg:bpchar(22)`, `pg:numeric(10,2)`, `pg:vector(3)`, `pg:int4[]`. Nothing follows it. A description a person wrote
//! does not begin with `pg:` and is left alone.

use std::fmt::Write as _;

use super::typename;
use crate::types::PgType;

const PREFIX: &str = "pg:";

/// The type a description names; `None` for every other text.
pub fn parse_description(description: &str) -> Option<PgType> {
    let rest = description.trim().strip_prefix(PREFIX)?;
    let (rest, is_array) = match rest.strip_suffix("[]") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (name, mods) = match rest.split_once('(') {
        None => (rest, Vec::new()),
        Some((name, mods)) => {
            let mods = mods.strip_suffix(')')?.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
            (name, mods)
        }
    };
    let oid = typename::oid_of(name, true)?;
    let typmod = typename::typmod(oid, &mods)?;
    let oid = if is_array { typename::array_of(oid)? } else { oid };
    Some(PgType { oid, typmod })
}

/// The description of a type; `None` for types without a name here.
pub fn column_description(pg_type: PgType) -> Option<String> {
    let (oid, suffix) = match typename::element_of(pg_type.oid) {
        Some(element) => (element, "[]"),
        None => (pg_type.oid, ""),
    };
    let mut text = String::from(PREFIX);
    text.push_str(typename::typname(oid)?);
    let mods = typename::mods_of(PgType { oid, typmod: pg_type.typmod });
    if let Some((first, others)) = mods.split_first() {
        let _ = write!(text, "({first}");
        for n in others {
            let _ = write!(text, ",{n}");
        }
        text.push(')');
    }
    text.push_str(suffix);
    Some(text)
}
