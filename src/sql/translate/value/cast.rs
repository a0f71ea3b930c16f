//! Casts of values, as far as IRIS does them as PostgreSQL does.

use super::bound::bound;
use super::numbers;
use super::text::TextForm;
use super::types::iris_cast_type;
use crate::sql::iris_text;
use crate::sql::plan::Bind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK, Mark, Ty, as_value, level};
use crate::sql::translate::context::vectors::to_vector;
use crate::types::{Fitting, Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    /// `frag` as a value of type `to`.
    ///
    /// # Errors
    /// 0A000 for a cast that IRIS does another way.
    #[inline(never)]
    pub(crate) fn cast(&self, frag: Frag, to: PgType) -> Result<Frag> {
        let frag = typed_constant(as_value(frag), to);
        let ty = Ty::Known(to);
        let is_parameter = matches!(
            frag.marks.as_slice(),
            [mark] if matches!(mark.bind.innermost(), Bind::Parameter(_) | Bind::CastParameter { .. })
        );
        if to == PgType::new(Oid::BPCHAR) && frag.ty != ty && (!is_parameter || frag.ty.is(Oid::BPCHAR)) {
            // The blanks belong to such a value, and IRIS keeps values of character(n) without.
            return Err(PgError::unsupported("a cast to bpchar without a length is not supported")
                .hint("Cast to text, or to character(n) with its length."));
        }
        let sure = frag.not_null;
        let open = frag.ty.is_open();
        let from = frag.ty;
        if from == ty {
            return Ok(frag);
        }
        if open && frag.is_null() {
            return Ok(match iris_cast_type(to) {
                // In a union the length would be that of the other rows, too.
                Some(name) => Frag::cat(&[&"CAST(NULL AS ", &name, &")"], ty),
                None => Frag::atom("CAST(NULL AS VARCHAR(32767))", ty),
            });
        }
        if let Some(frag) = self.zoned_cast(&frag, to)? {
            return Ok(frag);
        }
        let is_bound = !frag.marks.is_empty();
        let frag = if open && is_bound && to.oid == Oid::INTERVAL { frag.with_ty(ty) } else { self.coerce(frag, to) };
        let is_lone = frag.text.chars().count() == 1 && frag.marks.len() == 1;
        let frag = if is_lone { self.fitted(frag, to, Fitting::Cast)? } else { frag };
        let wrapped = |name: &str, frag: &Frag| Frag::cat(&[&"CAST(", frag, &" AS ", &name, &")"], ty);
        let is_mark = open && !frag.marks.is_empty();
        let is_float = matches!(from.oid(), Some(Oid::FLOAT4 | Oid::FLOAT8));
        let is_fitted = is_lone && matches!(frag.marks.as_slice(), [Mark { bind: Bind::Fitted { .. }, .. }]);
        if let Ty::Known(from) = from
            && !is_fitted
        {
            check_cast(from, to, frag.literal().is_some())?;
        }
        let cast = match to.oid {
            Oid::BOOL => cast_to_bool(frag, from),
            Oid::INT2 | Oid::INT4 | Oid::INT8 => {
                let name = iris_cast_type(to).unwrap_or_default();
                // PostgreSQL rounds, decimals away from zero and doubles to even; IRIS cuts the fraction off.
                if is_float {
                    wrapped(&name, &numbers::rounded_to_even(&frag))
                } else if from.is(Oid::NUMERIC) {
                    Frag::cat(&[&"CAST(ROUND(", &frag, &", 0) AS ", &name, &")"], ty)
                } else {
                    wrapped(&name, &frag)
                }
            }
            // Among other rows a column that begins with whole numbers would be one of whole numbers.
            Oid::NUMERIC if to.typmod < 0 && from.is_integer() && frag.marks.is_empty() => {
                wrapped("NUMERIC(38,19)", &frag)
            }
            // IRIS's NUMERIC without a scale has none.
            Oid::NUMERIC if to.typmod < 0 && (is_mark || from.is_number()) => frag.with_ty(ty),
            Oid::VARCHAR | Oid::TEXT | Oid::BPCHAR | Oid(18 | 19) => {
                let text = if open { frag } else { self.text_of(frag, TextForm::Cast)? };
                match iris_cast_type(to) {
                    // What is cut may end with blanks, which do not count.
                    Some(name) if to.typmod >= 0 && to.oid == Oid::BPCHAR => {
                        Frag::cat(&[&"RTRIM(CAST(", &text, &" AS ", &name, &"))"], ty)
                    }
                    _ if to.oid == Oid::BPCHAR => Frag::cat(&[&"RTRIM(", &text, &")"], ty),
                    Some(name) if to.typmod >= 0 => wrapped(&name, &text),
                    // As it is: CAST AS VARCHAR(n) would cut it.
                    _ => text,
                }
            }
            Oid::DATE if from.is(Oid::DATE) => frag,
            Oid::DATE if frag.text == "CURRENT_TIMESTAMP(6)" => Frag::atom("CURRENT_DATE", ty),
            Oid::TIMESTAMP | Oid::TIMESTAMPTZ if matches!(from.oid(), Some(Oid::TIMESTAMP | Oid::TIMESTAMPTZ)) => {
                frag.with_ty(ty)
            }
            Oid::VECTOR if open => bound(&frag, to).unwrap_or(frag),
            Oid::VECTOR => match (from, bound(&frag, to)) {
                (_, Some(frag)) => frag,
                (Ty::Known(known), None)
                    if known.oid == Oid::VECTOR && (to.typmod < 0 || known.typmod == to.typmod) =>
                {
                    frag
                }
                _ => {
                    return Err(PgError::unsupported(
                        "a vector made of an expression is not supported: IRIS does not check what it is made of",
                    )
                    .hint("Make vectors of constants and parameters."));
                }
            },
            Oid(24 | 2205 | 2206 | 4089) => {
                return Err(PgError::unsupported(format!(
                    "casts to {} are not available yet",
                    to.oid.base_name().unwrap_or("reg types")
                ))
                .detail("They need the system catalog, which is answered by a later part of the gateway."));
            }
            Oid(1266) => {
                return Err(PgError::unsupported("the type time with time zone is not supported by IRIS"));
            }
            _ => match iris_cast_type(to) {
                Some(name) => wrapped(&name, &frag),
                // Kept as text in IRIS: nothing to convert there.
                None => frag.with_ty(ty),
            },
        };
        let cast = if sure { cast.with_ty(ty).sure() } else { cast.with_ty(ty) };
        if is_lone {
            return Ok(cast);
        }
        // What the value was before decides whether anything is left to round.
        let fitted = self.fitted(cast.clone().with_ty(from), to, Fitting::Cast)?;
        let Frag { text, marks, is_unfinished, is_exact, .. } = fitted;
        Ok(Frag { text, marks, is_unfinished, is_exact, ..cast })
    }
}

