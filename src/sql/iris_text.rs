//! String constants and delimited names as they stand in a statement for IRIS.

/// A string constant.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The text that an expression is, where it is one string constant and nothing else.
pub(super) fn unquoted(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.replace("''", "").contains('\'')).then(|| inner.replace("''", "'"))
}

/// A name in quotes. No name of IRIS's has a quote in it (`names::can_hold`).
pub(super) fn quoted_name(name: &str) -> String {
    format!("\"{name}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back() {
        for (text, sql) in [("", "''"), ("a", "'a'"), ("it's", "'it''s'"), ("''", "''''''")] {
            assert_eq!(quoted(text), sql);
            assert_eq!(unquoted(sql).as_deref(), Some(text));
        }
        for sql in ["", "'", "a", "'a", "'a' || 'b'", "'a'''b'"] {
            assert_eq!(unquoted(sql), None, "{sql}");
        }
    }
}
