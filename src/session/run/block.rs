//! DO being carried out: the statements of its block one after the other, and its handlers when one of them fails.

use std::rc::Rc;

use crate::iris::{Reply, Request};
use crate::sql::{Action, BlockStatement, BlockStep, DoBlock, SettingCommand, StepRole, Template};
use crate::wire::{Messages, PgError, SendBuf, SqlState};

use super::bind::{bind_values, literals_only};
use super::outcome::Outcome;
use super::undoing::Undoing;
use super::{Operation, undoing};
use crate::session::client::Client;
use crate::session::contract::step::{Event, Progress, Want};
use crate::session::understand::context::{Cx, ShardContext, Understood};
use crate::session::understand::resolve::{Resolve, Understanding};
use crate::session::understand::rows::Formats;
use crate::session::understand::rules::{needs_transaction, put_notices, refused};
use crate::types::boolean_word;

/// Savepoints of blocks. No client can say this name.
const SAVEPOINT: &str = "";

type Result<T> = std::result::Result<T, Box<PgError>>;

/// A DO block under way.
#[derive(Debug)]
pub(crate) struct BlockRun {
    /// Of the DO itself.
    understood: Rc<Understood>,
    /// The step under way.
    at: usize,
    /// Blocks with handlers around it, the innermost last.
    frames: Vec<Frame>,
    stage: Stage,
    /// What the condition of an IF answers.
    spool: SendBuf,
}

/// A block with handlers.
#[derive(Debug)]
struct Frame {
    /// The step it began with.
    enter: usize,
    has_savepoint: bool,
}

#[derive(Debug)]
enum Stage {
    /// The step has not been started.
    Next,
    Resolve(Box<Resolve>),
    Run {
        operation: Box<Operation>,
        understood: Rc<Understood>,
    },
    /// SAVEPOINT is sent; a statement waits behind it, or the block's next step.
    Savepoint(Option<Box<(Rc<Understood>, Resolve)>>),
    /// ROLLBACK TO is sent, for the handler that is next.
    Undo,
    /// Definitions behind it are undone.
    UndoDefinitions(Box<Undoing>),
}

impl BlockRun {
    pub(crate) fn new(understood: Rc<Understood>) -> Self {
        Self { understood, at: 0, frames: Vec::new(), stage: Stage::Next, spool: SendBuf::new() }
    }

    fn step(&self, at: usize) -> Option<&BlockStep> {
        match &self.understood.translation.action {
            Action::Do(DoBlock { steps }) => steps.get(at),
            _ => None,
        }
    }

