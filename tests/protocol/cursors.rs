//! SQL-level cursors and prepared statements, in both protocols.

use crate::common::Subject;
use crate::common::client::Client;
use crate::common::message::{bind, bind_text, close, describe, execute, parse, query, sync};
use crate::script;

/// A simple query and what it answers, up to its ReadyForQuery.
fn simple(subject: &Subject, name: &str, queries: &[(&str, &[&str])]) {
    let messages: Vec<Vec<u8>> = queries.iter().map(|(sql, _)| query(sql)).collect();
    let expected: Vec<&str> = queries.iter().flat_map(|(_, lines)| lines.iter().copied()).collect();
    script(subject, name, &messages, &expected);
}

const BEGIN: (&str, &[&str]) = ("begin", &["Complete BEGIN", "Ready T"]);
const ROLLBACK: (&str, &[&str]) = ("rollback", &["Complete ROLLBACK", "Ready I"]);
const COMMIT: (&str, &[&str]) = ("commit", &["Complete COMMIT", "Ready I"]);
const DECLARED: &[&str] = &["Complete DECLARE CURSOR", "Ready T"];
const COLUMN: &str = "Columns id:0";

#[test]
fn fetch_goes_every_way() {
    let s = Subject::start(&[]);
    simple(
        &s,
        "scroll",
        &[
            BEGIN,
            ("declare c scroll cursor for select id from pr order by id", DECLARED),
            ("fetch c", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch prior from c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch 2 c", &[COLUMN, "Row '1'", "Row '2'", "Complete FETCH 2", "Ready T"]),
            ("fetch 0 c", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ("fetch relative 0 c", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ("fetch last c", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready T"]),
            ("fetch next c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch backward 2 c", &[COLUMN, "Row '3'", "Row '2'", "Complete FETCH 2", "Ready T"]),
            ("fetch first c", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch absolute 3 c", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready T"]),
            ("fetch absolute -2 c", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ("fetch absolute 9 c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch relative -3 c", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch relative 2 c", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready T"]),
            ("fetch absolute 0 c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch forward all c", &[COLUMN, "Row '1'", "Row '2'", "Row '3'", "Complete FETCH 3", "Ready T"]),
            ("fetch backward all c", &[COLUMN, "Row '3'", "Row '2'", "Row '1'", "Complete FETCH 3", "Ready T"]),
            ("fetch -1 c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            COMMIT,
        ],
    );
    simple(
        &s,
        "move",
        &[
            BEGIN,
            ("declare c scroll cursor for select id from pr order by id", DECLARED),
            ("move 2 from c", &["Complete MOVE 2", "Ready T"]),
            ("move 0 c", &["Complete MOVE 1", "Ready T"]),
            ("move relative 0 c", &["Complete MOVE 1", "Ready T"]),
            ("fetch c", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready T"]),
            ("move all c", &["Complete MOVE 0", "Ready T"]),
            ("move 0 c", &["Complete MOVE 0", "Ready T"]),
            ("move backward all c", &["Complete MOVE 3", "Ready T"]),
            ("move backward all c", &["Complete MOVE 0", "Ready T"]),
            ("move forward all c", &["Complete MOVE 3", "Ready T"]),
            ("move absolute 2 c", &["Complete MOVE 1", "Ready T"]),
            ("move backward all c", &["Complete MOVE 1", "Ready T"]),
            ("move last c", &["Complete MOVE 1", "Ready T"]),
            ("fetch c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("close c", &["Complete CLOSE CURSOR", "Ready T"]),
            ("move c", &["Error 34000", "Ready E"]),
            ROLLBACK,
        ],
    );
    simple(
        &s,
        "no scroll",
        &[
            BEGIN,
            ("declare c no scroll cursor for select id from pr order by id", DECLARED),
            ("fetch absolute 0 c", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch absolute 2 c", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ("fetch relative 1 c", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready T"]),
            ("move 0 c", &["Complete MOVE 1", "Ready T"]),
            ("fetch prior c", &["Error 55000", "Ready E"]),
            ROLLBACK,
            BEGIN,
            ("declare c no scroll cursor for select id from pr order by id", DECLARED),
            ("fetch c", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch 0 c", &["Error 55000", "Ready E"]),
            ROLLBACK,
        ],
    );
    simple(
        &s,
        "nothing said of scrolling, and no rows",
        &[
            BEGIN,
            ("declare c cursor for select id from pr", DECLARED),
            ("move 3 c", &["Complete MOVE 3", "Ready T"]),
            ("move backward 1 c", &["Complete MOVE 1", "Ready T"]),
            ("declare e cursor for select id from pr where id > 9", DECLARED),
            ("fetch all e", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch prior e", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("fetch next e", &[COLUMN, "Complete FETCH 0", "Ready T"]),
            ("close all", &["Complete CLOSE CURSOR ALL", "Ready T"]),
            ("fetch e", &["Error 34000", "Ready E"]),
            ROLLBACK,
        ],
    );
}

#[test]
fn cursors_end_with_what_they_were_made_in() {
    let s = Subject::start(&[]);
    simple(
        &s,
        "blocks",
        &[
            ("declare c cursor for select id from pr", &["Error 25P01", "Ready I"]),
            BEGIN,
            ("declare c cursor for select id from pr", DECLARED),
            ("declare c cursor for select id from pr", &["Error 42P03", "Ready E"]),
            ("fetch c", &["Error 25P02", "Ready E"]),
            ROLLBACK,
            ("fetch c", &["Error 34000", "Ready I"]),
            BEGIN,
            ("declare c cursor for select id from pr order by id", DECLARED),
            COMMIT,
            ("close c", &["Error 34000", "Ready I"]),
            (
                "declare c cursor for select id from pr order by id; fetch 2 c",
                &["Complete DECLARE CURSOR", COLUMN, "Row '1'", "Row '2'", "Complete FETCH 2", "Ready I"],
            ),
            ("fetch c", &["Error 34000", "Ready I"]),
            BEGIN,
            (
                "declare c cursor for select id from pr; commit; fetch c",
                &["Complete DECLARE CURSOR", "Complete COMMIT", "Error 34000", "Ready I"],
            ),
        ],
    );
    simple(
        &s,
        "savepoints",
        &[
            BEGIN,
            ("declare a cursor for select id from pr order by id", DECLARED),
            ("savepoint s", &["Complete SAVEPOINT", "Ready T"]),
            ("declare b cursor for select id from pr order by id", DECLARED),
            ("fetch b", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch a", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("rollback to s", &["Complete ROLLBACK", "Ready T"]),
            ("fetch a", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ("declare b cursor for select id from pr order by id", DECLARED),
            ("release s", &["Complete RELEASE", "Ready T"]),
            ("savepoint t", &["Complete SAVEPOINT", "Ready T"]),
            ("fetch b", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("select no_such_column from pr", &["Error 42703", "Ready E"]),
            ("rollback to t", &["Complete ROLLBACK", "Ready T"]),
            ("fetch b", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            COMMIT,
        ],
    );
    simple(
        &s,
        "with hold",
        &[
            BEGIN,
            ("declare h scroll cursor with hold for select id from pr order by id", DECLARED),
            ("declare n no scroll cursor with hold for select id from pr order by id", DECLARED),
            ("fetch h", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            ("fetch n", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready T"]),
            COMMIT,
            ("delete from pr", &["Complete DELETE 3", "Ready I"]),
            ("fetch all h", &[COLUMN, "Row '2'", "Row '3'", "Complete FETCH 2", "Ready I"]),
            ("fetch first h", &[COLUMN, "Row '1'", "Complete FETCH 1", "Ready I"]),
            ("fetch 1 n", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready I"]),
            ("fetch prior n", &["Error 55000", "Ready I"]),
            BEGIN,
            ("fetch h", &[COLUMN, "Row '2'", "Complete FETCH 1", "Ready T"]),
            ROLLBACK,
            ("fetch h", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready I"]),
            ("close h", &["Complete CLOSE CURSOR", "Ready I"]),
            ("fetch h", &["Error 34000", "Ready I"]),
        ],
    );
    simple(
        &s,
        "with hold, made outside of a block or in one that is rolled back",
        &[
            ("declare h cursor with hold for select id from pr order by id", &["Complete DECLARE CURSOR", "Ready I"]),
            ("fetch 2 h", &[COLUMN, "Row '1'", "Row '2'", "Complete FETCH 2", "Ready I"]),
            BEGIN,
            ("declare g cursor with hold for select id from pr order by id", DECLARED),
            ROLLBACK,
            ("fetch g", &["Error 34000", "Ready I"]),
            ("fetch h", &[COLUMN, "Row '3'", "Complete FETCH 1", "Ready I"]),
            (
                "declare i cursor with hold for select id from pr order by id; select no_such_column from pr",
                &["Complete DECLARE CURSOR", "Error 42703", "Ready I"],
            ),
            ("fetch i", &["Error 34000", "Ready I"]),
            ("discard all", &["Complete DISCARD ALL", "Ready I"]),
            ("fetch h", &["Error 34000", "Ready I"]),
        ],
    );
}

#[test]
fn cursors_in_the_extended_protocol() {
    let s = Subject::start(&[]);
    script(
        &s,
        "declared with parameters, fetched in binary and in text",
        &[
            query("begin"),
            parse("", "declare c cursor for select id, name from pr where id >= $1 order by id", &[23]),
            describe(b'S', ""),
            bind_text("", "", &["2"]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
            parse("f", "fetch 1 from c", &[]),
            describe(b'S', "f"),
            bind("", "f", &[], &[], &[1]),
            describe(b'P', ""),
            execute("", 0),
            bind("", "f", &[], &[], &[0]),
            execute("", 0),
            bind("", "f", &[], &[], &[0]),
            execute("", 0),
            sync(),
            query("commit"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "ParseComplete",
            "Parameters 23",
            "NoData",
            "BindComplete",
            "NoData",
            "Complete DECLARE CURSOR",
            "Ready T",
            "ParseComplete",
            "Parameters",
            "Columns id:0 name:0",
            "BindComplete",
            "Columns id:1 name:1",
            "Row x00000002 'two'",
            "Complete FETCH 1",
            "BindComplete",
            "Row '3' 'three'",
            "Complete FETCH 1",
            "BindComplete",
            "Complete FETCH 0",
            "Ready T",
            "Complete COMMIT",
            "Ready I",
        ],
    );
    script(
        &s,
        "a binary cursor",
        &[
            query("begin"),
            query("declare c binary cursor for select id from pr order by id"),
            query("fetch c"),
            parse("", "fetch c", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            query("rollback"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "Complete DECLARE CURSOR",
            "Ready T",
            "Columns id:1",
            "Row x00000001",
            "Complete FETCH 1",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "Row '2'",
            "Complete FETCH 1",
            "Ready T",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "portals and cursors are one name space",
        &[
            query("begin"),
            parse("q", "select id from pr order by id", &[]),
            bind_text("p", "q", &[]),
            sync(),
            query("move 1 from p"),
            execute("p", 1),
            sync(),
            query("fetch p"),
            query("declare d cursor for select id from pr order by id"),
            describe(b'P', "d"),
            execute("d", 2),
            execute("d", 2),
            bind_text("p2", "q", &[]),
            execute("p2", 1),
            sync(),
            query("move forward 1 from p2"),
            execute("p2", 0),
            close(b'P', "d"),
            sync(),
            query("close p2"),
            bind_text("p", "q", &[]),
            sync(),
            query("rollback"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "Ready T",
            "Complete MOVE 1",
            "Ready T",
            "Row '2'",
            "PortalSuspended",
            "Ready T",
            "Columns id:0",
            "Row '3'",
            "Complete FETCH 1",
            "Ready T",
            "Complete DECLARE CURSOR",
            "Ready T",
            "Columns id:0",
            "Row '1'",
            "Row '2'",
            "PortalSuspended",
            "Row '3'",
            "Complete SELECT 1",
            "BindComplete",
            "Row '1'",
            "PortalSuspended",
            "Ready T",
            "Complete MOVE 1",
            "Ready T",
            "Row '3'",
            "Complete SELECT 1",
            "CloseComplete",
            "Ready T",
            "Complete CLOSE CURSOR",
            "Ready T",
            "Error 42P03",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "portals only go forward",
        &[
            query("begin"),
            parse("", "select id from pr order by id", &[]),
            bind_text("p", "", &[]),
            execute("p", 1),
            sync(),
            query("move backward 1 from p"),
            query("rollback"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "Row '1'",
            "PortalSuspended",
            "Ready T",
            "Error 55000",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "a FETCH with a row limit",
        &[
            query("begin"),
            query("declare c cursor for select id from pr order by id"),
            parse("", "fetch all c", &[]),
            bind_text("f", "", &[]),
            execute("f", 2),
            execute("f", 1),
            execute("f", 1),
            sync(),
            query("rollback"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "Complete DECLARE CURSOR",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "Row '1'",
            "Row '2'",
            "PortalSuspended",
            "Row '3'",
            "PortalSuspended",
            "Complete FETCH 0",
            "Ready T",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "outside of a block",
        &[
            parse("", "declare c cursor for select id from pr", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            parse("", "fetch nothing", &[]),
            describe(b'S', ""),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Error 25P01",
            "Ready I",
            "ParseComplete",
            "Parameters",
            "NoData",
            "BindComplete",
            "Error 34000",
            "Ready I",
        ],
    );
}

#[test]
fn prepared_statements_of_sql() {
    let s = Subject::start(&[]);
    script(
        &s,
        "in the extended protocol",
        &[
            parse("", "prepare s (int) as select name from pr where id = $1", &[]),
            describe(b'S', ""),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            parse("", "execute s(2)", &[]),
            describe(b'S', ""),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            bind_text("", "s", &["3"]),
            execute("", 0),
            sync(),
            parse("", "prepare s as select 1", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            parse("", "deallocate s", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            query("execute s(1)"),
        ],
        &[
            "ParseComplete",
            "Parameters",
            "NoData",
            "BindComplete",
            "Complete PREPARE",
            "Ready I",
            "ParseComplete",
            "Parameters",
            "Columns name:0",
            "BindComplete",
            "Row 'two'",
            "Complete SELECT 1",
            "Ready I",
            "BindComplete",
            "Row 'three'",
            "Complete SELECT 1",
            "Ready I",
            "ParseComplete",
            "BindComplete",
            "Error 42P05",
            "Ready I",
            "ParseComplete",
            "BindComplete",
            "Complete DEALLOCATE",
            "Ready I",
            "Error 26000",
            "Ready I",
        ],
    );
    simple(
        &s,
        "in simple queries",
        &[
            ("prepare s (int, text) as update pr set name = $2 where id = $1", &["Complete PREPARE", "Ready I"]),
            ("execute s(1)", &["Error 42601", "Ready I"]),
            ("execute s(+1, 'eins')", &["Complete UPDATE 1", "Ready I"]),
            ("prepare t as declare c cursor for select 1", &["Error 42601", "Ready I"]),
            ("discard plans", &["Complete DISCARD PLANS", "Ready I"]),
            ("execute s(2, null)", &["Complete UPDATE 1", "Ready I"]),
            ("deallocate all", &["Complete DEALLOCATE ALL", "Ready I"]),
            ("execute s(1, 'x')", &["Error 26000", "Ready I"]),
            ("prepare s as select 1", &["Complete PREPARE", "Ready I"]),
            ("discard all", &["Complete DISCARD ALL", "Ready I"]),
            ("execute s", &["Error 26000", "Ready I"]),
            ("begin; discard all", &["Complete BEGIN", "Error 25001", "Ready E"]),
            ROLLBACK,
        ],
    );
}

/// Results of many pages: two cursors over the same query keep apart, and what is kept can be gone back over.
#[test]
fn cursors_over_many_pages() {
    const ROWS: usize = 20_000;
    let s = Subject::start(&[]);
    let mut client = Client::connect(s.address());
    client.ok("drop table if exists many; create table many (id integer primary key, filler varchar(100))");
    let filler = "f".repeat(90);
    for thousand in 0..ROWS / 1000 {
        let rows: Vec<String> = (0..1000).map(|n| format!("({}, '{filler}')", thousand * 1000 + n + 1)).collect();
        client.ok(&format!("insert into many values {}", rows.join(", ")));
    }
    let ids = |lines: Vec<String>| -> Vec<usize> {
        let row = |line: &String| line.strip_prefix("Row '")?.split('\'').next()?.parse().ok();
        lines.iter().filter_map(row).collect()
    };
    client.ok("begin");
    client.ok("declare a scroll cursor for select id, filler from many order by id");
    client.ok("declare b no scroll cursor for select id, filler from many order by id");
    let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
    loop {
        let got = ids(client.ok("fetch 3000 from a"));
        let end = got.is_empty();
        from_a.extend(got);
        from_b.extend(ids(client.ok("fetch 1777 from b")));
        if end {
            break;
        }
    }
    from_b.extend(ids(client.ok("fetch all from b")));
    let all: Vec<usize> = (1..=ROWS).collect();
    assert!(from_a == all, "cursor a: {} rows", from_a.len());
    assert!(from_b == all, "cursor b: {} rows", from_b.len());
    let back = ids(client.ok("fetch backward all from a"));
    assert!(back.iter().rev().eq(&all), "backward: {} rows", back.len());
    assert_eq!(ids(client.ok("fetch absolute 12345 from a")), [12345]);
    assert_eq!(ids(client.ok("fetch absolute -1 from a")), [ROWS]);

    // Closed while its result is open, and the same query again, in one string.
    client.ok("close a; close b; declare a cursor for select id, filler from many order by id");
    let begun =
        ids(client.ok("fetch 10 from a; close a; declare a cursor for select id, filler from many order by id"));
    assert_eq!(begun, (1..=10).collect::<Vec<_>>());
    assert!(ids(client.ok("fetch all from a")) == all);
    if s.is_gateway() {
        // Said nothing of SCROLL: only the last rows are kept.
        assert_eq!(ids(client.ok("fetch prior from a")), [ROWS]);
        assert!(client.query("move backward all from a").contains(&"Error 55000".to_owned()));
    }
    client.ok("rollback");

    client.ok("begin; declare h cursor with hold for select id, filler from many order by id; fetch 5000 h; commit");
    assert!(ids(client.ok("fetch all from h")) == all[5000..]);
    client.ok("close h; drop table many");
}
