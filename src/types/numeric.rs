//! Exact decimal numbers: text of any length, IRIS's `mantissa * 10^scale`, and PostgreSQL's base 10000.

use super::{Datum, Decimal};
use crate::wire::{PgError, SqlState};

/// `NUMERIC_MAX_PRECISION` in the sense of the exponent check of `set_var_from_str`; digits before the point.
const WHOLE_DIGITS_MAX: i64 = 131_072;
/// `NUMERIC_DSCALE_MAX`: digits after the point.
const SCALE_MAX: i64 = 16_383;
/// Sign words of the binary form.
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEG_INFINITY: u16 = 0xF000;

/// A finite decimal number, borrowed: digits `head` then `tail`, the point after the first `point` of them
/// (which may lie before or behind all of them). No leading zeros; ASCII digits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalDigits<'a> {
    negative: bool,
    head: &'a [u8],
    tail: &'a [u8],
    point: i64,
    /// Digits after the point as written; the display scale where none is asked for.
    scale: i64,
}

/// Room for the digits of a 64-bit number.
pub(crate) type MantissaBuffer = itoa::Buffer;

impl<'a> DecimalDigits<'a> {
    /// Digits behind the point as the value has them.
    pub(crate) fn scale(&self) -> i64 {
        self.scale
    }

    fn new(negative: bool, head: &'a [u8], tail: &'a [u8], exponent: i64) -> Self {
        let point = i64::try_from(head.len()).unwrap_or(i64::MAX).saturating_add(exponent);
        let written = i64::try_from(head.len().saturating_add(tail.len())).unwrap_or(i64::MAX);
        let scale = written.saturating_sub(point).max(0);
        let mut number = Self { negative, head, tail, point, scale };
        number.skip_leading_zeros();
        number
    }

    fn skip_leading_zeros(&mut self) {
        let zeros = |digits: &[u8]| digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
        let in_head = zeros(self.head);
        self.head = self.head.get(in_head..).unwrap_or(&[]);
        let mut skipped = in_head;
        if self.head.is_empty() {
            let in_tail = zeros(self.tail);
            self.tail = self.tail.get(in_tail..).unwrap_or(&[]);
            skipped += in_tail;
        }
        self.point = self.point.saturating_sub(i64::try_from(skipped).unwrap_or(i64::MAX));
    }

    /// `value`, its digits in `buffer`.
    pub(crate) fn from_decimal(value: Decimal, buffer: &'a mut MantissaBuffer) -> Self {
        let digits = buffer.format(value.mantissa.unsigned_abs()).as_bytes();
        Self::new(value.mantissa < 0, digits, &[], i64::from(value.scale))
    }

