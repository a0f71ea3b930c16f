//! Prepared statements by name, and the columns that they are described with.

use std::rc::Rc;

use crate::sql::{Action, CursorCommand, ScriptStep, StepRole};
use crate::wire::{PgError, SqlState};

use super::ready::Ready;
use crate::session::client::Client;
use crate::session::run::calls::call_fields;
use crate::session::run::local::local_fields;
use crate::session::understand::context::{ShardContext, Understood};
use crate::session::understand::rows::{Field, Fields, Formats, described_fields};
use crate::session::understand::shape::{kept_shape, row_shape};
use crate::session::understand::statement::Statement;

impl Ready {
    /// 42P05 when the name is taken.
    pub(in crate::session) fn check_statement_name(&self, name: &str) -> Result<(), Box<PgError>> {
        if self.statements.contains(name) {
            return Err(PgError::error(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        Ok(())
    }

    pub(in crate::session) fn add_statement(
        &mut self,
        name: String,
        mut statement: Statement,
    ) -> Result<Rc<Statement>, Box<PgError>> {
        let max = self.context.options.limits.statements_max;
        if self.statements.len() >= max {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("a client may keep at most {max} prepared statements"),
            )
            .hint("DEALLOCATE those no longer needed."));
        }
        self.charge_statement(&name, &statement)?;
        statement.name.clone_from(&name);
        let statement = Rc::new(statement);
        self.statements.insert(&name, Rc::clone(&statement));
        Ok(statement)
    }

    pub(in crate::session) fn statement(&self, name: &str) -> Result<Rc<Statement>, Box<PgError>> {
        self.statements.get(name).cloned().ok_or_else(|| {
            let message = if name.is_empty() {
                "unnamed prepared statement does not exist".to_owned()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            PgError::error(SqlState::INVALID_STATEMENT_NAME, message)
        })
    }

    /// `None` = ALL.
    pub(in crate::session) fn deallocate(&mut self, name: Option<&str>) -> Result<(), Box<PgError>> {
        match name {
            None => self.statements.clear(),
            Some(name) => {
                self.statement(name)?;
                self.statements.remove(name);
            }
        }
        Ok(())
    }

    /// The columns of a statement's rows; `None` when it has none.
    pub(in crate::session) fn statement_fields(
        &self,
        statement: &Statement,
        formats: &Formats,
    ) -> Result<Option<Fields>, Box<PgError>> {
        let own = match &statement.understood.translation.action {
            Action::Script(steps) => {
                return script_fields(&statement.understood, steps, formats, &self.context, &self.client);
            }
            Action::Cursor(CursorCommand::Fetch { name, is_move: false, .. }) => self.cursor_fields(name, formats)?,
            Action::Catalog(_) => described_fields(statement.described.as_deref(), formats)?,
            Action::Finish(_) | Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_) => {
                described_fields(statement.understood.extra.described().as_deref(), formats)?
            }
            Action::Execute { name, .. } => {
                let prepared = self.statement(name)?;
                return match &prepared.understood.translation.action {
                    Action::Execute { .. } => Ok(None),
                    _ => self.statement_fields(&prepared, formats),
                };
            }
            Action::ExplainExecute { column, .. } => {
                formats.check(1)?;
                Some(vec![Field::new("QUERY PLAN", *column, formats.of(0))])
            }
            Action::Calls(calls) => Some(call_fields(calls, formats)?),
            action => local_fields(action),
        };
        Ok(own.map(Fields::Own))
    }
}

fn script_fields(
    understood: &Understood,
    steps: &[ScriptStep],
    formats: &Formats,
    context: &ShardContext,
    client: &Client,
) -> Result<Option<Fields>, Box<PgError>> {
    let style = client.settings.style();
    if let Some(shape) = kept_shape(understood, formats, style)? {
        return Ok(Some(Fields::Kept(shape)));
    }
    let Some((index, step)) = steps.iter().enumerate().find(|(_, step)| step.role == StepRole::Rows) else {
        return Ok(None);
    };
    let Some(metadata) = understood.extra.metadata(index) else { return Ok(None) };
    match row_shape(understood, step, &metadata, formats, context, style) {
        Ok(shape) => Ok(Some(Fields::Kept(shape))),
        // Nobody here writes the format; PostgreSQL does.
        Err(error) if error.code == SqlState::FEATURE_NOT_SUPPORTED && context.options.finishes => {
            let shape = row_shape(understood, step, &metadata, &Formats::text(), context, style)?;
            formats.check(shape.columns_count())?;
            let with_format = |(index, field): (usize, &Field)| Field { format: formats.of(index), ..field.clone() };
            Ok(Some(Fields::Own(shape.fields().iter().enumerate().map(with_format).collect())))
        }
        Err(error) => Err(error),
    }
}
