//! The results that are open on a client's IRIS connection, counted where they open and close: whoever asks for them
//! need not walk over statements and portals.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Open results by the keys of their statements, and how many of each.
#[derive(Debug, Default)]
pub(crate) struct OpenResults {
    keys: RefCell<HashMap<u64, u32, foldhash::fast::RandomState>>,
    /// Moves when the IRIS connection is gone.
    connection: Cell<u64>,
}

/// One open result, for as long as this lives.
#[derive(Debug)]
pub(crate) struct OpenResult {
    all: Rc<OpenResults>,
    key: u64,
    connection: u64,
}

impl OpenResults {
    /// A result of the statement with this key has been opened.
    pub(crate) fn open(self: &Rc<Self>, key: u64) -> OpenResult {
        let mut keys = self.keys.borrow_mut();
        let count = keys.entry(key).or_default();
        *count = count.saturating_add(1);
        OpenResult { all: Rc::clone(self), key, connection: self.connection.get() }
    }

    pub(crate) fn any(&self) -> bool {
        !self.keys.borrow().is_empty()
    }

    pub(crate) fn has(&self, key: u64) -> bool {
        self.keys.borrow().contains_key(&key)
    }

    /// The IRIS connection is gone, and all open results with it.
    pub(crate) fn forget(&self) {
        self.keys.borrow_mut().clear();
        self.connection.set(self.connection.get().wrapping_add(1));
    }
}

impl OpenResult {
    pub(crate) fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for OpenResult {
    fn drop(&mut self) {
        if self.connection != self.all.connection.get() {
            return;
        }
        let mut keys = self.all.keys.borrow_mut();
        if let Some(count) = keys.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                keys.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_open_as_long_as_somebody_has_it() {
        let all = Rc::new(OpenResults::default());
        let (first, again, other) = (all.open(7), all.open(7), all.open(8));
        assert!(all.any() && all.has(7) && all.has(8) && !all.has(9));
        drop(first);
        assert!(all.has(7));
        drop(again);
        assert!(!all.has(7) && all.any());
        drop(other);
        assert!(!all.any());
    }

    #[test]
    fn what_was_open_on_a_lost_connection_is_not_open_on_the_next() {
        let all = Rc::new(OpenResults::default());
        let lost = all.open(7);
        all.forget();
        assert!(!all.any());
        let open = all.open(7);
        drop(lost);
        assert!(all.has(7));
        drop(open);
        assert!(!all.any());
    }
}
