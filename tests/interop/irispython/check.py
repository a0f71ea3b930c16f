"""The official IRIS Python client (DB-API) against the embedded superserver."""

import datetime as dt
import decimal
import importlib.metadata
import os
import threading
import time
import uuid

import iris

from checks import Checks, equal

D = decimal.Decimal
OLD = importlib.metadata.version("intersystems-irispython").startswith("5.1.")
checks = Checks()


def connect(**more):
    settings = {
        "hostname": "127.0.0.1",
        "port": int(os.environ["IRIS_PORT"]),
        "namespace": os.environ.get("IRIS_NAMESPACE", "USER"),
        "username": os.environ.get("IRIS_USER", "_SYSTEM"),
        "password": os.environ.get("IRIS_PASSWORD", "SYS"),
        "timeout": 30,
    }
    return iris.connect(**{**settings, **more})


def rows(cur, sql, params=None):
    cur.execute(sql, params) if params is not None else cur.execute(sql)
    return [tuple(row) for row in cur.fetchall()]


def drop(cur, *tables):
    for table in tables:
        try:
            cur.execute(f"DROP TABLE {table}")
        except Exception:  # noqa: BLE001: it was not there
            pass


def fails(code, run):
    try:
        run()
    except Exception as error:  # noqa: BLE001
        assert f"SQLCODE: <{code}>" in str(error), f"expected SQLCODE {code}, got {error}"
        assert str(error).count("<") >= 2, f"an error without text: {error}"
    else:
        raise AssertionError(f"expected SQLCODE {code}, got no error")


