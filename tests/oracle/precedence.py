"""Operator precedence: how the server under test reads an expression, compared with how PostgreSQL reads it.

Expressions are generated without parentheses. PostgreSQL says how it read each one by the text of a view, where
everything is parenthesised. The server under test must give PostgreSQL's value for the plain text and for the
parenthesised text, and an error where PostgreSQL's grammar finds no meaning; where only the types are wrong (42883),
IRIS may convert. It may refuse an expression (0A000, 42601), but a wrong value fails.
"""

import os
import random
import re
import sys

import pgraw

COUNT = int(os.environ.get("PRECEDENCE_COUNT", "600"))
SEED = int(os.environ.get("PRECEDENCE_SEED", "20261124"))
# More refusals than this part of all, and the test says nothing.
REFUSED_MAX = 0.05

TABLE = "create table prec (a integer, b integer, c integer, z integer, f double precision, s varchar(20), t varchar(20), p boolean, q boolean)"
ROW = "insert into prec values (7, 2, -3, null, 1.5, 'abc', 'b', true, false)"


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def integer(self, depth):
        if depth <= 0 or self.random.random() < 0.25:
            return self.pick("a", "b", "c", "z", "1", "2", "5", "'4'::integer")
        kind = self.random.random()
        if kind < 0.75:
            return f"{self.integer(depth - 1)} {self.pick('+', '-', '*', '/', '%', '+', '-', '*')} {self.integer(depth - 1)}"
        if kind < 0.85:
            return f"- {self.integer(depth - 1)}"
        if kind < 0.95:
            return f"{self.integer(depth - 1)}::integer"
        return f"coalesce({self.integer(depth - 1)}, 9)"

    def text(self, depth):
        if depth <= 0 or self.random.random() < 0.4:
            return self.pick("s", "t", "'x'", "'abc'")
        if self.random.random() < 0.8:
            return f"{self.text(depth - 1)} || {self.text(depth - 1)}"
        return f"{self.integer(0)}::text || {self.text(depth - 1)}"

    def comparison(self, depth):
        operator = self.pick("=", "<>", "<", ">", "<=", ">=", "!=")
        if self.random.random() < 0.75:
            return f"{self.integer(depth)} {operator} {self.integer(depth)}"
        return f"{self.text(depth)} {operator} {self.text(depth)}"

    def boolean(self, depth):
        if depth <= 0:
            return self.pick("p", "q", "true", "false", "a > b")
        inner = depth - 1
        return self.pick(
            lambda: self.comparison(inner),
            lambda: self.comparison(inner),
            lambda: f"{self.boolean(inner)} and {self.boolean(inner)}",
            lambda: f"{self.boolean(inner)} or {self.boolean(inner)}",
            lambda: f"not {self.boolean(inner)}",
            lambda: f"{self.integer(inner)} is {self.pick('', 'not ')}null",
            lambda: f"{self.boolean(inner)} is {self.pick('', 'not ')}{self.pick('true', 'false', 'unknown', 'null')}",
            lambda: f"{self.integer(inner)} {self.pick('', 'not ')}between {self.integer(inner)} and {self.integer(inner)}",
            lambda: f"{self.integer(inner)} {self.pick('', 'not ')}in (1, {self.integer(0)}, 5)",
            lambda: f"{self.text(inner)} {self.pick('', 'not ')}{self.pick('like', 'like', 'ilike')} {self.text(inner)}",
            lambda: f"{self.integer(inner)} is {self.pick('', 'not ')}distinct from {self.integer(inner)}",
            lambda: f"{self.boolean(inner)} = {self.boolean(inner)}",
        )()

    def expression(self):
        kind = self.random.random()
        if kind < 0.6:
            return self.boolean(3)
        return self.integer(4) if kind < 0.85 else self.text(3)


def outcome(conn, sql):
    """The value, or the SQLSTATE of the error."""
    value, error = None, None
    for tag, body in conn.simple(sql):
        if tag == b"D":
            (cell,) = pgraw.cells(body)
            value = None if cell is None else cell.decode()
        elif tag == b"E":
            error = pgraw.error_fields(body).get("C")
    return ("error", error) if error else ("value", value)


def parenthesised(conn, expression):
    """PostgreSQL's reading; none when it finds no meaning."""
    conn.simple("drop view if exists prec_view")
    if any(tag == b"E" for tag, _ in conn.simple(f"create view prec_view as select {expression} as v from prec")):
        return None
    for tag, body in conn.simple("select pg_get_viewdef('prec_view'::regclass, false)"):
        if tag == b"D":
            text = pgraw.cells(body)[0].decode()
            return re.fullmatch(r"\s*SELECT (.*) AS v\s+FROM prec;\s*", text, re.S).group(1)
    raise RuntimeError(f"no view definition for {expression}")


def main():
    subject, reference = pgraw.both()
    for conn in (subject, reference):
        for sql in ("drop view if exists prec_view", "drop table if exists prec", TABLE, ROW):
            errors = [body for tag, body in conn.simple(sql) if tag == b"E"]
            if errors and "view" not in sql:
                sys.exit(f"{sql}: {pgraw.error_fields(errors[0])}")
    generator = Generator(SEED)
    passed = failed = refused = meaningless = 0
    for _ in range(COUNT):
        expression = generator.expression()
        read = parenthesised(reference, expression)
        forms = [expression] if read is None else [expression, read]
        expected = outcome(reference, f"select {expression} as v from prec")
        for form in forms:
            got = outcome(subject, f"select {form} as v from prec")
            if got == expected or (read is None and (got[0] == "error" or expected == ("error", "42883"))):
                passed += 1
                meaningless += read is None
            elif got in (("error", "0A000"), ("error", "42601")):
                refused += 1
                print(f"refused: {form}")
            else:
                failed += 1
                print(f"FAIL seed {SEED}: {form}\n     PostgreSQL reads {read}\n     got {got}, expected {expected}")
    if refused > REFUSED_MAX * (passed + refused):
        failed += 1
        print(f"FAIL {refused} expressions were refused")
    for conn in (subject, reference):
        conn.simple("drop view if exists prec_view")
        conn.simple("drop table if exists prec")
        conn.close()
    print(f"seed {SEED}: {COUNT} expressions, {meaningless} without meaning, {refused} refused")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
