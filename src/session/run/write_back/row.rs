//! A row that a change is computed as, and what ends a change because of it.

use crate::session::run::violation::cut;
use crate::session::understand::context::Cx;
use crate::sql::Guard;
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

/// # Errors
/// 23502 and 23514 for a row that breaks a rule of its table, in PostgreSQL's words.
pub(super) fn check_rules(guard: &Guard, row: &Row) -> Result<(), Box<PgError>> {
    let cell = row.get(guard.verdict).and_then(Option::as_deref).and_then(<[u8]>::first_chunk);
    let verdict = cell.map_or(0, |bytes| i32::from_be_bytes(*bytes));
    let place = usize::try_from(verdict.unsigned_abs()).unwrap_or(usize::MAX).checked_sub(1);
    let Some(place) = place else { return Ok(()) };
    let mut error = if verdict < 0 {
        let column = guard.columns.get(place).cloned().unwrap_or_default();
        let message =
            format!("null value in column \"{column}\" of relation \"{}\" violates not-null constraint", guard.table);
        let mut error = PgError::error(SqlState::NOT_NULL_VIOLATION, message).routine("ReportNotNullViolationError");
        error.fields_mut().column = Some(column);
        error
    } else {
        let name = guard.rules.checks.get(place).map(|check| check.name.clone()).unwrap_or_default();
        let message = format!("new row for relation \"{}\" violates check constraint \"{name}\"", guard.table);
        let mut error = PgError::error(SqlState::CHECK_VIOLATION, message).routine("ExecConstraints");
        error.fields_mut().constraint = Some(name);
        error
    };
    error.fields_mut().schema = Some(guard.schema.clone());
    error.fields_mut().table = Some(guard.table.clone());
    if !guard.is_partly_shown {
        let cells = (0..guard.columns.len()).map(|n| {
            let cell = row.get(guard.shown.saturating_add(n)).and_then(Option::as_deref);
            cell.map_or_else(|| "null".to_owned(), |cell| cut(&String::from_utf8_lossy(cell)))
        });
        error.detail = Some(format!("Failing row contains ({}).", cells.collect::<Vec<_>>().join(", ")));
    }
    Err(error)
}

/// A duplicate key of an index that is not one of plain columns, with the values that the row has for it.
pub(super) fn with_key(mut error: Box<PgError>, guard: &Guard, row: &Row) -> Box<PgError> {
    if error.code != SqlState::UNIQUE_VIOLATION {
        return error;
    }
    let name = error.fields_mut().constraint.clone().unwrap_or_default();
    let place = guard.rules.keys.iter().position(|key| key.name.eq_ignore_ascii_case(&name));
    let Some((place, key)) = place.and_then(|place| Some((place, guard.rules.keys.get(place)?))) else { return error };
    error.message = format!("duplicate key value violates unique constraint \"{}\"", key.name);
    error.fields_mut().constraint = Some(key.name.clone());
    let shown = row.get(guard.keys.saturating_add(place)).and_then(Option::as_deref);
    if let Some(shown) = shown {
        let own = String::from_utf8_lossy(shown).into_owned();
        // What IRIS knows of the key is a column that no client sees.
        error.detail = Some(own);
    }
    error
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
