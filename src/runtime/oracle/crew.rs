//! Workers: who computes what may take long, so that the PostgreSQL of the catalogs is free for short questions.
//!
//! Of the embedded PostgreSQL each is a process over a copy of the data, started when somebody needs it ([`start`](super::crew_start)).
//! A copy is right until the first PostgreSQL commits something: a question gets a worker whose copy has all that had been
//! committed when it was asked. Of another PostgreSQL, which runs many questions side by side, it is a connection. Either way
//! there are so many in the process; each is lent for one question at a time, in the order of asking.

use std::collections::VecDeque;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::ORACLE_COMMITS;
use super::state::{Address, Death, Generation};

/// Where a worker could not be started, questions do without for this long.
const PAUSE: Duration = Duration::from_secs(1);
/// Of the workers that ended last it is known why they did.
const DEATHS_MAX: usize = 32;

/// All workers of the process, and who waits for one.
#[derive(Debug)]
pub(super) struct Crew {
    workers_max: usize,
    inner: Mutex<Inner>,
    /// Workers that wait for a copy of the data.
    copying: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    last_number: u64,
    wishes: VecDeque<Wish>,
    deaths: VecDeque<(u64, Death)>,
    /// When a worker could not be started.
    failed_at: Option<Instant>,
    /// Who waits for the end of a worker.
    wakers: Vec<Waker>,
}

#[derive(Debug)]
enum Kind {
    /// Who starts them; `None` when there will be no more.
    Processes {
        workers: Vec<Worker>,
        starts: Option<Sender<Start>>,
    },
    Connections {
        lent_count: usize,
    },
}

/// A worker to be started.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) number: u64,
    /// Whose data are copied.
    pub(super) of: Generation,
    pub(super) orders: std::sync::mpsc::Receiver<Death>,
}

#[derive(Debug)]
struct Worker {
    number: u64,
    /// The generation whose data it has.
    of: u64,
    state: State,
    /// Told why it has to end.
    orders: Sender<Death>,
}

#[derive(Debug)]
enum State {
    Starting,
    Idle { ready: Ready, since: Instant },
    Lent(Ready),
    Ending,
}

/// What is known of a worker that listens.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    pub(super) generation: Generation,
    /// Commits that are in its copy.
    pub(super) commits: u64,
}

#[derive(Debug)]
struct Wish {
    number: u64,
    of: Generation,
    /// Commits that had been made when it was asked.
    commits: u64,
    waker: Option<Waker>,
    outcome: Option<Result<Seat, NoWorker>>,
}

impl Wish {
    fn fits(&self, worker: &Worker, ready: &Ready) -> bool {
        worker.of == self.of.number && ready.commits >= self.commits
    }
}

/// What is lent.
#[derive(Debug, Clone)]
struct Seat {
    /// `None`: the right to a connection.
    worker: Option<u64>,
    generation: Generation,
}

/// None can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoWorker;

impl Crew {
    pub(super) fn of_processes(workers_max: usize, starts: Sender<Start>) -> Arc<Self> {
        Self::new(workers_max, Kind::Processes { workers: Vec::new(), starts: Some(starts) })
    }

    pub(super) fn of_connections(workers_max: usize) -> Arc<Self> {
        Self::new(workers_max, Kind::Connections { lent_count: 0 })
    }

