//! Materialized views: a table of IRIS with the rows, and beside it a view with the query, by which IRIS knows what is read, and
//! every gateway what the rows are made of.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{
    Ddl, accepted, at, cascades, ddl, end_of_input, has_child, need, notice, skipping, step, tolerant_step, unsupported,
};
use super::from_query::{Kept, column_names, kept_query, made, query_of, without_marks};
use super::query_text::inline;
use super::reversal_text::pg_name;
use super::table::{RELATION, Table};
use super::temporary::refuse_unsaid;
use crate::sql::description::{MATERIALIZED_NOTE, QUERY_VIEW_PREFIX};
use crate::sql::plan::{ScriptStep, StepRole};
use crate::sql::schema::{RelationName, TableFacts, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::syntax::parse::lone_statement;
use crate::sql::template::Template;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::Place;
use crate::sql::translate::mirror;
use crate::types::quoted_name;
use crate::wire::{PgError, SqlState};

/// "Table or view not found".
const NO_TABLE_SQLCODE: i32 = 30;

const KIND: &str = "materialized view";

/// The view with the query.
fn query_view(table: &Table) -> Table {
    let name = format!("{QUERY_VIEW_PREFIX}{}", table.iris.1);
    let (schema, _) = table.text.rsplit_once('.').unwrap_or_default();
    Table {
        text: format!("{schema}.{}", names::iris_name_of(&name)),
        lookup: RelationName { name: name.clone(), ..table.lookup.clone() },
        iris: (table.iris.0.clone(), name),
        pg: String::new(),
    }
}

/// The table of the materialized view whose query a view has.
pub(super) fn of_query_view(view: &RelationName) -> Option<RelationName> {
    let name = view.name.strip_prefix(QUERY_VIEW_PREFIX)?.to_owned();
    Some(RelationName { name, ..view.clone() })
}

/// The rows put into it are what PostgreSQL's tag counts.
pub(super) fn create(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let name = need(stmt, SyntaxKind::VIEW)?;
    refuse_unsaid(cx, &name, "materialized views")?;
    let table = Table::permanent(cx, &name)?;
    table.refuse_other_schema(cx, &name)?;
    if has_child(stmt, SyntaxKind::IF_NOT_EXISTS) {
        table.refuse_taken(cx)?;
        if matches!(cx.facts(&table.lookup), TableLookup::Known(_)) {
            notice(cx, SqlState(*b"42P07"), format!("relation \"{}\" already exists, skipping", table.name()));
            return Ok(accepted("CREATE MATERIALIZED VIEW"));
        }
    }
    if let Some(clause) = nodes::child(stmt, SyntaxKind::WITH_NO_DATA) {
        return Err(unsupported(&clause, "a materialized view without rows is not supported")
            .hint("Create it with its rows, or when they are wanted."));
    }
    let own = query_of(stmt)?;
    let names = column_names(stmt)?;
    let kept = Kept { with_data: true, if_not_exists: false, names: &names, note: MATERIALIZED_NOTE };
    let mut steps = made(cx, &table, &own, &kept)?;
    let translated = inline(cx, &own, Place::Table)?;
    if cx.is_of_session.get() {
        return Err(PgError::unsupported("materialized views must not use temporary tables or views"));
    }
    // The view calls its columns as the table does, which is filled by their names.
    let shown: Vec<String> = translated.shape.iter().flatten().map(|column| column.name.clone()).collect();
    if names.len() > shown.len() {
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "too many column names were specified"));
    }
    let query = kept_query(cx, stmt, &own, translated)?;
    let view = query_view(&table);
    let given = names.iter().map(|name| names::folded(name));
    let columns: Vec<String> =
        given.chain(shown.into_iter().skip(names.len())).map(|name| names::iris_name_of(&name)).collect();
    let list = format!(" ({})", columns.join(", "));
    // Behind the table, in front of its rows.
    let text = format!("CREATE OR REPLACE VIEW {}{list} AS {query}", view.text);
    steps.insert(steps.len().min(1), tolerant_step(cx, text, &[]));
    let undo = Frag::atom(format!("DROP VIEW {}", view.text), Ty::Any);
    steps.push(ScriptStep::new(cx.plan(undo, Vec::new(), false), StepRole::Undo));
    let columns = if names.is_empty() {
        String::new()
    } else {
        let quoted: Vec<String> = names.iter().map(|name| quoted_name(&names::folded(name))).collect();
        format!(" ({})", quoted.join(", "))
    };
    let select = mirror::requalified(&own, cx.options.default_schema);
    let sql = format!("CREATE MATERIALIZED VIEW {}{columns} AS {select}", table.pg);
    Ok(ddl("SELECT", steps).mirrored(sql, &[&table, &view]))
}

