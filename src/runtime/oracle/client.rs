//! Asks the oracle on behalf of the sessions of one shard.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;

use super::OracleSource;
use super::connection::{Answer, Broken, Connection};
use super::lane::{Connections, LONG_BYTES, Lane, Leave, SECOND_BYTES_MIN, Ticket};
use super::places::Place;
use super::process::processor_time;
use super::state::{Address, Death, Oracle, Readiness, not_ready};
use crate::catalog::{OraclePurpose, OracleRequest};
use crate::runtime::counters::ShardCounters;
use crate::runtime::wait::{until, within};
use crate::wire::{PgError, SqlState};

/// Connections of a shard. The embedded PostgreSQL runs one question at a time whatever the number; an external one
/// has more cores to offer.
const CONNECTIONS_MAX: usize = 4;
/// Beyond the questions of others a question may have to wait for a restart.
const RESTART_ALLOWANCE: Duration = Duration::from_secs(10);
/// Time an abandoned question has to end after it was interrupted, or its generation told to end.
const END_ALLOWANCE: Duration = Duration::from_secs(5);
/// The same in a process of our own, which is ended when it does not. It is the process's own time that counts: on a busy
/// machine it may have had none.
const INTERRUPT_ALLOWANCE: Duration = Duration::from_secs(1);
/// Beyond that it does not matter why.
const INTERRUPT_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often a running question is looked at that may have to leave for others.
const LOOK: Duration = Duration::from_millis(20);
/// The supervisor looks more often than this.
const DEATH_NOTICE: Duration = Duration::from_millis(300);
/// Time a statement waits to be described: it can do without, as IRIS has metadata of its own. Longer than a restart.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(5);
/// Times that a question is asked whose PostgreSQL dies while it runs: more often than once, it may be the reason.
const DEATHS_MAX: u32 = 2;

/// The shard's way to the oracle.
#[derive(Debug)]
pub(in crate::runtime) struct Asker {
    oracle: Arc<Oracle>,
    first: Connections,
    second: Connections,
    counters: Arc<ShardCounters>,
}

/// Which generation may be asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    /// Whichever is there. `may_leave_for_second`: the question has not done so yet.
    Any {
        may_leave_for_second: bool,
    },
    Only(u64),
}

/// Why a question may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// PostgreSQL had not begun with it.
    NotBegun,
    /// It was running when the connection broke.
    WasRunning,
    /// The connection had been idle and was closed meanwhile.
    Stale,
}

/// How one attempt ended without an answer.
pub(super) enum Failure {
    /// The same question may be asked again.
    Again {
        reason: Again,
        generation: u64,
    },
    /// It had to leave.
    Left(Leave),
    Error(Box<PgError>),
}

impl Asker {
    pub(in crate::runtime) fn new(oracle: Arc<Oracle>, counters: Arc<ShardCounters>) -> Rc<Self> {
        let connections = || Connections::new(CONNECTIONS_MAX);
        Rc::new(Self { oracle, first: connections(), second: connections(), counters })
    }

    fn connections(&self, lane: Lane) -> &Connections {
        match lane {
            Lane::First => &self.first,
            Lane::Second => &self.second,
        }
    }

    fn idle_again(&self, lane: Lane, connection: Connection) {
        self.connections(lane).idle.borrow_mut().push(connection);
    }

