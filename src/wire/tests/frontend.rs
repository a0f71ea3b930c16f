//! What clients send.

use super::message;
use crate::wire::{
    Format, Frame, FrontendMessage, Limits, Phase, SaslInitialResponse, StartupPacket, Target, WireError, password,
};

/// One well-formed body per message and layout.
fn bodies() -> Vec<(u8, Vec<u8>)> {
    let bind = [
        &b"portal\0stmt\0"[..],
        &[0, 3, 0, 0, 0, 1, 0, 0],
        &[0, 3, 0, 0, 0, 2, b'h', b'i', 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
        &[0, 1, 0, 1],
    ]
    .concat();
    let call = [&[0, 0, 4, 0xD2][..], &[0, 1, 0, 1], &[0, 2, 0, 0, 0, 1, 7, 0xFF, 0xFF, 0xFF, 0xFF], &[0, 0]].concat();
    vec![
        (b'B', bind),
        (b'B', b"\0\0\0\0\0\0\0\0".to_vec()),
        (b'C', b"Sname\0".to_vec()),
        (b'C', b"P\0".to_vec()),
        (b'D', b"Pname\0".to_vec()),
        (b'E', b"portal\0\0\0\0\x05".to_vec()),
        (b'F', call),
        (b'H', vec![]),
        (b'P', b"name\0select $1, $2\0\0\x02\0\0\0\x17\0\0\0\0".to_vec()),
        (b'P', b"\0\0\0\0".to_vec()),
        (b'Q', "select 'ü'\0".as_bytes().to_vec()),
        (b'S', vec![]),
        (b'X', vec![]),
        (b'c', vec![]),
        (b'd', b"1\t2\n".to_vec()),
        (b'f', b"reason\0".to_vec()),
        (b'p', b"secret\0".to_vec()),
    ]
}

fn parse(tag: u8, body: &[u8]) -> Result<FrontendMessage<'_>, WireError> {
    FrontendMessage::parse(Frame { tag, body })
}

/// Reads everything a message offers lazily.
fn walk(message: FrontendMessage<'_>) -> usize {
    match message {
        FrontendMessage::Bind(bind) => bind.formatted_parameters().count() + bind.result_formats.iter().count(),
        FrontendMessage::Parse(parse) => parse.type_oids().count(),
        FrontendMessage::FunctionCall(call) => {
            let counted = call.arguments.iter().count();
            assert_eq!(counted, call.arguments.len());
            counted
        }
        FrontendMessage::Authentication(body) => {
            usize::from(password(body).is_ok()) + usize::from(SaslInitialResponse::parse(body).is_ok())
        }
        _ => 0,
    }
}

#[test]
fn a_stream_of_all_messages_is_cut_and_parsed() {
    let stream: Vec<u8> = bodies().iter().flat_map(|(tag, body)| message(*tag, body)).collect();
    let mut rest = &stream[..];
    for (tag, body) in bodies() {
        let frame = Frame::cut(rest, &Limits::default(), Phase::Authenticated).unwrap().unwrap();
        assert_eq!(frame, Frame { tag, body: &body });
        walk(FrontendMessage::parse(frame).unwrap());
        rest = &rest[frame.wire_len()..];
    }
    assert!(rest.is_empty());
}

#[test]
fn every_truncation_is_an_error() {
    for (tag, body) in bodies() {
        if matches!(tag, b'd' | b'p') {
            continue; // raw bytes, valid at any length
        }
        for n in 0..body.len() {
            let got = parse(tag, &body[..n]);
            assert!(got.is_err(), "{} cut to {n} bytes: {got:?}", char::from(tag));
        }
    }
}

#[test]
fn every_trailing_byte_is_an_error() {
    for (tag, mut body) in bodies() {
        if matches!(tag, b'd' | b'p') {
            continue;
        }
        for extra in [0, 1, b'x', 0xFF] {
            body.push(extra);
            let got = parse(tag, &body);
            assert!(matches!(got, Err(WireError::TrailingData { count: 1, .. })), "{}: {got:?}", char::from(tag));
            body.pop();
        }
    }
}

