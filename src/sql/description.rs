//! What IRIS cannot say of a column or a table, kept in its `%DESCRIPTION` (docs/DESCRIPTIONS.md).
//!
//! A column: `pg:`, the type, then what else its definition says in PostgreSQL's words, behind a blank:
//! `pg:timestamptz`, `pg:bpchar(22)`, `pg:numeric(10,2)`, `pg:int4[]`, `pg:serial`, `pg:timestamp DEFAULT now()`,
//! `pg:mood{sad,ok,happy}` for an enum with its labels. A table: `pg:`, then table constraints that IRIS does not have,
//! with commas between: `pg:CONSTRAINT t_check CHECK (a < b)`. `pg:` alone says that the names are spelled as the
//! client spelled them. Inside, a backslash stands in front of a backslash and, in names and labels of enums, of
//! `, . { }`; control characters are `\u{hexadecimal}`. A description that does not begin with `pg:` is a person's.

use std::fmt::Write as _;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::named_type::NamedType;
use crate::sql::syntax::parse::lone_statement;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

const PREFIX: &str = "pg:";

/// The description of the table of a materialized view; its query is that of a view beside it.
pub(crate) const MATERIALIZED_NOTE: &str = "pg:materialized view";

/// In front of the materialized view's name: the view that has its query.
pub(crate) const QUERY_VIEW_PREFIX: &str = "pgwire_query_of_";

/// In front of the types of a view's columns.
const COLUMNS_PREFIX: &str = "/* pg-columns:";

/// A description longer than this is cut down to the type: it has to pass through IRIS's own limits, and a definition
/// of this size is no longer a description.
pub(super) const NOTE_BYTES_MAX: usize = 8_000;

/// A column as its description tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNote {
    pub declared: DeclaredType,
    /// Clauses behind the type, as PostgreSQL reads them: DEFAULT, COLLATE, CHECK, GENERATED; often empty.
    pub clauses: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredType {
    Plain(PgType),
    /// `smallserial`, `serial`, `bigserial`: the integer type it stands for.
    Serial(PgType),
    Enum(EnumType),
    Named(NamedType),
}

/// An enum type: `name` with its labels in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnumType {
    /// `None` = `public`.
    pub schema: Option<String>,
    pub name: String,
    pub labels: Vec<String>,
}

impl EnumType {
    /// # Errors
    /// 22P02, in PostgreSQL's words, for what is no label (`enum_in`).
    pub fn check(&self, value: &str) -> Result<(), Box<PgError>> {
        if self.labels.iter().any(|label| label == value) {
            return Ok(());
        }
        let message = format!("invalid input value for enum {}: \"{value}\"", self.name);
        Err(PgError::error(SqlState::INVALID_TEXT, message))
    }
}

impl DeclaredType {
    /// The type values have for translation; enums are text there.
    pub fn pg_type(&self) -> PgType {
        match self {
            Self::Plain(pg_type) | Self::Serial(pg_type) => *pg_type,
            Self::Enum(_) => PgType::new(Oid::TEXT),
            Self::Named(named) => named.pg_type(),
        }
    }
}

/// What a clause of a column's definition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClauseKind {
    Check,
    Default,
    /// GENERATED .. AS IDENTITY.
    Generated,
    /// GENERATED ALWAYS AS (..) STORED.
    Stored,
    /// COLLATE, STORAGE, COMPRESSION.
    Other,
}

impl ColumnNote {
    /// The clauses one by one, in their order.
    pub fn clause_list(&self) -> Vec<(ClauseKind, String)> {
        if self.clauses.is_empty() {
            return Vec::new();
        }
        let column = elements(&format!("c int {}", self.clauses)).and_then(|list| list.first_child());
        let clauses = column.iter().flat_map(SyntaxNode::children).filter_map(|node| {
            let kind = match node.kind() {
                SyntaxKind::COLUMN_NAME | SyntaxKind::PATH_TYPE => return None,
                SyntaxKind::CHECK_CONSTRAINT => ClauseKind::Check,
                SyntaxKind::DEFAULT_CONSTRAINT => ClauseKind::Default,
                SyntaxKind::GENERATED_CONSTRAINT if is_stored(&node) => ClauseKind::Stored,
                SyntaxKind::GENERATED_CONSTRAINT => ClauseKind::Generated,
                _ => ClauseKind::Other,
            };
            Some((kind, node.text().to_string().trim().to_owned()))
        });
        clauses.collect()
    }
}

