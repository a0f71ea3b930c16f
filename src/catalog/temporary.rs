//! The temporary tables of this gateway's sessions: where they are in IRIS, and which of them somebody still has.
//!
//! Each is an ordinary table of IRIS in a schema of its own, `pg_tmp_g<gateway>_t<number>`. The names are random and
//! counted, so no two tables of any two gateways ever share one, and what has been given up need not be gone before the next
//! one is made. Who has one holds a [`TemporarySchema`]; what nobody holds is dropped by the runtime.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::sql::{TEMPORARY_PREFIX, is_temporary_schema};
use crate::wire::PgError;

/// The table in the gateway's schema that says that the gateway lives.
pub(crate) const LEASE_TABLE: &str = "lease";

/// The gateway of a schema, and the number of its table; `None` for that of the lease.
pub(crate) fn parse_temporary_schema(schema: &str) -> Option<(&str, Option<u64>)> {
    let rest = schema.get(TEMPORARY_PREFIX.len()..).filter(|_| is_temporary_schema(schema))?;
    match rest.split_once('_') {
        None => Some((rest, None)),
        Some((gateway, number)) => Some((gateway, Some(number.strip_prefix(['t', 'T'])?.parse().ok()?))),
    }
}

/// Shared by all sessions of the gateway.
#[derive(Debug)]
pub struct Temporaries {
    gateway: String,
    last: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The numbers of those that may be in IRIS and that somebody has.
    held: HashSet<u64>,
    lease: Lease,
    /// Somebody has given one up since the last look.
    is_given_up: bool,
    wakers: Vec<Waker>,
}

impl Inner {
    fn wait(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }
}

/// Whether IRIS knows that the gateway lives.
#[derive(Debug, Default)]
enum Lease {
    #[default]
    Absent,
    Wanted,
    Held,
    /// IRIS did not take it; told to those who wait, then asked for again.
    Refused(Box<PgError>),
}

/// What the keeper of the tables is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TemporaryDuty {
    /// Take the lease: somebody waits for it.
    TakeLease,
    /// Drop what nobody has.
    Drop,
}

impl Default for Temporaries {
    fn default() -> Self {
        Self {
            gateway: format!("{:016x}", RandomState::new().build_hasher().finish()),
            // 0 and 1 are of sessions that have none.
            last: AtomicU64::new(1),
            inner: Mutex::default(),
        }
    }
}

impl Temporaries {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a single assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let (result, wakers) = {
            let mut inner = self.lock();
            let result = change(&mut inner);
            (result, std::mem::take(&mut inner.wakers))
        };
        for waker in wakers {
            waker.wake();
        }
        result
    }

    /// As in the names of its schemas.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// A number that nobody has had.
    pub(crate) fn next_number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// A place for a table. It is of no account until it is [held](TemporarySchema::hold).
    pub(crate) fn reserve(self: &Arc<Self>) -> TemporarySchema {
        let number = self.next_number();
        let name = format!("{TEMPORARY_PREFIX}{}_t{number}", self.gateway);
        TemporarySchema { temporaries: Arc::clone(self), number, name }
    }

    /// Whether somebody has the table of that number.
    pub(crate) fn is_held(&self, number: u64) -> bool {
        self.lock().held.contains(&number)
    }

    /// Whether nobody has a temporary table.
    pub(crate) fn is_unused(&self) -> bool {
        self.lock().held.is_empty()
    }

    /// The lease is there.
    pub(crate) fn leased(&self) {
        self.change(|inner| inner.lease = Lease::Held);
    }

    /// IRIS did not take the lease.
    pub(crate) fn refused(&self, error: Box<PgError>) {
        self.change(|inner| inner.lease = Lease::Refused(error));
    }

    /// Gives up the lease, unless somebody has a table or wants one; whether it is given up.
    pub(crate) fn give_up_lease(&self) -> bool {
        self.change(|inner| {
            let is_idle = inner.held.is_empty() && matches!(inner.lease, Lease::Held);
            if is_idle {
                inner.lease = Lease::Absent;
            }
            is_idle
        })
    }

    /// The lease has to be taken anew: others may have taken the gateway for dead.
    pub(crate) fn lost_lease(&self) {
        self.change(|inner| inner.lease = Lease::Wanted);
    }

    /// Asks for the lease, which no table may be made without.
    pub(crate) fn ask_lease(&self) {
        if !matches!(self.lock().lease, Lease::Held) {
            self.change(|inner| inner.lease = Lease::Wanted);
        }
    }

    /// Waits for the lease; the table of that number is held as soon as it is there.
    pub(crate) fn poll_lease(&self, number: u64, waker: &Waker) -> Poll<Result<(), Box<PgError>>> {
        let mut inner = self.lock();
        match &inner.lease {
            Lease::Held => {
                inner.held.insert(number);
                Poll::Ready(Ok(()))
            }
            Lease::Refused(error) => Poll::Ready(Err(error.clone())),
            Lease::Absent | Lease::Wanted => {
                inner.wait(waker);
                Poll::Pending
            }
        }
    }

    /// Waits for something to do.
    pub(crate) fn poll_duty(&self, waker: &Waker) -> Poll<TemporaryDuty> {
        let mut inner = self.lock();
        if matches!(inner.lease, Lease::Wanted) {
            return Poll::Ready(TemporaryDuty::TakeLease);
        }
        if std::mem::take(&mut inner.is_given_up) {
            return Poll::Ready(TemporaryDuty::Drop);
        }
        inner.wait(waker);
        Poll::Pending
    }
}

/// The place of one temporary table, which goes with it.
#[derive(Debug)]
pub(crate) struct TemporarySchema {
    temporaries: Arc<Temporaries>,
    number: u64,
    name: String,
}

impl TemporarySchema {
    /// Of the schema in IRIS and in the mirror.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for TemporarySchema {
    fn drop(&mut self) {
        let number = self.number;
        if self.temporaries.is_held(number) {
            self.temporaries.change(|inner| {
                inner.held.remove(&number);
                inner.is_given_up = true;
            });
        }
    }
}
