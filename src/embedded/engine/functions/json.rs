//! JSON: `IS JSON`, JSON_OBJECT, JSON_ARRAY and the columns of JSON_TABLE.
//!
//! A JSON text is checked and cut by [`Reader`], which keeps its parts as they are written: a number comes out digit
//! for digit as it went in.

use rusqlite::Connection;
use rusqlite::types::{Value as Stored, ValueRef};

use super::super::convert::{self, Class};
use super::{raise, scalar, strict, text};

/// Deeper nesting than this is no JSON here: reading is recursive.
const DEPTH_MAX: u32 = 200;

pub fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_is_json", 2, |call| {
        let given = call.text(0);
        let is = kind(&given).is_some_and(|kind| match call.text(1).as_str() {
            "array" => kind == Kind::Array,
            "object" => kind == Kind::Object,
            "scalar" => !matches!(kind, Kind::Array | Kind::Object),
            _ => true,
        });
        Ok(Stored::Integer(i64::from(is)))
    })?;
    // (value, class): one value as JSON text.
    scalar(conn, "iris_json", 2, |call| {
        let class = Class::from_code(call.int(1));
        match call.raw(0) {
            ValueRef::Null => Ok(Stored::Null),
            value => text(value_text(value, class)),
        }
    })?;
    // (absent on null, key, value, ...): values are JSON text or NULL.
    scalar(conn, "iris_json_object", -1, |call| {
        let absent = call.int(0) == 1;
        let mut pairs = Vec::new();
        let mut at = 1usize;
        while at.saturating_add(1) < call.count() {
            let value = match call.raw(at.saturating_add(1)) {
                ValueRef::Null if absent => None,
                ValueRef::Null => Some("null".to_owned()),
                _ => Some(call.text(at.saturating_add(1))),
            };
            if call.raw(at) == ValueRef::Null {
                return Err(raise(400, "JSON_OBJECT: a key is NULL"));
            }
            if let Some(value) = value {
                pairs.push(format!("{}:{value}", quoted(&call.text(at))));
            }
            at = at.saturating_add(2);
        }
        text(format!("{{{}}}", pairs.join(",")))
    })?;
    // (absent on null, value, ...)
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
    // (value, type of json_each, path): a column of JSON_TABLE.
    scalar(conn, "iris_json_item", 3, |call| {
        let path = call.text(2);
        let steps = steps(&path).ok_or_else(|| raise(400, &format!("Invalid JSON path '{path}'")))?;
        if call.raw(0) == ValueRef::Null {
            return Ok(Stored::Null);
        }
        let json_type = call.text(1);
        if !matches!(json_type.as_str(), "object" | "array") {
            return match (&steps[..], json_type.as_str()) {
                ([], "true") => text("1"),
                ([], "false") => text("0"),
                ([], _) => text(call.text(0)),
                _ => Ok(Stored::Null),
            };
        }
        let document = call.text(0);
        match find(&document, &steps) {
            Some(found) => scalar_text(found),
            None => Ok(Stored::Null),
        }
    })
}

