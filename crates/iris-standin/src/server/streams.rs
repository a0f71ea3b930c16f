//! Contents of LONGVARCHAR and LONGVARBINARY cells and of uploads, by handle (facts, sections 9 and 18.6).
//!
//! A handle is text that names the stream and holds a random tag of the connection, so that a parameter that is a handle
//! can be told from ordinary text. Contents live until the statement that gave them runs again or CS closes them; when
//! the connection holds too much, the statements that ran longest ago lose theirs, and their handles are refused.

use std::{borrow::Cow, collections::HashMap};

use crate::engine::{SqlError, Value};
use iris_protocol::{
    ItemReader, Opcode,
    list::{Item, latin1_to_string, put_int, put_string},
};

use super::transport::{Body, Message};

/// Longest handle text worth comparing with the known ones.
const HANDLE_BYTES_MAX: usize = 96;

enum Content {
    Text(String),
    Binary(Vec<u8>),
    /// Uploaded text as it came, UTF-8 or CESU-8: a piece may end between two surrogates.
    Upload(Vec<u8>),
}

impl Content {
    fn bytes_count(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Upload(bytes) => bytes.len(),
        }
    }
}

struct Stream {
    content: Content,
    uploaded: bool,
    /// Where the next JS reads on, in bytes.
    position: usize,
    /// The last piece ended within a pair: its second unit is still owed.
    half_pair: bool,
}

/// All streams of one connection.
pub(super) struct Streams {
    tag: String,
    streams: HashMap<u64, Stream>,
    /// Statements whose last run gave streams.
    runs: HashMap<u32, Run>,
    /// The statement that began last, and how many did.
    current: u32,
    begun: u64,
    next: u64,
    bytes: usize,
    bytes_max: usize,
}

struct Run {
    /// Which run of the connection it was.
    order: u64,
    handles: Vec<u64>,
}

/// What GB and JS ask for.
#[derive(Clone, Copy)]
enum Piece {
    /// From the last position on.
    Next { size: i64 },
    /// `start` counts from 1.
    At { start: i64, size: i64 },
}

