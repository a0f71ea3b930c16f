//! PostgreSQL's column types in IRIS.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::definition::notice;
use crate::sql::description::{EnumType, column_description};
use crate::sql::named_type::NamedType;
use crate::sql::syntax::nodes;
use crate::sql::translate::context::Result;
use crate::sql::translate::context::cx::Cx;
use crate::sql::translate::expr::casts::type_name;
use crate::sql::translate::value::enums;
use crate::types::{Oid, PgType};
use crate::wire::{PgError, SqlState};

/// The text types of IRIS compare without case unless told otherwise.
const EXACT: &str = " %EXACT";

/// A label of an enum is a name (`NAMEDATALEN` - 1).
const LABEL_CHARACTERS_MAX: u32 = 63;

/// Characters (UTF-16 units) of the longest string of IRIS, which text without a declared length may have. The row of
/// a table is such a string as well, so all its values together have no more.
pub(crate) const STRING_CHARACTERS_MAX: usize = 3_641_144;

/// Digits IRIS keeps of a number, and how many of them behind the point when the declaration leaves that open.
const PRECISION_MAX: i32 = 38;
const SCALE_OPEN: i32 = 19;

/// A column's type, both ways.
#[derive(Debug)]
pub(super) struct ColumnType {
    pub pg_type: PgType,
    /// `VARCHAR(20)`.
    pub iris: String,
    /// ` %EXACT` for text.
    pub collation: &'static str,
    /// `serial` and its kin.
    pub is_serial: bool,
    /// Its labels are kept in the description.
    pub enum_type: Option<EnumType>,
    /// Its name is.
    pub named: Option<NamedType>,
}

/// What a column's %DESCRIPTION has to say; `None` when IRIS gives the type back by itself. NUMERIC always does: IRIS
/// reports digits of its own making. So does text: that its collation is EXACT, INFORMATION_SCHEMA does not tell.
pub(super) fn description(pg_type: PgType) -> Option<String> {
    let told = match pg_type.oid {
        Oid::BOOL | Oid::INT2 | Oid::INT4 | Oid::INT8 | Oid::FLOAT8 | Oid::DATE | Oid::BYTEA => true,
        Oid::TIME | Oid::TIMESTAMP => pg_type.typmod < 0,
        _ => false,
    };
    if told { None } else { column_description(pg_type) }
}

/// The type node among a node's children.
pub(super) fn type_node(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.children().find(|child| {
        matches!(
            child.kind(),
            SyntaxKind::ARRAY_TYPE
                | SyntaxKind::PATH_TYPE
                | SyntaxKind::VARCHAR_TYPE
                | SyntaxKind::CHARACTER_TYPE
                | SyntaxKind::BIT_TYPE
                | SyntaxKind::BIT_VARYING_TYPE
                | SyntaxKind::DOUBLE_TYPE
                | SyntaxKind::TIME_TYPE
                | SyntaxKind::TIMESTAMP_TYPE
                | SyntaxKind::INTERVAL_TYPE
        )
    })
}

