//! What must hold for any bytes. Run by the fuzz targets beside this file and, on seeded mutations, by
//! `tests/fuzz_smoke.rs`. A broken promise is a panic.

mod grammar;
mod iris;
mod sql;
mod values;

pub use iris::iris_connection;
pub use sql::{template, translate};
pub use values::{catalog_answer, copy_text, decode_binary};

use std::io;
use std::path::PathBuf;

use iris_pgwire::parts::auth::{ExpectClientFirst, ServerNonce, UserFile, Verifier};
use iris_pgwire::parts::config::{Loaded, Sources};
use iris_pgwire::parts::wire::{
    Frame, FrontendMessage, Limits, Phase, RecvBuf, SaslInitialResponse, SendBuf, StartupPacket, WireError, password,
};

/// A stream of tagged messages: whatever the chunks, the same frames, the same verdict.
pub fn frontend(data: &[u8]) {
    let limits = Limits::default();
    let whole = cut_all(data, data.len().max(1), &limits, Phase::Authenticated);
    for read in [1, 7] {
        assert_eq!(cut_all(data, read, &limits, Phase::Authenticated), whole, "read {read} bytes at a time");
    }
    let unauthenticated = cut_all(data, 16, &limits, Phase::Unauthenticated);
    assert!(unauthenticated.0.len() <= whole.0.len(), "the smaller limit lets no more through");
    for (tag, body) in &whole.0 {
        match FrontendMessage::parse(Frame { tag: *tag, body }) {
            Ok(message) => walk(message),
            Err(error) => say(&error),
        }
    }
}

/// A packet without a tag.
pub fn startup(data: &[u8]) {
    let (packets, _) = cut_all(data, 3, &Limits::default(), Phase::Startup);
    for (_, body) in &packets {
        match StartupPacket::parse(body) {
            Ok(StartupPacket::CancelRequest { key, .. }) => assert!((4..=256).contains(&key.len())),
            Ok(StartupPacket::Startup { version, parameters }) => {
                assert_eq!(version.major(), 3);
                for (name, value) in parameters.iter() {
                    assert!(!name.is_empty() && !name.contains('\0') && !value.contains('\0'));
                    assert!(parameters.value(name).is_some());
                }
                assert!(parameters.protocol_options().count() <= parameters.iter().count());
            }
            Ok(_) => {}
            Err(error) => say(&error),
        }
    }
}

/// The two messages of a SCRAM client, separated by the first line feed. Nobody here knows the password.
pub fn scram(data: &[u8]) {
    let Some(verifier) = Verifier::parse(VERIFIER) else { unreachable!() };
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (first, last) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    for known in [true, false] {
        let expect = ExpectClientFirst::new(verifier.clone(), known, ServerNonce::new(*b"0123456789abcdefgh"));
        match expect.on_client_first(first) {
            Ok((expect, server_first)) => {
                assert!(server_first.starts_with("r=") && !server_first.contains('\0'));
                let Err(error) = expect.on_client_final(last) else { panic!("logged in without the password") };
                say_pg(&error.to_pg("user"));
            }
            Err(error) => say_pg(&error.to_pg("user")),
        }
    }
}

pub fn user_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = UserFile::parse(text) {
        assert!((1..=text.lines().count()).contains(&error.line), "{error}");
    }
    if let Some(verifier) = Verifier::parse(text) {
        assert_eq!(Verifier::parse(&verifier.to_string()), Some(verifier));
    }
}

/// Any text as the configuration file: a configuration that prints and reads back, or one line of error.
pub fn config_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match load(text) {
        Ok(loaded) => {
            let mut printed = Vec::new();
            loaded.write(&mut printed).unwrap();
            let printed = String::from_utf8(printed).unwrap();
            let mut again = load(&printed).unwrap().config;
            // Its password is hidden in print.
            again.iris.clone_from(&loaded.config.iris);
            assert_eq!(again, loaded.config, "{printed}");
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
        }
    }
}

const VERIFIER: &str = "SCRAM-SHA-256$1:c2FsdA==$AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:\
    AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn load(text: &str) -> Result<Loaded, iris_pgwire::parts::config::ConfigError> {
    let sources = Sources { file: Some(PathBuf::from("f")), ..Sources::default() };
    Loaded::load(&sources, 4096, |_| io::Result::Ok(text.to_owned()))
}

type Frames = (Vec<(u8, Vec<u8>)>, Option<WireError>);

/// All frames of `data` as they come out of a receive buffer that gets `read` bytes at a time, and the error that
/// ended it. Whether a length is too large shows with the fourth byte, so chunks cannot change it.
fn cut_all(data: &[u8], read: usize, limits: &Limits, phase: Phase) -> Frames {
    let mut recv = RecvBuf::new();
    let mut frames = Vec::new();
    for chunk in data.chunks(read) {
        recv.spare_mut(chunk.len())[..chunk.len()].copy_from_slice(chunk);
        recv.filled(chunk.len());
        loop {
            match Frame::cut(recv.unread(), limits, phase) {
                Ok(Some(frame)) => {
                    frames.push((frame.tag, frame.body.to_vec()));
                    let length = frame.wire_len();
                    assert!(length <= recv.len());
                    recv.consume(length);
                }
                Ok(None) => break,
                Err(error) => {
                    say(&error);
                    return (frames, Some(error));
                }
            }
        }
        assert!(recv.capacity() <= 4 * data.len() + 64, "memory beyond what arrived");
    }
    (frames, None)
}

fn walk(message: FrontendMessage<'_>) {
    match message {
        FrontendMessage::Bind(bind) => {
            assert_eq!(bind.formatted_parameters().count(), bind.parameters.len());
            assert_eq!(bind.result_formats.iter().count(), bind.result_formats.len());
        }
        FrontendMessage::FunctionCall(call) => assert_eq!(call.arguments.iter().count(), call.arguments.len()),
        FrontendMessage::Parse(parse) => assert_eq!(parse.type_oids().count(), parse.type_oids().len()),
        FrontendMessage::Authentication(body) => {
            let _ = password(body);
            let _ = SaslInitialResponse::parse(body);
        }
        _ => {}
    }
}

fn say(error: &WireError) {
    say_pg(&error.to_pg());
}

/// An error must reach the client as one well-formed message.
fn say_pg(error: &iris_pgwire::parts::wire::PgError) {
    let mut out = SendBuf::new();
    out.put_error_response(error);
    let frame = Frame::cut_backend(out.as_slice(), 1 << 20).unwrap().unwrap();
    assert_eq!((frame.tag, frame.wire_len()), (b'E', out.len()));
    assert!(frame.body.ends_with(b"\0\0"));
}
