#!/usr/bin/env python3
"""What a query costs that PostgreSQL finishes over rows of IRIS, and what it costs others; with the embedded PostgreSQL and with a
native one (`catalog = "native"`, of the programs that tests/lib/postgres.sh installs).

    statements  milliseconds of one statement by the rows it needs (medians, on a connection of its own), and what the
                gateway, the PostgreSQL of the catalogs and workers hold in memory afterwards (Pss of /proc/PID/smaps_rollup);
                beside it the same statement on a PostgreSQL 18 that has the rows itself
    worker      milliseconds by which a statement takes longer that has to wait for a worker's process (embedded only)
    load        latency of point selects of many clients at a constant rate (`loadtest`, open loop), alone and while others
                run finished statements all the time, one of them long ones that it cancels; of catalog questions meanwhile; and
                how long a cancel takes. Both in turns, medians

pgbench is no use for the last: one of its threads that has an answer by the time it looks goes on with the same client, and those
whose answers come a moment later wait for seconds when the cores are busy. It shows so with any fast server.

Everything stays on loopback and is bounded in count and time. Give it a release build, of `cargo build --release --workspace`.
"""

import argparse
import os
import pathlib
import random
import re
import statistics
import struct
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
# A worker computes it for seconds.
LONG = "select count(*) from finish_perf a, finish_perf b where a.id < 3000 and b.id < 3000 and md5(a.doc->>'k' || b.name) < md5(b.name)"
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


