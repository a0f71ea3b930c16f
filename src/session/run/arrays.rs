//! Rows on their way to PostgreSQL: an array for each column, which a sub-query makes rows of again.

use std::fmt::Write as _;

use crate::catalog::LongValue;
use crate::sql::FetchedColumn;
use crate::types::{Oid, quoted_name};
use crate::wire::{PgError, SqlState};

/// A piece of an array: whatever its length, no step copies more than this.
const PIECE_BYTES: usize = 64 << 10;

/// The elements of an array in its binary form (`array_recv`), which is that of a row's cells: length, then bytes.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    /// Each of whole elements.
    pieces: Vec<Vec<u8>>,
    has_null: bool,
}

impl Elements {
    /// `cell`: with its length in front.
    pub(crate) fn push(&mut self, cell: &[u8]) {
        match self.pieces.last_mut() {
            Some(piece) if piece.len().saturating_add(cell.len()) <= PIECE_BYTES => piece.extend_from_slice(cell),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE_BYTES.max(cell.len()));
                piece.extend_from_slice(cell);
                self.pieces.push(piece);
            }
            None => self.pieces.push(cell.to_vec()),
        }
    }

    /// A text, or NULL.
    pub(crate) fn push_text(&mut self, text: Option<&[u8]>) {
        let Some(text) = text else {
            self.has_null = true;
            return self.push(&(-1_i32).to_be_bytes());
        };
        let mut cell = Vec::with_capacity(text.len().saturating_add(4));
        cell.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        cell.extend_from_slice(text);
        self.push(&cell);
    }

    /// The array of `count` elements, of one dimension.
    pub(crate) fn into_array(mut self, element: Oid, count: usize) -> LongValue {
        let mut array = Vec::with_capacity(20);
        let dimensions = u32::from(count > 0);
        let words = [dimensions, u32::from(self.has_null), element.0];
        array.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        if count > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            array.extend([count, 1].iter().flat_map(|word| word.to_be_bytes()));
        }
        self.pieces.insert(0, array);
        self.pieces
    }

    /// Those that are not NULL.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().flat_map(|piece| cells(piece))
    }
}

fn cells(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
                rest = behind;
                continue;
            };
            let (cell, next) = behind.split_at_checked(length)?;
            rest = next;
            return Some(cell);
        }
    })
}

/// The cells of a DataRow message at the ends of their columns.
///
/// # Errors
/// XX000 for a row with fewer cells.
pub(crate) fn put_elements(row: &[u8], columns: &mut [Elements]) -> Result<(), Box<PgError>> {
    // Behind the number of columns.
    let mut cells = row.get(2..).unwrap_or_default();
    for column in columns {
        let length = cells.first_chunk::<4>().map_or(-1, |bytes| i32::from_be_bytes(*bytes));
        let (cell, next) = cells
            .split_at_checked(usize::try_from(length).unwrap_or(0).saturating_add(4))
            .ok_or_else(|| PgError::error(SqlState::INTERNAL_ERROR, "a row of a fetch is cut short"))?;
        cells = next;
        column.push(cell);
        column.has_null |= length < 0;
    }
    Ok(())
}

/// A sub-query that gives the rows of a fetch. With casts it is evaluated for itself: each value is cast once.
pub(crate) fn put_rows(columns: &[FetchedColumn], first: usize, sql: &mut String) {
    let list = |put: &dyn Fn(usize, &FetchedColumn, &mut String), sql: &mut String| {
        for (n, column) in columns.iter().enumerate() {
            if n > 0 {
                sql.push_str(", ");
            }
            put(n, column, sql);
        }
    };
    sql.push_str("(SELECT ");
    list(
        &|n, column, sql| {
            let cast = column.cast.as_deref();
            // Writing into a String does not fail.
            let _ = match cast {
                Some(cast) => write!(sql, "r.c{n}::{cast} AS {}", quoted_name(&column.name)),
                None => write!(sql, "r.c{n} AS {}", quoted_name(&column.name)),
            };
        },
        sql,
    );
    // Of several arrays PostgreSQL takes the name for its own function, whatever the search path says (`parse_clause.c`).
    let function = if columns.len() > 1 { "unnest" } else { "pg_catalog.unnest" };
    let _ = write!(sql, " FROM {function}(");
    list(
        &|n, _, sql| {
            let _ = write!(sql, "${}", first.saturating_add(n));
        },
        sql,
    );
    sql.push_str(") AS r(");
    list(
        &|n, _, sql| {
            let _ = write!(sql, "c{n}");
        },
        sql,
    );
    sql.push(')');
    if columns.iter().any(|column| column.cast.is_some()) {
        sql.push_str(" OFFSET 0");
    }
    sql.push(')');
}
