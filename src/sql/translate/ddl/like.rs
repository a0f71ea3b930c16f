//! CREATE TABLE .. (LIKE ..): the columns of another table, as they are known.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::create_table::Column;
use super::definition::{need, unsupported};
use super::table::{RELATION, Table};
use super::types::type_of_query;
use crate::sql::iris_text;
use crate::sql::schema::{ColumnFacts, TableLookup};
use crate::sql::syntax::nodes;
use crate::sql::syntax::parse::lone_statement;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::{Oid, quoted_name};

/// What a LIKE stands for.
#[derive(Default)]
pub(super) struct Liked {
    pub columns: Vec<Column>,
    /// PRIMARY KEY and UNIQUE, as a table has them.
    pub keys: Vec<SyntaxNode>,
}

pub(super) fn like(cx: &Cx<'_>, clause: &SyntaxNode) -> Result<Liked> {
    let table = Table::existing(cx, &need(clause, SyntaxKind::RELATION_NAME_REF)?, RELATION)?;
    let facts = match cx.facts(&table.lookup) {
        TableLookup::Known(facts) => facts,
        TableLookup::Missing => return Err(table.undefined(cx, RELATION)),
        // The statement is translated again.
        TableLookup::NotLoaded => return Ok(Liked::default()),
    };
    let has_defaults = includes(clause, "DEFAULTS");
    let mut liked = Liked::default();
    for column in &facts.columns {
        let is_counted = column.identity || column.draws.is_some();
        if is_counted && (has_defaults || includes(clause, "IDENTITY")) {
            let message = format!("LIKE does not copy how the values of column \"{}\" are counted", column.name);
            return Err(unsupported(clause, message)
                .hint("Leave INCLUDING DEFAULTS and IDENTITY out, or write the columns out."));
        }
        let column_type =
            type_of_query(cx, column.pg_type, column.enum_type.as_deref().cloned(), column.named.as_deref())?;
        let mut copy = Column::plain(quoted_name(&column.name), column_type);
        copy.not_null = !column.nullable || column.identity;
        if has_defaults && column.has_default {
            copy.set_default(constant(column).ok_or_else(|| {
                let message = format!("LIKE does not copy the default of column \"{}\"", column.name);
                unsupported(clause, message).hint("Leave INCLUDING DEFAULTS out, or write the columns out.")
            })?);
        }
        liked.columns.push(copy);
    }
    if includes(clause, "INDEXES") {
        let primary = (!facts.primary_key.is_empty()).then_some(("PRIMARY KEY", &facts.primary_key));
        let unique = facts.unique_keys.iter().filter(|(_, columns)| *columns != facts.primary_key);
        for (words, columns) in primary.into_iter().chain(unique.map(|(_, columns)| ("UNIQUE", columns))) {
            liked.keys.extend(key(words, columns));
        }
    }
    Ok(liked)
}

/// Whether LIKE copies something: what is said last counts.
fn includes(clause: &SyntaxNode, what: &str) -> bool {
    let mut is_included = false;
    for option in clause.children() {
        let words = nodes::plain_text(&option).to_ascii_uppercase();
        let mut words = words.split_whitespace();
        let (verb, property) = (words.next(), words.next());
        if property == Some(what) || property == Some("ALL") {
            is_included = verb == Some("INCLUDING");
        }
    }
    is_included
}

/// A default as IRIS takes it, which shows it in a way that gives PostgreSQL's words back.
fn constant(column: &ColumnFacts) -> Option<String> {
    let text = column.constant_default.as_ref().filter(|_| column.enum_type.is_none())?;
    match column.pg_type.oid {
        Oid::INT2 | Oid::INT4 | Oid::INT8 => text.parse::<i64>().is_ok().then(|| text.clone()),
        Oid::TEXT | Oid::VARCHAR => Some(iris_text::quoted(text)),
        _ => None,
    }
}

fn key(words: &str, columns: &[String]) -> Option<SyntaxNode> {
    let listed = columns.iter().map(|column| quoted_name(column)).collect::<Vec<_>>().join(", ");
    let statement = lone_statement(&format!("CREATE TABLE t ({words} ({listed}))"))?;
    let is_key =
        |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::PRIMARY_KEY_CONSTRAINT | SyntaxKind::UNIQUE_CONSTRAINT);
    statement.descendants().find(is_key)
}
