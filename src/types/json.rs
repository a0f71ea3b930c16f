//! Checks JSON text (RFC 8259, as `json_in` does) without building anything.

use crate::wire::{PgError, SqlState};

/// Checks a whole text. `jsonb` refuses `\u0000` too, which it could not store.
///
/// # Errors
/// 22P02, 22P05.
pub(super) fn check(text: &str, jsonb: bool) -> Result<(), Box<PgError>> {
    let mut scan = Scan { bytes: text.as_bytes(), position: 0, has_nul_escape: false };
    if !scan.document() {
        let detail = match text.get(scan.position..).and_then(|rest| rest.split_whitespace().next()) {
            Some(token) => format!("Token \"{}\" is invalid.", token.chars().take(64).collect::<String>()),
            None => "The input string ended unexpectedly.".to_owned(),
        };
        return Err(PgError::error(SqlState::INVALID_TEXT, "invalid input syntax for type json").detail(detail));
    }
    if jsonb && scan.has_nul_escape {
        // 22P05, untranslatable character.
        return Err(PgError::error(SqlState(*b"22P05"), "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."));
    }
    Ok(())
}

/// Whether a document that is right has a number in it.
pub(crate) fn has_number(text: &str) -> bool {
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'0'..=b'9' if !in_string => return true,
            _ => {}
        }
    }
    false
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
    has_nul_escape: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    Array,
    Object,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    /// One value and nothing else. The containers that are open stand on a stack of one byte each, never more than the
    /// text is long, so depth costs no recursion.
    fn document(&mut self) -> bool {
        let mut open: Vec<Container> = Vec::new();
        loop {
            // A value begins here.
            self.skip_blanks();
            let mut complete = match self.peek() {
                Some(b'{') => {
                    self.position += 1;
                    self.skip_blanks();
                    let empty = self.eat(b'}');
                    if !empty {
                        open.push(Container::Object);
                        if !self.key() {
                            return false;
                        }
                    }
                    empty
                }
                Some(b'[') => {
                    self.position += 1;
                    self.skip_blanks();
                    let empty = self.eat(b']');
                    if !empty {
                        open.push(Container::Array);
                    }
                    empty
                }
                _ => {
                    if !self.scalar() {
                        return false;
                    }
                    true
                }
            };
            // What was complete may complete what it stands in.
            while complete {
                self.skip_blanks();
                let Some(container) = open.last() else { return self.position == self.bytes.len() };
                if self.eat(b',') {
                    self.skip_blanks();
                    if *container == Container::Object && !self.key() {
                        return false;
                    }
                    complete = false;
                } else if self.eat(if *container == Container::Array { b']' } else { b'}' }) {
                    open.pop();
                } else {
                    return false;
                }
            }
        }
    }

    fn key(&mut self) -> bool {
        if !self.string() {
            return false;
        }
        self.skip_blanks();
        self.eat(b':')
    }

    fn scalar(&mut self) -> bool {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ => false,
        }
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let rest = self.bytes.get(self.position..).unwrap_or(&[]);
        let ends = !rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let found = rest.starts_with(word) && ends;
        if found {
            self.position += word.len();
        }
        found
    }

    fn string(&mut self) -> bool {
        if !self.eat(b'"') {
            return false;
        }
        loop {
            let rest = self.bytes.get(self.position..).unwrap_or(&[]);
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)) else {
                self.position = self.bytes.len();
                return false;
            };
            self.position += plain;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return true;
                }
                Some(b'\\') => {
                    self.position += 1;
                    if !self.escape() {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }

    fn escape(&mut self) -> bool {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position += 1;
                true
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.position + 1..self.position + 5).unwrap_or(&[]);
                let valid = digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit);
                self.has_nul_escape |= digits == b"0000";
                self.position += if valid { 5 } else { 0 };
                valid
            }
            _ => false,
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        self.position > start
    }

    fn number(&mut self) -> bool {
        self.eat(b'-');
        // A zero is not followed by more digits.
        if !self.eat(b'0') && !self.digits() {
            return false;
        }
        if self.eat(b'.') && !self.digits() {
            return false;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.position += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.position += 1;
            }
            if !self.digits() {
                return false;
            }
        }
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_in_takes() {
        for text in [
            "1",
            "-0.5e+10",
            "\"a\"",
            " null ",
            "true",
            "[]",
            "{}",
            "[1,2,[3,{\"a\":[]}]]",
            "{\"a\":1,\"b\":{\"c\":null}}",
            "\"\\u00e4\\n\\\"\"",
            "[ 1 , 2 ]",
            "\"\u{e4}\"",
            "{\"\":\"\"}",
        ] {
            assert!(check(text, true).is_ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "tru",
            "truex",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "'a'",
            "\"a",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "[",
            "{",
            "]",
            "nan",
            "1a",
        ] {
            let error = check(text, false).unwrap_err();
            assert_eq!(
                (error.code, error.message.as_str()),
                (SqlState::INVALID_TEXT, "invalid input syntax for type json"),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_costs_no_stack_and_nul_is_for_json_only() {
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert!(check(&deep, false).is_ok());
        assert!(check("\"\\u0000\"", false).is_ok());
        assert_eq!(check("\"\\u0000\"", true).unwrap_err().code.as_str(), "22P05");
        assert_eq!(check("{\"a\": bad}", false).unwrap_err().detail.as_deref(), Some("Token \"bad}\" is invalid."));
    }
}
