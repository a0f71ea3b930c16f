//! Types of a user's making: enums, which live in the mirror, and in the descriptions of the columns that have them.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{Ddl, has_child, mirror_only, need};
use crate::sql::translate::cx::{self, Cx, Result};
use crate::wire::{PgError, SqlState};

/// `NAMEDATALEN` - 1: labels are names.
const LABEL_BYTES_MAX: usize = 63;

pub(super) fn is_enum(stmt: &SyntaxNode) -> bool {
    has_child(stmt, SyntaxKind::ENUM_TYPE)
}

/// ADD VALUE, RENAME VALUE and RENAME TO; a column made earlier keeps the labels it was made with in its description.
pub(super) fn is_supported(stmt: &SyntaxNode) -> bool {
    stmt.children().any(|child| {
        matches!(child.kind(), SyntaxKind::ADD_VALUE | SyntaxKind::RENAME_VALUE | SyntaxKind::TYPE_RENAME_TO)
    })
}

pub(super) fn create_enum(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    labels(cx, stmt)?;
    Ok(mirror_only("CREATE TYPE").mirrored_as_written(cx, stmt, &[]))
}

pub(super) fn alter_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Ddl {
    mirror_only("ALTER TYPE").mirrored_as_written(cx, stmt, &[])
}

pub(super) fn drop_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Ddl {
    mirror_only("DROP TYPE").mirrored_as_written(cx, stmt, &[])
}

fn labels(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Vec<String>> {
    let list = need(&need(stmt, SyntaxKind::ENUM_TYPE)?, SyntaxKind::VARIANT_LIST)?;
    let mut labels: Vec<String> = Vec::new();
    for variant in cx::children(&list, SyntaxKind::VARIANT) {
        let literal = variant.descendants().find(|node| node.kind() == SyntaxKind::LITERAL).unwrap_or(variant);
        let at = cx::offset(super::at(&literal));
        let Some((_, label)) = cx.literal_of(&literal).and_then(|n| cx.read_literal(n)) else {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a label is missing").position(at));
        };
        if label.len() > LABEL_BYTES_MAX {
            return Err(PgError::error(SqlState(*b"42602"), format!("invalid enum label \"{label}\""))
                .detail("Labels must be 63 bytes or less.")
                .position(at));
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}
