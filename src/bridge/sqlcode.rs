//! SQLCODE to SQLSTATE, and IRIS's error texts as PostgreSQL would word them (SQL facts, section 10).

use crate::iris::IrisError;
use crate::wire::{PgError, SqlState};

/// What IRIS says about an error: `[SQLCODE: <-30>:<Table or view not found>] [Location: <Prepare>] [%msg: < .. >]`.
/// Any part may be missing; embedded code answers plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ErrorText<'a> {
    /// The general meaning of the code.
    pub title: &'a str,
    /// `Prepare` or `ServerLoop`.
    pub location: &'a str,
    /// The particulars.
    pub message: &'a str,
}

impl<'a> ErrorText<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let title = after(text, "[SQLCODE: <").and_then(|rest| after(rest, ">:<")).and_then(|rest| before(rest, ">]"));
        let location = after(text, "[Location: <").and_then(|rest| before(rest, ">]"));
        // A message may hold brackets itself: it ends at the last one.
        let message = after(text, "[%msg: <").and_then(|rest| rest.rsplit_once(">]").map(|(message, _)| message));
        match (title, message) {
            (None, None) => Self { title: text.trim(), location: "", message: "" },
            _ => Self {
                title: title.unwrap_or_default().trim(),
                location: location.unwrap_or_default().trim(),
                message: message.unwrap_or_default().trim(),
            },
        }
    }
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

fn before<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(head, _)| head)
}

/// The SQLSTATE of a (positive) SQLCODE. `message` decides where a code has several meanings.
pub(super) fn sqlstate(sqlcode: i32, message: &str) -> SqlState {
    SqlState(*match sqlcode {
        0 => b"00000",
        100 | 106 | 109 => b"02000",
        7 => b"22003",
        5 | 6 => b"42P10",
        8 => b"22023",
        19 | 117 => b"42803",
        20 | 74 | 97 | 382 => b"42712",
        78 | 92 => b"25000",
        98 => b"53300",
        23 | 30 | 310 => b"42P01",
        21 => b"42000",
        24 | 27 | 334 => b"42702",
        29 | 31 | 33 => b"42703",
        43 => b"42P09",
        1 | 2 | 3 | 4 | 9 | 10 | 11 | 12..=18 | 22 | 25 | 26 | 28 | 40 | 41 | 42 | 51 | 53 | 54 | 57..=60 | 62 => {
            b"42601"
        }
        34 | 38 | 39 => b"XX000",
        35 | 36 | 61 | 145 | 300 | 325 => b"55000",
        37 | 73 | 96 | 144 | 303 | 313 | 374 | 383 | 385 | 422 | 474 | 478 | 481 => b"0A000",
        52 | 101..=103 => b"24000",
        55 | 56 => b"0LP01",
        63 => b"22019",
        99 | 112 | 113 | 417 => b"42501",
        104 | 105 => return conversion_state(message),
        107 | 111 | 138 => b"428C9",
        108 | 304 | 305 => b"23502",
        110 if contains(message, "deadlock") => b"40P01",
        110 | 114 => b"55P03",
        115 => b"25006",
        91 | 116 | 143 | 326 | 327 | 386 => b"42601",
        118 | 315 | 333 | 360..=365 => b"42704",
        119 | 120 | 125 => b"23505",
        121..=124 | 127 => b"23503",
        126 | 317 | 320..=322 | 475 | 482 => b"2BP01",
        128 | 129 => b"22023",
        130..=135 => b"P0001",
        136 | 137 => b"44000",
        139 | 150 => b"40001",
        140 => b"22011",
        141 => b"22P02",
        142 => b"42611",
        146 | 147 => b"22007",
        148 | 463 | 466 => b"42P02",
        149 => return function_state(message),
        350 => b"38000",
        201 | 324 => b"42P07",
        220..=228 => b"58000",
        257..=260 => b"22000",
        301 | 302 | 375 => b"3B001",
        306 => b"42701",
        307 => b"42P16",
        308 => b"0A000",
        311 => b"42710",
        312 => b"42602",
        314 | 316 | 319 => b"42830",
        340..=344 => b"3D000",
        356 | 359 => b"42883",
        357 | 358 => b"42725",
        376 => b"42846",
        377 => b"42701",
        378 => b"42804",
        380 | 381 => b"42883",
        401 | 405..=408 | 413 | 451 | 452 | 461 | 10050..=11002 => b"08006",
        400 => return runtime_state(message),
        402 => b"28P01",
        459 => b"28000",
        410..=412 => b"58030",
        428 => b"42883",
        431 => b"42804",
        425..=430 => b"38000",
        432 => b"21000",
        450 | 456 => b"57014",
        462 => b"53200",
        473 => b"3F000",
        476 => b"42P06",
        500 => b"54000",
        _ => b"XX000",
    })
}

