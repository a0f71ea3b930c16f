//! Conversions, collation values, predicates over strings.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, Error};

use super::super::convert::{self, Class, ConvertError, Purpose};
use super::{Call, raise, scalar, strict, text, trimmed};

pub fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_convert", 4, |call| {
        let purpose = match call.int(3) {
            0 => Purpose::Assign,
            1 => Purpose::Cast,
            _ => Purpose::Compare,
        };
        let from = Class::from_code(call.int(1));
        let to = convert::unpack(call.int(2));
        convert::convert(call.raw(0), from, &to, purpose).map_err(|error| raise(error.sqlcode(), error.words()))
    })?;
    // (value, class, type, field, sqlcode)
    strict(conn, "iris_assign", 5, |call| {
        let from = Class::from_code(call.int(1));
        let to = convert::unpack(call.int(2));
        convert::convert(call.raw(0), from, &to, Purpose::Assign).map_err(|error| {
            let shown = convert::logical_text(call.raw(0), from).unwrap_or_default();
            validation_failed(&call.text(3), &shown, i32::try_from(call.int(4)).unwrap_or(104), error)
        })
    })?;
    strict(conn, "iris_upper", 1, |call| text(trimmed(&call.text(0)).to_uppercase()))?;
    strict(conn, "iris_sqlstring", 1, |call| text(trimmed(&call.text(0))))?;
    strict(conn, "iris_like", 4, |call| {
        let escape = call.text(2);
        let mut characters = escape.chars();
        let escape = characters.next();
        if characters.next().is_some() {
            return Err(raise(63, "Invalid escape character in LIKE"));
        }
        let (value, pattern) = folded(call, 3);
        Ok(Stored::Integer(i64::from(like(&value, &pattern, escape))))
    })?;
    strict(conn, "iris_starts", 3, |call| {
        let (value, prefix) = folded(call, 2);
        Ok(Stored::Integer(i64::from(value.starts_with(&prefix))))
    })?;
    strict(conn, "iris_contains", 3, |call| {
        let (value, part) = folded(call, 2);
        Ok(Stored::Integer(i64::from(value.contains(&part))))
    })?;
    strict(conn, "iris_matches", 3, |call| {
        Ok(Stored::Integer(i64::from(glob(&characters(&call.text(0)), &characters(&call.text(1))))))
    })?;
    strict(conn, "iris_pattern", 3, |call| {
        let pattern = characters(&call.text(1));
        match pattern_matches(&characters(&call.text(0)), &pattern) {
            Some(found) => Ok(Stored::Integer(i64::from(found))),
            None => Err(raise(400, "Invalid pattern in %PATTERN")),
        }
    })?;
    scalar(conn, "iris_option", 1, |call| {
        let value = match call.text(0).to_lowercase().as_str() {
            "autocommit" | "ddlpkeynotidkey" | "delimitedidentifiers" => "1",
            "identityinsert" | "isolationmode" | "defaulttimeprecision" => "0",
            "selectmode" => "1",
            "locktimeout" => "10",
            "tcpkeepalive" => "300",
            "todatedefaultformat" => "DD MON YYYY",
            _ => return Ok(Stored::Null),
        };
        text(value)
    })
}

/// -104 or -105 as IRIS words it.
pub fn validation_failed(field: &str, value: &str, sqlcode: i32, error: ConvertError) -> Error {
    raise(sqlcode, &validation_message(field, value, error))
}

/// The `%msg` of a failed validation. Long values are cut.
pub fn validation_message(field: &str, value: &str, error: ConvertError) -> String {
    let mut shown: String = value.chars().take(60).collect();
    if shown.len() < value.len() {
        shown.push_str("...");
    }
    format!("Field '{field}' (value '{shown}') failed validation: {}", error.words())
}

fn characters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// The first two arguments, upper-cased when the argument at `flag` says so.
fn folded(call: &Call<'_, '_>, flag: usize) -> (String, String) {
    let (a, b) = (call.text(0), call.text(1));
    if call.int(flag) == 1 { (a.to_uppercase(), b.to_uppercase()) } else { (a, b) }
}

enum Piece {
    One(char),
    AnyOne,
    AnyRun,
}

/// `%` any run, `_` any character, the escape character makes the next one plain.
pub fn like(value: &str, pattern: &str, escape: Option<char>) -> bool {
    let mut pieces = Vec::with_capacity(pattern.len());
    let escape = escape.map(|c| c.to_uppercase().next().unwrap_or(c));
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if Some(c) == escape {
            pieces.push(Piece::One(rest.next().unwrap_or(c)));
        } else {
            pieces.push(match c {
                '%' => Piece::AnyRun,
                '_' => Piece::AnyOne,
                c => Piece::One(c),
            });
        }
    }
    let value: Vec<char> = value.chars().collect();
    wildcard(&value, &pieces)
}

