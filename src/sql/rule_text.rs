//! What is asked of PostgreSQL about the keys of unique indexes, as expressions of its SQL over the columns of a table.

use super::rules::KeyRule;
use super::schema::ColumnFacts;
use crate::types::{Oid, PgType, quoted_name, quoted_text};

/// Characters of a key that stands in its column as it is; of a longer one there is a hash. IRIS bounds what an index holds.
const KEY_CHARACTERS_MAX: u32 = 100;

/// Types whose values are alike when their texts are. Others have a text of their own made, or cannot be keys.
const PLAIN_TYPES: &[&str] = &[
    "text",
    "character varying",
    "character",
    "name",
    "\"char\"",
    "smallint",
    "integer",
    "bigint",
    "oid",
    "boolean",
    "uuid",
    "time without time zone",
];

/// What has to be unique: a text that two rows have in common when their keys are equal, and only then. NULL for a row that the index is
/// not about.
pub(in crate::sql) fn key_text(rule: &KeyRule) -> String {
    let parts: Vec<String> = rule
        .items
        .iter()
        .map(|item| {
            let text = canonical(item);
            let part = format!("(pg_catalog.octet_length({text})::pg_catalog.text || ':' || {text})");
            if rule.nulls_are_alike { format!("coalesce({part}, '-')") } else { part }
        })
        .collect();
    let key = parts.join(" || ");
    let key = format!(
        "(SELECT CASE WHEN pg_catalog.length(pgw_key) <= {KEY_CHARACTERS_MAX} THEN pgw_key ELSE \
         pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pgw_key, 'UTF8')), 'hex') END \
         FROM (SELECT {key} OFFSET 0) AS pgw_keys(pgw_key))"
    );
    match &rule.condition {
        Some(condition) => format!("CASE WHEN ({condition}) THEN {key} END"),
        None => key,
    }
}

/// A text that two values have in common when they are equal, and only then.
fn canonical(item: &str) -> String {
    let text = format!("({item})::pg_catalog.text");
    let known = [
        ("numeric", format!("pg_catalog.trim_scale({text}::pg_catalog.numeric)::pg_catalog.text")),
        ("real", format!("({text}::pg_catalog.float4 + 0)::pg_catalog.text")),
        ("double precision", format!("({text}::pg_catalog.float8 + 0)::pg_catalog.text")),
        ("bytea", format!("pg_catalog.encode({text}::pg_catalog.bytea, 'hex')")),
        ("date", format!("EXTRACT(epoch FROM {text}::pg_catalog.date)::pg_catalog.text")),
        ("timestamp without time zone", format!("EXTRACT(epoch FROM {text}::pg_catalog.timestamp)::pg_catalog.text")),
        ("timestamp with time zone", format!("EXTRACT(epoch FROM {text}::pg_catalog.timestamptz)::pg_catalog.text")),
    ];
    let cases: Vec<String> = known.iter().map(|(name, text)| format!("WHEN '{name}' THEN {text}")).collect();
    format!("CASE pg_catalog.pg_typeof({item})::pg_catalog.text {} ELSE {text} END", cases.join(" "))
}

/// Whether the types of expressions are such that their values can be keys, as a condition.
pub(in crate::sql) fn can_be_key(item: &str) -> String {
    let known = ["numeric", "real", "double precision", "bytea", "date", "timestamp without time zone"];
    let names = PLAIN_TYPES.iter().chain(&known).chain(&["timestamp with time zone"]);
    let names: Vec<String> = names.map(|name| quoted_text(name)).collect();
    format!(
        "(pg_catalog.pg_typeof({item})::pg_catalog.text IN ({}) OR (SELECT typtype = 'e' FROM pg_catalog.pg_type \
         WHERE oid = pg_catalog.pg_typeof({item})))",
        names.join(", ")
    )
}

/// A value as an error shows it.
pub(in crate::sql) fn shown_text(item: &str) -> String {
    format!("CASE WHEN ({item}) IS NULL THEN 'null' ELSE pg_catalog.format('%s', ({item})) END")
}

/// A value made one of a column as PostgreSQL does when it stores it: what is too long is an error.
pub(in crate::sql) fn coerced(column: &ColumnFacts, text: &str) -> String {
    if let Some(named) = &column.named {
        // A cast to the domain alone would cut what is too long.
        let base = ColumnFacts { named: None, ..column.clone() };
        let text = if named.base.is_some() { coerced(&base, text) } else { format!("({text})") };
        return format!("{text}::{}", named.quoted());
    }
    let PgType { oid, typmod } = column.pg_type;
    let is_bounded = column.enum_type.is_none() && typmod >= 0;
    let function = match oid {
        Oid::VARCHAR => "\"varchar\"",
        Oid::BPCHAR => "bpchar",
        Oid::BIT => "\"bit\"",
        Oid::VARBIT => "varbit",
        _ => return format!("({text})::{}", whole(column)),
    };
    match is_bounded {
        true => format!("pg_catalog.{function}(({text})::{}, {typmod}, false)", whole(column)),
        false => format!("({text})::{}", whole(column)),
    }
}

/// The type of a column, whose values keep their length: where they are stored it is looked at.
pub(in crate::sql) fn whole(column: &ColumnFacts) -> String {
    let pg_type = column.pg_type;
    if let Some(named) = &column.named {
        return named.quoted();
    }
    if let Some(of) = &column.enum_type {
        let schema = of.schema.as_deref().unwrap_or("public");
        return format!("{}.{}", quoted_name(schema), quoted_name(&of.name));
    }
    match pg_type.oid {
        Oid::VARCHAR => "pg_catalog.varchar".to_owned(),
        Oid::BPCHAR => "pg_catalog.bpchar".to_owned(),
        Oid::BIT => "pg_catalog.\"bit\"".to_owned(),
        Oid::VARBIT => "pg_catalog.varbit".to_owned(),
        oid => PgType { oid, typmod: pg_type.wire_typmod() }.name(),
    }
}
