//! Reads dates and times as PostgreSQL's `ParseDateTime` and `DecodeDateTime` do, without the words that need a clock.

use super::calendar::{self, CivilDate};
use super::datetime::{self, DAY_US, SECOND_US};
use super::datetime_words::{is_day_name, month_number, parse_canonical};
use super::style::{self, DateOrder, Style};
use super::zone::{self, Zone};
use crate::wire::{PgError, SqlState};

/// What a text said. Parts it did not mention are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DateTimeInput {
    /// Days since 2000-01-01; checked against the calendar, not against the range of a type.
    pub days: Option<i64>,
    /// Microseconds since midnight, at most 24:00:00.
    pub time_us: Option<i64>,
    /// Seconds east of Greenwich.
    pub offset_s: Option<i32>,
}

/// Why a text is no date or time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DateTimeError {
    Syntax,
    /// 13 o'clock PM, 30 February.
    FieldOverflow,
    /// Month or day beyond any: perhaps the other order was meant.
    MonthDayOverflow,
    OffsetOverflow,
    /// `infinity`, `-infinity`.
    Infinite,
    /// `now`, `today`...: evaluated when read, which only the server of the data could do.
    NeedsClock,
    UnknownZone(String),
}

impl DateTimeError {
    /// The error PostgreSQL raises (`DateTimeParseError`), or a sentence on what cannot be kept.
    pub(crate) fn to_pg(&self, type_name: &str, text: &str) -> Box<PgError> {
        let overflow = |code: SqlState| PgError::error(code, format!("date/time field value out of range: \"{text}\""));
        match self {
            Self::Syntax => PgError::error(
                SqlState::INVALID_DATETIME,
                format!("invalid input syntax for type {type_name}: \"{text}\""),
            ),
            Self::FieldOverflow => overflow(SqlState::DATETIME_OVERFLOW),
            Self::MonthDayOverflow => {
                overflow(SqlState::DATETIME_OVERFLOW).hint("Perhaps you need a different \"datestyle\" setting.")
            }
            // 22009, invalid time zone displacement value.
            Self::OffsetOverflow => {
                PgError::error(SqlState(*b"22009"), format!("time zone displacement out of range: \"{text}\""))
            }
            Self::Infinite => PgError::beyond_iris(
                SqlState::DATETIME_OVERFLOW,
                format!("IRIS has no infinite value of type {type_name}: \"{text}\""),
            ),
            Self::NeedsClock => {
                PgError::unsupported(format!("\"{text}\" is not supported as a value of type {type_name}"))
                    .hint("Use CURRENT_DATE, CURRENT_TIME or CURRENT_TIMESTAMP in the statement.")
            }
            Self::UnknownZone(zone) => {
                PgError::error(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{zone}\" not recognized"))
            }
        }
    }
}

/// Reads a text whose ambiguous dates have their fields in `order`; `time_only` says that bare digits are a time of day
/// (types time and timetz). A time zone named in it comes along.
pub(super) fn parse_ordered(
    text: &str,
    time_only: bool,
    order: DateOrder,
) -> Result<(DateTimeInput, Option<Zone>), DateTimeError> {
    if let Some(input) = parse_canonical(text.as_bytes()) {
        return Ok((input, None));
    }
    let mut scan = Scan {
        bytes: text.as_bytes(),
        position: 0,
        time_only,
        order,
        after_t: false,
        fields: Fields::default(),
        zone: None,
    };
    while scan.item()? {}
    Ok((scan.fields.finish()?, scan.zone))
}

/// A number and how many digits it was written with.
#[derive(Debug, Clone, Copy)]
struct Number {
    value: i64,
    digits: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HalfDay {
    Am,
    Pm,
}

#[derive(Debug, Default)]
struct Fields {
    year: Option<Number>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    before_christ: bool,
    time_us: Option<i64>,
    half_day: Option<HalfDay>,
    offset_s: Option<i32>,
    /// `epoch`: a whole timestamp in one word.
    epoch: bool,
}

impl Fields {
    fn has_date(&self) -> bool {
        self.epoch || self.year.is_some() && (self.day_of_year.is_some() || self.month.is_some() && self.day.is_some())
    }

