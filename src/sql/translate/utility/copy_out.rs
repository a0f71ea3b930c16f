//! COPY .. TO STDOUT: a query, whose rows the session writes in COPY's formats.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::command::{Utility, utility};
use super::copy::{Copied, columns_listed, copied, is_client, spelled};
use super::copy_options;
use crate::sql::plan::{Action, ColumnChoice, CopyOptions, CopyToStdout};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes::{self, is_query};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

pub(super) fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Utility>> {
    let syntax = |message: &str| PgError::error(SqlState::SYNTAX_ERROR, message);
    if let Some(clause) = nodes::child(stmt, SyntaxKind::WHERE_CLAUSE) {
        return Err(syntax("WHERE clause not allowed with COPY TO")
            .hint("Try the COPY (SELECT ... WHERE ...) TO variant.")
            .position(nodes::offset(clause.text_range().start().into())));
    }
    is_client(stmt, SyntaxKind::COPY_TO)?;
    // It is understood by itself: its literals are this translation's as well.
    for n in 0..u16::try_from(cx.template.literals.len()).unwrap_or(u16::MAX) {
        cx.pin(n);
    }
    let Some(query) = nodes::child(stmt, SyntaxKind::COPY_QUERY) else {
        let table = nodes::child(stmt, SyntaxKind::COPY_TABLE).ok_or_else(|| syntax("COPY without a table"))?;
        let options = copy_options::options(cx, stmt, false)?;
        let sql = of_table(cx, &table, &options)?;
        return utility(Action::CopyToStdout(CopyToStdout { sql, offset: None, is_change: false, options }), "COPY");
    };
    let body = query.children().next().ok_or_else(|| syntax("COPY without a query"))?;
    let options = copy_options::options(cx, stmt, false)?;
    let is_change = !is_query(body.kind());
    if is_change && nodes::child(&body, SyntaxKind::RETURNING_CLAUSE).is_none() {
        return Err(PgError::unsupported("COPY query must have a RETURNING clause"));
    }
    if nodes::clause(&body, SyntaxKind::INTO_CLAUSE).is_some() {
        return Err(PgError::unsupported("COPY (SELECT INTO) is not supported"));
    }
    let range = nodes::range(&body);
    let before = cx.sql.get(..range.start).map_or(0, |text| text.chars().count());
    let sql = cx.sql.get(range).unwrap_or_default().to_owned();
    let offset = Some(u32::try_from(before).unwrap_or(u32::MAX));
    utility(Action::CopyToStdout(CopyToStdout { sql, offset, is_change, options }), "COPY")
}

/// The query of a table's rows.
fn of_table(cx: &Cx<'_>, table: &SyntaxNode, options: &CopyOptions) -> Result<String> {
    let name = nodes::child(table, SyntaxKind::TABLE_NAME_REF)
        .ok_or_else(|| PgError::error(SqlState::SYNTAX_ERROR, "COPY without a table"))?;
    let parts = names::parts(&name);
    let list = nodes::child(table, SyntaxKind::COLUMN_REF_LIST);
    let from = parts.join(".");
    if cx.is_catalog_relation(&names::folded_parts(&name)) {
        let listed = list.iter().flat_map(SyntaxNode::children).filter_map(|column| names::first(&column));
        let listed: Vec<String> = listed.map(|name| quoted_name(&names::folded(&name))).collect();
        let listed = if listed.is_empty() { "*".to_owned() } else { listed.join(", ") };
        return Ok(format!("SELECT {listed} FROM {from}"));
    }
    let Copied { relation, facts, views, .. } = copied(cx, &parts, "from", "Try the COPY (SELECT ...) TO variant.")?;
    let columns = columns_listed(list.as_ref(), &facts, views.as_deref(), &relation)?;
    if let ColumnChoice::Listed(forced) = &options.force_quote {
        let unknown = forced.iter().find(|name| !facts.columns.iter().any(|column| spelled(column, &facts) == **name));
        if let Some(name) = unknown {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", relation.name);
            return Err(PgError::error(SqlState::UNDEFINED_COLUMN, message));
        }
    }
    let names: Vec<String> = columns.iter().map(|(_, column)| quoted_name(&spelled(column, &facts))).collect();
    Ok(format!("SELECT {} FROM {from}", names.join(", ")))
}
