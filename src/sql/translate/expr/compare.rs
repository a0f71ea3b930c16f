//! Whether IRIS compares, orders and tells apart the values of a type as PostgreSQL does.
//!
//! IRIS keeps many of PostgreSQL's types as text. What a comparison of that text means is decided here, by the types of
//! both sides and for every place that compares: operators, IN, BETWEEN, CASE, NULLIF, MIN and MAX, ORDER BY, GROUP BY,
//! DISTINCT, PARTITION BY. What would not be PostgreSQL's answer for every value is refused.

use super::nan;
use crate::iris::ParameterKind;
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::enums;
use crate::sql::translate::expr::as_value;
use crate::sql::translate::frag::{Frag, Ty, level};
use crate::sql::typename;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// What a place asks of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Whether they are equal.
    Equality,
    /// Which is the smaller one.
    Order,
}

/// How the values of a type stand in IRIS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
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

fn kept(oid: Oid) -> Kept {
    match oid {
        Oid::BOOL
        | Oid::INT2
        | Oid::INT4
        | Oid::INT8
        | Oid::OID
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
        _ => match typename::element_of(oid) {
            Some(element) if has_one_spelling(element) => Kept::Token,
            _ => Kept::Opaque,
        },
    }
}

/// Whether IRIS keeps the values of a type as text. Columns that the gateway makes of it are %EXACT.
pub fn is_text(oid: Oid) -> bool {
    !matches!(kept(oid), Kept::Native) && oid != Oid::VECTOR
}