impl ColumnNote {
    /// The sequence that its default draws from, as it names it.
    pub fn draws(&self) -> Option<String> {
        self.clause_list().into_iter().find_map(|(kind, clause)| match kind {
            ClauseKind::Default => {
                let rest = clause.strip_prefix("DEFAULT nextval('")?.strip_suffix("'::regclass)")?;
                Some(rest.replace("''", "'"))
            }
            // As the gateway writes it, in quotes.
            ClauseKind::Generated => {
                let (_, rest) = clause.split_once("(SEQUENCE NAME \"")?;
                let end = rest.match_indices('"').map(|(at, _)| at).find(|at| {
                    let next = rest.get(at.saturating_add(1)..).unwrap_or_default();
                    next.starts_with([' ', ')'])
                })?;
                Some(format!("\"{}\"", rest.get(..end)?))
            }
            ClauseKind::Check | ClauseKind::Stored | ClauseKind::Other => None,
        })
    }
}

/// What ALTER TABLE leaves in IRIS for a default that takes the next value of a sequence: IRIS never has to evaluate it, since
/// the gateway sends the value.
const DRAWING_DEFAULT: &str = "pg:nextval ";

/// Such a default, for the text.
pub(crate) fn drawing_default(sequence: &str) -> String {
    let code = format!("\"{DRAWING_DEFAULT}{}\"", sequence.replace('"', "\"\""));
    format!("OBJECTSCRIPT {}", super::iris_text::quoted(&code))
}

/// The sequence that such a default of IRIS names.
pub(crate) fn drawn_by_default(text: &str) -> Option<&str> {
    text.strip_prefix(DRAWING_DEFAULT)
}

/// The clause that [`ColumnNote::draws`] reads.
pub(crate) fn drawing_clause(sequence: &str) -> String {
    format!("DEFAULT nextval({}::regclass)", crate::types::quoted_text(sequence))
}

fn is_stored(generated: &SyntaxNode) -> bool {
    generated.descendants().any(|node| node.kind() == SyntaxKind::GENERATED_STORED)
}

/// Whether a description was written by the gateway.
pub(crate) fn is_note(description: &str) -> bool {
    description.trim_start().starts_with(PREFIX)
}

/// The type a description names; `None` for every other text. Enums are text.
pub fn parse_description(description: &str) -> Option<PgType> {
    parse_column_note(description).map(|note| note.declared.pg_type())
}

