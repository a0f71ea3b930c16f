#!/usr/bin/env python3
"""docs/SQL.md: what becomes of the statements of constructs.toml. `--write` writes it, else it is compared.

Who computes a statement is told by EXPLAIN for queries; what writes is run in a transaction that is rolled back. PostgreSQL
takes each of them, which is looked at first.
"""

import argparse
import pathlib
import sys
import tomllib

import pgraw

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "SQL.md"
HEAD = """# What becomes of a statement

Made by `tests/oracle/constructs.py --write`; not written by hand. Over tables of IRIS,

- **IRIS** computes it: the statement is translated, and IRIS answers as PostgreSQL would, for every value;
- **PostgreSQL** finishes it: IRIS gives the rows it needs, with the conditions that IRIS can compute, and the PostgreSQL of the
  catalogs computes the rest (`EXPLAIN` shows both steps, `finish_rows_max` and `finish_bytes_max` bound them);
- a change of rows whose new values PostgreSQL computes is **stored by IRIS** row by row, in one transaction;
- rows that a SELECT locks are read, **locked by IRIS**, and read again. NOWAIT and SKIP LOCKED go by what other sessions of the same
  gateway have locked by a SELECT; for rows that others have changed they wait, as for those of other gateways. FOR SHARE keeps
  out as many as FOR UPDATE does;
- or it is **refused** with SQLSTATE 0A000 and the sentence given.

What names no table, or catalogs only, PostgreSQL answers by itself.

The 22 queries of TPC-H are all computed by IRIS alone (`tests/run.sh tpch`); what they cost there, and where PostgreSQL is made to
finish them: `perf/results`.
"""


def ask(connection, sql):
    connection.send(pgraw.message(b"Q", sql.encode() + b"\0"))
    return connection.until_ready()


def error(answer):
    for tag, body in answer:
        if tag == b"E":
            fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
            return fields[b"C"], fields[b"M"]
    return None


def run(connection, sql):
    failed = error(ask(connection, sql))
    if failed:
        raise SystemExit(f"{sql}: {failed}")


def written_back(connection):
    answer = ask(connection, "select sum(value) from pgwire_counters where name = 'statements_written_back'")
    return int(next(body for tag, body in answer if tag == b"D")[6:])


def verdict(connection, sql, writes, locks):
    ask(connection, "begin")
    before = written_back(connection)
    try:
        answer = ask(connection, sql if writes or locks else f"explain {sql}")
        failed = error(answer)
        if failed and failed[0] == "0A000":
            return f"refused: {failed[1]}"
        if failed:
            raise SystemExit(f"{sql}: {failed}")
        if locks:
            return "IRIS, which locks the rows"
        first = next(body for tag, body in answer if tag in (b"D", b"C"))
        if b"PostgreSQL: " in first:
            return "PostgreSQL"
        return "PostgreSQL, stored by IRIS" if writes and written_back(connection) > before else "IRIS"
    finally:
        ask(connection, "rollback")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the page")
    args = parser.parse_args()
    given = tomllib.loads((HERE / "constructs.toml").read_text())
    gateway, reference = pgraw.both()
    for connection in (gateway, reference):
        for sql in given["tables"]:
            run(connection, sql)
    lines, counts = [HEAD], {}
    for section in given["section"]:
        writes = section["title"] == "Writing"
        lines += [f"## {section['title']}", "", "| statement | computed by |", "|---|---|"]
        for sql in section["statements"]:
            ask(reference, "begin")
            run(reference, sql)
            ask(reference, "rollback")
            found = verdict(gateway, sql, writes, section["title"] == "Locking")
            counts[found.split(":")[0]] = counts.get(found.split(":")[0], 0) + 1
            shown = sql.replace("|", "\\|")
            lines.append(f"| `{shown}` | {found} |")
        lines.append("")
    for connection in (gateway, reference):
        for table in ("orders", "people", "items"):
            run(connection, f"drop table {table}")
    page = "\n".join(lines).rstrip() + "\n"
    passed, failed = sum(counts.values()), 0
    if args.write:
        PAGE.write_text(page)
    elif not PAGE.exists() or PAGE.read_text() != page:
        failed = 1
        old = PAGE.read_text().splitlines() if PAGE.exists() else []
        for line in page.splitlines():
            if line not in old:
                print(f"FAIL docs/SQL.md lacks: {line}")
        for line in old:
            if line not in page.splitlines():
                print(f"FAIL docs/SQL.md has: {line}")
    print(", ".join(f"{count} {who}" for who, count in sorted(counts.items())))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
