//! What translation needs to know about tables. Filled by `catalog` from IRIS INFORMATION_SCHEMA, lazily, per table.

use std::rc::Rc;

use super::description::EnumType;
use super::named_type::NamedType;
use super::rules::Rules;
use crate::types::PgType;

/// A relation as the statement names it; both parts already folded (lower case unless quoted).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RelationName {
    pub schema: Option<String>,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// As declared; IRIS compares names without case.
    pub name: String,
    /// As declared through the gateway (kept in the column's %DESCRIPTION), else derived from the IRIS type.
    pub pg_type: PgType,
    pub nullable: bool,
    pub identity: bool,
    pub has_default: bool,
    /// Text that IRIS may compare, sort and group without regard to case and trailing blanks, and give back in
    /// capitals: nothing says that its collation is EXACT.
    pub folds_case: bool,
    /// The default, where it is a constant: text that reads as a value of the type.
    pub constant_default: Option<String>,
    /// The sequence that its default draws from, as its description names it.
    pub draws: Option<String>,
    /// Its enum type, whose labels are all it may hold; `pg_type` is text then.
    pub enum_type: Option<Rc<EnumType>>,
    /// Its domain, composite type or the like; `pg_type` is what IRIS keeps of it.
    pub named: Option<Rc<NamedType>>,
    /// A stream of IRIS (LONGVARCHAR, LONGVARBINARY), which IRIS can show, write and test for NULL, and not compute with.
    pub is_stream: bool,
    /// Of a vector.
    pub vector_element: VectorElement,
    /// It was made through the gateway under that very name, and its description says so.
    pub is_spelled: bool,
}

impl ColumnFacts {
    /// Text that means nothing to IRIS.
    pub fn is_opaque(&self) -> bool {
        self.named.as_ref().is_some_and(|named| named.base.is_none())
    }

    /// Whether PostgreSQL would find it by this folded name, in a table whose columns all are as spelled or not.
    pub fn is_called(&self, folded: &str, all_spelled: bool) -> bool {
        self.name == folded || (!self.is_spelled && !all_spelled && self.name.to_lowercase() == folded)
    }
}

/// What the vectors of a column are made of in IRIS, whose functions take vectors of one element type only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VectorElement {
    /// As the gateway makes them.
    #[default]
    Double,
    Decimal,
    Float,
    /// Whole numbers, which lose a fraction.
    Integer,
    /// No numbers.
    Other,
    /// IRIS does not tell.
    Unknown,
}

impl VectorElement {
    /// By IRIS's name of it.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "DOUBLE" => Self::Double,
            "DECIMAL" | "NUMERIC" => Self::Decimal,
            "FLOAT" => Self::Float,
            "INTEGER" | "INT" => Self::Integer,
            _ => Self::Other,
        }
    }

    /// The second argument of TO_VECTOR.
    pub fn iris_name(self) -> &'static str {
        match self {
            Self::Double | Self::Unknown => "DOUBLE",
            Self::Decimal => "DECIMAL",
            Self::Float => "FLOAT",
            Self::Integer => "INTEGER",
            Self::Other => "STRING",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableFacts {
    /// IRIS schema (`SQLUser` where PostgreSQL says `public`).
    pub schema: String,
    pub name: String,
    /// How IRIS spells its names, of a table that nothing says the gateway made.
    pub spelled: Option<RelationName>,
    /// In ordinal order.
    pub columns: Vec<ColumnFacts>,
    pub primary_key: Vec<String>,
    /// Column lists of UNIQUE constraints and unique indexes, with their constraint names.
    pub unique_keys: Vec<(String, Vec<String>)>,
    /// The columns by which its rows refer to rows of the same table.
    pub own_references: Vec<String>,
    /// What IRIS does not know of.
    pub rules: Rules,
    /// It has the rows of a materialized view.
    pub is_materialized: bool,
}

impl TableFacts {
    /// Whether a column is one of those that tell rows apart, to which others may refer.
    pub fn is_of_key(&self, column: &str) -> bool {
        let keys = self.unique_keys.iter().flat_map(|(_, columns)| columns).chain(&self.primary_key);
        keys.into_iter().any(|key| key.eq_ignore_ascii_case(column))
    }
}

#[derive(Debug, Clone)]
pub enum TableLookup {
    Known(Rc<TableFacts>),
    /// IRIS has no such table: translate anyway, IRIS's own error is the answer.
    Missing,
    /// Ask IRIS first: translation answers `TranslateError::NeedTables` and is repeated.
    NotLoaded,
}

/// What a relation is called, and what depends on it: views, and foreign keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewFacts {
    /// As IRIS spells it; `None` when there is no such relation.
    pub name: Option<String>,
    /// As IRIS spells its schema.
    pub schema: String,
    /// It was made through the gateway under that very name.
    pub is_spelled: bool,
    /// The query of a view, in IRIS's SQL; `None` for tables.
    pub definition: Option<String>,
    /// `LOCAL` or `CASCADED`, of WITH CHECK OPTION.
    pub check_option: Option<&'static str>,
    /// The views that read it, by their IRIS schemas and names.
    pub readers: Vec<RelationName>,
    /// The foreign keys that refer to it: their tables and names.
    pub referrers: Vec<(RelationName, String)>,
    /// The names of its own constraints, as IRIS spells them.
    pub constraints: Vec<String>,
}

