//! Formats of TO_CHAR, TO_DATE, TO_TIMESTAMP and TO_NUMBER, Oracle's way as IRIS has them.

use iris_protocol::calendar::CivilDate;

use super::super::datetime::{checked_day, from_day, join_timestamp, split_timestamp, to_day};
use super::super::decimal::Dec;
use super::dates::{MONTHS, WEEKDAYS, day_of_year, days_in_year, month_name, week, weekday, weekday_name};

/// TO_DATE's format when none is given.
pub(crate) const DATE_FORMAT: &str = "DD MON YYYY";
/// TO_TIMESTAMP's format when none is given.
pub(crate) const TIMESTAMP_FORMAT: &str = "DD MON YYYY HH:MI:SS";

/// Format elements, longest first where one begins another.
const ELEMENTS: [&str; 22] = [
    "SSSSS", "YYYY", "HH24", "HH12", "MONTH", "RRRR", "YYY", "MON", "DDD", "DAY", "AM", "PM", "YY", "RR", "MM", "DD",
    "DY", "HH", "MI", "SS", "WW", "FF",
];
/// Elements of one letter.
const SHORT_ELEMENTS: [&str; 5] = ["J", "Y", "D", "W", "Q"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// As written; letters decide the case of names.
    Element(&'a str),
    Literal(char),
    /// `.` and digits of the second's fraction.
    Fraction(usize),
}

fn pieces(format: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = format;
    'next: while let Some(first) = rest.chars().next() {
        if first == '"' {
            let quoted = rest.get(1..).unwrap_or("");
            let end = quoted.find('"').unwrap_or(quoted.len());
            pieces.extend(quoted.get(..end).unwrap_or("").chars().map(Piece::Literal));
            rest = quoted.get(end.saturating_add(1)..).unwrap_or("");
            continue;
        }
        for element in ELEMENTS.iter().chain(&SHORT_ELEMENTS) {
            if let Some(head) = rest.get(..element.len())
                && head.eq_ignore_ascii_case(element)
            {
                rest = rest.get(element.len()..).unwrap_or("");
                if *element == "FF" {
                    let digits = rest.chars().next().and_then(|c| c.to_digit(10));
                    if digits.is_some() {
                        rest = rest.get(1..).unwrap_or("");
                    }
                    pieces.push(Piece::Fraction(digits.and_then(|digits| usize::try_from(digits).ok()).unwrap_or(6)));
                } else {
                    pieces.push(Piece::Element(head));
                }
                continue 'next;
            }
        }
        pieces.push(Piece::Literal(first));
        rest = rest.get(first.len_utf8()..).unwrap_or("");
    }
    pieces
}

/// A name in the case of its element: `MONTH`, `Month`, `month`.
fn cased(name: &str, element: &str) -> String {
    let mut letters = element.chars();
    match (letters.next().is_some_and(char::is_uppercase), letters.next().is_some_and(char::is_uppercase)) {
        (true, true) => name.to_uppercase(),
        (true, false) => name.to_owned(),
        (false, _) => name.to_lowercase(),
    }
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// TO_CHAR of a date or timestamp, microseconds since 1970.
pub(crate) fn timestamp_to_char(micros: i64, format: &str) -> String {
    let (day, time) = split_timestamp(micros);
    let date = from_day(day);
    let seconds = time.div_euclid(1_000_000);
    let (hour, minute, second) =
        (seconds.div_euclid(3_600), seconds.div_euclid(60).rem_euclid(60), seconds.rem_euclid(60));
    let mut text = String::new();
    for piece in pieces(format) {
        let element = match piece {
            Piece::Literal(c) => {
                text.push(c);
                continue;
            }
            Piece::Fraction(digits) => {
                let all = format!("{:06}000", time.rem_euclid(1_000_000));
                text.push_str(all.get(..digits.min(9)).unwrap_or(""));
                continue;
            }
            Piece::Element(element) => element,
        };
        let half = hour.saturating_add(11).rem_euclid(12).saturating_add(1);
        text.push_str(&match element.to_ascii_uppercase().as_str() {
            "YYYY" | "RRRR" => format!("{:04}", date.year),
            "YYY" => format!("{:03}", date.year.rem_euclid(1_000)),
            "YY" | "RR" => format!("{:02}", date.year.rem_euclid(100)),
            "Y" => date.year.rem_euclid(10).to_string(),
            "Q" => date.month.saturating_add(2).div_euclid(3).to_string(),
            "MM" => format!("{:02}", date.month),
            "MONTH" => cased(month_name(date.month.into()), element),
            "MON" => cased(short(month_name(date.month.into())), element),
            "WW" => format!("{:02}", week(day)),
            "W" => date.day.saturating_add(6).div_euclid(7).to_string(),
            "DDD" => format!("{:03}", day_of_year(day)),
            "DD" => format!("{:02}", date.day),
            "D" => weekday(day).to_string(),
            "DAY" => cased(weekday_name(weekday(day)), element),
            "DY" => cased(short(weekday_name(weekday(day))), element),
            "J" => day.saturating_add(JULIAN_OF_DAY_0).to_string(),
            "HH24" => format!("{hour:02}"),
            "HH" | "HH12" => format!("{half:02}"),
            "MI" => format!("{minute:02}"),
            "SS" => format!("{second:02}"),
            "SSSSS" => seconds.to_string(),
            "AM" | "PM" => cased(if hour < 12 { "AM" } else { "PM" }, element),
            _ => String::new(),
        });
    }
    text
}

/// Julian day of `$HOROLOG` day 0.
const JULIAN_OF_DAY_0: i64 = 2_393_471;

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    /// 12-hour clock: AM or PM decides.
    half_hour: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    fraction_us: i64,
}