    fn set_date(&mut self, year: Number, month: i64, day: i64) -> Result<(), DateTimeError> {
        if self.year.is_some() || self.month.is_some() || self.day.is_some() || self.epoch {
            return Err(DateTimeError::Syntax);
        }
        (self.year, self.month, self.day) = (Some(year), Some(month), Some(day));
        Ok(())
    }

    fn set_time(&mut self, time_us: i64) -> Result<(), DateTimeError> {
        if self.time_us.replace(time_us).is_some() || self.epoch { Err(DateTimeError::Syntax) } else { Ok(()) }
    }

    fn finish(&self) -> Result<DateTimeInput, DateTimeError> {
        if self.epoch {
            return Ok(DateTimeInput {
                days: Some(i64::from(datetime::UNIX_EPOCH_DAYS)),
                time_us: Some(0),
                offset_s: Some(0),
            });
        }
        let time_us = match (self.time_us, self.half_day) {
            (None, None) => None,
            (None, Some(_)) => return Err(DateTimeError::Syntax),
            (Some(time_us), None) => Some(time_us),
            (Some(time_us), Some(half_day)) => {
                let hour = time_us / (3600 * SECOND_US);
                if hour > 12 {
                    return Err(DateTimeError::FieldOverflow);
                }
                let shift = match half_day {
                    HalfDay::Am if hour == 12 => -12,
                    HalfDay::Pm if hour != 12 => 12,
                    _ => 0,
                };
                Some(time_us + shift * 3600 * SECOND_US)
            }
        };
        Ok(DateTimeInput { days: self.days()?, time_us, offset_s: self.offset_s })
    }

