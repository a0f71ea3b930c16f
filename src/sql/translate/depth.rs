//! A bound on nesting, before anything recurses over a statement.
//!
//! Parsing, the rules and even freeing a syntax tree recurse with its depth, and a client chooses the depth: without a
//! bound `((((..` would overflow the stack, which ends the process.

use crate::sql::lex::{self, Kind};
use crate::wire::{PgError, SqlState};

/// Levels of nesting. PostgreSQL's own `max_stack_depth` of 2 MB allows some thousands; generated SQL rarely has more
/// than a hundred, OR chains of ORMs some hundreds.
const DEPTH_MAX: usize = 1000;

/// # Errors
/// 54001, as PostgreSQL for a stack that grew too deep.
pub fn check(sql: &str) -> Result<(), Box<PgError>> {
    let bytes = sql.as_bytes();
    // Operators per open parenthesis since the last comma: a chain of them is a tree as deep as it is long.
    let mut open: Vec<usize> = vec![0];
    let mut total: usize = 0;
    let mut at = 0;
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        let text = bytes.get(at..token.end).unwrap_or_default();
        at = token.end;
        match (token.kind, text) {
            (Kind::Punctuation, b"(" | b"[" | b"{") => {
                open.push(1);
                total += 1;
            }
            (Kind::Punctuation, b")" | b"]" | b"}") => {
                if open.len() > 1 {
                    total = total.saturating_sub(open.pop().unwrap_or(0));
                }
            }
            (Kind::Punctuation, b"," | b";") => {
                if let Some(top) = open.last_mut() {
                    total = total.saturating_sub(std::mem::take(top));
                }
            }
            (Kind::Punctuation, b"." | b":") => {}
            (Kind::Punctuation, _) => grow(&mut open, &mut total),
            (Kind::Word, word) if nests(word) => grow(&mut open, &mut total),
            _ => {}
        }
        if total > DEPTH_MAX {
            return Err(PgError::error(SqlState(*b"54001"), "statement is nested too deeply")
                .detail(format!("More than {DEPTH_MAX} levels of nesting or operators in one expression.")));
        }
    }
    Ok(())
}

fn grow(open: &mut [usize], total: &mut usize) {
    if let Some(top) = open.last_mut() {
        *top += 1;
        *total += 1;
    }
}

/// Words that open a level without a parenthesis.
fn nests(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 12] = [
        b"and",
        b"or",
        b"not",
        b"case",
        b"join",
        b"union",
        b"intersect",
        b"except",
        b"explain",
        b"prepare",
        b"collate",
        b"is",
    ];
    word.len() <= 9 && WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}
