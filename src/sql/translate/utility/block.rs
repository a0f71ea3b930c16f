//! From the text of a block to its steps.

use std::ops::Range;

use crate::sql::lex::{self, Kind};
use crate::sql::plpgsql::conditions::{Condition, conditions_named};
use crate::sql::plpgsql::{BlockStatement, BlockStep, DoBlock, Handler};
use crate::sql::syntax::names::folded;
use crate::sql::translate::check::check_syntax;
use crate::wire::{PgError, SqlState};

type Result<T> = std::result::Result<T, Box<PgError>>;

/// Blocks and IFs in one another. The reader recurses.
const DEPTH_MAX: u32 = 50;

/// What begins a statement of PL/pgSQL that needs variables, rows or control of its own.
const REFUSED: &[&str] = &[
    "assert", "call", "case", "close", "commit", "continue", "declare", "execute", "exit", "fetch", "for", "foreach",
    "get", "loop", "move", "open", "raise", "return", "rollback", "while",
];

/// Reads the text of a block.
///
/// # Errors
/// 42601 for what PL/pgSQL or SQL cannot read, 42704 for an unknown condition, 0A000 for all of PL/pgSQL that is more
/// than a sequence of SQL statements. The position is a byte of the text, counted from 1.
pub(super) fn read_block(body: &str) -> Result<DoBlock> {
    let mut reader = Reader { body, tokens: Vec::new(), at: 0, steps: Vec::new(), depth: 0 };
    reader.scan()?;
    reader.block()?;
    if reader.punctuation() == Some(b';') {
        reader.at = reader.at.saturating_add(1);
    }
    if reader.tokens.get(reader.at).is_some() {
        return Err(reader.syntax_error());
    }
    Ok(DoBlock { steps: reader.steps })
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

struct Reader<'a> {
    body: &'a str,
    /// Without blanks and comments.
    tokens: Vec<Token>,
    at: usize,
    steps: Vec<BlockStep>,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn scan(&mut self) -> Result<()> {
        let bytes = self.body.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let token = lex::token(bytes, at);
            let range = at..token.end;
            at = token.end;
            let what = match token.kind {
                kind if kind.is_trivia() => continue,
                Kind::UnterminatedString => "quoted string",
                Kind::UnterminatedQuoted => "quoted identifier",
                Kind::UnterminatedComment => "/* comment",
                kind => {
                    self.tokens.push(Token { kind, range });
                    continue;
                }
            };
            let near = self.body.get(range.clone()).unwrap_or_default();
            let message = format!("unterminated {what} at or near \"{near}\"");
            return Err(PgError::error(SqlState::SYNTAX_ERROR, message).position(position(range.start)));
        }
        Ok(())
    }

    // Tokens.

    fn ahead(&self, n: usize) -> Option<&Token> {
        self.tokens.get(self.at.saturating_add(n))
    }

    fn text(&self, token: &Token) -> &'a str {
        self.body.get(token.range.clone()).unwrap_or_default()
    }

    fn is_word_ahead(&self, n: usize, word: &str) -> bool {
        let token = self.ahead(n).filter(|token| token.kind == Kind::Word);
        token.is_some_and(|token| self.text(token).eq_ignore_ascii_case(word))
    }

    fn is_word(&self, word: &str) -> bool {
        self.is_word_ahead(0, word)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    fn require(&mut self, word: &str) -> Result<()> {
        if self.eat(word) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn punctuation_ahead(&self, n: usize) -> Option<u8> {
        let token = self.ahead(n).filter(|token| token.kind == Kind::Punctuation)?;
        self.body.as_bytes().get(token.range.start).copied()
    }

    fn punctuation(&self) -> Option<u8> {
        self.punctuation_ahead(0)
    }

    fn semicolon(&mut self) -> Result<()> {
        if self.punctuation() != Some(b';') {
            return Err(self.syntax_error());
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    /// A name, folded.
    fn name(&mut self) -> Option<String> {
        let token = self.ahead(0).filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))?;
        let name = folded(self.text(token));
        self.at = self.at.saturating_add(1);
        Some(name)
    }

    fn here(&self) -> usize {
        self.ahead(0).map_or(self.body.len(), |token| token.range.start)
    }

    fn syntax_error(&self) -> Box<PgError> {
        let message = match self.ahead(0) {
            Some(token) => format!("syntax error at or near \"{}\"", self.text(token)),
            None => "syntax error at end of input".to_owned(),
        };
        PgError::error(SqlState::SYNTAX_ERROR, message).position(position(self.here()))
    }

    fn unsupported(&self, what: &str) -> Box<PgError> {
        PgError::unsupported(format!("{what} is not supported in DO: IRIS runs no PL/pgSQL"))
            .hint(
                "A block may hold SQL statements, PERFORM, IF, NULL, further blocks, and EXCEPTION with its handlers.",
            )
            .position(position(self.here()))
    }

    // Grammar.

    fn block(&mut self) -> Result<()> {
        self.deeper(|reader| {
            let label = reader.label()?;
            if reader.is_word("declare") {
                return Err(reader.unsupported("DECLARE"));
            }
            if label.is_some() && reader.is_one_of(&["loop", "while", "for", "foreach"]) {
                return Err(reader.unsupported("a loop"));
            }
            reader.require("begin")?;
            let enter = reader.push(BlockStep::Jump(reader.steps.len().saturating_add(1)));
            reader.statements(&["end", "exception"])?;
            if reader.eat("exception") {
                reader.handlers(enter)?;
            }
            reader.require("end")?;
            let before = reader.at;
            if let Some(end) = reader.name()
                && label.as_ref() != Some(&end)
            {
                reader.at = before;
                return Err(reader.syntax_error());
            }
            Ok(())
        })
    }

    fn deeper(&mut self, body: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.depth >= DEPTH_MAX {
            return Err(PgError::error(SqlState(*b"54001"), "stack depth limit exceeded")
                .detail(format!("Blocks and IF may be nested {DEPTH_MAX} deep.")));
        }
        self.depth = self.depth.saturating_add(1);
        let result = body(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn label(&mut self) -> Result<Option<String>> {
        let is_pair = |byte: u8| self.punctuation() == Some(byte) && self.punctuation_ahead(1) == Some(byte);
        if self.punctuation() == Some(b'#') {
            return Err(self.unsupported("an option of the compiler"));
        }
        if !is_pair(b'<') {
            return Ok(None);
        }
        self.at = self.at.saturating_add(2);
        let label = self.name().ok_or_else(|| self.syntax_error())?;
        if self.punctuation() != Some(b'>') || self.punctuation_ahead(1) != Some(b'>') {
            return Err(self.syntax_error());
        }
        self.at = self.at.saturating_add(2);
        Ok(Some(label))
    }

    /// Statements up to one of the words `ends`.
    fn statements(&mut self, ends: &[&str]) -> Result<()> {
        while !self.is_one_of(ends) {
            self.statement()?;
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<()> {
        if self.is_word("null") && self.punctuation_ahead(1) == Some(b';') {
            self.at = self.at.saturating_add(2);
            return Ok(());
        }
        if self.is_word("begin") || matches!(self.punctuation(), Some(b'<' | b'#')) {
            self.block()?;
            return self.semicolon();
        }
        if self.is_word("if") {
            return self.deeper(Self::branches);
        }
        if self.is_word("perform") {
            self.at = self.at.saturating_add(1);
            let query = self.sql(|reader| reader.punctuation() == Some(b';'), "SELECT ")?;
            self.push(BlockStep::Perform(query));
            return self.semicolon();
        }
        if self.is_one_of(REFUSED) {
            let word = self.ahead(0).map(|token| self.text(token).to_uppercase());
            return Err(self.unsupported(&word.unwrap_or_default()));
        }
        let is_assignment = match self.punctuation_ahead(1) {
            Some(b':') => self.punctuation_ahead(2) == Some(b'='),
            punctuation => punctuation == Some(b'='),
        };
        if is_assignment {
            return Err(self.unsupported("assignment"));
        }
        let statement = self.sql(|reader| reader.punctuation() == Some(b';'), "")?;
        self.push(BlockStep::Run(statement));
        self.semicolon()
    }

    /// IF .. THEN .. ELSIF .. ELSE .. END IF;
    fn branches(&mut self) -> Result<()> {
        let mut ends = Vec::new();
        loop {
            self.at = self.at.saturating_add(1);
            let condition = self.sql(|reader| reader.is_word("then"), "SELECT ")?;
            self.require("then")?;
            let test = self.push(BlockStep::Jump(0));
            self.statements(&["elsif", "elseif", "else", "end"])?;
            if !self.is_word("end") {
                ends.push(self.push(BlockStep::Jump(0)));
            }
            let otherwise = self.steps.len();
            self.set(test, BlockStep::Test { condition, otherwise });
            if !self.is_one_of(&["elsif", "elseif"]) {
                break;
            }
        }
        if self.eat("else") {
            self.statements(&["end"])?;
        }
        let end = self.steps.len();
        ends.into_iter().for_each(|step| self.set(step, BlockStep::Jump(end)));
        self.require("end")?;
        self.require("if")?;
        self.semicolon()
    }

    /// `enter`: the step that the block begins with.
    fn handlers(&mut self, enter: usize) -> Result<()> {
        let body = self.steps.get(enter.saturating_add(1)..).unwrap_or_default();
        let is_single = matches!(body, [BlockStep::Run(_) | BlockStep::Perform(_)]);
        let mut ends = vec![self.push(BlockStep::Leave(0))];
        let mut handlers = Vec::new();
        while self.eat("when") {
            let mut conditions = self.condition()?;
            while self.eat("or") {
                conditions.extend(self.condition()?);
            }
            self.require("then")?;
            handlers.push(Handler { conditions, start: self.steps.len() });
            self.statements(&["when", "end"])?;
            ends.push(self.push(BlockStep::Jump(0)));
        }
        if handlers.is_empty() {
            return Err(self.syntax_error());
        }
        self.set(enter, BlockStep::Enter { handlers, is_single });
        let end = self.steps.len();
        for step in ends {
            let leaves = matches!(self.steps.get(step), Some(BlockStep::Leave(_)));
            self.set(step, if leaves { BlockStep::Leave(end) } else { BlockStep::Jump(end) });
        }
        Ok(())
    }

    fn condition(&mut self) -> Result<Vec<Condition>> {
        let at = position(self.here());
        if self.eat("sqlstate") {
            let token = self.ahead(0).filter(|token| token.kind == Kind::String).ok_or_else(|| self.syntax_error())?;
            let code = self.text(token).trim_matches('\'').as_bytes().first_chunk::<5>().copied();
            let is_whole = token.range.len() == 7;
            let code = code
                .filter(|code| is_whole && code.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()));
            let code = code.ok_or_else(|| {
                PgError::error(SqlState::SYNTAX_ERROR, "invalid SQLSTATE code").position(position(self.here()))
            })?;
            self.at = self.at.saturating_add(1);
            return Ok(vec![Condition::State(SqlState(code))]);
        }
        let name = self.name().ok_or_else(|| self.syntax_error())?;
        let conditions = conditions_named(&name);
        if conditions.is_empty() {
            let message = format!("unrecognized exception condition \"{name}\"");
            return Err(PgError::error(SqlState::UNDEFINED_OBJECT, message).position(at));
        }
        Ok(conditions)
    }

    /// SQL up to the token for which `ends` holds, outside of parentheses; `verb` goes in front.
    fn sql(&mut self, ends: impl Fn(&Self) -> bool, verb: &str) -> Result<BlockStatement> {
        let start = self.here();
        let mut end = start;
        let mut parentheses = 0_u32;
        while let Some(token) = self.ahead(0) {
            if parentheses == 0 && ends(self) {
                break;
            }
            end = token.range.end;
            match self.punctuation() {
                Some(b'(') => parentheses = parentheses.saturating_add(1),
                Some(b')') => parentheses = parentheses.saturating_sub(1),
                _ => {}
            }
            let is_target =
                self.is_word("into") && parentheses == 0 && !self.is_behind("insert") && !self.is_behind("merge");
            if is_target {
                return Err(self.unsupported("INTO"));
            }
            self.at = self.at.saturating_add(1);
        }
        let text = self.body.get(start..end).unwrap_or_default();
        if text.is_empty() || self.ahead(0).is_none() {
            return Err(self.syntax_error());
        }
        let sql = format!("{verb}{text}");
        check_syntax(&sql).map_err(|mut error| {
            // Characters of the statement become bytes of the block.
            let characters = error.position.and_then(|at| usize::try_from(at).ok()).unwrap_or(1).saturating_sub(1);
            let offset = sql.char_indices().nth(characters).map_or(sql.len(), |(offset, _)| offset);
            error.position = Some(position(start.saturating_add(offset).saturating_sub(verb.len())));
            error
        })?;
        let before = self.body.get(..start).unwrap_or_default();
        let lines = before.bytes().filter(|&byte| byte == b'\n').count();
        Ok(BlockStatement { sql, line: u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1) })
    }

    /// Whether the token in front of the present one is `word`.
    fn is_behind(&self, word: &str) -> bool {
        let token = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        token.is_some_and(|token| self.text(token).eq_ignore_ascii_case(word))
    }

    // Steps.

    fn push(&mut self, step: BlockStep) -> usize {
        self.steps.push(step);
        self.steps.len().saturating_sub(1)
    }

    fn set(&mut self, at: usize, step: BlockStep) {
        if let Some(slot) = self.steps.get_mut(at) {
            *slot = step;
        }
    }
}

/// Positions count from 1.
fn position(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
#[path = "block_tests.rs"]
mod tests;
