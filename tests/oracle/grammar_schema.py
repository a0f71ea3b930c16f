"""The sample schema of grammar.py: six tables and a view, what is in them, and the types of their columns as the grammar
names them.

Values are chosen so that what is computed of them is the same on any machine: floats are multiples of a quarter, so that
their sums are exact; columns of the type `vc` and `ch` hold ASCII alone, so that upper and lower case do not depend on the
locale."""

import random

# What the grammar calls a type -> as declared.
DECLARED = {
    "int": "integer", "big": "bigint", "num": "numeric(10,2)", "flt": "double precision", "txt": "text", "vc": "varchar(20)",
    "ch": "char(4)", "bool": "boolean", "date": "date", "ts": "timestamp", "tz": "timestamptz", "tm": "time", "uuid": "uuid",
    "jb": "jsonb", "ta": "text[]", "ia": "integer[]", "by": "bytea", "vec": "vector(3)",
}  # fmt: skip

# Table -> columns: (name as written, type, what it is declared with beside its type).
TABLES = {
    "customers": [
        ("customer_id", "int", "primary key"), ("name", "txt", ""), ("code", "vc", ""), ("grade", "ch", ""), ("balance", "num", ""),
        ("active", "bool", ""), ("born", "date", ""), ("since", "tz", ""), ("doc", "jb", ""), ("tags", "ta", ""), ("ref", "uuid", ""),
    ],
    "orders": [
        ("order_id", "int", "primary key"), ("customer_id", "int", "references customers (customer_id)"), ("total", "num", ""),
        ("placed", "date", ""), ("at", "ts", ""), ("note", "txt", ""), ("state", "vc", ""), ("paid", "bool", ""),
    ],
    "lines": [
        ("order_id", "int", "not null references orders (order_id)"), ("line_no", "int", "not null"), ("product_id", "big", ""),
        ("amount", "int", ""), ('"Unit Price"', "num", ""), ("weight", "flt", ""), ("opens", "tm", ""),
    ],
    "products": [
        ("product_id", "big", "primary key"), ("name", "txt", ""), ("label", "vc", ""), ("price", "num", ""), ("factor", "flt", ""),
        ("parts", "ia", ""), ("raw", "by", ""), ("emb", "vec", ""), ("doc", "jb", ""), ("parent_id", "big", ""),
    ],
    "events": [
        ("id", "int", "primary key"), ("kind", "vc", ""), ("day", "date", ""), ("at", "tz", ""), ("clock", "tm", ""), ("value", "flt", ""),
        ("wide", "big", ""), ("payload", "jb", ""), ("who", "uuid", ""), ("flag", "bool", ""), ("order_id", "int", ""),
    ],
    "shop.customers": [("customer_id", "int", "primary key"), ("name", "txt", ""), ("since", "ts", ""), ("points", "big", "")],
}  # fmt: skip
PRIMARY_KEYS = {
    "customers": ["customer_id"], "orders": ["order_id"], "lines": ["order_id", "line_no"], "products": ["product_id"], "events": ["id"],
    "shop.customers": ["customer_id"],
}  # fmt: skip
VIEW = "order_view"
VIEW_QUERY = "select order_id, customer_id, total, note, placed from orders where total > 0"
VIEW_COLUMNS = [("order_id", "int"), ("customer_id", "int"), ("total", "num"), ("note", "txt"), ("placed", "date")]

