//! What the views tell of one table or view, and the PostgreSQL definitions of it.

use std::collections::HashMap;

use crate::sql::{
    ClauseKind, ColumnNote, DeclaredType, EnumType, MATERIALIZED_NOTE, QUERY_VIEW_PREFIX, RuleNotes, Rules, is_hidden,
    is_note, parse_column_note, parse_view_note,
};
use crate::types::{Oid, PgType, quoted_name, quoted_text};

use super::super::iris_column::IrisColumnType;
use super::comments::CommentTarget;
use super::default::{IrisDefault, RANDOM_UUID};
use super::load::parameter;
use super::snapshot::UsedNames;
use super::text::{Guarded, do_block, identifiers, qualified, type_name};

/// What IRIS takes when CREATE INDEX does not say: then nothing was said to PostgreSQL either.
const IRIS_M: u32 = 16;
const IRIS_EF_CONSTRUCTION: u32 = 64;

#[derive(Debug, Default)]
pub(super) struct RawTable {
    pub schema: String,
    pub name: String,
    pub is_view: bool,
    pub description: Option<String>,
    pub columns: Vec<RawColumn>,
    pub indexes: Vec<RawIndex>,
    pub keys: Vec<RawKey>,
    /// VIEW_DEFINITION.
    pub view: Option<String>,
}

#[derive(Debug)]
pub(super) struct RawColumn {
    pub name: String,
    pub iris: IrisColumnType,
    pub nullable: bool,
    pub identity: bool,
    /// GENERATED ALWAYS.
    pub is_always: bool,
    pub default: Option<String>,
    pub description: Option<String>,
    /// The class dictionary says so.
    pub is_vector: bool,
    pub vector_length: Option<i32>,
}

#[derive(Debug)]
pub(super) struct RawIndex {
    pub name: String,
    pub columns: Vec<String>,
    pub unique: bool,
    pub primary: bool,
    pub data: Vec<String>,
    pub hnsw: Option<RawHnsw>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawHnsw {
    operator_class: &'static str,
    m: u32,
    ef_construction: u32,
}

impl RawHnsw {
    /// From the parameters of the index; the distance is cosine where they do not say.
    pub(super) fn read(parameters: Option<&str>) -> Self {
        let number = |name, otherwise| parameter(parameters, name).and_then(|n| n.parse().ok()).unwrap_or(otherwise);
        let operator_class = match parameter(parameters, "Distance").unwrap_or_default().to_ascii_lowercase().as_str() {
            "dotproduct" => "vector_ip_ops",
            "l2" | "euclidean" => "vector_l2_ops",
            _ => "vector_cosine_ops",
        };
        Self { operator_class, m: number("M", IRIS_M), ef_construction: number("efConstruction", IRIS_EF_CONSTRUCTION) }
    }

    fn options(&self) -> String {
        let mut options = Vec::new();
        if self.m != IRIS_M {
            options.push(format!("m='{}'", self.m));
        }
        if self.ef_construction != IRIS_EF_CONSTRUCTION {
            options.push(format!("ef_construction='{}'", self.ef_construction));
        }
        if options.is_empty() { String::new() } else { format!(" WITH ({})", options.join(", ")) }
    }
}

#[derive(Debug, Default)]
pub(super) struct RawKey {
    pub name: String,
    /// PRIMARY KEY, UNIQUE, FOREIGN KEY.
    pub kind: String,
    pub columns: Vec<String>,
    pub parent: (String, String),
    pub parent_columns: Vec<String>,
    /// `None` = NO ACTION.
    pub on_update: Option<&'static str>,
    pub on_delete: Option<&'static str>,
}

impl RawTable {
    fn is_ours(&self) -> bool {
        self.description.as_deref().is_some_and(is_note)
            || self.view.as_deref().is_some_and(|text| parse_view_note(text).is_some())
    }

    /// The columns that clients see.
    fn shown(&self) -> impl Iterator<Item = &RawColumn> {
        self.columns.iter().filter(|column| !is_hidden(&column.name, column.description.as_deref()))
    }

