//! Nesting: what is within the bound fits into the smallest stack a shard may have; what is beyond is refused before
//! anything recurses.

use super::{Tables, shown};

/// Deep in the ways a grammar allows.
fn nested(levels: usize) -> Vec<String> {
    vec![
        format!("SELECT {}1{}", "(".repeat(levels), ")".repeat(levels)),
        format!("SELECT a{}", " + 1".repeat(levels)),
        format!("SELECT a FROM t WHERE a{}", " = 1 OR b".repeat(levels / 2)),
        format!("SELECT {}a", "NOT ".repeat(levels)),
        format!("SELECT {}a", "- ".repeat(levels)),
        format!("SELECT {}1{}", "f(".repeat(levels), ")".repeat(levels)),
        format!("SELECT {}1{}", "f(1, ".repeat(levels), ")".repeat(levels)),
        format!("SELECT {}1{}", "(1, ".repeat(levels), ")".repeat(levels)),
        format!("SELECT {}1{}", "a, (SELECT ".repeat(levels), ")".repeat(levels)),
        format!("SELECT {}1{}", "CASE WHEN a THEN ".repeat(levels), " END".repeat(levels)),
        format!("SELECT a{}", " + CASE WHEN a THEN 1 END".repeat(levels)),
        format!("SELECT {}1{}", "CASE a WHEN 1 THEN 2 ELSE ".repeat(levels), " END".repeat(levels)),
        format!("SELECT {}1{}", "(SELECT ".repeat(levels), ")".repeat(levels)),
        format!("SELECT a FROM {}t{}", "(SELECT a FROM ".repeat(levels), ") x".repeat(levels)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(levels)),
        format!("SELECT 1 FROM t{}", " JOIN t ON true".repeat(levels / 2)),
        format!("SELECT {}1{}", "ARRAY[".repeat(levels), "]".repeat(levels)),
        format!("SELECT a{}", "::int".repeat(levels)),
        format!("SELECT a{}", "[1]".repeat(levels)),
        format!("SELECT a{}", ".b".repeat(levels)),
        format!("SELECT a{}", " IS NULL".repeat(levels)),
        format!("SELECT a{}", " COLLATE \"C\"".repeat(levels)),
        format!("SELECT a{}", " AT TIME ZONE 'UTC'".repeat(levels)),
        format!("{}SELECT 1", "EXPLAIN ".repeat(levels)),
        format!("SELECT {}", "a <".repeat(levels)),
        format!("SELECT {}", "CASE ".repeat(levels)),
        format!("SELECT a{}", " BETWEEN 1 AND b".repeat(levels)),
        format!("SELECT a{}", " IN (1)".repeat(levels)),
        format!("SELECT a{}", " ISNULL".repeat(levels)),
        format!("SELECT a{}", " LIKE b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", "::int BETWEEN 1 AND 2 OR b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " BETWEEN 1 AND 2 AND b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " IS NULL OR b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " IS NOT DISTINCT FROM 1 AND NOT b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " IN (1, 2) OR b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " LIKE 'x' AND b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " = ANY ('{1}') OR b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " ISNULL OR NOT b".repeat(levels)),
        format!("SELECT 1 WHERE (a, b){}", " = (1, 2) OR (a, b)".repeat(levels)),
        format!("SELECT 1 WHERE a{}", "::text || 'x' = 'y' AND - b".repeat(levels)),
        format!("SELECT 1 WHERE a{}", " AND b OR c".repeat(levels)),
    ]
}

/// glommio's executors run on threads with Rust's default stack of 2 MB.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(body).unwrap().join().unwrap();
}

#[test]
fn the_deepest_allowed_statement_fits_the_stack() {
    on_a_small_stack(|| {
        for levels in [10, 70, 150, 195, 320, 900, 1900] {
            for sql in nested(levels) {
                let _ = shown(&sql, &Tables::default());
            }
        }
    });
}

#[test]
fn what_is_nested_without_end_is_refused() {
    on_a_small_stack(|| {
        for sql in nested(50_000) {
            let found = shown(&sql, &Tables::default());
            assert!(
                found.starts_with("54001") || found.starts_with("54000"),
                "{}: {}",
                &sql[..60],
                &found[..80.min(found.len())]
            );
        }
    });
}

#[test]
fn long_lists_are_not_deep() {
    let sql = format!("SELECT a FROM t WHERE id IN (1{})", ", 1".repeat(20_000));
    assert!(shown(&sql, &Tables::default()).starts_with("SELECT a FROM SQLUser.t WHERE (id IN (<1>, "));
    let sql = format!("INSERT INTO t (a, b) VALUES (1, 2){}", ", (1, -2)".repeat(5_000));
    assert!(shown(&sql, &Tables::default()).starts_with("INSERT INTO SQLUser.t (a, b) VALUES (<1>, <2>), (<1>, "));
    let sql = format!("SELECT CASE{} ELSE 2 END FROM t", " WHEN a.b = 1 THEN b + 1".repeat(2_000));
    assert!(
        shown(&sql, &Tables::default()).starts_with("SELECT CASE WHEN "),
        "{}",
        &shown(&sql, &Tables::default())[..80]
    );
}

#[test]
fn operators_in_front_are_refused_before_the_parser_gives_up() {
    on_a_small_stack(|| {
        for word in ["NOT ", "- ", "+ "] {
            for (count, is_refused) in [(150, false), (190, true), (1_000, true)] {
                let found = shown(&format!("SELECT {}a FROM t", word.repeat(count)), &Tables::default());
                assert_eq!(found.starts_with("54001"), is_refused, "{word} {count}: {found}");
            }
        }
    });
}

#[test]
fn more_values_than_a_statement_takes_are_refused() {
    let parameters: Vec<String> = (1..=40_000).map(|n| format!("${n}")).collect();
    let found = shown(&format!("SELECT a FROM t WHERE id IN ({})", parameters.join(", ")), &Tables::default());
    assert!(found.starts_with("54000"), "{}", &found[..80.min(found.len())]);
}
