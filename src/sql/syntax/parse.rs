//! From the text of a statement to its tree.

use std::panic::{AssertUnwindSafe, catch_unwind};

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use super::depth;
use super::nodes::offset;
use super::tree::{NOT_STAND_IN, expressions, is_not_stand_in};
use crate::wire::{PgError, SqlState};

/// The tree, and the first thing the parser did not understand. The parser is another project's: a panic of it must
/// not cost the shard.
pub(crate) fn parse(sql: &str) -> Result<(SyntaxNode, Option<Box<PgError>>), Box<PgError>> {
    let (root, error) = parsed(sql)?;
    let Some(at) = error else {
        // An operator that nobody has would be read as what it stands for.
        let own = sql.contains(NOT_STAND_IN).then(|| root.descendants().find(is_not_stand_in)).flatten();
        let error = own.map(|node| syntax_error_at(sql, &root, node.text_range().start().into()));
        return Ok((root, error));
    };
    if let Some(root) = with_stand_ins(sql, at)? {
        return Ok((root, None));
    }
    let error = syntax_error_at(sql, &root, at);
    Ok((root, Some(error)))
}

/// The tree, and where the first error is.
fn parsed(sql: &str) -> Result<(SyntaxNode, Option<usize>), Box<PgError>> {
    let (root, error) = catch_unwind(AssertUnwindSafe(|| {
        let parse = SourceFile::parse(sql);
        // `a IN (1, 2) = b`: the list is read with what follows it, and then found wanting; the tokens are all there and
        // expressions are read again anyway.
        // The language of DO is no matter of syntax.
        let spurious =
            ["Expected a parenthesized value list or subquery.", "SQL is not a valid language for DO statements."];
        let errors = parse.errors();
        let error = errors.iter().find(|error| !spurious.contains(&error.message()));
        (parse.syntax_node(), error.map(|error| usize::from(error.range().start())))
    }))
    .map_err(|_| PgError::error(SqlState::INTERNAL_ERROR, "the parser failed on this statement"))?;
    let error = error.or_else(|| ambiguous(&root));
    Ok((root, error))
}

/// More NOTs than these are not stood in for.
const STAND_INS_MAX: usize = 16;

/// squawk takes what follows BETWEEN up to the next AND for its bound, and no NOT in it: `a BETWEEN 1 AND 2 OR NOT b`. An
/// operator it takes, and expressions are read again anyway, so each such NOT is parsed as one. `at`: of the error.
fn with_stand_ins(sql: &str, mut at: usize) -> Result<Option<SyntaxNode>, Box<PgError>> {
    let mut text = sql.to_owned();
    for _ in 0..STAND_INS_MAX {
        let end = at.saturating_add(NOT_STAND_IN.len());
        let is_not = text.get(at..end).is_some_and(|word| word.eq_ignore_ascii_case("not"));
        let follows = text.get(end..).and_then(|rest| rest.chars().next());
        // Beside a sign it would be one operator with it.
        if !is_not || !follows.is_some_and(|next| next.is_ascii_whitespace() || next == '(') {
            return Ok(None);
        }
        text.replace_range(at..end, NOT_STAND_IN);
        match parsed(&text)? {
            (root, None) => return Ok(Some(root)),
            (_, Some(next)) if next > at => at = next,
            _ => return Ok(None),
        }
    }
    Ok(None)
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
