//! One connection to the oracle, and one question on it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use glommio::net::{TcpStream, UnixStream};

use super::login::Login;
use super::state::{Address, Generation};
use super::{ORACLE_TURN, OracleServer};
use crate::catalog::OracleRequest;
use crate::runtime::link::resolve;
use crate::wire::Frame;

/// What one read may bring.
const READ_BYTES: usize = 16 << 10;
/// The answer to the startup packet is a handful of parameters.
const GREETING_BYTES_MAX: u32 = 64 << 10;
/// The code of a CancelRequest (protocol chapter, "Message Formats").
const CANCEL_REQUEST: u32 = 80_877_102;

/// What went wrong with a connection; it must be dropped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the connection was closed")]
    Closed,
    #[error("an answer is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("{0}")]
    Protocol(&'static str),
    /// At the login.
    #[error("PostgreSQL refused: {0}")]
    Refused(String),
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    async fn connect(address: &Address) -> Result<Self, Broken> {
        match address {
            Address::Socket(path) => Self::unix(path).await,
            Address::Server(server) => match server.socket() {
                Some(path) => Self::unix(&path).await,
                None => Ok(Self::Tcp(connect(server).await?)),
            },
        }
    }

    async fn unix(path: &Path) -> Result<Self, Broken> {
        Ok(Self::Unix(UnixStream::connect(path).await.map_err(io::Error::from)?))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_close(context),
            Self::Tcp(stream) => Pin::new(stream).poll_close(context),
        }
    }
}

/// A connection that is ready for a question.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    generation: Generation,
    scratch: Box<[u8]>,
    /// Process id and key as BackendKeyData has them: what a CancelRequest needs.
    cancel_key: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(generation: Generation) -> Result<Self, Broken> {
        let server = match &generation.address {
            // The process knows no users: who asks is told by each question.
            Address::Socket(_) => None,
            Address::Server(server) => Some(Arc::clone(server)),
        };
        let stream = Stream::connect(&generation.address).await?;
        let scratch = vec![0; READ_BYTES].into_boxed_slice();
        let mut connection = Self { stream, generation, scratch, cancel_key: Vec::new() };
        let mut login = Login::new(server.as_deref());
        let mut out = Vec::new();
        login.start(&mut out);
        let mut received = Vec::new();
        loop {
            connection.stream.write_all(&out).await?;
            out.clear();
            match connection.stream.read(&mut connection.scratch).await? {
                0 => return Err(Broken::Closed),
                n => received.extend_from_slice(connection.scratch.get(..n).unwrap_or_default()),
            }
            while let Some(frame) = Frame::cut_backend(&received, GREETING_BYTES_MAX)
                .map_err(|_| Broken::Protocol("the greeting is unreadable"))?
            {
                let length = frame.wire_len();
                let is_ready = login.on_message(frame.tag, frame.body, &mut out)?;
                received.drain(..length);
                if is_ready {
                    connection.cancel_key = login.cancel_key;
                    return Ok(connection);
                }
            }
        }
    }

    /// What runs on it can be interrupted. The embedded PostgreSQL has no process id where it cannot.
    pub(super) fn is_interruptible(&self) -> bool {
        self.cancel_key.iter().take(4).any(|byte| *byte != 0)
    }

    /// The process of a PostgreSQL's backend, as it says.
    pub(super) fn backend(&self) -> Option<i32> {
        self.cancel_key.first_chunk::<4>().map(|pid| i32::from_be_bytes(*pid)).filter(|pid| *pid > 0)
    }

    /// Interrupts what runs on this connection.
    pub(super) async fn cancel(&self) -> Result<(), Broken> {
        let mut stream = Stream::connect(&self.generation.address).await?;
        let length = u32::try_from(self.cancel_key.len().saturating_add(8)).unwrap_or(u32::MAX);
        let request = [&length.to_be_bytes()[..], &CANCEL_REQUEST.to_be_bytes(), &self.cancel_key].concat();
        stream.write_all(&request).await?;
        // The server closes the connection when it has passed the request on.
        let _ = stream.read(&mut [0]).await;
        Ok(())
    }

    pub(super) fn generation(&self) -> &Generation {
        &self.generation
    }

    pub(super) async fn send(&mut self, request: &OracleRequest) -> Result<(), Broken> {
        for piece in request.frames.pieces() {
            self.stream.write_all(piece).await?;
            // The other side may read as fast as is written: others get their turn all the same.
            glommio::yield_if_needed().await;
        }
        Ok(())
    }

    /// Waits until the connection is closed, on which nothing is asked. May be dropped and called again.
    pub(super) async fn closed(&mut self) {
        // What comes meanwhile is about the connection, its farewell included.
        while !matches!(self.stream.read(&mut self.scratch).await, Ok(0) | Err(_)) {}
    }

    /// Some more of an answer. May be dropped and called again.
    pub(super) async fn receive(&mut self, answer: &mut Answer) -> Result<(), Broken> {
        match self.stream.read(&mut self.scratch).await? {
            0 => Err(Broken::Closed),
            n => answer.take(self.scratch.get(..n).unwrap_or_default()),
        }
    }
}

