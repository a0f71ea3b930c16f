//! Definitions with a query inside: CREATE TABLE .. AS, SELECT INTO, CREATE VIEW.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint::defined_list;
use super::create_table::Column;
use super::definition::{Ddl, accepted, at, ddl, first_name, has_child, need, notice, tolerant_step, unsupported};
use super::query_text::{inline, refuse_alike};
use super::table::Table;
use super::temporary::NewTable;
use super::types::type_of_query;
use crate::sql::description::{DeclaredType, table_note, view_columns_note, view_note};
use crate::sql::iris_text;
use crate::sql::plan::{Rehearsal, ScriptStep, StepRole};
use crate::sql::schema::{ColumnFacts, TableLookup, VectorElement};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::context::query::{Place, Query};
use crate::sql::translate::context::scope;
use crate::sql::translate::mirror;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// "Table or view already exists".
const EXISTS_SQLCODE: i32 = 201;

/// The rows put into the new table are what PostgreSQL's tag counts.
pub(super) fn create_table_as(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let new = NewTable::of(cx, stmt, stmt, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    let table = &new.table;
    table.refuse_other_schema(cx, &need(stmt, SyntaxKind::TABLE_NAME)?)?;
    let if_not_exists = has_child(stmt, SyntaxKind::IF_NOT_EXISTS);
    if if_not_exists {
        table.refuse_taken(cx)?;
    }
    if if_not_exists && new.is_there(cx) {
        notice(cx, SqlState(*b"42P07"), format!("relation \"{}\" already exists, skipping", table.name()));
        return Ok(accepted("CREATE TABLE AS"));
    }
    new.refuse_taken()?;
    if let Some(names) = nodes::child(stmt, SyntaxKind::TABLE_ARG_LIST) {
        return Err(unsupported(&names, "column names in CREATE TABLE .. AS are not supported by IRIS")
            .hint("Name the columns in the query: SELECT x AS name."));
    }
    if let Some(execute) = nodes::child(stmt, SyntaxKind::EXECUTE) {
        return Err(unsupported(&execute, "CREATE TABLE .. AS EXECUTE is not supported"));
    }
    let query = query_of(stmt)?;
    let with_data = !has_child(stmt, SyntaxKind::WITH_NO_DATA);
    let kept = Kept { with_data, if_not_exists, names: &[], note: &table_note(&[]) };
    let steps = made(cx, table, &query, &kept)?;
    let exists = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let select = mirror::requalified(&query, cx.options.default_schema);
    let mirror = format!("CREATE TABLE {exists}{} AS {select} WITH NO DATA", in_mirror(cx, table));
    let tag = if with_data { "SELECT" } else { "CREATE TABLE AS" };
    Ok(new.made(ddl(tag, steps).mirrored(mirror, &[table])))
}

/// Its name with a schema: temporary tables, which the query may read, come first there.
fn in_mirror(cx: &Cx<'_>, table: &Table) -> String {
    if table.lookup.schema.is_none() && cx.is_of_session.get() {
        return format!("public.{}", table.pg);
    }
    table.pg.clone()
}

pub(super) fn select_into(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let clause = need(stmt, SyntaxKind::INTO_CLAUSE)?;
    let new = NewTable::of(cx, stmt, &clause, &need(&clause, SyntaxKind::TABLE_NAME)?)?;
    let table = &new.table;
    new.refuse_taken()?;
    table.refuse_other_schema(cx, &need(&clause, SyntaxKind::TABLE_NAME)?)?;
    let kept = Kept { with_data: true, if_not_exists: false, names: &[], note: &table_note(&[]) };
    let steps = made(cx, table, stmt, &kept)?;
    let select = mirror::requalified_without(stmt, cx.options.default_schema, &[SyntaxKind::INTO_CLAUSE]);
    let select = select.trim_end_matches([';', ' ', '\n', '\t', '\r']);
    let mirror = format!("CREATE TABLE {} AS {select} WITH NO DATA", in_mirror(cx, table));
    Ok(new.made(ddl("SELECT", steps).mirrored(mirror, &[table])))
}

/// How the rows of a query are kept.
pub(super) struct Kept<'a> {
    pub with_data: bool,
    pub if_not_exists: bool,
    /// Of the first columns, as typed.
    pub names: &'a [String],
    /// The table's description.
    pub note: &'a str,
}

