//! A session and what the runtime does for it, without sockets and clocks.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use iris_pgwire::parts::auth::AuthMethod;
use iris_pgwire::parts::session::{Event, Identity, Session, SessionCounters, SessionOptions, ShardContext, Step};
use iris_pgwire::parts::wire::{Frame, Limits, Messages, SendBuf};

use super::iris::CannedIris;

const STARTUP: &[u8] = b"\0\0\0\x24\0\x03\0\0user\0_system\0database\0USER\0\0";

pub struct Driver {
    session: Session,
    limits: Limits,
    iris: CannedIris,
    out: SendBuf,
    /// An IRIS connection is in the session's hands.
    has_lease: bool,
    /// What the session answers is looked at: an error in it ends the bench.
    pub checks: bool,
}

impl Driver {
    /// A session that has logged in.
    pub fn new() -> Self {
        let limits = Limits::default();
        let options = SessionOptions::new(AuthMethod::Trust, "USER");
        let context = ShardContext::new(options, Arc::<AtomicU64>::default(), Arc::<SessionCounters>::default());
        let identity = Identity { pid: 1, secret: [0; 32], client_address: None, server_address: None };
        let session = Session::new(Rc::new(context), identity);
        let mut driver =
            Self { session, limits, iris: CannedIris::default(), out: SendBuf::new(), has_lease: false, checks: true };
        driver.run(STARTUP);
        assert!(driver.session.is_authenticated(), "the session did not log in");
        driver
    }

    /// Everything that the bytes ask for.
    pub fn run(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = Frame::cut(bytes, &self.limits, self.session.phase()).expect("whole frames") {
            let (length, lookahead) = (frame.wire_len(), bytes.get(frame.wire_len()).copied());
            let step = self.session.on_frame(frame, lookahead, &mut self.out);
            self.obey(step);
            bytes = &bytes[length..];
        }
        assert!(bytes.is_empty(), "half a frame is left");
        self.out.clear();
    }

    fn obey(&mut self, mut step: Step) {
        loop {
            drop(self.session.take_effects());
            step = match step {
                Step::NeedFrame | Step::Flush => {
                    self.has_lease = self.has_lease && self.session.keeps_lease();
                    self.check();
                    return;
                }
                Step::FlushThenResume | Step::Yield => {
                    self.check();
                    self.out.clear();
                    self.session.on_event(Event::Flushed, &mut self.out)
                }
                Step::Submit(request) => {
                    let statement = self.session.statement();
                    std::hint::black_box(statement.map(|_| self.session.statement_timeout_ms()));
                    self.has_lease = true;
                    let reply = self.iris.reply(&request);
                    let step = self.session.on_event(Event::Iris(reply), &mut self.out);
                    assert!(!self.session.takes_leave(), "a reply could not be read");
                    self.session.take_back(request);
                    step
                }
                step => panic!("not foreseen here: {step:?}"),
            };
        }
    }

    fn check(&self) {
        if !self.checks {
            return;
        }
        for (frame, _) in Messages::new(self.out.as_slice()) {
            assert!(frame.tag != b'E', "{}", String::from_utf8_lossy(frame.body));
        }
    }
}
