//! Statements that have much to do on a shard take turns with everybody else.
//!
//! glommio looks at sockets when no task is ready, or when the turn of those that are is over (`server::TURN`). Tasks that only
//! yield to each other stay ready all the time, and a client that has one small question waits for the end of the turn. So
//! who yields here waits for something that is looked for together with sockets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use glommio::timer::Timer;

/// Timers are looked at together with sockets. One that is over before it is first polled waits for nothing, so this is a little more
/// than a poll takes; nobody sleeps for it, as submitting what has been asked of the sockets takes longer.
const PAUSE: Duration = Duration::from_micros(3);

/// Who has much to do on a shard, in the order of coming. The first has the turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: RefCell<VecDeque<Waiting>>,
    last_number: Cell<u64>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    waker: Option<Waker>,
}

/// A place in the queue, for as long as this lives.
struct Place<'a> {
    turns: &'a Turns,
    number: u64,
}

impl Turns {
    /// Until sockets have been looked at, those have run who have something to do, and those have had their turn who came
    /// before.
    pub(super) async fn others_first(&self) {
        let place = self.enter();
        poll_fn(|context| {
            let mut waiting = self.waiting.borrow_mut();
            if waiting.front().is_some_and(|first| first.number == place.number) {
                return Poll::Ready(());
            }
            if let Some(own) = waiting.iter_mut().find(|own| own.number == place.number) {
                own.waker = Some(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
        Timer::new(PAUSE).await;
    }

    fn enter(&self) -> Place<'_> {
        let number = self.last_number.get().wrapping_add(1);
        self.last_number.set(number);
        self.waiting.borrow_mut().push_back(Waiting { number, waker: None });
        Place { turns: self, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting.borrow_mut();
        waiting.retain(|other| other.number != self.number);
        if let Some(waker) = waiting.front_mut().and_then(|first| first.waker.take()) {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::rc::Rc;

    use futures_lite::AsyncReadExt as _;
    use glommio::LocalExecutor;
    use glommio::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_is_looked_at_between_two_turns() {
        let path = std::env::temp_dir().join(format!("iris-pgwire-turns-{}", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        LocalExecutor::default().run(async {
            let mut reader = UnixStream::connect(&path).await.unwrap();
            let (mut writer, _) = listener.accept().unwrap();
            let turns = Rc::new(Turns::default());
            let has_read = Rc::new(Cell::new(false));
            let busy: Vec<_> = (0..3)
                .map(|_| {
                    let (turns, has_read) = (Rc::clone(&turns), Rc::clone(&has_read));
                    glommio::spawn_local(async move {
                        let mut turns_count = 0;
                        while !has_read.get() && turns_count < 10_000 {
                            turns.others_first().await;
                            turns_count += 1;
                        }
                        turns_count
                    })
                })
                .collect();
            turns.others_first().await;
            writer.write_all(b"x").unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).await.unwrap();
            has_read.set(true);
            for task in busy {
                let turns_count = task.await;
                assert!(turns_count < 50, "{turns_count} turns in front of a byte that was there");
            }
        });
        std::fs::remove_file(&path).unwrap();
    }
}
