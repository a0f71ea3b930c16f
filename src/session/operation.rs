//! One understood statement being carried out. Simple and extended protocol differ in framing only: both run this.

use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::{MirrorChange, quoted_name};
use crate::iris::{Reply, Request};
use crate::sql::{Action, CatalogQuery, CursorCommand, EnumChange, SettingCommand, Template, TransactionCommand};
use crate::wire::{FrontendMessage, PgError, SendBuf, SqlState};

use super::arguments::{Arguments, ArgumentsProgress};
use super::block_run::BlockRun;
use super::calls::{CallValues, Calls, bind_arguments};
use super::catalog::{CatalogProgress, CatalogRun, CatalogStatement};
use super::channel::ChannelOperation;
use super::client::Client;
use super::context::{ShardContext, Understood};
use super::control::{Control, ControlProgress};
use super::copy_in::{CopyIn, CopyProgress};
use super::cursor_run::{CommitHeld, CursorRun};
use super::local::{Local, LocalCommand};
use super::question::Order;
use super::rows::Formats;
use super::run::{Run, RunProgress};
use super::step::{Event, WaitRequest};
use super::try_setting::TrySetting;
use super::upsert_keys::check_keys;
use super::values::{Parameter, SettingValue, Sources, put_values};

/// A statement under way.
#[derive(Debug)]
pub enum Operation {
    Run(Run),
    Control(Control),
    Copy(Box<CopyIn>),
    /// The oracle answers.
    Catalog(Box<CatalogRun>),
    /// Only the mirror has something to do.
    Mirror(MirrorOnly),
    /// SET of a parameter that the oracle knows, and the command's tag.
    TrySetting(Box<TrySetting>, String),
    /// Rows come from the operation of the cursor's query.
    Cursor(Box<CursorRun>),
    CommitHeld(Box<CommitHeld>),
    /// SQL-level EXECUTE before its arguments are known.
    Arguments(Box<Arguments>),
    /// Answered by the gateway alone.
    Local(Local),
    Channel(ChannelOperation),
    Calls(Box<Calls>),
    /// Sleeps, and the statement behind them.
    Sleeping(Box<Sleeping>),
    /// DO.
    Block(Box<BlockRun>),
}

/// A statement's values, ready to be sent.
#[derive(Debug)]
pub enum Values {
    /// One `$LIST` per IRIS statement of the script.
    Iris(Vec<Vec<u8>>),
    Oracle(CatalogStatement),
    /// Of functions that the gateway carries out.
    Calls(CallValues),
}

/// COMMENT ON and the like: what the mirror refuses is refused.
#[derive(Debug)]
pub struct MirrorOnly {
    change: Option<MirrorChange>,
    enum_change: Option<EnumChange>,
    tag: String,
}

/// What goes in front of a statement. Its row is nobody's.
#[derive(Debug)]
pub struct Sleeping {
    calls: Calls,
    spool: SendBuf,
    then: Operation,
    rows_max: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Outcome {
    Submit(Request),
    /// Something for the oracle.
    Order(Order),
    Wait(WaitRequest),
    FlushThenResume,
    /// CopyData and its like.
    NeedFrame,
    Suspended,
    /// The text of CommandComplete.
    Complete(String),
    /// EmptyQueryResponse instead of CommandComplete.
    Empty,
}

/// The values of every step, made once per Bind (or per simple query).
///
/// # Errors
/// 22xxx, 42P02.
pub fn bind_values(
    understood: &Understood,
    sources: &Sources<'_>,
    client: &mut Client,
    out: &mut SendBuf,
) -> Result<Values, Box<PgError>> {
    let steps = match &understood.translation.action {
        Action::Script(steps) => steps,
        Action::Calls(calls) => return bind_arguments(calls, sources).map(Values::Calls),
        Action::Catalog(_) => {
            let sleeps = bind_arguments(&understood.translation.sleeps, sources)?;
            let mut statement = CatalogStatement { sleeps, ..catalog_statement(sources) };
            for call in &understood.translation.set_configs {
                statement.settings.push(SettingValue::of(call, sources)?);
            }
            return Ok(Values::Oracle(statement));
        }
        _ => return Ok(Values::Iris(Vec::new())),
    };
    let mut all = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let mut values = Vec::new();
        let metadata = understood.extra.metadata(index);
        put_values(&step.plan, metadata.as_deref(), sources, client, out, &mut values)?;
        all.push(values);
    }
    let style = Arc::clone(client.settings.style());
    check_keys(&understood.translation.upsert_keys, sources, client, &style)?;
    Ok(Values::Iris(all))
}

