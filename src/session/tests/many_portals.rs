//! A client that has many portals: none of its statements may walk over them, and what they leave open is known all the
//! same.

use std::rc::Rc;

use super::Subject;
use crate::iris::{
    ColumnDescription, IrisType, ParameterDescription, Reply, Request, StatementMetadata, put_int, put_null, put_text,
};
use crate::session::contract::step::{Event, Step};
use crate::session::protocol::ready::Ready;
use crate::session::{Session, State};
use crate::wire::Frame;

const PORTALS: usize = 500;

fn ready(session: &Session) -> &Ready {
    match &session.state {
        State::Ready(ready) => ready,
        State::Startup(_) | State::Closed => panic!("the session is not logged in"),
    }
}

fn column(name: &str, iris_type: IrisType) -> ColumnDescription {
    ColumnDescription {
        name: name.to_owned(),
        iris_type,
        precision: 0,
        scale: 0,
        nullable: 1,
        label: name.to_owned(),
        table: "items".to_owned(),
        schema: "SQLUser".to_owned(),
        auto_increment: false,
        row_id: false,
    }
}

fn metadata(parameters: usize) -> Rc<StatementMetadata> {
    let parameter = ParameterDescription { iris_type: IrisType::INTEGER, precision: 0, scale: 0, nullable: 1 };
    let columns = vec![column("id", IrisType::INTEGER)];
    Rc::new(StatementMetadata { columns, parameters: vec![parameter; parameters], cacheable: true })
}

impl Subject {
    fn frame(&mut self, tag: u8, body: &[u8]) -> Step {
        self.session.on_frame(Frame { tag, body }, Some(b'S'), &mut self.out)
    }

    /// Answers as an IRIS that has a table `items` with the column `id` and three rows; a page of `page_rows` of them ends
    /// the result only when it holds them all. The requests that were made, the catalog's left out.
    fn answered(&mut self, mut step: Step, page_rows: usize) -> Vec<Request> {
        let mut requests = Vec::new();
        loop {
            let request = match step {
                Step::Submit(request) => request,
                Step::FlushThenResume => {
                    step = self.session.on_event(Event::Flushed, &mut self.out);
                    continue;
                }
                Step::NeedFrame | Step::Flush => return requests,
                step => panic!("not foreseen here: {step:?}"),
            };
            let mut rows = Vec::new();
            let mut is_of_catalog = false;
            let reply = match &request {
                Request::Prepare { statement, .. } => Reply::Prepared(metadata(statement.kinds.len())),
                Request::Execute { statement, .. } if statement.text.contains("INFORMATION_SCHEMA") => {
                    is_of_catalog = true;
                    let text = &statement.text;
                    if text.contains("INFORMATION_SCHEMA.COLUMNS") {
                        ["id", "integer"].iter().for_each(|cell| put_text(&mut rows, cell));
                        (0..3).for_each(|_| put_null(&mut rows));
                        ["YES", "NO"].iter().for_each(|cell| put_text(&mut rows, cell));
                        put_null(&mut rows);
                        put_text(&mut rows, "pg:int4");
                    } else if text.starts_with("SELECT TABLE_NAME, DESCRIPTION, TABLE_SCHEMA") {
                        ["items", "pg:", "SQLUser"].iter().for_each(|cell| put_text(&mut rows, cell));
                    }
                    let columns = vec![column("x", IrisType::VARCHAR); 9];
                    let metadata = Rc::new(StatementMetadata { columns, parameters: Vec::new(), cacheable: true });
                    Reply::Page { metadata, rows: &rows, end: true }
                }
                Request::Execute { statement, .. } if statement.is_query => {
                    (1..=page_rows).for_each(|id| put_int(&mut rows, i64::try_from(id).unwrap()));
                    Reply::Page { metadata: metadata(statement.kinds.len()), rows: &rows, end: page_rows == 3 }
                }
                Request::Execute { statement, .. } => {
                    Reply::Updated { metadata: metadata(statement.kinds.len()), counts: vec![0] }
                }
                Request::Fetch { statement } => {
                    put_int(&mut rows, 3);
                    Reply::Page { metadata: metadata(statement.kinds.len()), rows: &rows, end: true }
                }
                _ => Reply::Done,
            };
            step = self.session.on_event(Event::Iris(reply), &mut self.out);
            if !is_of_catalog {
                requests.push(request);
            }
        }
    }

