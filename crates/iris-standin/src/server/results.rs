//! Rows on their way to the client: pages, and what becomes of a result that is not read at once (facts, section 7).
//!
//! The engine pushes rows; a full page is sent with status 0 and the thread waits for the client right there. FD goes on
//! with the next page. Requests for streams are answered in between. Anything that makes the result useless drops it;
//! anything else first takes the rest of the rows into memory, up to a bound, and is handled then.

use std::{
    collections::{HashMap, VecDeque},
    ops::ControlFlow,
};

use super::{
    Backend, Engine,
    scroll::Scroll,
    session::{Fault, Session, answer_stream},
    streams::{Streams, put_handle},
    transport::{Body, Head, Link, LinkError, Message},
    values::Cell,
};
use crate::engine::{SqlError, Value};
use iris_protocol::{ColumnDescription, Opcode, STATUS_END, STATUS_OK, list::put_null};

/// What is left of a result, in memory.
#[derive(Default)]
struct Kept {
    pages: VecDeque<Body>,
    /// After the pages: why there are no more.
    failure: Option<SqlError>,
}

impl Kept {
    fn bytes_count(&self) -> usize {
        self.pages.iter().map(Body::bytes_count).sum()
    }
}

/// Open results of a connection, by statement id.
#[derive(Default)]
pub(super) struct Results {
    kept: HashMap<u32, Kept>,
    scrolls: HashMap<u32, Scroll>,
    /// FD under id 0 means this one.
    latest: u32,
}

impl Results {
    pub(super) fn close(&mut self, statement_id: u32) {
        self.kept.remove(&statement_id);
        self.scrolls.remove(&statement_id);
    }

    pub(super) fn scroll(&self, statement_id: u32) -> Option<&Scroll> {
        self.scrolls.get(&statement_id)
    }

    pub(super) fn put_scroll(&mut self, statement_id: u32, scroll: Scroll) {
        self.scrolls.insert(statement_id, scroll);
    }

    /// Bytes all open results hold.
    pub(super) fn bytes_count(&self) -> usize {
        let kept: usize = self.kept.values().map(Kept::bytes_count).sum();
        let scrolls: usize = self.scrolls.values().map(Scroll::bytes_count).sum();
        kept.saturating_add(scrolls)
    }
}

/// The cells of a result's rows.
pub(super) struct RowEncoder {
    cells: Vec<Cell>,
}

impl RowEncoder {
    pub(super) fn new(columns: &[ColumnDescription]) -> Self {
        Self { cells: columns.iter().map(Cell::of).collect() }
    }

    /// Appends a row: one item per column, whatever the engine gave.
    ///
    /// # Errors
    /// The connection holds too many streams already.
    pub(super) fn put(&self, out: &mut Vec<u8>, row: &[Value], streams: &mut Streams) -> Result<(), SqlError> {
        let values = row.iter().map(Some).chain(std::iter::repeat(None));
        for (cell, value) in self.cells.iter().zip(values) {
            match (cell, value) {
                (_, None | Some(Value::Null)) => put_null(out),
                (Cell::TextStream, Some(value)) => put_handle(out, &streams.put_cell(value, false)?),
                (Cell::BinaryStream, Some(value)) => put_handle(out, &streams.put_cell(value, true)?),
                (cell, Some(value)) => cell.put(out, value),
            }
        }
        Ok(())
    }
}

/// A result while the engine pushes its rows.
struct Delivery<'s> {
    link: &'s mut Link,
    streams: &'s mut Streams,
    encoder: RowEncoder,
    /// The request that waits for the next page.
    head: Head,
    page: Body,
    page_bytes: usize,
    /// None: pages go to the client as they fill.
    kept: Option<Kept>,
    kept_bytes: usize,
    kept_bytes_max: usize,
    /// What arrived instead of FD.
    pending: Option<Message>,
    /// Nobody wants the rest.
    dropped: bool,
    fault: Option<Fault>,
}

