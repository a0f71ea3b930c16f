//! What a rollback needs to know of types, as questions for PostgreSQL in front of the change.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{first_name, need};
use crate::sql::plan::{ReversalPart, UndoSource};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::types::{quoted_name, quoted_text};

/// How a change of a type is undone.
pub(super) enum TypeUndo {
    /// In their order; what is undone goes from the end.
    Parts(Vec<ReversalPart>),
    Unknown,
}

fn statement(sql: String, probe: Option<String>) -> ReversalPart {
    ReversalPart { first_step: 0, undo: UndoSource::Statement(sql), probe, takes: None }
}

fn query(sql: String) -> ReversalPart {
    ReversalPart { first_step: 0, undo: UndoSource::Query(sql), probe: None, takes: None }
}

const COLLATED: &str = "(SELECT pg_catalog.format(' COLLATE %I.%I', cn.nspname, c.collname) FROM pg_catalog.pg_collation c \
     JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace";

fn of_type(name: &str, undo: &str) -> ReversalPart {
    query(format!(
        "SELECT {} || {undo} FROM pg_catalog.pg_type WHERE oid = pg_catalog.to_regtype({})",
        quoted_text(&format!("ALTER DOMAIN {name} ")),
        quoted_text(name)
    ))
}

const DEFAULT: &str = "coalesce('SET DEFAULT ' || pg_catalog.pg_get_expr(typdefaultbin, 0), 'DROP DEFAULT')";
const NULLABLE: &str = "CASE WHEN typnotnull THEN 'SET NOT NULL' ELSE 'DROP NOT NULL' END";

/// RENAME TO and SET SCHEMA, of types and domains; `name`: schema and name, each in quotes.
fn moved(what: &str, name: &str, action: &SyntaxNode) -> Option<ReversalPart> {
    let (schema, own) = name.split_once("\".").map(|(schema, own)| (format!("{schema}\""), own))?;
    let to = quoted_name(&names::folded(&names::parts(action).pop()?));
    Some(match action.kind() {
        SyntaxKind::SET_SCHEMA => statement(format!("ALTER {what} {to}.{own} SET SCHEMA {schema}"), None),
        _ => statement(format!("ALTER {what} {schema}.{to} RENAME TO {own}"), None),
    })
}

pub(super) fn of_domain(name: &str, action: &SyntaxNode) -> Result<TypeUndo> {
    let constraint = |kind| -> Result<String> { Ok(names::folded(&first_name(&need(action, kind)?)?)) };
    let of_constraint = |constraint: &str| {
        format!(
            "FROM pg_catalog.pg_constraint WHERE contypid = pg_catalog.to_regtype({}) AND conname = {}",
            quoted_text(name),
            quoted_text(constraint)
        )
    };
    let part = match action.kind() {
        SyntaxKind::SET_DEFAULT | SyntaxKind::DROP_DEFAULT => of_type(name, DEFAULT),
        SyntaxKind::SET_NOT_NULL | SyntaxKind::DROP_NOT_NULL => of_type(name, NULLABLE),
        SyntaxKind::ADD_CONSTRAINT => {
            let check = action.children().find(|child| child.kind() == SyntaxKind::CHECK_CONSTRAINT);
            match check.map(|check| nodes::child(&check, SyntaxKind::CONSTRAINT_NAME_CLAUSE)) {
                None => of_type(name, NULLABLE),
                Some(Some(named)) => {
                    let named = names::folded(&first_name(&need(&named, SyntaxKind::CONSTRAINT_NAME)?)?);
                    let sql = format!("ALTER DOMAIN {name} DROP CONSTRAINT IF EXISTS {}", quoted_name(&named));
                    statement(sql, Some(format!("SELECT {}", of_constraint(&named))))
                }
                // All that came later has been undone when this is asked.
                Some(None) => {
                    let sql = format!(
                        "SELECT pg_catalog.format('ALTER DOMAIN %s DROP CONSTRAINT IF EXISTS %I', {name}, conname) \
                         FROM pg_catalog.pg_constraint WHERE contypid = pg_catalog.to_regtype({name}) AND contype = 'c' \
                         ORDER BY oid DESC LIMIT 1",
                        name = quoted_text(name)
                    );
                    let undo = UndoSource::LateQuery(sql);
                    ReversalPart { first_step: 0, undo, probe: Some("SELECT".to_owned()), takes: None }
                }
            }
        }
        SyntaxKind::DROP_CONSTRAINT => query(format!(
            "SELECT pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', {}, conname, \
             CASE contype WHEN 'n' THEN 'NOT NULL' ELSE pg_catalog.format('CHECK (%s)%s', pg_catalog.pg_get_expr(conbin, 0), \
             CASE WHEN convalidated THEN '' ELSE ' NOT VALID' END) END) {}",
            quoted_text(name),
            of_constraint(&constraint(SyntaxKind::CONSTRAINT_NAME_REF)?)
        )),
        SyntaxKind::RENAME_CONSTRAINT => {
            let (from, to) = (constraint(SyntaxKind::CONSTRAINT_NAME_REF)?, constraint(SyntaxKind::CONSTRAINT_NAME)?);
            let (from, to) = (quoted_name(&from), quoted_name(&to));
            statement(format!("ALTER DOMAIN {name} RENAME CONSTRAINT {to} TO {from}"), None)
        }
        SyntaxKind::VALIDATE_CONSTRAINT => return Ok(TypeUndo::Parts(Vec::new())),
        SyntaxKind::DOMAIN_RENAME_TO | SyntaxKind::SET_SCHEMA => match moved("DOMAIN", name, action) {
            Some(part) => part,
            None => return Ok(TypeUndo::Unknown),
        },
        _ => return Ok(TypeUndo::Unknown),
    };
    Ok(TypeUndo::Parts(vec![part]))
}

