//! Pages, what is kept, streams and scrollable results.

use super::*;

#[test]
fn small_results_are_one_page_that_ends() {
    let (server, _) = start(options());
    let mut client = Client::login(&server);
    let reply = client.query(1, "SELECT ROWS 1000");
    assert_eq!((reply.status, reply.numbers().len()), (100, 1000));
    let reply = client.query(2, "SELECT ROWS 0");
    assert_eq!((reply.status, reply.body.len()), (100, 0));
    // Max rows of PQ is the limit of the whole result.
    let limited = client.ask(Opcode::EXECUTE_QUERY, 1, |out| out.extend_from_slice(&[3, 4, 1, 2, 4, 2, 4, 3, 4, 7]));
    assert_eq!((limited.status, limited.numbers().len()), (100, 7));
    server.shutdown().unwrap();
}

#[test]
fn large_results_leave_while_they_are_made() {
    let (server, engine) = start(small_pages());
    let mut client = Client::login(&server);
    let first = client.query(1, "SELECT ROWS 1000");
    assert_eq!(first.status, 0);
    assert!(engine.0.pushed.load(Ordering::SeqCst) < 20, "rows wait for the client");
    let (numbers, pages) = client.rest(1, first);
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    assert!(pages > 100);
    let first = client.query(1, "SELECT ROWS 20");
    let mut second = client.fetch(0);
    assert_eq!(second.status, 0, "id 0 is the latest result");
    let got = first.numbers().len() + second.numbers().len();
    while second.status == 0 {
        second = client.fetch(1);
    }
    assert!(got < 20);
    assert!(!second.body.is_empty(), "the last page has rows and says that it is the last");
    let after = client.fetch(1);
    assert_eq!(after.status, 102, "nothing is open any more");
    assert!(client.error_text(102).starts_with("[SQLCODE: <-102>:"));
}

#[test]
fn other_statements_run_between_pages() {
    let (server, _) = start(small_pages());
    let mut client = Client::login(&server);
    let first = client.query(1, "SELECT ROWS 300");
    let other = client.query(2, "SELECT ROWS 1");
    assert_eq!((other.status, other.numbers()), (100, vec![1]));
    let third = client.query(3, "SELECT ROWS 50");
    let (numbers, _) = client.rest(1, first);
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    let (numbers, _) = client.rest(3, third);
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
}

#[test]
fn what_a_connection_keeps_is_bounded() {
    let (server, _) = start(SuperserverOptions { kept_bytes_max: 1000, ..small_pages() });
    let mut client = Client::login(&server);
    let first = client.query(1, "SELECT ROWS 100000");
    assert_eq!(client.ask(Opcode::PING, 0, |_| {}).status, 0);
    let mut numbers = first.numbers();
    let status = loop {
        let page = client.fetch(1);
        if page.status != 0 {
            break page.status;
        }
        numbers.extend(page.numbers());
    };
    assert_eq!(status, 462);
    assert!(client.error_text(462).contains("1000 bytes"));
    assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "what was kept is good");
    assert!(numbers.len() > 30);
}

#[test]
fn a_closed_result_stops_the_engine() {
    let (server, engine) = start(small_pages());
    let mut client = Client::login(&server);
    assert_eq!(client.query(1, "SELECT ROWS 1000000").status, 0);
    client.send(Opcode::CLOSE_RESULT, 1, |_| {});
    assert_eq!(client.query(2, "SELECT ROWS 1").numbers(), vec![1]);
    // Run again before the end: the old rows are gone.
    let first = client.query(1, "SELECT ROWS 40");
    assert_eq!(first.status, 0);
    let again = client.query(1, "SELECT ROWS 30");
    assert_eq!(client.rest(1, again).0, (1..=30).collect::<Vec<_>>());
    assert!(engine.0.pushed.load(Ordering::SeqCst) < 200);
    // A client that just leaves.
    assert_eq!(client.query(1, "SELECT ROWS 1000000").status, 0);
    drop(client);
    eventually("the backend is dropped", || engine.0.dropped.load(Ordering::SeqCst) == 1);
    assert!(engine.0.pushed.load(Ordering::SeqCst) < 200);
}

