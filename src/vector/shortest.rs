//! The shortest decimal text that reads back as the same float, laid out as PostgreSQL 12 and later print it
//! (`extra_float_digits` = 1; the same function serves float4, float8 and pgvector).

/// Appends `value` as `float4out` prints it.
pub(crate) fn write_f32(value: f32, out: &mut Vec<u8>) {
    let magnitude = value.abs();
    if (1e-4..1e6).contains(&magnitude) {
        write_plain(zmij::Buffer::new().format_finite(value), out);
    } else if magnitude == 0.0 || !value.is_finite() {
        write_special(f64::from(value), out);
    } else {
        let bits = magnitude.to_bits();
        // An implicit one above 23 stored bits, unless subnormal.
        let stored_exponent = bits >> 23;
        let fraction = u64::from(bits & 0x7F_FFFF);
        let binary = Binary {
            mantissa: if stored_exponent == 0 { fraction } else { fraction | 1 << 23 },
            exponent: i32::try_from(stored_exponent.max(1)).unwrap_or(0) - 150,
            is_power: fraction == 0,
        };
        let digits = Digits::parse(zmij::Buffer::new().format_finite(magnitude));
        let digits = if binary.is_midpoint(&digits) { digits.inside(|n| format!("{magnitude:.n$e}")) } else { digits };
        write_exponential(value.is_sign_negative(), &digits, out);
    }
}

/// Appends `value` as `float8out` prints it.
pub(crate) fn write_f64(value: f64, out: &mut Vec<u8>) {
    let magnitude = value.abs();
    if (1e-4..1e15).contains(&magnitude) {
        write_plain(zmij::Buffer::new().format_finite(value), out);
    } else if magnitude == 0.0 || !value.is_finite() {
        write_special(value, out);
    } else {
        let bits = magnitude.to_bits();
        let stored_exponent = bits >> 52;
        let fraction = bits & 0xF_FFFF_FFFF_FFFF;
        let binary = Binary {
            mantissa: if stored_exponent == 0 { fraction } else { fraction | 1 << 52 },
            exponent: i32::try_from(stored_exponent.max(1)).unwrap_or(0) - 1075,
            is_power: fraction == 0,
        };
        let digits = Digits::parse(zmij::Buffer::new().format_finite(magnitude));
        let digits = if binary.is_midpoint(&digits) { digits.inside(|n| format!("{magnitude:.n$e}")) } else { digits };
        write_exponential(value.is_sign_negative(), &digits, out);
    }
}

/// What PostgreSQL prints without an exponent the library does too (a test keeps it); only an integer's `.0` has to go.
fn write_plain(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

fn write_special(value: f64, out: &mut Vec<u8>) {
    let text = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "Infinity"
    } else if value == f64::NEG_INFINITY {
        "-Infinity"
    } else if value.is_sign_negative() {
        "-0"
    } else {
        "0"
    };
    out.extend_from_slice(text.as_bytes());
}

/// `d[.ddd]e+XX`, at least two digits of exponent.
fn write_exponential(negative: bool, digits: &Digits, out: &mut Vec<u8>) {
    if negative {
        out.push(b'-');
    }
    if let Some((first, rest)) = digits.as_slice().split_first() {
        out.push(*first);
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest);
        }
    }
    out.push(b'e');
    out.push(if digits.exponent < 0 { b'-' } else { b'+' });
    let exponent = digits.exponent.unsigned_abs();
    if exponent < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
}

/// `mantissa * 2^exponent`, exactly a float's magnitude.
struct Binary {
    mantissa: u64,
    exponent: i32,
    /// A power of two: the float below is only half as far away.
    is_power: bool,
}

impl Binary {
    /// Whether the decimal is exactly half-way to a neighbour. Such a decimal reads back by ties-to-even, so shortest
    /// printers may give it; PostgreSQL's does not count on how its reader rounds (`d2s.c`, no `acceptBounds`) and
    /// prints one inside: `1e23` as `9.999999999999999e+22`.
    fn is_midpoint(&self, digits: &Digits) -> bool {
        // Below 2^53 (2^24) a half-way point has more digits than the shortest text ever has.
        if self.exponent < 1 || self.mantissa % 2 == 1 {
            return false;
        }
        let Some((odd, power)) = digits.odd_times_power() else { return false };
        let above = (2 * self.mantissa + 1, self.exponent - 1);
        let below = if self.is_power {
            (4 * self.mantissa - 1, self.exponent - 2)
        } else {
            (2 * self.mantissa - 1, self.exponent - 1)
        };
        [above, below].iter().any(|(mantissa, exponent)| odd == u128::from(*mantissa) && power == *exponent)
    }
}

/// A float has at most 17 significant decimal digits; the buffer also holds what the printer may add.
const DIGITS_MAX: usize = 24;

