//! The gateway as a whole, over sockets, with an IRIS that keeps a diary.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod oracle;
mod slots;
mod waits;

use super::fake_iris::FakeIris;
use super::plain_session::PlainSession;
use super::process::stretched;
use super::*;
use crate::auth::AuthMethod;
use crate::catalog::ServerVersion;
use crate::session::SessionOptions;
use crate::wire::{Frame, Limits};

/// A client that speaks just enough.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    pid: i32,
    key: Vec<u8>,
}

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The simplest statement that reaches IRIS.
const ONE: &str = "SELECT one";
/// One that runs until it is interrupted.
const SLEEP: &str = "SELECT sleep";

/// Tag and body of a backend message.
type Message = (char, Vec<u8>);

impl Client {
    fn raw(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, received: Vec::new(), pid: 0, key: Vec::new() }
    }

    fn connect(address: SocketAddr) -> Self {
        let mut client = Self::raw(address);
        client.startup();
        for (tag, body) in client.until_ready() {
            if tag == 'K' {
                client.pid = i32::from_be_bytes(body[..4].try_into().unwrap());
                client.key = body[4..].to_vec();
            }
        }
        assert!(client.pid > 0);
        client
    }

    fn startup(&mut self) {
        self.packet(b"\0\x03\0\0user\0me\0database\0USER\0\0");
    }

    fn packet(&mut self, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        self.stream.write_all(&[&length.to_be_bytes(), body].concat()).unwrap();
    }

    fn send_query(&mut self, sql: &str) {
        let length = u32::try_from(sql.len() + 5).unwrap();
        self.stream.write_all(&[b"Q", &length.to_be_bytes()[..], sql.as_bytes(), b"\0"].concat()).unwrap();
    }

    fn query(&mut self, sql: &str) -> Vec<Message> {
        self.send_query(sql);
        self.until_ready()
    }

    /// The next message; `None` at the end of the connection.
    fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(frame) = Frame::cut_backend(&self.received, 1 << 20).unwrap() {
                let message = (char::from(frame.tag), frame.body.to_vec());
                let length = frame.wire_len();
                self.received.drain(..length);
                return Some(message);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).expect("no answer in time") {
                0 => return None,
                n => self.received.extend_from_slice(&chunk[..n]),
            }
        }
    }

    fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().expect("the connection ended early");
            let is_last = message.0 == 'Z';
            messages.push(message);
            if is_last {
                return messages;
            }
        }
    }

    /// SQLSTATE of the fatal error the connection ends with.
    fn farewell(&mut self) -> String {
        let mut last = None;
        while let Some(message) = self.next() {
            last = Some(message);
        }
        sqlstate(&[last.expect("the connection ended without a word")])
    }
}

fn tags(messages: &[Message]) -> String {
    messages.iter().map(|(tag, _)| *tag).collect()
}

fn status(messages: &[Message]) -> char {
    char::from(messages.last().unwrap().1[0])
}

fn sqlstate(messages: &[Message]) -> String {
    let (_, body) = messages.iter().find(|(tag, _)| *tag == 'E').expect("no error");
    let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&b'C')).unwrap();
    String::from_utf8(field[1..].to_vec()).unwrap()
}

fn options(iris: &FakeIris) -> ServeOptions {
    ServeOptions {
        finish_statements_max: 4,
        listen: "127.0.0.1:0".parse().unwrap(),
        cores: Some(1),
        iris: iris.target(),
        iris_connections: 2,
        iris_idle_timeout: Duration::ZERO,
        client_connections_max: 100,
        login_timeout: Duration::from_secs(10),
        idle_in_transaction_timeout: Duration::ZERO,
        client_write_timeout: Duration::ZERO,
        client_tcp_timeout: Duration::ZERO,
        pool_wait_timeout: Duration::from_secs(5),
        shutdown_timeout: Duration::from_secs(10),
        session: SessionOptions {
            auth: AuthMethod::Trust,
            database: "USER".to_owned(),
            default_schema: "SQLUser".to_owned(),
            server_version: Arc::new(ServerVersion::new("17.0", "")),
            limits: Limits::default(),
            sessions: std::sync::Arc::default(),
            counts: std::sync::Arc::default(),
            enums: std::sync::Arc::default(),
            changes: std::sync::Arc::default(),
            temporaries: std::sync::Arc::default(),
            has_oracle: false,
            finishes: false,
            undoes_definitions: true,
            finishes_all: false,
            side_table: None,
            sequences: None,
        },
        sequences: None,
        oracle: OracleOptions::off(),
    }
}

