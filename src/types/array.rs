//! Arrays: the literal `{1,NULL,"a b"}` and the binary form.

use std::borrow::Cow;

use super::array_nested::{self, Dimension, Nested};
use super::decode::{decode_text as decode_text_of, decode_text_with};
use super::style::Style;
use super::{Datum, Encoder, Fitting, IsNull, Oid, PgType, decode, fit};
use crate::wire::{Format, PgError, SqlState};

/// What a literal holds.
#[derive(Debug)]
pub(super) enum ArrayLiteral<'a> {
    /// Its elements, one by one.
    OneDimension(Elements<'a>),
    /// More dimensions, or bounds of its own (`[2:3]={1,2}`).
    Other,
}

pub(super) fn malformed(text: &str, detail: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_TEXT, format!("malformed array literal: \"{text}\"")).detail(detail)
}

/// Looks at a literal.
///
/// # Errors
/// 22P02 where it does not begin as an array.
pub(super) fn literal(text: &str) -> Result<ArrayLiteral<'_>, Box<PgError>> {
    let trimmed = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    if trimmed.starts_with('[') {
        return Ok(ArrayLiteral::Other);
    }
    let Some(inside) = trimmed.strip_prefix('{') else {
        return Err(malformed(text, "Array value must start with \"{\" or dimension information."));
    };
    if inside.trim_start().starts_with('{') {
        return Ok(ArrayLiteral::Other);
    }
    Ok(ArrayLiteral::OneDimension(Elements { text, rest: inside, state: State::First }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    AfterElement,
    Done,
}

/// The elements of a one-dimensional literal; `None` for NULL. Copied only where they hold escapes.
#[derive(Debug, Clone)]
pub(super) struct Elements<'a> {
    text: &'a str,
    rest: &'a str,
    state: State,
}

