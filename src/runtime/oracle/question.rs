//! A question on its connection: until it is answered, has to leave, breaks, or is given up.

use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::or;

use super::client::{Again, Asker, Failure, Whose};
use super::connection::{Answer, Broken, Connection};
use super::crew::Loan;
use super::lane::{Leave, Tenure, Ticket};
use super::places::Place;
use super::process::processor_time;
use super::state::{Address, Death, Oracle};
use crate::catalog::OracleRequest;
use crate::runtime::wait::{until, within};
use crate::wire::{PgError, SqlState};

/// Time an abandoned question has to end after it was interrupted, or its generation told to end.
const END_ALLOWANCE: Duration = Duration::from_secs(5);
/// The same in a process of our own, which is ended when it does not. It is the process's own time that counts: on a busy
/// machine it may have had none.
const INTERRUPT_ALLOWANCE: Duration = Duration::from_secs(1);
/// Beyond that it does not matter why.
const INTERRUPT_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often a running question is looked at that may have to leave for others.
const LOOK: Duration = Duration::from_millis(20);
/// The same of one over rows of IRIS.
const LOOK_AT_FINISH: Duration = Duration::from_millis(5);

/// What a question holds while it runs.
#[derive(Debug)]
pub(super) enum Seat {
    First { _place: Place },
    Worker(Loan),
}

/// A question on its connection.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) connection: Connection,
    pub(super) answer: Answer,
    /// `None`: with a worker, which is there for it alone.
    pub(super) ticket: Option<Ticket>,
    /// When it got its turn.
    pub(super) since: Option<Instant>,
    /// The connection has served before.
    pub(super) was_idle: bool,
    pub(super) seat: Seat,
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
        if let Some(ticket) = &mut self.ticket {
            ticket.begin_turn();
        }
    }

    fn whose(&self) -> Whose {
        match &self.seat {
            Seat::Worker(loan) if loan.worker().is_some() => Whose::Worker(loan.generation().number),
            _ => Whose::Generation(self.connection.generation().number),
        }
    }

    /// Its process must not be used any more.
    fn end_process(&self, asker: &Asker, why: Death) {
        match &self.seat {
            Seat::First { .. } => asker.oracle().kill(self.connection.generation().number, why),
            Seat::Worker(loan) => loan.end(why),
        }
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
pub(super) struct Question {
    pub(super) asker: Rc<Asker>,
    pub(super) may_leave: bool,
    pub(super) may_leave_for_copy: bool,
    pub(super) is_finish: bool,
    pub(super) running: Option<Running>,
}

impl Question {
    /// Whether it has to leave its PostgreSQL. `is_known`: it took long before.
    fn leave(&self, is_known: bool) -> Option<Leave> {
        let since = self.running.as_ref()?.since?;
        let oracle = self.asker.oracle();
        let tenure = Tenure {
            taken: since.elapsed(),
            is_known,
            is_finish: self.is_finish,
            is_copying: self.may_leave_for_copy && oracle.crew.is_copying(),
        };
        oracle.traffic.leave(&tenure)
    }

    /// `None`: did not get its turn in time.
    pub(super) async fn put(
        &mut self,
        request: &OracleRequest,
        wait_deadline: Option<Instant>,
    ) -> Option<Result<Vec<u8>, Failure>> {
        let asker = Rc::clone(&self.asker);
        let oracle = asker.oracle();
        let is_known = self.may_leave && !self.is_finish && oracle.traffic.is_long(&request.frames);
        let running = self.running.as_mut()?;
        let whose = running.whose();
        let mut result = running.connection.send(request).await.map_or_else(Progress::Broken, |()| Progress::Some);
        if running.is_elsewhere() {
            running.begin_turn();
        }
        loop {
            let running = self.running.as_mut()?;
            match result {
                Progress::Some => {}
                Progress::Complete => {
                    let Running { connection, answer, seat, .. } = self.running.take()?;
                    asker.idle_again(&seat, connection);
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
                    if let Seat::Worker(loan) = &running.seat {
                        loan.end(Death::Died);
                    }
                    self.running = None;
                    return Some(Err(Failure::Again { reason, whose }));
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
                let look = Instant::now().checked_add(if self.is_finish { LOOK_AT_FINISH } else { LOOK });
                deadline = deadline.into_iter().chain(look).min();
            }
            // A long answer may come as fast as it is read.
            glommio::yield_if_needed().await;
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
        (false, false) => running.limit(asker.oracle()).map(|limit| limit.saturating_duration_since(Instant::now())),
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
        Some(Ok(())) => asker.idle_again(&running.seat, running.connection),
        Some(Err(_)) => {}
        None if is_elsewhere => {}
        None => {
            running.end_process(&asker, Death::Timeout);
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
