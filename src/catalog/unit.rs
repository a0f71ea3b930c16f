//! Questions for the oracle as frontend messages: a transaction with the session's settings around one statement.

use crate::types::{Oid, quoted_name, quoted_text};
use crate::wire::Format;

use super::oracle::{MIRROR_OWNER, OraclePurpose, OracleRequest};

/// ReadyForQuery messages of an answer: behind the prelude, the statement, and ROLLBACK.
const SYNCS_COUNT: usize = 3;

/// A value of Bind: format, and bytes or NULL.
pub(crate) type BoundValue = (Format, Option<Vec<u8>>);

/// A value in pieces, in binary.
pub(crate) type LongValue = Vec<Vec<u8>>;

/// A piece of fewer bytes is not worth a write of its own.
const PIECE_BYTES_MIN: usize = 16 << 10;

/// What to ask for a statement besides its types.
#[derive(Debug, Default)]
pub(crate) struct Execution<'a> {
    pub values: &'a [BoundValue],
    /// Those of the last parameters.
    pub long_values: Vec<LongValue>,
    /// Format codes of the result: none (all text), one for all, or one each.
    pub result_formats: &'a [Format],
}

/// The types of a statement: ParameterDescription, then RowDescription or NoData. `prelude`: what [`prelude`] made.
pub(crate) fn describe(prelude: &str, sql: &str, parameter_types: &[Oid]) -> OracleRequest {
    question(OraclePurpose::Describe, prelude, |frames| {
        parse(frames, sql, parameter_types);
        frame(frames, b'D', |body| body.extend_from_slice(b"S\0"));
        frame(frames, b'S', |_| {});
    })
}

/// The rows of a statement: RowDescription or NoData, DataRow messages, CommandComplete.
pub(crate) fn execute(prelude: &str, sql: &str, parameter_types: &[Oid], execution: Execution<'_>) -> OracleRequest {
    let Execution { values, long_values, result_formats } = execution;
    let long_bytes = long_values.iter().map(|value| value_len(value).saturating_add(4)).fold(0, usize::saturating_add);
    let mut pieces = Vec::new();
    let mut frames = Vec::with_capacity(prelude.len().saturating_add(512));
    query(&mut frames, prelude);
    parse(&mut frames, sql, parameter_types);
    let start = frames.len().saturating_add(1);
    frame(&mut frames, b'B', |body| {
        body.extend_from_slice(b"\0\0");
        let formats = values.iter().map(|(format, _)| *format);
        let long_formats = long_values.iter().map(|_| Format::Binary);
        put_u16(body, values.len().saturating_add(long_values.len()));
        put_format_codes(body, formats.chain(long_formats));
        put_u16(body, values.len().saturating_add(long_values.len()));
        for (_, value) in values {
            match value {
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(bytes) => {
                    put_u32(body, bytes.len());
                    body.extend_from_slice(bytes);
                }
            }
        }
    });
    // What follows belongs to the same message.
    let mut rest = Vec::new();
    put_formats(&mut rest, result_formats.iter().copied());
    let length = frames.len().saturating_sub(start).saturating_add(long_bytes).saturating_add(rest.len());
    put_length(&mut frames, start, length);
    for value in long_values {
        put_u32(&mut frames, value_len(&value));
        for piece in value {
            if piece.len() < PIECE_BYTES_MIN {
                frames.extend_from_slice(&piece);
            } else {
                pieces.push(std::mem::take(&mut frames));
                pieces.push(piece);
            }
        }
    }
    frames.extend_from_slice(&rest);
    frame(&mut frames, b'D', |body| body.extend_from_slice(b"P\0"));
    frame(&mut frames, b'E', |body| body.extend_from_slice(b"\0\0\0\0\0"));
    frame(&mut frames, b'S', |_| {});
    query(&mut frames, "ROLLBACK");
    pieces.push(frames);
    OracleRequest { purpose: OraclePurpose::Answer, frames: pieces.into(), syncs_count: SYNCS_COUNT }
}

fn value_len(value: &LongValue) -> usize {
    value.iter().map(Vec::len).fold(0, usize::saturating_add)
}

/// `statements`: what else runs in the transaction and gives one row, as a simple query (`SET LOCAL x = 'v'; SHOW x`).
pub(crate) fn try_setting(prelude: &str, statements: &str) -> OracleRequest {
    question(OraclePurpose::Setting, prelude, |frames| query(frames, statements))
}

/// One statement that changes the mirror, as its owner and in a transaction of its own.
pub(crate) fn change(search_path: &str, sql: &str, marks: Option<&str>) -> OracleRequest {
    as_owner(search_path, [sql], marks)
}

/// Statements that change the mirror, as its owner and in one transaction: all or none. `marks`: what
/// [`put_marks`](super::put_marks) made, part of the same transaction.
pub(crate) fn as_owner<'a>(
    search_path: &str,
    statements: impl IntoIterator<Item = &'a str>,
    marks: Option<&str>,
) -> OracleRequest {
    let mut frames = Vec::new();
    let owner = quoted_name(MIRROR_OWNER);
    let path = quoted_text(search_path);
    query(
        &mut frames,
        &format!("BEGIN; SET LOCAL ROLE {owner}; SELECT pg_catalog.set_config('search_path', {path}, true)"),
    );
    // One message for all: PostgreSQL takes them apart faster than they could be asked for one by one.
    query(&mut frames, &statements.into_iter().collect::<Vec<_>>().join("\n;\n"));
    let mut syncs_count = 3_usize;
    if let Some(marks) = marks {
        query(&mut frames, &format!("SET LOCAL ROLE NONE; {marks}"));
        syncs_count = syncs_count.saturating_add(1);
    }
    // Of a failed transaction this is a rollback.
    query(&mut frames, "COMMIT");
    OracleRequest { purpose: OraclePurpose::Setting, frames: frames.into(), syncs_count }
}

