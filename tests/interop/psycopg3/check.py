"""psycopg 3: sync, async, pipeline, binary, server-side parameters, prepared statements, transactions, errors."""

import asyncio
import datetime as dt
import decimal
import uuid

import psycopg
from psycopg.rows import dict_row

from checks import Checks, equal, raises

UTC = dt.timezone.utc
D = decimal.Decimal

# column, SQL type, values to send and receive
VALUES = [
    ("b", "boolean", [True, False]),
    ("i2", "smallint", [0, 1, -32768, 32767]),
    ("i4", "integer", [0, 42, -2147483648, 2147483647]),
    ("i8", "bigint", [0, -9223372036854775807, 9223372036854775807]),
    ("f8", "double precision", [0.0, 1.5, -2.25, 0.1, 1e-10, 123456789.125]),
    ("n", "numeric(20,6)", [D("0.000000"), D("12345678901234.567890"), D("-1.500000")]),
    ("t", "text", ["plain", "", " padded ", "it's \"quoted\" \\ back", "häß ☃ 漢字 😀", "x" * 3000]),
    ("v", "varchar(40)", ["plain", "", "Grüße"]),
    ("y", "bytea", [b"", b"\x00\x01\xfe\xff", b"plain", bytes(range(256)) * 4]),
    ("d", "date", [dt.date(2026, 11, 24), dt.date(1970, 1, 1), dt.date(1899, 12, 31)]),
    ("tm", "time", [dt.time(0, 0), dt.time(23, 59, 59), dt.time(12, 34, 56, 789000)]),
    ("ts", "timestamp", [dt.datetime(2026, 11, 24, 1, 2, 3), dt.datetime(2000, 2, 29, 23, 59, 59, 123456)]),
    ("tz", "timestamptz", [dt.datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC), dt.datetime(1999, 12, 31, 23, 59, 59, 500000, tzinfo=UTC)]),
    ("u", "uuid", [uuid.UUID("12345678-9abc-def0-1234-56789abcdef0"), uuid.UUID(int=0)]),
]

checks = Checks()


def sqlstate(code, run):
    raises(code, run, lambda error: getattr(error, "sqlstate", None))


def create_types(conn, table):
    conn.execute(f"DROP TABLE IF EXISTS {table}")
    columns = ", ".join(f"{name} {sqltype}" for name, sqltype, _ in VALUES)
    conn.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {columns})")


def round_trips(conn, table, binary):
    """Every value of every type: as a parameter, stored, fetched, and compared in a WHERE."""
    next_id = [0]
    cur = conn.cursor(binary=binary)
    for name, sqltype, values in VALUES:
        def one(name=name, values=values):
            for value in [*values, None]:
                next_id[0] += 1
                placeholder = "%b" if binary and not isinstance(value, (str, type(None))) else "%s"
                cur.execute(f"INSERT INTO {table} (id, {name}) VALUES (%s, {placeholder})", (next_id[0], value))
                equal(cur.rowcount, 1, "rowcount")
                row = cur.execute(f"SELECT {name} FROM {table} WHERE id = %s", (next_id[0],)).fetchone()
                equal(row[0], value, name)
        checks.check(f"{'binary' if binary else 'text'} round trip {sqltype}", one)
        conn.rollback()


def where_by_parameter(conn, table):
    conn.execute(f"DELETE FROM {table}")
    for n, (name, _, values) in enumerate(VALUES):
        conn.execute(f"INSERT INTO {table} (id, {name}) VALUES (%s, %s)", (n, values[-1]))
    for n, (name, sqltype, values) in enumerate(VALUES):
        if sqltype in ("bytea", "double precision"):
            continue
        rows = conn.execute(f"SELECT id FROM {table} WHERE {name} = %s", (values[-1],)).fetchall()
        equal(rows, [(n,)], name)
    conn.commit()


