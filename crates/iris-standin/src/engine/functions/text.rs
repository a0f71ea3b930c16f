//! String functions. Positions count from 1, and as everywhere in IRIS what they count are units of UTF-16: a character
//! beyond U+FFFF is two (ObjectScript reference, "Surrogate Pairs" of $LENGTH and $EXTRACT).

use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Error};

use super::call::{Call, integer, raise, scalar, strict, text};

/// Longest string of IRIS.
const LENGTH_MAX: usize = 3_641_144;

fn too_long() -> Error {
    raise(400, "Fatal error occurred: <MAXSTRING>")
}

/// A count that may be negative, as a length: negative is 0.
fn length(call: &Call<'_, '_>, index: usize) -> usize {
    usize::try_from(call.int(index)).unwrap_or(0)
}

fn units(call: &Call<'_, '_>, index: usize) -> Vec<u16> {
    call.text(index).encode_utf16().collect()
}

/// Half of a pair is no character: SQLite's texts cannot hold it.
fn joined(units: &[u16]) -> String {
    String::from_utf16_lossy(units)
}

fn units_count(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Zero-based position of `part` in `value` at or after `from`.
fn find(value: &[u16], part: &[u16], from: usize) -> Option<usize> {
    if part.is_empty() {
        return (from <= value.len()).then_some(from);
    }
    (from..=value.len().checked_sub(part.len())?).find(|at| value.get(*at..*at + part.len()) == Some(part))
}

fn slice(value: &[u16], from: usize, to: usize) -> String {
    joined(value.get(from.min(value.len())..to.clamp(from.min(value.len()), value.len())).unwrap_or_default())
}

/// The characters of `set` stripped from an end.
fn strip(value: String, set: &str, leading: bool, trailing: bool) -> String {
    let inside = |c: char| set.contains(c);
    let mut rest = value.as_str();
    if leading {
        rest = rest.trim_start_matches(inside);
    }
    if trailing {
        rest = rest.trim_end_matches(inside);
    }
    rest.to_owned()
}

fn set_of(call: &Call<'_, '_>) -> String {
    if call.count() > 1 { call.text(1) } else { " ".into() }
}

fn pad(call: &Call<'_, '_>, left: bool) -> rusqlite::Result<Stored> {
    let value = units(call, 0);
    let wanted = length(call, 1);
    if wanted > LENGTH_MAX {
        return Err(too_long());
    }
    if value.len() >= wanted {
        return text(slice(&value, 0, wanted));
    }
    let fill: Vec<u16> = if call.count() > 2 { units(call, 2) } else { vec![u16::from(b' ')] };
    if fill.is_empty() {
        return text(joined(&value));
    }
    let padding: Vec<u16> = fill.iter().copied().cycle().take(wanted - value.len()).collect();
    text(joined(&if left { [padding, value].concat() } else { [value, padding].concat() }))
}

/// `SUBSTRING(s, i [, n])`: a start before 1 counts against the length.
fn substring(value: &[u16], start: i64, count: Option<i64>) -> rusqlite::Result<String> {
    let end = match count {
        Some(count) if count < 0 => return Err(raise(140, "Length of SUBSTRING is negative")),
        Some(count) => start.saturating_add(count),
        None => i64::MAX,
    };
    let zero_based = |position: i64| usize::try_from(position.max(1) - 1).unwrap_or(usize::MAX);
    Ok(slice(value, zero_based(start), zero_based(end)))
}

/// `$EXTRACT(s [, from [, to]])`.
fn extract(call: &Call<'_, '_>) -> String {
    let value = units(call, 0);
    let from = if call.count() > 1 { call.int(1) } else { 1 };
    let to = if call.count() > 2 { call.int(2) } else { from };
    let zero_based = |position: i64| usize::try_from(position.max(1) - 1).unwrap_or(usize::MAX);
    if to < from.max(1) { String::new() } else { slice(&value, zero_based(from), zero_based(to).saturating_add(1)) }
}

/// `$PIECE(s, delimiter [, from [, to]])`.
fn piece(call: &Call<'_, '_>) -> String {
    let (value, delimiter) = (call.text(0), call.text(1));
    let from = if call.count() > 2 { call.int(2) } else { 1 };
    let to = if call.count() > 3 { call.int(3) } else { from };
    if delimiter.is_empty() || to < from.max(1) {
        return String::new();
    }
    let first = usize::try_from(from.max(1) - 1).unwrap_or(usize::MAX);
    let count = usize::try_from(to - from.max(1) + 1).unwrap_or(usize::MAX);
    value.split(&delimiter).skip(first).take(count).collect::<Vec<_>>().join(&delimiter)
}

pub(super) fn register(conn: &Connection) -> rusqlite::Result<()> {
    register_lengths(conn)?;
    register_parts(conn)?;
    register_builders(conn)?;
    register_searches(conn)
}

fn register_lengths(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_length", 1, |call| integer(units_count(call.text(0).trim_end_matches(' '))))?;
    strict(conn, "iris_char_length", 1, |call| integer(units_count(&call.text(0))))?;
    strict(conn, "iris_octet_length", 1, |call| match call.raw(0) {
        ValueRef::Blob(blob) => integer(blob.len()),
        _ => integer(call.text(0).len()),
    })?;
    // Characters, or pieces between delimiters.
    strict(conn, "iris_dollar_length", 1, |call| integer(units_count(&call.text(0))))?;
    strict(conn, "iris_dollar_length", 2, |call| {
        let delimiter = call.text(1);
        if delimiter.is_empty() { integer(0) } else { integer(call.text(0).matches(&delimiter).count() + 1) }
    })?;
    strict(conn, "iris_ascii", 1, |call| match call.text(0).encode_utf16().next() {
        Some(unit) => Ok(Stored::Integer(i64::from(unit))),
        None => Ok(Stored::Null),
    })
}

fn register_parts(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_substring", 2, |call| text(substring(&units(call, 0), call.int(1), None)?))?;
    strict(conn, "iris_substring", 3, |call| text(substring(&units(call, 0), call.int(1), Some(call.int(2)))?))?;
    strict(conn, "iris_left", 2, |call| text(slice(&units(call, 0), 0, length(call, 1))))?;
    strict(conn, "iris_right", 2, |call| {
        let value = units(call, 0);
        text(slice(&value, value.len().saturating_sub(length(call, 1)), value.len()))
    })?;
    for arguments in 1..=3 {
        strict(conn, "iris_extract", arguments, |call| text(extract(call)))?;
    }
    for arguments in 2..=4 {
        strict(conn, "iris_piece", arguments, |call| text(piece(call)))?;
    }
    for arguments in 1..=2 {
        strict(conn, "iris_trim", arguments, |call| text(strip(call.text(0), &set_of(call), true, true)))?;
        strict(conn, "iris_ltrim", arguments, |call| text(strip(call.text(0), &set_of(call), true, false)))?;
        strict(conn, "iris_rtrim", arguments, |call| text(strip(call.text(0), &set_of(call), false, true)))?;
    }
    Ok(())
}

fn register_builders(conn: &Connection) -> rusqlite::Result<()> {
    strict(conn, "iris_uppercase", 1, |call| text(call.text(0).to_uppercase()))?;
    strict(conn, "iris_lowercase", 1, |call| text(call.text(0).to_lowercase()))?;
    strict(conn, "iris_reverse", 1, |call| text(joined(&units(call, 0).into_iter().rev().collect::<Vec<_>>())))?;
    strict(conn, "iris_repeat", 2, |call| {
        let value = call.text(0);
        let times = length(call, 1);
        if value.len().saturating_mul(times) > LENGTH_MAX { Err(too_long()) } else { text(value.repeat(times)) }
    })?;
    strict(conn, "iris_space", 1, |call| {
        let count = length(call, 0);
        if count > LENGTH_MAX { Err(too_long()) } else { text(" ".repeat(count)) }
    })?;
    strict(conn, "iris_char", 1, |call| {
        let code = u16::try_from(call.int(0)).ok().and_then(|unit| char::from_u32(unit.into()));
        Ok(code.map_or(Stored::Null, |c| Stored::Text(c.to_string())))
    })?;
    strict(conn, "iris_concat", 2, |call| text(call.text(0) + &call.text(1)))?;
    // STRING leaves NULLs out, but is NULL when all are.
    scalar(conn, "iris_string", -1, |call| {
        let parts: Vec<String> =
            (0..call.count()).filter(|at| call.raw(*at) != ValueRef::Null).map(|at| call.text(at)).collect();
        if parts.is_empty() { Ok(Stored::Null) } else { text(parts.concat()) }
    })?;
    strict(conn, "iris_replace", 3, |call| {
        let part = call.text(1);
        if part.is_empty() { text(call.text(0)) } else { text(call.text(0).replace(&part, &call.text(2))) }
    })?;
    for arguments in 2..=3 {
        strict(conn, "iris_lpad", arguments, |call| pad(call, true))?;
        strict(conn, "iris_rpad", arguments, |call| pad(call, false))?;
        strict(conn, "iris_translate", arguments, |call| {
            let from = units(call, 1);
            let to = if call.count() > 2 { units(call, 2) } else { Vec::new() };
            let swap = |unit: u16| match from.iter().position(|f| *f == unit) {
                Some(at) => to.get(at).copied(),
                None => Some(unit),
            };
            text(joined(&units(call, 0).into_iter().filter_map(swap).collect::<Vec<_>>()))
        })?;
    }
    strict(conn, "iris_stuff", 4, |call| {
        let value = units(call, 0);
        let (start, count) = (call.int(1), length(call, 2));
        let Some(from) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1)) else {
            return Ok(Stored::Null);
        };
        let head = slice(&value, 0, from);
        let tail = slice(&value, from.saturating_add(count), value.len());
        text(head + &call.text(3) + &tail)
    })?;
    strict(conn, "iris_justify", 2, |call| text(justified(&call.text(0), length(call, 1))))?;
    strict(conn, "iris_justify", 3, |call| {
        let digits = length(call, 2).min(100);
        let rounded = call.decimal(0).round(i32::try_from(digits).unwrap_or(0)).iris_text();
        let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
        let whole = match whole {
            "" => "0",
            "-" => "-0",
            whole => whole,
        };
        let shown = if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction:0<digits$}") };
        text(justified(&shown, length(call, 1)))
    })?;
    conn.create_scalar_function("iris_new_guid", 0, rusqlite::functions::FunctionFlags::SQLITE_UTF8, |_| {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(|_| raise(400, "no random numbers"))?;
        let number = u128::from_be_bytes(bytes) & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let hex = format!("{number:032X}");
        let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
        Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("-"))
    })
}

