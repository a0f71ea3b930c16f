//! Tables and views of the stand-in: immutable snapshots, persisted beside the data in the same SQLite database.

mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(super) use store::{
    CatalogStore, forget_routine, forget_schema, forget_table, forget_view, persist_routine, persist_schema,
    persist_table, persist_view,
};

use super::types::{DECIMAL_COLLATION, DataType, STRING_COLLATION, Storage, UPPER_COLLATION};
use super::value::SqlError;

/// Where unqualified names of DDL live.
pub const DEFAULT_SCHEMA: &str = "SQLUser";

/// How strings of a column compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Collation {
    /// The default: case and trailing blanks do not count.
    SqlUpper,
    Exact,
    /// Case counts, trailing blanks do not.
    SqlString,
}

impl Collation {
    /// The SQLite collation of a text column.
    pub(super) fn sqlite_name(self) -> &'static str {
        match self {
            Self::SqlUpper => UPPER_COLLATION,
            Self::Exact => "BINARY",
            Self::SqlString => STRING_COLLATION,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum IdentityKind {
    No,
    /// Alias of the row id; explicit values only with ALLOWIDENTITYINSERT (-111).
    Identity,
    /// SERIAL: assigned when NULL or 0 is given.
    SerialCounter,
}

/// What DEFAULT may hold. Evaluated by the engine when a row is inserted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DefaultExpr {
    Null,
    Text(String),
    /// A numeric literal as written, sign included.
    Number(String),
    CurrentDate,
    CurrentTime {
        precision: u8,
    },
    /// CURRENT_TIMESTAMP, GETDATE, SYSDATE: local time.
    CurrentTimestamp {
        precision: u8,
    },
    /// GETUTCDATE.
    UtcTimestamp {
        precision: u8,
    },
    /// USER, CURRENT_USER, SESSION_USER, SYSTEM_USER.
    User,
    /// OBJECTSCRIPT and the expression: as written, and as it is computed.
    ObjectScript {
        code: String,
        value: ScriptExpr,
    },
}

/// The ObjectScript expressions that the stand-in computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ScriptExpr {
    Text(String),
    Number(String),
    /// `+$HOROLOG`.
    Today,
    /// `$USERNAME`.
    User,
    /// `$SYSTEM.Util.CreateGUID()`: in capitals.
    NewGuid,
    /// `$ZCONVERT(x,"L")`.
    Lower(Box<ScriptExpr>),
    /// `$ZCONVERT(x,"U")`.
    Upper(Box<ScriptExpr>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnDef {
    /// As declared; compared without case.
    pub name: String,
    pub data_type: DataType,
    pub not_null: bool,
    pub identity: IdentityKind,
    /// Of no meaning for types that are not strings.
    pub collation: Collation,
    pub default: Option<DefaultExpr>,
    /// `ON UPDATE CURRENT_TIMESTAMP`: given to the column by every UPDATE that does not set it.
    pub on_update: Option<DefaultExpr>,
    pub description: Option<String>,
    /// COMPUTECODE, kept and never run: a read of the column fails.
    #[serde(default)]
    pub compute_code: Option<String>,
}

impl ColumnDef {
    pub(super) fn new(name: impl Into<String>, data_type: DataType) -> Self {
        let collation = if data_type.is_character() { Collation::SqlUpper } else { Collation::Exact };
        Self {
            name: name.into(),
            data_type,
            not_null: false,
            identity: IdentityKind::No,
            collation,
            default: None,
            on_update: None,
            description: None,
            compute_code: None,
        }
    }

    /// The SQLite collation of the column.
    pub(super) fn sqlite_collation(&self) -> &'static str {
        match self.data_type.storage() {
            Storage::Text => self.collation.sqlite_name(),
            Storage::Decimal => DECIMAL_COLLATION,
            _ => "BINARY",
        }
    }
}

/// PRIMARY KEY or UNIQUE constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyDef {
    pub name: String,
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReferentialAction {
    NoAction,
    Cascade,
    SetNull,
    SetDefault,
}

impl ReferentialAction {
    /// The words of INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }
}

/// Enforced by triggers on both tables, which raise `IRIS:<sqlcode>:<message>` (see `ddl::foreign_key`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ForeignKeyDef {
    pub name: String,
    pub columns: Vec<String>,
    pub parent_schema: String,
    pub parent_table: String,
    pub parent_columns: Vec<String>,
    pub on_delete: ReferentialAction,
    pub on_update: ReferentialAction,
    /// NOCHECK: declared, never checked.
    pub no_check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum VectorDistance {
    Cosine,
    DotProduct,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum IndexKind {
    Plain,
    Unique,
    Bitmap,
    BitmapExtent,
    Bitslice,
    Columnar,
    /// Answered exactly: the stand-in has no approximate search.
    Hnsw {
        distance: VectorDistance,
        m: u32,
        ef_construction: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexDef {
    pub name: String,
    pub columns: Vec<String>,
    /// WITH DATA.
    pub data: Vec<String>,
    pub kind: IndexKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TableKind {
    Base,
    /// Shared definition, rows of each connection its own: lives in SQLite's `temp`, made on first use by
    /// `ddl::ensure_temporary`.
    GlobalTemporary,
    /// INFORMATION_SCHEMA and the class dictionary: read only.
    System,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableDef {
    pub schema: String,
    pub name: String,
    /// Name of the SQLite table, to be quoted.
    pub sqlite_name: String,
    pub kind: TableKind,
    pub allow_identity_insert: bool,
    pub columnar: bool,
    pub description: Option<String>,
    pub columns: Vec<ColumnDef>,
    pub primary_key: Option<KeyDef>,
    pub uniques: Vec<KeyDef>,
    pub foreign_keys: Vec<ForeignKeyDef>,
    pub indexes: Vec<IndexDef>,
}

/// SQLite column of the row id where no IDENTITY column has that part.
pub(super) const ROW_ID_COLUMN: &str = "%ID";

impl TableDef {
    pub(super) fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| same_name(&column.name, name))
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| same_name(&column.name, name))
    }

    pub(super) fn identity_column(&self) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.identity == IdentityKind::Identity)
    }

    /// SQLite name of the row id column (`%ID`): the IDENTITY column or [`ROW_ID_COLUMN`]. Always INTEGER PRIMARY KEY
    /// AUTOINCREMENT, since IRIS does not give an id twice.
    pub(super) fn row_id_column(&self) -> &str {
        self.identity_column().map_or(ROW_ID_COLUMN, |column| column.name.as_str())
    }

    /// Every key that a foreign key may refer to, and that INSERT OR UPDATE matches by: PRIMARY KEY, UNIQUE, unique
    /// indexes; the names are those of the constraint.
    pub(super) fn unique_keys(&self) -> impl Iterator<Item = (&str, &[String])> {
        let constraints = self.primary_key.iter().chain(&self.uniques).map(|key| (key.name.as_str(), &key.columns[..]));
        let indexes = self.indexes.iter().filter(|index| index.kind == IndexKind::Unique);
        constraints.chain(indexes.map(|index| (index.name.as_str(), &index.columns[..])))
    }

    /// `SQLUser.Person`, as messages name it.
    pub(super) fn qualified_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// `User.Person`: the package of SQLUser is User.
    pub(super) fn class_name(&self) -> String {
        class_name(&self.schema, &self.name)
    }
}

/// The class of a table or view.
pub(super) fn class_name(schema: &str, name: &str) -> String {
    let package = if same_name(schema, DEFAULT_SCHEMA) { "User" } else { schema };
    let package: String = package.chars().map(|c| if c == '_' { '.' } else { c }).collect();
    let class: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    format!("{package}.{class}")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum CheckOption {
    Local,
    Cascaded,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewDef {
    pub schema: String,
    pub name: String,
    /// The query as written after AS.
    pub query: String,
    pub check_option: Option<CheckOption>,
    /// WITH READ ONLY.
    pub read_only: bool,
    pub description: Option<String>,
    pub columns: Vec<ColumnDef>,
    /// Tables and views the query names, `(schema, name)`; not what those that are views read.
    pub depends_on: Vec<(String, String)>,
}

/// A function, procedure, method or query: kept, never run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoutineDef {
    pub schema: String,
    pub name: String,
    /// FUNCTION, PROCEDURE, METHOD or QUERY.
    pub kind: String,
    /// OBJECTSCRIPT, PYTHON or SQL.
    pub language: String,
    /// The code, without its braces.
    pub definition: String,
    pub returns: Option<DataType>,
    pub parameters: Vec<(String, DataType)>,
}

/// What a name in FROM means.
#[derive(Debug, Clone)]
pub(super) enum Relation {
    Table(Arc<TableDef>),
    View(Arc<ViewDef>),
}

/// Names compare without case, Unicode included.
pub(super) fn fold(name: &str) -> String {
    name.to_uppercase()
}

pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || ((!a.is_ascii() || !b.is_ascii()) && fold(a) == fold(b))
}

type Key = (String, String);

/// Everything the database holds, as of one schema version. Never changes; cheap to share.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// Grows with every DDL statement of this process: prepared statements of an older version are prepared again.
    pub version: u64,
    tables: HashMap<Key, Arc<TableDef>>,
    views: HashMap<Key, Arc<ViewDef>>,
    routines: HashMap<Key, Arc<RoutineDef>>,
    /// Made by CREATE SCHEMA: they exist without objects. Folded name to name.
    schemas: BTreeMap<String, String>,
}