    fn days(&self) -> Result<Option<i64>, DateTimeError> {
        if !self.has_date() {
            let some = self.year.is_some() || self.month.is_some() || self.day.is_some();
            return if some { Err(DateTimeError::Syntax) } else { Ok(None) };
        }
        let Some(written) = self.year else { return Err(DateTimeError::Syntax) };
        let year = match written {
            Number { value, .. } if self.before_christ => {
                if value <= 0 {
                    return Err(DateTimeError::FieldOverflow);
                }
                1 - value
            }
            Number { value, digits: 0..=2 } => value + if value < 70 { 2000 } else { 1900 },
            Number { value: 0, .. } => return Err(DateTimeError::FieldOverflow),
            Number { value, .. } => value,
        };
        if let Some(day_of_year) = self.day_of_year {
            let first = calendar::days_from_civil(CivilDate { year, month: 1, day: 1 });
            let days_count = if calendar::is_leap_year(year) { 366 } else { 365 };
            return if (1..=days_count).contains(&day_of_year) {
                Ok(Some(first + day_of_year - 1))
            } else {
                Err(DateTimeError::FieldOverflow)
            };
        }
        let (Some(month), Some(day)) = (self.month, self.day) else { return Err(DateTimeError::Syntax) };
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return Err(DateTimeError::MonthDayOverflow);
        }
        // Both were just checked to be small.
        let (month, day) = (u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1));
        if day > calendar::days_in_month(year, month) {
            return Err(DateTimeError::FieldOverflow);
        }
        Ok(Some(calendar::days_from_civil(CivilDate { year, month, day })))
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    position: usize,
    time_only: bool,
    order: DateOrder,
    /// The ISO separator stood before: digits are a time.
    after_t: bool,
    fields: Fields,
    /// A zone named in the text whose offset depends on the date.
    zone: Option<Zone>,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.position + ahead).copied()
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.position..).unwrap_or(&[]);
        let count = rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len());
        self.position += count;
        rest.get(..count).unwrap_or(&[])
    }

    /// A run of digits; more than fit a year are an error.
    fn number(&mut self) -> Result<Number, DateTimeError> {
        to_number(self.take_while(|byte| byte.is_ascii_digit()))
    }

    /// Takes one item; false at the end.
    fn item(&mut self) -> Result<bool, DateTimeError> {
        self.take_while(|byte| byte.is_ascii_whitespace() || byte == b',');
        let Some(byte) = self.peek() else { return Ok(false) };
        match byte {
            b'0'..=b'9' => self.numeric_item()?,
            b'+' | b'-' if self.peek_at(1).is_some_and(|next| next.is_ascii_alphabetic()) => {
                self.position += 1;
                let word = self.take_while(|byte| byte.is_ascii_alphabetic()).to_ascii_lowercase();
                return match word.as_slice() {
                    b"infinity" | b"inf" => Err(DateTimeError::Infinite),
                    _ => Err(DateTimeError::Syntax),
                };
            }
            b'+' | b'-' => {
                if self.fields.offset_s.is_some() || !(self.fields.has_date() || self.fields.time_us.is_some()) {
                    return Err(DateTimeError::Syntax);
                }
                self.fields.offset_s = Some(self.offset()?);
            }
            b'a'..=b'z' | b'A'..=b'Z' => self.word()?,
            _ => return Err(DateTimeError::Syntax),
        }
        Ok(true)
    }

    fn numeric_item(&mut self) -> Result<(), DateTimeError> {
        let start = self.position;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let next = self.peek();
        let is_time = self.after_t || self.time_only || self.fields.has_date();
        let alone = !matches!((next, self.peek_at(1)), (Some(b'-' | b'/' | b'.'), Some(after)) if after.is_ascii_alphanumeric());
        if next == Some(b':') {
            self.position = start;
            let time_us = self.time()?;
            return self.fields.set_time(time_us);
        }
        match digits {
            [h1, h2, m1, m2, rest @ ..]
                if is_time
                    && self.fields.time_us.is_none()
                    && matches!(rest.len(), 0 | 2)
                    && (alone || next != Some(b'/'))
                    && !(self.time_only && next == Some(b'-')) =>
            {
                let hour = to_number(&[*h1, *h2])?.value;
                let minute = to_number(&[*m1, *m2])?.value;
                let second = to_number(rest)?.value;
                let fraction_us = if next == Some(b'.') { self.fraction()? } else { 0 };
                self.fields.set_time(time_of_day(hour, minute, second, fraction_us)?)
            }
            _ if self.fields.has_date() => Err(DateTimeError::Syntax),
            [y @ .., m1, m2, d1, d2] if alone && matches!(y.len(), 2 | 4) => {
                self.fields.set_date(to_number(y)?, to_number(&[*m1, *m2])?.value, to_number(&[*d1, *d2])?.value)
            }
            _ if alone => self.loose_number(to_number(digits)?),
            _ => {
                self.position = start;
                self.separated_date()
            }
        }
    }

    /// A number beside a month's name: the day, or the year.
    fn loose_number(&mut self, number: Number) -> Result<(), DateTimeError> {
        if number.digits <= 2 && self.fields.day.is_none() {
            self.fields.day = Some(number.value);
        } else if self.fields.year.is_none() && (self.fields.month.is_some() || number.digits > 2) {
            self.fields.year = Some(number);
        } else {
            return Err(DateTimeError::Syntax);
        }
        Ok(())
    }

    /// `2024-01-15`, `1/15/2024`, `15-Jan-2024`, `2024-Jan-15`, `2024-015`.
    fn separated_date(&mut self) -> Result<(), DateTimeError> {
        let first = self.number()?;
        let separator = self.peek();
        self.position += 1;
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let month = self.month_name()?;
            if self.peek() != separator {
                return Err(DateTimeError::Syntax);
            }
            self.position += 1;
            let last = self.number()?;
            return if first.digits > 2 || self.order == DateOrder::Ymd && last.digits <= 2 {
                self.fields.set_date(first, month, last.value)
            } else {
                self.fields.set_date(last, month, first.value)
            };
        }
        let second = self.number()?;
        if self.peek() != separator || !self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) {
            if first.digits >= 4 && second.digits == 3 && separator == Some(b'-') && self.fields.year.is_none() {
                self.fields.year = Some(first);
                self.fields.day_of_year = Some(second.value);
                return Ok(());
            }
            return Err(DateTimeError::Syntax);
        }
        self.position += 1;
        let third = self.number()?;
        match self.order {
            _ if first.digits > 2 => self.fields.set_date(first, second.value, third.value),
            DateOrder::Ymd => self.fields.set_date(first, second.value, third.value),
            DateOrder::Dmy => self.fields.set_date(third, second.value, first.value),
            DateOrder::Mdy => self.fields.set_date(third, first.value, second.value),
        }
    }

    fn month_name(&mut self) -> Result<i64, DateTimeError> {
        let word = self.take_while(|byte| byte.is_ascii_alphabetic()).to_ascii_lowercase();
        month_number(&word).ok_or(DateTimeError::Syntax)
    }

    /// `H:MM[:SS[.f]]`.
    fn time(&mut self) -> Result<i64, DateTimeError> {
        let hour = self.number()?.value;
        self.position += 1;
        let minute = self.number()?.value;
        let (mut second, mut fraction_us) = (0, 0);
        if self.peek() == Some(b':') {
            self.position += 1;
            second = self.number()?.value;
            if self.peek() == Some(b'.') {
                fraction_us = self.fraction()?;
            }
        }
        time_of_day(hour, minute, second, fraction_us)
    }

    /// `.digits` in microseconds, rounded half to even (`rint`).
    fn fraction(&mut self) -> Result<i64, DateTimeError> {
        self.position += 1;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let (kept, dropped) = digits.split_at_checked(6).unwrap_or((digits, &[]));
        let mut value = to_number(kept)?.value;
        for _ in kept.len()..6 {
            value *= 10;
        }
        let round_up = match dropped.split_first() {
            Some((b'5', rest)) => rest.iter().any(|byte| *byte != b'0') || value % 2 == 1,
            Some((first, _)) => *first > b'5',
            None => false,
        };
        Ok(value + i64::from(round_up))
    }

    /// `+HH[:MM[:SS]]`, `+HHMM`; at most 15:59:59 (`MAX_TZDISP_HOUR`).
    fn offset(&mut self) -> Result<i32, DateTimeError> {
        let negative = self.peek() == Some(b'-');
        self.position += 1;
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let (mut hour, mut minute, mut second) = match digits {
            [] => return Err(DateTimeError::Syntax),
            [hours @ .., m1, m2] if !hours.is_empty() && self.peek() != Some(b':') => {
                (to_number(hours)?.value, to_number(&[*m1, *m2])?.value, 0)
            }
            hours => (to_number(hours)?.value, 0, 0),
        };
        if self.peek() == Some(b':') {
            self.position += 1;
            minute = self.number()?.value;
            if self.peek() == Some(b':') {
                self.position += 1;
                second = self.number()?.value;
            }
        }
        if hour > 15 || minute > 59 || second > 59 {
            return Err(DateTimeError::OffsetOverflow);
        }
        if negative {
            (hour, minute, second) = (-hour, -minute, -second);
        }
        i32::try_from(hour * 3600 + minute * 60 + second).map_err(|_| DateTimeError::OffsetOverflow)
    }

    fn word(&mut self) -> Result<(), DateTimeError> {
        if matches!(self.peek(), Some(b't' | b'T')) && self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
            self.after_t = true;
            return Ok(());
        }
        let start = self.position;
        let word =
            self.take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_')).to_ascii_lowercase();
        if word.contains(&b'/') {
            self.position = start;
            return self.named_zone();
        }
        if let Some(month) = month_number(&word) {
            return if self.fields.month.replace(month).is_some() { Err(DateTimeError::Syntax) } else { Ok(()) };
        }
        // A word run together with a date (`2024-01-15x`) is one only if it is a zone or `T`.
        let glued = start > 0 && self.bytes.get(start - 1).is_some_and(u8::is_ascii_digit);
        match word.as_slice() {
            b"z" | b"utc" | b"gmt" | b"ut" | b"zulu" => self.utc_word(),
            b"am" => self.half_day(HalfDay::Am),
            b"pm" => self.half_day(HalfDay::Pm),
            b"bc" if !glued => {
                self.fields.before_christ = true;
                Ok(())
            }
            b"ad" if !glued => Ok(()),
            b"allballs" => self.fields.set_time(0),
            b"epoch" if !self.fields.has_date() && !self.time_only => {
                self.fields.epoch = true;
                Ok(())
            }
            b"infinity" | b"inf" => Err(DateTimeError::Infinite),
            b"now" | b"today" | b"tomorrow" | b"yesterday" => Err(DateTimeError::NeedsClock),
            _ if is_day_name(&word) => Ok(()),
            _ if self.fields.has_date() || self.fields.time_us.is_some() || self.fields.month.is_some() => {
                match zone::abbreviation_offset_s(&word) {
                    Some(offset_s) if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) => {
                        if self.fields.offset_s.replace(offset_s).is_some() {
                            return Err(DateTimeError::Syntax);
                        }
                        Ok(())
                    }
                    _ => {
                        self.position = start;
                        self.named_zone().map_err(|_| DateTimeError::Syntax)
                    }
                }
            }
            _ => Err(DateTimeError::Syntax),
        }
    }

    /// `America/New_York`, `EST5EDT`: the offset is known once the date is.
    fn named_zone(&mut self) -> Result<(), DateTimeError> {
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+'));
        let name = String::from_utf8_lossy(name).into_owned();
        let Some(zone) = Zone::named(&name) else { return Err(DateTimeError::UnknownZone(name.to_ascii_lowercase())) };
        if self.fields.offset_s.is_some() || self.zone.replace(zone).is_some() {
            return Err(DateTimeError::Syntax);
        }
        Ok(())
    }

    fn half_day(&mut self, half_day: HalfDay) -> Result<(), DateTimeError> {
        if self.fields.half_day.replace(half_day).is_some() { Err(DateTimeError::Syntax) } else { Ok(()) }
    }

    /// UTC; with an offset right behind it the POSIX form, whose sign is west (`UTC+2`).
    fn utc_word(&mut self) -> Result<(), DateTimeError> {
        let offset_s = match self.peek() {
            Some(b'+' | b'-') => -self.offset()?,
            _ => 0,
        };
        if self.fields.offset_s.replace(offset_s).is_some() { Err(DateTimeError::Syntax) } else { Ok(()) }
    }
}

