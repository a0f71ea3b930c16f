//! Advisory locks and notifications: functions the gateway carries out itself, in both protocols.

use crate::common::Subject;
use crate::common::message::{bind, bind_text, describe, execute, parse, query, sync};
use crate::script;

#[test]
fn advisory_locks_in_simple_queries() {
    let s = Subject::start(&[]);
    script(
        &s,
        "locked as often as unlocked",
        &[
            query("select pg_advisory_lock(101), pg_advisory_lock(101)"),
            query("select pg_advisory_unlock(101) as a, pg_advisory_unlock(101) as b, pg_advisory_unlock(101) as c"),
        ],
        &[
            "Columns pg_advisory_lock:0 pg_advisory_lock:0",
            "Row '' ''",
            "Complete SELECT 1",
            "Ready I",
            "Columns a:0 b:0 c:0",
            "Row 't' 't' 'f'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "keys",
        &[
            query(
                "select pg_try_advisory_xact_lock(-102), pg_try_advisory_xact_lock('103'), pg_try_advisory_xact_lock(-9223372036854775807::bigint)",
            ),
            query("select * from pg_try_advisory_xact_lock_shared(1, -2) as x"),
            query("select pg_catalog.pg_advisory_xact_lock(null)"),
            query("select pg_advisory_unlock_all(), pg_advisory_unlock_all() as again"),
        ],
        &[
            "Columns pg_try_advisory_xact_lock:0 pg_try_advisory_xact_lock:0 pg_try_advisory_xact_lock:0",
            "Row 't' 't' 't'",
            "Complete SELECT 1",
            "Ready I",
            "Columns x:0",
            "Row 't'",
            "Complete SELECT 1",
            "Ready I",
            "Columns pg_advisory_xact_lock:0",
            "Row NULL",
            "Complete SELECT 1",
            "Ready I",
            "Columns pg_advisory_unlock_all:0 again:0",
            "Row '' ''",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "a transaction's lock is not the session's",
        &[
            query("begin; select pg_advisory_xact_lock(104); select pg_advisory_unlock(104)"),
            query("select pg_advisory_lock(); commit"),
            query("rollback"),
        ],
        &[
            "Complete BEGIN",
            "Columns pg_advisory_xact_lock:0",
            "Row ''",
            "Complete SELECT 1",
            "Columns pg_advisory_unlock:0",
            "Row 'f'",
            "Complete SELECT 1",
            "Ready T",
            "Error 42883",
            "Ready E",
            "Complete ROLLBACK",
            "Ready I",
        ],
    );
    script(
        &s,
        "what no such function takes",
        &[
            query("select pg_advisory_lock(1.5)"),
            query("select pg_advisory_lock(1, 2, 3)"),
            query("select pg_advisory_lock(1, 3000000000)"),
            query("select pg_advisory_lock('x')"),
            query("select pg_notify('a', 1)"),
            query("prepare pl as select pg_try_advisory_lock($1); execute pl('7'); select pg_advisory_unlock(7)"),
        ],
        &[
            "Error 42883",
            "Ready I",
            "Error 42883",
            "Ready I",
            "Error 42883",
            "Ready I",
            "Error 22P02",
            "Ready I",
            "Error 42883",
            "Ready I",
            "Complete PREPARE",
            "Columns pg_try_advisory_lock:0",
            "Row 't'",
            "Complete SELECT 1",
            "Columns pg_advisory_unlock:0",
            "Row 't'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
}

#[test]
fn advisory_locks_in_the_extended_protocol() {
    let s = Subject::start(&[]);
    script(
        &s,
        "described before anything is locked",
        &[
            parse("l", "select pg_try_advisory_lock($1) as ok", &[]),
            describe(b'S', "l"),
            parse("u", "select pg_advisory_unlock($1::bigint)", &[]),
            describe(b'S', "u"),
            parse("two", "select pg_advisory_xact_lock($1, $2)", &[]),
            describe(b'S', "two"),
            sync(),
            bind_text("", "u", &["111"]),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "Parameters 20",
            "Columns ok:0",
            "ParseComplete",
            "Parameters 20",
            "Columns pg_advisory_unlock:0",
            "ParseComplete",
            "Parameters 23 23",
            "Columns pg_advisory_xact_lock:0",
            "Ready I",
            "BindComplete",
            "Row 'f'",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "binary",
        &[
            parse("", "select pg_advisory_lock($1), pg_advisory_unlock($1)", &[20]),
            bind("", "", &[1], &[Some(&112_i64.to_be_bytes())], &[1]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
            // An int4 will do for a bigint.
            parse("", "select pg_try_advisory_xact_lock($1)", &[23]),
            bind("", "", &[1], &[Some(&113_i32.to_be_bytes())], &[1]),
            execute("", 0),
            bind("", "", &[1], &[None], &[1]),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "Columns pg_advisory_lock:1 pg_advisory_unlock:1",
            "Row '' x01",
            "Complete SELECT 1",
            "Ready I",
            "ParseComplete",
            "BindComplete",
            "Row x01",
            "Complete SELECT 1",
            "BindComplete",
            "Row NULL",
            "Complete SELECT 1",
            "Ready I",
        ],
    );
    script(
        &s,
        "row limits",
        &[
            parse("", "select pg_try_advisory_xact_lock(114)", &[]),
            bind_text("", "", &[]),
            execute("", 1),
            execute("", 1),
            sync(),
        ],
        &["ParseComplete", "BindComplete", "Row 't'", "PortalSuspended", "Complete SELECT 0", "Ready I"],
    );
    script(
        &s,
        "a parameter of the wrong type",
        &[parse("", "select pg_advisory_lock($1)", &[1700]), sync(), query("select 1 as a")],
        &["Error 42883", "Ready I", "Columns a:0", "Row '1'", "Complete SELECT 1", "Ready I"],
    );
}

#[test]
fn notifications_to_oneself() {
    let s = Subject::start(&[]);
    script(
        &s,
        "before ReadyForQuery",
        &[query("listen pa; notify pa, 'x'"), query("notify \"pa\""), query("notify pb; unlisten pa; notify pa")],
        &[
            "Complete LISTEN",
            "Complete NOTIFY",
            "Notification pa 'x'",
            "Ready I",
            "Complete NOTIFY",
            "Notification pa ''",
            "Ready I",
            "Complete NOTIFY",
            "Complete UNLISTEN",
            "Complete NOTIFY",
            "Ready I",
        ],
    );
    script(
        &s,
        "at commit, in order, each once",
        &[
            query("listen pc"),
            query("begin; notify pc, '1'; notify pc, '2'; notify pc, '1'"),
            query("savepoint s; notify pc, '3'; rollback to s; notify pc, '4'; release s"),
            query("commit"),
            query("begin; notify pc, '5'"),
            query("rollback"),
            query("notify pc, '6'; select * from nowhere"),
        ],
        &[
            "Complete LISTEN",
            "Ready I",
            "Complete BEGIN",
            "Complete NOTIFY",
            "Complete NOTIFY",
            "Complete NOTIFY",
            "Ready T",
            "Complete SAVEPOINT",
            "Complete NOTIFY",
            "Complete ROLLBACK",
            "Complete NOTIFY",
            "Complete RELEASE",
            "Ready T",
            "Complete COMMIT",
            "Notification pc '1'",
            "Notification pc '2'",
            "Notification pc '4'",
            "Ready I",
            "Complete BEGIN",
            "Complete NOTIFY",
            "Ready T",
            "Complete ROLLBACK",
            "Ready I",
            "Complete NOTIFY",
            "Error 42P01",
            "Ready I",
        ],
    );
    script(
        &s,
        "a rolled back LISTEN is none",
        &[
            query("begin; listen pd; rollback; notify pd"),
            query("select pg_listening_channels()"),
            query("listen \"Pe\"; listen pf"),
            query("select * from pg_listening_channels() as channel"),
            query("discard all"),
            query("select pg_listening_channels()"),
        ],
        &[
            "Complete BEGIN",
            "Complete LISTEN",
            "Complete ROLLBACK",
            "Complete NOTIFY",
            "Ready I",
            "Columns pg_listening_channels:0",
            "Complete SELECT 0",
            "Ready I",
            "Complete LISTEN",
            "Complete LISTEN",
            "Ready I",
            "Columns channel:0",
            "Row 'Pe'",
            "Row 'pf'",
            "Complete SELECT 2",
            "Ready I",
            "Complete DISCARD ALL",
            "Ready I",
            "Columns pg_listening_channels:0",
            "Complete SELECT 0",
            "Ready I",
        ],
    );
}

#[test]
fn notifications_in_the_extended_protocol() {
    let s = Subject::start(&[]);
    let long = "p".repeat(8_000);
    script(
        &s,
        "pg_notify",
        &[
            parse("", "listen pg", &[]),
            bind_text("", "", &[]),
            describe(b'P', ""),
            execute("", 0),
            sync(),
            parse("n", "select pg_notify($1, $2)", &[]),
            describe(b'S', "n"),
            bind_text("", "n", &["pg", "one"]),
            execute("", 0),
            bind_text("", "n", &["pg", "two"]),
            execute("", 0),
            sync(),
            bind_text("", "n", &["", "nobody"]),
            execute("", 0),
            sync(),
            bind_text("", "n", &["pg", &long]),
            execute("", 0),
            sync(),
            bind("", "n", &[], &[Some(b"pg"), None], &[]),
            execute("", 0),
            sync(),
        ],
        &[
            "ParseComplete",
            "BindComplete",
            "NoData",
            "Complete LISTEN",
            "Ready I",
            "ParseComplete",
            "Parameters 25 25",
            "Columns pg_notify:0",
            "BindComplete",
            "Row ''",
            "Complete SELECT 1",
            "BindComplete",
            "Row ''",
            "Complete SELECT 1",
            "Notification pg 'one'",
            "Notification pg 'two'",
            "Ready I",
            "BindComplete",
            "Error 22023",
            "Ready I",
            "BindComplete",
            "Error 22023",
            "Ready I",
            "BindComplete",
            "Row ''",
            "Complete SELECT 1",
            "Notification pg ''",
            "Ready I",
        ],
    );
}
