//! Queries of which IRIS gives the rows and PostgreSQL makes the answer.

use std::fmt::Write as _;

use super::CatalogQuery;
use crate::types::{Encoder, Oid, PgType};
use crate::wire::Format;

/// A query cut in two: rows of IRIS's tables, and the query over these.
#[derive(Debug)]
pub struct Finish {
    pub asks: CatalogQuery,
    /// One for each table, and for each way in which the query needs it.
    pub fetches: Vec<Fetch>,
    pub pieces: Vec<FinishPiece>,
    /// The same with rows of tables alone, for when IRIS does not give what a sub-query stands for.
    pub simpler: Option<Box<Finish>>,
}

/// Part of the text of the second step.
#[derive(Debug, PartialEq, Eq)]
pub enum FinishPiece {
    Text(String),
    /// A table, whose rows are those of a fetch.
    Rows(usize),
}

/// A query of one table, in PostgreSQL's SQL: it is a statement like a client's. Its `$n` are the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// As the query names it.
    pub table: String,
    pub columns: Vec<FetchedColumn>,
    pub sql: String,
    /// Without conditions, for when IRIS refuses these.
    pub plain: String,
    /// Further conditions of `sql`, by rows that are fetched before.
    pub keys: Vec<FetchKey>,
    /// Of a sub-query, whose columns are those that PostgreSQL describes: what is known of each. None: those of tables.
    pub outputs: Option<Vec<Output>>,
}

/// What is known of the digits of a number that IRIS computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Any,
    /// They are PostgreSQL's.
    Exact,
    /// So many are behind the point.
    Scale(u16),
}

/// A column of which only values are needed that a column of an earlier fetch has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchKey {
    /// As the fetch names it.
    pub column: String,
    /// The type of a list of its values.
    pub array: Oid,
    pub fetch: usize,
    /// Of that fetch.
    pub fetched: usize,
}

impl Fetch {
    /// With conditions for those of its keys that there are lists for, whose parameters begin at `first`.
    pub fn keyed<'a>(&self, keys: impl IntoIterator<Item = &'a FetchKey>, first: usize) -> String {
        let mut sql = self.sql.clone();
        let mut word = if self.sql == self.plain { "WHERE" } else { "AND" };
        for (n, key) in keys.into_iter().enumerate() {
            // Writing into a String does not fail.
            let _ = write!(sql, " {word} {} = ANY (${})", key.column, first.saturating_add(n));
            word = "AND";
        }
        sql
    }
}

/// A column of a fetch on its way to PostgreSQL: an element of an array for each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedColumn {
    /// As PostgreSQL calls it.
    pub name: String,
    pub element: Oid,
    pub array: Oid,
    /// Of an element.
    pub format: Format,
    /// The type its elements are cast to, where that is not their own.
    pub cast: Option<String>,
}

/// Types whose binary form PostgreSQL reads without leaving memory behind for each value, and whose text depends on
/// settings, or is longer. Others go as text and are cast, row by row.
const IN_BINARY: &[Oid] = &[
    Oid::BOOL,
    Oid::INT2,
    Oid::INT4,
    Oid::INT8,
    Oid::OID,
    Oid::FLOAT4,
    Oid::FLOAT8,
    Oid::NUMERIC,
    Oid::TEXT,
    Oid::VARCHAR,
    Oid::BPCHAR,
    Oid::BYTEA,
    Oid::DATE,
    Oid::TIME,
    Oid::TIMETZ,
    Oid::TIMESTAMP,
    Oid::TIMESTAMPTZ,
    Oid::INTERVAL,
    Oid::UUID,
    Oid::MONEY,
];

/// Whether values of a type go to PostgreSQL, and come from there, in binary.
pub(crate) fn travels_in_binary(oid: Oid) -> bool {
    IN_BINARY.contains(&oid)
}

impl FetchedColumn {
    /// Of a type: elements of an array of their own type, in binary, or texts.
    pub(crate) fn of(name: &str, pg_type: PgType) -> Self {
        let plain = PgType::new(pg_type.oid);
        let array = pg_type.oid.array();
        let array = array.filter(|_| travels_in_binary(pg_type.oid) && Encoder::select(plain, Format::Binary).is_ok());
        let cast = match array {
            Some(_) if pg_type.wire_typmod() < 0 => None,
            _ if pg_type.oid == Oid::BPCHAR && pg_type.wire_typmod() < 0 => Some("bpchar".to_owned()),
            _ => Some(PgType { oid: pg_type.oid, typmod: pg_type.wire_typmod() }.name()),
        };
        Self {
            name: name.to_owned(),
            element: if array.is_some() { pg_type.oid } else { Oid::TEXT },
            array: array.unwrap_or(Oid::TEXT_ARRAY),
            format: if array.is_some() { Format::Binary } else { Format::Text },
            cast,
        }
    }

    /// As texts.
    pub(crate) fn texts(self) -> Self {
        Self { element: Oid::TEXT, array: Oid::TEXT_ARRAY, format: Format::Text, ..self }
    }

    /// A column of a sub-query; `None` where its values may not be PostgreSQL's.
    pub(crate) fn shown(name: &str, pg_type: PgType, output: Output) -> Option<Self> {
        pg_type.oid.base_name()?;
        let is_computed = matches!(pg_type.oid, Oid::NUMERIC | Oid::FLOAT4 | Oid::FLOAT8);
        let column = Self::of(name, pg_type);
        match output {
            Output::Any if is_computed => None,
            Output::Scale(scale) => Some(Self { cast: Some(format!("numeric(1000,{scale})")), ..column }),
            Output::Any | Output::Exact => Some(column),
        }
    }
}
