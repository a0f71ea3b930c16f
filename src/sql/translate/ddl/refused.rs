//! Definitions of what IRIS, or its SQL, does not have.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, accepted, at, has_child, skipping, unsupported};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::wire::{PgError, SqlState};

pub(super) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Ddl>> {
    let kind = format!("{:?}", stmt.kind());
    let (verb, what) = match kind.split_once('_') {
        Some((verb @ ("CREATE" | "ALTER" | "DROP"), what)) => (verb, what.replace('_', " ")),
        _ => return Ok(None),
    };
    match stmt.kind() {
        // Ownership is IRIS's own affair.
        SyntaxKind::ALTER_VIEW | SyntaxKind::ALTER_SCHEMA if has_child(stmt, SyntaxKind::OWNER_TO) => {
            Ok(Some(accepted(&format!("{verb} {what}"))))
        }
        _ if verb == "DROP" => drop(cx, stmt, &what).map(Some),
        kind => {
            let error = unsupported(stmt, format!("{verb} {what} is not supported{}", reason(kind)));
            Err(match hint(kind) {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
    }
}

/// What cannot be made is not there to be dropped.
fn drop(cx: &Cx<'_>, stmt: &SyntaxNode, what: &str) -> Result<Ddl> {
    let noun = match stmt.kind() {
        SyntaxKind::DROP_TYPE => "type",
        SyntaxKind::DROP_DOMAIN => "type",
        SyntaxKind::DROP_FUNCTION => "function",
        SyntaxKind::DROP_PROCEDURE => "procedure",
        SyntaxKind::DROP_ROUTINE => "routine",
        SyntaxKind::DROP_AGGREGATE => "aggregate",
        SyntaxKind::DROP_SEQUENCE => "sequence",
        SyntaxKind::DROP_TRIGGER => "trigger",
        SyntaxKind::DROP_POLICY => "policy",
        SyntaxKind::DROP_RULE => "rule",
        SyntaxKind::DROP_STATISTICS => "statistics object",
        SyntaxKind::DROP_COLLATION => "collation",
        SyntaxKind::DROP_FOREIGN_TABLE => "foreign table",
        kind => return Err(unsupported(stmt, format!("DROP {what} is not supported{}", reason(kind)))),
    };
    let named = |node: &SyntaxNode| {
        !matches!(
            node.kind(),
            SyntaxKind::IF_EXISTS
                | SyntaxKind::CASCADE
                | SyntaxKind::RESTRICT
                | SyntaxKind::ON_TABLE
                | SyntaxKind::ON_RELATION
        )
    };
    let code = match stmt.kind() {
        SyntaxKind::DROP_FUNCTION | SyntaxKind::DROP_PROCEDURE | SyntaxKind::DROP_ROUTINE => {
            SqlState::UNDEFINED_FUNCTION
        }
        SyntaxKind::DROP_SEQUENCE => SqlState::UNDEFINED_TABLE,
        _ => SqlState::UNDEFINED_OBJECT,
    };
    for object in stmt.children().filter(named) {
        let path = object.descendants().find(|node| node.kind() == SyntaxKind::PATH_REF).unwrap_or(object);
        let name = names::parts(&path).pop().map(|name| names::folded(&name)).unwrap_or_default();
        let message = format!("{noun} \"{name}\" does not exist");
        if !has_child(stmt, SyntaxKind::IF_EXISTS) {
            return Err(PgError::error(code, message).position(nodes::offset(at(&path))));
        }
        skipping(cx, &message);
    }
    Ok(accepted(&format!("DROP {what}")))
}

fn reason(kind: SyntaxKind) -> &'static str {
    match kind {
        SyntaxKind::CREATE_TYPE | SyntaxKind::ALTER_TYPE | SyntaxKind::CREATE_DOMAIN | SyntaxKind::ALTER_DOMAIN => {
            ": IRIS SQL has no types of a user's making"
        }
        SyntaxKind::CREATE_FUNCTION
        | SyntaxKind::CREATE_PROCEDURE
        | SyntaxKind::CREATE_AGGREGATE
        | SyntaxKind::ALTER_FUNCTION
        | SyntaxKind::ALTER_PROCEDURE
        | SyntaxKind::ALTER_ROUTINE
        | SyntaxKind::ALTER_AGGREGATE
        | SyntaxKind::CREATE_TRIGGER
        | SyntaxKind::ALTER_TRIGGER
        | SyntaxKind::CREATE_EVENT_TRIGGER => ": IRIS runs neither PL/pgSQL nor the other languages of PostgreSQL",
        SyntaxKind::CREATE_SEQUENCE | SyntaxKind::ALTER_SEQUENCE => ": IRIS SQL has no sequences",
        SyntaxKind::CREATE_POLICY | SyntaxKind::ALTER_POLICY => ": IRIS SQL has no row level security policies",
        SyntaxKind::CREATE_RULE | SyntaxKind::ALTER_RULE => ": IRIS SQL has no rewrite rules",
        SyntaxKind::ALTER_INDEX => ": IRIS cannot change an index",
        SyntaxKind::ALTER_VIEW => ": IRIS can only replace a view",
        SyntaxKind::CREATE_DATABASE | SyntaxKind::ALTER_DATABASE | SyntaxKind::DROP_DATABASE => {
            ": a database is a namespace of IRIS"
        }
        SyntaxKind::CREATE_ROLE
        | SyntaxKind::CREATE_USER
        | SyntaxKind::CREATE_GROUP
        | SyntaxKind::ALTER_ROLE
        | SyntaxKind::ALTER_USER
        | SyntaxKind::ALTER_GROUP
        | SyntaxKind::DROP_ROLE
        | SyntaxKind::DROP_USER
        | SyntaxKind::DROP_GROUP => ": the users of the gateway are in its user file",
        _ => " by IRIS",
    }
}

fn hint(kind: SyntaxKind) -> Option<&'static str> {
    Some(match kind {
        SyntaxKind::CREATE_TYPE | SyntaxKind::CREATE_DOMAIN => {
            "Declare the columns with a built-in type: text or varchar(n) for an enum."
        }
        SyntaxKind::CREATE_FUNCTION | SyntaxKind::CREATE_PROCEDURE | SyntaxKind::CREATE_TRIGGER => {
            "Make it in IRIS, in ObjectScript, Python or SQL."
        }
        SyntaxKind::CREATE_SEQUENCE => "Declare the column serial, bigserial or GENERATED BY DEFAULT AS IDENTITY.",
        SyntaxKind::ALTER_MATERIALIZED_VIEW => "Drop it, and create it anew.",
        SyntaxKind::CREATE_POLICY => "Use privileges and views, or the row-level security of IRIS classes.",
        SyntaxKind::ALTER_INDEX => "Drop the index and create it under the new name.",
        SyntaxKind::ALTER_VIEW => "Use CREATE OR REPLACE VIEW.",
        SyntaxKind::CREATE_DATABASE => "An administrator of IRIS makes namespaces.",
        _ => return None,
    })
}

/// Of an action of ALTER TABLE.
pub(super) fn alteration(action: &SyntaxNode) -> Box<PgError> {
    match action.kind() {
        SyntaxKind::ENABLE_RLS | SyntaxKind::DISABLE_RLS | SyntaxKind::FORCE_RLS | SyntaxKind::NO_FORCE_RLS => {
            unsupported(action, "row level security is not supported by IRIS SQL")
                .hint("Use privileges and views, or the row-level security of IRIS classes.")
        }
        SyntaxKind::INHERIT_TABLE | SyntaxKind::NO_INHERIT_TABLE => {
            unsupported(action, "table inheritance is not supported by IRIS")
        }
        SyntaxKind::ATTACH_PARTITION
        | SyntaxKind::DETACH_PARTITION
        | SyntaxKind::MERGE_PARTITIONS
        | SyntaxKind::SPLIT_PARTITION => unsupported(action, "partitioned tables are not supported by IRIS"),
        SyntaxKind::SET_SCHEMA => unsupported(action, "IRIS cannot move a table to another schema")
            .hint("Make the table anew in the other schema and copy its rows."),
        SyntaxKind::RENAME_CONSTRAINT => unsupported(action, "IRIS cannot rename a constraint")
            .hint("Drop the constraint and add it under the new name."),
        _ => {
            let text = nodes::plain_text(action).to_uppercase();
            unsupported(action, format!("ALTER TABLE .. {text} is not supported by IRIS"))
        }
    }
}