/// The value of ASCII digits; none is 0.
fn to_number(digits: &[u8]) -> Result<Number, DateTimeError> {
    // No field has more; nine digits always fit.
    if digits.len() > 9 {
        return Err(DateTimeError::FieldOverflow);
    }
    let value = digits.iter().fold(0i64, |value, byte| value * 10 + i64::from(byte.wrapping_sub(b'0')));
    Ok(Number { value, digits: digits.len() })
}

fn time_of_day(hour: i64, minute: i64, second: i64, fraction_us: i64) -> Result<i64, DateTimeError> {
    let time_us = (hour * 3600 + minute * 60 + second) * SECOND_US + fraction_us;
    if minute > 59 || second > 60 || time_us > DAY_US {
        return Err(DateTimeError::FieldOverflow);
    }
    Ok(time_us)
}

/// Days since 2000-01-01 of a text of type date.
///
/// # Errors
/// 22007, 22008, 0A000.
pub(crate) fn date_from_text(text: &str, style: &Style) -> Result<i32, Box<PgError>> {
    let (input, _) = parse_ordered(text, false, style.date_order).map_err(|error| error.to_pg("date", text))?;
    let days = input.days.ok_or_else(|| DateTimeError::Syntax.to_pg("date", text))?;
    i32::try_from(days)
        .ok()
        .filter(|days| (datetime::DATE_MIN..=datetime::DATE_MAX).contains(days))
        .ok_or_else(|| PgError::error(SqlState::DATETIME_OVERFLOW, format!("date out of range: \"{text}\"")))
}

