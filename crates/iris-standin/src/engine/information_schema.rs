//! INFORMATION_SCHEMA and the class dictionary as read-only tables.
//!
//! They are SQLite tables beside the data, kept in step by every definition statement inside its own transaction, so a
//! query on them is a query like any other. Facts: `iris-sql.md` 9; `iris-sql-from-clients.md` 1 (rows 16, 17) and
//! "Types and values".

mod routines;
mod rows;

use rusqlite::Connection;

pub(super) use routines::{put_routine, remove_routine};
pub(super) use rows::{put_table, put_view, remove};

use super::catalog::{Catalog, ColumnDef, TableDef, TableKind, quote_identifier, storage_error};
use super::ddl::storage;
use super::types::DataType;
use super::value::SqlError;

/// What a column of these tables holds.
#[derive(Clone, Copy)]
enum Kind {
    /// A name: collates without case.
    Name,
    /// Text of at most so many characters.
    Text(u32),
    Integer,
    Bit,
}
use Kind::{Bit, Integer, Name, Text};

/// One table: schema, name, columns.
type Definition = (&'static str, &'static str, &'static [(&'static str, Kind)]);

const IS: &str = "INFORMATION_SCHEMA";
const DICTIONARY: &str = "%Dictionary";

/// VIEW_DEFINITION and compute code hold up to 1 MB.
const LONG: Kind = Text(1_048_576);
const WORD: Kind = Text(32);
const YES_NO: Kind = Text(3);
const COMMENT: Kind = Text(32_767);

