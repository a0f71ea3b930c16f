//! Dates and times: PostgreSQL's epoch (2000-01-01) and its ranges, and ISO text. IRIS's numbers are `iris::datetime`'s,
//! the calendar is `iris_protocol::calendar`.
//!
//! Pure functions in pairs; parsing is in `datetime_input`.

use super::calendar::{CivilDate, civil_from_days};

/// 1970-01-01 in days since 2000-01-01.
pub(crate) const UNIX_EPOCH_DAYS: i32 = -10_957;
pub(crate) const DAY_US: i64 = 86_400_000_000;
pub(crate) const SECOND_US: i64 = 1_000_000;

/// `DATETIME_MIN_JULIAN` and `DATE_END_JULIAN` of PostgreSQL, in days since 2000-01-01.
pub(crate) const DATE_MIN: i32 = -2_451_545;
pub(crate) const DATE_MAX: i32 = 2_145_031_948;
/// `MIN_TIMESTAMP` and `END_TIMESTAMP` of PostgreSQL, in microseconds since 2000-01-01.
pub(crate) const TIMESTAMP_MIN: i64 = -211_813_488_000_000_000;
pub(crate) const TIMESTAMP_END: i64 = 9_223_371_331_200_000_000;

/// Infinite dates and timestamps on the wire.
pub(crate) const DATE_INFINITY: i32 = i32::MAX;
pub(crate) const DATE_NEG_INFINITY: i32 = i32::MIN;
pub(crate) const TIMESTAMP_INFINITY: i64 = i64::MAX;
pub(crate) const TIMESTAMP_NEG_INFINITY: i64 = i64::MIN;

/// The day and the microseconds since its midnight.
pub(crate) fn split_timestamp(timestamp_us: i64) -> (i32, i64) {
    // The quotient of 64-bit microseconds by a day fits 32 bits.
    (i32::try_from(timestamp_us.div_euclid(DAY_US)).unwrap_or(DATE_MAX), timestamp_us.rem_euclid(DAY_US))
}

/// Microseconds since 2000-01-01; `None` beyond PostgreSQL's timestamps.
pub(crate) fn join_timestamp(days: i32, time_us: i64) -> Option<i64> {
    let timestamp = i64::from(days).checked_mul(DAY_US)?.checked_add(time_us)?;
    (TIMESTAMP_MIN..TIMESTAMP_END).contains(&timestamp).then_some(timestamp)
}

/// Rounds microseconds to `fraction_digits` (half away from zero, as `AdjustTimestampForTypmod`).
pub(crate) fn round_fraction(value_us: i64, fraction_digits: u8) -> i64 {
    let unit = match fraction_digits {
        0 => 1_000_000,
        1 => 100_000,
        2 => 10_000,
        3 => 1000,
        4 => 100,
        5 => 10,
        _ => return value_us,
    };
    let half = if value_us < 0 { -unit / 2 } else { unit / 2 };
    value_us.saturating_add(half) / unit * unit
}

const DIGIT_PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends a number below 100 as two digits.
pub(super) fn write_two(value: u8, out: &mut Vec<u8>) {
    let start = usize::from(value) * 2;
    out.extend_from_slice(DIGIT_PAIRS.get(start..start + 2).unwrap_or(b"??"));
}

pub(super) fn write_year(year: i64, out: &mut Vec<u8>) {
    if let Ok(small) = u16::try_from(year)
        && small < 10_000
    {
        // Both halves are below 100.
        write_two(u8::try_from(small / 100).unwrap_or(0), out);
        write_two(u8::try_from(small % 100).unwrap_or(0), out);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(year).as_bytes());
    }
}

