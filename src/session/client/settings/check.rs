//! Values of parameters: PostgreSQL's rules, messages and canonical spellings (manual, "Setting Parameters").

use super::parameters::{Kind, Parameter, RESERVED_PREFIXES, Unit};
use crate::types::{Zone, boolean_word, read_quoted_name};
use crate::wire::{PgError, SqlState};

type Result<T> = std::result::Result<T, Box<PgError>>;

fn invalid(name: &str, value: &str) -> Box<PgError> {
    PgError::error(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{name}\": \"{value}\""))
}

fn cannot_change(name: &str, when: &str) -> Box<PgError> {
    PgError::error(SqlState(*b"55P02"), format!("parameter \"{name}\" cannot be changed{when}"))
}

/// The refusal of any change, for parameters that have none.
pub(super) fn refusal(parameter: &Parameter) -> Option<Box<PgError>> {
    match parameter.kind {
        Kind::ReadOnly => Some(cannot_change(parameter.name, "")),
        Kind::Restart => Some(cannot_change(parameter.name, " without restarting the server")),
        Kind::Reload => Some(cannot_change(parameter.name, " now")),
        _ => None,
    }
}

/// A name with a dot is a placeholder for an extension's parameter (`valid_custom_variable_name`).
///
/// # Errors
/// 42602.
pub(super) fn custom_name(name: &str) -> Result<()> {
    let prefix = name.split('.').next().unwrap_or_default();
    if let Some(reserved) = RESERVED_PREFIXES.iter().find(|reserved| reserved.eq_ignore_ascii_case(prefix)) {
        let message = format!("invalid configuration parameter name \"{name}\"");
        return Err(
            PgError::error(SqlState(*b"42602"), message).detail(format!("\"{reserved}\" is a reserved prefix."))
        );
    }
    let is_identifier = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii())
    };
    if name.split('.').all(is_identifier) {
        return Ok(());
    }
    let message = format!("invalid configuration parameter name \"{name}\"");
    Err(PgError::error(SqlState(*b"42602"), message)
        .detail("Custom parameter names must be two or more simple identifiers separated by dots."))
}

/// The canonical form of a value; `current` is the value in force.
///
/// # Errors
/// 22023, 55P02, 0A000.
pub(super) fn canonical(parameter: &Parameter, value: &str, current: &str) -> Result<String> {
    if let Some(error) = refusal(parameter) {
        return Err(error);
    }
    let name = parameter.name;
    match parameter.kind {
        Kind::Bool => match boolean_word(value) {
            Some(value) => Ok(on_off(value)),
            None => Err(PgError::error(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{name}\" requires a Boolean value"),
            )),
        },
        Kind::Int(min, max, unit) => integer(name, value, min, max, unit),
        Kind::Real(min, max) => real(name, value, min, max),
        Kind::Enum(values) => enumerated(name, value, values),
        Kind::ApplicationName => Ok(clean_ascii(value)),
        Kind::ClientEncoding => client_encoding(name, value),
        Kind::DateStyle => date_style(name, value, current),
        Kind::Locale => match value {
            "" | "C" | "POSIX" => Ok(value.to_owned()),
            _ => Err(invalid(name, value)),
        },
        Kind::SearchPath => match split_identifiers(value) {
            Some(_) => Ok(value.to_owned()),
            None => Err(invalid(name, value).detail("List syntax is invalid.")),
        },
        Kind::StandardStrings => match boolean_word(value) {
            Some(true) => Ok("on".to_owned()),
            Some(false) => Err(PgError::unsupported("standard_conforming_strings cannot be turned off")
                .hint("Write strings with backslash escapes as E'..'.")),
            None => Err(PgError::error(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{name}\" requires a Boolean value"),
            )),
        },
        Kind::Tablespace => match value {
            "" | "pg_default" => Ok(value.to_owned()),
            _ => Err(invalid(name, value).detail(format!("Tablespace \"{value}\" does not exist."))),
        },
        Kind::TimeZone => time_zone(name, value),
        Kind::ReadOnly | Kind::Restart | Kind::Reload => Ok(current.to_owned()),
    }
}

