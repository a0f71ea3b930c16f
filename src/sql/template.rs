//! A statement without its literals: the key under which its translation is kept.

use std::num::IntErrorKind;
use std::ops::Range;

use super::lex::{self, Kind};
use crate::iris::ParameterKind;
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

/// PostgreSQL's type of a constant before anything is known of its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralKind {
    Int4,
    Int8,
    Numeric,
    String,
}

impl LiteralKind {
    /// The byte that stands for such a literal in [`Template::text`]; such bytes cannot occur there otherwise, except
    /// inside quoted names.
    const fn mark(self, backslash: bool) -> u8 {
        match self {
            Self::Int4 => 0x01,
            Self::Int8 => 0x02,
            Self::Numeric => 0x03,
            Self::String if backslash => 0x05,
            Self::String => 0x04,
        }
    }

    pub const fn parameter_kind(self) -> ParameterKind {
        match self {
            Self::Int4 | Self::Int8 => ParameterKind::IntegerLiteral,
            Self::Numeric => ParameterKind::NumberLiteral,
            Self::String => ParameterKind::StringLiteral,
        }
    }
}

/// One literal of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub kind: LiteralKind,
    /// Where it stands in the statement, quotes and prefix included; bytes.
    pub source: Range<usize>,
    /// Where its value stands in the template's value buffer; see [`Template::value`].
    value: Range<usize>,
    /// A string whose value holds a backslash; part of the template's text because LIKE treats it specially, so a
    /// rule may ask without reading the value.
    pub backslash: bool,
}

/// The literal-free form of one statement. Keeps its buffers between scans.
#[derive(Debug, Default, Clone)]
pub struct Template {
    /// Comments dropped, blanks folded, trailing semicolon dropped, every number and string replaced by a mark of its
    /// kind; keywords, names and `$n` as typed.
    pub text: String,
    /// In the order of the text.
    pub literals: Vec<Literal>,
    values: String,
    /// The client's time zone is not UTC: what IRIS would compute from its clock, or from moments of two kinds, means
    /// something else, so the flag is part of the text. Stays from scan to scan.
    pub is_zoned: bool,
    /// The client's DateStyle is not ISO: text of moments is not what IRIS can make. Part of the text as `is_zoned`.
    pub is_dated: bool,
    /// IRIS computes the statement for other values or formats. Part of the text as `is_zoned`.
    pub is_refused: bool,
    /// The state of the session's temporary tables that it was scanned in, 0 = it has none. Part of the text as `is_zoned`.
    pub temporary: u64,
}

/// A statement with more literals than this is refused: `Bind::Literal` counts in 16 bits. Beyond is COPY's work.
const LITERALS_MAX: usize = u16::MAX as usize;

impl Template {
    /// Forgets the statement and gives the memory back: for a client that is about to be idle.
    pub fn release(&mut self) {
        *self = Self { is_zoned: self.is_zoned, is_dated: self.is_dated, ..Self::default() };
    }

    /// Memory held, about.
    pub fn bytes(&self) -> usize {
        let literals = self.literals.len().saturating_mul(size_of::<Literal>());
        self.text.len().saturating_add(self.values.len()).saturating_add(literals)
    }

    /// Reads one statement, as cut by [`split`](super::split). A lexer's work: nothing is parsed.
    ///
    /// # Errors
    /// 42601 for what PostgreSQL's scanner refuses, 54000 for too many literals.
    pub fn scan(&mut self, sql: &str) -> Result<(), Box<PgError>> {
        self.read(sql, false).map(|_| ())
    }

