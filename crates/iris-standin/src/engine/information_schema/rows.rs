//! What one table or view puts into INFORMATION_SCHEMA and the class dictionary.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};

use super::super::catalog::{
    Catalog, CheckOption, ColumnDef, DEFAULT_SCHEMA, DefaultExpr, ForeignKeyDef, IdentityKind, IndexDef, IndexKind,
    TableDef, TableKind, VectorDistance, ViewDef, class_name, quote_identifier, same_name, storage_error,
};
use super::super::types::DataType;
use super::super::value::SqlError;

/// The superuser of a fresh IRIS: it owns everything here.
const OWNER: &str = "_SYSTEM";

/// Tables with a row for each object, and the two columns that say whose it is: schema and name.
const OBJECT_COLUMNS: [(&str, &str, &str); 8] = [
    ("INFORMATION_SCHEMA.TABLES", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.COLUMNS", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.TABLE_CONSTRAINTS", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.KEY_COLUMN_USAGE", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS", "CONSTRAINT_SCHEMA", "CONSTRAINT_TABLE_NAME"),
    ("INFORMATION_SCHEMA.INDEXES", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.VIEWS", "TABLE_SCHEMA", "TABLE_NAME"),
    ("INFORMATION_SCHEMA.VIEW_TABLE_USAGE", "VIEW_SCHEMA", "VIEW_NAME"),
];

/// Tables of the class dictionary and the column with the class.
const CLASS_COLUMNS: [(&str, &str); 6] = [
    ("%Dictionary.ClassDefinition", "Name"),
    ("%Dictionary.CompiledClass", "Name"),
    ("%Dictionary.PropertyDefinition", "parent"),
    ("%Dictionary.CompiledProperty", "parent"),
    ("%Dictionary.IndexDefinition", "parent"),
    ("%Dictionary.CompiledIndex", "parent"),
];

/// `(schema column, name column)` of a table that has rows for each object.
pub(super) fn object_columns(sqlite_name: &str) -> Option<(&'static str, &'static str)> {
    OBJECT_COLUMNS.iter().find(|(table, ..)| *table == sqlite_name).map(|(_, schema, name)| (*schema, *name))
}

pub(super) fn text(text: impl Into<String>) -> Stored {
    Stored::Text(text.into())
}

pub(super) fn optional(value: Option<impl Into<String>>) -> Stored {
    value.map_or(Stored::Null, text)
}

pub(super) fn integer(number: impl Into<i64>) -> Stored {
    Stored::Integer(number.into())
}

pub(super) fn position(at: usize) -> Stored {
    Stored::Integer(i64::try_from(at).unwrap_or(i64::MAX).saturating_add(1))
}

fn yes_no(yes: bool) -> Stored {
    text(if yes { "YES" } else { "NO" })
}

pub(super) fn execute(conn: &Connection, sql: &str, values: Vec<Stored>) -> Result<(), SqlError> {
    conn.prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params_from_iter(values)))
        .map(|_| ())
        .map_err(|error| storage_error(&error))
}

/// Inserts a row; columns that are not named are NULL.
pub(super) fn insert(conn: &Connection, table: &str, row: Vec<(&str, Stored)>) -> Result<(), SqlError> {
    let (names, values): (Vec<_>, Vec<_>) =
        row.into_iter().map(|(name, value)| (quote_identifier(name), value)).unzip();
    let marks = vec!["?"; names.len()].join(", ");
    execute(conn, &format!("INSERT INTO {} ({}) VALUES ({marks})", quote_identifier(table), names.join(", ")), values)
}

