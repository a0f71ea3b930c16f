use super::*;

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

#[test]
fn packing_loses_nothing() {
    for data_type in [
        DataType::Bit,
        DataType::Numeric { precision: 19, scale: 4 },
        DataType::VarChar { length: None },
        DataType::VarChar { length: Some(65_535) },
        DataType::Char { length: 3 },
        DataType::Timestamp { precision: 6 },
        DataType::Vector { element: VectorElement::Float, length: Some(1_536) },
        DataType::Vector { element: VectorElement::Decimal, length: None },
        DataType::VarBinary { length: Some(9) },
        DataType::List,
    ] {
        assert_eq!(unpack(pack(&data_type)), data_type);
    }
}

#[test]
fn assignment_validates() {
    let cases = [
        (text("abcd"), DataType::VarChar { length: Some(3) }, Err(ConvertError::Length)),
        (text("abc"), DataType::VarChar { length: Some(3) }, Ok(Stored::Text("abc".into()))),
        (text("x"), DataType::Integer, Err(ConvertError::Number)),
        (text("12.7"), DataType::Integer, Ok(Stored::Integer(12))),
        (Value::Int(129), DataType::TinyInt, Err(ConvertError::Range)),
        (Value::Int(2), DataType::Bit, Err(ConvertError::Range)),
        (text("1.005"), DataType::Numeric { precision: 9, scale: 2 }, Ok(Stored::Text("1.01".into()))),
        (text("12345678.1"), DataType::Numeric { precision: 9, scale: 2 }, Err(ConvertError::Range)),
        (text("2024-01-02"), DataType::Date, Ok(Stored::Integer(66_841))),
        (text("2024-02-30"), DataType::Date, Err(ConvertError::Date)),
        (Value::Int(66_841), DataType::Date, Ok(Stored::Integer(66_841))),
        (text("nope"), DataType::Time { precision: 0 }, Err(ConvertError::Time)),
        (text("1,2"), DataType::Vector { element: VectorElement::Double, length: Some(3) }, Err(ConvertError::Vector)),
        (text("not-a-guid"), DataType::UniqueIdentifier, Err(ConvertError::Type)),
    ];
    for (value, data_type, expected) in cases {
        assert_eq!(import(&value, &data_type, Purpose::Assign), expected, "{value:?} {data_type:?}");
    }
}

#[test]
fn casts_cut_and_read_leniently() {
    let cast = |value: Value, to: DataType| import(&value, &to, Purpose::Cast).unwrap();
    assert_eq!(cast(text("12abc"), DataType::Integer), Stored::Integer(12));
    assert_eq!(cast(text("-1.7"), DataType::Integer), Stored::Integer(-1));
    assert_eq!(cast(text("abcdef"), DataType::VarChar { length: Some(2) }), Stored::Text("ab".into()));
    assert_eq!(cast(Value::Int(5), DataType::Bit), Stored::Integer(1));
    assert_eq!(
        convert(ValueRef::Integer(66_841), Class::Date, &DataType::VarChar { length: Some(30) }, Purpose::Cast),
        Ok(Stored::Text("2024-01-02".into()))
    );
}

#[test]
fn exported_values_are_logical() {
    let stamp = dt::parse_timestamp("2024-01-02 03:04:05").unwrap();
    assert_eq!(
        export(ValueRef::Integer(stamp), &DataType::Timestamp { precision: 9 }),
        Value::Int(dt::to_posix(stamp))
    );
    assert_eq!(
        export(ValueRef::Integer(1_500_000), &DataType::Time { precision: 1 }),
        Value::Decimal(Decimal { mantissa: 15, scale: -1 })
    );
    assert_eq!(
        export(ValueRef::Text(b"900.1"), &DataType::Numeric { precision: 9, scale: 2 }),
        Value::Decimal(Decimal { mantissa: 9001, scale: -1 })
    );
    assert_eq!(export(ValueRef::Text(b""), &DataType::VarChar { length: None }), Value::Text(String::new()));
}
