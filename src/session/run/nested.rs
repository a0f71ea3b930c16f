//! A statement of the gateway's own making inside of a client's: from its text to its end.

use std::fmt::Debug;
use std::rc::Rc;

use crate::catalog::{BoundValue, Described};
use crate::iris::Request;
use crate::sql::{Action, FetchedColumn, OutputColumn, StepRole, Template};
use crate::types::{Encoder, Oid, PgType};
use crate::wire::{Format, PgError};

use super::bind::{Values, bind_values};
use super::outcome::Outcome;
use super::values::Sources;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, Understood};
use crate::session::understand::parameter::Parameter;
use crate::session::understand::resolve::{Resolve, Understanding};
use crate::session::understand::rows::Formats;
use crate::session::understand::statement::parameter_types;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// What carries such a statement out. What the client's own statement is carried out by is one of these, too, and
/// therefore has no name here.
pub(crate) trait Carrying: Debug {
    /// # Errors
    /// The statement's own.
    fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome>;

    /// # Errors
    /// The statement's own.
    fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome>;

    /// The result left open on the lease when this is given up.
    fn take_result(&mut self) -> Option<Request>;

    /// How far its steps have come.
    fn progress(&self) -> StepsDone {
        StepsDone::default()
    }
}

/// The steps of a script that IRIS has carried out.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepsDone {
    pub steps_count: usize,
    /// Those of them that were refused for a reason that counts as having nothing to do.
    pub ignored: Vec<usize>,
}

/// Makes one for an understood statement with its values.
pub(crate) type MakeCarrying = fn(
    understood: Rc<Understood>,
    values: Values,
    formats: Formats,
    rows: RowUse,
    cx: &Cx<'_>,
) -> Result<Box<dyn Carrying>>;

/// What becomes of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowUse {
    /// They are those of the statement around it.
    Plain,
    /// The same, behind their description.
    Described,
    /// They become parameters.
    Carried,
}

/// The form of its rows.
#[derive(Debug, Clone)]
pub(crate) enum RowForm {
    /// As the client wants those of the statement around it.
    Client(Formats),
    /// The same, behind their description.
    Described(Formats),
    /// As parameters of further statements: nothing is lost, whatever the client's settings are.
    Carried,
    /// The same, in these formats.
    CarriedAs(Formats),
    /// The same, as rows of an array for each column.
    Fetched,
    /// The last so many as these, and those in front of them as parameters.
    CarriedThenFetched(usize),
}

/// Such a statement, before it is understood.
#[derive(Debug)]
pub(crate) struct OwnStatement {
    pub sql: String,
    /// What PostgreSQL is asked about in its place, and how many of the parameters that has.
    pub asked: Option<(String, usize)>,
    pub parameter_types: Vec<Oid>,
    pub values: Vec<BoundValue>,
    pub form: RowForm,
    /// It stores or locks rows whose rules have been looked at.
    pub stores: bool,
    /// How many characters further on it stands in the client's statement, where it is a part of that, or has one.
    pub offset: Option<i64>,
}

impl OwnStatement {
    /// One like a client's.
    pub(crate) fn new(sql: String, parameter_types: Vec<Oid>, values: Vec<BoundValue>, form: RowForm) -> Self {
        Self { sql, asked: None, parameter_types, values, form, stores: false, offset: None }
    }
}

/// Such a statement under way. It writes its rows without a description, and no command tag.
#[derive(Debug)]
pub(crate) struct Nested {
    make: MakeCarrying,
    parameter_types: Vec<Oid>,
    values: Vec<BoundValue>,
    form: RowForm,
    offset: Option<i64>,
    /// Of its rows, once it is understood.
    columns: Vec<CarriedColumn>,
    /// The same of [`RowForm::Fetched`].
    fetched: Vec<FetchedColumn>,
    stage: Stage,
}

/// A column on its way to become a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarriedColumn {
    /// What the parameter is declared as; unspecified where the text is to be read as the type of its place.
    pub oid: Oid,
    pub format: Format,
}

