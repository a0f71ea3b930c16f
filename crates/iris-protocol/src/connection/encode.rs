//! Request bodies (protocol facts, sections 4, 6 and 9).

use crate::list::{put_int, put_latin1, put_string};
use crate::scramble::put_scrambled;
use crate::{IrisStatement, ParameterKind};

use super::ConnectOptions;

/// The newest protocol version the layouts here were seen with.
const PROTOCOL_VERSION: u16 = 69;
/// No optional features: with none asked for, all clients and servers agree on every layout (section 16).
const FEATURES_NONE: i64 = 0;
const AUTOCOMMIT_ON: i64 = 1;

pub(super) fn put_handshake(out: &mut Vec<u8>) {
    out.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
}

/// CN's twelve items.
pub(super) fn put_connect(out: &mut Vec<u8>, options: &ConnectOptions) {
    put_string(out, &options.namespace);
    put_scrambled(out, &options.user);
    put_scrambled(out, &options.password);
    put_string(out, &options.os_user);
    put_string(out, &options.machine);
    put_string(out, &options.application);
    // Item 7: the official client sends memory it did not initialise, the Go client nothing.
    put_latin1(out, &[]);
    // Item 8: a shared-memory mark or any text; what is no mark means TCP.
    put_string(out, &options.machine);
    put_string(out, "");
    put_int(out, AUTOCOMMIT_ON);
    put_int(out, options.isolation_level);
    put_int(out, FEATURES_NONE);
}

/// PP, and the first part of DQ and DU.
pub(super) fn put_prepare(out: &mut Vec<u8>, statement: &IrisStatement) {
    put_int(out, 1);
    put_string(out, &statement.text);
    put_int(out, length(statement.kinds.len()));
    for kind in &statement.kinds {
        let (letter, class) = match kind {
            ParameterKind::User => ("?", 0),
            ParameterKind::IntegerLiteral => ("c", 10),
            ParameterKind::NumberLiteral => ("c", 11),
            ParameterKind::StringLiteral => ("c", 4),
        };
        put_string(out, letter);
        put_int(out, class);
    }
}

/// The values of an execution.
pub(super) struct Values<'a> {
    /// `$LIST` items, set by set.
    pub items: &'a [u8],
    pub per_set: usize,
    pub sets: usize,
    /// 0 = all.
    pub rows_max: u32,
}

impl Values<'_> {
    pub(super) fn put_query(&self, out: &mut Vec<u8>) {
        put_query(out, self.items, self.per_set, self.rows_max);
    }

    pub(super) fn put_update(&self, out: &mut Vec<u8>) {
        put_update(out, self.items, self.per_set, self.sets);
    }
}

/// PQ, and the second part of DQ.
fn put_query(out: &mut Vec<u8>, values: &[u8], values_per_set: usize, rows_max: u32) {
    put_int(out, 1);
    put_int(out, length(values_per_set));
    out.extend_from_slice(values);
    // Timeouts are the gateway's: it interrupts. 0 = none.
    put_int(out, 0);
    put_int(out, rows_max.into());
}

/// PU, and the second part of DU. The number of values stands once, not per set.
fn put_update(out: &mut Vec<u8>, values: &[u8], values_per_set: usize, sets: usize) {
    // No generated keys wanted.
    put_string(out, "");
    put_int(out, 0);
    put_int(out, length(sets));
    put_int(out, length(values_per_set));
    out.extend_from_slice(values);
}

pub(super) fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
