//! `$LIST` items: what all message bodies are made of (protocol facts, section 5).
//!
//! Reading is tolerant, as section 16 asks: every length form, short and 8-byte integers, cut floats, both NULL forms.
//! Writing is exact: the shortest form, byte for byte what the official client sends.

use std::fmt;

use super::decimal::Decimal;

const TYPE_NONE: u8 = 0x00;
const TYPE_LATIN1: u8 = 0x01;
const TYPE_UTF16: u8 = 0x02;
const TYPE_INT: u8 = 0x04;
const TYPE_NEGATIVE_INT: u8 = 0x05;
const TYPE_DECIMAL: u8 = 0x06;
const TYPE_NEGATIVE_DECIMAL: u8 = 0x07;
const TYPE_DOUBLE: u8 = 0x08;
const TYPE_COMPACT_DOUBLE: u8 = 0x09;
const TYPE_OREF: u8 = 0x19;
/// By-reference variants are the plain type plus this.
const BY_REFERENCE: u8 = 0x20;

/// One decoded item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item<'a> {
    /// `01`, `02 01`, type 00: SQL NULL, and the empty string where a protocol field is meant.
    Null,
    /// `03 01 00`: SQL `''`. A string that is exactly one NUL cannot be told from it.
    Empty,
    /// Code points below 256, or plain bytes.
    Latin1(&'a [u8]),
    /// UTF-16, little-endian; an even number of bytes.
    Utf16(&'a [u8]),
    /// Types 04 and 05.
    Int(i64),
    /// Types 06 and 07.
    Decimal(Decimal),
    /// Types 08 and 09.
    Double(f64),
    /// Text of an object reference; opaque.
    Oref(&'a [u8]),
}

/// Why bytes are no item, or not the item a message needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// No item is left for the field.
    #[error("list ends before {0}")]
    Missing(&'static str),
    /// The item's length reaches beyond the bytes there.
    #[error("list item announces {announced} bytes, {present} are there")]
    Truncated {
        /// By the head of the item.
        announced: usize,
        /// Behind the head.
        present: usize,
    },
    /// No item has this type.
    #[error("unknown list item type {0:#04x}")]
    UnknownType(u8),
    /// The type does not have payloads like this.
    #[error("list item of type {kind:#04x} with {bytes} payload bytes")]
    BadPayload {
        /// The type byte.
        kind: u8,
        /// Of the payload.
        bytes: usize,
    },
    /// The field holds something else.
    #[error("{0} is not of the expected type")]
    Unexpected(&'static str),
    /// The field's number is not one it can have.
    #[error("{0} is negative or too large")]
    OutOfRange(&'static str),
    /// A message is longer than what is in it.
    #[error("{count} bytes left over after {message}")]
    Trailing {
        /// Which message.
        message: &'static str,
        /// Bytes left over.
        count: usize,
    },
}

/// An item cut from a list, not yet decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RawItem<'a> {
    /// Head and payload, as they stood: what a stream handle is sent back as.
    pub bytes: &'a [u8],
    kind: u8,
    payload: &'a [u8],
}

impl fmt::Debug for RawItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawItem({:#04x}, {} bytes)", self.kind, self.payload.len())
    }
}

impl<'a> RawItem<'a> {
    /// The payload without its type.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The value.
    ///
    /// # Errors
    /// A type that is not known, or a payload that its type cannot have.
    pub fn decode(&self) -> Result<Item<'a>, ListError> {
        let payload = self.payload;
        let kind = match self.kind {
            kind @ 0x21..=0x3f => kind - BY_REFERENCE,
            kind => kind,
        };
        let bad = || ListError::BadPayload { kind: self.kind, bytes: payload.len() };
        Ok(match kind {
            TYPE_NONE => Item::Null,
            TYPE_LATIN1 => match payload {
                [] => Item::Null,
                [0] => Item::Empty,
                text => Item::Latin1(text),
            },
            TYPE_UTF16 => match payload {
                [] => Item::Null,
                [0, 0] => Item::Empty,
                text if text.len().is_multiple_of(2) => Item::Utf16(text),
                _ => return Err(bad()),
            },
            TYPE_INT => Item::Int(integer(payload, 0).ok_or_else(bad)?),
            TYPE_NEGATIVE_INT => Item::Int(integer(payload, 0xff).ok_or_else(bad)?),
            TYPE_DECIMAL | TYPE_NEGATIVE_DECIMAL => {
                let (&scale, mantissa) = payload.split_first().ok_or_else(bad)?;
                let fill = if kind == TYPE_DECIMAL { 0 } else { 0xff };
                let mantissa = integer(mantissa, fill).ok_or_else(bad)?;
                Item::Decimal(Decimal { mantissa, scale: scale.cast_signed() })
            }
            TYPE_DOUBLE => Item::Double(match *payload {
                [] => 0.0,
                // The upper half of a single.
                [a, b] => f64::from(f32::from_le_bytes([0, 0, a, b])),
                [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
                [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
                _ => return Err(bad()),
            }),
            TYPE_COMPACT_DOUBLE => {
                // A double whose lower bytes were zero and left out.
                if payload.len() > 8 {
                    return Err(bad());
                }
                let mut bytes = [0; 8];
                for (to, from) in bytes.iter_mut().rev().zip(payload.iter().rev()) {
                    *to = *from;
                }
                Item::Double(f64::from_le_bytes(bytes))
            }
            TYPE_OREF => Item::Oref(payload),
            _ => return Err(ListError::UnknownType(self.kind)),
        })
    }
}

/// Little-endian, the missing upper bytes filled: 0 for types 04 and 06, all ones for 05 and 07.
fn integer(payload: &[u8], fill: u8) -> Option<i64> {
    let mut bytes = [fill; 8];
    bytes.get_mut(..payload.len())?.copy_from_slice(payload);
    Some(i64::from_le_bytes(bytes))
}

/// Reads items one after the other. Never panics, never allocates by an announced length.
#[derive(Debug, Clone)]
pub struct ItemReader<'a> {
    rest: &'a [u8],
}

impl<'a> ItemReader<'a> {
    /// From the first of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// No item is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read, as it stands.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Cuts the next item; `None` at the end.
    ///
    /// # Errors
    /// The item is cut short.
    pub fn raw(&mut self) -> Result<Option<RawItem<'a>>, ListError> {
        let (head_bytes, content_bytes) = match *self.rest {
            [] => return Ok(None),
            [0, 0, 0, a, b, c, d, ..] => (7, u32::from_le_bytes([a, b, c, d]) as usize),
            [0, 0, 0, ..] => return Err(self.truncated(7)),
            [0, a, b, ..] => (3, usize::from(u16::from_le_bytes([a, b]))),
            [0, ..] => return Err(self.truncated(3)),
            [1, ..] => (1, 0),
            [length, ..] => (1, usize::from(length) - 1),
        };
        let total = content_bytes.saturating_add(head_bytes);
        let Some((bytes, rest)) = self.rest.split_at_checked(total) else { return Err(self.truncated(total)) };
        let (kind, payload) = match bytes.get(head_bytes..) {
            Some([kind, payload @ ..]) => (*kind, payload),
            _ => (TYPE_NONE, [].as_slice()),
        };
        self.rest = rest;
        Ok(Some(RawItem { bytes, kind, payload }))
    }

    fn truncated(&self, announced: usize) -> ListError {
        ListError::Truncated { announced, present: self.rest.len() }
    }

    /// Decodes the next item; `None` at the end.
    ///
    /// # Errors
    /// The item is cut short, or no value.
    pub fn item(&mut self) -> Result<Option<Item<'a>>, ListError> {
        self.raw()?.map(|raw| raw.decode()).transpose()
    }

    /// Cuts an item that must be there.
    ///
    /// # Errors
    /// The list ends, or the item is cut short.
    pub fn need_raw(&mut self, field: &'static str) -> Result<RawItem<'a>, ListError> {
        self.raw()?.ok_or(ListError::Missing(field))
    }

    /// Decodes an item that must be there.
    ///
    /// # Errors
    /// The list ends, or the item is cut short or no value.
    pub fn need(&mut self, field: &'static str) -> Result<Item<'a>, ListError> {
        self.need_raw(field)?.decode()
    }

    /// A whole number, however it is written: integer, decimal without fraction, digits, or empty for 0.
    ///
    /// # Errors
    /// As [`need`](Self::need), and for what is no whole number.
    pub fn int(&mut self, field: &'static str) -> Result<i64, ListError> {
        match self.need(field)? {
            Item::Int(value) => Ok(value),
            Item::Null | Item::Empty => Ok(0),
            Item::Decimal(decimal) => whole(decimal).ok_or(ListError::Unexpected(field)),
            Item::Latin1(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or(ListError::Unexpected(field)),
            Item::Utf16(_) | Item::Double(_) | Item::Oref(_) => Err(ListError::Unexpected(field)),
        }
    }

    /// As [`int`](Self::int).
    ///
    /// # Errors
    /// As [`int`](Self::int), and for what has more than 32 bits.
    pub fn int32(&mut self, field: &'static str) -> Result<i32, ListError> {
        i32::try_from(self.int(field)?).map_err(|_| ListError::OutOfRange(field))
    }

    /// A number of things that follow. Bounded by the bytes left (each thing takes at least one), so a caller may
    /// reserve room for it.
    ///
    /// # Errors
    /// As [`int`](Self::int), and for what is negative or more than there are bytes left.
    pub fn count(&mut self, field: &'static str) -> Result<usize, ListError> {
        let count = usize::try_from(self.int(field)?).map_err(|_| ListError::OutOfRange(field))?;
        if count > self.rest.len() { Err(ListError::OutOfRange(field)) } else { Ok(count) }
    }

    /// A protocol string; NULL and one NUL are both empty, numbers are formatted.
    ///
    /// # Errors
    /// As [`need`](Self::need), and for UTF-16 with a lone surrogate.
    pub fn text(&mut self, field: &'static str) -> Result<String, ListError> {
        self.need(field)?.to_text().ok_or(ListError::Unexpected(field))
    }

    /// A protocol string as bytes (type 01), without conversion.
    ///
    /// # Errors
    /// As [`need`](Self::need), and for what is no string of bytes.
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], ListError> {
        match self.need(field)? {
            Item::Null => Ok(&[]),
            Item::Empty => Ok(&[0]),
            Item::Latin1(bytes) | Item::Oref(bytes) => Ok(bytes),
            _ => Err(ListError::Unexpected(field)),
        }
    }

    /// Refuses what is left over.
    ///
    /// # Errors
    /// [`ListError::Trailing`]
    pub fn finish(&self, message: &'static str) -> Result<(), ListError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(ListError::Trailing { message, count }),
        }
    }

    /// Skips `count` items and returns them as they stand.
    ///
    /// # Errors
    /// One of them is missing or cut short.
    pub fn slice(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], ListError> {
        let before = self.rest;
        for _ in 0..count {
            self.need_raw(field)?;
        }
        let taken = before.len() - self.rest.len();
        before.get(..taken).ok_or(ListError::Missing(field))
    }
}

impl Item<'_> {
    /// The item as text; `None` for UTF-16 that is not text (lone surrogates).
    pub fn to_text(&self) -> Option<String> {
        Some(match *self {
            Item::Null | Item::Empty => String::new(),
            Item::Latin1(bytes) | Item::Oref(bytes) => latin1_to_string(bytes),
            Item::Utf16(bytes) => utf16_to_string(bytes)?,
            Item::Int(value) => value.to_string(),
            Item::Decimal(decimal) => super::decimal::to_string(decimal),
            Item::Double(value) => value.to_string(),
        })
    }
}

fn whole(decimal: Decimal) -> Option<i64> {
    let steps = u32::from(decimal.scale.unsigned_abs());
    if decimal.mantissa == 0 {
        return Some(0);
    }
    let power = 10i64.checked_pow(steps)?;
    if decimal.scale >= 0 {
        return decimal.mantissa.checked_mul(power);
    }
    (decimal.mantissa % power == 0).then_some(decimal.mantissa / power)
}

/// Code points below 256 as a string.
pub fn latin1_to_string(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        _ => bytes.iter().copied().map(char::from).collect(),
    }
}

