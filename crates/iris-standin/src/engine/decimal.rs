//! IRIS decimal numbers: a 64-bit mantissa and a power of ten, as `$DECIMAL` has them; text is the stored form.

use std::cmp::Ordering;

/// `mantissa * 10^exponent`, without trailing zeros in the mantissa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dec {
    mantissa: i64,
    exponent: i32,
}

/// Powers of ten outside are beyond IRIS decimals.
const EXPONENT_MAX: i32 = 127;
const EXPONENT_MIN: i32 = -128;

impl Dec {
    pub(super) const ZERO: Dec = Dec { mantissa: 0, exponent: 0 };

    pub(super) fn from_i64(value: i64) -> Dec {
        Dec::reduced(i128::from(value), 0).unwrap_or(Dec::ZERO)
    }

    /// Rounds half away from zero to what 64 bits hold; `None` beyond the exponent range.
    pub(super) fn reduced(mut mantissa: i128, mut exponent: i32) -> Option<Dec> {
        if mantissa == 0 {
            return Some(Dec::ZERO);
        }
        while mantissa.unsigned_abs() > i64::MAX.unsigned_abs().into() {
            let digit = mantissa % 10;
            mantissa /= 10;
            exponent += 1;
            // Only the last dropped digit rounds: the ones before it cannot change a half.
            if mantissa.unsigned_abs() <= i64::MAX.unsigned_abs().into() && digit.abs() >= 5 {
                mantissa += digit.signum();
            }
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        if exponent > EXPONENT_MAX {
            return None;
        }
        if exponent < EXPONENT_MIN {
            return Some(Dec::ZERO);
        }
        i64::try_from(mantissa).ok().map(|mantissa| Dec { mantissa, exponent })
    }

    /// The whole text must be a number; blanks around it are allowed.
    pub(super) fn parse(text: &str) -> Option<Dec> {
        let text = text.trim();
        let (value, used) = Dec::prefix(text)?;
        (used == text.len()).then_some(value)
    }

    /// The number a text begins with, 0 for none: how IRIS makes numbers of strings.
    pub(super) fn lenient(text: &str) -> Dec {
        Dec::prefix(text.trim_start()).map_or(Dec::ZERO, |(value, _)| value)
    }

    /// The number at the beginning and its length in bytes.
    fn prefix(text: &str) -> Option<(Dec, usize)> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = bytes.get(at) {
            negative ^= *sign == b'-';
            at += 1;
        }
        let mut mantissa: i128 = 0;
        let mut exponent: i32 = 0;
        let mut digits = 0;
        let mut point = false;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    // Digits beyond 36 cannot matter to a 19-digit result.
                    if mantissa < 1_000_000_000_000_000_000_000_000_000_000_000_000 {
                        mantissa = mantissa * 10 + i128::from(byte - b'0');
                        exponent -= i32::from(point);
                    } else {
                        exponent += i32::from(!point);
                    }
                }
                b'.' if !point => point = true,
                _ => break,
            }
            at += 1;
        }
        if digits == 0 {
            return None;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = bytes.iter().skip(at + 1 + sign).take_while(|b| b.is_ascii_digit()).count();
            if end > 0 {
                let text = text.get(at + 1..at + 1 + sign + end)?;
                let power: i32 = text.parse::<i32>().ok()?.clamp(-10_000, 10_000);
                exponent = exponent.saturating_add(power);
                at += 1 + sign + end;
            }
        }
        let mantissa = if negative { -mantissa } else { mantissa };
        Dec::reduced(mantissa, exponent).map(|value| (value, at))
    }

    /// The shortest decimal that reads back as the same double.
    pub(super) fn from_f64(value: f64) -> Option<Dec> {
        if !value.is_finite() {
            return None;
        }
        Dec::parse(&format!("{value:e}"))
    }

    pub(super) fn to_f64(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(0.0)
    }

    pub(super) fn parts(self) -> (i64, i32) {
        (self.mantissa, self.exponent)
    }

    pub(super) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    pub(super) fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    pub(super) fn negate(self) -> Dec {
        Dec { mantissa: self.mantissa.saturating_neg(), exponent: self.exponent }
    }

    pub(super) fn abs(self) -> Dec {
        if self.is_negative() { self.negate() } else { self }
    }

    /// Both mantissas at one exponent; `None` when they are too far apart for 128 bits.
    fn aligned(self, other: Dec) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |value: Dec| {
            let by = u32::try_from(value.exponent - exponent).ok()?;
            i128::from(value.mantissa).checked_mul(10i128.checked_pow(by)?)
        };
        Some((scaled(self)?, scaled(other)?, exponent))
    }

    pub(super) fn add(self, other: Dec) -> Option<Dec> {
        match self.aligned(other) {
            Some((a, b, exponent)) => Dec::reduced(a.checked_add(b)?, exponent),
            // So far apart that the smaller is below the last digit of the greater.
            None => Some(if self.abs().cmp(&other.abs()) == Ordering::Less { other } else { self }),
        }
    }

    pub(super) fn subtract(self, other: Dec) -> Option<Dec> {
        self.add(other.negate())
    }

    pub(super) fn multiply(self, other: Dec) -> Option<Dec> {
        Dec::reduced(i128::from(self.mantissa) * i128::from(other.mantissa), self.exponent + other.exponent)
    }

    /// To 18 significant digits or more; `None` for division by zero.
    pub(super) fn divide(self, other: Dec) -> Option<Dec> {
        if other.is_zero() {
            return None;
        }
        // As many digits as stay below 10^38 < 2^127: no divisor has more than 19.
        let digits = self.mantissa.unsigned_abs().checked_ilog10().map_or(1, |digits| digits + 1);
        let places = 38_u32.saturating_sub(digits);
        let scaled = i128::from(self.mantissa).checked_mul(10i128.checked_pow(places)?)?;
        let places = i32::try_from(places).ok()?;
        let divisor = i128::from(other.mantissa);
        let quotient = scaled / divisor;
        let rest = scaled % divisor;
        if rest.unsigned_abs() * 2 >= divisor.unsigned_abs() && quotient.unsigned_abs() < i64::MAX.unsigned_abs().into()
        {
            let sign = if (scaled < 0) == (divisor < 0) { 1 } else { -1 };
            return Dec::reduced(quotient + sign, self.exponent - other.exponent - places);
        }
        Dec::reduced(quotient, self.exponent - other.exponent - places)
    }

    /// Towards zero.
    pub(super) fn truncate(self) -> Dec {
        self.scaled_down(0, false)
    }

    pub(super) fn floor(self) -> Dec {
        let whole = self.truncate();
        if self.is_negative() && whole != self { whole.subtract(Dec::from_i64(1)).unwrap_or(whole) } else { whole }
    }

    pub(super) fn ceiling(self) -> Dec {
        self.negate().floor().negate()
    }

    /// Half away from zero, to `scale` digits behind the point (negative: before it).
    pub(super) fn round(self, scale: i32) -> Dec {
        self.scaled_down(scale, true)
    }

    pub(super) fn truncate_to(self, scale: i32) -> Dec {
        self.scaled_down(scale, false)
    }

    fn scaled_down(self, scale: i32, round: bool) -> Dec {
        let drop = (-scale).saturating_sub(self.exponent);
        if drop <= 0 {
            return self;
        }
        let Some(power) = u32::try_from(drop).ok().and_then(|drop| 10i128.checked_pow(drop)) else { return Dec::ZERO };
        let mantissa = i128::from(self.mantissa);
        let mut quotient = mantissa / power;
        if round && (mantissa % power).unsigned_abs() * 2 >= power.unsigned_abs() {
            quotient += mantissa.signum();
        }
        Dec::reduced(quotient, -scale).unwrap_or(Dec::ZERO)
    }

    /// `\`: quotient towards zero.
    pub(super) fn integer_divide(self, other: Dec) -> Option<Dec> {
        let (a, b, _) = self.aligned(other)?;
        Dec::reduced(a.checked_div(b)?, 0)
    }

    /// `#`: the result has the sign of the divisor, as in ObjectScript.
    pub(super) fn modulo(self, other: Dec) -> Option<Dec> {
        let (a, b, exponent) = self.aligned(other)?;
        let rest = a.checked_rem(b)?;
        let rest = if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest };
        Dec::reduced(rest, exponent)
    }

    pub(super) fn to_i64(self) -> Option<i64> {
        let whole = self.truncate();
        let by = u32::try_from(whole.exponent).ok()?;
        whole.mantissa.checked_mul(10i64.checked_pow(by)?)
    }

    /// Whether there are digits behind the point.
    pub(super) fn is_integer(self) -> bool {
        self.exponent >= 0
    }

    /// The stored form: plain digits, no trailing zeros behind the point, `0.5`.
    pub(super) fn text(self) -> String {
        let digits = self.mantissa.unsigned_abs().to_string();
        let sign = if self.is_negative() { "-" } else { "" };
        if self.exponent >= 0 {
            return format!("{sign}{digits}{}", "0".repeat(usize::try_from(self.exponent).unwrap_or(0)));
        }
        let behind = usize::try_from(-self.exponent).unwrap_or(0);
        if digits.len() > behind {
            let (whole, fraction) = digits.split_at(digits.len() - behind);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{}{digits}", "0".repeat(behind - digits.len()))
        }
    }

    /// As IRIS turns numbers into strings: `.5`, `-.5`.
    pub(super) fn iris_text(self) -> String {
        let text = self.text();
        if let Some(rest) = text.strip_prefix("0.") {
            return format!(".{rest}");
        }
        if let Some(rest) = text.strip_prefix("-0.") {
            return format!("-.{rest}");
        }
        text
    }

    pub(super) fn cmp(&self, other: &Dec) -> Ordering {
        match self.aligned(*other) {
            Some((a, b, _)) => a.cmp(&b),
            None => {
                let sign = |d: &Dec| d.mantissa.signum();
                sign(self).cmp(&sign(other)).then_with(|| {
                    // The one with the greater exponent is greater in size by far.
                    let by_size = self.exponent.cmp(&other.exponent);
                    if self.is_negative() { by_size.reverse() } else { by_size }
                })
            }
        }
    }
}