impl Delivery<'_> {
    fn row(&mut self, row: &[Value]) -> ControlFlow<()> {
        match self.push(row) {
            Ok(flow) => flow,
            Err(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }

    fn push(&mut self, row: &[Value]) -> Result<ControlFlow<()>, Fault> {
        // Only when there is a further row: the last page then always says that it is.
        if self.page.bytes_count() >= self.page_bytes {
            self.page_full()?;
            if self.dropped {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.encoder.put(self.page.out(), row, self.streams)?;
        Ok(ControlFlow::Continue(()))
    }

    fn page_full(&mut self) -> Result<(), Fault> {
        if self.kept.is_none() {
            self.link.send(self.head, STATUS_OK, &mut self.page)?;
            self.page.clear();
            return Ok(self.wait()?);
        }
        let page = std::mem::replace(&mut self.page, Body::new());
        self.kept_bytes = self.kept_bytes.saturating_add(page.bytes_count());
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if self.kept_bytes > self.kept_bytes_max {
            let text = format!(
                "The rest of this result was dropped: a connection keeps at most {} bytes of unread rows while it runs \
                 other statements",
                self.kept_bytes_max
            );
            kept.failure = Some(SqlError::execute(462, text));
            self.dropped = true;
            return Ok(());
        }
        kept.pages.push_back(page);
        Ok(())
    }

    /// After a page with more to come: until it is known what to do with the rest.
    fn wait(&mut self) -> Result<(), LinkError> {
        loop {
            let message = self.link.receive()?;
            let same = message.head.statement_id == self.head.statement_id;
            match message.opcode {
                Opcode::FETCH | Opcode::FETCH_PROCEDURE if same || message.head.statement_id == 0 => {
                    self.head.count = message.head.count;
                    return Ok(());
                }
                opcode if Streams::handles(opcode) => answer_stream(self.streams, self.link, &message)?,
                opcode => {
                    self.dropped = opcode == Opcode::DISCONNECT || (same && ends_result(opcode));
                    if !self.dropped {
                        self.kept = Some(Kept::default());
                    }
                    self.pending = Some(message);
                    return Ok(());
                }
            }
        }
    }
}

/// Requests under its id after which a result is never fetched again.
fn ends_result(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::CLOSE_RESULT
            | Opcode::PREPARE
            | Opcode::EXECUTE_QUERY
            | Opcode::EXECUTE_UPDATE
            | Opcode::DIRECT_QUERY
            | Opcode::DIRECT_UPDATE
            | Opcode::SCROLL_DIRECT
            | Opcode::SCROLL_EXECUTE
            | Opcode::PREPARE_PROCEDURE
            | Opcode::RUN_PROCEDURE_QUERY
            | Opcode::RUN_PROCEDURE_UPDATE
    )
}

impl<E: Engine> Session<'_, E> {
    /// Runs a query and answers with its pages. Errors after the first page belong to the FD that waits for the next,
    /// so they are answered here.
    pub(super) fn deliver(
        &mut self,
        head: Head,
        statement: &<E::Backend as Backend>::Statement,
        columns: &[ColumnDescription],
        values: &[Value],
        limits: QueryLimits,
    ) -> Result<(), Fault> {
        let statement_id = head.statement_id;
        let kept_bytes_max = self.options().kept_bytes_max;
        self.results.close(statement_id);
        self.results.latest = statement_id;
        self.streams.begin(statement_id);
        let mut delivery = Delivery {
            link: &mut self.link,
            streams: &mut self.streams,
            encoder: RowEncoder::new(columns),
            head,
            page: Body::new(),
            page_bytes: self.shared.options.page_bytes,
            kept: None,
            kept_bytes: self.results.bytes_count(),
            kept_bytes_max,
            pending: None,
            dropped: false,
            fault: None,
        };
        let backend = &mut self.backend;
        let ran = self.job.running(statement_id, || {
            backend.query(statement, values, limits.timeout_s, limits.rows_max, &mut |row| delivery.row(row))
        });
        let Delivery { head, mut page, kept, pending, dropped, fault, .. } = delivery;
        self.pending = pending;
        let failure = match (fault, ran) {
            (Some(Fault::Sql(error)), _) | (None, Err(error)) => Some(error),
            (Some(fault), _) => return Err(fault),
            (None, Ok(())) => None,
        };
        match kept {
            Some(mut kept) => {
                if kept.failure.is_none() {
                    // The pages before a failure are good, the rows since are lost with it.
                    match failure {
                        Some(error) => kept.failure = Some(error),
                        None => kept.pages.push_back(page),
                    }
                }
                self.results.kept.insert(statement_id, kept);
                Ok(())
            }
            None if dropped => Ok(()),
            None => match failure {
                Some(error) => Ok(self.fail(head, Opcode::FETCH, &error, &[])?),
                None => Ok(self.link.send(head, STATUS_END, &mut page)?),
            },
        }
    }

    /// FD and SF: the next page of a result kept in memory. (One that is still running takes FD itself.)
    pub(super) fn fetch(&mut self, head: Head) -> Result<(), Fault> {
        let statement_id = if head.statement_id == 0 { self.results.latest } else { head.statement_id };
        let Some(kept) = self.results.kept.get_mut(&statement_id) else {
            // Ended, closed, or taken over by another cursor with the same text: silence would lose rows.
            return Err(SqlError::execute(102, format!("Statement {statement_id} has no open result")).into());
        };
        let page = kept.pages.pop_front();
        let more = !kept.pages.is_empty() || kept.failure.is_some();
        match page {
            Some(mut page) => {
                if !more {
                    self.results.kept.remove(&statement_id);
                }
                Ok(self.link.send(head, if more { STATUS_OK } else { STATUS_END }, &mut page)?)
            }
            None => match self.results.kept.remove(&statement_id).and_then(|kept| kept.failure) {
                Some(error) => Err(error.into()),
                None => Ok(self.link.send(head, STATUS_END, &mut Body::new())?),
            },
        }
    }
}

/// What PQ says besides the values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct QueryLimits {
    /// 0 = none.
    pub(super) timeout_s: u32,
    /// Of the whole result; 0 = all.
    pub(super) rows_max: u64,
}