/// Whether a column of the type can be part of a key: IRIS has to tell its values apart as PostgreSQL does.
///
/// # Errors
/// 42704 for a type that PostgreSQL cannot compare either, 0A000 for one that only IRIS cannot.
pub fn check_key(oid: Oid) -> Result<()> {
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

impl Cx<'_> {
    /// Two values as IRIS has to compare them to answer what PostgreSQL would.
    ///
    /// # Errors
    /// 0A000 where it cannot.
    #[inline(never)]
    pub fn compared(&self, asked: Asked, left: Frag, right: Frag) -> Result<(Frag, Frag)> {
        let (left, right) = self.agree(as_value(left), as_value(right));
        self.check_finished(&left)?;
        self.check_finished(&right)?;
        let (left, right) = (nan::placed(left), nan::placed(right));
        self.check_compared(&left, &right)?;
        if let Some(enum_type) = left.enum_type.clone().or_else(|| right.enum_type.clone()) {
            let (mut left, mut right) = (left, right);
            enums::checked(self, &mut left, &enum_type)?;
            enums::checked(self, &mut right, &enum_type)?;
            return Ok(match asked {
                Asked::Equality => exactly(left, right),
                Asked::Order => (enums::ordered(self, &left, &enum_type), enums::ordered(self, &right, &enum_type)),
            });
        }
        let (Some(a), Some(b)) = (left.ty.oid(), right.ty.oid()) else {
            for oid in [left.ty.oid(), right.ty.oid()].into_iter().flatten() {
                self.check_kept(asked, oid, "compared")?;
            }
            return Ok((left, right));
        };
        match (kept(a), kept(b)) {
            (Kept::Native, Kept::Native) => Ok(met(left, right)),
            (Kept::Text, Kept::Text) => Ok(exactly(left, right)),
            (Kept::Padded, Kept::Padded | Kept::Text) | (Kept::Text, Kept::Padded) => {
                Ok(exactly(self.without_blanks(left, b), self.without_blanks(right, a)))
            }
            (Kept::Token, Kept::Token) if asked == Asked::Equality && (a == b || is_bits(a) && is_bits(b)) => {
                Ok(exactly(left, right))
            }
            (Kept::Jsonb, Kept::Jsonb) if asked == Asked::Equality && self.is_without_numbers(&left, &right) => {
                Ok(exactly(left, right))
            }
            _ => {
                self.check_kept(asked, a, "compared")?;
                self.check_kept(asked, b, "compared")?;
                Ok((left, right))
            }
        }
    }

    /// A value that rows are sorted by, or MIN and MAX choose from.
    ///
    /// # Errors
    /// 0A000 where IRIS has another order.
    pub fn sorted(&self, value: Frag) -> Result<Frag> {
        self.keyed(Asked::Order, value, "sorted by")
    }

    /// A value that rows are told apart by: GROUP BY, DISTINCT, PARTITION BY, UNION.
    ///
    /// # Errors
    /// 0A000 where IRIS would tell apart what is equal, or the other way round.
    pub fn grouped(&self, value: Frag) -> Result<Frag> {
        self.keyed(Asked::Equality, value, "grouped by")
    }

    #[inline(never)]
    fn keyed(&self, asked: Asked, value: Frag, what: &str) -> Result<Frag> {
        self.check_finished(&value)?;
        let value = nan::placed(value);
        let Some(oid) = value.ty.oid() else { return Ok(value) };
        match kept(oid) {
            Kept::Native => Ok(value),
            Kept::Text => Ok(exact(value)),
            Kept::Padded if asked == Asked::Equality && matches!(value.ty, Ty::Known(ty) if ty.typmod == -1) => {
                Err(PgError::unsupported(format!("character values of several lengths cannot be {what}"))
                    .hint("IRIS would tell apart what differs in blanks at the end only. Cast to text."))
            }
            Kept::Padded => Ok(exact(trimmed(value))),
            Kept::Token if asked == Asked::Equality => Ok(exact(value)),
            _ => {
                self.check_kept(asked, oid, what)?;
                Ok(value)
            }
        }
    }

    /// A `character(n)` with its blanks, as LIKE and values beside other lengths see it.
    pub fn padded(&self, frag: Frag) -> Frag {
        let Ty::Known(pg_type) = frag.ty else { return frag };
        match pg_type.characters() {
            Some(length) if pg_type.oid == Oid::BPCHAR => {
                let not_null = frag.not_null;
                let text = Frag::cat(&[&"RPAD(", &frag, &", ", &length.to_string(), &")"], Ty::of(Oid::BPCHAR));
                Frag { not_null, ..text.exact() }
            }
            _ => frag,
        }
    }

    /// `NULLIF(value, other)`: the value is its own, only the comparison may need another form of it.
    pub(super) fn nullif(&self, value: &Frag, other: &Frag) -> Result<Frag> {
        let (a, b) = self.compared(Asked::Equality, value.clone(), other.clone())?;
        let value = match a.ty {
            Ty::Known(ty) if value.ty.is_open() => self.coerce(value.clone(), ty),
            _ => value.clone(),
        };
        let ty = value.ty;
        let frag = if a.text == value.text {
            Frag::cat(&[&"NULLIF(", &a, &", ", &b, &")"], ty)
        } else {
            let test = Frag::cat(&[&a.within(level::OTHER), &" = ", &b.within(level::OTHER)], Ty::BOOL);
            Frag::cat(&[&"CASE WHEN ", &test, &" THEN NULL ELSE ", &value, &" END"], ty)
        };
        Ok(Frag { enum_type: value.enum_type, ..frag })
    }

    /// Of values that only the encoder finishes nothing else can be made.
    pub fn check_finished(&self, frag: &Frag) -> Result<()> {
        if !frag.is_unfinished {
            return Ok(());
        }
        let name = frag.ty.oid().and_then(typename::typname).unwrap_or("this type");
        Err(PgError::unsupported(format!("IRIS does not round to the digits of {name} inside of an expression"))
            .hint("Select the value itself, or compute with double precision or without a precision."))
    }

    /// Refuses types whose values IRIS does not compare as PostgreSQL does.
    fn check_kept(&self, asked: Asked, oid: Oid, what: &str) -> Result<()> {
        let kept = kept(oid);
        let name = PgType::new(oid).name();
        match kept {
            Kept::Native | Kept::Text | Kept::Padded => Ok(()),
            Kept::Token if asked == Asked::Equality => Ok(()),
            Kept::Incomparable => {
                let message = format!("values of type {name} cannot be {what}");
                Err(PgError::error(SqlState::UNDEFINED_FUNCTION, message)
                    .hint("PostgreSQL has no comparison of this type; cast to text."))
            }
            Kept::Token | Kept::Jsonb | Kept::Opaque => {
                let (why, hint) = match oid {
                    Oid::INTERVAL => (
                        "IRIS keeps them as text, and equal intervals have several ('1 day' and '24:00:00')",
                        "Keep a number of seconds beside it, or compare in the client.",
                    ),
                    Oid::JSONB => (
                        "IRIS keeps them as text, in which equal numbers differ (1 and 1.0)",
                        "Keep what is compared in a column of its own; equality with a constant without numbers works.",
                    ),
                    Oid::VECTOR => (
                        "IRIS has distances of vectors and no comparison",
                        "Compare distances, or a key beside the vector.",
                    ),
                    _ => ("IRIS keeps them as text, whose order is another", "Compare in the client."),
                };
                Err(PgError::unsupported(format!("values of type {name} cannot be {what}: {why}")).hint(hint))
            }
        }
    }

    /// A side of a comparison in which blanks at the end of a `character(n)` do not count. Beside text, they count in
    /// the text (PostgreSQL compares as text then).
    fn without_blanks(&self, frag: Frag, other: Oid) -> Frag {
        match frag.ty.oid() {
            Some(Oid::BPCHAR) => trimmed(frag),
            // varchar beside character is made character.
            Some(Oid::VARCHAR) if other == Oid::BPCHAR => {
                Frag { not_null: frag.not_null, ..Frag::cat(&[&"RTRIM(", &frag, &")"], frag.ty).exact() }
            }
            _ => frag,
        }
    }

    /// Whether one side is a constant document without a number in it: then equal values have equal text.
    fn is_without_numbers(&self, left: &Frag, right: &Frag) -> bool {
        [left, right].into_iter().any(|side| {
            side.literal()
                .and_then(|n| self.read_literal(n))
                .is_some_and(|(_, text)| !crate::types::json_has_number(text))
        })
    }
}

