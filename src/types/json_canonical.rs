//! The text of a jsonb (`jsonb_out`): one spelling for each value but for the digits of numbers.

use super::json;
use super::numeric::DecimalDigits;
use crate::wire::{PgError, SqlState};

/// Digits of a number in plain notation: numeric's own limit before the point.
const NUMBER_DIGITS_MAX: i64 = 131_072;

/// What is open while a document is read.
enum Open {
    Array(Vec<String>),
    /// Members in the order of the text, and the key whose value comes next.
    Object(Vec<(String, String)>, String),
}

/// The canonical text of a document: members sorted by the length of their keys, then by bytes, the last of equal keys,
/// a blank behind `:` and `,`, strings with as few escapes as there can be, numbers without exponents.
///
/// # Errors
/// 22P02, 22P05, 22003.
pub(super) fn canonical(text: &str) -> Result<String, Box<PgError>> {
    json::check(text, true)?;
    let mut open: Vec<Open> = Vec::new();
    let mut rest = text;
    // The text is right, so each step finds what it looks for; what ends it early is an error nobody sees.
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
        let Some(first) = rest.chars().next() else { return Err(broken()) };
        let mut value = match first {
            '{' => {
                rest = rest.get(1..).unwrap_or_default().trim_start_matches([' ', '\t', '\n', '\r']);
                let mut key = String::new();
                if !rest.starts_with('}') {
                    (key, rest) = member_key(rest)?;
                    open.push(Open::Object(Vec::new(), key));
                    continue;
                }
                open.push(Open::Object(Vec::new(), key));
                None
            }
            '[' => {
                rest = rest.get(1..).unwrap_or_default().trim_start_matches([' ', '\t', '\n', '\r']);
                open.push(Open::Array(Vec::new()));
                if !rest.starts_with(']') {
                    continue;
                }
                None
            }
            '"' => {
                let (string, after) = string(rest)?;
                rest = after;
                Some(quoted(&string))
            }
            _ => {
                let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end).ok_or_else(broken)?;
                rest = after;
                Some(if matches!(word, "true" | "false" | "null") { word.to_owned() } else { number(word)? })
            }
        };
        // A complete value goes into what is open, which may be complete with it.
        loop {
            if let Some(value) = value.take() {
                match open.last_mut() {
                    None => return Ok(value),
                    Some(Open::Array(items)) => items.push(value),
                    Some(Open::Object(members, key)) => members.push((std::mem::take(key), value)),
                }
            }
            rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            if let Some(after) = rest.strip_prefix([']', '}']) {
                rest = after;
                value = open.pop().map(closed);
                continue;
            }
            if let Some(after) = rest.strip_prefix(',')
                && let Some(Open::Object(_, key)) = open.last_mut()
            {
                (*key, rest) = member_key(after.trim_start_matches([' ', '\t', '\n', '\r']))?;
            }
            break;
        }
    }
}

fn broken() -> Box<PgError> {
    PgError::error(SqlState::INVALID_TEXT, "invalid input syntax for type json")
}

fn closed(container: Open) -> String {
    match container {
        Open::Array(items) => format!("[{}]", items.join(", ")),
        Open::Object(mut members, _) => {
            // The sort keeps the order of equal keys, of which the last one counts.
            members.sort_by(|(a, _), (b, _)| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
            let mut text = String::from("{");
            let mut members = members.into_iter().peekable();
            while let Some((key, value)) = members.next() {
                if members.peek().is_some_and(|(next, _)| *next == key) {
                    continue;
                }
                if text.len() > 1 {
                    text.push_str(", ");
                }
                text.push_str(&quoted(&key));
                text.push_str(": ");
                text.push_str(&value);
            }
            text.push('}');
            text
        }
    }
}

/// The key in front of a member's value, without escapes, and what follows its colon.
fn member_key(text: &str) -> Result<(String, &str), Box<PgError>> {
    let (key, rest) = string(text)?;
    let rest = rest.trim_start_matches([' ', '\t', '\n', '\r']).strip_prefix(':').ok_or_else(broken)?;
    Ok((key, rest))
}

/// The string a text begins with, without escapes, and what follows it.
fn string(text: &str) -> Result<(String, &str), Box<PgError>> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('"').ok_or_else(broken)?;
    loop {
        let end = rest.find(['"', '\\']).ok_or_else(broken)?;
        let (plain, after) = rest.split_at_checked(end).ok_or_else(broken)?;
        value.push_str(plain);
        if let Some(after) = after.strip_prefix('"') {
            return Ok((value, after));
        }
        let mut characters = after.chars().skip(1);
        let escaped = characters.next().ok_or_else(broken)?;
        rest = after.get(2..).ok_or_else(broken)?;
        match escaped {
            'b' => value.push('\u{8}'),
            'f' => value.push('\u{c}'),
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            'u' => {
                let (unit, after) = unit(rest)?;
                rest = after;
                let code = match unit {
                    0xD800..=0xDBFF => {
                        let low = rest.strip_prefix("\\u").map(self::unit).transpose()?;
                        match low {
                            Some((low @ 0xDC00..=0xDFFF, after)) => {
                                rest = after;
                                0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
                            }
                            Some((0xD800..=0xDBFF, _)) => {
                                return Err(surrogate("Unicode high surrogate must not follow a high surrogate."));
                            }
                            _ => return Err(surrogate("Unicode low surrogate must follow a high surrogate.")),
                        }
                    }
                    0xDC00..=0xDFFF => {
                        return Err(surrogate("Unicode low surrogate must follow a high surrogate."));
                    }
                    unit => unit,
                };
                value.push(char::from_u32(code).ok_or_else(broken)?);
            }
            other => value.push(other),
        }
    }
}

