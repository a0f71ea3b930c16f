//! The text of an interval, as PostgreSQL reads it (`ParseDateTime`, `DecodeInterval`, `DecodeISO8601Interval`).

use super::interval::Interval;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// 22007.
    Syntax,
    /// 22015.
    Overflow,
    /// What PostgreSQL reads and the gateway does not: infinity.
    Infinite,
}

const DAY_US: i64 = 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;
const SECOND_US: i64 = 1_000_000;

/// The most fields of a text (`MAXDATEFIELDS`).
const FIELDS_MAX: usize = 25;

type Read<T> = Result<T, Wrong>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Time(i64),
    Day,
    Week,
    Month,
    Years(i32),
}

impl Unit {
    /// Each may be said once.
    fn bit(self) -> u32 {
        match self {
            Self::Time(1) => 1,
            Self::Time(1000) => 1 << 1,
            Self::Time(SECOND_US) => 1 << 2,
            Self::Time(MINUTE_US) => 1 << 3,
            Self::Time(_) => 1 << 4,
            Self::Day => 1 << 5,
            Self::Week => 1 << 6,
            Self::Month => 1 << 7,
            Self::Years(1) => 1 << 8,
            Self::Years(10) => 1 << 9,
            Self::Years(100) => 1 << 10,
            Self::Years(_) => 1 << 11,
        }
    }
}

const CLOCK_BITS: u32 = 0b1_1111;
const SECOND_BITS: u32 = 0b111;

