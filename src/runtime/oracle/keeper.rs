//! Keeps the mirror in line with IRIS: prepares each PostgreSQL that comes, fills it, and reads INFORMATION_SCHEMA again
//! from time to time and when somebody asks. One task, on the first shard.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_lite::future::{or, pending};
use glommio::timer::Timer;

use super::OracleSource;
use super::base::Base;
use super::connection::Broken;
use super::mirror_connection::{MirrorConnection, REPEATED_TOGETHER, SEARCH_PATH};
use super::side_table::CommentKeeper;
use super::state::{Address, Death, Generation, Oracle, Readiness};
use crate::catalog::{
    ChangesUnderWay, Comments, DoneMarks, EnumTypes, MirrorBatch, MirrorChange, MirrorLoad, MirrorMark, MirrorSnapshot,
    MirrorStep, SequenceNames, ServerVersion, as_superuser, comment_changes, prepare_embedded, prepare_external,
    prepare_native,
};
use crate::runtime::keeper_pool::KeeperPool;
use crate::runtime::pool::Lease;
use crate::runtime::sequences::Sequencer;
use crate::runtime::wait::until;
use crate::sql::{MirrorStatement, place_aside};
use crate::wire::{PgError, SqlState};

/// Pause after IRIS could not be read.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Refreshes that clients cause come no more often than this, and take at most a fifth of the time.
const REFRESH_PAUSE_MIN: Duration = Duration::from_millis(250);
const REFRESH_PAUSE_FACTOR: u32 = 4;

/// The task's state.
pub(in crate::runtime) struct Keeper {
    oracle: Arc<Oracle>,
    pool: Rc<KeeperPool>,
    /// Where they are kept, and which are known.
    sequences: Option<(Rc<Sequencer>, Arc<SequenceNames>)>,
    /// Moved when the mirror changes: what was described before may be wrong.
    schema_epoch: Arc<AtomicU64>,
    enums: Arc<EnumTypes>,
    changes: Arc<ChangesUnderWay>,
    /// What clients are told of a PostgreSQL, which is known of some only when they are asked.
    server_version: Arc<ServerVersion>,
    /// What a new PostgreSQL is filled with before the changes since.
    base: Option<Base>,
    /// What the mirror was last brought in line with, if that is not `base`.
    last: Option<MirrorSnapshot>,
    /// Changes up to this one were in IRIS when `last` was read.
    last_id: u64,
    /// Keeps comments in IRIS, if the configuration says where.
    comments: Option<CommentKeeper>,
}

/// What the keeper is woken for.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// Somebody wants the mirror refreshed.
    Wanted,
    Interval,
    /// Sessions have changed the mirror: comments may be others.
    Comments,
}

/// Why work on a generation ended.
enum Ended {
    /// It is gone, or was told to go.
    Generation,
    /// There is no oracle any more.
    Oracle,
}

impl Keeper {
    pub(in crate::runtime) fn new(
        oracle: Arc<Oracle>,
        pool: Rc<KeeperPool>,
        sequences: Option<(Rc<Sequencer>, Arc<SequenceNames>)>,
        schema_epoch: Arc<AtomicU64>,
        enums: Arc<EnumTypes>,
        changes: Arc<ChangesUnderWay>,
        server_version: Arc<ServerVersion>,
    ) -> Self {
        let comments = oracle.options.mirror.side_table.clone();
        let timeout = oracle.options.iris_answer_timeout;
        let comments =
            comments.map(|table| CommentKeeper::new(table, Rc::clone(&pool), timeout, Arc::clone(&schema_epoch)));
        Self {
            oracle,
            pool,
            sequences,
            schema_epoch,
            enums,
            changes,
            server_version,
            base: None,
            last: None,
            last_id: 0,
            comments,
        }
    }

    /// Ends when there is no oracle any more.
    pub(in crate::runtime) async fn run(mut self) {
        let mut before = None;
        loop {
            let Ok(generation) = self.oracle.ready(Readiness::Listening, before).await else { return };
            before = Some(generation.number);
            if let Ended::Oracle = self.keep(generation).await {
                return;
            }
        }
    }

