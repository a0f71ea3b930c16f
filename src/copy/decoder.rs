//! Rows of COPY FROM out of CopyData messages.

use super::fields::{Fields, Row};
use super::lines::{LineAt, Lines, Protection};
use super::{CopyError, CopyOptions};

/// Takes chunks cut anywhere and gives rows. Holds one row at most.
///
/// ```text
/// while let Some(row) = decoder.next_row(&mut chunk)? { .. }   // for each CopyData
/// if let Some(row) = decoder.finish()? { .. }                  // at CopyDone
/// ```
#[derive(Debug)]
pub struct RowDecoder {
    options: CopyOptions,
    columns_count: usize,
    lines: Lines,
    fields: Fields,
    /// The first line is names and still to come.
    header_pending: bool,
    /// A line was given out, and its number still stands.
    line_given: bool,
}

impl RowDecoder {
    /// `row_bytes_max` bounds what one row may make this hold.
    pub fn new(options: CopyOptions, columns_count: usize, row_bytes_max: usize) -> Self {
        let protection = match &options {
            CopyOptions::Text(_) => Protection::Backslash,
            CopyOptions::Csv(csv) => Protection::Quotes { quote: csv.quote, escape: csv.escape },
        };
        Self {
            header_pending: options.header(),
            options,
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
        let location = loop {
            self.begin_line(input.is_empty());
            match self.lines.advance(input)? {
                None => return Ok(None),
                Some(location) => {
                    self.line_given = true;
                    if !std::mem::take(&mut self.header_pending) {
                        break location;
                    }
                }
            }
        };
        self.split(location).map(Some)
    }

    /// The row that no newline ended.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn finish(&mut self) -> Result<Option<Row<'_>>, CopyError> {
        self.begin_line(false);
        match self.lines.finish()? {
            Some(location) if !std::mem::take(&mut self.header_pending) => self.split(location).map(Some),
            _ => Ok(None),
        }
    }

    fn begin_line(&mut self, nothing_follows: bool) {
        if self.line_given && !nothing_follows {
            self.line_given = false;
            self.lines.next_line();
        }
    }

    fn split<'r>(&'r mut self, location: LineAt<'r>) -> Result<Row<'r>, CopyError> {
        let Self { options, columns_count, lines, fields, .. } = self;
        let line = match location {
            LineAt::Chunk(line) => line,
            LineAt::Carry => lines.carry(),
        };
        match options {
            CopyOptions::Text(options) => fields.split_text(line, options, *columns_count, lines.line())?,
            CopyOptions::Csv(options) => fields.split_csv(line, options, *columns_count, lines.line())?,
        }
        Ok(fields.row(line))
    }
}
