//! Cancel requests arrive on any shard; the pid says whose they are. Also the way of orders to a shard from outside.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Instant;

use subtle::ConstantTimeEq;

use super::link::Parked;
use super::slots::Ticket;
use super::wait::{SignalBox, Signals};

/// A pid is a positive 31-bit number: the shard above, a serial number (never 0) below.
const SERIAL_BITS: u32 = 21;
const SERIAL_MAX: u32 = (1 << SERIAL_BITS) - 1;
/// Shards a pid can name.
pub(super) const SHARDS_MAX: usize = 1 << (31 - SERIAL_BITS);

/// Cancel requests that wait for a shard. More at once are an attack: the oldest stay, new ones are dropped, as a
/// client must not count on a cancel request anyway (protocol-flow chapter, "Canceling Requests in Progress").
const MAILBOX_MESSAGES_MAX: usize = 1024;

/// What a shard is told from outside. The only thing that crosses cores besides counters and the schema epoch.
#[derive(Debug)]
pub(super) enum ShardMessage {
    Cancel {
        pid: i32,
        key: Vec<u8>,
    },
    /// Raise signals at one session.
    Wake {
        pid: i32,
        signals: Signals,
    },
    /// Others wait for a connection to IRIS: idle ones are theirs.
    Recall,
    /// The right to open a connection to IRIS, for one who waits.
    Grant {
        ticket: Ticket,
    },
    /// A connection to IRIS, for one who waits.
    Lend {
        ticket: Ticket,
        link: Box<Parked>,
    },
    /// Stop accepting; sessions may finish their transactions until then.
    Stop {
        deadline: Instant,
    },
}

/// Messages for one shard. Locked for a push or a pop, never across an await.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    messages: Vec<ShardMessage>,
    waker: Option<Waker>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Push and pop leave nothing half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: ShardMessage) {
        let waker = {
            let mut inner = self.lock();
            if inner.messages.len() >= MAILBOX_MESSAGES_MAX && matches!(message, ShardMessage::Cancel { .. }) {
                return;
            }
            inner.messages.push(message);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// All messages there are.
    pub(super) fn drain(&self) -> Vec<ShardMessage> {
        std::mem::take(&mut self.lock().messages)
    }

    /// All messages, waiting until there is one.
    pub(super) async fn receive(&self) -> Vec<ShardMessage> {
        poll_fn(|context| {
            let mut inner = self.lock();
            if inner.messages.is_empty() {
                inner.waker = Some(context.waker().clone());
                Poll::Pending
            } else {
                Poll::Ready(std::mem::take(&mut inner.messages))
            }
        })
        .await
    }
}

/// The mailboxes of all shards, by their index.
#[derive(Debug, Clone)]
pub(super) struct Mesh(Arc<[Mailbox]>);

impl Mesh {
    pub(super) fn new(shards_count: usize) -> Self {
        Self((0..shards_count).map(|_| Mailbox::default()).collect())
    }

    pub(super) fn mailbox(&self, shard: usize) -> Option<&Mailbox> {
        self.0.get(shard)
    }

    /// Passes a cancel request on to the shard its pid names. One for nobody is dropped without a word.
    pub(super) fn cancel(&self, pid: i32, key: Vec<u8>) {
        let shard = u32::try_from(pid).ok().map(|pid| (pid >> SERIAL_BITS) as usize);
        if let Some(mailbox) = shard.and_then(|shard| self.mailbox(shard)) {
            mailbox.send(ShardMessage::Cancel { pid, key });
        }
    }

    /// To a shard by its index.
    pub(super) fn send(&self, shard: usize, message: ShardMessage) {
        if let Some(mailbox) = self.mailbox(shard) {
            mailbox.send(message);
        }
    }

    /// Raises signals at a session of any shard. One that is gone does not hear them.
    pub(super) fn wake(&self, pid: i32, signals: Signals) {
        let shard = u32::try_from(pid).ok().map(|pid| (pid >> SERIAL_BITS) as usize);
        if let Some(mailbox) = shard.and_then(|shard| self.mailbox(shard)) {
            mailbox.send(ShardMessage::Wake { pid, signals });
        }
    }

    pub(super) fn stop(&self, deadline: Instant) {
        for mailbox in self.0.iter() {
            mailbox.send(ShardMessage::Stop { deadline });
        }
    }
}

/// What other tasks of the shard know of one session.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) pid: i32,
    pub(super) secret: [u8; 32],
    /// Bytes of the secret that the client was told: what a cancel request has to know. 0 = none so far.
    pub(super) key_bytes: Cell<usize>,
    pub(super) signals: SignalBox,
    pub(super) activity: Cell<Activity>,
}

/// What a session is doing, and since which tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    Working,
    /// Waits for its client.
    WaitingForClient(u64),
    /// Waits for IRIS, or for an advisory lock.
    WaitingForIris(u64),
}

/// The sessions of a shard by pid.
#[derive(Debug)]
pub(super) struct Targets {
    shard: u32,
    by_pid: RefCell<HashMap<i32, Rc<Target>>>,
    last_serial: Cell<u32>,
}