    async fn keep(&mut self, generation: Generation) -> Ended {
        let Generation { number, is_reopened, .. } = generation;
        let mut mirror =
            match MirrorConnection::connect(generation.before_it_is_prepared(&self.oracle.options.source)).await {
                Ok(mirror) => mirror,
                Err(error) => {
                    tracing::warn!(%error, "the catalog service could not be connected to");
                    return self.given_up(number).await;
                }
            };
        let mut done = DoneMarks::default();
        if is_reopened {
            match mirror.marks(&self.oracle.token()).await {
                Ok(marks) => done = marks,
                Err(error) => {
                    tracing::warn!(%error, "the catalog service went away while its data were looked at");
                    return self.given_up(number).await;
                }
            }
            if !done.has(MirrorMark::Prepared) {
                tracing::warn!("what the catalog service was left is not its mirror; it begins anew");
                self.oracle.kill(number, Death::Unfit);
                return Ended::Generation;
            }
        }
        let prepared = if is_reopened { Ok(None) } else { self.prepare(&mut mirror).await };
        match prepared {
            Ok(None) => self.oracle.advanced(number, Readiness::Prepared),
            Ok(Some(error)) => {
                tracing::error!(code = %error.code, error = error.message, "the catalog service could not be prepared");
                let message = format!("the catalog service is not available: {}", error.message);
                self.oracle.end(PgError::error(SqlState::CANNOT_CONNECT_NOW, message));
                return Ended::Oracle;
            }
            Err(error) => {
                tracing::warn!(%error, "the catalog service went away while it was prepared");
                return self.given_up(number).await;
            }
        }
        if let Err(error) = self.fill(&mut mirror, number, is_reopened, &done).await {
            tracing::warn!(%error, "the catalog service went away while the mirror was made");
            return self.given_up(number).await;
        }
        self.follow(&mut mirror, number).await
    }

    /// A generation that does not answer must not stay. One that has ended already is not hurt by it.
    async fn given_up(&self, number: u64) -> Ended {
        match &self.oracle.options.source {
            OracleSource::External(server) => {
                // Nobody watches it: it may be back in a moment, and is prepared again then.
                self.oracle.ended(number, Death::Died);
                Timer::new(RETRY_PAUSE).await;
                let address = Address::Server(Arc::clone(server));
                let number = number.saturating_add(1);
                self.oracle.started(Generation { number, address, is_reopened: false, pid: None });
            }
            OracleSource::Embedded { .. } | OracleSource::Native(_) | OracleSource::Off => {
                self.oracle.kill(number, Death::Died);
            }
        }
        Ended::Generation
    }

    /// # Errors
    /// The connection broke. `Some`: PostgreSQL refused.
    async fn prepare(&self, mirror: &mut MirrorConnection) -> Result<Option<Box<PgError>>, Broken> {
        let mut statements = match &self.oracle.options.source {
            OracleSource::Off => return Ok(None),
            OracleSource::Embedded { .. } => prepare_embedded(&self.oracle.options.database),
            OracleSource::Native(programs) => {
                if let Err(reason) = mirror.inspect().await? {
                    let message = format!("the PostgreSQL of {} is not fit: {reason}", programs.folder().display());
                    return Ok(Some(PgError::error(SqlState::CANNOT_CONNECT_NOW, message)));
                }
                prepare_native(&self.oracle.options.database)
            }
            OracleSource::External(server) => match mirror.inspect().await? {
                Ok(version) => {
                    self.server_version.set_by_number(version);
                    prepare_external()
                }
                Err(reason) => {
                    let message = format!("the PostgreSQL of catalog_url, {server:?}, is not fit: {reason}");
                    return Ok(Some(PgError::error(SqlState::CANNOT_CONNECT_NOW, message)));
                }
            },
        };
        // Behind all others: a mirror with this mark needs none of them again.
        statements.extend(self.oracle.marks([MirrorMark::Prepared]));
        let outcome = mirror.run(&as_superuser(statements.iter().map(String::as_str))).await?;
        Ok(outcome.map(|(index, error)| match statements.get(index) {
            Some(statement) => error.detail(statement.clone()),
            None => error,
        }))
    }

