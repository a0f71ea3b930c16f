//! Conversations of official clients, recorded against another server, replayed here: the client's half goes in, every
//! reply must be the recorded one. What the engine would say is taken out of the recording.

use std::{
    collections::{HashMap, VecDeque},
    io::{Read, Write},
    net::TcpStream,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{fake::Idle, *};
use crate::engine::{SqlError, Value};
use iris_protocol::{
    HEADER_BYTES, Header, ItemReader, Opcode, ParameterKind, StatementMetadata, read_columns, read_parameters,
};

/// What the engine is asked next, and says.
#[derive(Debug)]
enum Outcome {
    Prepare { text: String, answer: Result<Recorded, i32> },
    Query(Result<Vec<Vec<Value>>, i32>),
    Update(Result<Vec<i64>, (i32, Vec<i64>)>),
}

#[derive(Debug, Clone)]
struct Recorded {
    metadata: Arc<StatementMetadata>,
    is_query: bool,
}

impl PreparedStatement for Recorded {
    fn metadata(&self) -> &StatementMetadata {
        &self.metadata
    }

    fn is_query(&self) -> bool {
        self.is_query
    }
}

/// One list of outcomes per connection, in the order of login.
struct Recording(Mutex<VecDeque<VecDeque<Outcome>>>);

struct RecordedBackend {
    outcomes: VecDeque<Outcome>,
    isolation: u8,
}

impl Engine for Recording {
    type Backend = RecordedBackend;

    fn connect(&self, _login: Login<'_>) -> Result<RecordedBackend, SqlError> {
        let outcomes = self.0.lock().unwrap().pop_front().unwrap_or_default();
        Ok(RecordedBackend { outcomes, isolation: 1 })
    }
}

impl RecordedBackend {
    fn unexpected<T>(&self, asked: &str) -> Result<T, SqlError> {
        Err(SqlError::execute(999, format!("{asked}, expected {:?}", self.outcomes.front())))
    }
}

impl Backend for RecordedBackend {
    type Statement = Recorded;

    fn prepare(&mut self, text: &str, _kinds: &[ParameterKind]) -> Result<Recorded, SqlError> {
        match self.outcomes.pop_front() {
            Some(Outcome::Prepare { text: recorded, answer }) if recorded == text => {
                answer.map_err(|code| SqlError::prepare(code, "recorded"))
            }
            other => {
                self.outcomes.extend(other);
                self.unexpected(&format!("prepare {text}"))
            }
        }
    }

    fn query(
        &mut self,
        _statement: &Recorded,
        _values: &[Value],
        _timeout_s: u32,
        _rows_max: u64,
        row: &mut dyn FnMut(&[Value]) -> ControlFlow<()>,
    ) -> Result<(), SqlError> {
        match self.outcomes.pop_front() {
            Some(Outcome::Query(Ok(rows))) => {
                let _ = rows.iter().try_for_each(|values| row(values));
                Ok(())
            }
            Some(Outcome::Query(Err(code))) => Err(SqlError::execute(code, "recorded")),
            _ => self.unexpected("query"),
        }
    }

    fn update(&mut self, _: &Recorded, sets: &[Vec<Value>]) -> Result<Vec<i64>, (SqlError, Vec<i64>)> {
        match self.outcomes.pop_front() {
            Some(Outcome::Update(Ok(counts))) if counts.len() == sets.len() => Ok(counts),
            Some(Outcome::Update(Err((code, counts)))) => Err((SqlError::execute(code, "recorded"), counts)),
            _ => self.unexpected("update").map_err(|error| (error, Vec::new())),
        }
    }

    fn set_autocommit(&mut self, _on: bool) -> Result<(), SqlError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), SqlError> {
        Ok(())
    }

    fn last_identity(&self) -> Option<i64> {
        Some(1)
    }

    fn set_isolation(&mut self, level: u8) -> u8 {
        self.isolation = level;
        level
    }

    fn isolation(&self) -> u8 {
        self.isolation
    }

    fn interrupt(&self) -> Arc<dyn Interrupt> {
        Arc::new(Idle)
    }
}