    fn rules(&self, name: &str) -> Rules {
        let mut notes = RuleNotes::default();
        for column in &self.columns {
            match (column.description.as_deref(), column.description.as_deref().and_then(parse_column_note)) {
                (description, _) if is_hidden(&column.name, description) => {
                    notes.hidden(&column.name, description.unwrap_or_default());
                }
                (_, Some(note)) => notes.column(&column.name, &note),
                _ => {}
            }
        }
        if let Some(description) = self.description.as_deref().filter(|text| is_note(text)) {
            notes.table(description);
        }
        let columns: Vec<&str> = self.shown().map(|column| column.name.as_str()).collect();
        notes.into_rules(name, &columns)
    }

    fn is_primary(&self, index: &RawIndex) -> bool {
        index.primary || self.keys.iter().any(|key| key.kind == "PRIMARY KEY" && key.name == index.name)
    }
}

/// What PostgreSQL calls the relations of a snapshot.
#[derive(Debug)]
pub(super) struct Names<'a> {
    tables: &'a [RawTable],
    default_schema: &'a str,
    places: HashMap<(String, String), usize>,
    /// Folded IRIS schema: whether all its tables with a description of the gateway's keep its spelling.
    exact_schemas: HashMap<String, bool>,
}

impl<'a> Names<'a> {
    pub(super) fn new(tables: &'a [RawTable], default_schema: &'a str) -> Self {
        let mut places = HashMap::with_capacity(tables.len());
        let mut exact_schemas: HashMap<String, bool> = HashMap::new();
        for (at, table) in tables.iter().enumerate() {
            let schema = table.schema.to_lowercase();
            places.insert((schema.clone(), table.name.to_lowercase()), at);
            let exact = exact_schemas.entry(schema).or_insert(true);
            *exact = *exact && table.is_ours();
        }
        Self { tables, default_schema, places, exact_schemas }
    }

    pub(super) fn schema(&self, iris: &str) -> String {
        if iris.eq_ignore_ascii_case(self.default_schema) {
            return "public".to_owned();
        }
        let folded = iris.to_lowercase();
        if self.exact_schemas.get(&folded).copied().unwrap_or(false) { iris.to_owned() } else { folded }
    }

    pub(super) fn table(&self, table: &RawTable) -> String {
        if table.is_ours() { table.name.clone() } else { table.name.to_lowercase() }
    }

    /// The view with the query of a materialized view.
    pub(super) fn query_of(&self, table: &RawTable) -> Option<&'a RawTable> {
        let is_materialized = table.description.as_deref().is_some_and(|text| text.trim() == MATERIALIZED_NOTE);
        let name = format!("{QUERY_VIEW_PREFIX}{}", table.name);
        self.find(&table.schema, &name).filter(|view| is_materialized && view.is_view)
    }

    /// Whether it is such a view.
    pub(super) fn is_query_of(&self, view: &RawTable) -> bool {
        let table =
            view.name.get(..QUERY_VIEW_PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(QUERY_VIEW_PREFIX));
        let table = table.and_then(|_| self.find(&view.schema, view.name.get(QUERY_VIEW_PREFIX.len()..)?));
        table.is_some_and(|table| self.query_of(table).is_some_and(|query| std::ptr::eq(query, view)))
    }

    fn find(&self, schema: &str, name: &str) -> Option<&'a RawTable> {
        self.places.get(&(schema.to_lowercase(), name.to_lowercase())).and_then(|at| self.tables.get(*at))
    }
}

fn column_name(table: &RawTable, column: &RawColumn) -> String {
    let exact = table.is_ours() || column.description.as_deref().is_some_and(is_note);
    if exact { column.name.clone() } else { column.name.to_lowercase() }
}

