//! The fuzz targets' checks on seeded mutations of good input, a bounded number of times: what CI can afford.
//! `FUZZ_SMOKE_ROUNDS` is how many, for longer runs (`tests/run.sh fuzz`).
//!
//! A failure names its seed: `FUZZ_SMOKE_SEED=n FUZZ_SMOKE_ROUNDS=1 cargo test --test fuzz_smoke NAME` repeats it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../fuzz/checks/mod.rs"]
mod checks;

const ROUNDS: u64 = 3_000;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Inputs are a few thousand bytes at the most: one that takes this long would take a shard from its clients.
const CHECK_TIME_MAX: Duration = Duration::from_secs(10);

/// Runs `check` over `seeds`, then over mutations of them.
fn smoke(seeds: &[&[u8]], check: fn(&[u8])) {
    for input in seeds {
        judge(input, check, "a good input");
    }
    rounds(|random| mutate(seeds, random), check);
}

/// Runs `check` over what `make` makes; each round has a seed of its own.
fn rounds(make: impl Fn(&mut Random) -> Vec<u8>, check: fn(&[u8])) {
    let first = from_environment("FUZZ_SMOKE_SEED", 1);
    for seed in first..first + from_environment("FUZZ_SMOKE_ROUNDS", ROUNDS) {
        judge(&make(&mut Random(seed)), check, &format!("FUZZ_SMOKE_SEED={seed}"));
    }
}

fn judge(input: &[u8], check: fn(&[u8]), name: &str) {
    let begin = Instant::now();
    let outcome = std::panic::catch_unwind(|| check(input));
    assert!(outcome.is_ok(), "{name}: {}", input.escape_ascii());
    assert!(begin.elapsed() < CHECK_TIME_MAX, "{name} takes too long: {}", input.escape_ascii());
}

fn mutate(seeds: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len())].to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(8).min(input.len() - at);
        match random.below(8) {
            0 => input.insert(at, random.next() as u8),
            1 => drop(input.drain(at..end)),
            2 => input.truncate(at),
            3 if at < input.len() => input[at] = [0, 1, 3, 4, 0x7F, 0x80, 0xFE, 0xFF][random.below(8)],
            4 if at < input.len() => input[at] ^= 1 << random.below(8),
            5 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            6 => {
                let other = seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            7 => input.extend_from_slice(seeds[random.below(seeds.len())]),
            _ => {}
        }
    }
    input
}

#[test]
fn frontend() {
    smoke(
        &[
            b"Q\0\0\0\x0Dselect 1\0",
            b"P\0\0\0\x1As1\0select $1, $2\0\0\x01\0\0\0\x17",
            b"B\0\0\0\x20p\0s1\0\0\x02\0\0\0\x01\0\x02\0\0\0\x02hi\xFF\xFF\xFF\xFF\0\x01\0\x01",
            b"D\0\0\0\x08Ss1\0E\0\0\0\x0Ap\0\0\0\0\x05C\0\0\0\x07Pp\0H\0\0\0\x04S\0\0\0\x04",
            b"F\0\0\0\x19\0\0\x04\xD2\0\x01\0\x01\0\x02\0\0\0\x01\x07\xFF\xFF\xFF\xFF\0\0",
            b"d\0\0\0\x081\t2\nc\0\0\0\x04f\0\0\0\x08why\0X\0\0\0\x04",
            b"p\0\0\0\x19SCRAM-SHA-256\0\0\0\0\x03n,,p\0\0\0\x07pw\0",
        ],
        checks::frontend,
    );
}

#[test]
fn startup() {
    smoke(
        &[
            b"\0\0\0\x08\x04\xD2\x16\x2F",
            b"\0\0\0\x08\x04\xD2\x16\x30",
            b"\0\0\0\x10\x04\xD2\x16\x2E\0\0\0\x07key!",
            b"\0\0\0\x23\0\x03\0\0user\0bob\0database\0USER\0\0\0",
            b"\0\0\0\x25\0\x03\0\x02user\0bob\0_pq_.x\0on\0options\0\0\0",
        ],
        checks::startup,
    );
}

#[test]
fn scram() {
    smoke(
        &[
            b"n,,n=user,r=abc\nc=biws,r=abcMDEyMzQ1Njc4OWFiY2RlZmdo,p=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
            b"y,,n=,r=x,e=1\nc=eSws,r=xMDEyMzQ1Njc4OWFiY2RlZmdo,e=1,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            b"p=tls-unique,,n=user,r=abc\n",
            b"n,a=other,n=user,r=abc\n",
        ],
        checks::scram,
    );
}

