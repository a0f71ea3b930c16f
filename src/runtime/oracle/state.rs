//! What all shards know of the oracle, and the way of their wishes to its supervisor.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher};
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use super::crew::Crew;
use super::lane::Traffic;
use super::{OracleOptions, OracleServer, OracleSource, native};
use crate::catalog::{MirrorChange, MirrorMark, put_marks, replace_marks};
use crate::wire::{PgError, SqlState};

/// Changes that are kept in the process's memory, and repeated by a PostgreSQL that begins anew, before what is known of IRIS
/// and of the mirror takes their place.
const HISTORY_CHANGES_MAX: usize = 1_000;

/// Where PostgreSQL listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Socket(PathBuf),
    Server(Arc<OracleServer>),
}

/// A PostgreSQL that is or was there. A restart makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) address: Address,
    /// It goes on with the data of the one before.
    pub(super) is_reopened: bool,
    /// Its process, where that is ours and a question cannot be cancelled otherwise than by its end.
    pub(super) pid: Option<u32>,
}

impl Generation {
    /// As the keeper reaches it: a new cluster has other names until it is prepared.
    pub(super) fn before_it_is_prepared(mut self, source: &OracleSource) -> Self {
        if let (OracleSource::Native(_), Address::Server(server), false) = (source, &self.address, self.is_reopened) {
            self.address = Address::Server(Arc::new(native::unprepared(server)));
        }
        self
    }
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
    /// Its data are not what they should be.
    Unfit,
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
    history: History,
    /// Changes that sessions are carrying out.
    changes_in_hand: usize,
    /// By which the marks of this process are told from those of any other, and its present ones from its former ones.
    token: String,
    /// Refreshes that were asked for, and the last of them that is done.
    refreshes_wanted: u64,
    refreshes_done: u64,
    /// How often sessions have changed the mirror; counted for a side table only.
    mirror_changes: u64,
    wakers: Vec<Waker>,
    supervisor: Option<Sender<Order>>,
}

/// What DDL through this process has changed in the mirror since its base was read from IRIS, in order: a restarted
/// PostgreSQL is brought to the same state by it.
#[derive(Debug, Default)]
struct History {
    changes: BTreeMap<u64, Arc<MirrorChange>>,
    /// Where the idempotent ones are.
    once: HashMap<Arc<MirrorChange>, u64>,
    last_id: u64,
}

impl History {
    /// Roles: each session of a user may bring the same.
    fn record(&mut self, change: &MirrorChange) -> u64 {
        let known = if change.is_idempotent { self.once.get(change) } else { None };
        known.copied().unwrap_or_else(|| self.push(change.clone()))
    }

    fn push(&mut self, change: MirrorChange) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.put(self.last_id, change);
        self.last_id
    }

    fn put(&mut self, id: u64, change: MirrorChange) {
        let change = Arc::new(change);
        if change.is_idempotent {
            self.once.insert(Arc::clone(&change), id);
        }
        self.changes.insert(id, change);
    }

    /// Changes that go when it is cut.
    fn len(&self) -> usize {
        self.changes.len().saturating_sub(self.once.len())
    }

    /// Changes up to this one are in the base; how many went.
    fn cut(&mut self, id: u64) -> usize {
        let before = self.changes.len();
        self.changes.retain(|at, change| *at > id || change.is_idempotent || change.is_temporary());
        before.saturating_sub(self.changes.len())
    }

    /// Changes of temporary tables that are gone.
    fn forget(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.changes.retain(|_, change| !change.schemas().any(&is_gone));
    }

    fn amend(&mut self, id: u64, change: MirrorChange) {
        let Some(before) = self.changes.remove(&id) else { return };
        self.once.remove(&before);
        if !change.statements.is_empty() {
            self.put(id, change);
        }
    }
}

/// The oracle as shards see it.
#[derive(Debug)]
pub(in crate::runtime) struct Oracle {
    pub(super) options: OracleOptions,
    pub(super) traffic: Traffic,
    pub(super) crew: Arc<Crew>,
    inner: Mutex<Inner>,
}

