//! Statements and their SQLCODE, and statements that projects send and that must pass.

use super::Database;

/// What IRIS refuses, most of it PostgreSQL's own.
const REFUSED: &[(&str, i32)] = &[
    ("CREATE TABLE t (a INT);", 25),
    ("CREATE TABLE t (a INT CHECK (a > 0))", 1),
    ("CREATE TABLE t (a INT, CONSTRAINT c CHECK (a > 0))", 1),
    ("CREATE TABLE t (a INT, CHECK (a > 0))", 1),
    ("CREATE TABLE t (a BOOLEAN)", 400),
    ("CREATE TABLE t (a UUID)", 400),
    ("CREATE TABLE t (a JSONB)", 400),
    ("CREATE TABLE t (a TIMESTAMP WITH TIME ZONE)", 1),
    ("CREATE TABLE t (a TIMESTAMPTZ)", 400),
    ("CREATE TABLE t (a INTERVAL)", 1),
    ("CREATE TABLE t (a JSONB) ENGINE=x", 25),
    ("CREATE TABLE t (a INT[])", 1),
    ("CREATE TABLE t (a VARCHAR(MAX))", 1),
    ("CREATE TABLE t (a VECTOR(3))", 1),
    ("CREATE TABLE t (a INT DEFAULT TRUE)", 1),
    ("CREATE TABLE t (a INT DEFAULT now())", 1),
    ("CREATE TABLE t (a INT DEFAULT nextval('s'))", 1),
    ("CREATE TABLE t (a INT DEFAULT 1 + 1)", 1),
    ("CREATE TABLE t (a INT GENERATED ALWAYS AS IDENTITY)", 1),
    ("CREATE TABLE t (a INT, A INT)", 306),
    ("CREATE TABLE t (a INT IDENTITY, b INT IDENTITY)", 308),
    ("CREATE TABLE t (a INT PRIMARY KEY, b INT PRIMARY KEY)", 307),
    ("CREATE TABLE t (a INT, PRIMARY KEY (b))", 31),
    ("CREATE TABLE t (a TEXT UNIQUE)", 400),
    ("CREATE TABLE t (a INT, CONSTRAINT k UNIQUE (a), CONSTRAINT K PRIMARY KEY (a))", 400),
    ("CREATE TABLE t (select INT)", 1),
    ("CREATE TABLE t (desc VARCHAR(9))", 1),
    ("CREATE TABLE user (a INT)", 1),
    ("CREATE TABLE t (\"a.b\" INT)", 1),
    ("CREATE TABLE t (\"\" INT)", 1),
    ("CREATE TABLE a.b.c (a INT)", 1),
    ("CREATE TABLE t ()", 1),
    ("CREATE TABLE t (a INT,)", 1),
    ("CREATE TABLE t (a INT", 1),
    ("CREATE TABLE t (a)", 1),
    ("CREATE TABLE t (a INT) WITH (fillfactor = 70)", 1),
    ("CREATE TABLE t (a INT) TABLESPACE x", 25),
    ("CREATE TABLE t (a INT) ENGINE=InnoDB", 25),
    ("CREATE TABLE t (a INT) INHERITS (u)", 25),
    ("CREATE TABLE t (LIKE there)", 1),
    ("CREATE TABLE t (a INT DEFAULT ?)", 1),
    ("CREATE UNLOGGED TABLE t (a INT)", 1),
    ("CREATE TEMP TABLE t (a INT)", 1),
    ("CREATE TEMPORARY TABLE t (a INT)", 1),
    ("CREATE TABLE there (a INT)", 201),
    ("CREATE TABLE INFORMATION_SCHEMA.t (a INT)", 300),
    ("CREATE MATERIALIZED VIEW v AS SELECT a FROM there", 1),
    ("CREATE SEQUENCE s", 1),
    ("CREATE TYPE e AS ENUM ('a')", 1),
    ("CREATE EXTENSION vector", 1),
    ("CREATE DOMAIN d AS INT", 1),
    ("CREATE INDEX CONCURRENTLY i ON there (a)", 1),
    ("CREATE INDEX ON there (a)", 1),
    ("CREATE INDEX IF NOT EXISTS i ON there (a)", 1),
    ("CREATE INDEX i ON there USING btree (a)", 1),
    ("CREATE INDEX i ON there (lower(a))", 1),
    ("CREATE INDEX i ON there (a) WHERE a > 0", 25),
    ("CREATE INDEX i ON there (a NULLS FIRST)", 1),
    ("CREATE INDEX i ON there (a) AS Nope", 400),
    ("CREATE RECURSIVE VIEW v AS SELECT a FROM there", 1),
    ("CREATE VIEW v AS VALUES (1)", 1),
    ("CREATE SCHEMA AUTHORIZATION joe", 1),
    ("CREATE TRIGGER x AFTER INSERT ON there BEGIN END", 400),
    ("CREATE FUNCTION f(a UUID) LANGUAGE PYTHON {}", 400),
    ("CREATE FUNCTION f() LANGUAGE plpgsql {}", 1),
    ("CREATE FUNCTION f() RETURNS INT AS $$ SELECT 1 $$ LANGUAGE sql", 1),
    ("DROP FUNCTION f", 362),
    ("CREATE USER joe IDENTIFY BY secret", 400),
    ("DROP TABLE missing", 30),
    ("DROP TABLE there, other", 25),
    ("DROP TABLE there CASCADE RESTRICT", 1),
    ("DROP VIEW missing", 30),
    ("DROP VIEW there", 30),
    ("DROP INDEX missing ON there", 333),
    ("DROP TYPE e", 1),
    ("DROP TABLE INFORMATION_SCHEMA.TABLES", 300),
    ("ALTER TABLE missing ADD COLUMN a INT", 30),
    ("ALTER TABLE there ADD COLUMN IF NOT EXISTS b INT", 1),
    ("ALTER TABLE there RENAME COLUMN a TO b", 25),
    ("ALTER TABLE there RENAME TO b", 1),
    ("ALTER TABLE there ALTER COLUMN a SET DATA TYPE BIGINT", 1),
    ("ALTER TABLE there ALTER COLUMN a TYPE BIGINT USING a", 25),
    ("ALTER TABLE there OWNER TO joe", 1),
    ("ALTER TABLE ONLY there ADD PRIMARY KEY (a)", 1),
    ("ALTER TABLE IF EXISTS there ADD COLUMN b INT", 1),
    ("ALTER TABLE there ADD CONSTRAINT c CHECK (a > 0)", 1),
    ("ALTER TABLE there DROP COLUMN IF EXISTS a", 25),
    ("ALTER SEQUENCE s RESTART", 1),
    ("TRUNCATE there", 1),
    ("TRUNCATE TABLE missing", 30),
    ("TRUNCATE TABLE there CASCADE", 25),
    ("TRUNCATE TABLE there RESTART IDENTITY", 25),
    ("TUNE TABLE missing", 30),
    ("LOCK TABLE there", 1),
    ("LOCK TABLE there IN ACCESS EXCLUSIVE MODE", 1),
    ("GRANT SELECT ON missing TO joe", 30),
];

