//! Prepared statements: what is kept of them, and their names.

use std::rc::Rc;
use std::time::SystemTime;

use crate::catalog::{Described, DescribedColumn};
use crate::iris::default_pg_type;
use crate::sql::{Action, Bind as ValueSource, CursorCommand, ScriptStep, StepRole, Template};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

use super::calls::call_fields;
use super::client::Client;
use super::context::{ShardContext, Understood};
use super::local::local_fields;
use super::ready::Ready;
use super::resolve::{Resolve, plans};
use super::rows::{Field, Formats, row_shape};

/// A prepared statement, by Parse or by SQL-level PREPARE.
#[derive(Debug, Clone)]
pub struct Statement {
    pub name: String,
    pub understood: Rc<Understood>,
    /// Holds the literals its binds refer to.
    pub template: Template,
    pub parameter_types: Vec<Oid>,
    pub sql: String,
    /// PostgreSQL's word on a statement of the oracle's.
    pub described: Option<Rc<Described>>,
    /// Types as the client gave them; 0 = ours to find.
    pub client_types: Vec<Oid>,
    /// The schema epoch it was understood under.
    pub epoch: u64,
    pub prepared_at: SystemTime,
    /// By SQL-level PREPARE.
    pub from_sql: bool,
    /// The query of a DECLARE, the statement of a PREPARE; then only this depends on the schema.
    pub inner: Option<Rc<Statement>>,
}

impl Statement {
    pub(super) fn new(understood: Rc<Understood>, resolve: Resolve, client_types: &[Oid], epoch: u64) -> Self {
        let (sql, template, described) = resolve.into_parts();
        let told = described.clone().or_else(|| understood.extra.described());
        let parameter_types = parameter_types(&understood, client_types, told.as_deref());
        Self {
            name: String::new(),
            understood,
            template,
            parameter_types,
            sql,
            described,
            client_types: client_types.to_vec(),
            epoch,
            prepared_at: SystemTime::now(),
            from_sql: false,
            inner: None,
        }
    }

    /// A DECLARE or PREPARE with the statement it is about. The parameters of DECLARE are its query's.
    pub(super) fn around(outer: Self, inner: Self) -> Self {
        let parameter_types = if outer.is_declare() { inner.parameter_types.clone() } else { Vec::new() };
        Self { parameter_types, inner: Some(Rc::new(inner)), ..outer }
    }

    fn is_declare(&self) -> bool {
        matches!(self.understood.translation.action, Action::Cursor(CursorCommand::Declare { .. }))
    }

    /// What has to be understood anew when the schema changes.
    pub(super) fn subject(&self) -> &Self {
        self.inner.as_deref().unwrap_or(self)
    }

    /// What the parameters are bound to.
    pub(super) fn bound(&self) -> &Self {
        if self.is_declare() { self.subject() } else { self }
    }
}

/// What the client said first, then what PostgreSQL says; where it could not be asked, casts, then what IRIS declares for the first place a parameter stands in.
fn parameter_types(understood: &Understood, client_types: &[Oid], told: Option<&Described>) -> Vec<Oid> {
    let translation = &understood.translation;
    if let Action::CopyFromStdin(_) = translation.action {
        // Its `$n` are the columns of a row.
        return Vec::new();
    }
    let highest = plans(&translation.action)
        .flat_map(|plan| &plan.binds)
        .filter_map(|bind| if let ValueSource::Parameter(n) = bind { Some(usize::from(*n)) } else { None })
        .max()
        .unwrap_or(0);
    let told = told.map(|told| told.parameter_types.as_slice()).unwrap_or_default();
    let count = highest.max(translation.parameter_types.len()).max(client_types.len()).max(told.len());
    let known = |oid: &Oid| *oid != Oid::UNSPECIFIED && *oid != Oid::UNKNOWN;
    (0..count)
        .map(|index| {
            let said = client_types.get(index).copied().filter(known);
            said.or_else(|| told.get(index).copied().filter(known))
                .or_else(|| translation.parameter_types.get(index).copied().filter(known))
                .or_else(|| declared_type(understood, index))
                .unwrap_or(Oid::TEXT)
        })
        .collect()
}

