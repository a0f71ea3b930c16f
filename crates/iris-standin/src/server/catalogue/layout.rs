//! The columns of java.sql.DatabaseMetaData's results, in the order its documentation gives.

use iris_protocol::{ColumnDescription, IrisType, Opcode};

/// Code and columns: names of text columns, with `#` for INTEGER, `%` for SMALLINT and `?` for BIT.
#[rustfmt::skip]
const LAYOUTS: [(&[u8; 2], &str); 25] = [
    (b"SC", "TABLE_SCHEM TABLE_CATALOG"),
    (b"CA", "TABLE_CAT"),
    (b"TT", "TABLE_TYPE"),
    (b"TI", "TYPE_NAME #DATA_TYPE #PRECISION LITERAL_PREFIX LITERAL_SUFFIX CREATE_PARAMS %NULLABLE ?CASE_SENSITIVE \
             %SEARCHABLE ?UNSIGNED_ATTRIBUTE ?FIXED_PREC_SCALE ?AUTO_INCREMENT LOCAL_TYPE_NAME %MINIMUM_SCALE \
             %MAXIMUM_SCALE #SQL_DATA_TYPE #SQL_DATETIME_SUB #NUM_PREC_RADIX"),
    (b"TA", "TABLE_CAT TABLE_SCHEM TABLE_NAME TABLE_TYPE REMARKS TYPE_CAT TYPE_SCHEM TYPE_NAME \
             SELF_REFERENCING_COL_NAME REF_GENERATION"),
    (b"CO", "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME #DATA_TYPE TYPE_NAME #COLUMN_SIZE #BUFFER_LENGTH \
             #DECIMAL_DIGITS #NUM_PREC_RADIX #NULLABLE REMARKS COLUMN_DEF #SQL_DATA_TYPE #SQL_DATETIME_SUB \
             #CHAR_OCTET_LENGTH #ORDINAL_POSITION IS_NULLABLE SCOPE_CATALOG SCOPE_SCHEMA SCOPE_TABLE \
             %SOURCE_DATA_TYPE IS_AUTOINCREMENT IS_GENERATEDCOLUMN"),
    (b"CH", "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME #DATA_TYPE #COLUMN_SIZE #DECIMAL_DIGITS #NUM_PREC_RADIX \
             COLUMN_USAGE REMARKS #CHAR_OCTET_LENGTH IS_NULLABLE"),
    (b"PK", "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME %KEY_SEQ PK_NAME"),
    (b"IK", FOREIGN_KEYS),
    (b"EK", FOREIGN_KEYS),
    (b"CR", FOREIGN_KEYS),
    (b"II", "TABLE_CAT TABLE_SCHEM TABLE_NAME ?NON_UNIQUE INDEX_QUALIFIER INDEX_NAME %TYPE %ORDINAL_POSITION \
             COLUMN_NAME ASC_OR_DESC #CARDINALITY #PAGES FILTER_CONDITION"),
    (b"BR", ROW_COLUMNS),
    (b"VC", ROW_COLUMNS),
    (b"PR", "PROCEDURE_CAT PROCEDURE_SCHEM PROCEDURE_NAME #NUM_INPUT_PARAMS #NUM_OUTPUT_PARAMS #NUM_RESULT_SETS REMARKS \
             %PROCEDURE_TYPE SPECIFIC_NAME"),
    (b"FN", "FUNCTION_CAT FUNCTION_SCHEM FUNCTION_NAME REMARKS %FUNCTION_TYPE SPECIFIC_NAME"),
    (b"PC", "PROCEDURE_CAT PROCEDURE_SCHEM PROCEDURE_NAME COLUMN_NAME %COLUMN_TYPE #DATA_TYPE TYPE_NAME #PRECISION \
             #LENGTH %SCALE %RADIX %NULLABLE REMARKS COLUMN_DEF #SQL_DATA_TYPE #SQL_DATETIME_SUB #CHAR_OCTET_LENGTH \
             #ORDINAL_POSITION IS_NULLABLE SPECIFIC_NAME"),
    (b"FC", "FUNCTION_CAT FUNCTION_SCHEM FUNCTION_NAME COLUMN_NAME %COLUMN_TYPE #DATA_TYPE TYPE_NAME #PRECISION #LENGTH \
             %SCALE %RADIX %NULLABLE REMARKS #CHAR_OCTET_LENGTH #ORDINAL_POSITION IS_NULLABLE SPECIFIC_NAME"),
    (b"TP", "TABLE_CAT TABLE_SCHEM TABLE_NAME GRANTOR GRANTEE PRIVILEGE IS_GRANTABLE"),
    (b"CP", "TABLE_CAT TABLE_SCHEM TABLE_NAME COLUMN_NAME GRANTOR GRANTEE PRIVILEGE IS_GRANTABLE"),
    (b"UT", "TYPE_CAT TYPE_SCHEM TYPE_NAME CLASS_NAME #DATA_TYPE REMARKS %BASE_TYPE"),
    (b"CF", "NAME #MAX_LEN DEFAULT_VALUE DESCRIPTION"),
    (b"SL", "TABLE_CAT TABLE_SCHEM TABLE_NAME SUPERTABLE_NAME"),
    (b"SY", "TYPE_CAT TYPE_SCHEM TYPE_NAME SUPERTYPE_CAT SUPERTYPE_SCHEM SUPERTYPE_NAME"),
    (b"AT", "TYPE_CAT TYPE_SCHEM TYPE_NAME ATTR_NAME #DATA_TYPE ATTR_TYPE_NAME #ATTR_SIZE #DECIMAL_DIGITS \
             #NUM_PREC_RADIX #NULLABLE REMARKS ATTR_DEF #SQL_DATA_TYPE #SQL_DATETIME_SUB #CHAR_OCTET_LENGTH \
             #ORDINAL_POSITION IS_NULLABLE SCOPE_CATALOG SCOPE_SCHEMA SCOPE_TABLE %SOURCE_DATA_TYPE"),
];

