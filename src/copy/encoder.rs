//! Rows of COPY TO.

use memchr::memchr3;

use super::{CsvFormat, RowFormat, TextFormat};

/// Writes rows field by field, into the body of a CopyData message.
#[derive(Debug, Clone)]
pub struct RowEncoder {
    format: RowFormat,
    columns_count: usize,
    column_index: usize,
    /// Columns of CSV whose values stand in quotes, whatever they are.
    quoted: Vec<bool>,
}

impl RowEncoder {
    pub fn new(format: RowFormat, columns_count: usize) -> Self {
        Self { format, columns_count, column_index: 0, quoted: Vec::new() }
    }

    /// Has all values of these columns put into quotes.
    pub fn quote(&mut self, quoted: Vec<bool>) {
        self.quoted = quoted;
    }

    /// The line of names that stands in front of the rows.
    pub fn header<'n>(&mut self, names: impl Iterator<Item = &'n [u8]>, out: &mut Vec<u8>) {
        let quoted = std::mem::take(&mut self.quoted);
        for name in names {
            self.field(Some(name), out);
        }
        self.quoted = quoted;
        self.end_row(out);
    }

    /// Whether a line of names comes first; write it as a row of fields.
    pub fn wants_header(&self) -> bool {
        self.format.header()
    }

    /// Appends the next field of the row: its text form, or `None` for NULL.
    pub fn field(&mut self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let first = self.column_index == 0;
        let is_quoted = self.quoted.get(self.column_index).copied().unwrap_or(false);
        self.column_index = self.column_index.saturating_add(1);
        match &self.format {
            RowFormat::Text(format) => {
                if !first {
                    out.push(format.delimiter);
                }
                match value {
                    Some(value) => write_text(value, format, out),
                    None => out.extend_from_slice(&format.null),
                }
            }
            RowFormat::Csv(format) => {
                if !first {
                    out.push(format.delimiter);
                }
                match value {
                    Some(value) => write_csv(value, format, self.columns_count == 1, is_quoted, out),
                    None => out.extend_from_slice(&format.null),
                }
            }
        }
    }

    /// Ends the row.
    pub fn end_row(&mut self, out: &mut Vec<u8>) {
        self.column_index = 0;
        out.push(b'\n');
    }
}

/// `CopyAttributeOutText`.
fn write_text(value: &[u8], format: &TextFormat, out: &mut Vec<u8>) {
    let mut rest = value;
    loop {
        let special = position_of_special(rest, format.delimiter);
        let Some(found) = special else { return out.extend_from_slice(rest) };
        let (before, after) = rest.split_at_checked(found).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let Some((byte, after)) = after.split_first() else { return };
        let letter = match byte {
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0B => b'v',
            0x0C => b'f',
            b'\r' => b'r',
            other => *other,
        };
        out.extend_from_slice(&[b'\\', letter]);
        rest = after;
    }
}

/// The first byte that the text format escapes.
fn position_of_special(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let is_special = |byte: u8| byte == delimiter || matches!(byte, b'\\' | 0x08..=0x0D);
    let (blocks, tail) = bytes.as_chunks::<32>();
    let mut at = 0;
    for block in blocks {
        // Without a branch for each byte: most blocks have none.
        if block.iter().fold(false, |found, byte| found | is_special(*byte)) {
            return block.iter().position(|byte| is_special(*byte)).map(|found| found.saturating_add(at));
        }
        at = at.saturating_add(block.len());
    }
    tail.iter().position(|byte| is_special(*byte)).map(|found| found.saturating_add(at))
}

/// `CopyAttributeOutCSV`: quoted where it must be.
fn write_csv(value: &[u8], format: &CsvFormat, only_column: bool, is_quoted: bool, out: &mut Vec<u8>) {
    let needs_quotes = is_quoted || value == format.null
        // A line that is the end marker of the text format, for servers that still take it for one.
        || only_column && value == b"\\."
        || memchr3(format.delimiter, format.quote, b'\n', value).is_some()
        || value.contains(&b'\r');
    if !needs_quotes {
        return out.extend_from_slice(value);
    }
    out.push(format.quote);
    for byte in value {
        if *byte == format.quote || *byte == format.escape {
            out.push(format.escape);
        }
        out.push(*byte);
    }
    out.push(format.quote);
}
