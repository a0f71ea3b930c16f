"""Compares the server under test with a real PostgreSQL, statement by statement.

A script (*.test) is blocks separated by empty lines. A block is one statement, which may be preceded by
    # a comment
    @param TYPE VALUE    one parameter (TYPE of pgraw.OIDS, `unknown` leaves it to the server; no VALUE is '')
    @null TYPE           a NULL parameter
    @rows N N ..         an Execute with each of these row limits (0 for none), in the extended protocol only
    @simple              for the simple protocol only (several statements in one string)
    @fields              errors are compared with all they say (below); alone in a block, for all blocks behind it
and, for COPY FROM STDIN, followed by a line `@data` and the data (`\\n` stands for an empty line), or `@hex` and its bytes in
hexadecimal. What COPY TO STDOUT gives counts as rows, and what CopyInResponse and CopyOutResponse say as columns.

Every block runs in three modes, each a connection and a pass of its own over all scripts: `simple`, `extended`
(text results) and `binary` (extended, binary results). Compared are column names, type OIDs, parameter type OIDs,
rows, command tags, SQLSTATE and the transaction status; with @fields also an error's message, position, hint, DETAIL (what
IRIS said stands on its last line and is left out), the names of what it is about (fields s, t, c, d and n), and CONTEXT for
COPY, without the data it shows, and the notices of COPY. What may differ stands in differences.toml, each with a
reason; any other difference fails, and so does an entry that no longer differs. An entry with `catalog = "embedded"` is for the
embedded PostgreSQL alone; with --catalog native it does not count. One with `finish = "always"` counts with --finish always alone.
"""

import argparse
import os
import pathlib
import sys
import tomllib

import pgraw

HERE = pathlib.Path(__file__).parent
MODES = ("simple", "extended", "binary")
FIELDS = ("error", "columns", "types", "parameters", "rows", "tags", "status")
ERROR_FIELDS = ("message", "position", "hint", "detail", "named", "context")
NOTICE_FIELDS = ("notices",)


class Block:
    def __init__(self, file, line):
        self.file, self.line = file, line
        self.sql, self.data, self.is_hex = [], None, False
        self.oids, self.values = [], []
        self.simple_only = False
        self.compares_fields = False
        self.executes = ()

    @property
    def statement(self):
        return "\n".join(self.sql)

    def key(self):
        """The statement as differences.toml names it: on one line, with its parameters."""
        text = " ".join(self.statement.split())
        if self.values:
            text += " -- " + ", ".join("NULL" if v is None else v for v in self.values)
        if self.executes:
            text += f" @rows {' '.join(map(str, self.executes))}"
        if self.data is not None:
            text += " @data " + repr(self.data)[:60]
        return text

    def modes(self):
        if self.simple_only:
            return ("simple",)
        return MODES[1:] if self.oids or self.executes else MODES


def read_script(path):
    blocks, block, all_fields = [], None, False
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            block = None
            continue
        if block is None:
            block = Block(path.stem, number)
            block.compares_fields = all_fields
            blocks.append(block)
        if block.data is not None and block.is_hex:
            block.data += bytes.fromhex(line)
        elif block.data is not None:
            block.data += ("" if line == "\\n" else line) + "\n"
        elif line.startswith("#"):
            pass
        elif line.startswith("@param "):
            _, kind, *value = line.split(" ", 2)
            block.oids.append(pgraw.OIDS[kind])
            block.values.append(value[0] if value else "")
        elif line.startswith("@null "):
            block.oids.append(pgraw.OIDS[line.split(" ", 1)[1]])
            block.values.append(None)
        elif line.startswith("@rows "):
            block.executes = tuple(int(n) for n in line.split()[1:])
        elif line == "@simple":
            block.simple_only = True
        elif line == "@fields":
            block.compares_fields = True
            # Alone in its block, it is for those behind it.
            following = lines[number : number + 1]
            all_fields = all_fields or (not block.sql and not (following and following[0].strip()))
        elif line == "@data":
            block.data = ""
        elif line == "@hex":
            block.data, block.is_hex = b"", True
        elif line.startswith("@"):
            sys.exit(f"{path.name}:{number}: unknown directive {line}")
        else:
            block.sql.append(line)
    return [b for b in blocks if b.sql]


