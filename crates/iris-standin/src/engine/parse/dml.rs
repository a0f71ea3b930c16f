//! INSERT, UPDATE, DELETE.

use super::ast::{Delete, Expr, Insert, InsertSource, Name, Update};
use super::{Parser, SqlError};

const DML_KEYWORDS: [&str; 8] =
    ["%NOFPLAN", "%NOINDEX", "%NOJOURN", "%NOLOCK", "%NOTRIGGER", "%PROFILE", "%PROFILE_ALL", "%NOPARALLEL"];

impl Parser {
    /// Takes the keywords behind the verb; true when %NOCHECK is among them.
    fn dml_keywords(&mut self) -> bool {
        let mut no_check = false;
        loop {
            if self.word("%NOCHECK") {
                no_check = true;
            } else if DML_KEYWORDS.iter().any(|keyword| self.is_word(keyword)) {
                self.advance();
            } else {
                return no_check;
            }
        }
    }

    pub(super) fn insert(&mut self) -> Result<Insert, SqlError> {
        self.expect_word("INSERT")?;
        let or_update = self.words(&["OR", "UPDATE"]);
        let no_check = self.dml_keywords();
        self.word("INTO");
        let table = self.object_name()?;
        let mut columns = Vec::new();
        if self.is_symbol("(") && !self.query_ahead() {
            columns = self.column_names()?;
        }
        let source = if self.word("VALUES") {
            let mut rows = Vec::new();
            loop {
                self.expect_symbol("(")?;
                rows.push(self.assigned_values()?);
                if !self.symbol(",") {
                    break;
                }
            }
            InsertSource::Values(rows)
        } else if self.words(&["DEFAULT", "VALUES"]) {
            InsertSource::DefaultValues
        } else if columns.is_empty() && self.word("SET") {
            let (names, values): (Vec<Name>, Vec<Expr>) = self.assignments()?.into_iter().unzip();
            columns = names;
            InsertSource::Values(vec![values])
        } else if self.query_ahead() {
            InsertSource::Query(Box::new(self.query(true)?))
        } else {
            return Err(self.expected("VALUES, DEFAULT VALUES or SELECT"));
        };
        Ok(Insert { or_update, no_check, table, columns, source })
    }

    /// Column names in parentheses; `%ID` may stand among them to be refused later with its own code.
    fn column_names(&mut self) -> Result<Vec<Name>, SqlError> {
        self.expect_symbol("(")?;
        let mut names = Vec::new();
        loop {
            names.push(self.column_name()?);
            if !self.symbol(",") {
                break;
            }
        }
        self.expect_symbol(")")?;
        Ok(names)
    }

    fn column_name(&mut self) -> Result<Name, SqlError> {
        if self.is_word("%ID") {
            self.advance();
            return Ok(Name("%ID".into()));
        }
        self.name()
    }

    fn assigned_value(&mut self) -> Result<Expr, SqlError> {
        if self.word("DEFAULT") { Ok(Expr::Default) } else { self.value() }
    }

    fn assigned_values(&mut self) -> Result<Vec<Expr>, SqlError> {
        let mut values = vec![self.assigned_value()?];
        while self.symbol(",") {
            values.push(self.assigned_value()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    fn assignments(&mut self) -> Result<Vec<(Name, Expr)>, SqlError> {
        let mut assignments = Vec::new();
        loop {
            let name = self.column_name()?;
            self.expect_symbol("=")?;
            assignments.push((name, self.assigned_value()?));
            if !self.symbol(",") {
                return Ok(assignments);
            }
        }
    }

    pub(super) fn update(&mut self) -> Result<Update, SqlError> {
        self.expect_word("UPDATE")?;
        let no_check = self.dml_keywords();
        let table = self.object_name()?;
        let alias = self.optional_table_alias()?;
        let assignments = if self.is_symbol("(") {
            let names = self.column_names()?;
            self.expect_word("VALUES")?;
            self.expect_symbol("(")?;
            let values = self.assigned_values()?;
            if names.len() != values.len() {
                return Err(SqlError::prepare(if names.len() > values.len() { 62 } else { 59 }, "value count differs"));
            }
            names.into_iter().zip(values).collect()
        } else {
            self.expect_word("SET")?;
            self.assignments()?
        };
        let from = if self.word("FROM") { self.table_refs()? } else { Vec::new() };
        let selection = self.dml_condition()?;
        Ok(Update { no_check, table, alias, assignments, from, selection })
    }

    pub(super) fn delete(&mut self) -> Result<Delete, SqlError> {
        self.expect_word("DELETE")?;
        let no_check = self.dml_keywords();
        self.word("FROM");
        let table = self.object_name()?;
        let alias = self.optional_table_alias()?;
        let from = if self.word("FROM") { self.table_refs()? } else { Vec::new() };
        let selection = self.dml_condition()?;
        Ok(Delete { no_check, table, alias, from, selection })
    }

    fn dml_condition(&mut self) -> Result<Option<Expr>, SqlError> {
        if !self.word("WHERE") {
            return Ok(None);
        }
        if self.words_ahead(&["CURRENT", "OF"]) {
            return Err(SqlError::prepare(52, "WHERE CURRENT OF needs an open cursor"));
        }
        self.condition().map(Some)
    }
}
