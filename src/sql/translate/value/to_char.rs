//! `to_char` of dates and timestamps, put together from their parts: IRIS's TO_CHAR prints patterns it does not know,
//! has its own for others, and knows no dates before 1841. `to_date` and `to_timestamp` of constants are read here.

use super::moments::{self, number, padded, part};
use super::strings::chain;
use crate::iris::ParameterKind;
use crate::sql::plan::Bind;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::types::Oid;
use crate::wire::{PgError, SqlState};

/// Patterns of PostgreSQL (`formatting.c`, `DCH_keywords`), longest first where one begins another. Upper case; those
/// that print digits may be in lower case too.
#[rustfmt::skip]
const PATTERNS: &[&str] = &[
    "A.D.", "A.M.", "AD", "AM", "B.C.", "BC", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4", "FF5",
    "FF6", "FX", "HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON",
    "MS", "OF", "P.M.", "PM", "Q", "RM", "SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY",
    "YYY", "YY", "Y", "FM", "TM",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Cx<'_> {
    /// `to_char(value, format)`.
    #[inline(never)]
    pub(crate) fn to_char(&self, value: &Frag, format: &Frag) -> Result<Frag> {
        self.check_zone(value, &[Oid::TIMESTAMPTZ], "to_char() of a timestamp with time zone")?;
        // What only IRIS can type is taken for a moment.
        if !value.ty.is_moment() && value.ty != Ty::Any {
            return Err(PgError::unsupported("to_char() is supported for dates and timestamps only")
                .hint("IRIS formats numbers, times and intervals another way; format them in the application."));
        }
        let Some(format) = self.text_literal(format) else {
            return Err(PgError::unsupported("to_char() is supported with a constant format only"));
        };
        let mut pieces: Vec<Frag> = Vec::new();
        let mut text = String::new();
        let mut rest = format.as_str();
        let mut has_field = false;
        while let Some(c) = rest.chars().next() {
            if let Some((piece, after)) = common_run(value, rest) {
                self.flush(&mut text, &mut pieces);
                pieces.push(piece);
                has_field = true;
                rest = after;
                continue;
            }
            if c == '"' {
                let Some((literal, after)) = rest.get(1..).and_then(|rest| rest.split_once('"')) else {
                    return Err(unknown(rest));
                };
                if literal.contains('\\') {
                    return Err(unknown(rest));
                }
                text.push_str(literal);
                rest = after;
                continue;
            }
            let (fills, after) = match rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
                Some(after) => (false, after),
                None => (true, rest),
            };
            match pattern(after) {
                Some(length) => {
                    let (written, after) = after.split_at_checked(length).unwrap_or((after, ""));
                    // Ordinal suffixes: `DDth`, and `DDTHH24`, which is `DDTH` and `H24`.
                    let suffix = after.get(..2).unwrap_or_default();
                    if suffix.eq_ignore_ascii_case("th") || suffix == "SP" {
                        return Err(unknown(&format!("{written}{suffix}")));
                    }
                    self.flush(&mut text, &mut pieces);
                    pieces.push(field(written, value, fills).ok_or_else(|| unknown(written))?);
                    has_field = true;
                    rest = after;
                }
                None if !fills || c == '\\' => return Err(unknown(rest)),
                None => {
                    text.push(c);
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                }
            }
        }
        self.flush(&mut text, &mut pieces);
        if !has_field {
            return Err(unknown(&format));
        }
        Ok(chain(&pieces))
    }

    fn flush(&self, text: &mut String, pieces: &mut Vec<Frag>) {
        if !text.is_empty() {
            pieces.push(self.text_constant(text));
            text.clear();
        }
    }

    /// `to_date(text, format)` and `to_timestamp(text, format)` of constants, in formats that leave no choice.
    #[inline(never)]
    pub(crate) fn moment_from_text(&self, oid: Oid, text: &Frag, format: &Frag) -> Result<Frag> {
        let name = if oid == Oid::DATE { "to_date" } else { "to_timestamp" };
        let unsupported = || {
            PgError::unsupported(format!("{name}() is supported for constants in formats like YYYY-MM-DD only"))
                .hint("IRIS reads other text another way. Write the value as a date, or pass it as a parameter.")
        };
        let (Some(text), Some(format)) = (self.text_literal(text), self.text_literal(format)) else {
            return Err(unsupported());
        };
        let iso = read(&text, &format).filter(|iso| !iso.starts_with("0000")).ok_or_else(unsupported)?;
        // An impossible day is an error of the translation already, as PostgreSQL's is of the planner.
        if iso.contains(" 24:") || crate::types::decode_text(Oid::TIMESTAMP, &iso).is_err() {
            return Err(PgError::error(
                SqlState::DATETIME_OVERFLOW,
                format!("date/time field value out of range: \"{text}\""),
            ));
        }
        let bind = Bind::TypedConstant { text: iso, oid: if oid == Oid::DATE { Oid::DATE } else { Oid::TIMESTAMP } };
        let mark = Frag::mark(bind, ParameterKind::StringLiteral, Ty::TEXT);
        let iris = if oid == Oid::DATE { " AS DATE)" } else { " AS TIMESTAMP)" };
        Ok(Frag::cat(&[&"CAST(", &mark, &iris], Ty::of(oid)).sure())
    }
}

