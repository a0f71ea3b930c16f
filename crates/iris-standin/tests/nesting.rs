//! Conditions as programs build them: long chains, deep parentheses. They must run in a bounded stack.

mod fixture;

use fixture::Fixture;

/// Half of what a connection's thread has.
const STACK_BYTES: usize = 16 << 20;

fn in_a_small_stack(test: impl FnOnce(&mut Fixture) + Send + 'static) {
    let run = move || test(&mut Fixture::new());
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap().join().unwrap();
}

fn chain(count: usize, separator: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(separator)
}

#[test]
fn chains_of_any_length() {
    in_a_small_stack(|fixture| {
        let or = chain(20_000, " OR ", |n| format!("id = {n}"));
        assert_eq!(fixture.shown(&format!("SELECT COUNT(*) FROM t WHERE {or}")), "4");
        let and = chain(20_000, " AND ", |n| format!("id <> {}", n + 5));
        assert_eq!(fixture.shown(&format!("SELECT COUNT(*) FROM t WHERE {and}")), "4");
        let mixed = chain(3_000, " OR ", |n| format!("(id = {n} AND NOT (a = 10 OR b IS NULL))"));
        assert_eq!(fixture.shown(&format!("SELECT id FROM t WHERE {mixed} ORDER BY id")), "2; 3");
        let sum = chain(500, " + ", |_| "1".to_owned());
        assert_eq!(fixture.shown(&format!("SELECT {sum} FROM t WHERE id = 1")), "500");
        let text = chain(500, " || ", |_| "'ab'".to_owned());
        assert_eq!(fixture.shown(&format!("SELECT LENGTH({text})")), "1000");
        let values = chain(1_000, ", ", |n| n.to_string());
        assert_eq!(fixture.shown(&format!("SELECT COUNT(*) FROM t WHERE id IN ({values})")), "4");
        let union = chain(3_000, " UNION ALL ", |n| format!("SELECT {n} AS n"));
        assert_eq!(fixture.shown(&format!("SELECT COUNT(*), MAX(n) FROM ({union}) AS x")), "3000|2999");
        let distinct = chain(1_000, " UNION ", |n| format!("SELECT {} AS n", n % 7));
        assert_eq!(fixture.shown(&format!("SELECT COUNT(*), MAX(n) FROM ({distinct}) AS x")), "7|6");
        let cases = chain(2_000, " ", |n| format!("WHEN id = {n} THEN {n}"));
        assert_eq!(fixture.shown(&format!("SELECT CASE {cases} END FROM t WHERE id = 3")), "3");
    });
}

/// Chains of operators nest in SQLite; past its limit they are refused, and so are joins.
#[test]
fn what_is_too_long_is_refused() {
    in_a_small_stack(|fixture| {
        let values = chain(1_001, ", ", |n| n.to_string());
        let error = fixture.run(&format!("SELECT COUNT(*) FROM t WHERE id IN ({values})")).unwrap_err();
        assert_eq!(error.sqlcode, 1);
        let sum = chain(50_000, " + ", |_| "id".to_owned());
        assert_eq!(fixture.run(&format!("SELECT {sum} FROM t")).unwrap_err().sqlcode, 400);
        let joins = chain(5_000, " JOIN ", |n| format!("t t{n} ON 1 = 1"));
        assert_eq!(fixture.run(&format!("SELECT 1 FROM u JOIN {joins}")).unwrap_err().sqlcode, 400);
        for deep in ["(", "NOT (", "- ", "CASE WHEN 1 = ", "ABS(", "(SELECT ", "EXISTS (SELECT 1 WHERE "] {
            let error = fixture.run(&format!("SELECT 1 FROM t WHERE {}", deep.repeat(100_000))).unwrap_err();
            assert_eq!(error.sqlcode, 1, "{deep}: {error:?}");
        }
    });
}

/// Each kind of nesting as deep as it is accepted: that must be enough, and must fit the stack.
#[test]
fn nesting_to_its_bound() {
    for (once, open, inner, close, at_least) in [
        ("", "(", "id = 1", ")", 90),
        ("", "(id <> 9 AND ", "id = 1", ")", 90),
        ("", "NOT (id = 9 OR ", "id = 1", ")", 60),
        ("", "NOT ", "id = 1", "", 60),
        ("1 = ", "(", "1", ")", 60),
        ("1 = ", "- (", "1", ")", 60),
        ("1 = ", "ABS(", "1", ")", 60),
        ("1 = ", "COALESCE(", "1", ", 2)", 60),
        ("1 = ", "(1 + ", "1", ")", 60),
        ("'1' = ", "('' || ", "'1'", ")", 60),
        ("1 = ", "CASE WHEN id = 1 THEN ", "1", " END", 60),
        ("1 = ", "CAST(", "1", " AS INTEGER)", 60),
        ("", "EXISTS (SELECT 1 FROM u WHERE ", "1 = 1", ")", 40),
        ("1 = ", "(SELECT ", "1", ")", 40),
        ("", "id IN (SELECT id FROM t WHERE ", "1 = 1", ")", 40),
        ("", "EXISTS (SELECT 1 FROM (SELECT 1 AS n WHERE ", "1 = 1", ") x)", 30),
    ] {
        in_a_small_stack(move |fixture| {
            for levels in (1..).map(|n| n * 10) {
                let sql =
                    format!("SELECT id FROM t WHERE {once}{}{inner}{}", open.repeat(levels), close.repeat(levels));
                if let Err(error) = fixture.run(&sql) {
                    assert!(levels > at_least, "{open}: {levels} levels: {error:?}");
                    break;
                }
            }
        });
    }
}