    fn new(workers_max: usize, kind: Kind) -> Arc<Self> {
        let inner = Inner {
            kind,
            last_number: 0,
            wishes: VecDeque::new(),
            deaths: VecDeque::new(),
            failed_at: None,
            wakers: Vec::new(),
        };
        Arc::new(Self { workers_max: workers_max.max(1), inner: Mutex::new(inner), copying: AtomicUsize::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing below panics half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let (value, wakers) = {
            let mut inner = self.lock();
            let value = change(&mut inner);
            let mut wakers = std::mem::take(&mut inner.wakers);
            inner.match_up(self.workers_max);
            let served = inner.wishes.iter_mut().filter(|wish| wish.outcome.is_some());
            wakers.extend(served.filter_map(|wish| wish.waker.take()));
            (value, wakers)
        };
        for waker in wakers {
            waker.wake();
        }
        value
    }

    pub(super) fn workers_max(&self) -> usize {
        self.workers_max
    }

    /// Whether a worker is free whose copy has all that is committed.
    pub(super) fn has_idle(&self, of: &Generation) -> bool {
        let inner = self.lock();
        let Kind::Processes { workers, .. } = &inner.kind else { return true };
        // Looked up only when there is one that it may be about.
        let mut idle =
            workers.iter().filter(|worker| worker.of == of.number).filter_map(|worker| match &worker.state {
                State::Idle { ready, .. } => Some(ready.commits),
                State::Starting | State::Lent(_) | State::Ending => None,
            });
        idle.next().is_some_and(|first| {
            committed(of).is_ok_and(|commits| first >= commits || idle.any(|idle| idle >= commits))
        })
    }

    /// Whether workers listen whose copies have all that is committed, though none may be free. If none does, one is started.
    pub(super) fn has_ready(&self, of: &Generation) -> bool {
        let Ok(commits) = committed(of) else { return false };
        self.change(|inner| {
            let is_hopeless = inner.is_hopeless();
            let Inner { kind: Kind::Processes { workers, starts }, last_number, .. } = inner else { return true };
            let is_fresh = |worker: &&Worker| match &worker.state {
                State::Idle { ready, .. } | State::Lent(ready) => worker.of == of.number && ready.commits >= commits,
                State::Starting | State::Ending => false,
            };
            if workers.iter().any(|worker| is_fresh(&worker)) {
                return true;
            }
            let is_starting = workers.iter().any(|worker| matches!(worker.state, State::Starting));
            if let (Some(starts), false) = (starts, is_starting || is_hopeless || workers.len() >= self.workers_max) {
                start_one(of, workers, starts, last_number);
            }
            false
        })
    }

    /// A worker for one question about the mirror of a generation, in the order of asking. Dropped before, the wish is taken
    /// back.
    ///
    /// # Errors
    /// There is none and none can be started.
    pub(super) async fn lend(self: &Arc<Self>, of: &Generation) -> Result<Loan, NoWorker> {
        let commits = match &of.address {
            Address::Socket(_) => committed(of).map_err(|_| NoWorker)?,
            Address::Server(_) => 0,
        };
        let number = self.change(|inner| {
            inner.last_number = inner.last_number.saturating_add(1);
            let number = inner.last_number;
            let outcome = inner.is_hopeless().then_some(Err(NoWorker));
            inner.wishes.push_back(Wish { number, of: of.clone(), commits, waker: None, outcome });
            number
        });
        let waiting = Waiting { crew: self, number };
        poll_fn(|context| {
            let mut inner = self.lock();
            let Some(at) = inner.wishes.iter().position(|wish| wish.number == number) else {
                return Poll::Ready(Err(NoWorker));
            };
            let wish = inner.wishes.get_mut(at);
            if wish.as_ref().is_some_and(|wish| wish.outcome.is_none()) {
                if let Some(wish) = wish {
                    wish.waker = Some(context.waker().clone());
                }
                return Poll::Pending;
            }
            let outcome = inner.wishes.remove(at).and_then(|wish| wish.outcome).unwrap_or(Err(NoWorker));
            Poll::Ready(outcome.map(|seat| Loan { crew: Arc::clone(waiting.crew), seat }))
        })
        .await
    }

    fn give_back(&self, worker: Option<u64>) {
        self.change(|inner| match (&mut inner.kind, worker) {
            (Kind::Connections { lent_count }, _) => *lent_count = lent_count.saturating_sub(1),
            (Kind::Processes { workers, .. }, Some(number)) => {
                if let Some(worker) = workers.iter_mut().find(|worker| worker.number == number)
                    && let State::Lent(ready) = &worker.state
                {
                    worker.state = State::Idle { ready: ready.clone(), since: Instant::now() };
                }
            }
            (Kind::Processes { .. }, None) => {}
        });
    }

    /// Why a worker ended; `None` while it lives, or when it is not known any more.
    pub(super) fn death_of(&self, number: u64) -> Option<Death> {
        self.lock().deaths.iter().find(|(dead, _)| *dead == number).map(|(_, why)| *why)
    }

    /// Waits until a worker has ended.
    pub(super) async fn ended(&self, number: u64) {
        poll_fn(|context| {
            let mut inner = self.lock();
            let Kind::Processes { workers, .. } = &inner.kind else { return Poll::Ready(()) };
            if workers.iter().all(|worker| worker.number != number) {
                return Poll::Ready(());
            }
            if !inner.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                inner.wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Whether workers wait for a copy of the data, which cannot be made while the first PostgreSQL works.
    pub(super) fn is_copying(&self) -> bool {
        self.copying.load(Ordering::Relaxed) > 0
    }

    pub(super) fn copy_begins(&self) -> Copying<'_> {
        self.copying.fetch_add(1, Ordering::Relaxed);
        Copying(self)
    }

    /// A worker listens.
    pub(super) fn is_ready(&self, number: u64, ready: Ready) {
        self.change(|inner| {
            inner.failed_at = None;
            if let Some(worker) = inner.worker_mut(number)
                && matches!(worker.state, State::Starting)
            {
                worker.state = State::Idle { ready, since: Instant::now() };
            }
        });
    }

    /// A worker could not be started. `is_hopeless`: the next would fare no better.
    pub(super) fn failed(&self, number: u64, is_hopeless: bool) {
        self.change(|inner| {
            inner.remove(number);
            if is_hopeless {
                inner.failed_at = Some(Instant::now());
                for wish in inner.wishes.iter_mut().filter(|wish| wish.outcome.is_none()) {
                    wish.outcome = Some(Err(NoWorker));
                }
            }
        });
    }

    /// A worker's process has ended.
    pub(super) fn is_gone(&self, number: u64, why: Death) {
        self.change(|inner| {
            inner.remove(number);
            inner.deaths.push_front((number, why));
            inner.deaths.truncate(DEATHS_MAX);
        });
    }

    /// Takes an idle worker out of use that nobody has needed for so long; whether it may end.
    pub(super) fn retire(&self, number: u64, after: Duration) -> bool {
        self.change(|inner| {
            let Some(worker) = inner.worker_mut(number) else { return true };
            let is_over = matches!(&worker.state, State::Idle { since, .. } if since.elapsed() >= after);
            if is_over {
                worker.state = State::Ending;
            }
            is_over
        })
    }

    /// There will be no workers any more.
    pub(super) fn stop(&self) {
        self.change(|inner| {
            for wish in inner.wishes.iter_mut().filter(|wish| wish.outcome.is_none()) {
                wish.outcome = Some(Err(NoWorker));
            }
            if let Kind::Processes { workers, starts } = &mut inner.kind {
                *starts = None;
                for worker in workers {
                    worker.end(Death::Died);
                }
            }
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.lock().kind, Kind::Processes { workers, .. } if workers.is_empty())
    }
}

/// What has been committed so far in a PostgreSQL of our own, which counts it in a file.
fn committed(of: &Generation) -> io::Result<u64> {
    match &of.address {
        Address::Socket(socket) => Ok(fs::metadata(socket.with_file_name(ORACLE_COMMITS))?.len()),
        Address::Server(_) => Ok(0),
    }
}

impl Worker {
    fn end(&mut self, why: Death) {
        self.state = State::Ending;
        // It may have ended by itself.
        let _ = self.orders.send(why);
    }
}

impl Inner {
    fn worker_mut(&mut self, number: u64) -> Option<&mut Worker> {
        match &mut self.kind {
            Kind::Processes { workers, .. } => workers.iter_mut().find(|worker| worker.number == number),
            Kind::Connections { .. } => None,
        }
    }

    fn remove(&mut self, number: u64) {
        if let Kind::Processes { workers, .. } = &mut self.kind {
            workers.retain(|worker| worker.number != number);
        }
    }

    /// There are no workers, and the last could not be started just now.
    fn is_hopeless(&self) -> bool {
        match &self.kind {
            Kind::Processes { workers, starts } => {
                workers.is_empty() && self.failed_at.is_some_and(|at| at.elapsed() < PAUSE) || starts.is_none()
            }
            Kind::Connections { .. } => false,
        }
    }

    /// Gives those who wait what is free, and has workers started and ended for them.
    fn match_up(&mut self, workers_max: usize) {
        let Self { kind, wishes, last_number, .. } = self;
        let mut waiting = wishes.iter_mut().filter(|wish| wish.outcome.is_none());
        let (workers, starts) = match kind {
            Kind::Connections { lent_count } => {
                while *lent_count < workers_max
                    && let Some(wish) = waiting.next()
                {
                    *lent_count = lent_count.saturating_add(1);
                    wish.outcome = Some(Ok(Seat { worker: None, generation: wish.of.clone() }));
                }
                return;
            }
            Kind::Processes { workers, starts } => (workers, starts),
        };
        let mut unserved_count = 0_usize;
        let mut first: Option<&Wish> = None;
        for wish in waiting {
            let fit = workers.iter_mut().find(|worker| match &worker.state {
                State::Idle { ready, .. } => wish.fits(worker, ready),
                State::Starting | State::Lent(_) | State::Ending => false,
            });
            if let Some(worker) = fit
                && let State::Idle { ready, .. } = &worker.state
            {
                let ready = ready.clone();
                wish.outcome = Some(Ok(Seat { worker: Some(worker.number), generation: ready.generation.clone() }));
                worker.state = State::Lent(ready);
                continue;
            }
            unserved_count = unserved_count.saturating_add(1);
            first = first.or(Some(wish));
        }
        let (Some(first), Some(starts)) = (first, starts) else { return };
        // What does not fit the first does not fit those behind it, who have seen more.
        for worker in workers.iter_mut().filter(|worker| matches!(worker.state, State::Idle { .. })) {
            worker.end(Death::Unfit);
        }
        let starting = workers.iter().filter(|worker| matches!(worker.state, State::Starting)).count();
        let room = workers_max.saturating_sub(workers.len());
        for _ in 0..unserved_count.saturating_sub(starting).min(room) {
            start_one(&first.of, workers, starts, last_number);
        }
    }
}

fn start_one(of: &Generation, workers: &mut Vec<Worker>, starts: &Sender<Start>, last_number: &mut u64) {
    *last_number = last_number.saturating_add(1);
    let (orders, received) = std::sync::mpsc::channel();
    let number = *last_number;
    // Who starts them may have ended.
    if starts.send(Start { number, of: of.clone(), orders: received }).is_ok() {
        workers.push(Worker { number, of: of.number, state: State::Starting, orders });
    }
}

/// While a worker waits for its copy.
pub(super) struct Copying<'c>(&'c Crew);

impl Drop for Copying<'_> {
    fn drop(&mut self) {
        self.0.copying.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A worker, for one question. Dropped, it goes to the next who waits.
#[derive(Debug)]
pub(super) struct Loan {
    crew: Arc<Crew>,
    seat: Seat,
}

impl Loan {
    /// What to connect to.
    pub(super) fn generation(&self) -> &Generation {
        &self.seat.generation
    }

    /// The number of its process, where it has one of its own.
    pub(super) fn worker(&self) -> Option<u64> {
        self.seat.worker
    }

    /// Its process has to end: it does not heed an interrupt, or its connection broke.
    pub(super) fn end(&self, why: Death) {
        if let Some(number) = self.seat.worker {
            self.crew.change(|inner| {
                if let Some(worker) = inner.worker_mut(number) {
                    worker.end(why);
                }
            });
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.crew.give_back(self.seat.worker);
    }
}

struct Waiting<'c> {
    crew: &'c Arc<Crew>,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let seat = self.crew.change(|inner| {
            let at = inner.wishes.iter().position(|wish| wish.number == self.number)?;
            inner.wishes.remove(at)?.outcome?.ok()
        });
        // Lent, but nobody took it.
        if let Some(seat) = seat {
            self.crew.give_back(seat.worker);
        }
    }
}

#[cfg(test)]
#[path = "crew_tests.rs"]
mod tests;
