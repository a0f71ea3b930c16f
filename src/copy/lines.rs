//! Cuts a stream of chunks into lines (`CopyReadLineText`). What a line end is depends on escapes or quotes, so the
//! state of both is carried from chunk to chunk, and no byte is looked at twice.

use memchr::{memchr_iter, memchr2, memchr3};

use super::CopyError;

/// What keeps a newline from ending a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// The byte after a backslash is data.
    Backslash,
    /// Bytes between quotes are data.
    Quotes { quote: u8, escape: u8 },
}

/// How lines end; the first line decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Unknown,
    Lf,
    Cr,
    CrLf,
}

/// Where the bytes of a line are.
#[derive(Debug, Clone, Copy)]
pub(super) enum LineAt<'i> {
    /// Whole in the chunk.
    Chunk(&'i [u8]),
    /// Put together in the carry; valid until the next call.
    Carry,
}

#[derive(Debug)]
pub(super) struct Lines {
    protection: Protection,
    row_bytes_max: usize,
    line_end: LineEnd,
    /// Line of the row being read, from 1; with its own newlines it is the last one, as PostgreSQL counts.
    line: u64,
    /// Where the row being read begins.
    first_line: u64,
    /// The beginning of a line that earlier chunks held.
    carry: Vec<u8>,
    /// The carry was given out and is to be dropped.
    carry_given: bool,
    /// The next byte is data whatever it is.
    escaped: bool,
    in_quotes: bool,
    /// A carriage return ended the last chunk: the next byte tells whether it was all of the line end.
    cr_pending: bool,
    /// The end marker was seen; what follows is ignored.
    done: bool,
}

impl Lines {
    pub(super) fn new(protection: Protection, row_bytes_max: usize) -> Self {
        Self {
            protection,
            row_bytes_max,
            line_end: LineEnd::Unknown,
            line: 1,
            first_line: 1,
            carry: Vec::new(),
            carry_given: false,
            escaped: false,
            in_quotes: false,
            cr_pending: false,
            done: false,
        }
    }

    /// The line that the last call gave, or is reading.
    pub(super) fn line(&self) -> u64 {
        // A line given out is counted when the next one begins.
        self.line
    }

    pub(super) fn carry(&self) -> &[u8] {
        &self.carry
    }

