//! The gateway's IRIS client against the stand-in, over a socket: everything the session asks of a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use iris_pgwire::iris::{
    ConnectOptions, IrisConnection, IrisStatement, IrisType, ItemReader, LinkError, ParameterKind, Poll, Progress,
    Reply, Request, SubmitOutcome, put_int, put_null, put_text,
};
use iris_pgwire::parts::bridge::{CellDecoder, put_value};
use iris_pgwire::parts::types::{Datum, Decimal};
use iris_standin::engine::{Engine, EngineOptions};
use iris_standin::server::{Superserver, SuperserverHandle, SuperserverOptions};

fn superserver(change: impl FnOnce(&mut SuperserverOptions)) -> SuperserverHandle {
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let mut options = SuperserverOptions { address: "127.0.0.1:0".parse().unwrap(), ..SuperserverOptions::default() };
    change(&mut options);
    Superserver::<Arc<Engine>>::bind(options, engine).unwrap().spawn().unwrap()
}

/// A reply that outlives the receive buffer.
#[derive(Debug, PartialEq)]
enum Got {
    Prepared { columns: Vec<IrisType>, parameters: usize },
    Page { rows: Vec<u8>, end: bool },
    Updated(Vec<i64>),
    Stream(Vec<u8>),
    Done,
    Failed(i32, Vec<i64>),
}

impl Got {
    fn of(reply: Reply<'_>) -> Self {
        match reply {
            Reply::Prepared(metadata) => Self::Prepared {
                columns: metadata.columns.iter().map(|column| column.iris_type).collect(),
                parameters: metadata.parameters.len(),
            },
            Reply::Page { rows, end, .. } => Self::Page { rows: rows.to_vec(), end },
            Reply::Updated { counts, .. } => Self::Updated(counts),
            Reply::Stream(data) => Self::Stream(data.to_vec()),
            Reply::Done => Self::Done,
            Reply::Failed { error, counts } => Self::Failed(error.sqlcode, counts),
        }
    }
}

struct Client {
    stream: TcpStream,
    connection: IrisConnection,
    job: i64,
    next_key: u64,
}

