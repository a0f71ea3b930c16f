//! Statements on a cursor being carried out: FETCH and MOVE, Execute of a portal that is a cursor, the opening of a
//! cursor, and COMMIT with cursors WITH HOLD.

use std::collections::VecDeque;

use crate::sql::FetchDirection;
use crate::wire::{Messages, PgError, SendBuf, SqlState};

use super::{Arrival, Conversion, Cursor, Room, SharedCursor};
use crate::session::contract::step::{Event, Want};
use crate::session::run::control::Control;
use crate::session::run::outcome::{CommandTag, Outcome};
use crate::session::understand::context::Cx;
use crate::session::understand::rows::{Field, Formats, put_row_description};

/// A count without end.
const ALL: u64 = u64::MAX;

/// One movement of a cursor, as PostgreSQL's executor makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// The query starts; no row is read yet.
    Open,
    /// Everything not yet read is kept.
    Materialize,
    Rewind,
    Scan {
        forward: bool,
        count: u64,
        /// The rows go to the client.
        visible: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Declare,
    Fetch,
    Move,
    /// Execute of the portal itself.
    Portal,
    /// On the way to COMMIT.
    Hold,
}

/// A statement on one cursor.
#[derive(Debug)]
pub(crate) struct CursorRun {
    cursor: SharedCursor,
    kind: Kind,
    /// What is left to do.
    moves: VecDeque<Move>,
    /// Rows of the movement under way.
    scanned: u64,
    /// Rows of the last movement: what MOVE and Execute of the portal report.
    count: u64,
    /// Rows sent in this Execute: what FETCH reports.
    sent_count: u64,
    conversion: Option<Conversion>,
    /// RowDescription goes in front (simple protocol).
    describe: Option<Vec<Field>>,
    room: Room,
    /// Rows that may still go out in this Execute.
    rows_left: u64,
    /// The row limit of this Execute was reached.
    is_paused: bool,
}

impl CursorRun {
    fn new(cursor: SharedCursor, kind: Kind, moves: impl Into<VecDeque<Move>>, room: Room) -> Self {
        Self {
            cursor,
            kind,
            moves: moves.into(),
            scanned: 0,
            count: 0,
            sent_count: 0,
            conversion: None,
            describe: None,
            room,
            rows_left: ALL,
            is_paused: false,
        }
    }

    /// Whether the oracle must be told what the session has open.
    pub(crate) fn reads_session(&self) -> bool {
        self.cursor.try_borrow().is_ok_and(|cursor| cursor.source.reads_session())
    }

    /// DECLARE. `materialize`: outside of a block a cursor WITH HOLD is read at once.
    pub(crate) fn declare(cursor: SharedCursor, materialize: bool, room: Room) -> Self {
        let moves: &[Move] = if materialize { &[Move::Open, Move::Materialize] } else { &[Move::Open] };
        Self::new(cursor, Kind::Declare, moves.iter().copied().collect::<VecDeque<_>>(), room)
    }

    /// FETCH, MOVE. `formats`: what the client wants, `None` = the cursor's own; `describe`: RowDescription goes in
    /// front.
    ///
    /// # Errors
    /// 55000 when the cursor is in use or has failed; 0A000, 08P01 for formats that do not fit.
    pub(crate) fn fetch(
        shared: SharedCursor,
        direction: FetchDirection,
        is_move: bool,
        formats: Option<&Formats>,
        describe: bool,
        room: Room,
    ) -> Result<Self, Box<PgError>> {
        let (moves, count, conversion, described) = {
            let cursor = shared.try_borrow().map_err(|_| cannot_be_run())?;
            if cursor.has_failed() {
                return Err(cannot_be_run());
            }
            let (moves, count) = moves(direction, is_move, &cursor);
            let conversion = match formats {
                Some(formats) if !is_move => Conversion::new(&cursor.fields, formats)?,
                _ => None,
            };
            (moves, count, conversion, (describe && !is_move).then(|| cursor.fields.clone()))
        };
        let mut run = Self::new(shared, if is_move { Kind::Move } else { Kind::Fetch }, moves, room);
        run.count = count;
        run.conversion = conversion;
        run.describe = described;
        Ok(run)
    }

    /// Execute of a portal that is a cursor.
    pub(crate) fn portal(cursor: SharedCursor, room: Room) -> Self {
        Self::new(cursor, Kind::Portal, VecDeque::new(), room)
    }

    /// The cursor, when this is the execution of its own portal.
    pub(crate) fn own_cursor(&self) -> Option<SharedCursor> {
        (self.kind == Kind::Portal).then(|| SharedCursor::clone(&self.cursor))
    }