# Of the vectors file: one value of each form that a $LIST item has, through VARCHAR.
UNTYPED = [
    (None, None), ("", ""), (" ", " "), ("a", "a"), (0, "0"), (1, "1"), (-1, "-1"), (-2, "-2"), (127, "127"), (128, "128"),
    (-128, "-128"), (-129, "-129"), (255, "255"), (256, "256"), (-255, "-255"), (-256, "-256"), (-257, "-257"), (32767, "32767"), (32768, "32768"),
    (65535, "65535"), (65536, "65536"), (2**31 - 1, "2147483647"), (-2**31 - 1, "-2147483649"), (2**32, "4294967296"),
    (2**63 - 1, "9223372036854775807"), (-2**63, "-9223372036854775808"), (2**63, "9223372036854775808"), (10**30, str(10**30)),
    (1.5, "1.5"), (-1.5, "-1.5"), (0.1, ".1"), (D("1.5"), "1.5"), (D("-0.1"), "-.1"), (D("100"), "100"), (D("-12345.6789"), "-12345.6789"),
    # The client itself rounds to what a 64-bit mantissa holds.
    (D("123456789012345678901234567890"), "123456789012345678900000000000"),
    ("é", "é"), ("ÿ", "ÿ"), ("Ā", "Ā"), ("€", "€"), ("\U0001F600", "\U0001F600"), ("a\U0001F600", "a\U0001F600"),
    (dt.date(2024, 1, 2), "2024-01-02"), (dt.time(3, 4, 5), "03:04:05"), (dt.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02 03:04:05"),
    *[(uuid.UUID("550e8400-e29b-41d4-a716-446655440000"), "550e8400-e29b-41d4-a716-446655440000")][:not OLD],
    *[("x" * n, "x" * n) for n in (252, 253, 254, 255, 40000, 65533, 65534, 65535, 100000)],
    *[("я" * n, "я" * n) for n in (126, 127, 40000)],
    ("0.0,0.125,0.25", "0.0,0.125,0.25"),
]

# column, IRIS type, value sent, value received
TYPED = [
    ("b", "BIT", [(True, True), (False, False), (1, True)]),
    ("ti", "TINYINT", [(127, 127), (-128, -128)]),
    ("si", "SMALLINT", [(32767, 32767), (-32768, -32768)]),
    ("i", "INTEGER", [(0, 0), (2147483647, 2147483647), (-2147483648, -2147483648)]),
    # IRIS's BIGINT has no -2^63.
    ("bi", "BIGINT", [(2**63 - 1, 2**63 - 1), (1 - 2**63, 1 - 2**63)]),
    ("n", "NUMERIC(18,4)", [(D("1234.5"), D("1234.5")), (D("-0.05"), D("-0.05")), (7, D("7"))]),
    ("f", "DOUBLE", [(1.5, 1.5), (-1e300, -1e300), (0.1, 0.1)]),
    ("s", "VARCHAR(40)", [("жук", "жук"), ("", ""), ("it's", "it's")]),
    ("d", "DATE", [(dt.date(2024, 1, 2), dt.date(2024, 1, 2)), ("1999-12-31", dt.date(1999, 12, 31))]),
    ("t", "TIME", [(dt.time(3, 4, 5), dt.time(3, 4, 5))]),
    ("ts", "TIMESTAMP", [(dt.datetime(2024, 1, 2, 3, 4, 5), dt.datetime(2024, 1, 2, 3, 4, 5)),
                         (dt.datetime(2024, 1, 2, 3, 4, 5, 678901), dt.datetime(2024, 1, 2, 3, 4, 5, 678901))]),
    ("px", "POSIXTIME", [(dt.datetime(2024, 1, 2, 3, 4, 5, 678901), dt.datetime(2024, 1, 2, 3, 4, 5, 678901))]),
    ("vb", "VARBINARY(100)", [(b"\x00\xff\x80", b"\x00\xff\x80"), (b"abc", b"abc")]),
    # 5.1.0 knows UUIDs as text only.
    ("g", "UNIQUEIDENTIFIER", [("550e8400-e29b-41d4-a716-446655440000",) * 2] if OLD else
     [(uuid.UUID("550e8400-e29b-41d4-a716-446655440000"),) * 2]),
]


def untyped(conn):
    cur = conn.cursor()
    drop(cur, "unt")
    cur.execute("CREATE TABLE unt (id INTEGER PRIMARY KEY, v VARCHAR(200000))")
    for n, (value, expected) in enumerate(UNTYPED):
        def one(n=n, value=value, expected=expected):
            cur.execute("INSERT INTO unt (id, v) VALUES (?, ?)", [n, value])
            equal(cur.rowcount, 1, "rowcount")
            got = rows(cur, "SELECT v FROM unt WHERE id = ?", [n])[0][0]
            assert got == expected, f"got {str(got)[:60]!r}, expected {str(expected)[:60]!r}"
        checks.check(f"VARCHAR parameter {repr(value)[:40]}", one)


def typed(conn):
    cur = conn.cursor()
    drop(cur, "typ")
    cur.execute("CREATE TABLE typ (id INTEGER PRIMARY KEY, " + ", ".join(f"{n} {t}" for n, t, _ in TYPED) + ")")
    ids = iter(range(1, 1000))
    for name, sqltype, pairs in TYPED:
        def one(name=name, pairs=pairs):
            for value, expected in [*pairs, (None, None)]:
                n = next(ids)
                cur.execute(f"INSERT INTO typ (id, {name}) VALUES (?, ?)", [n, value])
                got = rows(cur, f"SELECT {name} FROM typ WHERE id = ?", [n])[0][0]
                assert got == expected, f"got {got!r}, expected {expected!r}"
        checks.check(f"{sqltype} column", one)


def executemany(conn):
    cur = conn.cursor()
    drop(cur, "emy")
    cur.execute("CREATE TABLE emy (id INTEGER PRIMARY KEY, name VARCHAR(20), x INTEGER)")
    cur.executemany("INSERT INTO emy (id, name, x) VALUES (?, ?, 5)", [[1, "a"], [2, None], [3, ""]])
    equal(cur.rowcount, 3, "rowcount")
    equal(rows(cur, "SELECT id, name, x FROM emy ORDER BY id"), [(1, "a", 5), (2, None, 5), (3, "", 5)])
    cur.executemany("UPDATE emy SET name = ? WHERE id >= ?", [["z", 2], ["y", 3]])
    equal(rows(cur, "SELECT name FROM emy ORDER BY id"), [("a",), ("z",), ("y",)])


def pages(conn):
    """A result of several pages, and one that is read while another cursor runs."""
    cur, other = conn.cursor(), conn.cursor()
    drop(cur, "pag")
    cur.execute("CREATE TABLE pag (i INTEGER PRIMARY KEY, filler VARCHAR(200))")
    count = 100_000
    cur.executemany("INSERT INTO pag VALUES (?, ?)", [[i, "p" * 150] for i in range(count)])
    cur.execute("SELECT i, filler FROM pag ORDER BY i")
    equal([row[0] for row in cur.fetchall()], list(range(count)))
    # 5.3.2 and later hang when another cursor runs between the pages of a result of three or more: two pages here.
    cur.execute("SELECT i, filler FROM pag WHERE i < 40000 ORDER BY i")
    equal([cur.fetchone()[0] for _ in range(4)], [0, 1, 2, 3])
    equal(rows(other, "SELECT COUNT(*) FROM pag"), [(count,)])
    equal([row[0] for row in cur.fetchmany(3)], [4, 5, 6])
    equal([row[0] for row in cur.fetchall()], list(range(7, 40000)))
    # Abandoned.
    cur.execute("SELECT i, filler FROM pag WHERE i < 40000 ORDER BY i")
    equal(cur.fetchone()[0], 0)
    cur.close()
    equal(rows(other, "SELECT COUNT(*) FROM pag WHERE i < 10"), [(10,)])


def last_row_id(conn):
    cur = conn.cursor()
    drop(cur, "lid")
    cur.execute("CREATE TABLE lid (id IDENTITY, v VARCHAR(10))")
    for expected in (1, 2):
        cur.execute("INSERT INTO lid (v) VALUES (?)", ["a"])
        equal((cur.lastrowid, cur.rowcount), (expected, 1))
    equal(rows(cur, "SELECT LAST_IDENTITY()"), [(2,)])
    fails(-428, lambda: cur.callproc("CALL no.such(?)", [1]))
    drop(cur, "lid")


def streams(conn):
    cur = conn.cursor()
    drop(cur, "str")
    cur.execute("CREATE TABLE str (id INTEGER PRIMARY KEY, txt LONGVARCHAR, bin LONGVARBINARY)")
    # Above 100,000 characters or bytes 5.4.1 uploads, in pieces of 10,000,000.
    values = [("text ж\U0001F600", b"\x00\xff\x80"), (None, None), ("ж" * 100_001, bytes(range(256)) * 400),
              ("€" * 3_000_000, None), ("x" * 100_000, b"z" * 100_000)]
    for n, (text, data) in enumerate(values):
        cur.execute("INSERT INTO str (id, txt, bin) VALUES (?, ?, ?)", [n, text, data])
    got = rows(cur, "SELECT txt, bin FROM str ORDER BY id")
    for n, (row, expected) in enumerate(zip(got, values, strict=True)):
        assert row == expected, f"row {n} differs: {str(row)[:80]}"
    drop(cur, "str")


def job_of(conn):
    return int(rows(conn.cursor(), "SELECT $JOB")[0][0])


def cancel(conn):
    """CANCEL QUERY from a second connection."""
    cur = conn.cursor()
    drop(cur, "can")
    cur.execute("CREATE TABLE can (i INTEGER, j INTEGER)")
    cur.executemany("INSERT INTO can VALUES (?, ?)", [[i, i] for i in range(3000)])
    other = connect()
    job, killer = job_of(conn), other.cursor()
    fails(-400, lambda: killer.execute(f"CANCEL QUERY {job}"))

    def kill():
        for _ in range(100):
            time.sleep(0.1)
            try:
                killer.execute(f"CANCEL QUERY {job}")
            except Exception:  # noqa: BLE001: it does not run yet
                continue
            return
    thread = threading.Thread(target=kill)
    thread.start()
    started = time.monotonic()
    fails(-456, lambda: cur.execute("SELECT SUM(a.i * b.i * c.i) FROM can a, can b, can c"))
    thread.join()
    assert time.monotonic() - started < 15, "it took too long"
    equal(rows(cur, "SELECT COUNT(*) FROM can"), [(3000,)])
    other.close()
    drop(cur, "can")


def query_timeout(conn):
    if OLD:
        return
    cur = conn.cursor()
    drop(cur, "tim")
    cur.execute("CREATE TABLE tim (i INTEGER, j INTEGER)")
    cur.executemany("INSERT INTO tim VALUES (?, ?)", [[i, i] for i in range(3000)])
    cur.setQueryTimeout(1)
    fails(-450, lambda: cur.execute("SELECT SUM(a.i * b.i * c.i) FROM tim a, tim b, tim c"))
    cur.setQueryTimeout(0)
    drop(cur, "tim")


def native(conn):
    version = iris.createIRIS(conn).classMethodValue("%SYSTEM.Version", "GetNumber")
    assert version.split(".")[0].isdigit(), version


def empty_and_null(conn):
    cur = conn.cursor()
    drop(cur, "emp")
    cur.execute("CREATE TABLE emp (id INTEGER, s VARCHAR(10))")
    cur.execute("INSERT INTO emp VALUES (1, '')")
    cur.execute("INSERT INTO emp VALUES (2, NULL)")
    cur.execute("INSERT INTO emp VALUES (?, ?)", [3, ""])
    cur.execute("INSERT INTO emp VALUES (?, ?)", [4, None])
    equal(rows(cur, "SELECT id FROM emp WHERE s = '' ORDER BY id"), [(1,), (3,)])
    equal(rows(cur, "SELECT id FROM emp WHERE s IS NULL ORDER BY id"), [(2,), (4,)])
    equal(rows(cur, "SELECT s FROM emp ORDER BY id"), [("",), (None,), ("",), (None,)])


def transactions(conn):
    conn.setAutoCommit(True)
    cur = conn.cursor()
    drop(cur, "trx")
    cur.execute("CREATE TABLE trx (a INTEGER PRIMARY KEY)")
    conn.setAutoCommit(False)
    cur.execute("INSERT INTO trx VALUES (?)", [1])
    conn.rollback()
    cur.execute("INSERT INTO trx VALUES (?)", [2])
    conn.commit()
    conn.setAutoCommit(True)
    cur.execute("INSERT INTO trx VALUES (?)", [3])
    conn.setAutoCommit(False)
    cur.execute("DELETE FROM trx")
    conn.rollback()
    equal(rows(cur, "SELECT a FROM trx ORDER BY a"), [(2,), (3,)])
    conn.commit()
    conn.setAutoCommit(True)
    cur.execute("START TRANSACTION")
    cur.execute("DELETE FROM trx")
    cur.execute("ROLLBACK")
    equal(rows(cur, "SELECT COUNT(*) FROM trx"), [(2,)])
    # What a connection leaves open is rolled back.
    second = connect(autoCommit=False)
    second.cursor().execute("DELETE FROM trx")
    second.close()
    equal(rows(cur, "SELECT COUNT(*) FROM trx"), [(2,)])


def literals(conn):
    """The client takes texts that differ in a literal for one statement."""
    cur = conn.cursor()
    for literal, value in (("1", 1), ("1.5", D("1.5")), ("-7", -7), ("2.50", D("2.5")), ("3", 3)):
        for _ in range(2):
            equal(rows(cur, f"SELECT {literal}"), [(value,)])
    equal(rows(cur, "SELECT 1, 2.25, 'x', CAST(1.5 AS DOUBLE)"), [(1, D("2.25"), "x", 1.5)])


def made_anew(conn):
    """A text that has been prepared, after its table was made anew with other types: the client sends it again."""
    cur = conn.cursor()
    for kind, value in (("INTEGER", 7), ("VARCHAR(20)", "seven"), ("NUMERIC(8,2)", D("7.25")), ("DATE", dt.date(2024, 1, 2)),
                        ("DOUBLE", 0.5), ("INTEGER NOT NULL", 8)):
        drop(cur, "mad")
        cur.execute(f"CREATE TABLE mad (id INTEGER PRIMARY KEY, v {kind})")
        # Twice: under the id of the text, and under the id it has been prepared anew for.
        for n in (1, 2):
            cur.execute("INSERT INTO mad (id, v) VALUES (?, ?)", [n, value])
            equal(cur.rowcount, 1, "rowcount")
        for _ in range(2):
            equal(rows(cur, "SELECT v FROM mad WHERE id > ? ORDER BY id", [0]), [(value,), (value,)])
    cur.executemany("INSERT INTO mad (id, v) VALUES (?, ?)", [[3, 1], [4, 2]])
    drop(cur, "mad")
    cur.execute("CREATE TABLE mad (id INTEGER PRIMARY KEY, v VARCHAR(20))")
    cur.executemany("INSERT INTO mad (id, v) VALUES (?, ?)", [[3, "a"], [4, "b"]])
    equal(rows(cur, "SELECT v FROM mad WHERE id > ? ORDER BY id", [0]), [("a",), ("b",)])
    drop(cur, "mad")
    fails(-30, lambda: rows(cur, "SELECT v FROM mad WHERE id > ? ORDER BY id", [0]))


def databases(conn):
    """CREATE DATABASE makes a namespace, as Django's and SQLAlchemy's tests want theirs."""
    cur = conn.cursor()
    cur.execute("CREATE DATABASE CHK1")
    inside = connect(namespace="CHK1")
    inside.cursor().execute("CREATE TABLE only_here (id INTEGER)")
    inside.close()
    fails(-30, lambda: cur.execute("SELECT * FROM only_here"))
    cur.execute("DROP DATABASE CHK1")


def errors(conn):
    cur = conn.cursor()
    drop(cur, "err")
    cur.execute("CREATE TABLE err (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
    cur.execute("INSERT INTO err VALUES (1, 1)")
    fails(-30, lambda: cur.execute("SELECT * FROM nowhere"))
    fails(-29, lambda: cur.execute("SELECT nothing FROM err"))
    fails(-119, lambda: cur.execute("INSERT INTO err VALUES (1, 2)"))
    fails(-108, lambda: cur.execute("INSERT INTO err (id) VALUES (2)"))
    equal(rows(cur, "SELECT n FROM err"), [(1,)])


def refused():
    """What IRIS does not know: PostgreSQL's own SQL."""
    conn = connect()
    cur = conn.cursor()
    # `::` is refused by the client itself.
    for sql in ("SELECT id FROM err LIMIT 1 RETURNING id", "SELECT id FROM err WHERE n ILIKE '1'",
                "INSERT INTO err VALUES (5, 5) RETURNING id", "INSERT INTO err VALUES (1, 1) ON CONFLICT DO NOTHING"):
        try:
            cur.execute(sql)
        except Exception as error:  # noqa: BLE001
            assert "SQLCODE: <-" in str(error), f"{sql}: {error}"
        else:
            raise AssertionError(f"accepted: {sql}")
    conn.close()


def denied():
    try:
        connect(password="wrong")
    except Exception as error:  # noqa: BLE001
        assert "Denied" in str(error) or "-402" in str(error), str(error)
    else:
        raise AssertionError("a wrong password was accepted")


def main():
    conn = connect()
    checks.check("connect and SELECT 1", lambda: equal(rows(conn.cursor(), "SELECT 1"), [(1,)]))
    checks.check("wrong password", denied)
    for run in (untyped, typed):
        run(conn)
    for run in (executemany, pages, empty_and_null, transactions, literals, made_anew, databases, errors, last_row_id, streams, cancel, query_timeout, native):
        checks.check(run.__name__, lambda run=run: run(conn))
    checks.check("PostgreSQL's SQL is refused", refused)
    drop(conn.cursor(), "unt", "typ", "emy", "pag", "emp", "trx", "err")
    conn.close()
    checks.close()


main()
