//! Interval constants, and moments moved by them. IRIS has no interval type but DATEADD.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::casts::type_name;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::types::{Interval, Oid, PgType};
use crate::wire::{PgError, SqlState};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The DATEADD steps that add it: months, then days, then time, each in its largest whole unit.
fn steps(interval: Interval) -> Vec<(&'static str, i64)> {
    let mut steps = Vec::new();
    if interval.months != 0 {
        steps.push(if interval.months % 12 == 0 {
            ("year", (interval.months / 12).into())
        } else {
            ("month", interval.months.into())
        });
    }
    if interval.days != 0 {
        steps.push(("day", interval.days.into()));
    }
    if interval.time_us != 0 {
        let units = [("hour", HOUR), ("minute", MINUTE), ("second", SECOND), ("millisecond", 1000)];
        let unit = units.into_iter().find(|(_, size)| interval.time_us % size == 0);
        let (name, size) = unit.unwrap_or(("microsecond", 1));
        // What DATEADD takes is an integer.
        match i32::try_from(interval.time_us / size) {
            Ok(count) => steps.push((name, count.into())),
            Err(_) => {
                steps.push(("second", interval.time_us / SECOND));
                steps.push(("microsecond", interval.time_us % SECOND));
            }
        }
    }
    steps
}

/// What an argument of `make_interval` counts.
fn unit_of_argument(name: &str) -> Option<Interval> {
    let is_argument = matches!(name, "years" | "months" | "weeks" | "days" | "hours" | "mins" | "secs");
    is_argument.then(|| Interval::from_text(&format!("1 {name}")).ok()).flatten()
}

/// An interval an expression stands for: a constant, or a constant per unit of some number.
enum Span {
    Constant(Interval),
    /// `n * interval '1 day'`: one field, its size, and what it is multiplied by.
    Times(Interval, Frag),
}

impl Cx<'_> {
    /// `moment + interval`, `moment - interval`, `interval + moment`; `None` when neither side is an interval.
    pub(crate) fn interval_arithmetic(&self, op: &str, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
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
        let too_large = || PgError::error(SqlState::DATETIME_OVERFLOW, "interval out of range");
        let signed = |length: Interval| if op == "-" { length.negated().ok_or_else(too_large) } else { Ok(length) };
        let mut frag = moment;
        match span {
            Span::Constant(interval) => {
                let steps = steps(signed(interval)?);
                if steps.is_empty() {
                    return Ok(Some(frag.with_ty(ty)));
                }
                for (unit, count) in steps {
                    frag = Frag::cat(&[&"DATEADD('", &unit, &"', ", &count.to_string(), &", ", &frag, &")"], ty);
                }
            }
            Span::Times(interval, factor) => {
                let steps = steps(signed(interval)?);
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
                Some(inner) if !nodes::is_query(inner.kind()) => self.span(&tree::read(&inner)?),
                _ => Ok(None),
            },
            Expr::Atom(node) if node.kind() == SyntaxKind::CAST_EXPR => {
                Ok(self.interval_constant(node)?.map(Span::Constant))
            }
            Expr::Atom(node) if node.kind() == SyntaxKind::CALL_EXPR => self.make_interval(node),
            Expr::Cast { operand, to } => {
                let written = type_name(self, to);
                let is_interval = written.name.starts_with("interval");
                if is_interval && (written.name != "interval" || !written.mods.is_empty()) {
                    return Err(self.restricted(to));
                }
                let Expr::Atom(node) = &**operand else { return self.interval_cast(is_interval, to) };
                if !is_interval {
                    return Ok(None);
                }
                match self.constant(node) {
                    Some((LiteralKind::String, text)) => Ok(Some(Span::Constant(Interval::from_text(text)?))),
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
                Some(Span::Constant(interval)) => interval.negated().map(Span::Constant),
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
        let mut unit = None;
        for child in node.children().filter(|child| format!("{:?}", child.kind()).starts_with("INTERVAL_")) {
            let fields = nodes::plain_text(&child).to_lowercase();
            match fields.as_str() {
                "interval" => {}
                "year" | "month" | "day" | "hour" | "minute" | "second" => unit = Some(fields),
                _ => return Err(self.restricted(&child)),
            }
        }
        let Some((LiteralKind::String, text)) = self.constant(&literal) else { return Ok(None) };
        match unit {
            None => Interval::from_text(text).map(Some),
            // What a field cuts off is not cut off here.
            Some(unit) if text.trim().parse::<i32>().is_ok() => {
                Interval::from_text(&format!("{text} {unit}")).map(Some)
            }
            Some(_) => Err(self.restricted(node)),
        }
    }

    fn restricted(&self, node: &SyntaxNode) -> Box<PgError> {
        self.unsupported("intervals restricted to some fields are not supported", node.text_range().start().into())
            .hint("Write the units into the text: interval '1 day 2 hours'.")
    }

    /// `make_interval(days => 10)` and its positional form, one argument only.
    fn make_interval(&self, node: &SyntaxNode) -> Result<Option<Span>> {
        let name = node.first_child().map(|name| names::parts(&name)).unwrap_or_default();
        if name.last().is_none_or(|name| !name.eq_ignore_ascii_case("make_interval")) {
            return Ok(None);
        }
        let arguments = nodes::arguments(node);
        if let [argument] = arguments.as_slice()
            && argument.kind() == SyntaxKind::NAMED_ARG
            && let (Some(name), Some(value)) = (argument.first_child(), argument.last_child())
            && let Some(unit) = unit_of_argument(&nodes::plain_text(&name).to_lowercase())
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
