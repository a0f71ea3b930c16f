//! Keeps the mirror in line with IRIS: prepares each PostgreSQL that comes, fills it, and reads INFORMATION_SCHEMA again
//! from time to time and when somebody asks. One task, on the first shard, with a connection of its own.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_lite::future::{or, pending};
use glommio::timer::Timer;

use super::OracleSource;
use super::connection::{Answer, Broken, Connection};
use super::lane::Lane;
use super::side_table::CommentKeeper;
use super::state::{Address, Death, Generation, Oracle, Readiness};
use crate::catalog::{
    ChangesUnderWay, CommentChange, Comments, DoneMarks, EnumTypes, GET_COMMENTS, INSPECT, MirrorBatch, MirrorChange,
    MirrorLoad, MirrorMark, MirrorSnapshot, MirrorStep, OracleRequest, as_owner, as_superuser, change, first_error,
    get_marks, prepare_embedded, prepare_external, read_comments, refusal,
};
use crate::runtime::pool::{Lease, Pool};
use crate::runtime::wait::{until, within};
use crate::sql::MirrorStatement;
use crate::wire::{PgError, SqlState};

/// Preparing and single batches of the mirror take well under a second; a PostgreSQL that needs longer hangs.
const WORK_LIMIT: Duration = Duration::from_secs(60);
/// What IRIS may take for one answer to the keeper: a page of INFORMATION_SCHEMA, or of the table of comments.
pub(super) const IRIS_LIMIT: Duration = Duration::from_secs(60);
/// What the answers to statements that give no rows may have.
const REPLY_BYTES_MAX: usize = 16 << 20;
/// Pause after IRIS could not be read.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Refreshes that clients cause come no more often than this, and take at most a fifth of the time.
const REFRESH_PAUSE_MIN: Duration = Duration::from_millis(250);
const REFRESH_PAUSE_FACTOR: u32 = 4;
/// Changes of the past, or comments, that share a transaction: others wait for no more than these.
const REPEATED_TOGETHER: usize = 100;
/// What the mirror's own statements are written under: they qualify all names but those of pgvector.
const SEARCH_PATH: &str = "public";

