//! CREATE, ALTER and DROP of types: what tables have of them is looked at, the mirror's PostgreSQL carries the statement out, and
//! what it has then is kept in IRIS where all gateways see it.

use std::rc::Rc;

use crate::catalog::{
    Execution, MirrorChange, SequenceRequest, TypeChange, execute, read_user_types, type_columns_query, types_query,
};
use crate::iris::Request;
use crate::sql::{CatalogQuery, TypeAction, TypeCommand};
use crate::types::quoted_name;
use crate::wire::{PgError, SendBuf, SqlState};

use super::nested::{MakeCarrying, Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::prelude::prelude;
use crate::session::understand::question::Question;
use crate::session::understand::rules::mirror_change;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Such a statement under way.
#[derive(Debug)]
pub(crate) struct TypeRun {
    make: MakeCarrying,
    command: TypeCommand,
    understood: Rc<Understood>,
    /// Statements in front of it.
    first: Vec<First>,
    nested: Option<Box<Nested>>,
    spool: SendBuf,
    changes: Vec<TypeChange>,
    stage: Stage,
}

/// A statement over a table that has a column of the type; of a query an error when it has a row.
#[derive(Debug)]
struct First {
    sql: String,
    error: Option<Box<PgError>>,
}

#[derive(Debug)]
enum Stage {
    New,
    /// Which columns have the type.
    Columns(Question),
    First,
    Mirror,
    /// What types there are now.
    After(Question),
    Keep,
    /// What could not be kept is taken back, for this reason.
    Undo(Box<PgError>),
    Done,
}

impl TypeRun {
    pub(crate) fn new(make: MakeCarrying, command: TypeCommand, understood: Rc<Understood>) -> Self {
        Self {
            make,
            command,
            understood,
            first: Vec::new(),
            nested: None,
            spool: SendBuf::new(),
            changes: Vec::new(),
            stage: Stage::New,
        }
    }

    /// # Errors
    /// 25006 in a transaction that only reads.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        cx.client.settings.check_writable(&self.understood.translation.tag)?;
        // The answer also tells that the mirror is there: what it refuses before that nobody hears.
        let constraint = match &self.command.action {
            TypeAction::Validate(constraint) => Some(constraint.as_str()),
            _ => None,
        };
        let question = question(cx, &type_columns_query(&self.command.names, constraint));
        let want = question.ask();
        self.stage = Stage::Columns(question);
        Ok(Outcome::Wait(want))
    }

    /// # Errors
    /// PostgreSQL's own of the statement; why it could not be kept.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        match (&mut self.stage, event) {
            (Stage::Columns(question) | Stage::After(question), event @ (Event::Oracle(_) | Event::Mirrored(_))) => {
                let mut answer = match question.resume(event, cx.shard, cx.client)? {
                    Progress::Wait(want) => return Ok(Outcome::Wait(want)),
                    Progress::Ready(answer) => answer,
                };
                if let Some(error) = answer.error.take() {
                    return Err(error);
                }
                match self.stage {
                    Stage::Columns(_) => {
                        self.columns(answer.text_rows().collect())?;
                        self.stage = Stage::First;
                        self.go_on(cx)
                    }
                    _ => self.after(answer.text_rows().collect(), cx),
                }
            }
            (Stage::First, event) => {
                let Some(mut nested) = self.nested.take() else { return Err(cx.shard.unwaited()) };
                match nested.resume(event, &mut cx.spooled(&mut self.spool))? {
                    NestedProgress::Wait(want) => {
                        self.nested = Some(nested);
                        Ok(Outcome::Wait(want))
                    }
                    NestedProgress::Done(count) => {
                        self.first_done(count)?;
                        self.go_on(cx)
                    }
                }
            }
            (Stage::Mirror, Event::Mirrored(done)) => {
                done?;
                let question = question(cx, &types_query());
                let want = question.ask();
                self.stage = Stage::After(question);
                Ok(Outcome::Wait(want))
            }
            (Stage::Keep, Event::Sequence(answer)) => match answer {
                Ok(_) => {
                    cx.shard.options.enums.kept.apply(&self.changes);
                    Ok(self.complete(cx))
                }
                Err(error) => self.undo(error),
            },
            (Stage::Undo(_), Event::Mirrored(_)) => match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::Undo(error) => Err(error),
                _ => Ok(self.complete(cx)),
            },
            _ => Err(cx.shard.unwaited()),
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut().and_then(|nested| nested.take_result())
    }

    /// What has to be done, or looked at, in tables that have columns of the type.
    fn columns(&mut self, rows: Vec<Vec<Option<String>>>) -> Result<()> {
        for row in rows {
            let mut cells = row.into_iter();
            let mut text = || cells.next().flatten().unwrap_or_default();
            let (schema, table, column) = (text(), text(), text());
            let (is_part, is_temporary, expression) = (text() == "t", text() == "t", text());
            let named = format!("{}.{}", quoted_name(&schema), quoted_name(&table));
            let value = format!("pgw_t.{}", quoted_name(&column));
            let violated = |code, what: &str| {
                let message = format!("column \"{column}\" of table \"{table}\" contains {what}");
                let mut error = PgError::error(code, message);
                let fields = error.fields_mut();
                (fields.schema, fields.table, fields.column) =
                    (Some(schema.clone()), Some(table.clone()), Some(column.clone()));
                error
            };
            let query = |condition: String| {
                format!("SELECT NULL::pg_catalog.text FROM {named} AS pgw_t WHERE {condition} LIMIT 1")
            };
            let check = |expression: &str| First {
                sql: query(format!("(SELECT ({expression}) FROM (SELECT {value}) AS pgw_v(\"value\")) IS FALSE")),
                error: Some(violated(SqlState::CHECK_VIOLATION, "values that violate the new constraint")),
            };
            match &self.command.action {
                TypeAction::Rename => {
                    return Err(PgError::unsupported(format!(
                        "the type of column \"{column}\" of table \"{table}\" keeps its name and schema"
                    ))
                    .detail("IRIS keeps the name of its type with each column.")
                    .hint("Make a type of the other name, and columns of it."));
                }
                TypeAction::RenameLabel => {
                    return Err(PgError::unsupported(format!(
                        "a label keeps its name while column \"{column}\" of table \"{table}\" depends on its type"
                    ))
                    .detail("IRIS keeps the values of the column as texts.")
                    .hint("ADD VALUE, and UPDATE the rows that have the other label."));
                }
                TypeAction::Attributes => {
                    return Err(PgError::unsupported(format!(
                        "a type keeps its attributes while column \"{column}\" of table \"{table}\" depends on it"
                    ))
                    .detail("IRIS keeps the values of the column as texts.")
                    .hint("RENAME ATTRIBUTE is supported."));
                }
                // Of arrays and composite types PostgreSQL says what it says.
                TypeAction::Check(_) | TypeAction::Validate(_) | TypeAction::NotNull if is_part || is_temporary => {}
                TypeAction::Check(expression) => self.first.push(check(expression)),
                TypeAction::Validate(_) if expression.is_empty() => {}
                TypeAction::Validate(_) => self.first.push(check(&expression)),
                TypeAction::NotNull => {
                    let error = Some(violated(SqlState::NOT_NULL_VIOLATION, "null values"));
                    self.first.push(First { sql: query(format!("{value} IS NULL")), error });
                }
                // PostgreSQL says what depends on it.
                TypeAction::Create | TypeAction::Alter | TypeAction::Drop { cascades: false } => {}
                TypeAction::Drop { cascades: true } => {
                    if is_part || is_temporary {
                        return Err(depends(&table, &column));
                    }
                    let sql = format!("ALTER TABLE {named} DROP COLUMN {} CASCADE", quoted_name(&column));
                    self.first.push(First { sql, error: None });
                }
            }
        }
        self.first.reverse();
        Ok(())
    }

    fn go_on(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        while let Some(first) = self.first.last() {
            self.spool.clear();
            let own = OwnStatement::new(first.sql.clone(), Vec::new(), Vec::new(), RowForm::Carried);
            match Nested::start(own, self.make, &mut cx.spooled(&mut self.spool))? {
                (nested, NestedProgress::Wait(want)) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                (_, NestedProgress::Done(count)) => self.first_done(count)?,
            }
        }
        Ok(self.mirror(cx))
    }

    fn first_done(&mut self, count: u64) -> Result<()> {
        match self.first.pop().and_then(|first| first.error) {
            Some(error) if count > 0 => Err(error),
            _ => Ok(()),
        }
    }

    fn mirror(&mut self, cx: &mut Cx<'_>) -> Outcome {
        let Some(change) = mirror_change(cx.client, &self.understood) else { return self.complete(cx) };
        self.stage = Stage::Mirror;
        Outcome::Wait(Want::Mirror(change))
    }

    fn after(&mut self, rows: Vec<Vec<Option<String>>>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let now = match read_user_types(rows) {
            Ok(now) => now,
            Err(error) => return self.undo(error),
        };
        self.changes = cx.shard.options.enums.kept.changes(&now);
        if self.changes.is_empty() {
            if self.command.action == TypeAction::Create {
                return Err(PgError::error(SqlState::INTERNAL_ERROR, "the catalog service has not made the type"));
            }
            return Ok(self.complete(cx));
        }
        self.stage = Stage::Keep;
        Ok(Outcome::Wait(Want::Sequence(SequenceRequest::Types(self.changes.clone()))))
    }

    /// What is not kept must not be shown.
    fn undo(&mut self, error: Box<PgError>) -> Result<Outcome> {
        let (TypeAction::Create, [name]) = (&self.command.action, self.command.names.as_slice()) else {
            return Err(error);
        };
        let sql = format!("DROP TYPE IF EXISTS {name}");
        self.stage = Stage::Undo(error);
        Ok(Outcome::Wait(Want::Mirror(MirrorChange::own(vec![sql], &[]))))
    }

    fn complete(&mut self, cx: &mut Cx<'_>) -> Outcome {
        self.stage = Stage::Done;
        if let Some(change) = &self.understood.translation.enum_change {
            cx.shard.options.enums.apply(change);
        }
        cx.shard.schema_changed();
        Outcome::Complete((&self.understood.tag).into())
    }
}

/// DROP .. CASCADE would have to change the type of a column, or a table of a session's.
pub(super) fn depends(table: &str, column: &str) -> Box<PgError> {
    let message = format!("the type cannot be dropped while column \"{column}\" of table \"{table}\" depends on it");
    PgError::unsupported(message).hint("Drop the column first.")
}

/// Names in its answer are qualified.
fn question(cx: &Cx<'_>, sql: &str) -> Question {
    let mut prelude = prelude(cx.client, CatalogQuery::default(), cx.shard);
    if sql.starts_with("WITH RECURSIVE own") {
        prelude.push_str("; SET LOCAL search_path = ''");
    }
    Question::new(execute(&prelude, sql, &[], Execution::default()))
}
