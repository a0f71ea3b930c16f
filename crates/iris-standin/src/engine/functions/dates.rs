//! Parts of dates: DATEPART, DATENAME, DATEADD, DATEDIFF, DATE_TRUNC, LAST_DAY.
//!
//! Everything works on microseconds since 1970 (`datetime`); dates and times of day are made timestamps first.

use iris_protocol::calendar::{CivilDate, days_in_month, is_leap_year};

use super::super::datetime::{DATE_MAX, DATE_MIN, DAY_US, from_day, join_timestamp, split_timestamp, to_day};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Quarter,
    Month,
    Week,
    Weekday,
    Day,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    /// `sqltimestamp`, `sts`: the whole, as text.
    Timestamp,
}

impl Part {
    /// The names and abbreviations, in any case. None: SQLCODE -8.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" | "yyyy" | "yy" => Self::Year,
            "quarter" | "qq" | "q" => Self::Quarter,
            "month" | "mm" | "m" => Self::Month,
            "week" | "wk" | "ww" => Self::Week,
            "weekday" | "dw" | "w" => Self::Weekday,
            "day" | "dd" | "d" => Self::Day,
            "dayofyear" | "dy" | "y" => Self::DayOfYear,
            "hour" | "hh" | "h" => Self::Hour,
            "minute" | "mi" | "n" => Self::Minute,
            "second" | "ss" | "s" => Self::Second,
            "millisecond" | "ms" => Self::Millisecond,
            "microsecond" | "mcs" => Self::Microsecond,
            "nanosecond" | "ns" => Self::Nanosecond,
            "sqltimestamp" | "sts" => Self::Timestamp,
            _ => return None,
        })
    }
}

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

pub(crate) fn month_name(month: i64) -> &'static str {
    usize::try_from(month.saturating_sub(1)).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("")
}

/// `weekday` counts from 1, Sunday.
pub(crate) fn weekday_name(weekday: i64) -> &'static str {
    usize::try_from(weekday.saturating_sub(1)).ok().and_then(|at| WEEKDAYS.get(at)).copied().unwrap_or("")
}

/// 1 = Sunday. `$HOROLOG` day 4 was a Monday.
pub(crate) fn weekday(day: i64) -> i64 {
    // Day 0, 31 December 1840, was a Thursday.
    day.saturating_add(4).rem_euclid(7).saturating_add(1)
}

pub(crate) fn day_of_year(day: i64) -> i64 {
    let first = to_day(CivilDate { year: from_day(day).year, month: 1, day: 1 });
    day.saturating_sub(first).saturating_add(1)
}

/// Week of the year; weeks begin on Sunday and 1 January lies in week 1.
pub(crate) fn week(day: i64) -> i64 {
    let first = to_day(CivilDate { year: from_day(day).year, month: 1, day: 1 });
    let offset = weekday(first).saturating_sub(1);
    day.saturating_sub(first).saturating_add(offset).div_euclid(7).saturating_add(1)
}

/// DATEPART as a number; None for [`Part::Timestamp`].
pub(crate) fn part(part: Part, micros: i64) -> Option<i64> {
    let (day, time) = split_timestamp(micros);
    let date = from_day(day);
    let seconds = time.div_euclid(1_000_000);
    let fraction = time.rem_euclid(1_000_000);
    Some(match part {
        Part::Year => date.year,
        Part::Quarter => quarter(date.month).into(),
        Part::Month => date.month.into(),
        Part::Week => week(day),
        Part::Weekday => weekday(day),
        Part::Day => date.day.into(),
        Part::DayOfYear => day_of_year(day),
        Part::Hour => seconds.div_euclid(3_600),
        Part::Minute => seconds.div_euclid(60).rem_euclid(60),
        Part::Second => seconds.rem_euclid(60),
        Part::Millisecond => fraction.div_euclid(1_000),
        Part::Microsecond => fraction,
        Part::Nanosecond => fraction.saturating_mul(1_000),
        Part::Timestamp => return None,
    })
}

