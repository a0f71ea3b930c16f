//! Where in the data of a COPY an error is, for its CONTEXT (`CopyFromErrorCallback`).

use crate::session::understand::context::Understood;
use crate::sql::{Action, CopyFormat, CopyFromStdin};
use crate::wire::PgError;

/// Bytes of a value in the CONTEXT of an error (`MAX_COPY_DATA_DISPLAY` of `copyfromparse.c`).
const SHOWN_BYTES_MAX: usize = 100;

/// What of a line an error is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Line,
    /// The line as it came.
    Text(&'a [u8]),
    /// A column by its place, and its value.
    Column(usize, Option<&'a [u8]>),
}

pub(super) fn copy(understood: &Understood) -> Option<&CopyFromStdin> {
    match &understood.translation.action {
        Action::CopyFromStdin(copy) => Some(copy),
        _ => None,
    }
}

pub(super) fn table_name(copy: &CopyFromStdin) -> &str {
    copy.insert.writes.as_ref().map_or("", |writes| writes.table.name.as_str())
}

pub(super) fn column_name(copy: &CopyFromStdin, index: usize) -> &str {
    copy.columns.get(index).map_or("", |(name, _)| name.as_str())
}

/// A value as messages show it.
pub(super) fn shown(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    if value.len() <= SHOWN_BYTES_MAX {
        return value.into_owned();
    }
    let end = (0..=SHOWN_BYTES_MAX).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", value.get(..end).unwrap_or_default())
}

/// The error with its place.
pub(super) fn at_line(mut error: Box<PgError>, understood: &Understood, line: u64, place: Place<'_>) -> Box<PgError> {
    let Some(copy) = copy(understood) else { return error };
    let is_binary = matches!(copy.options.format, CopyFormat::Binary);
    let line = format!("COPY {}, line {line}", table_name(copy));
    error.context = Some(match place {
        Place::Line => line,
        // What is binary is not shown.
        Place::Text(_) if is_binary => line,
        Place::Text(text) => format!("{line}: \"{}\"", shown(text)),
        Place::Column(index, _) if is_binary => format!("{line}, column {}", column_name(copy, index)),
        Place::Column(index, None) => format!("{line}, column {}: null input", column_name(copy, index)),
        Place::Column(index, Some(value)) => {
            format!("{line}, column {}: \"{}\"", column_name(copy, index), shown(value))
        }
    });
    error
}