/// Four hexadecimal digits.
fn unit(text: &str) -> Result<(u32, &str), Box<PgError>> {
    let (digits, rest) = text.split_at_checked(4).ok_or_else(broken)?;
    Ok((u32::from_str_radix(digits, 16).map_err(|_| broken())?, rest))
}

fn surrogate(detail: &str) -> Box<PgError> {
    broken().detail(detail)
}

/// As `escape_json` writes it.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if u32::from(c) < 0x20 => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// As `numeric_out` prints it.
fn number(text: &str) -> Result<String, Box<PgError>> {
    let overflow = || PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "value overflows numeric format");
    let is_plain = !text.contains(['e', 'E']);
    if is_plain && !text.starts_with("-0") && text.len() < 64 {
        return Ok(text.to_owned());
    }
    let exponent = text.split(['e', 'E']).nth(1).map(|exponent| exponent.parse::<i64>().map_err(|_| overflow()));
    if exponent.transpose()?.is_some_and(|exponent| exponent.abs() > NUMBER_DIGITS_MAX) {
        return Err(overflow());
    }
    let digits = DecimalDigits::parse(text.as_bytes()).ok_or_else(broken)?;
    let mut out = Vec::new();
    digits.write_text(None, &mut out)?;
    String::from_utf8(out).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::canonical;

    /// As PostgreSQL 18 prints `'..'::jsonb`.
    #[test]
    fn as_jsonb_out() {
        let cases = [
            ("{\"b\":2, \"a\":1}", "{\"a\": 1, \"b\": 2}"),
            ("{\"bb\":1,\"a\":2,\"c\":3,\"a\":4}", "{\"a\": 4, \"c\": 3, \"bb\": 1}"),
            (" [ 1 ,2,[ ] , { } ] ", "[1, 2, [], {}]"),
            ("\"\\u00e4\\/\\n\\u0001\"", "\"\u{e4}/\\n\\u0001\""),
            ("\"\\ud83d\\ude00\"", "\"\u{1F600}\""),
            ("1.50", "1.50"),
            ("1e2", "100"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1.5e-3", "0.0015"),
            ("[1E+2, -1.10, 0.0]", "[100, -1.10, 0.0]"),
            ("true", "true"),
            ("[null,false]", "[null, false]"),
            ("{\"a\":{\"z\":[1,{\"y\":2}],\"b\":\"\"}}", "{\"a\": {\"b\": \"\", \"z\": [1, {\"y\": 2}]}}"),
            ("{\"\":1}", "{\"\": 1}"),
            ("{\"a\" : [ ] , \"b\":{ }}", "{\"a\": [], \"b\": {}}"),
            ("\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""),
        ];
        for (text, expected) in cases {
            assert_eq!(canonical(text).unwrap(), expected, "{text}");
            assert_eq!(canonical(expected).unwrap(), expected, "{expected}");
        }
        for text in ["{", "[1,]", "\"\\ud83d\"", "\"\\udc00x\"", "1e999999999", "{\"a\":1e200000}"] {
            assert!(canonical(text).is_err(), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(canonical(&deep).map(|text| text.len()).unwrap(), deep.len());
    }
}