/// Takes everything about one table or view out.
pub(crate) fn remove(conn: &Connection, schema: &str, name: &str) -> Result<(), SqlError> {
    for (table, schema_column, name_column) in OBJECT_COLUMNS {
        let sql = format!(
            "DELETE FROM {} WHERE {} = ?1 AND {} = ?2",
            quote_identifier(table),
            quote_identifier(name_column),
            quote_identifier(schema_column)
        );
        execute(conn, &sql, vec![text(name), text(schema)])?;
    }
    for (table, column) in CLASS_COLUMNS {
        let sql = format!("DELETE FROM {} WHERE {} = ?1", quote_identifier(table), quote_identifier(column));
        execute(conn, &sql, vec![text(class_name(schema, name))])?;
    }
    // A schema shows while it has objects.
    let sql = r#"DELETE FROM "INFORMATION_SCHEMA.SCHEMATA" WHERE SCHEMA_NAME = ?1 AND NOT EXISTS
        (SELECT 1 FROM "INFORMATION_SCHEMA.TABLES" WHERE TABLE_SCHEMA = ?1)"#;
    execute(conn, sql, vec![text(schema)])
}

fn put_schema(conn: &Connection, schema: &str) -> Result<(), SqlError> {
    let sql = r#"INSERT INTO "INFORMATION_SCHEMA.SCHEMATA" (SCHEMA_NAME, SCHEMA_OWNER) SELECT ?1, ?2 WHERE NOT EXISTS
        (SELECT 1 FROM "INFORMATION_SCHEMA.SCHEMATA" WHERE SCHEMA_NAME = ?1)"#;
    execute(conn, sql, vec![text(schema), text(OWNER)])
}

/// Puts the rows of a table in, replacing what was there.
pub(crate) fn put_table(conn: &Connection, catalog: &Catalog, table: &TableDef) -> Result<(), SqlError> {
    remove(conn, &table.schema, &table.name)?;
    put_schema(conn, &table.schema)?;
    let table_type = match table.kind {
        TableKind::Base => "BASE TABLE",
        TableKind::GlobalTemporary => "GLOBAL TEMPORARY",
        TableKind::System => "SYSTEM TABLE",
    };
    put_object(conn, &table.schema, &table.name, table_type, table.description.as_deref())?;
    for (at, column) in table.columns.iter().enumerate() {
        put_column(conn, table, at, column)?;
    }
    if let Some(key) = &table.primary_key {
        put_key(conn, table, &key.name, &key.columns, "PRIMARY KEY")?;
    }
    for key in &table.uniques {
        put_key(conn, table, &key.name, &key.columns, "UNIQUE")?;
    }
    for key in &table.foreign_keys {
        put_foreign_key(conn, catalog, table, key)?;
    }
    for index in &table.indexes {
        let unique = index.kind == IndexKind::Unique;
        put_index(conn, table, &index.name, &index.columns, &index.data, unique, false)?;
        put_class_index(conn, table, index)?;
    }
    Ok(())
}

fn put_object(
    conn: &Connection,
    schema: &str,
    name: &str,
    table_type: &str,
    description: Option<&str>,
) -> Result<(), SqlError> {
    let class = class_name(schema, name);
    insert(
        conn,
        "INFORMATION_SCHEMA.TABLES",
        vec![
            ("TABLE_SCHEMA", text(schema)),
            ("TABLE_NAME", text(name)),
            ("TABLE_TYPE", text(table_type)),
            ("IS_INSERTABLE_INTO", yes_no(table_type == "BASE TABLE")),
            ("CLASSNAME", text(&class)),
            ("DESCRIPTION", optional(description)),
            ("OWNER", text(OWNER)),
            ("IS_SHARDED", integer(0)),
        ],
    )?;
    put_definition(
        conn,
        "Class",
        vec![
            ("ID", text(&class)),
            ("Name", text(&class)),
            ("Super", text(if table_type == "VIEW" { "%Library.RegisteredObject" } else { "%Library.Persistent" })),
            ("SqlTableName", text(name)),
            ("Description", optional(description)),
        ],
    )
}

/// A row of the class dictionary, of what was defined and of what was compiled of it.
fn put_definition(conn: &Connection, what: &str, row: Vec<(&str, Stored)>) -> Result<(), SqlError> {
    insert(conn, &format!("%Dictionary.{what}Definition"), row.clone())?;
    insert(conn, &format!("%Dictionary.Compiled{what}"), row)
}

