"""The audit: what the server under test makes of every operator, function, aggregate and cast that PostgreSQL's own
catalog lists for the types a column can have, and of what SQL does with values (sort, group, compare, join, write).

Each type has a table of edge values (NULL, empty, blanks, extremes, fractions, negative, NaN, zero vectors, leap days).
A statement goes to PostgreSQL and to the server under test, half of them in the simple protocol, half in the extended one
with parameters in place of constants, and half of these with binary parameters and results. It may be refused (0A000); else
its rows, types, names, parameters and tag must be PostgreSQL's, and so must its error. Computed numerics and doubles may
differ in their last digits, which are counted by themselves. What else may differ stands in audit.toml with its reason, and
so does how much of each family may be refused.

    audit.py                 a seeded sample (AUDIT_COUNT, AUDIT_SEED), about a minute
    audit.py --full          every statement, and AUDIT_POSITIONS generated ones
    audit.py --only cast --grep vector --show
    audit.py --only position --count 20000 --seed 7 --mode binary
    audit.py --full --suggest     prints the bounds on refusals for audit.toml
"""

import argparse
import collections
import decimal
import json
import os
import pathlib
import random
import re
import sys
import tomllib

import audit_positions
from audit_modes import FLOAT4, FLOAT8, MODES, NUMERIC, Servers, ask
from audit_statements import FAMILIES, SMALL, TYPES, Statement, drop_tables, make_tables

HERE = pathlib.Path(__file__).parent
COUNT = int(os.environ.get("AUDIT_COUNT", "4000"))
POSITIONS = int(os.environ.get("AUDIT_POSITIONS", "5000"))
SEED = int(os.environ.get("AUDIT_SEED", "20261130"))
# A statement that PostgreSQL answers with an error is taken apart into single rows, at most so many.
SINGLE_ROWS_MAX = 6
# The share of refusals a family may have above the one it had when its bound was written.
REFUSED_SLACK = 0.1
VERDICTS = ("equal", "digits", "same error", "refused", "known", "other error", "different")

# Vectors of IRIS hold doubles where pgvector's hold single precision.
VECTORS = re.compile(r"<->|<=>|<#>|distance\(|inner_product\(|norm\(")
# IRIS computes these with doubles; PostgreSQL with decimals, of which it shows the fewer digits the greater they are.
SPREADS = re.compile(r"\b(stddev|variance|var_)")


def near(a, b, oid, sql, got, expected):
    """Numerics and doubles that differ in their last digits only."""
    if a is None or b is None or oid not in (FLOAT4, FLOAT8, NUMERIC):
        return False
    try:
        x, y = decimal.Decimal(got.number(a, oid)), decimal.Decimal(expected.number(b, oid))
    except decimal.InvalidOperation:
        return False
    if not (x.is_finite() and y.is_finite()):
        return False
    # IRIS's doubles have no negative zero.
    if x == y:
        return True
    if oid == NUMERIC and SPREADS.search(sql):
        return abs(x - y) <= decimal.Decimal("1e-9") * max(abs(x), abs(y))
    bound = {FLOAT4: decimal.Decimal("1e-6"), FLOAT8: decimal.Decimal("1e-12"), NUMERIC: decimal.Decimal("1e-12")}[oid]
    if VECTORS.search(sql):
        return abs(x - y) <= decimal.Decimal("1e-6") * max(abs(x), abs(y), 1)
    return abs(x - y) <= bound * max(abs(x), abs(y)) or (oid == NUMERIC and abs(x - y) < decimal.Decimal("1e-15"))


def numbers_made(oids):
    """The numbers of pgvector's types are the server's own (FirstNormalObjectId)."""
    return [min(oid, 16384) for oid in oids]


