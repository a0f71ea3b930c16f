use super::*;
use crate::iris::ItemReader;

fn parameter(iris_type: IrisType, scale: i32) -> ParameterDescription {
    ParameterDescription { iris_type, precision: 20, scale, nullable: 1 }
}

fn sent(iris_type: IrisType, scale: i32, datum: Datum<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    put_value(&mut out, &parameter(iris_type, scale), &datum).unwrap();
    let mut by_column = Vec::new();
    CellEncoder::select(parameter(iris_type, scale)).put(&mut by_column, &datum).unwrap();
    assert_eq!(by_column, out, "{iris_type:?} {datum:?}");
    out
}

fn refused(iris_type: IrisType, datum: Datum<'_>) -> SqlState {
    let mut out = Vec::new();
    let error = put_value(&mut out, &parameter(iris_type, 0), &datum).unwrap_err();
    let by_column = CellEncoder::select(parameter(iris_type, 0)).put(&mut out, &datum).unwrap_err();
    assert_eq!(by_column.code, error.code);
    assert!(out.is_empty());
    error.code
}

fn cell(iris_type: IrisType, bytes: &[u8]) -> Datum<'_> {
    let item = ItemReader::new(bytes).need("cell").unwrap();
    CellDecoder::select(iris_type).decode(&item).unwrap()
}

const DAY: i32 = 8767;
/// 2024-01-02 03:04:05 since 2000-01-01.
const MOMENT: i64 = DAY as i64 * MICROS_PER_DAY + 11_045_000_000;

#[test]
fn dates_and_times_in_the_forms_of_section_5_5() {
    assert_eq!(sent(IrisType::DATE_HOROLOG, 0, Datum::Date(DAY)), [5, 4, 0x19, 5, 1]);
    assert_eq!(sent(IrisType::DATE_HOROLOG, 0, Datum::Text("2024-01-02")), [5, 4, 0x19, 5, 1]);
    assert_eq!(sent(IrisType::DATE_HOROLOG, 0, Datum::Timestamp(MOMENT)), [5, 4, 0x19, 5, 1]);
    assert_eq!(sent(IrisType::DATE_HOROLOG, 0, Datum::Text("1839-01-02")), [4, 5, 0x27, 0xfd]);
    assert_eq!(sent(IrisType::DATE, 0, Datum::Date(DAY)), b"\x0c\x012024-01-02");
    assert_eq!(sent(IrisType::VARCHAR, 0, Datum::Date(DAY)), b"\x0c\x012024-01-02");
    assert_eq!(
        sent(IrisType::TIMESTAMP_POSIX, 0, Datum::Timestamp(MOMENT)),
        [0x0a, 4, 0x40, 0xd3, 0x4d, 0xc0, 0xed, 0x0d, 6, 0x10]
    );
    assert_eq!(
        sent(IrisType::TIMESTAMP_POSIX, 0, Datum::Text("2024-01-02 03:04:05")),
        sent(IrisType::TIMESTAMP_POSIX, 0, Datum::Timestamp(MOMENT))
    );
    assert_eq!(sent(IrisType::TIMESTAMP_ODBC, 0, Datum::Timestamp(MOMENT)), b"\x15\x012024-01-02 03:04:05");
    assert_eq!(sent(IrisType::TIMESTAMP, 0, Datum::Date(DAY)), b"\x15\x012024-01-02 00:00:00");
    let time = Datum::Time(3_723_456_789);
    assert_eq!(sent(IrisType::TIME_HOROLOG, 3, time.clone()), [6, 6, 0xfd, 0xc1, 0xd0, 0x38]);
    assert_eq!(sent(IrisType::TIME_HOROLOG, 0, Datum::Time(3_723_000_000)), [5, 6, 0, 0x8b, 0x0e]);
    assert_eq!(sent(IrisType::TIME, 0, time), b"\x11\x0101:02:03.456789");
}

