"""Replays what 32 recorded clients ask while they connect and introspect, and compares the answers.

Compared are, for every statement: the columns' names and types (and the types of parameters), the rows as a set, the
command tag and the transaction status. The recordings are of PostgreSQL 15; where the server answers otherwise, its
answer may be the one of PostgreSQL 17.5 (baseline.json.xz, made by `--save-baseline`), which counts as equal and is
counted apart. All other differences of rows need a rule in differences.toml; an unlisted difference fails, and so does
a rule that nothing needed. `--report` writes the table.
"""

import argparse
import collections
import hashlib
import itertools
import json
import lzma
import pathlib
import re
import struct
import sys
import time

import pgraw
from binary import decode
from identity import FIRST_OID, OID_TYPES, Learner, Names
from rules import Rules, masked
from servers import DATABASE, HERE, Server

LEAST_COLUMNS = 0.99
COMPARED = ("connect", "introspect")
RECORDED_DATABASE = "corpus"


class Outcome:
    """What one statement gave, in a form that is the same on every server."""

    def __init__(self):
        self.error, self.columns, self.parameters, self.tags, self.rows, self.status, self.counts = None, [], None, [], [], None, []

    def hashes(self):
        columns = json.dumps([self.error, self.columns, self.parameters])
        return [hashlib.sha256(text.encode()).hexdigest()[:16] for text in (columns, json.dumps([sorted(rows, key=repr) for rows in self.rows]))]