impl Streams {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            tag: random_tag(),
            streams: HashMap::new(),
            runs: HashMap::new(),
            current: 0,
            begun: 0,
            next: 1,
            bytes: 0,
            bytes_max,
        }
    }

    /// A statement begins to give rows: the streams of its last run are gone.
    pub(super) fn begin(&mut self, statement_id: u32) {
        self.drop_run(statement_id);
        self.current = statement_id;
        self.begun += 1;
    }

    /// The text of a new handle for a cell of the statement that began last.
    ///
    /// # Errors
    /// Its streams alone are more than a connection may hold.
    pub(super) fn put_cell(&mut self, value: &Value, binary: bool) -> Result<String, SqlError> {
        let content = match (value, binary) {
            (Value::Bytes(bytes), true) => Content::Binary(bytes.clone()),
            (Value::Bytes(bytes), false) => Content::Text(latin1_to_string(bytes)),
            (Value::Text(text), true) => Content::Binary(text.clone().into_bytes()),
            (Value::Text(text), false) => Content::Text(text.clone()),
            (Value::Int(number), _) => Content::Text(number.to_string()),
            (Value::Double(number), _) => Content::Text(number.to_string()),
            (Value::Decimal(number), _) => Content::Text(iris_protocol::decimal::to_string(*number)),
            (Value::Null, _) => Content::Text(String::new()),
        };
        self.make_room(content.bytes_count())?;
        let number = self.insert(content, false);
        let order = self.begun;
        let run = self.runs.entry(self.current).or_insert_with(|| Run { order, handles: Vec::new() });
        run.handles.push(number);
        Ok(self.handle(number, binary))
    }

    /// SM or SB: a piece of an upload. Gives the handle's text.
    ///
    /// # Errors
    /// Not understood, an unknown handle, or too much.
    pub(super) fn upload(&mut self, body: &[u8], binary: bool) -> Result<String, SqlError> {
        let mut reader = ItemReader::new(body);
        let handle = reader.need_raw("stream handle").map_err(|error| super::errors::malformed(&error.to_string()))?;
        // The announced count is of units: what counts is the data to the end of the message.
        let Some((_count, data)) = reader.rest().split_first_chunk::<4>() else {
            return Err(super::errors::malformed("stream piece without a size"));
        };
        let first = matches!(handle.decode(), Ok(Item::Int(0) | Item::Null | Item::Empty));
        self.make_room(data.len())?;
        if first {
            let bytes = data.to_vec();
            let content = if binary { Content::Binary(bytes) } else { Content::Upload(bytes) };
            let number = self.insert(content, true);
            return Ok(self.handle(number, binary));
        }
        let number = self.number(handle.payload()).ok_or_else(unknown)?;
        match self.streams.get_mut(&number).map(|stream| &mut stream.content) {
            Some(Content::Binary(bytes)) if binary => bytes.extend_from_slice(data),
            Some(Content::Upload(bytes)) if !binary => bytes.extend_from_slice(data),
            _ => return Err(unknown()),
        }
        self.bytes += data.len();
        Ok(self.handle(number, binary))
    }

    /// The contents when a parameter is the handle of a stream; None for anything else.
    ///
    /// # Errors
    /// The stream holds no text.
    pub(super) fn resolve(&self, payload: &[u8]) -> Option<Result<Value, SqlError>> {
        let stream = self.streams.get(&self.number(payload)?)?;
        Some(match &stream.content {
            Content::Text(text) => Ok(Value::Text(text.clone())),
            Content::Binary(bytes) => Ok(Value::Bytes(bytes.clone())),
            Content::Upload(bytes) => match text_of(bytes) {
                Some(text) => Ok(Value::Text(text.into_owned())),
                None => Err(SqlError::execute(412, "Uploaded stream is not UTF-8")),
            },
        })
    }

    /// The statement that used uploads has run.
    pub(super) fn drop_uploads(&mut self) {
        let mut freed = 0usize;
        self.streams.retain(|_, stream| {
            if stream.uploaded {
                freed += stream.content.bytes_count();
            }
            !stream.uploaded
        });
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// Answers SS, JS, GB and GP; does what CS says. None: no reply.
    ///
    /// # Errors
    /// Not understood, or a handle that is not (or no longer) known. The body of that reply is empty, since clients read
    /// it whatever the status.
    pub(super) fn answer(&mut self, message: &Message) -> Option<Result<Body, SqlError>> {
        let mut reader = ItemReader::new(&message.body);
        if message.opcode == Opcode::STREAMS_CLOSE {
            self.close(message.head.statement_id, &mut reader);
            return None;
        }
        Some(self.read(message.opcode, &mut reader))
    }

    /// Messages of [`answer`](Self::answer): they touch no statement, so an open result stays as it is.
    pub(super) fn handles(opcode: Opcode) -> bool {
        matches!(
            opcode,
            Opcode::STREAM_SIZE
                | Opcode::STREAM_READ
                | Opcode::STREAM_PIECE
                | Opcode::STREAM_SEARCH
                | Opcode::STREAMS_CLOSE
        )
    }

    fn read(&mut self, opcode: Opcode, reader: &mut ItemReader<'_>) -> Result<Body, SqlError> {
        let malformed = |error: iris_protocol::ListError| super::errors::malformed(&error.to_string());
        let handle = reader.need_raw("stream handle").map_err(malformed)?;
        let number = self.number(handle.payload()).ok_or_else(unknown)?;
        let stream = self.streams.get_mut(&number).ok_or_else(unknown)?;
        let mut body = Body::new();
        match opcode {
            Opcode::STREAM_SIZE => {
                stream.position = 0;
                stream.half_pair = false;
                put_int(body.out(), i64::try_from(stream.units_count()).unwrap_or(i64::MAX));
            }
            Opcode::STREAM_READ => {
                let size = if reader.is_empty() { -1 } else { reader.int("size").map_err(malformed)? };
                stream.piece(Piece::Next { size }, body.out());
            }
            Opcode::STREAM_PIECE => {
                let start = reader.int("position").map_err(malformed)?;
                let size = reader.int("length").map_err(malformed)?;
                stream.piece(Piece::At { start, size }, body.out());
            }
            Opcode::STREAM_SEARCH => {
                let start = reader.int("start").map_err(malformed)?;
                let pattern = reader.bytes("pattern").map_err(malformed)?;
                put_int(body.out(), stream.search(start, pattern));
            }
            _ => return Err(super::errors::malformed("not a stream request")),
        }
        Ok(body)
    }

    /// CS with 0: all of the statement; with a handle: that one. Others are ignored, for want of a reply.
    fn close(&mut self, statement_id: u32, reader: &mut ItemReader<'_>) {
        let Ok(Some(item)) = reader.raw() else { return };
        if matches!(item.decode(), Ok(Item::Int(0) | Item::Null)) {
            self.drop_run(statement_id);
        } else if let Some(number) = self.number(item.payload()) {
            self.remove(number);
        }
    }

    fn handle(&self, number: u64, binary: bool) -> String {
        let class = if binary { "%Stream.GlobalBinary" } else { "%Stream.GlobalCharacter" };
        format!("{number}@{class}.{}", self.tag)
    }

    fn number(&self, payload: &[u8]) -> Option<u64> {
        if payload.len() > HANDLE_BYTES_MAX || self.streams.is_empty() {
            return None;
        }
        let text = std::str::from_utf8(payload).ok()?;
        let (number, class) = text.split_once('@')?;
        let tag = class.strip_prefix("%Stream.Global")?.rsplit_once('.')?.1;
        (tag == self.tag).then(|| number.parse().ok())?
    }

    fn insert(&mut self, content: Content, uploaded: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bytes += content.bytes_count();
        self.streams.insert(number, Stream { content, uploaded, position: 0, half_pair: false });
        number
    }

    fn remove(&mut self, number: u64) {
        if let Some(stream) = self.streams.remove(&number) {
            self.bytes = self.bytes.saturating_sub(stream.content.bytes_count());
        }
    }

    fn drop_run(&mut self, statement_id: u32) {
        for number in self.runs.remove(&statement_id).map(|run| run.handles).unwrap_or_default() {
            self.remove(number);
        }
    }

    fn make_room(&mut self, needed: usize) -> Result<(), SqlError> {
        while self.bytes.saturating_add(needed) > self.bytes_max {
            let old = self.runs.iter().filter(|(_, run)| run.order != self.begun);
            match old.min_by_key(|(_, run)| run.order).map(|(&statement_id, _)| statement_id) {
                Some(statement_id) => self.drop_run(statement_id),
                None => {
                    let text = format!("Streams of this connection exceed {} bytes", self.bytes_max);
                    return Err(SqlError::execute(462, text));
                }
            }
        }
        Ok(())
    }
}

