//! Sub-queries that IRIS computes as PostgreSQL does, and whose rows are fewer than those of their tables: they are
//! fetched as they stand.

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::Cut;
use super::nearby::{is_called, select_of};
use super::relations::{Base, is_catalog};
use super::sources::{Meaning, Sources};
use crate::sql::options::TranslateError;
use crate::sql::plan::{Fetch, Output};
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, unwrapped};
use crate::sql::syntax::volatile::is_volatile;
use crate::sql::syntax::with::with_table;
use crate::sql::translate::expr::aggregate_calls::has_aggregate;
use crate::types::{Oid, PgType};

/// Such a query, where it stands.
#[derive(Debug)]
pub(super) struct Whole {
    pub select: SyntaxNode,
    pub fetch: Fetch,
    /// The place of its fetch: that of another one of the same text, which PostgreSQL has to take for the same.
    pub place: usize,
}

impl Whole {
    pub(super) fn range(&self) -> Range<usize> {
        nodes::range(&self.select)
    }

    pub(super) fn holds(&self, range: &Range<usize>) -> bool {
        holds(&self.select, range)
    }

    /// The column that shows values of a column of a table.
    pub(super) fn shown(&self, base: usize, column: &str, sources: Sources<'_>) -> Option<usize> {
        let targets = targets(&self.select);
        if targets.iter().any(nodes::is_star) {
            return None;
        }
        let is_it = |target: &SyntaxNode| {
            target.first_child().is_some_and(|value| {
                matches!(sources.meaning(&unwrapped(&value)), Meaning::Column(of, name) if of == base && name == column)
            })
        };
        targets.iter().position(is_it)
    }
}

impl Cut<'_, '_> {
    /// The outermost of them.
    pub(super) fn wholes(&self, bases: &[Base]) -> Result<Vec<Whole>, TranslateError> {
        let mut found = Vec::new();
        self.seek(self.query, bases, &mut found)?;
        // A statement has one time. What IRIS is told of it and what PostgreSQL takes for it differ.
        let is_outside = |node: &SyntaxNode| !found.iter().any(|whole| whole.holds(&nodes::range(node)));
        if self.query.descendants().any(|node| tells_time(&node) && is_outside(&node)) {
            found.retain(|whole| !whole.select.descendants().any(|node| tells_time(&node)));
        }
        let mut fetches: Vec<&str> = Vec::new();
        let places: Vec<usize> = found
            .iter()
            .map(|whole| {
                let known = fetches.iter().position(|sql| *sql == whole.fetch.sql);
                known.unwrap_or_else(|| {
                    fetches.push(&whole.fetch.sql);
                    fetches.len().saturating_sub(1)
                })
            })
            .collect();
        for (whole, place) in found.iter_mut().zip(places) {
            whole.place = place;
        }
        Ok(found)
    }

    fn seek(&self, node: &SyntaxNode, bases: &[Base], found: &mut Vec<Whole>) -> Result<(), TranslateError> {
        for child in node.children() {
            match self.whole(&child, bases)? {
                Some(whole) => found.push(whole),
                None => self.seek(&child, bases, found)?,
            }
        }
        Ok(())
    }

    fn whole(&self, node: &SyntaxNode, bases: &[Base]) -> Result<Option<Whole>, TranslateError> {
        if node.kind() != SyntaxKind::SELECT || !self.is_replaceable(node) || !reduces(node) {
            return Ok(None);
        }
        let sources = Sources { bases };
        let mut tables = bases.iter().filter(|base| holds(node, &base.range)).peekable();
        let Some(table) = tables.peek().copied() else { return Ok(None) };
        if tables.any(|table| table.shows_own_oid || table.shows_places) || !self.is_closed(node, sources) {
            return Ok(None);
        }
        let Some(outputs) = outputs(node, sources) else { return Ok(None) };
        let sql = self.cx.sql.get(nodes::range(node)).unwrap_or_default().to_owned();
        if !self.translates(&sql)? {
            return Ok(None);
        }
        let (table, plain) = (table.typed.join("."), sql.clone());
        let fetch = Fetch { table, columns: Vec::new(), sql, plain, keys: Vec::new(), outputs: Some(outputs) };
        Ok(Some(Whole { select: node.clone(), fetch, place: 0 }))
    }

    /// Whether it stands alone in its parentheses, and other rows in its place mean the same.
    fn is_replaceable(&self, select: &SyntaxNode) -> bool {
        let mut around = select.parent();
        let mut is_alone = false;
        while let Some(parent) =
            around.as_ref().filter(|parent| matches!(parent.kind(), SyntaxKind::PAREN_SELECT | SyntaxKind::PAREN_EXPR))
        {
            if parent == self.query || parent.children().count() != 1 {
                return false;
            }
            is_alone = true;
            around = parent.parent();
        }
        around.is_some_and(|context| match context.kind() {
            SyntaxKind::WITH_TABLE | SyntaxKind::EXISTS_FN | SyntaxKind::ARRAY_EXPR => true,
            // Types of constants go by those of the other queries; `ANY ((SELECT ..))` may be an array.
            SyntaxKind::COMPOUND_SELECT | SyntaxKind::ANY_FN | SyntaxKind::ALL_FN | SyntaxKind::SOME_FN => false,
            _ => is_alone,
        })
    }

