use rusqlite::Connection;

use super::super::catalog::{
    CatalogStore, ColumnDef, DefaultExpr, ForeignKeyDef, IdentityKind, IndexDef, IndexKind, KeyDef, ReferentialAction,
    TableDef, TableKind, VectorDistance,
};
use super::super::types::{DataType, VectorElement};
use super::*;

fn base(schema: &str, name: &str, columns: Vec<ColumnDef>) -> TableDef {
    TableDef {
        schema: schema.to_owned(),
        name: name.to_owned(),
        sqlite_name: format!("{schema}.{name}"),
        kind: TableKind::Base,
        allow_identity_insert: false,
        columnar: false,
        description: None,
        columns,
        primary_key: None,
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: Vec::new(),
    }
}

fn open() -> (Connection, CatalogStore) {
    let conn = Connection::open_in_memory().unwrap();
    conn.create_collation("SQLUPPER", |a, b| a.trim_end().to_uppercase().cmp(&b.trim_end().to_uppercase())).unwrap();
    let store = CatalogStore::open(&conn).unwrap();
    rebuild(&conn, &store.snapshot()).unwrap();
    (conn, store)
}

fn rows(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn names_match_in_any_case_and_types_have_the_known_words() {
    let (conn, store) = open();
    let mut id = ColumnDef::new("Id", DataType::BigInt);
    id.identity = IdentityKind::Identity;
    id.not_null = true;
    let mut name = ColumnDef::new("name", DataType::VarChar { length: Some(40) });
    name.default = Some(DefaultExpr::Text(String::new()));
    name.description = Some("pg:text".into());
    let price = ColumnDef::new("price", DataType::Numeric { precision: 12, scale: 2 });
    let vector = ColumnDef::new("e", DataType::Vector { element: VectorElement::Double, length: Some(3) });
    let mut table = base("SQLUser", "Users", vec![id, name, price, vector]);
    table.primary_key = Some(KeyDef { name: "PK".into(), columns: vec!["Id".into()] });
    table.indexes.push(IndexDef {
        name: "h".into(),
        columns: vec!["e".into()],
        data: Vec::new(),
        kind: IndexKind::Hnsw { distance: VectorDistance::Cosine, m: 16, ef_construction: 64 },
    });
    put_table(&conn, &store.snapshot(), &table).unwrap();
    let columns = r#"SELECT COLUMN_NAME || ' ' || DATA_TYPE || ' ' || IS_NULLABLE || ' ' || IS_IDENTITY || ' ' || PRIMARY_KEY
        || ' ' || coalesce(CHARACTER_MAXIMUM_LENGTH, '') || ' ' || coalesce(NUMERIC_PRECISION, '') || ','
        || coalesce(NUMERIC_SCALE, '') || ' ' || coalesce(COLUMN_DEFAULT, '')
        FROM "INFORMATION_SCHEMA.COLUMNS" WHERE TABLE_SCHEMA = 'sqluser' AND TABLE_NAME = 'USERS' ORDER BY ORDINAL_POSITION"#;
    assert_eq!(
        rows(&conn, columns),
        [
            "Id bigint NO YES YES  19,0 ",
            "name varchar YES NO NO 40 , $c(0)",
            "price numeric YES NO NO  12,2 ",
            "e varchar YES NO NO -1 , ",
        ]
    );
    let parameters =
        r#"SELECT Parameters FROM "%Dictionary.CompiledProperty" WHERE parent = 'User.Users' AND Name = 'e'"#;
    assert_eq!(rows(&conn, parameters), ["DATATYPE=DOUBLE,LEN=3"]);
    let index = r#"SELECT TypeClass FROM "%Dictionary.CompiledIndex" WHERE parent = 'User.Users' AND Name = 'h'"#;
    assert_eq!(rows(&conn, index), ["%SQL.Index.HNSW"]);
    let keys = r#"SELECT INDEX_NAME || NON_UNIQUE || PRIMARY_KEY FROM "INFORMATION_SCHEMA.INDEXES" WHERE TABLE_NAME = 'users'"#;
    assert_eq!(rows(&conn, keys), ["PK01", "h10"]);
    remove(&conn, "SQLUSER", "users").unwrap();
    for table in ["TABLES", "COLUMNS", "INDEXES", "KEY_COLUMN_USAGE", "TABLE_CONSTRAINTS"] {
        let count =
            format!(r#"SELECT count(*) || '' FROM "INFORMATION_SCHEMA.{table}" WHERE TABLE_SCHEMA = 'SQLUser'"#);
        assert_eq!(rows(&conn, &count), ["0"], "{table}");
    }
    assert!(!rows(&conn, r#"SELECT SCHEMA_NAME FROM "INFORMATION_SCHEMA.SCHEMATA""#).contains(&"SQLUser".to_owned()));
}

#[test]
fn foreign_keys_say_their_rules_in_words() {
    let (conn, store) = open();
    let mut parent = base("s", "p", vec![ColumnDef::new("id", DataType::Integer)]);
    parent.primary_key = Some(KeyDef { name: "P_PKEY1".into(), columns: vec!["id".into()] });
    let mut child = base("s", "c", vec![ColumnDef::new("p", DataType::Integer)]);
    child.foreign_keys.push(ForeignKeyDef {
        name: "f".into(),
        columns: vec!["p".into()],
        parent_schema: "s".into(),
        parent_table: "p".into(),
        parent_columns: vec!["id".into()],
        on_delete: ReferentialAction::SetNull,
        on_update: ReferentialAction::NoAction,
        no_check: false,
    });
    let mut catalog = (*store.snapshot()).clone();
    catalog.put_table(parent.clone());
    put_table(&conn, &catalog, &parent).unwrap();
    put_table(&conn, &catalog, &child).unwrap();
    let rules = r#"SELECT UNIQUE_CONSTRAINT_NAME || ' ' || UPDATE_RULE || ' ' || DELETE_RULE || ' ' || MATCH_OPTION
        FROM "INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS" WHERE CONSTRAINT_SCHEMA = 'S'"#;
    assert_eq!(rows(&conn, rules), ["P_PKEY1 NO ACTION SET NULL NONE"]);
    let columns = r#"SELECT COLUMN_NAME || REFERENCED_TABLE_NAME || REFERENCED_COLUMN_NAME || ORDINAL_POSITION
        FROM "INFORMATION_SCHEMA.KEY_COLUMN_USAGE" WHERE CONSTRAINT_NAME = 'F'"#;
    assert_eq!(rows(&conn, columns), ["ppid1"]);
}

#[test]
fn the_views_describe_themselves_as_system_tables() {
    let (conn, _) = open();
    let kind = r#"SELECT TABLE_TYPE FROM "INFORMATION_SCHEMA.TABLES" WHERE TABLE_NAME = 'columns'"#;
    assert_eq!(rows(&conn, kind), ["SYSTEM TABLE"]);
    let mut names: Vec<_> = tables().into_iter().map(|table| table.sqlite_name).collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
