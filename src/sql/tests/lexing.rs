//! Splitting and templates.

use crate::sql::{LiteralKind, Template, split, statement_start};

fn statements(sql: &str) -> Vec<&str> {
    split(sql).collect()
}

#[test]
fn splits_at_top_level_semicolons_only() {
    assert_eq!(statements("SELECT 1; SELECT 2 ;"), ["SELECT 1", "SELECT 2 "]);
    assert_eq!(statements("SELECT ';', \"a;b\" -- ; no\n, 2; x"), ["SELECT ';', \"a;b\" -- ; no\n, 2", "x"]);
    assert_eq!(statements("SELECT E'\\';', 'it''s;'; a"), ["SELECT E'\\';', 'it''s;'", "a"]);
    assert_eq!(statements("DO $x$ a; $$; b $x$; c"), ["DO $x$ a; $$; b $x$", "c"]);
    assert_eq!(statements("/* ; /* ; */ ; */ a; b"), ["a", "b"]);
    assert_eq!(statements("CREATE RULE r AS DO (a; b); c"), ["CREATE RULE r AS DO (a; b)", "c"]);
    assert_eq!(statements("a$b;c$d"), ["a$b", "c$d"]);
    // Only what PostgreSQL's scanner skips is left out at the end: other white space is part of names, or of a string.
    assert_eq!(statements("a; b\u{a0} \t\n"), ["a", "b\u{a0}"]);
    assert_eq!(statements("a; \u{a0}"), ["a", "\u{a0}"]);
    assert_eq!(statements("a 'b  "), ["a 'b  "]);
    assert_eq!(statements("a -- b \n "), ["a -- b "]);
}

#[test]
fn nothing_but_blanks_and_comments_is_no_statement() {
    for sql in ["", ";", " ; ;\n", "-- x", "/* a */ ; -- b", "\t\r\n\u{c}"] {
        assert!(statements(sql).is_empty(), "{sql:?}");
    }
}

#[test]
fn an_open_string_ends_the_last_statement() {
    assert_eq!(statements("a; b 'c; d"), ["a", "b 'c; d"]);
    let mut template = Template::default();
    let error = template.scan("b 'c; d").unwrap_err();
    assert_eq!((error.code.as_str(), error.position), ("42601", Some(3)));
    assert_eq!(error.message, "unterminated quoted string at or near \"'c; d\"");
}

#[test]
fn a_statement_begins_behind_blanks_comments_and_semicolons() {
    let sql = "; -- ä\n /* ; */ select 1 ; /* x";
    let first = statement_start(sql, 0).unwrap();
    assert_eq!(&sql[first..], "select 1 ; /* x");
    // What is no end of a comment has to be told by whoever reads it.
    let second = statement_start(sql, first + "select 1".len()).unwrap();
    assert_eq!(&sql[second..], "/* x");
    assert_eq!((statement_start(" ;; -- x", 0), statement_start("a", 1), statement_start("a", 7)), (None, None, None));
}

fn scan(sql: &str) -> (String, Vec<(LiteralKind, String)>) {
    let mut template = Template::default();
    template.scan(sql).unwrap();
    let literals = template.literals.iter().map(|literal| (literal.kind, template.value(literal).to_owned())).collect();
    (template.text, literals)
}

#[test]
fn equal_but_for_literals_comments_and_blanks_is_one_template() {
    let a = scan("SELECT a,b FROM t WHERE a=5 AND b='x'");
    let b = scan("SELECT a,b  FROM /* c */ t\n WHERE a=17 AND b='it''s' -- end\n;");
    assert_eq!(a.0, b.0);
    assert_eq!(b.1, [(LiteralKind::Int4, "17".into()), (LiteralKind::String, "it's".into())]);
}

