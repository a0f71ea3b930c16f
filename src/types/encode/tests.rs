//! Encoders against what PostgreSQL 15 sends, and every kind of datum that makes sense for every type.

use super::*;
use crate::types::oid::spelled;
use crate::types::{Decimal, decode, decode_text};
use crate::wire::SqlState;

/// Type, text form, and the type's send function in hex.
#[rustfmt::skip]
pub(super) const CASES: &[(&str, &str, &str)] = &[
    ("bool", "t", "01"),
    ("int2", "-2", "fffe"),
    ("int4", "123456", "0001e240"),
    ("int8", "-1", "ffffffffffffffff"),
    ("oid", "4294967295", "ffffffff"),
    ("float4", "0.1", "3dcccccd"),
    ("float8", "0.1", "3fb999999999999a"),
    ("date", "2024-01-15", "0000224c"),
    ("date", "1840-12-31", "ffff1d26"),
    ("time", "10:30:00.5", "00000008cd15db20"),
    ("timetz", "10:30:00-05:30", "00000008cd0e3a0000004d58"),
    ("timestamp", "1999-12-31 23:59:59.999999", "ffffffffffffffff"),
    ("timestamptz", "2024-01-15 10:30:00+00", "0002b1f843beba00"),
    ("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    ("bytea", "\\x00ff", "00ff"),
    ("json", "{\"a\":1}", "7b2261223a317d"),
    ("jsonb", "{\"a\": 1}", "017b2261223a20317d"),
    ("interval", "1 day 00:00:01", "00000000000f42400000000100000000"),
    ("int4[]", "{1,NULL,3}", "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003"),
    ("int4[]", "{}", "000000000000000000000017"),
    ("text[]", "{a,\"b c\",\"\",\"NULL\",\"x\\\"y\\\\z\",ä}", "000000010000000000000019000000060000000100000001610000000362206300000000000000044e554c4c000000057822795c7a00000002c3a4"),
    ("numeric[]", "{1.5,-2}", "0000000100000000000006a400000002000000010000000c0002000000000001000113880000000a00010000400000000002"),
    ("timestamptz[]", "{\"2024-01-15 10:30:00+00\"}", "0000000100000000000004a00000000100000001000000080002b1f843beba00"),
    ("bool[]", "{t,f}", "000000010000000000000010000000020000000100000001010000000100"),
    ("uuid[]", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "000000010000000000000b86000000010000000100000010a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    ("bytea[]", "{\"\\\\x00ff\"}", "00000001000000000000001100000001000000010000000200ff"),
    ("text", "ä", "c3a4"),
    ("varchar", "a b", "612062"),
];

fn pg_type(name: &str) -> PgType {
    spelled(name)
}

fn cell(name: &str, format: Format, datum: &Datum<'_>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let encoder = Encoder::select(pg_type(name), format).map_err(|error| error.to_string())?;
    match encoder.encode(datum, &mut out) {
        Ok(IsNull::No) => Ok(out),
        Ok(IsNull::Yes) => Err("NULL".to_owned()),
        Err(error) => Err(format!("{} {}", error.code, error.message)),
    }
}

fn text(name: &str, datum: &Datum<'_>) -> String {
    cell(name, Format::Text, datum).map_or_else(|error| error, |bytes| String::from_utf8(bytes).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn both_formats_as_postgresql_sends_them_and_back() {
    for (name, value, binary) in CASES {
        let oid = pg_type(name).oid;
        let datum = decode_text(oid, value).unwrap();
        assert_eq!(&text(name, &datum), value, "{name}");
        assert_eq!(&hex(&cell(name, Format::Binary, &datum).unwrap()), binary, "{name} {value}");
        let bytes = unhex(binary);
        let datum = decode(oid, Format::Binary, &bytes).unwrap();
        assert_eq!(&text(name, &datum), value, "{name} from binary");
        assert_eq!(&hex(&cell(name, Format::Binary, &datum).unwrap()), binary, "{name} {value} from binary");
    }
}

#[test]
fn null_has_no_bytes() {
    for (name, ..) in CASES {
        for format in [Format::Text, Format::Binary] {
            assert_eq!(cell(name, format, &Datum::Null), Err("NULL".to_owned()), "{name}");
        }
    }
}

/// `12` in every kind of datum that can say it.
fn twelves() -> Vec<Datum<'static>> {
    vec![
        Datum::Int(12),
        Datum::Double(12.0),
        Datum::Decimal(Decimal { mantissa: 120, scale: -1 }),
        Datum::BigDecimal("12"),
        Datum::Text("12"),
        Datum::Owned("12".to_owned()),
        Datum::Latin1(b"12"),
        Datum::Utf16(b"1\x002\x00"),
    ]
}

#[test]
fn numbers_of_every_kind_fit_every_number_type() {
    let expected = [
        ("int2", "12", "000c"),
        ("int4", "12", "0000000c"),
        ("int8", "12", "000000000000000c"),
        ("oid", "12", "0000000c"),
        ("float4", "12", "41400000"),
        ("float8", "12", "4028000000000000"),
        ("numeric(10,2)", "12.00", "0001000000000002000c"),
        ("text", "12", "3132"),
        ("varchar", "12", "3132"),
        ("vector", "[12]", "0001000041400000"),
    ];
    for (name, expected_text, expected_binary) in expected {
        for datum in twelves() {
            // A decimal shows the digits after its point in text.
            let shown = match (&datum, name) {
                (Datum::Decimal(_), "text" | "varchar") => "12.0",
                _ => expected_text,
            };
            assert_eq!(text(name, &datum), shown, "{name} {datum:?}");
            if shown == expected_text {
                let binary = cell(name, Format::Binary, &datum).unwrap();
                assert_eq!(hex(&binary), expected_binary, "{name} {datum:?}");
            }
        }
    }
}

#[test]
fn loosely_typed_values() {
    let cases = [
        ("bool", Datum::Int(1), "t"),
        ("bool", Datum::Int(0), "f"),
        ("bool", Datum::Text("1"), "t"),
        ("bool", Datum::Latin1(b"false"), "f"),
        ("bool", Datum::Double(0.5), "t"),
        ("int4", Datum::Bool(true), "1"),
        ("int4", Datum::Text("12.5"), "13"),
        ("int4", Datum::Double(2.5), "2"),
        ("int4", Datum::Decimal(Decimal { mantissa: 25, scale: -1 }), "3"),
        ("numeric", Datum::Double(0.1), "0.1"),
        ("numeric", Datum::Double(1e23), "100000000000000000000000"),
        ("numeric(6,2)", Datum::Double(1.005), "1.01"),
        ("numeric", Datum::Text(".5"), "0.5"),
        ("numeric", Datum::Text("-.5"), "-0.5"),
        ("numeric", Datum::Double(f64::NAN), "NaN"),
        ("numeric", Datum::Text("-Infinity"), "-Infinity"),
        ("numeric", Datum::Decimal(Decimal { mantissa: -5, scale: 3 }), "-5000"),
        ("numeric", Datum::Decimal(Decimal { mantissa: i64::MIN, scale: -5 }), "-92233720368547.75808"),
        ("float8", Datum::Decimal(Decimal { mantissa: 1, scale: -1 }), "0.1"),
        ("float8", Datum::Decimal(Decimal { mantissa: 123, scale: -50 }), "1.23e-48"),
        ("float8", Datum::Text(".1"), "0.1"),
        ("float4", Datum::Double(0.1), "0.1"),
        ("text", Datum::Int(-7), "-7"),
        ("text", Datum::Bool(true), "true"),
        ("text", Datum::Double(1e300), "1e+300"),
        ("text", Datum::Latin1(b"\xE4\xF6"), "\u{e4}\u{f6}"),
        ("text", Datum::Utf16(b"\xAC\x20"), "\u{20AC}"),
        ("text", Datum::Date(0), "2000-01-01"),
        ("text", Datum::Bytes(b"\x01"), "\\x01"),
        ("text", Datum::Vector(vec![1.0, 0.5]), "[1,0.5]"),
        ("char(4)", Datum::Text("\u{e4}b"), "\u{e4}b  "),
        ("char(4)", Datum::Latin1(b"\xE4b"), "\u{e4}b  "),
        ("char(4)", Datum::Text("abcde"), "abcde"),
        ("bpchar", Datum::Text("ab"), "ab"),
        ("date", Datum::Text("2024-01-15 10:30:00"), "2024-01-15"),
        ("date", Datum::Timestamp(-1), "1999-12-31"),
        ("time", Datum::Text("10:30"), "10:30:00"),
        ("time", Datum::Timestamp(-1), "23:59:59.999999"),
        ("time(0)", Datum::Time(1_500_000), "00:00:02"),
        ("timetz", Datum::Time(1_500_000), "00:00:01.5+00"),
        ("timestamp", Datum::Text("2024-01-15 10:30:00.500"), "2024-01-15 10:30:00.5"),
        ("timestamp", Datum::Latin1(b"2024-01-15"), "2024-01-15 00:00:00"),
        ("timestamp", Datum::Date(1), "2000-01-02 00:00:00"),
        ("timestamp(3)", Datum::Timestamp(1_234_567), "2000-01-01 00:00:01.235"),
        ("timestamptz", Datum::Timestamp(0), "2000-01-01 00:00:00+00"),
        ("timestamptz", Datum::Text("2024-01-15T10:30:00+02:00"), "2024-01-15 08:30:00+00"),
        ("uuid", Datum::Text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("uuid", Datum::Bytes(&[0x11; 16]), "11111111-1111-1111-1111-111111111111"),
        ("bytea", Datum::Latin1(b"\x00\xFF"), "\\x00ff"),
        ("bytea", Datum::OwnedBytes(vec![1, 2]), "\\x0102"),
        ("bytea", Datum::Int(12), "\\x3132"),
        ("vector", Datum::Latin1(b".5,-1,2E-3"), "[0.5,-1,0.002]"),
        ("vector", Datum::Text("[1,2]"), "[1,2]"),
        ("json", Datum::Latin1(b"{\"a\":1}"), "{\"a\":1}"),
        ("interval", Datum::Time(1_000_000), "00:00:01"),
        ("int4[]", Datum::Text("{1,2}"), "{1,2}"),
        ("void", Datum::Text(""), ""),
    ];
    for (name, datum, expected) in cases {
        assert_eq!(text(name, &datum), expected, "{name} {datum:?}");
    }
}

#[test]
fn what_does_not_fit() {
    let cases = [
        ("int2", Datum::Int(40_000), "22003 smallint out of range"),
        ("int4", Datum::Int(1 << 40), "22003 integer out of range"),
        ("int4", Datum::Text("3e9"), "22003 integer out of range"),
        ("int8", Datum::Double(1e19), "22003 bigint out of range"),
        ("int8", Datum::Double(f64::NAN), "22003 bigint out of range"),
        ("int4", Datum::Text("abc"), "22P02 invalid input syntax for type integer: \"abc\""),
        ("int4", Datum::Text(""), "22P02 invalid input syntax for type integer: \"\""),
        ("int4", Datum::Text("99999999999"), "22003 integer out of range"),
        ("int4", Datum::Date(1), "42804 a date cannot be a value of type integer"),
        ("oid", Datum::Int(-1), "22003 oid out of range"),
        ("bool", Datum::Text("maybe"), "22P02 invalid input syntax for type boolean: \"maybe\""),
        ("float4", Datum::Double(1e300), "22003 value out of range: overflow"),
        ("float4", Datum::Double(1e-300), "22003 value out of range: underflow"),
        ("float8", Datum::Text("x"), "22P02 invalid input syntax for type double precision: \"x\""),
        ("numeric", Datum::Text("1,5"), "22P02 invalid input syntax for type numeric: \"1,5\""),
        ("numeric", Datum::Text("1e999999"), "22003 value overflows numeric format"),
        ("date", Datum::Text("yester"), "22007 invalid input syntax for type date: \"yester\""),
        ("date", Datum::Text("2024-02-30"), "22008 date/time field value out of range: \"2024-02-30\""),
        ("date", Datum::Int(5), "42804 a number cannot be a value of type date"),
        ("uuid", Datum::Text("x"), "22P02 invalid input syntax for type uuid: \"x\""),
        ("uuid", Datum::Bytes(b"x"), "42804 binary data cannot be a value of type uuid"),
        ("vector", Datum::Text("1,a"), "22P02 invalid input syntax for type vector: \"1,a\""),
        ("vector", Datum::Text("1,1e99"), "22003 \"1e99\" is out of range for type vector"),
        ("vector", Datum::Vector(Vec::new()), "22000 vector must have at least 1 dimension"),
    ];
    for (name, datum, expected) in cases {
        assert_eq!(text(name, &datum), expected, "{name} {datum:?}");
    }
}

#[test]
fn binary_where_there_is_none() {
    for name in ["record", "point", "int4range", "point[]", "int2vector"] {
        let error = Encoder::select(pg_type(name), Format::Binary).unwrap_err();
        assert_eq!(error.code, SqlState::FEATURE_NOT_SUPPORTED, "{name}");
        assert!(Encoder::select(pg_type(name), Format::Text).is_ok(), "{name}");
    }
    // A type this gateway never heard of is text.
    assert!(Encoder::select(PgType::new(Oid(4_000_000)), Format::Text).is_ok());
    let uneven = cell("int4[]", Format::Binary, &Datum::Text("{{1},{2,3}}")).unwrap_err();
    assert_eq!(uneven, "22P02 malformed array literal: \"{{1},{2,3}}\"");
}

#[test]
fn wider_kinds_in_binary() {
    let cases = [
        ("numeric", Datum::Double(f64::NAN), "00000000c0000000"),
        ("numeric", Datum::Double(f64::INFINITY), "00000000d0000000"),
        ("numeric", Datum::Double(f64::NEG_INFINITY), "00000000f0000000"),
        ("char(3)", Datum::Text("a"), "612020"),
        ("regclass", Datum::Int(1259), "000004eb"),
        ("void", Datum::Text(""), ""),
        ("vector", Datum::Text("1,-2.5"), "000200003f800000c0200000"),
        ("date", Datum::Text("2000-01-02"), "00000001"),
        ("timestamp(0)", Datum::Timestamp(1_500_000), "00000000001e8480"),
        ("name", Datum::Latin1(b"\xE4"), "c3a4"),
    ];
    for (name, datum, expected) in cases {
        assert_eq!(hex(&cell(name, Format::Binary, &datum).unwrap()), expected, "{name} {datum:?}");
    }
}

#[test]
fn what_binary_reads_binary_writes() {
    let cases: [(Oid, &[u8]); 8] = [
        (Oid::INET, &[2, 32, 0, 4, 10, 0, 0, 1]),
        (Oid::INET, &[2, 8, 0, 4, 10, 0, 0, 1]),
        (Oid::INET, &[3, 64, 0, 16, 0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        (Oid::CIDR, &[2, 8, 1, 4, 10, 0, 0, 0]),
        (Oid::MACADDR, &[8, 0, 0x2b, 1, 2, 0xff]),
        (Oid::MACADDR8, &[8, 0, 0x2b, 1, 2, 3, 4, 5]),
        (Oid::VARBIT, &[0, 0, 0, 10, 0b1010_0001, 0b0100_0000]),
        (Oid::BIT, &[0, 0, 0, 0]),
    ];
    for (oid, bytes) in cases {
        let datum = crate::types::decode(oid, Format::Binary, bytes).unwrap();
        let mut out = Vec::new();
        Encoder::select(PgType::new(oid), Format::Binary).unwrap().encode(&datum, &mut out).unwrap();
        assert_eq!(out, bytes, "{oid:?}");
    }
}
