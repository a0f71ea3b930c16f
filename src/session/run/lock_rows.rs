//! SELECT .. FOR UPDATE and FOR SHARE: a query tells the rows, IRIS locks them, and the query is asked once more. What it
//! says when all of its rows are locked is the answer: nobody changes them until the transaction ends.
//!
//! IRIS has no way to ask for a lock without waiting for it: NOWAIT and SKIP LOCKED go by what other sessions of this gateway
//! have claimed, which is done in the process and never waited for.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::iris::Request;
use crate::sql::{Action, LockRows, LockedTable, RowWait};
use crate::types::Oid;
use crate::wire::{Format, Messages, PgError, SendBuf, SqlState};

use super::apart::{Apart, check_spool};
use super::held_rows::HeldRows;
use super::nested::{Nested, NestedProgress, OwnStatement, RowForm};
use super::outcome::Outcome;
use super::write_back::row::{Row, cells, overtaken};
use crate::session::contract::lock::{LockKey, LockMode, LockRequest, LockScope};
use crate::session::contract::step::{Event, WaitRequest, Want};
use crate::session::understand::context::Cx;
use crate::session::understand::rows::Formats;

type Result<T> = std::result::Result<T, Box<PgError>>;

/// How often the query is asked when each time others have put rows into it that are not locked.
const ATTEMPTS_MAX: u32 = 100;

/// Rows that one statement locks.
const BATCH_ROWS: usize = 200;

/// Rows that a statement may lock by their keys, which are kept meanwhile.
const ROWS_MAX: usize = 100_000;

/// Rows of one statement that are claimed in the process.
const CLAIMS_MAX: usize = 1_000;

/// What is told where its rows take too much memory.
const SPOOL: [&str; 3] =
    ["the query", "Rows that are locked are read before, and once more when they are.", "Lock fewer rows at once"];

/// Such a query under way.
#[derive(Debug)]
pub(crate) struct LockRowsRun {
    whole: Apart,
    stage: Stage,
    nested: Option<Box<Nested>>,
    /// DataRow messages of the query.
    spool: SendBuf,
    locked_count: u64,
    attempts_count: u32,
    /// Keys by table: of rows that IRIS has locked, and of those that others have and that are skipped.
    locked: Vec<HashSet<Key>>,
    skipped: Vec<HashSet<Key>>,
    /// Those whose turn it is to be claimed in the process.
    unclaimed: Vec<(usize, Key)>,
    claimed: Vec<(usize, Key)>,
    /// Those that are to be locked, the last ones first.
    wanted: Vec<(usize, Vec<Key>)>,
    rows: HeldRows,
}

/// The cells of a key, in text.
type Key = Vec<Vec<u8>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    LockAll,
    Query,
    /// The last of `unclaimed`.
    Claim,
    /// The last of `wanted`.
    Lock,
    Done,
}

impl LockRowsRun {
    pub(crate) fn new(whole: Apart) -> Self {
        Self {
            whole,
            stage: Stage::New,
            nested: None,
            spool: SendBuf::new(),
            locked_count: 0,
            attempts_count: 0,
            locked: Vec::new(),
            skipped: Vec::new(),
            unclaimed: Vec::new(),
            claimed: Vec::new(),
            wanted: Vec::new(),
            rows: HeldRows::default(),
        }
    }

