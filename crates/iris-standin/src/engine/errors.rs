//! SQLite's failures as IRIS's.

use rusqlite::{Error, ErrorCode, ffi};

use super::catalog::TableDef;
use super::ddl;
use super::translate::Verb;
use super::value::SqlError;

/// What a running statement was, as far as the code of its failure depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running<'a> {
    pub verb: Verb,
    pub target: Option<&'a TableDef>,
    /// The time limit ended it, not a cancel request.
    pub timed_out: bool,
}

/// The IRIS error for a failure while a statement ran.
pub(super) fn from_sqlite(error: &Error, running: &Running<'_>) -> SqlError {
    let (code, message) = match error {
        Error::SqliteFailure(code, message) => (code, message.as_deref().unwrap_or("")),
        Error::SqlInputError { error, msg, .. } => (error, msg.as_str()),
        other => return SqlError::execute(400, format!("Fatal error occurred: {other}")),
    };
    if let Some(raised) = ddl::raised_error(error) {
        return raised;
    }
    match code.code {
        ErrorCode::OperationInterrupted if running.timed_out => SqlError::execute(450, "Request timed out"),
        ErrorCode::OperationInterrupted => SqlError::execute(456, "SQL query execution interrupted by user"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            SqlError::execute(110, "Locking conflict in filing: unable to get the write lock")
        }
        ErrorCode::ConstraintViolation => constraint(code.extended_code, message, running),
        ErrorCode::TooBig => SqlError::execute(400, "Fatal error occurred: <MAXSTRING>"),
        ErrorCode::DiskFull => SqlError::execute(400, "Fatal error occurred: <FILEFULL>"),
        _ => gone(message).unwrap_or_else(|| SqlError::execute(400, format!("Fatal error occurred: {message}"))),
    }
}

/// What another session has dropped or made since the statement was translated.
fn gone(message: &str) -> Option<SqlError> {
    let name = |text: &str| text.trim_matches('"').to_uppercase();
    if let Some(table) = message.strip_prefix("no such table: ") {
        return Some(SqlError::execute(30, format!("Table '{}' not found", name(table))));
    }
    if let Some(column) = message.strip_prefix("no such column: ") {
        return Some(SqlError::execute(29, format!("Field '{}' not found", name(column))));
    }
    let made = message.strip_prefix("table ")?.strip_suffix(" already exists")?;
    Some(SqlError::execute(201, format!("Table or view '{}' already exists", name(made))))
}

fn constraint(extended: i32, message: &str, running: &Running<'_>) -> SqlError {
    let table = running.target.map(TableDef::qualified_name).unwrap_or_default();
    let update = running.verb == Verb::Update;
    match extended {
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            let column = message.rsplit_once('.').map_or("", |(_, column)| column);
            SqlError::execute(108, format!("'{column}' in table '{table}' is a required field and has no value"))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let sqlcode = if update { 120 } else { 119 };
            let key = running.target.and_then(|target| ddl::violated_key(target, message));
            let text = match key {
                Some((name, columns)) => format!(
                    "Table '{table}', Constraint '{name}', Field(s) {} failed unique check",
                    columns.iter().map(|column| format!("'{column}'")).collect::<Vec<_>>().join(",")
                ),
                None => format!("Table '{table}', row ID failed unique check"),
            };
            SqlError::execute(sqlcode, text)
        }
        _ => SqlError::execute(400, format!("Fatal error occurred: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_dropped_or_made() {
        let running = Running { verb: Verb::Query, target: None, timed_out: false };
        let code = |message: &str| {
            let error = Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(message.to_owned()));
            from_sqlite(&error, &running).sqlcode
        };
        assert_eq!(code("no such table: SQLUser.dr"), 30);
        assert_eq!(code("no such column: t1.a"), 29);
        assert_eq!(code("table \"SQLUser.dr\" already exists"), 201);
        assert_eq!(code("out of memory"), 400);
    }
}
