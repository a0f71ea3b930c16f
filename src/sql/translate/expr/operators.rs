//! Operators as they are written: in front of an operand, between two, and with ANY or ALL.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, quantified, unwrapped};
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, join, level};
use crate::sql::translate::context::text_order::{self, as_sorted};
use crate::sql::translate::value::compare::Asked;
use crate::sql::translate::value::vector::Distance;
use crate::wire::PgError;

impl Cx<'_> {
    pub(crate) fn prefix(&self, op: &str, operand: &Expr, at: usize) -> Result<Frag> {
        let frag = self.emit_value(operand)?;
        self.prefixed(op, frag, at)
    }

    pub(crate) fn binary(&self, op: &str, left: &Expr, right: &Expr, at: usize) -> Result<Frag> {
        if let Expr::Atom(node) = right
            && let Some((all, argument)) = quantified(node)
        {
            return self.quantified(op, left, all, &argument);
        }
        if let (Expr::Atom(a), Expr::Atom(b)) = (left, right)
            && a.kind() == SyntaxKind::TUPLE_EXPR
        {
            return self.row_comparison(op, a, b);
        }
        if op == "->"
            && let Some(arrow) = self.iris_arrow(left, right)?
        {
            return Ok(arrow);
        }
        if matches!(op, "+" | "-" | "*")
            && let Some(frag) = self.interval_arithmetic(op, left, right)?
        {
            return Ok(frag);
        }
        if op == "-"
            && let Some(frag) = self.similarity(left, right)?
        {
            return Ok(frag);
        }
        let a = self.strict(|| self.emit(left))?;
        let b = self.strict(|| self.emit(right))?;
        if matches!(op, "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=") {
            return self.comparison(op, a, b);
        }
        self.of_values(op, a, b, at)
    }

    /// `1 - (a <=> b)` is the cosine itself, in the shape an index serves.
    #[inline(never)]
    fn similarity(&self, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
        Ok(self.similarity_of(left, right)?.map(|distance| distance.value))
    }

    /// `1 - (a <=> b)` as what it is and what sorts as it does.
    #[inline(never)]
    pub(crate) fn similarity_of(&self, left: &Expr, right: &Expr) -> Result<Option<Distance>> {
        let (Expr::Atom(one), Expr::Atom(parenthesis)) = (left, right) else { return Ok(None) };
        let Expr::Binary { op, left, right, at } = tree::read(&unwrapped(parenthesis))? else { return Ok(None) };
        if op != "<=>" || self.constant(one).is_none_or(|(_, value)| value != "1") {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        let Distance { similarity, sort, .. } = self.distance(&op, a, b, at)?;
        Ok(Some(Distance { value: similarity.clone(), sort, sort_descending: false, similarity }))
    }

    /// IRIS's own `Home->City`: two names with nothing between them and the arrow.
    fn iris_arrow(&self, left: &Expr, right: &Expr) -> Result<Option<Frag>> {
        let (Expr::Atom(a), Expr::Atom(b)) = (left, right) else { return Ok(None) };
        let names =
            matches!(a.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) && b.kind() == SyntaxKind::NAME_REF;
        let gap = usize::from(b.text_range().start()).saturating_sub(a.text_range().end().into());
        if !names || gap != 2 {
            return Ok(None);
        }
        let left = self.emit(&Expr::Atom(a.clone()))?;
        let right = names::iris_name(&nodes::plain_text(b))?;
        Ok(Some(Frag::cat(&[&left, &"->", &right], Ty::Any)))
    }

    /// `left op ANY (argument)`, `left op ALL (argument)`.
    fn quantified(&self, op: &str, left: &Expr, all: bool, argument: &SyntaxNode) -> Result<Frag> {
        let op = if op == "!=" { "<>" } else { op };
        if let Some(query) = nodes::subquery(argument) {
            if query.kind() == SyntaxKind::VALUES && matches!((op, all), ("=", false) | ("<>", true)) {
                let left = self.emit_value(left)?;
                let rows = nodes::grandchildren(&query, SyntaxKind::ROW_LIST, SyntaxKind::ROW);
                let items = rows
                    .iter()
                    .filter_map(|row| row.first_child())
                    .map(|item| self.value(&item))
                    .collect::<Result<Vec<_>>>()?;
                return self.in_list(all, left, items);
            }
            let asked = if matches!(op, "=" | "<>") { Asked::Equality } else { Asked::Order };
            let at = usize::from(query.text_range().start());
            let inner = self.inner_query(&query)?;
            let (mut left, mut query) = self.beside_query(asked, self.emit_value(left)?, inner.rows())?;
            let is_in = matches!((op, all), ("=", false) | ("<>", true));
            // IRIS answers true or false; where a value is NULL, PostgreSQL may answer NULL.
            let is_known = left.not_null && inner.is_not_null();
            if !(is_in || is_known || self.loose.get()) {
                let word = if all { "ALL" } else { "ANY" };
                let message = format!("{op} {word} (subquery) as a value is not supported where a value may be NULL");
                return Err(self.unsupported(message, at).hint("Leave NULLs out, or compare in WHERE without NOT."));
            }
            if text_order::goes_by_text(op, left.ty, query.ty) {
                let sorted = inner.sorted_by();
                query = sorted.ok_or_else(|| self.unsupported("the columns of this subquery are not known", at))?.frag;
                left = as_sorted(&left).within(level::ATOM);
            }
            let left = left.within(level::OTHER);
            return Ok(match (op, all) {
                ("=", false) => Frag::cat(&[&left, &" IN (", &query, &")"], Ty::BOOL),
                ("<>", true) => Frag::cat(&[&left, &" NOT IN (", &query, &")"], Ty::BOOL),
                // For the order, both are made texts that IRIS compares with case.
                _ if left.ty.is_string() && asked == Asked::Equality => {
                    return Err(PgError::unsupported(format!(
                        "{op} ANY and ALL of text over a subquery are not supported"
                    ))
                    .hint("IRIS compares it without case. Compare with MIN() or MAX() of the subquery."));
                }
                _ => {
                    let word = if all { " ALL (" } else { " ANY (" };
                    Frag::cat(&[&left, &" ", &op, &word, &query, &")"], Ty::BOOL)
                }
            }
            .predicate(level::COMPARISON));
        }
        let left = self.emit_value(left)?;
        if let Some(items) = self.array_items(argument)? {
            return self.with_items(op, all, left, items);
        }
        self.with_array_parameter(op, all, left, argument)
    }

    fn with_items(&self, op: &str, all: bool, left: Frag, items: Vec<Frag>) -> Result<Frag> {
        if items.is_empty() {
            let text = if all { "1 = 1" } else { "1 = 0" };
            return Ok(Frag::atom(text, Ty::BOOL).sure_predicate(level::COMPARISON));
        }
        Ok(match (op, all) {
            ("=", false) => self.in_list(false, left, items)?,
            ("<>", true) => self.in_list(true, left, items)?,
            _ => {
                let tests = items.into_iter().map(|item| self.comparison(op, left.clone(), item));
                let tests: Vec<Frag> = tests.collect::<Result<_>>()?;
                let (word, level) = if all { (" AND ", level::AND) } else { (" OR ", level::OR) };
                join(&tests, word, level).parenthesised()
            }
        })
    }

    /// The vector distance an expression is, if it is one.
    pub(crate) fn distance_of(&self, node: &SyntaxNode) -> Result<Option<Distance>> {
        let node = nodes::unwrapped(node);
        let Expr::Binary { op, left, right, at } = tree::read(&node)? else { return Ok(None) };
        if op == "-" {
            return self.similarity_of(&left, &right);
        }
        if !matches!(op.as_str(), "<=>" | "<#>" | "<->") {
            return Ok(None);
        }
        let (a, b) = (self.emit_value(&left)?, self.emit_value(&right)?);
        self.distance(&op, a, b, at).map(Some)
    }
}
