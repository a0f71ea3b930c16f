#!/usr/bin/env python3
"""CPU per query of two gateways under the same load in the same run.

    pgbench -> PgBouncer (transaction pooling) -> PostgreSQL 18
    pgbench -> iris-pgwire (release build)     -> iris-pgwire superserver, a process of its own

The servers behind are not compared; what is compared is what each gateway spends on a query: user and system time of
its process with all its threads, from /proc/PID/stat before and after each run, divided by the transactions that
pgbench counted. Runs alternate between the two, and the medians are printed. Loads are bounded in count and time.

Debian's PgBouncer 1.18 knows no prepared statements in transaction pooling, so `prepared` runs through it only where a
newer one is on the PATH, or named with `--pgbouncer`. `--before` puts an older gateway into the same run.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIB = ROOT / "tests" / "lib"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process, its threads included (proc(5), fields 14 and 15)."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def output(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout.strip()


class Pgbouncer:
    def __init__(self, program, work, server_port):
        self.port = int(output("bash", "-c", f". {LIB}/env.sh; free_port"))
        users = work / "users.txt"
        users.write_text('"_SYSTEM" ""\n')
        config = work / "pgbouncer.ini"
        config.write_text(
            f"""[databases]
USER = host=127.0.0.1 port={server_port} dbname=USER user=_SYSTEM
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 16
max_client_conn = 1000
log_connections = 0
log_disconnections = 0
"""
        )
        for path in (work, users, config):
            path.chmod(0o755)
        command = [program, str(config)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=nobody", f"--regid={output('id', '-g', 'nobody')}", "--clear-groups", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(work / "pgbouncer.log").open("w"))
        self.pid = self.process.pid
        output("python3", LIB / "wait_ready.py", self.port, self.pid, 20)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Script:
    """A server that one of the shell helpers starts and stops."""

    def __init__(self, helper, directory, *command):
        self.helper, self.directory = LIB / helper, directory
        self.port = int(output(self.helper, command[0], directory, *command[1:]))
        file = directory / "server" if (directory / "server").exists() else pathlib.Path(f"{directory}.server")
        self.pid = int(file.read_text().split()[0])

    def stop(self):
        subprocess.run([str(self.helper), "stop", str(self.directory)], check=False)


def pgbench(port, *arguments, timeout):
    env = {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "_SYSTEM", "PGPASSWORD": "SYS", "PGDATABASE": "USER"}
    done = subprocess.run(["pgbench", *map(str, arguments)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"pgbench {' '.join(map(str, arguments))}: {done.stdout[-600:]}")
    return done.stdout


def measure(target, script, mode, clients, seconds):
    before, started = cpu_seconds(target.pid), time.monotonic()
    text = pgbench(target.port, "-n", "-b", script, "-M", mode, "-c", clients, "-j", 2, "-T", seconds, timeout=seconds + 60)
    cpu = cpu_seconds(target.pid) - before
    count = int(re.search(r"transactions actually processed: (\d+)", text).group(1))
    failures = int(re.search(r"number of failed transactions: (\d+)", text).group(1))
    # A transaction of tpcb-like is seven statements, of simple-update five, of select-only one.
    queries = count * {"select-only": 1, "simple-update": 5, "tpcb-like": 7}[script]
    return {
        "cpu_us_per_query": cpu * 1e6 / max(queries, 1),
        "queries_per_second": queries / (time.monotonic() - started),
        "tps": float(re.search(r"^tps = ([\d.]+)", text, re.M).group(1)),
        "latency_ms": float(re.search(r"latency average = ([\d.]+)", text).group(1)),
        "failed": failures,
    }


def knows_prepared(pgbouncer):
    version = re.search(r"PgBouncer (\d+)\.(\d+)", output(pgbouncer, "--version"))
    return tuple(map(int, version.groups())) >= (1, 21)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of each combination (default 5; the median counts)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of each run (default 3, at most 30)")
    parser.add_argument("--clients", default="1,16,64", help="numbers of clients (default 1,16,64)")
    parser.add_argument("--modes", default="simple,extended,prepared")
    parser.add_argument("--script", default="select-only", choices=["select-only", "simple-update", "tpcb-like"])
    parser.add_argument("--binary", help="the gateway (default: a release build made here)")
    parser.add_argument("--before", metavar="BINARY", help="an older gateway, compared in the same run")
    parser.add_argument("--pgbouncer", metavar="BINARY", default="pgbouncer", help="default: the one on the PATH")
    parser.add_argument("--cores", type=int, default=1, help="shards of the gateway (default 1: PgBouncer has one thread)")
    parser.add_argument("--json", help="also write the medians to this file")
    args = parser.parse_args()
    if not 1 <= args.seconds <= 30 or not 1 <= args.runs <= 50:
        parser.error("--seconds is 1 to 30, --runs 1 to 50")
    for program in ("pgbench", args.pgbouncer):
        if not shutil.which(program):
            sys.exit(f"{program} is not installed (Debian packages pgbouncer and postgresql-15)")

    binary = args.binary
    if not binary:
        target = os.environ.get("CARGO_TARGET_DIR") or output("bash", "-c", f". {LIB}/env.sh; echo $CARGO_TARGET_DIR")
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "iris-pgwire"], cwd=ROOT, check=True, env={**os.environ, "CARGO_TARGET_DIR": target})
        binary = f"{target}/release/iris-pgwire"

    work = pathlib.Path(tempfile.mkdtemp(prefix="iris-pgwire-perf-"))
    work.chmod(0o755)
    servers = []
    try:
        postgres = Script("postgres.sh", work / "postgres", "start")
        servers.append(postgres)
        bouncer = Pgbouncer(shutil.which(args.pgbouncer), work, postgres.port)
        servers.append(bouncer)
        superserver = Script("gateway.sh", work / "superserver", "superserver", binary)
        servers.append(superserver)
        url = f"iris://_SYSTEM:SYS@127.0.0.1:{superserver.port}/USER"
        gateways = {}
        for name, program in (("before", args.before), ("iris-pgwire", binary)):
            if program:
                options = ("--iris", url, "--iris-connections", "16", "--cores", str(args.cores))
                gateways[name] = Script("gateway.sh", work / name, "start", program, *options)
                servers.append(gateways[name])
        # The gateways have one superserver, and so one set of tables.
        for target in (postgres, gateways["iris-pgwire"]):
            pgbench(target.port, "-i", "-q", "-s", 1, timeout=600)

        print(f"{os.cpu_count()} cores, {output(args.pgbouncer, '--version').splitlines()[0]}, {args.script}, {args.runs} runs of {args.seconds} s, gateway with --cores {args.cores}")
        print(f"{'mode':9} {'clients':>7}  {'gateway':12} {'CPU us/query':>12} {'queries/s':>10} {'latency ms':>10}")
        results = []
        for mode in args.modes.split(","):
            for clients in map(int, args.clients.split(",")):
                targets = {"PgBouncer": bouncer, **gateways}
                if mode == "prepared" and not knows_prepared(args.pgbouncer):
                    del targets["PgBouncer"]
                samples = {name: [] for name in targets}
                for _ in range(args.runs):
                    for name, target in targets.items():
                        samples[name].append(measure(target, args.script, mode, clients, args.seconds))
                for name, runs in samples.items():
                    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
                    failed = sum(run["failed"] for run in runs)
                    results.append({"mode": mode, "clients": clients, "gateway": name, **middle, "failed": failed})
                    note = f"  {failed} failed" if failed else ""
                    print(f"{mode:9} {clients:7}  {name:12} {middle['cpu_us_per_query']:12.1f} {middle['queries_per_second']:10.0f} {middle['latency_ms']:10.3f}{note}", flush=True)
                if "PgBouncer" not in targets:
                    print(f"{mode:9} {clients:7}  {'PgBouncer':12} (this version knows no prepared statements in transaction pooling)")
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(results, indent=1) + "\n")
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(work, ignore_errors=True)


main()
