//! PostgreSQL's tokens, as far as cutting and literals need them (manual, "Lexical Structure").
//!
//! Works on bytes: everything that decides is ASCII, and bytes above 0x7F are letters of identifiers, as in
//! PostgreSQL's own scanner. Never fails and never panics; what is unterminated says so.

use std::iter::Peekable;
use std::ops::RangeInclusive;
use std::str::Chars;

use crate::wire::SqlState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    LineComment,
    BlockComment,
    /// Keyword or plain identifier.
    Word,
    /// `"..."`
    Quoted,
    /// `'...'`, also `N'...'`.
    String,
    /// `E'...'`
    EscapeString,
    /// `$tag$...$tag$`
    DollarString,
    /// `U&'...'`, `B'...'`, `X'...'`, `U&"..."`: rare, left to the parser.
    Other,
    Number,
    /// `$1`
    Parameter,
    /// One byte of punctuation or operator, or `..`.
    Punctuation,
    UnterminatedString,
    UnterminatedQuoted,
    UnterminatedComment,
}

impl Kind {
    pub(super) fn is_trivia(self) -> bool {
        matches!(self, Self::Blank | Self::LineComment | Self::BlockComment)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    /// One past the last byte; always larger than the start.
    pub end: usize,
}

const BLANK: u8 = 1;
const WORD_START: u8 = 2;
const DIGIT: u8 = 4;
/// Part of a word but not its first letter: `$`.
const WORD_PART: u8 = 8;
/// Punctuation that is a token of its own, whatever follows.
const PLAIN: u8 = 16;

/// What each byte may be part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut rest: &mut [u8] = &mut classes;
    let mut byte: u8 = 0;
    while let Some((first, behind)) = rest.split_first_mut() {
        *first = class_of(byte);
        byte = byte.wrapping_add(1);
        rest = behind;
    }
    classes
};

