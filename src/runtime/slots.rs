//! Connections to IRIS are slots of the process. A shard keeps the connections it has used, and uses them without asking
//! others; when somebody waits on another shard, they are lent on, in the order in which the waiting began.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use glommio::timer::Timer;

use super::cancel::{Mesh, ShardMessage};
use super::link::Parked;

/// How often is looked whether the control connection is free.
const CONTROL_PAUSE: Duration = Duration::from_millis(5);

/// What all shards know of the connections.
#[derive(Debug)]
pub(super) struct Slots {
    total: usize,
    mesh: Mesh,
    /// Tickets in the queue: who gives a connection back looks here first.
    waiting: AtomicUsize,
    /// Idle connections by shard; each is written by its shard alone.
    idle: Box<[IdleCount]>,
    queue: Mutex<Queue>,
    /// Somebody uses the connection beside the slots, over which statements are interrupted.
    control_in_use: AtomicBool,
}

/// On a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct IdleCount(AtomicUsize);

#[derive(Debug)]
struct Queue {
    /// Slots without a connection.
    free: usize,
    last_ticket: u64,
    tickets: VecDeque<Ticket>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) shard: usize,
}

/// What asking for a slot gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The right to open a connection.
    Slot,
    Wait(Ticket),
}

impl Slots {
    pub(super) fn new(total: usize, shards_count: usize, mesh: Mesh) -> Self {
        Self {
            total,
            mesh,
            waiting: AtomicUsize::new(0),
            idle: (0..shards_count).map(|_| IdleCount::default()).collect(),
            queue: Mutex::new(Queue { free: total, last_ticket: 0, tickets: VecDeque::new() }),
            control_in_use: AtomicBool::new(false),
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Counters and a queue: nothing is left half-done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody waits, on any shard.
    pub(super) fn has_waiters(&self) -> bool {
        // With `set_idle`: of one who begins to wait and one who gives back at the same time, at least one sees the other.
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// A shard says how many idle connections it has.
    pub(super) fn set_idle(&self, shard: usize, count: usize) {
        if let Some(idle) = self.idle.get(shard) {
            idle.0.store(count, Ordering::SeqCst);
        }
    }

    /// No connection is open or being opened.
    pub(super) fn are_all_free(&self) -> bool {
        self.lock().free >= self.total
    }

    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.total - self.lock().free
    }

    /// A slot, if one is free and nobody waits and `may_open`; else a place in the queue. Nobody overtakes those who wait.
    pub(super) fn ask(&self, shard: usize, may_open: bool) -> Asked {
        if may_open && self.take_free() { Asked::Slot } else { Asked::Wait(self.queue_up(shard)) }
    }

    /// Takes a slot, if one is free and nobody waits.
    pub(super) fn take_free(&self) -> bool {
        let mut queue = self.lock();
        let is_taken = queue.free > 0 && queue.tickets.is_empty();
        if is_taken {
            queue.free = queue.free.saturating_sub(1);
        }
        is_taken
    }

    pub(super) fn queue_up(&self, shard: usize) -> Ticket {
        let ticket = {
            let mut queue = self.lock();
            queue.last_ticket = queue.last_ticket.saturating_add(1);
            let ticket = Ticket { number: queue.last_ticket, shard };
            queue.tickets.push_back(ticket);
            self.waiting.store(queue.tickets.len(), Ordering::SeqCst);
            ticket
        };
        let idle = self.idle.iter().map(|idle| idle.0.load(Ordering::SeqCst));
        // The shard that asks looks after its own.
        let others = idle.enumerate().filter(|(other, count)| *other != shard && *count > 0);
        if let Some((other, _)) = others.max_by_key(|(_, count)| *count) {
            self.mesh.send(other, ShardMessage::Recall);
        }
        ticket
    }

    /// Takes a ticket back. False when its turn has come already.
    pub(super) fn leave(&self, ticket: Ticket) -> bool {
        let mut queue = self.lock();
        let before = queue.tickets.len();
        queue.tickets.retain(|other| *other != ticket);
        self.waiting.store(queue.tickets.len(), Ordering::SeqCst);
        queue.tickets.len() < before
    }

    /// Whose turn it is; the ticket is taken.
    pub(super) fn next(&self) -> Option<Ticket> {
        let mut queue = self.lock();
        let ticket = queue.tickets.pop_front();
        self.waiting.store(queue.tickets.len(), Ordering::SeqCst);
        ticket
    }

    /// A slot comes back without a connection. `may_be_used`: the next who waits may open one at once. Then whose turn it
    /// is.
    pub(super) fn free(&self, may_be_used: bool) -> Option<Ticket> {
        let mut queue = self.lock();
        let ticket = if may_be_used { queue.tickets.pop_front() } else { None };
        match ticket {
            Some(_) => self.waiting.store(queue.tickets.len(), Ordering::SeqCst),
            None => queue.free = queue.free.saturating_add(1),
        }
        ticket
    }

    /// One who waits while a slot is free, because the last attempt to connect failed; the slot is theirs.
    pub(super) fn match_free(&self) -> Option<Ticket> {
        if !self.has_waiters() {
            return None;
        }
        let mut queue = self.lock();
        if queue.free == 0 {
            return None;
        }
        let ticket = queue.tickets.pop_front()?;
        queue.free = queue.free.saturating_sub(1);
        self.waiting.store(queue.tickets.len(), Ordering::SeqCst);
        Some(ticket)
    }

    /// Hands a slot to another shard's ticket.
    pub(super) fn grant(&self, ticket: Ticket) {
        self.mesh.send(ticket.shard, ShardMessage::Grant { ticket });
    }

    /// Hands a connection to another shard's ticket.
    pub(super) fn lend(&self, ticket: Ticket, link: Parked) {
        self.mesh.send(ticket.shard, ShardMessage::Lend { ticket, link: Box::new(link) });
    }

    /// The one connection of the process beside the slots, once nobody else uses it.
    pub(super) async fn control(&self) -> ControlSlot<'_> {
        while self.control_in_use.swap(true, Ordering::AcqRel) {
            Timer::new(CONTROL_PAUSE).await;
        }
        ControlSlot(self)
    }
}

/// The right to open the control connection.
#[derive(Debug)]
pub(super) struct ControlSlot<'s>(&'s Slots);

