//! One understood statement being carried out. Simple and extended protocol differ in framing only: both run this.

use std::rc::Rc;

use crate::iris::{Reply, Request};
use crate::sql::{Action, CursorCommand, ModesScope, SettingCommand, Template, TransactionCommand};
use crate::types::{Oid, PgType};
use crate::wire::{Format, FrontendMessage, PgError, SendBuf, SqlState};

use super::client::Client;
use super::context::{ShardContext, Understood};
use super::control::{Control, ControlProgress};
use super::copy_in::{CopyIn, CopyProgress};
use super::cursor_run::{CommitHeld, CursorRun};
use super::rows::{Field, Formats};
use super::run::{Run, RunProgress, put_row_description};
use super::values::{Parameter, Sources, put_values};

/// A statement under way.
#[derive(Debug)]
pub enum Operation {
    Run(Run),
    Control(Control),
    Copy(Box<CopyIn>),
    /// Rows come from the operation of the cursor's query.
    Cursor(Box<CursorRun>),
    CommitHeld(Box<CommitHeld>),
    /// Answered by the gateway alone.
    Local(Local),
}

/// What a statement that needs no IRIS does.
#[derive(Debug)]
pub struct Local {
    command: LocalCommand,
    tag: String,
    describe: bool,
}

#[derive(Debug)]
enum LocalCommand {
    Nothing,
    Setting(SettingCommand),
}

/// What comes next.
#[derive(Debug)]
pub enum Outcome {
    Submit(Request),
    FlushThenResume,
    /// CopyData and its like.
    NeedFrame,
    Suspended,
    /// The text of CommandComplete.
    Complete(String),
    /// EmptyQueryResponse instead of CommandComplete.
    Empty,
}

/// The `$LIST` values of every step, made once per Bind (or per simple query).
///
/// # Errors
/// 22xxx, 42P02.
pub fn bind_values(
    understood: &Understood,
    sources: &Sources<'_>,
    client: &mut Client,
    out: &mut SendBuf,
) -> Result<Vec<Vec<u8>>, Box<PgError>> {
    let Action::Script(steps) = &understood.translation.action else { return Ok(Vec::new()) };
    let mut all = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let mut values = Vec::new();
        let metadata = understood.extra.metadata(index);
        put_values(&step.plan, metadata.as_deref(), sources, client, out, &mut values)?;
        all.push(values);
    }
    Ok(all)
}

/// Sources for a statement without parameters.
pub fn literals_only<'a>(template: &'a Template, context: &'a ShardContext) -> Sources<'a> {
    const NONE: &[Parameter<'static>] = &[];
    Sources { template, parameters: NONE, context }
}

impl Operation {
    /// `describe`: rows are preceded by RowDescription (simple protocol).
    ///
    /// # Errors
    /// 0A000 for an action that belongs to the session and not here.
    pub fn new(
        understood: Rc<Understood>,
        values: Vec<Vec<u8>>,
        formats: Formats,
        describe: bool,
        context: &ShardContext,
    ) -> Result<Self, Box<PgError>> {
        let tag = || understood.translation.tag.clone();
        Ok(match &understood.translation.action {
            Action::Script(_) => Self::Run(Run::new(understood, values, formats, describe)),
            Action::Transaction(command) => Self::Control(Control::new(command.clone(), tag())),
            Action::Setting(command) => {
                Self::Local(Local { command: LocalCommand::Setting(command.clone()), tag: tag(), describe })
            }
            Action::Empty | Action::Accepted => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::CopyFromStdin(_) => Self::Copy(Box::new(CopyIn::new(understood, context)?)),
            // What CLOSE closes the session has closed.
            Action::Cursor(CursorCommand::Close(_)) => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::Channel(_)
            | Action::AdvisoryLock(_)
            | Action::Catalog(_)
            | Action::MirrorOnly => return Err(PgError::unsupported("not supported yet")),
            Action::Cursor(_) | Action::Prepare { .. } | Action::Execute { .. } | Action::Deallocate(_) => {
                return Err(PgError::error(SqlState::INTERNAL_ERROR, "a session command reached the wrong place"));
            }
        })
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
            Self::Run(run) => run.execute(rows_max, context, client, out).map(Outcome::from),
            Self::Control(control) => control.start(context, client, out).map(Outcome::from),
            Self::Copy(copy) => Ok(copy.start(out)),
            Self::Cursor(run) => run.execute(rows_max, context, client, out),
            Self::CommitHeld(commit) => commit.execute(context, client, out),
            Self::Local(local) => local.execute(client, out),
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
            Self::Local(_) => Err(super::resolve::unexpected(&reply)),
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
            Self::Run(_) | Self::Control(_) | Self::Local(_) | Self::Cursor(_) | Self::CommitHeld(_) => {
                Err(PgError::error(SqlState::PROTOCOL_VIOLATION, "unexpected message while a statement runs"))
            }
        }
    }

    pub fn on_flushed(&mut self) -> Outcome {
        match self {
            Self::Run(run) => run.on_flushed().into(),
            Self::Cursor(run) => run.on_flushed(),
            Self::CommitHeld(commit) => commit.on_flushed(),
            Self::Control(_) | Self::Copy(_) | Self::Local(_) => Outcome::NeedFrame,
        }
    }

    /// The result left open on the lease when this is given up.
    pub fn open_result(&self) -> Option<Request> {
        match self {
            Self::Run(run) => run.open_result(),
            // A cursor's result is its portal's.
            Self::Cursor(_) | Self::CommitHeld(_) => None,
            Self::Control(_) | Self::Copy(_) | Self::Local(_) => None,
        }
    }

    /// Starts the query of a cursor as far as that is possible without a row.
    ///
    /// # Errors
    /// The statement's own.
    pub fn open(
        &mut self,
        context: &ShardContext,
        client: &mut Client,
        _out: &mut SendBuf,
    ) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => run.open(context, client).map(Outcome::from),
            _ => Ok(Outcome::Suspended),
        }
    }

    /// Rows sent so far, and whether these were all: where a cursor stands that goes on from here.
    pub fn rows_sent(&self) -> (u64, bool) {
        match self {
            Self::Run(run) => run.rows_sent(),
            _ => (0, true),
        }
    }
}

