//! Rows of fetches, as they go to PostgreSQL.

use crate::types::Oid;

/// The rows of one fetch, column by column.
#[derive(Debug)]
pub(super) struct Gathered {
    pub columns: Vec<Elements>,
    pub rows_count: usize,
    /// Of the DataRow messages.
    pub bytes_count: usize,
}

/// The elements of an array in its binary form (`array_recv`), which is that of a row's cells: length, then bytes.
#[derive(Debug, Default)]
pub(super) struct Elements {
    pub bytes: Vec<u8>,
    pub has_null: bool,
}

impl Elements {
    /// The array of `count` elements, of one dimension.
    pub(super) fn into_array(self, element: Oid, count: usize) -> Vec<u8> {
        let mut array = Vec::with_capacity(self.bytes.len().saturating_add(20));
        let dimensions = u32::from(count > 0);
        let words = [dimensions, u32::from(self.has_null), element.0];
        array.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        if count > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            array.extend([count, 1].iter().flat_map(|word| word.to_be_bytes()));
        }
        array.extend_from_slice(&self.bytes);
        array
    }

    /// Those that are not NULL.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
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
}
