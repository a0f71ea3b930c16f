//! Which columns of its tables a query needs, and in which form their values travel to PostgreSQL.

use std::collections::HashSet;

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::nearby::is_called;
use super::relations::Base;
use crate::sql::plan::FetchedColumn;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::types::{Encoder, Oid, PgType, quoted_name};
use crate::wire::Format;

/// The words of a query, and the tables all of whose columns it needs.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    /// Folded.
    words: HashSet<String>,
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
                        found.words.insert(names::folded(token.text()));
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
        self.needs_all(base) || self.words.contains(column)
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

/// The columns of a table that a query needs, in their order; at least one, so that there are rows to be counted.
pub(super) fn needed(base: &Base, mentions: &Mentions) -> Vec<FetchedColumn> {
    let columns: Vec<(String, &ColumnFacts)> = base.own_names().zip(&base.facts.columns).collect();
    let mut needed: Vec<FetchedColumn> = columns
        .iter()
        .filter(|(name, _)| mentions.needs(base, name))
        .map(|(name, facts)| fetched(name, facts))
        .collect();
    if needed.is_empty() {
        let plain = columns.iter().find(|(_, facts)| !facts.is_stream && facts.pg_type.oid != Oid::VECTOR);
        needed.extend(plain.or(columns.first()).map(|(name, facts)| fetched(name, facts)));
    }
    needed
}

/// Types whose binary form PostgreSQL reads without leaving memory behind for each value, and whose text depends on
/// settings, or is longer. Others go as text and are cast, row by row.
const IN_BINARY: &[Oid] = &[
    Oid::BOOL,
    Oid::INT2,
    Oid::INT4,
    Oid::INT8,
    Oid::OID,
    Oid::FLOAT4,
    Oid::FLOAT8,
    Oid::NUMERIC,
    Oid::TEXT,
    Oid::VARCHAR,
    Oid::BPCHAR,
    Oid::BYTEA,
    Oid::DATE,
    Oid::TIME,
    Oid::TIMETZ,
    Oid::TIMESTAMP,
    Oid::TIMESTAMPTZ,
    Oid::INTERVAL,
    Oid::UUID,
    Oid::MONEY,
];

/// Whether values of a type go to PostgreSQL, and come from there, in binary.
pub(crate) fn travels_in_binary(oid: Oid) -> bool {
    IN_BINARY.contains(&oid)
}

/// The form of a column's values on their way to PostgreSQL: elements of an array of their own type, in binary, or texts.
pub(crate) fn fetched(name: &str, facts: &ColumnFacts) -> FetchedColumn {
    let pg_type = facts.pg_type;
    let plain = PgType::new(pg_type.oid);
    let array = pg_type.oid.array().filter(|_| {
        facts.enum_type.is_none() && IN_BINARY.contains(&pg_type.oid) && Encoder::select(plain, Format::Binary).is_ok()
    });
    let cast = match &facts.enum_type {
        Some(of) => Some(match &of.schema {
            Some(schema) => format!("{}.{}", quoted_name(schema), quoted_name(&of.name)),
            None => format!("public.{}", quoted_name(&of.name)),
        }),
        None if array.is_some() && pg_type.wire_typmod() < 0 => None,
        None if pg_type.oid == Oid::BPCHAR && pg_type.wire_typmod() < 0 => Some("bpchar".to_owned()),
        None => Some(PgType { oid: pg_type.oid, typmod: pg_type.wire_typmod() }.name()),
    };
    FetchedColumn {
        name: name.to_owned(),
        element: if array.is_some() { pg_type.oid } else { Oid::TEXT },
        array: array.unwrap_or(Oid::TEXT_ARRAY),
        format: if array.is_some() { Format::Binary } else { Format::Text },
        cast,
    }
}