pub(super) fn column_type(cx: &Cx<'_>, node: &SyntaxNode) -> Result<ColumnType> {
    let written = type_name(cx, node);
    let at = nodes::offset(written.at);
    // IRIS's own way to say it: `VECTOR(FLOAT, 128)`.
    if let Some(element) = written.name.strip_prefix("vector ")
        && matches!(element, "float" | "double" | "decimal")
    {
        let [length] = written.mods.as_slice() else {
            return Err(PgError::unsupported("a VECTOR of IRIS needs a length here").position(at));
        };
        return Ok(ColumnType {
            pg_type: PgType { oid: Oid::VECTOR, typmod: *length },
            iris: format!("VECTOR({}, {length})", element.to_uppercase()),
            collation: "",
            is_serial: false,
            enum_type: None,
            named: None,
        });
    }
    let pg_type = match (written.resolve(), enums::enum_of(cx, node)) {
        (Err(_), Some(declared)) if !written.array => {
            return Ok(ColumnType {
                pg_type: PgType::new(Oid::TEXT),
                iris: format!("VARCHAR({LABEL_CHARACTERS_MAX})"),
                collation: EXACT,
                is_serial: false,
                enum_type: Some(declared),
                named: None,
            });
        }
        (Err(_), _) if let Some(named) = enums::named_type(cx, node) => return Ok(type_of_named(cx, named)),
        (resolved, _) => resolved?,
    };
    if written.array && pg_type.oid.element().is_none() {
        let name = &written.name;
        return Err(PgError::unsupported(format!("arrays of {name} are not supported")).position(at));
    }
    if written.is_serial() && written.array {
        return Err(PgError::error(SqlState::FEATURE_NOT_SUPPORTED, "array of serial is not implemented").position(at));
    }
    if pg_type.oid == Oid::INTERVAL && written.name.starts_with("interval ") {
        return Err(PgError::unsupported("interval columns restricted to some fields are not supported")
            .hint("Use interval without the fields.")
            .position(at));
    }
    if pg_type.oid == Oid::BPCHAR && pg_type.typmod < 0 && !written.array {
        return Err(PgError::unsupported(
            "columns of type bpchar without a length are not supported: IRIS keeps no blanks of it",
        )
        .hint("Use character(n), or text.")
        .position(at));
    }
    if pg_type.oid == Oid::XML {
        return Err(PgError::unsupported("columns of type xml are not supported: IRIS does not check documents")
            .hint("Use text.")
            .position(at));
    }
    let (iris, collation) = iris_type(cx, pg_type).map_err(|error| error.position(at))?;
    Ok(ColumnType { pg_type, iris, collation, is_serial: written.is_serial(), enum_type: None, named: None })
}

/// The type of a column that a query gives; 0A000 where IRIS has nothing like it.
pub(super) fn type_of_query(
    cx: &Cx<'_>,
    pg_type: PgType,
    enum_type: Option<EnumType>,
    named: Option<&NamedType>,
) -> Result<ColumnType> {
    if let Some(named) = named {
        return Ok(type_of_named(cx, named.clone()));
    }
    let (iris, collation) = match enum_type {
        Some(_) => (format!("VARCHAR({LABEL_CHARACTERS_MAX})"), EXACT),
        None => iris_type(cx, pg_type)?,
    };
    Ok(ColumnType { pg_type, iris, collation, is_serial: false, enum_type, named: None })
}

/// What IRIS keeps of a type of a user's making: what it keeps of a domain's own type, else PostgreSQL's text of the value.
fn type_of_named(cx: &Cx<'_>, named: NamedType) -> ColumnType {
    let of_base = named.base.filter(|base| base.oid != Oid::XML && (base.oid != Oid::BPCHAR || base.typmod >= 0));
    let of_base = of_base.filter(|base| base.oid.base_name().is_some() || base.oid.element().is_some());
    let kept = of_base.and_then(|base| Some((base, iris_type(cx, base).ok()?)));
    let longest = || (format!("VARCHAR({STRING_CHARACTERS_MAX})"), EXACT);
    let (base, (iris, collation)) = match kept {
        Some((base, kept)) => (Some(base), kept),
        None => (None, longest()),
    };
    let named = NamedType { base, ..named };
    let pg_type = named.pg_type();
    ColumnType { pg_type, iris, collation, is_serial: false, enum_type: None, named: Some(named) }
}

