//! `statement_timeout` while the client thinks: between the messages of one statement, and before the data of a COPY.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::common::Subject;
use crate::common::client::Client;
use crate::common::message::{
    bind_text, close, copy_data, copy_done, describe, execute, flush, parse, query, sync, terminate,
};
use crate::common::process::stretched;

/// On a machine of our own; all three are stretched together.
const LIMIT: Duration = Duration::from_secs(1);
/// Longer than the limit, and shorter: by so much that others on the machine make no difference.
const LONG: Duration = Duration::from_millis(1_500);
const SHORT: Duration = Duration::from_millis(600);

/// Sends messages with pauses between, and compares the answer. All at the same time: they do nothing but wait.
fn script(
    server: SocketAddr,
    name: &'static str,
    pauses: [Duration; 2],
    parts: [Vec<Vec<u8>>; 3],
    expected: &'static [&'static str],
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let limit = stretched(LIMIT);
        let pauses = pauses.map(|pause| pause.mul_f64(limit.div_duration_f64(LIMIT)));
        let mut client = Client::connect(server);
        let table = format!("pr_{}", name.replace(|c: char| !c.is_ascii_alphabetic(), "_"));
        client.ok(&format!("drop table if exists {table}"));
        client.ok(&format!("create table {table} (id integer primary key, name varchar(40))"));
        client.ok(&format!("insert into {table} values (1, 'one'), (2, 'two'), (3, 'three')"));
        client.ok(&format!("set statement_timeout = {}", limit.as_millis()));
        for (number, part) in parts.iter().enumerate() {
            client.send(&part.concat());
            std::thread::sleep(pauses.get(number).copied().unwrap_or_default());
        }
        let ready_count = expected.iter().filter(|line| line.starts_with("Ready")).count();
        assert_eq!(client.lines(ready_count), expected, "{name}");
        if expected.contains(&"Error 57014") {
            // What is over is forgotten. (Where it was not noticed, PostgreSQL ends the next statement for it.)
            client.ok("select 1");
        }
        client.send(&terminate());
    })
}

fn select() -> Vec<u8> {
    parse("", "select 7 as n", &[])
}

fn bind() -> Vec<u8> {
    bind_text("", "", &[])
}

