//! Which sequences there are, as far as this process knows.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use super::SequenceName;

/// Shared by all shards: what the keeper of the mirror has read, and what sessions have made and dropped since.
#[derive(Debug, Default)]
pub struct SequenceNames {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    names: HashSet<SequenceName>,
    /// What sessions made (true) and dropped while a reading was under way, of which it may not know.
    since: HashMap<SequenceName, bool>,
}

impl SequenceNames {
    pub(crate) fn is_empty(&self) -> bool {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).names.is_empty()
    }

    pub fn contains(&self, name: &SequenceName) -> bool {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).names.contains(name)
    }

    /// The table is about to be read.
    pub(crate) fn begin_reading(&self) {
        self.inner.write().unwrap_or_else(PoisonError::into_inner).since.clear();
    }

    /// What the reading says.
    pub(crate) fn adopt(&self, found: impl IntoIterator<Item = SequenceName>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.names = found.into_iter().collect();
        for (name, is_made) in std::mem::take(&mut inner.since) {
            inner.put(name, is_made);
        }
    }

    pub(crate) fn insert(&self, name: SequenceName) {
        self.change(name, true);
    }

    pub(crate) fn remove(&self, name: &SequenceName) {
        self.change(name.clone(), false);
    }

    fn change(&self, name: SequenceName, is_made: bool) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.since.insert(name.clone(), is_made);
        inner.put(name, is_made);
    }
}

impl Inner {
    fn put(&mut self, name: SequenceName, is_made: bool) {
        if is_made {
            self.names.insert(name);
        } else {
            self.names.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sessions_do_while_the_table_is_read_stays() {
        let name = |name: &str| SequenceName { schema: "public".to_owned(), name: name.to_owned() };
        let names = SequenceNames::default();
        names.begin_reading();
        names.insert(name("new"));
        names.remove(&name("old"));
        names.adopt([name("old"), name("there")]);
        assert!(names.contains(&name("new")) && names.contains(&name("there")) && !names.contains(&name("old")));
        names.begin_reading();
        names.adopt([name("old")]);
        assert!(names.contains(&name("old")) && !names.contains(&name("new")));
    }
}