/// The name of a column's property: letters and digits only, at most 96.
fn property_name(column: &str) -> String {
    column.chars().filter(|c| c.is_alphanumeric() || *c == '%').take(96).collect()
}

/// COLUMN_DEFAULT is the ObjectScript expression that the property begins with.
pub(super) fn default_text(default: &DefaultExpr) -> Option<String> {
    Some(match default {
        DefaultExpr::Null => return None,
        DefaultExpr::Text(value) if value.is_empty() => "$c(0)".to_owned(),
        DefaultExpr::Text(value) => format!("\"{}\"", value.replace('"', "\"\"")),
        DefaultExpr::Number(number) => number.clone(),
        DefaultExpr::CurrentDate => "+$HOROLOG".to_owned(),
        DefaultExpr::CurrentTime { .. } => "$PIECE($HOROLOG,\",\",2)".to_owned(),
        DefaultExpr::CurrentTimestamp { precision: 0 } => "$ZDATETIME($HOROLOG,3)".to_owned(),
        DefaultExpr::CurrentTimestamp { precision } => format!("$ZDATETIME($NOW(),3,,{precision})"),
        DefaultExpr::UtcTimestamp { precision } => format!("$ZDATETIME($ZTIMESTAMP,3,,{precision})"),
        DefaultExpr::User => "$USERNAME".to_owned(),
        DefaultExpr::ObjectScript { code, .. } => code.clone(),
    })
}

/// The ODBC code of a column: what `odbctype` of the view shows.
fn odbc_code(data_type: &DataType) -> i32 {
    match data_type.iris_type().0 {
        1091 => 9,
        1092 => 10,
        1093 => 11,
        code => code,
    }
}

/// CHARACTER_MAXIMUM_LENGTH: -1 without a limit.
pub(super) fn maximum_length(data_type: &DataType) -> Stored {
    match data_type {
        DataType::VarChar { length } | DataType::VarBinary { length } => length.map_or(integer(-1), integer),
        DataType::Char { length } => integer(*length),
        DataType::UniqueIdentifier => integer(36),
        DataType::LongVarChar | DataType::LongVarBinary | DataType::Vector { .. } | DataType::List => integer(-1),
        _ => Stored::Null,
    }
}

/// `NAME=value` pairs of the property's parameters.
fn property_parameters(column: &ColumnDef) -> String {
    let mut parameters = Vec::new();
    match column.data_type {
        DataType::VarChar { length } | DataType::VarBinary { length } => {
            parameters.push(format!("MAXLEN={}", length.map_or(String::new(), |length| length.to_string())));
        }
        DataType::Char { length } => parameters.push(format!("MAXLEN={length}")),
        DataType::Numeric { scale, .. } => parameters.push(format!("SCALE={scale}")),
        DataType::Vector { element, length } => {
            parameters.push(format!("DATATYPE={}", element.name()));
            if let Some(length) = length {
                parameters.push(format!("LEN={length}"));
            }
        }
        _ => {}
    }
    if column.data_type.is_character() && column.sqlite_collation() == "BINARY" {
        parameters.push("COLLATION=EXACT".to_owned());
    }
    parameters.join(",")
}

