//! Rows of COPY FROM out of CopyData messages.

use super::fields::{Fields, Row};
use super::lines::{LineAt, Lines, Protection};
use super::{CopyError, RowFormat};

/// Reads rows off chunks cut anywhere, where the caller keeps a chunk until it is used up. Holds one row at most, and
/// copies only what a chunk's end cuts or an escape changes.
///
/// ```text
/// while let Some(row) = decoder.next_row(&mut chunk)? { .. }   // for each CopyData
/// if let Some(row) = decoder.finish()? { .. }                  // at CopyDone
/// ```
#[derive(Debug)]
pub struct RowDecoder {
    format: RowFormat,
    /// Fields a row must have; `None` leaves counting to the caller.
    columns_count: Option<usize>,
    lines: Lines,
    fields: Fields,
    /// The first line is names and still to come.
    header_pending: bool,
    /// A line was given out, and its number still stands.
    line_given: bool,
}

impl RowDecoder {
    /// `row_bytes_max` bounds what one row may make this hold.
    pub fn new(format: RowFormat, columns_count: Option<usize>, row_bytes_max: usize) -> Self {
        let protection = match &format {
            RowFormat::Text(_) => Protection::Backslash,
            RowFormat::Csv(csv) => Protection::Quotes { quote: csv.quote, escape: csv.escape },
        };
        Self {
            header_pending: format.header(),
            format,
            columns_count,
            lines: Lines::new(protection, row_bytes_max),
            fields: Fields::default(),
            line_given: false,
        }
    }

    /// The line of the last row, counted from 1.
    pub fn line(&self) -> u64 {
        self.lines.line()
    }

    /// Takes the next row off the front of `input`. `None`: `input` is used up; come back with the next chunk.
    ///
    /// # Errors
    /// [`CopyError`]; the COPY is then over.
    pub fn next_row<'r, 'i: 'r>(&'r mut self, input: &mut &'i [u8]) -> Result<Option<Row<'r>>, CopyError> {
        match self.locate(input)? {
            Some(line) => self.split(line).map(Some),
            None => Ok(None),
        }
    }

    /// What is left of a row that the data ended in.
    pub fn unfinished(&self) -> &[u8] {
        self.lines.carry()
    }

    /// Whether a row has begun that no newline has ended so far.
    pub fn has_begun(&self) -> bool {
        self.lines.has_begun()
    }

    /// The row that no newline ended.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn finish(&mut self) -> Result<Option<Row<'_>>, CopyError> {
        match self.locate_last()? {
            Some(line) => self.split(line).map(Some),
            None => Ok(None),
        }
    }

    fn locate<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<LineAt<'i>>, CopyError> {
        loop {
            self.begin_line(input.is_empty());
            let Some(line) = self.lines.advance(input)? else { return Ok(None) };
            self.line_given = true;
            if !std::mem::take(&mut self.header_pending) {
                return Ok(Some(line));
            }
        }
    }

    fn locate_last(&mut self) -> Result<Option<LineAt<'static>>, CopyError> {
        self.begin_line(false);
        let line = self.lines.finish()?;
        Ok(line.filter(|_| !std::mem::take(&mut self.header_pending)))
    }

    fn begin_line(&mut self, nothing_follows: bool) {
        if self.line_given && !nothing_follows {
            self.line_given = false;
            self.lines.next_line();
        }
    }

    fn split<'r>(&'r mut self, location: LineAt<'r>) -> Result<Row<'r>, CopyError> {
        let Self { format, columns_count, lines, fields, .. } = self;
        let line = match location {
            LineAt::Chunk(line) => line,
            LineAt::Carry => lines.carry(),
        };
        match format {
            RowFormat::Text(format) => fields.split_text(line, format, *columns_count, lines.line())?,
            RowFormat::Csv(format) => fields.split_csv(line, format, *columns_count, lines.line())?,
        }
        Ok(fields.row(line, lines.line()))
    }
}
