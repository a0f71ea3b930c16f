//! A superserver for tests of the runtime: it understands no SQL, but keeps a diary of what it was asked.
//!
//! Texts with `sleep` wait for an interruption, with `die` lose the connection, with `refuse` fail, with `mute` are never
//! answered, with `twice` and `later` are answered twice, at once or after a moment, with `garbled` get a row that cannot
//! be read; all other queries give one row with a 1, all other statements change one row.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::IrisTarget;
use super::process::stretched;
use crate::iris::{
    ColumnDescription, ConnectOptions, HEADER_BYTES, Header, IrisType, ItemReader, MessageWriter, Opcode,
    ParameterDescription, STATUS_END, STATUS_OK, StatementMetadata, put_int, put_string,
};

#[derive(Default)]
struct State {
    diary: Vec<(i64, String)>,
    open: HashMap<i64, TcpStream>,
    open_max: usize,
    last_job: i64,
    interrupted: Vec<i64>,
    refuses_logins: bool,
    is_silent: bool,
}

#[derive(Clone)]
pub(super) struct FakeIris {
    state: Arc<(Mutex<State>, Condvar)>,
    port: u16,
}

impl FakeIris {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Self { state: Arc::default(), port: listener.local_addr().unwrap().port() };
        let server = fake.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        fake
    }

    pub(super) fn target(&self) -> IrisTarget {
        IrisTarget {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            login: ConnectOptions { user: "_SYSTEM".into(), password: "SYS".into(), ..ConnectOptions::default() },
            connect_timeout: Duration::from_secs(5),
        }
    }

    pub(super) fn refuse_logins(&self, refuses: bool) {
        self.state.0.lock().unwrap().refuses_logins = refuses;
    }

    /// Takes everything and answers nothing, as a host that hangs.
    pub(super) fn be_silent(&self, is_silent: bool) {
        self.state.0.lock().unwrap().is_silent = is_silent;
    }

    /// What happened, per job in the order it happened.
    pub(super) fn diary(&self) -> Vec<(i64, String)> {
        self.state.0.lock().unwrap().diary.clone()
    }

    /// Waits until the diary has the entry; true when it came within five seconds, or more on a busy machine.
    pub(super) fn saw(&self, entry: &str) -> bool {
        let limit = stretched(Duration::from_secs(5));
        let state = self.state.0.lock().unwrap();
        let missing = |state: &mut State| !state.diary.iter().any(|(_, seen)| seen == entry);
        !self.state.1.wait_timeout_while(state, limit, missing).unwrap().1.timed_out()
    }

    /// Waits until so many connections are open.
    pub(super) fn has_open(&self, count: usize) -> bool {
        let limit = stretched(Duration::from_secs(5));
        let state = self.state.0.lock().unwrap();
        !self.state.1.wait_timeout_while(state, limit, |state| state.open.len() != count).unwrap().1.timed_out()
    }

    pub(super) fn open_max(&self) -> usize {
        self.state.0.lock().unwrap().open_max
    }

    /// All connections break, as when IRIS is restarted.
    pub(super) fn drop_connections(&self) {
        for stream in self.state.0.lock().unwrap().open.values() {
            stream.shutdown(Shutdown::Both).unwrap();
        }
        assert!(self.has_open(0));
    }

    fn note(&self, job: i64, entry: impl Into<String>) {
        self.state.0.lock().unwrap().diary.push((job, entry.into()));
        self.state.1.notify_all();
    }

    fn serve(&self, stream: TcpStream) {
        let job = {
            let mut state = self.state.0.lock().unwrap();
            state.last_job += 1;
            let job = state.last_job;
            state.open.insert(job, stream.try_clone().unwrap());
            state.open_max = state.open_max.max(state.open.len());
            job
        };
        self.state.1.notify_all();
        let _ = self.converse(job, stream);
        self.state.0.lock().unwrap().open.remove(&job);
        self.note(job, "gone");
    }

    fn converse(&self, job: i64, mut stream: TcpStream) -> std::io::Result<()> {
        let mut texts: HashMap<u32, (String, usize)> = HashMap::new();
        loop {
            let mut head = [0; HEADER_BYTES];
            stream.read_exact(&mut head)?;
            let header = Header::parse(&head);
            let mut body = vec![0; header.body_bytes as usize];
            stream.read_exact(&mut body)?;
            let mut reader = ItemReader::new(&body);
            let opcode = header.opcode();
            let mut out = Vec::new();
            let mut reply = |status: u16, write: &dyn Fn(&mut Vec<u8>)| {
                let message = MessageWriter::reply(&mut out, status, header.count, header.statement_id);
                write(&mut out);
                assert!(message.finish(&mut out));
            };
            match opcode {
                Opcode::HANDSHAKE => reply(STATUS_OK, &|out| {
                    out.extend_from_slice(&[69, 0, 1, 0]);
                    put_string(out, "latin1");
                }),
                Opcode::CONNECT if self.state.0.lock().unwrap().refuses_logins => {
                    reply(417, &|out| put_string(out, "no licence"));
                }
                Opcode::CONNECT => reply(STATUS_OK, &|out| {
                    put_string(out, "IRIS for tests");
                    [1, 0, 3, job, 0, 0].iter().for_each(|&item| put_int(out, item));
                }),
                Opcode::DISCONNECT => return Ok(()),
                Opcode::INTERRUPT => {
                    let victim = reader.int("job").unwrap();
                    self.state.0.lock().unwrap().interrupted.push(victim);
                    self.note(job, format!("EI {victim}"));
                    reply(STATUS_OK, &|_| {});
                }
                Opcode::COMMIT | Opcode::ROLLBACK | Opcode::PING => {
                    self.note(job, opcode.to_string());
                    reply(STATUS_OK, &|_| {});
                }
                Opcode::ERROR_TEXT => reply(STATUS_OK, &|out| put_string(out, "[SQLCODE: <-400>:<refused>]")),
                Opcode::FETCH => reply(STATUS_END, &|out| put_int(out, 1)),
                Opcode::PREPARE
                | Opcode::DIRECT_QUERY
                | Opcode::DIRECT_UPDATE
                | Opcode::EXECUTE_QUERY
                | Opcode::EXECUTE_UPDATE => {
                    if !matches!(opcode, Opcode::EXECUTE_QUERY | Opcode::EXECUTE_UPDATE) {
                        reader.int("pieces").unwrap();
                        let text = reader.text("text").unwrap();
                        let parameters = reader.count("parameters").unwrap();
                        texts.insert(header.statement_id, (text, parameters));
                    }
                    let (text, parameters) = texts.get(&header.statement_id).unwrap();
                    if opcode != Opcode::PREPARE {
                        self.note(job, text.clone());
                    }
                    let is_query = text.to_uppercase().starts_with("SELECT");
                    let metadata = metadata(is_query, *parameters);
                    if matches!(opcode, Opcode::PREPARE | Opcode::DIRECT_QUERY) {
                        reply(STATUS_OK, &|out| metadata.put(out, is_query));
                    }
                    if opcode != Opcode::PREPARE {
                        match self.execute(job, text) {
                            None => return Ok(()),
                            Some(0) if is_query => reply(STATUS_END, &|out| {
                                if text.contains("garbled") {
                                    out.extend_from_slice(&[3, 0x40, 0]);
                                }
                                if !text.contains("INFORMATION_SCHEMA") {
                                    put_int(out, 1);
                                }
                            }),
                            Some(0) => reply(STATUS_OK, &|out| {
                                if opcode == Opcode::DIRECT_UPDATE {
                                    metadata.put(out, false);
                                }
                                put_int(out, 1);
                            }),
                            Some(code) => reply(code, &|_| {}),
                        }
                    }
                }
                other => {
                    assert!(!other.has_reply(), "{other}");
                    self.note(job, other.to_string());
                }
            }
            let text = texts.get(&header.statement_id).map(|(text, _)| text.as_str()).unwrap_or_default();
            if self.state.0.lock().unwrap().is_silent || text.contains("mute") {
                continue;
            }
            if text.contains("twice") && opcode != Opcode::PREPARE {
                out.extend_from_within(..);
            }
            stream.write_all(&out)?;
            if text.contains("later") && opcode != Opcode::PREPARE {
                std::thread::sleep(Duration::from_millis(50));
                stream.write_all(&out)?;
            }
        }
    }

    /// The SQLCODE, 0 for success; `None` when the connection breaks.
    fn execute(&self, job: i64, text: &str) -> Option<u16> {
        if text.contains("die") {
            return None;
        }
        if text.contains("refuse") {
            return Some(400);
        }
        if !text.contains("sleep") {
            return Some(0);
        }
        let state = self.state.0.lock().unwrap();
        let sleeping = |state: &mut State| !state.interrupted.contains(&job) && state.open.contains_key(&job);
        let limit = Duration::from_secs(20);
        let (mut state, _) = self.state.1.wait_timeout_while(state, limit, sleeping).unwrap();
        state.interrupted.retain(|victim| *victim != job);
        Some(456)
    }
}

fn metadata(is_query: bool, parameters: usize) -> StatementMetadata {
    let column = ColumnDescription {
        name: "one".into(),
        iris_type: IrisType::INTEGER,
        precision: 10,
        scale: 0,
        nullable: 1,
        label: "one".into(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    };
    StatementMetadata {
        columns: if is_query { vec![column] } else { Vec::new() },
        parameters: vec![
            ParameterDescription { iris_type: IrisType::VARCHAR, precision: 50, scale: 0, nullable: 1 };
            parameters
        ],
        cacheable: true,
    }
}
