//! Precedence against a real PostgreSQL's reading of generated expressions (`sql/tests/precedence.txt`, made by
//! `sql/tests/postgres.py`).

use squawk_syntax::ast::AstNode;
use squawk_syntax::{SourceFile, SyntaxKind};

use super::{Expr, IsWhat, LikeKind, read};

/// As `pg_get_viewdef` writes it: a parenthesis around every operator.
fn deparsed(expr: &Expr) -> String {
    let not = |not: bool, word: &str| if not { format!("NOT {word}") } else { word.to_owned() };
    match expr {
        Expr::Atom(node) => node.text().to_string(),
        Expr::Not(operand) => format!("(NOT {})", deparsed(operand)),
        Expr::Prefix { op, operand, .. } => format!("({op} {})", deparsed(operand)),
        Expr::Binary { op, left, right, .. } => {
            let op = if op == "!=" { "<>" } else { op };
            format!("({} {op} {})", deparsed(left), deparsed(right))
        }
        Expr::Logic { and, .. } => {
            let mut terms = Vec::new();
            flatten(expr, *and, &mut terms);
            format!("({})", terms.join(if *and { " AND " } else { " OR " }))
        }
        Expr::Is { what, not: negated, operand } => {
            let what = match what {
                IsWhat::Null => "NULL",
                IsWhat::True => "TRUE",
                IsWhat::False => "FALSE",
                IsWhat::Unknown => "UNKNOWN",
            };
            format!("({} IS {})", deparsed(operand), not(*negated, what))
        }
        Expr::IsDistinct { not: negated, left, right } => {
            let test = format!("({} IS DISTINCT FROM {})", deparsed(left), deparsed(right));
            if *negated { format!("(NOT {test})") } else { test }
        }
        Expr::Between { not: negated, operand, low, high, .. } => {
            let (x, low, high) = (deparsed(operand), deparsed(low), deparsed(high));
            if *negated {
                format!("(({x} < {low}) OR ({x} > {high}))")
            } else {
                format!("(({x} >= {low}) AND ({x} <= {high}))")
            }
        }
        Expr::In { not: negated, operand, list } => {
            let x = deparsed(operand);
            let (op, word) = if *negated { ("<>", " AND ") } else { ("=", " OR ") };
            let tests: Vec<String> = list.children().map(|item| format!("({x} {op} {})", item.text())).collect();
            format!("({})", tests.join(word))
        }
        Expr::Like { kind, not: negated, operand, pattern, .. } => {
            let op = match (kind, negated) {
                (LikeKind::Ilike, false) => "~~*",
                (LikeKind::Ilike, true) => "!~~*",
                (_, false) => "~~",
                (_, true) => "!~~",
            };
            format!("({} {op} {})", deparsed(operand), deparsed(pattern))
        }
        Expr::Cast { operand, .. } => deparsed(operand),
        other => panic!("{other:?}"),
    }
}

/// PostgreSQL's grammar makes one node of a chain of ANDs, and of ORs, as far as it leans to the left.
fn flatten(expr: &Expr, and: bool, terms: &mut Vec<String>) {
    match expr {
        Expr::Logic { and: found, left, right } if *found == and => {
            flatten(left, and, terms);
            terms.push(deparsed(right));
        }
        other => terms.push(deparsed(other)),
    }
}

fn read_here(text: &str) -> Option<String> {
    let sql = format!("SELECT {text} AS x FROM t");
    let parse = SourceFile::parse(&sql);
    if parse.errors().iter().any(|error| !error.message().starts_with("Expected a parenthesized value list")) {
        return None;
    }
    let target = parse.tree().syntax().descendants().find(|node| node.kind() == SyntaxKind::TARGET)?;
    read(&target.first_child()?).ok().map(|expr| deparsed(&expr))
}

#[test]
fn operators_bind_as_in_postgresql() {
    let mut wrong = Vec::new();
    let mut refused = 0;
    let mut count = 0;
    for line in include_str!("../tests/precedence.txt").lines() {
        let (text, expected) = line.split_once('\t').unwrap();
        let found = read_here(text).unwrap_or_else(|| "!".into());
        count += 1;
        // squawk's grammar has no NOT and no IS NOT DISTINCT behind the AND of BETWEEN, and no second ISNULL: these are
        // refused, which is never wrong.
        if found == "!" && ["BETWEEN", "ISNULL", "NOTNULL"].iter().any(|word| text.contains(word)) {
            refused += usize::from(expected != "!");
            continue;
        }
        if found != expected {
            wrong.push(format!("{text}\n  PostgreSQL: {expected}\n  here:       {found}"));
        }
    }
    assert!(count > 1000);
    assert!(refused * 50 < count, "{refused} refused");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