    /// Starts, or goes on with its rows, at most `rows_max` of them (0 = all).
    ///
    /// # Errors
    /// The statement's own; 25006 in a read-only transaction.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome> {
        self.whole.rows_max = rows_max;
        let understood = Rc::clone(&self.whole.understood);
        let Action::LockRows(plan) = &understood.translation.action else { return Err(cx.shard.unwaited()) };
        match self.stage {
            Stage::Done => Ok(self.answer(cx)),
            Stage::New => {
                cx.client.settings.check_writable(&format!("SELECT {}", plan.strength))?;
                self.locked = vec![HashSet::new(); plan.tables.len()];
                self.skipped = self.locked.clone();
                self.stage = if plan.all.is_some() { Stage::LockAll } else { Stage::Query };
                self.go_on(plan, None, cx)
            }
            _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "a running portal was executed again")),
        }
    }

    /// # Errors
    /// The statement's own.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome> {
        let understood = Rc::clone(&self.whole.understood);
        let Action::LockRows(plan) = &understood.translation.action else { return Err(cx.shard.unwaited()) };
        if let (Stage::Claim, Event::Waited(done)) = (self.stage, &event) {
            self.claim_answered(plan, done.clone()?, cx)?;
            return self.go_on(plan, None, cx);
        }
        let Some(mut nested) = self.nested.take() else { return Err(cx.shard.unwaited()) };
        let progress = nested.resume(event, &mut cx.spooled(&mut self.spool));
        let progress = progress.and_then(|progress| check_spool(&self.spool, SPOOL, cx).map(|()| progress));
        match progress {
            Ok(NestedProgress::Wait(want)) => {
                self.nested = Some(nested);
                Ok(Outcome::Wait(want))
            }
            Ok(NestedProgress::Done(count)) => self.go_on(plan, Some(count), cx),
            Err(error) => {
                self.nested = Some(nested);
                Err(error)
            }
        }
    }

    /// The result left open on the lease when this is given up.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.nested.as_mut()?.take_result()
    }

    /// Rows sent so far, and whether these were all.
    pub(crate) fn rows_sent(&self) -> (u64, bool) {
        if self.stage == Stage::Done { self.rows.sent() } else { (0, false) }
    }

    /// `count`: of the rows that the statement before has locked, if there was one.
    fn go_on(&mut self, plan: &LockRows, mut count: Option<u64>, cx: &mut Cx<'_>) -> Result<Outcome> {
        loop {
            if let Some(count) = count.take() {
                self.done(plan, count)?;
            }
            if let Some(want) = self.claim(plan, cx) {
                return Ok(Outcome::Wait(want));
            }
            let Some(statement) = self.next(plan)? else {
                self.whole.put_description(cx.out)?;
                return Ok(self.answer(cx));
            };
            let (nested, progress) = Nested::start(statement, self.whole.make, &mut cx.spooled(&mut self.spool))?;
            match progress {
                NestedProgress::Wait(want) => {
                    self.nested = Some(Box::new(nested));
                    return Ok(Outcome::Wait(want));
                }
                NestedProgress::Done(done) => count = Some(done),
            }
        }
    }

    /// The statement that is next; `None`: the answer is there.
    fn next(&mut self, plan: &LockRows) -> Result<Option<OwnStatement>> {
        match (self.stage, &plan.all) {
            (Stage::LockAll, Some(all)) => {
                // What locks rows leaves them as they are.
                let own = self.whole.part(all.clone(), RowForm::Client(Formats::text()));
                Ok(Some(OwnStatement { stores: true, ..own }))
            }
            (Stage::New | Stage::LockAll | Stage::Query, _) => {
                self.spool.clear();
                let keys_count: usize = plan.tables.iter().map(|table| table.keys_count).sum();
                let visible = self.columns_count();
                let form = (0..visible.saturating_add(keys_count))
                    .map(|n| if n < visible { self.whole.formats.of(n) } else { Format::Text });
                let form = RowForm::Client(Formats::new(form.collect::<Vec<_>>().into_iter()));
                let mut own = self.whole.part(plan.query.clone(), form);
                if let (Some((head, tail)), Some(skipped)) = (&plan.without, self.skipped.first())
                    && !skipped.is_empty()
                {
                    own.parameter_types.push(Oid::UNSPECIFIED);
                    own.values.push((Format::Text, Some(array(skipped).into_bytes())));
                    own.sql = format!("{head}${}{tail}", own.parameter_types.len());
                }
                Ok(Some(own))
            }
            (Stage::Lock, _) => {
                let Some((at, keys)) = self.wanted.last() else { return Ok(None) };
                plan.tables.get(*at).map(|table| locking(table, keys)).ok_or_else(lost).map(Some)
            }
            (Stage::Claim | Stage::Done, _) => Ok(None),
        }
    }

    /// What the process is asked for next; `None`: all that the statement needs is claimed.
    fn claim(&mut self, plan: &LockRows, cx: &mut Cx<'_>) -> Option<Want> {
        while self.stage == Stage::Claim {
            let Some((at, key)) = self.unclaimed.last() else {
                self.all_claimed(plan);
                break;
            };
            let (key, mode) = (row_key(plan.tables.get(*at)?, key), mode(plan));
            if !cx.client.advisory.has_in_transaction(key, mode) {
                let request = LockRequest::Lock { key, mode, scope: LockScope::Transaction, waits: false };
                return Some(Want::Wait(WaitRequest::Lock(request)));
            }
            self.claimed.extend(self.unclaimed.pop());
        }
        None
    }

    /// # Errors
    /// 55P03 for a row that somebody else has, where the statement does not wait.
    fn claim_answered(&mut self, plan: &LockRows, is_granted: bool, cx: &mut Cx<'_>) -> Result<()> {
        let Some((at, key)) = self.unclaimed.pop() else { return Err(cx.shard.unwaited()) };
        let table = plan.tables.get(at).ok_or_else(lost)?;
        if is_granted {
            let depth = cx.client.transaction.depth();
            cx.client.advisory.granted(row_key(table, &key), mode(plan), LockScope::Transaction, depth);
            self.claimed.push((at, key));
            return Ok(());
        }
        match plan.waits {
            RowWait::Refuse => {
                let message = format!("could not obtain lock on row in relation \"{}\"", table.name);
                Err(PgError::error(SqlState(*b"55P03"), message))
            }
            RowWait::Skip => {
                if let Some(skipped) = self.skipped.get_mut(at) {
                    skipped.insert(key);
                }
                Ok(())
            }
            RowWait::Wait => Ok(()),
        }
    }

    /// IRIS is next, which others ask who come by other ways.
    fn all_claimed(&mut self, plan: &LockRows) {
        let mut claimed = std::mem::take(&mut self.claimed);
        if plan.waits == RowWait::Wait {
            // For others to see; all of them are locked.
            self.stage = Stage::Done;
            return;
        }
        claimed.reverse();
        self.want(plan, &claimed);
    }

    /// `keys`: of rows that IRIS is to lock, in the order in which they are locked from the end on.
    fn want(&mut self, plan: &LockRows, keys: &[(usize, Key)]) {
        for (n, table) in plan.tables.iter().enumerate().rev() {
            let keys: Vec<Key> = keys.iter().filter(|(at, _)| *at == n).map(|(_, key)| key.clone()).collect();
            let at_once = if table.many.is_some() { BATCH_ROWS } else { 1 };
            self.wanted.extend(keys.rchunks(at_once).map(|keys| (n, keys.to_vec())));
        }
        // Without a row that is new, those that are skipped are left out.
        self.stage = if self.wanted.is_empty() { Stage::Query } else { Stage::Lock };
    }

    /// Of the client's rows.
    fn columns_count(&self) -> usize {
        self.whole.columns_count().unwrap_or_default()
    }

    /// What the end of a statement means.
    fn done(&mut self, plan: &LockRows, count: u64) -> Result<()> {
        match self.stage {
            Stage::LockAll => {
                self.locked_count = count;
                self.stage = Stage::Query;
            }
            Stage::Query => self.queried(plan)?,
            Stage::Lock => self.have_locked(count),
            Stage::New | Stage::Claim | Stage::Done => {}
        }
        Ok(())
    }

    fn have_locked(&mut self, count: u64) {
        let Some((at, mut keys)) = self.wanted.pop() else { return };
        if usize::try_from(count) == Ok(keys.len()) {
            if let Some(locked) = self.locked.get_mut(at) {
                locked.extend(keys);
            }
        } else if keys.len() > 1 {
            // Some are gone, and it is not known which.
            let half = keys.split_off(keys.len() / 2);
            self.wanted.push((at, keys));
            self.wanted.push((at, half));
        }
        if self.wanted.is_empty() {
            self.stage = Stage::Query;
        }
    }

    /// The rows have been read: the answer, if all of them are locked.
    fn queried(&mut self, plan: &LockRows) -> Result<()> {
        let (rows_count, mut unlocked) = self.unlocked(plan)?;
        if plan.all.is_none() && unlocked.len() > ROWS_MAX {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("the query locks more than {ROWS_MAX} rows"),
            )
            .detail("IRIS cannot tell them by one condition: each is locked by its key.")
            .hint("Lock fewer rows at once, or the table by LOCK TABLE."));
        }
        let is_answer = match plan.all {
            Some(_) => rows_count <= self.locked_count,
            None => unlocked.is_empty(),
        };
        if is_answer {
            self.hold(plan)?;
            self.stage = Stage::Done;
            if plan.waits == RowWait::Wait {
                // For others to see: nobody is waited for. More than that the process does not remember: whoever skips
                // locked rows waits for them.
                let locked = self.locked.iter().enumerate();
                unlocked.extend(locked.flat_map(|(n, keys)| keys.iter().map(move |key| (n, key.clone()))));
                if unlocked.len() <= CLAIMS_MAX {
                    self.unclaimed = unlocked;
                    self.stage = Stage::Claim;
                }
            }
            return Ok(());
        }
        self.attempts_count = self.attempts_count.saturating_add(1);
        if self.attempts_count >= ATTEMPTS_MAX {
            return Err(overtaken());
        }
        // In the order of the query.
        unlocked.reverse();
        match (plan.waits, &plan.all) {
            (RowWait::Wait, Some(_)) => self.stage = Stage::LockAll,
            (RowWait::Wait, None) => self.want(plan, &unlocked),
            (RowWait::Refuse | RowWait::Skip, _) => {
                self.unclaimed = unlocked;
                self.stage = Stage::Claim;
            }
        }
        Ok(())
    }

    /// The rows, and the keys of those that are neither locked nor skipped.
    fn unlocked(&self, plan: &LockRows) -> Result<(u64, Vec<(usize, Key)>)> {
        // One more tells that there are too many.
        let wanted_max = if plan.all.is_some() { CLAIMS_MAX } else { ROWS_MAX };
        let mut rows_count: u64 = 0;
        let mut unlocked = Vec::new();
        let mut seen: HashSet<(usize, Key)> = HashSet::new();
        for (message, _) in Messages::new(self.spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            rows_count = rows_count.saturating_add(1);
            if unlocked.len() > wanted_max {
                continue;
            }
            let row: Row = cells(message.body).ok_or_else(lost)?;
            for (n, key) in self.keys(plan, &row) {
                let is_known = [&self.locked, &self.skipped]
                    .iter()
                    .any(|known| known.get(n).is_some_and(|known| known.contains(&key)));
                if !is_known && seen.insert((n, key.clone())) {
                    unlocked.push((n, key));
                }
            }
        }
        Ok((rows_count, unlocked))
    }

    /// The keys in a row; without one there is no row of the table.
    fn keys(&self, plan: &LockRows, row: &Row) -> Vec<(usize, Key)> {
        let mut at = self.columns_count();
        let mut keys = Vec::new();
        for (n, table) in plan.tables.iter().enumerate() {
            let end = at.saturating_add(table.keys_count);
            let key: Option<Key> = row.get(at..end).and_then(|key| key.iter().cloned().collect());
            keys.extend(key.map(|key| (n, key)));
            at = end;
        }
        keys
    }

    /// The client's columns of the rows.
    fn hold(&mut self, plan: &LockRows) -> Result<()> {
        let visible = self.columns_count();
        let spool = std::mem::take(&mut self.spool);
        for (message, _) in Messages::new(spool.as_slice()).filter(|(message, _)| message.tag == b'D') {
            let row = cells(message.body).ok_or_else(lost)?;
            let mut keys = self.keys(plan, &row).into_iter();
            if keys.any(|(n, key)| self.skipped.get(n).is_some_and(|skipped| skipped.contains(&key))) {
                continue;
            }
            let mut writer = self.rows.spool.begin_data_row();
            for cell in row.iter().take(visible) {
                match cell {
                    Some(cell) => writer.value(cell)?,
                    None => writer.null(),
                }
            }
            writer.finish()?;
        }
        Ok(())
    }

    fn answer(&mut self, cx: &mut Cx<'_>) -> Outcome {
        self.whole.answer(&mut self.rows, 0, cx.out)
    }
}

