#!/usr/bin/env python3
"""What the PostgreSQL behind the catalogs costs: time, memory, and questions per statement.

    start     from the start of the process to the first answer of IRIS, and to the first one of the catalog; with the
              PostgreSQL unpacked earlier, and not
    memory    resident memory of the gateway and of its catalog service (VmRSS of /proc/PID/status; of a native one the sum
              of Pss, as its processes share a part), and of `--catalog off`, at the start, with tables, and after the load
    sight     milliseconds of Parse, Describe and Sync of statements that differ in their shape: the first time each,
              and again; once as named statements of one client, then of a client that finds them in the shard's cache
    questions what the gateway asked the catalog service meanwhile (the view pgwire_counters)

With --native DIR it is `catalog = "native"` with the programs of that folder (tests/lib/postgres.sh binaries), else the
embedded one. Everything stays on loopback and is bounded in count. Give it a release build: figures of others say nothing.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIB = ROOT / "tests" / "lib"
sys.path.insert(0, str(LIB))
import pgraw

COLUMNS = "id int PRIMARY KEY, name varchar(80) NOT NULL, email text, active boolean DEFAULT true, balance numeric(12,2), created_at timestamptz DEFAULT now(), dob date, notes text"


class Gateway:
    def __init__(self, binary, work, *arguments):
        free = subprocess.run(["bash", "-c", f". {LIB}/env.sh; free_port"], check=True, stdout=subprocess.PIPE, text=True)
        self.port = int(free.stdout)
        self.log = open(work / f"log-{self.port}", "wb")
        self.started = time.monotonic()
        command = [str(binary), "serve", "--listen", f"127.0.0.1:{self.port}", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def connect(self):
        return pgraw.Connection("127.0.0.1", self.port, "_SYSTEM", "SYS", "USER", timeout=120)

    def first(self, sql):
        """Milliseconds from the start to the first answer."""
        while True:
            try:
                connection = self.connect()
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"the gateway ended: {pathlib.Path(self.log.name).read_text()}")
                time.sleep(0.002)
        ask(connection, sql)
        connection.close()
        return 1000 * (time.monotonic() - self.started)

    def memory_mb(self):
        """Of the gateway, and of its catalog service."""
        memory = [resident_mb(self.process.pid)]
        for pid in children(self.process.pid):
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"catalog-server" in words:
                memory.append(resident_mb(pid))
            elif b"unix_socket_directories" in words:
                memory.append(sum(proportional_mb(process) for process in (pid, *children(pid))))
        return memory

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def children(pid):
    return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def proportional_mb(pid):
    """What a process holds, with its part of what it shares."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def ask(connection, sql):
    rows = []
    for tag, body in connection.simple(sql):
        if tag == b"E":
            raise SystemExit(f"{sql}: {pgraw.error_fields(body)}")
        if tag == b"D":
            rows.append(body)
    return rows


def describe(connection, name, sql):
    """Parse, Describe and Sync; milliseconds."""
    parse = name.encode() + b"\0" + sql.encode() + b"\0" + b"\0\0"
    started = time.perf_counter()
    connection.send(pgraw.message(b"P", parse) + pgraw.message(b"D", b"S" + name.encode() + b"\0") + pgraw.message(b"S"))
    answer = connection.until_ready()
    took = 1000 * (time.perf_counter() - started)
    if [tag for tag, _ in answer] != [b"1", b"t", b"T"]:
        raise SystemExit(f"{sql}: {answer}")
    return took


def execute(connection, name, value):
    value = value.encode()
    bind = b"\0" + name.encode() + b"\0" + b"\0\0" + b"\0\1" + len(value).to_bytes(4, "big") + value + b"\0\0"
    connection.send(pgraw.message(b"B", bind) + pgraw.message(b"E", b"\0" + b"\0\0\0\0") + pgraw.message(b"S"))
    answer = connection.until_ready()
    if any(tag == b"E" for tag, _ in answer):
        raise SystemExit(f"execute: {answer}")


def counters(connection):
    rows = ask(connection, "SELECT name || ' ' || sum(value) FROM pgwire_counters WHERE name LIKE 'oracle%' GROUP BY name")
    return {name: int(value) for name, value in (row[6:].decode().split() for row in rows)}


