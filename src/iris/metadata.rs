//! What a prepare reply says about a statement (protocol facts, sections 6.3 and 6.4).

/// An xDBC type code. Unknown codes are kept: a newer server must not break decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IrisType(pub i32);

impl IrisType {
    pub const CHAR: IrisType = IrisType(1);
    pub const NUMERIC: IrisType = IrisType(2);
    pub const DECIMAL: IrisType = IrisType(3);
    pub const INTEGER: IrisType = IrisType(4);
    pub const SMALLINT: IrisType = IrisType(5);
    pub const FLOAT: IrisType = IrisType(6);
    pub const REAL: IrisType = IrisType(7);
    pub const DOUBLE: IrisType = IrisType(8);
    pub const DATE_ODBC: IrisType = IrisType(9);
    pub const TIME_ODBC: IrisType = IrisType(10);
    pub const TIMESTAMP_ODBC: IrisType = IrisType(11);
    pub const VARCHAR: IrisType = IrisType(12);
    pub const DATE: IrisType = IrisType(91);
    pub const TIME: IrisType = IrisType(92);
    pub const TIMESTAMP: IrisType = IrisType(93);
    pub const DATE_HOROLOG: IrisType = IrisType(1091);
    pub const TIME_HOROLOG: IrisType = IrisType(1092);
    pub const TIMESTAMP_POSIX: IrisType = IrisType(1093);
    pub const LONGVARCHAR: IrisType = IrisType(-1);
    pub const BINARY: IrisType = IrisType(-2);
    pub const VARBINARY: IrisType = IrisType(-3);
    pub const LONGVARBINARY: IrisType = IrisType(-4);
    pub const BIGINT: IrisType = IrisType(-5);
    pub const TINYINT: IrisType = IrisType(-6);
    pub const BIT: IrisType = IrisType(-7);
    pub const WCHAR: IrisType = IrisType(-8);
    pub const WVARCHAR: IrisType = IrisType(-9);
    pub const WLONGVARCHAR: IrisType = IrisType(-10);
    pub const GUID: IrisType = IrisType(-11);
    pub const ROWID: IrisType = IrisType(-12);
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDescription {
    pub name: String,
    pub iris_type: IrisType,
    pub precision: i32,
    pub scale: i32,
    /// 0 no, 1 yes, 2 unknown.
    pub nullable: i32,
    pub label: String,
    pub table: String,
    pub schema: String,
    /// Byte flags of item 10: `[0]` auto-increment, `[3]` read-only, `[11]` row id.
    pub auto_increment: bool,
    pub row_id: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescription {
    pub iris_type: IrisType,
    pub precision: i32,
    pub scale: i32,
    pub nullable: i32,
}

/// Everything a prepare reply carries. Equal for all connections until the schema changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementMetadata {
    /// Empty for statements that are not queries.
    pub columns: Vec<ColumnDescription>,
    pub parameters: Vec<ParameterDescription>,
    /// Flag bit 0: the client may keep the statement and run it again by PQ/PU under its id.
    pub cacheable: bool,
}
