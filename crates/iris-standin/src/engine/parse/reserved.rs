//! Words that cannot be plain identifiers (facts, section 3).

/// Sorted, for binary search.
#[rustfmt::skip]
static RESERVED: [&str; 277] = [
    "%AFTERHAVING", "%ALLINDEX", "%ALPHAUP", "%ALTER", "%BEGTRANS", "%CHECKPRIV", "%CLASSNAME", "%CLASSPARAMETER",
    "%DBUGFULL", "%DELDATA", "%DESCRIPTION", "%EXACT", "%EXTERNAL", "%FILE", "%FIRSTTABLE", "%FLATTEN", "%FOREACH",
    "%FULL", "%ID", "%IDADDED", "%IGNOREINDEX", "%IGNOREINDICES", "%INLIST", "%INORDER", "%INTERNAL", "%INTEXT",
    "%INTRANS", "%INTRANSACTION", "%KEY", "%MATCHES", "%MCODE", "%MERGE", "%MINUS", "%MVR", "%NOCHECK", "%NODELDATA",
    "%NOFLATTEN", "%NOFPLAN", "%NOINDEX", "%NOLOCK", "%NOMERGE", "%NOPARALLEL", "%NOREDUCE", "%NORUNTIME", "%NOSVSO",
    "%NOTOPOPT", "%NOTRIGGER", "%NOUNIONOROPT", "%NUMROWS", "%ODBCIN", "%ODBCOUT", "%PARALLEL", "%PLUS", "%PROFILE",
    "%PROFILE_ALL", "%PUBLICROWID", "%ROUTINE", "%ROWCOUNT", "%RUNTIMEIN", "%RUNTIMEOUT", "%SQLSTRING", "%SQLUPPER",
    "%STARTSWITH", "%STARTTABLE", "%STRING", "%TABLENAME", "%TRUNCATE", "%UPPER", "%VALUE", "%VID", "ABSOLUTE", "ADD",
    "ALL", "ALLOCATE", "ALTER", "AND", "ANY", "ARE", "AS", "ASC", "ASSERTION", "AT", "AUTHORIZATION", "AVG", "BEGIN",
    "BETWEEN", "BIT", "BIT_LENGTH", "BOTH", "BY", "CASCADE", "CASE", "CHAR", "CHARACTER", "CHARACTER_LENGTH",
    "CHAR_LENGTH", "CHECK", "CLOSE", "COALESCE", "COLLATE", "COMMIT", "CONNECT", "CONNECTION", "CONSTRAINT",
    "CONSTRAINTS", "CONTINUE", "CONVERT", "CORRESPONDING", "COUNT", "CREATE", "CROSS", "CURRENT", "CURRENT_DATE",
    "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "CURSOR", "DATE", "DEALLOCATE", "DEC", "DECIMAL", "DECLARE",
    "DEFAULT", "DEFERRABLE", "DEFERRED", "DELETE", "DESC", "DESCRIBE", "DESCRIPTOR", "DIAGNOSTICS", "DISCONNECT",
    "DISTINCT", "DOMAIN", "DOUBLE", "DROP", "ELSE", "END", "ENDEXEC", "ESCAPE", "EXCEPT", "EXCEPTION", "EXEC",
    "EXECUTE", "EXISTS", "EXTERNAL", "EXTRACT", "FALSE", "FETCH", "FIRST", "FLOAT", "FOR", "FOREIGN", "FOUND", "FROM",
    "FULL", "GET", "GLOBAL", "GO", "GOTO", "GRANT", "GROUP", "HAVING", "HOUR", "IDENTITY", "IMMEDIATE", "IN",
    "INDICATOR", "INITIALLY", "INNER", "INPUT", "INSENSITIVE", "INSERT", "INT", "INTEGER", "INTERSECT", "INTERVAL",
    "INTO", "IS", "ISOLATION", "JOIN", "LANGUAGE", "LAST", "LEADING", "LEFT", "LEVEL", "LIKE", "LOCAL", "LOWER",
    "MATCH", "MAX", "MIN", "MINUTE", "MODULE", "NAMES", "NATIONAL", "NATURAL", "NCHAR", "NEXT", "NO", "NOT", "NULL",
    "NULLIF", "NUMERIC", "OCTET_LENGTH", "OF", "ON", "ONLY", "OPEN", "OPTION", "OR", "OUTER", "OUTPUT", "OVERLAPS",
    "PAD", "PARTIAL", "PREPARE", "PRESERVE", "PRIMARY", "PRIOR", "PRIVILEGES", "PROCEDURE", "PUBLIC", "READ", "REAL",
    "REFERENCES", "RELATIVE", "RESTRICT", "REVOKE", "RIGHT", "ROLE", "ROLLBACK", "ROWS", "SCHEMA", "SCROLL", "SECOND",
    "SECTION", "SELECT", "SESSION_USER", "SET", "SHARD", "SMALLINT", "SOME", "SPACE", "SQLERROR", "SQLSTATE",
    "STATISTICS", "SUBSTRING", "SUM", "SYSDATE", "SYSTEM_USER", "TABLE", "TEMPORARY", "THEN", "TIME", "TIMEZONE_HOUR",
    "TIMEZONE_MINUTE", "TO", "TOP", "TRAILING", "TRANSACTION", "TRIM", "TRUE", "UNION", "UNIQUE", "UPDATE", "UPPER",
    "USER", "USING", "VALUES", "VARCHAR", "VARYING", "WHEN", "WHENEVER", "WHERE", "WITH", "WORK", "WRITE",
];

/// `word` is upper-cased.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(RESERVED.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn words_that_clients_use_as_columns_are_free() {
        for word in
            ["KEY", "TEXT", "LABEL", "NAME", "KIND", "ID", "TYPE", "VALUE", "STATUS", "LIMIT", "OFFSET", "TIMESTAMP"]
        {
            assert!(!is_reserved(word), "{word}");
        }
        for word in ["SELECT", "DATE", "USER", "TOP", "TIME", "LEVEL", "%ID"] {
            assert!(is_reserved(word), "{word}");
        }
    }
}
