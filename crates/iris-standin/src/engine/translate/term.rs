//! A translated expression: SQLite text and what is known about its value.

use rusqlite::types::Value as Stored;

use super::super::catalog::Collation;
use super::super::convert::Class;
use super::super::types::{DECIMAL_COLLATION, DataType, EXACT_COLLATION, STRING_COLLATION, UPPER_COLLATION};
use super::super::value::Value;

/// How a string came by its collation; the stronger side of a comparison decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coll {
    /// Literals and marks: take the other side's.
    None,
    /// Results of string functions: EXACT unless the other side is a column.
    Function,
    Column(Collation),
    /// `%EXACT(x)` and its kin.
    Explicit(Collation),
}

impl Coll {
    fn strength(self) -> u8 {
        match self {
            Coll::None => 0,
            Coll::Function => 1,
            Coll::Column(_) => 2,
            Coll::Explicit(_) => 3,
        }
    }

    /// Of two operands; the left one on a tie.
    pub(super) fn stronger(self, other: Coll) -> Coll {
        if other.strength() > self.strength() { other } else { self }
    }

    /// Two literals compare under the namespace default.
    pub(super) fn collation(self) -> Collation {
        match self {
            Coll::None => Collation::SqlUpper,
            Coll::Function => Collation::Exact,
            Coll::Column(collation) | Coll::Explicit(collation) => collation,
        }
    }
}

/// Where a plain column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub schema: String,
    pub table: String,
    pub auto_increment: bool,
    pub row_id: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// `slot`: index into the slots. `typed`: nothing may change its type any more.
    Mark {
        slot: usize,
        typed: bool,
    },
    Literal(Value),
    Null,
    Column {
        name: String,
        origin: Option<Origin>,
    },
    Aggregate,
    Subquery,
    Other,
}

#[derive(Debug, Clone)]
pub(super) struct Term {
    pub sql: String,
    pub data_type: DataType,
    pub shape: Shape,
    pub coll: Coll,
    pub nullable: bool,
}

pub(super) const TEXT: DataType = DataType::VarChar { length: None };
/// Of results of decimal arithmetic.
pub(super) const DECIMAL: DataType = DataType::Numeric { precision: 19, scale: 15 };

impl Term {
    pub(super) fn new(sql: String, data_type: DataType) -> Self {
        let coll = if Class::of(&data_type) == Class::Text { Coll::Function } else { Coll::None };
        Self { sql, data_type, shape: Shape::Other, coll, nullable: true }
    }

    pub(super) fn class(&self) -> Class {
        Class::of(&self.data_type)
    }

    /// Literals and marks take the type of what they meet.
    pub(super) fn is_flexible(&self) -> bool {
        matches!(self.shape, Shape::Mark { typed: false, .. } | Shape::Literal(_) | Shape::Null)
    }

    /// The text with a collation that orders and compares as IRIS does.
    pub(super) fn collated(&self) -> String {
        match self.class() {
            Class::Text => format!("{} COLLATE {}", self.sql, collation_name(self.coll.collation())),
            Class::Decimal => format!("{} COLLATE {DECIMAL_COLLATION}", self.sql),
            _ => self.sql.clone(),
        }
    }
}

/// For equality, which an index of SQLite serves.
pub(super) fn equality_collation(collation: Collation) -> &'static str {
    match collation {
        Collation::Exact => "BINARY",
        other => collation_name(other),
    }
}

pub(super) fn collation_name(collation: Collation) -> &'static str {
    match collation {
        Collation::SqlUpper => UPPER_COLLATION,
        Collation::Exact => EXACT_COLLATION,
        Collation::SqlString => STRING_COLLATION,
    }
}

/// A string constant of SQLite. NUL cannot stand in its literals.
pub(super) fn text_constant(text: &str) -> String {
    if text.contains('\0') {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("CAST(X'{hex}' AS TEXT)");
    }
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn constant(stored: &Stored) -> String {
    match stored {
        Stored::Null => "NULL".into(),
        // A minus sign after another would begin a comment.
        Stored::Integer(number) if *number < 0 => format!("({number})"),
        Stored::Integer(number) => number.to_string(),
        Stored::Real(double) => format!("({double:e})"),
        Stored::Text(text) => text_constant(text),
        Stored::Blob(blob) => format!("X'{}'", blob.iter().map(|byte| format!("{byte:02X}")).collect::<String>()),
    }
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