/// PostgreSQL names of columns; `None` when one is not a column that is shown.
fn column_names(table: &RawTable, names: &[String]) -> Option<Vec<String>> {
    names
        .iter()
        .map(|name| {
            let column = table.shown().find(|column| column.name.eq_ignore_ascii_case(name))?;
            Some(column_name(table, column))
        })
        .collect()
}

/// One relation for the mirror.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Relation {
    pub iris_schema: String,
    pub iris_name: String,
    pub schema: String,
    pub name: String,
    /// A materialized one, too.
    pub is_view: bool,
    pub is_materialized: bool,
    /// Types it needs, made when they do not exist, and the statements for that.
    pub enums: Vec<EnumType>,
    pub types: Vec<String>,
    pub create: Guarded,
    pub indexes: Vec<String>,
    /// From IRIS's descriptions.
    pub comments: Vec<(CommentTarget, String)>,
    /// Name, and the clause behind ADD.
    pub foreign_keys: Vec<(String, String)>,
    /// Of a view: folded names its text mentions, its dependencies among them.
    pub mentions: Vec<String>,
}

impl Relation {
    pub(super) fn table(names: &Names<'_>, raw: &RawTable, used: &mut UsedNames) -> Self {
        let (schema, name) = (names.schema(&raw.schema), names.table(raw));
        let mut relation = Self::empty(raw, schema, name);
        let mut full = Vec::with_capacity(raw.columns.len());
        let mut plain = Vec::with_capacity(raw.columns.len());
        let rules = raw.rules(&relation.name);
        for column in raw.shown() {
            let definition = Definition::of(raw, column, &rules);
            if let Some(declared) = &definition.enum_type {
                relation.types.push(create_type(declared));
                relation.enums.push(declared.clone());
            }
            full.push(definition.full);
            plain.push(definition.plain);
            if let Some(comment) = column.description.as_deref().filter(|text| !text.is_empty() && !is_note(text)) {
                let name = column_name(raw, column);
                let target = CommentTarget::new("COLUMN", &[&relation.schema, &relation.name, &name]);
                relation.comments.push((target, comment.to_owned()));
            }
        }
        let spelled = |name: &str| if raw.is_ours() { name.to_owned() } else { name.to_lowercase() };
        for key in raw.keys.iter().filter(|key| matches!(key.kind.as_str(), "PRIMARY KEY" | "UNIQUE")) {
            let Some(columns) = column_names(raw, &key.columns) else { continue };
            let name = used.free(&relation.schema, &relation.name, &spelled(&key.name));
            let columns = identifiers(columns.iter().map(String::as_str));
            let clause = format!("CONSTRAINT {} {} ({columns})", quoted_name(&name), key.kind);
            full.push(clause.clone());
            plain.push(clause);
        }
        for check in &rules.checks {
            let clause = format!("CONSTRAINT {} CHECK ({})", quoted_name(&check.name), check.expression);
            if check.is_validated {
                full.push(clause);
            } else {
                relation.indexes.push(format!("ALTER TABLE {} ADD {clause} NOT VALID", relation.qualified()));
            }
        }
        let create = |parts: &[String]| format!("CREATE TABLE {} ({})", relation.qualified(), parts.join(", "));
        let (full, plain) = (create(&full), create(&plain));
        let otherwise = (full != plain).then_some(plain);
        relation.create = Guarded { sql: full, otherwise };
        for index in &raw.indexes {
            let is_constraint = raw.is_primary(index) || raw.keys.iter().any(|key| key.name == index.name);
            let columns = column_names(raw, &index.columns);
            let (false, Some(columns)) = (is_constraint, columns) else { continue };
            let name = used.free(&relation.schema, &relation.name, &spelled(&index.name));
            relation.indexes.push(relation.index(&name, index, &columns, raw));
        }
        for key in &rules.keys {
            let name = quoted_name(&used.free(&relation.schema, &relation.name, &key.name));
            let (table, definition) = (relation.qualified(), &key.definition);
            relation.indexes.push(match key.is_constraint {
                true => format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"),
                false => format!("CREATE UNIQUE INDEX {name} ON {table} {definition}"),
            });
        }
        if let Some(comment) = raw.description.as_deref().filter(|text| !text.is_empty() && !is_note(text)) {
            let target = CommentTarget::new("TABLE", &[&relation.schema, &relation.name]);
            relation.comments.insert(0, (target, comment.to_owned()));
        }
        for key in raw.keys.iter().filter(|key| key.kind == "FOREIGN KEY") {
            relation.foreign_keys.extend(foreign_key(names, raw, key, &spelled(&key.name)));
        }
        relation
    }

