//! OVER clauses. IRIS has no WINDOW clause: named definitions are put in place.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::atoms::clause_text;
use super::tree::expressions;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::frag::{Frag, Ty};
use crate::sql::translate::names;
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// ` OVER (..)` behind a call.
    pub(super) fn over(&self, clause: &SyntaxNode) -> Result<Frag> {
        let spec = clause.descendants().find(|node| node.kind() == SyntaxKind::WINDOW_SPEC);
        let spec = match spec {
            Some(spec) => spec,
            None if clause.children().any(|child| child.kind() == SyntaxKind::OVER_WINDOW_SPEC) => {
                return Ok(Frag::atom(" OVER ()", Ty::Any));
            }
            None => {
                let name =
                    names::first(&clause.children().next().unwrap_or_else(|| clause.clone())).unwrap_or_default();
                self.named_window(&name)?
            }
        };
        let inner = self.window_spec(&spec)?;
        Ok(Frag::cat(&[&" OVER (", &inner, &")"], Ty::Any))
    }

    fn named_window(&self, name: &str) -> Result<SyntaxNode> {
        let folded = names::folded(name);
        let windows = self.windows.borrow();
        let found = windows.iter().rev().find(|(name, _)| *name == folded).map(|(_, spec)| spec.clone());
        found.ok_or_else(|| PgError::error(SqlState::UNDEFINED_OBJECT, format!("window \"{folded}\" does not exist")))
    }

    fn window_spec(&self, spec: &SyntaxNode) -> Result<Frag> {
        let mut pieces: Vec<Frag> = Vec::new();
        // `OVER (w ORDER BY ..)` begins with what w says.
        if let Some(base) = spec.children().find(|child| child.kind() == SyntaxKind::WINDOW_REF) {
            let base = self.named_window(&names::first(&base).unwrap_or_default())?;
            pieces.push(self.window_spec(&base)?);
        }
        if let Some(partition) = cx::child(spec, SyntaxKind::PARTITION_BY_CLAUSE) {
            let keys = self.inlined(true, || {
                expressions(&partition).map(|key| self.grouped(self.value(&key)?)).collect::<Result<Vec<_>>>()
            })?;
            pieces.push(Frag::cat(&[&"PARTITION BY ", &super::super::frag::list(&keys)], Ty::Any));
        }
        if let Some(order) = cx::child(spec, SyntaxKind::ORDER_BY_CLAUSE) {
            pieces.push(self.inlined(true, || self.order_by(&order, None))?);
        }
        if let Some(frame) = cx::child(spec, SyntaxKind::FRAME_CLAUSE) {
            pieces.push(Frag::atom(clause_text(self, &frame), Ty::Any));
        }
        let mut all = Frag::atom(String::new(), Ty::Any);
        for (n, piece) in pieces.iter().filter(|piece| !piece.text.is_empty()).enumerate() {
            if n > 0 {
                all.push(&" ");
            }
            all.push(piece);
        }
        Ok(all)
    }
}
