//! The grammar of IRIS SQL by recursive descent over its own tokens.
//!
//! A general SQL parser accepts a superset of every dialect and hides which spelling it read (`==`, `LIMIT 5, 10`, a
//! trailing comma); a stand-in that has to refuse what IRIS refuses needs a grammar that has only what IRIS has.

pub(super) mod ast;
mod call;
mod dml;
mod expr;
mod lex;
mod query;
mod reserved;

use super::SqlError;
use ast::{Isolation, Name, ObjectName, Statement, Transaction, TypeName};
pub(super) use lex::{Token, TokenKind, tokens};
pub(super) use reserved::is_reserved;

/// What `TRIM(LEADING ..)` and `TRIM(TRAILING ..)` become: no name of a function has a blank.
pub(super) const TRIM_LEADING: &str = "TRIM LEADING";
pub(super) const TRIM_TRAILING: &str = "TRIM TRAILING";

/// Deeper nesting than this is refused (-1). A pair of parentheses takes two. Measured: what is accepted runs in half of
/// the stack that a connection has (`tests/nesting.rs`).
const DEPTH_MAX: u32 = 200;

/// A statement and how many marks it has (the highest number used).
#[derive(Debug)]
pub(super) struct Parsed {
    pub statement: Statement,
    pub marks_count: u32,
    /// A common table expression stands in it: -385 for a client whose protocol is too old.
    pub has_common_tables: bool,
}

/// Parses one statement that is no definition (`ddl` reads those). What follows its end is refused (-25).
pub(super) fn parse(sql: &str) -> Result<Parsed, SqlError> {
    let (tokens, marks_count) = tokens(sql)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, query_depth: 0, has_common_tables: false };
    let statement = parser.statement()?;
    parser.end()?;
    Ok(Parsed { statement, marks_count, has_common_tables: parser.has_common_tables })
}

/// Parses a query that stands alone: the text of a view, the source of CREATE TABLE AS.
pub(super) fn parse_query(sql: &str) -> Result<ast::Query, SqlError> {
    let (tokens, _) = tokens(sql)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, query_depth: 0, has_common_tables: false };
    let query = parser.query(false)?;
    parser.end()?;
    Ok(query)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    query_depth: u32,
    has_common_tables: bool,
}

impl Parser {
    fn token(&self) -> &Token {
        self.ahead(0)
    }

    /// The n-th token from here; the end token repeats.
    fn ahead(&self, n: usize) -> &Token {
        static END: Token = Token { kind: TokenKind::End, text: String::new(), upper: String::new(), start: 0, end: 0 };
        self.tokens.get(self.at.saturating_add(n)).or_else(|| self.tokens.last()).unwrap_or(&END)
    }

    fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn is_word(&self, word: &str) -> bool {
        self.token().is_word(word)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.token().is_symbol(symbol)
    }

