//! TO_CHAR, TO_DATE and TO_TIMESTAMP by format, CONVERT by style.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::datetime as dt;
use super::{formats, raise, strict, text};

pub fn register(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_date_format", 2, |call| text(formats::timestamp_to_char(call.int(0), &call.text(1))))?;
    strict(conn, "iris_number_format", 2, |call| text(formats::number_to_char(call.decimal(0), &call.text(1))))?;
    strict(conn, "iris_date_parse", 2, |call| {
        let (given, format) = (call.text(0), call.text(1));
        formats::parse_timestamp(&given, &format, this_year())
            .map(Stored::Integer)
            .ok_or_else(|| raise(400, &format!("Date value '{given}' does not fit the format '{format}'")))
    })?;
    strict(conn, "iris_date_style", 2, |call| {
        let format = style_format(call.int(1)).ok_or_else(unknown_style)?;
        let written = formats::timestamp_to_char(call.int(0), format);
        // Styles 126 and 127 leave a fraction of zero out.
        text(if format == ISO { written.trim_end_matches(".000").to_owned() } else { written })
    })?;
    strict(conn, "iris_date_from_style", 2, |call| {
        let given = call.text(0);
        let format = style_format(call.int(1)).ok_or_else(unknown_style)?;
        dt::parse_timestamp(&given)
            .or_else(|| formats::parse_timestamp(&given, format, this_year()))
            .map(Stored::Integer)
            .ok_or_else(|| raise(141, &format!("Unable to convert '{given}' by the given style")))
    })
}

fn this_year() -> i64 {
    let (day, _) = dt::split_timestamp(dt::now_us());
    dt::from_day(day).year
}

fn unknown_style() -> rusqlite::Error {
    raise(141, "CONVERT does not know the style")
}

const ISO: &str = "YYYY-MM-DD\"T\"HH24:MI:SS.FF3";

/// The styles of CONVERT, as Transact-SQL numbers them.
fn style_format(style: i64) -> Option<&'static str> {
    Some(match style {
        0 | 100 => "Mon DD YYYY HH12:MIAM",
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
        6 => "DD Mon YY",
        106 => "DD Mon YYYY",
        7 => "Mon DD, YY",
        107 => "Mon DD, YYYY",
        8 | 108 => "HH24:MI:SS",
        9 | 109 => "Mon DD YYYY HH12:MI:SS.FF3AM",
        10 => "MM-DD-YY",
        110 => "MM-DD-YYYY",
        11 => "YY/MM/DD",
        111 => "YYYY/MM/DD",
        12 => "YYMMDD",
        112 => "YYYYMMDD",
        13 | 113 => "DD Mon YYYY HH24:MI:SS.FF3",
        14 | 114 => "HH24:MI:SS.FF3",
        20 | 120 => "YYYY-MM-DD HH24:MI:SS",
        21 | 121 => "YYYY-MM-DD HH24:MI:SS.FF3",
        126 | 127 => ISO,
        _ => return None,
    })
}
