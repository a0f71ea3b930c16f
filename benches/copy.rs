//! COPY FROM STDIN through the session: CopyData in, batches for IRIS out. `cargo bench --bench copy`.
//!
//! The table is made in the embedded engine, so that the session knows its columns as it does of a real IRIS. The batches
//! are answered here: what is measured is the gateway's own work on a row.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iris_pgwire::iris::{ConnectOptions, IrisConnection, Poll, Reply, Request, StatementMetadata, SubmitOutcome};
use iris_pgwire::parts::auth::AuthMethod;
use iris_pgwire::parts::session::{Event, Identity, Session, SessionCounters, SessionOptions, ShardContext, Step};
use iris_pgwire::parts::wire::{Frame, SendBuf};
use iris_standin::engine::{Engine, EngineOptions};
use iris_standin::server::{Superserver, SuperserverHandle, SuperserverOptions};

const STARTUP: &[u8] = b"\0\x03\0\0user\0bench\0database\0USER\0\0";
const ROWS: usize = 10_000;

/// A session whose statements run in the embedded engine, but for batches of rows.
struct Subject {
    session: Session,
    out: SendBuf,
    stream: TcpStream,
    connection: IrisConnection,
    metadata: Rc<StatementMetadata>,
    rows_count: usize,
    _server: SuperserverHandle,
}

impl Subject {
    fn new() -> Self {
        let engine = Engine::open(EngineOptions::default()).expect("an engine");
        let options =
            SuperserverOptions { address: "127.0.0.1:0".parse().expect("an address"), ..SuperserverOptions::default() };
        let server = Superserver::<Arc<Engine>>::bind(options, engine).expect("a port").spawn().expect("a thread");
        let login = ConnectOptions { user: "_SYSTEM".into(), password: "SYS".into(), ..ConnectOptions::default() };
        let mut stream = TcpStream::connect(server.local_addr()).expect("a connection");
        let mut connection = IrisConnection::new(login);
        let mut out = Vec::new();
        connection.start(&mut out).expect("a handshake");
        loop {
            exchange(&mut stream, &mut connection, &mut out);
            if let Poll::Connected { .. } = connection.poll(&mut out).expect("a login") {
                break;
            }
        }
        let options = SessionOptions::new(AuthMethod::Trust, "USER");
        let context = ShardContext::new(options, Arc::<AtomicU64>::default(), Arc::<SessionCounters>::default());
        let identity = Identity { pid: 1, secret: [0; 32], client_address: None, server_address: None };
        let session = Session::new(Rc::new(context), identity);
        let metadata = StatementMetadata { columns: Vec::new(), parameters: Vec::new(), cacheable: true };
        let metadata = Rc::new(metadata);
        let mut subject =
            Self { session, out: SendBuf::new(), stream, connection, metadata, rows_count: 0, _server: server };
        let step = subject.session.on_frame(Frame { tag: 0, body: STARTUP }, None, &mut subject.out);
        subject.follow(step);
        subject
    }

    fn frame(&mut self, tag: u8, body: &[u8]) {
        let step = self.session.on_frame(Frame { tag, body }, None, &mut self.out);
        self.follow(step);
    }

    fn query(&mut self, sql: &str) {
        self.frame(b'Q', &[sql.as_bytes(), b"\0"].concat());
    }

    /// Obeys until the session wants a frame.
    fn follow(&mut self, mut step: Step) {
        loop {
            step = match step {
                Step::NeedFrame | Step::Flush => {
                    assert!(!self.out.as_slice().starts_with(b"E"), "{}", String::from_utf8_lossy(self.out.as_slice()));
                    return self.out.clear();
                }
                Step::FlushThenResume | Step::Yield => self.session.on_event(Event::Flushed, &mut self.out),
                Step::Mirror(_) | Step::Refresh => self.session.on_event(Event::Mirrored(Ok(())), &mut self.out),
                Step::Submit(Request::Execute { values, sets, values_per_set, .. }) if values_per_set > 2 => {
                    black_box(&values);
                    drop(values);
                    self.rows_count += sets;
                    let reply = Reply::Updated { metadata: Rc::clone(&self.metadata), counts: vec![1; sets] };
                    self.session.on_event(Event::Iris(reply), &mut self.out)
                }
                Step::Submit(request) => {
                    let Self { session, out, stream, connection, .. } = self;
                    let mut bytes = Vec::new();
                    let outcome = connection.submit(&request, &mut bytes).expect("a request");
                    if outcome == SubmitOutcome::Done {
                        stream.write_all(&bytes).expect("a connection");
                        session.on_event(Event::Iris(Reply::Done), out)
                    } else {
                        loop {
                            exchange(stream, connection, &mut bytes);
                            if let Poll::Reply(reply) = connection.poll(&mut bytes).expect("a reply") {
                                break session.on_event(Event::Iris(reply), out);
                            }
                        }
                    }
                }
                other => panic!("{other:?}"),
            };
        }
    }
}

fn exchange(stream: &mut TcpStream, connection: &mut IrisConnection, out: &mut Vec<u8>) {
    stream.write_all(out).expect("a connection");
    out.clear();
    let received = stream.read(connection.spare_mut()).expect("a connection");
    connection.filled(received);
}

/// Rows of four columns, with an escape and a NULL now and then.
fn rows() -> Vec<u8> {
    let mut data = Vec::new();
    for id in 0..ROWS {
        let name = if id % 10 == 0 { format!("name\\t{id}") } else { format!("name of {id}") };
        let price = if id % 7 == 0 { "\\N".to_owned() } else { format!("{}.{:02}", id % 1000, id % 100) };
        let day = id % 28 + 1;
        data.extend_from_slice(format!("{id}\t{name}\t{price}\t2024-02-{day:02} 12:34:56\n").as_bytes());
    }
    data
}

fn copy(criterion: &mut Criterion) {
    let mut subject = Subject::new();
    subject.query("create table bench (id integer, name varchar(40), price numeric(10,2), at timestamp)");
    let data = rows();
    let mut group = criterion.benchmark_group("copy from stdin");
    group.throughput(Throughput::Elements(ROWS as u64));
    // As libpq's programs send it: a line each (psql), their own buffer (8 KB), as much as the driver likes (64 KB).
    let lines: Vec<&[u8]> = data.split_inclusive(|byte| *byte == b'\n').collect();
    for (name, chunks) in
        [("line", lines), ("8 KB", data.chunks(8 << 10).collect()), ("64 KB", data.chunks(64 << 10).collect())]
    {
        group.bench_function(BenchmarkId::new("chunks", name), |bench| {
            bench.iter(|| {
                let before = subject.rows_count;
                subject.query("copy bench from stdin");
                for chunk in &chunks {
                    subject.frame(b'd', chunk);
                }
                subject.frame(b'c', b"");
                assert_eq!(subject.rows_count - before, ROWS);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, copy);
criterion_main!(benches);