#[test]
fn between_the_messages_of_a_statement() {
    let subject = Subject::start(&[]);
    let at = |name, parts, expected| script(subject.address(), name, [LONG, Duration::ZERO], parts, expected);
    let scripts = [
        at(
            "Bind comes late",
            [vec![select(), flush()], vec![bind(), execute("", 0), sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Execute comes late",
            [vec![select(), bind(), flush()], vec![execute("", 0), sync()], vec![]],
            &["ParseComplete", "BindComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Sync comes late",
            [vec![select(), flush()], vec![sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Describe comes late",
            [vec![select(), flush()], vec![describe(b'S', ""), sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Close comes late",
            [vec![select(), flush()], vec![close(b'S', "x"), sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Flush comes late",
            [vec![select(), flush()], vec![flush(), sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I"],
        ),
        at(
            "Query comes late",
            [vec![select(), flush()], vec![query("select 1"), sync()], vec![]],
            &["ParseComplete", "Error 57014", "Ready I", "Ready I"],
        ),
        at(
            "Describe begins",
            [vec![parse("d", "select 7 as n", &[]), sync(), describe(b'S', "d"), flush()], vec![sync()], vec![]],
            &["ParseComplete", "Ready I", "Parameters", "Columns n:0", "Error 57014", "Ready I"],
        ),
        at(
            "Close does not begin",
            [vec![close(b'S', "x"), flush()], vec![sync()], vec![]],
            &["CloseComplete", "Ready I"],
        ),
        at(
            "after Execute",
            [vec![select(), bind(), execute("", 0), flush()], vec![select(), bind(), execute("", 0), sync()], vec![]],
            &[
                "ParseComplete",
                "BindComplete",
                "Row '7'",
                "Complete SELECT 1",
                "ParseComplete",
                "BindComplete",
                "Row '7'",
                "Complete SELECT 1",
                "Ready I",
            ],
        ),
        at(
            "a portal that is suspended",
            [
                vec![
                    parse("", "select id from pr_a_portal_that_is_suspended order by id", &[]),
                    bind(),
                    execute("", 1),
                    flush(),
                ],
                vec![execute("", 1), sync()],
                vec![],
            ],
            &["ParseComplete", "BindComplete", "Row '1'", "PortalSuspended", "Error 57014", "Ready I"],
        ),
        at(
            "in a block",
            [vec![query("begin"), select(), flush()], vec![bind(), sync(), query("rollback")], vec![]],
            &["Complete BEGIN", "Ready T", "ParseComplete", "Error 57014", "Ready E", "Complete ROLLBACK", "Ready I"],
        ),
    ];
    scripts.into_iter().for_each(|script| script.join().unwrap());
}

#[test]
fn before_the_data_of_a_copy() {
    let subject = Subject::start(&[]);
    let scripts = [
        script(
            subject.address(),
            "data come late",
            [LONG, Duration::ZERO],
            [
                vec![query("copy pr_data_come_late from stdin")],
                vec![copy_data("10\tten\n"), copy_done(), query("select count(*) as c from pr_data_come_late")],
                vec![],
            ],
            &["CopyIn 0", "Error 57014", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
        ),
        script(
            subject.address(),
            "data come slowly",
            [SHORT, SHORT],
            [
                vec![query("copy pr_data_come_slowly from stdin"), copy_data("10\tten\n")],
                vec![copy_data("11\televen\n")],
                vec![copy_data("12\ttwelve\n"), copy_done()],
            ],
            &["CopyIn 0", "Error 57014", "Ready I"],
        ),
        script(
            subject.address(),
            "extended",
            [LONG, Duration::ZERO],
            [
                vec![parse("", "copy pr_extended from stdin", &[]), bind(), execute("", 0), flush()],
                vec![copy_data("10\tten\n"), copy_done(), sync()],
                vec![],
            ],
            &["ParseComplete", "BindComplete", "CopyIn 0", "Error 57014", "Ready I"],
        ),
        script(
            subject.address(),
            "the end comes late",
            [LONG, Duration::ZERO],
            [
                vec![query("copy pr_the_end_comes_late from stdin"), copy_data("10\tten\n")],
                vec![copy_done(), query("select count(*) as c from pr_the_end_comes_late")],
                vec![],
            ],
            &["CopyIn 0", "Error 57014", "Ready I", "Columns c:0", "Row '3'", "Complete SELECT 1", "Ready I"],
        ),
        script(
            subject.address(),
            "the end of a line comes late",
            [LONG, Duration::ZERO],
            [
                vec![query("copy pr_the_end_of_a_line_comes_late from stdin"), copy_data("10\tten")],
                vec![copy_done()],
                vec![],
            ],
            &["CopyIn 0", "Error 57014", "Ready I"],
        ),
        script(
            subject.address(),
            "the end comes late in a block",
            [LONG, Duration::ZERO],
            [
                vec![query("begin"), query("copy pr_the_end_comes_late_in_a_block from stdin"), copy_data("10\tten\n")],
                vec![copy_done(), query("rollback")],
                vec![],
            ],
            &["Complete BEGIN", "Ready T", "CopyIn 0", "Error 57014", "Ready E", "Complete ROLLBACK", "Ready I"],
        ),
        script(
            subject.address(),
            "the end comes late in extended",
            [LONG, Duration::ZERO],
            [
                vec![
                    parse("", "copy pr_the_end_comes_late_in_extended from stdin", &[]),
                    bind(),
                    execute("", 0),
                    flush(),
                    copy_data("10\tten\n"),
                ],
                vec![copy_done(), sync()],
                vec![],
            ],
            &["ParseComplete", "BindComplete", "CopyIn 0", "Error 57014", "Ready I"],
        ),
        script(
            subject.address(),
            "nothing comes",
            [LONG, Duration::ZERO],
            [vec![query("copy pr_nothing_comes from stdin")], vec![copy_done()], vec![]],
            &["CopyIn 0", "Complete COPY 0", "Ready I"],
        ),
    ];
    scripts.into_iter().for_each(|script| script.join().unwrap());
}
