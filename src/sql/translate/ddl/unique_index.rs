//! Unique indexes that IRIS has not: a hidden column holds what must be unique.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, ddl, step, unsupported};
use super::hidden::{KEY_TYPE, hidden_column};
use super::table::{RELATION, Table};
use crate::sql::plan::{Proof, Rehearsal};
use crate::sql::rule_notes::{index_note, key_rule_of};
use crate::sql::rule_text::{can_be_key, key_text, shown_text, whole};
use crate::sql::rules::KeyRule;
use crate::sql::schema::{ColumnFacts, TableFacts};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::types::{quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

/// The schema that PostgreSQL has a table in.
pub(super) fn pg_schema(table: &Table) -> String {
    let folded = table.lookup.schema.clone().unwrap_or_else(|| "public".to_owned());
    if folded.eq_ignore_ascii_case(&table.iris.0) && !table.pg.starts_with("public.") {
        folded
    } else {
        "public".to_owned()
    }
}

/// CREATE UNIQUE INDEX on expressions, on some rows, or with NULLs that are alike. `name`: for the text.
pub(super) fn unique_index(cx: &Cx<'_>, stmt: &SyntaxNode, table: &Table, name: &str, tag: &str) -> Result<Ddl> {
    let Some(facts) = cx.known(&table.lookup) else { return Err(table.undefined(cx, RELATION)) };
    let mut parts = Vec::new();
    for kind in [
        SyntaxKind::USING_METHOD,
        SyntaxKind::PARTITION_ITEM_LIST,
        SyntaxKind::INDEX_INCLUDE_CLAUSE,
        SyntaxKind::NULLS_NOT_DISTINCT,
        SyntaxKind::WHERE_CLAUSE,
    ] {
        parts.extend(nodes::child(stmt, kind).map(|node| mirror::requalified(&node, cx.options.default_schema)));
    }
    let folded = names::folded(name);
    let note = index_note(&quoted_name(&folded), &parts.join(" "));
    let Some(key) = key_rule_of(&note) else {
        return Err(unsupported(stmt, "this unique index is not understood"));
    };
    let mut hidden = facts.rules.hidden.clone();
    let (column, definition) = hidden_column(&mut hidden, &note, KEY_TYPE)?;
    let column = names::iris_name_of(&column);
    let steps = vec![
        step(cx, format!("ALTER TABLE {} ADD COLUMN {definition}", table.text)),
        step(cx, format!("CREATE UNIQUE INDEX {name} ON {} ({column})", table.text)),
    ];
    let mut rehearsal = key_rehearsal(table, &facts, &key, &folded);
    rehearsal.undo.push(format!("DROP INDEX {}.{}", quoted_name(&pg_schema(table)), quoted_name(&folded)));
    Ok(ddl(tag, steps).mirrored_as_written(cx, stmt, &[table]).rehearsed(rehearsal))
}

/// What a new unique key is to the rows that are there.
pub(super) fn key_rehearsal(table: &Table, facts: &TableFacts, key: &KeyRule, index: &str) -> Rehearsal {
    let name = quoted_name(table.name());
    let spelled = |column: &str| {
        if facts.spelled.is_some() { quoted_name(&column.to_lowercase()) } else { quoted_name(column) }
    };
    let column = |column: &ColumnFacts| {
        let type_text = whole(column);
        format!("NULL::{type_text} AS {}", spelled(&column.name))
    };
    let columns: Vec<String> = facts.columns.iter().map(column).collect();
    let can: Vec<String> = key.items.iter().map(|item| can_be_key(item)).collect();
    let types = Proof {
        query: format!(
            "SELECT NULL::pg_catalog.text FROM (SELECT {} OFFSET 0) AS {name} WHERE NOT ({})",
            columns.join(", "),
            can.join(" AND ")
        ),
        error: PgError::unsupported(format!(
            "the unique index \"{index}\" is not supported: its values are of a type that has no text for equal ones"
        ))
        .hint("Numbers, texts, dates, times and uuids can be keys of such an index."),
    };
    let shown: Vec<String> = key.items.iter().map(|item| shown_text(item)).collect();
    let mut duplicates =
        PgError::error(SqlState::UNIQUE_VIOLATION, format!("could not create unique index \"{index}\""));
    let fields = duplicates.fields_mut();
    fields.schema = Some(pg_schema(table));
    fields.table = Some(table.name().to_owned());
    fields.constraint = Some(index.to_owned());
    let listed: Vec<String> = match key.is_constraint {
        true => key.items.iter().map(|item| names::folded(item)).collect(),
        false => key.items.clone(),
    };
    let listed = quoted_text(&listed.join(", "));
    let duplicates = Proof {
        query: format!(
            "SELECT 'Key (' || {listed} || ')=(' || pg_catalog.min(pgw_shown) || ') is duplicated.' FROM (SELECT {} AS \
             pgw_key, {} AS pgw_shown FROM {}) AS pgw_rows WHERE pgw_key IS NOT NULL GROUP BY pgw_key \
             HAVING pg_catalog.count(*) > 1 LIMIT 1",
            key_text(key),
            shown.join(" || ', ' || "),
            table.pg
        ),
        error: duplicates,
    };
    // A column that the key reads.
    let is_read =
        |column: &&ColumnFacts| !column.identity && key.columns().any(|read| read.eq_ignore_ascii_case(&column.name));
    let set = facts.columns.iter().find(is_read).or(facts.columns.first());
    let is_generated = set.is_some_and(|column| facts.rules.generated(&column.name).is_some());
    let set = set.map(|column| spelled(&column.name)).unwrap_or_default();
    let value = if is_generated { "DEFAULT" } else { set.as_str() };
    Rehearsal {
        only: None,
        proofs: vec![types, duplicates],
        fills: vec![format!("UPDATE {} SET {set} = {value}", table.pg)],
        undo: Vec::new(),
        index: Some(index.to_owned()),
    }
}
