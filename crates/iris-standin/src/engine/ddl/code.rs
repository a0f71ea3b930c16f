//! Code of other languages inside definitions: it is cut out before the tokens of SQL are read, and kept.

use super::super::value::SqlError;
use super::cursor::Cursor;

/// The statement from its first word on: dbt puts a comment in front of each.
pub(super) fn without_comments(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.find('\n').and_then(|at| comment.get(at..)).unwrap_or("");
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.find("*/").and_then(|at| comment.get(at.saturating_add(2)..)).unwrap_or("");
        } else {
            break;
        }
    }
    rest
}

const COMPUTE_CODE: &str = "COMPUTECODE";

/// The statement with each `{code}` behind COMPUTECODE replaced by `{n}`, and the codes; None: there are none.
pub(super) fn cut(sql: &str) -> Option<(String, Vec<String>)> {
    let mut text = String::with_capacity(sql.len());
    let mut codes = Vec::new();
    let mut rest = sql;
    while let Some((before, code, after)) = next_code(rest) {
        text.push_str(before);
        text.push_str(&format!("{{{}}}", codes.len()));
        codes.push(code.trim().to_owned());
        rest = after;
    }
    if codes.is_empty() {
        return None;
    }
    text.push_str(rest);
    Some((text, codes))
}

/// What stands in front of the next code's brace, the code, and what follows its closing brace.
fn next_code(sql: &str) -> Option<(&str, &str, &str)> {
    let mut quote = None;
    for (at, c) in sql.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, 'C' | 'c') if is_word_at(sql, at) => {
                let word_end = at.saturating_add(COMPUTE_CODE.len());
                let open = word_end.saturating_add(brace_offset(sql.get(word_end..)?)?);
                let close = open.saturating_add(closing_brace(sql.get(open..)?)?);
                let code = sql.get(open.saturating_add(1)..close)?;
                return Some((sql.get(..open)?, code, sql.get(close.saturating_add(1)..)?));
            }
            _ => {}
        }
    }
    None
}

fn is_word_at(sql: &str, at: usize) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '%' | '$' | '@' | '#');
    let end = at.saturating_add(COMPUTE_CODE.len());
    let same = sql.get(at..end).is_some_and(|word| word.eq_ignore_ascii_case(COMPUTE_CODE));
    let begins = !sql.get(..at).unwrap_or("").chars().next_back().is_some_and(is_name);
    same && begins && !sql.get(end..).unwrap_or("").chars().next().is_some_and(is_name)
}

/// Where the brace stands behind the word: at once, or after the name of the language.
fn brace_offset(rest: &str) -> Option<usize> {
    let open = rest.find('{')?;
    let language = rest.get(..open)?.trim();
    let known = ["", "OBJECTSCRIPT", "PYTHON"].iter().any(|name| name.eq_ignore_ascii_case(language));
    known.then_some(open)
}

/// The brace that closes the one `text` begins with. Strings of the code are in double quotes.
fn closing_brace(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' if !quoted => depth = depth.saturating_add(1),
            '}' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

impl Cursor<'_> {
    /// After COMPUTECODE: the code, kept as written. The stand-in runs none of it, so reading the column fails.
    pub(super) fn compute_code(&mut self) -> Result<String, SqlError> {
        let _ = self.take_word("OBJECTSCRIPT") || self.take_word("PYTHON");
        self.symbol("{")?;
        let index = self.integer()?;
        self.symbol("}")?;
        let code = usize::try_from(index).ok().and_then(|index| self.codes.get(index)).cloned();
        let code = code.ok_or_else(|| self.expected("{"))?;
        if self.take_word("COMPUTEONCHANGE") {
            self.column_list()?;
        } else if !self.take_word("CALCULATED") {
            self.take_word("TRANSIENT");
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_cut_out() {
        let sql = "CREATE TABLE t (a INTEGER DEFAULT 1, b INTEGER COMPUTECODE {Set {*} = {a} + 42} CALCULATED, \
                   c VARCHAR(9) computecode Python { return f\"}{x}\" } COMPUTEONCHANGE (a), \"computecode {\" INTEGER)";
        let (text, codes) = cut(sql).unwrap();
        assert_eq!(
            text,
            "CREATE TABLE t (a INTEGER DEFAULT 1, b INTEGER COMPUTECODE {0} CALCULATED, \
             c VARCHAR(9) computecode Python {1} COMPUTEONCHANGE (a), \"computecode {\" INTEGER)"
        );
        assert_eq!(codes, ["Set {*} = {a} + 42", "return f\"}{x}\""]);
    }

    #[test]
    fn other_statements_stay() {
        for sql in [
            "CREATE TABLE t (a INTEGER)",
            "CREATE TABLE t (a VARCHAR(20) DEFAULT 'COMPUTECODE {1}')",
            "CREATE TABLE t (computecodes INTEGER)",
            "CREATE TABLE t (a INTEGER COMPUTECODE {open)",
            "CREATE TABLE t (a INTEGER COMPUTECODE",
        ] {
            assert_eq!(cut(sql), None, "{sql}");
        }
    }
}
