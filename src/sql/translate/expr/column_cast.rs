//! Casts that stand alone as a column of the outermost select list: IRIS sends the plain value, and the gateway prints
//! or reads it with its own coders. IRIS's casts have other texts, and take any text for a number.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::aggregate_calls::has_aggregate;
use super::casts::type_name;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, arguments, is_type, unwrapped};
use crate::sql::syntax::tree::{self, Expr};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, MARK, Ty, as_value};
use crate::sql::translate::value::enums;
use crate::types::{Oid, PgType};

/// Which casts of a select list may be left to the gateway: IRIS then sorts, groups and tells apart the plain values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnCasts {
    None,
    All,
    /// Where groups are made: casts that keep values apart, and those of aggregates.
    Grouped,
    /// Under DISTINCT: casts that keep values apart.
    Distinct,
}

impl ColumnCasts {
    /// What a SELECT allows.
    pub(crate) fn of(select: &SyntaxNode) -> Self {
        let distinct = nodes::child(select, SyntaxKind::SELECT_CLAUSE)
            .and_then(|clause| nodes::child(&clause, SyntaxKind::DISTINCT_CLAUSE));
        if let Some(distinct) = distinct {
            let is_on = nodes::child(&distinct, SyntaxKind::DISTINCT_ON).is_some();
            return if is_on || has_cast_key(select) { Self::None } else { Self::Distinct };
        }
        match nodes::child(select, SyntaxKind::GROUP_BY_CLAUSE) {
            Some(_) if has_cast_key(select) => Self::None,
            Some(_) => Self::Grouped,
            None => Self::All,
        }
    }
}

/// Whether GROUP BY, or the ORDER BY of a SELECT DISTINCT, repeats a cast: it must be the select list's text then.
fn has_cast_key(select: &SyntaxNode) -> bool {
    select
        .children()
        .filter(|clause| matches!(clause.kind(), SyntaxKind::GROUP_BY_CLAUSE | SyntaxKind::ORDER_BY_CLAUSE))
        .any(|clause| {
            clause.descendants().any(|node| matches!(node.kind(), SyntaxKind::CAST_EXPR | SyntaxKind::COLON_COLON))
        })
}

impl Cx<'_> {
    /// The operand of a cast that the gateway carries out, and the type it is cast to.
    #[inline(never)]
    pub(crate) fn column_cast(&self, value: &SyntaxNode, casts: ColumnCasts) -> Result<Option<(Frag, PgType)>> {
        if casts == ColumnCasts::None {
            return Ok(None);
        }
        let Some((operand, to, node)) = self.cast_parts(&unwrapped(value))? else { return Ok(None) };
        if matches!(&operand, Expr::Atom(node) if enums::is_opaque(self, node)) {
            return Ok(None);
        }
        let is_computed = !matches!(&operand, Expr::Atom(node) if matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR));
        let operand = as_value(self.strict(|| self.emit(&operand))?);
        let Ty::Known(from) = operand.ty else { return Ok(None) };
        // The text would have the digits that IRIS computes.
        if is_computed && is_text(to.oid) && from == PgType::new(Oid::NUMERIC) {
            return Ok(None);
        }
        self.check_finished(&operand)?;
        // A constant or parameter alone has no type in IRIS.
        if operand.is_null() || operand.text.chars().eq([MARK]) || !is_gateways(from, to) {
            return Ok(None);
        }
        let allowed = match casts {
            ColumnCasts::None => false,
            ColumnCasts::All => true,
            ColumnCasts::Grouped => keeps_apart(from, to) || has_aggregate(&node),
            ColumnCasts::Distinct => keeps_apart(from, to),
        };
        Ok(allowed.then_some((operand, to)))
    }

    /// Operand and type of `x::t`, `CAST(x AS t)`, and of `round(x::numeric, n)`, whose type shows n digits; and the
    /// node with all of it.
    #[inline(never)]
    fn cast_parts(&self, value: &SyntaxNode) -> Result<Option<(Expr, PgType, SyntaxNode)>> {
        let found = match tree::read(value)? {
            Expr::Cast { operand, to } => Some((*operand, to)),
            Expr::Atom(node) if node.kind() == SyntaxKind::CAST_EXPR => {
                let to = node.children().find(|child| is_type(child.kind()));
                let operand = node.children().find(|child| !is_type(child.kind()));
                match (operand, to) {
                    (Some(operand), Some(to)) => Some((tree::read(&operand)?, to)),
                    _ => None,
                }
            }
            Expr::Atom(node) if node.kind() == SyntaxKind::CALL_EXPR => return self.rounded_parts(&node),
            _ => None,
        };
        Ok(found.and_then(|(operand, to)| Some((operand, type_name(self, &to).resolve().ok()?, value.clone()))))
    }

    fn rounded_parts(&self, call: &SyntaxNode) -> Result<Option<(Expr, PgType, SyntaxNode)>> {
        let name = call.first_child().map(|name| names::parts(&name)).unwrap_or_default();
        let nodes = arguments(call);
        let ([name], [value, digits]) = (name.as_slice(), nodes.as_slice()) else { return Ok(None) };
        if !name.eq_ignore_ascii_case("round") || call.children().count() != 2 {
            return Ok(None);
        }
        let Some((operand, to, _)) = self.cast_parts(&unwrapped(value))? else { return Ok(None) };
        let is_double = matches!(self.emit(&operand)?.ty.oid(), Some(Oid::FLOAT4 | Oid::FLOAT8));
        if to != PgType::new(Oid::NUMERIC) || !is_double {
            return Ok(None);
        }
        let digits = self.constant_integer(digits).and_then(|digits| i32::try_from(digits).ok());
        let digits = digits.filter(|digits| (0..=100).contains(digits));
        Ok(digits.map(|digits| (operand, PgType::numeric_shown(digits), call.clone())))
    }

    /// Whether values sort as what the gateway casts them to does.
    pub(crate) fn sorts_alike(&self, from: Ty, to: PgType) -> bool {
        let Ty::Known(from) = from else { return false };
        let is_text = is_text(to.oid) && to.typmod < 0;
        match from.oid {
            Oid::BOOL | Oid::UUID => is_text,
            Oid::DATE | Oid::TIMESTAMP => is_text && !self.template.is_dated,
            Oid::TIMESTAMPTZ => is_text && !self.template.is_dated && !self.template.is_zoned,
            Oid::INT2 | Oid::INT4 | Oid::INT8 => Ty::Known(to).is_number(),
            _ => false,
        }
    }
}

