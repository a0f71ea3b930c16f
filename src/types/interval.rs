//! Intervals: IRIS has none, so they travel as text; the binary form is read and written here.

use super::datetime;
use super::input::trim;
use super::style::IntervalFormat;
use crate::wire::{PgError, SqlState};

const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;

/// Months, days and microseconds, as PostgreSQL keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub time_us: i64,
}

impl Interval {
    /// Reads the binary form.
    pub fn from_binary(bytes: &[u8; 16]) -> Self {
        let [time @ .., _, _, _, _, _, _, _, _] = *bytes;
        let [_, _, _, _, _, _, _, _, days @ .., _, _, _, _] = *bytes;
        let [_, _, _, _, _, _, _, _, _, _, _, _, months @ ..] = *bytes;
        Self { months: i32::from_be_bytes(months), days: i32::from_be_bytes(days), time_us: i64::from_be_bytes(time) }
    }

    pub fn write_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.time_us.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
    }

    /// Appends the text of `IntervalStyle = postgres` (EncodeInterval): `1 year 2 mons -3 days +04:05:06.7`.
    pub fn write_text(self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut previous_negative = false;
        let parts = [
            (i64::from(self.months / 12), "year"),
            (i64::from(self.months % 12), "mon"),
            (i64::from(self.days), "day"),
        ];
        for (value, unit) in parts {
            if value == 0 {
                continue;
            }
            if out.len() > start {
                out.push(b' ');
            }
            // A plus is shown after a negative part only.
            if previous_negative && value > 0 {
                out.push(b'+');
            }
            previous_negative = value < 0;
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            out.push(b' ');
            out.extend_from_slice(unit.as_bytes());
            if value != 1 {
                out.push(b's');
            }
        }
        if self.time_us == 0 && out.len() > start {
            return;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if self.time_us < 0 {
            out.push(b'-');
        } else if previous_negative {
            out.push(b'+');
        }
        let magnitude = self.time_us.unsigned_abs();
        let hours = magnitude / HOUR_US.unsigned_abs();
        if hours < 10 {
            out.push(b'0');
        }
        out.extend_from_slice(itoa::Buffer::new().format(hours).as_bytes());
        // Below an hour by the remainder.
        let rest = i64::try_from(magnitude % HOUR_US.unsigned_abs()).unwrap_or(0);
        let mut clock = Vec::new();
        datetime::write_time(rest, &mut clock);
        out.extend_from_slice(clock.get(2..).unwrap_or(b""));
    }

    /// Reads `1 year 2 mons 3 days 04:05:06.7`, `3 days ago`, `P1Y2M3DT4H5M6.7S`, and a bare number of seconds.
    ///
    /// # Errors
    /// 22007, 22008.
    pub fn from_text(text: &str) -> Result<Self, Box<PgError>> {
        Self::from_text_with(text, IntervalFormat::Postgres)
    }

    /// [`from_text`](Self::from_text) under an IntervalStyle: in `sql_standard` a sign in front, if it is the only
    /// one, counts for every field.
    ///
    /// # Errors
    /// As `from_text`.
    pub fn from_text_with(text: &str, format: IntervalFormat) -> Result<Self, Box<PgError>> {
        let invalid = || {
            PgError::error(SqlState::INVALID_DATETIME, format!("invalid input syntax for type interval: \"{text}\""))
        };
        let trimmed = trim(text).to_ascii_lowercase();
        let mut sum = Sum::default();
        let only_sign = trimmed.strip_prefix('-').filter(|rest| {
            format == IntervalFormat::SqlStandard
                && !rest.split_ascii_whitespace().skip(1).any(|field| field.starts_with(['-', '+']))
        });
        let read = match trimmed.strip_prefix('p') {
            Some(rest) => sum.iso(rest),
            None => sum.words(only_sign.unwrap_or(&trimmed)),
        };
        read.ok_or_else(invalid)?;
        if only_sign.is_some() {
            (sum.months, sum.days, sum.time_us) = (-sum.months, -sum.days, -sum.time_us);
        }
        sum.finish().ok_or_else(|| {
            PgError::error(SqlState::DATETIME_OVERFLOW, format!("interval field value out of range: \"{text}\""))
        })
    }
}

/// Twelve decimal places of a field: enough for the microseconds of a day's fraction.
#[derive(Debug, Default)]
struct Sum {
    months: i128,
    days: i128,
    time_us: i128,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Months(i128),
    Days(i128),
    Time(i128),
}

const MICRO: i128 = 1_000_000;

impl Sum {
    fn finish(self) -> Option<Interval> {
        Some(Interval {
            months: i32::try_from(self.months).ok()?,
            days: i32::try_from(self.days).ok()?,
            time_us: i64::try_from(self.time_us).ok()?,
        })
    }

