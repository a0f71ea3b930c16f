//! Asks the oracle on behalf of the sessions of one shard.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;

use super::OracleSource;
use super::connection::{Answer, Connection};
use super::crew::NoWorker;
use super::lane::{Connections, LONG_BYTES, Lane, Leave, Ticket};
use super::process::lower_priority;
use super::question::{Question, Running, Seat};
use super::state::{Death, Oracle, Readiness, not_ready};
use crate::catalog::{OraclePurpose, OracleRequest};
use crate::runtime::counters::ShardCounters;
use crate::runtime::wait::{until, within};
use crate::wire::{PgError, SqlState};

/// Connections of a shard. The embedded PostgreSQL runs one question at a time whatever the number; an external one
/// has more cores to offer.
const CONNECTIONS_MAX: usize = 4;
/// Beyond the questions of others a question may have to wait for a restart.
const RESTART_ALLOWANCE: Duration = Duration::from_secs(10);
/// The supervisor looks more often than this.
const DEATH_NOTICE: Duration = Duration::from_millis(300);
/// Time a statement waits to be described: it can do without, as IRIS has metadata of its own. Longer than a restart.
const DESCRIBE_PATIENCE: Duration = Duration::from_secs(5);
/// Idle connections for workers that a shard keeps to a PostgreSQL that is not one of ours.
const IDLE_ELSEWHERE_MAX: usize = 2;
/// Times that a question is asked whose PostgreSQL dies while it runs: more often than once, it may be the reason.
const DEATHS_MAX: u32 = 2;

/// The shard's way to the oracle.
#[derive(Debug)]
pub(in crate::runtime) struct Asker {
    oracle: Arc<Oracle>,
    first: Connections,
    /// Idle connections to workers.
    workers: RefCell<Vec<Connection>>,
    counters: Arc<ShardCounters>,
}

/// Which generation may be asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    /// Whichever is there. `may_leave_for_copy`: the question has not done so yet.
    Any {
        may_leave_for_copy: bool,
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

/// By whom a question was to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Generation(u64),
    Worker(u64),
}

/// How one attempt ended without an answer.
pub(super) enum Failure {
    /// The same question may be asked again.
    Again {
        reason: Again,
        whose: Whose,
    },
    /// It had to leave.
    Left(Leave),
    NoWorker,
    Error(Box<PgError>),
}

impl Asker {
    pub(in crate::runtime) fn new(oracle: Arc<Oracle>, counters: Arc<ShardCounters>) -> Rc<Self> {
        Rc::new(Self { oracle, first: Connections::new(CONNECTIONS_MAX), workers: RefCell::default(), counters })
    }