fn is_text(oid: Oid) -> bool {
    matches!(oid, Oid::TEXT | Oid::VARCHAR)
}

/// The casts that the gateway carries out as PostgreSQL does (`Encoder::select_cast`).
fn is_gateways(from: PgType, to: PgType) -> bool {
    let (source, target) = (Ty::Known(from), Ty::Known(to));
    if is_text(to.oid) {
        // inet and cidr are cast to another text than they print; json and text are text already.
        return !source.is_string() && !matches!(from.oid, Oid(869 | 650 | 2249) | Oid::JSON | Oid::JSONB);
    }
    if from.oid == Oid::BPCHAR && matches!(to.oid, Oid::BYTEA | Oid::JSON) {
        return false;
    }
    if source.is_string() {
        return matches!(
            to.oid,
            Oid::BOOL
                | Oid::INT2
                | Oid::INT4
                | Oid::INT8
                | Oid::NUMERIC
                | Oid::FLOAT4
                | Oid::FLOAT8
                | Oid::UUID
                | Oid::DATE
                | Oid::TIME
                | Oid::TIMESTAMP
                | Oid::TIMESTAMPTZ
                | Oid::BYTEA
                | Oid::JSON
                | Oid::VECTOR
        );
    }
    let is_rounded = matches!(to.oid, Oid::TIME | Oid::TIMESTAMP | Oid::TIMESTAMPTZ) && from.oid == to.oid;
    if is_rounded && to.typmod >= 0 {
        return true;
    }
    // numeric without a limit is the number as it is; a double is not.
    let is_same = to == PgType::new(Oid::NUMERIC) && !matches!(from.oid, Oid::FLOAT4 | Oid::FLOAT8);
    source.is_number() && target.is_number() && from != to && !is_same
}

/// Whether different values stay different.
fn keeps_apart(from: PgType, to: PgType) -> bool {
    let limited = matches!(to.oid, Oid::TEXT | Oid::VARCHAR) && to.typmod >= 0;
    match from.oid {
        Oid::BOOL
        | Oid::UUID
        | Oid::DATE
        | Oid::TIME
        | Oid::TIMESTAMP
        | Oid::TIMESTAMPTZ
        | Oid::FLOAT4
        | Oid::FLOAT8 => is_text(to.oid) && !limited,
        Oid::INT2 | Oid::INT4 | Oid::INT8 => !limited && (is_text(to.oid) || Ty::Known(to).is_integer()),
        Oid::NUMERIC => is_text(to.oid) && !limited && from.typmod >= 0,
        _ => false,
    }
}