impl<'a> Elements<'a> {
    fn fail(&mut self, detail: &str) -> Option<Result<Option<Cow<'a, str>>, Box<PgError>>> {
        self.state = State::Done;
        Some(Err(malformed(self.text, detail)))
    }

    /// At the first element or brace behind an opening brace.
    pub(super) fn inside(text: &'a str, rest: &'a str) -> Self {
        Self { text, rest, state: State::AfterElement }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// One element, which begins here.
    pub(super) fn element(&mut self) -> Result<Option<Cow<'a, str>>, Box<PgError>> {
        let element = if self.eat('"') { self.quoted() } else { self.unquoted() };
        element.unwrap_or_else(|| Err(malformed(self.text, "Unexpected end of input.")))
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    }

    /// After the closing brace nothing may follow.
    fn close(&mut self, rest: &'a str) -> Option<Result<Option<Cow<'a, str>>, Box<PgError>>> {
        self.rest = rest;
        self.skip_blanks();
        if self.rest.is_empty() {
            self.state = State::Done;
            return None;
        }
        self.fail("Junk after closing right brace.")
    }

    fn quoted(&mut self) -> Option<Result<Option<Cow<'a, str>>, Box<PgError>>> {
        let body = self.rest;
        let Some(first) = body.find(['"', '\\']) else { return self.fail("Unexpected end of input.") };
        let (plain, after) = body.split_at_checked(first)?;
        if let Some(after) = after.strip_prefix('"') {
            self.rest = after;
            return Some(Ok(Some(Cow::Borrowed(plain))));
        }
        let mut value = plain.to_owned();
        let mut characters = after.chars();
        loop {
            match characters.next() {
                None => return self.fail("Unexpected end of input."),
                Some('"') => break,
                Some('\\') => match characters.next() {
                    None => return self.fail("Unexpected end of input."),
                    Some(escaped) => value.push(escaped),
                },
                Some(other) => value.push(other),
            }
        }
        self.rest = characters.as_str();
        Some(Ok(Some(Cow::Owned(value))))
    }

    fn unquoted(&mut self) -> Option<Result<Option<Cow<'a, str>>, Box<PgError>>> {
        let end = self.rest.find([',', '}', '{', '"', '\\']).unwrap_or(self.rest.len());
        let (plain, after) = self.rest.split_at_checked(end)?;
        match after.chars().next() {
            None => return self.fail("Unexpected end of input."),
            Some('{') => return self.fail("Unexpected \"{\" character."),
            Some('"') => return self.fail("Unexpected array element."),
            Some('\\') => return self.unquoted_escaped(),
            Some(_) => {}
        }
        self.rest = after;
        let element = plain.trim_end_matches(|c: char| c.is_ascii_whitespace());
        if element.is_empty() {
            let unexpected =
                if after.starts_with('}') { "Unexpected \"}\" character." } else { "Unexpected \",\" character." };
            return self.fail(unexpected);
        }
        if element.eq_ignore_ascii_case("null") {
            return Some(Ok(None));
        }
        Some(Ok(Some(Cow::Borrowed(element))))
    }

    /// An unquoted element with backslashes: each makes the next character plain.
    fn unquoted_escaped(&mut self) -> Option<Result<Option<Cow<'a, str>>, Box<PgError>>> {
        let mut value = String::new();
        let mut kept = 0;
        let mut characters = self.rest.chars();
        loop {
            let before = characters.as_str();
            match characters.next() {
                None => return self.fail("Unexpected end of input."),
                Some(',' | '}') => {
                    self.rest = before;
                    break;
                }
                Some('{') => return self.fail("Unexpected \"{\" character."),
                Some('"') => return self.fail("Unexpected array element."),
                Some('\\') => match characters.next() {
                    None => return self.fail("Unexpected end of input."),
                    Some(escaped) => {
                        value.push(escaped);
                        kept = value.len();
                    }
                },
                Some(other) => {
                    value.push(other);
                    if !other.is_ascii_whitespace() {
                        kept = value.len();
                    }
                }
            }
        }
        value.truncate(kept);
        Some(Ok(Some(Cow::Owned(value))))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Option<Cow<'a, str>>, Box<PgError>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks();
        match self.state {
            State::Done => return None,
            State::First => {
                if let Some(rest) = self.rest.strip_prefix('}') {
                    return self.close(rest);
                }
            }
            State::AfterElement => {
                if let Some(rest) = self.rest.strip_prefix('}') {
                    return self.close(rest);
                }
                let Some(rest) = self.rest.strip_prefix(',') else {
                    let detail =
                        if self.rest.is_empty() { "Unexpected end of input." } else { "Unexpected array element." };
                    return self.fail(detail);
                };
                self.rest = rest;
                self.skip_blanks();
            }
        }
        self.state = State::AfterElement;
        match self.rest.strip_prefix('"') {
            Some(rest) => {
                self.rest = rest;
                self.quoted()
            }
            None => self.unquoted(),
        }
    }
}

/// Builds a literal as `array_out` prints it.
#[derive(Debug)]
pub(super) struct LiteralWriter {
    text: Vec<u8>,
}

impl Default for LiteralWriter {
    fn default() -> Self {
        Self { text: b"{".to_vec() }
    }
}

