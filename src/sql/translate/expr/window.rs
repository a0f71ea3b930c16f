//! OVER clauses. IRIS has no WINDOW clause: named definitions are put in place.

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, list};
use crate::sql::translate::value::sort_key::SortKey;
use crate::wire::{PgError, SqlState};

/// What stands in OVER, read.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub partition: Vec<Frag>,
    pub order: Vec<SortKey>,
    /// The expressions of both, as written.
    pub keys: Vec<SyntaxNode>,
    pub frame: Option<SyntaxNode>,
}

/// A bound of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    /// Rows from the current one: negative in front of it.
    Rows(i64),
    UnboundedFollowing,
}

/// What a frame counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Rows,
    /// Rows that are equal by ORDER BY go together.
    Peers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub unit: Unit,
    pub start: Bound,
    pub end: Bound,
}

impl Window {
    /// ` OVER (..)` with that order and that frame, an explicit one: IRIS's own is another than PostgreSQL's.
    pub(crate) fn over(partition: &[Frag], order: &[SortKey], frame: Option<(Bound, Bound)>) -> Frag {
        let mut pieces: Vec<Frag> = Vec::new();
        if !partition.is_empty() {
            pieces.push(Frag::cat(&[&"PARTITION BY ", &list(partition)], Ty::Any));
        }
        if !order.is_empty() {
            let keys: Vec<Frag> = order.iter().map(SortKey::render).collect();
            pieces.push(Frag::cat(&[&"ORDER BY ", &list(&keys)], Ty::Any));
        }
        if let Some((start, end)) = frame {
            pieces.push(Frag::atom(format!("ROWS BETWEEN {} AND {}", start.text(), end.text()), Ty::Any));
        }
        let mut all = Frag::atom(" OVER (", Ty::Any);
        for (n, piece) in pieces.iter().enumerate() {
            if n > 0 {
                all.push(&" ");
            }
            all.push(piece);
        }
        all.push(&")");
        all
    }
}

impl Bound {
    fn text(self) -> String {
        match self {
            Bound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            Bound::Rows(0) => "CURRENT ROW".to_owned(),
            Bound::Rows(n) if n < 0 => format!("{} PRECEDING", n.unsigned_abs()),
            Bound::Rows(n) => format!("{n} FOLLOWING"),
            Bound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
        }
    }

    /// In the order of rows.
    fn place(self) -> i64 {
        match self {
            Bound::UnboundedPreceding => i64::MIN,
            Bound::Rows(n) => n,
            Bound::UnboundedFollowing => i64::MAX,
        }
    }
}

impl Frame {
    pub(crate) const WHOLE: Frame =
        Frame { unit: Unit::Rows, start: Bound::UnboundedPreceding, end: Bound::UnboundedFollowing };

    /// PostgreSQL's own, where ORDER BY stands.
    const TO_PEERS: Frame = Frame { unit: Unit::Peers, start: Bound::UnboundedPreceding, end: Bound::Rows(0) };

    pub(crate) fn is_whole(self) -> bool {
        self.start == Bound::UnboundedPreceding && self.end == Bound::UnboundedFollowing
    }

    /// Whether the current row is in it, so it is never empty.
    pub(crate) fn has_current_row(self) -> bool {
        self.start.place() <= 0 && self.end.place() >= 0
    }
}

