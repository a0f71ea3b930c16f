//! Rows of a table with rules that IRIS does not know of: the query that gives them computes their generated columns and the keys of
//! their unique indexes, and tells which rule they break.
//!
//! A row is a sub-query in layers, each called as the table, so that rules find its columns by their names: the values, with the
//! generated columns, with a verdict, and on top of it what is stored and what an error shows.

use super::target::Table;
use crate::sql::rule_text::{coerced, key_text, shown_text, whole};
use crate::sql::schema::ColumnFacts;
use crate::sql::write_plan::Guard;
use crate::types::{quoted_name, quoted_text};

/// What the sub-query is called where there is one.
pub(super) const ROW: &str = "pgw_g";

/// A value of a new row.
pub(super) enum Value {
    /// PostgreSQL's SQL, of the column's type.
    Given(String),
    /// IRIS makes it.
    OfIris,
}

/// The new row of a table.
pub(super) struct NewRow<'a> {
    pub(super) table: &'a Table,
    /// For each of its columns; those that are generated have none.
    pub(super) values: Vec<Value>,
}

impl NewRow<'_> {
    /// The sub-query. `condition`: a WHERE of its innermost part, where the values stand.
    pub(super) fn text(&self, condition: &str) -> String {
        let Table { facts, .. } = self.table;
        let (name, rules) = (self.table.own_name(), &facts.rules);
        let called: Vec<String> = facts.columns.iter().map(|column| self.table.called(column)).collect();
        let is_generated = |column: &ColumnFacts| rules.generated(&column.name).is_some();
        let mut values = Vec::new();
        let mut with_generated = Vec::new();
        for ((column, called), value) in facts.columns.iter().zip(&called).zip(&self.values) {
            if let Some(rule) = rules.generated(&column.name) {
                let text = coerced(column, &rule.expression);
                with_generated.push(format!("{text} AS {called}"));
                continue;
            }
            with_generated.push(format!("{name}.{called}"));
            values.push(match value {
                Value::Given(text) => format!("{text} AS {called}"),
                Value::OfIris => format!("NULL::{} AS {called}", whole(column)),
            });
        }
        if values.is_empty() {
            values.push("1 AS pgw_n".to_owned());
        }
        let values = format!("(SELECT {}{condition} OFFSET 0) AS {name}", values.join(", "));
        let rows = match facts.columns.iter().any(is_generated) {
            true => format!("(SELECT {} FROM {values} OFFSET 0) AS {name}", with_generated.join(", ")),
            false => values,
        };
        let all: Vec<String> = called.iter().map(|called| format!("{name}.{called}")).collect();
        let judged =
            format!("(SELECT {}, {} AS pgw_v FROM {rows} OFFSET 0) AS {name}", all.join(", "), self.verdict(&called));
        let mut listed: Vec<String> = all.iter().enumerate().map(|(n, cell)| format!("{cell} AS pgw_c{n}")).collect();
        listed.push("pgw_v".to_owned());
        for (n, cell) in all.iter().enumerate() {
            listed.push(format!(
                "CASE WHEN pgw_v <> 0 AND {cell} IS NOT NULL THEN pg_catalog.format('%s', {cell}) END AS pgw_s{n}"
            ));
        }
        for n in 0..rules.keys.len() {
            let (key, shown) = self.key(n);
            listed.push(format!("CASE WHEN pgw_v = 0 THEN {key} END AS pgw_h{n}"));
            listed.push(format!("CASE WHEN pgw_v = 0 THEN {shown} END AS pgw_k{n}"));
        }
        format!("(SELECT {} FROM {judged})", listed.join(", "))
    }

    /// Which rule a row breaks, in PostgreSQL's order; 0 for none.
    fn verdict(&self, called: &[String]) -> String {
        let (name, facts) = (self.table.own_name(), &self.table.facts);
        let mut cases = String::new();
        for (n, ((column, called), value)) in (1..).zip(facts.columns.iter().zip(called).zip(&self.values)) {
            let is_given = matches!(value, Value::Given(_)) || facts.rules.generated(&column.name).is_some();
            if !column.nullable && is_given {
                cases.push_str(&format!(" WHEN {name}.{called} IS NULL THEN -{n}"));
            }
        }
        for (n, check) in (1..).zip(&facts.rules.checks) {
            cases.push_str(&format!(" WHEN ({}) IS FALSE THEN {n}", check.expression));
        }
        if cases.is_empty() { "0".to_owned() } else { format!("CASE{cases} ELSE 0 END") }
    }

    /// What has to be unique, and how an error shows it.
    fn key(&self, n: usize) -> (String, String) {
        let Some(rule) = self.table.facts.rules.keys.get(n) else { return ("NULL".to_owned(), "NULL".to_owned()) };
        let key = key_text(rule);
        let shown: Vec<String> = rule.items.iter().map(|item| shown_text(item)).collect();
        let index = quoted_text(&format!("{}.{}", quoted_name(&self.table.pg_schema()), quoted_name(&rule.name)));
        let columns = format!(
            "(SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(pgw_i.indexrelid, pgw_n, true), ', ' ORDER BY pgw_n) \
             FROM pg_catalog.pg_index AS pgw_i, pg_catalog.generate_series(1, pgw_i.indnkeyatts::pg_catalog.int4) AS pgw_n \
             WHERE pgw_i.indexrelid = pg_catalog.to_regclass({index}))"
        );
        (key, format!("'Key (' || {columns} || ')=(' || {} || ') already exists.'", shown.join(" || ', ' || ")))
    }

    /// Whether a rule reads what only IRIS knows.
    pub(super) fn is_unknown(&self) -> bool {
        let Table { facts, .. } = self.table;
        let mut all = facts.columns.iter().zip(&self.values);
        all.any(|(column, value)| matches!(value, Value::OfIris) && facts.rules.read(&column.name))
    }

    fn is_partly_shown(&self) -> bool {
        self.values.iter().any(|value| matches!(value, Value::OfIris))
    }
}

