//! Reading everything: one query after the other, each in pages.

use std::collections::HashMap;
use std::rc::Rc;

use crate::bridge::to_pg;
use crate::iris::{
    IrisError, IrisStatement, Item, ItemReader, ParameterKind, Reply, Request, StatementMetadata, put_text,
};
use crate::sql::{PUT_ASIDE_PREFIX, is_temporary_schema};
use crate::wire::{PgError, SqlState};

use super::super::iris_column::IrisColumnType;
use super::MirrorOptions;
use super::model::{RawColumn, RawHnsw, RawIndex, RawKey, RawTable};
use super::snapshot::MirrorSnapshot;

/// Keys of these statements: far from those a shard counts up from 1.
const KEY_FIRST: u64 = 1 << 63;

/// Beyond these the schema is not one a person works with, and the mirror would take more memory than it is worth.
const RELATIONS_MAX: usize = 100_000;
const COLUMNS_MAX: usize = 2_000_000;

/// What is read, in this order. A stage that has several texts tries the next when IRIS refuses one: columns of the
/// class dictionary differ between versions, and an account may not be allowed to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Tables,
    Columns,
    Indexes,
    Keys,
    Rules,
    Views,
    Hnsw,
    Vectors,
}

const STAGES: [Stage; 8] = [
    Stage::Tables,
    Stage::Columns,
    Stage::Indexes,
    Stage::Keys,
    Stage::Rules,
    Stage::Views,
    Stage::Hnsw,
    Stage::Vectors,
];

impl Stage {
    /// `{filter}` stands for the condition on the schema, which is the column in front of it.
    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Tables => {
                &["SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, CLASSNAME, DESCRIPTION FROM INFORMATION_SCHEMA.TABLES \
                 WHERE {TABLE_SCHEMA} ORDER BY TABLE_SCHEMA, TABLE_NAME"]
            }
            Self::Columns => &["SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
                 NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE, IS_IDENTITY, IDENTITY_GENERATION, COLUMN_DEFAULT, \
                 DESCRIPTION FROM INFORMATION_SCHEMA.COLUMNS WHERE {TABLE_SCHEMA} \
                 ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"],
            Self::Indexes => {
                &["SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, PRIMARY_KEY, DATA_FIELDS \
                 FROM INFORMATION_SCHEMA.INDEXES WHERE {TABLE_SCHEMA} \
                 ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, ORDINAL_POSITION"]
            }
            Self::Keys => &["SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE, COLUMN_NAME, \
                 REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME \
                 FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE WHERE {TABLE_SCHEMA} \
                 ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"],
            Self::Rules => {
                &["SELECT CONSTRAINT_SCHEMA, CONSTRAINT_TABLE_NAME, CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE \
                 FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS WHERE {CONSTRAINT_SCHEMA} \
                 ORDER BY CONSTRAINT_SCHEMA, CONSTRAINT_TABLE_NAME"]
            }
            Self::Views => &["SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM INFORMATION_SCHEMA.VIEWS \
                 WHERE {TABLE_SCHEMA} ORDER BY TABLE_SCHEMA, TABLE_NAME"],
            Self::Hnsw => &[
                "SELECT parent, SqlName, Name, Parameters FROM %Dictionary.CompiledIndex \
                 WHERE TypeClass = '%SQL.Index.HNSW'",
                "SELECT parent, SqlName, Name, NULL FROM %Dictionary.CompiledIndex \
                 WHERE TypeClass = '%SQL.Index.HNSW'",
                "SELECT parent, NULL, Name, NULL FROM %Dictionary.CompiledIndex WHERE TypeClass = '%SQL.Index.HNSW'",
            ],
            Self::Vectors => &[
                "SELECT parent, SqlFieldName, Name, Parameters FROM %Dictionary.CompiledProperty \
                 WHERE Type = '%Library.Vector'",
                "SELECT parent, SqlFieldName, Name, NULL FROM %Dictionary.CompiledProperty \
                 WHERE Type = '%Library.Vector'",
            ],
        }
    }

    /// Without this there is no mirror; the others only add to it.
    fn is_needed(self) -> bool {
        matches!(self, Self::Tables | Self::Columns)
    }
}

