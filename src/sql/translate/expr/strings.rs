//! String functions with a syntax of their own: SUBSTRING, POSITION and TRIM.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::expressions;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::value::strings::refuse_bytes;

impl Cx<'_> {
    #[inline(never)]
    pub(crate) fn substring(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let holder = node.first_child().unwrap_or_else(|| node.clone());
        let order = match holder.kind() {
            SyntaxKind::SUBSTRING_FROM_FOR | SyntaxKind::SUBSTRING_EXPRS => [0, 1, 2],
            SyntaxKind::SUBSTRING_FOR_FROM => [0, 2, 1],
            _ => return Err(self.unsupported("SUBSTRING .. SIMILAR is not supported by IRIS", at)),
        };
        let mut frags = expressions(&holder).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?;
        // `FOR n` alone begins with the first character.
        let first = || Frag::atom("1", Ty::INT4);
        if frags.len() == 2 && nodes::has_token(&holder, SyntaxKind::FOR_KW) {
            match holder.kind() {
                SyntaxKind::SUBSTRING_FROM_FOR => frags.insert(1, first()),
                SyntaxKind::SUBSTRING_FOR_FROM => frags.push(first()),
                _ => {}
            }
        }
        let ordered: Vec<Frag> = order.iter().filter_map(|&n| frags.get(n).cloned()).collect();
        self.string_function("substring", &ordered)?
            .ok_or_else(|| self.unsupported("this form of SUBSTRING is not supported by IRIS", at))
    }

    #[inline(never)]
    pub(crate) fn position(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let mut frags = expressions(node).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?.into_iter();
        match (frags.next(), frags.next()) {
            (Some(part), Some(text)) => {
                refuse_bytes("position", &[part.clone(), text.clone()])?;
                Ok(self.position_of(self.as_text(text), self.as_text(part)))
            }
            _ => Err(self.unsupported("POSITION needs two operands", at)),
        }
    }

    #[inline(never)]
    pub(crate) fn trim(&self, node: &SyntaxNode, at: usize) -> Result<Frag> {
        let side = node.children().find_map(|child| match child.kind() {
            SyntaxKind::TRIM_LEADING => Some("LEADING"),
            SyntaxKind::TRIM_TRAILING => Some("TRAILING"),
            SyntaxKind::TRIM_BOTH => Some("BOTH"),
            _ => None,
        });
        let holder = node.children().find(|child| {
            matches!(child.kind(), SyntaxKind::TRIM_EXPR_FROM | SyntaxKind::TRIM_FROM | SyntaxKind::TRIM_EXPRS)
        });
        let Some(holder) = holder else { return Err(self.unsupported("TRIM needs an operand", at)) };
        let frags = expressions(&holder).map(|child| self.value(&child)).collect::<Result<Vec<_>>>()?;
        let side = side.unwrap_or("BOTH");
        refuse_bytes("trim", &frags)?;
        match (holder.kind(), frags.as_slice()) {
            (SyntaxKind::TRIM_EXPR_FROM, [set, text]) => Ok(self.trimmed(side, text, Some(set))),
            // `trim(text, characters)`
            (SyntaxKind::TRIM_EXPRS | SyntaxKind::TRIM_FROM, [text, set]) => Ok(self.trimmed(side, text, Some(set))),
            (_, [text]) => Ok(self.trimmed(side, text, None)),
            _ => Err(self.unsupported("this form of TRIM is not supported by IRIS", at)),
        }
    }
}
