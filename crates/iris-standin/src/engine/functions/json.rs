//! JSON constructors and tests. JSON text is written here and read by SQLite's own functions.

use rusqlite::Connection;
use rusqlite::types::{Value as Stored, ValueRef};

use super::super::convert::{Class, odbc_text};
use super::call::{scalar, strict, text};

/// A JSON string with its quotes.
fn quoted(value: &str) -> String {
    let mut json = String::with_capacity(value.len() + 2);
    json.push('"');
    for c in value.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c if u32::from(c) < 0x20 => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// A number as JSON writes it: `0.5`, where IRIS text has `.5`.
fn json_number(value: &str) -> String {
    if let Some(rest) = value.strip_prefix('.') {
        return format!("0.{rest}");
    }
    match value.strip_prefix("-.") {
        Some(rest) => format!("-0.{rest}"),
        None => value.to_owned(),
    }
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_json", 2, |call| {
        let class = Class::from_code(call.int(1));
        let value = odbc_text(call.raw(0), class).unwrap_or_default();
        text(if class.is_numeric() { json_number(&value) } else { quoted(&value) })
    })?;
    // (absent on null, key, json, key, json...)
    scalar(conn, "iris_json_object", -1, |call| {
        let absent = call.int(0) == 1;
        let mut json = String::from("{");
        let mut at = 1;
        while at + 1 < call.count() {
            let null = call.raw(at + 1) == ValueRef::Null;
            if !(absent && null) {
                if json.len() > 1 {
                    json.push(',');
                }
                json.push_str(&quoted(&call.text(at)));
                json.push(':');
                json.push_str(&if null { "null".to_owned() } else { call.text(at + 1) });
            }
            at += 2;
        }
        json.push('}');
        text(json)
    })?;
    scalar(conn, "iris_json_array", -1, |call| {
        let absent = call.int(0) == 1;
        let mut items = Vec::new();
        for at in 1..call.count() {
            match call.raw(at) {
                ValueRef::Null if absent => {}
                ValueRef::Null => items.push("null".to_owned()),
                _ => items.push(call.text(at)),
            }
        }
        text(format!("[{}]", items.join(",")))
    })?;
    strict(conn, "iris_is_json", 2, |call| {
        let value = call.text(0);
        let value = value.trim();
        let kind = match parse(value) {
            None => return Ok(Stored::Integer(0)),
            Some(kind) => kind,
        };
        let wanted = call.text(1);
        Ok(Stored::Integer(i64::from(wanted == "value" || wanted == kind)))
    })
}

/// `object`, `array` or `scalar`; `None` for text that is no JSON.
fn parse(text: &str) -> Option<&'static str> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
    reader.value(0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(match text.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        _ => "scalar",
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.bytes.get(self.at..)?.starts_with(word.as_bytes());
        found.then(|| self.at += word.len())
    }

    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > 100 {
            return None;
        }
        self.blanks();
        match self.peek()? {
            b'{' => self.members(b'}', depth, |reader, depth| {
                reader.blanks();
                reader.string()?;
                reader.blanks();
                reader.take(b':')?;
                reader.value(depth)
            }),
            b'[' => self.members(b']', depth, Self::value),
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn members(&mut self, close: u8, depth: u32, member: fn(&mut Self, u32) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.blanks();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            member(self, depth + 1)?;
            self.blanks();
            if self.take(close).is_some() {
                return Some(());
            }
            self.take(b',')?;
        }
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                byte if byte < 0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let digits = |reader: &mut Self| {
            let start = reader.at;
            while reader.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                reader.at += 1;
            }
            (reader.at > start).then_some(())
        };
        let _ = self.take(b'-');
        digits(self)?;
        if self.take(b'.').is_some() {
            digits(self)?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            digits(self)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_other_text() {
        for (text, kind) in [
            ("{\"a\": [1, 2.5e3, null]}", Some("object")),
            ("[]", Some("array")),
            ("\"x\\\"y\"", Some("scalar")),
            ("true", Some("scalar")),
            ("-0.5", Some("scalar")),
            ("{a:1}", None),
            ("[1,]", None),
            ("", None),
            ("1 2", None),
        ] {
            assert_eq!(parse(text), kind, "{text}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n\u{1}"), "\"a\\\"b\\\\c\\n\\u0001\"");
    }
}