/// A value as JSON: numbers bare and canonical, everything else quoted; dates in the form clients see.
pub fn value_text(value: ValueRef<'_>, class: Class) -> String {
    match (value, class) {
        (ValueRef::Null, _) => "null".to_owned(),
        (_, Class::Int | Class::Decimal | Class::Double) => {
            convert::number(value, class).unwrap_or(super::Dec::ZERO).text()
        }
        // The vector's own text is a list of numbers.
        (_, Class::Vector) => format!("[{}]", convert::logical_text(value, class).unwrap_or_default()),
        // An empty string is $CHAR(0), and JSON shows that.
        (ValueRef::Text([]), _) => "\"\\u0000\"".to_owned(),
        _ => quoted(&convert::odbc_text(value, class).unwrap_or_default()),
    }
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// What a text is as JSON; None: no JSON.
pub fn kind(text: &str) -> Option<Kind> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.blanks();
    let kind = reader.value(&mut |_, _| ())?;
    reader.blanks();
    (reader.at == text.len()).then_some(kind)
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// `$`, `$.a.b`, `$['a b'][0]`, `lax $.a`, or a bare `a.b`. None: not of this form.
pub fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path.trim();
    let path = path.strip_prefix("lax ").or_else(|| path.strip_prefix("strict ")).unwrap_or(path).trim();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    let mut bare = !path.starts_with('$') && !rest.is_empty();
    while !rest.is_empty() {
        if bare || rest.starts_with('.') {
            rest = rest.strip_prefix('.').unwrap_or(rest);
            bare = false;
            if let Some(quoted) = rest.strip_prefix('"') {
                let end = quoted.find('"')?;
                steps.push(Step::Key(quoted.get(..end)?.to_owned()));
                rest = quoted.get(end.checked_add(1)?..)?;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let key = rest.get(..end)?.trim();
                if key.is_empty() {
                    return None;
                }
                steps.push(Step::Key(key.to_owned()));
                rest = rest.get(end..)?;
            }
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        let end = inner.find(']')?;
        let subscript = inner.get(..end)?.trim();
        rest = inner.get(end.checked_add(1)?..)?;
        let quote = subscript.chars().next().filter(|c| matches!(c, '\'' | '"'));
        steps.push(match quote {
            Some(quote) => Step::Key(subscript.strip_prefix(quote)?.strip_suffix(quote)?.to_owned()),
            None => Step::Index(subscript.parse().ok()?),
        });
    }
    Some(steps)
}

/// The part of a document at a path, as written.
pub fn find<'a>(document: &'a str, steps: &[Step]) -> Option<&'a str> {
    let mut part = document.trim();
    for step in steps {
        let mut reader = Reader { text: part, at: 0, depth: 0 };
        let mut found = None;
        let mut index = 0usize;
        reader.value(&mut |key, value| {
            let here = match (step, key) {
                // The last of equal keys counts.
                (Step::Key(wanted), Some(key)) => unquoted(key).is_some_and(|key| key == *wanted),
                (Step::Index(wanted), None) => *wanted == index,
                _ => false,
            };
            if here {
                found = Some(value);
            }
            index = index.saturating_add(1);
        })?;
        part = found?;
    }
    Some(part)
}

/// A part as the text of an SQL value: strings without quotes, null as NULL, booleans as 1 and 0.
fn scalar_text(part: &str) -> rusqlite::Result<Stored> {
    match part {
        "null" => Ok(Stored::Null),
        "true" => text("1"),
        "false" => text("0"),
        part if part.starts_with('"') => text(unquoted(part).unwrap_or_default()),
        part => text(part),
    }
}

/// The content of a JSON string. None: not a whole string.
fn unquoted(part: &str) -> Option<String> {
    let inner = part.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match characters.next()? {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => {
                let high = four_digits(&mut characters)?;
                let code = if (0xD800..0xDC00).contains(&high) {
                    // The other half of the pair follows as a second escape.
                    if characters.next()? != '\\' || characters.next()? != 'u' {
                        return None;
                    }
                    let low = four_digits(&mut characters)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
                    0x1_0000u32.checked_add((high.checked_sub(0xD800)? << 10) | low)?
                } else {
                    high
                };
                text.push(char::from_u32(code)?);
            }
            other => text.push(other),
        }
    }
    Some(text)
}

