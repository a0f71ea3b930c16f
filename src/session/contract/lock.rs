//! Advisory locks as they are asked for (manual, "Advisory Locks").

/// What a lock is on. The two forms never meet (manual, "Advisory Lock Functions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockKey {
    Bigint(i64),
    Integers(i32, i32),
    /// A row of a table, by a hash of its table and key.
    Row(u64),
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
