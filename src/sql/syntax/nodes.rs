//! What is asked of nodes wherever they stand: their parts, their kinds, their text.

use std::ops::Range;

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use super::names;
use super::volatile::is_volatile;

/// The node inside parentheses.
pub(crate) fn unwrapped(node: &SyntaxNode) -> SyntaxNode {
    let mut node = node.clone();
    while matches!(node.kind(), SyntaxKind::PAREN_EXPR | SyntaxKind::SET_EXPR | SyntaxKind::ARG) {
        match node.first_child() {
            Some(child) if node.children().count() == 1 && node.kind() != SyntaxKind::ARG => node = child,
            Some(child) if node.kind() == SyntaxKind::ARG && node.children_with_tokens().count() == 1 => node = child,
            _ => break,
        }
    }
    node
}

/// Positions travel as byte offset + 1 until the top of translation makes characters of them.
pub(crate) fn offset(at: usize) -> u32 {
    u32::try_from(at).map_or(u32::MAX, |at| at.saturating_add(1))
}

/// The tokens of a node, keywords and names as typed, one blank between words; for messages and simple clauses.
pub(crate) fn plain_text(node: &SyntaxNode) -> String {
    let mut text = String::new();
    for token in node.descendants_with_tokens().filter_map(SyntaxElement::into_token) {
        if matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT) {
            if !text.ends_with(' ') && !text.is_empty() {
                text.push(' ');
            }
        } else {
            text.push_str(token.text());
        }
    }
    text.trim_end().to_owned()
}

/// Where a node stands in the text.
pub(crate) fn range(node: &SyntaxNode) -> Range<usize> {
    let range = node.text_range();
    range.start().into()..range.end().into()
}

pub(crate) fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

/// ORDER BY, LIMIT and the like of a query, which may stand behind its parentheses: `(SELECT a FROM t) LIMIT 1`. PostgreSQL
/// refuses those that stand at both places.
pub(crate) fn clause(query: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    let around = || query.parent().filter(|parent| parent.kind() == SyntaxKind::PAREN_SELECT);
    child(query, kind).or_else(|| clause(&around()?, kind))
}

pub(crate) fn children(node: &SyntaxNode, kind: SyntaxKind) -> impl Iterator<Item = SyntaxNode> {
    node.children().filter(move |child| child.kind() == kind)
}

/// The members of a list that is a child: `grandchildren(values, ROW_LIST, ROW)`. Never those of a query further in.
pub(crate) fn grandchildren(node: &SyntaxNode, list: SyntaxKind, kind: SyntaxKind) -> Vec<SyntaxNode> {
    children(node, list).flat_map(|list| children(&list, kind).collect::<Vec<_>>()).collect()
}

pub(crate) fn token(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxToken> {
    node.children_with_tokens().filter_map(SyntaxElement::into_token).find(|token| token.kind() == kind)
}

pub(crate) fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|element| element.kind() == kind)
}

/// The query inside parentheses, if that is what they hold.
pub(crate) fn subquery(node: &SyntaxNode) -> Option<SyntaxNode> {
    if is_query(node.kind()) {
        return Some(node.clone());
    }
    if !matches!(node.kind(), SyntaxKind::PAREN_EXPR | SyntaxKind::PAREN_SELECT) {
        return None;
    }
    let child = node.children().find(|child| child.kind() != SyntaxKind::WITH_CLAUSE)?;
    if is_query(child.kind()) { Some(child) } else { subquery(&child) }
}

pub(crate) fn is_query(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::SELECT
            | SyntaxKind::COMPOUND_SELECT
            | SyntaxKind::VALUES
            | SyntaxKind::TABLE
            | SyntaxKind::PAREN_SELECT
    )
}

/// The joins of an item of FROM: its first operand, and each JOIN with its right operand, from left to right. A join without
/// condition takes the next table alone, whatever stands further right in its tree: `a NATURAL JOIN b LEFT JOIN c ON ..`.
pub(crate) fn joins(item: &SyntaxNode) -> Option<(SyntaxNode, Vec<(SyntaxNode, SyntaxNode)>)> {
    if item.kind() != SyntaxKind::JOIN_EXPR {
        return Some((item.clone(), Vec::new()));
    }
    let (left, join) = (item.first_child()?, child(item, SyntaxKind::JOIN)?);
    let right = join.children().find(|part| {
        !matches!(
            part.kind(),
            SyntaxKind::JOIN_INNER
                | SyntaxKind::JOIN_LEFT
                | SyntaxKind::JOIN_RIGHT
                | SyntaxKind::JOIN_FULL
                | SyntaxKind::JOIN_CROSS
        )
    })?;
    let (first, mut steps) = joins(&left)?;
    let has_condition = matches!(join.last_child()?.kind(), SyntaxKind::ON_CLAUSE | SyntaxKind::JOIN_USING_CLAUSE);
    if has_condition {
        steps.push((join, right));
    } else {
        let (next, further) = joins(&right)?;
        steps.push((join, next));
        steps.extend(further);
    }
    Some((first, steps))
}