    pub(super) fn view(names: &Names<'_>, raw: &RawTable) -> Self {
        let (schema, name) = (names.schema(&raw.schema), names.table(raw));
        let mut relation = Self::empty(raw, schema, name);
        let columns: Vec<(String, String)> = raw
            .columns
            .iter()
            .map(|column| (column_name(raw, column), type_name(declared_type(column).pg_type())))
            .collect();
        let (create, mentions) =
            super::view::create(&relation.qualified(), &columns, raw.view.as_deref(), names.default_schema);
        relation.create = create;
        relation.mentions = mentions;
        if let Some(comment) = raw.description.as_deref().filter(|text| !text.is_empty() && !is_note(text)) {
            let target = CommentTarget::new("VIEW", &[&relation.schema, &relation.name]);
            relation.comments.push((target, comment.to_owned()));
        }
        relation
    }

    /// A materialized view, of its table and of the view that has its query.
    pub(super) fn materialized(names: &Names<'_>, raw: &RawTable, query: &RawTable, used: &mut UsedNames) -> Self {
        let table = Self::table(names, raw, used);
        let columns: Vec<(String, String)> =
            raw.shown().map(|column| (column_name(raw, column), type_name(declared_type(column).pg_type()))).collect();
        let (view, mentions) =
            super::view::create(&table.qualified(), &columns, query.view.as_deref(), names.default_schema);
        let made = |sql: String| sql.replacen("CREATE VIEW ", "CREATE MATERIALIZED VIEW ", 1);
        let create = Guarded { sql: made(view.sql), otherwise: view.otherwise.map(made) };
        let if_missing = |sql: String| match sql.split_once("INDEX ") {
            Some((start, rest)) if sql.starts_with("CREATE ") => format!("{start}INDEX IF NOT EXISTS {rest}"),
            _ => sql,
        };
        Self {
            is_view: true,
            is_materialized: true,
            create,
            mentions,
            indexes: table.indexes.into_iter().map(if_missing).collect(),
            ..table
        }
    }

    fn empty(raw: &RawTable, schema: String, name: String) -> Self {
        Self {
            iris_schema: raw.schema.clone(),
            iris_name: raw.name.clone(),
            schema,
            name,
            is_view: raw.is_view,
            is_materialized: false,
            enums: Vec::new(),
            types: Vec::new(),
            create: Guarded::default(),
            indexes: Vec::new(),
            comments: Vec::new(),
            foreign_keys: Vec::new(),
            mentions: Vec::new(),
        }
    }

    pub(super) fn qualified(&self) -> String {
        qualified(&self.schema, &self.name)
    }

    fn index(&self, name: &str, index: &RawIndex, columns: &[String], raw: &RawTable) -> String {
        let (name, table) = (quoted_name(name), self.qualified());
        let list = identifiers(columns.iter().map(String::as_str));
        if let Some(hnsw) = &index.hnsw {
            let (class, options) = (hnsw.operator_class, hnsw.options());
            return format!("CREATE INDEX {name} ON {table} USING hnsw ({list} {class}){options}");
        }
        let unique = if index.unique { "UNIQUE " } else { "" };
        let include = match column_names(raw, &index.data) {
            Some(data) if !data.is_empty() => format!(" INCLUDE ({})", identifiers(data.iter().map(String::as_str))),
            _ => String::new(),
        };
        format!("CREATE {unique}INDEX {name} ON {table} ({list}){include}")
    }

