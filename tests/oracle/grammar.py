"""Generated SELECT statements, to PostgreSQL and to the server under test, compared.

grammar_schema.py makes the same tables on both sides, grammar_terms.py and grammar_queries.py make a statement of a seed and a number:
`--seed 7 --from 1234 --count 1` makes the one of that number again. Equal has to be all that a client sees: rows (in their order
where ORDER BY has all columns), names, types and modifiers of columns, the tag, and the SQLSTATE of an error. The server may
refuse (0A000, 54000) what PostgreSQL answers, at most `--refused-max` of a hundred.

    grammar.py --seed 1 --count 2000
    grammar.py --seed 7 --from 1234 --count 1 --show
"""

import argparse
import collections
import os
import re
import struct
import sys
import time

import pgraw
from audit_modes import Servers, numeric_text
from audit_modes import ask as bind
from grammar_queries import Maker
from grammar_schema import statements

CANCELLED = "57014"
REFUSALS = ("0A000", "54000")
MODES = ("simple", "simple", "extended", "binary", "bound")
NUMERIC = 1700
NUMBERS = (NUMERIC, 700, 701)
# OIDs from here on differ from one database to the next.
FIRST_OWN_OID = 16384
# PostgreSQL describes what it has planned: it has a modifier where an expression was folded to one of its parts, and version 18
# has that of the first query of these set operations.
KEEPS_MODIFIER = re.compile(r"\b(coalesce|case|nullif|least|greatest|except|intersect|union)\b")
# Errors about a value: which row is looked at first, and whether a row is looked at at all that another condition leaves out, is up
# to the planner.
OF_VALUES = ("21", "22")
# PostgreSQL 17.5, which is the embedded one, cannot plan `(1 = any(list)) <> all (select ..)`, whatever list is a column of:
# `select 1 from pg_index where (1 = any(indkey::int2[])) <> all (select relhasindex from pg_class)` shows it there, and not on 18.
OF_17 = ("XX000", re.compile(r"no relation entry for relid \d+"))


class Answer:
    def __init__(self, replies, binary):
        self.error = self.message = self.tag = None
        self.columns, self.rows = None, []
        for tag, body in replies:
            if tag == b"T":
                self.columns = fields(body)
            elif tag == b"D":
                self.rows.append(tuple(pgraw.cells(body)))
            elif tag == b"C":
                self.tag = body[:-1].decode()
            elif tag == b"E":
                found = pgraw.error_fields(body)
                self.error, self.message = found.get("C"), found.get("M")
        self.binary = binary

    def __str__(self):
        if self.error:
            return f"{self.error} {self.message}"
        return f"{self.tag} {self.columns} {[[cell if cell is None else cell.decode('utf-8', 'replace') for cell in row] for row in self.rows]}"


def fields(body):
    """RowDescription: name, type, length, modifier and format of each column."""
    (count,) = struct.unpack("!h", body[:2])
    out, at = [], 2
    for _ in range(count):
        end = body.index(b"\0", at)
        _, _, oid, length, typmod, form = struct.unpack("!ihIhih", body[end + 1 : end + 19])
        out.append((body[at:end].decode(), oid, length, typmod, form))
        at = end + 19
    return out


def same_columns(expected, got, keeps_modifier=False):
    """Whether columns are described alike; with `keeps_modifier` the second may lack a modifier."""
    if expected is None or got is None or len(expected) != len(got):
        return expected == got
    for (name, oid, *rest), (other_name, other_oid, *other_rest) in zip(expected, got):
        # A row of a table is of the table's type, which has no fixed OID.
        is_same = oid == other_oid or (oid >= FIRST_OWN_OID and (other_oid >= FIRST_OWN_OID or other_oid == 2249))
        if keeps_modifier and other_rest[1] == -1:
            rest = [rest[0], -1, rest[2]]
        if name != other_name or not is_same or rest != other_rest:
            return False
    return True


def by_value(answer):
    """The rows with numbers by their value: a numeric that IRIS computes has other digits behind the point, a double another last
    digit, and rows that ORDER BY cannot tell apart may change places."""
    numbers = [column[1] in NUMBERS and column[1] for column in answer.columns or ()]
    return [tuple(number(cell, oid, answer.binary) if oid and cell is not None else cell for cell, oid in zip(row, numbers)) for row in answer.rows]


def number(cell, oid, binary):
    if not binary:
        text = cell.decode()
    elif oid == NUMERIC:
        text = numeric_text(cell)
    else:
        text = repr(struct.unpack("!d" if len(cell) == 8 else "!f", cell)[0])
    return f"{float(text) + 0.0:.13g}".encode()


def key(row):
    return [(cell is None, cell or b"") for cell in row]


def difference(expected, got, sql, ordered):
    """What differs; None for nothing, `digits` where it is the digits of a computed number alone."""
    if expected.error or got.error:
        return None if expected.error == got.error else "error"
    if not same_columns(expected.columns, got.columns, bool(KEEPS_MODIFIER.search(sql))):
        return "columns"
    if expected.tag != got.tag:
        return "tag"
    if sorted(expected.rows, key=key) != sorted(got.rows, key=key):
        return "digits" if sorted(by_value(expected), key=key) == sorted(by_value(got), key=key) else "rows"
    return "order" if ordered and expected.rows != got.rows and by_value(expected) != by_value(got) else None


def ask(connection, sql, mode):
    if mode == "simple":
        return Answer(connection.simple(sql), False)
    return Answer(connection.extended(sql, binary_results=mode == "binary"), mode == "binary")


