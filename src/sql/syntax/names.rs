//! Names: what IRIS must have in quotes, what it cannot have at all, and which schema a relation is in.

use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use crate::sql::iris_text::quoted_name;
use crate::types::read_quoted_name;
use crate::wire::{PgError, SqlState};

/// Words IRIS reserves (`%SYSTEM.SQL.IsReservedWord`), and those some versions do; quoting one too many is harmless:
/// delimited names are compared without case in IRIS. Sorted.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "ABSOLUTE", "ACTION", "ADD", "ALL", "ALLOCATE", "ALTER", "AND", "ANY", "ARE", "AS", "ASC", "ASSERTION", "AT",
    "AUTHORIZATION", "AVG", "BEGIN", "BETWEEN", "BIT", "BIT_LENGTH", "BOTH", "BY", "CASCADE", "CASE", "CAST", "CHAR",
    "CHARACTER", "CHARACTER_LENGTH", "CHAR_LENGTH", "CHECK", "CLOSE", "COALESCE", "COLLATE", "COLLATION", "COLUMN",
    "COMMIT", "CONNECT", "CONNECTION", "CONSTRAINT", "CONSTRAINTS", "CONTINUE", "CONVERT", "CORRESPONDING", "COUNT",
    "CREATE", "CROSS", "CURRENT", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "CURSOR",
    "DATE", "DAY", "DEALLOCATE", "DEC", "DECIMAL", "DECLARE", "DEFAULT", "DEFERRABLE", "DEFERRED", "DELETE", "DESC",
    "DESCRIBE", "DESCRIPTOR", "DIAGNOSTICS", "DISCONNECT", "DISTINCT", "DOMAIN", "DOUBLE", "DROP", "ELSE", "END",
    "ENDEXEC", "ESCAPE", "EXCEPT", "EXCEPTION", "EXEC", "EXECUTE", "EXISTS", "EXTERNAL", "EXTRACT", "FALSE", "FETCH",
    "FIRST", "FLOAT", "FOR", "FOREIGN", "FOUND", "FROM", "FULL", "GET", "GLOBAL", "GO", "GOTO", "GRANT", "GROUP",
    "HAVING", "HOUR", "IDENTITY", "IMMEDIATE", "IN", "INDICATOR", "INITIALLY", "INNER", "INPUT", "INSENSITIVE",
    "INSERT", "INT", "INTEGER", "INTERSECT", "INTERVAL", "INTO", "IS", "ISOLATION", "JOIN", "KEY", "LANGUAGE", "LAST",
    "LEADING", "LEFT", "LEVEL", "LIKE", "LOCAL", "LOWER", "MATCH", "MAX", "MIN", "MINUTE", "MODULE", "NAMES",
    "NATIONAL", "NATURAL", "NCHAR", "NEXT", "NO", "NOT", "NULL", "NULLIF", "NUMERIC", "OCTET_LENGTH", "OF", "OFF",
    "OFFSET", "OLD", "ON", "ONLY", "OPEN", "OPTION", "OR", "ORDER", "OUTER", "OUTPUT", "OVERLAPS", "PAD", "PARAMETER",
    "PARTIAL", "POSITION", "PRECISION", "PREPARE", "PRESERVE", "PRIMARY", "PRIOR", "PRIVILEGES", "PROCEDURE",
    "PUBLIC", "READ", "REAL", "REFERENCES", "RELATIVE", "RESTRICT", "REVOKE", "RIGHT", "ROLE", "ROLLBACK", "ROWID",
    "ROWS", "SCHEMA", "SCROLL", "SECOND", "SECTION", "SELECT", "SESSION", "SESSION_USER", "SET", "SHARD", "SIZE",
    "SMALLINT", "SOME", "SPACE", "SQL", "SQLCODE", "SQLERROR", "SQLSTATE", "STATISTICS", "SUBSTRING", "SUM",
    "SYSDATE", "SYSTEM_USER", "TABLE", "TEMPORARY", "THEN", "TIME", "TIMESTAMP", "TIMEZONE_HOUR", "TIMEZONE_MINUTE",
    "TO", "TOP", "TRAILING", "TRANSACTION", "TRANSLATE", "TRANSLATION", "TRIGGER", "TRIM", "TRUE", "UNION", "UNIQUE",
    "UNKNOWN", "UPDATE", "UPPER", "USAGE", "USER", "USING", "VALUE", "VALUES", "VARCHAR", "VARYING", "VIEW", "WHEN",
    "WHENEVER", "WHERE", "WITH", "WORK", "WRITE", "YEAR", "ZONE",
];

pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

/// What PostgreSQL calls it: quotes off, plain names in lower case.
pub(crate) fn folded(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_lowercase(),
    }
}

/// A name for IRIS: as typed, quoted where IRIS needs it.
pub(crate) fn iris_name(typed: &str) -> Result<String, Box<PgError>> {
    let Some(quoted) = typed.strip_prefix('"') else {
        if typed.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("u&")) {
            return Err(PgError::unsupported("identifiers with Unicode escapes (U&\"..\") are not supported"));
        }
        // IRIS takes a leading underscore for something else.
        return Ok(if typed.starts_with('_') || is_reserved(typed) { quoted_name(typed) } else { typed.to_owned() });
    };
    let inner = quoted.strip_suffix('"').unwrap_or(quoted);
    if inner.is_empty() {
        return Err(PgError::error(SqlState::SYNTAX_ERROR, "zero-length delimited identifier"));
    }
    if !can_hold(inner) {
        return Err(PgError::unsupported(format!("IRIS cannot hold the name \"{inner}\""))
            .hint("Names in IRIS may not contain a comma, period, caret, double quote, arrow or control character."));
    }
    Ok(typed.to_owned())
}

/// Whether IRIS can hold a folded name.
pub(crate) fn can_hold(folded: &str) -> bool {
    !folded.is_empty()
        && !folded.contains([',', '.', '^', '"'])
        && !folded.contains("->")
        && !folded.chars().any(char::is_control)
}

/// A name that only this statement gives, as typed: where IRIS cannot hold it, `stand_in` takes its place.
pub(crate) fn iris_name_or(typed: &str, stand_in: impl FnOnce() -> String) -> Result<String, Box<PgError>> {
    let folded = folded(typed);
    if folded.is_empty() || can_hold(&folded) { iris_name(typed) } else { Ok(stand_in()) }
}

/// A name made by the gateway or known folded, for IRIS.
pub(crate) fn iris_name_of(folded: &str) -> String {
    let plain = folded.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && folded.starts_with(|c: char| c.is_ascii_alphabetic())
        && !is_reserved(folded);
    if plain { folded.to_owned() } else { quoted_name(folded) }
}

/// The parts of a dotted name, as typed: of `PATH`, `PATH_REF`, `*_NAME_REF`, `FIELD_EXPR` and what wraps them.
pub(crate) fn parts(node: &SyntaxNode) -> Vec<String> {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| is_name_token(token.kind()))
        .map(|token| token.text().to_owned())
        .collect()
}

/// The same, as PostgreSQL calls them.
pub(crate) fn folded_parts(node: &SyntaxNode) -> Vec<String> {
    parts(node).iter().map(|part| folded(part)).collect()
}

fn is_name_token(kind: SyntaxKind) -> bool {
    kind == SyntaxKind::IDENT || (kind.is_keyword() && !matches!(kind, SyntaxKind::ONLY_KW | SyntaxKind::LATERAL_KW))
}

/// The first name inside a node, as typed.
pub(crate) fn first(node: &SyntaxNode) -> Option<String> {
    parts(node).into_iter().next()
}

pub(crate) fn catalog_later(name: &str) -> Box<PgError> {
    PgError::unsupported(format!("the system catalog relation \"{name}\" cannot be used together with tables"))
        .detail("Catalogs are answered by PostgreSQL, tables by IRIS.")
        .hint("Query them one after the other.")
}

/// What the input of `regclass` reads, `a."B c"`: names with dots between, in lower case unless they are in quotes; `None` for anything else.
pub(crate) fn regclass_parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    loop {
        let (part, after) = if rest.starts_with('"') {
            read_quoted_name(rest)?
        } else {
            let end = rest.find(|c: char| c == '.' || c.is_ascii_whitespace()).unwrap_or(rest.len());
            let (plain, after) = rest.split_at_checked(end)?;
            (plain.to_lowercase(), after)
        };
        rest = after;
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() && parts.len() <= 3 => return Some(parts),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_regclass_reads_them() {
        for (text, parts) in [
            ("s", Some(vec!["s"])),
            (" Public . S ", Some(vec!["public", "s"])),
            ("\"A.b\".\"c\"\"d\"", Some(vec!["A.b", "c\"d"])),
            ("db.public.s", Some(vec!["db", "public", "s"])),
            ("", None),
            ("a.", None),
            ("a b", None),
            ("\"a", None),
            ("a.b.c.d", None),
        ] {
            let expected = parts.map(|parts| parts.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(regclass_parts(text), expected, "{text}");
        }
    }
}
