//! Queries: SELECT, set operations, VALUES, TABLE, WITH.

pub mod clauses;
pub mod convert;
pub mod distinct_on;
pub mod from;
pub mod limit;
pub mod merged;
pub mod one_row;
pub mod order;
pub mod outer;
pub mod select;
pub mod set_operations;
pub mod with;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use self::convert::Parts;
use self::select::Target;
use crate::sql::plan::OutputColumn;
use crate::sql::translate::alike;
use crate::sql::translate::cx::{Column, Cx, Result};
use crate::sql::translate::frag::{Frag, Ty};
use crate::wire::{PgError, SqlState};

/// The texts of a select list.
pub fn render(targets: &[Target]) -> Vec<Frag> {
    targets.iter().map(Target::render).collect()
}

/// A query with its literals in the text, for statements IRIS takes no values for.
pub fn inline(cx: &Cx<'_>, node: &SyntaxNode, place: Place) -> Result<Query> {
    cx.inlined(true, || match node.kind() {
        SyntaxKind::SELECT_INTO => cx.select(node, place, None),
        _ => cx.query(node, place, None),
    })
}

/// Columns that become those of a table or view.
///
/// # Errors
/// 42701 for two of one name, 0A000 where they are one to IRIS alone.
pub fn refuse_alike(columns: &[Column]) -> Result<()> {
    for (n, column) in columns.iter().enumerate() {
        let mut before = columns.iter().take(n);
        match before.find(|other| alike::is_alike(&other.name, &column.name)) {
            Some(other) if other.name == column.name => {
                let message = format!("column \"{}\" specified more than once", column.name);
                return Err(PgError::error(SqlState(*b"42701"), message));
            }
            Some(other) => return Err(alike::refusal("columns", &other.name, &column.name)),
            None => {}
        }
    }
    Ok(())
}

/// A translated query.
#[derive(Debug)]
pub struct Query {
    pub frag: Frag,
    /// For RowDescription.
    pub columns: Vec<OutputColumn>,
    /// Its columns as a table of FROM has them; `None` when only IRIS knows.
    pub shape: Option<Vec<Column>>,
    /// It has at most one row, whatever its tables hold.
    pub is_one_row: bool,
    /// What its text is made of, for columns that have to be named or typed otherwise.
    parts: Parts,
}

/// Where a query stands, which decides what its text may and must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The statement itself: `*` is expanded, LIMIT may follow ORDER BY.
    Top,
    /// In FROM or WITH, or a view: columns are referred to by the names PostgreSQL gives them.
    Table,
    /// In an expression that takes its rows, or the source of an INSERT.
    Inner,
    /// Of a set operation.
    Leg,
    /// For a value.
    Scalar,
}

impl Cx<'_> {
    /// `names`: what the columns are to be called, from an alias list.
    pub fn query(&self, node: &SyntaxNode, place: Place, names: Option<&[String]>) -> Result<Query> {
        match node.kind() {
            SyntaxKind::SELECT => self.select(node, place, names),
            SyntaxKind::COMPOUND_SELECT => self.set_operation(node, place, names),
            SyntaxKind::VALUES => self.values(node, place, names),
            SyntaxKind::TABLE => self.table(node, place),
            SyntaxKind::PAREN_SELECT | SyntaxKind::PAREN_EXPR => match node.first_child() {
                Some(inner) => {
                    let query = self.query(&inner, place, names)?;
                    let plain = match inner.kind() {
                        SyntaxKind::SELECT => !matches!(place, Place::Inner | Place::Leg | Place::Scalar),
                        SyntaxKind::COMPOUND_SELECT => place != Place::Leg,
                        _ => true,
                    };
                    Ok(if plain { query } else { query.parenthesised() })
                }
                None => Err(self.unsupported("empty parentheses", node.text_range().start().into())),
            },
            SyntaxKind::SELECT_INTO => {
                Err(self.unsupported("SELECT INTO is not allowed here", node.text_range().start().into()))
            }
            SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE => Err(self
                .unsupported("data-modifying statements in WITH are not supported", node.text_range().start().into())
                .hint("Send them as statements of their own, in a transaction.")),
            kind => Err(self.unsupported(
                format!("{} is not supported here", format!("{kind:?}").replace('_', " ")),
                node.text_range().start().into(),
            )),
        }
    }

    /// A query inside an expression, without parentheses around it; its type is its only column's.
    pub fn subquery(&self, node: &SyntaxNode) -> Result<Frag> {
        Ok(self.inner_query(node)?.rows())
    }

    /// A query inside an expression.
    pub fn inner_query(&self, node: &SyntaxNode) -> Result<Query> {
        let node = match node.kind() {
            SyntaxKind::PAREN_SELECT => node.first_child().unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        self.query(&node, Place::Inner, None)
    }
}

impl Query {
    /// Its text, without parentheses around it; its type is its only column's.
    pub fn rows(&self) -> Frag {
        let ty = match self.shape.as_deref() {
            Some([column]) => column.ty,
            _ => Ty::Any,
        };
        self.frag.clone().with_ty(ty)
    }

    /// Whether its only column never is NULL.
    pub fn is_not_null(&self) -> bool {
        matches!(self.shape.as_deref(), Some([column]) if !column.nullable)
    }
}