fn four_digits(characters: &mut std::str::Chars<'_>) -> Option<u32> {
    let mut code = 0u32;
    for _ in 0..4 {
        code = (code << 4) | characters.next()?.to_digit(16)?;
    }
    Some(code)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.byte()? != byte {
            return None;
        }
        self.at = self.at.checked_add(1)?;
        Some(())
    }

    fn blanks(&mut self) {
        while self.byte().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Reads one value. `part` gets each direct member: its key (objects only, quotes included) and its text.
    fn value(&mut self, part: &mut dyn FnMut(Option<&'a str>, &'a str)) -> Option<Kind> {
        self.blanks();
        match self.byte()? {
            b'{' => self.members(b'}', true, part).map(|()| Kind::Object),
            b'[' => self.members(b']', false, part).map(|()| Kind::Array),
            b'"' => self.string().map(|_| Kind::String),
            b't' => self.word("true").map(|()| Kind::Bool),
            b'f' => self.word("false").map(|()| Kind::Bool),
            b'n' => self.word("null").map(|()| Kind::Null),
            _ => self.number().map(|()| Kind::Number),
        }
    }

    fn members(
        &mut self,
        close: u8,
        keyed: bool,
        part: &mut dyn FnMut(Option<&'a str>, &'a str),
    ) -> Option<()> {
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= DEPTH_MAX)?;
        self.at = self.at.checked_add(1)?;
        self.blanks();
        if self.byte()? != close {
            loop {
                self.blanks();
                let key = if keyed {
                    let key = self.string()?;
                    self.blanks();
                    self.take(b':')?;
                    Some(key)
                } else {
                    None
                };
                self.blanks();
                let from = self.at;
                self.value(&mut |_, _| ())?;
                part(key, self.text.get(from..self.at)?);
                self.blanks();
                if self.take(b',').is_none() {
                    break;
                }
            }
        }
        self.take(close)?;
        self.depth = self.depth.saturating_sub(1);
        Some(())
    }

    /// Quotes included.
    fn string(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.take(b'"')?;
        loop {
            match self.byte()? {
                b'"' => {
                    self.at = self.at.checked_add(1)?;
                    return self.text.get(from..self.at);
                }
                b'\\' => {
                    self.at = self.at.checked_add(1)?;
                    match self.byte()? {
                        b'u' => {
                            let digits = self.text.get(self.at.checked_add(1)?..self.at.checked_add(5)?)?;
                            if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                                return None;
                            }
                        }
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        _ => return None,
                    }
                    self.at = self.at.checked_add(1)?;
                }
                byte if byte < b' ' => return None,
                _ => self.at = self.at.checked_add(1)?,
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.strip_prefix(word)?;
        self.at = self.at.checked_add(word.len())?;
        Some(())
    }

    fn digits(&mut self) -> Option<usize> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at = self.at.saturating_add(1);
        }
        self.at.checked_sub(from).filter(|count| *count > 0)
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        let leading_zero = self.byte() == Some(b'0');
        if self.digits()? > 1 && leading_zero {
            return None;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.byte().is_some_and(|byte| matches!(byte, b'e' | b'E')) {
            self.at = self.at.checked_add(1)?;
            if self.byte().is_some_and(|byte| matches!(byte, b'+' | b'-')) {
                self.at = self.at.checked_add(1)?;
            }
            self.digits()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_json() {
        for (text, expected) in [
            (r#"{"a": [1, -2.5e3, "x\u00e9\n", true, null], "b": {}}"#, Some(Kind::Object)),
            (" [ ] ", Some(Kind::Array)),
            ("\"a\"", Some(Kind::String)),
            ("-0.5", Some(Kind::Number)),
            ("null", Some(Kind::Null)),
            ("01", None),
            ("{a:1}", None),
            ("[1,]", None),
            ("\"a", None),
            ("\"\\x\"", None),
            ("1 2", None),
            ("", None),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
        assert_eq!(kind(&"[".repeat(100_000)), None);
    }

    #[test]
    fn paths_lead_to_parts() {
        let document = r#"{"a": {"b c": [10, {"d": "x\ud83d\ude00"}]}, "e": null}"#;
        let at = |path: &str| find(document, &steps(path).unwrap());
        assert_eq!(at("$.a['b c'][0]"), Some("10"));
        assert_eq!(at("$.a.\"b c\"[1].d").and_then(unquoted).as_deref(), Some("x😀"));
        assert_eq!(at("lax $.e"), Some("null"));
        assert_eq!(at("e"), Some("null"));
        assert_eq!(at("$.a.nope"), None);
        assert_eq!(steps("$..a"), None);
        assert_eq!(steps("$[x]"), None);
    }

    #[test]
    fn values_are_written_as_json() {
        assert_eq!(value_text(ValueRef::Text(b"1.50"), Class::Decimal), "1.5");
        assert_eq!(value_text(ValueRef::Text(b"a\"b\n"), Class::Text), r#""a\"b\n""#);
        assert_eq!(value_text(ValueRef::Text(b""), Class::Text), r#""\u0000""#);
        assert_eq!(value_text(ValueRef::Integer(66_841), Class::Date), "\"2024-01-02\"");
    }
}