    /// # Errors
    /// That of a statement which no handler takes.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.settle(Ok(None), cx)
    }

    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let result = match (std::mem::replace(&mut self.stage, Stage::Next), event) {
            (Stage::Resolve(mut resolve), event) => {
                let progress = resolve.resume(event, cx);
                self.on_progress(progress, resolve, cx)
            }
            (Stage::Run { mut operation, understood }, event) => {
                let outcome = operation.resume(event, &mut self.sink(cx));
                self.on_outcome(outcome, operation, understood, cx)
            }
            (Stage::Savepoint(_), Event::Iris(Reply::Failed { error, .. })) => Err(refused(&error, cx.shard)),
            (Stage::Savepoint(Some(waiting)), Event::Iris(_)) => {
                let (understood, resolve) = *waiting;
                self.run(understood, resolve, cx)
            }
            (Stage::Savepoint(None), Event::Iris(_)) => Ok(None),
            // The handler starts; without its savepoint there is nothing that it could go on from.
            (Stage::Undo, Event::Iris(Reply::Failed { error, .. })) => {
                return Err(self.give_up(refused(&error, cx.shard), cx.client));
            }
            (Stage::Undo, Event::Iris(_)) => {
                let kept = cx.client.transaction.definitions_in_front_of(SAVEPOINT);
                cx.client.definitions.roll_back_to(kept);
                undone(cx.client, cx.out);
                let mut undoing = Box::new(undoing());
                let want = undoing.start(cx);
                Ok(self.undo_definitions(undoing, want))
            }
            (Stage::UndoDefinitions(mut undoing), event) => {
                let want = undoing.resume(event, cx);
                Ok(self.undo_definitions(undoing, want))
            }
            (Stage::Next | Stage::Savepoint(_) | Stage::Undo, _) => Err(cx.shard.unwaited()),
        };
        self.settle(result, cx)
    }

    fn undo_definitions(&mut self, undoing: Box<Undoing>, want: Option<Want>) -> Option<Outcome> {
        let want = want?;
        self.stage = Stage::UndoDefinitions(undoing);
        Some(Outcome::Wait(want))
    }

    /// The result left open on the lease when this is given up. It counts as closed.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        match &mut self.stage {
            Stage::Run { operation, .. } => operation.take_result(),
            _ => None,
        }
    }

    /// Goes on until something has to be waited for, or the block is done. `Ok(None)`: the next step, please.
    fn settle(&mut self, mut result: Result<Option<Outcome>>, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            result = match result {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => self.next(cx),
                Err(error) => Ok(self.handle(error, cx)?),
            };
        }
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Option<Outcome>> {
        let sql = match self.step(self.at) {
            None => return Ok(Some(Outcome::Complete((&self.understood.tag).into()))),
            Some(BlockStep::Jump(to)) => {
                self.at = *to;
                return Ok(None);
            }
            Some(BlockStep::Leave(to)) => {
                self.at = *to;
                if self.frames.pop().is_some_and(|frame| frame.has_savepoint) {
                    released(cx.client);
                }
                return Ok(None);
            }
            Some(BlockStep::Enter { is_single, .. }) => {
                let has_savepoint = !is_single;
                self.frames.push(Frame { enter: self.at, has_savepoint });
                self.at = self.at.saturating_add(1);
                return has_savepoint.then(|| self.savepoint(None, cx)).transpose();
            }
            Some(
                BlockStep::Run(statement)
                | BlockStep::Perform(statement)
                | BlockStep::Test { condition: statement, .. },
            ) => &statement.sql,
        };
        let mut template = Template::default();
        Resolve::scan(sql, &mut template, cx.client)?;
        let mut resolve = Box::new(Resolve::new(sql, template));
        let progress = resolve.start(cx);
        self.on_progress(progress, resolve, cx)
    }

    fn on_progress(
        &mut self,
        progress: Result<Understanding>,
        resolve: Box<Resolve>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Outcome>> {
        match progress? {
            Progress::Wait(want) => {
                self.stage = Stage::Resolve(resolve);
                Ok(Some(Outcome::Wait(want)))
            }
            Progress::Ready(understood) => {
                self.check(&understood)?;
                if needs_transaction(&understood) {
                    cx.client.transaction.begin_implicit();
                    if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.has_savepoint) {
                        frame.has_savepoint = true;
                        return self.savepoint(Some(Box::new((understood, *resolve))), cx).map(Some);
                    }
                }
                self.run(understood, *resolve, cx)
            }
        }
    }

    /// What a statement of a block may not be.
    fn check(&self, understood: &Understood) -> Result<()> {
        let answers = match &understood.translation.action {
            Action::Script(steps) => steps.iter().any(|step| step.role == StepRole::Rows),
            Action::Catalog(_)
            | Action::Finish(_)
            | Action::LockRows(_)
            | Action::Calls(_)
            | Action::Setting(SettingCommand::Show(_)) => true,
            Action::WriteBack(_) | Action::Staged(_) => {
                understood.extra.described().is_some_and(|described| described.columns.is_some())
            }
            Action::Empty | Action::MirrorOnly | Action::Accepted | Action::Channel(_) | Action::Sequence(_) => false,
            Action::Setting(SettingCommand::DiscardAll) => {
                return Err(PgError::error(
                    SqlState::ACTIVE_TRANSACTION,
                    "DISCARD ALL cannot be executed from a function",
                ));
            }
            Action::Setting(_) => false,
            Action::CopyFromStdin(_) | Action::CopyToStdout(_) => {
                return Err(PgError::unsupported("cannot COPY to/from client in PL/pgSQL"));
            }
            Action::Transaction(_) => {
                return Err(PgError::unsupported("unsupported transaction command in PL/pgSQL"));
            }
            Action::Prepare { .. }
            | Action::Execute { .. }
            | Action::ExplainExecute { .. }
            | Action::Deallocate(_)
            | Action::Cursor(_)
            | Action::Do(_) => {
                let tag = &understood.translation.tag;
                return Err(PgError::unsupported(format!("{tag} is not supported in DO")));
            }
        };
        match (answers, self.keeps_rows()) {
            (true, false) => Err(PgError::error(SqlState::SYNTAX_ERROR, "query has no destination for result data")
                .hint("If you want to discard the results of a SELECT, use PERFORM instead.")),
            (false, true) => Err(PgError::error(SqlState::SYNTAX_ERROR, "what IF and PERFORM evaluate is not a query")),
            _ => Ok(()),
        }
    }

    /// What the step writes is for the client, or only for the block.
    fn sink<'a>(&'a mut self, cx: &'a mut Cx<'_>) -> Cx<'a> {
        let spool = if self.keeps_rows() { &mut self.spool } else { &mut *cx.out };
        Cx { shard: cx.shard, client: cx.client, out: spool }
    }

    /// The rows of the step are not for the client.
    fn keeps_rows(&self) -> bool {
        matches!(self.step(self.at), Some(BlockStep::Test { .. } | BlockStep::Perform(_)))
    }

    fn run(&mut self, understood: Rc<Understood>, resolve: Resolve, cx: &mut Cx<'_>) -> Result<Option<Outcome>> {
        let (sql, template, _) = resolve.into_parts();
        let values = bind_values(&understood, &literals_only(&sql, &template, cx.shard), &Formats::text(), cx)?;
        let shape = (Formats::text(), false);
        let operation = Operation::new(Rc::clone(&understood), values, shape.0, shape.1, cx.shard, cx.client)?;
        let mut operation = Box::new(operation);
        let outcome = operation.start(0, &mut self.sink(cx));
        self.on_outcome(outcome, operation, understood, cx)
    }

    fn on_outcome(
        &mut self,
        outcome: Result<Outcome>,
        operation: Box<Operation>,
        understood: Rc<Understood>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Outcome>> {
        if matches!(self.step(self.at), Some(BlockStep::Perform(_))) {
            self.spool.clear();
        }
        match outcome? {
            Outcome::Complete(_) | Outcome::Empty | Outcome::Suspended => {
                put_notices(&understood, cx.shard, cx.client, cx.out);
                self.at = match self.step(self.at) {
                    Some(BlockStep::Test { otherwise, .. }) => {
                        let otherwise = *otherwise;
                        if self.answer()? { self.at.saturating_add(1) } else { otherwise }
                    }
                    _ => self.at.saturating_add(1),
                };
                Ok(None)
            }
            outcome => {
                self.stage = Stage::Run { operation, understood };
                Ok(Some(outcome))
            }
        }
    }

    /// The value of the first row's first column, which is in the spool; no row is as good as NULL.
    fn answer(&mut self) -> Result<bool> {
        let spool = std::mem::take(&mut self.spool);
        for (frame, _) in Messages::new(spool.as_slice()) {
            // DataRow: number of columns, then length and bytes of each.
            if frame.tag == b'D' {
                let value = frame.body.get(6..).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
                if value.is_empty() {
                    return Ok(false);
                }
                return boolean_word(value).ok_or_else(|| {
                    let message = format!("invalid input syntax for type boolean: \"{value}\"");
                    PgError::error(SqlState::INVALID_TEXT, message)
                });
            }
        }
        Ok(false)
    }

    /// A savepoint for the innermost block.
    ///
    /// # Errors
    /// 54000 when IRIS has no room for one more; the block has none then.
    fn savepoint(&mut self, waiting: Option<Box<(Rc<Understood>, Resolve)>>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let Cx { shard, client, .. } = cx;
        client.transaction.begin_implicit();
        if let Err(error) = client.transaction.savepoint(SAVEPOINT, client.definitions.count()) {
            if let Some(frame) = self.frames.last_mut() {
                frame.has_savepoint = false;
            }
            return Err(error);
        }
        client.settings.savepoint();
        self.stage = Stage::Savepoint(waiting);
        Ok(submit("SAVEPOINT", shard, client))
    }

    /// Looks for the handler of an error, from the innermost block to the outermost.
    ///
    /// # Errors
    /// The same error, when there is none.
    fn handle(&mut self, error: Box<PgError>, cx: &mut Cx<'_>) -> Result<Option<Outcome>> {
        self.stage = Stage::Next;
        self.spool = SendBuf::new();
        let error = self.explained(error);
        while let Some(frame) = self.frames.pop() {
            let Some(BlockStep::Enter { handlers, .. }) = self.step(frame.enter) else { continue };
            let handler = handlers
                .iter()
                .find(|handler| handler.conditions.iter().any(|condition| condition.matches(error.code)))
                .map(|handler| handler.start);
            if let Some(start) = handler {
                self.at = start;
                if !frame.has_savepoint {
                    return Ok(None);
                }
                self.stage = Stage::Undo;
                return Ok(Some(submit("ROLLBACK TO SAVEPOINT", cx.shard, cx.client)));
            }
            if frame.has_savepoint {
                released(cx.client);
            }
        }
        Err(error)
    }

    /// The block fails as a whole.
    fn give_up(&mut self, error: Box<PgError>, client: &mut Client) -> Box<PgError> {
        released(client);
        while let Some(frame) = self.frames.pop() {
            if frame.has_savepoint {
                released(client);
            }
        }
        error
    }

    /// The error with the statement it is of, to whose text its position refers.
    fn explained(&self, mut error: Box<PgError>) -> Box<PgError> {
        let (BlockStatement { sql, line }, what, at) = match self.step(self.at) {
            Some(BlockStep::Run(statement)) => (statement, "statement", "SQL statement"),
            Some(BlockStep::Perform(query)) => (query, "statement", "PERFORM"),
            Some(BlockStep::Test { condition, .. }) => (condition, "expression", "IF"),
            _ => return error,
        };
        let context = format!("SQL {what} \"{sql}\"\nPL/pgSQL function inline_code_block line {line} at {at}");
        error.context = Some(context);
        error.position = None;
        error
    }
}