struct Gateway {
    iris: FakeIris,
    server: Server,
}

impl Gateway {
    fn start(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let iris = FakeIris::start();
        let mut options = options(&iris);
        change(&mut options);
        Self { server: Server::start_with::<PlainSession>(options).unwrap(), iris }
    }

    fn address(&self) -> SocketAddr {
        self.server.serving().address
    }

    fn client(&self) -> Client {
        Client::connect(self.address())
    }

    fn stop(self) -> FakeIris {
        self.server.stopper().stop_now();
        self.server.join().unwrap();
        assert!(self.iris.has_open(0), "connections to IRIS are left open");
        self.iris
    }
}

fn cancel(address: SocketAddr, pid: i32, key: &[u8]) {
    let mut client = Client::raw(address);
    client.packet(&[&80_877_102u32.to_be_bytes()[..], &pid.to_be_bytes(), key].concat());
    assert_eq!(client.next(), None, "a cancel request is not answered");
}

#[test]
fn queries_and_their_end() {
    let gateway = Gateway::start(|_| {});
    assert_eq!(gateway.server.serving().iris_version, "IRIS for tests");
    let mut client = gateway.client();
    let reply = client.query(ONE);
    assert_eq!((tags(&reply).as_str(), status(&reply)), ("CZ", 'I'));
    let reply = client.query("SELECT refuse");
    assert_eq!((tags(&reply).as_str(), sqlstate(&reply).as_str()), ("EZ", "XX000"));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    drop(client);
    let counters = &gateway.server.counters()[0];
    assert_eq!(counters.clients_accepted.value(), 1);
    assert_eq!(counters.iris_requests.value(), 3);
    gateway.stop();
}

