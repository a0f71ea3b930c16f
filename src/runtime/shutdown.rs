//! SIGTERM and SIGINT: the first lets transactions end, the second does not.

use std::io;
use std::thread::JoinHandle;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals as SignalIterator};

use super::server::Stopper;

/// SIGTERM and SIGINT for a program without shards: caught from `install` on, waited for by `wait`.
pub struct StopSignal(SignalIterator);

impl StopSignal {
    /// # Errors
    /// The handlers could not be installed.
    pub fn install() -> io::Result<Self> {
        Ok(Self(SignalIterator::new([SIGTERM, SIGINT])?))
    }

    /// Blocks until one of them has come.
    pub fn wait(mut self) {
        self.0.forever().next();
    }
}

/// The process's signals, in our hands.
pub(super) struct Signals {
    iterator: Option<SignalIterator>,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self { iterator: Some(SignalIterator::new([SIGTERM, SIGINT])?) })
    }

    /// Waits for signals on a thread of its own: a signal that comes before is kept.
    pub(super) fn watch(&mut self, stopper: Stopper) -> Watcher {
        let Some(mut iterator) = self.iterator.take() else { return Watcher { handle: None, thread: None } };
        let handle = iterator.handle();
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut is_first = true;
            for signal in iterator.forever() {
                let name = if signal == SIGINT { "SIGINT" } else { "SIGTERM" };
                if std::mem::take(&mut is_first) {
                    tracing::info!("{name}: stopping; open transactions may finish");
                    stopper.stop();
                } else {
                    tracing::warn!("{name} again: stopping now");
                    stopper.stop_now();
                }
            }
        });
        match thread {
            Ok(thread) => Watcher { handle: Some(handle), thread: Some(thread) },
            Err(error) => {
                tracing::error!(%error, "no thread to watch signals: SIGTERM and SIGINT are ignored");
                Watcher { handle: Some(handle), thread: None }
            }
        }
    }
}

/// The thread that waits for signals.
pub(super) struct Watcher {
    handle: Option<Handle>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    pub(super) fn end(self) {
        if let Some(handle) = self.handle {
            handle.close();
        }
        if let Some(thread) = self.thread {
            // It holds nothing that could be lost.
            let _ = thread.join();
        }
    }
}
