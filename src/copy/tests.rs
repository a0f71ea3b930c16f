//! Each input is read whole, cut in two at every place, and byte by byte; the rows must be PostgreSQL's every time.

use super::cases::{CSV, CSV_OTHER, TEXT, TEXT_HEADER, TEXT_OTHER};
use super::*;

fn json(rows: &[Vec<Option<Vec<u8>>>]) -> String {
    let mut out = String::from("[");
    for (index, row) in rows.iter().enumerate() {
        out.push_str(if index > 0 { ", [" } else { "[" });
        for (index, field) in row.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            match field {
                None => out.push_str("null"),
                Some(bytes) => {
                    out.push('"');
                    for character in std::str::from_utf8(bytes).unwrap().chars() {
                        match character {
                            '"' | '\\' => out.extend(['\\', character]),
                            '\n' => out.push_str("\\n"),
                            '\r' => out.push_str("\\r"),
                            '\t' => out.push_str("\\t"),
                            '\u{8}' => out.push_str("\\b"),
                            '\u{c}' => out.push_str("\\f"),
                            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
                            other => out.push(other),
                        }
                    }
                    out.push('"');
                }
            }
        }
        out.push(']');
    }
    out.push(']');
    out
}

type Rows = Vec<Vec<Option<Vec<u8>>>>;

fn read(format: &RowFormat, columns_count: usize, chunks: &[&[u8]]) -> Result<Rows, CopyError> {
    let mut decoder = RowDecoder::new(format.clone(), Some(columns_count), 1000);
    let mut rows = Vec::new();
    let own = |row: Row<'_>| row.iter().map(|field| field.map(<[u8]>::to_vec)).collect::<Vec<_>>();
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(row) = decoder.next_row(&mut input)? {
            rows.push(own(row));
        }
        assert!(input.is_empty());
    }
    if let Some(row) = decoder.finish()? {
        rows.push(own(row));
    }
    assert!(decoder.finish()?.is_none());
    assert_eq!(read_resumed(format, columns_count, chunks).as_ref(), Ok(&rows));
    Ok(rows)
}

/// The same where the reader stops behind each row and goes on later, with what is left of the chunk elsewhere.
fn read_resumed(format: &RowFormat, columns_count: usize, chunks: &[&[u8]]) -> Result<Rows, CopyError> {
    let mut decoder = RowDecoder::new(format.clone(), Some(columns_count), 1000);
    let mut rows = Vec::new();
    let own = |row: Row<'_>| (0..row.len()).map(|index| row.get(index).unwrap().map(<[u8]>::to_vec)).collect();
    for chunk in chunks {
        let mut rest = chunk.to_vec();
        loop {
            let mut input = rest.as_slice();
            let Some(row) = decoder.next_row(&mut input)? else { break };
            rows.push(own(row));
            rest = input.to_vec();
        }
    }
    rows.extend(decoder.finish()?.map(own));
    Ok(rows)
}

fn said(format: &RowFormat, chunks: &[&[u8]]) -> String {
    match read(format, 2, chunks) {
        Ok(rows) => json(&rows),
        Err(error) => {
            let line = error.line();
            let error = error.to_pg(&["a".to_owned(), "b".to_owned()]);
            format!("{} {}, line {line}", error.code, error.message)
        }
    }
}

fn check(format: &RowFormat, cases: &[(&[u8], &str)]) {
    for (data, expected) in cases {
        let shown = String::from_utf8_lossy(data);
        assert_eq!(&said(format, &[data]), expected, "{shown:?}");
        for cut in 0..=data.len() {
            let (left, right) = data.split_at(cut);
            assert_eq!(&said(format, &[left, right]), expected, "{shown:?} cut at {cut}");
            assert_eq!(&said(format, &[left, b"", right]), expected, "{shown:?} cut at {cut}, empty between");
        }
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        assert_eq!(&said(format, &bytes), expected, "{shown:?} byte by byte");
    }
}

#[test]
fn text() {
    check(&RowFormat::Text(TextFormat::default()), TEXT);
    check(&RowFormat::Text(TextFormat { header: true, ..TextFormat::default() }), TEXT_HEADER);
    check(
        &RowFormat::Text(TextFormat { delimiter: b'|', null: b"NULL".to_vec(), header: false, default: None }),
        TEXT_OTHER,
    );
}