/// The statement that locks rows of a table.
fn locking(table: &LockedTable, keys: &[Key]) -> OwnStatement {
    let text = |value: Vec<u8>| (Format::Text, Some(value));
    let (sql, values) = match (keys, &table.many) {
        ([_, _, ..], Some(many)) => (many, vec![text(array(keys).into_bytes())]),
        (keys, _) => (&table.one, keys.iter().flatten().cloned().map(text).collect::<Vec<_>>()),
    };
    let types = vec![Oid::UNSPECIFIED; values.len()];
    OwnStatement { stores: true, ..OwnStatement::new(sql.clone(), types, values, RowForm::Client(Formats::text())) }
}

/// Keys of one column as PostgreSQL writes an array.
fn array<'a>(keys: impl IntoIterator<Item = &'a Key>) -> String {
    let mut text = String::from("{");
    for (n, value) in keys.into_iter().flatten().enumerate() {
        let value = String::from_utf8_lossy(value).replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(text, "{}\"{value}\"", if n > 0 { "," } else { "" });
    }
    text.push('}');
    text
}

/// What the process knows a row by.
fn row_key(table: &LockedTable, key: &Key) -> LockKey {
    let mut hasher = DefaultHasher::new();
    (&table.schema, &table.name, key).hash(&mut hasher);
    LockKey::Row(hasher.finish())
}

fn mode(plan: &LockRows) -> LockMode {
    if plan.is_shared { LockMode::Shared } else { LockMode::Exclusive }
}

fn lost() -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, "a row to be locked has other columns than expected")
}
