//! Definitions: CREATE, ALTER, DROP and TRUNCATE.
//!
//! IRIS compiles a definition instead of running it with values, so every literal stays in its text. Names that come
//! into being are written as PostgreSQL folds them: IRIS keeps a name's case and shows it to clients.

mod alter_table;
mod comment;
mod constraint;
mod create_table;
mod default;
mod drop;
mod from_query;
mod index;
mod refused;
mod rename;
mod schema;
mod types;
mod user_type;

#[cfg(test)]
mod tests;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::cx::{self, Cx, Result};
use super::frag::{Frag, Ty};
use super::{mirror, names};
use crate::sql::plan::{Action, EnumChange, MirrorStatement, RunIf, ScriptStep, StepRole};
use crate::sql::schema::RelationName;
use crate::wire::{PgError, Severity, SqlState};

/// A translated definition.
#[derive(Debug)]
pub struct Ddl {
    pub action: Action,
    pub tag: String,
    pub mirror: Vec<MirrorStatement>,
    pub mirror_decides: bool,
    pub enum_change: Option<EnumChange>,
}

impl Ddl {
    /// With a statement for the mirror, which makes, changes or drops `tables`.
    fn mirrored(mut self, sql: impl Into<String>, tables: &[&Table]) -> Self {
        let relations = tables.iter().map(|table| table.iris.clone()).collect();
        self.mirror.push(MirrorStatement { sql: sql.into(), otherwise: None, relations });
        self
    }

    /// With the statement's own words for the mirror.
    fn mirrored_as_written(self, cx: &Cx<'_>, stmt: &SyntaxNode, tables: &[&Table]) -> Self {
        let text = mirror::requalified_without(stmt, cx.options.default_schema, NOT_FOR_THE_MIRROR);
        self.mirrored(text.trim_end_matches([';', ' ', '\n', '\t', '\r']), tables)
    }

    /// The mirror says whether there was such an object.
    fn decided_by_mirror(mut self) -> Self {
        self.mirror_decides = true;
        self
    }
}

/// Files, owners, and ways to run a statement: the mirror has one user, no files, and runs its changes in transactions.
const NOT_FOR_THE_MIRROR: &[SyntaxKind] =
    &[SyntaxKind::TABLESPACE_CLAUSE, SyntaxKind::CONSTRAINT_INDEX_TABLESPACE, SyntaxKind::CONCURRENTLY_KW];

/// Translates a definition; `None` for statements that are none.
///
/// # Errors
/// What PostgreSQL would say of the statement, 0A000 for what IRIS has no way to do.
pub fn translate(cx: &Cx<'_>, stmt: &SyntaxNode) -> Result<Option<Ddl>> {
    cx.inlined(true, || {
        let ddl = match stmt.kind() {
            SyntaxKind::CREATE_TABLE => create_table::create_table(cx, stmt)?,
            SyntaxKind::ALTER_TABLE => alter_table::alter_table(cx, stmt)?,
            SyntaxKind::ALTER_VIEW if let Some(action) = cx::child(stmt, SyntaxKind::VIEW_RENAME_TO) => {
                rename::rename_view(cx, stmt, &action)?
            }
            SyntaxKind::CREATE_INDEX => index::create_index(cx, stmt)?,
            SyntaxKind::DROP_TABLE => drop::drop_table(cx, stmt)?,
            SyntaxKind::DROP_VIEW => drop::drop_view(cx, stmt)?,
            SyntaxKind::DROP_INDEX => drop::drop_index(cx, stmt)?,
            SyntaxKind::TRUNCATE => drop::truncate(cx, stmt)?,
            SyntaxKind::CREATE_SCHEMA => schema::create_schema(cx, stmt)?,
            SyntaxKind::DROP_SCHEMA => schema::drop_schema(cx, stmt)?,
            SyntaxKind::CREATE_EXTENSION => schema::create_extension(cx, stmt)?,
            SyntaxKind::DROP_EXTENSION => schema::drop_extension(cx, stmt)?,
            SyntaxKind::CREATE_TABLE_AS => from_query::create_table_as(cx, stmt)?,
            SyntaxKind::SELECT_INTO => from_query::select_into(cx, stmt)?,
            SyntaxKind::CREATE_VIEW => from_query::create_view(cx, stmt)?,
            SyntaxKind::COMMENT_ON => comment::comment_on(cx, stmt),
            SyntaxKind::CREATE_TYPE if user_type::is_enum(stmt) => user_type::create_enum(cx, stmt)?,
            SyntaxKind::ALTER_TYPE if user_type::is_supported(stmt) => user_type::alter_type(cx, stmt)?,
            SyntaxKind::DROP_TYPE => user_type::drop_type(cx, stmt),
            _ => return refused::translate(cx, stmt),
        };
        Ok(Some(ddl))
    })
}

