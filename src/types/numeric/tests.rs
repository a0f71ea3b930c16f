use super::*;

#[test]
fn what_iris_may_have_rounded() {
    for (text, scale, is_rounded) in [
        ("9223372036854775807", 0, false),
        ("9223372036854775808", 0, true),
        ("-18446744073709551610", 0, true),
        ("10000000000000000000", 0, true),
        ("92233720368547758.07", 2, false),
        ("92233720368547758.0", 2, false),
        ("92233720368547758.1", 2, true),
        ("1000000000000.5", 8, false),
        ("1234567890123.45678", 8, true),
        ("0", 18, false),
        ("0.3333333333333333333", 2, false),
    ] {
        assert_eq!(DecimalDigits::parse(text.as_bytes()).unwrap().is_rounded_at(scale), is_rounded, "{text} {scale}");
    }
}

/// Value, scale of the modifier, text and `numeric_send` of PostgreSQL 15.
#[rustfmt::skip]
const CASES: &[(&str, Option<i32>, &str, &str)] = &[
    ("0", None, "0", "0000000000000000"),
    ("0.00", None, "0.00", "0000000000000002"),
    ("-0.0", None, "0.0", "0000000000000001"),
    ("1", None, "1", "00010000000000000001"),
    ("-1", None, "-1", "00010000400000000001"),
    ("10", None, "10", "0001000000000000000a"),
    ("9999", None, "9999", "0001000000000000270f"),
    ("10000", None, "10000", "00010001000000000001"),
    ("10001", None, "10001", "000200010000000000010001"),
    ("100000000", None, "100000000", "00010002000000000001"),
    ("12345678901234567890.123456789", None, "12345678901234567890.123456789", "000800040000000904d2162e23340d801ed204d2162e2328"),
    (".5", None, "0.5", "0001ffff000000011388"),
    ("-.5", None, "-0.5", "0001ffff400000011388"),
    ("0.0001", None, "0.0001", "0001ffff000000040001"),
    ("0.00001", None, "0.00001", "0001fffe0000000503e8"),
    ("0.000012345", None, "0.000012345", "0002fffe0000000904d21388"),
    ("1e10", None, "10000000000", "00010002000000000064"),
    ("1.5e-7", None, "0.00000015", "0001fffe00000008000f"),
    ("12e3", None, "12000", "0002000100000000000107d0"),
    ("1.20e1", None, "12.0", "0001000000000001000c"),
    ("123456789012345678901234567890", None, "123456789012345678901234567890", "0008000700000000000c0d801ed204d2162e23340d801ed2"),
    ("1e-20", None, "0.00000000000000000001", "0001fffb000000140001"),
    ("12.5", Some(2), "12.50", "0002000000000002000c1388"),
    ("12.345", Some(2), "12.35", "0002000000000002000c0dac"),
    ("12.335", Some(2), "12.34", "0002000000000002000c0d48"),
    ("-12.345", Some(2), "-12.35", "0002000040000002000c0dac"),
    ("99.995", Some(2), "100.00", "00010000000000020064"),
    ("0.004", Some(2), "0.00", "0000000000000002"),
    ("-0.004", Some(2), "0.00", "0000000000000002"),
    ("0.005", Some(2), "0.01", "0001ffff000000020064"),
    ("1e5", Some(2), "100000.00", "0001000100000002000a"),
    ("0", Some(2), "0.00", "0000000000000002"),
    ("2.5", Some(0), "3", "00010000000000000003"),
    ("-2.5", Some(0), "-3", "00010000400000000003"),
    ("0.5", Some(0), "1", "00010000000000000001"),
    ("0.4", Some(0), "0", "0000000000000000"),
    ("9.5", Some(0), "10", "0001000000000000000a"),
    ("12345678901234567890.123456789", Some(10), "12345678901234567890.1234567890", "000800040000000a04d2162e23340d801ed204d2162e2328"),
    ("0.00000000005", Some(10), "0.0000000001", "0001fffd0000000a0064"),
    ("1234", Some(-2), "1200", "000100000000000004b0"),
    ("1250", Some(-2), "1300", "00010000000000000514"),
    ("49", Some(-2), "0", "0000000000000000"),
    ("50", Some(-2), "100", "00010000000000000064"),
    ("9950", Some(-2), "10000", "00010001000000000001"),
    ("0.5", Some(-2), "0", "0000000000000000"),
    ("5", Some(-2), "0", "0000000000000000"),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn both_forms_as_postgresql_writes_them() {
    for (value, scale, text, binary) in CASES {
        let number = DecimalDigits::parse(value.as_bytes()).unwrap();
        let mut out = Vec::new();
        number.write_text(*scale, &mut out).unwrap();
        assert_eq!(&String::from_utf8(out).unwrap(), text, "{value} {scale:?}");
        let mut out = Vec::new();
        number.write_binary(*scale, &mut out).unwrap();
        assert_eq!(&hex(&out), binary, "{value} {scale:?}");
        // And back: the same number, written plainly.
        let plain = match decode_binary(&bytes(binary)).unwrap() {
            Datum::Decimal(decimal) => {
                let mut out = Vec::new();
                let mut buffer = MantissaBuffer::new();
                let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
                let digits = DecimalDigits::from_decimal(decimal, &mut buffer);
                digits.write_text(i32::try_from(scale).ok(), &mut out).unwrap();
                String::from_utf8(out).unwrap()
            }
            Datum::Owned(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(&plain, text, "{value}");
    }
}

#[test]
fn text_input() {
    let decimal = |mantissa, scale| Ok(Datum::Decimal(Decimal { mantissa, scale }));
    let error = |code: &[u8; 5], message: &str| Err((SqlState(*code), message.to_owned()));
    let cases = [
        ("12.50", decimal(1250, -2)),
        (" +7 ", decimal(7, 0)),
        ("1e3", decimal(1, 3)),
        ("-.5", decimal(-5, -1)),
        ("5.", decimal(5, 0)),
        ("0.00", decimal(0, -2)),
        ("9223372036854775807", decimal(i64::MAX, 0)),
        ("9223372036854775808", Ok(Datum::BigDecimal("9223372036854775808"))),
        ("+9223372036854775808", Ok(Datum::Owned("9223372036854775808".to_owned()))),
        ("12345678901234567890.5e1", Ok(Datum::Owned("123456789012345678905".to_owned()))),
        ("1e-130", Ok(Datum::Owned(format!("0.{}1", "0".repeat(129))))),
        ("abc", error(b"22P02", "invalid input syntax for type numeric: \"abc\"")),
        ("", error(b"22P02", "invalid input syntax for type numeric: \"\"")),
        ("1.2.3", error(b"22P02", "invalid input syntax for type numeric: \"1.2.3\"")),
        ("1e", error(b"22P02", "invalid input syntax for type numeric: \"1e\"")),
        ("1 2", error(b"22P02", "invalid input syntax for type numeric: \"1 2\"")),
        ("1e200000", error(b"22003", "value overflows numeric format")),
        ("1e-20000", error(b"22003", "value overflows numeric format")),
        ("1e99999999999999999999", error(b"22003", "value overflows numeric format")),
    ];
    for (text, expected) in cases {
        assert_eq!(decode_text(text).map_err(|error| (error.code, error.message.clone())), expected, "{text:?}");
    }
    for (text, expected) in [("NaN", f64::NAN), ("-Infinity", f64::NEG_INFINITY), ("inf", f64::INFINITY)] {
        assert!(
            matches!(decode_text(text), Ok(Datum::Double(value)) if value.to_bits() == expected.to_bits()),
            "{text}"
        );
    }
}

#[test]
fn bad_binary_is_refused() {
    let code = |hex: &str| decode_binary(&bytes(hex)).map_err(|error| error.code.as_str().to_owned());
    assert_eq!(code("0001000000000000").unwrap_err(), "08P01");
    assert_eq!(code("00").unwrap_err(), "08P01");
    assert_eq!(code("00010000000000002710").unwrap_err(), "22P03");
    assert_eq!(code("0001000012340000000a").unwrap_err(), "22P03");
    assert_eq!(code("0001000000007fff000a").unwrap_err(), "22P03");
    assert_eq!(code("0001000000000000000a00").unwrap_err(), "22P03");
    // The largest weight a peer can claim costs what its text costs, no more.
    assert!(code("00017fff000000000001").is_ok());
    assert!(matches!(decode_binary(&bytes("00000000c0000000")), Ok(Datum::Double(value)) if value.is_nan()));
}

#[test]
fn rounding_to_integers() {
    let round = |text: &str| DecimalDigits::parse(text.as_bytes()).unwrap().round_to_i64();
    assert_eq!(round("2.5"), Some(3));
    assert_eq!(round("-2.5"), Some(-3));
    assert_eq!(round("0.49"), Some(0));
    assert_eq!(round("0.5"), Some(1));
    assert_eq!(round("9223372036854775807.4"), Some(i64::MAX));
    assert_eq!(round("9223372036854775807.5"), None);
    assert_eq!(round("1e3"), Some(1000));
    assert_eq!(round("1e300"), None);
    assert_eq!(round("0e300"), Some(0));
}
