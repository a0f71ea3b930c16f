//! Conditions as they are written: logic, IS, BETWEEN, IN, LIKE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::syntax::nodes::{self, is_constant, subquery};
use crate::sql::syntax::tree::{Expr, IsWhat, LikeKind, expressions};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, join, level};
use crate::sql::translate::value::compare::Asked;
use crate::sql::translate::value::types::common_type;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(crate) fn logic(&self, and: bool, left: &Expr, right: &Expr) -> Result<Frag> {
        // A chain leans to the left as long as it is: gone through without recursion.
        let mut terms = vec![right];
        let mut left = left;
        while let Expr::Logic { and: same, left: next, right } = left
            && *same == and
        {
            terms.push(right);
            left = next;
        }
        terms.push(left);
        let frags = terms.into_iter().rev().map(|term| self.emit_condition(term)).collect::<Result<Vec<_>>>()?;
        let (word, level) = if and { (" AND ", level::AND) } else { (" OR ", level::OR) };
        Ok(join(&frags, word, level))
    }

    pub(crate) fn not(&self, operand: &Expr) -> Result<Frag> {
        let frag = self.strict(|| self.emit(operand))?;
        if !frag.is_predicate() {
            return Ok(match frag.text.as_str() {
                "1" => Frag::atom("1 = 0", Ty::BOOL).sure_predicate(level::COMPARISON),
                "0" => Frag::atom("1 = 1", Ty::BOOL).sure_predicate(level::COMPARISON),
                "NULL" => self.as_condition(frag),
                _ => {
                    let frag = self.coerce(frag, PgType::new(Oid::BOOL));
                    Frag::cat(&[&frag.within(level::OTHER), &" = 0"], Ty::BOOL).predicate(level::COMPARISON)
                }
            });
        }
        let sure = frag.not_null;
        let frag = Frag::cat(&[&"NOT ", &frag.within(level::ATOM)], Ty::BOOL);
        Ok(if sure { frag.sure_predicate(level::NOT) } else { frag.predicate(level::NOT) })
    }

    pub(crate) fn is(&self, what: IsWhat, not: bool, operand: &Expr) -> Result<Frag> {
        let loose = self.loose.get();
        if what == IsWhat::Null || what == IsWhat::Unknown {
            if let Expr::Atom(node) = operand
                && node.kind() == SyntaxKind::TUPLE_EXPR
            {
                // ROW(..) IS [NOT] NULL: every field is [not].
                let frags = expressions(node)
                    .map(|field| Ok(self.is_null(self.value(&field)?, not)))
                    .collect::<Result<Vec<_>>>()?;
                return Ok(join(&frags, " AND ", level::AND));
            }
            if let Expr::Atom(node) = operand {
                return Ok(self.is_null(self.shown(node, true)?, not));
            }
            return Ok(self.is_null(self.emit_value(operand)?, not));
        }
        let wanted = what == IsWhat::True;
        let frag = self.strict(|| self.emit(operand))?;
        if frag.is_predicate() {
            // The value 1, 0 or NULL made plain first: NULL is neither.
            let (then, otherwise) = if wanted != not { ("1", "0") } else { ("0", "1") };
            let frag = if wanted {
                Frag::cat(&[&"CASE WHEN ", &frag, &" THEN ", &then, &" ELSE ", &otherwise, &" END = 1"], Ty::BOOL)
            } else {
                let (then, otherwise) = if not { ("0", "1") } else { ("1", "0") };
                Frag::cat(&[&"CASE WHEN NOT (", &frag, &") THEN ", &then, &" ELSE ", &otherwise, &" END = 1"], Ty::BOOL)
            };
            return Ok(frag.sure_predicate(level::COMPARISON));
        }
        let frag = self.coerce(frag, PgType::new(Oid::BOOL)).within(level::OTHER);
        let not_null = frag.not_null;
        let value = if wanted != not { " = 1" } else { " = 0" };
        let plain = Frag::cat(&[&frag, &value], Ty::BOOL);
        Ok(match (not, not_null || loose) {
            (false, true) if not_null => plain.sure_predicate(level::COMPARISON),
            (false, true) => plain.predicate(level::COMPARISON),
            (false, false) => {
                Frag::cat(&[&"(", &plain, &" AND ", &frag, &" IS NOT NULL)"], Ty::BOOL).sure_predicate(level::ATOM)
            }
            (true, _) if not_null => plain.sure_predicate(level::COMPARISON),
            (true, _) => Frag::cat(&[&"(", &plain, &" OR ", &frag, &" IS NULL)"], Ty::BOOL).sure_predicate(level::ATOM),
        })
    }

    pub(crate) fn is_distinct(&self, not: bool, left: &Expr, right: &Expr) -> Result<Frag> {
        let loose = self.loose.get();
        let (left, right) = (self.emit_value(left)?, self.emit_value(right)?);
        self.distinct_values(not, loose, left, right)
    }

    pub(crate) fn between(&self, not: bool, symmetric: bool, operand: &Expr, low: &Expr, high: &Expr) -> Result<Frag> {
        let operand = self.emit_value(operand)?;
        let bounds = (self.emit_value(low)?, self.emit_value(high)?);
        self.between_values(not, symmetric, operand, bounds)
    }

    pub(crate) fn is_in(&self, not: bool, operand: &Expr, items: &SyntaxNode) -> Result<Frag> {
        if let Some(query) = subquery(items) {
            if let Expr::Atom(node) = operand
                && node.kind() == SyntaxKind::TUPLE_EXPR
            {
                return Err(self.unsupported(
                    "row values with IN (subquery) are not supported by IRIS; use EXISTS with a condition per column",
                    node.text_range().start().into(),
                ));
            }
            let (operand, query) =
                self.beside_query(Asked::Equality, self.emit_value(operand)?, self.subquery(&query)?)?;
            let operand = operand.within(level::OTHER);
            let word = if not { " NOT IN (" } else { " IN (" };
            return Ok(Frag::cat(&[&operand, &word, &query, &")"], Ty::BOOL).predicate(level::COMPARISON));
        }
        let items: Vec<SyntaxNode> = expressions(items).collect();
        if let Expr::Atom(node) = operand
            && node.kind() == SyntaxKind::TUPLE_EXPR
        {
            let rows = items
                .iter()
                .map(|item| Ok(self.row_comparison("=", node, item)?.within(level::ATOM)))
                .collect::<Result<Vec<_>>>()?;
            let any = join(&rows, " OR ", level::OR).parenthesised();
            return Ok(if not { Frag::cat(&[&"NOT ", &any], Ty::BOOL).predicate(level::NOT) } else { any });
        }
        let operand = self.emit_value(operand)?;
        let items = self.list_items(operand.ty, &items)?;
        self.in_list(not, operand, items)
    }

    /// Several constants are an array (transformAExprIn), and have one type with the operand.
    #[inline(never)]
    fn list_items(&self, operand: Ty, nodes: &[SyntaxNode]) -> Result<Vec<Frag>> {
        let items = nodes.iter().map(|item| self.value(item)).collect::<Result<Vec<_>>>()?;
        let is_constant: Vec<bool> = nodes.iter().map(is_constant).collect();
        if is_constant.iter().filter(|is_constant| **is_constant).count() < 2 {
            return Ok(items);
        }
        let constants = items.iter().zip(&is_constant).filter(|(_, is_constant)| **is_constant);
        let ty = common_type(std::iter::once(operand).chain(constants.map(|(item, _)| item.ty)));
        let parts = items.into_iter().zip(nodes.iter().zip(is_constant));
        parts.map(|(item, (node, is))| if is { self.as_float(node, item, ty) } else { Ok(item) }).collect()
    }

    /// Two rows, field by field: `(a, b) < (1, 2)` is `a < 1 OR (a = 1 AND b < 2)`.
    pub(crate) fn row_comparison(&self, op: &str, left: &SyntaxNode, right: &SyntaxNode) -> Result<Frag> {
        let at = usize::from(right.text_range().start());
        let (lefts, rights): (Vec<_>, Vec<_>) = (expressions(left).collect(), expressions(right).collect());
        if right.kind() != SyntaxKind::TUPLE_EXPR || lefts.len() != rights.len() {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions")
                .position(nodes::offset(at)));
        }
        let pairs = lefts
            .iter()
            .zip(&rights)
            .map(|(left, right)| Ok((self.value(left)?, self.value(right)?)))
            .collect::<Result<Vec<_>>>()?;
        let compare = |op: &str, (left, right): &(Frag, Frag)| self.comparison(op, left.clone(), right.clone());
        match op {
            "=" => {
                let frags: Vec<Frag> = pairs.iter().map(|pair| compare("=", pair)).collect::<Result<_>>()?;
                Ok(join(&frags, " AND ", level::AND))
            }
            "<>" | "!=" => {
                let frags: Vec<Frag> = pairs.iter().map(|pair| compare("<>", pair)).collect::<Result<_>>()?;
                Ok(join(&frags, " OR ", level::OR))
            }
            "<" | ">" | "<=" | ">=" => {
                let strict = op.trim_end_matches('=');
                let mut result: Option<Frag> = None;
                for (n, pair) in pairs.iter().enumerate().rev() {
                    let last = n + 1 == pairs.len();
                    let this = compare(if last { op } else { strict }, pair)?;
                    result = Some(match result {
                        None => this,
                        Some(rest) => {
                            let equal = compare("=", pair)?;
                            let both = join(&[equal, rest.within(level::AND)], " AND ", level::AND).parenthesised();
                            join(&[this, both], " OR ", level::OR)
                        }
                    });
                }
                result.ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "cannot compare rows of zero length"))
            }
            _ => Err(self.unsupported(format!("row comparison with {op} is not supported by IRIS"), at)),
        }
    }

    pub(crate) fn like(
        &self,
        kind: LikeKind,
        not: bool,
        operand: &Expr,
        pattern: &Expr,
        escape: Option<&Expr>,
    ) -> Result<Frag> {
        if let Expr::Atom(node) = pattern
            && let Some((all, argument)) = nodes::quantified(node)
        {
            return self.like_any(kind, not, operand, all, &argument);
        }
        let operand = self.emit_value(operand)?;
        let pattern = self.emit_value(pattern)?;
        let escape = match escape {
            Some(escape) => Some(self.emit_value(escape)?),
            None => None,
        };
        self.like_frags(kind, not, operand, pattern, escape)
    }

    fn like_any(&self, kind: LikeKind, not: bool, operand: &Expr, all: bool, patterns: &SyntaxNode) -> Result<Frag> {
        let Some(patterns) = self.array_items(patterns)? else {
            return Err(self.unsupported(
                "LIKE ANY is supported for an ARRAY[..] of patterns only",
                patterns.text_range().start().into(),
            ));
        };
        let operand = self.emit_value(operand)?;
        let tests = patterns
            .into_iter()
            .map(|pattern| Ok(self.like_frags(kind, not, operand.clone(), pattern, None)?.within(level::ATOM)))
            .collect::<Result<Vec<_>>>()?;
        if tests.is_empty() {
            let text = if all { "1 = 1" } else { "1 = 0" };
            return Ok(Frag::atom(text, Ty::BOOL).sure_predicate(level::COMPARISON));
        }
        let (word, level) = if all { (" AND ", level::AND) } else { (" OR ", level::OR) };
        Ok(join(&tests, word, level).parenthesised())
    }
}
