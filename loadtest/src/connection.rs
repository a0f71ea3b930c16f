//! Just enough of the PostgreSQL protocol to ask one statement again and again.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Protocol;

/// No answer for this long is a failure, not a latency.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The requests of a statement, but for its number.
#[derive(Debug, Clone)]
pub struct Template {
    sql: String,
    protocol: Protocol,
    has_number: bool,
}

impl Template {
    pub fn new(sql: &str, protocol: Protocol) -> Self {
        let has_number = sql.contains("{}");
        let sql = if protocol == Protocol::Simple { sql.to_owned() } else { sql.replace("{}", "$1") };
        Self { sql, protocol, has_number }
    }

    /// What is sent once, before the load.
    fn preparation(&self) -> Vec<u8> {
        if self.protocol == Protocol::Prepared { [self.parse("s"), message(b'S', &[])].concat() } else { Vec::new() }
    }

    fn parse(&self, name: &str) -> Vec<u8> {
        let mut body = Vec::new();
        put_str(&mut body, name);
        put_str(&mut body, &self.sql);
        // The parameter is an int4 (OID 23).
        body.extend(u16::from(self.has_number).to_be_bytes());
        if self.has_number {
            body.extend(23u32.to_be_bytes());
        }
        message(b'P', &body)
    }

    /// Appends one request.
    fn request(&self, number: u32, out: &mut Vec<u8>) {
        if self.protocol == Protocol::Simple {
            let mut body = Vec::new();
            put_str(&mut body, &self.sql.replace("{}", &number.to_string()));
            out.extend(message(b'Q', &body));
            return;
        }
        let name = if self.protocol == Protocol::Prepared { "s" } else { "" };
        if self.protocol == Protocol::Extended {
            out.extend(self.parse(name));
        }
        let mut bind = Vec::new();
        put_str(&mut bind, "");
        put_str(&mut bind, name);
        bind.extend([0, 1, 0, 1]);
        bind.extend(u16::from(self.has_number).to_be_bytes());
        if self.has_number {
            bind.extend(4u32.to_be_bytes());
            bind.extend(number.to_be_bytes());
        }
        bind.extend([0, 0]);
        out.extend(message(b'B', &bind));
        if self.protocol == Protocol::Extended {
            out.extend(message(b'D', b"P\0"));
        }
        out.extend(message(b'E', &[0, 0, 0, 0, 0]));
        out.extend(message(b'S', &[]));
    }
}

fn put_str(body: &mut Vec<u8>, text: &str) {
    body.extend(text.as_bytes());
    body.push(0);
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
    out
}

pub struct Connection {
    stream: TcpStream,
    template: Template,
    output: Vec<u8>,
    input: Input,
}

impl Connection {
    pub fn open(address: SocketAddr, user: &str, database: &str, template: Template) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut startup = 0x0003_0000u32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", "loadtest"] {
            put_str(&mut startup, text);
        }
        startup.push(0);
        let mut connection = Self { stream, template, output: Vec::new(), input: Input::default() };
        let mut packet = (startup.len() as u32 + 4).to_be_bytes().to_vec();
        packet.extend(startup);
        connection.stream.write_all(&packet)?;
        connection.ready()?;
        let preparation = connection.template.preparation();
        if !preparation.is_empty() {
            connection.stream.write_all(&preparation)?;
            connection.ready()?;
        }
        Ok(connection)
    }

    fn ready(&mut self) -> io::Result<()> {
        match self.input.until_ready(&mut self.stream)? {
            None => Ok(()),
            Some(error) => Err(io::Error::other(error)),
        }
    }

    /// Sends one request and reads its answer; the text of an ErrorResponse, if there was one.
    pub fn request(&mut self, number: u32) -> io::Result<Option<String>> {
        self.output.clear();
        self.template.request(number, &mut self.output);
        self.stream.write_all(&self.output)?;
        self.input.until_ready(&mut self.stream)
    }

    pub fn terminate(mut self) {
        // The server may be gone; nothing is owed to it.
        let _ = self.stream.write_all(&message(b'X', &[]));
    }
}