def ask_bound(connection, asked):
    """A statement with parameters in place of constants."""
    return Answer(connection.extended(asked.sql, asked.oids, asked.values, asked.mode == "binary"), asked.mode == "binary")


def connect_both():
    host = os.environ.get("PGHOST", "127.0.0.1")
    server = lambda: pgraw.Connection(host, int(os.environ["PGPORT"]), os.environ["PGUSER"], os.environ["PGPASSWORD"], os.environ["PGDATABASE"], 120)
    reference = pgraw.Connection("127.0.0.1", int(os.environ["REFERENCE_PORT"]), "_SYSTEM", "", "USER", 120)
    return reference, server


def make_schema(reference, server):
    for sql in statements():
        for side, connection in (("PostgreSQL", reference), ("the server under test", server)):
            answer = ask(connection, sql, "simple")
            if answer.error:
                sys.exit(f"{sql}\n{side}: {answer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("GRAMMAR_SEED", "20261130")))
    parser.add_argument("--count", type=int, default=int(os.environ.get("GRAMMAR_COUNT", "2000")))
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first statement")
    parser.add_argument("--mode", choices=sorted(set(MODES)))
    parser.add_argument("--show", action="store_true", help="print statements and answers")
    parser.add_argument("--print", action="store_true", help="print the statements alone")
    parser.add_argument("--keep", action="store_true", help="the schema is there already")
    parser.add_argument("--refused", action="store_true", help="print what is refused")
    parser.add_argument("--digits", action="store_true", help="print what differs in digits alone")
    parser.add_argument("--errors", action="store_true", help="print what PostgreSQL refuses")
    parser.add_argument("--refused-max", type=float, default=100.0, help="of a hundred statements that PostgreSQL answers")
    arguments = parser.parse_args()

    if arguments.print:
        for number in range(arguments.first, arguments.first + arguments.count):
            print(f"{number}: {Maker(arguments.seed, number).statement()[0]}")
        return
    reference, connect = connect_both()
    server = connect()
    if not arguments.keep:
        make_schema(reference, server)
    # Joins without a condition may take a while.
    ask(reference, "set statement_timeout = '5s'", "simple")
    counts = collections.Counter()
    seconds = collections.Counter()
    errors, reasons = collections.Counter(), collections.Counter()
    encoder = Servers()
    for number in range(arguments.first, arguments.first + arguments.count):
        sql, ordered = Maker(arguments.seed, number).statement()
        mode = arguments.mode or MODES[number % len(MODES)]
        asked = None
        began = time.monotonic()
        if mode == "bound":
            asked = bind(encoder, sql, ("extended", "binary")[number // len(MODES) % 2], arguments.seed)
            expected = ask_bound(reference, asked)
            # A constant may have to be one, and a parameter may be of no type.
            if expected.error:
                asked, mode = None, "extended"
            else:
                sql = str(asked)
        if asked is None:
            expected = ask(reference, sql, mode)
        seconds["PostgreSQL"] += time.monotonic() - began
        if expected.error == CANCELLED:
            counts["too long"] += 1
            continue
        began = time.monotonic()
        try:
            got = ask_bound(server, asked) if asked else ask(server, sql, mode)
        except (pgraw.Closed, OSError) as error:
            print(f"seed {arguments.seed} number {number} {mode}: the connection ended: {error}\n  {sql}")
            counts["different"] += 1
            server = connect()
            continue
        seconds["server"] += time.monotonic() - began
        if expected.error:
            counts["PostgreSQL's errors"] += 1
            errors[f"{expected.error} {expected.message[:60]}"] += 1
            if arguments.errors:
                print(f"{number} {expected}\n  {sql}")
        if arguments.show:
            print(f"{number} {mode} {sql}\n  PostgreSQL: {expected}\n  server:     {got}")
        if got.error in REFUSALS and expected.error not in REFUSALS:
            counts["refused"] += 1
            reasons[re.sub(r'"[^"]*"', '".."', got.message)[:90]] += 1
            if arguments.refused:
                print(f"seed {arguments.seed} number {number} {mode} refused: {got.message}\n  {sql}")
            continue
        what = difference(expected, got, sql, ordered)
        if what == "error" and (expected.error or got.error)[:2] in OF_VALUES and (got.error or expected.error)[:2] in OF_VALUES:
            counts["errors of values"] += 1
        elif what == "error" and got.error == OF_17[0] and OF_17[1].fullmatch(got.message):
            counts["faults of 17.5"] += 1
        elif what == "digits":
            counts["digits"] += 1
            if arguments.digits:
                print(f"seed {arguments.seed} number {number} {mode} {what}\n  {sql}")
        elif what is None:
            counts["equal"] += 1
        else:
            counts["different"] += 1
            print(f"seed {arguments.seed} number {number} {mode} {what}\n  {sql}\n  PostgreSQL: {str(expected)[:400]}\n  server:     {str(got)[:400]}", flush=True)
    for name, few in (("PostgreSQL's errors", errors), ("refused", reasons)):
        for text, count in few.most_common(12):
            print(f"{name}: {count} {text}")
    answered = max(arguments.count - counts["PostgreSQL's errors"], 1)
    print(
        ", ".join(f"{name} {counts[name]}" for name in ("equal", "refused", "different", "digits", "errors of values", "faults of 17.5", "too long", "PostgreSQL's errors"))
        + f"; refused {100 * counts['refused'] / answered:.2f} %; PostgreSQL {seconds['PostgreSQL']:.1f} s, server {seconds['server']:.1f} s"
    )
    failed = counts["different"] + (100 * counts["refused"] / answered > arguments.refused_max)
    print(f"{arguments.count - failed} passed, {failed} failed")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
