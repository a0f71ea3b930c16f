//! Schemas and extensions.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::{Ddl, accepted, cascades, ddl, defined, first_name, has_child, need, notice, skipping, step, unsupported};
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::names;
use crate::wire::{PgError, SqlState};

/// What the gateway does by itself, so that a script which asks for it may go on.
const EXTENSIONS: [&str; 2] = ["vector", "plpgsql"];

pub(super) fn create_schema(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let Some(target) = cx::child(stmt, SyntaxKind::NAMED_SCHEMA) else {
        return Err(unsupported(stmt, "CREATE SCHEMA needs a name: IRIS has no schemas of a role"));
    };
    let inside = |child: &SyntaxNode| !matches!(child.kind(), SyntaxKind::NAMED_SCHEMA | SyntaxKind::IF_NOT_EXISTS);
    if let Some(element) = stmt.children().find(inside) {
        return Err(unsupported(&element, "CREATE SCHEMA with objects in it is not supported")
            .hint("Send each definition as a statement of its own."));
    }
    let typed = first_name(&need(&target, SyntaxKind::SCHEMA)?)?;
    let name = names::folded(&typed);
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    if name.starts_with("pg_") {
        return Err(PgError::error(SqlState(*b"42939"), format!("unacceptable schema name \"{name}\""))
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    if name == "public" && if_not_exists {
        notice(cx, SqlState(*b"42P06"), "schema \"public\" already exists, skipping");
        return Ok(accepted("CREATE SCHEMA"));
    }
    let clause = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let text = format!("CREATE SCHEMA {clause}{}", iris_schema(cx, &typed)?);
    Ok(ddl("CREATE SCHEMA", vec![step(cx, text)]))
}

pub(super) fn drop_schema(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let clause = if has_child(stmt, SyntaxKind::IF_EXISTS) { "IF EXISTS " } else { "" };
    let behaviour = if cascades(stmt) { " CASCADE" } else { "" };
    let mut steps = Vec::new();
    for schema in cx::children(stmt, SyntaxKind::SCHEMA_REF) {
        let schema = iris_schema(cx, &first_name(&schema)?)?;
        steps.push(step(cx, format!("DROP SCHEMA {clause}{schema}{behaviour}")));
    }
    Ok(ddl("DROP SCHEMA", steps))
}

fn iris_schema(cx: &Cx<'_>, typed: &str) -> Result<String> {
    match names::folded(typed).as_str() {
        "public" => Ok(cx.options.default_schema.to_owned()),
        _ => defined(typed),
    }
}

pub(super) fn create_extension(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let node = need(stmt, SyntaxKind::EXTENSION)?;
    let name = names::folded(&first_name(&node)?);
    if !EXTENSIONS.contains(&name.as_str()) {
        return Err(unsupported(&node, format!("extension \"{name}\" is not available"))
            .detail("The gateway offers vector only; the database behind it is InterSystems IRIS."));
    }
    if has_child(stmt, SyntaxKind::IF_NOT_EXISTS) {
        notice(cx, SqlState(*b"42710"), format!("extension \"{name}\" already exists, skipping"));
    }
    Ok(accepted("CREATE EXTENSION"))
}

pub(super) fn drop_extension(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    for node in cx::children(stmt, SyntaxKind::EXTENSION_REF) {
        let name = names::folded(&first_name(&node)?);
        if EXTENSIONS.contains(&name.as_str()) {
            continue;
        }
        let message = format!("extension \"{name}\" does not exist");
        if !has_child(stmt, SyntaxKind::IF_EXISTS) {
            return Err(PgError::error(SqlState::UNDEFINED_OBJECT, message));
        }
        skipping(cx, &message);
    }
    Ok(accepted("DROP EXTENSION"))
}
