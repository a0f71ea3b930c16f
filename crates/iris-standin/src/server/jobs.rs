//! The jobs of a server: who runs, so that another connection can stop it (`CANCEL QUERY job`, EI), and so that shutdown
//! reaches every thread.

use std::{
    collections::HashMap,
    net::{Shutdown, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Interrupt;

/// One connection as others see it.
struct Job {
    socket: TcpStream,
    /// After login.
    session: Option<JobSession>,
}

struct JobSession {
    user: String,
    interrupt: Arc<dyn Interrupt>,
    /// Statement id running now.
    running: Option<u32>,
}

struct Table {
    jobs: HashMap<u32, Job>,
    next: u32,
    first: u32,
    closing: bool,
}

/// Shared by all threads of a server.
pub(super) struct Jobs {
    table: Mutex<Table>,
    emptied: Condvar,
}

/// Why a statement could not be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CancelRefusal {
    NoSuchJob,
    /// The job belongs to another user.
    OtherUser,
    NothingRuns,
}

impl Jobs {
    pub(super) fn new(first: u32) -> Self {
        let table = Table { jobs: HashMap::new(), next: first, first, closing: false };
        Self { table: Mutex::new(table), emptied: Condvar::new() }
    }

    // A thread that panicked while it held the table left a map of handles: nothing half-done matters to the others.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection. None when the server is full or closing.
    pub(super) fn enter(self: &Arc<Self>, socket: TcpStream, connections_max: usize) -> Option<JobGuard> {
        let mut table = self.table();
        if table.closing || table.jobs.len() >= connections_max {
            return None;
        }
        // Fewer jobs than numbers: the walk ends.
        let mut number = table.next;
        while table.jobs.contains_key(&number) {
            number = number.checked_add(1).unwrap_or(table.first);
        }
        table.next = number.checked_add(1).unwrap_or(table.first);
        table.jobs.insert(number, Job { socket, session: None });
        Some(JobGuard { jobs: Arc::clone(self), number })
    }

    /// Stops the statement `job` runs. `statement_id`: only that one; 0 = whichever.
    ///
    /// The table stays locked during the interrupt, and a statement that ends takes the lock too: the next statement of
    /// that job cannot be hit by mistake.
    pub(super) fn cancel(&self, job: u32, statement_id: u32, user: &str) -> Result<(), CancelRefusal> {
        let table = self.table();
        let session = table.jobs.get(&job).and_then(|job| job.session.as_ref()).ok_or(CancelRefusal::NoSuchJob)?;
        if !session.user.eq_ignore_ascii_case(user) {
            return Err(CancelRefusal::OtherUser);
        }
        match session.running {
            Some(running) if (statement_id == 0 || running == statement_id) && session.interrupt.interrupt() => Ok(()),
            _ => Err(CancelRefusal::NothingRuns),
        }
    }

    /// Interrupts every statement, closes every socket, waits for the threads to leave. False when some did not in time.
    pub(super) fn close(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut table = self.table();
        table.closing = true;
        loop {
            for job in table.jobs.values() {
                // An error means it is closed already.
                let _ = job.socket.shutdown(Shutdown::Both);
                if let Some(JobSession { interrupt, running: Some(_), .. }) = &job.session {
                    interrupt.interrupt();
                }
            }
            if table.jobs.is_empty() {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            // Woken at each leave; the short wait interrupts again who started a statement meanwhile.
            let wait = left.min(Duration::from_millis(100));
            table = match self.emptied.wait_timeout(table, wait) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    pub(super) fn count(&self) -> usize {
        self.table().jobs.len()
    }
}

/// A connection's place in the table; leaves it when dropped.
pub(super) struct JobGuard {
    jobs: Arc<Jobs>,
    number: u32,
}

impl JobGuard {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn jobs(&self) -> &Arc<Jobs> {
        &self.jobs
    }

    /// From now on others may interrupt this job.
    pub(super) fn logged_in(&self, user: &str, interrupt: Arc<dyn Interrupt>) {
        if let Some(job) = self.jobs.table().jobs.get_mut(&self.number) {
            job.session = Some(JobSession { user: user.to_owned(), interrupt, running: None });
        }
    }

    /// Runs `work` as the running statement of this job.
    pub(super) fn running<T>(&self, statement_id: u32, work: impl FnOnce() -> T) -> T {
        self.set_running(Some(statement_id));
        let result = work();
        self.set_running(None);
        result
    }

    fn set_running(&self, statement: Option<u32>) {
        if let Some(session) = self.jobs.table().jobs.get_mut(&self.number).and_then(|job| job.session.as_mut()) {
            session.running = statement;
        }
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        self.jobs.table().jobs.remove(&self.number);
        self.jobs.emptied.notify_all();
    }
}
