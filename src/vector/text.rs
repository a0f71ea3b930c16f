//! `[1,2,3]` as pgvector reads and prints it, and IRIS's literal `1,2,3`.

use super::binary::check_dimensions;
use super::{DIMENSIONS_MAX, VectorError, write_f32};

/// Reads `[1, 2.5, -3e-2]` by the rules of pgvector's `vector_in`.
///
/// # Errors
/// As `vector_in`.
pub fn parse_text(text: &str) -> Result<Vec<f32>, VectorError> {
    let mut scan = Scan { bytes: text.as_bytes(), position: 0 };
    scan.skip_blanks();
    if !scan.eat(b'[') {
        return Err(VectorError::Syntax { detail: Some("Vector contents must start with \"[\".") });
    }
    scan.skip_blanks();
    if scan.peek() == Some(b']') {
        return Err(VectorError::NoDimensions);
    }
    let vector = scan.elements()?;
    if !scan.eat(b']') {
        return Err(VectorError::Syntax { detail: None });
    }
    scan.skip_blanks();
    if scan.peek().is_some() {
        return Err(VectorError::Syntax { detail: Some("Junk after closing right brace.") });
    }
    Ok(vector)
}

/// Reads what IRIS prints for a VECTOR column: elements with commas between, no brackets (`.5,-1,2E-3`).
/// Brackets around them are accepted, as IRIS's TO_VECTOR does.
///
/// # Errors
/// Syntax, range, count.
pub(crate) fn parse_literal(text: &str) -> Result<Vec<f32>, VectorError> {
    let mut scan = Scan { bytes: text.as_bytes(), position: 0 };
    scan.skip_blanks();
    if scan.peek() == Some(b'[') {
        return parse_text(text);
    }
    if scan.peek().is_none() {
        return Err(VectorError::NoDimensions);
    }
    let vector = scan.elements()?;
    if scan.peek().is_some() {
        return Err(VectorError::Syntax { detail: None });
    }
    Ok(vector)
}

/// Appends `[1,2,3]`, floats as pgvector prints them.
///
/// # Errors
/// When pgvector could not hold the vector.
pub fn write_text(vector: &[f32], out: &mut Vec<u8>) -> Result<(), VectorError> {
    check_dimensions(vector.len())?;
    out.push(b'[');
    write_literal(vector, out);
    out.push(b']');
    Ok(())
}

/// Appends `1,2,3`, the form IRIS's TO_VECTOR reads.
pub(crate) fn write_literal(vector: &[f32], out: &mut Vec<u8>) {
    // Eleven characters and a comma is what an embedding's element takes.
    out.reserve(vector.len().saturating_mul(12));
    for (index, element) in vector.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_f32(*element, out);
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// `vector_isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C)
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.position..).unwrap_or(&[])
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.position += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// At least one element, commas between; stops at what is neither.
    fn elements(&mut self) -> Result<Vec<f32>, VectorError> {
        // An element and its comma take two bytes or more; ten is usual.
        let mut vector = Vec::with_capacity((self.rest().len() / 8).min(DIMENSIONS_MAX));
        loop {
            if vector.len() == DIMENSIONS_MAX {
                return Err(VectorError::TooManyDimensions);
            }
            self.skip_blanks();
            let start = self.position;
            vector.push(self.float(start)?);
            self.skip_blanks();
            if !self.eat(b',') {
                return Ok(vector);
            }
        }
    }

    /// One number, correctly rounded to single precision.
    fn float(&mut self, start: usize) -> Result<f32, VectorError> {
        let negative = self.eat(b'-');
        if !negative {
            self.eat(b'+');
        }
        let mut mantissa = Mantissa::default();
        self.digits(&mut mantissa);
        let whole_count = mantissa.digits_count;
        if self.eat(b'.') {
            self.digits(&mut mantissa);
        }
        if mantissa.digits_count == 0 {
            return Err(self.not_a_number());
        }
        let fraction_count = mantissa.digits_count - whole_count;
        let mut exponent = 0i64;
        if matches!(self.peek(), Some(b'e' | b'E'))
            && let Some((value, length)) = exponent_value(self.bytes.get(self.position + 1..).unwrap_or(&[]))
        {
            exponent = value;
            self.position += 1 + length;
        }
        // Digits that did not fit the mantissa count as factors of ten again.
        let dropped = i64::try_from(mantissa.dropped_count).unwrap_or(i64::MAX);
        let scale = exponent.saturating_add(dropped).saturating_sub(i64::try_from(fraction_count).unwrap_or(i64::MAX));
        let magnitude = match quick_f32(mantissa.value, scale) {
            Some(magnitude) => magnitude,
            None => self.exact_f32(start)?,
        };
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// Takes a run of digits, eight at a time.
    fn digits(&mut self, mantissa: &mut Mantissa) {
        while let Some(chunk) = self.rest().first_chunk::<8>()
            && let Some(value) = eight_digits(u64::from_le_bytes(*chunk))
            && mantissa.push_eight(value)
        {
            self.position += 8;
        }
        while let Some(byte) = self.peek()
            && byte.is_ascii_digit()
        {
            mantissa.push(byte.wrapping_sub(b'0'));
            self.position += 1;
        }
    }

    /// The standard library's correctly rounded reader, for the rare number the quick way is not sure of.
    fn exact_f32(&self, start: usize) -> Result<f32, VectorError> {
        let token =
            self.bytes.get(start..self.position).and_then(|token| std::str::from_utf8(token).ok()).unwrap_or("");
        let magnitude = token.parse::<f32>().map_err(|_| VectorError::Syntax { detail: None })?.abs();
        if magnitude.is_infinite() {
            return Err(VectorError::OutOfRange { start, end: self.position });
        }
        Ok(magnitude)
    }

    /// What stands where a number should: the words strtof knows, or nothing of the kind.
    fn not_a_number(&self) -> VectorError {
        let word = self.rest();
        let is = |name: &[u8]| word.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if is(b"nan") {
            VectorError::NotANumber
        } else if is(b"inf") {
            VectorError::Infinite
        } else {
            VectorError::Syntax { detail: None }
        }
    }
}