    /// Whether a query says the same wherever it stands and whenever it is asked.
    fn is_closed(&self, select: &SyntaxNode, sources: Sources<'_>) -> bool {
        let inner: Vec<String> = select
            .descendants()
            .filter(|node| node.kind() == SyntaxKind::SELECT)
            .flat_map(|select| sources.items(&select).into_iter().map(|(name, _)| name))
            .collect();
        let is_inside = |base: usize| sources.bases.get(base).is_some_and(|base| holds(select, &base.range));
        select.descendants().all(|node| match node.kind() {
            SyntaxKind::CALL_EXPR => nodes::called(&node).is_none_or(|name| !is_volatile(&name)),
            SyntaxKind::RELATION_NAME_REF => match with_table(&node) {
                Some(table) => holds(select, &nodes::range(&table)),
                None => !is_catalog(self.cx, &node),
            },
            SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR => {
                let is_part = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                if is_part || is_called(&node) || nodes::is_constant(&node) {
                    return true;
                }
                let is_known = match names::folded_parts(&node).as_slice() {
                    [qualifier, _] => inner.contains(qualifier),
                    _ => true,
                };
                is_known && !matches!(sources.meaning(&node), Meaning::Column(base, _) if !is_inside(base))
            }
            _ => true,
        })
    }
}

fn holds(node: &SyntaxNode, range: &Range<usize>) -> bool {
    let own = nodes::range(node);
    own.start <= range.start && range.end <= own.end
}

fn targets(select: &SyntaxNode) -> Vec<SyntaxNode> {
    let clause = nodes::child(select, SyntaxKind::SELECT_CLAUSE);
    clause.map(|clause| nodes::grandchildren(&clause, SyntaxKind::TARGET_LIST, SyntaxKind::TARGET)).unwrap_or_default()
}

/// Whether a query has fewer rows than its tables, other than by conditions.
fn reduces(select: &SyntaxNode) -> bool {
    let has = |kind| nodes::child(select, kind).is_some();
    let clause = nodes::child(select, SyntaxKind::SELECT_CLAUSE);
    let is_distinct = clause.is_some_and(|clause| nodes::child(&clause, SyntaxKind::DISTINCT_CLAUSE).is_some());
    let joins = nodes::child(select, SyntaxKind::FROM_CLAUSE).is_some_and(|from| {
        from.children().count() > 1 || from.children().any(|item| item.kind() == SyntaxKind::JOIN_EXPR)
    });
    let is_limited = has(SyntaxKind::LIMIT_CLAUSE) || has(SyntaxKind::FETCH_CLAUSE);
    let own = |node: &SyntaxNode| select_of(node).is_some_and(|of| of == *select);
    has(SyntaxKind::GROUP_BY_CLAUSE)
        || is_distinct
        || (is_limited && joins)
        || targets(select).iter().any(|target| {
            target
                .descendants()
                .filter(|node| node.kind() == SyntaxKind::CALL_EXPR && own(node))
                .any(|call| nodes::child(&call, SyntaxKind::OVER_CLAUSE).is_none() && has_aggregate(&call))
        })
}

/// Functions that tell the time of the statement or of its transaction. Sorted.
const CLOCKS: &[&str] = &["now", "statement_timestamp", "transaction_timestamp"];

fn tells_time(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::CALL_EXPR => nodes::called(node).is_some_and(|name| CLOCKS.binary_search(&name.as_str()).is_ok()),
        // CURRENT_DATE and the like.
        SyntaxKind::NAME_REF => nodes::is_constant(node),
        _ => false,
    }
}

/// Of each column whether its values have PostgreSQL's digits; empty for a query that shows columns of tables alone. `None`
/// where one is known to have others.
fn outputs(select: &SyntaxNode, sources: Sources<'_>) -> Option<Vec<Output>> {
    let targets = targets(select);
    let output = |target: &SyntaxNode| Some(output(&unwrapped(&target.first_child()?), sources));
    if targets.iter().any(nodes::is_star) {
        let are_columns = targets
            .iter()
            .filter(|target| !nodes::is_star(target))
            .all(|target| matches!(output(target), Some(Some(Output::Exact))));
        let from = nodes::child(select, SyntaxKind::FROM_CLAUSE)?;
        let is_of_tables = !from.descendants().any(|node| {
            matches!(node.kind(), SyntaxKind::PAREN_SELECT | SyntaxKind::FUNCTION_FROM_ITEM)
                || (node.kind() == SyntaxKind::RELATION_NAME_REF && with_table(&node).is_some())
        });
        return (are_columns && is_of_tables).then(Vec::new);
    }
    targets.iter().map(|target| output(target)?).collect()
}

fn output(value: &SyntaxNode, sources: Sources<'_>) -> Option<Output> {
    let facts = |name: &SyntaxNode| -> Option<&ColumnFacts> {
        let Meaning::Column(base, column) = sources.meaning(name) else { return None };
        sources.bases.get(base)?.column(&column)
    };
    match value.kind() {
        SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR => {
            Some(if facts(value).is_some() { Output::Exact } else { Output::Any })
        }
        SyntaxKind::CALL_EXPR => {
            let arguments = nodes::arguments(value);
            let of = match arguments.as_slice() {
                [argument] => facts(&unwrapped(argument)).map(|facts| facts.pg_type),
                _ => None,
            };
            match (nodes::called(value).as_deref(), of) {
                (Some("sum"), Some(of)) if of.oid == Oid::INT8 => Some(Output::Exact),
                (Some("sum" | "min" | "max"), Some(of)) if of.oid == Oid::NUMERIC => {
                    Some(scale(of).map_or(Output::Any, Output::Scale))
                }
                (Some("min" | "max"), Some(_)) => Some(Output::Exact),
                // These divide.
                (Some(name), _) if name == "avg" || name.starts_with("stddev") || name.starts_with("var") => None,
                _ => Some(Output::Any),
            }
        }
        _ => Some(Output::Any),
    }
}

/// The digits behind the point that a numeric type has.
fn scale(of: PgType) -> Option<u16> {
    let bits = of.typmod.checked_sub(4).filter(|bits| *bits >= 0)? & 0x7ff;
    u16::try_from(bits).ok().filter(|scale| *scale <= 1000)
}
