//! Calendar arithmetic. Dates are `$HOROLOG` days (0 = 1840-12-31), times microseconds since midnight, timestamps
//! microseconds since 1970-01-01 00:00:00: integers, so that SQLite orders and indexes them.

use iris_protocol::calendar::{CivilDate, civil_from_days, days_from_civil};
use iris_protocol::datetime::{HOROLOG_2000, day_of_civil, format_time};

/// `$HOROLOG` day of 1970-01-01.
pub(super) const UNIX_DAY: i64 = 47_117;
pub(super) const DAY_US: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31.
pub(super) const DATE_MIN: i64 = -672_045;
pub(super) const DATE_MAX: i64 = 2_980_013;

/// `$HOROLOG` day of a date that is known to be valid.
pub(super) fn to_day(date: CivilDate) -> i64 {
    days_from_civil(date) + HOROLOG_2000
}

pub(super) fn from_day(day: i64) -> CivilDate {
    civil_from_days(day.saturating_sub(HOROLOG_2000))
}

/// The day, when the three numbers are a date from 0001 to 9999.
pub(super) fn checked_day(year: i64, month: i64, day: i64) -> Option<i64> {
    day_of_civil(year, month, day).map(|day| i64::from(day) + HOROLOG_2000)
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// ODBC form `YYYY-MM-DD`, or `MM/DD/YYYY`.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.contains('/') {
        let mut parts = text.split('/');
        let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        return checked_day(number(year, 4..=4)?, number(month, 1..=2)?, number(day, 1..=2)?);
    }
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    checked_day(number(year, 4..=4)?, number(month, 1..=2)?, number(day, 1..=2)?)
}

/// `HH:MM[:SS[.fffffffff]]`, optionally with AM or PM.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let mut text = text.trim();
    let mut half = None;
    for (suffix, afternoon) in [("AM", false), ("PM", true)] {
        if let Some(head) = text.len().checked_sub(2).and_then(|at| text.get(at..).zip(text.get(..at)))
            && head.0.eq_ignore_ascii_case(suffix)
        {
            text = head.1.trim_end();
            half = Some(afternoon);
            break;
        }
    }
    let mut parts = text.split(':');
    let mut hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 1..=2)?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let micros = if fraction.is_empty() {
                if seconds.ends_with('.') {
                    return None;
                }
                0
            } else {
                number(fraction, 1..=9)?;
                number(&format!("{fraction:0<6}").chars().take(6).collect::<String>(), 6..=6)?
            };
            (number(whole, 1..=2)?, micros)
        }
    };
    if let Some(afternoon) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/// `YYYY-MM-DD[ HH:MM[:SS[.f]]]`.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, parse_time(time)?),
        None => (text, 0),
    };
    Some((parse_date(date)? - UNIX_DAY) * DAY_US + time)
}

pub(super) fn date_text(day: i64) -> String {
    let date = from_day(day);
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

pub(super) fn timestamp_text(micros: i64) -> String {
    let (day, time) = split_timestamp(micros);
    format!("{} {}", date_text(day), format_time(time))
}

/// `$HOROLOG` day and microseconds of the day.
pub(super) fn split_timestamp(micros: i64) -> (i64, i64) {
    (micros.div_euclid(DAY_US) + UNIX_DAY, micros.rem_euclid(DAY_US))
}

pub(super) fn join_timestamp(day: i64, micros: i64) -> i64 {
    (day.saturating_sub(UNIX_DAY)).saturating_mul(DAY_US).saturating_add(micros)
}

const POSIX_FLIP_POSITIVE: i64 = 1 << 60;
const POSIX_FLIP_NEGATIVE: i64 = 3 << 61;

/// The logical %PosixTime of microseconds since 1970 (facts, iris-wire-protocol 5.5).
pub(super) fn to_posix(micros: i64) -> i64 {
    if micros >= 0 { micros ^ POSIX_FLIP_POSITIVE } else { micros ^ POSIX_FLIP_NEGATIVE }
}

pub(super) fn from_posix(value: i64) -> Option<i64> {
    let micros = if value >= 0 { value ^ POSIX_FLIP_POSITIVE } else { value ^ POSIX_FLIP_NEGATIVE };
    let (day, _) = split_timestamp(micros);
    (DATE_MIN..=DATE_MAX).contains(&day).then_some(micros)
}

/// Now, microseconds since 1970 UTC.
pub(super) fn now_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.ok().and_then(|d| i64::try_from(d.as_micros()).ok()).unwrap_or(0)
}

/// Drops digits of the second's fraction beyond `precision`.
pub(super) fn truncate_fraction(micros: i64, precision: u8) -> i64 {
    let unit = match precision {
        0..=5 => 10i64.pow(6 - u32::from(precision)),
        _ => 1,
    };
    micros - micros.rem_euclid(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horolog_days_match_the_documented_ones() {
        for (text, day) in [
            ("1840-12-31", 0),
            ("2000-01-01", 58_074),
            ("2026-05-09", 67_699),
            ("2025-11-13", 67_522),
            ("2024-01-02", 66_841),
            ("0001-01-01", DATE_MIN),
            ("9999-12-31", DATE_MAX),
            ("1970-01-01", UNIX_DAY),
        ] {
            assert_eq!(parse_date(text), Some(day), "{text}");
            assert_eq!(date_text(day), text);
        }
        for day in (DATE_MIN..DATE_MAX).step_by(997) {
            assert_eq!(to_day(from_day(day)), day);
        }
    }

    #[test]
    fn bad_dates_and_times_are_refused() {
        for text in ["2024-02-30", "2023-02-29", "2024-13-01", "24-01-01", "2024-1-1x", "", "abc", "2024-01-01-01"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        for text in ["24:00:00", "10:60:00", "10", "10:00:00.", "10:00:61", "a:b"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn times_keep_microseconds() {
        assert_eq!(parse_time("01:02:03.5"), Some(3_723_500_000));
        assert_eq!(format_time(3_723_500_000), "01:02:03.5");
        assert_eq!(parse_time("1:30 PM"), Some(13 * 3_600_000_000 + 1_800_000_000));
        let stamp = parse_timestamp("1969-12-31 23:59:59.999999").unwrap();
        assert_eq!(stamp, -1);
        assert_eq!(timestamp_text(stamp), "1969-12-31 23:59:59.999999");
    }

    #[test]
    fn posix_numbers_match_the_class_limits() {
        assert_eq!(to_posix(parse_timestamp("9999-12-31 23:59:59.999999").unwrap()), 1_406_323_805_406_846_975);
        assert_eq!(to_posix(parse_timestamp("0001-01-01 00:00:00").unwrap()), -6_979_664_624_441_081_856);
        let bytes = [0x40, 0xd3, 0x4d, 0xc0, 0xed, 0x0d, 0x06, 0x10];
        assert_eq!(to_posix(parse_timestamp("2024-01-02 03:04:05").unwrap()), i64::from_le_bytes(bytes));
        assert_eq!(from_posix(i64::from_le_bytes(bytes)), parse_timestamp("2024-01-02 03:04:05"));
    }
}
