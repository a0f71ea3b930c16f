//! A translated query: its text and its columns.

use super::super::SqlError;
use super::super::catalog::Collation;
use super::super::convert::Class;
use super::super::parse::ast::Expr;
use super::super::types::DataType;
use super::term::{Coll, Origin, Term};
use iris_protocol::ColumnDescription;

/// A column of a query's result.
#[derive(Debug, Clone)]
pub(super) struct OutColumn {
    pub name: String,
    pub data_type: DataType,
    pub coll: Coll,
    pub nullable: bool,
    pub origin: Option<Origin>,
    /// The slot of an untyped mark: a set operation or INSERT may still give it a type.
    pub slot: Option<usize>,
    pub null: bool,
    /// Named by AS.
    pub aliased: bool,
}

impl OutColumn {
    pub(super) fn describe(&self) -> ColumnDescription {
        // NULL has no type of its own.
        let described = if self.null { DataType::Integer } else { self.data_type };
        let origin = self.origin.as_ref();
        ColumnDescription {
            name: self.name.clone(),
            iris_type: described.iris_type(),
            precision: described.precision(),
            scale: described.scale(),
            nullable: i32::from(self.nullable),
            label: self.name.clone(),
            table: origin.map(|origin| origin.table.clone()).unwrap_or_default(),
            schema: origin.map(|origin| origin.schema.clone()).unwrap_or_default(),
            auto_increment: origin.is_some_and(|origin| origin.auto_increment),
            row_id: origin.is_some_and(|origin| origin.row_id),
        }
    }
}

/// Its columns are called `c1`, `c2`...
pub(super) struct QueryOutput {
    pub sql: String,
    pub columns: Vec<OutColumn>,
}

pub(super) fn column_name(index: usize) -> String {
    format!("c{}", index + 1)
}

pub(super) fn column_names(count: usize) -> String {
    (0..count).map(column_name).collect::<Vec<_>>().join(",")
}

/// A select item with what ORDER BY may find it by.
pub(super) struct Item {
    pub term: Term,
    /// The text in the select list: upper-cased under DISTINCT.
    pub sql: String,
    pub column: OutColumn,
    pub expr: Option<Expr>,
}

/// Strings that come out of DISTINCT and GROUP BY upper-cased.
pub(super) fn is_upper(class: Class, coll: Coll) -> bool {
    class == Class::Text && matches!(coll, Coll::Column(Collation::SqlUpper) | Coll::Explicit(Collation::SqlUpper))
}

/// -37: streams have no order and no equality.
pub(super) fn refuse_stream(term: &Term) -> Result<(), SqlError> {
    if term.data_type.is_stream() {
        return Err(SqlError::prepare(
            37,
            "Stream fields cannot be used in ORDER BY, GROUP BY, DISTINCT or expressions",
        ));
    }
    Ok(())
}
