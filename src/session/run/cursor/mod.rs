//! A cursor: the rows of a query, and a place among them (SQL commands DECLARE, FETCH, MOVE; protocol-flow chapter,
//! "Extended Query", portals).
//!
//! Rows come from the query's operation, which only goes forward. What has come may be kept as DataRow messages: all
//! of it for a cursor that is declared SCROLL, the most recent part for one that leaves it open, nothing for one that
//! only goes forward.

pub(crate) mod kept_rows;
pub(crate) mod run;

use std::cell::RefCell;
use std::rc::Rc;

use crate::iris::Request;
use crate::types::{Encoder, IsNull, Oid, decode};
use crate::wire::{Format, Limits, Messages, PgError, Reader, SendBuf, SqlState};

use self::kept_rows::KeptRows;
use crate::session::run::Operation;
use crate::session::understand::rows::{Field, Formats};

/// The portal table and the statement that reads the cursor share it.
pub(crate) type SharedCursor = Rc<RefCell<Cursor>>;

/// Whether a cursor goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scroll {
    /// NO SCROLL, and portals of the extended protocol.
    No,
    /// Not said. PostgreSQL allows what the plan allows; here, as far back as the rows kept reach.
    Recent,
    /// SCROLL.
    Yes,
}

/// Bounds on the rows a cursor may keep, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// For a cursor with SCROLL or WITH HOLD: what the client's other cursors leave of its share.
    pub all: usize,
    /// For a cursor that says nothing of SCROLL.
    pub recent: usize,
}

impl Room {
    /// `others`: bytes the client's other cursors keep.
    pub(crate) fn new(limits: &Limits, others: usize) -> Self {
        let all = limits.cursors_bytes_max.saturating_sub(others);
        Self { all, recent: limits.cursor_history_bytes_max.min(all) }
    }
}

/// What a row that has just come is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The cursor moves onto it.
    Passed,
    /// It waits for a later FETCH.
    Ahead,
}

#[derive(Debug)]
pub(crate) struct Cursor {
    pub source: Operation,
    /// What the source writes: messages for the client, rows among them.
    pub spool: SendBuf,
    /// Columns, in the format the source writes.
    pub fields: Vec<Field>,
    scroll: Scroll,
    hold: bool,
    /// WITH HOLD: no row is left to be read.
    is_materialized: bool,
    has_failed: bool,
    kept: KeptRows,
    /// Rows that have come from the source.
    read_count: u64,
    source_ended: bool,
    /// The last row passed; 0 in front of the first.
    row: u64,
    at_start: bool,
    at_end: bool,
}

impl Cursor {
    pub(crate) fn new(source: Operation, fields: Vec<Field>, kept: KeptRows, scroll: Scroll, hold: bool) -> Self {
        Self {
            source,
            spool: SendBuf::new(),
            fields,
            scroll,
            hold,
            is_materialized: false,
            has_failed: false,
            kept,
            read_count: 0,
            source_ended: false,
            row: 0,
            at_start: true,
            at_end: false,
        }
    }

    /// A portal of the extended protocol that SQL refers to. It may have been executed already.
    pub(crate) fn of_portal(source: Operation, fields: Vec<Field>, kept: KeptRows) -> Self {
        let (row, ended) = source.rows_sent();
        let mut cursor = Self::new(source, fields, kept, Scroll::No, false);
        cursor.row = row;
        cursor.read_count = row;
        cursor.at_start = row == 0;
        cursor.at_end = ended;
        cursor.source_ended = ended;
        cursor
    }

    /// The result left open on the lease when the cursor is dropped. It counts as closed.
    pub(crate) fn take_result(&mut self) -> Option<Request> {
        self.source.take_result()
    }

    /// Whether it goes back, and whether it outlives its transaction.
    pub(crate) fn options(&self) -> (Scroll, bool) {
        (self.scroll, self.hold)
    }

