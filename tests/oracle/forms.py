#!/usr/bin/env python3
"""docs/DDL.md: what becomes of the forms of definitions.toml. `--write` writes it, else it is compared.

Each form is run in a transaction that is rolled back, of PostgreSQL and of the server under test. What PostgreSQL takes is done, done
with what is told of it, or refused; behind the rollback the catalogs have to be what they were.
"""

import argparse
import pathlib
import sys
import tomllib

import pgraw

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "DDL.md"
HEAD = """# Definitions, form by form

Made by `tests/oracle/forms.py --write`; not written by hand. The forms are those of PostgreSQL 17's manual, run in a transaction that
is rolled back, which leaves nothing behind of what is done. A sentence is a NOTICE or WARNING, or, behind **refused**, an error, mostly of
SQLSTATE 0A000.
"""
STATE = [
    "select relname, relkind, relnamespace::regnamespace from pg_class where relname like 'fo\\_%' and relnamespace::regnamespace::text not like 'pg\\_t%' order by 1",
    "select attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity, attgenerated "
    "from pg_attribute join pg_class on pg_class.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum "
    "where relname like 'fo\\_%' and relnamespace::regnamespace::text not like 'pg\\_t%' and relkind in ('r', 'v') and attnum > 0 and not attisdropped order by 1::text, attnum",
    "select conname, pg_get_constraintdef(pg_constraint.oid) from pg_constraint join pg_class on pg_class.oid = conrelid "
    "where relname like 'fo\\_%' and relnamespace::regnamespace::text not like 'pg\\_t%' and contype in ('c', 'f', 'p', 'u') order by 1",
    "select pg_get_indexdef(oid) from pg_class where relname like 'fo\\_%' and relnamespace::regnamespace::text not like 'pg\\_t%' and relkind = 'i' order by 1",
    "select typname, typnamespace::regnamespace, (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum "
    "where enumtypid = pg_type.oid) from pg_type where typname like 'fo\\_%' and typnamespace::regnamespace::text not like 'pg\\_t%' and typtype in ('c', 'd', 'e') order by 1",
    "select nspname from pg_namespace where nspname like 'fo\\_%' or nspname like 'pgwire\\_%' order by 1",
    "select * from fo_t order by id",
    "select id, a from fo_v order by id",
]


def ask(connection, sql):
    """Error, what is told, rows."""
    connection.send(pgraw.message(b"Q", sql.encode() + b"\0"))
    error, told, rows = None, [], []
    while True:
        tag, body = connection.receive()
        if tag == b"Z":
            return error, told, rows
        if tag == b"E":
            fields = pgraw.error_fields(body)
            error = fields.get("C"), fields.get("M")
        elif tag == b"N":
            fields = pgraw.error_fields(body)
            told.append(f"{fields.get('S')}: {fields.get('M')}")
        elif tag == b"D":
            rows.append(pgraw.cells(body))


def run(connection, sql):
    error, _, _ = ask(connection, sql)
    if error:
        raise SystemExit(f"{sql}: {error}")


def state(connection):
    return [ask(connection, sql) for sql in STATE]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the page")
    args = parser.parse_args()
    given = tomllib.loads((HERE / "definitions.toml").read_text())
    gateway, reference = pgraw.both()
    failures, counts, lines = [], {"done": 0, "told": 0, "refused": 0}, [HEAD]
    for connection in (gateway, reference):
        for sql in given["after"]:
            ask(connection, sql)
        for sql in given["before"]:
            run(connection, sql)
    before = state(gateway)
    for section in given["section"]:
        lines += [f"## {section['title']}", "", "| form | what becomes of it |", "|---|---|"]
        for sql in section["statements"]:
            ask(reference, "begin")
            expected, _, _ = ask(reference, sql)
            ask(reference, "rollback")
            ask(gateway, "begin")
            error, told, _ = ask(gateway, sql)
            _, left, _ = ask(gateway, "rollback")
            if error and (not expected or error[0] == "0A000" != expected[0]):
                counts["refused"] += 1
                verdict = f"**refused**: {error[1]}"
            elif error:
                if error[0] != (expected and expected[0]):
                    failures.append(f"{sql}: got {error}, expected {expected}")
                verdict = f"{error[1]} ({error[0]}), as in PostgreSQL"
            else:
                if expected:
                    failures.append(f"{sql}: done, expected {expected}")
                counts["told" if told else "done"] += 1
                verdict = "done" + "".join(f"; {text}" for text in told) + "".join(f"; ROLLBACK: {text}" for text in left)
            shown, verdict = sql.replace("|", "\\|"), verdict.replace("|", "\\|")
            lines.append(f"| `{shown}` | {verdict} |")
            if not left:
                now = state(gateway)
                for one, other, question in zip(before, now, STATE):
                    if one != other:
                        failures.append(f"{sql}: behind ROLLBACK {question} is {other}, was {one}")
                before = now
            else:
                for again in given["after"]:
                    ask(gateway, again)
                for again in given["before"]:
                    run(gateway, again)
                before = state(gateway)
        lines.append("")
    for connection in (gateway, reference):
        for sql in given["after"]:
            ask(connection, sql)
    page = "\n".join(lines).rstrip() + "\n"
    if args.write:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        old = PAGE.read_text().splitlines() if PAGE.exists() else []
        new = page.splitlines()
        failures += [f"docs/DDL.md lacks: {line}" for line in new if line not in old]
        failures += [f"docs/DDL.md has: {line}" for line in old if line not in new]
    for failure in failures:
        print(f"FAIL {failure}")
    print(f"{counts['done']} done, {counts['told']} told, {counts['refused']} refused")
    print(f"{sum(counts.values())} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
