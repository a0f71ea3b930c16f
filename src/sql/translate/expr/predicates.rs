//! Conditions: logic, IS, BETWEEN, IN, LIKE.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::atoms::inexact;
use super::compare::{self, Asked};
use super::in_list;
use super::text_order;
use crate::sql::plan::Bind;
use crate::sql::syntax::nodes::{self, is_constant, subquery};
use crate::sql::syntax::tree::{Expr, IsWhat, LikeKind, expressions};
use crate::sql::template::LiteralKind;
use crate::sql::translate::cx::{Cx, Result};
use crate::sql::translate::expr::common_type;
use crate::sql::translate::frag::{Frag, Ty, level, list};
use crate::types::{Fitting, Oid, PgType};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    pub(super) fn logic(&self, and: bool, left: &Expr, right: &Expr) -> Result<Frag> {
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

    pub(super) fn not(&self, operand: &Expr) -> Result<Frag> {
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

    pub(super) fn is(&self, what: IsWhat, not: bool, operand: &Expr) -> Result<Frag> {
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

    fn is_null(&self, frag: Frag, not: bool) -> Frag {
        let test = if not { " IS NOT NULL" } else { " IS NULL" };
        let frag = match frag.ty {
            // A bare mark has no type there; `$1 IS NULL` is asked of a value of any type.
            Ty::Parameter(n) => {
                self.declare_parameter(n, Oid::TEXT);
                frag
            }
            _ => frag,
        };
        Frag::cat(&[&frag.within(level::OTHER), &test], Ty::BOOL).sure_predicate(level::COMPARISON)
    }

    pub(super) fn is_distinct(&self, not: bool, left: &Expr, right: &Expr) -> Result<Frag> {
        let loose = self.loose.get();
        let (left, right) = (self.emit_value(left)?, self.emit_value(right)?);
        self.distinct_values(not, loose, left, right)
    }

    #[inline(never)]
    fn distinct_values(&self, not: bool, loose: bool, left: Frag, right: Frag) -> Result<Frag> {
        if right.is_null() || left.is_null() {
            let other = if right.is_null() { left } else { right };
            return Ok(self.is_null(other, !not));
        }
        let (left, right) = self.compared(Asked::Equality, left, right)?;
        let (a, b) = (left.within(level::OTHER), right.within(level::OTHER));
        if a.not_null && b.not_null {
            let op = if not { " = " } else { " <> " };
            return Ok(Frag::cat(&[&a, &op, &b], Ty::BOOL).sure_predicate(level::COMPARISON));
        }
        let same = Frag::cat(&[&"(", &a, &" = ", &b, &" OR (", &a, &" IS NULL AND ", &b, &" IS NULL))"], Ty::BOOL);
        Ok(match (not, loose) {
            (true, true) => same.predicate(level::ATOM),
            (false, true) => Frag::cat(
                &[
                    &"(",
                    &a,
                    &" <> ",
                    &b,
                    &" OR (",
                    &a,
                    &" IS NULL AND ",
                    &b,
                    &" IS NOT NULL) OR (",
                    &a,
                    &" IS NOT NULL AND ",
                    &b,
                    &" IS NULL))",
                ],
                Ty::BOOL,
            )
            .predicate(level::ATOM),
            (not, false) => {
                let (then, otherwise) = if not { ("1", "0") } else { ("0", "1") };
                Frag::cat(&[&"CASE WHEN ", &same, &" THEN ", &then, &" ELSE ", &otherwise, &" END = 1"], Ty::BOOL)
                    .sure_predicate(level::COMPARISON)
            }
        })
    }

    pub(super) fn between(&self, not: bool, symmetric: bool, operand: &Expr, low: &Expr, high: &Expr) -> Result<Frag> {
        let operand = self.emit_value(operand)?;
        let bounds = (self.emit_value(low)?, self.emit_value(high)?);
        self.between_values(not, symmetric, operand, bounds)
    }

    #[inline(never)]
    fn between_values(&self, not: bool, symmetric: bool, operand: Frag, (low, high): (Frag, Frag)) -> Result<Frag> {
        let ty = common_type([operand.ty, low.ty, high.ty]);
        let to = |frag: Frag| match ty {
            Ty::Known(pg_type) if frag.ty.is_open() => self.coerce(frag, pg_type),
            _ => frag,
        };
        let (operand, low, high) = (to(operand), to(low), to(high));
        let (from, low) = self.compared(Asked::Order, operand.clone(), low)?;
        let (until, high) = self.compared(Asked::Order, operand, high)?;
        let (from, low) = text_order::both_as_sorted("<", from, low);
        let (until, high) = text_order::both_as_sorted("<", until, high);
        if from.text != until.text {
            // The two bounds are of two types, and the value meets each in another one.
            if symmetric || not {
                return Err(PgError::unsupported("BETWEEN with bounds of two types is not supported here")
                    .hint("Write two comparisons."));
            }
            let from = Frag::cat(&[&from.within(level::OTHER), &" >= ", &low.within(level::OTHER)], Ty::BOOL);
            let until = Frag::cat(&[&until.within(level::OTHER), &" <= ", &high.within(level::OTHER)], Ty::BOOL);
            let both = [from.predicate(level::COMPARISON), until.predicate(level::COMPARISON)];
            return Ok(join(&both, " AND ", level::AND));
        }
        let operand = from.within(level::OTHER);
        let (low, high) = (low.within(level::OTHER), high.within(level::OTHER));
        let word = if not { " NOT BETWEEN " } else { " BETWEEN " };
        let frag = Frag::cat(&[&operand, &word, &low, &" AND ", &high], Ty::BOOL);
        if !symmetric {
            return Ok(frag.predicate(level::COMPARISON));
        }
        let turned = Frag::cat(&[&operand, &word, &high, &" AND ", &low], Ty::BOOL);
        let (join, level) = if not { (" AND ", level::AND) } else { (" OR ", level::OR) };
        Ok(Frag::cat(&[&frag, &join, &turned], Ty::BOOL).predicate(level).parenthesised())
    }

    pub(super) fn is_in(&self, not: bool, operand: &Expr, items: &SyntaxNode) -> Result<Frag> {
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

    /// A number among others whose common type is one of floating point, which may be another number as such.
    pub(super) fn as_float(&self, node: &SyntaxNode, number: Frag, common: Ty) -> Result<Frag> {
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

    /// A value beside the column of a query; each row of it is compared with.
    #[inline(never)]
    pub(super) fn beside_query(&self, asked: Asked, value: Frag, query: Frag) -> Result<(Frag, Frag)> {
        // What the value has to meet: something that is no constant, and whose text nobody may change.
        // A column of character(n) is read without its blanks.
        let is_padded = matches!(query.ty, Ty::Known(ty) if ty.oid == Oid::BPCHAR && ty.typmod >= 0);
        let column = Frag::atom(if is_padded { "RTRIM(c)" } else { "c" }, query.ty).exact();
        let (value, met) = self.compared(asked, value, column.clone())?;
        if met.text != column.text {
            return Err(PgError::unsupported("a subquery whose column is of another type is not supported here")
                .hint("Cast the column in the subquery to the type of the other side."));
        }
        Ok((value, query))
    }

    /// `operand IN (items)`; not for no items.
    #[inline(never)]
    pub(super) fn in_list(&self, not: bool, operand: Frag, items: Vec<Frag>) -> Result<Frag> {
        let ty = common_type(std::iter::once(operand.ty).chain(items.iter().map(|item| item.ty)));
        let to = |frag: Frag| match ty {
            Ty::Known(pg_type) if frag.ty.is_open() => self.coerce(frag, pg_type),
            _ => frag,
        };
        let mut operand = to(operand);
        let mut pairs = Vec::with_capacity(items.len());
        for item in items {
            pairs.push(self.compared(Asked::Equality, operand.clone(), to(item))?);
        }
        if pairs.windows(2).any(|pair| matches!(pair, [a, b] if a.0.text != b.0.text)) {
            // Items of several types, which the value meets in several ways.
            let (op, word, level) = if not { (" <> ", " AND ", level::AND) } else { (" = ", " OR ", level::OR) };
            let test = |(a, b): (Frag, Frag)| {
                Frag::cat(&[&a.within(level::OTHER), &op, &b.within(level::OTHER)], Ty::BOOL)
                    .predicate(level::COMPARISON)
            };
            let tests: Vec<Frag> = pairs.into_iter().map(test).collect();
            return Ok(join(&tests, word, level).parenthesised());
        }
        let mut items = Vec::with_capacity(pairs.len());
        for (value, item) in pairs {
            operand = value;
            items.push(item);
        }
        let operand = operand.within(level::OTHER);
        if items.len() > in_list::ITEMS_MAX
            && let Some(listed) = self.in_long_list(not, &operand, &items)?
        {
            return Ok(listed);
        }
        let exact = in_parts(not, &operand, &items);
        // What is equal is equal without regard to case, and for that the column has its index.
        match inexact(&operand).filter(|_| !not && items.len() <= in_list::ITEMS_MAX) {
            Some(column) => {
                let narrowed = Frag::cat(&[&column, &" IN (", &list(&items), &")"], Ty::BOOL);
                Ok(Frag::cat(&[&"(", &narrowed, &" AND ", &exact, &")"], Ty::BOOL).predicate(level::ATOM))
            }
            None => Ok(exact),
        }
    }

    /// Two rows, field by field: `(a, b) < (1, 2)` is `a < 1 OR (a = 1 AND b < 2)`.
    pub(super) fn row_comparison(&self, op: &str, left: &SyntaxNode, right: &SyntaxNode) -> Result<Frag> {
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

    pub(super) fn like(
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

    pub(super) fn like_frags(
        &self,
        kind: LikeKind,
        not: bool,
        operand: Frag,
        pattern: Frag,
        escape: Option<Frag>,
    ) -> Result<Frag> {
        if operand.ty.is(Oid::BYTEA) || pattern.ty.is(Oid::BYTEA) {
            return Err(PgError::unsupported("LIKE of binary strings is not supported by IRIS")
                .hint("Compare whole values, or keep text in the column."));
        }
        let text = PgType::new(Oid::TEXT);
        // LIKE sees the blanks of character(n).
        let operand = self.padded(operand);
        let operand = if operand.ty.is(Oid::BPCHAR) { operand.with_ty(Ty::TEXT) } else { self.coerce(operand, text) };
        let (operand, pattern) = (compare::exact(operand), self.coerce(pattern, text));
        if kind == LikeKind::Similar {
            let plain = pattern
                .literal()
                .and_then(|n| self.read_literal(n))
                .is_some_and(|(_, value)| !value.contains(['|', '*', '+', '?', '{', '(', '[']));
            if !plain {
                return Err(PgError::unsupported(
                    "SIMILAR TO is supported for patterns without regular-expression characters only",
                )
                .hint("IRIS has no regular expressions; use LIKE."));
            }
        }
        let (pattern, escape) = self.escaped(kind, pattern, escape)?;
        let word = if not { " NOT LIKE " } else { " LIKE " };
        let (operand, pattern) = (operand.within(level::OTHER), pattern.within(level::OTHER));
        let mut frag = if kind == LikeKind::Ilike {
            Frag::cat(&[&"UPPER(", &operand, &")", &word, &"UPPER(", &pattern, &")"], Ty::BOOL)
        } else {
            Frag::cat(&[&operand, &word, &pattern], Ty::BOOL)
        };
        if let Some(escape) = escape {
            frag.push(&" ESCAPE ");
            frag.push(&escape);
        }
        Ok(frag.predicate(level::COMPARISON))
    }

    /// The pattern and what escapes in it, checked as far as they are known.
    fn escaped(&self, kind: LikeKind, pattern: Frag, escape: Option<Frag>) -> Result<(Frag, Option<Frag>)> {
        let mut pattern = pattern;
        let character = match &escape {
            None if self.may_hold_backslash(&pattern) => Some('\\'),
            None => return Ok((pattern, None)),
            Some(escape) => {
                let Some(text) = self.text_literal(escape) else {
                    return Err(PgError::unsupported("ESCAPE of anything but a constant is not supported by IRIS"));
                };
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (character, None) => character,
                    _ => {
                        return Err(PgError::error(SqlState(*b"22025"), "invalid escape string")
                            .hint("Escape string must be empty or one character."));
                    }
                }
            }
        };
        // Nothing escapes.
        let Some(character) = character else {
            return Ok((pattern, None));
        };
        if kind == LikeKind::Ilike && character.is_alphabetic() {
            return Err(PgError::unsupported("ILIKE with a letter as its escape character is not supported by IRIS"));
        }
        match pattern.literal().and_then(|n| self.read_literal(n)) {
            Some((_, value)) if value.chars().rev().take_while(|c| *c == character).count() % 2 == 1 => {
                return Err(PgError::error(SqlState(*b"22025"), "LIKE pattern must not end with escape character"));
            }
            Some(_) => {}
            None => {
                if let [mark] = pattern.marks.as_mut_slice()
                    && escape.is_none()
                    && matches!(mark.bind, Bind::Parameter(_))
                    && pattern.text.chars().count() == 1
                {
                    let source = Box::new(mark.bind.clone());
                    mark.bind = Bind::Fitted { source, to: PgType::new(Oid::TEXT), fitting: Fitting::Pattern };
                }
            }
        }
        // PostgreSQL's default escape character is the backslash; IRIS has none unless told.
        Ok((pattern, Some(escape.unwrap_or_else(|| Frag::atom("'\\'", Ty::TEXT)))))
    }

    fn may_hold_backslash(&self, pattern: &Frag) -> bool {
        match pattern.literal() {
            Some(n) => self.template.literals.get(usize::from(n)).is_some_and(|literal| literal.backslash),
            None => true,
        }
    }
}

pub(super) fn join(frags: &[Frag], word: &str, level: u8) -> Frag {
    if let [only] = frags {
        return only.clone();
    }
    let sure = frags.iter().all(|frag| frag.not_null);
    let mut all = Frag::atom(String::new(), Ty::BOOL);
    for (n, frag) in frags.iter().enumerate() {
        if n > 0 {
            all.push(&word);
        }
        all.push(&frag.clone().within(level));
    }
    if sure { all.sure_predicate(level) } else { all.predicate(level) }
}

/// Values in one IN. IRIS refuses about a thousand, and programs have seen lists of more than 500 give no rows.
const IN_VALUES_MAX: usize = 250;

/// `operand IN (items)`, in as many parts as IRIS wants.
fn in_parts(not: bool, operand: &Frag, items: &[Frag]) -> Frag {
    let word = if not { " NOT IN (" } else { " IN (" };
    let part = |items: &[Frag]| Frag::cat(&[operand, &word, &list(items), &")"], Ty::BOOL).predicate(level::COMPARISON);
    if items.len() <= IN_VALUES_MAX {
        return part(items);
    }
    let parts: Vec<Frag> = items.chunks(IN_VALUES_MAX).map(part).collect();
    let (word, level) = if not { (" AND ", level::AND) } else { (" OR ", level::OR) };
    join(&parts, word, level).parenthesised()
}