/// TO_TIMESTAMP: microseconds since 1970. Parts that the format lacks are the first: month 1, day 1, midnight; a
/// missing year is `this_year`. None: SQLCODE -400, the text does not fit the format.
pub(crate) fn parse_timestamp(text: &str, format: &str, this_year: i64) -> Option<i64> {
    let mut rest = text.trim();
    let mut fields = Fields::default();
    for piece in pieces(format) {
        match piece {
            Piece::Literal(c) if c.is_alphanumeric() => rest = rest.strip_prefix(c)?,
            // Separators match one another, and runs of blanks count as one.
            Piece::Literal(_) => {
                let separator = |c: char| !c.is_alphanumeric();
                if !rest.is_empty() {
                    rest = rest.strip_prefix(separator)?.trim_start();
                }
            }
            Piece::Fraction(_) => {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                rest = rest.get(digits.len()..)?;
                fields.fraction_us = format!("{digits:0<6}").get(..6)?.parse().ok()?;
            }
            Piece::Element(element) => rest = field(&mut fields, &element.to_ascii_uppercase(), rest, this_year)?,
        }
    }
    if !rest.trim().is_empty() {
        return None;
    }
    let year = fields.year.unwrap_or(this_year);
    let day = match (fields.julian, fields.day_of_year) {
        (Some(julian), _) => julian.checked_sub(JULIAN_OF_DAY_0)?,
        (None, Some(number)) if (1..=days_in_year(year)).contains(&number) => {
            to_day(CivilDate { year, month: 1, day: 1 }).checked_add(number)?.checked_sub(1)?
        }
        (None, Some(_)) => return None,
        (None, None) => checked_day(year, fields.month.unwrap_or(1), fields.day.unwrap_or(1))?,
    };
    let hour = match (fields.half_hour, fields.afternoon) {
        (true, _) if !(1..=12).contains(&fields.hour) && fields.afternoon.is_some() => return None,
        (_, Some(true)) => fields.hour.rem_euclid(12).checked_add(12)?,
        (_, Some(false)) => fields.hour.rem_euclid(12),
        (_, None) => fields.hour,
    };
    if hour > 23 || fields.minute > 59 || fields.second > 59 {
        return None;
    }
    let seconds = fields.second_of_day.unwrap_or(hour * 3_600 + fields.minute * 60 + fields.second);
    Some(join_timestamp(day, seconds.checked_mul(1_000_000)?.checked_add(fields.fraction_us)?))
}