/// All but the labels of enums.
pub(super) fn of_type_action(name: &str, action: &SyntaxNode) -> Result<TypeUndo> {
    let attribute = |node: &SyntaxNode, kind| -> Result<String> { Ok(names::folded(&first_name(&need(node, kind)?)?)) };
    match action.kind() {
        SyntaxKind::TYPE_RENAME_TO | SyntaxKind::SET_SCHEMA => Ok(match moved("TYPE", name, action) {
            Some(part) => TypeUndo::Parts(vec![part]),
            None => TypeUndo::Unknown,
        }),
        SyntaxKind::RENAME_ATTRIBUTE => {
            let from = quoted_name(&attribute(action, SyntaxKind::COMPOSITE_FIELD_REF)?);
            let to = quoted_name(&attribute(action, SyntaxKind::COMPOSITE_FIELD)?);
            let sql = format!("ALTER TYPE {name} RENAME ATTRIBUTE {to} TO {from}");
            Ok(TypeUndo::Parts(vec![statement(sql, None)]))
        }
        SyntaxKind::ALTER_TYPE_ATTRIBUTE_ACTION_LIST => {
            let mut parts = Vec::new();
            for action in action.children() {
                match action.kind() {
                    SyntaxKind::ADD_ATTRIBUTE => {
                        let added = attribute(&action, SyntaxKind::COMPOSITE_FIELD)?;
                        let sql = format!("ALTER TYPE {name} DROP ATTRIBUTE IF EXISTS {}", quoted_name(&added));
                        parts.push(statement(sql, None));
                    }
                    SyntaxKind::ALTER_ATTRIBUTE => parts.push(query(format!(
                        "SELECT pg_catalog.format('ALTER TYPE %s ALTER ATTRIBUTE %I TYPE %s', {name}, a.attname, \
                         pg_catalog.format_type(a.atttypid, a.atttypmod)) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t \
                         ON t.typrelid = a.attrelid WHERE t.oid = pg_catalog.to_regtype({name}) AND a.attname = {}",
                        quoted_text(&attribute(&action, SyntaxKind::COMPOSITE_FIELD_REF)?),
                        name = quoted_text(name)
                    ))),
                    // Those behind it have to come behind it again.
                    _ => parts.push(query(format!(
                        "SELECT CASE WHEN a.attnum = d.attnum THEN pg_catalog.format('ALTER TYPE %s ADD ATTRIBUTE %I %s', {name}, \
                         a.attname, own.type) ELSE pg_catalog.format('ALTER TYPE %s DROP ATTRIBUTE %I, ADD ATTRIBUTE %I %s', {name}, \
                         a.attname, a.attname, own.type) END FROM pg_catalog.pg_type t \
                         JOIN pg_catalog.pg_attribute d ON d.attrelid = t.typrelid AND d.attname = {} \
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum >= d.attnum AND NOT a.attisdropped, \
                         LATERAL (SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) || coalesce({COLLATED} \
                         JOIN pg_catalog.pg_type bt ON bt.oid = a.atttypid WHERE c.oid = a.attcollation \
                         AND a.attcollation <> bt.typcollation), '') AS type) own \
                         WHERE t.oid = pg_catalog.to_regtype({name}) ORDER BY a.attnum DESC",
                        quoted_text(&attribute(&action, SyntaxKind::COMPOSITE_FIELD_REF)?),
                        name = quoted_text(name)
                    ))),
                }
            }
            Ok(TypeUndo::Parts(parts))
        }
        _ => Ok(TypeUndo::Unknown),
    }
}
