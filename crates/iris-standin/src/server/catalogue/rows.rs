//! The rows of each catalogue request.

use super::arguments::{Arguments, Record, like, same};
use crate::engine::{SqlError, Value};
use iris_protocol::Opcode;

/// Runs a query on INFORMATION_SCHEMA.
type Select<'s> = dyn FnMut(&str) -> Result<Vec<Record>, SqlError> + 's;
type Rows = Result<Vec<Vec<Value>>, SqlError>;

pub(super) fn rows(opcode: Opcode, arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    match &opcode.0 {
        b"SC" => schemas(arguments, select),
        b"TT" => {
            let types = ["GLOBAL TEMPORARY", "SYSTEM TABLE", "SYSTEM VIEW", "TABLE", "VIEW"];
            Ok(types.iter().map(|name| vec![text(name)]).collect())
        }
        b"TI" => Ok(TYPES.iter().map(type_info).collect()),
        b"TA" => tables(arguments, select),
        b"CO" => columns(arguments, select),
        b"PK" => primary_keys(arguments, select),
        b"IK" => foreign_keys(select, |key| arguments.is(0, &key.table) && arguments.is(1, &key.schema)),
        b"EK" => foreign_keys(select, |key| arguments.is(0, &key.parent) && arguments.is(1, &key.parent_schema)),
        b"CR" => foreign_keys(select, |key| {
            arguments.is(0, &key.parent)
                && arguments.is(1, &key.table)
                && arguments.is(2, &key.parent_schema)
                && arguments.is(3, &key.schema)
        }),
        b"II" => indexes(arguments, select),
        b"BR" => best_row_identifier(arguments, select),
        b"CF" => Ok(vec![vec![text("ApplicationName"), int(128), text(""), text("Name of the program")]]),
        // No catalogs, procedures, privileges, user-defined types, version or pseudo columns.
        _ => Ok(Vec::new()),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// NULL for a text that is not there.
fn optional(text: String) -> Value {
    if text.is_empty() { Value::Null } else { Value::Text(text) }
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

/// A data type: name, java.sql.Types number, greatest precision, what quotes a literal, parameters of its declaration,
/// scales, whether it has digits in base 10.
struct Type {
    name: &'static str,
    code: i64,
    precision: i64,
    quote: &'static str,
    parameters: &'static str,
    scale_max: i64,
    /// typePredNone 0 for streams, typePredBasic 2, typeSearchable 3.
    searchable: i64,
    numeric: bool,
}

const fn data_type(name: &'static str, code: i64, precision: i64) -> Type {
    Type { name, code, precision, quote: "", parameters: "", scale_max: 0, searchable: 2, numeric: true }
}

const fn quoted(name: &'static str, code: i64, precision: i64) -> Type {
    Type { name, code, precision, quote: "'", parameters: "", scale_max: 0, searchable: 3, numeric: false }
}

/// By code, as the method's documentation orders them.
const TYPES: [Type; 14] = [
    data_type("BIT", -7, 1),
    data_type("TINYINT", -6, 3),
    data_type("BIGINT", -5, 19),
    Type { searchable: 0, ..quoted("LONGVARBINARY", -4, 2_147_483_647) },
    Type { parameters: "MAXLEN", ..quoted("VARBINARY", -3, 3_641_144) },
    Type { searchable: 0, ..quoted("LONGVARCHAR", -1, 2_147_483_647) },
    Type { parameters: "PRECISION,SCALE", scale_max: 18, ..data_type("NUMERIC", 2, 19) },
    data_type("INTEGER", 4, 10),
    data_type("SMALLINT", 5, 5),
    data_type("DOUBLE", 8, 20),
    VARCHAR,
    quoted("DATE", 91, 10),
    quoted("TIME", 92, 18),
    quoted("TIMESTAMP", 93, 29),
];

const VARCHAR: Type = Type { parameters: "MAXLEN", ..quoted("VARCHAR", 12, 3_641_144) };

fn type_info(data: &Type) -> Vec<Value> {
    let quote = || optional(data.quote.to_owned());
    vec![
        text(data.name),
        int(data.code),
        int(data.precision),
        quote(),
        quote(),
        optional(data.parameters.to_owned()),
        int(1),
        int(0),
        int(data.searchable),
        int(0),
        int(0),
        int(0),
        text(data.name),
        int(0),
        int(data.scale_max),
        int(data.code),
        Value::Null,
        if data.numeric { int(10) } else { Value::Null },
    ]
}

/// A DATA_TYPE of INFORMATION_SCHEMA.COLUMNS; unknown ones go as text, which everything can be read as.
fn type_of(name: &str) -> &'static Type {
    TYPES.iter().find(|data| same(data.name, name)).unwrap_or(&VARCHAR)
}

fn schemas(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    let mut names: Vec<String> = select("SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA")?
        .iter()
        .map(|record| record.text(0))
        .filter(|name| arguments.like(0, name))
        .collect();
    names.sort();
    Ok(names.iter().map(|name| vec![text(name), Value::Null]).collect())
}

/// JDBC's word for a TABLE_TYPE of INFORMATION_SCHEMA.
fn table_type(record: &str) -> &str {
    if same(record, "BASE TABLE") { "TABLE" } else { record }
}

fn tables(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    let asked: Vec<&str> = arguments.get(1).split(',').map(str::trim).collect();
    let any = asked.contains(&"%");
    let records = select("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, DESCRIPTION FROM INFORMATION_SCHEMA.TABLES")?;
    let mut found: Vec<(String, String, String, Value)> = records
        .iter()
        .map(|record| (table_type(&record.text(2)).to_owned(), record.text(0), record.text(1), record.value(3)))
        .filter(|(kind, schema, name, _)| {
            arguments.like(0, name) && arguments.like(2, schema) && (any || asked.iter().any(|asked| same(asked, kind)))
        })
        .collect();
    found.sort_by(|a, b| (&a.0, &a.1, &a.2).cmp(&(&b.0, &b.1, &b.2)));
    let nulls = || std::iter::repeat_n(Value::Null, 5);
    Ok(found
        .into_iter()
        .map(|(kind, schema, name, remarks)| {
            [Value::Null, text(&schema), text(&name), text(&kind), remarks].into_iter().chain(nulls()).collect()
        })
        .collect())
}

/// What INFORMATION_SCHEMA.COLUMNS says of a column.
struct Column {
    schema: String,
    table: String,
    name: String,
    position: i64,
    data: &'static Type,
    size: i64,
    digits: i64,
    nullable: bool,
    default: Value,
    remarks: Value,
    counts: bool,
}

fn all_columns(select: &mut Select<'_>) -> Result<Vec<Column>, SqlError> {
    let records = select(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
         NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE, COLUMN_DEFAULT, DESCRIPTION, AUTO_INCREMENT, IS_IDENTITY \
         FROM INFORMATION_SCHEMA.COLUMNS",
    )?;
    let mut columns: Vec<Column> = records
        .iter()
        .map(|record| {
            let data = type_of(&record.text(4));
            let length = if data.numeric { record.int(6) } else { record.int(5) };
            Column {
                schema: record.text(0),
                table: record.text(1),
                name: record.text(2),
                position: record.int(3).unwrap_or(0),
                data,
                size: length.filter(|&length| length > 0).unwrap_or(data.precision),
                digits: record.int(7).unwrap_or(0),
                nullable: record.yes(8),
                default: record.value(9),
                remarks: record.value(10),
                counts: record.yes(11) || record.yes(12),
            }
        })
        .collect();
    columns.sort_by(|a, b| (&a.schema, &a.table, a.position).cmp(&(&b.schema, &b.table, b.position)));
    Ok(columns)
}

fn columns(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    let yes_no = |yes: bool| text(if yes { "YES" } else { "NO" });
    let wanted = all_columns(select)?.into_iter().filter(|column| {
        arguments.like(0, &column.table) && arguments.like(1, &column.name) && arguments.like(2, &column.schema)
    });
    Ok(wanted
        .map(|column| {
            let numeric = column.data.numeric;
            vec![
                Value::Null,
                text(&column.schema),
                text(&column.table),
                text(&column.name),
                int(column.data.code),
                text(column.data.name),
                int(column.size),
                Value::Null,
                if numeric { int(column.digits) } else { Value::Null },
                if numeric { int(10) } else { Value::Null },
                int(i64::from(column.nullable)),
                column.remarks,
                column.default,
                int(column.data.code),
                Value::Null,
                if column.data.code == 12 { int(column.size) } else { Value::Null },
                int(column.position),
                yes_no(column.nullable),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
                yes_no(column.counts),
                text("NO"),
            ]
        })
        .collect())
}

/// A column of a PRIMARY KEY, UNIQUE or FOREIGN KEY constraint.
struct KeyColumn {
    name: String,
    schema: String,
    table: String,
    column: String,
    position: i64,
    kind: String,
    parent_schema: String,
    parent: String,
    parent_column: String,
}

fn key_columns(select: &mut Select<'_>) -> Result<Vec<KeyColumn>, SqlError> {
    let records = select(
        "SELECT CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, CONSTRAINT_TYPE, \
         REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE",
    )?;
    Ok(records
        .iter()
        .map(|record| KeyColumn {
            name: record.text(0),
            schema: record.text(1),
            table: record.text(2),
            column: record.text(3),
            position: record.int(4).unwrap_or(0),
            kind: record.text(5),
            parent_schema: record.text(6),
            parent: record.text(7),
            parent_column: record.text(8),
        })
        .collect())
}

fn primary_key_columns(arguments: &Arguments, select: &mut Select<'_>) -> Result<Vec<KeyColumn>, SqlError> {
    let mut keys = key_columns(select)?;
    keys.retain(|key| same(&key.kind, "PRIMARY KEY") && arguments.is(0, &key.table) && arguments.is(1, &key.schema));
    Ok(keys)
}

fn primary_keys(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    let mut keys = primary_key_columns(arguments, select)?;
    keys.sort_by(|a, b| (&a.schema, &a.table, &a.column).cmp(&(&b.schema, &b.table, &b.column)));
    Ok(keys
        .iter()
        .map(|key| {
            let names = [text(&key.schema), text(&key.table), text(&key.column)];
            let rest = [int(key.position), text(&key.name)];
            std::iter::once(Value::Null).chain(names).chain(rest).collect()
        })
        .collect())
}

/// importedKeyCascade and the like. IRIS shows words or their codes.
fn rule(record: &Record, index: usize) -> i64 {
    let words = ["CASCADE", "RESTRICT", "SET NULL", "NO ACTION", "SET DEFAULT"];
    let word = record.text(index);
    let code = record.int(index).or_else(|| words.iter().position(|known| same(known, &word)).map(|at| at as i64));
    code.unwrap_or(3)
}

fn foreign_keys(select: &mut Select<'_>, wanted: impl Fn(&KeyColumn) -> bool) -> Rows {
    let rules = select(
        "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME, CONSTRAINT_TABLE_NAME, UPDATE_RULE, DELETE_RULE, UNIQUE_CONSTRAINT_NAME \
         FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS",
    )?;
    let mut keys = key_columns(select)?;
    keys.retain(|key| same(&key.kind, "FOREIGN KEY") && wanted(key));
    keys.sort_by(|a, b| {
        (&a.parent_schema, &a.parent, &a.schema, &a.table, &a.name, a.position).cmp(&(
            &b.parent_schema,
            &b.parent,
            &b.schema,
            &b.table,
            &b.name,
            b.position,
        ))
    });
    Ok(keys
        .iter()
        .map(|key| {
            let record = rules.iter().find(|record| {
                same(&record.text(0), &key.schema)
                    && same(&record.text(1), &key.name)
                    && same(&record.text(2), &key.table)
            });
            vec![
                Value::Null,
                text(&key.parent_schema),
                text(&key.parent),
                text(&key.parent_column),
                Value::Null,
                text(&key.schema),
                text(&key.table),
                text(&key.column),
                int(key.position),
                int(record.map_or(3, |record| rule(record, 3))),
                int(record.map_or(3, |record| rule(record, 4))),
                text(&key.name),
                record.map_or(Value::Null, |record| optional(record.text(5))),
                // importedKeyNotDeferrable.
                int(7),
            ]
        })
        .collect())
}

fn indexes(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    let unique_only = arguments.get(2) == "0";
    let records = select(
        "SELECT TABLE_SCHEMA, TABLE_NAME, NON_UNIQUE, INDEX_NAME, ORDINAL_POSITION, COLUMN_NAME \
         FROM INFORMATION_SCHEMA.INDEXES",
    )?;
    let mut found: Vec<&Record> = records
        .iter()
        .filter(|record| arguments.is(0, &record.text(1)) && like(arguments.get(1), &record.text(0)))
        .filter(|record| !(unique_only && record.yes(2)))
        .collect();
    found.sort_by_key(|record| (record.yes(2), record.text(3), record.int(4)));
    Ok(found
        .into_iter()
        .map(|record| {
            vec![
                Value::Null,
                record.value(0),
                record.value(1),
                int(i64::from(record.yes(2))),
                Value::Null,
                record.value(3),
                // tableIndexOther.
                int(3),
                record.value(4),
                record.value(5),
                text("A"),
                Value::Null,
                Value::Null,
                Value::Null,
            ]
        })
        .collect())
}

/// The primary key, or the row id that every table has.
fn best_row_identifier(arguments: &Arguments, select: &mut Select<'_>) -> Rows {
    /// bestRowSession.
    const SCOPE: i64 = 2;
    let row = |name: &str, data: &Type, size: i64, digits: i64, pseudo: i64| {
        let described = [int(data.code), text(data.name), int(size), Value::Null, int(digits)];
        let head = [int(SCOPE), text(name)];
        head.into_iter().chain(described).chain([int(pseudo)]).collect::<Vec<_>>()
    };
    let mut keys = primary_key_columns(arguments, select)?;
    keys.sort_by_key(|key| key.position);
    let columns: Vec<Column> = all_columns(select)?
        .into_iter()
        .filter(|column| arguments.is(0, &column.table) && arguments.is(1, &column.schema))
        .collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    if keys.is_empty() {
        let data = type_of("BIGINT");
        return Ok(vec![row("%ID", data, data.precision, 0, 2)]);
    }
    let of_key = |key: &KeyColumn| {
        let column = columns.iter().find(|column| same(&column.name, &key.column));
        column.map(|column| row(&column.name, column.data, column.size, column.digits, 1))
    };
    Ok(keys.iter().filter_map(of_key).collect())
}