class Replay:
    def __init__(self, server, arguments):
        self.server, self.arguments = server, arguments
        self.recorded_names, self.live_names = Names.recorded(), Names()
        self.learner = Learner() if arguments.learn else None
        self.rules = Rules(HERE / "differences.toml")
        self.baseline = load_baseline()
        self.saved = {}
        self.counts = collections.defaultdict(collections.Counter)
        self.failures, self.refused_context = [], collections.Counter()
        self.conns = {}
        self.stale = False
        self.own_rows = 0

    def run(self, clients):
        self.server.fresh()
        clean = True
        for client, records in clients.items():
            context = any(r["phase"] not in COMPARED and r["kind"] != "startup" for r in records)
            if not clean:
                self.server.fresh()
            clean = not (context or any(changes(r) for r in records))
            self.client(client, records)

    def client(self, client, records):
        conn = self.server.connect({})
        self.live_names.read(conn)
        conn.close()
        for record in records:
            try:
                self.record(client, record)
            except (OSError, pgraw.Closed) as error:
                self.conns.pop(record["conn"], None)
                self.fail(client, record, "connection", repr(error))
            except Exception as error:
                raise RuntimeError(f"{client} {record['conn']}:{record['seq']}") from error
        for open_connection in self.conns.values():
            open_connection.close()
        self.conns.clear()

    def record(self, client, record):
        conn = self.conns.get(record["conn"])
        if record["kind"] == "startup":
            # One after the other: what the one before left open must block nobody.
            for other in self.conns.values():
                other.close()
            self.conns.clear()
            parameters = {k: v for k, v in record["params"].items() if k not in ("user", "database")}
            self.conns[record["conn"]] = self.server.connect(parameters)
            return
        if conn is None:
            return
        compared = record["phase"] in COMPARED
        # A statement that fails here and did not fail when recorded must not take those after it along.
        guarded = conn.status == "T" and not ENDS.match(record["sql"])
        if guarded:
            conn.query("SAVEPOINT replay")
        answer = self.send(conn, record)
        if guarded and conn.status == "E" and record.get("tx_status") != "E":
            conn.query("ROLLBACK TO SAVEPOINT replay")
            answer.status = conn.status
        elif guarded and conn.status == "T":
            conn.query("RELEASE SAVEPOINT replay")
        if not compared:
            if answer.error:
                text = " ".join(re.sub(r"/\*.*?\*/", "", record["sql"], flags=re.S).split())
                self.refused_context[client, answer.error.get("C"), text[:70], answer.error.get("M", "")[:120]] += 1
            self.follow(record, answer)
            return
        self.follow(record, answer)
        self.compare(client, record, answer)

    def follow(self, record, answer):
        """New objects have new numbers, seen from outside once they are committed."""
        changed = changes(record) and not answer.error
        self.stale = self.stale or changed
        if self.stale and (changed or answer.status == "I") and answer.status != "E":
            self.read_names(self.conns[record["conn"]])
            self.stale = answer.status != "I"

    def read_names(self, client):
        if client.status == "T":
            client.query("SAVEPOINT names")
            self.live_names.read(client)
            client.query("ROLLBACK TO SAVEPOINT names")
            client.query("RELEASE SAVEPOINT names")
        elif self.server.single:
            self.live_names.read(client)
        else:
            conn = self.server.connect({})
            self.live_names.read(conn)
            conn.close()

    def send(self, conn, record):
        sql = self.rewrite(record["sql"])
        if record["kind"] == "query":
            return conn.query(sql)
        oids = [int(self.recorded_names.number_for(o, self.live_names) or o) for o in record["param_oids"]]
        if record["kind"] == "prepare":
            return conn.prepare(record["stmt_name"], sql, oids, record.get("described"))
        return conn.execute({**record, "param_oids": oids}, sql, self.parameters(record))

    def rewrite(self, text):
        text = self.recorded_names.translate(text, self.live_names)
        return text.replace(f"'{RECORDED_DATABASE}'", f"'{DATABASE}'").replace(f'"{RECORDED_DATABASE}".', f'"{DATABASE}".')

    def parameters(self, record):
        out = []
        for parameter in record["params"]:
            if parameter is None:
                out.append(None)
            elif parameter["fmt"] == 0:
                text = self.rewrite(parameter["text"])
                out.append((DATABASE if text == RECORDED_DATABASE else text).encode())
            else:
                out.append(self.binary_parameter(bytes.fromhex(parameter["hex"]), parameter.get("text")))
        return out

    def binary_parameter(self, data, text):
        if text == RECORDED_DATABASE:
            return DATABASE.encode()
        if len(data) in (2, 4) and (text or "").isdigit():
            # As oid, or as the smallest integer type that holds it.
            form = "!h" if len(data) == 2 else "!I"
            (number,) = struct.unpack(form, data)
            new = self.recorded_names.number_for(number, self.live_names) if number >= FIRST_OID else None
            return data if new is None else struct.pack(form, int(new))
        if len(data) >= 20 and data[8:12] == b"\0\0\0\x1a" and data[:4] == b"\0\0\0\1":
            # An array of oid.
            (count,) = struct.unpack("!i", data[12:16])
            numbers = [struct.unpack("!I", data[24 + 8 * i : 28 + 8 * i])[0] for i in range(count)]
            numbers = [int(self.recorded_names.number_for(n, self.live_names) or n) for n in numbers]
            return data[:20] + b"".join(struct.pack("!iI", 4, n) for n in numbers)
        return data

    # Comparison

    def type_name(self, oid, names):
        return names.name_of.get(oid, str(oid)) if oid >= FIRST_OID else str(oid)

    def cell(self, value, type_oid, names):
        if not isinstance(value, str):
            return value
        if value == RECORDED_DATABASE and names is self.recorded_names:
            return DATABASE
        return names.canonical(value, type_oid in OID_TYPES)

    def of_recording(self, record, answer):
        outcome = Outcome()
        names = self.recorded_names
        outcome.error = (record.get("error") or {}).get("C")
        outcome.status = record.get("tx_status")
        if record.get("param_oids_resolved") is not None and (record["kind"] == "prepare" or "Ds" in record["flow"]):
            outcome.parameters = [self.type_name(o, names) for o in record["param_oids_resolved"]]
        for n, result in enumerate(record.get("results") or []):
            columns = result.get("columns")
            types = [c["type_oid"] for c in columns or []]
            if not columns and n < len(answer.results):
                # Described earlier: the server's own description tells which cells are OIDs.
                types = [c[1] for c in answer.results[n].columns or []]
            outcome.columns.append(None if not columns else [(c["name"], self.type_name(c["type_oid"], names)) for c in columns])
            outcome.tags.append(word(result.get("tag")))
            rows = [[c if not isinstance(c, dict) else "hex:" + c["hex"] for c in row] for row in result.get("rows") or []]
            outcome.rows.append([tuple(self.cell(c, t, names) for c, t in itertools.zip_longest(row, types[: len(row)])) for row in rows])
            outcome.counts.append(result.get("row_count", 0) if result.get("truncated") else None)
        return outcome

    def of_answer(self, answer, recorded):
        outcome = Outcome()
        names = self.live_names
        outcome.error = (answer.error or {}).get("C")
        outcome.status = answer.status
        for result in answer.results:
            if result.parameters is not None and recorded.parameters is not None:
                outcome.parameters = [self.type_name(o, names) for o in result.parameters]
            columns = result.columns
            outcome.columns.append(None if not columns else [(c[0], self.type_name(c[1], names)) for c in columns])
            outcome.tags.append(word(result.tag))
            rows = [tuple(self.cell(text(column, value), column[1], names) for column, value in zip(columns or [], row)) for row in result.rows]
            kept = [row for row in rows if not any(isinstance(cell, str) and OWN.search(cell) for cell in row)]
            self.own_rows += len(rows) - len(kept)
            outcome.rows.append(kept)
        return outcome

    def compare(self, client, record, answer):
        recorded = self.of_recording(record, answer)
        live = self.of_answer(answer, recorded)
        for n, columns in enumerate(recorded.columns):
            # Columns that the recording does not know are those of an earlier description.
            if columns is None and n < len(live.columns):
                live.columns[n] = None
        if self.learner and not live.error:
            self.learn(record, answer)
        count = self.counts[client]
        count["statements"] += 1
        key = f"{client} {record['conn']} {record['seq']}"
        live_hashes = live.hashes()
        self.saved[key] = live_hashes
        baseline = self.baseline.get(key, [None, None])

        if (live.error, live.columns, live.parameters) == (recorded.error, recorded.columns, recorded.parameters):
            count["columns"] += 1
        elif live_hashes[0] == baseline[0]:
            count["columns of 17"] += 1
        elif live.error and self.rules.refused(client, record, live.error):
            count["refused"] += 1
            if self.arguments.show_refused:
                print(f"refused {client} {record['conn']}:{record['seq']} {record['label']}: {(answer.error or {}).get('M')}: {' '.join(record['sql'].split())[:160]}")
            return
        else:
            self.fail(client, record, "columns", difference(recorded, live, answer))
            return
        if live.error or recorded.error:
            count["rows"] += live.error == recorded.error
            count["rows of 17"] += live.error != recorded.error
            return
        if live.tags != recorded.tags or recorded.status not in (None, live.status):
            self.fail(client, record, "tags", f"{recorded.tags} {recorded.status} recorded, {live.tags} {live.status} answered")
            return
        names = [[c[0] for c in columns or []] for columns in recorded.columns]
        if same_rows(recorded, live):
            count["rows"] += 1
        elif live_hashes[1] == baseline[1]:
            count["rows of 17"] += 1
        elif self.rules.explain(client, record, names, recorded, live, same_rows):
            count["rows listed"] += 1
        else:
            self.fail(client, record, "rows", rows_difference(names, recorded, live))

    def learn(self, record, answer):
        for recorded, live in zip(record.get("results") or [], answer.results):
            if live.columns and recorded.get("columns"):
                for c, l in zip(recorded["columns"], live.columns):
                    self.learner.vote(c["type_oid"], l[1], self.live_names)
                    self.learner.vote(c["table_oid"], l[3], self.live_names)
                types = [c[1] for c in live.columns]
                ours = [tuple(c if not isinstance(c, dict) else None for c in row) for row in recorded.get("rows") or []]
                theirs = [tuple(text(column, value) for column, value in zip(live.columns, row)) for row in live.rows]
                if len(types) == len(recorded["columns"]):
                    self.learner.pair(types, ours, theirs, self.live_names)
        for ours, theirs in zip(record.get("param_oids_resolved") or [], next((r.parameters for r in answer.results if r.parameters), [])):
            self.learner.vote(ours, theirs, self.live_names)

    def fail(self, client, record, field, what):
        self.counts[client][f"{field} differ"] += 1
        if field == "connection" or field == "columns":
            self.counts[client]["columns wrong"] += 1
        self.failures.append((client, record, field, what))