    /// Fills a PostgreSQL with what is known of IRIS, and with the changes since, but for what is in it by its marks.
    async fn fill(
        &mut self,
        mirror: &mut MirrorConnection,
        number: u64,
        is_reopened: bool,
        done: &DoneMarks,
    ) -> Result<(), Broken> {
        let started = Instant::now();
        while self.base.is_none() {
            let (_, last_id) = self.oracle.changes_after(u64::MAX);
            match self.read_iris().await {
                Ok(snapshot) => {
                    self.base = Some(Base::of_iris(snapshot));
                    self.last_id = last_id;
                }
                Err(error) => {
                    tracing::warn!(code = %error.code, error = error.message, "the schema could not be read from IRIS");
                    Timer::new(RETRY_PAUSE).await;
                }
            }
        }
        let Some(base) = &self.base else { return Ok(()) };
        let (relations_count, batches) = (base.snapshot.len(), base.batches());
        let read_ms = milliseconds(started.elapsed());
        for (at, batch) in batches.iter().enumerate() {
            let mark = MirrorMark::Batch(at);
            if !done.has(mark) {
                mirror.create(batch, self.oracle.marks([mark]).as_deref()).await?;
            }
        }
        // What sessions have changed since the start goes on top of what the side table says. Later the changes are
        // older than the table: they have been written to it.
        let is_first = self.comments.as_ref().is_some_and(|comments| !comments.has_read());
        if is_first {
            self.take_comments(mirror, false).await?;
        }
        let mut applied_id = 0;
        let mut is_taken = is_first || is_reopened;
        loop {
            let (changes, last_id) = self.oracle.changes_after(applied_id);
            let changes: Vec<_> = changes.into_iter().filter(|(id, _)| !done.has(MirrorMark::Change(*id))).collect();
            for like in changes.chunk_by(|(_, a), (_, b)| a.search_path == b.search_path) {
                for group in like.chunks(REPEATED_TOGETHER) {
                    let marks = self.oracle.marks(group.iter().map(|(id, _)| MirrorMark::Change(*id)));
                    mirror.repeat(group, marks.as_deref()).await?;
                }
            }
            applied_id = last_id;
            if !std::mem::replace(&mut is_taken, true) {
                self.take_comments(mirror, true).await?;
            }
            if self.oracle.mirrored(number, applied_id) {
                break;
            }
        }
        let milliseconds = milliseconds(started.elapsed());
        tracing::info!(relations = relations_count, read_ms, milliseconds, "the mirror of the IRIS schema is ready");
        Ok(())
    }

    /// Until the generation ends.
    async fn follow(&mut self, mirror: &mut MirrorConnection, number: u64) -> Ended {
        let oracle = Arc::clone(&self.oracle);
        let mut pause = Duration::ZERO;
        let mut changes_seen = None;
        let mut due_at = Instant::now().checked_add(oracle.options.refresh_interval);
        loop {
            let changed = async {
                if self.comments.is_none() {
                    pending::<()>().await;
                }
                oracle.mirror_changes(changes_seen).await;
                Due::Comments
            };
            let wanted = async {
                oracle.refresh_wanted().await;
                Due::Wanted
            };
            let interval = async {
                interval(oracle.options.refresh_interval, due_at).await;
                Due::Interval
            };
            let due = or(or(wanted, interval), changed);
            let closed = async {
                // The supervisor sees the end of the embedded one, and why; of others' processes nothing else tells.
                if matches!(oracle.options.source, OracleSource::Embedded { .. }) {
                    pending::<()>().await;
                }
                mirror.closed().await;
                None
            };
            let due = or(async { Some(due.await) }, closed);
            let due =
                or(async { Ok(due.await) }, async { Err(oracle.ready(Readiness::Listening, Some(number)).await) });
            let due = match due.await {
                Ok(None) => return self.given_up(number).await,
                Ok(Some(due)) => due,
                Err(Ok(_)) => return Ended::Generation,
                Err(Err(_)) => return Ended::Oracle,
            };
            if !matches!(due, Due::Interval) {
                Timer::new(pause).await;
            }
            let started = Instant::now();
            let result = match due {
                Due::Comments => {
                    changes_seen = Some(oracle.mirror_changes(None).await);
                    self.write_comments(mirror).await
                }
                Due::Wanted => {
                    // Whoever has asked by now is served by this reading.
                    let wanted = oracle.refresh_wanted().await;
                    let result = self.refresh(mirror).await;
                    oracle.refresh_ended(wanted);
                    result
                }
                Due::Interval => self.refresh(mirror).await,
            };
            if !matches!(due, Due::Comments) {
                due_at = Instant::now().checked_add(oracle.options.refresh_interval);
            }
            pause = started.elapsed().saturating_mul(REFRESH_PAUSE_FACTOR).max(REFRESH_PAUSE_MIN);
            if let Err(error) = result {
                tracing::debug!(%error, "the catalog service went away while the mirror was refreshed");
                return self.given_up(number).await;
            }
        }
    }

