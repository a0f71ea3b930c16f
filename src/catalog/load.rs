//! Reading one table, or the views on one, from IRIS INFORMATION_SCHEMA, sans IO: three queries, three pages; a fourth for what
//! has no keys and may be a view.

mod column;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::iris::{IrisStatement, Item, ItemReader, ListError, ParameterKind, Request, StatementMetadata};
use crate::sql::{
    DeclaredType, MATERIALIZED_NOTE, Named, NamedFacts, Need, RelationName, RuleNotes, TableFacts, VectorElement,
    ViewFacts, is_hidden, is_note, parse_view_columns, parse_view_note,
};
use crate::types::{Oid, PgType};

use super::TableCache;
use column::{ReadColumn, column, is_true};

const COLUMNS: &str = "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, \
    IS_NULLABLE, IS_IDENTITY, COLUMN_DEFAULT, DESCRIPTION FROM INFORMATION_SCHEMA.COLUMNS \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2) ORDER BY ORDINAL_POSITION";

const ORIGIN: &str = "SELECT DESCRIPTION, TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)";

/// With the columns by which the table refers to itself, in each row: there is a key then that they refer to.
const KEYS: &str = "SELECT INDEX_NAME, COLUMN_NAME, PRIMARY_KEY, \
    (SELECT LIST(k.COLUMN_NAME) FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE k \
    WHERE k.TABLE_SCHEMA = :%qpar(1) AND k.TABLE_NAME = :%qpar(2) \
    AND k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA AND k.REFERENCED_TABLE_NAME = k.TABLE_NAME) AS OWN \
    FROM INFORMATION_SCHEMA.INDEXES \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2) AND NON_UNIQUE = 0 \
    ORDER BY INDEX_NAME, ORDINAL_POSITION";

const SPELLING: &str = "SELECT TABLE_NAME, DESCRIPTION, TABLE_SCHEMA FROM INFORMATION_SCHEMA.TABLES \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)";

const DEFINITION: &str = "SELECT VIEW_DEFINITION, CHECK_OPTION FROM INFORMATION_SCHEMA.VIEWS \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)";

const READERS: &str = "SELECT VIEW_SCHEMA, VIEW_NAME FROM INFORMATION_SCHEMA.VIEW_TABLE_USAGE \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)";

const REFERRERS: &str = "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_TABLE_NAME, CONSTRAINT_NAME \
    FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS \
    WHERE UNIQUE_CONSTRAINT_SCHEMA = :%qpar(1) AND UNIQUE_CONSTRAINT_TABLE = :%qpar(2)";

const CONSTRAINTS: &str = "SELECT CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)";

const SCHEMAS: &str = "SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = :%qpar(1)";

/// Which of its relations the gateway made.
const SCHEMA_RELATIONS: &str = "SELECT t.DESCRIPTION, v.VIEW_DEFINITION FROM INFORMATION_SCHEMA.TABLES t \
    LEFT JOIN INFORMATION_SCHEMA.VIEWS v ON v.TABLE_SCHEMA = t.TABLE_SCHEMA AND v.TABLE_NAME = t.TABLE_NAME \
    WHERE t.TABLE_SCHEMA = :%qpar(1)";

const INDEXES: &str = "SELECT i.INDEX_NAME, i.TABLE_SCHEMA, i.TABLE_NAME, t.DESCRIPTION FROM INFORMATION_SCHEMA.INDEXES i \
    LEFT JOIN INFORMATION_SCHEMA.TABLES t ON t.TABLE_SCHEMA = i.TABLE_SCHEMA AND t.TABLE_NAME = i.TABLE_NAME \
    WHERE i.INDEX_NAME = :%qpar(1) AND i.ORDINAL_POSITION = 1";

/// Vectors, which the views show as text, and what they are made of. An account may not be allowed to read the class
/// dictionary, and its columns differ between versions: what is refused leaves the columns what the views say.
const VECTORS: &str = "SELECT SqlFieldName, Name, Parameters FROM %Dictionary.CompiledProperty \
    WHERE parent = (SELECT CLASSNAME FROM INFORMATION_SCHEMA.TABLES \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)) AND Type = '%Library.Vector'";