/// A text constant or parameter that is cast to a type (`'1.25'::text::numeric`, `$1::integer` of a client that declares
/// its parameters as varchar) is read by the gateway, as the type's input reads it.
fn typed_constant(mut frag: Frag, to: PgType) -> Frag {
    if !frag.ty.is_string() || Ty::Known(to).is_string() {
        return frag;
    }
    // A literal that stays in the text.
    if frag.marks.is_empty() && iris_text::unquoted(&frag.text).is_some() {
        return frag.with_ty(Ty::Untyped);
    }
    if !frag.text.chars().eq([MARK]) {
        return frag;
    }
    let [mark] = frag.marks.as_mut_slice() else { return frag };
    let bind = match &mark.bind {
        Bind::Literal(_) | Bind::Constant(_) => return frag.with_ty(Ty::Untyped),
        Bind::Parameter(parameter) => Bind::CastParameter { parameter: *parameter, oid: to.oid },
        _ => return frag,
    };
    mark.bind = bind;
    let ty = Ty::Known(PgType::new(to.oid));
    if to.oid == Oid::VECTOR { to_vector(frag.with_ty(ty), PgType::new(to.oid)) } else { frag.with_ty(ty) }
}

/// Refuses the casts between values that IRIS does another way than PostgreSQL, or not at all.
///
/// # Errors
/// 0A000.
fn check_cast(from: PgType, to: PgType, is_literal: bool) -> Result<()> {
    let (source, target) = (Ty::Known(from), Ty::Known(to));
    if from.oid == to.oid && to.typmod < 0 {
        return Ok(());
    }
    if source.is_string() && !target.is_string() {
        return Err(reads_text(to));
    }
    let is_exact = match to.oid {
        Oid::BOOL => source.is_integer(),
        Oid::INT2 | Oid::INT4 | Oid::INT8 => source.is_number() || from.oid == Oid::BOOL || from.oid == Oid::OID,
        Oid::NUMERIC if matches!(from.oid, Oid::FLOAT4 | Oid::FLOAT8) => return Err(decimal_of_double()),
        Oid::NUMERIC | Oid::FLOAT8 => source.is_number(),
        Oid::FLOAT4 => source.is_integer() || is_literal,
        // Its own text form checks the others.
        Oid::TEXT | Oid::VARCHAR => true,
        // Without a length the blanks belong to the value, and IRIS keeps such values without.
        Oid::BPCHAR => to.typmod >= 0 && from.oid != Oid::BYTEA,
        // One is cut at 63 bytes, the other at one.
        Oid(18 | 19) => matches!(from.oid, Oid(18 | 19)) || is_literal,
        Oid::DATE => source.is_moment(),
        // Fractions are rounded to so many digits, which IRIS does not.
        Oid::TIME => source.is_moment() && from.oid != Oid::DATE && to.typmod < 0,
        Oid::TIMESTAMP | Oid::TIMESTAMPTZ => source.is_moment() && to.typmod < 0,
        Oid::JSON => from.oid == Oid::JSONB,
        Oid::VECTOR => from.oid == Oid::VECTOR,
        // Names of what the catalog has.
        Oid(24 | 2205 | 2206 | 4089 | 1266) => true,
        Oid::OID => source.is_integer(),
        _ => false,
    };
    if is_exact {
        return Ok(());
    }
    Err(PgError::unsupported(format!("a cast of {} to {} inside a query is not supported", from.name(), to.name()))
        .hint("IRIS does it another way, or not at all. Cast in the application, or where no table is read."))
}

