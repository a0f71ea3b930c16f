//! Array constants, which can be taken apart, and array parameters; IRIS has no array type.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::plan::{Bind, ElementSource};
use crate::sql::syntax::nodes::{self, unwrapped};
use crate::sql::syntax::tree::{Expr, expressions};
use crate::sql::template::LiteralKind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::{exact, trimmed_character};
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::value::array::is_listed;
use crate::sql::translate::value::types::common_type;
use crate::types::{Oid, PgType, array_elements};

impl Cx<'_> {
    /// The elements of an array constant: `ARRAY[1,2]`, `'{1,2}'`, either with a cast. `None` for every other
    /// expression. Pins the literal it reads.
    pub(crate) fn array_items(&self, node: &SyntaxNode) -> Result<Option<Vec<Frag>>> {
        let node = unwrapped(node);
        match node.kind() {
            SyntaxKind::ARRAY_EXPR if !node.children().any(|child| nodes::is_query(child.kind())) => {
                let nodes: Vec<SyntaxNode> = expressions(&node).collect();
                let items = nodes.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?;
                let ty = common_type(items.iter().map(|item| item.ty));
                let parts = nodes.iter().zip(items);
                parts.map(|(node, item)| self.as_float(node, item, ty)).collect::<Result<_>>().map(Some)
            }
            SyntaxKind::CAST_EXPR => {
                let element = self.cast_target(&node)?.and_then(|ty| ty.oid.element());
                let Some(operand) = node.children().find(|child| {
                    matches!(child.kind(), SyntaxKind::LITERAL | SyntaxKind::ARRAY_EXPR | SyntaxKind::PAREN_EXPR)
                }) else {
                    return Ok(None);
                };
                let Some(items) = self.array_items(&operand)? else { return Ok(None) };
                let Some(element) = element else { return Ok(Some(items)) };
                Ok(Some(items.into_iter().map(|item| self.element_as(item, element)).collect()))
            }
            SyntaxKind::LITERAL => match self.constant(&node) {
                Some((LiteralKind::String, text)) => {
                    let items = array_elements(text)?;
                    Ok(Some(items.into_iter().map(|item| self.element(item.as_deref())).collect()))
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// An element as a constant; it has no type of its own.
    fn element(&self, value: Option<&str>) -> Frag {
        match value {
            None => Frag::atom("NULL", Ty::Untyped),
            Some(value) => self.text_constant(value).with_ty(Ty::Untyped),
        }
    }

    fn element_as(&self, item: Frag, element: Oid) -> Frag {
        self.coerce(item, PgType::new(element))
    }

    /// `left op ANY ($1)`: through IRIS's own list functions, which need nothing installed.
    pub(crate) fn with_array_parameter(&self, op: &str, all: bool, left: Frag, argument: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(argument.text_range().start());
        let argument = unwrapped(argument);
        let (operand, array) = match argument.kind() {
            SyntaxKind::CAST_EXPR => {
                let operand = argument.children().find(|child| child.kind() == SyntaxKind::LITERAL);
                (operand.unwrap_or_else(|| argument.clone()), self.cast_target(&argument)?.map(|ty| ty.oid))
            }
            _ => (argument, left.ty.oid().and_then(Oid::array)),
        };
        let parameter =
            if operand.kind() == SyntaxKind::LITERAL { Some(self.emit(&Expr::Atom(operand.clone()))?) } else { None };
        let Some(Ty::Parameter(n)) = parameter.as_ref().map(|frag| frag.ty).or(None) else {
            // A parameter typed by an earlier use, or no parameter at all.
            if let Some(frag) = parameter
                && let Some(Bind::Parameter(n)) = frag.marks.first().map(|mark| mark.bind.clone())
            {
                return self.in_elements(op, all, left, n, at);
            }
            return Err(self
                .unsupported("ANY and ALL over an array column or expression are not supported by IRIS", at)
                .hint("IRIS has no array type; pass the array as a parameter or constant, or use a subquery."));
        };
        if let Some(array) = array {
            self.declare_parameter(n, array);
        }
        self.in_elements(op, all, left, n, at)
    }

    fn in_elements(&self, op: &str, all: bool, left: Frag, parameter: u16, at: usize) -> Result<Frag> {
        let not = match (op, all) {
            ("=", false) => false,
            ("<>", true) => true,
            _ => {
                return Err(self
                    .unsupported(
                        format!(
                            "{op} {} over an array parameter is not supported by IRIS",
                            if all { "ALL" } else { "ANY" }
                        ),
                        at,
                    )
                    .hint("= ANY and <> ALL are; for others use unnested conditions or a subquery."));
            }
        };
        let Some(oid) = left.ty.oid() else { return self.in_source(not, left, ElementSource::Array(parameter), None) };
        if !is_listed(oid) {
            let name = PgType::new(oid).name();
            return Err(self
                .unsupported(format!("{op} ANY over an array parameter of {name} is not supported by IRIS"), at)
                .hint("Write the elements out: IN ($1, $2), or = ANY (ARRAY[..])."));
        }
        let left = exact(trimmed_character(left));
        self.in_source(not, left, ElementSource::Array(parameter), Some(oid))
    }
}
