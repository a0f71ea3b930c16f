//! One value on its way between IRIS and a PostgreSQL client. Borrowed; no allocation on the hot path.

use iris_protocol::Decimal;

/// A value, independent of either wire format.
///
/// Decoded from an IRIS item by `bridge::cell`, encoded for a client by `types::encode`; the other way round for
/// parameters (`types::decode`, `bridge::cell`).
#[derive(Debug, Clone, PartialEq)]
pub enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Decimal(Decimal),
    /// A number beyond 64-bit mantissas, as decimal digits.
    BigDecimal(&'a str),
    Text(&'a str),
    /// Text owned because it had to be converted.
    Owned(String),
    /// Latin-1 text as IRIS sends it (`$LIST` type 01); bytes above 0x7F need two bytes in UTF-8.
    Latin1(&'a [u8]),
    /// UTF-16LE text as IRIS sends it (`$LIST` type 02).
    Utf16(&'a [u8]),
    Bytes(&'a [u8]),
    OwnedBytes(Vec<u8>),
    /// Days since 2000-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 2000-01-01 00:00:00, no zone (or UTC where the type is timestamptz).
    Timestamp(i64),
    /// `vector`: elements.
    Vector(Vec<f32>),
}
