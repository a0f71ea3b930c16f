//! money: cents of the one currency there is, `$` (lc_monetary = C).

use super::Decimal;
use super::input::invalid_text;
use super::numeric::DecimalDigits;
use crate::wire::{PgError, SqlState};

/// `cash_in`: `$1,234.567`, `-$1`, `($1)`; rounded to cents.
///
/// # Errors
/// 22P02, 22003.
pub(super) fn parse(text: &str) -> Result<Decimal, Box<PgError>> {
    let invalid = || invalid_text("money", text);
    let mut rest = text.trim();
    let mut is_negative = false;
    if let Some(inside) = rest.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        (rest, is_negative) = (inside.trim(), true);
    }
    for _ in 0..2 {
        if let Some(after) = rest.strip_prefix('-') {
            (rest, is_negative) = (after.trim_start(), true);
        }
        rest = rest.strip_prefix('+').unwrap_or(rest);
        rest = rest.strip_prefix('$').unwrap_or(rest).trim_start();
    }
    let plain: String = rest.chars().filter(|c| *c != ',').collect();
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(invalid());
    }
    let hundredfold = format!("{plain}e2");
    let cents = DecimalDigits::parse(hundredfold.as_bytes()).ok_or_else(invalid)?.round_to_i64();
    let cents = cents.ok_or_else(|| {
        PgError::error(SqlState::NUMERIC_OUT_OF_RANGE, format!("value \"{text}\" is out of range for type money"))
    })?;
    Ok(Decimal { mantissa: if is_negative { -cents } else { cents }, scale: -2 })
}

/// `cash_out`.
pub(super) fn write(cents: i64, out: &mut Vec<u8>) {
    let magnitude = cents.unsigned_abs();
    if cents < 0 {
        out.push(b'-');
    }
    out.push(b'$');
    let whole = (magnitude / 100).to_string();
    for (n, digit) in whole.bytes().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            out.push(b',');
        }
        out.push(digit);
    }
    out.extend_from_slice(format!(".{:02}", magnitude % 100).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_cash_in_and_cash_out() {
        let cases = [
            ("12.34", "$12.34"),
            ("$1,234.567", "$1,234.57"),
            ("-$1", "-$1.00"),
            ("$-1.5", "-$1.50"),
            ("($2)", "-$2.00"),
            ("0", "$0.00"),
            ("1234567", "$1,234,567.00"),
        ];
        for (text, expected) in cases {
            let mut out = Vec::new();
            write(parse(text).unwrap().mantissa, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
        for text in ["", "a", "1a", "$"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