    /// `[+-]digits[.digits][e[+-]digits]`, nothing around it. `None` for anything else.
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let digits_count = |bytes: &[u8]| bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
        let (head, rest) = rest.split_at_checked(digits_count(rest))?;
        let (tail, rest) = match rest {
            [b'.', rest @ ..] => rest.split_at_checked(digits_count(rest))?,
            rest => (rest.get(..0)?, rest),
        };
        if head.is_empty() && tail.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
            _ => return None,
        };
        Some(Self::new(negative, head, tail, exponent))
    }

    fn is_zero(&self) -> bool {
        self.head.iter().chain(self.tail).all(|digit| *digit == b'0')
    }

    /// The digit at a place counted from the first, 0 beyond both ends.
    fn digit(&self, index: i64) -> u8 {
        let Ok(index) = usize::try_from(index) else { return 0 };
        let byte = match self.head.get(index) {
            Some(byte) => Some(byte),
            None => index.checked_sub(self.head.len()).and_then(|index| self.tail.get(index)),
        };
        byte.map_or(0, |byte| byte.wrapping_sub(b'0'))
    }

    fn digits_count(&self) -> i64 {
        i64::try_from(self.head.len() + self.tail.len()).unwrap_or(i64::MAX)
    }

    /// Whether a number that IRIS computed, with `scale` digits behind the point, may have lost digits: they would not
    /// fit its 63 bits. Of a fraction such a value has all the digits that fit, or it was none.
    pub(crate) fn is_rounded_at(&self, scale: i32) -> bool {
        const MANTISSA_MAX: &[u8] = b"9223372036854775807";
        let places = self.point.saturating_add(i64::from(scale));
        let length = 19;
        if places < length || self.is_zero() {
            return false;
        }
        let mantissa = (0..length).map(|index| b'0' + self.digit(index));
        if places == length && mantissa.le(MANTISSA_MAX.iter().copied()) {
            return false;
        }
        scale == 0 || (17..length).any(|index| self.digit(index) != 0)
    }

    /// Whether PostgreSQL's numeric holds it; what follows may then allocate by its size.
    fn check_range(&self) -> Result<(), Box<PgError>> {
        if self.scale > SCALE_MAX || (!self.is_zero() && self.point > WHOLE_DIGITS_MAX) {
            return Err(PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, "value overflows numeric format"));
        }
        Ok(())
    }

    /// Appends the number with `scale` digits after the point (rounded half away from zero), or as many as it has.
    ///
    /// # Errors
    /// 22003 beyond PostgreSQL's numeric.
    pub(crate) fn write_text(&self, scale: Option<i32>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
        self.check_range()?;
        let scale = scale.map_or(self.scale, i64::from);
        let start = out.len();
        if self.negative {
            out.push(b'-');
        }
        let digits_start = out.len();
        // Places kept: whole digits and `scale` more; a negative scale keeps fewer whole digits.
        let kept = self.point.saturating_add(scale);
        let whole = |index: i64| if index < kept { b'0' + self.digit(index) } else { b'0' };
        if self.point <= 0 || self.is_zero() || kept < 0 || kept == 0 && self.digit(0) < 5 {
            out.push(b'0');
        } else {
            out.extend((0..self.point).map(whole));
        }
        if scale > 0 {
            out.push(b'.');
            out.extend((self.point..kept).map(whole));
        }
        if self.digit(kept) >= 5 && self.digits_count() > kept {
            // A negative scale rounds at a place left of the last one written.
            let skip = usize::try_from(scale.min(0).unsigned_abs()).unwrap_or(usize::MAX);
            round_up(out, digits_start, skip);
        }
        if self.negative
            && out.get(digits_start..).is_some_and(|text| text.iter().all(|byte| matches!(byte, b'0' | b'.')))
        {
            out.remove(start);
        }
        Ok(())
    }

    /// Appends the binary form: counts, weight, sign, scale, then base-10000 digits.
    ///
    /// # Errors
    /// 22003 beyond PostgreSQL's numeric.
    pub(crate) fn write_binary(&self, scale: Option<i32>, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
        self.check_range()?;
        let display_scale = scale.map_or(self.scale, i64::from);
        if self.digits_count() > self.point.saturating_add(display_scale) {
            // Digits have to go: round in text, which is rare, then encode that.
            let mut text = Vec::new();
            self.write_text(scale, &mut text)?;
            let rounded = DecimalDigits::parse(&text).ok_or_else(|| overflow("numeric"))?;
            return rounded.write_exact(display_scale.max(0), out);
        }
        self.write_exact(display_scale.max(0), out)
    }

    fn write_exact(&self, display_scale: i64, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
        let display_scale = u16::try_from(display_scale).map_err(|_| overflow("numeric"))?;
        if self.is_zero() {
            for word in [0, 0, POSITIVE, display_scale] {
                out.extend_from_slice(&word.to_be_bytes());
            }
            return Ok(());
        }
        // The first group holds the places 4w+3 .. 4w of powers of ten.
        let weight = (self.point - 1).div_euclid(4);
        let groups_count = (self.digits_count() - self.point).div_euclid(4) + 1 + weight + 1;
        let start = out.len();
        let sign = if self.negative { NEGATIVE } else { POSITIVE };
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&i16::try_from(weight).map_err(|_| overflow("numeric"))?.to_be_bytes());
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&display_scale.to_be_bytes());
        let mut last = 0u16;
        let mut written = 0u16;
        for group in 0..groups_count {
            let first = self.point - 1 - 4 * (weight - group) - 3;
            let value = (0..4).fold(0u16, |value, place| value * 10 + u16::from(self.digit(first + place)));
            out.extend_from_slice(&value.to_be_bytes());
            written = written.checked_add(1).ok_or_else(|| overflow("numeric"))?;
            if value != 0 {
                last = written;
            }
        }
        // Trailing zero groups are not sent.
        out.truncate(start + 8 + usize::from(last) * 2);
        if let Some(count) = out.get_mut(start..start + 2) {
            count.copy_from_slice(&last.to_be_bytes());
        }
        Ok(())
    }

    /// The place behind the point of the last digit that is not 0; 0 for a whole number.
    pub(crate) fn last_place(&self) -> i64 {
        if self.is_zero() {
            return 0;
        }
        let number = self.without_trailing_zeros();
        number.digits_count().saturating_sub(number.point).max(0)
    }

    /// Digits in front of the point; negative where the first digit stands further behind it, `None` for zero.
    pub(crate) fn whole_digits_count(&self) -> Option<i64> {
        (!self.is_zero()).then_some(self.point)
    }

    /// The nearest integer, halves away from zero (`numeric_int8`); `None` beyond 64 bits.
    pub(crate) fn round_to_i64(&self) -> Option<i64> {
        if self.is_zero() {
            return Some(0);
        }
        if self.point > 20 {
            return None;
        }
        let magnitude = (0..self.point)
            .try_fold(0i128, |value, index| value.checked_mul(10)?.checked_add(i128::from(self.digit(index))))?;
        let magnitude = magnitude + i128::from(self.point >= 0 && self.digit(self.point) >= 5);
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }

    /// `mantissa * 10^scale`, when 64 and 8 bits hold it. Trailing zeros stay: they are the display scale.
    pub(crate) fn to_decimal(self) -> Option<Decimal> {
        let exponent = self.point.checked_sub(self.digits_count())?;
        if self.digits_count() == 0 {
            return Some(Decimal { mantissa: 0, scale: i8::try_from(-self.scale).unwrap_or(0) });
        }
        if self.digits_count() > 19 {
            return None;
        }
        let magnitude =
            self.head.iter().chain(self.tail).try_fold(0i64, |value, digit| {
                value.checked_mul(10)?.checked_add(i64::from(digit.wrapping_sub(b'0')))
            })?;
        Some(Decimal {
            mantissa: if self.negative { -magnitude } else { magnitude },
            scale: i8::try_from(exponent).ok()?,
        })
    }
}