#[test]
fn user_file() {
    smoke(
        &[
            b"# users\nbob:SCRAM-SHA-256$1:c2FsdA==$AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:\
              AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n",
            b"SCRAM-SHA-256$4096:c2FsdA==$AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:\
              AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        ],
        checks::user_file,
    );
}

#[test]
fn config_file() {
    smoke(
        &[
            b"listen = \"127.0.0.1:5432\"\niris = \"iris://u:p@h/NS\"\niris_connections = 8\n",
            b"auth = \"scram\"\nusers = 'users.txt'\ncores = 2 # comment\nlog_level = \"debug\"\n",
            b"[table]\ndata = \"\"\"\nx\"\"\"\nlogin_timeout_ms = 1_000\n",
        ],
        checks::config_file,
    );
}

/// What a lexer may get wrong.
const PIECES: &[&str] = &[
    "select ",
    "'it''s'",
    "E'a\\'b\\\\'",
    "e'\\u00e4\\x41\\101\\U0001F600'",
    "U&'d\\0061t'",
    "U&\"d\\0061\"",
    "u&x",
    "B'101'",
    "x'1F'",
    "N'n'",
    "n1'x'",
    "$$a'b$$",
    "$q$ $$ ; $q$",
    "$q$",
    "$",
    "$1",
    "$12",
    "$1a",
    "a$b$c",
    "\"a\"\"b;\"",
    "\"",
    "'",
    "''",
    "/* /* ; */ */",
    "/*",
    "*/",
    "-- ; '\n",
    "--",
    "-",
    "->",
    "->>",
    "+-",
    "@-",
    "<*/",
    "/",
    "*",
    "||",
    "1",
    "1.",
    ".5",
    "1..2",
    "1.5e-3",
    "1e",
    "1e+",
    "1_000",
    "1__0",
    "1_",
    "0x1F",
    "0x",
    "0xg",
    "0b12",
    "0o17",
    "12ab",
    "1.5.2",
    "::int",
    ":=",
    ";",
    "(",
    ")",
    "[1:2]",
    "\n",
    "\r",
    "\t",
    "\u{b}",
    "\u{c}",
    "\u{a0}",
    "\u{85}",
    "\u{feff}",
    "ä",
    "漢字",
    "\u{1}",
    "\u{4}",
    "\0",
    "'a' \n 'b'",
    "'a' -- c\n 'b'",
    "E'a'\n'\\n'",
    "\\",
    "{d'2026-01-02'}",
    " ",
];

/// The statements of the oracle's scripts.
fn oracle_statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let mut scripts: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    scripts.sort();
    let mut statements = Vec::new();
    for script in scripts {
        for block in fs::read_to_string(script).unwrap().split("\n\n") {
            let lines = block.lines().take_while(|line| *line != "@data");
            let lines: Vec<&str> = lines.filter(|line| !line.starts_with(['#', '@'])).collect();
            if !lines.is_empty() {
                statements.push(lines.join("\n"));
            }
        }
    }
    assert!(statements.len() > 1000, "{} statements found", statements.len());
    statements
}

/// Pieces one behind the other.
fn pieced(random: &mut Random) -> Vec<u8> {
    let count = 1 + random.below(8);
    (0..count).flat_map(|_| PIECES[random.below(PIECES.len())].bytes()).collect()
}

/// A statement some of whose words are those of others.
fn reworded(statements: &[String], random: &mut Random) -> Vec<u8> {
    let mut words = words(&statements[random.below(statements.len())]);
    for _ in 0..=random.below(4) {
        let others = self::words(&statements[random.below(statements.len())]);
        let from = random.below(others.len());
        let taken = &others[from..(from + 1 + random.below(3)).min(others.len())];
        let at = random.below(words.len() + 1);
        let end = (at + random.below(3)).min(words.len());
        words.splice(at..end, taken.iter().copied());
    }
    words.concat().into_bytes()
}

/// Words, strings, and single characters between them.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => rest[1..].find('\'').map(|at| at + 2),
            _ if first.is_alphanumeric() => rest.find(|c: char| !c.is_alphanumeric() && c != '_'),
            _ => Some(first.len_utf8()),
        };
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = after;
    }
    words
}

#[test]
fn template() {
    let pieces: Vec<&[u8]> = PIECES.iter().map(|piece| piece.as_bytes()).collect();
    smoke(&pieces, checks::template);
    rounds(pieced, checks::template);
    let statements = oracle_statements();
    let statements: Vec<&[u8]> = statements.iter().map(String::as_bytes).collect();
    smoke(&statements, checks::template);
}