#[test]
fn parse_message() {
    let FrontendMessage::Parse(parse) = parse(b'P', b"name\0select $1, $2\0\0\x02\0\0\0\x17\0\0\0\0").unwrap() else {
        unreachable!()
    };
    assert_eq!((parse.name, parse.sql), ("name", "select $1, $2"));
    assert_eq!(parse.type_oids().collect::<Vec<_>>(), [23, 0]);
}

#[test]
fn bind_message() {
    let (tag, body) = &bodies()[0];
    let FrontendMessage::Bind(bind) = parse(*tag, body).unwrap() else { unreachable!() };
    assert_eq!((bind.portal, bind.statement), ("portal", "stmt"));
    let parameters: Vec<_> = bind.formatted_parameters().collect();
    assert_eq!(parameters, [(Format::Text, Some(&b"hi"[..])), (Format::Binary, None), (Format::Text, Some(&b""[..]))]);
    assert_eq!(bind.parameters.iter().len(), 3);
    assert_eq!(bind.result_formats.format(0), Format::Binary);
    assert_eq!(bind.result_formats.format(99), Format::Binary, "one code stands for all");
}

#[test]
fn format_codes() {
    let bind = |formats: &[u8], parameters: &[u8]| [&b"\0\0"[..], formats, parameters, b"\0\0"].concat();
    let two = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0];
    // None: all text.
    let body = bind(&[0, 0], &two);
    let FrontendMessage::Bind(got) = parse(b'B', &body).unwrap() else { unreachable!() };
    assert!(got.parameter_formats.is_empty());
    assert_eq!(got.parameter_formats.format(1), Format::Text);
    // One more or less than parameters.
    for (formats, count) in [(&[0, 3, 0, 0, 0, 0, 0, 0][..], 3), (&[0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], 5)] {
        let error = WireError::FormatCount { formats: count, parameters: 2 };
        assert_eq!(parse(b'B', &bind(formats, &two)), Err(error));
    }
    // Neither text nor binary.
    for code in [2_u16, 0xFFFF] {
        let formats = [&[0, 1][..], &code.to_be_bytes()].concat();
        assert_eq!(parse(b'B', &bind(&formats, &two)), Err(WireError::UnsupportedFormat(code)));
    }
}

#[test]
fn counts_and_lengths_that_lie_are_errors() {
    // Counts of 65535 (or -1), and of 32767, over nothing.
    for count in [[0xFF, 0xFF], [0x7F, 0xFF], [0x80, 0], [0, 1]] {
        assert!(parse(b'P', &[&b"\0\0"[..], &count].concat()).is_err());
        assert!(parse(b'B', &[&b"\0\0"[..], &count].concat()).is_err());
        assert!(parse(b'B', &[&b"\0\0\0\0"[..], &count].concat()).is_err());
        assert!(parse(b'B', &[&b"\0\0\0\0\0\0"[..], &count].concat()).is_err());
        assert!(parse(b'F', &[&b"\0\0\0\0"[..], &count].concat()).is_err());
    }
    // Value lengths: -2, the most negative, 2 GiB - 1, one too many.
    for length in [-2_i32, i32::MIN, i32::MAX, 1] {
        let body = [&b"\0\0\0\0\0\x01"[..], &length.to_be_bytes()].concat();
        assert!(parse(b'B', &body).is_err(), "{length}");
        let body = [&b"\0\0\0\0\0\0\0\x01"[..], &length.to_be_bytes()].concat();
        assert!(parse(b'F', &body).is_err(), "{length}");
        let body = [&b"SCRAM-SHA-256\0"[..], &length.to_be_bytes()].concat();
        assert!(SaslInitialResponse::parse(&body).is_err(), "{length}");
    }
}

#[test]
fn describe_and_close_name_a_statement_or_a_portal() {
    assert_eq!(parse(b'D', b"S\0"), Ok(FrontendMessage::Describe { target: Target::Statement, name: "" }));
    assert_eq!(parse(b'C', b"Px\0"), Ok(FrontendMessage::Close { target: Target::Portal, name: "x" }));
    for kind in (0..=u8::MAX).filter(|kind| !matches!(kind, b'S' | b'P')) {
        let body = [kind, b'x', 0];
        let error = WireError::InvalidValue { field: "Describe.kind", value: kind.into() };
        assert_eq!(parse(b'D', &body), Err(error));
        let error = WireError::InvalidValue { field: "Close.kind", value: kind.into() };
        assert_eq!(parse(b'C', &body), Err(error));
    }
}

