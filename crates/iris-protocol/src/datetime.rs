//! Dates and times as IRIS writes them: days since 1840-12-31, seconds, ISO text, POSIX numbers
//! (protocol facts, section 5.5). On our side they are PostgreSQL's: days and microseconds since 2000-01-01.

use crate::calendar::{self, CivilDate};

/// $HOROLOG day of 2000-01-01.
pub const HOROLOG_2000: i64 = 58_074;
/// Days from 1970-01-01 to 2000-01-01.
const UNIX_DAYS_2000: i64 = 10_957;
const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// IRIS dates and timestamps run from 0001-01-01 to 9999-12-31.
const DAY_MIN: i64 = -730_119;
const DAY_MAX: i64 = 2_921_939;

/// Bits that tell a POSIX number from a small integer.
const POSIX_POSITIVE: i64 = 1 << 60;
const POSIX_NEGATIVE: i64 = (1 << 62) | (1 << 61);

/// Day (since 2000-01-01) of a $HOROLOG day; `None` outside years 1 to 9999.
pub fn day_of_horolog(day: i64) -> Option<i32> {
    valid_day(day.checked_sub(HOROLOG_2000)?)
}

/// $HOROLOG day of a day since 2000-01-01; `None` outside years 1 to 9999.
pub fn horolog_of_day(day: i32) -> Option<i64> {
    valid_day(day.into()).map(|day| i64::from(day) + HOROLOG_2000)
}

fn valid_day(day: i64) -> Option<i32> {
    if (DAY_MIN..=DAY_MAX).contains(&day) { i32::try_from(day).ok() } else { None }
}

/// Microseconds since 2000-01-01 of a POSIX number; `None` outside years 1 to 9999.
pub fn timestamp_of_posix(encoded: i64) -> Option<i64> {
    let since_1970 = if encoded >= 0 { encoded ^ POSIX_POSITIVE } else { encoded | POSIX_NEGATIVE };
    valid_timestamp(since_1970.checked_sub(UNIX_DAYS_2000 * MICROS_PER_DAY)?)
}

/// POSIX number of microseconds since 2000-01-01; `None` outside years 1 to 9999.
pub fn posix_of_timestamp(micros: i64) -> Option<i64> {
    let since_1970 = valid_timestamp(micros)?.checked_add(UNIX_DAYS_2000 * MICROS_PER_DAY)?;
    Some(if since_1970 >= 0 { since_1970 ^ POSIX_POSITIVE } else { since_1970 ^ POSIX_NEGATIVE })
}

fn valid_timestamp(micros: i64) -> Option<i64> {
    valid_day(micros.div_euclid(MICROS_PER_DAY)).map(|_| micros)
}

/// Reads `YYYY-MM-DD` at the front; what follows (a time) is left to the caller.
fn split_date(text: &str) -> Option<(i32, &str)> {
    let (date, rest) = text.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date.as_bytes() else { return None };
    let year = number([y1, y2, y3, y4])?;
    Some((day_of_civil(year, number([m1, m2])?, number([d1, d2])?)?, rest))
}

/// Day since 2000-01-01 of `YYYY-MM-DD`, a time behind it being ignored.
pub fn parse_date(text: &str) -> Option<i32> {
    let (day, rest) = split_date(text)?;
    match split_separator(rest) {
        None => rest.is_empty().then_some(day),
        Some(time) => parse_time(time).map(|_| day),
    }
}

/// Microseconds since midnight of `HH:MM[:SS[.fraction]]`; digits beyond the sixth are rounded.
pub fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hours = digits(parts.next()?)?;
    let minutes = digits(parts.next()?)?;
    let (seconds, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds)?, 0),
            Some((seconds, fraction)) => (digits(seconds)?, micros_of_fraction(fraction)?),
        },
    };
    if hours > 24 || minutes > 59 || seconds > 59 {
        return None;
    }
    let micros = (hours * 3600 + minutes * 60 + seconds) * MICROS_PER_SECOND + fraction;
    (micros <= MICROS_PER_DAY).then_some(micros)
}

/// Microseconds since 2000-01-01 of `YYYY-MM-DD[{ |T}HH:MM:SS[.fraction]]`.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let (day, rest) = split_date(text)?;
    let time = match split_separator(rest) {
        None if rest.is_empty() => 0,
        None => return None,
        Some(time) => parse_time(time)?,
    };
    valid_timestamp(i64::from(day) * MICROS_PER_DAY + time)
}

fn split_separator(rest: &str) -> Option<&str> {
    rest.strip_prefix([' ', 'T'])
}

fn micros_of_fraction(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 18 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut micros = 0;
    for position in 0..6 {
        micros = micros * 10 + text.as_bytes().get(position).map_or(0, |digit| i64::from(digit - b'0'));
    }
    let round_up = text.as_bytes().get(6).is_some_and(|digit| *digit >= b'5');
    Some(micros + i64::from(round_up))
}

