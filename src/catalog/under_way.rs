//! Which relations DDL of sessions is changing right now.
//!
//! The schema that the keeper of the mirror reads from IRIS may be from the middle of such a change: the table is gone and
//! not yet made anew, or IRIS has it and the session has not yet carried it over. What a reading says of these relations
//! is not to be followed; their sessions do it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of all shards of the process.
#[derive(Debug, Default)]
pub struct ChangesUnderWay {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    changes: Vec<(u64, Vec<(String, String)>)>,
}

impl ChangesUnderWay {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A push or a removal is all that happens.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change of relations (IRIS schema and name) begins; it is under way until what is returned is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>, relations: impl IntoIterator<Item = (String, String)>) -> ChangeUnderWay {
        let mut inner = self.lock();
        inner.last_id = inner.last_id.wrapping_add(1);
        let id = inner.last_id;
        inner.changes.push((id, relations.into_iter().collect()));
        ChangeUnderWay { changes: Arc::clone(self), id }
    }

    /// The relations that are being changed.
    pub fn relations(&self) -> HashSet<(String, String)> {
        self.lock().changes.iter().flat_map(|(_, relations)| relations.iter().cloned()).collect()
    }
}

/// A change that has begun and not ended.
#[derive(Debug)]
pub struct ChangeUnderWay {
    changes: Arc<ChangesUnderWay>,
    id: u64,
}

impl Drop for ChangeUnderWay {
    fn drop(&mut self) {
        self.changes.lock().changes.retain(|(id, _)| *id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_under_way_until_it_is_dropped() {
        let changes: Arc<ChangesUnderWay> = Arc::default();
        let name = |name: &str| ("SQLUser".to_owned(), name.to_owned());
        let first = changes.begin([name("a"), name("b")]);
        let second = changes.begin([name("b")]);
        drop(first);
        assert_eq!(changes.relations(), HashSet::from([name("b")]));
        drop(second);
        assert!(changes.relations().is_empty());
    }
}