/// The oracle reads parameters in the form in which the client wrote them.
pub fn catalog_statement(sources: &Sources<'_>) -> CatalogStatement {
    CatalogStatement {
        sql: sources.sql.to_owned(),
        parameter_types: sources.parameters.iter().map(|parameter| parameter.oid).collect(),
        values: sources
            .parameters
            .iter()
            .map(|parameter| (parameter.format, parameter.bytes.map(<[u8]>::to_vec)))
            .collect(),
        sleeps: CallValues::default(),
        settings: Vec::new(),
    }
}

/// Sources for a statement without parameters.
pub fn literals_only<'a>(sql: &'a str, template: &'a Template, context: &'a ShardContext) -> Sources<'a> {
    const NONE: &[Parameter<'static>] = &[];
    Sources { sql, template, parameters: NONE, context }
}

impl Operation {
    /// `describe`: rows are preceded by RowDescription (simple protocol).
    ///
    /// # Errors
    /// 0A000 for an action that belongs to the session and not here.
    pub fn new(
        understood: Rc<Understood>,
        values: Values,
        formats: Formats,
        describe: bool,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Self, Box<PgError>> {
        let tag = || understood.translation.tag.clone();
        let values = match (values, &understood.translation.action) {
            (Values::Oracle(mut statement), Action::Catalog(query)) => {
                let sleeps = std::mem::take(&mut statement.sleeps);
                let run = CatalogRun::new(statement, *query, formats.into_codes(), describe);
                let then = Self::Catalog(Box::new(run));
                let calls = &understood.translation.sleeps;
                if calls.is_empty() {
                    return Ok(then);
                }
                let calls = Calls::new(calls, sleeps, Formats::text(), false, tag());
                return Ok(Self::Sleeping(Box::new(Sleeping { calls, spool: SendBuf::new(), then, rows_max: 0 })));
            }
            (Values::Calls(values), Action::Calls(calls)) => {
                return Ok(Self::Calls(Box::new(Calls::new(calls, values, formats, describe, tag()))));
            }
            (Values::Oracle(_) | Values::Calls(_), _) => Vec::new(),
            (Values::Iris(values), _) => values,
        };
        Ok(match &understood.translation.action {
            Action::Script(_) => Self::Run(Run::new(understood, values, formats, describe)),
            Action::MirrorOnly => Self::Mirror(MirrorOnly {
                change: client.mirror_change(&understood),
                enum_change: understood.translation.enum_change.clone(),
                tag: tag(),
            }),
            Action::Transaction(command) => Self::Control(Control::new(command.clone(), tag())),
            Action::Setting(command) if let Some(setting) = TrySetting::of(command, context) => {
                Self::TrySetting(Box::new(setting), tag())
            }
            Action::Setting(SettingCommand::Show(name))
                if context.options.has_oracle && client.settings.is_shown_by_oracle(name) =>
            {
                let sql = format!("SHOW {}", quoted_name(name));
                let statement = CatalogStatement { sql, ..CatalogStatement::default() };
                Self::Catalog(Box::new(CatalogRun::new(
                    statement,
                    CatalogQuery::default(),
                    formats.into_codes(),
                    describe,
                )))
            }
            Action::Setting(command) => {
                Self::Local(Local { command: LocalCommand::Setting(command.clone()), tag: tag(), describe })
            }
            Action::Empty | Action::Accepted => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::CopyFromStdin(_) => Self::Copy(Box::new(CopyIn::new(understood, context)?)),
            Action::Channel(command) => Self::Channel(ChannelOperation::new(command.clone(), tag())),
            Action::Do(_) => Self::Block(Box::new(BlockRun::new(understood))),
            // What CLOSE closes the session has closed.
            Action::Cursor(CursorCommand::Close(_)) => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::Catalog(_)
            | Action::Calls(_)
            | Action::Cursor(_)
            | Action::Prepare { .. }
            | Action::Execute { .. }
            | Action::ExplainExecute { .. }
            | Action::Deallocate(_) => {
                return Err(PgError::error(SqlState::INTERNAL_ERROR, "a session command reached the wrong place"));
            }
        })
    }

    /// Whether the oracle must be told what the session has open; see [`open`](super::open).
    pub fn reads_session(&self) -> bool {
        match self {
            Self::Catalog(run) => run.reads_session(),
            Self::Cursor(run) => run.reads_session(),
            _ => false,
        }
    }

    /// # Errors
    /// The statement's own.
    pub fn execute(
        &mut self,
        rows_max: u64,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => client.settings.check_writable(run.command())?,
            Self::Copy(_) => client.settings.check_writable("COPY FROM")?,
            _ => {}
        }
        match self {
            Self::Run(run) => run.execute(rows_max, context, client, out).map(Outcome::from),
            Self::Control(control) => control.start(context, client, out).map(Outcome::from),
            Self::Copy(copy) => Ok(copy.start(out)),
            Self::Catalog(run) => {
                if run.is_query() {
                    client.has_queried = client.transaction.in_block();
                }
                run.execute(rows_max, context, client, out).map(Outcome::from)
            }
            Self::Mirror(mirror) => Ok(match mirror.change.take() {
                Some(change) => Outcome::Order(Order::Mirror(change)),
                None => Outcome::Complete(mirror.tag.clone()),
            }),
            Self::Cursor(run) => run.execute(rows_max, context, client, out),
            Self::CommitHeld(commit) => commit.execute(context, client, out),
            Self::Arguments(arguments) => Ok(Outcome::Order(arguments.ask(rows_max, context, client))),
            Self::TrySetting(setting, _) => Ok(Outcome::Order(setting.start(context, client))),
            Self::Local(local) => local.execute(client, out),
            Self::Channel(channel) => channel.execute(client),
            Self::Calls(calls) => {
                client.has_queried = client.transaction.in_block();
                calls.execute(rows_max, context, client, out)
            }
            Self::Sleeping(sleeping) => {
                client.has_queried = client.transaction.in_block();
                sleeping.rows_max = rows_max;
                let outcome = sleeping.calls.execute(0, context, client, &mut sleeping.spool);
                self.after_sleep(outcome, context, client, out)
            }
            Self::Block(run) => run.execute(context, client, out),
        }
    }

