//! The text of a value inside SQL. IRIS would print it in its own form (a date as `66841`, 0.5 as `.5`, true as `1`), so
//! every place that makes text comes here; a type whose text IRIS cannot make exactly is refused.

use super::moments;
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, as_value, level};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

/// PostgreSQL has two texts of some types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextForm {
    /// Of a cast, and of `||`: booleans are words, char(n) loses its trailing blanks.
    Cast,
    /// Of the type's output function (concat, format): `t`, `f`, char(n) with its blanks.
    Output,
}

impl Cx<'_> {
    /// A value's text, as PostgreSQL prints it.
    ///
    /// # Errors
    /// 0A000 for a type whose text IRIS cannot make exactly.
    #[inline(never)]
    pub(crate) fn text_of(&self, frag: Frag, form: TextForm) -> Result<Frag> {
        let frag = as_value(frag);
        let sure = frag.not_null;
        // What is made here has no collation of a column.
        let is_made = !frag.ty.is_string() && !frag.ty.is_open() && frag.ty != Ty::Any;
        let text = self.text_of_type(frag, form)?;
        let text = if is_made { text.exact() } else { text };
        Ok(if sure { text.sure() } else { text })
    }

    fn text_of_type(&self, frag: Frag, form: TextForm) -> Result<Frag> {
        let Ty::Known(ty) = frag.ty else { return Ok(self.as_text(frag)) };
        Ok(match ty.oid {
            Oid::TEXT | Oid::VARCHAR | Oid::UUID | Oid::JSON | Oid::JSONB | Oid(18 | 19) => frag.with_ty(Ty::TEXT),
            Oid::BPCHAR => match (form, ty.characters()) {
                (TextForm::Cast, _) => Frag::cat(&[&"RTRIM(", &frag, &")"], Ty::TEXT),
                (TextForm::Output, Some(length)) => {
                    Frag::cat(&[&"RPAD(", &frag, &", ", &length.to_string(), &")"], Ty::TEXT)
                }
                (TextForm::Output, None) => frag.with_ty(Ty::TEXT),
            },
            Oid::BOOL => {
                let (yes, no) = if form == TextForm::Cast { ("'true'", "'false'") } else { ("'t'", "'f'") };
                Frag::cat(&[&"CASE ", &frag, &" WHEN 1 THEN ", &yes, &" WHEN 0 THEN ", &no, &" END"], Ty::TEXT)
            }
            Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::OID => moments::number(&frag),
            Oid::NUMERIC => match (self.plain_number(&frag), ty.numeric_scale()) {
                (Some(text), _) => self.text_constant(text),
                // The declared scale: what is only shown may have more digits.
                (None, Some(scale)) if ty.typmod >= 0 && scale >= 0 => {
                    Frag::cat(&[&"$JUSTIFY(", &frag, &", 0, ", &scale.to_string(), &")"], Ty::TEXT)
                }
                _ => return Err(no_text(ty)),
            },
            Oid::DATE if !self.template.is_dated => moments::day_text(&frag),
            Oid::TIMESTAMP if !self.template.is_dated => moments::timestamp_text(&frag, ' '),
            Oid::TIMESTAMPTZ if !self.template.is_dated && !self.template.is_zoned => {
                let text = moments::timestamp_text(&frag, ' ');
                Frag::cat(&[&text, &" || '+00'"], Ty::TEXT).with_level(level::OTHER)
            }
            _ => return Err(no_text(ty)),
        })
    }

    /// The digits of a numeric constant that PostgreSQL prints as they are written.
    fn plain_number(&self, frag: &Frag) -> Option<&str> {
        let (kind, text) = frag.literal().and_then(|n| self.read_literal(n))?;
        let (whole, fraction) = text.split_once('.')?;
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_digits(whole) && is_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
        (kind == LiteralKind::Numeric && is_plain).then_some(text)
    }
}

fn no_text(ty: PgType) -> Box<PgError> {
    let name = ty.oid.base_name().map_or_else(|| ty.name(), |_| PgType::new(ty.oid).name());
    PgError::unsupported(format!("IRIS cannot make PostgreSQL's text of a value of type {name} inside a query")).hint(
        "A cast that stands alone as a column of the outermost select list works: SELECT value::text FROM ..; or make \
         the text in the application.",
    )
}