    /// Carries out a query string; all of a result comes in one page.
    fn run(&mut self, sql: &str) {
        let step = self.query(sql);
        self.answered(step, 3);
        let written = self.written();
        assert!(!written.contains('E') && written.ends_with('Z'), "{sql}: {written}");
    }

    fn bind(&mut self, portal: &str) {
        let body = [portal.as_bytes(), b"\0S\0\0\0\0\0\0\0"].concat();
        assert!(matches!(self.frame(b'B', &body), Step::NeedFrame));
    }

    /// Execute with at most so many rows, of a result that comes in two pages.
    fn execute(&mut self, portal: &str, rows_max: u8) {
        let step = self.frame(b'E', &[portal.as_bytes(), &[0, 0, 0, 0, rows_max]].concat());
        self.answered(step, 2);
    }

    fn sync(&mut self) -> Vec<Request> {
        let step = self.frame(b'S', b"");
        let requests = self.answered(step, 3);
        let written = self.written();
        assert!(!written.contains('E') && written.ends_with('Z'), "{written}");
        requests
    }

    fn walked(&self) -> usize {
        let ready = ready(&self.session);
        ready.portals.walked() + ready.statements.walked()
    }

    /// Parse of statement `S` and many portals of it.
    fn with_portals() -> Self {
        let mut subject = Self::new();
        subject.run("begin");
        let step = subject.frame(b'P', b"S\0select id from items\0\0\0");
        subject.answered(step, 3);
        (0..PORTALS).for_each(|number| subject.bind(&format!("p{number}")));
        subject.sync();
        assert_eq!(ready(&subject.session).portals.len(), PORTALS);
        subject
    }
}

#[test]
fn no_statement_of_a_block_walks_over_its_portals() {
    let mut subject = Subject::with_portals();
    let before = subject.walked();
    for _ in 0..3 {
        subject.bind("");
        subject.frame(b'D', b"P\0");
        subject.execute("", 0);
        subject.sync();
        subject.bind("named");
        subject.execute("named", 1);
        subject.run("fetch 2 from named");
        subject.run("select id from items");
        subject.run("savepoint s");
        subject.bind("inner");
        subject.run("rollback to s");
        subject.run("release s");
        subject.run("declare c cursor for select id from items; fetch c; close c");
        subject.run("close named");
        assert!(subject.session.keeps_lease(), "the transaction is open");
    }
    assert_eq!(subject.walked(), before);
    assert_eq!(ready(&subject.session).portals.len(), PORTALS);
    subject.run("commit");
    assert_eq!(ready(&subject.session).portals.len(), 0);
    assert!(!subject.session.keeps_lease());
}

#[test]
fn no_statement_walks_over_cursors_that_are_held() {
    let mut subject = Subject::new();
    for number in 0..PORTALS {
        subject.run(&format!("declare c{number} cursor with hold for select id from items"));
    }
    let before = subject.walked();
    for _ in 0..3 {
        subject.run("select id from items");
        subject.run("begin; select id from items; commit");
        subject.run("begin; savepoint s; select id from items; rollback to s; rollback");
        subject.run("fetch c0");
        let step = subject.frame(b'P', b"\0select id from items\0\0\0");
        subject.answered(step, 3);
        subject.frame(b'B', b"\0\0\0\0\0\0\0\0");
        subject.execute("", 0);
        subject.sync();
        assert!(!subject.session.keeps_lease());
    }
    assert_eq!(subject.walked(), before);
    assert_eq!(ready(&subject.session).portals.len(), PORTALS);
    subject.run("fetch all from c1; close all");
    assert_eq!(ready(&subject.session).portals.len(), 0);
    assert_eq!(ready(&subject.session).client.cursor_bytes.get(), 0);
}