impl From<RunProgress> for Outcome {
    fn from(progress: RunProgress) -> Self {
        match progress {
            RunProgress::Submit(request) => Self::Submit(request),
            RunProgress::FlushThenResume => Self::FlushThenResume,
            RunProgress::Suspended => Self::Suspended,
            RunProgress::Complete(tag) => Self::Complete(tag),
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

/// The columns of a statement the gateway answers alone; `None`: no rows.
pub fn local_fields(action: &Action) -> Option<Vec<Field>> {
    let text = |name: &str| Field { name: name.to_owned(), pg_type: PgType::new(Oid::TEXT), format: Format::Text };
    match action {
        Action::Setting(SettingCommand::Show(name)) if name.eq_ignore_ascii_case("all") => {
            Some(vec![text("name"), text("setting"), text("description")])
        }
        Action::Setting(SettingCommand::Show(name)) => {
            Some(vec![text(&super::settings::Settings::canonical_name(name))])
        }
        _ => None,
    }
}

fn outside_block(message: &str) -> Box<PgError> {
    PgError::new(crate::wire::Severity::Warning, SqlState::NO_ACTIVE_TRANSACTION, message)
}

/// SET TRANSACTION lasts until the end of the block; SET SESSION CHARACTERISTICS sets the defaults of later ones.
fn set_modes(
    client: &mut Client,
    isolation: Option<&str>,
    read_only: Option<bool>,
    scope: ModesScope,
    out: &mut SendBuf,
) -> Result<(), Box<PgError>> {
    let in_block = client.transaction.in_block();
    let local = scope == ModesScope::Transaction;
    if local && !in_block {
        client.notice(&outside_block("SET TRANSACTION can only be used in transaction blocks"), out);
        return Ok(());
    }
    let prefix = if local { "" } else { "default_" };
    if let Some(isolation) = isolation {
        client.settings.set(&format!("{prefix}transaction_isolation"), Some(isolation), local, in_block)?;
    }
    if let Some(read_only) = read_only {
        let value = if read_only { "on" } else { "off" };
        client.settings.set(&format!("{prefix}transaction_read_only"), Some(value), local, in_block)?;
    }
    Ok(())
}

impl Local {
    fn execute(&mut self, client: &mut Client, out: &mut SendBuf) -> Result<Outcome, Box<PgError>> {
        let in_block = client.transaction.in_block();
        match &self.command {
            LocalCommand::Nothing if self.tag.is_empty() => return Ok(Outcome::Empty),
            LocalCommand::Nothing => {}
            LocalCommand::Setting(SettingCommand::Set { name, value, local }) => {
                if *local && !in_block {
                    client.notice(&outside_block("SET LOCAL can only be used in transaction blocks"), out);
                }
                client.settings.set(name, value.as_deref(), *local, in_block)?;
                if *local && !in_block {
                    client.settings.end_transaction(true);
                }
            }
            LocalCommand::Setting(SettingCommand::Modes { isolation, read_only, scope }) => {
                set_modes(client, isolation.as_deref(), *read_only, *scope, out)?;
            }
            LocalCommand::Setting(SettingCommand::Reset(Some(name))) => client.settings.reset(name, in_block)?,
            LocalCommand::Setting(SettingCommand::Reset(None) | SettingCommand::DiscardAll) => {
                client.settings.reset_all(in_block);
            }
            LocalCommand::Setting(SettingCommand::Show(name)) => {
                let action = Action::Setting(SettingCommand::Show(name.clone()));
                let rows: Vec<Vec<String>> = if name.eq_ignore_ascii_case("all") {
                    let all = client.settings.all();
                    all.into_iter()
                        .map(|(name, value)| vec![name.to_owned(), value.to_owned(), String::new()])
                        .collect()
                } else {
                    vec![vec![client.settings.show(name)?.to_owned()]]
                };
                if self.describe
                    && let Some(fields) = local_fields(&action)
                {
                    put_row_description(&fields, out);
                }
                for cells in &rows {
                    let mut row = out.begin_data_row();
                    for cell in cells {
                        row.value(cell.as_bytes())?;
                    }
                    row.finish()?;
                }
            }
        }
        client.tell_settings(out);
        Ok(Outcome::Complete(self.tag.clone()))
    }
}
