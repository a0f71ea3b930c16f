//! Translation as a whole: a schema to ask, and a statement's script as one text.

mod cache;
mod calls;
mod cases;
mod depth;
mod describe;
mod differential;
mod lexing;

use crate::copy::RowFormat;
use crate::sql::plan::CopyFormat;
use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;

use super::{
    Action, Bind, ColumnFacts, DeclaredType, ElementSource, Named, NamedFacts, OutputColumn, RelationName, RunIf,
    Schema, StepRole, TableFacts, TableLookup, Template, TranslateError, TranslateOptions, Translated, VectorElement,
    translate,
};
use crate::types::PgType;

/// The tables of the cases; every other name is `Missing`.
#[derive(Debug, Default)]
pub(super) struct Tables(Vec<Rc<TableFacts>>);

impl Schema for Tables {
    fn named(&self, what: Named, name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        let table = RelationName { schema: Some("SQLUser".to_owned()), name: "known".to_owned() };
        let found = NamedFacts { name: name.to_owned(), is_spelled: true, table: Some(table) };
        Some(Rc::new(if what == Named::Index { vec![found] } else { Vec::new() }))
    }

    fn table(&self, name: &RelationName) -> TableLookup {
        let found = self.0.iter().find(|facts| facts.name.eq_ignore_ascii_case(&name.name));
        found.map_or(TableLookup::Missing, |facts| TableLookup::Known(Rc::clone(facts)))
    }
}

impl Tables {
    /// `name: column type [!], ..`; `!` is NOT NULL, `#` the identity; the first column is the primary key. A type
    /// with labels in braces is an enum's. `~` ignores case, `decimal` is what vectors are made of.
    pub(super) fn parse(text: &str) -> Self {
        let table = |line: &str| {
            let (name, columns) = line.split_once(':').unwrap();
            let columns: Vec<ColumnFacts> = columns
                .split(';')
                .map(|column| {
                    let words: Vec<&str> = column.split_whitespace().collect();
                    let note = super::parse_column_note(&format!("pg:{}", words[1])).unwrap();
                    ColumnFacts {
                        vector_element: match words.contains(&"decimal") {
                            true => VectorElement::Decimal,
                            false => VectorElement::Double,
                        },
                        name: words[0].into(),
                        pg_type: note.declared.pg_type(),
                        nullable: !words.contains(&"!") && !words.contains(&"#"),
                        identity: words.contains(&"#"),
                        has_default: words.contains(&"#"),
                        folds_case: words.contains(&"~"),
                        draws: None,
                        constant_default: None,
                        named: match &note.declared {
                            DeclaredType::Named(named) => Some(Rc::new(named.clone())),
                            _ => None,
                        },
                        enum_type: match note.declared {
                            DeclaredType::Enum(declared) => Some(Rc::new(declared)),
                            _ => None,
                        },
                        is_stream: words.contains(&"stream"),
                        is_spelled: false,
                    }
                })
                .collect();
            Rc::new(TableFacts {
                is_materialized: false,
                spelled: None,
                schema: "SQLUser".into(),
                name: name.trim().into(),
                primary_key: vec![columns[0].name.clone()],
                columns,
                unique_keys: Vec::new(),
                own_references: Vec::new(),
                rules: Default::default(),
            })
        };
        Self(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(table).collect())
    }
}

pub(super) const TABLES: &str = "
    known: id int4 #; name text; active bool !; n int4 !; big int8; price numeric(10,2); ratio float8; at timestamptz; day date; ts timestamp; uid uuid; doc jsonb; raw bytea; code varchar(10) !
    items: id int8 #; embedding vector(3); label text
    old: id int4 #; name text ~; code varchar(10) ! ~; n int4
    theirs: id int4 #; v vector(3) decimal
    tasks: id int4 #; state state{todo,done}; kind kind{a,it's} !
";

pub(super) fn tables() -> Tables {
    Tables::parse(TABLES)
}

pub(super) fn try_translate(sql: &str, schema: &dyn Schema) -> Result<Translated, TranslateError> {
    let mut template = Template::default();
    template.scan(sql).map_err(TranslateError::Pg)?;
    let keys = Cell::new(1);
    translate(sql, &template, schema, &TranslateOptions::new("SQLUser", &keys))
}

/// The statement's translation in one text: marks are written as their binds. Steps are joined by ` ;; `, with
/// `[=0]`/`[>0]` for conditional ones, `[119]` for ignored codes.
pub(super) fn shown(sql: &str, schema: &dyn Schema) -> String {
    in_one_line(sql, schema).replace('\n', "\\n")
}

