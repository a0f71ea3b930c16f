//! Intervals: IRIS has none, so they travel as text; the binary form is read and written here.

use super::datetime;
use super::interval_input::{Wrong, read};
use super::style::IntervalFormat;
use crate::wire::{PgError, SqlState};

const HOUR_US: i64 = 3_600_000_000;

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

    /// The interval the other way; `None` where a part of it has no negative.
    pub fn negated(self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            time_us: self.time_us.checked_neg()?,
        })
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
        read(text, format == IntervalFormat::SqlStandard).map_err(|wrong| match wrong {
            Wrong::Syntax => PgError::error(
                SqlState::INVALID_DATETIME,
                format!("invalid input syntax for type interval: \"{text}\""),
            ),
            Wrong::Overflow => {
                PgError::error(SqlState(*b"22015"), format!("interval field value out of range: \"{text}\""))
            }
            Wrong::Infinite => PgError::unsupported("infinite intervals are not supported"),
        })
    }
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
        for text in ["abc", "1 foo", "", "P", "PT1D", "1..5 days", "1 day 1 day"] {
            assert_eq!(Interval::from_text(text).unwrap_err().code, SqlState::INVALID_DATETIME, "{text}");
        }
        assert_eq!(Interval::from_text("1 day 25:61:00").unwrap_err().code, SqlState(*b"22015"));
        let error = Interval::from_text("3000000000 days").unwrap_err();
        assert_eq!(error.message, "interval field value out of range: \"3000000000 days\"");
    }

    #[test]
    fn extremes_print() {
        for interval in [
            Interval { months: i32::MIN, days: i32::MIN, time_us: -i64::MAX },
            Interval { months: i32::MAX, days: i32::MAX, time_us: i64::MAX },
        ] {
            let mut out = Vec::new();
            interval.write_text(&mut out);
            assert_eq!(Interval::from_text(&String::from_utf8(out).unwrap()).unwrap(), interval);
        }
    }
}
