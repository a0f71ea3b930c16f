//! JSON builders. JSON_OBJECT, JSON_ARRAY and JSON_ARRAYAGG of IRIS take JSON for a string, dates and booleans for
//! numbers, the empty string for U+0000, and cut their text at 8192 characters. So the text is put together by `||` out
//! of values that are JSON already, with PostgreSQL's blanks (`json.c`, `jsonb.c`).

use super::moments;
use super::strings::chain;
use super::text;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, as_value, level};
use crate::types::{Oid, PgType};
use crate::wire::PgError;

impl Cx<'_> {
    /// `json_build_object`, `jsonb_build_array`, `to_json` and the like; `None`: another function.
    #[inline(never)]
    pub(crate) fn json_function(&self, name: &str, arguments: &[Frag]) -> Result<Option<Frag>> {
        let (is_binary, builder) = match name.strip_prefix("jsonb_") {
            Some(builder) => (true, builder),
            None => match name.strip_prefix("json_") {
                Some(builder) => (false, builder),
                None => (name == "to_jsonb", name),
            },
        };
        let ty = json_type(is_binary);
        Ok(match (builder, arguments) {
            ("build_object", pairs) => {
                if pairs.len() % 2 != 0 {
                    // PostgreSQL says so of the first row, and nothing where there is none.
                    return Err(PgError::unsupported(
                        "a JSON object of a key without a value is not supported by IRIS",
                    ));
                }
                Some(self.object(pairs, is_binary)?.with_ty(ty))
            }
            ("build_array", items) => {
                let mut pieces = vec![Frag::atom("'['", Ty::TEXT)];
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        pieces.push(Frag::atom("', '", Ty::TEXT));
                    }
                    pieces.push(self.member_value(item, is_binary)?);
                }
                pieces.push(Frag::atom("']'", Ty::TEXT));
                Some(chain(&pieces).sure().with_ty(ty))
            }
            ("to_json" | "to_jsonb", [value]) => Some(self.json_of(value, is_binary)?.with_ty(ty)),
            _ => None,
        })
    }

    /// An object of keys and values in turn.
    fn object(&self, pairs: &[Frag], is_binary: bool) -> Result<Frag> {
        let mut members = Vec::new();
        for pair in pairs.chunks(2) {
            let [key, value] = pair else { continue };
            let Some(key) = self.text_literal(key) else {
                return Err(PgError::unsupported("the keys of a JSON object must be constants")
                    .hint("PostgreSQL has an error for a key that is NULL, which IRIS has not."));
            };
            members.push((key, self.member_value(value, is_binary)?));
        }
        if is_binary {
            members = sorted(members);
        }
        let colon = if is_binary { ": " } else { " : " };
        let mut pieces = Vec::new();
        for (n, (key, value)) in members.into_iter().enumerate() {
            let before = if n == 0 { "{" } else { ", " };
            pieces.push(self.text_constant(&format!("{before}{}{colon}", quoted(&key))));
            pieces.push(value);
        }
        pieces.push(Frag::atom(if pieces.is_empty() { "'{}'" } else { "'}'" }, Ty::TEXT));
        Ok(chain(&pieces).sure())
    }

    /// A value inside a document: NULL is `null`.
    fn member_value(&self, value: &Frag, is_binary: bool) -> Result<Frag> {
        if value.is_null() {
            return Ok(Frag::atom("'null'", Ty::TEXT));
        }
        let json = self.json_of(value, is_binary)?;
        Ok(if json.not_null {
            json.within(level::ATOM)
        } else {
            Frag::cat(&[&"COALESCE(", &json, &", 'null')"], Ty::TEXT)
        })
    }

    /// A value as JSON text; NULL stays NULL.
    fn json_of(&self, value: &Frag, is_binary: bool) -> Result<Frag> {
        let frag = as_value(value.clone());
        let sure = frag.not_null;
        let Ty::Known(ty) = frag.ty else {
            return match (frag.ty, self.text_literal(&frag)) {
                (Ty::Untyped, Some(text)) => Ok(self.text_constant(&quoted(&text))),
                (Ty::Parameter(_), _) => {
                    let text = self.as_text(frag);
                    Ok(string_of(&text))
                }
                _ => Err(no_json("a type that only IRIS knows")),
            };
        };
        let in_quotes = |text: Frag| Frag::cat(&[&"'\"' || ", &text, &" || '\"'"], Ty::TEXT).with_level(level::OTHER);
        let json = match ty.oid {
            // json keeps its blanks and doubles, jsonb has none.
            Oid::JSON if is_binary => return Err(no_json("type json inside of jsonb")),
            Oid::JSON | Oid::JSONB => frag.with_ty(Ty::TEXT),
            Oid::BOOL | Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::NUMERIC => self.text_of(frag, text::TextForm::Cast)?,
            Oid::TEXT | Oid::VARCHAR | Oid(19) => match self.text_literal(&frag) {
                Some(text) => self.text_constant(&quoted(&text)),
                None => string_of(&frag),
            },
            Oid::BPCHAR => string_of(&self.text_of(frag, text::TextForm::Output)?),
            Oid::UUID => in_quotes(frag.with_ty(Ty::TEXT)),
            // Always ISO, whatever DateStyle says.
            Oid::DATE => in_quotes(moments::day_text(&frag)),
            Oid::TIMESTAMP => in_quotes(moments::timestamp_text(&frag, 'T')),
            Oid::TIMESTAMPTZ if !self.template.is_zoned => {
                let text = moments::timestamp_text(&frag, 'T');
                in_quotes(Frag::cat(&[&text, &" || '+00:00'"], Ty::TEXT))
            }
            _ => return Err(no_json(&format!("type {}", PgType::new(ty.oid).name()))),
        };
        Ok(if sure { json.sure() } else { json })
    }

    /// `json_agg(value)`, `jsonb_agg(value)`: `filter` says which rows count.
    #[inline(never)]
    pub(crate) fn json_array_of_rows(&self, is_binary: bool, value: &Frag, filter: Option<&Frag>) -> Result<Frag> {
        let items = self.member_value(value, is_binary)?;
        Ok(gathered(&items, ("[", "]"), filter).with_ty(json_type(is_binary)))
    }

    /// `json_object_agg(key, value)`.
    #[inline(never)]
    pub(crate) fn json_object_of_rows(&self, key: &Frag, value: &Frag, filter: Option<&Frag>) -> Result<Frag> {
        if !key.not_null {
            return Err(PgError::unsupported("json_object_agg() of a key that may be NULL is not supported")
                .hint("PostgreSQL has an error for such a key, which IRIS has not. A column that is NOT NULL works."));
        }
        let text = self.text_of(key.clone(), text::TextForm::Cast)?;
        let key = match key.ty.oid() {
            Some(Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR) => string_of(&text),
            _ => Frag::cat(&[&"'\"' || ", &text, &" || '\"'"], Ty::TEXT),
        };
        let member = Frag::cat(&[&key, &" || ' : ' || ", &self.member_value(value, false)?], Ty::TEXT);
        Ok(gathered(&member, ("{ ", " }"), filter).with_ty(json_type(false)))
    }
}