pub(super) fn drop(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    const TAG: &str = "DROP MATERIALIZED VIEW";
    if !has_child(stmt, SyntaxKind::VIEW_REF) {
        return Err(end_of_input(stmt));
    }
    let behaviour = if cascades(stmt) { " CASCADE" } else { "" };
    let mut dropped = Vec::new();
    for name in nodes::children(stmt, SyntaxKind::VIEW_REF) {
        let table = Table::of(cx, &name)?;
        let found = if table.is_another(cx) { TableLookup::Missing } else { cx.facts(&table.lookup) };
        match found {
            TableLookup::Missing if has_child(stmt, SyntaxKind::IF_EXISTS) => match table.missing_schema(cx) {
                Some(schema) => skipping(cx, &format!("schema \"{schema}\" does not exist")),
                None => skipping(cx, &format!("{KIND} \"{}\" does not exist", table.name())),
            },
            TableLookup::Missing => return Err(table.undefined(cx, KIND)),
            TableLookup::Known(facts) if !facts.is_materialized => {
                let is_view = cx.views(&table.lookup).is_some_and(|facts| facts.definition.is_some());
                let kind = if is_view { "view" } else { "table" };
                return Err(is_not(&table, KIND).hint(format!("Use DROP {} to remove a {kind}.", kind.to_uppercase())));
            }
            TableLookup::Known(_) | TableLookup::NotLoaded => dropped.push(table),
        }
    }
    let mut steps = Vec::new();
    for table in &dropped {
        steps.push(step(cx, format!("DROP TABLE {}{behaviour}", table.text)));
        steps.push(tolerant_step(cx, format!("DROP VIEW {}", query_view(table).text), &[NO_TABLE_SQLCODE]));
    }
    let mut ddl = ddl(TAG, steps);
    for table in &dropped {
        let sql = format!("DROP MATERIALIZED VIEW IF EXISTS {} CASCADE", table.pg);
        ddl = ddl.mirrored(sql, &[table, &query_view(table)]);
    }
    Ok(ddl)
}

/// What drops the materialized views that read what DROP .. CASCADE drops: of these IRIS knows the queries alone.
pub(super) fn cascaded(cx: &Cx<'_>, dropped: &[Table]) -> (Vec<ScriptStep>, Vec<Table>) {
    let mut left: Vec<RelationName> = dropped.iter().map(|table| table.lookup.clone()).collect();
    let mut seen = left.clone();
    let mut tables: Vec<Table> = Vec::new();
    while let Some(name) = left.pop() {
        let Some(facts) = cx.views(&name) else { continue };
        for reader in &facts.readers {
            let table = of_query_view(reader);
            for next in table.iter().chain([reader]) {
                if !seen.contains(next) {
                    seen.push(next.clone());
                    left.push(next.clone());
                }
            }
            let table = table.map(|name| Table::of_iris(cx, &name));
            tables.extend(table.filter(|table| !tables.iter().any(|other| other.is(table))));
        }
    }
    let text = |table: &Table| format!("DROP TABLE {} CASCADE", table.text);
    let steps = tables.iter().map(|table| tolerant_step(cx, text(table), &[NO_TABLE_SQLCODE])).collect();
    (steps, tables)
}