/// IRIS reads text that is no number as 0, no date as 1840-12-31.
fn reads_text(to: PgType) -> Box<PgError> {
    let name = to.name();
    PgError::unsupported(format!(
        "a cast of text to {name} inside a query is not supported: IRIS reads any text as one"
    ))
    .hint(
        "Constants and parameters can be cast, and a column where the cast stands alone in the outermost select \
             list. Otherwise keep the values in a column of that type.",
    )
}

fn decimal_of_double() -> Box<PgError> {
    PgError::unsupported(
        "a cast of double precision to numeric inside a query is not supported: IRIS rounds it another way",
    )
    .hint(
        "It works alone in the outermost select list, also as round(x::numeric, 2). Otherwise keep the values in a \
             column of type numeric.",
    )
}

fn cast_to_bool(frag: Frag, from: Ty) -> Frag {
    match from {
        Ty::Untyped | Ty::Parameter(_) => frag,
        ty if ty.is(Oid::BOOL) => frag,
        ty if ty.is_number() => {
            let frag = frag.within(level::OTHER);
            Frag::cat(&[&"CASE WHEN ", &frag, &" <> 0 THEN 1 WHEN ", &frag, &" = 0 THEN 0 END"], Ty::BOOL)
        }
        _ => {
            let frag = frag.within(level::OTHER);
            Frag::cat(&[&"CASE WHEN ", &frag, &" = 1 THEN 1 WHEN ", &frag, &" = 0 THEN 0 END"], Ty::BOOL)
        }
    }
}
