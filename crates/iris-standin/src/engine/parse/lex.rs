//! IRIS SQL text to tokens. Everything the dialect has no lexical form for is refused here.

use super::super::SqlError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Keyword or simple identifier: upper-cased copy in `Token::upper`. `%ID`, `$HOROLOG`, `LEFT` are words too.
    Word,
    /// `"delimited identifier"`, quotes removed.
    Quoted,
    /// Digits only.
    Integer,
    /// With a point or exponent.
    Number,
    /// `'text'`, quotes removed.
    String,
    /// `?` (numbered in order of appearance) or `:%qpar(n)`; zero-based.
    Mark(u32),
    /// Operators and punctuation.
    Symbol(&'static str),
    /// `{ ... }` of a routine body is opaque; only `{` of ODBC forms is a symbol.
    End,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub kind: TokenKind,
    /// As written, without quotes.
    pub text: String,
    /// Upper-cased for words, else empty.
    pub upper: String,
    /// Byte offsets in the statement.
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.upper == word
    }

    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind, TokenKind::Symbol(s) if s == symbol)
    }

    /// How error texts show it.
    pub(crate) fn shown(&self) -> &str {
        match self.kind {
            TokenKind::End => "end of statement",
            TokenKind::Mark(_) => "?",
            TokenKind::Symbol(s) => s,
            _ => &self.text,
        }
    }
}

/// Longest first: the first that matches wins.
const SYMBOLS: [&str; 26] = [
    "||", "<>", "!=", "<=", ">=", "->", "!<", "!>", "(", ")", ",", ".", "+", "-", "*", "/", "\\", "#", "=", "<", ">",
    "{", "}", "[", "]", ";",
];

/// The tokens of a statement, the last one `End`, and the number of marks (the highest number used).
///
/// Errors: -3 unclosed quote, -1 a character the dialect does not know, -28 a host variable.
pub(crate) fn tokens(sql: &str) -> Result<(Vec<Token>, u32), SqlError> {
    let mut lexer = Lexer { sql, at: 0, tokens: Vec::with_capacity(sql.len() / 4 + 2), marks: 0 };
    while lexer.next()? {}
    let at = sql.len();
    lexer.tokens.push(Token { kind: TokenKind::End, text: String::new(), upper: String::new(), start: at, end: at });
    Ok((lexer.tokens, lexer.marks))
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    tokens: Vec<Token>,
    marks: u32,
}

fn starts_word(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '%'
}

