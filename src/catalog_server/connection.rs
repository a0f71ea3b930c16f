//! One connection of the gateway: a thread that reads and a thread that writes.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};

use iris_pgwire::parts::runtime::ORACLE_TURN;
use iris_pgwire::parts::wire::{Frame, Limits, Phase, RecvBuf, SendBuf, StartupPacket, TransactionStatus};

use super::backend::{Batch, Word};
use super::interrupt::Interrupts;

/// What one read may bring at least.
const READ_BYTES: usize = 64 << 10;

/// What PostgreSQL itself takes (`PQ_LARGE_MESSAGE_LIMIT`).
const FRAME_BYTES_MAX: u32 = 0x3fff_ffff;

/// What a client is told at its start.
pub struct Greeting {
    pub server_version: String,
}

/// What lies behind a socket.
pub struct Door {
    pub greeting: Greeting,
    pub words: Sender<Word>,
    pub interrupts: Arc<Interrupts>,
    /// Clients are told how to ask for it.
    pub is_interruptible: bool,
}

/// A connection, seen from the backend.
pub struct Connection {
    /// No two connections of a door have the same; also what a CancelRequest names it by.
    number: u32,
    is_gone: AtomicBool,
    /// An empty one closes the connection.
    replies: Sender<Vec<u8>>,
}

impl Connection {
    pub fn number(&self) -> u32 {
        self.number
    }

    pub fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    pub fn send(&self, bytes: Vec<u8>) {
        // The writer ends with the connection, of which the reader tells.
        let _ = self.replies.send(bytes);
    }

    /// Ends the connection behind what has been sent.
    pub fn close(&self) {
        self.send(Vec::new());
    }

    /// Tells the client that its question has left the queue: from now on its limit counts.
    pub fn announce_turn(&self) {
        let mut out = SendBuf::new();
        out.put_parameter_status(ORACLE_TURN, "on");
        self.send(out.as_slice().to_vec());
    }
}

/// Accepts until the process ends.
pub fn accept(listener: &UnixListener, door: &Arc<Door>) {
    static LAST_NUMBER: AtomicU32 = AtomicU32::new(1);
    for stream in listener.incoming() {
        let number = LAST_NUMBER.fetch_add(1, Ordering::Relaxed);
        let result = stream.and_then(|stream| serve(stream, number, Arc::clone(door)));
        if let Err(error) = result {
            tracing::warn!(%error, "a connection could not be served");
        }
    }
}

fn serve(stream: UnixStream, number: u32, door: Arc<Door>) -> io::Result<()> {
    let mut writing = stream.try_clone()?;
    let (replies, received) = channel::<Vec<u8>>();
    let connection = Arc::new(Connection { number, is_gone: AtomicBool::new(false), replies });
    let mut hello = SendBuf::new();
    put_greeting(&door.greeting, if door.is_interruptible { number } else { 0 }, &mut hello);
    std::thread::Builder::new().name("write".to_owned()).spawn(move || {
        for bytes in received {
            if bytes.is_empty() || writing.write_all(&bytes).is_err() {
                // The reader notices, too.
                let _ = writing.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
    })?;
    std::thread::Builder::new().name("read".to_owned()).spawn(move || {
        if let Err(error) = read(stream, &connection, hello.as_slice(), &door) {
            tracing::debug!(%error, "a connection failed");
        }
        connection.is_gone.store(true, Ordering::Release);
        let _ = door.words.send(Word::Gone(Arc::clone(&connection)));
        // Nobody waits for what may run for it.
        door.interrupts.interrupt(number);
    })?;
    Ok(())
}

/// `pid`: what a CancelRequest names the connection by; 0 where there are none.
fn put_greeting(greeting: &Greeting, pid: u32, out: &mut SendBuf) {
    out.put_authentication_ok();
    for (name, value) in [
        ("server_version", greeting.server_version.as_str()),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
    ] {
        out.put_parameter_status(name, value);
    }
    // Whoever can reach the socket may interrupt.
    out.put_backend_key_data(pid.cast_signed(), &[0; 4]);
    out.put_ready_for_query(TransactionStatus::Idle);
}

/// Reads until the client ends the connection.
fn read(mut stream: UnixStream, connection: &Arc<Connection>, hello: &[u8], door: &Door) -> io::Result<()> {
    // All rows of a statement that is finished may come in one message; how many these are the gateway bounds.
    let limits = Limits { frame_bytes_max: FRAME_BYTES_MAX, ..Limits::default() };
    let mut recv = RecvBuf::new();
    let mut phase = Phase::Startup;
    // Messages up to `batched` are whole and wait for one that ends their batch.
    let mut batched = 0;
    loop {
        let unread = recv.unread();
        let frame = Frame::cut(unread.get(batched..).unwrap_or_default(), &limits, phase)
            .map_err(|error| io::Error::other(error.to_string()))?;
        let Some(frame) = frame else {
            let room = recv.spare_mut(READ_BYTES);
            let n = stream.read(room)?;
            if n == 0 {
                return Ok(());
            }
            recv.filled(n);
            continue;
        };
        let length = frame.wire_len();
        match (phase, frame.tag) {
            (Phase::Startup, _) => {
                match StartupPacket::parse(frame.body) {
                    Ok(StartupPacket::SslRequest | StartupPacket::GssEncRequest) => connection.send(b"N".to_vec()),
                    Ok(StartupPacket::Startup { .. }) => {
                        phase = Phase::Authenticated;
                        connection.send(hello.to_vec());
                    }
                    Ok(StartupPacket::CancelRequest { pid, .. }) => {
                        if !door.interrupts.interrupt(pid.cast_unsigned()) {
                            tracing::warn!("a statement cannot be interrupted");
                        }
                        // That it is done the client sees by this, even if the backend has work again.
                        return stream.shutdown(std::net::Shutdown::Both);
                    }
                    Ok(StartupPacket::Unsupported(_)) | Err(_) => return Ok(()),
                }
                recv.consume(length);
            }
            // A password that nobody has asked for would end the process.
            (_, b'X' | b'p') => return Ok(()),
            (_, b'Q' | b'S' | b'F' | b'H') => {
                let end = batched.saturating_add(length);
                let frames = unread.get(..end).unwrap_or_default().to_vec();
                if door.words.send(Word::Batch(Batch { connection: Arc::clone(connection), frames })).is_err() {
                    return Ok(());
                }
                recv.consume(end);
                batched = 0;
            }
            _ => batched = batched.saturating_add(length),
        }
    }
}
