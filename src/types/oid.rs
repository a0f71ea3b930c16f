//! Type OIDs (`pg_type.dat`) and what RowDescription says of them.

/// A PostgreSQL type OID. System OIDs never change between servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Oid(pub u32);

impl Oid {
    pub const UNSPECIFIED: Oid = Oid(0);
    pub const BOOL: Oid = Oid(16);
    pub const BYTEA: Oid = Oid(17);
    pub const INT8: Oid = Oid(20);
    pub const INT2: Oid = Oid(21);
    pub const INT4: Oid = Oid(23);
    pub const TEXT: Oid = Oid(25);
    pub const OID: Oid = Oid(26);
    pub const JSON: Oid = Oid(114);
    pub const FLOAT4: Oid = Oid(700);
    pub const FLOAT8: Oid = Oid(701);
    pub const UNKNOWN: Oid = Oid(705);
    pub const BPCHAR: Oid = Oid(1042);
    pub const VARCHAR: Oid = Oid(1043);
    pub const DATE: Oid = Oid(1082);
    pub const TIME: Oid = Oid(1083);
    pub const TIMESTAMP: Oid = Oid(1114);
    pub const TIMESTAMPTZ: Oid = Oid(1184);
    pub const INTERVAL: Oid = Oid(1186);
    pub const NUMERIC: Oid = Oid(1700);
    pub const UUID: Oid = Oid(2950);
    pub const JSONB: Oid = Oid(3802);
    /// pgvector's types have no fixed OID; these stand for them inside the gateway and on the wire.
    pub const VECTOR: Oid = Oid(16_388);

    /// `pg_type.typlen`: bytes of a value of fixed length, -1 for `varlena` types, -2 for C strings.
    pub const fn typlen(self) -> i16 {
        match self {
            Self::BOOL => 1,
            Self::INT2 => 2,
            Self::INT4 | Self::OID | Self::FLOAT4 | Self::DATE => 4,
            Self::INT8 | Self::FLOAT8 | Self::TIME | Self::TIMESTAMP | Self::TIMESTAMPTZ => 8,
            Self::INTERVAL | Self::UUID => 16,
            Self::UNKNOWN => -2,
            _ => -1,
        }
    }
}

/// A type with its modifier, as RowDescription carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PgType {
    pub oid: Oid,
    /// `typmod`: -1 when there is none; length + 4 for varchar, `((precision << 16) | scale) + 4` for numeric.
    pub typmod: i32,
}

impl PgType {
    pub const fn new(oid: Oid) -> Self {
        Self { oid, typmod: -1 }
    }
}
