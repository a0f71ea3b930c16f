//! Queries that IRIS cannot compute as a whole are cut: IRIS gives the rows of each table they name, with the conditions
//! that it can compute exactly, and PostgreSQL runs the query over these rows.
//!
//! Where a table stands in FROM, `(SELECT .. FROM unnest($n, ..))` takes its place, whose parameters are the columns that
//! IRIS gave; all else stays as the client wrote it. PostgreSQL evaluates every condition again: what IRIS leaves out need
//! only be rows of which a condition is not true.

mod columns;
mod conditions;
mod functions;
mod grouped;
mod nearby;
mod order;
mod pairs;
mod places;
mod relations;
mod resolution;
mod sample;
mod sources;
#[cfg(test)]
mod tests;
mod top;
mod whole;

use std::fmt::Write as _;
use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

pub(crate) use self::columns::fetched;
use self::columns::{Mentions, needed};
use self::functions::reads_tables;
use self::nearby::{is_called, select_of};
use self::order::{Draft, Strength};
pub(in crate::sql) use self::relations::bases;
use self::relations::{Base, ask};
pub(in crate::sql) use self::resolution::SYSTEM_COLUMNS;
use self::resolution::show_system_columns;
use self::sample::Sample;
use self::whole::Whole;
use super::options::{TranslateError, TranslateOptions, Translated};
use super::plan::{Action, CatalogQuery, Fetch, FetchedColumn, Finish, FinishPiece};
use super::schema::Schema;
use super::syntax::names;
use super::syntax::nodes::{self, is_query};
use super::syntax::parse::lone_statement;
use super::syntax::volatile::is_volatile;
use super::template::Template;
use super::translate::context::cx::Cx;
use super::translate::explain::plainly_explained;
use super::translate::{RULES, trial};
use crate::sql::schema::ColumnFacts;
use crate::types::{Oid, quoted_name, quoted_text};

/// A query cut in two; `None` where it cannot be cut.
///
/// # Errors
/// [`TranslateError::NeedTables`], as of [`translate`].
pub(crate) fn finish(
    sql: &str,
    template: &Template,
    schema: &dyn Schema,
    options: &TranslateOptions<'_>,
) -> Result<Option<Translated>, TranslateError> {
    let Some(statement) = lone_statement(sql) else { return Ok(None) };
    let explains = statement.kind() == SyntaxKind::EXPLAIN;
    let cx = Cx::new(sql, template, schema, options, RULES);
    let Some(query) = (if explains { plainly_explained(&cx, &statement) } else { Some(statement) }) else {
        return Ok(None);
    };
    ask(&cx, &query);
    let cut = match cx.is_finishable(&query) {
        Some(found) => {
            let cut = Cut { cx: &cx, query: &query };
            let made = cut.made(found)?;
            if explains { made.map(|finish| cut.explained(&finish)).transpose()? } else { made }
        }
        None => None,
    };
    let needed = cx.take_needed();
    if !needed.is_empty() {
        return Err(TranslateError::NeedTables(needed));
    }
    let tag = if explains { "EXPLAIN" } else { "SELECT" };
    Ok(cut.map(|finish| Translated::of_text(Action::Finish(finish), tag, template, options)))
}

struct Cut<'a, 'b> {
    cx: &'a Cx<'b>,
    query: &'a SyntaxNode,
}

/// What stands in the text of the query in place of a range of it.
enum Edit {
    Text(String),
    /// The rows of a fetch.
    Rows(usize),
}

impl Cut<'_, '_> {
    fn made(&self, asks: CatalogQuery) -> Result<Option<Finish>, TranslateError> {
        let Some(mut bases) = bases(self.cx, self.query) else { return Ok(None) };
        // Without tables a query is PostgreSQL's own, or its functions are the gateway's.
        if bases.is_empty() && !self.cx.template.is_refused {
            return Ok(None);
        }
        let mentions = Mentions::of(self.query);
        if !show_system_columns(self.cx, self.query, &mut bases, &mentions) {
            return Ok(None);
        }
        let wholes = self.wholes(&bases)?;
        let Some(simple) = self.made_of(asks, (&bases, &mentions), &[])? else { return Ok(None) };
        let better = if wholes.is_empty() { None } else { self.made_of(asks, (&bases, &mentions), &wholes)? };
        Ok(Some(match better {
            Some(better) => Finish { simpler: Some(Box::new(simple)), ..better },
            None => simple,
        }))
    }

