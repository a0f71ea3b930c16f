"""How the audit asks: the three ways in (simple, extended, binary), parameters in place of constants, and what came back."""

import decimal
import os
import random
import re
import struct
import sys

import pgraw

MODES = ("simple", "extended", "binary")
# In a mixed run, of a hundred statements.
SHARES = (50, 25, 25)
# Of a hundred constants of a statement that is sent in the extended protocol.
BOUND = 80

# A string constant, and the type it is cast to.
CONSTANT = re.compile(r"'((?:[^']|'')*)'(?:::((?:double precision|[a-z][a-z0-9]*)(?:\([0-9,]+\))?(?:\[\])?))?")
# In front of it the grammar of PostgreSQL wants a constant.
CONSTANT_ONLY = re.compile(r"(?:\b(?:interval|date|time|timestamp|timestamptz|default)\s*|[\w\"])$", re.I)

FLOAT4, FLOAT8, NUMERIC = 700, 701, 1700


class Answer:
    def __init__(self, replies, binary=False):
        self.error = self.message = None
        self.names, self.types, self.parameters, self.rows, self.tags = [], [], [], [], []
        self.binary = binary
        for tag, body in replies:
            if tag == b"T":
                columns = pgraw.columns(body)
                self.names, self.types = [name for name, _ in columns], [oid for _, oid in columns]
            elif tag == b"t":
                self.parameters = [int.from_bytes(body[at : at + 4], "big") for at in range(2, len(body), 4)]
            elif tag == b"D":
                self.rows.append(pgraw.cells(body))
            elif tag == b"C":
                self.tags.append(body[:-1].decode())
            elif tag == b"E":
                fields = pgraw.error_fields(body)
                self.error, self.message = fields.get("C"), fields.get("M")

    def number(self, cell, oid):
        """A number as text."""
        if not self.binary:
            return cell.decode()
        if oid == NUMERIC:
            return numeric_text(cell)
        return repr(struct.unpack("!d" if oid == FLOAT8 else "!f", cell)[0])


def numeric_text(cell):
    """PostgreSQL's binary numeric (numeric_send)."""
    count, weight, sign, scale = struct.unpack("!hhHh", cell[:8])
    if sign not in (0, 0x4000):
        return {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}.get(sign, "?")
    digits = struct.unpack(f"!{count}h", cell[8:])
    value = sum(decimal.Decimal(digit).scaleb(4 * (weight - at), WIDE) for at, digit in enumerate(digits)) if digits else decimal.Decimal(0)
    text = f"{WIDE.quantize(decimal.Decimal(value), decimal.Decimal(1).scaleb(-scale)):f}"
    return ("-" if sign else "") + text


WIDE = decimal.Context(prec=1000)


class Asked:
    """A statement in one way of asking."""

    def __init__(self, sql, mode, oids=(), values=()):
        self.sql, self.mode, self.oids, self.values = sql, mode, oids, values

    def run(self, conn):
        if self.mode == "simple":
            return Answer(conn.simple(self.sql))
        return Answer(conn.extended(self.sql, self.oids, self.values, self.mode == "binary"), self.mode == "binary")

    def __str__(self):
        if not self.values:
            return f"{self.mode}: {self.sql}"
        values = ", ".join(f"{value!r} ({oid})" for value, oid in zip(self.values, self.oids))
        return f"{self.mode}: {self.sql} -- {values}"


class Servers:
    def __init__(self):
        env = os.environ
        self.open_subject = lambda: pgraw.Connection(env["PGHOST"], int(env["PGPORT"]), env["PGUSER"], env.get("PGPASSWORD", ""), env["PGDATABASE"], timeout=60)
        self.subject = self.open_subject()
        self.reference = pgraw.Connection("127.0.0.1", int(env["REFERENCE_PORT"]), "_SYSTEM", "", "USER", timeout=60)
        self.sent = {}

    def expected(self, asked):
        return (Asked(asked, "simple") if isinstance(asked, str) else asked).run(self.reference)

    def got(self, asked):
        try:
            return (Asked(asked, "simple") if isinstance(asked, str) else asked).run(self.subject)
        except (OSError, pgraw.Closed) as error:
            self.subject = self.open_subject()
            answer = Answer([])
            answer.error, answer.message = "<lost>", str(error)
            return answer

    def catalog(self, sql):
        answer = self.expected(sql)
        if answer.error:
            sys.exit(f"{sql}: {answer.message}")
        return [[c if c is None else c.decode() for c in row] for row in answer.rows]

    def encoded(self, text, declared):
        """The OID of a type and a value of it as PostgreSQL sends it, none where it is no such value."""
        key = (text, declared)
        if key not in self.sent:
            answer = Answer(self.reference.extended(f"select $1::{declared}", [0], [text], True), True)
            self.sent[key] = None if answer.error else (answer.types[0], answer.rows[0][0])
        return self.sent[key]


def ask(servers, sql, mode, seed):
    """The statement as it is sent in one of the modes; in the mixed one the seed and the statement choose."""
    chooser = random.Random(f"{seed} {sql}")
    if mode == "mixed":
        (mode,) = chooser.choices(MODES, SHARES)
    if mode == "simple":
        return Asked(sql, mode)
    oids, values, known = [], [], {}

    def bound(match):
        text, declared = match.group(1).replace("''", "'"), match.group(2)
        if CONSTANT_ONLY.search(sql[: match.start()]) or chooser.randrange(100) >= BOUND:
            return match.group(0)
        if match.group(0) in known:
            return known[match.group(0)]
        kind = chooser.choice(("cast", "text", "binary")) if declared else "open"
        sent = servers.encoded(text, declared) if kind in ("text", "binary") else None
        if sent is None and kind != "open":
            kind = "cast"
        # pgvector's types have numbers of the server's own.
        if kind in ("text", "binary") and sent[0] >= 16384:
            kind = "cast"
        oids.append(sent[0] if kind in ("text", "binary") else 0)
        values.append(sent[1] if kind == "binary" else text)
        known[match.group(0)] = f"${len(oids)}::{declared}" if kind == "cast" else f"${len(oids)}"
        return known[match.group(0)]

    return Asked(CONSTANT.sub(bound, sql), mode, oids, values)