fn justified(value: &str, width: usize) -> String {
    format!("{value:>width$}", width = width.min(LENGTH_MAX))
}

fn register_searches(conn: &Connection) -> rusqlite::Result<()> {
    for arguments in 2..=4 {
        // (text, part [, start [, occurrence]])
        strict(conn, "iris_instr", arguments, |call| {
            let (value, part) = (units(call, 0), units(call, 1));
            let start = if call.count() > 2 { call.int(2) } else { 1 };
            let mut left = if call.count() > 3 { call.int(3) } else { 1 };
            let mut from = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
            while let Some(at) = find(&value, &part, from) {
                left -= 1;
                if left <= 0 {
                    return integer(at + 1);
                }
                from = at + 1;
            }
            integer(0)
        })?;
    }
    for arguments in 2..=3 {
        // (part, text [, start])
        strict(conn, "iris_charindex", arguments, |call| {
            let (part, value) = (units(call, 0), units(call, 1));
            let start = if call.count() > 2 { call.int(2) } else { 1 };
            let from = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
            integer(find(&value, &part, from).map_or(0, |at| at + 1))
        })?;
        // The position behind the part.
        strict(conn, "iris_find", arguments, |call| {
            let (value, part) = (units(call, 0), units(call, 1));
            let start = if call.count() > 2 { call.int(2) } else { 1 };
            let from = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
            integer(find(&value, &part, from).map_or(0, |at| at + part.len() + 1))
        })?;
    }
    Ok(())
}