/// The table with the types of the query's columns, and its rows: IRIS's own CREATE TABLE .. AS would give the columns
/// what IRIS calls their types, and forget what PostgreSQL does.
pub(super) fn made(cx: &Cx<'_>, table: &Table, node: &SyntaxNode, kept: &Kept<'_>) -> Result<Vec<ScriptStep>> {
    let Kept { with_data, if_not_exists, names, note } = *kept;
    cx.expands.set(true);
    let query = inline(cx, node, Place::Inner);
    cx.expands.set(false);
    let query = query?;
    if names.is_empty() {
        refuse_alike(query.shape.as_deref().unwrap_or_default())?;
    }
    let mut columns = Vec::new();
    let mut facts = Vec::new();
    for (n, shown) in query.shape.as_deref().ok_or_else(|| unknown_column(cx, node, "*"))?.iter().enumerate() {
        let pg_type = type_told(shown.ty).ok_or_else(|| unknown_column(cx, node, &shown.name))?;
        let enum_type = shown.enum_type.as_deref().cloned();
        let column_type = type_of_query(cx, pg_type, enum_type, shown.named.as_deref())
            .map_err(|error| error.position(nodes::offset(at(node))))?;
        let folded = names.get(n).map_or_else(|| shown.name.clone(), |name| names::folded(name));
        let name = names::iris_name_of(&folded);
        columns.push((name.clone(), Column::plain(name, column_type).text(cx)?));
        facts.push(ColumnFacts {
            name: folded,
            pg_type,
            nullable: true,
            identity: false,
            has_default: false,
            folds_case: false,
            draws: None,
            constant_default: None,
            enum_type: shown.enum_type.clone(),
            named: None,
            is_stream: false,
            vector_element: VectorElement::Double,
            is_spelled: true,
        });
    }
    let (names, mut texts): (Vec<String>, Vec<String>) = columns.into_iter().unzip();
    texts.push(format!("%DESCRIPTION {}", iris_text::quoted(note)));
    let ignored: &[i32] = if if_not_exists && !with_data { &[EXISTS_SQLCODE] } else { &[] };
    let mut steps = vec![tolerant_step(cx, format!("CREATE TABLE {} ({})", table.text, texts.join(", ")), ignored)];
    if with_data {
        let query = cx.assigned_query(query, &facts, at(node))?;
        let head = format!("INSERT INTO {} ({}) ", table.text, names.join(", "));
        let insert = without_marks(node, Frag::cat(&[&head, &query.frag], Ty::Any))?;
        steps.push(ScriptStep::new(cx.plan(insert, Vec::new(), false), StepRole::Count));
        let undo = Frag::atom(format!("DROP TABLE {}", table.text), Ty::Any);
        steps.push(ScriptStep::new(cx.plan(undo, Vec::new(), false), StepRole::Undo));
    }
    Ok(steps)
}

/// What PostgreSQL calls the type of a column, where that is known; a constant without a type is text.
fn type_told(ty: Ty) -> Option<PgType> {
    match ty {
        Ty::Known(pg_type) => Some(pg_type),
        Ty::Untyped => Some(PgType::new(Oid::TEXT)),
        Ty::Any | Ty::Parameter(_) => None,
    }
}

fn unknown_column(cx: &Cx<'_>, node: &SyntaxNode, name: &str) -> Box<PgError> {
    for relation in node.descendants().filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF) {
        let parts = names::parts(&relation);
        let Ok((_, lookup)) = cx.relation(&parts) else { continue };
        if matches!(cx.facts(&lookup), TableLookup::Missing) {
            let typed = parts.iter().map(|part| names::folded(part)).collect::<Vec<_>>().join(".");
            let message = format!("relation \"{typed}\" does not exist");
            return PgError::error(SqlState::UNDEFINED_TABLE, message).position(nodes::offset(at(&relation)));
        }
    }
    unsupported(node, format!("the type of the column \"{name}\" is known to IRIS alone"))
        .hint("Cast it, or create the table with its columns and INSERT the query.")
}

