//! CREATE, ALTER and DROP SEQUENCE: the mirror's PostgreSQL reads them, the session keeps what came of it.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, accepted, ddl, has_child, need, unsupported};
use crate::sql::plan::{Action, MirrorStatement, Restart, SequenceCommand};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::mirror;
use crate::types::quoted_name;

/// A sequence that a statement names.
struct Named {
    /// In quotes, with its schema where that is named.
    text: String,
    schema: Option<String>,
    name: String,
}

impl Named {
    fn of(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
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
    if let Some(clause) = stmt.children().find(|child| {
        child.kind() == SyntaxKind::TEMP
    }) {
        return Err(unsupported(&clause, "temporary sequences are not supported")
            .hint("Use a sequence of an own name and drop it."));
    }
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
    let Some(option) = nodes::child(stmt, SyntaxKind::OPTION_RESTART) else { return Ok(Restart::Stays) };
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

pub(super) fn drop(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let named = nodes::children(stmt, SyntaxKind::SEQUENCE_REF).map(|node| Named::of(cx, &node));
    let named = named.collect::<Result<Vec<_>>>()?;
    let names = named.iter().map(|name| name.text.clone()).collect();
    let command = SequenceCommand::Drop { names };
    Ok(sequence(cx, stmt, "DROP SEQUENCE", command, &named.iter().collect::<Vec<_>>()))
}