def prepared(conn):
    """The sixth execution is of a named statement: prepare_threshold is 5."""
    conn.execute("DROP TABLE IF EXISTS ps")
    conn.execute("CREATE TABLE ps (id integer PRIMARY KEY, name varchar(50))")
    conn.commit()
    for n in range(20):
        conn.execute("INSERT INTO ps (id, name) VALUES (%s, %s)", (n, f"name {n}"))
    for n in range(20):
        row = conn.execute("SELECT name FROM ps WHERE id = %s", (n,)).fetchone()
        equal(row, (f"name {n}",))
    conn.commit()
    assert len(conn._prepared._names) >= 2, "statements were not prepared"
    # Prepared at once, and through a change of the table.
    equal(conn.execute("SELECT count(*) FROM ps WHERE id < %s", (10,), prepare=True).fetchone(), (10,))
    conn.execute("DELETE FROM ps WHERE id >= %s", (10,), prepare=True)
    equal(conn.execute("SELECT count(*) FROM ps WHERE id < %s", (100,), prepare=True).fetchone(), (10,))
    conn.commit()


def executemany(conn):
    conn.execute("DROP TABLE IF EXISTS em")
    conn.execute("CREATE TABLE em (id integer PRIMARY KEY, name varchar(50), amount numeric(10,2))")
    cur = conn.cursor()
    cur.executemany("INSERT INTO em VALUES (%s, %s, %s)", [(n, f"n{n}", D(n) / 4) for n in range(500)])
    equal(cur.rowcount, 500, "rowcount")
    equal(conn.execute("SELECT count(*), sum(id) FROM em").fetchone(), (500, 124750))
    cur.executemany("UPDATE em SET name = %s WHERE id = %s", [(f"u{n}", n) for n in range(0, 500, 2)])
    equal(cur.rowcount, 250, "rowcount")
    cur.executemany("SELECT name FROM em WHERE id = %s", [(1,), (2,)], returning=True)
    equal(cur.fetchall(), [("n1",)])
    assert cur.nextset()
    equal(cur.fetchall(), [("u2",)])
    conn.commit()


def pipeline(conn):
    conn.execute("DROP TABLE IF EXISTS pl")
    conn.execute("CREATE TABLE pl (id integer PRIMARY KEY, v integer)")
    conn.commit()
    with conn.pipeline() as p:
        for n in range(100):
            conn.execute("INSERT INTO pl VALUES (%s, %s)", (n, n * n))
        cur = conn.execute("SELECT sum(v) FROM pl")
        p.sync()
        equal(cur.fetchone(), (328350,))
    conn.commit()
    try:
        with conn.pipeline() as p:
            conn.execute("INSERT INTO pl VALUES (1000, 1)")
            conn.execute("INSERT INTO pl VALUES (1000, 2)")
            conn.execute("INSERT INTO pl VALUES (1001, 3)")
            p.sync()
    except psycopg.errors.UniqueViolation:
        pass
    else:
        raise AssertionError("a duplicate key in a pipeline raised nothing")
    conn.rollback()
    equal(conn.execute("SELECT count(*) FROM pl").fetchone(), (100,))
    conn.commit()


def fetching(conn):
    conn.execute("DROP TABLE IF EXISTS fe")
    conn.execute("CREATE TABLE fe (id integer PRIMARY KEY, pad varchar(200))")
    conn.cursor().executemany("INSERT INTO fe VALUES (%s, %s)", [(n, "p" * (n % 150)) for n in range(3000)])
    cur = conn.execute("SELECT id, pad FROM fe ORDER BY id")
    equal(cur.rowcount, 3000, "rowcount")
    equal(cur.fetchmany(10), [(n, "p" * n) for n in range(10)])
    equal(len(cur.fetchall()), 2990)
    equal([r[0] for r in conn.cursor().stream("SELECT id FROM fe ORDER BY id")], list(range(3000)))
    equal([c.name for c in cur.description], ["id", "pad"])
    rows = conn.cursor(row_factory=dict_row).execute("SELECT id AS \"Id\", pad FROM fe WHERE id = 3").fetchall()
    equal(rows, [{"Id": 3, "pad": "ppp"}])
    conn.commit()


