#!/usr/bin/env python3
"""What clients cost the gateway that have logged in, run one statement, and are idle since.

    clients (sockets of this script) -> iris-pgwire (release build) -> iris-pgwire superserver, a process of its own

Resident memory of the gateway's process (proc(5), `smaps_rollup`: Rss and Private_Dirty) before and after, divided by the
clients, and its processor time over a while of idleness, with clients and without. The kernel's memory for sockets and
the oracle, which is another process, do not count. A few clients come and go before, so that what the gateway keeps
for all of them together is there already.
"""

import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIB = ROOT / "tests" / "lib"
sys.path.insert(0, str(LIB))
import pgraw  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
STATEMENT = "select v from idle_measured where id = 1"


def output(*command):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Server:
    def __init__(self, directory, *command):
        self.directory = directory
        self.port = int(output(LIB / "gateway.sh", command[0], directory, *command[1:]))
        self.pid = int((directory / "server").read_text().split()[0])

    def stop(self):
        subprocess.run([str(LIB / "gateway.sh"), "stop", str(self.directory)], check=False)

    def memory_kib(self):
        lines = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()[1:]
        values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
        return values["Rss"], values["Private_Dirty"]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def cpu_percent(self, seconds):
        before, started = self.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return 100 * (self.cpu_seconds() - before) / (time.monotonic() - started)

    def connect(self):
        client = pgraw.Connection("127.0.0.1", self.port, "_SYSTEM", "SYS", "USER", timeout=60)
        client.run = client.simple if self.protocol == "simple" else lambda sql: client.extended(sql)
        return client


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8000, help="at most 15000")
    parser.add_argument("--seconds", type=int, default=60, help="of idleness to measure, at most 120")
    parser.add_argument("--binary", help="the gateway (default: a release build made here)")
    parser.add_argument("--cores", type=int, default=2, help="shards of the gateway")
    parser.add_argument("--auth", default="trust", choices=["trust", "scram"])
    parser.add_argument("--protocol", default="simple", choices=["simple", "extended"])
    args = parser.parse_args()
    if not 1 <= args.clients <= 15_000 or not 1 <= args.seconds <= 120:
        parser.error("--clients is 1 to 15000, --seconds 1 to 120")
    files = args.clients + 200
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < files:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(hard, files)))

    binary = args.binary
    if not binary:
        target = os.environ.get("CARGO_TARGET_DIR") or output("bash", "-c", f". {LIB}/env.sh; echo $CARGO_TARGET_DIR")
        environment = {**os.environ, "CARGO_TARGET_DIR": target}
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "iris-pgwire"], cwd=ROOT, check=True, env=environment)
        binary = f"{target}/release/iris-pgwire"

    work = pathlib.Path(tempfile.mkdtemp(prefix="iris-pgwire-idle-"))
    servers, clients = [], []
    try:
        superserver = Server(work / "superserver", "superserver", binary)
        servers.append(superserver)
        more = ["--iris", f"iris://_SYSTEM:SYS@127.0.0.1:{superserver.port}/USER", "--iris-connections", "8"]
        more += ["--cores", str(args.cores), "--client-connections-max", "20000", "--log-level", "warn"]
        if args.auth == "scram":
            users = work / "users"
            users.write_text(verifier(binary))
            more += ["--auth", "scram", "--users", str(users)]
        gateway = Server(work / "gateway", "start", binary, *more)
        gateway.protocol = args.protocol
        servers.append(gateway)

        first = gateway.connect()
        first.simple("create table idle_measured (id integer primary key, v varchar(20))")
        first.simple("insert into idle_measured values (1, 'x')")
        first.close()
        early = [gateway.connect() for _ in range(64)]
        for client in early:
            client.run(STATEMENT)
        for client in early:
            client.close()
        time.sleep(3)
        before = gateway.memory_kib()
        without = gateway.cpu_percent(min(args.seconds, 20))

        started = time.monotonic()
        for _ in range(args.clients):
            client = gateway.connect()
            client.run(STATEMENT)
            clients.append(client)
        took = time.monotonic() - started
        time.sleep(5)
        after = gateway.memory_kib()
        within = gateway.cpu_percent(args.seconds)
        end = gateway.memory_kib()
        alive = sum(client.run(STATEMENT) != [] for client in clients[:: max(1, args.clients // 50)])

        print(f"{args.clients} clients ({args.auth}, {args.protocol}), connected in {took:.0f} s, {args.cores} shards; {alive} of them asked again afterwards")
        for name, index in (("resident", 0), ("private dirty", 1)):
            per = lambda kib: (kib[index] - before[index]) * 1024 / args.clients  # noqa: E731
            print(f"{name:14} {before[index] / 1024:6.1f} MiB before, {after[index] / 1024:6.1f} MiB after: {per(after):7.0f} bytes per client, {per(end):7.0f} after {args.seconds} s")
        print(f"processor      {without:.2f} % of a core without clients, {within:.2f} % with them")
    finally:
        for client in clients:
            client.sock.close()
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(work, ignore_errors=True)


def verifier(binary):
    """The line of a user file for the password SYS."""
    command = [binary, "hash-password", "--user", "_SYSTEM"]
    return subprocess.run(command, input="SYS\n", stdout=subprocess.PIPE, text=True, check=True).stdout


main()
