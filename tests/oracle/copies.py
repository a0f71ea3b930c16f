"""Rows of all types out of PostgreSQL by COPY TO, into the server in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE by COPY
FROM, cut anywhere, and out again: the same bytes in each format. The reference is on REFERENCE_PORT.

    copies.py [--seed N] [--rows N] [--rounds N]
"""

import argparse
import csv
import io
import random
import string
import struct
import sys

import pgraw
from pgraw import message

ODD = ["", " ", "\\", "\\N", "\\.", "\t", "\n", "\r", "\r\n", '"', '""', "'", ",", "a,b", "NULL", "é€😀", "\x08\x0b\x0c", "\x01", "a\\\nb", ";|~"]


def text(r):
    parts = [r.choice(ODD) if r.random() < 0.4 else "".join(r.choices(string.ascii_letters + " ", k=r.randrange(9))) for _ in range(r.randrange(5))]
    return "".join(parts)


def number(r, digits, scale):
    return f"{r.choice(['', '-'])}{r.randrange(10 ** r.randrange(1, digits - scale + 1))}.{r.randrange(10**scale):0{scale}}"


def day(r):
    return f"{r.randrange(1850, 9990):04}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"


def time(r, digits=6):
    return f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}.{r.randrange(10**digits):0{digits}}"


def array(r, element):
    return "{" + ",".join("NULL" if r.random() < 0.2 else element(r) for _ in range(r.randrange(5))) + "}"


def quoted(r):
    return '"' + text(r).replace("\\", "\\\\").replace('"', '\\"') + '"'


COLUMNS = {
    "smallint": lambda r: str(r.randrange(-32768, 32768)),
    "integer": lambda r: str(r.randrange(-(2**31), 2**31)),
    "bigint": lambda r: str(r.choice([r.randrange(-(2**63), 2**63), r.randrange(100)])),
    "numeric(12,4)": lambda r: number(r, 12, 4),
    "numeric(18,0)": lambda r: str(r.randrange(-(10**17), 10**17)),
    "real": lambda r: repr(struct.unpack("f", struct.pack("f", r.uniform(-1e9, 1e9)))[0]),
    "double precision": lambda r: repr(r.choice([r.uniform(-1, 1), r.uniform(-1e300, 1e300), 1e-300, 0.0])),
    "boolean": lambda r: r.choice("tf"),
    "text": text,
    "varchar(60)": lambda r: text(r)[:60],
    "char(6)": lambda r: "".join(r.choices(string.ascii_letters, k=r.randrange(7))),
    "bytea": lambda r: "\\x" + r.randbytes(r.randrange(40)).hex(),
    "date": day,
    "time": time,
    "timestamp": lambda r: f"{day(r)} {time(r)}",
    "timestamptz": lambda r: f"{day(r)} {time(r)}+{r.randrange(12):02}",
    "interval": lambda r: f"{r.randrange(40)} mons {r.randrange(-20, 60)} days {time(r)}",
    "uuid": lambda r: "-".join(r.randbytes(n).hex() for n in (4, 2, 2, 2, 6)),
    "json": lambda r: '{"a" : [1, %d], "b":"%s"}' % (r.randrange(9), "é€" * r.randrange(3)),
    "jsonb": lambda r: '{"a" : [1, %d], "b":{"c": null}}' % r.randrange(9),
    "inet": lambda r: f"10.0.{r.randrange(256)}.{r.randrange(256)}/{r.randrange(8, 33)}",
    "cidr": lambda r: f"10.{r.randrange(256)}.0.0/{r.randrange(16, 33)}",
    "macaddr": lambda r: ":".join(f"{b:02x}" for b in r.randbytes(6)),
    "varbit": lambda r: "".join(r.choices("01", k=r.randrange(20))),
    "integer[]": lambda r: array(r, lambda r: str(r.randrange(-9, 99))),
    "text[]": lambda r: array(r, quoted),
    "vector(3)": lambda r: "[" + ",".join(repr(struct.unpack("f", struct.pack("f", r.uniform(-9, 9)))[0]) for _ in range(3)) + "]",
}
FORMATS = {
    "text": "(format text)",
    "text with other marks": "(format text, delimiter '|', null '~', header)",
    "csv": "(format csv)",
    "csv with other marks": "(format csv, quote '''', escape '\\', delimiter ';', null 'nil', header, encoding 'utf8')",
    "csv, all in quotes": "(format csv{force})",
    "binary": "(format binary)",
}