#[derive(Debug)]
enum Stage {
    Resolve(Box<Resolve>),
    Run(Box<dyn Carrying>),
    Over,
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum NestedProgress {
    Wait(Want),
    /// Rows that were changed.
    Done(u64),
}

impl Nested {
    /// # Errors
    /// The statement's own, without a position: that would be one of another text than the client's.
    pub(crate) fn start(
        statement: OwnStatement,
        make: MakeCarrying,
        cx: &mut Cx<'_>,
    ) -> Result<(Self, NestedProgress)> {
        let OwnStatement { sql, asked, parameter_types, values, form, stores, offset } = statement;
        let mut template = Template::default();
        Resolve::scan(&sql, &mut template, cx.client).map_err(|error| placed(error, offset))?;
        let mut resolve = Box::new(match stores {
            true => Resolve::storing(&sql, asked, template, &parameter_types),
            false => Resolve::with_types(&sql, template, &parameter_types),
        });
        let mut nested = Self {
            make,
            parameter_types,
            values,
            form,
            offset,
            columns: Vec::new(),
            fetched: Vec::new(),
            stage: Stage::Over,
        };
        let understanding = resolve.start(cx);
        let progress = nested.understood(understanding, resolve, cx).map_err(|error| placed(error, offset))?;
        Ok((nested, progress))
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<NestedProgress> {
        let progress = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Resolve(mut resolve) => {
                let understanding = resolve.resume(event, cx);
                self.understood(understanding, resolve, cx)
            }
            Stage::Run(mut operation) => {
                let outcome = operation.resume(event, cx);
                self.on_outcome(outcome, operation)
            }
            Stage::Over => Err(cx.shard.unwaited()),
        };
        progress.map_err(|error| placed(error, self.offset))
    }

    /// The columns of its rows.
    pub(crate) fn columns(&self) -> &[CarriedColumn] {
        &self.columns
    }

    /// The same of [`RowForm::Fetched`].
    pub(crate) fn take_fetched(&mut self) -> Vec<FetchedColumn> {
        std::mem::take(&mut self.fetched)
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        match &mut self.stage {
            Stage::Run(operation) => operation.take_result(),
            Stage::Resolve(_) | Stage::Over => None,
        }
    }

    fn understood(
        &mut self,
        understanding: Result<Understanding>,
        resolve: Box<Resolve>,
        cx: &mut Cx<'_>,
    ) -> Result<NestedProgress> {
        let understood = match understanding? {
            Progress::Wait(want) => {
                self.stage = Stage::Resolve(resolve);
                return Ok(NestedProgress::Wait(want));
            }
            Progress::Ready(understood) => understood,
        };
        let (sql, template, described) = resolve.into_parts();
        let described = described.or_else(|| understood.extra.described());
        let columns = columns_of(&understood, described.as_deref());
        self.columns = columns.iter().map(|(_, pg_type)| carried(*pg_type)).collect();
        let formats = match &self.form {
            RowForm::Client(formats) | RowForm::Described(formats) | RowForm::CarriedAs(formats) => formats.clone(),
            RowForm::Carried => Formats::new(self.columns.iter().map(|column| column.format)),
            RowForm::CarriedThenFetched(count) => {
                let carried_count = columns.len().saturating_sub(*count);
                let last = columns.get(carried_count..).unwrap_or_default();
                self.fetched = last.iter().map(|(name, pg_type)| shown(name, *pg_type)).collect();
                let first = self.columns.iter().take(carried_count).map(|column| column.format);
                Formats::new(
                    first.chain(self.fetched.iter().map(|column| column.format)).collect::<Vec<_>>().into_iter(),
                )
            }
            RowForm::Fetched => {
                self.fetched = columns.iter().map(|(name, pg_type)| fetched(name, *pg_type)).collect::<Result<_>>()?;
                Formats::new(self.fetched.iter().map(|column| column.format))
            }
        };
        // As PostgreSQL resolves those that are open: a value is read by the rules of its type.
        let types = parameter_types(&understood, &self.parameter_types, described.as_deref());
        let parameters: Vec<Parameter<'_>> = types
            .iter()
            .zip(&self.values)
            .map(|(&oid, (format, bytes))| Parameter { oid, format: *format, bytes: bytes.as_deref() })
            .collect();
        let sources = Sources { sql: &sql, template: &template, parameters: &parameters, context: cx.shard };
        let values = bind_values(&understood, &sources, &formats, cx)?;
        let rows = match self.form {
            RowForm::Client(_) => RowUse::Plain,
            RowForm::Described(_) => RowUse::Described,
            RowForm::Carried | RowForm::CarriedAs(_) | RowForm::Fetched | RowForm::CarriedThenFetched(_) => {
                RowUse::Carried
            }
        };
        let mut operation = (self.make)(understood, values, formats, rows, cx)?;
        let outcome = operation.start(cx);
        self.on_outcome(outcome, operation)
    }

