//! What PostgreSQL calls a column without AS (`FigureColname` of `parse_target.c`).

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::casts::type_name;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query, is_type, subquery};
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::translate::context::cx::Cx;
use crate::types::Oid;

/// How strong a name is: a cast's type name gives way to the name of what is cast, CASE to that of its ELSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    Weak,
    Strong,
}

pub(crate) fn label(cx: &Cx<'_>, node: &SyntaxNode) -> String {
    match of_node(cx, node) {
        (_, Some(name)) => name,
        _ => "?column?".into(),
    }
}

type Named = (Strength, Option<String>);

const NOTHING: Named = (Strength::None, None);

fn strong(name: &str) -> Named {
    (Strength::Strong, Some(name.to_owned()))
}

fn of_node(cx: &Cx<'_>, node: &SyntaxNode) -> Named {
    tree::read(node).map_or(NOTHING, |expr| of_expr(cx, &expr))
}

fn of_expr(cx: &Cx<'_>, expr: &Expr) -> Named {
    match expr {
        Expr::Atom(node) => of_atom(cx, node),
        Expr::Cast { operand, to } => cast(cx, of_expr(cx, operand), to),
        Expr::Collate { operand, .. } => of_expr(cx, operand),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Overlaps { .. } => strong("overlaps"),
        Expr::IsOther(_) => strong("is_normalized"),
        _ => NOTHING,
    }
}

fn cast(cx: &Cx<'_>, inner: Named, to: &SyntaxNode) -> Named {
    if inner.0 > Strength::Weak {
        return inner;
    }
    let name = type_name(cx, to);
    let typname = Oid::named(&name.name, name.quoted).and_then(Oid::base_name).map(str::to_owned);
    (Strength::Weak, typname.or_else(|| name.name.split(' ').next().map(str::to_owned)))
}

fn of_atom(cx: &Cx<'_>, node: &SyntaxNode) -> Named {
    match node.kind() {
        SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR => match names::parts(node).last() {
            Some(name) => strong(&names::folded(name)),
            None => NOTHING,
        },
        SyntaxKind::INDEX_EXPR | SyntaxKind::SLICE_EXPR => {
            node.first_child().map_or(NOTHING, |array| of_node(cx, &array))
        }
        SyntaxKind::PAREN_EXPR | SyntaxKind::PAREN_SELECT => match subquery(node) {
            Some(query) => of_query(cx, &query),
            None => node.first_child().map_or(NOTHING, |inner| of_node(cx, &inner)),
        },
        SyntaxKind::CAST_EXPR => {
            let Some(to) = node.children().find(|child| is_type(child.kind())) else { return NOTHING };
            let operand = node.children().find(|child| !is_type(child.kind()));
            cast(cx, operand.map_or(NOTHING, |operand| of_node(cx, &operand)), &to)
        }
        SyntaxKind::CASE_EXPR => {
            let otherwise = nodes::child(node, SyntaxKind::ELSE_CLAUSE).and_then(|clause| clause.first_child());
            match otherwise.map_or(NOTHING, |otherwise| of_node(cx, &otherwise)) {
                named @ (Strength::Strong, _) => named,
                _ => (Strength::Weak, Some("case".into())),
            }
        }
        SyntaxKind::ARRAY_EXPR => strong("array"),
        SyntaxKind::TUPLE_EXPR => strong("row"),
        SyntaxKind::CALL_EXPR => of_call(node),
        _ => NOTHING,
    }
}

fn of_call(node: &SyntaxNode) -> Named {
    let Some(function) = node.first_child() else { return NOTHING };
    match function.kind() {
        SyntaxKind::EXISTS_FN => strong("exists"),
        SyntaxKind::EXTRACT_FN => strong("extract"),
        SyntaxKind::SUBSTRING_FN => strong("substring"),
        SyntaxKind::POSITION_FN => strong("position"),
        SyntaxKind::OVERLAY_FN => strong("overlay"),
        SyntaxKind::COLLATION_FOR_FN => strong("pg_collation_for"),
        SyntaxKind::TRIM_FN => {
            let kinds: Vec<SyntaxKind> = function.children().map(|child| child.kind()).collect();
            strong(if kinds.contains(&SyntaxKind::TRIM_LEADING) {
                "ltrim"
            } else if kinds.contains(&SyntaxKind::TRIM_TRAILING) {
                "rtrim"
            } else {
                "btrim"
            })
        }
        _ => match names::parts(&function).last() {
            Some(name) => strong(&names::folded(name)),
            None => NOTHING,
        },
    }
}

/// A scalar subquery is called as its only column is.
fn of_query(cx: &Cx<'_>, query: &SyntaxNode) -> Named {
    let select = query.descendants().find(|node| node.kind() == SyntaxKind::SELECT);
    let target = select.and_then(|select| select.descendants().find(|node| node.kind() == SyntaxKind::TARGET));
    let Some(target) = target else { return NOTHING };
    if let Some(name) = target.children().find(|child| child.kind() == SyntaxKind::AS_NAME) {
        return names::parts(&name).last().map_or(NOTHING, |name| strong(&names::folded(name)));
    }
    match target.first_child() {
        Some(value) if !is_query(value.kind()) => match of_node(cx, &value) {
            (Strength::None, _) => NOTHING,
            named => named,
        },
        _ => NOTHING,
    }
}
