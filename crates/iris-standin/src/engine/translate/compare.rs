//! Comparisons: which type both sides get, and under which collation.

use super::super::SqlError;
use super::super::convert::{Class, Purpose};
use super::super::parse::ast::CompareOp;
use super::super::types::{DECIMAL_COLLATION, DataType};
use super::term::{Coll, DECIMAL, Shape, TEXT, Term, collation_name, equality_collation};
use super::translator::Translator;

/// The type that holds values of both: for CASE, COALESCE and comparisons of expressions.
pub(super) fn wider(a: DataType, b: DataType) -> DataType {
    use Class::{Bytes, Date, Decimal, Double, Int, List, Text, Time, Timestamp, Vector};
    let length = |data_type: &DataType| match data_type {
        DataType::VarChar { length } => *length,
        DataType::Char { length } => Some(*length),
        _ => None,
    };
    match (Class::of(&a), Class::of(&b)) {
        (Text, Text) => DataType::VarChar { length: length(&a).zip(length(&b)).map(|(x, y)| x.max(y)) },
        (Int, Int) => {
            let rank = |data_type: &DataType| data_type.precision();
            if rank(&b) > rank(&a) { b } else { a }
        }
        (Decimal, Decimal) => match (a, b) {
            (DataType::Numeric { precision: p, scale: s }, DataType::Numeric { precision: q, scale: t }) => {
                DataType::Numeric { precision: p.max(q), scale: s.max(t) }
            }
            _ => a,
        },
        (Double, Int | Decimal) | (Timestamp, Date) | (Decimal, Int) => a,
        (Int | Decimal, Double) | (Date, Timestamp) | (Int, Decimal) => b,
        (x, y) if x == y => a,
        (Bytes | Vector | List | Date | Time | Timestamp | Text | Int | Decimal | Double, _) => TEXT,
    }
}