#[test]
fn results_that_portals_leave_open_are_known_until_they_are_closed() {
    let mut subject = Subject::new();
    let step = subject.frame(b'P', b"S\0select id from items\0\0\0");
    subject.answered(step, 3);
    let has_open = |subject: &Subject| ready(&subject.session).client.open_results.any();
    // Suspended, with a page that is not the last.
    subject.bind("p");
    subject.execute("p", 1);
    assert!(has_open(&subject) && subject.session.keeps_lease());
    // Its other rows, and the end.
    subject.execute("p", 0);
    assert!(!has_open(&subject));
    subject.bind("q");
    subject.execute("q", 1);
    subject.bind("r");
    subject.execute("r", 1);
    assert!(has_open(&subject));
    subject.frame(b'C', b"Pq\0");
    assert!(has_open(&subject));
    subject.frame(b'C', b"Pr\0");
    assert!(!has_open(&subject) && subject.session.keeps_lease(), "what is to be closed needs the connection");
    let closed = |requests: Vec<Request>| -> Vec<u64> {
        let key = |request: &Request| match request {
            Request::CloseResult { statement } => Some(statement.key),
            _ => None,
        };
        requests.iter().filter_map(key).collect()
    };
    let keys = closed(subject.sync());
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
    assert!(!subject.session.keeps_lease());
    // The end of the cycle closes what is left; a cursor made of a portal takes its result along.
    subject.bind("s");
    subject.execute("s", 1);
    let step = subject.query("fetch 1 from s");
    subject.answered(step, 2);
    assert!(!has_open(&subject) && !subject.session.keeps_lease());
    // A connection that is lost takes all results along.
    subject.bind("t");
    subject.execute("t", 1);
    subject.bind("u");
    let step = subject.frame(b'E', b"u\0\0\0\0\0");
    assert!(matches!(step, Step::Submit(_)), "{step:?}");
    let error = crate::wire::PgError::error(crate::wire::SqlState::CONNECTION_FAILURE, "the connection is gone");
    subject.session.on_event(Event::Lost(error), &mut subject.out);
    assert!(!has_open(&subject));
}

#[test]
fn portals_end_with_the_savepoint_they_were_made_behind() {
    let mut subject = Subject::with_portals();
    let names = |subject: &Subject, names: &[&str]| -> Vec<bool> {
        names.iter().map(|name| ready(&subject.session).portals.contains(name)).collect()
    };
    subject.run("savepoint a");
    subject.bind("in_a");
    subject.run("savepoint b");
    subject.bind("in_b");
    subject.run("release b");
    subject.bind("behind_b");
    subject.run("savepoint c");
    subject.bind("in_c");
    subject.run("rollback to c");
    assert_eq!(names(&subject, &["p0", "in_a", "in_b", "behind_b", "in_c"]), [true, true, true, true, false]);
    // A savepoint that was rolled back to is there still.
    subject.bind("in_c");
    subject.run("close in_b; rollback to c");
    assert_eq!(names(&subject, &["p0", "in_a", "in_b", "behind_b", "in_c"]), [true, true, false, true, false]);
    subject.run("rollback to a");
    assert_eq!(names(&subject, &["p0", "in_a", "behind_b"]), [true, false, false]);
    // Names that are gone take no memory for long.
    for _ in 0..10_000 {
        subject.bind("in_a");
        subject.frame(b'C', b"Pin_a\0");
    }
    assert!(ready(&subject.session).portals.behind_savepoints_count() < 3 * PORTALS);
    subject.run("rollback");
    assert_eq!(ready(&subject.session).portals.len(), 0);
}