fn put_column(conn: &Connection, table: &TableDef, at: usize, column: &ColumnDef) -> Result<(), SqlError> {
    let is_only_column = |columns: &[String]| matches!(columns, [only] if same_name(only, &column.name));
    let unique = table.unique_keys().any(|(_, columns)| is_only_column(columns));
    let in_key = |columns: &[String]| columns.iter().any(|name| same_name(name, &column.name));
    let identity = column.identity == IdentityKind::Identity;
    let mut row = column_row(&table.schema, &table.name, at, column);
    let generation = identity.then_some(if table.allow_identity_insert { "BY DEFAULT" } else { "ALWAYS" });
    row.extend([
        ("IS_IDENTITY", yes_no(identity)),
        ("IDENTITY_GENERATION", optional(generation)),
        ("IDENTITY_START", if identity { integer(1) } else { Stored::Null }),
        ("IDENTITY_INCREMENT", if identity { integer(1) } else { Stored::Null }),
        ("AUTO_INCREMENT", yes_no(column.identity != IdentityKind::No)),
        ("UNIQUE_COLUMN", yes_no(unique || identity)),
        ("PRIMARY_KEY", yes_no(table.primary_key.as_ref().is_some_and(|key| in_key(&key.columns)))),
    ]);
    insert(conn, "INFORMATION_SCHEMA.COLUMNS", row)?;
    let class = table.class_name();
    let name = property_name(&column.name);
    put_definition(
        conn,
        "Property",
        vec![
            ("ID", text(format!("{class}||{name}"))),
            ("parent", text(&class)),
            ("Name", text(&name)),
            ("SqlFieldName", text(&column.name)),
            ("Type", text(column.data_type.class_name())),
            ("Required", integer(column.not_null)),
            ("Calculated", integer(0)),
            ("Transient", integer(0)),
            ("SqlComputed", integer(0)),
            ("Relationship", integer(0)),
            ("InitialExpression", optional(column.default.as_ref().and_then(default_text))),
            ("Parameters", text(property_parameters(column))),
            ("Identity", integer(identity)),
            // Number 1 is the row id.
            ("SqlColumnNumber", position(at.saturating_add(1))),
            ("SequenceNumber", position(at)),
            ("Description", optional(column.description.as_deref())),
        ],
    )
}

/// What tables and views have in common.
fn column_row(schema: &str, table: &str, at: usize, column: &ColumnDef) -> Vec<(&'static str, Stored)> {
    let data_type = &column.data_type;
    let (precision, scale) = match data_type {
        DataType::Double => (integer(data_type.precision()), Stored::Null),
        _ if data_type.is_numeric() => (integer(data_type.precision()), integer(data_type.scale())),
        _ => (Stored::Null, Stored::Null),
    };
    let length = maximum_length(data_type);
    vec![
        ("TABLE_SCHEMA", text(schema)),
        ("TABLE_NAME", text(table)),
        ("COLUMN_NAME", text(&column.name)),
        ("ORDINAL_POSITION", position(at)),
        ("COLUMN_DEFAULT", optional(column.default.as_ref().and_then(default_text))),
        ("IS_NULLABLE", yes_no(!column.not_null)),
        ("DATA_TYPE", text(data_type.information_schema_name())),
        ("CHARACTER_MAXIMUM_LENGTH", length.clone()),
        ("CHARACTER_OCTET_LENGTH", length),
        ("NUMERIC_PRECISION_RADIX", if precision == Stored::Null { Stored::Null } else { integer(10) }),
        ("NUMERIC_PRECISION", precision),
        ("NUMERIC_SCALE", scale),
        ("IS_GENERATED", text("NEVER")),
        ("IS_UPDATABLE", yes_no(*data_type != DataType::RowVersion)),
        ("DESCRIPTION", optional(column.description.as_deref())),
        ("PROPERTY_NAME", text(property_name(&column.name))),
        ("ON_UPDATE", optional(column.on_update.as_ref().and_then(default_text))),
        ("ODBCTYPE", integer(odbc_code(data_type))),
    ]
}

/// What all rows about a constraint say.
fn constraint_row(table: &TableDef, name: &str, kind: &str) -> Vec<(&'static str, Stored)> {
    vec![
        ("CONSTRAINT_SCHEMA", text(&table.schema)),
        ("CONSTRAINT_NAME", text(name)),
        ("TABLE_SCHEMA", text(&table.schema)),
        ("TABLE_NAME", text(&table.name)),
        ("CONSTRAINT_TYPE", text(kind)),
    ]
}

fn put_constraint(conn: &Connection, table: &TableDef, name: &str, kind: &str) -> Result<(), SqlError> {
    let mut row = constraint_row(table, name, kind);
    row.extend([("IS_DEFERRABLE", text("NO")), ("INITIALLY_DEFERRED", text("NO"))]);
    insert(conn, "INFORMATION_SCHEMA.TABLE_CONSTRAINTS", row)
}