/// -149: a function refused its argument, and is named.
fn function_state(message: &str) -> SqlState {
    let names = |names: &[&str]| names.iter().any(|name| contains(message, name));
    SqlState(*if names(&["function sqrt", "function power"]) {
        b"2201F"
    } else if names(&["function log"]) {
        b"2201E"
    } else if names(&["function exp", "function acos", "function asin"]) {
        b"22003"
    } else {
        b"38000"
    })
}

/// The compiler of classes: the table has an index or key of that name.
const KEY_NAME_STATUS: &str = "error #5804";

/// -400 wraps whatever ObjectScript raised, named in angle brackets, and the status of a class that does not compile.
fn runtime_state(message: &str) -> SqlState {
    if contains(message, KEY_NAME_STATUS) {
        return SqlState(*b"42P07");
    }
    SqlState(*match runtime_error(message) {
        Some("DIVIDE") => b"22012",
        // Raised by the gateway's own count of rows (`sql::translate::query::one_row`): its other lists are lists.
        Some("LIST") => b"21000",
        Some("MAXNUMBER") => b"22003",
        Some("ILLEGAL VALUE") if ["date", "time", "horolog"].iter().any(|word| contains(message, word)) => b"22008",
        Some("ILLEGAL VALUE") => b"22023",
        Some("VALUE OUT OF RANGE") => b"22008",
        Some("MAXSTRING") => b"54000",
        Some("STORE") => b"53200",
        Some("FILEFULL") => b"53100",
        Some("PROTECT") => b"42501",
        _ => b"XX000",
    })
}

/// `DIVIDE` of `.. <DIVIDE>..`.
fn runtime_error(message: &str) -> Option<&str> {
    before(after(message, "<")?, ">")
}

/// -104 and -105 stand for every value that does not fit its column. The value itself stands in quotes, and must not
/// decide.
fn conversion_state(message: &str) -> SqlState {
    let reason: String = message.split('\'').step_by(2).collect();
    let says = |marks: &[&str]| marks.iter().any(|mark| contains(&reason, mark));
    if says(&["too long", "maxlen", "truncat"]) {
        SqlState::STRING_TOO_LONG
    } else if says(&["range", "minval", "maxval", "overflow", "less than min", "greater than max"]) {
        SqlState::NUMERIC_OUT_OF_RANGE
    } else if says(&["logical date", "logical time", "valid date", "valid time"]) {
        SqlState::INVALID_DATETIME
    } else if says(&["not a valid", "invalid", "not numeric", "not a number", "is no number"]) {
        SqlState::INVALID_TEXT
    } else {
        SqlState::DATA_EXCEPTION
    }
}

fn contains(text: &str, lower_mark: &str) -> bool {
    text.to_ascii_lowercase().contains(lower_mark)
}

/// What the text of an error names, as IRIS spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Culprit<'a> {
    /// `SQLUser.t`. Of -123 and -124 the table that refers to the one that was changed.
    pub table: Option<&'a str>,
    pub constraint: Option<&'a str>,
    /// A column, mostly with schema and table in front.
    pub field: Option<&'a str>,
    /// Of a failed validation: the value as it was sent. Long ones are cut.
    pub value: Option<&'a str>,
}

impl<'a> Culprit<'a> {
    pub(crate) fn of(error: &'a IrisError) -> Self {
        let message = ErrorText::parse(&error.text).message;
        let field = quoted_after(message, "Field");
        Self {
            table: quoted_after(message, "Table"),
            constraint: quoted_after(message, "Constraint"),
            field: if error.sqlcode == 108 { field.or_else(|| first_quoted(message)) } else { field },
            // The value may hold quotes itself; what stands behind it does not.
            value: after(message, "(value '").and_then(|rest| rest.rsplit_once("') ")).map(|(value, _)| value),
        }
    }
}

