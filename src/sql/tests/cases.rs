//! Statements and their translations (cases.txt): blocks of the statement, `=> ` the translation, `=: ` the columns.
//! A number in a leading comment is the case's in the list of translation cases.
//!
//! `UPDATE_CASES=1 cargo test` writes what is found; read the difference before committing it.

use std::fmt::Write as _;
use std::path::Path;

use super::{columns, shown, tables};

#[test]
fn statements_become_what_the_cases_say() {
    let mut found = String::new();
    let mut wrong = String::new();
    let text = include_str!("cases.txt");
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut lines = block.trim().lines();
        let sql = lines.next().unwrap();
        if sql.starts_with("--") {
            let _ = write!(found, "{}\n\n", block.trim());
            continue;
        }
        let mut now = format!("{sql}\n=> {}\n", shown(sql, &tables()));
        let columns = columns(sql, &tables());
        if !columns.is_empty() {
            let _ = writeln!(now, "=: {columns}");
        }
        if now.trim() != block.trim() {
            let _ = write!(wrong, "expected\n{}\nfound\n{now}\n", block.trim());
        }
        let _ = writeln!(found, "{now}");
    }
    if std::env::var_os("UPDATE_CASES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sql/tests/cases.txt");
        std::fs::write(path, found.trim_end().to_owned() + "\n").unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Every literal of every case is either bound or pinned: otherwise another value would find the wrong translation.
#[test]
fn no_literal_is_lost() {
    for block in include_str!("cases.txt").split("\n\n") {
        let sql = block.trim().lines().next().unwrap_or_default();
        let Ok(translated) = super::try_translate(sql, &tables()) else { continue };
        let mut template = super::Template::default();
        template.scan(sql).unwrap();
        let super::Action::Script(steps) = &translated.translation.action else { continue };
        for n in 0..u16::try_from(template.literals.len()).unwrap() {
            let bound = steps.iter().flat_map(|step| &step.plan.binds).any(|bind| match bind.innermost() {
                super::Bind::Literal(literal) | super::Bind::TypedLiteral { literal, .. } => *literal == n,
                _ => false,
            });
            assert!(bound || translated.pinned.contains(&n), "literal {n} of {sql}");
        }
        for step in steps {
            assert_eq!(step.plan.binds.len(), step.plan.statement.kinds.len(), "{sql}");
            assert_eq!(step.plan.statement.text.matches(":%qpar(").count(), step.plan.binds.len(), "{sql}");
            assert!(!step.plan.statement.text.contains('\u{1}'), "{sql}");
        }
    }
}