def run(conn, block, mode):
    data = block.data.encode() if isinstance(block.data, str) else block.data
    if mode == "simple":
        replies = conn.simple(block.statement, data)
    elif data is not None:
        replies = conn.extended_copy(block.statement, data)
    else:
        replies = conn.extended(block.statement, block.oids, block.values, mode == "binary", block.executes or (0,))
    out = {"error": [], "columns": [], "types": [], "parameters": [], "rows": [], "tags": [], "status": conn.status}
    described = None
    for tag, body in replies:
        if tag == b"T":
            described = pgraw.columns(body)
            # A statement and its portal describe the same columns; both are kept.
            out["columns"].append([name for name, _ in described])
            # The numbers of types that a script has made are the server's own (FirstNormalObjectId).
            out["types"].append([oid if oid < 16384 else "made by the script" for _, oid in described])
        elif tag == b"t":
            oids = [int.from_bytes(body[i : i + 4], "big") for i in range(2, len(body), 4)]
            out["parameters"].append([oid if oid < 16384 else "made by the script" for oid in oids])
        elif tag == b"D":
            out["rows"].append([None if c is None else readable(c, mode) for c in pgraw.cells(body)])
        elif tag in (b"G", b"H"):
            out["columns"].append([tag.decode(), *body])
            copies_binary = body[0] == 1
        elif tag == b"d":
            out["rows"].append([body.hex() if copies_binary else body.decode("utf-8", "backslashreplace")])
        elif tag == b"c":
            out["rows"].append(["<done>"])
        elif tag == b"N" and block.data is not None:
            said = pgraw.error_fields(body)
            out.setdefault("notices", []).append({code: said[code] for code in "SCMDHW" if code in said})
        elif tag == b"s":
            out["rows"].append(["<suspended>"])
        elif tag == b"C":
            out["tags"].append(body[:-1].decode())
        elif tag == b"I":
            out["tags"].append("<empty>")
        elif tag == b"E":
            said = pgraw.error_fields(body)
            out["error"].append(said.get("C"))
            out.setdefault("message", []).append(said.get("M"))
            detail = [line for line in said.get("D", "").split("\n") if line and not line.startswith("IRIS")]
            out.setdefault("detail", []).append(detail)
            out.setdefault("position", []).append(said.get("P"))
            out.setdefault("hint", []).append(said.get("H"))
            out.setdefault("named", []).append({code: said[code] for code in "stcdn" if code in said})
            out.setdefault("context", []).append(said.get("W", "").split(': "')[0] if block.data is not None else None)
    return out


def readable(cell, mode):
    return cell.hex() if mode == "binary" else cell.decode("utf-8", "backslashreplace")


def compare(got, expected, compares_fields=False):
    """The fields that differ.

    With an error, only the error, what was completed before it and the status count: a constant that is no value of
    its type is found when the statement is parsed by PostgreSQL, and when it is executed by a server that made it a
    parameter.
    """
    if got["error"] != expected["error"]:
        return ["error"]
    fields = ("tags", "status") if got["error"] else FIELDS
    if got["error"] and compares_fields:
        fields += ERROR_FIELDS
    if compares_fields:
        fields += NOTICE_FIELDS
    return [f for f in fields if got.get(f) != expected.get(f)]


