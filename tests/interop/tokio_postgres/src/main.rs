//! tokio-postgres: binary parameters, prepared statements, pipelining, portals, COPY, transactions, errors.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt, future};
use rust_decimal::Decimal;
use time::macros::{date, datetime, time};
use tokio_postgres::types::{FromSqlOwned, ToSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use uuid::Uuid;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[derive(Default)]
struct Checks {
    passed: u32,
    failed: u32,
}

impl Checks {
    async fn check(&mut self, name: &str, run: impl Future<Output = Outcome>) {
        match run.await {
            Ok(()) => {
                self.passed += 1;
                println!("ok   {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAIL {name}: {}", describe(error.as_ref()));
            }
        }
    }
}

fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    match error.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.as_db_error()) {
        Some(db) => format!("{}: {}", db.code().code(), db.message()),
        None => error.to_string(),
    }
}

fn equal<T: PartialEq + Debug>(got: T, expected: T, what: &str) -> Outcome {
    if got == expected { Ok(()) } else { Err(format!("{what}: got {got:?}, expected {expected:?}").into()) }
}

fn code<T>(expected: &str, result: Result<T, tokio_postgres::Error>) -> Outcome {
    match result {
        Ok(_) => Err(format!("expected SQLSTATE {expected}, got no error").into()),
        Err(error) => match error.code() {
            Some(state) if state.code() == expected => Ok(()),
            other => Err(format!("expected SQLSTATE {expected}, got {other:?}: {error}").into()),
        },
    }
}

async fn connect() -> Result<Client, tokio_postgres::Error> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let (client, connection) = tokio_postgres::Config::new()
        .host(var("PGHOST"))
        .port(var("PGPORT").parse().unwrap_or(5432))
        .user(var("PGUSER"))
        .password(var("PGPASSWORD"))
        .dbname(var("PGDATABASE"))
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn round_trip<T>(client: &Client, first_id: i32, name: &str, values: Vec<T>) -> Outcome
where
    T: ToSql + FromSqlOwned + PartialEq + Debug + Sync,
{
    let insert = client.prepare(&format!("INSERT INTO ty (id, {name}) VALUES ($1, $2)")).await?;
    let select = client.prepare(&format!("SELECT {name} FROM ty WHERE id = $1")).await?;
    let values = values.into_iter().map(Some).chain([None]);
    for (id, value) in (first_id..).zip(values) {
        equal(client.execute(&insert, &[&id, &value]).await?, 1, "rows")?;
        let row = client.query_one(&select, &[&id]).await?;
        equal(row.try_get::<_, Option<T>>(0)?, value, name)?;
    }
    Ok(())
}

async fn round_trips(checks: &mut Checks, client: &Client) {
    checks
        .check("create table of all types", async {
            client
                .batch_execute(
                    "DROP TABLE IF EXISTS ty;
                     CREATE TABLE ty (id integer PRIMARY KEY, b boolean, i2 smallint, i4 integer, i8 bigint,
                        f8 double precision, n numeric(20,6), t text, v varchar(40), y bytea, d date, tm time,
                        ts timestamp, tz timestamptz, u uuid)",
                )
                .await?;
            Ok(())
        })
        .await;
    let text = |s: &str| s.to_owned();
    let c = client;
    checks.check("round trip boolean", round_trip(c, 100, "b", vec![true, false])).await;
    checks.check("round trip smallint", round_trip(c, 200, "i2", vec![0i16, i16::MIN, i16::MAX])).await;
    checks.check("round trip integer", round_trip(c, 300, "i4", vec![0i32, i32::MIN, i32::MAX])).await;
    checks.check("round trip bigint", round_trip(c, 400, "i8", vec![0i64, i64::MIN + 1, i64::MAX])).await;
    checks.check("round trip double precision", round_trip(c, 500, "f8", vec![0.0f64, 1.5, -2.25, 0.1, 1e-10])).await;
    let numerics = ["12345678901234.567890", "-1.500000", "0.000000"].map(|s| s.parse::<Decimal>().unwrap_or_default());
    checks.check("round trip numeric(20,6)", round_trip(c, 600, "n", numerics.to_vec())).await;
    let texts = vec![text("plain"), text(""), text("it's \"quoted\" \\ back"), text("häß ☃ 漢字 😀"), "x".repeat(3000)];
    checks.check("round trip text", round_trip(c, 700, "t", texts)).await;
    checks.check("round trip varchar(40)", round_trip(c, 800, "v", vec![text("plain"), text(""), text("Grüße")])).await;
    checks
        .check("round trip bytea", round_trip(c, 900, "y", vec![vec![], vec![0u8, 1, 254, 255], b"plain".to_vec()]))
        .await;
    checks.check("round trip date", round_trip(c, 1000, "d", vec![date!(2026 - 11 - 24), date!(1899 - 12 - 31)])).await;
    checks.check("round trip time", round_trip(c, 1100, "tm", vec![time!(0:00), time!(12:34:56.789)])).await;
    let stamps = vec![datetime!(2026-11-24 1:02:03), datetime!(2000-02-29 23:59:59.123456)];
    checks.check("round trip timestamp", round_trip(c, 1200, "ts", stamps)).await;
    checks.check("round trip timestamptz", round_trip(c, 1300, "tz", vec![datetime!(2026-11-24 1:02:03 UTC)])).await;
    let uuids = vec![Uuid::from_u128(0x12345678_9abc_def0_1234_56789abcdef0), Uuid::nil()];
    checks.check("round trip uuid", round_trip(c, 1400, "u", uuids)).await;
}

