//! DROP TABLE, VIEW, INDEX, and TRUNCATE: IRIS takes one object a statement.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{
    Ddl, cascades, ddl, defined, end_of_input, first_name, has_child, mirror_only, notice, skipping, step,
    tolerant_step, unsupported,
};
use super::materialized;
use super::sequence;
use super::table::{RELATION, Table};
use crate::sql::options::is_temporary_schema;
use crate::sql::plan::{OwnedChange, PUT_ASIDE_PREFIX, ReadByView, ScriptStep, TemporaryChange};
use crate::sql::schema::{Named, NamedFacts, RelationName, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::alike;
use crate::sql::translate::context::cx::Cx;
use crate::types::quoted_name;
use crate::wire::{PgError, Severity, SqlState};

/// "Table or view not found", "No such index defined".
const NO_TABLE_SQLCODE: i32 = 30;
const NO_INDEX_SQLCODE: i32 = 333;
/// "Constraint or Key not found".
const NO_CONSTRAINT_SQLCODE: i32 = 315;

pub(super) fn drop_table(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    drop_relations(cx, stmt, SyntaxKind::TABLE_NAME_REF, "TABLE")
}

pub(super) fn drop_view(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    drop_relations(cx, stmt, SyntaxKind::VIEW_REF, "VIEW")
}

fn drop_relations(cx: &Cx<'_>, stmt: &SyntaxNode, kind: SyntaxKind, what: &str) -> Result<Ddl> {
    if !has_child(stmt, kind) {
        return Err(end_of_input(stmt));
    }
    let if_exists = has_child(stmt, SyntaxKind::IF_EXISTS);
    let behaviour = if cascades(stmt) { " CASCADE" } else { "" };
    let ignored: &[i32] = if if_exists { &[NO_TABLE_SQLCODE] } else { &[] };
    let mut dropped = Vec::new();
    for name in nodes::children(stmt, kind) {
        let table = Table::of(cx, &name)?;
        let is_another = table.is_another(cx);
        if is_another && !if_exists {
            return Err(table.undefined(cx, &what.to_lowercase()));
        }
        if is_another && let Some(schema) = table.missing_schema(cx) {
            skipping(cx, &format!("schema \"{schema}\" does not exist"));
            continue;
        }
        let is_known = |name: &str| cx.options.temporary.is_some_and(|all| all.schemas.contains_key(name));
        if table.is_temporary() && !is_known(table.name()) && !if_exists {
            return Err(table.undefined(cx, &what.to_lowercase()));
        }
        if table.is_temporary() && is_known(table.name()) {
            check_kind(cx, &table, what)?;
        }
        if is_another || (if_exists && matches!(cx.facts(&table.lookup), TableLookup::Missing)) {
            skipping(cx, &format!("{} \"{}\" does not exist", what.to_lowercase(), table.name()));
            continue;
        }
        if !table.is_temporary() {
            materialized::refuse(cx, &table, &what.to_lowercase())?;
        }
        dropped.push(table);
    }
    let mut steps = released(cx, &dropped, what, cascades(stmt))?;
    let readers = temporary_readers(cx, stmt, &dropped, what)?;
    // A temporary table is the session's alone to see: it is gone with its name.
    let (temporary, mut dropped): (Vec<_>, Vec<_>) =
        dropped.into_iter().partition(|table| what == "TABLE" && table.is_temporary());
    let mut names: Vec<String> = temporary.into_iter().map(|table| table.lookup.name).collect();
    names.extend(readers.iter().map(|view| view.lookup.name.clone()));
    if what == "VIEW" {
        // What a view reads may be everybody's, who could not drop it while the view is there.
        names.extend(dropped.iter().filter(|table| table.is_temporary()).map(|table| table.lookup.name.clone()));
        dropped.splice(0..0, readers.into_iter().rev());
    }
    for table in &dropped {
        let ignored = if table.is_temporary() { &[NO_TABLE_SQLCODE] } else { ignored };
        steps.push(tolerant_step(cx, format!("DROP {what} {}{behaviour}", table.text), ignored));
    }
    let (more, materialized) =
        if cascades(stmt) { materialized::cascaded(cx, &dropped) } else { (Vec::new(), Vec::new()) };
    steps.extend(more);
    let mut ddl = ddl(&format!("DROP {what}"), steps);
    for table in &dropped {
        // IRIS has decided whether anything depends on it.
        let sql = match table.is_temporary() {
            true => format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted_name(&table.iris.0)),
            false => format!("DROP {what} IF EXISTS {} CASCADE", table.pg),
        };
        let relations: Vec<&Table> = std::iter::once(table).chain(&materialized).collect();
        ddl = ddl.mirrored(sql, &relations);
    }
    if !names.is_empty() {
        ddl.temporary = Some(TemporaryChange::Drop(names));
    }
    Ok(ddl)
}

