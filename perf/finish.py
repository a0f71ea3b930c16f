#!/usr/bin/env python3
"""What a query costs that PostgreSQL finishes over rows of IRIS, and what it costs others.

    statements  milliseconds of one statement by the rows it needs (medians, on a connection of its own), and what the
                gateway and its catalog service hold in memory afterwards (VmRSS of /proc/PID/status); beside it the same
                statement on a PostgreSQL 18 that has the rows itself
    load        latency of point selects (`pgbench -M prepared`, from its log) of many clients, alone and while others run
                finished statements all the time; and of catalog questions meanwhile

Everything stays on loopback and is bounded in count and time. Give it a release build.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIB = ROOT / "tests" / "lib"
sys.path.insert(0, str(LIB))
import pgraw

TABLE = "create table finish_perf (id int primary key, name text, doc jsonb, amount numeric(12,2))"
STATEMENT = "select doc->>'k' as k, count(*), sum(amount) from finish_perf where id < {} group by 1 order by 1"


def ask(connection, sql):
    connection.send(pgraw.message(b"Q", sql.encode() + b"\0"))
    answer = connection.until_ready()
    errors = [body for tag, body in answer if tag == b"E"]
    if errors:
        raise SystemExit(f"{sql[:80]}: {errors[0]!r}")
    return [body for tag, body in answer if tag == b"D"]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


def memory(pid):
    """Of the gateway, and of what it has started."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    others = [int(child) for task in tasks for child in task.read_text().split()]
    return resident_mb(pid), sum(resident_mb(child) for child in others)


def fill(connection, rows):
    ask(connection, TABLE)
    for first in range(0, rows, 1000):
        values = ", ".join(
            f"({n}, 'name {n % 977}', '{{\"k\": {n % 10}, \"v\": \"x{n}\"}}', {n % 500}.25)" for n in range(first, min(rows, first + 1000))
        )
        ask(connection, f"insert into finish_perf values {values}")


def timed(connection, sql, times):
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        rows = ask(connection, sql)
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken), rows


def pgbench(port, clients, seconds, work):
    """Milliseconds of each transaction of `select * from finish_perf where id = ..`."""
    script = work / "point.sql"
    script.write_text("\\set id random(1, 9999)\nselect name from finish_perf where id = :id\n")
    for old in work.glob("log.*"):
        old.unlink()
    env = os.environ | {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "_SYSTEM", "PGPASSWORD": "SYS", "PGDATABASE": "USER"}
    command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", str(script), "-l"]
    done = subprocess.run([*command, "--log-prefix", str(work / "log")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    if done.returncode or "ERROR" in done.stdout:
        raise SystemExit(done.stdout)
    return [int(line.split()[2]) / 1000 for log in work.glob("log.*") for line in log.read_text().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the gateway, a release build")
    parser.add_argument("--gateway", action="append", default=[], help="a further argument for the gateway")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    parser.add_argument("--clients", type=int, default=64, help="that send point selects")
    parser.add_argument("--finishing", type=int, default=16, help="that send finished statements")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        work.chmod(0o711)
        gateway, reference = work / "gateway", work / "reference"
        try:
            port = int(subprocess.check_output([LIB / "gateway.sh", "start", gateway, args.binary, *args.gateway], text=True))
            reference_port = int(subprocess.check_output([LIB / "postgres.sh", "start", reference], text=True))
            run(args, port, reference_port, int((gateway / "server").read_text().split()[0]), work)
        finally:
            subprocess.run([LIB / "gateway.sh", "stop", gateway])
            subprocess.run([LIB / "postgres.sh", "stop", reference])


def run(args, port, reference_port, pid, work):
    def connect():
        return pgraw.Connection("127.0.0.1", port, "_SYSTEM", "SYS", "USER", timeout=120)

    client, reference = connect(), pgraw.Connection("127.0.0.1", reference_port, "_SYSTEM", "", "USER", timeout=120)
    fill(client, args.rows)
    fill(reference, args.rows)
    print("rows of IRIS  finished  PostgreSQL 18  memory: gateway  PostgreSQL of the catalogs")
    for rows in (10, 100, 1_000, 10_000, 100_000):
        if rows > args.rows:
            break
        here, answer = timed(client, STATEMENT.format(rows), 9 if rows < 100_000 else 3)
        there, expected = timed(reference, STATEMENT.format(rows), 9)
        if answer != expected:
            raise SystemExit(f"{rows} rows: another answer")
        own, others = memory(pid)
        print(f"{rows:12}  {here:5.1f} ms       {there:5.1f} ms         {own:4} MB  {others:4} MB", flush=True)
    print(f"\n{args.clients} clients, point selects; milliseconds")
    for finishing in (0, args.finishing):
        end = time.monotonic() + args.seconds + 1
        finished, questions = [], []

        def finish(n):
            connection = connect()
            while time.monotonic() < end:
                started = time.perf_counter()
                ask(connection, STATEMENT.format((10, 100, 1_000, 10_000)[n % 4]))
                finished.append(1000 * (time.perf_counter() - started))

        def question():
            connection = connect()
            while time.monotonic() < end:
                started = time.perf_counter()
                ask(connection, "select relname from pg_catalog.pg_class where relname = 'finish_perf'")
                questions.append(1000 * (time.perf_counter() - started))
                time.sleep(0.02)

        threads = [threading.Thread(target=finish, args=(n,)) for n in range(finishing)] + [threading.Thread(target=question)]
        for thread in threads:
            thread.start()
        points = pgbench(port, args.clients, args.seconds, work)
        for thread in threads:
            thread.join()
        print(f"  {finishing} others with finished statements: {len(points)} point selects, p50 {percentile(points, 0.5):.2f}, p99 {percentile(points, 0.99):.2f};"
              f" catalog questions p50 {percentile(questions, 0.5):.2f}, p99 {percentile(questions, 0.99):.1f};"
              f" {len(finished)} finished, p50 {percentile(finished, 0.5):.0f}, p99 {percentile(finished, 0.99):.0f}", flush=True)


if __name__ == "__main__":
    main()
