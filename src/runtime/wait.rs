//! Waiting: with a limit, and for what other tasks want of a session.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::future::or;
use glommio::timer::Timer;

/// Runs a future for at most `limit`; `None` when it took longer (it is dropped).
pub(super) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    or(async { Some(future.await) }, async {
        Timer::new(limit).await;
        None
    })
    .await
}

/// Ends at `deadline`; never without one.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => {
            Timer::new(deadline.saturating_duration_since(Instant::now())).await;
        }
        None => pending().await,
    }
}

/// A set of wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Signals(u8);

impl Signals {
    /// A CancelRequest for what runs now.
    pub(super) const CANCEL: Self = Self(1);
    /// A request has been running for a while: is the client still there?
    pub(super) const LOOK_AT_CLIENT: Self = Self(2);
    /// The process stops: end as soon as no transaction is open.
    pub(super) const STOP: Self = Self(4);
    /// The process stops: end now.
    pub(super) const STOP_NOW: Self = Self(8);
    /// The client has been silent for a while: give memory back, mind the idle timeouts.
    pub(super) const IDLE: Self = Self(16);
    /// Notifications have come in.
    pub(super) const NOTIFIED: Self = Self(32);
    /// An advisory lock that was waited for may be there.
    pub(super) const LOCKED: Self = Self(64);

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Wishes that wait for one task of the same shard.
#[derive(Debug, Default)]
pub(super) struct SignalBox {
    /// Nobody's wishes count any more.
    is_deaf: Cell<bool>,
    raised: Cell<Signals>,
    waker: RefCell<Option<Waker>>,
}

impl SignalBox {
    /// From now on nothing is raised.
    pub(super) fn turn_deaf(&self) {
        self.is_deaf.set(true);
        self.raised.set(Signals::default());
    }

    pub(super) fn raise(&self, signals: Signals) {
        if self.is_deaf.get() {
            return;
        }
        self.raised.set(self.raised.get().union(signals));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Takes back what has become pointless.
    pub(super) fn clear(&self, signals: Signals) {
        self.raised.set(self.raised.get().without(signals));
    }

    pub(super) fn is_raised(&self, signals: Signals) -> bool {
        self.raised.get().intersects(signals)
    }

    /// Takes the raised ones of `wanted`, waiting until there is one. Others stay raised.
    pub(super) async fn wait(&self, wanted: Signals) -> Signals {
        poll_fn(|context| {
            let raised = self.raised.get();
            if raised.intersects(wanted) {
                self.raised.set(raised.without(wanted));
                return Poll::Ready(Signals(raised.0 & wanted.0));
            }
            let waker = match self.waker.take() {
                Some(waker) if waker.will_wake(context.waker()) => waker,
                _ => context.waker().clone(),
            };
            self.waker.replace(Some(waker));
            Poll::Pending
        })
        .await
    }

    /// As [`wait`](Self::wait), no longer than to `deadline`; `None` then.
    pub(super) async fn wait_until(&self, wanted: Signals, deadline: Option<Instant>) -> Option<Signals> {
        or(async { Some(self.wait(wanted).await) }, async {
            until(deadline).await;
            None
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use futures_lite::future::poll_once;
    use glommio::LocalExecutor;

    use super::*;

    #[test]
    fn only_wanted_signals_are_taken() {
        LocalExecutor::default().run(async {
            let signals = Rc::new(SignalBox::default());
            signals.raise(Signals::CANCEL);
            assert_eq!(poll_once(signals.wait(Signals::STOP)).await, None);
            assert!(signals.is_raised(Signals::CANCEL));
            let waiting = glommio::spawn_local({
                let signals = Rc::clone(&signals);
                async move { signals.wait(Signals::STOP.union(Signals::IDLE)).await }
            });
            glommio::executor().yield_now().await;
            signals.raise(Signals::STOP);
            assert_eq!(waiting.await, Signals::STOP);
            assert_eq!(signals.wait(Signals::CANCEL).await, Signals::CANCEL);
            assert!(!signals.is_raised(Signals::CANCEL));
        });
    }

    #[test]
    fn a_limit_ends_a_future() {
        LocalExecutor::default().run(async {
            assert_eq!(within(Duration::from_millis(1), pending::<()>()).await, None);
            assert_eq!(within(Duration::from_secs(60), async { 5 }).await, Some(5));
        });
    }
}
