//! Values and messages are those of PostgreSQL 18.4.

use super::*;

fn settings() -> Settings {
    Settings::new("17.5 (test)", "alice", 4096)
}

#[test]
fn values_are_shown_in_canonical_form() {
    for (name, value, shown) in [
        ("work_mem", "1GB", "1GB"),
        ("work_mem", "100", "100kB"),
        ("work_mem", "1.5MB", "1536kB"),
        ("work_mem", "3 MB", "3MB"),
        ("temp_buffers", "1MB", "1MB"),
        ("STATEMENT_TIMEOUT", "5s", "5s"),
        ("statement_timeout", "90000", "90s"),
        ("statement_timeout", "1.5min", "90s"),
        ("statement_timeout", "1500us", "2ms"),
        ("client_min_messages", "debug", "debug2"),
        ("synchronous_commit", "true", "on"),
        ("backslash_quote", "true", "on"),
        ("geqo", "1", "on"),
        ("datestyle", "iso, dmy", "ISO, DMY"),
        ("datestyle", "german", "German, DMY"),
        ("datestyle", "european", "ISO, DMY"),
        ("DateStyle", "postgresql", "Postgres, MDY"),
        ("client_encoding", "unicode", "UTF8"),
        ("client_encoding", "sql-ascii", "SQL_ASCII"),
        ("application_name", "\u{e4} x", "\\xc3\\xa4 x"),
        ("extra_float_digits", "2.4", "2"),
        ("timezone", "2", "<+02>-02"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("timezone", "INTERVAL '-05:30'", "<-05:30>+05:30"),
        ("intervalstyle", "ISO_8601", "iso_8601"),
        ("search_path", "\"\"", "\"\""),
        ("my.thing", "x", "x"),
    ] {
        let mut s = settings();
        s.set(name, Some(value), false, false).unwrap_or_else(|error| panic!("{name} = {value}: {error}"));
        assert_eq!(s.show(name).unwrap(), shown, "{name} = {value}");
    }
    let s = settings();
    assert_eq!(s.show("work_mem").unwrap(), "4MB");
    assert_eq!(s.show("temp_buffers").unwrap(), "8MB");
    assert_eq!(s.show("statement_timeout").unwrap(), "0");
    assert_eq!(s.show("session_authorization").unwrap(), "alice");
}

#[test]
fn bad_values_are_refused_in_postgresqls_words() {
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, &str)] = &[
        ("work_mem", "5 foo", "22023", "invalid value for parameter \"work_mem\": \"5 foo\""),
        ("work_mem", "1", "22023", "1 kB is outside the valid range for parameter \"work_mem\" (64 kB .. 2147483647 kB)"),
        ("statement_timeout", "-1", "22023", "-1 ms is outside the valid range for parameter \"statement_timeout\" (0 ms .. 2147483647 ms)"),
        ("statement_timeout", "5S", "22023", "invalid value for parameter \"statement_timeout\": \"5S\""),
        ("statement_timeout", "30d", "22023", "invalid value for parameter \"statement_timeout\": \"30d\""),
        ("statement_timeout", "abc", "22023", "invalid value for parameter \"statement_timeout\": \"abc\""),
        ("jit", "maybe", "22023", "parameter \"jit\" requires a Boolean value"),
        ("bytea_output", "foo", "22023", "invalid value for parameter \"bytea_output\": \"foo\""),
        ("datestyle", "foo", "22023", "invalid value for parameter \"DateStyle\": \"foo\""),
        ("datestyle", "iso, sql", "22023", "invalid value for parameter \"DateStyle\": \"iso, sql\""),
        ("client_encoding", "foo", "22023", "invalid value for parameter \"client_encoding\": \"foo\""),
        ("client_encoding", "latin1", "0A000", "conversion between UTF8 and LATIN1 is not supported"),
        ("server_version", "1", "55P02", "parameter \"server_version\" cannot be changed"),
        ("max_connections", "3", "55P02", "parameter \"max_connections\" cannot be changed without restarting the server"),
        ("no_such", "1", "42704", "unrecognized configuration parameter \"no_such\""),
        ("extra_float_digits", "4", "22023", "4 is outside the valid range for parameter \"extra_float_digits\" (-15 .. 3)"),
        ("random_page_cost", "abc", "22023", "invalid value for parameter \"random_page_cost\": \"abc\""),
        ("timezone", "", "22023", "invalid value for parameter \"TimeZone\": \"\""),
        ("my.1x", "1", "42602", "invalid configuration parameter name \"my.1x\""),
        ("standard_conforming_strings", "off", "0A000", "standard_conforming_strings cannot be turned off"),
    ];
    for (name, value, code, message) in cases {
        let error = settings().set(name, Some(value), false, false).unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), (*code, *message));
    }
}

