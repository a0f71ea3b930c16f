//! A row that a change is computed as, and what ends a change because of it.

use crate::session::understand::context::Cx;
use crate::types::{Datum, Oid, PgType, assign};
use crate::wire::{PgError, SqlState};

/// Cells, `None` for NULL.
pub(in crate::session::run) type Row = Vec<Option<Vec<u8>>>;

/// The cells of a DataRow message.
pub(in crate::session::run) fn cells(body: &[u8]) -> Option<Row> {
    // Behind their number.
    let mut rest = body.get(2..)?;
    let mut row = Row::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (cell, next) = behind.split_at_checked(length)?;
                row.push(Some(cell.to_vec()));
                rest = next;
            }
            Err(_) => {
                row.push(None);
                rest = behind;
            }
        }
    }
    Some(row)
}

/// # Errors
/// 22001 for a text that is too long.
pub(super) fn check_fits(fits: &[(usize, PgType)], row: &Row, cx: &Cx<'_>) -> Result<(), Box<PgError>> {
    for (at, pg_type) in fits {
        let text = row.get(*at).and_then(Option::as_deref).and_then(|text| std::str::from_utf8(text).ok());
        if let Some(text) = text {
            assign(Datum::Text(text), Oid::TEXT, *pg_type, cx.client.settings.style())?;
        }
    }
    Ok(())
}

/// The number in a cell, an integer in binary; zero for none.
pub(super) fn chosen(row: &Row, at: usize) -> usize {
    let cell = row.get(at).and_then(Option::as_deref).and_then(<[u8]>::first_chunk);
    cell.map_or(0, |bytes| usize::try_from(i32::from_be_bytes(*bytes)).unwrap_or(0))
}

/// Others have come between the reading and the writing, again and again.
pub(in crate::session::run) fn overtaken() -> Box<PgError> {
    PgError::error(SqlState(*b"40001"), "could not serialize access due to concurrent update").hint("Try again.")
}

pub(super) fn merged_twice() -> Box<PgError> {
    PgError::error(SqlState(*b"21000"), "MERGE command cannot affect row a second time")
        .hint("Ensure that not more than one source row matches any one target row.")
}

/// Cells that are the same bytes when all of them are.
pub(super) fn joined<'a>(cells: impl Iterator<Item = &'a Option<Vec<u8>>>) -> Vec<u8> {
    let mut all = Vec::new();
    for cell in cells {
        let length = cell.as_ref().map_or(-1, |cell| i64::try_from(cell.len()).unwrap_or(i64::MAX));
        all.extend_from_slice(&length.to_be_bytes());
        all.extend_from_slice(cell.as_deref().unwrap_or_default());
    }
    all
}