fn unit_of(word: &str) -> Option<Unit> {
    // Ten characters of a word count (`TOKMAXLEN`).
    Some(match word.get(..10).unwrap_or(word) {
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Years(1),
        "dec" | "decs" | "decade" | "decades" => Unit::Years(10),
        "c" | "cent" | "century" | "centuries" => Unit::Years(100),
        "mil" | "mils" | "millennia" | "millennium" => Unit::Years(1000),
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "w" | "week" | "weeks" => Unit::Week,
        "d" | "day" | "days" => Unit::Day,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Time(HOUR_US),
        "m" | "mm" | "min" | "mins" | "minute" | "minutes" => Unit::Time(MINUTE_US),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Time(SECOND_US),
        "ms" | "msec" | "msecs" | "mseconds" | "millisecon" => Unit::Time(1000),
        "us" | "usec" | "usecs" | "useconds" | "microsecon" => Unit::Time(1),
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field<'a> {
    Clock(&'a str),
    /// A number, SQL's years and months, or a time behind a sign.
    Number(&'a str),
    Word(&'a str),
}

/// The text in fields. `text` is in lower case and without blanks behind signs.
fn fields(text: &str) -> Read<Vec<Field<'_>>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length_of = |text: &str, is_part: &dyn Fn(char) -> bool| text.find(|c| !is_part(c)).unwrap_or(text.len());
        let is_digit = |c: char| c.is_ascii_digit();
        let length = match first {
            '0'..='9' => {
                let digits = length_of(rest, &is_digit);
                match rest.get(digits..).and_then(|rest| rest.chars().next()) {
                    Some(':') => length_of(rest, &|c| is_digit(c) || c == ':' || c == '.'),
                    Some('.' | '-' | '/') => length_of(rest, &|c| is_digit(c) || c == '.' || c == '-' || c == '/'),
                    _ => digits,
                }
            }
            '.' => 1 + length_of(rest.get(1..).unwrap_or_default(), &is_digit),
            '+' | '-' => {
                1 + length_of(rest.get(1..).unwrap_or_default(), &|c| is_digit(c) || c == ':' || c == '.' || c == '-')
            }
            'a'..='z' => length_of(rest, &|c| c.is_ascii_lowercase()),
            c if c.is_ascii_whitespace() || c.is_ascii_punctuation() => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            _ => return Err(Wrong::Syntax),
        };
        let (field, after) = rest.split_at_checked(length).ok_or(Wrong::Syntax)?;
        found.push(match first {
            'a'..='z' => Field::Word(field),
            '0'..='9' if field.contains(':') => Field::Clock(field),
            _ => Field::Number(field),
        });
        rest = after;
        if found.len() > FIELDS_MAX {
            return Err(Wrong::Syntax);
        }
    }
    Ok(found)
}

#[derive(Debug, Default)]
struct Sum {
    years: i32,
    months: i32,
    days: i32,
    time_us: i64,
}

fn whole(value: i64) -> Read<i32> {
    i32::try_from(value).map_err(|_| Wrong::Overflow)
}

impl Sum {
    fn add_days(&mut self, days: i32) -> Read<()> {
        self.days = self.days.checked_add(days).ok_or(Wrong::Overflow)?;
        Ok(())
    }

    fn add_time(&mut self, value: i64, scale: i64) -> Read<()> {
        let time_us = value.checked_mul(scale).and_then(|time_us| self.time_us.checked_add(time_us));
        self.time_us = time_us.ok_or(Wrong::Overflow)?;
        Ok(())
    }

    /// `AdjustFractMicroseconds`.
    fn add_time_fraction(&mut self, fraction: f64, scale: i64) -> Read<()> {
        let scaled = fraction * scale as f64;
        let cut = scaled.trunc();
        let rest = scaled - cut;
        let time_us = cut as i64
            + if rest > 0.5 {
                1
            } else if rest < -0.5 {
                -1
            } else {
                0
            };
        self.add_time(time_us, 1)
    }

    /// `AdjustFractDays`.
    fn add_days_fraction(&mut self, fraction: f64, scale: i32) -> Read<()> {
        let scaled = fraction * f64::from(scale);
        self.add_days(scaled.trunc() as i32)?;
        self.add_time_fraction(scaled - scaled.trunc(), DAY_US)
    }

    fn add(&mut self, value: i64, fraction: f64, unit: Unit) -> Read<()> {
        match unit {
            Unit::Time(scale) => {
                self.add_time(value, scale)?;
                self.add_time_fraction(fraction, scale)
            }
            Unit::Day => {
                self.add_days(whole(value)?)?;
                self.add_time_fraction(fraction, DAY_US)
            }
            Unit::Week => {
                self.add_days(whole(value)?.checked_mul(7).ok_or(Wrong::Overflow)?)?;
                self.add_days_fraction(fraction, 7)
            }
            Unit::Month => {
                self.months = self.months.checked_add(whole(value)?).ok_or(Wrong::Overflow)?;
                self.add_days_fraction(fraction, 30)
            }
            Unit::Years(scale) => {
                let years = whole(value)?.checked_mul(scale).and_then(|years| self.years.checked_add(years));
                self.years = years.ok_or(Wrong::Overflow)?;
                let months = (fraction * f64::from(scale) * 12.0).round_ties_even();
                self.months = self.months.checked_add(months as i32).ok_or(Wrong::Overflow)?;
                Ok(())
            }
        }
    }

    /// `DecodeTimeForInterval`.
    fn clock(&mut self, text: &str) -> Read<()> {
        let mut parts = text.splitn(3, ':');
        let (Some(first), Some(second), third) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Wrong::Syntax);
        };
        let number = |text: &str| -> Read<i64> {
            // Nothing is nought (`strtoint`).
            if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| Wrong::Syntax) }
        };
        let last = third.unwrap_or(second);
        let (seconds, fraction) = match last.split_once('.') {
            Some((seconds, fraction)) => {
                (seconds, (fraction_of(fraction)? * SECOND_US as f64).round_ties_even() as i64)
            }
            None => (last, 0),
        };
        // Two parts with a fraction are minutes and seconds.
        let (hours, minutes, seconds) = match third {
            Some(_) => (number(first)?, number(second)?, number(seconds)?),
            None if last.contains('.') => (0, number(first)?, number(seconds)?),
            None => (number(first)?, number(second)?, 0),
        };
        if minutes > 59 || seconds > 60 {
            return Err(Wrong::Overflow);
        }
        self.time_us = fraction;
        self.add_time(hours, HOUR_US)?;
        self.add_time(minutes, MINUTE_US)?;
        self.add_time(seconds, SECOND_US)
    }

    fn negated(self) -> Read<Self> {
        let parts =
            (self.years.checked_neg(), self.months.checked_neg(), self.days.checked_neg(), self.time_us.checked_neg());
        match parts {
            (Some(years), Some(months), Some(days), Some(time_us)) => Ok(Self { years, months, days, time_us }),
            _ => Err(Wrong::Overflow),
        }
    }

    fn finish(self) -> Read<Interval> {
        let months = self.years.checked_mul(12).and_then(|months| months.checked_add(self.months));
        Ok(Interval { months: months.ok_or(Wrong::Overflow)?, days: self.days, time_us: self.time_us })
    }
}