def judge(got, expected, ordered, sql):
    if got.error == "0A000" and expected.error != "0A000":
        return "refused"
    if got.error or expected.error:
        if got.error == expected.error:
            return "same error"
        return "other error" if got.error and expected.error else "different"
    if numbers_made(got.types) != numbers_made(expected.types) or numbers_made(got.parameters) != numbers_made(expected.parameters):
        return "different"
    if got.names != expected.names or got.tags != expected.tags:
        return "different"
    rows, wanted = got.rows, expected.rows
    if not ordered:
        rows, wanted = arranged(got), arranged(expected)
    if rows == wanted:
        return "equal"
    if len(rows) == len(wanted) and all(
        all(a == b or near(a, b, oid, sql, got, expected) for a, b, oid in zip(row, want, got.types)) for row, want in zip(rows, wanted)
    ):
        return "digits"
    return "different"


def arranged(answer):
    """Rows in an order of their own, in which numbers that are near stay side by side."""

    def key(row):
        cells = []
        for cell, oid in zip(row, answer.types):
            if cell is None or oid not in (FLOAT4, FLOAT8, NUMERIC):
                cells.append((repr(cell), 0))
                continue
            number = decimal.Decimal(answer.number(cell, oid))
            cells.append(("number", number) if number.is_finite() else (str(number), 0))
        return cells

    return sorted(answer.rows, key=key)


def sample(statements, chooser, count):
    """As many of each group as of every other, and in it of each family, as far as they go."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for entry in statements:
        groups[entry[0]][entry[1].family].append(entry)
    chosen = []
    for families in groups.values():
        piles, wanted = list(families.values()), len(chosen) + count // len(groups)
        for pile in piles:
            chooser.shuffle(pile)
        while len(chosen) < wanted and piles:
            chooser.shuffle(piles)
            chosen.extend(pile.pop() for pile in piles[: wanted - len(chosen)])
            piles = [pile for pile in piles if pile]
    return chosen


def apart(statement, seed):
    """Single rows of a statement that fails as a whole."""
    chooser = random.Random(f"{seed} {statement.sql}")
    expression, tables, ids, keys = statement.single
    counts = [len(SMALL) if key == "n" else len(TYPES[key][2]) for key in keys]
    for _ in range(SINGLE_ROWS_MAX):
        where = " and ".join(f"{name} = {chooser.randint(0, count)}" for name, count in zip(ids, counts))
        yield Statement(statement.family, f"select {expression} as x from {tables} where {where}")


class Known:
    """Differences that are known, each with a reason: patterns over statements, over families, and SQLSTATEs."""

    def __init__(self, path):
        self.entries, self.refusals = [], {}
        if path.exists():
            read = tomllib.loads(path.read_text(encoding="utf-8"))
            self.entries, self.refusals = read.get("known", []), read.get("refused_max", {})
        for entry in self.entries:
            if not entry.get("reason"):
                sys.exit(f"{path.name}: an entry without a reason")
        self.used = collections.Counter()

    def covers(self, statement, got, expected):
        for number, entry in enumerate(self.entries):
            if (
                re.search(entry.get("statement", ""), statement.sql)
                and re.search(entry.get("family", ""), statement.family)
                and re.fullmatch(entry.get("got", ".*"), got.error or "")
                and re.fullmatch(entry.get("expected", ".*"), expected.error or "")
            ):
                self.used[number] += 1
                return True
        return False


def bounded(family):
    """What the bounds on refusals go by: a function's, operator's or cast's name and not the place it stands in."""
    return re.sub(r"(, (inside|sorted|grouped|as text|in a condition|window|compared|like|limited)| constant)$", "", family).removeprefix("constant ")


def shown(answer):
    if answer.error:
        return f"{answer.error} {answer.message}"
    text = "; ".join("(" + ", ".join("NULL" if c is None else c.decode("utf-8", "backslashreplace") for c in row) + ")" for row in answer.rows[:40])
    parameters = f", parameters {answer.parameters}" if answer.parameters else ""
    return f"{answer.tags} {answer.names} types {answer.types}{parameters}, {len(answer.rows)} rows: {text}"