/// What a column's description tells; `None` when it is not of this form.
pub fn parse_column_note(description: &str) -> Option<ColumnNote> {
    let rest = description.trim().strip_prefix(PREFIX)?;
    if let Some((declared, rest)) = parse_enum(rest) {
        return Some(ColumnNote { declared: DeclaredType::Enum(declared), clauses: clauses(rest)? });
    }
    if let Some((named, rest)) = NamedType::parse(rest) {
        return Some(ColumnNote { declared: DeclaredType::Named(named), clauses: clauses(rest)? });
    }
    let (type_text, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let serial = match type_text {
        "smallserial" => Some(Oid::INT2),
        "serial" => Some(Oid::INT4),
        "bigserial" => Some(Oid::INT8),
        _ => None,
    };
    let declared = match serial {
        Some(oid) => DeclaredType::Serial(PgType::new(oid)),
        None => DeclaredType::Plain(parse_type(type_text)?),
    };
    Some(ColumnNote { declared, clauses: clauses(rest)? })
}

/// The constraints a table's description tells, each as PostgreSQL reads it; `None` when it is not of this form.
pub(crate) fn parse_table_note(description: &str) -> Option<Vec<String>> {
    let text = unescaped(description.trim().strip_prefix(PREFIX)?.trim())?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let list = elements(&text)?;
    list.children()
        .map(|element| (element.kind() == SyntaxKind::CHECK_CONSTRAINT).then(|| element.text().to_string()))
        .collect()
}

fn clauses(rest: &str) -> Option<String> {
    let text = unescaped(rest.trim())?;
    if text.is_empty() {
        return Some(text);
    }
    // Whatever stands there goes into a CREATE TABLE: it must be clauses of one column and nothing else.
    let list = elements(&format!("c int {text}"))?;
    let mut columns = list.children();
    let (Some(column), None) = (columns.next(), columns.next()) else { return None };
    let is_clause = |node: &SyntaxNode| {
        !matches!(
            node.kind(),
            SyntaxKind::PRIMARY_KEY_CONSTRAINT
                | SyntaxKind::UNIQUE_CONSTRAINT
                | SyntaxKind::REFERENCES_CONSTRAINT
                | SyntaxKind::EXCLUDE_CONSTRAINT
        )
    };
    (column.kind() == SyntaxKind::COLUMN && column.children().all(|child| is_clause(&child))).then_some(text)
}

/// The list of a CREATE TABLE whose text this is; `None` when it is something else, or more than that.
pub(super) fn elements(text: &str) -> Option<SyntaxNode> {
    let statement = lone_statement(&format!("CREATE TABLE t ({text})"))?;
    let mut parts = statement.children().filter(|child| child.kind() != SyntaxKind::TABLE_NAME);
    let (Some(list), None) = (parts.next(), parts.next()) else { return None };
    (statement.kind() == SyntaxKind::CREATE_TABLE && list.kind() == SyntaxKind::TABLE_ARG_LIST).then_some(list)
}

pub(super) fn parse_type(text: &str) -> Option<PgType> {
    let (rest, is_array) = match text.strip_suffix("[]") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (name, mods) = match rest.split_once('(') {
        None => (rest, Vec::new()),
        Some((name, mods)) => {
            let mods = mods.strip_suffix(')')?.split(',').map(|n| n.trim().parse().ok()).collect::<Option<_>>()?;
            (name, mods)
        }
    };
    let oid = Oid::named(name, true)?;
    let PgType { oid, typmod } = PgType::modified(oid, name, &mods).ok()?;
    let oid = if is_array { oid.array()? } else { oid };
    Some(PgType { oid, typmod })
}

/// `name{label,..}` or `schema.name{..}`, and what follows it.
fn parse_enum(text: &str) -> Option<(EnumType, &str)> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut labels: Vec<String> = Vec::new();
    let mut in_labels = false;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        let list = if in_labels { &mut labels } else { &mut parts };
        match c {
            '\\' => {
                let c = escaped(&mut rest.by_ref().map(|(_, c)| c))?;
                list.last_mut()?.push(c);
            }
            '.' if !in_labels => list.push(String::new()),
            ',' if in_labels => list.push(String::new()),
            '{' if !in_labels => {
                in_labels = true;
                labels.push(String::new());
            }
            '}' if in_labels => {
                if matches!(labels.as_slice(), [only] if only.is_empty()) {
                    labels.clear();
                }
                let name = parts.pop().filter(|name| !name.is_empty())?;
                let schema = parts.pop();
                let declared = EnumType { schema, name, labels };
                return parts.is_empty().then(|| (declared, text.get(at.saturating_add(1)..).unwrap_or_default()));
            }
            ' ' | '(' | '}' if !in_labels => return None,
            c => list.last_mut()?.push(c),
        }
    }
    None
}

/// The character behind a backslash.
pub(super) fn escaped(rest: &mut dyn Iterator<Item = char>) -> Option<char> {
    match rest.next()? {
        'u' => {
            let mut code = String::new();
            (rest.next()? == '{').then_some(())?;
            loop {
                match rest.next()? {
                    '}' => break,
                    c if code.len() < 6 => code.push(c),
                    _ => return None,
                }
            }
            char::from_u32(u32::from_str_radix(&code, 16).ok()?)
        }
        c => Some(c),
    }
}

pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        plain.push(if c == '\\' { escaped(&mut rest)? } else { c });
    }
    (!plain.contains('\0')).then_some(plain)
}

pub(super) fn put_escaped(text: &mut String, plain: &str, also: &[char]) {
    for c in plain.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
            }
            c if also.contains(&c) => text.extend(['\\', c]),
            c => text.push(c),
        }
    }
}

/// As [`unescaped`] reads it.
pub(super) fn escaped_text(plain: &str) -> String {
    let mut text = String::with_capacity(plain.len());
    put_escaped(&mut text, plain, &[]);
    text
}

/// The description of a type; `None` for types without a name here.
pub(super) fn column_description(pg_type: PgType) -> Option<String> {
    column_note(&ColumnNote { declared: DeclaredType::Plain(pg_type), clauses: String::new() })
}

