//! Temporary tables and views: ordinary ones of IRIS, each in a schema of its own that only the session's names lead to.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::{Ddl, at, has_child, notice, typed_folded, unsupported};
use super::table::Table;
use crate::sql::options::is_temporary_schema;
use crate::sql::plan::{MirrorStatement, OnCommit, ReadByView, TemporaryChange};
use crate::sql::schema::{RelationName, TableLookup};
use crate::sql::syntax::names;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::tables::no_temporary;
use crate::types::{quoted_name, quoted_text};
use crate::wire::{PgError, SqlState};

/// Makes a schema for a temporary table in the mirror, whose owner may not make one of such a name by itself.
const MAKE_SCHEMA: &str = "pg_catalog.pgwire_make_temporary";

/// A table that a definition is to make.
pub(super) struct NewTable {
    pub table: Table,
    /// The session has one of that name already.
    pub is_taken: bool,
    on_commit: Option<OnCommit>,
    /// Of a view, what it reads: IRIS schemas and names.
    view: Option<Vec<ReadByView>>,
}

impl NewTable {
    /// `persistence`: the node that TEMPORARY would stand in; `name`: the table's.
    ///
    /// # Errors
    /// 42P16 for a temporary table in a schema that is none of these, and for ON COMMIT of another table.
    pub(super) fn of(cx: &Cx<'_>, stmt: &SyntaxNode, persistence: &SyntaxNode, name: &SyntaxNode) -> Result<Self> {
        Self::placed(cx, stmt, name, has_child(persistence, SyntaxKind::TEMP))
    }

    /// Of a view, which is temporary where something is that it reads. `reads`: IRIS schemas and names.
    ///
    /// # Errors
    /// As [`NewTable::of`].
    pub(super) fn of_view(cx: &Cx<'_>, stmt: &SyntaxNode, name: &SyntaxNode, reads: Vec<ReadByView>) -> Result<Self> {
        let is_said = has_child(stmt, SyntaxKind::TEMP);
        let reads_temporary = reads.iter().any(|(schema, _)| is_temporary_schema(schema));
        if reads_temporary && !is_said {
            let shown = names::folded_parts(name).pop().unwrap_or_default();
            notice(cx, SqlState::SUCCESSFUL_COMPLETION, format!("view \"{shown}\" will be a temporary view"));
        }
        // PostgreSQL tells where in the text that is of a table alone.
        let placed = Self::placed(cx, stmt, name, is_said || reads_temporary)
            .map_err(|error| Box::new(PgError { position: None, ..*error }))?;
        let new = Self { view: Some(reads), ..placed };
        let replaces = has_child(stmt, SyntaxKind::OR_REPLACE);
        if !(new.is_taken && new.on_commit.is_some()) {
            return Ok(new);
        }
        let is_view = cx.options.temporary.is_some_and(|all| all.views.contains_key(new.table.name()));
        if replaces && !is_view {
            let message = format!("\"{}\" is not a view", new.table.name());
            return Err(PgError::error(SqlState(*b"42809"), message));
        }
        // Others can drop a view with what it reads.
        if !replaces && is_view && matches!(cx.facts(&new.table.lookup), TableLookup::Missing) {
            let Some(temporary) = cx.options.temporary else { return Err(no_temporary()) };
            let table = Table::in_schema(temporary.next, new.table.name());
            return Ok(Self { table, is_taken: false, ..new });
        }
        Ok(new)
    }

    fn placed(cx: &Cx<'_>, stmt: &SyntaxNode, name: &SyntaxNode, is_said: bool) -> Result<Self> {
        let parts: Vec<String> = names::parts(name).iter().map(|part| typed_folded(part)).collect();
        let schema = parts.len().checked_sub(2).and_then(|n| parts.get(n)).map(|schema| names::folded(schema));
        let is_named = schema.as_deref().is_some_and(|schema| schema == "pg_temp" || is_temporary_schema(schema));
        let on_commit = nodes::child(stmt, SyntaxKind::ON_COMMIT);
        let makes_all = cx.options.temporary.is_some_and(|temporary| temporary.behind == Some(0));
        if !(is_named || makes_all && schema.is_none() || is_said) {
            if on_commit.is_some() {
                return Err(invalid("ON COMMIT can only be used on temporary tables"));
            }
            let table = Table::permanent(cx, name)?;
            return Ok(Self { table, is_taken: false, on_commit: None, view: None });
        }
        if schema.is_some() && !is_named {
            return Err(
                invalid("cannot create temporary relation in non-temporary schema").position(nodes::offset(at(name)))
            );
        }
        let Some(temporary) = cx.options.temporary else { return Err(no_temporary()) };
        let folded = parts.last().map(|name| names::folded(name)).unwrap_or_default();
        let is_taken = temporary.schemas.contains_key(&folded);
        let schema = temporary.schemas.get(&folded).map_or(temporary.next, String::as_str);
        cx.is_of_session.set(true);
        // What cannot be a name in IRIS is none here.
        names::iris_name(parts.last().map_or("", String::as_str))?;
        let table = Table::in_schema(schema, &folded);
        let on_commit = match on_commit {
            Some(clause) if has_child(&clause, SyntaxKind::DELETE_ROWS) => OnCommit::DeleteRows,
            Some(clause) if has_child(&clause, SyntaxKind::DROP) => OnCommit::Drop,
            _ => OnCommit::PreserveRows,
        };
        Ok(Self { table, is_taken, on_commit: Some(on_commit), view: None })
    }

