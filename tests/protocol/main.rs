//! Protocol scripts: bytes in, messages out, under every chunking.
//!
//! `IRIS_PGWIRE_TEST_SERVER=host:port cargo test --test protocol -- --test-threads=1` runs them against another
//! server; that is how the expected answers were checked with PostgreSQL 18.

mod calls;
mod catalog_cursors;
#[path = "../common/mod.rs"]
mod common;
mod copy;
mod copy_formats;
mod cursors;
mod errors;
mod extended;
mod hostile;
mod simple;
mod startup;
mod timeouts;

use common::Subject;
use common::client::{Chunking, Client};
use common::message::terminate;

const TABLE: &str = "drop table if exists pr; create table pr (id integer primary key, name varchar(40)); \
    insert into pr values (1, 'one'), (2, 'two'), (3, 'three')";

/// Sends the messages and compares the answer line by line, under every chunking, each on a new connection with a
/// new table `pr` of three rows.
fn script(subject: &Subject, name: &str, messages: &[Vec<u8>], expected: &[&str]) {
    let bytes = messages.concat();
    let ready_count = expected.iter().filter(|line| line.starts_with("Ready")).count();
    for chunking in Chunking::ALL {
        let mut client = Client::connect(subject.address());
        client.ok(TABLE);
        client.send_chunked(&bytes, chunking);
        let lines = client.lines(ready_count);
        let place = lines.iter().zip(expected).position(|(got, expected)| got != expected);
        if place.is_some() || lines.len() != expected.len() {
            let place = place.unwrap_or(lines.len().min(expected.len()));
            let context = &lines[place.saturating_sub(3)..lines.len().min(place + 3)];
            let wanted = expected.get(place).unwrap_or(&"nothing more");
            panic!("script \"{name}\", {chunking:?}, answer {place}: expected {wanted:?}, got {context:#?}");
        }
        client.send(&terminate());
        assert_eq!(client.until_closed(), Vec::<String>::new(), "script \"{name}\": after Terminate");
    }
}
