//! Dates and times.

use squawk_syntax::SyntaxNode;

use super::tree::Expr;
use crate::sql::template::LiteralKind;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::frag::{Frag, Ty, level};
use crate::sql::translate::names;
use crate::types::{Oid, PgType};

impl Cx<'_> {
    /// `date + 7`, `date - 7`, `date - date`, `timestamp - timestamp`; `None` when no date is involved.
    pub(super) fn date_arithmetic(&self, op: &str, a: &Frag, b: &Frag, at: usize) -> Result<Option<Frag>> {
        let day = |days: &Frag, date: &Frag, sign: &str| {
            let date_ty = Ty::of(Oid::DATE);
            let days = if sign.is_empty() {
                days.clone()
            } else {
                Frag::cat(&[&sign, &days.clone().within(level::ATOM)], Ty::INT4)
            };
            Frag::cat(&[&"CAST(DATEADD('day', ", &days, &", ", date, &") AS DATE)"], date_ty)
        };
        let is_date = |frag: &Frag| frag.ty.is(Oid::DATE);
        let days = |frag: &Frag| {
            (frag.ty.is_integer() || matches!(frag.ty, Ty::Parameter(_)))
                .then(|| self.coerce(frag.clone(), PgType::new(Oid::INT4)))
        };
        if op == "-" && is_date(a) && (is_date(b) || b.ty == Ty::Untyped) {
            let b = self.coerce(b.clone(), PgType::new(Oid::DATE));
            return Ok(Some(Frag::cat(&[&"DATEDIFF('day', ", &b, &", ", a, &")"], Ty::INT4)));
        }
        if is_date(a)
            && let Some(days) = days(b)
        {
            return Ok(match op {
                "+" => Some(day(&days, a, "")),
                "-" => Some(day(&days, a, "-")),
                _ => None,
            });
        }
        if is_date(b)
            && op == "+"
            && let Some(days) = days(a)
        {
            return Ok(Some(day(&days, b, "")));
        }
        if op == "-" && a.ty.is_moment() && (b.ty.is_moment() || b.ty.is_open()) {
            return Err(self
                .unsupported("the difference of two timestamps is an interval, which IRIS does not have", at)
                .hint("EXTRACT(EPOCH FROM a - b) gives it in seconds."));
        }
        Ok(None)
    }

    /// `EXTRACT(field FROM moment)`, `date_part('field', moment)`.
    pub(super) fn extract(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let mut children = node.children();
        let field = children.next().map(|field| cx::plain_text(&field)).unwrap_or_default();
        let field = field.trim_matches(['\'', '"']).to_lowercase();
        if let Some(literal) = node.first_child().and_then(|field| field.first_child()) {
            self.constant(&literal);
        }
        let Some(moment) = children.next() else {
            return Err(self.unsupported("EXTRACT needs a field and a value", at));
        };
        self.part(&field, &moment, Ty::NUMERIC, at)
    }

    pub(super) fn part(&self, field: &str, moment: &SyntaxNode, ty: Ty, at: usize) -> Result<Frag> {
        if field == "epoch"
            && let Some(difference) = self.epoch_of_difference(moment, ty)?
        {
            return Ok(difference);
        }
        let moment = self.value(moment)?;
        if field != "epoch" {
            self.check_zone(&moment, &[Oid::TIMESTAMPTZ], "EXTRACT from a timestamp with time zone")?;
        }
        let moment = self.coerce(moment, PgType::new(Oid::TIMESTAMP));
        let part = |name: &str| Frag::cat(&[&"DATEPART('", &name, &"', ", &moment, &")"], ty);
        Ok(match field {
            "year" | "month" | "day" | "hour" | "minute" | "second" | "quarter" => part(field),
            "doy" => part("dayofyear"),
            "dow" => Frag::cat(&[&"DAYOFWEEK(", &moment, &") - 1"], ty).with_level(level::ADD),
            "isodow" => Frag::cat(&[&"MOD(DAYOFWEEK(", &moment, &") + 5, 7) + 1"], ty).with_level(level::ADD),
            "epoch" => Frag::cat(&[&"DATEDIFF('second', '1970-01-01 00:00:00', ", &moment, &")"], ty),
            "decade" => Frag::cat(&[&"DATEPART('year', ", &moment, &") \\ 10"], ty).with_level(level::OTHER),
            "week" | "isoyear" | "century" | "millennium" | "julian" | "milliseconds" | "microseconds" | "timezone"
            | "timezone_hour" | "timezone_minute" => {
                return Err(
                    self.unsupported(format!("EXTRACT({} ..) is not supported by IRIS", field.to_uppercase()), at)
                );
            }
            _ => {
                return Err(crate::wire::PgError::error(
                    crate::wire::SqlState::INVALID_PARAMETER_VALUE,
                    format!("unit \"{field}\" not recognized for type timestamp without time zone"),
                )
                .position(cx::offset(at)));
            }
        })
    }

    /// `EXTRACT(EPOCH FROM a - b)`: the one use of a difference that needs no interval.
    fn epoch_of_difference(&self, node: &SyntaxNode, ty: Ty) -> Result<Option<Frag>> {
        let Expr::Binary { op, left, right, .. } = super::tree::read(&cx::unwrapped(node))? else { return Ok(None) };
        if op != "-" {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        if !(a.ty.is_moment() || b.ty.is_moment()) {
            return Ok(None);
        }
        let (a, b) = self.agree(a, b);
        Ok(Some(Frag::cat(&[&"DATEDIFF('second', ", &b, &", ", &a, &")"], ty)))
    }

    /// `date_trunc('month', moment)`.
    pub(super) fn date_trunc(&self, arguments: &[SyntaxNode], at: usize) -> Result<Frag> {
        let [field, moment, ..] = arguments else {
            return Err(self.unsupported("date_trunc() needs a field and a value", at));
        };
        let Some((LiteralKind::String, field)) = self.constant(field) else {
            return Err(self.unsupported("date_trunc() is supported with a constant field only", at));
        };
        let field = field.to_lowercase();
        let moment = self.value(moment)?;
        let moment = self.coerce(moment, PgType::new(Oid::TIMESTAMPTZ));
        self.check_zone(&moment, &[Oid::TIMESTAMPTZ, Oid::DATE], "date_trunc() of a timestamp with time zone")?;
        let ty = match moment.ty {
            // PostgreSQL truncates a date as a timestamp with time zone.
            ty if ty.is(Oid::DATE) => Ty::of(Oid::TIMESTAMPTZ),
            ty if ty.is_moment() => ty,
            _ => Ty::of(Oid::TIMESTAMP),
        };
        let day = Frag::cat(&[&"CAST(CAST(", &moment, &" AS DATE) AS TIMESTAMP)"], ty);
        Ok(match field.as_str() {
            "day" => day,
            // Weeks begin on Monday; DAYOFWEEK counts from Sunday, 1.
            "week" => Frag::cat(&[&"DATEADD('day', -MOD(DAYOFWEEK(", &moment, &") + 5, 7), ", &day, &")"], ty),
            "year" | "quarter" | "month" | "hour" | "minute" | "second" => {
                Frag::cat(&[&"DATETRUNC('", &field, &"', ", &moment, &")"], ty)
            }
            _ => return Err(self.unsupported(format!("date_trunc('{field}', ..) is not supported by IRIS"), at)),
        })
    }

    /// `date_trunc('day', x)::date` is only `x::date`.
    pub(super) fn day_of_call(&self, call: &SyntaxNode) -> Result<Option<Frag>> {
        let name = call.first_child().map(|name| names::parts(&name)).unwrap_or_default();
        if name.last().is_none_or(|name| !name.eq_ignore_ascii_case("date_trunc")) {
            return Ok(None);
        }
        let arguments: Vec<SyntaxNode> = super::functions::arguments(call);
        let [field, moment] = arguments.as_slice() else { return Ok(None) };
        if !self.constant(field).is_some_and(|(_, field)| field.eq_ignore_ascii_case("day")) {
            return Ok(None);
        }
        let moment = self.value(moment)?;
        Ok(Some(self.cast(moment, PgType::new(Oid::DATE))?))
    }

    /// Timestamps are kept in UTC, so UTC is the one zone that needs no zone data.
    pub(super) fn at_time_zone(&self, operand: &Expr, zone: Option<&Expr>) -> Result<Frag> {
        if !zone.is_some_and(|zone| self.is_utc(zone)) {
            return Err(crate::wire::PgError::unsupported("AT TIME ZONE is supported for UTC only")
                .hint("IRIS has no time zones; timestamps with time zone are kept in UTC."));
        }
        let frag = self.emit_value(operand)?;
        self.check_zone(&frag, &[Oid::DATE], "AT TIME ZONE of a date")?;
        let ty = match frag.ty {
            ty if ty.is(Oid::TIMESTAMPTZ) => Ty::of(Oid::TIMESTAMP),
            ty if ty.is(Oid::TIMESTAMP) || ty.is(Oid::DATE) => Ty::of(Oid::TIMESTAMPTZ),
            _ => Ty::Any,
        };
        Ok(frag.with_ty(ty))
    }

    /// The zone's name as a constant, also in a cast: PostgreSQL prints `'utc'::text` for what was `'utc'`.
    fn is_utc(&self, zone: &Expr) -> bool {
        match zone {
            Expr::Atom(node) => self
                .constant(node)
                .is_some_and(|(_, zone)| matches!(zone.to_ascii_lowercase().as_str(), "utc" | "gmt" | "z" | "etc/utc")),
            Expr::Cast { operand, .. } => self.is_utc(operand),
            _ => false,
        }
    }
}