/// Microseconds since midnight of a text of type time; an offset is read and ignored, as PostgreSQL does.
///
/// # Errors
/// 22007, 22008.
pub(crate) fn time_from_text(text: &str) -> Result<i64, Box<PgError>> {
    let (time_us, _, _) = time_with_offset(text, "time")?;
    Ok(time_us)
}

/// Microseconds since midnight and seconds east of Greenwich of a text of type timetz. Without an offset it is the
/// session's time zone's, where that needs no date.
///
/// # Errors
/// 22007, 22008, 22009; 0A000 where only today's date could tell the offset.
pub(crate) fn timetz_from_text(text: &str, style: &Style) -> Result<(i64, i32), Box<PgError>> {
    let (time_us, offset_s, zone) = time_with_offset(text, "time with time zone")?;
    let zone = zone.as_ref().unwrap_or(&style.zone);
    match offset_s.or_else(|| zone.constant_offset_s()) {
        Some(offset_s) => Ok((time_us, offset_s)),
        None => Err(PgError::unsupported(format!(
            "the offset of \"{text}\" depends on the date in the time zone \"{}\"",
            zone.name()
        ))
        .hint("Write the offset: 10:00:00+02.")),
    }
}

fn time_with_offset(text: &str, type_name: &str) -> Result<(i64, Option<i32>, Option<Zone>), Box<PgError>> {
    let (input, zone) = parse_ordered(text, true, DateOrder::Mdy).map_err(|error| error.to_pg(type_name, text))?;
    let time_us = input.time_us.ok_or_else(|| DateTimeError::Syntax.to_pg(type_name, text))?;
    Ok((time_us, input.offset_s, zone))
}

