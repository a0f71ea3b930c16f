//! SQL text of clients: cut, scanned, translated.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use iris_pgwire::parts::sql::{
    ColumnFacts, DeclaredType, Literal, LiteralKind, RelationName, Schema, TableFacts, TableLookup, Template,
    TranslateError, TranslateOptions, Translated, VectorElement, check_syntax, parse_column_note, split,
};
use iris_pgwire::parts::wire::{PgError, SqlState};

use super::{grammar, say_pg};

/// Text of a client, cut and scanned: the statements and what lies between them make the text, and a template with its
/// values means what the text means.
pub fn template(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let mut end = 0;
    for statement in split(text) {
        let start = statement.as_ptr() as usize - text.as_ptr() as usize;
        nothing(&text[end..start]);
        end = start + statement.len();
        // One statement stays one. Of what a semicolon ends the blanks in front of it are part.
        let again: Vec<&str> = split(statement).collect();
        let blanks = again.first().and_then(|again| statement.strip_prefix(again));
        let is_same = blanks.is_some_and(|blanks| blanks.chars().all(|c| BLANKS.contains(&c)));
        assert!(is_same && again.len() == 1, "{statement:?} becomes {again:?}");
        let _ = scan(statement);
    }
    nothing(&text[end..]);
    let _ = scan(text);
}

/// What PostgreSQL's scanner skips; other white space is part of names.
const BLANKS: [char; 6] = [' ', '\t', '\n', '\r', '\u{B}', '\u{C}'];

fn nothing(between: &str) {
    assert_eq!(split(between).next(), None, "left out of all statements: {between:?}");
}

fn scan(sql: &str) -> Option<Template> {
    let mut template = Template::default();
    if let Err(error) = template.scan(sql) {
        positioned(&error, sql);
        return None;
    }
    let mut end = 0;
    for literal in &template.literals {
        assert!(literal.source.start >= end && literal.source.end > literal.source.start, "{literal:?} of {sql:?}");
        end = literal.source.end;
        assert_eq!(literal.backslash, literal.kind == LiteralKind::String && template.value(literal).contains('\\'));
    }
    assert!(end <= sql.len());
    // Buffers of a scan before leave nothing behind.
    let mut used = template.clone();
    used.scan(sql).unwrap();
    assert_eq!((&used.text, &used.literals), (&template.text, &template.literals));

    // Literals spelled plainly are the same template with the same values.
    let apart = respelled(sql, &template, " ", |_, source| sql[source].to_owned());
    let spell = |literal: &Literal, source| spelled(literal, template.value(literal), &sql[source]);
    let plain = respelled(sql, &template, " ", spell);
    let (mut scanned_apart, mut scanned_plain) = (Template::default(), Template::default());
    scanned_apart.scan(&apart).unwrap_or_else(|error| panic!("{apart:?}: {error:?}"));
    scanned_plain.scan(&plain).unwrap_or_else(|error| panic!("{plain:?}: {error:?}"));
    assert_eq!(scanned_plain.text, scanned_apart.text, "{sql:?}");
    assert_eq!(values(&scanned_plain), values(&template), "{sql:?}");
    assert_eq!(values(&scanned_apart), values(&template), "{sql:?}");
    Some(template)
}

fn values(template: &Template) -> Vec<(LiteralKind, &str)> {
    template.literals.iter().map(|literal| (literal.kind, template.value(literal))).collect()
}

/// The text with `around` around each literal, which `spell` writes.
fn respelled(
    sql: &str,
    template: &Template,
    around: &str,
    mut spell: impl FnMut(&Literal, Range<usize>) -> String,
) -> String {
    let mut out = String::new();
    let mut end = 0;
    for literal in &template.literals {
        let source = literal.source.clone();
        out.push_str(&sql[end..source.start]);
        out.extend([around, &spell(literal, source.clone()), around]);
        end = source.end;
    }
    out.push_str(&sql[end..]);
    out
}

/// A constant of this value, as plain as can be.
fn spelled(literal: &Literal, value: &str, source: &str) -> String {
    match literal.kind {
        LiteralKind::Int4 | LiteralKind::Int8 => value.to_owned(),
        // Without a point it might be an integer's.
        LiteralKind::Numeric if value.contains('.') => value.to_owned(),
        LiteralKind::Numeric => format!("{value}."),
        LiteralKind::String if source.starts_with('\'') => format!("'{}'", value.replace('\'', "''")),
        // In quotes it would continue a string on the line before.
        LiteralKind::String => {
            let tag = (0..).map(|n| format!("$q{n}$")).find(|tag| !value.contains(tag.as_str())).unwrap_or_default();
            format!("{tag}{value}{tag}")
        }
    }
}

/// An error of this text: well formed, and its position inside.
fn positioned(error: &PgError, sql: &str) {
    assert!(error.code.as_str().bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()), "{error:?}");
    assert!(!error.message.is_empty());
    if let Some(position) = error.position {
        assert!((1..=sql.chars().count() + 1).contains(&(position as usize)), "{error:?} of {sql:?}");
    }
    say_pg(error);
}

/// Text of a client, or a statement of the grammar: each statement is translated, or refused with a reason.
pub fn translate(data: &[u8]) {
    // No text begins with such a byte.
    match data.split_first() {
        Some((0x80..=0xBF, choices)) => translate_text(&grammar::statement(choices)),
        _ => translate_text(&String::from_utf8_lossy(data)),
    }
}

fn translate_text(text: &str) {
    for statement in split(text) {
        for (has_oracle, is_known) in [(false, true), (true, true), (true, false)] {
            translate_one(statement, has_oracle, is_known);
        }
    }
}

