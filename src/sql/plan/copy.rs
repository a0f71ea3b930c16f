//! COPY FROM.

use super::Plan;

#[derive(Debug)]
pub struct CopyFromStdin {
    /// `INSERT INTO t (cols) VALUES (:%qpar(1), ..)`: one row; a batch is many sets of it.
    pub insert: Plan,
    pub columns_count: usize,
    pub format: CopyFormat,
    /// An INSERT, in PostgreSQL's SQL, of a query over an array of texts for each column: of a table with rules that IRIS does not
    /// know of.
    pub ruled: Option<String>,
}

/// What the first line of the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyHeader {
    /// A row like any other.
    None,
    /// Left out, whatever it says.
    Ignored,
    /// The names of the columns, in their order.
    Matching,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFormat {
    /// Text format (COPY chapter, "Text Format").
    Text { delimiter: u8, null: Vec<u8>, header: CopyHeader },
}
