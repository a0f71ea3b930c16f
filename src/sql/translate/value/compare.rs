//! Whether IRIS compares, orders and tells apart the values of a type as PostgreSQL does.
//!
//! IRIS keeps many of PostgreSQL's types as text. What a comparison of that text means is decided here, by the types of
//! both sides and for every place that compares: operators, IN, BETWEEN, CASE, NULLIF, MIN and MAX, ORDER BY, GROUP BY,
//! DISTINCT, PARTITION BY. What would not be PostgreSQL's answer for every value is refused.

use super::coerce::told;
use super::enums;
use super::nan;
use crate::iris::ParameterKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::{exact, exactly, inexact, trimmed};
use crate::sql::translate::context::frag::{Frag, Ty, as_value, level};
use crate::sql::translate::context::kept::{Kept, kept};
use crate::sql::translate::context::text_order;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// What a place asks of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Whether they are equal.
    Equality,
    /// Which is the smaller one.
    Order,
}

impl Cx<'_> {
    /// Two values as IRIS has to compare them to answer what PostgreSQL would.
    ///
    /// # Errors
    /// 0A000 where it cannot.
    #[inline(never)]
    pub(crate) fn compared(&self, asked: Asked, left: Frag, right: Frag) -> Result<(Frag, Frag)> {
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
    pub(crate) fn sorted(&self, value: Frag) -> Result<Frag> {
        self.keyed(Asked::Order, value, "sorted by")
    }

    /// A value that rows are told apart by: GROUP BY, DISTINCT, PARTITION BY, UNION.
    ///
    /// # Errors
    /// 0A000 where IRIS would tell apart what is equal, or the other way round.
    pub(crate) fn grouped(&self, value: Frag) -> Result<Frag> {
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

    /// `NULLIF(value, other)`: the value is its own, only the comparison may need another form of it.
    pub(crate) fn nullif(&self, value: &Frag, other: &Frag) -> Result<Frag> {
        let (a, b) = self.compared(Asked::Equality, value.clone(), other.clone())?;
        let value = match a.ty {
            Ty::Known(ty) if value.ty.is_open() => self.coerce(value.clone(), ty),
            _ => value.clone(),
        };
        let ty = value.ty;
        // IRIS takes a value that it is given there for a text.
        let is_given = value.text.chars().count() == 1 && value.marks.len() == 1;
        let frag = if a.text == value.text && !is_given {
            Frag::cat(&[&"NULLIF(", &a, &", ", &b, &")"], ty)
        } else {
            let test = Frag::cat(&[&a.within(level::OTHER), &" = ", &b.within(level::OTHER)], Ty::BOOL);
            Frag::cat(&[&"CASE WHEN ", &test, &" THEN NULL ELSE ", &value, &" END"], ty)
        };
        Ok(Frag { enum_type: value.enum_type, ..frag })
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

    #[inline(never)]
    pub(crate) fn comparison(&self, op: &str, left: Frag, right: Frag) -> Result<Frag> {
        let asked = if matches!(op, "=" | "<>" | "!=") { Asked::Equality } else { Asked::Order };
        let (left, right) = self.compared(asked, left, right)?;
        let op = if op == "!=" { "<>" } else { op };
        let sure = left.not_null && right.not_null;
        let (left, right) = text_order::both_as_sorted(op, left, right);
        let narrowed = if op == "=" { by_index(&left, &right).or_else(|| by_index(&right, &left)) } else { None };
        let mut frag = Frag::cat(&[&left.within(level::OTHER), &" ", &op, &" ", &right.within(level::OTHER)], Ty::BOOL);
        if let Some(narrowed) = narrowed {
            frag = Frag::cat(&[&"(", &narrowed, &" AND ", &frag, &")"], Ty::BOOL);
        }
        Ok(if sure { frag.sure_predicate(level::COMPARISON) } else { frag.predicate(level::COMPARISON) })
    }
}

fn is_bits(oid: Oid) -> bool {
    matches!(oid, Oid::BIT | Oid::VARBIT)
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

/// What is equal is equal without regard to case, and for that the column has its index.
fn by_index(column: &Frag, value: &Frag) -> Option<Frag> {
    let column = inexact(column)?;
    let is_mark = value.marks.len() == 1 && value.text.chars().count() == 1;
    is_mark.then(|| Frag::cat(&[&column, &" = ", value], Ty::BOOL))
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