    async fn refresh(&mut self, mirror: &mut MirrorConnection) -> Result<(), Broken> {
        // A table that is made anew loses its comments: what sessions have said is safe by then.
        self.write_comments(mirror).await?;
        let (_, read_id) = self.oracle.changes_after(u64::MAX);
        let snapshot = match self.read_iris().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(code = %error.code, error = error.message, "the schema could not be read from IRIS");
                return Ok(());
            }
        };
        let Some(older) = self.latest() else { return Ok(()) };
        // First what is under way: a change that ends in between is in the history by then.
        let mut unsettled = self.changes.relations();
        let (changes, _) = self.oracle.changes_after(self.last_id);
        let (by_text, since_reading): (Vec<_>, Vec<_>) = changes.iter().partition(|(id, _)| *id <= read_id);
        unsettled.extend(relations_of(&since_reading));
        let by_text = relations_of(&by_text);
        let batches = snapshot.difference(older, &by_text, &unsettled);
        // All of them are remembered before the first is carried out: whatever becomes of this PostgreSQL, the next one
        // is brought to this snapshot.
        let remembered = |batch: MirrorBatch| self.oracle.remember(change_of(batch.statements));
        let ids: Vec<u64> = batches.iter().cloned().map(remembered).collect();
        self.last = Some(snapshot);
        self.last_id = read_id;
        if !batches.is_empty() {
            tracing::info!(batches = batches.len(), "the mirror follows changes made in IRIS");
            let result = self.carry_out(mirror, &batches, &ids).await;
            self.schema_epoch.fetch_add(1, Ordering::Release);
            result?;
        }
        self.take_comments(mirror, !batches.is_empty()).await?;
        self.cut_history(mirror).await
    }

    /// What the mirror was last brought in line with.
    fn latest(&self) -> Option<&MirrorSnapshot> {
        self.last.as_ref().or(self.base.as_ref().map(|base| &base.snapshot))
    }

    /// A long history of changes begins anew: what was just read of IRIS, and what the mirror itself tells of the rest,
    /// take the place of all changes up to that reading. A PostgreSQL that goes on with its data notices nothing; one that
    /// begins anew has what a new gateway would have, and types and comments besides. Put off while anything is being
    /// changed.
    async fn cut_history(&mut self, mirror: &mut MirrorConnection) -> Result<(), Broken> {
        if !self.oracle.has_long_history() || self.last.is_none() {
            return Ok(());
        }
        let read_id = self.last_id;
        let is_settled = |keeper: &Self| keeper.changes.relations().is_empty() && keeper.oracle.is_settled(read_id);
        if !is_settled(self) {
            return Ok(());
        }
        let rest = mirror.rest().await?;
        // With a side table they come from there.
        let comments = match &self.comments {
            Some(_) => Comments::default(),
            None => mirror.comments(self.oracle.options.reply_bytes_max).await?,
        };
        if !is_settled(self) {
            return Ok(());
        }
        let Some(snapshot) = self.last.take() else { return Ok(()) };
        let described = if self.comments.is_some() { Comments::default() } else { snapshot.comments() };
        let base = Base::of_mirror(snapshot, rest, &comment_changes(&comments, &described));
        let (token, marks) = self.oracle.cut_marks(read_id, base.batches().len());
        let outcome = match marks {
            Some(marks) => mirror.run(&as_superuser([marks.as_str()])).await,
            None => Ok(None),
        };
        // Without an answer nobody knows which marks are there. Under a token that is not this gateway's they make the data
        // unfit for it.
        if !matches!(outcome, Ok(None)) {
            self.last = Some(base.snapshot);
            if let Some((_, error)) = outcome? {
                tracing::warn!(code = %error.code, error = error.message, "the history of changes could not be cut");
            }
            return Ok(());
        }
        self.base = Some(base);
        let changes = self.oracle.cut_history(read_id, token);
        tracing::info!(changes, "the history of changes begins anew");
        Ok(())
    }

    /// Carries out in the mirror what the side table says.
    async fn take_comments(&mut self, mirror: &mut MirrorConnection, is_remade: bool) -> Result<(), Broken> {
        if self.comments.is_none() {
            return Ok(());
        }
        let described = self.latest().map(MirrorSnapshot::comments).unwrap_or_default();
        let Some(comments) = &mut self.comments else { return Ok(()) };
        comments.take(mirror, self.oracle.options.reply_bytes_max, &described, is_remade).await
    }

    /// Writes to the side table what the mirror says.
    async fn write_comments(&mut self, mirror: &mut MirrorConnection) -> Result<(), Broken> {
        if self.comments.is_none() {
            return Ok(());
        }
        let described = self.latest().map(MirrorSnapshot::comments).unwrap_or_default();
        let Some(comments) = &mut self.comments else { return Ok(()) };
        comments.write(mirror, self.oracle.options.reply_bytes_max, &described).await
    }

    /// Batches that are in the history by these ids.
    async fn carry_out(
        &self,
        mirror: &mut MirrorConnection,
        batches: &[MirrorBatch],
        ids: &[u64],
    ) -> Result<(), Broken> {
        for (batch, id) in batches.iter().zip(ids.iter().copied()) {
            let marks = self.oracle.marks([MirrorMark::Change(id)]);
            let statements = mirror.create(batch, marks.as_deref()).await?;
            if statements.len() < batch.statements.len() {
                self.oracle.amend(id, change_of(statements));
            }
        }
        Ok(())
    }

    async fn read_iris(&self) -> Result<MirrorSnapshot, Box<PgError>> {
        let mut lease = self.pool.acquire().await?;
        let mut load = MirrorLoad::new(&self.oracle.options.mirror);
        let mut request = load.start();
        loop {
            let Some(link) = lease.link_mut() else {
                return Err(PgError::error(SqlState::INTERNAL_ERROR, "no IRIS connection at hand"));
            };
            link.exchange_within(self.oracle.options.iris_answer_timeout, &request)
                .await
                .map_err(|error| error.to_pg())?;
            match load.on_reply(link.take_reply())? {
                MirrorStep::Submit(next) => request = next,
                MirrorStep::Done(snapshot) => {
                    self.enums.adopt(snapshot.enum_types().cloned());
                    Lease::release(lease).await;
                    return self.with_sequences(snapshot).await;
                }
            }
        }
    }

    /// What IRIS has of sequences lies in a table of the gateway's.
    async fn with_sequences(&self, mut snapshot: MirrorSnapshot) -> Result<MirrorSnapshot, Box<PgError>> {
        if let Some((sequencer, names)) = &self.sequences {
            names.begin_reading();
            let mut found = sequencer.all().await?;
            names.adopt(found.iter().map(|sequence| sequence.name.clone()));
            // What a transaction that is not over has dropped is nobody's.
            found.retain(|sequence| place_aside(&sequence.name.schema).is_none());
            snapshot.set_sequences(found);
            self.enums.kept.begin_reading();
            let types = self.enums.kept.follow(sequencer.types().await?);
            if !types.changed.is_empty() || !types.gone.is_empty() {
                self.schema_epoch.fetch_add(1, Ordering::Release);
            }
            snapshot.set_types(types);
        }
        Ok(snapshot)
    }
}

/// IRIS schema and name of what was changed.
fn relations_of(changes: &[&(u64, Arc<MirrorChange>)]) -> HashSet<(String, String)> {
    let statements = changes.iter().flat_map(|(_, change)| &change.statements);
    statements.flat_map(|statement| statement.relations.iter().cloned()).collect()
}

fn change_of(statements: Vec<MirrorStatement>) -> MirrorChange {
    MirrorChange { statements, search_path: SEARCH_PATH.to_owned(), is_idempotent: false }
}

/// Never ends when the interval is zero.
async fn interval(interval: Duration, due_at: Option<Instant>) {
    if interval.is_zero() {
        pending::<()>().await;
    }
    until(due_at).await;
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
