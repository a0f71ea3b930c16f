//! Functions of dates and times: EXTRACT, date_trunc, AT TIME ZONE.

use squawk_syntax::SyntaxNode;

use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::value::moments;
use crate::types::{Oid, PgType};

impl Cx<'_> {
    /// `EXTRACT(field FROM moment)`, `date_part('field', moment)`.
    #[inline(never)]
    pub(crate) fn extract(&self, node: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(node.text_range().start());
        let mut children = node.children();
        let field = children.next().map(|field| nodes::plain_text(&field)).unwrap_or_default();
        let field = field.trim_matches(['\'', '"']).to_lowercase();
        if let Some(literal) = node.first_child().and_then(|field| field.first_child()) {
            self.constant(&literal);
        }
        let Some(moment) = children.next() else {
            return Err(self.unsupported("EXTRACT needs a field and a value", at));
        };
        self.part(&field, &moment, Ty::NUMERIC, at)
    }

    #[inline(never)]
    pub(crate) fn part(&self, field: &str, moment: &SyntaxNode, ty: Ty, at: usize) -> Result<Frag> {
        let field = unit(field);
        if field == "epoch"
            && let Some(difference) = self.epoch_of_difference(moment, ty)?
        {
            return Ok(difference);
        }
        let moment = self.value(moment)?;
        if field != "epoch" {
            self.check_zone(&moment, &[Oid::TIMESTAMPTZ], "EXTRACT from a timestamp with time zone")?;
        }
        let x = self.coerce(moment, PgType::new(Oid::TIMESTAMP));
        let unsupported = || {
            Err(self
                .unsupported(format!("EXTRACT({} ..) is not supported here", field.to_uppercase()), at)
                .hint("IRIS has no such part of this type; compute it in the application."))
        };
        let digits = |scale: i32| if ty == Ty::NUMERIC { Ty::Known(PgType::numeric_shown(scale)) } else { ty };
        let whole = digits(0);
        let part = |name: &str| moments::part(name, &x).with_ty(whole);
        if x.ty.is(Oid::TIME) {
            // A time is a count of seconds in IRIS, which DATEPART may take for a day.
            return match field {
                "hour" | "minute" => Ok(Frag::cat(&[&"{fn ", &field.to_uppercase(), &"(", &x, &")}"], whole)),
                _ => unsupported(),
            };
        }
        let is_date = x.ty.is(Oid::DATE);
        // What only IRIS can type is taken for a moment.
        if !x.ty.is_moment() && x.ty != Ty::Any {
            return unsupported();
        }
        let micros = moments::microsecond(&x);
        let divided = |factor: &str, divisor: &str, scale: i32| {
            let seconds = moments::second(&x);
            Frag::cat(&[&seconds, &factor, &" + ", &micros, &divisor], digits(scale)).with_level(level::ADD)
        };
        Ok(match field {
            // A date has none in EXTRACT, and 0 in date_part().
            "hour" | "minute" | "second" | "milliseconds" | "microseconds" if is_date && ty == Ty::NUMERIC => {
                return Err(crate::wire::PgError::error(
                    crate::wire::SqlState::FEATURE_NOT_SUPPORTED,
                    format!("unit \"{field}\" not supported for type date"),
                )
                .position(nodes::offset(at)));
            }
            "year" | "month" | "day" | "hour" | "minute" | "quarter" => part(field),
            "second" => divided("", " / 1000000", 6),
            "milliseconds" => divided(" * 1000", " / 1000", 3),
            "microseconds" => divided(" * 1000000", "", 0),
            "doy" => part("dayofyear"),
            "dow" => moments::weekday(&x).with_ty(whole),
            "isodow" => moments::iso_weekday(&x).with_ty(whole),
            "week" => moments::iso_week(&x).with_ty(whole),
            "isoyear" => moments::iso_year(&x).with_ty(whole),
            "epoch" if is_date => {
                Frag::cat(&[&"DATEDIFF('day', '1970-01-01', ", &x, &") * 86400"], whole).with_level(level::MULTIPLY)
            }
            "epoch" => {
                Frag::cat(&[&moments::epoch(&x), &" + ", &micros, &" / 1000000"], digits(6)).with_level(level::ADD)
            }
            "decade" => Frag::cat(&[&part("year"), &" \\ 10"], whole).with_level(level::OTHER),
            "century" => Frag::cat(&[&"(", &part("year"), &" + 99) \\ 100"], whole).with_level(level::OTHER),
            "millennium" => Frag::cat(&[&"(", &part("year"), &" + 999) \\ 1000"], whole).with_level(level::OTHER),
            "julian" if is_date => {
                Frag::cat(&[&"DATEDIFF('day', '0001-01-01', ", &x, &") + 1721426"], whole).with_level(level::ADD)
            }
            "julian" | "timezone" | "timezone_hour" | "timezone_minute" => return unsupported(),
            // PostgreSQL says so of the first row, and nothing where there is none.
            _ => return unsupported(),
        })
    }

    /// `EXTRACT(EPOCH FROM a - b)`: the one use of a difference that needs no interval.
    #[inline(never)]
    fn epoch_of_difference(&self, node: &SyntaxNode, ty: Ty) -> Result<Option<Frag>> {
        let Expr::Binary { op, left, right, .. } = tree::read(&nodes::unwrapped(node))? else { return Ok(None) };
        if op != "-" {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        if !(a.ty.is_moment() && (b.ty.is_moment() || b.ty.is_open()) || b.ty.is_moment() && a.ty.is_open()) {
            return Ok(None);
        }
        self.check_compared(&a, &b)?;
        let (a, b) = self.agree(a, b);
        if a.ty.is(Oid::DATE) && b.ty.is(Oid::DATE) {
            // A number of days, which has no epoch: PostgreSQL refuses it.
            return Ok(None);
        }
        let ty = if ty == Ty::NUMERIC { Ty::Known(PgType::numeric_shown(6)) } else { ty };
        let (from, to) = (moments::truncated("second", &b), moments::truncated("second", &a));
        Ok(Some(
            Frag::cat(
                &[
                    &"DATEDIFF('second', ",
                    &from,
                    &", ",
                    &to,
                    &") + (",
                    &moments::microsecond(&a),
                    &" - ",
                    &moments::microsecond(&b),
                    &") / 1000000",
                ],
                ty,
            )
            .with_level(level::ADD),
        ))
    }

    /// `date_trunc('month', moment)`, `date_trunc('month', moment, 'UTC')`.
    #[inline(never)]
    pub(crate) fn date_trunc(&self, arguments: &[SyntaxNode], at: usize) -> Result<Frag> {
        let (field, moment, zone) = match arguments {
            [field, moment] => (field, moment, None),
            [field, moment, zone] => (field, moment, Some(zone)),
            _ => return Err(self.unsupported("date_trunc() needs a field and a value", at)),
        };
        let Some((LiteralKind::String, field)) = self.constant(field) else {
            return Err(self.unsupported("date_trunc() is supported with a constant field only", at));
        };
        let field = field.to_lowercase();
        let field = unit(&field);
        let moment = self.value(moment)?;
        let moment = self.coerce(moment, PgType::new(Oid::TIMESTAMPTZ));
        match zone {
            Some(zone) if self.is_utc(&tree::read(zone)?) => {}
            Some(_) => {
                return Err(self
                    .unsupported("date_trunc() in a time zone other than UTC is not supported", at)
                    .hint("IRIS has no time zones; timestamps with time zone are kept in UTC."));
            }
            None => {
                let what = "date_trunc() of a timestamp with time zone";
                self.check_zone(&moment, &[Oid::TIMESTAMPTZ, Oid::DATE], what)?;
            }
        }
        let ty = match moment.ty {
            // PostgreSQL truncates a date as a timestamp with time zone.
            ty if ty.is(Oid::DATE) => Ty::of(Oid::TIMESTAMPTZ),
            ty if ty.is_moment() => Ty::of(ty.oid().unwrap_or(Oid::TIMESTAMP)),
            Ty::Any => Ty::of(Oid::TIMESTAMP),
            _ => {
                return Err(self
                    .unsupported("date_trunc() is supported for dates and timestamps only", at)
                    .hint("IRIS has no intervals."));
            }
        };
        let x = &moment;
        let day = moments::midnight(x).with_ty(ty);
        let years =
            |count: Frag| Frag::cat(&[&"DATEADD('year', -", &count, &", ", &moments::truncated("year", x), &")"], ty);
        let year = moments::part("year", x);
        Ok(match field {
            "day" => day,
            "week" => {
                let since = moments::days_since_monday(x);
                Frag::cat(&[&"DATEADD('day', -MOD(", &since, &", 7), ", &day, &")"], ty)
            }
            "microseconds" if !x.ty.is(Oid::DATE) => moment.with_ty(ty),
            "milliseconds" => moments::truncated("millisecond", x).with_ty(ty),
            "year" | "quarter" | "month" | "hour" | "minute" | "second" => moments::truncated(field, x).with_ty(ty),
            "decade" => years(Frag::cat(&[&"MOD(", &year, &", 10)"], Ty::INT4)),
            "century" => years(Frag::cat(&[&"MOD(", &year, &" - 1, 100)"], Ty::INT4)),
            "millennium" => years(Frag::cat(&[&"MOD(", &year, &" - 1, 1000)"], Ty::INT4)),
            // Of a unit that there is not, PostgreSQL says so of the first row, and nothing where there is none.
            _ => return Err(self.unsupported(format!("date_trunc('{field}', ..) is not supported by IRIS"), at)),
        })
    }

    /// `date_trunc('day', x)::date` is only `x::date`.
    #[inline(never)]
    pub(crate) fn day_of_call(&self, call: &SyntaxNode) -> Result<Option<Frag>> {
        let name = call.first_child().map(|name| names::parts(&name)).unwrap_or_default();
        if name.last().is_none_or(|name| !name.eq_ignore_ascii_case("date_trunc")) {
            return Ok(None);
        }
        let arguments: Vec<SyntaxNode> = nodes::arguments(call);
        let [field, moment] = arguments.as_slice() else { return Ok(None) };
        if !self.constant(field).is_some_and(|(_, field)| field.eq_ignore_ascii_case("day")) {
            return Ok(None);
        }
        let moment = self.value(moment)?;
        Ok(Some(self.cast(moment, PgType::new(Oid::DATE))?))
    }

    /// Timestamps are kept in UTC, so UTC is the one zone that needs no zone data.
    pub(crate) fn at_time_zone(&self, operand: &Expr, zone: Option<&Expr>) -> Result<Frag> {
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
    pub(crate) fn is_utc(&self, zone: &Expr) -> bool {
        match zone {
            Expr::Atom(node) => self
                .constant(node)
                .is_some_and(|(_, zone)| matches!(zone.to_ascii_lowercase().as_str(), "utc" | "gmt" | "z" | "etc/utc")),
            Expr::Cast { operand, .. } => self.is_utc(operand),
            _ => false,
        }
    }
}

/// The name of a unit that also has others (`datetime.c`, `deltatktbl`).
fn unit(name: &str) -> &str {
    match name {
        "c" | "cent" | "centuries" => "century",
        "d" | "days" => "day",
        "dec" | "decades" | "decs" => "decade",
        "h" | "hours" | "hr" | "hrs" => "hour",
        "m" | "min" | "mins" | "minutes" => "minute",
        "mil" | "millennia" | "mils" => "millennium",
        "mon" | "mons" | "months" => "month",
        "ms" | "msec" | "msecs" | "millisecond" | "mseconds" | "msecond" => "milliseconds",
        "qtr" => "quarter",
        "s" | "sec" | "secs" | "seconds" => "second",
        "us" | "usec" | "usecs" | "microsecond" | "useconds" | "usecond" => "microseconds",
        "w" | "weeks" => "week",
        "y" | "years" | "yr" | "yrs" => "year",
        other => other,
    }
}
