//! UPDATE and DELETE: a query gives the key of each row, and what it becomes.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::returning::{Queried, Returned};
use super::ruled::{NewRow, Outputs, ROW, Value};
use super::target::{Given, Table};
use super::{Change, Made};
use crate::sql::options::TranslateError;
use crate::sql::rule_text::coerced;
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::syntax::parse::lone_statement;
use crate::sql::translate::is_default;
use crate::sql::write_plan::{Deferral, Guard, Lock, Repeats, Returning, RowWrite, WriteBack, WritePart};
use crate::types::{quoted_name, quoted_text};

/// What SET says of a column; `None`: DEFAULT.
pub(super) type Assignment = (String, Option<String>);

/// What becomes of a row that has a key.
struct Keyed {
    /// The statement that changes it, without RETURNING.
    write: String,
    /// The same without what PostgreSQL would compute by itself, and how many values that has.
    asked: Option<(String, usize)>,
    /// Columns of the query's row that it stores.
    stored_count: usize,
    /// The new row, behind the tables.
    row: String,
    guard: Option<Guard>,
    deferral: Option<Deferral>,
    new: NewValues,
    draws: bool,
}

/// What the columns of a row become.
enum NewValues {
    /// It is deleted.
    Gone,
    Known(Vec<String>),
    Unknown,
}

impl Keyed {
    fn plain(write: String, deferral: Option<Deferral>, new: NewValues) -> Self {
        Self { write, asked: None, stored_count: 0, row: String::new(), guard: None, deferral, new, draws: false }
    }
}

impl Change<'_, '_> {
    pub(super) fn update(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        let Some(key) = table.key() else { return Ok(None) };
        let Some(assignments) = self.assignments(self.node) else { return Ok(None) };
        let changed: Vec<String> = assignments.iter().map(|(column, _)| names::folded(column)).collect();
        if table.is_ruled(Some(&changed)) {
            // Only IRIS, or a sequence, knows the default.
            let is_unknown = |(name, value): &Assignment| {
                let column = table.column(&names::folded(name));
                value.is_none()
                    && column.is_some_and(|column| {
                        column.has_default && table.facts.rules.default_of(&column.name).is_none()
                    })
            };
            if assignments.iter().any(is_unknown) {
                return Ok(None);
            }
            return self.ruled_update(&table, &key, &assignments);
        }
        let mut listed = qualified(&table, &key);
        let mut sets = Vec::new();
        let mut draws = false;
        for (column, value) in &assignments {
            match value {
                // Drawn by the statement that changes the row, in the order of the rows.
                Some(value) if calls_nextval(value) => {
                    draws = true;
                    sets.push(format!("{column} = {value}"));
                }
                Some(value) => {
                    listed.push(value.clone());
                    sets.push(format!("{column} = ${}", listed.len()));
                }
                None => {
                    let drawn = table.column(&names::folded(column)).and_then(|column| column.draws.as_ref());
                    draws |= drawn.is_some();
                    let value = drawn.map(|name| format!("nextval({})", quoted_text(name)));
                    sets.push(format!("{column} = {}", value.as_deref().unwrap_or("DEFAULT")));
                }
            }
        }
        let write = format!("UPDATE {} SET {} WHERE {}", table.named, sets.join(", "), table.has_key(&key));
        let deferral = table.deferral(Some(Given::Columns(&assignments)));
        let new = self.new_values(&table, &assignments);
        let keyed = Keyed { draws, ..Keyed::plain(write, deferral, new) };
        self.keyed(&table, &key, &listed, SyntaxKind::FROM_CLAUSE, keyed)
    }

    /// Of rows that PostgreSQL has to look at.
    fn ruled_update(&self, table: &Table, key: &[String], assignments: &[Assignment]) -> Made {
        let row = NewRow { table, values: changed_values(table, assignments) };
        let mut listed = qualified(table, key);
        let mut columns = Vec::new();
        for (n, column) in table.facts.columns.iter().enumerate() {
            let called = table.called(column);
            let is_set = assignments.iter().any(|(name, _)| *name == called);
            if is_set && table.facts.rules.generated(&column.name).is_none() {
                listed.push(format!("{ROW}.pgw_c{n}"));
                columns.push(called);
            }
        }
        let asked_count = listed.len();
        let mut all = columns.clone();
        table.put_computed(ROW, &mut all, &mut listed);
        let stored_count = listed.len();
        let guard = Outputs::of(&row).guard(&mut listed);
        let sets = |columns: &[String]| -> String {
            let first = key.len().saturating_add(1);
            let sets: Vec<String> = (first..).zip(columns).map(|(n, column)| format!("{column} = ${n}")).collect();
            match (sets.is_empty(), table.idle_column()) {
                (true, Some(idle)) => format!("{idle} = {}.{idle}", table.visible),
                _ => sets.join(", "),
            }
        };
        let text =
            |columns: &[String]| format!("UPDATE {} SET {} WHERE {}", table.named, sets(columns), table.has_key(key));
        let keyed = Keyed {
            write: text(&all),
            asked: Some((text(&columns), asked_count)),
            stored_count,
            row: format!(", LATERAL {} AS {ROW}", row.text("")),
            guard: Some(guard),
            deferral: table.deferral(Some(Given::Columns(assignments))),
            new: NewValues::Known((0..table.facts.columns.len()).map(|n| format!("{ROW}.pgw_c{n}")).collect()),
            draws: false,
        };
        self.keyed(table, key, &listed, SyntaxKind::FROM_CLAUSE, keyed)
    }

