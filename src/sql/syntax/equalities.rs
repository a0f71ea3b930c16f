//! What a condition says of columns: `column = expression`, joined by AND.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::nodes::{is_query, unwrapped};
use super::tree::{self, Expr};

/// A column, and the columns and queries that what it equals is made of.
#[derive(Debug)]
pub(crate) struct Equality {
    pub column: SyntaxNode,
    pub reads: Vec<SyntaxNode>,
}

/// The equalities that hold wherever a condition is true.
pub(crate) fn equated(condition: &SyntaxNode) -> Vec<Equality> {
    let mut found = Vec::new();
    if let Ok(expr) = tree::read(&unwrapped(condition)) {
        collect(&expr, &mut found);
    }
    found
}

/// `name = value` for each comparison of a condition that is such comparisons and AND; empty for any other.
pub(crate) fn named_values(condition: &SyntaxNode) -> Vec<(SyntaxNode, SyntaxNode)> {
    let mut found = Vec::new();
    let is_read = tree::read(condition).is_ok_and(|expr| only_equalities(&expr, &mut found));
    if is_read { found } else { Vec::new() }
}

fn only_equalities(expr: &Expr, found: &mut Vec<(SyntaxNode, SyntaxNode)>) -> bool {
    match expr {
        Expr::Logic { and: true, left, right } => only_equalities(left, found) && only_equalities(right, found),
        Expr::Binary { op, left, right, .. } if op == "=" => {
            if let (Expr::Atom(left), Expr::Atom(right)) = (&**left, &**right)
                && matches!(left.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR)
            {
                found.push((left.clone(), right.clone()));
            }
            true
        }
        Expr::Atom(node) if node.kind() == SyntaxKind::PAREN_EXPR => {
            let inner = unwrapped(node);
            inner != *node && tree::read(&inner).is_ok_and(|expr| only_equalities(&expr, found))
        }
        _ => false,
    }
}

fn collect(expr: &Expr, found: &mut Vec<Equality>) {
    // A chain of ANDs leans to the left.
    let mut expr = expr;
    while let Expr::Logic { and: true, left, right } = expr {
        of_term(right, found);
        expr = left;
    }
    of_term(expr, found);
}

fn of_term(expr: &Expr, found: &mut Vec<Equality>) {
    match expr {
        Expr::Logic { and: true, .. } => collect(expr, found),
        Expr::Atom(node) if node.kind() == SyntaxKind::PAREN_EXPR => {
            let inner = unwrapped(node);
            if inner.kind() != SyntaxKind::PAREN_EXPR
                && let Ok(inner) = tree::read(&inner)
            {
                collect(&inner, found);
            }
        }
        Expr::Binary { op, left, right, .. } if op == "=" => {
            for (column, other) in [(left, right), (right, left)] {
                let Expr::Atom(column) = column.as_ref() else { continue };
                let column = unwrapped(column);
                if !matches!(column.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
                    continue;
                }
                let mut reads = Vec::new();
                if reads_of(other, &mut reads) {
                    found.push(Equality { column, reads });
                }
            }
        }
        _ => {}
    }
}

/// The names and queries of an expression; false for one that is not looked into.
fn reads_of(expr: &Expr, reads: &mut Vec<SyntaxNode>) -> bool {
    match expr {
        Expr::Atom(node) => {
            for child in node.descendants() {
                let is_part = child.parent().is_some_and(|parent| parent.kind() == SyntaxKind::FIELD_EXPR);
                match child.kind() {
                    SyntaxKind::FIELD_EXPR | SyntaxKind::NAME_REF if !is_part || child == *node => reads.push(child),
                    kind if is_query(kind) => reads.push(child),
                    _ => {}
                }
            }
            true
        }
        Expr::Prefix { operand, .. } | Expr::Cast { operand, .. } => reads_of(operand, reads),
        Expr::Binary { left, right, .. } => reads_of(left, reads) && reads_of(right, reads),
        _ => false,
    }
}