/// REFRESH: all rows go, and those come that the query has now.
pub(super) fn refresh(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    const TAG: &str = "REFRESH MATERIALIZED VIEW";
    let table = Table::existing(cx, &need(stmt, SyntaxKind::VIEW_REF)?, RELATION)?;
    let facts = match cx.facts(&table.lookup) {
        TableLookup::Known(facts) if facts.is_materialized => facts,
        TableLookup::Known(_) => {
            return Err(PgError::unsupported(format!("\"{}\" is not a {KIND}", table.name())));
        }
        TableLookup::Missing => return Err(table.undefined(cx, RELATION)),
        TableLookup::NotLoaded => return Ok(ddl(TAG, Vec::new())),
    };
    let is_concurrent = nodes::has_token(stmt, SyntaxKind::CONCURRENTLY_KW);
    if let Some(clause) = nodes::child(stmt, SyntaxKind::WITH_NO_DATA) {
        if is_concurrent {
            let message = "CONCURRENTLY and WITH NO DATA options cannot be used together";
            return Err(PgError::error(SqlState::SYNTAX_ERROR, message));
        }
        return Err(unsupported(&clause, "a materialized view without rows is not supported"));
    }
    if is_concurrent && facts.unique_keys.is_empty() {
        let schema =
            if table.iris.0.eq_ignore_ascii_case(cx.options.default_schema) { "public" } else { &table.iris.0 };
        let message = format!("cannot refresh materialized view \"{schema}.{}\" concurrently", table.name());
        return Err(PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            .hint("Create a unique index with no WHERE clause on one or more columns of the materialized view."));
    }
    let Some(insert) = filled(cx, stmt, &table, &facts)? else { return Ok(ddl(TAG, Vec::new())) };
    let steps = vec![step(cx, format!("DELETE FROM {}", table.text)), step(cx, insert)];
    Ok(ddl(TAG, steps))
}

/// The INSERT that fills it; `None`: it is translated again when what it reads is known.
fn filled(cx: &Cx<'_>, stmt: &SyntaxNode, table: &Table, facts: &TableFacts) -> Result<Option<String>> {
    let view = query_view(table);
    let columns: Vec<String> = facts.columns.iter().map(|column| quoted_name(&column.name)).collect();
    let sql = format!("SELECT {} FROM {}", columns.join(", "), pg_name(cx, &view));
    let mut template = Template::default();
    template.scan(&sql)?;
    let inner = Cx::new(&sql, &template, cx.schema, cx.options, cx.rules);
    let missing = || {
        unsupported(stmt, format!("IRIS does not have the query of materialized view \"{}\"", table.name()))
            .hint("Drop it, and create it anew.")
    };
    let node = lone_statement(&sql).ok_or_else(missing)?;
    let query =
        inline(&inner, &node, Place::Inner).and_then(|query| inner.assigned_query(query, &facts.columns, at(&node)));
    let needed = inner.take_needed();
    if !needed.is_empty() {
        needed.into_iter().for_each(|need| cx.need(need));
        return Ok(None);
    }
    if matches!(cx.facts(&view.lookup), TableLookup::Missing) {
        return Err(missing());
    }
    let names: Vec<String> = facts.columns.iter().map(|column| names::iris_name_of(&column.name)).collect();
    let head = format!("INSERT INTO {} ({}) ", table.text, names.join(", "));
    Ok(Some(without_marks(&node, Frag::cat(&[&head, &query?.frag], Ty::Any))?.text))
}

/// 42809 for what is no such thing.
pub(super) fn is_not(table: &Table, what: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"42809"), format!("\"{}\" is not a {what}", table.name()))
}

/// # Errors
/// 42809 for a materialized view where a table or view is meant.
pub(super) fn refuse(cx: &Cx<'_>, table: &Table, what: &str) -> Result<()> {
    match cx.facts(&table.lookup) {
        TableLookup::Known(facts) if facts.is_materialized => {
            Err(is_not(table, what).hint("Use DROP MATERIALIZED VIEW to remove a materialized view."))
        }
        _ => Ok(()),
    }
}
