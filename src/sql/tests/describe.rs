//! Names and types of columns against a real PostgreSQL's (describe.txt, made by postgres.py).

use super::{columns, tables};

#[test]
fn columns_are_named_and_typed_as_postgresql_does() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("describe.txt").lines() {
        let (sql, expected) = line.split_once('\t').unwrap();
        assert_ne!(expected, "!", "PostgreSQL refused: {sql}");
        // Without what the gateway casts it from.
        let found = columns(sql, &tables());
        let found: Vec<&str> = found.split(' ').filter_map(|column| column.split('<').next()).collect();
        let found = found.join(" ");
        count += 1;
        if found != expected {
            wrong.push(format!(
                "{sql}\n  PostgreSQL: {expected}\n  here:       {found}\n  {}",
                super::shown(sql, &tables())
            ));
        }
    }
    assert!(count > 50);
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
