//! Queries in expressions. PostgreSQL fails with 21000 where one that stands for a value has several rows, IRIS takes the
//! first.
//!
//! A query of at most one row is sent as it stands. Any other counts its rows, and fails in IRIS when there are several.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes;
use crate::sql::syntax::with::with_of;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::sql::translate::context::query::{Parts, Place, Query};
use crate::types::Oid;

impl Cx<'_> {
    /// A query that stands for a value, in parentheses: NULL where it has no row, 21000 where it has several.
    ///
    /// # Errors
    /// 0A000 where neither can be known nor be had from IRIS.
    pub(crate) fn scalar(&self, node: &SyntaxNode) -> Result<Frag> {
        let node = match node.kind() {
            SyntaxKind::PAREN_SELECT if with_of(node).is_none() => node.first_child().unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        let before = self.outermost.replace(usize::MAX);
        let query = self.query(&node, Place::Scalar, None);
        let outermost = self.outermost.get();
        self.outermost.set(before.min(outermost));
        let query = query?;
        let ty = match query.shape.as_deref() {
            Some([column]) => column.ty,
            _ => Ty::Any,
        };
        if query.is_one_row {
            return Ok(query.frag.parenthesised().with_ty(ty));
        }
        let at = usize::from(node.text_range().start());
        let refused = |why: &str| {
            Err(self
                .unsupported(format!("a subquery that may give several rows stands for a value, and {why}"), at)
                .hint("Add LIMIT 1, take the min() or max() of it, or compare with the columns of a unique key."))
        };
        let is_stream = query.shape.iter().flatten().any(|column| column.is_stream);
        if ty.is(Oid::VECTOR) || ty.is(Oid::BYTEA) || is_stream {
            return refused("IRIS cannot count the rows of such a value");
        }
        let is_simple = node.kind() == SyntaxKind::SELECT
            && nodes::child(&node, SyntaxKind::GROUP_BY_CLAUSE).is_none()
            && nodes::clause(&node, SyntaxKind::LIMIT_CLAUSE).is_none()
            && nodes::clause(&node, SyntaxKind::FETCH_CLAUSE).is_none()
            && nodes::clause(&node, SyntaxKind::OFFSET_CLAUSE).is_none()
            && !node.descendants().any(|child| child.kind() == SyntaxKind::OVER_CLAUSE);
        if is_simple
            && let Parts::Select { head, targets, tail, .. } = &query.parts
            && let [target] = targets.as_slice()
            && !target.is_star()
        {
            let value = &target.frag;
            let frag = match head.text.strip_suffix("DISTINCT ") {
                None => Frag::cat(&[head, &only(value, &Frag::atom("COUNT(*)", Ty::INT8)), tail], Ty::Any),
                Some(head) => {
                    let null = value.clone().within(level::OTHER);
                    let count = Frag::cat(
                        &[&"COUNT(DISTINCT ", value, &") + MAX(CASE WHEN ", &null, &" IS NULL THEN 1 ELSE 0 END)"],
                        Ty::INT8,
                    );
                    Frag::cat(&[&head, &only(value, &count), tail], Ty::Any)
                }
            };
            return Ok(frag.parenthesised().with_ty(ty));
        }
        if outermost < self.scopes.borrow().len() {
            return refused("its rows cannot be counted: it reads columns of the query around it");
        }
        let Some((query, names)) = query.named() else { return refused("its columns are not known") };
        let [name] = names.as_slice() else { return refused("has not one column") };
        let value = only(&Frag::atom(name.clone(), ty), &Frag::atom("COUNT(*)", Ty::INT8));
        Ok(Frag::cat(&[&"(SELECT ", &value, &" FROM (", &query.frag, &") pgw)"], ty))
    }

    /// A query inside an expression, without parentheses around it; its type is its only column's.
    pub(crate) fn subquery(&self, node: &SyntaxNode) -> Result<Frag> {
        Ok(self.inner_query(node)?.rows())
    }

    /// A query inside an expression.
    pub(crate) fn inner_query(&self, node: &SyntaxNode) -> Result<Query> {
        let node = match node.kind() {
            SyntaxKind::PAREN_SELECT if with_of(node).is_none() => node.first_child().unwrap_or_else(|| node.clone()),
            _ => node.clone(),
        };
        self.query(&node, Place::Inner, None)
    }
}

/// The one value, NULL for no row, an error of IRIS (`<LIST>`, read as 21000) for several: a string is no list.
fn only(value: &Frag, count: &Frag) -> Frag {
    Frag::cat(
        &[&"CASE WHEN $LISTLENGTH(CASE WHEN ", count, &" > 1 THEN 'rows' END) IS NULL THEN MIN(", value, &") END"],
        value.ty,
    )
}
