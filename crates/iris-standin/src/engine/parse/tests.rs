use super::*;

fn code(sql: &str) -> i32 {
    parse(sql).map(|_| 0).unwrap_or_else(|error| error.sqlcode)
}

#[test]
fn statements_of_clients_parse() {
    for sql in [
        "SELECT TOP :%qpar(1) * FROM ( SELECT :%qpar(2) AS a UNION SELECT :%qpar(3) ) WHERE a IN ( :%qpar(4) , :%qpar(5) )",
        "SELECT DISTINCT TOP 5 a, %EXACT(b) AS b FROM t ORDER BY a DESC",
        "SELECT a FROM t WHERE d >= { d '2024-01-01' } AND {fn LENGTH(a)} > 2",
        "SELECT a FROM t WHERE EXISTS((SELECT 1 FROM u WHERE u.a = t.a))",
        "SELECT a FROM t WHERE EXISTS SELECT 1 FROM u",
        "WITH x AS (SELECT 1 AS a), y AS (SELECT a FROM x) SELECT * FROM y",
        "(SELECT TOP 1 a FROM t) UNION ALL (SELECT a FROM u LIMIT 3)",
        "SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM t",
        "SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END FROM t",
        "INSERT INTO t (a, b) VALUES (?, to_vector(?, decimal)), (?, to_vector(?, decimal))",
        "INSERT OR UPDATE t (a) SELECT a FROM u",
        "INSERT INTO t DEFAULT VALUES",
        "INSERT %NOCHECK INTO t SET a = 1, b = DEFAULT",
        "UPDATE t SET c = s.c FROM src AS s WHERE t.id = s.id",
        "DELETE FROM t FROM u WHERE t.a = u.a",
        "SELECT JSON_OBJECT('a':1, 'b':? ABSENT ON NULL)",
        "SELECT DATEADD(DAY, 1, x), DATEADD('hour', ?, y) FROM t",
        "SELECT CAST(a AS VARCHAR('')), CONVERT(VARCHAR, b), {fn CONVERT(c, SQL_INTEGER)} FROM t",
        "SELECT x # 7, 7 \\ 2, a->b FROM t",
        "SELECT a FROM t LIMIT ? OFFSET ?",
        "SELECT a FROM t ORDER BY a OFFSET 5 ROWS FETCH FIRST 3 ROWS ONLY",
        "SELECT t.%ID, $PIECE(a, ',', 1), $HOROLOG, CURRENT_TIMESTAMP(6) FROM t",
        "SELECT jt.a FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a INTEGER PATH '$')) jt",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "ROLLBACK TO SAVEPOINT sp",
        "SELECT TRIM(BOTH 'x' FROM a), POSITION('a' IN b), SUBSTRING(a FROM 2 FOR 3) FROM t",
        "SELECT a FROM t WHERE a = ANY (SELECT b FROM u) AND NOT a %STARTSWITH 'x' AND a [ 'y'",
        "SELECT VECTOR_COSINE(v, TO_VECTOR(?, DOUBLE, ?)) AS s FROM vec ORDER BY 1 DESC",
    ] {
        parse(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

#[test]
fn what_the_dialect_lacks_is_refused_with_its_code() {
    for (sql, expected) in [
        ("SELECT 1;", 25),
        ("SELECT a FROM t TOP 5", 25),
        ("SELECT TOP 5 a FROM t LIMIT 3", 386),
        ("SELECT a FROM t LIMIT 3 FETCH FIRST 2 ROWS ONLY", 386),
        ("SELECT a FROM t LIMIT 3, 4", 25),
        ("SELECT DISTINCT ON (a) a FROM t", 12),
        ("SELECT a FROM t FOR UPDATE", 25),
        ("SELECT a FROM t ORDER BY a NULLS LAST", 25),
        ("SELECT COUNT(*) FILTER (WHERE a = 1) FROM t", 25),
        ("SELECT (a, b) FROM t", 1),
        ("SELECT a FROM t WHERE (a, b) = (1, 2)", 1),
        ("SELECT a FROM t WHERE a IS DISTINCT FROM b", 1),
        ("SELECT a FROM t WHERE a IS TRUE", 1),
        ("SELECT a FROM t WHERE FALSE", 12),
        ("SELECT TRUE", 12),
        ("SELECT a FROM t WHERE a ILIKE 'x'", 25),
        ("INSERT INTO t (a) VALUES (1) RETURNING a", 25),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING", 25),
        ("DELETE FROM t USING u WHERE t.a = u.a", 25),
        ("VALUES (1)", 1),
        ("SELECT * FROM (VALUES (1)) x", 1),
        ("SELECT E'x'", 25),
        ("SELECT a FROM t, LATERAL (SELECT 1) x", 1),
        ("WITH RECURSIVE n AS (SELECT 1) SELECT * FROM n", 1),
        ("SELECT * FROM (SELECT a FROM t ORDER BY a) x", 1),
        ("SELECT a INTO b FROM t", 422),
        ("SELECT ARRAY[1,2]", 25),
        ("SAVEPOINT", 301),
        ("SAVEPOINT SYSTEM1", 302),
        ("BEGIN", 1),
        ("RELEASE SAVEPOINT a", 1),
        ("SELECT a FROM t WHERE a == 1", 12),
        ("SELECT a FROM t WHERE a << 1", 12),
        ("SELECT", 12),
        ("SELECT date FROM t", 12),
    ] {
        assert_eq!(code(sql), expected, "{sql}: {:?}", parse(sql).map(|_| ()));
    }
}

/// In a stack as big as a connection's: a test has 2 MiB, which is little without optimisation.
#[test]
fn deep_nesting_is_refused_not_crashed() {
    let run = || {
        let sql = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(code(&sql), 1);
        assert_eq!(code(&format!("SELECT {}1", " -".repeat(5_000))), 1);
        assert_eq!(code(&format!("SELECT a FROM t WHERE {}a = 1", "NOT ".repeat(5_000))), 1);
    };
    std::thread::Builder::new().stack_size(32 << 20).spawn(run).unwrap().join().unwrap();
}
