//! What a change of rows writes, as far as the statement itself tells: PostgreSQL's errors name columns and values, IRIS's
//! name at most the constraint.

use std::fmt;
use std::rc::Rc;

use super::schema::TableFacts;

/// An INSERT, UPDATE or DELETE of one IRIS statement.
pub struct Writes {
    pub table: Rc<TableFacts>,
    /// Rows are new: a column that is not written takes its default.
    pub is_insert: bool,
    /// Columns that get a value, in the order of `rows`' values.
    pub columns: Vec<String>,
    /// One for each row of an INSERT; one for an UPDATE, none for a DELETE.
    pub rows: Vec<Vec<Written>>,
    /// Columns that `WHERE column = value AND ..` holds to one value.
    pub held: Vec<(String, usize)>,
    /// Of ON CONFLICT: the columns whose duplicates are no error. Those of other keys are.
    pub arbiter: Option<Vec<String>>,
}

/// A value that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Null,
    Bool(bool),
    /// The n-th value of the plan, counted from 0, as it is.
    Value(usize),
    /// Computed by IRIS.
    Unknown,
}

/// The definition of the table is not part of the statement.
impl fmt::Debug for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writes({} {:?} {:?} {:?})", self.table.name, self.columns, self.rows, self.held)
    }
}

impl Writes {
    /// What row `row` has in `column`, were it stored.
    pub fn of(&self, row: usize, column: &str) -> Written {
        let at = self.columns.iter().position(|written| written.eq_ignore_ascii_case(column));
        let written = at.and_then(|at| self.rows.get(row)?.get(at).copied());
        written.unwrap_or_else(|| self.otherwise(column))
    }

    /// What a column has that the statement does not write.
    fn otherwise(&self, column: &str) -> Written {
        if let Some((_, value)) = self.held.iter().find(|(held, _)| held.eq_ignore_ascii_case(column)) {
            return Written::Value(*value);
        }
        let facts = self.table.columns.iter().find(|facts| facts.name.eq_ignore_ascii_case(column));
        match facts {
            Some(facts) if self.is_insert && !facts.identity && !facts.has_default => Written::Null,
            _ => Written::Unknown,
        }
    }

    /// Whether the constraint of that name is the one that ON CONFLICT is about.
    pub fn is_arbiter(&self, constraint: &str) -> bool {
        let hidden = self.table.rules.keys.iter().find(|key| key.name.eq_ignore_ascii_case(constraint));
        if let Some(key) = hidden {
            return self.arbiter.as_deref().is_some_and(|arbiter| arbiter == std::slice::from_ref(&key.hidden));
        }
        let keys = &self.table.unique_keys;
        let named = keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(constraint));
        let columns = named.map_or(&self.table.primary_key, |(_, columns)| columns);
        let is_in = |all: &[String], column: &String| all.iter().any(|other| other.eq_ignore_ascii_case(column));
        self.arbiter.as_ref().is_some_and(|arbiter| {
            arbiter.len() == columns.len() && columns.iter().all(|column| is_in(arbiter, column))
        })
    }

    /// What a column had before an UPDATE or DELETE.
    pub fn before(&self, column: &str) -> Written {
        match self.held.iter().find(|(held, _)| held.eq_ignore_ascii_case(column)) {
            Some((_, value)) => Written::Value(*value),
            None => Written::Unknown,
        }
    }
}
