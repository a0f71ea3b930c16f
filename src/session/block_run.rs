//! DO being carried out: the statements of its block one after the other, and its handlers when one of them fails.

use std::rc::Rc;

use crate::iris::{Reply, Request};
use crate::sql::{Action, BlockStatement, BlockStep, DoBlock, SettingCommand, StepRole, Template};
use crate::wire::{PgError, SendBuf, SqlState};

use super::client::Client;
use super::context::{ShardContext, Understood};
use super::cursor::cut_message;
use super::operation::{Operation, Outcome, bind_values, literals_only};
use super::resolve::{Progress, Resolve, Surroundings, Want, refused, unexpected};
use super::rows::Formats;
use super::settings::parse_bool;
use super::simple::{needs_transaction, put_notices};
use super::step::Event;

/// Savepoints of blocks. No client can say this name.
const SAVEPOINT: &str = "";

type Result<T> = std::result::Result<T, Box<PgError>>;

/// A DO block under way.
#[derive(Debug)]
pub struct BlockRun {
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
}

impl BlockRun {
    pub fn new(understood: Rc<Understood>) -> Self {
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
    pub fn execute(&mut self, context: &ShardContext, client: &mut Client, out: &mut SendBuf) -> Result<Outcome> {
        self.settle(Ok(None), context, client, out)
    }

    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn on_reply(
        &mut self,
        reply: Reply<'_>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome> {
        let result = match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Resolve(mut resolve) => {
                let progress = resolve.on_reply(reply, surroundings(context, client));
                self.on_progress(progress, resolve, context, client, out)
            }
            Stage::Run { mut operation, understood } => {
                let sink = if self.keeps_rows() { &mut self.spool } else { &mut *out };
                let outcome = operation.on_reply(reply, context, client, sink);
                self.on_outcome(outcome, operation, understood, client, out)
            }
            Stage::Savepoint(waiting) => match (reply, waiting) {
                (Reply::Failed { error, .. }, _) => Err(refused(&error, context)),
                (_, Some(waiting)) => {
                    let (understood, resolve) = *waiting;
                    self.run(understood, resolve, context, client, out)
                }
                (_, None) => Ok(None),
            },
            // The handler starts; without its savepoint there is nothing that it could go on from.
            Stage::Undo => match reply {
                Reply::Failed { error, .. } => return Err(self.give_up(refused(&error, context), client)),
                _ => {
                    undone(client, out);
                    Ok(None)
                }
            },
            Stage::Next => Err(unexpected(&reply)),
        };
        self.settle(result, context, client, out)
    }

    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn on_order(
        &mut self,
        event: Event<'_>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome> {
        let result = match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Resolve(mut resolve) => {
                let progress = resolve.on_order(event, surroundings(context, client));
                self.on_progress(progress, resolve, context, client, out)
            }
            Stage::Run { mut operation, understood } => {
                let sink = if self.keeps_rows() { &mut self.spool } else { &mut *out };
                let outcome = operation.on_order(event, context, client, sink);
                self.on_outcome(outcome, operation, understood, client, out)
            }
            Stage::Next | Stage::Savepoint(_) | Stage::Undo => {
                Err(PgError::error(SqlState::INTERNAL_ERROR, "an event came that nobody waits for"))
            }
        };
        self.settle(result, context, client, out)
    }

    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn on_waited(
        &mut self,
        waited: Result<bool>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome> {
        let result = match std::mem::replace(&mut self.stage, Stage::Next) {
            Stage::Run { mut operation, understood } => {
                let sink = if self.keeps_rows() { &mut self.spool } else { &mut *out };
                let outcome = operation.on_waited(waited, context, client, sink);
                self.on_outcome(outcome, operation, understood, client, out)
            }
            Stage::Next | Stage::Resolve(_) | Stage::Savepoint(_) | Stage::Undo => {
                Err(PgError::error(SqlState::INTERNAL_ERROR, "nobody waits for anything"))
            }
        };
        self.settle(result, context, client, out)
    }

    pub fn on_flushed(&mut self) -> Outcome {
        match &mut self.stage {
            Stage::Run { operation, .. } => operation.on_flushed(),
            _ => Outcome::NeedFrame,
        }
    }

    /// The result left open on the lease when this is given up.
    pub fn open_result(&self) -> Option<Request> {
        match &self.stage {
            Stage::Run { operation, .. } => operation.open_result(),
            _ => None,
        }
    }

    /// Goes on until something has to be waited for, or the block is done. `Ok(None)`: the next step, please.
    fn settle(
        &mut self,
        mut result: Result<Option<Outcome>>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Outcome> {
        loop {
            result = match result {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => self.next(context, client, out),
                Err(error) => Ok(self.handle(error, context, client)?),
            };
        }
    }

    fn next(&mut self, context: &ShardContext, client: &mut Client, out: &mut SendBuf) -> Result<Option<Outcome>> {
        let sql = match self.step(self.at) {
            None => return Ok(Some(Outcome::Complete(self.understood.translation.tag.clone()))),
            Some(BlockStep::Jump(to)) => {
                self.at = *to;
                return Ok(None);
            }
            Some(BlockStep::Leave(to)) => {
                self.at = *to;
                if self.frames.pop().is_some_and(|frame| frame.has_savepoint) {
                    released(client);
                }
                return Ok(None);
            }
            Some(BlockStep::Enter { is_single, .. }) => {
                let has_savepoint = !is_single;
                self.frames.push(Frame { enter: self.at, has_savepoint });
                self.at = self.at.saturating_add(1);
                return has_savepoint.then(|| self.savepoint(None, context, client)).transpose();
            }
            Some(
                BlockStep::Run(statement)
                | BlockStep::Perform(statement)
                | BlockStep::Test { condition: statement, .. },
            ) => &statement.sql,
        };
        let mut template = Template::default();
        Resolve::scan(sql, &mut template, client)?;
        let mut resolve = Box::new(Resolve::new(sql, template));
        let progress = resolve.start(surroundings(context, client));
        self.on_progress(progress, resolve, context, client, out)
    }

    fn on_progress(
        &mut self,
        progress: Result<Progress>,
        resolve: Box<Resolve>,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Option<Outcome>> {
        match progress? {
            Progress::Wait(want) => {
                self.stage = Stage::Resolve(resolve);
                Ok(Some(match want {
                    Want::Iris(request) => {
                        if client.transaction.wants_transaction() {
                            client.transaction.mark_iris_open();
                        }
                        Outcome::Submit(request)
                    }
                    Want::Oracle(order) => Outcome::Order(order),
                }))
            }
            Progress::Ready(understood) => {
                self.check(&understood)?;
                if needs_transaction(&understood) {
                    client.transaction.begin_implicit();
                    if let Some(frame) = self.frames.last_mut().filter(|frame| !frame.has_savepoint) {
                        frame.has_savepoint = true;
                        return self.savepoint(Some(Box::new((understood, *resolve))), context, client).map(Some);
                    }
                }
                self.run(understood, *resolve, context, client, out)
            }
        }
    }

    /// What a statement of a block may not be.
    fn check(&self, understood: &Understood) -> Result<()> {
        let answers = match &understood.translation.action {
            Action::Script(steps) => steps.iter().any(|step| step.role == StepRole::Rows),
            Action::Catalog(_) | Action::Calls(_) | Action::Setting(SettingCommand::Show(_)) => true,
            Action::Empty | Action::MirrorOnly | Action::Accepted | Action::Channel(_) => false,
            Action::Setting(SettingCommand::DiscardAll) => {
                return Err(PgError::error(
                    SqlState::ACTIVE_TRANSACTION,
                    "DISCARD ALL cannot be executed from a function",
                ));
            }
            Action::Setting(_) => false,
            Action::CopyFromStdin(_) => {
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

    /// The rows of the step are not for the client.
    fn keeps_rows(&self) -> bool {
        matches!(self.step(self.at), Some(BlockStep::Test { .. } | BlockStep::Perform(_)))
    }

    fn run(
        &mut self,
        understood: Rc<Understood>,
        resolve: Resolve,
        context: &ShardContext,
        client: &mut Client,
        out: &mut SendBuf,
    ) -> Result<Option<Outcome>> {
        let (sql, template, _) = resolve.into_parts();
        let values = bind_values(&understood, &literals_only(&sql, &template, context), client, out)?;
        let operation = Operation::new(Rc::clone(&understood), values, Formats::text(), false, context, client)?;
        let mut operation = Box::new(operation);
        let sink = if self.keeps_rows() { &mut self.spool } else { &mut *out };
        let outcome = operation.execute(0, context, client, sink);
        self.on_outcome(outcome, operation, understood, client, out)
    }

    fn on_outcome(
        &mut self,
        outcome: Result<Outcome>,
        operation: Box<Operation>,
        understood: Rc<Understood>,
        client: &Client,
        out: &mut SendBuf,
    ) -> Result<Option<Outcome>> {
        if matches!(self.step(self.at), Some(BlockStep::Perform(_))) {
            self.spool.clear();
        }
        match outcome? {
            Outcome::Complete(_) | Outcome::Empty | Outcome::Suspended => {
                put_notices(&understood, client, out);
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
        let mut rest = spool.as_slice();
        while let Some((message, behind)) = cut_message(rest) {
            rest = behind;
            // DataRow: tag, length, number of columns, then length and bytes of each.
            if message.first() == Some(&b'D') {
                let value = message.get(11..).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
                if value.is_empty() {
                    return Ok(false);
                }
                return parse_bool(value).ok_or_else(|| {
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
    fn savepoint(
        &mut self,
        waiting: Option<Box<(Rc<Understood>, Resolve)>>,
        context: &ShardContext,
        client: &mut Client,
    ) -> Result<Outcome> {
        client.transaction.begin_implicit();
        if let Err(error) = client.transaction.savepoint(SAVEPOINT) {
            if let Some(frame) = self.frames.last_mut() {
                frame.has_savepoint = false;
            }
            return Err(error);
        }
        client.settings.savepoint();
        self.stage = Stage::Savepoint(waiting);
        Ok(submit("SAVEPOINT", context, client))
    }

    /// Looks for the handler of an error, from the innermost block to the outermost.
    ///
    /// # Errors
    /// The same error, when there is none.
    fn handle(&mut self, error: Box<PgError>, context: &ShardContext, client: &mut Client) -> Result<Option<Outcome>> {
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
                return Ok(Some(submit("ROLLBACK TO SAVEPOINT", context, client)));
            }
            if frame.has_savepoint {
                released(client);
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

fn surroundings<'a>(context: &'a ShardContext, client: &'a Client) -> Surroundings<'a> {
    Surroundings { context, in_transaction: client.transaction.wants_transaction(), client }
}

fn submit(verb: &str, context: &ShardContext, client: &mut Client) -> Outcome {
    let name = client.transaction.iris_savepoint(SAVEPOINT).unwrap_or_default();
    client.transaction.mark_iris_open();
    Outcome::Submit(Request::Execute {
        statement: context.control_statement(&format!("{verb} {name}")),
        values: Vec::new(),
        values_per_set: 0,
        sets: 1,
        rows_max: 0,
        in_transaction: true,
    })
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
