//! Schemas and extensions.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{
    Ddl, accepted, cascades, ddl, defined, first_name, has_child, mirror_only, need, notice, skipping, step,
    tolerant_step, unsupported,
};
use super::table::undefined;
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// What the gateway does by itself, so that a script which asks for it may go on.
const EXTENSIONS: [&str; 2] = ["vector", "plpgsql"];

const SCHEMA_EXISTS_SQLCODE: i32 = 476;

pub(super) fn create_schema(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let Some(target) = nodes::child(stmt, SyntaxKind::NAMED_SCHEMA) else {
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
    if if_not_exists && name != "public" && cx.is_another_schema(&name) {
        return Err(PgError::error(SqlState(*b"42P06"), format!("schema \"{name}\" already exists"))
            .detail("IRIS has one whose name differs in case alone, and compares names without case."));
    }
    let clause = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let text = format!("CREATE SCHEMA {clause}{}", iris_schema(cx, &typed)?);
    if if_not_exists {
        let mirror = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted_name(&name));
        return Ok(ddl("CREATE SCHEMA", vec![step(cx, text)]).mirrored(mirror, &[]));
    }
    // One that its transaction has dropped IRIS has until COMMIT.
    let made = ddl("CREATE SCHEMA", vec![tolerant_step(cx, text, &[SCHEMA_EXISTS_SQLCODE])]);
    Ok(made.mirrored(format!("CREATE SCHEMA {}", quoted_name(&name)), &[]).decided_by_mirror())
}

pub(super) fn drop_schema(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let clause = if has_child(stmt, SyntaxKind::IF_EXISTS) { "IF EXISTS " } else { "" };
    let behaviour = if cascades(stmt) { " CASCADE" } else { "" };
    let (mut steps, mut mirror) = (Vec::new(), Vec::new());
    for schema in nodes::children(stmt, SyntaxKind::SCHEMA_REF) {
        let typed = first_name(&schema)?;
        let name = names::folded(&typed);
        if name != "public" && !name.eq_ignore_ascii_case(cx.options.default_schema) && cx.is_another_schema(&name) {
            if clause.is_empty() {
                return Err(undefined(&name));
            }
            skipping(cx, &format!("schema \"{name}\" does not exist"));
            continue;
        }
        let schema = iris_schema(cx, &typed)?;
        steps.push(step(cx, format!("DROP SCHEMA {clause}{schema}{behaviour}")));
        mirror.push(match names::folded(&typed) {
            name if name == "public" || name.eq_ignore_ascii_case(cx.options.default_schema) => EMPTY_PUBLIC.to_owned(),
            name => format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted_name(&name)),
        });
    }
    Ok(mirror.into_iter().fold(ddl("DROP SCHEMA", steps), |ddl, sql| ddl.mirrored(sql, &[])))
}

/// IRIS's default schema stays when its tables go, and the mirror's `public` holds the vector type as well.
const EMPTY_PUBLIC: &str = "DO $$ DECLARE r record; BEGIN FOR r IN SELECT c.oid::regclass AS name, c.relkind FROM \
    pg_catalog.pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND NOT EXISTS \
    (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LOOP \
    EXECUTE format('DROP %s IF EXISTS %s CASCADE', CASE r.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, r.name); \
    END LOOP; END $$";

fn iris_schema(cx: &Cx<'_>, typed: &str) -> Result<String> {
    match names::folded(typed).as_str() {
        "public" => Ok(cx.options.default_schema.to_owned()),
        _ => defined(typed),
    }
}

pub(super) fn create_extension(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let node = need(stmt, SyntaxKind::EXTENSION)?;
    let name = names::folded(&first_name(&node)?);
    // What else there is, PostgreSQL says: an extension that only adds to the catalogs is the mirror's alone.
    if !EXTENSIONS.contains(&name.as_str()) {
        return Ok(mirror_only("CREATE EXTENSION").mirrored_as_written(cx, stmt, &[]));
    }
    let message = format!("extension \"{name}\" already exists");
    if !has_child(stmt, SyntaxKind::IF_NOT_EXISTS) {
        return Err(PgError::error(SqlState(*b"42710"), message));
    }
    notice(cx, SqlState(*b"42710"), format!("{message}, skipping"));
    Ok(accepted("CREATE EXTENSION"))
}

pub(super) fn drop_extension(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let own = nodes::children(stmt, SyntaxKind::EXTENSION_REF)
        .filter_map(|node| names::first(&node))
        .any(|name| EXTENSIONS.contains(&names::folded(&name).as_str()));
    // The gateway's own cannot be taken away, and a script that tries may go on.
    if own {
        return Ok(accepted("DROP EXTENSION"));
    }
    Ok(mirror_only("DROP EXTENSION").mirrored_as_written(cx, stmt, &[]))
}