async fn prepared(client: &Client) -> Outcome {
    client.batch_execute("DROP TABLE IF EXISTS ps; CREATE TABLE ps (id integer PRIMARY KEY, name varchar(50))").await?;
    let insert = client.prepare("INSERT INTO ps VALUES ($1, $2)").await?;
    equal(insert.params(), &[Type::INT4, Type::VARCHAR], "parameter types")?;
    for n in 0..30i32 {
        client.execute(&insert, &[&n, &format!("name {n}")]).await?;
    }
    let select = client.prepare("SELECT id, name FROM ps WHERE id >= $1 ORDER BY id").await?;
    equal(select.columns().iter().map(|c| c.name()).collect::<Vec<_>>(), vec!["id", "name"], "columns")?;
    for n in [0i32, 10, 30, 29] {
        equal(client.query(&select, &[&n]).await?.len(), 30 - n as usize, "rows")?;
    }
    let typed = client.prepare_typed("SELECT count(*) FROM ps WHERE id < $1 + 1", &[Type::INT4]).await?;
    equal(client.query_one(&typed, &[&9i32]).await?.get::<_, i64>(0), 10, "count")?;
    // Raw parameters of stated types, without a statement of their own.
    let rows = client.query_typed("SELECT name FROM ps WHERE id = $1", &[(&3i32, Type::INT4)]).await?;
    equal(rows.len(), 1, "rows")
}

async fn pipelined(client: &Client) -> Outcome {
    let select = client.prepare("SELECT name FROM ps WHERE id = $1").await?;
    let ids: Vec<i32> = (0..30).collect();
    let queries = ids.iter().map(|n| {
        let select = &select;
        async move { client.query_one(select, &[n]).await }
    });
    for (n, row) in future::try_join_all(queries).await?.iter().enumerate() {
        equal(row.get::<_, &str>(0), format!("name {n}").as_str(), "name")?;
    }
    Ok(())
}

async fn portals(client: &mut Client) -> Outcome {
    let tx = client.transaction().await?;
    let portal = tx.bind("SELECT id FROM ps WHERE id >= $1 ORDER BY id", &[&0i32]).await?;
    for (expected, limit) in [(0..7, 7), (7..8, 1), (8..30, 100), (30..30, 5)] {
        let rows = tx.query_portal(&portal, limit).await?;
        equal(rows.iter().map(|r| r.get::<_, i32>(0)).collect::<Vec<_>>(), expected.collect(), "ids")?;
    }
    tx.commit().await?;
    Ok(())
}

async fn simple(client: &Client) -> Outcome {
    let messages = client
        .simple_query("SELECT id, name FROM ps WHERE id < 2 ORDER BY id; DELETE FROM ps WHERE id > 1000; ;")
        .await?;
    let mut seen = Vec::new();
    for message in &messages {
        match message {
            SimpleQueryMessage::Row(row) => seen.push(format!("{:?} {:?}", row.get(0), row.get(1))),
            SimpleQueryMessage::CommandComplete(rows) => seen.push(format!("done {rows}")),
            _ => {}
        }
    }
    let expected = ["Some(\"0\") Some(\"name 0\")", "Some(\"1\") Some(\"name 1\")", "done 2", "done 0"];
    equal(seen, expected.map(str::to_owned).to_vec(), "messages")
}

async fn copy_in(client: &Client) -> Outcome {
    client
        .batch_execute("DROP TABLE IF EXISTS cp; CREATE TABLE cp (id integer PRIMARY KEY, name varchar(100))")
        .await?;
    let sink = client.copy_in("COPY cp FROM STDIN").await?;
    let mut sink = std::pin::pin!(sink);
    // Rows are cut anywhere.
    let rows: String = (0..1000).map(|n| format!("{n}\tnäme {n}\n")).collect();
    for part in rows.as_bytes().chunks(37) {
        sink.send(Bytes::copy_from_slice(part)).await?;
    }
    equal(sink.finish().await?, 1000, "rows")?;
    equal(client.query_one("SELECT name FROM cp WHERE id = 999", &[]).await?.get::<_, &str>(0), "näme 999", "name")
}

