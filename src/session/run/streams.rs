//! Rows whose cells are handles of LONGVARCHAR or LONGVARBINARY values: each value is read by a request of its own.

use std::rc::Rc;

use crate::iris::{IrisStatement, Item, ItemReader, Request};
use crate::wire::{PgError, SendBuf};

use crate::session::understand::rows::{GatheredCell, RowShape, StreamKind, malformed};

/// A page kept while its streams are read.
#[derive(Debug)]
pub(crate) struct StreamRows {
    rows: Vec<u8>,
    /// Bytes of `rows` already taken.
    taken: usize,
    /// No further page.
    end: bool,
    /// The row being put together.
    cells: Vec<GatheredCell>,
    /// What the outstanding read will be.
    reading: Option<StreamKind>,
}

#[derive(Debug)]
pub(crate) enum Advance {
    /// A stream must be read first.
    Read(Request),
    /// A row is complete: `write` it.
    Row,
    EndOfPage,
}

impl StreamRows {
    pub(crate) fn new(rows: &[u8], end: bool) -> Self {
        Self { rows: rows.to_vec(), taken: 0, end, cells: Vec::new(), reading: None }
    }

    pub(crate) fn end(&self) -> bool {
        self.end
    }

    /// The stream that `Advance::Read` asked for.
    pub(crate) fn on_data(&mut self, data: &[u8]) {
        match self.reading.take() {
            Some(StreamKind::Binary) => self.cells.push(GatheredCell::Binary(data.to_vec())),
            _ => self.cells.push(GatheredCell::Text(data.to_vec())),
        }
    }

    /// # Errors
    /// XX000 when the page is malformed.
    pub(crate) fn advance(&mut self, shape: &RowShape, statement: &Rc<IrisStatement>) -> Result<Advance, Box<PgError>> {
        while self.cells.len() < shape.columns_count() {
            let rest = self.rows.get(self.taken..).unwrap_or_default();
            if rest.is_empty() && self.cells.is_empty() {
                return Ok(Advance::EndOfPage);
            }
            let raw = ItemReader::new(rest).need_raw("cell").map_err(malformed)?;
            self.taken = self.taken.saturating_add(raw.bytes.len());
            let stream = shape.stream(self.cells.len());
            match (stream, raw.decode().map_err(malformed)?) {
                (Some(_), Item::Null) => self.cells.push(GatheredCell::Null),
                (Some(kind), _) => {
                    let handle = raw.bytes.to_vec();
                    self.reading = Some(kind);
                    return Ok(Advance::Read(Request::ReadStream {
                        statement: Rc::clone(statement),
                        handle,
                        binary: kind == StreamKind::Binary,
                    }));
                }
                (None, _) => self.cells.push(GatheredCell::Item(raw.bytes.to_vec())),
            }
        }
        Ok(Advance::Row)
    }

    /// Writes the complete row.
    ///
    /// # Errors
    /// 22xxx when a value does not fit its type.
    pub(crate) fn write(&mut self, shape: &RowShape, out: &mut SendBuf) -> Result<(), Box<PgError>> {
        let result = shape.write_gathered(&self.cells, out);
        self.cells.clear();
        result
    }
}
