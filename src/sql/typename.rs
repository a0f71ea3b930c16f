//! PostgreSQL's names of types (`pg_type.dat`, and the spellings of the SQL standard).

use crate::types::{Oid, PgType};

/// `typname`, OID, OID of the array type.
#[rustfmt::skip]
const TYPES: &[(&str, Oid, u32)] = &[
    ("bool", Oid::BOOL, 1000),
    ("bytea", Oid::BYTEA, 1001),
    ("char", Oid(18), 1002),
    ("name", Oid(19), 1003),
    ("int8", Oid::INT8, 1016),
    ("int2", Oid::INT2, 1005),
    ("int4", Oid::INT4, 1007),
    ("regproc", Oid(24), 1008),
    ("text", Oid::TEXT, 1009),
    ("oid", Oid::OID, 1028),
    ("xid", Oid(28), 1011),
    ("json", Oid::JSON, 199),
    ("xml", Oid(142), 143),
    ("cidr", Oid(650), 651),
    ("float4", Oid::FLOAT4, 1021),
    ("float8", Oid::FLOAT8, 1022),
    ("unknown", Oid::UNKNOWN, 0),
    ("macaddr8", Oid(774), 775),
    ("money", Oid(790), 791),
    ("macaddr", Oid(829), 1040),
    ("inet", Oid(869), 1041),
    ("bpchar", Oid::BPCHAR, 1014),
    ("varchar", Oid::VARCHAR, 1015),
    ("date", Oid::DATE, 1182),
    ("time", Oid::TIME, 1183),
    ("timestamp", Oid::TIMESTAMP, 1115),
    ("timestamptz", Oid::TIMESTAMPTZ, 1185),
    ("interval", Oid::INTERVAL, 1187),
    ("timetz", Oid(1266), 1270),
    ("bit", Oid(1560), 1561),
    ("varbit", Oid(1562), 1563),
    ("numeric", Oid::NUMERIC, 1231),
    ("regclass", Oid(2205), 2210),
    ("regtype", Oid(2206), 2211),
    ("uuid", Oid::UUID, 2951),
    ("jsonb", Oid::JSONB, 3807),
    ("regnamespace", Oid(4089), 4090),
    ("vector", Oid::VECTOR, 0),
];

/// Spellings of the grammar and of common use, folded, words separated by one blank.
#[rustfmt::skip]
const ALIASES: &[(&str, &str)] = &[
    ("boolean", "bool"),
    ("smallint", "int2"),
    ("int", "int4"), ("integer", "int4"),
    ("bigint", "int8"),
    ("real", "float4"), ("double precision", "float8"), ("float", "float8"),
    ("decimal", "numeric"), ("dec", "numeric"),
    ("character varying", "varchar"), ("char varying", "varchar"), ("national character varying", "varchar"),
    ("national char varying", "varchar"), ("nchar varying", "varchar"),
    ("character", "bpchar"), ("char", "bpchar"), ("nchar", "bpchar"), ("national character", "bpchar"),
    ("national char", "bpchar"),
    ("bit varying", "varbit"),
    ("time without time zone", "time"), ("time with time zone", "timetz"),
    ("timestamp without time zone", "timestamp"), ("timestamp with time zone", "timestamptz"),
    ("smallserial", "int2"), ("serial2", "int2"),
    ("serial", "int4"), ("serial4", "int4"),
    ("bigserial", "int8"), ("serial8", "int8"),
];

/// A type by its name, folded and without modifiers or brackets. The grammar's `char` is `bpchar`; the internal
/// one-byte type is written quoted, so `quoted` decides.
pub(super) fn oid_of(name: &str, quoted: bool) -> Option<Oid> {
    let name = match ALIASES.iter().find(|(alias, _)| !quoted && *alias == name) {
        Some((_, typname)) => typname,
        None => name,
    };
    TYPES.iter().find(|(typname, ..)| *typname == name).map(|(_, oid, _)| *oid)
}

pub(super) fn array_of(element: Oid) -> Option<Oid> {
    TYPES.iter().find(|(_, oid, array)| *oid == element && *array != 0).map(|(.., array)| Oid(*array))
}

pub(super) fn element_of(array: Oid) -> Option<Oid> {
    TYPES.iter().find(|(.., found)| *found != 0 && Oid(*found) == array).map(|(_, oid, _)| *oid)
}

/// `typname` of a type, without the leading underscore of arrays.
pub(super) fn typname(oid: Oid) -> Option<&'static str> {
    TYPES.iter().find(|(_, found, _)| *found == oid).map(|(name, ..)| *name)
}

/// The modifiers as written, from a stored one.
pub(super) fn mods_of(pg_type: PgType) -> Vec<i32> {
    match pg_type.oid {
        _ if pg_type.typmod < 0 => Vec::new(),
        Oid::VARCHAR | Oid::BPCHAR => vec![pg_type.typmod.saturating_sub(4)],
        Oid::NUMERIC => {
            let packed = pg_type.typmod.saturating_sub(4);
            // The scale is an 11-bit two's complement number.
            let scale = ((packed & 0x7FF) ^ 0x400) - 0x400;
            vec![(packed >> 16) & 0xFFFF, scale]
        }
        Oid::INTERVAL => vec![pg_type.typmod & 0xFFFF],
        _ => vec![pg_type.typmod],
    }
}
