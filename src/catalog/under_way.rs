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
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    id: u64,
    /// The pid of the session whose it is. Others wait for its end.
    session: i32,
    /// It has been carried over, and only a rollback would change it.
    is_settled: bool,
    relations: Vec<(String, String)>,
}

impl ChangesUnderWay {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A push or a removal is all that happens.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change of relations (IRIS schema and name) begins; it is under way until what is returned is dropped. `session`: its
    /// pid.
    #[must_use]
    pub fn begin(
        self: &Arc<Self>,
        relations: impl IntoIterator<Item = (String, String)>,
        session: i32,
    ) -> ChangeUnderWay {
        self.add(Change { id: 0, session, is_settled: false, relations: relations.into_iter().collect() })
    }

    /// The same of a definition that a rollback undoes, from its end to that of its transaction.
    #[must_use]
    pub fn keep(
        self: &Arc<Self>,
        relations: impl IntoIterator<Item = (String, String)>,
        session: i32,
    ) -> ChangeUnderWay {
        let relations = relations.into_iter().collect();
        self.add(Change { id: 0, session, is_settled: true, relations })
    }

    fn add(self: &Arc<Self>, change: Change) -> ChangeUnderWay {
        let mut inner = self.lock();
        inner.last_id = inner.last_id.wrapping_add(1);
        let id = inner.last_id;
        inner.changes.push(Change { id, ..change });
        ChangeUnderWay { changes: Arc::clone(self), id }
    }

    /// The relations that are being changed.
    pub fn relations(&self) -> HashSet<(String, String)> {
        let inner = self.lock();
        let open = inner.changes.iter().filter(|change| !change.is_settled);
        open.flat_map(|change| change.relations.iter().cloned()).collect()
    }

    /// Whether another session is changing one of these, or has changed it in a transaction that is open.
    pub fn has_other<'a>(&self, mut relations: impl Iterator<Item = &'a (String, String)>, session: i32) -> bool {
        let inner = self.lock();
        let others = || inner.changes.iter().filter(|change| change.session != session);
        relations.any(|relation| others().any(|change| change.relations.contains(relation)))
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
        self.changes.lock().changes.retain(|change| change.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_under_way_until_it_is_dropped() {
        let changes: Arc<ChangesUnderWay> = Arc::default();
        let name = |name: &str| ("SQLUser".to_owned(), name.to_owned());
        let first = changes.begin([name("a"), name("b")], 1);
        let second = changes.begin([name("b")], 2);
        let has_other = |relation: &str, session| changes.has_other([name(relation)].iter(), session);
        assert!(has_other("a", 2) && has_other("b", 2) && has_other("b", 1));
        assert!(!has_other("a", 1) && !has_other("c", 2));
        drop(first);
        assert_eq!(changes.relations(), HashSet::from([name("b")]));
        assert!(!has_other("b", 2) && has_other("b", 1));
        drop(second);
        let third = changes.keep([name("c")], 1);
        assert!(changes.relations().is_empty());
        assert!(changes.has_other([name("c")].iter(), 2) && !changes.has_other([name("c")].iter(), 1));
        drop(third);
        assert!(!changes.has_other([name("c")].iter(), 2));
    }
}
