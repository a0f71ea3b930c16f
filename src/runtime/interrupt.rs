//! Interrupting a statement that runs in IRIS: because of a cancel request, a timeout, or a client that is gone.

use std::time::Instant;

use super::link::{IrisTarget, Link, LinkFailure};
use super::wait::{Signals, within};
use crate::iris::{Reply, Request, SubmitOutcome};

/// Why a statement was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupted {
    ByUser,
    ByTimeout,
}

/// What is known about a request in flight.
pub(super) struct Watch {
    pub(super) deadline: Option<Instant>,
    pub(super) interrupted: Option<Interrupted>,
    pub(super) client_gone: bool,
}

impl Watch {
    pub(super) fn new(deadline: Option<Instant>) -> Self {
        Self { deadline, interrupted: None, client_gone: false }
    }

    pub(super) fn wanted(&self) -> Signals {
        let mut wanted = Signals::STOP_NOW;
        if self.interrupted.is_none() {
            wanted = wanted.union(Signals::CANCEL);
        }
        if !self.client_gone {
            wanted = wanted.union(Signals::LOOK_AT_CLIENT);
        }
        wanted
    }

    /// Sends EI over a control connection and waits until that is done: an interruption that arrives late, when the
    /// connection serves somebody else, would hit the wrong statement. A commit is never interrupted: nobody could
    /// tell what became of it.
    pub(super) async fn interrupt(
        &mut self,
        target: &IrisTarget,
        link: &Link,
        pending: SubmitOutcome,
        request: &Request,
        why: Interrupted,
    ) {
        if pending == SubmitOutcome::Done || matches!(request, Request::Commit | Request::Rollback) {
            return;
        }
        self.interrupted = Some(why);
        let (job, statement_id) = link.in_flight();
        let sent = async {
            let mut control = Link::connect(target).await?;
            let accepted = control.interrupt(job, statement_id).await?;
            control.disconnect().await;
            Ok::<_, LinkFailure>(accepted)
        };
        match within(target.connect_timeout, sent).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => tracing::warn!(job, "IRIS refused to interrupt a statement"),
            Some(Err(error)) => tracing::warn!(job, %error, "a statement could not be interrupted"),
            None => tracing::warn!(job, "a statement could not be interrupted in time"),
        }
    }
}

/// The error of an interrupted statement says why it was interrupted. Which code IRIS gives is not known for every
/// version; any of the likely ones is taken for it.
pub(super) fn relabeled(reply: Reply<'_>, interrupted: Option<Interrupted>) -> Reply<'_> {
    match (reply, interrupted) {
        (Reply::Failed { mut error, counts }, Some(why)) if matches!(error.sqlcode, 400 | 450 | 453 | 456) => {
            error.sqlcode = match why {
                Interrupted::ByUser => 456,
                Interrupted::ByTimeout => 450,
            };
            Reply::Failed { error, counts }
        }
        (reply, _) => reply,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iris::IrisError;

    fn failed(sqlcode: i32) -> Reply<'static> {
        Reply::Failed { error: IrisError { sqlcode, text: String::new() }, counts: Vec::new() }
    }

    fn sqlcode(reply: Reply<'_>) -> i32 {
        match reply {
            Reply::Failed { error, .. } => error.sqlcode,
            _ => 0,
        }
    }

    #[test]
    fn an_interrupted_statement_says_why() {
        assert_eq!(sqlcode(relabeled(failed(456), Some(Interrupted::ByTimeout))), 450);
        assert_eq!(sqlcode(relabeled(failed(400), Some(Interrupted::ByUser))), 456);
        // An error of its own stays.
        assert_eq!(sqlcode(relabeled(failed(119), Some(Interrupted::ByUser))), 119);
        assert_eq!(sqlcode(relabeled(failed(456), None)), 456);
        assert!(matches!(relabeled(Reply::Done, Some(Interrupted::ByUser)), Reply::Done));
    }
}