/// UTF-16LE as a string; `None` for an odd length or lone surrogates.
pub fn utf16_to_string(bytes: &[u8]) -> Option<String> {
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    char::decode_utf16(units.iter().map(|&unit| u16::from_le_bytes(unit))).collect::<Result<String, _>>().ok()
}

/// `02 01`: SQL NULL, or an empty protocol field.
pub fn put_null(out: &mut Vec<u8>) {
    out.extend_from_slice(&[2, TYPE_LATIN1]);
}

/// `03 01 00`: SQL `''`.
pub fn put_empty(out: &mut Vec<u8>) {
    out.extend_from_slice(&[3, TYPE_LATIN1, 0]);
}

/// SQL text: `''` is [`put_empty`].
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() { put_empty(out) } else { put_string(out, text) }
}

/// A protocol string: the empty one is `02 01`. Type 01 when all characters are below 256, else type 02.
pub fn put_string(out: &mut Vec<u8>, text: &str) {
    if text.is_ascii() {
        put_payload(out, TYPE_LATIN1, text.as_bytes());
        return;
    }
    let narrow = text.chars().all(|c| u32::from(c) < 256);
    if narrow {
        put_head(out, TYPE_LATIN1, text.chars().count());
        // Checked above: every character fits a byte.
        out.extend(text.chars().map(|c| u32::from(c) as u8));
    } else {
        put_head(out, TYPE_UTF16, text.encode_utf16().count().saturating_mul(2));
        for unit in text.encode_utf16() {
            out.extend_from_slice(&unit.to_le_bytes());
        }
    }
}