#[derive(Debug, Clone)]
struct Line {
    from_client: bool,
    connection: u32,
    bytes: Vec<u8>,
}

impl Line {
    fn header(&self) -> Header {
        Header::peek(&self.bytes).unwrap()
    }

    fn body(&self) -> &[u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

fn lines(script: &str) -> Vec<Line> {
    let hex = |text: &str| {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect::<Vec<_>>()
    };
    script
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let from_client = words.next() == Some(">");
            let connection = words.next().unwrap().parse().unwrap();
            let mut bytes = hex(words.next().unwrap());
            // JDBC asks for features by default, which the recorded server refused; here it never asks.
            if from_client && bytes.ends_with(&[3, 4, 59]) && Header::peek(&bytes).unwrap().opcode() == Opcode::CONNECT
            {
                bytes.truncate(bytes.len() - 3);
                bytes.extend_from_slice(&[2, 4]);
                bytes[0] -= 1;
            }
            Line { from_client, connection, bytes }
        })
        .collect()
}

/// Reads the engine's part out of one connection's lines.
#[derive(Default)]
struct Listener {
    features: bool,
    statements: HashMap<u32, Recorded>,
    outcomes: VecDeque<Outcome>,
}

/// Text and number of parameters of PP's part of a request.
fn text_of(reader: &mut ItemReader<'_>) -> (String, usize) {
    assert_eq!(reader.int("pieces").unwrap(), 1);
    let text = reader.text("text").unwrap();
    let count = reader.count("parameters").unwrap();
    reader.slice(2 * count, "kinds").unwrap();
    (text, count)
}

fn is_query(text: &str) -> bool {
    matches!(text.trim_start_matches(['(', ' ']).split(' ').next(), Some("SELECT" | "WITH" | "select"))
}

impl Listener {
    fn prepared(&mut self, id: u32, text: String, reply: &Line, query: bool, features: bool) -> bool {
        let status = reply.header().status();
        if status != 0 && status != 100 {
            self.outcomes.push_back(Outcome::Prepare { text, answer: Err(status.into()) });
            return false;
        }
        let mut reader = ItemReader::new(reply.body());
        if features {
            assert_eq!(reader.int("feature").unwrap(), 0);
        }
        let columns = if query { read_columns(&mut reader).unwrap() } else { Vec::new() };
        let parameters = read_parameters(&mut reader).unwrap();
        let cacheable = reader.int("flag").unwrap() & 1 == 1;
        let metadata = Arc::new(StatementMetadata { columns, parameters, cacheable });
        let recorded = Recorded { metadata, is_query: query };
        self.statements.insert(id, recorded.clone());
        self.outcomes.push_back(Outcome::Prepare { text, answer: Ok(recorded) });
        true
    }

    fn queried(&mut self, id: u32, reply: &Line) {
        let status = reply.header().status();
        if status != 0 && status != 100 {
            self.outcomes.push_back(Outcome::Query(Err(status.into())));
            return;
        }
        let columns = &self.statements[&id].metadata.columns;
        let mut reader = ItemReader::new(reply.body());
        let mut rows = Vec::new();
        while !reader.is_empty() {
            let row = columns
                .iter()
                .map(|column| values::decode(reader.need_raw("cell").unwrap(), Some(column.iris_type)).unwrap());
            rows.push(row.collect());
        }
        self.outcomes.push_back(Outcome::Query(Ok(rows)));
    }

    fn updated(&mut self, reply: &Line, mut reader: ItemReader<'_>) {
        let mut counts = Vec::new();
        while !reader.is_empty() {
            counts.push(reader.int("count").unwrap());
        }
        let status = reply.header().status();
        let answer = if status == 0 || status == 100 { Ok(counts) } else { Err((status.into(), counts)) };
        self.outcomes.push_back(Outcome::Update(answer));
    }