    pub(super) fn idle_again(&self, seat: &Seat, connection: Connection) {
        let Seat::Worker(loan) = seat else { return self.first.idle.borrow_mut().push(connection) };
        let kept_max = match loan.worker() {
            Some(_) => self.oracle.crew.workers_max(),
            None => IDLE_ELSEWHERE_MAX,
        };
        let mut idle = self.workers.borrow_mut();
        // The oldest is most likely one to a worker that has ended.
        let extra = idle.len().saturating_add(1).saturating_sub(kept_max);
        idle.drain(..extra);
        idle.push(connection);
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
            OraclePurpose::Answer | OraclePurpose::Finish => counters.oracle_answers.add(1),
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
            OraclePurpose::DescribeOwn | OraclePurpose::Answer | OraclePurpose::Finish | OraclePurpose::Setting => {
                self.patience()
            }
        }
    }

    pub(super) fn oracle(&self) -> &Arc<Oracle> {
        &self.oracle
    }

    async fn ask_until_answered(self: &Rc<Self>, request: &OracleRequest) -> Result<Vec<u8>, Box<PgError>> {
        let wait_deadline = Instant::now().checked_add(self.patience_for(request.purpose));
        let mut deaths_count = 0_u32;
        let mut lane = self.lane_for(request);
        let mut may_leave = true;
        let mut may_leave_for_copy = true;
        loop {
            let which = Which::Any { may_leave_for_copy };
            let failure = match self.attempt_or_leave(request, which, lane, wait_deadline, may_leave).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let (reason, whose) = match failure {
                Failure::Error(error) => return Err(error),
                Failure::Again { reason, whose } => (reason, whose),
                Failure::Left(Leave::ForOthers) => {
                    if request.purpose == OraclePurpose::Answer {
                        self.oracle.traffic.remember(&request.frames);
                    }
                    lane = Lane::Worker;
                    continue;
                }
                Failure::Left(Leave::ForCopy) => {
                    may_leave_for_copy = false;
                    continue;
                }
                Failure::NoWorker => {
                    lane = Lane::First;
                    may_leave = false;
                    continue;
                }
            };
            if reason == Again::Stale {
                // The others have hardly fared better.
                match lane {
                    Lane::First => self.first.idle.borrow_mut().clear(),
                    Lane::Worker => self.workers.borrow_mut().clear(),
                }
                continue;
            }
            // If its PostgreSQL is gone, that is soon known; or else only the connection was, and another one will do.
            match whose {
                Whose::Generation(number) => {
                    within(DEATH_NOTICE, self.oracle.ready(Readiness::Listening, Some(number))).await;
                }
                Whose::Worker(number) => {
                    within(DEATH_NOTICE, self.oracle.crew.ended(number)).await;
                }
            }
            if reason == Again::WasRunning {
                deaths_count = deaths_count.saturating_add(1);
                if let Some(error) = self.blame(whose, deaths_count) {
                    return Err(error);
                }
            }
        }
    }

    fn is_embedded(&self) -> bool {
        matches!(self.oracle.options.source, OracleSource::Embedded { .. })
    }

    /// Where a question begins.
    fn lane_for(&self, request: &OracleRequest) -> Lane {
        let Oracle { traffic, crew, .. } = &*self.oracle;
        // Many rows to be read take their time before PostgreSQL can be interrupted.
        let is_large = request.frames.len() > LONG_BYTES;
        let present = || self.oracle.present();
        let has_idle = || present().is_some_and(|generation| crew.has_idle(&generation));
        // Starting one takes longer than to wait for others whose rows are few.
        let has_ready = || present().is_some_and(|generation| crew.has_ready(&generation));
        let goes_to_worker = match request.purpose {
            OraclePurpose::Finish => !self.is_embedded() || is_large || has_idle() || !traffic.is_free() && has_ready(),
            // One that runs alone need not wait for a worker to be started.
            OraclePurpose::Answer if self.is_embedded() => {
                traffic.has_waiting() && (is_large || traffic.is_long(&request.frames))
            }
            _ => false,
        };
        if goes_to_worker { Lane::Worker } else { Lane::First }
    }

    /// Only what clients ask can take long, and a PostgreSQL that is not the embedded one runs many questions at once.
    fn may_leave(&self, request: &OracleRequest, lane: Lane) -> bool {
        lane == Lane::First
            && matches!(request.purpose, OraclePurpose::Answer | OraclePurpose::Finish)
            && self.is_embedded()
    }

    /// The question was running when its PostgreSQL went away: was it the reason?
    fn blame(&self, whose: Whose, deaths_count: u32) -> Option<Box<PgError>> {
        let death = match whose {
            Whose::Generation(number) => self.oracle.death_of(number),
            Whose::Worker(number) => self.oracle.crew.death_of(number),
        };
        match death {
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

    /// On the PostgreSQL of the catalogs, which it does not leave.
    pub(super) async fn attempt(
        self: &Rc<Self>,
        request: &OracleRequest,
        which: Which,
        wait_deadline: Option<Instant>,
    ) -> Result<Vec<u8>, Failure> {
        self.attempt_or_leave(request, which, Lane::First, wait_deadline, false).await
    }

    async fn attempt_or_leave(
        self: &Rc<Self>,
        request: &OracleRequest,
        which: Which,
        lane: Lane,
        wait_deadline: Option<Instant>,
        may_leave: bool,
    ) -> Result<Vec<u8>, Failure> {
        let ticket = (lane == Lane::First).then(|| Ticket::new(Arc::clone(&self.oracle)));
        let out_of_patience = || Failure::Error(not_ready(self.patience_for(request.purpose)));
        let waiting = async {
            match lane {
                Lane::First => self.take_first(request.purpose, which).await,
                Lane::Worker => self.take_worker().await,
            }
        };
        let (seat, connection, was_idle) = or(async { Some(waiting.await) }, async {
            until(wait_deadline).await;
            None
        })
        .await
        .unwrap_or_else(|| Err(out_of_patience()))?;
        let answer = Answer::new(request.syncs_count, self.oracle.options.reply_bytes_max);
        let mut question = Question {
            asker: Rc::clone(self),
            may_leave: may_leave && self.may_leave(request, lane) && connection.is_interruptible(),
            may_leave_for_copy: matches!(which, Which::Any { may_leave_for_copy: true }),
            is_finish: request.purpose == OraclePurpose::Finish,
            running: Some(Running { connection, answer, ticket, since: None, was_idle, seat }),
        };
        question.put(request, wait_deadline).await.unwrap_or_else(|| Err(out_of_patience()))
    }

    /// A connection to the PostgreSQL of the catalogs; whether it has served before.
    async fn take_first(&self, purpose: OraclePurpose, which: Which) -> Result<(Seat, Connection, bool), Failure> {
        let readiness = match purpose {
            OraclePurpose::Setting => Readiness::Prepared,
            _ => Readiness::Mirrored,
        };
        let connections = &self.first;
        let place = connections.places.take().await;
        let generation = self.oracle.ready(readiness, None).await.map_err(Failure::Error)?;
        let number = generation.number;
        let again = || Failure::Again { reason: Again::NotBegun, whose: Whose::Generation(number) };
        if matches!(which, Which::Only(only) if only != number) {
            return Err(again());
        }
        connections.idle.borrow_mut().retain(|connection| connection.generation().number == number);
        let idle = connections.idle.borrow_mut().pop();
        let was_idle = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(generation).await.map_err(|error| {
                tracing::debug!(%error, "no connection to the catalog service");
                again()
            })?,
        };
        Ok((Seat::First { _place: place }, connection, was_idle))
    }

    /// The same to a worker.
    async fn take_worker(&self) -> Result<(Seat, Connection, bool), Failure> {
        let generation = self.oracle.ready(Readiness::Mirrored, None).await.map_err(Failure::Error)?;
        let number = generation.number;
        let again = |whose| Failure::Again { reason: Again::NotBegun, whose };
        let lent = or(async { Some(self.oracle.crew.lend(&generation).await) }, async {
            // Its data are of no use any more.
            let _ = self.oracle.ready(Readiness::Listening, Some(number)).await;
            None
        })
        .await;
        let loan = match lent {
            Some(Ok(loan)) => loan,
            Some(Err(NoWorker)) if self.oracle.is_present(number) => return Err(Failure::NoWorker),
            Some(Err(NoWorker)) | None => return Err(again(Whose::Generation(number))),
        };
        let whose = loan.worker().map_or(Whose::Generation(number), Whose::Worker);
        let idle = {
            let mut idle = self.workers.borrow_mut();
            let at = idle.iter().position(|connection| connection.generation() == loan.generation());
            at.map(|at| idle.remove(at))
        };
        if let Some(connection) = idle {
            return Ok((Seat::Worker(loan), connection, true));
        }
        match Connection::open(loan.generation().clone()).await {
            Ok(connection) => {
                if let (OracleSource::Native(_), Some(pid)) = (&self.oracle.options.source, connection.backend()) {
                    lower_priority(pid);
                }
                Ok((Seat::Worker(loan), connection, false))
            }
            Err(error) => {
                tracing::debug!(%error, "no connection to a worker");
                loan.end(Death::Died);
                Err(again(whose))
            }
        }
    }
}
