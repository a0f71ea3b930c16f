//! Values with the modifier of their type: what a column of `timestamp(3)` or `character(5)` keeps, what a cast to it
//! makes. Constants and parameters are fitted when they are bound; what IRIS computes it does not round.

use crate::iris::ParameterKind;
use crate::sql::plan::Bind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::trimmed;
use crate::sql::translate::context::frag::{Frag, Mark, Ty};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::PgError;

/// Fewer digits of a second than IRIS keeps.
fn fraction_digits(to: PgType) -> Option<i32> {
    let digits = match to.oid {
        Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ if to.typmod >= 0 => to.typmod,
        Oid::INTERVAL if to.typmod >= 0 => to.typmod & 0xFFFF,
        _ => return None,
    };
    (digits < 6).then_some(digits)
}

/// Whether a value of the type may have to be changed or checked for it.
fn is_fitted(to: PgType) -> bool {
    match to.oid {
        Oid::BPCHAR | Oid::FLOAT4 | Oid::INTERVAL => true,
        Oid::VECTOR => to.typmod > 0,
        Oid::BIT | Oid::VARBIT => to.typmod >= 0,
        oid => fraction_digits(to).is_some() || to.typmod >= 0 && oid.element().is_some(),
    }
}

impl Cx<'_> {
    /// `value` as a value of `to`, whose type it has already but for the modifier.
    ///
    /// # Errors
    /// 0A000 for a value that IRIS computes and cannot fit.
    #[inline(never)]
    pub(crate) fn fitted(&self, value: Frag, to: PgType, fitting: Fitting) -> Result<Frag> {
        if to.oid == Oid::JSONB {
            return self.fitted_jsonb(value);
        }
        if value.is_null() {
            return Ok(value);
        }
        let mut value = value;
        if matches!(to.oid, Oid::FLOAT4 | Oid::FLOAT8 | Oid::MONEY)
            && value.text == "-\u{1}"
            && let [Mark { bind: Bind::Literal(n), .. }] = value.marks.as_slice()
            && let Some((_, digits)) = self.read_literal(*n)
        {
            // A negative constant, whose number need not be one of IRIS's decimals.
            let source = Box::new(Bind::Constant(format!("-{digits}")));
            let bind = Bind::Fitted { source, to, fitting };
            return Ok(Frag::mark(bind, ParameterKind::User, Ty::Known(to)).sure());
        }
        if !is_fitted(to) {
            return Ok(value);
        }
        let is_vector = value.text.starts_with("TO_VECTOR(\u{1}, ");
        if let [Mark { bind, .. }] = value.marks.as_mut_slice()
            && (value.text.chars().count() == 1 || is_vector)
        {
            if let Bind::Parameter(_)
            | Bind::CastParameter { .. }
            | Bind::Literal(_)
            | Bind::TypedLiteral { .. }
            | Bind::Constant(_)
            | Bind::TypedConstant { .. } = bind
            {
                *bind = Bind::Fitted { source: Box::new(bind.clone()), to, fitting };
            }
            return Ok(value.with_ty(Ty::Known(to)));
        }
        let Ty::Known(from) = value.ty else { return Ok(value) };
        match (to.oid, fraction_digits(to)) {
            (Oid::BPCHAR, _) => Ok(trimmed(value)),
            (Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ, Some(digits)) => {
                if value.text == "CURRENT_TIMESTAMP(6)" {
                    return Ok(Frag { text: format!("CURRENT_TIMESTAMP({digits})"), ..value.with_ty(Ty::Known(to)) });
                }
                let is_coarse = from.oid == Oid::DATE || fraction_digits(from).is_some_and(|from| from <= digits);
                if is_coarse { Ok(value) } else { self.unfinished(value, to, fitting) }
            }
            (Oid::FLOAT4, _) if matches!(from.oid, Oid::FLOAT4 | Oid::INT2) && !value.is_unfinished => Ok(value),
            (Oid::FLOAT4, _) => self.unfinished(value, to, fitting),
            (Oid::INTERVAL, None) => Ok(value),
            // Columns check the length themselves.
            (Oid::VECTOR, _) if from.typmod < 0 && fitting == Fitting::Assignment => Ok(value),
            _ if from == to => Ok(value),
            _ => Err(not_fitted(to)),
        }
    }

    /// A cast at the top of a select list is finished by the encoder; anything else would keep what it should not.
    fn unfinished(&self, value: Frag, to: PgType, fitting: Fitting) -> Result<Frag> {
        if fitting == Fitting::Cast {
            return Ok(Frag { is_unfinished: true, ..value.with_ty(Ty::Known(to)) });
        }
        Err(not_fitted(to))
    }

    /// IRIS writes documents otherwise than PostgreSQL keeps them.
    fn fitted_jsonb(&self, value: Frag) -> Result<Frag> {
        let is_made = value.text.contains("JSON_OBJECT(") || value.text.contains("JSON_ARRAY");
        if is_made || value.ty.is(Oid::JSON) && value.marks.is_empty() && !value.is_null() {
            return Err(PgError::unsupported("a document that IRIS makes cannot be stored as jsonb")
                .hint("Make it on the client and pass it as a parameter."));
        }
        let mut value = value;
        if let [Mark { bind, .. }] = value.marks.as_mut_slice()
            && value.ty.is(Oid::JSON)
        {
            if let Bind::Literal(literal) | Bind::TypedLiteral { literal, .. } = *bind {
                *bind = Bind::TypedLiteral { literal, oid: Oid::JSONB };
            } else if let Bind::Parameter(_) = bind {
                return Err(PgError::unsupported("a parameter of type json cannot be stored as jsonb")
                    .hint("Declare it as jsonb, or leave its type open."));
            }
        }
        Ok(value)
    }
}

fn not_fitted(to: PgType) -> Box<PgError> {
    if to.oid == Oid::VECTOR {
        return PgError::unsupported(format!("a vector that IRIS keeps or computes cannot be cast to {}", to.name()))
            .hint("IRIS would cut it or pad it with zeros. Give the column that length, or leave the cast out.");
    }
    PgError::unsupported(format!("a value that IRIS computes cannot be made a {}", to.name()))
        .hint("IRIS does not round to it; store a constant or a parameter, or give the column no precision.")
}