/// Compares stored decimal text by value: the collation IRIS_DECIMAL.
pub(super) fn compare_text(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (Parts::of(a), Parts::of(b)) {
        (Some(x), Some(y)) => x.cmp(&y),
        // Not written by this engine: any total order will do, numbers first.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// Stored text in pieces, compared without arithmetic.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if digits.is_empty() || !plain(whole) || !plain(fraction) {
            return None;
        }
        Some(Parts { negative, whole: whole.trim_start_matches('0'), fraction: fraction.trim_end_matches('0') })
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |parts: &Self| i8::from(!parts.is_zero()) * if parts.negative { -1 } else { 1 };
        let by_size = || {
            let whole = self.whole.len().cmp(&other.whole.len()).then_with(|| self.whole.cmp(other.whole));
            whole.then_with(|| self.fraction.cmp(other.fraction))
        };
        sign(self).cmp(&sign(other)).then_with(|| if self.negative { by_size().reverse() } else { by_size() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Dec {
        Dec::parse(text).unwrap()
    }

    #[test]
    fn arithmetic_is_decimal() {
        assert_eq!(d("0.1").add(d("0.2")).unwrap().text(), "0.3");
        assert_eq!(d("7").divide(d("2")).unwrap().text(), "3.5");
        assert_eq!(d("1").divide(d("3")).unwrap().text(), "0.3333333333333333333");
        assert_eq!(d("2").divide(d("3")).unwrap().text(), "0.6666666666666666667");
        assert_eq!(d("-1").divide(d("12345.678901")).unwrap().text(), "-0.00008100000073053900659");
        assert_eq!(d("12.5").multiply(d("-4")).unwrap().text(), "-50");
        assert_eq!(d("-7").modulo(d("3")).unwrap().text(), "2");
        assert_eq!(d("7").modulo(d("-3")).unwrap().text(), "-2");
        assert_eq!(d("-7").integer_divide(d("2")).unwrap().text(), "-3");
        assert_eq!(d("1").divide(Dec::ZERO), None);
        assert_eq!(d("1").modulo(Dec::ZERO), None);
        assert_eq!(d("9223372036854775807").add(d("1")).unwrap().text(), "9223372036854775810");
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (text, scale, expected) in [
            ("2.5", 0, "3"),
            ("-2.5", 0, "-3"),
            ("1.005", 2, "1.01"),
            ("1250", -2, "1300"),
            ("0.04", 1, "0"),
            ("1.2", 5, "1.2"),
        ] {
            assert_eq!(d(text).round(scale).text(), expected, "{text} to {scale}");
        }
        assert_eq!(d("-1.7").floor().text(), "-2");
        assert_eq!(d("1.2").ceiling().text(), "2");
        assert_eq!(d("-1.7").truncate().text(), "-1");
    }

    #[test]
    fn text_is_canonical() {
        for (text, stored, iris) in [
            ("900.10", "900.1", "900.1"),
            ("-.50", "-0.5", "-.5"),
            ("1.5e3", "1500", "1500"),
            ("00", "0", "0"),
            ("1e-3", "0.001", ".001"),
        ] {
            assert_eq!(d(text).text(), stored);
            assert_eq!(d(text).iris_text(), iris);
        }
        assert_eq!(Dec::lenient("12abc").text(), "12");
        assert_eq!(Dec::lenient("abc"), Dec::ZERO);
        assert_eq!(Dec::parse("12abc"), None);
        assert_eq!(Dec::parse(""), None);
        assert_eq!(Dec::from_f64(0.1).unwrap().text(), "0.1");
    }

    #[test]
    fn stored_text_orders_as_the_numbers_do() {
        let sorted = [
            "-100.5",
            "-20",
            "-3.14",
            "-3",
            "-0.5",
            "0",
            "0.001",
            "0.5",
            "2",
            "10",
            "10.05",
            "10.5",
            "9223372036854775810",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare_text(a, b), i.cmp(&j), "{a} {b}");
                assert_eq!(d(a).cmp(&d(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }
}