/// # Errors
/// 42809 for a table where a view is meant, and the other way round.
fn check_kind(cx: &Cx<'_>, table: &Table, what: &str) -> Result<()> {
    let is_view = cx.options.temporary.is_some_and(|all| all.views.contains_key(table.name()));
    if is_view == (what == "VIEW") {
        return Ok(());
    }
    let (meant, other) = if is_view { ("table", "view") } else { ("view", "table") };
    let error = PgError::error(SqlState(*b"42809"), format!("\"{}\" is not a {meant}", table.name()));
    Err(error.hint(format!("Use DROP {} to remove a {other}.", other.to_uppercase())))
}

/// The session's temporary views that read what is dropped, and those that read these: they go with it.
///
/// # Errors
/// 2BP01 where CASCADE is not said; 0A000 where the rollback of such a drop would not bring them back.
fn temporary_readers(cx: &Cx<'_>, stmt: &SyntaxNode, dropped: &[Table], what: &str) -> Result<Vec<Table>> {
    let Some(all) = cx.options.temporary.filter(|all| !all.views.is_empty()) else { return Ok(Vec::new()) };
    for table in dropped {
        // Of another kind IRIS says that it is.
        if cx.views(&table.lookup).is_none_or(|facts| facts.definition.is_some() != (what == "VIEW")) {
            return Ok(Vec::new());
        }
    }
    let mut views: Vec<TemporaryView<'_>> = Vec::new();
    for (name, reads) in all.views {
        views.extend(all.schemas.get(name).map(|schema| TemporaryView { schema, name, reads }));
    }
    // In the order in which they were made: their schemas are numbered.
    views.sort_by_key(|view| (view.schema.len(), view.schema));
    let mut found =
        Readers { views: &views, found: dropped.iter().map(|table| table.iris.clone()).collect(), lines: Vec::new() };
    for table in dropped {
        found.follow(&table.iris, &what.to_lowercase());
    }
    let Readers { found, lines, .. } = found;
    let readers: Vec<Table> =
        found.iter().skip(dropped.len()).map(|(schema, name)| Table::in_schema(schema, name)).collect();
    let Some(first) = readers.first() else { return Ok(readers) };
    if !cascades(stmt) {
        let desired = match dropped {
            [one] => format!("{} {}", what.to_lowercase(), one.name()),
            _ => "desired object(s)".to_owned(),
        };
        let message = format!("cannot drop {desired} because other objects depend on it");
        let message = if dropped.len() > 1 { message.replace("on it", "on them") } else { message };
        return Err(PgError::error(SqlState(*b"2BP01"), message)
            .detail(lines.join("\n"))
            .hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    if !dropped.iter().all(Table::is_temporary) {
        let message = format!("CASCADE to the temporary view \"{}\" of the session is not supported", first.name());
        return Err(unsupported(stmt, message).hint("Drop the temporary view first."));
    }
    match readers.as_slice() {
        [one] => {
            notice(cx, SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to view {}", one.name()));
        }
        several => {
            let message = format!("drop cascades to {} other objects", several.len());
            let lines: Vec<String> =
                several.iter().map(|view| format!("drop cascades to view {}", view.name())).collect();
            let told = PgError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, message);
            cx.notice(*told.detail(lines.join("\n")));
        }
    }
    Ok(readers)
}

struct TemporaryView<'a> {
    schema: &'a str,
    name: &'a str,
    reads: &'a [ReadByView],
}

/// The temporary views that read what is dropped, as they are found.
struct Readers<'a> {
    views: &'a [TemporaryView<'a>],
    /// Schemas and names, those that are dropped first.
    found: Vec<(String, String)>,
    lines: Vec<String>,
}

impl Readers<'_> {
    fn follow(&mut self, dropped: &(String, String), kind: &str) {
        let (schema, name) = dropped;
        // A temporary table is alone in its schema, whatever it was called when the view was made.
        let is_it = |(of, read): &ReadByView| {
            of.eq_ignore_ascii_case(schema) && (is_temporary_schema(of) || read.eq_ignore_ascii_case(name))
        };
        for view in self.views {
            let reader = (view.schema.to_owned(), view.name.to_owned());
            if view.reads.iter().any(is_it) && !self.found.contains(&reader) {
                self.found.push(reader.clone());
                self.lines.push(format!("view {} depends on {kind} {name}", view.name));
                self.follow(&reader, "view");
            }
        }
    }
}