/// The default as SHOW prints it.
pub(super) fn shown_default(parameter: &Parameter) -> String {
    match parameter.kind {
        Kind::Int(_, _, unit) => {
            parameter.default.parse().map_or_else(|_| parameter.default.to_owned(), |value| show_integer(value, unit))
        }
        _ => parameter.default.to_owned(),
    }
}

fn on_off(value: bool) -> String {
    if value { "on" } else { "off" }.to_owned()
}

fn enumerated(name: &str, value: &str, values: &[&str]) -> Result<String> {
    let wanted = value.to_ascii_lowercase();
    if let Some(known) = values.iter().find(|known| **known == wanted) {
        return Ok((*known).to_owned());
    }
    // Spellings PostgreSQL takes without listing them.
    let hidden = match (wanted.as_str(), boolean_word(&wanted)) {
        ("debug", _) if values.contains(&"debug2") => Some("debug2".to_owned()),
        (_, Some(value)) if values.contains(&"on") => Some(on_off(value)),
        _ => None,
    };
    hidden.ok_or_else(|| invalid(name, value).hint(format!("Available values: {}.", values.join(", "))))
}

/// Units with their size in the smallest unit of their family, the largest first.
fn units(unit: Unit) -> &'static [(&'static str, i64)] {
    match unit {
        Unit::None => &[],
        Unit::Milliseconds | Unit::Seconds => &[
            ("d", 86_400_000_000),
            ("h", 3_600_000_000),
            ("min", 60_000_000),
            ("s", 1_000_000),
            ("ms", 1000),
            ("us", 1),
        ],
        Unit::Bytes | Unit::Kilobytes | Unit::Blocks => {
            &[("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10), ("B", 1)]
        }
    }
}

/// The size of one in the smallest unit of its family, and how messages call it.
fn base(unit: Unit) -> (i64, &'static str) {
    match unit {
        Unit::None => (1, ""),
        Unit::Milliseconds => (1000, " ms"),
        Unit::Seconds => (1_000_000, " s"),
        Unit::Bytes => (1, " B"),
        Unit::Kilobytes => (1 << 10, " kB"),
        Unit::Blocks => (8 << 10, " 8kB"),
    }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "checked to fit 32 bits")]
fn integer(name: &str, value: &str, min: i64, max: i64, unit: Unit) -> Result<String> {
    let (number, suffix) = split_number(value).ok_or_else(|| invalid(name, value))?;
    let (base_size, base_name) = base(unit);
    let scaled = if suffix.is_empty() {
        number
    } else {
        let Some((_, size)) = units(unit).iter().find(|(known, _)| *known == suffix) else {
            return Err(match unit {
                Unit::None => invalid(name, value),
                Unit::Milliseconds | Unit::Seconds => invalid(name, value)
                    .hint("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."),
                Unit::Bytes | Unit::Kilobytes | Unit::Blocks => invalid(name, value)
                    .hint("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\"."),
            });
        };
        number * *size as f64 / base_size as f64
    };
    let rounded = scaled.round_ties_even();
    if !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded) {
        return Err(invalid(name, value).hint("Value exceeds integer range."));
    }
    let number = rounded as i64;
    if number < min || number > max {
        return Err(PgError::error(
            SqlState::INVALID_PARAMETER_VALUE,
            format!(
                "{number}{base_name} is outside the valid range for parameter \"{name}\" \
                 ({min}{base_name} .. {max}{base_name})"
            ),
        ));
    }
    Ok(show_integer(number, unit))
}

