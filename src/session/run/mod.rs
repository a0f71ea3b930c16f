//! One understood statement being carried out. Simple and extended protocol differ in framing only: both run this.

mod apart;
pub(super) mod arguments;
pub(super) mod arrays;
pub(super) mod bind;
pub(super) mod block;
pub(super) mod calls;
mod carried;
pub(super) mod catalog;
pub(super) mod channel;
pub(super) mod control;
pub(super) mod copy_in;
pub(super) mod copy_out;
pub(super) mod cursor;
pub(super) mod defer;
pub(super) mod define;
pub(super) mod drawing;
pub(super) mod emptied;
pub(super) mod evaluation;
pub(super) mod explain;
pub(super) mod filling;
pub(super) mod finish;
pub(super) mod following;
pub(super) mod held_rows;
pub(super) mod local;
mod lock_rows;
mod mirror_only;
pub(super) mod nested;
pub(super) mod outcome;
mod page_rest;
pub(super) mod put_aside;
pub(super) mod refused;
pub(super) mod rehearsed;
pub(super) mod script;
pub(super) mod sequence;
pub(super) mod sequence_call;
mod staged;
pub(super) mod streams;
pub(super) mod try_setting;
mod type_run;
pub(super) mod undoing;
pub(super) mod upsert_keys;
pub(super) mod values;
pub(super) mod violation;
pub(super) mod write_back;

use std::rc::Rc;

use crate::iris::Request;
use crate::sql::{Action, CatalogQuery, CursorCommand, SettingCommand};
use crate::wire::{PgError, SendBuf, SqlState};

use self::apart::Apart;
use self::arguments::Arguments;
use self::bind::{StepValues, Values};
use self::block::BlockRun;
use self::calls::Calls;
use self::carried::carry;
use self::catalog::{CatalogRun, CatalogStatement};
use self::channel::ChannelOperation;
use self::control::Control;
use self::copy_in::CopyIn;
use self::copy_out::CopyOut;
use self::cursor::run::{CommitHeld, CursorRun};
use self::define::Define;
use self::drawing::Drawing;
use self::emptied::Emptying;
use self::finish::FinishRun;
use self::following::Following;
pub(in crate::session) use self::following::follows;
use self::local::{Local, LocalCommand};
use self::lock_rows::LockRowsRun;
use self::mirror_only::MirrorOnly;
use self::nested::{Carrying, RowUse, StepsDone};
use self::outcome::Outcome;
use self::refused::{RefusedRun, Wanted};
use self::rehearsed::Rehearsed;
use self::script::Run;
use self::sequence::SequenceRun;
use self::staged::StagedRun;
use self::try_setting::TrySetting;
use self::undoing::Undoing;
use self::write_back::WriteBackRun;
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::resolve::Understanding;
use crate::session::understand::rows::Formats;
use crate::types::quoted_name;

/// A statement under way.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a plain statement takes no memory for itself")]
pub(super) enum Operation {
    Run(Run),
    Control(Control),
    Copy(Box<CopyIn>),
    CopyOut(Box<CopyOut>),
    /// The oracle answers.
    Catalog(Box<CatalogRun>),
    /// IRIS gives rows, the oracle answers.
    Finish(Box<FinishRun>),
    /// The same, once it is known how.
    Refused(Box<RefusedRun>),
    /// A query gives rows, IRIS stores them.
    WriteBack(Box<WriteBackRun>),
    /// A query gives rows, IRIS locks them.
    LockRows(Box<LockRowsRun>),
    /// Parts of the statement come first.
    Staged(Box<StagedRun>),
    /// CREATE, ALTER and DROP SEQUENCE.
    Sequence(Box<SequenceRun>),
    /// A definition of a table, and the sequences of its columns.
    Following(Box<Following>),
    /// Values of sequences are taken for a statement.
    Drawing(Box<Drawing>),
    /// A definition that PostgreSQL tries first.
    Rehearsed(Box<Rehearsed>),
    /// Only the mirror has something to do.
    Mirror(Box<MirrorOnly>),
    /// SET of a parameter that the oracle knows.
    TrySetting(Box<TrySetting>),
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
    /// Rows of temporary tables go first.
    Emptying(Box<(Emptying, Operation, u64)>),
    /// A definition that a rollback undoes.
    Define(Box<Define>),
}

/// What goes in front of a statement. Its row is nobody's.
#[derive(Debug)]
pub(super) struct Sleeping {
    calls: Calls,
    spool: SendBuf,
    then: Operation,
    rows_max: u64,
}

