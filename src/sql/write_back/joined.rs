//! Changes by a join of rows that come with rows that are there: MERGE, and ON CONFLICT DO UPDATE.

use squawk_syntax::SyntaxKind;

use super::returning::{Queried, Returned};
use super::ruled::{NewRow, Outputs, Value};
use super::ruled_insert::new_values;
use super::target::Table;
use super::update::{Assignment, changed_values, qualified};
use super::{Change, Made};
use crate::sql::options::TranslateError;
use crate::sql::rule_text::coerced;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::parse::lone_statement;
use crate::sql::write_plan::{Repeats, Returning, RowWrite, WriteBack, WritePart};
use crate::types::PgType;

/// The sub-query that tells what becomes of a row, and its column.
const CHOICE: &str = "pgw_choice";
const CHOSEN: &str = "pgw_choice.pgw_n";

/// What becomes of the rows of which a condition is true, and of no condition before.
pub(super) struct Action {
    pub(super) condition: String,
    pub(super) write: Write,
}

pub(super) enum Write {
    Nothing,
    Delete,
    Update(Vec<Assignment>),
    /// `head`: all in front of VALUES; `values`: `None` is DEFAULT.
    Insert {
        head: String,
        /// Folded; empty where none are listed.
        columns: Vec<String>,
        values: Vec<Option<String>>,
        tail: String,
    },
}

/// The rows that PostgreSQL has to look at.
struct RuledRows<'a> {
    outputs: Outputs<'a>,
    /// Their sub-queries, behind the join.
    text: String,
}

impl RuledRows<'_> {
    /// Its name. `only`: the condition of its values.
    fn push(&mut self, row: &NewRow<'_>, number: usize, only: &str) -> String {
        let name = format!("{}{number}", super::ruled::ROW);
        self.text.push_str(&format!(" LEFT JOIN LATERAL {} AS {name} ON true", row.text(only)));
        self.outputs.push(&name, row, !only.is_empty());
        name
    }
}

/// The row that an action writes, where PostgreSQL has to look at it.
fn ruled_row<'a>(table: &'a Table, write: &Write) -> Option<NewRow<'a>> {
    let values = match write {
        Write::Update(assignments) => {
            let changed: Vec<String> = assignments.iter().map(|(column, _)| names::folded(column)).collect();
            table.is_ruled(Some(&changed)).then(|| changed_values(table, assignments))
        }
        Write::Insert { columns, values, .. } if table.is_ruled(None) => {
            let given = given(table, columns, values).into_iter().filter_map(|(at, text)| {
                let column = table.facts.columns.get(at)?;
                Some((at, text.map_or_else(|| default_of(table, at), |text| Some(coerced(column, &text)))?))
            });
            Some(new_values(table, &given.collect::<Vec<_>>()))
        }
        _ => None,
    };
    values.map(|values| NewRow { table, values })
}

/// The default of a column that PostgreSQL knows; none for what IRIS makes.
fn default_of(table: &Table, at: usize) -> Option<String> {
    let column = table.facts.columns.get(at)?;
    table.facts.rules.default_of(&column.name).map(|default| coerced(column, default))
}

/// Values by the places of their columns; `None` is DEFAULT.
fn given(table: &Table, columns: &[String], values: &[Option<String>]) -> Vec<(usize, Option<String>)> {
    let place = |name: &String| table.facts.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let places: Vec<Option<usize>> =
        if columns.is_empty() { (0..values.len()).map(Some).collect() } else { columns.iter().map(place).collect() };
    let is_written = |at: usize| {
        table.facts.columns.get(at).is_some_and(|column| table.facts.rules.generated(&column.name).is_none())
    };
    let all = places.into_iter().zip(values);
    all.filter_map(|(at, value)| Some((at.filter(|at| is_written(*at))?, value.clone()))).collect()
}

/// The rows.
pub(super) struct Joined {
    /// The join, with the table on the side that may be missing.
    pub(super) from: String,
    /// Expressions in which no two rows may agree.
    pub(super) distinct: Vec<String>,
    /// Texts that have to fit into columns, whatever becomes of the row.
    pub(super) fits: Vec<(String, PgType)>,
    pub(super) actions: Vec<Action>,
}

/// What RETURNING of MERGE shows of the rows of each action.
struct ShownRows<'a> {
    table: &'a Table,
    /// `None`: nothing is returned.
    queried: Option<Queried>,
    /// `None`: the values of a row are not known.
    queries: Option<Vec<String>>,
}

impl ShownRows<'_> {
    /// `values`: of the row that an action writes.
    fn push(&mut self, write: &Write, number: usize, values: Option<Vec<String>>) {
        let Some(queried) = &self.queried else { return };
        let action = match write {
            Write::Nothing => return,
            Write::Delete => "DELETE",
            Write::Update(_) => "UPDATE",
            Write::Insert { .. } => "INSERT",
        };
        let condition = format!(" WHERE {CHOSEN} = {number}");
        let query = values.map(|values| queried.of_row(self.table, &values, &condition, action));
        self.queries = self.queries.take().zip(query).map(|(mut queries, query)| {
            queries.push(query);
            queries
        });
    }

    /// What stands behind the join.
    fn text(&self) -> Option<String> {
        let Some(queried) = &self.queried else { return Some(String::new()) };
        self.queries.as_ref().filter(|queries| !queries.is_empty()).map(|queries| queried.joined(queries))
    }
}

