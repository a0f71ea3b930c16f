//! Parts of dates and timestamps, and their text, out of what the manual of IRIS promises: CAST AS VARCHAR gives a date
//! as `yyyy-mm-dd` whatever the locale (TO_CHAR knows no dates before 1841), DATEPART numbers. DATEPART('second') may
//! bring its fraction, which DATEPART('microsecond') gives exactly.

use crate::sql::translate::context::frag::{Frag, Ty, level};
use crate::types::Oid;

/// A Monday before all days of IRIS: weekdays are counted from it, for DAYOFWEEK follows the server's settings.
const FIRST_MONDAY: &str = "'0001-01-01'";

/// `DATEPART('name', moment)`: a whole number for every part but the second.
pub(crate) fn part(name: &str, moment: &Frag) -> Frag {
    Frag::cat(&[&"DATEPART('", &name, &"', ", moment, &")"], Ty::INT4)
}

/// Whole seconds of the minute.
pub(crate) fn second(moment: &Frag) -> Frag {
    Frag::cat(&[&"FLOOR(", &part("second", moment), &")"], Ty::INT4)
}

/// Microseconds of the second.
pub(crate) fn microsecond(moment: &Frag) -> Frag {
    part("microsecond", moment)
}

/// Days since the weekday count began; Monday is 0 modulo 7.
pub(crate) fn days_since_monday(moment: &Frag) -> Frag {
    Frag::cat(&[&"DATEDIFF('day', ", &FIRST_MONDAY, &", ", moment, &")"], Ty::INT4)
}

/// 1 (Monday) to 7 (Sunday).
pub(crate) fn iso_weekday(moment: &Frag) -> Frag {
    Frag::cat(&[&"MOD(", &days_since_monday(moment), &", 7) + 1"], Ty::INT4).with_level(level::ADD)
}

/// 0 (Sunday) to 6.
pub(crate) fn weekday(moment: &Frag) -> Frag {
    Frag::cat(&[&"MOD(", &days_since_monday(moment), &" + 1, 7)"], Ty::INT4)
}

/// The Thursday of a moment's week, whose year is the ISO year.
pub(crate) fn thursday(moment: &Frag) -> Frag {
    Frag::cat(&[&"DATEADD('day', 3 - MOD(", &days_since_monday(moment), &", 7), ", moment, &")"], moment.ty)
}

/// 1 to 53.
pub(crate) fn iso_week(moment: &Frag) -> Frag {
    Frag::cat(&[&"(", &part("dayofyear", &thursday(moment)), &" - 1) \\ 7 + 1"], Ty::INT4).with_level(level::OTHER)
}

pub(crate) fn iso_year(moment: &Frag) -> Frag {
    part("year", &thursday(moment))
}

/// Whole seconds since 1970, whatever the fraction.
pub(crate) fn epoch(moment: &Frag) -> Frag {
    let whole = truncated("second", moment);
    Frag::cat(&[&"DATEDIFF('second', '1970-01-01 00:00:00', ", &whole, &")"], Ty::INT8)
}

/// The beginning of a unit that IRIS knows.
pub(crate) fn truncated(unit: &str, moment: &Frag) -> Frag {
    Frag::cat(&[&"DATE_TRUNC('", &unit, &"', ", moment, &")"], moment.ty)
}

/// Midnight of its day, as a timestamp.
pub(crate) fn midnight(moment: &Frag) -> Frag {
    Frag::cat(&[&"CAST(CAST(", moment, &" AS DATE) AS TIMESTAMP)"], moment.ty)
}

/// `yyyy-mm-dd`.
pub(crate) fn day_text(moment: &Frag) -> Frag {
    if moment.ty.is(Oid::DATE) {
        return Frag::cat(&[&"CAST(", moment, &" AS VARCHAR(10))"], Ty::TEXT);
    }
    Frag::cat(&[&"CAST(CAST(", moment, &" AS DATE) AS VARCHAR(10))"], Ty::TEXT)
}

/// A whole number that is not negative, with leading zeros up to `width` digits.
pub(crate) fn padded(number: &Frag, width: u8) -> Frag {
    let width = width.to_string();
    Frag::cat(&[&"LPAD(CAST(", number, &" AS VARCHAR(", &width, &")), ", &width, &", '0')"], Ty::TEXT)
}

/// A whole number as it is.
pub(crate) fn number(number: &Frag) -> Frag {
    Frag::cat(&[&"CAST(", number, &" AS VARCHAR(20))"], Ty::TEXT)
}

/// `hh:mm:ss`.
pub(crate) fn clock_text(moment: &Frag) -> Frag {
    let (hour, minute) = (padded(&part("hour", moment), 2), padded(&part("minute", moment), 2));
    Frag::cat(&[&hour, &" || ':' || ", &minute, &" || ':' || ", &padded(&second(moment), 2)], Ty::TEXT)
        .with_level(level::OTHER)
}

/// `.678` for 678000 microseconds, nothing for none.
pub(crate) fn fraction_text(moment: &Frag) -> Frag {
    let micros = microsecond(moment);
    let digits = padded(&micros, 6);
    Frag::cat(
        &[&"CASE WHEN ", &micros, &" > 0 THEN '.' || TRIM(TRAILING '0' FROM ", &digits, &") ELSE '' END"],
        Ty::TEXT,
    )
}

/// A timestamp as PostgreSQL prints it with DateStyle ISO, without zone; `separator` is a blank, or a `T` in JSON.
pub(crate) fn timestamp_text(moment: &Frag, separator: char) -> Frag {
    let separator = format!(" || '{separator}' || ");
    Frag::cat(&[&day_text(moment), &separator, &clock_text(moment), &" || ", &fraction_text(moment)], Ty::TEXT)
        .with_level(level::OTHER)
}