def word(tag):
    """The command of a tag, without counts."""
    return None if tag is None else re.sub(r"( \d+)+$", "", tag)


def text(column, value):
    """A cell of the answer as text; `hex:` before what the decoder does not know, as in the recordings."""
    if value is None:
        return None
    if column[2] == 0:
        return value.decode("utf-8", "replace")
    try:
        decoded = decode(column[1], value)
    except (struct.error, IndexError):
        decoded = None
    return "hex:" + value.hex() if decoded is None else decoded


CHANGES = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(CREATE|ALTER|DROP|COMMENT|DO)\b", re.I | re.S)


# Statements that savepoints do not hold.
ENDS = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(COMMIT|END|ROLLBACK|ABORT|BEGIN|START|SAVEPOINT|RELEASE|SET\s+TRANSACTION|PREPARE\s+TRANSACTION)\b|.*;\s*COMMIT", re.I | re.S)


def changes(record):
    return record["kind"] != "startup" and CHANGES.match(record["sql"]) is not None


# Objects of the gateway's own among those of the system, in whatever names them.
OWN = re.compile(r"(?<![A-Za-z0-9])_?pgwire_")


CUT = re.compile(r"…\[\d+ chars\]$")


def same_rows(recorded, live, masks=None):
    """Rows as a set; of an answer that the recording cut short, the kept rows must be there and the count be right."""
    if len(recorded.rows) != len(live.rows):
        return False
    for n, (ours, theirs) in enumerate(zip(recorded.rows, live.rows)):
        if masks:
            ours, theirs = masked(ours, masks[n]), masked(theirs, masks[n])
        left, right = collections.Counter(ours), collections.Counter(theirs)
        if recorded.counts[n] is not None:
            if recorded.counts[n] != len(theirs) or left - right:
                return False
        elif left != right and not same_cut(left - right, right - left):
            return False
    return True


