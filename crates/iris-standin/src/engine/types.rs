//! Data types of IRIS SQL: DDL names, what metadata says about them, how SQLite stores them.
//!
//! Facts: `iris-sql.md` 1.1, 1.2; `iris-sql-from-clients.md` 1 and "Types and values".

use serde::{Deserialize, Serialize};

use super::value::SqlError;
use iris_protocol::IrisType;

/// Element type of a VECTOR column. Only equal element types meet in a vector function (SQLCODE -259).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum VectorElement {
    Integer,
    Decimal,
    Double,
    Float,
    Timestamp,
    Text,
}

impl VectorElement {
    /// The element names that both DDL and the second argument of TO_VECTOR take, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "INT" | "INTEGER" => Self::Integer,
            "DECIMAL" | "NUMERIC" => Self::Decimal,
            "DOUBLE" => Self::Double,
            "FLOAT" => Self::Float,
            "TIMESTAMP" => Self::Timestamp,
            "VARCHAR" | "STRING" => Self::Text,
            _ => return None,
        })
    }

    /// As the DATATYPE parameter of `%Library.Vector` spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Decimal => "DECIMAL",
            Self::Double => "DOUBLE",
            Self::Float => "FLOAT",
            Self::Timestamp => "TIMESTAMP",
            Self::Text => "STRING",
        }
    }
}

/// The type of a column, a parameter or an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DataType {
    Bit,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    Numeric {
        precision: u32,
        scale: u32,
    },
    /// MONEY, `%Library.Currency`: four decimals.
    Currency,
    Double,
    /// None: unlimited, `VARCHAR('')`.
    VarChar {
        length: Option<u32>,
    },
    /// Not padded with blanks: IRIS makes it a `%Library.String` like VARCHAR.
    Char {
        length: u32,
    },
    Date,
    Time {
        precision: u8,
    },
    Timestamp {
        precision: u8,
    },
    PosixTime,
    /// None: unlimited.
    VarBinary {
        length: Option<u32>,
    },
    /// Character stream.
    LongVarChar,
    /// Binary stream.
    LongVarBinary,
    UniqueIdentifier,
    RowVersion,
    /// None: rows may differ in length; vector functions then refuse the column (-260).
    Vector {
        element: VectorElement,
        length: Option<u32>,
    },
    /// `$LIST`, shown over xDBC as comma-separated text.
    List,
}

/// SQLite's side of a type: the declared type gives the affinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Storage {
    Integer,
    Real,
    Text,
    /// Exact decimal text under the collation [`DECIMAL_COLLATION`].
    Decimal,
    Blob,
    /// No affinity: the value stays as the engine bound it.
    Any,
}

/// SQLite collation of canonical decimal text: compares by numeric value.
pub(super) const DECIMAL_COLLATION: &str = "IRIS_DECIMAL";
/// SQLite collation of strings by default: case and trailing blanks do not count.
pub(super) const UPPER_COLLATION: &str = "SQLUPPER";
/// SQLite collation of `%SQLSTRING`: trailing blanks do not count.
/// Order of EXACT: numbers in canonical form by value, then all other strings.
pub(super) const EXACT_COLLATION: &str = "IRIS_EXACT";
pub(super) const STRING_COLLATION: &str = "SQLSTRING";

/// What stands in parentheses after a type name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TypeArgument {
    Number(u32),
    /// `''` in `VARCHAR('')`.
    Text(String),
    Word(String),
    /// `MAXLEN=10`; the value as written, quotes removed.
    Named(String, String),
}

/// The greatest length of an IRIS string in characters.
pub(super) const STRING_LENGTH_MAX: u32 = 3_641_144;