#[test]
fn numbers_by_declared_type() {
    assert_eq!(sent(IrisType::INTEGER, 0, Datum::Text("12")), [3, 4, 12]);
    assert_eq!(sent(IrisType::INTEGER, 0, Datum::Text("x")), b"\x03\x01x");
    assert_eq!(sent(IrisType::INTEGER, 0, Datum::Decimal(Decimal { mantissa: 150, scale: -1 })), [3, 4, 15]);
    assert_eq!(sent(IrisType::INTEGER, 0, Datum::Decimal(Decimal { mantissa: 15, scale: -1 })), [4, 6, 0xff, 15]);
    assert_eq!(sent(IrisType::INTEGER, 0, Datum::Double(5.0)), [3, 4, 5]);
    assert_eq!(sent(IrisType::BIT, 0, Datum::Bool(true)), [3, 4, 1]);
    assert_eq!(sent(IrisType::BIT, 0, Datum::Bool(false)), [2, 4]);
    assert_eq!(sent(IrisType::BIT, 0, Datum::Text("t")), [3, 4, 1]);
    assert_eq!(sent(IrisType::NUMERIC, 2, Datum::Text("1.50")), [5, 6, 0xfe, 0x96, 0]);
    assert_eq!(sent(IrisType::NUMERIC, 2, Datum::Double(0.1)), [4, 6, 0xff, 1]);
    let digits = "123456789012345678901234567890";
    assert_eq!(refused(IrisType::NUMERIC, Datum::BigDecimal(digits)), SqlState::NUMERIC_OUT_OF_RANGE);
    assert_eq!(refused(IrisType::DOUBLE, Datum::Double(f64::NAN)), SqlState::FEATURE_NOT_SUPPORTED);
    assert_eq!(sent(IrisType::DOUBLE, 0, Datum::Int(1)), [10, 8, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    assert_eq!(sent(IrisType::DOUBLE, 0, Datum::Text("1.5")), [10, 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    assert_eq!(
        sent(IrisType::DOUBLE, 0, Datum::Decimal(Decimal { mantissa: 1, scale: -1 })),
        sent(IrisType::DOUBLE, 0, Datum::Double(0.1))
    );
}

#[test]
fn null_empty_and_the_single_nul() {
    for iris_type in [IrisType::VARCHAR, IrisType::INTEGER, IrisType::DATE_HOROLOG, IrisType::VARBINARY] {
        assert_eq!(sent(iris_type, 0, Datum::Null), [2, 1]);
        assert_eq!(sent(iris_type, 0, Datum::Text("")), [3, 1, 0]);
    }
    assert_eq!(sent(IrisType::VARBINARY, 0, Datum::Bytes(&[])), [3, 1, 0]);
    assert_eq!(sent(IrisType::VARBINARY, 0, Datum::Bytes(&[0, 0xff])), [4, 1, 0, 0xff]);
    assert_eq!(refused(IrisType::VARCHAR, Datum::Text("\0")), SqlState::CHARACTER_NOT_IN_REPERTOIRE);
    assert_eq!(refused(IrisType::VARBINARY, Datum::Bytes(&[0])), SqlState::CHARACTER_NOT_IN_REPERTOIRE);
    assert_eq!(refused(IrisType::DATE_HOROLOG, Datum::Date(i32::MAX)), SqlState::DATETIME_OVERFLOW);
    assert_eq!(refused(IrisType::TIMESTAMP_POSIX, Datum::Timestamp(i64::MAX)), SqlState::DATETIME_OVERFLOW);
    assert_eq!(refused(IrisType::TIMESTAMP, Datum::Timestamp(i64::MIN)), SqlState::DATETIME_OVERFLOW);
}

#[test]
fn vectors_are_text() {
    assert_eq!(sent(IrisType::VARCHAR, 0, Datum::Vector(vec![0.0, 0.125, -1e-7])), b"\x10\x010,0.125,-1e-07");
}

#[test]
fn cells_by_column_type() {
    assert_eq!(cell(IrisType::BIT, &[3, 4, 1]), Datum::Bool(true));
    assert_eq!(cell(IrisType::BIT, &[3, 1, b'0']), Datum::Bool(false));
    assert_eq!(cell(IrisType::BIT, &[2, 1]), Datum::Null);
    assert_eq!(cell(IrisType::BIGINT, &[4, 1, b'1', b'2']), Datum::Int(12));
    assert_eq!(cell(IrisType::NUMERIC, b"\x06\x011.50"), Datum::Decimal(Decimal { mantissa: 150, scale: -2 }));
    assert_eq!(cell(IrisType::NUMERIC, b"\x15\x019223372036854775808"), Datum::BigDecimal("9223372036854775808"));
    assert_eq!(cell(IrisType::DOUBLE, &[4, 6, 0xff, 1]), Datum::Double(0.1));
    assert_eq!(cell(IrisType::DOUBLE, &[3, 4, 2]), Datum::Double(2.0));
    assert_eq!(cell(IrisType::DATE_HOROLOG, &[5, 4, 0x19, 5, 1]), Datum::Date(DAY));
    assert_eq!(cell(IrisType::DATE, b"\x0c\x012024-01-02"), Datum::Date(DAY));
    assert_eq!(cell(IrisType::DATE_ODBC, &[2, 1]), Datum::Null);
    assert_eq!(cell(IrisType::TIME_HOROLOG, &[4, 4, 0x25, 0x2b]), Datum::Time(11_045_000_000));
    assert_eq!(cell(IrisType::TIME_HOROLOG, &[6, 6, 0xfd, 0xc1, 0xd0, 0x38]), Datum::Time(3_723_457_000));
    assert_eq!(cell(IrisType::TIME, b"\x0a\x0103:04:05"), Datum::Time(11_045_000_000));
    assert_eq!(
        cell(IrisType::TIMESTAMP_POSIX, &[0x0a, 4, 0x40, 0xd3, 0x4d, 0xc0, 0xed, 0x0d, 6, 0x10]),
        Datum::Timestamp(MOMENT)
    );
    assert_eq!(cell(IrisType::TIMESTAMP, b"\x15\x012024-01-02 03:04:05"), Datum::Timestamp(MOMENT));
    assert_eq!(cell(IrisType::VARBINARY, &[3, 1, 0]), Datum::Bytes(&[]));
    assert_eq!(cell(IrisType::VARBINARY, &[4, 1, 0, 0xff]), Datum::Bytes(&[0, 0xff]));
    assert_eq!(cell(IrisType::VARCHAR, &[3, 1, 0]), Datum::Text(""));
    assert_eq!(cell(IrisType::VARCHAR, &[3, 1, 0xe9]), Datum::Latin1(&[0xe9]));
    // An untyped literal is described as INTEGER whatever it is.
    assert_eq!(cell(IrisType::INTEGER, b"\x05\x01abc"), Datum::Latin1(b"abc"));
    assert_eq!(cell(IrisType::INTEGER, &[4, 6, 0xff, 15]), Datum::Decimal(Decimal { mantissa: 15, scale: -1 }));
}

#[test]
fn cells_no_calendar_holds() {
    let refuses = |iris_type, bytes: &[u8]| {
        let item = ItemReader::new(bytes).need("cell").unwrap();
        CellDecoder::select(iris_type).decode(&item).unwrap_err().code
    };
    assert_eq!(refuses(IrisType::DATE_HOROLOG, b"\x05\x01abc"), SqlState::DATETIME_OVERFLOW);
    assert_eq!(refuses(IrisType::TIME_HOROLOG, &[3, 5, 0xfe]), SqlState::DATETIME_OVERFLOW);
    assert_eq!(refuses(IrisType::TIMESTAMP_POSIX, &[3, 4, 1]), SqlState::DATETIME_OVERFLOW);
}

/// Every item decodes or is refused under every type; nothing panics.
#[test]
fn every_type_meets_every_item() {
    let items: [&[u8]; 12] = [
        &[1],
        &[2, 1],
        &[3, 1, 0],
        &[3, 1, b'x'],
        &[4, 2, 0x3d, 0xd8],
        &[10, 4, 0, 0, 0, 0, 0, 0, 0, 0x80],
        &[10, 5, 1, 0, 0, 0, 0, 0, 0, 0x80],
        &[4, 6, 0x80, 1],
        &[11, 6, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8],
        &[10, 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f],
        &[3, 0x19, b'5'],
        &[11, 7, 0x80, 1, 2, 3, 4, 5, 6, 7, 0x80],
    ];
    for code in (-12..=100).chain(1091..=1093) {
        for bytes in items {
            let item = ItemReader::new(bytes).need("cell").unwrap();
            if let Ok(datum) = CellDecoder::select(IrisType(code)).decode(&item) {
                let mut out = Vec::new();
                let _ = put_value(&mut out, &parameter(IrisType(code), 3), &datum);
            }
        }
    }
}
