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
    /// What else it drops that is put aside like a table.
    pub drops_others: Option<DroppedOthers>,
    /// What of ALTER TABLE waits for COMMIT.
    pub deferral: Option<Deferral>,
}

/// Changes of columns that cannot be undone as they are. Columns that are dropped get another name, which no client sees. Other
/// types IRIS makes when the transaction has been committed; until then what would show that they have not been made is refused.
#[derive(Debug, Clone)]
pub struct Deferral {
    /// The other actions, as a statement of their own.
    pub rest: Option<String>,
    /// All such changes, each a statement: PostgreSQL says what is wrong with them.
    pub tried: Vec<String>,
    /// Those that wait for COMMIT: the column, and what stands behind its name.
    pub changes: Vec<(String, String)>,
    /// The table, as IRIS calls it, and as PostgreSQL does.
    pub table: String,
    pub relation: String,
    /// The columns that wait, folded.
    pub columns: Vec<String>,
    /// Those that are dropped, folded.
    pub dropped: Vec<String>,
    /// Those of them whose rows have to have a value from somebody.
    pub demanded: Vec<String>,
}

/// What a DROP names that is no table, as it is written there.
#[derive(Debug, Clone)]
pub struct DroppedOthers {
    pub kind: DroppedKind,
    /// In quotes, with schemas where those are named.
    pub names: Vec<String>,
    pub if_exists: bool,
    pub cascades: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DroppedKind {
    /// Domains, too.
    Type,
    Sequence,
    Schema,
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

/// In a query of the mirror's: the statement that makes a view again, `class` in `space`.
pub(crate) const VIEW_DEFINITION: &str = "pg_catalog.format('CREATE OR REPLACE VIEW %I.%I (%s) AS %s%s', nspname, relname, \
    (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(attname), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute \
    WHERE attrelid = class.oid AND attnum > 0), pg_catalog.rtrim(pg_catalog.pg_get_viewdef(class.oid), ';'), \
    (SELECT ' WITH ' || pg_catalog.upper(option_value) || ' CHECK OPTION' \
    FROM pg_catalog.pg_options_to_table(reloptions) WHERE option_name = 'check_option'))";

/// How the names of tables begin that are dropped when their transaction has been committed. No catalog shows them.
pub(crate) const PUT_ASIDE_PREFIX: &str = "pgwire_dropped_";

/// The schema of the mirror in which something of this name stands, that has been put aside: the name's beginning.
pub(crate) fn place_aside(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(PUT_ASIDE_PREFIX)?;
    let (serial, rest) = rest.split_once('_')?;
    let number = rest.split('_').next()?;
    let is_serial = serial.len() == 8 && serial.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_ours = is_serial && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let length = PUT_ASIDE_PREFIX.len().saturating_add(serial.len()).saturating_add(1).saturating_add(number.len());
    if is_ours { name.get(..length) } else { None }
}

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
    /// The same, where a row is such a query, asked when it is to be undone.
    LateQuery(String),
}

/// A query that IRIS answers where it has the table, and the column.
pub(crate) fn witness((schema, table): &(String, String), column: &str) -> String {
    format!("SELECT TOP 1 {column} FROM {schema}.{}", quoted_name(table))
}