/// The description that [`parse_column_note`] reads; `None` for types without a name here.
pub(super) fn column_note(note: &ColumnNote) -> Option<String> {
    const SPECIAL: &[char] = &[',', '.', '{', '}', ' ', '('];
    let mut text = String::from(PREFIX);
    match &note.declared {
        DeclaredType::Plain(pg_type) => put_type(&mut text, *pg_type)?,
        DeclaredType::Serial(pg_type) => text.push_str(match pg_type.oid {
            Oid::INT2 => "smallserial",
            Oid::INT4 => "serial",
            Oid::INT8 => "bigserial",
            _ => return None,
        }),
        DeclaredType::Named(named) => named.put(&mut text)?,
        DeclaredType::Enum(declared) => {
            if let Some(schema) = &declared.schema {
                put_escaped(&mut text, schema, SPECIAL);
                text.push('.');
            }
            put_escaped(&mut text, &declared.name, SPECIAL);
            text.push('{');
            for (n, label) in declared.labels.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                put_escaped(&mut text, label, &[',', '{', '}']);
            }
            text.push('}');
        }
    }
    if !note.clauses.is_empty() {
        text.push(' ');
        put_escaped(&mut text, &note.clauses, &[]);
    }
    Some(text)
}

/// The description that [`parse_table_note`] reads.
pub(super) fn table_note(constraints: &[String]) -> String {
    let mut text = String::from(PREFIX);
    put_escaped(&mut text, &constraints.join(", "), &[]);
    text
}

/// A view's own words, as a comment inside the query that IRIS keeps: it cannot hold a description.
pub(super) fn view_note(sql: &str) -> Option<String> {
    let mut text = String::from("/* pg:");
    // So that no comment begins or ends in it.
    put_escaped(&mut text, sql, &['*', '/']);
    text.push_str(" */");
    (text.len() <= NOTE_BYTES_MAX).then_some(text)
}

/// The types of a view's columns, as a comment like [`view_note`]: IRIS tells of them what it tells of any text or number.
/// `None` stands for a type that only IRIS knows.
pub(super) fn view_columns_note(columns: &[Option<DeclaredType>]) -> Option<String> {
    let mut text = String::from(COLUMNS_PREFIX);
    for (n, declared) in columns.iter().enumerate() {
        if n > 0 {
            text.push(';');
        }
        let note =
            |declared: &DeclaredType| column_note(&ColumnNote { declared: declared.clone(), clauses: String::new() });
        if let Some(note) = declared.as_ref().and_then(note) {
            put_escaped(&mut text, note.strip_prefix(PREFIX)?, &['*', '/', ';']);
        }
    }
    text.push_str(" */");
    (text.len() <= NOTE_BYTES_MAX).then_some(text)
}

/// The types that [`view_columns_note`] put into a view's query.
pub(crate) fn parse_view_columns(definition: &str) -> Option<Vec<Option<DeclaredType>>> {
    let (_, rest) = definition.split_once(COLUMNS_PREFIX)?;
    let (text, _) = rest.split_once(" */")?;
    let mut notes = vec![String::from(PREFIX)];
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ';' => notes.push(String::from(PREFIX)),
            '\\' => notes.last_mut()?.push(escaped(&mut rest)?),
            c => notes.last_mut()?.push(c),
        }
    }
    Some(notes.iter().map(|note| parse_column_note(note).map(|note| note.declared)).collect())
}

/// The words that [`view_note`] put into a view's query.
pub(crate) fn parse_view_note(definition: &str) -> Option<String> {
    let (_, rest) = definition.split_once("/* pg:")?;
    let (text, _) = rest.split_once(" */")?;
    unescaped(text)
}