    /// `rows_max`: rows of this Execute at most; 0 = all.
    ///
    /// # Errors
    /// The query's own; 55000 when the cursor cannot go where it should; 54000 when too many rows have to be kept.
    pub(crate) fn start(&mut self, rows_max: u64, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        let limit = if rows_max == 0 { ALL } else { rows_max };
        self.is_paused = false;
        self.sent_count = 0;
        if self.kind == Kind::Portal {
            self.moves = VecDeque::from([Move::Scan { forward: true, count: limit, visible: true }]);
            self.scanned = 0;
        } else {
            self.rows_left = limit;
        }
        self.with_cursor(|run, cursor| run.advance(cursor, cx))
    }

    /// Hands an event to the query's operation, which writes into the spool, and goes on from what it says.
    ///
    /// # Errors
    /// As `start`.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        self.with_cursor(|run, cursor| {
            let outcome = cursor.source.resume(event, &mut cx.spooled(&mut cursor.spool));
            match run.on_source(cursor, outcome, cx)? {
                Some(outcome) => Ok(outcome),
                None => run.advance(cursor, cx),
            }
        })
    }

    fn with_cursor(
        &mut self,
        body: impl FnOnce(&mut Self, &mut Cursor) -> Result<Outcome, Box<PgError>>,
    ) -> Result<Outcome, Box<PgError>> {
        let shared = SharedCursor::clone(&self.cursor);
        let mut cursor = shared.try_borrow_mut().map_err(|_| cannot_be_run())?;
        if cursor.has_failed() {
            return Err(cannot_be_run());
        }
        let result = body(self, &mut cursor);
        if result.is_err() {
            cursor.fail();
        }
        result
    }

    fn advance(&mut self, cursor: &mut Cursor, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        loop {
            let Some(current) = self.moves.front().copied() else { return Ok(self.finish(cursor, cx.out)) };
            let asked = match current {
                Move::Open => {
                    self.next_move();
                    cursor.source.open(&mut cx.spooled(&mut cursor.spool))
                }
                Move::Materialize if cursor.has_ended() => {
                    cursor.set_materialized();
                    self.next_move();
                    continue;
                }
                Move::Materialize => cursor.source.start(0, &mut cx.spooled(&mut cursor.spool)),
                Move::Rewind => {
                    cursor.rewind()?;
                    self.next_move();
                    continue;
                }
                Move::Scan { forward: false, count, visible } => {
                    if self.scan_backward(cursor, count, visible, cx.out)? {
                        self.is_paused = true;
                        return Ok(Outcome::Suspended);
                    }
                    continue;
                }
                Move::Scan { forward: true, count, visible } => {
                    match self.scan_kept(cursor, count, visible, cx.out)? {
                        Kept::Finished => continue,
                        Kept::Paused => {
                            self.is_paused = true;
                            return Ok(Outcome::Suspended);
                        }
                        Kept::Exhausted => {}
                    }
                    let left = count.saturating_sub(self.scanned);
                    let left = if visible { left.min(self.rows_left) } else { left };
                    // 0 = all.
                    let rows_max = if left == ALL { 0 } else { left };
                    cursor.source.start(rows_max, &mut cx.spooled(&mut cursor.spool))
                }
            };
            if let Some(outcome) = self.on_source(cursor, asked, cx)? {
                return Ok(outcome);
            }
        }
    }

    /// `None`: the source waits for nothing.
    fn on_source(
        &mut self,
        cursor: &mut Cursor,
        outcome: Result<Outcome, Box<PgError>>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Outcome>, Box<PgError>> {
        self.absorb(cursor, cx.out)?;
        let mut outcome = outcome?;
        if matches!(outcome, Outcome::Wait(Want::Flush)) && cx.out.is_empty() {
            outcome = cursor.source.resume(Event::Flushed, &mut cx.spooled(&mut cursor.spool))?;
        }
        Ok(match outcome {
            Outcome::Complete(_) | Outcome::Empty => {
                cursor.set_source_ended();
                None
            }
            Outcome::Suspended => None,
            waiting @ Outcome::Wait(_) => Some(waiting),
        })
    }

    /// Takes what the source has written.
    fn absorb(&mut self, cursor: &mut Cursor, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        if cursor.spool.is_empty() {
            return Ok(());
        }
        let mut spool = std::mem::take(&mut cursor.spool);
        for (frame, message) in Messages::new(spool.as_slice()) {
            if frame.tag == b'D' {
                self.on_row(cursor, message, out)?;
            } else {
                out.put_messages(message);
            }
        }
        spool.clear();
        cursor.spool = spool;
        Ok(())
    }

    fn on_row(&mut self, cursor: &mut Cursor, message: &[u8], out: &mut SendBuf) -> Result<(), Box<PgError>> {
        match self.moves.front() {
            Some(Move::Scan { forward: true, count, visible })
                if self.scanned < *count && !(*visible && self.rows_left == 0) =>
            {
                let visible = *visible;
                cursor.arrived(message, Arrival::Passed, self.room)?;
                self.passed(message, visible, out)
            }
            _ => cursor.arrived(message, Arrival::Ahead, self.room),
        }
    }

    /// The cursor has moved onto a row.
    fn passed(&mut self, message: &[u8], visible: bool, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        self.scanned = self.scanned.saturating_add(1);
        if !visible {
            return Ok(());
        }
        self.put_description(out);
        self.sent_count = self.sent_count.saturating_add(1);
        if self.rows_left != ALL {
            self.rows_left = self.rows_left.saturating_sub(1);
        }
        match &self.conversion {
            Some(conversion) => conversion.put_row(message, out),
            None => {
                out.put_messages(message);
                Ok(())
            }
        }
    }

    /// Goes over the rows that have come already.
    fn scan_kept(
        &mut self,
        cursor: &mut Cursor,
        count: u64,
        visible: bool,
        out: &mut SendBuf,
    ) -> Result<Kept, Box<PgError>> {
        while self.scanned < count && !cursor.at_end() {
            if visible && self.rows_left == 0 {
                return Ok(Kept::Paused);
            }
            if cursor.step_forward()? {
                self.passed(cursor.present_row(), visible, out)?;
            } else if cursor.has_ended() {
                cursor.set_at_end();
            } else {
                return Ok(Kept::Exhausted);
            }
        }
        self.finish_scan();
        Ok(Kept::Finished)
    }

    /// True: the row limit of this Execute is reached.
    fn scan_backward(
        &mut self,
        cursor: &mut Cursor,
        count: u64,
        visible: bool,
        out: &mut SendBuf,
    ) -> Result<bool, Box<PgError>> {
        cursor.check_backward()?;
        while self.scanned < count && !(cursor.at_start() && cursor.row() == 0) {
            if visible && self.rows_left == 0 {
                return Ok(true);
            }
            if !cursor.step_backward()? {
                break;
            }
            self.passed(cursor.present_row(), visible, out)?;
        }
        self.finish_scan();
        Ok(false)
    }

    /// Not before it is sure that there is no error instead of rows.
    fn put_description(&mut self, out: &mut SendBuf) {
        if let Some(fields) = self.describe.take() {
            put_row_description(&fields, out);
        }
    }

    fn finish_scan(&mut self) {
        self.count = self.scanned;
        self.next_move();
    }

    fn next_move(&mut self) {
        self.moves.pop_front();
        self.scanned = 0;
    }

    fn finish(&mut self, cursor: &Cursor, out: &mut SendBuf) -> Outcome {
        self.put_description(out);
        match self.kind {
            Kind::Declare => Outcome::Complete("DECLARE CURSOR".into()),
            // As PostgreSQL: a portal that has given as many rows as asked for does not know that they were the last.
            Kind::Fetch if self.rows_left == 0 && !self.is_paused => {
                self.is_paused = true;
                Outcome::Suspended
            }
            Kind::Fetch => Outcome::Complete(CommandTag::counted("FETCH", self.sent_count)),
            Kind::Move => Outcome::Complete(CommandTag::counted("MOVE", self.count)),
            Kind::Portal if cursor.at_end() => Outcome::Complete(CommandTag::counted("SELECT", self.count)),
            Kind::Portal => Outcome::Suspended,
            Kind::Hold => Outcome::Complete("".into()),
        }
    }
}

