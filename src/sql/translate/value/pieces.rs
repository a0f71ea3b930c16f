//! Parts of a text by count and place, with PostgreSQL's meaning of counts below one and beyond the end.

use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::wire::{PgError, SqlState};

impl Cx<'_> {
    /// `substring(text, start [, length])`.
    pub(crate) fn part_of(&self, text: &Frag, start: &Frag, length: Option<&Frag>) -> Result<Frag> {
        let Some(length) = length else {
            return Ok(Frag::cat(&[&"SUBSTRING(", text, &", ", start, &")"], Ty::TEXT));
        };
        let part = |start: &Frag, length: &Frag| {
            Frag::cat(&[&"SUBSTRING(", text, &", ", start, &", ", length, &")"], Ty::TEXT)
        };
        match (self.small_constant(start), self.small_constant(length)) {
            (_, Some(length)) if length < 0 => {
                Err(PgError::error(SqlState(*b"22011"), "negative substring length not allowed"))
            }
            (Some(from @ 1..), Some(1..)) if from <= i64::from(i32::MAX) => Ok(part(start, length)),
            (Some(from), Some(count)) => {
                // A start before the text takes from the length.
                let count = if from < 1 { from.saturating_add(count).saturating_sub(1) } else { count };
                if count < 1 {
                    return Ok(empty_unless_null(&[text]));
                }
                let number = |value: i64| Frag::atom(value.to_string(), Ty::INT4);
                Ok(part(&number(from.max(1)), &number(count)))
            }
            (Some(1..), None) => {
                // IRIS has NULL for no characters, and an error for fewer.
                let none = empty_unless_null(&[text, length]);
                Ok(Frag::cat(&[&"COALESCE(", &part(start, length), &", ", &none, &")"], Ty::TEXT))
            }
            _ => {
                let (from, count) = (start.clone().within(level::ATOM), length.clone().within(level::ATOM));
                let none = empty_unless_null(&[text, start, length]);
                Ok(Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &from,
                        &" < 1 AND ",
                        &count,
                        &" >= 0 AND ",
                        &from,
                        &" + ",
                        &count,
                        &" <= 1 THEN ",
                        &none,
                        &" ELSE COALESCE(",
                        &part(start, length),
                        &", ",
                        &none,
                        &") END",
                    ],
                    Ty::TEXT,
                ))
            }
        }
    }

    pub(crate) fn left(&self, text: &Frag, count: &Frag) -> Frag {
        let length = Frag::cat(&[&"CHAR_LENGTH(", text, &")"], Ty::INT4);
        match self.small_constant(count) {
            Some(0) => empty_unless_null(&[text]),
            Some(1..) => Frag::cat(&[&"SUBSTRING(", text, &", 1, ", count, &")"], Ty::TEXT),
            Some(n) => {
                let cut = n.saturating_neg().to_string();
                let none = empty_unless_null(&[text]);
                Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &length,
                        &" > ",
                        &cut,
                        &" THEN SUBSTRING(",
                        text,
                        &", 1, ",
                        &length,
                        &" - ",
                        &cut,
                        &") ELSE ",
                        &none,
                        &" END",
                    ],
                    Ty::TEXT,
                )
            }
            None => {
                let (n, none) = (count.clone().within(level::ATOM), empty_unless_null(&[text, count]));
                Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &n,
                        &" > 0 THEN SUBSTRING(",
                        text,
                        &", 1, ",
                        &n,
                        &") WHEN ",
                        &n,
                        &" < 0 AND ",
                        &length,
                        &" + ",
                        &n,
                        &" > 0 THEN SUBSTRING(",
                        text,
                        &", 1, ",
                        &length,
                        &" + ",
                        &n,
                        &") ELSE ",
                        &none,
                        &" END",
                    ],
                    Ty::TEXT,
                )
            }
        }
    }

    pub(crate) fn right(&self, text: &Frag, count: &Frag) -> Frag {
        let length = Frag::cat(&[&"CHAR_LENGTH(", text, &")"], Ty::INT4);
        match self.small_constant(count) {
            Some(0) => empty_unless_null(&[text]),
            Some(n @ 1..) => {
                let n = n.to_string();
                Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &length,
                        &" > ",
                        &n,
                        &" THEN SUBSTRING(",
                        text,
                        &", ",
                        &length,
                        &" - ",
                        &n,
                        &" + 1) ELSE ",
                        text,
                        &" END",
                    ],
                    Ty::TEXT,
                )
            }
            Some(n) => {
                let (cut, none) = (n.saturating_neg(), empty_unless_null(&[text]));
                let (first, cut) = (cut.saturating_add(1).to_string(), cut.to_string());
                Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &length,
                        &" > ",
                        &cut,
                        &" THEN SUBSTRING(",
                        text,
                        &", ",
                        &first,
                        &") ELSE ",
                        &none,
                        &" END",
                    ],
                    Ty::TEXT,
                )
            }
            None => {
                let (n, none) = (count.clone().within(level::ATOM), empty_unless_null(&[text, count]));
                Frag::cat(
                    &[
                        &"CASE WHEN ",
                        &n,
                        &" >= ",
                        &length,
                        &" THEN ",
                        text,
                        &" WHEN ",
                        &n,
                        &" > 0 THEN SUBSTRING(",
                        text,
                        &", ",
                        &length,
                        &" - ",
                        &n,
                        &" + 1) WHEN ",
                        &n,
                        &" < 0 AND ",
                        &length,
                        &" + ",
                        &n,
                        &" > 0 THEN SUBSTRING(",
                        text,
                        &", 1 - ",
                        &n,
                        &") ELSE ",
                        &none,
                        &" END",
                    ],
                    Ty::TEXT,
                )
            }
        }
    }

    pub(crate) fn pad(&self, name: &str, text: &Frag, length: &Frag, fill: Option<&Frag>) -> Result<Frag> {
        let constant_fill = fill.map(|fill| self.text_literal(fill));
        if constant_fill == Some(None) {
            return Err(PgError::unsupported(format!("{name}() with a fill that is no constant is not supported"))
                .hint("IRIS does not say what it does with an empty one."));
        }
        if constant_fill == Some(Some(String::new())) {
            // Nothing to fill with: only cut.
            return Ok(match self.small_constant(length) {
                Some(count) if count < 1 => empty_unless_null(&[text]),
                _ => self.left(text, &Frag::cat(&[&"GREATEST(", length, &", 0)"], Ty::INT4)),
            });
        }
        let mut padded = Frag::cat(&[&name.to_uppercase(), &"(", text, &", ", length], Ty::TEXT);
        if let Some(fill) = fill {
            padded.push(&", ");
            padded.push(fill);
        }
        padded.push(&")");
        Ok(match self.small_constant(length) {
            Some(1..) => padded,
            Some(_) => empty_unless_null(&[text]),
            None => {
                let (test, none) = (length.clone().within(level::OTHER), empty_unless_null(&[text]));
                Frag::cat(&[&"CASE WHEN ", &test, &" < 1 THEN ", &none, &" ELSE ", &padded, &" END"], Ty::TEXT)
            }
        })
    }

    pub(crate) fn split_part(&self, text: &Frag, separator: &Frag, n: &Frag) -> Result<Frag> {
        let n = match self.small_constant(n) {
            Some(0) => {
                return Err(PgError::error(SqlState::INVALID_PARAMETER_VALUE, "field position must not be zero"));
            }
            Some(n) => n,
            None => {
                return Err(PgError::unsupported("split_part() is supported with a constant position only")
                    .hint("PostgreSQL has an error for position 0, which IRIS has not."));
            }
        };
        let none = empty_unless_null(&[text, separator]);
        let whole = if matches!(n, 1 | -1) { text.clone() } else { none.clone() };
        let piece = if n > 0 {
            // $PIECE has NULL for an empty piece and for one that is not there.
            Frag::cat(
                &[&"COALESCE($PIECE(", text, &", ", separator, &", ", &n.to_string(), &"), ", &none, &")"],
                Ty::TEXT,
            )
        } else {
            let count = Frag::cat(
                &[&"$LENGTH(", text, &", ", separator, &") - ", &n.saturating_add(1).saturating_neg().to_string()],
                Ty::INT4,
            );
            Frag::cat(
                &[
                    &"CASE WHEN ",
                    &count,
                    &" > 0 THEN COALESCE($PIECE(",
                    text,
                    &", ",
                    separator,
                    &", ",
                    &count,
                    &"), ",
                    &none,
                    &") ELSE ",
                    &none,
                    &" END",
                ],
                Ty::TEXT,
            )
        };
        Ok(match self.text_literal(separator) {
            Some(separator) if separator.is_empty() => whole,
            Some(_) => piece,
            None => Frag::cat(
                &[&"CASE WHEN CHAR_LENGTH(", separator, &") = 0 THEN ", &whole, &" ELSE ", &piece, &" END"],
                Ty::TEXT,
            ),
        })
    }
}

/// `''`, or NULL when one of `frags` is NULL.
pub(crate) fn empty_unless_null(frags: &[&Frag]) -> Frag {
    let mut test = Frag::atom(String::new(), Ty::BOOL);
    for frag in frags.iter().filter(|frag| !frag.not_null) {
        test.push(&if test.text.is_empty() { "" } else { " AND " });
        test.push(&(*frag).clone().within(level::OTHER));
        test.push(&" IS NOT NULL");
    }
    if test.text.is_empty() {
        return Frag::atom("''", Ty::TEXT).sure();
    }
    Frag::cat(&[&"CASE WHEN ", &test, &" THEN '' END"], Ty::TEXT)
}