/// Up to 19 significant digits; further ones are only counted.
#[derive(Default)]
struct Mantissa {
    value: u64,
    digits_count: usize,
    dropped_count: usize,
}

/// The largest value that takes another digit.
const MANTISSA_ROOM: u64 = (u64::MAX - 9) / 10;

impl Mantissa {
    fn push(&mut self, digit: u8) {
        self.digits_count += 1;
        if self.dropped_count > 0 || self.value > MANTISSA_ROOM {
            self.dropped_count += 1;
        } else {
            self.value = self.value * 10 + u64::from(digit);
        }
    }

    /// False when eight digits more would not fit.
    fn push_eight(&mut self, value: u32) -> bool {
        if self.dropped_count > 0 || self.value > 184_467_440_736 {
            return false;
        }
        self.value = self.value * 100_000_000 + u64::from(value);
        self.digits_count += 8;
        true
    }
}

/// Eight ASCII digits, first in the lowest byte, as a number.
fn eight_digits(chunk: u64) -> Option<u32> {
    let high = chunk & 0xF0F0_F0F0_F0F0_F0F0;
    let carried = (chunk.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4;
    if (high | carried) != 0x3333_3333_3333_3333 {
        return None;
    }
    // Neighbours join: digits to pairs, pairs to fours, fours to eight.
    let digits = chunk & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let all = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    u32::try_from(all).ok()
}

/// `[+-]digits` and how long it is; clamped far beyond single precision.
fn exponent_value(bytes: &[u8]) -> Option<(i64, usize)> {
    let (negative, digits, sign_length) = match bytes {
        [b'-', digits @ ..] => (true, digits, 1),
        [b'+', digits @ ..] => (false, digits, 1),
        digits => (false, digits, 0),
    };
    let count = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if count == 0 {
        return None;
    }
    let value = digits
        .iter()
        .take(count)
        .fold(0i64, |value, byte| (value * 10 + i64::from(byte.wrapping_sub(b'0'))).min(1_000_000));
    Some((if negative { -value } else { value }, sign_length + count))
}

/// Powers of ten from 10^-22 to 10^22, nearest doubles.
const POWERS_OF_TEN: [f64; 45] = [
    1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6,
    1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// `mantissa * 10^scale` rounded to single precision, when double precision is enough to be sure of it.
///
/// The double is at most a few units in the last place off (mantissa, power and product are rounded, digits beyond
/// the nineteenth dropped). Rounding it again gives the right answer unless it lies that close to the middle between
/// two singles.
#[allow(clippy::cast_possible_truncation, reason = "rounded into range before")]
fn quick_f32(mantissa: u64, scale: i64) -> Option<f32> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let power = POWERS_OF_TEN.get(usize::try_from(scale.checked_add(22)?).ok()?)?;
    #[allow(clippy::cast_precision_loss, reason = "a double is what is asked for")]
    let double = mantissa as f64 * power;
    if !(1e-37..1e38).contains(&double) {
        return None;
    }
    // A single keeps 23 of the 52 bits; the middle is a one with 28 zeros after it.
    let tail = double.to_bits() & 0x1FFF_FFFF;
    if tail.abs_diff(0x1000_0000) <= 8 { None } else { Some(double as f32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of correct: cut at commas, read by the standard library.
    fn twin(text: &str) -> Vec<f32> {
        text.trim_matches(['[', ']']).split(',').map(|part| part.trim().parse().unwrap()).collect()
    }

    fn bits(vector: &[f32]) -> Vec<u32> {
        vector.iter().map(|element| element.to_bits()).collect()
    }

    #[test]
    fn text_as_pgvector_reads_it() {
        let syntax = VectorError::Syntax { detail: None };
        let start = VectorError::Syntax { detail: Some("Vector contents must start with \"[\".") };
        let junk = VectorError::Syntax { detail: Some("Junk after closing right brace.") };
        let cases: [(&str, Result<&[f32], VectorError>); 30] = [
            ("[1,2,3]", Ok(&[1.0, 2.0, 3.0])),
            (" [ 1 , 2.5 ,\t-3e-2 ] ", Ok(&[1.0, 2.5, -0.03])),
            ("[.5,5.,+1]", Ok(&[0.5, 5.0, 1.0])),
            ("[-0]", Ok(&[-0.0])),
            ("[1e-50]", Ok(&[0.0])),
            ("[3.4028235e38]", Ok(&[f32::MAX])),
            ("[1e2]", Ok(&[100.0])),
            ("", Err(start)),
            ("1,2", Err(start)),
            ("[]", Err(VectorError::NoDimensions)),
            ("[ ]", Err(VectorError::NoDimensions)),
            ("[1,]", Err(syntax)),
            ("[,1]", Err(syntax)),
            ("[1,,2]", Err(syntax)),
            ("[1", Err(syntax)),
            ("[1,", Err(syntax)),
            ("[1 2]", Err(syntax)),
            ("[a]", Err(syntax)),
            ("[1e]", Err(syntax)),
            ("[-]", Err(syntax)),
            ("[.]", Err(syntax)),
            ("[1.2.3]", Err(syntax)),
            ("[1]x", Err(junk)),
            ("[1]]", Err(junk)),
            ("[[1]]", Err(syntax)),
            ("[NaN]", Err(VectorError::NotANumber)),
            ("[Infinity]", Err(VectorError::Infinite)),
            ("[-inf]", Err(VectorError::Infinite)),
            ("[1,4e38]", Err(VectorError::OutOfRange { start: 3, end: 7 })),
            ("[-4e38]", Err(VectorError::OutOfRange { start: 1, end: 6 })),
        ];
        for (text, expected) in cases {
            let parsed = parse_text(text);
            assert_eq!(parsed.as_deref().map(bits), expected.as_ref().map(|vector| bits(vector)), "{text}");
        }
        let wide = format!("[{}1]", "1,".repeat(DIMENSIONS_MAX));
        assert_eq!(parse_text(&wide), Err(VectorError::TooManyDimensions));
        let widest = format!("[{}1]", "1,".repeat(DIMENSIONS_MAX - 1));
        assert_eq!(parse_text(&widest).unwrap().len(), DIMENSIONS_MAX);
    }

    #[test]
    fn iris_literal() {
        assert_eq!(parse_literal(".5,-1,2E-3").unwrap(), [0.5, -1.0, 0.002]);
        assert_eq!(parse_literal("[1,2]").unwrap(), [1.0, 2.0]);
        assert_eq!(parse_literal(""), Err(VectorError::NoDimensions));
        assert_eq!(parse_literal("1,2]"), Err(VectorError::Syntax { detail: None }));
        let mut out = Vec::new();
        write_literal(&[0.5, -1.0, 1e-5], &mut out);
        assert_eq!(out, b"0.5,-1,1e-05");
        write_text(&[1.0], &mut out).unwrap();
        assert!(out.ends_with(b"[1]"));
    }

    #[test]
    fn numbers_round_as_the_standard_library_rounds() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut texts = vec![
            "0.000000000000000000000000000000000000000000000001".to_owned(),
            "123456789012345678901234567890".to_owned(),
            "16777217".to_owned(),
            "16777217.0000000000000000000000001".to_owned(),
            "0.1000000014901161193847656250".to_owned(),
            "1.00000005960464477539062500000".to_owned(),
            "1.00000005960464477539062499999".to_owned(),
            "1.00000005960464477539062500001".to_owned(),
            "00000000000000000000000000000000.5".to_owned(),
            "1.17549435e-38".to_owned(),
            "1.1754942e-38".to_owned(),
        ];
        for _ in 0..100_000 {
            let bits = next();
            let single = f32::from_bits(bits as u32);
            if single.is_finite() {
                // The single, its double print, and the exact middle to the next single.
                texts.push(format!("{single:e}"));
                texts.push(format!("{}", f64::from(single)));
                let above = f64::from(f32::from_bits(single.to_bits().wrapping_add(1)));
                if above.is_finite() {
                    texts.push(format!("{}", (f64::from(single) + above) / 2.0));
                }
            }
            let fraction = (bits >> 11) as f64 / (1u64 << 53) as f64;
            texts.push(format!("{}", fraction * 2.0 - 1.0));
            texts.push(format!("{fraction:.9}"));
        }
        for text in texts {
            let expected = text.parse::<f32>().unwrap();
            match parse_literal(&text) {
                Ok(parsed) => assert_eq!(parsed[0].to_bits(), expected.to_bits(), "{text}"),
                Err(error) => {
                    assert_eq!(error, VectorError::OutOfRange { start: 0, end: text.len() }, "{text}");
                    assert!(expected.is_infinite(), "{text}");
                }
            }
        }
    }

    #[test]
    fn every_length_agrees_with_the_twin() {
        for length in 1..=257 {
            let source: Vec<f32> = (0..length).map(|index| (index as f32 * 0.618_034).sin()).collect();
            let mut out = Vec::new();
            write_text(&source, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let parsed = parse_text(&text).unwrap();
            assert_eq!(bits(&parsed), bits(&source));
            assert_eq!(bits(&parsed), bits(&twin(&text)));
        }
    }
}