/// What to do next.
#[derive(Debug)]
pub enum MirrorStep {
    Submit(Request),
    Done(MirrorSnapshot),
}

/// The whole schema being read.
#[derive(Debug)]
pub struct MirrorLoad {
    options: MirrorOptions,
    stage: usize,
    /// Which of the stage's texts is being tried.
    variant: usize,
    statement: Option<Rc<IrisStatement>>,
    tables: Vec<RawTable>,
    /// Folded schema and name.
    places: HashMap<(String, String), usize>,
    classes: HashMap<String, usize>,
    columns_count: usize,
}

impl MirrorLoad {
    pub fn new(options: &MirrorOptions) -> Self {
        Self {
            options: options.clone(),
            stage: 0,
            variant: 0,
            statement: None,
            tables: Vec::new(),
            places: HashMap::new(),
            classes: HashMap::new(),
            columns_count: 0,
        }
    }

    /// Begins, or begins again from nothing: on another connection, say.
    pub fn start(&mut self) -> Request {
        *self = Self::new(&self.options);
        self.request()
    }

    /// # Errors
    /// IRIS's own when it refuses the tables or the columns; 54000 when there are too many; XX000 for an answer that is
    /// not rows.
    pub fn on_reply(&mut self, reply: Reply<'_>) -> Result<MirrorStep, Box<PgError>> {
        match reply {
            Reply::Page { metadata, rows, end } => {
                self.page(&metadata, rows)?;
                match (&self.statement, end) {
                    (Some(statement), false) => {
                        Ok(MirrorStep::Submit(Request::Fetch { statement: Rc::clone(statement) }))
                    }
                    _ => Ok(self.next_stage()),
                }
            }
            Reply::Failed { error, .. } => self.refused(&error),
            _ => Err(PgError::error(SqlState::INTERNAL_ERROR, "IRIS answered a catalog query without rows")),
        }
    }

    fn refused(&mut self, error: &IrisError) -> Result<MirrorStep, Box<PgError>> {
        let Some(stage) = self.current() else { return Err(to_pg(error)) };
        self.variant = self.variant.saturating_add(1);
        if self.variant < stage.texts().len() {
            return Ok(MirrorStep::Submit(self.request()));
        }
        if stage.is_needed() { Err(to_pg(error)) } else { Ok(self.next_stage()) }
    }

    fn next_stage(&mut self) -> MirrorStep {
        self.stage = self.stage.saturating_add(1);
        self.variant = 0;
        if self.current().is_some() {
            return MirrorStep::Submit(self.request());
        }
        self.places.clear();
        self.classes.clear();
        let tables = std::mem::take(&mut self.tables);
        MirrorStep::Done(MirrorSnapshot::new(&tables, &self.options.default_schema))
    }

    fn current(&self) -> Option<Stage> {
        STAGES.get(self.stage).copied()
    }

    fn request(&mut self) -> Request {
        let text = self.current().and_then(|stage| stage.texts().get(self.variant).copied()).unwrap_or_default();
        let (text, values) = self.filtered(text);
        let key = KEY_FIRST | u64::try_from(self.stage.saturating_mul(8).saturating_add(self.variant)).unwrap_or(0);
        let kinds = vec![ParameterKind::User; values.len()];
        let statement = Rc::new(IrisStatement { key, text, kinds, is_query: true });
        self.statement = Some(Rc::clone(&statement));
        let mut items = Vec::new();
        for value in &values {
            put_text(&mut items, value);
        }
        Request::Execute {
            statement,
            values: items,
            values_per_set: values.len(),
            sets: 1,
            rows_max: 0,
            in_transaction: false,
        }
    }

