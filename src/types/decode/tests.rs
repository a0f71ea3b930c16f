//! Parameters as PostgreSQL 15 takes and refuses them. What both directions share is tested with the encoders.

use super::*;
use crate::types::oid::spelled;
use crate::types::{Encoder, PgType};

/// `SELECT text::type::text`: the value, or SQLSTATE and message.
#[rustfmt::skip]
const ARRAYS: &[(&str, &str, &str)] = &[
    ("int4[]", "{1, 2 ,3}", "{1,2,3}"),
    ("int4[]", "{ }", "{}"),
    ("int4[]", "{1,NULL,null}", "{1,NULL,NULL}"),
    ("int4[]", "{\"1\"}", "{1}"),
    ("int4[]", "{a}", "22P02 invalid input syntax for type integer: \"a\""),
    ("int4[]", "{1,}", "22P02 malformed array literal: \"{1,}\""),
    ("int4[]", "{,1}", "22P02 malformed array literal: \"{,1}\""),
    ("int4[]", "{1 2}", "22P02 invalid input syntax for type integer: \"1 2\""),
    ("int4[]", "{1", "22P02 malformed array literal: \"{1\""),
    ("int4[]", "1,2", "22P02 malformed array literal: \"1,2\""),
    ("int4[]", "{1}x", "22P02 malformed array literal: \"{1}x\""),
    ("int4[]", "{1}}", "22P02 malformed array literal: \"{1}}\""),
    ("int4[]", "{\"1}", "22P02 malformed array literal: \"{\"1}\""),
    ("int4[]", "{1,\"2\"3}", "22P02 malformed array literal: \"{1,\"2\"3}\""),
    ("int4[]", "{\\1}", "{1}"),
    ("int4[]", " {1} ", "{1}"),
    ("int4[]", "{99999999999}", "22003 value \"99999999999\" is out of range for type integer"),
    ("int4[]", "{\"a\"", "22P02 malformed array literal: \"{\"a\"\""),
    ("text[]", "{a b , c}", "{\"a b\",c}"),
    ("text[]", "{\"a,b\",\"c\\\"d\"}", "{\"a,b\",\"c\\\"d\"}"),
    ("text[]", "{a\\,b}", "{\"a,b\"}"),
    ("text[]", "{a\\ }", "{\"a \"}"),
    ("text[]", "{ä}", "{ä}"),
    ("text[]", "{nulls}", "{nulls}"),
    ("text[]", "{\"null\"}", "{\"null\"}"),
    ("text[]", "{a\"b\"}", "22P02 malformed array literal: \"{a\"b\"}\""),
    ("text[]", "{a{b}", "22P02 malformed array literal: \"{a{b}\""),
    ("text[]", "{\"a\" \"b\"}", "22P02 malformed array literal: \"{\"a\" \"b\"}\""),
];

fn said(result: Result<Datum<'_>, Box<PgError>>) -> String {
    match result {
        Ok(datum) => format!("{datum:?}"),
        Err(error) => format!("{} {}", error.code, error.message),
    }
}

fn oid(name: &str) -> Oid {
    spelled(name).oid
}

#[test]
fn array_literals() {
    for (name, text, expected) in ARRAYS {
        let said = match decode(oid(name), Format::Text, text.as_bytes()) {
            Ok(Datum::Owned(literal)) => literal,
            Ok(other) => panic!("{other:?}"),
            Err(error) => format!("{} {}", error.code, error.message),
        };
        assert_eq!(&said, expected, "{text}");
    }
    for (text, expected) in [("{{1},{ 2}}", "{{1},{2}}"), ("[2:3]={1, 2}", "[2:3]={1,2}"), ("[1:1]={1}", "{1}")] {
        assert_eq!(decode_text(Oid::INT4_ARRAY, text).unwrap(), Datum::Owned(expected.to_owned()));
    }
    assert_eq!(decode_text(Oid::INT4_ARRAY, "{{1},{x}}").unwrap_err().code, SqlState::INVALID_TEXT);
}

