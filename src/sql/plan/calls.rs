//! Functions that the gateway carries out itself.

use super::{Bind, SequenceFunction};
use crate::types::Oid;

/// A call of a function that the gateway carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub function: CallFunction,
    pub arguments: Vec<CallArgument>,
    /// Column name of the result.
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFunction {
    /// One bigint or two integers; none for `UnlockAll`.
    Advisory(AdvisoryOperation),
    /// `pg_notify(channel, payload)`.
    Notify,
    Sleep(SleepKind),
    Sequence(SequenceFunction),
}

/// What the argument of a sleep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SleepKind {
    /// `pg_sleep`: seconds, a double precision.
    Seconds,
    /// `pg_sleep_for`: an interval.
    For,
    /// `pg_sleep_until`: a timestamp with time zone.
    Until,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallArgument {
    Null,
    /// A literal or parameter; of type `oid` where its own type is not known.
    Value {
        bind: Bind,
        oid: Oid,
    },
    /// Anything else, as written, to be made an `oid` by PostgreSQL.
    Expression {
        sql: String,
        oid: Oid,
    },
}

/// What an advisory lock function does (PostgreSQL manual, "Advisory Lock Functions").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdvisoryOperation {
    Lock { is_try: bool, is_shared: bool, is_transaction: bool },
    Unlock { is_shared: bool },
    UnlockAll,
}
