//! Errors in the extended query protocol.

use crate::common::Subject;
use crate::common::client::Client;
use crate::common::message::{bind, bind_text, describe, execute, parse, query, sync};
use crate::script;

#[test]
fn extended_errors() {
    let s = Subject::start(&[]);
    script(
        &s,
        "skipped to Sync",
        &[
            parse("", "selec", &[]),
            bind_text("", "", &[]),
            describe(b'P', ""),
            execute("", 0),
            query("select 1"),
            sync(),
            query("select 2 as b"),
        ],
        &["Error 42601", "Ready I", "Columns b:0", "Row '2'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "the implicit transaction is undone",
        &[
            parse("i", "insert into pr values ($1, 'x')", &[23]),
            bind_text("", "i", &["7"]),
            execute("", 0),
            bind_text("", "i", &["1"]),
            execute("", 0),
            bind_text("", "i", &["8"]),
            execute("", 0),
            sync(),
            query("select count(*) as c from pr"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Complete INSERT 0 1",
            "BindComplete",
            "Error 23505",
            "Ready I",
            "Columns c:0",
            "Row '3'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "each Sync is a transaction of its own",
        &[
            parse("i", "insert into pr values ($1, 'x')", &[23]),
            bind_text("", "i", &["7"]),
            execute("", 0),
            sync(),
            bind_text("", "i", &["1"]),
            execute("", 0),
            sync(),
            query("select count(*) as c from pr"),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Complete INSERT 0 1",
            "Ready I",
            "BindComplete",
            "Error 23505",
            "Ready I",
            "Columns c:0",
            "Row '4'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "failed transaction",
        &[
            query("begin"),
            parse("", "select * from nowhere", &[]),
            sync(),
            parse("", "select 1", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
            parse("", "rollback", &[]),
            bind_text("", "", &[]),
            execute("", 0),
            sync(),
        ],
        &[
            "Complete BEGIN",
            "Ready T",
            "Error 42P01",
            "Ready E",
            "Error 25P02",
            "Ready E",
            "ParseComplete",
            "BindComplete",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    for (name, messages, code) in [
        ("a statement that is not there", vec![bind_text("", "none", &[])], "26000"),
        ("describing one that is not there", vec![describe(b'S', "none")], "26000"),
        ("a portal that is not there", vec![execute("none", 0)], "34000"),
        ("describing one that is not there", vec![describe(b'P', "none")], "34000"),
        ("two statements of one name", vec![parse("s", "select 1", &[]), parse("s", "select 1", &[])], "42P05"),
        (
            "two portals of one name",
            vec![parse("", "select 1", &[]), bind_text("p", "", &[]), bind_text("p", "", &[])],
            "42P03",
        ),
        ("too few parameters", vec![parse("", "select $1::int + $2::int", &[]), bind_text("", "", &["1"])], "08P01"),
        ("too many parameters", vec![parse("", "select $1::int", &[]), bind_text("", "", &["1", "2"])], "08P01"),
        (
            "more formats than parameters",
            vec![parse("", "select $1::int", &[]), bind("", "", &[0, 0, 0], &[Some(b"1")], &[])],
            "08P01",
        ),
        ("more formats than columns", vec![parse("", "select 1", &[]), bind("", "", &[], &[], &[0, 0])], "08P01"),
        ("format 7", vec![parse("", "select $1::int", &[]), bind("", "", &[7], &[Some(b"1")], &[])], "22023"),
        ("text that is no number", vec![parse("", "select $1::int", &[23]), bind_text("", "", &["x"])], "22P02"),
        (
            "three bytes as an integer",
            vec![parse("", "select $1::int", &[23]), bind("", "", &[1], &[Some(b"abc")], &[])],
            "08P01",
        ),
        (
            "five bytes as an integer",
            vec![parse("", "select $1::int", &[23]), bind("", "", &[1], &[Some(b"abcde")], &[])],
            "22P03",
        ),
        ("several statements", vec![parse("", "select 1; select 2", &[])], "42601"),
    ] {
        let mut all = messages;
        all.extend([execute("", 0), sync(), query("select 5 as five")]);
        let mut client = Client::connect(s.address());
        client.send(&all.concat());
        let lines = client.lines(2);
        let errors: Vec<_> = lines.iter().filter(|line| line.starts_with("Error")).collect();
        assert_eq!(errors, [&format!("Error {code}")], "{name}: {lines:?}");
        assert_eq!(lines[lines.len() - 3..], ["Row '5'", "Complete SELECT 1", "Ready I"], "{name}");
    }
}
