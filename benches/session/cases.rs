//! What clients send.

use std::fmt::Write as _;

use super::iris::{BATCH_ROWS, DIMENSIONS};

/// Names, and how many allocations each round may have: a vector its elements, a batch of COPY what it is kept in, and the
/// list of counts in the reply of this bench's IRIS; a string of several statements is kept until the last of them has run.
pub const CASES: &[(&str, u32)] = &[
    ("prepared_text", 0),
    ("prepared_binary", 0),
    ("unnamed_text", 0),
    ("simple", 0),
    ("transaction", 0),
    ("several", 1),
    ("block", 0),
    ("block_portals", 0),
    ("held_cursors", 0),
    ("vector_text", 1),
    ("vector_binary", 1),
    ("copy_chunk", 3),
];

const ACCOUNT: &str = "SELECT abalance FROM pgbench_accounts WHERE aid = $1";
const NEAREST: &str = "SELECT id FROM items ORDER BY embedding <=> $1 LIMIT 5";

/// Portals that a client leaves open, besides those of its statements: nearly as many as it may have.
const PORTALS: u32 = 9_990;

const TEXT: u16 = 0;
const BINARY: u16 = 1;

/// One way of asking.
pub struct Case {
    pub name: &'static str,
    pub allocations_max: u32,
    setup: Vec<u8>,
    rounds: Vec<Vec<u8>>,
}

impl Case {
    pub fn new(name: &'static str, allocations_max: u32) -> Self {
        // Each round with other values, as clients have them.
        let numbers = [4_711, 15, 99_999, 100_000];
        let of = |round: fn(i32) -> Vec<u8>| numbers.map(round).to_vec();
        let (setup, rounds) = match name {
            "prepared_text" => (prepare("S_1", ACCOUNT), of(|aid| ask("S_1", TEXT, aid.to_string().as_bytes()))),
            "prepared_binary" => (prepare("S_1", ACCOUNT), of(|aid| ask("S_1", BINARY, &aid.to_be_bytes()))),
            "unnamed_text" => {
                (Vec::new(), of(|aid| [parse("", ACCOUNT), ask("", TEXT, aid.to_string().as_bytes())].concat()))
            }
            "simple" => (Vec::new(), of(|aid| query(&account(aid)))),
            "transaction" => (Vec::new(), of(|aid| [query("BEGIN"), query(&account(aid)), query("COMMIT")].concat())),
            "several" => (Vec::new(), of(|aid| query(&format!("BEGIN; {} COMMIT", account(aid))))),
            "block" => (block(0), of(|aid| ask("S_1", TEXT, aid.to_string().as_bytes()))),
            "block_portals" => (block(PORTALS), of(|aid| ask("S_1", TEXT, aid.to_string().as_bytes()))),
            "held_cursors" => {
                let declare = |n| query(&format!("DECLARE c_{n} CURSOR WITH HOLD FOR {}", account(15)));
                let setup = [(0..PORTALS).flat_map(declare).collect(), prepare("S_1", ACCOUNT)].concat();
                (setup, of(|aid| ask("S_1", TEXT, aid.to_string().as_bytes())))
            }
            "vector_text" => (prepare("S_1", NEAREST), of(|seed| ask("S_1", TEXT, vector_text(seed).as_bytes()))),
            "vector_binary" => (prepare("S_1", NEAREST), of(|seed| ask("S_1", BINARY, &vector_binary(seed)))),
            "copy_chunk" => (query("COPY pgbench_accounts (aid, bid, abalance) FROM STDIN"), of(chunk)),
            name => panic!("no such case: {name}"),
        };
        Self { name, allocations_max, setup, rounds }
    }

    /// What comes before all rounds.
    pub fn setup(&self) -> &[u8] {
        &self.setup
    }

    pub fn round(&self, number: u32) -> &[u8] {
        let rounds = self.rounds.len();
        &self.rounds[usize::try_from(number).expect("a small number") % rounds]
    }
}

fn account(aid: i32) -> String {
    format!("SELECT abalance FROM pgbench_accounts WHERE aid = {aid};")
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat())
}

fn sync() -> Vec<u8> {
    message(b'S', &[])
}

fn prepare(name: &str, sql: &str) -> Vec<u8> {
    [parse(name, sql), sync()].concat()
}

/// A block with a prepared statement, to which so many portals are bound.
fn block(portals: u32) -> Vec<u8> {
    let bound = (0..portals).flat_map(|n| bind(&format!("C_{n}"), "S_1", TEXT, b"15"));
    [query("BEGIN"), prepare("S_1", ACCOUNT), bound.collect(), sync()].concat()
}

/// As libpq and most drivers do it: Bind, Describe of the portal, Execute, Sync; one format for the parameters and one for
/// the columns.
fn ask(statement: &str, format: u16, value: &[u8]) -> Vec<u8> {
    let bind = bind("", statement, format, value);
    [bind, message(b'D', b"P\0"), message(b'E', b"\0\0\0\0\0"), sync()].concat()
}

fn bind(portal: &str, statement: &str, format: u16, value: &[u8]) -> Vec<u8> {
    let format = [&1_u16.to_be_bytes()[..], &format.to_be_bytes()].concat();
    let length = u32::try_from(value.len()).expect("a short value").to_be_bytes();
    let names = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0"].concat();
    message(b'B', &[&names, &format, &1_u16.to_be_bytes()[..], &length, value, &format].concat())
}

fn elements(seed: i32) -> impl Iterator<Item = f32> {
    // Embeddings are normalised, so their elements are small and have all the digits a single has.
    (0..DIMENSIONS).map(move |index| ((index as f32 + seed as f32) * 0.618_034).sin() / 28.0)
}

fn vector_text(seed: i32) -> String {
    let mut text = String::from("[");
    for (index, element) in elements(seed).enumerate() {
        let separator = if index == 0 { "" } else { "," };
        // Writing into a String does not fail.
        let _ = write!(text, "{separator}{element}");
    }
    text.push(']');
    text
}

fn vector_binary(seed: i32) -> Vec<u8> {
    let dimensions = u16::try_from(DIMENSIONS).expect("a small number");
    let header = [dimensions.to_be_bytes(), [0, 0]].concat();
    header.into_iter().chain(elements(seed).flat_map(f32::to_be_bytes)).collect()
}

/// CopyData of one batch, cut in the middle of a line as clients do.
fn chunk(seed: i32) -> Vec<u8> {
    let mut rows = String::new();
    for row in 0..BATCH_ROWS {
        // Writing into a String does not fail.
        let _ = writeln!(rows, "{}\t{}\t{}", seed + row as i32, row % 10, seed);
    }
    let (first, second) = rows.as_bytes().split_at(rows.len() / 2 + 3);
    [message(b'd', first), message(b'd', second)].concat()
}