def pss_mb(pid):
    """What it holds, and its part of what it shares with others."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def children(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    own = [int(child) for task in tasks for child in task.read_text().split()]
    return own + [other for child in own for other in children(child)]


def memory(pid):
    """Of the gateway, of the PostgreSQL of the catalogs, and of workers."""
    catalogs, workers = [], []
    for child in children(pid):
        command = pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
        (workers if b"\0--worker" in command else catalogs).append(pss_mb(child))
    return pss_mb(pid), sum(catalogs), workers


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


def points(loadtest, port, clients, rate, seconds):
    """Latency in milliseconds of `select name from finish_perf where id = ..`, and how late the generator was, by percentile."""
    command = [loadtest, "--address", f"127.0.0.1:{port}", "--connections", clients, "--rate", rate, "--seconds", seconds, "--warmup-seconds", 1]
    command += ["--sql", "select name from finish_perf where id = {}", "--range", 9999]
    # Its own waiting for a core is not what is measured.
    first = ["chrt", "--rr", "1"] if subprocess.run(["chrt", "--rr", "1", "true"], stderr=subprocess.DEVNULL).returncode == 0 else []
    done = subprocess.run([*first, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode or " 0 errors" not in done.stdout:
        raise SystemExit(done.stdout)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: (float(words[1]), float(words[2])) for words in lines if len(words) == 3 and re.fullmatch(r"max|[0-9.]+", words[0])}


def cancel(port, key):
    with pgraw.socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack("!ii", 8 + len(key), 80877102) + key)
        connection.recv(1)


def cancelled(connection, port, sql, after):
    """Milliseconds from a cancel to the end of its statement."""
    connection.send(pgraw.message(b"Q", sql.encode() + b"\0"))
    time.sleep(after)
    started = time.perf_counter()
    cancel(port, connection.key)
    answer = connection.until_ready()
    if not any(tag == b"E" and b"57014" in body for tag, body in answer):
        raise SystemExit(f"not cancelled: {answer!r:.200}")
    return 1000 * (time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the gateway, a release build")
    parser.add_argument("--gateway", action="append", default=[], help="a further argument for the gateway")
    parser.add_argument("--kinds", default="embedded,native", help="of PostgreSQL")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=10, help="of each load")
    parser.add_argument("--loadtest", help="the load generator; otherwise the one beside the gateway")
    parser.add_argument("--rate", type=int, default=2000, help="point selects a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=64, help="that send point selects")
    parser.add_argument("--finishing", type=int, default=16, help="that send finished statements")
    args = parser.parse_args()
    for kind in args.kinds.split(","):
        more = []
        if kind == "native":
            folder = subprocess.check_output([LIB / "postgres.sh", "binaries"], text=True).strip()
            more = ["--catalog", "native", "--catalog-bin-dir", folder]
        print(f"# {kind}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            work.chmod(0o711)
            gateway, reference = work / "gateway", work / "reference"
            try:
                command = [LIB / "gateway.sh", "start", gateway, args.binary, *more, *args.gateway]
                port = int(subprocess.check_output(command, text=True))
                reference_port = int(subprocess.check_output([LIB / "postgres.sh", "start", reference], text=True))
                run(args, kind, port, reference_port, int((gateway / "server").read_text().split()[0]), work)
            finally:
                subprocess.run([LIB / "gateway.sh", "stop", gateway])
                subprocess.run([LIB / "postgres.sh", "stop", reference])


def run(args, kind, port, reference_port, pid, work):
    def connect():
        return pgraw.Connection("127.0.0.1", port, "_SYSTEM", "SYS", "USER", timeout=120)

    client, reference = connect(), pgraw.Connection("127.0.0.1", reference_port, "_SYSTEM", "", "USER", timeout=120)
    fill(client, args.rows)
    fill(reference, args.rows)
    print("rows of IRIS  finished  PostgreSQL 18  memory: gateway  PostgreSQL of the catalogs  workers")
    for rows in (10, 100, 1_000, 10_000, 100_000):
        if rows > args.rows:
            break
        here, answer = timed(client, STATEMENT.format(rows), 9 if rows < 100_000 else 3)
        there, expected = timed(reference, STATEMENT.format(rows), 9)
        if answer != expected:
            raise SystemExit(f"{rows} rows: another answer")
        own, catalogs, workers = memory(pid)
        print(f"{rows:12}  {here:6.1f} ms      {there:5.1f} ms         {own:4} MB  {catalogs:4} MB                      {workers} MB", flush=True)
    if kind == "embedded":
        large, starts = STATEMENT.format(min(args.rows, 10_000)), []
        for n in range(5):
            usual, _ = timed(client, large, 3)
            # The copies of the workers are of no use any more.
            ask(client, f"create type perf_type{n} as enum ('a')")
            first, _ = timed(client, large, 1)
            starts.append(first - usual)
        print(f"start of a worker: {statistics.median(starts):.0f} ms ({min(starts):.0f} to {max(starts):.0f})", flush=True)
    print(f"{args.clients} clients, {args.rate} point selects a second; milliseconds")
    loadtest = args.loadtest or pathlib.Path(args.binary).resolve().parent / "loadtest"
    p99s = {0: [], args.finishing: []}
    for finishing in [0, args.finishing] * args.rounds:
        end = time.monotonic() + args.seconds + 1
        finished, questions, cancels = [], [], []

        def finish(n):
            connection = connect()
            while time.monotonic() < end:
                started = time.perf_counter()
                ask(connection, STATEMENT.format((10, 100, 1_000, 10_000)[n % 4]))
                finished.append(1000 * (time.perf_counter() - started))

        def give_up():
            connection = connect()
            while time.monotonic() < end:
                cancels.append(cancelled(connection, port, LONG, random.random()))

        def question():
            connection = connect()
            while time.monotonic() < end:
                started = time.perf_counter()
                ask(connection, "select relname from pg_catalog.pg_class where relname = 'finish_perf'")
                questions.append(1000 * (time.perf_counter() - started))
                time.sleep(0.02)

        threads = [threading.Thread(target=finish, args=(n,)) for n in range(finishing)] + [threading.Thread(target=question)]
        if finishing:
            threads.append(threading.Thread(target=give_up))
        for thread in threads:
            thread.start()
        found = points(loadtest, port, args.clients, args.rate, args.seconds)
        own, catalogs, workers = memory(pid)
        for thread in threads:
            thread.join()
        p99s[finishing].append(found["99"][0])
        print(f"  {finishing:2} others with finished statements: point selects p50 {found['50'][0]:.2f}, p99 {found['99'][0]:.2f}, max {found['max'][0]:.1f}"
              f" (generator late: p99 {found['99'][1]:.2f});"
              f" catalog questions p50 {percentile(questions, 0.5):.2f}, p99 {percentile(questions, 0.99):.1f};"
              f" {len(finished)} finished, p50 {percentile(finished, 0.5):.0f}, p99 {percentile(finished, 0.99):.0f};"
              f" {len(cancels)} cancels, p50 {percentile(cancels, 0.5):.0f}, p99 {percentile(cancels, 0.99):.0f};"
              f" memory {own} MB, {catalogs} MB, {workers} MB", flush=True)
    alone, beside = (statistics.median(p99s[finishing]) for finishing in (0, args.finishing))
    print(f"  medians of p99: {alone:.2f} alone, {beside:.2f} beside finished statements: {beside / alone:.2f} times", flush=True)


if __name__ == "__main__":
    main()
