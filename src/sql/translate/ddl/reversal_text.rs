//! What the mirror is asked about what a definition drops or changes.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::table::Table;
use crate::sql::plan::VIEW_DEFINITION;
use crate::sql::syntax::names;
use crate::sql::translate::context::cx::Cx;
use crate::types::{quoted_name, quoted_text};

pub(super) const NULLABLE: &str = "CASE WHEN attnotnull THEN 'SET NOT NULL' ELSE 'DROP NOT NULL' END";
pub(super) const DEFAULT: &str = "coalesce('SET DEFAULT ' || pg_catalog.pg_get_expr(adbin, adrelid), 'DROP DEFAULT')";
pub(super) const TYPE: &str = "'TYPE ' || pg_catalog.format_type(atttypid, atttypmod)";

/// The schema in quotes, as PostgreSQL calls it.
pub(super) fn pg_schema(cx: &Cx<'_>, table: &Table) -> String {
    let (schema, _) = &table.iris;
    if schema.eq_ignore_ascii_case(cx.options.default_schema) { "public".to_owned() } else { quoted_name(schema) }
}

/// Schema and name, each in quotes.
pub(super) fn pg_name(cx: &Cx<'_>, table: &Table) -> String {
    format!("{}.{}", pg_schema(cx, table), quoted_name(&table.iris.1))
}

pub(super) fn exists(relation: &str) -> String {
    format!("SELECT WHERE pg_catalog.to_regclass({}) IS NOT NULL", quoted_text(relation))
}

pub(super) fn has_column(of_table: &str, column: &str) -> String {
    format!(
        "SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {of_table} AND NOT attisdropped AND attname = {}",
        quoted_text(column)
    )
}

pub(super) fn columns_of(constraint: &SyntaxNode) -> Vec<String> {
    constraint
        .descendants()
        .filter(|node| {
            matches!(node.kind(), SyntaxKind::COLUMN | SyntaxKind::COLUMN_NAME_REF | SyntaxKind::COLUMN_NAME)
        })
        .filter_map(|node| names::first(&node))
        .map(|name| names::folded(&name))
        .collect()
}

pub(super) fn array(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted_text(text)).collect();
    format!("ARRAY[{}]::pg_catalog.text[]", texts.join(", "))
}

/// A query for the definitions of views, and of those that read them: what reads another comes first, since what is undone
/// goes from the end.
pub(super) fn views(names: &[String], with_readers: bool) -> String {
    let names = array(names);
    let readers = if with_readers {
        "UNION SELECT rule.ev_class FROM dropped \
         JOIN pg_catalog.pg_depend AS use ON use.refobjid = dropped.oid AND use.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass \
         JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = use.objid"
    } else {
        ""
    };
    format!(
        "WITH RECURSIVE dropped (oid) AS (SELECT pg_catalog.to_regclass(name)::pg_catalog.oid \
         FROM pg_catalog.unnest({names}) AS name {readers}) \
         SELECT {VIEW_DEFINITION} AS definition \
         FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS space ON space.oid = relnamespace \
         WHERE relkind = 'v' AND class.oid IN (SELECT oid FROM dropped) ORDER BY class.oid DESC"
    )
}

/// A query for what makes a materialized view again, the last first: its indexes, and what CASCADE takes along.
pub(super) fn materialized(name: &str, with_readers: bool) -> String {
    let quoted = quoted_text(name);
    let readers = if with_readers {
        format!("SELECT 0 AS place, definition FROM ({}) AS readers UNION ALL ", views(&[name.to_owned()], true))
    } else {
        String::new()
    };
    format!(
        "SELECT definition FROM ({readers}SELECT 1 AS place, pg_catalog.pg_get_indexdef(indexrelid) AS definition \
         FROM pg_catalog.pg_index WHERE indrelid = pg_catalog.to_regclass({quoted}) \
         UNION ALL SELECT 2, pg_catalog.format('CREATE MATERIALIZED VIEW %s (%s) AS %s', {quoted}, \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute \
         WHERE attrelid = class.oid AND attnum > 0), pg_catalog.rtrim(pg_catalog.pg_get_viewdef(class.oid), ';')) \
         FROM pg_catalog.pg_class AS class WHERE relkind = 'm' AND class.oid = pg_catalog.to_regclass({quoted})) \
         AS made ORDER BY place"
    )
}