    pub(super) fn drop_statement(&self) -> String {
        let kind = match (self.is_materialized, self.is_view) {
            (true, _) => "MATERIALIZED VIEW",
            (false, true) => "VIEW",
            (false, false) => "TABLE",
        };
        format!("DROP {kind} IF EXISTS {} CASCADE", self.qualified())
    }
}

fn foreign_key(names: &Names<'_>, raw: &RawTable, key: &RawKey, name: &str) -> Option<(String, String)> {
    let parent = names.find(&key.parent.0, &key.parent.1)?;
    let columns = column_names(raw, &key.columns)?;
    let parent_columns = column_names(parent, &key.parent_columns)?;
    let mut clause = format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {}",
        quoted_name(name),
        identifiers(columns.iter().map(String::as_str)),
        qualified(&names.schema(&parent.schema), &names.table(parent)),
    );
    if !parent_columns.is_empty() {
        clause.push_str(&format!(" ({})", identifiers(parent_columns.iter().map(String::as_str))));
    }
    for (event, rule) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
        if let Some(rule) = rule {
            clause.push_str(&format!(" ON {event} {rule}"));
        }
    }
    Some((name.to_owned(), clause))
}

fn enum_name(declared: &EnumType) -> String {
    qualified(declared.schema.as_deref().unwrap_or("public"), &declared.name)
}

/// The type may exist by then, from another column or by the client's own words.
fn create_type(declared: &EnumType) -> String {
    let name = enum_name(declared);
    let labels = declared.labels.iter().map(|label| quoted_text(label)).collect::<Vec<_>>().join(", ");
    let create = quoted_text(&format!("CREATE TYPE {name} AS ENUM ({labels})"));
    do_block(&format!("IF to_regtype({}) IS NULL THEN EXECUTE {create}; END IF;", quoted_text(&name)))
}

/// The type by the description while it fits what IRIS says, else by what IRIS says.
fn declared_type(column: &RawColumn) -> DeclaredType {
    let note = column.description.as_deref().and_then(parse_column_note);
    let fits = |declared: &DeclaredType| match declared {
        DeclaredType::Enum(_) => column.iris.fits_text(),
        DeclaredType::Named(named) => named.base.map_or(column.iris.fits_text(), |base| column.iris.fits(base)),
        DeclaredType::Serial(pg_type) => column.identity && column.iris.fits(*pg_type),
        DeclaredType::Plain(pg_type) => column.iris.fits(*pg_type),
    };
    if let Some(note) = note.filter(|note| fits(&note.declared)) {
        return note.declared;
    }
    DeclaredType::Plain(match (column.is_vector, column.vector_length) {
        (true, length) => PgType { oid: Oid::VECTOR, typmod: length.filter(|n| *n > 0).unwrap_or(-1) },
        (false, _) => column.iris.pg_type(),
    })
}

/// A column's definition.
struct Definition {
    full: String,
    /// Without what PostgreSQL might refuse.
    plain: String,
    enum_type: Option<EnumType>,
}