#[test]
fn kinds_of_literals_are_part_of_the_template() {
    use LiteralKind::{Int4, Int8, Numeric, String};
    let cases = [
        ("0", Int4, "0"),
        ("007", Int4, "7"),
        ("2147483647", Int4, "2147483647"),
        ("2147483648", Int8, "2147483648"),
        ("9223372036854775807", Int8, "9223372036854775807"),
        ("9223372036854775808", Numeric, "9223372036854775808"),
        ("1.50", Numeric, "1.50"),
        (".5", Numeric, ".5"),
        ("1.", Numeric, "1"),
        ("1.5e3", Numeric, "1500"),
        ("1e-3", Numeric, "0.001"),
        ("12.5E1", Numeric, "125"),
        ("0x1F", Int4, "31"),
        ("0b101", Int4, "5"),
        ("0o17", Int4, "15"),
        ("1_000", Int4, "1000"),
        ("0_1", Int4, "1"),
        ("0x_1f", Int4, "31"),
        ("1.e5", Numeric, "100000"),
        ("1e5_0", Numeric, "100000000000000000000000000000000000000000000000000"),
        ("'a'", String, "a"),
        ("E'a\\n\\x41\\101\\u0041\\'b''c'", String, "a\nAAA'b'c"),
        ("E'\\U0001F600\\uD83D\\uDE00'", String, "\u{1F600}\u{1F600}"),
        ("$$a'b$$", String, "a'b"),
        ("$q$a$$b$q$", String, "a$$b"),
        ("'a'\n  'b'", String, "ab"),
        ("'a' -- c\n 'b'", String, "ab"),
        ("n'a'", String, "a"),
    ];
    for (sql, kind, value) in cases {
        let (text, literals) = scan(sql);
        assert_eq!(literals, [(kind, value.to_owned())], "{sql}");
        assert_eq!(text.chars().count(), 1, "{sql}");
    }
    assert_ne!(scan("1").0, scan("2147483648").0);
    assert_ne!(scan("1").0, scan("'1'").0);
    // LIKE treats a backslash specially.
    assert_ne!(scan("'a'").0, scan("'a\\'").0);
}

#[test]
fn two_dots_are_no_fraction() {
    use LiteralKind::{Int4, Numeric};
    let found = |sql| -> Vec<(LiteralKind, String)> { scan(sql).1 };
    assert_eq!(found("1..10"), [(Int4, "1".into()), (Int4, "10".into())]);
    assert_eq!(found("1.5..2"), [(Numeric, "1.5".into()), (Int4, "2".into())]);
    assert_eq!(found("1...2"), [(Int4, "1".into()), (Numeric, ".2".into())]);
}

#[test]
fn names_and_parameters_stay() {
    assert_eq!(scan("Select t1.\"A 1\", $12 FROM x$1").0, "Select t1.\"A 1\", $12 FROM x$1");
    assert_eq!(scan("SELECT B'1', U&'x', X'F'").0, "SELECT B'1', U&'x', X'F'");
    assert_eq!(scan("a--b\n+c").0, "a +c");
}

