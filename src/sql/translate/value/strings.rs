//! String functions. IRIS has functions of the same names that do other things at the edges: SUBSTRING of length 0, $PIECE of a missing piece, REPEAT of a negative count and ASCII('') are NULL,
//! negative counts mean something else, LEFT and RIGHT exist as ODBC functions only.

use super::pieces::empty_unless_null;
use super::text::TextForm;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level, list};
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// A count or position.
    fn as_integer(&self, frag: &Frag) -> Frag {
        self.coerce(frag.clone(), PgType::new(Oid::INT4))
    }

    #[inline(never)]
    pub(crate) fn string_function(&self, name: &str, arguments: &[Frag]) -> Result<Option<Frag>> {
        let texts: Vec<Frag> = arguments.iter().map(|argument| self.as_text(argument.clone())).collect();
        let call = |iris: &str, ty: Ty| Some(Frag::cat(&[&iris, &"(", &list(&texts), &")"], ty));
        if OF_TEXT.contains(&name) {
            refuse_bytes(name, arguments)?;
        }
        Ok(match (name, texts.as_slice()) {
            // LENGTH of IRIS leaves trailing blanks out. The characters of a binary string are its bytes.
            ("length" | "char_length" | "character_length", [_]) => call("CHAR_LENGTH", Ty::INT4),
            ("octet_length", [a]) if a.ty.is(Oid::BYTEA) => call("CHAR_LENGTH", Ty::INT4),
            ("lower", [_]) => call("LOWER", Ty::TEXT),
            ("upper", [_]) => call("UPPER", Ty::TEXT),
            ("btrim" | "trim", [text]) => Some(self.trimmed("BOTH", text, None)),
            ("btrim", [text, set]) => Some(self.trimmed("BOTH", text, Some(set))),
            ("ltrim", [text]) => Some(self.trimmed("LEADING", text, None)),
            ("ltrim", [text, set]) => Some(self.trimmed("LEADING", text, Some(set))),
            ("rtrim", [text]) => Some(self.trimmed("TRAILING", text, None)),
            ("rtrim", [text, set]) => Some(self.trimmed("TRAILING", text, Some(set))),
            ("substring" | "substr", [text, _, rest @ ..]) if rest.len() < 2 => {
                let Some(start) = arguments.get(1) else { return Ok(None) };
                // Where nothing says that it is a number, PostgreSQL takes a parameter for a text, too.
                let is_open = matches!(start.ty, Ty::Parameter(_))
                    && name == "substring"
                    && rest.iter().all(|length| length.ty.is_open() || length.ty.is_string());
                if start.ty.is_string() || start.ty == Ty::Untyped || is_open {
                    return Err(PgError::unsupported("SUBSTRING with a regular expression is not supported by IRIS"));
                }
                let length = arguments.get(2).map(|length| self.as_integer(length));
                Some(self.part_of(text, &self.as_integer(start), length.as_ref())?)
            }
            ("left" | "right", [text, _]) => {
                let Some(count) = arguments.get(1).map(|count| self.as_integer(count)) else { return Ok(None) };
                Some(if name == "left" { self.left(text, &count) } else { self.right(text, &count) })
            }
            ("repeat", [text, _]) => {
                let Some(count) = arguments.get(1).map(|count| self.as_integer(count)) else { return Ok(None) };
                let repeated = Frag::cat(&[&"REPEAT(", text, &", ", &count, &")"], Ty::TEXT);
                Some(match self.small_constant(&count) {
                    Some(0..) => repeated,
                    Some(_) => empty_unless_null(&[text]),
                    None => {
                        let none = empty_unless_null(&[text]);
                        let test = count.clone().within(level::OTHER);
                        Frag::cat(
                            &[&"CASE WHEN ", &test, &" < 0 THEN ", &none, &" ELSE ", &repeated, &" END"],
                            Ty::TEXT,
                        )
                    }
                })
            }
            ("lpad" | "rpad", [text, _, rest @ ..]) if rest.len() < 2 => {
                let Some(length) = arguments.get(1).map(|length| self.as_integer(length)) else { return Ok(None) };
                Some(self.pad(name, text, &length, rest.first())?)
            }
            ("replace", [text, from, to]) => {
                let replaced = Frag::cat(&[&"REPLACE(", &list(&texts), &")"], Ty::TEXT);
                Some(match self.text_literal(from) {
                    Some(part) if !part.is_empty() => replaced,
                    // Nothing to look for: the text as it is.
                    _ => Frag::cat(
                        &[
                            &"CASE WHEN CHAR_LENGTH(",
                            from,
                            &") = 0 AND ",
                            &to.clone().within(level::OTHER),
                            &" IS NOT NULL THEN ",
                            text,
                            &" ELSE ",
                            &replaced,
                            &" END",
                        ],
                        Ty::TEXT,
                    ),
                })
            }
            ("translate", [text, from, to]) => Some(self.translated(text, from, to)?),
            ("reverse", [_]) => call("REVERSE", Ty::TEXT),
            ("ascii", [text]) => Some(code_point(text)),
            ("chr", [_]) => match arguments.first().and_then(|code| self.small_constant(code)) {
                Some(code) => Some(self.character(code)?),
                None => {
                    return Err(PgError::unsupported("chr() is supported for constants only")
                        .hint("IRIS has no characters beyond U+FFFF, and NULL where PostgreSQL has an error."));
                }
            },
            ("strpos", [text, part]) => Some(self.position_of(text.clone(), part.clone())),
            ("starts_with", [text, prefix]) => Some(self.starts_with(text, prefix)),
            ("split_part", [text, separator, _]) => {
                let Some(n) = arguments.get(2) else { return Ok(None) };
                Some(self.split_part(text, separator, n)?)
            }
            ("concat", [_, ..]) => {
                let pieces = arguments.iter().map(|frag| self.or_empty(frag)).collect::<Result<Vec<_>>>()?;
                Some(chain(&pieces).sure())
            }
            ("concat_ws", [separator, _, ..]) => {
                let separator = separator.clone().within(level::ATOM);
                let mut pieces = Vec::new();
                for frag in arguments.iter().skip(1) {
                    let frag = self.text_of(frag.clone(), TextForm::Output)?.within(level::ATOM);
                    pieces.push(Frag::cat(&[&"COALESCE(", &separator, &" || ", &frag, &", '')"], Ty::TEXT));
                }
                let all = chain(&pieces);
                Some(Frag::cat(&[&"SUBSTRING(", &all, &", CHAR_LENGTH(", &separator, &") + 1)"], Ty::TEXT))
            }
            ("quote_literal", [_]) => {
                let Some(value) = arguments.first() else { return Ok(None) };
                let text = self.text_of(value.clone(), TextForm::Cast)?;
                Some(
                    Frag::cat(
                        &[
                            &"CASE WHEN POSITION('\\' IN ",
                            &text,
                            &") > 0 THEN 'E''' ELSE '''' END || REPLACE(REPLACE(",
                            &text,
                            &", '\\', '\\\\'), '''', '''''') || ''''",
                        ],
                        Ty::TEXT,
                    )
                    .with_level(level::OTHER),
                )
            }
            _ => None,
        })
    }

    /// TRIM takes a set of characters, as PostgreSQL's functions do.
    pub(crate) fn trimmed(&self, side: &str, text: &Frag, set: Option<&Frag>) -> Frag {
        let text = self.as_text(text.clone());
        let Some(set) = set.map(|set| self.as_text(set.clone())) else {
            let function = match side {
                "LEADING" => "LTRIM",
                "TRAILING" => "RTRIM",
                _ => "TRIM",
            };
            return Frag::cat(&[&function, &"(", &text, &")"], Ty::TEXT);
        };
        let trimmed = Frag::cat(&[&"TRIM(", &side, &" ", &set, &" FROM ", &text, &")"], Ty::TEXT);
        match self.text_literal(&set) {
            Some(set) if set.is_empty() => text,
            Some(_) => trimmed,
            None => Frag::cat(
                &[&"CASE WHEN CHAR_LENGTH(", &set, &") = 0 THEN ", &text, &" ELSE ", &trimmed, &" END"],
                Ty::TEXT,
            ),
        }
    }

    /// $TRANSLATE, where each character has one meaning.
    fn translated(&self, text: &Frag, from: &Frag, to: &Frag) -> Result<Frag> {
        let (Some(from), Some(to)) = (self.text_literal(from), self.text_literal(to)) else {
            return Err(PgError::unsupported("translate() is supported with constant sets of characters only"));
        };
        let mut seen = Vec::new();
        for c in from.chars() {
            if seen.contains(&c) || u32::from(c) > 0xFFFF {
                return Err(PgError::unsupported(
                    "translate() with a character twice, or beyond U+FFFF, is not supported by IRIS",
                ));
            }
            seen.push(c);
        }
        if from.is_empty() {
            return Ok(text.clone());
        }
        let to: String = to.chars().take(seen.len()).collect();
        let from = self.text_constant(&from);
        Ok(if to.is_empty() {
            Frag::cat(&[&"$TRANSLATE(", text, &", ", &from, &")"], Ty::TEXT)
        } else {
            Frag::cat(&[&"$TRANSLATE(", text, &", ", &from, &", ", &self.text_constant(&to), &")"], Ty::TEXT)
        })
    }

    /// `chr(code)`.
    fn character(&self, code: i64) -> Result<Frag> {
        let limit = |message: String| Err(PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
        if code < 0 {
            return Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, "character number must be positive"));
        }
        if code == 0 {
            return limit("null character not permitted".to_owned());
        }
        match u32::try_from(code).ok().and_then(char::from_u32) {
            Some(c) => Ok(self.text_constant(&c.to_string())),
            None if code > 0x10_FFFF => limit(format!("requested character too large for encoding: {code}")),
            None => limit(format!("requested character not valid for encoding: {code}")),
        }
    }

    /// The position of a part; an empty one is found in front.
    pub(crate) fn position_of(&self, text: Frag, part: Frag) -> Frag {
        let found = Frag::cat(&[&"POSITION(", &part, &" IN ", &text, &")"], Ty::INT4);
        match self.text_literal(&part) {
            Some(part) if !part.is_empty() => found,
            _ => {
                let text = text.within(level::OTHER);
                Frag::cat(
                    &[
                        &"CASE WHEN CHAR_LENGTH(",
                        &part,
                        &") = 0 AND ",
                        &text,
                        &" IS NOT NULL THEN 1 ELSE ",
                        &found,
                        &" END",
                    ],
                    Ty::INT4,
                )
            }
        }
    }

    /// As a position: %STARTSWITH goes by the collation of the column.
    pub(crate) fn starts_with(&self, text: &Frag, prefix: &Frag) -> Frag {
        let position = self.position_of(self.as_text(text.clone()), self.as_text(prefix.clone()));
        Frag::cat(&[&position, &" = 1"], Ty::BOOL).predicate(level::COMPARISON)
    }

    fn or_empty(&self, frag: &Frag) -> Result<Frag> {
        let text = self.text_of(frag.clone(), TextForm::Output)?;
        Ok(if text.literal().is_some() || text.not_null {
            text.within(level::ATOM)
        } else {
            Frag::cat(&[&"COALESCE(", &text, &", '')"], Ty::TEXT)
        })
    }
}