/// Bytes of a VARBINARY value (type 01); none at all are `''`.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() { put_empty(out) } else { put_payload(out, TYPE_LATIN1, bytes) }
}

/// Raw Latin-1 or list bytes of a protocol field (type 01); none at all are `02 01`.
pub fn put_latin1(out: &mut Vec<u8>, bytes: &[u8]) {
    put_payload(out, TYPE_LATIN1, bytes);
}

/// ASCII text that `write` appends: its length is known behind it only, and it is long. Not for none at all.
pub fn put_ascii_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    let payload_bytes = out.len().saturating_sub(start);
    put_head(out, TYPE_LATIN1, payload_bytes);
    let item = out.get_mut(start..).unwrap_or_default();
    let head_bytes = item.len().saturating_sub(payload_bytes);
    item.rotate_right(head_bytes);
}

/// UTF-16 code units (type 02), surrogates as they are.
pub fn put_utf16_units(out: &mut Vec<u8>, units: &[u16]) {
    put_head(out, TYPE_UTF16, units.len().saturating_mul(2));
    for unit in units {
        out.extend_from_slice(&unit.to_le_bytes());
    }
}

/// A whole number, types 04 and 05.
pub fn put_int(out: &mut Vec<u8>, value: i64) {
    let (kind, bytes, length) = integer_form(value, TYPE_INT, TYPE_NEGATIVE_INT);
    put_payload(out, kind, bytes.get(..length).unwrap_or(&bytes));
}

