//! Frontend messages as bytes, and backend messages as lines of text.

pub const PROTOCOL_3_0: u32 = 0x0003_0000;
pub const PROTOCOL_3_2: u32 = 0x0003_0002;
pub const SSL_REQUEST: u32 = 80_877_103;
pub const GSSENC_REQUEST: u32 = 80_877_104;
pub const CANCEL_REQUEST: u32 = 80_877_102;

/// A typed message: tag, length, body.
pub fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend((body.len() as u32 + 4).to_be_bytes());
    out.extend(body);
    out
}

/// A message of the startup phase: length, body.
pub fn untagged(body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 4).to_be_bytes().to_vec();
    out.extend(body);
    out
}

pub fn startup(version: u32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        put_str(&mut body, name);
        put_str(&mut body, value);
    }
    body.push(0);
    untagged(&body)
}

pub fn cancel(key: &[u8]) -> Vec<u8> {
    let mut body = CANCEL_REQUEST.to_be_bytes().to_vec();
    body.extend(key);
    untagged(&body)
}

pub fn query(sql: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_str(&mut body, sql);
    frame(b'Q', &body)
}

pub fn parse(name: &str, sql: &str, oids: &[u32]) -> Vec<u8> {
    let mut body = Vec::new();
    put_str(&mut body, name);
    put_str(&mut body, sql);
    body.extend((oids.len() as u16).to_be_bytes());
    for oid in oids {
        body.extend(oid.to_be_bytes());
    }
    frame(b'P', &body)
}

pub fn bind(
    portal: &str,
    statement: &str,
    parameter_formats: &[u16],
    values: &[Option<&[u8]>],
    result_formats: &[u16],
) -> Vec<u8> {
    let mut body = Vec::new();
    put_str(&mut body, portal);
    put_str(&mut body, statement);
    put_u16s(&mut body, parameter_formats);
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            None => body.extend((-1i32).to_be_bytes()),
            Some(bytes) => {
                body.extend((bytes.len() as u32).to_be_bytes());
                body.extend(*bytes);
            }
        }
    }
    put_u16s(&mut body, result_formats);
    frame(b'B', &body)
}

/// Bind with text parameters and text results.
pub fn bind_text(portal: &str, statement: &str, values: &[&str]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| Some(value.as_bytes())).collect();
    bind(portal, statement, &[], &values, &[])
}

pub fn describe(kind: u8, name: &str) -> Vec<u8> {
    named(b'D', kind, name)
}

pub fn close(kind: u8, name: &str) -> Vec<u8> {
    named(b'C', kind, name)
}

pub fn execute(portal: &str, rows_max: u32) -> Vec<u8> {
    let mut body = Vec::new();
    put_str(&mut body, portal);
    body.extend(rows_max.to_be_bytes());
    frame(b'E', &body)
}

pub fn sync() -> Vec<u8> {
    frame(b'S', &[])
}

pub fn flush() -> Vec<u8> {
    frame(b'H', &[])
}

pub fn terminate() -> Vec<u8> {
    frame(b'X', &[])
}

pub fn copy_data(data: &str) -> Vec<u8> {
    frame(b'd', data.as_bytes())
}

pub fn copy_bytes(data: &[u8]) -> Vec<u8> {
    frame(b'd', data)
}

pub fn copy_done() -> Vec<u8> {
    frame(b'c', &[])
}

pub fn copy_fail(reason: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_str(&mut body, reason);
    frame(b'f', &body)
}

fn named(tag: u8, kind: u8, name: &str) -> Vec<u8> {
    let mut body = vec![kind];
    put_str(&mut body, name);
    frame(tag, &body)
}

fn put_str(body: &mut Vec<u8>, text: &str) {
    body.extend(text.as_bytes());
    body.push(0);
}

fn put_u16s(body: &mut Vec<u8>, values: &[u16]) {
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        body.extend(value.to_be_bytes());
    }
}

/// A backend message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Message {
    /// A field of ErrorResponse or NoticeResponse.
    pub fn field(&self, code: u8) -> Option<String> {
        let part = self.body.split(|byte| *byte == 0).find(|part| part.first() == Some(&code))?;
        Some(String::from_utf8_lossy(&part[1..]).into_owned())
    }

    pub fn sqlstate(&self) -> Option<String> {
        if self.tag == b'E' { self.field(b'C') } else { None }
    }

    /// The message on one line: what a script compares. Types are the oracle's business.
    pub fn line(&self) -> String {
        let mut cursor = Cursor(&self.body);
        match self.tag {
            b'1' => "ParseComplete".into(),
            b'2' => "BindComplete".into(),
            b'3' => "CloseComplete".into(),
            b'n' => "NoData".into(),
            b's' => "PortalSuspended".into(),
            b'I' => "EmptyQuery".into(),
            b'C' => format!("Complete {}", cursor.text()),
            b'Z' => format!("Ready {}", char::from(self.body[0])),
            b'E' => format!("Error {}", self.field(b'C').unwrap_or_default()),
            b'A' => {
                cursor.skip(4);
                format!("Notification {} '{}'", cursor.text(), cursor.text())
            }
            b'G' => format!("CopyIn {}", self.body[0]),
            b'H' => format!("CopyOut {} {}", self.body[0], self.body[2]),
            b'd' => match std::str::from_utf8(&self.body) {
                Ok(text) if !text.contains('\0') => format!("Data {text:?}"),
                _ => format!("Data x{}", hex(&self.body)),
            },
            b'c' => "CopyDone".into(),
            b't' => {
                let oids: Vec<_> = (0..cursor.u16()).map(|_| cursor.u32().to_string()).collect();
                format!("Parameters {}", oids.join(" ")).trim_end().to_owned()
            }
            b'T' => {
                let columns = (0..cursor.u16()).map(|_| {
                    let name = cursor.text();
                    cursor.skip(16);
                    format!("{name}:{}", cursor.u16())
                });
                format!("Columns {}", columns.collect::<Vec<_>>().join(" "))
            }
            b'D' => {
                let cells = (0..cursor.u16()).map(|_| match cursor.u32() {
                    u32::MAX => "NULL".to_owned(),
                    length => match std::str::from_utf8(cursor.take(length as usize)) {
                        Ok(text) if !text.contains(char::is_control) => format!("'{text}'"),
                        Ok(text) => format!("x{}", hex(text.as_bytes())),
                        Err(_) => "bytes".into(),
                    },
                });
                format!("Row {}", cells.collect::<Vec<_>>().join(" "))
            }
            tag => format!("{} {}", char::from(tag), hex(&self.body)),
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a well-formed body; a malformed one fails the test.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        head
    }

    fn skip(&mut self, count: usize) {
        self.take(count);
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take(4).try_into().unwrap())
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap();
        let text = String::from_utf8(self.take(end).to_vec()).unwrap();
        self.skip(1);
        text
    }
}