/// The error as a PostgreSQL client expects it; the original code and text stand in DETAIL.
pub(crate) fn to_pg(error: &IrisError) -> Box<PgError> {
    let text = ErrorText::parse(&error.text);
    let code = sqlstate(error.sqlcode, text.message);
    let message = worded(error.sqlcode, &text).unwrap_or_else(|| general(&text));
    PgError::error(code, message).detail(detail(error))
}

fn detail(error: &IrisError) -> String {
    let text = error.text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        format!("IRIS SQLCODE -{}", error.sqlcode)
    } else if text.starts_with("[SQLCODE:") {
        format!("IRIS: {text}")
    } else {
        format!("IRIS SQLCODE -{}: {text}", error.sqlcode)
    }
}

/// IRIS's own words in one line.
fn general(text: &ErrorText<'_>) -> String {
    let joined = match (text.title, text.message) {
        ("", "") => "IRIS reported an error without a text".to_owned(),
        (title, "") => title.to_owned(),
        ("", message) => message.to_owned(),
        (title, message) => format!("{title}: {message}"),
    };
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// PostgreSQL's sentence, where it has one and the particulars give what it needs.
fn worded(sqlcode: i32, text: &ErrorText<'_>) -> Option<String> {
    let message = text.message;
    let table = || quoted_after(message, "Table").or_else(|| quoted_after(message, "View")).map(relation);
    let constraint = || quoted_after(message, "Constraint").map(|name| folded(last_part(name)));
    let field = || quoted_after(message, "Field").map(|name| folded(last_part(name)));
    Some(match sqlcode {
        29 => format!("column \"{}\" does not exist", field()?),
        30 => format!("relation \"{}\" does not exist", table()?),
        104 | 105 => {
            let field = field()?;
            match sqlstate(sqlcode, message) {
                SqlState::STRING_TOO_LONG => format!("value too long for column \"{field}\""),
                SqlState::NUMERIC_OUT_OF_RANGE => format!("value out of range for column \"{field}\""),
                SqlState::INVALID_DATETIME => format!("invalid date or time for column \"{field}\""),
                SqlState::INVALID_TEXT => format!("invalid input for column \"{field}\""),
                _ => return None,
            }
        }
        108 => match (field().or_else(|| first_quoted(message).map(|name| folded(last_part(name)))), table()) {
            (Some(field), Some(table)) => {
                format!("null value in column \"{field}\" of relation \"{table}\" violates not-null constraint")
            }
            (Some(field), None) => format!("null value in column \"{field}\" violates not-null constraint"),
            _ => "null value in a required column violates not-null constraint".to_owned(),
        },
        110 | 114 => "could not obtain lock on row".to_owned(),
        119 | 120 => match constraint() {
            Some(name) => format!("duplicate key value violates unique constraint \"{name}\""),
            None => "duplicate key value violates unique constraint".to_owned(),
        },
        121 | 122 => foreign_key("insert or update", table(), constraint()),
        123 | 124 => foreign_key("update or delete", table(), constraint()),
        201 => format!("relation \"{}\" already exists", table()?),
        306 => format!("column \"{}\" already exists", field()?),
        308 => "a table of IRIS can have one identity column (serial, GENERATED .. AS IDENTITY) only".to_owned(),
        473 => format!("schema \"{}\" does not exist", folded(quoted_after(message, "Schema")?)),
        476 => format!("schema \"{}\" already exists", folded(quoted_after(message, "Schema")?)),
        324 => format!("relation \"{}\" already exists", folded(last_part(quoted_after(message, "Index")?))),
        333 => format!("index \"{}\" does not exist", folded(last_part(quoted_after(message, "Index")?))),
        359 => format!("function {} does not exist", folded(last_part(first_quoted(message)?))),
        400 if contains(message, KEY_NAME_STATUS) => {
            let (_, name) = first_quoted(message)?.rsplit_once(':')?;
            format!("relation \"{}\" already exists", folded(name))
        }
        400 if runtime_error(message) == Some("DIVIDE") => "division by zero".to_owned(),
        400 if runtime_error(message) == Some("MAXNUMBER") => "value out of range: overflow".to_owned(),
        400 if runtime_error(message) == Some("LIST") => {
            "more than one row returned by a subquery used as an expression".to_owned()
        }
        400 if runtime_state(message) == SqlState::DATETIME_OVERFLOW => {
            "date or time out of range: IRIS holds years 1 to 9999".to_owned()
        }
        450 => "canceling statement due to statement timeout".to_owned(),
        456 => "canceling statement due to user request".to_owned(),
        _ => return None,
    })
}

fn foreign_key(deed: &str, table: Option<String>, constraint: Option<String>) -> String {
    let on = table.map(|table| format!(" on table \"{table}\"")).unwrap_or_default();
    let which = constraint.map(|name| format!(" \"{name}\"")).unwrap_or_default();
    format!("{deed}{on} violates foreign key constraint{which}")
}

/// The name in single quotes that follows a word.
fn quoted_after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        rest = after_ignoring_case(rest, word)?;
        let name = rest.trim_start_matches(['(', 's', ')', ' ', ':']);
        if let Some(name) = name.strip_prefix('\'') {
            return before(name, "'").filter(|name| !name.is_empty());
        }
    }
}

