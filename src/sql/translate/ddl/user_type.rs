//! Types of a user's making: PostgreSQL reads the words, and what it makes of them the session keeps beside IRIS's tables. Columns
//! tell of their types in their descriptions.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{
    Ddl, accepted, at, cascades, end_of_input, first_name, has_child, mirror_only, need, unsupported,
};
use super::temporary::refuse_unsaid;
use crate::sql::description::EnumType;
use crate::sql::plan::{EnumChange, EnumSide, TypeAction, TypeCommand};
use crate::sql::schema::RelationName;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::sql::translate::value::enums::type_named;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// `NAMEDATALEN` - 1: labels are names.
const LABEL_BYTES_MAX: usize = 63;

pub(super) fn is_enum(stmt: &SyntaxNode) -> bool {
    has_child(stmt, SyntaxKind::ENUM_TYPE)
}

/// A column made earlier keeps the labels it was made with in its description.
pub(super) fn is_supported(cx: &Cx<'_>, stmt: &SyntaxNode) -> bool {
    stmt.children().any(|child| match child.kind() {
        SyntaxKind::ADD_VALUE | SyntaxKind::RENAME_VALUE | SyntaxKind::TYPE_RENAME_TO => true,
        SyntaxKind::ALTER_TYPE_ATTRIBUTE_ACTION_LIST
        | SyntaxKind::RENAME_ATTRIBUTE
        | SyntaxKind::SET_SCHEMA
        | SyntaxKind::OWNER_TO => cx.options.has_sequences,
        _ => false,
    })
}

/// The types that a statement names, as PostgreSQL reads names.
fn named(cx: &Cx<'_>, node: &SyntaxNode) -> String {
    let mut parts = names::folded_parts(node);
    let name = quoted_name(&parts.pop().unwrap_or_default());
    match parts.pop() {
        Some(schema) if schema.eq_ignore_ascii_case(cx.options.default_schema) => format!("public.{name}"),
        Some(schema) => format!("{}.{name}", quoted_name(&schema)),
        None => name,
    }
}

/// Kept where there is a place for it.
fn kept(cx: &Cx<'_>, ddl: Ddl, names: Vec<String>, action: TypeAction) -> Ddl {
    let type_command = cx.options.has_sequences.then_some(TypeCommand { names, action });
    Ddl { type_command, ..ddl }
}

/// Composite types and ranges.
pub(super) fn create_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if !has_child(stmt, SyntaxKind::COMPOSITE_TYPE) && !has_child(stmt, SyntaxKind::RANGE_TYPE) {
        return Err(unsupported(stmt, "CREATE TYPE of base types is not supported: these are functions in C"));
    }
    created(cx, stmt, "CREATE TYPE", "types")
}

pub(super) fn create_domain(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    created(cx, stmt, "CREATE DOMAIN", "domains")
}

fn created(cx: &Cx<'_>, stmt: &SyntaxNode, tag: &str, what: &str) -> Result<Ddl> {
    let Some(name) = stmt.children().next() else { return Err(end_of_input(stmt)) };
    refuse_unsaid(cx, &name, what)?;
    let ddl = mirror_only(tag).mirrored_as_written(cx, stmt, &[]);
    Ok(kept(cx, ddl, vec![named(cx, &name)], TypeAction::Create))
}

pub(super) fn alter_domain(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let mut children = stmt.children();
    let (Some(name), Some(action)) = (children.next(), children.next()) else { return Err(end_of_input(stmt)) };
    let is_not_valid = || action.descendants().any(|node| node.kind() == SyntaxKind::NOT_VALID);
    let change = match action.kind() {
        SyntaxKind::OWNER_TO => return Ok(accepted("ALTER DOMAIN")),
        SyntaxKind::SET_NOT_NULL => TypeAction::NotNull,
        SyntaxKind::ADD_CONSTRAINT if has_child(&action, SyntaxKind::NOT_NULL_CONSTRAINT) => TypeAction::NotNull,
        SyntaxKind::ADD_CONSTRAINT if !is_not_valid() => {
            let expression = nodes::child(&action, SyntaxKind::CHECK_CONSTRAINT);
            let expression = expression
                .and_then(|check| check.children().find(|child| child.kind() != SyntaxKind::CONSTRAINT_NAME_CLAUSE));
            let Some(expression) = expression else { return Err(end_of_input(stmt)) };
            TypeAction::Check(mirror::requalified(&expression, cx.options.default_schema))
        }
        SyntaxKind::VALIDATE_CONSTRAINT => {
            let constraint = first_name(&need(&action, SyntaxKind::CONSTRAINT_NAME_REF)?)?;
            TypeAction::Validate(names::folded(&constraint))
        }
        SyntaxKind::DOMAIN_RENAME_TO | SyntaxKind::SET_SCHEMA => TypeAction::Rename,
        _ => TypeAction::Alter,
    };
    let ddl = mirror_only("ALTER DOMAIN").mirrored_as_written(cx, stmt, &[]);
    Ok(kept(cx, ddl, vec![named(cx, &name)], change))
}