/// What stands in the row of a query for each of the new rows in it.
pub(super) struct Outputs<'a> {
    pub(super) table: &'a Table,
    /// What their sub-queries are called. Of the first that breaks a rule an error tells.
    pub(super) rows: Vec<String>,
    pub(super) is_partly_shown: bool,
}

impl<'a> Outputs<'a> {
    pub(super) fn of(row: &NewRow<'a>) -> Self {
        Self { table: row.table, rows: vec![ROW.to_owned()], is_partly_shown: row.is_partly_shown() }
    }

    /// Of a join, which may have several.
    pub(super) fn none(table: &'a Table) -> Self {
        Self { table, rows: Vec::new(), is_partly_shown: false }
    }

    /// `is_chosen`: it is there for some of the join's rows only.
    pub(super) fn push(&mut self, name: &str, row: &NewRow<'_>, is_chosen: bool) {
        self.is_partly_shown |= row.is_partly_shown();
        let place = if is_chosen { self.rows.len() } else { 0 };
        self.rows.insert(place, name.to_owned());
    }

    /// Appends what tells of the rules to the columns of a query.
    pub(super) fn guard(&self, listed: &mut Vec<String>) -> Guard {
        let facts = &self.table.facts;
        let verdict = listed.len();
        listed.push(self.first("pgw_v", "0"));
        let shown = listed.len();
        listed.extend((0..facts.columns.len()).map(|n| self.first(&format!("pgw_s{n}"), "NULL")));
        let keys = listed.len();
        listed.extend((0..facts.rules.keys.len()).map(|n| {
            let all: Vec<String> = self.rows.iter().rev().map(|row| format!("{row}.pgw_k{n}")).collect();
            if let [only] = all.as_slice() { only.clone() } else { format!("coalesce({})", all.join(", ")) }
        }));
        Guard {
            verdict,
            shown,
            is_partly_shown: self.is_partly_shown,
            keys,
            schema: self.table.pg_schema(),
            table: self.table.spelled_name(),
            columns: facts.columns.iter().map(|column| self.table.spelled(column)).collect(),
            rules: facts.rules.clone(),
        }
    }

    /// A column of the first row that breaks a rule.
    fn first(&self, column: &str, otherwise: &str) -> String {
        if let [only] = self.rows.as_slice() {
            return format!("{only}.{column}");
        }
        let cases: Vec<String> =
            self.rows.iter().map(|row| format!("WHEN {row}.pgw_v <> 0 THEN {row}.{column}")).collect();
        format!("CASE {} ELSE {otherwise} END", cases.join(" "))
    }
}
