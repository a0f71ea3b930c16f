//! Calls: plain functions, windows, and the functions with a grammar of their own.

use super::ast::{Expr, Frame, FrameBound, Function, Literal, TypeName, Window};
use super::{Parser, SqlError, TRIM_LEADING, TRIM_TRAILING, TokenKind};

/// Functions whose first argument is a date part, as a bare word or a string.
const DATE_PART_FUNCTIONS: [&str; 7] =
    ["DATEADD", "DATEDIFF", "DATEPART", "DATENAME", "DATE_TRUNC", "TIMESTAMPADD", "TIMESTAMPDIFF"];

impl Parser {
    /// Arguments of a function whose name is the current token.
    pub(super) fn call(&mut self, name: String) -> Result<Expr, SqlError> {
        self.enter()?;
        self.advance();
        self.expect_symbol("(")?;
        let upper = name.to_uppercase();
        let mut function = plain_call(&name, Vec::new());
        if self.symbol("*") {
            function.star = true;
            self.expect_symbol(")")?;
        } else if !self.symbol(")") {
            function.distinct = self.word("DISTINCT");
            if function.distinct && self.word("BY") {
                return Err(SqlError::prepare(1, "DISTINCT BY in an aggregate is not supported"));
            }
            if !function.distinct {
                self.word("ALL");
            }
            let bare_word = self.token().kind == TokenKind::Word && self.ahead(1).is_symbol(",");
            if DATE_PART_FUNCTIONS.contains(&upper.as_str()) && bare_word {
                function.arguments.push(Expr::Literal(Literal::String(self.token().text.clone())));
                self.advance();
            } else {
                function.arguments.push(self.value()?);
            }
            while self.symbol(",") {
                // The element type of a vector is a bare word, reserved or not.
                if upper == "TO_VECTOR" && self.token().kind == TokenKind::Word && function.arguments.len() == 1 {
                    function.arguments.push(Expr::Literal(Literal::String(self.token().text.clone())));
                    self.advance();
                } else {
                    function.arguments.push(self.value()?);
                }
            }
            if self.is_word("%FOREACH") || self.is_word("%AFTERHAVING") {
                return Err(SqlError::prepare(1, format!("{} is not supported", self.token().shown())));
            }
            self.expect_symbol(")")?;
        }
        if self.is_word("FILTER") && self.ahead(1).is_symbol("(") || self.words_ahead(&["WITHIN", "GROUP"]) {
            return Err(SqlError::prepare(
                25,
                format!("Input ({}) encountered after end of query", self.token().shown()),
            ));
        }
        if self.word("OVER") {
            function.over = Some(self.window()?);
        }
        self.leave();
        Ok(Expr::Function(function))
    }

    fn window(&mut self) -> Result<Window, SqlError> {
        self.expect_symbol("(")?;
        let mut window = Window { partition_by: Vec::new(), order_by: Vec::new(), frame: None };
        if self.words(&["PARTITION", "BY"]) {
            window.partition_by.push(self.value()?);
            while self.symbol(",") {
                window.partition_by.push(self.value()?);
            }
        }
        if self.words(&["ORDER", "BY"]) {
            window.order_by = self.order_items()?;
        }
        // There are frames of rows only.
        if self.word("ROWS") {
            window.frame = Some(if self.word("BETWEEN") {
                let start = self.frame_bound()?;
                self.expect_word("AND")?;
                Frame { start, end: Some(self.frame_bound()?) }
            } else {
                Frame { start: self.frame_bound()?, end: None }
            });
        }
        self.expect_symbol(")")?;
        Ok(window)
    }

    fn frame_bound(&mut self) -> Result<FrameBound, SqlError> {
        if self.words(&["UNBOUNDED", "PRECEDING"]) {
            return Ok(FrameBound::UnboundedPreceding);
        }
        if self.words(&["UNBOUNDED", "FOLLOWING"]) {
            return Ok(FrameBound::UnboundedFollowing);
        }
        if self.words(&["CURRENT", "ROW"]) {
            return Ok(FrameBound::CurrentRow);
        }
        let TokenKind::Integer = self.token().kind else { return Err(self.expected("frame bound")) };
        let Ok(rows) = self.token().text.parse::<u64>() else { return Err(self.expected("frame bound")) };
        self.advance();
        if self.word("PRECEDING") {
            Ok(FrameBound::Preceding(rows))
        } else if self.word("FOLLOWING") {
            Ok(FrameBound::Following(rows))
        } else {
            Err(self.expected("PRECEDING or FOLLOWING"))
        }
    }

