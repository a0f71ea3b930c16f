//! Values between the engine and `$LIST` items.
//!
//! What an item looks like decides what official clients make of it (facts, section 6.4): the declared type of the
//! column chooses the form, once per result.

use crate::engine::Value;
use iris_protocol::{
    ColumnDescription, Decimal, IrisType, Item, ItemReader, ListError, ParameterKind, RawItem, decimal,
    list::{latin1_to_string, put_bytes, put_decimal, put_double, put_int, put_null, put_text, utf16_to_string},
};

/// A parameter's value. `declared`: its type in the prepare reply; clients convert to it before they send, or not.
/// Dates and times are logical numbers or ISO text, as the client likes; the engine takes both.
///
/// # Errors
/// The bytes are no item, or no text.
pub(super) fn decode(item: RawItem<'_>, declared: Option<IrisType>) -> Result<Value, ListError> {
    let binary = declared.is_some_and(IrisType::is_binary);
    Ok(match item.decode()? {
        Item::Null => Value::Null,
        Item::Empty if binary => Value::Bytes(Vec::new()),
        Item::Empty => Value::Text(String::new()),
        Item::Latin1(bytes) if binary => Value::Bytes(bytes.to_vec()),
        Item::Latin1(bytes) | Item::Oref(bytes) => Value::Text(latin1_to_string(bytes)),
        Item::Utf16(bytes) => Value::Text(utf16_to_string(bytes).ok_or(ListError::Unexpected("UTF-16 text"))?),
        Item::Int(number) => Value::Int(number),
        Item::Decimal(number) => Value::Decimal(number),
        Item::Double(number) => Value::Double(number),
    })
}

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Integer,
    /// 06/07 always: 5.4.1 makes an int of 04.
    Numeric,
    Double,
    Text,
    Binary,
    /// Seconds of the day. (Dates are $HOROLOG days, timestamps encoded POSIX microseconds: plain integers.)
    Time,
    /// Handles, read by SS and JS.
    TextStream,
    BinaryStream,
    /// By the value.
    Plain,
}

impl Cell {
    pub(super) fn of(column: &ColumnDescription) -> Self {
        match column.iris_type {
            IrisType::INTEGER
            | IrisType::SMALLINT
            | IrisType::TINYINT
            | IrisType::BIGINT
            | IrisType::BIT
            | IrisType::ROWID => Self::Integer,
            IrisType::NUMERIC | IrisType::DECIMAL => Self::Numeric,
            IrisType::DOUBLE | IrisType::FLOAT | IrisType::REAL => Self::Double,
            IrisType::VARCHAR
            | IrisType::CHAR
            | IrisType::WCHAR
            | IrisType::WVARCHAR
            | IrisType::WLONGVARCHAR
            | IrisType::GUID => Self::Text,
            IrisType::BINARY | IrisType::VARBINARY => Self::Binary,
            IrisType::TIME_HOROLOG => Self::Time,
            IrisType::LONGVARCHAR => Self::TextStream,
            IrisType::LONGVARBINARY => Self::BinaryStream,
            _ => Self::Plain,
        }
    }

    /// Appends the item of a value. A value that does not fit the column goes as what it is: clients are lenient.
    /// Streams are the caller's.
    pub(super) fn put(self, out: &mut Vec<u8>, value: &Value) {
        match (self, value) {
            (_, Value::Null) => put_null(out),
            (Self::Integer, value) => match integer(value) {
                Some(number) => put_int(out, number),
                None => put_plain(out, value),
            },
            (Self::Numeric, value) => match numeric(value) {
                Some(number) => put_numeric(out, number),
                None => put_plain(out, value),
            },
            (Self::Double, Value::Int(number)) => put_double(out, *number as f64),
            (Self::Double, Value::Decimal(number)) => match decimal::to_string(*number).parse() {
                Ok(number) => put_double(out, number),
                Err(_) => put_decimal(out, *number),
            },
            (Self::Text, Value::Int(number)) => put_text(out, &number.to_string()),
            (Self::Text, Value::Decimal(number)) => put_text(out, &canonical(*number)),
            (Self::Text, Value::Double(number)) => put_text(out, &number.to_string()),
            (Self::Binary, Value::Text(text)) => put_bytes(out, text.as_bytes()),
            (Self::Time, Value::Decimal(number)) => put_seconds(out, *number),
            (_, value) => put_plain(out, value),
        }
    }
}