impl LiteralWriter {
    /// Adds an element in its text form; `None` is NULL.
    pub(super) fn element(&mut self, element: Option<&[u8]>) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        let Some(element) = element else {
            self.text.extend_from_slice(b"NULL");
            return;
        };
        let needs_quotes = element.is_empty()
            || element.eq_ignore_ascii_case(b"null")
            || element
                .iter()
                .any(|byte| matches!(byte, b'{' | b'}' | b'"' | b'\\' | b',' | 0x0B) || byte.is_ascii_whitespace());
        if !needs_quotes {
            self.text.extend_from_slice(element);
            return;
        }
        self.text.push(b'"');
        for byte in element {
            if matches!(byte, b'"' | b'\\') {
                self.text.push(b'\\');
            }
            self.text.push(*byte);
        }
        self.text.push(b'"');
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push(b'}');
        // Elements were text; anything else would be a bug of an encoder, and is shown as U+FFFD.
        String::from_utf8(self.text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Checks an array parameter in text form element by element and gives the canonical literal.
///
/// # Errors
/// 22P02 for a malformed literal, and what the element's type says.
pub(super) fn decode_text<'a>(element: Oid, text: &'a str, style: &Style) -> Result<Datum<'a>, Box<PgError>> {
    let ArrayLiteral::OneDimension(elements) = literal(text)? else {
        return of_nested(element, &array_nested::parse(text)?, style, None).map(Datum::Owned);
    };
    // The literal as a whole is judged before any element, as in PostgreSQL.
    for item in elements.clone() {
        item?;
    }
    let encoder = Encoder::select(PgType::new(element), Format::Text)?;
    let mut writer = LiteralWriter::default();
    let mut scratch = Vec::new();
    for item in elements {
        let Some(item) = item? else {
            writer.element(None);
            continue;
        };
        scratch.clear();
        encoder.encode(&decode_text_with(element, &item, style)?, &mut scratch)?;
        writer.element(Some(&scratch));
    }
    Ok(Datum::Owned(writer.finish()))
}

/// The canonical literal of an array taken apart; with a type, each element is fitted to its modifier.
fn of_nested(
    element: Oid,
    nested: &Nested<'_>,
    style: &Style,
    to: Option<(PgType, Fitting)>,
) -> Result<String, Box<PgError>> {
    let encoder = Encoder::select(to.map_or(PgType::new(element), |(to, _)| to), Format::Text)?;
    let mut elements = Vec::with_capacity(nested.elements.len());
    for item in &nested.elements {
        let Some(item) = item else {
            elements.push(None);
            continue;
        };
        let mut datum = decode_text_with(element, item, style)?;
        if let Some((to, fitting)) = to {
            datum = fit(datum, to, fitting)?;
        }
        let mut text = Vec::new();
        encoder.encode(&datum, &mut text)?;
        elements.push(Some(text));
    }
    Ok(array_nested::literal(&nested.dimensions, &elements))
}

/// A literal in the standard style, whose elements are written otherwise.
///
/// # Errors
/// 22P02, and what the element's type says.
pub(super) fn encode_text(element: Oid, encoder: &Encoder, text: &str, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let nested = array_nested::parse(text)?;
    let mut elements = Vec::with_capacity(nested.elements.len());
    for item in &nested.elements {
        let Some(item) = item else {
            elements.push(None);
            continue;
        };
        let mut written = Vec::new();
        encoder.encode(&decode_text_of(element, item)?, &mut written)?;
        elements.push(Some(written));
    }
    out.extend_from_slice(array_nested::literal(&nested.dimensions, &elements).as_bytes());
    Ok(())
}

/// A literal whose elements are fitted to the modifier of their type.
///
/// # Errors
/// 22P02, and what [`fit`] says.
pub(super) fn fitted(element: PgType, text: &str, fitting: Fitting) -> Result<String, Box<PgError>> {
    of_nested(element.oid, &array_nested::parse(text)?, Style::standard(), Some((element, fitting)))
}

/// The elements of a literal with one dimension or none.
///
/// # Errors
/// 22P02, 54000, and 0A000 for more dimensions.
pub(crate) fn elements(text: &str) -> Result<Vec<Option<Cow<'_, str>>>, Box<PgError>> {
    match literal(text)? {
        ArrayLiteral::OneDimension(elements) => elements.collect(),
        ArrayLiteral::Other => {
            let Nested { dimensions, elements } = array_nested::parse(text)?;
            one_dimension(&dimensions)?;
            Ok(elements)
        }
    }
}

/// The elements of an array of any type in binary form, as text.
///
/// # Errors
/// As [`decode_binary`], and 0A000 for more than one dimension.
pub(crate) fn elements_of_binary(bytes: &[u8]) -> Result<Vec<Option<String>>, Box<PgError>> {
    let (dimensions, elements) = read_binary(None, bytes)?;
    one_dimension(&dimensions)?;
    let text = |item: Vec<u8>| {
        String::from_utf8(item).map_err(|_| PgError::error(SqlState::INVALID_BINARY, "malformed array parameter"))
    };
    elements.into_iter().map(|item| item.map(text).transpose()).collect()
}

