//! Vectors as SQLite BLOBs: one byte for the element type, then the elements, little-endian.

use std::cell::RefCell;

use super::types::VectorElement;
use crate::kernels::Kernels;

/// Why a text is no vector, or two vectors do not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VectorError {
    Format,
    /// -257
    Length,
    /// -259
    Element,
}

fn tag(element: VectorElement) -> u8 {
    match element {
        VectorElement::Integer => b'i',
        VectorElement::Decimal => b'n',
        VectorElement::Double => b'd',
        VectorElement::Float => b'f',
        VectorElement::Timestamp => b't',
        VectorElement::Text => b's',
    }
}

fn element_of(tag: u8) -> Option<VectorElement> {
    [
        VectorElement::Integer,
        VectorElement::Decimal,
        VectorElement::Double,
        VectorElement::Float,
        VectorElement::Timestamp,
        VectorElement::Text,
    ]
    .into_iter()
    .find(|element| self::tag(*element) == tag)
}

fn width(element: VectorElement) -> usize {
    if element == VectorElement::Float { 4 } else { 8 }
}

/// Parses comma-separated text, brackets optional. What is longer than `length` is cut and what is shorter padded with
/// zeros, without an error (manual, `TO_VECTOR`). Elements that are no numbers count as 0, as the manual has it:
/// "coerced, and no error is thrown".
///
/// # Errors
/// [`VectorError::Format`] for nothing at all, and for numbers beside something else (-1, "different data types").
pub(super) fn parse(text: &str, element: VectorElement, length: Option<u32>) -> Result<Vec<u8>, VectorError> {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let mut blob = Vec::with_capacity(text.len());
    blob.push(tag(element));
    let mut count: u32 = 0;
    let mut strays: u32 = 0;
    for item in text.split(',').map(str::trim) {
        if push(&mut blob, element, item).is_err() {
            push(&mut blob, element, "0")?;
            strays += 1;
        }
        count += 1;
    }
    if text.is_empty() || (strays > 0 && strays < count) {
        return Err(VectorError::Format);
    }
    if let Some(length) = length {
        resize(&mut blob, element, length);
    }
    Ok(blob)
}

/// Cuts a vector, or pads it with zeros: all bits of a zero are 0 in every element type.
fn resize(blob: &mut Vec<u8>, element: VectorElement, length: u32) {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    blob.resize(length.saturating_mul(width(element)).saturating_add(1), 0);
}

fn push(blob: &mut Vec<u8>, element: VectorElement, item: &str) -> Result<(), VectorError> {
    let number: f64 = item.parse().map_err(|_| VectorError::Format)?;
    if !number.is_finite() {
        return Err(VectorError::Format);
    }
    match element {
        #[expect(clippy::cast_possible_truncation, reason = "FLOAT elements are single precision")]
        VectorElement::Float => blob.extend_from_slice(&(number as f32).to_le_bytes()),
        #[expect(clippy::cast_possible_truncation, reason = "integer elements drop the fraction")]
        VectorElement::Integer => blob.extend_from_slice(&(number as i64).to_le_bytes()),
        VectorElement::Decimal | VectorElement::Double | VectorElement::Timestamp | VectorElement::Text => {
            blob.extend_from_slice(&number.to_le_bytes());
        }
    }
    Ok(())
}

/// Element type and payload.
pub(super) fn open(blob: &[u8]) -> Option<(VectorElement, &[u8])> {
    let (first, payload) = blob.split_first()?;
    Some((element_of(*first)?, payload))
}

pub(super) fn length(blob: &[u8]) -> usize {
    open(blob).map_or(0, |(element, payload)| payload.len() / width(element))
}

/// Comma-separated numbers, as IRIS returns vectors.
pub(super) fn text(blob: &[u8]) -> String {
    let Some((element, payload)) = open(blob) else { return String::new() };
    let mut text = String::with_capacity(payload.len() * 2);
    for item in payload.chunks_exact(width(element)) {
        if !text.is_empty() {
            text.push(',');
        }
        match element {
            VectorElement::Float => text.push_str(&f32_at(item).to_string()),
            VectorElement::Integer => text.push_str(&i64_at(item).to_string()),
            _ => text.push_str(&f64_at(item).to_string()),
        }
    }
    text
}

/// The same vector with other elements, cut or padded to `length`.
pub(super) fn convert(blob: &[u8], to: VectorElement, length: Option<u32>) -> Option<Vec<u8>> {
    let (element, _) = open(blob)?;
    let mut vector = if element == to { blob.to_vec() } else { parse(&text(blob), to, None).ok()? };
    if let Some(length) = length {
        resize(&mut vector, to, length);
    }
    Some(vector)
}

fn f64_at(bytes: &[u8]) -> f64 {
    bytes.try_into().map_or(0.0, f64::from_le_bytes)
}

fn f32_at(bytes: &[u8]) -> f32 {
    bytes.try_into().map_or(0.0, f32::from_le_bytes)
}

fn i64_at(bytes: &[u8]) -> i64 {
    bytes.try_into().map_or(0, i64::from_le_bytes)
}

