//! The proleptic Gregorian calendar, of any year. Days are counted from 2000-01-01.

/// 0000-03-01, where the 400-year cycles of the calendar start.
const ERA_START: i64 = -730_425;
const ERA_DAYS: i64 = 146_097;

/// A day by year, month and day; year 0 is 1 BC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilDate {
    /// Counted as astronomers do, through 0.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// Whether the year has a 29 February.
pub fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 28 to 31.
pub fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year(year) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The number of a day. Meant for years whose days have one: the caller's range of years is a smaller one.
#[inline]
pub fn days_from_civil(date: CivilDate) -> i64 {
    let month = i64::from(date.month);
    let year = if month <= 2 { date.year - 1 } else { date.year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    // Months counted from March, so that the leap day is the last of the year.
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(date.day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * ERA_DAYS + day_of_era + ERA_START
}

/// The day of a number.
#[inline]
pub fn civil_from_days(days: i64) -> CivilDate {
    let since_era = days.saturating_sub(ERA_START);
    let era = since_era.div_euclid(ERA_DAYS);
    let day_of_era = since_era.rem_euclid(ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // Both are small by construction.
    CivilDate { year, month: u8::try_from(month).unwrap_or(1), day: u8::try_from(day).unwrap_or(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other() {
        let mut expected = CivilDate { year: -401, month: 1, day: 1 };
        let first = days_from_civil(expected);
        assert_eq!(days_from_civil(CivilDate { year: 2000, month: 1, day: 1 }), 0);
        // Two cycles of 400 years, around year 0, and the day that the third begins with.
        for days in first..=first + 2 * ERA_DAYS {
            assert_eq!(civil_from_days(days), expected);
            assert_eq!(days_from_civil(expected), days);
            let CivilDate { year, month, day } = expected;
            expected = match (month, day) {
                (12, 31) => CivilDate { year: year + 1, month: 1, day: 1 },
                _ if day == days_in_month(year, month) => CivilDate { year, month: month + 1, day: 1 },
                _ => CivilDate { year, month, day: day + 1 },
            };
        }
        assert_eq!(expected, CivilDate { year: 399, month: 1, day: 2 });
    }

    #[test]
    fn days_beyond_all_years_have_a_month() {
        for days in [i64::MIN, i64::MAX] {
            let CivilDate { month, day, .. } = civil_from_days(days);
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }
    }
}