/// Reads one element; gives what is left.
fn field<'a>(fields: &mut Fields, element: &str, rest: &'a str, this_year: i64) -> Option<&'a str> {
    let number = |digits_max: usize| -> Option<(i64, &'a str)> {
        let digits = rest.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
        Some((rest.get(..digits)?.parse().ok()?, rest.get(digits..)?))
    };
    let century = this_year.div_euclid(100).saturating_mul(100);
    let rest = match element {
        "YYYY" | "RRRR" => {
            let (year, rest) = number(4)?;
            fields.year = Some(if year < 100 && element == "RRRR" { rounded(year, this_year) } else { year });
            rest
        }
        "YYY" => {
            let (year, rest) = number(3)?;
            fields.year = Some(this_year.div_euclid(1_000).saturating_mul(1_000).saturating_add(year));
            rest
        }
        "YY" => {
            let (year, rest) = number(2)?;
            fields.year = Some(century.saturating_add(year));
            rest
        }
        "RR" => {
            let (year, rest) = number(2)?;
            fields.year = Some(rounded(year, this_year));
            rest
        }
        "Y" => {
            let (year, rest) = number(1)?;
            fields.year = Some(this_year.div_euclid(10).saturating_mul(10).saturating_add(year));
            rest
        }
        "MM" => set(&mut fields.month, number(2)?),
        "DD" => set(&mut fields.day, number(2)?),
        "DDD" => set(&mut fields.day_of_year, number(3)?),
        "J" => set(&mut fields.julian, number(7)?),
        "SSSSS" => set(&mut fields.second_of_day, number(5)?),
        "MONTH" | "MON" => {
            let (at, rest) = named(rest, &MONTHS)?;
            fields.month = Some(at.checked_add(1)?);
            rest
        }
        "DAY" | "DY" => named(rest, &WEEKDAYS)?.1,
        "HH" | "HH12" | "HH24" => {
            let (hour, rest) = number(2)?;
            fields.hour = hour;
            fields.half_hour = element != "HH24";
            rest
        }
        "MI" => {
            let (minute, rest) = number(2)?;
            fields.minute = minute;
            rest
        }
        "SS" => {
            let (second, rest) = number(2)?;
            fields.second = second;
            rest
        }
        "AM" | "PM" => {
            let half = rest.get(..2)?;
            fields.afternoon = Some(half.eq_ignore_ascii_case("PM"));
            if !half.eq_ignore_ascii_case("PM") && !half.eq_ignore_ascii_case("AM") {
                return None;
            }
            rest.get(2..)?
        }
        // Q, W, WW and D say nothing that could be set.
        _ => return None,
    };
    Some(rest)
}

fn set<'a>(field: &mut Option<i64>, (number, rest): (i64, &'a str)) -> &'a str {
    *field = Some(number);
    rest
}

/// RR: two digits are of the century that is nearest.
fn rounded(year: i64, this_year: i64) -> i64 {
    let century = this_year.div_euclid(100).saturating_mul(100);
    match (year < 50, this_year.rem_euclid(100) < 50) {
        (true, false) => century.saturating_add(100).saturating_add(year),
        (false, true) => century.saturating_sub(100).saturating_add(year),
        _ => century.saturating_add(year),
    }
}

/// A full or three-letter name, in any case; its place in the list and what is left.
fn named<'a>(rest: &'a str, names: &[&str]) -> Option<(i64, &'a str)> {
    for (at, name) in names.iter().enumerate() {
        for candidate in [*name, short(name)] {
            if let Some(head) = rest.get(..candidate.len())
                && head.eq_ignore_ascii_case(candidate)
            {
                return Some((i64::try_from(at).ok()?, rest.get(candidate.len()..)?));
            }
        }
    }
    None
}

/// TO_CHAR of a number: `9` and `0` digits, `.`, `,`, `$`, `S`, `MI`. Too long a number gives `#`s. A blank stands
/// for the sign of a number that is not negative.
pub(crate) fn number_to_char(number: Dec, format: &str) -> String {
    let upper = format.to_ascii_uppercase();
    let trailing_minus = upper.ends_with("MI");
    let body = upper.strip_suffix("MI").unwrap_or(&upper);
    let leading_sign = body.starts_with('S');
    let trailing_sign = body.ends_with('S') && !leading_sign;
    let body = body.trim_matches('S');
    let currency = body.contains('$');
    let body: String = body.chars().filter(|c| *c != '$').collect();
    let (whole_format, fraction_format) = body.split_once('.').unwrap_or((&body, ""));
    let scale = fraction_format.chars().filter(|c| matches!(c, '9' | '0')).count();
    let rounded = number.round(i32::try_from(scale).unwrap_or(0));
    let text = rounded.abs().text();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = if whole == "0" { "" } else { whole };
    let places = whole_format.chars().filter(|c| matches!(c, '9' | '0')).count();
    if whole.len() > places {
        return "#".repeat(format.len().saturating_add(1));
    }
    let mut digits = whole.chars().rev();
    let mut reversed = String::new();
    let mut left = whole.len();
    let zeros_from = whole_format.chars().filter(|c| *c != ',').position(|c| c == '0');
    let mut place = places;
    for c in whole_format.chars().rev() {
        if c == ',' {
            let zeros_left = zeros_from.is_some_and(|from| place > from);
            reversed.push(if left > 0 || zeros_left { ',' } else { ' ' });
            continue;
        }
        place = place.saturating_sub(1);
        match digits.next() {
            Some(digit) => {
                reversed.push(digit);
                left = left.saturating_sub(1);
            }
            None if zeros_from.is_some_and(|from| place >= from) => reversed.push('0'),
            // A number without whole part still shows one digit when there is no fraction.
            None if fraction_format.is_empty() && reversed.is_empty() => reversed.push('0'),
            None => reversed.push(' '),
        }
    }
    let padded: String = reversed.chars().rev().collect();
    let shown = padded.trim_start();
    let blanks = padded.len().saturating_sub(shown.len());
    let negative = rounded.is_negative();
    let sign = match (leading_sign, trailing_sign || trailing_minus, negative) {
        (true, _, true) | (false, false, true) => "-",
        (true, _, false) => "+",
        (false, false, false) => " ",
        (false, true, _) => "",
    };
    let mut result = " ".repeat(blanks);
    result.push_str(sign);
    if currency {
        result.push('$');
    }
    result.push_str(shown);
    if !fraction_format.is_empty() {
        result.push('.');
        result.push_str(fraction.get(..fraction.len().min(scale)).unwrap_or(""));
        result.push_str(&"0".repeat(scale.saturating_sub(fraction.len())));
    }
    match (trailing_sign, trailing_minus, negative) {
        (true, _, true) | (_, true, true) => result.push('-'),
        (true, _, false) => result.push('+'),
        (_, true, false) => result.push(' '),
        _ => {}
    }
    result
}

