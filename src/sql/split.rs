//! Statements of a simple-query string.

use std::ops::Range;

use super::lex::{self, Kind};

/// Splits a simple-query string at its top-level semicolons, without a parser. Respects every form of string, quoted
/// identifiers, comments, and semicolons inside parentheses (`CREATE RULE .. DO (a; b)`).
///
/// Statements come without their semicolon; those of only blanks and comments are left out, as in PostgreSQL, so no
/// item at all means EmptyQueryResponse. An unterminated string ends the last statement; [`Template::scan`] names the
/// error. Whoever wants the statements' templates cuts and reads them in one: [`Template::scan_first`].
///
/// [`Template::scan`]: super::Template::scan
/// [`Template::scan_first`]: super::Template::scan_first
pub fn split(sql: &str) -> impl Iterator<Item = &str> {
    Split { sql, at: 0 }
}

struct Split<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.sql.as_bytes();
        let mut start = None;
        let mut end = self.at;
        let mut depth: u32 = 0;
        while let Some(&byte) = bytes.get(self.at) {
            let token = lex::token(bytes, self.at);
            let from = self.at;
            self.at = token.end;
            match byte {
                _ if token.kind == Kind::Blank => continue,
                _ if token.kind.is_trivia() => {
                    end = token.end;
                    continue;
                }
                b';' if depth == 0 => {
                    if let Some(start) = start.take() {
                        return self.sql.get(start..from);
                    }
                    continue;
                }
                b'(' => depth = depth.saturating_add(1),
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            start.get_or_insert(from);
            end = token.end;
        }
        self.sql.get(start?..end)
    }
}

/// Where the first statement at or behind `at` begins: behind blanks, comments and semicolons. `None`: there is none.
pub(crate) fn statement_start(sql: &str, mut at: usize) -> Option<usize> {
    let bytes = sql.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b';' => at = at.saturating_add(1),
            b'-' | b'/' => {
                let token = lex::token(bytes, at);
                if !token.kind.is_trivia() {
                    return Some(at);
                }
                at = token.end;
            }
            _ if lex::is_blank(byte) => at = at.saturating_add(1),
            _ => return Some(at),
        }
    }
    None
}

/// The names in quotes of a dotted name that begins at `position` (characters, from 1), or of the list in parentheses
/// that does.
pub(crate) fn quoted_names_at(sql: &str, position: u32) -> Vec<Range<usize>> {
    let mut names = Vec::new();
    let before = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some((mut at, _)) = sql.char_indices().nth(before) else { return names };
    let bytes = sql.as_bytes();
    let is_list = bytes.get(at) == Some(&b'(');
    at = at.saturating_add(usize::from(is_list));
    let mut is_name_next = true;
    while let Some(byte) = bytes.get(at) {
        let token = lex::token(bytes, at);
        match token.kind {
            kind if kind.is_trivia() => {}
            Kind::Quoted if is_name_next => {
                names.push(at..token.end);
                is_name_next = false;
            }
            Kind::Word if is_name_next => is_name_next = false,
            Kind::Punctuation if *byte == b'.' || is_list && *byte == b',' => is_name_next = true,
            _ => break,
        }
        at = token.end;
    }
    names
}

/// A name as PostgreSQL folds it.
fn folded(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_lowercase(),
    }
}

/// The qualifiers in a statement that are schemas for which `is_meant` holds: where they stand, and the folded name behind
/// each.
pub(crate) fn qualified_names(sql: &str, is_meant: impl Fn(&str) -> bool) -> Vec<(Range<usize>, String)> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut qualifier, mut is_behind_point) = (0, None::<Range<usize>>, false);
    while at < bytes.len() {
        let token = lex::token(bytes, at);
        let range = at..token.end;
        at = token.end;
        match token.kind {
            kind if kind.is_trivia() => continue,
            Kind::Word | Kind::Quoted => {
                let folded = folded(sql.get(range.clone()).unwrap_or_default());
                if let (Some(of), true) = (qualifier.take(), is_behind_point) {
                    found.push((of, folded));
                } else if is_meant(&folded) {
                    qualifier = Some(range);
                }
                is_behind_point = false;
            }
            Kind::Punctuation if sql.get(range) == Some(".") && qualifier.is_some() => is_behind_point = true,
            _ => (qualifier, is_behind_point) = (None, false),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_are_found_wherever_they_stand() {
        let names = |sql: &str| -> Vec<(String, String)> {
            let found = qualified_names(sql, |schema| schema == "pg_temp");
            found.into_iter().map(|(range, name)| (sql[range].to_owned(), name)).collect()
        };
        let sql = r#"select 'pg_temp.x', PG_Temp . A, "pg_temp"/* */."B""c", pg_temp, pg_temp.d.e -- pg_temp.f"#;
        let expected = [("PG_Temp", "a"), (r#""pg_temp""#, "B\"c"), ("pg_temp", "d")];
        assert_eq!(names(sql), expected.map(|(typed, name)| (typed.to_owned(), name.to_owned())));
        assert_eq!(names("select pg_temp"), []);
    }

    #[test]
    fn quoted_names_of_a_dotted_name() {
        let names = |sql: &str, position| -> Vec<String> {
            quoted_names_at(sql, position).into_iter().map(|range| sql[range].to_owned()).collect()
        };
        let sql = r#"select 'é', "a" from "Sample" . Person."X" y, "B""c""#;
        assert_eq!(names(sql, 22), [r#""Sample""#, r#""X""#]);
        assert_eq!(names(sql, 13), [r#""a""#]);
        assert_eq!(names(sql, 47), [r#""B""c""#]);
        assert_eq!(names(r#"("a", b, "c") "d""#, 1), [r#""a""#, r#""c""#]);
        assert_eq!(names(sql, 1), Vec::<String>::new());
        assert_eq!(names(sql, 900), Vec::<String>::new());
    }
}
