//! One writer at a time, in the order of asking: SQLite's own busy handling would poll and starve.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
struct Queue {
    held: bool,
    /// Tickets of those who wait, first come first.
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

/// The right to write to one database.
#[derive(Debug, Default)]
pub(super) struct WriterGate {
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// Held from the first change of a transaction to its end.
#[derive(Debug)]
pub(super) struct WritePermit {
    gate: Arc<WriterGate>,
}

/// Why the gate did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GateError {
    /// The lock timeout passed: -110.
    TimedOut,
    /// The statement was cancelled while it waited: -456.
    Interrupted,
}

/// How often a waiting writer looks whether it was cancelled.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl WriterGate {
    /// Waits for the turn.
    ///
    /// # Errors
    /// [`GateError`]
    pub(super) fn enter(
        self: &Arc<Self>,
        timeout: Duration,
        interrupted: impl Fn() -> bool,
    ) -> Result<WritePermit, GateError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if !queue.held && queue.waiting.is_empty() {
            queue.held = true;
            return Ok(WritePermit { gate: Arc::clone(self) });
        }
        let ticket = queue.next_ticket;
        queue.next_ticket = queue.next_ticket.wrapping_add(1);
        queue.waiting.push_back(ticket);
        let deadline = Instant::now() + timeout;
        loop {
            if !queue.held && queue.waiting.front() == Some(&ticket) {
                queue.waiting.pop_front();
                queue.held = true;
                return Ok(WritePermit { gate: Arc::clone(self) });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let failure = if left.is_zero() {
                Some(GateError::TimedOut)
            } else if interrupted() {
                Some(GateError::Interrupted)
            } else {
                None
            };
            if let Some(failure) = failure {
                queue.waiting.retain(|other| *other != ticket);
                // The one behind may be first now.
                self.changed.notify_all();
                return Err(failure);
            }
            queue = self.changed.wait_timeout(queue, left.min(LOOK_INTERVAL)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for WritePermit {
    fn drop(&mut self) {
        self.gate.queue.lock().unwrap_or_else(PoisonError::into_inner).held = false;
        self.gate.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_at_a_time_in_order() {
        let gate = Arc::new(WriterGate::default());
        let inside = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
                std::thread::spawn(move || {
                    for _ in 0..50 {
                        let permit = gate.enter(Duration::from_secs(10), || false).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn waiting_ends_by_time_or_cancel() {
        let gate = Arc::new(WriterGate::default());
        let held = gate.enter(Duration::from_secs(1), || false).unwrap();
        assert_eq!(gate.enter(Duration::from_millis(10), || false).unwrap_err(), GateError::TimedOut);
        assert_eq!(gate.enter(Duration::from_secs(9), || true).unwrap_err(), GateError::Interrupted);
        drop(held);
        gate.enter(Duration::from_millis(1), || false).unwrap();
    }
}
