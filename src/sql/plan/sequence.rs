//! Sequences, which are kept beside IRIS's tables.

/// What a function does with a sequence (PostgreSQL manual, "Sequence Manipulation Functions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SequenceFunction {
    /// `nextval(name)`
    Next,
    /// `currval(name)`
    Current,
    /// `setval(name, value [, is_called])`
    Set,
    /// `lastval()`
    Last,
}

/// A value that a statement takes from a sequence, once, before it is sent to IRIS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draw {
    /// Not `setval`.
    pub function: SequenceFunction,
    /// As a client writes it; empty for `lastval`.
    pub name: String,
}

/// How the rows of a table get values of a sequence, in IRIS SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    pub sequence: String,
    /// The row ids.
    pub select: String,
    /// Its values are those of the column and the row id.
    pub update: String,
    /// What holds of the column only then.
    pub then: Vec<String>,
}

/// What a definition of a table does to sequences that belong to columns. Schemas and names as PostgreSQL calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedChange {
    /// PostgreSQL makes one together with a column; its name is in quotes.
    Made(String),
    /// A column is added to rows that are there.
    Added(Fill),
    SchemaGone(String),
    TableGone {
        schema: String,
        table: String,
    },
    TableRestarted {
        schema: String,
        table: String,
    },
    ColumnGone {
        schema: String,
        table: String,
        column: String,
    },
    TableRenamed {
        schema: String,
        table: String,
        to: String,
    },
    ColumnRenamed {
        schema: String,
        table: String,
        column: String,
        to: String,
    },
}

/// CREATE, ALTER and DROP SEQUENCE. PostgreSQL reads the words, the mirror's statement has them; what it makes of them is
/// kept. Names as the client writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceCommand {
    Create {
        name: String,
        if_not_exists: bool,
    },
    /// Where it does not say RESTART the sequence stands where it stood.
    Alter {
        name: String,
        restart: Restart,
    },
    /// RENAME TO, SET SCHEMA: what it is called afterwards.
    Rename {
        name: String,
        to: String,
    },
    Drop {
        names: Vec<String>,
    },
}

/// Where ALTER SEQUENCE puts a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    Stays,
    AtStart,
    With(i64),
}