    fn hear(&mut self, request: &Line, replies: &[Line]) {
        let id = request.header().statement_id;
        let mut reader = ItemReader::new(request.body());
        let features = self.features;
        match request.header().opcode() {
            Opcode::CONNECT => {
                reader.slice(11, "login").unwrap();
                self.features = reader.int("features").unwrap() & 1 == 1;
            }
            Opcode::PREPARE => {
                let (text, _) = text_of(&mut reader);
                let query = is_query(&text);
                self.prepared(id, text, &replies[0], query, features);
            }
            Opcode::DIRECT_QUERY => {
                let (text, _) = text_of(&mut reader);
                if self.prepared(id, text, &replies[0], true, features) {
                    self.queried(id, &replies[1]);
                }
            }
            Opcode::EXECUTE_QUERY => self.queried(id, &replies[0]),
            Opcode::EXECUTE_UPDATE => self.updated(&replies[0], ItemReader::new(replies[0].body())),
            Opcode::DIRECT_UPDATE => {
                let (text, _) = text_of(&mut reader);
                if self.prepared(id, text, &replies[0], false, false) {
                    let mut rest = ItemReader::new(replies[0].body());
                    read_parameters(&mut rest).unwrap();
                    rest.int("flag").unwrap();
                    self.updated(&replies[0], rest);
                }
            }
            Opcode::BATCH_TEXTS => self.batch(request.body(), &replies[0]),
            _ => {}
        }
    }

    fn batch(&mut self, body: &[u8], reply: &Line) {
        let (count, rest) = body.split_first_chunk::<4>().unwrap();
        let (mut reader, mut counts) = (ItemReader::new(rest), ItemReader::new(reply.body()));
        reader.int("option").unwrap();
        for _ in 0..u32::from_le_bytes(*count) {
            assert_eq!(reader.int("pieces").unwrap(), 1);
            let text = reader.text("text").unwrap();
            reader.int("sets").unwrap();
            let values = reader.count("values").unwrap();
            reader.slice(values, "values").unwrap();
            let parameter = iris_protocol::ParameterDescription {
                iris_type: iris_protocol::IrisType::VARCHAR,
                precision: 50,
                scale: 0,
                nullable: 1,
            };
            let metadata =
                StatementMetadata { columns: Vec::new(), parameters: vec![parameter; values], cacheable: true };
            let recorded = Recorded { metadata: Arc::new(metadata), is_query: false };
            self.outcomes.push_back(Outcome::Prepare { text, answer: Ok(recorded) });
            let count = counts.int("count").unwrap();
            if count == 0 {
                let status = reply.header().status();
                self.outcomes.push_back(Outcome::Update(Err((status.into(), vec![0]))));
                return;
            }
            self.outcomes.push_back(Outcome::Update(Ok(vec![count])));
        }
    }
}

/// Per connection, the requests with their replies.
fn exchanges(lines: &[Line], connection: u32) -> Vec<(Line, Vec<Line>)> {
    let mut exchanges: Vec<(Line, Vec<Line>)> = Vec::new();
    for line in lines.iter().filter(|line| line.connection == connection) {
        match exchanges.last_mut() {
            _ if line.from_client => exchanges.push((line.clone(), Vec::new())),
            Some((_, replies)) => replies.push(line.clone()),
            None => panic!("a reply first"),
        }
    }
    exchanges
}

fn read_message(socket: &mut TcpStream) -> Line {
    let mut bytes = vec![0; HEADER_BYTES];
    socket.read_exact(&mut bytes).unwrap();
    let length = Header::peek(&bytes).unwrap().body_bytes as usize;
    bytes.resize(HEADER_BYTES + length, 0);
    socket.read_exact(&mut bytes[HEADER_BYTES..]).unwrap();
    Line { from_client: false, connection: 0, bytes }
}

