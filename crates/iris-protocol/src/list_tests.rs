use sha2::{Digest, Sha256};

use super::*;
use crate::decimal;

/// Kind, value and bytes of every vector that is stored whole.
fn vectors() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    include_str!("../tests/data/iris/list_vectors.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut fields = line.split('\t');
            (fields.next().unwrap(), fields.next().unwrap(), unhex(fields.next().unwrap()))
        })
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn one(bytes: &[u8]) -> Item<'_> {
    let mut reader = ItemReader::new(bytes);
    let item = reader.need("vector").unwrap();
    reader.finish("vector").unwrap();
    item
}

#[test]
fn writes_the_official_clients_bytes() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 87);
    for (kind, value, bytes) in vectors {
        let mut out = Vec::new();
        match kind {
            "null" => put_null(&mut out),
            "text" => put_text(&mut out, std::str::from_utf8(&unhex(value)).unwrap()),
            "bytes" => put_bytes(&mut out, &unhex(value)),
            "int" => put_int(&mut out, value.parse().unwrap()),
            "bigint" => put_string(&mut out, value),
            "double" => put_double(&mut out, value.parse().unwrap()),
            "decimal" => put_decimal(&mut out, decimal::parse(value).unwrap().value()),
            other => panic!("{other}"),
        }
        assert_eq!(hex(&out), hex(&bytes), "{kind} {value}");
    }
}

#[test]
fn reads_the_official_clients_bytes() {
    for (kind, value, bytes) in vectors() {
        let item = one(&bytes);
        match (kind, item) {
            ("null", item) => assert_eq!(item, Item::Null),
            ("text", Item::Empty) => assert!(value.is_empty() || value == "00"),
            ("text", item) => assert_eq!(item.to_text().unwrap().as_bytes(), unhex(value), "{value}"),
            ("bytes", Item::Empty) => assert!(value.is_empty()),
            ("bytes", item) => assert_eq!(item, Item::Latin1(&unhex(value))),
            ("int", item) => assert_eq!(item, Item::Int(value.parse().unwrap())),
            ("bigint", item) => assert_eq!(item.to_text().unwrap(), value),
            ("double", Item::Double(read)) => {
                assert_eq!(read.to_bits(), value.parse::<f64>().unwrap().to_bits(), "{value}")
            }
            ("decimal", Item::Int(0)) => assert_eq!(decimal::parse(value).unwrap().value().mantissa, 0),
            ("decimal", item) => assert_eq!(item, Item::Decimal(decimal::parse(value).unwrap().value())),
            other => panic!("{other:?} {value}"),
        }
    }
}

/// Long items: character, repetitions, item bytes and sha-256 as `list_vectors.json` gives them.
#[test]
fn long_items_have_the_official_clients_hash() {
    let vectors = [
        ("x", 252, 254, "0d633c3c9f55ff21ca5d8b7cc752bc3c788ca7873547c0c819248d42f5669030"),
        ("x", 253, 255, "713c729e70ac612af6027417d783f962e3c814d5d718a6af207a398551915d21"),
        ("x", 254, 258, "273913d6b25091ff2bcb8f70faa5f4867933efc09ba62f573dcc6247ef878ef7"),
        ("x", 255, 259, "c9c8c702ccc31bdac63a4df62c0e4f953d4eed6d645996b9577e67eadf08efa7"),
        ("\u{44f}", 126, 254, "eeda3f6337777a28a7b6b6430d35b71e0aef742ba049f53167e1cb9b24eed158"),
        ("\u{44f}", 127, 258, "d3617f8bd2113f8fb8a4e2b8114d92c3eabab70b87ae7832e0c2e57b1a214152"),
        ("x", 40_000, 40_004, "cc3ed84ae2f5f3dc7157506cfa7d7ac23f7a63713eff3d616935f5b64864eef2"),
        ("\u{44f}", 40_000, 80_008, "0f2161a70230ebba3a1685b7348675912d0973529f9a57c1983c5f4dd3cb1bf1"),
        ("x", 65_533, 65_537, "97358f713bb06096b875caa54a33a872d82499ebcf59b8e3105cdb2ed7ae1f17"),
        ("x", 65_534, 65_538, "af848269c6b24e48a0d464acd506bb434faa7ae0c7fd867d5b2101fb91dbe7b3"),
        ("x", 65_535, 65_543, "86c8a227fb288ba18cc421e324dfe243074065f645764cc11f2b497603445547"),
        ("x", 100_000, 100_008, "f0dd52f348f757166bbcf495d1a9ddb255ac4e599423ab657eb640b0dfcfa829"),
        ("z", 100_000, 100_008, "493951fe8b6e685e0291fafea09a7bed883f2dcc5df9688a8e79f9f785b5b0e8"),
    ];
    for (character, count, bytes, hash) in vectors {
        let text = character.repeat(count);
        let mut out = Vec::new();
        put_text(&mut out, &text);
        assert_eq!(out.len(), bytes);
        assert_eq!(hex(&Sha256::digest(&out)), hash, "{character} x {count}");
        assert_eq!(one(&out).to_text().unwrap(), text);
    }
}

