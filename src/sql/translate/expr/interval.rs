//! Interval constants, and moments moved by them. IRIS has no interval type but DATEADD.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::tree::Expr;
use crate::sql::template::LiteralKind;
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::frag::{Frag, Ty};
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// As PostgreSQL stores it: months, days and time apart, for months and days have no fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    pub months: i64,
    pub days: i64,
    pub micros: i64,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

impl Interval {
    /// Reads the text of an interval (manual, "Interval Input"): units, `HH:MM:SS`, ISO 8601, `ago`. `unit` is what a
    /// bare number counts.
    pub fn parse(text: &str, unit: &str) -> Option<Interval> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(iso) = text.strip_prefix('p') {
            return iso8601(iso);
        }
        let mut total = Interval::default();
        let mut words = text.split_ascii_whitespace().flat_map(split_number).peekable();
        let mut any = false;
        let mut ago = false;
        while let Some(word) = words.next() {
            match word {
                "@" => continue,
                "ago" => {
                    ago = true;
                    continue;
                }
                _ if word.contains(':') => total.add(clock(word)?)?,
                _ => {
                    let unit = match words.next_if(|next| next.starts_with(|c: char| c.is_ascii_alphabetic())) {
                        Some("ago") => {
                            ago = true;
                            unit
                        }
                        Some(named) => named,
                        None => unit,
                    };
                    total.add(amount(word, unit)?)?;
                }
            }
            any = true;
        }
        if !any {
            return None;
        }
        if ago { total.times(-1) } else { Some(total) }
    }

    fn add(&mut self, other: Interval) -> Option<()> {
        self.months = self.months.checked_add(other.months)?;
        self.days = self.days.checked_add(other.days)?;
        self.micros = self.micros.checked_add(other.micros)?;
        Some(())
    }

    pub fn times(self, n: i64) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_mul(n)?,
            days: self.days.checked_mul(n)?,
            micros: self.micros.checked_mul(n)?,
        })
    }

    /// The DATEADD steps that add it: months, then days, then time, each in its largest whole unit.
    fn steps(self) -> Vec<(&'static str, i64)> {
        let mut steps = Vec::new();
        if self.months != 0 {
            steps.push(if self.months % 12 == 0 { ("year", self.months / 12) } else { ("month", self.months) });
        }
        if self.days != 0 {
            steps.push(("day", self.days));
        }
        if self.micros != 0 {
            let units = [("hour", HOUR), ("minute", MINUTE), ("second", SECOND), ("millisecond", 1000)];
            let unit = units.into_iter().find(|(_, size)| self.micros % size == 0);
            let (name, size) = unit.unwrap_or(("microsecond", 1));
            steps.push((name, self.micros / size));
        }
        steps
    }
}

/// `1day` is `1 day`.
fn split_number(word: &str) -> impl Iterator<Item = &str> {
    let digits = word.find(|c: char| c.is_ascii_alphabetic()).filter(|&n| n > 0 && !word.contains(':'));
    let (first, second) = word.split_at(digits.unwrap_or(word.len()));
    [first, second].into_iter().filter(|part| !part.is_empty())
}

fn clock(text: &str) -> Option<Interval> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds = parts.next().map_or(Some(0), |seconds| scaled(seconds, SECOND))?;
    if parts.next().is_some() {
        return None;
    }
    let micros = hours.checked_mul(HOUR)?.checked_add(minutes.checked_mul(MINUTE)?)?.checked_add(seconds)?;
    Some(Interval { micros: micros.checked_mul(sign)?, ..Interval::default() })
}

/// A decimal number times `unit`, exactly or rounded down to a whole.
fn scaled(text: &str, unit: i64) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut total: i64 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.checked_mul(unit)? };
    if fraction.len() > 9 {
        return None;
    }
    if !fraction.is_empty() {
        let scale = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(
            i64::try_from(i128::from(fraction.parse::<u32>().ok()?) * i128::from(unit) / i128::from(scale)).ok()?,
        )?;
    }
    total.checked_mul(sign)
}

fn amount(number: &str, unit: &str) -> Option<Interval> {
    let months = |n: i64| Some(Interval { months: scaled(number, n)?, ..Interval::default() });
    let micros = |n: i64| Some(Interval { micros: scaled(number, n)?, ..Interval::default() });
    // A fraction of a day becomes time, of a week days and time.
    let days = |n: i64| {
        let all = scaled(number, n.checked_mul(24 * HOUR)?)?;
        Some(Interval { days: all / (24 * HOUR), micros: all % (24 * HOUR), ..Interval::default() })
    };
    match unit {
        "microsecond" | "microseconds" | "us" | "usec" | "usecs" => micros(1),
        "millisecond" | "milliseconds" | "ms" | "msec" | "msecs" => micros(1000),
        "second" | "seconds" | "sec" | "secs" | "s" => micros(SECOND),
        "minute" | "minutes" | "min" | "mins" | "m" => micros(MINUTE),
        "hour" | "hours" | "hr" | "hrs" | "h" => micros(HOUR),
        "day" | "days" | "d" => days(1),
        "week" | "weeks" | "w" => days(7),
        "month" | "months" | "mon" | "mons" => months(1),
        "year" | "years" | "yr" | "yrs" | "y" => months(12),
        "decade" | "decades" | "dec" | "decs" => months(120),
        "century" | "centuries" | "cent" | "c" => months(1200),
        "millennium" | "millennia" | "mil" | "mils" => months(12_000),
        _ => None,
    }
}

