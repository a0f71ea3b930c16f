"""The same vectors and the same searches on the server under test and on PostgreSQL with pgvector."""

import os
import random

import psycopg

from checks import Checks, equal

ROWS = 400
SEED = 20261124
OPERATORS = {"<=>": "cosine distance", "<->": "Euclidean distance", "<#>": "negative inner product"}

checks = Checks()


def text(vector):
    return "[" + ",".join(str(v) for v in vector) + "]"


def vectors(rng, dimensions, count):
    # Multiples of 1/64 are exact in float32 and float64: a difference in order is a difference in meaning.
    return [[rng.randint(-640, 640) / 64 for _ in range(dimensions)] for _ in range(count)]


def fill(conn, table, dimensions, rows):
    conn.execute(f"DROP TABLE IF EXISTS {table}")
    conn.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, label varchar(20), embedding vector({dimensions}))")
    conn.cursor().executemany(
        f"INSERT INTO {table} (id, label, embedding) VALUES (%s, %s, %s)",
        [(n, f"label {n % 7}", text(v)) for n, v in enumerate(rows)],
    )
    # A literal in the statement as well as a parameter.
    conn.execute(f"INSERT INTO {table} VALUES ({len(rows)}, 'literal', '{text([1] * dimensions)}')")
    conn.commit()


def both(subject, reference, sql, params=None):
    got = subject.execute(sql, params).fetchall()
    expected = reference.execute(sql, params).fetchall()
    subject.commit()
    reference.commit()
    return got, expected


def same_rows(subject, reference, sql, params=None):
    got, expected = both(subject, reference, sql, params)
    assert expected, f"the reference gave no rows: {sql}"
    equal(got, expected, sql)


def close_rows(subject, reference, sql, params=None):
    """Ids in the same order; distances equal to the precision of float32."""
    got, expected = both(subject, reference, sql, params)
    equal([r[0] for r in got], [r[0] for r in expected], sql)
    for (_, a), (_, b) in zip(got, expected):
        assert abs(a - b) <= 1e-5 * max(1.0, abs(b)), f"{sql}: distance {a!r}, expected {b!r}"


def searches(subject, reference, table, dimensions, rng):
    queries = [text(v) for v in vectors(rng, dimensions, 12)]
    for operator, name in OPERATORS.items():
        def literal(operator=operator):
            for q in queries:
                same_rows(subject, reference, f"SELECT id FROM {table} ORDER BY embedding {operator} '{q}' LIMIT 5")

        def parameter(operator=operator):
            for q in queries:
                sql = f"SELECT id FROM {table} ORDER BY embedding {operator} %s::vector LIMIT 5"
                same_rows(subject, reference, sql, (q,))

        def distances(operator=operator):
            for q in queries[:4]:
                sql = f"SELECT id, embedding {operator} '{q}' AS distance FROM {table} ORDER BY embedding {operator} '{q}' LIMIT 20"
                close_rows(subject, reference, sql)

        def filtered(operator=operator):
            for q in queries[:4]:
                sql = f"SELECT id, label FROM {table} WHERE label = %s ORDER BY embedding {operator} '{q}' LIMIT 5 OFFSET 2"
                same_rows(subject, reference, sql, ("label 3",))

        checks.check(f"{name} {operator}, vector({dimensions}), literal", literal)
        checks.check(f"{name} {operator}, vector({dimensions}), parameter", parameter)
        checks.check(f"{name} {operator}, vector({dimensions}), distances", distances)
        checks.check(f"{name} {operator}, vector({dimensions}), WHERE and OFFSET", filtered)
        for conn in (subject, reference):
            conn.rollback()

    def farthest():
        q = queries[0]
        same_rows(subject, reference, f"SELECT id FROM {table} ORDER BY embedding <-> '{q}' DESC LIMIT 5")

    def values():
        same_rows(subject, reference, f"SELECT id, embedding FROM {table} WHERE id < 5 OR id = {ROWS} ORDER BY id")

    checks.check(f"farthest, vector({dimensions})", farthest)
    checks.check(f"stored values, vector({dimensions})", values)
    for conn in (subject, reference):
        conn.rollback()


def main():
    rng = random.Random(SEED)
    subject = psycopg.connect("")
    reference = psycopg.connect(host="127.0.0.1", port=os.environ["REFERENCE_PORT"], user="_SYSTEM", dbname="USER")
    print(f"seed {SEED}, {ROWS} rows")
    for dimensions, table in ((3, "ve3"), (128, "ve128")):
        rows = vectors(rng, dimensions, ROWS)

        def create(conn, dimensions=dimensions, table=table, rows=rows):
            fill(conn, table, dimensions, rows)

        fill(reference, table, dimensions, rows)
        checks.check(f"create and fill vector({dimensions})", lambda: create(subject))
        subject.rollback()
        searches(subject, reference, table, dimensions, rng)

        def index(table=table):
            subject.execute(f"CREATE INDEX {table}_hnsw ON {table} USING hnsw (embedding vector_cosine_ops)")
            subject.commit()
            q = text([0.5] * dimensions)
            same_rows(subject, reference, f"SELECT id FROM {table} ORDER BY embedding <=> '{q}' LIMIT 5")

        checks.check(f"HNSW index, vector({dimensions})", index)
        subject.rollback()
        for conn in (reference, subject):
            checks.check(f"drop table {table}", lambda conn=conn: conn.execute(f"DROP TABLE IF EXISTS {table}"))
            conn.commit()
    checks.close()


main()
