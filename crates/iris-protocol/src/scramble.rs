//! How user, password and token stand in CN (protocol facts, section 4.1). It is no protection at all.

use super::list::{Item, put_latin1, put_utf16_units};

const MASK: u8 = 0xa7;
const TURN: u32 = 5;

/// Appends the scrambled text as one item: type 01 when every unit is below 256, else type 02.
///
/// Characters go as UTF-16 units. (The official client cuts characters beyond U+FFFF to 16 bits, so that such
/// credentials cannot be typed there.)
pub fn put_scrambled(out: &mut Vec<u8>, text: &str) {
    let mut units: Vec<u16> = text.encode_utf16().collect();
    units.reverse();
    for (position, unit) in units.iter_mut().enumerate() {
        let [low, high] = unit.to_le_bytes();
        // The position wraps at 256, and its carry never reaches the high byte.
        let turned = (low ^ MASK).wrapping_add(position as u8).rotate_left(TURN);
        *unit = u16::from_le_bytes([turned, high]);
    }
    let narrow: Option<Vec<u8>> = units.iter().map(|&unit| u8::try_from(unit).ok()).collect();
    match narrow {
        Some(bytes) => put_latin1(out, &bytes),
        None => put_utf16_units(out, &units),
    }
}

/// The clear text of a scrambled item; `None` when it is no string or not UTF-16.
pub fn unscramble(item: &Item<'_>) -> Option<String> {
    let units: Vec<u16> = match item {
        Item::Null => Vec::new(),
        Item::Empty => vec![0],
        Item::Latin1(bytes) => bytes.iter().copied().map(u16::from).collect(),
        Item::Utf16(bytes) => bytes.as_chunks::<2>().0.iter().map(|&unit| u16::from_le_bytes(unit)).collect(),
        _ => return None,
    };
    let mut clear: Vec<u16> = units
        .iter()
        .enumerate()
        .map(|(position, unit)| {
            let [low, high] = unit.to_le_bytes();
            let low = low.rotate_right(TURN).wrapping_sub(position as u8) ^ MASK;
            u16::from_le_bytes([low, high])
        })
        .collect();
    clear.reverse();
    String::from_utf16(&clear).ok()
}

#[cfg(test)]
mod tests {
    use super::super::list::ItemReader;
    use super::*;

    fn scrambled(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_scrambled(&mut out, text);
        out
    }

    #[test]
    fn vectors_of_section_4_1() {
        let vectors: [(&str, &[u8]); 12] = [
            ("_SYSTEM", &[9, 1, 0x5d, 0x7c, 0xbe, 0xfe, 0x40, 0x3f, 0xdf]),
            ("SYS", &[5, 1, 0x9e, 0xff, 0xde]),
            ("a", &[3, 1, 0xd8]),
            ("X", &[3, 1, 0xff]),
            ("ab", &[4, 1, 0xb8, 0xf8]),
            ("aX", &[4, 1, 0xff, 0xf8]),
            ("admin", &[7, 1, 0x39, 0xf9, 0x99, 0xd8, 0x59]),
            ("demo", &[6, 1, 0x19, 0x79, 0x98, 0xd8]),
            ("tok.en", &[8, 1, 0x39, 0x78, 0x71, 0xf9, 0x99, 0x1b]),
            ("\u{e9}", &[3, 1, 0xc9]),
            ("\u{458}a", &[6, 2, 0xd8, 0, 0, 4]),
            ("\u{436}\u{443}\u{43a}", &[8, 2, 0xb3, 4, 0xbc, 4, 0x72, 4]),
        ];
        for (clear, item) in vectors {
            assert_eq!(scrambled(clear), item, "{clear}");
            let decoded = ItemReader::new(item).need("scrambled").unwrap();
            assert_eq!(unscramble(&decoded).as_deref(), Some(clear));
        }
        assert_eq!(scrambled("\u{e9}\u{20ac}"), [6, 2, 0x61, 0x20, 0xe9, 0]);
        assert_eq!(scrambled(&"p".repeat(40))[2..12], [0xfa, 0x1b, 0x3b, 0x5b, 0x7b, 0x9b, 0xbb, 0xdb, 0xfb, 0x1c]);
    }

    #[test]
    fn long_and_astral_texts_come_back() {
        for clear in ["p".repeat(300), "pass\u{1f600}word".to_owned(), String::new()] {
            let item = scrambled(&clear);
            let decoded = ItemReader::new(&item).need("scrambled").unwrap();
            assert_eq!(unscramble(&decoded), Some(clear));
        }
    }
}
