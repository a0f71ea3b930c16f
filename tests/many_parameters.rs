//! As many parameters as Bind can count.

mod common;

use std::fmt::Write as _;

use common::Server;
use common::client::Client;
use common::message::{bind_text, describe, execute, parse, sync};

const MAX: usize = 65_535;
const INT4: u32 = 23;

fn marks(count: usize) -> String {
    (1..=count).fold(String::new(), |mut text, n| {
        let _ = write!(text, "{}${n}", if n == 1 { "" } else { "," });
        text
    })
}

/// Runs a statement with text parameters; gives the reply's lines.
fn run(client: &mut Client, sql: &str, oids: &[u32], values: &[String]) -> Vec<String> {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    client.send(&parse("", sql, oids));
    client.send(&bind_text("", "", &values));
    client.send(&describe(b'P', ""));
    client.send(&execute("", 0));
    client.send(&sync());
    client.lines(1)
}

fn rows(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.strip_prefix("Row ")).collect()
}

#[test]
fn a_statement_may_have_65535_parameters() {
    let server = Server::gateway(&["--cores", "1"]);
    let mut client = Client::connect(server.address);
    client.ok("create table many (id integer, v integer, t text)");
    // 21,845 rows of three.
    let tuples: Vec<String> =
        (0..MAX / 3).map(|row| format!("(${},${},${})", row * 3 + 1, row * 3 + 2, row * 3 + 3)).collect();
    let values: Vec<String> =
        (0..MAX).map(|n| if n % 3 == 2 { format!("t{}", n / 3) } else { (n / 3).to_string() }).collect();
    let insert = format!("insert into many (id, v, t) values {}", tuples.join(","));
    let lines = run(&mut client, &insert, &[], &values);
    assert!(lines.contains(&"Complete INSERT 0 21845".to_owned()), "{:.300?}", lines);
    assert_eq!(client.value("select count(*) from many"), "21845");
    assert_eq!(client.value("select sum(id) from many"), (0..21_845).sum::<usize>().to_string());
    assert_eq!(client.value("select t from many where id = 21844"), "t21844");

    // A few are enough: each is looked for in the whole list.
    client.ok("delete from many where id < 21830");
    let numbers: Vec<String> = (21_840..21_840 + MAX).map(|n| n.to_string()).collect();
    let select = format!("select id from many where id in ({}) order by id", marks(MAX));
    for oids in [vec![], vec![INT4; MAX]] {
        let lines = run(&mut client, &select, &oids, &numbers);
        let found = ["'21840'", "'21841'", "'21842'", "'21843'", "'21844'"];
        assert_eq!(rows(&lines), found, "{:.300?}", lines);
    }
    let select = format!("select count(*) from many where id not in ({})", marks(MAX));
    assert_eq!(rows(&run(&mut client, &select, &[], &numbers)), ["'10'"]);
    let texts: Vec<String> = numbers.iter().map(|n| format!("t{n}")).collect();
    let select = format!("select count(*) from many where t in ({})", marks(MAX));
    assert_eq!(rows(&run(&mut client, &select, &[], &texts)), ["'5'"]);
    let array = vec![format!("{{{}}}", numbers.join(","))];
    for sql in [
        "select count(*) from many where id = any($1)",
        "select count(*) from many where id = any($1::int[])",
        "select 15 - count(*) from many where id <> all($1)",
    ] {
        assert_eq!(rows(&run(&mut client, sql, &[], &array)), ["'5'"], "{sql}");
    }
    let array = vec![format!("{{{}}}", texts.join(","))];
    let lines = run(&mut client, "select count(*) from many where t = any($1)", &[], &array);
    assert_eq!(rows(&lines), ["'5'"], "{lines:?}");
    let delete = format!("delete from many where id in ({})", marks(MAX));
    assert!(run(&mut client, &delete, &[], &numbers).contains(&"Complete DELETE 5".to_owned()));

    // Bind cannot count so many.
    let select = format!("select count(*) from many where id in ({})", marks(MAX + 1));
    let lines = run(&mut client, &select, &[], &numbers);
    assert!(lines.iter().any(|line| line.starts_with("Error 08P01")), "{lines:?}");
    assert_eq!(client.value("select count(*) from many"), "10");
}
