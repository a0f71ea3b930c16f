//! What of a client's settings decides how values are read and printed: DateStyle, IntervalStyle, TimeZone,
//! bytea_output and extra_float_digits (manual, "Locale and Formatting", "Statement Behavior").

use std::sync::{Arc, LazyLock};

use super::calendar::civil_from_days;
use super::datetime::{self, DAY_US, split_timestamp, write_fraction, write_time, write_two};
use super::interval::Interval;
use super::zone::{Zone, offset_us};

/// The first word of DateStyle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateFormat {
    Iso,
    Sql,
    Postgres,
    German,
}

/// The second word of DateStyle: order of ambiguous dates on input, and of day and month on output but for ISO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    Mdy,
    Dmy,
    Ymd,
}

/// IntervalStyle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalFormat {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

/// How values are read and printed for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Style {
    pub date_format: DateFormat,
    pub date_order: DateOrder,
    pub interval_format: IntervalFormat,
    /// `bytea_output = escape`.
    pub bytea_escape: bool,
    /// Above 0: the shortest text that reads back; else so many digits more (or less) than 15 and 6.
    pub extra_float_digits: i32,
    pub zone: Zone,
}

static DEFAULT: LazyLock<Arc<Style>> = LazyLock::new(|| {
    Arc::new(Style {
        date_format: DateFormat::Iso,
        date_order: DateOrder::Mdy,
        interval_format: IntervalFormat::Postgres,
        bytea_escape: false,
        extra_float_digits: 1,
        zone: Zone::utc(),
    })
});

thread_local! {
    /// Of all sessions of a shard: sharing one between shards would have every core write to its counter.
    static STANDARD: Arc<Style> = Arc::new(Style::clone(&DEFAULT));
}

impl Style {
    /// The style of a client that has set nothing, in time zone UTC.
    pub fn standard() -> &'static Arc<Style> {
        &DEFAULT
    }

    /// The same, for sessions to keep.
    pub fn standard_of_thread() -> Arc<Style> {
        STANDARD.with(Arc::clone)
    }

    pub fn is_standard(&self) -> bool {
        *self == **DEFAULT
    }

    /// Appends a date as `EncodeDateOnly` does.
    pub fn write_date(&self, days: i32, out: &mut Vec<u8>) {
        if self.date_format == DateFormat::Iso || is_infinite_date(days) {
            return datetime::write_date(days, out);
        }
        let before_christ = match self.date_format {
            DateFormat::Postgres => self.write_numeric_date(days, b'-', out),
            _ => self.write_slashed_date(days, out),
        };
        if before_christ {
            out.extend_from_slice(b" BC");
        }
    }

    /// Appends a timestamp as `EncodeDateTime` does; `zoned`: a timestamptz, shown in the session's time zone.
    pub fn write_timestamp(&self, timestamp_us: i64, zoned: bool, out: &mut Vec<u8>) {
        if !zoned || matches!(timestamp_us, datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEG_INFINITY) {
            return self.write_moment(timestamp_us, None, out);
        }
        self.zone.at(timestamp_us, |offset_s, abbreviation| {
            // One day past the newest timestamp is still far from the end of 64 bits.
            let local_us = timestamp_us.saturating_add(offset_us(offset_s));
            self.write_moment(local_us, Some((offset_s, abbreviation)), out);
        });
    }

    fn write_moment(&self, local_us: i64, zone: Option<(i32, &str)>, out: &mut Vec<u8>) {
        if matches!(local_us, datetime::TIMESTAMP_INFINITY | datetime::TIMESTAMP_NEG_INFINITY) {
            return datetime::write_timestamp(local_us, false, out);
        }
        let (days, time_us) = split_timestamp(local_us);
        let put_zone = |out: &mut Vec<u8>| {
            let Some((offset_s, abbreviation)) = zone else { return };
            if self.date_format == DateFormat::Iso {
                datetime::write_offset(offset_s, out);
            } else {
                out.push(b' ');
                out.extend_from_slice(abbreviation.as_bytes());
            }
        };
        let before_christ = match self.date_format {
            DateFormat::Iso => {
                let before_christ = datetime::write_civil(civil_from_days(days.into()), out);
                out.push(b' ');
                write_time(time_us, out);
                before_christ
            }
            DateFormat::Sql | DateFormat::German => {
                let before_christ = self.write_slashed_date(days, out);
                out.push(b' ');
                write_time(time_us, out);
                before_christ
            }
            DateFormat::Postgres => self.write_spoken(days, time_us, out),
        };
        put_zone(out);
        if before_christ {
            out.extend_from_slice(b" BC");
        }
    }

    /// `Mon Jan 15 10:20:30 2024`.
    fn write_spoken(&self, days: i32, time_us: i64, out: &mut Vec<u8>) -> bool {
        const DAYS: [&str; 7] = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"];
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let date = civil_from_days(days.into());
        // 2000-01-01 was a Saturday.
        let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or("");
        let month = usize::from(date.month).checked_sub(1).and_then(|month| MONTHS.get(month)).copied().unwrap_or("");
        out.extend_from_slice(weekday.as_bytes());
        out.push(b' ');
        if self.date_order == DateOrder::Dmy {
            write_two(date.day, out);
            out.push(b' ');
            out.extend_from_slice(month.as_bytes());
        } else {
            out.extend_from_slice(month.as_bytes());
            out.push(b' ');
            write_two(date.day, out);
        }
        out.push(b' ');
        write_time(time_us, out);
        out.push(b' ');
        datetime::write_year(if date.year <= 0 { 1 - date.year } else { date.year }, out);
        date.year <= 0
    }

    /// The dates of SQL (`/`) and German (`.`, always day first).
    fn write_slashed_date(&self, days: i32, out: &mut Vec<u8>) -> bool {
        let separator = if self.date_format == DateFormat::German { b'.' } else { b'/' };
        self.write_numeric_date(days, separator, out)
    }

    fn write_numeric_date(&self, days: i32, separator: u8, out: &mut Vec<u8>) -> bool {
        let date = civil_from_days(days.into());
        let day_first = self.date_order == DateOrder::Dmy || self.date_format == DateFormat::German;
        let (first, second) = if day_first { (date.day, date.month) } else { (date.month, date.day) };
        write_two(first, out);
        out.push(separator);
        write_two(second, out);
        out.push(separator);
        datetime::write_year(if date.year <= 0 { 1 - date.year } else { date.year }, out);
        date.year <= 0
    }

    /// Appends an interval as `EncodeInterval` does.
    pub fn write_interval(&self, interval: Interval, out: &mut Vec<u8>) {
        match self.interval_format {
            IntervalFormat::Postgres => interval.write_text(out),
            IntervalFormat::PostgresVerbose => write_verbose(&Parts::of(interval), out),
            IntervalFormat::SqlStandard => write_sql_standard(Parts::of(interval), out),
            IntervalFormat::Iso8601 => write_iso_8601(&Parts::of(interval), out),
        }
    }

    /// Appends a double as `float8out` does.
    pub fn write_double(&self, value: f64, out: &mut Vec<u8>) {
        if self.extra_float_digits > 0 {
            crate::vector::write_f64(value, out);
        } else {
            write_general(value, 15 + self.extra_float_digits, out);
        }
    }

    /// Appends a single as `float4out` does.
    pub fn write_single(&self, value: f32, out: &mut Vec<u8>) {
        if self.extra_float_digits > 0 {
            crate::vector::write_f32(value, out);
        } else {
            write_general(f64::from(value), 6 + self.extra_float_digits, out);
        }
    }
}