impl DataType {
    /// The type that a DDL name stands for. `name` has single blanks between words; DDL names are compared without
    /// case, class names (`%Library.String`) with it.
    ///
    /// `used_by` is `schema.table:column` for the text of the refusal.
    ///
    /// # Errors
    /// -1 for wrong arguments of a known type; -400 with ERROR #5373 for an unknown name, which IRIS takes for a class.
    pub(super) fn from_ddl(name: &str, arguments: &[TypeArgument], used_by: &str) -> Result<Self, SqlError> {
        if name.starts_with('%') {
            return Self::from_class(name, arguments, used_by);
        }
        let upper = name.to_ascii_uppercase();
        let args = Arguments { type_name: &upper, list: arguments };
        Ok(match upper.as_str() {
            "BIT" => args.none(Self::Bit)?,
            "TINYINT" => args.ignored_number(Self::TinyInt)?,
            "SMALLINT" => args.ignored_number(Self::SmallInt)?,
            "INT" | "INTEGER" | "MEDIUMINT" => args.ignored_number(Self::Integer)?,
            "BIGINT" => args.ignored_number(Self::BigInt)?,
            // A counter; the caller marks the column.
            "SERIAL" => args.none(Self::BigInt)?,
            "NUMERIC" | "DECIMAL" | "DEC" | "NUMBER" => args.numeric()?,
            "MONEY" | "SMALLMONEY" => args.none(Self::Currency)?,
            "DOUBLE" | "DOUBLE PRECISION" => args.none(Self::Double)?,
            "FLOAT" | "REAL" => args.ignored_number(Self::Double)?,
            "VARCHAR"
            | "VARCHAR2"
            | "NVARCHAR"
            | "CHAR VARYING"
            | "CHARACTER VARYING"
            | "NATIONAL VARCHAR"
            | "NATIONAL CHAR VARYING"
            | "NATIONAL CHARACTER VARYING" => Self::VarChar { length: args.length(1)? },
            "CHAR" | "CHARACTER" | "NCHAR" | "NATIONAL CHAR" | "NATIONAL CHARACTER" => match args.length(1)? {
                Some(length) => Self::Char { length },
                None => Self::VarChar { length: None },
            },
            "SYSNAME" => args.none(Self::VarChar { length: Some(128) })?,
            "TEXT" | "LONGTEXT" | "MEDIUMTEXT" | "NTEXT" | "CLOB" | "LONGVARCHAR" | "LONG VARCHAR" | "LONG" => {
                args.ignored_number(Self::LongVarChar)?
            }
            "BLOB" | "IMAGE" | "LONGVARBINARY" | "LONG BINARY" | "LONG VARBINARY" | "LONG RAW" => {
                args.ignored_number(Self::LongVarBinary)?
            }
            "BINARY" | "VARBINARY" | "RAW" | "BINARY VARYING" => Self::VarBinary { length: args.length(1)? },
            "DATE" => args.none(Self::Date)?,
            "TIME" => Self::Time { precision: args.precision(0)? },
            "TIMESTAMP" | "DATETIME" | "DATETIME2" | "TIMESTAMP2" => Self::Timestamp { precision: args.precision(9)? },
            "SMALLDATETIME" => args.none(Self::Timestamp { precision: 0 })?,
            "POSIXTIME" => args.none(Self::PosixTime)?,
            "UNIQUEIDENTIFIER" | "GUID" => args.none(Self::UniqueIdentifier)?,
            "ROWVERSION" => args.none(Self::RowVersion)?,
            "VECTOR" => args.vector()?,
            // The engine has no models to compute embeddings with.
            "EMBEDDING" => {
                return Err(SqlError::execute(
                    280,
                    "Embedding configuration not found: no %Embedding.Config in this namespace",
                ));
            }
            _ => return Err(unknown_class(name, used_by)),
        })
    }

