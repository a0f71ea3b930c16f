"""psycopg2: client-side parameters, execute_values, execute_batch, named cursors, COPY, transactions, errors."""

import datetime as dt
import decimal
import io
import uuid

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from checks import Checks, equal, raises

D = decimal.Decimal
psycopg2.extras.register_uuid()

VALUES = [
    ("b", "boolean", [True, False]),
    ("i2", "smallint", [0, -32768, 32767]),
    ("i4", "integer", [0, 42, -2147483648, 2147483647]),
    ("i8", "bigint", [0, -9223372036854775807, 9223372036854775807]),
    ("f8", "double precision", [0.0, 1.5, -2.25, 0.1, 1e-10]),
    ("n", "numeric(20,6)", [D("0.000000"), D("12345678901234.567890"), D("-1.500000")]),
    ("t", "text", ["plain", "", "it's \"quoted\" \\ back", "häß ☃ 漢字 😀", "a%b", "line\nbreak"]),
    ("v", "varchar(40)", ["plain", "", "Grüße"]),
    ("y", "bytea", [b"", b"\x00\x01\xfe\xff", bytes(range(256))]),
    ("d", "date", [dt.date(2026, 11, 24), dt.date(1899, 12, 31)]),
    ("tm", "time", [dt.time(0, 0), dt.time(12, 34, 56, 789000)]),
    ("ts", "timestamp", [dt.datetime(2026, 11, 24, 1, 2, 3), dt.datetime(2000, 2, 29, 23, 59, 59, 123456)]),
    ("tz", "timestamptz", [dt.datetime(2026, 11, 24, 1, 2, 3, tzinfo=dt.timezone.utc)]),
    ("u", "uuid", [uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")]),
]

checks = Checks()


def one_row(cur, sql, params=None):
    cur.execute(sql, params)
    return cur.fetchone()


def round_trips(conn):
    cur = conn.cursor()
    cur.execute("DROP TABLE IF EXISTS ty")
    cur.execute("CREATE TABLE ty (id integer PRIMARY KEY, " + ", ".join(f"{n} {t}" for n, t, _ in VALUES) + ")")
    conn.commit()
    ids = iter(range(1, 1000))
    for name, sqltype, values in VALUES:
        def one(name=name, values=values):
            for value in [*values, None]:
                n = next(ids)
                sent = psycopg2.Binary(value) if isinstance(value, bytes) else value
                cur.execute(f"INSERT INTO ty (id, {name}) VALUES (%s, %s)", (n, sent))
                got = one_row(cur, f"SELECT {name} FROM ty WHERE id = %s", (n,))[0]
                equal(bytes(got) if isinstance(got, memoryview) else got, value, name)
        checks.check(f"round trip {sqltype}", one)
        conn.rollback()


def batches(conn):
    cur = conn.cursor()
    cur.execute("DROP TABLE IF EXISTS ba")
    cur.execute("CREATE TABLE ba (id integer PRIMARY KEY, name varchar(50), amount numeric(10,2))")
    cur.executemany("INSERT INTO ba VALUES (%s, %s, %s)", [(n, f"n{n}", D(n) / 4) for n in range(50)])
    # One statement with many rows; and many statements in one simple query.
    psycopg2.extras.execute_values(cur, "INSERT INTO ba VALUES %s", [(n, f"it's {n}", None) for n in range(50, 350)], page_size=100)
    psycopg2.extras.execute_batch(cur, "INSERT INTO ba VALUES (%s, %s, %s)", [(n, f"n{n}", D("1.5")) for n in range(350, 400)], page_size=20)
    equal(one_row(cur, "SELECT count(*), sum(id), count(amount) FROM ba"), (400, 79800, 100))
    equal(one_row(cur, "SELECT name FROM ba WHERE id = 77"), ("it's 77",))
    cur.execute("UPDATE ba SET name = 'x' WHERE id < 10; DELETE FROM ba WHERE id >= 390")
    equal(cur.rowcount, 10, "rowcount of the last statement")
    equal(cur.statusmessage, "DELETE 10")
    conn.commit()


def fetching(conn):
    cur = conn.cursor(cursor_factory=psycopg2.extras.DictCursor)
    cur.execute("SELECT id, name FROM ba ORDER BY id")
    equal(cur.rowcount, 390, "rowcount")
    equal(cur.fetchone()["id"], 0)
    equal(len(cur.fetchmany(9)), 9)
    equal(len(cur.fetchall()), 380)
    equal([d.name for d in cur.description], ["id", "name"])
    conn.commit()


def named_cursor(conn):
    """DECLARE, FETCH FORWARD, CLOSE in a transaction."""
    cur = conn.cursor(name="walk")
    cur.itersize = 50
    cur.execute("SELECT id FROM ba ORDER BY id")
    equal([row[0] for row in cur], list(range(390)))
    cur.close()
    conn.commit()


def scrolled_cursor(conn):
    cur = conn.cursor(name="scrolled", scrollable=True)
    cur.execute("SELECT id FROM ba WHERE id < %s ORDER BY id", (100,))
    equal(cur.fetchone(), (0,))
    cur.scroll(10)
    equal(cur.fetchmany(2), [(11,), (12,)])
    cur.scroll(-3)
    equal(cur.fetchone(), (10,))
    cur.scroll(98, mode="absolute")
    equal([row[0] for row in cur.fetchall()], [98, 99])
    cur.close()


def held_cursor(conn):
    """Read on behind the COMMIT, beside another cursor over the same query."""
    cur = conn.cursor(name="held", withhold=True)
    other = conn.cursor(name="other")
    for each in (cur, other):
        each.execute("SELECT id FROM ba ORDER BY id")
    equal([cur.fetchmany(3), other.fetchmany(2)], [[(0,), (1,), (2,)], [(0,), (1,)]])
    conn.commit()
    equal([row[0] for row in cur.fetchall()], list(range(3, 390)))
    cur.close()
    conn.commit()


def copying(conn):
    cur = conn.cursor()
    cur.execute("DROP TABLE IF EXISTS cp")
    cur.execute("CREATE TABLE cp (id integer PRIMARY KEY, name varchar(100))")
    cur.copy_from(io.StringIO("".join(f"{n}\t" + ("\\N" if n % 5 == 0 else f"name {n}") + "\n" for n in range(1000))), "cp")
    cur.copy_expert("COPY cp (name, id) FROM STDIN", io.StringIO("a\\tb\t5000\nc\\\\d\t5001\n"))
    equal(cur.rowcount, 2, "rowcount")
    equal(one_row(cur, "SELECT count(*), count(name) FROM cp"), (1002, 802))
    equal(one_row(cur, "SELECT name FROM cp WHERE id = 5000"), ("a\tb",))
    equal(one_row(cur, "SELECT name FROM cp WHERE id = 5001"), ("c\\d",))
    out = io.StringIO()
    cur.copy_to(out, "cp", sep="|", columns=("id", "name"))
    equal(sorted(out.getvalue().splitlines(), key=lambda line: int(line.split("|")[0]))[:2], ["0|\\N", "1|name 1"])
    out = io.StringIO()
    cur.copy_expert("COPY (SELECT name, id FROM cp WHERE id IN (4, 5, 5000) ORDER BY id) TO STDOUT WITH CSV HEADER", out)
    equal(out.getvalue(), "name,id\nname 4,4\n,5\na\tb,5000\n")
    equal(cur.rowcount, 3, "rowcount")
    conn.commit()


def transactions(conn):
    cur = conn.cursor()
    cur.execute("DROP TABLE IF EXISTS tx")
    cur.execute("CREATE TABLE tx (id integer PRIMARY KEY, v integer)")
    conn.commit()
    cur.execute("INSERT INTO tx VALUES (1, 1)")
    conn.rollback()
    equal(one_row(cur, "SELECT count(*) FROM tx"), (0,))
    cur.execute("INSERT INTO tx VALUES (1, 1)")
    cur.execute("SAVEPOINT a")
    cur.execute("INSERT INTO tx VALUES (2, 2)")
    cur.execute("ROLLBACK TO SAVEPOINT a")
    cur.execute("INSERT INTO tx VALUES (3, 3)")
    cur.execute("RELEASE SAVEPOINT a")
    conn.commit()
    cur.execute("SELECT id FROM tx ORDER BY id")
    equal(cur.fetchall(), [(1,), (3,)])
    conn.commit()
    code("23505", cur, "INSERT INTO tx VALUES (1, 1)")
    equal(conn.get_transaction_status(), psycopg2.extensions.TRANSACTION_STATUS_INERROR)
    code("25P02", cur, "SELECT 1")
    conn.rollback()
    equal(conn.get_transaction_status(), psycopg2.extensions.TRANSACTION_STATUS_IDLE)
    with conn:
        cur.execute("UPDATE tx SET v = v + 10 WHERE id = %s", (1,))
    equal(one_row(cur, "SELECT v FROM tx WHERE id = 1"), (11,))
    conn.commit()


def code(sqlstate, cur, sql, params=None):
    raises(sqlstate, lambda: cur.execute(sql, params), lambda error: getattr(error, "pgcode", None))


def errors(conn):
    cur = conn.cursor()
    cur.execute("DROP TABLE IF EXISTS er2")
    cur.execute("DROP TABLE IF EXISTS er")
    cur.execute("CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)")
    cur.execute("CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))")
    cur.execute("INSERT INTO er VALUES (1, 'a')")
    conn.commit()
    for state, sql, params in [
        ("42P01", "SELECT * FROM no_such_table", None),
        ("42703", "SELECT no_such_column FROM er", None),
        ("23505", "INSERT INTO er VALUES (%s, %s)", (1, "b")),
        ("23502", "INSERT INTO er VALUES (%s, %s)", (2, None)),
        ("23503", "INSERT INTO er2 VALUES (%s, %s)", (1, 77)),
        ("22P02", "SELECT * FROM er WHERE id = %s", ("abc",)),
        ("42601", "SELEC 1", None),
    ]:
        checks.check(f"error {state}: {sql}", lambda s=state, q=sql, p=params: code(s, cur, q, p))
        conn.rollback()


def main():
    conn = psycopg2.connect("")
    cur = conn.cursor()
    checks.check("connect and SELECT 1", lambda: equal(one_row(cur, "SELECT 1"), (1,)))
    checks.check("server_version", lambda: equal(conn.server_version >= 140000, True))
    conn.set_client_encoding("UTF8")
    conn.commit()
    round_trips(conn)
    for name, run in [("batches", batches), ("fetching", fetching), ("COPY FROM STDIN", copying), ("transactions", transactions)]:
        checks.check(name, lambda run=run: run(conn))
        conn.rollback()
    for name, run in [("named cursor", named_cursor), ("scrolled cursor", scrolled_cursor), ("cursor with hold", held_cursor)]:
        checks.check(name, lambda run=run: run(conn))
        conn.rollback()
    errors(conn)
    for table in ("ty", "ba", "cp", "tx", "er2", "er"):
        checks.check(f"drop table {table}", lambda table=table: cur.execute(f"DROP TABLE IF EXISTS {table}"))
        conn.commit()
    conn.close()
    checks.close()


main()