    /// Adds `millionths / 10^6` units. Fractions of months go to days (30 a month), of days to the time.
    fn add(&mut self, millionths: i128, unit: Unit) {
        match unit {
            Unit::Months(each) => {
                let total = millionths * each;
                self.months += total / MICRO;
                self.add(total % MICRO, Unit::Days(30));
            }
            Unit::Days(each) => {
                let total = millionths * each;
                self.days += total / MICRO;
                self.time_us += total % MICRO * 86_400;
            }
            Unit::Time(each_us) => self.time_us += millionths * each_us / MICRO,
        }
    }

    /// The part after `P` of the ISO 8601 form with designators.
    fn iso(&mut self, text: &str) -> Option<()> {
        let mut in_time = false;
        let mut rest = text;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('t') {
                in_time = true;
                rest = after;
                continue;
            }
            let (millionths, after) = take_number(rest)?;
            let unit = match (after.chars().next()?, in_time) {
                ('y', false) => Unit::Months(12),
                ('m', false) => Unit::Months(1),
                ('w', false) => Unit::Days(7),
                ('d', false) => Unit::Days(1),
                ('h', true) => Unit::Time(i128::from(HOUR_US)),
                ('m', true) => Unit::Time(i128::from(MINUTE_US)),
                ('s', true) => Unit::Time(MICRO),
                _ => return None,
            };
            self.add(millionths, unit);
            rest = after.get(1..)?;
        }
        Some(())
    }

    fn words(&mut self, text: &str) -> Option<()> {
        let text = text.strip_prefix('@').unwrap_or(text);
        let mut rest = text.trim_start();
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if rest == "ago" {
                (self.months, self.days, self.time_us) = (-self.months, -self.days, -self.time_us);
                return Some(());
            }
            if let Some((time_us, after)) = take_clock(rest) {
                self.time_us += time_us;
                rest = after.trim_start();
                continue;
            }
            if let Some((months, after)) = take_year_month(rest) {
                self.months += months;
                rest = after.trim_start();
                continue;
            }
            let (millionths, after) = take_number(rest)?;
            let after = after.trim_start();
            // SQL's `1 2:03:04`: days in front of a time need no unit.
            if !after.is_empty() && take_clock(after).is_some() {
                self.add(millionths, Unit::Days(1));
                rest = after;
                continue;
            }
            let unit_length = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (word, after) = after.split_at_checked(unit_length)?;
            // Only the last field may go without a unit.
            if word.is_empty() && !matches!(after.trim_start(), "" | "ago") {
                return None;
            }
            let unit = if word.is_empty() { Unit::Time(MICRO) } else { unit_of(word)? };
            self.add(millionths, unit);
            rest = after.trim_start();
        }
        Some(())
    }
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word {
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        "mon" | "mons" | "month" | "months" => Unit::Months(1),
        "w" | "week" | "weeks" => Unit::Days(7),
        "d" | "day" | "days" => Unit::Days(1),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Time(i128::from(HOUR_US)),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Time(i128::from(MINUTE_US)),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Time(MICRO),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Unit::Time(1000),
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => Unit::Time(1),
        "decade" | "decades" | "dec" | "decs" => Unit::Months(120),
        "century" | "centuries" | "cent" | "c" => Unit::Months(1200),
        "millennium" | "millennia" | "mil" | "mils" => Unit::Months(12_000),
        _ => return None,
    })
}

/// `[+-]digits[.digits]` in millionths; more digits than any field takes are refused.
fn take_number(text: &str) -> Option<(i128, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, rest) = unsigned.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.len() + fraction.len() == 0 || whole.len() > 18 || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<i128>().ok()? };
    let millionths = whole * MICRO + i128::from(millionths(fraction)?);
    Some((if text.starts_with('-') { -millionths } else { millionths }, rest))
}

/// The first six digits after a point as millionths.
fn millionths(fraction: &str) -> Option<i64> {
    let digits = fraction.get(..fraction.len().min(6))?;
    if digits.is_empty() {
        return Some(0);
    }
    let value = digits.parse::<i64>().ok()?;
    Some((digits.len()..6).fold(value, |value, _| value * 10))
}

/// SQL's `[+-]years-months`.
fn take_year_month(text: &str) -> Option<(i128, &str)> {
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    let (years, months) = token.strip_prefix(['-', '+']).unwrap_or(token).split_once('-')?;
    let number = |part: &str| -> Option<i128> {
        (part.len() <= 9 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse().ok())?
    };
    let (years, months) = (number(years)?, number(months).filter(|months| *months < 12)?);
    let sum = years * 12 + months;
    Some((if token.starts_with('-') { -sum } else { sum }, rest))
}

