//! Queries that are kept with a definition.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::query::{Place, Query};
use crate::sql::translate::context::scope::Column;
use crate::wire::{PgError, SqlState};

/// A query with its literals in the text, for statements IRIS takes no values for.
pub(crate) fn inline(cx: &Cx<'_>, node: &SyntaxNode, place: Place) -> Result<Query> {
    cx.inlined(true, || match node.kind() {
        SyntaxKind::SELECT_INTO => cx.under_with(node, || cx.select(node, place, None)),
        _ => cx.query(node, place, None),
    })
}

/// Columns that become those of a table or view.
///
/// # Errors
/// 42701 for two of one name, 0A000 where they are one to IRIS alone.
pub(crate) fn refuse_alike(columns: &[Column]) -> Result<()> {
    for (n, column) in columns.iter().enumerate() {
        let mut before = columns.iter().take(n);
        match before.find(|other| alike::is_alike(&other.name, &column.name)) {
            Some(other) if other.name == column.name => {
                let message = format!("column \"{}\" specified more than once", column.name);
                return Err(PgError::error(SqlState(*b"42701"), message));
            }
            Some(other) => return Err(alike::refusal("columns", &other.name, &column.name)),
            None => {}
        }
    }
    Ok(())
}