impl Translator<'_> {
    /// The type in which the two sides meet.
    fn meeting_type(&self, left: &Term, right: &Term) -> DataType {
        let (a, b) = (left.class(), right.class());
        match (self.is_untyped(left), self.is_untyped(right)) {
            (true, true) => return TEXT,
            (true, false) => return column_type(right),
            (false, true) => return column_type(left),
            (false, false) => {}
        }
        // A literal takes the type of the column or expression it meets, numbers among themselves aside.
        let both_numbers = a.is_numeric() && b.is_numeric();
        if left.is_flexible() != right.is_flexible() && !both_numbers {
            return column_type(if left.is_flexible() { right } else { left });
        }
        match (a, b) {
            _ if a == b => left.data_type,
            (Class::Double, _) | (_, Class::Double) if both_numbers => DataType::Double,
            _ if both_numbers => DECIMAL,
            (Class::Timestamp, Class::Date | Class::Text) | (Class::Date | Class::Text, Class::Timestamp) => {
                DataType::PosixTime
            }
            (Class::Date, Class::Text | Class::Int) | (Class::Text | Class::Int, Class::Date) => DataType::Date,
            (Class::Time, _) | (_, Class::Time) => DataType::Time { precision: 9 },
            (Class::Vector, _) => left.data_type,
            (_, Class::Vector) => right.data_type,
            (Class::List, _) | (_, Class::List) => DataType::List,
            (Class::Bytes, _) | (_, Class::Bytes) => DataType::VarBinary { length: None },
            // A string beside a number counts as a number, '' as 0.
            _ => DECIMAL,
        }
    }

    /// Both sides in one type, and the collation behind the left one.
    fn meet(&mut self, op: CompareOp, left: &Term, right: &Term) -> Result<(String, String, String), SqlError> {
        for term in [left, right] {
            if term.data_type.is_stream() {
                return Err(SqlError::prepare(313, "Condition not allowed on stream fields"));
            }
        }
        // An integer column beside a decimal literal stays an integer, so that its index serves.
        let integer_side = |column: &Term, literal: &Term| {
            column.class() == Class::Int
                && !column.is_flexible()
                && literal.is_flexible()
                && literal.class().is_numeric()
        };
        let data_type = if integer_side(left, right) {
            left.data_type
        } else if integer_side(right, left) {
            right.data_type
        } else {
            self.meeting_type(left, right)
        };
        let a = self.coerce(left, data_type, Purpose::Compare)?;
        let b = self.coerce(right, data_type, Purpose::Compare)?;
        let collate = match Class::of(&data_type) {
            Class::Text => {
                let collation = left.coll.stronger(right.coll).collation();
                let equality = matches!(op, CompareOp::Equal | CompareOp::NotEqual);
                let name = if equality { equality_collation(collation) } else { collation_name(collation) };
                format!(" COLLATE {name}")
            }
            Class::Decimal => format!(" COLLATE {DECIMAL_COLLATION}"),
            _ => String::new(),
        };
        Ok((a, b, collate))
    }

    pub(super) fn compare_terms(&mut self, op: CompareOp, left: &Term, right: &Term) -> Result<String, SqlError> {
        if left.shape == Shape::Null || right.shape == Shape::Null {
            // Legal, never true.
            return Ok(format!("({} {} {})", left.sql, op.sqlite(), right.sql));
        }
        let (a, b, collate) = self.meet(op, left, right)?;
        Ok(format!("({a}{collate} {} {b})", op.sqlite()))
    }

    pub(super) fn between(&mut self, term: &Term, low: &Term, high: &Term, not: bool) -> Result<String, SqlError> {
        let from = self.compare_terms(CompareOp::GreaterEqual, term, low)?;
        let to = self.compare_terms(CompareOp::LessEqual, term, high)?;
        let negation = if not { "NOT " } else { "" };
        Ok(format!("({negation}({from} AND {to}))"))
    }

    /// `x IN (..)`. Values are converted to the type of `x`, which decides the collation.
    pub(super) fn in_values(&mut self, term: &Term, values: &[Term], not: bool) -> Result<String, SqlError> {
        if values.len() > IN_VALUES_MAX {
            return Err(SqlError::prepare(1, format!("more than {IN_VALUES_MAX} values in IN")));
        }
        let one_type = values.iter().all(|value| value.is_flexible() || value.class() == term.class());
        if term.is_flexible() || !one_type {
            let mut parts = Vec::new();
            for value in values {
                parts.push(self.compare_terms(CompareOp::Equal, term, value)?);
            }
            return Ok(format!("({}({}))", if not { "NOT " } else { "" }, parts.join(" OR ")));
        }
        super::output::refuse_stream(term)?;
        let mut texts = Vec::new();
        let mut coll = term.coll;
        for value in values {
            texts.push(self.coerce(value, term.data_type, Purpose::Compare)?);
            coll = coll.stronger(value.coll);
        }
        let collate = match term.class() {
            Class::Text => format!(" COLLATE {}", equality_collation(coll.collation())),
            Class::Decimal => format!(" COLLATE {DECIMAL_COLLATION}"),
            _ => String::new(),
        };
        let word = if not { "NOT IN" } else { "IN" };
        Ok(format!("({}{collate} {word} ({}))", term.sql, texts.join(",")))
    }

    /// Values of one result: all converted to a common type.
    pub(super) fn unify(&mut self, terms: &[Term]) -> Result<(Vec<String>, DataType, Coll), SqlError> {
        let mut common: Option<DataType> = None;
        for term in terms {
            if self.is_untyped(term) {
                continue;
            }
            common = Some(match common {
                None => term.data_type,
                Some(so_far) => wider(so_far, term.data_type),
            });
        }
        let data_type = common.unwrap_or(TEXT);
        let mut texts = Vec::with_capacity(terms.len());
        for term in terms {
            texts.push(self.coerce(term, data_type, Purpose::Compare)?);
        }
        let coll = if Class::of(&data_type) == Class::Text {
            let strongest = terms.iter().fold(Coll::None, |coll, term| coll.stronger(term.coll));
            if strongest == Coll::None { Coll::Function } else { strongest }
        } else {
            Coll::None
        };
        Ok((texts, data_type, coll))
    }
}

/// Beyond about as many values IRIS was seen to refuse the statement; where it ends exactly is not documented.
const IN_VALUES_MAX: usize = 1000;

/// The type a literal or mark beside the term gets: without length limits.
fn column_type(term: &Term) -> DataType {
    term.data_type
}
