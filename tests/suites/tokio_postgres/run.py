"""The tests of a Rust test binary, each in a process of its own: the harness has no time limit."""

import re
import subprocess
import sys

import results

# They ask the resolver for a name that is none, and test only which of several hosts the client takes.
LEFT_OUT = ("runtime::multiple_hosts_one_port", "runtime::multiple_hosts_multiple_ports")


def main(path, binary):
    found = results.Results(path)
    listed = subprocess.run([binary, "--list", "--format", "terse"], capture_output=True, text=True, check=True).stdout
    for name in re.findall(r"^(.*): test$", listed, re.M):
        if name in LEFT_OUT or not results.only(name):
            continue
        status, output = results.run_limited([binary, name, "--exact", "--test-threads=1", "--nocapture"])
        panic = re.search(r"panicked at [^\n]*\n([^\n]*)", output)
        message = panic.group(1) if panic else output[-300:]
        if status is None:
            found.add("hang", name, f"not done within {results.LIMIT_S:.0f} s")
        elif status != 0:
            found.add("fail", name, message)
        elif "... ignored" in output:
            found.add("skip", name)
        else:
            found.add("pass", name)


if __name__ == "__main__":
    main(*sys.argv[1:])