    /// Reads the statement that a query string begins with, and finds out on the way where it ends: the statement, as
    /// [`split`](super::split) would cut it.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    pub fn scan_first<'a>(&mut self, sql: &'a str) -> Result<&'a str, Box<PgError>> {
        let end = self.read(sql, true)?;
        Ok(sql.get(..end).unwrap_or_default())
    }

    /// `stops`: at a semicolon that ends the statement. Where that stands; without one, where the last token ends that is
    /// no blank.
    fn read(&mut self, sql: &str, stops: bool) -> Result<usize, Box<PgError>> {
        self.text.clear();
        self.literals.clear();
        self.values.clear();
        let bytes = sql.as_bytes();
        let mut at = 0;
        let mut end = 0;
        // What lies between `run` and `at` goes into the text as it is, single blanks included.
        let mut run = 0;
        let mut gap = false;
        let mut depth: u32 = 0;
        while at < bytes.len() {
            let token = lex::token(bytes, at);
            if stops && token.kind == Kind::Punctuation {
                match bytes.get(at) {
                    Some(b';') if depth == 0 => {
                        end = at;
                        break;
                    }
                    Some(b'(') => depth = depth.saturating_add(1),
                    Some(b')') => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            let from = std::mem::replace(&mut at, token.end);
            if token.kind != Kind::Blank {
                end = token.end;
            }
            match token.kind {
                Kind::Word | Kind::Quoted | Kind::Other => self.close(&mut gap),
                Kind::Punctuation => {
                    self.close(&mut gap);
                    // The marks are control characters, which are no SQL outside of quotes.
                    if bytes.get(from).is_some_and(u8::is_ascii_control) {
                        return Err(syntax_error(sql, from, sql.get(from..token.end).unwrap_or_default()));
                    }
                }
                Kind::Parameter => {
                    self.close(&mut gap);
                    let end = lex::junk_end(bytes, token.end);
                    if end > token.end {
                        return Err(junk("parameter", sql, from..end));
                    }
                }
                Kind::Blank if !gap && from > run && token.end == from + 1 && bytes.get(from) == Some(&b' ') => {}
                Kind::Blank | Kind::LineComment | Kind::BlockComment => {
                    self.copy(sql, run..from);
                    run = at;
                    gap = true;
                }
                Kind::Number => {
                    self.copy(sql, run..from);
                    self.close(&mut gap);
                    self.number(sql, from..token.end)?;
                    run = at;
                }
                Kind::String | Kind::EscapeString | Kind::DollarString => {
                    self.copy(sql, run..from);
                    self.close(&mut gap);
                    at = self.string(sql, from, token)?;
                    run = at;
                    end = at;
                }
                Kind::UnterminatedString => return Err(unterminated("quoted string", sql, from)),
                Kind::UnterminatedQuoted => return Err(unterminated("quoted identifier", sql, from)),
                Kind::UnterminatedComment => return Err(unterminated("/* comment", sql, from)),
            }
        }
        self.copy(sql, run..at);
        while self.text.ends_with([';', ' ']) {
            self.text.pop();
        }
        if self.is_zoned {
            // A control character, which no statement's text holds outside of quoted names.
            self.text.push('\u{6}');
        }
        if self.is_dated {
            self.text.push('\u{7}');
        }
        Ok(end)
    }

    /// Makes the client's parameter types part of the key: the same text means something else for other types.
    pub fn declare(&mut self, parameter_types: &[Oid]) {
        use std::fmt::Write as _;
        if parameter_types.iter().all(|oid| *oid == Oid::UNSPECIFIED) {
            return;
        }
        // A control character, which no statement's text holds outside of quoted names.
        self.text.push('\u{5}');
        for oid in parameter_types {
            // Writing into a String does not fail.
            let _ = write!(self.text, "{},", oid.0);
        }
    }

    /// Makes the schemas of unqualified names part of the key.
    pub fn scope(&mut self, search_path: &[String]) {
        for schema in search_path {
            self.text.push('\u{6}');
            self.text.push_str(schema);
        }
    }

    /// Makes the state of the session's temporary tables part of the key: a number that no other state has, 0 = there are
    /// none. `makes_all_temporary`: what a table is made as without a word.
    pub fn scope_temporary(&mut self, state: u64, makes_all_temporary: bool) {
        use std::fmt::Write as _;

        self.temporary = state;
        if state != 0 || makes_all_temporary {
            let _ = write!(self.text, "\u{2}{state}");
        }
    }

    /// Makes it the key of the statement for PostgreSQL to finish, which IRIS computes for other values or formats.
    pub fn refuse(&mut self) {
        self.is_refused = true;
        self.text.push('\u{4}');
    }

    /// Makes it the key of the statement as part of another, where it would be finished by itself.
    pub fn fetch(&mut self) {
        self.text.push('\u{3}');
    }

    /// Makes it the key of a statement that stores a row as it is, which a client's of the same words does not.
    pub fn store(&mut self) {
        self.text.push('\u{2}');
    }

    fn copy(&mut self, sql: &str, run: Range<usize>) {
        if !run.is_empty() {
            self.text.push_str(sql.get(run).unwrap_or_default());
        }
    }

    /// Puts one blank for the blanks and comments just passed.
    fn close(&mut self, gap: &mut bool) {
        if std::mem::take(gap) && !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    /// A literal's decoded value: text without quotes and escapes, numbers as plain decimal digits.
    pub fn value(&self, literal: &Literal) -> &str {
        self.values.get(literal.value.clone()).unwrap_or_default()
    }

    /// The n-th literal's kind and value, counted from 0.
    pub fn literal(&self, n: u16) -> Option<(LiteralKind, &str)> {
        let literal = self.literals.get(usize::from(n))?;
        Some((literal.kind, self.value(literal)))
    }

    /// The literal whose source starts at byte `offset` of the statement.
    pub(super) fn literal_at(&self, offset: usize) -> Option<u16> {
        let n = self.literals.binary_search_by_key(&offset, |literal| literal.source.start).ok()?;
        u16::try_from(n).ok()
    }

    fn push(&mut self, kind: LiteralKind, source: Range<usize>, value_start: usize) -> Result<(), Box<PgError>> {
        if self.literals.len() >= LITERALS_MAX {
            return Err(PgError::error(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!("statement has more than {LITERALS_MAX} literals"),
            )
            .hint("Use COPY, or a prepared statement with parameters."));
        }
        let value = value_start..self.values.len();
        let backslash = kind == LiteralKind::String
            && self.values.as_bytes().get(value.clone()).is_some_and(|value| memchr::memchr(b'\\', value).is_some());
        self.text.push(char::from(kind.mark(backslash)));
        self.literals.push(Literal { kind, source, value, backslash });
        Ok(())
    }

    fn number(&mut self, sql: &str, source: Range<usize>) -> Result<(), Box<PgError>> {
        let text = sql.get(source.clone()).unwrap_or_default();
        let junk_end = lex::junk_end(sql.as_bytes(), source.end);
        if junk_end > source.end || text.len() == 2 && radix_of(text).is_some() {
            return Err(bad_number(sql, source, junk_end));
        }
        let value_start = self.values.len();
        let kind = match number_value(text, &mut self.values) {
            Ok(kind) => kind,
            Err(BadNumber::Digits) => return Err(bad_number(sql, source, junk_end)),
            Err(BadNumber::TooLarge) => {
                return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "value overflows numeric format")
                    .detail(format!("The exponent of a constant is {EXPONENT_MAX} at the most."))
                    .position(char_position(sql, source.start)));
            }
        };
        self.push(kind, source, value_start)
    }

    /// A string and those that continue it on following lines; answers where reading goes on.
    fn string(&mut self, sql: &str, from: usize, first: lex::Token) -> Result<usize, Box<PgError>> {
        let bytes = sql.as_bytes();
        let value_start = self.values.len();
        let mut end = first.end;
        let mut piece = from..first.end;
        loop {
            decode(sql, piece, first.kind, &mut self.values)?;
            if first.kind == Kind::DollarString {
                break;
            }
            let Some(next) = continuation(bytes, end) else { break };
            // What follows is read by the rules of the string it continues (manual, "String Constants").
            let token = if first.kind == Kind::EscapeString {
                lex::escape_string(bytes, next + 1)
            } else {
                lex::token(bytes, next)
            };
            if token.kind == Kind::UnterminatedString {
                return Err(unterminated("quoted string", sql, from));
            }
            piece = next..token.end;
            end = token.end;
        }
        self.push(LiteralKind::String, from..end, value_start)?;
        Ok(end)
    }
}

