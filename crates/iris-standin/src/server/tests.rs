//! The protocol over real sockets, with a made-up engine.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{fake::FakeEngine, *};
use iris_protocol::{
    HEADER_BYTES, Header, ItemReader, MessageWriter, Opcode,
    list::{put_int, put_null, put_string},
    read_columns, read_parameters,
    scramble::put_scrambled,
};

mod engine;
mod hostile;
mod results;
mod sessions;

const WAIT: Duration = Duration::from_secs(10);

fn options() -> SuperserverOptions {
    let mut options = SuperserverOptions { address: ([127, 0, 0, 1], 0).into(), ..SuperserverOptions::default() };
    options.users.insert("other".to_owned(), "secret".to_owned());
    options
}

fn small_pages() -> SuperserverOptions {
    SuperserverOptions { page_bytes: 64, ..options() }
}

fn start(options: SuperserverOptions) -> (SuperserverHandle, FakeEngine) {
    let engine = FakeEngine::default();
    (Superserver::bind(options, engine.clone()).unwrap().spawn().unwrap(), engine)
}

struct Client {
    socket: TcpStream,
    count: u32,
    job: i64,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Client {
    fn open(server: &SuperserverHandle) -> Self {
        let socket = TcpStream::connect(server.local_addr()).unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        Self { socket, count: 1, job: 0 }
    }

    fn login(server: &SuperserverHandle) -> Self {
        Self::login_as(server, "_SYSTEM", "SYS", 32)
    }

    fn login_as(server: &SuperserverHandle, user: &str, password: &str, features: i64) -> Self {
        Self::login_with(server, 69, user, password, features)
    }

    fn login_with(server: &SuperserverHandle, protocol: u8, user: &str, password: &str, features: i64) -> Self {
        let mut client = Self::open(server);
        client.ask(Opcode::HANDSHAKE, 0, |out| out.extend_from_slice(&[protocol, 0]));
        let reply = client.ask(Opcode::CONNECT, 0, |out| connect(out, "USER", user, password, features));
        assert_eq!(reply.status, 0, "{}", reply.text());
        client.job = ItemReader::new(&reply.body).clone().nth_int(4);
        client
    }

    fn send(&mut self, opcode: Opcode, id: u32, put: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        let message = MessageWriter::request(&mut out, opcode, self.count, id);
        put(&mut out);
        assert!(message.finish(&mut out));
        self.socket.write_all(&out).unwrap();
        self.count += 2;
    }

    fn try_receive(&mut self) -> Option<Reply> {
        let mut header = [0; HEADER_BYTES];
        self.socket.read_exact(&mut header).ok()?;
        let header = Header::parse(&header);
        assert_eq!(header.count, self.count - 2, "the count of the request is echoed");
        let mut body = vec![0; header.body_bytes as usize];
        self.socket.read_exact(&mut body).unwrap();
        Some(Reply { status: header.status(), body })
    }

    fn receive(&mut self) -> Reply {
        self.try_receive().expect("a reply")
    }

    fn ask(&mut self, opcode: Opcode, id: u32, put: impl FnOnce(&mut Vec<u8>)) -> Reply {
        self.send(opcode, id, put);
        self.receive()
    }

    fn prepare(&mut self, id: u32, text: &str, parameters: usize) -> Reply {
        self.ask(Opcode::PREPARE, id, |out| put_statement(out, text, parameters))
    }

    fn query(&mut self, id: u32, text: &str) -> Reply {
        assert_eq!(self.prepare(id, text, 0).status, 0, "{text}");
        self.ask(Opcode::EXECUTE_QUERY, id, |out| out.extend_from_slice(NO_VALUES))
    }

    fn fetch(&mut self, id: u32) -> Reply {
        self.ask(Opcode::FETCH, id, |_| {})
    }

    fn error_text(&mut self, status: u16) -> String {
        let reply = self.ask(Opcode::ERROR_TEXT, 0, |out| put_int(out, status.into()));
        assert_eq!(reply.status, 0);
        reply.text()
    }

    /// The whole result: first cells of all rows, and how many pages they took.
    fn rest(&mut self, id: u32, first: Reply) -> (Vec<i64>, usize) {
        let (mut numbers, mut pages, mut reply) = (Vec::new(), 0, first);
        loop {
            pages += 1;
            numbers.extend(reply.numbers());
            match reply.status {
                100 => return (numbers, pages),
                0 => reply = self.fetch(id),
                status => panic!("status {status}: {}", self.error_text(status)),
            }
        }
    }
}

trait NthInt {
    fn nth_int(self, skip: usize) -> i64;
}

impl NthInt for ItemReader<'_> {
    fn nth_int(mut self, skip: usize) -> i64 {
        self.slice(skip, "skipped").unwrap();
        self.int("number").unwrap()
    }
}

impl Reply {
    /// First cells of rows of two columns.
    fn numbers(&self) -> Vec<i64> {
        let mut reader = ItemReader::new(&self.body);
        let mut numbers = Vec::new();
        while !reader.is_empty() {
            numbers.push(reader.int("i").unwrap());
            reader.text("t").unwrap();
        }
        numbers
    }

    fn text(&self) -> String {
        ItemReader::new(&self.body).text("text").unwrap_or_default()
    }

    fn ints(&self) -> Vec<i64> {
        let mut reader = ItemReader::new(&self.body);
        std::iter::from_fn(|| (!reader.is_empty()).then(|| reader.int("number").unwrap())).collect()
    }
}

/// PQ's part: one set of none, no timeout, all rows.
const NO_VALUES: &[u8] = &[3, 4, 1, 2, 4, 2, 4, 2, 4];

fn connect(out: &mut Vec<u8>, namespace: &str, user: &str, password: &str, features: i64) {
    put_string(out, namespace);
    put_scrambled(out, user);
    put_scrambled(out, password);
    for text in ["root\0", "vm\0", "test\0", "memory", "127.0.0.1", ""] {
        put_string(out, text);
    }
    put_int(out, 1);
    put_int(out, 0);
    put_int(out, features);
}

fn put_statement(out: &mut Vec<u8>, text: &str, parameters: usize) {
    put_int(out, 1);
    put_string(out, text);
    put_int(out, parameters as i64);
    for _ in 0..parameters {
        put_string(out, "?");
        put_int(out, 0);
    }
}

fn put_sets(out: &mut Vec<u8>, keys: &str, sets: &[&[i64]]) {
    put_string(out, keys);
    put_int(out, 0);
    put_int(out, sets.len() as i64);
    put_int(out, sets.first().map_or(0, |set| set.len()) as i64);
    sets.iter().flat_map(|set| set.iter()).for_each(|&value| put_int(out, value));
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
