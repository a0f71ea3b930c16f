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