/// The recorded reply and ours may differ where another server may say something else.
fn compare(name: &str, request: &Line, recorded: &Line, ours: &Line) {
    let opcode = request.header().opcode();
    let at = format!("{name}, {opcode} count {}", request.header().count);
    let (want, got) = (recorded.header(), ours.header());
    assert_eq!((got.count, got.statement_id, got.status()), (want.count, want.statement_id, want.status()), "{at}");
    let items = |line: &Line| {
        let mut reader = ItemReader::new(line.body());
        std::iter::from_fn(|| reader.raw().unwrap().map(|item| item.bytes.to_vec())).collect::<Vec<_>>()
    };
    match opcode {
        // The version differs; features are granted as asked, bit 1 only; the isolation mask is JDBC's need.
        Opcode::CONNECT if want.status() == 0 => {
            let (want, got) = (items(recorded), items(ours));
            assert_eq!(got.len(), 7, "{at}");
            assert_eq!((&got[1], &got[4]), (&want[1], &want[4]), "{at}");
            assert_eq!(got[3], [3, 4, 3], "{at}");
        }
        // The texts of codes are ours, and the recorded engine has its own particulars.
        Opcode::CONNECT | Opcode::ERROR_TEXT => {
            let head = |line: &Line| {
                let text = ItemReader::new(line.body()).text("text").unwrap();
                text.split(">:<").next().unwrap().to_owned()
            };
            assert_eq!(head(ours), head(recorded), "{at}");
        }
        // The one procedure served.
        Opcode::PREPARE_PROCEDURE => {}
        _ => assert_eq!(ours.body(), recorded.body(), "{at}"),
    }
}

fn replay(name: &str, script: &str) {
    let lines = lines(script);
    let mut connections: Vec<u32> = lines.iter().map(|line| line.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    let by_connection: HashMap<u32, Vec<(Line, Vec<Line>)>> =
        connections.iter().map(|&connection| (connection, exchanges(&lines, connection))).collect();
    let outcomes = connections.iter().map(|connection| {
        let mut listener = Listener::default();
        for (request, replies) in &by_connection[connection] {
            listener.hear(request, replies);
        }
        listener.outcomes
    });
    let engine = Recording(Mutex::new(outcomes.collect()));
    let options = SuperserverOptions { address: ([127, 0, 0, 1], 0).into(), ..SuperserverOptions::default() };
    let server = Superserver::bind(options, engine).unwrap().spawn().unwrap();
    let mut sockets: HashMap<u32, TcpStream> = HashMap::new();
    let mut left: HashMap<u32, VecDeque<(Line, Vec<Line>)>> =
        by_connection.into_iter().map(|(connection, exchanges)| (connection, exchanges.into())).collect();
    for line in lines.iter().filter(|line| line.from_client) {
        let socket = sockets.entry(line.connection).or_insert_with(|| {
            let socket = TcpStream::connect(server.local_addr()).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket
        });
        let (request, replies) = left.get_mut(&line.connection).unwrap().pop_front().unwrap();
        socket.write_all(&request.bytes).unwrap();
        for recorded in &replies {
            compare(name, &request, recorded, &read_message(socket));
        }
    }
    for socket in sockets.values_mut() {
        // A reply too many would come now.
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"", "{name}: more than the recorded replies");
    }
    server.shutdown().unwrap();
}

macro_rules! replays {
    ($($test:ident = $file:literal;)*) => {
        $(#[test]
        fn $test() {
            replay($file, include_str!(concat!("testdata/", $file, ".txt")));
        })*
    };
}

replays! {
    connect_5_1_0 = "connect_disconnect_5.1.0";
    connect_denied = "connect_denied_5.4.1";
    connect_namespace_denied = "connect_namespace_denied_5.4.1";
    select_typed_rows_5_4_1 = "select_typed_rows_5.4.1";
    select_typed_rows_5_1_0 = "select_typed_rows_5.1.0";
    errors_5_4_1 = "errors_5.4.1";
    errors_5_1_0 = "errors_5.1.0";
    executemany_5_4_1 = "executemany_5.4.1";
    executemany_5_1_0 = "executemany_5.1.0";
    statement_reuse = "statement_reuse_5.4.1";
    transactions = "transactions_5.4.1";
    direct_execute = "direct_execute_5.4.1";
    with_query = "with_query_5.4.1";
    query_timeout = "query_timeout_5.4.1";
    jdbc_without_features = "jdbc-no-features";
    vectors_as_text = "vectors_as_text_5.4.1";
}