/// Behind the `P`: `1Y2M3DT4H5M6S`.
fn iso8601(text: &str) -> Option<Interval> {
    let mut total = Interval::default();
    let mut time = false;
    let mut number = String::new();
    for c in text.chars() {
        match c {
            't' => time = true,
            '0'..='9' | '.' | '-' | '+' => number.push(c),
            _ => {
                let unit = match (c, time) {
                    ('y', false) => "year",
                    ('m', false) => "month",
                    ('w', false) => "week",
                    ('d', false) => "day",
                    ('h', true) => "hour",
                    ('m', true) => "minute",
                    ('s', true) => "second",
                    _ => return None,
                };
                total.add(amount(&number, unit)?)?;
                number.clear();
            }
        }
    }
    number.is_empty().then_some(total)
}

/// An interval an expression stands for: a constant, or a constant per unit of some number.
enum Span {
    Constant(Interval),
    /// `n * interval '1 day'`: one field, its size, and what it is multiplied by.
    Times(Interval, Frag),
}

impl Cx<'_> {
    /// `moment + interval`, `moment - interval`, `interval + moment`; `None` when neither side is an interval.
    pub(super) fn interval_arithmetic(&self, op: &str, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
        if op == "*" {
            return Ok(None);
        }
        let (moment, span) = match (self.span(left)?, self.span(right)?) {
            (None, None) => return Ok(None),
            (None, Some(span)) => (left, span),
            (Some(span), None) if op == "+" => (right, span),
            _ => {
                return Err(PgError::unsupported("arithmetic between intervals is not supported by IRIS")
                    .hint("IRIS has no interval type; write one interval constant."));
            }
        };
        let moment = self.emit_value(moment)?;
        // PostgreSQL takes it for an interval as well.
        if moment.ty.is_open() && !moment.is_null() {
            return Err(PgError::unsupported("arithmetic between intervals is not supported by IRIS")
                .hint("IRIS has no interval type. Say the type of the constant or parameter beside the interval."));
        }
        let moment = self.coerce(moment, PgType::new(Oid::TIMESTAMP));
        if !moment.ty.is_moment() && moment.ty != Ty::Any {
            let name = moment.ty.oid().map_or("unknown".to_owned(), |oid| PgType::new(oid).name());
            return Err(PgError::unsupported(format!("arithmetic of {name} and interval is not supported by IRIS"))
                .hint("IRIS adds intervals to dates and timestamps. Compute it in the application."));
        }
        let (Span::Constant(length) | Span::Times(length, _)) = &span;
        // Days and months are those of the session's calendar.
        if length.months != 0 || length.days != 0 {
            self.check_zone(&moment, &[Oid::TIMESTAMPTZ], "days and months added to a timestamp with time zone")?;
        }
        let ty = match moment.ty {
            ty if ty.is(Oid::DATE) => Ty::of(Oid::TIMESTAMP),
            ty => ty,
        };
        let sign = if op == "-" { -1 } else { 1 };
        let too_large = || PgError::error(SqlState::DATETIME_OVERFLOW, "interval out of range");
        let mut frag = moment;
        match span {
            Span::Constant(interval) => {
                let steps = interval.times(sign).ok_or_else(too_large)?.steps();
                if steps.is_empty() {
                    return Ok(Some(frag.with_ty(ty)));
                }
                for (unit, count) in steps {
                    frag = Frag::cat(&[&"DATEADD('", &unit, &"', ", &count.to_string(), &", ", &frag, &")"], ty);
                }
            }
            Span::Times(interval, factor) => {
                let steps = interval.times(sign).ok_or_else(too_large)?.steps();
                for (unit, count) in steps {
                    let count = match count {
                        1 => factor.clone(),
                        -1 => Frag::cat(&[&"-(", &factor, &")"], Ty::Any),
                        n => Frag::cat(&[&n.to_string(), &" * (", &factor, &")"], Ty::Any),
                    };
                    frag = Frag::cat(&[&"DATEADD('", &unit, &"', ", &count, &", ", &frag, &")"], ty);
                }
            }
        }
        Ok(Some(frag))
    }

    fn span(&self, expr: &Expr) -> Result<Option<Span>> {
        match expr {
            Expr::Atom(node) if node.kind() == SyntaxKind::PAREN_EXPR => match node.first_child() {
                Some(inner) if !super::predicates::is_query(inner.kind()) => self.span(&super::tree::read(&inner)?),
                _ => Ok(None),
            },
            Expr::Atom(node) if node.kind() == SyntaxKind::CAST_EXPR => {
                Ok(self.interval_constant(node)?.map(Span::Constant))
            }
            Expr::Atom(node) if node.kind() == SyntaxKind::CALL_EXPR => self.make_interval(node),
            Expr::Cast { operand, to } => {
                let is_interval = super::type_name(self, to).name.starts_with("interval");
                let Expr::Atom(node) = &**operand else { return self.interval_cast(is_interval, to) };
                if !is_interval {
                    return Ok(None);
                }
                match self.constant(node) {
                    Some((LiteralKind::String, text)) => Ok(Some(Span::Constant(self.interval_text(text, "second")?))),
                    _ => self.interval_cast(is_interval, to),
                }
            }
            Expr::Binary { op, left, right, .. } if op == "*" => {
                let (constant, factor) = match (self.span(left)?, self.span(right)?) {
                    (Some(Span::Constant(interval)), None) => (interval, right),
                    (None, Some(Span::Constant(interval))) => (interval, left),
                    _ => return Ok(None),
                };
                let factor = self.emit_value(factor)?;
                let factor = self.coerce(factor, PgType::new(Oid::FLOAT8));
                Ok(Some(Span::Times(constant, factor)))
            }
            Expr::Prefix { op, operand, .. } if op == "-" => Ok(match self.span(operand)? {
                Some(Span::Constant(interval)) => interval.times(-1).map(Span::Constant),
                _ => None,
            }),
            _ => Ok(None),
        }
    }

    fn interval_cast(&self, is_interval: bool, to: &SyntaxNode) -> Result<Option<Span>> {
        if !is_interval {
            return Ok(None);
        }
        Err(self
            .unsupported(
                "only constant intervals are supported: IRIS has no interval type",
                to.text_range().start().into(),
            )
            .hint("Write now() + $1 * interval '1 day' instead of now() + $1::interval."))
    }

    /// `interval '1 day'`, `interval '1' day`, `CAST('1 day' AS interval)`.
    fn interval_constant(&self, node: &SyntaxNode) -> Result<Option<Interval>> {
        let is_interval = node.children().any(|child| child.kind() == SyntaxKind::INTERVAL_TYPE);
        let Some(literal) = node.children().find(|child| child.kind() == SyntaxKind::LITERAL) else { return Ok(None) };
        if !is_interval {
            return Ok(None);
        }
        let unit = node.children().find_map(|child| match child.kind() {
            SyntaxKind::INTERVAL_YEAR => Some("year"),
            SyntaxKind::INTERVAL_MONTH => Some("month"),
            SyntaxKind::INTERVAL_DAY => Some("day"),
            SyntaxKind::INTERVAL_HOUR => Some("hour"),
            SyntaxKind::INTERVAL_MINUTE => Some("minute"),
            _ => None,
        });
        match self.constant(&literal) {
            Some((LiteralKind::String, text)) => self.interval_text(text, unit.unwrap_or("second")).map(Some),
            _ => Ok(None),
        }
    }

    fn interval_text(&self, text: &str, unit: &str) -> Result<Interval> {
        if unit == "second" {
            let crate::types::Interval { months, days, time_us, .. } = crate::types::Interval::from_text(text)?;
            return Ok(Interval { months: months.into(), days: days.into(), micros: time_us });
        }
        Interval::parse(text, unit).ok_or_else(|| {
            PgError::error(SqlState::INVALID_DATETIME, format!("invalid input syntax for type interval: \"{text}\""))
        })
    }

    /// `make_interval(days => 10)` and its positional form, one argument only.
    fn make_interval(&self, node: &SyntaxNode) -> Result<Option<Span>> {
        let name = node.first_child().map(|name| super::super::names::parts(&name)).unwrap_or_default();
        if name.last().is_none_or(|name| !name.eq_ignore_ascii_case("make_interval")) {
            return Ok(None);
        }
        let arguments = super::arguments(node);
        if let [argument] = arguments.as_slice()
            && argument.kind() == SyntaxKind::NAMED_ARG
            && let (Some(name), Some(value)) = (argument.first_child(), argument.last_child())
            && let Some(unit) = amount("1", &super::super::cx::plain_text(&name).to_lowercase())
        {
            let factor = self.value(&value)?;
            return Ok(Some(Span::Times(unit, self.coerce(factor, PgType::new(Oid::INT4)))));
        }
        Err(self.unsupported(
            "make_interval() is supported with one named argument only, as make_interval(days => 10)",
            node.text_range().start().into(),
        ))
    }
}
