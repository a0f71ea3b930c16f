//! What the server sends, byte for byte.

use super::message;
use crate::wire::{
    FieldDescription, Format, Frame, MessageTooLarge, PgError, ProtocolVersion, Reader, SendBuf, Severity, SqlState,
    TransactionStatus, WireError,
};

fn put(write: impl FnOnce(&mut SendBuf)) -> Vec<u8> {
    let mut out = SendBuf::new();
    write(&mut out);
    out.as_slice().to_vec()
}

#[test]
fn every_message_byte_for_byte() {
    let options = ["_pq_.a", "_pq_.b"];
    let cases: Vec<(Vec<u8>, u8, &[u8])> = vec![
        (put(|o| o.put_authentication_ok()), b'R', b"\0\0\0\0"),
        (put(|o| o.put_authentication_sasl(&["SCRAM-SHA-256"])), b'R', b"\0\0\0\x0ASCRAM-SHA-256\0\0"),
        (put(|o| o.put_authentication_sasl_continue(b"r=x")), b'R', b"\0\0\0\x0Br=x"),
        (put(|o| o.put_authentication_sasl_final(b"v=y")), b'R', b"\0\0\0\x0Cv=y"),
        (put(|o| o.put_backend_key_data(258, &[1, 2, 3, 4])), b'K', b"\0\0\x01\x02\x01\x02\x03\x04"),
        (put(|o| o.put_parameter_status("TimeZone", "UTC")), b'S', b"TimeZone\0UTC\0"),
        (
            put(|o| o.put_negotiate_protocol_version(ProtocolVersion::V3_2, options.into_iter())),
            b'v',
            b"\0\x03\0\x02\0\0\0\x02_pq_.a\0_pq_.b\0",
        ),
        (put(|o| o.put_ready_for_query(TransactionStatus::Idle)), b'Z', b"I"),
        (put(|o| o.put_ready_for_query(TransactionStatus::InTransaction)), b'Z', b"T"),
        (put(|o| o.put_ready_for_query(TransactionStatus::Failed)), b'Z', b"E"),
        (put(|o| o.put_row_description([].into_iter())), b'T', b"\0\0"),
        (put(|o| o.put_command_complete("INSERT 0 1")), b'C', b"INSERT 0 1\0"),
        (put(|o| o.put_empty_query_response()), b'I', b""),
        (put(|o| o.put_parse_complete()), b'1', b""),
        (put(|o| o.put_bind_complete()), b'2', b""),
        (put(|o| o.put_close_complete()), b'3', b""),
        (put(|o| o.put_no_data()), b'n', b""),
        (put(|o| o.put_parameter_description([23, 25].into_iter())), b't', b"\0\x02\0\0\0\x17\0\0\0\x19"),
        (put(|o| o.put_portal_suspended()), b's', b""),
        (put(|o| o.put_copy_in_response(Format::Text, 2)), b'G', b"\0\0\x02\0\0\0\0"),
        (put(|o| o.put_copy_out_response(Format::Binary, 2)), b'H', b"\x01\0\x02\0\x01\0\x01"),
        (put(|o| o.put_copy_both_response(Format::Text, 0)), b'W', b"\0\0\0"),
        (put(|o| o.put_copy_data(b"1\t2\n").unwrap()), b'd', b"1\t2\n"),
        (put(|o| o.put_copy_done()), b'c', b""),
        (put(|o| o.put_notification_response(7, "chan", "load")), b'A', b"\0\0\0\x07chan\0load\0"),
    ];
    for (got, tag, body) in &cases {
        assert_eq!(*got, message(*tag, body), "{}", char::from(*tag));
    }
    // One after the other they are cut again, and no prefix of one is taken for a message.
    let stream: Vec<u8> = cases.iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
    let mut rest = &stream[..];
    for (bytes, tag, body) in &cases {
        for n in 0..bytes.len() {
            assert_eq!(Frame::cut_backend(&rest[..n], 1 << 20), Ok(None));
        }
        let frame = Frame::cut_backend(rest, 1 << 20).unwrap().unwrap();
        assert_eq!(frame, Frame { tag: *tag, body });
        rest = &rest[frame.wire_len()..];
    }
    assert!(rest.is_empty());
}

#[test]
fn bytes_before_the_first_message() {
    assert_eq!(put(|o| o.put_encryption_refused()), b"N");
    assert_eq!(put(|o| o.put_ssl_accepted()), b"S");
}