impl Oracle {
    pub(super) fn new(options: OracleOptions, supervisor: Option<Sender<Order>>) -> Self {
        let phase = match &options.source {
            OracleSource::Embedded { .. } | OracleSource::Native(_) => Phase::Starting,
            OracleSource::External(server) => {
                let generation = Generation {
                    number: 1,
                    address: Address::Server(Arc::clone(server)),
                    is_reopened: false,
                    pid: None,
                };
                Phase::Running(generation, Readiness::Listening)
            }
            OracleSource::Off => Phase::Unavailable(PgError::unsupported("the catalog service is switched off")),
        };
        let inner = Inner {
            phase,
            last_death: None,
            restarts_count: 0,
            history: History::default(),
            changes_in_hand: 0,
            token: new_token(),
            refreshes_wanted: 0,
            refreshes_done: 0,
            mirror_changes: 0,
            wakers: Vec::new(),
            supervisor,
        };
        let crew = Crew::of_connections(options.workers_max);
        Self { options, traffic: Traffic::default(), crew, inner: Mutex::new(inner) }
    }

    /// How long IRIS may take for one answer to a keeper.
    pub(in crate::runtime) fn iris_answer_timeout(&self) -> Duration {
        self.options.iris_answer_timeout
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

    /// The supervisor: the process is gone, another one comes. How far it had come.
    pub(super) fn ended(&self, number: u64, death: Death) -> Option<Readiness> {
        let mut reached = None;
        self.change(|inner| {
            if let Phase::Running(_, readiness) = std::mem::replace(&mut inner.phase, Phase::Starting) {
                reached = Some(readiness);
            }
            inner.last_death = Some((number, death));
            inner.restarts_count = inner.restarts_count.saturating_add(1);
        });
        reached
    }

    /// The statement that leaves marks in the mirror; `None` where nobody reads them: what is in a PostgreSQL elsewhere
    /// is made anew whenever the connection to it was lost.
    pub(super) fn marks(&self, marks: impl IntoIterator<Item = MirrorMark>) -> Option<String> {
        self.has_marks().then(|| put_marks(&self.token(), marks))
    }

    fn has_marks(&self) -> bool {
        matches!(self.options.source, OracleSource::Embedded { .. } | OracleSource::Native(_))
    }

    pub(super) fn token(&self) -> String {
        self.lock().token.clone()
    }

    /// There will be no oracle any more. The first reason counts.
    pub(super) fn give_up(&self, error: Box<PgError>) {
        self.change(|inner| {
            if !matches!(inner.phase, Phase::Unavailable(_)) {
                inner.phase = Phase::Unavailable(error);
            }
        });
    }

    /// There shall be no oracle any more.
    pub(super) fn end(&self, error: Box<PgError>) {
        self.give_up(error);
        if let Some(supervisor) = &self.lock().supervisor {
            // It may have ended by itself.
            let _ = supervisor.send(Order::Stop);
        }
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

    /// The generation that lives.
    pub(super) fn present(&self) -> Option<Generation> {
        match &self.lock().phase {
            Phase::Running(generation, _) => Some(generation.clone()),
            Phase::Starting | Phase::Unavailable(_) => None,
        }
    }

    /// Whether a generation lives.
    pub(super) fn is_present(&self, number: u64) -> bool {
        matches!(&self.lock().phase, Phase::Running(generation, _) if generation.number == number)
    }

    /// Processes that ended since the start.
    #[cfg(test)]
    pub(in crate::runtime) fn restarts_count(&self) -> u64 {
        self.lock().restarts_count
    }

    /// Takes a change into the history, before it is carried out.
    pub(super) fn record(&self, change: &MirrorChange) -> Recorded<'_> {
        let mut inner = self.lock();
        let id = inner.history.record(change);
        let generation = match &inner.phase {
            Phase::Running(generation, Readiness::Mirrored) => Some(generation.number),
            Phase::Running(..) | Phase::Starting | Phase::Unavailable(_) => None,
        };
        inner.changes_in_hand = inner.changes_in_hand.saturating_add(1);
        let is_long = inner.history.len() > 0 && inner.history.len().is_multiple_of(HISTORY_CHANGES_MAX);
        drop(inner);
        if is_long {
            // A reading, with which it may be cut.
            self.request_refresh();
        }
        Recorded { oracle: self, id, generation }
    }

    /// Whether the history is so long that it has to be cut.
    pub(super) fn has_long_history(&self) -> bool {
        self.lock().history.len() >= HISTORY_CHANGES_MAX
    }

    /// Whether change `id` is the last one, and all of them have been carried out.
    pub(super) fn is_settled(&self, id: u64) -> bool {
        let inner = self.lock();
        inner.history.last_id == id && inner.changes_in_hand == 0
    }

    /// What the marks have to become when the history is cut at change `id`: the new token, and the statements. `batches_count`:
    /// of the new base.
    pub(super) fn cut_marks(&self, id: u64, batches_count: usize) -> (String, Option<String>) {
        let token = new_token();
        let changes = self.changes_after(0).0;
        let kept = changes
            .iter()
            .filter(|(_, change)| change.is_idempotent || change.is_temporary())
            .map(|(id, _)| MirrorMark::Change(*id));
        let batches = (0..batches_count).map(MirrorMark::Batch);
        let marks = [MirrorMark::Prepared].into_iter().chain(batches).chain(kept);
        let statements = self.has_marks().then(|| replace_marks(&token, marks, id));
        (token, statements)
    }

    /// The base has changes up to `id`, and the marks are under another token; how many changes went.
    pub(super) fn cut_history(&self, id: u64, token: String) -> usize {
        let mut inner = self.lock();
        inner.token = token;
        inner.history.cut(id)
    }

    /// What is left of a change some statements of which failed.
    pub(super) fn amend(&self, id: u64, change: MirrorChange) {
        self.lock().history.amend(id, change);
    }

    /// Temporary tables in these schemas are gone: nothing of them is repeated.
    pub(in crate::runtime) fn forget_temporary(&self, is_gone: impl Fn(&str) -> bool) {
        self.lock().history.forget(is_gone);
    }

    /// Takes a change of the keeper into the history, before it is carried out; its id.
    pub(super) fn remember(&self, change: MirrorChange) -> u64 {
        self.lock().history.push(change)
    }

    /// The changes after `id`, oldest first and with their ids, and the id of the last.
    pub(super) fn changes_after(&self, id: u64) -> (Vec<(u64, Arc<MirrorChange>)>, u64) {
        let inner = self.lock();
        let later = inner.history.changes.range((Bound::Excluded(id), Bound::Unbounded));
        (later.map(|(id, change)| (*id, Arc::clone(change))).collect(), inner.history.last_id)
    }

    /// The mirror of a generation holds all changes up to `id`. False when there are more by now.
    pub(super) fn mirrored(&self, number: u64, id: u64) -> bool {
        let mut complete = false;
        self.change(|inner| {
            complete = inner.history.last_id == id;
            if let Phase::Running(generation, reached) = &mut inner.phase
                && generation.number == number
                && complete
            {
                *reached = Readiness::Mirrored;
            }
        });
        complete
    }

    /// Asks for the mirror to be brought in line with IRIS; the number is for [`refreshed`](Self::refreshed).
    pub(super) fn request_refresh(&self) -> u64 {
        let mut number = 0;
        self.change(|inner| {
            inner.refreshes_wanted = inner.refreshes_wanted.saturating_add(1);
            number = inner.refreshes_wanted;
        });
        number
    }

    /// Waits until a refresh that began after the request has ended.
    pub(super) async fn refreshed(&self, number: u64) {
        self.until(|inner| {
            let is_over = inner.refreshes_done >= number || matches!(inner.phase, Phase::Unavailable(_));
            is_over.then_some(())
        })
        .await;
    }

    /// Waits until somebody wants a refresh, and gives the number to report with [`refresh_ended`](Self::refresh_ended).
    pub(super) async fn refresh_wanted(&self) -> u64 {
        self.until(|inner| (inner.refreshes_wanted > inner.refreshes_done).then_some(inner.refreshes_wanted)).await
    }

    pub(super) fn refresh_ended(&self, number: u64) {
        self.change(|inner| inner.refreshes_done = inner.refreshes_done.max(number));
    }

    /// A session has changed the mirror: comments may have come, moved or gone.
    pub(super) fn mirror_changed(&self) {
        if self.options.mirror.side_table.is_some() {
            self.change(|inner| inner.mirror_changes = inner.mirror_changes.saturating_add(1));
        }
    }

    /// Changes of the mirror so far, once they are not `seen` any more.
    pub(super) async fn mirror_changes(&self, seen: Option<u64>) -> u64 {
        self.until(|inner| (Some(inner.mirror_changes) != seen).then_some(inner.mirror_changes)).await
    }

    async fn until<T>(&self, mut condition: impl FnMut(&Inner) -> Option<T>) -> T {
        poll_fn(|context| {
            let mut inner = self.lock();
            match condition(&inner) {
                Some(value) => Poll::Ready(value),
                None => {
                    if !inner.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                        inner.wakers.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The present generation once it is ready enough and is not `but`; waits for it.
    ///
    /// # Errors
    /// There is no oracle and there will be none.
    pub(super) async fn ready(&self, readiness: Readiness, but: Option<u64>) -> Result<Generation, Box<PgError>> {
        self.until(|inner| match &inner.phase {
            Phase::Running(generation, reached) if *reached >= readiness && Some(generation.number) != but => {
                Some(Ok(generation.clone()))
            }
            Phase::Unavailable(error) => Some(Err(error.clone())),
            Phase::Starting | Phase::Running(..) => None,
        })
        .await
    }
}

/// A change of a session, until it has been carried out.
#[derive(Debug)]
pub(super) struct Recorded<'o> {
    oracle: &'o Oracle,
    pub(super) id: u64,
    /// What to carry it out on; without one the change will be there as soon as the mirror is.
    pub(super) generation: Option<u64>,
}

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        let mut inner = self.oracle.lock();
        inner.changes_in_hand = inner.changes_in_hand.saturating_sub(1);
    }
}

fn new_token() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::user_role;
    use crate::sql::MirrorStatement;

    /// What comes again is done again, or a restarted PostgreSQL would end up with what came in between.
    #[test]
    fn only_roles_are_remembered_once() {
        let oracle = Oracle::new(OracleOptions::off(), None);
        let comment = |text: &str| {
            let sql = format!("COMMENT ON TABLE t IS '{text}'");
            let statements = vec![MirrorStatement { sql, otherwise: None, relations: Vec::new() }];
            MirrorChange { statements, search_path: "public".to_owned(), is_idempotent: false }
        };
        let changes = [user_role("u"), comment("a"), comment("b"), user_role("u"), comment("a")];
        let ids: Vec<u64> = changes.iter().map(|change| oracle.record(change).id).collect();
        assert_eq!(ids, [1, 2, 3, 1, 4]);
        assert_eq!(oracle.changes_after(0).0.len(), 4);
        assert_eq!(oracle.changes_after(2).0.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3, 4]);
        // One that failed as a whole has not been.
        oracle.amend(1, MirrorChange { statements: Vec::new(), ..user_role("u") });
        oracle.amend(3, comment("c"));
        assert_eq!(oracle.record(&user_role("u")).id, 5);
        let (changes, last_id) = oracle.changes_after(0);
        assert_eq!((changes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), last_id), (vec![2, 3, 4, 5], 5));
        assert_eq!(*changes[1].1, comment("c"));
        assert_eq!(oracle.changes_after(u64::MAX), (Vec::new(), 5));
    }

