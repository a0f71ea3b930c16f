//! Types of a user's making: enums, which live in the mirror, and in the descriptions of the columns that have them.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, at, has_child, mirror_only, need};
use super::temporary::refuse_unsaid;
use crate::sql::description::EnumType;
use crate::sql::plan::{EnumChange, EnumSide};
use crate::sql::schema::RelationName;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::value::enums::type_named;
use crate::wire::{PgError, SqlState};

/// `NAMEDATALEN` - 1: labels are names.
const LABEL_BYTES_MAX: usize = 63;

pub(super) fn is_enum(stmt: &SyntaxNode) -> bool {
    has_child(stmt, SyntaxKind::ENUM_TYPE)
}

/// ADD VALUE, RENAME VALUE and RENAME TO; a column made earlier keeps the labels it was made with in its description.
pub(super) fn is_supported(stmt: &SyntaxNode) -> bool {
    stmt.children().any(|child| {
        matches!(child.kind(), SyntaxKind::ADD_VALUE | SyntaxKind::RENAME_VALUE | SyntaxKind::TYPE_RENAME_TO)
    })
}

pub(super) fn create_enum(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if let Some(name) = stmt.children().next() {
        refuse_unsaid(cx, &name, "types")?;
    }
    let RelationName { schema, name } = stmt.children().next().map(|node| type_named(&node)).unwrap_or_default();
    let created = EnumType { schema, name, labels: labels(cx, stmt)? };
    Ok(changing(mirror_only("CREATE TYPE").mirrored_as_written(cx, stmt, &[]), EnumChange::Create(created)))
}

pub(super) fn alter_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let name = stmt.children().next().map(|node| type_named(&node)).unwrap_or_default();
    let ddl = mirror_only("ALTER TYPE").mirrored_as_written(cx, stmt, &[]);
    let Some(action) = stmt.children().nth(1) else { return Ok(ddl) };
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

pub(super) fn drop_type(cx: &Cx<'_>, stmt: &SyntaxNode) -> Ddl {
    let dropped = stmt
        .children()
        .filter(|node| !matches!(node.kind(), SyntaxKind::IF_EXISTS | SyntaxKind::CASCADE | SyntaxKind::RESTRICT))
        .map(|node| type_named(&node))
        .collect();
    changing(mirror_only("DROP TYPE").mirrored_as_written(cx, stmt, &[]), EnumChange::Drop(dropped))
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
