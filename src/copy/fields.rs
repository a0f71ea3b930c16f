//! Cuts a line into fields (`CopyReadAttributesText`, `CopyReadAttributesCSV`). Fields without escapes stay where they
//! are; others are written out once.

use memchr::{memchr2, memchr3};

use super::{CopyError, CsvFormat, TextFormat};

/// `MaxHeapAttributeNumber`: no table has more columns.
const COLUMNS_MAX: usize = 1600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Line,
    Scratch,
    Null,
    /// The marker of the column's default.
    Default,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    source: Source,
    start: usize,
    end: usize,
}

/// Fields of the last line; reused from line to line.
#[derive(Debug, Default)]
pub(super) struct Fields {
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

/// One row: for each column its bytes, or `None` for NULL. Not yet checked to be UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    line: &'r [u8],
    fields: &'r [Field],
    scratch: &'r [u8],
    number: u64,
}

impl<'r> Row<'r> {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A field by its place: `None` beyond the last, `Some(None)` for NULL.
    pub fn get(&self, index: usize) -> Option<Option<&'r [u8]>> {
        self.fields.get(index).map(|field| self.bytes(*field))
    }

    /// Whether a field is the marker of its column's default.
    pub fn is_default(&self, index: usize) -> bool {
        self.fields.get(index).is_some_and(|field| field.source == Source::Default)
    }

    /// Its line of the data, counted from 1; of the binary format its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The bytes it was read from.
    pub fn line(&self) -> &'r [u8] {
        self.line
    }

    fn bytes(&self, field: Field) -> Option<&'r [u8]> {
        match field.source {
            Source::Line => self.line.get(field.start..field.end),
            Source::Scratch => self.scratch.get(field.start..field.end),
            Source::Null | Source::Default => None,
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<&'r [u8]>> + use<'r> {
        let row = *self;
        self.fields.iter().map(move |field| row.bytes(*field))
    }
}

impl Fields {
    pub(super) fn row<'r>(&'r self, line: &'r [u8], number: u64) -> Row<'r> {
        Row { line, fields: &self.fields, scratch: &self.scratch, number }
    }

    /// Adds a field that stands in the row as it is; `None`: NULL.
    pub(super) fn push_plain(&mut self, place: Option<std::ops::Range<usize>>) {
        self.fields.push(match place {
            Some(range) => Field { source: Source::Line, start: range.start, end: range.end },
            None => Field { source: Source::Null, start: 0, end: 0 },
        });
    }

    pub(super) fn clear(&mut self) {
        self.fields.clear();
        self.scratch.clear();
    }

    /// Adds a field unless the row is full already, which bounds what a line of delimiters costs.
    fn push(&mut self, field: Field, columns_count: Option<usize>, line_number: u64) -> Result<(), CopyError> {
        if self.fields.len() >= columns_count.unwrap_or(COLUMNS_MAX) {
            return Err(CopyError::ExtraData { line: line_number });
        }
        self.fields.push(field);
        Ok(())
    }

    fn check_count(&self, columns_count: Option<usize>, line_number: u64) -> Result<(), CopyError> {
        if columns_count.is_some_and(|count| self.fields.len() < count) {
            return Err(CopyError::MissingData { line: line_number, column_index: self.fields.len() });
        }
        Ok(())
    }

    /// Cuts a line of the text format.
    ///
    /// # Errors
    /// Too few or too many fields, an end marker inside the line.
    pub(super) fn split_text(
        &mut self,
        line: &[u8],
        format: &TextFormat,
        columns_count: Option<usize>,
        line_number: u64,
    ) -> Result<(), CopyError> {
        self.clear();
        let mut start = 0;
        loop {
            let scratch_start = self.scratch.len();
            let mut copied = false;
            let mut at = start;
            // Up to the delimiter or the end; `plain` is where uncopied bytes begin.
            let mut plain = start;
            let end = loop {
                let rest = line.get(at..).unwrap_or(&[]);
                let Some(found) = memchr2(format.delimiter, b'\\', rest) else { break line.len() };
                let position = at + found;
                if line.get(position) == Some(&format.delimiter) {
                    break position;
                }
                copied = true;
                self.scratch.extend_from_slice(line.get(plain..position).unwrap_or(&[]));
                let escape = line.get(position + 1..).unwrap_or(&[]);
                if escape.first() == Some(&b'.') {
                    return Err(CopyError::MarkerNotAlone { line: line_number });
                }
                at = position + 1 + unescape(escape, &mut self.scratch);
                plain = at;
            };
            let raw = line.get(start..end).unwrap_or(&[]);
            let field = if raw == format.null {
                self.scratch.truncate(scratch_start);
                Field { source: Source::Null, start, end }
            } else if format.default.as_deref() == Some(raw) {
                self.scratch.truncate(scratch_start);
                Field { source: Source::Default, start, end }
            } else if copied {
                self.scratch.extend_from_slice(line.get(plain..end).unwrap_or(&[]));
                Field { source: Source::Scratch, start: scratch_start, end: self.scratch.len() }
            } else {
                Field { source: Source::Line, start, end }
            };
            self.push(field, columns_count, line_number)?;
            if end >= line.len() {
                return self.check_count(columns_count, line_number);
            }
            start = end + 1;
        }
    }