const FOREIGN_KEYS: &str = "PKTABLE_CAT PKTABLE_SCHEM PKTABLE_NAME PKCOLUMN_NAME FKTABLE_CAT FKTABLE_SCHEM FKTABLE_NAME \
                            FKCOLUMN_NAME %KEY_SEQ %UPDATE_RULE %DELETE_RULE FK_NAME PK_NAME %DEFERRABILITY";
const ROW_COLUMNS: &str =
    "%SCOPE COLUMN_NAME #DATA_TYPE TYPE_NAME #COLUMN_SIZE #BUFFER_LENGTH %DECIMAL_DIGITS %PSEUDO_COLUMN";

/// The columns a request is answered with; None for requests that are not of the catalogue.
pub(super) fn layout(opcode: Opcode) -> Option<Vec<ColumnDescription>> {
    let (_, columns) = LAYOUTS.iter().find(|(code, _)| **code == opcode.0)?;
    Some(columns.split_whitespace().map(column).collect())
}

fn column(word: &str) -> ColumnDescription {
    let (name, iris_type, precision) = match word.split_at_checked(1) {
        Some(("#", name)) => (name, IrisType::INTEGER, 10),
        Some(("%", name)) => (name, IrisType::SMALLINT, 5),
        Some(("?", name)) => (name, IrisType::BIT, 1),
        _ => (word, IrisType::VARCHAR, 128),
    };
    ColumnDescription {
        name: name.to_owned(),
        iris_type,
        precision,
        scale: 0,
        nullable: 1,
        label: name.to_owned(),
        table: String::new(),
        schema: String::new(),
        auto_increment: false,
        row_id: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_columns_as_java_documents() {
        let counts = [
            (b"SC", 2),
            (b"CA", 1),
            (b"TT", 1),
            (b"TI", 18),
            (b"TA", 10),
            (b"CO", 24),
            (b"CH", 12),
            (b"PK", 6),
            (b"IK", 14),
            (b"EK", 14),
            (b"CR", 14),
            (b"II", 13),
            (b"BR", 8),
            (b"VC", 8),
            (b"PR", 9),
            (b"FN", 6),
            (b"PC", 20),
            (b"FC", 17),
            (b"TP", 7),
            (b"CP", 8),
            (b"UT", 7),
            (b"CF", 4),
            (b"SL", 4),
            (b"SY", 6),
            (b"AT", 21),
        ];
        for (code, count) in counts {
            assert_eq!(layout(Opcode(*code)).unwrap().len(), count, "{}", Opcode(*code));
        }
        assert_eq!(counts.len(), LAYOUTS.len());
        assert!(layout(Opcode::PREPARE).is_none());
    }
}