/// A number as strtod takes it, and the unit behind it.
fn split_number(value: &str) -> Option<(f64, &str)> {
    let value = value.trim();
    let end = value.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(value.len());
    let (number, suffix) = value.split_at_checked(end)?;
    // `1e3`: an exponent, not a unit.
    if let Some(rest) = suffix.strip_prefix(['e', 'E'])
        && rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+'))
    {
        return value.parse().ok().map(|number| (number, ""));
    }
    if let Some(hex) = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        return i32::from_str_radix(hex, 16).ok().map(|number| (f64::from(number), ""));
    }
    let suffix = suffix.trim();
    // A value without a number has no unit to complain about.
    number.parse().ok().map(|number| (number, suffix))
}

/// The largest unit that divides; 0 and negative numbers have none.
fn show_integer(value: i64, unit: Unit) -> String {
    let (base_size, _) = base(unit);
    if value <= 0 || unit == Unit::None {
        return value.to_string();
    }
    let smallest = value.saturating_mul(base_size);
    match units(unit).iter().find(|(_, size)| smallest % size == 0) {
        Some((name, size)) => format!("{}{name}", smallest / size),
        None => value.to_string(),
    }
}

fn real(name: &str, value: &str, min: f64, max: f64) -> Result<String> {
    let number: f64 =
        value.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| invalid(name, value))?;
    if number < min || number > max {
        return Err(PgError::error(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("{number} is outside the valid range for parameter \"{name}\" ({min} .. {max})"),
        ));
    }
    Ok(number.to_string())
}

/// `pg_clean_ascii`: printable ASCII, everything else escaped byte by byte.
fn clean_ascii(value: &str) -> String {
    use std::fmt::Write as _;
    let mut clean = String::with_capacity(value.len());
    for byte in value.bytes() {
        if (32..127).contains(&byte) {
            clean.push(char::from(byte));
        } else {
            // Writing into a String does not fail.
            let _ = write!(clean, "\\x{byte:02x}");
        }
    }
    clean
}

/// The gateway speaks UTF-8. SQL_ASCII asks for no conversion, so the same bytes pass; any other encoding would need
/// every message converted.
fn client_encoding(name: &str, value: &str) -> Result<String> {
    const KNOWN: &[&str] = &[
        "LATIN1",
        "LATIN2",
        "LATIN3",
        "LATIN4",
        "LATIN5",
        "LATIN6",
        "LATIN7",
        "LATIN8",
        "LATIN9",
        "LATIN10",
        "ISO88591",
        "ISO88592",
        "ISO885915",
        "ISO88595",
        "ISO88596",
        "ISO88597",
        "ISO88598",
        "WIN",
        "WIN866",
        "WIN874",
        "WIN1250",
        "WIN1251",
        "WIN1252",
        "WIN1253",
        "WIN1254",
        "WIN1255",
        "WIN1256",
        "WIN1257",
        "WIN1258",
        "WINDOWS1250",
        "WINDOWS1251",
        "WINDOWS1252",
        "KOI8",
        "KOI8R",
        "KOI8U",
        "EUCJP",
        "EUCCN",
        "EUCKR",
        "EUCTW",
        "SJIS",
        "SHIFTJIS",
        "BIG5",
        "GBK",
        "GB18030",
        "UHC",
        "JOHAB",
        "MULEINTERNAL",
        "ALT",
        "TCVN",
        "VSCII",
    ];
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    match plain.as_str() {
        "UTF8" | "UNICODE" => Ok("UTF8".to_owned()),
        "SQLASCII" => Ok("SQL_ASCII".to_owned()),
        known if KNOWN.contains(&known) => {
            Err(PgError::unsupported(format!("conversion between UTF8 and {known} is not supported"))
                .hint("Set client_encoding to UTF8."))
        }
        _ => Err(invalid(name, value)),
    }
}

