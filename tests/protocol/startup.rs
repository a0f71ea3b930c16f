//! Startup: versions, negotiation, encryption requests, refusals.

use crate::common::Subject;
use crate::common::client::{Chunking, Client, DATABASE, PASSWORD, USER};
use crate::common::message::{GSSENC_REQUEST, PROTOCOL_3_0, PROTOCOL_3_2, SSL_REQUEST, startup, untagged};

#[test]
fn startup_versions() {
    let subject = Subject::start(&[]);
    for chunking in Chunking::ALL {
        let client = Client::connect_with(subject.address(), PROTOCOL_3_0, &[], chunking);
        assert_eq!(client.key.len(), 8, "a 3.0 cancel key has 4 bytes");
        assert_eq!(client.status, 'I');
        for (name, value) in [
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
            ("DateStyle", "ISO, MDY"),
            ("session_authorization", USER),
        ] {
            assert_eq!(client.parameters.get(name).map(String::as_str), Some(value), "{name}");
        }
        for name in
            ["server_version", "TimeZone", "IntervalStyle", "application_name", "in_hot_standby", "is_superuser"]
        {
            assert!(client.parameters.contains_key(name), "{name} is reported");
        }

        let client = Client::connect_with(subject.address(), PROTOCOL_3_2, &[], chunking);
        assert!(client.key.len() > 8, "a 3.2 cancel key may be longer than 4 bytes: {}", client.key.len());

        let named = [("application_name", "scripts"), ("client_encoding", "utf-8")];
        let client = Client::connect_with(subject.address(), PROTOCOL_3_0, &named, chunking);
        assert_eq!(client.parameters["application_name"], "scripts");
    }
}

#[test]
fn startup_negotiation() {
    let subject = Subject::start(&[]);
    // A later minor version and protocol options nobody knows: the server says what it has and goes on.
    for (version, options, unknown) in [
        (0x0003_270f, vec![], vec![]),
        (PROTOCOL_3_2, vec![("_pq_.one", "1"), ("_pq_.two", "")], vec!["_pq_.one", "_pq_.two"]),
        (PROTOCOL_3_0, vec![("_pq_.one", "1")], vec!["_pq_.one"]),
    ] {
        let mut client = Client::open(subject.address());
        let mut parameters = vec![("user", USER), ("database", DATABASE)];
        parameters.extend(options);
        client.send(&startup(version, &parameters));
        let seen = client.finish_login(PASSWORD);
        let negotiate = seen.iter().find(|m| m.tag == b'v').expect("NegotiateProtocolVersion");
        let newest = version.min(PROTOCOL_3_2);
        let mut body = newest.to_be_bytes().to_vec();
        body.extend((unknown.len() as u32).to_be_bytes());
        for name in &unknown {
            body.extend(name.as_bytes());
            body.push(0);
        }
        assert_eq!(negotiate.body, body, "version {version:#x}, unknown options {unknown:?}");
        assert_eq!(client.ok("select 1 as one"), ["Columns one:0", "Row '1'", "Complete SELECT 1", "Ready I"]);
    }
}

#[test]
fn encryption_requests_are_declined() {
    let subject = Subject::start(&[]);
    for chunking in Chunking::ALL {
        for requests in [vec![SSL_REQUEST], vec![GSSENC_REQUEST], vec![GSSENC_REQUEST, SSL_REQUEST]] {
            let mut client = Client::open(subject.address());
            for request in requests {
                client.send_chunked(&untagged(&request.to_be_bytes()), chunking);
                assert_eq!(client.receive_byte(), b'N');
            }
            client.send_chunked(&startup(PROTOCOL_3_0, &[("user", USER), ("database", DATABASE)]), chunking);
            client.finish_login(PASSWORD);
            client.ok("select 1");
        }
    }
}

#[test]
fn refused_startups() {
    let subject = Subject::start(&[]);
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("protocol 4", startup(0x0004_0000, &[("user", USER)]), "Error 0A000"),
        ("no user", startup(PROTOCOL_3_0, &[("database", DATABASE)]), "Error 28000"),
        ("no final terminator", untagged(b"\0\x03\0\0user\0x\0database\0y\0"), "Error 08P01"),
        ("a name without value", untagged(b"\0\x03\0\0user\0"), "Error 08P01"),
        ("a name cut short", untagged(b"\0\x03\0\0user"), "Error 08P01"),
    ];
    for (name, bytes, expected) in cases {
        let mut client = Client::open(subject.address());
        client.send(&bytes);
        let lines = client.until_closed();
        // PostgreSQL reads "a name without value" as an empty value and a missing user.
        let same = lines == [expected] || (name == "a name without value" && lines == ["Error 28000"]);
        assert!(same, "{name}: {lines:?}");
    }
    // Lengths no startup packet has: closed, with or without a word.
    for length in [0u32, 3, 4, 7, 10_001, 0x7fff_ffff, 0xffff_ffff] {
        let mut client = Client::open(subject.address());
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(PROTOCOL_3_0.to_be_bytes());
        client.send(&bytes);
        let lines = client.until_closed();
        assert!(lines.iter().all(|line| line.starts_with("Error")), "length {length}: {lines:?}");
    }
    Client::connect(subject.address()).ok("select 1");
}
