//! Type OIDs (`pg_type.dat`), what RowDescription says of them, and type names as SQL spells them.

use std::fmt::Write as _;

use crate::wire::{PgError, SqlState};

/// A PostgreSQL type OID. System OIDs never change between servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Oid(pub u32);

/// One row of `pg_type`, as far as the wire needs it.
struct TypeRow {
    oid: Oid,
    /// `pg_type.typname`.
    typname: &'static str,
    /// What `format_type` prints without a modifier.
    sql_name: &'static str,
    /// `pg_type.typlen`: bytes, -1 for varlena, -2 for a C string.
    typlen: i16,
    /// `pg_type.typarray`; 0 = there is none.
    array: Oid,
}

macro_rules! types {
    ($($name:ident = $oid:literal, $typname:literal, $sql_name:literal, $typlen:literal
       $(, $array:ident = $array_oid:literal)?;)*) => {
        impl Oid {
            $(pub const $name: Oid = Oid($oid); $(pub const $array: Oid = Oid($array_oid);)?)*
        }
        const TYPES: &[TypeRow] = &[
            $(TypeRow {
                oid: Oid($oid),
                typname: $typname,
                sql_name: $sql_name,
                typlen: $typlen,
                array: Oid(0 $(+ $array_oid)?),
            },)*
        ];
    };
}