/// `d.ddd * 10^exponent`, no trailing zeros.
struct Digits {
    bytes: [u8; DIGITS_MAX],
    count: usize,
    exponent: i32,
}

impl Digits {
    /// Reads what a float printer wrote: positive, decimal, perhaps with a point and an exponent.
    fn parse(text: &str) -> Self {
        let (number, exponent) = match text.split_once('e') {
            Some((number, exponent)) => (number, exponent.parse::<i32>().unwrap_or(0)),
            None => (text, 0),
        };
        let mut digits = Self { bytes: [b'0'; DIGITS_MAX], count: 0, exponent };
        let mut before_point = true;
        let mut leading = true;
        for byte in number.bytes() {
            if byte == b'.' {
                before_point = false;
                continue;
            }
            if leading && byte == b'0' {
                if !before_point {
                    digits.exponent -= 1;
                }
                continue;
            }
            if before_point && !leading {
                digits.exponent += 1;
            }
            if leading && !before_point {
                digits.exponent -= 1;
            }
            leading = false;
            if let Some(slot) = digits.bytes.get_mut(digits.count) {
                *slot = byte;
                digits.count += 1;
            }
        }
        while digits.count > 1 && digits.bytes.get(digits.count - 1) == Some(&b'0') {
            digits.count -= 1;
        }
        digits
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.count).unwrap_or(&[])
    }

    /// The integer as `odd * 2^power`; `None` when it cannot equal 54 bits times a power of two.
    fn odd_times_power(&self) -> Option<(u128, i32)> {
        let trailing = self.exponent + 1 - i32::try_from(self.count).ok()?;
        let zeros = u32::try_from(trailing).ok()?;
        let digits = self
            .as_slice()
            .iter()
            .try_fold(0u128, |value, byte| value.checked_mul(10)?.checked_add(u128::from(byte.wrapping_sub(b'0'))))?;
        // 10^zeros = 5^zeros * 2^zeros; a 54-bit factor is not divisible by 5^24.
        let product = 5u128.checked_pow(zeros.min(24))?.checked_mul(digits)?;
        if zeros >= 24 || product == 0 {
            return None;
        }
        let twos = product.trailing_zeros();
        Some((product >> twos, i32::try_from(twos + zeros).ok()?))
    }

    /// The shortest digits that are nearer than this half-way point. `print(n)` gives n digits after the point.
    fn inside(self, print: impl Fn(usize) -> String) -> Self {
        for count in self.count..17 {
            let longer = Self::parse(&print(count));
            if longer.as_slice() != self.as_slice() || longer.exponent != self.exponent {
                return longer;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f64_text(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn f32_text(value: f32) -> String {
        let mut out = Vec::new();
        write_f32(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Right sides printed by PostgreSQL 15.
    #[test]
    fn float8_reads_as_postgresql_prints_it() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (1e22, "1e+22"),
            (1e23, "9.999999999999999e+22"),
            (8.41e21, "8.409999999999999e+21"),
            (2e22, "2e+22"),
            (1e300, "1e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(f64_text(value), expected);
        }
    }

    #[test]
    fn float4_reads_as_postgresql_prints_it() {
        let cases = [
            (0.1, "0.1"),
            (123_456.0, "123456"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (33_554_432.0, "3.3554432e+07"),
            (9.536_743e-7, "9.536743e-07"),
            (f32::MIN_POSITIVE, "1.1754944e-38"),
            (1e-45, "1e-45"),
            (f32::MAX, "3.4028235e+38"),
            (-0.000_1, "-0.0001"),
        ];
        for (value, expected) in cases {
            assert_eq!(f32_text(value), expected);
        }
    }

    #[test]
    fn no_exponent_between_the_bounds() {
        for exponent in -4..15 {
            for digits in [1.0, 1.000_000_1, 9.999_999, 1.234_567_890_123_456_7, 9.999_999_999_999_998] {
                let value = digits * 10f64.powi(exponent);
                assert!(value < 1e-4 || !f64_text(value).contains('e'), "{value}");
                if exponent < 6 {
                    let value = value as f32;
                    assert!(!(1e-4..1e6).contains(&value) || !f32_text(value).contains('e'), "{value}");
                }
            }
        }
    }

    #[test]
    fn every_text_reads_back() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..200_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let wide = f64::from_bits(state);
            if wide.is_finite() {
                assert_eq!(f64_text(wide).parse::<f64>().unwrap().to_bits(), wide.to_bits());
            }
            let narrow = f32::from_bits(state as u32);
            if narrow.is_finite() {
                assert_eq!(f32_text(narrow).parse::<f32>().unwrap().to_bits(), narrow.to_bits());
            }
        }
    }
}