DOCS = [
    '{"a": {"b": [1, 2, 3]}, "k": "v", "n": 5}', '{"k": "w", "n": 7.5, "a": [1, "x", null]}', "[1, 2, 3]", '{"n": null, "k": "v"}', "{}", "[]",
    '{"a": {"b": {"c": true}}, "n": -1, "é": "ü"}', '[{"k": "v"}, {"k": "w", "n": 2}]', '"text"', "12.50", "null", '{"k": "", "a": "b"}',
]  # fmt: skip
VALUES = {
    "int": ["0", "1", "-1", "2", "3", "5", "7", "10", "42", "100", "-7", "999"],
    "big": ["0", "1", "2", "-3", "10000000000", "-10000000000", "9007199254740993", "77"],
    "num": ["0", "1", "-1", "0.50", "2.50", "-2.50", "10.00", "99.99", "1234.56", "-0.01", "3.14"],
    "flt": ["0", "1", "-1", "0.5", "2.5", "-2.5", "1024.25", "0.25", "1e15", "-3.75"],
    "txt": ["", " ", "Ann", "ann", "Bob", "bob ", " bob", "Čeněk", "ÉMILE", "alpha beta", "the quick brown foxes", "a_b%c", "10", "9", "x,y,z", "back\\slash", "it''s"],
    "vc": ["", " ", "a", "A", "abc", "ABC", "abc ", "new", "paid", "open", "12", "Zz", "a-b-c"],
    "ch": ["", "a", "A", "ab", "abcd", "b"],
    "bool": ["true", "false"],
    "date": ["2024-02-29", "2024-01-15", "2023-12-31", "1999-12-31", "2024-07-04", "2025-01-01", "1970-01-01"],
    "ts": ["2024-02-29 12:34:56.789", "2024-01-01 00:00:00", "2023-12-31 23:59:59.999999", "2024-07-04 08:00:00", "1969-07-20 20:17:40"],
    "tz": ["2024-02-29 12:34:56.789+00", "2024-01-15 10:00:00+02", "2023-12-31 23:59:59.5+00", "2024-07-04 08:00:00-05", "1970-01-01 00:00:00+00"],
    "tm": ["00:00:00", "12:34:56.5", "23:59:59.999999", "08:00:00", "12:00:00"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "jb": DOCS,
    "ta": ["{}", "{a}", "{a,b}", '{b,NULL,"c d"}', '{"",x,a}'],
    "ia": ["{}", "{1}", "{1,2,3}", "{3,NULL,1}", "{-1,5,5}"],
    "by": ["", "\\x01", "\\x6162", "\\xdeadbeef", "\\xff"],
    "vec": ["[1,2,3]", "[0,0,0]", "[-1,0.5,2]", "[0,0,1]", "[5,5,5]"],
}  # fmt: skip
ROWS = {"customers": 12, "orders": 14, "lines": 20, "products": 9, "events": 15, "shop.customers": 6}
# Of a hundred values that may be NULL.
NULLS = 18


def statements():
    """What makes and fills the schema, for both sides."""
    chance = random.Random("the sample of the grammar")
    yield "drop view if exists order_view"
    for table in reversed(TABLES):
        yield f"drop table if exists {table}"
    yield "create schema if not exists shop"
    for table, columns in TABLES.items():
        parts = [f"{name} {DECLARED[kind]} {more}".rstrip() for name, kind, more in columns]
        keys = PRIMARY_KEYS[table]
        if len(keys) > 1:
            parts.append(f"primary key ({', '.join(keys)})")
        yield f"create table {table} ({', '.join(parts)})"
        for row in range(1, ROWS[table] + 1):
            yield f"insert into {table} values ({', '.join(value(chance, table, row, *column) for column in columns)})"
    yield f"create view {VIEW} as {VIEW_QUERY}"


def value(chance, table, row, name, kind, more):
    """What a column holds in a row."""
    if table == "lines" and name in ("order_id", "line_no"):
        return str((row - 1) // 2 + 1 if name == "order_id" else (row - 1) % 2 + 1)
    if name in PRIMARY_KEYS[table]:
        return str(row)
    if chance.randrange(100) < NULLS:
        return "null"
    if name == "parent_id":
        return str(chance.randrange(1, row)) if row > 1 else "null"
    if name in ("customer_id", "product_id", "order_id"):
        return str(chance.randrange(1, {"customer_id": 10, "product_id": 9, "order_id": 13}[name]))
    if kind in ("int", "big", "flt", "bool"):
        return chance.choice(VALUES[kind])
    return f"'{chance.choice(VALUES[kind])}'"
