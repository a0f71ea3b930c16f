//! Advisory locks as a session sees them (manual, "Advisory Locks"): what it asks of the runtime, which knows all
//! sessions, and which locks end with the transaction.

use std::collections::HashMap;

use crate::session::contract::effect::Effect;
use crate::session::contract::lock::{LockKey, LockMode, LockScope};

/// The books of one session.
#[derive(Debug, Default)]
pub(crate) struct AdvisoryLocks {
    /// Locks of the transaction, and how many savepoints were open when each was taken.
    transaction: HashMap<(LockKey, LockMode), usize>,
    /// A lock of the session level has been taken.
    has_session_locks: bool,
}

impl AdvisoryLocks {
    /// Whether the transaction holds it already, however often it was asked for.
    pub(crate) fn has_in_transaction(&self, key: LockKey, mode: LockMode) -> bool {
        self.transaction.contains_key(&(key, mode))
    }

    pub(crate) fn has_session_locks(&self) -> bool {
        self.has_session_locks
    }

    /// The runtime has given a lock.
    pub(crate) fn granted(&mut self, key: LockKey, mode: LockMode, scope: LockScope, depth: usize) {
        match scope {
            LockScope::Session => self.has_session_locks = true,
            LockScope::Transaction => {
                self.transaction.insert((key, mode), depth);
            }
        }
    }

    /// All locks of the session level are given back. False: there were none.
    pub(crate) fn forget_session_locks(&mut self) -> bool {
        std::mem::take(&mut self.has_session_locks)
    }

    /// Locks taken behind the savepoints that are left end; with none left, all locks of the transaction.
    pub(crate) fn roll_back_to(&mut self, depth: usize) -> Option<Effect> {
        if self.transaction.is_empty() {
            return None;
        }
        let released: Vec<_> = self.transaction.extract_if(|_, at| *at >= depth).map(|(lock, _)| lock).collect();
        (!released.is_empty()).then_some(Effect::ReleaseTransactionLocks(released))
    }

    /// Savepoints are released: locks taken behind them belong to the one before.
    pub(crate) fn release_to(&mut self, depth: usize) {
        self.transaction.values_mut().for_each(|at| *at = depth.min(*at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: LockKey = LockKey::Bigint(1);
    const B: LockKey = LockKey::Integers(0, 1);

    #[test]
    fn transaction_locks_end_with_their_savepoint_or_the_transaction() {
        let mut locks = AdvisoryLocks::default();
        locks.granted(A, LockMode::Shared, LockScope::Transaction, 0);
        locks.granted(B, LockMode::Exclusive, LockScope::Transaction, 2);
        assert!(locks.has_in_transaction(A, LockMode::Shared));
        assert!(!locks.has_in_transaction(A, LockMode::Exclusive));
        locks.release_to(1);
        assert_eq!(locks.roll_back_to(2), None);
        assert_eq!(locks.roll_back_to(1), Some(Effect::ReleaseTransactionLocks(vec![(B, LockMode::Exclusive)])));
        assert_eq!(locks.roll_back_to(0), Some(Effect::ReleaseTransactionLocks(vec![(A, LockMode::Shared)])));
        assert_eq!(locks.roll_back_to(0), None);
    }

    #[test]
    fn session_locks_survive_the_transaction() {
        let mut locks = AdvisoryLocks::default();
        locks.granted(A, LockMode::Exclusive, LockScope::Session, 0);
        assert_eq!(locks.roll_back_to(0), None);
        assert!(locks.has_session_locks());
        assert!(locks.forget_session_locks());
        assert!(!locks.forget_session_locks());
    }
}