/// `YYYY-MM-DD`, with ` BC` after it for years before 1.
pub(crate) fn write_date(days: i32, out: &mut Vec<u8>) {
    match days {
        DATE_INFINITY => return out.extend_from_slice(b"infinity"),
        DATE_NEG_INFINITY => return out.extend_from_slice(b"-infinity"),
        _ => {}
    }
    let before_christ = write_civil(civil_from_days(days.into()), out);
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// Writes the date and says whether ` BC` has to follow.
pub(super) fn write_civil(date: CivilDate, out: &mut Vec<u8>) -> bool {
    let before_christ = date.year <= 0;
    write_year(if before_christ { 1 - date.year } else { date.year }, out);
    out.push(b'-');
    write_two(date.month, out);
    out.push(b'-');
    write_two(date.day, out);
    before_christ
}

/// `HH:MM:SS[.ffffff]`, the fraction without trailing zeros. 24:00:00 is a time of its own.
pub(crate) fn write_time(time_us: i64, out: &mut Vec<u8>) {
    let seconds = time_us / SECOND_US;
    let part = |value: i64| u8::try_from(value).unwrap_or(0);
    write_two(part(seconds / 3600), out);
    out.push(b':');
    write_two(part(seconds / 60 % 60), out);
    out.push(b':');
    write_two(part(seconds % 60), out);
    write_fraction(time_us % SECOND_US, out);
}

/// `.ffffff` without trailing zeros; nothing for 0.
pub(crate) fn write_fraction(fraction_us: i64, out: &mut Vec<u8>) {
    if fraction_us == 0 {
        return;
    }
    out.push(b'.');
    for divisor in [10_000, 100, 1] {
        write_two(u8::try_from(fraction_us / divisor % 100).unwrap_or(0), out);
    }
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]`; with `utc` the offset `+00` of a timestamptz in a session of time zone UTC.
pub(crate) fn write_timestamp(timestamp_us: i64, utc: bool, out: &mut Vec<u8>) {
    match timestamp_us {
        TIMESTAMP_INFINITY => return out.extend_from_slice(b"infinity"),
        TIMESTAMP_NEG_INFINITY => return out.extend_from_slice(b"-infinity"),
        _ => {}
    }
    let (days, time_us) = split_timestamp(timestamp_us);
    let before_christ = write_civil(civil_from_days(days.into()), out);
    out.push(b' ');
    write_time(time_us, out);
    if utc {
        out.extend_from_slice(b"+00");
    }
    if before_christ {
        out.extend_from_slice(b" BC");
    }
}

/// `+HH[:MM[:SS]]`, seconds east of Greenwich.
pub(crate) fn write_offset(offset_s: i32, out: &mut Vec<u8>) {
    out.push(if offset_s < 0 { b'-' } else { b'+' });
    let seconds = offset_s.unsigned_abs();
    let part = |value: u32| u8::try_from(value % 100).unwrap_or(0);
    match seconds / 3600 {
        hours @ 100.. => out.extend_from_slice(itoa::Buffer::new().format(hours).as_bytes()),
        hours => write_two(part(hours), out),
    }
    if !seconds.is_multiple_of(3600) {
        out.push(b':');
        write_two(part(seconds / 60 % 60), out);
        if !seconds.is_multiple_of(60) {
            out.push(b':');
            write_two(part(seconds % 60), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::days_from_civil;
    use super::*;

    fn date(year: i64, month: u8, day: u8) -> i32 {
        i32::try_from(days_from_civil(CivilDate { year, month, day })).unwrap()
    }

    #[test]
    fn epochs_agree() {
        assert_eq!(date(2000, 1, 1), 0);
        assert_eq!(date(1970, 1, 1), UNIX_EPOCH_DAYS);
        assert_eq!(date(-4713, 11, 24), DATE_MIN);
        assert_eq!(date(5_874_897, 12, 31), DATE_MAX);
        assert_eq!(i64::from(date(294_277, 1, 1)) * DAY_US, TIMESTAMP_END);
        assert_eq!(i64::from(date(-4713, 11, 24)) * DAY_US, TIMESTAMP_MIN);
    }

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn iso_text() {
        assert_eq!(text(|out| write_date(date(2024, 2, 29), out)), "2024-02-29");
        assert_eq!(text(|out| write_date(date(-43, 3, 15), out)), "0044-03-15 BC");
        assert_eq!(text(|out| write_date(date(12_024, 3, 15), out)), "12024-03-15");
        assert_eq!(text(|out| write_time(86_400_000_000, out)), "24:00:00");
        assert_eq!(text(|out| write_time(37_230_050_000, out)), "10:20:30.05");
        assert_eq!(text(|out| write_timestamp(0, true, out)), "2000-01-01 00:00:00+00");
        assert_eq!(text(|out| write_timestamp(-1, false, out)), "1999-12-31 23:59:59.999999");
        assert_eq!(text(|out| write_timestamp(TIMESTAMP_MIN, true, out)), "4714-11-24 00:00:00+00 BC");
        assert_eq!(text(|out| write_offset(-19_800, out)), "-05:30");
        assert_eq!(round_fraction(1_499_999, 0), 1_000_000);
        assert_eq!(round_fraction(-1_500_000, 0), -2_000_000);
    }
}