impl Catalog {
    pub(super) fn table(&self, schema: &str, name: &str) -> Option<Arc<TableDef>> {
        self.tables.get(&(fold(schema), fold(name))).cloned()
    }

    pub(super) fn view(&self, schema: &str, name: &str) -> Option<Arc<ViewDef>> {
        self.views.get(&(fold(schema), fold(name))).cloned()
    }

    pub(super) fn routine(&self, schema: &str, name: &str) -> Option<Arc<RoutineDef>> {
        self.routines.get(&(fold(schema), fold(name))).cloned()
    }

    pub(super) fn routines(&self) -> impl Iterator<Item = &Arc<RoutineDef>> {
        self.routines.values()
    }

    pub(super) fn lookup(&self, schema: &str, name: &str) -> Option<Relation> {
        let table = self.table(schema, name).map(Relation::Table);
        table.or_else(|| self.view(schema, name).map(Relation::View))
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.values()
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &Arc<ViewDef>> {
        self.views.values()
    }

    pub(super) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.values().map(String::as_str)
    }

    /// A schema exists while it has objects, or when CREATE SCHEMA made it.
    pub(super) fn has_schema(&self, schema: &str) -> bool {
        let key = fold(schema);
        same_name(schema, DEFAULT_SCHEMA)
            || self.schemas.contains_key(&key)
            || self.tables.keys().chain(self.views.keys()).any(|(schema, _)| *schema == key)
    }

