//! COMMENT ON.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{Ddl, has_child, mirror_only, warn_not_kept};
use crate::sql::options::SideTable;
use crate::sql::translate::cx::Cx;
use crate::wire::Severity;

/// Objects whose comments go into a side table, as `catalog::CommentTarget` knows them.
const KEPT: &[SyntaxKind] = &[
    SyntaxKind::OBJECT_COLUMN,
    SyntaxKind::OBJECT_DOMAIN,
    SyntaxKind::OBJECT_INDEX,
    SyntaxKind::OBJECT_MATERIALIZED_VIEW,
    SyntaxKind::OBJECT_SCHEMA,
    SyntaxKind::OBJECT_SEQUENCE,
    SyntaxKind::OBJECT_TABLE,
    SyntaxKind::OBJECT_TYPE,
    SyntaxKind::OBJECT_VIEW,
];

/// IRIS takes a description only with the object's definition, so a comment lives in the mirror, which also knows
/// whether there is such an object; the mirror's keeper carries it into the side table. It names no relation: a comment
/// is no reason to leave a table as it is.
pub(super) fn comment_on(cx: &Cx<'_>, stmt: &SyntaxNode) -> Ddl {
    let is_usable = cx.options.side_table.is_some_and(SideTable::is_usable);
    let is_kept = |object: SyntaxNode| match object.kind() {
        SyntaxKind::OBJECT_CONSTRAINT => !has_child(&object, SyntaxKind::DOMAIN_REF),
        kind => KEPT.contains(&kind),
    };
    if !(is_usable && stmt.children().any(is_kept)) {
        warn_not_kept(cx, Severity::Notice, "the comment is not kept in IRIS");
    }
    mirror_only("COMMENT").mirrored_as_written(cx, stmt, &[])
}
