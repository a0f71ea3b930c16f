//! What becomes of a column's values when its type changes.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::types::{ColumnType, column_type, type_node};
use crate::sql::schema::ColumnFacts;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::Ty;
use crate::types::Oid;

/// Whether the column is what it was when its type is set as `option` says and then set back.
pub(super) fn comes_back(cx: &Cx<'_>, column: &ColumnFacts, option: &SyntaxNode) -> Result<bool> {
    let Some(node) = type_node(option) else { return Ok(true) };
    let to = column_type(cx, &node)?;
    let (from, oid) = (column.pg_type.oid, to.pg_type.oid);
    if Ty::of(from).is_number() || Ty::of(oid).is_number() {
        // Digits that are cut off do not come back, nor do whole numbers of what may have a point.
        return Ok(Ty::of(from).is_integer() && Ty::of(oid).is_integer());
    }
    let changed = ColumnFacts { pg_type: to.pg_type, enum_type: to.enum_type.clone().map(Rc::new), ..column.clone() };
    let back = ColumnType { pg_type: column.pg_type, enum_type: column.enum_type.as_deref().cloned(), ..to };
    Ok(!changes_values(&changed, &back))
}

/// Whether the values that a column has are other ones in IRIS when they are of another type: IRIS would keep their text
/// as it is, or make the text that is its own.
pub(super) fn changes_values(column: &ColumnFacts, to: &ColumnType) -> bool {
    let (from, oid) = (column.pg_type.oid, to.pg_type.oid);
    let is_number = |oid| Ty::of(oid).is_number();
    let is_plain_text = |oid| matches!(oid, Oid::TEXT | Oid::VARCHAR);
    if from == oid {
        // Bits are filled up, elements and moments rounded.
        let is_kept = is_number(oid) || is_plain_text(oid) || oid == Oid::BPCHAR || oid == Oid::VECTOR;
        return column.enum_type.as_deref() != to.enum_type.as_ref() && to.enum_type.is_some()
            || !is_kept && column.pg_type.typmod != to.pg_type.typmod && to.pg_type.typmod >= 0;
    }
    match (from, oid) {
        _ if to.enum_type.is_some() => true,
        (Oid::JSONB, Oid::JSON) | (Oid::CIDR, Oid::INET) | (Oid::FLOAT4, Oid::FLOAT8) => false,
        (_, Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC | Oid::FLOAT8) => !Ty::of(from).is_integer(),
        (Oid::DATE, Oid::TIMESTAMP) => false,
        (_, Oid::TEXT | Oid::VARCHAR) => {
            !(is_plain_text(from) || Ty::of(from).is_integer() || matches!(from, Oid::BPCHAR | Oid::UUID | Oid::NAME))
        }
        _ => true,
    }
}

/// `c`, `c::type` or `CAST(c AS type)`, where `c` is the column itself.
pub(super) fn is_plain_cast(using: &SyntaxNode, typed: &str) -> bool {
    let Some(expr) = using.first_child() else { return false };
    let mut expr = nodes::unwrapped(&expr);
    while expr.kind() == SyntaxKind::CAST_EXPR {
        match expr.first_child() {
            Some(operand) => expr = nodes::unwrapped(&operand),
            None => return false,
        }
    }
    expr.kind() == SyntaxKind::NAME_REF
        && names::first(&expr).is_some_and(|name| names::folded(&name) == names::folded(typed))
}