async fn transactions(client: &mut Client) -> Outcome {
    client.batch_execute("DROP TABLE IF EXISTS tx; CREATE TABLE tx (id integer PRIMARY KEY, v integer)").await?;
    let tx = client.transaction().await?;
    tx.execute("INSERT INTO tx VALUES ($1, $2)", &[&1i32, &1i32]).await?;
    tx.rollback().await?;
    equal(client.query("SELECT id FROM tx", &[]).await?.len(), 0, "rows")?;
    let mut tx = client.transaction().await?;
    tx.execute("INSERT INTO tx VALUES ($1, $2)", &[&1i32, &1i32]).await?;
    {
        let nested = tx.savepoint("a").await?;
        nested.execute("INSERT INTO tx VALUES ($1, $2)", &[&2i32, &2i32]).await?;
        code("23505", nested.execute("INSERT INTO tx VALUES ($1, $2)", &[&1i32, &1i32]).await)?;
        code("25P02", nested.query("SELECT id FROM tx", &[]).await)?;
        nested.rollback().await?;
    }
    tx.execute("INSERT INTO tx VALUES ($1, $2)", &[&3i32, &3i32]).await?;
    tx.commit().await?;
    let ids: Vec<i32> = client.query("SELECT id FROM tx ORDER BY id", &[]).await?.iter().map(|r| r.get(0)).collect();
    equal(ids, vec![1, 3], "ids")
}

async fn streamed(client: &Client) -> Outcome {
    let params: [&(dyn ToSql + Sync); 1] = [&500i32];
    let rows = client.query_raw("SELECT id FROM cp WHERE id >= $1 ORDER BY id", params).await?;
    let ids: Vec<i32> = rows.map_ok(|row| row.get::<_, i32>(0)).try_collect().await?;
    equal(ids, (500..1000).collect(), "ids")
}

async fn errors(checks: &mut Checks, client: &Client) {
    checks
        .check("error tables", async {
            let sql = "DROP TABLE IF EXISTS er2; DROP TABLE IF EXISTS er;
                CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL);
                CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id));
                INSERT INTO er VALUES (1, 'a')";
            Ok(client.batch_execute(sql).await?)
        })
        .await;
    let cases: [(&str, &str, &[&(dyn ToSql + Sync)]); 7] = [
        ("42P01", "SELECT * FROM no_such_table", &[]),
        ("42703", "SELECT no_such_column FROM er", &[]),
        ("23505", "INSERT INTO er VALUES ($1, $2)", &[&1i32, &"b"]),
        ("23502", "INSERT INTO er VALUES ($1, $2)", &[&2i32, &None::<String>]),
        ("23503", "INSERT INTO er2 VALUES ($1, $2)", &[&1i32, &77i32]),
        ("22P02", "SELECT * FROM er WHERE id = 'abc'", &[]),
        ("42601", "SELEC 1", &[]),
    ];
    for (state, sql, params) in cases {
        checks.check(&format!("error {state}: {sql}"), async { code(state, client.query(sql, params).await) }).await;
    }
}

async fn run(checks: &mut Checks) -> Outcome {
    let mut client = connect().await?;
    checks
        .check("connect and SELECT 1", async {
            equal(client.query_one("SELECT 1", &[]).await?.try_get::<_, i32>(0)?, 1, "value")
        })
        .await;
    round_trips(checks, &client).await;
    checks.check("prepared statements", prepared(&client)).await;
    checks.check("pipelined queries", pipelined(&client)).await;
    checks.check("portals", portals(&mut client)).await;
    checks.check("simple query", simple(&client)).await;
    checks.check("COPY FROM STDIN", copy_in(&client)).await;
    checks.check("streamed rows", streamed(&client)).await;
    checks.check("transactions", transactions(&mut client)).await;
    errors(checks, &client).await;
    for table in ["ty", "ps", "cp", "tx", "er2", "er"] {
        checks
            .check(&format!("drop table {table}"), async {
                Ok(client.batch_execute(&format!("DROP TABLE IF EXISTS {table}")).await?)
            })
            .await;
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut checks = Checks::default();
    let ended = tokio::time::timeout(Duration::from_secs(180), run(&mut checks)).await;
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            checks.failed += 1;
            println!("FAIL run: {}", describe(error.as_ref()));
        }
        Err(_) => {
            checks.failed += 1;
            println!("FAIL run: not done within 180 s");
        }
    }
    println!("{} passed, {} failed", checks.passed, checks.failed);
    std::process::exit(if checks.failed > 0 || checks.passed == 0 { 1 } else { 0 });
}
