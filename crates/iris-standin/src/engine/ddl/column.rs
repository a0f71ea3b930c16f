//! Column definitions, defaults and the constraints that CREATE TABLE and ALTER TABLE share.

use super::super::catalog::{Collation, ColumnDef, DefaultExpr, IdentityKind, ReferentialAction};
use super::super::parse::TokenKind;
use super::super::types::DataType;
use super::super::value::SqlError;
use super::cursor::{Cursor, ObjectName};
use super::object_script;

/// A column with the constraints written beside it.
#[derive(Debug)]
pub(super) struct ParsedColumn {
    pub column: ColumnDef,
    pub primary_key: bool,
    pub unique: bool,
    pub references: Option<Reference>,
}

/// REFERENCES and what follows.
#[derive(Debug)]
pub(super) struct Reference {
    pub table: ObjectName,
    /// Empty: the primary key.
    pub columns: Vec<String>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
    pub no_check: bool,
}

/// A constraint of the table.
#[derive(Debug)]
pub(super) enum ParsedConstraint {
    PrimaryKey { name: Option<String>, columns: Vec<String> },
    Unique { name: Option<String>, columns: Vec<String> },
    ForeignKey { name: Option<String>, columns: Vec<String>, reference: Reference },
}

impl Cursor<'_> {
    /// `name type [constraints]`. `table` is `schema.table`, for texts.
    pub(super) fn column_definition(&mut self, table: &str) -> Result<ParsedColumn, SqlError> {
        let name = self.identifier()?;
        let (data_type, identity) = self.column_type(table, &name)?;
        let mut parsed = ParsedColumn {
            column: ColumnDef { identity, ..ColumnDef::new(name, data_type) },
            primary_key: false,
            unique: false,
            references: None,
        };
        while self.column_option(&mut parsed)? {}
        if parsed.column.identity == IdentityKind::Identity {
            if !parsed.column.data_type.is_integer() && parsed.column.data_type.scale() != 0 {
                return Err(SqlError::prepare(1, "IDENTITY columns hold integers"));
            }
            parsed.column.not_null = true;
        }
        Ok(parsed)
    }

    /// A type in place of a column's: `IDENTITY`, `SERIAL` and `ROWVERSION` say how the value comes about too.
    pub(super) fn column_type(&mut self, table: &str, column: &str) -> Result<(DataType, IdentityKind), SqlError> {
        if self.is_word("IDENTITY") || self.is_word("AUTO_INCREMENT") {
            self.advance();
            if self.is_symbol("(") {
                self.skip_parentheses()?;
            }
            return Ok((DataType::BigInt, IdentityKind::Identity));
        }
        let (name, arguments) = self.type_name()?;
        let data_type = match DataType::from_ddl(&name, &arguments, &format!("{table}:{column}")) {
            // The class compiler comes after the parser: a fault of grammar further on is told first.
            Err(error) if error.sqlcode == 400 => {
                self.defer(error);
                DataType::Integer
            }
            result => result?,
        };
        let counter = name.eq_ignore_ascii_case("SERIAL") || name == "%Counter" || name == "%Library.Counter";
        Ok((data_type, if counter { IdentityKind::SerialCounter } else { IdentityKind::No }))
    }

    /// Takes one option of a column; false when there is none.
    fn column_option(&mut self, parsed: &mut ParsedColumn) -> Result<bool, SqlError> {
        let column = &mut parsed.column;
        if let Some(collation) = self.collation()? {
            column.collation = collation;
        } else if self.take_word("IDENTITY") || self.take_word("AUTO_INCREMENT") {
            if self.is_symbol("(") {
                self.skip_parentheses()?;
            }
            column.identity = IdentityKind::Identity;
        } else if self.take_word("%DESCRIPTION") {
            column.description = Some(self.string()?);
        } else if self.take_words(&["NOT", "NULL"]) {
            column.not_null = true;
        } else if self.take_word("NULL") {
            column.not_null = false;
        } else if self.take_word("UNIQUE") {
            parsed.unique = true;
        } else if self.take_words(&["PRIMARY", "KEY"]) {
            parsed.primary_key = true;
        } else if self.take_word("DEFAULT") {
            column.default = Some(self.default_expression()?);
        } else if self.take_words(&["ON", "UPDATE"]) {
            column.on_update = Some(self.default_expression()?);
        } else if self.is_word("REFERENCES") {
            parsed.references = Some(self.reference()?);
        } else if self.take_words(&["WITH", "STORAGETYPE"]) {
            self.symbol("=")?;
            self.storage_type()?;
        } else if self.take_word("PRIVATE") {
            return Err(SqlError::prepare(400, "The stand-in has no PRIVATE columns"));
        } else if self.take_word("COMPUTECODE") {
            column.compute_code = Some(self.compute_code()?);
        } else if self.is_word("CALCULATED") || self.is_word("TRANSIENT") {
            return Err(self.expected("COMPUTECODE"));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `%EXACT`, `COLLATE %EXACT`, `COLLATE EXACT` and their siblings, with an optional length.
    pub(super) fn collation(&mut self) -> Result<Option<Collation>, SqlError> {
        let marked = self.take_word("COLLATE");
        let name = match self.peek() {
            Some(token) if token.kind == TokenKind::Word && (marked || token.upper.starts_with('%')) => {
                token.upper.trim_start_matches('%').to_owned()
            }
            _ if marked => return Err(self.expected("COLLATION")),
            _ => return Ok(None),
        };
        let collation = match name.as_str() {
            "EXACT" | "MINUS" | "PLUS" | "MVR" => Collation::Exact,
            "SQLUPPER" | "SPACE" | "UPPER" | "ALPHAUP" => Collation::SqlUpper,
            "SQLSTRING" | "TRUNCATE" | "STRING" => Collation::SqlString,
            _ if marked => return Err(self.expected("COLLATION")),
            _ => return Ok(None),
        };
        self.advance();
        if self.take_symbol("(") {
            self.integer()?;
            self.symbol(")")?;
        }
        Ok(Some(collation))
    }

    /// ROW or COLUMNAR; true for COLUMNAR.
    pub(super) fn storage_type(&mut self) -> Result<bool, SqlError> {
        if self.take_word("COLUMNAR") {
            return Ok(true);
        }
        self.word("ROW")?;
        Ok(false)
    }

    /// What DEFAULT and ON UPDATE take, parentheses optional.
    pub(super) fn default_expression(&mut self) -> Result<DefaultExpr, SqlError> {
        if self.take_symbol("(") {
            let default = self.default_expression()?;
            self.symbol(")")?;
            return Ok(default);
        }
        if self.is_symbol("-") || self.is_symbol("+") {
            let sign = if self.is_symbol("-") { "-" } else { "" };
            self.advance();
            return match self.peek() {
                Some(token) if matches!(token.kind, TokenKind::Integer | TokenKind::Number) => {
                    let number = format!("{sign}{}", token.text);
                    self.advance();
                    Ok(DefaultExpr::Number(number))
                }
                _ => Err(self.expected("CONSTANT")),
            };
        }
        let Some(token) = self.peek() else { return Err(self.expected("CONSTANT")) };
        let default = match token.kind {
            TokenKind::String => DefaultExpr::Text(token.text.clone()),
            TokenKind::Integer | TokenKind::Number => DefaultExpr::Number(token.text.clone()),
            TokenKind::Word => match token.upper.as_str() {
                "NULL" => DefaultExpr::Null,
                "OBJECTSCRIPT" => {
                    self.advance();
                    let code = self.string()?;
                    let value = object_script::parse(&code)?;
                    return Ok(DefaultExpr::ObjectScript { code, value });
                }
                "USER" | "CURRENT_USER" | "SESSION_USER" | "SYSTEM_USER" => DefaultExpr::User,
                "CURRENT_DATE" => DefaultExpr::CurrentDate,
                "CURRENT_TIME" => {
                    self.advance();
                    return Ok(DefaultExpr::CurrentTime { precision: self.default_precision()? });
                }
                "CURRENT_TIMESTAMP" | "GETDATE" | "SYSDATE" => {
                    self.advance();
                    return Ok(DefaultExpr::CurrentTimestamp { precision: self.default_precision()? });
                }
                "GETUTCDATE" => {
                    self.advance();
                    return Ok(DefaultExpr::UtcTimestamp { precision: self.default_precision()? });
                }
                _ => return Err(self.expected("CONSTANT")),
            },
            _ => return Err(self.expected("CONSTANT")),
        };
        self.advance();
        Ok(default)
    }

    /// `[( [n] )]`; the namespace's DefaultTimePrecision is 0.
    fn default_precision(&mut self) -> Result<u8, SqlError> {
        if !self.take_symbol("(") || self.take_symbol(")") {
            return Ok(0);
        }
        let precision = self.integer()?;
        self.symbol(")")?;
        match u8::try_from(precision) {
            Ok(precision) if precision <= 9 => Ok(precision),
            _ => Err(SqlError::prepare(1, format!("Time precision {precision} is not between 0 and 9"))),
        }
    }

    /// `REFERENCES t [(cols)] [ON DELETE a] [ON UPDATE a] [NOCHECK]`.
    pub(super) fn reference(&mut self) -> Result<Reference, SqlError> {
        self.word("REFERENCES")?;
        let table = self.object_name()?;
        let columns = if self.is_symbol("(") { self.column_list()? } else { Vec::new() };
        let mut reference = Reference {
            table,
            columns,
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            no_check: false,
        };
        loop {
            if self.take_words(&["ON", "DELETE"]) {
                reference.on_delete = self.referential_action()?;
            } else if self.take_words(&["ON", "UPDATE"]) {
                reference.on_update = self.referential_action()?;
            } else if self.take_word("NOCHECK") {
                reference.no_check = true;
            } else {
                return Ok(reference);
            }
        }
    }

    fn referential_action(&mut self) -> Result<ReferentialAction, SqlError> {
        if self.take_words(&["NO", "ACTION"]) {
            Ok(ReferentialAction::NoAction)
        } else if self.take_words(&["SET", "NULL"]) {
            Ok(ReferentialAction::SetNull)
        } else if self.take_words(&["SET", "DEFAULT"]) {
            Ok(ReferentialAction::SetDefault)
        } else if self.take_word("CASCADE") {
            Ok(ReferentialAction::Cascade)
        } else {
            Err(self.expected("NO ACTION, CASCADE, SET NULL or SET DEFAULT"))
        }
    }

    /// Does a table constraint begin here?
    pub(super) fn at_constraint(&self) -> bool {
        self.is_word("CONSTRAINT")
            || self.is_words(&["PRIMARY", "KEY"])
            || self.is_word("UNIQUE")
            || self.is_words(&["FOREIGN", "KEY"])
            || self.is_word("CHECK")
    }

    /// `[CONSTRAINT name] PRIMARY KEY | UNIQUE | FOREIGN KEY`. CHECK is no word of the grammar.
    pub(super) fn table_constraint(&mut self) -> Result<ParsedConstraint, SqlError> {
        let name = if self.take_word("CONSTRAINT") { Some(self.identifier()?) } else { None };
        if self.take_words(&["PRIMARY", "KEY"]) {
            return Ok(ParsedConstraint::PrimaryKey { name, columns: self.column_list()? });
        }
        if self.take_word("UNIQUE") {
            return Ok(ParsedConstraint::Unique { name, columns: self.column_list()? });
        }
        if self.take_words(&["FOREIGN", "KEY"]) {
            let columns = self.column_list()?;
            return Ok(ParsedConstraint::ForeignKey { name, columns, reference: self.reference()? });
        }
        Err(self.expected("FOREIGN, PRIMARY or UNIQUE"))
    }
}
