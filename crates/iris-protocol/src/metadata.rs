//! What a prepare reply says about a statement (protocol facts, sections 6.3 and 6.4): written by the server, read by
//! the client.

use super::list::{ItemReader, ListError, put_int, put_latin1, put_string};

/// An xDBC type code. Unknown codes are kept: a newer server must not break decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IrisType(pub i32);

impl IrisType {
    /// CHAR(n), stored without padding.
    pub const CHAR: IrisType = IrisType(1);
    /// Digits with a scale.
    pub const NUMERIC: IrisType = IrisType(2);
    /// As NUMERIC.
    pub const DECIMAL: IrisType = IrisType(3);
    /// 32 bits.
    pub const INTEGER: IrisType = IrisType(4);
    /// 16 bits.
    pub const SMALLINT: IrisType = IrisType(5);
    /// A double.
    pub const FLOAT: IrisType = IrisType(6);
    /// A single.
    pub const REAL: IrisType = IrisType(7);
    /// A double.
    pub const DOUBLE: IrisType = IrisType(8);
    /// ODBC 2 code of a date.
    pub const DATE_ODBC: IrisType = IrisType(9);
    /// ODBC 2 code of a time.
    pub const TIME_ODBC: IrisType = IrisType(10);
    /// ODBC 2 code of a timestamp.
    pub const TIMESTAMP_ODBC: IrisType = IrisType(11);
    /// Text of a limited length.
    pub const VARCHAR: IrisType = IrisType(12);
    /// A date, as ISO text.
    pub const DATE: IrisType = IrisType(91);
    /// A time, as ISO text.
    pub const TIME: IrisType = IrisType(92);
    /// A timestamp, as ISO text.
    pub const TIMESTAMP: IrisType = IrisType(93);
    /// A date, as days since 1840-12-31.
    pub const DATE_HOROLOG: IrisType = IrisType(1091);
    /// A time, as seconds since midnight.
    pub const TIME_HOROLOG: IrisType = IrisType(1092);
    /// A timestamp, as an encoded number of microseconds (`%Library.PosixTime`).
    pub const TIMESTAMP_POSIX: IrisType = IrisType(1093);
    /// A stream of text.
    pub const LONGVARCHAR: IrisType = IrisType(-1);
    /// Bytes.
    pub const BINARY: IrisType = IrisType(-2);
    /// Bytes.
    pub const VARBINARY: IrisType = IrisType(-3);
    /// A stream of bytes.
    pub const LONGVARBINARY: IrisType = IrisType(-4);
    /// 64 bits.
    pub const BIGINT: IrisType = IrisType(-5);
    /// 8 bits, with a sign.
    pub const TINYINT: IrisType = IrisType(-6);
    /// 0 or 1.
    pub const BIT: IrisType = IrisType(-7);
    /// CHAR of wide characters.
    pub const WCHAR: IrisType = IrisType(-8);
    /// VARCHAR of wide characters.
    pub const WVARCHAR: IrisType = IrisType(-9);
    /// A stream of wide characters.
    pub const WLONGVARCHAR: IrisType = IrisType(-10);
    /// A GUID as text.
    pub const GUID: IrisType = IrisType(-11);
    /// A row id.
    pub const ROWID: IrisType = IrisType(-12);
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDescription {
    /// As the table has it.
    pub name: String,
    /// Its type.
    pub iris_type: IrisType,
    /// Digits, or characters.
    pub precision: i32,
    /// Digits behind the point.
    pub scale: i32,
    /// 0 no, 1 yes, 2 unknown.
    pub nullable: i32,
    /// As the query calls it.
    pub label: String,
    /// Empty for an expression.
    pub table: String,
    /// Empty for an expression.
    pub schema: String,
    /// Byte flags of item 10: `[0]` auto-increment, `[3]` read-only, `[11]` row id.
    pub auto_increment: bool,
    /// It is the row id.
    pub row_id: bool,
}

/// A parameter of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescription {
    /// Its type, declared or inferred.
    pub iris_type: IrisType,
    /// Digits, or characters.
    pub precision: i32,
    /// Digits behind the point.
    pub scale: i32,
    /// 0 no, 1 yes, 2 unknown.
    pub nullable: i32,
}