/// Bytes received and not yet read.
#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    start: usize,
}

impl Input {
    /// Reads up to ReadyForQuery; gives the first error on the way.
    fn until_ready(&mut self, stream: &mut impl Read) -> io::Result<Option<String>> {
        let mut first_error = None;
        loop {
            while let Some((tag, body)) = self.take_message()? {
                match tag {
                    b'Z' => return Ok(first_error),
                    b'E' => {
                        let text = error_text(&body);
                        if text.starts_with("FATAL") {
                            return Err(io::Error::other(text));
                        }
                        first_error.get_or_insert(text);
                    }
                    b'R' if body.get(..4).is_some_and(|kind| kind != [0; 4]) => {
                        return Err(io::Error::other("the server asks for a password: loadtest needs `trust`"));
                    }
                    _ => {}
                }
            }
            self.bytes.drain(..self.start);
            self.start = 0;
            let mut part = [0; 16_384];
            let count = stream.read(&mut part)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.bytes.extend(part.iter().take(count));
        }
    }

    fn take_message(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<5>() else { return Ok(None) };
        let [tag, length @ ..] = *header;
        let length = u32::from_be_bytes(length) as usize;
        let Some(body_length) = length.checked_sub(4) else {
            return Err(io::Error::other(format!("message of length {length}")));
        };
        let Some(body) = rest.get(..body_length) else { return Ok(None) };
        // Only what is looked at is kept.
        let body = if matches!(tag, b'E' | b'R') { body.to_vec() } else { Vec::new() };
        self.start += 1 + length;
        Ok(Some((tag, body)))
    }
}

/// `SEVERITY SQLSTATE: message`.
fn error_text(body: &[u8]) -> String {
    let field = |code: u8| {
        let part = body.split(|byte| *byte == 0).find(|part| part.first() == Some(&code)).unwrap_or_default();
        String::from_utf8_lossy(part.get(1..).unwrap_or_default()).into_owned()
    };
    format!("{} {}: {}", field(b'S'), field(b'C'), field(b'M'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_however_they_are_cut() {
        let error = message(b'E', b"SERROR\0C42P01\0Mno such table\0\0");
        let bytes =
            [message(b'T', b"any"), message(b'C', b"SELECT 1\0"), message(b'Z', b"I"), error, message(b'Z', b"E")]
                .concat();
        for size in [1, 2, 3, 7, bytes.len()] {
            struct Cut<'a>(&'a [u8], usize);
            impl Read for Cut<'_> {
                fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                    let count = self.1.min(self.0.len());
                    out[..count].copy_from_slice(&self.0[..count]);
                    self.0 = &self.0[count..];
                    Ok(count)
                }
            }
            let mut input = Input::default();
            let mut stream = Cut(&bytes, size);
            assert_eq!(input.until_ready(&mut stream).unwrap(), None);
            assert_eq!(input.until_ready(&mut stream).unwrap().as_deref(), Some("ERROR 42P01: no such table"));
            assert!(input.until_ready(&mut stream).is_err(), "the stream ended");
        }
    }

    #[test]
    fn requests_of_each_protocol() {
        let tags = |protocol| {
            let mut out = Vec::new();
            Template::new("select {}", protocol).request(5, &mut out);
            let mut tags = String::new();
            let mut rest = out.as_slice();
            while let [tag, a, b, c, d, ..] = *rest {
                tags.push(char::from(tag));
                rest = &rest[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
            }
            tags
        };
        assert_eq!(tags(Protocol::Simple), "Q");
        assert_eq!(tags(Protocol::Extended), "PBDES");
        assert_eq!(tags(Protocol::Prepared), "BES");
        assert_eq!(Template::new("select {}", Protocol::Prepared).preparation()[0], b'P');
    }
}