impl Definition {
    fn of(table: &RawTable, column: &RawColumn, rules: &Rules) -> Self {
        let declared = declared_type(column);
        let pg_type = declared.pg_type();
        let default = IrisDefault::read(column.default.as_deref());
        let note = column.description.as_deref().and_then(parse_column_note).filter(|note| note.declared == declared);
        let (mut described, mut clauses) = (None, String::new());
        let mut generated = None;
        for (kind, clause) in note.iter().flat_map(|note| note.clause_list()) {
            match kind {
                ClauseKind::Default if still_true(&clause, &default) => described = Some(clause),
                ClauseKind::Default => {}
                // One that IRIS does not count takes values of a sequence.
                ClauseKind::Generated if column.identity || clause.contains("(SEQUENCE NAME ") => {
                    generated = Some(clause);
                }
                ClauseKind::Generated => {}
                // Rules, which may have changed since.
                ClauseKind::Check | ClauseKind::Stored => {}
                ClauseKind::Other => clauses = format!("{clauses} {clause}"),
            }
        }
        if let Some(rule) = rules.generated(&column.name) {
            clauses = format!("{clauses} GENERATED ALWAYS AS ({}) STORED", rule.expression);
        }
        let name = quoted_name(&column_name(table, column));
        let (type_text, base, enum_type) = match declared {
            DeclaredType::Plain(pg_type) => (type_name(pg_type), type_name(pg_type), None),
            DeclaredType::Serial(pg_type) => {
                let serial = match pg_type.oid {
                    Oid::INT2 => "smallserial",
                    Oid::INT8 => "bigserial",
                    _ => "serial",
                };
                (serial.to_owned(), serial.to_owned(), None)
            }
            DeclaredType::Enum(declared) => (enum_name(&declared), "text".to_owned(), Some(declared)),
            DeclaredType::Named(named) => {
                (named.quoted(), type_name(named.base.unwrap_or(PgType::new(Oid::TEXT))), None)
            }
        };
        let is_serial = type_text.ends_with("serial");
        let mut tail = String::new();
        if !column.nullable && !is_serial {
            tail.push_str(" NOT NULL");
        }
        let is_integer = matches!(pg_type.oid, Oid::INT2 | Oid::INT4 | Oid::INT8);
        if (column.identity || generated.is_some()) && !is_serial && is_integer {
            let way = if column.is_always { "ALWAYS" } else { "BY DEFAULT" };
            let clause = generated.unwrap_or_else(|| format!("GENERATED {way} AS IDENTITY"));
            tail = format!("{tail} {clause}");
        }
        let plain_default = (!column.identity && enum_type.is_none())
            .then(|| default.pg_text(pg_type))
            .flatten()
            .map(|value| format!(" DEFAULT {value}"));
        let risky = default.is_risky(pg_type) && !default.is_computed();
        let full_default = match (described, enum_type.is_some()) {
            (Some(clause), _) => format!(" {clause}"),
            (None, true) => default.pg_text(pg_type).map(|value| format!(" DEFAULT {value}")).unwrap_or_default(),
            (None, false) => plain_default.clone().unwrap_or_default(),
        };
        let plain_default = if risky { String::new() } else { plain_default.unwrap_or_default() };
        Self {
            full: format!("{name} {type_text}{clauses}{tail}{full_default}"),
            plain: format!("{name} {base}{tail}{plain_default}"),
            enum_type,
        }
    }
}

/// The default that a column's description tells, without its first word, where it is still true.
pub(in crate::catalog) fn default_clause(note: &ColumnNote, default: &IrisDefault) -> Option<String> {
    let clauses = note.clause_list().into_iter();
    let mut told = clauses.filter(|(kind, clause)| *kind == ClauseKind::Default && still_true(clause, default));
    told.next().and_then(|(_, clause)| clause.get("DEFAULT".len()..).map(|text| text.trim().to_owned()))
}

/// ALTER COLUMN .. SET DEFAULT changes what IRIS has and leaves the description.
fn still_true(clause: &str, default: &IrisDefault) -> bool {
    match default {
        IrisDefault::None => {
            let clause = clause.to_ascii_lowercase();
            clause.starts_with("default null") || clause.starts_with("default nextval(")
        }
        IrisDefault::Computed(words) => {
            let clause = clause.to_ascii_lowercase();
            let value = clause.trim_start_matches("default").trim_start();
            let is_constant = value.starts_with(|c: char| c.is_ascii_digit() || "'+-".contains(c))
                || ["e'", "true", "false", "null"].iter().any(|constant| value.starts_with(constant));
            !is_constant && value.contains("uuid") == (*words == Some(RANDOM_UUID))
        }
        IrisDefault::Text(value) if value == "{}" && clause.to_ascii_uppercase().contains("ARRAY") => true,
        IrisDefault::Text(value) | IrisDefault::Number(value) => clause.replace("''", "'").contains(value.as_str()),
    }
}
