"""What the replay prints and the report that it writes."""

import collections

HEAD = """# What recorded clients ask, and what the gateway answers

Made by `tests/corpus/run.sh --report`; not written by hand. {clients} clients were recorded while they connected to
and introspected PostgreSQL 15 with pgvector ({statements} statements). The gateway has the same schema, made through
itself, and answers with PostgreSQL 17.5. "refused" are statements that fail for a reason below; they count among those whose columns differ.
"as 17" counts answers that differ from the recording and are exactly those
of PostgreSQL 17.5; "listed" counts rows that differ for one of the reasons below.

| client | statements | refused | columns equal | as 17 | differ | rows equal | as 17 | listed | differ |
|---|---|---|---|---|---|---|---|---|---|
"""


def totals(counts):
    total = collections.Counter()
    for count in counts.values():
        total.update(count)
    return total


def row(name, c):
    differ = c["columns wrong"] + c["refused"]
    rows = c["rows differ"] + c["tags differ"]
    return f"| {name} | {c['statements']} | {c['refused']} | {c['columns']} | {c['columns of 17']} | {differ} | {c['rows']} | {c['rows of 17']} | {c['rows listed']} | {rows} |\n"


def write(replay, path):
    total = totals(replay.counts)
    text = HEAD.format(clients=len(replay.counts), statements=total["statements"])
    for client in sorted(replay.counts):
        text += row(client, replay.counts[client])
    text += row("**all**", total)
    text += "\n## Reasons\n\n"
    for rule in replay.rules.rules:
        if rule.used:
            what = f"values of {', '.join(f'`{c}`' for c in rule.columns)}" if rule.columns else f"refused: {', '.join(rule.errors)}" if rule.errors else "rows"
            text += f"- {rule.reason} ({what}; {rule.used} answers)\n"
    text += f"- The gateway's own objects in `pg_catalog` (`pgwire_..`) are left out of all answers ({replay.own_rows} rows)\n"
    text += "\n## Not made by the gateway\n\n"
    for sql, why in replay.server.skipped.items():
        text += f"- `{sql}`: {why}\n"
    for (client, code, sql, why), n in sorted(replay.refused_context.items(), key=repr):
        text += f"- {client}: `{sql}`: {code} {why}" + (f" ({n} times)" if n > 1 else "") + "\n"
    if replay.failures:
        text += "\n## Unlisted differences\n\n"
        for client, record, field, what in replay.failures:
            first = what.splitlines()[0] if what else ""
            text += f"- {client} {record['conn']}:{record['seq']} {record['label']}, {field}: {first[:200]}\n"
    path.write_text(text, encoding="utf-8")


def close(replay, arguments, least):
    """Prints the outcome; 0 when all is as it must be."""
    for client, record, field, what in replay.failures[: arguments.verbose]:
        print(f"FAIL {client} {record['conn']}:{record['seq']} {record['label']}: {field}: {what}\n    {' '.join(record['sql'].split())[:300]}")
    if len(replay.failures) > arguments.verbose:
        print(f"... and {len(replay.failures) - arguments.verbose} more")
    failed = len({(r["client"], r["conn"], r["seq"]) for _, r, field, _ in replay.failures if field not in ("columns", "connection")})
    total = totals(replay.counts)
    for sql, why in replay.server.skipped.items():
        print(f"not made: {sql}: {why}")
        if not (sql.upper().startswith("CREATE FUNCTION") and why.startswith("0A000")):
            failed += 1
            print("FAIL only CREATE FUNCTION may be refused")
    for (client, code, sql, why), n in sorted(replay.refused_context.items(), key=repr):
        print(f"not made: {client}: {sql}: {code} {why} ({n})")
    # The share is of all that PostgreSQL answered: a listed reason explains a refusal and does not hide it.
    share = 1 - (total["columns wrong"] + total["refused"]) / max(total["statements"], 1)
    print(f"columns: {100 * share:.2f} % of {total['statements']} statements ({total['columns']} as PostgreSQL 15, {total['columns of 17']} as 17; {total['refused']} refused for a listed reason, {total['columns wrong']} otherwise)")
    print(f"rows: {total['rows']} equal, {total['rows of 17']} as 17, {total['rows listed']} listed, {total['rows differ'] + total['tags differ']} differ")
    if share < least:
        failed += 1
        print(f"FAIL columns: less than {100 * least:.0f} % equal")
    if not arguments.only:
        for rule in replay.rules.rules:
            if not rule.used:
                failed += 1
                print(f"FAIL never needed: {rule.name()}")
    if arguments.report:
        write(replay, arguments.report)
    print(f"{total['rows'] + total['rows of 17'] + total['rows listed']} passed, {failed} failed")
    return 1 if failed or not total["statements"] else 0
