//! Values as their surroundings want them: an untyped constant in the type beside it, a condition as a value, a value as
//! a condition.

use super::types::iris_cast_type;
use crate::iris::ParameterKind;
use crate::sql::iris_text;
use crate::sql::plan::Bind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::trimmed;
use crate::sql::translate::context::frag::{self, Frag, Mark, Ty, level};
use crate::sql::translate::context::vectors::to_vector;
use crate::types::{Oid, PgType, decode_text, write_text};
use crate::wire::PgError;

impl Cx<'_> {
    /// A value as a condition: `active` is `active = 1`.
    pub(crate) fn as_condition(&self, frag: Frag) -> Frag {
        if frag.is_predicate() {
            return frag;
        }
        match frag.text.as_str() {
            "1" => return Frag::atom("1 = 1", Ty::BOOL).sure_predicate(level::COMPARISON),
            "0" => return Frag::atom("1 = 0", Ty::BOOL).sure_predicate(level::COMPARISON),
            // A condition that is NULL; IRIS wants a type with it.
            "NULL" => {
                return Frag::atom("1 = CAST(NULL AS INTEGER)", Ty::BOOL).predicate(level::COMPARISON);
            }
            _ => {}
        }
        let frag = self.coerce(frag, PgType::new(Oid::BOOL));
        let not_null = frag.not_null;
        let frag = Frag::cat(&[&frag.within(level::OTHER), &" = 1"], Ty::BOOL);
        if not_null { frag.sure_predicate(level::COMPARISON) } else { frag.predicate(level::COMPARISON) }
    }

    /// Gives an untyped constant or parameter the type of its surroundings.
    pub(crate) fn coerce(&self, frag: Frag, to: PgType) -> Frag {
        match frag.ty {
            Ty::Parameter(n) => {
                self.declare_parameter(n, to.oid);
                let frag = frag.with_ty(Ty::Known(to));
                if to.oid == Oid::VECTOR { to_vector(frag, to) } else { frag }
            }
            Ty::Untyped if frag.is_null() => frag.with_ty(Ty::Known(to)),
            Ty::Untyped => {
                let mut frag = frag.with_ty(Ty::Known(to));
                if frag.marks.is_empty() && to.oid != Oid::VECTOR {
                    return inlined_as(frag, to);
                }
                if !matches!(to.oid, Oid::TEXT | Oid::VARCHAR)
                    && let [Mark { bind, kind }] = frag.marks.as_mut_slice()
                {
                    // Beside another constant IRIS would compare it as text.
                    if to.oid == Oid::NUMERIC {
                        *kind = ParameterKind::NumberLiteral;
                    } else if Ty::Known(to).is_integer() && *kind == ParameterKind::StringLiteral {
                        *kind = ParameterKind::IntegerLiteral;
                    }
                    let oid = to.oid;
                    match bind {
                        Bind::Literal(literal) => *bind = Bind::TypedLiteral { literal: *literal, oid },
                        Bind::Constant(text) => *bind = Bind::TypedConstant { text: std::mem::take(text), oid },
                        _ => {}
                    }
                }
                if to.oid == Oid::VECTOR { to_vector(frag, to) } else { frag }
            }
            Ty::Known(from) if from.oid == Oid::BPCHAR && to.oid != Oid::BPCHAR && Ty::Known(to).is_string() => {
                trimmed(frag).with_ty(Ty::Known(to))
            }
            // Beside values of other lengths the blanks belong to the value.
            Ty::Known(from) if from.oid == Oid::BPCHAR && to.oid == Oid::BPCHAR && to.typmod < 0 => {
                self.padded(frag).with_ty(Ty::Known(to))
            }
            Ty::Any | Ty::Known(_) => frag,
        }
    }

    /// One of several values that become one column, of their common type. A constant among dates, times and doubles has to be
    /// one for IRIS as well, which would take it for text.
    pub(crate) fn branch(&self, frag: Frag, to: PgType) -> Frag {
        let is_bare = frag.text.chars().eq([frag::MARK]);
        let is_text = frag.marks.is_empty() && frag.text.starts_with('\'');
        let is_mark = frag.ty.is_open() && (is_bare || is_text);
        let frag = self.coerce(frag, to);
        if is_bare && !is_cast_alike(to.oid) && frag.marks.iter().all(|mark| mark.kind == ParameterKind::User) {
            return told(frag);
        }
        match iris_cast_type(to) {
            Some(name) if is_mark && is_cast_alike(to.oid) => {
                let (ty, sure) = (frag.ty, frag.not_null);
                let frag = Frag::cat(&[&"CAST(", &frag, &" AS ", &name, &")"], ty);
                if sure { frag.sure() } else { frag }
            }
            _ => frag,
        }
    }

    /// A `character(n)` with its blanks, as LIKE and values beside other lengths see it.
    pub(crate) fn padded(&self, frag: Frag) -> Frag {
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

    /// Of values that only the encoder finishes nothing else can be made.
    pub(crate) fn check_finished(&self, frag: &Frag) -> Result<()> {
        if !frag.is_unfinished {
            return Ok(());
        }
        let name = frag.ty.oid().and_then(Oid::base_name).unwrap_or("this type");
        Err(PgError::unsupported(format!("IRIS does not round to the digits of {name} inside of an expression"))
            .hint("Select the value itself, or compute with double precision or without a precision."))
    }

    /// Two values with a common type, where one of them has none of its own.
    pub(crate) fn agree(&self, left: Frag, right: Frag) -> (Frag, Frag) {
        match (left.ty, right.ty) {
            (Ty::Known(ty), other) if other.is_open() => {
                let right = self.coerce(right, ty);
                (left, right)
            }
            (other, Ty::Known(ty)) if other.is_open() => {
                let left = self.coerce(left, ty);
                (left, right)
            }
            (Ty::Parameter(_), Ty::Untyped) | (Ty::Untyped, Ty::Parameter(_)) | (Ty::Untyped, Ty::Untyped) => {
                let text = PgType::new(Oid::TEXT);
                (self.coerce(left, text), self.coerce(right, text))
            }
            _ => (left, right),
        }
    }

    pub(crate) fn as_text(&self, frag: Frag) -> Frag {
        self.coerce(frag, PgType::new(Oid::TEXT))
    }
}

