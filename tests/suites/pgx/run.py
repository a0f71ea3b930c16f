"""The tests of Go test binaries, each function in a process of its own: a limit of the harness ends all tests of a binary."""

import os
import re
import subprocess
import sys

import results

# 100,000 statements each: load rather than behaviour, and the catalogs' PostgreSQL takes as long as a test may.
LEFT_OUT = ("TestConnExecBatchHuge", "TestListenNotifyWhileBusyIsSafe")


def outcomes(output):
    """Name to (outcome, message) of a function's and its subtests' lines in `-test.v`."""
    found, said, current = {}, {}, None
    for line in output.splitlines():
        if begun := re.match(r"=== \S+ +(\S+)", line):
            current = begun.group(1)
        elif ended := re.match(r" *--- (PASS|FAIL|SKIP): (\S+) ", line):
            current = ended.group(2)
            found[current] = {"PASS": "pass", "FAIL": "fail", "SKIP": "skip"}[ended.group(1)]
        elif current and line.strip() not in ("", "FAIL") and "Error Trace:" not in line:
            said.setdefault(current, []).append(re.sub(r"/\S*/", "", line.strip()))
    for name, outcome in found.items():
        # What failed of a test that only has subtests, one of them says.
        if outcome == "fail" and name not in said:
            said[name] = next((said[n] for n in found if n.startswith(name + "/") and n in said and found[n] == "fail"), [])
    return {name: (outcome, " ".join(said.get(name, [])) if outcome != "pass" else "") for name, outcome in found.items()}


def main(path, folder, source, *packages):
    found = results.Results(path)
    for package in packages:
        where = os.path.normpath(os.path.join(source, package))
        # The package at the root is called by the module's name.
        name = "pgx" if package == "." else os.path.basename(where)
        binary = os.path.join(folder, f"{name}.test")
        listed = subprocess.run([binary, "-test.list", "^Test"], capture_output=True, text=True, check=True, cwd=where).stdout
        for test in listed.split():
            if test in LEFT_OUT or not results.only(f"{name}.{test}"):
                continue
            status, output = results.run_limited([binary, "-test.v", "-test.run", f"^{test}$"], cwd=where)
            said = outcomes(output)
            if status is None:
                said[test] = ("hang", f"not done within {results.LIMIT_S:.0f} s")
            elif test not in said:
                said[test] = ("fail", output[-500:])
            for each, (outcome, message) in said.items():
                # Temporary folders have numbers in their names.
                found.add(outcome, re.sub(r"/tmp/[^'\"]*/", "/tmp/", f"{name}.{each}"), message)


if __name__ == "__main__":
    main(*sys.argv[1:])