/// Functions of these names do something else with bytes.
#[rustfmt::skip]
const OF_TEXT: &[&str] = &[
    "lower", "upper", "btrim", "trim", "ltrim", "rtrim", "substring", "substr", "left", "right", "repeat", "lpad", "rpad",
    "replace", "translate", "reverse", "ascii", "strpos", "starts_with", "split_part",
];

/// # Errors
/// 0A000 for bytes.
pub(crate) fn refuse_bytes(name: &str, arguments: &[Frag]) -> Result<()> {
    if arguments.iter().any(|argument| argument.ty.is(Oid::BYTEA)) {
        return Err(PgError::unsupported(format!("{name}() of bytea is not supported by IRIS")));
    }
    Ok(())
}

/// The number of the first character. IRIS counts in UTF-16: beyond U+FFFF, two make one.
fn code_point(text: &Frag) -> Frag {
    let first = Frag::cat(&[&"ASCII(", text, &")"], Ty::INT4);
    Frag::cat(
        &[
            &"CASE WHEN CHAR_LENGTH(",
            text,
            &") = 0 THEN 0 WHEN ",
            &first,
            &" BETWEEN 55296 AND 56319 THEN (",
            &first,
            &" - 55296) * 1024 + ASCII(SUBSTRING(",
            text,
            &", 2, 1)) + 9216 ELSE ",
            &first,
            &" END",
        ],
        Ty::INT4,
    )
}

/// `a || b || c`
pub(crate) fn chain(pieces: &[Frag]) -> Frag {
    let mut all = Frag::atom(String::new(), Ty::TEXT);
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 {
            all.push(&" || ");
        }
        all.push(piece);
    }
    if pieces.len() > 1 { all.with_level(level::OTHER) } else { all }
}
