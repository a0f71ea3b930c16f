//! Expressions and conditions. One grammar for both; translation refuses a condition where a value belongs.

use super::ast::{BinaryOp, CompareOp, Condition, Expr, Function, JsonKind, Literal, Name, OdbcKind};
use super::call::plain_call;
use super::{Parser, SqlError, TokenKind, is_reserved};

/// Reserved words that are functions without parentheses.
const VARIABLES: [&str; 8] = [
    "CURRENT_USER",
    "SESSION_USER",
    "SYSTEM_USER",
    "USER",
    "SYSDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
];

/// Reserved words that name a function when a parenthesis follows.
const RESERVED_FUNCTIONS: [&str; 33] = [
    "AVG",
    "BIT_LENGTH",
    "CHAR",
    "CHARACTER_LENGTH",
    "CHAR_LENGTH",
    "COALESCE",
    "COUNT",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "DATE",
    "HOUR",
    "LEFT",
    "LOWER",
    "MAX",
    "MIN",
    "MINUTE",
    "NULLIF",
    "OCTET_LENGTH",
    "RIGHT",
    "SECOND",
    "SPACE",
    "SUBSTRING",
    "SUM",
    "SYSDATE",
    "TIME",
    "TRIM",
    "UPPER",
    "USER",
    "CURRENT_USER",
    "INSERT",
    "TRUNCATE",
    "FIRST",
];

/// Collation functions: parentheses may be left out before a simple term.
const COLLATION_FUNCTIONS: [&str; 8] =
    ["%EXACT", "%SQLUPPER", "%SQLSTRING", "%UPPER", "%STRING", "%ALPHAUP", "%MVR", "%TRUNCATE"];

/// Format functions.
const FORMAT_FUNCTIONS: [&str; 6] = ["%EXTERNAL", "%INTERNAL", "%ODBCIN", "%ODBCOUT", "%PLUS", "%MINUS"];

/// `%` words that are columns.
const PSEUDO_COLUMNS: [&str; 4] = ["%ID", "%VID", "%TABLENAME", "%CLASSNAME"];

fn chain(first: Expr, rest: Vec<(BinaryOp, Expr)>) -> Expr {
    if rest.is_empty() { first } else { Expr::Binary(Box::new(first), rest) }
}

impl Parser {
    /// A condition: WHERE, HAVING, ON.
    pub(super) fn condition(&mut self) -> Result<Expr, SqlError> {
        self.expression()
    }

    /// Any expression, conditions included.
    pub(super) fn expression(&mut self) -> Result<Expr, SqlError> {
        self.enter()?;
        let first = self.conjunction()?;
        let expr = if self.is_word("OR") {
            let mut terms = vec![first];
            while self.word("OR") {
                terms.push(self.conjunction()?);
            }
            Expr::Condition(Condition::Or(terms))
        } else {
            first
        };
        self.leave();
        Ok(expr)
    }

    fn conjunction(&mut self) -> Result<Expr, SqlError> {
        let first = self.negation()?;
        if !self.is_word("AND") {
            return Ok(first);
        }
        let mut terms = vec![first];
        while self.word("AND") {
            terms.push(self.negation()?);
        }
        Ok(Expr::Condition(Condition::And(terms)))
    }

    fn negation(&mut self) -> Result<Expr, SqlError> {
        if self.word("NOT") {
            self.enter()?;
            let inner = self.negation()?;
            self.leave();
            return Ok(Expr::Condition(Condition::Not(Box::new(inner))));
        }
        if self.word("EXISTS") {
            // Django's dialect leaves the parentheses out; SQLAlchemy's doubles them.
            if self.symbol("(") {
                let query = self.query(true)?;
                self.expect_symbol(")")?;
                return Ok(Expr::Condition(Condition::Exists(Box::new(query))));
            }
            if self.is_word("SELECT") {
                return Ok(Expr::Condition(Condition::Exists(Box::new(self.query(true)?))));
            }
            return Err(self.expected("("));
        }
        if self.is_word("FOR") && self.ahead(1).is_word("SOME") {
            return Err(SqlError::prepare(1, "FOR SOME is not supported here"));
        }
        let left = self.value()?;
        self.predicate(left)
    }