/// Everything a prepare reply carries. Equal for all connections until the schema changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementMetadata {
    /// Empty for statements that are not queries.
    pub columns: Vec<ColumnDescription>,
    /// In the order of the marks.
    pub parameters: Vec<ParameterDescription>,
    /// Flag bit 0: the client may keep the statement and run it again by PQ/PU under its id.
    pub cacheable: bool,
}

/// Bytes of item 10 of a column: one flag each.
const FLAG_BYTES: usize = 12;
const FLAG_AUTO_INCREMENT: usize = 0;
const FLAG_ROW_ID: usize = 11;

impl IrisType {
    /// A stream: its cell is a handle to be read by SS and JS.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::LONGVARCHAR | Self::LONGVARBINARY | Self::WLONGVARCHAR)
    }

    /// Bytes, not text.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::BINARY | Self::VARBINARY | Self::LONGVARBINARY)
    }
}

impl ColumnDescription {
    /// Items 1 to 10; a slot item (fast select) is never offered.
    pub fn put(&self, out: &mut Vec<u8>) {
        put_string(out, &self.name);
        put_int(out, self.iris_type.0.into());
        put_int(out, self.precision.into());
        put_int(out, self.scale.into());
        put_int(out, self.nullable.into());
        put_string(out, &self.label);
        put_string(out, &self.table);
        put_string(out, &self.schema);
        put_string(out, "");
        // JDBC needs the item to be there in full.
        let flags: [u8; FLAG_BYTES] = std::array::from_fn(|index| match index {
            FLAG_AUTO_INCREMENT => self.auto_increment.into(),
            FLAG_ROW_ID => self.row_id.into(),
            _ => 0,
        });
        put_latin1(out, &flags);
    }

    fn read(reader: &mut ItemReader<'_>) -> Result<Self, ListError> {
        let name = reader.text("column name")?;
        let iris_type = IrisType(reader.int32("column type")?);
        let precision = reader.int32("column precision")?;
        let scale = reader.int32("column scale")?;
        let nullable = reader.int32("column nullable")?;
        let label = reader.text("column label")?;
        let table = reader.text("column table")?;
        let schema = reader.text("column schema")?;
        reader.need_raw("column catalog")?;
        // Empty, shorter and longer flag items exist.
        let flags = reader.need_raw("column flags")?.payload();
        let flag = |index: usize| flags.get(index).is_some_and(|&flag| flag == 1);
        Ok(Self {
            name,
            iris_type,
            precision,
            scale,
            nullable,
            label,
            table,
            schema,
            auto_increment: flag(FLAG_AUTO_INCREMENT),
            row_id: flag(FLAG_ROW_ID),
        })
    }
}

/// Column list: count, then ten items each.
pub fn put_columns(out: &mut Vec<u8>, columns: &[ColumnDescription]) {
    put_int(out, columns.len() as i64);
    for column in columns {
        column.put(out);
    }
}

/// Reads what [`put_columns`] wrote.
///
/// # Errors
/// An item is missing, or not what its place needs.
pub fn read_columns(reader: &mut ItemReader<'_>) -> Result<Vec<ColumnDescription>, ListError> {
    let count = reader.count("column count")?;
    (0..count).map(|_| ColumnDescription::read(reader)).collect()
}

/// Parameter list: count, then type, precision, scale, nullable each.
pub fn put_parameters(out: &mut Vec<u8>, parameters: &[ParameterDescription]) {
    put_int(out, parameters.len() as i64);
    for parameter in parameters {
        put_int(out, parameter.iris_type.0.into());
        put_int(out, parameter.precision.into());
        put_int(out, parameter.scale.into());
        put_int(out, parameter.nullable.into());
    }
}