/// What almost every format begins with.
fn common_run<'f>(value: &Frag, format: &'f str) -> Option<(Frag, &'f str)> {
    let run = |pattern: &str| {
        let (head, after) = format.split_at_checked(pattern.len())?;
        let ends = !after.starts_with(|c: char| c.is_ascii_alphabetic()) || after.starts_with("\"");
        ((head == pattern || head == pattern.to_ascii_lowercase()) && ends).then_some(after)
    };
    if let Some(after) = run("YYYY-MM-DD") {
        return Some((moments::day_text(value), after));
    }
    if let Some(after) = run("YYYY-MM") {
        return Some((slice(&moments::day_text(value), 1, 7), after));
    }
    run("HH24:MI:SS").map(|after| (moments::clock_text(value), after))
}

fn slice(text: &Frag, start: u8, length: u8) -> Frag {
    Frag::cat(&[&"SUBSTRING(", text, &", ", &start.to_string(), &", ", &length.to_string(), &")"], Ty::TEXT)
}

/// The length of the pattern that a format goes on with.
fn pattern(format: &str) -> Option<usize> {
    let starts = |pattern: &&&str| {
        format.get(..pattern.len()).is_some_and(|head| {
            // `Month`, `Mon`, `Day`, `Dy` also with a capital alone.
            let is_name = matches!(**pattern, "MONTH" | "MON" | "DAY" | "DY");
            head == **pattern
                || head == pattern.to_ascii_lowercase()
                || is_name && head.eq_ignore_ascii_case(pattern) && is_capitalised(head)
        })
    };
    PATTERNS.iter().find(starts).map(|pattern| pattern.len())
}

fn is_capitalised(word: &str) -> bool {
    word.chars().enumerate().all(|(n, c)| c.is_ascii_uppercase() == (n == 0))
}

/// A field of a format; `None`: not one that is made here.
fn field(written: &str, value: &Frag, fills: bool) -> Option<Frag> {
    let day = || moments::day_text(value);
    let digits = |frag: Frag, width: u8| if fills { padded(&frag, width) } else { number(&frag) };
    let hour = || part("hour", value);
    let micros = |length: u8| slice(&padded(&moments::microsecond(value), 6), 1, length);
    let names = |names: &[&str], index: &Frag| {
        let width = if fills && (written.len() > 3 || written.eq_ignore_ascii_case("day")) { 9 } else { 0 };
        named(names, index, written, width)
    };
    let upper = written.to_ascii_uppercase();
    Some(match upper.as_str() {
        "YYYY" if fills => slice(&day(), 1, 4),
        "YYYY" => number(&part("year", value)),
        "YYY" if fills => slice(&day(), 2, 3),
        "YY" if fills => slice(&day(), 3, 2),
        "Y" if fills => slice(&day(), 4, 1),
        "MM" if fills => slice(&day(), 6, 2),
        "MM" => number(&part("month", value)),
        "DD" if fills => slice(&day(), 9, 2),
        "DD" => number(&part("day", value)),
        "DDD" => digits(part("dayofyear", value), 3),
        "HH24" => digits(hour(), 2),
        "HH" | "HH12" => digits(Frag::cat(&[&"MOD(", &hour(), &" + 11, 12) + 1"], Ty::INT4), 2),
        "MI" => digits(part("minute", value), 2),
        "SS" => digits(moments::second(value), 2),
        "MS" | "FF3" if fills => micros(3),
        "US" | "FF6" if fills => micros(6),
        "FF1" if fills => micros(1),
        "FF2" if fills => micros(2),
        "FF4" if fills => micros(4),
        "FF5" if fills => micros(5),
        "Q" if fills => number(&part("quarter", value)),
        "D" if fills => number(&Frag::cat(&[&moments::weekday(value), &" + 1"], Ty::INT4)),
        "ID" if fills => number(&moments::iso_weekday(value)),
        "IW" => digits(moments::iso_week(value), 2),
        "IYYY" => digits(moments::iso_year(value), 4),
        "WW" => digits(Frag::cat(&[&"(", &part("dayofyear", value), &" - 1) \\ 7 + 1"], Ty::INT4), 2),
        "W" if fills => number(&Frag::cat(&[&"(", &part("day", value), &" - 1) \\ 7 + 1"], Ty::INT4)),
        "AM" | "PM" | "A.M." | "P.M." => {
            let (am, pm) = if upper.len() == 2 { ("AM", "PM") } else { ("A.M.", "P.M.") };
            let cased = |text: &str| if written == upper { text.to_owned() } else { text.to_ascii_lowercase() };
            let (am, pm) = (format!("'{}'", cased(am)), format!("'{}'", cased(pm)));
            Frag::cat(
                &[&"CASE WHEN ", &hour(), &" < 12 THEN ", &am, &" WHEN ", &hour(), &" >= 12 THEN ", &pm, &" END"],
                Ty::TEXT,
            )
        }
        "MONTH" => names(&MONTHS, &part("month", value)),
        "MON" => names(&MONTHS.map(|name| name.get(..3).unwrap_or(name)), &part("month", value)),
        "DAY" => names(&DAYS, &moments::iso_weekday(value)),
        "DY" => names(&DAYS.map(|name| name.get(..3).unwrap_or(name)), &moments::iso_weekday(value)),
        _ => return None,
    })
}