#[test]
fn an_error_among_the_rows() {
    let (server, _) = start(small_pages());
    let mut client = Client::login(&server);
    let mut page = client.query(1, "SELECT FAIL 30");
    while page.status == 0 {
        page = client.fetch(1);
    }
    assert_eq!((page.status, page.body.len()), (149, 0));
    assert_eq!(
        client.error_text(149),
        "[SQLCODE: <-149>:<SQL Function encountered an error>]\r\n[Location: <ServerLoop>]\r\n[%msg: < as asked>]"
    );
    let mut page = client.query(1, "SELECT FAIL 30");
    assert_eq!(client.ask(Opcode::PING, 0, |_| {}).status, 0);
    while page.status == 0 {
        page = client.fetch(1);
    }
    assert_eq!(page.status, 149, "kept with the pages before it");
    // A code nobody met yet has its standard text.
    assert_eq!(client.error_text(30), "[SQLCODE: <-30>:<Table or view not found>]");
    assert_eq!(client.error_text(65_506), "[SQLCODE: <-30>:<Table or view not found>]");
}

#[test]
fn streams_are_read_between_pages() {
    let (server, engine) = start(small_pages());
    let mut client = Client::login(&server);
    let mut page = client.query(1, "SELECT STREAMS 9");
    let mut texts = Vec::new();
    let pushed = engine.0.pushed.load(Ordering::SeqCst);
    loop {
        let mut reader = ItemReader::new(&page.body);
        while let Some(handle) = reader.raw().unwrap() {
            let handle = handle.bytes.to_vec();
            let size = client.ask(Opcode::STREAM_SIZE, 1, |out| out.extend_from_slice(&handle)).ints()[0];
            let data = client.ask(Opcode::STREAM_READ, 1, |out| {
                out.extend_from_slice(&handle);
                put_int(out, size);
            });
            assert_eq!(data.status, 0);
            texts.push(String::from_utf8(data.body).unwrap());
        }
        if texts.len() < 3 {
            assert_eq!(engine.0.pushed.load(Ordering::SeqCst), pushed, "reading streams does not move the result");
        }
        if page.status == 100 {
            break;
        }
        page = client.fetch(1);
    }
    assert_eq!(texts, (1..=9).map(|n| format!("row {n:06}")).collect::<Vec<_>>());
    client.send(Opcode::STREAMS_CLOSE, 1, |out| put_int(out, 0));
    assert_eq!(client.ask(Opcode::PING, 0, |_| {}).status, 0);
}

#[test]
fn scrollable_results() {
    let (server, _) = start(options());
    let mut client = Client::login(&server);
    let described = client.ask(Opcode::SCROLL_DIRECT, 1, |out| {
        put_statement(out, "SELECT ROWS 25", 0);
        out.extend_from_slice(NO_VALUES);
    });
    assert_eq!(described.status, 0);
    let mut rows = |first: i64, wanted: i64| {
        let reply = client.ask(Opcode::SCROLL_FETCH, 1, |out| {
            put_int(out, first);
            put_int(out, wanted);
        });
        let mut reader = ItemReader::new(&reply.body);
        let (count, position) = (reader.int("rows").unwrap(), reader.int("position").unwrap());
        let rows = Reply { status: 0, body: reader.rest().to_vec() }.numbers();
        assert_eq!(rows.len() as i64, count);
        (reply.status, position, rows.first().copied(), count)
    };
    assert_eq!(rows(0, 1), (100, 25, Some(25), 1));
    assert_eq!(rows(1, 10), (0, 1, Some(1), 10));
    assert_eq!(rows(24, 10), (100, 24, Some(24), 2));
    assert_eq!(rows(26, 10), (100, 26, None, 0));
    assert_eq!(client.prepare(2, "SELECT ROWS 0", 0).status, 0);
    let executed = client.ask(Opcode::SCROLL_EXECUTE, 2, |out| out.extend_from_slice(NO_VALUES));
    assert_eq!((executed.status, executed.body.len()), (0, 0));
    let empty = client.ask(Opcode::SCROLL_FETCH, 2, |out| out.extend_from_slice(&[2, 4, 3, 4, 1]));
    assert_eq!((empty.status, empty.ints()), (100, vec![0, 0]));
    client.send(Opcode::CLOSE_RESULT, 1, |_| {});
    let closed = client.ask(Opcode::SCROLL_FETCH, 1, |out| out.extend_from_slice(&[2, 4, 3, 4, 1]));
    assert_eq!(closed.status, 102);
}
