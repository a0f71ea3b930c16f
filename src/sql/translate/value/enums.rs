//! Values of enum types: text for IRIS, one of the labels for PostgreSQL.

use std::rc::Rc;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::description::EnumType;
use crate::sql::iris_text;
use crate::sql::named_type::NamedType;
use crate::sql::plan::Bind;
use crate::sql::schema::RelationName;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::scope::Column;
use crate::wire::PgError;

/// `[schema.]name`; `public` and no schema are the same to the gateway.
pub(crate) fn type_named(node: &SyntaxNode) -> RelationName {
    let mut parts = names::parts(node).into_iter().map(|part| names::folded(&part)).rev();
    let name = parts.next().unwrap_or_default();
    RelationName { schema: parts.next().filter(|schema| schema != "public"), name }
}

/// The enum type a column's type names; `None` for every other.
pub(crate) fn enum_of(cx: &Cx<'_>, node: &SyntaxNode) -> Option<EnumType> {
    if node.kind() != SyntaxKind::PATH_TYPE {
        return None;
    }
    cx.enum_type(&type_named(node))
}

/// The domain, composite type or the like that a column's type names, or an array of some type of a user's making.
pub(crate) fn named_type(cx: &Cx<'_>, node: &SyntaxNode) -> Option<NamedType> {
    let is_array = node.kind() == SyntaxKind::ARRAY_TYPE;
    if !is_array && node.kind() != SyntaxKind::PATH_TYPE {
        return None;
    }
    let named = cx.named_type(&type_named(node))?;
    Some(if is_array { NamedType { base: None, is_array, ..named } } else { named })
}

/// The enum type of a column that `node` names.
pub(crate) fn of_column(cx: &Cx<'_>, node: &SyntaxNode) -> Option<Rc<EnumType>> {
    column(cx, node)?.enum_type
}

/// The same for other types of a user's making.
pub(crate) fn named_column(cx: &Cx<'_>, node: &SyntaxNode) -> Option<Rc<NamedType>> {
    column(cx, node)?.named
}

/// Whether it is one that IRIS keeps as text it cannot read.
pub(crate) fn is_opaque(cx: &Cx<'_>, node: &SyntaxNode) -> bool {
    named_column(cx, node).is_some_and(|named| named.base.is_none())
}

/// The column that `node` names.
fn column(cx: &Cx<'_>, node: &SyntaxNode) -> Option<Column> {
    let node = nodes::unwrapped(node);
    if !matches!(node.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
        return None;
    }
    let parts = names::folded_parts(&node);
    match parts.as_slice() {
        [name] => cx.column(None, name),
        [.., relation, name] => cx.column(Some(relation), name),
        [] => None,
    }
}

impl Cx<'_> {
    /// A value of a type of a user's making that IRIS keeps as text PostgreSQL alone can read.
    ///
    /// # Errors
    /// 0A000: PostgreSQL finishes the query.
    pub(crate) fn refuse_named(&self, column: &Column, at: Option<usize>) -> Result<()> {
        let Some(named) = column.named.as_ref().filter(|named| named.base.is_none()) else { return Ok(()) };
        let message = format!("the column \"{}\" of type {} means nothing to IRIS", column.name, named.name);
        let error = PgError::unsupported(message);
        Err(if let Some(at) = at { error.position(nodes::offset(at)) } else { error })
    }
}

/// What sorts as PostgreSQL sorts a value of the type: the place of its label among the labels, and NULL in front of
/// them or behind them.
pub(crate) fn place(value: &Frag, enum_type: &EnumType, null_is_greatest: bool) -> Frag {
    let mut places = String::new();
    for (n, label) in enum_type.labels.iter().enumerate() {
        places.push_str(&format!(" WHEN {} THEN {n}", iris_text::quoted(label)));
    }
    if !value.not_null {
        let null = if null_is_greatest { enum_type.labels.len().to_string() } else { "-1".to_owned() };
        places.push_str(&format!(" ELSE {null}"));
    }
    Frag::cat(&[&"CASE ", value, &places, &" END"], Ty::INT4).sure()
}

/// What compares as PostgreSQL compares values of the type: the place of the label; NULL for NULL.
pub(crate) fn ordered(cx: &Cx<'_>, value: &Frag, enum_type: &EnumType) -> Frag {
    if let Some((_, label)) = value.literal().and_then(|n| cx.read_literal(n))
        && let Some(place) = enum_type.labels.iter().position(|known| known == label)
    {
        return Frag::atom(place.to_string(), Ty::INT4).sure();
    }
    let sure = value.not_null;
    let value = Frag { not_null: true, ..value.clone() };
    Frag { not_null: sure, ..place(&value, enum_type, false) }
}

/// The label at a place, the other way round.
pub(crate) fn label_at(place: &Frag, enum_type: &Rc<EnumType>) -> Frag {
    let mut labels = String::new();
    for (n, label) in enum_type.labels.iter().enumerate() {
        labels.push_str(&format!(" WHEN {n} THEN {}", iris_text::quoted(label)));
    }
    let frag = Frag::cat(&[&"CASE ", place, &labels, &" END"], Ty::TEXT);
    Frag { enum_type: Some(Rc::clone(enum_type)), ..frag }
}

/// Literals are checked here, parameters when they are bound. What an expression or a query makes is not checked: IRIS
/// cannot refuse a value.
pub(crate) fn checked(cx: &Cx<'_>, value: &mut Frag, enum_type: &Rc<EnumType>) -> Result<()> {
    let text = value.text.clone();
    let [mark] = value.marks.as_mut_slice() else { return Ok(()) };
    if text.chars().count() != 1 {
        return Ok(());
    }
    match mark.bind {
        Bind::Parameter(parameter) => {
            mark.bind = Bind::EnumParameter { parameter, enum_type: Rc::clone(enum_type) };
            Ok(())
        }
        Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } => match cx.read_literal(n) {
            Some((_, label)) => enum_type.check(label),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