fn after_ignoring_case<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    // ASCII folding keeps byte positions.
    let at = text.to_ascii_lowercase().find(&word.to_ascii_lowercase())?;
    text.get(at.saturating_add(word.len())..)
}

fn first_quoted(text: &str) -> Option<&str> {
    before(after(text, "'")?, "'").filter(|name| !name.is_empty())
}

/// Behind the last point: a column or table without its schema.
pub(crate) fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// As PostgreSQL would name it: IRIS shows unquoted names in capitals, PostgreSQL in small letters; the default schema
/// is not shown.
fn relation(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, table)) if schema.eq_ignore_ascii_case("SQLUser") => folded(table),
        _ => folded(name),
    }
}

/// A name of IRIS as PostgreSQL shows it.
pub(crate) fn folded(name: &str) -> String {
    if name.chars().any(char::is_lowercase) { name.to_owned() } else { name.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pg(sqlcode: i32, text: &str) -> Box<PgError> {
        to_pg(&IrisError { sqlcode, text: text.to_owned() })
    }

    #[test]
    fn missing_table() {
        let error = pg(
            30,
            "[SQLCODE: <-30>:<Table or view not found>]\r\n[Location: <Prepare>]\r\n[%msg: < Table 'SQLUSER.NOPE' not found>]",
        );
        assert_eq!(error.code, SqlState::UNDEFINED_TABLE);
        assert_eq!(error.message, "relation \"nope\" does not exist");
        assert_eq!(
            error.detail.as_deref(),
            Some(
                "IRIS: [SQLCODE: <-30>:<Table or view not found>] [Location: <Prepare>] [%msg: < Table 'SQLUSER.NOPE' not found>]"
            )
        );
    }

    #[test]
    fn names_are_found_where_the_message_has_them() {
        let text = |message: &str| format!("[SQLCODE: <-1>:<title>] [Location: <ServerLoop>] [%msg: < {message}>]");
        let message = |sqlcode, particulars: &str| pg(sqlcode, &text(particulars)).message;
        assert_eq!(
            message(119, "Table 'SQLUser.E', Constraint 'E_PKEY1', Field(s) id failed unique check"),
            "duplicate key value violates unique constraint \"e_pkey1\""
        );
        assert_eq!(message(119, "no names"), "duplicate key value violates unique constraint");
        assert_eq!(
            message(121, "Table 'SQLUser.CHILD', Foreign Key Constraint 'FK1' (Field(s) a) failed referential check"),
            "insert or update on table \"child\" violates foreign key constraint \"fk1\""
        );
        assert_eq!(
            message(108, "'N' in table 'SQLUser.E' is required"),
            "null value in column \"n\" of relation \"e\" violates not-null constraint"
        );
        assert_eq!(
            message(29, "Field 'NOFIELD' not found in the applicable tables^SELECT"),
            "column \"nofield\" does not exist"
        );
        assert_eq!(message(30, "Table 'Other.Mixed' not found"), "relation \"Other.Mixed\" does not exist");
        assert_eq!(message(359, "SQL Function 'JSON_VALUE' not found"), "function json_value does not exist");
        assert_eq!(message(400, "<DIVIDE>"), "division by zero");
        assert_eq!(message(400, "<MAXNUMBER>"), "value out of range: overflow");
        assert_eq!(
            message(400, "ERROR #5804: Key name not unique: 'User.A:a_name_key' index name conflict"),
            "relation \"a_name_key\" already exists"
        );
        assert_eq!(
            message(104, "Field 'SQLUser.t.NAME' (value 'abc') failed validation: value is too long"),
            "value too long for column \"name\""
        );
        assert_eq!(message(201, "Table or view 'SQLUser.T' already exists"), "relation \"t\" already exists");
        assert_eq!(message(400, "line one\r\n  line two"), "title: line one line two");
    }

    #[test]
    fn what_a_text_names() {
        let error = |sqlcode, message: &str| IrisError { sqlcode, text: format!("[%msg: < {message}>]") };
        let unique = error(119, "Table 'SQLUser.E', Constraint 'U', Field(s) 'a','B' failed unique check");
        let culprit = Culprit::of(&unique);
        assert_eq!((culprit.table, culprit.constraint), (Some("SQLUser.E"), Some("U")));
        let required = error(108, "'N' in table 'SQLUser.E' is a required field and has no value");
        assert_eq!((Culprit::of(&required).field, Culprit::of(&required).table), (Some("N"), Some("SQLUser.E")));
        let unfit = error(104, "Field 'SQLUser.E.N' (value 'it's x') failed validation: value is too long");
        assert_eq!((Culprit::of(&unfit).field, Culprit::of(&unfit).value), (Some("SQLUser.E.N"), Some("it's x")));
        assert_eq!(Culprit::of(&error(400, "nothing")), Culprit::default());
    }

    #[test]
    fn texts_without_structure_stay() {
        let error = pg(402, "Access Denied");
        assert_eq!((error.code, error.message.as_str()), (SqlState::INVALID_PASSWORD, "Access Denied"));
        assert_eq!(pg(400, "").message, "IRIS reported an error without a text");
        assert_eq!(pg(400, "").detail.as_deref(), Some("IRIS SQLCODE -400"));
    }

    #[test]
    fn brackets_inside_the_message() {
        let text = "[SQLCODE: <-1>:<Invalid>]\r\n[Location: <Prepare>]\r\n[%msg: < a [b <c>] d>]";
        assert_eq!(ErrorText::parse(text), ErrorText { title: "Invalid", location: "Prepare", message: "a [b <c>] d" });
    }

    #[test]
    fn table_of_section_10() {
        let states = [
            (1, "42601"),
            (12, "42601"),
            (19, "42803"),
            (27, "42702"),
            (29, "42703"),
            (30, "42P01"),
            (37, "0A000"),
            (99, "42501"),
            (100, "02000"),
            (102, "24000"),
            (108, "23502"),
            (110, "55P03"),
            (114, "55P03"),
            (119, "23505"),
            (120, "23505"),
            (121, "23503"),
            (124, "23503"),
            (146, "22007"),
            (201, "42P07"),
            (257, "22000"),
            (315, "42704"),
            (321, "2BP01"),
            (324, "42P07"),
            (359, "42883"),
            (375, "3B001"),
            (376, "42846"),
            (385, "0A000"),
            (400, "XX000"),
            (402, "28P01"),
            (417, "42501"),
            (428, "42883"),
            (450, "57014"),
            (456, "57014"),
            (478, "0A000"),
            (500, "54000"),
            (10061, "08006"),
            (9999, "XX000"),
            (-5, "XX000"),
        ];
        for (sqlcode, state) in states {
            assert_eq!(sqlstate(sqlcode, "").as_str(), state, "{sqlcode}");
        }
        assert_eq!(sqlstate(104, "Field 'a' is too long").as_str(), "22001");
        assert_eq!(sqlstate(105, "value out of range").as_str(), "22003");
        assert_eq!(sqlstate(104, "value 'x' is not a valid number").as_str(), "22P02");
        assert_eq!(sqlstate(104, "failed validation").as_str(), "22000");
        assert_eq!(
            sqlstate(104, "Field 'a' (value 'too long') failed validation: value is not a number").as_str(),
            "22P02"
        );
        assert_eq!(sqlstate(105, "Unable to convert date input to a valid logical date value").as_str(), "22007");
        assert_eq!(sqlstate(400, "Fatal error occurred: <DIVIDE>zexec+1^x").as_str(), "22012");
        assert_eq!(sqlstate(400, "ERROR #5804: Key name not unique: 'User.A:k'").as_str(), "42P07");
        assert_eq!(sqlstate(110, "Deadlock found").as_str(), "40P01");
    }
}