/// The task's state.
pub(in crate::runtime) struct Keeper {
    oracle: Arc<Oracle>,
    pool: Rc<Pool>,
    /// Moved when the mirror changes: what was described before may be wrong.
    schema_epoch: Arc<AtomicU64>,
    enums: Arc<EnumTypes>,
    changes: Arc<ChangesUnderWay>,
    /// What a new PostgreSQL is filled with before the changes since.
    base: Option<MirrorSnapshot>,
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
        pool: Rc<Pool>,
        schema_epoch: Arc<AtomicU64>,
        enums: Arc<EnumTypes>,
        changes: Arc<ChangesUnderWay>,
    ) -> Self {
        let comments = oracle.options.mirror.side_table.clone();
        let comments = comments.map(|table| CommentKeeper::new(table, Rc::clone(&pool), Arc::clone(&schema_epoch)));
        Self { oracle, pool, schema_epoch, enums, changes, base: None, last: None, last_id: 0, comments }
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
        let mut worker = match within(WORK_LIMIT, Connection::open(generation, Lane::First)).await {
            Some(Ok(connection)) => Worker { connection },
            Some(Err(error)) => {
                tracing::warn!(%error, "the catalog service could not be connected to");
                return self.given_up(number).await;
            }
            None => return self.given_up(number).await,
        };
        let mut done = DoneMarks::default();
        if is_reopened {
            match worker.marks(self.oracle.token()).await {
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
        let prepared = if is_reopened { Ok(None) } else { self.prepare(&mut worker).await };
        match prepared {
            Ok(None) => self.oracle.advanced(number, Readiness::Prepared),
            Ok(Some(error)) => {
                tracing::error!(code = %error.code, error = error.message, "the catalog service could not be prepared");
                let message = format!("the catalog service is not available: {}", error.message);
                self.oracle.give_up(PgError::error(SqlState::CANNOT_CONNECT_NOW, message));
                return Ended::Oracle;
            }
            Err(error) => {
                tracing::warn!(%error, "the catalog service went away while it was prepared");
                return self.given_up(number).await;
            }
        }
        if let Err(error) = self.fill(&mut worker, number, is_reopened, &done).await {
            tracing::warn!(%error, "the catalog service went away while the mirror was made");
            return self.given_up(number).await;
        }
        self.follow(&mut worker, number).await
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
            OracleSource::Embedded { .. } | OracleSource::Off => self.oracle.kill(number, Death::Died),
        }
        Ended::Generation
    }

    /// # Errors
    /// The connection broke. `Some`: PostgreSQL refused.
    async fn prepare(&self, worker: &mut Worker) -> Result<Option<Box<PgError>>, Broken> {
        let mut statements = match &self.oracle.options.source {
            OracleSource::Off => return Ok(None),
            OracleSource::Embedded { .. } => prepare_embedded(&self.oracle.options.database),
            OracleSource::External(server) => {
                if let Some(reason) = worker.inspect().await? {
                    let message = format!("the PostgreSQL of catalog_url, {server:?}, is not fit: {reason}");
                    return Ok(Some(PgError::error(SqlState::CANNOT_CONNECT_NOW, message)));
                }
                prepare_external()
            }
        };
        // Behind all others: a mirror with this mark needs none of them again.
        statements.extend(self.oracle.marks([MirrorMark::Prepared]));
        let outcome = worker.run(&as_superuser(statements.iter().map(String::as_str))).await?;
        Ok(outcome.map(|(index, error)| match statements.get(index) {
            Some(statement) => error.detail(statement.clone()),
            None => error,
        }))
    }

    /// Fills a PostgreSQL with what is known of IRIS, and with the changes since, but for what is in it by its marks.
    async fn fill(
        &mut self,
        worker: &mut Worker,
        number: u64,
        is_reopened: bool,
        done: &DoneMarks,
    ) -> Result<(), Broken> {
        let started = Instant::now();
        while self.base.is_none() {
            let (_, last_id) = self.oracle.changes_after(u64::MAX);
            match self.read_iris().await {
                Ok(snapshot) => {
                    self.base = Some(snapshot);
                    self.last_id = last_id;
                }
                Err(error) => {
                    tracing::warn!(code = %error.code, error = error.message, "the schema could not be read from IRIS");
                    Timer::new(RETRY_PAUSE).await;
                }
            }
        }
        let Some(base) = &self.base else { return Ok(()) };
        let (relations_count, batches) = (base.len(), base.create());
        let read_ms = milliseconds(started.elapsed());
        for (at, batch) in batches.iter().enumerate() {
            let mark = MirrorMark::Batch(at);
            if !done.has(mark) {
                worker.create(batch, self.oracle.marks([mark]).as_deref()).await?;
            }
        }
        // What sessions have changed since the start goes on top of what the side table says. Later the changes are
        // older than the table: they have been written to it.
        let is_first = self.comments.as_ref().is_some_and(|comments| !comments.has_read());
        if is_first {
            self.take_comments(worker, false).await?;
        }
        let mut applied_id = 0;
        let mut is_taken = is_first || is_reopened;
        loop {
            let (changes, last_id) = self.oracle.changes_after(applied_id);
            let changes: Vec<_> = changes.into_iter().filter(|(id, _)| !done.has(MirrorMark::Change(*id))).collect();
            for like in changes.chunk_by(|(_, a), (_, b)| a.search_path == b.search_path) {
                for group in like.chunks(REPEATED_TOGETHER) {
                    let marks = self.oracle.marks(group.iter().map(|(id, _)| MirrorMark::Change(*id)));
                    worker.repeat(group, marks.as_deref()).await?;
                }
            }
            applied_id = last_id;
            if !std::mem::replace(&mut is_taken, true) {
                self.take_comments(worker, true).await?;
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
    async fn follow(&mut self, worker: &mut Worker, number: u64) -> Ended {
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
            let due =
                or(async { Ok(due.await) }, async { Err(oracle.ready(Readiness::Listening, Some(number)).await) });
            let due = match due.await {
                Ok(due) => due,
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
                    self.write_comments(worker).await
                }
                Due::Wanted => {
                    // Whoever has asked by now is served by this reading.
                    let wanted = oracle.refresh_wanted().await;
                    let result = self.refresh(worker).await;
                    oracle.refresh_ended(wanted);
                    result
                }
                Due::Interval => self.refresh(worker).await,
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

    async fn refresh(&mut self, worker: &mut Worker) -> Result<(), Broken> {
        // A table that is made anew loses its comments: what sessions have said is safe by then.
        self.write_comments(worker).await?;
        let (_, read_id) = self.oracle.changes_after(u64::MAX);
        let snapshot = match self.read_iris().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(code = %error.code, error = error.message, "the schema could not be read from IRIS");
                return Ok(());
            }
        };
        let Some(older) = self.last.as_ref().or(self.base.as_ref()) else { return Ok(()) };
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
            let result = self.carry_out(worker, &batches, &ids).await;
            self.schema_epoch.fetch_add(1, Ordering::Release);
            result?;
        }
        self.take_comments(worker, !batches.is_empty()).await
    }

    /// Carries out in the mirror what the side table says.
    async fn take_comments(&mut self, worker: &mut Worker, is_remade: bool) -> Result<(), Broken> {
        let Some(comments) = &mut self.comments else { return Ok(()) };
        let described = self.last.as_ref().or(self.base.as_ref()).map(MirrorSnapshot::comments).unwrap_or_default();
        comments.take(worker, self.oracle.options.reply_bytes_max, &described, is_remade).await
    }

    /// Writes to the side table what the mirror says.
    async fn write_comments(&mut self, worker: &mut Worker) -> Result<(), Broken> {
        let Some(comments) = &mut self.comments else { return Ok(()) };
        let described = self.last.as_ref().or(self.base.as_ref()).map(MirrorSnapshot::comments).unwrap_or_default();
        comments.write(worker, self.oracle.options.reply_bytes_max, &described).await
    }

    /// Batches that are in the history by these ids.
    async fn carry_out(&self, worker: &mut Worker, batches: &[MirrorBatch], ids: &[u64]) -> Result<(), Broken> {
        for (batch, id) in batches.iter().zip(ids.iter().copied()) {
            let marks = self.oracle.marks([MirrorMark::Change(id)]);
            let statements = worker.create(batch, marks.as_deref()).await?;
            if statements.len() < batch.statements.len() {
                self.oracle.amend(id, change_of(statements));
            }
        }
        Ok(())
    }

    async fn read_iris(&self) -> Result<MirrorSnapshot, Box<PgError>> {
        let mut lease = self.pool.acquire(pending()).await?;
        let mut load = MirrorLoad::new(&self.oracle.options.mirror);
        let mut request = load.start();
        loop {
            let Some(link) = lease.link_mut() else {
                return Err(PgError::error(SqlState::INTERNAL_ERROR, "no IRIS connection at hand"));
            };
            link.exchange_within(IRIS_LIMIT, &request).await.map_err(|error| error.to_pg())?;
            match load.on_reply(link.take_reply())? {
                MirrorStep::Submit(next) => request = next,
                MirrorStep::Done(snapshot) => {
                    self.enums.adopt(snapshot.enum_types().cloned());
                    Lease::release(lease).await;
                    return Ok(snapshot);
                }
            }
        }
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

/// The keeper's connection.
pub(super) struct Worker {
    connection: Connection,
}

impl Worker {
    /// Runs statements; the first error with the number of the statement, counted from the request's first.
    async fn run(&mut self, request: &OracleRequest) -> Result<Option<(usize, Box<PgError>)>, Broken> {
        let bytes = self.exchange(request).await?;
        first_error(&bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))
    }

    async fn exchange(&mut self, request: &OracleRequest) -> Result<Vec<u8>, Broken> {
        self.exchange_within(request, REPLY_BYTES_MAX).await
    }

    async fn exchange_within(&mut self, request: &OracleRequest, reply_bytes_max: usize) -> Result<Vec<u8>, Broken> {
        let connection = &mut self.connection;
        let exchange = async {
            let mut answer = Answer::new(request.syncs_count, reply_bytes_max);
            connection.send(request).await?;
            while !answer.is_complete() {
                connection.receive(&mut answer).await?;
            }
            Ok::<_, Broken>(answer.into_bytes())
        };
        within(WORK_LIMIT, exchange).await.unwrap_or(Err(Broken::Protocol("no answer in time")))
    }

    /// What speaks against this PostgreSQL.
    async fn inspect(&mut self) -> Result<Option<String>, Broken> {
        let bytes = self.exchange(&as_superuser(["SELECT 1", INSPECT])).await?;
        // The second answer is the one that counts.
        let answer = crate::catalog::Answer::read(&bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))?;
        Ok(match answer.error {
            Some(error) => Some(error.message.clone()),
            None => refusal(&answer.first_row()),
        })
    }

    /// What has been done to this PostgreSQL.
    async fn marks(&mut self, token: &str) -> Result<DoneMarks, Broken> {
        let bytes = self.exchange(&as_superuser(["SELECT 1", &get_marks(token)])).await?;
        let answer = crate::catalog::Answer::read(&bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))?;
        Ok(DoneMarks::read(&answer.single_value().unwrap_or_default()))
    }

    /// The comments of the mirror.
    pub(super) async fn comments(&mut self, reply_bytes_max: usize) -> Result<Comments, Broken> {
        let bytes = self.exchange_within(&as_superuser(["SELECT 1", GET_COMMENTS]), reply_bytes_max).await?;
        let answer = crate::catalog::Answer::read(&bytes).map_err(|_| Broken::Protocol("an answer is unreadable"))?;
        match answer.error {
            // Without them all would be taken for dropped.
            Some(_) => Err(Broken::Protocol("the comments cannot be read")),
            None => Ok(read_comments(answer.text_rows())),
        }
    }

    /// Carries out comments: together, or one by one where one of them fails, since what it is on may not be there.
    pub(super) async fn comment(&mut self, changes: &[CommentChange]) -> Result<(), Broken> {
        let statements: Vec<String> = changes.iter().map(|(target, text)| target.comment_on(text.as_deref())).collect();
        for group in statements.chunks(REPEATED_TOGETHER) {
            if self.run(&as_owner(SEARCH_PATH, group.iter().map(String::as_str), None)).await?.is_none() {
                continue;
            }
            for sql in group {
                if let Some((_, error)) = self.run(&change(SEARCH_PATH, sql, None)).await? {
                    tracing::debug!(code = %error.code, error = error.message, sql, "a comment has no place");
                }
            }
        }
        Ok(())
    }

    async fn put_marks(&mut self, marks: Option<&str>) -> Result<(), Broken> {
        if let Some(marks) = marks {
            self.run(&as_superuser([marks])).await?;
        }
        Ok(())
    }

    /// A batch as a whole, or those statements of it that succeed; which those were.
    async fn create(
        &mut self,
        batch: &MirrorBatch,
        marks: Option<&str>,
    ) -> Result<Vec<crate::sql::MirrorStatement>, Broken> {
        let texts = batch.statements.iter().map(|statement| statement.sql.as_str());
        if self.run(&as_owner(SEARCH_PATH, texts, marks)).await?.is_none() {
            return Ok(batch.statements.clone());
        }
        let mut done = Vec::new();
        for statement in &batch.statements {
            let refused = match self.run(&change(SEARCH_PATH, &statement.sql, None)).await? {
                None => None,
                Some(refused) => match &statement.otherwise {
                    Some(otherwise) => self.run(&change(SEARCH_PATH, otherwise, None)).await?,
                    None => Some(refused),
                },
            };
            match refused {
                None => done.push(statement.clone()),
                // Read while a session was making it: its own change came first.
                Some((_, error)) if error.code == SqlState(*b"42P07") => {
                    tracing::debug!(sql = statement.sql, "the mirror has this already");
                }
                Some((_, error)) => tracing::warn!(
                    code = %error.code,
                    error = error.message,
                    sql = beginning(&statement.sql),
                    "a definition of IRIS has no place in the mirror"
                ),
            }
        }
        self.put_marks(marks).await?;
        Ok(done)
    }

    /// Changes of the past, all written under the same search_path: together, or one by one where one of them fails.
    /// What fails now failed then, or was undone since.
    async fn repeat(&mut self, changes: &[(u64, Arc<MirrorChange>)], marks: Option<&str>) -> Result<(), Broken> {
        let Some(search_path) = changes.first().map(|(_, change)| change.search_path.as_str()) else { return Ok(()) };
        let statements =
            || changes.iter().flat_map(|(_, change)| &change.statements).map(|statement| statement.sql.as_str());
        if self.run(&as_owner(search_path, statements(), marks)).await?.is_none() {
            return Ok(());
        }
        for statement in changes.iter().flat_map(|(_, change)| &change.statements) {
            let mut refused = self.run(&change(search_path, &statement.sql, None)).await?;
            if let (Some(_), Some(otherwise)) = (&refused, &statement.otherwise) {
                refused = self.run(&change(search_path, otherwise, None)).await?;
            }
            if let Some((_, error)) = refused {
                tracing::debug!(code = %error.code, error = error.message, sql = statement.sql, "not repeated");
            }
        }
        self.put_marks(marks).await
    }
}

/// Of a statement's text, what a log has room for.
fn beginning(sql: &str) -> &str {
    const CHARACTERS_MAX: usize = 300;
    sql.char_indices().nth(CHARACTERS_MAX).and_then(|(end, _)| sql.get(..end)).unwrap_or(sql)
}
