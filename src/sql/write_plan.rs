//! A change of rows taken apart into a query and statements that store its rows.

use super::plan::FetchedColumn;
use super::rules::Rules;
use crate::types::PgType;

/// A change of rows whose values a query gives. All texts are PostgreSQL's SQL, statements like a client's.
#[derive(Debug)]
pub struct WriteBack {
    pub parts: Vec<WritePart>,
    pub lock: Lock,
    /// The first columns of each row, which tell the rows of the table apart; zero for new ones. They are NULL in a row that
    /// is to be a new one.
    pub keys_count: usize,
    pub repeats: Repeats,
    /// Columns of the query's row that are texts, and the types that they have to fit.
    pub fits: Vec<(usize, PgType)>,
    /// RETURNING of expressions that IRIS cannot compute.
    pub returning: Option<Returning>,
    /// Rows take values of sequences when they are changed.
    pub draws: bool,
    /// The table refers to itself.
    pub deferral: Option<Deferral>,
}

/// References within a table, at which PostgreSQL looks when all rows are changed: a row whose change IRIS refuses for them is
/// tried again when others are changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Deferral {
    /// Takes the references away from the row whose key is `$1`, `$2` and so on, which the change gives it anew or which is deleted.
    pub loosen: Option<String>,
    /// A row that is gone was deleted with one that it refers to.
    pub deletes: bool,
}

/// What several rows of the query for one row of the table are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeats {
    /// The first counts.
    First,
    /// An error of MERGE.
    Merge,
    /// An error of ON CONFLICT DO UPDATE: no two rows may agree in these columns. `columns`: of those that are stored.
    Upsert { columns: Vec<usize> },
    /// The same by columns of the query's row.
    Excluded { columns: std::ops::Range<usize> },
}

/// What gives the rows of RETURNING where the statements that store rows do not.
#[derive(Debug, PartialEq, Eq)]
pub enum Returning {
    /// A query over the rows that were stored.
    Stored {
        /// The select list.
        list: String,
        /// What the list calls the table.
        name: String,
        /// What the statements that store rows give of each.
        columns: Vec<FetchedColumn>,
    },
    /// They stand behind what the query says of each row that is stored.
    Queried,
}

/// A query, whose `$n` are the client's, and what is done with each of its rows.
#[derive(Debug, PartialEq, Eq)]
pub struct WritePart {
    pub query: String,
    pub rows: Vec<RowWrite>,
    /// The column that tells which of `rows` it is, by its number from 1 on; without one it is all of them.
    pub choice: Option<usize>,
    pub guard: Option<Guard>,
}

/// What a query tells of the rules of the table that its rows are for.
#[derive(Debug, PartialEq, Eq)]
pub struct Guard {
    /// The column that is 0 where a row keeps to them: else -n for a NULL in the n-th column of the table, n for the n-th CHECK.
    pub verdict: usize,
    /// Where the row begins as PostgreSQL prints it: a column for each of the table's.
    pub shown: usize,
    /// A value of the row is known to IRIS alone.
    pub is_partly_shown: bool,
    /// Where the keys of unique indexes begin, as PostgreSQL prints them: a column for each.
    pub keys: usize,
    /// PostgreSQL's names of the table.
    pub schema: String,
    pub table: String,
    pub columns: Vec<String>,
    pub rules: Rules,
}

/// A statement that stores one row.
#[derive(Debug, PartialEq, Eq)]
pub enum RowWrite {
    /// Its `$n` are these columns of the query's row.
    Of { sql: String, columns: Vec<usize> },
    /// The same with values that PostgreSQL would compute by itself: `asked` is without these, which are the last, and what it
    /// knows the statement by. `is_new`: as of `New`.
    Computed { sql: String, asked: String, asked_count: usize, columns: Vec<usize>, is_new: bool },
    /// An INSERT of all columns of the query's row: the texts in front of VALUES and behind it.
    Insert { head: String, tail: String },
    /// The same as the first; where it stores nothing, others have come between.
    New { sql: String, columns: Vec<usize> },
}

impl RowWrite {
    /// What PostgreSQL knows it by, and how many parameters that has, where it is another statement to PostgreSQL.
    pub fn asked(&self) -> Option<(&str, usize)> {
        match self {
            Self::Computed { asked, asked_count, .. } => Some((asked, *asked_count)),
            _ => None,
        }
    }

    /// Whether others have come between where it stores nothing.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New { .. } | Self::Computed { is_new: true, .. })
    }

    /// The text, and the columns that its parameters are, of a row of so many.
    pub fn of(&self, columns_count: usize) -> (String, Vec<usize>) {
        match self {
            Self::Of { sql, columns } | Self::New { sql, columns } | Self::Computed { sql, columns, .. } => {
                (sql.clone(), columns.clone())
            }
            // What has no value takes its default.
            Self::Insert { head, tail } if columns_count == 0 => {
                (format!("{head} DEFAULT VALUES {tail}").trim_end().to_owned(), Vec::new())
            }
            Self::Insert { head, tail } => {
                let marks: Vec<String> = (1..=columns_count).map(|n| format!("${n}")).collect();
                let sql = format!("{head} VALUES ({}) {tail}", marks.join(", "));
                (sql.trim_end().to_owned(), (0..columns_count).collect())
            }
        }
    }
}

/// A query whose rows are locked before they are given: SELECT .. FOR UPDATE. All texts are PostgreSQL's SQL.
#[derive(Debug)]
pub struct LockRows {
    /// "FOR UPDATE" and the like.
    pub strength: String,
    /// FOR SHARE and FOR KEY SHARE.
    pub is_shared: bool,
    pub waits: RowWait,
    /// The query, whose `$n` are the client's, with the keys of the tables behind its columns.
    pub query: String,
    /// The same query in parts, between which is the number of a parameter more: keys of the first table that it leaves out.
    pub without: Option<(String, String)>,
    /// Locks all rows that the query can give, by the client's parameters, where one statement can tell them.
    pub all: Option<String>,
    pub tables: Vec<LockedTable>,
}

/// What becomes of rows that others have locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowWait {
    Wait,
    /// NOWAIT: an error.
    Refuse,
    /// SKIP LOCKED.
    Skip,
}

/// A table of such a query.
#[derive(Debug, PartialEq, Eq)]
pub struct LockedTable {
    /// As PostgreSQL calls it.
    pub schema: String,
    pub name: String,
    /// Columns of its key.
    pub keys_count: usize,
    /// Locks the row whose key is `$1`, `$2` and so on.
    pub one: String,
    /// Locks the rows whose key, of one column, is among `$1`.
    pub many: Option<String>,
}

/// A statement with parts that have an effect of their own: changes in WITH, and sub-queries that lock rows. Each part is a
/// statement that comes first, and the last one is the statement itself, over the rows that they gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Staged {
    pub stages: Vec<Stage>,
    pub last: StagedText,
}

/// One of the parts that come first.
#[derive(Debug, PartialEq, Eq)]
pub struct Stage {
    pub text: StagedText,
    /// A sub-query that locks rows, and no change.
    pub locks: bool,
}

/// PostgreSQL's SQL, whose `$n` are the client's.
pub(crate) type StagedText = Vec<StagedPiece>;

#[derive(Debug, PartialEq, Eq)]
pub enum StagedPiece {
    Text(String),
    /// In place of a stage, by its number from 0 on: a query that gives its rows.
    Rows(usize),
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