    /// A data type class with its parameters. Unknown parameters are left alone, as the class compiler would.
    fn from_class(name: &str, arguments: &[TypeArgument], used_by: &str) -> Result<Self, SqlError> {
        let class = match name.strip_prefix("%Library.") {
            Some(class) => class,
            None => name.strip_prefix('%').unwrap_or(name),
        };
        let parameter = |key: &str| {
            arguments.iter().find_map(|argument| match argument {
                TypeArgument::Named(name, value) if name.eq_ignore_ascii_case(key) => Some(value.as_str()),
                _ => None,
            })
        };
        let length = |default: Option<u32>| match parameter("MAXLEN") {
            None => Ok(default),
            Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| SqlError::prepare(1, format!("Invalid MAXLEN: {text}"))),
        };
        let scale = |default: u32| parameter("SCALE").and_then(|text| text.parse().ok()).unwrap_or(default);
        Ok(match class {
            "Boolean" => Self::Bit,
            "TinyInt" => Self::TinyInt,
            "SmallInt" => Self::SmallInt,
            "Integer" => Self::Integer,
            "BigInt" | "Counter" => Self::BigInt,
            "Numeric" | "Decimal" => {
                let scale = scale(if class == "Numeric" { 2 } else { 0 });
                Self::Numeric { precision: 18u32.saturating_add(scale).min(38), scale }
            }
            "Currency" => Self::Currency,
            "Double" | "Float" => Self::Double,
            "String" | "EnumString" | "Name" => Self::VarChar { length: length(Some(50))? },
            "DynamicObject" | "DynamicArray" => Self::VarChar { length: None },
            "Date" => Self::Date,
            "Time" => Self::Time { precision: parameter("PRECISION").and_then(|text| text.parse().ok()).unwrap_or(0) },
            "TimeStamp" | "DateTime" | "UTC" => Self::Timestamp { precision: 9 },
            "PosixTime" => Self::PosixTime,
            "Binary" => Self::VarBinary { length: length(Some(50))? },
            "GlobalCharacterStream" | "Stream.GlobalCharacter" => Self::LongVarChar,
            "GlobalBinaryStream" | "Stream.GlobalBinary" => Self::LongVarBinary,
            "UniqueIdentifier" => Self::UniqueIdentifier,
            "RowVersion" => Self::RowVersion,
            "List" | "ListOfDataTypes" => Self::List,
            "Vector" => Self::Vector {
                element: parameter("DATATYPE").and_then(VectorElement::from_name).unwrap_or(VectorElement::Float),
                length: parameter("LEN").and_then(|text| text.parse().ok()),
            },
            _ => return Err(unknown_class(name, used_by)),
        })
    }

    /// The xDBC type code of prepare metadata (`iris-sql.md` 1.1, column "native driver").
    pub(super) fn iris_type(&self) -> IrisType {
        match self {
            Self::Bit => IrisType::BIT,
            Self::TinyInt => IrisType::TINYINT,
            Self::SmallInt => IrisType::SMALLINT,
            Self::Integer => IrisType::INTEGER,
            Self::BigInt | Self::RowVersion => IrisType::BIGINT,
            Self::Numeric { .. } | Self::Currency => IrisType::NUMERIC,
            Self::Double => IrisType::DOUBLE,
            Self::VarChar { .. } | Self::Char { .. } | Self::Vector { .. } | Self::List => IrisType::VARCHAR,
            Self::Date => IrisType::DATE_HOROLOG,
            Self::Time { .. } => IrisType::TIME_HOROLOG,
            Self::Timestamp { .. } | Self::PosixTime => IrisType::TIMESTAMP_POSIX,
            Self::VarBinary { .. } => IrisType::VARBINARY,
            Self::LongVarChar => IrisType::LONGVARCHAR,
            Self::LongVarBinary => IrisType::LONGVARBINARY,
            Self::UniqueIdentifier => IrisType::GUID,
        }
    }

    /// Precision of prepare metadata: digits, characters or bytes; 0 where IRIS knows none.
    pub(super) fn precision(&self) -> i32 {
        let precision = match self {
            Self::Bit => 1,
            Self::TinyInt => 3,
            Self::SmallInt => 5,
            Self::Integer => 10,
            Self::BigInt | Self::RowVersion => 19,
            Self::Numeric { precision, .. } => *precision,
            Self::Currency => 19,
            Self::Double => 20,
            Self::VarChar { length } | Self::VarBinary { length } => length.unwrap_or(STRING_LENGTH_MAX),
            Self::Char { length } => *length,
            Self::Date => 10,
            Self::Time { precision } => fraction_width(8, *precision),
            Self::Timestamp { precision } => fraction_width(19, *precision),
            Self::PosixTime => 26,
            Self::LongVarChar | Self::LongVarBinary => 2_147_483_647,
            Self::UniqueIdentifier => 36,
            Self::Vector { .. } | Self::List => STRING_LENGTH_MAX,
        };
        i32::try_from(precision).unwrap_or(i32::MAX)
    }

    /// Scale of prepare metadata.
    pub(super) fn scale(&self) -> i32 {
        match self {
            Self::Numeric { scale, .. } => i32::try_from(*scale).unwrap_or(0),
            Self::Currency => 4,
            Self::Time { precision } | Self::Timestamp { precision } => i32::from(*precision),
            Self::PosixTime => 6,
            _ => 0,
        }
    }

    /// DATA_TYPE of INFORMATION_SCHEMA.COLUMNS: one of the fourteen names that client software knows.
    pub(super) fn information_schema_name(&self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::BigInt | Self::RowVersion => "bigint",
            Self::Numeric { .. } | Self::Currency => "numeric",
            Self::Double => "double",
            Self::VarChar { .. } | Self::Char { .. } | Self::UniqueIdentifier | Self::Vector { .. } | Self::List => {
                "varchar"
            }
            Self::Date => "date",
            Self::Time { .. } => "time",
            Self::Timestamp { .. } | Self::PosixTime => "timestamp",
            Self::VarBinary { .. } => "varbinary",
            Self::LongVarChar => "longvarchar",
            Self::LongVarBinary => "longvarbinary",
        }
    }

    /// The class that a property of this type has.
    pub(super) fn class_name(&self) -> &'static str {
        match self {
            Self::Bit => "%Library.Boolean",
            Self::TinyInt => "%Library.TinyInt",
            Self::SmallInt => "%Library.SmallInt",
            Self::Integer => "%Library.Integer",
            Self::BigInt => "%Library.BigInt",
            Self::Numeric { .. } => "%Library.Numeric",
            Self::Currency => "%Library.Currency",
            Self::Double => "%Library.Double",
            Self::VarChar { .. } | Self::Char { .. } => "%Library.String",
            Self::Date => "%Library.Date",
            Self::Time { .. } => "%Library.Time",
            Self::Timestamp { .. } => "%Library.TimeStamp",
            Self::PosixTime => "%Library.PosixTime",
            Self::VarBinary { .. } => "%Library.Binary",
            Self::LongVarChar => "%Stream.GlobalCharacter",
            Self::LongVarBinary => "%Stream.GlobalBinary",
            Self::UniqueIdentifier => "%Library.UniqueIdentifier",
            Self::RowVersion => "%Library.RowVersion",
            Self::Vector { .. } => "%Library.Vector",
            Self::List => "%Library.List",
        }
    }

    pub(super) fn storage(&self) -> Storage {
        match self {
            Self::Bit
            | Self::TinyInt
            | Self::SmallInt
            | Self::Integer
            | Self::BigInt
            | Self::RowVersion
            | Self::Date => Storage::Integer,
            Self::Numeric { .. } | Self::Currency => Storage::Decimal,
            Self::Double => Storage::Real,
            Self::VarChar { .. } | Self::Char { .. } | Self::LongVarChar | Self::UniqueIdentifier => Storage::Text,
            Self::Time { .. } | Self::Timestamp { .. } | Self::PosixTime => Storage::Any,
            Self::VarBinary { .. } | Self::LongVarBinary | Self::Vector { .. } | Self::List => Storage::Blob,
        }
    }

    /// Streams cannot be compared, grouped or made unique (-37, -313).
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::LongVarChar | Self::LongVarBinary)
    }

    /// Strings that collate SQLUPPER unless declared otherwise.
    pub(super) fn is_character(&self) -> bool {
        matches!(self, Self::VarChar { .. } | Self::Char { .. })
    }

    pub(super) fn is_integer(&self) -> bool {
        matches!(self, Self::Bit | Self::TinyInt | Self::SmallInt | Self::Integer | Self::BigInt | Self::RowVersion)
    }

    pub(super) fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, Self::Numeric { .. } | Self::Currency | Self::Double)
    }

    /// Least and greatest value of the integer types, as IRIS's MINVAL and MAXVAL (TINYINT refuses -129 and 129).
    pub(super) fn integer_range(&self) -> Option<(i64, i64)> {
        Some(match self {
            Self::Bit => (0, 1),
            Self::TinyInt => (-128, 127),
            Self::SmallInt => (-32_768, 32_767),
            Self::Integer => (-2_147_483_648, 2_147_483_647),
            Self::BigInt | Self::RowVersion => (-i64::MAX, i64::MAX),
            _ => return None,
        })
    }
}