    /// A cut at the tables, but for those that stand in sub-queries that are fetched as they are.
    fn made_of(
        &self,
        asks: CatalogQuery,
        (bases, mentions): (&[Base], &Mentions),
        wholes: &[Whole],
    ) -> Result<Option<Finish>, TranslateError> {
        let mut drafts = Vec::with_capacity(bases.len());
        for (at, base) in bases.iter().enumerate() {
            if !wholes.iter().any(|whole| whole.holds(&base.range)) {
                let Some(draft) = self.fetch(base, bases, needed(base, mentions))? else { return Ok(None) };
                drafts.push((at, draft));
            }
        }
        let (fetches, places) = self.ordered(bases, wholes, drafts)?;
        let mut edits: Vec<(Range<usize>, Edit)> = Vec::new();
        for (base, at) in bases.iter().zip(places) {
            let Some(at) = at else { continue };
            if base.select.kind() == SyntaxKind::TABLE
                && let Some(word) = nodes::token(&base.select, SyntaxKind::TABLE_KW)
            {
                let range = word.text_range();
                edits.push((range.start().into()..range.end().into(), Edit::Text("SELECT * FROM".to_owned())));
            }
            let columns = fetches.get(at).map(|fetch| fetch.columns.as_slice()).unwrap_or_default();
            edits.extend(self.in_place(base, at, columns, mentions));
        }
        let Some(qualified) = self.unqualified(bases) else { return Ok(None) };
        edits.extend(qualified);
        let Some(grouped) = self.grouped(bases, mentions) else { return Ok(None) };
        edits.extend(grouped);
        edits.retain(|(range, _)| !wholes.iter().any(|whole| whole.holds(range)));
        edits.extend(wholes.iter().map(|whole| (whole.range(), Edit::Rows(whole.place))));
        Ok(self.pieces(edits).map(|pieces| Finish { asks, fetches, pieces, simpler: None }))
    }

    /// EXPLAIN of a cut: both steps, as rows of text.
    fn explained(&self, finish: &Finish) -> Result<Finish, TranslateError> {
        let mut second = String::new();
        for piece in &finish.pieces {
            match piece {
                FinishPiece::Text(text) => second.push_str(text),
                FinishPiece::Rows(at) => {
                    let _ = write!(second, "(rows {})", at.saturating_add(1));
                }
            }
        }
        let start = usize::from(self.query.text_range().start());
        let mut lines = vec![format!("PostgreSQL: {}", in_one_line(second.get(start..).unwrap_or_default()))];
        for (n, fetch) in finish.fetches.iter().enumerate() {
            let lists: Vec<Oid> = fetch.keys.iter().map(|key| key.array).collect();
            let keyed = fetch.keyed(&fetch.keys, self.parameters_count().saturating_add(1));
            let iris = self.translation(&keyed, &lists)?.unwrap_or_default();
            let mut by = String::new();
            for key in &fetch.keys {
                let column = finish.fetches.get(key.fetch).and_then(|fetch| fetch.columns.get(key.fetched));
                let column = column.map(|column| column.name.as_str()).unwrap_or_default();
                let at = key.fetch.saturating_add(1);
                let _ = write!(by, ", where {} is a {} of rows {at}", key.column, quoted_name(column));
            }
            let what = if fetch.outputs.is_some() { "the sub-query over " } else { "" };
            lines.push(format!("  rows {} of {what}{}{by}", n.saturating_add(1), fetch.table));
            lines.push(format!("    IRIS: {}", in_one_line(&iris)));
        }
        let lines: Vec<String> = lines.iter().map(|line| quoted_text(line)).collect();
        let text = format!("SELECT unnest(ARRAY[{}]) AS \"QUERY PLAN\"", lines.join(", "));
        Ok(Finish {
            asks: CatalogQuery::default(),
            fetches: Vec::new(),
            pieces: vec![FinishPiece::Text(text)],
            simpler: None,
        })
    }