/// Greedy matching with one backtrack point: linear for a fixed pattern.
fn wildcard(value: &[char], pieces: &[Piece]) -> bool {
    let (mut at, mut piece) = (0, 0);
    let mut mark: Option<(usize, usize)> = None;
    loop {
        match (pieces.get(piece), value.get(at)) {
            (Some(Piece::AnyRun), _) => {
                mark = Some((piece, at));
                piece += 1;
                continue;
            }
            (Some(Piece::AnyOne), Some(_)) => {
                at += 1;
                piece += 1;
                continue;
            }
            (Some(Piece::One(c)), Some(v)) if c == v => {
                at += 1;
                piece += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match mark {
            Some((run, from)) if from < value.len() => {
                mark = Some((run, from + 1));
                at = from + 1;
                piece = run + 1;
            }
            _ => return false,
        }
    }
}

/// %MATCHES: `?` one character, `*` any run, `[a-z]` and `[^..]` sets, `\` escapes.
fn glob(value: &[char], pattern: &[char]) -> bool {
    match pattern.first() {
        None => value.is_empty(),
        Some('*') => {
            let rest = pattern.get(1..).unwrap_or_default();
            (0..=value.len()).any(|from| glob(value.get(from..).unwrap_or_default(), rest))
        }
        Some(first) => {
            let Some(c) = value.first() else { return false };
            let (matched, used) = match first {
                '?' => (true, 1),
                '\\' => (pattern.get(1) == Some(c), 2),
                '[' => match set(pattern, *c) {
                    Some(result) => result,
                    None => return false,
                },
                other => (other == c, 1),
            };
            matched && glob(value.get(1..).unwrap_or_default(), pattern.get(used..).unwrap_or_default())
        }
    }
}

/// Whether `c` is in the set that begins the pattern, and the set's length.
fn set(pattern: &[char], c: char) -> Option<(bool, usize)> {
    let close = pattern.iter().skip(1).position(|p| *p == ']')? + 1;
    let mut inner = pattern.get(1..close)?;
    let negated = inner.first() == Some(&'^');
    if negated {
        inner = inner.get(1..)?;
    }
    let mut found = false;
    let mut at = 0;
    while let Some(from) = inner.get(at) {
        if inner.get(at + 1) == Some(&'-')
            && let Some(to) = inner.get(at + 2)
        {
            found |= (*from..=*to).contains(&c);
            at += 3;
        } else {
            found |= *from == c;
            at += 1;
        }
    }
    Some((found != negated, close + 1))
}

/// ObjectScript patterns: repetition counts with codes (`1N`, `2.4A`, `.E`) or quoted strings. `None`: not one.
pub fn pattern_matches(value: &[char], pattern: &[char]) -> Option<bool> {
    let Some(first) = pattern.first() else { return Some(value.is_empty()) };
    let digits = |from: usize| pattern.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let number = |from: usize, count: usize| {
        pattern.get(from..from + count).and_then(|d| d.iter().collect::<String>().parse::<usize>().ok())
    };
    if !first.is_ascii_digit() && *first != '.' {
        return None;
    }
    let low_digits = digits(0);
    let low = number(0, low_digits).unwrap_or(0);
    let mut at = low_digits;
    let mut high = low;
    if pattern.get(at) == Some(&'.') {
        at += 1;
        let high_digits = digits(at);
        high = number(at, high_digits).unwrap_or(usize::MAX);
        at += high_digits;
    }
    let unit: Vec<char>;
    let codes: Vec<char>;
    if pattern.get(at) == Some(&'"') {
        let close = pattern.iter().skip(at + 1).position(|c| *c == '"')? + at + 1;
        unit = pattern.get(at + 1..close)?.to_vec();
        codes = Vec::new();
        at = close + 1;
    } else {
        codes = pattern.iter().skip(at).take_while(|c| c.is_alphabetic()).copied().collect();
        if codes.is_empty() {
            return None;
        }
        unit = Vec::new();
        at += codes.len();
    }
    let width = unit.len().max(1);
    let rest = pattern.get(at..)?;
    let mut taken = 0;
    let mut count = 0;
    loop {
        if count >= low && pattern_matches(value.get(taken..).unwrap_or_default(), rest)? {
            return Some(true);
        }
        if count >= high {
            return Some(false);
        }
        let Some(next) = value.get(taken..taken + width) else { return Some(false) };
        let fits = if unit.is_empty() {
            next.first().is_some_and(|c| codes.iter().any(|code| in_class(*c, *code)))
        } else {
            next == unit
        };
        if !fits {
            return Some(false);
        }
        taken += width;
        count += 1;
    }
}

fn in_class(c: char, code: char) -> bool {
    match code.to_ascii_uppercase() {
        'A' => c.is_alphabetic(),
        'N' => c.is_ascii_digit(),
        'L' => c.is_lowercase(),
        'U' => c.is_uppercase(),
        'P' => c.is_ascii_punctuation() || c == ' ',
        'C' => c.is_control(),
        'E' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_has_two_wildcards_and_an_escape() {
        for (value, pattern, escape, expected) in [
            ("abc", "a%", None, true),
            ("abc", "%b%", None, true),
            ("abc", "a_c", None, true),
            ("abc", "a_", None, false),
            ("a%c", "a\\%c", Some('\\'), true),
            ("abc", "a\\%c", Some('\\'), false),
            ("", "%", None, true),
            ("aXbXc", "a%X%c", None, true),
            ("mississippi", "m%iss%pp%", None, true),
        ] {
            assert_eq!(like(value, pattern, escape), expected, "{value} {pattern}");
        }
    }

    #[test]
    fn patterns_follow_objectscript() {
        let matches = |value: &str, pattern: &str| pattern_matches(&characters(value), &characters(pattern));
        assert_eq!(matches("123-45", "3N1\"-\"2N"), Some(true));
        assert_eq!(matches("12", "3N"), Some(false));
        assert_eq!(matches("Abc", "1U.L"), Some(true));
        assert_eq!(matches("x", "?"), None);
        assert_eq!(matches("anything", ".E"), Some(true));
    }

    #[test]
    fn globs_know_sets() {
        let matches = |value: &str, pattern: &str| glob(&characters(value), &characters(pattern));
        assert!(matches("cat", "[bc]?t"));
        assert!(matches("cat", "*t"));
        assert!(!matches("Cat", "[a-z]*"));
        assert!(matches("Cat", "[^a-z]*"));
    }
}
