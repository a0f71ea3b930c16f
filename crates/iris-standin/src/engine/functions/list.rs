//! `$LIST` functions.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::{Value as Stored, ValueRef};

use super::super::lists::{self, Element};
use super::call::{Call, integer, raise, scalar, strict, text};
use super::collation::trimmed;

fn elements(call: &Call<'_, '_>, index: usize) -> Vec<Element> {
    match call.raw(index) {
        ValueRef::Blob(blob) => lists::decode(blob).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn delimiter(call: &Call<'_, '_>) -> String {
    if call.count() > 1 { call.text(1) } else { ",".into() }
}

/// The element at a position counted from 1; -1 is the last.
fn at(elements: &[Element], position: i64) -> Option<&Element> {
    match position {
        -1 => elements.last(),
        _ => usize::try_from(position).ok().and_then(|position| elements.get(position.checked_sub(1)?)),
    }
}

/// The elements of the list that was asked last: it is the same for all rows of a query.
#[derive(Default)]
struct Latest {
    list: Vec<u8>,
    upper: bool,
    elements: HashSet<String>,
}

impl Latest {
    fn has(&mut self, list: &[u8], upper: bool, value: &str) -> bool {
        let fold = |value: &str| if upper { trimmed(value).to_uppercase() } else { value.to_owned() };
        if self.list != list || self.upper != upper {
            let decoded = lists::decode(list).unwrap_or_default();
            self.elements = decoded.into_iter().flatten().map(|element| fold(&element)).collect();
            self.upper = upper;
            self.list.clear();
            self.list.extend_from_slice(list);
        }
        self.elements.contains(&fold(value))
    }
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    scalar(conn, "iris_list_build", -1, |call| {
        let element = |at: usize| (call.raw(at) != ValueRef::Null).then(|| call.text(at));
        Ok(Stored::Blob(lists::encode((0..call.count()).map(element))))
    })?;
    for arguments in 1..=2 {
        strict(conn, "iris_list_from_string", arguments, |call| {
            Ok(Stored::Blob(lists::from_text(&call.text(0), &delimiter(call))))
        })?;
        strict(conn, "iris_list_to_string", arguments, |call| {
            let parts: Vec<String> = elements(call, 0).into_iter().map(Option::unwrap_or_default).collect();
            text(parts.join(&delimiter(call)))
        })?;
        strict(conn, "iris_list_data", arguments, |call| {
            let position = if call.count() > 1 { call.int(1) } else { 1 };
            Ok(Stored::Integer(i64::from(at(&elements(call, 0), position).is_some_and(Option::is_some))))
        })?;
    }
    strict(conn, "iris_list_length", 1, |call| match call.raw(0) {
        ValueRef::Blob(blob) if lists::decode(blob).is_some() => integer(elements(call, 0).len()),
        _ => Err(raise(400, "Unexpected error occurred: <LIST>")),
    })?;
    for arguments in 1..=3 {
        strict(conn, "iris_list_get", arguments, |call| {
            let position = if call.count() > 1 { call.int(1) } else { 1 };
            match at(&elements(call, 0), position) {
                Some(Some(element)) => text(element.clone()),
                _ if call.count() > 2 => text(call.text(2)),
                _ => Ok(Stored::Null),
            }
        })?;
    }
    strict(conn, "iris_list_find", 2, |call| {
        let wanted = Some(call.text(1));
        integer(elements(call, 0).iter().position(|element| *element == wanted).map_or(0, |at| at + 1))
    })?;
    strict(conn, "iris_list_same", 2, |call| Ok(Stored::Integer(i64::from(elements(call, 0) == elements(call, 1)))))?;
    // (text, list, whether case counts)
    let latest = Mutex::new(Latest::default());
    strict(conn, "iris_in_list", 3, move |call| {
        let ValueRef::Blob(list) = call.raw(1) else { return Ok(Stored::Integer(0)) };
        let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Stored::Integer(i64::from(latest.has(list, call.int(2) == 1, &call.text(0)))))
    })
}
