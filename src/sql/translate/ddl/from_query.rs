//! Definitions with a query inside: CREATE TABLE .. AS, SELECT INTO, CREATE VIEW.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::defined_list;
use super::{Ddl, Table, accepted, at, ddl, first_name, has_child, need, notice, tolerant_step, unsupported};
use crate::sql::description::view_note;
use crate::sql::plan::StepRole;
use crate::sql::schema::TableLookup;
use crate::sql::translate::cx::{self, Cx, Result};
use crate::sql::translate::frag::{Frag, Ty};
use crate::sql::translate::{self, mirror, query};
use crate::wire::{PgError, SqlState};

/// "Table or view already exists".
const EXISTS_SQLCODE: i32 = 201;

/// The rows put into the new table are what PostgreSQL's tag counts.
pub(super) fn create_table_as(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    refuse_temporary(stmt)?;
    let table = Table::of(cx, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    if if_not_exists && matches!(cx.facts(&table.lookup), TableLookup::Known(_)) {
        notice(cx, SqlState(*b"42P07"), format!("relation \"{}\" already exists, skipping", table.name()));
        return Ok(accepted("CREATE TABLE AS"));
    }
    if let Some(names) = cx::child(stmt, SyntaxKind::TABLE_ARG_LIST) {
        return Err(unsupported(&names, "column names in CREATE TABLE .. AS are not supported by IRIS")
            .hint("Name the columns in the query: SELECT x AS name."));
    }
    if let Some(execute) = cx::child(stmt, SyntaxKind::EXECUTE) {
        return Err(unsupported(&execute, "CREATE TABLE .. AS EXECUTE is not supported"));
    }
    let query = inline_query(cx, &query_of(stmt)?)?;
    let ignored: &[i32] = if if_not_exists { &[EXISTS_SQLCODE] } else { &[] };
    let exists = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let select = mirror::requalified(&query_of(stmt)?, cx.options.default_schema);
    let mirror = format!("CREATE TABLE {exists}{} AS {select} WITH NO DATA", table.pg);
    if has_child(stmt, SyntaxKind::WITH_NO_DATA) {
        let text = format!("CREATE TABLE {} AS SELECT * FROM ({query}) WHERE 1 = 0", table.text);
        return Ok(ddl("CREATE TABLE AS", vec![tolerant_step(cx, text, ignored)]).mirrored(mirror, &[&table]));
    }
    Ok(filled(cx, &table, &query, ignored).mirrored(mirror, &[&table]))
}

pub(super) fn select_into(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let clause = need(stmt, SyntaxKind::INTO_CLAUSE)?;
    refuse_temporary(&clause)?;
    let table = Table::of(cx, &need(&clause, SyntaxKind::TABLE_NAME)?)?;
    let query = inline_query(cx, stmt)?;
    let select = mirror::requalified_without(stmt, cx.options.default_schema, &[SyntaxKind::INTO_CLAUSE]);
    let select = select.trim_end_matches([';', ' ', '\n', '\t', '\r']);
    let mirror = format!("CREATE TABLE {} AS {select} WITH NO DATA", table.pg);
    Ok(filled(cx, &table, &query, &[]).mirrored(mirror, &[&table]))
}

fn filled(cx: &Cx<'_>, table: &Table, query: &str, ignored: &[i32]) -> Ddl {
    let step = tolerant_step(cx, format!("CREATE TABLE {} AS {query}", table.text), ignored);
    // IRIS does not say how many rows it has put into the table.
    let total = cx.plan(Frag::atom(format!("SELECT COUNT(*) FROM {}", table.text), Ty::Any), Vec::new(), true);
    ddl("SELECT", vec![step, translate::step(total, StepRole::Total)])
}

pub(super) fn create_view(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    refuse_temporary(stmt)?;
    if cx::has_token(stmt, SyntaxKind::RECURSIVE_KW) {
        return Err(unsupported(stmt, "recursive views are not supported by IRIS"));
    }
    let view = Table::of(cx, &need(stmt, SyntaxKind::VIEW)?)?;
    let names: Vec<String> = match cx::child(stmt, SyntaxKind::COLUMN_LIST) {
        Some(list) => {
            cx::children(&list, SyntaxKind::COLUMN_NAME).map(|name| first_name(&name)).collect::<Result<_>>()?
        }
        None => Vec::new(),
    };
    let own = query_of(stmt)?;
    let mut query = inline_query(cx, &own)?;
    // Behind the first word: IRIS keeps the query's text from there on.
    if let Some(note) = view_note(&mirror::requalified(&own, cx.options.default_schema))
        && let Some((word, rest)) = query.split_once(' ')
    {
        query = format!("{word} {note} {rest}");
    }
    let verb = if has_child(stmt, SyntaxKind::OR_REPLACE) { "CREATE OR REPLACE VIEW" } else { "CREATE VIEW" };
    let mut text = format!("{verb} {}", view.text);
    if !names.is_empty() {
        text.push_str(&format!(" ({})", defined_list(&names)?));
    }
    text.push_str(&format!(" AS {query}"));
    if let Some(option) = cx::child(stmt, SyntaxKind::WITH_CHECK_OPTION) {
        let level = if has_child(&option, SyntaxKind::LOCAL_CHECK_OPTION) { "LOCAL " } else { "" };
        text.push_str(&format!(" WITH {level}CHECK OPTION"));
    }
    Ok(ddl("CREATE VIEW", vec![tolerant_step(cx, text, &[])]).mirrored_as_written(cx, stmt, &[&view]))
}

/// The query with its constants in the text; a definition has no place for values that come later.
fn inline_query(cx: &Cx<'_>, node: &SyntaxNode) -> Result<String> {
    let frag = query::inline_text(cx, node)?;
    if frag.marks.is_empty() {
        return Ok(frag.text);
    }
    Err(unsupported(node, "parameters and session values are not supported in definitions")
        .hint("Write constants; strings with control characters are no constants for IRIS."))
}

fn query_of(stmt: &SyntaxNode) -> Result<SyntaxNode> {
    let is_query = |node: &SyntaxNode| {
        matches!(
            node.kind(),
            SyntaxKind::SELECT
                | SyntaxKind::COMPOUND_SELECT
                | SyntaxKind::PAREN_SELECT
                | SyntaxKind::VALUES
                | SyntaxKind::TABLE
        )
    };
    stmt.children().find(is_query).ok_or_else(|| {
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a query is missing").position(cx::offset(at(stmt)))
    })
}

fn refuse_temporary(node: &SyntaxNode) -> Result<()> {
    match cx::child(node, SyntaxKind::TEMP) {
        Some(clause) => Err(unsupported(
            &clause,
            "temporary tables and views are not supported: sessions share the connections to IRIS",
        )
        .hint("Use an own name and drop it, or WITH.")),
        None => Ok(()),
    }
}
