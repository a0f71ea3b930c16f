//! The lexer of the hot path beside another project's (`squawk-lexer`, which the parser uses): the same tokens of every
//! SQL text in the repository's tests, and of generated text of the pieces that lexers get wrong.
//!
//! Where squawk's differs from PostgreSQL, [`DIFFERENCES`] says so; one that no longer differs fails.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

use crate::sql::lex::{self, Kind};

/// A kind of token as both lexers tell it. A number or parameter and the letters that follow it are one: what stands
/// there is an error in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Lexed(Kind),
    Junk(Kind),
}

type Tokens = Vec<(Seen, Range<usize>)>;

/// Texts that squawk's lexer reads otherwise than PostgreSQL 18, and how.
const DIFFERENCES: &[(&str, &str)] = &[
    ("$E'\\''", "a `$` that begins nothing is a token alone, and what follows is read anew (scan.l, `dolqfailed`)"),
    ("$u&\"a\"", "the same"),
    ("1e$", "an identifier may follow a number with its `e`, and `$` may be part of one (scan.l, `integer_junk`)"),
    ("\u{feff}a", "to the server a byte order mark is a letter; leaving it out is psql's work"),
];

/// Whether a text holds what [`DIFFERENCES`] is about.
fn is_known_to_differ(text: &str) -> bool {
    let has_prefix_behind_dollar = text.as_bytes().windows(3).any(|bytes| {
        matches!(bytes, [b'$', b'e' | b'E' | b'n' | b'N' | b'b' | b'B' | b'x' | b'X', b'\''])
            || matches!(bytes, [b'$', b'u' | b'U', b'&'])
    });
    let has_dollar_behind_exponent =
        text.as_bytes().windows(3).any(|bytes| matches!(bytes, [b'0'..=b'9' | b'.', b'e' | b'E', b'$']));
    has_prefix_behind_dollar || has_dollar_behind_exponent || text.starts_with('\u{feff}')
}

fn ours(text: &str) -> Tokens {
    let bytes = text.as_bytes();
    let mut tokens: Tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        assert!(token.end > at && text.is_char_boundary(token.end), "{text:?} at {at}");
        let is_counted = matches!(token.kind, Kind::Number | Kind::Parameter);
        // As a scan does it.
        let end = if is_counted { lex::junk_end(bytes, token.end) } else { token.end };
        let seen = if end > token.end { Seen::Junk(token.kind) } else { Seen::Lexed(token.kind) };
        tokens.push((seen, at..end));
        at = end;
    }
    tokens
}

fn theirs(text: &str) -> Tokens {
    let mut tokens = Vec::new();
    let mut at = 0;
    for token in tokenize(text) {
        let length = token.len as usize;
        let range = at..at + length;
        at = range.end;
        let kind = match token.kind {
            TokenKind::Whitespace => Kind::Blank,
            TokenKind::LineComment => Kind::LineComment,
            TokenKind::BlockComment { terminated: true } => Kind::BlockComment,
            TokenKind::BlockComment { terminated: false } => Kind::UnterminatedComment,
            TokenKind::Ident => Kind::Word,
            TokenKind::QuotedIdent { terminated: false, .. } => Kind::UnterminatedQuoted,
            TokenKind::QuotedIdent { uescape: false, .. } => Kind::Quoted,
            TokenKind::QuotedIdent { uescape: true, .. } => Kind::Other,
            TokenKind::PositionalParam { trailing_junk_start: 1 } => {
                tokens.push((Seen::Lexed(Kind::Punctuation), range.start..range.start + 1));
                if length > 1 {
                    tokens.push((Seen::Lexed(Kind::Word), range.start + 1..range.end));
                }
                continue;
            }
            TokenKind::PositionalParam { trailing_junk_start } => {
                let is_whole = trailing_junk_start as usize == length;
                let seen = if is_whole { Seen::Lexed(Kind::Parameter) } else { Seen::Junk(Kind::Parameter) };
                tokens.push((seen, range));
                continue;
            }
            TokenKind::Literal { kind } => match literal(kind, length) {
                Ok(kind) => kind,
                Err(junk) => {
                    tokens.push((Seen::Junk(junk), range));
                    continue;
                }
            },
            TokenKind::Eof => break,
            _ => Kind::Punctuation,
        };
        tokens.push((Seen::Lexed(kind), range));
    }
    assert_eq!(at, text.len(), "{text:?}");
    tokens
}

fn literal(kind: LiteralKind, length: usize) -> Result<Kind, Kind> {
    let (terminated, kind) = match kind {
        LiteralKind::Int { trailing_junk_start, .. } => return number(trailing_junk_start as usize == length),
        LiteralKind::Numeric { trailing_junk_start, empty_exponent_start } => {
            return number(trailing_junk_start as usize == length && empty_exponent_start.is_none());
        }
        LiteralKind::Str { terminated } | LiteralKind::NationalStr { terminated } => (terminated, Kind::String),
        LiteralKind::ByteStr { terminated }
        | LiteralKind::BitStr { terminated }
        | LiteralKind::UnicodeEscStr { terminated } => (terminated, Kind::Other),
        LiteralKind::DollarQuotedString { terminated } => (terminated, Kind::DollarString),
        LiteralKind::EscStr { terminated } => (terminated, Kind::EscapeString),
    };
    Ok(if terminated { kind } else { Kind::UnterminatedString })
}