/// The item of a value by its own kind.
pub(super) fn put_plain(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => put_null(out),
        Value::Int(number) => put_int(out, *number),
        Value::Decimal(number) => put_decimal(out, *number),
        Value::Double(number) => put_double(out, *number),
        Value::Text(text) => put_text(out, text),
        Value::Bytes(bytes) => put_bytes(out, bytes),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        // Exact below 2^53.
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 9.0e15 => Some(*number as i64),
        Value::Decimal(number) if number.scale == 0 => Some(number.mantissa),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// None for more digits than an item holds: those go as text.
fn numeric(value: &Value) -> Option<Decimal> {
    let exact = |text: &str| match decimal::parse(text) {
        Some(decimal::Parsed::Exact(number)) => Some(number),
        _ => None,
    };
    match value {
        Value::Int(number) => Some(Decimal { mantissa: *number, scale: 0 }),
        Value::Decimal(number) => Some(*number),
        Value::Double(number) if number.is_finite() => exact(&number.to_string()),
        Value::Text(text) => exact(text.trim()),
        _ => None,
    }
}

/// Type 06 even for 0, so that a client makes a decimal of it.
fn put_numeric(out: &mut Vec<u8>, number: Decimal) {
    if number.mantissa == 0 && number.scale == 0 {
        out.extend_from_slice(&[3, 6, 0]);
    } else {
        put_decimal(out, number);
    }
}

/// 5.1.0 reads whole seconds only from an integer.
fn put_seconds(out: &mut Vec<u8>, seconds: Decimal) {
    if seconds.scale == 0 { put_int(out, seconds.mantissa) } else { put_decimal(out, seconds) }
}

/// IRIS's own form of a number: no zero before the point, none at the end.
fn canonical(number: Decimal) -> String {
    let text = decimal::to_string(number);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text {
        "0" | "-0" => "0".to_owned(),
        text => match (text.strip_prefix("0."), text.strip_prefix("-0.")) {
            (Some(fraction), _) => format!(".{fraction}"),
            (_, Some(fraction)) => format!("-.{fraction}"),
            _ => text.to_owned(),
        },
    }
}

/// Whether PQ's values fit the classes of the literals they stand for. Python takes texts that differ in such a class for
/// one statement: `SELECT 1` and then `SELECT 1.5`, which wants other metadata.
pub(super) fn literals_fit(body: &[u8], kinds: &[ParameterKind]) -> bool {
    let mut reader = ItemReader::new(body);
    // The number of sets, and that of values.
    let _ = (reader.need_raw("sets"), reader.need_raw("value count"));
    kinds.iter().all(|kind| match (reader.item(), kind) {
        (Ok(Some(Item::Latin1(text))), ParameterKind::IntegerLiteral) => {
            std::str::from_utf8(text).is_ok_and(|text| text.trim().parse::<i128>().is_ok())
        }
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use iris_protocol::ItemReader;

    fn encoded(cell: Cell, value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        cell.put(&mut out, value);
        out
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    /// The cells of capture select_typed_rows_5.4.1, and what 5.1.0 needs.
    #[test]
    fn cells_by_declared_type() {
        let decimal = |mantissa, scale| Value::Decimal(Decimal { mantissa, scale });
        let cases: &[(Cell, Value, &[u8])] = &[
            (Cell::Integer, Value::Int(1), &[3, 4, 1]),
            (Cell::Integer, Value::Double(2.0), &[3, 4, 2]),
            (Cell::Integer, text("-1"), &[2, 5]),
            (Cell::Numeric, decimal(12_345, -1), &[5, 6, 0xff, 0x39, 0x30]),
            (Cell::Numeric, Value::Int(0), &[3, 6, 0]),
            (Cell::Numeric, Value::Int(7), &[4, 6, 0, 7]),
            (Cell::Numeric, Value::Double(0.5), &[4, 6, 0xff, 5]),
            (Cell::Numeric, text("1E40x"), b"\x07\x011E40x"),
            (Cell::Double, Value::Int(1), &[10, 8, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
            (Cell::Double, decimal(15, -1), &[10, 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]),
            (Cell::Text, text(""), &[3, 1, 0]),
            (Cell::Text, Value::Null, &[2, 1]),
            (Cell::Text, Value::Int(5), b"\x03\x015"),
            (Cell::Text, decimal(-1, -1), b"\x05\x01-.1"),
            (Cell::Text, decimal(150, -2), b"\x05\x011.5"),
            (Cell::Binary, Value::Bytes(vec![0, 0xff, 0x80]), &[5, 1, 0, 0xff, 0x80]),
            (Cell::Binary, Value::Bytes(Vec::new()), &[3, 1, 0]),
            (Cell::Plain, Value::Int(66_841), &[5, 4, 0x19, 5, 1]),
            (Cell::Time, decimal(11_045, 0), &[4, 4, 0x25, 0x2b]),
            (Cell::Time, decimal(3_723_456, -3), &[6, 6, 0xfd, 0xc0, 0xd0, 0x38]),
            (Cell::Plain, Value::Double(1.0), &[10, 8, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        ];
        for (cell, value, want) in cases {
            assert_eq!(encoded(*cell, value), *want, "{cell:?} {value:?}");
        }
    }

    #[test]
    fn parameters_by_declared_type() {
        let decoded =
            |bytes: &[u8], declared| decode(ItemReader::new(bytes).need_raw("item").unwrap(), declared).unwrap();
        let varchar = Some(IrisType::VARCHAR);
        assert_eq!(decoded(&[2, 1], varchar), Value::Null);
        assert_eq!(decoded(&[3, 1, 0], varchar), text(""));
        assert_eq!(decoded(&[3, 1, 0], Some(IrisType::VARBINARY)), Value::Bytes(Vec::new()));
        assert_eq!(decoded(&[3, 1, 0xe9], varchar), text("\u{e9}"));
        assert_eq!(decoded(&[4, 1, 0, 0xff], Some(IrisType::LONGVARBINARY)), Value::Bytes(vec![0, 0xff]));
        assert_eq!(decoded(&[6, 2, 0x3d, 0xd8, 0, 0xde], varchar), text("\u{1f600}"));
        let stamp = [10, 4, 0x40, 0xd3, 0x4d, 0xc0, 0xed, 0x0d, 6, 0x10];
        assert_eq!(decoded(&stamp, Some(IrisType::TIMESTAMP_POSIX)), Value::Int(0x1006_0ded_c04d_d340));
        assert!(decode(ItemReader::new(&[4, 2, 0, 0xd8]).need_raw("item").unwrap(), varchar).is_err());
    }
}
