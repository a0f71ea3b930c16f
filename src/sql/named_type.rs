//! Types of a user's making that columns have: domains, composite types, ranges, and arrays of these and of enums.
//!
//! A description calls them by their name, with what IRIS keeps behind it: `pg:posint<int4>` for a domain whose values IRIS has as
//! those of a type of PostgreSQL's own, `pg:pair<>` and `pg:pair<>[]` for what it keeps as PostgreSQL's text of the value.

use super::description::{escaped, parse_type, put_escaped, put_type};
use crate::types::{Oid, PgType, quoted_name};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedType {
    /// `None` = `public`.
    pub schema: Option<String>,
    pub name: String,
    /// What IRIS keeps of a domain; `None`: text that means nothing to IRIS.
    pub base: Option<PgType>,
    pub is_array: bool,
}

impl NamedType {
    /// As translation knows it: a record is what it shows, compares and computes with nowhere.
    pub fn pg_type(&self) -> PgType {
        self.base.unwrap_or(PgType::new(Oid::RECORD))
    }

    /// Qualified and in quotes.
    pub(crate) fn quoted(&self) -> String {
        let brackets = if self.is_array { "[]" } else { "" };
        format!("{}.{}{brackets}", quoted_name(self.schema.as_deref().unwrap_or("public")), quoted_name(&self.name))
    }

    pub(super) fn put(&self, text: &mut String) -> Option<()> {
        const SPECIAL: &[char] = &[',', '.', '{', '}', ' ', '(', '<', '>'];
        if let Some(schema) = &self.schema {
            put_escaped(text, schema, SPECIAL);
            text.push('.');
        }
        put_escaped(text, &self.name, SPECIAL);
        text.push('<');
        if let Some(base) = self.base {
            put_type(text, base)?;
        }
        text.push_str(if self.is_array { ">[]" } else { ">" });
        Some(())
    }

    /// What [`put`](Self::put) has written, and what follows it.
    pub(super) fn parse(text: &str) -> Option<(Self, &str)> {
        let mut parts: Vec<String> = vec![String::new()];
        let mut rest = text.char_indices();
        let start = loop {
            match rest.next()? {
                (_, '\\') => {
                    let c = escaped(&mut rest.by_ref().map(|(_, c)| c))?;
                    parts.last_mut()?.push(c);
                }
                (_, '.') => parts.push(String::new()),
                (at, '<') => break at.saturating_add(1),
                (_, ' ' | '(' | '{' | '}' | '>') => return None,
                (_, c) => parts.last_mut()?.push(c),
            }
        };
        let (base, rest) = text.get(start..)?.split_once('>')?;
        let base = if base.is_empty() { None } else { Some(parse_type(base)?) };
        let (is_array, rest) = match rest.strip_prefix("[]") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let name = parts.pop().filter(|name| !name.is_empty())?;
        let schema = parts.pop();
        let named = Self { schema, name, base, is_array };
        parts.is_empty().then_some((named, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let named = |schema: Option<&str>, name: &str, base, is_array| NamedType {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            base,
            is_array,
        };
        for (named, text) in [
            (named(None, "posint", Some(PgType::new(Oid::INT4)), false), "posint<int4>"),
            (named(Some("a.b"), "x<y> {", None, true), "a\\.b.x\\<y\\>\\ \\{<>[]"),
            (named(None, "code", PgType::modified(Oid::VARCHAR, "varchar", &[3]).ok(), false), "code<varchar(3)>"),
        ] {
            let mut written = String::new();
            named.put(&mut written).unwrap();
            assert_eq!(written, text);
            assert_eq!(NamedType::parse(&format!("{text} NOT NULL")), Some((named, " NOT NULL")));
        }
        assert_eq!(NamedType::parse("int4"), None);
        assert_eq!(NamedType::parse("mood{a<b,c>}"), None);
    }
}
