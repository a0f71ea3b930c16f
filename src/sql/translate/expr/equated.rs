//! What a condition says of columns: `column = expression`, joined by AND.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::tree::{self, Expr};
use crate::sql::translate::cx::unwrapped;

/// A column, and the columns and queries that what it equals is made of.
#[derive(Debug)]
pub struct Equality {
    pub column: SyntaxNode,
    pub reads: Vec<SyntaxNode>,
}

/// The equalities that hold wherever a condition is true.
pub fn equated(condition: &SyntaxNode) -> Vec<Equality> {
    let mut found = Vec::new();
    if let Ok(expr) = tree::read(&unwrapped(condition)) {
        collect(&expr, &mut found);
    }
    found
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
                    kind if super::is_query(kind) => reads.push(child),
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
