//! Values, rows and answers in PostgreSQL's formats.

use std::sync::OnceLock;

use iris_pgwire::parts::catalog::{Answer, first_error, rows_len};
use iris_pgwire::parts::copy::{CopyError, CsvFormat, Row, RowDecoder, RowEncoder, RowFormat, TextFormat};
use iris_pgwire::parts::types::{Datum, Encoder, IsNull, Oid, PgType, decode};
use iris_pgwire::parts::wire::{Format, Frame};

use super::say_pg;

/// A type (two bytes) and a binary value of it: what can be read can be written, and what was written is read as the
/// same. Where a value has one form only, it is written as it came.
pub fn decode_binary(data: &[u8]) {
    let Some(([high, low], value)) = data.split_first_chunk::<2>() else { return };
    let types = TYPES.get_or_init(known_types);
    let oid = types[usize::from(u16::from_be_bytes([*high, *low])) % types.len()];
    let datum = match decode(oid, Format::Binary, value) {
        Ok(datum) => datum,
        Err(error) => return say_pg(&error),
    };
    let Ok(encoder) = Encoder::select(PgType::new(oid), Format::Binary) else { return };
    let mut written = Vec::new();
    match encoder.encode(&datum, &mut written) {
        Ok(IsNull::No) => {}
        Ok(IsNull::Yes) => panic!("{oid:?} {value:02x?}: read as NULL"),
        Err(error) => panic!("{oid:?} {value:02x?}: read as {datum:?}, and then {error:?}"),
    }
    if is_canonical(oid) {
        assert_eq!(written, value, "{oid:?} {datum:?}");
    }
    let reread =
        decode(oid, Format::Binary, &written).unwrap_or_else(|error| panic!("{oid:?} {written:02x?}: {error:?}"));
    let mut rewritten = Vec::new();
    encoder.encode(&reread, &mut rewritten).unwrap();
    assert_eq!(rewritten, written, "{oid:?} {value:02x?}");

    // Its text means the same value. There are many forms of NaN, which have one text.
    if matches!(datum, Datum::Double(number) if number.is_nan()) {
        return;
    }
    let text_encoder = Encoder::select(PgType::new(oid), Format::Text).unwrap();
    let mut text = Vec::new();
    text_encoder.encode(&datum, &mut text).unwrap();
    let shown = String::from_utf8_lossy(&text);
    let from_text = match decode(oid, Format::Text, &text) {
        Ok(from_text) => from_text,
        Err(error) => panic!("{oid:?} {value:02x?}: shown as {shown}, and then {error:?}"),
    };
    let mut by_text = Vec::new();
    encoder.encode(&from_text, &mut by_text).unwrap();
    assert_eq!(by_text, written, "{oid:?} {value:02x?} shown as {shown}");
}

static TYPES: OnceLock<Vec<Oid>> = OnceLock::new();

/// All types that the gateway knows by their OID, arrays and one it does not know among them.
fn known_types() -> Vec<Oid> {
    (0..=4100).chain(16_380..=16_400).map(Oid).filter(|oid| oid.typname() != "???").chain([Oid(99_999)]).collect()
}

/// Whether a value has one binary form.
fn is_canonical(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::INT2
            | Oid::INT4
            | Oid::INT8
            | Oid::OID
            | Oid::UUID
            | Oid::BYTEA
            | Oid::TEXT
            | Oid::VARCHAR
            | Oid::BPCHAR
            | Oid::JSON
            | Oid::DATE
            | Oid::TIME
            | Oid::TIMETZ
            | Oid::TIMESTAMP
            | Oid::TIMESTAMPTZ
            | Oid::INTERVAL
            | Oid::MONEY
    )
}

/// Rows, or the rows in front of an error and the error.
type Rows = (Vec<Vec<Option<Vec<u8>>>>, Option<CopyError>);

const ROW_BYTES_MAX: usize = 100;