fn class(byte: u8) -> u8 {
    // A byte is always inside.
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

const fn class_of(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => WORD_START,
        b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => BLANK,
        b'0'..=b'9' => DIGIT,
        b'$' => WORD_PART,
        b'\'' | b'"' | b'-' | b'/' | b'.' => 0,
        _ => PLAIN,
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    class(byte) == BLANK
}

fn is_word_start(byte: u8) -> bool {
    class(byte) == WORD_START
}

fn is_word(byte: u8) -> bool {
    class(byte) & (WORD_START | DIGIT | WORD_PART) != 0
}

/// The token that starts at `at`, which must be inside `bytes` (else an empty blank). Most are words, blanks and plain
/// punctuation: these are read where the scanner stands.
#[inline]
pub(super) fn token(bytes: &[u8], at: usize) -> Token {
    let Some(&byte) = bytes.get(at) else { return Token { kind: Kind::Blank, end: at } };
    match class(byte) {
        BLANK => Token { kind: Kind::Blank, end: run(bytes, at + 1, is_blank) },
        WORD_START => {
            let end = run(bytes, at + 1, is_word);
            match bytes.get(end) {
                Some(b'\'' | b'&') if end == at + 1 => prefixed(bytes, at, byte),
                _ => Token { kind: Kind::Word, end },
            }
        }
        PLAIN => Token { kind: Kind::Punctuation, end: at + 1 },
        _ => other(bytes, at, byte),
    }
}

/// A token of another kind.
#[inline(never)]
fn other(bytes: &[u8], at: usize, byte: u8) -> Token {
    let next = bytes.get(at + 1).copied().unwrap_or(0);
    match byte {
        b'\'' => string(bytes, at + 1, Kind::String),
        b'"' => quoted(bytes, at + 1),
        b'-' if next == b'-' => {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = memchr::memchr2(b'\n', b'\r', rest).map_or(bytes.len(), |n| at + n);
            Token { kind: Kind::LineComment, end }
        }
        b'/' if next == b'*' => block_comment(bytes, at + 2),
        b'$' => dollar(bytes, at),
        b'.' if next.is_ascii_digit() => number(bytes, at),
        // The digits behind two dots (`1..10` of a loop) are a number of their own.
        b'.' if next == b'.' => Token { kind: Kind::Punctuation, end: at + 2 },
        _ if byte.is_ascii_digit() => number(bytes, at),
        _ => Token { kind: Kind::Punctuation, end: at + 1 },
    }
}

#[inline]
fn run(bytes: &[u8], at: usize, class: impl Fn(u8) -> bool) -> usize {
    let mut end = at;
    while bytes.get(end).is_some_and(|&byte| class(byte)) {
        end += 1;
    }
    end
}

/// A word of one letter with a quote or `&` behind it: mostly the prefix of a string.
#[inline(never)]
fn prefixed(bytes: &[u8], at: usize, letter: u8) -> Token {
    match (letter, bytes.get(at + 1), bytes.get(at + 2)) {
        (b'e' | b'E', Some(b'\''), _) => escape_string(bytes, at + 2),
        (b'n' | b'N', Some(b'\''), _) => string(bytes, at + 2, Kind::String),
        (b'b' | b'B' | b'x' | b'X', Some(b'\''), _) => string(bytes, at + 2, Kind::Other),
        (b'u' | b'U', Some(b'&'), Some(b'\'')) => string(bytes, at + 3, Kind::Other),
        (b'u' | b'U', Some(b'&'), Some(b'"')) => {
            let token = quoted(bytes, at + 3);
            let kind = if token.kind == Kind::Quoted { Kind::Other } else { token.kind };
            Token { kind, ..token }
        }
        _ => Token { kind: Kind::Word, end: at + 1 },
    }
}

/// `at` is behind the opening quote.
fn string(bytes: &[u8], at: usize, kind: Kind) -> Token {
    match closing(bytes, at, b'\'') {
        Some(end) => Token { kind, end },
        None => Token { kind: Kind::UnterminatedString, end: bytes.len() },
    }
}

fn quoted(bytes: &[u8], at: usize) -> Token {
    match closing(bytes, at, b'"') {
        Some(end) => Token { kind: Kind::Quoted, end },
        None => Token { kind: Kind::UnterminatedQuoted, end: bytes.len() },
    }
}

/// One past the closing quote; a doubled quote is part of the text.
fn closing(bytes: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        let found = at + memchr::memchr(quote, bytes.get(at..)?)?;
        if bytes.get(found + 1) != Some(&quote) {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

pub(super) fn escape_string(bytes: &[u8], mut at: usize) -> Token {
    while let Some(n) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'\'', b'\\', rest)) {
        let found = at + n;
        let skips = bytes.get(found) == Some(&b'\\') || bytes.get(found + 1) == Some(&b'\'');
        if !skips {
            return Token { kind: Kind::EscapeString, end: found + 1 };
        }
        at = found + 2;
    }
    Token { kind: Kind::UnterminatedString, end: bytes.len() }
}

fn block_comment(bytes: &[u8], mut at: usize) -> Token {
    let mut depth: usize = 1;
    while let Some(n) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'*', b'/', rest)) {
        let found = at + n;
        match (bytes.get(found), bytes.get(found + 1)) {
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                if depth == 0 {
                    return Token { kind: Kind::BlockComment, end: found + 2 };
                }
                at = found + 2;
            }
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at = found + 2;
            }
            _ => at = found + 1,
        }
    }
    Token { kind: Kind::UnterminatedComment, end: bytes.len() }
}

fn dollar(bytes: &[u8], at: usize) -> Token {
    if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        return Token { kind: Kind::Parameter, end: run(bytes, at + 1, |byte| byte.is_ascii_digit()) };
    }
    match dollar_tag(bytes, at) {
        None => Token { kind: Kind::Punctuation, end: at + 1 },
        Some(body) => {
            let tag = bytes.get(at..body).unwrap_or_default();
            match bytes.get(body..).and_then(|rest| memchr::memmem::find(rest, tag)) {
                Some(n) => Token { kind: Kind::DollarString, end: body + n + tag.len() },
                None => Token { kind: Kind::UnterminatedString, end: bytes.len() },
            }
        }
    }
}

/// One past the `$tag$` that starts at `at`, if there is one.
pub(super) fn dollar_tag(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    if bytes.get(end).is_some_and(|&byte| is_word_start(byte)) {
        end = run(bytes, end + 1, |byte| is_word(byte) && byte != b'$');
    }
    (bytes.get(end) == Some(&b'$')).then_some(end + 1)
}