/// How far the rows that have come already reach.
enum Kept {
    Finished,
    /// The row limit of this Execute is reached.
    Paused,
    /// The source must give more.
    Exhausted,
}

/// What FETCH or MOVE does to a cursor where it stands, and the count if no scan sets one.
fn moves(direction: FetchDirection, is_move: bool, cursor: &Cursor) -> (Vec<Move>, u64) {
    let visible = !is_move;
    let silent = |forward: bool, count: u64| Move::Scan { forward, count, visible: false };
    let last = |forward: bool, count: u64| Move::Scan { forward, count, visible };
    // Over all rows but the last one wanted, which alone is delivered.
    let single = |forward: bool, count: u64| match count.saturating_sub(1) {
        0 => vec![last(forward, 1)],
        before => vec![silent(forward, before), last(forward, 1)],
    };
    let magnitude =
        |count: i64| if count.unsigned_abs() == i64::MAX.unsigned_abs() { ALL } else { count.unsigned_abs() };
    match direction {
        FetchDirection::Absolute(0) => (vec![Move::Rewind, last(true, 0)], 0),
        FetchDirection::Absolute(count) if count > 0 => {
            let goal = magnitude(count);
            let before = goal.saturating_sub(1);
            if before <= cursor.row() / 2 {
                let mut moves = vec![Move::Rewind];
                moves.extend(single(true, goal));
                return (moves, 0);
            }
            // From where it stands, always onto the goal going forward.
            let standing = if cursor.at_end() { cursor.row().saturating_add(1) } else { cursor.row() };
            let approach = if goal <= standing {
                Some(silent(false, standing.saturating_sub(goal).saturating_add(1)))
            } else {
                Some(before.saturating_sub(standing)).filter(|ahead| *ahead > 0).map(|ahead| silent(true, ahead))
            };
            (approach.into_iter().chain([last(true, 1)]).collect(), 0)
        }
        FetchDirection::Absolute(count) => {
            let mut moves = vec![silent(true, ALL)];
            moves.extend(single(false, magnitude(count)));
            (moves, 0)
        }
        FetchDirection::SingleRelative(count) if count != 0 => (single(count > 0, magnitude(count)), 0),
        FetchDirection::SingleRelative(_) | FetchDirection::Relative(0) => match (cursor.is_on_row(), is_move) {
            (on_row, true) => (Vec::new(), u64::from(on_row)),
            (true, false) => (vec![silent(false, 1), last(true, 1)], 0),
            (false, false) => (vec![last(true, 0)], 0),
        },
        FetchDirection::Relative(count) if count < 0 && magnitude(count) == ALL && is_move => {
            let passed = if cursor.at_end() { cursor.row() } else { cursor.row().saturating_sub(1) };
            (vec![Move::Rewind], passed)
        }
        FetchDirection::Relative(count) => (vec![last(count > 0, magnitude(count))], 0),
    }
}

