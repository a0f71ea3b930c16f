//! Definitions and the catalog through the whole engine: what SQLAlchemy, Django, dbt, LangChain, Haystack and the
//! graph and CLI projects send to IRIS, in their order, and what they read back.

mod fixture;

use fixture::Fixture;

/// One step: a statement and what `Fixture::shown` gives. `error -30` stands for any text with that code; `ok` for any
/// answer that is no error.
type Step = (&'static str, &'static str);

fn play(steps: &[Step]) {
    let mut fixture = Fixture::new();
    let mut failures = Vec::new();
    for (sql, expected) in steps {
        let got = fixture.shown(sql);
        let as_expected = match expected.strip_prefix("error -") {
            Some(sqlcode) => got.starts_with(&format!("error {sqlcode}:")),
            None if *expected == "ok" => !got.starts_with("error "),
            None => got == *expected,
        };
        if !as_expected {
            failures.push(format!("{sql}\n    wanted {expected}\n    got    {got}"));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn django() {
    play(&[
        (
            "CREATE TABLE \"author\" (\"id\" IDENTITY NOT NULL PRIMARY KEY, \"name\" VARCHAR(50) NOT NULL, \"bio\" TEXT NULL, \
             \"score\" DOUBLE PRECISION NULL, \"photo\" LONG BINARY NULL, \"born\" TIME(6) NULL, \"ok\" BIT NOT NULL)\
             WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
            "0",
        ),
        (
            "CREATE TABLE \"book\" (\"id\" IDENTITY NOT NULL PRIMARY KEY, \"title\" VARCHAR(100) NOT NULL UNIQUE, \
             \"author_id\" BIGINT NOT NULL)WITH %CLASSPARAMETER ALLOWIDENTITYINSERT = 1",
            "0",
        ),
        (
            "ALTER TABLE \"book\" ADD CONSTRAINT \"book_author_fk\" FOREIGN KEY (\"author_id\") REFERENCES \"author\" (\"id\") \
             ON DELETE CASCADE",
            "0",
        ),
        ("CREATE INDEX \"book_author_idx\" ON \"book\" (\"author_id\")", "0"),
        ("INSERT INTO \"author\" (\"name\", \"ok\") VALUES ('Ann', 1)", "1"),
        ("SELECT LAST_IDENTITY()", "1"),
        ("INSERT INTO \"author\" (\"id\", \"name\", \"ok\") VALUES (10, 'Ben', 0)", "1"),
        ("INSERT INTO \"book\" (\"title\", \"author_id\") VALUES ('One', 1)", "1"),
        ("INSERT INTO \"book\" (\"title\", \"author_id\") VALUES ('Two', 99)", "error -121"),
        ("INSERT INTO \"book\" (\"title\", \"author_id\") VALUES ('ONE', 10)", "error -119"),
        ("INSERT INTO \"book\" (\"title\") VALUES ('Three')", "error -108"),
        ("UPDATE \"book\" SET \"author_id\" = 7", "error -122"),
        ("ALTER TABLE \"author\" ADD COLUMN \"rank\" INTEGER DEFAULT 5 NOT NULL", "0"),
        ("ALTER TABLE \"author\" ALTER COLUMN \"rank\" DEFAULT 6", "0"),
        ("INSERT INTO \"author\" (\"name\", \"ok\") VALUES ('Cy', 1)", "1"),
        ("SELECT \"id\", \"rank\" FROM \"author\" ORDER BY \"id\"", "1|5; 10|5; 11|6"),
        ("ALTER TABLE \"author\" ALTER COLUMN \"rank\" DROP DEFAULT", "0"),
        ("ALTER TABLE \"author\" ALTER COLUMN \"rank\" RENAME \"grade\"", "0"),
        ("ALTER TABLE \"author\" ALTER COLUMN \"bio\" VARCHAR(9)", "error -374"),
        ("ALTER TABLE \"author\" DROP COLUMN \"grade\" CASCADE", "0"),
        ("DELETE FROM \"author\" WHERE \"id\" = 1", "1"),
        ("SELECT COUNT(*) FROM \"book\"", "0"),
        ("DROP INDEX IF EXISTS \"book_author_idx\"", "0"),
        ("DROP INDEX IF EXISTS \"book_author_idx\"", "0"),
        ("ALTER TABLE \"book\" DROP CONSTRAINT \"book_author_fk\"", "0"),
        ("DROP TABLE \"author\" CASCADE", "0"),
        ("DROP TABLE \"book\" CASCADE", "0"),
        ("DROP TABLE \"book\" CASCADE", "error -30"),
    ]);
}

#[test]
fn sqlalchemy() {
    play(&[
        (
            "CREATE TABLE test_needs_fk.users (user_id INTEGER NOT NULL, test1 CHAR(5) NOT NULL, test2 NUMERIC(10, 2), \
             CONSTRAINT user_tmp_pk PRIMARY KEY (user_id), CONSTRAINT uq UNIQUE (test1, test2))",
            "0",
        ),
        (
            "CREATE TABLE test_needs_fk.email (address_id INTEGER NOT NULL, remote_user_id INTEGER, \
             email VARCHAR(20) %DESCRIPTION 'the address', CONSTRAINT email_ad_pk PRIMARY KEY (address_id), \
             CONSTRAINT fk1 FOREIGN KEY(remote_user_id) REFERENCES test_needs_fk.users (user_id), \
             %DESCRIPTION 'emails')",
            "0",
        ),
        ("CREATE INDEX email_ix ON test_needs_fk.email (email) WITH DATA (remote_user_id)", "0"),
        (
            "SELECT tables.table_name FROM INFORMATION_SCHEMA.TABLES AS tables WHERE tables.table_schema = 'TEST_needs_fk' \
             AND tables.table_type = 'BASE TABLE' ORDER BY tables.table_name",
            "'email'; 'users'",
        ),
        (
            "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE FROM \
             INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'users' ORDER BY ORDINAL_POSITION",
            "'user_id'|'integer'|'NO'|NULL|10|0; 'test1'|'varchar'|'NO'|5|NULL|NULL; 'test2'|'numeric'|'YES'|NULL|10|2",
        ),
        (
            "SELECT DESCRIPTION FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'email' AND COLUMN_NAME = 'EMAIL'",
            "'the address'",
        ),
        ("SELECT DESCRIPTION FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'email'", "'emails'"),
        (
            "SELECT key_column_usage.column_name, key_column_usage.ordinal_position, key_column_usage.constraint_name FROM \
             INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS key_column_usage JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS AS tc ON \
             tc.constraint_name = key_column_usage.constraint_name AND tc.table_schema = key_column_usage.table_schema \
             WHERE tc.constraint_type = 'PRIMARY KEY' AND key_column_usage.table_name = 'users'",
            "'user_id'|1|'user_tmp_pk'",
        ),
        (
            "SELECT rc.constraint_name, kcu.column_name, target.table_name, target.column_name, rc.match_option, \
             rc.update_rule, rc.delete_rule FROM INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS AS rc \
             JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS kcu ON kcu.constraint_schema = rc.constraint_schema \
             AND kcu.constraint_name = rc.constraint_name JOIN INFORMATION_SCHEMA.KEY_COLUMN_USAGE AS target \
             ON target.constraint_schema = rc.unique_constraint_schema AND target.constraint_name = rc.unique_constraint_name \
             AND target.ordinal_position = kcu.ordinal_position WHERE kcu.table_name = 'email'",
            "'fk1'|'remote_user_id'|'users'|'user_id'|'NONE'|'NO ACTION'|'NO ACTION'",
        ),
        (
            "SELECT INDEX_NAME, COLUMN_NAME, NON_UNIQUE, PRIMARY_KEY, ASC_OR_DESC, DATA_FIELDS FROM \
             INFORMATION_SCHEMA.INDEXES WHERE TABLE_NAME = 'email' ORDER BY INDEX_NAME",
            "'email_ad_pk'|'address_id'|0|1|'A'|NULL; 'email_ix'|'email'|1|0|'A'|'remote_user_id'",
        ),
        ("CREATE VIEW test_needs_fk.v AS SELECT user_id, test2 AS amount FROM test_needs_fk.users", "0"),
        (
            "SELECT VIEW_DEFINITION FROM INFORMATION_SCHEMA.VIEWS WHERE TABLE_NAME = 'V'",
            "'SELECT user_id, test2 AS amount FROM test_needs_fk.users'",
        ),
        (
            "SELECT COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'v' ORDER BY ORDINAL_POSITION",
            "'user_id'|'integer'; 'amount'|'numeric'",
        ),
        ("DROP TABLE test_needs_fk.users", "error -320"),
        ("DROP TABLE test_needs_fk.email", "0"),
        ("DROP TABLE test_needs_fk.users", "error -321"),
        ("DROP VIEW test_needs_fk.v", "0"),
        ("DROP TABLE test_needs_fk.users", "0"),
        ("SELECT COUNT(*) FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME = 'test_needs_fk'", "0"),
        ("CREATE TABLE \"per % cent\" (\"(3)\" INTEGER, \"col%p\" INTEGER, \"[brack]\" INTEGER)", "0"),
        ("INSERT INTO \"per % cent\" (\"(3)\", \"col%p\", \"[brack]\") VALUES (1, 2, 3)", "1"),
        ("SELECT \"(3)\", \"col%p\", \"[brack]\" FROM \"per % cent\"", "1|2|3"),
        ("CREATE TABLE dv (id IDENTITY NOT NULL, x VARCHAR(50) DEFAULT 'a', y INTEGER)", "0"),
        ("INSERT INTO dv DEFAULT VALUES", "1"),
        ("INSERT INTO dv (y) DEFAULT VALUES", "1"),
        ("SELECT id, x, y FROM dv ORDER BY id", "1|'a'|NULL; 2|'a'|NULL"),
    ]);
}

#[test]
fn defaults_in_objectscript() {
    play(&[
        (
            "CREATE TABLE g (id VARCHAR(36) DEFAULT OBJECTSCRIPT '$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")' NOT NULL, \
             d DATE DEFAULT OBJECTSCRIPT '+$HOROLOG', n INTEGER)",
            "0",
        ),
        ("INSERT INTO g (n) VALUES (1)", "1"),
        ("INSERT INTO g (id, n) VALUES (DEFAULT, 2)", "1"),
        ("INSERT INTO g (n) SELECT n FROM g", "2"),
        (
            "SELECT COUNT(DISTINCT id), MIN(LENGTH(id)), SUM(CASE WHEN %EXACT(id) = LOWER(id) THEN 1 ELSE 0 END) FROM g",
            "4|36|4",
        ),
        ("SELECT COUNT(*) FROM g WHERE d = CURRENT_DATE", "4"),
        (
            "SELECT COLUMN_NAME, COLUMN_DEFAULT FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'g' AND \
             COLUMN_DEFAULT IS NOT NULL ORDER BY ORDINAL_POSITION",
            "'id'|'$ZCONVERT($SYSTEM.Util.CreateGUID(),\"L\")'; 'd'|'+$HOROLOG'",
        ),
        ("ALTER TABLE g ALTER COLUMN id DROP DEFAULT", "0"),
        ("INSERT INTO g (n) VALUES (3)", "error -108"),
        ("ALTER TABLE g ALTER COLUMN id SET DEFAULT OBJECTSCRIPT '\"none\"'", "0"),
        ("INSERT INTO g (n) VALUES (3)", "1"),
        ("SELECT id FROM g WHERE n = 3", "'none'"),
        ("CREATE TABLE h (n INTEGER DEFAULT OBJECTSCRIPT '$INCREMENT(^LogNumber)')", "error -400"),
        ("CREATE TABLE h (n INTEGER DEFAULT OBJECTSCRIPT 5)", "error -1"),
        ("ALTER TABLE g ADD COLUMN k VARCHAR(36) DEFAULT OBJECTSCRIPT '$SYSTEM.Util.CreateGUID()'", "error -400"),
    ]);
}

/// A view names what it reads; what that is made of does not matter to it.
#[test]
fn views_on_views() {
    play(&[
        ("CREATE TABLE base (a INTEGER)", "0"),
        ("CREATE VIEW vone AS SELECT a FROM base", "0"),
        ("CREATE VIEW vtwo AS SELECT a FROM vone", "0"),
        (
            "SELECT VIEW_NAME, TABLE_NAME FROM INFORMATION_SCHEMA.VIEW_TABLE_USAGE WHERE VIEW_NAME LIKE 'v%o%' ORDER BY VIEW_NAME",
            "'vone'|'base'; 'vtwo'|'vone'",
        ),
        ("CREATE OR REPLACE VIEW vone AS SELECT a FROM vtwo", "error -30"),
        ("DROP VIEW vone", "error -321"),
        ("CREATE VIEW vthree AS SELECT a FROM base", "0"),
        ("CREATE OR REPLACE VIEW vtwo AS SELECT a FROM vthree", "0"),
        ("DROP VIEW vone", "0"),
        ("DROP TABLE base CASCADE", "0"),
        ("SELECT a FROM vtwo", "error -30"),
    ]);
}

#[test]
fn alembic() {
    play(&[
        ("CREATE TABLE some_table (id INTEGER NOT NULL, c1 VARCHAR(10) NOT NULL DEFAULT 'x', PRIMARY KEY (id))", "0"),
        ("INSERT INTO some_table (id, c1) VALUES (1, '12')", "1"),
        ("ALTER TABLE some_table ALTER COLUMN c1 NULL", "0"),
        ("ALTER TABLE some_table ALTER COLUMN c1 INTEGER", "0"),
        ("SELECT c1 + 1 FROM some_table", "13"),
        ("ALTER TABLE some_table ALTER COLUMN c1 VARCHAR(9) NOT NULL", "error -25"),
        ("ALTER TABLE some_table MODIFY \"c1\" RENAME \"c2\"", "0"),
        ("SELECT c1 FROM some_table", "error -29"),
        ("ALTER TABLE some_table RENAME SQLUser.other", "error -1"),
        ("ALTER TABLE some_table RENAME \"renamed\"", "0"),
        ("SELECT C2 FROM renamed", "12"),
        ("SELECT id FROM some_table", "error -30"),
        ("COMMENT ON TABLE renamed IS 'x'", "error -1"),
        ("ALTER TABLE renamed ADD COLUMN at TIMESTAMP", "error -1"),
        ("ALTER TABLE renamed ADD COLUMN made TIMESTAMP DEFAULT '2024-01-02 03:04:05' NOT NULL", "0"),
        ("SELECT CAST(made AS VARCHAR(19)) FROM renamed", "'2024-01-02 03:04:05'"),
    ]);
}

#[test]
fn dbt() {
    play(&[
        (
            "CREATE OR REPLACE FUNCTION HASH(alg VARCHAR(''), str VARCHAR('')) PROCEDURE RETURNS VARCHAR(1024) \
             LANGUAGE PYTHON {\n import hashlib\n return hashlib.new(alg, str.encode())[:].hexdigest() # it's\n}",
            "0",
        ),
        (
            "SELECT ROUTINE_TYPE, EXTERNAL_LANGUAGE FROM INFORMATION_SCHEMA.ROUTINES WHERE ROUTINE_NAME = 'hash'",
            "'FUNCTION'|'PYTHON'",
        ),
        (
            "SELECT PARAMETER_NAME FROM INFORMATION_SCHEMA.PARAMETERS WHERE SPECIFIC_NAME = 'hash' ORDER BY ORDINAL_POSITION",
            "'alg'; 'str'",
        ),
        ("SELECT HASH('md5', 'x')", "error -149"),
        ("SELECT SQLUser.HASH('md5', 'x') FROM t WHERE 1 = 0", ""),
        ("SELECT NOHASH('md5', 'x')", "error -359"),
        (
            "/* {\"app\": \"dbt\"} */\n\n  create table \"SQLUser\".\"my_first__dbt_tmp\"\n  as\n    -- a note\n    select cast(1 as bigint) as id, cast('x' as varchar('')) as name, cast(1.5 as numeric(10,2)) as price, cast('2024-01-02' as date) as d, cast(1 as bit) as flag",
            "0",
        ),
        (
            "SELECT column_name, data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'my_first__dbt_tmp' AND table_schema = 'SQLUser' ORDER BY ordinal_position",
            "'id'|'bigint'; 'name'|'varchar'; 'price'|'numeric'; 'd'|'date'; 'flag'|'bit'",
        ),
        ("alter table \"SQLUser\".\"my_first__dbt_tmp\" rename \"my_first\"", "0"),
        ("insert or update \"SQLUser\".\"my_first\" (id, name) select id + 1, name from \"SQLUser\".\"my_first\"", "1"),
        ("select id, name from \"SQLUser\".\"my_first\" order by id", "1|'x'; 2|'x'"),
        ("select * from (select * from \"SQLUser\".\"my_first\" where id > 5) as s where 1 = 0", ""),
        ("drop table if exists \"SQLUser\".\"my_first\" cascade", "0"),
        ("drop table if exists \"SQLUser\".\"my_first\" cascade", "0"),
        ("CREATE SCHEMA IF NOT EXISTS analytics", "0"),
        ("DROP SCHEMA IF EXISTS analytics CASCADE", "0"),
    ]);
}

#[test]
fn vectors() {
    play(&[
        (
            "CREATE TABLE langchain (id VARCHAR(40) PRIMARY KEY, collection VARCHAR(40), document VARCHAR(65535), metadata LONGVARCHAR, embedding VECTOR(DECIMAL, 3))",
            "0",
        ),
        ("CREATE INDEX lc_hnsw ON TABLE langchain (embedding) AS HNSW(Distance='Cosine')", "0"),
        ("CREATE INDEX lc_hnsw ON TABLE langchain (embedding) AS HNSW(Distance='Cosine')", "error -324"),
        (
            "INSERT INTO langchain (id, embedding) VALUES ('a', TO_VECTOR('1,0,0', DECIMAL)), ('b', TO_VECTOR('0,1,0', DECIMAL))",
            "2",
        ),
        ("INSERT INTO langchain (id, embedding) VALUES ('c', TO_VECTOR('1,0', DECIMAL))", "error -104"),
        (
            "SELECT TOP 1 id FROM langchain ORDER BY VECTOR_COSINE(embedding, TO_VECTOR('0.9,0.1,0', DECIMAL)) DESC",
            "'a'",
        ),
        ("SELECT VECTOR_COSINE(embedding, TO_VECTOR('1,0,0', DOUBLE)) FROM langchain", "error -259"),
        (
            "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'langchain' AND COLUMN_NAME = 'embedding'",
            "'varchar'",
        ),
        (
            "SELECT Parameters FROM %Dictionary.CompiledProperty WHERE parent = 'User.langchain' AND Name = 'embedding'",
            "'DATATYPE=DECIMAL,LEN=3'",
        ),
        (
            "SELECT TypeClass FROM %Dictionary.CompiledIndex WHERE parent = 'User.langchain' AND SqlName = 'lc_hnsw'",
            "'%SQL.Index.HNSW'",
        ),
        ("CREATE TABLE kg_nodeembeddings (id VARCHAR(256) PRIMARY KEY, emb VECTOR(DOUBLE))", "0"),
        (
            "CREATE INDEX kg_hnsw ON kg_nodeembeddings (emb) AS HNSW(M=16, efConstruction=200, Distance='Cosine')",
            "error -400",
        ),
        ("DROP INDEX lc_hnsw ON langchain", "0"),
        ("DROP TABLE langchain %DELDATA", "0"),
    ]);
}

#[test]
fn rows_survive_changes_of_their_table() {
    play(&[
        ("ALTER TABLE t ADD (extra VARCHAR(5) DEFAULT 'e', more DATE)", "0"),
        ("SELECT id, name, extra, more FROM t WHERE id < 3 ORDER BY id", "1|'Alice'|'e'|NULL; 2|'bob'|'e'|NULL"),
        // The view still reads it; its columns are those of its making.
        ("SELECT * FROM v1 WHERE id = 1", "1|10|'Alice'"),
        ("CREATE INDEX t_name ON t (name)", "0"),
        ("ALTER TABLE t DROP COLUMN name", "error -322"),
        ("ALTER TABLE t ALTER COLUMN n VARCHAR(20)", "0"),
        ("SELECT n FROM t WHERE id = 2", "'2.25'"),
        ("ALTER TABLE t ALTER COLUMN name INTEGER", "error -104"),
        ("SELECT name FROM t WHERE id = 1", "'Alice'"),
        ("TRUNCATE TABLE parent", "error -124"),
        ("TRUNCATE TABLE child", "0"),
        ("TRUNCATE TABLE parent", "0"),
        ("TRUNCATE TABLE auto", "0"),
        ("INSERT INTO auto (a) VALUES (1)", "1"),
        ("SELECT id, a, s FROM auto", "1|1|'x'"),
        ("ALTER TABLE un DROP CONSTRAINT un_email", "0"),
        ("INSERT INTO un (id, email) VALUES (2, 'A@X')", "1"),
        ("ALTER TABLE un ADD CONSTRAINT un_email UNIQUE (email)", "error -125"),
    ]);
}

#[test]
fn definitions_are_refused_when_they_are_prepared() {
    let mut fixture = Fixture::new();
    for (sql, sqlcode) in [
        ("CREATE TABLE x (a INT CHECK (a > 0))", 1),
        ("CREATE TABLE x (a INT);", 25),
        ("CREATE TABLE x (a UUID)", 400),
        ("DROP TABLE", 1),
    ] {
        let error = fixture.session.prepare(sql, &[]).unwrap_err();
        assert_eq!(
            (error.sqlcode, error.location),
            (sqlcode, if sqlcode == 400 { "ServerLoop" } else { "Prepare" }),
            "{sql}"
        );
    }
    // Preparing runs nothing.
    fixture.session.prepare("DROP TABLE u", &[]).unwrap();
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM u"), "3");
}

#[test]
fn another_session_sees_a_definition_at_once() {
    let mut fixture = Fixture::new();
    let mut other = fixture.engine.connect("USER", "_SYSTEM", 4002).unwrap();
    fixture.run("CREATE TABLE fresh (a INTEGER)").unwrap();
    let statement = other.prepare("INSERT INTO fresh (a) VALUES (1)", &[]).unwrap();
    assert_eq!(other.update(&statement, &[vec![]]).unwrap(), [1]);
    assert_eq!(fixture.shown("SELECT a FROM fresh"), "1");
    fixture.run("DROP TABLE fresh").unwrap();
    assert_eq!(other.update(&statement, &[vec![]]).unwrap_err().0.sqlcode, 30);
}

#[test]
fn temporary_rows_are_private() {
    let mut fixture = Fixture::new();
    fixture.run("CREATE GLOBAL TEMPORARY TABLE g (a INTEGER)").unwrap();
    fixture.run("INSERT INTO g (a) VALUES (1)").unwrap();
    let mut other = fixture.engine.connect("USER", "_SYSTEM", 4002).unwrap();
    let statement = other.prepare("INSERT INTO g (a) SELECT COUNT(*) + 7 FROM g", &[]).unwrap();
    assert_eq!(other.update(&statement, &[vec![]]).unwrap(), [1]);
    assert_eq!(fixture.shown("SELECT a FROM g"), "1");
}