fn declared_type(understood: &Understood, index: usize) -> Option<Oid> {
    let number = u16::try_from(index.saturating_add(1)).ok()?;
    plans(&understood.translation.action).enumerate().find_map(|(step, plan)| {
        let metadata = understood.extra.metadata(step)?;
        let place = plan.binds.iter().position(|bind| *bind == ValueSource::Parameter(number))?;
        let declared = metadata.parameters.get(place)?;
        let oid = default_pg_type(declared.iris_type, declared.precision, declared.scale).oid;
        // An untyped place reads as a string of no particular length: `text`, as PostgreSQL resolves unknowns.
        Some(if oid == Oid::VARCHAR { Oid::TEXT } else { oid })
    })
}

impl Ready {
    /// 42P05 when the name is taken.
    pub(super) fn check_statement_name(&self, name: &str) -> Result<(), Box<PgError>> {
        if self.statements.contains_key(name) {
            return Err(PgError::error(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        Ok(())
    }

    pub(super) fn add_statement(&mut self, name: String, mut statement: Statement) -> Result<(), Box<PgError>> {
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
        self.statements.insert(name, Rc::new(statement));
        Ok(())
    }

    pub(super) fn statement(&self, name: &str) -> Result<Rc<Statement>, Box<PgError>> {
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
    pub(super) fn deallocate(&mut self, name: Option<&str>) -> Result<(), Box<PgError>> {
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
    pub(super) fn statement_fields(
        &self,
        statement: &Statement,
        formats: &Formats,
    ) -> Result<Option<Vec<Field>>, Box<PgError>> {
        match &statement.understood.translation.action {
            Action::Cursor(CursorCommand::Fetch { name, is_move: false, .. }) => self.cursor_fields(name, formats),
            Action::Script(steps) => script_fields(&statement.understood, steps, formats, &self.context, &self.client),
            Action::Catalog(_) => catalog_fields(statement.described.as_deref(), formats),
            Action::Execute { name, .. } => {
                let prepared = self.statement(name)?;
                match &prepared.understood.translation.action {
                    Action::Execute { .. } => Ok(None),
                    _ => self.statement_fields(&prepared, formats),
                }
            }
            Action::ExplainExecute { column, .. } => {
                formats.check(1)?;
                Ok(Some(vec![Field::new("QUERY PLAN", *column, formats.of(0))]))
            }
            Action::Calls(calls) => call_fields(calls, formats).map(Some),
            action => Ok(local_fields(action)),
        }
    }
}

fn catalog_fields(described: Option<&Described>, formats: &Formats) -> Result<Option<Vec<Field>>, Box<PgError>> {
    let Some(columns) = described.and_then(|described| described.columns.as_ref()) else { return Ok(None) };
    formats.check(columns.len())?;
    let field = |(index, column): (usize, &DescribedColumn)| Field {
        name: column.name.clone(),
        pg_type: column.pg_type,
        type_len: column.type_len,
        format: formats.of(index),
        table_oid: column.table_oid,
        attribute_number: column.attribute_number,
    };
    Ok(Some(columns.iter().enumerate().map(field).collect()))
}

fn script_fields(
    understood: &Understood,
    steps: &[ScriptStep],
    formats: &Formats,
    context: &ShardContext,
    client: &Client,
) -> Result<Option<Vec<Field>>, Box<PgError>> {
    let Some((index, step)) = steps.iter().enumerate().find(|(_, step)| step.role == StepRole::Rows) else {
        return Ok(None);
    };
    let Some(metadata) = understood.extra.metadata(index) else { return Ok(None) };
    let shape = row_shape(understood, step, &metadata, formats, context, client.settings.style())?;
    Ok(Some(shape.fields.clone()))
}
