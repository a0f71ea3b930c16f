//! The extended query protocol.

use crate::common::Subject;
use crate::common::client::Client;
use crate::common::message::{bind, bind_text, close, describe, execute, flush, parse, query, sync};
use crate::script;

#[test]
fn extended_statements_and_portals() {
    let s = Subject::start(&[]);
    script(
        &s,
        "unnamed",
        &[
            parse("", "select id, name from pr where id = $1", &[23]),
            describe(b'S', ""),
            bind_text("", "", &["2"]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "Parameters 23",
            "Columns id:0 name:0",
            "BindComplete",
            "Columns id:0 name:0",
            "Row '2' 'two'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "named, reused over several Syncs",
        &[
            parse("s1", "select name from pr where id = $1", &[23]),
            sync(),
            bind_text("", "s1", &["1"]),
            execute("", 0),
            sync(),
            bind_text("", "s1", &["3"]),
            execute("", 0),
            sync(),
            close(b'S', "s1"),
            sync(),
            bind_text("", "s1", &["3"]),
            sync(),
        ],
        &[
            "ParseComplete",
            "Ready I",
            "BindComplete",
            "Row 'one'",
            "Complete SELECT 1",
            "Ready I",
            "BindComplete",
            "Row 'three'",
            "Complete SELECT 1",
            "Ready I",
            "CloseComplete",
            "Ready I",
            "Error 26000",
            "Ready I",
        ],
    );
    script(
        &s,
        "statements that return nothing",
        &[
            parse("", "update pr set name = $1 where id = $2", &[1043, 23]),
            describe(b'S', ""),
            bind_text("", "", &["new", "1"]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
        ],
        &["ParseComplete", "Parameters 1043 23", "NoData", "BindComplete", "NoData", "Complete UPDATE 1", "Ready I"],
    );
    script(
        &s,
        "empty query",
        &[parse("", "", &[]), describe(b'S', ""), bind_text("", "", &[]), describe(b'P', ""), execute("", 0), sync()],
        &["ParseComplete", "Parameters", "NoData", "BindComplete", "NoData", "EmptyQuery", "Ready I"],
    );
    script(&s, "Sync alone", &[sync(), sync()], &["Ready I", "Ready I"]);
    script(
        &s,
        "Flush",
        &[parse("", "select 1 as a", &[]), flush(), bind_text("", "", &[]), flush(), execute("", 0), flush(), sync()],
        &["ParseComplete", "BindComplete", "Row '1'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "row limits",
        &[
            query("begin"),
            parse("", "select id from pr order by id", &[]),
            bind_text("p", "", &[]),
            execute("p", 2),
            execute("p", 1),
            execute("p", 5),
            sync(),
            query("commit"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "Row '1'",
            "Row '2'",
            "PortalSuspended",
            "Row '3'",
            "PortalSuspended",
            "Complete SELECT 0",
            "Ready T",
            "Complete COMMIT",
            "Ready I",
        ],
    );
    script(
        &s,
        "row limit as large as the result",
        &[parse("", "select id from pr order by id", &[]), bind_text("", "", &[]), execute("", 4), sync()],
        &["ParseComplete", "BindComplete", "Row '1'", "Row '2'", "Row '3'", "Complete SELECT 3", "Ready I"],
    );
    script(
        &s,
        "a portal over Syncs of a transaction",
        &[
            query("begin"),
            parse("q", "select id from pr order by id", &[]),
            bind_text("p", "q", &[]),
            execute("p", 1),
            sync(),
            execute("p", 1),
            sync(),
            close(b'P', "p"),
            sync(),
            execute("p", 1),
            sync(),
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
            "Row '2'",
            "PortalSuspended",
            "Ready T",
            "CloseComplete",
            "Ready T",
            "Error 34000",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "two portals in turn",
        &[
            query("begin"),
            parse("q", "select id from pr where id >= $1 order by id", &[23]),
            bind_text("a", "q", &["1"]),
            bind_text("b", "q", &["2"]),
            execute("a", 1),
            execute("b", 1),
            execute("a", 1),
            execute("b", 0),
            sync(),
            query("commit"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "ParseComplete",
            "BindComplete",
            "BindComplete",
            "Row '1'",
            "PortalSuspended",
            "Row '2'",
            "PortalSuspended",
            "Row '2'",
            "PortalSuspended",
            "Row '3'",
            "Complete SELECT 1",
            "Ready T",
            "Complete COMMIT",
            "Ready I",
        ],
    );
    script(
        &s,
        "portals end with the transaction",
        &[
            parse("q", "select id from pr order by id", &[]),
            bind_text("p", "q", &[]),
            execute("p", 1),
            sync(),
            execute("p", 1),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "Row '1'", "PortalSuspended", "Ready I", "Error 34000", "Ready I"],
    );
    script(
        &s,
        "an exhausted portal",
        &[
            parse("", "select id from pr where id = 1", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            execute("", 0),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "Row '1'", "Complete SELECT 1", "Complete SELECT 0", "Ready I"],
    );
    script(
        &s,
        "closing what is not there",
        &[close(b'S', "none"), close(b'P', "none"), close(b'S', ""), sync()],
        &["CloseComplete", "CloseComplete", "CloseComplete", "Ready I"],
    );
    script(
        &s,
        "transaction control",
        &[
            parse("b", "begin", &[]),
            bind_text("", "b", &[]),
            execute("", 0),
            parse("", "insert into pr values (4, $1)", &[1043]),
            bind_text("", "", &["x"]),
            execute("", 0),
            sync(),
            parse("", "rollback", &[]),
            describe(b'S', ""),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            query("select count(*) as c from pr"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Complete BEGIN",
            "ParseComplete",
            "BindComplete",
            "Complete INSERT 0 1",
            "Ready T",
            "ParseComplete",
            "Parameters",
            "NoData",
            "BindComplete",
            "Complete ROLLBACK",
            "Ready I",
            "Columns c:0",
            "Row '3'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
}

#[test]
fn pipelines() {
    let s = Subject::start(&[]);
    // Many Executes before one Sync.
    let mut messages = vec![parse("i", "insert into pr values ($1, $2)", &[23, 1043])];
    let mut expected = vec!["ParseComplete".to_owned()];
    for id in 100..300 {
        messages.extend([bind_text("", "i", &[&id.to_string(), "many"]), execute("", 0)]);
        expected.extend(["BindComplete".to_owned(), "Complete INSERT 0 1".to_owned()]);
    }
    messages.extend([sync(), query("select count(*) as c, max(id) as m from pr")]);
    expected
        .extend(["Ready I", "Columns c:0 m:0", "Row '203' '299'", "Complete SELECT 1", "Ready I"].map(str::to_owned));
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    script(&s, "200 Executes", &messages, &expected);

    // Many Syncs sent before the first answer is read.
    let mut messages = vec![parse("q", "select name from pr where id = $1", &[23])];
    let mut expected = vec!["ParseComplete"];
    for _ in 0..100 {
        messages.extend([bind_text("", "q", &["2"]), execute("", 0), sync()]);
        expected.extend(["BindComplete", "Row 'two'", "Complete SELECT 1", "Ready I"]);
    }
    script(&s, "100 Syncs", &messages, &expected);
}

#[test]
fn formats() {
    let s = Subject::start(&[]);
    // int4 and text: binary text is the same bytes.
    script(
        &s,
        "mixed",
        &[
            parse("", "select id, name, id + 1 as next from pr where id = $1 and name = $2", &[23, 1043]),
            bind("", "", &[1, 0], &[Some(&2i32.to_be_bytes()), Some(b"two")], &[1, 0, 1]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Columns id:1 name:0 next:1",
            "Row x00000002 'two' x00000003",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "one format for all",
        &[
            parse("", "select id, name from pr where id = $1", &[23]),
            bind("", "", &[1], &[Some(&3i32.to_be_bytes())], &[1]),
            execute("", 0),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "Row x00000003 'three'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "NULL parameters",
        &[
            parse("", "insert into pr values ($1, $2)", &[23, 1043]),
            bind("", "", &[1, 1], &[Some(&9i32.to_be_bytes()), None], &[]),
            execute("", 0),
            sync(),
            query("select name from pr where id = 9"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Complete INSERT 0 1",
            "Ready I",
            "Columns name:0",
            "Row NULL",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "parameters by number",
        &[
            parse("", "select id from pr where id >= $2 and id <= $1 and id >= $2 order by id", &[23, 23]),
            bind_text("", "", &["3", "2"]),
            execute("", 0),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "Row '2'", "Row '3'", "Complete SELECT 2", "Ready I"],
    );
}

#[test]
fn large_values() {
    let s = Subject::start(&[]);
    let mut client = Client::connect(s.address());
    client.ok("drop table if exists lv; create table lv (id integer primary key, t text, y bytea)");
    let text = "a\u{e9}\u{2603} ".repeat(8_000);
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n % 251) as u8).collect();
    let values = [Some(text.as_bytes()), Some(bytes.as_slice())];
    let insert = parse("", "insert into lv values (1, $1, $2)", &[25, 17]);
    client.send(&[insert, bind("", "", &[0, 1], &values, &[]), execute("", 0), sync()].concat());
    assert_eq!(client.lines(1), ["ParseComplete", "BindComplete", "Complete INSERT 0 1", "Ready I"]);
    let select = parse("", "select t, y from lv", &[]);
    client.send(&[select, bind("", "", &[], &[], &[0, 1]), execute("", 0), sync()].concat());
    let answer = client.until_ready();
    let row = answer.iter().find(|message| message.tag == b'D').expect("a row");
    let mut expected = 2u16.to_be_bytes().to_vec();
    for value in values.into_iter().flatten() {
        expected.extend((value.len() as u32).to_be_bytes());
        expected.extend(value);
    }
    assert!(row.body == expected, "{} bytes, expected {}", row.body.len(), expected.len());
    client.ok("drop table lv");
}
