//! pgvector's binary form: dimensions as 16 bits, 16 unused bits, then big-endian floats (`vector_send`).

use super::{DIMENSIONS_MAX, Kernels, VectorError};

/// Reads a vector.
///
/// # Errors
/// As `vector_recv`; also for bytes left over.
pub fn parse_binary(bytes: &[u8]) -> Result<Vec<f32>, VectorError> {
    let (header, elements) = bytes.split_first_chunk::<4>().ok_or(VectorError::BinaryTooShort)?;
    let [d0, d1, u0, u1] = *header;
    let dimensions = usize::from(u16::from_be_bytes([d0, d1]));
    let unused = u16::from_be_bytes([u0, u1]);
    check_dimensions(dimensions)?;
    if unused != 0 {
        return Err(VectorError::Unused(unused));
    }
    // `dimensions` is below 16,000 here.
    match elements.len().cmp(&(dimensions * 4)) {
        std::cmp::Ordering::Less => return Err(VectorError::BinaryTooShort),
        std::cmp::Ordering::Greater => return Err(VectorError::BinaryTooLong),
        std::cmp::Ordering::Equal => {}
    }
    let mut vector = vec![0.0; dimensions];
    Kernels::get().f32_from_be(elements, &mut vector);
    check_elements(&vector)?;
    Ok(vector)
}

/// Appends the binary form.
///
/// # Errors
/// When pgvector could not hold the vector.
pub fn write_binary(vector: &[f32], out: &mut Vec<u8>) -> Result<(), VectorError> {
    check_dimensions(vector.len())?;
    let dimensions = u16::try_from(vector.len()).map_err(|_| VectorError::TooManyDimensions)?;
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    let start = out.len();
    out.resize(start + vector.len() * 4, 0);
    if let Some(target) = out.get_mut(start..) {
        Kernels::get().f32_to_be(vector, target);
    }
    Ok(())
}

pub(super) fn check_dimensions(dimensions: usize) -> Result<(), VectorError> {
    match dimensions {
        0 => Err(VectorError::NoDimensions),
        1..=DIMENSIONS_MAX => Ok(()),
        _ => Err(VectorError::TooManyDimensions),
    }
}

fn check_elements(vector: &[f32]) -> Result<(), VectorError> {
    // One pass without branches finds out whether to look closer.
    if vector.iter().fold(true, |all, element| all & element.is_finite()) {
        return Ok(());
    }
    let first = vector.iter().find(|element| !element.is_finite());
    Err(if first.is_some_and(|element| element.is_nan()) { VectorError::NotANumber } else { VectorError::Infinite })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_form_as_pgvector_sends_it() {
        let mut out = Vec::new();
        write_binary(&[1.0, -2.5, 3.0], &mut out).unwrap();
        assert_eq!(out, b"\0\x03\0\0\x3F\x80\0\0\xC0\x20\0\0\x40\x40\0\0");
        assert_eq!(parse_binary(&out).unwrap(), [1.0, -2.5, 3.0]);
    }

    #[test]
    fn bad_binary_is_refused() {
        let cases: [(&[u8], VectorError); 8] = [
            (b"", VectorError::BinaryTooShort),
            (b"\0\x01\0", VectorError::BinaryTooShort),
            (b"\0\0\0\0", VectorError::NoDimensions),
            (b"\x7F\xFF\0\0", VectorError::TooManyDimensions),
            (b"\0\x01\0\x07\0\0\0\0", VectorError::Unused(7)),
            (b"\0\x02\0\0\0\0\0\0", VectorError::BinaryTooShort),
            (b"\0\x01\0\0\0\0\0\0\0", VectorError::BinaryTooLong),
            (b"\0\x01\0\0\x7F\x80\0\0", VectorError::Infinite),
        ];
        for (bytes, expected) in cases {
            assert_eq!(parse_binary(bytes), Err(expected), "{bytes:?}");
        }
        assert_eq!(parse_binary(b"\0\x01\0\0\x7F\xC0\0\0"), Err(VectorError::NotANumber));
        assert_eq!(write_binary(&[], &mut Vec::new()), Err(VectorError::NoDimensions));
        assert_eq!(write_binary(&vec![0.0; DIMENSIONS_MAX + 1], &mut Vec::new()), Err(VectorError::TooManyDimensions));
    }
}
