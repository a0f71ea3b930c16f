//! Wakes shards that sleep over work.
//!
//! glommio (0.9) puts an executor to sleep although tasks are ready when the preemption timer fires between the moment it is
//! armed and the first look at it: then no task has run in that turn, which is taken for having none
//! (`LocalExecutor::run`, `run_task_queues`). It takes a machine so busy that the thread is off its core for that long in just
//! that place. The executor then sleeps until something else happens to it, which may be never: the shard's own clock is
//! among what waits. So a thread of the process looks at the clocks, and wakes by a foreign waker, which always ends the sleep.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the thread looks.
const LOOK: Duration = Duration::from_millis(100);

/// What the thread knows of one shard.
#[derive(Debug)]
struct Clock {
    /// Milliseconds from the start to the latest tick.
    ticked_ms: AtomicU64,
    /// Of a task of the shard.
    waker: Mutex<Option<Waker>>,
}

/// The clocks of all shards.
#[derive(Debug, Clone)]
pub(super) struct Alarm {
    started: Instant,
    clocks: Arc<[Clock]>,
    has_stopped: Arc<AtomicBool>,
    /// Times a shard was woken.
    wakes_count: Arc<AtomicU64>,
}

impl Alarm {
    pub(super) fn new(shards_count: usize) -> Self {
        let clock = |_| Clock { ticked_ms: AtomicU64::new(0), waker: Mutex::default() };
        Self {
            started: Instant::now(),
            clocks: (0..shards_count).map(clock).collect(),
            has_stopped: Arc::default(),
            wakes_count: Arc::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// From now on the task that calls this is woken when the shard has not ticked for too long.
    pub(super) async fn watch(&self, shard: usize) {
        poll_fn(|context| {
            if let Some(clock) = self.clocks.get(shard) {
                clock.ticked_ms.store(self.now_ms(), Ordering::Relaxed);
                *clock.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            }
            Poll::Ready(())
        })
        .await;
    }

    /// The shard's clock has ticked.
    pub(super) fn tick(&self, shard: usize) {
        if let Some(clock) = self.clocks.get(shard) {
            clock.ticked_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// The shard ends: nobody is woken any more.
    pub(super) fn leave(&self, shard: usize) {
        if let Some(clock) = self.clocks.get(shard) {
            clock.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Times a shard was found asleep over its time.
    #[cfg(test)]
    pub(super) fn wakes_count(&self) -> u64 {
        self.wakes_count.load(Ordering::Relaxed)
    }

    /// Wakes every shard that has not ticked for `late`.
    fn ring(&self, late: Duration) {
        let late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        for clock in self.clocks.iter() {
            if self.now_ms().saturating_sub(clock.ticked_ms.load(Ordering::Relaxed)) < late_ms {
                continue;
            }
            if let Some(waker) = &*clock.waker.lock().unwrap_or_else(PoisonError::into_inner) {
                self.wakes_count.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("a shard has slept over its time and is woken");
                waker.wake_by_ref();
            }
        }
    }

    /// Starts the thread. `tick`: the time between two ticks of a shard.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn start(&self, tick: Duration) -> io::Result<Watch> {
        let alarm = self.clone();
        let late = tick.saturating_add(LOOK);
        let thread = std::thread::Builder::new().name("alarm".to_owned()).spawn(move || {
            while !alarm.has_stopped.load(Ordering::Relaxed) {
                std::thread::park_timeout(LOOK);
                alarm.ring(late);
            }
        })?;
        Ok(Watch { has_stopped: Arc::clone(&self.has_stopped), thread: Some(thread) })
    }
}

/// The thread, for as long as this lives.
#[derive(Debug)]
pub(super) struct Watch {
    has_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.has_stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use glommio::LocalExecutor;
    use glommio::timer::Timer;

    use super::*;

    /// A task that has been woken behind the executor's back, as far as that knows, is run.
    #[test]
    fn who_sleeps_too_long_is_woken() {
        let alarm = Alarm::new(1);
        let watch = alarm.start(Duration::from_millis(50)).unwrap();
        LocalExecutor::default().run(async {
            let started = Instant::now();
            let waits = or_limit(&alarm);
            waits.await;
            assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
            assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        });
        assert!(alarm.wakes_count() >= 1);
        // A shard that ticks is left alone; one that has ended, too.
        let before = alarm.wakes_count();
        alarm.tick(0);
        alarm.ring(Duration::from_secs(60));
        alarm.leave(0);
        alarm.ring(Duration::ZERO);
        assert!(alarm.wakes_count() <= before + 1);
        drop(watch);
    }

    /// Ends when the alarm has rung; a limit keeps a failing test from hanging.
    async fn or_limit(alarm: &Alarm) {
        alarm.watch(0).await;
        let mut polls_count = 0;
        let woken = poll_fn(move |_| {
            polls_count += 1;
            if polls_count > 1 { Poll::Ready(()) } else { Poll::Pending }
        });
        futures_lite::future::or(woken, async {
            Timer::new(Duration::from_secs(30)).await;
        })
        .await;
    }
}