    fn on_outcome(&mut self, outcome: Result<Outcome>, operation: Box<dyn Carrying>) -> Result<NestedProgress> {
        match outcome {
            Ok(Outcome::Wait(want)) => {
                self.stage = Stage::Run(operation);
                Ok(NestedProgress::Wait(want))
            }
            Ok(Outcome::Complete(tag)) => Ok(NestedProgress::Done(tag.count().unwrap_or(0))),
            Ok(Outcome::Suspended | Outcome::Empty) => Ok(NestedProgress::Done(0)),
            Err(error) => {
                // Whoever gives this up closes its result.
                self.stage = Stage::Run(operation);
                Err(error)
            }
        }
    }
}

/// Types without a number of their own in PostgreSQL begin here (`FirstNormalObjectId`): those of a mirror are its own.
const FIRST_NORMAL_OID: u32 = 16_384;

/// Text is read again as the type of its place: a constant of an unknown type in the client's statement has become one,
/// and what is text by itself PostgreSQL assigns to a column in the same way.
fn carried(pg_type: PgType) -> CarriedColumn {
    let oid = pg_type.oid;
    if oid.0 >= FIRST_NORMAL_OID || matches!(oid, Oid::TEXT | Oid::UNKNOWN) {
        return CarriedColumn { oid: Oid::UNSPECIFIED, format: Format::Text };
    }
    // In binary a number does not show its digits behind the point, which a text gets.
    let is_plain = oid != Oid::NUMERIC
        && crate::sql::travels_in_binary(oid)
        && Encoder::select(PgType::new(oid), Format::Binary).is_ok();
    CarriedColumn { oid, format: if is_plain { Format::Binary } else { Format::Text } }
}

/// Names and types of the columns of its rows. PostgreSQL is not asked about constants, whose types translation knows.
fn columns_of(understood: &Understood, described: Option<&Described>) -> Vec<(String, PgType)> {
    if let Some(columns) = described.and_then(|described| described.columns.as_deref()) {
        return columns.iter().map(|column| (column.name.clone(), column.pg_type)).collect();
    }
    let Action::Script(steps) = &understood.translation.action else { return Vec::new() };
    let Some(step) = steps.iter().find(|step| step.role == StepRole::Rows) else { return Vec::new() };
    let columns = step.plan.columns.iter().map(|column| match column {
        OutputColumn::Column { label, pg_type: Some(pg_type), .. } => {
            Some((label.clone().unwrap_or_default(), *pg_type))
        }
        OutputColumn::Column { .. } | OutputColumn::Star | OutputColumn::Hidden => None,
    });
    columns.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// Of a type of the database the text is what a client gets.
fn shown(name: &str, pg_type: PgType) -> FetchedColumn {
    let is_own = pg_type.oid.0 >= FIRST_NORMAL_OID && pg_type.oid != Oid::VECTOR;
    FetchedColumn::of(name, if is_own { PgType::new(Oid::TEXT) } else { pg_type })
}

/// # Errors
/// 0A000 for a type that is the database's own.
fn fetched(name: &str, pg_type: PgType) -> Result<FetchedColumn> {
    if pg_type.oid.0 >= FIRST_NORMAL_OID && pg_type.oid != Oid::VECTOR {
        let message = format!(
            "column \"{name}\" of a change in WITH, or of a sub-query that locks rows, is of a type of the database"
        );
        return Err(PgError::unsupported(message).hint("Cast it to text there, and back where it is used."));
    }
    Ok(FetchedColumn::of(name, pg_type))
}

/// The error with its position in the client's text, if there is one.
fn placed(mut error: Box<PgError>, offset: Option<i64>) -> Box<PgError> {
    let moved = error.position.zip(offset).map(|(position, offset)| i64::from(position).saturating_add(offset));
    error.position = moved.filter(|position| *position > 0).and_then(|position| u32::try_from(position).ok());
    error
}