fn in_one_line(sql: &str, schema: &dyn Schema) -> String {
    let mut template = Template::default();
    if let Err(error) = template.scan(sql) {
        return format!("{} {}", error.code, error.message);
    }
    match try_translate(sql, schema) {
        Err(TranslateError::NeedTables(names)) => format!("need {names:?}"),
        Err(TranslateError::Pg(error)) => format!("{} {}", error.code, error.message),
        Ok(translated) => match &translated.translation.action {
            Action::Script(steps) => {
                let steps: Vec<String> = steps
                    .iter()
                    .map(|step| {
                        let mut text = match step.run_if {
                            RunIf::Always if step.role == StepRole::Undo => "[undo] ".into(),
                            RunIf::Always => String::new(),
                            RunIf::PreviousCountZero => "[=0] ".into(),
                            RunIf::PreviousCountNotZero => "[>0] ".into(),
                            RunIf::PreviousRefused => "[!] ".into(),
                        };
                        for code in &step.ignored_sqlcodes {
                            let _ = write!(text, "[{code}] ");
                        }
                        text.push_str(&spelled(&step.plan.statement.text, &step.plan.binds, &template));
                        text
                    })
                    .collect();
                steps.join(" ;; ")
            }
            Action::Calls(calls) => calls::shown(calls, &template),
            Action::CopyFromStdin(copy) => {
                let insert = spelled(&copy.insert.statement.text, &copy.insert.binds, &template);
                let format = match &copy.options.format {
                    CopyFormat::Rows(RowFormat::Text(_)) => "text",
                    CopyFormat::Rows(RowFormat::Csv(_)) => "csv",
                    CopyFormat::Binary => "binary",
                };
                let by_query = copy.by_query.as_ref().map(|by_query| format!(" by {}", by_query.insert(&[])));
                format!("COPY {format} {insert}{}", by_query.unwrap_or_default())
            }
            Action::CopyToStdout(copy) => format!("COPY OUT {}", copy.sql),
            other => format!("{other:?}"),
        },
    }
}

fn spelled(text: &str, binds: &[Bind], template: &Template) -> String {
    let mut out = String::new();
    let mut pieces = text.split(":%qpar(");
    out.push_str(pieces.next().unwrap());
    for piece in pieces {
        let (n, rest) = piece.split_once(')').unwrap();
        let bind = &binds[n.parse::<usize>().unwrap() - 1];
        let (bind, assigned) = match bind {
            Bind::Assigned { value, negated, to, .. } => {
                (&**value, Some(format!("{}->{}", if *negated { "-" } else { "" }, to.name())))
            }
            bind => (bind, None),
        };
        let value = |literal: u16| {
            let (kind, value) = template.literal(literal).unwrap();
            if kind == super::LiteralKind::String { format!("'{value}'") } else { value.to_owned() }
        };
        match bind {
            Bind::EnumParameter { parameter, enum_type } => {
                let _ = write!(out, "${parameter}:{}", enum_type.name);
            }
            Bind::Parameter(n) => {
                let _ = write!(out, "${n}");
            }
            Bind::CastParameter { parameter, oid } => {
                let name = oid.base_name().map_or_else(|| oid.0.to_string(), str::to_owned);
                let _ = write!(out, "${parameter}::{name}");
            }
            Bind::Literal(n) => out.push_str(&format!("<{}>", value(*n))),
            Bind::TypedLiteral { literal, oid } => {
                let name = oid.base_name().map_or_else(|| oid.0.to_string(), str::to_owned);
                let _ = write!(out, "<{}:{name}>", value(*literal));
            }
            Bind::Elements { source: ElementSource::Array(n), .. } => {
                let _ = write!(out, "elements(${n})");
            }
            Bind::Elements { source: ElementSource::Parameters(all), .. } => {
                let _ = write!(out, "elements({} parameters)", all.len());
            }
            Bind::ElementsCount { empty, .. } => {
                out.push_str(if empty.is_some() { "empty elements" } else { "elements" })
            }
            Bind::RowCount { parameter, .. } => {
                let _ = write!(out, "${parameter}");
            }
            Bind::Constant(text) => {
                let _ = write!(out, "<='{text}'>");
            }
            Bind::TypedConstant { text, oid } => {
                let name = oid.base_name().map_or_else(|| oid.0.to_string(), str::to_owned);
                let _ = write!(out, "<='{text}':{name}>");
            }
            Bind::Fitted { source, to, .. } => {
                let source = match &**source {
                    Bind::Parameter(n) => format!("${n}"),
                    Bind::Literal(n) | Bind::TypedLiteral { literal: n, .. } => value(*n),
                    Bind::Constant(text) | Bind::TypedConstant { text, .. } => format!("='{text}'"),
                    other => format!("{other:?}"),
                };
                let _ = write!(out, "<{source}:{}>", to.name());
            }
            Bind::Session(value) => {
                let _ = write!(out, "<{value:?}>");
            }
            Bind::Assigned { .. } => panic!("assigned twice"),
        }
        out.push_str(assigned.as_deref().unwrap_or_default());
        out.push_str(rest);
    }
    out
}

/// `label:type` of each column.
pub(super) fn columns(sql: &str, schema: &dyn Schema) -> String {
    let translated = match try_translate(sql, schema) {
        Ok(translated) => translated,
        Err(_) => return String::new(),
    };
    let Action::Script(steps) = translated.translation.action else { return String::new() };
    let rows = steps.iter().find(|step| step.role == StepRole::Rows);
    let columns = rows.map(|step| step.plan.columns.as_slice()).unwrap_or_default();
    let columns: Vec<String> = columns
        .iter()
        .map(|column| match column {
            OutputColumn::Star => "*".into(),
            OutputColumn::Hidden => "hidden".into(),
            OutputColumn::Column { label, pg_type, cast_from } => {
                let from =
                    cast_from.map_or(String::new(), |ty: PgType| format!("<{}", ty.oid.base_name().unwrap_or("?")));
                let name = pg_type.map_or("?".into(), |ty: PgType| {
                    let array = ty.oid.element();
                    let name = array.unwrap_or(ty.oid).base_name().unwrap_or("?");
                    format!("{name}{}", if array.is_some() { "[]" } else { "" })
                });
                format!("{}:{name}{from}", label.as_deref().unwrap_or("-"))
            }
        })
        .collect();
    columns.join(" ")
}