    /// Goes on when the sleeps are over.
    fn after_sleep(
        &mut self,
        outcome: Result<Outcome, Box<PgError>>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        match (outcome?, &mut *self) {
            (Outcome::Complete(_), Self::Sleeping(sleeping)) => {
                let over = Self::Local(Local { command: LocalCommand::Nothing, tag: String::new(), describe: false });
                let (then, rows_max) = (std::mem::replace(&mut sleeping.then, over), sleeping.rows_max);
                *self = then;
                self.execute(rows_max, context, client, out)
            }
            (outcome, _) => Ok(outcome),
        }
    }

    /// # Errors
    /// Why the lock could not be had, or the waiting was cut short.
    pub fn on_waited(
        &mut self,
        result: Result<bool, Box<PgError>>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Calls(calls) => calls.on_waited(result, client, out),
            Self::Sleeping(sleeping) => {
                let outcome = sleeping.calls.on_waited(result, client, &mut sleeping.spool);
                self.after_sleep(outcome, context, client, out)
            }
            Self::Block(run) => run.on_waited(result, context, client, out),
            Self::Cursor(run) => run
                .resume(context, client, out, |source, client, spool| source.on_waited(result, context, client, spool)),
            Self::CommitHeld(commit) => commit
                .resume(context, client, out, |source, client, spool| source.on_waited(result, context, client, spool)),
            _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "nobody waits for anything")),
        }
    }

    /// # Errors
    /// The statement's own.
    pub fn on_reply(
        &mut self,
        reply: Reply<'_>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => run.on_reply(reply, context, client, out).map(Outcome::from),
            Self::Control(control) => control.on_reply(&reply, context, client, out).map(Outcome::from),
            Self::Copy(copy) => copy.on_reply(reply, context, client).map(Outcome::from),
            Self::Cursor(run) => run.on_reply(reply, context, client, out),
            Self::CommitHeld(commit) => commit.on_reply(reply, context, client, out),
            Self::Block(run) => run.on_reply(reply, context, client, out),
            Self::Local(_)
            | Self::Catalog(_)
            | Self::Mirror(_)
            | Self::TrySetting(..)
            | Self::Channel(_)
            | Self::Calls(_)
            | Self::Sleeping(_)
            | Self::Arguments(_) => Err(super::resolve::unexpected(&reply)),
        }
    }

    /// What came of an [`Order`].
    ///
    /// # Errors
    /// The statement's own.
    pub fn on_order(
        &mut self,
        event: Event<'_>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        if let Self::Arguments(arguments) = self {
            return match arguments.on_order(event, context, client, out)? {
                ArgumentsProgress::Order(order) => Ok(Outcome::Order(order)),
                ArgumentsProgress::Ready(operation, rows_max) => {
                    *self = *operation;
                    self.execute(rows_max, context, client, out)
                }
            };
        }
        if let Self::Sleeping(sleeping) = self {
            let outcome = sleeping.calls.on_order(event, context, client, &mut sleeping.spool);
            return self.after_sleep(outcome, context, client, out);
        }
        match (self, event) {
            (Self::Calls(calls), event) => calls.on_order(event, context, client, out),
            (Self::Catalog(run), Event::Oracle(reply)) => run.on_reply(reply, client, out).map(Outcome::from),
            (Self::Catalog(run), Event::Mirrored(done)) => {
                done?;
                run.on_order_done().map(Outcome::from)
            }
            (Self::Run(run), event) if run.is_explaining() => run.on_order(event, context, client).map(Outcome::from),
            // IRIS has carried the statement out; the runtime brings the mirror in line when it could not follow.
            (Self::Run(run), Event::Mirrored(done)) => {
                if run.is_for_mirror() {
                    done?;
                }
                Ok(run.on_mirrored(context).into())
            }
            (Self::TrySetting(setting, tag), Event::Oracle(reply)) => Ok(match setting.on_reply(reply, client)? {
                Some(order) => Outcome::Order(order),
                None => {
                    client.tell_settings(out);
                    Outcome::Complete(tag.clone())
                }
            }),
            (Self::TrySetting(setting, _), Event::Mirrored(done)) => {
                done?;
                setting.again().map(Outcome::Order)
            }
            (Self::Mirror(mirror), Event::Mirrored(done)) => {
                done?;
                if let Some(change) = &mirror.enum_change {
                    context.options.enums.apply(change);
                }
                context.schema_changed();
                Ok(Outcome::Complete(mirror.tag.clone()))
            }
            (Self::Block(run), event) => run.on_order(event, context, client, out),
            (Self::Cursor(run), event) => {
                run.resume(context, client, out, |source, client, spool| source.on_order(event, context, client, spool))
            }
            (Self::CommitHeld(commit), event) => commit
                .resume(context, client, out, |source, client, spool| source.on_order(event, context, client, spool)),
            _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "an event came that nobody waits for")),
        }
    }

    /// A message while the statement reads the client's data.
    ///
    /// # Errors
    /// The statement's own; 08P01 when no data is being read.
    pub fn on_copy_message(
        &mut self,
        message: &FrontendMessage<'_>,
        client: &mut Client,
    ) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Copy(copy) => copy.on_message(message, client).map(Outcome::from),
            _ => Err(PgError::error(SqlState::PROTOCOL_VIOLATION, "unexpected message while a statement runs")),
        }
    }

    pub fn on_flushed(&mut self) -> Outcome {
        match self {
            Self::Run(run) => run.on_flushed().into(),
            Self::Cursor(run) => run.on_flushed(),
            Self::CommitHeld(commit) => commit.on_flushed(),
            Self::Block(run) => run.on_flushed(),
            _ => Outcome::NeedFrame,
        }
    }

    /// The result left open on the lease when this is given up.
    pub fn open_result(&self) -> Option<Request> {
        match self {
            Self::Run(run) => run.open_result(),
            Self::Block(run) => run.open_result(),
            // A cursor's result is its portal's.
            _ => None,
        }
    }

    /// Starts the query of a cursor as far as that is possible without a row.
    ///
    /// # Errors
    /// The statement's own.
    pub fn open(&mut self, context: &ShardContext, client: &mut Client) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => run.open(context, client).map(Outcome::from),
            Self::Catalog(run) => run.open(context, client).map(Outcome::from),
            _ => Ok(Outcome::Suspended),
        }
    }

    /// Rows sent so far, and whether these were all: where a cursor stands that goes on from here.
    pub fn rows_sent(&self) -> (u64, bool) {
        match self {
            Self::Run(run) => run.rows_sent(),
            Self::Catalog(run) => run.rows_sent(),
            Self::Calls(calls) => calls.rows_sent(),
            _ => (0, true),
        }
    }
}

