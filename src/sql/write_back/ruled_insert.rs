//! INSERT into a table with rules that IRIS does not know of.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::insert::{is_plain, row_width};
use super::ruled::{NewRow, Outputs, ROW, Value};
use super::target::Table;
use super::{Change, Made};
use crate::sql::options::TranslateError;
use crate::sql::rule_text::coerced;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::is_default;
use crate::sql::write_plan::{Lock, Repeats, Returning, RowWrite, WriteBack, WritePart};
use crate::types::quoted_name;

/// The columns of the table that get values of the statement's, by their places; of each where the value stands.
type Given = Vec<(usize, String)>;

impl Change<'_, '_> {
    /// `listed`: the columns in parentheses, folded.
    pub(super) fn ruled_insert(&self, table: &Table, source: Option<&SyntaxNode>, listed: Option<&[String]>) -> Made {
        let conflict = nodes::child(self.node, SyntaxKind::ON_CONFLICT_CLAUSE);
        let is_update =
            conflict.as_ref().is_some_and(|conflict| nodes::child(conflict, SyntaxKind::CONFLICT_DO_NOTHING).is_none());
        // The gateway takes values of sequences for statements that IRIS computes.
        let draws = |node: SyntaxNode| {
            node.kind() == SyntaxKind::CALL_EXPR
                && nodes::called(&node)
                    .is_some_and(|name| matches!(name.as_str(), "nextval" | "currval" | "setval" | "lastval"))
        };
        if self.node.descendants().any(draws) {
            return Ok(None);
        }
        let Some(places) = self.places(table, source, listed) else { return Ok(None) };
        if is_update {
            let names: Vec<String> = places
                .iter()
                .filter_map(|at| table.facts.columns.get(*at))
                .map(|column| column.name.to_lowercase())
                .collect();
            let Some(source) = source else { return Ok(None) };
            let head = format!("INSERT INTO {} ({})", table.named, self.called(table, &places).join(", "));
            return self.upsert(table, &head, source, &names);
        }
        let mut parts = Vec::new();
        let mut by_query = None;
        for (from, given) in self.sources(table, source, &places) {
            let Some((part, returned)) = self.ruled_part(table, &from, &given)? else { return Ok(None) };
            by_query = by_query.or(returned);
            parts.push(part);
        }
        Ok(Some(WriteBack {
            parts,
            lock: Lock::None,
            draws: false,
            deferral: table.deferral(None),
            keys_count: 0,
            repeats: Repeats::First,
            fits: Vec::new(),
            returning: by_query,
        }))
    }

    /// Which columns of the table the values are for.
    fn places(&self, table: &Table, source: Option<&SyntaxNode>, listed: Option<&[String]>) -> Option<Vec<usize>> {
        let columns = &table.facts.columns;
        match (listed, source) {
            (Some(listed), _) => {
                let place = |name: &String| columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
                listed.iter().map(place).collect()
            }
            (None, None) => Some(Vec::new()),
            (None, Some(source)) if source.kind() == SyntaxKind::VALUES => {
                row_width(source).filter(|width| *width <= columns.len()).map(|width| (0..width).collect())
            }
            // The rows are as wide as the query's select list, which only a list without a star tells.
            (None, Some(source)) => {
                let list = source.descendants().find(|node| node.kind() == SyntaxKind::TARGET_LIST)?;
                let is_star = nodes::children(&list, SyntaxKind::TARGET)
                    .any(|target| nodes::has_token(&target, SyntaxKind::STAR));
                let width = nodes::children(&list, SyntaxKind::TARGET).count();
                (!is_star && width <= columns.len()).then(|| (0..width).collect())
            }
        }
    }

    fn called(&self, table: &Table, places: &[usize]) -> Vec<String> {
        places.iter().filter_map(|at| table.facts.columns.get(*at)).map(|column| table.called(column)).collect()
    }