impl ViewFacts {
    /// Whether PostgreSQL would find it by this folded name: IRIS finds it by any that differs in case alone. What was not
    /// made through the gateway is shown in lower case.
    pub fn is_called(&self, folded: &str) -> bool {
        let Some(name) = &self.name else { return true };
        name == folded || (!self.is_spelled && name.to_lowercase() == folded)
    }
}

/// What has a name and is no part of one table that a statement names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    Schema,
    Index,
}

/// One of those that IRIS finds by a name, which it compares without case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedFacts {
    /// As IRIS spells it.
    pub name: String,
    /// PostgreSQL calls it as it is spelled; else in lower case.
    pub is_spelled: bool,
    /// Of an index: the IRIS schema and name of its table.
    pub table: Option<RelationName>,
}

impl NamedFacts {
    /// Whether PostgreSQL would find it by this folded name.
    pub fn is_called(&self, folded: &str) -> bool {
        self.name == folded || (!self.is_spelled && self.name.to_lowercase() == folded)
    }
}

#[derive(Debug, Clone)]
pub enum ViewLookup {
    Known(Rc<ViewFacts>),
    /// As [`TableLookup::NotLoaded`].
    NotLoaded,
}

/// What has to be read from IRIS before a statement can be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    Table(RelationName),
    Views(RelationName),
    /// What IRIS finds by a name.
    Names(Named, String),
}

/// The tables a shard knows.
pub trait Schema {
    fn table(&self, name: &RelationName) -> TableLookup;

    /// The views on a relation, and the query that it is itself.
    fn views(&self, _name: &RelationName) -> ViewLookup {
        ViewLookup::Known(Rc::default())
    }

    /// What IRIS finds by a name; `None` when it has to be asked first.
    fn named(&self, _what: Named, _name: &str) -> Option<Rc<Vec<NamedFacts>>> {
        Some(Rc::default())
    }

    /// Whether there is a sequence of a schema and a name, as PostgreSQL calls them.
    fn has_sequence(&self, _schema: &str, _name: &str) -> bool {
        false
    }

    /// An enum type by its name, if there is one.
    fn enum_type(&self, _name: &RelationName) -> Option<EnumType> {
        None
    }

    /// Another type of a user's making by its name, if there is one; enums are among them.
    fn named_type(&self, _name: &RelationName) -> Option<NamedType> {
        None
    }

    /// The default of a domain, as an expression.
    fn default_of(&self, _named: &NamedType) -> Option<String> {
        None
    }
}

/// Knows no table: IRIS's own metadata and errors are the answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSchema;

impl Schema for NoSchema {
    fn table(&self, _name: &RelationName) -> TableLookup {
        TableLookup::Missing
    }
}
