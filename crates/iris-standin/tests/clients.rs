//! What software written for IRIS sends besides queries: routines, databases, computed columns, options, literals.

mod fixture;

use fixture::Fixture;

#[test]
fn routines_are_kept_and_calling_one_is_an_error() {
    let mut fixture = Fixture::new();
    for sql in [
        "/* {\"app\": \"dbt\"} */ CREATE OR REPLACE FUNCTION HASH(alg VARCHAR(''), str VARCHAR('')) PROCEDURE RETURNS VARCHAR(1024) LANGUAGE PYTHON {\n\
         import hashlib\nreturn getattr(hashlib, alg)(str.encode()).hexdigest() # it's {} :alg ^ \"}\n}",
        "CREATE PROCEDURE in_sql(a INTEGER) LANGUAGE SQL { UPDATE u SET a = :a WHERE id = 1 }",
        "CREATE PROCEDURE in_block(IN a INTEGER) BEGIN UPDATE u SET a = :a; INSERT INTO u (id, a) VALUES (:a, 1); END",
        "CREATE PROCEDURE of_classes(a %String, b %Library.Integer) LANGUAGE OBJECTSCRIPT { new $namespace set x = '1 }",
        "CREATE FUNCTION in_class(a INTEGER) RETURNS INTEGER FOR User.Functions LANGUAGE OBJECTSCRIPT { quit 1 }",
        "CREATE OR REPLACE PROCEDURE %ZDJANGO.CLONE_DATABASE(sourceNS %String, targetNS %String)\nLANGUAGE OBJECTSCRIPT\n\
         {\n\tset $namespace = \"%SYS\"\n\t$$$ThrowOnError(##class(X).Get(sourceNS, .params))\n}            ",
    ] {
        fixture.run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    assert_eq!(
        fixture.shown(
            "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE FROM INFORMATION_SCHEMA.ROUTINES ORDER BY ROUTINE_NAME"
        ),
        "'%ZDJANGO'|'CLONE_DATABASE'|'PROCEDURE'; 'SQLUser'|'HASH'|'FUNCTION'; 'SQLUser'|'in_block'|'PROCEDURE'; \
         'SQLUser'|'in_class'|'FUNCTION'; 'SQLUser'|'in_sql'|'PROCEDURE'; 'SQLUser'|'of_classes'|'PROCEDURE'"
    );
    assert_eq!(fixture.run("SELECT HASH('md5', 'x')").unwrap_err().sqlcode, 149);
    assert_eq!(fixture.run("CALL in_sql(1)").unwrap_err().sqlcode, 428);
    fixture.run("DROP FUNCTION in_class FROM User.Functions").unwrap();
    fixture.run("DROP PROCEDURE in_sql").unwrap();
    fixture.run("DROP FUNCTION IF EXISTS HASH").unwrap();
    assert_eq!(fixture.run("DROP FUNCTION HASH").unwrap_err().sqlcode, 362);
    assert_eq!(fixture.shown("SELECT COUNT(*) FROM INFORMATION_SCHEMA.ROUTINES"), "3");
}

#[test]
fn a_database_is_a_namespace() {
    let mut fixture = Fixture::new();
    assert!(fixture.engine.connect("zdj", "x", 5).is_err());
    fixture.run("CREATE DATABASE ZDj").unwrap();
    assert_eq!(fixture.run("CREATE DATABASE zdj").unwrap_err().sqlcode, 341);
    let mut inside = fixture.engine.connect("zdj", "x", 5).unwrap();
    let drop_own = inside.prepare("DROP DATABASE zdj", &[]).unwrap();
    assert_eq!(inside.update(&drop_own, &[Vec::new()]).unwrap_err().0.sqlcode, 344);
    drop(inside);
    fixture.run("DROP DATABASE zdj").unwrap();
    assert!(fixture.engine.connect("zdj", "x", 5).is_err());
    assert_eq!(fixture.run("DROP DATABASE zdj").unwrap_err().sqlcode, 340);
    fixture.run("DROP DATABASE IF EXISTS zdj RETAIN_FILES").unwrap();
    assert_eq!(fixture.run("DROP DATABASE \"USER\"").unwrap_err().sqlcode, 342);
    assert_eq!(fixture.run("CREATE DATABASE _x").unwrap_err().sqlcode, 343);
    assert_eq!(fixture.run("CREATE DATABASE a b").unwrap_err().sqlcode, 25);
}

#[test]
fn computed_columns_are_kept_and_cannot_be_read() {
    let mut fixture = Fixture::new();
    fixture
        .run(
            "CREATE TABLE computed (normal INTEGER, c1 INTEGER COMPUTECODE {Set {*} = {normal} + 42} CALCULATED, \
             c2 INTEGER COMPUTECODE OBJECTSCRIPT { Set {*} = {normal} + 42 } COMPUTEONCHANGE (\"%%UPDATE\"), \
             c3 VARCHAR(20) COMPUTECODE { set {*} = $ZDATE({normal})_\"}\"_'x } TRANSIENT, rest INTEGER NOT NULL)",
        )
        .unwrap();
    fixture.run("INSERT INTO computed (normal, rest) VALUES (1, 2)").unwrap();
    assert_eq!(fixture.shown("SELECT normal, rest FROM computed"), "1|2");
    for sql in ["SELECT c1 FROM computed", "SELECT * FROM computed", "SELECT 1 FROM computed WHERE c3 = 'x'"] {
        assert_eq!(fixture.run(sql).unwrap_err().sqlcode, 400, "{sql}");
    }
    fixture.run("UPDATE computed SET normal = 5 WHERE rest = 2").unwrap();
    fixture.run("ALTER TABLE computed ADD COLUMN c4 INTEGER COMPUTECODE { set {*} = 1 } CALCULATED").unwrap();
    assert_eq!(fixture.shown("SELECT normal FROM computed"), "5");
    assert_eq!(fixture.run("CREATE TABLE bad (a INTEGER COMPUTECODE {open)").unwrap_err().sqlcode, 1);
    assert_eq!(fixture.run("CREATE TABLE bad (a INTEGER CALCULATED)").unwrap_err().sqlcode, 1);
}

#[test]
fn the_isolation_mode_is_read_back() {
    let mut fixture = Fixture::new();
    let option = "SELECT %SYSTEM_SQL.Util_GetOption('IsolationMode')";
    assert_eq!(fixture.shown(option), "'0'");
    for (level, mode) in [("READ COMMITTED", "'1'"), ("READ VERIFIED", "'3'"), ("READ UNCOMMITTED", "'0'")] {
        fixture.run(&format!("SET TRANSACTION ISOLATION LEVEL {level}")).unwrap();
        assert_eq!(fixture.shown(option), mode);
    }
    fixture.run("START TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE").unwrap();
    fixture.run("COMMIT").unwrap();
    assert_eq!(fixture.shown(option), "'1'");
}

#[test]
fn literals_keep_their_types() {
    let mut fixture = Fixture::new();
    for (sql, expected) in [
        ("SELECT 1", "4/0"),
        ("SELECT -7", "4/0"),
        ("SELECT 1.50", "2/1"),
        ("SELECT 1e300", "8/0"),
        ("SELECT 'abc'", "12/0"),
        ("SELECT (SELECT 1)", "4/0"),
        ("SELECT 1 UNION ALL SELECT 2.5", "2/1"),
        ("SELECT NULL", "4/0"),
        ("SELECT 12345678901", "-5/0"),
    ] {
        let statement = fixture.session.prepare(sql, &[]).unwrap();
        let column = &statement.metadata().columns[0];
        assert_eq!(format!("{}/{}", column.iris_type.0, column.scale), expected, "{sql}");
    }
    assert_eq!(fixture.shown("SELECT 1.50, 1e3, 'abc', -7"), "1.5|1000|'abc'|-7");
}
