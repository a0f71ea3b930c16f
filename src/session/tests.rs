//! What no runtime does: events that nobody waits for. What no client sees: over what a statement walks.

mod many_portals;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Event, Identity, Session, SessionCounters, SessionOptions, ShardContext, Step, WaitRequest};
use crate::auth::AuthMethod;
use crate::wire::{Frame, Messages, SendBuf};

const STARTUP: &[u8] = b"\0\x03\0\0user\0test\0database\0USER\0\0";

struct Subject {
    session: Session,
    counters: Arc<SessionCounters>,
    out: SendBuf,
}

impl Subject {
    fn new() -> Self {
        let options = SessionOptions::new(AuthMethod::Trust, "USER");
        let counters = Arc::<SessionCounters>::default();
        let context = ShardContext::new(options, Arc::<AtomicU64>::default(), Arc::clone(&counters));
        let identity = Identity { pid: 1, secret: [0; 32], client_address: None, server_address: None };
        let mut session = Session::new(Rc::new(context), identity);
        let mut out = SendBuf::new();
        let step = session.on_frame(Frame { tag: 0, body: STARTUP }, None, &mut out);
        assert!(matches!(step, Step::NeedFrame | Step::Flush), "{step:?}");
        out.clear();
        Self { session, counters, out }
    }

    fn query(&mut self, sql: &str) -> Step {
        let body = [sql.as_bytes(), b"\0"].concat();
        self.session.on_frame(Frame { tag: b'Q', body: &body }, None, &mut self.out)
    }

    /// Tags of what was written since the last call.
    fn written(&mut self) -> String {
        let tags = Messages::new(self.out.as_slice()).map(|(frame, _)| char::from(frame.tag)).collect();
        self.out.clear();
        tags
    }
}

#[test]
fn an_event_nobody_waits_for_is_an_error_wherever_it_comes() {
    let mut subject = Subject::new();
    // A statement is being understood, it is carried out, its string waits for its turn.
    let long = format!("select 1; {}", "set a.b = 1; ".repeat(1_000));
    for (sql, is_right) in [
        ("select * from nowhere", (|step| matches!(step, Step::Submit(_))) as fn(&Step) -> bool),
        ("select pg_sleep(5)", |step| matches!(step, Step::Wait(WaitRequest::Sleep(_)))),
        (long.as_str(), |step| matches!(step, Step::FlushThenResume)),
    ] {
        let step = subject.query(sql);
        assert!(is_right(&step), "{sql}: {step:?}");
        subject.written();
        let before = subject.counters.events_unwaited.value();
        let step = subject.session.on_event(Event::Notified(Vec::new()), &mut subject.out);
        assert!(matches!(step, Step::NeedFrame), "{sql}: {step:?}");
        assert!(subject.out.as_slice().windows(6).any(|bytes| bytes == b"CXX000"), "{sql}");
        assert_eq!(subject.written(), "EZ", "{sql}");
        assert_eq!(subject.counters.events_unwaited.value(), before + 1, "{sql}");
        assert_eq!(subject.session.statement(), None, "{sql}");
    }
    let step = subject.session.on_event(Event::Flushed, &mut subject.out);
    assert!(matches!(step, Step::Close), "{step:?}");
    assert_eq!(subject.counters.events_unwaited.value(), 4);
}

#[test]
fn each_statement_of_a_string_and_each_execute_has_a_number() {
    let mut subject = Subject::new();
    assert_eq!(subject.session.statement(), None);
    subject.query("select pg_sleep(1); select pg_sleep(2)");
    let first = subject.session.statement();
    subject.session.on_event(Event::Waited(Ok(true)), &mut subject.out);
    let second = subject.session.statement();
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
    subject.session.on_event(Event::Waited(Ok(true)), &mut subject.out);
    assert_eq!(subject.session.statement(), None);
    // From Parse to the end of Execute.
    let messages: [(u8, &[u8]); 4] =
        [(b'P', b"\0select pg_sleep(1)\0\0\0"), (b'B', b"\0\0\0\0\0\0\0\0"), (b'D', b"P\0"), (b'E', b"\0\0\0\0\0")];
    let numbers = messages.map(|(tag, body)| {
        subject.session.on_frame(Frame { tag, body }, Some(b'S'), &mut subject.out);
        subject.session.statement()
    });
    assert!(numbers[0].is_some() && numbers[0] != second && numbers.iter().all(|n| *n == numbers[0]), "{numbers:?}");
    subject.session.on_event(Event::Waited(Ok(true)), &mut subject.out);
    assert_eq!(subject.session.statement(), None);
}