impl Operation {
    /// Whether it is a definition that a rollback has to undo, should it run in a transaction.
    pub(super) fn defines(understood: &Understood, context: &ShardContext, client: &Client) -> bool {
        understood.translation.reversal.is_some()
            && (understood.translation.temporary.is_some() || !understood.translation.is_of_session)
            && !client.definitions.is_settling()
            && context.options.undoes_definitions
    }

    /// `describe`: rows are preceded by RowDescription (simple protocol).
    ///
    /// # Errors
    /// 0A000 for an action that belongs to the session and not here.
    pub(super) fn new(
        understood: Rc<Understood>,
        values: Values,
        formats: Formats,
        describe: bool,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Self, Box<PgError>> {
        let defines = Self::defines(&understood, context, client);
        let plain = Self::plain(Rc::clone(&understood), values, formats, describe, context, client)?;
        Ok(if defines { Self::Define(Box::new(Define::new(carrying, understood, Box::new(plain)))) } else { plain })
    }

    fn plain(
        understood: Rc<Understood>,
        values: Values,
        formats: Formats,
        describe: bool,
        context: &ShardContext,
        client: &Client,
    ) -> Result<Self, Box<PgError>> {
        let tag = || Rc::clone(&understood.tag);
        let values = match (values, &understood.translation.action) {
            (Values::Oracle(mut statement), Action::Catalog(query)) => {
                let sleeps = std::mem::take(&mut statement.sleeps);
                let run = CatalogRun::new(*statement, *query, formats.to_codes(), describe);
                let then = Self::Catalog(Box::new(run));
                let calls = &understood.translation.sleeps;
                if calls.is_empty() {
                    return Ok(then);
                }
                let calls = Calls::new(calls, sleeps, Formats::text(), false, tag());
                return Ok(Self::Sleeping(Box::new(Sleeping { calls, spool: SendBuf::new(), then, rows_max: 0 })));
            }
            (Values::Oracle(statement), Action::Finish(_)) => {
                let run = FinishRun::new(understood, *statement, formats, describe);
                return Ok(Self::Finish(Box::new(run)));
            }
            (Values::Oracle(statement), Action::WriteBack(_) | Action::LockRows(_) | Action::Staged(_)) => {
                let whole = Apart::new(carrying, understood, *statement, formats, describe);
                return Ok(match whole.action() {
                    Action::LockRows(_) => Self::LockRows(Box::new(LockRowsRun::new(whole))),
                    Action::Staged(_) => Self::Staged(Box::new(StagedRun::new(whole))),
                    _ => Self::WriteBack(Box::new(WriteBackRun::new(whole))),
                });
            }
            (Values::Calls(values), Action::Calls(calls)) => {
                return Ok(Self::Calls(Box::new(Calls::new(calls, *values, formats, describe, tag()))));
            }
            (Values::Undrawn(statement), _) => {
                return Ok(Self::Drawing(Box::new(Drawing::new(understood, *statement, formats, describe))));
            }
            (Values::Refused(query), _) => {
                return Ok(Self::Refused(Box::new(RefusedRun::new(*query, formats, describe))));
            }
            (Values::Oracle(_) | Values::Calls(_), _) => StepValues::default(),
            (Values::Iris(values), _) => values,
        };
        Ok(match &understood.translation.action {
            Action::Script(_) if follows(&understood, context) || understood.translation.rehearsal.is_some() => {
                let run = Run::new(Rc::clone(&understood), values, formats, describe);
                let then = match follows(&understood, context) {
                    true => Self::Following(Box::new(Following::new(run, &understood.translation.owned))),
                    false => Self::Run(run),
                };
                match understood.translation.rehearsal.is_some() {
                    true => {
                        let defines = Self::defines(&understood, context, client);
                        Self::Rehearsed(Box::new(Rehearsed::new(carrying, understood, Box::new(then), defines)))
                    }
                    false => then,
                }
            }
            Action::Script(_) => Self::Run(Run::new(understood, values, formats, describe)),
            Action::MirrorOnly => Self::Mirror(Box::new(MirrorOnly::new(carrying, understood, client))),
            Action::Sequence(command) => Self::Sequence(Box::new(SequenceRun::new(command.clone(), understood))),
            Action::Transaction(command) => Self::Control(Control::new(command.clone(), tag(), undoing)),
            Action::Setting(command) if let Some(setting) = TrySetting::of(command, &understood.tag, context) => {
                Self::TrySetting(Box::new(setting))
            }
            Action::Setting(SettingCommand::Show(name))
                if context.options.has_oracle && client.settings.is_shown_by_oracle(name) =>
            {
                let sql = format!("SHOW {}", quoted_name(name));
                let statement = CatalogStatement { sql, ..CatalogStatement::default() };
                Self::Catalog(Box::new(CatalogRun::new(
                    statement,
                    CatalogQuery::default(),
                    formats.to_codes(),
                    describe,
                )))
            }
            Action::Setting(command) => {
                Self::Local(Local { command: LocalCommand::Setting(command.clone()), tag: tag(), describe })
            }
            Action::Empty | Action::Accepted => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::CopyFromStdin(_) => Self::Copy(Box::new(CopyIn::new(carrying, understood, context)?)),
            Action::CopyToStdout(_) => Self::CopyOut(Box::new(CopyOut::new(carrying, understood))),
            Action::Channel(command) => Self::Channel(ChannelOperation::new(command.clone(), tag())),
            Action::Do(_) => Self::Block(Box::new(BlockRun::new(understood))),
            // What CLOSE closes the session has closed.
            Action::Cursor(CursorCommand::Close(_)) => {
                Self::Local(Local { command: LocalCommand::Nothing, tag: tag(), describe })
            }
            Action::Catalog(_)
            | Action::Finish(_)
            | Action::WriteBack(_)
            | Action::LockRows(_)
            | Action::Staged(_)
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
    pub(super) fn reads_session(&self) -> bool {
        match self {
            Self::Catalog(run) => run.reads_session(),
            Self::Finish(run) => run.reads_session(),
            Self::Cursor(run) => run.reads_session(),
            _ => false,
        }
    }

    /// Whether it is a query, behind which a transaction has a snapshot.
    fn sees_rows(&self) -> bool {
        let finds = matches!(self, Self::Finish(_) | Self::Refused(_) | Self::LockRows(_) | Self::Staged(_));
        finds
            || matches!(self, Self::Calls(_) | Self::Sleeping(_))
            || matches!(self, Self::Catalog(run) if run.is_query())
    }

    /// Starts, or goes on after a suspension, with at most `rows_max` rows (0 = all).
    ///
    /// # Errors
    /// The statement's own.
    pub(super) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if self.sees_rows() {
            cx.client.has_queried = cx.client.transaction.in_block();
        }
        match self {
            Self::Run(run) => {
                cx.client.settings.check_writable(run.command())?;
                run.start(rows_max, cx)
            }
            Self::Control(control) => control.start(cx),
            Self::Copy(copy) => {
                cx.client.settings.check_writable("COPY FROM")?;
                Ok(copy.start(cx.out))
            }
            Self::CopyOut(copy) => copy.start(cx),
            Self::Catalog(run) => run.start(rows_max, cx),
            Self::Finish(run) => run.start(rows_max, cx),
            Self::Refused(run) => {
                let progress = run.start(Some(rows_max), cx)?;
                self.after_refusal(progress, cx)
            }
            Self::WriteBack(run) => run.start(rows_max, cx),
            Self::LockRows(run) => run.start(rows_max, cx),
            Self::Staged(run) => run.start(rows_max, cx),
            Self::Rehearsed(run) => run.start(cx),
            Self::Mirror(mirror) => mirror.start(cx),
            Self::Sequence(run) => run.start(cx),
            Self::Following(run) => run.start(rows_max, cx),
            Self::Drawing(drawing) => {
                cx.client.settings.check_writable(drawing.command())?;
                let progress = drawing.start(rows_max, cx)?;
                self.after_drawing(progress, cx)
            }
            Self::Cursor(run) => run.start(rows_max, cx),
            Self::CommitHeld(commit) => commit.start(cx),
            Self::Arguments(arguments) => Ok(Outcome::Wait(arguments.start(rows_max, cx))),
            Self::TrySetting(setting) => Ok(setting.start(cx)),
            Self::Local(local) => local.start(cx),
            Self::Channel(channel) => channel.start(cx.client),
            Self::Calls(calls) => calls.start(rows_max, cx),
            Self::Sleeping(sleeping) => {
                sleeping.rows_max = rows_max;
                let outcome = sleeping.calls.start(0, &mut cx.spooled(&mut sleeping.spool));
                self.after_sleep(outcome, cx)
            }
            Self::Block(run) => run.start(cx),
            Self::Define(run) => run.start(cx),
            Self::Emptying(emptying) => {
                emptying.2 = rows_max;
                let progress = emptying.0.go_on(cx);
                self.after_emptying(progress, cx)
            }
        }
    }

    /// Rows of temporary tables that are to be gone by now are deleted before it starts.
    pub(super) fn put_deletes_in_front(&mut self, client: &Client) {
        if client.temporary.state() == 0 {
            return;
        }
        // These see no rows.
        if matches!(self, Self::Control(_) | Self::Local(_) | Self::Channel(_) | Self::TrySetting(_)) {
            return;
        }
        if let Some(emptying) = Emptying::of(client) {
            let then = std::mem::replace(self, Self::nothing());
            *self = Self::Emptying(Box::new((emptying, then, 0)));
        }
    }

    fn nothing() -> Self {
        Self::Local(Local { command: LocalCommand::Nothing, tag: "".into(), describe: false })
    }

    /// Goes on when the rows are deleted.
    fn after_emptying(&mut self, progress: Progress<()>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match (progress, &mut *self) {
            (Progress::Wait(want), _) => Ok(Outcome::Wait(want)),
            (Progress::Ready(()), Self::Emptying(emptying)) => {
                let (then, rows_max) = (std::mem::replace(&mut emptying.1, Self::nothing()), emptying.2);
                *self = then;
                self.start(rows_max, cx)
            }
            (Progress::Ready(()), _) => Err(cx.shard.unwaited()),
        }
    }

    /// Goes on with what has come of the [`Want`] that it waits for.
    ///
    /// # Errors
    /// The statement's own; XX000 for an event that it does not wait for.
    pub(super) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => run.resume(event, cx),
            Self::Control(control) => control.resume(event, cx),
            Self::Copy(copy) => copy.resume(event, cx),
            Self::CopyOut(copy) => copy.resume(event, cx),
            Self::Catalog(run) => run.resume(event, cx),
            Self::Finish(run) => run.resume(event, cx),
            Self::Refused(run) => {
                let progress = run.resume(event, cx)?;
                self.after_refusal(progress, cx)
            }
            Self::WriteBack(run) => run.resume(event, cx),
            Self::LockRows(run) => run.resume(event, cx),
            Self::Staged(run) => run.resume(event, cx),
            Self::Rehearsed(run) => run.resume(event, cx),
            Self::Mirror(mirror) => mirror.resume(event, cx),
            Self::Sequence(run) => run.resume(event, cx),
            Self::Following(run) => run.resume(event, cx),
            Self::Drawing(drawing) => {
                let progress = drawing.resume(event, cx)?;
                self.after_drawing(progress, cx)
            }
            Self::Cursor(run) => run.resume(event, cx),
            Self::CommitHeld(commit) => commit.resume(event, cx),
            Self::Arguments(arguments) => match arguments.resume(event, cx)? {
                Progress::Wait(want) => Ok(Outcome::Wait(want)),
                Progress::Ready((operation, rows_max)) => {
                    *self = operation;
                    self.start(rows_max, cx)
                }
            },
            Self::TrySetting(setting) => setting.resume(event, cx),
            Self::Calls(calls) => calls.resume(event, cx),
            Self::Sleeping(sleeping) => {
                let outcome = sleeping.calls.resume(event, &mut cx.spooled(&mut sleeping.spool));
                self.after_sleep(outcome, cx)
            }
            Self::Block(run) => run.resume(event, cx),
            Self::Emptying(emptying) => {
                let progress = emptying.0.resume(event, cx)?;
                self.after_emptying(progress, cx)
            }
            Self::Define(run) => run.resume(event, cx),
            Self::Local(_) | Self::Channel(_) => Err(cx.shard.unwaited()),
        }
    }

    /// Goes on when the sleeps are over.
    fn after_sleep(
        &mut self,
        outcome: Result<Outcome, Box<PgError>>,
        cx: &mut Cx<'_>,
    ) -> Result<Outcome, Box<PgError>> {
        match (outcome?, &mut *self) {
            (Outcome::Complete(_), Self::Sleeping(sleeping)) => {
                let (then, rows_max) = (std::mem::replace(&mut sleeping.then, Self::nothing()), sleeping.rows_max);
                *self = then;
                self.start(rows_max, cx)
            }
            (outcome, _) => Ok(outcome),
        }
    }

    /// Goes on when all values are there.
    fn after_drawing(&mut self, progress: Progress<Values>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match (progress, &mut *self) {
            (Progress::Wait(want), _) => Ok(Outcome::Wait(want)),
            (Progress::Ready(values), Self::Drawing(drawing)) => {
                let (understood, formats, describe) = drawing.take_wanted();
                let (rows_max, carries) = (drawing.rows_max, drawing.carries);
                *self = Self::new(understood, values, formats, describe, cx.shard, cx.client)?;
                if let (Some(carries), Self::Run(run)) = (carries, &mut *self) {
                    carry(run, carries, cx);
                }
                self.start(rows_max, cx)
            }
            (Progress::Ready(_), _) => Err(cx.shard.unwaited()),
        }
    }

    /// Goes on when it is known how PostgreSQL finishes the query.
    fn after_refusal(&mut self, progress: Understanding, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match (progress, &mut *self) {
            (Progress::Wait(want), _) => Ok(Outcome::Wait(want)),
            (Progress::Ready(understood), Self::Refused(run)) => {
                let Wanted { statement, formats, describe, rows_max } = run.take_wanted();
                *self = Self::Finish(Box::new(FinishRun::new(understood, statement, formats, describe)));
                match rows_max {
                    Some(rows_max) => self.start(rows_max, cx),
                    None => self.open(cx),
                }
            }
            (Progress::Ready(_), _) => Err(cx.shard.unwaited()),
        }
    }

    /// The result left open on the lease when this is given up. It counts as closed.
    pub(super) fn take_result(&mut self) -> Option<Request> {
        match self {
            Self::Run(run) => run.take_result(),
            Self::Following(run) => run.take_result(),
            Self::Block(run) => run.take_result(),
            Self::Define(run) => run.take_result(),
            Self::Finish(run) => run.take_result(),
            Self::WriteBack(run) => run.take_result(),
            Self::LockRows(run) => run.take_result(),
            Self::Staged(run) => run.take_result(),
            Self::Rehearsed(run) => run.take_result(),
            Self::Copy(run) => run.take_result(),
            Self::Mirror(run) => run.take_result(),
            Self::CopyOut(run) => run.take_result(),
            // A cursor's result is its portal's.
            _ => None,
        }
    }

    /// Starts the query of a cursor as far as that is possible without a row.
    ///
    /// # Errors
    /// The statement's own.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match self {
            Self::Run(run) => run.open(cx),
            Self::Catalog(run) => run.open(cx),
            Self::Finish(run) => run.open(cx),
            Self::Refused(run) => {
                let progress = run.start(None, cx)?;
                self.after_refusal(progress, cx)
            }
            _ => Ok(Outcome::Suspended),
        }
    }

    /// Rows sent so far, and whether these were all: where a cursor stands that goes on from here.
    pub(super) fn rows_sent(&self) -> (u64, bool) {
        match self {
            Self::Run(run) => run.rows_sent(),
            Self::Catalog(run) => run.rows_sent(),
            Self::Finish(run) => run.rows_sent(),
            Self::WriteBack(run) => run.rows_sent(),
            Self::LockRows(run) => run.rows_sent(),
            Self::Staged(run) => run.rows_sent(),
            Self::Calls(calls) => calls.rows_sent(),
            _ => (0, true),
        }
    }
}

impl Carrying for Operation {
    fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.start(0, cx)
    }

    fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.resume(event, cx)
    }

    fn take_result(&mut self) -> Option<Request> {
        self.take_result()
    }

    fn progress(&self) -> StepsDone {
        match self {
            Self::Run(run) => run.progress(),
            Self::Following(run) => run.progress(),
            Self::Rehearsed(run) => run.progress(),
            _ => StepsDone::default(),
        }
    }
}

/// What undoes the definitions of a transaction.
pub(super) fn undoing() -> Undoing {
    Undoing::new(carrying)
}

/// A statement inside of another one; see [`nested::MakeCarrying`].
fn carrying(
    understood: Rc<Understood>,
    values: Values,
    formats: Formats,
    rows: RowUse,
    cx: &Cx<'_>,
) -> Result<Box<dyn Carrying>, Box<PgError>> {
    let describe = rows == RowUse::Described;
    let mut operation = Operation::new(understood, values, formats, describe, cx.shard, cx.client)?;
    let carries = rows == RowUse::Carried;
    match &mut operation {
        Operation::Run(run) => carry(run, carries, cx),
        Operation::Drawing(drawing) => drawing.carries = Some(carries),
        _ => {}
    }
    Ok(Box::new(operation))
}
