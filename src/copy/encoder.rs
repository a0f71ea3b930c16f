//! Rows of COPY TO.

use memchr::memchr3;

use super::{CsvFormat, RowFormat, TextFormat};

/// Writes rows field by field, into the body of a CopyData message.
#[derive(Debug, Clone)]
pub struct RowEncoder {
    format: RowFormat,
    columns_count: usize,
    column_index: usize,
}

impl RowEncoder {
    pub fn new(format: RowFormat, columns_count: usize) -> Self {
        Self { format, columns_count, column_index: 0 }
    }

    /// Whether a line of names comes first; write it as a row of fields.
    pub fn wants_header(&self) -> bool {
        self.format.header()
    }

    /// Appends the next field of the row: its text form, or `None` for NULL.
    pub fn field(&mut self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let first = self.column_index == 0;
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
                    Some(value) => write_csv(value, format, self.columns_count == 1, out),
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
        let special = rest.iter().position(|byte| *byte == format.delimiter || matches!(byte, b'\\' | 0x08..=0x0D));
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

/// `CopyAttributeOutCSV`: quoted where it must be.
fn write_csv(value: &[u8], format: &CsvFormat, only_column: bool, out: &mut Vec<u8>) {
    let needs_quotes = value == format.null
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