def difference(got, expected):
    """The first rows that differ, for reading."""
    alike = (got.types, got.names, got.tags, got.parameters) == (expected.types, expected.names, expected.tags, expected.parameters)
    if got.error or expected.error or len(got.rows) != len(expected.rows) or not alike:
        return f"    got      {shown(got)[:600]}\n    expected {shown(expected)[:600]}"
    pairs = [(a, b) for a, b in zip(got.rows, expected.rows) if a != b]
    text = ""
    for a, b in pairs[:3]:
        text += f"    got      {a}\n    expected {b}\n"
    return text.rstrip()


def compare(servers, statement, mode, seed):
    """What became of a statement: the verdict, both answers, and how it was asked."""
    asked = ask(servers, statement.sql, mode, seed)
    for sql in statement.before:
        servers.expected(sql)
        servers.got(sql)
    expected, got = servers.expected(asked), servers.got(asked)
    if expected.error and expected.error.startswith("42"):
        # Not a statement of PostgreSQL's: nothing to compare but that it is refused.
        verdict = "same error" if got.error else "different"
    else:
        verdict = judge(got, expected, statement.ordered, statement.sql)
        if verdict in ("equal", "digits"):
            for sql in statement.after:
                left, wanted = servers.got(sql), servers.expected(sql)
                then = judge(left, wanted, True, statement.sql)
                if then in ("different", "other error", "refused"):
                    verdict, got, expected = "refused" if then == "refused" else "different", left, wanted
                    break
                if then == "digits":
                    verdict = then
    for sql in statement.end:
        servers.expected(sql)
        servers.got(sql)
    return verdict, got, expected, asked


def generated(servers, args):
    """The statements of this run, and how many there are."""
    statements, seen = [], set()
    for name, generate in FAMILIES.items():
        if args.only in (None, name):
            for statement in generate(servers):
                if statement.sql not in seen and (args.grep is None or re.search(args.grep, statement.sql)):
                    seen.add(statement.sql)
                    statements.append((name, statement))
    if args.only in (None, "position"):
        count = args.count if args.only == "position" and args.count else POSITIONS
        for statement in audit_positions.positions(servers, random.Random(args.seed), count):
            key = (*statement.before, statement.sql)
            if key not in seen and (args.grep is None or re.search(args.grep, statement.sql)):
                seen.add(key)
                statements.append(("position", statement))
    return statements


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="every statement, not a sample")
    parser.add_argument("--only", choices=[*FAMILIES, "position"], help="one group")
    parser.add_argument("--grep", help="only statements that match this pattern")
    parser.add_argument("--count", type=int, help="the size of the sample, or of the generated group `position`")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--mode", choices=[*MODES, "mixed"], default="mixed", help="how statements are sent")
    parser.add_argument("--show", action="store_true", help="print every answer")
    parser.add_argument("--refused", action="store_true", help="print what is refused, too")
    parser.add_argument("--known", action="store_true", help="print what is known to differ, too")
    parser.add_argument("--suggest", action="store_true", help="print the bounds on refusals at the end")
    parser.add_argument("--report", help="write the tables to this file")
    args = parser.parse_args()
    servers, chooser, known = Servers(), random.Random(args.seed), Known(HERE / "audit.toml")
    left_out = make_tables(servers)
    audit_positions.make_tables(servers)
    statements = generated(servers, args)
    total, count = len(statements), args.count or COUNT
    is_whole = args.full and args.only is None and args.grep is None
    if not args.full and args.only != "position" and total > count:
        statements = sample(statements, chooser, count)
    tally, families, modes = collections.defaultdict(collections.Counter), collections.defaultdict(collections.Counter), collections.Counter()
    failures = 0
    queue = collections.deque(statements)
    while queue:
        group, statement = queue.popleft()
        verdict, got, expected, asked = compare(servers, statement, args.mode, args.seed)
        if expected.error and statement.single and not expected.error.startswith("42"):
            queue.extend((group, single) for single in apart(statement, args.seed))
        if verdict in ("different", "other error") and known.covers(statement, got, expected):
            verdict = "known"
        tally[group][verdict] += 1
        families[bounded(statement.family)][verdict] += 1
        modes[asked.mode] += 1
        if verdict in ("different", "other error"):
            failures += 1
            before = "".join(f"{sql}; " for sql in statement.before)
            print(f"{verdict.upper()} [{statement.family}] {before}{asked}\n{difference(got, expected)}", flush=True)
        elif args.show or (args.refused and verdict == "refused") or (args.known and verdict == "known"):
            print(f"{verdict} [{statement.family}] {asked}\n{difference(got, expected)}")
    audit_positions.drop_tables(servers)
    drop_tables(servers)
    failures += refusals(known, tally, families, is_whole and args.seed == SEED, args.suggest)
    lines = report(tally, families, modes, known, left_out, total, args)
    print("\n".join(lines))
    if args.report:
        pathlib.Path(args.report).write_text("\n".join(lines) + "\n", encoding="utf-8")
    if is_whole and args.mode == "mixed" and args.seed == SEED:
        for number, entry in enumerate(known.entries):
            # What only statements of other seeds may show is exempt, and what differs with the processor.
            if not known.used[number] and not entry.get("generated") and not entry.get("by_processor"):
                failures += 1
                print(f"FAIL audit.toml: no longer a difference: {entry}")
    ran = sum(sum(c.values()) for c in tally.values())
    print(f"{ran - failures} passed, {failures} failed")
    sys.exit(1 if failures or not ran else 0)


