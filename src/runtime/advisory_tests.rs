use super::*;

const A: LockKey = LockKey::Bigint(1);
const B: LockKey = LockKey::Integers(0, 1);
const C: LockKey = LockKey::Bigint(3);

struct Table(AdvisoryLocks);

impl Table {
    fn new() -> Self {
        Self(AdvisoryLocks::new(Mesh::new(1)))
    }

    fn claim(pid: i32, mode: LockMode) -> Claim {
        Claim { pid, mode, scope: LockScope::Session }
    }

    fn wait(&self, pid: i32, key: LockKey, mode: LockMode) -> Asked {
        self.0.ask(key, Self::claim(pid, mode), true).unwrap()
    }

    fn attempt(&self, pid: i32, key: LockKey, mode: LockMode) -> bool {
        self.0.ask(key, Self::claim(pid, mode), false).unwrap() == Asked::Granted
    }

    /// Every session goes; nothing may be left.
    fn end(self) {
        for pid in 1..10 {
            self.0.leave(pid);
        }
        assert!(self.0.is_empty(), "{:?}", self.0);
    }
}

use LockMode::{Exclusive, Shared};

#[test]
fn modes_keep_each_other_out() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared));
    assert!(table.attempt(2, A, Shared));
    assert!(!table.attempt(1, A, Exclusive));
    assert!(table.attempt(1, B, Exclusive));
    assert!(!table.attempt(2, B, Shared));
    // Keys of the two forms are different locks.
    assert!(table.attempt(3, LockKey::Bigint(1 << 32), Exclusive));
    assert!(table.attempt(4, LockKey::Integers(1, 0), Exclusive));
    assert!(table.0.unlock(2, A, Shared));
    assert!(table.attempt(1, A, Exclusive));
    table.end();
}

#[test]
fn holds_are_counted_by_level_and_mode() {
    let table = Table::new();
    assert!(table.attempt(1, A, Exclusive));
    assert!(table.attempt(1, A, Exclusive));
    let of_transaction = Claim { scope: LockScope::Transaction, ..Table::claim(1, Exclusive) };
    assert_eq!(table.0.ask(A, of_transaction, true).unwrap(), Asked::Granted);
    assert!(!table.0.unlock(1, A, Shared));
    assert!(table.0.unlock(1, A, Exclusive));
    assert!(table.0.unlock(1, A, Exclusive));
    assert!(!table.0.unlock(1, A, Exclusive), "the transaction's hold is not the session's to give back");
    assert!(!table.attempt(2, A, Shared));
    table.0.release_transaction(1, &[(A, Exclusive)]);
    assert!(table.attempt(2, A, Shared));
    assert!(!table.0.unlock(3, A, Shared));
    table.end();
}

#[test]
fn the_queue_is_served_in_order() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared));
    assert_eq!(table.wait(2, A, Exclusive), Asked::Waits);
    // Shared locks do not pass one who waits for the exclusive one: he would wait for ever.
    assert_eq!(table.wait(3, A, Shared), Asked::Waits);
    assert_eq!(table.wait(4, A, Shared), Asked::Waits);
    assert!(!table.attempt(5, A, Shared));
    table.0.unlock(1, A, Shared);
    assert!(!table.0.is_waiting(2));
    assert!(table.0.is_waiting(3) && table.0.is_waiting(4));
    table.0.leave(2);
    assert!(!table.0.is_waiting(3) && !table.0.is_waiting(4));
    table.end();
}

#[test]
fn who_gives_up_lets_those_behind_pass() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared));
    assert_eq!(table.wait(2, A, Exclusive), Asked::Waits);
    assert_eq!(table.wait(3, A, Shared), Asked::Waits);
    assert!(table.0.give_up(2));
    assert!(!table.0.is_waiting(3));
    assert!(!table.0.give_up(3), "it has the lock");
    assert!(table.0.unlock(3, A, Shared));
    table.end();
}

#[test]
fn a_holder_does_not_queue_behind_those_who_wait_for_him() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared));
    assert_eq!(table.wait(2, A, Exclusive), Asked::Waits);
    assert!(table.attempt(1, A, Shared));
    assert_eq!(table.wait(1, A, Exclusive), Asked::Granted);
    table.0.unlock_all(1);
    assert!(!table.0.is_waiting(2));
    table.end();
}