thread_local! {
    /// Elements of both operands, aligned for the kernels; kept so that a scan does not allocate for each row.
    static SCRATCH: RefCell<[Vec<f64>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    static SCRATCH_SINGLE: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Payloads of two vectors that fit each other, with their element type.
fn pair<'a>(a: &'a [u8], b: &'a [u8]) -> Result<(VectorElement, &'a [u8], &'a [u8]), VectorError> {
    let (element, x) = open(a).ok_or(VectorError::Element)?;
    let (other, y) = open(b).ok_or(VectorError::Element)?;
    if element != other {
        return Err(VectorError::Element);
    }
    if x.len() != y.len() {
        return Err(VectorError::Length);
    }
    Ok((element, x, y))
}

/// Runs a kernel over both payloads.
fn with_elements(
    element: VectorElement,
    x: &[u8],
    y: &[u8],
    single: impl Fn(&[f32], &[f32]) -> f64,
    double: impl Fn(&[f64], &[f64]) -> f64,
) -> f64 {
    if element == VectorElement::Float {
        return SCRATCH_SINGLE.with_borrow_mut(|[a, b]| {
            for (to, from) in [(&mut *a, x), (&mut *b, y)] {
                to.clear();
                to.extend(from.chunks_exact(4).map(f32_at));
            }
            single(a, b)
        });
    }
    SCRATCH.with_borrow_mut(|[a, b]| {
        for (to, from) in [(&mut *a, x), (&mut *b, y)] {
            to.clear();
            match element {
                #[expect(clippy::cast_precision_loss, reason = "similarity is a double")]
                VectorElement::Integer => to.extend(from.chunks_exact(8).map(|item| i64_at(item) as f64)),
                _ => to.extend(from.chunks_exact(8).map(f64_at)),
            }
        }
        double(a, b)
    })
}

/// # Errors
/// Vectors of different length or element type.
pub(super) fn dot_product(a: &[u8], b: &[u8]) -> Result<f64, VectorError> {
    let (element, x, y) = pair(a, b)?;
    let kernels = Kernels::get();
    Ok(with_elements(element, x, y, |a, b| kernels.dot_f32(a, b), |a, b| kernels.dot_f64(a, b)))
}

/// Cosine similarity, -1 to 1; 0 where a vector has no direction.
///
/// # Errors
/// Vectors of different length or element type.
pub(super) fn cosine(a: &[u8], b: &[u8]) -> Result<f64, VectorError> {
    let (element, x, y) = pair(a, b)?;
    let kernels = Kernels::get();
    let cosine = with_elements(element, x, y, |a, b| kernels.cosine_f32(a, b), |a, b| kernels.cosine_f64(a, b));
    Ok(if cosine.is_nan() { 0.0 } else { cosine })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(text: &str) -> Vec<u8> {
        parse(text, VectorElement::Double, None).unwrap()
    }

    #[test]
    fn text_round_trips_without_brackets() {
        assert_eq!(text(&v("[1, 2.5,-3e2]")), "1,2.5,-300");
        assert_eq!(text(&parse("0.1,2", VectorElement::Float, Some(3)).unwrap()), "0.1,2,0");
        assert_eq!(text(&parse("1,2", VectorElement::Integer, None).unwrap()), "1,2");
        assert_eq!(length(&v("1,2,3")), 3);
    }

    #[test]
    fn bad_texts_are_refused() {
        for bad in ["", "1,,2", "[1,2", "1,nan", "1,inf", "x,1"] {
            assert_eq!(parse(bad, VectorElement::Double, None), Err(VectorError::Format), "{bad}");
        }
        assert_eq!(text(&v("a,b")), "0,0");
    }

    #[test]
    fn a_length_cuts_and_pads() {
        for element in [VectorElement::Integer, VectorElement::Double, VectorElement::Float] {
            assert_eq!(text(&parse("1,2,3", element, Some(2)).unwrap()), "1,2");
            assert_eq!(text(&parse("1,2,3", element, Some(5)).unwrap()), "1,2,3,0,0");
            assert_eq!(text(&convert(&v("1,2,3"), element, Some(2)).unwrap()), "1,2");
            assert_eq!(text(&convert(&v("1,2,3"), element, Some(4)).unwrap()), "1,2,3,0");
            assert_eq!(text(&convert(&v("1,2,3"), element, None).unwrap()), "1,2,3");
        }
    }

    #[test]
    fn products_at_every_length_equal_the_plain_sum() {
        for n in 1..70usize {
            let items: Vec<f64> = (0..n).map(|i| i as f64 * 0.5 - 3.0).collect();
            let text = items.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
            let plain: f64 = items.iter().map(|x| x * x).sum();
            let got = dot_product(&v(&text), &v(&text)).unwrap();
            assert!((got - plain).abs() < 1e-9, "{n}: {got} {plain}");
            assert!((cosine(&v(&text), &v(&text)).unwrap() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn mismatches_have_their_own_errors() {
        assert_eq!(cosine(&v("1,2"), &v("1,2,3")), Err(VectorError::Length));
        let float = parse("1,2", VectorElement::Float, None).unwrap();
        assert_eq!(cosine(&v("1,2"), &float), Err(VectorError::Element));
        assert_eq!(cosine(&v("0,0"), &v("1,2")), Ok(0.0));
    }
}