#[test]
fn many_clients_share_few_connections() {
    let gateway = Gateway::start(|options| {
        options.cores = None;
        options.iris_connections = 4;
    });
    let address = gateway.address();
    let threads: Vec<_> = (0..32)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..20 {
                    assert_eq!(tags(&client.query(ONE)), "CZ");
                    let reply = client.query("BEGIN");
                    assert_eq!(status(&reply), 'T');
                    assert_eq!(tags(&client.query(ONE)), "CZ");
                    assert_eq!(status(&client.query("COMMIT")), 'I');
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let iris = gateway.stop();
    // One more for the probe at the start, which is gone before.
    assert!(iris.open_max() <= 4, "{}", iris.open_max());
    let count = |entry: &str| iris.diary().iter().filter(|(_, seen)| seen == entry).count();
    assert_eq!((count("TC"), count("TR")), (640, 0));
}

#[test]
fn a_running_statement_is_cancelled() {
    let gateway = Gateway::start(|_| {});
    let mut client = gateway.client();
    let text = SLEEP;
    client.send_query(text);
    while !gateway.iris.diary().iter().any(|(_, entry)| entry.contains("sleep")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // The wrong key, and a stranger's pid: nothing happens.
    cancel(gateway.address(), client.pid, &[1, 2, 3, 4]);
    cancel(gateway.address(), client.pid + 1, &client.key);
    std::thread::sleep(Duration::from_millis(50));
    assert!(!gateway.iris.diary().iter().any(|(_, entry)| entry.starts_with("EI")));
    let started = Instant::now();
    cancel(gateway.address(), client.pid, &client.key);
    let reply = client.until_ready();
    assert_eq!(sqlstate(&reply), "57014");
    assert!(started.elapsed() < stretched(Duration::from_secs(2)));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    // Between statements a cancel request is for nothing.
    cancel(gateway.address(), client.pid, &client.key);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.stop();
}

#[test]
fn who_waits_for_a_connection_is_cancelled_at_once() {
    let gateway = Gateway::start(|options| options.iris_connections = 1);
    let mut holder = gateway.client();
    holder.query("BEGIN");
    assert_eq!(tags(&holder.query(ONE)), "CZ");
    let mut waiter = gateway.client();
    waiter.send_query(ONE);
    std::thread::sleep(Duration::from_millis(50));
    cancel(gateway.address(), waiter.pid, &waiter.key);
    let reply = waiter.until_ready();
    assert_eq!((sqlstate(&reply).as_str(), status(&reply)), ("57014", 'I'));
    assert_eq!(status(&holder.query("COMMIT")), 'I');
    assert_eq!(tags(&waiter.query(ONE)), "CZ");
    assert!(!gateway.iris.diary().iter().any(|(_, entry)| entry.starts_with("EI")));
    gateway.stop();
}

#[test]
fn statement_timeout_interrupts() {
    let gateway = Gateway::start(|_| {});
    let mut client = gateway.client();
    client.query("SET statement_timeout = 50");
    let started = Instant::now();
    let reply = client.query(SLEEP);
    assert_eq!(sqlstate(&reply), "57014");
    let text = String::from_utf8(reply[0].1.clone()).unwrap();
    assert!(text.contains("canceling statement due to statement timeout"), "{text}");
    assert!(started.elapsed() < stretched(Duration::from_secs(2)));
    gateway.stop();
}

#[test]
fn a_client_that_vanishes_is_rolled_back() {
    let gateway = Gateway::start(|options| options.iris_connections = 1);
    let mut client = gateway.client();
    client.query("BEGIN");
    assert_eq!(tags(&client.query(ONE)), "CZ");
    drop(client);
    assert!(gateway.iris.saw("TR"));
    // The connection serves the next.
    assert_eq!(tags(&gateway.client().query(ONE)), "CZ");
    let iris = gateway.stop();
    assert_eq!(iris.open_max(), 1);
}

#[test]
fn a_client_that_vanishes_while_its_statement_runs_is_interrupted() {
    let gateway = Gateway::start(|options| options.iris_connections = 1);
    let mut client = gateway.client();
    client.query("BEGIN");
    client.send_query(SLEEP);
    while !gateway.iris.diary().iter().any(|(_, entry)| entry.contains("sleep")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(client);
    assert!(gateway.iris.saw("TR"));
    assert!(gateway.iris.diary().iter().any(|(_, entry)| entry.starts_with("EI")));
    assert_eq!(tags(&gateway.client().query(ONE)), "CZ");
    gateway.stop();
}

#[test]
fn a_broken_iris_connection_is_an_error_of_the_statement() {
    let gateway = Gateway::start(|_| {});
    let mut client = gateway.client();
    assert_eq!(tags(&client.query(ONE)), "CZ");
    client.query("BEGIN");
    assert_eq!(tags(&client.query(ONE)), "CZ");
    // Not the first of its transaction: what came before is lost, so it is not repeated.
    let reply = client.query("UPDATE die");
    assert_eq!((sqlstate(&reply).as_str(), status(&reply)), ("08006", 'E'));
    assert_eq!(status(&client.query("ROLLBACK")), 'I');
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.stop();
}

#[test]
fn a_restart_of_iris_between_statements_is_not_noticed() {
    let gateway = Gateway::start(|_| {});
    let mut client = gateway.client();
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.iris.drop_connections();
    // Longer than a tick: a connection that was in use a moment ago is not looked at.
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.iris.drop_connections();
    client.query("BEGIN");
    assert_eq!(tags(&client.query(ONE)), "CZ");
    client.query("COMMIT");
    gateway.stop();
}

#[test]
fn one_client_too_many_may_still_cancel() {
    let gateway = Gateway::start(|options| options.client_connections_max = 1);
    let mut client = gateway.client();
    let mut other = Client::raw(gateway.address());
    // SSLRequest first, as most drivers do.
    other.packet(&80_877_103u32.to_be_bytes());
    let mut answer = [0];
    other.stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"N");
    other.startup();
    assert_eq!(other.farewell(), "53300");
    client.send_query(SLEEP);
    while !gateway.iris.diary().iter().any(|(_, entry)| entry.contains("sleep")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    cancel(gateway.address(), client.pid, &client.key);
    assert_eq!(sqlstate(&client.until_ready()), "57014");
    assert_eq!(gateway.server.counters()[0].clients_refused.value(), 4 - 2);
    gateway.stop();
}

#[test]
fn a_silent_client_is_sent_away() {
    let gateway = Gateway::start(|options| options.login_timeout = Duration::from_millis(50));
    assert_eq!(Client::raw(gateway.address()).farewell(), "28000");
    // Whoever is logged in may be silent for as long as it likes.
    let mut client = gateway.client();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(tags(&client.query(ONE)), "CZ");
    gateway.stop();
}

#[test]
fn idle_transactions_have_a_limit() {
    let gateway = Gateway::start(|options| {
        options.iris_connections = 1;
        options.idle_in_transaction_timeout = Duration::from_millis(100);
    });
    let mut idle = gateway.client();
    let mut client = gateway.client();
    client.query("BEGIN");
    client.query(ONE);
    assert_eq!(client.farewell(), "25P03");
    assert!(gateway.iris.saw("TR"));
    assert_eq!(tags(&idle.query(ONE)), "CZ");
    idle.query("SET idle_session_timeout = 100");
    assert_eq!(idle.farewell(), "57P05");
    gateway.stop();
}

#[test]
fn transactions_may_end_before_the_process_does() {
    let gateway = Gateway::start(|_| {});
    let mut idle = gateway.client();
    let mut busy = gateway.client();
    busy.query("BEGIN");
    busy.query(ONE);
    gateway.server.stopper().stop();
    assert_eq!(idle.farewell(), "57P01");
    // Nobody else comes in: refused, or closed at once.
    if let Ok(mut stream) = TcpStream::connect(gateway.address()) {
        stream.set_read_timeout(Some(stretched(Duration::from_secs(10)))).unwrap();
        assert!(!matches!(stream.read(&mut [0]), Ok(1)));
        let late = stream.read(&mut [0]).map_err(|error| error.kind());
        assert!(!matches!(late, Err(std::io::ErrorKind::WouldBlock)), "a client was left hanging");
    }
    assert_eq!(tags(&busy.query(ONE)), "CZ");
    assert_eq!(status(&busy.query("COMMIT")), 'I');
    assert_eq!(busy.farewell(), "57P01");
    gateway.server.join().unwrap();
    assert!(gateway.iris.saw("TC") && gateway.iris.has_open(0));
}

#[test]
fn the_deadline_ends_what_still_runs() {
    let gateway = Gateway::start(|options| options.shutdown_timeout = Duration::from_millis(50));
    let mut open = gateway.client();
    open.query("BEGIN");
    open.query(ONE);
    let mut running = gateway.client();
    running.send_query(SLEEP);
    while !gateway.iris.diary().iter().any(|(_, entry)| entry.contains("sleep")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let started = Instant::now();
    gateway.server.stopper().stop();
    assert_eq!(running.farewell(), "57P01");
    assert_eq!(open.farewell(), "57P01");
    gateway.server.join().unwrap();
    assert!(started.elapsed() < stretched(Duration::from_secs(5)));
    assert!(!gateway.iris.diary().iter().any(|(_, entry)| entry == "TC"));
}

#[test]
fn hostile_bytes_end_one_connection_only() {
    let gateway = Gateway::start(|_| {});
    let mut bystander = gateway.client();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 3], &[0xff; 8]] {
        let mut client = Client::raw(gateway.address());
        client.stream.write_all(bytes).unwrap();
        assert_eq!(client.next().unwrap().0, 'E', "{bytes:?}");
        assert_eq!(client.next(), None);
    }
    let mut client = gateway.client();
    client.stream.write_all(b"Q\xff\xff\xff\xff").unwrap();
    assert_eq!(client.farewell(), "08P01");
    assert_eq!(tags(&bystander.query(ONE)), "CZ");
    gateway.stop();
}

#[test]
fn a_taken_port_and_a_missing_iris_are_told_at_the_start() {
    let gateway = Gateway::start(|_| {});
    let mut twice = options(&gateway.iris);
    twice.listen = gateway.address();
    assert!(
        matches!(Server::start_with::<PlainSession>(twice), Err(ServeError::AddressInUse(address)) if address == gateway.address())
    );
    let mut refused = options(&gateway.iris);
    gateway.iris.refuse_logins(true);
    assert!(matches!(Server::start_with::<PlainSession>(refused.clone()), Err(ServeError::IrisRefused { .. })));
    refused.iris.port = 1;
    assert!(matches!(Server::start_with::<PlainSession>(refused.clone()), Err(ServeError::IrisUnreachable { .. })));
    gateway.iris.refuse_logins(false);
    refused.iris = gateway.iris.target();
    refused.cores = Some(4096);
    refused.iris_connections = 10_000;
    assert!(matches!(Server::start_with::<PlainSession>(refused), Err(ServeError::Core { .. })));
    gateway.stop();
}

#[test]
fn a_panic_ends_one_session_only() {
    let gateway = Gateway::start(|options| options.iris_connections = 1);
    let mut bystander = gateway.client();
    let mut client = gateway.client();
    client.query("BEGIN");
    assert_eq!(tags(&client.query(ONE)), "CZ");
    client.send_query("panic");
    assert_eq!(client.next(), None);
    // Its IRIS connection was closed, which rolls back; a new one takes its place.
    assert!(gateway.iris.saw("gone"));
    assert_eq!(tags(&bystander.query(ONE)), "CZ");
    let counters = &gateway.server.counters()[0];
    assert_eq!((counters.sessions_panicked.value(), counters.iris_connections_open.value()), (1, 1));
    gateway.stop();
}