fn is_infinite_date(days: i32) -> bool {
    matches!(days, datetime::DATE_INFINITY | datetime::DATE_NEG_INFINITY)
}

/// Appends bytes as `byteaout` prints them with `bytea_output = escape`.
pub(super) fn write_escaped_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7E => out.push(*byte),
            _ => {
                let digit = |shift: u32| b'0' + (byte >> shift & 7);
                out.extend_from_slice(&[b'\\', digit(6), digit(3), digit(0)]);
            }
        }
    }
}

/// C's `%.*g`.
pub(super) fn write_general(value: f64, digits: i32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return crate::vector::write_f64(value, out);
    }
    let digits = digits.max(1);
    let printed = format!("{value:.*e}", usize::try_from(digits - 1).unwrap_or(0));
    let (mantissa, exponent) = printed.split_once('e').unwrap_or((&printed, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    if mantissa.starts_with('-') {
        out.push(b'-');
    }
    let all: String = unsigned.chars().filter(char::is_ascii_digit).collect();
    let significant = all.trim_end_matches('0');
    if exponent < -4 || exponent >= digits {
        let (first, rest) = significant.split_at_checked(1).unwrap_or(("0", ""));
        out.extend_from_slice(first.as_bytes());
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest.as_bytes());
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
        return;
    }
    let Ok(whole) = usize::try_from(exponent) else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', usize::try_from(-exponent - 1).unwrap_or(0)));
        out.extend_from_slice(significant.as_bytes());
        return;
    };
    let (before, after) = all.split_at_checked(whole + 1).unwrap_or((&all, ""));
    out.extend_from_slice(before.as_bytes());
    let after = after.trim_end_matches('0');
    if !after.is_empty() {
        out.push(b'.');
        out.extend_from_slice(after.as_bytes());
    }
}

/// An interval in the fields of `struct pg_itm`: those of the time have one sign.
#[derive(Debug, Clone, Copy)]
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    fraction_us: i64,
}

impl Parts {
    fn of(interval: Interval) -> Self {
        let seconds = interval.time_us / datetime::SECOND_US;
        Self {
            years: i64::from(interval.months / 12),
            months: i64::from(interval.months % 12),
            days: i64::from(interval.days),
            hours: seconds / 3600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            fraction_us: interval.time_us % datetime::SECOND_US,
        }
    }

    fn all(&self) -> [i64; 7] {
        [self.years, self.months, self.days, self.hours, self.minutes, self.seconds, self.fraction_us]
    }