/// TO_NUMBER: the number in a formatted text. None: it is none.
pub(crate) fn to_number(text: &str) -> Option<Dec> {
    let cleaned: String = text.trim().chars().filter(|c| !matches!(c, ',' | '$' | ' ')).collect();
    match cleaned.strip_suffix('-') {
        Some(positive) => Dec::parse(positive).map(Dec::negate),
        None => Dec::parse(cleaned.strip_suffix('+').unwrap_or(&cleaned)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::datetime::{parse_timestamp as iso, timestamp_text};
    use super::*;

    #[test]
    fn moments_are_written_by_format() {
        let moment = iso("2024-03-05 14:07:09.012345").unwrap();
        for (format, expected) in [
            ("YYYY-MM-DD", "2024-03-05"),
            ("YYYY-MM-01", "2024-03-01"),
            ("HH24:MI:SS", "14:07:09"),
            ("HH:MI AM", "02:07 PM"),
            ("DD MON YYYY", "05 MAR 2024"),
            ("Month DD, YYYY", "March 05, 2024"),
            ("Day Dy D DDD", "Tuesday Tue 3 065"),
            ("HH24:MI:SS.FF3", "14:07:09.012"),
            ("\"year\" YY", "year 24"),
            ("Q", "1"),
            ("J", "2460375"),
            ("SSSSS", "50829"),
        ] {
            assert_eq!(timestamp_to_char(moment, format), expected, "{format}");
        }
    }

    #[test]
    fn texts_are_read_by_format() {
        for (text, format, expected) in [
            ("2024-02-29", "YYYY-MM-DD", Some("2024-02-29 00:00:00")),
            ("2024/2/9", "YYYY-MM-DD", Some("2024-02-09 00:00:00")),
            ("29 FEB 2024", DATE_FORMAT, Some("2024-02-29 00:00:00")),
            ("9 february 2024", DATE_FORMAT, Some("2024-02-09 00:00:00")),
            ("05 MAR 2024 02:07:09", TIMESTAMP_FORMAT, Some("2024-03-05 02:07:09")),
            ("2024-03-05 02:07 PM", "YYYY-MM-DD HH:MI AM", Some("2024-03-05 14:07:00")),
            ("2024-03-05 23:59:59.25", "YYYY-MM-DD HH24:MI:SS.FF", Some("2024-03-05 23:59:59.25")),
            ("12/31/99", "MM/DD/RR", Some("1999-12-31 00:00:00")),
            ("2024-060", "YYYY-DDD", Some("2024-02-29 00:00:00")),
            ("2023-02-29", "YYYY-MM-DD", None),
            ("2023-02-28x", "YYYY-MM-DD", None),
            ("nonsense", "YYYY-MM-DD", None),
            ("", "YYYY-MM-DD", None),
        ] {
            let read = parse_timestamp(text, format, 2026).map(timestamp_text);
            assert_eq!(read.as_deref(), expected, "{text} {format}");
        }
    }

    #[test]
    fn numbers_are_written_by_format() {
        let dec = |text: &str| Dec::parse(text).unwrap();
        for (number, format, expected) in [
            ("1234.5", "9,999.99", " 1,234.50"),
            ("-1234.5", "9,999.99", "-1,234.50"),
            ("5", "999", "   5"),
            ("5", "099", " 005"),
            ("0", "9", " 0"),
            ("12345", "999", "####"),
            ("1234", "S9999", "+1234"),
            ("-12", "99MI", "12-"),
            ("12", "$99.0", " $12.0"),
        ] {
            assert_eq!(number_to_char(dec(number), format), expected, "{number} {format}");
        }
        assert_eq!(to_number(" $1,234.50- ").map(Dec::text).as_deref(), Some("-1234.5"));
        assert_eq!(to_number("12x").map(Dec::text), None);
    }
}
