//! COPY FROM STDIN and TO STDOUT.

use super::Plan;
use crate::copy::RowFormat;
use crate::types::Encoding;

#[derive(Debug)]
pub struct CopyFromStdin {
    /// `INSERT INTO t (cols) VALUES (:%qpar(1), ..)`: one row; a batch is many sets of it.
    pub insert: Plan,
    /// The columns of the data, as PostgreSQL calls them, and whether they have a default.
    pub columns: Vec<(String, bool)>,
    pub options: CopyOptions,
    /// What stores the rows where one INSERT for all does not do.
    pub by_query: Option<CopyByQuery>,
}

/// Rows are stored by an INSERT, in PostgreSQL's SQL, of a query over an array of texts for each column.
#[derive(Debug, Clone)]
pub struct CopyByQuery {
    /// As the client names the table.
    pub table: String,
    /// The columns of the data in quotes, and their types.
    pub columns: Vec<(String, String)>,
    pub condition: Option<CopyCondition>,
}

/// WHERE.
#[derive(Debug, Clone)]
pub struct CopyCondition {
    /// What it calls the table, in quotes.
    pub table: String,
    /// The table's other columns, which have nothing but NULL, in quotes, and their types.
    pub others: Vec<(String, String)>,
    pub sql: String,
    /// Characters of the statement in front of it.
    pub offset: u32,
}

impl CopyByQuery {
    /// What positions in an INSERT of this are off those in the client's statement, where they are in its condition.
    pub fn offset(&self, insert: &str) -> Option<i64> {
        let condition = self.condition.as_ref()?;
        let before = insert.strip_suffix(&condition.sql)?.chars().count();
        Some(i64::from(condition.offset).saturating_sub(i64::try_from(before).ok()?))
    }

    /// The INSERT of rows that have their defaults in the columns `left_out`, for which there is no array.
    pub fn insert(&self, left_out: &[bool]) -> String {
        let is_given = |index: usize| !left_out.get(index).copied().unwrap_or(false);
        let given: Vec<&(String, String)> =
            self.columns.iter().enumerate().filter(|(index, _)| is_given(*index)).map(|(_, column)| column).collect();
        let list = |part: &dyn Fn(usize, &(String, String)) -> String| {
            given.iter().enumerate().map(|(n, column)| part(n, column)).collect::<Vec<_>>().join(", ")
        };
        let table = &self.table;
        let names = list(&|_, (name, _)| name.clone());
        let arrays = list(&|n, _| format!("${}::pg_catalog.text[]", n.saturating_add(1)));
        let cells = list(&|n, _| format!("c{n}"));
        let Some(condition) = &self.condition else {
            let values = list(&|n, (_, pg_type)| format!("pgw_r.c{n}::{pg_type}"));
            return format!("INSERT INTO {table} ({names}) SELECT {values} FROM unnest({arrays}) AS pgw_r({cells})");
        };
        let mut row = list(&|n, (name, pg_type)| format!("pgw_r.c{n}::{pg_type} AS {name}"));
        for (name, pg_type) in &condition.others {
            row.push_str(&format!(", NULL::{pg_type} AS {name}"));
        }
        let (alias, sql) = (&condition.table, &condition.sql);
        let values = list(&|_, (name, _)| format!("{alias}.{name}"));
        format!(
            "INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT {row} FROM unnest({arrays}) AS pgw_r({cells})) \
             AS {alias} WHERE {sql}"
        )
    }
}

#[derive(Debug)]
pub struct CopyToStdout {
    /// The query whose rows go out, or a change with RETURNING, in PostgreSQL's SQL.
    pub sql: String,
    /// Characters of the statement in front of it; `None` where the client has not written it.
    pub offset: Option<u32>,
    pub is_change: bool,
    pub options: CopyOptions,
}

/// What COPY's options say.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub header: CopyHeader,
    pub force_quote: ColumnChoice,
    pub force_not_null: ColumnChoice,
    pub force_null: ColumnChoice,
    /// ON_ERROR ignore.
    pub ignores: Option<IgnoredErrors>,
    pub(crate) encoding: Encoding,
}

#[derive(Debug, Clone)]
pub enum CopyFormat {
    /// Text and CSV.
    Rows(RowFormat),
    Binary,
}

/// What the first line of the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyHeader {
    /// A row like any other.
    None,
    /// Left out, whatever it says; written by COPY TO.
    Ignored,
    /// The names of the columns, in their order.
    Matching,
}

/// The columns that an option is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnChoice {
    None,
    All,
    Listed(Vec<String>),
}

/// Rows that cannot be read are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IgnoredErrors {
    /// More are an error.
    pub limit: Option<u64>,
    pub verbosity: CopyVerbosity,
}

/// What is said of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CopyVerbosity {
    Silent,
    Default,
    Verbose,
}
