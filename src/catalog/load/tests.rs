use super::*;
use crate::catalog::fixtures::text_columns;
use crate::iris::{put_int, put_null, put_text};

#[test]
fn a_table_is_read_in_three_queries() {
    let queries = TableQueries::new(7);
    let mut cache = TableCache::new("SQLUser");
    let name = RelationName { schema: Some("public".to_owned()), name: "t".to_owned() };
    let mut load = TableLoad::new(Need::Table(name.clone()), &cache);
    let Request::Execute { statement, values_per_set: 2, .. } = load.request(&queries, false) else { panic!() };
    assert_eq!(statement.key, 7);

    let mut rows = Vec::new();
    for (name, data_type, nullable, description) in
        [("id", "integer", "NO", None), ("at", "timestamp", "YES", Some("pg:timestamptz"))]
    {
        put_text(&mut rows, name);
        put_text(&mut rows, data_type);
        for _ in 0..3 {
            put_null(&mut rows);
        }
        put_text(&mut rows, nullable);
        put_text(&mut rows, "NO");
        put_null(&mut rows);
        match description {
            Some(text) => put_text(&mut rows, text),
            None => put_null(&mut rows),
        }
    }
    let step = load.on_page(&rows, true, &text_columns(9), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Submit(Request::Execute { .. })));

    rows.clear();
    put_text(&mut rows, "pg:CONSTRAINT c CHECK (id > 0)");
    put_text(&mut rows, "SQLUser");
    put_text(&mut rows, "t");
    let step = load.on_page(&rows, true, &text_columns(3), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Submit(Request::Execute { .. })));

    rows.clear();
    for (index, column, primary) in [("TPKEY1", "id", 1), ("U", "id", 0), ("U", "at", 0)] {
        put_text(&mut rows, index);
        put_text(&mut rows, column);
        put_int(&mut rows, primary);
        put_text(&mut rows, "up,At");
    }
    let step = load.on_page(&rows, true, &text_columns(4), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Done));

    let crate::sql::TableLookup::Known(facts) = crate::sql::Schema::table(&cache, &name) else { panic!() };
    assert_eq!(facts.primary_key, ["id"]);
    assert_eq!(facts.own_references, ["up", "At"]);
    assert_eq!(facts.rules.checks.first().unwrap().expression, "id > 0");
    assert_eq!(facts.unique_keys, [("U".to_owned(), vec!["id".to_owned(), "at".to_owned()])]);
    assert_eq!(cache.column("SQLUSER", "T", "AT").unwrap().pg_type.oid, Oid::TIMESTAMPTZ);
    assert!(!cache.column("SQLUser", "t", "id").unwrap().nullable);

    let need = Need::Views(name.clone());
    let mut load = TableLoad::new(need, &cache);
    rows.clear();
    put_text(&mut rows, "T");
    put_text(&mut rows, "pg:");
    put_text(&mut rows, "SQLUser");
    let step = load.on_page(&rows, true, &text_columns(3), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Submit(Request::Execute { statement, .. }) if statement.key == 9));
    rows.clear();
    put_text(&mut rows, "SELECT 1");
    put_text(&mut rows, "CASCADE");
    let step = load.on_page(&rows, true, &text_columns(2), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Submit(Request::Execute { statement, .. }) if statement.key == 10));
    rows.clear();
    put_text(&mut rows, "App");
    put_text(&mut rows, "V2");
    let step = load.on_page(&rows, true, &text_columns(2), &mut cache, &queries, false).unwrap();
    assert!(matches!(step, LoadStep::Submit(Request::Execute { statement, .. }) if statement.key == 11));
    rows.clear();
    for cell in ["App", "Child", "fk"] {
        put_text(&mut rows, cell);
    }
    load.on_page(&rows, true, &text_columns(3), &mut cache, &queries, false).unwrap();
    rows.clear();
    put_text(&mut rows, "Pk");
    load.on_page(&rows, true, &text_columns(1), &mut cache, &queries, false).unwrap();
    let crate::sql::ViewLookup::Known(views) = crate::sql::Schema::views(&cache, &name) else { panic!() };
    let reader = RelationName { schema: Some("App".to_owned()), name: "V2".to_owned() };
    assert!(views.is_called("T") && !views.is_called("t"));
    let expected = ViewFacts {
        name: Some("T".to_owned()),
        schema: "SQLUser".to_owned(),
        constraints: vec!["Pk".to_owned()],
        is_spelled: true,
        definition: Some("SELECT 1".to_owned()),
        check_option: Some("CASCADED"),
        readers: vec![reader],
        referrers: vec![(RelationName { schema: Some("App".to_owned()), name: "Child".to_owned() }, "fk".to_owned())],
    };
    assert_eq!(*views, expected);

    cache.follow(1);
    assert!(matches!(crate::sql::Schema::views(&cache, &name), crate::sql::ViewLookup::NotLoaded));
    assert!(matches!(crate::sql::Schema::table(&cache, &name), crate::sql::TableLookup::NotLoaded));
}