    pub(super) fn cast(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let expr = self.value()?;
        self.expect_word("AS")?;
        let data_type = self.type_name()?;
        self.expect_symbol(")")?;
        Ok(Expr::Cast(Box::new(expr), data_type))
    }

    /// `CONVERT(type, x [, style])`, and the ODBC form `{fn CONVERT(x, SQL_TYPE)}`.
    pub(super) fn convert(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let before = self.at;
        if self.token().kind == TokenKind::Word
            && let Ok(data_type) = self.type_name()
            && self.symbol(",")
        {
            let ahead_is_odbc = self.token().upper.starts_with("SQL_") && self.ahead(1).is_symbol(")");
            if !ahead_is_odbc {
                let expr = Box::new(self.value()?);
                let style = if self.symbol(",") { Some(Box::new(self.value()?)) } else { None };
                self.expect_symbol(")")?;
                return Ok(Expr::Convert { data_type, expr, style });
            }
        }
        self.at = before;
        let expr = Box::new(self.value()?);
        self.expect_symbol(",")?;
        let Some(name) = self.token().upper.strip_prefix("SQL_").map(str::to_owned) else {
            return Err(self.expected("SQL_ data type"));
        };
        self.advance();
        self.expect_symbol(")")?;
        let arguments = if name == "VARCHAR" { vec![String::new()] } else { Vec::new() };
        Ok(Expr::Convert { data_type: TypeName { name, arguments }, expr, style: None })
    }

    pub(super) fn position(&mut self) -> Result<Expr, SqlError> {
        let name = self.token().text.clone();
        self.at += 2;
        let part = self.value()?;
        if !self.word("IN") {
            self.expect_symbol(",")?;
        }
        let text = self.value()?;
        self.expect_symbol(")")?;
        Ok(Expr::Function(plain_call(&name, vec![part, text])))
    }

    /// The arguments become (text, characters); the name says which ends.
    pub(super) fn trim(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let name = if self.word("LEADING") {
            TRIM_LEADING
        } else if self.word("TRAILING") {
            TRIM_TRAILING
        } else {
            self.word("BOTH");
            "TRIM"
        };
        if self.word("FROM") {
            let text = self.value()?;
            self.expect_symbol(")")?;
            return Ok(Expr::Function(plain_call(name, vec![text])));
        }
        let first = self.value()?;
        let arguments = if self.word("FROM") { vec![self.value()?, first] } else { vec![first] };
        self.expect_symbol(")")?;
        Ok(Expr::Function(plain_call(name, arguments)))
    }

    pub(super) fn substring(&mut self) -> Result<Expr, SqlError> {
        let name = self.token().text.clone();
        self.at += 2;
        let mut arguments = vec![self.value()?];
        if self.word("FROM") {
            arguments.push(self.value()?);
            if self.word("FOR") {
                arguments.push(self.value()?);
            }
        } else {
            while self.symbol(",") {
                arguments.push(self.value()?);
            }
        }
        self.expect_symbol(")")?;
        Ok(Expr::Function(plain_call(&name, arguments)))
    }

    fn null_handling(&mut self, default: bool) -> Result<bool, SqlError> {
        if self.word("ABSENT") {
            self.expect_word("ON")?;
            self.expect_word("NULL")?;
            return Ok(true);
        }
        if self.words(&["NULL", "ON"]) {
            self.expect_word("NULL")?;
            return Ok(false);
        }
        Ok(default)
    }

    pub(super) fn json_object(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let mut pairs = Vec::new();
        if !self.is_symbol(")") {
            loop {
                let key = self.value()?;
                if !self.symbol(":") {
                    self.expect_symbol(",")?;
                }
                pairs.push((key, self.value()?));
                if !self.symbol(",") {
                    break;
                }
            }
        }
        let absent_on_null = self.null_handling(false)?;
        self.expect_symbol(")")?;
        Ok(Expr::JsonObject { pairs, absent_on_null })
    }

    pub(super) fn json_array(&mut self) -> Result<Expr, SqlError> {
        self.at += 2;
        let mut items = Vec::new();
        if !self.is_symbol(")") {
            items.push(self.value()?);
            while self.symbol(",") {
                items.push(self.value()?);
            }
        }
        let absent_on_null = self.null_handling(false)?;
        self.expect_symbol(")")?;
        Ok(Expr::JsonArray { items, absent_on_null })
    }
}

pub(super) fn plain_call(name: &str, arguments: Vec<Expr>) -> Function {
    Function { name: name.to_owned(), arguments, star: false, distinct: false, over: None, braced: false }
}