pub(super) fn create_enum(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if let Some(name) = stmt.children().next() {
        refuse_unsaid(cx, &name, "types")?;
    }
    let RelationName { schema, name } = stmt.children().next().map(|node| type_named(&node)).unwrap_or_default();
    let created = EnumType { schema, name, labels: labels(cx, stmt)? };
    let ddl = changing(mirror_only("CREATE TYPE").mirrored_as_written(cx, stmt, &[]), EnumChange::Create(created));
    let names = stmt.children().next().map(|node| named(cx, &node)).into_iter().collect();
    Ok(kept(cx, ddl, names, TypeAction::Create))
}

pub(super) fn alter_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let mut children = stmt.children();
    let (Some(node), Some(action)) = (children.next(), children.next()) else { return Err(end_of_input(stmt)) };
    if action.kind() == SyntaxKind::OWNER_TO {
        return Ok(accepted("ALTER TYPE"));
    }
    let name = type_named(&node);
    if action.kind() == SyntaxKind::SET_SCHEMA && cx.enum_type(&name).is_some() {
        return Err(unsupported(
            &action,
            "an enum type keeps its schema: IRIS keeps the name of its type with each column",
        )
        .hint("Make the type anew in the other schema."));
    }
    let renames = matches!(action.kind(), SyntaxKind::TYPE_RENAME_TO | SyntaxKind::SET_SCHEMA);
    let change = match action.kind() {
        SyntaxKind::ALTER_TYPE_ATTRIBUTE_ACTION_LIST => TypeAction::Attributes,
        SyntaxKind::RENAME_VALUE => TypeAction::RenameLabel,
        _ if renames => TypeAction::Rename,
        _ => TypeAction::Alter,
    };
    let ddl = mirror_only("ALTER TYPE").mirrored_as_written(cx, stmt, &[]);
    let ddl = kept(cx, ddl, vec![named(cx, &node)], change);
    let strings: Vec<String> = action
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::LITERAL)
        .filter_map(|node| cx.constant(&node).map(|(_, text)| text.to_owned()))
        .collect();
    let has_word = |kind: SyntaxKind| action.descendants_with_tokens().any(|element| element.kind() == kind);
    let change = match (action.kind(), strings.as_slice()) {
        (SyntaxKind::ADD_VALUE, [label]) => EnumChange::AddValue { name, label: label.clone(), neighbor: None },
        (SyntaxKind::ADD_VALUE, [label, other]) => {
            let side = if has_word(SyntaxKind::BEFORE_KW) { EnumSide::Before } else { EnumSide::After };
            EnumChange::AddValue { name, label: label.clone(), neighbor: Some((side, other.clone())) }
        }
        (SyntaxKind::RENAME_VALUE, [from, to]) => EnumChange::RenameValue { name, from: from.clone(), to: to.clone() },
        (SyntaxKind::TYPE_RENAME_TO, _) => {
            let to = names::parts(&action).pop().map(|to| names::folded(&to)).unwrap_or_default();
            EnumChange::Rename { name, to }
        }
        _ => return Ok(ddl),
    };
    Ok(changing(ddl, change))
}

pub(super) fn drop_type(cx: &Cx<'_>, stmt: &SyntaxNode, tag: &str) -> Ddl {
    let dropped: Vec<SyntaxNode> = stmt
        .children()
        .filter(|node| !matches!(node.kind(), SyntaxKind::IF_EXISTS | SyntaxKind::CASCADE | SyntaxKind::RESTRICT))
        .collect();
    let enums = dropped.iter().map(type_named).collect();
    let ddl = changing(mirror_only(tag).mirrored_as_written(cx, stmt, &[]), EnumChange::Drop(enums));
    let names = dropped.iter().map(|node| named(cx, node)).collect();
    kept(cx, ddl, names, TypeAction::Drop { cascades: cascades(stmt) })
}

fn changing(ddl: Ddl, change: EnumChange) -> Ddl {
    Ddl { enum_change: Some(change), ..ddl }
}

fn labels(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Vec<String>> {
    let list = need(&need(stmt, SyntaxKind::ENUM_TYPE)?, SyntaxKind::VARIANT_LIST)?;
    let mut labels: Vec<String> = Vec::new();
    for variant in nodes::children(&list, SyntaxKind::VARIANT) {
        let literal = variant.descendants().find(|node| node.kind() == SyntaxKind::LITERAL).unwrap_or(variant);
        let at = nodes::offset(at(&literal));
        let Some((_, label)) = cx.literal_of(&literal).and_then(|n| cx.read_literal(n)) else {
            return Err(PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a label is missing").position(at));
        };
        if label.len() > LABEL_BYTES_MAX {
            return Err(PgError::error(SqlState(*b"42602"), format!("invalid enum label \"{label}\""))
                .detail("Labels must be 63 bytes or less.")
                .position(at));
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}