/// The values of the row that an action writes, of a table without rules; of one that is deleted those that it has.
fn written_values(table: &Table, write: &Write) -> Option<Vec<String>> {
    let is_volatile =
        |text: &str| lone_statement(&format!("SELECT {text}")).is_none_or(|text| nodes::calls_volatile(&text));
    let values = match write {
        Write::Nothing => return None,
        Write::Delete => {
            return Some(
                table
                    .facts
                    .columns
                    .iter()
                    .map(|column| format!("{}.{}", table.visible, table.called(column)))
                    .collect(),
            );
        }
        Write::Update(assignments) => {
            if assignments.iter().any(|(_, text)| text.as_deref().is_none_or(is_volatile)) {
                return None;
            }
            changed_values(table, assignments)
        }
        Write::Insert { columns, values, .. } => {
            if values.iter().any(|text| text.as_deref().is_none_or(is_volatile)) {
                return None;
            }
            let given = given(table, columns, values)
                .into_iter()
                .filter_map(|(at, text)| Some((at, coerced(table.facts.columns.get(at)?, &text?))));
            new_values(table, &given.collect::<Vec<_>>())
        }
    };
    let text = |value: Value| match value {
        Value::Given(text) => Some(text),
        Value::OfIris => None,
    };
    values.into_iter().map(text).collect()
}

