"""differences.toml: which rows may differ from the recordings, and why.

    [[difference]]
    reason = "a sentence"
    clients = ["psql"]            # all when absent
    label = "regular expression"  # on the recording's label
    sql = "regular expression"    # on the statement
    columns = ["Size"]            # only the values of these columns; the whole answer when absent
    without = "regular expression" # only rows that hold it may be there or not
    errors = ["0A000"]            # instead: the statement may fail with these; it still counts as one that differs
"""

import re
import tomllib


class Rule:
    def __init__(self, table, number):
        unknown = set(table) - {"reason", "clients", "label", "sql", "columns", "errors", "without"}
        if unknown or "reason" not in table or not ({"label", "sql"} & set(table)):
            raise ValueError(f"difference {number}: {unknown or 'needs a reason and a label or sql'}")
        self.reason, self.clients = table["reason"], table.get("clients")
        self.label = re.compile(table["label"], re.S) if "label" in table else None
        self.sql = re.compile(table["sql"], re.S | re.I) if "sql" in table else None
        self.columns, self.errors = table.get("columns"), table.get("errors")
        self.without = re.compile(table["without"]) if "without" in table else None
        self.number, self.used = number, 0

    def applies(self, client, record):
        return (
            (self.clients is None or client in self.clients)
            and (self.label is None or self.label.search(record["label"]))
            and (self.sql is None or self.sql.search(record["sql"]))
        )

    def name(self):
        return f"difference {self.number} ({self.reason})"


class Rules:
    def __init__(self, path):
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("difference", []) if path.exists() else []
        self.rules = [Rule(table, n) for n, table in enumerate(tables, 1)]

    def refused(self, client, record, error):
        """Whether a rule says that the statement fails so; marks it."""
        for rule in self.rules:
            if rule.errors is not None and error in rule.errors and rule.applies(client, record):
                rule.used += 1
                return True
        return False

    def explain(self, client, record, names, recorded, live, same_rows):
        """Whether rules explain the difference; marks those that are needed: narrow ones before whole answers."""
        found = [rule for rule in self.rules if rule.errors is None and rule.applies(client, record)]
        narrow = [rule for rule in found if rule.columns is not None or rule.without is not None]

        def equal(rules):
            hidden = {column for rule in rules for column in rule.columns or []}
            masks = [[n in hidden for n in columns] for columns in names]
            ours, theirs = recorded, live
            for rule in rules:
                if rule.without is not None:
                    ours, theirs = lacking(ours, rule.without), lacking(theirs, rule.without)
            return same_rows(ours, theirs, masks)

        if narrow and equal(narrow):
            for rule in list(narrow):
                rest = [r for r in narrow if r is not rule]
                if rest and equal(rest):
                    narrow = rest
            for rule in narrow:
                rule.used += 1
            return True
        for rule in found:
            if rule.columns is None and rule.without is None:
                rule.used += 1
                return True
        return False


class lacking:
    """An outcome without the rows that hold a pattern."""

    def __init__(self, outcome, pattern):
        self.rows = [[row for row in rows if not any(isinstance(c, str) and pattern.search(c) for c in row)] for rows in outcome.rows]
        self.counts = [
            None if count is None else count - (len(before) - len(after))
            for count, before, after in zip(getattr(outcome, "counts", None) or [None] * len(self.rows), outcome.rows, self.rows)
        ]


def masked(rows, mask):
    return [tuple("…" if hidden else cell for cell, hidden in zip(row, mask)) for row in rows]