    /// The rest of a predicate behind its first operand; the operand itself when none follows.
    fn predicate(&mut self, left: Expr) -> Result<Expr, SqlError> {
        if let Some(op) = self.compare_op() {
            let all = self.is_word("ALL");
            if all || self.is_word("ANY") || self.is_word("SOME") {
                self.advance();
                self.expect_symbol("(")?;
                let query = self.query(true)?;
                self.expect_symbol(")")?;
                return Ok(Expr::Condition(Condition::CompareQuery {
                    op,
                    all,
                    expr: Box::new(left),
                    query: Box::new(query),
                }));
            }
            let right = self.value()?;
            return Ok(Expr::Condition(Condition::Compare(op, Box::new(left), Box::new(right))));
        }
        if self.symbol("[") {
            let part = self.value()?;
            return Ok(Expr::Condition(Condition::Contains { expr: Box::new(left), part: Box::new(part), not: false }));
        }
        if self.word("IS") {
            let not = self.word("NOT");
            if self.word("NULL") {
                return Ok(Expr::Condition(Condition::IsNull { expr: Box::new(left), not }));
            }
            if self.word("JSON") {
                let kind = if self.word("SCALAR") {
                    JsonKind::Scalar
                } else if self.word("ARRAY") {
                    JsonKind::Array
                } else if self.word("OBJECT") {
                    JsonKind::Object
                } else {
                    self.word("VALUE");
                    JsonKind::Value
                };
                return Ok(Expr::Condition(Condition::IsJson { expr: Box::new(left), kind, not }));
            }
            return Err(self.expected("NULL or JSON"));
        }
        let before = self.at;
        let not = self.word("NOT");
        let expr = Box::new(left);
        if self.word("IN") {
            return self.membership(expr, not);
        }
        if self.word("BETWEEN") {
            let low = Box::new(self.value()?);
            self.expect_word("AND")?;
            let high = Box::new(self.value()?);
            return Ok(Expr::Condition(Condition::Between { expr, low, high, not }));
        }
        if self.word("LIKE") {
            let pattern = Box::new(self.value()?);
            let escape = if self.word("ESCAPE") { Some(Box::new(self.value()?)) } else { None };
            return Ok(Expr::Condition(Condition::Like { expr, pattern, escape, not }));
        }
        if self.word("%STARTSWITH") {
            let prefix = Box::new(self.value()?);
            return Ok(Expr::Condition(Condition::StartsWith { expr, prefix, not }));
        }
        if self.word("%CONTAINS") {
            self.expect_symbol("(")?;
            let part = Box::new(self.value()?);
            self.expect_symbol(")")?;
            return Ok(Expr::Condition(Condition::Contains { expr, part, not }));
        }
        if self.word("%MATCHES") {
            let pattern = Box::new(self.value()?);
            return Ok(Expr::Condition(Condition::Matches { expr, pattern, not }));
        }
        if self.word("%PATTERN") {
            let pattern = Box::new(self.value()?);
            return Ok(Expr::Condition(Condition::Pattern { expr, pattern, not }));
        }
        if self.word("%INLIST") {
            let list = Box::new(self.value()?);
            if self.word("SIZE") {
                self.value()?;
            }
            return Ok(Expr::Condition(Condition::InList { expr, list, not }));
        }
        if not {
            self.at = before;
            return Err(self.expected("predicate"));
        }
        Ok(*expr)
    }

    fn membership(&mut self, expr: Box<Expr>, not: bool) -> Result<Expr, SqlError> {
        self.expect_symbol("(")?;
        if self.query_ahead() {
            let query = Box::new(self.query(true)?);
            self.expect_symbol(")")?;
            return Ok(Expr::Condition(Condition::InQuery { expr, query, not }));
        }
        let values = self.values_until_close()?;
        Ok(Expr::Condition(Condition::InValues { expr, values, not }))
    }

    fn compare_op(&mut self) -> Option<CompareOp> {
        let op = match self.token().kind {
            TokenKind::Symbol("=") => CompareOp::Equal,
            TokenKind::Symbol("<>" | "!=") => CompareOp::NotEqual,
            TokenKind::Symbol("<") => CompareOp::Less,
            TokenKind::Symbol("<=" | "!>") => CompareOp::LessEqual,
            TokenKind::Symbol(">") => CompareOp::Greater,
            TokenKind::Symbol(">=" | "!<") => CompareOp::GreaterEqual,
            _ => return None,
        };
        self.advance();
        Some(op)
    }

