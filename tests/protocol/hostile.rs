//! Bytes no client sends.

use crate::common::Subject;
use crate::common::client::{Client, DATABASE, USER};
use crate::common::message::{PROTOCOL_3_0, bind_text, execute, frame, parse, query, startup, sync};

/// A frame with a length of its own.
fn with_length(tag: u8, length: u32, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(length.to_be_bytes());
    out.extend(body);
    out
}

#[test]
fn hostile_frames() {
    let subject = Subject::start(&[]);
    let mut negative_values = b"\0\0".to_vec();
    negative_values.extend(0u16.to_be_bytes());
    negative_values.extend((-1i16).to_be_bytes());
    let mut long_value = b"\0\0".to_vec();
    long_value.extend([0, 0, 0, 1]);
    long_value.extend(0x7fff_ffffu32.to_be_bytes());
    let mut minus_two = b"\0\0".to_vec();
    minus_two.extend([0, 0, 0, 1]);
    minus_two.extend((-2i32).to_be_bytes());
    minus_two.extend([0, 0]);
    let mut many_oids = b"\0select 1\0".to_vec();
    many_oids.extend(0xffffu16.to_be_bytes());
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty Query", frame(b'Q', b"")),
        ("Query without terminator", frame(b'Q', b"select 1")),
        ("Query with bytes behind", frame(b'Q', b"select 1\0x")),
        ("Query that is not UTF-8", frame(b'Q', b"select '\xff\xfe'\0")),
        ("empty Parse", frame(b'P', b"")),
        ("Parse without count", frame(b'P', b"\0select 1\0")),
        ("Parse with more types than bytes", frame(b'P', &many_oids)),
        ("Parse with bytes behind", frame(b'P', b"\0select 1\0\0\0x")),
        ("empty Bind", frame(b'B', b"")),
        ("Bind with a negative count", frame(b'B', &negative_values)),
        ("Bind with a value longer than the frame", frame(b'B', &long_value)),
        ("Bind with a value of length -2", frame(b'B', &minus_two)),
        ("empty Describe", frame(b'D', b"")),
        ("Describe of an unknown kind", frame(b'D', b"Zname\0")),
        ("Describe without terminator", frame(b'D', b"Sname")),
        ("empty Execute", frame(b'E', b"")),
        ("truncated Execute", frame(b'E', b"\0\0\0")),
        ("empty Close", frame(b'C', b"")),
        ("Close of an unknown kind", frame(b'C', b"Zname\0")),
        ("Sync with a body", frame(b'S', b"x")),
        ("Flush with a body", frame(b'H', b"x")),
        ("empty FunctionCall", frame(b'F', b"")),
        ("CopyFail without terminator", frame(b'f', b"x")),
        ("an unknown message", frame(b'?', b"x")),
        ("a zero tag", frame(0, b"")),
        ("a backend's message", frame(b'Z', b"I")),
        ("a startup packet again", startup(PROTOCOL_3_0, &[("user", USER)])),
        ("length 0", with_length(b'Q', 0, b"")),
        ("length 1", with_length(b'Q', 1, b"")),
        ("length 2", with_length(b'P', 2, b"")),
        ("length 3", with_length(b'S', 3, b"")),
        ("2 GiB", with_length(b'Q', 0x7fff_ffff, b"select 1\0")),
        ("4 GiB", with_length(b'd', 0xffff_ffff, b"x")),
    ];
    for (name, bytes) in cases {
        let mut client = Client::connect(subject.address());
        client.set_patience(std::time::Duration::from_secs(10));
        client.ok("select 1");
        // The server may close while this is written.
        let _ = client.try_send(&bytes);
        let _ = client.try_send(&[sync(), query("select 7 as seven")].concat());
        // Either it says what is wrong and goes on, or it says so and closes; a message it may ignore it ignores.
        let mut lines = Vec::new();
        let alive = loop {
            match client.try_receive() {
                Ok(message) => {
                    lines.push(message.line());
                    if lines.last().unwrap() == "Row '7'" {
                        break true;
                    }
                }
                Err(error) => {
                    assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{name}: no answer, {lines:?}");
                    break false;
                }
            }
        };
        let error = lines.iter().find_map(|line| line.strip_prefix("Error "));
        let ignored = matches!(name, "CopyFail without terminator" | "Sync with a body" | "Flush with a body");
        assert!(error.is_some() || (alive && ignored) || !subject.is_gateway(), "{name}: no error, {lines:?}");
        if let Some(code) = error {
            let known = ["08P01", "22021", "26000", "34000", "XX000"].contains(&code);
            assert!(known && (code != "XX000" || !subject.is_gateway()), "{name}: SQLSTATE {code}");
        }
        // Whatever happened to it, the next connection works.
        let mut next = Client::connect(subject.address());
        assert_eq!(next.ok("select 8 as eight")[1], "Row '8'", "{name}");
    }
}

#[test]
fn hostile_streams() {
    let subject = Subject::start(&[]);
    // Every prefix of a good conversation, then the end of the connection.
    let good = [
        startup(PROTOCOL_3_0, &[("user", USER), ("database", DATABASE)]),
        parse("", "select $1::int", &[23]),
        bind_text("", "", &["1"]),
        execute("", 0),
        sync(),
    ]
    .concat();
    for end in 0..good.len() {
        let mut client = Client::open(subject.address());
        let _ = client.try_send(&good[..end]);
    }
    // Noise before and after the login, repeatable by its seed.
    for seed in 0..64 {
        let mut random = crate::common::Random::new(seed);
        let noise: Vec<u8> = (0..200).map(|_| random.below(256) as u8).collect();
        let mut client = Client::open(subject.address());
        let _ = client.try_send(&noise);
        drop(client);
        let mut client = Client::connect(subject.address());
        let _ = client.try_send(&noise);
    }
    let mut client = Client::connect(subject.address());
    assert_eq!(client.ok("select 1 as a")[1], "Row '1'");
}
