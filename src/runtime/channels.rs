//! Who listens to what, for the whole process, and what has been said to whom (manual, NOTIFY).
//!
//! A notification goes from the sender's shard straight into the queue of every listener; the listener's shard is only
//! told that there is something. The lock of the book is held while the notifications of one transaction are handed
//! out, so all listeners hear all transactions in the same order. They are handed out as one: how long that takes goes by
//! the number of listeners, not by that of notifications.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
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
    bundles: VecDeque<Bundle>,
    /// Of all of them, by `Notification::size`.
    size: usize,
    /// There was no room for one more; nothing is kept since.
    is_lost: bool,
}

/// What a transaction has said on the channels that a session listens to, in the order it was said. Shared by all sessions
/// that listen to the same.
#[derive(Debug, Clone)]
struct Bundle {
    notifications: Arc<[Arc<Notification>]>,
    /// Of these, the session has taken so many.
    taken_count: usize,
    /// Of the others.
    size: usize,
}

impl Bundle {
    fn new(notifications: impl Iterator<Item = Arc<Notification>>) -> Self {
        let notifications: Arc<[_]> = notifications.collect();
        let size = notifications.iter().map(|notification| notification.size()).sum();
        Self { notifications, taken_count: 0, size }
    }

    /// What has not been taken.
    fn left(&self) -> &[Arc<Notification>] {
        self.notifications.get(self.taken_count..).unwrap_or_default()
    }

    /// At most `count` of them.
    fn take(&mut self, count: usize) -> Vec<Arc<Notification>> {
        let taken: Vec<_> = self.left().iter().take(count).map(Arc::clone).collect();
        let size = taken.iter().map(|notification| notification.size()).sum();
        self.taken_count = self.taken_count.saturating_add(taken.len());
        self.size = self.size.saturating_sub(size);
        taken
    }
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
    fn push(&self, bundle: Bundle) -> bool {
        let mut inner = self.lock();
        if inner.is_lost {
            return false;
        }
        let was_empty = inner.bundles.is_empty();
        inner.size = inner.size.saturating_add(bundle.size);
        if inner.size > QUEUE_BYTES_MAX {
            *inner = Waiting { is_lost: true, ..Waiting::default() };
            return true;
        }
        inner.bundles.push_back(bundle);
        was_empty
    }

    /// The session listens no more to `channel`, or to any: what is still here is not delivered.
    fn drop_waiting(&self, channel: Option<&str>) {
        let mut inner = self.lock();
        match channel {
            None => *inner = Waiting::default(),
            Some(channel) => {
                for bundle in &mut inner.bundles {
                    if bundle.left().iter().any(|notification| notification.channel == channel) {
                        let others = bundle.left().iter().filter(|notification| notification.channel != channel);
                        *bundle = Bundle::new(others.map(Arc::clone));
                    }
                }
                inner.bundles.retain(|bundle| !bundle.left().is_empty());
                inner.size = inner.bundles.iter().map(|bundle| bundle.size).sum();
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
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(bundle) = inner.bundles.front_mut()
        {
            let before = bundle.size;
            taken.extend(bundle.take(count.saturating_sub(taken.len())));
            let (after, is_empty) = (bundle.size, bundle.left().is_empty());
            inner.size = inner.size.saturating_sub(before.saturating_sub(after));
            if is_empty {
                inner.bundles.pop_front();
            }
        }
        let has_more = !inner.bundles.is_empty();
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
        // By channel, the places of what is said there.
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, notification) in notifications.iter().enumerate() {
            places.entry(notification.channel.as_str()).or_default().push(place);
        }
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
        // Who hears of it, and what.
        let mut hearers: HashMap<i32, (&Arc<Queue>, Vec<&str>)> = HashMap::new();
        for channel in places.keys() {
            for queue in listeners.get(*channel).into_iter().flatten() {
                hearers.entry(queue.pid).or_insert_with(|| (queue, Vec::new())).1.push(channel);
            }
        }
        let mut bundles: HashMap<Vec<&str>, Bundle> = HashMap::new();
        for (queue, heard) in hearers.into_values() {
            let bundle = bundles.entry(heard).or_insert_with_key(|heard| {
                let mut heard: Vec<usize> =
                    heard.iter().filter_map(|channel| places.get(channel)).flatten().copied().collect();
                heard.sort_unstable();
                Bundle::new(heard.into_iter().filter_map(|place| notifications.get(place)).map(Arc::clone))
            });
            if queue.push(bundle.clone()) {
                self.mesh.wake(queue.pid, Signals::NOTIFIED);
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

    fn one(notification: &Arc<Notification>) -> Bundle {
        Bundle::new(std::iter::once(Arc::clone(notification)))
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
    fn what_a_transaction_says_is_handed_out_as_one() {
        let channels = Channels::new(Mesh::new(1));
        let queues: Vec<_> = (0..3).map(|pid| Arc::new(Queue::new(pid))).collect();
        channels.commit(Some(&queues[0]), &[listen("x"), listen("y")], &[]);
        channels.commit(Some(&queues[1]), &[listen("x"), listen("y")], &[]);
        channels.commit(Some(&queues[2]), &[listen("y")], &[]);
        let words: Vec<_> = ["x", "y", "z", "y", "x"].iter().zip(1..).map(|(on, n)| said(on, &n.to_string())).collect();
        channels.commit(None, &[], &words);
        let shared = |queue: &Queue| Arc::as_ptr(&queue.lock().bundles[0].notifications);
        assert_eq!(shared(&queues[0]), shared(&queues[1]));
        assert_eq!(queues[0].take(1).unwrap().0[0].payload, "1");
        // What was taken is not told again, what is dropped not at all.
        channels.commit(Some(&queues[0]), &[ChannelChange::Unlisten("y".to_owned())], &[]);
        assert_eq!(payloads(&queues[0]), ["5"]);
        assert_eq!(queues[0].lock().size, 0);
        assert_eq!(payloads(&queues[1]), ["1", "2", "4", "5"]);
        assert_eq!(payloads(&queues[2]), ["2", "4"]);
    }

    #[test]
    fn a_queue_is_taken_in_parts() {
        let queue = Queue::new(1);
        assert!(queue.push(one(&said("x", "1"))));
        assert!(!queue.push(one(&said("x", "2"))));
        let (taken, has_more) = queue.take(1).unwrap();
        assert_eq!((taken.len(), has_more), (1, true));
        // There is something left, so the session knows already.
        assert!(!queue.push(one(&said("x", "3"))));
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
            let told = queue.push(one(&big));
            count += 1;
            assert_eq!(told, count == 1 || queue.lock().is_lost);
        }
        assert!(count > QUEUE_BYTES_MAX / 9_000, "{count}");
        assert_eq!(queue.lock().bundles.capacity(), 0);
        assert!(!queue.push(one(&big)));
        assert_eq!(queue.take(1).unwrap_err().code, SqlState(*b"53200"));
    }
}
