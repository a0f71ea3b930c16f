//! A few places and a fair queue for them, within one shard.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Places of which each has one holder at a time.
#[derive(Debug)]
pub(super) struct Places {
    free_count: Cell<usize>,
    waiters: RefCell<VecDeque<Rc<Waiter>>>,
}

#[derive(Debug, Default)]
struct Waiter {
    has_place: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// A place. Dropped, it goes to the first who waits.
#[derive(Debug)]
pub(super) struct Place(Rc<Places>);

impl Places {
    pub(super) fn new(count: usize) -> Rc<Self> {
        Rc::new(Self { free_count: Cell::new(count), waiters: RefCell::default() })
    }

    /// A place, in the order of asking. Dropped before, the wish is taken back.
    pub(super) async fn take(self: &Rc<Self>) -> Place {
        let free = self.free_count.get();
        if free > 0 {
            self.free_count.set(free.saturating_sub(1));
            return Place(Rc::clone(self));
        }
        let waiter = Rc::new(Waiter::default());
        self.waiters.borrow_mut().push_back(Rc::clone(&waiter));
        let wish = Wish { places: self, waiter };
        poll_fn(|context| {
            if wish.waiter.has_place.replace(false) {
                return Poll::Ready(Place(Rc::clone(self)));
            }
            wish.waiter.waker.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    fn pass_on(&self) {
        match self.waiters.borrow_mut().pop_front() {
            Some(waiter) => {
                waiter.has_place.set(true);
                if let Some(waker) = waiter.waker.take() {
                    waker.wake();
                }
            }
            None => self.free_count.set(self.free_count.get().saturating_add(1)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

struct Wish<'p> {
    places: &'p Places,
    waiter: Rc<Waiter>,
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        self.places.waiters.borrow_mut().retain(|waiter| !Rc::ptr_eq(waiter, &self.waiter));
        // Handed over, but nobody took it.
        if self.waiter.has_place.replace(false) {
            self.places.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;

    #[test]
    fn places_go_round_and_none_is_lost() {
        block_on(async {
            let places = Places::new(1);
            let place = places.take().await;
            let mut first = Box::pin(places.take());
            let mut second = Box::pin(places.take());
            let mut third = Box::pin(places.take());
            for waiting in [&mut first, &mut second, &mut third] {
                assert!(poll_once(waiting).await.is_none());
            }
            drop(place);
            // The first was given the place and goes without it: the second has it.
            drop(first);
            assert!(poll_once(&mut third).await.is_none());
            let place = second.await;
            drop(place);
            drop(third.await);
            assert_eq!(places.free_count.get(), 1);
        });
    }
}