async fn connect(server: &OracleServer) -> Result<TcpStream, Broken> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in resolve(&server.host, server.port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(io::Error::from)?;
                return Ok(stream);
            }
            Err(error) => failure = error.into(),
        }
    }
    Err(failure.into())
}

/// An answer that comes in.
#[derive(Debug)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// Messages up to here are whole and stay.
    whole: usize,
    syncs_left: usize,
    bytes_max: usize,
    has_turn: bool,
}

impl Answer {
    pub(super) fn new(syncs_count: usize, bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), whole: 0, syncs_left: syncs_count, bytes_max, has_turn: false }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.syncs_left == 0
    }

    /// The question has left the queue: PostgreSQL works on it.
    pub(super) fn has_turn(&self) -> bool {
        self.has_turn
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Cuts messages only to count them, and drops those that are about the connection rather than the question:
    /// parameters and notifications.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self.bytes.len().saturating_add(bytes.len()) > self.bytes_max {
            return Err(Broken::TooLong { max: self.bytes_max });
        }
        self.bytes.extend_from_slice(bytes);
        loop {
            let rest = self.bytes.get(self.whole..).unwrap_or_default();
            let Some((&tag, after)) = rest.split_first() else { return Ok(()) };
            let Some((length, body)) = after.split_first_chunk::<4>() else { return Ok(()) };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length < 4 {
                return Err(Broken::Protocol("a message has an impossible length"));
            }
            if self.whole.saturating_add(length) >= self.bytes_max {
                return Err(Broken::TooLong { max: self.bytes_max });
            }
            let Some(body) = body.get(..length.saturating_sub(4)) else { return Ok(()) };
            let end = self.whole.saturating_add(length).saturating_add(1);
            match tag {
                b'S' | b'A' => {
                    self.has_turn |=
                        body.strip_prefix(ORACLE_TURN.as_bytes()).is_some_and(|rest| rest.starts_with(&[0]));
                    self.bytes.drain(self.whole..end);
                    continue;
                }
                b'Z' if self.syncs_left == 0 => return Err(Broken::Protocol("more answers than questions")),
                b'Z' => self.syncs_left = self.syncs_left.saturating_sub(1),
                _ => {}
            }
            self.whole = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{SendBuf, TransactionStatus};

    fn answer_bytes() -> (Vec<u8>, Vec<u8>) {
        let mut turn = SendBuf::new();
        turn.put_parameter_status(ORACLE_TURN, "on");
        let mut first = SendBuf::new();
        first.put_command_complete("BEGIN");
        first.put_ready_for_query(TransactionStatus::InTransaction);
        let mut setting = SendBuf::new();
        setting.put_parameter_status("TimeZone", "UTC");
        let mut second = SendBuf::new();
        second.put_command_complete("ROLLBACK");
        second.put_ready_for_query(TransactionStatus::Idle);
        let all = [turn.as_slice(), first.as_slice(), setting.as_slice(), second.as_slice()].concat();
        (all, [first.as_slice(), second.as_slice()].concat())
    }

    #[test]
    fn answers_are_whole_however_they_arrive() {
        let (all, kept) = answer_bytes();
        for chunk in 1..=all.len() {
            let mut answer = Answer::new(2, 1 << 20);
            for bytes in all.chunks(chunk) {
                assert!(!answer.is_complete());
                answer.take(bytes).unwrap();
            }
            assert!(answer.is_complete() && answer.has_turn(), "chunks of {chunk}");
            assert_eq!(answer.into_bytes(), kept, "chunks of {chunk}");
        }
    }

    #[test]
    fn answers_have_a_bound() {
        let (all, _) = answer_bytes();
        assert!(matches!(Answer::new(2, 8).take(&all), Err(Broken::TooLong { max: 8 })));
        // What a message announces counts before it is there.
        assert!(matches!(Answer::new(1, 100).take(b"D\0\0\0\x80"), Err(Broken::TooLong { max: 100 })));
        assert!(matches!(Answer::new(1, 100).take(b"D\0\0\0\x03"), Err(Broken::Protocol(_))));
        assert!(matches!(Answer::new(1, 1000).take(&all), Err(Broken::Protocol(_))));
    }
}