    /// Takes the next line off the front of `input`; `None` when `input` ends first, and is then empty.
    ///
    /// # Errors
    /// Newlines of another kind than the first, a line too long.
    pub(super) fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<LineAt<'i>>, CopyError> {
        if self.done {
            *input = &[];
            return Ok(None);
        }
        if self.carry_given && !input.is_empty() {
            self.carry.clear();
            self.carry_given = false;
        }
        if self.cr_pending {
            let Some(first) = input.first() else { return Ok(None) };
            let is_crlf = *first == b'\n';
            self.cr_pending = false;
            self.carriage_return(is_crlf, b"")?;
            *input = input.get(usize::from(is_crlf)..).unwrap_or(&[]);
            self.carry_given = true;
            return Ok(self.marker_or(LineAt::Carry));
        }
        let bytes = *input;
        let mut at = 0;
        loop {
            if self.escaped {
                if at >= bytes.len() {
                    return self.keep(input, bytes);
                }
                self.escaped = false;
                at += 1;
            }
            let rest = bytes.get(at..).unwrap_or(&[]);
            let Some(found) = self.find(rest) else {
                self.count_quoted_lines(rest);
                return self.keep(input, bytes);
            };
            self.count_quoted_lines(rest.get(..found).unwrap_or(&[]));
            let position = at + found;
            at = position + 1;
            match bytes.get(position) {
                Some(b'\n') if !self.in_quotes => {
                    self.check_length(bytes.get(..position).unwrap_or(&[]))?;
                    self.newline(bytes.get(..position).unwrap_or(&[]))?;
                    return Ok(self.end(input, bytes, position, at));
                }
                Some(b'\r') if !self.in_quotes => match (self.line_end, bytes.get(at)) {
                    (LineEnd::Unknown | LineEnd::CrLf, None) => {
                        self.append(bytes.get(..position).unwrap_or(&[]))?;
                        self.cr_pending = true;
                        *input = &[];
                        return Ok(None);
                    }
                    (_, next) => {
                        self.check_length(bytes.get(..position).unwrap_or(&[]))?;
                        let is_crlf = next == Some(&b'\n') && self.line_end != LineEnd::Cr;
                        self.carriage_return(is_crlf, bytes.get(..position).unwrap_or(&[]))?;
                        return Ok(self.end(input, bytes, position, at + usize::from(is_crlf)));
                    }
                },
                Some(byte) => self.protect(*byte),
                None => {}
            }
        }
    }

    /// Whether a line has begun that no newline has ended so far.
    pub(super) fn has_begun(&self) -> bool {
        !self.done && (self.cr_pending || !self.carry_given && !self.carry.is_empty())
    }

    /// The line that no newline ended; `None` when there is none.
    ///
    /// # Errors
    /// As [`Lines::advance`].
    pub(super) fn finish(&mut self) -> Result<Option<LineAt<'static>>, CopyError> {
        if self.done {
            return Ok(None);
        }
        if self.carry_given {
            self.carry.clear();
            self.carry_given = false;
        }
        if self.cr_pending {
            self.cr_pending = false;
            self.carriage_return(false, b"")?;
        } else if self.carry.is_empty() {
            return Ok(None);
        }
        let given = self.marker_or(LineAt::Carry);
        self.done = true;
        Ok(given)
    }

    /// The next byte that matters.
    fn find(&self, rest: &[u8]) -> Option<usize> {
        match self.protection {
            Protection::Backslash => memchr3(b'\n', b'\r', b'\\', rest),
            Protection::Quotes { quote, .. } if !self.in_quotes => memchr3(b'\n', b'\r', quote, rest),
            Protection::Quotes { quote, escape } => memchr2(quote, escape, rest),
        }
    }

    fn protect(&mut self, byte: u8) {
        match self.protection {
            Protection::Backslash => self.escaped = true,
            // A quote that is its own escape just closes and opens again.
            Protection::Quotes { quote, .. } if byte == quote => self.in_quotes = !self.in_quotes,
            Protection::Quotes { .. } => self.escaped = true,
        }
    }

    /// Lines inside quotes count too: by newlines where the first line ended with one, else by carriage returns, as
    /// PostgreSQL counts them.
    fn count_quoted_lines(&mut self, bytes: &[u8]) {
        if self.in_quotes {
            let newline = if self.line_end == LineEnd::Lf { b'\n' } else { b'\r' };
            let count = memchr_iter(newline, bytes).count();
            self.line = self.line.saturating_add(u64::try_from(count).unwrap_or(0));
        }
    }

    /// Keeps what is left of the chunk for the next one.
    fn keep<'i>(&mut self, input: &mut &'i [u8], bytes: &'i [u8]) -> Result<Option<LineAt<'i>>, CopyError> {
        *input = &[];
        self.append(bytes)?;
        Ok(None)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        self.check_length(bytes)?;
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    /// Before anything else is found wrong with a line, so that it is the same in whatever chunks the line comes.
    fn check_length(&self, more: &[u8]) -> Result<(), CopyError> {
        if self.carry.len().saturating_add(more.len()) > self.row_bytes_max {
            return Err(CopyError::RowTooLong { line: self.first_line, row_bytes_max: self.row_bytes_max });
        }
        Ok(())
    }

    /// Gives the line that ends at `end`; the next one starts at `next`.
    fn end<'i>(&mut self, input: &mut &'i [u8], bytes: &'i [u8], end: usize, next: usize) -> Option<LineAt<'i>> {
        let line = bytes.get(..end).unwrap_or(&[]);
        *input = bytes.get(next..).unwrap_or(&[]);
        let line = if self.carry.is_empty() {
            LineAt::Chunk(line)
        } else {
            self.carry.extend_from_slice(line);
            self.carry_given = true;
            LineAt::Carry
        };
        let given = self.marker_or(line);
        if given.is_none() {
            *input = &[];
        }
        given
    }

    /// `None` for the end marker, after which nothing counts.
    fn marker_or<'i>(&mut self, line: LineAt<'i>) -> Option<LineAt<'i>> {
        let bytes = match line {
            LineAt::Chunk(bytes) => bytes,
            LineAt::Carry => &self.carry,
        };
        if self.protection == Protection::Backslash && bytes == b"\\." {
            self.done = true;
            return None;
        }
        Some(line)
    }

    /// Whether carry and `more` are the end marker, whose newline has a message of its own.
    fn is_marker(&self, more: &[u8]) -> bool {
        let mut bytes = self.carry.iter().chain(more);
        self.protection == Protection::Backslash
            && bytes.next() == Some(&b'\\')
            && bytes.next() == Some(&b'.')
            && bytes.next().is_none()
    }

    /// A newline ends the line that ends with `line_tail`.
    fn newline(&mut self, line_tail: &[u8]) -> Result<(), CopyError> {
        let line = self.line;
        match (self.line_end, self.protection) {
            (LineEnd::Unknown | LineEnd::Lf, _) => {
                self.line_end = LineEnd::Lf;
                Ok(())
            }
            _ if self.is_marker(line_tail) => Err(CopyError::MarkerNewline { line }),
            (_, Protection::Backslash) => Err(CopyError::LiteralNewline { line }),
            (_, Protection::Quotes { .. }) => Err(CopyError::UnquotedNewline { line }),
        }
    }

    /// A carriage return ends the line, perhaps with a newline behind it.
    fn carriage_return(&mut self, is_crlf: bool, line_tail: &[u8]) -> Result<(), CopyError> {
        let line = self.line;
        match (self.line_end, is_crlf, self.protection) {
            (LineEnd::Unknown | LineEnd::CrLf, true, _) => {
                self.line_end = LineEnd::CrLf;
                Ok(())
            }
            (LineEnd::Unknown | LineEnd::Cr, false, _) => {
                self.line_end = LineEnd::Cr;
                Ok(())
            }
            _ if self.is_marker(line_tail) => Err(CopyError::MarkerNewline { line }),
            (_, _, Protection::Backslash) => Err(CopyError::LiteralCarriageReturn { line }),
            (_, _, Protection::Quotes { .. }) => Err(CopyError::UnquotedCarriageReturn { line }),
        }
    }

    /// Call when the line given out is done with.
    pub(super) fn next_line(&mut self) {
        self.line = self.line.saturating_add(1);
        self.first_line = self.line;
    }
}
