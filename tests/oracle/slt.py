"""Files of sqllogictest (https://sqlite.org/sqllogictest), to PostgreSQL and to the server under test, compared.

What the files expect is SQLite's; here both sides answer, and equal has to be what grammar.py compares: rows, names and types of
columns, tags, and the SQLSTATE of an error. Queries are asked in the simple and the extended protocol and in binary by turns.

    slt.py --count 300 FOLDER/test/random/*/*.test     300 queries of each file, from all over it
    slt.py --show FILE                                 prints the answers that differ
"""

import argparse
import collections
import pathlib
import re
import sys

import pgraw
from grammar import REFUSALS, Answer, ask, connect_both, difference

MODES = ("simple", "extended", "binary")
MADE = re.compile(r"^create\s+(?:unique\s+)?(table|view)\s+(\w+)", re.IGNORECASE)
ENGINE = "postgresql"


def records(path):
    """What a file says, as (is_query, sql), without what is for other engines."""
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
        lines = [line for line in block.split("\n") if not line.startswith("#")]
        is_for_us = True
        while lines and lines[0].split(" ")[0] in ("onlyif", "skipif"):
            word, engine = lines.pop(0).split()[:2]
            is_for_us &= (engine == ENGINE) == (word == "onlyif")
        if not lines:
            continue
        word = lines[0].split(" ")[0]
        if word == "halt" and is_for_us:
            return
        if word in ("statement", "query") and is_for_us:
            sql = "\n".join(lines[1:]).split("\n----")[0].strip()
            if sql:
                yield word == "query", sql


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.reference, self.connect = connect_both()
        self.server = self.connect()
        self.found = collections.Counter()
        self.refusals = collections.Counter()

    def both(self, sql, mode):
        expected = ask(self.reference, sql, mode)
        try:
            return expected, ask(self.server, sql, mode)
        except (OSError, pgraw.Closed) as error:
            self.server = self.connect()
            got = Answer([], False)
            got.error = got.message = f"<{error}>"
            return expected, got

    def file(self, path):
        said = list(records(path))
        made = [match.groups() for _, sql in said if (match := MADE.match(sql))]
        clear = [f"drop {kind} if exists {name}" for kind, name in reversed(made)]
        queries = sum(is_query for is_query, _ in said)
        # Of many queries every so manyth.
        step = max(queries / self.arguments.count, 1) if self.arguments.count else 1
        asked = nth = 0
        for sql in clear:
            self.both(sql, "simple")
        for is_query, sql in said:
            if not is_query:
                expected, got = self.both(sql, "simple")
                self.statement(path, sql, expected, got)
                continue
            nth += 1
            if nth < asked * step:
                continue
            mode = MODES[asked % len(MODES)]
            asked += 1
            expected, got = self.both(sql, mode)
            self.query(path, sql, mode, expected, got)
        for sql in clear:
            self.both(sql, "simple")

    def statement(self, path, sql, expected, got):
        # What PostgreSQL does not take is SQLite's own; what it takes, both sides need for the queries behind it.
        if expected.error is None and got.error is not None:
            self.found["statement refused"] += 1
            self.print(path, sql, "simple", expected, got)
            for side in (self.reference, self.server):
                ask(side, "rollback", "simple")

    def query(self, path, sql, mode, expected, got):
        what = difference(expected, got, sql, False)
        if got.error in REFUSALS and not expected.error:
            what = "refused"
            self.refusals[got.message] += 1
        self.found[what or "equal"] += 1
        if what not in (None, "digits"):
            self.print(path, sql, mode, expected, got)

    def print(self, path, sql, mode, expected, got):
        if self.arguments.show:
            print(f"{path.name} {mode}: {' '.join(sql.split())[:500]}\n  PostgreSQL: {str(expected)[:300]}\n  server:     {str(got)[:300]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=0, help="queries of each file; all when not given")
    parser.add_argument("--show", action="store_true", help="print what differs and is refused")
    arguments = parser.parse_args()
    comparison = Comparison(arguments)
    for path in arguments.files:
        comparison.file(path)
    for message, count in comparison.refusals.most_common(20):
        print(f"refused {count}: {message}")
    found = comparison.found
    print(", ".join(f"{count} {what}" for what, count in found.most_common()))
    passed = found["equal"] + found["digits"]
    failed = sum(found.values()) - passed - found["refused"]
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