#[test]
fn csv() {
    check(&RowFormat::Csv(CsvFormat::default()), CSV);
    let null = b"nil".to_vec();
    let other = CsvFormat { quote: b'\'', escape: b'\\', null, header: true, ..CsvFormat::default() };
    check(&RowFormat::Csv(other), CSV_OTHER);
}

#[test]
fn errors_carry_hint_and_line() {
    let error = CopyError::LiteralNewline { line: 7 }.to_pg(&[]);
    assert_eq!(error.hint.as_deref(), Some("Use \"\\n\" to represent newline."));
    assert_eq!(CopyError::LiteralNewline { line: 7 }.line(), 7);
    assert_eq!(CopyError::MissingData { line: 1, column_index: 1 }.to_pg(&[]).message, "missing data for column 2");
}

#[test]
fn a_row_too_long_is_refused_however_it_comes() {
    for format in [RowFormat::Text(TextFormat::default()), RowFormat::Csv(CsvFormat::default())] {
        for chunk_length in [1, 7, 1000, 5000] {
            let long = [b"a\n".as_slice(), &[b'x'; 1001], b"\n"].concat();
            let chunks: Vec<&[u8]> = long.chunks(chunk_length).collect();
            let expected = Err(CopyError::RowTooLong { line: 2, row_bytes_max: 1000 });
            assert_eq!(read(&format, 1, &chunks), expected, "{chunk_length}");
            let fits = [[b'x'; 1000].as_slice(), b"\r\ny"].concat();
            let chunks: Vec<&[u8]> = fits.chunks(chunk_length).collect();
            assert_eq!(read(&format, 1, &chunks).unwrap().len(), 2, "{chunk_length}");
        }
    }
    // A quote that never closes is a row too long, not a copy of the whole stream.
    let open = [b"\"".as_slice(), &[b'\n'; 2000]].concat();
    let result = read(&RowFormat::Csv(CsvFormat::default()), 1, &[&open]);
    assert!(matches!(result, Err(CopyError::RowTooLong { .. })));
}

#[test]
fn without_a_count_of_columns_a_row_is_still_bounded() {
    let mut decoder = RowDecoder::new(RowFormat::Text(TextFormat::default()), None, 100_000);
    let mut input = &b"a\nb\tc\n"[..];
    assert_eq!(decoder.next_row(&mut input).unwrap().unwrap().len(), 1);
    assert_eq!(decoder.next_row(&mut input).unwrap().unwrap().len(), 2);
    assert!(decoder.next_row(&mut input).unwrap().is_none());
    assert!(decoder.next_row(&mut &[b'\t'; 50_000][..]).unwrap().is_none());
    assert!(matches!(decoder.next_row(&mut &b"\n"[..]), Err(CopyError::ExtraData { line: 3 })));
}

#[test]
fn what_is_written_is_read_back() {
    let nasty: [Option<&[u8]>; 14] = [
        None,
        Some(b""),
        Some(b"\\N"),
        Some(b"\\."),
        Some(b"a\tb"),
        Some(b"\n\r\r\n"),
        Some(b"\\"),
        Some(b"\"quoted\""),
        Some(b"a,b|c"),
        Some("\u{e4}\u{20AC}".as_bytes()),
        Some(b"\x08\x0B\x0C\x01"),
        Some(b"NULL"),
        Some(b"'"),
        Some(b"x"),
    ];
    let null = b"NIL".to_vec();
    let all = [
        RowFormat::Text(TextFormat::default()),
        RowFormat::Text(TextFormat { delimiter: b'|', null: null.clone(), header: false, default: None }),
        RowFormat::Csv(CsvFormat::default()),
        RowFormat::Csv(CsvFormat { delimiter: b'\t', quote: b'\'', escape: b'\\', null, header: false, default: None }),
    ];
    for format in all {
        for columns_count in 1..=3 {
            let mut encoder = RowEncoder::new(format.clone(), columns_count);
            let mut out = Vec::new();
            let mut expected: Rows = Vec::new();
            for start in 0..nasty.len() {
                let row: Vec<_> = (0..columns_count).map(|column| nasty[(start + column * 5) % nasty.len()]).collect();
                for field in &row {
                    encoder.field(*field, &mut out);
                }
                encoder.end_row(&mut out);
                expected.push(row.into_iter().map(|field| field.map(<[u8]>::to_vec)).collect());
            }
            for chunk_length in [1, 2, 3, out.len()] {
                let chunks: Vec<&[u8]> = out.chunks(chunk_length).collect();
                assert_eq!(read(&format, columns_count, &chunks).as_ref(), Ok(&expected), "{format:?}");
            }
        }
    }
}