#[test]
fn text_parameters() {
    let cases = [
        ("bool", "yes", "Bool(true)"),
        ("int4", " 12 ", "Int(12)"),
        ("int4", "abc", "22P02 invalid input syntax for type integer: \"abc\""),
        ("int2", "40000", "22003 value \"40000\" is out of range for type smallint"),
        ("float4", "0.1", "Double(0.10000000149011612)"),
        ("float8", "1e-400", "22003 \"1e-400\" is out of range for type double precision"),
        ("numeric", "12.50", "Decimal(Decimal { mantissa: 1250, scale: -2 })"),
        ("text", "a", "Text(\"a\")"),
        ("varchar", "", "Text(\"\")"),
        ("date", "2000-01-02", "Date(1)"),
        ("date", "infinity", "22008 IRIS has no infinite value of type date: \"infinity\""),
        ("time", "00:00:01", "Time(1000000)"),
        ("timetz", "10:30", "Owned(\"10:30:00+00\")"),
        ("timestamp", "2000-01-01T00:00:01+05", "Timestamp(1000000)"),
        ("timestamptz", "2000-01-01T05:00:01+05", "Timestamp(1000000)"),
        ("interval", "P1D", "Owned(\"1 day\")"),
        ("uuid", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "Owned(\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\")"),
        ("bytea", "\\x00ff", "OwnedBytes([0, 255])"),
        ("bytea", "abc", "Bytes([97, 98, 99])"),
        ("json", "{\"a\": 1}", "Text(\"{\\\"a\\\": 1}\")"),
        ("json", "{a}", "22P02 invalid input syntax for type json"),
        ("vector", "[1, 2.5]", "Vector([1.0, 2.5])"),
        ("vector", "[1,", "22P02 invalid input syntax for type vector: \"[1,\""),
        ("vector", "[]", "22000 vector must have at least 1 dimension"),
        ("vector", "[nan]", "22000 NaN not allowed in vector"),
        ("vector", "[1e99]", "22003 \"1e99\" is out of range for type vector"),
        ("inet", "127.0.0.1/32", "Owned(\"127.0.0.1\")"),
        ("jsonb", "{\"b\":1,\"a\":2}", "Owned(\"{\\\"a\\\": 2, \\\"b\\\": 1}\")"),
        ("bpchar", "a  ", "Text(\"a  \")"),
        ("money", "$1,234.5", "Decimal(Decimal { mantissa: 123450, scale: -2 })"),
        ("varbit", "x1f", "Owned(\"00011111\")"),
    ];
    for (name, text, expected) in cases {
        assert_eq!(said(decode(oid(name), Format::Text, text.as_bytes())), expected, "{name} {text}");
    }
    assert_eq!(said(decode(Oid::UNSPECIFIED, Format::Text, b"x")), "Text(\"x\")");
}

#[test]
fn text_must_be_utf8_without_nul() {
    let cases: [(&[u8], &str); 5] = [
        (b"a\xFF", "0xff"),
        (b"\xE4bc", "0xe4 0x62 0x63"),
        (b"\xF0\x9F", "0xf0 0x9f"),
        (b"a\0b", "0x00"),
        (b"\xC3", "0xc3"),
    ];
    for (bytes, shown) in cases {
        for format in [Format::Text, Format::Binary] {
            let expected = format!("22021 invalid byte sequence for encoding \"UTF8\": {shown}");
            assert_eq!(said(decode(Oid::TEXT, format, bytes)), expected);
        }
    }
}

#[test]
fn bad_binary() {
    let cases: [(&str, &[u8], &str); 17] = [
        ("int4", b"\0\0\0", "08P01 insufficient data left in message"),
        ("int4", b"\0\0\0\0\0", "22P03 incorrect binary data format"),
        ("bool", b"", "08P01 insufficient data left in message"),
        ("uuid", b"short", "08P01 insufficient data left in message"),
        ("time", &(-1i64).to_be_bytes(), "22008 time out of range"),
        ("date", &i32::MAX.to_be_bytes(), "22008 IRIS has no infinite value of type date"),
        ("date", &(i32::MAX - 1).to_be_bytes(), "22008 date out of range"),
        ("timestamptz", &i64::MIN.to_be_bytes(), "22008 IRIS has no infinite value of type timestamp with time zone"),
        ("timestamp", &(i64::MAX - 1).to_be_bytes(), "22008 timestamp out of range"),
        ("jsonb", b"\x02{}", "XX000 unsupported jsonb version number 2"),
        ("jsonb", b"", "08P01 insufficient data left in message"),
        ("vector", b"\0\0\0\0", "22000 vector must have at least 1 dimension"),
        ("inet", b"\x02", "08P01 insufficient data left in message"),
        ("point", b"\x02", "0A000 binary input of type point is not supported"),
        (
            "int4[]",
            b"\0\0\0\x01\0\0\0\0\0\0\0\x19",
            "42804 binary data has array element type 25 instead of expected 23",
        ),
        ("int4[]", b"\0\0\0\x07\0\0\0\0\0\0\0\x17", "22P03 invalid number of dimensions: 7"),
        // A count of two thousand million elements, and no bytes for them.
        (
            "int4[]",
            b"\0\0\0\x01\0\0\0\0\0\0\0\x17\x7F\xFF\xFF\xFF\0\0\0\x01",
            "08P01 insufficient data left in message",
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(said(decode(oid(name), Format::Binary, bytes)), expected, "{name} {bytes:?}");
    }
    assert_eq!(
        said(decode(Oid::MONEY, Format::Binary, &150i64.to_be_bytes())),
        "Decimal(Decimal { mantissa: 150, scale: -2 })"
    );
}

#[test]
fn singles_come_as_the_double_of_their_value() {
    for single in [0.1f32, 1.5, 16_777_216.0, 3.4e38, -2e-7] {
        let double = Datum::Double(f64::from(single));
        assert_eq!(decode(Oid::FLOAT4, Format::Binary, &single.to_be_bytes()).unwrap(), double);
    }
}

#[test]
fn no_bytes_break_the_decoders() {
    let names = [
        "bool",
        "int2",
        "int4",
        "int8",
        "oid",
        "float4",
        "float8",
        "numeric",
        "text",
        "bytea",
        "uuid",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "json",
        "jsonb",
        "vector",
        "int4[]",
        "text[]",
        "numeric[]",
        "vector[]",
        "inet",
    ];
    let mut state = 0xD1B5_4A32_D192_ED03_u64;
    for round in 0..60_000usize {
        let mut bytes = Vec::new();
        for _ in 0..(round % 28) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // Small numbers, so that counts and lengths are sometimes right.
            bytes.push(if state.is_multiple_of(3) { (state >> 32) as u8 } else { (state >> 40) as u8 % 3 });
        }
        let oid = oid(names[round % names.len()]);
        for format in [Format::Text, Format::Binary] {
            if let Ok(datum) = decode(oid, format, &bytes)
                && let Ok(encoder) = Encoder::select(PgType::new(oid), format)
            {
                // What was taken can be given back.
                let mut out = Vec::new();
                let encoded = encoder.encode(&datum, &mut out);
                assert!(encoded.is_ok() || matches!(datum, Datum::Text(_)), "{oid:?} {bytes:?} {datum:?}: {encoded:?}");
            }
        }
    }
}

