//! Decimal numbers of `$LIST` items and their text.

/// `mantissa * 10^scale`: what IRIS `$LIST` items of types 06 and 07 hold exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits, with the sign.
    pub mantissa: i64,
    /// Negative: as many digits stand behind the point.
    pub scale: i8,
}

/// Digits in canonical PostgreSQL form: no exponent, a zero before the point, trailing zeros kept.
pub fn to_string(value: Decimal) -> String {
    let mut out = String::new();
    push(&mut out, value);
    out
}

/// As [`to_string`], appended.
pub fn push(out: &mut String, value: Decimal) {
    use std::fmt::Write;
    if value.mantissa < 0 {
        out.push('-');
    }
    let digits = value.mantissa.unsigned_abs();
    if value.scale >= 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "{digits}");
        if digits != 0 {
            out.extend(std::iter::repeat_n('0', usize::from(value.scale.unsigned_abs())));
        }
        return;
    }
    let places = usize::from(value.scale.unsigned_abs());
    let text = format!("{digits:0>width$}", width = places.saturating_add(1));
    let (whole, fraction) = text.split_at(text.len().saturating_sub(places));
    out.push_str(whole);
    out.push('.');
    out.push_str(fraction);
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// As it was written.
    Exact(Decimal),
    /// More digits than a 64-bit mantissa holds: rounded half up, as the official encoder does.
    Rounded(Decimal),
}

impl Parsed {
    /// The number, rounded or not.
    pub fn value(self) -> Decimal {
        match self {
            Self::Exact(value) | Self::Rounded(value) => value,
        }
    }
}

/// Reads `[+-]digits[.digits][E[+-]digits]`. `None` for anything else, and for numbers beyond 10^127 * (2^63 - 1).
/// Numbers below 10^-128 become 0 (section 5.2).
pub fn parse(text: &str) -> Option<Parsed> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let mut digits = Digits::default();
    let mut bytes = unsigned.iter();
    let mut in_fraction = false;
    let mut exponent = 0i64;
    while let Some(&byte) = bytes.next() {
        match byte {
            b'0'..=b'9' => digits.push(byte - b'0', in_fraction),
            b'.' if !in_fraction => in_fraction = true,
            b'e' | b'E' => {
                exponent = std::str::from_utf8(bytes.as_slice()).ok()?.parse::<i32>().ok()?.into();
                break;
            }
            _ => return None,
        }
    }
    if !digits.seen {
        return None;
    }
    digits.finish(negative, exponent)
}

/// Digits gathered so far: `kept * 10^scale`, the rest only as rounding information.
#[derive(Default)]
struct Digits {
    kept: u64,
    scale: i64,
    seen: bool,
    full: bool,
    /// First digit that did not fit.
    first_lost: u8,
    lost_nonzero: bool,
}

const MANTISSA_MAX: u64 = i64::MAX as u64;

impl Digits {
    fn push(&mut self, digit: u8, in_fraction: bool) {
        self.seen = true;
        let grown = self.kept.checked_mul(10).and_then(|kept| kept.checked_add(u64::from(digit)));
        // 2^63 itself is a mantissa of negative numbers only; `finish` shortens it for positive ones.
        match grown.filter(|&kept| !self.full && kept <= MANTISSA_MAX + 1) {
            Some(kept) => {
                self.kept = kept;
                self.scale -= i64::from(in_fraction);
            }
            None => {
                if !self.full {
                    self.full = true;
                    self.first_lost = digit;
                }
                self.lost_nonzero |= digit != 0;
                self.scale += i64::from(!in_fraction);
            }
        }
    }

    fn finish(mut self, negative: bool, exponent: i64) -> Option<Parsed> {
        let mut scale = self.scale.checked_add(exponent)?;
        let mut exact = !self.lost_nonzero;
        if self.full && self.first_lost >= 5 {
            self.kept += 1;
        }
        let limit = if negative { MANTISSA_MAX + 1 } else { MANTISSA_MAX };
        while self.kept > limit || (scale < -128 && self.kept != 0) {
            let (quotient, digit) = (self.kept / 10, self.kept % 10);
            self.kept = quotient + u64::from(digit >= 5);
            exact &= digit == 0;
            scale += 1;
        }
        if self.kept == 0 {
            let scale = scale.clamp(-128, 0);
            let zero = Decimal { mantissa: 0, scale: i8::try_from(if exact { scale } else { 0 }).ok()? };
            return Some(if exact { Parsed::Exact(zero) } else { Parsed::Rounded(zero) });
        }
        while scale > 127 {
            self.kept = self.kept.checked_mul(10).filter(|&kept| kept <= limit)?;
            scale -= 1;
        }
        let mantissa = if negative { 0i64.checked_sub_unsigned(self.kept)? } else { i64::try_from(self.kept).ok()? };
        let value = Decimal { mantissa, scale: i8::try_from(scale).ok()? };
        Some(if exact { Parsed::Exact(value) } else { Parsed::Rounded(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Decimal {
        match parse(text) {
            Some(Parsed::Exact(value)) => value,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn text_and_back() {
        for text in ["0", "1", "-1", "1.50", "-0.1", "100", "-12345.6789", "0.000", "9223372036854775807"] {
            assert_eq!(to_string(exact(text)), text);
        }
        assert_eq!(to_string(Decimal { mantissa: 1, scale: 5 }), "100000");
        assert_eq!(to_string(Decimal { mantissa: 0, scale: 5 }), "0");
    }

    #[test]
    fn too_many_digits_round_half_up() {
        let rounded = |text| match parse(text) {
            Some(Parsed::Rounded(value)) => (value.mantissa, value.scale),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(rounded("9223372036854775808"), (922_337_203_685_477_581, 1));
        assert_eq!(rounded("1E-129"), (0, 0));
        assert_eq!(parse("1E+128"), Some(Parsed::Exact(Decimal { mantissa: 10, scale: 127 })));
        assert_eq!(parse("1E+999"), None);
        assert_eq!(exact("-9223372036854775808").mantissa, i64::MIN);
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", ".", "-", "1.2.3", "1e", "abc", "1 ", "0x10", "NaN", "1e5x"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