def share_refused(counts):
    """Of the statements that mean something to PostgreSQL's parser, those that are refused."""
    return counts["refused"] / max(sum(counts.values()), 1)


def refusals(known, tally, families, is_whole, suggest):
    """How many bounds on refusals are broken. A family without one may be refused as a whole: it never was answered."""
    failed = 0
    found = {f"group {group}": counts for group, counts in tally.items()}
    if is_whole:
        found |= families
    for name, bound in known.refusals.items():
        counts = found.get(name)
        if counts and sum(counts.values()) >= 20 and share_refused(counts) > bound:
            failed += 1
            print(f"FAIL refused: {name}: {share_refused(counts):.2f} of {sum(counts.values())} statements, at most {bound}")
        if is_whole and counts is None:
            failed += 1
            print(f"FAIL audit.toml: no such family to bound: {name}")
    if suggest:
        print("\n[refused_max]")
        for name, counts in sorted(found.items()):
            share = share_refused(counts)
            if sum(counts.values()) >= 20 and share + REFUSED_SLACK < 1 and not name.startswith("no cast"):
                print(f"{json.dumps(name, ensure_ascii=False)} = {share + REFUSED_SLACK:.2f}")
    return failed


def report(tally, families, modes, known, left_out, total, args):
    ran = sum(modes.values())
    values = sum(len(values) + 1 for _, _, values in TYPES.values())
    lines = [
        f"audit: {ran} statements of {total}, seed {args.seed}: {', '.join(f'{modes[mode]} {mode}' for mode in MODES)}",
        f"rules: {len(families)} families over {len(TYPES)} types with {values} values",
        "| group | " + " | ".join(VERDICTS) + " |",
        "|---" * (len(VERDICTS) + 1) + "|",
    ]
    for group, counts in tally.items():
        lines.append(f"| {group} | " + " | ".join(str(counts[verdict]) for verdict in VERDICTS) + " |")
    sums = collections.Counter()
    for counts in tally.values():
        sums.update(counts)
    lines.append("| all | " + " | ".join(str(sums[verdict]) for verdict in VERDICTS) + " |")
    answered = sum(1 for counts in families.values() if counts["equal"] + counts["digits"])
    refused = sum(1 for counts in families.values() if counts["refused"] and not counts["equal"] + counts["digits"])
    lines.append(f"families: {answered} answered, {refused} refused as a whole, {len(families) - answered - refused} errors in PostgreSQL as well")
    lines.append("known:")
    lines += [f"- {known.used[number]}: {entry['reason']}" for number, entry in enumerate(known.entries) if known.used[number]]
    lines.append("values not stored: " + "; ".join(f"{key}: {', '.join(values)}" for key, values in left_out.items()))
    return lines


main()
