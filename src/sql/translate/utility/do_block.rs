//! DO: its block is read here, so that what it cannot be is refused before any of it runs.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::block::read_block;
use super::command::{Utility, utility};
use crate::sql::plan::Action;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::wire::{PgError, SqlState};

pub(super) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    for language in nodes::children(stmt, SyntaxKind::DO_LANGUAGE) {
        check_language(cx, &language)?;
    }
    let literal = nodes::child(stmt, SyntaxKind::LITERAL);
    let text = literal.and_then(|literal| Some((literal.text_range(), cx.constant(&literal)?.1)));
    let (range, body) = text.ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "no inline code specified"))?;
    let source = cx.sql.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default();
    let block = read_block(body).map_err(|mut error| {
        let offset = error.position.and_then(|at| usize::try_from(at).ok()).unwrap_or(1).saturating_sub(1);
        let inside = offset_in_literal(source, body, offset);
        error.position = inside.map(|inside| nodes::offset(usize::from(range.start()).saturating_add(inside)));
        error
    })?;
    utility(Action::Do(block), "DO")
}

/// PL/pgSQL is what there is a reader for.
fn check_language(cx: &Cx<'_>, node: &SyntaxNode) -> Result<()> {
    let text = nodes::child(node, SyntaxKind::LITERAL).and_then(|literal| cx.constant(&literal));
    let name = match text {
        Some((_, name)) => name.to_owned(),
        None => names::parts(node).pop().map(|name| names::folded(&name)).unwrap_or_default(),
    };
    match name.as_str() {
        "plpgsql" => Ok(()),
        "sql" | "c" | "internal" => {
            Err(PgError::unsupported(format!("language \"{name}\" does not support inline code execution")))
        }
        _ => Err(PgError::error(SqlState::UNDEFINED_OBJECT, format!("language \"{name}\" does not exist"))),
    }
}

/// Where byte `offset` of a literal's value stands in its source. `None` for a source with escapes or in pieces, where
/// the two do not run side by side.
fn offset_in_literal(source: &str, body: &str, offset: usize) -> Option<usize> {
    if source.starts_with('$') {
        return source.find(body).and_then(|start| start.checked_add(offset));
    }
    let quotes = |text: &str| text.bytes().filter(|&byte| byte == b'\'').count();
    let is_plain = source.starts_with('\'') && source.len() == body.len() + quotes(body) + 2;
    is_plain.then(|| 1 + offset + quotes(body.get(..offset).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::offset_in_literal;

    #[test]
    fn a_place_in_the_value_is_one_in_the_source() {
        assert_eq!(offset_in_literal("$x$abc$x$", "abc", 1), Some(4));
        assert_eq!(offset_in_literal("'abc'", "abc", 1), Some(2));
        assert_eq!(offset_in_literal("'a''b''c'", "a'b'c", 2), Some(4));
        assert_eq!(offset_in_literal("'a''b''c'", "a'b'c", 5), Some(8));
        assert_eq!(offset_in_literal("E'a\\nb'", "a\nb", 2), None);
        assert_eq!(offset_in_literal("'a'\n'b'", "ab", 1), None);
    }
}
