//! COPY TO STDOUT, CSV and the binary format.

use crate::common::Subject;
use crate::common::client::{Chunking, Client};
use crate::common::message::{
    bind_text, copy_bytes, copy_data, copy_done, copy_fail, describe, execute, flush, parse, query, sync,
};
use crate::script;

const HEADER: &[u8] = b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0";

#[test]
fn out() {
    let s = Subject::start(&[]);
    script(
        &s,
        "simple",
        &[query("copy pr to stdout"), query("select 1 as a")],
        &[
            "CopyOut 0 2",
            r#"Data "1\tone\n""#,
            r#"Data "2\ttwo\n""#,
            r#"Data "3\tthree\n""#,
            "CopyDone",
            "Complete COPY 3",
            "Ready I",
            "Columns a:0",
            "Row '1'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "extended, with more behind it, whatever the row limit",
        &[
            parse("", "copy (select id from pr where id < 3 order by id) to stdout (format csv, header)", &[]),
            describe(b'S', ""),
            bind_text("", "", &[]),
            describe(b'P', ""),
            execute("", 1),
            parse("", "select 2 as b", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "Parameters",
            "NoData",
            "BindComplete",
            "NoData",
            "CopyOut 0 1",
            r#"Data "id\n""#,
            r#"Data "1\n""#,
            r#"Data "2\n""#,
            "CopyDone",
            "Complete COPY 2",
            "ParseComplete",
            "BindComplete",
            "Row '2'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "binary: the header comes with the first row, or with the trailer",
        &[
            query("copy (select id from pr where id = 1) to stdout (format binary)"),
            query("copy (select id from pr where id = 9) to stdout (format binary)"),
        ],
        &[
            "CopyOut 1 1",
            "Data x5047434f50590aff0d0a00000000000000000000010000000400000001",
            "Data xffff",
            "CopyDone",
            "Complete COPY 1",
            "Ready I",
            "CopyOut 1 1",
            "Data x5047434f50590aff0d0a000000000000000000ffff",
            "CopyDone",
            "Complete COPY 0",
            "Ready I",
        ],
    );
    script(
        &s,
        "two in one string, with an error in the second",
        &[query("copy (select 1) to stdout; copy nowhere to stdout; select 3")],
        &["CopyOut 0 1", r#"Data "1\n""#, "CopyDone", "Complete COPY 1", "Error 42P01", "Ready I"],
    );
    script(
        &s,
        "no rows, no columns, a header alone",
        &[
            query("copy (select id from pr where false) to stdout"),
            query("copy (select) to stdout"),
            query("copy (select id from pr where false) to stdout (header)"),
        ],
        &[
            "CopyOut 0 1",
            "CopyDone",
            "Complete COPY 0",
            "Ready I",
            "CopyOut 0 0",
            r#"Data "\n""#,
            "CopyDone",
            "Complete COPY 1",
            "Ready I",
            "CopyOut 0 1",
            r#"Data "id\n""#,
            "CopyDone",
            "Complete COPY 0",
            "Ready I",
        ],
    );
    script(
        &s,
        "in a failed transaction",
        &[query("begin"), query("select nothing"), query("copy pr to stdout"), query("rollback")],
        &[
            "Complete BEGIN",
            "Ready T",
            "Error 42703",
            "Ready E",
            "Error 25P02",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "rows of a change, and what is left of it",
        &[
            query("begin"),
            query("copy (delete from pr where id = 2 returning name) to stdout"),
            query("copy (select count(*) from pr) to stdout"),
            query("rollback"),
            query("copy (select count(*) from pr) to stdout"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "CopyOut 0 1",
            r#"Data "two\n""#,
            "CopyDone",
            "Complete COPY 1",
            "Ready T",
            "CopyOut 0 1",
            r#"Data "2\n""#,
            "CopyDone",
            "Complete COPY 1",
            "Ready T",
            "Complete ROLLBACK",
            "Ready I",
            "CopyOut 0 1",
            r#"Data "3\n""#,
            "CopyDone",
            "Complete COPY 1",
            "Ready I",
        ],
    );
}

#[test]
fn csv_in() {
    let s = Subject::start(&[]);
    let out = "copy (select id, name from pr where id > 9 order by id) to stdout (format csv)";
    script(
        &s,
        "rows that messages cut, newlines in quotes",
        &[
            query("copy pr from stdin (format csv, header)"),
            copy_data("id,na"),
            copy_data("me\n1"),
            copy_data("0,\"a\n"),
            copy_data("b\"\"c\"\n11,"),
            copy_data("\n12,\"\""),
            copy_done(),
            query(out),
        ],
        &[
            "CopyIn 0",
            "Complete COPY 3",
            "Ready I",
            "CopyOut 0 2",
            r#"Data "10,\"a\nb\"\"c\"\n""#,
            r#"Data "11,\n""#,
            r#"Data "12,\"\"\n""#,
            "CopyDone",
            "Complete COPY 3",
            "Ready I",
        ],
    );
    script(
        &s,
        "a quote that is not closed, a header alone, the end marker as data",
        &[
            query("copy pr from stdin (format csv)"),
            copy_data("10,\"a\n"),
            copy_done(),
            query("copy pr from stdin (format csv, header)"),
            copy_data("id,name\n"),
            copy_done(),
            query("copy pr from stdin (format csv)"),
            copy_data("10,\\.\n"),
            copy_data("x"),
            copy_fail("enough"),
        ],
        &[
            "CopyIn 0",
            "Error 22P04",
            "Ready I",
            "CopyIn 0",
            "Complete COPY 0",
            "Ready I",
            "CopyIn 0",
            "Error 57014",
            "Ready I",
        ],
    );
    script(
        &s,
        "rows with errors are left out",
        &[
            query("copy pr from stdin (on_error ignore)"),
            copy_data("10\tten\nx\ty\n11\televen\n"),
            copy_done(),
            query("copy (select count(*) from pr) to stdout"),
        ],
        &[
            "CopyIn 0",
            "Complete COPY 2",
            "Ready I",
            "CopyOut 0 1",
            r#"Data "5\n""#,
            "CopyDone",
            "Complete COPY 1",
            "Ready I",
        ],
    );
}

#[test]
fn binary_in() {
    let s = Subject::start(&[]);
    let row = |id: i32, name: &str| {
        let length = u32::try_from(name.len()).unwrap().to_be_bytes();
        [&[0, 2, 0, 0, 0, 4][..], &id.to_be_bytes(), &length, name.as_bytes()].concat()
    };
    let all = [HEADER, &row(10, "ten"), &row(11, ""), &row(12, "twelve"), &[0xFF, 0xFF]].concat();
    let counted = [
        "CopyIn 1",
        "Complete COPY 3",
        "Ready I",
        "CopyOut 0 1",
        r#"Data "6\n""#,
        "CopyDone",
        "Complete COPY 1",
        "Ready I",
    ];
    // Wherever messages cut the data.
    for size in [1, 2, 3, 7, 18, 19, 20, 1000] {
        let mut messages = vec![query("copy pr from stdin (format binary)")];
        messages.extend(all.chunks(size).map(copy_bytes));
        messages.extend([copy_done(), query("copy (select count(*) from pr) to stdout")]);
        script(&s, &format!("{size} bytes at a time"), &messages, &counted);
    }
    script(
        &s,
        "cut short",
        &[query("copy pr from stdin (format binary)"), copy_bytes(&all[..all.len() - 5]), copy_done()],
        &["CopyIn 1", "Error 22P04", "Ready I"],
    );
    script(
        &s,
        "extended, with Sync and Flush inside",
        &[
            parse("", "copy pr from stdin (format binary)", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            flush(),
            copy_bytes(&all),
            sync(),
            copy_done(),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "CopyIn 1", "Complete COPY 3", "Ready I"],
    );
}

/// PostgreSQL gives up the connection: what follows cannot be told from data.
#[test]
fn a_message_that_has_no_place() {
    let s = Subject::start(&[]);
    let inside = [query("select 1"), parse("", "select 1", &[]), execute("", 0)];
    for message in inside {
        let mut client = Client::connect(s.address());
        client.ok("drop table if exists pr; create table pr (id integer primary key)");
        let messages = [query("copy pr from stdin"), copy_data("1\n"), message, copy_done(), query("select 2")];
        client.send_chunked(&messages.concat(), Chunking::Whole);
        assert_eq!(client.until_closed(), ["CopyIn 0", "Error 08P01", "Error 08P01"]);
        let mut other = Client::connect(s.address());
        other.send(&query("copy pr to stdout"));
        assert_eq!(other.lines(1), ["CopyOut 0 1", "CopyDone", "Complete COPY 0", "Ready I"]);
    }
}

/// A client that reads slowly, cancelled in the middle of its rows.
#[test]
fn cancelled_in_the_middle() {
    let s = Subject::start(&[]);
    let mut client = Client::connect(s.address());
    client.ok("drop table if exists pr; create table pr (id integer primary key, name varchar(1000))");
    let name = "x".repeat(900);
    let rows: String = (0..20_000).map(|id| format!("{id}\t{name}\n")).collect();
    client.send(&[query("copy pr from stdin"), copy_data(&rows), copy_done()].concat());
    assert_eq!(client.lines(1), ["CopyIn 0", "Complete COPY 20000", "Ready I"]);
    client.send(&query("copy pr to stdout"));
    assert_eq!(client.receive().line(), "CopyOut 0 2");
    // Its output stands still before it is cancelled.
    std::thread::sleep(std::time::Duration::from_millis(300));
    Client::open(s.address()).send(&crate::common::message::cancel(&client.key));
    let seen = client.until_ready();
    let error = seen.iter().find(|message| message.tag == b'E').expect("an error");
    assert_eq!(error.sqlstate().as_deref(), Some("57014"));
    assert!(seen.len() < 20_000, "{} messages", seen.len());
    client.send(&query("copy (select count(*) from pr) to stdout"));
    let counted = ["CopyOut 0 1", r#"Data "20000\n""#, "CopyDone", "Complete COPY 1", "Ready I"];
    assert_eq!(client.lines(1), counted);
}