impl From<RunProgress> for Outcome {
    fn from(progress: RunProgress) -> Self {
        match progress {
            RunProgress::Submit(request) => Self::Submit(request),
            RunProgress::Mirror(change) => Self::Order(Order::Mirror(change)),
            RunProgress::Order(order) => Self::Order(order),
            RunProgress::FlushThenResume => Self::FlushThenResume,
            RunProgress::Suspended => Self::Suspended,
            RunProgress::Complete(tag) => Self::Complete(tag),
        }
    }
}

impl From<CatalogProgress> for Outcome {
    fn from(progress: CatalogProgress) -> Self {
        match progress {
            CatalogProgress::Order(order) => Self::Order(order),
            CatalogProgress::Suspended => Self::Suspended,
            CatalogProgress::Complete(tag) => Self::Complete(tag),
        }
    }
}

impl From<ControlProgress> for Outcome {
    fn from(progress: ControlProgress) -> Self {
        match progress {
            ControlProgress::Submit(request) => Self::Submit(request),
            ControlProgress::Complete(tag) => Self::Complete(tag),
        }
    }
}

impl From<CopyProgress> for Outcome {
    fn from(progress: CopyProgress) -> Self {
        match progress {
            CopyProgress::Submit(request) => Self::Submit(request),
            CopyProgress::NeedFrame => Self::NeedFrame,
            CopyProgress::Complete(tag) => Self::Complete(tag),
        }
    }
}

/// Whether a failed block still allows it.
pub fn ends_failed_block(action: &Action) -> bool {
    matches!(
        action,
        Action::Transaction(
            TransactionCommand::Commit { .. } | TransactionCommand::Rollback { .. } | TransactionCommand::RollbackTo(_)
        )
    )
}
