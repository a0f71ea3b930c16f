//! Values over windows, in frames of rows.
//!
//! IRIS differs from PostgreSQL (manual of IRIS SQL, "Overview of Window Functions"): its frames count rows and know no
//! peers; where none is written it is the rows up to the current one; a bound that is turned round is turned back; in a
//! frame NULL counts as zero; COUNT counts up and takes no frame. So every frame is written out, counts are sums of ones,
//! and what may be NULL is summed as zero and counted.

use squawk_syntax::SyntaxNode;

use super::window::{Bound, Frame, Unit, Window};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::value::sort_key::SortKey;
use crate::types::Oid;
use crate::wire::PgError;

/// A sum in a frame, by its operand's text.
struct Sums<'a> {
    window: &'a Window,
    frame: Frame,
    /// What tells peers apart, where the frame goes by them.
    ties: Option<Vec<SortKey>>,
}

impl Sums<'_> {
    /// The sum of an operand that is never NULL. NULL where the frame has no row.
    fn of(&self, operand: &Frag) -> Frag {
        self.fold("SUM", operand)
    }

    /// SUM, MIN or MAX of an operand that is never NULL.
    fn fold(&self, call: &str, operand: &Frag) -> Frag {
        let sum = |over: &Frag| Frag::cat(&[&call, &"(", operand, &")", over], operand.ty);
        let Window { partition, order, .. } = self.window;
        let Some(ties) = &self.ties else {
            return sum(&Window::over(partition, order, Some((self.frame.start, self.frame.end))));
        };
        // Up to this row, and the rest of its peers.
        let all = [order.as_slice(), ties].concat();
        let to_here = sum(&Window::over(partition, &all, Some((Bound::UnboundedPreceding, Bound::Rows(0)))));
        let peers = peers(self.window);
        let rest = sum(&Window::over(&peers, ties, Some((Bound::Rows(1), Bound::UnboundedFollowing))));
        match call {
            "MIN" => Frag::cat(&[&"LEAST(", &to_here, &", COALESCE(", &rest, &", ", &to_here, &"))"], operand.ty),
            "MAX" => Frag::cat(&[&"GREATEST(", &to_here, &", COALESCE(", &rest, &", ", &to_here, &"))"], operand.ty),
            _ => Frag::cat(&[&"(", &to_here, &" + COALESCE(", &rest, &", 0))"], operand.ty),
        }
    }
}

/// Partition and order: what is the same for all peers of a row.
fn peers(window: &Window) -> Vec<Frag> {
    window.partition.iter().cloned().chain(window.order.iter().map(|key| key.value.clone())).collect()
}