#[test]
fn a_ring_of_waiting_sessions_is_a_deadlock() {
    let table = Table::new();
    for (pid, key) in [(1, A), (2, B), (3, C)] {
        assert!(table.attempt(pid, key, Exclusive));
    }
    assert_eq!(table.wait(1, B, Exclusive), Asked::Waits);
    assert_eq!(table.wait(2, C, Shared), Asked::Waits);
    let error = table.0.ask(A, Table::claim(3, Exclusive), true).unwrap_err();
    assert_eq!(error.code, SqlState(*b"40P01"));
    let detail = error.detail.unwrap();
    assert_eq!(detail.lines().count(), 3, "{detail}");
    assert!(detail.contains("Process 3 waits for ExclusiveLock on advisory lock 1; blocked by process 1."), "{detail}");
    // The victim is out of the queue; when it gives back what it has, the others go on.
    assert!(!table.0.is_waiting(3));
    table.0.leave(3);
    assert!(!table.0.is_waiting(2));
    table.0.leave(2);
    assert!(!table.0.is_waiting(1));
    table.end();
}

#[test]
fn two_who_share_and_both_want_more_are_a_deadlock() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared) && table.attempt(2, A, Shared));
    assert_eq!(table.wait(1, A, Exclusive), Asked::Waits);
    let error = table.0.ask(A, Table::claim(2, Exclusive), true).unwrap_err();
    assert_eq!(error.code, SqlState(*b"40P01"));
    table.0.unlock_all(2);
    assert!(!table.0.is_waiting(1));
    table.end();
}

#[test]
fn who_only_waits_for_his_turn_is_let_go_first() {
    let table = Table::new();
    assert!(table.attempt(1, A, Shared));
    assert!(table.attempt(3, B, Exclusive));
    assert_eq!(table.wait(2, A, Exclusive), Asked::Waits);
    // 3 could share A with 1, but stands behind 2, who waits for 1.
    assert_eq!(table.wait(3, A, Shared), Asked::Waits);
    // 1 waits for 3: a ring, but not one of holders.
    assert_eq!(table.wait(1, B, Exclusive), Asked::Waits);
    assert!(!table.0.is_waiting(3), "3 goes first");
    table.0.leave(3);
    assert!(!table.0.is_waiting(1));
    assert!(table.0.is_waiting(2));
    table.end();
}

#[test]
fn the_number_of_holds_is_bounded() {
    let table = Table::new();
    for key in 0..i64::try_from(HOLDS_MAX).unwrap() {
        assert!(table.attempt(1, LockKey::Bigint(key), Exclusive));
    }
    let error = table.0.ask(LockKey::Bigint(-1), Table::claim(1, Exclusive), true).unwrap_err();
    assert_eq!(error.code, SqlState(*b"53200"));
    assert!(table.attempt(1, LockKey::Bigint(7), Exclusive), "one more of the same needs no room");
    table.end();
}

/// Sessions that ask and leave at random: nobody waits for a lock that is free, nobody has what another has, and in
/// the end nothing is left.
#[test]
fn whatever_happens_the_book_is_right() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    };
    let table = Table::new();
    let keys = [A, B, C];
    let mut waiting = 0;
    for _ in 0..50_000 {
        let pid = 1 + i32::try_from(below(8)).unwrap();
        let key = keys[usize::try_from(below(3)).unwrap()];
        let mode = if below(2) == 0 { Shared } else { Exclusive };
        if table.0.is_waiting(pid) {
            if below(3) == 0 {
                table.0.give_up(pid);
            }
            continue;
        }
        match below(4) {
            0 => table.0.leave(pid),
            1 => {
                table.0.unlock(pid, key, mode);
            }
            _ => {
                if table.0.ask(key, Table::claim(pid, mode), below(2) == 0) == Ok(Asked::Waits) {
                    waiting += 1;
                }
            }
        }
        let book = table.0.book();
        for lock in book.locks.values() {
            let holders: Vec<&Hold> = lock.holders.values().collect();
            assert!(holders.iter().all(|hold| !hold.exclusive.any()) || holders.len() == 1, "{lock:?}");
            for (position, claim) in lock.queue.iter().enumerate() {
                assert!(!lock.is_free_for(claim) || !lock.is_next(claim, position), "{lock:?}");
                assert!(book.cycle(claim.pid, false).is_none(), "{book:?}");
            }
        }
    }
    assert!(waiting > 100, "{waiting}");
    table.end();
}