#[rustfmt::skip]
const DEFINITIONS: &[Definition] = &[
    (IS, "SCHEMATA", &[
        ("CATALOG_NAME", Name), ("SCHEMA_NAME", Name), ("SCHEMA_OWNER", Name),
        ("DEFAULT_CHARACTER_SET_CATALOG", Name), ("DEFAULT_CHARACTER_SET_SCHEMA", Name),
        ("DEFAULT_CHARACTER_SET_NAME", Name),
    ]),
    (IS, "TABLES", &[
        ("TABLE_CATALOG", Name), ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("TABLE_TYPE", WORD),
        ("SELF_REFERENCING_COLUMN_NAME", Name), ("REFERENCE_GENERATION", WORD), ("IS_INSERTABLE_INTO", YES_NO),
        ("CLASSNAME", Text(256)), ("DESCRIPTION", COMMENT), ("OWNER", Name), ("IS_SHARDED", Bit),
    ]),
    (IS, "COLUMNS", &[
        ("TABLE_CATALOG", Name), ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("COLUMN_NAME", Name),
        ("ORDINAL_POSITION", Integer), ("COLUMN_DEFAULT", COMMENT), ("IS_NULLABLE", YES_NO), ("DATA_TYPE", WORD),
        ("CHARACTER_MAXIMUM_LENGTH", Integer), ("CHARACTER_OCTET_LENGTH", Integer), ("NUMERIC_PRECISION", Integer),
        ("NUMERIC_PRECISION_RADIX", Integer), ("NUMERIC_SCALE", Integer), ("DATETIME_PRECISION", Integer),
        ("CHARACTER_SET_NAME", Name), ("COLLATION_NAME", Name), ("DOMAIN_NAME", Name), ("IS_IDENTITY", YES_NO),
        ("IDENTITY_GENERATION", WORD), ("IDENTITY_START", Integer), ("IDENTITY_INCREMENT", Integer),
        ("IS_GENERATED", WORD), ("GENERATION_EXPRESSION", COMMENT), ("IS_UPDATABLE", YES_NO),
        ("AUTO_INCREMENT", YES_NO), ("UNIQUE_COLUMN", YES_NO), ("PRIMARY_KEY", YES_NO), ("DESCRIPTION", COMMENT),
        ("PROPERTY_NAME", Name), ("COMPUTE_CODE", LONG), ("ON_UPDATE", COMMENT), ("ODBCTYPE", Integer),
    ]),
    (IS, "TABLE_CONSTRAINTS", &[
        ("CONSTRAINT_CATALOG", Name), ("CONSTRAINT_SCHEMA", Name), ("CONSTRAINT_NAME", Name), ("TABLE_CATALOG", Name),
        ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("CONSTRAINT_TYPE", WORD), ("IS_DEFERRABLE", YES_NO),
        ("INITIALLY_DEFERRED", YES_NO),
    ]),
    (IS, "KEY_COLUMN_USAGE", &[
        ("CONSTRAINT_CATALOG", Name), ("CONSTRAINT_SCHEMA", Name), ("CONSTRAINT_NAME", Name), ("TABLE_CATALOG", Name),
        ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("COLUMN_NAME", Name), ("ORDINAL_POSITION", Integer),
        ("POSITION_IN_UNIQUE_CONSTRAINT", Integer), ("CONSTRAINT_TYPE", WORD), ("REFERENCED_TABLE_SCHEMA", Name),
        ("REFERENCED_TABLE_NAME", Name), ("REFERENCED_COLUMN_NAME", Name),
    ]),
    (IS, "REFERENTIAL_CONSTRAINTS", &[
        ("CONSTRAINT_CATALOG", Name), ("CONSTRAINT_SCHEMA", Name), ("CONSTRAINT_NAME", Name),
        ("CONSTRAINT_TABLE_NAME", Name), ("UNIQUE_CONSTRAINT_CATALOG", Name), ("UNIQUE_CONSTRAINT_SCHEMA", Name),
        ("UNIQUE_CONSTRAINT_NAME", Name), ("UNIQUE_CONSTRAINT_TABLE", Name), ("MATCH_OPTION", WORD),
        ("UPDATE_RULE", WORD), ("DELETE_RULE", WORD),
    ]),
    (IS, "CONSTRAINT_COLUMN_USAGE", &[
        ("TABLE_CATALOG", Name), ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("COLUMN_NAME", Name),
        ("CONSTRAINT_CATALOG", Name), ("CONSTRAINT_SCHEMA", Name), ("CONSTRAINT_NAME", Name),
    ]),
    (IS, "INDEXES", &[
        ("TABLE_CATALOG", Name), ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("NON_UNIQUE", Bit),
        ("INDEX_CATALOG", Name), ("INDEX_SCHEMA", Name), ("INDEX_NAME", Name), ("ORDINAL_POSITION", Integer),
        ("COLUMN_NAME", Name), ("ASC_OR_DESC", Text(1)), ("PRIMARY_KEY", Bit), ("MAP_STATUS", WORD),
        ("DATA_FIELDS", COMMENT),
    ]),
    (IS, "VIEWS", &[
        ("TABLE_CATALOG", Name), ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name), ("VIEW_DEFINITION", LONG),
        ("CHECK_OPTION", WORD), ("IS_UPDATABLE", YES_NO), ("INSERTABLE_INTO", YES_NO), ("IS_TRIGGER_UPDATABLE", YES_NO),
        ("IS_TRIGGER_DELETABLE", YES_NO), ("IS_TRIGGER_INSERTABLE_INTO", YES_NO), ("CLASSNAME", Text(256)),
        ("OWNER", Name),
    ]),
    (IS, "VIEW_TABLE_USAGE", &[
        ("VIEW_CATALOG", Name), ("VIEW_SCHEMA", Name), ("VIEW_NAME", Name), ("TABLE_CATALOG", Name),
        ("TABLE_SCHEMA", Name), ("TABLE_NAME", Name),
    ]),
    (IS, "ROUTINES", &[
        ("SPECIFIC_CATALOG", Name), ("SPECIFIC_SCHEMA", Name), ("SPECIFIC_NAME", Name), ("ROUTINE_CATALOG", Name),
        ("ROUTINE_SCHEMA", Name), ("ROUTINE_NAME", Name), ("ROUTINE_TYPE", WORD), ("DATA_TYPE", WORD),
        ("CHARACTER_MAXIMUM_LENGTH", Integer), ("NUMERIC_PRECISION", Integer), ("NUMERIC_SCALE", Integer),
        ("ROUTINE_BODY", WORD), ("ROUTINE_DEFINITION", LONG), ("EXTERNAL_NAME", Text(256)),
        ("EXTERNAL_LANGUAGE", WORD), ("IS_DETERMINISTIC", YES_NO), ("CLASSNAME", Text(256)),
        ("DESCRIPTION", COMMENT),
    ]),
    (IS, "PARAMETERS", &[
        ("SPECIFIC_CATALOG", Name), ("SPECIFIC_SCHEMA", Name), ("SPECIFIC_NAME", Name), ("ORDINAL_POSITION", Integer),
        ("PARAMETER_MODE", WORD), ("IS_RESULT", YES_NO), ("PARAMETER_NAME", Name), ("DATA_TYPE", WORD),
        ("CHARACTER_MAXIMUM_LENGTH", Integer), ("NUMERIC_PRECISION", Integer), ("NUMERIC_SCALE", Integer),
    ]),
    (IS, "TRIGGERS", &[
        ("TRIGGER_CATALOG", Name), ("TRIGGER_SCHEMA", Name), ("TRIGGER_NAME", Name), ("EVENT_MANIPULATION", WORD),
        ("EVENT_OBJECT_CATALOG", Name), ("EVENT_OBJECT_SCHEMA", Name), ("EVENT_OBJECT_TABLE", Name),
        ("ACTION_ORDER", Integer), ("ACTION_CONDITION", COMMENT), ("ACTION_STATEMENT", LONG),
        ("ACTION_ORIENTATION", WORD), ("ACTION_TIMING", WORD),
    ]),
    (IS, "CHECK_CONSTRAINTS", &[
        ("CONSTRAINT_CATALOG", Name), ("CONSTRAINT_SCHEMA", Name), ("CONSTRAINT_NAME", Name), ("CHECK_CLAUSE", COMMENT),
    ]),
    (IS, "CURRENT_STATEMENTS", &[
        ("SQLSTATEMENTID", Name), ("SERVER", Name), ("PROCESSID", Integer), ("STATEMENTINDEXHASH", Name),
        ("USERNAME", Name), ("QUERYRUNTYPE", WORD), ("QUERYSTMTTYPE", WORD), ("TP_NESTINGLEVEL", Integer),
        ("PARAMETERS", COMMENT), ("NAMESPACE", Name), ("CACHEDQUERY", Text(256)), ("EXECUTIONSTARTUTC", WORD),
        ("EXECUTIONDURATION", WORD), ("STATUS", WORD),
    ]),
    (IS, "CURRENT_CONNECTIONS", &[
        ("CONNECTIONID", Integer), ("PROCESSID", Integer), ("USERNAME", Name), ("NAMESPACE", Name),
        ("CLIENTADDRESS", Name),
    ]),
    (DICTIONARY, "ClassDefinition", &[
        ("ID", Name), ("Name", Name), ("Super", Text(256)), ("SqlTableName", Name), ("Description", COMMENT),
    ]),
    (DICTIONARY, "CompiledClass", &[
        ("ID", Name), ("Name", Name), ("Super", Text(256)), ("SqlSchemaName", Name), ("SqlTableName", Name),
        ("Description", COMMENT),
    ]),
    (DICTIONARY, "PropertyDefinition", PROPERTY),
    (DICTIONARY, "CompiledProperty", PROPERTY),
    (DICTIONARY, "IndexDefinition", INDEX),
    (DICTIONARY, "CompiledIndex", INDEX),
];

