//! Which sequences there are, as far as this process knows.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::SequenceName;

/// Shared by all shards: what the keeper of the mirror has read, and what sessions have made and dropped since.
#[derive(Debug, Default)]
pub struct SequenceNames {
    names: RwLock<HashSet<SequenceName>>,
}

impl SequenceNames {
    pub fn contains(&self, name: &SequenceName) -> bool {
        self.names.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// What a reading of the table says.
    pub(crate) fn adopt(&self, found: impl IntoIterator<Item = SequenceName>) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = found.into_iter().collect();
    }

    pub(crate) fn insert(&self, name: SequenceName) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(name);
    }

    pub(crate) fn remove(&self, name: &SequenceName) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
