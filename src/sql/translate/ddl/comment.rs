//! COMMENT ON.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, has_child, mirror_only, warn_not_kept};
use crate::sql::options::{SideTable, is_temporary_schema};
use crate::sql::syntax::names;
use crate::sql::translate::context::cx::Cx;
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
    let names = stmt.children().flat_map(|object| names::folded_parts(&object)).collect::<Vec<_>>();
    if names.iter().any(|name| cx.temporary_schema(name).is_some() || is_temporary_schema(name)) {
        cx.is_of_session.set(true);
    }
    mirror_only("COMMENT").mirrored_as_written(cx, stmt, &[])
}

#[cfg(test)]
mod tests {
    use super::super::tests::ddl_beside;
    use super::*;

    #[test]
    fn comments_are_kept_in_a_side_table_that_can_be_used() {
        const NOTICE: &str = "COMMENT: mirror | 00000 the comment is not kept in IRIS";
        let table = SideTable::new("pgwire", "comments");
        for object in
            ["TABLE t", "COLUMN t.a", "VIEW v", "INDEX i", "CONSTRAINT c ON t", "SCHEMA s", "TYPE m", "SEQUENCE q"]
        {
            let sql = format!("COMMENT ON {object} IS 'x'");
            assert_eq!(ddl_beside(&sql, Some(&table)), "COMMENT: mirror", "{sql}");
            assert_eq!(ddl_beside(&sql, None), NOTICE, "{sql}");
        }
        for object in ["EXTENSION vector", "CONSTRAINT c ON DOMAIN d", "ROLE r", "DATABASE d"] {
            let sql = format!("COMMENT ON {object} IS 'x'");
            assert_eq!(ddl_beside(&sql, Some(&table)), NOTICE, "{sql}");
        }
        assert!(table.set_usable(false) && !table.set_usable(false));
        assert_eq!(ddl_beside("COMMENT ON TABLE t IS 'x'", Some(&table)), NOTICE);
    }

    #[test]
    fn a_side_table_is_out_of_reach() {
        let table = SideTable::new("PgWire", "comments");
        for sql in [
            "DROP TABLE pgwire.comments",
            "DROP TABLE IF EXISTS pgwire.\"Comments\"",
            "CREATE TABLE pgwire.comments (a int)",
            "ALTER TABLE pgwire.comments ADD COLUMN a int",
            "TRUNCATE pgwire.comments",
            "CREATE INDEX i ON pgwire.comments (object_name)",
        ] {
            let text = ddl_beside(sql, Some(&table));
            assert!(text.to_lowercase().starts_with("42501 permission denied for table comments"), "{sql}: {text}");
        }
        assert!(ddl_beside("DROP TABLE comments", Some(&table)).starts_with("DROP TABLE:"));
    }
}