fn quarter(month: u8) -> u8 {
    month.saturating_sub(1).div_euclid(3).saturating_add(1)
}

/// DATENAME: like DATEPART, months and weekdays by name.
pub(crate) fn name(which: Part, micros: i64) -> String {
    let number = part(which, micros).unwrap_or(0);
    match which {
        Part::Month => month_name(number).to_owned(),
        Part::Weekday => weekday_name(number).to_owned(),
        Part::Timestamp => super::super::datetime::timestamp_text(micros),
        _ => number.to_string(),
    }
}

/// Length of the parts that have a fixed one, in microseconds.
fn fixed_us(part: Part) -> Option<i64> {
    Some(match part {
        Part::Week => DAY_US.saturating_mul(7),
        Part::Day | Part::Weekday | Part::DayOfYear => DAY_US,
        Part::Hour => 3_600_000_000,
        Part::Minute => 60_000_000,
        Part::Second => 1_000_000,
        Part::Millisecond => 1_000,
        Part::Microsecond => 1,
        Part::Year | Part::Quarter | Part::Month | Part::Nanosecond | Part::Timestamp => return None,
    })
}

/// DATEADD. A month that is too short takes its last day. None: outside the years 1 to 9999, or no part to add.
pub(crate) fn add(part: Part, count: i64, micros: i64) -> Option<i64> {
    let sum = match part {
        Part::Year => add_months(count.checked_mul(12)?, micros)?,
        Part::Quarter => add_months(count.checked_mul(3)?, micros)?,
        Part::Month => add_months(count, micros)?,
        Part::Nanosecond => micros.checked_add(count.div_euclid(1_000))?,
        _ => micros.checked_add(count.checked_mul(fixed_us(part)?)?)?,
    };
    let (day, _) = split_timestamp(sum);
    (DATE_MIN..=DATE_MAX).contains(&day).then_some(sum)
}

pub(crate) fn add_months(count: i64, micros: i64) -> Option<i64> {
    let (day, time) = split_timestamp(micros);
    let date = from_day(day);
    let months = date.year.checked_mul(12)?.checked_add(i64::from(date.month).checked_sub(1)?)?.checked_add(count)?;
    let (year, month) = (months.div_euclid(12), u8::try_from(months.rem_euclid(12).checked_add(1)?).ok()?);
    if !(1..=9999).contains(&year) {
        return None;
    }
    let day = to_day(CivilDate { year, month, day: date.day.min(days_in_month(year, month)) });
    Some(join_timestamp(day, time))
}

/// DATEDIFF: boundaries of the part crossed from `from` to `to`; weeks begin on Sunday.
pub(crate) fn difference(which: Part, from: i64, to: i64) -> Option<i64> {
    let ((from_day_number, _), (to_day_number, _)) = (split_timestamp(from), split_timestamp(to));
    let (a, b) = (from_day(from_day_number), from_day(to_day_number));
    let months = |date: CivilDate| date.year.saturating_mul(12).saturating_add(i64::from(date.month).saturating_sub(1));
    Some(match which {
        Part::Year => b.year.saturating_sub(a.year),
        Part::Quarter => months(b).div_euclid(3).saturating_sub(months(a).div_euclid(3)),
        Part::Month => months(b).saturating_sub(months(a)),
        Part::Week => {
            // Counted in Sundays.
            let sunday = |day: i64| day.saturating_add(4).div_euclid(7);
            sunday(to_day_number).saturating_sub(sunday(from_day_number))
        }
        Part::Nanosecond => to.saturating_sub(from).saturating_mul(1_000),
        Part::Timestamp => return None,
        _ => {
            let unit = fixed_us(which)?;
            to.div_euclid(unit).saturating_sub(from.div_euclid(unit))
        }
    })
}

