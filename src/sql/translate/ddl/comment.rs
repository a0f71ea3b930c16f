//! COMMENT ON.

use squawk_syntax::SyntaxNode;

use super::{Ddl, mirror_only, warn_not_kept};
use crate::sql::translate::cx::Cx;
use crate::wire::Severity;

/// IRIS takes a description only with the object's definition, so a comment lives in the mirror, which also knows
/// whether there is such an object. It names no relation: a comment is no reason to leave a table as it is.
pub(super) fn comment_on(cx: &Cx<'_>, stmt: &SyntaxNode) -> Ddl {
    warn_not_kept(cx, Severity::Notice, "the comment is not kept in IRIS");
    mirror_only("COMMENT").mirrored_as_written(cx, stmt, &[])
}