    fn negated(self) -> Self {
        Self {
            years: -self.years,
            months: -self.months,
            days: -self.days,
            hours: -self.hours,
            minutes: -self.minutes,
            seconds: -self.seconds,
            fraction_us: -self.fraction_us,
        }
    }

    fn has_seconds(&self) -> bool {
        self.seconds != 0 || self.fraction_us != 0
    }

    /// `S[.f]` without sign; `padded`: two digits before the point.
    fn write_seconds(&self, padded: bool, out: &mut Vec<u8>) {
        let seconds = self.seconds.abs();
        if padded && seconds < 10 {
            out.push(b'0');
        }
        put(seconds, out);
        write_fraction(self.fraction_us.abs(), out);
    }
}

fn put(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn write_verbose(parts: &Parts, out: &mut Vec<u8>) {
    out.push(b'@');
    let (mut is_zero, mut is_before) = (true, false);
    let fields = [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
        (parts.hours, "hour"),
        (parts.minutes, "min"),
    ];
    for (value, unit) in fields {
        if value == 0 {
            continue;
        }
        // The first field decides about "ago"; the others count relative to it.
        let value = if is_zero {
            is_before = value < 0;
            value.abs()
        } else if is_before {
            -value
        } else {
            value
        };
        is_zero = false;
        out.push(b' ');
        put(value, out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.push(b's');
        }
    }
    if parts.has_seconds() {
        out.push(b' ');
        let negative = parts.seconds < 0 || parts.fraction_us < 0;
        if is_zero {
            is_before = negative;
        } else if negative != is_before {
            out.push(b'-');
        }
        is_zero = false;
        parts.write_seconds(false, out);
        out.extend_from_slice(if parts.seconds.abs() == 1 && parts.fraction_us == 0 { b" sec" } else { b" secs" });
    }
    if is_zero {
        out.extend_from_slice(b" 0");
    }
    if is_before {
        out.extend_from_slice(b" ago");
    }
}

fn write_sql_standard(mut parts: Parts, out: &mut Vec<u8>) {
    let negative = parts.all().iter().any(|part| *part < 0);
    let positive = parts.all().iter().any(|part| *part > 0);
    if !negative && !positive {
        return out.push(b'0');
    }
    let has_year_month = parts.years != 0 || parts.months != 0;
    let has_time = parts.hours != 0 || parts.minutes != 0 || parts.has_seconds();
    let standard = !(negative && positive) && !(has_year_month && (parts.days != 0 || has_time));
    let sign = |negative: bool| if negative { b'-' } else { b'+' };
    let clock = |parts: &Parts, out: &mut Vec<u8>| {
        put(parts.hours.abs(), out);
        out.push(b':');
        write_two(u8::try_from(parts.minutes.abs()).unwrap_or(0), out);
        out.push(b':');
        parts.write_seconds(true, out);
    };
    if !standard {
        out.push(sign(parts.years < 0 || parts.months < 0));
        put(parts.years.abs(), out);
        out.push(b'-');
        put(parts.months.abs(), out);
        out.push(b' ');
        out.push(sign(parts.days < 0));
        put(parts.days.abs(), out);
        out.push(b' ');
        let time = [parts.hours, parts.minutes, parts.seconds, parts.fraction_us];
        out.push(sign(time.iter().any(|part| *part < 0)));
        return clock(&parts, out);
    }
    if negative {
        out.push(b'-');
        parts = parts.negated();
    }
    if has_year_month {
        put(parts.years, out);
        out.push(b'-');
        put(parts.months, out);
        return;
    }
    if parts.days != 0 {
        put(parts.days, out);
        out.push(b' ');
    }
    clock(&parts, out);
}

fn write_iso_8601(parts: &Parts, out: &mut Vec<u8>) {
    if parts.all().iter().all(|part| *part == 0) {
        return out.extend_from_slice(b"PT0S");
    }
    let field = |value: i64, unit: u8, out: &mut Vec<u8>| {
        if value != 0 {
            put(value, out);
            out.push(unit);
        }
    };
    out.push(b'P');
    field(parts.years, b'Y', out);
    field(parts.months, b'M', out);
    field(parts.days, b'D', out);
    if parts.hours != 0 || parts.minutes != 0 || parts.has_seconds() {
        out.push(b'T');
    }
    field(parts.hours, b'H', out);
    field(parts.minutes, b'M', out);
    if parts.has_seconds() {
        if parts.seconds < 0 || parts.fraction_us < 0 {
            out.push(b'-');
        }
        parts.write_seconds(false, out);
        out.push(b'S');
    }
}

/// The session's wall clock at an instant, in microseconds since 2000-01-01.
pub(crate) fn local_us(zone: &Zone, timestamp_us: i64) -> i64 {
    zone.at(timestamp_us, |offset_s, _| timestamp_us.saturating_add(offset_us(offset_s)))
}

/// The instant of a reading of the session's wall clock; days beyond the calendar are left to the caller's check.
pub(super) fn instant_us(zone: &Zone, days: i64, time_us: i64) -> Option<i64> {
    let local = days.checked_mul(DAY_US)?.checked_add(time_us)?;
    local.checked_sub(offset_us(zone.offset_of_local_s(local)))
}
