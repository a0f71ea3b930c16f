"""pack.py CLIENTS_FOLDER: makes recordings.jsonl.xz of what `replay.py` needs from the recorded clients.

Kept are the records of the phases `connect` and `introspect`, which are compared, and before them those of the phase
`use` that change what a later introspection sees (its schema, rows and transactions): they are sent and not compared.
"""

import json
import lzma
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
COMPARED = ("connect", "introspect")
COMMENTS = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"
CHANGES = re.compile(COMMENTS + r"(BEGIN|START|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|CREATE|ALTER|DROP|COMMENT|INSERT|UPDATE|DELETE|DO)\b", re.I | re.S)
# Databases and roles are not of the gateway's making; a temporary table goes with its connection.
NOT_OURS = re.compile(COMMENTS + r"(CREATE|ALTER|DROP)\s+(DATABASE|ROLE|USER|TABLESPACE|TEMP|TEMPORARY)\b", re.I | re.S)
KEPT = ("client", "phase", "label", "conn", "seq", "kind", "sql", "stmt_name", "portal", "param_oids", "param_oids_resolved",
        "params", "param_formats", "result_formats", "max_rows", "parsed_in_batch", "described", "results", "error", "flow", "tx_status")


def wanted(record):
    if record["kind"] == "startup":
        return True
    # The data of a COPY are not recorded in full.
    if record["kind"] not in ("query", "execute", "prepare") or "copy" in record:
        return False
    if record["phase"] in COMPARED:
        return True
    sql = record["sql"]
    return not record.get("error") and CHANGES.match(sql) and not NOT_OURS.match(sql) and record["kind"] != "prepare"


def records_of(path):
    records = [json.loads(line) for line in path.open(encoding="utf-8")]
    databases = {r["conn"]: r["params"].get("database", "") for r in records if r["kind"] == "startup" and isinstance(r["params"], dict)}
    # Connections were numbered as they came.
    records = sorted((r for r in records if databases.get(r["conn"]) == "corpus" and wanted(r)), key=lambda r: (r["conn"], r["seq"]))
    # Nothing after the last compared statement is needed, and no connection that only the driver script used.
    last = max((n for n, r in enumerate(records) if r["phase"] in COMPARED and r["kind"] != "startup"), default=-1)
    records = records[: last + 1]
    busy = {r["conn"] for r in records if r["kind"] != "startup"}
    return [r for r in records if r["conn"] in busy]


def main():
    out = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
        for record in records_of(path):
            slim = {k: record[k] for k in KEPT if k in record}
            if record["kind"] == "startup":
                slim["params"] = record["params"]
            elif record["phase"] not in COMPARED:
                slim.pop("results", None)
            out.append(json.dumps(slim, ensure_ascii=False, separators=(",", ":")))
    data = lzma.compress(("\n".join(out) + "\n").encode(), preset=9 | lzma.PRESET_EXTREME)
    (HERE / "recordings.jsonl.xz").write_bytes(data)
    print(f"{len(out)} records, {len(data)} bytes")


main()
