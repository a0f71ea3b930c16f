//! Statement ids of one connection. The client chooses them; nothing but a new text under an old id frees a statement
//! on the server, so their number is bounded and the least recently used id is given to the next text
//! (protocol facts, section 16, point 8).

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use crate::StatementMetadata;

#[derive(Debug)]
struct Entry {
    key: u64,
    /// `None`: the server does not hold the text under this id (never sent, or refused).
    metadata: Option<Rc<StatementMetadata>>,
    /// The server says that it holds the text no longer; values may have been written by `metadata` already.
    forgotten: bool,
    /// A result of which pages may follow. Such an id is not used again: FD could not tell two results apart.
    result_open: bool,
    last_used: u64,
}

/// Of a statement's key: a number that the caller chose and no peer, so nobody makes them collide.
#[derive(Debug, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        // Fibonacci hashing, the high half folded into the low one: the map looks at both ends.
        let product = u128::from(self.0 ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = (product ^ (product >> 64)) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Ids from 1 on.
#[derive(Debug)]
pub(super) struct Statements {
    /// Index = id - 1.
    entries: Vec<Entry>,
    /// The ids of each statement: one, unless results of it were open side by side.
    ids_by_key: HashMap<u64, Vec<u32>, BuildHasherDefault<KeyHasher>>,
    ids_max: usize,
    clock: u64,
    /// Entries whose result is open.
    open_count: usize,
}

impl Statements {
    pub(super) fn new(ids_max: usize) -> Self {
        Self { entries: Vec::new(), ids_by_key: HashMap::default(), ids_max: ids_max.max(1), clock: 0, open_count: 0 }
    }

    fn entry(&self, id: u32) -> Option<&Entry> {
        self.entries.get((id as usize).checked_sub(1)?)
    }

    fn entry_mut(&mut self, id: u32) -> Option<&mut Entry> {
        self.entries.get_mut((id as usize).checked_sub(1)?)
    }

    fn ids(&self, key: u64) -> &[u32] {
        self.ids_by_key.get(&key).map_or(&[], Vec::as_slice)
    }

    /// An id under which the statement can run now: its own, if no result is open there, else another one.
    pub(super) fn claim(&mut self, key: u64) -> u32 {
        self.clock += 1;
        let own = self.ids(key).iter().copied().find(|&id| self.entry(id).is_some_and(|entry| !entry.result_open));
        let id = own.unwrap_or_else(|| self.assign(key));
        let clock = self.clock;
        if let Some(entry) = self.entry_mut(id) {
            entry.last_used = clock;
        }
        id
    }

    /// A new id, or the least recently used one. Ids with open results stay; then there are more than `ids_max`.
    fn assign(&mut self, key: u64) -> u32 {
        let victim = if self.entries.len() < self.ids_max { None } else { self.least_recently_used() };
        let id = match victim {
            Some((id, old_key)) => {
                if let Some(ids) = self.ids_by_key.get_mut(&old_key) {
                    ids.retain(|&other| other != id);
                    if ids.is_empty() {
                        self.ids_by_key.remove(&old_key);
                    }
                }
                if let Some(entry) = self.entry_mut(id) {
                    entry.key = key;
                    entry.metadata = None;
                    entry.forgotten = false;
                }
                id
            }
            None => {
                self.entries.push(Entry { key, metadata: None, forgotten: false, result_open: false, last_used: 0 });
                u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
            }
        };
        self.ids_by_key.entry(key).or_default().push(id);
        id
    }

    fn least_recently_used(&self) -> Option<(u32, u64)> {
        let (index, entry) =
            self.entries.iter().enumerate().filter(|(_, e)| !e.result_open).min_by_key(|(_, e)| e.last_used)?;
        Some((u32::try_from(index).ok()?.checked_add(1)?, entry.key))
    }

    pub(super) fn metadata(&self, id: u32) -> Option<&Rc<StatementMetadata>> {
        self.entry(id)?.metadata.as_ref()
    }

    /// The server holds the text under this id.
    pub(super) fn prepared(&mut self, id: u32, metadata: Rc<StatementMetadata>) {
        if let Some(entry) = self.entry_mut(id) {
            entry.metadata = Some(metadata);
            entry.forgotten = false;
        }
    }

    /// The server holds the text no longer. False when it has just been told so: sending it once more would not help.
    pub(super) fn set_forgotten(&mut self, id: u32) -> bool {
        self.entry_mut(id)
            .is_some_and(|entry| entry.metadata.is_some() && !std::mem::replace(&mut entry.forgotten, true))
    }

    pub(super) fn is_forgotten(&self, id: u32) -> bool {
        self.entry(id).is_some_and(|entry| entry.forgotten)
    }

    /// The server refused the text, or its plan is stale: it is sent whole the next time.
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(entry) = self.entry_mut(id) {
            entry.metadata = None;
            entry.forgotten = false;
        }
    }

    pub(super) fn set_result_open(&mut self, id: u32, open: bool) {
        let Some(entry) = self.entry_mut(id) else { return };
        match (std::mem::replace(&mut entry.result_open, open), open) {
            (false, true) => self.open_count = self.open_count.saturating_add(1),
            (true, false) => self.open_count = self.open_count.saturating_sub(1),
            _ => {}
        }
    }

    /// The id whose open result was used last.
    pub(super) fn open_result(&self, key: u64) -> Option<u32> {
        self.ids(key)
            .iter()
            .copied()
            .filter_map(|id| self.entry(id).filter(|entry| entry.result_open).map(|entry| (entry.last_used, id)))
            .max()
            .map(|(_, id)| id)
    }

    /// The id a stream handle of this statement belongs to: the one used last, open or not.
    pub(super) fn last_id(&self, key: u64) -> Option<u32> {
        self.ids(key)
            .iter()
            .copied()
            .filter_map(|id| self.entry(id).map(|entry| (entry.last_used, id)))
            .max()
            .map(|(_, id)| id)
    }

    /// All ids with open results; they count as closed afterwards.
    pub(super) fn close_results(&mut self) -> Vec<u32> {
        let mut closed = Vec::new();
        // Asked whenever a client gives the connection back, mostly for nothing.
        if std::mem::take(&mut self.open_count) == 0 {
            return closed;
        }
        for (id, entry) in (1u32..).zip(&mut self.entries) {
            if std::mem::take(&mut entry.result_open) {
                closed.push(id);
            }
        }
        closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Rc<StatementMetadata> {
        Rc::new(StatementMetadata { columns: Vec::new(), parameters: Vec::new(), cacheable: true })
    }

    #[test]
    fn a_statement_keeps_its_id() {
        let mut statements = Statements::new(10);
        assert_eq!((statements.claim(7), statements.claim(8), statements.claim(7)), (1, 2, 1));
    }

    #[test]
    fn an_open_result_is_not_overrun() {
        let mut statements = Statements::new(10);
        let first = statements.claim(7);
        statements.set_result_open(first, true);
        let second = statements.claim(7);
        assert_ne!(first, second);
        statements.set_result_open(second, true);
        assert_eq!(statements.open_result(7), Some(second));
        statements.set_result_open(second, false);
        assert_eq!(statements.open_result(7), Some(first));
        assert_eq!(statements.claim(7), second);
        statements.set_result_open(first, true);
        assert_eq!(statements.close_results(), [first]);
        assert_eq!(statements.open_result(7), None);
        assert!(statements.close_results().is_empty());
        statements.set_result_open(second, true);
        statements.set_result_open(second, false);
        assert!(statements.close_results().is_empty());
    }

    #[test]
    fn the_least_recently_used_id_goes_to_the_next_text() {
        let mut statements = Statements::new(3);
        for key in [10, 11, 12] {
            let id = statements.claim(key);
            statements.prepared(id, metadata());
        }
        statements.claim(10);
        let id = statements.claim(13);
        assert_eq!(id, 2);
        assert!(statements.metadata(id).is_none());
        assert!(statements.ids(11).is_empty());
        assert_eq!(statements.claim(11), 3);
    }

    #[test]
    fn open_results_are_never_victims() {
        let mut statements = Statements::new(2);
        for key in [1, 2] {
            let id = statements.claim(key);
            statements.set_result_open(id, true);
        }
        assert_eq!(statements.claim(3), 3);
        assert_eq!(statements.claim(4), 3);
    }
}