def templates(count):
    """Statements of different shape over the table: literals alone would be one template."""
    columns = ["id", "name", "email", "active", "balance", "created_at", "dob", "notes"]
    for n in range(count):
        picked = ", ".join(f"t.{columns[(n + k) % 8]} AS c{n}_{k}" for k in range(1 + n % 5))
        yield f"s{n}", f"SELECT {picked} FROM perf_1 t JOIN perf_2 u ON u.id = t.id WHERE t.id = $1 AND u.name <> 'x' ORDER BY t.id"


def quantiles(values):
    values = sorted(values)
    return f"median {statistics.median(values):.2f} ms, 95 % {values[int(len(values) * 0.95)]:.2f} ms, slowest {values[-1]:.2f} ms"


def start(binary, work, runs, native):
    catalog = "SELECT count(*) FROM pg_catalog.pg_class"
    for title, fresh in (("native", False),) if native else (("unpacked earlier", False), ("not yet unpacked", True)):
        iris, answers = [], []
        for n in range(runs if not fresh else 3):
            cache = work / (f"cache-{n}" if fresh else "cache")
            for sql, into in (("SELECT 1", iris), (catalog, answers)):
                if fresh and cache.exists():
                    subprocess.run(["rm", "-rf", str(cache)], check=True)
                gateway = Gateway(binary, work, *(native or ("--catalog-cache-dir", str(cache))))
                into.append(gateway.first(sql))
                gateway.first(catalog)
                gateway.stop()
        if not fresh and not native:
            # The first one unpacked.
            iris, answers = iris[1:], answers[1:]
        print(f"start, {title}: first answer of IRIS {statistics.median(iris):.0f} ms, of the catalog {statistics.median(answers):.0f} ms (medians of {len(iris)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "iris-pgwire")
    parser.add_argument("--runs", type=int, default=6, help="starts")
    parser.add_argument("--templates", type=int, default=500)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--native", metavar="DIR", help="a native PostgreSQL, its programs in this folder")
    arguments = parser.parse_args()
    native = ("--catalog", "native", "--catalog-bin-dir", arguments.native) if arguments.native else ()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        start(arguments.binary, work, arguments.runs, native)
        alone = Gateway(arguments.binary, work, "--catalog", "off")
        alone.first("SELECT 1")
        print(f"memory, catalog off: {alone.memory_mb()[0]:.0f} MB")
        alone.stop()
        gateway = Gateway(arguments.binary, work, *(native or ("--catalog-cache-dir", str(work / "cache"))))
        try:
            gateway.first("SELECT count(*) FROM pg_catalog.pg_class")
            print("memory, at the start: gateway {:.0f} MB, catalog service {:.0f} MB".format(*gateway.memory_mb()))
            connection = gateway.connect()
            for n in range(1, arguments.tables + 1):
                ask(connection, f"CREATE TABLE perf_{n} ({COLUMNS})")
            print("memory, with {} tables: gateway {:.0f} MB, catalog service {:.0f} MB".format(arguments.tables, *gateway.memory_mb()))
            before = counters(connection)
            first = [describe(connection, name, sql) for name, sql in templates(arguments.templates)]
            asked = counters(connection)
            print(f"first sight of {len(first)} templates: {quantiles(first)}; questions: {asked['oracle_describes'] - before['oracle_describes']}")
            for name, _ in templates(arguments.templates):
                for value in range(4):
                    execute(connection, name, str(value))
            after = counters(connection)
            print(f"executed, 4 times each: questions: {after['oracle_describes'] - asked['oracle_describes']}")
            print("memory, then: gateway {:.0f} MB, catalog service {:.0f} MB".format(*gateway.memory_mb()))
            others = []
            # Several clients: each shard sees each template once.
            for _ in range(8):
                other = gateway.connect()
                before = counters(other)
                again = [describe(other, name, sql) for name, sql in templates(arguments.templates)]
                others.append((counters(other)["oracle_describes"] - before["oracle_describes"], again))
                other.close()
            cached = [value for count, again in others if count == 0 for value in again]
            print(f"seen by other clients: questions {[count for count, _ in others]}; from the cache: {quantiles(cached)}")
            connection.close()
        finally:
            gateway.stop()


main()