impl Stream {
    /// UTF-16 units of text, bytes otherwise.
    fn units_count(&self) -> usize {
        match &self.content {
            Content::Text(text) => units_count(text),
            Content::Binary(bytes) => bytes.len(),
            Content::Upload(bytes) => text_of(bytes).map_or(0, |text| units_count(&text)),
        }
    }

    fn piece(&mut self, piece: Piece, out: &mut Vec<u8>) {
        let amount = |size: i64| usize::try_from(size).unwrap_or(usize::MAX);
        let (start, size) = match piece {
            Piece::Next { size } => (None, amount(size)),
            Piece::At { start, size } => (Some(usize::try_from(start.saturating_sub(1)).unwrap_or(0)), amount(size)),
        };
        match &self.content {
            Content::Binary(bytes) => {
                let from = start.unwrap_or(self.position).min(bytes.len());
                let to = from.saturating_add(size).min(bytes.len());
                out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
                if start.is_none() {
                    self.position = to;
                }
            }
            Content::Text(text) => match start {
                Some(units) => {
                    let from = offset_of(text, units).0;
                    let to = from + offset_of(text.get(from..).unwrap_or_default(), size).0;
                    out.extend_from_slice(text.get(from..to).unwrap_or_default().as_bytes());
                }
                None => self.next_text(size, out),
            },
            Content::Upload(_) => {}
        }
    }