fn is_bits(oid: Oid) -> bool {
    matches!(oid, Oid::BIT | Oid::VARBIT)
}

/// Without the blanks at its end, which do not count in `character(n)`.
pub fn trimmed(frag: Frag) -> Frag {
    if frag.is_null() || frag.text.starts_with("RTRIM(") && frag.is_exact {
        return frag;
    }
    let (ty, not_null) = (frag.ty, frag.not_null);
    Frag { not_null, ..Frag::cat(&[&"RTRIM(", &frag, &")"], ty).exact() }
}

/// A `character(n)` without its blanks; anything else as it is.
pub fn trimmed_character(frag: Frag) -> Frag {
    if frag.ty.is(Oid::BPCHAR) { trimmed(frag) } else { frag }
}

/// A text that is compared by every character of it.
pub fn exact(frag: Frag) -> Frag {
    if frag.is_exact || frag.is_null() || !frag.ty.oid().is_some_and(|oid| kept(oid) != Kept::Native) {
        return frag;
    }
    let (ty, not_null, enum_type) = (frag.ty, frag.not_null, frag.enum_type.clone());
    Frag { not_null, enum_type, ..Frag::cat(&[&"%EXACT(", &frag, &")"], ty).exact() }
}

/// Two texts; the stronger collation decides for both.
fn exactly(left: Frag, right: Frag) -> (Frag, Frag) {
    if right.is_exact { (left, right) } else { (exact(left), right) }
}

/// Numbers and moments of two types as PostgreSQL lets them meet: whole and decimal numbers beside double precision
/// become double precision, days beside timestamps timestamps. Constants take the other side's type in IRIS.
fn met(left: Frag, right: Frag) -> (Frag, Frag) {
    let (a, b) = (left.ty, right.ty);
    let are_bound = (!left.marks.is_empty(), !right.marks.is_empty());
    (met_by(left, b, are_bound.1), met_by(right, a, are_bound.0))
}

fn met_by(frag: Frag, other: Ty, is_beside_bound: bool) -> Frag {
    let is_mark = !frag.marks.is_empty() && frag.text.chars().count() == 1;
    let is_float = other.is(Oid::FLOAT8) || other.is(Oid::FLOAT4);
    let is_moment = other.is(Oid::TIMESTAMP) || other.is(Oid::TIMESTAMPTZ);
    let is_parameter = frag.marks.iter().any(|mark| mark.kind == ParameterKind::User);
    if is_mark && is_parameter && is_beside_bound {
        return told(frag);
    }
    let to = match frag.ty.oid() {
        Some(Oid::INT8 | Oid::NUMERIC) if is_float => "DOUBLE",
        Some(Oid::DATE) if is_moment => "TIMESTAMP",
        _ => return frag,
    };
    if is_mark || frag.is_null() {
        return frag;
    }
    let (ty, not_null) = (if to == "DOUBLE" { Ty::FLOAT8 } else { other }, frag.not_null);
    Frag { not_null, ..Frag::cat(&[&"CAST(", &frag, &" AS ", &to, &")"], ty).with_level(level::ATOM) }
}