    /// Whether there is one of that name where it would be made.
    pub(super) fn is_there(&self, cx: &Cx<'_>) -> bool {
        match self.on_commit {
            Some(_) => self.is_taken,
            None => matches!(cx.facts(&self.table.lookup), TableLookup::Known(_)),
        }
    }

    /// From here on its name means itself, as in a foreign key to its own table.
    pub(super) fn is_meant(&self, cx: &Cx<'_>) {
        if self.on_commit.is_some() {
            cx.made_temporary.replace(Some(self.table.lookup.name.clone()));
        }
    }

    /// 42P07 for a temporary table that is there already.
    pub(super) fn refuse_taken(&self) -> Result<()> {
        if !self.is_taken {
            return Ok(());
        }
        let message = format!("relation \"{}\" already exists", self.table.name());
        Err(PgError::error(SqlState(*b"42P07"), message))
    }

    /// The definition, and what becomes of the session's names.
    pub(super) fn made(&self, mut ddl: Ddl) -> Ddl {
        let Some(on_commit) = self.on_commit else { return ddl };
        let (schema, name) = self.table.iris.clone();
        let sql = format!("SELECT {MAKE_SCHEMA}({})", quoted_text(&schema));
        ddl.mirror.insert(0, MirrorStatement { sql, otherwise: None, relations: vec![self.table.iris.clone()] });
        ddl.temporary = Some(match (&self.view, self.is_taken) {
            (Some(view), true) => TemporaryChange::Replace { name, view: view.clone() },
            (view, _) => TemporaryChange::Create { name, schema, on_commit, view: view.clone() },
        });
        ddl
    }
}

/// # Errors
/// 0A000 for a temporary one, and for what would be one without a word, because `pg_temp` comes first on the search path. `what`: of what
/// kind, in the plural.
pub(super) fn refuse_unsaid(cx: &Cx<'_>, name: &SyntaxNode, what: &str) -> Result<()> {
    if let [schema, _] = names::folded_parts(name).as_slice()
        && (schema == "pg_temp" || is_temporary_schema(schema))
    {
        return Err(
            unsupported(name, format!("temporary {what} are not supported")).hint("Name another schema, or none.")
        );
    }
    let comes_first = cx.options.temporary.is_some_and(|temporary| temporary.behind == Some(0));
    if !comes_first || names::parts(name).len() > 1 {
        return Ok(());
    }
    Err(unsupported(name, format!("temporary {what} are not supported, and search_path begins with pg_temp"))
        .hint("Put another schema first, or name the schema."))
}

impl Table {
    /// `schema`: of temporary tables; `folded`: the table's name.
    pub(super) fn in_schema(schema: &str, folded: &str) -> Self {
        let name = names::iris_name_of(folded);
        Self {
            text: format!("{}.{name}", quoted_name(schema)),
            lookup: RelationName { schema: Some(schema.to_owned()), name: folded.to_owned() },
            iris: (schema.to_owned(), folded.to_owned()),
            pg: format!("{}.{}", quoted_name(schema), quoted_name(folded)),
        }
    }

    /// Whether it is a temporary table.
    pub(crate) fn is_temporary(&self) -> bool {
        is_temporary_schema(&self.iris.0)
    }
}

/// # Errors
/// 42P16 for a foreign key between a temporary table and another one.
pub(super) fn check_reference(table: &Table, parent: &Table) -> Result<()> {
    match (table.is_temporary(), parent.is_temporary()) {
        (true, false) => Err(invalid("constraints on temporary tables may reference only temporary tables")),
        (false, true) => Err(invalid("constraints on permanent tables may reference only permanent tables")),
        _ => Ok(()),
    }
}

fn invalid(message: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"42P16"), message)
}
