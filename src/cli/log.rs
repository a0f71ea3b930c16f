//! The log: events on standard error. Neither one that cannot be written nor a reader that does not read must hurt the
//! thread that has something to say: a thread of its own writes, from a queue with a bound.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogLevel;
use crate::session::Counts;

/// Bytes of events that wait for being written; the thread that writes has as much in hand.
const QUEUE_BYTES_MAX: usize = 1 << 20;
/// How long the end of the process waits for what has not been written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Events that could not be written: the reader of the pipe does not read or has gone, or the disk is full.
#[derive(Debug, Default)]
pub struct LogLoss {
    lost: AtomicU64,
    /// Of these the log says nothing yet.
    unreported: AtomicU64,
}

impl Counts for LogLoss {
    fn read(&self) -> Vec<(&'static str, u64)> {
        vec![("log_events_lost", self.lost.load(Ordering::Relaxed))]
    }
}

/// The log of the process. Dropped at the process's end: what waits is written then, within a second.
#[derive(Debug)]
pub struct Logging {
    log: Log,
}

impl Logging {
    pub fn loss(&self) -> Arc<LogLoss> {
        Arc::clone(&self.log.loss)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.log.queue.flush(FLUSH_LIMIT);
    }
}

/// Sends log events, and what a panic has to say, to standard error. Call once.
///
/// # Errors
/// It was called before, or there can be no thread.
pub fn start_logging(level: LogLevel) -> Result<Logging, String> {
    let log = Log::default();
    log.start(io::stderr).map_err(|error| format!("no thread to write the log: {error}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level.as_str()))
        .with_writer(log.clone())
        .with_ansi(io::stderr().is_terminal())
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
    // The usual one writes to standard error itself, and would wait there.
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), backtrace, "{panic}");
    }));
    Ok(Logging { log })
}

/// Takes whole events; never fails, since a subscriber that cannot write complains on standard error, and panics there.
#[derive(Debug, Clone, Default)]
struct Log {
    loss: Arc<LogLoss>,
    queue: Arc<Queue>,
}

impl Log {
    /// Starts the thread that writes.
    fn start<W: Write>(&self, out: impl Fn() -> W + Send + 'static) -> io::Result<()> {
        let log = self.clone();
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread
            .spawn(move || {
                loop {
                    for entry in log.queue.take() {
                        if entry.write(&mut out()).is_err() {
                            log.loss.lost.fetch_add(1, Ordering::Relaxed);
                            let unreported = entry.lost_before.saturating_add(1);
                            log.loss.unreported.fetch_add(unreported, Ordering::Relaxed);
                        }
                    }
                }
            })
            .map(drop)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let lost_before = self.loss.unreported.swap(0, Ordering::Relaxed);
        if !self.queue.put(Entry { lost_before, event: event.to_vec() }) {
            self.loss.lost.fetch_add(1, Ordering::Relaxed);
            self.loss.unreported.fetch_add(lost_before.saturating_add(1), Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event.
#[derive(Debug)]
struct Entry {
    /// How many before it have been lost and not been told of.
    lost_before: u64,
    event: Vec<u8>,
}

impl Entry {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if self.lost_before > 0 {
            let report = format!("{} log events before this one could not be written\n", self.lost_before);
            out.write_all(report.as_bytes())?;
        }
        out.write_all(&self.event)
    }
}

/// Events between those who have something to say and the thread that writes. Locked for a push or a swap: nobody waits
/// for what a reader does.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The thread has some in hand.
    is_writing: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in between can panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False: there is no room.
    fn put(&self, entry: Entry) -> bool {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(entry.event.len());
        if bytes > QUEUE_BYTES_MAX {
            return false;
        }
        waiting.bytes = bytes;
        waiting.entries.push_back(entry);
        drop(waiting);
        self.changed.notify_all();
        true
    }

    /// All there are, waiting until there is one. Those taken before have been written.
    fn take(&self) -> VecDeque<Entry> {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.changed.notify_all();
        let mut waiting = self
            .changed
            .wait_while(waiting, |waiting| waiting.entries.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = true;
        waiting.bytes = 0;
        std::mem::take(&mut waiting.entries)
    }

    /// Waits until all are written, no longer than `limit`.
    fn flush(&self, limit: Duration) {
        let is_busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.entries.is_empty();
        // Whether it took too long makes no difference.
        let _ = self.changed.wait_timeout_while(self.lock(), limit, is_busy);
    }
}

/// Standard error for the last words of a process, which nobody may wait for: its reader may not read.
#[derive(Debug, Default)]
pub(super) struct LastWords;

impl Write for LastWords {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let words = bytes.to_vec();
        let (sender, written) = mpsc::channel();
        std::thread::Builder::new().name("last words".to_owned()).spawn(move || {
            // Nobody listens any more when it took too long.
            let _ = sender.send(io::stderr().write(&words));
        })?;
        written.recv_timeout(FLUSH_LIMIT).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A disk that is full from time to time, and whose writing can be held up.
    #[derive(Debug, Default, Clone)]
    struct Disk(Arc<Mutex<(bool, Vec<u8>)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (is_full, written) = &mut *self.0.lock().unwrap();
            if *is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log_on(disk: &Disk) -> Log {
        let (log, disk) = (Log::default(), disk.clone());
        log.start(move || disk.clone()).unwrap();
        log
    }

    impl Log {
        fn say(&self, event: &[u8]) {
            self.make_writer().write_all(event).unwrap();
        }

        fn written(&self) {
            self.queue.flush(Duration::from_secs(20));
        }
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_told_later() {
        let disk = Disk::default();
        let log = log_on(&disk);
        log.say(b"one\n");
        log.written();
        disk.0.lock().unwrap().0 = true;
        for _ in 0..3 {
            log.say(b"lost\n");
        }
        log.written();
        assert_eq!(log.loss.read(), [("log_events_lost", 3)]);
        disk.0.lock().unwrap().0 = false;
        log.say(b"two\n");
        log.say(b"three\n");
        log.written();
        let written = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        assert_eq!(written, "one\n3 log events before this one could not be written\ntwo\nthree\n");
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read() {
        let disk = Disk::default();
        let log = log_on(&disk);
        let held_up = disk.0.lock().unwrap();
        let event = [b'x'; 1024];
        log.say(&event);
        // The thread has it in hand, and takes no more meanwhile.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !log.queue.lock().is_writing {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
        let kept = QUEUE_BYTES_MAX / event.len();
        let events = 1 + 2 * kept;
        for _ in 1..events {
            log.say(&event);
        }
        let lost = log.loss.read()[0].1;
        assert_eq!(lost as usize, kept);
        log.queue.flush(Duration::from_millis(1));
        drop(held_up);
        log.written();
        log.say(b"last\n");
        log.written();
        let written = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        let end = format!("x{lost} log events before this one could not be written\nlast\n");
        assert!(written.ends_with(&end), "{}", &written[written.len() - 100..]);
        assert_eq!(written.len(), (events - lost as usize) * event.len() + end.len() - 1);
    }
}