    /// The text with its condition on schemas, and the condition's values.
    fn filtered(&self, text: &str) -> (String, Vec<String>) {
        let Some((before, (column, after))) =
            text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        else {
            return (text.to_owned(), Vec::new());
        };
        match &self.options.schemas {
            Some(schemas) if !schemas.is_empty() => {
                let values: Vec<String> = schemas
                    .iter()
                    .map(|name| if name == "public" { self.options.default_schema.clone() } else { name.clone() })
                    .collect();
                let marks: Vec<String> = (1..=values.len()).map(|n| format!(":%qpar({n})")).collect();
                (format!("{before}{column} IN ({}){after}", marks.join(", ")), values)
            }
            // IRIS's own schemas begin with a percent sign.
            _ => {
                let own = format!("NOT ({column} %STARTSWITH '%') AND {column} <> 'INFORMATION_SCHEMA'");
                (format!("{before}{own}{after}"), Vec::new())
            }
        }
    }

    fn page(&mut self, metadata: &StatementMetadata, rows: &[u8]) -> Result<(), Box<PgError>> {
        let Some(stage) = self.current() else { return Ok(()) };
        let columns = metadata.columns.len();
        let mut reader = ItemReader::new(rows);
        while !reader.is_empty() && columns > 0 {
            let mut row = Vec::with_capacity(columns.min(16));
            for _ in 0..columns {
                let item = reader.need("catalog cell").map_err(|error| {
                    PgError::error(SqlState::INTERNAL_ERROR, format!("IRIS sent rows that cannot be read: {error}"))
                })?;
                row.push(match &item {
                    Item::Null => None,
                    item => item.to_text(),
                });
            }
            self.row(stage, Row(row.into_iter()))?;
        }
        Ok(())
    }

    fn row(&mut self, stage: Stage, mut row: Row) -> Result<(), Box<PgError>> {
        let (Some(first), second) = (row.next(), row.next()) else { return Ok(()) };
        if stage == Stage::Tables {
            return self.table(first, second, row);
        }
        let found = match stage {
            Stage::Hnsw | Stage::Vectors => self.classes.get(&first.to_lowercase()),
            _ => {
                let key = (first.to_lowercase(), second.as_deref().unwrap_or_default().to_lowercase());
                self.places.get(&key)
            }
        };
        let Some(table) = found.and_then(|at| self.tables.get_mut(*at)) else { return Ok(()) };
        match stage {
            Stage::Tables => {}
            Stage::Columns => {
                self.columns_count = self.columns_count.saturating_add(1);
                if self.columns_count > COLUMNS_MAX {
                    return Err(too_many("columns", COLUMNS_MAX));
                }
                table.columns.extend(row.column());
            }
            Stage::Indexes => row.index(&mut table.indexes),
            Stage::Keys => row.key(&mut table.keys),
            Stage::Rules => row.rules(&mut table.keys),
            Stage::Views => table.view = row.next(),
            Stage::Hnsw => {
                let name = second.or_else(|| row.next()).unwrap_or_default();
                let parameters = row.last();
                if let Some(index) = table.indexes.iter_mut().find(|index| index.name.eq_ignore_ascii_case(&name)) {
                    index.hnsw = Some(RawHnsw::read(parameters.as_deref()));
                }
            }
            Stage::Vectors => {
                let name = second.or_else(|| row.next()).unwrap_or_default();
                let parameters = row.last();
                if let Some(column) = table.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&name)) {
                    column.is_vector = true;
                    column.vector_length = parameter(parameters.as_deref(), "LEN").and_then(|n| n.parse().ok());
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, schema: String, name: Option<String>, mut row: Row) -> Result<(), Box<PgError>> {
        let Some(name) = name else { return Ok(()) };
        let kind = row.next().unwrap_or_default();
        if kind == "SYSTEM TABLE" || schema.starts_with('%') || schema.eq_ignore_ascii_case("INFORMATION_SCHEMA") {
            return Ok(());
        }
        // They are their sessions' to tell.
        if is_temporary_schema(&schema) || name.to_lowercase().starts_with(PUT_ASIDE_PREFIX) {
            return Ok(());
        }
        let own = [&self.options.side_table, &self.options.sequence_table];
        let types = self.options.sequence_table.as_ref().map(|table| table.beside("types"));
        if own.into_iter().flatten().any(|table| table.is(&schema, &name))
            || types.is_some_and(|table| table.is(&schema, &name))
        {
            return Ok(());
        }
        if self.tables.len() >= RELATIONS_MAX {
            return Err(too_many("tables", RELATIONS_MAX));
        }
        let at = self.tables.len();
        self.places.insert((schema.to_lowercase(), name.to_lowercase()), at);
        if let Some(class) = row.next() {
            self.classes.insert(class.to_lowercase(), at);
        }
        let is_view = kind == "VIEW";
        self.tables.push(RawTable { schema, name, is_view, description: row.next(), ..RawTable::default() });
        Ok(())
    }
}

fn too_many(what: &str, max: usize) -> Box<PgError> {
    PgError::error(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("IRIS has more than {max} {what} to mirror"))
        .hint("Name the schemas to mirror in the configuration: catalog.schemas.")
}

/// The value of `name` in `NAME=value` pairs with commas between.
pub(in crate::catalog) fn parameter<'a>(parameters: Option<&'a str>, name: &str) -> Option<&'a str> {
    parameters?
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches(['"', '\''])))
}

