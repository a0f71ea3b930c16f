//! Arrays as lists of IRIS, and their text; IRIS has no array type.

use crate::iris::ParameterKind;
use crate::sql::plan::{Bind, ElementSource};
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Piece, Ty, level};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// `left = ANY (elements)` or `left <> ALL (elements)`.
    pub(crate) fn in_source(&self, not: bool, left: Frag, source: ElementSource, element: Option<Oid>) -> Result<Frag> {
        // Where NULL and false differ, an element that is NULL makes the difference.
        let refuse_nulls = not || !self.loose.get();
        self.check_finished(&left)?;
        let nullable = !left.not_null;
        let left = left.within(level::OTHER);
        let bind = Bind::Elements { source: source.clone(), refuse_nulls, element };
        let elements = Frag::mark(bind, ParameterKind::User, Ty::TEXT);
        let count = |empty: Option<Oid>| {
            let bind = Bind::ElementsCount { source: source.clone(), empty };
            Frag::mark(bind, ParameterKind::NumberLiteral, Ty::INT8)
        };
        let mut test = Frag::cat(&[&left, &" %INLIST $LISTFROMSTRING(", &elements, &", CHAR(1))"], Ty::BOOL)
            .predicate(level::COMPARISON);
        // An empty text is no element of IRIS's lists.
        if let Some(oid) = element.filter(|oid| Ty::of(*oid).is_string()) {
            let empty = Frag::cat(&[&left, &" = '' AND ", &count(Some(oid)), &" > 0"], Ty::BOOL).predicate(level::AND);
            test = Frag::cat(&[&"(", &test, &" OR ", &empty, &")"], Ty::BOOL).predicate(level::ATOM);
        }
        // Nothing is in an empty list, not even NULL.
        let may_be_empty = nullable && matches!(source, ElementSource::Array(_));
        Ok(match (not, may_be_empty) {
            (true, false) => Frag::cat(&[&"NOT (", &test, &")"], Ty::BOOL).predicate(level::NOT),
            (true, true) => {
                let text: [&dyn Piece; 5] = [&"(NOT (", &test, &") OR ", &count(None), &" = 0)"];
                Frag::cat(&text, Ty::BOOL).predicate(level::ATOM)
            }
            (false, true) if !self.loose.get() => {
                let text: [&dyn Piece; 5] = [&"(", &test, &" AND ", &count(None), &" > 0)"];
                Frag::cat(&text, Ty::BOOL).predicate(level::ATOM)
            }
            (false, _) => test,
        })
    }
}

/// Types whose values IRIS has one text for in a list.
pub(crate) fn is_listed(oid: Oid) -> bool {
    matches!(
        oid,
        Oid::BOOL
            | Oid::INT2
            | Oid::INT4
            | Oid::INT8
            | Oid::OID
            | Oid::TEXT
            | Oid::VARCHAR
            | Oid::BPCHAR
            | Oid::NAME
            | Oid::UUID
            | Oid::NUMERIC
            | Oid::DATE
            | Oid::INET
            | Oid::CIDR
            | Oid::MACADDR
            | Oid::MACADDR8
    )
}

/// The elements of array text, one-dimensional (manual, "Array Input and Output Syntax").
pub(crate) fn elements(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || PgError::error(SqlState::INVALID_TEXT, format!("malformed array literal: \"{text}\""));
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
    let mut items = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
    if chars.peek().is_none() {
        return Ok(items);
    }
    loop {
        let mut item = String::new();
        let mut quoted = false;
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if chars.next_if_eq(&'"').is_some() {
            quoted = true;
            loop {
                match chars.next().ok_or_else(malformed)? {
                    '"' => break,
                    '\\' => item.push(chars.next().ok_or_else(malformed)?),
                    c => item.push(c),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != ',') {
                match c {
                    '\\' => item.push(chars.next().ok_or_else(malformed)?),
                    '"' => return Err(malformed()),
                    '{' | '}' => {
                        return Err(PgError::unsupported("arrays of more than one dimension are not supported"));
                    }
                    c => item.push(c),
                }
            }
            item.truncate(item.trim_end().len());
            if item.is_empty() {
                return Err(malformed());
            }
        }
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        items.push(if !quoted && item.eq_ignore_ascii_case("null") { None } else { Some(item) });
        match chars.next() {
            Some(',') => {}
            None => return Ok(items),
            Some(_) => return Err(malformed()),
        }
    }
}

/// The text of an array of constants, for values that only travel through.
pub(crate) fn array_text(items: &[Option<&str>]) -> String {
    let mut text = String::from("{");
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        match item {
            None => text.push_str("NULL"),
            Some(item) => {
                let plain = !item.is_empty()
                    && !item.eq_ignore_ascii_case("null")
                    && !item.contains(['"', '\\', '{', '}', ','])
                    && !item.contains(char::is_whitespace);
                if plain {
                    text.push_str(item);
                } else {
                    text.push('"');
                    for c in item.chars() {
                        if matches!(c, '"' | '\\') {
                            text.push('\\');
                        }
                        text.push(c);
                    }
                    text.push('"');
                }
            }
        }
    }
    text.push('}');
    text
}