/// The name at a place counted from 1, in the case the pattern is written in, filled with blanks.
fn named(names: &[&str], index: &Frag, written: &str, width: usize) -> Frag {
    let mut frag = Frag::cat(&[&"CASE ", index], Ty::TEXT);
    for (n, name) in names.iter().enumerate() {
        let name = if is_capitalised(written) {
            (*name).to_owned()
        } else if written.starts_with(|c: char| c.is_ascii_uppercase()) {
            name.to_ascii_uppercase()
        } else {
            name.to_ascii_lowercase()
        };
        frag.push(&format!(" WHEN {} THEN '{name:<width$}'", n.saturating_add(1)));
    }
    frag.push(&" END");
    frag.with_level(level::ATOM)
}

fn unknown(pattern: &str) -> Box<PgError> {
    PgError::unsupported(format!("to_char() with the pattern \"{pattern}\" is not supported"))
        .hint("Years, months, days, weeks, hours, minutes, seconds, fractions and names of months and days work.")
}

/// The ISO form of a text in a format of fields with fixed widths, each with all its digits.
fn read(text: &str, format: &str) -> Option<String> {
    let (mut text, mut format) = (text, format);
    let fields = [("YYYY", 4), ("HH24", 2), ("MM", 2), ("DD", 2), ("MI", 2), ("SS", 2)];
    let mut found = [None; 6];
    while !format.is_empty() {
        let known = fields
            .iter()
            .enumerate()
            .find(|(_, (name, _))| format.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)));
        if let Some((n, (name, width))) = known {
            let (digits, rest) = text.split_at_checked(*width)?;
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let slot = found.get_mut(n)?;
            if slot.replace(digits).is_some() {
                return None;
            }
            text = rest;
            format = format.get(name.len()..)?;
            continue;
        }
        let c = format.chars().next().filter(|c| matches!(c, '-' | '/' | '.' | ':' | ' '))?;
        text = text.strip_prefix(c)?;
        format = format.get(1..)?;
    }
    let [year, hour, month, day, minute, second] = found;
    let (year, month, day) = (year?, month?, day?);
    text.is_empty().then(|| {
        let [hour, minute, second] = [hour, minute, second].map(|field| field.unwrap_or("00"));
        format!("{year}-{month}-{day} {hour}:{minute}:{second}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_leave_no_choice() {
        assert_eq!(read("2024-02-29", "YYYY-MM-DD").as_deref(), Some("2024-02-29 00:00:00"));
        assert_eq!(read("29.02.2024 10:20", "dd.mm.yyyy HH24:MI").as_deref(), Some("2024-02-29 10:20:00"));
        assert_eq!(read("20240229", "YYYYMMDD").as_deref(), Some("2024-02-29 00:00:00"));
        for (text, format) in
            [("2024-2-9", "YYYY-MM-DD"), ("24-02-29", "YY-MM-DD"), ("2024-02-29 ", "YYYY-MM-DD"), ("2024", "YYYY")]
        {
            assert_eq!(read(text, format), None, "{text} {format}");
        }
    }

    #[test]
    fn patterns_are_found_as_postgresql_finds_them() {
        let length = |format: &'static str| pattern(format).map(|length| &format[..length]);
        assert_eq!(length("YYYYMM"), Some("YYYY"));
        assert_eq!(length("Month"), Some("Month"));
        assert_eq!(length("mon"), Some("mon"));
        assert_eq!(length("ddth"), Some("dd"));
        assert_eq!(length("Th"), None);
        assert_eq!(length("IYYY"), Some("IYYY"));
        assert_eq!(length("hh24"), Some("hh24"));
    }
}