/// `[+-]H:MM[:SS[.f]]`.
fn take_clock(text: &str) -> Option<(i128, &str)> {
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    let unsigned = token.strip_prefix(['-', '+']).unwrap_or(token);
    let mut parts = unsigned.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let number = |part: &str| -> Option<i128> {
        (part.len() <= 12 && !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse().ok())?
    };
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    if parts.next().is_some() || minutes > 59 || seconds > 60 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let time_us = (hours * 3600 + minutes * 60 + seconds) * MICRO + i128::from(millionths(fraction)?);
    Some((if token.starts_with('-') { -time_us } else { time_us }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input, text and `interval_send` of PostgreSQL 15.
    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str)] = &[
        ("1 year 2 mons 3 days 04:05:06.7", "1 year 2 mons 3 days 04:05:06.7", "000000036c966ee0000000030000000e"),
        ("-1 year", "-1 years", "000000000000000000000000fffffff4"),
        ("1 day -1 hour", "1 day -01:00:00", "ffffffff296c5c000000000100000000"),
        ("-1 mon 2 days", "-1 mons +2 days", "000000000000000000000002ffffffff"),
        ("1 mon -2 days 03:00", "1 mon -2 days +03:00:00", "0000000283baec00fffffffe00000001"),
        ("-13 months", "-1 years -1 mons", "000000000000000000000000fffffff3"),
        ("1.5 days", "1 day 12:00:00", "0000000a0eebb0000000000100000000"),
        ("1.5 months", "1 mon 15 days", "00000000000000000000000f00000001"),
        ("1.5 years", "1 year 6 mons", "00000000000000000000000000000012"),
        ("2 weeks", "14 days", "00000000000000000000000e00000000"),
        ("P1Y2M3DT4H5M6.7S", "1 year 2 mons 3 days 04:05:06.7", "000000036c966ee0000000030000000e"),
        ("PT36H", "36:00:00", "0000001e2cc310000000000000000000"),
        ("P1W", "7 days", "00000000000000000000000700000000"),
        ("P-1D", "-1 days", "0000000000000000ffffffff00000000"),
        ("1 hour 30 minutes", "01:30:00", "0000000141dd76000000000000000000"),
        ("90 min", "01:30:00", "0000000141dd76000000000000000000"),
        ("3 days ago", "-3 days", "0000000000000000fffffffd00000000"),
        ("@ 1 minute", "00:01:00", "00000000039387000000000000000000"),
        ("500 ms", "00:00:00.5", "000000000007a1200000000000000000"),
        ("1 us", "00:00:00.000001", "00000000000000010000000000000000"),
        ("100", "00:01:40", "0000000005f5e1000000000000000000"),
        ("00:00:00", "00:00:00", "00000000000000000000000000000000"),
        ("1 mon -1 day -00:00:01", "1 mon -1 days -00:00:01", "fffffffffff0bdc0ffffffff00000001"),
        ("1000 hours", "1000:00:00", "0000034630b8a0000000000000000000"),
        ("0.5 weeks", "3 days 12:00:00", "0000000a0eebb0000000000300000000"),
        ("1 century", "100 years", "000000000000000000000000000004b0"),
    ];

    #[test]
    fn as_postgresql_reads_and_prints_them() {
        for (input, text, hex) in CASES {
            let interval = Interval::from_text(input).unwrap();
            let mut out = Vec::new();
            interval.write_text(&mut out);
            assert_eq!(&String::from_utf8(out).unwrap(), text, "{input}");
            let mut out = Vec::new();
            interval.write_binary(&mut out);
            let printed: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(&printed, hex, "{input}");
            assert_eq!(Interval::from_binary(&out.try_into().unwrap()), interval);
        }
    }

    #[test]
    fn bad_input() {
        for text in ["abc", "1 foo", "", "P", "1 day 25:61:00", "P1", "PT1D", "1..5 days", "--1 day"] {
            assert_eq!(Interval::from_text(text).unwrap_err().code, SqlState::INVALID_DATETIME, "{text}");
        }
        let error = Interval::from_text("3000000000 days").unwrap_err();
        assert_eq!(error.message, "interval field value out of range: \"3000000000 days\"");
    }

    #[test]
    fn extremes_print() {
        for interval in [
            Interval { months: i32::MIN, days: i32::MIN, time_us: i64::MIN },
            Interval { months: i32::MAX, days: i32::MAX, time_us: i64::MAX },
        ] {
            let mut out = Vec::new();
            interval.write_text(&mut out);
            assert_eq!(Interval::from_text(&String::from_utf8(out).unwrap()).unwrap(), interval);
        }
    }
}
