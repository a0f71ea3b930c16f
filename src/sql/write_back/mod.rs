//! Changes of rows that IRIS cannot compute: PostgreSQL computes the new rows by a query, and IRIS stores them.
//!
//! The change is taken apart into statements like a client's, in PostgreSQL's SQL: a query that gives what has to be
//! written, one that locks the rows to be changed, and one that writes a row. What the query asks is answered by whoever
//! can, as any query of a client.

mod insert;
mod joined;
mod locking;
mod merge;
mod returning;
mod ruled;
mod ruled_insert;
mod staged;
mod target;
mod update;
mod upsert;

use std::ops::Range;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::options::{TranslateError, TranslateOptions, Translated};
use super::plan::Action;
use super::schema::Schema;
use super::syntax::nodes;
use super::syntax::parse::lone_statement;
use super::template::Template;
use super::translate::context::cx::Cx;
use super::translate::{RULES, trial};
use super::write_plan::WriteBack;

/// A change of rows taken apart; `None` where it cannot be.
///
/// # Errors
/// [`TranslateError::NeedTables`], as of [`translate`].
pub(crate) fn write_back(
    sql: &str,
    template: &Template,
    schema: &dyn Schema,
    options: &TranslateOptions<'_>,
) -> Result<Option<Translated>, TranslateError> {
    let Some(statement) = lone_statement(sql) else { return Ok(None) };
    let cx = Cx::new(sql, template, schema, options, RULES);
    let change = Change { cx: &cx, node: &statement };
    let tag = match statement.kind() {
        SyntaxKind::INSERT => "INSERT 0",
        SyntaxKind::UPDATE => "UPDATE",
        SyntaxKind::DELETE => "DELETE",
        SyntaxKind::MERGE => "MERGE",
        kind if nodes::is_query(kind) => "SELECT",
        _ => return Ok(None),
    };
    let written = |made: Option<WriteBack>| made.map(|made| Action::WriteBack(Box::new(made)));
    let stages = change.stages();
    let made = match statement.kind() {
        _ if !stages.is_empty() => change.staged(&stages).map(|staged| Action::Staged(Box::new(staged))),
        SyntaxKind::INSERT => written(change.insert()?),
        SyntaxKind::UPDATE => written(change.update()?),
        SyntaxKind::DELETE => written(change.delete()?),
        SyntaxKind::MERGE => written(change.merge()?),
        _ => change.locking()?.map(|made| Action::LockRows(Box::new(made))),
    };
    let needed = cx.take_needed();
    if !needed.is_empty() {
        return Err(TranslateError::NeedTables(needed));
    }
    Ok(made.map(|action| Translated::of_text(action, tag, template, options)))
}

/// A change of rows.
struct Change<'a, 'b> {
    cx: &'a Cx<'b>,
    node: &'a SyntaxNode,
}

type Made = Result<Option<WriteBack>, TranslateError>;

impl Change<'_, '_> {
    fn text(&self, range: Range<usize>) -> &str {
        self.cx.sql.get(range).unwrap_or_default()
    }

    fn text_of(&self, node: &SyntaxNode) -> &str {
        self.text(nodes::range(node))
    }

    /// A clause of the change as written, with a blank in front; nothing where it has none.
    fn clause(&self, kind: SyntaxKind) -> String {
        nodes::child(self.node, kind).map(|clause| format!(" {}", self.text_of(&clause))).unwrap_or_default()
    }

    /// WITH in front of the change, whose tables the query reads.
    fn with(&self) -> String {
        let with = nodes::child(self.node, SyntaxKind::WITH_CLAUSE);
        with.map(|with| format!("{} ", self.text_of(&with))).unwrap_or_default()
    }

    /// Whether IRIS can do what a statement says, exactly as PostgreSQL means it, as far as translation can tell.
    fn translates(&self, sql: &str) -> Result<bool, TranslateError> {
        let options = TranslateOptions { stores: true, ..*self.cx.options };
        Ok(trial(sql, self.cx.schema, &options)?.is_some())
    }

    /// The same of a statement with parameters of its own.
    fn is_written(&self, sql: &str) -> Result<bool, TranslateError> {
        let options = TranslateOptions { parameter_types: &[], stores: true, ..*self.cx.options };
        Ok(trial(sql, self.cx.schema, &options)?.is_some())
    }
}
