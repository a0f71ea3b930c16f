//! What the oracle answers: backend messages, read as far as a session needs them. Rows stay the bytes they are.

use crate::types::{Oid, PgType};
use crate::wire::{Frame, Messages, PgError, Reader, Severity, SqlState, WireError};

/// A column as PostgreSQL describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedColumn {
    pub name: String,
    /// 0 when it is no column of a table.
    pub table_oid: u32,
    pub attribute_number: i16,
    pub pg_type: PgType,
    pub type_len: i16,
}

/// What PostgreSQL says of a statement it has prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    pub parameter_types: Vec<Oid>,
    /// `None`: no rows.
    pub columns: Option<Vec<DescribedColumn>>,
}

/// The answer to one question, ROLLBACK and all.
#[derive(Debug, Default)]
pub struct Answer {
    pub described: Described,
    /// RowDescription as it came; empty when there was none.
    pub row_description: Vec<u8>,
    /// DataRow messages as they came, back to back.
    pub rows: Vec<u8>,
    pub rows_count: u64,
    pub tag: Option<String>,
    pub notices: Vec<PgError>,
    /// Those of what stands in front of the statement.
    pub prelude_notices: Vec<PgError>,
    pub error: Option<Box<PgError>>,
    /// The error is the prelude's: the statement has not been looked at.
    pub is_prelude_error: bool,
}

impl Answer {
    /// # Errors
    /// 08P01 when the bytes are no backend messages.
    pub fn read(bytes: &[u8]) -> Result<Self, Box<PgError>> {
        let mut answer = Self::default();
        let mut messages = Messages::new(bytes);
        let mut syncs = 0_usize;
        for (Frame { tag, body }, whole) in messages.by_ref() {
            match tag {
                b'Z' => syncs = syncs.saturating_add(1),
                b'E' if answer.error.is_none() && syncs < 2 => {
                    answer.error = Some(read_error(body)?);
                    answer.is_prelude_error = syncs == 0;
                }
                b'N' if syncs == 0 => answer.prelude_notices.push(*read_error(body)?),
                _ if syncs == 1 => answer.take(tag, body, whole)?,
                _ => {}
            }
        }
        check_whole(&messages)?;
        Ok(answer)
    }

    fn take(&mut self, tag: u8, body: &[u8], whole: &[u8]) -> Result<(), Box<PgError>> {
        match tag {
            b't' => self.described.parameter_types = read_parameters(body).map_err(unreadable)?,
            b'T' => {
                self.described.columns = Some(read_columns(body).map_err(unreadable)?);
                self.row_description = whole.to_vec();
                self.rows.clear();
                self.rows_count = 0;
            }
            b'D' => {
                self.rows.extend_from_slice(whole);
                self.rows_count = self.rows_count.saturating_add(1);
            }
            b'C' => self.tag = Some(Reader::new(body).cstr("tag").map_err(unreadable)?.to_owned()),
            b'N' => self.notices.push(*read_error(body)?),
            _ => {}
        }
        Ok(())
    }

    /// The cells of the first row, as text; none without a row.
    pub fn first_row(&self) -> Vec<Option<String>> {
        self.text_rows().next().unwrap_or_default()
    }

    /// The cells of each row, as text.
    pub fn text_rows(&self) -> impl Iterator<Item = Vec<Option<String>>> + '_ {
        Messages::new(&self.rows).map(|(row, _)| {
            let mut cells = Vec::new();
            let mut reader = Reader::new(row.body);
            for _ in 0..reader.u16("columns").unwrap_or_default() {
                let Ok(cell) = reader.nullable("cell") else { break };
                cells.push(cell.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
            }
            cells
        })
    }

    /// The first cell of the first row, as text; `None` when it is NULL, or there is none.
    pub fn single_value(&self) -> Option<String> {
        self.first_row().into_iter().next().flatten()
    }
}

/// The first error of an answer, with the number of ReadyForQuery messages in front of it: which of several statements
/// it belongs to.
///
/// # Errors
/// 08P01 when the bytes are no backend messages.
pub fn first_error(bytes: &[u8]) -> Result<Option<(usize, Box<PgError>)>, Box<PgError>> {
    let mut messages = Messages::new(bytes);
    let mut syncs = 0_usize;
    for (frame, _) in messages.by_ref() {
        match frame.tag {
            b'Z' => syncs = syncs.saturating_add(1),
            b'E' => return Ok(Some((syncs, read_error(frame.body)?))),
            _ => {}
        }
    }
    check_whole(&messages)?;
    Ok(None)
}