def same_cut(left, right):
    """Long cells are cut in the recording: their beginnings are compared."""
    ours = sorted(((tuple(c if not (c and CUT.search(c)) else CUT.sub("", c) for c in row)) for row in left.elements()), key=repr)
    theirs = sorted(right.elements(), key=repr)
    return len(ours) == len(theirs) > 0 and all(
        len(a) == len(b) and all(x == y or (x and y and len(x) >= 4000 and y.startswith(x)) for x, y in zip(a, b)) for a, b in zip(ours, theirs)
    )


def difference(recorded, live, answer):
    if live.error != recorded.error:
        return f"error {live.error}: {(answer.error or {}).get('M')}"
    if live.parameters != recorded.parameters:
        return f"parameters {live.parameters}, recorded {recorded.parameters}"
    for ours, theirs in zip(recorded.columns, live.columns):
        if ours != theirs:
            return f"columns {theirs}, recorded {ours}"
    return f"{len(live.columns)} results, recorded {len(recorded.columns)}"


def rows_difference(names, recorded, live):
    lines = []
    for n, (ours, theirs) in enumerate(zip(recorded.rows, live.rows)):
        left, right = collections.Counter(ours), collections.Counter(theirs)
        count = len(ours) if recorded.counts[n] is None else recorded.counts[n]
        if left == right and recorded.counts[n] is None:
            continue
        missing, more = list((left - right).elements()), list((right - left).elements())
        lines.append(f"{count} rows recorded, {len(theirs)} answered; columns {names[n]}")
        lines += [f"  - {row}"[:700] for row in missing[:3]]
        if recorded.counts[n] is None:
            lines += [f"  + {row}"[:700] for row in more[:3]]
    return "\n    ".join(lines)


def load_baseline():
    path = HERE / "baseline.json.xz"
    return json.loads(lzma.decompress(path.read_bytes())) if path.exists() else {}


def load_clients(only):
    clients = collections.OrderedDict()
    with lzma.open(HERE / "recordings.jsonl.xz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if not only or record["client"] in only:
                clients.setdefault(record["client"], []).append(record)
    return clients


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="script that starts and stops the server")
    parser.add_argument("--single", action="store_true", help="the server has one session (pglite.sh)")
    parser.add_argument("--learn", action="store_true", help="write oids.json")
    parser.add_argument("--save-baseline", action="store_true", help="write baseline.json.xz")
    parser.add_argument("--report", type=pathlib.Path, help="write the report to this file")
    parser.add_argument("--only", action="append", help="only this client; unused rules do not fail then")
    parser.add_argument("--show-refused", action="store_true", help="print the statements refused for a listed reason")
    parser.add_argument("--verbose", type=int, default=60, help="how many differences to print")
    parser.add_argument("arguments", nargs="*", help="arguments of the server script")
    arguments = parser.parse_args()
    started = time.monotonic()
    replay = Replay(Server(arguments.server, arguments.arguments, arguments.single), arguments)
    clients = load_clients(arguments.only)
    try:
        replay.run(clients)
    finally:
        replay.server.stop()
    if replay.learner:
        print(f"{replay.learner.save(replay.recorded_names.name_of)} numbers known")
    if arguments.save_baseline:
        (HERE / "baseline.json.xz").write_bytes(lzma.compress(json.dumps(replay.saved).encode(), preset=9))
    import report

    print(f"{time.monotonic() - started:.0f} s, {replay.server.starts} servers", file=sys.stderr)
    sys.exit(report.close(replay, arguments, LEAST_COLUMNS))


if __name__ == "__main__":
    main()