fn iris_type(cx: &Cx<'_>, pg_type: PgType) -> Result<(String, &'static str)> {
    let mods = pg_type.modifiers();
    let exact = |text: &str| Ok((text.to_owned(), EXACT));
    let plain = |text: &str| Ok((text.to_owned(), ""));
    let longest = || Ok((format!("VARCHAR({STRING_CHARACTERS_MAX})"), EXACT));
    match (pg_type.oid, mods.as_slice()) {
        (Oid::BOOL, _) => plain("BIT"),
        (Oid::INT2, _) => plain("SMALLINT"),
        (Oid::INT4, _) => plain("INTEGER"),
        (Oid::INT8 | Oid::OID, _) => plain("BIGINT"),
        (Oid::FLOAT4 | Oid::FLOAT8, _) => plain("DOUBLE"),
        (Oid::NUMERIC, [precision, scale]) => Ok((numeric(cx, *precision, *scale)?, "")),
        (Oid::NUMERIC, _) => Ok((format!("NUMERIC({PRECISION_MAX},{SCALE_OPEN})"), "")),
        (Oid::MONEY, _) => plain("NUMERIC(19,2)"),
        (Oid::VARCHAR, [length]) => Ok((format!("VARCHAR({length})"), EXACT)),
        (Oid::BPCHAR, [length]) => Ok((format!("CHAR({length})"), EXACT)),
        (Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR, _) => longest(),
        (Oid::CHAR, _) => exact("VARCHAR(1)"),
        (Oid::NAME | Oid::INTERVAL, _) => exact("VARCHAR(64)"),
        (Oid::DATE, _) => plain("DATE"),
        (Oid::TIME, _) => plain("TIME(6)"),
        // Without a precision IRIS keeps up to nine digits of the fraction.
        (Oid::TIMESTAMP | Oid::TIMESTAMPTZ, _) => plain("TIMESTAMP"),
        (Oid::BYTEA, _) => Ok((format!("VARBINARY({STRING_CHARACTERS_MAX})"), "")),
        (Oid::UUID, _) => exact("VARCHAR(36)"),
        (Oid::JSON | Oid::JSONB | Oid::XML, _) => longest(),
        (Oid::INET | Oid::CIDR | Oid::MACADDR | Oid::MACADDR8, _) => exact("VARCHAR(43)"),
        (Oid::BIT | Oid::VARBIT, [length]) => Ok((format!("VARCHAR({length})"), EXACT)),
        (Oid::BIT, _) => exact("VARCHAR(1)"),
        (Oid::VARBIT, _) => longest(),
        (Oid::VECTOR, [length]) => Ok((format!("VECTOR(DOUBLE, {length})"), "")),
        (Oid::VECTOR, _) => plain("VECTOR(DOUBLE)"),
        (oid, _) if oid.element().is_some() => longest(),
        (oid, _) => {
            let name = oid.base_name().unwrap_or("this type");
            Err(PgError::unsupported(format!("columns of type {name} are not supported: IRIS has nothing like it"))
                .hint("Use text, or another type that holds the same values."))
        }
    }
}

/// The type of a column with `STORAGE EXTERNAL`: PostgreSQL's word for values that are kept outside of their row is the
/// way to a stream of IRIS, which holds values of any length. `None` where PostgreSQL's storage makes no difference.
pub(super) fn stream_type(pg_type: PgType) -> Option<&'static str> {
    match pg_type.oid {
        Oid::TEXT | Oid::JSON | Oid::JSONB | Oid::XML => Some("LONGVARCHAR"),
        Oid::VARCHAR | Oid::BPCHAR if pg_type.typmod < 0 => Some("LONGVARCHAR"),
        Oid::BYTEA => Some("LONGVARBINARY"),
        _ => None,
    }
}

fn numeric(cx: &Cx<'_>, precision: i32, scale: i32) -> Result<String> {
    if scale < 0 {
        return Err(PgError::unsupported("IRIS has no NUMERIC with a negative scale"));
    }
    if precision <= PRECISION_MAX {
        return Ok(format!("NUMERIC({precision},{scale})"));
    }
    let kept = scale.min(SCALE_OPEN);
    notice(
        cx,
        SqlState::WARNING,
        format!(
            "numeric({precision},{scale}) becomes NUMERIC({PRECISION_MAX},{kept}): IRIS keeps no more digits than that"
        ),
    );
    Ok(format!("NUMERIC({PRECISION_MAX},{kept})"))
}