    /// The next `size` units. A pair that a piece cuts in two goes whole with the first piece, since UTF-8 has no halves;
    /// the next piece begins with U+FFFD for the unit it owes, so that the counts of the client stay right.
    fn next_text(&mut self, size: usize, out: &mut Vec<u8>) {
        let Content::Text(text) = &self.content else { return };
        let mut size = size;
        if self.half_pair && size > 0 {
            out.extend_from_slice("\u{fffd}".as_bytes());
            self.half_pair = false;
            size -= 1;
        }
        let rest = text.get(self.position..).unwrap_or_default();
        let (bytes, half) = offset_of(rest, size);
        out.extend_from_slice(rest.get(..bytes).unwrap_or_default().as_bytes());
        self.position += bytes;
        self.half_pair |= half;
    }

    /// Position of `pattern`, both counted from 1; -1 when it is not there.
    fn search(&self, start: i64, pattern: &[u8]) -> i64 {
        let skip = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
        let (haystack, from) = match &self.content {
            Content::Text(text) => (text.as_bytes(), offset_of(text, skip).0),
            Content::Binary(bytes) => (bytes.as_slice(), skip.min(bytes.len())),
            Content::Upload(_) => return -1,
        };
        let Some(found) = haystack.get(from..).and_then(|rest| memchr::memmem::find(rest, pattern)) else { return -1 };
        let at = from + found;
        let units = match &self.content {
            Content::Text(text) => text.get(..at).map_or(0, units_count),
            _ => at,
        };
        i64::try_from(units).map_or(-1, |units| units.saturating_add(1))
    }
}

fn units_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Bytes of the first `units` UTF-16 units, a pair cut in two counted whole; and whether one was.
fn offset_of(text: &str, units: usize) -> (usize, bool) {
    // Every character has at least as many bytes as units.
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return (at, false);
        }
        match left.checked_sub(c.len_utf16()) {
            Some(rest) => left = rest,
            None => return (at + c.len_utf8(), true),
        }
    }
    (text.len(), false)
}

/// UTF-8, or CESU-8 as JDBC writes characters beyond U+FFFF. None for anything else.
fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        if let [0xed, a @ 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ 0x80..=0xbf, tail @ ..] = rest {
            let high = u32::from(a & 0x0f) << 6 | u32::from(b & 0x3f);
            let low = u32::from(c & 0x0f) << 6 | u32::from(d & 0x3f);
            text.push(char::from_u32(0x1_0000 + (high << 10 | low))?);
            rest = tail;
            continue;
        }
        let valid = match std::str::from_utf8(rest) {
            Ok(valid) => valid.len(),
            Err(error) => error.valid_up_to(),
        };
        if valid == 0 {
            return None;
        }
        let (good, tail) = rest.split_at_checked(valid)?;
        text.push_str(std::str::from_utf8(good).ok()?);
        rest = tail;
    }
    Some(Cow::Owned(text))
}

fn unknown() -> SqlError {
    SqlError::execute(412, "No such stream on this connection")
}

fn random_tag() -> String {
    let mut bytes = [0u8; 8];
    // Without randomness handles stay unique within the connection; only their likeness to user text grows.
    if getrandom::fill(&mut bytes).is_err() {
        tracing::warn!("no random numbers for stream handles");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The item of a handle.
pub(super) fn put_handle(out: &mut Vec<u8>, handle: &str) {
    put_string(out, handle);
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
