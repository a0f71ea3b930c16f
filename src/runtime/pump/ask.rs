//! What a session waits for besides its client and IRIS: the oracle and its mirror.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::or;
use glommio::net::TcpStream;
use glommio::timer::Timer;

use super::{End, Outcome, Pump, canceled_by_timeout, canceled_by_user, is_gone, stopping};
use crate::catalog::{MirrorChange, OracleRequest, SequenceRequest};
use crate::runtime::cancel::{Activity, Target};
use crate::runtime::conversation::Conversation;
use crate::runtime::wait::Signals;
use crate::session::{Event, Permit, Step};
use crate::wire::PgError;

impl<C: Conversation> Pump<C> {
    /// Asks the oracle and tells the session the answer. The lease, if there is one, waits.
    pub(super) async fn ask(&mut self, question: &OracleRequest) -> Result<Step, End> {
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let answer = or(async { Ok(self.shard.asker.ask(question).await) }, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match answer {
            Ok(answer) => Ok(self.session.on_event(Event::Oracle(answer), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Oracle(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    /// Carries a change over to the mirror. IRIS has it already, so nothing but the end of the process stops it.
    pub(super) async fn mirror(&mut self, change: &MirrorChange) -> Result<Step, End> {
        self.begin_waiting();
        let done = or(async { Some(self.shard.asker.mirror(change).await) }, async {
            self.target.signals.wait(Signals::STOP_NOW).await;
            None
        })
        .await;
        self.target.activity.set(Activity::Working);
        match done {
            Some(done) => Ok(self.session.on_event(Event::Mirrored(done), &mut self.out)),
            None => self.end_waiting(&stopping(true), &Interruption::StopNow),
        }
    }

    pub(super) async fn refresh_mirror(&mut self) -> Result<Step, End> {
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let refresh = async {
            self.shard.asker.refresh_mirror().await;
            Ok(())
        };
        let done = or(refresh, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match done {
            Ok(()) => Ok(self.session.on_event(Event::Mirrored(Ok(())), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Mirrored(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    /// Sequences live outside of the session's transaction, whose lease waits.
    pub(super) async fn sequence(&mut self, request: &SequenceRequest) -> Result<Step, End> {
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let work = async {
            match &self.shard.sequencer {
                Some(sequencer) => Ok(sequencer.run(request).await),
                None => Ok(Err(PgError::unsupported("sequences are not kept: the gateway has no catalogs"))),
            }
        };
        let done = or(work, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match done {
            Ok(result) => Ok(self.session.on_event(Event::Sequence(result.map(Box::new)), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Sequence(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    /// `pg_sleep`: a timer, and nothing else is held for it.
    pub(super) async fn sleep(&mut self, time: Duration) -> Result<Step, End> {
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let over = async {
            // What no clock can tell is never.
            match Instant::now().checked_add(time) {
                Some(_) => drop(Timer::new(time).await),
                None => pending().await,
            }
            Ok(())
        };
        let slept = or(over, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match slept {
            Ok(()) => Ok(self.session.on_event(Event::Waited(Ok(true)), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Waited(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    /// A statement that PostgreSQL finishes waits until it may begin.
    pub(super) async fn admit(&mut self) -> Result<Step, End> {
        let admission = &self.shard.admission;
        if self.lease.is_some() {
            let permit = Permit::new(admission.enter_at_once());
            return Ok(self.session.on_event(Event::Admitted(Ok(permit)), &mut self.out));
        }
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let admission = &self.shard.admission;
        let admitted = or(async { Ok(admission.enter().await) }, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match admitted {
            Ok(admitted) => Ok(self.session.on_event(Event::Admitted(Ok(Permit::new(admitted))), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Admitted(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    /// A temporary table waits until IRIS knows that the gateway lives, so that no other one takes it for a dead one's.
    pub(super) async fn lease_temporary(&mut self, number: u64) -> Result<Step, End> {
        self.begin_waiting();
        let deadline = self.statement_deadline();
        let interrupted = interruption(&self.target, &self.stream, deadline);
        let temporaries = Arc::clone(&self.shard.options.session.temporaries);
        temporaries.ask_lease();
        let leased = poll_fn(|context| temporaries.poll_lease(number, context.waker()));
        let leased = or(async { Ok(leased.await) }, async { Err(interrupted.await) }).await;
        self.target.activity.set(Activity::Working);
        match leased {
            Ok(leased) => Ok(self.session.on_event(Event::Waited(leased.map(|()| true)), &mut self.out)),
            Err((error, None)) => Ok(self.session.on_event(Event::Waited(Err(error)), &mut self.out)),
            Err((error, Some(interruption))) => self.end_waiting(&error, &interruption),
        }
    }

    fn begin_waiting(&self) {
        self.target.activity.set(Activity::WaitingForIris(self.shard.tick.get()));
    }

    /// The session ends with the wait.
    fn end_waiting(&mut self, error: &PgError, interruption: &Interruption) -> Result<Step, End> {
        match interruption {
            Interruption::ClientGone => Err(End::Closed),
            Interruption::StopNow => {
                self.lease = None;
                Ok(self.session.on_fatal(error, &mut self.out))
            }
        }
    }
}

/// Why a wait for something other than a running IRIS statement ends with the session.
pub(super) enum Interruption {
    ClientGone,
    StopNow,
}

impl From<Interruption> for Outcome {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::ClientGone => Self::ClientGone,
            Interruption::StopNow => Self::StopNow,
        }
    }
}

/// Ends when a session must not wait any longer: with the error for its statement, and with what it means for the
/// session when that ends, too.
pub(super) async fn interruption(
    target: &Target,
    stream: &TcpStream,
    deadline: Option<Instant>,
) -> (Box<PgError>, Option<Interruption>) {
    let wanted = Signals::CANCEL.union(Signals::LOOK_AT_CLIENT).union(Signals::STOP_NOW);
    loop {
        match target.signals.wait_until(wanted, deadline).await {
            None => return (canceled_by_timeout(), None),
            Some(signals) if signals.intersects(Signals::STOP_NOW) => {
                return (stopping(true), Some(Interruption::StopNow));
            }
            Some(signals) if signals.intersects(Signals::CANCEL) => return (canceled_by_user(), None),
            Some(_) if is_gone(stream).await => return (canceled_by_user(), Some(Interruption::ClientGone)),
            Some(_) => {}
        }
    }
}
