//! Rows of the binary format (COPY chapter, "Binary Format"): a header, for each row the number of its fields and each field
//! with its length, as in DataRow, and a trailer.

use super::CopyError;
use super::fields::{Fields, Row};

/// Signature, flags, and the length of the header's extension.
pub(crate) const BINARY_HEADER: &[u8; 19] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";

/// In place of a row's number of fields.
pub(crate) const BINARY_TRAILER: [u8; 2] = [0xFF; 2];

const SIGNATURE_BYTES: usize = 11;

/// The flag of rows with an OID in front, which PostgreSQL wrote up to version 11.
const HAS_OIDS: u32 = 1 << 16;
/// Flags that whoever does not know them must not pass over.
const CRITICAL: u32 = 0xFFFF << 16;

/// Reads rows off chunks cut anywhere, as [`RowDecoder`](super::RowDecoder) does.
#[derive(Debug)]
pub(crate) struct BinaryDecoder {
    columns_count: usize,
    row_bytes_max: usize,
    stage: Stage,
    /// The beginning of what earlier chunks held.
    carry: Vec<u8>,
    /// The carry was given out and is to be dropped.
    carry_given: bool,
    /// Of the row being read, as far as it is read.
    fields: Fields,
    /// Bytes of it that are read.
    at: usize,
    /// Fields that are missing; `None`: their number, too.
    missing: Option<usize>,
    rows_count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    /// Bytes of the header's extension that are left.
    Extension(usize),
    Rows,
    Ended,
}

/// What the bytes at hand come to.
enum Scanned {
    /// So many bytes are whole.
    Whole(usize),
    /// There have to be so many to tell.
    Needs(usize),
    End,
}

impl BinaryDecoder {
    /// `row_bytes_max` bounds what one row may make this hold.
    pub(crate) fn new(columns_count: usize, row_bytes_max: usize) -> Self {
        Self {
            columns_count,
            row_bytes_max,
            stage: Stage::Header,
            carry: Vec::new(),
            carry_given: false,
            fields: Fields::default(),
            at: 0,
            missing: None,
            rows_count: 0,
        }
    }

    /// Whether a row has begun that is not whole so far.
    pub(crate) fn has_begun(&self) -> bool {
        !self.carry_given && !self.carry.is_empty()
    }