/// A parameter of a number's or moment's type where IRIS cannot tell: beside another parameter both would be texts.
pub fn told(frag: Frag) -> Frag {
    let to = match frag.ty.oid() {
        Some(Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::OID) => "BIGINT",
        Some(Oid::FLOAT4 | Oid::FLOAT8) => "DOUBLE",
        Some(Oid::DATE) => "DATE",
        Some(Oid::TIME) => "TIME(6)",
        Some(Oid::TIMESTAMP | Oid::TIMESTAMPTZ) => "TIMESTAMP",
        Some(Oid::NUMERIC | Oid::MONEY) => "NUMERIC(38,19)",
        _ => return frag,
    };
    let (ty, not_null) = (frag.ty, frag.not_null);
    Frag { not_null, ..Frag::cat(&[&"CAST(", &frag, &" AS ", &to, &")"], ty) }
}

#[cfg(test)]
mod tests {
    use crate::sql::tests::{Tables, shown};

    fn said(condition: &str) -> String {
        let tables = Tables::parse(
            "t: id int4 #; c bpchar(5); v interval; j jsonb; k json; e vector(3); a int4[]; n numeric[]; i inet; b bit(4); \
             d date; ts timestamp; f float8; r float4; m numeric(10,2); s text; w varchar(9); x text[]; q big{no,yes}",
        );
        let text = shown(&format!("select id from t where {condition}"), &tables);
        text.strip_prefix("SELECT id FROM SQLUser.t WHERE ").map_or(text.clone(), str::to_owned)
    }

    #[test]
    fn what_text_does_not_tell_is_refused() {
        for condition in [
            "v = '1 day'",
            "v > '1 day'",
            "v between '1 day' and '2 days'",
            "v in ('1 day')",
            "v is distinct from '1 day'",
            "nullif(v, '1 day') is null",
            "case v when '1 day' then true end",
            "j = '{\"a\":1}'",
            "j = j",
            "j < '{}'",
            "e = '[1,2,3]'",
            "e < '[1,2,3]'",
            "a < '{1}'",
            "n = '{1}'",
            "i < '10.0.0.1'",
            "b > B'0101'",
            "(id, v) = (1, '1 day')",
            "v = any(array['1 day'])",
            "greatest(v, '1 day') is null",
            "v in (select v from t)",
            "s > (select e from t)",
            "not s > any (select s from t)",
            "(m > all (select m from t)) is null",
            "greatest(c, 'x') is null",
            "least(c, s) is null",
        ] {
            assert!(said(condition).starts_with("0A000 "), "{condition}: {}", said(condition));
        }
    }

    #[test]
    fn what_is_exact_is_sent() {
        let cases = [
            ("c = 'a '", "RTRIM(c) = RTRIM(<'a ':bpchar>)"),
            ("c = s", "RTRIM(c) = s"),
            ("c = w", "RTRIM(c) = RTRIM(w)"),
            ("a = '{1,2}'", "a = <'{1,2}':1007>"),
            ("i = '10.0.0.1'", "i = <'10.0.0.1':inet>"),
            ("j = '{\"a\": \"1\"}'", "j = <'{\"a\": \"1\"}':jsonb>"),
            ("d < ts", "CAST(d AS TIMESTAMP) < ts"),
            ("m = f", "CAST(m AS DOUBLE) = f"),
            ("f = 0.5", "f = <0.5>"),
            ("'a' = 'A'", "%EXACT(<'a'>) = <'A'>"),
            ("coalesce(s, 'x') = 'X'", "%EXACT(COALESCE(s, <'x'>)) = <'X'>"),
            ("s = 'a'", "s = <'a'>"),
            ("s < any (select w from t)", "(' ' || s) < ANY (SELECT ' ' || w FROM SQLUser.t)"),
            ("c >= all (select c from t)", "(' ' || RTRIM(c)) >= ALL (SELECT ' ' || RTRIM(c) FROM SQLUser.t)"),
            ("s = any (select w from t)", "s IN (SELECT w FROM SQLUser.t)"),
            ("q = 'no'", "q = <'no'>"),
            ("q < 'yes'", "CASE q WHEN 'no' THEN 0 WHEN 'yes' THEN 1 END < 1"),
        ];
        for (condition, expected) in cases {
            assert_eq!(said(condition), expected, "{condition}");
        }
    }
}
