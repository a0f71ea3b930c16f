//! CREATE, ALTER and DROP SEQUENCE: the mirror's PostgreSQL reads them, the session keeps what came of it.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, accepted, ddl, has_child, need, unsupported};
use super::table::Table;
use super::temporary::refuse_unsaid;
use crate::sql::plan::{Action, MirrorStatement, OwnedChange, Restart, SequenceCommand};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::types::quoted_name;

/// A sequence that a statement names.
pub(super) struct Named {
    /// In quotes, with its schema where that is named.
    pub text: String,
    schema: Option<String>,
    name: String,
}

impl Named {
    pub(super) fn of(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let mut parts = names::folded_parts(node);
        let name = parts.pop().unwrap_or_default();
        let schema = parts.pop().map(|schema| match schema.eq_ignore_ascii_case(cx.options.default_schema) {
            true => "public".to_owned(),
            false => schema,
        });
        let text = match &schema {
            Some(schema) => format!("{}.{}", quoted_name(schema), quoted_name(&name)),
            None => quoted_name(&name),
        };
        Ok(Self { text, schema, name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its schema, or the one that is looked at first.
    pub(super) fn schema(&self, cx: &Cx<'_>) -> String {
        self.relation(cx).0
    }

    /// As changes of the mirror name it. The schema that an unqualified name is made in is the first of the search path.
    fn relation(&self, cx: &Cx<'_>) -> (String, String) {
        let schema = self.schema.clone().or_else(|| cx.options.search_path.first().cloned());
        (schema.unwrap_or_else(|| "public".to_owned()), self.name.clone())
    }
}

fn sequence(cx: &Cx<'_>, stmt: &SyntaxNode, tag: &str, command: SequenceCommand, names: &[&Named]) -> Ddl {
    let sql = mirror::requalified(stmt, cx.options.default_schema);
    let sql = sql.trim_end_matches([';', ' ', '\n', '\t', '\r']).to_owned();
    let relations = names.iter().map(|name| name.relation(cx)).collect();
    let mut ddl = ddl(tag, Vec::new());
    ddl.action = Action::Sequence(command);
    ddl.mirror.push(MirrorStatement { sql, otherwise: None, relations });
    ddl
}

pub(super) fn create(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if let Some(clause) = stmt.children().find(|child| child.kind() == SyntaxKind::TEMP) {
        return Err(unsupported(&clause, "temporary sequences are not supported")
            .hint("Use a sequence of an own name and drop it."));
    }
    refuse_unsaid(cx, &need(stmt, SyntaxKind::SEQUENCE)?, "sequences")?;
    let name = Named::of(cx, &need(stmt, SyntaxKind::SEQUENCE)?)?;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    let command = SequenceCommand::Create { name: name.text.clone(), if_not_exists };
    Ok(sequence(cx, stmt, "CREATE SEQUENCE", command, &[&name]))
}

pub(super) fn alter(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    const TAG: &str = "ALTER SEQUENCE";
    let name = Named::of(cx, &need(stmt, SyntaxKind::SEQUENCE_REF)?)?;
    if has_child(stmt, SyntaxKind::IF_EXISTS) {
        return Err(unsupported(stmt, "ALTER SEQUENCE IF EXISTS is not supported").hint("Leave IF EXISTS out."));
    }
    if has_child(stmt, SyntaxKind::OWNER_TO) {
        return Ok(accepted(TAG));
    }
    if let Some(action) = nodes::child(stmt, SyntaxKind::SEQUENCE_RENAME_TO) {
        let to = Named { schema: name.schema.clone(), ..Named::of(cx, &need(&action, SyntaxKind::SEQUENCE)?)? };
        let text = match &to.schema {
            Some(schema) => format!("{}.{}", quoted_name(schema), quoted_name(&to.name)),
            None => quoted_name(&to.name),
        };
        let command = SequenceCommand::Rename { name: name.text.clone(), to: text };
        return Ok(sequence(cx, stmt, TAG, command, &[&name, &to]));
    }
    if let Some(action) = nodes::child(stmt, SyntaxKind::SET_SCHEMA) {
        let schema = names::folded_parts(&action).pop().unwrap_or_default();
        let text = format!("{}.{}", quoted_name(&schema), quoted_name(&name.name));
        let to = Named { text: text.clone(), schema: Some(schema), name: name.name.clone() };
        let command = SequenceCommand::Rename { name: name.text.clone(), to: text };
        return Ok(sequence(cx, stmt, TAG, command, &[&name, &to]));
    }
    let command = SequenceCommand::Alter { name: name.text.clone(), restart: restart(stmt)? };
    Ok(sequence(cx, stmt, TAG, command, &[&name]))
}

/// What RESTART says.
fn restart(stmt: &SyntaxNode) -> Result<Restart> {
    let is_restart = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::OPTION_RESTART | SyntaxKind::RESTART);
    let Some(option) = stmt.descendants().find(is_restart) else { return Ok(Restart::Stays) };
    let words = nodes::plain_text(&option);
    let Some(number) = words.split_whitespace().skip(1).find(|word| !word.eq_ignore_ascii_case("with")) else {
        return Ok(Restart::AtStart);
    };
    let rest = words.get(words.find(number).unwrap_or_default()..).unwrap_or_default();
    let digits: String = rest.chars().filter(|c| !c.is_whitespace() && *c != '_' && *c != '+').collect();
    match digits.parse() {
        Ok(value) => Ok(Restart::With(value)),
        Err(_) => Err(unsupported(&option, format!("RESTART WITH {rest} is not supported")).hint("Give a number.")),
    }
}

/// ALTER COLUMN of a table that does to a sequence what ALTER SEQUENCE does.
pub(super) fn alter_column(
    cx: &Cx<'_>,
    stmt: &SyntaxNode,
    tag: &str,
    table: &Table,
    name: &str,
    option: &SyntaxNode,
) -> Result<Ddl> {
    let command = SequenceCommand::Alter { name: name.to_owned(), restart: restart(option)? };
    let mut ddl = sequence(cx, stmt, tag, command, &[]);
    ddl.mirror.iter_mut().for_each(|statement| statement.relations.push(table.iris.clone()));
    Ok(ddl)
}

pub(super) fn drop(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let named = nodes::children(stmt, SyntaxKind::SEQUENCE_REF).map(|node| Named::of(cx, &node));
    let named = named.collect::<Result<Vec<_>>>()?;
    let names = named.iter().map(|name| name.text.clone()).collect();
    let command = SequenceCommand::Drop { names };
    Ok(sequence(cx, stmt, "DROP SEQUENCE", command, &named.iter().collect::<Vec<_>>()))
}

/// What a definition does to sequences that belong to columns.
pub(super) fn owned_changes(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Vec<OwnedChange>> {
    let mut changes = Vec::new();
    match stmt.kind() {
        SyntaxKind::DROP_TABLE => {
            for name in nodes::children(stmt, SyntaxKind::TABLE_NAME_REF) {
                let (schema, table) = pg_name(cx, &Table::of(cx, &name)?);
                changes.push(OwnedChange::TableGone { schema, table });
            }
        }
        SyntaxKind::DROP_SCHEMA => {
            let names = nodes::children(stmt, SyntaxKind::SCHEMA_REF);
            changes.extend(names.filter_map(|node| names::folded_parts(&node).pop()).map(OwnedChange::SchemaGone));
        }
        SyntaxKind::ALTER_TABLE => {
            let Some(name) = nodes::child(stmt, SyntaxKind::TABLE_RELATION_NAME) else { return Ok(changes) };
            let (schema, table) = pg_name(cx, &Table::of(cx, &name)?);
            for action in stmt.children() {
                let named = |kind| nodes::child(&action, kind).and_then(|node| names::folded_parts(&node).pop());
                let (schema, table) = (schema.clone(), table.clone());
                let change = match action.kind() {
                    SyntaxKind::DROP_COLUMN => named(SyntaxKind::COLUMN_NAME_REF)
                        .map(|column| OwnedChange::ColumnGone { schema, table, column }),
                    SyntaxKind::RENAME_COLUMN => named(SyntaxKind::COLUMN_NAME_REF)
                        .zip(named(SyntaxKind::COLUMN_NAME))
                        .map(|(column, to)| OwnedChange::ColumnRenamed { schema, table, column, to }),
                    SyntaxKind::TABLE_RENAME_TO => {
                        named(SyntaxKind::TABLE_NAME).map(|to| OwnedChange::TableRenamed { schema, table, to })
                    }
                    _ => None,
                };
                changes.extend(change);
            }
        }
        _ => {}
    }
    Ok(changes)
}

/// What PostgreSQL calls a table.
pub(super) fn pg_name(cx: &Cx<'_>, table: &Table) -> (String, String) {
    let (schema, name) = table.iris.clone();
    let is_default = schema.eq_ignore_ascii_case(cx.options.default_schema);
    (if is_default { "public".to_owned() } else { schema }, name)
}

/// As PostgreSQL names the sequence of a serial or identity column (`makeObjectName`, `ChooseRelationName`).
pub(super) fn name_for(cx: &Cx<'_>, schema: &str, table: &str, column: &str, taken: &[String]) -> String {
    const NAME_BYTES_MAX: usize = 63;
    let mut number = 0_u32;
    loop {
        let label = if number == 0 { "seq".to_owned() } else { format!("seq{number}") };
        let room = NAME_BYTES_MAX.saturating_sub(label.len()).saturating_sub(2);
        let (mut table_len, mut column_len) = (table.len(), column.len());
        while table_len.saturating_add(column_len) > room {
            if table_len > column_len {
                table_len = table_len.saturating_sub(1);
            } else {
                column_len = column_len.saturating_sub(1);
            }
        }
        let name = format!("{}_{}_{label}", clipped(table, table_len), clipped(column, column_len));
        if !taken.contains(&name) && !cx.schema.has_sequence(schema, &name) {
            return name;
        }
        number = number.saturating_add(1);
    }
}

/// Not more than so many bytes, and whole characters (`pg_mbcliplen`).
fn clipped(text: &str, mut length: usize) -> &str {
    while !text.is_char_boundary(length) {
        length = length.saturating_sub(1);
    }
    text.get(..length).unwrap_or(text)
}
