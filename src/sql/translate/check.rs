//! What can be said of a statement by its text alone.

use super::iris_dialect;
use crate::sql::syntax::depth;
use crate::sql::syntax::parse::parse;
use crate::sql::template::{Template, char_position};
use crate::sql::translate::utility::cursor::{fetch, is_fetch, without_read_only};
use crate::wire::PgError;

/// What can be said of a statement before anything of its query string runs: PostgreSQL parses the whole string first.
///
/// # Errors
/// 42601 with a position in the statement.
pub fn check_syntax(sql: &str) -> Result<(), Box<PgError>> {
    let check = || {
        depth::check(sql)?;
        match parse(sql)? {
            (_, Some(error)) if !iris_dialect::is_iris(sql, true) => {
                let mut template = Template::default();
                template.scan(sql)?;
                if is_fetch(sql) {
                    return fetch(sql).map(|_| ());
                }
                let shorter = without_read_only(sql);
                let is_read_only = shorter.is_some_and(|sql| matches!(parse(sql), Ok((_, None))));
                if is_read_only || is_set_names(&template) { Ok(()) } else { Err(error) }
            }
            _ => Ok(()),
        }
    };
    check().map_err(|error| in_characters(sql, error))
}

/// `SET NAMES 'encoding'`, which squawk does not know.
pub(crate) fn is_set_names(template: &Template) -> bool {
    let words = template.text.strip_suffix('\u{4}').map(str::trim_end);
    words.is_some_and(|words| words.eq_ignore_ascii_case("set names"))
}

/// Positions inside translation are byte offsets + 1.
pub(crate) fn in_characters(sql: &str, mut error: Box<PgError>) -> Box<PgError> {
    if let Some(position) = error.position {
        let offset = usize::try_from(position).unwrap_or(0).saturating_sub(1);
        error.position = Some(char_position(sql, offset));
    }
    error
}
