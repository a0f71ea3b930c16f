//! A place in the tokens of one definition statement.

use super::super::catalog::DEFAULT_SCHEMA;
use super::super::parse::{Token, TokenKind, is_reserved, tokens};
use super::super::types::TypeArgument;
use super::super::value::SqlError;

/// A table, view or other object, schema filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectName {
    pub schema: String,
    pub name: String,
    /// False: the schema is the default one.
    pub qualified: bool,
}

impl ObjectName {
    /// As "not found" texts show it: upper case.
    pub(super) fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name).to_uppercase()
    }
}

/// The greatest length of a name in the catalog.
const NAME_CHARACTERS_MAX: usize = 128;

pub(super) struct Cursor<'a> {
    pub sql: &'a str,
    tokens: Vec<Token>,
    at: usize,
    /// Found while reading, but of less weight than a fault of grammar further on: raised by [`Cursor::end`].
    pending: Option<SqlError>,
    /// Code of other languages that stood in the statement: `{n}` in its text means the n-th.
    pub codes: Vec<String>,
}

/// Reserved words that are data types.
const TYPE_WORDS: [&str; 17] = [
    "BIT",
    "CHAR",
    "CHARACTER",
    "DATE",
    "DEC",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "INT",
    "INTEGER",
    "NATIONAL",
    "NCHAR",
    "NUMERIC",
    "REAL",
    "SMALLINT",
    "TIME",
    "VARCHAR",
];

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str) -> Result<Self, SqlError> {
        let (tokens, marks) = tokens(sql)?;
        let cursor = Self { sql, tokens, at: 0, pending: None, codes: Vec::new() };
        // A definition is compiled, not run with values: there is nothing a mark could stand for.
        match cursor.tokens.iter().position(|token| matches!(token.kind, TokenKind::Mark(_))) {
            Some(at) if marks > 0 => Err(Self { at, ..cursor }.expected("IDENTIFIER")),
            _ => Ok(cursor),
        }
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at.saturating_add(ahead))
    }

    pub(super) fn advance(&mut self) {
        if self.at.saturating_add(1) < self.tokens.len() {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Byte offset of the next token.
    pub(super) fn offset(&self) -> usize {
        self.peek().map_or(self.sql.len(), |token| token.start)
    }

    /// The text from `from` up to the next token, without blanks around.
    pub(super) fn text_since(&self, from: usize) -> &'a str {
        self.sql.get(from..self.offset()).unwrap_or("").trim()
    }

    pub(super) fn at_end(&self) -> bool {
        self.peek().is_none_or(|token| token.kind == TokenKind::End)
    }

    /// SQLCODE -1 at the next token: IRIS shows what it wanted, what it found, and the text up to there after `^`.
    pub(super) fn expected(&self, what: &str) -> SqlError {
        let (found, end) = match self.peek() {
            Some(token) if token.kind != TokenKind::End => {
                let found = match token.kind {
                    TokenKind::Word if is_reserved(&token.upper) => token.upper.clone(),
                    TokenKind::Word | TokenKind::Quoted => format!("IDENTIFIER ({})", token.text),
                    TokenKind::Integer | TokenKind::Number | TokenKind::String => format!("CONSTANT ({})", token.text),
                    _ => token.shown().to_owned(),
                };
                (found, token.end)
            }
            _ => ("END".to_owned(), self.sql.len()),
        };
        SqlError::prepare(1, format!("{what} expected, {found} found ^{}", self.sql.get(..end).unwrap_or("")))
    }

    /// Keeps an error for when the whole statement has been read; the first one counts.
    pub(super) fn defer(&mut self, error: SqlError) {
        self.pending.get_or_insert(error);
    }

    /// SQLCODE -25 when anything is left; else the deferred error.
    pub(super) fn end(&mut self) -> Result<(), SqlError> {
        if self.at_end() {
            return self.pending.take().map_or(Ok(()), Err);
        }
        let end = self.peek().map_or(self.sql.len(), |token| token.end);
        let text =
            format!("Input ({}) encountered after end of query ^{}", self.shown(), self.sql.get(..end).unwrap_or(""));
        Err(SqlError::prepare(25, text))
    }

    fn shown(&self) -> &str {
        self.peek().map_or("", Token::shown)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    /// Do the next tokens read so, word by word?
    pub(super) fn is_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| self.peek_at(ahead).is_some_and(|token| token.is_word(word)))
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.is_symbol(symbol))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn take_words(&mut self, words: &[&str]) -> bool {
        let found = self.is_words(words);
        if found {
            words.iter().for_each(|_| self.advance());
        }
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.take_word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    pub(super) fn symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.expected(symbol)) }
    }

    /// A name: delimited, or a simple one that is not reserved.
    pub(super) fn identifier(&mut self) -> Result<String, SqlError> {
        let name = match self.peek() {
            Some(token) if token.kind == TokenKind::Quoted => token.text.clone(),
            Some(token)
                if token.kind == TokenKind::Word && !token.text.starts_with('$') && !is_reserved(&token.upper) =>
            {
                token.text.clone()
            }
            _ => return Err(self.expected("IDENTIFIER")),
        };
        if name.chars().count() > NAME_CHARACTERS_MAX {
            return Err(SqlError::prepare(
                1,
                format!("Identifier longer than {NAME_CHARACTERS_MAX} characters: {name}"),
            ));
        }
        self.advance();
        Ok(name)
    }

    /// The new name of something renamed: IRIS keeps a simple one in capitals.
    pub(super) fn new_name(&mut self) -> Result<String, SqlError> {
        let simple = self.peek().is_some_and(|token| token.kind == TokenKind::Word);
        let name = self.identifier()?;
        Ok(if simple { name.to_uppercase() } else { name })
    }

    /// `[schema.]name`.
    pub(super) fn object_name(&mut self) -> Result<ObjectName, SqlError> {
        let first = self.identifier()?;
        if !self.take_symbol(".") {
            return Ok(ObjectName { schema: DEFAULT_SCHEMA.to_owned(), name: first, qualified: false });
        }
        let name = self.identifier()?;
        if self.is_symbol(".") {
            return Err(self.expected("( or end of name"));
        }
        Ok(ObjectName { schema: first, name, qualified: true })
    }

    /// `(a, b, c)`.
    pub(super) fn column_list(&mut self) -> Result<Vec<String>, SqlError> {
        self.symbol("(")?;
        let mut names = vec![self.identifier()?];
        while self.take_symbol(",") {
            names.push(self.identifier()?);
        }
        self.symbol(")")?;
        Ok(names)
    }

    pub(super) fn string(&mut self) -> Result<String, SqlError> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::String => {
                let text = token.text.clone();
                self.advance();
                Ok(text)
            }
            _ => Err(self.expected("STRING")),
        }
    }

    pub(super) fn integer(&mut self) -> Result<u32, SqlError> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Integer => match token.text.parse() {
                Ok(number) => {
                    self.advance();
                    Ok(number)
                }
                Err(_) => Err(self.expected("INTEGER")),
            },
            _ => Err(self.expected("INTEGER")),
        }
    }

    /// One literal or word, as text: the value of an option.
    pub(super) fn option_value(&mut self) -> Result<String, SqlError> {
        let sign = if self.take_symbol("-") { "-" } else { "" };
        match self.peek() {
            Some(token)
                if matches!(
                    token.kind,
                    TokenKind::String | TokenKind::Integer | TokenKind::Number | TokenKind::Word | TokenKind::Quoted
                ) =>
            {
                let text = format!("{sign}{}", token.text);
                self.advance();
                Ok(text)
            }
            _ => Err(self.expected("CONSTANT")),
        }
    }

    /// Steps over `( ... )`, nested ones included.
    pub(super) fn skip_parentheses(&mut self) -> Result<(), SqlError> {
        self.symbol("(")?;
        let mut depth = 1u32;
        while depth > 0 {
            if self.at_end() {
                return Err(self.expected(")"));
            }
            if self.is_symbol("(") {
                depth = depth.saturating_add(1);
            } else if self.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            self.advance();
        }
        Ok(())
    }

    /// A type name, its words joined by one blank, and what stands in parentheses after it.
    pub(super) fn type_name(&mut self) -> Result<(String, Vec<TypeArgument>), SqlError> {
        let mut name = match self.peek() {
            Some(token) if token.kind == TokenKind::Quoted => token.text.clone(),
            Some(token) if token.kind == TokenKind::Word => {
                let upper = token.upper.as_str();
                // `%String` names a class here, a collation elsewhere.
                if is_reserved(upper) && !upper.starts_with('%') && !TYPE_WORDS.contains(&upper) {
                    return Err(self.expected("DATATYPE"));
                }
                token.text.clone()
            }
            _ => return Err(self.expected("DATATYPE")),
        };
        self.advance();
        while self.is_symbol(".") {
            self.advance();
            match self.peek() {
                Some(token) if token.kind == TokenKind::Word => {
                    name.push('.');
                    name.push_str(&token.text);
                }
                _ => return Err(self.expected("DATATYPE")),
            }
            self.advance();
        }
        loop {
            let continues: &[&str] = match name.to_ascii_uppercase().as_str() {
                "LONG" => &["BINARY", "RAW", "VARCHAR", "VARBINARY"],
                "DOUBLE" => &["PRECISION"],
                "NATIONAL" => &["CHAR", "CHARACTER", "VARCHAR"],
                "CHAR" | "CHARACTER" | "BINARY" | "NATIONAL CHAR" | "NATIONAL CHARACTER" => &["VARYING"],
                _ => &[],
            };
            let Some(word) = continues.iter().find(|word| self.is_word(word)) else { break };
            name.push(' ');
            name.push_str(word);
            self.advance();
        }
        let mut arguments = Vec::new();
        if self.take_symbol("(") {
            arguments.push(self.type_argument()?);
            while self.take_symbol(",") {
                arguments.push(self.type_argument()?);
            }
            self.symbol(")")?;
        }
        Ok((name, arguments))
    }

    fn type_argument(&mut self) -> Result<TypeArgument, SqlError> {
        let Some(token) = self.peek() else { return Err(self.expected("CONSTANT")) };
        match token.kind {
            TokenKind::Integer => Ok(TypeArgument::Number(self.integer()?)),
            TokenKind::String => Ok(TypeArgument::Text(self.string()?)),
            TokenKind::Word => {
                let word = token.text.clone();
                self.advance();
                if self.take_symbol("=") {
                    return Ok(TypeArgument::Named(word, self.option_value()?));
                }
                Ok(TypeArgument::Word(word))
            }
            _ => Err(self.expected("CONSTANT")),
        }
    }
}