/// Where a string starts that continues the one ending at `at`: only blanks and comments with a newline between.
fn continuation(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut newline = false;
    loop {
        match bytes.get(at)? {
            b'\'' if newline => return Some(at),
            b'\n' | b'\r' => {
                newline = true;
                at += 1;
            }
            &byte if lex::is_blank(byte) => at += 1,
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = lex::token(bytes, at).end,
            _ => return None,
        }
    }
}

/// Why a number's text has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BadNumber {
    /// A digit is too large for the base.
    Digits,
    TooLarge,
}

/// The base that the first two characters tell.
fn radix_of(text: &str) -> Option<u32> {
    match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => Some(16),
        [b'0', b'o' | b'O', ..] => Some(8),
        [b'0', b'b' | b'B', ..] => Some(2),
        _ => None,
    }
}

/// Appends the plain decimal form.
fn number_value(text: &str, out: &mut String) -> Result<LiteralKind, BadNumber> {
    let is_integer = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_integer(text) {
        return Ok(put_integer(text, out));
    }
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    if let Some(radix) = radix_of(text) {
        let value = u128::from_str_radix(digits.get(2..).unwrap_or_default(), radix);
        let value = value.map_err(|error| match error.kind() {
            IntErrorKind::PosOverflow => BadNumber::TooLarge,
            _ => BadNumber::Digits,
        })?;
        return Ok(put_integer(&value.to_string(), out));
    }
    if is_integer(&digits) {
        return Ok(put_integer(&digits, out));
    }
    match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            out.push_str(&without_exponent(mantissa, exponent).ok_or(BadNumber::TooLarge)?);
        }
        None => out.push_str(digits.strip_suffix('.').unwrap_or(&digits)),
    }
    Ok(LiteralKind::Numeric)
}

/// Leading zeros are kept out so that equal values are equal.
fn put_integer(digits: &str, out: &mut String) -> LiteralKind {
    let digits = digits.trim_start_matches('0');
    out.push_str(if digits.is_empty() { "0" } else { digits });
    integer_kind(digits)
}

/// Digits beyond this would be an attack: PostgreSQL's numeric itself ends at 131072 digits before the point.
const EXPONENT_MAX: usize = 1000;