    /// What IRIS is asked for the rows of a table.
    fn fetch(&self, base: &Base, bases: &[Base], columns: Vec<FetchedColumn>) -> Result<Option<Draft>, TranslateError> {
        let listed = |column: &FetchedColumn| {
            // What IRIS keeps as text travels as text.
            let is_text = base.column(&column.name).is_some_and(ColumnFacts::is_opaque);
            format!("{}.{}{}", base.visible, quoted_name(&column.name), if is_text { "::text" } else { "" })
        };
        let list: Vec<String> = columns.iter().map(listed).collect();
        // An alias hides the schema, by which a condition may name the table.
        let alias = base.alias.as_ref().map(|alias| format!(" AS {}", alias.name)).unwrap_or_default();
        let from = format!("FROM {}{alias}", base.typed.join("."));
        let plain = format!("SELECT {} {from}", list.join(", "));
        if !self.translates(&plain)? {
            return Ok(None);
        }
        let mut conditions: Vec<String> = Vec::new();
        let mut has_all = true;
        // Rows are counted before conditions are asked.
        let is_counted = base.sample.as_ref().is_some_and(Sample::is_repeatable);
        for conjunct in base.conjuncts.iter().filter(|_| !is_counted) {
            let text = self.cx.sql.get(conjunct.range.clone()).unwrap_or_default();
            if self.is_about(conjunct.nodes(), base, bases)
                && self.translates(&format!("SELECT 1 {from} WHERE {text}"))?
            {
                // What has an OR is whole.
                conditions.push(if base.conjuncts.len() > 1 && conjunct.has_or() {
                    format!("({text})")
                } else {
                    text.to_owned()
                });
            } else {
                has_all = false;
            }
        }
        let filtered = match conditions.is_empty() {
            true => plain.clone(),
            false => format!("{plain} WHERE {}", conditions.join(" AND ")),
        };
        let limited = has_all.then(|| self.top(base, bases)).flatten().map(|top| format!("{filtered} {top}"));
        let filtered = (filtered != plain).then_some((filtered, Strength::of(base, !conditions.is_empty())));
        let (mut sql, mut strength) = (plain.clone(), Strength::Whole);
        for (better, known) in limited.map(|limited| (limited, Strength::Limited)).into_iter().chain(filtered) {
            if self.translates(&better)? {
                (sql, strength) = (better, known);
                break;
            }
        }
        let fetch = Fetch { table: base.typed.join("."), columns, sql, plain, keys: Vec::new(), outputs: None };
        Ok(Some(Draft { fetch, strength }))
    }

    /// Whether IRIS can compute a query exactly, as far as translation can tell.
    fn translates(&self, sql: &str) -> Result<bool, TranslateError> {
        self.translation(sql, &[]).map(|text| text.is_some())
    }

    /// What IRIS would be sent for a query that it can compute exactly. `lists`: types of parameters behind the client's.
    fn translation(&self, sql: &str, lists: &[Oid]) -> Result<Option<String>, TranslateError> {
        let parameter_types = [self.cx.options.parameter_types, lists].concat();
        let options = TranslateOptions { parameter_types: &parameter_types, ..*self.cx.options };
        let steps = trial(sql, self.cx.schema, &options)?;
        Ok(steps.and_then(|steps| steps.first().map(|step| step.plan.statement.text.clone())))
    }

    /// Whether an expression is about the columns of one table and says the same whenever it is asked.
    fn is_about(&self, parts: impl Iterator<Item = SyntaxNode>, base: &Base, bases: &[Base]) -> bool {
        // IRIS has no column aliases of a table.
        if base.is_renamed() {
            return false;
        }
        let mut reads = false;
        for node in parts {
            match node.kind() {
                kind if is_query(kind) => return false,
                SyntaxKind::CALL_EXPR if nodes::called(&node).is_some_and(|name| is_volatile(&name)) => return false,
                SyntaxKind::FIELD_EXPR => {
                    let is_inner = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                    if is_inner || is_called(&node) {
                        continue;
                    }
                    let parts = names::folded_parts(&node);
                    let is_own = match parts.as_slice() {
                        [qualifier, column] => *qualifier == base.folded && base.has_column(column),
                        [schema, table, column] => base.is_named(schema, table) && base.has_column(column),
                        _ => false,
                    };
                    if !is_own {
                        return false;
                    }
                    reads = true;
                }
                SyntaxKind::NAME_REF => {
                    let is_part = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                    if is_part || is_called(&node) || nodes::is_constant(&node) {
                        continue;
                    }
                    let Some(name) = names::first(&node).map(|name| names::folded(&name)) else { return false };
                    if !self.is_column_of(&name, base, bases) {
                        return false;
                    }
                    reads = true;
                }
                _ => {}
            }
        }
        reads
    }