/// DATE_TRUNC: the beginning of the part.
pub(crate) fn truncate(which: Part, micros: i64) -> Option<i64> {
    let (day, _) = split_timestamp(micros);
    let date = from_day(day);
    let first = |month: u8| join_timestamp(to_day(CivilDate { year: date.year, month, day: 1 }), 0);
    Some(match which {
        Part::Year => first(1),
        Part::Quarter => first(quarter(date.month).saturating_sub(1).saturating_mul(3).saturating_add(1)),
        Part::Month => first(date.month),
        Part::Week => join_timestamp(day.saturating_sub(weekday(day).saturating_sub(1)), 0),
        Part::Nanosecond => micros,
        Part::Timestamp => return None,
        _ => {
            let unit = fixed_us(which)?;
            micros.saturating_sub(micros.rem_euclid(unit))
        }
    })
}

/// LAST_DAY of the month of a `$HOROLOG` day.
pub(crate) fn last_day(day: i64) -> i64 {
    let date = from_day(day);
    to_day(CivilDate { day: days_in_month(date.year, date.month), ..date })
}

/// Days of the year, for checks of `DDD`.
pub(crate) fn days_in_year(year: i64) -> i64 {
    if is_leap_year(year) { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::super::super::datetime::{parse_timestamp, timestamp_text};
    use super::*;

    fn at(text: &str) -> i64 {
        parse_timestamp(text).unwrap()
    }

    #[test]
    fn parts_are_read_by_every_name() {
        let moment = at("2024-12-29 13:14:15.678901");
        for (name, expected) in [
            ("yyyy", 2024),
            ("QUARTER", 4),
            ("mm", 12),
            ("ww", 53),
            ("dw", 1),
            ("dd", 29),
            ("dy", 364),
            ("hh", 13),
            ("n", 14),
            ("ss", 15),
            ("ms", 678),
            ("mcs", 678_901),
            ("ns", 678_901_000),
        ] {
            assert_eq!(part(Part::from_name(name).unwrap(), moment), Some(expected), "{name}");
        }
        assert_eq!(Part::from_name("decade"), None);
        assert_eq!(name(Part::Month, moment), "December");
        assert_eq!(name(Part::Weekday, moment), "Sunday");
    }

    #[test]
    fn addition_keeps_to_the_month() {
        let add_text = |part, count, text: &str| add(part, count, at(text)).map(timestamp_text);
        assert_eq!(add_text(Part::Month, 1, "2024-01-31").as_deref(), Some("2024-02-29 00:00:00"));
        assert_eq!(add_text(Part::Year, -1, "2024-02-29 01:02:03").as_deref(), Some("2023-02-28 01:02:03"));
        assert_eq!(add_text(Part::Hour, 25, "2024-02-28").as_deref(), Some("2024-02-29 01:00:00"));
        assert_eq!(add_text(Part::Quarter, 1, "2024-11-30").as_deref(), Some("2025-02-28 00:00:00"));
        assert_eq!(add(Part::Year, 8_000, at("2024-01-01")), None);
        assert_eq!(add(Part::Year, i64::MAX, at("2024-01-01")), None);
    }

    #[test]
    fn differences_count_boundaries() {
        let diff = |part, from: &str, to: &str| difference(part, at(from), at(to)).unwrap();
        assert_eq!(diff(Part::Year, "2023-12-31 23:59:59", "2024-01-01"), 1);
        assert_eq!(diff(Part::Month, "2024-03-01", "2024-01-31"), -2);
        assert_eq!(diff(Part::Day, "2024-01-01 23:59:59", "2024-01-02"), 1);
        assert_eq!(diff(Part::Week, "2024-12-28", "2024-12-29"), 1);
        assert_eq!(diff(Part::Second, "1969-12-31 23:59:59.5", "1970-01-01"), 1);
    }

    #[test]
    fn truncation_finds_the_beginning() {
        let cut = |part| timestamp_text(truncate(part, at("2024-08-15 13:14:15.6")).unwrap());
        assert_eq!(cut(Part::Quarter), "2024-07-01 00:00:00");
        assert_eq!(cut(Part::Week), "2024-08-11 00:00:00");
        assert_eq!(cut(Part::Minute), "2024-08-15 13:14:00");
        assert_eq!(from_day(last_day(split_timestamp(at("2023-02-01")).0)).day, 28);
    }
}
