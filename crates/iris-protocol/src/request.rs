//! What the session asks of an IRIS connection, and what can go wrong there.

use std::rc::Rc;

/// How a parameter stands in the statement (facts, section 6.2): kind `?` or `c` with its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// A parameter of the user: kind `?`, class 0.
    User,
    /// A literal taken out of the text: kind `c`, class 10 integer, 11 other number, 4 string.
    IntegerLiteral,
    /// As `IntegerLiteral`, class 11.
    NumberLiteral,
    /// As `IntegerLiteral`, class 4.
    StringLiteral,
}

/// One IRIS SQL text with `:%qpar(n)` marks, shared by every connection of a shard.
#[derive(Debug)]
pub struct IrisStatement {
    /// Unique within the shard; a connection finds its own statement id by it without hashing the text.
    pub key: u64,
    /// SQL.
    pub text: String,
    /// One for each mark.
    pub kinds: Vec<ParameterKind>,
    /// First word SELECT or WITH: query layout of replies, PQ/DQ instead of PU/DU. The server reaches the same verdict.
    pub is_query: bool,
}

/// One exchange with IRIS. Whether it needs a transaction is part of it: the connection sends AF or AN
/// (which have no reply) in front when its autocommit state differs.
#[derive(Debug, Clone)]
pub enum Request {
    /// PP: metadata only.
    Prepare {
        /// What is prepared.
        statement: Rc<IrisStatement>,
        /// As in `Execute`.
        in_transaction: bool,
    },
    /// DQ/DU the first time on a connection, PQ/PU afterwards.
    Execute {
        /// What is run.
        statement: Rc<IrisStatement>,
        /// The values of all sets, already `$LIST` items in the order of the marks.
        values: Vec<u8>,
        /// Values per set.
        values_per_set: usize,
        /// How often it is run.
        sets: usize,
        /// 0 = all. Limit of rows of the whole result.
        rows_max: u32,
        /// Without autocommit.
        in_transaction: bool,
    },
    /// FD: the next page of the open result of this statement.
    Fetch {
        /// Whose result.
        statement: Rc<IrisStatement>,
    },
    /// CC (no reply): drop an unfinished result.
    CloseResult {
        /// Whose result.
        statement: Rc<IrisStatement>,
    },
    /// SS and JS: a whole LONGVARCHAR/LONGVARBINARY by its handle item, byte for byte as it stood in the row.
    ReadStream {
        /// In whose result the handle stood.
        statement: Rc<IrisStatement>,
        /// The item.
        handle: Vec<u8>,
        /// LONGVARBINARY: not text.
        binary: bool,
    },
    /// TC then back to autocommit.
    Commit,
    /// TR then back to autocommit.
    Rollback,
}

/// IRIS said no: SQLCODE (positive, as drivers get it) and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IrisError {
    /// Positive.
    pub sqlcode: i32,
    /// `[SQLCODE: <-30>:<Table or view not found>] [Location: <Prepare>] [%msg: < .. >]`, or plain text.
    pub text: String,
}

impl IrisError {
    /// The statement was canceled, or had its time.
    pub fn is_interruption(&self) -> bool {
        matches!(self.sqlcode, Self::TIMED_OUT | Self::CANCELED)
    }

    /// SQLCODE of [`recompiled`](Self::recompiled).
    pub const RECOMPILED: i32 = 478;
    /// SQLCODE -450: the statement had its time.
    pub const TIMED_OUT: i32 = 450;
    /// SQLCODE -456: the statement was canceled.
    pub const CANCELED: i32 = 456;
    /// SQLCODE -23: a column is qualified by a table that is not among those of the query.
    pub const UNKNOWN_LABEL: i32 = 23;

    /// The statement means something else than it did when it was prepared.
    pub fn recompiled() -> Self {
        Self { sqlcode: Self::RECOMPILED, text: "Query recompiled, and the result set metadata differs".to_owned() }
    }
}
