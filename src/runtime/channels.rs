//! Who listens to what, for the whole process, and what has been said to whom (manual, NOTIFY).
//!
//! A notification goes from the sender's shard straight into the queue of every listener; the listener's shard is only
//! told that there is something. The lock of the book is held while the notifications of one transaction are handed
//! out, so all listeners hear all transactions in the same order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cancel::Mesh;
use super::wait::Signals;
use crate::session::{ChannelChange, Notification};
use crate::wire::{PgError, SqlState};

/// What may wait for one session, by `Notification::size`. A session that has more to come does not read, or stays in
/// a transaction: it is ended, for one that has lost notifications without a word would be worse off. (PostgreSQL keeps
/// 8 GB for all, then refuses NOTIFY to everybody.)
const QUEUE_BYTES_MAX: usize = 16 << 20;

/// The book of the process.
#[derive(Debug)]
pub(super) struct Channels {
    mesh: Mesh,
    listeners: Mutex<HashMap<String, Vec<Arc<Queue>>>>,
}

/// What waits for one session.
#[derive(Debug)]
pub(super) struct Queue {
    pid: i32,
    /// The channels it stands in the book under; changed with the book's lock held.
    listening: Mutex<HashSet<String>>,
    inner: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    notifications: VecDeque<Arc<Notification>>,
    size: usize,
    /// There was no room for one more; nothing is kept since.
    is_lost: bool,
}

impl Queue {
    pub(super) fn new(pid: i32) -> Self {
        Self { pid, listening: Mutex::default(), inner: Mutex::default() }
    }

    fn listening(&self) -> MutexGuard<'_, HashSet<String>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that could panic happens between two related changes.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True: the session must be told, for there was nothing before.
    fn push(&self, notification: &Arc<Notification>) -> bool {
        let mut inner = self.lock();
        if inner.is_lost {
            return false;
        }
        let was_empty = inner.notifications.is_empty();
        inner.size = inner.size.saturating_add(notification.size());
        if inner.size > QUEUE_BYTES_MAX {
            *inner = Waiting { is_lost: true, ..Waiting::default() };
            return true;
        }
        inner.notifications.push_back(Arc::clone(notification));
        was_empty
    }

    /// The session listens no more to `channel`, or to any: what is still here is not delivered.
    fn drop_waiting(&self, channel: Option<&str>) {
        let mut inner = self.lock();
        match channel {
            None => *inner = Waiting::default(),
            Some(channel) => {
                inner.notifications.retain(|notification| notification.channel != channel);
                inner.size = inner.notifications.iter().map(|notification| notification.size()).sum();
            }
        }
    }

    /// At most `count` of them, and whether there are more.
    ///
    /// # Errors
    /// FATAL 53200: there were too many to keep.
    pub(super) fn take(&self, count: usize) -> Result<(Vec<Arc<Notification>>, bool), Box<PgError>> {
        let mut inner = self.lock();
        if inner.is_lost {
            let message = "terminating connection because too many notifications wait for it";
            return Err(PgError::fatal(SqlState(*b"53200"), message).hint(
                "A client that listens must read what it is sent, and must not stay in a transaction for long.",
            ));
        }
        let count = count.min(inner.notifications.len());
        let taken: Vec<_> = inner.notifications.drain(..count).collect();
        let size: usize = taken.iter().map(|notification| notification.size()).sum();
        inner.size = inner.size.saturating_sub(size);
        let has_more = !inner.notifications.is_empty();
        Ok((taken, has_more))
    }
}