def escaped(value):
    for plain, mark in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, mark)
    return value


def rows(r, count):
    for n in range(count):
        yield [str(n)] + [None if r.random() < 0.15 else make(r) for make in COLUMNS.values()]
    yield [str(count)] + [("x" * (1 << 20) + "\t\n\"" if kind == "text" else None) for kind in COLUMNS]


def failed(replies):
    errors = [pgraw.error_fields(body) for tag, body in replies if tag == b"E"]
    if errors:
        sys.exit(f"copies: {errors[0]['C']} {errors[0]['M']} {errors[0].get('W', '')[:300]}")
    return replies


def copy_in(connection, sql, data, cut):
    frames, at = [message(b"Q", sql.encode() + b"\0")], 0
    while at < len(data):
        size = cut()
        frames.append(message(b"d", data[at : at + size]))
        at += size
    connection.send(b"".join(frames) + message(b"c"))
    failed(connection.until_ready())


def copy_out(connection, sql):
    return [body for tag, body in failed(connection.simple(sql)) if tag == b"d"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    csv.field_size_limit(1 << 24)
    subject, reference = pgraw.both(120)
    names = [f"c{n}" for n in range(len(COLUMNS))]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, COLUMNS))
    for connection in (subject, reference):
        failed(connection.simple("drop table if exists copies"))
        failed(connection.simple(f"create table copies (id integer primary key, {columns})"))
    for round_number in range(args.rounds):
        r = random.Random(args.seed * 1000 + round_number)
        lines = ["\t".join("\\N" if v is None else escaped(v) for v in row) for row in rows(r, args.rows)]
        failed(reference.simple("delete from copies"))
        copy_in(reference, "copy copies from stdin", "\n".join(lines).encode() + b"\n", lambda: 1 << 20)
        for name, options in FORMATS.items():
            into = f"copy copies from stdin {options.format(force='')}"
            out = f"copy (select * from copies order by id) to stdout {options.format(force=', force_quote *')}"
            if name == "csv, all in quotes":
                # NULL and the empty text are told apart by the quotes.
                into = f"copy copies from stdin (format csv)"
            wanted = copy_out(reference, out)
            whole = b"".join(wanted)
            if name == "csv":
                parsed = list(csv.reader(io.StringIO(whole.decode(), newline="")))
                if len(parsed) != args.rows + 1 or any(len(row) != len(COLUMNS) + 1 for row in parsed):
                    sys.exit("copies: Python reads other rows of CSV")
            failed(subject.simple("delete from copies"))
            size = r.choice([1 << 16, 1000, 37])
            copy_in(subject, into, whole, lambda: r.randrange(1, size * 2) if len(whole) < 1 << 22 or size > 100 else 8192)
            got = copy_out(subject, out)
            if got != wanted:
                differ = [(a, b) for a, b in zip(got, wanted) if a != b]
                print(f"FAIL round {round_number}, {name}: {len(got)} messages, {len(wanted)} wanted, {len(differ)} differ")
                for a, b in differ[:3]:
                    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                    print(f"   byte {at}: {a[max(0, at - 60):at + 60]!r}\n   wanted {b[max(0, at - 60):at + 60]!r}")
                print("0 passed, 1 failed")
                sys.exit(1)
            print(f"round {round_number}, {name}: {len(got)} messages, {len(whole)} bytes, the same")
    print(f"{args.rounds * len(FORMATS)} passed, 0 failed")


if __name__ == "__main__":
    main()