    /// The answer, which has as many ReadyForQuery messages as the question asks for. Dropped while the question waits
    /// for its turn, the place in the queue is given up; dropped while it runs, it is interrupted.
    ///
    /// # Errors
    /// 57014 when it ran longer than `catalog_statement_timeout_ms`, 54000 when the answer is longer than
    /// `catalog_reply_bytes_max`, 53200 when PostgreSQL needed more memory than `catalog_memory_bytes_max`, 57P03 when
    /// there is no PostgreSQL to ask.
    pub(in crate::runtime) async fn ask(self: &Rc<Self>, request: &OracleRequest) -> Result<Vec<u8>, Box<PgError>> {
        let counters = &self.counters;
        match request.purpose {
            OraclePurpose::Describe | OraclePurpose::DescribeOwn => counters.oracle_describes.add(1),
            OraclePurpose::Answer => counters.oracle_answers.add(1),
            OraclePurpose::Setting => counters.oracle_settings.add(1),
        }
        let started = Instant::now();
        let result = self.ask_until_answered(request).await;
        counters.oracle_wait_us.add(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        if result.is_err() {
            counters.oracle_failures.add(1);
        }
        result
    }

    /// How long a question waits for its turn: whoever is in front may run into the limit, and then it takes a moment
    /// until the next PostgreSQL is there.
    pub(super) fn patience(&self) -> Duration {
        self.oracle.options.statement_timeout.saturating_mul(2).saturating_add(RESTART_ALLOWANCE)
    }

    fn patience_for(&self, purpose: OraclePurpose) -> Duration {
        match purpose {
            OraclePurpose::Describe => DESCRIBE_PATIENCE,
            OraclePurpose::DescribeOwn | OraclePurpose::Answer | OraclePurpose::Setting => self.patience(),
        }
    }

    pub(super) fn oracle(&self) -> &Arc<Oracle> {
        &self.oracle
    }

    async fn ask_until_answered(self: &Rc<Self>, request: &OracleRequest) -> Result<Vec<u8>, Box<PgError>> {
        let wait_deadline = Instant::now().checked_add(self.patience_for(request.purpose));
        let mut deaths_count = 0_u32;
        let mut lane = self.lane_for(request);
        let mut may_leave_for_second = true;
        loop {
            let failure = match self.attempt(request, Which::Any { may_leave_for_second }, lane, wait_deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let (reason, generation) = match failure {
                Failure::Error(error) => return Err(error),
                Failure::Again { reason, generation } => (reason, generation),
                Failure::Left(Leave::ForOthers) => {
                    self.oracle.traffic.remember(&request.frames);
                    lane = Lane::Second;
                    continue;
                }
                Failure::Left(Leave::ForSecond) => {
                    may_leave_for_second = false;
                    continue;
                }
            };
            if reason == Again::Stale {
                // The others have hardly fared better.
                self.connections(lane).idle.borrow_mut().clear();
                continue;
            }
            // If its PostgreSQL is gone, that is soon known; or else only the connection was, and another one will do.
            within(DEATH_NOTICE, self.oracle.ready(Readiness::Listening, Some(generation))).await;
            if reason == Again::WasRunning {
                deaths_count = deaths_count.saturating_add(1);
                if let Some(error) = self.blame(generation, deaths_count) {
                    return Err(error);
                }
            }
        }
    }

    /// Where a question begins.
    fn lane_for(&self, request: &OracleRequest) -> Lane {
        let traffic = &self.oracle.traffic;
        let is_busy = || traffic.waiting_first() > 0;
        // Many rows to be read take their time before PostgreSQL can be interrupted.
        let is_long = || request.frames.len() > LONG_BYTES || traffic.is_long(&request.frames);
        if self.may_leave(request, Lane::First) && is_busy() && is_long() {
            return Lane::Second;
        }
        Lane::First
    }

    /// Only what clients ask can take long, and only the process of our own has a second PostgreSQL, if it may be
    /// large enough.
    fn may_leave(&self, request: &OracleRequest, lane: Lane) -> bool {
        lane == Lane::First
            && request.purpose == OraclePurpose::Answer
            && matches!(self.oracle.options.source, OracleSource::Embedded { .. })
            && self.oracle.options.memory_bytes_max >= SECOND_BYTES_MIN
    }

    /// The question was running when its PostgreSQL went away: was it the reason?
    fn blame(&self, generation: u64, deaths_count: u32) -> Option<Box<PgError>> {
        match self.oracle.death_of(generation) {
            Some(Death::Memory) => {
                let max = self.oracle.options.memory_bytes_max;
                let message =
                    format!("the statement needed more than the {max} bytes of memory of the catalog service");
                let hint = "Ask for less at once, or raise catalog_memory_bytes_max.";
                Some(PgError::error(SqlState(*b"53200"), message).hint(hint))
            }
            Some(Death::Died) | None if deaths_count >= DEATHS_MAX => {
                let message = "the catalog service ended each time this statement ran";
                Some(PgError::error(SqlState(*b"58000"), message))
            }
            Some(Death::Died | Death::Timeout | Death::Unfit) | None => None,
        }
    }

    pub(super) async fn attempt(
        self: &Rc<Self>,
        request: &OracleRequest,
        which: Which,
        lane: Lane,
        wait_deadline: Option<Instant>,
    ) -> Result<Vec<u8>, Failure> {
        let ticket = Ticket::new(Arc::clone(&self.oracle), lane);
        let connections = self.connections(lane);
        let out_of_patience = || Failure::Error(not_ready(self.patience_for(request.purpose)));
        let readiness = match request.purpose {
            OraclePurpose::Setting => Readiness::Prepared,
            OraclePurpose::Describe | OraclePurpose::DescribeOwn | OraclePurpose::Answer => Readiness::Mirrored,
        };
        let waiting = async {
            let place = connections.places.take().await;
            let generation = self.oracle.ready(readiness, None).await.map_err(Failure::Error)?;
            let number = generation.number;
            if matches!(which, Which::Only(only) if only != number) {
                return Err(Failure::Again { reason: Again::NotBegun, generation: number });
            }
            connections.idle.borrow_mut().retain(|connection| connection.generation().number == number);
            let idle = connections.idle.borrow_mut().pop();
            let was_idle = idle.is_some();
            let connection = match idle {
                Some(connection) => connection,
                None => Connection::open(generation, lane).await.map_err(|error| {
                    tracing::debug!(%error, "no connection to the catalog service");
                    Failure::Again { reason: Again::NotBegun, generation: number }
                })?,
            };
            Ok((place, connection, was_idle))
        };
        let (place, connection, was_idle) = or(async { Some(waiting.await) }, async {
            until(wait_deadline).await;
            None
        })
        .await
        .unwrap_or_else(|| Err(out_of_patience()))?;
        let answer = Answer::new(request.syncs_count, self.oracle.options.reply_bytes_max);
        let mut question = Question {
            asker: Rc::clone(self),
            may_leave: self.may_leave(request, lane) && connection.is_interruptible(),
            may_leave_for_second: matches!(which, Which::Any { may_leave_for_second: true }),
            running: Some(Running { connection, answer, ticket, since: None, was_idle, _place: place }),
        };
        question.put(request, wait_deadline).await.unwrap_or_else(|| Err(out_of_patience()))
    }
}

/// A question on its connection.
#[derive(Debug)]
struct Running {
    connection: Connection,
    answer: Answer,
    ticket: Ticket,
    /// When it got its turn.
    since: Option<Instant>,
    /// The connection has served before.
    was_idle: bool,
    _place: Place,
}

/// How waiting for more of an answer ended.
enum Progress {
    Complete,
    Some,
    Broken(Broken),
    OutOfTime,
}

impl Running {
    async fn progress(&mut self, deadline: Option<Instant>) -> Progress {
        let Self { connection, answer, .. } = self;
        let progress = or(
            async {
                match connection.receive(answer).await {
                    Ok(()) if answer.is_complete() => Progress::Complete,
                    Ok(()) => Progress::Some,
                    Err(error) => Progress::Broken(error),
                }
            },
            async {
                until(deadline).await;
                Progress::OutOfTime
            },
        )
        .await;
        if self.since.is_none() && self.answer.has_turn() {
            self.begin_turn();
        }
        progress
    }

    fn begin_turn(&mut self) {
        self.since = Some(Instant::now());
        self.ticket.begin_turn();
    }

    /// A PostgreSQL elsewhere, which has no queue.
    fn is_elsewhere(&self) -> bool {
        matches!(self.connection.generation().address, Address::Server(_))
    }

    /// When it must have ended, if it has its turn.
    fn limit(&self, oracle: &Oracle) -> Option<Instant> {
        self.since.and_then(|since| since.checked_add(oracle.options.statement_timeout))
    }
}

/// Owns a running question; dropped before the answer is there, it sees to it that nobody suffers.
#[derive(Debug)]
struct Question {
    asker: Rc<Asker>,
    may_leave: bool,
    may_leave_for_second: bool,
    running: Option<Running>,
}

impl Question {
    /// Whether it has to leave its PostgreSQL. `is_known`: it took long before.
    fn leave(&self, is_known: bool) -> Option<Leave> {
        let since = self.running.as_ref()?.since?;
        let leave = self.asker.oracle.traffic.leave(since.elapsed(), is_known)?;
        (leave == Leave::ForOthers || self.may_leave_for_second).then_some(leave)
    }

    /// `None`: did not get its turn in time.
    async fn put(
        &mut self,
        request: &OracleRequest,
        wait_deadline: Option<Instant>,
    ) -> Option<Result<Vec<u8>, Failure>> {
        let asker = Rc::clone(&self.asker);
        let oracle = &asker.oracle;
        let is_known = self.may_leave && oracle.traffic.is_long(&request.frames);
        let running = self.running.as_mut()?;
        let generation = running.connection.generation().number;
        let mut result = running.connection.send(request).await.map_or_else(Progress::Broken, |()| Progress::Some);
        if running.is_elsewhere() {
            running.begin_turn();
        }
        loop {
            let running = self.running.as_mut()?;
            match result {
                Progress::Some => {}
                Progress::Complete => {
                    let Running { connection, answer, ticket, .. } = self.running.take()?;
                    asker.idle_again(ticket.lane, connection);
                    return Some(Ok(answer.into_bytes()));
                }
                Progress::Broken(Broken::TooLong { max }) => {
                    self.running = None;
                    let message = format!("the answer is longer than {max} bytes");
                    let hint = "Ask for less at once, or raise catalog_reply_bytes_max.";
                    let error = PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message).hint(hint);
                    return Some(Err(Failure::Error(error)));
                }
                Progress::Broken(error) => {
                    tracing::debug!(%error, "a connection to the catalog service broke");
                    let reason = match running.since {
                        // The process of our own says when it begins. From another server there may be its farewell
                        // to an idle connection, which looks like an answer.
                        Some(_) if running.answer.has_turn() => Again::WasRunning,
                        _ if running.was_idle => Again::Stale,
                        Some(_) => Again::WasRunning,
                        None => Again::NotBegun,
                    };
                    self.running = None;
                    return Some(Err(Failure::Again { reason, generation }));
                }
                Progress::OutOfTime if running.since.is_none() => {
                    self.running = None;
                    return None;
                }
                Progress::OutOfTime if running.limit(oracle).is_none_or(|limit| limit > Instant::now()) => {}
                // It is interrupted when it is dropped.
                Progress::OutOfTime => {
                    return Some(Err(Failure::Error(ran_too_long(oracle.options.statement_timeout))));
                }
            }
            let running = self.running.as_ref()?;
            let mut deadline = running.limit(oracle).or(wait_deadline);
            if self.may_leave && running.since.is_some() {
                if let Some(leave) = self.leave(is_known) {
                    return Some(Err(Failure::Left(leave)));
                }
                let look = Instant::now().checked_add(LOOK);
                deadline = deadline.into_iter().chain(look).min();
            }
            result = self.running.as_mut()?.progress(deadline).await;
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        // Without a turn, closing the connection gives up the place in the queue.
        if running.since.is_some() {
            glommio::spawn_local(end(Rc::clone(&self.asker), running)).detach();
        }
    }
}

/// Ends a question whose answer is of no use any more. After it the connection is as good as new.
async fn end(asker: Rc<Asker>, mut running: Running) {
    let is_elsewhere = running.is_elsewhere();
    let allowance = match (is_elsewhere, running.connection.is_interruptible()) {
        (true, _) => Some(END_ALLOWANCE),
        (false, true) => Some(INTERRUPT_ALLOWANCE),
        // Ending its PostgreSQL at once would hurt others: it has until its limit.
        (false, false) => running.limit(&asker.oracle).map(|limit| limit.saturating_duration_since(Instant::now())),
    };
    let since = Instant::now();
    let pid = running.connection.generation().pid.filter(|_| running.connection.is_interruptible());
    let had_before = pid.and_then(processor_time);
    let is_starved = || {
        let had = pid.and_then(processor_time).zip(had_before).map(|(now, before)| now.saturating_sub(before));
        had.is_some_and(|had| had < INTERRUPT_ALLOWANCE) && since.elapsed() < INTERRUPT_WAIT_MAX
    };
    let rest = async {
        if running.connection.is_interruptible() {
            running.connection.cancel().await?;
        }
        while !running.answer.is_complete() {
            running.connection.receive(&mut running.answer).await?;
        }
        Ok::<_, Broken>(())
    };
    let outcome = {
        let mut rest = pin!(rest);
        loop {
            match within(allowance.unwrap_or_default(), rest.as_mut()).await {
                None if is_starved() => {}
                outcome => break outcome,
            }
        }
    };
    match outcome {
        Some(Ok(())) => asker.idle_again(running.ticket.lane, running.connection),
        Some(Err(_)) => {}
        None if is_elsewhere => {}
        None => {
            asker.oracle.kill(running.connection.generation().number, Death::Timeout);
            // Until then nobody else need try.
            within(END_ALLOWANCE, running.progress(None)).await;
        }
    }
}

fn ran_too_long(limit: Duration) -> Box<PgError> {
    let message =
        format!("canceling statement: it ran longer than the {} ms a catalog question may", limit.as_millis());
    PgError::error(SqlState::QUERY_CANCELED, message)
        .detail("Statements without a table and statements about catalogs are answered one after the other.")
        .hint("Raise catalog_statement_timeout_ms if it is meant to run for so long.")
}
