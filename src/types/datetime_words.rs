//! The fixed parts of date and time input: names, and the spelling servers print.

use super::calendar::{self, CivilDate};
use super::datetime::SECOND_US;
use super::datetime_input::DateTimeInput;

/// `YYYY-MM-DD[ HH:MM:SS[.f..]]`, as servers print it: no search, no branches on spelling. `None` = look closer.
pub(super) fn parse_canonical(bytes: &[u8]) -> Option<DateTimeInput> {
    let two = |at: usize| -> Option<u8> {
        let tens = bytes.get(at)?.wrapping_sub(b'0');
        let ones = bytes.get(at + 1)?.wrapping_sub(b'0');
        (tens < 10 && ones < 10).then(|| tens * 10 + ones)
    };
    let year = i64::from(two(0)?) * 100 + i64::from(two(2)?);
    let (month, day) = (two(5)?, two(8)?);
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') || year == 0 || !(1..=12).contains(&month) {
        return None;
    }
    if day == 0 || day > calendar::days_in_month(year, month) {
        return None;
    }
    let days = Some(calendar::days_from_civil(CivilDate { year, month, day }));
    if bytes.len() == 10 {
        return Some(DateTimeInput { days, ..DateTimeInput::default() });
    }
    if bytes.get(10) != Some(&b' ') || bytes.get(13) != Some(&b':') || bytes.get(16) != Some(&b':') {
        return None;
    }
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction_us = match bytes.get(19..)? {
        [] => 0,
        [b'.', digits @ ..] if digits.len() <= 6 => {
            let mut value = 0i64;
            for index in 0..6 {
                let digit = digits.get(index).map_or(0, |byte| byte.wrapping_sub(b'0'));
                if digit > 9 {
                    return None;
                }
                value = value * 10 + i64::from(digit);
            }
            value
        }
        _ => return None,
    };
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(DateTimeInput { days, time_us: Some(seconds * SECOND_US + fraction_us), offset_s: None })
}

pub(super) fn month_number(word: &[u8]) -> Option<i64> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let matches = |name: &&[u8]| {
        word == *name || word == name.get(..3).unwrap_or(b"") || word == b"sept" && name.starts_with(b"sep")
    };
    MONTHS.iter().position(matches).and_then(|index| i64::try_from(index + 1).ok())
}

pub(super) fn is_day_name(word: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];
    DAYS.iter().any(|name| word == *name || word == name.get(..3).unwrap_or(b""))
}
