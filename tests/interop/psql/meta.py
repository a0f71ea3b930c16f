"""meta.py: psql's meta-commands and completion over the sample schema, on the server under test and on a PostgreSQL.

PSQLS names the programs, REFERENCE16_PORT the PostgreSQL. What may differ is in NORMAL, each with its reason.
"""

import os
import pty
import re
import select
import subprocess
import time

from checks import Checks

SUBJECT = os.environ["PGPORT"]
REFERENCE = os.environ["REFERENCE16_PORT"]

# Printed alike on both servers but for these.
NORMAL = (
    # Files of the reference have sizes; of tables of IRIS the gateway tells none.
    (re.compile(r"\b\d+ (bytes|kB|MB)\b"), ""),
    # The mirror's owner and its superuser.
    (re.compile(r"\b(iris|pg_gateway|postgres|_SYSTEM)\b"), "OWNER"),
)

TABLES = ("customers", "orders", "docs", "sales.invoices", "active_customers", "customers_pkey", "customers_id_seq", "docs_embedding_hnsw", "orders_customer_idx")

# Compared line by line.
SAME = (
    [rf"\d {t}" for t in TABLES]
    + [rf"\d+ {t}" for t in TABLES]
    + [r"\d", r"\d+", r"\dt", r"\dt+", r"\dt *.*customers", r"\di", r"\di+", r"\dv", r"\dv+", r"\ds", r"\dm", r"\dn", r"\dn+", r"\d nosuchtable"]
    + [r"\dp", r"\dp customers", r"\dd", r"\dD", r"\dC", r"\do <->", r"\df vector_dims", r"\df+ pg_catalog.lower", r"\da pg_catalog.sum", r"\dT", r"\dT+ vector"]
    + [r"\dT pg_catalog.jsonb", r"\dA", r"\dAc hnsw", r"\dL", r"\dF", r"\det", r"\dew", r"\des", r"\dRp", r"\dX", r"\dy", r"\dP", r"\sv active_customers", r"\sv+ active_customers"]
    + [r"\sf pg_catalog.col_description(oid,int4)", r"\sf+ pg_catalog.col_description(oid,int4)", r"\sf vector_dims(vector)", r"\sf nosuchfunction", r"\z orders", r"\dE"]
)

checks = Checks()


def psql(program, port, command, *more):
    run = subprocess.run(
        [program, "-X", "-P", "pager=off", "-h", "127.0.0.1", "-p", port, *more, "-c", command],
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )
    return run.stdout + run.stderr


def major(program):
    return int(version_of(program).split(".")[0])


def version_of(program):
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def roles_of(port):
    """The names of the superuser and of the owner of the sample schema, which each server chooses."""
    sql = "SELECT rolname FROM pg_roles WHERE oid = 10 UNION ALL SELECT tableowner FROM pg_tables WHERE tablename = 'customers'"
    return psql(os.environ["PSQLS"].split(":")[0], port, sql, "-At").split()


def normal(text, roles):
    for role, name in zip(roles, ("SUPERUSER", "OWNER")):
        # In a cell of its own, quoted when it must be, or in privileges.
        text = re.sub(rf'(?<=[|/\n"]){re.escape(role)}(?=[|\n="]|$)', name, text)
    for pattern, replacement in NORMAL:
        text = pattern.sub(replacement, text)
    return text


def same(program, command):
    got = normal(psql(program, SUBJECT, command, "-A"), ROLES[SUBJECT]).splitlines()
    expected = normal(psql(program, REFERENCE, command, "-A"), ROLES[REFERENCE]).splitlines()
    assert expected, f"the reference printed nothing for {command}"
    if got != expected:
        missing = [line for line in expected if line not in got]
        more = [line for line in got if line not in expected]
        raise AssertionError(f"missing {missing[:5]}, more {more[:5]}" if missing or more else "lines in another order")


def rows(program, port, command):
    """The rows of an unaligned answer, without its title."""
    out = psql(program, port, command, "-A", "-t")
    return [line.split("|") for line in out.splitlines()]


def databases(program):
    """The gateway has one database of its own making, in UTF8."""
    if major(program) < 17 and "daticulocale does not exist" in psql(program, SUBJECT, r"\l"):
        # A psql of before 17 asks any PostgreSQL 17 in vain.
        return
    for command in (r"\l", r"\l+"):
        found = {row[0]: row for row in rows(program, SUBJECT, command)}
        assert os.environ["PGDATABASE"] in found, f"{command}: {sorted(found)}"
        assert "UTF8" in found[os.environ["PGDATABASE"]], found
        assert len(psql(program, SUBJECT, command, "-A").splitlines()[1].split("|")) == len(psql(program, REFERENCE, command, "-A").splitlines()[1].split("|"))


