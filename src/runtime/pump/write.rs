//! Sending to the client, who may not read.

use std::time::{Duration, Instant};

use futures_lite::AsyncWriteExt;
use futures_lite::future::or;

use super::{End, Pump, Woken, canceled_by_timeout, canceled_by_user};
use crate::runtime::conversation::Conversation;
use crate::runtime::wait::Signals;
use crate::session::{Event, Step};
use crate::wire::PgError;

/// A client that holds an IRIS connection must accept so much within `client_write_timeout`.
const PART_BYTES: usize = 64 << 10;

impl<C: Conversation> Pump<C> {
    /// Sends everything.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        self.send(false).await.map(|_| ())
    }

    /// Sends what there is, if it is much or the session wants it sent. The error is what ends the statement that runs.
    pub(super) async fn make_room(&mut self, step: &Step) -> Result<Option<Box<PgError>>, End> {
        match step {
            Step::FlushThenResume => self.send(true).await,
            Step::Yield if !self.out.is_full() => Ok(self.reason_to_end()),
            // Nothing runs any more.
            Step::NeedFrame | Step::Flush | Step::Notifications if self.out.is_full() => self.send(false).await,
            Step::Yield | Step::Submit(_) | Step::Ask(_) | Step::Refresh | Step::Sequence(_) | Step::Wait(_)
                if self.out.is_full() =>
            {
                self.send(true).await
            }
            // Closing has a limit of its own, and the mirror must not wait for a client.
            _ => Ok(None),
        }
    }

    /// The statement gives up its IRIS connection: nobody knows when the client has read what was sent before, and
    /// others wait.
    pub(super) async fn interrupted(&mut self, error: Box<PgError>) -> Step {
        if let Some(lease) = self.lease.take() {
            lease.release().await;
        }
        self.session.on_event(Event::Lost(error), &mut self.out)
    }

    /// Why the statement that runs has to end where it is.
    fn reason_to_end(&mut self) -> Option<Box<PgError>> {
        if self.target.signals.is_raised(Signals::CANCEL) {
            self.target.signals.clear(Signals::CANCEL);
            return Some(canceled_by_user());
        }
        let is_late = self.statement_deadline().is_some_and(|at| at <= Instant::now());
        is_late.then(canceled_by_timeout)
    }

    /// Sends everything. A client that does not read must not hold up the end of the process, nor keep an IRIS
    /// connection for long; a statement can be cancelled and has its time limit while it waits for its client, too.
    async fn send(&mut self, is_in_statement: bool) -> Result<Option<Box<PgError>>, End> {
        let deadline = if is_in_statement { self.statement_deadline() } else { None };
        let mut wanted = Signals::STOP_NOW;
        if is_in_statement {
            // One that comes while a client reads as fast as is written finds nothing that waits for it.
            if let Some(error) = self.reason_to_end() {
                return Ok(Some(error));
            }
            wanted = wanted.union(Signals::CANCEL);
        }
        let limit = Some(self.shard.options.client_write_timeout).filter(|ms| self.lease.is_some() && !ms.is_zero());
        let part_deadline = || limit.and_then(|limit| Instant::now().checked_add(limit));
        let (mut sent_bytes, mut part_end, mut part_at) = (0_usize, PART_BYTES, part_deadline());
        let interrupted = loop {
            let Self { stream, out, target, .. } = self;
            let rest = out.as_slice().get(sent_bytes..).unwrap_or_default();
            if rest.is_empty() {
                break None;
            }
            let at = deadline.into_iter().chain(part_at).min();
            let woken = or(async { Woken::Done(stream.write(rest).await) }, async {
                Woken::waited(target.signals.wait_until(wanted, at).await)
            })
            .await;
            match woken {
                Woken::Done(Ok(0)) => return Err(End::Closed),
                Woken::Done(Ok(n)) => sent_bytes = sent_bytes.saturating_add(n),
                Woken::Done(Err(error)) => return Err(error.into()),
                Woken::Signal(signals) if signals.intersects(Signals::STOP_NOW) => return Err(End::Closed),
                Woken::Signal(_) => break Some(canceled_by_user()),
                Woken::Deadline if part_at.is_some_and(|at| at <= Instant::now()) => {
                    return Err(self.stalled(limit.unwrap_or_default()));
                }
                Woken::Deadline => break Some(canceled_by_timeout()),
            }
            if sent_bytes >= part_end {
                part_end = sent_bytes.saturating_add(PART_BYTES);
                part_at = part_deadline();
            }
        };
        if sent_bytes > 0 {
            self.out.consume(sent_bytes);
        }
        Ok(interrupted)
    }

    fn stalled(&self, limit: Duration) -> End {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            pid = self.target.pid,
            client = ?self.client_address(),
            limit_ms,
            "a client did not read its result while it held an IRIS connection; it is disconnected (client_write_timeout_ms)"
        );
        End::Closed
    }
}
