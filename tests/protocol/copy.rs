//! COPY FROM STDIN.

use crate::common::Subject;
use crate::common::client::{Chunking, Client};
use crate::common::message::{
    bind_text, copy_data, copy_done, copy_fail, describe, execute, flush, parse, query, sync,
};
use crate::script;

#[test]
fn copy_in() {
    let s = Subject::start(&[]);
    script(
        &s,
        "simple",
        &[
            query("copy pr from stdin"),
            copy_data("10\tten\n11\t"),
            copy_data("\\N\n"),
            copy_done(),
            query("select count(*) as c, count(name) as n from pr"),
        ],
        &["CopyIn 0", "Complete COPY 2", "Ready I", "Columns c:0 n:0", "Row '5' '4'", "Complete SELECT 1", "Ready I"],
    );
    script(&s, "no rows", &[query("copy pr from stdin"), copy_done()], &["CopyIn 0", "Complete COPY 0", "Ready I"]);
    script(
        &s,
        "the last row without newline",
        &[query("copy pr from stdin"), copy_data("10\tten"), copy_done()],
        &["CopyIn 0", "Complete COPY 1", "Ready I"],
    );
    script(
        &s,
        "the client gives up",
        &[
            query("copy pr from stdin"),
            copy_data("10\tten\n"),
            copy_fail("no more"),
            query("select count(*) as c from pr"),
        ],
        &["CopyIn 0", "Error 57014", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "an error before CopyDone",
        &[
            query("copy pr from stdin"),
            copy_data("x\ty\n"),
            copy_data("10\tten\n"),
            copy_data("11\tten\n"),
            copy_done(),
            query("select count(*) as c from pr"),
        ],
        &["CopyIn 0", "Error 22P02", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "a duplicate key after CopyDone",
        &[
            query("copy pr from stdin"),
            copy_data("10\tten\n1\tone again\n"),
            copy_done(),
            query("select count(*) as c from pr"),
        ],
        &["CopyIn 0", "Error 23505", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "no such table: the data is discarded",
        &[query("copy nowhere from stdin"), copy_data("1\n"), copy_done(), query("select 1 as a")],
        &["Error 42P01", "Ready I", "Columns a:0", "Row '1'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "Flush and Sync while copying are ignored",
        &[query("copy pr from stdin"), copy_data("10\tten\n"), flush(), sync(), copy_data("11\televen\n"), copy_done()],
        &["CopyIn 0", "Complete COPY 2", "Ready I"],
    );
    script(
        &s,
        "extended",
        &[
            parse("", "copy pr (id) from stdin", &[]),
            bind_text("", "", &[]),
            describe(b'P', ""),
            execute("", 0),
            flush(),
            copy_data("10\n11\n"),
            copy_done(),
            sync(),
            query("select count(*) as c from pr"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "NoData",
            "CopyIn 0",
            "Complete COPY 2",
            "Ready I",
            "Columns c:0",
            "Row '5'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "extended, an error",
        &[
            parse("", "copy pr (id) from stdin", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            copy_data("10\nno\n"),
            copy_done(),
            sync(),
            query("select count(*) as c from pr"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "CopyIn 0",
            "Error 22P02",
            "Ready I",
            "Columns c:0",
            "Row '3'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "in a transaction",
        &[
            query("begin"),
            query("copy pr from stdin"),
            copy_data("10\tten\n"),
            copy_done(),
            query("select count(*) as c from pr"),
            query("rollback"),
            query("select count(*) as c from pr"),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "CopyIn 0",
            "Complete COPY 1",
            "Ready T",
            "Columns c:0",
            "Row '4'",
            "Complete SELECT 1",
            "Ready T",
            "Complete ROLLBACK",
            "Ready I",
            "Columns c:0",
            "Row '3'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "copy messages when nobody copies",
        &[copy_data("x"), copy_done(), copy_fail("x"), query("select 1 as a")],
        &["Columns a:0", "Row '1'", "Complete SELECT 1", "Ready I"],
    );
    // More than one buffer, cut anywhere.
    let rows: String = (1000..3000).map(|id| format!("{id}\trow number {id} with some text behind\n")).collect();
    let mut messages = vec![query("copy pr from stdin")];
    messages.extend(rows.as_bytes().chunks(777).map(|part| copy_data(std::str::from_utf8(part).unwrap())));
    messages.extend([copy_done(), query("select count(*) as c from pr")]);
    script(
        &s,
        "2,000 rows",
        &messages,
        &["CopyIn 0", "Complete COPY 2000", "Ready I", "Columns c:0", "Row '2003'", "Complete SELECT 1", "Ready I"],
    );
}

/// Batches end in the middle of a message, several in one; lines are counted across all of them.
#[test]
fn a_message_of_many_batches() {
    let s = Subject::start(&[]);
    let mut client = Client::connect(s.address());
    client.ok("drop table if exists pr; create table pr (id integer primary key, name varchar(40))");
    let rows: String = (0..25_000).map(|id| format!("{id}\tname\n")).collect();
    let wrong = rows.replace("24321\tname\n", "24321\tname\nx\tname\n");
    for (data, expected) in
        [(&wrong, &["CopyIn 0", "Error 22P02", "Ready I"]), (&rows, &["CopyIn 0", "Complete COPY 25000", "Ready I"])]
    {
        let messages = [query("copy pr from stdin"), copy_data(data), copy_done()].concat();
        client.send_chunked(&messages, Chunking::Whole);
        assert_eq!(client.lines(1), expected);
    }
    client.send(&query("select count(*) as c, max(id) as m from pr"));
    assert_eq!(client.lines(1), ["Columns c:0 m:0", "Row '25000' '24999'", "Complete SELECT 1", "Ready I"]);
}