/// Drops the foreign keys that would keep IRIS from dropping a table (-320, whatever is said of CASCADE): those of tables
/// that go too, and with CASCADE those of all others. IRIS takes no definition back, so 2BP01 comes before anything runs.
fn released(cx: &Cx<'_>, dropped: &[Table], what: &str, cascade: bool) -> Result<Vec<ScriptStep>> {
    let mut steps = Vec::new();
    // Of a single table IRIS says itself that it cannot go.
    if what != "TABLE" || !(cascade || dropped.len() > 1 || dropped.iter().any(Table::is_temporary)) {
        return Ok(steps);
    }
    let goes = |name: &RelationName| dropped.iter().any(|table| is_named(table, name));
    let (mut others, mut views_count) = (Vec::new(), 0);
    for table in dropped {
        let Some(dependents) = cx.views(&table.lookup) else { continue };
        let others_before = others.len();
        for (child, key) in dependents.referrers.iter().filter(|(child, _)| !is_named(table, child)) {
            if !goes(child) {
                others.push(format!("constraint {key} on table {}", child.name));
            }
            let schema = quoted_name(child.schema.as_deref().unwrap_or(cx.options.default_schema));
            let (name, key) = (quoted_name(&child.name), quoted_name(key));
            let text = format!("ALTER TABLE {schema}.{name} DROP CONSTRAINT {key}");
            steps.push(tolerant_step(cx, text, &[NO_TABLE_SQLCODE, NO_CONSTRAINT_SQLCODE]));
        }
        // Of the session's own temporary views is told elsewhere; those that it has dropped are there for a while.
        let is_told =
            |view: &&RelationName| table.is_temporary() && view.schema.as_deref().is_some_and(is_temporary_schema);
        let readers: Vec<&RelationName> = dependents.readers.iter().filter(|view| !is_told(view)).collect();
        views_count += readers.len();
        let own = others.get(others_before..).unwrap_or_default().first().cloned();
        let dependent = own.or_else(|| readers.first().map(|view| format!("view {}", view.name)));
        if let Some(dependent) = dependent.filter(|_| !cascade) {
            return Err(held_by(table, &dependent));
        }
    }
    // What becomes of views, IRIS decides.
    match others.as_slice() {
        [] => {}
        [one] if views_count == 0 => {
            notice(cx, SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {one}"));
        }
        _ if views_count == 0 => {
            let message = format!("drop cascades to {} other objects", others.len());
            let lines: Vec<String> = others.iter().map(|one| format!("drop cascades to {one}")).collect();
            let told = PgError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, message);
            cx.notice(*told.detail(lines.join("\n")));
        }
        _ => {}
    }
    Ok(steps)
}

fn is_named(table: &Table, name: &RelationName) -> bool {
    let (schema, own) = &table.iris;
    name.schema.as_deref().is_some_and(|of| of.eq_ignore_ascii_case(schema)) && name.name.eq_ignore_ascii_case(own)
}