    /// Memory its rows take.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept.bytes()
    }

    /// A statement on it failed, or its result was lost: it cannot be used any more.
    pub(crate) fn fail(&mut self) {
        self.has_failed = true;
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// WITH HOLD, and rows may still have to come from IRIS: what COMMIT must see to.
    pub(crate) fn needs_materializing(&self) -> bool {
        self.hold && !self.is_materialized && !self.has_failed
    }

    pub(crate) fn set_materialized(&mut self) {
        self.is_materialized = true;
    }

    /// WITH HOLD, and it needs nothing of its transaction any more: it outlives it when that commits.
    pub(crate) fn is_held(&self) -> bool {
        self.is_materialized && !self.has_failed
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.source_ended
    }

    pub(crate) fn set_source_ended(&mut self) {
        self.source_ended = true;
    }

    // Position. The rules are those of PostgreSQL's portals: `at_end` is behind the last row.

    pub(crate) fn row(&self) -> u64 {
        self.row
    }

    pub(crate) fn at_start(&self) -> bool {
        self.at_start
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    pub(crate) fn is_on_row(&self) -> bool {
        !self.at_start && !self.at_end
    }

    pub(crate) fn set_at_end(&mut self) {
        self.at_end = true;
    }

    /// To the place in front of the first row.
    ///
    /// # Errors
    /// 55000 when the cursor cannot go back, 54000 when the first rows are no longer kept.
    pub(crate) fn rewind(&mut self) -> Result<(), Box<PgError>> {
        if self.at_start && !self.at_end {
            return Ok(());
        }
        self.check_backward()?;
        if self.read_count > 0 && self.kept.first() != Some(1) {
            return Err(self.no_longer_kept());
        }
        self.at_start = true;
        self.at_end = false;
        self.row = 0;
        Ok(())
    }

    /// # Errors
    /// 55000 when the cursor cannot go back.
    pub(crate) fn check_backward(&self) -> Result<(), Box<PgError>> {
        if self.scroll == Scroll::No { Err(forward_only()) } else { Ok(()) }
    }

    /// Onto the next row. False: it has not come yet.
    ///
    /// # Errors
    /// 55000, 54000 when it has come and gone.
    pub(crate) fn step_forward(&mut self) -> Result<bool, Box<PgError>> {
        let next = self.row.saturating_add(1);
        if next > self.read_count {
            return Ok(false);
        }
        if self.scroll == Scroll::No {
            self.kept.drop_before(next);
        }
        if self.kept.get(next).is_none() {
            return Err(self.no_longer_kept());
        }
        self.row = next;
        self.at_start = false;
        Ok(true)
    }

    /// Onto the row before. False: that is the place in front of the first.
    ///
    /// # Errors
    /// 55000, 54000 when the row is no longer kept.
    pub(crate) fn step_backward(&mut self) -> Result<bool, Box<PgError>> {
        let before = if self.at_end { self.row } else { self.row.saturating_sub(1) };
        if before == 0 {
            // An empty result is left at its end: there is nothing to be in front of.
            self.at_end &= self.row == 0;
            self.at_start = true;
            self.row = 0;
            return Ok(false);
        }
        if self.kept.get(before).is_none() {
            return Err(self.no_longer_kept());
        }
        self.at_end = false;
        self.row = before;
        Ok(true)
    }

    /// The DataRow a step has come to.
    pub(crate) fn present_row(&self) -> &[u8] {
        self.kept.get(self.row).unwrap_or_default()
    }

    /// The source has given the next row.
    ///
    /// # Errors
    /// 54000 when it has to be kept and there is no room.
    pub(crate) fn arrived(&mut self, message: &[u8], arrival: Arrival, room: Room) -> Result<(), Box<PgError>> {
        self.read_count = self.read_count.saturating_add(1);
        let needed_later = arrival == Arrival::Ahead;
        if arrival == Arrival::Passed {
            self.row = self.read_count;
            self.at_start = false;
        }
        if self.scroll != Scroll::No || needed_later {
            self.kept.push(self.read_count, message);
        }
        if needed_later {
            if self.kept.bytes() > room.all {
                return Err(PgError::error(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    format!("the rows of the cursor exceed the {} bytes that a client's cursors may keep", room.all),
                )
                .hint("Fetch the rows before COMMIT, or select fewer of them."));
            }
        } else {
            self.kept.shrink_to(if self.scroll == Scroll::Yes { room.all } else { room.recent });
        }
        Ok(())
    }

    fn no_longer_kept(&self) -> Box<PgError> {
        match self.scroll {
            Scroll::Yes => PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "the cursor cannot go back that far: the gateway no longer keeps those rows",
            )
            .hint("Declare a cursor over fewer rows."),
            Scroll::No | Scroll::Recent => forward_only(),
        }
    }
}

fn forward_only() -> Box<PgError> {
    PgError::error(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
        .hint("Declare it with SCROLL option to enable backward scan.")
}

/// From the format a cursor's rows are in to the one a FETCH asks for.
#[derive(Debug)]
pub(crate) struct Conversion {
    /// Per column; `None`: stays as it is.
    columns: Vec<Option<(Oid, Format, Encoder)>>,
}

impl Conversion {
    /// `None` when the formats are the same.
    ///
    /// # Errors
    /// 0A000: a type has no such form; 08P01: wrong number of formats.
    pub(crate) fn new(fields: &[Field], wanted: &Formats) -> Result<Option<Self>, Box<PgError>> {
        wanted.check(fields.len())?;
        let columns = fields.iter().enumerate().map(|(index, field)| {
            let format = wanted.of(index);
            if format == field.format {
                return Ok(None);
            }
            Ok(Some((field.pg_type.oid, field.format, Encoder::select(field.pg_type, format)?)))
        });
        let columns = columns.collect::<Result<Vec<_>, Box<PgError>>>()?;
        Ok(columns.iter().any(Option::is_some).then_some(Self { columns }))
    }

    /// Writes the DataRow `message` in the wanted format.
    ///
    /// # Errors
    /// 22xxx when a value has no such form.
    pub(crate) fn put_row(&self, message: &[u8], out: &mut SendBuf) -> Result<(), Box<PgError>> {
        let (frame, _) = Messages::new(message).next().ok_or_else(malformed)?;
        let mut cells = Reader::new(frame.body);
        cells.u16("columns").map_err(|_| malformed())?;
        let mut row = out.begin_data_row();
        for column in &self.columns {
            let Some(cell) = cells.nullable("cell").map_err(|_| malformed())? else {
                row.null();
                continue;
            };
            match column {
                None => row.value(cell)?,
                Some((oid, format, encoder)) => {
                    let datum = decode(*oid, *format, cell)?;
                    row.cell(|bytes| encoder.encode(&datum, bytes).map(|_: IsNull| ()))?;
                }
            }
        }
        row.finish()?;
        Ok(())
    }
}

fn malformed() -> Box<PgError> {
    PgError::error(SqlState::INTERNAL_ERROR, "a kept row is malformed")
}