    /// Whether a bare name is that of a column of this table and of no other in the same FROM.
    fn is_column_of(&self, name: &str, base: &Base, bases: &[Base]) -> bool {
        tables_of(&base.select, bases).is_some_and(|beside| {
            base.has_column(name) && beside.iter().filter(|other| other.has_column(name)).count() == 1
        })
    }

    /// `schema.table.column` has no schema where the table is none any more; `None` for what is not understood.
    fn unqualified(&self, bases: &[Base]) -> Option<Vec<(Range<usize>, Edit)>> {
        let mut edits = Vec::new();
        for node in self.query.descendants().filter(|node| node.kind() == SyntaxKind::FIELD_EXPR) {
            let is_inner = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
            if is_inner || is_called(&node) || node.descendants().any(|part| part.kind() == SyntaxKind::PAREN_EXPR) {
                continue;
            }
            let parts = names::folded_parts(&node);
            let is_star = nodes::has_token(&node, SyntaxKind::STAR);
            let (schema, table) = match (parts.as_slice(), is_star) {
                ([_], true) | ([_, _], false) => continue,
                ([schema, table], true) | ([schema, table, _], false) => (schema, table),
                _ => return None,
            };
            let named = || bases.iter().filter(|base| base.is_named(schema, table));
            // That of the innermost query that has one.
            let base = node.ancestors().find_map(|around| named().find(|base| base.select == around));
            let Some(base) = base.or_else(|| named().next()) else {
                // Of a catalog, perhaps.
                continue;
            };
            let table = node.descendants().filter(|part| part.kind() == SyntaxKind::NAME_REF).nth(1)?.text_range();
            let (end, name) = if base.shown == base.visible {
                (table.start(), String::new())
            } else {
                (table.end(), base.shown.clone())
            };
            edits.push((node.text_range().start().into()..end.into(), Edit::Text(name)));
        }
        Some(edits)
    }

    /// The text with its edits; `None` where two of them meet.
    fn pieces(&self, mut edits: Vec<(Range<usize>, Edit)>) -> Option<Vec<FinishPiece>> {
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        for (range, edit) in edits {
            text.push_str(self.cx.sql.get(at..range.start)?);
            at = range.end;
            match edit {
                Edit::Text(new) => text.push_str(&new),
                Edit::Rows(fetch) => {
                    pieces.push(FinishPiece::Text(std::mem::take(&mut text)));
                    pieces.push(FinishPiece::Rows(fetch));
                }
            }
        }
        text.push_str(self.cx.sql.get(at..)?);
        pieces.push(FinishPiece::Text(text));
        Some(pieces)
    }
}

impl Cx<'_> {
    /// What the oracle has to know of a query that it may finish; `None` where it may not.
    fn is_finishable(&self, query: &SyntaxNode) -> Option<CatalogQuery> {
        let is_allowed = is_query(query.kind())
            && query.descendants().all(|node| match node.kind() {
                SyntaxKind::INSERT
                | SyntaxKind::UPDATE
                | SyntaxKind::DELETE
                | SyntaxKind::MERGE
                | SyntaxKind::LOCKING_CLAUSE
                | SyntaxKind::INTO_CLAUSE
                | SyntaxKind::SELECT_INTO => false,
                SyntaxKind::CALL_EXPR => {
                    nodes::called(&node).is_none_or(|name| !reads_tables(&name, nodes::arguments(&node).len()))
                }
                _ => true,
            });
        if !is_allowed { None } else { self.asks_of_oracle(query) }
    }
}

/// A text without its line breaks, and with single blanks.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tables in FROM of a SELECT; `None` where whatever else is there may have columns of any name.
fn tables_of<'a>(select: &SyntaxNode, bases: &'a [Base]) -> Option<Vec<&'a Base>> {
    let from = nodes::child(select, SyntaxKind::FROM_CLAUSE)?;
    let beside: Vec<&Base> = bases.iter().filter(|base| base.select == *select).collect();
    let items = from.descendants().filter(|node| select_of(node).is_some_and(|of| of == *select)).filter(|node| {
        matches!(
            node.kind(),
            SyntaxKind::RELATION_FROM_ITEM
                | SyntaxKind::FUNCTION_FROM_ITEM
                | SyntaxKind::PAREN_SELECT
                | SyntaxKind::JSON_TABLE_FROM_ITEM
                | SyntaxKind::JOIN_USING_CLAUSE
        )
    });
    (items.count() == beside.len()).then_some(beside)
}