types! {
    BOOL = 16, "bool", "boolean", 1, BOOL_ARRAY = 1000;
    BYTEA = 17, "bytea", "bytea", -1, BYTEA_ARRAY = 1001;
    CHAR = 18, "char", "\"char\"", 1, CHAR_ARRAY = 1002;
    NAME = 19, "name", "name", 64, NAME_ARRAY = 1003;
    INT8 = 20, "int8", "bigint", 8, INT8_ARRAY = 1016;
    INT2 = 21, "int2", "smallint", 2, INT2_ARRAY = 1005;
    INT2VECTOR = 22, "int2vector", "int2vector", -1, INT2VECTOR_ARRAY = 1006;
    INT4 = 23, "int4", "integer", 4, INT4_ARRAY = 1007;
    REGPROC = 24, "regproc", "regproc", 4, REGPROC_ARRAY = 1008;
    TEXT = 25, "text", "text", -1, TEXT_ARRAY = 1009;
    OID = 26, "oid", "oid", 4, OID_ARRAY = 1028;
    TID = 27, "tid", "tid", 6, TID_ARRAY = 1010;
    XID = 28, "xid", "xid", 4, XID_ARRAY = 1011;
    CID = 29, "cid", "cid", 4, CID_ARRAY = 1012;
    OIDVECTOR = 30, "oidvector", "oidvector", -1, OIDVECTOR_ARRAY = 1013;
    JSON = 114, "json", "json", -1, JSON_ARRAY = 199;
    XML = 142, "xml", "xml", -1, XML_ARRAY = 143;
    PG_NODE_TREE = 194, "pg_node_tree", "pg_node_tree", -1;
    POINT = 600, "point", "point", 16, POINT_ARRAY = 1017;
    CIDR = 650, "cidr", "cidr", -1, CIDR_ARRAY = 651;
    FLOAT4 = 700, "float4", "real", 4, FLOAT4_ARRAY = 1021;
    FLOAT8 = 701, "float8", "double precision", 8, FLOAT8_ARRAY = 1022;
    UNKNOWN = 705, "unknown", "unknown", -2;
    MACADDR8 = 774, "macaddr8", "macaddr8", 8, MACADDR8_ARRAY = 775;
    MONEY = 790, "money", "money", 8, MONEY_ARRAY = 791;
    MACADDR = 829, "macaddr", "macaddr", 6, MACADDR_ARRAY = 1040;
    INET = 869, "inet", "inet", -1, INET_ARRAY = 1041;
    BPCHAR = 1042, "bpchar", "character", -1, BPCHAR_ARRAY = 1014;
    VARCHAR = 1043, "varchar", "character varying", -1, VARCHAR_ARRAY = 1015;
    DATE = 1082, "date", "date", 4, DATE_ARRAY = 1182;
    TIME = 1083, "time", "time without time zone", 8, TIME_ARRAY = 1183;
    TIMESTAMP = 1114, "timestamp", "timestamp without time zone", 8, TIMESTAMP_ARRAY = 1115;
    TIMESTAMPTZ = 1184, "timestamptz", "timestamp with time zone", 8, TIMESTAMPTZ_ARRAY = 1185;
    INTERVAL = 1186, "interval", "interval", 16, INTERVAL_ARRAY = 1187;
    TIMETZ = 1266, "timetz", "time with time zone", 12, TIMETZ_ARRAY = 1270;
    BIT = 1560, "bit", "bit", -1, BIT_ARRAY = 1561;
    VARBIT = 1562, "varbit", "bit varying", -1, VARBIT_ARRAY = 1563;
    NUMERIC = 1700, "numeric", "numeric", -1, NUMERIC_ARRAY = 1231;
    REGPROCEDURE = 2202, "regprocedure", "regprocedure", 4, REGPROCEDURE_ARRAY = 2207;
    REGOPER = 2203, "regoper", "regoper", 4, REGOPER_ARRAY = 2208;
    REGCLASS = 2205, "regclass", "regclass", 4, REGCLASS_ARRAY = 2210;
    REGTYPE = 2206, "regtype", "regtype", 4, REGTYPE_ARRAY = 2211;
    RECORD = 2249, "record", "record", -1, RECORD_ARRAY = 2287;
    CSTRING = 2275, "cstring", "cstring", -2, CSTRING_ARRAY = 1263;
    ANY = 2276, "any", "\"any\"", 4;
    ANYARRAY = 2277, "anyarray", "anyarray", -1;
    VOID = 2278, "void", "void", 4;
    UUID = 2950, "uuid", "uuid", 16, UUID_ARRAY = 2951;
    PG_LSN = 3220, "pg_lsn", "pg_lsn", 8, PG_LSN_ARRAY = 3221;
    TSVECTOR = 3614, "tsvector", "tsvector", -1, TSVECTOR_ARRAY = 3643;
    TSQUERY = 3615, "tsquery", "tsquery", -1, TSQUERY_ARRAY = 3645;
    JSONB = 3802, "jsonb", "jsonb", -1, JSONB_ARRAY = 3807;
    INT4RANGE = 3904, "int4range", "int4range", -1, INT4RANGE_ARRAY = 3905;
    NUMRANGE = 3906, "numrange", "numrange", -1, NUMRANGE_ARRAY = 3907;
    TSRANGE = 3908, "tsrange", "tsrange", -1, TSRANGE_ARRAY = 3909;
    TSTZRANGE = 3910, "tstzrange", "tstzrange", -1, TSTZRANGE_ARRAY = 3911;
    DATERANGE = 3912, "daterange", "daterange", -1, DATERANGE_ARRAY = 3913;
    INT8RANGE = 3926, "int8range", "int8range", -1, INT8RANGE_ARRAY = 3927;
    REGNAMESPACE = 4089, "regnamespace", "regnamespace", 4, REGNAMESPACE_ARRAY = 4090;
    REGROLE = 4096, "regrole", "regrole", 4, REGROLE_ARRAY = 4097;
    // pgvector's types have no fixed OID; these stand for them inside the gateway and on the wire. They are the first
    // two a user's extension gets in a new database.
    VECTOR = 16_385, "vector", "vector", -1, VECTOR_ARRAY = 16_391;
}

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

impl Oid {
    pub const UNSPECIFIED: Oid = Oid(0);