/// `None` when the exponent is beyond [`EXPONENT_MAX`].
fn without_exponent(mantissa: &str, exponent: &str) -> Option<String> {
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift = usize::try_from(exponent.unsigned_abs()).ok().filter(|&n| n <= EXPONENT_MAX)?;
    let digits = format!("{whole}{fraction}");
    let point = if exponent >= 0 { whole.len().checked_add(shift)? } else { whole.len().saturating_sub(shift) };
    let zeros_before = if exponent < 0 { shift.saturating_sub(whole.len()) } else { 0 };
    let mut all = "0".repeat(zeros_before);
    all.push_str(&digits);
    while all.len() < point {
        all.push('0');
    }
    let (whole, fraction) = all.split_at_checked(point)?;
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// The kind of a non-negative integer without leading zeros.
fn integer_kind(digits: &str) -> LiteralKind {
    match digits.len() {
        0..10 => LiteralKind::Int4,
        10..20 => match digits.parse::<i64>() {
            Ok(value) if value <= i64::from(i32::MAX) => LiteralKind::Int4,
            Ok(_) => LiteralKind::Int8,
            Err(_) => LiteralKind::Numeric,
        },
        _ => LiteralKind::Numeric,
    }
}

/// Appends the value of one quoted piece.
fn decode(sql: &str, piece: Range<usize>, kind: Kind, out: &mut String) -> Result<(), Box<PgError>> {
    let from = piece.start;
    let text = sql.get(piece).unwrap_or_default();
    if kind == Kind::DollarString {
        let tag = lex::dollar_tag(text.as_bytes(), 0).unwrap_or(0);
        out.push_str(text.get(tag..text.len().saturating_sub(tag)).unwrap_or_default());
        return Ok(());
    }
    let open = memchr::memchr(b'\'', text.as_bytes()).map_or(0, |n| n + 1);
    let body = text.get(open..text.len().saturating_sub(1)).unwrap_or_default();
    if kind == Kind::EscapeString {
        return super::lex::unescape(body, out)
            .map_err(|(code, message)| PgError::error(code, message).position(char_position(sql, from)));
    }
    let mut rest = body;
    while let Some(quote) = memchr::memchr(b'\'', rest.as_bytes()) {
        out.push_str(rest.get(..quote + 1).unwrap_or_default());
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(())
}

/// Characters from 1, as the field P of ErrorResponse counts.
pub(super) fn char_position(sql: &str, offset: usize) -> u32 {
    let before = sql.get(..offset).map_or(0, |text| text.chars().count());
    u32::try_from(before).map_or(u32::MAX, |n| n.saturating_add(1))
}

pub(super) fn syntax_error(sql: &str, offset: usize, near: &str) -> Box<PgError> {
    let message = if near.is_empty() {
        "syntax error at end of input".into()
    } else {
        format!("syntax error at or near \"{near}\"")
    };
    PgError::error(SqlState::SYNTAX_ERROR, message).position(char_position(sql, offset))
}

fn unterminated(what: &str, sql: &str, from: usize) -> Box<PgError> {
    let near = sql.get(from..).unwrap_or_default();
    PgError::error(SqlState::SYNTAX_ERROR, format!("unterminated {what} at or near \"{near}\""))
        .position(char_position(sql, from))
}

fn junk(what: &str, sql: &str, range: Range<usize>) -> Box<PgError> {
    let near = sql.get(range.clone()).unwrap_or_default();
    PgError::error(SqlState::SYNTAX_ERROR, format!("trailing junk after {what} at or near \"{near}\""))
        .position(char_position(sql, range.start))
}

/// What stands at `source` and up to `junk_end` behind it is no number.
fn bad_number(sql: &str, source: Range<usize>, junk_end: usize) -> Box<PgError> {
    let (number, rest) = sql.get(source.start..).unwrap_or_default().split_at_checked(source.len()).unwrap_or_default();
    let base = match radix_of(number) {
        Some(16) => "hexadecimal",
        Some(8) => "octal",
        _ => "binary",
    };
    match (junk_end.saturating_sub(source.end), rest.as_bytes()) {
        (0, _) if number.len() == 2 => invalid_integer(base, sql, source),
        (1, [b'_', ..]) if number.len() == 2 && radix_of(number).is_some() => {
            invalid_integer(base, sql, source.start..junk_end)
        }
        // An exponent's sign without its digits.
        (1, [b'e' | b'E', b'+' | b'-', ..]) => junk("numeric literal", sql, source.start..junk_end + 1),
        _ => junk("numeric literal", sql, source.start..junk_end),
    }
}

fn invalid_integer(base: &str, sql: &str, range: Range<usize>) -> Box<PgError> {
    let near = sql.get(range.clone()).unwrap_or_default();
    PgError::error(SqlState::SYNTAX_ERROR, format!("invalid {base} integer at or near \"{near}\""))
        .position(char_position(sql, range.start))
}
