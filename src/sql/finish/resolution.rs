//! Names that a fetch would take for a column of its table, and that mean something else in the query.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names_of;
use super::relations::Base;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
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
        && match names_of(value).as_slice() {
            [column] => column == name,
            [qualifier, column] => column == name && *qualifier == base.folded,
            [schema, table, column] => column == name && base.is_named(schema, table),
            _ => false,
        }
}