/// Decimal, hexadecimal, octal, binary; fraction and exponent; `_` between digits. Letters that follow are not
/// taken, nor is an exponent without digits: whoever values the number finds the junk.
fn number(bytes: &[u8], at: usize) -> Token {
    let is_digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let end = match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'0'), Some(b'x' | b'X')) => digits(bytes, at + 2, u8::is_ascii_hexdigit),
        // Digits that are too large for the base make no number, and are no other token.
        (Some(b'0'), Some(b'o' | b'O' | b'b' | b'B')) => digits(bytes, at + 2, u8::is_ascii_digit),
        _ => {
            let mut end = digits(bytes, at, u8::is_ascii_digit);
            // `1..2` are two dots of a slice, not a fraction.
            if bytes.get(end) == Some(&b'.') && bytes.get(end + 1) != Some(&b'.') {
                end += 1;
                if is_digit_at(end) {
                    end = digits(bytes, end, u8::is_ascii_digit);
                }
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                if is_digit_at(end + 1 + sign) {
                    end = digits(bytes, end + 1 + sign, u8::is_ascii_digit);
                }
            }
            end
        }
    };
    Token { kind: Kind::Number, end }
}

/// One past digits, of which each may have one `_` in front.
fn digits(bytes: &[u8], mut at: usize, is_digit: impl Fn(&u8) -> bool) -> usize {
    loop {
        let first = bytes.get(at);
        if first.is_some_and(&is_digit) {
            at += 1;
        } else if first == Some(&b'_') && bytes.get(at + 1).is_some_and(&is_digit) {
            at += 2;
        } else {
            return at;
        }
    }
}

/// One past the identifier that starts at `at`, where a number or parameter ends: junk. `at` when there is none.
pub(super) fn junk_end(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at).is_some_and(|&byte| is_word_start(byte)) { run(bytes, at + 1, is_word) } else { at }
}

/// The value of the body of an `E'...'` string (manual, "String Constants with C-Style Escapes").
pub(super) fn unescape(body: &str, out: &mut String) -> Result<(), (SqlState, &'static str)> {
    let mut bytes: Vec<u8> = Vec::with_capacity(body.len());
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\'' => {
                // Doubled by the lexer's rule.
                chars.next_if_eq(&'\'');
                '\''
            }
            '\\' => match chars.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('v') => '\u{b}',
                Some(digit @ '0'..='7') => {
                    let mut value = digit.to_digit(8).unwrap_or(0);
                    for _ in 0..2 {
                        let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                        value = value * 8 + next;
                        chars.next();
                    }
                    push_byte(&mut bytes, value)?;
                    continue;
                }
                Some('x') if chars.peek().is_some_and(char::is_ascii_hexdigit) => {
                    let value = hex(&mut chars, 1..=2).unwrap_or(0);
                    push_byte(&mut bytes, value)?;
                    continue;
                }
                Some(u @ ('u' | 'U')) => {
                    let count = if u == 'u' { 4 } else { 8 };
                    let bad = (SqlState::SYNTAX_ERROR, "invalid Unicode escape");
                    let mut value = hex(&mut chars, count..=count).ok_or(bad)?;
                    if (0xD800..0xDC00).contains(&value) {
                        let pair = (SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair");
                        if chars.next() != Some('\\') || !matches!(chars.next(), Some('u')) {
                            return Err(pair);
                        }
                        let low = hex(&mut chars, 4..=4).filter(|low| (0xDC00..0xE000).contains(low)).ok_or(pair)?;
                        value = 0x1_0000 + ((value - 0xD800) << 10) + (low - 0xDC00);
                    }
                    match char::from_u32(value) {
                        Some('\0') | None => return Err((SqlState::SYNTAX_ERROR, "invalid Unicode escape value")),
                        Some(c) => c,
                    }
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| (SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\""))?;
    out.push_str(text);
    Ok(())
}

fn push_byte(bytes: &mut Vec<u8>, value: u32) -> Result<(), (SqlState, &'static str)> {
    match value & 0xFF {
        0 => Err((SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": 0x00")),
        byte => {
            bytes.push(u8::try_from(byte).unwrap_or(0));
            Ok(())
        }
    }
}

fn hex(chars: &mut Peekable<Chars<'_>>, digits: RangeInclusive<usize>) -> Option<u32> {
    let mut value: u32 = 0;
    let mut count = 0;
    while count < *digits.end() {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
        value = value << 4 | digit;
        count += 1;
        chars.next();
    }
    (count >= *digits.start()).then_some(value)
}