#[test]
fn row_description_round_trips() {
    let fields = [
        FieldDescription {
            name: "id",
            table_oid: 16_400,
            attribute_number: 1,
            type_oid: 23,
            type_len: 4,
            typmod: -1,
            format: Format::Binary,
        },
        FieldDescription {
            name: "naïve",
            table_oid: 0,
            attribute_number: 0,
            type_oid: 1043,
            type_len: -1,
            typmod: 14,
            format: Format::Text,
        },
    ];
    let bytes = put(|o| o.put_row_description(fields.into_iter()));
    let frame = Frame::cut_backend(&bytes, 1 << 20).unwrap().unwrap();
    let got = Reader::all(frame.body, "RowDescription", |r| {
        let count = r.u16("count")?;
        let mut got = Vec::new();
        for _ in 0..count {
            got.push(FieldDescription {
                name: r.cstr("name")?,
                table_oid: r.u32("table_oid")?,
                attribute_number: r.i16("attribute_number")?,
                type_oid: r.u32("type_oid")?,
                type_len: r.i16("type_len")?,
                typmod: r.i32("typmod")?,
                format: Format::from_code(r.u16("format")?)?,
            });
        }
        Ok(got)
    });
    assert_eq!((frame.tag, got), (b'T', Ok(fields.to_vec())));
}

#[test]
fn errors_and_notices_carry_all_their_fields() {
    let mut full = PgError::error(SqlState::SYNTAX_ERROR, "syntax error").detail("d").hint("h").position(12);
    full.context = Some("c".to_owned());
    let body = b"SERROR\0VERROR\0C42601\0Msyntax error\0Dd\0Hh\0P12\0Wc\0\0";
    assert_eq!(put(|o| o.put_error_response(&full)), message(b'E', body));
    let bare = PgError::new(Severity::Notice, SqlState::SUCCESSFUL_COMPLETION, "hi");
    assert_eq!(put(|o| o.put_notice_response(&bare)), message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mhi\0\0"));
    // A NUL inside would end the field and begin another.
    let nul = PgError::fatal(SqlState::INTERNAL_ERROR, "a\0Cxxxxx\0b");
    assert_eq!(put(|o| o.put_error_response(&nul)), message(b'E', b"SFATAL\0VFATAL\0CXX000\0MaCxxxxxb\0\0"));
}

#[test]
fn data_rows() {
    let bytes = put(|o| {
        let mut row = o.begin_data_row();
        row.value(b"hi").unwrap();
        row.null();
        row.cell::<MessageTooLarge>(|bytes| {
            bytes.extend_from_slice(b"123");
            Ok(())
        })
        .unwrap();
        row.value(b"").unwrap();
        assert_eq!(row.len(), 5 + 2 + 6 + 4 + 7 + 4);
        row.finish().unwrap();
    });
    assert_eq!(bytes, message(b'D', b"\0\x04\0\0\0\x02hi\xFF\xFF\xFF\xFF\0\0\0\x03123\0\0\0\0"));
    let empty = put(|o| o.begin_data_row().finish().unwrap());
    assert_eq!(empty, message(b'D', b"\0\0"));
}

#[test]
fn an_unfinished_row_leaves_nothing() {
    let bytes = put(|o| {
        o.put_parse_complete();
        let mut row = o.begin_data_row();
        row.value(b"half").unwrap();
        drop(row);
        o.put_bind_complete();
    });
    assert_eq!(bytes, b"1\0\0\0\x042\0\0\0\x04");
}

/// Even when its writer is leaked, what stands in the buffer is no message to anybody.
#[test]
fn a_leaked_row_cannot_be_taken_for_a_message() {
    let mut out = SendBuf::new();
    let mut row = out.begin_data_row();
    row.value(b"half").unwrap();
    std::mem::forget(row);
    let error = WireError::FrameTooLarge { tag: 'D', length: u32::MAX, max: 0x7FFF_FFFF };
    assert_eq!(Frame::cut_backend(out.as_slice(), 0x7FFF_FFFF), Err(error));
}

#[test]
fn a_cell_that_fails_is_taken_back() {
    let bytes = put(|o| {
        let mut row = o.begin_data_row();
        row.value(b"a").unwrap();
        let failed: Result<(), Box<PgError>> = row.cell(|bytes| {
            bytes.extend_from_slice(b"half a value");
            Err(PgError::error(SqlState::DATA_EXCEPTION, "no"))
        });
        assert_eq!(failed.unwrap_err().code, SqlState::DATA_EXCEPTION);
        row.null();
        row.finish().unwrap();
    });
    assert_eq!(bytes, message(b'D', b"\0\x02\0\0\0\x01a\xFF\xFF\xFF\xFF"));
}

#[test]
fn a_row_of_too_many_columns_is_refused_whole() {
    let mut out = SendBuf::new();
    let mut row = out.begin_data_row();
    for _ in 0..=u16::MAX {
        row.null();
    }
    assert_eq!(row.finish(), Err(MessageTooLarge));
    assert!(out.is_empty());
    let error: Box<PgError> = MessageTooLarge.into();
    assert_eq!(error.code, SqlState::PROGRAM_LIMIT_EXCEEDED);
}
