//! Rules of the manual of IRIS 2025.3 that a slip of the gateway would break unseen: the stand-in keeps them.

mod fixture;

use fixture::Fixture;
use iris_standin::engine::Value;

fn check(fixture: &mut Fixture, cases: &[(&str, &str)]) {
    let mut failures = Vec::new();
    for (sql, expected) in cases {
        let got = fixture.shown(sql);
        let matches = match expected.strip_prefix("error ") {
            Some(code) => got.starts_with(&format!("error {code}:")),
            None => got == *expected,
        };
        if !matches {
            failures.push(format!("{sql}\n    wanted {expected}\n    got    {got}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} failures\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// "Scalar Functions and Streams", "Predicate Conditions and Streams".
#[test]
fn streams_are_read_whole_measured_and_cut_and_nothing_else() {
    let mut fixture = Fixture::new();
    fixture.run("UPDATE t SET txt = 'long text' WHERE id = 1").unwrap();
    check(
        &mut fixture,
        &[
            ("SELECT txt FROM t WHERE txt IS NOT NULL", "'long text'"),
            ("SELECT CHAR_LENGTH(txt), CHARACTER_LENGTH(txt), DATALENGTH(txt) FROM t WHERE id = 1", "9|9|9"),
            ("SELECT SUBSTRING(txt, 1, 4), SUBSTRING(txt FROM 6) FROM t WHERE id = 1", "'long'|'text'"),
            ("SELECT COUNT(txt) FROM t", "1"),
            ("SELECT LENGTH(txt) FROM t", "error 37"),
            ("SELECT $LENGTH(txt) FROM t", "error 37"),
            ("SELECT CHARINDEX('t', txt) FROM t", "error 37"),
            ("SELECT POSITION('t' IN txt) FROM t", "error 37"),
            ("SELECT REPLACE(txt, 'a', 'b') FROM t", "error 37"),
            ("SELECT SUBSTR(txt, 1, 2) FROM t", "error 37"),
            ("SELECT UPPER(txt) FROM t", "error 37"),
            ("SELECT COALESCE(txt, 'x') FROM t", "error 37"),
            ("SELECT txt || 'x' FROM t", "error 37"),
            ("SELECT CAST(txt AS VARCHAR(10)) FROM t", "error 37"),
            ("SELECT CONVERT(VARCHAR(4), txt) FROM t WHERE id = 1", "'long'"),
            ("SELECT MAX(txt) FROM t", "error 37"),
            ("SELECT id FROM t ORDER BY txt", "error 37"),
            ("SELECT DISTINCT txt FROM t", "error 37"),
            ("SELECT id FROM t WHERE txt = 'long text'", "error 313"),
            ("SELECT id FROM t WHERE txt LIKE 'long%'", "error 313"),
        ],
    );
}

#[test]
fn functions_that_no_page_knows_are_unknown() {
    let mut fixture = Fixture::new();
    check(
        &mut fixture,
        &[
            ("SELECT MEDIAN(a) FROM t", "error 359"),
            ("SELECT %AVG(a) FROM t", "error 359"),
            ("SELECT INITCAP(name) FROM t", "error 359"),
            ("SELECT ADD_MONTHS(dt, 1) FROM t", "error 359"),
            ("SELECT $REVERSE(name) FROM t", "error 359"),
            ("SELECT %TRIM_LEADING(name) FROM t", "error 359"),
            ("SELECT %TRIM_TRAILING(name, 'x') FROM t", "error 359"),
            ("SELECT JSON_VALUE(b, '$.a') FROM t", "error 359"),
            ("SELECT JSON_QUERY(b, '$.a') FROM t", "error 359"),
            ("SELECT STRING_AGG(b, ',') FROM t", "error 359"),
            ("SELECT TRIM(LEADING 'x' FROM 'xax'), TRIM(TRAILING 'x' FROM 'xax'), REVERSE('ab')", "'ax'|'xa'|'ba'"),
        ],
    );
}

/// "Maximum JSON Array Size": no error, and no closing bracket.
#[test]
fn a_long_json_array_is_cut() {
    let mut fixture = Fixture::new();
    fixture.run("CREATE TABLE many (i INTEGER, s VARCHAR(4000))").unwrap();
    for i in 0..3 {
        fixture
            .run_with("INSERT INTO many (i, s) VALUES (?, ?)", &[Value::Int(i), Value::Text("x".repeat(4000))])
            .unwrap();
    }
    check(
        &mut fixture,
        &[
            ("SELECT LENGTH(JSON_ARRAYAGG(s)), $EXTRACT(JSON_ARRAYAGG(s), 8192) FROM many", "8192|'x'"),
            ("SELECT LENGTH(CAST(JSON_ARRAYAGG(s) AS VARCHAR(12000))) FROM many", "12000"),
            ("SELECT LENGTH(CAST(JSON_ARRAYAGG(s) AS VARCHAR(3641144))) FROM many", "12010"),
            ("SELECT JSON_ARRAYAGG(i) FROM many", "'[0,1,2]'"),
            ("SELECT JSON_ARRAYAGG(NULLIF(i, i)) FROM many", "'[]'"),
        ],
    );
}

/// A character beyond U+FFFF is two units of UTF-16, and IRIS counts units.
#[test]
fn lengths_and_positions_are_in_units_of_utf_16() {
    let mut fixture = Fixture::new();
    check(
        &mut fixture,
        &[
            ("SELECT LENGTH('😀'), CHAR_LENGTH('a😀b'), $LENGTH('😀😀')", "2|4|4"),
            ("SELECT SUBSTRING('a😀b', 4, 1), LEFT('😀b', 2), RIGHT('b😀', 2)", "'b'|'😀'|'😀'"),
            ("SELECT CHARINDEX('b', '😀b'), POSITION('b' IN 'a😀b'), INSTR('😀b', 'b')", "3|4|3"),
            ("SELECT LPAD('😀', 3, '.'), RPAD('é', 3, '.')", "'.😀'|'é..'"),
            ("SELECT CAST('😀b' AS VARCHAR(2)), ASCII('😀'), ASCII('é')", "'😀'|55357|233"),
        ],
    );
    fixture.run("CREATE TABLE short (s VARCHAR(3))").unwrap();
    fixture.run("INSERT INTO short (s) VALUES ('😀b')").unwrap();
    assert_eq!(fixture.run("INSERT INTO short (s) VALUES ('😀😀')").unwrap_err().sqlcode, 104);
}

#[test]
fn casts_cut_and_round_as_the_page_of_cast_says() {
    let mut fixture = Fixture::new();
    check(
        &mut fixture,
        &[
            ("SELECT CAST(98.765 AS INT), CAST(-1.9 AS BIGINT), CAST(1.9 AS SMALLINT)", "98|-1|1"),
            ("SELECT CAST(1.25 AS NUMERIC), CAST(1.25 AS NUMERIC(10)), CAST(1.25 AS NUMERIC(10,0))", "1.25|1.25|1"),
            (
                "SELECT CAST('Hello World' AS CHAR), LENGTH(CAST('1234567890123456789012345678901' AS VARCHAR))",
                "'H'|30",
            ),
            ("SELECT CAST('Hello World' AS DOUBLE), CAST('12abc' AS INT)", "0|12"),
            ("SELECT CAST(1 AS BOOLEAN)", "error 376"),
            ("SELECT CAST('{}' AS JSON)", "error 376"),
            ("SELECT CAST('a' AS UUID)", "error 376"),
            ("SELECT MOD(5, 3), MOD(-5, 3), MOD(5, -3), MOD(-5, -3), MOD(5.3, .5)", "2|-2|2|-2|0.3"),
            ("SELECT MOD(5, 0)", "error 400"),
        ],
    );
}

#[test]
fn statements_have_the_limits_of_the_manual() {
    let mut fixture = Fixture::new();
    let list = |n: usize| vec!["1"; n].join(",");
    check(
        &mut fixture,
        &[
            (&format!("SELECT id FROM t WHERE id IN ({})", list(1000)), "1"),
            (&format!("SELECT id FROM t WHERE id IN ({})", list(1001)), "error 1"),
            ("SELECT id FROM t ORDER BY id LIMIT -1", ""),
            ("SELECT TOP 2 id FROM t ORDER BY id", "1; 2"),
            ("SELECT id FROM (SELECT id FROM t ORDER BY id LIMIT 1) x", "error 1"),
            ("SELECT 1;", "error 25"),
            ("INSERT INTO u (id, a) VALUES (7, (SELECT MAX(id) FROM t))", "error 144"),
            ("INSERT INTO u (id, a) VALUES (7)", "error 62"),
            ("INSERT INTO u VALUES (7, 1, 'x', 1, 5)", "error 116"),
            ("CREATE INDEX IF NOT EXISTS i1 ON u (a)", "error 1"),
            ("ALTER TABLE u ADD COLUMN IF NOT EXISTS z INTEGER", "error 1"),
            ("CREATE TABLE made AS SELECT id FROM t WHERE id = ?", "error 1"),
            ("CREATE TABLE c1 (a INTEGER, CHECK (a > 0))", "error 1"),
            ("CREATE TABLE c2 (a BOOLEAN)", "error 400"),
            ("CREATE TABLE c3 (a UUID)", "error 400"),
        ],
    );
}

#[test]
fn vectors_of_one_type_and_length_meet() {
    let mut fixture = Fixture::new();
    check(
        &mut fixture,
        &[
            ("SELECT VECTOR_COSINE(TO_VECTOR('1,2', STRING), TO_VECTOR('1,2', STRING))", "error 258"),
            ("SELECT VECTOR_DOT_PRODUCT(TO_VECTOR('1,2', DOUBLE), TO_VECTOR('1,2', DECIMAL))", "error 259"),
            ("SELECT VECTOR_DOT_PRODUCT(TO_VECTOR('1,2', DOUBLE), TO_VECTOR('1', DOUBLE))", "error 257"),
            ("SELECT VECTOR_DOT_PRODUCT(TO_VECTOR('1,2'), TO_VECTOR('3,4', FLOAT))", "11"),
            ("SELECT TO_VECTOR('1.9,-2.9', INTEGER)", "'1,-2'"),
            ("SELECT TO_VECTOR('1,2,3', DOUBLE, 2)", "'1,2'"),
            ("SELECT TO_VECTOR('1,2', DOUBLE, 4)", "'1,2,0,0'"),
            ("SELECT TO_VECTOR(TO_VECTOR('1,2,3', DOUBLE), FLOAT, 2)", "'1,2'"),
            // Elements of several types are -1; what is no number at all is coerced without an error.
            ("SELECT TO_VECTOR('1,x', DOUBLE)", "error 1"),
            ("SELECT TO_VECTOR('x,y', DOUBLE)", "'0,0'"),
            ("SELECT VECTOR_COSINE(v, NULL) FROM vec WHERE id = 1", "NULL"),
        ],
    );
}

/// "Hierarchical Navigable Small World Index", "Special Cases".
#[test]
fn a_cosine_index_knows_no_zero_vectors() {
    let mut fixture = Fixture::new();
    fixture.run("CREATE TABLE near (id INTEGER PRIMARY KEY, v VECTOR(DOUBLE, 2), w VECTOR(DOUBLE, 2))").unwrap();
    for (id, v) in [(1, "1,0"), (2, "0,0"), (3, "0,1")] {
        fixture.run(&format!("INSERT INTO near (id, v, w) VALUES ({id}, TO_VECTOR('{v}', DOUBLE), '{v}')")).unwrap();
    }
    fixture.run("CREATE INDEX near_v ON near (v) AS HNSW(Distance='Cosine')").unwrap();
    fixture.run("CREATE INDEX near_w ON near (w) AS HNSW(Distance='DotProduct')").unwrap();
    let search = |top: &str, column: &str, function: &str, vector: &str, order: &str| {
        format!("SELECT {top} id FROM near ORDER BY {function}({column}, TO_VECTOR('{vector}', DOUBLE)){order}, id")
    };
    check(
        &mut fixture,
        &[
            (&search("TOP 5", "v", "VECTOR_COSINE", "1,0", " DESC"), "1; 3"),
            (&search("TOP 5", "v", "VECTOR_COSINE", "0,0", " DESC"), ""),
            // Not by the index: another function, another direction, no TOP, another column.
            (&search("TOP 5", "v", "VECTOR_DOT_PRODUCT", "1,0", " DESC"), "1; 2; 3"),
            (&search("TOP 5", "v", "VECTOR_COSINE", "1,0", ""), "2; 3; 1"),
            (&search("", "v", "VECTOR_COSINE", "1,0", " DESC"), "1; 2; 3"),
            (&search("TOP 5", "w", "VECTOR_COSINE", "1,0", " DESC"), "1; 2; 3"),
            (
                "SELECT TOP 5 id, VECTOR_COSINE(v, TO_VECTOR('1,0', DOUBLE)) AS near FROM near WHERE id < 3 ORDER BY near DESC",
                "1|1",
            ),
        ],
    );
}
