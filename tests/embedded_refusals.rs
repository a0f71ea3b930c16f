//! What the stand-in refuses, with IRIS's SQLCODE: PostgreSQL's SQL above all. A statement that slips through here would
//! hide a defect of the gateway.

mod embedded;

use embedded::Fixture;

const REFUSED: &[(&str, i32)] = &[
    // PostgreSQL's lexical forms.
    ("SELECT 1;", 25),
    ("SELECT a::int FROM t", 1),
    ("SELECT $1", 1),
    ("SELECT $$x$$", 1),
    ("SELECT E'x'", 25),
    ("SELECT a FROM t WHERE b ~ 'x'", 1),
    ("SELECT a ^ 2 FROM t", 1),
    ("SELECT a % 2 FROM t", 1),
    ("SELECT a & 1 FROM t", 1),
    ("SELECT a << 1 FROM t", 12),
    ("SELECT a == 1 FROM t", 12),
    ("SELECT \"\" FROM t", 1),
    ("SELECT 'abc", 3),
    ("SELECT :host", 28),
    // Literals, conditions, values.
    ("SELECT TRUE", 12),
    ("SELECT FALSE", 12),
    ("SELECT a FROM t WHERE TRUE", 12),
    ("SELECT a FROM t WHERE flag IS TRUE", 1),
    ("SELECT a FROM t WHERE flag", 14),
    ("SELECT a FROM t WHERE 1", 14),
    ("SELECT a FROM t WHERE a = 1 AND 1", 14),
    ("SELECT a FROM t WHERE NOT flag", 14),
    ("SELECT a FROM t WHERE ?", 14),
    ("SELECT a = 1 FROM t", 12),
    ("SELECT a IS NULL FROM t", 12),
    ("SELECT EXISTS (SELECT 1) FROM t", 12),
    ("SELECT a IN (1, 2) FROM t", 12),
    ("SELECT NOT a FROM t", 12),
    ("SELECT a FROM t WHERE (a = 1) = (a = 2)", 12),
    ("SELECT (a, b) FROM t", 1),
    ("SELECT a FROM t WHERE (a, b) = (1, 2)", 1),
    ("SELECT a FROM t WHERE (a, b) IN ((1, 2))", 1),
    ("SELECT a FROM t WHERE a IS DISTINCT FROM b", 1),
    ("SELECT a FROM t WHERE b ILIKE 'x'", 25),
    ("SELECT a FROM t WHERE b SIMILAR TO 'x'", 25),
    ("SELECT a FROM t WHERE a = ANY(?)", 1),
    ("SELECT a FROM t WHERE b LIKE 'x' ESCAPE 'ab'", 63),
    ("SELECT ARRAY[1, 2]", 25),
    ("SELECT INTERVAL '1 day'", 12),
    ("SELECT DATE '2024-01-01'", 12),
    ("SELECT a[1] FROM t", 25),
    // Clauses.
    ("SELECT DISTINCT ON (a) a FROM t", 12),
    ("SELECT a FROM t ORDER BY a NULLS LAST", 25),
    ("SELECT a FROM t FOR UPDATE", 25),
    ("SELECT TOP 5 a FROM t LIMIT 3", 386),
    ("SELECT TOP 5 a FROM t FETCH FIRST 3 ROWS ONLY", 386),
    ("SELECT a FROM t LIMIT 3 FETCH FIRST 3 ROWS ONLY", 386),
    ("SELECT a FROM t LIMIT 3, 4", 25),
    ("SELECT a FROM t LIMIT 1 + 1", 25),
    ("SELECT a FROM t LIMIT 5 WHERE a = 1", 25),
    ("SELECT * FROM (SELECT a FROM t ORDER BY a) x", 1),
    ("SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 3) x", 1),
    ("SELECT COUNT(*) FILTER (WHERE a = 1) FROM t", 25),
    ("SELECT a FROM t WINDOW w AS (ORDER BY a)", 25),
    ("SELECT a, SUM(a) OVER w FROM t", 1),
    ("SELECT SUM(a) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t", 1),
    ("SELECT a FROM t, LATERAL (SELECT 1) x", 1),
    ("VALUES (1)", 1),
    ("SELECT * FROM (VALUES (1)) x", 1),
    ("WITH RECURSIVE n AS (SELECT 1) SELECT * FROM n", 1),
    ("SELECT a INTO x FROM t", 422),
    ("SELECT a FROM t GROUP BY ROLLUP(a)", 359),
    ("TABLE t", 1),
    ("SHOW server_version", 1),
    ("SET search_path TO public", 1),
    ("BEGIN", 1),
    ("END", 1),
    ("RELEASE SAVEPOINT a", 1),
    ("DISCARD ALL", 1),
    ("COPY t FROM STDIN", 1),
    // Names.
    ("SELECT nofield FROM t", 29),
    ("SELECT t.nofield FROM t", 29),
    ("SELECT x.a FROM t", 23),
    ("SELECT t.a FROM t AS x", 23),
    ("SELECT a FROM nosuch", 30),
    ("SELECT a FROM noschema.t", 30),
    ("SELECT a FROM t, u", 27),
    ("SELECT %ID FROM t, u", 27),
    ("SELECT t.a FROM t, t", 20),
    ("SELECT date FROM t", 12),
    ("SELECT a AS user FROM t", 1),
    ("SELECT id FROM t GROUP BY a HAVING cnt > 1", 29),
    // Functions.
    ("SELECT nosuch(a) FROM t", 359),
    ("SELECT now_utc()", 359),
    ("SELECT string_agg(b, ',') FROM t", 359),
    ("SELECT array_agg(b) FROM t", 359),
    ("SELECT json_agg(b) FROM t", 359),
    ("SELECT bool_and(flag) FROM t", 359),
    ("SELECT JSON_VALUE('{}', '$.a')", 359),
    ("SELECT EXTRACT(YEAR FROM dt) FROM t", 359),
    ("SELECT date_trunc('day', dt) FROM t", 359),
    ("SELECT split_part(b, ',', 1) FROM t", 359),
    ("SELECT md5(b) FROM t", 359),
    ("SELECT generate_series(1, 3)", 359),
    ("SELECT gen_random_uuid()", 359),
    ("SELECT random()", 359),
    ("SELECT version()", 359),
    ("SELECT LOG(d) FROM t", 359),
    ("SELECT sqlite_version()", 359),
    ("SELECT ifnull(a) FROM t", 1),
    ("SELECT CONCAT(b, b, b) FROM t", 1),
    ("SELECT group_concat(b) FROM t", 359),
    ("SELECT * FROM generate_series(1, 3)", 428),
    ("SELECT * FROM sqlite_master", 30),
    ("SELECT * FROM pg_catalog.pg_class", 30),
    ("SELECT rowid FROM t", 29),
    ("SELECT _rowid_ FROM t", 29),
    // Aggregates.
    ("SELECT a FROM t WHERE COUNT(*) > 1", 19),
    ("SELECT a FROM t GROUP BY SUM(a)", 19),
    ("SELECT SUM(COUNT(*)) FROM t", 19),
    ("SELECT a FROM t WHERE ROW_NUMBER() OVER (ORDER BY a) = 1", 19),
    ("SELECT ROW_NUMBER() FROM t", 1),
    // ORDER BY, set operations, subqueries.
    ("SELECT a FROM t ORDER BY 2", 5),
    ("SELECT * FROM t ORDER BY 1", 22),
    ("SELECT a FROM t UNION SELECT a FROM u ORDER BY id", 6),
    ("SELECT a, b FROM t UNION SELECT a FROM u", 9),
    ("SELECT a FROM t WHERE a IN (SELECT a, b FROM u)", 10),
    ("SELECT (SELECT a, b FROM u) FROM t", 10),
    ("SELECT a FROM t INTERSECT ALL SELECT a FROM u", 1),
    // Casts.
    ("SELECT CAST(a AS TEXT) FROM t", 376),
    ("SELECT CAST(a AS BOOLEAN) FROM t", 376),
    ("SELECT CAST(a AS UUID) FROM t", 376),
    ("SELECT CAST(a AS JSONB) FROM t", 376),
    ("SELECT CAST(dt AS TIMESTAMPTZ) FROM t", 376),
    // Streams.
    ("SELECT id FROM t WHERE txt = 'x'", 313),
    ("SELECT id FROM t WHERE txt LIKE 'x%'", 313),
    ("SELECT id FROM t ORDER BY txt", 37),
    ("SELECT DISTINCT txt FROM t", 37),
    ("SELECT txt FROM t GROUP BY txt", 37),
    // Dates.
    ("SELECT id FROM t WHERE dt = 'nonsense'", 146),
    ("SELECT id FROM t WHERE dt = '2024-02-30'", 146),
    ("SELECT id FROM t WHERE tm = '25:00:00'", 147),
    ("SELECT { d '2024-13-01' }", 146),
    ("SELECT DATEADD(fortnight, 1, dt) FROM t", 8),
    ("SELECT 1/0", 400),
    // DML grammar.
    ("INSERT INTO t (id) VALUES (9) RETURNING id", 25),
    ("INSERT INTO t (id) VALUES (9) ON CONFLICT DO NOTHING", 25),
    ("INSERT INTO t (id) VALUES (9);", 25),
    ("UPDATE t SET a = 1 RETURNING a", 25),
    ("DELETE FROM t USING u WHERE t.id = u.id", 25),
    ("DELETE FROM t WHERE id = 1 RETURNING id", 25),
    ("UPDATE TOP 5 t SET a = 1", 1),
    ("UPDATE t SET a = 1 LIMIT 5", 25),
    ("UPDATE t SET (a, b) = (1, 'x')", 1),
    ("MERGE INTO t USING u ON t.id = u.id", 1),
    ("INSERT INTO t (nofield) VALUES (1)", 29),
    ("UPDATE t SET nofield = 1", 29),
    ("INSERT INTO nosuch VALUES (1)", 30),
    ("INSERT INTO t (id, a) VALUES (9)", 62),
    ("INSERT INTO t (id) VALUES (9, 1)", 59),
    ("INSERT INTO u VALUES (9)", 116),
    ("INSERT INTO t (id, a) VALUES (9, (SELECT 1))", 144),
    ("UPDATE t SET a = (SELECT 1)", 144),
    ("INSERT INTO v1 (id) VALUES (1)", 35),
    ("UPDATE INFORMATION_SCHEMA.TABLES SET TABLE_NAME = 'x'", 115),
    ("UPDATE t SET a = 1 WHERE CURRENT OF c", 52),
    // DML values.
    ("INSERT INTO t (id, a) VALUES (9, 'abc')", 104),
    ("INSERT INTO t (id, a) VALUES (9, 3000000000)", 104),
    ("INSERT INTO t (id, flag) VALUES (9, 2)", 104),
    ("INSERT INTO t (id, n) VALUES (9, 12345678901.5)", 104),
    ("INSERT INTO t (id, dt) VALUES (9, '2024-02-30')", 104),
    ("INSERT INTO auto (s) VALUES ('more than twenty characters')", 104),
    ("UPDATE t SET name = 'more than forty characters, which the column does not hold'", 105),
    ("INSERT INTO t (id) SELECT 'abc'", 104),
    ("INSERT INTO u (id) VALUES (9)", 108),
    ("UPDATE u SET a = NULL", 108),
    ("INSERT INTO t (id) VALUES (1)", 119),
    ("INSERT INTO un (id, email) VALUES (2, 'A@X')", 119),
    ("UPDATE t SET id = 1 WHERE id = 2", 120),
    ("INSERT INTO auto (id) VALUES (5)", 111),
    ("INSERT INTO t (%ID) VALUES (5)", 111),
    ("UPDATE auto SET id = 5", 107),
    ("INSERT INTO child (id, parent_id) VALUES (2, 99)", 121),
    ("UPDATE child SET parent_id = 99", 122),
    ("UPDATE parent SET id = 9 WHERE id = 1", 123),
    ("DELETE FROM parent WHERE id = 1", 124),
    // Vectors.
    ("SELECT VECTOR_COSINE(v, TO_VECTOR('1,2', DOUBLE)) FROM vec", 257),
    ("SELECT VECTOR_COSINE(v, TO_VECTOR('1,2,3')) FROM vec", 259),
    ("SELECT VECTOR_COSINE(v, TO_VECTOR('1,2,3', FLOAT)) FROM vec", 259),
    ("SELECT VECTOR_COSINE(v, f) FROM vec", 259),
    ("SELECT VECTOR_COSINE(w, TO_VECTOR('1,2,3', DOUBLE)) FROM vec", 260),
    ("INSERT INTO vec (id, v) VALUES (9, TO_VECTOR('1,2', DOUBLE))", 104),
    ("SELECT VECTOR_L2(v, v) FROM vec", 359),
    ("SELECT v <=> v FROM vec", 12),
    // Definitions.
    ("CREATE TABLE c1 (a INTEGER CHECK (a > 0))", 1),
    ("CREATE TABLE t (a INTEGER)", 201),
    ("DROP TABLE nosuch", 30),
    ("CREATE TABLE c2 (a JSONB)", 400),
    ("ROLLBACK TO SAVEPOINT nosuch", 400),
    ("SAVEPOINT", 301),
    ("SAVEPOINT SYS1", 302),
];

#[test]
fn statements_are_refused_with_their_code() {
    let mut failures = Vec::new();
    let mut fixture = Fixture::new();
    for (sql, expected) in REFUSED {
        let got = fixture.run(sql).map(|_| 0).unwrap_or_else(|error| error.sqlcode);
        if got != *expected {
            failures.push(format!("{sql}\n    wanted {expected}, got {got}: {:?}", fixture.run(sql).err()));
        }
    }
    assert!(failures.is_empty(), "{} of {} failures\n{}", failures.len(), REFUSED.len(), failures.join("\n"));
}

#[test]
fn refusals_change_nothing() {
    let mut fixture = Fixture::new();
    let before = fixture.shown("SELECT COUNT(*), SUM(a), SUM(n) FROM t");
    for (sql, _) in REFUSED {
        let _ = fixture.run(sql);
    }
    assert_eq!(fixture.shown("SELECT COUNT(*), SUM(a), SUM(n) FROM t"), before);
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM child"), "1");
}