fn cannot_be_run() -> Box<PgError> {
    PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "the cursor cannot be run")
        .detail("It is in use, or a statement on it has failed.")
}

/// COMMIT while cursors WITH HOLD still have rows in IRIS: these are read first.
#[derive(Debug)]
pub(crate) struct CommitHeld {
    cursors: Vec<CursorRun>,
    control: Control,
    /// Why the transaction was rolled back instead.
    failed: Option<Box<PgError>>,
}

impl CommitHeld {
    pub(crate) fn new(cursors: Vec<SharedCursor>, room: Room, control: Control) -> Self {
        let runs = cursors.into_iter().map(|cursor| CursorRun::new(cursor, Kind::Hold, [Move::Materialize], room));
        Self { cursors: runs.collect(), control, failed: None }
    }

    /// # Errors
    /// IRIS's refusal of the COMMIT, or what was wrong with a cursor; the transaction has then been rolled back.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match self.cursors.last_mut() {
            Some(run) => {
                let outcome = run.start(0, cx);
                self.on_outcome(outcome, cx)
            }
            None => self.control.start(cx),
        }
    }

    /// # Errors
    /// As `start`.
    pub(crate) fn resume(&mut self, event: Event<'_>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        if let Some(run) = self.cursors.last_mut() {
            let outcome = run.resume(event, cx);
            return self.on_outcome(outcome, cx);
        }
        match (self.control.resume(event, cx), self.failed.take()) {
            (Ok(Outcome::Complete(_)) | Err(_), Some(failed)) => Err(failed),
            (outcome, failed) => {
                self.failed = failed;
                outcome
            }
        }
    }

    fn on_outcome(&mut self, outcome: Result<Outcome, Box<PgError>>, cx: &mut Cx<'_>) -> Result<Outcome, Box<PgError>> {
        match outcome {
            Ok(Outcome::Complete(_)) => {
                let done = self.cursors.pop();
                let kept = done.map_or(0, |run| run.cursor.try_borrow().map_or(0, |cursor| cursor.kept_bytes()));
                for run in &mut self.cursors {
                    run.room.all = run.room.all.saturating_sub(kept);
                }
                self.start(cx)
            }
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                // As PostgreSQL: a COMMIT that fails has rolled back.
                self.cursors.clear();
                self.control.roll_back_instead();
                match self.control.start(cx)? {
                    waiting @ Outcome::Wait(_) => {
                        self.failed = Some(error);
                        Ok(waiting)
                    }
                    _ => Err(error),
                }
            }
        }
    }
}