pub(super) fn put_type(text: &mut String, pg_type: PgType) -> Option<()> {
    let (oid, suffix) = match pg_type.oid.element() {
        Some(element) => (element, "[]"),
        None => (pg_type.oid, ""),
    };
    text.push_str(oid.base_name()?);
    let mods = PgType { oid, ..pg_type }.modifiers();
    if let Some((first, others)) = mods.split_first() {
        let _ = write!(text, "({first}");
        for n in others {
            let _ = write!(text, ",{n}");
        }
        text.push(')');
    }
    text.push_str(suffix);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> ColumnNote {
        parse_column_note(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn columns_go_there_and_back() {
        for text in [
            "pg:timestamptz",
            "pg:bpchar(22)",
            "pg:numeric(10,2)",
            "pg:numeric",
            "pg:int4[]",
            "pg:varchar(5)[]",
            "pg:vector(3)",
            "pg:serial",
            "pg:bigserial",
            "pg:timestamp DEFAULT now()",
            "pg:text COLLATE \"C\" DEFAULT 'a\\\\b'",
            "pg:text DEFAULT E'a\\u{a}b'",
            "pg:varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'paid'))",
            "pg:int8 GENERATED ALWAYS AS IDENTITY",
            "pg:mood{sad,ok,happy}",
            "pg:sales.mood{a\\,b,\\{x\\},,\\u{9}} DEFAULT 'a,b'",
            "pg:my\\ mood{}",
        ] {
            assert_eq!(column_note(&note(text)).as_deref(), Some(text));
        }
        let DeclaredType::Enum(declared) = note("pg:a\\.b{x\\\\,y z}").declared else { panic!() };
        assert_eq!(declared, EnumType { schema: None, name: "a.b".into(), labels: vec!["x\\".into(), "y z".into()] });
        assert_eq!(
            note("pg:text COLLATE \"C\" DEFAULT 'new'::text CONSTRAINT x CHECK (a > 0)").clause_list(),
            [
                (ClauseKind::Other, "COLLATE \"C\"".to_owned()),
                (ClauseKind::Default, "DEFAULT 'new'::text".to_owned()),
                (ClauseKind::Check, "CONSTRAINT x CHECK (a > 0)".to_owned()),
            ]
        );
        assert_eq!(note("pg:text DEFAULT E'a\\u{a}b'").clauses, "DEFAULT E'a\nb'");
    }

    #[test]
    fn what_is_no_note() {
        for text in [
            "People who buy things",
            "pg:",
            "pg:nothing",
            "pg:int4 and more",
            "pg:int4 DEFAULT 1)",
            "pg:int4 DEFAULT 1); DROP TABLE x; --",
            "pg:int4 DEFAULT 1, d int",
            "pg:int4 PRIMARY KEY",
            "pg:int4 REFERENCES t",
            "pg:mood{a",
            "pg:{a}",
            "pg:a.b.c{x}",
            "pg:text DEFAULT '\\u{0}'",
            "pg:text DEFAULT '\\u{110000}'",
        ] {
            assert_eq!(parse_column_note(text), None, "{text}");
        }
    }

    #[test]
    fn the_types_of_a_view_go_there_and_back() {
        let declared = |text: &str| parse_column_note(text).map(|note| note.declared);
        let columns = [
            declared("pg:int4"),
            None,
            declared("pg:bpchar(5)"),
            declared("pg:mood{a;b,*/,\\\\,\\u{9},/*}"),
            declared("pg:numeric(10,2)"),
            declared("pg:vector(3)"),
            None,
        ];
        assert_eq!(columns.iter().flatten().count(), 5);
        let note = view_columns_note(&columns).unwrap();
        assert_eq!((note.matches("*/").count(), note.matches("/*").count()), (1, 1), "{note}");
        let own = view_note("SELECT 'a'").unwrap();
        let definition = format!("SELECT {note} {own} a FROM t");
        assert_eq!(parse_view_columns(&definition), Some(columns.to_vec()));
        assert_eq!(parse_view_note(&definition).as_deref(), Some("SELECT 'a'"));
        assert_eq!(parse_view_columns("SELECT a FROM t"), None);
    }

    #[test]
    fn views_go_there_and_back() {
        for sql in ["SELECT a FROM t", "SELECT a * 2 / 3, E'\\n*/' /* why */ FROM t\nWHERE a", "VALUES ('/*')"] {
            let note = view_note(sql).unwrap();
            assert_eq!(note.matches("*/").count(), 1, "{note}");
            assert_eq!(note.matches("/*").count(), 1, "{note}");
            assert_eq!(parse_view_note(&format!("SELECT {note} a")).as_deref(), Some(sql));
        }
        assert_eq!(view_note(&"x".repeat(NOTE_BYTES_MAX)), None);
        assert_eq!(parse_view_note("SELECT /* pg */ a"), None);
    }

    #[test]
    fn tables_go_there_and_back() {
        for constraints in [vec![], vec!["CONSTRAINT a CHECK (x < y)".to_owned(), "CHECK (z <> E'\\n')".to_owned()]] {
            assert_eq!(parse_table_note(&table_note(&constraints)), Some(constraints));
        }
        for text in ["a person's", "pg:c int", "pg:UNIQUE (a)", "pg:CHECK (a)) INHERITS (b", "pg:CHECK (a); SELECT 1"] {
            assert_eq!(parse_table_note(text), None, "{text}");
        }
    }
}