    fn words_ahead(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.ahead(n).is_word(word))
    }

    /// Takes the word if it is there.
    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes all the words if they are there.
    fn words(&mut self, words: &[&str]) -> bool {
        let found = self.words_ahead(words);
        if found {
            self.at += words.len();
        }
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), SqlError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.expected(symbol)) }
    }

    fn expected(&self, what: &str) -> SqlError {
        SqlError::prepare(1, format!("{what} expected, {} found", self.token().shown()))
    }

    fn end(&self) -> Result<(), SqlError> {
        match self.token().kind {
            TokenKind::End => Ok(()),
            _ => Err(SqlError::prepare(25, format!("Input ({}) encountered after end of query", self.token().shown()))),
        }
    }

    /// One level down; the caller calls `leave`.
    fn enter(&mut self) -> Result<(), SqlError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(SqlError::prepare(1, "statement is nested too deeply")) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether the next token can be an identifier.
    fn is_name(&self) -> bool {
        match self.token().kind {
            TokenKind::Quoted => true,
            TokenKind::Word => !self.token().upper.starts_with('$') && !is_reserved(&self.token().upper),
            _ => false,
        }
    }

    fn name(&mut self) -> Result<Name, SqlError> {
        if !self.is_name() {
            return Err(self.expected("IDENTIFIER"));
        }
        let name = Name(self.token().text.clone());
        self.advance();
        Ok(name)
    }

    /// `AS name`, or a bare name that begins no clause.
    fn alias(&mut self) -> Result<Option<Name>, SqlError> {
        if self.word("AS") {
            return self.name().map(Some);
        }
        let token = self.token();
        let begins_clause = token.kind == TokenKind::Word
            && matches!(
                token.upper.as_str(),
                "ORDER"
                    | "LIMIT"
                    | "OFFSET"
                    | "WINDOW"
                    | "TABLESAMPLE"
                    | "QUALIFY"
                    | "LATERAL"
                    | "RETURNING"
                    | "FILTER"
            );
        if self.is_name() && !begins_clause && !(token.kind == TokenKind::Word && token.upper.starts_with('%')) {
            return self.name().map(Some);
        }
        Ok(None)
    }

    fn object_name(&mut self) -> Result<ObjectName, SqlError> {
        let first = self.name()?;
        if self.symbol(".") {
            let name = self.name()?;
            if self.is_symbol(".") {
                return Err(self.expected("end of table name"));
            }
            return Ok(ObjectName { schema: Some(first), name });
        }
        Ok(ObjectName { schema: None, name: first })
    }

    fn names_in_parentheses(&mut self) -> Result<Vec<Name>, SqlError> {
        self.expect_symbol("(")?;
        let mut names = vec![self.name()?];
        while self.symbol(",") {
            names.push(self.name()?);
        }
        self.expect_symbol(")")?;
        Ok(names)
    }

    /// A type name: words, then arguments in parentheses.
    fn type_name(&mut self) -> Result<TypeName, SqlError> {
        if self.token().kind != TokenKind::Word {
            return Err(self.expected("data type"));
        }
        let mut name = self.token().upper.clone();
        if name.starts_with('%') {
            name = self.token().text.clone();
        }
        self.advance();
        while self.symbol(".") {
            name.push('.');
            name.push_str(&self.token().text);
            self.advance();
        }
        for [first, second] in [
            ["DOUBLE", "PRECISION"],
            ["LONG", "BINARY"],
            ["LONG", "VARCHAR"],
            ["LONG", "RAW"],
            ["CHAR", "VARYING"],
            ["CHARACTER", "VARYING"],
            ["BINARY", "VARYING"],
            ["NATIONAL", "CHAR"],
            ["NATIONAL", "VARCHAR"],
        ] {
            if name == first && self.word(second) {
                name.push(' ');
                name.push_str(second);
            }
        }
        let mut arguments = Vec::new();
        if self.symbol("(") {
            loop {
                match self.token().kind {
                    TokenKind::Integer | TokenKind::String | TokenKind::Word | TokenKind::Number => {
                        arguments.push(self.token().text.clone());
                        self.advance();
                    }
                    _ => return Err(self.expected("length")),
                }
                if !self.symbol(",") {
                    break;
                }
            }
            self.expect_symbol(")")?;
        }
        Ok(TypeName { name, arguments })
    }

    fn statement(&mut self) -> Result<Statement, SqlError> {
        let token = self.token().clone();
        if token.is_symbol("(") {
            return self.query(false).map(Statement::Query);
        }
        if token.kind != TokenKind::Word {
            return Err(SqlError::prepare(1, format!("Invalid SQL statement: {} found", token.shown())));
        }
        match token.upper.as_str() {
            "WITH" if self.with_changes() => {
                Err(SqlError::prepare(383, "A common table expression can be used in a SELECT only"))
            }
            "SELECT" | "WITH" => self.query(false).map(Statement::Query),
            "EXPLAIN" => {
                self.advance();
                self.query(false).map(Statement::Explain)
            }
            "INSERT" => self.insert().map(Statement::Insert),
            "UPDATE" => self.update().map(Statement::Update),
            "DELETE" => self.delete().map(Statement::Delete),
            "CALL" => self.call_statement(),
            "SET" if self.ahead(1).is_word("OPTION") => {
                self.at = self.tokens.len().saturating_sub(1);
                Ok(Statement::Accepted)
            }
            "%CHECKPRIV" => {
                self.at = self.tokens.len().saturating_sub(1);
                Ok(Statement::Accepted)
            }
            _ => self.transaction().map(Statement::Transaction),
        }
    }

    /// Whether the statement behind WITH is INSERT, UPDATE or DELETE: the first such word outside of parentheses.
    fn with_changes(&self) -> bool {
        let mut depth = 0_usize;
        for token in self.tokens.iter().skip(self.at) {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            } else if depth == 0 && token.kind == TokenKind::Word {
                match token.upper.as_str() {
                    "SELECT" => return false,
                    "INSERT" | "UPDATE" | "DELETE" => return true,
                    _ => {}
                }
            }
        }
        false
    }

    /// There are no stored procedures here.
    fn call_statement(&mut self) -> Result<Statement, SqlError> {
        self.advance();
        let name = self.object_name()?;
        Err(SqlError::prepare(428, format!("Stored procedure '{}' not found", name.name.0)))
    }

    fn transaction(&mut self) -> Result<Transaction, SqlError> {
        if self.words(&["START", "TRANSACTION"]) {
            if self.word("%COMMITMODE") {
                self.commit_mode()?;
                return Ok(Transaction::Start(None));
            }
            return self.transaction_modes().map(Transaction::Start);
        }
        if self.words(&["SET", "TRANSACTION"]) {
            if self.word("%COMMITMODE") {
                self.commit_mode()?;
                return Ok(Transaction::SetIsolation(None));
            }
            let before = self.at;
            let isolation = self.transaction_modes()?;
            if before == self.at {
                return Err(self.expected("ISOLATION LEVEL"));
            }
            return Ok(Transaction::SetIsolation(isolation));
        }
        if self.word("COMMIT") {
            self.word("WORK");
            return Ok(Transaction::Commit);
        }
        if self.word("ROLLBACK") {
            self.word("WORK");
            if self.word("TO") {
                self.expect_word("SAVEPOINT")?;
                return self.savepoint_name().map(Transaction::RollbackTo);
            }
            return Ok(Transaction::Rollback);
        }
        if self.word("SAVEPOINT") {
            return self.savepoint_name().map(Transaction::Savepoint);
        }
        if self.word("%INTRANSACTION") || self.word("%INTRANS") {
            return Ok(Transaction::IsOpen);
        }
        Err(SqlError::prepare(1, format!("Invalid SQL statement: {} begins none", self.token().shown())))
    }

    fn commit_mode(&mut self) -> Result<(), SqlError> {
        if ["EXPLICIT", "IMPLICIT", "NONE"].iter().any(|mode| self.word(mode)) {
            Ok(())
        } else {
            Err(self.expected("commit mode"))
        }
    }

    /// An access mode without a level changes the level to the one that goes with it: only READ COMMITTED reads and
    /// writes, and a reader is back at the default.
    ///
    /// # Errors
    /// -91 a mode twice, -92 READ WRITE with another level than READ COMMITTED.
    fn transaction_modes(&mut self) -> Result<Option<Isolation>, SqlError> {
        let mut isolation = None;
        let mut writes = None;
        loop {
            if self.words(&["ISOLATION", "LEVEL"]) {
                let level = if self.words(&["READ", "UNCOMMITTED"]) {
                    Isolation::ReadUncommitted
                } else if self.words(&["READ", "COMMITTED"]) {
                    Isolation::ReadCommitted
                } else if self.words(&["READ", "VERIFIED"]) {
                    Isolation::ReadVerified
                } else {
                    return Err(self.expected("READ UNCOMMITTED, READ COMMITTED or READ VERIFIED"));
                };
                if isolation.replace(level).is_some() {
                    return Err(SqlError::prepare(91, "ISOLATION LEVEL is specified more than once"));
                }
            } else if self.words_ahead(&["READ", "ONLY"]) || self.words_ahead(&["READ", "WRITE"]) {
                let is_write = self.ahead(1).is_word("WRITE");
                self.at += 2;
                if writes.replace(is_write).is_some() {
                    return Err(SqlError::prepare(91, "The access mode is specified more than once"));
                }
            } else {
                break;
            }
            if !self.symbol(",") {
                break;
            }
        }
        match (isolation, writes) {
            (Some(Isolation::ReadUncommitted | Isolation::ReadVerified), Some(true)) => {
                Err(SqlError::prepare(92, "READ WRITE needs ISOLATION LEVEL READ COMMITTED"))
            }
            (None, Some(true)) => Ok(Some(Isolation::ReadCommitted)),
            (None, Some(false)) => Ok(Some(Isolation::ReadUncommitted)),
            (isolation, _) => Ok(isolation),
        }
    }

    /// -301 missing or reserved, -302 begins with SYS.
    fn savepoint_name(&mut self) -> Result<Name, SqlError> {
        if !self.is_name() {
            return Err(SqlError::prepare(301, "No savepoint name specified"));
        }
        let name = self.name()?;
        if name.0.to_uppercase().starts_with("SYS") {
            return Err(SqlError::prepare(302, format!("Savepoint name '{}' is reserved", name.0)));
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests;