def copy_in(conn):
    conn.execute("DROP TABLE IF EXISTS ci")
    conn.execute("CREATE TABLE ci (id integer PRIMARY KEY, name varchar(100), d date)")
    with conn.cursor().copy("COPY ci (id, name, d) FROM STDIN") as copy:
        for n in range(2000):
            copy.write_row((n, None if n % 7 == 0 else f"tab\there {n} \\ é", dt.date(2026, 1, 1)))
    equal(conn.execute("SELECT count(*), count(name) FROM ci").fetchone(), (2000, 1714))
    equal(conn.execute("SELECT name, d FROM ci WHERE id = 5").fetchone(), ("tab\there 5 \\ é", dt.date(2026, 1, 1)))
    conn.commit()
    try:
        with conn.cursor().copy("COPY ci FROM STDIN") as copy:
            copy.write("5000\tx\t2026-01-01\nnot a number\ty\t2026-01-01\n")
    except psycopg.errors.InvalidTextRepresentation:
        pass
    else:
        raise AssertionError("a bad row raised nothing")
    conn.rollback()
    equal(conn.execute("SELECT count(*) FROM ci").fetchone(), (2000,))
    conn.commit()


def copy_out(conn):
    conn.execute("DROP TABLE IF EXISTS co")
    conn.execute("CREATE TABLE co (id integer PRIMARY KEY, name varchar(100), d date, n numeric(10,2))")
    rows = [(n, None if n % 7 == 0 else f'tab\t"here" {n}\n', dt.date(2026, 1, 1), D(n) / 4) for n in range(2000)]
    with conn.cursor().copy("COPY co FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "varchar", "date", "numeric"])
        for row in rows:
            copy.write_row(row)
    with conn.cursor().copy("COPY (SELECT * FROM co ORDER BY id) TO STDOUT (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "varchar", "date", "numeric"])
        equal(list(copy.rows()), rows)
    with conn.cursor().copy("COPY (SELECT id, name FROM co WHERE id < 3 ORDER BY id) TO STDOUT") as copy:
        equal(list(copy.rows()), [("0", None), ("1", 'tab\t"here" 1\n'), ("2", 'tab\t"here" 2\n')])
    with conn.cursor().copy("COPY (SELECT id, name FROM co WHERE id < 2 ORDER BY id) TO STDOUT (FORMAT CSV, HEADER)") as copy:
        equal(b"".join(copy), b'id,name\n0,\n1,"tab\t""here"" 1\n"\n')
    conn.commit()


def transactions(conn):
    conn.execute("DROP TABLE IF EXISTS tx")
    conn.execute("CREATE TABLE tx (id integer PRIMARY KEY, v integer)")
    conn.commit()
    conn.execute("INSERT INTO tx VALUES (1, 1)")
    conn.rollback()
    equal(conn.execute("SELECT count(*) FROM tx").fetchone(), (0,))
    conn.commit()
    with conn.transaction():
        conn.execute("INSERT INTO tx VALUES (1, 1)")
        try:
            with conn.transaction():
                conn.execute("INSERT INTO tx VALUES (2, 2)")
                conn.execute("INSERT INTO tx VALUES (1, 3)")
        except psycopg.errors.UniqueViolation:
            pass
        with conn.transaction():
            conn.execute("INSERT INTO tx VALUES (3, 3)")
    equal(conn.execute("SELECT id FROM tx ORDER BY id").fetchall(), [(1,), (3,)])
    conn.commit()
    # An error fails the transaction until it is rolled back.
    conn.execute("INSERT INTO tx VALUES (4, 4)")
    sqlstate("23505", lambda: conn.execute("INSERT INTO tx VALUES (1, 1)"))
    equal(conn.info.transaction_status.name, "INERROR")
    sqlstate("25P02", lambda: conn.execute("SELECT 1"))
    conn.rollback()
    equal(conn.info.transaction_status.name, "IDLE")
    equal(conn.execute("SELECT count(*) FROM tx").fetchone(), (2,))
    conn.commit()


def autocommit(conn):
    conn.autocommit = True
    try:
        conn.execute("DELETE FROM tx")
        equal(conn.info.transaction_status.name, "IDLE")
        conn.execute("INSERT INTO tx VALUES (9, 9)")
        sqlstate("23505", lambda: conn.execute("INSERT INTO tx VALUES (9, 9)"))
        equal(conn.execute("SELECT v FROM tx").fetchall(), [(9,)])
    finally:
        conn.autocommit = False


def two_connections(conn):
    """What one has not committed the other does not see; what it has committed, it does."""
    conn.execute("DELETE FROM tx")
    conn.commit()
    with psycopg.connect("") as other:
        conn.execute("INSERT INTO tx VALUES (1, 10)")
        conn.commit()
        equal(other.execute("SELECT v FROM tx WHERE id = 1").fetchone(), (10,))


def notifications():
    """Heard while waiting, heard with the answer of a query, not heard from a transaction that is rolled back."""
    with psycopg.connect("", autocommit=True) as listener, psycopg.connect("") as sender:
        listener.execute("LISTEN ps3")
        sender.execute("NOTIFY ps3, 'waiting'")
        sender.execute("SELECT pg_notify(%s, %s)", ("ps3", "by function"))
        sender.execute("SELECT pg_notify(%b, %b)", ("ps3", "binary"))
        equal(list(listener.notifies(timeout=0.2)), [], "before commit")
        sender.commit()
        heard = list(listener.notifies(timeout=10, stop_after=3))
        equal([n.payload for n in heard], ["waiting", "by function", "binary"])
        equal({(n.channel, n.pid) for n in heard}, {("ps3", sender.info.backend_pid)})
        sender.execute("NOTIFY ps3, 'never'")
        sender.rollback()
        seen = []
        listener.add_notify_handler(lambda n: seen.append(n.payload))
        sender.execute("NOTIFY ps3, 'with an answer'")
        sender.commit()
        for _ in range(100):
            listener.execute("SELECT 1")
            if seen:
                break
        equal(seen, ["with an answer"])


async def listening():
    """The asynchronous generator wakes for what another connection says."""
    listener = await psycopg.AsyncConnection.connect("", autocommit=True)
    sender = await psycopg.AsyncConnection.connect("", autocommit=True)
    async with listener, sender:
        await listener.execute("LISTEN ps3a")

        async def say():
            for n in range(20):
                await sender.execute("SELECT pg_notify('ps3a', %s)", (str(n),))

        task = asyncio.create_task(say())
        heard = [n.payload async for n in listener.notifies(timeout=10, stop_after=20)]
        await task
        equal(heard, [str(n) for n in range(20)])


def advisory_locks(conn):
    with psycopg.connect("", autocommit=True) as other:
        equal(conn.execute("SELECT pg_advisory_lock(%s)", (301,)).fetchone(), ("",))
        equal(other.execute("SELECT pg_try_advisory_lock(%s)", (301,)).fetchone(), (False,))
        equal(other.cursor(binary=True).execute("SELECT pg_try_advisory_lock(%b)", (301,)).fetchone(), (False,))
        conn.rollback()
        equal(other.execute("SELECT pg_try_advisory_lock(301) AS acquired").fetchone(), (False,))
        equal(conn.execute("SELECT pg_advisory_unlock(301), pg_advisory_unlock(301)").fetchone(), (True, False))
        equal(other.execute("SELECT pg_try_advisory_lock(%s, %s)", (301, -1)).fetchone(), (True,))
        other.execute("SET lock_timeout = '50ms'")
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (302,))
        sqlstate("55P03", lambda: other.execute("SELECT pg_advisory_lock(302)"))
        conn.commit()
        equal(other.execute("SELECT pg_try_advisory_lock(302)").fetchone(), (True,))


def server_cursors(conn):
    """DECLARE with parameters in the extended protocol, FETCH in text and in binary format, MOVE. After `fetching`."""
    for binary in (False, True):
        with conn.cursor("walk", binary=binary) as cur:
            cur.execute("SELECT id, pad FROM fe WHERE id >= %s ORDER BY id", (100,))
            equal([column.name for column in cur.description], ["id", "pad"])
            equal(cur.fetchone(), (100, "p" * 100))
            cur.itersize = 333
            equal([row[0] for row in cur], list(range(101, 3000)))
    with conn.cursor("scrolled", scrollable=True) as cur:
        cur.execute("SELECT id FROM fe ORDER BY id")
        cur.scroll(1000, mode="absolute")
        equal(cur.fetchmany(2), [(1000,), (1001,)])
        cur.scroll(-4)
        equal(cur.fetchone(), (998,))
    with conn.cursor("held", withhold=True) as cur:
        cur.execute("SELECT id FROM fe ORDER BY id")
        equal(cur.fetchone(), (0,))
        conn.commit()
        equal([row[0] for row in cur], list(range(1, 3000)))
    sqlstate("42703", lambda: conn.cursor("wrong").execute("SELECT no_such_column FROM fe"))


def plans_as_json():
    with psycopg.connect("", autocommit=True) as conn:
        conn.execute("CREATE TABLE pj_a (id int PRIMARY KEY, b text)")
        conn.execute("CREATE TABLE pj_c (id int PRIMARY KEY, a_id int)")
        query = "SELECT a.b, c.id FROM pj_a a LEFT JOIN pj_c c ON c.a_id = a.id"
        ((plan,),) = conn.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {query} WHERE a.id > %s", [3]).fetchall()
        equal(plan[0]["Plan"]["Output"], ["a.b", "c.id"])
        equal("Left" in repr(plan) or "Right" in repr(plan), True)
        conn.execute(f"PREPARE pj_plan (int) AS {query} WHERE a.id = $1")
        ((plan,),) = conn.execute("EXPLAIN (FORMAT JSON, VERBOSE) EXECUTE pj_plan(NULL)").fetchall()
        equal(len(plan[0]["Plan"]["Output"]), 2)
        sqlstate("42601", lambda: conn.execute("EXPLAIN (FORMAT JSON) EXECUTE pj_plan(1, 2)"))
        sqlstate("26000", lambda: conn.execute("EXPLAIN (FORMAT JSON) EXECUTE pj_none"))
        conn.execute("DEALLOCATE pj_plan")
        conn.execute("DROP TABLE pj_c")
        conn.execute("DROP TABLE pj_a")


def errors(conn):
    conn.execute("DROP TABLE IF EXISTS er2")
    conn.execute("DROP TABLE IF EXISTS er")
    conn.execute("CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)")
    conn.execute("CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))")
    conn.execute("INSERT INTO er VALUES (1, 'a')")
    conn.commit()
    for code, sql, params in [
        ("42P01", "SELECT * FROM no_such_table", None),
        ("42703", "SELECT no_such_column FROM er", None),
        ("23505", "INSERT INTO er VALUES (%s, %s)", (1, "b")),
        ("23502", "INSERT INTO er VALUES (%s, %s)", (2, None)),
        ("23503", "INSERT INTO er2 VALUES (%s, %s)", (1, 77)),
        ("22P02", "SELECT * FROM er WHERE id = %s", ("abc",)),
        ("22P02", "SELECT * FROM er WHERE id = 'abc'", None),
        ("42601", "SELEC 1", None),
        ("22001", "INSERT INTO er VALUES (3, %s)", ("far too long",)),
        ("22012", "SELECT 1 / (id - 1) FROM er", None),
    ]:
        def one(code=code, sql=sql, params=params):
            sqlstate(code, lambda: conn.execute(sql, params))
        checks.check(f"error {code}: {sql}", one)
        conn.rollback()


def server_parameters():
    """Raw parameters with unknown type; ClientCursor, RawCursor and an explicit prepared statement."""
    with psycopg.connect("", cursor_factory=psycopg.RawCursor) as conn:
        conn.execute("DROP TABLE IF EXISTS rw")
        conn.execute("CREATE TABLE rw (id integer PRIMARY KEY, a varchar(20), b integer)")
        conn.execute("INSERT INTO rw (b, id, a) VALUES ($3, $1, $2)", (1, "one", 100))
        equal(conn.execute("SELECT b, a FROM rw WHERE id = $1 OR id = $1 + 1000", (1,)).fetchall(), [(100, "one")])
    with psycopg.connect("", cursor_factory=psycopg.ClientCursor) as conn:
        conn.execute("INSERT INTO rw VALUES (%s, %s, %s)", (2, "it's", None))
        equal(conn.execute("SELECT a, b FROM rw WHERE a = %s", ("it's",)).fetchone(), ("it's", None))


def changed_tables():
    """Statements past the threshold whose table changes."""
    with psycopg.connect("", autocommit=True, prepare_threshold=0) as conn, psycopg.connect("", autocommit=True) as other:
        for changer in (conn, other):
            conn.execute("DROP TABLE IF EXISTS ch")
            conn.execute("CREATE TABLE ch (id integer PRIMARY KEY, a varchar(10))")
            conn.execute("INSERT INTO ch VALUES (1, 'x')")
            star, named = "SELECT * FROM ch WHERE id = %s", "SELECT a FROM ch WHERE id = %s"
            for _ in range(3):
                equal(conn.execute(star, (1,)).fetchone(), (1, "x"))
                equal(conn.execute(named, (1,)).fetchone(), ("x",))
            changer.execute("ALTER TABLE ch ADD COLUMN b integer")
            equal(conn.execute(named, (1,)).fetchone(), ("x",))
            if changer is other:
                # Of its own changes psycopg knows, and prepares anew.
                try:
                    conn.execute(star, (1,))
                except psycopg.errors.FeatureNotSupported as error:
                    equal(error.diag.message_primary, "cached plan must not change result type")
                    equal(error.diag.source_function, "RevalidateCachedQuery")
                else:
                    raise AssertionError("the columns of a prepared statement have changed in silence")
                conn.execute("DEALLOCATE ALL")
            equal(conn.execute(star, (1,)).fetchone(), (1, "x", None))


def violations():
    """What a program reads of a violated constraint."""
    with psycopg.connect("", autocommit=True) as conn:
        conn.execute("DROP TABLE IF EXISTS vi2")
        conn.execute("DROP TABLE IF EXISTS vi")
        conn.execute("CREATE TABLE vi (id integer PRIMARY KEY, u varchar(5) UNIQUE, n integer NOT NULL)")
        conn.execute("CREATE TABLE vi2 (id integer PRIMARY KEY, vi_id integer REFERENCES vi (id))")
        conn.execute("INSERT INTO vi VALUES (1, 'a', 1)")
        for error_class, sql, values, told in [
            (psycopg.errors.UniqueViolation, "INSERT INTO vi VALUES (%s, %s, %s)", (1, "b", 1), ("public", "vi", None, "vi_pkey", "Key (id)=(1) already exists.")),
            (psycopg.errors.UniqueViolation, "INSERT INTO vi VALUES (%s, %s, %s)", (2, "a", 1), ("public", "vi", None, "vi_u_key", "Key (u)=(a) already exists.")),
            (psycopg.errors.NotNullViolation, "INSERT INTO vi VALUES (%s, %s, %s)", (2, "b", None), ("public", "vi", "n", None, "Failing row contains (2, b, null).")),
            (psycopg.errors.ForeignKeyViolation, "INSERT INTO vi2 VALUES (%s, %s)", (1, 77), ("public", "vi2", None, "vi2_vi_id_fkey", 'Key (vi_id)=(77) is not present in table "vi".')),
        ]:
            try:
                conn.execute(sql, values)
            except error_class as error:
                diag = error.diag
                detail = diag.message_detail.split("\n")[0]
                equal((diag.schema_name, diag.table_name, diag.column_name, diag.constraint_name, detail), told)
            else:
                raise AssertionError(f"{sql} {values}: no error")


async def asynchronous():
    conn = await psycopg.AsyncConnection.connect("")
    async with conn:
        await conn.execute("DROP TABLE IF EXISTS asy")
        await conn.execute("CREATE TABLE asy (id integer PRIMARY KEY, v varchar(20))")
        for n in range(12):
            await conn.execute("INSERT INTO asy VALUES (%s, %s)", (n, str(n)))
        cur = await conn.execute("SELECT count(*) FROM asy")
        equal(await cur.fetchone(), (12,))
        async with conn.pipeline():
            cursors = [await conn.execute("SELECT v FROM asy WHERE id = %s", (n,)) for n in range(12)]
            equal([(await c.fetchone())[0] for c in cursors], [str(n) for n in range(12)])
        await conn.commit()
    conns = await asyncio.gather(*(psycopg.AsyncConnection.connect("", autocommit=True) for _ in range(8)))
    cursors = await asyncio.gather(*(c.execute("SELECT v FROM asy WHERE id = %s", (n,)) for n, c in enumerate(conns)))
    equal([(await c.fetchone())[0] for c in cursors], [str(n) for n in range(8)])
    await asyncio.gather(*(c.close() for c in conns))


def main():
    with psycopg.connect("") as conn:
        checks.check("connect and SELECT 1", lambda: equal(conn.execute("SELECT 1").fetchone(), (1,)))
        checks.check("server_version", lambda: equal(conn.info.server_version >= 140000, True))
        checks.check("encoding", lambda: equal(conn.info.encoding, "utf-8"))
        conn.commit()
        for binary in (False, True):
            checks.check("create table of all types", lambda: create_types(conn, "ty"))
            conn.commit()
            round_trips(conn, "ty", binary)
        for name, run in [
            ("parameters compared with columns", lambda: where_by_parameter(conn, "ty")),
            ("prepared statements past the threshold", lambda: prepared(conn)),
            ("executemany", lambda: executemany(conn)),
            ("pipeline", lambda: pipeline(conn)),
            ("fetching", lambda: fetching(conn)),
            ("server cursors", lambda: server_cursors(conn)),
            ("COPY FROM STDIN", lambda: copy_in(conn)),
            ("COPY TO STDOUT and in binary", lambda: copy_out(conn)),
            ("transactions", lambda: transactions(conn)),
            ("autocommit", lambda: autocommit(conn)),
            ("two connections", lambda: two_connections(conn)),
            ("notifications", notifications),
            ("asynchronous notifications", lambda: asyncio.run(listening())),
            ("advisory locks", lambda: advisory_locks(conn)),
            ("plans as JSON", plans_as_json),
        ]:
            checks.check(name, run)
            conn.rollback()
        errors(conn)
        checks.check("server-side parameters", server_parameters)
        checks.check("tables that change", changed_tables)
        checks.check("fields of violations", violations)
        checks.check("asynchronous", lambda: asyncio.run(asynchronous()))
        for table in ("ty", "ps", "em", "pl", "fe", "ci", "tx", "er2", "er", "rw", "asy", "ch", "vi2", "vi"):
            checks.check(f"drop table {table}", lambda table=table: conn.execute(f"DROP TABLE IF EXISTS {table}"))
            conn.commit()
    checks.close()


main()