/// A string constant that stands in the text, of a type whose values IRIS writes otherwise: it is bound after all.
fn inlined_as(frag: Frag, to: PgType) -> Frag {
    let is_written_otherwise = matches!(
        to.oid,
        Oid::BOOL | Oid::NUMERIC | Oid::FLOAT4 | Oid::FLOAT8 | Oid::TIMESTAMPTZ | Oid::BYTEA | Oid::INTERVAL
    );
    let text = iris_text::unquoted(&frag.text);
    if matches!(to.oid, Oid::JSONB | Oid::UUID) || to.oid.element().is_some() {
        // Kept as text, in PostgreSQL's own spelling; what is none of these is refused when it is bound.
        return match text.map(|text| (spelled(to.oid, &text), text)) {
            Some((Some(spelled), _)) => Frag { text: iris_text::quoted(&spelled), ..frag },
            Some((None, text)) => bound(text, to),
            None => frag,
        };
    }
    // IRIS does not hold the smallest bigint, and reads what is no number as 0.
    let is_no_integer = Ty::Known(to).is_integer()
        && text.as_ref().is_some_and(|text| text.trim().parse::<i64>().is_ok_and(|value| value == i64::MIN));
    match text.filter(|_| is_written_otherwise || is_no_integer) {
        Some(text) => bound(text, to),
        None => frag,
    }
}

fn bound(text: String, to: PgType) -> Frag {
    let bind = Bind::TypedConstant { text, oid: to.oid };
    let kind = if to.oid == Oid::NUMERIC { ParameterKind::NumberLiteral } else { ParameterKind::StringLiteral };
    Frag::mark(bind, kind, Ty::Known(to)).sure()
}

/// A value as PostgreSQL spells it.
fn spelled(oid: Oid, text: &str) -> Option<String> {
    let mut out = Vec::new();
    write_text(&decode_text(oid, text).ok()?, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// Constants of these types that IRIS is not told the type of are text to it.
fn is_cast_alike(oid: Oid) -> bool {
    matches!(oid, Oid::DATE | Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::FLOAT4 | Oid::FLOAT8)
}

/// A parameter of a number's or moment's type where IRIS cannot tell: beside another parameter both would be texts.
pub(crate) fn told(frag: Frag) -> Frag {
    let to = match frag.ty.oid() {
        Some(Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::OID | Oid::TID) => "BIGINT",
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
