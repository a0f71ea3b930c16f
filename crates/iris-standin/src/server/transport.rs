//! Messages on a blocking socket: whole requests in, whole replies out.

use std::{
    io::{self, BufReader, BufWriter, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use iris_protocol::{HEADER_BYTES, Header, Opcode};

const BUFFER_BYTES: usize = 64 << 10;

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum LinkError {
    /// The peer closed it, between two messages or within one.
    Closed,
    TooLarge {
        announced: u32,
        max: u32,
    },
    Io(io::Error),
}

impl std::fmt::Display for LinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the client"),
            Self::TooLarge { announced, max } => write!(f, "a message of {announced} bytes, {max} are allowed"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// What a reply must repeat of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) count: u32,
    pub(super) statement_id: u32,
}

/// A request.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) opcode: Opcode,
    pub(super) body: Vec<u8>,
}

/// A reply in the making: room for the header, then the body.
#[derive(Debug)]
pub(super) struct Body(Vec<u8>);

impl Body {
    pub(super) fn new() -> Self {
        Self(vec![0; HEADER_BYTES])
    }

    /// Where the body is appended.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(super) fn bytes_count(&self) -> usize {
        self.0.len().saturating_sub(HEADER_BYTES)
    }

    /// Back to an empty body, keeping the memory.
    pub(super) fn clear(&mut self) {
        self.0.truncate(HEADER_BYTES);
    }
}

/// A socket whose reads end at a deadline, if there is one.
struct Timed {
    socket: TcpStream,
    deadline: Option<Instant>,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.set_read_timeout(Some(left))?;
        }
        self.socket.read(buffer)
    }
}

/// Both directions of a connection.
pub(super) struct Link {
    reader: BufReader<Timed>,
    writer: BufWriter<TcpStream>,
    message_bytes_max: u32,
}

impl Link {
    /// Every read until [`logged_in`](Self::logged_in) together may take `login_timeout`.
    pub(super) fn new(
        socket: TcpStream,
        login_bytes_max: u32,
        login_timeout: Duration,
        write_timeout: Duration,
    ) -> io::Result<Self> {
        // One message is one answer: waiting for more to send only adds latency.
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(write_timeout).filter(|timeout| !timeout.is_zero()))?;
        let writer = BufWriter::with_capacity(BUFFER_BYTES, socket.try_clone()?);
        let timed = Timed { socket, deadline: Instant::now().checked_add(login_timeout) };
        let reader = BufReader::with_capacity(BUFFER_BYTES, timed);
        Ok(Self { reader, writer, message_bytes_max: login_bytes_max })
    }

    /// From now on the client may be idle and send long messages.
    pub(super) fn logged_in(&mut self, message_bytes_max: u32) -> io::Result<()> {
        self.message_bytes_max = message_bytes_max;
        let timed = self.reader.get_mut();
        timed.deadline = None;
        timed.socket.set_read_timeout(None)
    }

    /// Waits for the next request.
    pub(super) fn receive(&mut self) -> Result<Message, LinkError> {
        let mut bytes = [0; HEADER_BYTES];
        self.reader.read_exact(&mut bytes)?;
        let header = Header::parse(&bytes);
        if header.body_bytes > self.message_bytes_max {
            return Err(LinkError::TooLarge { announced: header.body_bytes, max: self.message_bytes_max });
        }
        let mut body = Vec::new();
        // Grows as bytes arrive, so that a header alone costs nothing.
        let length = u64::from(header.body_bytes);
        let read = (&mut self.reader).take(length).read_to_end(&mut body)?;
        if read as u64 != length {
            return Err(LinkError::Closed);
        }
        let head = Head { count: header.count, statement_id: header.statement_id };
        Ok(Message { head, opcode: header.opcode(), body })
    }

    /// Sends a reply.
    pub(super) fn send(&mut self, head: Head, status: u16, body: &mut Body) -> Result<(), LinkError> {
        self.queue(head, status, body)?;
        Ok(self.writer.flush()?)
    }

    /// As [`send`](Self::send), but leaves together with the next reply.
    pub(super) fn queue(&mut self, head: Head, status: u16, body: &mut Body) -> Result<(), LinkError> {
        let length = u32::try_from(body.bytes_count())
            .map_err(|_| LinkError::Io(io::Error::other("a reply of 4 GiB or more cannot be framed")))?;
        let Head { count, statement_id } = head;
        let header = Header { body_bytes: length, count, statement_id, code: status.to_le_bytes() };
        if let Some(room) = body.0.first_chunk_mut::<HEADER_BYTES>() {
            *room = header.encode();
        }
        Ok(self.writer.write_all(&body.0)?)
    }
}
