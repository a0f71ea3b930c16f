//! Arguments that are constants or parameters, with sign and casts.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::casts::type_name;
use crate::sql::plan::{Bind, CallArgument, Given};
use crate::sql::syntax::nodes::{self, is_type};
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::Oid;

impl Cx<'_> {
    /// A literal or parameter, with sign and casts, and its type.
    pub(crate) fn plain_argument(&self, expr: &Expr, oid: Oid, negative: bool) -> Result<Option<(CallArgument, Oid)>> {
        match expr {
            Expr::Cast { operand, to } => self.cast_argument(operand, to, negative),
            Expr::Prefix { op, operand, .. } if op == "-" => self.plain_argument(operand, oid, !negative),
            Expr::Atom(node) => match node.kind() {
                SyntaxKind::PAREN_EXPR if node.children().count() == 1 => match node.first_child() {
                    Some(inner) => self.plain_argument(&tree::read(&inner)?, oid, negative),
                    None => Ok(None),
                },
                SyntaxKind::CAST_EXPR => {
                    let to = node.children().find(|child| is_type(child.kind()));
                    let operand = node.children().find(|child| !is_type(child.kind()));
                    match (operand, to) {
                        (Some(operand), Some(to)) => self.cast_argument(&tree::read(&operand)?, &to, negative),
                        _ => Ok(None),
                    }
                }
                SyntaxKind::LITERAL => self.literal_argument(node, oid, negative),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Only casts that leave the value what it is; the others are PostgreSQL's.
    fn cast_argument(&self, operand: &Expr, to: &SyntaxNode, negative: bool) -> Result<Option<(CallArgument, Oid)>> {
        let to = type_name(self, to).resolve()?;
        let is_integer = |oid| matches!(oid, Oid::INT2 | Oid::INT4 | Oid::INT8);
        let is_text = |oid| matches!(oid, Oid::TEXT | Oid::VARCHAR);
        if to.typmod != -1 || !(is_integer(to.oid) || is_text(to.oid)) {
            return Ok(None);
        }
        let Some((argument, own)) = self.plain_argument(operand, to.oid, negative)? else { return Ok(None) };
        let keeps = matches!(own, Oid::UNKNOWN)
            || own == to.oid
            || is_integer(own) && is_integer(to.oid)
            || is_text(own) && is_text(to.oid);
        // `-'5'::int4` negates a number, `-5::int8` too; what is negated here has been read with its sign.
        Ok(keeps.then_some((retyped(argument, to.oid), to.oid)))
    }

    fn literal_argument(&self, node: &SyntaxNode, oid: Oid, negative: bool) -> Result<Option<(CallArgument, Oid)>> {
        let Some(token) = node.first_token() else { return Ok(None) };
        match token.kind() {
            SyntaxKind::NULL_KW => return Ok(Some((CallArgument::Null, Oid::UNKNOWN))),
            SyntaxKind::POSITIONAL_PARAM if negative => return Ok(None),
            SyntaxKind::POSITIONAL_PARAM => {
                let text = token.text();
                self.parameter(text, token.text_range().start().into())?;
                let n: u16 = text.trim_start_matches('$').parse().unwrap_or(0);
                if oid != Oid::UNKNOWN {
                    self.declare_parameter(n, oid);
                }
                let types = self.parameter_types();
                let own = usize::from(n).checked_sub(1).and_then(|n| types.get(n)).copied().unwrap_or(Oid::UNKNOWN);
                let own = if own == Oid::UNSPECIFIED { Oid::UNKNOWN } else { own };
                return Ok(Some((CallArgument::Value { bind: Bind::Parameter(n), oid }, own)));
            }
            _ => {}
        }
        let Some(literal) = self.literal_of(node) else { return Ok(None) };
        let Some((kind, value)) = self.template.literal(literal) else { return Ok(None) };
        let own = match kind {
            LiteralKind::Int4 => Oid::INT4,
            LiteralKind::Int8 => Oid::INT8,
            LiteralKind::Numeric => Oid::NUMERIC,
            LiteralKind::String if negative => return Ok(None),
            LiteralKind::String => Oid::UNKNOWN,
        };
        let bind = if negative {
            self.pin(literal);
            Bind::TypedConstant { text: format!("-{value}"), oid }
        } else {
            Bind::TypedLiteral { literal, oid }
        };
        Ok(Some((CallArgument::Value { bind, oid }, own)))
    }

    /// A constant or a parameter of that type, with or without a cast to it.
    #[inline(never)]
    pub(crate) fn given(&self, node: &SyntaxNode, oid: Oid) -> Result<Option<Given>> {
        Ok(match self.plain_argument(&tree::read(node)?, oid, false)? {
            Some((CallArgument::Null, _)) => Some(Given::Null),
            Some((CallArgument::Value { bind: Bind::Parameter(n), .. }, _)) => Some(Given::Parameter(n)),
            Some((CallArgument::Value { .. }, _)) => {
                self.constant(node).map(|(_, text)| Given::Constant(text.to_owned()))
            }
            _ => match nodes::unwrapped(node).first_token().map(|token| token.kind()) {
                Some(SyntaxKind::TRUE_KW) => Some(Given::Constant("true".to_owned())),
                Some(SyntaxKind::FALSE_KW) => Some(Given::Constant("false".to_owned())),
                _ => None,
            },
        })
    }
}

/// The same value, read as another type.
fn retyped(argument: CallArgument, oid: Oid) -> CallArgument {
    let CallArgument::Value { bind, .. } = argument else { return argument };
    let bind = match bind {
        Bind::TypedLiteral { literal, .. } => Bind::TypedLiteral { literal, oid },
        Bind::TypedConstant { text, .. } => Bind::TypedConstant { text, oid },
        other => other,
    };
    CallArgument::Value { bind, oid }
}