fn digits(text: &str) -> Option<i64> {
    match text.as_bytes() {
        [a] => number([*a]),
        [a, b] => number([*a, *b]),
        _ => None,
    }
}

fn number<const N: usize>(bytes: [u8; N]) -> Option<i64> {
    bytes.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Day since 2000-01-01; `None` for what is no date of years 1 to 9999.
pub fn day_of_civil(year: i64, month: i64, day: i64) -> Option<i32> {
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let is_date = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=calendar::days_in_month(year, month)).contains(&day);
    if is_date { i32::try_from(calendar::days_from_civil(CivilDate { year, month, day })).ok() } else { None }
}

/// `YYYY-MM-DD`; `None` outside years 1 to 9999.
pub fn format_date(day: i32) -> Option<String> {
    valid_day(day.into())?;
    let CivilDate { year, month, day } = calendar::civil_from_days(day.into());
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// `HH:MM:SS[.ffffff]`, trailing zeros of the fraction dropped.
pub fn format_time(micros: i64) -> String {
    let (seconds, fraction) = (micros / MICROS_PER_SECOND, micros % MICROS_PER_SECOND);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!(".{fraction:06}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]`; `None` outside years 1 to 9999.
pub fn format_timestamp(micros: i64) -> Option<String> {
    let day = valid_day(micros.div_euclid(MICROS_PER_DAY))?;
    Some(format!("{} {}", format_date(day)?, format_time(micros.rem_euclid(MICROS_PER_DAY))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        assert_eq!(parse_date("2000-01-01"), Some(0));
        assert_eq!(parse_date("1840-12-31").and_then(horolog_of_day), Some(0));
        assert_eq!(parse_date("2024-01-02").and_then(horolog_of_day), Some(66_841));
        assert_eq!(parse_date("2026-05-09").and_then(horolog_of_day), Some(67_699));
        assert_eq!(parse_date("2024-01-02 03:04:05").and_then(horolog_of_day), Some(66_841));
        assert_eq!(parse_date("1839-01-02").and_then(horolog_of_day), Some(-729));
        assert_eq!(parse_date("0001-01-01").map(i64::from), Some(DAY_MIN));
        assert_eq!(parse_date("9999-12-31").map(i64::from), Some(DAY_MAX));
        assert_eq!(day_of_horolog(i64::MIN), None);
        assert_eq!(day_of_horolog(i64::MAX), None);
        for text in
            ["2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "0000-01-01", "2024-1-1", "2024-01-01x", ""]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_comes_back() {
        for day in DAY_MIN..=DAY_MAX {
            let day = i32::try_from(day).unwrap();
            let date = calendar::civil_from_days(day.into());
            assert_eq!(day_of_civil(date.year, date.month.into(), date.day.into()), Some(day));
        }
    }

    #[test]
    fn posix_numbers() {
        let vectors = [
            (1_154_679_522_636_970_432, "2025-09-16 10:20:30.123456"),
            (-6_947_328_004_811_081_856, "1025-09-16 10:20:30"),
            (1_154_625_669_251_846_976, "2024-01-02 03:04:05"),
            (-6_979_664_624_441_081_856, "0001-01-01 00:00:00"),
            (1_406_323_805_406_846_975, "9999-12-31 23:59:59.999999"),
        ];
        for (encoded, text) in vectors {
            let micros = timestamp_of_posix(encoded).unwrap();
            assert_eq!(format_timestamp(micros).as_deref(), Some(text));
            assert_eq!(parse_timestamp(text), Some(micros));
            assert_eq!(posix_of_timestamp(micros), Some(encoded));
        }
        assert_eq!(timestamp_of_posix(i64::MAX), None);
        assert_eq!(posix_of_timestamp(i64::MAX), None);
    }

    #[test]
    fn times() {
        assert_eq!(parse_time("03:04:05.678900"), Some(11_045_678_900));
        assert_eq!(parse_time("03:04"), Some(11_040_000_000));
        assert_eq!(parse_time("03:04:05.1234567"), Some(11_045_123_457));
        assert_eq!(parse_time("24:00:00"), Some(MICROS_PER_DAY));
        for text in ["24:00:01", "1:2:60", "1:60:0", "a:b:c", "12", "12:00:00.", "12:00:00.x", "-1:00:00", "123:00:00"]
        {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert_eq!(format_time(11_045_678_900), "03:04:05.6789");
        assert_eq!(format_time(0), "00:00:00");
        assert_eq!(parse_timestamp("2024-01-02T03:04:05"), parse_timestamp("2024-01-02 03:04:05"));
    }
}
