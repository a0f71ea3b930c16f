//! What all shards know of the oracle, and the way of their wishes to its supervisor.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::OracleOptions;
use crate::wire::{PgError, SqlState};

/// Where PostgreSQL listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Socket(PathBuf),
}

/// A PostgreSQL that is or was there. A restart makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) address: Address,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// By itself, or by somebody else's hand.
    Died,
    /// A question ran for too long.
    Timeout,
    /// It grew past `memory_bytes_max`.
    Memory,
}

/// How far a generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Readiness {
    /// It can be connected to.
    Listening,
    /// It knows the database, the roles and the functions that tell of the gateway.
    Prepared,
    /// It knows the tables.
    Mirrored,
}

#[derive(Debug)]
enum Phase {
    /// None now, but one will come.
    Starting,
    Running(Generation, Readiness),
    /// There is none and will be none.
    Unavailable(Box<PgError>),
}

/// What the supervisor is told.
#[derive(Debug)]
pub(super) enum Order {
    /// End this generation; of no meaning when it has ended already.
    Kill(u64, Death),
    Stop,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// The generation that ended last, and why.
    last_death: Option<(u64, Death)>,
    restarts_count: u64,
    wakers: Vec<Waker>,
    supervisor: Option<Sender<Order>>,
}

/// The oracle as shards see it.
#[derive(Debug)]
pub(in crate::runtime) struct Oracle {
    pub(super) options: OracleOptions,
    inner: Mutex<Inner>,
}

impl Oracle {
    pub(super) fn new(options: OracleOptions, supervisor: Option<Sender<Order>>) -> Self {
        let phase = match supervisor {
            Some(_) => Phase::Starting,
            None => Phase::Unavailable(PgError::unsupported("the catalog service is switched off")),
        };
        let inner = Inner { phase, last_death: None, restarts_count: 0, wakers: Vec::new(), supervisor };
        Self { options, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single assignment: nothing is left half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let wakers = {
            let mut inner = self.lock();
            change(&mut inner);
            std::mem::take(&mut inner.wakers)
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// The supervisor: a process listens.
    pub(super) fn started(&self, generation: Generation) {
        self.change(|inner| inner.phase = Phase::Running(generation, Readiness::Listening));
    }

    /// The supervisor: the process is gone, another one comes.
    pub(super) fn ended(&self, number: u64, death: Death) {
        self.change(|inner| {
            inner.phase = Phase::Starting;
            inner.last_death = Some((number, death));
            inner.restarts_count = inner.restarts_count.saturating_add(1);
        });
    }

    /// There will be no oracle any more.
    pub(super) fn give_up(&self, error: Box<PgError>) {
        self.change(|inner| inner.phase = Phase::Unavailable(error));
    }

    /// A generation has come further; of no meaning when it has ended.
    pub(super) fn advanced(&self, number: u64, readiness: Readiness) {
        self.change(|inner| match &mut inner.phase {
            Phase::Running(generation, reached) if generation.number == number => *reached = readiness,
            _ => {}
        });
    }

    /// Asks for the end of a generation.
    pub(super) fn kill(&self, number: u64, why: Death) {
        if let Some(supervisor) = &self.lock().supervisor {
            // Without a supervisor there is no process either.
            let _ = supervisor.send(Order::Kill(number, why));
        }
    }

    /// Why a generation ended; `None` while it lives, or when others have ended since.
    pub(super) fn death_of(&self, number: u64) -> Option<Death> {
        self.lock().last_death.filter(|(dead, _)| *dead == number).map(|(_, death)| death)
    }

    /// Processes that ended since the start.
    pub(in crate::runtime) fn restarts_count(&self) -> u64 {
        self.lock().restarts_count
    }

    /// The present generation once it is ready enough and is not `but`; waits for it.
    ///
    /// # Errors
    /// There is no oracle and there will be none.
    pub(super) async fn ready(&self, readiness: Readiness, but: Option<u64>) -> Result<Generation, Box<PgError>> {
        poll_fn(|context| {
            let mut inner = self.lock();
            match &inner.phase {
                Phase::Running(generation, reached) if *reached >= readiness && Some(generation.number) != but => {
                    Poll::Ready(Ok(generation.clone()))
                }
                Phase::Unavailable(error) => Poll::Ready(Err(error.clone())),
                Phase::Starting | Phase::Running(..) => {
                    if !inner.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                        inner.wakers.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// The waiting took too long.
pub(super) fn not_ready(limit: std::time::Duration) -> Box<PgError> {
    PgError::error(
        SqlState::CANNOT_CONNECT_NOW,
        format!("the catalog service did not get to this question within {} ms", limit.as_millis()),
    )
    .detail("It is starting, or busy with the questions of others.")
    .hint("Try again.")
}