    /// Foreign keys of other tables (and of the table itself) that refer to `table`, with their tables.
    pub(super) fn references_to(&self, schema: &str, name: &str) -> Vec<(Arc<TableDef>, ForeignKeyDef)> {
        let mut found = Vec::new();
        for table in self.tables.values() {
            for key in &table.foreign_keys {
                if same_name(&key.parent_schema, schema) && same_name(&key.parent_table, name) {
                    found.push((Arc::clone(table), key.clone()));
                }
            }
        }
        found.sort_by(|(a, x), (b, y)| (&a.schema, &a.name, &x.name).cmp(&(&b.schema, &b.name, &y.name)));
        found
    }

    /// Views that read the table or view.
    pub(super) fn dependent_views(&self, schema: &str, name: &str) -> Vec<Arc<ViewDef>> {
        let reads =
            |view: &&Arc<ViewDef>| view.depends_on.iter().any(|(s, n)| same_name(s, schema) && same_name(n, name));
        let mut found: Vec<_> = self.views.values().filter(reads).cloned().collect();
        found.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
        found
    }

    pub(super) fn put_table(&mut self, table: TableDef) {
        self.tables.insert((fold(&table.schema), fold(&table.name)), Arc::new(table));
    }

    pub(super) fn remove_table(&mut self, schema: &str, name: &str) {
        self.tables.remove(&(fold(schema), fold(name)));
    }

    pub(super) fn put_view(&mut self, view: ViewDef) {
        self.views.insert((fold(&view.schema), fold(&view.name)), Arc::new(view));
    }

    pub(super) fn remove_view(&mut self, schema: &str, name: &str) {
        self.views.remove(&(fold(schema), fold(name)));
    }

    pub(super) fn put_routine(&mut self, routine: RoutineDef) {
        self.routines.insert((fold(&routine.schema), fold(&routine.name)), Arc::new(routine));
    }

    pub(super) fn remove_routine(&mut self, schema: &str, name: &str) {
        self.routines.remove(&(fold(schema), fold(name)));
    }

    pub(super) fn put_schema(&mut self, schema: &str) {
        self.schemas.insert(fold(schema), schema.to_owned());
    }

    pub(super) fn remove_schema(&mut self, schema: &str) {
        self.schemas.remove(&fold(schema));
    }
}

/// A failure of SQLite that has no IRIS code of its own.
pub(super) fn storage_error(error: &rusqlite::Error) -> SqlError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
        return SqlError::execute(400, "Fatal error occurred: <FILEFULL>");
    }
    SqlError::execute(400, format!("storage of the stand-in: {error}"))
}

/// A name as SQLite takes it, quoted.
pub(super) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