const VECTORS_ALONE: &str = "SELECT SqlFieldName, Name, NULL FROM %Dictionary.CompiledProperty \
    WHERE parent = (SELECT CLASSNAME FROM INFORMATION_SCHEMA.TABLES \
    WHERE TABLE_SCHEMA = :%qpar(1) AND TABLE_NAME = :%qpar(2)) AND Type = '%Library.Vector'";

/// The statements of a shard; their keys are the first of its counter.
#[derive(Debug)]
pub(crate) struct TableQueries {
    columns: Rc<IrisStatement>,
    origin: Rc<IrisStatement>,
    keys: Rc<IrisStatement>,
    spelling: Rc<IrisStatement>,
    definition: Rc<IrisStatement>,
    readers: Rc<IrisStatement>,
    referrers: Rc<IrisStatement>,
    vectors: Rc<IrisStatement>,
    vectors_alone: Rc<IrisStatement>,
    constraints: Rc<IrisStatement>,
    schemas: Rc<IrisStatement>,
    schema_relations: Rc<IrisStatement>,
    indexes: Rc<IrisStatement>,
}

impl TableQueries {
    /// How many statement keys they take.
    pub(crate) const COUNT: u64 = 13;

    /// `COUNT` statement keys from `key` on must not be used by anybody else of the shard.
    pub(crate) fn new(key: u64) -> Self {
        let with = |key, text: &str, count| {
            let kinds = vec![ParameterKind::User; count];
            Rc::new(IrisStatement { key, text: text.to_owned(), kinds, is_query: true })
        };
        let statement = |key, text: &str| with(key, text, 2);
        let by_name = |key, text: &str| with(key, text, 1);
        Self {
            columns: statement(key, COLUMNS),
            origin: statement(key.wrapping_add(7), ORIGIN),
            keys: statement(key.wrapping_add(1), KEYS),
            definition: statement(key.wrapping_add(2), DEFINITION),
            readers: statement(key.wrapping_add(3), READERS),
            referrers: statement(key.wrapping_add(4), REFERRERS),
            vectors: statement(key.wrapping_add(5), VECTORS),
            vectors_alone: statement(key.wrapping_add(6), VECTORS_ALONE),
            spelling: statement(key.wrapping_add(8), SPELLING),
            constraints: statement(key.wrapping_add(9), CONSTRAINTS),
            schemas: by_name(key.wrapping_add(10), SCHEMAS),
            schema_relations: by_name(key.wrapping_add(11), SCHEMA_RELATIONS),
            indexes: by_name(key.wrapping_add(12), INDEXES),
        }
    }

