//! How a definition is taken back when its transaction is rolled back: by statements in PostgreSQL's SQL, which go the way of
//! a client's. So IRIS and the mirror follow alike, whether IRIS keeps definitions through a rollback or not.

use crate::types::quoted_name;
use crate::wire::PgError;

/// What the transaction has to know of a definition before it runs.
#[derive(Debug, Clone, Default)]
pub struct Reversal {
    /// In the order in which the definition makes its changes; undone from the last to the first.
    pub parts: Vec<ReversalPart>,
    /// Why it cannot run where a rollback has to undo it.
    pub refusal: Option<Box<PgError>>,
    /// The table (schema and name as PostgreSQL spells them) that it makes, or changes: what was made since the last
    /// savepoint goes with what made it.
    pub makes: Option<String>,
    pub changes: Vec<String>,
    /// A name that it leaves free, and a query in IRIS's SQL that IRIS answers as long as that is so.
    pub vacates: Option<(String, String)>,
    /// Tables that it drops, and whether it drops what depends on them.
    pub drops: Vec<DroppedTable>,
    pub cascades: bool,
    /// What of ALTER TABLE waits for COMMIT.
    pub deferral: Option<Deferral>,
}

/// Changes of columns that cannot be undone: IRIS makes them when the transaction has been committed. Until then what would
/// show that they have not been made is refused.
#[derive(Debug, Clone)]
pub struct Deferral {
    /// The other actions, as a statement of their own.
    pub rest: Option<String>,
    /// The changes, each a statement.
    pub statements: Vec<String>,
    /// The table, as IRIS calls it.
    pub table: String,
    /// The columns, folded.
    pub columns: Vec<String>,
}

/// A table that DROP TABLE names, and that may be there.
#[derive(Debug, Clone)]
pub struct DroppedTable {
    /// In quotes where it needs them, as PostgreSQL calls it.
    pub schema: String,
    /// Without quotes.
    pub name: String,
    /// IRIS schema and name.
    pub iris: (String, String),
}

/// How the names of tables begin that are dropped when their transaction has been committed. No catalog shows them.
pub(crate) const PUT_ASIDE_PREFIX: &str = "pgwire_dropped_";

/// One change, and how it is undone.
#[derive(Debug, Clone)]
pub struct ReversalPart {
    /// Steps of the script in front of it: where IRIS refuses one of those, this change has not been made.
    pub first_step: usize,
    pub undo: UndoSource,
    /// A query for the oracle: a row of it says that what the change makes was there before. Asked where nobody knows
    /// whether IRIS has made the change.
    pub probe: Option<String>,
    /// The name that it takes.
    pub takes: Option<String>,
}

/// Where the statements that undo a change come from.
#[derive(Debug, Clone)]
pub enum UndoSource {
    Statement(String),
    /// A query for the oracle, asked in front of the definition: each row of its one column is a statement.
    Query(String),
    /// The same, asked when it is to be undone.
    LateQuery(String),
}

/// A query that IRIS answers where it has the table, and the column.
pub(crate) fn witness((schema, table): &(String, String), column: &str) -> String {
    format!("SELECT TOP 1 {column} FROM {schema}.{}", quoted_name(table))
}