    /// A value expression: `||` binds weakest, then `+ -`, then `* / \ #`.
    pub(super) fn value(&mut self) -> Result<Expr, SqlError> {
        self.enter()?;
        let first = self.sum()?;
        let mut rest = Vec::new();
        while self.symbol("||") {
            rest.push((BinaryOp::Concat, self.sum()?));
        }
        self.leave();
        Ok(chain(first, rest))
    }

    fn sum(&mut self) -> Result<Expr, SqlError> {
        let first = self.product()?;
        let mut rest = Vec::new();
        loop {
            let op = match self.token().kind {
                TokenKind::Symbol("+") => BinaryOp::Add,
                TokenKind::Symbol("-") => BinaryOp::Subtract,
                _ => return Ok(chain(first, rest)),
            };
            self.advance();
            rest.push((op, self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expr, SqlError> {
        let first = self.unary()?;
        let mut rest = Vec::new();
        loop {
            let op = match self.token().kind {
                TokenKind::Symbol("*") => BinaryOp::Multiply,
                TokenKind::Symbol("/") => BinaryOp::Divide,
                TokenKind::Symbol("\\") => BinaryOp::IntegerDivide,
                TokenKind::Symbol("#") => BinaryOp::Modulo,
                _ => return Ok(chain(first, rest)),
            };
            self.advance();
            rest.push((op, self.unary()?));
        }
    }

    fn unary(&mut self) -> Result<Expr, SqlError> {
        if self.symbol("-") {
            self.enter()?;
            let inner = self.unary()?;
            self.leave();
            return Ok(Expr::Negate(Box::new(inner)));
        }
        if self.symbol("+") {
            return self.term();
        }
        let mut term = self.term()?;
        while self.symbol("->") {
            let field = self.name()?;
            term = Expr::Arrow(Box::new(term), field);
        }
        Ok(term)
    }

    fn term_expected(&self) -> SqlError {
        SqlError::prepare(
            12,
            format!(
                "A term expected, beginning with one of the following: identifier, constant, aggregate, %ALPHAUP, %EXACT, \
                 %MVR, %SQLSTRING, %SQLUPPER, %STRING, %TRUNCATE, %UPPER, $$, :, +, -, (, NOT, EXISTS, or FOR, {} found",
                self.token().shown()
            ),
        )
    }

    fn term(&mut self) -> Result<Expr, SqlError> {
        let token = self.token().clone();
        match token.kind {
            TokenKind::Integer => {
                self.advance();
                Ok(Expr::Literal(Literal::Integer(token.text)))
            }
            TokenKind::Number => {
                self.advance();
                Ok(Expr::Literal(Literal::Number(token.text)))
            }
            TokenKind::String => {
                self.advance();
                Ok(Expr::Literal(Literal::String(token.text)))
            }
            TokenKind::Mark(mark) => {
                self.advance();
                Ok(Expr::Mark(mark))
            }
            TokenKind::Quoted => self.column_or_call(),
            TokenKind::Symbol("(") => self.parenthesised(),
            TokenKind::Symbol("{") => self.braced(),
            TokenKind::Word => self.word_term(),
            TokenKind::Symbol(_) | TokenKind::End => Err(self.term_expected()),
        }
    }

    fn parenthesised(&mut self) -> Result<Expr, SqlError> {
        if self.ahead(1).is_word("SELECT") || self.ahead(1).is_word("WITH") {
            self.advance();
            let query = self.query(true)?;
            self.expect_symbol(")")?;
            return Ok(Expr::Subquery(Box::new(query)));
        }
        self.advance();
        let inner = self.expression()?;
        self.expect_symbol(")")?;
        Ok(inner)
    }

    /// `{d ..}`, `{t ..}`, `{ts ..}`, `{fn ..}`.
    fn braced(&mut self) -> Result<Expr, SqlError> {
        self.advance();
        let kind = match self.token().upper.as_str() {
            "D" => Some(OdbcKind::Date),
            "T" => Some(OdbcKind::Time),
            "TS" => Some(OdbcKind::Timestamp),
            "FN" => None,
            _ => return Err(SqlError::prepare(40, "ODBC escape extension expected: d, t, ts or fn")),
        };
        self.advance();
        let expr = match kind {
            Some(kind) => Expr::OdbcLiteral(kind, Box::new(self.value()?)),
            None => match self.word_term()? {
                Expr::Function(function) => Expr::Function(Function { braced: true, ..function }),
                other @ (Expr::Convert { .. } | Expr::Variable(_)) => other,
                _ => return Err(SqlError::prepare(41, "Function expected within {fn ..}")),
            },
        };
        self.expect_symbol("}")?;
        Ok(expr)
    }

    fn word_term(&mut self) -> Result<Expr, SqlError> {
        let token = self.token().clone();
        let word = token.upper.as_str();
        let call = self.ahead(1).is_symbol("(");
        match word {
            "NULL" => {
                self.advance();
                return Ok(Expr::Null);
            }
            "CASE" => return self.case(),
            "CAST" if call => return self.cast(),
            "CONVERT" if call => return self.convert(),
            "JSON_OBJECT" if call => return self.json_object(),
            "JSON_ARRAY" if call => return self.json_array(),
            "POSITION" if call => return self.position(),
            "TRIM" if call => return self.trim(),
            "SUBSTRING" if call => return self.substring(),
            "EXTRACT" if call => {
                return Err(SqlError::prepare(359, "User defined SQL function 'EXTRACT' does not exist"));
            }
            _ => {}
        }
        if COLLATION_FUNCTIONS.contains(&word) || FORMAT_FUNCTIONS.contains(&word) {
            if call {
                return self.call(token.text.clone());
            }
            self.advance();
            let argument = self.term()?;
            return Ok(Expr::Function(plain_call(&token.text, vec![argument])));
        }
        if PSEUDO_COLUMNS.contains(&word) {
            self.advance();
            return Ok(Expr::Column(vec![Name(token.upper)]));
        }
        if word.starts_with('$') {
            if call {
                return self.call(token.text.clone());
            }
            self.advance();
            return Ok(Expr::Variable(token.upper));
        }
        if call && RESERVED_FUNCTIONS.contains(&word) {
            return self.call(token.text.clone());
        }
        if VARIABLES.contains(&word) {
            self.advance();
            return Ok(Expr::Variable(token.upper));
        }
        if is_reserved(word) {
            return Err(self.term_expected());
        }
        self.column_or_call()
    }

    /// `name`, `t.name`, `s.t.name`, `f(..)`, `schema.f(..)`.
    fn column_or_call(&mut self) -> Result<Expr, SqlError> {
        if !self.is_name() {
            return Err(self.term_expected());
        }
        let mut parts = vec![self.name()?];
        while self.symbol(".") {
            if let Some(pseudo) = PSEUDO_COLUMNS.iter().find(|word| self.is_word(word)) {
                self.advance();
                parts.push(Name((*pseudo).to_owned()));
                break;
            }
            parts.push(self.name()?);
            if parts.len() > 3 {
                return Err(self.expected("end of field name"));
            }
        }
        if self.is_symbol("(") {
            let name = parts.iter().map(|part| part.0.as_str()).collect::<Vec<_>>().join(".");
            self.at -= 1;
            return self.call(name);
        }
        Ok(Expr::Column(parts))
    }

    fn case(&mut self) -> Result<Expr, SqlError> {
        self.enter()?;
        self.advance();
        let operand = if self.is_word("WHEN") { None } else { Some(Box::new(self.value()?)) };
        let mut branches = Vec::new();
        while self.word("WHEN") {
            let when = if operand.is_some() { self.value()? } else { self.condition()? };
            self.expect_word("THEN")?;
            branches.push((when, self.value()?));
        }
        if branches.is_empty() {
            return Err(self.expected("WHEN"));
        }
        let otherwise = if self.word("ELSE") { Some(Box::new(self.value()?)) } else { None };
        self.expect_word("END")?;
        self.leave();
        Ok(Expr::Case { operand, branches, otherwise })
    }
}