    fn of(&self, stage: Stage) -> &Rc<IrisStatement> {
        match stage {
            Stage::Columns => &self.columns,
            Stage::Origin => &self.origin,
            Stage::Keys => &self.keys,
            Stage::Spelling => &self.spelling,
            Stage::Definition | Stage::ViewColumns => &self.definition,
            Stage::Readers => &self.readers,
            Stage::Referrers => &self.referrers,
            Stage::Constraints => &self.constraints,
            Stage::Schemas => &self.schemas,
            Stage::SchemaRelations => &self.schema_relations,
            Stage::Indexes => &self.indexes,
            Stage::Vectors => &self.vectors,
            Stage::VectorsAlone => &self.vectors_alone,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Columns,
    /// Who made a table whose columns do not tell, and its rules.
    Origin,
    Keys,
    /// The query of a view, with the types of its columns.
    ViewColumns,
    /// Of the views on a relation: first what it is called itself, and its own query.
    Spelling,
    Definition,
    Readers,
    Referrers,
    Constraints,
    /// What has a name.
    Schemas,
    SchemaRelations,
    Indexes,
    /// Of a table that IRIS made itself and that has columns that look like text.
    Vectors,
    VectorsAlone,
}

/// One table, or the views on one, being read.
#[derive(Debug)]
pub(crate) struct TableLoad {
    name: RelationName,
    stage: Stage,
    /// A column says that the gateway made it.
    is_noted: bool,
    facts: TableFacts,
    notes: RuleNotes,
    views: ViewFacts,
    named: Vec<NamedFacts>,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum LoadStep {
    Submit(Request),
    /// The cache knows the table, or knows that there is none.
    Done,
}

impl TableLoad {
    pub(crate) fn new(need: Need, cache: &TableCache) -> Self {
        let (name, stage) = match need {
            Need::Table(name) => (name, Stage::Columns),
            Need::Views(name) => (name, Stage::Spelling),
            Need::Names(Named::Schema, name) => (RelationName { schema: None, name }, Stage::Schemas),
            Need::Names(Named::Index, name) => (RelationName { schema: None, name }, Stage::Indexes),
        };
        let facts = TableFacts {
            schema: cache.iris_schema(&name).to_owned(),
            name: name.name.clone(),
            ..TableFacts::default()
        };
        Self {
            name,
            stage,
            is_noted: false,
            facts,
            notes: RuleNotes::default(),
            views: ViewFacts::default(),
            named: Vec::new(),
        }
    }

    /// The query of the present stage.
    pub(crate) fn request(&self, queries: &TableQueries, in_transaction: bool) -> Request {
        let statement = queries.of(self.stage);
        let mut values = Vec::with_capacity(64);
        if statement.kinds.len() > 1 {
            crate::iris::put_text(&mut values, &self.facts.schema);
        }
        crate::iris::put_text(&mut values, &self.facts.name);
        Request::Execute {
            statement: Rc::clone(statement),
            values,
            values_per_set: statement.kinds.len(),
            sets: 1,
            rows_max: 0,
            in_transaction,
        }
    }

    /// A page of the present query.
    ///
    /// # Errors
    /// `ListError` when the rows are not what was asked for.
    pub(crate) fn on_page(
        &mut self,
        rows: &[u8],
        end: bool,
        metadata: &StatementMetadata,
        cache: &mut TableCache,
        queries: &TableQueries,
        in_transaction: bool,
    ) -> Result<LoadStep, ListError> {
        let columns = metadata.columns.len();
        let mut reader = ItemReader::new(rows);
        while !reader.is_empty() {
            let mut row = Vec::with_capacity(columns.min(16));
            for _ in 0..columns {
                row.push(cell(&reader.need("catalog cell")?));
            }
            match self.stage {
                Stage::Columns => self.column(row),
                Stage::Origin => self.origin(row),
                Stage::Keys => self.key(row),
                Stage::ViewColumns => self.view_columns(row),
                Stage::Spelling => self.spelling(row),
                Stage::Definition => self.definition(row),
                Stage::Readers => self.reader(row),
                Stage::Referrers => self.referrer(row),
                Stage::Constraints => self.views.constraints.extend(row.into_iter().next().flatten()),
                Stage::Schemas | Stage::Indexes => self.named(row),
                Stage::SchemaRelations => self.schema_relation(&row),
                Stage::Vectors | Stage::VectorsAlone => self.vector(row),
            }
        }
        if !end {
            let statement = queries.of(self.stage);
            return Ok(LoadStep::Submit(Request::Fetch { statement: Rc::clone(statement) }));
        }
        match self.stage {
            Stage::Columns if self.facts.columns.is_empty() => {
                cache.insert(&self.name, None);
                Ok(LoadStep::Done)
            }
            Stage::Columns => {
                self.stage = Stage::Origin;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Origin => {
                self.stage = Stage::Keys;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Keys if self.facts.primary_key.is_empty() && self.facts.unique_keys.is_empty() => {
                self.stage = Stage::ViewColumns;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Keys | Stage::ViewColumns if self.facts.columns.iter().any(|column| column.folds_case) => {
                self.stage = Stage::Vectors;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Keys | Stage::ViewColumns | Stage::Vectors | Stage::VectorsAlone => {
                let facts = self.take_facts();
                cache.insert(&self.name, Some(facts));
                Ok(LoadStep::Done)
            }
            Stage::Spelling => {
                self.stage = Stage::Definition;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Definition => {
                self.stage = Stage::Readers;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Readers => {
                self.stage = Stage::Referrers;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Referrers => {
                self.stage = Stage::Constraints;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Schemas if self.named.iter().any(|named| named.name != self.name.name) => {
                self.stage = Stage::SchemaRelations;
                Ok(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::Schemas | Stage::SchemaRelations | Stage::Indexes => {
                let what = if self.stage == Stage::Indexes { Named::Index } else { Named::Schema };
                cache.insert_named(what, &self.name.name, std::mem::take(&mut self.named));
                Ok(LoadStep::Done)
            }
            Stage::Constraints => {
                cache.insert_views(&self.name, std::mem::take(&mut self.views));
                Ok(LoadStep::Done)
            }
        }
    }

    /// What to do when IRIS refuses the present query; `None` when the table cannot be known without it.
    pub(crate) fn on_refused(
        &mut self,
        cache: &mut TableCache,
        queries: &TableQueries,
        in_transaction: bool,
    ) -> Option<LoadStep> {
        match self.stage {
            Stage::Vectors => {
                self.stage = Stage::VectorsAlone;
                Some(LoadStep::Submit(self.request(queries, in_transaction)))
            }
            Stage::VectorsAlone => {
                let facts = self.take_facts();
                cache.insert(&self.name, Some(facts));
                Some(LoadStep::Done)
            }
            _ => None,
        }
    }

    fn vector(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        let (field, property, parameters) = (cells.next().flatten(), cells.next().flatten(), cells.next().flatten());
        let Some(name) = field.or(property) else { return };
        let columns = self.facts.columns.iter_mut();
        for column in columns.filter(|column| column.folds_case && column.name.eq_ignore_ascii_case(&name)) {
            let parameter = |name| super::mirror::parameter(parameters.as_deref(), name);
            let length = parameter("LEN").and_then(|length| length.parse().ok()).filter(|length| *length > 0);
            column.pg_type = PgType { oid: Oid::VECTOR, typmod: length.unwrap_or(-1) };
            column.folds_case = false;
            column.constant_default = None;
            column.vector_element = match (&parameters, parameter("DATATYPE")) {
                (_, Some(element)) => VectorElement::named(element),
                _ => VectorElement::Unknown,
            };
        }
    }

    fn column(&mut self, row: Vec<Option<String>>) {
        if let (Some(Some(name)), Some(description)) = (row.first(), row.last())
            && is_hidden(name, description.as_deref())
        {
            self.notes.hidden(name, description.as_deref().unwrap_or_default());
            return;
        }
        let Some(ReadColumn { facts, note, default, is_noted }) = column(row) else { return };
        self.is_noted |= is_noted;
        if let Some(note) = &note {
            self.notes.column(&facts.name, note);
        }
        if let Some(default) = default {
            self.notes.default_is(&facts.name, default);
        }
        self.facts.columns.push(facts);
    }

    /// The table with its rules. Keys of hidden columns are rules.
    fn take_facts(&mut self) -> TableFacts {
        let mut facts = std::mem::take(&mut self.facts);
        let columns: Vec<&str> = facts.columns.iter().map(|column| column.name.as_str()).collect();
        facts.rules = std::mem::take(&mut self.notes).into_rules(&facts.name, &columns);
        let rules = &facts.rules;
        facts.unique_keys.retain(|(_, columns)| !columns.iter().any(|column| rules.is_hidden(column)));
        facts
    }

    fn origin(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        let description = cells.next().flatten();
        let is_noted = self.is_noted || description.as_deref().is_some_and(is_note);
        if let Some(description) = description.filter(|text| is_note(text)) {
            self.facts.is_materialized = description.trim() == MATERIALIZED_NOTE;
            self.notes.table(&description);
        }
        if let (false, schema, Some(Some(name))) = (is_noted, cells.next().flatten(), cells.next()) {
            self.facts.spelled = Some(RelationName { schema, name });
        }
    }

    /// What the gateway noted of a view's columns when it made it.
    fn view_columns(&mut self, row: Vec<Option<String>>) {
        let definition = row.into_iter().next().flatten();
        let types = definition.as_deref().and_then(parse_view_columns);
        if types.is_some() || definition.as_deref().is_some_and(|text| parse_view_note(text).is_some()) {
            self.facts.columns.iter_mut().for_each(|column| column.is_spelled = true);
        }
        let Some(types) = types else { return };
        if types.len() != self.facts.columns.len() {
            return;
        }
        for (column, declared) in self.facts.columns.iter_mut().zip(types) {
            let Some(declared) = declared else { continue };
            column.pg_type = declared.pg_type();
            // IRIS versions show a vector as text.
            column.folds_case &= column.pg_type.oid != Oid::VECTOR;
            if let DeclaredType::Enum(declared) = declared {
                column.enum_type = Some(Rc::new(declared));
            }
        }
    }

    fn spelling(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        self.views.name = cells.next().flatten();
        self.views.is_spelled = cells.next().flatten().as_deref().is_some_and(is_note);
        self.views.schema = cells.next().flatten().unwrap_or_default();
    }

    fn named(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        let Some(name) = cells.next().flatten() else { return };
        let (schema, table, description) = (cells.next().flatten(), cells.next().flatten(), cells.next().flatten());
        let is_noted = description.as_deref().is_some_and(is_note);
        // A schema is as spelled until a relation in it tells otherwise.
        let is_spelled = self.stage == Stage::Schemas || is_noted;
        let table = table.map(|name| RelationName { schema, name });
        self.named.push(NamedFacts { name, is_spelled, table });
    }

    /// A schema with a relation that the gateway did not make is shown in lower case, as the mirror has it.
    fn schema_relation(&mut self, row: &[Option<String>]) {
        let [description, definition] = row else { return };
        let is_ours = description.as_deref().is_some_and(is_note)
            || definition.as_deref().is_some_and(|text| parse_view_note(text).is_some());
        for named in self.named.iter_mut().filter(|_| !is_ours) {
            named.is_spelled = false;
        }
    }

    fn definition(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        self.views.definition = cells.next().flatten();
        self.views.is_spelled |= self.views.definition.as_deref().is_some_and(|text| parse_view_note(text).is_some());
        self.views.check_option = match cells.next().flatten().unwrap_or_default().to_ascii_uppercase().as_str() {
            "LOCAL" => Some("LOCAL"),
            "CASCADE" | "CASCADED" => Some("CASCADED"),
            _ => None,
        };
    }

    fn reader(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        if let (schema, Some(Some(name))) = (cells.next().flatten(), cells.next()) {
            self.views.readers.push(RelationName { schema, name });
        }
    }

    fn referrer(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        if let (schema, Some(Some(name)), Some(Some(key))) = (cells.next().flatten(), cells.next(), cells.next()) {
            self.views.referrers.push((RelationName { schema, name }, key));
        }
    }

    fn key(&mut self, row: Vec<Option<String>>) {
        let mut cells = row.into_iter();
        let (Some(Some(index)), Some(Some(column)), primary) = (cells.next(), cells.next(), cells.next().flatten())
        else {
            return;
        };
        if self.facts.own_references.is_empty() {
            let own = cells.next().flatten();
            self.facts.own_references = own.iter().flat_map(|own| own.split(',')).map(str::to_owned).collect();
        }
        if is_true(primary.as_deref()) {
            self.facts.primary_key.push(column);
            return;
        }
        match self.facts.unique_keys.last_mut() {
            Some((name, columns)) if *name == index => columns.push(column),
            _ => self.facts.unique_keys.push((index, vec![column])),
        }
    }
}

fn cell(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Null => None,
        item => item.to_text(),
    }
}