fn overflow(type_name: &str) -> Box<PgError> {
    PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("value overflows {type_name} format"))
}

/// Adds one in the last place but `skip`, from the right; 9s carry.
fn round_up(out: &mut Vec<u8>, start: usize, skip: usize) {
    let digits = out.get_mut(start..).unwrap_or(&mut []);
    for byte in digits.iter_mut().rev().filter(|byte| **byte != b'.').skip(skip) {
        if *byte == b'9' {
            *byte = b'0';
        } else {
            *byte += 1;
            return;
        }
    }
    // All nines, or rounded at a place before the first digit.
    let written = digits.len();
    out.insert(start, b'1');
    for _ in written..skip {
        out.push(b'0');
    }
}

/// `[+-]digits`, clamped far beyond what any number can have.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit.wrapping_sub(b'0'))).min(1_000_000_000));
    Some(if negative { -value } else { value })
}

/// A parameter of type numeric in text form. NaN and the infinities come as [`Datum::Double`], which the IRIS side
/// refuses; numbers beyond 64 bits as [`Datum::BigDecimal`], or [`Datum::Owned`] digits where they were not written
/// plainly.
///
/// # Errors
/// 22P02, 22003.
pub(crate) fn decode_text(text: &str) -> Result<Datum<'_>, Box<PgError>> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let Some(number) = DecimalDigits::parse(trimmed.as_bytes()) else {
        return special(trimmed).map(Datum::Double).ok_or_else(|| {
            PgError::error(SqlState::INVALID_TEXT, format!("invalid input syntax for type numeric: \"{text}\""))
        });
    };
    if let Some(decimal) = number.to_decimal() {
        return Ok(Datum::Decimal(decimal));
    }
    number.check_range()?;
    let plain = trimmed.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && !trimmed.contains(['e', 'E'])
        && !trimmed.starts_with("-.")
        && !trimmed.ends_with('.');
    if plain { Ok(Datum::BigDecimal(trimmed)) } else { number.to_owned_text() }
}

/// `NaN` and the infinities, in any case.
pub(crate) fn special(text: &str) -> Option<f64> {
    let (negative, name) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if name.eq_ignore_ascii_case("infinity") || name.eq_ignore_ascii_case("inf") {
        Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
    } else if text.eq_ignore_ascii_case("nan") {
        Some(f64::NAN)
    } else {
        None
    }
}