fn number(is_whole: bool) -> Result<Kind, Kind> {
    if is_whole { Ok(Kind::Number) } else { Err(Kind::Number) }
}

fn compare(text: &str, name: &dyn std::fmt::Display) {
    if is_known_to_differ(text) {
        return;
    }
    let (ours, theirs) = (ours(text), theirs(text));
    if ours != theirs {
        let at = ours.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
        let shown = |tokens: &Tokens| {
            let from = tokens.get(at..).unwrap_or_default();
            from.iter()
                .take(3)
                .map(|(seen, range)| format!("{seen:?} {:?}  ", &text[range.clone()]))
                .collect::<String>()
        };
        panic!("{name}: {text:?}\n  ours: {}\ntheirs: {}", shown(&ours), shown(&theirs));
    }
}

#[test]
fn differences_still_differ() {
    for (text, reason) in DIFFERENCES {
        assert!(is_known_to_differ(text), "{text:?}");
        assert_ne!(ours(text), theirs(text), "{text:?} is read as here; no longer true: {reason}");
    }
}

/// Files of a folder and the folders in it whose name ends so.
fn files(folder: &Path, extensions: &[&str], out: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, extensions, out);
        } else if path.extension().is_some_and(|found| extensions.iter().any(|extension| found == *extension)) {
            out.push(path);
        }
    }
}

#[test]
fn the_same_tokens_of_every_text_of_the_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("src/sql/tests/cases.txt")];
    files(&root.join("tests"), &["sql", "test"], &mut paths);
    let mut count = 0;
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        compare(&text, &path.display());
        for block in text.split("\n\n") {
            compare(block, &path.display());
            count += 1;
        }
    }
    assert!(count > 3000, "{count} statements found");
}

#[test]
fn the_same_tokens_of_what_clients_send() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/recordings.jsonl.xz");
    let unpacked = Command::new("xz").arg("-dc").arg(packed).output().expect("xz is not installed");
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let mut count = 0;
    for line in std::str::from_utf8(&unpacked.stdout).unwrap().lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(sql) = record["sql"].as_str() {
            compare(sql, &record["client"]);
            count += 1;
        }
    }
    assert!(count > 2000, "{count} statements found");
}

/// What is put together.
const PIECES: &[&str] = &[
    "'",
    "''",
    "'it''s'",
    "'\\'",
    "E'",
    "e'\\''",
    "E'\\\\'",
    "E'\\",
    "E'a''b'",
    "n'",
    "N'x'",
    "b'",
    "B'10'",
    "x'1f'",
    "X",
    "U&'",
    "u&\"",
    "U&'\\0061'",
    "U&\"\\0061\"",
    "u&",
    "U&x",
    "n1'x'",
    "\"",
    "\"\"",
    "\"a\"\"b\"",
    "$",
    "$$",
    "$a$",
    "$a$b$a$",
    "$aa$",
    "$ä$",
    "$1",
    "$12",
    "$1a",
    "$1$",
    "$_1$",
    "$0",
    "a$b",
    "a$1$",
    "--",
    "-- x\n",
    "--\r",
    "/*",
    "*/",
    "/**/",
    "/*/",
    "/* /* */",
    "*/ */",
    "-",
    "+",
    "*",
    "/",
    "<",
    ">",
    "=",
    "@",
    "!",
    "~",
    "^",
    "&",
    "|",
    "`",
    "?",
    "#",
    "%",
    ":",
    "::",
    ":=",
    "=>",
    "<=",
    "<>",
    "!=",
    "||",
    "->",
    "->>",
    "#>>",
    "@-",
    "+-",
    "-+",
    "*-",
    "/-",
    "-*",
    "1",
    "0",
    "00",
    "1.",
    ".1",
    "1.5",
    "1..2",
    "..",
    "...",
    "1.5.",
    ".",
    "1e",
    "1e5",
    "1E+5",
    "1e-",
    "1.e5",
    "1e5x",
    "1_0",
    "1__0",
    "1_",
    "_1",
    "1._5",
    "1.5_0",
    "1e5_0",
    "1e_5",
    "0x",
    "0x1F",
    "0X_1f",
    "0x1g",
    "0b",
    "0b10",
    "0b12",
    "0b_1",
    "0o",
    "0o17",
    "0o8",
    "0o_7",
    "0xä",
    "12ab",
    "1ä",
    "1$",
    "1'",
    "1\"",
    "x1",
    "e1",
    "E",
    "e",
    "n",
    "select",
    "ä",
    "漢",
    "\u{a0}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "😀",
    "\0",
    "\u{1}",
    "\u{4}",
    "\u{7f}",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{b}",
    "\u{c}",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    "\\",
];

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn the_same_tokens_of_generated_texts() {
    for left in PIECES {
        compare(left, &"alone");
        for right in PIECES {
            compare(&format!("{left}{right}"), &"a pair");
        }
    }
    let rounds = std::env::var("FUZZ_SMOKE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000) * 10;
    for seed in 1..=rounds {
        let mut state: u64 = seed;
        let count = 2 + next(&mut state) % 10;
        let text: String =
            (0..count).map(|_| PIECES[(next(&mut state) % PIECES.len() as u64) as usize]).collect::<Vec<_>>().concat();
        compare(&text, &format_args!("seed {seed}"));
    }
}