fn translate_one(sql: &str, has_oracle: bool, is_known: bool) {
    let mut template = Template::default();
    if template.scan(sql).is_err() {
        return;
    }
    // Literals are told apart by blanks, so that others can take their places.
    let spell = |literal: &Literal, source| spelled(literal, template.value(literal), &sql[source]);
    let sql = &*respelled(sql, &template, " ", spell);
    template.scan(sql).unwrap();
    let found = match translated(sql, &template, has_oracle, is_known) {
        Ok(found) => found,
        Err(TranslateError::NeedTables(names)) => {
            assert!(!names.is_empty() && !is_known);
            return;
        }
        Err(TranslateError::Pg(error)) => {
            positioned(&error, sql);
            let is_parsers_own = error.message == "the parser failed on this statement";
            assert!(error.code != SqlState::INTERNAL_ERROR || is_parsers_own, "{error:?} of {sql:?}");
            return;
        }
    };
    assert!(check_syntax(sql).is_ok(), "translated, and yet no syntax: {sql:?}");
    assert!(found.pinned.is_sorted() && found.pinned.iter().all(|n| usize::from(*n) < template.literals.len()));
    // The translation is used again for other values of the literals it does not depend on.
    let mut n = 0;
    let other = respelled(sql, &template, "", |literal, source| {
        n += 1;
        if found.pinned.contains(&(n - 1)) { sql[source].to_owned() } else { another(literal, &sql[source]) }
    });
    let mut other_template = Template::default();
    other_template.scan(&other).unwrap_or_else(|error| panic!("{other:?}: {error:?}"));
    assert_eq!(other_template.text, template.text);
    let shown = format!("{:?}", found.translation);
    match translated(&other, &other_template, has_oracle, is_known) {
        Ok(again) => assert_eq!(format!("{:?}", again.translation), shown, "{sql:?} beside {other:?}"),
        Err(error) => panic!("{sql:?} is translated, {other:?} would not be: {error:?}"),
    }
}

fn another(literal: &Literal, source: &str) -> String {
    let other = match literal.kind {
        LiteralKind::Int4 => ["12", "34"],
        LiteralKind::Int8 => ["3000000001", "3000000002"],
        LiteralKind::Numeric => ["12.5", "34.25"],
        LiteralKind::String if literal.backslash => ["'q\\q'", "'r\\r'"],
        LiteralKind::String => ["'q'", "'r'"],
    };
    other[usize::from(source == other[0])].to_owned()
}

fn translated(sql: &str, template: &Template, has_oracle: bool, is_known: bool) -> Result<Translated, TranslateError> {
    let keys = Cell::new(1);
    let options = TranslateOptions { has_oracle, ..TranslateOptions::new("SQLUser", &keys) };
    TABLES.with(|tables| iris_pgwire::parts::sql::translate(sql, template, &Tables { tables, is_known }, &options))
}

thread_local! {
    static TABLES: Vec<Rc<TableFacts>> = tables();
}

/// Tables of the grammar; others are missing. Or none has been read yet.
struct Tables<'a> {
    tables: &'a [Rc<TableFacts>],
    is_known: bool,
}

impl Schema for Tables<'_> {
    fn table(&self, name: &RelationName) -> TableLookup {
        if !self.is_known {
            return TableLookup::NotLoaded;
        }
        let found = self.tables.iter().find(|facts| facts.name.eq_ignore_ascii_case(&name.name));
        found.map_or(TableLookup::Missing, |facts| TableLookup::Known(Rc::clone(facts)))
    }
}

/// A table a line: its name, and its columns with their types. `#` is the identity, `~` ignores case.
const COLUMNS: &str = "\
    known id int4 #|name text|active bool|n int4|big int8|price numeric(10,2)|ratio float8|at timestamptz|day date|ts timestamp|uid uuid|doc jsonb|raw bytea|code varchar(10)
    items id int8 #|embedding vector(3)|label text
    old id int4 #|name text ~|code bpchar(3) ~|n int2
    tasks id int4 #|state state{todo,done}|n int4";

fn tables() -> Vec<Rc<TableFacts>> {
    let column = |text: &str| {
        let mut words = text.split_whitespace();
        let (name, declared) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mark = words.next();
        let declared = parse_column_note(&format!("pg:{declared}")).unwrap().declared;
        ColumnFacts {
            name: name.to_owned(),
            pg_type: declared.pg_type(),
            nullable: mark != Some("#"),
            identity: mark == Some("#"),
            has_default: mark == Some("#"),
            folds_case: mark == Some("~"),
            draws: None,
            constant_default: None,
            enum_type: match declared {
                DeclaredType::Enum(declared) => Some(Rc::new(declared)),
                DeclaredType::Plain(_) | DeclaredType::Serial(_) | DeclaredType::Named(_) => None,
            },
            named: None,
            is_stream: false,
            vector_element: VectorElement::Double,
            is_spelled: true,
        }
    };
    let table = |line: &str| {
        let (name, columns) = line.trim().split_once(' ').unwrap();
        Rc::new(TableFacts {
            is_materialized: false,
            schema: "SQLUser".to_owned(),
            name: name.to_owned(),
            spelled: None,
            columns: columns.split('|').map(column).collect(),
            primary_key: vec!["id".to_owned()],
            unique_keys: Vec::new(),
            own_references: Vec::new(),
            rules: Default::default(),
        })
    };
    COLUMNS.lines().map(table).collect()
}
