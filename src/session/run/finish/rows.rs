//! Rows of fetches, as they go to PostgreSQL.

use crate::session::run::arrays::Elements;

/// The rows of one fetch, column by column.
#[derive(Debug)]
pub(super) struct Gathered {
    pub columns: Vec<Elements>,
    pub rows_count: usize,
    /// Of the DataRow messages.
    pub bytes_count: usize,
}
