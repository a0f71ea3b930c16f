//! How many statements that PostgreSQL finishes are under way in the process, and who waits to begin.
//!
//! Who is let in waits for IRIS connections and for workers, and for nothing that somebody has who waits here: who holds an IRIS
//! connection does not wait.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// A bound and a queue over all shards.
#[derive(Debug)]
pub(super) struct Admission {
    count_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Under way, those included that did not wait.
    count: usize,
    last_number: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    waker: Option<Waker>,
    is_admitted: bool,
}

/// One that is under way. Dropped, the next may begin.
#[derive(Debug)]
pub(super) struct Admitted(Arc<Admission>);

impl Admission {
    pub(super) fn new(count_max: usize) -> Arc<Self> {
        Arc::new(Self { count_max: count_max.max(1), inner: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A counter and a queue: nothing is left half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut wakers = Vec::new();
        let value = {
            let mut inner = self.lock();
            let value = change(&mut inner);
            let Inner { count, waiting, .. } = &mut *inner;
            for next in waiting.iter_mut().filter(|next| !next.is_admitted) {
                if *count >= self.count_max {
                    break;
                }
                *count = count.saturating_add(1);
                next.is_admitted = true;
                wakers.extend(next.waker.take());
            }
            value
        };
        for waker in wakers {
            waker.wake();
        }
        value
    }

    /// For one whose client holds an IRIS connection, for which others may be waiting who are let in already.
    pub(super) fn enter_at_once(self: &Arc<Self>) -> Admitted {
        let mut inner = self.lock();
        inner.count = inner.count.saturating_add(1);
        Admitted(Arc::clone(self))
    }

    /// In the order of asking. Dropped before, the wish is taken back.
    pub(super) async fn enter(self: &Arc<Self>) -> Admitted {
        let number = self.change(|inner| {
            inner.last_number = inner.last_number.saturating_add(1);
            let number = inner.last_number;
            inner.waiting.push_back(Waiting { number, waker: None, is_admitted: false });
            number
        });
        let wish = Wish { admission: self, number };
        poll_fn(|context| {
            let mut inner = self.lock();
            let at = inner.waiting.iter().position(|other| other.number == wish.number);
            match at.and_then(|at| inner.waiting.get_mut(at)) {
                Some(own) if !own.is_admitted => {
                    own.waker = Some(context.waker().clone());
                    Poll::Pending
                }
                _ => {
                    at.and_then(|at| inner.waiting.remove(at));
                    Poll::Ready(Admitted(Arc::clone(self)))
                }
            }
        })
        .await
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.change(|inner| inner.count = inner.count.saturating_sub(1));
    }
}

struct Wish<'a> {
    admission: &'a Admission,
    number: u64,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        self.admission.change(|inner| {
            let at = inner.waiting.iter().position(|other| other.number == self.number);
            // Let in, but gone.
            if at.and_then(|at| inner.waiting.remove(at)).is_some_and(|own| own.is_admitted) {
                inner.count = inner.count.saturating_sub(1);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn so_many_are_under_way_and_others_wait_in_order() {
        let admission = Admission::new(2);
        block_on(async {
            let (one, two) = (admission.enter().await, admission.enter().await);
            let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(admission.enter())).collect();
            for wish in &mut waiting {
                assert!(poll_once(wish).await.is_none());
            }
            // Who holds what others wait for does not wait, and counts.
            let holder = admission.enter_at_once();
            drop(one);
            let [first, second, third] = &mut waiting[..] else { panic!() };
            assert!(poll_once(&mut *first).await.is_none());
            drop(holder);
            let first = poll_once(&mut *first).await.unwrap();
            assert!(poll_once(&mut *second).await.is_none());
            drop(two);
            // It was let in, and goes.
            *second = Box::pin(admission.enter());
            assert!(poll_once(&mut *third).await.is_some());
            drop(first);
            assert!(poll_once(&mut *second).await.is_some());
            drop(waiting);
            let inner = admission.lock();
            assert_eq!((inner.count, inner.waiting.len()), (0, 0));
        });
    }
}