impl Drop for ControlSlot<'_> {
    fn drop(&mut self) {
        self.0.control_in_use.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_to_who_has_waited_longest() {
        let slots = Slots::new(2, 3, Mesh::new(3));
        assert_eq!(slots.ask(0, true), Asked::Slot);
        assert!(!slots.are_all_free());
        let Asked::Wait(first) = slots.ask(1, false) else { panic!("it may not open") };
        // One is free, but somebody waits.
        let Asked::Wait(second) = slots.ask(2, true) else { panic!("it overtook") };
        let Asked::Wait(third) = slots.ask(0, true) else { panic!("it overtook") };
        assert!(slots.has_waiters());
        assert_eq!(slots.match_free(), Some(first));
        assert_eq!(slots.match_free(), None, "both are taken");
        assert!(slots.leave(second));
        assert!(!slots.leave(second));
        assert_eq!(slots.free(true), Some(third));
        assert!(!slots.has_waiters());
        assert_eq!((slots.free(true), slots.free(true)), (None, None));
        assert!(slots.are_all_free());
        assert_eq!(slots.next(), None);
    }

    #[test]
    fn a_shard_with_idle_connections_hears_of_who_waits() {
        let mesh = Mesh::new(2);
        let slots = Slots::new(1, 2, mesh.clone());
        assert_eq!(slots.ask(0, true), Asked::Slot);
        slots.set_idle(0, 1);
        assert!(matches!(slots.ask(1, true), Asked::Wait(_)));
        let messages = mesh.mailbox(0).unwrap().drain();
        assert!(matches!(messages[..], [ShardMessage::Recall]), "{messages:?}");
    }
}