/// Reads what [`put_parameters`] wrote.
///
/// # Errors
/// An item is missing, or not what its place needs.
pub fn read_parameters(reader: &mut ItemReader<'_>) -> Result<Vec<ParameterDescription>, ListError> {
    let count = reader.count("parameter count")?;
    (0..count)
        .map(|_| {
            Ok(ParameterDescription {
                iris_type: IrisType(reader.int32("parameter type")?),
                precision: reader.int32("parameter precision")?,
                scale: reader.int32("parameter scale")?,
                nullable: reader.int32("parameter nullable")?,
            })
        })
        .collect()
}

impl StatementMetadata {
    /// Whether values written and rows read by one fit the other. Whether a value may be NULL changes neither.
    pub fn means_the_same(&self, other: &Self) -> bool {
        let columns = |of: &Self| -> Vec<_> {
            let columns = of.columns.iter();
            columns.map(|column| (column.name.clone(), column.iris_type, column.precision, column.scale)).collect()
        };
        let parameters = |of: &Self| -> Vec<_> {
            of.parameters.iter().map(|parameter| (parameter.iris_type, parameter.scale)).collect()
        };
        columns(self) == columns(other) && parameters(self) == parameters(other)
    }

    /// The body of a PP reply, and the first part of DU's (which never has columns).
    pub fn put(&self, out: &mut Vec<u8>, is_query: bool) {
        if is_query {
            put_columns(out, &self.columns);
        }
        put_parameters(out, &self.parameters);
        put_int(out, self.cacheable.into());
    }

    /// Reads what [`put`](Self::put) wrote.
    ///
    /// # Errors
    /// An item is missing, or not what its place needs.
    pub fn read(reader: &mut ItemReader<'_>, is_query: bool) -> Result<Self, ListError> {
        let columns = if is_query { read_columns(reader)? } else { Vec::new() };
        let parameters = read_parameters(reader)?;
        let cacheable = reader.int("statement flag")? & 1 == 1;
        Ok(Self { columns, parameters, cacheable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, iris_type: IrisType, precision: i32, scale: i32) -> ColumnDescription {
        ColumnDescription {
            name: name.to_owned(),
            iris_type,
            precision,
            scale,
            nullable: 1,
            label: name.to_owned(),
            table: String::new(),
            schema: String::new(),
            auto_increment: false,
            row_id: false,
        }
    }

    /// The PP reply for `SELECT i , CASE ..` of capture error_mid_fetch_5.4.1.
    #[test]
    fn prepare_reply_of_the_capture() {
        let metadata = StatementMetadata {
            columns: vec![column("i", IrisType::INTEGER, 10, 0), column("t", IrisType::INTEGER, 10, 0)],
            parameters: vec![
                ParameterDescription { iris_type: IrisType::VARCHAR, precision: 50, scale: 0, nullable: 1 };
                2
            ],
            cacheable: true,
        };
        let mut body = Vec::new();
        metadata.put(&mut body, true);
        assert_eq!(body.len(), 105);
        assert_eq!(body[..20], [3, 4, 2, 3, 1, b'i', 3, 4, 4, 3, 4, 10, 2, 4, 3, 4, 1, 3, 1, b'i']);
        let mut reader = ItemReader::new(&body);
        assert_eq!(StatementMetadata::read(&mut reader, true).unwrap(), metadata);
        reader.finish("prepare reply").unwrap();
    }

    #[test]
    fn every_prefix_is_an_error() {
        let mut body = Vec::new();
        put_columns(&mut body, &[column("c", IrisType::VARCHAR, 50, 0)]);
        for end in 0..body.len() {
            assert!(read_columns(&mut ItemReader::new(&body[..end])).is_err(), "{end}");
        }
    }

    #[test]
    fn flags_may_be_short() {
        let mut wide = Vec::new();
        let mut described = column("id", IrisType::BIGINT, 19, 0);
        described.auto_increment = true;
        described.row_id = true;
        described.put(&mut wide);
        assert_eq!(ColumnDescription::read(&mut ItemReader::new(&wide)).unwrap(), described);
        let mut short = wide[..wide.len() - 14].to_vec();
        short.extend_from_slice(&[2, 1]);
        let read = ColumnDescription::read(&mut ItemReader::new(&short)).unwrap();
        assert!(!read.auto_increment && !read.row_id);
    }
}
