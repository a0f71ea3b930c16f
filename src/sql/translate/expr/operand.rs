//! What stands within a rule's own expression: translated as the rule wants it.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes;
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, as_value};
use crate::sql::translate::value::nan;
use crate::types::Oid;

impl Cx<'_> {
    /// An expression, as value or condition, whichever it is.
    pub(crate) fn expr(&self, node: &SyntaxNode) -> Result<Frag> {
        self.strict(|| self.emit(&tree::read(node)?))
    }

    /// An expression where IRIS wants a value.
    pub(crate) fn value(&self, node: &SyntaxNode) -> Result<Frag> {
        let frag = as_value(self.expr(node)?);
        self.check_finished(&frag)?;
        Ok(frag)
    }

    /// An expression at the top of a select list, whose value the encoder may have to finish.
    pub(crate) fn shown_value(&self, node: &SyntaxNode) -> Result<Frag> {
        let is_name = matches!(nodes::unwrapped(node).kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
        self.allows_stream.set(is_name);
        let frag = self.expr(node);
        self.allows_stream.set(false);
        Ok(nan::placed(as_value(frag?)))
    }

    /// A value that is shown as it is, which the bare name of a stream may be.
    pub(crate) fn shown(&self, node: &SyntaxNode, allows_stream: bool) -> Result<Frag> {
        let is_name = matches!(nodes::unwrapped(node).kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR);
        self.allows_stream.set(allows_stream && is_name);
        let result = self.value(node);
        self.allows_stream.set(false);
        result
    }

    /// An expression where a condition stands.
    pub(crate) fn condition(&self, node: &SyntaxNode) -> Result<Frag> {
        self.strict(|| self.emit_condition(&tree::read(node)?))
    }

    /// The condition of WHERE, ON, HAVING: a NULL counts as false.
    pub(crate) fn filter(&self, node: &SyntaxNode) -> Result<Frag> {
        let before = self.loose.replace(true);
        let result = tree::read(node).and_then(|expr| self.emit_condition(&expr));
        self.loose.set(before);
        result
    }

    pub(crate) fn strict<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.loose.replace(false);
        let result = body();
        self.loose.set(before);
        result
    }

    pub(crate) fn emit_value(&self, expr: &Expr) -> Result<Frag> {
        let frag = self.strict(|| Ok(as_value(self.emit(expr)?)))?;
        self.check_finished(&frag)?;
        Ok(frag)
    }

    pub(crate) fn emit_condition(&self, expr: &Expr) -> Result<Frag> {
        let frag = self.emit(expr)?;
        Ok(self.as_condition(frag))
    }

    /// A number among others whose common type is one of floating point, which may be another number as such.
    pub(crate) fn as_float(&self, node: &SyntaxNode, number: Frag, common: Ty) -> Result<Frag> {
        let Ty::Known(to) = common else { return Ok(number) };
        if !matches!(to.oid, Oid::FLOAT4 | Oid::FLOAT8) || !number.ty.is_number() {
            return Ok(number);
        }
        let node = nodes::unwrapped(node);
        let negated = (node.kind() == SyntaxKind::PREFIX_EXPR
            && node.first_token().is_some_and(|sign| sign.text() == "-"))
        .then(|| node.first_child())
        .flatten()
        .and_then(|number| self.constant(&number));
        match negated {
            Some((kind, digits)) if kind != LiteralKind::String => {
                Ok(self.coerce(self.text_constant(&format!("-{digits}")).with_ty(Ty::Untyped), to))
            }
            _ => self.cast(number, to),
        }
    }
}
