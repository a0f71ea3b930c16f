//! Queries of which IRIS gives the rows and PostgreSQL makes the answer.

use std::fmt::Write as _;

use super::CatalogQuery;
use crate::types::Oid;
use crate::wire::Format;

/// A query cut in two: rows of IRIS's tables, and the query over these.
#[derive(Debug)]
pub struct Finish {
    pub asks: CatalogQuery,
    /// One for each table, and for each way in which the query needs it.
    pub fetches: Vec<Fetch>,
    pub pieces: Vec<FinishPiece>,
}

/// Part of the text of the second step.
#[derive(Debug, PartialEq, Eq)]
pub enum FinishPiece {
    Text(String),
    /// A table, whose rows are those of a fetch.
    Rows(usize),
}

/// A query of one table, in PostgreSQL's SQL: it is a statement like a client's. Its `$n` are the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// As the query names it.
    pub table: String,
    pub columns: Vec<FetchedColumn>,
    pub sql: String,
    /// Without conditions, for when IRIS refuses these.
    pub plain: String,
    /// Further conditions of `sql`, by rows that are fetched before.
    pub keys: Vec<FetchKey>,
}

/// A column of which only values are needed that a column of an earlier fetch has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchKey {
    /// As the fetch names it.
    pub column: String,
    /// The type of a list of its values.
    pub array: Oid,
    pub fetch: usize,
    /// Of that fetch.
    pub fetched: usize,
}

impl Fetch {
    /// With conditions for those of its keys that there are lists for, whose parameters begin at `first`.
    pub fn keyed<'a>(&self, keys: impl IntoIterator<Item = &'a FetchKey>, first: usize) -> String {
        let mut sql = self.sql.clone();
        let mut word = if self.sql == self.plain { "WHERE" } else { "AND" };
        for (n, key) in keys.into_iter().enumerate() {
            // Writing into a String does not fail.
            let _ = write!(sql, " {word} {} = ANY (${})", key.column, first.saturating_add(n));
            word = "AND";
        }
        sql
    }
}

/// A column of a fetch on its way to PostgreSQL: an element of an array for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedColumn {
    /// As PostgreSQL calls it.
    pub name: String,
    pub element: Oid,
    pub array: Oid,
    /// Of an element.
    pub format: Format,
    /// The type its elements are cast to, where that is not their own.
    pub cast: Option<String>,
}