pub(crate) fn is_type(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::PATH_TYPE
            | SyntaxKind::VARCHAR_TYPE
            | SyntaxKind::CHARACTER_TYPE
            | SyntaxKind::DOUBLE_TYPE
            | SyntaxKind::TIMESTAMP_TYPE
            | SyntaxKind::TIME_TYPE
            | SyntaxKind::INTERVAL_TYPE
            | SyntaxKind::BIT_TYPE
            | SyntaxKind::ARRAY_TYPE
            | SyntaxKind::PERCENT_TYPE
    )
}

/// Whether an expression says the same for every row: it reads no column and no table.
pub(crate) fn is_constant(node: &SyntaxNode) -> bool {
    if is_query(node.kind()) {
        return false;
    }
    match node.kind() {
        // Functions without parentheses; other words that look like keywords are columns.
        SyntaxKind::NAME_REF => node.first_token().is_some_and(|token| {
            matches!(
                token.kind(),
                SyntaxKind::CURRENT_TIMESTAMP_KW
                    | SyntaxKind::CURRENT_DATE_KW
                    | SyntaxKind::CURRENT_TIME_KW
                    | SyntaxKind::LOCALTIME_KW
                    | SyntaxKind::LOCALTIMESTAMP_KW
                    | SyntaxKind::CURRENT_USER_KW
                    | SyntaxKind::CURRENT_ROLE_KW
                    | SyntaxKind::SESSION_USER_KW
                    | SyntaxKind::USER_KW
                    | SyntaxKind::CURRENT_CATALOG_KW
                    | SyntaxKind::CURRENT_SCHEMA_KW
            )
        }),
        SyntaxKind::CALL_EXPR => {
            let named = |n: usize, child: &SyntaxNode| {
                n == 0
                    && matches!(child.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR)
                    && names::parts(child).last().is_some_and(|name| !is_volatile(&names::folded(name)))
            };
            node.children().enumerate().all(|(n, child)| named(n, &child) || is_constant(&child))
        }
        kind if is_type(kind) => true,
        _ => node.children().all(|child| is_constant(&child)),
    }
}

/// The function of a call, folded; `None` for EXISTS and the like, and for functions of other schemas.
pub(crate) fn called(call: &SyntaxNode) -> Option<String> {
    let name = call.first_child()?;
    if !matches!(name.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return None;
    }
    names::parts(&name).last().map(|name| names::folded(name))
}

/// Whether a function is called somewhere that gives another value each time.
pub(crate) fn calls_volatile(node: &SyntaxNode) -> bool {
    let mut calls = node.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
    calls.any(|call| called(&call).is_some_and(|name| is_volatile(&name)))
}

/// The argument expressions of a call, `ARG` wrappers off.
pub(crate) fn arguments(call: &SyntaxNode) -> Vec<SyntaxNode> {
    let Some(list) = child(call, SyntaxKind::ARG_LIST) else { return Vec::new() };
    children(&list, SyntaxKind::ARG).filter_map(|argument| argument.first_child()).collect()
}

/// The argument of `ANY (..)`, `SOME (..)` or `ALL (..)`, and whether it is ALL.
pub(crate) fn quantified(node: &SyntaxNode) -> Option<(bool, SyntaxNode)> {
    if node.kind() != SyntaxKind::CALL_EXPR {
        return None;
    }
    let function = node.first_child()?;
    let all = match function.kind() {
        SyntaxKind::ANY_FN | SyntaxKind::SOME_FN => false,
        SyntaxKind::ALL_FN => true,
        _ => return None,
    };
    Some((all, function.first_child()?))
}

/// Whether an item of a select list is `*` or `t.*`.
pub(crate) fn is_star(target: &SyntaxNode) -> bool {
    has_token(target, SyntaxKind::STAR)
        || target
            .first_child()
            .is_some_and(|value| value.kind() == SyntaxKind::FIELD_EXPR && has_token(&value, SyntaxKind::STAR))
}