/// Lines printed by COPY TO of PostgreSQL 15.
#[test]
fn rows_as_postgresql_writes_them() {
    let row: [Option<&[u8]>; 4] = [Some(b"a\tb\\"), None, Some(b""), Some(b"x\"y\nz,")];
    let write = |format: RowFormat| {
        let mut encoder = RowEncoder::new(format, row.len());
        let mut out = Vec::new();
        for field in row {
            encoder.field(field, &mut out);
        }
        encoder.end_row(&mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(write(RowFormat::Text(TextFormat::default())), "a\\tb\\\\\t\\N\t\tx\"y\\nz,\n");
    assert_eq!(write(RowFormat::Csv(CsvFormat::default())), "a\tb\\,,\"\",\"x\"\"y\nz,\"\n");
}

#[test]
fn a_row_too_long_is_told_by_its_first_line() {
    // A newline of the wrong kind behind it is not what is wrong first.
    let long = [b"a,b\n\"", "x\n".repeat(600).as_bytes(), b"\"\r\n"].concat();
    let too_long = Err(CopyError::RowTooLong { line: 2, row_bytes_max: 1000 });
    for size in [1, 7, 600, 1100, 5000] {
        let chunks: Vec<&[u8]> = long.chunks(size).collect();
        let mut decoder = RowDecoder::new(RowFormat::Csv(CsvFormat::default()), None, 1000);
        let read = chunks.iter().try_for_each(|chunk| {
            let mut input = *chunk;
            while decoder.next_row(&mut input)?.is_some() {}
            Ok(())
        });
        assert_eq!(read, too_long, "{size} bytes at a time");
    }
}

type OwnRow = Vec<Option<Vec<u8>>>;

fn read_binary(chunks: &[&[u8]], columns_count: usize) -> Result<Vec<OwnRow>, CopyError> {
    let mut decoder = BinaryDecoder::new(columns_count, 1000);
    let mut rows = Vec::new();
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(row) = decoder.next_row(&mut input)? {
            rows.push(row.iter().map(|field| field.map(<[u8]>::to_vec)).collect());
        }
        assert!(input.is_empty());
    }
    decoder.finish()?;
    Ok(rows)
}

#[test]
fn binary_rows_cut_anywhere() {
    let long = vec![7; 300];
    let expected: Vec<OwnRow> =
        vec![vec![Some(b"ab".to_vec()), None], vec![Some(Vec::new()), Some(long)], vec![None, None]];
    let mut bytes = BINARY_HEADER.to_vec();
    // An extension of the header, which is passed over.
    bytes[18] = 3;
    bytes.extend_from_slice(b"abc");
    for row in &expected {
        bytes.extend_from_slice(&2_i16.to_be_bytes());
        for field in row {
            let length = field.as_ref().map_or(-1, |field| i32::try_from(field.len()).unwrap());
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field.as_deref().unwrap_or_default());
        }
    }
    let whole = [&bytes[..], &BINARY_TRAILER].concat();
    for size in 1..=whole.len() {
        let chunks: Vec<&[u8]> = whole.chunks(size).collect();
        assert_eq!(read_binary(&chunks, 2).as_ref(), Ok(&expected), "{size} bytes at a time");
    }
    // The trailer may be missing; nothing may follow it.
    assert_eq!(read_binary(&[&bytes], 2).as_ref(), Ok(&expected));
    let problem = |bytes: &[u8]| {
        let whole = read_binary(&[bytes], 2).map(|rows| rows.len());
        let chunks: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read_binary(&chunks, 2).map(|rows| rows.len()), whole);
        whole.unwrap_err().to_pg(&[]).message
    };
    assert_eq!(problem(&[&whole[..], b"x"].concat()), "received copy data after EOF marker");
    assert_eq!(problem(&bytes[..bytes.len() - 1]), "unexpected EOF in COPY data");
    assert_eq!(problem(b"PGCOPY\n\xFF\r\n\0\0"), "invalid COPY file header (missing flags)");
    assert_eq!(problem(b"id,name\n"), "COPY file signature not recognized");
    assert_eq!(problem(&[BINARY_HEADER, &[0, 3][..]].concat()), "row field count is 3, expected 2");
    let too_long = [BINARY_HEADER, &[0, 2, 0, 1, 0, 0][..]].concat();
    assert_eq!(problem(&too_long), "COPY row exceeds 1000 bytes");
}
