//! A change of rows taken apart into a query and statements that store its rows.

use std::ops::Range;

use super::plan::FetchedColumn;

/// A change of rows whose values a query gives. All texts are PostgreSQL's SQL, statements like a client's.
#[derive(Debug)]
pub struct WriteBack {
    pub parts: Vec<WritePart>,
    pub lock: Lock,
    /// The first columns of each row, which tell the rows of the table apart; zero for new ones.
    pub keys_count: usize,
    /// Columns of each row in which no two of them may agree (ON CONFLICT DO UPDATE).
    pub distinct: Vec<usize>,
    /// RETURNING of expressions that IRIS cannot compute.
    pub returning: Option<Returning>,
}

/// A query over the rows that were stored, which gives those of RETURNING.
#[derive(Debug, PartialEq, Eq)]
pub struct Returning {
    /// The select list.
    pub list: String,
    /// What the list calls the table.
    pub name: String,
    /// What the statements that store rows give of each.
    pub columns: Vec<FetchedColumn>,
}

/// A query, whose `$n` are the client's, and what is done with each of its rows.
#[derive(Debug, PartialEq, Eq)]
pub struct WritePart {
    pub query: String,
    pub rows: Vec<RowWrite>,
}

/// A statement that stores one row.
#[derive(Debug, PartialEq, Eq)]
pub enum RowWrite {
    /// Its `$n` are these columns of the query's row.
    Of { sql: String, columns: Range<usize> },
    /// An INSERT of all columns of the query's row: the texts in front of VALUES and behind it.
    Insert { head: String, tail: String },
}

impl RowWrite {
    /// The text, and the columns that its parameters are, of a row of so many.
    pub fn of(&self, columns_count: usize) -> (String, Range<usize>) {
        match self {
            Self::Of { sql, columns } => (sql.clone(), columns.clone()),
            Self::Insert { head, tail } => {
                let marks: Vec<String> = (1..=columns_count).map(|n| format!("${n}")).collect();
                let sql = format!("{head} VALUES ({}) {tail}", marks.join(", "));
                (sql.trim_end().to_owned(), 0..columns_count)
            }
        }
    }
}

/// How rows are locked in front of the reading that counts.
#[derive(Debug, PartialEq, Eq)]
pub enum Lock {
    None,
    /// By one statement, whose `$n` are the client's, for all rows that the query can give.
    All(String),
    /// The rows that the query has given, by their keys; then it is asked again.
    Each(String),
}
