//! Dates and times of the wire: $HOROLOG days, seconds of the day, encoded POSIX microseconds (facts, sections 5.5, 6.4).

use crate::types::Decimal;

/// 1840-12-31, day 0 of $HOROLOG, counted from 1970-01-01.
const HOROLOG_EPOCH_DAYS: i64 = -47_117;
const DAY_US: i64 = 86_400_000_000;
const SECOND_US: i64 = 1_000_000;

/// Days from 1970-01-01 of a Gregorian date.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `digits` ASCII digits.
fn number(text: &str, digits: usize) -> Option<i64> {
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `YYYY-MM-DD` as days from 1970-01-01.
fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let days = days_of(year, month, day);
    (year >= 1 && date_of(days) == (year, month, day)).then_some(days)
}

/// `HH:MM[:SS[.f]]` in microseconds; more than six digits of a fraction are cut.
fn parse_time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| number(text, 2))?;
    if hour > 23 || minute > 59 || second > 59 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micros = micros.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Some(((hour * 60 + minute) * 60 + second) * SECOND_US + micros)
}

/// $HOROLOG days of `YYYY-MM-DD`, whatever time follows.
pub(super) fn horolog_days(text: &str) -> Option<i64> {
    let text = text.trim();
    let date = text.split_once([' ', 'T']).map_or(text, |(date, _)| date);
    Some(parse_date(date)? - HOROLOG_EPOCH_DAYS)
}

/// Seconds of the day, as a decimal when there is a fraction.
pub(super) fn seconds(text: &str) -> Option<Decimal> {
    let micros = parse_time(text.trim())?;
    if micros % SECOND_US == 0 {
        return Some(Decimal { mantissa: micros / SECOND_US, scale: 0 });
    }
    let mut value = Decimal { mantissa: micros, scale: -6 };
    while value.mantissa % 10 == 0 {
        value.mantissa /= 10;
        value.scale += 1;
    }
    Some(value)
}

/// The encoded POSIX number of `YYYY-MM-DD[ HH:MM:SS[.f]]`, `T` between the two as well.
pub(super) fn posix(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let micros = parse_date(date)? * DAY_US + parse_time(time.trim())?;
    Some(encode_posix(micros))
}

fn encode_posix(micros: i64) -> i64 {
    if micros >= 0 { micros ^ (1 << 60) } else { micros ^ ((1 << 62) | (1 << 61)) }
}

/// The ISO text of an encoded POSIX number; None for numbers that are none, or lie outside the years 1 to 9999.
pub(super) fn posix_text(encoded: i64) -> Option<String> {
    let micros = if encoded >= 0 { encoded ^ (1 << 60) } else { encoded | (1 << 62) | (1 << 61) };
    if encode_posix(micros) != encoded {
        return None;
    }
    let (year, month, day) = date_of(micros.div_euclid(DAY_US));
    if !(1..=9999).contains(&year) {
        return None;
    }
    let of_day = micros.rem_euclid(DAY_US);
    let (seconds, micros) = (of_day / SECOND_US, of_day % SECOND_US);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    if micros != 0 {
        text.push_str(format!(".{micros:06}").trim_end_matches('0'));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn horolog() {
        for (text, days) in [
            ("1840-12-31", 0),
            ("2024-01-02", 66_841),
            ("1970-01-01", 47_117),
            ("1839-01-02", -729),
            ("2024-01-02 03:04:05", 66_841),
            ("0001-01-01", -672_045),
        ] {
            assert_eq!(horolog_days(text), Some(days), "{text}");
        }
        for text in ["", "2024-13-01", "2023-02-29", "24-01-01", "2024-1-2", "x", "0000-01-01"] {
            assert_eq!(horolog_days(text), None, "{text}");
        }
    }

    #[test]
    fn posix_vectors_of_section_5_5() {
        for (text, encoded) in [
            ("2025-09-16 10:20:30.123456", 1_154_679_522_636_970_432),
            ("1025-09-16 10:20:30", -6_947_328_004_811_081_856),
            ("2024-01-02 03:04:05", 0x1006_0ded_c04d_d340),
            ("1970-01-01 00:00:00", 1 << 60),
        ] {
            assert_eq!(posix(text), Some(encoded), "{text}");
            assert_eq!(posix_text(encoded).as_deref(), Some(text));
        }
        assert_eq!(posix("2024-01-02T03:04:05.5"), posix("2024-01-02 03:04:05.500000"));
        assert_eq!(posix_text(5), None, "a small number is no encoded timestamp");
    }

    #[test]
    fn times() {
        assert_eq!(seconds("03:04:05"), Some(Decimal { mantissa: 11_045, scale: 0 }));
        assert_eq!(seconds("01:02:03.456"), Some(Decimal { mantissa: 3_723_456, scale: -3 }));
        assert_eq!(seconds("00:00"), Some(Decimal { mantissa: 0, scale: 0 }));
        assert_eq!(seconds("24:00:00"), None);
        assert_eq!(seconds("03:04:05.x"), None);
    }
}