impl Channels {
    pub(super) fn new(mesh: Mesh) -> Self {
        Self { mesh, listeners: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Arc<Queue>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out what a transaction has brought about.
    pub(super) fn commit(
        &self,
        queue: Option<&Arc<Queue>>,
        changes: &[ChannelChange],
        notifications: &[Arc<Notification>],
    ) {
        let mut listeners = self.lock();
        if let Some(queue) = queue {
            for change in changes {
                match change {
                    ChannelChange::Listen(channel) => {
                        if queue.listening().insert(channel.clone()) {
                            listeners.entry(channel.clone()).or_default().push(Arc::clone(queue));
                        }
                    }
                    ChannelChange::Unlisten(channel) => {
                        queue.drop_waiting(Some(channel));
                        if queue.listening().remove(channel) {
                            forget(&mut listeners, queue, channel);
                        }
                    }
                    ChannelChange::UnlistenAll => {
                        queue.drop_waiting(None);
                        forget_all(&mut listeners, queue);
                    }
                }
            }
        }
        for notification in notifications {
            for queue in listeners.get(&notification.channel).into_iter().flatten() {
                if queue.push(notification) {
                    self.mesh.wake(queue.pid, Signals::NOTIFIED);
                }
            }
        }
    }

    /// The session of this queue ends.
    pub(super) fn leave(&self, queue: &Arc<Queue>) {
        forget_all(&mut self.lock(), queue);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }
}

fn forget(listeners: &mut HashMap<String, Vec<Arc<Queue>>>, queue: &Arc<Queue>, channel: &str) {
    if let Some(queues) = listeners.get_mut(channel) {
        queues.retain(|known| !Arc::ptr_eq(known, queue));
        if queues.is_empty() {
            listeners.remove(channel);
        }
    }
}

fn forget_all(listeners: &mut HashMap<String, Vec<Arc<Queue>>>, queue: &Arc<Queue>) {
    let channels = std::mem::take(&mut *queue.listening());
    for channel in &channels {
        forget(listeners, queue, channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(channel: &str, payload: &str) -> Arc<Notification> {
        Arc::new(Notification { pid: 7, channel: channel.to_owned(), payload: payload.to_owned() })
    }

    fn listen(channel: &str) -> ChannelChange {
        ChannelChange::Listen(channel.to_owned())
    }

    fn payloads(queue: &Queue) -> Vec<String> {
        let (taken, _) = queue.take(usize::MAX).unwrap();
        taken.iter().map(|notification| notification.payload.clone()).collect()
    }

    #[test]
    fn listeners_hear_what_is_said_from_then_on() {
        let channels = Channels::new(Mesh::new(1));
        let (a, b) = (Arc::new(Queue::new(1)), Arc::new(Queue::new(2)));
        channels.commit(None, &[], &[said("x", "too early")]);
        // Both changes and words in one transaction: it hears itself.
        channels.commit(Some(&a), &[listen("x"), listen("x"), listen("y")], &[said("x", "1")]);
        channels.commit(Some(&b), &[listen("y")], &[said("y", "2"), said("x", "3"), said("z", "4")]);
        assert_eq!(payloads(&a), ["1", "2", "3"]);
        assert_eq!(payloads(&b), ["2"]);
        channels.commit(Some(&a), &[ChannelChange::Unlisten("x".to_owned())], &[said("x", "5"), said("y", "6")]);
        assert_eq!(payloads(&a), ["6"]);
        channels.commit(None, &[], &[said("y", "unheard")]);
        channels.commit(Some(&a), &[ChannelChange::UnlistenAll], &[said("y", "7")]);
        assert!(payloads(&a).is_empty());
        channels.leave(&b);
        assert!(channels.is_empty());
    }

    #[test]
    fn a_queue_is_taken_in_parts() {
        let queue = Queue::new(1);
        assert!(queue.push(&said("x", "1")));
        assert!(!queue.push(&said("x", "2")));
        let (taken, has_more) = queue.take(1).unwrap();
        assert_eq!((taken.len(), has_more), (1, true));
        // There is something left, so the session knows already.
        assert!(!queue.push(&said("x", "3")));
        let (taken, has_more) = queue.take(5).unwrap();
        assert_eq!((taken.len(), has_more), (2, false));
        assert_eq!(queue.lock().size, 0);
    }

    #[test]
    fn who_does_not_read_keeps_no_memory_and_is_told() {
        let queue = Queue::new(1);
        let big = said("x", &"p".repeat(7_999));
        let mut count = 0;
        while !queue.lock().is_lost {
            let told = queue.push(&big);
            count += 1;
            assert_eq!(told, count == 1 || queue.lock().is_lost);
        }
        assert!(count > QUEUE_BYTES_MAX / 9_000, "{count}");
        assert_eq!(queue.lock().notifications.capacity(), 0);
        assert!(!queue.push(&big));
        assert_eq!(queue.take(1).unwrap_err().code, SqlState(*b"53200"));
    }
}
