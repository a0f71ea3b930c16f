"""Servers for the replay: each client finds the sample schema fresh, as when it was recorded.

A server is made by a script that knows `start DIR` (prints a port) and `stop DIR`: tests/lib/gateway.sh,
tests/lib/postgres.sh, tests/corpus/pglite.sh.
"""

import pathlib
import re
import subprocess
import tempfile

from wire import Connection

HERE = pathlib.Path(__file__).parent
DATABASE, USER = "USER", "postgres"


def statements(text):
    """The statements of schema.sql; `;` in quotes, dollar quotes and comments ends none."""
    pattern = re.compile(r"--[^\n]*|'(?:[^']|'')*'|\$\$.*?\$\$|[^;'$-]+|.", re.S)
    out, current = [], ""
    for match in pattern.finditer(text):
        token = match[0]
        if token.startswith("--"):
            continue
        if token == ";":
            out.append(current.strip())
            current = ""
        else:
            current += token
    return [s for s in out if s]


class Server:
    def __init__(self, script, arguments, single):
        self.script, self.arguments, self.single = script, arguments, single
        self.folder = tempfile.TemporaryDirectory(prefix="corpus-")
        pathlib.Path(self.folder.name).chmod(0o711)
        self.directory = str(pathlib.Path(self.folder.name) / "server")
        self.port, self.starts, self.skipped = None, 0, {}

    def fresh(self):
        """A new server with the sample schema."""
        self.stop()
        started = subprocess.run([self.script, "start", self.directory, *self.arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=120)
        self.port = int(started.stdout.split()[-1])
        self.starts += 1
        conn = self.connect({})
        for sql in statements((HERE / "schema.sql").read_text(encoding="utf-8")):
            error = conn.query(sql).error
            if error:
                self.skipped[" ".join(sql.split())[:100]] = f"{error.get('C')} {error.get('M')}"
        conn.close()

    def connect(self, parameters):
        conn = Connection("127.0.0.1", self.port, {"user": USER, "database": DATABASE, **parameters})
        if self.single:
            # One session for all connections: made new by hand.
            if conn.status != "I":
                conn.query("ROLLBACK")
            conn.query("DISCARD ALL")
            conn.query('SET search_path = "$user", public')
            for name, value in parameters.items():
                text = value.replace("'", "''")
                conn.query(f"SET {name} = '{text}'")
        return conn

    def stop(self):
        if self.port is not None:
            subprocess.run([self.script, "stop", self.directory], check=False, timeout=60)
            self.port = None