#[test]
fn long_texts_are_cut_and_scanned_in_time() {
    for piece in PIECES {
        judge(piece.repeat((64 << 10) / piece.len()).as_bytes(), checks::template, "a long text");
    }
}

#[test]
fn translate() {
    let statements = oracle_statements();
    let texts: Vec<&[u8]> = statements.iter().map(String::as_bytes).collect();
    smoke(&texts, checks::translate);
    rounds(|random| reworded(&statements, random), checks::translate);
}

#[test]
fn translate_statements_of_the_grammar() {
    let choices = |random: &mut Random| {
        let count = 1 + random.below(40);
        std::iter::once(0x80).chain((0..count).map(|_| random.next() as u8)).collect()
    };
    rounds(choices, checks::translate);
}

#[test]
fn decode_binary() {
    // A type and a value: of each length that a type may have, with what is at the edges of numbers.
    let value = |random: &mut Random| {
        let mut input = vec![random.next() as u8, random.next() as u8];
        let count = [1, 2, 4, 8, 12, 16, random.below(64)][random.below(7)];
        let fill = [0, 0xFF, 0x7F, 0x80, random.next() as u8][random.below(5)];
        input.resize(2 + count, fill);
        for _ in 0..random.below(8) {
            let at = 2 + random.below(count);
            if let Some(byte) = input.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        input
    };
    rounds(value, checks::decode_binary);
    // numeric, interval, jsonb, arrays and vectors have a form; which type it is for, chance decides.
    let forms: &[&[u8]] = &[
        b"\0\0\0\x02\0\0\0\0\0\x02\0\x01\x13\x88",
        b"\0\0\0\x03\xFF\xFE\x40\0\0\x08\0\x01\x13\x88\0\x07",
        b"\0\0\0\0\0\0\xC0\0\0\0",
        b"\0\0\x01{\"a\": [1, 2.50, \"\\u00e4\"]}",
        b"\0\0[1, 2.50, {\"b\": null}]",
        b"\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x17\0\0\0\x02\0\0\0\x01\0\0\0\x04\0\0\0\x07\xFF\xFF\xFF\xFF",
        b"\0\0\0\0\0\x02\0\0\0\0\0\0\0\x19\0\0\0\x01\0\0\0\x02\0\0\0\x02\0\0\0\0\0\0\0\x01a\0\0\0\x02\"\\",
        b"\0\0\0\x02\0\0\x3F\x80\0\0\x40\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03",
    ];
    let formed = |random: &mut Random| {
        let mut input = mutate(forms, random);
        if let Some(kind) = input.first_chunk_mut::<2>() {
            *kind = [random.next() as u8, random.next() as u8];
        }
        input
    };
    rounds(formed, checks::decode_binary);
}

#[test]
fn copy_text() {
    smoke(
        &[
            b"\x00\x011\tone\n2\t\\N\n3\ta\\tb\\\\\\x41\\101\n\\.\n",
            b"\x09\x02a\tb\r\n1\t\r\n2\tx\r\n",
            b"\x02\x031|NULL\n2|a\\|b\n\\\n|\n",
            b"\x04\x05a,\"b,\"\"c\"\"\nd\"\n,\n\"\",x\n",
            b"\x0F\x07a,b\r'x\\'y','\r'\r1,2\r",
        ],
        checks::copy_text,
    );
}

#[test]
fn catalog_answer() {
    smoke(
        &[
            b"Z\0\0\0\x05TC\0\0\0\x0BSELECT 1\0Z\0\0\0\x05T",
            b"Z\0\0\0\x05T1\0\0\0\x04t\0\0\0\x0A\0\x01\0\0\0\x17T\0\0\0\x1A\0\x01a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xFF\xFF\xFF\xFF\0\0\
              D\0\0\0\x0B\0\x01\0\0\0\x017D\0\0\0\x0A\0\x01\xFF\xFF\xFF\xFFC\0\0\0\x0DSELECT 2\0Z\0\0\0\x05T",
            b"Z\0\0\0\x05TN\0\0\0\x15SNOTICE\0VNOTICE\0Mx\0\0E\0\0\0\x1ASERROR\0C42P01\0Mno\0P3\0\0Z\0\0\0\x05E",
        ],
        checks::catalog_answer,
    );
}

#[test]
fn iris_connection() {
    let script = |random: &mut Random| {
        // The handshake and the login are answered well in most: what comes behind is more.
        let mut input = if random.below(8) == 0 { Vec::new() } else { vec![0x63, 0x83, 7] };
        let count = 4 + random.below(60);
        input.extend((0..count).map(|_| random.next() as u8));
        input
    };
    rounds(script, checks::iris_connection);
}
