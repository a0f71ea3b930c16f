//! Names that a fetch would take for a column of its table, and that mean something else in the query.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::columns::Mentions;
use super::nearby::is_called;
use super::relations::{Base, is_catalog};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::with::is_with_table;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::expr::labels::label;

/// What PostgreSQL calls the columns of a select list that are none of the table's columns under their own names.
pub(super) fn made_labels(cx: &Cx<'_>, base: &Base, select_clause: &SyntaxNode) -> Vec<String> {
    let mut made = Vec::new();
    for target in nodes::grandchildren(select_clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET) {
        let Some(value) = target.first_child() else { continue };
        if nodes::has_token(&value, SyntaxKind::STAR) {
            continue;
        }
        let name = target.children().find(|child| child.kind() == SyntaxKind::AS_NAME);
        let name = name.and_then(|name| names::parts(&name).last().map(|name| names::folded(name)));
        let name = name.unwrap_or_else(|| label(cx, &value));
        if !is_column_called(&nodes::unwrapped(&value), base, &name) {
            made.push(name);
        }
    }
    made
}

fn is_column_called(value: &SyntaxNode, base: &Base, name: &str) -> bool {
    let is_name = match value.kind() {
        SyntaxKind::NAME_REF => true,
        SyntaxKind::FIELD_EXPR => !value.descendants().any(|part| part.kind() == SyntaxKind::PAREN_EXPR),
        _ => false,
    };
    is_name
        && base.has_column(name)
        && match names::folded_parts(value).as_slice() {
            [column] => column == name,
            [qualifier, column] => column == name && *qualifier == base.folded,
            [schema, table, column] => column == name && base.is_named(schema, table),
            _ => false,
        }
}

/// Columns that every table of PostgreSQL has beside its own (`SysAtt` of `heap.c`).
pub(in crate::sql) const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// Finds the system columns that a query reads. The number of a table can be told of its rows, and where they are; false where
/// it reads another, which the rows of a fetch do not have, or it is not sure of which table.
pub(super) fn show_system_columns(cx: &Cx<'_>, query: &SyntaxNode, bases: &mut [Base], mentions: &Mentions) -> bool {
    let reads: Vec<SyntaxNode> = system_columns(cx, query, bases);
    for read in reads {
        let parts = names::folded_parts(&read);
        let own = |base: &Base| match parts.as_slice() {
            [_] => read.ancestors().any(|around| around == base.select),
            [qualifier, _] => base.folded == *qualifier,
            [schema, table, _] => base.is_named(schema, table),
            _ => false,
        };
        let column = parts.last().map(String::as_str);
        let is_told = matches!(column, Some("tableoid" | "ctid"));
        let mut owners = bases.iter_mut().filter(|base| own(base));
        let (Some(base), None, true) = (owners.next(), owners.next(), is_told) else { return false };
        // `*` has no system columns, nor has a row.
        if base.is_renamed() || base.is_hidden || mentions.shows_all(base) || mentions.names_row(base) {
            return false;
        }
        if column == Some("ctid") {
            base.shows_places = true;
        } else {
            base.shows_own_oid = true;
        }
    }
    true
}

/// The columns that a query reads, and that tables of PostgreSQL have beside their own.
fn system_columns(cx: &Cx<'_>, query: &SyntaxNode, bases: &[Base]) -> Vec<SyntaxNode> {
    let is_read = |node: &SyntaxNode| {
        let is_inner = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
        if is_inner || !matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) || is_called(node) {
            return false;
        }
        let parts = names::folded_parts(node);
        let Some((column, qualifiers)) = parts.split_last() else { return false };
        if !SYSTEM_COLUMNS.contains(&column.as_str()) {
            return false;
        }
        match qualifiers {
            [] => !is_output_name(node, column) && is_of_table(cx, node, column, bases),
            [qualifier] => bases.iter().any(|base| base.folded == *qualifier && !base.has_column(column)),
            [schema, table] => bases.iter().any(|base| base.is_named(schema, table) && !base.has_column(column)),
            _ => false,
        }
    };
    query.descendants().filter(is_read).collect()
}

/// Whether the innermost query around a bare name that has tables has one that lacks a column of this name.
fn is_of_table(cx: &Cx<'_>, name: &SyntaxNode, column: &str, bases: &[Base]) -> bool {
    for around in name.ancestors() {
        let mut own = bases.iter().filter(|base| base.select == around).peekable();
        if own.peek().is_some() {
            return own.any(|base| !base.has_column(column));
        }
        let from = nodes::child(&around, SyntaxKind::FROM_CLAUSE);
        let is_of_catalog = |node: SyntaxNode| {
            node.kind() == SyntaxKind::RELATION_NAME_REF && !is_with_table(&node) && is_catalog(cx, &node)
        };
        if around.kind() == SyntaxKind::SELECT && from.is_some_and(|from| from.descendants().any(is_of_catalog)) {
            return false;
        }
    }
    false
}

/// Whether a key of ORDER BY is a name after AS.
fn is_output_name(name: &SyntaxNode, column: &str) -> bool {
    let Some(key) = name.ancestors().find(|node| !matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::PAREN_EXPR))
    else {
        return false;
    };
    let select = key.ancestors().find(|node| node.kind() == SyntaxKind::SELECT);
    let clause = select.and_then(|select| nodes::child(&select, SyntaxKind::SELECT_CLAUSE));
    key.kind() == SyntaxKind::SORT_BY
        && clause.is_some_and(|clause| {
            nodes::grandchildren(&clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET)
                .iter()
                .filter_map(|target| nodes::child(target, SyntaxKind::AS_NAME))
                .any(|name| names::parts(&name).last().is_some_and(|name| names::folded(name) == column))
        })
}