/// The digits behind a point as a part of one.
fn fraction_of(digits: &str) -> Read<f64> {
    if digits.is_empty() {
        return Ok(0.0);
    }
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::Syntax);
    }
    format!("0.{digits}").parse().map_err(|_| Wrong::Syntax)
}

/// Reads a text. `sign_for_all`: under `IntervalStyle = sql_standard` a sign in front, if it is the only one, is for
/// every field.
pub(super) fn read(text: &str, sign_for_all: bool) -> Read<Interval> {
    match read_fields(text, sign_for_all) {
        Err(Wrong::Syntax) => iso8601(text).and_then(Sum::finish),
        read => read,
    }
}

fn read_fields(text: &str, sign_for_all: bool) -> Read<Interval> {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        // Blanks behind a sign do not count.
        if !(c.is_ascii_whitespace() && plain.ends_with(['+', '-']) && !plain.ends_with("--")) {
            plain.push(c.to_ascii_lowercase());
        }
    }
    let fields = fields(&plain)?;
    let is_signed = |field: &Field<'_>| matches!(field, Field::Number(text) if text.starts_with(['+', '-']));
    let negates = sign_for_all
        && matches!(fields.first(), Some(Field::Number(text)) if text.starts_with('-'))
        && !fields.iter().skip(1).any(is_signed);
    let mut sum = Sum::default();
    let mut unit: Option<Unit> = None;
    let mut waits = false;
    let mut seen = 0_u32;
    let mut is_ago = false;
    let last = fields.len().saturating_sub(1);
    for (n, field) in fields.iter().enumerate().rev() {
        let bits = match *field {
            Field::Word("ago") => {
                if n != last {
                    return Err(Wrong::Syntax);
                }
                is_ago = true;
                0
            }
            Field::Word("infinity") if n == last => return Err(Wrong::Infinite),
            Field::Word("at" | "on") => 0,
            Field::Word(word) => {
                if waits {
                    return Err(Wrong::Syntax);
                }
                unit = Some(unit_of(word).ok_or(Wrong::Syntax)?);
                waits = true;
                0
            }
            Field::Clock(text) => {
                sum.clock(text)?;
                if negates {
                    sum.time_us = -sum.time_us;
                }
                (unit, waits) = (Some(Unit::Day), false);
                CLOCK_BITS
            }
            Field::Number(text) if text.contains(':') => {
                sum.clock(text.trim_start_matches(['+', '-']))?;
                if text.starts_with('-') {
                    sum.time_us = -sum.time_us;
                }
                (unit, waits) = (Some(Unit::Day), false);
                CLOCK_BITS
            }
            Field::Number(text) => {
                let mut counted = unit.unwrap_or(Unit::Time(SECOND_US));
                let (value, fraction) = number(text, &mut counted)?;
                let (value, fraction) = if negates { (-value.abs(), -fraction.abs()) } else { (value, fraction) };
                sum.add(value, fraction, counted)?;
                waits = false;
                unit = Some(if counted == Unit::Time(HOUR_US) { Unit::Day } else { counted });
                if counted == Unit::Time(SECOND_US) && fraction != 0.0 { SECOND_BITS } else { counted.bit() }
            }
        };
        if bits & seen != 0 {
            return Err(Wrong::Syntax);
        }
        seen |= bits;
    }
    if seen == 0 || waits {
        return Err(Wrong::Syntax);
    }
    if is_ago { sum.negated()?.finish() } else { sum.finish() }
}