/// Appends the binary form of NaN or an infinity.
pub(crate) fn write_special_binary(value: f64, out: &mut Vec<u8>) {
    let sign = if value.is_nan() {
        NAN
    } else if value > 0.0 {
        INFINITY
    } else {
        NEG_INFINITY
    };
    for word in [0, 0, sign, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

impl DecimalDigits<'_> {
    fn to_owned_text(self) -> Result<Datum<'static>, Box<PgError>> {
        let mut out = Vec::new();
        self.write_text(None, &mut out)?;
        Ok(Datum::Owned(String::from_utf8_lossy(&out).into_owned()))
    }
}

/// A parameter of type numeric in binary form (`numeric_recv`).
///
/// # Errors
/// 22P03; 08P01 when it ends early.
pub(crate) fn decode_binary(bytes: &[u8]) -> Result<Datum<'static>, Box<PgError>> {
    let word = |index: usize| -> Option<u16> {
        let pair = bytes.get(index * 2..index * 2 + 2)?;
        pair.try_into().ok().map(u16::from_be_bytes)
    };
    let short = || PgError::error(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
    let invalid =
        |what: &str| PgError::error(SqlState::INVALID_BINARY, format!("invalid {what} in external \"numeric\" value"));
    let (Some(count), Some(weight), Some(sign), Some(scale)) = (word(0), word(1), word(2), word(3)) else {
        return Err(short());
    };
    match sign {
        POSITIVE | NEGATIVE => {}
        NAN => return Ok(Datum::Double(f64::NAN)),
        INFINITY => return Ok(Datum::Double(f64::INFINITY)),
        NEG_INFINITY => return Ok(Datum::Double(f64::NEG_INFINITY)),
        _ => return Err(invalid("sign")),
    }
    if i64::from(scale) > SCALE_MAX {
        return Err(invalid("scale"));
    }
    let groups = bytes.get(8..).unwrap_or(&[]);
    let expected = usize::from(count) * 2;
    if groups.len() < expected {
        return Err(short());
    }
    if groups.len() > expected {
        return Err(PgError::error(SqlState::INVALID_BINARY, "incorrect binary data format"));
    }
    // Bounded by the bytes that are here.
    let mut digits = Vec::with_capacity(groups.len() * 2);
    for pair in groups.chunks_exact(2) {
        let group = pair.try_into().map_or(u16::MAX, u16::from_be_bytes);
        if group > 9999 {
            return Err(invalid("digit"));
        }
        digits.extend([group / 1000, group / 100 % 10, group / 10 % 10, group % 10].map(|digit| {
            // Below ten by the remainders.
            b'0' + u8::try_from(digit).unwrap_or(0)
        }));
    }
    let weight = i64::from(i16::from_be_bytes(weight.to_be_bytes()));
    let whole_digits = (weight + 1) * 4;
    let exponent = whole_digits - i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let scale = i64::from(scale);
    // numeric_recv truncates digits beyond the display scale, and shows zeros up to it.
    let kept = usize::try_from((whole_digits + scale).max(0)).unwrap_or(0);
    let mut exponent = exponent;
    if digits.len() > kept {
        exponent = exponent.saturating_add(i64::try_from(digits.len() - kept).unwrap_or(0));
        digits.truncate(kept);
    }
    let mut number = DecimalDigits::new(sign == NEGATIVE, &digits, &[], exponent);
    number.scale = scale;
    // IRIS has no display scale: zeros after the last digit carry nothing.
    if let Some(decimal) = number.without_trailing_zeros().to_decimal() {
        return Ok(Datum::Decimal(decimal));
    }
    number.to_owned_text()
}

impl DecimalDigits<'_> {
    fn without_trailing_zeros(mut self) -> Self {
        while let Some((b'0', rest)) = self.tail.split_last() {
            self.tail = rest;
        }
        if self.tail.is_empty() {
            while let Some((b'0', rest)) = self.head.split_last() {
                self.head = rest;
            }
        }
        if self.head.is_empty() && self.tail.is_empty() {
            self.scale = 0;
        }
        self
    }
}

#[cfg(test)]
mod tests;
