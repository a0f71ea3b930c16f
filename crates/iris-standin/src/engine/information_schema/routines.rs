//! ROUTINES and PARAMETERS.

use rusqlite::Connection;

use super::super::catalog::{RoutineDef, class_name};
use super::super::types::DataType;
use super::super::value::SqlError;
use super::rows::{execute, insert, integer, maximum_length, optional, position, text};

/// Takes a routine out.
pub(crate) fn remove_routine(conn: &Connection, schema: &str, name: &str) -> Result<(), SqlError> {
    for table in ["ROUTINES", "PARAMETERS"] {
        let sql =
            format!("DELETE FROM \"INFORMATION_SCHEMA.{table}\" WHERE SPECIFIC_SCHEMA = ?1 AND SPECIFIC_NAME = ?2");
        execute(conn, &sql, vec![text(schema), text(name)])?;
    }
    Ok(())
}

/// Puts the rows of a routine in, replacing what was there.
pub(crate) fn put_routine(conn: &Connection, routine: &RoutineDef) -> Result<(), SqlError> {
    remove_routine(conn, &routine.schema, &routine.name)?;
    let returns = routine.returns.as_ref();
    insert(
        conn,
        "INFORMATION_SCHEMA.ROUTINES",
        vec![
            ("SPECIFIC_SCHEMA", text(&routine.schema)),
            ("SPECIFIC_NAME", text(&routine.name)),
            ("ROUTINE_SCHEMA", text(&routine.schema)),
            ("ROUTINE_NAME", text(&routine.name)),
            ("ROUTINE_TYPE", text(if routine.kind == "FUNCTION" { "FUNCTION" } else { "PROCEDURE" })),
            ("DATA_TYPE", optional(returns.map(DataType::information_schema_name))),
            ("CHARACTER_MAXIMUM_LENGTH", returns.map_or(rusqlite::types::Value::Null, maximum_length)),
            ("ROUTINE_BODY", text(if routine.language == "SQL" { "SQL" } else { "EXTERNAL" })),
            ("ROUTINE_DEFINITION", text(&routine.definition)),
            ("EXTERNAL_LANGUAGE", text(&routine.language)),
            ("CLASSNAME", text(class_name(&routine.schema, &routine.name))),
        ],
    )?;
    for (at, (name, data_type)) in routine.parameters.iter().enumerate() {
        insert(
            conn,
            "INFORMATION_SCHEMA.PARAMETERS",
            vec![
                ("SPECIFIC_SCHEMA", text(&routine.schema)),
                ("SPECIFIC_NAME", text(&routine.name)),
                ("ORDINAL_POSITION", position(at)),
                ("PARAMETER_MODE", text("IN")),
                ("IS_RESULT", text("NO")),
                ("PARAMETER_NAME", text(name)),
                ("DATA_TYPE", text(data_type.information_schema_name())),
                ("CHARACTER_MAXIMUM_LENGTH", maximum_length(data_type)),
                ("NUMERIC_PRECISION", integer(data_type.precision())),
                ("NUMERIC_SCALE", integer(data_type.scale())),
            ],
        )?;
    }
    Ok(())
}