/// A number of units; SQL's `years-months` makes months of it.
fn number(text: &str, unit: &mut Unit) -> Read<(i64, f64)> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = |digits: &str| -> Read<i64> {
        if digits.is_empty() {
            return Ok(0);
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Wrong::Syntax);
        }
        digits.parse().map_err(|_| Wrong::Overflow)
    };
    let (number, fraction) = if let Some((years, months)) = digits.split_once('-') {
        let months = value(months)?;
        if months >= 12 {
            return Err(Wrong::Overflow);
        }
        *unit = Unit::Month;
        (value(years)?.checked_mul(12).and_then(|sum| sum.checked_add(months)).ok_or(Wrong::Overflow)?, 0.0)
    } else if let Some((whole, fraction)) = digits.split_once('.') {
        (value(whole)?, fraction_of(fraction)?)
    } else {
        if digits.is_empty() {
            return Err(Wrong::Syntax);
        }
        (value(digits)?, 0.0)
    };
    Ok(if is_negative { (-number, -fraction) } else { (number, fraction) })
}

/// `P1Y2M3DT4H5M6.7S`, and `P0001-02-03T04:05:06`.
fn iso8601(text: &str) -> Read<Sum> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Wrong::Syntax)?;
    let mut sum = Sum::default();
    let mut in_time = false;
    let mut place = 0_usize;
    let mut designated = false;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (in_time, place, designated, rest) = (true, 0, false, after);
            continue;
        }
        let end = rest.char_indices().find(|&(n, c)| !(c.is_ascii_digit() || c == '.' || c == '-' && n == 0));
        let (digits, after) = rest.split_at_checked(end.map_or(rest.len(), |(n, _)| n)).ok_or(Wrong::Syntax)?;
        let (value, fraction) = number(digits, &mut Unit::Day)?;
        let designator = after.chars().next();
        let unit = match (designator, in_time) {
            (Some('Y'), false) => Unit::Years(1),
            (Some('M'), false) => Unit::Month,
            (Some('W'), false) => Unit::Week,
            (Some('D'), false) => Unit::Day,
            (Some('H'), true) => Unit::Time(HOUR_US),
            (Some('M'), true) => Unit::Time(MINUTE_US),
            (Some('S'), true) => Unit::Time(SECOND_US),
            // By their places, with signs between. Digits in a row alone are another form, which is not read.
            (Some('-' | 'T') | None, false) | (Some(':') | None, true) if !designated && digits.len() < 6 => {
                let dates = [Unit::Years(1), Unit::Month, Unit::Day];
                let times = [HOUR_US, MINUTE_US, SECOND_US].map(Unit::Time);
                let unit = if in_time { times.get(place) } else { dates.get(place) };
                sum.add(value, fraction, *unit.ok_or(Wrong::Syntax)?)?;
                place = place.saturating_add(1);
                rest = match designator {
                    Some('T') | None => after,
                    Some(_) => after.get(1..).filter(|rest| !rest.is_empty()).ok_or(Wrong::Syntax)?,
                };
                continue;
            }
            _ => return Err(Wrong::Syntax),
        };
        if place > 0 {
            return Err(Wrong::Syntax);
        }
        sum.add(value, fraction, unit)?;
        designated = true;
        rest = after.get(1..).unwrap_or_default();
    }
    Ok(sum)
}