fn put_key(conn: &Connection, table: &TableDef, name: &str, columns: &[String], kind: &str) -> Result<(), SqlError> {
    put_constraint(conn, table, name, kind)?;
    for (at, column) in columns.iter().enumerate() {
        insert(conn, "INFORMATION_SCHEMA.KEY_COLUMN_USAGE", key_column(table, name, column, at, kind))?;
    }
    let primary = kind == "PRIMARY KEY";
    put_index(conn, table, name, columns, &[], true, primary)?;
    let kind = IndexKind::Unique;
    put_class_index(conn, table, &IndexDef { name: name.to_owned(), columns: columns.to_vec(), data: Vec::new(), kind })
}

fn key_column(table: &TableDef, name: &str, column: &str, at: usize, kind: &str) -> Vec<(&'static str, Stored)> {
    let mut row = constraint_row(table, name, kind);
    row.extend([("COLUMN_NAME", text(column)), ("ORDINAL_POSITION", position(at))]);
    row
}

fn put_foreign_key(
    conn: &Connection,
    catalog: &Catalog,
    table: &TableDef,
    key: &ForeignKeyDef,
) -> Result<(), SqlError> {
    put_constraint(conn, table, &key.name, "FOREIGN KEY")?;
    let own = same_name(&key.parent_schema, &table.schema) && same_name(&key.parent_table, &table.name);
    let parent = catalog.table(&key.parent_schema, &key.parent_table).filter(|_| !own);
    let parent = parent.as_deref().unwrap_or(table);
    let same_columns = |columns: &[String]| {
        columns.len() == key.parent_columns.len() && key.parent_columns.iter().all(|name| columns.contains(name))
    };
    let unique = parent.unique_keys().find(|(_, columns)| same_columns(columns));
    for (at, (column, parent_column)) in key.columns.iter().zip(&key.parent_columns).enumerate() {
        let mut row = key_column(table, &key.name, column, at, "FOREIGN KEY");
        row.extend([
            ("POSITION_IN_UNIQUE_CONSTRAINT", position(at)),
            ("REFERENCED_TABLE_SCHEMA", text(&key.parent_schema)),
            ("REFERENCED_TABLE_NAME", text(&key.parent_table)),
            ("REFERENCED_COLUMN_NAME", text(parent_column)),
        ]);
        insert(conn, "INFORMATION_SCHEMA.KEY_COLUMN_USAGE", row)?;
    }
    insert(
        conn,
        "INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS",
        vec![
            ("CONSTRAINT_SCHEMA", text(&table.schema)),
            ("CONSTRAINT_NAME", text(&key.name)),
            ("CONSTRAINT_TABLE_NAME", text(&table.name)),
            ("UNIQUE_CONSTRAINT_SCHEMA", text(&key.parent_schema)),
            ("UNIQUE_CONSTRAINT_NAME", optional(unique.map(|(name, _)| name))),
            ("UNIQUE_CONSTRAINT_TABLE", text(&key.parent_table)),
            ("MATCH_OPTION", text("NONE")),
            ("UPDATE_RULE", text(key.on_update.words())),
            ("DELETE_RULE", text(key.on_delete.words())),
        ],
    )
}

fn put_index(
    conn: &Connection,
    table: &TableDef,
    name: &str,
    columns: &[String],
    data: &[String],
    unique: bool,
    primary: bool,
) -> Result<(), SqlError> {
    let data = (!data.is_empty()).then(|| data.join(","));
    for (at, column) in columns.iter().enumerate() {
        insert(
            conn,
            "INFORMATION_SCHEMA.INDEXES",
            vec![
                ("TABLE_SCHEMA", text(&table.schema)),
                ("TABLE_NAME", text(&table.name)),
                ("NON_UNIQUE", integer(!unique)),
                ("INDEX_SCHEMA", text(&table.schema)),
                ("INDEX_NAME", text(name)),
                ("ORDINAL_POSITION", position(at)),
                ("COLUMN_NAME", text(column)),
                ("ASC_OR_DESC", text("A")),
                ("PRIMARY_KEY", integer(primary)),
                ("MAP_STATUS", text("Selectable")),
                ("DATA_FIELDS", optional(data.clone())),
            ],
        )?;
    }
    Ok(())
}