#[test]
fn what_the_scanner_refuses_has_postgresqls_words() {
    let cases = [
        ("SELECT \"a", "unterminated quoted identifier at or near \"\"a\""),
        ("SELECT /* a", "unterminated /* comment at or near \"/* a\""),
        ("SELECT $$a", "unterminated quoted string at or near \"$$a\""),
        ("SELECT 12ab c", "trailing junk after numeric literal at or near \"12ab\""),
        ("SELECT 1__0", "trailing junk after numeric literal at or near \"1__0\""),
        ("SELECT 1_ ", "trailing junk after numeric literal at or near \"1_\""),
        ("SELECT 1._5", "trailing junk after numeric literal at or near \"1._5\""),
        ("SELECT 1.5e", "trailing junk after numeric literal at or near \"1.5e\""),
        ("SELECT 1e+", "trailing junk after numeric literal at or near \"1e+\""),
        ("SELECT 1e_5", "trailing junk after numeric literal at or near \"1e_5\""),
        ("SELECT 0b12ab", "trailing junk after numeric literal at or near \"0b12ab\""),
        ("SELECT 0o8", "trailing junk after numeric literal at or near \"0o8\""),
        ("SELECT 0xä", "trailing junk after numeric literal at or near \"0xä\""),
        ("SELECT 0x1__f", "trailing junk after numeric literal at or near \"0x1__f\""),
        ("SELECT 0x", "invalid hexadecimal integer at or near \"0x\""),
        ("SELECT 0x_ ", "invalid hexadecimal integer at or near \"0x_\""),
        ("SELECT 0b+1", "invalid binary integer at or near \"0b\""),
        ("SELECT 1e1001", "value overflows numeric format"),
        ("SELECT $1x", "trailing junk after parameter at or near \"$1x\""),
        ("SELECT E'\\u12'", "invalid Unicode escape"),
        ("SELECT E'\\xff'", "invalid byte sequence for encoding \"UTF8\""),
        ("SELECT \u{1}", "syntax error at or near \"\u{1}\""),
    ];
    for (sql, message) in cases {
        let error = Template::default().scan(sql).unwrap_err();
        assert_eq!(error.message, message, "{sql}");
    }
}

#[test]
fn any_cut_of_a_statement_is_survived() {
    let sql =
        "SELECT E'\\u00e4', 'b''c', $t$ x $t$, \"q\"\"\", 1.5e-3, 0x1f, $1, /* /* */ */ U&'\\0061' -- ä\n; INSERT";
    for start in (0..sql.len()).filter(|&n| sql.is_char_boundary(n)) {
        for end in (start..=sql.len()).filter(|&n| sql.is_char_boundary(n)) {
            let part = &sql[start..end];
            for statement in split(part) {
                let _ = Template::default().scan(statement);
            }
            let _ = Template::default().scan(part);
        }
    }
}

#[test]
fn too_many_literals_are_refused() {
    let sql = format!("SELECT 1{}", ",1".repeat(70_000));
    assert_eq!(Template::default().scan(&sql).unwrap_err().code.as_str(), "54000");
}

#[test]
fn statements_are_read_as_they_would_be_cut() {
    let texts = [
        "select 1",
        "select 1;",
        " -- a\n/* b */ select 1 /* c */ ; -- d",
        "select ';' || $$;$$ || e'\\';' ; ",
        "create rule r as on insert to t do (select 1; select 2);",
        "select (1; 2)",
        "select 1; select 2",
        "select 1;;",
        "; select 1",
        "",
        ";",
        "  ",
        "-- a",
        "select 'a",
        "select 1)); select 2",
        "select 1\u{a0}",
        "select 1; \u{a0}",
        "\u{a0}select 1",
        "select 'a'\n'b' ; ",
        "select 1x",
        "select 1 /* a */ /* b */ ; select 2 -- c\n ;; select '3' ; /* d */",
        "begin; create rule r as do (a; b); select $x$;$x$; commit",
        "select 'ä'; select \u{a0}; select 1x; select 2",
    ];
    for text in texts {
        let expected: Vec<&str> = split(text).collect();
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(start) = statement_start(text, at) {
            let (mut one, mut cut) = (Template::default(), Template::default());
            let whole = expected.get(found.len()).copied().unwrap_or_default();
            let statement = match (one.scan_first(&text[start..]), cut.scan(whole)) {
                (Ok(statement), Ok(())) => statement,
                (Err(one), Err(cut)) => {
                    assert_eq!((&one.message, one.position), (&cut.message, cut.position), "{text:?}");
                    whole
                }
                (one, cut) => panic!("{text:?}: {one:?}, cut {cut:?}"),
            };
            assert_eq!((&one.text, &one.literals), (&cut.text, &cut.literals), "{text:?}");
            found.push(statement);
            at = start + statement.len();
        }
        assert_eq!(found, expected, "{text:?}");
    }
}