impl Targets {
    pub(super) fn new(shard: usize) -> Self {
        let shard = u32::try_from(shard).unwrap_or_default();
        Self { shard, by_pid: RefCell::default(), last_serial: Cell::new(0) }
    }

    /// Takes a session in under a pid nobody else of the process has. `None` when all are taken.
    pub(super) fn add(&self, secret: [u8; 32]) -> Option<Rc<Target>> {
        let mut by_pid = self.by_pid.borrow_mut();
        let mut serial = self.last_serial.get();
        for _ in 0..=by_pid.len() {
            serial = if serial >= SERIAL_MAX { 1 } else { serial.saturating_add(1) };
            let Ok(pid) = i32::try_from(self.shard << SERIAL_BITS | serial) else { return None };
            if let std::collections::hash_map::Entry::Vacant(place) = by_pid.entry(pid) {
                self.last_serial.set(serial);
                let target = Rc::new(Target {
                    pid,
                    secret,
                    key_bytes: Cell::new(0),
                    signals: SignalBox::default(),
                    activity: Cell::new(Activity::Working),
                });
                place.insert(Rc::clone(&target));
                return Some(target);
            }
        }
        None
    }

    pub(super) fn remove(&self, pid: i32) {
        self.by_pid.borrow_mut().remove(&pid);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_pid.borrow().is_empty()
    }

    pub(super) fn each(&self, mut visit: impl FnMut(&Target)) {
        for target in self.by_pid.borrow().values() {
            visit(target);
        }
    }

    pub(super) fn wake(&self, pid: i32, signals: Signals) {
        if let Some(target) = self.by_pid.borrow().get(&pid) {
            target.signals.raise(signals);
        }
    }

    /// A cancel request whose key is wrong is ignored: nothing is said about which pids exist.
    pub(super) fn cancel(&self, pid: i32, key: &[u8]) -> bool {
        let by_pid = self.by_pid.borrow();
        let Some(target) = by_pid.get(&pid) else { return false };
        // Protocol 3.0 clients know the first four bytes only, 3.2 clients all: four bytes of those are not enough.
        let expected = target.secret.get(..target.key_bytes.get()).unwrap_or_default();
        let is_theirs = !expected.is_empty() && bool::from(expected.ct_eq(key));
        if is_theirs {
            target.signals.raise(Signals::CANCEL);
        }
        is_theirs
    }
}

#[cfg(test)]
mod tests {
    use glommio::LocalExecutor;

    use super::*;

    #[test]
    fn pids_are_unique_and_name_the_shard() {
        let targets = Targets::new(3);
        let first = targets.add([1; 32]).unwrap();
        let second = targets.add([2; 32]).unwrap();
        assert_eq!(first.pid >> SERIAL_BITS, 3);
        assert_ne!(first.pid, second.pid);
        // Around the end of the serial numbers, past one that is taken.
        targets.last_serial.set(SERIAL_MAX);
        assert_eq!(targets.add([3; 32]).unwrap().pid & 0xffff, 3);
        targets.remove(first.pid);
        targets.last_serial.set(SERIAL_MAX);
        assert_eq!(targets.add([4; 32]).unwrap().pid, first.pid);
        assert!(Targets::new(SHARDS_MAX - 1).add([0; 32]).unwrap().pid > 0);
    }

    #[test]
    fn only_the_right_key_cancels() {
        let targets = Targets::new(0);
        let target = targets.add([7; 32]).unwrap();
        let keys = [&[7; 3][..], &[7; 4], &[7; 5], &[7; 31], &[7; 32], &[8; 4], &[8; 32], &[]];
        // Before the login is over, nobody knows a key.
        for (agreed, right) in [(0, None), (4, Some(&[7; 4][..])), (32, Some(&[7; 32]))] {
            target.key_bytes.set(agreed);
            for key in keys {
                assert_eq!(targets.cancel(target.pid, key), Some(key) == right, "{agreed} bytes agreed: {key:?}");
                assert_eq!(target.signals.is_raised(Signals::CANCEL), Some(key) == right);
                target.signals.clear(Signals::CANCEL);
            }
        }
        assert!(!targets.cancel(target.pid + 1, &[7; 32]));
    }

    #[test]
    fn messages_reach_a_shard_from_another_thread() {
        let mesh = Mesh::new(2);
        let sender = {
            let mesh = mesh.clone();
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                mesh.cancel(1 << SERIAL_BITS | 9, vec![1, 2, 3, 4]);
                mesh.cancel(-1, vec![]);
                mesh.cancel(7 << SERIAL_BITS | 9, vec![]);
            })
        };
        LocalExecutor::default().run(async {
            let messages = mesh.mailbox(1).unwrap().receive().await;
            assert!(matches!(&messages[..], [ShardMessage::Cancel { pid, .. }] if *pid == 1 << SERIAL_BITS | 9));
        });
        sender.join().unwrap();
        assert!(mesh.mailbox(0).unwrap().lock().messages.is_empty());
    }
}