fn fraction_width(whole: u32, precision: u8) -> u32 {
    if precision == 0 { whole } else { whole.saturating_add(1).saturating_add(u32::from(precision)) }
}

fn unknown_class(name: &str, used_by: &str) -> SqlError {
    let class = if name.contains('.') || name.starts_with('%') { name.to_owned() } else { format!("User.{name}") };
    SqlError::execute(400, format!("ERROR #5373: Class '{class}', used by '{used_by}', does not exist"))
}

/// The arguments of one type name, checked.
struct Arguments<'a> {
    type_name: &'a str,
    list: &'a [TypeArgument],
}

impl Arguments<'_> {
    fn refuse(&self) -> SqlError {
        SqlError::prepare(1, format!("Invalid parameters for data type {}", self.type_name))
    }

    fn none(&self, data_type: DataType) -> Result<DataType, SqlError> {
        if self.list.is_empty() { Ok(data_type) } else { Err(self.refuse()) }
    }

    /// `BIGINT(20)`, `FLOAT(53)`: accepted without effect.
    fn ignored_number(&self, data_type: DataType) -> Result<DataType, SqlError> {
        match self.list {
            [] | [TypeArgument::Number(_)] => Ok(data_type),
            _ => Err(self.refuse()),
        }
    }

    fn numeric(&self) -> Result<DataType, SqlError> {
        let (precision, scale) = match self.list {
            [] => (15, 0),
            [TypeArgument::Number(precision)] => (*precision, 0),
            [TypeArgument::Number(precision), TypeArgument::Number(scale)] => (*precision, *scale),
            _ => return Err(self.refuse()),
        };
        if precision == 0 && scale == 0 { Err(self.refuse()) } else { Ok(DataType::Numeric { precision, scale }) }
    }

    /// None: unlimited.
    fn length(&self, default: u32) -> Result<Option<u32>, SqlError> {
        match self.list {
            [] => Ok(Some(default)),
            [TypeArgument::Number(0)] => Err(self.refuse()),
            [TypeArgument::Number(length)] => Ok(Some((*length).min(STRING_LENGTH_MAX))),
            [TypeArgument::Text(text)] if text.is_empty() => Ok(None),
            _ => Err(self.refuse()),
        }
    }

    fn precision(&self, default: u8) -> Result<u8, SqlError> {
        match self.list {
            [] => Ok(default),
            [TypeArgument::Number(precision)] => match u8::try_from(*precision) {
                Ok(precision) if precision <= 9 => Ok(precision),
                _ => Err(self.refuse()),
            },
            _ => Err(self.refuse()),
        }
    }

    /// `VECTOR`, `VECTOR(DOUBLE)`, `VECTOR(DOUBLE, 3)`. The class's default element is FLOAT.
    fn vector(&self) -> Result<DataType, SqlError> {
        let element = |word: &str| VectorElement::from_name(word).ok_or_else(|| self.refuse());
        match self.list {
            [] => Ok(DataType::Vector { element: VectorElement::Float, length: None }),
            [TypeArgument::Word(word)] => Ok(DataType::Vector { element: element(word)?, length: None }),
            [TypeArgument::Word(_), TypeArgument::Number(0)] => Err(self.refuse()),
            [TypeArgument::Word(word), TypeArgument::Number(length)] => {
                Ok(DataType::Vector { element: element(word)?, length: Some(*length) })
            }
            _ => Err(self.refuse()),
        }
    }
}

#[cfg(test)]
mod tests;
