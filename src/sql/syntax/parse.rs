//! From the text of a statement to its tree.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use super::depth;
use super::nodes::offset;
use super::tree::expressions;
use crate::wire::{PgError, SqlState};

/// The tree, and the first thing the parser did not understand. The parser is another project's: a panic of it must
/// not cost the shard.
pub(crate) fn parse(sql: &str) -> Result<(SyntaxNode, Option<Box<PgError>>), Box<PgError>> {
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let parse = SourceFile::parse(sql);
        // `a IN (1, 2) = b`: the list is read with what follows it, and then found wanting; the tokens are all there and
        // expressions are read again anyway.
        // The language of DO is no matter of syntax.
        let spurious =
            ["Expected a parenthesized value list or subquery.", "SQL is not a valid language for DO statements."];
        let errors = parse.errors();
        let error = errors.iter().find(|error| !spurious.contains(&error.message()));
        (parse.syntax_node(), error.map(|error| usize::from(error.range().start())))
    }));
    let (root, error) =
        parsed.map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "the parser failed on this statement"))?;
    let error = error.or_else(|| ambiguous(&root));
    Ok((root.clone(), error.map(|at| syntax_error_at(sql, &root, at))))
}

/// The tree of a text that is one statement, understood in full; `None` for any other.
pub(crate) fn lone_statement(sql: &str) -> Option<SyntaxNode> {
    depth::check(sql).ok()?;
    let (root, None) = parse(sql).ok()? else { return None };
    let mut statements = root.children();
    let statement = statements.next()?;
    statements.next().is_none().then_some(statement)
}

/// Where the tree has more than it should: an expression nobody would read. Better refused than left out.
fn ambiguous(root: &SyntaxNode) -> Option<usize> {
    let single = [
        SyntaxKind::WHERE_CLAUSE,
        SyntaxKind::HAVING_CLAUSE,
        SyntaxKind::ON_CLAUSE,
        SyntaxKind::SET_EXPR,
        SyntaxKind::PAREN_EXPR,
        SyntaxKind::ELSE_CLAUSE,
        SyntaxKind::GROUPING_EXPR,
    ];
    root.descendants()
        .filter(|node| single.contains(&node.kind()))
        .find_map(|node| expressions(&node).nth(1))
        .map(|extra| extra.text_range().start().into())
}

/// PostgreSQL names the token it could not use; squawk gives the place in front of it.
fn syntax_error_at(sql: &str, root: &SyntaxNode, at: usize) -> Box<PgError> {
    let token = root.descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token).find(|token| {
        usize::from(token.text_range().end()) > at
            && !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
    });
    match token {
        Some(token) => {
            let start = usize::from(token.text_range().start());
            PgError::error(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{}\"", token.text()))
                .position(offset(start))
        }
        None => PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input").position(offset(sql.len())),
    }
}
