//! SQL functions over dates and times. A moment is microseconds since 1970; a time of day is one on day 0.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::datetime as dt;
use super::super::decimal::Dec;
use super::dates::{self, Part};
use super::{Call, raise, strict, text};

pub fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_dateadd", 3, |call| {
        dates::add(part(call)?, call.int(1), call.int(2)).map(Stored::Integer).ok_or_else(out_of_range)
    })?;
    strict(conn, "iris_datediff", 3, |call| {
        dates::difference(part(call)?, call.int(1), call.int(2)).map(Stored::Integer).ok_or_else(out_of_range)
    })?;
    strict(conn, "iris_datepart", 2, |call| {
        dates::part(part(call)?, call.int(1)).map(Stored::Integer).ok_or_else(out_of_range)
    })?;
    strict(conn, "iris_datename", 2, |call| text(dates::name(part(call)?, call.int(1))))?;
    strict(conn, "iris_datetrunc", 2, |call| {
        dates::truncate(part(call)?, call.int(1)).map(Stored::Integer).ok_or_else(out_of_range)
    })?;
    strict(conn, "iris_last_day", 1, |call| {
        let (day, _) = dt::split_timestamp(call.int(0));
        Ok(Stored::Integer(dt::join_timestamp(dates::last_day(day), 0)))
    })?;
    // Seconds since 1970 as decimal text.
    strict(conn, "iris_unix", 1, |call| {
        Ok(Stored::Text(Dec::reduced(i128::from(call.int(0)), -6).unwrap_or(Dec::ZERO).text()))
    })?;
    strict(conn, "iris_precision", 2, |call| {
        let digits = u8::try_from(call.int(1)).ok().filter(|digits| *digits <= 9);
        let digits = digits.ok_or_else(|| raise(1, "The precision must be between 0 and 9"))?;
        Ok(Stored::Integer(dt::truncate_fraction(call.int(0), digits)))
    })?;
    // '10:30:00' or a timestamp: what hours and minutes are read from.
    strict(conn, "iris_moment", 1, |call| {
        let given = call.text(0);
        let moment = dt::parse_time(&given).or_else(|| dt::parse_timestamp(&given));
        moment.map(Stored::Integer).ok_or_else(|| raise(147, "Unable to convert time input to a valid logical time value"))
    })?;
    // `$HOROLOG` of a moment: "days,seconds", with the fraction of `$ZTIMESTAMP` where there is one.
    strict(conn, "iris_horolog", 1, |call| {
        let (day, time) = dt::split_timestamp(call.int(0));
        let seconds = Dec::reduced(i128::from(time), -6).unwrap_or(Dec::ZERO);
        text(format!("{day},{}", seconds.text()))
    })
}

/// The part named by the first argument: a canonical name that Prepare checked.
fn part(call: &Call<'_, '_>) -> rusqlite::Result<Part> {
    let name = call.text(0);
    // SQL_TSI_FRAC_SECOND counts thousandths.
    let name = if name == "frac_second" { "millisecond" } else { &name };
    Part::from_name(name).ok_or_else(|| raise(8, "Invalid DATEPART code"))
}

fn out_of_range() -> rusqlite::Error {
    raise(146, "The result is no date between the years 1 and 9999")
}
