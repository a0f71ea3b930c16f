//! CREATE FUNCTION, PROCEDURE, METHOD and QUERY. A routine is kept and shown in INFORMATION_SCHEMA; calling one fails
//! with -149, since its language has no engine here. Software that defines its helpers before anything else (dbt) works
//! as far as it does without them.

use super::super::catalog::{self, RoutineDef, same_name};
use super::super::information_schema;
use super::super::types::DataType;
use super::super::value::SqlError;
use super::code::without_comments;
use super::cursor::{Cursor, ObjectName};
use super::work::{Action, Ddl};

pub(super) const KINDS: [&str; 4] = ["FUNCTION", "PROCEDURE", "METHOD", "QUERY"];

/// The statement without the code in braces, and the code; None: no definition of a routine. The code is in another
/// language, so the tokens of SQL end where it begins.
pub(super) fn split_body(sql: &str) -> Option<(&str, &str)> {
    let sql = without_comments(sql);
    let mut words = sql.split_whitespace().map(str::to_ascii_uppercase);
    let mut word = (words.next()? == "CREATE").then(|| words.next()).flatten()?;
    if word == "OR" {
        word = (words.next()? == "REPLACE").then(|| words.next()).flatten()?;
    }
    if !KINDS.contains(&word.as_str()) {
        return None;
    }
    if let Some(begin) = begin_of_sql(sql) {
        return Some((sql.get(..begin)?, sql.get(begin..)?));
    }
    let open = sql.find('{')?;
    let body = sql.get(open..)?.trim_end().strip_prefix('{')?.strip_suffix('}')?;
    Some((sql.get(..open)?, body))
}

/// Where `BEGIN .. END` of a body in SQL starts: its host variables are none of the statement's own.
fn begin_of_sql(sql: &str) -> Option<usize> {
    const BEGIN: &str = "BEGIN";
    let ends = sql.trim_end().trim_end_matches(';').to_ascii_uppercase().ends_with("END");
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words = sql.char_indices().filter(|(at, _)| {
        let end = at.saturating_add(BEGIN.len());
        sql.get(*at..end).is_some_and(|word| word.eq_ignore_ascii_case(BEGIN))
            && !sql.get(..*at).unwrap_or("").chars().next_back().is_some_and(is_name)
            && !sql.get(end..).unwrap_or("").chars().next().is_some_and(is_name)
    });
    let first_brace = sql.find('{').unwrap_or(usize::MAX);
    words.map(|(at, _)| at).next().filter(|at| ends && *at < first_brace)
}

/// After the kind of the routine.
pub(super) fn create_routine(cursor: &mut Cursor, kind: &str, replace: bool, body: &str) -> Result<Action, SqlError> {
    let name = cursor.object_name()?;
    let shown = format!("{}.{}", name.schema, name.name);
    let mut parameters = Vec::new();
    if cursor.take_symbol("(") && !cursor.take_symbol(")") {
        loop {
            let _ = ["IN", "OUT", "INOUT"].iter().any(|mode| cursor.take_word(mode));
            let parameter = cursor.identifier()?;
            let data_type = routine_type(cursor, &shown, &parameter)?;
            if cursor.take_word("DEFAULT") {
                cursor.default_expression()?;
            }
            parameters.push((parameter, data_type));
            if !cursor.take_symbol(",") {
                break;
            }
        }
        cursor.symbol(")")?;
    }
    let (mut returns, mut language) = (None, "SQL".to_owned());
    while !cursor.at_end() && !cursor.is_word("BEGIN") {
        if cursor.take_word("FOR") {
            class_name(cursor)?;
        } else if cursor.take_word("RETURNS") {
            returns = Some(routine_type(cursor, &shown, "")?);
        } else if cursor.take_word("LANGUAGE") {
            language = cursor.option_value()?.to_uppercase();
            if !["OBJECTSCRIPT", "COS", "PYTHON", "SQL"].contains(&language.as_str()) {
                return Err(SqlError::prepare(1, format!("OBJECTSCRIPT, PYTHON or SQL expected, {language} found")));
            }
        } else if cursor.take_word("RESULT") || cursor.take_words(&["DYNAMIC", "RESULT"]) {
            let _ = cursor.take_word("SETS") || cursor.take_word("SET");
        } else if !["PROCEDURE", "FINAL", "PRIVATE", "SELECTMODE", "DETERMINISTIC", "STATIC"]
            .iter()
            .any(|word| cursor.take_word(word))
        {
            // SELECTMODE mode and the like take one word more.
            cursor.option_value()?;
        }
    }
    let start = cursor.offset();
    while !cursor.at_end() {
        cursor.advance();
    }
    let definition = if body.is_empty() { cursor.text_since(start).to_owned() } else { body.trim().to_owned() };
    cursor.end()?;
    let routine = RoutineDef {
        schema: name.schema,
        name: name.name,
        kind: kind.to_owned(),
        language,
        parameters,
        returns,
        definition,
    };
    Ok(Box::new(move |ddl| ddl.put_routine(routine, replace)))
}

/// `User.MyClass`: words that may be reserved elsewhere, joined by points.
fn class_name(cursor: &mut Cursor) -> Result<(), SqlError> {
    cursor.option_value()?;
    while cursor.take_symbol(".") {
        cursor.option_value()?;
    }
    Ok(())
}

fn routine_type(cursor: &mut Cursor, table: &str, column: &str) -> Result<DataType, SqlError> {
    cursor.column_type(table, column).map(|(data_type, _)| data_type)
}

pub(super) fn drop_routine(cursor: &mut Cursor) -> Result<Action, SqlError> {
    let if_exists = cursor.take_words(&["IF", "EXISTS"]);
    let name = cursor.object_name()?;
    if cursor.take_word("FROM") {
        class_name(cursor)?;
    }
    cursor.end()?;
    Ok(Box::new(move |ddl| match ddl.remove_routine(&name) {
        Err(error) if if_exists && error.sqlcode == 362 => Ok(()),
        result => result,
    }))
}

impl Ddl<'_> {
    fn put_routine(&mut self, routine: RoutineDef, replace: bool) -> Result<(), SqlError> {
        if !replace && self.catalog.routine(&routine.schema, &routine.name).is_some() {
            let text = format!("Method or query '{}.{}' already exists", routine.schema, routine.name);
            return Err(SqlError::execute(361, text));
        }
        if same_name(&routine.schema, "INFORMATION_SCHEMA") {
            return Err(SqlError::execute(300, "DDL not allowed on INFORMATION_SCHEMA"));
        }
        catalog::persist_routine(self.conn, &routine)?;
        information_schema::put_routine(self.conn, &routine)?;
        self.catalog.put_routine(routine);
        self.changed = true;
        Ok(())
    }

    fn remove_routine(&mut self, name: &ObjectName) -> Result<(), SqlError> {
        if self.catalog.routine(&name.schema, &name.name).is_none() {
            return Err(SqlError::execute(362, format!("Method or query '{}' does not exist", name.shown())));
        }
        catalog::forget_routine(self.conn, &name.schema, &name.name)?;
        information_schema::remove_routine(self.conn, &name.schema, &name.name)?;
        self.catalog.remove_routine(&name.schema, &name.name);
        self.changed = true;
        Ok(())
    }
}
