//! The simple query protocol.

use crate::common::Subject;
use crate::common::client::Client;
use crate::common::message::query;
use crate::script;

#[test]
fn simple_queries() {
    let s = Subject::start(&[]);
    script(&s, "one", &[query("select 1 as a")], &["Columns a:0", "Row '1'", "Complete SELECT 1", "Ready I"]);
    script(
        &s,
        "empty",
        &[query(""), query(";"), query(" -- nothing\n ")],
        &["EmptyQuery", "Ready I", "EmptyQuery", "Ready I", "EmptyQuery", "Ready I"],
    );
    script(
        &s,
        "several",
        &[query("select 1 as a; ; select 2 as b where 1 = 0; insert into pr values (9, null);")],
        &[
            "Columns a:0",
            "Row '1'",
            "Complete SELECT 1",
            "Columns b:0",
            "Complete SELECT 0",
            "Complete INSERT 0 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "an error ends the string",
        &[
            query("insert into pr values (9, 'x'); select * from nowhere; select 1"),
            query("select count(*) as c from pr"),
        ],
        &["Complete INSERT 0 1", "Error 42P01", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "a syntax error anywhere runs nothing",
        &[query("select 1; selec 2"), query("select 2 as b")],
        &["Error 42601", "Ready I", "Columns b:0", "Row '2'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "tags",
        &[
            query("update pr set name = 'x' where id < 3"),
            query("delete from pr where id = 1"),
            query("begin; savepoint a; release a; rollback"),
        ],
        &[
            "Complete UPDATE 2",
            "Ready I",
            "Complete DELETE 1",
            "Ready I",
            "Complete BEGIN",
            "Complete SAVEPOINT",
            "Complete RELEASE",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "transaction status",
        &[query("begin"), query("selec"), query("select 1"), query("rollback")],
        &[
            "Complete BEGIN",
            "Ready T",
            "Error 42601",
            "Ready E",
            "Error 25P02",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "NULL and empty",
        &[query("insert into pr values (4, null), (5, '')"), query("select id, name from pr where id > 3 order by id")],
        &[
            "Complete INSERT 0 2",
            "Ready I",
            "Columns id:0 name:0",
            "Row '4' NULL",
            "Row '5' ''",
            "Complete SELECT 2",
            "Ready I",
        ],
    );
    script(
        &s,
        "one implicit transaction for all statements of a string",
        &[
            query("insert into pr values (7, 'a'); insert into pr values (1, 'duplicate')"),
            query("select count(*) as c from pr"),
        ],
        &["Complete INSERT 0 1", "Error 23505", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
    );
    script(
        &s,
        "pipelined queries",
        &[query("select 1 as a"), query("select 2 as b"), query("select 3 as c")],
        &[
            "Columns a:0",
            "Row '1'",
            "Complete SELECT 1",
            "Ready I",
            "Columns b:0",
            "Row '2'",
            "Complete SELECT 1",
            "Ready I",
            "Columns c:0",
            "Row '3'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
}

#[test]
fn parameter_changes_are_reported() {
    let s = Subject::start(&[]);
    let mut client = Client::connect(s.address());
    client.ok("set application_name = 'renamed'");
    assert_eq!(client.parameters["application_name"], "renamed");
    client.ok("begin; set application_name = 'for a while'");
    client.ok("rollback");
    assert_eq!(client.parameters["application_name"], "renamed", "SET is undone by ROLLBACK");
    client.ok("set client_encoding to 'UTF8'");
    assert_eq!(client.value("show application_name"), "renamed");
    client.ok("reset application_name");
    assert_eq!(client.parameters["application_name"], "");
}