/// Microseconds since 2000-01-01 of a text of type timestamp (an offset is read and ignored, as PostgreSQL does) or,
/// with `utc`, of type timestamptz (no offset means the session's time zone).
///
/// # Errors
/// 22007, 22008, 22009, 22023, 0A000.
pub(crate) fn timestamp_from_text(text: &str, utc: bool, style: &Style) -> Result<i64, Box<PgError>> {
    let type_name = if utc { "timestamp with time zone" } else { "timestamp" };
    let (input, named) = parse_ordered(text, false, style.date_order).map_err(|error| error.to_pg(type_name, text))?;
    let days = input.days.ok_or_else(|| DateTimeError::Syntax.to_pg(type_name, text))?;
    let time_us = input.time_us.unwrap_or(0);
    let zone = named.as_ref().unwrap_or(&style.zone);
    let time_us = match input.offset_s {
        _ if !utc => Some(time_us),
        Some(offset_s) => Some(time_us - i64::from(offset_s) * SECOND_US),
        None if zone.is_utc() => Some(time_us),
        None => style::instant_us(zone, days, time_us)
            .and_then(|instant_us| instant_us.checked_sub(days.checked_mul(DAY_US)?)),
    };
    i32::try_from(days)
        .ok()
        .zip(time_us)
        .and_then(|(days, time_us)| datetime::join_timestamp(days, time_us))
        .ok_or_else(|| PgError::error(SqlState::DATETIME_OVERFLOW, format!("timestamp out of range: \"{text}\"")))
}