/// Sent by software that is tested against the real server.
const ACCEPTED: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS \"django_t\" (\"id\" IDENTITY NOT NULL PRIMARY KEY, \"t\" TEXT NULL, \"b\" LONG BINARY NULL, \
     \"d\" DOUBLE PRECISION NOT NULL, \"m\" TIME(6) NOT NULL, \"u\" UNIQUEIDENTIFIER NOT NULL UNIQUE, \"c\" CHAR(15) NULL, \
     \"f\" BIGINT NOT NULL)WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
    "ALTER TABLE \"django_t\" ADD CONSTRAINT \"fk\" FOREIGN KEY (\"f\") REFERENCES \"django_t\" (\"id\") ON DELETE CASCADE",
    "ALTER TABLE \"django_t\" ALTER COLUMN \"c\" DEFAULT 'x'",
    "CREATE TABLE nodes (node_id VARCHAR(256) %EXACT PRIMARY KEY, key VARCHAR(64), text VARCHAR(''), label VARCHAR(9) \
     COLLATE EXACT, kind INT, name VARCHAR(65535), created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
    "CREATE TABLE kg_emb (id VARCHAR(256) PRIMARY KEY, emb VECTOR(DOUBLE, 768), free VECTOR(DOUBLE), i VECTOR(INT, 3))",
    "CREATE INDEX HNSW_emb ON kg_emb (emb) AS HNSW(M=16, efConstruction=200, Distance='Cosine')",
    "CREATE TABLE types (a BIT, b TINYINT, c SMALLINT, d INTEGER, e BIGINT, f NUMERIC(18,4), g FLOAT, h REAL, i MONEY, \
     j VARBINARY(255), k LONGVARCHAR, l LONGVARBINARY, m DATETIME, n POSIXTIME, o NVARCHAR(50), p BLOB, q CLOB, \
     r %Library.String(MAXLEN=10), s CHARACTER VARYING(9), t SERIAL, u ROWVERSION, v DATE DEFAULT SYSDATE, \
     w VARCHAR(9) DEFAULT USER, x TIMESTAMP DEFAULT GETDATE(3) ON UPDATE GETUTCDATE(3), y INT DEFAULT NULL, z NUMERIC)",
    "CREATE TABLE \"per % cent\" (\"(3)\" INT, \"col%p\" INT, \"[brack]\" INT)",
    "CREATE TABLE \"select\" (\"table\" INT %DESCRIPTION 'a note', %DESCRIPTION 'for the table')",
    "CREATE TABLE _under (%x INT, a# INT, b$ INT)",
    "CREATE TABLE c.t (a INT, CONSTRAINT \"c_pkey\" PRIMARY KEY (a)) WITH STORAGETYPE = COLUMNAR",
    "CREATE OR REPLACE FUNCTION HASH(alg VARCHAR(''), str VARCHAR('')) PROCEDURE RETURNS VARCHAR(1024) LANGUAGE PYTHON \
     {\n  import hashlib\n  x = {'a': \"it's\"}\n  return hashlib.new(alg, str.encode())[::2].hexdigest() % 3 ?\n}",
    "CREATE OR REPLACE PROCEDURE p.q(IN a INT) LANGUAGE OBJECTSCRIPT { set x = $$y^z(\"a\") quit }",
    "CREATE PROCEDURE p.s() BEGIN SELECT 1; END",
    "DROP PROCEDURE p.q",
    "DROP FUNCTION IF EXISTS nope",
    "CREATE BITMAPEXTENT INDEX ext ON TABLE c.t",
    "TUNE TABLE c.t",
    "BUILD INDEX FOR TABLE c.t INDEX ext",
    "PURGE CACHED QUERIES",
    "LOCK TABLE c.t IN EXCLUSIVE MODE WAIT 5",
    "UNLOCK TABLE c.t IN EXCLUSIVE MODE IMMEDIATE",
    "GRANT SELECT, INSERT ON c.t TO joe WITH GRANT OPTION",
    "GRANT %DB_USER TO joe",
    "REVOKE ALL PRIVILEGES ON c.t FROM joe",
    "DROP INDEX IF EXISTS nope",
    "DROP TABLE IF EXISTS nope CASCADE",
    "DROP TABLE c.t %NODELDATA",
    "DROP VIEW IF EXISTS nope",
];

#[test]
fn what_iris_refuses_is_refused_with_its_code() {
    let database = Database::with(&["CREATE TABLE there (a INT)"]);
    for (sql, sqlcode) in REFUSED {
        database.refused(sql, *sqlcode);
    }
}

#[test]
fn what_projects_send_is_accepted() {
    let database = Database::new();
    for sql in ACCEPTED {
        database.ok(sql);
    }
}

#[test]
fn texts_show_what_was_found_and_where() {
    let database = Database::new();
    let error = database.run("CREATE TABLE t (a INT CHECK (a > 0))").unwrap_err();
    assert_eq!(error.message, ") expected, CHECK found ^CREATE TABLE t (a INT CHECK");
    let error = database.run("DROP TABLE x").unwrap_err();
    assert_eq!(error.message, "Table 'SQLUSER.X' not found");
}
