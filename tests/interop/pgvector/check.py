"""pgvector-python: vectors go in as arrays of numpy and come back so, in text and binary."""

import asyncio

import asyncpg
import numpy as np
import pgvector.asyncpg
import pgvector.psycopg
import pgvector.psycopg2
import psycopg
import psycopg2

from checks import Checks, equal

checks = Checks()
VALUES = [np.array([1, 0, 0], np.float32), np.array([0.5, -2.25, 1e-3], np.float32), np.array([0, 1, 0], np.float32)]
CREATE = "CREATE TABLE pv (id integer PRIMARY KEY, embedding vector(3), note jsonb)"


def same(got, expected):
    equal(type(got).__name__, type(expected).__name__, "type")
    assert np.array_equal(got, expected), f"got {got!r}, expected {expected!r}"


def values(v):
    """Version 0.5 gives its own Vector, older ones an array."""
    return v.to_numpy() if hasattr(v, "to_numpy") else np.asarray(v, np.float32)


def check_rows(rows):
    equal([r[0] for r in rows], [1, 2, 3])
    for row, expected in zip(rows, VALUES):
        same(values(row[1]).astype(np.float32), expected)


def with_psycopg(conn, binary):
    """Parameters and results in text, or both in binary."""
    pgvector.psycopg.register_vector(conn)
    cursor = conn.cursor(binary=binary)
    mark = "%b" if binary else "%t"
    cursor.execute("DELETE FROM pv")
    for n, v in enumerate(VALUES, 1):
        cursor.execute(f"INSERT INTO pv (id, embedding) VALUES (%s, {mark})", (n, v))
    check_rows(cursor.execute("SELECT id, embedding FROM pv ORDER BY id").fetchall())
    nearest = cursor.execute(f"SELECT id FROM pv ORDER BY embedding <-> {mark} LIMIT 1", (VALUES[2],)).fetchone()
    equal(nearest[0], 3)
    found = cursor.execute(f"SELECT embedding <=> {mark} FROM pv WHERE id = 1", (VALUES[0],)).fetchone()[0]
    assert abs(found) < 1e-6, found


def description(conn):
    """The type of the column is the one that was registered."""
    cursor = conn.execute("SELECT id, embedding, note FROM pv")
    info = psycopg.types.TypeInfo.fetch(conn, "vector")
    equal([c.type_code for c in cursor.description], [23, info.oid, 3802])
    equal(info.name, "vector")


def types(conn):
    for name in ("vector", "halfvec", "sparsevec", "bit"):
        info = psycopg.types.TypeInfo.fetch(conn, name)
        assert info is not None and info.oid and info.array_oid, f"{name}: {info}"


def copy(conn):
    cursor = conn.cursor()
    cursor.execute("DELETE FROM pv")
    with cursor.copy("COPY pv (id, embedding) FROM STDIN") as data:
        for n, v in enumerate(VALUES, 1):
            data.write_row((n, v))
    check_rows(cursor.execute("SELECT id, embedding FROM pv ORDER BY id").fetchall())


def with_psycopg2():
    conn = psycopg2.connect("")
    try:
        pgvector.psycopg2.register_vector(conn)
        with conn.cursor() as cursor:
            cursor.execute("DELETE FROM pv")
            for n, v in enumerate(VALUES, 1):
                cursor.execute("INSERT INTO pv (id, embedding) VALUES (%s, %s)", (n, v))
            cursor.execute("SELECT id, embedding FROM pv ORDER BY id")
            check_rows(cursor.fetchall())
            cursor.execute("SELECT id FROM pv ORDER BY embedding <-> %s LIMIT 1", (VALUES[2],))
            equal(cursor.fetchone()[0], 3)
        conn.rollback()
    finally:
        conn.close()


async def with_asyncpg():
    conn = await asyncpg.connect()
    try:
        await pgvector.asyncpg.register_vector(conn)
        await conn.execute("DELETE FROM pv")
        await conn.executemany("INSERT INTO pv (id, embedding) VALUES ($1, $2)", list(enumerate(VALUES, 1)))
        check_rows([tuple(r) for r in await conn.fetch("SELECT id, embedding FROM pv ORDER BY id")])
        equal(await conn.fetchval("SELECT id FROM pv ORDER BY embedding <-> $1 LIMIT 1", VALUES[2]), 3)
        statement = await conn.prepare("SELECT embedding, note FROM pv WHERE embedding <-> $1 < 0.1")
        equal([p.name for p in statement.get_parameters()], ["vector"])
        equal([a.type.name for a in statement.get_attributes()], ["vector", "jsonb"])
        equal(len(await statement.fetch(VALUES[1])), 1)
        await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=lambda text: ("decoded", text))
        await conn.execute("UPDATE pv SET note = '{\"a\": 1}' WHERE id = 1")
        equal((await conn.fetchval("SELECT note FROM pv WHERE id = 1"))[0], "decoded")
    finally:
        await conn.close()


async def with_asyncpg_pool():
    async with asyncpg.create_pool(min_size=4, max_size=4, init=pgvector.asyncpg.register_vector) as pool:
        found = await asyncio.gather(*(pool.fetchval("SELECT embedding FROM pv WHERE id = $1", 1 + n % 3) for n in range(12)))
        for n, v in enumerate(found):
            same(values(v).astype(np.float32), VALUES[n % 3])


async def with_psycopg_async():
    conn = await psycopg.AsyncConnection.connect("")
    try:
        await pgvector.psycopg.register_vector_async(conn)
        cursor = await conn.execute("SELECT embedding FROM pv WHERE id = 1")
        same(values((await cursor.fetchone())[0]).astype(np.float32), VALUES[0])
    finally:
        await conn.close()


def main():
    conn = psycopg.connect("", autocommit=True)
    conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
    conn.execute("DROP TABLE IF EXISTS pv")
    checks.check("create", lambda: conn.execute(CREATE))
    checks.check("types of pgvector by name", lambda: types(conn))
    checks.check("psycopg register_vector, text", lambda: with_psycopg(conn, False))
    checks.check("psycopg register_vector, binary", lambda: with_psycopg(conn, True))
    checks.check("psycopg description", lambda: description(conn))
    checks.check("psycopg COPY", lambda: copy(conn))
    checks.check("psycopg register_vector_async", lambda: asyncio.run(with_psycopg_async()))
    checks.check("psycopg2 register_vector", with_psycopg2)
    checks.check("asyncpg register_vector", lambda: asyncio.run(with_asyncpg()))
    checks.check("asyncpg pool, init=register_vector", lambda: asyncio.run(with_asyncpg_pool()))
    checks.check("drop", lambda: conn.execute("DROP TABLE pv"))
    conn.close()
    checks.close()


main()