#[rustfmt::skip]
const PROPERTY: &[(&str, Kind)] = &[
    ("ID", Text(512)), ("parent", Text(256)), ("Name", Name), ("SqlFieldName", Name), ("Type", Text(256)),
    ("Required", Bit), ("Calculated", Bit), ("Transient", Bit), ("SqlComputed", Bit), ("SqlComputeCode", LONG),
    ("SqlComputeOnChange", Text(256)), ("Collection", WORD), ("Relationship", Bit), ("InitialExpression", COMMENT),
    // `NAME=value` pairs with commas between: the vector length is LEN, the element type DATATYPE.
    ("Parameters", COMMENT), ("Identity", Bit), ("SqlColumnNumber", Integer), ("SequenceNumber", Integer),
    ("Description", COMMENT),
];

#[rustfmt::skip]
const INDEX: &[(&str, Kind)] = &[
    ("ID", Text(512)), ("parent", Text(256)), ("Name", Name), ("SqlName", Name), ("Properties", COMMENT),
    ("Data", COMMENT), ("Type", WORD), ("TypeClass", Text(128)), ("PrimaryKey", Bit), ("Unique", Bit), ("IdKey", Bit),
    ("Extent", Bit), ("Parameters", COMMENT),
];

/// The read-only tables of the catalog.
pub(super) fn tables() -> Vec<TableDef> {
    DEFINITIONS.iter().map(table).collect()
}

fn table((schema, name, columns): &Definition) -> TableDef {
    let columns = columns
        .iter()
        .map(|(column, kind)| {
            let data_type = match kind {
                Name => DataType::VarChar { length: Some(128) },
                Text(length) => DataType::VarChar { length: Some(*length) },
                Integer => DataType::Integer,
                Bit => DataType::Bit,
            };
            ColumnDef::new(*column, data_type)
        })
        .collect();
    TableDef {
        schema: (*schema).to_owned(),
        name: (*name).to_owned(),
        sqlite_name: format!("{schema}.{name}"),
        kind: TableKind::System,
        allow_identity_insert: false,
        columnar: false,
        description: None,
        columns,
        primary_key: None,
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
    }
}

/// Makes the tables anew and fills them from the catalog: their layout may be an older release's.
pub(super) fn rebuild(conn: &Connection, catalog: &Catalog) -> Result<(), SqlError> {
    for table in tables() {
        let name = quote_identifier(&table.sqlite_name);
        conn.execute_batch(&format!("DROP TABLE IF EXISTS {name}")).map_err(|error| storage_error(&error))?;
        storage::create_table(conn, &table)?;
        if let Some((schema, object)) = rows::object_columns(&table.sqlite_name) {
            let index = quote_identifier(&format!("{}.object", table.sqlite_name));
            let columns = format!("{}, {}", quote_identifier(object), quote_identifier(schema));
            conn.execute_batch(&format!("CREATE INDEX {index} ON {name} ({columns})"))
                .map_err(|error| storage_error(&error))?;
        }
    }
    let mut all: Vec<_> = catalog.tables().collect();
    all.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    for table in all {
        put_table(conn, catalog, table)?;
    }
    for view in catalog.views() {
        put_view(conn, view)?;
    }
    for routine in catalog.routines() {
        put_routine(conn, routine)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
