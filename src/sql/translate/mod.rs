//! The rules: one file per family. Everything no rule touches stays as written.

use super::options::{TranslateError, TranslateOptions, Translated};
use super::schema::Schema;
use super::template::Template;
use crate::wire::PgError;

/// Translates one statement, whose `template` has been scanned from the same text.
///
/// # Errors
/// [`TranslateError::NeedTables`] when `schema` has to load tables first; else what PostgreSQL would say (42601 with a
/// position), or 0A000 for what IRIS has no way to do.
pub fn translate(
    sql: &str,
    template: &Template,
    schema: &dyn Schema,
    options: &TranslateOptions<'_>,
) -> Result<Translated, TranslateError> {
    let _ = (sql, template, schema, options.next_key());
    Err(PgError::unsupported("this statement is not translated yet").into())
}