/// Types 06 and 07; what has no fraction may become an integer, as official clients write it.
pub fn put_decimal(out: &mut Vec<u8>, value: Decimal) {
    let (kind, bytes, length) = integer_form(value.mantissa, TYPE_DECIMAL, TYPE_NEGATIVE_DECIMAL);
    if value.mantissa == 0 {
        // What the official encoder sends for any zero without a scale.
        if value.scale == 0 {
            put_int(out, 0);
            return;
        }
    }
    put_head(out, kind, length.saturating_add(1));
    out.push(value.scale.cast_unsigned());
    out.extend_from_slice(bytes.get(..length).unwrap_or(&bytes));
}

/// Type, bytes and how many of them count. Positive numbers keep their top bit clear, negative ones drop every
/// leading `ff`: their sign stands in the type.
fn integer_form(value: i64, positive: u8, negative: u8) -> (u8, [u8; 8], usize) {
    let bytes = value.to_le_bytes();
    if value >= 0 {
        let bits = (u64::BITS - value.leading_zeros()) as usize;
        let length = if value == 0 { 0 } else { bits / 8 + 1 };
        return (positive, bytes, length.min(8));
    }
    let bits = (u64::BITS - (!value).leading_zeros()) as usize;
    (negative, bytes, bits.div_ceil(8))
}

/// Type 08 with eight bytes.
pub fn put_double(out: &mut Vec<u8>, value: f64) {
    put_payload(out, TYPE_DOUBLE, &value.to_le_bytes());
}

fn put_payload(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    put_head(out, kind, payload.len());
    out.extend_from_slice(payload);
}

/// Length and type, in the shortest form that fits (section 5.1).
fn put_head(out: &mut Vec<u8>, kind: u8, payload_bytes: usize) {
    let content = payload_bytes.saturating_add(1);
    if let Ok(total @ ..=0xff) = u8::try_from(content.saturating_add(1)) {
        out.push(total);
    } else if let Ok(content) = u16::try_from(content) {
        out.push(0);
        out.extend_from_slice(&content.to_le_bytes());
    } else {
        out.extend_from_slice(&[0; 3]);
        // A payload of 4 GiB cannot stand in a message either; the frame writer refuses it.
        out.extend_from_slice(&u32::try_from(content).unwrap_or(u32::MAX).to_le_bytes());
    }
    out.push(kind);
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