/// The largest value of a type, or the least.
fn beyond(ty: Ty, largest: bool) -> Option<String> {
    let Ty::Known(pg_type) = ty else { return None };
    let text = match (pg_type.oid, largest) {
        (Oid::INT2, true) => "32767".to_owned(),
        (Oid::INT2, false) => "-32768".to_owned(),
        (Oid::INT4, true) => "2147483647".to_owned(),
        (Oid::INT4, false) => "-2147483648".to_owned(),
        (Oid::INT8, true) => "9223372036854775807".to_owned(),
        (Oid::BOOL, largest) => u8::from(largest).to_string(),
        (Oid::NUMERIC, largest) => match pg_type.modifiers().as_slice() {
            [precision @ 1..=18, scale] if (0..=*precision).contains(scale) => {
                let digits = "9".repeat(usize::try_from(precision - scale).unwrap_or(0));
                let fraction = "9".repeat(usize::try_from(*scale).unwrap_or(0));
                let sign = if largest { "" } else { "-" };
                let digits = if digits.is_empty() { "0" } else { &digits };
                let point = if fraction.is_empty() { "" } else { "." };
                format!("{sign}{digits}{point}{fraction}")
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(text)
}

fn reversed(order: &[SortKey]) -> Vec<SortKey> {
    let turned = |key: &SortKey| SortKey { descending: !key.descending, nulls_first: !key.nulls_first, ..key.clone() };
    order.iter().map(turned).collect()
}

impl Cx<'_> {
    /// An aggregate over a window; `value` is `None` for `count(*)`, with its FILTER in it otherwise.
    pub(crate) fn window_aggregate(
        &self,
        name: &str,
        value: Option<&Frag>,
        ty: Ty,
        clause: &SyntaxNode,
    ) -> Result<Frag> {
        let at = usize::from(clause.text_range().start());
        let window = self.window(clause)?;
        let mut frame = self.frame(&window)?;
        let mut ties = None;
        if frame.unit == Unit::Peers {
            if frame.start == Bound::Rows(0) && frame.end == Bound::Rows(0) {
                let window = Window { partition: peers(&window), ..Window::default() };
                return self.aggregate_in(name, value, ty, &window, Frame::WHOLE, None, at);
            }
            if frame.is_whole() || self.is_unique(&window.keys) {
                frame.unit = Unit::Rows;
            } else if frame.start == Bound::Rows(0) {
                let window = Window { order: reversed(&window.order), ..window };
                ties = Some(self.tie_breakers().ok_or_else(|| self.no_peers(name, at))?);
                let frame = Frame { start: Bound::UnboundedPreceding, end: Bound::Rows(0), ..frame };
                return self.aggregate_in(name, value, ty, &window, frame, ties, at);
            } else {
                ties = Some(self.tie_breakers().ok_or_else(|| self.no_peers(name, at))?);
            }
        }
        self.aggregate_in(name, value, ty, &window, frame, ties, at)
    }

    fn no_peers(&self, name: &str, at: usize) -> Box<PgError> {
        self.unsupported(
            format!(
                "{name}() over rows that tie in the window's ORDER BY is not supported by IRIS, which has no peers"
            ),
            at,
        )
        .hint("Add ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, or a unique column to the window's ORDER BY.")
    }

    #[expect(clippy::too_many_arguments)]
    fn aggregate_in(
        &self,
        name: &str,
        value: Option<&Frag>,
        ty: Ty,
        window: &Window,
        frame: Frame,
        ties: Option<Vec<SortKey>>,
        at: usize,
    ) -> Result<Frag> {
        let sure = frame.has_current_row();
        let by_ties = ties.is_some();
        let sums = Sums { window, frame, ties };
        let counted = match value {
            Some(value) if !value.not_null => {
                let value = value.clone().within(level::OTHER);
                Frag::cat(&[&"CASE WHEN ", &value, &" IS NULL THEN 0 ELSE 1 END"], Ty::INT8)
            }
            _ => Frag::atom("1", Ty::INT8),
        };
        let plain = |call: &str, value: &Frag| {
            let over = Window::over(&window.partition, &window.order, Some((frame.start, frame.end)));
            Frag::cat(&[&call, &"(", value, &")", &over], ty)
        };
        if name != "count" && value.is_some_and(|value| value.enum_type.is_some()) {
            return Err(self.unsupported(format!("{name}() of an enum over a window is not supported by IRIS"), at));
        }
        let frag = match (name, value) {
            ("count", _) => {
                let count = sums.of(&counted);
                if sure { count.sure() } else { Frag::cat(&[&"COALESCE(", &count, &", 0)"], Ty::INT8).sure() }
            }
            ("sum" | "avg", Some(value)) if value.not_null && sure && !by_ties => {
                plain(if name == "sum" { "SUM" } else { "AVG" }, value).sure()
            }
            ("sum" | "avg", Some(value)) => {
                let count = sums.of(&counted);
                let zero = Frag::cat(&[&"COALESCE(", value, &", 0)"], value.ty);
                let sum = sums.of(if value.not_null { value } else { &zero });
                let (slash, divisor) = match name {
                    "avg" => (" / ", count.clone()),
                    _ => ("", Frag::atom("", Ty::Any)),
                };
                Frag::cat(&[&"CASE WHEN ", &count, &" > 0 THEN ", &sum, &slash, &divisor, &" END"], ty)
            }
            ("min" | "max" | "bool_and" | "bool_or" | "every", Some(value)) => {
                let is_min = matches!(name, "min" | "bool_and" | "every");
                let call = if is_min { "MIN" } else { "MAX" };
                if value.not_null && sure && !by_ties && !value.ty.is_string() {
                    plain(call, value).sure()
                } else if frame.is_whole() {
                    let key = SortKey::of(value.clone(), !is_min, false);
                    let over = Window::over(&window.partition, &[key], None);
                    Frag::cat(&[&"FIRST_VALUE(", value, &")", &over], ty)
                } else if let Some(bound) = beyond(value.ty, is_min) {
                    // What is not smaller, or not larger, than any other value of the type changes nothing.
                    let filled = Frag::cat(&[&"COALESCE(", value, &", ", &bound, &")"], value.ty);
                    let found = sums.fold(call, if value.not_null { value } else { &filled });
                    Frag::cat(&[&"CASE WHEN ", &sums.of(&counted), &" > 0 THEN ", &found, &" END"], ty)
                } else if value.ty.is_string() {
                    return Err(self
                        .unsupported(format!("{name}() of text in a window frame is not supported by IRIS"), at)
                        .hint("Over all rows of the partition, without ORDER BY, it is."));
                } else if value.not_null {
                    return Err(self.no_peers(name, at));
                } else {
                    return Err(self.null_is_zero(name, at));
                }
            }
            _ => {
                return Err(self
                    .unsupported(format!("{name}() over a window is not supported by IRIS"), at)
                    .hint("IRIS has avg, count, max, min and sum over windows."));
            }
        };
        Ok(frag.with_ty(ty))
    }

    fn null_is_zero(&self, name: &str, at: usize) -> Box<PgError> {
        self.unsupported(
            format!(
                "{name}() in a window frame is not supported for a value that may be NULL: to IRIS it is zero there"
            ),
            at,
        )
        .hint("Leave rows without the value out by WHERE, or give it one by coalesce().")
    }

    /// A window function that is no aggregate; `call` is it without OVER, `value` its first argument.
    pub(crate) fn window_function(
        &self,
        name: &str,
        call: &Frag,
        value: Option<&Frag>,
        clause: &SyntaxNode,
    ) -> Result<Frag> {
        let at = usize::from(clause.text_range().start());
        let window = self.window(clause)?;
        let without_frame = |order: &[SortKey]| Window::over(&window.partition, order, None);
        let (Some(value), "first_value" | "last_value" | "nth_value") = (value, name) else {
            return Ok(Frag::cat(&[call, &without_frame(&window.order)], call.ty));
        };
        let frame = self.frame(&window)?;
        let first = |over: &Frag| Frag::cat(&[&"FIRST_VALUE(", value, &")", over], value.ty);
        let frag = match name {
            // The first row is the same wherever the frame ends.
            "first_value" if frame.start == Bound::UnboundedPreceding && frame.has_current_row() => {
                first(&without_frame(&window.order))
            }
            "last_value" if frame.end == Bound::UnboundedFollowing && frame.has_current_row() => {
                first(&without_frame(&reversed(&window.order)))
            }
            // One of the peers; which, nobody says.
            "first_value" | "last_value" if frame.unit == Unit::Peers => {
                first(&Window::over(&peers(&window), &[], None))
            }
            _ if !value.not_null => return Err(self.null_is_zero(name, at)),
            _ if frame.unit == Unit::Peers && !frame.is_whole() && !self.is_unique(&window.keys) => {
                return Err(self.no_peers(name, at));
            }
            _ => {
                let over = Window::over(&window.partition, &window.order, Some((frame.start, frame.end)));
                Frag::cat(&[call, &over], value.ty)
            }
        };
        Ok(frag)
    }
}