pub(super) fn create_view(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    if nodes::has_token(stmt, SyntaxKind::RECURSIVE_KW) {
        return Err(unsupported(stmt, "recursive views are not supported by IRIS"));
    }
    let own = query_of(stmt)?;
    cx.read_by_view.replace(Some(Vec::new()));
    let translated = inline(cx, &own, Place::Table);
    let reads = cx.read_by_view.take().unwrap_or_default();
    let translated = translated?;
    let name = need(stmt, SyntaxKind::VIEW)?;
    let new = NewTable::of_view(cx, stmt, &name, reads)?;
    let view = &new.table;
    let replaces = has_child(stmt, SyntaxKind::OR_REPLACE);
    view.refuse_other_schema(cx, &name)?;
    if replaces {
        view.refuse_taken(cx)?;
    } else {
        new.refuse_taken()?;
    }
    let names = column_names(stmt)?;
    if names.is_empty() {
        refuse_alike(translated.shape.as_deref().unwrap_or_default())?;
    }
    let query = kept_query(cx, stmt, &own, translated)?;
    let verb = if replaces { "CREATE OR REPLACE VIEW" } else { "CREATE VIEW" };
    let mut text = format!("{verb} {}", view.text);
    if !names.is_empty() {
        text.push_str(&format!(" ({})", defined_list(&names)?));
    }
    text.push_str(&format!(" AS {query}"));
    if let Some(option) = nodes::child(stmt, SyntaxKind::WITH_CHECK_OPTION) {
        let level = if has_child(&option, SyntaxKind::LOCAL_CHECK_OPTION) { "LOCAL " } else { "" };
        text.push_str(&format!(" WITH {level}CHECK OPTION"));
    }
    let mut made = ddl("CREATE VIEW", vec![tolerant_step(cx, text, &[])]);
    if replaces {
        // IRIS gives a view any columns; what it reads IRIS knows better.
        made = made.rehearsed(Rehearsal { only: Some(SqlState(*b"42P16")), ..Rehearsal::default() });
    }
    if !view.is_temporary() {
        return Ok(made.mirrored_as_written(cx, stmt, &[view]));
    }
    let rest = mirror::requalified_behind(stmt, &name, cx.options.default_schema);
    let rest = rest.trim_end_matches([';', ' ', '\n', '\t', '\r']);
    Ok(new.made(made.mirrored(format!("{verb} {} {rest}", view.pg), &[view])))
}

/// The names that a view gives to its columns, as typed.
pub(super) fn column_names(stmt: &SyntaxNode) -> Result<Vec<String>> {
    match nodes::child(stmt, SyntaxKind::COLUMN_LIST) {
        Some(list) => nodes::children(&list, SyntaxKind::COLUMN_NAME).map(|name| first_name(&name)).collect(),
        None => Ok(Vec::new()),
    }
}

/// The query of a view as IRIS keeps it, with the types of its columns and PostgreSQL's words for it.
pub(super) fn kept_query(cx: &Cx<'_>, stmt: &SyntaxNode, own: &SyntaxNode, translated: Query) -> Result<String> {
    let types = translated.shape.as_ref().map(|shape| {
        let told = |column: &scope::Column| match &column.enum_type {
            None if let Some(named) = &column.named => Some(DeclaredType::Named(named.as_ref().clone())),
            Some(declared) => Some(DeclaredType::Enum(declared.as_ref().clone())),
            // What is said here is a vector as the gateway makes them.
            None if column.vector_element != VectorElement::Double => None,
            None => type_told(column.ty).map(DeclaredType::Plain),
        };
        shape.iter().map(told).collect()
    });
    let types = types.filter(|types: &Vec<_>| types.iter().any(Option::is_some));
    let mut query = without_marks(own, translated.frag)?.text;
    // Behind the first word: IRIS keeps the query's text from there on.
    let types = types.map(|types| view_columns_note(&types).ok_or(())).transpose();
    let Ok(types) = types else {
        return Err(unsupported(
            stmt,
            "a view with so many columns is not supported: IRIS has no place for their types",
        ));
    };
    let own = view_note(&mirror::requalified(own, cx.options.default_schema));
    for note in own.into_iter().chain(types) {
        if let Some((word, rest)) = query.split_once(' ') {
            query = format!("{word} {note} {rest}");
        }
    }
    Ok(query)
}

/// A query whose constants are in its text; a definition has no place for values that come later.
pub(super) fn without_marks(node: &SyntaxNode, frag: Frag) -> Result<Frag> {
    if frag.marks.is_empty() {
        return Ok(frag);
    }
    Err(unsupported(node, "parameters and session values are not supported in definitions")
        .hint("Write constants; strings with control characters are no constants for IRIS."))
}

pub(super) fn query_of(stmt: &SyntaxNode) -> Result<SyntaxNode> {
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
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a query is missing").position(nodes::offset(at(stmt)))
    })
}
