//! Names and texts inside of a statement for PostgreSQL, in quotes that nothing in them can leave.

/// A delimited identifier. No name of PostgreSQL's has a NUL: it is left out.
pub(crate) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

/// What a delimited identifier at the start of a text names, and what is behind it; `None` where it does not end.
pub(crate) fn read_quoted_name(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let (before, after) = rest.split_once('"')?;
        name.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

/// A string constant, whatever `standard_conforming_strings` says: with a backslash in it, it is one with escapes. No text
/// of PostgreSQL's has a NUL: it is left out.
pub(crate) fn quoted_text(text: &str) -> String {
    let text = text.replace('\0', "").replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", text.replace('\\', "\\\\")) } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_quotes() {
        for (text, expected) in
            [("", "''"), ("it's", "'it''s'"), ("a\0b", "'ab'"), (r"a\b", r"E'a\\b'"), (r"a'b\'c", r"E'a''b\\''c'")]
        {
            assert_eq!(quoted_text(text), expected, "{text}");
        }
        for (name, expected) in [("A b", "\"A b\""), ("a\"b", "\"a\"\"b\""), ("a\0b", "\"ab\"")] {
            assert_eq!(quoted_name(name), expected, "{name}");
            let followed = format!("{expected}.x");
            assert_eq!(read_quoted_name(&followed), Some((name.replace('\0', ""), ".x")));
        }
    }
}
