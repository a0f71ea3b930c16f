//! A raw client: frames in, frames out.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Random;
use super::message::{self, Message};

/// How the bytes of a script are cut into writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunking {
    Whole,
    EachByte,
    /// Splits at places chosen by this seed.
    Random(u64),
}

impl Chunking {
    /// Every way that a script is run in.
    pub const ALL: [Self; 6] =
        [Self::Whole, Self::EachByte, Self::Random(1), Self::Random(2), Self::Random(3), Self::Random(4)];
}

pub struct Client {
    stream: TcpStream,
    /// ParameterStatus as last reported.
    pub parameters: BTreeMap<String, String>,
    /// Body of BackendKeyData: process id and secret.
    pub key: Vec<u8>,
    /// Transaction status of the last ReadyForQuery.
    pub status: char,
}

pub const USER: &str = "_SYSTEM";
pub const PASSWORD: &str = "SYS";
pub const DATABASE: &str = "USER";

impl Client {
    /// A connection with nothing sent.
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, parameters: BTreeMap::new(), key: Vec::new(), status: '?' }
    }

    /// Logged in with protocol 3.0.
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, message::PROTOCOL_3_0, &[], Chunking::Whole)
    }

    pub fn connect_with(address: SocketAddr, version: u32, more: &[(&str, &str)], chunking: Chunking) -> Self {
        let mut client = Self::open(address);
        let mut parameters = vec![("user", USER), ("database", DATABASE)];
        parameters.extend(more);
        client.send_chunked(&message::startup(version, &parameters), chunking);
        client.finish_login(PASSWORD);
        client
    }

    /// Reads up to the first ReadyForQuery, answering what the server asks; gives the messages in between that
    /// are neither ParameterStatus nor authentication.
    pub fn finish_login(&mut self, password: &str) -> Vec<Message> {
        match self.try_login(password) {
            Ok(seen) => seen,
            Err(error) => panic!("login refused: {}", error.line()),
        }
    }

    /// As `finish_login`; an ErrorResponse is the error.
    pub fn try_login(&mut self, password: &str) -> Result<Vec<Message>, Message> {
        let mut seen = Vec::new();
        let mut scram = None;
        loop {
            let message = self.receive();
            match message.tag {
                b'R' => match u32::from_be_bytes(message.body[..4].try_into().unwrap()) {
                    0 => {}
                    10 => {
                        let exchange = super::scram::Exchange::new(password);
                        self.send(&exchange.initial_response());
                        scram = Some(exchange);
                    }
                    11 => {
                        let exchange = scram.as_mut().expect("SASLContinue before SASL");
                        let response = exchange.response(&message.body[4..]);
                        self.send(&response);
                    }
                    12 => scram.as_ref().expect("SASLFinal before SASL").verify(&message.body[4..]),
                    other => panic!("authentication request {other}"),
                },
                b'S' => self.note_parameter(&message.body),
                b'K' => self.key = message.body,
                b'E' => return Err(message),
                b'Z' => {
                    self.status = char::from(message.body[0]);
                    return Ok(seen);
                }
                _ => seen.push(message),
            }
        }
    }

    fn note_parameter(&mut self, body: &[u8]) {
        let mut parts = body.split(|byte| *byte == 0).map(|part| String::from_utf8(part.to_vec()).unwrap());
        let (name, value) = (parts.next().unwrap(), parts.next().unwrap());
        self.parameters.insert(name, value);
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn send_chunked(&mut self, bytes: &[u8], chunking: Chunking) {
        match chunking {
            Chunking::Whole => self.send(bytes),
            Chunking::EachByte => bytes.iter().for_each(|byte| self.send(&[*byte])),
            Chunking::Random(seed) => {
                let mut random = Random::new(seed);
                let mut rest = bytes;
                while !rest.is_empty() {
                    let (head, tail) = rest.split_at((1 + random.below(23) as usize).min(rest.len()));
                    self.send(head);
                    rest = tail;
                }
            }
        }
    }

    /// As `send`, for a server that may have closed the connection.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// One byte, as the answers to SSLRequest and GSSENCRequest are.
    pub fn receive_byte(&mut self) -> u8 {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).unwrap();
        byte[0]
    }

    pub fn receive(&mut self) -> Message {
        self.try_receive().unwrap()
    }

    /// The next message; an error when the server closed the connection.
    pub fn try_receive(&mut self) -> io::Result<Message> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header)?;
        let length = u32::from_be_bytes(header[1..].try_into().unwrap());
        let mut body = vec![0; length as usize - 4];
        self.stream.read_exact(&mut body)?;
        Ok(Message { tag: header[0], body })
    }

    /// The messages up to and with the next ReadyForQuery; ParameterStatus is noted, notices are dropped.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut seen = Vec::new();
        loop {
            let message = self.receive();
            match message.tag {
                b'S' => self.note_parameter(&message.body),
                b'N' => {}
                b'Z' => {
                    self.status = char::from(message.body[0]);
                    seen.push(message);
                    return seen;
                }
                _ => seen.push(message),
            }
        }
    }

    /// How many messages of each kind come up to and with the last of `ready_count` ReadyForQuery; for long answers.
    pub fn drain(&mut self, ready_count: usize) -> BTreeMap<u8, usize> {
        let mut counts = BTreeMap::new();
        let mut reader = BufReader::with_capacity(1 << 18, &self.stream);
        let mut body = Vec::new();
        while counts.get(&b'Z').is_none_or(|count| *count < ready_count) {
            let mut header = [0; 5];
            reader.read_exact(&mut header).unwrap();
            body.resize(u32::from_be_bytes(header[1..].try_into().unwrap()) as usize - 4, 0);
            reader.read_exact(&mut body).unwrap();
            *counts.entry(header[0]).or_default() += 1;
        }
        counts
    }

    /// To send with while this client receives.
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    /// The lines of `count` answers, each up to its ReadyForQuery.
    pub fn lines(&mut self, ready_count: usize) -> Vec<String> {
        (0..ready_count).flat_map(|_| self.until_ready()).map(|message| message.line()).collect()
    }

    /// One simple query; its answer as lines.
    pub fn query(&mut self, sql: &str) -> Vec<String> {
        self.send(&message::query(sql));
        self.lines(1)
    }

    /// One simple query that must succeed.
    pub fn ok(&mut self, sql: &str) -> Vec<String> {
        let lines = self.query(sql);
        assert!(!lines.iter().any(|line| line.starts_with("Error")), "{sql}: {lines:?}");
        lines
    }

    /// The only value of a simple query.
    pub fn value(&mut self, sql: &str) -> String {
        let lines = self.ok(sql);
        let row =
            lines.iter().find_map(|line| line.strip_prefix("Row '")).unwrap_or_else(|| panic!("{sql}: {lines:?}"));
        row.trim_end_matches('\'').to_owned()
    }

    /// The rest of what the server says before it closes the connection, as lines.
    pub fn until_closed(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(message) = self.try_receive() {
            lines.push(message.line());
        }
        lines
    }

    /// How long `receive` waits for what must come: longer on a busy machine.
    pub fn set_patience(&mut self, limit: Duration) {
        self.set_read_timeout(super::process::stretched(limit));
    }

    /// How long `receive` waits.
    pub fn set_read_timeout(&mut self, timeout: Duration) {
        self.stream.set_read_timeout(Some(timeout)).unwrap();
    }

    pub fn local_port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }
}
