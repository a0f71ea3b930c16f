//! What definitions are made of, and what all of them ask of their nodes.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::table::Table;
use crate::sql::iris_text;
use crate::sql::plan::{
    Action, EnumChange, MirrorStatement, OwnedChange, Rehearsal, Reversal, RunIf, ScriptStep, StepRole,
    TemporaryChange, TypeCommand,
};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty};
use crate::sql::translate::mirror;
use crate::wire::{PgError, Severity, SqlState};

/// A translated definition.
#[derive(Debug)]
pub(crate) struct Ddl {
    pub action: Action,
    pub tag: String,
    pub mirror: Vec<MirrorStatement>,
    pub mirror_decides: bool,
    pub enum_change: Option<EnumChange>,
    pub type_command: Option<TypeCommand>,
    pub temporary: Option<TemporaryChange>,
    pub owned: Vec<OwnedChange>,
    pub rehearsal: Option<Box<Rehearsal>>,
    /// Of ALTER TABLE: how many steps there are in front of each action.
    pub action_steps: Vec<usize>,
    pub reversal: Option<Box<Reversal>>,
}

impl Ddl {
    /// With a statement for the mirror, which makes, changes or drops `tables`.
    pub(crate) fn mirrored(mut self, sql: impl Into<String>, tables: &[&Table]) -> Self {
        let relations = tables.iter().map(|table| table.iris.clone()).collect();
        self.mirror.push(MirrorStatement { sql: sql.into(), otherwise: None, relations });
        self
    }

    /// With the statement's own words for the mirror.
    pub(crate) fn mirrored_as_written(self, cx: &Cx<'_>, stmt: &SyntaxNode, tables: &[&Table]) -> Self {
        let text = mirror::requalified_without(stmt, cx.options.default_schema, NOT_FOR_THE_MIRROR);
        self.mirrored(text.trim_end_matches([';', ' ', '\n', '\t', '\r']), tables)
    }

    /// PostgreSQL is asked first whether anything is wrong with it.
    pub(crate) fn tried(self) -> Self {
        self.rehearsed(Rehearsal::default())
    }

    /// The same, with what goes in front of it and behind it.
    pub(crate) fn rehearsed(mut self, rehearsal: Rehearsal) -> Self {
        self.rehearsal = Some(Box::new(rehearsal));
        self
    }

    /// The mirror says whether there was such an object.
    pub(crate) fn decided_by_mirror(mut self) -> Self {
        self.mirror_decides = true;
        self
    }
}

/// Files, owners, and ways to run a statement: the mirror has one user, no files, and runs its changes in transactions. What is
/// temporary is an ordinary table there, in a schema that only its session sees.
pub(crate) const NOT_FOR_THE_MIRROR: &[SyntaxKind] = &[
    SyntaxKind::TABLESPACE_CLAUSE,
    SyntaxKind::CONSTRAINT_INDEX_TABLESPACE,
    SyntaxKind::CONCURRENTLY_KW,
    SyntaxKind::TEMP,
    SyntaxKind::ON_COMMIT,
];

/// A name as typed, in lower case unless it is quoted.
pub(crate) fn typed_folded(typed: &str) -> String {
    if typed.starts_with('"') { typed.to_owned() } else { typed.to_lowercase() }
}

/// A name that a definition makes or uses, for the text.
pub(crate) fn defined(typed: &str) -> Result<String> {
    names::iris_name(&typed_folded(typed))
}

/// The first name in a node, as typed; 42601 when there is none.
pub(crate) fn first_name(node: &SyntaxNode) -> Result<String> {
    names::first(node).ok_or_else(|| {
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: a name is missing").position(nodes::offset(at(node)))
    })
}

/// A new name, in quotes: IRIS would show an unquoted one in capitals.
pub(crate) fn new_name(node: &SyntaxNode) -> Result<String> {
    let typed = first_name(node)?;
    let name = defined(&typed)?;
    Ok(if name.starts_with('"') { name } else { iris_text::quoted_name(&name) })
}

/// The named child, which the grammar demands: 42601 without it.
pub(crate) fn need(node: &SyntaxNode, kind: SyntaxKind) -> Result<SyntaxNode> {
    nodes::child(node, kind).ok_or_else(|| {
        PgError::error(SqlState::SYNTAX_ERROR, "syntax error: the statement is not complete")
            .position(nodes::offset(at(node)))
    })
}

/// The parser takes a statement that ends too early.
pub(crate) fn end_of_input(stmt: &SyntaxNode) -> Box<PgError> {
    PgError::error(SqlState::SYNTAX_ERROR, "syntax error at end of input")
        .position(nodes::offset(stmt.text_range().end().into()))
}

pub(crate) fn at(node: &SyntaxNode) -> usize {
    node.text_range().start().into()
}

pub(crate) fn step(cx: &Cx<'_>, text: impl Into<String>) -> ScriptStep {
    tolerant_step(cx, text, &[])
}

/// A step whose failure with one of `ignored` (SQLCODEs without sign) is none.
pub(crate) fn tolerant_step(cx: &Cx<'_>, text: impl Into<String>, ignored: &[i32]) -> ScriptStep {
    ScriptStep {
        plan: cx.plan(Frag::atom(text, Ty::Any), Vec::new(), false),
        role: StepRole::Silent,
        run_if: RunIf::Always,
        ignored_sqlcodes: ignored.to_vec(),
    }
}

/// The steps, or nothing to do.
pub(crate) fn ddl(tag: &str, steps: Vec<ScriptStep>) -> Ddl {
    let action = if steps.is_empty() { Action::Accepted } else { Action::Script(steps) };
    Ddl {
        action,
        tag: tag.to_owned(),
        mirror: Vec::new(),
        mirror_decides: false,
        enum_change: None,
        type_command: None,
        temporary: None,
        owned: Vec::new(),
        rehearsal: None,
        action_steps: Vec::new(),
        reversal: None,
    }
}

/// Nothing for IRIS to do: the mirror keeps it and says what is wrong with it.
pub(crate) fn mirror_only(tag: &str) -> Ddl {
    Ddl { action: Action::MirrorOnly, ..ddl(tag, Vec::new()) }.decided_by_mirror()
}

/// Nothing of it is kept in IRIS.
pub(crate) fn warn_not_kept(cx: &Cx<'_>, severity: Severity, what: &str) {
    let code = if severity == Severity::Warning { SqlState::WARNING } else { SqlState::SUCCESSFUL_COMPLETION };
    let mut notice = PgError::new(severity, code, what);
    notice.detail = Some("It is known until the gateway restarts, and to this gateway only.".to_owned());
    cx.notice(*notice);
}

pub(crate) fn accepted(tag: &str) -> Ddl {
    ddl(tag, Vec::new())
}

pub(crate) fn notice(cx: &Cx<'_>, code: SqlState, message: impl Into<String>) {
    cx.notice(*PgError::new(Severity::Notice, code, message));
}

/// NOTICE of IF EXISTS.
pub(crate) fn skipping(cx: &Cx<'_>, message: &str) {
    notice(cx, SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
}

pub(crate) fn unsupported(node: &SyntaxNode, message: impl Into<String>) -> Box<PgError> {
    PgError::unsupported(message).position(nodes::offset(at(node)))
}

/// Whether CASCADE is said.
pub(crate) fn cascades(node: &SyntaxNode) -> bool {
    nodes::child(node, SyntaxKind::CASCADE).is_some()
}

pub(crate) fn has_child(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    nodes::child(node, kind).is_some()
}
