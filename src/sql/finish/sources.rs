//! Which column of which table a name stands for, through the sub-queries and queries of WITH that pass it on.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::relations::Base;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::syntax::with::with_table;
use crate::sql::translate::query::from::alias;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The values of a column of a table, as that calls it, or NULL.
    Column(usize, String),
    /// Something there is no telling of.
    Unknown,
    /// Nothing of that name is there.
    Absent,
}

/// What stands in FROM.
#[derive(Debug)]
pub(super) enum Source {
    Base(usize),
    /// With the names that its first columns have by an alias list.
    Query(SyntaxNode, Vec<String>),
    Other,
}

/// Queries within queries, through which a name is followed.
const DEPTH_MAX: usize = 16;

/// The tables of a query, to be asked for what names in it stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    pub bases: &'a [Base],
}

impl Sources<'_> {
    /// What a name stands for where it stands.
    pub(super) fn meaning(&self, name: &SyntaxNode) -> Meaning {
        self.meant(name, 0)
    }

    fn meant(&self, name: &SyntaxNode, depth: usize) -> Meaning {
        let is_plain = match name.kind() {
            SyntaxKind::NAME_REF => !nodes::is_constant(name),
            SyntaxKind::FIELD_EXPR => {
                name.descendants().all(|part| matches!(part.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR))
                    && !nodes::has_token(name, SyntaxKind::STAR)
            }
            _ => false,
        };
        if !is_plain || depth > DEPTH_MAX {
            return Meaning::Unknown;
        }
        let parts = names::folded_parts(name);
        for select in scopes(name) {
            let Some(select) = select else { return Meaning::Unknown };
            let found = match parts.as_slice() {
                [column] => self.in_any(&select, column, depth),
                [qualifier, column] => self.in_named(&select, qualifier, column, depth),
                [schema, table, column] => self.in_table(&select, schema, table, column),
                _ => Meaning::Unknown,
            };
            if found != Meaning::Absent {
                return found;
            }
        }
        Meaning::Unknown
    }

    /// A column of the only thing in FROM that has one of this name.
    fn in_any(&self, select: &SyntaxNode, column: &str, depth: usize) -> Meaning {
        let mut found = Meaning::Absent;
        for (_, source) in self.items(select) {
            match (self.column(&source, column, depth), &found) {
                (Meaning::Absent, _) => {}
                (Meaning::Column(base, name), Meaning::Absent) => found = Meaning::Column(base, name),
                _ => return Meaning::Unknown,
            }
        }
        found
    }

    fn in_named(&self, select: &SyntaxNode, qualifier: &str, column: &str, depth: usize) -> Meaning {
        let items = self.items(select);
        let mut named = items.iter().filter(|(name, _)| name == qualifier);
        match (named.next(), named.next()) {
            (None, _) => Meaning::Absent,
            (Some((_, source)), None) => match self.column(source, column, depth) {
                Meaning::Absent => Meaning::Unknown,
                found => found,
            },
            _ => Meaning::Unknown,
        }
    }

    fn in_table(&self, select: &SyntaxNode, schema: &str, table: &str, column: &str) -> Meaning {
        let found = self.bases.iter().position(|base| base.select == *select && base.is_named(schema, table));
        found.map_or(Meaning::Absent, |base| self.column_of_base(base, column))
    }

    fn column_of_base(&self, at: usize, column: &str) -> Meaning {
        let Some(base) = self.bases.get(at) else { return Meaning::Unknown };
        let found = base.own_names().zip(base.column_names()).find(|(_, called)| called == column);
        found.map_or(Meaning::Absent, |(own, _)| Meaning::Column(at, own))
    }

    /// A column of something in FROM.
    pub(super) fn column(&self, source: &Source, column: &str, depth: usize) -> Meaning {
        match source {
            Source::Base(at) => self.column_of_base(*at, column),
            Source::Query(query, aliases) => self.output(query, aliases, column, depth),
            Source::Other => Meaning::Unknown,
        }
    }

    /// A column of the result of a query.
    fn output(&self, query: &SyntaxNode, aliases: &[String], column: &str, depth: usize) -> Meaning {
        let inner = match query.kind() {
            SyntaxKind::PAREN_SELECT => query.children().find(|part| is_query(part.kind())),
            _ => None,
        };
        if let Some(inner) = inner {
            return self.output(&inner, aliases, column, depth);
        }
        if query.kind() == SyntaxKind::TABLE && aliases.is_empty() {
            let found = self.bases.iter().position(|base| base.select == *query);
            return found.map_or(Meaning::Unknown, |base| self.column_of_base(base, column));
        }
        let list = nodes::child(query, SyntaxKind::SELECT_CLAUSE)
            .and_then(|clause| nodes::child(&clause, SyntaxKind::TARGET_LIST));
        let Some(list) = list.filter(|_| query.kind() == SyntaxKind::SELECT) else { return Meaning::Unknown };
        let targets: Vec<SyntaxNode> = nodes::children(&list, SyntaxKind::TARGET).collect();
        let deeper = depth.saturating_add(1);
        let renamed = aliases.iter().position(|alias| alias == column);
        if !aliases.is_empty() && targets.iter().any(nodes::is_star) {
            return Meaning::Unknown;
        }
        if let Some(value) = renamed.and_then(|at| targets.get(at)?.first_child()) {
            return self.meant(&value, deeper);
        }
        let mut has_others = false;
        for target in targets.iter().skip(aliases.len()).filter(|target| !nodes::is_star(target)) {
            let Some(value) = target.first_child() else { return Meaning::Unknown };
            let label = nodes::child(target, SyntaxKind::AS_NAME).and_then(|name| names::folded_parts(&name).pop());
            let is_name = matches!(value.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
            let label = label.or_else(|| is_name.then(|| names::folded_parts(&value).pop()).flatten());
            match label {
                Some(label) if label == column => return self.meant(&value, deeper),
                Some(_) => {}
                // What PostgreSQL calls it is not asked.
                None => has_others = true,
            }
        }
        let mut stars = targets.iter().filter(|target| nodes::is_star(target));
        match (stars.next(), stars.next()) {
            (None, _) if has_others => Meaning::Unknown,
            (None, _) => Meaning::Absent,
            (Some(star), None) if !has_others => match star.first_child() {
                None => self.in_any(query, column, deeper),
                Some(qualified) => match names::folded_parts(&qualified).as_slice() {
                    [qualifier] => self.in_named(query, qualifier, column, deeper),
                    _ => Meaning::Unknown,
                },
            },
            _ => Meaning::Unknown,
        }
    }

    /// What stands in FROM of a query, under its name.
    pub(super) fn items(&self, select: &SyntaxNode) -> Vec<(String, Source)> {
        let mut items = Vec::new();
        let from = nodes::child(select, SyntaxKind::FROM_CLAUSE);
        for item in from.iter().flat_map(SyntaxNode::children) {
            self.collect(&item, &mut items);
        }
        items
    }

    fn collect(&self, item: &SyntaxNode, items: &mut Vec<(String, Source)>) {
        match item.kind() {
            SyntaxKind::JOIN_EXPR => match nodes::joins(item) {
                Some((first, steps)) => {
                    self.collect(&first, items);
                    for (_, right) in &steps {
                        self.collect(right, items);
                    }
                }
                None => items.push((String::new(), Source::Other)),
            },
            SyntaxKind::PAREN_FROM_ITEM | SyntaxKind::PAREN_EXPR
                if alias(item).is_none() && nodes::child(item, SyntaxKind::PAREN_SELECT).is_none() =>
            {
                for inner in item.children() {
                    self.collect(&inner, items);
                }
            }
            _ => items.push(self.item(item)),
        }
    }

    /// One thing in FROM that is no join, and its name.
    pub(super) fn item(&self, item: &SyntaxNode) -> (String, Source) {
        let alias = alias(item);
        let name = alias.as_ref().map(|alias| names::folded(&alias.name));
        let columns = || alias.iter().flat_map(|alias| &alias.columns).map(|column| names::folded(column)).collect();
        match item.kind() {
            SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::RELATION_NAME => {
                let start = usize::from(item.text_range().start());
                if let Some(at) = self.bases.iter().position(|base| base.range.start == start) {
                    let name = self.bases.get(at).map(|base| base.folded.clone()).unwrap_or_default();
                    return (name, Source::Base(at));
                }
                let relation = item.descendants().find(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
                let own = relation.as_ref().and_then(|name| names::folded_parts(name).pop()).unwrap_or_default();
                let table = relation.and_then(|name| with_table(&name));
                let source = table.and_then(|table| of_with(&table, columns())).unwrap_or(Source::Other);
                (name.unwrap_or(own), source)
            }
            SyntaxKind::PAREN_FROM_ITEM => {
                let query = nodes::child(item, SyntaxKind::PAREN_SELECT);
                let source = query.map_or(Source::Other, |query| Source::Query(query, columns()));
                (name.unwrap_or_default(), source)
            }
            _ => {
                let function = nodes::child(item, SyntaxKind::CALL_EXPR).and_then(|call| nodes::called(&call));
                (name.or(function).unwrap_or_default(), Source::Other)
            }
        }
    }
}

/// A table of WITH. Its own names of its columns give way to those where it is read.
fn of_with(table: &SyntaxNode, aliases: Vec<String>) -> Option<Source> {
    let query = table.children().find(|part| is_query(part.kind()))?;
    let own: Vec<String> = nodes::child(table, SyntaxKind::COLUMN_LIST)
        .iter()
        .flat_map(SyntaxNode::children)
        .map(|column| names::folded(&nodes::plain_text(&column)))
        .collect();
    let names = aliases.iter().chain(own.iter().skip(aliases.len())).cloned().collect();
    Some(Source::Query(query, names))
}

/// The queries whose FROM a name may be of, from the innermost outwards; `None` where it is not clear what comes next.
fn scopes(name: &SyntaxNode) -> impl Iterator<Item = Option<SyntaxNode>> {
    let mut found = Vec::new();
    let mut is_lateral = false;
    for node in name.ancestors() {
        match node.kind() {
            SyntaxKind::SELECT => {
                found.push(Some(node));
                is_lateral = false;
            }
            SyntaxKind::PAREN_FROM_ITEM if nodes::has_token(&node, SyntaxKind::LATERAL_KW) => is_lateral = true,
            SyntaxKind::FROM_CLAUSE if !found.is_empty() && !is_lateral => {
                found.push(None);
                break;
            }
            // Not seen from there: the query it is of.
            SyntaxKind::WITH_CLAUSE => {
                found.push(None);
                break;
            }
            _ => {}
        }
    }
    found.into_iter()
}
