//! The log: events on standard error. One that cannot be written must not hurt the thread that has something to say.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogLevel;
use crate::session::Counts;

/// Events that could not be written: the reader of the pipe has gone, or the disk is full.
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

/// Sends log events to standard error. Call once.
///
/// # Errors
/// It was called before.
pub fn start_logging(level: LogLevel) -> Result<Arc<LogLoss>, String> {
    let loss = Arc::new(LogLoss::default());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level.as_str()))
        .with_writer(Log { loss: Arc::clone(&loss), out: io::stderr })
        .with_ansi(io::stderr().is_terminal())
        .finish();
    tracing::subscriber::set_global_default(subscriber).map_err(|error| error.to_string())?;
    Ok(loss)
}

/// Takes whole events; never fails, since a subscriber that cannot write complains on standard error, and panics there.
#[derive(Debug)]
struct Log<F> {
    loss: Arc<LogLoss>,
    out: F,
}

impl<'a, F: Fn() -> W + 'a, W: Write + 'a> MakeWriter<'a> for Log<F> {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl<F: Fn() -> W, W: Write> Write for &Log<F> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut out = (self.out)();
        let unreported = self.loss.unreported.swap(0, Ordering::Relaxed);
        let report = || format!("{unreported} log events before this one could not be written\n");
        let written = if unreported == 0 { Ok(()) } else { out.write_all(report().as_bytes()) };
        let mut lost = unreported;
        if written.is_ok() {
            lost = 0;
        }
        if written.and_then(|()| out.write_all(event)).is_err() {
            self.loss.lost.fetch_add(1, Ordering::Relaxed);
            lost = lost.saturating_add(1);
        }
        self.loss.unreported.fetch_add(lost, Ordering::Relaxed);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A disk that is full from time to time.
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

    #[test]
    fn what_cannot_be_written_is_counted_and_told_later() {
        let disk = Disk::default();
        let log = Log { loss: Arc::default(), out: || disk.clone() };
        log.make_writer().write_all(b"one\n").unwrap();
        disk.0.lock().unwrap().0 = true;
        for _ in 0..3 {
            log.make_writer().write_all(b"lost\n").unwrap();
        }
        assert_eq!(log.loss.read(), [("log_events_lost", 3)]);
        disk.0.lock().unwrap().0 = false;
        log.make_writer().write_all(b"two\n").unwrap();
        log.make_writer().write_all(b"three\n").unwrap();
        let written = String::from_utf8(disk.0.lock().unwrap().1.clone()).unwrap();
        assert_eq!(written, "one\n3 log events before this one could not be written\ntwo\nthree\n");
    }
}