impl Change<'_, '_> {
    /// `None`: RETURNING cannot be served.
    fn shown_rows<'a>(&self, table: &'a Table) -> Option<ShownRows<'a>> {
        let returns =
            self.node.kind() == SyntaxKind::MERGE && nodes::child(self.node, SyntaxKind::RETURNING_CLAUSE).is_some();
        let queried = if returns {
            let using = nodes::child(self.node, SyntaxKind::USING_ON_CLAUSE)?;
            let source = using.children().find(|child| child.kind() != SyntaxKind::ON_CLAUSE)?;
            Some(self.queried(table, &[source])?)
        } else {
            None
        };
        Some(ShownRows { table, queried, queries: Some(Vec::new()) })
    }

    /// RETURNING of a statement that stores a row, which MERGE's do not have.
    fn returned_of(
        &self,
        shown: &ShownRows<'_>,
        table: &Table,
        write: impl Fn(&str) -> String,
    ) -> Result<Option<Returned>, TranslateError> {
        match shown.queried {
            Some(_) => Ok(self.is_written(&write(""))?.then(Returned::none)),
            None => self.returned(table, write),
        }
    }

    pub(super) fn joined(&self, table: &Table, key: &[String], joined: &Joined) -> Made {
        let mut listed = qualified(table, key);
        let choice = listed.len();
        listed.push(CHOSEN.to_owned());
        let excluded = listed.len()..listed.len().saturating_add(joined.distinct.len());
        listed.extend(joined.distinct.iter().cloned());
        let fits = joined.fits.iter().enumerate();
        let fits = fits.map(|(n, (_, pg_type))| (excluded.end.saturating_add(n), *pg_type)).collect();
        listed.extend(joined.fits.iter().map(|(text, _)| format!("({text})::pg_catalog.text")));
        let mut cases = String::new();
        let mut rows = Vec::new();
        let mut by_query = None;
        let Some(mut shown) = self.shown_rows(table) else { return Ok(None) };
        let mut ruled = RuledRows { outputs: Outputs::none(table), text: String::new() };
        for Action { condition, write } in &joined.actions {
            let number = if matches!(write, Write::Nothing) { 0 } else { rows.len().saturating_add(1) };
            cases.push_str(&format!(" WHEN {condition} THEN {number}"));
            // Rows that come are looked at whatever becomes of them, where they may conflict with others.
            let is_looked_at = matches!(write, Write::Insert { .. }) && !joined.distinct.is_empty();
            let only = if is_looked_at { String::new() } else { format!(" WHERE {CHOSEN} = {number}") };
            if let Some(row) = ruled_row(table, write) {
                if row.is_unknown() {
                    return Ok(None);
                }
                let name = ruled.push(&row, number, &only);
                shown.push(
                    write,
                    number,
                    Some((0..table.facts.columns.len()).map(|n| format!("{name}.pgw_c{n}")).collect()),
                );
                let Some(returned) = self.ruled_write(table, key, write, &name, &mut listed)? else { return Ok(None) };
                by_query = by_query.or(returned.0);
                rows.push(returned.1);
                continue;
            }
            shown.push(write, number, written_values(table, write));
            let mut columns: Vec<usize> = Vec::new();
            // A value is computed for the rows that it is for.
            let mut value = |text: &str, columns: &mut Vec<usize>| {
                columns.push(listed.len());
                listed.push(format!("CASE WHEN {CHOSEN} = {number} THEN {text} END"));
                format!("${}", columns.len())
            };
            let (before, after) = match write {
                Write::Nothing => continue,
                Write::Delete => {
                    columns.extend(0..key.len());
                    (format!("DELETE FROM {} WHERE {}", table.named, table.has_key(key)), "")
                }
                Write::Update(assignments) => {
                    columns.extend(0..key.len());
                    let sets: Vec<String> = assignments
                        .iter()
                        .map(|(column, text)| match text {
                            Some(text) => format!("{column} = {}", value(text, &mut columns)),
                            None => format!("{column} = DEFAULT"),
                        })
                        .collect();
                    let set = sets.join(", ");
                    (format!("UPDATE {} SET {set} WHERE {}", table.named, table.has_key(key)), "")
                }
                Write::Insert { head, values, tail, .. } => {
                    let values: Vec<String> = values
                        .iter()
                        .map(|text| match text {
                            Some(text) => value(text, &mut columns),
                            None => "DEFAULT".to_owned(),
                        })
                        .collect();
                    (format!("{head} VALUES ({})", values.join(", ")), tail.as_str())
                }
            };
            let sql = format!("{before} {after}");
            let write_text = |clause: &str| format!("{}{clause}", sql.trim_end());
            let Some(returned) = self.returned_of(&shown, table, write_text)? else { return Ok(None) };
            by_query = by_query.or(returned.by_query);
            let sql = format!("{}{}", sql.trim_end(), returned.clause);
            rows.push(match write {
                Write::Insert { .. } if !joined.distinct.is_empty() => RowWrite::New { sql, columns },
                _ => RowWrite::Of { sql, columns },
            });
        }
        let Some(lock) = self.lock(table, key, None)? else { return Ok(None) };
        let guard = (!ruled.text.is_empty()).then(|| ruled.outputs.guard(&mut listed));
        let Some(returns) = shown.text() else { return Ok(None) };
        if shown.queried.is_some() {
            listed.push(Queried::shown());
            by_query = Some(Returning::Queried);
        }
        let query = format!(
            "{}SELECT {} FROM {} CROSS JOIN LATERAL (SELECT CASE{cases} ELSE 0 END AS pgw_n OFFSET 0) AS {CHOICE}{}{returns}",
            self.with(),
            listed.join(", "),
            joined.from,
            ruled.text
        );
        let repeats = match joined.distinct.is_empty() {
            true => Repeats::Merge,
            false => Repeats::Excluded { columns: excluded },
        };
        Ok(Some(WriteBack {
            parts: vec![WritePart { query, rows, choice: Some(choice), guard }],
            lock,
            draws: false,
            deferral: table.deferral(None),
            keys_count: key.len(),
            repeats,
            fits,
            returning: by_query,
        }))
    }

    /// The statement that stores the row which a sub-query computes.
    fn ruled_write(
        &self,
        table: &Table,
        key: &[String],
        write: &Write,
        row: &str,
        listed: &mut Vec<String>,
    ) -> Result<Option<(Option<Returning>, RowWrite)>, TranslateError> {
        let mut places: Vec<usize> = Vec::new();
        let mut columns = Vec::new();
        let is_update = matches!(write, Write::Update(_));
        if is_update {
            places.extend(0..key.len());
        }
        for (n, column) in table.facts.columns.iter().enumerate() {
            let called = table.called(column);
            let is_set = match write {
                Write::Update(assignments) => assignments.iter().any(|(name, _)| *name == called),
                Write::Insert { columns, values, .. } => {
                    let given = given(table, columns, values);
                    given.iter().any(|(at, value)| *at == n && value.is_some())
                        || !column.identity
                            && table.facts.rules.read(&column.name)
                            && table.facts.rules.default_of(&column.name).is_some()
                }
                Write::Nothing | Write::Delete => false,
            };
            if is_set && table.facts.rules.generated(&column.name).is_none() {
                places.push(listed.len());
                listed.push(format!("{row}.pgw_c{n}"));
                columns.push(called);
            }
        }
        let asked_count = places.len();
        let mut all = columns.clone();
        let first = listed.len();
        table.put_computed(row, &mut all, listed);
        places.extend(first..listed.len());
        let text = |columns: &[String], clause: &str| match write {
            Write::Insert { tail, .. } => {
                let marks: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
                let (columns, marks) = (columns.join(", "), marks.join(", "));
                format!("INSERT INTO {} ({columns}) VALUES ({marks}) {tail}{clause}", table.named)
            }
            _ => {
                let first = key.len().saturating_add(1);
                let sets: Vec<String> = (first..).zip(columns).map(|(n, column)| format!("{column} = ${n}")).collect();
                format!("UPDATE {} SET {} WHERE {}{clause}", table.named, sets.join(", "), table.has_key(key))
            }
        };
        let returned = if self.node.kind() == SyntaxKind::MERGE {
            self.is_written(&text(&all, ""))?.then(Returned::none)
        } else {
            self.returned(table, |clause| text(&all, clause))?
        };
        let Some(returned) = returned else { return Ok(None) };
        let write = RowWrite::Computed {
            sql: text(&all, &returned.clause),
            asked: text(&columns, &returned.clause),
            asked_count,
            columns: places,
            is_new: !is_update,
        };
        Ok(Some((returned.by_query, write)))
    }
}