/// The first `count` DataRow messages of `rows`, in bytes.
pub fn rows_len(rows: &[u8], count: u64) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Messages::new(rows).take(count).fold(0, |length, (_, row)| length.saturating_add(row.len()))
}

fn read_parameters(body: &[u8]) -> Result<Vec<Oid>, WireError> {
    let mut reader = Reader::new(body);
    let count = reader.u16("parameters")?;
    Ok(reader.u32s(count, "parameter types")?.iter().map(|oid| Oid(u32::from_be_bytes(*oid))).collect())
}

fn read_columns(body: &[u8]) -> Result<Vec<DescribedColumn>, WireError> {
    let mut reader = Reader::new(body);
    let count = reader.u16("columns")?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = reader.cstr("column name")?.to_owned();
        let table_oid = reader.u32("table")?;
        let attribute_number = reader.i16("attribute")?;
        let oid = Oid(reader.u32("type")?);
        let type_len = reader.i16("type length")?;
        let typmod = reader.i32("type modifier")?;
        reader.i16("format")?;
        let pg_type = PgType { oid, typmod };
        columns.push(DescribedColumn { name, table_oid, attribute_number, pg_type, type_len });
    }
    Ok(columns)
}

/// ErrorResponse and NoticeResponse, as far as a [`PgError`] holds them.
fn read_error(body: &[u8]) -> Result<Box<PgError>, Box<PgError>> {
    let mut error = PgError::error(SqlState::INTERNAL_ERROR, "");
    let mut reader = Reader::new(body);
    loop {
        let field = reader.u8("field").map_err(unreadable)?;
        if field == 0 {
            return Ok(error);
        }
        let text = reader.cstr("field value").map_err(unreadable)?;
        match field {
            b'V' => error.severity = severity(text),
            b'C' => {
                if let Ok(code) = text.as_bytes().try_into() {
                    error.code = SqlState(code);
                }
            }
            b'M' => text.clone_into(&mut error.message),
            b'D' => error.detail = Some(text.to_owned()),
            b'H' => error.hint = Some(text.to_owned()),
            b'P' => error.position = text.parse().ok(),
            // Of PostgreSQL's own functions: others are the gateway's.
            b'W' if text.starts_with("JSON data, ") => error.context = Some(text.to_owned()),
            b's' => error.fields_mut().schema = Some(text.to_owned()),
            b't' => error.fields_mut().table = Some(text.to_owned()),
            b'c' => error.fields_mut().column = Some(text.to_owned()),
            b'd' => error.fields_mut().data_type = Some(text.to_owned()),
            b'n' => error.fields_mut().constraint = Some(text.to_owned()),
            b'R' => error.fields_mut().routine = Some(text.to_owned()),
            _ => {}
        }
    }
}

/// The oracle's FATAL and PANIC end its connection, not the client's.
fn severity(text: &str) -> Severity {
    match text {
        "WARNING" => Severity::Warning,
        "NOTICE" | "LOG" | "DEBUG" => Severity::Notice,
        "INFO" => Severity::Info,
        _ => Severity::Error,
    }
}

/// That all bytes were messages.
fn check_whole(messages: &Messages<'_>) -> Result<(), Box<PgError>> {
    if messages.rest().is_empty() {
        return Ok(());
    }
    Err(PgError::error(SqlState::PROTOCOL_VIOLATION, "the catalog service sent an incomplete message"))
}

fn unreadable(error: WireError) -> Box<PgError> {
    PgError::error(SqlState::PROTOCOL_VIOLATION, "the catalog service sent an unreadable message")
        .detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_ends_with_its_row() {
        let row = |cell_bytes: u8| [b"D\0\0\0\x0B\0\x01\0\0\0".as_slice(), &[cell_bytes, b'7']].concat();
        let rows = |cell_bytes| Answer { rows: [row(cell_bytes), row(1)].concat(), rows_count: 2, ..Answer::default() };
        assert_eq!(rows(1).single_value().as_deref(), Some("7"));
        assert_eq!(rows(3).single_value(), None);
        assert_eq!(rows(3).text_rows().collect::<Vec<_>>(), [vec![], vec![Some("7".to_owned())]]);
        assert_eq!(Answer::default().single_value(), None);
    }
}