def roles(program):
    for command in (r"\du", r"\dg", r"\du+"):
        found = [row[0] for row in rows(program, SUBJECT, command)]
        assert os.environ["PGUSER"] in found, f"{command}: {found}"


def extensions(program):
    """pgvector's version is the gateway's own."""
    found = {row[0]: row for row in rows(program, SUBJECT, r"\dx")}
    expected = {row[0]: row for row in rows(program, REFERENCE, r"\dx")}
    assert set(found) == set(expected), f"{sorted(found)}, expected {sorted(expected)}"
    assert re.fullmatch(r"0\.\d+\.\d+", found["vector"][1]), found["vector"]
    # The schema and the description; psql 18 shows the default version too.
    assert found["vector"][-2:] == expected["vector"][-2:], found["vector"]
    objects = set(psql(program, SUBJECT, r"\dx+ vector", "-A", "-t").splitlines())
    assert {"type vector", "access method hnsw", "operator <->(vector,vector)"} <= objects, sorted(objects)[:20]


def functions(program):
    """Those of the older pgvector are among those of the newer."""
    found = {tuple(row) for row in rows(program, SUBJECT, r"\df")}
    expected = {tuple(row) for row in rows(program, REFERENCE, r"\df")}
    assert len(found) > 80, f"{len(found)} functions"
    assert found <= expected, sorted(found - expected)[:5]


def connection(program):
    out = psql(program, SUBJECT, r"\conninfo")
    assert os.environ["PGDATABASE"] in out and os.environ["PGUSER"] in out and SUBJECT in out, out


class Terminal:
    """psql on a terminal of its own, as a person has it."""

    def __init__(self, program, port):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, TERM="dumb", PAGER="cat", PGPORT=port, PGHOST="127.0.0.1", INPUTRC="/dev/null", PSQL_HISTORY="/dev/null")
            os.execve(program, [program, "-X"], environment)
        self.seen = ""
        self.wait_for(r"=[#>] ")

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if ready:
            try:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return False
        return bool(ready)

    def wait_for(self, pattern, seconds=20):
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.seen):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {pattern} within {seconds} s in {self.seen[-300:]!r}")
            self.read(0.2)

    def complete(self, typed, tabs=1):
        """What the line became after the tabs, and the choices shown."""
        self.seen = ""
        os.write(self.fd, typed.encode() + b"\t")
        for _ in range(tabs - 1):
            self.quiet()
            os.write(self.fd, b"\t")
        self.quiet()
        shown = self.seen
        # Out of the line again.
        os.write(self.fd, b"\x15")
        self.quiet()
        return shown.replace("\a", "").replace("\r", "")

    def quiet(self):
        """Until nothing came for a while."""
        first = time.monotonic()
        while self.read(0.4) or (not self.seen and time.monotonic() - first < 10):
            pass

    def close(self):
        os.write(self.fd, b"\\q\n")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


COMPLETIONS = (
    ("SELECT * FROM cus", 1, r"cus(\x1b\[\w+|\x08)*tomers"),
    ("SELECT * FROM sales.inv", 1, r"sales\.invoices"),
    ("UPDATE orders SET cus", 1, r"customer_id"),
    ("DROP VIEW act", 1, r"active_customers"),
    ("ALTER TABLE docs DROP COLUMN emb", 1, r"embedding"),
    ("SELECT * FROM customers", 2, r"customers_pkey|customers_id_seq|customers"),
    ("SET search_p", 1, r"search_path"),
    ("\\d ord", 2, r"orders"),
    ("\\dn sal", 1, r"sales"),
)


def completion(program):
    subject, reference = Terminal(program, SUBJECT), Terminal(program, REFERENCE)
    try:
        for typed, tabs, pattern in COMPLETIONS:
            expected = reference.complete(typed, tabs)
            got = subject.complete(typed, tabs)
            assert re.search(pattern, expected), f"{typed!r}: the reference showed {expected!r}"
            assert got == expected, f"{typed!r}: {got!r}, expected {expected!r}"
    finally:
        subject.close()
        reference.close()


ROLES = {}


def main():
    ROLES.update({port: roles_of(port) for port in (SUBJECT, REFERENCE)})
    for program in os.environ["PSQLS"].split(":"):
        version = version_of(program)
        for command in SAME:
            checks.check(f"psql {version} {command}", lambda command=command: same(program, command))
        for name, run in ((r"\l", databases), (r"\du", roles), (r"\dx", extensions), (r"\df", functions), (r"\conninfo", connection), ("completion", completion)):
            checks.check(f"psql {version} {name}", lambda run=run: run(program))
    checks.close()


main()
