//! Date functions over timestamps: microseconds since 1970.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::datetime as dt;
use super::super::decimal::Dec;
use super::call::{Call, decimal_result, raise, strict, text};
use super::dates::{self, Part};
use super::formats;

fn part_of(call: &Call<'_, '_>, index: usize) -> rusqlite::Result<Part> {
    let name = call.text(index);
    Part::from_name(&name).ok_or_else(|| raise(8, &format!("Invalid DATEPART code '{name}'")))
}

fn stamp(value: Option<i64>) -> rusqlite::Result<Stored> {
    value.map(Stored::Integer).ok_or_else(|| raise(400, "Fatal error occurred: <ILLEGAL VALUE> date out of range"))
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_dateadd", 3, |call| stamp(dates::add(part_of(call, 0)?, call.int(1), call.int(2))))?;
    strict(conn, "iris_datediff", 3, |call| stamp(dates::difference(part_of(call, 0)?, call.int(1), call.int(2))))?;
    strict(conn, "iris_datepart", 2, |call| {
        let part = part_of(call, 0)?;
        match dates::part(part, call.int(1)) {
            Some(number) => Ok(Stored::Integer(number)),
            None => Err(raise(8, "Invalid DATEPART code")),
        }
    })?;
    strict(conn, "iris_datename", 2, |call| text(dates::name(part_of(call, 0)?, call.int(1))))?;
    strict(conn, "iris_datetrunc", 2, |call| stamp(dates::truncate(part_of(call, 0)?, call.int(1))))?;
    strict(conn, "iris_last_day", 1, |call| {
        let (day, _) = dt::split_timestamp(call.int(0));
        stamp(Some(dt::join_timestamp(dates::last_day(day), 0)))
    })?;
    strict(conn, "iris_unix", 1, |call| decimal_result(Dec::reduced(i128::from(call.int(0)), -6)))?;
    strict(conn, "iris_precision", 2, |call| {
        let digits = u8::try_from(call.int(1).clamp(0, 9)).unwrap_or(0);
        stamp(Some(dt::truncate_fraction(call.int(0), digits)))
    })?;
    strict(conn, "iris_horolog", 1, |call| {
        let (day, micros) = dt::split_timestamp(call.int(0));
        let seconds = Dec::reduced(i128::from(micros), -6).unwrap_or(Dec::ZERO);
        text(format!("{day},{}", seconds.text()))
    })?;
    // A time of day or a timestamp: what HOUR and its kin read.
    strict(conn, "iris_moment", 1, |call| {
        let value = call.text(0);
        let moment = dt::parse_time(&value).or_else(|| dt::parse_timestamp(&value));
        moment
            .map(Stored::Integer)
            .ok_or_else(|| raise(147, "Unable to convert time input to a valid logical time value"))
    })?;
    strict(conn, "iris_date_format", 2, |call| text(formats::timestamp_to_char(call.int(0), &call.text(1))))?;
    strict(conn, "iris_date_parse", 2, |call| {
        let (today, _) = dt::split_timestamp(dt::now_us());
        let parsed = formats::parse_timestamp(&call.text(0), &call.text(1), dt::from_day(today).year);
        parsed.map(Stored::Integer).ok_or_else(|| {
            raise(
                400,
                &format!("Fatal error occurred: '{}' does not match the format '{}'", call.text(0), call.text(1)),
            )
        })
    })?;
    strict(conn, "iris_number_format", 2, |call| text(formats::number_to_char(call.decimal(0), &call.text(1))))?;
    strict(conn, "iris_date_style", 2, |call| {
        let style = style_format(call.int(1))?;
        text(formats::timestamp_to_char(call.int(0), style))
    })?;
    strict(conn, "iris_date_from_style", 2, |call| {
        let value = call.text(0);
        if let Some(micros) = dt::parse_timestamp(&value) {
            return stamp(Some(micros));
        }
        let style = style_format(call.int(1))?;
        let (today, _) = dt::split_timestamp(dt::now_us());
        let parsed = formats::parse_timestamp(&value, style, dt::from_day(today).year);
        parsed.map(Stored::Integer).ok_or_else(|| raise(141, "CONVERT input does not match the style"))
    })
}

/// Styles of CONVERT as formats of TO_CHAR.
fn style_format(style: i64) -> rusqlite::Result<&'static str> {
    Ok(match style {
        1 => "MM/DD/YY",
        101 => "MM/DD/YYYY",
        2 => "YY.MM.DD",
        102 => "YYYY.MM.DD",
        3 => "DD/MM/YY",
        103 => "DD/MM/YYYY",
        4 => "DD.MM.YY",
        104 => "DD.MM.YYYY",
        5 => "DD-MM-YY",
        105 => "DD-MM-YYYY",
        6 => "DD MON YY",
        106 => "DD MON YYYY",
        8 | 108 => "HH24:MI:SS",
        10 => "MM-DD-YY",
        110 => "MM-DD-YYYY",
        11 => "YY/MM/DD",
        111 => "YYYY/MM/DD",
        12 => "YYMMDD",
        112 => "YYYYMMDD",
        20 | 21 | 120 | 121 => "YYYY-MM-DD HH24:MI:SS",
        23 => "YYYY-MM-DD",
        _ => return Err(raise(141, &format!("Unknown style {style} in CONVERT"))),
    })
}