/// Style and order in any number of words; a part not named stays as it is (`check_datestyle`).
fn date_style(name: &str, value: &str, current: &str) -> Result<String> {
    let words = split_identifiers(value).ok_or_else(|| invalid(name, value).detail("List syntax is invalid."))?;
    let (mut format_now, mut order_now) = current.split_once(", ").unwrap_or(("ISO", "MDY"));
    let mut conflict = false;
    let mut put = |slot: &mut Option<&'static str>, word: &'static str| {
        conflict |= slot.replace(word).is_some_and(|earlier| earlier != word);
    };
    let (mut new_format, mut new_order): (Option<&'static str>, Option<&'static str>) = (None, None);
    let mut german = false;
    for word in &words {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "ISO" => put(&mut new_format, "ISO"),
            "SQL" => put(&mut new_format, "SQL"),
            "GERMAN" => {
                put(&mut new_format, "German");
                german = true;
            }
            "YMD" => put(&mut new_order, "YMD"),
            "MDY" | "US" => put(&mut new_order, "MDY"),
            "DMY" => put(&mut new_order, "DMY"),
            "DEFAULT" => (format_now, order_now) = ("ISO", "MDY"),
            _ if upper.starts_with("POSTGRES") => put(&mut new_format, "Postgres"),
            _ if upper.starts_with("EURO") => put(&mut new_order, "DMY"),
            _ if upper.starts_with("NONEURO") => put(&mut new_order, "MDY"),
            _ => return Err(invalid(name, value).detail(format!("Unrecognized key word: \"{word}\"."))),
        }
    }
    if conflict {
        return Err(invalid(name, value).detail("Conflicting \"DateStyle\" specifications."));
    }
    if german && new_order.is_none() {
        new_order = Some("DMY");
    }
    Ok(format!("{}, {}", new_format.unwrap_or(format_now), new_order.unwrap_or(order_now)))
}

fn time_zone(name: &str, value: &str) -> Result<String> {
    if value.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("interval")) {
        return interval_zone(name, value);
    }
    if let Some(zone) = Zone::parse(value) {
        return Ok(zone.name().to_owned());
    }
    let error = invalid(name, value);
    Err(match value.trim().parse::<f64>() {
        Ok(_) => error.detail("UTC timezone offset is out of range."),
        Err(_) => error,
    })
}

/// `INTERVAL '+02:00'`, as SET TIME ZONE hands it over.
fn interval_zone(name: &str, value: &str) -> Result<String> {
    let quoted = value.split('\'').nth(1).ok_or_else(|| invalid(name, value))?;
    // A bare number would be seconds; with HOUR TO MINUTE behind it, it is hours.
    let interval = if quoted.trim().trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) {
        crate::types::Interval::from_text(&format!("{quoted} hours"))
    } else {
        crate::types::Interval::from_text(quoted)
    }
    .map_err(|_| invalid(name, value))?;
    if interval.months != 0 {
        return Err(invalid(name, value).detail("Cannot specify months in time zone interval."));
    }
    if interval.days != 0 {
        return Err(invalid(name, value).detail("Cannot specify days in time zone interval."));
    }
    i32::try_from(interval.time_us / 1_000_000)
        .ok()
        .filter(|seconds| seconds.abs() <= 167 * 3600)
        .map(|seconds| Zone::fixed(seconds).name().to_owned())
        .ok_or_else(|| invalid(name, value).detail("UTC timezone offset is out of range."))
}

/// A list of identifiers, those without quotes in lower case (`SplitIdentifierString`); `None`: no such list.
pub(super) fn split_identifiers(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = if rest.starts_with('"') {
            read_quoted_name(rest)?
        } else {
            let end = rest.find(|c: char| c == ',' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end)?;
            if word.is_empty() {
                return None;
            }
            (word.to_ascii_lowercase(), after)
        };
        rest = after;
        names.push(name);
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// A duration as SHOW prints it, in milliseconds.
pub(super) fn milliseconds(shown: &str) -> Option<u64> {
    let digits = shown.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = shown.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "" | "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        _ => None,
    }
}
