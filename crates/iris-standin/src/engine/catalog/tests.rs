use rusqlite::Connection;

use super::*;

fn people() -> TableDef {
    let mut name = ColumnDef::new("Name", DataType::VarChar { length: Some(40) });
    name.default = Some(DefaultExpr::Text("it's \"x\"\n".into()));
    name.description = Some("who".into());
    let mut amount = ColumnDef::new("amount", DataType::Numeric { precision: 9, scale: 2 });
    amount.not_null = true;
    TableDef {
        schema: "SQLUser".into(),
        name: "People".into(),
        sqlite_name: "SQLUser.People".into(),
        kind: TableKind::Base,
        allow_identity_insert: true,
        columnar: false,
        description: None,
        columns: vec![name, amount],
        primary_key: Some(KeyDef { name: "PK".into(), columns: vec!["Name".into()] }),
        uniques: Vec::new(),
        foreign_keys: Vec::new(),
        indexes: vec![IndexDef {
            name: "h".into(),
            columns: vec!["Name".into()],
            data: Vec::new(),
            kind: IndexKind::Hnsw { distance: VectorDistance::Cosine, m: 16, ef_construction: 64 },
        }],
    }
}

#[test]
fn definitions_survive_a_restart_and_names_ignore_case() {
    let conn = Connection::open_in_memory().unwrap();
    let store = CatalogStore::open(&conn).unwrap();
    persist_table(&conn, &people()).unwrap();
    persist_schema(&conn, "Sales").unwrap();
    let view = ViewDef {
        schema: "SQLUser".into(),
        name: "v".into(),
        query: "SELECT Name FROM People".into(),
        check_option: Some(CheckOption::Cascaded),
        read_only: false,
        description: None,
        columns: vec![ColumnDef::new("Name", DataType::VarChar { length: None })],
        depends_on: vec![("SQLUser".into(), "People".into())],
    };
    persist_view(&conn, &view).unwrap();
    let before = store.snapshot();
    store.reload(&conn).unwrap();
    let catalog = store.snapshot();
    assert!(catalog.version > before.version);
    assert_eq!(*catalog.table("sqluser", "PEOPLE").unwrap(), people());
    assert_eq!(*catalog.view("SQLUSER", "V").unwrap(), view);
    assert_eq!(catalog.dependent_views("SQLUser", "people").len(), 1);
    assert!(catalog.has_schema("SALES"));
    assert!(!catalog.has_schema("purchases"));
    assert!(before.table("SQLUser", "People").is_none(), "snapshots do not change");
}

#[test]
fn names_fold_beyond_ascii() {
    assert!(same_name("Größe", "GRÖSSE"));
    assert!(!same_name("a", "b"));
}
