//! What the stand-in accepts, and what it answers: statements that software written for IRIS sends, and semantics where
//! IRIS differs from other databases.

mod embedded;

use embedded::Fixture;

/// Statement, rows as `Fixture::shown` prints them.
const QUERIES: &[(&str, &str)] = &[
    // Plain SELECT.
    ("SELECT 1", "1"),
    ("SELECT a, b FROM t WHERE a = 10", "10|'x'"),
    ("SELECT id FROM t WHERE a IS NULL", "4"),
    ("SELECT TOP 2 id FROM t ORDER BY id DESC", "4; 3"),
    ("SELECT id FROM t ORDER BY id LIMIT 1 OFFSET 1", "2"),
    ("SELECT id FROM t ORDER BY id OFFSET 2 ROWS FETCH FIRST 1 ROWS ONLY", "3"),
    ("SELECT id FROM t ORDER BY a", "4; 1; 2; 3"),
    ("SELECT id FROM t ORDER BY a DESC", "3; 2; 1; 4"),
    // Numbers.
    ("SELECT 7/2", "3.5"),
    ("SELECT 7 \\ 2", "3"),
    ("SELECT 7 # 4", "3"),
    ("SELECT 0.1 + 0.2", "0.3"),
    ("SELECT SUM(n) FROM t", "13.75"),
    ("SELECT AVG(a) FROM t", "20"),
    ("SELECT n FROM t WHERE n = 1.5", "1.5"),
    ("SELECT id FROM t WHERE n > 2 ORDER BY n", "2; 3"),
    ("SELECT MAX(n), MIN(n) FROM t", "10|1.5"),
    // Strings.
    ("SELECT id FROM t WHERE name = 'alice' ORDER BY id", "1; 3"),
    ("SELECT id FROM t WHERE %EXACT(name) = 'Alice'", "1"),
    ("SELECT DISTINCT name FROM t WHERE name IS NOT NULL ORDER BY name", "'ALICE'; 'BOB'"),
    ("SELECT name, COUNT(*) FROM t WHERE name IS NOT NULL GROUP BY name ORDER BY name", "'ALICE'|2; 'BOB'|1"),
    ("SELECT id FROM t WHERE b = ''", "3"),
    ("SELECT id FROM t WHERE name LIKE 'ali%' ORDER BY id", "1; 3"),
    ("SELECT id FROM u WHERE b = 'p'", "1"),
    ("SELECT id FROM t WHERE name %STARTSWITH 'AL' ORDER BY id", "1; 3"),
    ("SELECT 'a' || 'b' || 1", "'ab1'"),
    // Dates.
    ("SELECT id FROM t WHERE dt = '2024-01-02'", "1"),
    ("SELECT id FROM t WHERE dt >= { d '2024-02-01' }", "2"),
    ("SELECT dt FROM t WHERE id = 1", "66841"),
    ("SELECT YEAR(dt), MONTH(dt) FROM t WHERE id = 1", "2024|1"),
    ("SELECT CAST(dt AS VARCHAR(10)) FROM t WHERE id = 1", "'2024-01-02'"),
    // Joins and subqueries.
    ("SELECT t.id, u.id FROM t JOIN u ON u.tid = t.id ORDER BY t.id", "1|1; 2|2"),
    ("SELECT t.id, u.id FROM t LEFT JOIN u ON u.tid = t.id ORDER BY t.id", "1|1; 2|2; 3|NULL; 4|NULL"),
    ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.tid = t.id) ORDER BY id", "1; 2"),
    ("SELECT id FROM t WHERE a IN (SELECT a FROM u)", "1"),
    ("SELECT * FROM v1 ORDER BY id", "1|10|'Alice'; 2|20|'bob'; 3|30|'ALICE'"),
    ("WITH x AS (SELECT a FROM t WHERE a > 10) SELECT COUNT(*) FROM x", "2"),
    ("SELECT id FROM t WHERE id < 2 UNION ALL SELECT id FROM u WHERE id > 2", "1; 3"),
];

#[test]
fn queries_are_answered_as_iris_would() {
    let mut fixture = Fixture::new();
    let mut failures = Vec::new();
    for (sql, expected) in QUERIES {
        let got = fixture.shown(sql);
        if got != *expected {
            failures.push(format!("{sql}\n    wanted {expected}\n    got    {got}"));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