    #[test]
    fn a_long_history_is_cut_when_nothing_is_in_hand() {
        let oracle = Oracle::new(OracleOptions::off(), None);
        let comment = |n: usize| {
            let sql = format!("COMMENT ON TABLE t IS '{n}'");
            let statements = vec![MirrorStatement { sql, otherwise: None, relations: Vec::new() }];
            MirrorChange { statements, search_path: "public".to_owned(), is_idempotent: false }
        };
        drop(oracle.record(&user_role("u")));
        for n in 1..HISTORY_CHANGES_MAX {
            drop(oracle.record(&comment(n)));
        }
        assert!(!oracle.has_long_history());
        assert_eq!(oracle.lock().refreshes_wanted, 0);
        let last = oracle.record(&comment(0));
        let id = last.id;
        assert!(oracle.has_long_history() && !oracle.is_settled(id));
        assert_eq!(oracle.lock().refreshes_wanted, 1);
        drop(last);
        assert!(oracle.is_settled(id));
        let later = oracle.record(&comment(1)).id;
        assert!(!oracle.is_settled(id));
        let (token, marks) = oracle.cut_marks(id, 3);
        assert_eq!(marks, None, "nobody reads them without a PostgreSQL of our own");
        assert_eq!(oracle.cut_history(id, token.clone()), HISTORY_CHANGES_MAX);
        assert_eq!(oracle.token(), token);
        let kept: Vec<u64> = oracle.changes_after(0).0.iter().map(|(id, _)| *id).collect();
        assert_eq!(kept, [1, later]);
        assert_eq!(oracle.record(&user_role("u")).id, 1);
    }
}
