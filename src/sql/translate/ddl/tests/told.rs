//! What the mirror hears of definitions.

use std::cell::Cell;

use super::super::{Cx, translate};
use super::OneTable;
use crate::sql::options::TranslateOptions;
use crate::sql::template::Template;

/// What the mirror is told: the statements, and behind ` @` the IRIS relations of each.
fn mirror_of(sql: &str) -> String {
    let mut template = Template::default();
    template.scan(sql).unwrap();
    let keys = Cell::new(1);
    let options = TranslateOptions::new("SQLUser", &keys);
    let cx = Cx::new(sql, &template, &OneTable, &options, crate::sql::translate::RULES);
    let parse = squawk_syntax::SourceFile::parse(sql);
    let stmt = parse.syntax_node().first_child().unwrap();
    let ddl = translate(&cx, &stmt).unwrap().unwrap();
    let mut texts: Vec<String> = ddl
        .mirror
        .iter()
        .map(|statement| {
            let relations: String =
                statement.relations.iter().map(|(schema, name)| format!(" @{schema}.{name}")).collect();
            format!("{}{relations}", statement.sql)
        })
        .collect();
    if ddl.mirror_decides {
        texts.push("decides".to_owned());
    }
    texts.join(" | ")
}

#[test]
fn the_mirror_is_told() {
    for (sql, expected) in [
        (
            "CREATE UNLOGGED TABLE IF NOT EXISTS SQLUser.T (a jsonb, b \"char\" DEFAULT 'x') TABLESPACE fast;",
            "CREATE UNLOGGED TABLE IF NOT EXISTS public.T (a jsonb, b \"char\" DEFAULT 'x') @SQLUser.t",
        ),
        ("CREATE TABLE IF NOT EXISTS known (a int)", ""),
        ("ALTER TABLE s.t RENAME TO \"U\"", "ALTER TABLE s.t RENAME TO \"U\" @s.t @s.U"),
        ("ALTER TABLE t OWNER TO bob", ""),
        ("ALTER TABLE t ALTER a TYPE int USING a::int", "ALTER TABLE t ALTER a TYPE int USING a::int @SQLUser.t"),
        ("ALTER TABLE t DROP CONSTRAINT c", "ALTER TABLE t DROP CONSTRAINT c @SQLUser.t | decides"),
        (
            "CREATE INDEX CONCURRENTLY i ON public.t (a DESC NULLS LAST, lower(b)) WHERE a > 1",
            "CREATE INDEX  i ON public.t (a DESC NULLS LAST, lower(b)) WHERE a > 1 @SQLUser.t | decides",
        ),
        ("DROP INDEX i", "DROP INDEX i | decides"),
        (
            "DROP TABLE a, s.\"B\" RESTRICT",
            "DROP TABLE IF EXISTS \"a\" CASCADE @SQLUser.a | DROP TABLE IF EXISTS \"s\".\"B\" CASCADE @s.B",
        ),
        ("CREATE SCHEMA s AUTHORIZATION bob", "CREATE SCHEMA \"s\" | decides"),
        ("CREATE SCHEMA IF NOT EXISTS s", "CREATE SCHEMA IF NOT EXISTS \"s\""),
        ("DROP SCHEMA s", "DROP SCHEMA IF EXISTS \"s\" CASCADE"),
        ("CREATE TABLE n AS SELECT 1 AS a", "CREATE TABLE \"n\" AS SELECT 1 AS a WITH NO DATA @SQLUser.n"),
        ("SELECT a INTO n FROM known", "CREATE TABLE \"n\" AS SELECT a  FROM known WITH NO DATA @SQLUser.n"),
        (
            "CREATE OR REPLACE VIEW v AS SELECT a FROM known",
            "CREATE OR REPLACE VIEW v AS SELECT a FROM known @SQLUser.v",
        ),
        ("COMMENT ON COLUMN t.a IS 'it''s'", "COMMENT ON COLUMN t.a IS 'it''s' | decides"),
        ("CREATE TYPE m AS ENUM ('a')", "CREATE TYPE m AS ENUM ('a') | decides"),
        ("TRUNCATE t", ""),
    ] {
        assert_eq!(mirror_of(sql), expected, "{sql}");
    }
}