fn put_class_index(conn: &Connection, table: &TableDef, index: &IndexDef) -> Result<(), SqlError> {
    let class = table.class_name();
    let name = property_name(&index.name);
    let (kind, type_class, parameters) = match index.kind {
        IndexKind::Bitmap | IndexKind::BitmapExtent => ("bitmap", None, String::new()),
        IndexKind::Bitslice => ("bitslice", None, String::new()),
        IndexKind::Columnar => ("columnar", None, String::new()),
        IndexKind::Plain | IndexKind::Unique => ("index", None, String::new()),
        IndexKind::Hnsw { distance, m, ef_construction } => {
            let distance = match distance {
                VectorDistance::Cosine => "Cosine",
                VectorDistance::DotProduct => "DotProduct",
            };
            let parameters = format!("Distance={distance},M={m},efConstruction={ef_construction}");
            ("index", Some("%SQL.Index.HNSW"), parameters)
        }
    };
    let primary = table.primary_key.as_ref().is_some_and(|key| same_name(&key.name, &index.name));
    put_definition(
        conn,
        "Index",
        vec![
            ("ID", text(format!("{class}||{name}"))),
            ("parent", text(&class)),
            ("Name", text(&name)),
            ("SqlName", text(&index.name)),
            ("Properties", text(index.columns.iter().map(|name| property_name(name)).collect::<Vec<_>>().join(","))),
            ("Data", optional((!index.data.is_empty()).then(|| index.data.join(",")))),
            ("Type", text(kind)),
            ("TypeClass", optional(type_class)),
            ("PrimaryKey", integer(primary)),
            ("Unique", integer(index.kind == IndexKind::Unique)),
            ("IdKey", integer(0)),
            ("Extent", integer(index.kind == IndexKind::BitmapExtent)),
            ("Parameters", text(&parameters)),
        ],
    )
}

/// Puts the rows of a view in, replacing what was there.
pub(crate) fn put_view(conn: &Connection, view: &ViewDef) -> Result<(), SqlError> {
    remove(conn, &view.schema, &view.name)?;
    put_schema(conn, &view.schema)?;
    put_object(conn, &view.schema, &view.name, "VIEW", view.description.as_deref())?;
    for (at, column) in view.columns.iter().enumerate() {
        let mut row = column_row(&view.schema, &view.name, at, column);
        row.extend([
            ("IS_IDENTITY", yes_no(false)),
            ("AUTO_INCREMENT", yes_no(false)),
            ("UNIQUE_COLUMN", yes_no(false)),
            ("PRIMARY_KEY", yes_no(false)),
        ]);
        insert(conn, "INFORMATION_SCHEMA.COLUMNS", row)?;
    }
    for (schema, name) in &view.depends_on {
        insert(
            conn,
            "INFORMATION_SCHEMA.VIEW_TABLE_USAGE",
            vec![
                ("VIEW_SCHEMA", text(&view.schema)),
                ("VIEW_NAME", text(&view.name)),
                ("TABLE_SCHEMA", text(if schema.is_empty() { DEFAULT_SCHEMA } else { schema })),
                ("TABLE_NAME", text(name)),
            ],
        )?;
    }
    let check_option = match view.check_option {
        None => "NONE",
        Some(CheckOption::Local) => "LOCAL",
        Some(CheckOption::Cascaded) => "CASCADE",
    };
    insert(
        conn,
        "INFORMATION_SCHEMA.VIEWS",
        vec![
            ("TABLE_SCHEMA", text(&view.schema)),
            ("TABLE_NAME", text(&view.name)),
            ("VIEW_DEFINITION", text(&view.query)),
            ("CHECK_OPTION", text(check_option)),
            ("IS_UPDATABLE", yes_no(!view.read_only)),
            ("INSERTABLE_INTO", yes_no(!view.read_only)),
            ("CLASSNAME", text(class_name(&view.schema, &view.name))),
            ("OWNER", text(OWNER)),
        ],
    )
}
