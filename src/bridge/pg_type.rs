//! What a value of IRIS is for PostgreSQL when nothing in the statement says better.

use crate::iris::IrisType;
use crate::types::{Oid, PgType};

/// VARCHARs of at least this length are "unlimited" to those who declare them: `text`.
const TEXT_PRECISION_MIN: i32 = 32_767;
/// `VARHDRSZ`: what PostgreSQL's length and precision modifiers are raised by.
const TYPMOD_OFFSET: i32 = 4;
/// PostgreSQL's limits of a declared numeric and varchar.
const NUMERIC_PRECISION_MAX: i32 = 1000;
const VARCHAR_LENGTH_MAX: i32 = 10_485_760;

/// The PostgreSQL type a value of this type is shown as when nothing in the statement says better.
pub(crate) fn default_pg_type(iris_type: IrisType, precision: i32, scale: i32) -> PgType {
    match iris_type {
        IrisType::BIT => PgType::new(Oid::BOOL),
        IrisType::TINYINT | IrisType::SMALLINT => PgType::new(Oid::INT2),
        IrisType::INTEGER => PgType::new(Oid::INT4),
        IrisType::BIGINT | IrisType::ROWID => PgType::new(Oid::INT8),
        IrisType::NUMERIC | IrisType::DECIMAL => PgType { oid: Oid::NUMERIC, typmod: numeric_typmod(precision, scale) },
        IrisType::DOUBLE | IrisType::FLOAT => PgType::new(Oid::FLOAT8),
        IrisType::REAL => PgType::new(Oid::FLOAT4),
        IrisType::DATE | IrisType::DATE_ODBC | IrisType::DATE_HOROLOG => PgType::new(Oid::DATE),
        IrisType::TIME | IrisType::TIME_ODBC | IrisType::TIME_HOROLOG => PgType::new(Oid::TIME),
        IrisType::TIMESTAMP | IrisType::TIMESTAMP_ODBC | IrisType::TIMESTAMP_POSIX => PgType::new(Oid::TIMESTAMP),
        IrisType::BINARY | IrisType::VARBINARY | IrisType::LONGVARBINARY => PgType::new(Oid::BYTEA),
        IrisType::GUID => PgType::new(Oid::UUID),
        // CHAR is stored without padding, so it is no bpchar.
        IrisType::VARCHAR | IrisType::WVARCHAR | IrisType::CHAR | IrisType::WCHAR => match varchar_typmod(precision) {
            -1 => PgType::new(Oid::TEXT),
            typmod => PgType { oid: Oid::VARCHAR, typmod },
        },
        _ => PgType::new(Oid::TEXT),
    }
}

fn numeric_typmod(precision: i32, scale: i32) -> i32 {
    if !(1..=NUMERIC_PRECISION_MAX).contains(&precision) || !(0..=precision).contains(&scale) {
        return -1;
    }
    ((precision << 16) | scale) + TYPMOD_OFFSET
}

fn varchar_typmod(precision: i32) -> i32 {
    if (1..TEXT_PRECISION_MIN.min(VARCHAR_LENGTH_MAX)).contains(&precision) { precision + TYPMOD_OFFSET } else { -1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_types() {
        let pg = default_pg_type;
        assert_eq!(pg(IrisType::VARCHAR, 50, 0), PgType { oid: Oid::VARCHAR, typmod: 54 });
        assert_eq!(pg(IrisType::VARCHAR, 32_767, 0), PgType::new(Oid::TEXT));
        assert_eq!(pg(IrisType::VARCHAR, 0, 0), PgType::new(Oid::TEXT));
        assert_eq!(pg(IrisType::VARCHAR, -1, 0), PgType::new(Oid::TEXT));
        assert_eq!(pg(IrisType::NUMERIC, 12, 2), PgType { oid: Oid::NUMERIC, typmod: (12 << 16 | 2) + 4 });
        assert_eq!(pg(IrisType::NUMERIC, 0, 0), PgType::new(Oid::NUMERIC));
        assert_eq!(pg(IrisType::NUMERIC, i32::MAX, i32::MIN), PgType::new(Oid::NUMERIC));
        assert_eq!(pg(IrisType::BIT, 1, 0), PgType::new(Oid::BOOL));
        assert_eq!(pg(IrisType::TINYINT, 3, 0), PgType::new(Oid::INT2));
        assert_eq!(pg(IrisType::DATE_HOROLOG, 10, 0), PgType::new(Oid::DATE));
        assert_eq!(pg(IrisType(4711), 10, 0), PgType::new(Oid::TEXT));
    }
}