impl Cx<'_> {
    /// What the OVER of a call says.
    pub(crate) fn window(&self, clause: &SyntaxNode) -> Result<Window> {
        let spec = clause.descendants().find(|node| node.kind() == SyntaxKind::WINDOW_SPEC);
        let spec = match spec {
            Some(spec) => spec,
            None if clause.children().any(|child| child.kind() == SyntaxKind::OVER_WINDOW_SPEC) => {
                return Ok(Window::default());
            }
            None => {
                let name =
                    names::first(&clause.children().next().unwrap_or_else(|| clause.clone())).unwrap_or_default();
                match self.named_window(&name)? {
                    Some(spec) => spec,
                    None => return Ok(Window::default()),
                }
            }
        };
        let mut window = Window::default();
        self.window_spec(&spec, &mut window)?;
        Ok(window)
    }

    fn named_window(&self, name: &str) -> Result<Option<SyntaxNode>> {
        let folded = names::folded(name);
        let windows = self.windows.borrow();
        let found = windows.iter().rev().find(|(name, _)| *name == folded).map(|(_, spec)| spec.clone());
        found.ok_or_else(|| PgError::error(SqlState::UNDEFINED_OBJECT, format!("window \"{folded}\" does not exist")))
    }

    fn window_spec(&self, spec: &SyntaxNode, window: &mut Window) -> Result<()> {
        // `OVER (w ORDER BY ..)` begins with what w says.
        if let Some(base) = spec.children().find(|child| child.kind() == SyntaxKind::WINDOW_REF)
            && let Some(base) = self.named_window(&names::first(&base).unwrap_or_default())?
        {
            self.window_spec(&base, window)?;
        }
        if let Some(partition) = nodes::child(spec, SyntaxKind::PARTITION_BY_CLAUSE) {
            for key in expressions(&partition) {
                window.partition.push(self.inlined(true, || self.grouped(self.value(&key)?))?);
                window.keys.push(key);
            }
        }
        if let Some(order) = nodes::child(spec, SyntaxKind::ORDER_BY_CLAUSE) {
            window.order = self.inlined(true, || self.sort_keys(&order, None))?;
            let items = nodes::grandchildren(&order, SyntaxKind::SORT_BY_LIST, SyntaxKind::SORT_BY);
            window.keys.extend(items.iter().filter_map(SyntaxNode::first_child));
        }
        if let Some(frame) = nodes::child(spec, SyntaxKind::FRAME_CLAUSE) {
            window.frame = Some(frame);
        }
        Ok(())
    }

    /// The frame of a window, PostgreSQL's default where none is written.
    ///
    /// # Errors
    /// 0A000 for what IRIS cannot be told: GROUPS and RANGE with an offset, EXCLUDE, an offset that is no constant.
    pub(crate) fn frame(&self, window: &Window) -> Result<Frame> {
        let Some(node) = &window.frame else {
            return Ok(if window.order.is_empty() { Frame::WHOLE } else { Frame::TO_PEERS });
        };
        let at = usize::from(node.text_range().start());
        let text = clause_text(self, node).to_ascii_uppercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let (words, exclusion) = match words.iter().position(|word| *word == "EXCLUDE") {
            Some(at) => words.split_at(at),
            None => (words.as_slice(), &[][..]),
        };
        if !matches!(exclusion, [] | ["EXCLUDE", "NO", "OTHERS"]) {
            return Err(self
                .unsupported("EXCLUDE in a window frame is not supported by IRIS", at)
                .hint("Subtract what is excluded from the value of the whole frame."));
        }
        let Some((mode, bounds)) = words.split_first() else { return Ok(Frame::TO_PEERS) };
        let bounds = match bounds {
            ["BETWEEN", rest @ ..] => {
                let middle = rest.iter().position(|word| *word == "AND").unwrap_or(rest.len());
                (rest.get(..middle), rest.get(middle + 1..))
            }
            rest => (Some(rest), Some(&["CURRENT", "ROW"][..])),
        };
        let (Some(start), Some(end)) = (bounds.0.and_then(bound), bounds.1.and_then(bound)) else {
            return Err(self
                .unsupported("the bounds of a window frame must be whole constants for IRIS", at)
                .hint("Write the number of rows into the statement."));
        };
        let unit = if *mode == "ROWS" { Unit::Rows } else { Unit::Peers };
        let has_offset = |bound: Bound| matches!(bound, Bound::Rows(n) if n != 0);
        if unit == Unit::Peers && (has_offset(start) || has_offset(end) || is_zero_offset(words)) {
            return Err(self
                .unsupported(format!("a window frame of {mode} with an offset is not supported by IRIS"), at)
                .hint("IRIS has frames of ROWS; a subquery computes what lies within a range."));
        }
        if start.place() > end.place() {
            return Err(self
                .unsupported(
                    "a window frame that ends before it starts is not supported by IRIS, which turns it round",
                    at,
                )
                .hint("Such a frame has no rows: write NULL, or 0 for a count."));
        }
        // Without ORDER BY all rows of the partition are peers.
        let all_peers = unit == Unit::Peers && window.order.is_empty();
        Ok(if all_peers { Frame::WHOLE } else { Frame { unit, start, end } })
    }
}

fn bound(words: &[&str]) -> Option<Bound> {
    match words {
        ["UNBOUNDED", "PRECEDING"] => Some(Bound::UnboundedPreceding),
        ["UNBOUNDED", "FOLLOWING"] => Some(Bound::UnboundedFollowing),
        ["CURRENT", "ROW"] => Some(Bound::Rows(0)),
        [n, "PRECEDING"] => n.parse().ok().and_then(i64::checked_neg).map(Bound::Rows),
        [n, "FOLLOWING"] => n.parse().ok().map(Bound::Rows),
        _ => None,
    }
}

/// `0 PRECEDING` by value is no CURRENT ROW for every type.
fn is_zero_offset(words: &[&str]) -> bool {
    words.windows(2).any(|pair| matches!(pair, [n, "PRECEDING" | "FOLLOWING"] if n.parse::<i64>().is_ok()))
}

/// The tokens of a simple clause with literals left in the text.
pub(crate) fn clause_text(cx: &Cx<'_>, node: &SyntaxNode) -> String {
    for literal in node.descendants().filter(|child| child.kind() == SyntaxKind::LITERAL) {
        if let Some(n) = cx.literal_of(&literal) {
            cx.pin(n);
        }
    }
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT))
        .map(|token| token.text().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