#[test]
fn tolerant_forms() {
    assert_eq!(one(&[1]), Item::Null);
    assert_eq!(one(&[2, 0]), Item::Null);
    assert_eq!(one(&[0, 1, 0, 1]), Item::Null);
    assert_eq!(one(&[0, 2, 0, 1, b'x']), Item::Latin1(b"x"));
    assert_eq!(one(&[0, 0, 0, 2, 0, 0, 0, 1, b'x']), Item::Latin1(b"x"));
    assert_eq!(one(&[0, 0, 0, 0, 0, 0, 0]), Item::Null);
    assert_eq!(one(&[3, 4, 0x90]), Item::Int(144));
    assert_eq!(one(&[10, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Item::Int(-1));
    assert_eq!(one(&[3, 4, 0]), Item::Int(0));
    assert_eq!(one(&[4, 8, 0xc0, 0x3f]), Item::Double(1.5));
    assert_eq!(one(&[6, 8, 0, 0, 0xc0, 0x3f]), Item::Double(1.5));
    assert_eq!(one(&[2, 8]), Item::Double(0.0));
    assert_eq!(one(&[4, 9, 0xc0, 0x3f]), Item::Double(0.125));
    assert_eq!(one(&[10, 9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]), Item::Double(1.5));
    assert!(matches!(one(&[4, 9, 0xf8, 0x7f]), Item::Double(nan) if nan.is_nan()));
    assert_eq!(one(&[3, 0x19, b'5']), Item::Oref(b"5"));
    assert_eq!(one(&[3, 0x24, 7]), Item::Int(7));
    assert_eq!(
        one(&[11, 6, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Item::Decimal(Decimal { mantissa: -1, scale: 0 })
    );
}

#[test]
fn what_is_no_item() {
    for bytes in [
        &[3, 1][..],
        &[0],
        &[0, 1],
        &[0, 0, 0, 9],
        &[0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1],
        &[3, 3, 0],
        &[3, 0x40, 0],
        &[3, 2, 0],
        &[3, 8, 0],
        &[2, 6],
        &[11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[11, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    ] {
        assert!(ItemReader::new(bytes).item().is_err(), "{bytes:?}");
    }
}

/// Every prefix of every vector, and every one- to three-byte head, ends in an item or an error.
#[test]
fn no_bytes_panic() {
    for (_, _, bytes) in vectors() {
        for end in 0..bytes.len() {
            let mut reader = ItemReader::new(&bytes[..end]);
            while let Ok(Some(_)) = reader.item() {}
        }
    }
    for word in 0..=u16::MAX {
        let [a, b] = word.to_le_bytes();
        let bytes = [a, b, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        let mut reader = ItemReader::new(&bytes);
        while let Ok(Some(_)) = reader.item() {}
    }
}

#[test]
fn raw_items_are_byte_for_byte() {
    let bytes = [3, 4, 1, 0, 2, 0, 1, b'h', 2, 1];
    let mut reader = ItemReader::new(&bytes);
    reader.int("first").unwrap();
    assert_eq!(reader.need_raw("handle").unwrap().bytes, [0, 2, 0, 1, b'h']);
    assert_eq!(ItemReader::new(&bytes).slice(2, "two").unwrap(), &bytes[..8]);
    assert_eq!(ItemReader::new(&bytes).slice(4, "four"), Err(ListError::Missing("four")));
}

#[test]
fn counts_are_bounded_by_the_bytes_there() {
    assert_eq!(ItemReader::new(&[3, 4, 2, 2, 1]).count("n"), Ok(2));
    assert_eq!(ItemReader::new(&[6, 4, 0xff, 0xff, 0xff, 0x7f]).count("n"), Err(ListError::OutOfRange("n")));
    assert_eq!(ItemReader::new(&[2, 5]).count("n"), Err(ListError::OutOfRange("n")));
}

#[test]
fn text_written_in_place_has_the_same_form() {
    for length in [1, 2, 252, 253, 254, 255, 65_533, 65_534, 65_535, 70_000] {
        let text: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
        let (mut expected, mut got) = (vec![7], vec![7]);
        put_latin1(&mut expected, &text);
        put_ascii_with(&mut got, |out| out.extend_from_slice(&text));
        assert!(got == expected, "{length}");
    }
}