/// A table a definition names.
#[derive(Debug, Clone)]
struct Table {
    /// For the text: schema and name.
    text: String,
    lookup: RelationName,
    /// IRIS schema and name, for the mirror.
    iris: (String, String),
    /// As the client wrote it, folded and in quotes: for statements to the mirror that are not the client's own.
    pg: String,
}

impl Table {
    /// Of a `TABLE_NAME`, `TABLE_NAME_REF`, `TABLE_RELATION_NAME`, `VIEW` or `VIEW_REF`.
    fn of(cx: &Cx<'_>, node: &SyntaxNode) -> Result<Self> {
        let parts: Vec<String> = names::parts(node).iter().map(|part| typed_folded(part)).collect();
        let (text, lookup) = cx.relation(&parts)?;
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let schema = match lookup.schema.as_deref() {
            Some(schema) if schema != "public" && !schema.eq_ignore_ascii_case(cx.options.default_schema) => {
                schema.to_owned()
            }
            _ => cx.options.default_schema.to_owned(),
        };
        let pg = match lookup.schema.as_deref() {
            None => quoted(&lookup.name),
            Some(schema) if schema.eq_ignore_ascii_case(cx.options.default_schema) => {
                format!("public.{}", quoted(&lookup.name))
            }
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&lookup.name)),
        };
        if cx.options.side_table.is_some_and(|table| table.is(&schema, &lookup.name)) {
            let message = format!("permission denied for table {}", lookup.name);
            return Err(PgError::error(SqlState(*b"42501"), message)
                .detail("The gateway keeps comments in it: it is the catalog_side_table of the configuration.")
                .position(cx::offset(at(node))));
        }
        let iris = (schema, lookup.name.clone());
        Ok(Self { text, lookup, iris, pg })
    }

    /// One that IRIS has named; `pg` is empty.
    fn of_iris(cx: &Cx<'_>, name: &RelationName) -> Self {
        let schema = name.schema.clone().unwrap_or_else(|| cx.options.default_schema.to_owned());
        Self {
            text: format!("{schema}.{}", names::quoted(&name.name)),
            lookup: name.clone(),
            iris: (schema, name.name.clone()),
            pg: String::new(),
        }
    }

    /// What PostgreSQL calls it in messages: without schema.
    fn name(&self) -> &str {
        &self.lookup.name
    }

    /// As [`Table::of`], of one that has to be there; `what` is the word for it in 42P01.
    fn existing(cx: &Cx<'_>, node: &SyntaxNode, what: &str) -> Result<Self> {
        let table = Self::of(cx, node)?;
        if table.is_another(cx) { Err(table.undefined(cx, what)) } else { Ok(table) }
    }

    /// Whether IRIS has it under a name that PostgreSQL tells from this one.
    fn is_another(&self, cx: &Cx<'_>) -> bool {
        cx.is_another(&self.lookup)
    }

    fn undefined(&self, cx: &Cx<'_>, what: &str) -> Box<PgError> {
        if let Some(schema) = self.missing_schema(cx) {
            return schema::undefined(schema);
        }
        PgError::error(SqlState::UNDEFINED_TABLE, format!("{what} \"{}\" does not exist", self.name()))
    }

    /// 3F000 where IRIS would make it in a schema that PostgreSQL tells from the one that is named.
    fn refuse_other_schema(&self, cx: &Cx<'_>, node: &SyntaxNode) -> Result<()> {
        match self.missing_schema(cx) {
            Some(schema) => Err(schema::undefined(schema).position(cx::offset(at(node)))),
            None => Ok(()),
        }
    }

    /// Its schema, where IRIS has one that PostgreSQL tells from it.
    fn missing_schema(&self, cx: &Cx<'_>) -> Option<&str> {
        self.lookup.schema.as_deref().filter(|schema| {
            *schema != "public"
                && !schema.eq_ignore_ascii_case(cx.options.default_schema)
                && cx.is_another_schema(schema)
        })
    }

    /// 42P07 where a name is free to PostgreSQL and taken to IRIS.
    fn refuse_taken(&self, cx: &Cx<'_>) -> Result<()> {
        if !self.is_another(cx) {
            return Ok(());
        }
        let message = format!("relation \"{}\" already exists", self.name());
        Err(PgError::error(SqlState(*b"42P07"), message)
            .detail("IRIS has one whose name differs in case alone, and compares names without case."))
    }

    fn is(&self, other: &Self) -> bool {
        self.iris.0.eq_ignore_ascii_case(&other.iris.0) && self.iris.1.eq_ignore_ascii_case(&other.iris.1)
    }
}

