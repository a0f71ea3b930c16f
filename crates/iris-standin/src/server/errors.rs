//! Error texts as clients read them through OE (facts, section 11.1).

use super::error_texts::sqlcode_text;
use crate::engine::SqlError;

/// The text of an error: `[SQLCODE: <-30>:<Table or view not found>]`, the location and the particulars, on lines of
/// their own. sqlalchemy-iris reads the code out of it.
pub fn error_text(error: &SqlError) -> String {
    let mut text = format!(
        "[SQLCODE: <-{}>:<{}>]\r\n[Location: <{}>]",
        error.sqlcode.unsigned_abs(),
        sqlcode_text(error.sqlcode),
        error.location
    );
    if !error.message.is_empty() {
        text.push_str("\r\n[%msg: < ");
        text.push_str(&error.message);
        text.push_str(">]");
    }
    text
}

/// The status field of an error reply. Clients take negative ones for success, 0 and 100 mean success (facts, section 1.4).
pub(super) fn status(error: &SqlError) -> u16 {
    match u16::try_from(error.sqlcode.unsigned_abs()) {
        Ok(code) if code != 0 && code != 100 && code <= i16::MAX.unsigned_abs() => code,
        _ => FATAL,
    }
}

/// SQLCODE -400, for what has no better code.
pub(super) const FATAL: u16 = 400;
/// Status of a refused login whose text JDBC shows, as Python does with any (facts, section 4.3).
pub(super) const LOGIN_REFUSED: u16 = 417;

/// The error of a request the server could not read.
pub(super) fn malformed(what: &str) -> SqlError {
    SqlError::execute(i32::from(FATAL), format!("Malformed message: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_the_form_clients_grep() {
        let error = SqlError::prepare(30, "Table 'SQLUSER.X' not found");
        assert_eq!(
            error_text(&error),
            "[SQLCODE: <-30>:<Table or view not found>]\r\n[Location: <Prepare>]\r\n[%msg: < Table 'SQLUSER.X' not found>]"
        );
        assert_eq!(
            error_text(&SqlError::execute(456, "")),
            "[SQLCODE: <-456>:<SQL query execution interrupted by user>]\r\n[Location: <ServerLoop>]"
        );
    }

    #[test]
    fn no_error_gets_a_status_that_means_success() {
        for (code, want) in [(0, 400), (100, 400), (-30, 30), (30, 30), (5002, 5002), (70_000, 400), (65_506, 400)] {
            assert_eq!(status(&SqlError::execute(code, "")), want, "{code}");
        }
    }
}