    fn row(self) -> Option<&'static TypeRow> {
        TYPES.binary_search_by_key(&self.0, |row| row.oid.0).ok().and_then(|index| TYPES.get(index))
    }

    /// A type by its name, folded and without modifiers or brackets. The grammar's `char` is `bpchar`; the internal
    /// one-byte type is written quoted, so `quoted` decides.
    pub(crate) fn named(name: &str, quoted: bool) -> Option<Oid> {
        let name = match ALIASES.iter().find(|(alias, _)| !quoted && *alias == name) {
            Some((_, typname)) => typname,
            None => name,
        };
        TYPES.iter().find(|row| row.typname == name).map(|row| row.oid)
    }

    /// Whether it is one of the types here, or an array of them; extensions and enums have others.
    pub fn is_known(self) -> bool {
        self.row().is_some() || self.element().is_some()
    }

    /// `pg_type.typlen`, as RowDescription wants it. Arrays and types not known here are varlena.
    pub fn typlen(self) -> i16 {
        self.row().map_or(-1, |row| row.typlen)
    }

    /// The element type, when this is a true array type.
    pub fn element(self) -> Option<Oid> {
        if self == Self::UNSPECIFIED {
            return None;
        }
        TYPES.iter().find(|row| row.array == self).map(|row| row.oid)
    }

    /// The type of arrays of this type.
    pub fn array(self) -> Option<Oid> {
        self.row().map(|row| row.array).filter(|array| *array != Self::UNSPECIFIED)
    }

    /// `pg_type.typname` of a type here that is no array.
    pub(crate) fn base_name(self) -> Option<&'static str> {
        self.row().map(|row| row.typname)
    }

    /// `pg_type.typname`: `int4`, `_int4`. Types not known here read `???` as in `format_type`.
    pub fn typname(self) -> String {
        match (self.row(), self.element()) {
            (Some(row), _) => row.typname.to_owned(),
            (None, Some(element)) => format!("_{}", element.typname()),
            (None, None) => "???".to_owned(),
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

/// What PostgreSQL adds to the lengths inside a typmod: the size of a varlena header.
const VARHDRSZ: i32 = 4;
/// `MaxAttrSize`: the largest n of char(n) and varchar(n).
const CHARACTERS_MAX: i32 = 10_485_760;
const NUMERIC_PRECISION_MAX: i32 = 1000;
/// `MAX_TIMESTAMP_PRECISION`.
const FRACTION_DIGITS_MAX: i32 = 6;
/// `INTERVAL_FULL_RANGE`: an interval typmod without a field restriction.
const INTERVAL_FULL_RANGE: i32 = 0x7FFF;

impl PgType {
    pub const fn new(oid: Oid) -> Self {
        Self { oid, typmod: -1 }
    }

    /// `numeric(precision, scale)`. Values outside PostgreSQL's range give plain `numeric`.
    pub fn numeric(precision: i32, scale: i32) -> Self {
        if (1..=NUMERIC_PRECISION_MAX).contains(&precision)
            && (-NUMERIC_PRECISION_MAX..=NUMERIC_PRECISION_MAX).contains(&scale)
        {
            Self { oid: Oid::NUMERIC, typmod: ((precision << 16) | (scale & 0x7FF)) + VARHDRSZ }
        } else {
            Self::new(Oid::NUMERIC)
        }
    }

    /// `numeric` without a modifier for the client, whose values are still shown with `scale` digits behind the point:
    /// what PostgreSQL computes from columns of that scale (a sum, a maximum). Kept as a modifier below -1, which no
    /// type has; [`wire_typmod`](Self::wire_typmod) hides it.
    pub fn numeric_shown(scale: i32) -> Self {
        let scale = scale.clamp(0, NUMERIC_PRECISION_MAX);
        Self { oid: Oid::NUMERIC, typmod: -2 - scale }
    }

    /// `double precision`, where 1E100 stands for NaN (a distance of vectors). Kept as [`numeric_shown`](Self::numeric_shown)
    /// is.
    pub const FLOAT8_OR_NAN: Self = Self { oid: Oid::FLOAT8, typmod: -2 };

    /// `character` without a modifier for the client, whose values still have the blanks of `characters`. Kept as
    /// [`numeric_shown`](Self::numeric_shown) is.
    pub fn bpchar_shown(characters: usize) -> Self {
        let characters = i32::try_from(characters).unwrap_or(CHARACTERS_MAX).min(CHARACTERS_MAX);
        Self { oid: Oid::BPCHAR, typmod: -2 - characters }
    }

    /// The modifier as RowDescription says it.
    pub fn wire_typmod(self) -> i32 {
        self.typmod.max(-1)
    }

    /// `character varying(n)`; without a length where n is not positive.
    pub fn varchar(characters: i32) -> Self {
        let typmod = if (1..=CHARACTERS_MAX).contains(&characters) { characters + VARHDRSZ } else { -1 };
        Self { oid: Oid::VARCHAR, typmod }
    }

    pub fn typlen(self) -> i16 {
        self.oid.typlen()
    }

    /// The digits after the decimal point that a numeric's modifier asks for; may be negative since PostgreSQL 15.
    pub fn numeric_scale(self) -> Option<i32> {
        if self.oid == Oid::NUMERIC && self.typmod < -1 {
            return Some(-2 - self.typmod);
        }
        (self.oid == Oid::NUMERIC && self.typmod >= VARHDRSZ).then(|| {
            // Eleven bits, two's complement (numeric.c, numeric_typmod_scale).
            (((self.typmod - VARHDRSZ) & 0x7FF) ^ 0x400) - 0x400
        })
    }

    /// The length in characters that the modifier of bpchar or varchar asks for.
    pub fn characters(self) -> Option<usize> {
        if self.oid == Oid::BPCHAR && self.typmod < -1 {
            return usize::try_from(-2 - self.typmod).ok();
        }
        (matches!(self.oid, Oid::BPCHAR | Oid::VARCHAR) && self.typmod >= VARHDRSZ)
            .then(|| usize::try_from(self.typmod - VARHDRSZ).unwrap_or(0))
    }

    /// The name as `format_type(oid, typmod)` prints it: `character varying(10)`, `integer[]`.
    pub fn name(self) -> String {
        if let Some(element) = self.oid.element() {
            return format!("{}[]", PgType { oid: element, typmod: self.typmod }.name());
        }
        let Some(row) = self.oid.row() else { return "???".to_owned() };
        let typmod = self.typmod;
        if typmod < 0 {
            return row.sql_name.to_owned();
        }
        let mut name = row.sql_name.to_owned();
        // Writing into a String does not fail.
        let _ = match self.oid {
            Oid::BPCHAR | Oid::VARCHAR if typmod > VARHDRSZ => write!(name, "({})", typmod - VARHDRSZ),
            Oid::NUMERIC => match self.numeric_scale() {
                Some(scale) => write!(name, "({},{scale})", ((typmod - VARHDRSZ) >> 16) & 0xFFFF),
                None => Ok(()),
            },
            Oid::TIME | Oid::TIMETZ | Oid::TIMESTAMP | Oid::TIMESTAMPTZ => {
                let (base, zone) = name.split_once(' ').unwrap_or((&name, ""));
                name = format!("{base}({typmod}) {zone}");
                Ok(())
            }
            Oid::INTERVAL if typmod & 0xFFFF != 0xFFFF => write!(name, "({})", typmod & 0xFFFF),
            Oid::BIT | Oid::VARBIT | Oid::VECTOR => write!(name, "({typmod})"),
            _ => Ok(()),
        };
        name
    }

    /// A type with modifiers as they are written behind its `name`, which is how an error calls it.
    ///
    /// # Errors
    /// 22023 for a modifier out of its range, 42601 for one where the type takes none.
    pub fn modified(oid: Oid, name: &str, modifiers: &[i32]) -> Result<PgType, Box<PgError>> {
        let typmod = match (oid, modifiers) {
            (Oid::FLOAT8, _) if name == "float" => return float_type(modifiers),
            (_, []) => -1,
            (Oid::BPCHAR, [n]) => length_typmod("char", *n, CHARACTERS_MAX)? + VARHDRSZ,
            (Oid::VARCHAR, [n]) => length_typmod("varchar", *n, CHARACTERS_MAX)? + VARHDRSZ,
            (Oid::BIT, [n]) => length_typmod("bit", *n, CHARACTERS_MAX)?,
            (Oid::VARBIT, [n]) => length_typmod("varbit", *n, CHARACTERS_MAX)?,
            (Oid::VECTOR, [n]) => vector_typmod(*n)?,
            (Oid::NUMERIC, [precision]) => numeric_typmod(*precision, 0)?,
            (Oid::NUMERIC, [precision, scale]) => numeric_typmod(*precision, *scale)?,
            (Oid::TIME | Oid::TIMETZ | Oid::TIMESTAMP | Oid::TIMESTAMPTZ, [digits]) => fraction_typmod(oid, *digits)?,
            (Oid::INTERVAL, [digits]) => (INTERVAL_FULL_RANGE << 16) | fraction_typmod(oid, *digits)?,
            (Oid::BPCHAR | Oid::VARCHAR | Oid::BIT | Oid::VARBIT | Oid::VECTOR | Oid::NUMERIC, _) => {
                return Err(invalid_modifier("invalid type modifier"));
            }
            _ => {
                return Err(PgError::error(
                    SqlState::SYNTAX_ERROR,
                    format!("type modifier is not allowed for type \"{name}\""),
                ));
            }
        };
        Ok(PgType { oid, typmod })
    }

    /// The modifiers as they are written, from a stored one.
    pub(crate) fn modifiers(self) -> Vec<i32> {
        match self.oid {
            _ if self.typmod < 0 => Vec::new(),
            Oid::VARCHAR | Oid::BPCHAR => vec![self.typmod.saturating_sub(VARHDRSZ)],
            Oid::NUMERIC => {
                vec![(self.typmod.saturating_sub(VARHDRSZ) >> 16) & 0xFFFF, self.numeric_scale().unwrap_or(0)]
            }
            Oid::INTERVAL => vec![self.typmod & 0xFFFF],
            _ => vec![self.typmod],
        }
    }
}

fn invalid_modifier(message: impl Into<String>) -> Box<PgError> {
    PgError::error(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// `float(n)`: real up to 24 bits, double precision up to 53 (gram.y, opt_float).
fn float_type(modifiers: &[i32]) -> Result<PgType, Box<PgError>> {
    match modifiers {
        [] | [25..=53] => Ok(PgType::new(Oid::FLOAT8)),
        [1..=24] => Ok(PgType::new(Oid::FLOAT4)),
        [i32::MIN..=0] => Err(invalid_modifier("precision for type float must be at least 1 bit")),
        _ => Err(invalid_modifier("precision for type float must be less than 54 bits")),
    }
}

fn length_typmod(name: &str, length: i32, length_max: i32) -> Result<i32, Box<PgError>> {
    if length < 1 {
        Err(invalid_modifier(format!("length for type {name} must be at least 1")))
    } else if length > length_max {
        Err(invalid_modifier(format!("length for type {name} cannot exceed {length_max}")))
    } else {
        Ok(length)
    }
}

fn vector_typmod(dimensions: i32) -> Result<i32, Box<PgError>> {
    let dimensions_max = crate::vector::DIMENSIONS_MAX;
    if dimensions < 1 {
        Err(invalid_modifier("dimensions for type vector must be at least 1"))
    } else if usize::try_from(dimensions).is_ok_and(|n| n > dimensions_max) {
        Err(invalid_modifier(format!("dimensions for type vector cannot exceed {dimensions_max}")))
    } else {
        Ok(dimensions)
    }
}

fn numeric_typmod(precision: i32, scale: i32) -> Result<i32, Box<PgError>> {
    if !(1..=NUMERIC_PRECISION_MAX).contains(&precision) {
        return Err(invalid_modifier(format!(
            "NUMERIC precision {precision} must be between 1 and {NUMERIC_PRECISION_MAX}"
        )));
    }
    if !(-NUMERIC_PRECISION_MAX..=NUMERIC_PRECISION_MAX).contains(&scale) {
        return Err(invalid_modifier(format!(
            "NUMERIC scale {scale} must be between -{NUMERIC_PRECISION_MAX} and {NUMERIC_PRECISION_MAX}"
        )));
    }
    Ok(PgType::numeric(precision, scale).typmod)
}

fn fraction_typmod(oid: Oid, digits: i32) -> Result<i32, Box<PgError>> {
    let name = match oid {
        Oid::TIME | Oid::TIMETZ => "TIME",
        Oid::INTERVAL => "INTERVAL",
        _ => "TIMESTAMP",
    };
    let zone = if matches!(oid, Oid::TIMETZ | Oid::TIMESTAMPTZ) { " WITH TIME ZONE" } else { "" };
    if digits < 0 {
        return Err(invalid_modifier(format!("{name}({digits}){zone} precision must not be negative")));
    }
    // PostgreSQL warns and takes the largest precision it has.
    Ok(digits.min(FRACTION_DIGITS_MAX))
}

/// A type as it is written, `varchar(10)[]`.
#[cfg(test)]
pub(super) fn spelled(text: &str) -> PgType {
    let (text, is_array) = text.strip_suffix("[]").map_or((text, false), |element| (element, true));
    let (name, modifiers) = text.strip_suffix(')').and_then(|text| text.split_once('(')).unwrap_or((text, ""));
    let modifiers: Vec<i32> = modifiers.split(',').filter_map(|modifier| modifier.parse().ok()).collect();
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let oid = Oid::named(quoted.unwrap_or(name), quoted.is_some()).unwrap();
    let base = PgType::modified(oid, name, &modifiers).unwrap();
    if is_array { PgType { oid: base.oid.array().unwrap(), ..base } } else { base }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_arrays_are_unique() {
        for pair in TYPES.windows(2) {
            assert!(pair[0].oid.0 < pair[1].oid.0, "{} before {}", pair[0].typname, pair[1].typname);
        }
        for row in TYPES.iter().filter(|row| row.array != Oid::UNSPECIFIED) {
            assert_eq!(row.array.element(), Some(row.oid));
            assert_eq!(row.oid.array(), Some(row.array));
            assert_eq!(row.array.typlen(), -1);
        }
    }

    /// Expected values printed by `format_type` of PostgreSQL 15.
    #[test]
    fn names_read_as_format_type_prints_them() {
        let cases = [
            (PgType { oid: Oid::VARCHAR, typmod: 14 }, "character varying(10)"),
            (PgType { oid: Oid::BPCHAR, typmod: 5 }, "character(1)"),
            (PgType::numeric(10, 2), "numeric(10,2)"),
            (PgType::numeric(3, -2), "numeric(3,-2)"),
            (PgType { oid: Oid::TIME, typmod: 3 }, "time(3) without time zone"),
            (PgType { oid: Oid::TIMESTAMPTZ, typmod: 0 }, "timestamp(0) with time zone"),
            (PgType { oid: Oid::INTERVAL, typmod: (32_767 << 16) | 3 }, "interval(3)"),
            (PgType { oid: Oid::VARCHAR_ARRAY, typmod: 14 }, "character varying(10)[]"),
            (PgType { oid: Oid::TIMESTAMPTZ_ARRAY, typmod: 3 }, "timestamp(3) with time zone[]"),
            (PgType::new(Oid::CHAR), "\"char\""),
            (PgType { oid: Oid::BIT, typmod: 3 }, "bit(3)"),
            (PgType { oid: Oid::VECTOR, typmod: 3 }, "vector(3)"),
            (PgType::new(Oid(999_999)), "???"),
        ];
        for (pg_type, expected) in cases {
            assert_eq!(pg_type.name(), expected);
        }
    }

    #[test]
    fn sql_spellings_are_understood() {
        for (name, expected) in [
            ("int", Oid::INT4),
            ("int4", Oid::INT4),
            ("double precision", Oid::FLOAT8),
            ("decimal", Oid::NUMERIC),
            ("char", Oid::BPCHAR),
            ("bpchar", Oid::BPCHAR),
            ("char varying", Oid::VARCHAR),
            ("bit varying", Oid::VARBIT),
            ("timestamp with time zone", Oid::TIMESTAMPTZ),
            ("time", Oid::TIME),
            ("serial8", Oid::INT8),
            ("vector", Oid::VECTOR),
        ] {
            assert_eq!(Oid::named(name, false), Some(expected), "{name}");
        }
        assert_eq!(Oid::named("char", true), Some(Oid::CHAR));
        assert_eq!(Oid::named("int", true), None);
        assert_eq!(Oid::named("nosuch", false), None);
        assert!(ALIASES.iter().all(|(alias, _)| Oid::named(alias, false).is_some()));
    }

    #[test]
    fn modifiers_are_within_their_range() {
        for (oid, name, modifiers, expected) in [
            (Oid::FLOAT8, "float", &[24][..], "real"),
            (Oid::FLOAT8, "float", &[25], "double precision"),
            (Oid::FLOAT8, "float", &[54], "22023 precision for type float must be less than 54 bits"),
            (Oid::NUMERIC, "decimal", &[12, 3], "numeric(12,3)"),
            (Oid::NUMERIC, "numeric", &[5], "numeric(5,0)"),
            (Oid::NUMERIC, "numeric", &[10, -2], "numeric(10,-2)"),
            (Oid::NUMERIC, "numeric", &[1001], "22023 NUMERIC precision 1001 must be between 1 and 1000"),
            (Oid::VARCHAR, "varchar", &[7], "character varying(7)"),
            (Oid::VARCHAR, "varchar", &[0], "22023 length for type varchar must be at least 1"),
            (Oid::VARCHAR, "varchar", &[], "character varying"),
            (Oid::TIMESTAMPTZ, "timestamptz", &[3], "timestamp(3) with time zone"),
            (Oid::VECTOR, "vector", &[1536], "vector(1536)"),
            (Oid::BIT, "bit", &[1], "bit(1)"),
            (Oid::INT4, "int", &[3], "42601 type modifier is not allowed for type \"int\""),
        ] {
            let said = match PgType::modified(oid, name, modifiers) {
                Ok(pg_type) => {
                    // `numeric(5)` is `numeric(5,0)`, and a type of no modifier takes none back.
                    assert!(pg_type.modifiers().starts_with(modifiers) || name == "float", "{name}");
                    pg_type.name()
                }
                Err(error) => format!("{} {}", error.code, error.message),
            };
            assert_eq!(said, expected, "{name}");
        }
    }
}
