//! Date and time input against what PostgreSQL printed.

use super::datetime;
use super::datetime_cases::CASES;
use super::datetime_input::*;
use super::datetime_words::parse_canonical;
use super::{DateOrder, Style};
use crate::wire::{PgError, SqlState};

fn print(type_name: &str, text: &str) -> Result<String, Box<PgError>> {
    let mut out = Vec::new();
    match type_name {
        "date" => datetime::write_date(date_from_text(text, Style::standard())?, &mut out),
        "time" => datetime::write_time(time_from_text(text)?, &mut out),
        "timestamp" => datetime::write_timestamp(timestamp_from_text(text, false, Style::standard())?, false, &mut out),
        _ => datetime::write_timestamp(timestamp_from_text(text, true, Style::standard())?, true, &mut out),
    }
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn input_is_understood_as_by_postgresql() {
    for (type_name, text, expected) in CASES {
        let printed = print(type_name, text).unwrap_or_else(|error| format!("{} {}", error.code, error.message));
        assert_eq!(&printed, expected, "{type_name} {text:?}");
    }
}

/// In the standard style, and no time of day.
fn parse(text: &str) -> DateTimeInput {
    parse_ordered(text, false, DateOrder::Mdy).unwrap().0
}

#[test]
fn the_fast_way_agrees_with_the_whole() {
    for text in ["2024-02-29", "1999-12-31 23:59:59", "2024-01-15 10:30:00.5", "0001-01-01 00:00:00.000001"] {
        let fast = parse_canonical(text.as_bytes()).unwrap();
        // A leading blank keeps the text from the fast way.
        assert_eq!(parse(&format!(" {text}")), fast, "{text}");
    }
    for text in ["2023-02-29", "2024-01-15T10:30:00", "2024-01-15 24:00:00", "2024-01-15 10:30:00.1234567"] {
        assert_eq!(parse_canonical(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_iris_cannot_hold_is_said_clearly() {
    let error = date_from_text("infinity", Style::standard()).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (SqlState::DATETIME_OVERFLOW, "IRIS has no infinite value of type date: \"infinity\"")
    );
    assert_eq!(timestamp_from_text("now", true, Style::standard()).unwrap_err().code, SqlState::FEATURE_NOT_SUPPORTED);
    assert_eq!(timetz_from_text("10:30:00-05:30", Style::standard()).unwrap(), (37_800_000_000, -19_800));
}

#[test]
fn no_text_breaks_the_reader() {
    let alphabet = b"0129-+:/.T JanpmzBC,\xE9";
    let mut state = 0x1234_5678_9ABC_DEF1_u64;
    for _ in 0..300_000 {
        let mut text = String::new();
        for _ in 0..(state % 24) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(char::from(alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()]));
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let _ = (
            date_from_text(&text, Style::standard()),
            time_from_text(&text),
            timestamp_from_text(&text, true, Style::standard()),
        );
    }
}