/// The items of all rows between two brackets; NULL when there is no row. (JSON_ARRAYAGG would cut them.)
fn gathered(items: &Frag, (open, close): (&str, &str), filter: Option<&Frag>) -> Frag {
    let (count, items) = match filter {
        Some(filter) => (
            Frag::cat(&[&"COUNT(CASE WHEN ", filter, &" THEN 1 END)"], Ty::INT8),
            Frag::cat(&[&"CASE WHEN ", filter, &" THEN ", items, &" END"], Ty::TEXT),
        ),
        None => (Frag::atom("COUNT(*)", Ty::INT8), items.clone()),
    };
    let (open, close) = (format!("'{open}'"), format!("'{close}'"));
    Frag::cat(
        &[
            &"CASE WHEN ",
            &count,
            &" > 0 THEN ",
            &open,
            &" || $LISTTOSTRING(%DLIST(",
            &items,
            &"), ', ') || ",
            &close,
            &" END",
        ],
        Ty::TEXT,
    )
}

fn json_type(is_binary: bool) -> Ty {
    Ty::of(if is_binary { Oid::JSONB } else { Oid::JSON })
}

fn no_json(what: &str) -> Box<PgError> {
    PgError::unsupported(format!("IRIS cannot make PostgreSQL's JSON of a value of {what}"))
        .hint("Select the value as a column of its own and build the document in the application.")
}

/// The order of jsonb: shorter keys first, then by their bytes; of equal keys the last stays.
fn sorted(members: Vec<(String, Frag)>) -> Vec<(String, Frag)> {
    let mut kept: Vec<(String, Frag)> = Vec::new();
    for (key, value) in members {
        kept.retain(|(known, _)| *known != key);
        kept.push((key, value));
    }
    kept.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    kept
}

/// A string as PostgreSQL writes it in JSON (`escape_json`).
fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match escape(c) {
            Some(escaped) => json.push_str(&escaped),
            None => json.push(c),
        }
    }
    json.push('"');
    json
}

fn escape(c: char) -> Option<String> {
    Some(match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{C}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if u32::from(c) < 0x20 => format!("\\u{:04x}", u32::from(c)),
        _ => return None,
    })
}

/// A text as a JSON string, each character that needs it replaced in turn; the backslash first.
fn string_of(text: &Frag) -> Frag {
    let mut escaped = Frag::cat(&[&"REPLACE(REPLACE(", text, &", '\\', '\\\\'), '\"', '\\\"')"], Ty::TEXT);
    for code in 1..0x20_u8 {
        let Some(replacement) = escape(char::from(code)) else { continue };
        let code = code.to_string();
        escaped = Frag::cat(&[&"REPLACE(", &escaped, &", CHAR(", &code, &"), '", &replacement, &"')"], Ty::TEXT);
    }
    let sure = text.not_null;
    let json = Frag::cat(&[&"'\"' || ", &escaped, &" || '\"'"], Ty::TEXT).with_level(level::OTHER);
    if sure { json.sure() } else { json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_postgresql_does() {
        assert_eq!(quoted("a\"b\\c/d\u{1}\u{7f}é\n"), "\"a\\\"b\\\\c/d\\u0001\u{7f}é\\n\"");
    }

    #[test]
    fn members_are_in_the_order_of_jsonb() {
        let member = |key: &str, value: &str| (key.to_owned(), Frag::atom(value, Ty::TEXT));
        let members = sorted(vec![member("bb", "1"), member("a", "2"), member("c", "3"), member("a", "4")]);
        let found: Vec<(&str, &str)> = members.iter().map(|(key, value)| (key.as_str(), value.text.as_str())).collect();
        assert_eq!(found, [("a", "4"), ("c", "3"), ("bb", "1")]);
    }
}