fn one_dimension(dimensions: &[Dimension]) -> Result<(), Box<PgError>> {
    if dimensions.len() > 1 {
        return Err(PgError::unsupported("arrays of more than one dimension are not supported"));
    }
    Ok(())
}

/// The literal of elements in their text form, as `array_out` prints it.
pub(crate) fn text_of<'a>(elements: impl IntoIterator<Item = Option<&'a str>>) -> String {
    let mut writer = LiteralWriter::default();
    for element in elements {
        writer.element(element.map(str::as_bytes));
    }
    writer.finish()
}

/// Reads an array parameter in binary form (`array_recv`) into the canonical literal.
///
/// # Errors
/// 22P03, 42804 for another element type, 54000 beyond six dimensions, and what the element's type says.
pub(super) fn decode_binary(element: Oid, bytes: &[u8]) -> Result<Datum<'static>, Box<PgError>> {
    let (dimensions, elements) = read_binary(Some(element), bytes)?;
    Ok(Datum::Owned(array_nested::literal(&dimensions, &elements)))
}

/// Dimensions, and elements in their text form.
type Parts = (Vec<Dimension>, Vec<Option<Vec<u8>>>);

/// Takes an array apart whose elements are of this type, or of any.
fn read_binary(element: Option<Oid>, bytes: &[u8]) -> Result<Parts, Box<PgError>> {
    let mut reader = Reader { bytes };
    let dimensions = reader.i32()?;
    let _has_nulls = reader.i32()?;
    let element_sent = Oid(reader.i32()?.cast_unsigned());
    let element = element.unwrap_or(element_sent);
    if element_sent != element {
        return Err(PgError::error(
            SqlState::DATATYPE_MISMATCH,
            format!("binary data has array element type {} instead of expected {}", element_sent.0, element.0),
        ));
    }
    let invalid = |message: String| PgError::error(SqlState::INVALID_BINARY, message);
    if !(0..=6).contains(&dimensions) {
        return Err(invalid(format!("invalid number of dimensions: {dimensions}")));
    }
    let mut shape = Vec::new();
    let mut count = usize::from(dimensions > 0);
    for _ in 0..dimensions {
        let length = usize::try_from(reader.i32()?).map_err(|_| invalid("incorrect binary data format".to_owned()))?;
        shape.push(Dimension { length, lower_bound: reader.i32()? });
        count =
            count.checked_mul(length).ok_or_else(|| invalid("array size exceeds the maximum allowed".to_owned()))?;
    }
    if count == 0 {
        shape.clear();
    }
    let encoder = Encoder::select(PgType::new(element), Format::Text)?;
    let mut elements = Vec::new();
    // Every element takes four bytes at least, so a false count ends at the end of the bytes.
    for _ in 0..count {
        let Some(item) = reader.value()? else {
            elements.push(None);
            continue;
        };
        let mut text = Vec::new();
        encoder.encode(&decode(element, Format::Binary, item)?, &mut text)?;
        elements.push(Some(text));
    }
    if !reader.bytes.is_empty() {
        return Err(invalid("incorrect binary data format".to_owned()));
    }
    Ok((shape, elements))
}

/// Appends the binary form of a literal (`array_send`).
///
/// # Errors
/// 22P02, and what the element's type says.
pub(super) fn encode_binary(element: PgType, text: &str, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let ArrayLiteral::OneDimension(elements) = literal(text)? else {
        return encode_nested(element, &array_nested::parse(text)?, out);
    };
    let encoder = Encoder::select(element, Format::Binary)?;
    let start = out.len();
    // Dimensions, flag of NULLs, element type, count, lower bound; the first two and the count are patched below.
    for word in [1, 0, element.oid.0, 0, 1] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    let (mut count, mut has_nulls) = (0u32, false);
    for item in elements {
        count = count.saturating_add(1);
        let length_at = out.len();
        out.extend_from_slice(&(-1i32).to_be_bytes());
        let item = item?;
        let datum = match item.as_deref() {
            Some(item) => decode_text_of(element.oid, item)?,
            None => Datum::Null,
        };
        match encoder.encode(&datum, out)? {
            IsNull::Yes => has_nulls = true,
            IsNull::No => {
                let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
                patch(out, length_at, length);
            }
        }
    }
    if count == 0 {
        // array_send gives an empty array no dimension.
        out.truncate(start + 12);
        patch(out, start, 0);
        return Ok(());
    }
    patch(out, start + 4, u32::from(has_nulls));
    patch(out, start + 12, count);
    Ok(())
}