#[test]
fn row_limits() {
    let execute = |rows: i32| [&b"p\0"[..], &rows.to_be_bytes()].concat();
    for (rows, rows_max) in [(0, 0), (1, 1), (i32::MAX, 0x7FFF_FFFF), (-1, 0), (i32::MIN, 0)] {
        let body = execute(rows);
        assert_eq!(parse(b'E', &body), Ok(FrontendMessage::Execute { portal: "p", rows_max }));
    }
}

#[test]
fn the_simple_ones() {
    assert_eq!(parse(b'Q', b"select 1\0"), Ok(FrontendMessage::Query("select 1")));
    assert_eq!(parse(b'Q', b"select 1"), Err(WireError::MissingTerminator("Query.sql")));
    assert_eq!(
        parse(b'Q', b"select 1\0x\0"),
        Err(WireError::TrailingData { message: "Query", count: 2 }),
        "a NUL inside ends the text"
    );
    assert_eq!(parse(b'Q', b"\xC3\x28\0"), Err(WireError::InvalidUtf8("Query.sql")));
    assert_eq!(parse(b'd', b"\0\xFF"), Ok(FrontendMessage::CopyData(b"\0\xFF")));
    assert_eq!(parse(b'f', b"why\0"), Ok(FrontendMessage::CopyFail("why")));
    assert_eq!(parse(b'p', b"abc"), Ok(FrontendMessage::Authentication(b"abc")));
    for (tag, message) in [
        (b'c', FrontendMessage::CopyDone),
        (b'H', FrontendMessage::Flush),
        (b'S', FrontendMessage::Sync),
        (b'X', FrontendMessage::Terminate),
    ] {
        assert_eq!(parse(tag, b""), Ok(message));
    }
    assert_eq!(parse(b'W', b""), Err(WireError::UnknownMessage { tag: 'W' }));
}

#[test]
fn authentication_messages() {
    assert_eq!(password(b"p\xFFw\0"), Ok(&b"p\xFFw"[..]));
    assert_eq!(password(b"pw"), Err(WireError::MissingTerminator("PasswordMessage.password")));
    assert_eq!(password(b"pw\0\0"), Err(WireError::TrailingData { message: "PasswordMessage", count: 1 }));
    let body = b"SCRAM-SHA-256\0\0\0\0\x03n,,";
    assert_eq!(
        SaslInitialResponse::parse(body),
        Ok(SaslInitialResponse { mechanism: "SCRAM-SHA-256", data: Some(b"n,,") })
    );
    for n in 0..body.len() {
        assert!(SaslInitialResponse::parse(&body[..n]).is_err(), "{n}");
    }
    let none = SaslInitialResponse { mechanism: "M", data: None };
    assert_eq!(SaslInitialResponse::parse(b"M\0\xFF\xFF\xFF\xFF"), Ok(none));
}

/// Mutated messages and noise: any verdict will do, a panic or a lazy read that disagrees with its count will not.
#[test]
fn mutated_messages_never_panic() {
    let seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut state = seed;
    let mut random = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 32).unwrap() % n.max(1)
    };
    let bodies = bodies();
    for _ in 0..50_000 {
        let (tag, body) = &bodies[random(bodies.len())];
        let mut body = body.clone();
        for _ in 0..=random(3) {
            let at = random(body.len() + 1);
            match random(4) {
                0 => body.insert(at, u8::try_from(random(256)).unwrap()),
                1 => body.truncate(at),
                2 if at < body.len() => body[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][random(6)],
                _ if at < body.len() => drop(body.remove(at)),
                _ => {}
            }
        }
        if let Ok(message) = parse(*tag, &body) {
            walk(message);
        }
        let _ = StartupPacket::parse(&body);
    }
}