fn continues_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.sql.get(self.at..).unwrap_or("")
    }

    fn push(&mut self, kind: TokenKind, text: String, upper: String, length: usize) {
        let start = self.at;
        self.at = start.saturating_add(length);
        self.tokens.push(Token { kind, text, upper, start, end: self.at });
    }

    /// Takes one token or blank stretch; false at the end.
    fn next(&mut self) -> Result<bool, SqlError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(false) };
        if first.is_whitespace() || first == '\0' {
            self.at += first.len_utf8();
            return Ok(true);
        }
        if rest.starts_with("--") {
            self.at += rest.find('\n').unwrap_or(rest.len());
            return Ok(true);
        }
        if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| SqlError::prepare(1, "comment is not closed"))?;
            self.at += end + 2;
            return Ok(true);
        }
        match first {
            '\'' => self.quoted('\'', TokenKind::String)?,
            '"' => self.quoted('"', TokenKind::Quoted)?,
            '?' => {
                let mark = self.marks;
                self.marks += 1;
                self.push(TokenKind::Mark(mark), "?".into(), String::new(), 1);
            }
            ':' => self.host_variable()?,
            '0'..='9' => self.number()?,
            '.' if rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit()) => self.number()?,
            '$' => self.special_variable()?,
            c if starts_word(c) => self.word()?,
            _ => self.symbol()?,
        }
        Ok(true)
    }

    fn quoted(&mut self, quote: char, kind: TokenKind) -> Result<(), SqlError> {
        let rest = self.rest();
        let mut text = String::new();
        let mut characters = rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = characters.next() {
            if c != quote {
                text.push(c);
            } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
                characters.next();
                text.push(quote);
            } else {
                if kind == TokenKind::Quoted && text.is_empty() {
                    return Err(SqlError::prepare(1, "Invalid SQL statement - an empty delimited identifier"));
                }
                if kind == TokenKind::Quoted && (text.contains([',', '^', '.']) || text.contains("->")) {
                    return Err(SqlError::prepare(1, format!("Invalid character in delimited identifier '{text}'")));
                }
                self.push(kind, text, String::new(), at + 1);
                return Ok(());
            }
        }
        Err(SqlError::prepare(3, "Closing quote missing"))
    }

    fn host_variable(&mut self) -> Result<(), SqlError> {
        const FORM: &str = ":%qpar(";
        let rest = self.rest();
        if let Some(tail) = rest.strip_prefix(FORM)
            && let Some(close) = tail.find(')')
            && let Some(number) = tail.get(..close).and_then(|digits| digits.trim().parse::<u32>().ok())
            && (1..=65_535).contains(&number)
        {
            self.marks = self.marks.max(number);
            self.push(TokenKind::Mark(number - 1), "?".into(), String::new(), FORM.len() + close + 1);
            return Ok(());
        }
        if rest.starts_with("::") {
            return Err(SqlError::prepare(1, "Invalid SQL statement: '::' is no operator"));
        }
        // A lone colon is the separator of JSON_OBJECT; a name after it would be a host variable.
        let next = rest.chars().nth(1);
        if next.is_some_and(starts_word) && !self.colon_separates() {
            return Err(SqlError::prepare(28, "Host variable in a statement that came from outside"));
        }
        self.push(TokenKind::Symbol(":"), String::new(), String::new(), 1);
        Ok(())
    }

    /// After a string, mark or closing parenthesis a colon can only separate key and value.
    fn colon_separates(&self) -> bool {
        self.tokens
            .last()
            .is_some_and(|token| matches!(token.kind, TokenKind::String | TokenKind::Mark(_)) || token.is_symbol(")"))
    }

    fn number(&mut self) -> Result<(), SqlError> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let mut length = digits(0);
        let mut kind = TokenKind::Integer;
        if bytes.get(length) == Some(&b'.') {
            kind = TokenKind::Number;
            length += 1 + digits(length + 1);
        }
        if bytes.get(length).is_some_and(|b| matches!(b, b'e' | b'E')) {
            let sign = usize::from(bytes.get(length + 1).is_some_and(|b| matches!(b, b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent == 0 {
                return Err(SqlError::prepare(2, "Exponent digits missing after 'E'"));
            }
            kind = TokenKind::Number;
            length += 1 + sign + exponent;
        }
        let text = self.rest().get(..length).unwrap_or("").to_owned();
        if self.rest().get(length..).and_then(|r| r.chars().next()).is_some_and(|c| c.is_alphabetic() || c == '_') {
            return Err(SqlError::prepare(1, format!("Invalid SQL statement: a number runs into a name at '{text}'")));
        }
        self.push(kind, text, String::new(), length);
        Ok(())
    }

    fn special_variable(&mut self) -> Result<(), SqlError> {
        let rest = self.rest();
        if !rest.chars().nth(1).is_some_and(char::is_alphabetic) {
            return Err(SqlError::prepare(1, "Invalid SQL statement: '$' begins no term here"));
        }
        let length =
            rest.chars().skip(1).take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8).sum::<usize>();
        self.word_of(length + 1);
        Ok(())
    }

    fn word(&mut self) -> Result<(), SqlError> {
        let rest = self.rest();
        let length = rest.chars().skip(1).take_while(|c| continues_word(*c)).map(char::len_utf8).sum::<usize>();
        let length = length + rest.chars().next().map_or(0, char::len_utf8);
        if rest.starts_with('%') && length == 1 {
            return Err(SqlError::prepare(1, "Invalid SQL statement: '%' is no operator"));
        }
        self.word_of(length);
        Ok(())
    }

    fn word_of(&mut self, length: usize) {
        let text = self.rest().get(..length).unwrap_or("").to_owned();
        let upper = text.to_uppercase();
        self.push(TokenKind::Word, text, upper, length);
    }

    fn symbol(&mut self) -> Result<(), SqlError> {
        let rest = self.rest();
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.push(TokenKind::Symbol(symbol), String::new(), String::new(), symbol.len());
                Ok(())
            }
            None => {
                let c = rest.chars().next().unwrap_or(' ');
                Err(SqlError::prepare(1, format!("Invalid SQL statement: unexpected character '{c}'")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(sql: &str) -> Vec<TokenKind> {
        tokens(sql).unwrap().0.into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn marks_of_both_forms_are_counted() {
        assert_eq!(tokens("a = ? AND b = ?").unwrap().1, 2);
        assert_eq!(tokens("a = :%qpar(1) AND b = :%qpar(2)").unwrap().1, 2);
        assert_eq!(kinds(":%qpar(7)"), [TokenKind::Mark(6), TokenKind::End]);
    }

    #[test]
    fn a_hash_inside_a_name_belongs_to_it_and_alone_is_modulo() {
        assert_eq!(kinds("x#7"), [TokenKind::Word, TokenKind::End]);
        assert_eq!(kinds("x # 7"), [TokenKind::Word, TokenKind::Symbol("#"), TokenKind::Integer, TokenKind::End]);
    }

    #[test]
    fn foreign_lexical_forms_are_refused() {
        for (sql, code) in [
            ("a::int", 1),
            ("a % 2", 1),
            ("$1", 1),
            ("$$x$$", 1),
            ("a ^ 2", 1),
            ("a ~ 'x'", 1),
            ("'open", 3),
            ("\"\"", 1),
            (":name", 28),
            ("1e", 2),
            ("a & 1", 1),
            ("12abc", 1),
        ] {
            assert_eq!(tokens(sql).map(|_| ()).unwrap_err().sqlcode, code, "{sql}");
        }
    }

    #[test]
    fn quotes_double_and_comments_vanish() {
        let (all, _) = tokens("'it''s' -- note\n /* x */ \"a\"\"b\"").unwrap();
        assert_eq!(all[0].text, "it's");
        assert_eq!(all[1].text, "a\"b");
        assert_eq!(all.len(), 3);
    }
}