#[test]
fn rollback_restores_and_local_ends() {
    let mut s = settings();
    s.set_startup("application_name", "psql").unwrap();
    s.set("application_name", Some("a"), false, false).unwrap();
    s.set("application_name", Some("b"), false, true).unwrap();
    s.set("application_name", Some("c"), true, true).unwrap();
    assert_eq!(s.show("application_name").unwrap(), "c");
    s.end_transaction(false);
    assert_eq!(s.show("application_name").unwrap(), "a");
    s.reset("application_name", false).unwrap();
    assert_eq!(s.show("application_name").unwrap(), "psql");
}

#[test]
fn savepoints_bring_values_back() {
    let mut s = settings();
    s.set("work_mem", Some("1MB"), false, true).unwrap();
    s.savepoint();
    s.set("work_mem", Some("2MB"), false, true).unwrap();
    s.savepoint();
    s.set("work_mem", Some("3MB"), true, true).unwrap();
    s.rollback_to(1);
    assert_eq!(s.show("work_mem").unwrap(), "2MB");
    s.set("work_mem", Some("4MB"), true, true).unwrap();
    s.release(1);
    assert_eq!(s.show("work_mem").unwrap(), "4MB");
    s.rollback_to(0);
    assert_eq!(s.show("work_mem").unwrap(), "1MB");
    s.end_transaction(true);
    assert_eq!(s.show("work_mem").unwrap(), "1MB");
}

#[test]
fn modes_of_a_transaction_come_from_the_defaults() {
    let mut s = settings();
    s.set("default_transaction_read_only", Some("on"), false, false).unwrap();
    assert!(s.is_read_only());
    assert_eq!(s.show("transaction_read_only").unwrap(), "on");
    s.begin_transaction();
    s.set("default_transaction_read_only", Some("off"), false, true).unwrap();
    assert!(s.is_read_only());
    s.end_transaction(true);
    assert!(!s.is_read_only());
}

#[test]
fn the_prelude_holds_what_changes_answers() {
    let mut s = settings();
    let prelude = |s: &Settings| {
        let mut out = String::new();
        s.prelude(&mut out);
        out
    };
    assert_eq!(prelude(&s), "SET LOCAL \"TimeZone\" = 'UTC';");
    s.set("statement_timeout", Some("5s"), false, false).unwrap();
    s.set("work_mem", Some("5MB"), false, false).unwrap();
    assert_eq!(prelude(&s), "SET LOCAL \"TimeZone\" = 'UTC';");
    s.set("timezone", Some("Europe/Berlin"), false, false).unwrap();
    s.set("search_path", Some("\"$user\", Public, \"O'x\""), false, false).unwrap();
    s.set("my.thing", Some("it's \\"), false, false).unwrap();
    s.set("datestyle", Some("german"), false, false).unwrap();
    s.accept("default_text_search_config", "pg_catalog.english", false, false).unwrap();
    assert_eq!(
        prelude(&s),
        "SET LOCAL \"DateStyle\" = 'German, DMY';SET LOCAL search_path = '$user', 'public', 'O''x';\
         SET LOCAL \"TimeZone\" = 'Europe/Berlin';SET LOCAL \"default_text_search_config\" = 'pg_catalog.english';\
         SET LOCAL \"my\".\"thing\" = E'it''s \\\\';"
    );
    s.reset_all(false);
    assert_eq!(prelude(&s), "SET LOCAL \"TimeZone\" = 'UTC';");
    s.set("search_path", Some("\"\""), false, false).unwrap();
    assert!(prelude(&s).contains("SET LOCAL search_path = '';"));
}

#[test]
fn the_style_follows() {
    let mut s = settings();
    assert!(Arc::ptr_eq(s.style(), &Style::standard_of_thread()));
    s.set("timezone", Some("<+03>-3"), false, true).unwrap();
    assert_eq!(s.style().zone.name(), "<+03>-3");
    s.end_transaction(false);
    assert!(s.style().is_standard());
    s.set("extra_float_digits", Some("-3"), false, true).unwrap();
    assert_eq!(s.style().extra_float_digits, -3);
}

#[test]
fn unknown_names_are_the_oracles() {
    assert!(Settings::needs_oracle("default_text_search_config"));
    assert!(!Settings::needs_oracle("Work_Mem"));
    assert!(!Settings::needs_oracle("a.b"));
}

#[test]
fn the_reported_set_is_that_of_postgresql_17() {
    let names: Vec<_> = settings().reported().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "application_name",
            "client_encoding",
            "DateStyle",
            "default_transaction_read_only",
            "in_hot_standby",
            "integer_datetimes",
            "IntervalStyle",
            "is_superuser",
            "scram_iterations",
            "server_encoding",
            "server_version",
            "session_authorization",
            "standard_conforming_strings",
            "TimeZone",
        ]
    );
}
