"""What passes on PostgreSQL has to pass on the gateway, or to be listed with a reason; what is listed must not pass.

usage: compare.py NAME POSTGRESQL GATEWAY LISTED.toml [--update | --only]

The list is of groups: `reason`, a sentence; `tests`, names, or their beginning and `*`; `sometimes = true` where a test passes
now and then. --update finds the group of a test by reasons.toml; what no message tells is filed by hand, and stays there."""

import json
import os
import re
import sys
import tomllib

import results


def matches(pattern, name):
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def listed_in(groups, name):
    return next((g for g in groups if any(matches(p, name) for p in g["tests"])), None)


def outcome_of(ours, name):
    """What a test came to: one that did not run is told of by the test that it is part of."""
    if name in ours:
        return ours[name]
    parent = name.rpartition("/")[0]
    return ("missing", outcome_of(ours, parent)[1] if parent else "")


def shortened(mine, all_names):
    """The names of a group, those of a whole class, file or module as its name and `*`."""
    patterns, rest = [], set(mine)
    for name in sorted(mine):
        if name not in rest:
            continue
        for end in re.finditer(r"::|\.(?!py::)|/|\[", name):
            prefix = name[: end.end()]
            within = [n for n in all_names if n.startswith(prefix)]
            if len(within) > 2 and all(n in mine for n in within):
                patterns.append(prefix + "*")
                rest.difference_update(within)
                break
        else:
            patterns.append(name)
            rest.discard(name)
    return patterns


def update(path, head, groups, failing, all_names):
    """Files each failing test: by its message, else where it was, else in a group without a reason."""
    with open(os.path.join(os.path.dirname(__file__), "reasons.toml"), "rb") as file:
        known = tomllib.load(file)["reason"]
    sometimes = [g for g in groups if g.get("sometimes")]
    filed, unknown = {}, {}
    for name, message in failing.items():
        if listed_in(sometimes, name):
            continue
        group = listed_in(groups, name)
        by_message = next((r["reason"] for r in known if re.search(r["message"], message)), None)
        if reason := by_message or (group and group["reason"]):
            filed.setdefault(reason, set()).add(name)
        else:
            unknown.setdefault(message[:100], set()).add(name)
    lines = [*head, ""]
    for group in sometimes:
        lines += entry(group["reason"], group["tests"], sometimes=True)
    for reason, names in sorted(filed.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += entry(reason, shortened(names, all_names))
    for message, names in sorted(unknown.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += [f"# {message}", *entry("", shortened(names, all_names))]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines).strip() + "\n")
    return {**filed, **unknown}, sum(len(names) for names in unknown.values())


def entry(reason, names, sometimes=False):
    return [
        "[[group]]",
        f"reason = {json.dumps(reason, ensure_ascii=False)}",
        *(["sometimes = true"] if sometimes else []),
        "tests = [",
        *(f"    {json.dumps(n, ensure_ascii=False)}," for n in names),
        "]",
        "",
    ]


def main(name, postgresql, gateway, path, mode=""):
    base, ours = results.read(postgresql), results.read(gateway)
    all_names = sorted(n for n, (outcome, _) in base.items() if outcome == "pass")
    failing = {n: " ".join(outcome_of(ours, n)) for n in all_names if outcome_of(ours, n)[0] != "pass"}
    if mode == "--only":
        for test in sorted(base.keys() | ours.keys()):
            print(test, "\n    PostgreSQL:", *base.get(test, ("missing",)), "\n    gateway:   ", *ours.get(test, ("missing",)))
        return 0
    head, groups = [], []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # The first lines, up to an empty one, say what the file is.
        head = [line for line in text.split("\n\n")[0].splitlines() if line.startswith("#")]
        groups = tomllib.loads(text).get("group", [])
    if mode == "--update":
        filed, unknown = update(path, head, groups, failing, all_names)
        for reason, names in sorted(filed.items(), key=lambda item: -len(item[1])):
            print(f"{len(names):5} {reason}")
        print(f"{len(all_names) - len(failing)} of {len(all_names)} pass; {unknown} that do not are without a reason")
        return 0

    failed = 0

    def fail(what):
        nonlocal failed
        failed += 1
        print(f"FAIL {what}")

    for test, message in failing.items():
        if not listed_in(groups, test):
            fail(f"{test} passes on PostgreSQL, not on the gateway, and is not listed: {message}")
    for group in groups:
        if not group["reason"]:
            fail(f"{len(group['tests'])} tests are listed without a reason: {group['tests'][0]}")
        for pattern in group["tests"]:
            names = [n for n in all_names if matches(pattern, n)]
            passing = [n for n in names if n not in failing]
            if not group.get("sometimes"):
                for test in passing:
                    fail(f"{test} is listed and passes ({pattern}: {group['reason']})")
            if not names:
                fail(f"{pattern} is listed and is none of the tests that pass on PostgreSQL")
    passing = len(all_names) - len(failing)
    skipped = sum(outcome == "skip" for outcome, _ in base.values())
    share = 100 * passing / len(all_names) if all_names else 0
    print(f"{name}: of {len(base)} tests PostgreSQL passes {len(all_names)} and skips {skipped}")
    print(f"{passing} of {len(all_names)} that pass on PostgreSQL pass on the gateway ({share:.1f} %), {len(failing)} are listed or fail")
    print(f"{passing} passed, {failed} failed")
    return 1 if failed or not passing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