/// Statements that run one by one, as whoever the connection is.
pub(crate) fn as_superuser<'a>(statements: impl IntoIterator<Item = &'a str>) -> OracleRequest {
    let mut frames = Vec::new();
    let mut syncs_count = 0_usize;
    for sql in statements {
        query(&mut frames, sql);
        syncs_count = syncs_count.saturating_add(1);
    }
    OracleRequest { purpose: OraclePurpose::Setting, frames: frames.into(), syncs_count }
}

/// Definitions that IRIS has refused, tried in a transaction that is rolled back: what PostgreSQL has against them.
pub(crate) fn try_definitions<'a>(search_path: &str, statements: impl IntoIterator<Item = &'a str>) -> OracleRequest {
    let (owner, path) = (quoted_name(MIRROR_OWNER), quoted_text(search_path));
    let prelude = format!("BEGIN; SET LOCAL ROLE {owner}; SELECT pg_catalog.set_config('search_path', {path}, true)");
    let statements = statements.into_iter().collect::<Vec<_>>().join("\n;\n");
    question(OraclePurpose::Answer, &prelude, |frames| query(frames, &statements))
}

fn question(purpose: OraclePurpose, prelude: &str, put: impl FnOnce(&mut Vec<u8>)) -> OracleRequest {
    let mut frames = Vec::with_capacity(prelude.len().saturating_add(512));
    query(&mut frames, prelude);
    put(&mut frames);
    query(&mut frames, "ROLLBACK");
    OracleRequest { purpose, frames: frames.into(), syncs_count: SYNCS_COUNT }
}

fn parse(frames: &mut Vec<u8>, sql: &str, parameter_types: &[Oid]) {
    frame(frames, b'P', |body| {
        body.push(0);
        put_text(body, sql);
        put_u16(body, parameter_types.len());
        for oid in parameter_types.iter().take(usize::from(u16::MAX)) {
            body.extend_from_slice(&oid.0.to_be_bytes());
        }
    });
}

fn query(frames: &mut Vec<u8>, sql: &str) {
    frame(frames, b'Q', |body| put_text(body, sql));
}

fn frame(frames: &mut Vec<u8>, tag: u8, put: impl FnOnce(&mut Vec<u8>)) {
    frames.push(tag);
    let start = frames.len();
    frames.extend_from_slice(&[0; 4]);
    put(frames);
    let length = frames.len().saturating_sub(start);
    put_length(frames, start, length);
}

/// Of the message whose length stands at `start`.
fn put_length(frames: &mut [u8], start: usize, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    if let Some(room) = frames.get_mut(start..).and_then(|rest| rest.first_chunk_mut()) {
        *room = length.to_be_bytes();
    }
}

/// Text comes from frames of a client, where a zero byte ends it: there is none inside.
fn put_text(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.split('\0').next().unwrap_or_default().as_bytes());
    body.push(0);
}

fn put_formats(body: &mut Vec<u8>, formats: impl ExactSizeIterator<Item = Format>) {
    put_u16(body, formats.len());
    put_format_codes(body, formats);
}

fn put_format_codes(body: &mut Vec<u8>, formats: impl Iterator<Item = Format>) {
    for format in formats {
        body.extend_from_slice(&u16::from(format == Format::Binary).to_be_bytes());
    }
}

fn put_u16(body: &mut Vec<u8>, count: usize) {
    body.extend_from_slice(&u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
}

fn put_u32(body: &mut Vec<u8>, count: usize) {
    body.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Messages;

    #[test]
    fn frames_are_whole() {
        let values = [(Format::Binary, Some(vec![0, 0, 0, 7])), (Format::Text, None)];
        for long_values in [vec![], vec![vec![vec![1; 20], vec![2; PIECE_BYTES_MIN]], vec![], vec![vec![3; 5]]]] {
            let (count, pieces) = (long_values.len(), if long_values.is_empty() { 1 } else { 3 });
            let execution = Execution { values: &values, long_values, result_formats: &[Format::Binary] };
            let request = execute("BEGIN READ ONLY", "select $1", &[Oid(23), Oid(0)], execution);
            assert_eq!(request.frames.pieces().count(), pieces);
            let frames = request.frames.pieces().collect::<Vec<_>>().concat();
            assert_eq!(frames.len(), request.frames.len());
            let mut messages = Messages::new(&frames);
            let bind = messages.by_ref().map(|(frame, _)| frame).find(|frame| frame.tag == b'B').unwrap();
            assert_eq!(bind.body.get(2..4), Some(&[0, 2 + u8::try_from(count).unwrap()][..]));
            assert_eq!(bind.body.get(bind.body.len() - 4..), Some(&[0, 1, 0, 1][..]));
            let mut messages = Messages::new(&frames);
            let tags: String = messages.by_ref().map(|(frame, _)| char::from(frame.tag)).collect();
            assert_eq!((tags.as_str(), messages.rest()), ("QPBDESQ", &b""[..]));
            assert_eq!(request.syncs_count, 3);
        }
    }

    #[test]
    fn statements_end_where_they_should() {
        let request = as_owner("public", ["SELECT 1 -- one", "SELECT 2"], Some("SELECT 3"));
        let text = String::from_utf8_lossy(&request.frames.pieces().collect::<Vec<_>>().concat()).into_owned();
        assert!(text.contains("SELECT 1 -- one\n;\nSELECT 2\0"), "{text}");
        assert!(text.contains("SET LOCAL ROLE NONE; SELECT 3\0"), "{text}");
        assert_eq!(text.matches('Q').count(), request.syncs_count);
    }
}
