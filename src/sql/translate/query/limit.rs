//! LIMIT, OFFSET, FETCH. TOP where it can be: it works in subqueries and serves vector indexes; LIMIT .. OFFSET where
//! there is an offset or a set operation (IRIS 2025.1 and later).

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, SessionValue};
use crate::sql::syntax::nodes;
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Mark, Ty};
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

#[derive(Debug, Default)]
pub(crate) struct Limit {
    pub count: Option<Frag>,
    pub offset: Option<Frag>,
}

/// As many rows as there are, where IRIS wants a number.
const ALL: &str = "9223372036854775807";

impl Cx<'_> {
    pub(crate) fn limit(&self, node: &SyntaxNode) -> Result<Limit> {
        let mut limit = Limit::default();
        if let Some(clause) = nodes::clause(node, SyntaxKind::LIMIT_CLAUSE)
            && nodes::child(&clause, SyntaxKind::ALL).is_none()
            && let Some(count) = clause.first_child()
        {
            limit.count = self.row_count(&count, i64::MAX, "LIMIT")?;
        }
        if let Some(clause) = nodes::clause(node, SyntaxKind::FETCH_CLAUSE) {
            if clause.children().any(|child| child.kind() == SyntaxKind::WITH_TIES) {
                return Err(
                    self.unsupported("FETCH .. WITH TIES is not supported by IRIS", clause.text_range().start().into())
                );
            }
            let count = clause.children().find(|child| child.kind() != SyntaxKind::FETCH_ONLY);
            limit.count = match count {
                Some(count) => self.row_count(&count, i64::MAX, "LIMIT")?,
                None => Some(Frag::atom("1", Ty::INT8)),
            };
        }
        if let Some(clause) = nodes::clause(node, SyntaxKind::OFFSET_CLAUSE)
            && let Some(offset) = clause.first_child()
        {
            limit.offset = self.row_count(&offset, 0, "OFFSET")?;
        }
        Ok(limit)
    }

    fn row_count(&self, node: &SyntaxNode, when_null: i64, clause: &str) -> Result<Option<Frag>> {
        let at = usize::from(node.text_range().start());
        if let Some(value) = self.constant_count(node) {
            if value.is_some_and(|value| value < 0) {
                let code = if clause == "LIMIT" { SqlState(*b"2201W") } else { SqlState(*b"2201X") };
                return Err(PgError::error(code, format!("{clause} must not be negative")));
            }
            if value.is_none() {
                return Ok(None);
            }
        }
        let frag = self.value(node)?;
        match frag.marks.as_slice() {
            [] if frag.is_null() => Ok(None),
            [Mark { bind: Bind::Parameter(n), .. }] => {
                self.declare_parameter(*n, Oid::INT8);
                let bind = Bind::RowCount { parameter: *n, when_null };
                Ok(Some(Frag::mark(bind, ParameterKind::User, Ty::INT8)))
            }
            [Mark { bind: Bind::Literal(_), .. }] if frag.ty.is_integer() => Ok(Some(frag)),
            [Mark { bind: Bind::Literal(_), .. }] if frag.ty == Ty::Untyped => {
                Ok(Some(self.coerce(frag, PgType::new(Oid::INT8))))
            }
            [Mark { bind: Bind::Session(SessionValue::Random), .. }] => {
                Err(self.unsupported(format!("{clause} takes a number or a parameter"), at))
            }
            _ => match self.folded(node) {
                Some(value) if value >= 0 => Ok(Some(Frag::atom(value.to_string(), Ty::INT8))),
                _ => Err(self
                    .unsupported(format!("an expression in {clause} is not supported by IRIS"), at)
                    .hint("Pass the number as a constant or parameter.")),
            },
        }
    }

    /// `Some(None)` for NULL, `Some(Some(n))` for a negative constant; reads no other literal.
    fn constant_count(&self, node: &SyntaxNode) -> Option<Option<i64>> {
        let inner = nodes::unwrapped(node);
        match inner.kind() {
            SyntaxKind::LITERAL if inner.first_token().is_some_and(|token| token.kind() == SyntaxKind::NULL_KW) => {
                Some(None)
            }
            SyntaxKind::PREFIX_EXPR => self.constant_integer(&inner).map(Some),
            _ => None,
        }
    }

    /// A sum or product of whole constants.
    fn folded(&self, node: &SyntaxNode) -> Option<i64> {
        let node = nodes::unwrapped(node);
        if node.kind() != SyntaxKind::BIN_EXPR {
            return match self.constant(&node) {
                Some((LiteralKind::Int4 | LiteralKind::Int8, value)) => value.parse().ok(),
                _ => self.constant_integer(&node),
            };
        }
        let (left, right) = (self.folded(&node.first_child()?)?, self.folded(&node.last_child()?)?);
        if nodes::has_token(&node, SyntaxKind::PLUS) {
            left.checked_add(right)
        } else if nodes::has_token(&node, SyntaxKind::STAR) {
            left.checked_mul(right)
        } else if nodes::has_token(&node, SyntaxKind::MINUS) {
            left.checked_sub(right)
        } else {
            None
        }
    }
}

impl Limit {
    pub(crate) fn is_none(&self) -> bool {
        self.count.is_none() && self.offset.is_none()
    }

    /// `TOP n `, when that is all there is to say.
    pub(crate) fn top(&self) -> Option<Frag> {
        match self {
            Limit { count: Some(count), offset: None } => Some(Frag::cat(&[&"TOP ", count, &" "], Ty::Any)),
            _ => None,
        }
    }

    /// ` LIMIT n OFFSET m`. OFFSET alone is an error of IRIS 2025.1, so there is always a LIMIT.
    pub(crate) fn clause(&self) -> Frag {
        let mut frag = Frag::atom(String::new(), Ty::Any);
        if self.is_none() {
            return frag;
        }
        frag.push(&" LIMIT ");
        match &self.count {
            Some(count) => frag.push(count),
            None => frag.push(&ALL),
        }
        if let Some(offset) = &self.offset {
            frag.push(&" OFFSET ");
            frag.push(offset);
        }
        frag
    }
}
