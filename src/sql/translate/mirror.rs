//! PostgreSQL text for the mirror.

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use crate::sql::description::parse_view_note;
use crate::sql::syntax::names;
use crate::sql::syntax::parse::lone_statement;

/// A view's query for the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewText {
    pub sql: String,
    /// Every word in it that may be a name, folded, once each: many keywords may be.
    pub mentions: Vec<String>,
}

/// The query of an IRIS view with `public` in place of the schema it stands for; `None` where the text is not one query
/// in a form PostgreSQL's grammar has. Whether its functions exist is for PostgreSQL to say.
pub(crate) fn view_for_mirror(definition: &str, default_schema: &str) -> Option<ViewText> {
    // A view made through the gateway carries its own words.
    let own = parse_view_note(definition);
    let text = own.as_deref().unwrap_or(definition).trim().trim_end_matches(';');
    let query = lone_statement(text)?;
    let is_query = matches!(
        query.kind(),
        SyntaxKind::SELECT | SyntaxKind::COMPOUND_SELECT | SyntaxKind::PAREN_SELECT | SyntaxKind::VALUES
    );
    if !is_query {
        return None;
    }
    let is_mention = |token: &SyntaxToken| is_name(token) || token.kind().is_keyword();
    let mut mentions: Vec<String> =
        tokens(&query).filter(is_mention).map(|token| names::folded(token.text())).collect();
    mentions.sort();
    mentions.dedup();
    Some(ViewText { sql: requalified(&query, default_schema), mentions })
}

/// The node's text with `public` wherever a name is qualified by the IRIS schema that it stands for.
pub(super) fn requalified(node: &SyntaxNode, default_schema: &str) -> String {
    requalified_without(node, default_schema, &[])
}

/// As [`requalified`], without nodes and tokens of some kinds: what concerns files and owners.
pub(super) fn requalified_without(node: &SyntaxNode, default_schema: &str, left_out: &[SyntaxKind]) -> String {
    let is_left_out = |token: &SyntaxToken| {
        left_out.contains(&token.kind())
            || (!left_out.is_empty()
                && token
                    .parent_ancestors()
                    .take_while(|above| above != node)
                    .any(|above| left_out.contains(&above.kind())))
    };
    requalified_tokens(tokens(node).filter(|token| !is_left_out(token)), default_schema)
}

/// As [`requalified`], of what stands behind a part of the node.
pub(super) fn requalified_behind(node: &SyntaxNode, part: &SyntaxNode, default_schema: &str) -> String {
    let start = part.text_range().end();
    requalified_tokens(tokens(node).filter(|token| token.text_range().start() >= start), default_schema)
}

fn requalified_tokens(tokens: impl Iterator<Item = SyntaxToken>, default_schema: &str) -> String {
    let mut text = String::new();
    let mut all = tokens.peekable();
    while let Some(token) = all.next() {
        let qualifies = is_name(&token)
            && names::folded(token.text()).eq_ignore_ascii_case(default_schema)
            && all.peek().is_some_and(|next| next.kind() == SyntaxKind::DOT);
        text.push_str(if qualifies { "public" } else { token.text() });
    }
    text
}

fn tokens(node: &SyntaxNode) -> impl Iterator<Item = SyntaxToken> {
    node.descendants_with_tokens().filter_map(SyntaxElement::into_token)
}

fn is_name(token: &SyntaxToken) -> bool {
    token.kind() == SyntaxKind::IDENT
}
