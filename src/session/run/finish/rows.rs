//! Rows of fetches, as they go to PostgreSQL.

use crate::session::run::arrays::Elements;
use crate::sql::FetchedColumn;

/// The rows of one fetch, column by column.
#[derive(Debug)]
pub(super) struct Gathered {
    pub fetched: Vec<FetchedColumn>,
    pub columns: Vec<Elements>,
    pub rows_count: usize,
    /// Of the DataRow messages.
    pub bytes_count: usize,
}

impl Gathered {
    /// No rows as yet.
    pub(super) fn new(fetched: Vec<FetchedColumn>) -> Self {
        let columns = std::iter::repeat_with(Elements::default).take(fetched.len()).collect();
        Self { fetched, columns, rows_count: 0, bytes_count: 0 }
    }
}
