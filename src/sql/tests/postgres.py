#!/usr/bin/env python3
"""Makes precedence.txt and describe.txt: what a real PostgreSQL 15 says, so that the tests need none.

    ./postgres.py [--bin DIR]       (as root it runs the server as the user postgres)

precedence.txt: random operator expressions, each with PostgreSQL's own reading of it: a view is made of the expression
and its definition read back, which has every parenthesis. All operators are defined for boolean, so that every
expression the grammar takes has a type. `!` stands for a syntax error.

describe.txt: the statements of describe.sql with the names and types of their columns.
"""
import argparse, getpass, os, pathlib, random, shutil, socket, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).parent
SEED, COUNT = 20261124, 1500


class Server:
    def __init__(self, bin_dir):
        self.bin = pathlib.Path(bin_dir)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pgw-oracle-"))
        self.prefix = []
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
            self.prefix = ["runuser", "-u", "postgres", "--"]
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = str(s.getsockname()[1])

    def run(self, *command, **kw):
        return subprocess.run([*self.prefix, *map(str, command)], check=True, text=True, cwd="/", **kw)

    def __enter__(self):
        data = self.dir / "data"
        self.run(self.bin / "initdb", "-D", data, "-A", "trust", "-U", "oracle", "-E", "UTF8", "--no-sync",
                 stdout=subprocess.DEVNULL)
        self.run(self.bin / "pg_ctl", "-D", data, "-w", "-l", self.dir / "log", "-o",
                 f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.dir} -c fsync=off", "start",
                 stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.run(self.bin / "pg_ctl", "-D", self.dir / "data", "-m", "immediate", "stop", stdout=subprocess.DEVNULL)
        shutil.rmtree(self.dir)

    def sql(self, text):
        env = dict(os.environ, PGTZ="UTC")
        done = subprocess.run(["psql", "-h", "127.0.0.1", "-p", self.port, "-U", "oracle", "-d", "postgres", "-X",
                               "-q", "-A", "-t", "-F", "\t", "-v", "VERBOSITY=sqlstate"],
                              input=text, text=True, capture_output=True, env=env)
        return done.stdout


INFIX = ["+", "-", "*", "/", "%", "^", "||", "<=>", "->", "@>", "&", "=", "<", ">", "<=", ">=", "<>", "!="]
NAMES = "abcdef"


def operators():
    yield "CREATE FUNCTION two(boolean, boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
    yield "CREATE FUNCTION one(boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1';"
    for op in INFIX[:11] + ["~~", "!~~", "~~*", "!~~*"]:
        yield f"CREATE OPERATOR {op} (leftarg = boolean, rightarg = boolean, function = two);"
    for op in ["-", "+", "~", "@"]:
        yield f"CREATE OPERATOR {op} (rightarg = boolean, function = one);"
    yield "CREATE TABLE t (" + ", ".join(f"{n} boolean" for n in NAMES) + ");"


def expression(rng, depth):
    """Operators and operands one behind the other, without parentheses."""
    name = lambda: rng.choice(NAMES)
    def operand():
        kind = rng.random()
        if kind < 0.12:
            return rng.choice(["NOT", "-", "~", "@"]) + " " + operand()
        return name() + ("::boolean" if kind > 0.94 else "")
    parts = [operand()]
    for _ in range(rng.randint(1, depth)):
        kind = rng.random()
        if kind < 0.50:
            parts += [rng.choice(INFIX), operand()]
        elif kind < 0.66:
            parts += [rng.choice(["AND", "OR"]), operand()]
        elif kind < 0.78:
            parts += [rng.choice(["IS NULL", "IS NOT NULL", "IS TRUE", "IS NOT FALSE", "IS UNKNOWN", "ISNULL", "NOTNULL"])]
        elif kind < 0.84:
            parts += [rng.choice(["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]), operand()]
        elif kind < 0.90:
            parts += [rng.choice(["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"]), operand()]
        elif kind < 0.95:
            parts += [rng.choice(["BETWEEN", "NOT BETWEEN"]), operand(), "AND", operand()]
        else:
            parts += [rng.choice(["IN", "NOT IN"]), f"({name()}, {name()})"]
    return " ".join(parts)


def precedence(server):
    rng = random.Random(SEED)
    known = ["a IS NULL = b", "a -> b ->> c".replace("->>", "@>"), "a < b IS TRUE", "NOT a = b", "- a ^ b",
             "a AND b IS NULL", "a BETWEEN b AND c = d", "a = b BETWEEN c AND d", "a = NOT b AND c", "a < b < c"]
    expressions = known + [expression(rng, 6) for _ in range(COUNT)]
    script = list(operators())
    for n, text in enumerate(expressions):
        script.append(f"CREATE VIEW v{n} AS SELECT {text} AS x FROM t;")
    server.sql("\n".join(script))
    rows = server.sql("SELECT relname, regexp_replace(pg_get_viewdef(oid), '\\s+', ' ', 'g') FROM pg_class"
                      " WHERE relkind = 'v' AND relname ~ '^v[0-9]+$'")
    views = dict(line.split("\t", 1) for line in rows.splitlines())
    with open(HERE / "precedence.txt", "w") as out:
        for n, text in enumerate(expressions):
            view = views.get(f"v{n}")
            body = view.strip().removeprefix("SELECT ").removesuffix(" AS x FROM t;") if view else "!"
            for name in NAMES:
                body = body.replace(f"t.{name}", name)
            out.write(f"{text}\t{body}\n")


TABLES = """
CREATE TABLE known (id int4 PRIMARY KEY, name text, active bool NOT NULL, n int4 NOT NULL, big int8, price numeric(10,2),
  ratio float8, at timestamptz, day date, ts timestamp, uid uuid, doc jsonb, raw bytea, code varchar(10) NOT NULL);
"""


def describe(server):
    server.sql(TABLES)
    statements = [line for line in (HERE / "describe.sql").read_text().splitlines() if line and not line.startswith("--")]
    with open(HERE / "describe.txt", "w") as out:
        for text in statements:
            rows = [line.split("\t") for line in server.sql(f"{text}\n\\gdesc\n").splitlines()]
            columns = []
            for label, kind in rows:
                name = server.sql(f"SELECT typname FROM pg_type WHERE oid = '{kind}'::regtype").strip()
                columns.append(f"{label}:{name[1:] + '[]' if name.startswith('_') else name}")
            out.write(f"{text}\t{' '.join(columns) or '!'}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default="/usr/lib/postgresql/15/bin")
    with Server(parser.parse_args().bin) as server:
        precedence(server)
        describe(server)


if __name__ == "__main__":
    sys.exit(main())