    /// Takes the next row off the front of `input`. `None`: `input` is used up; come back with the next chunk.
    ///
    /// # Errors
    /// [`CopyError`]; the COPY is then over.
    pub(crate) fn next_row<'r, 'i: 'r>(&'r mut self, input: &mut &'i [u8]) -> Result<Option<Row<'r>>, CopyError> {
        if self.carry_given {
            self.carry.clear();
            self.carry_given = false;
        }
        loop {
            match self.stage {
                Stage::Extension(left) => {
                    let taken = left.min(input.len());
                    *input = input.get(taken..).unwrap_or_default();
                    if taken < left {
                        self.stage = Stage::Extension(left.saturating_sub(taken));
                        return Ok(None);
                    }
                    self.stage = Stage::Rows;
                }
                Stage::Ended if input.is_empty() => return Ok(None),
                Stage::Ended => return Err(self.bad_row("received copy data after EOF marker")),
                Stage::Header => {
                    let wanted = BINARY_HEADER.len().saturating_sub(self.carry.len());
                    let taken = wanted.min(input.len());
                    let (head, rest) = input.split_at_checked(taken).unwrap_or((input, &[]));
                    self.carry.extend_from_slice(head);
                    *input = rest;
                    if taken < wanted {
                        return Ok(None);
                    }
                    self.stage = Stage::Extension(self.read_header()?);
                    self.carry.clear();
                }
                Stage::Rows => {
                    if self.carry.is_empty() {
                        let bytes = *input;
                        match self.scan(bytes)? {
                            Scanned::Whole(length) => {
                                let (row, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
                                *input = rest;
                                return Ok(Some(self.fields.row(row, self.rows_count)));
                            }
                            Scanned::Needs(_) => {
                                self.carry.extend_from_slice(bytes);
                                *input = &[];
                                return Ok(None);
                            }
                            Scanned::End => {
                                *input = bytes.get(BINARY_TRAILER.len()..).unwrap_or_default();
                                continue;
                            }
                        }
                    }
                    if self.fill_carry(input)? {
                        self.carry_given = true;
                        return Ok(Some(self.fields.row(&self.carry, self.rows_count)));
                    }
                    if self.stage == Stage::Rows {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Completes the row whose beginning earlier chunks held. False: there is no row, or not all of it.
    fn fill_carry(&mut self, input: &mut &[u8]) -> Result<bool, CopyError> {
        loop {
            let carry = std::mem::take(&mut self.carry);
            let scanned = self.scan(&carry);
            self.carry = carry;
            match scanned? {
                Scanned::Whole(_) => return Ok(true),
                Scanned::End => {
                    self.carry.clear();
                    return Ok(false);
                }
                Scanned::Needs(length) => {
                    let wanted = length.saturating_sub(self.carry.len());
                    let (more, rest) = input.split_at_checked(wanted.min(input.len())).unwrap_or((input, &[]));
                    self.carry.extend_from_slice(more);
                    *input = rest;
                    if more.len() < wanted {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Goes on reading the row that begins with `bytes`.
    fn scan(&mut self, bytes: &[u8]) -> Result<Scanned, CopyError> {
        let mut missing = match self.missing {
            Some(missing) => missing,
            None => {
                let Some(count) = bytes.first_chunk::<2>() else { return Ok(Scanned::Needs(2)) };
                self.rows_count = self.rows_count.saturating_add(1);
                if *count == BINARY_TRAILER {
                    self.stage = Stage::Ended;
                    return Ok(Scanned::End);
                }
                let count = i16::from_be_bytes(*count);
                if usize::try_from(count) != Ok(self.columns_count) {
                    return Err(CopyError::FieldCount { line: self.rows_count, count, expected: self.columns_count });
                }
                self.fields.clear();
                self.at = 2;
                self.columns_count
            }
        };
        while missing > 0 {
            self.missing = Some(missing);
            let start = self.at.saturating_add(4);
            let Some(length) = bytes.get(self.at..).and_then(|rest| rest.first_chunk::<4>()) else {
                return Ok(Scanned::Needs(start));
            };
            let length = i32::from_be_bytes(*length);
            match usize::try_from(length) {
                Ok(length) => {
                    let end = start.saturating_add(length);
                    if end > self.row_bytes_max {
                        return Err(CopyError::RowTooLong { line: self.rows_count, row_bytes_max: self.row_bytes_max });
                    }
                    if end > bytes.len() {
                        return Ok(Scanned::Needs(end));
                    }
                    self.fields.push_plain(Some(start..end));
                    self.at = end;
                }
                Err(_) if length == -1 => {
                    self.fields.push_plain(None);
                    self.at = start;
                }
                Err(_) => return Err(self.bad_field(missing, "invalid field size")),
            }
            missing = missing.saturating_sub(1);
        }
        self.missing = None;
        Ok(Scanned::Whole(self.at))
    }

    /// The data are at their end.
    ///
    /// # Errors
    /// [`CopyError`].
    pub(crate) fn finish(&mut self) -> Result<(), CopyError> {
        let header = |problem| Err(CopyError::BinaryHeader { problem });
        match self.stage {
            Stage::Header => match self.carry.len() {
                ..SIGNATURE_BYTES => header("COPY file signature not recognized"),
                SIGNATURE_BYTES..15 => {
                    self.check_signature()?;
                    header("invalid COPY file header (missing flags)")
                }
                _ => {
                    self.read_header()?;
                    header("invalid COPY file header (missing length)")
                }
            },
            Stage::Extension(0) | Stage::Ended => Ok(()),
            Stage::Extension(_) => header("invalid COPY file header (wrong length)"),
            Stage::Rows => match self.missing {
                Some(missing) => Err(self.bad_field(missing, "unexpected EOF in COPY data")),
                // Of a row of which not even the number of fields is whole PostgreSQL says nothing.
                None => Ok(()),
            },
        }
    }

    fn bad_field(&self, missing: usize, problem: &'static str) -> CopyError {
        let column_index = self.columns_count.saturating_sub(missing);
        CopyError::BinaryField { line: self.rows_count, column_index, problem }
    }

    fn bad_row(&self, problem: &'static str) -> CopyError {
        CopyError::BinaryRow { line: self.rows_count, problem }
    }

    fn check_signature(&self) -> Result<(), CopyError> {
        let is_known = self.carry.get(..SIGNATURE_BYTES) == BINARY_HEADER.get(..SIGNATURE_BYTES);
        let problem = "COPY file signature not recognized";
        if is_known { Ok(()) } else { Err(CopyError::BinaryHeader { problem }) }
    }

    /// The length of the extension.
    fn read_header(&self) -> Result<usize, CopyError> {
        self.check_signature()?;
        let header = |problem| Err(CopyError::BinaryHeader { problem });
        let word = |at: usize| self.carry.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied();
        let flags = word(SIGNATURE_BYTES).map_or(0, u32::from_be_bytes);
        if flags & HAS_OIDS != 0 {
            return header("invalid COPY file header (WITH OIDS)");
        }
        if flags & CRITICAL != 0 {
            return header("unrecognized critical flags in COPY file header");
        }
        match usize::try_from(word(SIGNATURE_BYTES + 4).map_or(0, i32::from_be_bytes)) {
            Ok(length) => Ok(length),
            Err(_) => header("invalid COPY file header (missing length)"),
        }
    }
}
