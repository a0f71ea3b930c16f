//! `tid`: where a row is. Of a table of IRIS it is the number of the row, which PostgreSQL would call the n-th of a block.

use crate::wire::{PgError, SqlState};

use super::input::{invalid_text, trim};

/// Bits of the place within a block.
const PLACE_BITS: u32 = 16;

/// `tidin`.
///
/// # Errors
/// 22P02.
pub(super) fn from_text(text: &str) -> Result<i64, Box<PgError>> {
    let parts = trim(text).strip_prefix('(').and_then(|rest| rest.strip_suffix(')')?.split_once(','));
    let number = parts.and_then(|(block, place)| {
        // Blocks are read as `strtoul` reads them: what is below zero counts from the end.
        let block: i64 = trim(block).parse().ok()?;
        let block = u32::try_from(block).ok().or_else(|| Some(i32::try_from(block).ok()?.cast_unsigned()))?;
        let place: u16 = trim(place).parse().ok()?;
        Some(i64::from(block) << PLACE_BITS | i64::from(place))
    });
    number.ok_or_else(|| invalid_text("tid", text))
}

/// `tidrecv`.
pub(super) fn from_binary([b0, b1, b2, b3, p0, p1]: [u8; 6]) -> i64 {
    i64::from_be_bytes([0, 0, b0, b1, b2, b3, p0, p1])
}

/// # Errors
/// 22003 for a number that no `tid` has.
fn parts(number: i64) -> Result<(u32, u16), Box<PgError>> {
    let block = u32::try_from(number >> PLACE_BITS).ok();
    let place = u16::try_from(number & i64::from(u16::MAX)).ok();
    block.zip(place).ok_or_else(|| {
        PgError::error(
            SqlState::NUMERIC_OUT_OF_RANGE,
            format!("the row number {number} of IRIS is out of range for type tid"),
        )
    })
}

/// # Errors
/// As [`parts`].
pub(super) fn write_text(number: i64, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let (block, place) = parts(number)?;
    out.extend_from_slice(format!("({block},{place})").as_bytes());
    Ok(())
}

/// # Errors
/// As [`parts`].
pub(super) fn write_binary(number: i64, out: &mut Vec<u8>) -> Result<(), Box<PgError>> {
    let (block, place) = parts(number)?;
    out.extend_from_slice(&block.to_be_bytes());
    out.extend_from_slice(&place.to_be_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_blocks_and_places() {
        for (number, text) in
            [(1, "(0,1)"), (65_535, "(0,65535)"), (65_536, "(1,0)"), ((1 << 48) - 1, "(4294967295,65535)")]
        {
            let mut out = Vec::new();
            write_text(number, &mut out).unwrap();
            assert_eq!(out, text.as_bytes());
            assert_eq!(from_text(text).unwrap(), number);
            out.clear();
            write_binary(number, &mut out).unwrap();
            assert_eq!(from_binary(out.try_into().unwrap()), number);
        }
        assert_eq!(from_text(" ( -1 , 7 ) ").unwrap(), (0xFFFF_FFFF << 16) | 7);
        for text in ["", "1", "(1)", "(1,2", "(1,-1)", "(1,65536)", "(4294967296,1)", "(a,1)", "(1,2)x"] {
            assert_eq!(from_text(text).unwrap_err().code.0, *b"22P02", "{text}");
        }
        assert_eq!(write_text(1 << 48, &mut Vec::new()).unwrap_err().code, SqlState::NUMERIC_OUT_OF_RANGE);
        assert_eq!(write_text(-1, &mut Vec::new()).unwrap_err().code, SqlState::NUMERIC_OUT_OF_RANGE);
    }
}