#[test]
fn names_and_single_bytes_in_binary_have_their_length() {
    let said = |oid, bytes: &[u8]| match decode(oid, Format::Binary, bytes) {
        Ok(Datum::Text(text)) => text.to_owned(),
        Ok(other) => panic!("{other:?}"),
        Err(error) => error.code.to_string(),
    };
    assert_eq!(said(Oid::CHAR, b"a"), "a");
    assert_eq!(said(Oid::CHAR, b"\0"), "");
    assert_eq!(said(Oid::CHAR, b""), "08P01");
    assert_eq!(said(Oid::CHAR, b"ab"), "22P03");
    assert_eq!(said(Oid::CHAR, b"\xE4"), "0A000");
    assert_eq!(said(Oid::NAME, &[b'n'; 63]), "n".repeat(63));
    assert_eq!(said(Oid::NAME, &[b'n'; 64]), "42622");
}

#[test]
fn addresses_and_bits_in_binary() {
    let text = |oid: Oid, bytes: &[u8]| match decode(oid, Format::Binary, bytes) {
        Ok(Datum::Owned(text)) => text,
        Ok(other) => format!("{other:?}"),
        Err(error) => error.message,
    };
    assert_eq!(text(Oid::INET, &[2, 32, 0, 4, 10, 0, 0, 1]), "10.0.0.1");
    assert_eq!(text(Oid::INET, &[2, 8, 0, 4, 10, 0, 0, 1]), "10.0.0.1/8");
    assert_eq!(text(Oid::CIDR, &[2, 8, 1, 4, 10, 0, 0, 0]), "10.0.0.0/8");
    assert_eq!(text(Oid::CIDR, &[2, 8, 1, 4, 10, 0, 0, 1]), "invalid external \"cidr\" value");
    let v6 = [&[3, 128, 0, 16][..], &[0; 15], &[1]].concat();
    assert_eq!(text(Oid::INET, &v6), "::1");
    assert_eq!(text(Oid::INET, &[1, 8, 0, 4, 10, 0, 0, 1]), "invalid address family in external \"inet\" value");
    assert_eq!(text(Oid::INET, &[2, 33, 0, 4, 10, 0, 0, 1]), "invalid bits in external \"inet\" value");
    assert_eq!(text(Oid::INET, &[2, 8, 0, 4, 10, 0, 0]), "invalid length in external \"inet\" value");
    assert_eq!(text(Oid::MACADDR, &[8, 0, 0x2b, 1, 2, 0xff]), "08:00:2b:01:02:ff");
    assert_eq!(text(Oid::MACADDR8, &[8, 0, 0x2b, 1, 2, 3, 4, 5]), "08:00:2b:01:02:03:04:05");
    assert_eq!(text(Oid::VARBIT, &[0, 0, 0, 10, 0b1010_0001, 0b0100_0000]), "1010000101");
    assert_eq!(text(Oid::BIT, &[0, 0, 0, 0]), "");
    assert_eq!(text(Oid::BIT, &[0, 0, 0, 9, 1]), "insufficient data left in message");
}
