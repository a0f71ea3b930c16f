//! Tests of values: IS NULL, IS DISTINCT FROM, BETWEEN, IN.

use super::compare::Asked;
use super::in_list;
use super::types::common_type;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::exact::inexact;
use crate::sql::translate::context::frag::{Frag, Ty, join, level, list};
use crate::sql::translate::context::text_order;
use crate::types::Oid;
use crate::wire::PgError;

impl Cx<'_> {
    pub(crate) fn is_null(&self, frag: Frag, not: bool) -> Frag {
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

    #[inline(never)]
    pub(crate) fn distinct_values(&self, not: bool, loose: bool, left: Frag, right: Frag) -> Result<Frag> {
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

    #[inline(never)]
    pub(crate) fn between_values(
        &self,
        not: bool,
        symmetric: bool,
        operand: Frag,
        (low, high): (Frag, Frag),
    ) -> Result<Frag> {
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

    /// A value beside the column of a query; each row of it is compared with.
    #[inline(never)]
    pub(crate) fn beside_query(&self, asked: Asked, value: Frag, query: Frag) -> Result<(Frag, Frag)> {
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
    pub(crate) fn in_list(&self, not: bool, operand: Frag, items: Vec<Frag>) -> Result<Frag> {
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
