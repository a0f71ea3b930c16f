//! From INFORMATION_SCHEMA's types to PostgreSQL's, and whether a description still fits what IRIS says.

use crate::types::{Oid, PgType};

/// What the views say of a column's type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct IrisColumnType {
    /// One of about 14 names, whatever the column was declared as.
    pub data_type: String,
    pub length: Option<i32>,
    pub precision: Option<i32>,
    pub scale: Option<i32>,
}

impl IrisColumnType {
    pub(super) fn pg_type(&self) -> PgType {
        match self.family() {
            Family::BigInt => PgType::new(Oid::INT8),
            Family::Bit => PgType::new(Oid::BOOL),
            Family::Date => PgType::new(Oid::DATE),
            Family::Double => PgType::new(Oid::FLOAT8),
            Family::Integer => PgType::new(Oid::INT4),
            Family::SmallInt => PgType::new(Oid::INT2),
            Family::Binary => PgType::new(Oid::BYTEA),
            Family::LongText => PgType::new(Oid::TEXT),
            Family::Numeric => PgType {
                oid: Oid::NUMERIC,
                typmod: match (self.precision, self.scale) {
                    (Some(p @ 1..=1000), Some(s @ 0..=1000)) => (p << 16 | s) + 4,
                    _ => -1,
                },
            },
            Family::Time => PgType::new(Oid::TIME),
            Family::Timestamp => PgType::new(Oid::TIMESTAMP),
            Family::Uuid => PgType::new(Oid::UUID),
            Family::Vector => PgType::new(Oid::VECTOR),
            Family::Text => match self.length {
                Some(n @ 1..=32_766) => PgType { oid: Oid::VARCHAR, typmod: n + 4 },
                _ => PgType::new(Oid::TEXT),
            },
        }
    }

    /// Whether a column of `declared` type, as the gateway makes it, can look like this. ALTER TABLE changes a column's
    /// type and leaves its description: what no longer fits is no longer true.
    pub(super) fn fits(&self, declared: PgType) -> bool {
        let family = self.family();
        let at_least = |n: i32| self.length.is_none_or(|length| length < 0 || length >= n);
        let exactly = |n: i32| self.length.is_none_or(|length| length == n);
        match declared.oid {
            Oid::BOOL => family == Family::Bit,
            Oid::INT2 => family == Family::SmallInt,
            Oid::INT4 => family == Family::Integer,
            Oid::INT8 | Oid::OID => family == Family::BigInt,
            Oid::FLOAT4 | Oid::FLOAT8 => family == Family::Double,
            Oid::MONEY => family == Family::Numeric && self.scale.is_none_or(|scale| scale == 2),
            Oid::NUMERIC => {
                let kept = if declared.typmod < 0 { 19 } else { declared.numeric_scale().unwrap_or(0) };
                family == Family::Numeric && self.scale.is_none_or(|scale| scale == kept || (scale == 19 && kept > 19))
            }
            Oid::DATE => family == Family::Date,
            Oid::TIME => family == Family::Time,
            Oid::TIMESTAMP | Oid::TIMESTAMPTZ => family == Family::Timestamp,
            Oid::BYTEA => family == Family::Binary,
            // IRIS versions show a vector as text of one length or another.
            Oid::VECTOR => matches!(family, Family::Vector | Family::Text | Family::LongText),
            Oid::UUID => family == Family::Uuid || (family == Family::Text && exactly(36)),
            Oid::VARCHAR | Oid::BPCHAR | Oid::BIT | Oid::VARBIT if declared.typmod > 0 => {
                let n = declared.characters().and_then(|n| i32::try_from(n).ok()).unwrap_or(declared.typmod);
                family == Family::Text && exactly(n)
            }
            Oid::CHAR | Oid::BIT => family == Family::Text && exactly(1),
            Oid::NAME | Oid::INTERVAL => family == Family::Text && exactly(64),
            Oid::INET | Oid::CIDR | Oid::MACADDR | Oid::MACADDR8 => family == Family::Text && exactly(43),
            Oid::JSON | Oid::JSONB | Oid::XML => matches!(family, Family::Text | Family::LongText) && at_least(32_768),
            _ => matches!(family, Family::Text | Family::LongText) && at_least(32_767),
        }
    }

    /// Text of a bounded length, which has a collation.
    pub(super) fn is_text(&self) -> bool {
        self.family() == Family::Text
    }

    /// Whether an enum's labels can stand in it.
    pub(super) fn fits_text(&self) -> bool {
        matches!(self.family(), Family::Text | Family::LongText)
    }

    /// Values that IRIS keeps outside of the row.
    pub(super) fn is_stream(&self) -> bool {
        ["longvarchar", "longvarbinary"].iter().any(|name| self.data_type.eq_ignore_ascii_case(name))
    }

    fn family(&self) -> Family {
        match self.data_type.to_ascii_lowercase().as_str() {
            "bigint" => Family::BigInt,
            "bit" => Family::Bit,
            "date" => Family::Date,
            "double" | "double precision" | "float" | "real" => Family::Double,
            "integer" | "int" => Family::Integer,
            "smallint" | "tinyint" => Family::SmallInt,
            "longvarbinary" | "varbinary" | "binary" => Family::Binary,
            "longvarchar" => Family::LongText,
            "numeric" | "decimal" => Family::Numeric,
            "time" => Family::Time,
            "timestamp" | "datetime" | "posixtime" => Family::Timestamp,
            "uniqueidentifier" | "guid" => Family::Uuid,
            "vector" => Family::Vector,
            _ => Family::Text,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    BigInt,
    Binary,
    Bit,
    Date,
    Double,
    Integer,
    LongText,
    Numeric,
    SmallInt,
    Text,
    Time,
    Timestamp,
    Uuid,
    Vector,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_believed_while_it_fits() {
        let column = |data_type: &str, length: Option<i32>, scale: Option<i32>| IrisColumnType {
            data_type: data_type.to_owned(),
            length,
            precision: None,
            scale,
        };
        let of = |text: &str| crate::sql::parse_description(text).unwrap();
        for (column, description, fits) in [
            (column("varchar", Some(32_767), None), "pg:text", true),
            (column("varchar", Some(100), None), "pg:text", false),
            (column("longvarchar", Some(-1), None), "pg:text", true),
            (column("integer", None, None), "pg:text", false),
            (column("timestamp", None, None), "pg:timestamptz", true),
            (column("varchar", Some(36), None), "pg:uuid", true),
            (column("varchar", Some(37), None), "pg:uuid", false),
            (column("numeric", None, Some(2)), "pg:numeric(10,2)", true),
            (column("numeric", None, Some(4)), "pg:numeric(10,2)", false),
            (column("numeric", None, Some(19)), "pg:numeric", true),
            (column("numeric", None, Some(19)), "pg:numeric(65,30)", true),
            (column("varchar", Some(10), None), "pg:bpchar(10)", true),
            (column("varchar", Some(11), None), "pg:bpchar(10)", false),
            (column("varchar", Some(1_000_000), None), "pg:jsonb", true),
            (column("varchar", Some(3), None), "pg:bit(3)", true),
            (column("varchar", Some(32_767), None), "pg:int4[]", true),
            (column("varchar", None, None), "pg:vector(3)", true),
        ] {
            assert_eq!(column.fits(of(description)), fits, "{column:?} {description}");
        }
    }
}
