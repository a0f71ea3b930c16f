//! Types as CAST, CONVERT and JSON_TABLE name them.

use super::super::SqlError;
use super::super::parse::ast::TypeName;
use super::super::types::{DataType, TypeArgument};

/// VARCHAR without a length holds this many characters in CAST.
const CAST_VARCHAR_LENGTH: u32 = 30;
/// NUMERIC without a scale, with a precision or not (manual, CAST, "scale"). A NUMERIC column without one has scale 0.
const CAST_NUMERIC_SCALE: u32 = 15;

/// # Errors
/// -376 for a type CAST does not know.
pub(super) fn resolve(name: &TypeName) -> Result<DataType, SqlError> {
    let unsupported = || SqlError::prepare(376, format!("Unsupported CAST target specified: {}", name.name));
    let numbers: Vec<u32> = name.arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let unlimited = name.arguments.iter().any(String::is_empty);
    Ok(match name.name.as_str() {
        "VARCHAR" | "CHAR VARYING" | "CHARACTER VARYING" | "NVARCHAR" | "VARCHAR2" | "NATIONAL VARCHAR" => {
            if unlimited {
                DataType::VarChar { length: None }
            } else {
                DataType::VarChar { length: Some(numbers.first().copied().unwrap_or(CAST_VARCHAR_LENGTH)) }
            }
        }
        "CHAR" | "CHARACTER" | "NCHAR" | "NATIONAL CHAR" => {
            DataType::Char { length: numbers.first().copied().unwrap_or(1) }
        }
        "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" => match numbers.as_slice() {
            [] => DataType::Numeric { precision: 19 + CAST_NUMERIC_SCALE, scale: CAST_NUMERIC_SCALE },
            [precision] => {
                DataType::Numeric { precision: precision.saturating_add(CAST_NUMERIC_SCALE), scale: CAST_NUMERIC_SCALE }
            }
            [precision, scale, ..] => DataType::Numeric { precision: *precision, scale: *scale },
        },
        "BINARY" | "VARBINARY" | "BINARY VARYING" | "RAW" => {
            DataType::VarBinary { length: Some(numbers.first().copied().unwrap_or(CAST_VARCHAR_LENGTH)) }
        }
        "INT" | "INTEGER" | "BIGINT" | "SMALLINT" | "TINYINT" | "BIT" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT"
        | "REAL" | "MONEY" | "SMALLMONEY" | "DATE" | "TIME" | "TIMESTAMP" | "DATETIME" | "DATETIME2"
        | "SMALLDATETIME" | "POSIXTIME" | "UNIQUEIDENTIFIER" | "GUID" | "LONGVARCHAR" => {
            let arguments: Vec<TypeArgument> = numbers.into_iter().map(TypeArgument::Number).collect();
            let data_type = DataType::from_ddl(&name.name, &arguments, "CAST").map_err(|_| unsupported())?;
            // A stream cannot be the result of an expression.
            if data_type == DataType::LongVarChar { DataType::VarChar { length: None } } else { data_type }
        }
        _ => return Err(unsupported()),
    })
}
