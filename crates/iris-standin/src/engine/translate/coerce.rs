//! Terms as values of a type: for a comparison, a column, a CAST.

use super::super::SqlError;
use super::super::convert::{Class, Purpose, import, pack};
use super::super::types::DataType;
use super::output::refuse_stream;
use super::slot::Field;
use super::term::{Coll, DECIMAL, Shape, TEXT, Term, constant, text_constant};
use super::translator::Translator;

impl Translator<'_> {
    /// The term as SQLite text of type `to`. Literals are converted here, marks when they are bound, the rest by a
    /// function of the engine.
    pub(super) fn coerce(&mut self, term: &Term, to: DataType, purpose: Purpose) -> Result<String, SqlError> {
        match &term.shape {
            Shape::Null => return Ok("NULL".into()),
            Shape::Literal(value) => {
                let stored = import(value, &to, purpose)
                    .map_err(|error| SqlError::prepare(error.sqlcode(), error.words().to_owned()))?;
                return Ok(constant(&stored));
            }
            Shape::Mark { slot, typed: false } => {
                self.set_slot(*slot, to, purpose, None);
                return Ok(term.sql.clone());
            }
            _ => {}
        }
        let (from, target) = (term.class(), Class::of(&to));
        if from == target && purpose == Purpose::Compare {
            return Ok(term.sql.clone());
        }
        Ok(match (from, target, purpose) {
            (Class::Int, Class::Decimal, Purpose::Compare) => format!("CAST({} AS TEXT)", term.sql),
            (Class::Int | Class::Decimal, Class::Double, Purpose::Compare) => format!("CAST({} AS REAL)", term.sql),
            _ => {
                let purpose = match purpose {
                    Purpose::Assign => 0,
                    Purpose::Cast => 1,
                    Purpose::Compare => 2,
                };
                format!("iris_convert({},{},{},{purpose})", term.sql, from.code(), pack(&to))
            }
        })
    }

    /// For a column: validated when it is evaluated (-104, -105).
    pub(super) fn assign(&mut self, term: &Term, to: DataType, field: &Field) -> Result<String, SqlError> {
        match &term.shape {
            Shape::Null => Ok("NULL".into()),
            Shape::Mark { slot, typed: false } => {
                self.set_slot(*slot, to, Purpose::Assign, Some(field.clone()));
                Ok(term.sql.clone())
            }
            Shape::Literal(value) if import(value, &to, Purpose::Assign).is_ok() => {
                import(value, &to, Purpose::Assign).map(|stored| constant(&stored)).or_else(|_| Ok("NULL".into()))
            }
            // A literal that does not fit fails when the statement runs, like any other value.
            Shape::Literal(_) => {
                let stored = format!("{},{},{}", term.sql, term.class().code(), pack(&to));
                Ok(format!("iris_assign({stored},{},{})", text_constant(&field.label), field.sqlcode()))
            }
            _ => Ok(format!(
                "iris_assign({},{},{},{},{})",
                term.sql,
                term.class().code(),
                pack(&to),
                text_constant(&field.label),
                field.sqlcode()
            )),
        }
    }

    /// As a string for string functions and `||`.
    pub(super) fn text_of(&mut self, term: &Term) -> Result<String, SqlError> {
        self.coerce(term, TEXT, Purpose::Compare)
    }

    /// As decimal text for exact arithmetic.
    pub(super) fn decimal_of(&mut self, term: &Term) -> Result<String, SqlError> {
        self.coerce(term, DECIMAL, Purpose::Compare)
    }

    pub(super) fn double_of(&mut self, term: &Term) -> Result<String, SqlError> {
        self.coerce(term, DataType::Double, Purpose::Compare)
    }

    /// As a whole number: lengths, positions, counts.
    pub(super) fn integer_of(&mut self, term: &Term) -> Result<String, SqlError> {
        match term.shape {
            Shape::Mark { typed: false, .. } | Shape::Literal(_) | Shape::Null => {
                self.coerce(term, DataType::Integer, Purpose::Cast)
            }
            _ if term.class() == Class::Int => Ok(term.sql.clone()),
            _ => self.coerce(term, DataType::BigInt, Purpose::Cast),
        }
    }

    pub(super) fn timestamp_of(&mut self, term: &Term) -> Result<String, SqlError> {
        self.coerce(term, DataType::PosixTime, Purpose::Compare)
    }

    /// Decimal text of any number; dates count in days.
    pub(super) fn number_text(&mut self, term: &Term) -> Result<String, SqlError> {
        if term.class() == Class::Date {
            return Ok(format!("CAST({} AS TEXT)", term.sql));
        }
        self.decimal_of(term)
    }

    pub(super) fn cast(&mut self, term: &Term, to: DataType) -> Result<Term, SqlError> {
        refuse_stream(term)?;
        self.converted(term, to)
    }

    /// As CONVERT does, which takes a stream.
    pub(super) fn converted(&mut self, term: &Term, to: DataType) -> Result<Term, SqlError> {
        let coll = match (Class::of(&to), term.class()) {
            (Class::Text, Class::Text) => match term.coll {
                Coll::None => Coll::Function,
                other => other,
            },
            (Class::Text, _) => Coll::Function,
            _ => Coll::None,
        };
        // A mark inside CAST is described as what it is cast to.
        let sql = self.coerce(term, to, Purpose::Cast)?;
        Ok(Term { sql, data_type: to, shape: Shape::Other, coll, nullable: term.nullable })
    }
}