/// What PostgreSQL calls tables and views together.
const RELATION: &str = "relation";

/// A name as typed, in lower case unless it is quoted.
fn typed_folded(typed: &str) -> String {
    if typed.starts_with('"') { typed.to_owned() } else { typed.to_lowercase() }
}

/// A name that a definition makes or uses, for the text.
fn defined(typed: &str) -> Result<String> {
    names::iris_name(&typed_folded(typed))
}

/// The first name in a node, as typed; 42601 when there is none.
fn first_name(node: &SyntaxNode) -> Result<String> {
    names::first(node).ok_or_else(|| {
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a name is missing").position(cx::offset(at(node)))
    })
}

/// A new name, in quotes: IRIS would show an unquoted one in capitals.
fn new_name(node: &SyntaxNode) -> Result<String> {
    let typed = first_name(node)?;
    let name = defined(&typed)?;
    Ok(if name.starts_with('"') { name } else { format!("\"{name}\"") })
}

/// The named child, which the grammar demands: 42601 without it.
fn need(node: &SyntaxNode, kind: SyntaxKind) -> Result<SyntaxNode> {
    cx::child(node, kind).ok_or_else(|| {
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: the statement is not complete")
            .position(cx::offset(at(node)))
    })
}

/// The parser takes a statement that ends too early.
fn end_of_input(stmt: &SyntaxNode) -> Box<PgError> {
    PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input")
        .position(cx::offset(stmt.text_range().end().into()))
}

fn at(node: &SyntaxNode) -> usize {
    node.text_range().start().into()
}

fn step(cx: &Cx<'_>, text: impl Into<String>) -> ScriptStep {
    tolerant_step(cx, text, &[])
}

/// A step whose failure with one of `ignored` (SQLCODEs without sign) is none.
fn tolerant_step(cx: &Cx<'_>, text: impl Into<String>, ignored: &[i32]) -> ScriptStep {
    ScriptStep {
        plan: cx.plan(Frag::atom(text, Ty::Any), Vec::new(), false),
        role: StepRole::Silent,
        run_if: RunIf::Always,
        ignored_sqlcodes: ignored.to_vec(),
    }
}

/// The steps, or nothing to do.
fn ddl(tag: &str, steps: Vec<ScriptStep>) -> Ddl {
    let action = if steps.is_empty() { Action::Accepted } else { Action::Script(steps) };
    Ddl { action, tag: tag.to_owned(), mirror: Vec::new(), mirror_decides: false, enum_change: None }
}

/// Nothing for IRIS to do: the mirror keeps it and says what is wrong with it.
fn mirror_only(tag: &str) -> Ddl {
    Ddl { action: Action::MirrorOnly, tag: tag.to_owned(), mirror: Vec::new(), mirror_decides: true, enum_change: None }
}

/// Nothing of it is kept in IRIS.
fn warn_not_kept(cx: &Cx<'_>, severity: Severity, what: &str) {
    let code = if severity == Severity::Warning { SqlState::WARNING } else { SqlState::SUCCESSFUL_COMPLETION };
    let mut notice = PgError::new(severity, code, what);
    notice.detail = Some("It is known until the gateway restarts, and to this gateway only.".to_owned());
    cx.notice(*notice);
}

fn accepted(tag: &str) -> Ddl {
    ddl(tag, Vec::new())
}

fn notice(cx: &Cx<'_>, code: SqlState, message: impl Into<String>) {
    cx.notice(*PgError::new(Severity::Notice, code, message));
}

/// NOTICE of IF EXISTS.
fn skipping(cx: &Cx<'_>, message: &str) {
    notice(cx, SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
}

fn unsupported(node: &SyntaxNode, message: impl Into<String>) -> Box<PgError> {
    PgError::unsupported(message).position(cx::offset(at(node)))
}

/// Whether CASCADE is said.
fn cascades(node: &SyntaxNode) -> bool {
    cx::child(node, SyntaxKind::CASCADE).is_some()
}

fn has_child(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    cx::child(node, kind).is_some()
}
