"""asyncpg: binary everywhere, statement cache, executemany, cursors, COPY, pools, transactions, errors."""

import asyncio
import io
import datetime as dt
import decimal
import uuid

import asyncpg

from checks import Checks, equal

D = decimal.Decimal
UTC = dt.timezone.utc

VALUES = [
    ("b", "boolean", [True, False]),
    ("i2", "smallint", [0, -32768, 32767]),
    ("i4", "integer", [0, 42, -2147483648, 2147483647]),
    ("i8", "bigint", [0, -9223372036854775807, 9223372036854775807]),
    ("f8", "double precision", [0.0, 1.5, -2.25, 0.1, 1e-10]),
    ("n", "numeric(20,6)", [D("0.000000"), D("12345678901234.567890"), D("-1.500000")]),
    ("t", "text", ["plain", "", "it's \"quoted\" \\ back", "häß ☃ 漢字 😀", "x" * 3000]),
    ("v", "varchar(40)", ["plain", "", "Grüße"]),
    ("y", "bytea", [b"", b"\x00\x01\xfe\xff", bytes(range(256))]),
    ("d", "date", [dt.date(2026, 11, 24), dt.date(1970, 1, 1), dt.date(1899, 12, 31)]),
    ("tm", "time", [dt.time(0, 0), dt.time(12, 34, 56, 789000)]),
    ("ts", "timestamp", [dt.datetime(2026, 11, 24, 1, 2, 3), dt.datetime(2000, 2, 29, 23, 59, 59, 123456)]),
    ("tz", "timestamptz", [dt.datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)]),
    ("u", "uuid", [uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")]),
]

checks = Checks()


async def check(name, awaitable):
    try:
        await awaitable
    except Exception as error:  # noqa: BLE001
        checks.fail(name, error)
    else:
        checks.ok(name)


async def code(sqlstate, awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        equal(error.sqlstate, sqlstate, "SQLSTATE")
    else:
        raise AssertionError(f"expected SQLSTATE {sqlstate}, got no error")


async def round_trips(conn):
    await conn.execute("DROP TABLE IF EXISTS ty")
    await conn.execute("CREATE TABLE ty (id integer PRIMARY KEY, " + ", ".join(f"{n} {t}" for n, t, _ in VALUES) + ")")
    ids = iter(range(1, 1000))

    async def one(name, values):
        for value in [*values, None]:
            n = next(ids)
            equal(await conn.execute(f"INSERT INTO ty (id, {name}) VALUES ($1, $2)", n, value), "INSERT 0 1")
            equal(await conn.fetchval(f"SELECT {name} FROM ty WHERE id = $1", n), value, name)

    for name, sqltype, values in VALUES:
        await check(f"round trip {sqltype}", one(name, values))


async def statement_cache(conn):
    """The second use of a text is a Bind of its cached statement."""
    await conn.execute("DROP TABLE IF EXISTS sc")
    await conn.execute("CREATE TABLE sc (id integer PRIMARY KEY, name varchar(50))")
    for n in range(30):
        await conn.execute("INSERT INTO sc (id, name) VALUES ($1, $2)", n, f"name {n}")
    for n in range(30):
        equal(await conn.fetchval("SELECT name FROM sc WHERE id = $1", n), f"name {n}")
    stmt = await conn.prepare("SELECT id, name FROM sc WHERE id < $1 ORDER BY id")
    equal([p.name for p in stmt.get_parameters()], ["int4"])
    equal([a.name for a in stmt.get_attributes()], ["id", "name"])
    for n in (5, 0, 30):
        equal(len(await stmt.fetch(n)), n)
    equal(await stmt.fetchval(3, column=1), "name 0")


async def executemany(conn):
    await conn.execute("DROP TABLE IF EXISTS em")
    await conn.execute("CREATE TABLE em (id integer PRIMARY KEY, name varchar(50), amount numeric(10,2))")
    await conn.executemany("INSERT INTO em VALUES ($1, $2, $3)", [(n, f"n{n}", D(n) / 4) for n in range(500)])
    equal(tuple(await conn.fetchrow("SELECT count(*), sum(id) FROM em")), (500, 124750))
    # All or nothing: executemany is one implicit transaction.
    await code("23505", conn.executemany("INSERT INTO em VALUES ($1, $2, $3)", [(1000, "a", None), (1, "b", None)]))
    equal(await conn.fetchval("SELECT count(*) FROM em"), 500)


async def cursors(conn):
    async with conn.transaction():
        seen = [r["id"] async for r in conn.cursor("SELECT id FROM em ORDER BY id", prefetch=40)]
        equal(seen, list(range(500)))
        cur = await conn.cursor("SELECT id FROM em WHERE id >= $1 ORDER BY id", 100)
        equal([r[0] for r in await cur.fetch(5)], [100, 101, 102, 103, 104])
        equal((await cur.fetchrow())[0], 105)
        equal((await cur.fetchrow())[0], 106)


async def moved_cursor(conn):
    """`forward` is SQL's MOVE on the portal."""
    async with conn.transaction():
        cur = await conn.cursor("SELECT id FROM em ORDER BY id")
        equal(await cur.forward(10), 10)
        equal((await cur.fetchrow())[0], 10)


async def copying(conn):
    await conn.execute("DROP TABLE IF EXISTS cp")
    await conn.execute("CREATE TABLE cp (id integer PRIMARY KEY, name varchar(100))")

    async def rows():
        for n in range(1000):
            yield f"{n}\tname {n}\n".encode()

    equal(await conn.copy_to_table("cp", source=rows(), columns=["id", "name"]), "COPY 1000")
    equal(await conn.fetchval("SELECT name FROM cp WHERE id = 999"), "name 999")
    records = [(n, None if n % 3 == 0 else f"näme {n}") for n in range(1000, 3000)]
    equal(await conn.copy_records_to_table("cp", records=records), "COPY 2000")
    equal([tuple(row) for row in await conn.fetch("SELECT * FROM cp WHERE id >= 1000 ORDER BY id")], records)
    out = io.BytesIO()
    equal(await conn.copy_from_query("SELECT id, name FROM cp WHERE id < $1 ORDER BY id", 2, output=out, format="csv"), "COPY 2")
    equal(out.getvalue(), b"0,name 0\n1,name 1\n")
    out = io.BytesIO()
    equal(await conn.copy_from_table("cp", output=out, format="binary"), "COPY 3000")
    await conn.execute("DELETE FROM cp")
    out.seek(0)
    equal(await conn.copy_to_table("cp", source=out, format="binary"), "COPY 3000")
    equal(await conn.fetchval("SELECT count(name) FROM cp WHERE id >= 1000"), sum(name is not None for _, name in records))


async def transactions(conn):
    await conn.execute("DROP TABLE IF EXISTS tx")
    await conn.execute("CREATE TABLE tx (id integer PRIMARY KEY, v integer)")
    tr = conn.transaction()
    await tr.start()
    await conn.execute("INSERT INTO tx VALUES (1, 1)")
    await tr.rollback()
    equal(await conn.fetchval("SELECT count(*) FROM tx"), 0)
    async with conn.transaction():
        await conn.execute("INSERT INTO tx VALUES ($1, $2)", 1, 1)
        try:
            async with conn.transaction():
                await conn.execute("INSERT INTO tx VALUES ($1, $2)", 2, 2)
                await conn.execute("INSERT INTO tx VALUES ($1, $2)", 1, 1)
        except asyncpg.UniqueViolationError:
            pass
        async with conn.transaction():
            await conn.execute("INSERT INTO tx VALUES ($1, $2)", 3, 3)
    equal([r[0] for r in await conn.fetch("SELECT id FROM tx ORDER BY id")], [1, 3])
    tr = conn.transaction()
    await tr.start()
    await code("23505", conn.execute("INSERT INTO tx VALUES (1, 1)"))
    await code("25P02", conn.fetchval("SELECT count(*) FROM tx"))
    await tr.rollback()
    equal(conn.is_in_transaction(), False)
    equal(await conn.fetchval("SELECT count(*) FROM tx"), 2)


async def notifications(conn):
    """add_listener is called while the connection is idle, by other connections and by itself."""
    heard = asyncio.Queue()

    def hear(_, pid, channel, payload):
        heard.put_nowait((pid, channel, payload))

    sender = await asyncpg.connect()
    await conn.add_listener("apg", hear)
    await sender.execute("NOTIFY apg, 'one'")
    async with sender.transaction():
        await sender.execute("SELECT pg_notify($1, $2)", "apg", "two")
        await sender.fetchval("SELECT pg_notify('apg', $1)", "three")
    await conn.execute("NOTIFY apg")
    got = [await asyncio.wait_for(heard.get(), 10) for _ in range(4)]
    there, here = sender.get_server_pid(), conn.get_server_pid()
    equal(got, [(there, "apg", "one"), (there, "apg", "two"), (there, "apg", "three"), (here, "apg", "")])
    await conn.remove_listener("apg", hear)
    await sender.execute("NOTIFY apg, 'nobody'")
    await asyncio.sleep(0.2)
    equal(heard.empty(), True)
    await sender.close()


async def advisory_locks(conn):
    other = await asyncpg.connect()
    await conn.fetchval("SELECT pg_advisory_lock($1)", 401)
    equal(await other.fetchval("SELECT pg_try_advisory_lock($1)", 401), False)
    waiting = asyncio.create_task(other.fetchval("SELECT pg_try_advisory_lock(1), pg_advisory_lock($1)", 401))
    await asyncio.sleep(0.2)
    equal(waiting.done(), False)
    equal(await conn.fetchval("SELECT pg_advisory_unlock($1::bigint)", 401), True)
    equal(await asyncio.wait_for(waiting, 10), True)
    # Cancelled by the client: asyncpg sends a CancelRequest.
    try:
        await conn.fetchval("SELECT pg_advisory_lock($1)", 401, timeout=0.2)
    except asyncio.TimeoutError:
        pass
    else:
        raise AssertionError("the lock is held by another")
    async with conn.transaction():
        equal(await conn.fetchval("SELECT pg_try_advisory_xact_lock($1, $2)", 401, 1), True)
        equal(await other.fetchval("SELECT pg_try_advisory_lock(401, 1)"), False)
    equal(await other.fetchval("SELECT pg_try_advisory_lock(401, 1)"), True)
    # What a pool sends when a connection comes back.
    await other.reset()
    equal(await conn.fetchval("SELECT pg_try_advisory_lock(401)"), True)
    await conn.execute("SELECT pg_advisory_unlock_all()")
    await other.close()


async def errors(conn):
    await conn.execute("DROP TABLE IF EXISTS er2")
    await conn.execute("DROP TABLE IF EXISTS er")
    await conn.execute("CREATE TABLE er (id integer PRIMARY KEY, name varchar(5) NOT NULL)")
    await conn.execute("CREATE TABLE er2 (id integer PRIMARY KEY, er_id integer REFERENCES er (id))")
    await conn.execute("INSERT INTO er VALUES (1, 'a')")
    for sqlstate, sql, params in [
        ("42P01", "SELECT * FROM no_such_table", ()),
        ("42703", "SELECT no_such_column FROM er", ()),
        ("23505", "INSERT INTO er VALUES ($1, $2)", (1, "b")),
        ("23502", "INSERT INTO er VALUES ($1, $2)", (2, None)),
        ("23503", "INSERT INTO er2 VALUES ($1, $2)", (1, 77)),
        ("22P02", "SELECT * FROM er WHERE id = 'abc'", ()),
        ("42601", "SELEC 1", ()),
    ]:
        await check(f"error {sqlstate}: {sql}", code(sqlstate, conn.fetch(sql, *params)))


async def changed_tables(conn):
    """A cached statement whose table changes: asyncpg prepares it again by itself when the answer names the routine."""
    other = await asyncpg.connect()
    query = "SELECT * FROM ch WHERE id = $1"

    async def row():
        return dict(await conn.fetchrow(query, 1))

    for changer in (conn, other):
        await conn.execute("DROP TABLE IF EXISTS ch")
        await conn.execute("CREATE TABLE ch (id integer PRIMARY KEY, a varchar(10))")
        await conn.execute("INSERT INTO ch VALUES (1, 'x')")
        equal(await row(), {"id": 1, "a": "x"})
        equal(await conn.fetchval("SELECT a FROM ch WHERE id = $1", 1), "x")
        await changer.execute("ALTER TABLE ch ADD COLUMN b integer")
        equal(await row(), {"id": 1, "a": "x", "b": None})
        # The shape of this one is what it was.
        equal(await conn.fetchval("SELECT a FROM ch WHERE id = $1", 1), "x")
        await changer.execute("ALTER TABLE ch DROP COLUMN a")
        equal(await row(), {"id": 1, "b": None})
        await changer.execute("DROP TABLE ch")
        await changer.execute("CREATE TABLE ch (id integer PRIMARY KEY, c text)")
        await changer.execute("INSERT INTO ch VALUES (1, 'y')")
        equal(await row(), {"id": 1, "c": "y"})
        async with conn.transaction():
            equal(await row(), {"id": 1, "c": "y"})
        await changer.execute("ALTER TABLE ch ADD COLUMN d text")
        # A transaction is lost, and the next attempt works.
        try:
            async with conn.transaction():
                await row()
        except asyncpg.exceptions.InvalidCachedStatementError:
            pass
        else:
            raise AssertionError("a cached statement was used in a transaction after its table had changed")
        equal(await row(), {"id": 1, "c": "y", "d": None})
    await other.close()


async def pool():
    async with asyncpg.create_pool(min_size=2, max_size=8) as p:
        # More users than connections; each release resets its connection.
        values = await asyncio.gather(*(p.fetchval("SELECT count(*) FROM em WHERE id < $1", n) for n in range(40)))
        equal(values, list(range(40)))


async def main():
    conn = await asyncpg.connect()
    await check("connect and SELECT 1", equal_async(conn.fetchval("SELECT 1"), 1))
    await round_trips(conn)
    for name, run in [
        ("statement cache", statement_cache),
        ("executemany", executemany),
        ("cursors", cursors),
        ("COPY FROM STDIN", copying),
        ("transactions", transactions),
        ("tables that change", changed_tables),
        ("notifications", notifications),
        ("advisory locks", advisory_locks),
    ]:
        await check(name, run(conn))
    await check("cursor moved forward", moved_cursor(conn))
    await errors(conn)
    await check("pool", pool())
    for table in ("ty", "sc", "em", "cp", "tx", "ch", "er2", "er"):
        await check(f"drop table {table}", conn.execute(f"DROP TABLE IF EXISTS {table}"))
    await conn.close()
    checks.close()


async def equal_async(awaitable, expected):
    equal(await awaitable, expected)


asyncio.run(main())
