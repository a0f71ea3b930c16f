//! How the values of PostgreSQL's types stand in IRIS.

use crate::sql::translate::context::Result;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// How the values of a type stand in IRIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In a type of IRIS that has the same values and the same order.
    Native,
    /// As text whose characters are the value: order and equality are those of the characters.
    Text,
    /// As text, where blanks at the end do not count.
    Padded,
    /// As text of one spelling for each value, whose order is another one.
    Token,
    /// As text of one spelling, but for numbers in it: 1 and 1.0 are equal.
    Jsonb,
    /// In a form that does not tell which values are equal.
    Opaque,
    /// PostgreSQL does not compare them either.
    Incomparable,
}

pub(crate) fn kept(oid: Oid) -> Kept {
    match oid {
        Oid::BOOL
        | Oid::INT2
        | Oid::INT4
        | Oid::INT8
        | Oid::OID
        | Oid::TID
        | Oid::NUMERIC
        | Oid::FLOAT4
        | Oid::FLOAT8
        | Oid::MONEY
        | Oid::DATE
        | Oid::TIME
        | Oid::TIMESTAMP
        | Oid::TIMESTAMPTZ
        | Oid::BYTEA => Kept::Native,
        Oid::TEXT | Oid::VARCHAR | Oid::NAME | Oid::CHAR | Oid::UNKNOWN => Kept::Text,
        // Hexadecimal digits and signs at fixed places.
        Oid::UUID | Oid::MACADDR | Oid::MACADDR8 => Kept::Text,
        Oid::BPCHAR => Kept::Padded,
        Oid::INET | Oid::CIDR | Oid::BIT | Oid::VARBIT => Kept::Token,
        Oid::JSONB => Kept::Jsonb,
        Oid::JSON | Oid::XML | Oid::POINT => Kept::Incomparable,
        _ => match oid.element() {
            Some(element) if has_one_spelling(element) => Kept::Token,
            _ => Kept::Opaque,
        },
    }
}

/// Whether IRIS keeps the values of a type as text. Columns that the gateway makes of it are %EXACT.
pub(crate) fn is_text(oid: Oid) -> bool {
    !matches!(kept(oid), Kept::Native) && oid != Oid::VECTOR
}

/// Whether a column of the type can be part of a key: IRIS has to tell its values apart as PostgreSQL does.
///
/// # Errors
/// 42704 for a type that PostgreSQL cannot compare either, 0A000 for one that only IRIS cannot.
pub(crate) fn check_key(oid: Oid) -> Result<()> {
    let name = PgType::new(oid).name();
    match kept(oid) {
        Kept::Native | Kept::Text | Kept::Padded | Kept::Token => Ok(()),
        Kept::Incomparable => {
            let message = format!("data type {name} has no default operator class for access method \"btree\"");
            Err(PgError::error(SqlState::UNDEFINED_OBJECT, message).hint(
                "You must specify an operator class for the index or define a default operator class for the data type.",
            ))
        }
        Kept::Jsonb | Kept::Opaque => {
            let message = format!(
                "a key of type {name} is not supported: IRIS keeps the values as text, and equal ones have several"
            );
            Err(PgError::unsupported(message).hint("Keep what is unique in a column of its own."))
        }
    }
}

/// Whether equal elements have equal text inside an array, and unequal ones do not.
fn has_one_spelling(element: Oid) -> bool {
    matches!(
        element,
        Oid::BOOL
            | Oid::INT2
            | Oid::INT4
            | Oid::INT8
            | Oid::OID
            | Oid::TID
            | Oid::TEXT
            | Oid::VARCHAR
            | Oid::NAME
            | Oid::UUID
            | Oid::DATE
            | Oid::TIME
            | Oid::TIMESTAMP
            | Oid::MACADDR
            | Oid::MACADDR8
    )
}