class Allowed:
    def __init__(self, path, catalog, finish):
        self.entries, self.used = {}, set()
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("difference", []):
            if not entry.get("reason"):
                sys.exit(f"{path.name}: an entry of {entry.get('file')} has no reason")
            if entry.get("catalog", catalog) != catalog or entry.get("finish", finish) != finish:
                continue
            for statement in entry["statements"]:
                for mode in entry.get("modes", MODES):
                    for field in entry["fields"]:
                        key = (entry["file"], statement, mode, field)
                        if key in self.entries:
                            sys.exit(f"{path.name}: twice: {key}")
                        self.entries[key] = entry

    def covers(self, block, mode, field, got):
        key = (block.file, block.key(), mode, field)
        entry = self.entries.get(key)
        if entry is None:
            return False
        # An allowed error is the one that is named.
        if "gives" in entry and [entry["gives"]] != got["error"]:
            return False
        self.used.add(key)
        return True

    def unused(self, ran):
        return sorted(k for k in self.entries if k not in self.used and (k[0], k[2]) in ran)


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", help="run only this script (its name without .test)")
    parser.add_argument("--mode", choices=MODES, help="run only this mode")
    parser.add_argument("--suggest", action="store_true", help="print entries for differences.toml at the end")
    parser.add_argument("--show", action="store_true", help="print what the reference gives, for writing scripts")
    parser.add_argument("--finish", choices=("on", "always"), default="on", help="what the gateway runs with: over `always`, differences may be gone")
    parser.add_argument("--catalog", choices=("embedded", "native"), default="embedded", help="which PostgreSQL answers behind the gateway")
    args = parser.parse_args()

    def subject():
        env = os.environ
        return pgraw.Connection(env["PGHOST"], int(env["PGPORT"]), env["PGUSER"], env.get("PGPASSWORD", ""), env["PGDATABASE"])

    def reference():
        return pgraw.Connection("127.0.0.1", int(os.environ["REFERENCE_PORT"]), "_SYSTEM", "", "USER")

    allowed = Allowed(HERE / "differences.toml", args.catalog, args.finish)
    passed, failed, ran, suggestions = 0, 0, set(), {}
    for path in sorted(HERE.glob("*.test")):
        if args.only and path.stem != args.only:
            continue
        blocks = read_script(path)
        for mode in MODES:
            if args.mode and mode != args.mode:
                continue
            ran.add((path.stem, mode))
            here_passed, here_failed = 0, 0
            a, b = subject(), reference()
            a.keeps_notices = b.keeps_notices = True
            for block in blocks:
                if mode not in block.modes() and block.data is None:
                    continue
                expected = run(b, block, mode)
                try:
                    got = run(a, block, mode)
                except (OSError, pgraw.Closed) as error:
                    got = {f: [] for f in FIELDS} | {"error": [f"<{error}>"]}
                    a = subject()
                    a.keeps_notices = True
                if args.show:
                    print(f"{block.file}:{block.line} {mode}: {block.key()}\n    {expected}")
                unknown = [f for f in compare(got, expected, block.compares_fields) if not allowed.covers(block, mode, f, got)]
                if unknown:
                    here_failed += 1
                    print(f"FAIL {block.file}.test:{block.line} {mode}: {block.key()}")
                    for field in unknown:
                        extra = f" {got.get('message') or expected.get('message') or ''}" if field == "error" else ""
                        print(f"     {field}: got {short(got.get(field))}, expected {short(expected.get(field))}{extra}")
                        suggestions.setdefault((block.file, block.key(), tuple(got["error"]) if field == "error" else ()), {}).setdefault(field, []).append(mode)
                else:
                    here_passed += 1
            a.close()
            b.close()
            print(f"{path.stem} {mode}: {here_passed} equal, {here_failed} different", flush=True)
            passed, failed = passed + here_passed, failed + here_failed
    if not args.only and not args.mode and args.finish == "on":
        for key in allowed.unused(ran):
            failed += 1
            print(f"FAIL differences.toml: no longer a difference: {key}")
    if args.suggest:
        for (file, statement, gives), fields in suggestions.items():
            print(f'\n[[difference]]\nfile = "{file}"\nstatements = [{toml(statement)}]')
            modes = sorted({m for ms in fields.values() for m in ms}, key=MODES.index)
            print(f"modes = {list(modes)}\nfields = {list(fields)}".replace("'", '"'))
            if gives:
                print(f'gives = "{gives[0]}"')
            print('reason = ""')
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def toml(text):
    return "'''" + text + "'''" if "'" in text or "\\" in text else '"' + text.replace('"', '\\"') + '"'


main()
