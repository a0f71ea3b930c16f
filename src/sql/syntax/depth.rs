//! A bound on nesting, before anything recurses over a statement.
//!
//! Parsing, the rules and even freeing a syntax tree recurse with its depth, and a client chooses the depth: without a
//! bound `((((..` would overflow the stack, which ends the process.

use crate::sql::lex::{self, Kind};
use crate::wire::{PgError, SqlState};

/// Nesting, weighed by the stack it takes: 2000 conditions joined by OR, 330 operators in a chain, 200 parentheses, 75
/// subqueries in one another. The tests hold it against the 2 MB a shard's thread has. Generated SQL rarely nests more
/// than twenty deep.
const DEPTH_MAX: usize = 2000;

const PARENTHESIS: usize = 10;
const OPERATOR: usize = 6;
const SUBQUERY: usize = 16;
/// An operator in front of its operand. The parser stands fewer than 200 of them, and would call the rest an error of syntax.
const PREFIX: usize = 11;

/// What an open parenthesis holds so far. A chain of operators is a tree as deep as the chain is long; AND and OR bind
/// least, so the operators between two of them are a tree of their own.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    /// What the parenthesis itself takes.
    own: usize,
    logic: usize,
    operators: usize,
    /// BETWEENs whose AND is still to come.
    between: usize,
    /// CASE, which END closes.
    is_case: bool,
}

impl Open {
    fn levels(self) -> usize {
        self.own + self.logic + self.operators
    }

    fn parenthesis(own: usize) -> Self {
        Self { own, ..Self::default() }
    }
}

/// # Errors
/// 54001, as PostgreSQL for a stack that grew too deep.
pub(crate) fn check(sql: &str) -> Result<(), Box<PgError>> {
    let bytes = sql.as_bytes();
    let mut top = Open::default();
    // The parentheses around the innermost, and what they take together.
    let mut outer: Vec<Open> = Vec::new();
    let mut around: usize = 0;
    let mut at = 0;
    let mut is_prefix = false;
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        let text = bytes.get(at..token.end).unwrap_or_default();
        at = token.end;
        let operator = if is_prefix && matches!(text, b"-" | b"+" | b"~" | b"@") { PREFIX } else { OPERATOR };
        if !matches!(token.kind, Kind::Blank | Kind::LineComment | Kind::BlockComment) {
            is_prefix = token.kind == Kind::Punctuation && !matches!(text, b")" | b"]" | b"}");
        }
        match (token.kind, text) {
            (Kind::Punctuation, b"(" | b"[" | b"{") => {
                around += top.levels();
                outer.push(top);
                top = Open::parenthesis(if text == b"(" { PARENTHESIS } else { OPERATOR });
            }
            (Kind::Punctuation, b")" | b"]" | b"}") if !outer.is_empty() => {
                top = outer.pop().unwrap_or_default();
                around = around.saturating_sub(top.levels());
                // What closes stays an operand of what follows: `a[1][1]`.
                top.operators += if text == b"]" { OPERATOR } else { 0 };
            }
            (Kind::Punctuation, b"," | b";") => top = Open { is_case: top.is_case, ..Open::parenthesis(top.own) },
            (Kind::Punctuation, _) => top.operators += operator,
            (Kind::Word, word) if word.eq_ignore_ascii_case(b"case") => {
                around += top.levels();
                outer.push(top);
                top = Open { is_case: true, ..Open::parenthesis(PARENTHESIS) };
            }
            // Its branches lie side by side.
            (Kind::Word, word)
                if top.is_case
                    && [&b"when"[..], b"then", b"else"].iter().any(|part| word.eq_ignore_ascii_case(part)) =>
            {
                top = Open { is_case: true, ..Open::parenthesis(top.own) };
            }
            (Kind::Word, word) if top.is_case && word.eq_ignore_ascii_case(b"end") => {
                top = outer.pop().unwrap_or_default();
                around = around.saturating_sub(top.levels());
            }
            // A subquery's select list has commas of its own.
            (Kind::Word, word) if word.eq_ignore_ascii_case(b"select") => top.own += SUBQUERY,
            (Kind::Word, word) if word.eq_ignore_ascii_case(b"between") => {
                // The parser hangs what follows its AND below it.
                top.logic += OPERATOR;
                top.between += 1;
            }
            (Kind::Word, word) if top.between > 0 && word.eq_ignore_ascii_case(b"and") => top.between -= 1,
            (Kind::Word, word) if word.eq_ignore_ascii_case(b"and") || word.eq_ignore_ascii_case(b"or") => {
                top.logic += 1;
                top.operators = 0;
            }
            (Kind::Word, word) => top.operators += weight(word),
            _ => {}
        }
        let levels = around + top.levels();
        if levels > DEPTH_MAX {
            return Err(PgError::error(SqlState(*b"54001"), "statement is nested too deeply").detail(format!(
                "It has more than {DEPTH_MAX} levels of nesting, operators in one expression among them."
            )));
        }
    }
    Ok(())
}

/// What a word adds to the depth.
fn weight(word: &[u8]) -> usize {
    const WORDS: [(&[u8], usize); 18] = [
        (b"explain", OPERATOR),
        (b"prepare", OPERATOR),
        (b"when", 4),
        (b"join", 4),
        (b"union", OPERATOR),
        (b"intersect", OPERATOR),
        (b"except", OPERATOR),
        (b"not", PREFIX),
        (b"is", OPERATOR),
        (b"in", OPERATOR),
        (b"like", OPERATOR),
        (b"ilike", OPERATOR),
        (b"similar", OPERATOR),
        (b"collate", OPERATOR),
        (b"isnull", OPERATOR),
        (b"notnull", OPERATOR),
        (b"at", OPERATOR),
        (b"array", OPERATOR),
    ];
    if word.len() > 9 {
        return 0;
    }
    WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map_or(0, |(_, levels)| *levels)
}