fn encode_nested(element: PgType, nested: &Nested<'_>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let encoder = Encoder::select(element, Format::Binary)?;
    let word = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let has_nulls = nested.elements.iter().any(Option::is_none);
    for word in [word(nested.dimensions.len()), u32::from(has_nulls), element.oid.0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for Dimension { length, lower_bound } in &nested.dimensions {
        out.extend_from_slice(&word(*length).to_be_bytes());
        out.extend_from_slice(&lower_bound.to_be_bytes());
    }
    for item in &nested.elements {
        let length_at = out.len();
        out.extend_from_slice(&(-1i32).to_be_bytes());
        let datum = match item.as_deref() {
            Some(item) => decode_text_of(element.oid, item)?,
            None => Datum::Null,
        };
        if encoder.encode(&datum, out)? == IsNull::No {
            let length = word(out.len() - length_at - 4);
            patch(out, length_at, length);
        }
    }
    Ok(())
}

fn patch(out: &mut [u8], at: usize, word: u32) {
    if let Some(target) = out.get_mut(at..at + 4) {
        target.copy_from_slice(&word.to_be_bytes());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn short() -> Box<PgError> {
        PgError::error(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")
    }

    fn i32(&mut self) -> Result<i32, Box<PgError>> {
        let (word, rest) = self.bytes.split_first_chunk::<4>().ok_or_else(Self::short)?;
        self.bytes = rest;
        Ok(i32::from_be_bytes(*word))
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>, Box<PgError>> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| Self::short())?;
        let (value, rest) = self.bytes.split_at_checked(length).ok_or_else(Self::short)?;
        self.bytes = rest;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_one_dimension() {
        let of = |text| elements(text).map(|all| text_of(all.iter().map(Option::as_deref)));
        for (text, expected) in [
            ("{}", "{}"),
            (" { a , \"NULL\" , null,\\ b\\  } ", "{a,\"NULL\",NULL,\" b \"}"),
            ("[2:3]={1,\"a\\\"b\"}", "{1,\"a\\\"b\"}"),
            ("{{},{}}", "{}"),
        ] {
            assert_eq!(of(text).unwrap(), expected, "{text}");
        }
        for (text, code) in [
            ("{{1,2},{3,4}}", SqlState::FEATURE_NOT_SUPPORTED),
            ("{{1}", SqlState::INVALID_TEXT),
            ("{1,}", SqlState::INVALID_TEXT),
            ("[0:0]={1,2}", SqlState::INVALID_TEXT),
        ] {
            assert_eq!(of(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn elements_of_binary_arrays() {
        for (text, expected) in
            [("{1,NULL,3}", &[Some("1"), None, Some("3")][..]), ("[5:5]={7}", &[Some("7")]), ("{}", &[])]
        {
            let mut bytes = Vec::new();
            encode_binary(PgType::new(Oid::INT4), text, &mut bytes).unwrap();
            let found = elements_of_binary(&bytes).unwrap();
            assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
            bytes.push(0);
            assert_eq!(elements_of_binary(&bytes).unwrap_err().code, SqlState::INVALID_BINARY);
        }
        let mut bytes = Vec::new();
        encode_binary(PgType::new(Oid::INT4), "{{1},{2}}", &mut bytes).unwrap();
        assert_eq!(elements_of_binary(&bytes).unwrap_err().code, SqlState::FEATURE_NOT_SUPPORTED);
    }
}