    pub(super) fn delete(&self) -> Made {
        let Some(table) = self.table() else { return Ok(None) };
        let Some(key) = table.key() else { return Ok(None) };
        let listed = qualified(&table, &key);
        let write = format!("DELETE FROM {} WHERE {}", table.named, table.has_key(&key));
        self.keyed(
            &table,
            &key,
            &listed,
            SyntaxKind::USING_CLAUSE,
            Keyed::plain(write, table.deferral(Some(Given::Gone)), NewValues::Gone),
        )
    }

    /// The change of rows that have a key. `beside`: the clause with the other tables.
    fn keyed(&self, table: &Table, key: &[String], listed: &[String], beside: SyntaxKind, keyed: Keyed) -> Made {
        let Keyed { write, asked, stored_count, row, guard, deferral, new, draws } = keyed;
        // Asked twice, what says something else each time finds other rows.
        let reads = [SyntaxKind::WITH_CLAUSE, beside, SyntaxKind::WHERE_CLAUSE];
        let mut reads = reads.into_iter().filter_map(|kind| nodes::child(self.node, kind));
        if nodes::child(self.node, SyntaxKind::WHERE_CURRENT_OF).is_some()
            || reads.any(|clause| nodes::calls_volatile(&clause))
        {
            return Ok(None);
        }
        // What is gone with another row gives nothing, and of what it was the query knows.
        let deletes = deferral.as_ref().is_some_and(|deferral| deferral.deletes);
        let is_queried = deletes && nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE).is_some();
        let returned = if is_queried { None } else { self.returned(table, |clause| format!("{write}{clause}"))? };
        let (returned, queried) = match returned {
            Some(returned) => (returned, None),
            None => {
                let others = nodes::child(self.node, beside);
                let others: Vec<SyntaxNode> = others.iter().flat_map(SyntaxNode::children).collect();
                let queried = self.queried(table, &others);
                let queried = queried.and_then(|queried| match &new {
                    NewValues::Gone => Some((queried.old().to_owned(), String::new())),
                    NewValues::Known(new) => {
                        Some((Queried::shown(), queried.joined(&[queried.of_row(table, new, "", "")])))
                    }
                    NewValues::Unknown => None,
                });
                if queried.is_none() || !self.is_written(&write)? {
                    return Ok(None);
                }
                (Returned { clause: String::new(), by_query: Some(Returning::Queried) }, queried)
            }
        };
        let stored_columns = listed.len();
        let mut listed = listed.to_vec();
        let returns = queried.map_or_else(String::new, |(list, row)| {
            listed.push(list);
            row
        });
        let (with, condition) = (self.with(), self.clause(SyntaxKind::WHERE_CLAUSE));
        let others = nodes::child(self.node, beside);
        let tables = match &others {
            Some(others) => {
                let items: Vec<&str> = others.children().map(|item| self.text_of(&item)).collect();
                format!("{}, {}", table.named, items.join(", "))
            }
            None => table.named.clone(),
        };
        let query = format!("{with}SELECT {} FROM {tables}{row}{returns}{condition}", listed.join(", "));
        let is_alone = others.is_none() && with.is_empty();
        let Some(lock) = self.lock(table, key, is_alone.then_some(condition.as_str()))? else { return Ok(None) };
        let sql = format!("{write}{}", returned.clause);
        let write = match asked {
            Some((asked, asked_count)) => RowWrite::Computed {
                sql,
                asked: format!("{asked}{}", returned.clause),
                asked_count,
                columns: (0..stored_count).collect(),
                is_new: false,
            },
            None => RowWrite::Of { sql, columns: (0..stored_columns).collect() },
        };
        let rows = vec![write];
        Ok(Some(WriteBack {
            parts: vec![WritePart { query, rows, choice: None, guard }],
            lock,
            keys_count: key.len(),
            draws,
            deferral,
            repeats: Repeats::First,
            fits: Vec::new(),
            returning: returned.by_query,
        }))
    }

    /// What rows become by a SET. `Unknown` where values would be others when they are computed once more, or only IRIS knows.
    fn new_values(&self, table: &Table, assignments: &[Assignment]) -> NewValues {
        let is_volatile = nodes::child(self.node, SyntaxKind::SET_CLAUSE).is_none_or(|set| nodes::calls_volatile(&set));
        if is_volatile || assignments.iter().any(|(_, value)| value.is_none()) {
            return NewValues::Unknown;
        }
        let text = |value: Value| match value {
            Value::Given(text) => Some(text),
            Value::OfIris => None,
        };
        let values = changed_values(table, assignments).into_iter().map(text).collect::<Option<_>>();
        values.map_or(NewValues::Unknown, NewValues::Known)
    }

    /// How the rows are locked before they are read: all for which the condition is true, where IRIS can tell, else those
    /// that the query has found. `None`: they cannot be locked, and what others do to them meanwhile would be lost.
    pub(super) fn lock(
        &self,
        table: &Table,
        key: &[String],
        condition: Option<&str>,
    ) -> Result<Option<Lock>, TranslateError> {
        let Some(locking) = table.locking() else { return Ok(None) };
        if let Some(condition) = condition {
            let all = format!("{locking}{condition}");
            if self.translates(&all)? {
                return Ok(Some(Lock::All(all)));
            }
        }
        let one = format!("{locking} WHERE {}", table.has_key(key));
        Ok(self.is_written(&one)?.then_some(Lock::Each(one)))
    }

    /// Of the SET of a change. `None` where there is more to it than columns and expressions.
    pub(super) fn assignments(&self, around: &SyntaxNode) -> Option<Vec<Assignment>> {
        let set = nodes::child(around, SyntaxKind::SET_CLAUSE)?;
        let mut all = Vec::new();
        let items = set
            .descendants()
            .filter(|node| matches!(node.kind(), SyntaxKind::SET_SINGLE_COLUMN | SyntaxKind::SET_MULTIPLE_COLUMNS));
        for item in items {
            let of = |kind: SyntaxKind| -> Vec<SyntaxNode> {
                item.descendants().filter(|node| node.kind() == kind).collect()
            };
            let columns = of(SyntaxKind::COLUMN_TARGET);
            let is_single = item.kind() == SyntaxKind::SET_SINGLE_COLUMN;
            if let Some(query) = item.children().find(|child| !is_single && is_query(child.kind())) {
                all.extend(self.parts_of(&query, &columns)?);
                continue;
            }
            let values = match is_single {
                true => nodes::children(&item, SyntaxKind::SET_EXPR).collect(),
                false => of(SyntaxKind::SET_EXPR),
            };
            if columns.len() != values.len() {
                return None;
            }
            for (column, value) in columns.iter().zip(&values) {
                let text = (!is_default(value)).then(|| self.text_of(value).to_owned());
                all.push((self.set_column(column)?, text));
            }
        }
        (!all.is_empty()).then_some(all)
    }

    /// A column of SET, quoted; `None` for a part of one.
    fn set_column(&self, column: &SyntaxNode) -> Option<String> {
        let parts = names::folded_parts(column);
        let [name] = parts.as_slice() else { return None };
        let is_whole = self.text_of(column).trim() == names::parts(column).join(".");
        is_whole.then(|| quoted_name(name))
    }

    /// `(a, b) = (SELECT ..)`: a query for each column, where they say the same.
    fn parts_of(&self, query: &SyntaxNode, columns: &[SyntaxNode]) -> Option<Vec<Assignment>> {
        if nodes::calls_volatile(query) {
            return None;
        }
        let all: Vec<String> = (0..columns.len()).map(|n| format!("pgw_{n}")).collect();
        let text = self.text_of(query);
        let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
        let part = |(n, column): (usize, &SyntaxNode)| {
            let value = format!("(SELECT pgw_s.pgw_{n} FROM ({text}) AS pgw_s({}))", all.join(", "));
            Some((self.set_column(column)?, Some(value)))
        };
        columns.iter().enumerate().map(part).collect()
    }
}

pub(super) fn qualified(table: &Table, key: &[String]) -> Vec<String> {
    key.iter().map(|column| format!("{}.{column}", table.visible)).collect()
}

fn calls_nextval(value: &str) -> bool {
    let is_nextval =
        |node: &SyntaxNode| node.kind() == SyntaxKind::CALL_EXPR && nodes::called(node).as_deref() == Some("nextval");
    lone_statement(&format!("SELECT {value}")).is_some_and(|value| value.descendants().any(|node| is_nextval(&node)))
}

/// The values of a row that is changed. `assignments`: of the columns, quoted.
pub(super) fn changed_values(table: &Table, assignments: &[Assignment]) -> Vec<Value> {
    let columns = table.facts.columns.iter();
    let value = |column: &ColumnFacts| {
        let called = table.called(column);
        match assignments.iter().find(|(name, _)| *name == called) {
            Some((_, Some(text))) => coerced(column, text),
            Some((_, None)) => coerced(column, table.facts.rules.default_of(&column.name).unwrap_or("NULL")),
            None => format!("{}.{called}", table.visible),
        }
    };
    columns.map(|column| Value::Given(value(column))).collect()
}