/// COPY data behind one byte that chooses the format and one that chooses chunks: the same rows and the same error under
/// any chunks, and rows written again are the same rows.
pub fn copy_text(data: &[u8]) {
    let Some(([choice, sizes], data)) = data.split_first_chunk::<2>() else { return };
    let header = choice & 1 != 0;
    let format = match choice >> 1 & 3 {
        0 => RowFormat::Text(TextFormat { header, ..TextFormat::default() }),
        1 => RowFormat::Text(TextFormat { delimiter: b'|', null: b"NULL".to_vec(), header, default: None }),
        2 => RowFormat::Csv(CsvFormat { header, ..CsvFormat::default() }),
        _ => RowFormat::Csv(CsvFormat { quote: b'\'', escape: b'\\', header, ..CsvFormat::default() }),
    };
    let columns_count = (choice & 8 != 0).then_some(2);
    let whole = rows_of(&format, columns_count, &[data]);
    let bytes: Vec<&[u8]> = data.chunks(1).collect();
    assert_eq!(rows_of(&format, columns_count, &bytes), whole, "byte by byte");
    let mut uneven = Vec::new();
    let mut rest = data;
    for turn in 1..=u8::MAX {
        let size = usize::from(sizes.wrapping_mul(turn) % 11);
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        uneven.push(chunk);
        rest = after;
    }
    uneven.push(rest);
    assert_eq!(rows_of(&format, columns_count, &uneven), whole, "uneven chunks");

    let (rows, error) = whole;
    if let Some(error) = error {
        assert!(error.line() >= 1);
        return say_pg(&error.to_pg(&["a".to_owned(), "b".to_owned()]));
    }
    let Some(count) = rows.first().map(Vec::len).filter(|count| rows.iter().all(|row| row.len() == *count)) else {
        return;
    };
    let format = match format {
        RowFormat::Text(text) => RowFormat::Text(TextFormat { header: false, ..text }),
        RowFormat::Csv(csv) => RowFormat::Csv(CsvFormat { header: false, ..csv }),
    };
    let mut encoder = RowEncoder::new(format.clone(), count);
    let mut written = Vec::new();
    for row in &rows {
        row.iter().for_each(|field| encoder.field(field.as_deref(), &mut written));
        encoder.end_row(&mut written);
    }
    let mut again = RowDecoder::new(format, None, 100 * ROW_BYTES_MAX);
    let mut input = written.as_slice();
    let mut reread = Vec::new();
    while let Some(row) =
        again.next_row(&mut input).unwrap_or_else(|error| panic!("{}: {error:?}", written.escape_ascii()))
    {
        reread.push(owned(row));
    }
    assert_eq!(reread, rows, "{}", written.escape_ascii());
}

fn owned(row: Row<'_>) -> Vec<Option<Vec<u8>>> {
    row.iter().map(|field| field.map(<[u8]>::to_vec)).collect()
}

fn rows_of(format: &RowFormat, columns_count: Option<usize>, chunks: &[&[u8]]) -> Rows {
    let mut rows = Vec::new();
    let mut decoder = RowDecoder::new(format.clone(), columns_count, ROW_BYTES_MAX);
    let result = (|| {
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(row) = decoder.next_row(&mut input)? {
                rows.push(owned(row));
            }
            assert!(input.is_empty());
        }
        if let Some(row) = decoder.finish()? {
            rows.push(owned(row));
        }
        Ok(())
    })();
    (rows, result.err())
}

/// Bytes of the catalog service: an answer whose rows are whole messages, or an error.
pub fn catalog_answer(data: &[u8]) {
    let error_alone = first_error(data);
    let answer = match Answer::read(data) {
        Ok(answer) => answer,
        Err(error) => return say_pg(&error),
    };
    assert!(answer.rows.len() + answer.row_description.len() <= data.len());
    assert_eq!(rows_len(&answer.rows, answer.rows_count), answer.rows.len());
    assert_eq!(u64::try_from(answer.text_rows().count()), Ok(answer.rows_count));
    assert_eq!(answer.rows_count == 0, answer.rows.is_empty());
    let first = answer.first_row();
    assert!(answer.rows_count > 0 || first.is_empty());
    assert_eq!(answer.single_value(), first.first().cloned().flatten());
    let mut rest = answer.rows.as_slice();
    for _ in 0..answer.rows_count {
        let frame = Frame::cut_backend(rest, u32::MAX).unwrap().unwrap();
        assert_eq!(frame.tag, b'D');
        rest = &rest[frame.wire_len()..];
    }
    assert!(rest.is_empty());
    if !answer.row_description.is_empty() {
        let frame = Frame::cut_backend(&answer.row_description, u32::MAX).unwrap().unwrap();
        assert_eq!((frame.tag, frame.wire_len()), (b'T', answer.row_description.len()));
        assert!(answer.described.columns.is_some());
    }
    if let Some(error) = &answer.error {
        say_pg(error);
        assert!(matches!(error_alone, Ok(Some(_))));
    }
    answer.notices.iter().for_each(say_pg);
}