    /// What stands in FROM for rows that have values for the same columns, in the order in which they are stored.
    fn sources(&self, table: &Table, source: Option<&SyntaxNode>, places: &[usize]) -> Vec<(String, Given)> {
        let columns = &table.facts.columns;
        let is_written =
            |at: &usize| columns.get(*at).is_some_and(|column| table.facts.rules.generated(&column.name).is_none());
        let Some(source) = source else { return vec![("(SELECT 1) AS pgw_s(pgw_0)".to_owned(), Vec::new())] };
        let names: Vec<String> = (0..places.len()).map(|n| format!("pgw_{n}")).collect();
        if source.kind() != SyntaxKind::VALUES || !is_plain(source) {
            let from = format!("({}) AS pgw_s({})", self.text_of(source), names.join(", "));
            let given = places.iter().zip(&names).filter(|(at, _)| is_written(at));
            let given =
                given.filter_map(|(at, name)| Some((*at, coerced(columns.get(*at)?, &format!("pgw_s.{name}")))));
            return vec![(from, given.collect())];
        }
        let mut groups: Vec<(Vec<usize>, Vec<String>)> = Vec::new();
        for row in nodes::grandchildren(source, SyntaxKind::ROW_LIST, SyntaxKind::ROW) {
            let mut shape = Vec::new();
            let mut values = Vec::new();
            for (at, value) in places.iter().zip(expressions(&row)) {
                let Some(column) = columns.get(*at).filter(|_| !is_default(&value) && is_written(at)) else { continue };
                shape.push(*at);
                values.push(coerced(column, self.text_of(&value)));
            }
            if values.is_empty() {
                values.push("1".to_owned());
            }
            let values = format!("({})", values.join(", "));
            match groups.last_mut().filter(|(before, _)| *before == shape) {
                Some((_, rows)) => rows.push(values),
                None => groups.push((shape, vec![values])),
            }
        }
        groups
            .into_iter()
            .map(|(shape, rows)| {
                let names: Vec<String> = (0..shape.len().max(1)).map(|n| format!("pgw_{n}")).collect();
                let from = format!("(VALUES {}) AS pgw_s({})", rows.join(", "), names.join(", "));
                let given = shape.into_iter().zip(&names).map(|(at, name)| (at, format!("pgw_s.{name}")));
                (from, given.collect())
            })
            .collect()
    }

    /// ON CONFLICT over what a hidden column holds, in its place.
    fn stored_conflict(&self, table: &Table) -> Option<String> {
        let conflict = nodes::child(self.node, SyntaxKind::ON_CONFLICT_CLAUSE)?;
        let named = nodes::child(&conflict, SyntaxKind::CONFLICT_ON_CONSTRAINT)
            .and_then(|constraint| names::parts(&constraint).pop())
            .map(|name| names::folded(&name));
        let target = nodes::child(&conflict, SyntaxKind::CONFLICT_ON_INDEX);
        let items = target.iter().flat_map(SyntaxNode::descendants);
        let items = items.filter(|node| node.kind() == SyntaxKind::CONFLICT_INDEX_ITEM);
        let mut items: Vec<String> = items.filter_map(|item| Some(plain(self.text_of(&item.first_child()?)))).collect();
        items.sort();
        let key = table.facts.rules.keys.iter().find(|key| {
            let mut own: Vec<String> = key.items.iter().map(|item| plain(item)).collect();
            own.sort();
            named.as_ref() == Some(&key.name) || named.is_none() && own == items
        })?;
        let is_plain_key = |columns: &[String]| {
            let mut own: Vec<String> = columns.iter().map(|column| plain(column)).collect();
            own.sort();
            own == items
        };
        // A key that IRIS has itself comes first.
        let facts = &table.facts;
        let has_own = is_plain_key(&facts.primary_key) || facts.unique_keys.iter().any(|(_, key)| is_plain_key(key));
        (named.is_some() || !has_own).then(|| format!(" ON CONFLICT ({}) DO NOTHING", quoted_name(&key.hidden)))
    }

