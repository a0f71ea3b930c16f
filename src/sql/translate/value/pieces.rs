//! Parts of a text by count and place, with PostgreSQL's meaning of counts below one and beyond the end.

use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Piece, Ty, level};
use crate::wire::PgError;

impl Cx<'_> {
    /// `substring(text, start [, length])`.
    pub(crate) fn part_of(&self, text: &Frag, start: &Frag, length: Option<&Frag>) -> Result<Frag> {
        let Some(length) = length else {
            return Ok(substring(text, start, None));
        };
        match (self.small_constant(start), self.small_constant(length)) {
            // PostgreSQL says so of the first row, and nothing where there is none.
            (_, Some(length)) if length < 0 => {
                Err(PgError::unsupported("a negative length of a substring is not supported by IRIS"))
            }
            (Some(from @ 1..), Some(1..)) if from <= i64::from(i32::MAX) => Ok(substring(text, start, Some(length))),
            (Some(from), Some(count)) => {
                // A start before the text takes from the length.
                let count = if from < 1 { from.saturating_add(count).saturating_sub(1) } else { count };
                if count < 1 {
                    return Ok(empty_unless_null(&[text]));
                }
                Ok(substring(text, &from.max(1).to_string(), Some(&count.to_string())))
            }
            (Some(1..), None) => {
                // IRIS has NULL for no characters, and an error for fewer.
                let none = empty_unless_null(&[text, length]);
                Ok(coalesce(&substring(text, start, Some(length)), &none))
            }
            _ => {
                let (from, count) = (start.clone().within(level::ATOM), length.clone().within(level::ATOM));
                let none = empty_unless_null(&[text, start, length]);
                let is_before: [&dyn Piece; 8] =
                    [&from, &" < 1 AND ", &count, &" >= 0 AND ", &from, &" + ", &count, &" <= 1"];
                Ok(case(&[(&is_before, &none)], &coalesce(&substring(text, start, Some(length)), &none)))
            }
        }
    }

    pub(crate) fn left(&self, text: &Frag, count: &Frag) -> Frag {
        let length = Frag::cat(&[&"CHAR_LENGTH(", text, &")"], Ty::INT4);
        match self.small_constant(count) {
            Some(0) => empty_unless_null(&[text]),
            Some(1..) => substring(text, &"1", Some(count)),
            Some(n) => {
                let cut = n.saturating_neg().to_string();
                let rest = substring(text, &"1", Some(&cat(&[&length, &" - ", &cut])));
                case(&[(&[&length, &" > ", &cut], &rest)], &empty_unless_null(&[text]))
            }
            None => {
                let n = count.clone().within(level::ATOM);
                let rest = cat(&[&length, &" + ", &n]);
                case(
                    &[
                        (&[&n, &" > 0"], &substring(text, &"1", Some(&n))),
                        (&[&n, &" < 0 AND ", &rest, &" > 0"], &substring(text, &"1", Some(&rest))),
                    ],
                    &empty_unless_null(&[text, count]),
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
                let last = substring(text, &cat(&[&length, &" - ", &n, &" + 1"]), None);
                case(&[(&[&length, &" > ", &n], &last)], text)
            }
            Some(n) => {
                let cut = n.saturating_neg();
                let (first, cut) = (cut.saturating_add(1).to_string(), cut.to_string());
                let rest = substring(text, &first, None);
                case(&[(&[&length, &" > ", &cut], &rest)], &empty_unless_null(&[text]))
            }
            None => {
                let n = count.clone().within(level::ATOM);
                let last = substring(text, &cat(&[&length, &" - ", &n, &" + 1"]), None);
                let rest = substring(text, &cat(&[&"1 - ", &n]), None);
                case(
                    &[
                        (&[&n, &" >= ", &length], text),
                        (&[&n, &" > 0"], &last),
                        (&[&n, &" < 0 AND ", &length, &" + ", &n, &" > 0"], &rest),
                    ],
                    &empty_unless_null(&[text, count]),
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
                case(&[(&[&test, &" < 1"], &none)], &padded)
            }
        })
    }

    pub(crate) fn split_part(&self, text: &Frag, separator: &Frag, n: &Frag) -> Result<Frag> {
        let n = match self.small_constant(n) {
            Some(n) if n != 0 => n,
            // Of position 0 PostgreSQL says so of the first row, and nothing where there is none.
            _ => {
                return Err(PgError::unsupported("split_part() is supported with a constant position only")
                    .hint("PostgreSQL has an error for position 0, which IRIS has not."));
            }
        };
        let none = empty_unless_null(&[text, separator]);
        let whole = if matches!(n, 1 | -1) { text.clone() } else { none.clone() };
        let piece = if n > 0 {
            // $PIECE has NULL for an empty piece and for one that is not there.
            coalesce(&piece_of(text, separator, &n.to_string()), &none)
        } else {
            let count = Frag::cat(
                &[&"$LENGTH(", text, &", ", separator, &") - ", &n.saturating_add(1).saturating_neg().to_string()],
                Ty::INT4,
            );
            case(&[(&[&count, &" > 0"], &coalesce(&piece_of(text, separator, &count), &none))], &none)
        };
        Ok(match self.text_literal(separator) {
            Some(separator) if separator.is_empty() => whole,
            Some(_) => piece,
            None => case(&[(&[&"CHAR_LENGTH(", separator, &") = 0"], &whole)], &piece),
        })
    }
}

fn cat(pieces: &[&dyn Piece]) -> Frag {
    Frag::cat(pieces, Ty::TEXT)
}

/// `CASE` of conditions, each put together of pieces, and values.
fn case(arms: &[(&[&dyn Piece], &Frag)], otherwise: &Frag) -> Frag {
    let mut frag = cat(&[&"CASE"]);
    for (condition, value) in arms {
        frag.push(&" WHEN ");
        condition.iter().for_each(|piece| frag.push(*piece));
        frag.push(&" THEN ");
        frag.push(*value);
    }
    frag.push(&" ELSE ");
    frag.push(otherwise);
    frag.push(&" END");
    frag
}

fn substring(text: &Frag, from: &dyn Piece, count: Option<&dyn Piece>) -> Frag {
    match count {
        None => cat(&[&"SUBSTRING(", text, &", ", from, &")"]),
        Some(count) => cat(&[&"SUBSTRING(", text, &", ", from, &", ", count, &")"]),
    }
}

fn piece_of(text: &Frag, separator: &Frag, n: &dyn Piece) -> Frag {
    cat(&[&"$PIECE(", text, &", ", separator, &", ", n, &")"])
}

fn coalesce(value: &Frag, none: &Frag) -> Frag {
    cat(&[&"COALESCE(", value, &", ", none, &")"])
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
