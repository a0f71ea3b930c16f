//! DROP TABLE, VIEW, INDEX, and TRUNCATE: IRIS takes one object a statement.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{Ddl, Table, cascades, ddl, defined, first_name, has_child, skipping, step, tolerant_step};
use crate::sql::schema::TableLookup;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::names;

/// "Table or view not found", "No such index defined".
const NO_TABLE_SQLCODE: i32 = 30;
const NO_INDEX_SQLCODE: i32 = 333;

pub(super) fn drop_table(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    drop_relations(cx, stmt, SyntaxKind::TABLE_NAME_REF, "TABLE")
}

pub(super) fn drop_view(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    drop_relations(cx, stmt, SyntaxKind::VIEW_REF, "VIEW")
}

fn drop_relations(cx: &Cx<'_>, stmt: &SyntaxNode, kind: SyntaxKind, what: &str) -> Result<Ddl> {
    let if_exists = has_child(stmt, SyntaxKind::IF_EXISTS);
    let behaviour = if cascades(stmt) { " CASCADE" } else { "" };
    let ignored: &[i32] = if if_exists { &[NO_TABLE_SQLCODE] } else { &[] };
    let (mut steps, mut dropped) = (Vec::new(), Vec::new());
    for name in cx::children(stmt, kind) {
        let table = Table::of(cx, &name)?;
        if if_exists && matches!(cx.facts(&table.lookup), TableLookup::Missing) {
            skipping(cx, &format!("{} \"{}\" does not exist", what.to_lowercase(), table.name()));
            continue;
        }
        steps.push(tolerant_step(cx, format!("DROP {what} {}{behaviour}", table.text), ignored));
        dropped.push(table);
    }
    let mut ddl = ddl(&format!("DROP {what}"), steps);
    for table in &dropped {
        // IRIS has decided whether anything depends on it.
        ddl = ddl.mirrored(format!("DROP {what} IF EXISTS {} CASCADE", table.pg), &[table]);
    }
    Ok(ddl)
}

/// IRIS finds the table by the index's name, and says so when several have such an index (-334).
pub(super) fn drop_index(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    // An index that IRIS cannot make is the mirror's alone.
    let ignored: &[i32] = &[NO_INDEX_SQLCODE];
    let mut steps = Vec::new();
    for index in cx::children(stmt, SyntaxKind::INDEX_REF) {
        let name = match names::parts(&index).pop() {
            Some(name) => name,
            None => first_name(&index)?,
        };
        steps.push(tolerant_step(cx, format!("DROP INDEX {}", defined(&name)?), ignored));
    }
    Ok(ddl("DROP INDEX", steps).mirrored_as_written(cx, stmt, &[]).decided_by_mirror())
}

/// IRIS sets the counters back in any case.
pub(super) fn truncate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let mut steps = Vec::new();
    for list in cx::children(stmt, SyntaxKind::TABLE_LIST) {
        for name in cx::children(&list, SyntaxKind::TABLE_RELATION_NAME) {
            steps.push(step(cx, format!("TRUNCATE TABLE {}", Table::of(cx, &name)?.text)));
        }
    }
    Ok(ddl("TRUNCATE TABLE", steps))
}
