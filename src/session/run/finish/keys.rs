//! Rows of earlier fetches as conditions of later ones.

use std::collections::HashSet;

use super::rows::Gathered;
use crate::session::run::arrays::Elements;
use crate::sql::{Fetch, FetchKey};
use crate::types::Oid;

/// Values that a list may have: IRIS compares each row with all of them.
const KEYS_MAX: usize = 1_000;
/// All of a list, in bytes; IRIS is sent it as one text.
const KEYS_BYTES_MAX: usize = 256 << 10;

/// A fetch with its keys as lists, for which there are parameters from `first` on: their types, and arrays in binary. Keys with
/// too many values are left out.
pub(super) fn keyed(fetch: &Fetch, gathered: &[Gathered], first: usize) -> (String, Vec<(Oid, Vec<u8>)>) {
    let mut keys: Vec<&FetchKey> = Vec::new();
    let mut lists = Vec::new();
    for key in &fetch.keys {
        if let Some(list) = list(key, gathered) {
            keys.push(key);
            lists.push((key.array, list));
        }
    }
    (fetch.keyed(keys, first), lists)
}

/// The values that a column of an earlier fetch has, as an array; `None` where they are too many.
fn list(key: &FetchKey, gathered: &[Gathered]) -> Option<Vec<u8>> {
    let column = gathered.get(key.fetch)?.columns.get(key.fetched)?;
    let element = key.array.element()?;
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut list = Elements::default();
    let (mut count, mut bytes_count) = (0_usize, 0_usize);
    for cell in column.cells() {
        if !seen.insert(cell) {
            continue;
        }
        if seen.len() > KEYS_MAX || bytes_count > KEYS_BYTES_MAX {
            return None;
        }
        // What the other column cannot hold is in no row of it.
        if let Some(value) = fitted(cell, element) {
            let length = u32::try_from(value.len()).ok()?.to_be_bytes();
            list.push(&[length.as_slice(), &value].concat());
            bytes_count = bytes_count.saturating_add(value.len());
            count = count.saturating_add(1);
        }
    }
    Some(list.into_array(element, count).concat())
}

/// A value in binary as one of another type: integers have each a length of their own.
fn fitted(cell: &[u8], element: Oid) -> Option<Vec<u8>> {
    let value = || match *cell {
        [a, b] => Some(i64::from(i16::from_be_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_be_bytes([a, b, c, d]))),
        _ => cell.first_chunk().map(|bytes| i64::from_be_bytes(*bytes)),
    };
    match element {
        Oid::INT2 => Some(i16::try_from(value()?).ok()?.to_be_bytes().to_vec()),
        Oid::INT4 => Some(i32::try_from(value()?).ok()?.to_be_bytes().to_vec()),
        Oid::INT8 => Some(value()?.to_be_bytes().to_vec()),
        _ => Some(cell.to_vec()),
    }
}