fn submit(verb: &str, context: &ShardContext, client: &mut Client) -> Outcome {
    let name = client.transaction.iris_savepoint(SAVEPOINT).unwrap_or_default();
    client.transaction.mark_iris_open();
    Outcome::Wait(Want::Submit(Request::Execute {
        statement: context.control_statement(&format!("{verb} {name}")),
        values: Vec::new(),
        values_per_set: 0,
        sets: 1,
        rows_max: 0,
        in_transaction: true,
    }))
}

/// What was done since the block's savepoint lasts as long as what was done before it.
fn released(client: &mut Client) {
    if let Some(depth) = client.transaction.savepoint_depth(SAVEPOINT) {
        client.transaction.release(SAVEPOINT);
        client.settings.release(depth);
        client.keep_released();
    }
}

/// What was done since the block's savepoint is undone, and IRIS has forgotten the savepoint.
fn undone(client: &mut Client, out: &mut SendBuf) {
    if let Some(depth) = client.transaction.savepoint_depth(SAVEPOINT) {
        client.settings.rollback_to(depth);
        client.tell_settings(out);
        client.roll_back_to_savepoint();
        client.transaction.iris_rolled_back_to(SAVEPOINT);
        client.transaction.release(SAVEPOINT);
        client.settings.release(depth);
    }
}
