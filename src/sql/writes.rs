//! What a change of rows writes, as far as the statement itself tells: PostgreSQL's errors name columns and values, IRIS's
//! name at most the constraint.

use std::rc::Rc;

use super::schema::TableFacts;

/// An INSERT, UPDATE or DELETE of one IRIS statement.
#[derive(Debug)]
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

    /// What a column had before an UPDATE or DELETE.
    pub fn before(&self, column: &str) -> Written {
        match self.held.iter().find(|(held, _)| held.eq_ignore_ascii_case(column)) {
            Some((_, value)) => Written::Value(*value),
            None => Written::Unknown,
        }
    }
}