    /// Cuts a line of the CSV format.
    ///
    /// # Errors
    /// Too few or too many fields, a quote that is not closed.
    pub(super) fn split_csv(
        &mut self,
        line: &[u8],
        format: &CsvFormat,
        columns_count: Option<usize>,
        line_number: u64,
    ) -> Result<(), CopyError> {
        self.clear();
        let mut start = 0;
        loop {
            let scratch_start = self.scratch.len();
            let mut quoted = false;
            let mut plain = start;
            let end = loop {
                let rest = line.get(plain..).unwrap_or(&[]);
                let Some(found) = memchr2(format.delimiter, format.quote, rest) else { break line.len() };
                let position = plain + found;
                if line.get(position) == Some(&format.delimiter) {
                    break position;
                }
                quoted = true;
                self.scratch.extend_from_slice(line.get(plain..position).unwrap_or(&[]));
                plain = self.quoted(line, position + 1, format, line_number)?;
            };
            let field = if quoted {
                self.scratch.extend_from_slice(line.get(plain..end).unwrap_or(&[]));
                Field { source: Source::Scratch, start: scratch_start, end: self.scratch.len() }
            } else if line.get(start..end).unwrap_or(&[]) == format.null {
                Field { source: Source::Null, start, end }
            } else if format.default.is_some() && format.default.as_deref() == line.get(start..end) {
                Field { source: Source::Default, start, end }
            } else {
                Field { source: Source::Line, start, end }
            };
            self.push(field, columns_count, line_number)?;
            if end >= line.len() {
                return self.check_count(columns_count, line_number);
            }
            start = end + 1;
        }
    }

    /// Copies what stands between quotes; gives the place after the closing one.
    fn quoted(&mut self, line: &[u8], start: usize, format: &CsvFormat, line_number: u64) -> Result<usize, CopyError> {
        let mut at = start;
        loop {
            let rest = line.get(at..).unwrap_or(&[]);
            let Some(found) = memchr3(format.quote, format.escape, format.quote, rest) else {
                return Err(CopyError::UnterminatedQuote { line: line_number });
            };
            let (before, from_special) = rest.split_at_checked(found).unwrap_or((rest, &[]));
            self.scratch.extend_from_slice(before);
            at += found + 1;
            match from_special {
                [escape, next, ..] if *escape == format.escape && (*next == format.escape || *next == format.quote) => {
                    self.scratch.push(*next);
                    at += 1;
                }
                [quote, ..] if *quote == format.quote => return Ok(at),
                // An escape before anything else is itself.
                [other, ..] => self.scratch.push(*other),
                [] => {}
            }
        }
    }
}

/// Writes what a backslash and the bytes after it stand for; gives how many of those it took.
fn unescape(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(first) = bytes.first() else { return 0 };
    let digits = |radix: u32, digits: &[u8]| -> (u8, usize) {
        let mut value = 0u8;
        let mut count = 0;
        for byte in digits {
            let Some(digit) = char::from(*byte).to_digit(radix) else { break };
            // Three octal digits are cut to eight bits, as PostgreSQL does.
            value = (value << if radix == 8 { 3 } else { 4 }) | u8::try_from(digit).unwrap_or(0);
            count += 1;
        }
        (value, count)
    };
    match first {
        b'0'..=b'7' => {
            let (value, count) = digits(8, bytes.get(..bytes.len().min(3)).unwrap_or(&[]));
            out.push(value);
            return count;
        }
        b'x' => {
            let (value, count) = digits(16, bytes.get(1..bytes.len().min(3)).unwrap_or(&[]));
            out.push(if count == 0 { b'x' } else { value });
            return 1 + count;
        }
        b'b' => out.push(0x08),
        b'f' => out.push(0x0C),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'v' => out.push(0x0B),
        other => out.push(*other),
    }
    1
}