    fn ruled_part(
        &self,
        table: &Table,
        from: &str,
        given: &Given,
    ) -> Result<Option<(WritePart, Option<Returning>)>, TranslateError> {
        let facts = &table.facts;
        let row = NewRow { table, values: new_values(table, given) };
        if row.is_unknown() {
            return Ok(None);
        }
        let mut listed = Vec::new();
        let mut columns = Vec::new();
        for (n, column) in facts.columns.iter().enumerate() {
            let is_given = given.iter().any(|(at, _)| *at == n);
            // A default that a rule has read is the one that is stored.
            let is_read = facts.rules.read(&column.name) && facts.rules.default_of(&column.name).is_some();
            if facts.rules.generated(&column.name).is_none() && (is_given || is_read && !column.identity) {
                columns.push(table.called(column));
                listed.push(format!("{ROW}.pgw_c{n}"));
            }
        }
        let asked_count = listed.len();
        let mut all = columns.clone();
        table.put_computed(ROW, &mut all, &mut listed);
        let stored_count = listed.len();
        let guard = Outputs::of(&row).guard(&mut listed);
        let query =
            format!("{}SELECT {} FROM {from}, LATERAL {} AS {ROW}", self.with(), listed.join(", "), row.text(""));
        let overriding = [SyntaxKind::OVERRIDING_SYSTEM_VALUE, SyntaxKind::OVERRIDING_USER_VALUE];
        let overriding: String = overriding.into_iter().map(|kind| self.clause(kind)).collect();
        let conflict = self.clause(SyntaxKind::ON_CONFLICT_CLAUSE);
        let stored_conflict = self.stored_conflict(table).unwrap_or_else(|| conflict.clone());
        let insert = |columns: &[String], conflict: &str, clause: &str| {
            if columns.is_empty() {
                return format!("INSERT INTO {} DEFAULT VALUES{conflict}{clause}", table.named);
            }
            let marks: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
            let (columns, marks) = (columns.join(", "), marks.join(", "));
            format!("INSERT INTO {} ({columns}){overriding} VALUES ({marks}){conflict}{clause}", table.named)
        };
        let Some(returned) = self.returned(table, |clause| insert(&all, &stored_conflict, clause))? else {
            return Ok(None);
        };
        let write = RowWrite::Computed {
            sql: insert(&all, &stored_conflict, &returned.clause),
            asked: insert(&columns, &conflict, &returned.clause),
            asked_count,
            columns: (0..stored_count).collect(),
            is_new: false,
        };
        Ok(Some((WritePart { query, rows: vec![write], choice: None, guard: Some(guard) }, returned.by_query)))
    }
}

/// An expression without blanks, quotes and parentheses around it, to tell whether two are the same.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
    let mut text = text.to_lowercase();
    while let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        text = inner.to_owned();
    }
    text
}

/// The values of a row that is new: those that are given, else defaults.
pub(super) fn new_values(table: &Table, given: &[(usize, String)]) -> Vec<Value> {
    let columns = table.facts.columns.iter().enumerate();
    columns
        .map(|(n, column)| match given.iter().find(|(at, _)| *at == n) {
            Some((_, text)) => Value::Given(text.clone()),
            None if column.identity || column.draws.is_some() => Value::OfIris,
            None => match table.facts.rules.default_of(&column.name) {
                Some(default) => Value::Given(coerced(column, default)),
                None if column.has_default => Value::OfIris,
                None => Value::Given(coerced(column, "NULL")),
            },
        })
        .collect()
}

impl Table {
    /// Appends the columns that PostgreSQL computes, and where their values stand.
    pub(super) fn put_computed(&self, row: &str, columns: &mut Vec<String>, listed: &mut Vec<String>) {
        let rules = &self.facts.rules;
        for (n, column) in self.facts.columns.iter().enumerate() {
            if rules.generated(&column.name).is_some() {
                columns.push(self.called(column));
                listed.push(format!("{row}.pgw_c{n}"));
            }
        }
        for (n, key) in rules.keys.iter().enumerate() {
            columns.push(quoted_name(&key.hidden));
            listed.push(format!("{row}.pgw_h{n}"));
        }
    }
}
