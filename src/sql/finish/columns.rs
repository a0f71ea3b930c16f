//! Which columns of its tables a query needs, and in which form their values travel to PostgreSQL.

use std::collections::{HashMap, HashSet};

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode, SyntaxToken};

use super::nearby::is_called;
use super::relations::Base;
use crate::sql::plan::FetchedColumn;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::types::{Oid, PgType, quoted_name};

/// The system column that tells where a row is.
const PLACE: &str = "ctid";

/// The words of a query, and the tables all of whose columns it needs.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Folded, and where they stand: `(None, word)`, or a column that is named with its table.
    words: HashMap<(Option<String>, String), Vec<usize>>,
    /// Qualifiers of `t.*`, folded, and names that stand for a whole row.
    whole: HashSet<String>,
    /// Those of them that stand where a value does.
    rows: HashSet<String>,
    /// A name is written with Unicode escapes: it may be any.
    has_escaped: bool,
    /// SELECTs with `*`.
    starred: Vec<SyntaxNode>,
    /// SELECTs whose joins compare all columns of one name.
    natural: Vec<SyntaxNode>,
}

impl Mentions {
    pub(super) fn of(query: &SyntaxNode) -> Self {
        let mut found = Self::default();
        for element in query.descendants_with_tokens() {
            match element {
                SyntaxElement::Token(token) => {
                    let kind = token.kind();
                    if kind == SyntaxKind::IDENT || kind.is_keyword() {
                        found.has_escaped |=
                            token.text().get(..2).is_some_and(|start| start.eq_ignore_ascii_case("u&"));
                        let word = qualified(&token).unwrap_or_else(|| (None, names::folded(token.text())));
                        found.words.entry(word).or_default().push(token.text_range().start().into());
                    }
                    let select = || token.parent_ancestors().find(|node| node.kind() == SyntaxKind::SELECT);
                    if kind == SyntaxKind::NATURAL_KW {
                        found.natural.extend(select());
                    } else if kind == SyntaxKind::STAR {
                        match token.parent() {
                            Some(parent) if parent.kind() == SyntaxKind::TARGET => found.starred.extend(select()),
                            Some(parent) if parent.kind() == SyntaxKind::FIELD_EXPR => {
                                let name = names::parts(&parent).last().map(|name| names::folded(name));
                                let is_shown =
                                    parent.parent().is_some_and(|around| around.kind() == SyntaxKind::TARGET);
                                found.rows.extend(name.clone().filter(|_| !is_shown));
                                found.whole.extend(name);
                            }
                            _ => {}
                        }
                    }
                }
                SyntaxElement::Node(node) if node.kind() == SyntaxKind::NAME_REF => {
                    let is_part = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                    if !is_part && !is_called(&node) {
                        let name = names::first(&node).map(|name| names::folded(&name));
                        found.rows.extend(name.clone());
                        found.whole.extend(name);
                    }
                }
                SyntaxElement::Node(_) => {}
            }
        }
        found
    }

    /// Whether the query needs a column of a table.
    fn needs(&self, base: &Base, column: &str) -> bool {
        // A name is of a query around it.
        let select = base.select.text_range();
        let select = usize::from(select.start())..usize::from(select.end());
        let is_inside = |at: &usize| select.contains(at);
        let is_named = |qualifier: Option<&String>| {
            let places = self.words.get(&(qualifier.cloned(), column.to_owned()));
            places.is_some_and(|places| places.iter().any(is_inside))
        };
        self.needs_all(base) || is_named(None) || is_named(Some(&base.folded))
    }

    /// Whether a name stands for a whole row of the table.
    pub(super) fn names_row(&self, base: &Base) -> bool {
        self.rows.contains(&base.folded) && !base.has_column(&base.folded)
    }

    /// Where columns are renamed by their places, all have theirs.
    fn needs_all(&self, base: &Base) -> bool {
        // Which columns other names mean is PostgreSQL's to tell.
        base.is_renamed() || base.is_hidden || self.has_escaped || self.shows_all(base)
    }

    /// Whether it shows or compares all columns of a table.
    pub(super) fn shows_all(&self, base: &Base) -> bool {
        base.select.kind() == SyntaxKind::TABLE
            || self.whole.contains(&base.folded)
            || self.starred.contains(&base.select)
            || self.natural.contains(&base.select)
    }
}

/// The table and the column of a name that a word is part of.
fn qualified(word: &SyntaxToken) -> Option<(Option<String>, String)> {
    let name = word.parent().filter(|name| name.kind() == SyntaxKind::NAME_REF)?;
    let whole = name.ancestors().skip(1).take_while(|around| around.kind() == SyntaxKind::FIELD_EXPR).last()?;
    let is_plain = whole.descendants().all(|part| matches!(part.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR));
    if !is_plain || nodes::has_token(&whole, SyntaxKind::STAR) || is_called(&whole) {
        return None;
    }
    let mut parts = names::folded_parts(&whole);
    let column = parts.pop()?;
    Some((Some(parts.pop()?), column))
}

/// The columns of a table that a query needs, in their order; at least one, so that there are rows to be counted.
pub(super) fn needed(base: &Base, mentions: &Mentions) -> Vec<FetchedColumn> {
    let columns: Vec<(String, &ColumnFacts)> = base.own_names().zip(&base.facts.columns).collect();
    // All else takes a domain for the type that it is of.
    let tells_types = mentions.words.contains_key(&(None, "pg_typeof".to_owned()));
    let fetched = |name: &str, facts: &ColumnFacts| {
        let of_domain = facts.named.as_ref().filter(|_| tells_types).map(|named| named.quoted());
        let column = fetched(name, facts);
        FetchedColumn { cast: of_domain.or(column.cast), ..column }
    };
    let mut needed: Vec<FetchedColumn> = columns
        .iter()
        .filter(|(name, _)| mentions.needs(base, name))
        .map(|(name, facts)| fetched(name, facts))
        .collect();
    needed.extend(base.shows_places.then(|| FetchedColumn::of(PLACE, PgType::new(Oid::TID))));
    if needed.is_empty() {
        let plain = columns.iter().find(|(_, facts)| !facts.is_stream && facts.pg_type.oid != Oid::VECTOR);
        needed.extend(plain.or(columns.first()).map(|(name, facts)| fetched(name, facts)));
    }
    needed
}

/// The form of a column's values on their way to PostgreSQL.
pub(crate) fn fetched(name: &str, facts: &ColumnFacts) -> FetchedColumn {
    if let Some(named) = facts.named.as_ref().filter(|named| named.base.is_none()) {
        let text = FetchedColumn::of(name, PgType::new(Oid::TEXT)).texts();
        return FetchedColumn { cast: Some(named.quoted()), ..text };
    }
    let Some(of) = &facts.enum_type else { return FetchedColumn::of(name, facts.pg_type) };
    let schema = of.schema.as_deref().map_or_else(|| "public".to_owned(), quoted_name);
    FetchedColumn {
        cast: Some(format!("{schema}.{}", quoted_name(&of.name))),
        ..FetchedColumn::of(name, PgType::new(Oid::TEXT)).texts()
    }
}