/// The cells of a row, from the left.
struct Row(std::vec::IntoIter<Option<String>>);

impl Row {
    fn next(&mut self) -> Option<String> {
        self.0.next().flatten()
    }

    fn last(&mut self) -> Option<String> {
        self.0.by_ref().last().flatten()
    }

    fn number(&mut self) -> Option<i32> {
        self.next().and_then(|text| text.trim().parse().ok())
    }

    /// The views say YES, 1 or `1` depending on the column and the version.
    fn is_true(&mut self) -> bool {
        self.next().is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("yes"))
    }

    fn column(&mut self) -> Option<RawColumn> {
        Some(RawColumn {
            name: self.next()?,
            iris: IrisColumnType {
                data_type: self.next().unwrap_or_default(),
                length: self.number(),
                precision: self.number(),
                scale: self.number(),
            },
            nullable: self.is_true(),
            identity: self.is_true(),
            is_always: self.next().is_some_and(|text| text.eq_ignore_ascii_case("ALWAYS")),
            default: self.next(),
            description: self.next(),
            is_vector: false,
            vector_length: None,
        })
    }

    fn index(&mut self, indexes: &mut Vec<RawIndex>) {
        let (Some(name), Some(column)) = (self.next(), self.next()) else { return };
        match indexes.last_mut() {
            Some(index) if index.name == name => index.columns.push(column),
            _ => indexes.push(RawIndex {
                name,
                columns: vec![column],
                unique: !self.is_true(),
                primary: self.is_true(),
                data: self
                    .next()
                    .map(|text| text.split(',').map(|name| name.trim().to_owned()).collect())
                    .unwrap_or_default(),
                hnsw: None,
            }),
        }
    }

    fn key(&mut self, keys: &mut Vec<RawKey>) {
        let (Some(name), Some(kind), Some(column)) = (self.next(), self.next(), self.next()) else { return };
        let parent = (self.next().unwrap_or_default(), self.next().unwrap_or_default());
        let parent_column = self.next();
        let key = match keys.last_mut() {
            Some(key) if key.name == name => key,
            _ => {
                keys.push(RawKey { name, kind, parent, ..RawKey::default() });
                let Some(key) = keys.last_mut() else { return };
                key
            }
        };
        key.columns.push(column);
        key.parent_columns.extend(parent_column);
    }

    fn rules(&mut self, keys: &mut [RawKey]) {
        let (Some(name), update, delete) = (self.next(), self.next(), self.next()) else { return };
        if let Some(key) = keys.iter_mut().find(|key| key.name == name) {
            key.on_update = rule(update.as_deref());
            key.on_delete = rule(delete.as_deref());
        }
    }
}

/// In words or in IRIS's codes; `None` = NO ACTION.
fn rule(text: Option<&str>) -> Option<&'static str> {
    match text?.to_ascii_uppercase().as_str() {
        "CASCADE" | "0" => Some("CASCADE"),
        "RESTRICT" | "1" => Some("RESTRICT"),
        "SET NULL" | "2" => Some("SET NULL"),
        "SET DEFAULT" | "4" => Some("SET DEFAULT"),
        _ => None,
    }
}