fn held_by(table: &Table, dependent: &str) -> Box<PgError> {
    let message = "cannot drop desired object(s) because other objects depend on them";
    PgError::error(SqlState(*b"2BP01"), message)
        .detail(format!("{dependent} depends on table {}", table.name()))
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// PostgreSQL finds an index by its schema and name, IRIS by a name of one table that it compares without case.
pub(super) fn drop_index(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    // An index that IRIS cannot make is the mirror's alone.
    let ignored: &[i32] = &[NO_INDEX_SQLCODE];
    let mut steps = Vec::new();
    for index in nodes::children(stmt, SyntaxKind::INDEX_REF) {
        let mut parts = names::parts(&index);
        let name = match parts.pop() {
            Some(name) => name,
            None => first_name(&index)?,
        };
        let folded = names::folded(&name);
        let found = cx.named(Named::Index, &folded);
        let schema = parts.pop().map(|schema| names::folded(&schema));
        let tables = tables_of(cx, &folded, schema, &found);
        if tables.len() > 1 {
            let message = format!("several tables of IRIS have an index \"{folded}\"");
            return Err(unsupported(&index, message).hint("Drop it in IRIS: DROP INDEX name ON table."));
        }
        for table in tables {
            if table.is_temporary() {
                cx.is_of_session.set(true);
            }
            steps.push(tolerant_step(cx, format!("DROP INDEX {} ON {}", defined(&name)?, table.text), ignored));
            let facts = cx.known(&table.lookup);
            let keys = facts.iter().flat_map(|facts| &facts.rules.keys).filter(|key| key.name == folded);
            for key in keys {
                let column = names::iris_name_of(&key.hidden);
                steps.push(step(cx, format!("ALTER TABLE {} DROP COLUMN {column}", table.text)));
            }
        }
    }
    let dropped = if steps.is_empty() { mirror_only("DROP INDEX") } else { ddl("DROP INDEX", steps) };
    Ok(dropped.mirrored_as_written(cx, stmt, &[]).decided_by_mirror())
}

/// The tables with the index that PostgreSQL finds by a folded name: in the schema that is said, or else in the first one of
/// the search path that has it.
fn tables_of(cx: &Cx<'_>, folded: &str, schema: Option<String>, found: &[NamedFacts]) -> Vec<Table> {
    let own = || vec![cx.options.default_schema.to_owned()];
    let is_on_path = schema.is_none();
    let mut path = match schema {
        Some(schema) if schema == "public" => own(),
        Some(schema) => vec![schema],
        None if cx.options.search_path.is_empty() => own(),
        None => cx.options.search_path.to_vec(),
    };
    if let (true, Some(temporary)) = (is_on_path, cx.options.temporary) {
        path.splice(0..0, temporary.schemas.values().cloned());
    }
    let is_in = |table: &RelationName, schema: &str| {
        // What its transaction has dropped is there until COMMIT.
        if table.name.to_lowercase().starts_with(PUT_ASIDE_PREFIX) {
            return false;
        }
        let of = table.schema.as_deref().unwrap_or_default();
        let schema = if schema == "public" { cx.options.default_schema } else { schema };
        of.eq_ignore_ascii_case(schema)
            && (schema.eq_ignore_ascii_case(cx.options.default_schema)
                || !alike::is_confused(schema, of)
                || !cx.is_another_schema(schema))
    };
    let called = found.iter().filter(|index| index.is_called(folded)).filter_map(|index| index.table.as_ref());
    path.iter()
        .map(|schema| called.clone().filter(|table| is_in(table, schema)).collect::<Vec<_>>())
        .find(|tables| !tables.is_empty())
        .unwrap_or_default()
        .into_iter()
        .map(|table| Table::of_iris(cx, table))
        .collect()
}

/// TRUNCATE TABLE of IRIS sets the counters back in any case; DELETE %NOTRIGGER is the same without that (manual, TRUNCATE
/// TABLE). Foreign keys among the tables are not checked: all their rows go. Keys of others are what PostgreSQL refuses,
/// rows or no rows.
///
/// # Errors
/// 0A000 for a table that another one refers to, 42809 for a view.
pub(super) fn truncate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Ddl> {
    let mut tables = Vec::new();
    for list in nodes::children(stmt, SyntaxKind::TABLE_LIST) {
        for name in nodes::children(&list, SyntaxKind::TABLE_RELATION_NAME) {
            tables.push(Table::existing(cx, &name, RELATION)?);
        }
    }
    let restarts = nodes::child(stmt, SyntaxKind::RESTART_IDENTITY).is_some();
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(table) = tables.get(at).cloned() {
        at += 1;
        // Unless they are known, the statement is translated again.
        let Some(facts) = cx.views(&table.lookup) else { continue };
        let is_materialized = cx.known(&table.lookup).is_some_and(|facts| facts.is_materialized);
        if facts.definition.is_some() || is_materialized {
            let message = format!("\"{}\" is not a table", table.name());
            return Err(PgError::error(SqlState(*b"42809"), message));
        }
        for referrer in facts.referrers.iter().map(|(name, _)| Table::of_iris(cx, name)) {
            if tables.iter().any(|other| other.is(&referrer)) {
                continue;
            }
            if !cascades(stmt) {
                let message = "cannot truncate a table referenced in a foreign key constraint";
                return Err(PgError::unsupported(message)
                    .detail(format!("Table \"{}\" references \"{}\".", referrer.name(), table.name()))
                    .hint(format!(
                        "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                        referrer.name()
                    )));
            }
            let message = format!("truncate cascades to table \"{}\"", referrer.name());
            notice(cx, SqlState::SUCCESSFUL_COMPLETION, message);
            tables.push(referrer);
        }
        let unchecked = if facts.referrers.is_empty() { "" } else { " %NOCHECK" };
        let text = if restarts {
            format!("TRUNCATE TABLE{unchecked} {}", table.text)
        } else {
            format!("DELETE %NOTRIGGER{unchecked} FROM {}", table.text)
        };
        steps.push(step(cx, text));
    }
    let mut truncated = ddl("TRUNCATE TABLE", steps);
    if restarts {
        let names = tables.iter().map(|table| sequence::pg_name(cx, table));
        truncated.owned.extend(names.map(|(schema, table)| OwnedChange::TableRestarted { schema, table }));
    }
    Ok(truncated)
}
