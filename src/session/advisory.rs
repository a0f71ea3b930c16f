//! Advisory locks as a session sees them (manual, "Advisory Locks"): what it asks of the runtime, which knows all
//! sessions, and which locks end with the transaction.

use std::collections::HashMap;

use super::channel::Effect;

/// What a lock is on. The two forms never meet (manual, "Advisory Lock Functions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockKey {
    Bigint(i64),
    Integers(i32, i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockMode {
    Shared,
    Exclusive,
}

impl LockMode {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "ShareLock",
            Self::Exclusive => "ExclusiveLock",
        }
    }
}

/// How long a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockScope {
    /// Until it is unlocked as often as it was locked, or the session ends.
    Session,
    /// Until the transaction ends.
    Transaction,
}

/// What is asked of the runtime; the answer is `Event::Waited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockRequest {
    /// True: the session has it. False: somebody else has, and `waits` is not set. Errors: 57014, 55P03, 40P01, 53200.
    Lock { key: LockKey, mode: LockMode, scope: LockScope, waits: bool },
    /// Gives back one hold of the session level. False: the session has none.
    Unlock { key: LockKey, mode: LockMode },
    /// Gives back all holds of the session level; true.
    UnlockAll,
}

/// The books of one session.
#[derive(Debug, Default)]
pub struct AdvisoryLocks {
    /// Locks of the transaction, and how many savepoints were open when each was taken.
    transaction: HashMap<(LockKey, LockMode), usize>,
    /// A lock of the session level has been taken.
    has_session_locks: bool,
}

impl AdvisoryLocks {
    /// Whether the transaction holds it already, however often it was asked for.
    pub fn has_in_transaction(&self, key: LockKey, mode: LockMode) -> bool {
        self.transaction.contains_key(&(key, mode))
    }

    pub fn has_session_locks(&self) -> bool {
        self.has_session_locks
    }

    /// The runtime has given a lock.
    pub fn granted(&mut self, key: LockKey, mode: LockMode, scope: LockScope, depth: usize) {
        match scope {
            LockScope::Session => self.has_session_locks = true,
            LockScope::Transaction => {
                self.transaction.insert((key, mode), depth);
            }
        }
    }

    /// All locks of the session level are given back. False: there were none.
    pub fn forget_session_locks(&mut self) -> bool {
        std::mem::take(&mut self.has_session_locks)
    }

    /// Locks taken behind the savepoints that are left end; with none left, all locks of the transaction.
    pub fn roll_back_to(&mut self, depth: usize) -> Option<Effect> {
        if self.transaction.is_empty() {
            return None;
        }
        let released: Vec<_> = self.transaction.extract_if(|_, at| *at >= depth).map(|(lock, _)| lock).collect();
        (!released.is_empty()).then_some(Effect::ReleaseTransactionLocks(released))
    }

    /// Savepoints are released: locks taken behind them belong to the one before.
    pub fn release_to(&mut self, depth: usize) {
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