impl Client {
    fn connect(address: SocketAddr, password: &str) -> Result<Self, LinkError> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let connection = IrisConnection::new(ConnectOptions {
            user: "_system".to_owned(),
            password: password.to_owned(),
            ..ConnectOptions::default()
        });
        let mut client = Self { stream, connection, job: 0, next_key: 1 };
        let mut out = Vec::new();
        client.connection.start(&mut out)?;
        while client.job == 0 {
            client.exchange(&mut out);
            if let Poll::Connected { job, .. } = client.connection.poll(&mut out)? {
                client.job = job;
            }
        }
        Ok(client)
    }

    /// Sends what is to be sent, receives something.
    fn exchange(&mut self, out: &mut Vec<u8>) {
        self.stream.write_all(out).unwrap();
        out.clear();
        let received = self.stream.read(self.connection.spare_mut()).unwrap();
        assert_ne!(received, 0, "the server closed the connection");
        self.connection.filled(received);
    }

    fn run(&mut self, request: &Request) -> Got {
        let mut out = Vec::new();
        let outcome = self.connection.submit(request, &mut out).unwrap();
        self.finish(outcome, out)
    }

    /// As `run`, by hand: how often the request had to be submitted, and what came of it.
    fn submissions(&mut self, request: &Request) -> (usize, Got) {
        let mut out = Vec::new();
        for times in 1.. {
            assert_eq!(self.connection.submit(request, &mut out), Ok(SubmitOutcome::Pending));
            while self.connection.advance(&mut out).unwrap() == Progress::NeedBytes {
                self.exchange(&mut out);
            }
            if !self.connection.must_repeat() {
                return (times, Got::of(self.connection.take_reply().unwrap()));
            }
        }
        unreachable!()
    }

    fn finish(&mut self, outcome: SubmitOutcome, mut out: Vec<u8>) -> Got {
        if outcome == SubmitOutcome::Done {
            self.stream.write_all(&out).unwrap();
            return Got::Done;
        }
        loop {
            self.exchange(&mut out);
            if let Poll::Reply(reply) = self.connection.poll(&mut out).unwrap() {
                return Got::of(reply);
            }
        }
    }

    fn statement(&mut self, text: &str) -> Rc<IrisStatement> {
        let key = self.next_key;
        self.next_key += 1;
        Rc::new(IrisStatement {
            key,
            text: text.to_owned(),
            kinds: vec![ParameterKind::User; text.matches(":%qpar").count()],
            is_query: text.starts_with("SELECT"),
        })
    }

    /// A statement without values, outside a transaction.
    fn sql(&mut self, text: &str) -> Got {
        let statement = self.statement(text);
        self.run(&execute(&statement, 1, false, |_| {}))
    }

    fn count(&mut self, table: &str) -> i64 {
        match self.sql(&format!("SELECT COUNT(*) FROM {table}")) {
            Got::Page { rows, end: true } => ItemReader::new(&rows).int("count").unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn execute(
    statement: &Rc<IrisStatement>,
    sets: usize,
    in_transaction: bool,
    write: impl FnOnce(&mut Vec<u8>),
) -> Request {
    let mut values = Vec::new();
    write(&mut values);
    Request::Execute {
        statement: Rc::clone(statement),
        values,
        values_per_set: statement.kinds.len(),
        sets,
        rows_max: 0,
        in_transaction,
    }
}

fn texts(rows: &[u8]) -> Vec<String> {
    let mut reader = ItemReader::new(rows);
    let mut texts = Vec::new();
    while let Some(item) = reader.item().unwrap() {
        texts.push(item.to_text().unwrap());
    }
    texts
}

#[test]
fn batches_pages_and_errors() {
    let server = superserver(|options| options.page_bytes = 64);
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    assert_eq!(client.sql("CREATE TABLE n (i INTEGER PRIMARY KEY, t VARCHAR(20))"), Got::Updated(vec![0]));
    let insert = client.statement("INSERT INTO n (i, t) VALUES (:%qpar(1), :%qpar(2))");
    let rows = |from: i64, to: i64| {
        move |out: &mut Vec<u8>| {
            for i in from..to {
                put_int(out, i);
                match i % 3 {
                    0 => put_null(out),
                    1 => put_text(out, ""),
                    _ => put_text(out, "h\u{e9}\u{20ac}"),
                }
            }
        }
    };
    assert_eq!(client.run(&execute(&insert, 50, false, rows(0, 50))), Got::Updated(vec![1; 50]));
    // The second time by its id.
    assert_eq!(client.run(&execute(&insert, 1, false, rows(50, 51))), Got::Updated(vec![1]));
    match client.run(&execute(&insert, 1, false, rows(7, 8))) {
        Got::Failed(119, _) => {}
        other => panic!("{other:?}"),
    }
    let select = client.statement("SELECT i, t FROM n WHERE i >= :%qpar(1) ORDER BY i");
    let again = client.statement("SELECT i FROM n WHERE i = 3");
    let mut page = client.run(&execute(&select, 1, false, |out| put_int(out, 10)));
    let mut cells = Vec::new();
    let mut pages = 0;
    while let Got::Page { rows, end } = page {
        cells.extend(texts(&rows));
        pages += 1;
        if end {
            break;
        }
        // Other statements, and the same one again, do not disturb the open result.
        assert!(matches!(client.run(&execute(&again, 1, false, |_| {})), Got::Page { end: true, .. }));
        page = client.run(&Request::Fetch { statement: Rc::clone(&select) });
    }
    assert!(pages > 3, "{pages}");
    assert_eq!(cells.len(), 82);
    assert_eq!(cells[..4], ["10", "", "11", "h\u{e9}\u{20ac}"]);
    // A result that is dropped half-way.
    let open = client.run(&execute(&select, 1, false, |out| put_int(out, 0)));
    assert!(matches!(open, Got::Page { end: false, .. }));
    assert_eq!(client.run(&Request::CloseResult { statement: Rc::clone(&select) }), Got::Done);
    assert_eq!(client.sql("SELECT i FROM nowhere"), Got::Failed(30, vec![]));
    assert_eq!(client.sql("SELECT nothing FROM n"), Got::Failed(29, vec![]));
    assert_eq!(client.count("n"), 51);
}

#[test]
fn transactions() {
    let server = superserver(|_| {});
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    let mut other = Client::connect(server.local_addr(), "SYS").unwrap();
    assert_ne!(client.job, other.job);
    client.sql("CREATE TABLE x (a INTEGER)");
    let insert = client.statement("INSERT INTO x (a) VALUES (:%qpar(1))");
    let row = |out: &mut Vec<u8>| put_int(out, 1);
    for (end, count) in [(Request::Rollback, 0), (Request::Commit, 1)] {
        assert_eq!(client.run(&execute(&insert, 1, true, row)), Got::Updated(vec![1]));
        assert!(client.connection.in_transaction());
        assert_eq!(client.run(&end), Got::Done);
        assert!(!client.connection.in_transaction());
        assert_eq!(other.count("x"), count);
    }
    // Outside a transaction right behind one.
    assert_eq!(client.run(&execute(&insert, 1, false, row)), Got::Updated(vec![1]));
    assert_eq!(other.count("x"), 2);
    // A connection that just ends takes its transaction along.
    client.run(&execute(&insert, 1, true, row));
    drop(client);
    for _ in 0..200 {
        if server.connections_count() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(other.count("x"), 2);
}

#[test]
fn values_of_every_type_come_back() {
    let server = superserver(|_| {});
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    let types = [
        ("BIT", Datum::Bool(true)),
        ("TINYINT", Datum::Int(-5)),
        ("SMALLINT", Datum::Int(-300)),
        ("INTEGER", Datum::Int(70_000)),
        ("BIGINT", Datum::Int(i64::MAX)),
        ("NUMERIC(12,2)", Datum::Decimal(Decimal { mantissa: -12_345, scale: -2 })),
        ("DOUBLE", Datum::Double(0.1)),
        ("DATE", Datum::Date(8767)),
        ("TIME", Datum::Time(11_045_000_000)),
        ("TIMESTAMP", Datum::Timestamp(757_479_845_000_000)),
        ("VARBINARY(10)", Datum::Bytes(&[0, 255, 1])),
        ("VARCHAR(10)", Datum::Text("abc")),
    ];
    for (index, (declared, value)) in types.iter().enumerate() {
        assert_eq!(client.sql(&format!("CREATE TABLE v{index} (c {declared})")), Got::Updated(vec![0]), "{declared}");
        let insert = client.statement(&format!("INSERT INTO v{index} (c) VALUES (:%qpar(1))"));
        let mut out = Vec::new();
        let request = Request::Prepare { statement: Rc::clone(&insert), in_transaction: false };
        client.connection.submit(&request, &mut out).unwrap();
        let parameter = loop {
            client.exchange(&mut out);
            match client.connection.poll(&mut out).unwrap() {
                Poll::Reply(Reply::Prepared(metadata)) => break metadata.parameters[0],
                Poll::NeedBytes => {}
                other => panic!("{other:?}"),
            }
        };
        for datum in [value, &Datum::Null] {
            let request = execute(&insert, 1, false, |out| put_value(out, &parameter, datum).unwrap());
            assert_eq!(client.run(&request), Got::Updated(vec![1]), "{declared}");
        }
        let select = client.statement(&format!("SELECT c FROM v{index} ORDER BY c DESC"));
        let prepared = client.run(&Request::Prepare { statement: Rc::clone(&select), in_transaction: false });
        let Got::Prepared { columns, .. } = prepared else { panic!("{prepared:?}") };
        let Got::Page { rows, .. } = client.run(&execute(&select, 1, false, |_| {})) else { panic!("no page") };
        let mut reader = ItemReader::new(&rows);
        let decoder = CellDecoder::select(columns[0]);
        let item = reader.need("value").unwrap();
        match (decoder.decode(&item).unwrap(), value) {
            (Datum::Latin1(bytes), Datum::Text(text)) => assert_eq!(bytes, text.as_bytes()),
            (got, value) => assert_eq!(got, *value, "{declared}"),
        }
        assert_eq!(decoder.decode(&reader.need("null").unwrap()).unwrap(), Datum::Null, "{declared}");
    }
}

#[test]
fn streams() {
    let server = superserver(|_| {});
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    client.sql("CREATE TABLE s (id INTEGER, txt LONGVARCHAR, bin LONGVARBINARY)");
    let insert = client.statement("INSERT INTO s (id, txt, bin) VALUES (:%qpar(1), :%qpar(2), :%qpar(3))");
    let text = "\u{436}\u{1f600}x".repeat(40_000);
    let binary: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let row = |out: &mut Vec<u8>| {
        put_int(out, 1);
        put_text(out, &text);
        iris_pgwire::iris::put_bytes(out, &binary);
    };
    assert_eq!(client.run(&execute(&insert, 1, false, row)), Got::Updated(vec![1]));
    let select = client.statement("SELECT id, txt, bin FROM s");
    let Got::Page { rows, end: true } = client.run(&execute(&select, 1, false, |_| {})) else { panic!("no page") };
    let mut reader = ItemReader::new(&rows);
    reader.int("id").unwrap();
    for (is_binary, data) in [(false, text.as_bytes()), (true, &binary)] {
        let handle = reader.need_raw("handle").unwrap().bytes.to_vec();
        let request = Request::ReadStream { statement: Rc::clone(&select), handle, binary: is_binary };
        assert_eq!(client.run(&request), Got::Stream(data.to_vec()));
    }
    // The closing of the second stream travels in front of the next statement.
    assert_eq!(client.count("s"), 1);
}

#[test]
fn a_running_statement_is_interrupted_from_a_control_connection() {
    let server = superserver(|_| {});
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    client.sql("CREATE TABLE n (i INTEGER)");
    let insert = client.statement("INSERT INTO n (i) VALUES (:%qpar(1))");
    client.run(&execute(&insert, 300, false, |out| (0..300).for_each(|i| put_int(out, i))));
    // 300 to the fourth: hours.
    let slow = client.statement("SELECT COUNT(*) FROM n a, n b, n c, n d WHERE a.i + b.i + c.i + d.i < 0");
    let mut out = Vec::new();
    let outcome = client.connection.submit(&execute(&slow, 1, false, |_| {}), &mut out).unwrap();
    client.stream.write_all(&out).unwrap();
    out.clear();
    let (job, statement_id) = (client.job, client.connection.current_statement_id());
    let address = server.local_addr();
    let control = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        let mut control = Client::connect(address, "SYS").unwrap();
        let mut out = Vec::new();
        let outcome = control.connection.interrupt(job, statement_id, &mut out).unwrap();
        assert_eq!(control.finish(outcome, out), Got::Done);
    });
    assert_eq!(client.finish(outcome, out), Got::Failed(456, vec![]));
    control.join().unwrap();
    assert_eq!(client.count("n"), 300);
}

#[test]
fn a_wrong_password_is_refused() {
    let server = superserver(|_| {});
    match Client::connect(server.local_addr(), "wrong") {
        Err(LinkError::LoginRefused { text, .. }) => assert!(!text.is_empty()),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a wrong password was accepted"),
    }
}

/// A statement whose table was made anew: values written by the old metadata must reach no column of another type, and
/// rows must not be read by it.
#[test]
fn a_statement_of_a_table_that_was_made_anew() {
    let server = superserver(|_| {});
    let mut client = Client::connect(server.local_addr(), "SYS").unwrap();
    let mut other = Client::connect(server.local_addr(), "SYS").unwrap();
    let anew = |other: &mut Client, column: &str| {
        other.sql("DROP TABLE anew");
        assert_eq!(
            other.sql(&format!("CREATE TABLE anew (id INTEGER PRIMARY KEY, v {column})")),
            Got::Updated(vec![0])
        );
    };
    anew(&mut other, "INTEGER");
    let insert = client.statement("INSERT INTO anew (id, v) VALUES (:%qpar(1), :%qpar(2))");
    let select = client.statement("SELECT v FROM anew WHERE id = :%qpar(1)");
    let insertion = |id: i64| {
        execute(&insert, 1, false, |out| {
            put_int(out, id);
            put_int(out, 66_841);
        })
    };
    let reading = execute(&select, 1, false, |out| put_int(out, 1));
    let row = |client: &mut Client, times: usize| match client.submissions(&reading) {
        (found, Got::Page { rows, end: true }) if found == times => ItemReader::new(&rows).int("v").unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(client.submissions(&insertion(1)), (1, Got::Updated(vec![1])));
    assert_eq!(row(&mut client, 1), 66_841);

    // The same columns: nothing of it shows. A NOT NULL more is another description with the same meaning.
    anew(&mut other, "INTEGER");
    assert_eq!(client.submissions(&insertion(1)), (1, Got::Updated(vec![1])));
    anew(&mut other, "INTEGER NOT NULL");
    assert_eq!(client.submissions(&insertion(1)), (1, Got::Updated(vec![1])));
    assert_eq!(row(&mut client, 2), 66_841);

    // Other types: refused before anything runs, by 478; then the text is sent as a new one.
    anew(&mut other, "DATE");
    assert_eq!(client.submissions(&insertion(1)), (2, Got::Failed(478, Vec::new())));
    assert_eq!(client.submissions(&reading), (2, Got::Failed(478, Vec::new())));
    assert_eq!(other.count("anew"), 0);
    assert_eq!(client.submissions(&insertion(1)), (1, Got::Updated(vec![1])));
    assert_eq!(row(&mut client, 1), 66_841);

    // In a transaction it is no different, and the table may be gone.
    let in_transaction = execute(&select, 1, true, |out| put_int(out, 1));
    assert!(matches!(client.submissions(&in_transaction), (1, Got::Page { end: true, .. })));
    anew(&mut other, "VARCHAR(20)");
    assert_eq!(client.submissions(&in_transaction), (2, Got::Failed(478, Vec::new())));
    assert_eq!(client.run(&Request::Rollback), Got::Done);
    assert!(matches!(client.submissions(&reading), (1, Got::Page { end: true, .. })));
    other.sql("DROP TABLE anew");
    assert_eq!(client.submissions(&reading), (1, Got::Failed(30, Vec::new())));
}
