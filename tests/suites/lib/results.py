"""What a run of a suite leaves: a line for each test, `outcome TAB name TAB message`, outcome one of pass, fail, skip, hang."""

import atexit
import os
import signal
import subprocess

# A test that takes longer hangs: it is ended and does not pass.
LIMIT_S = 30.0


def only(name):
    """Whether this test is asked for: SUITE_ONLY holds a part of its name."""
    return os.environ.get("SUITE_ONLY", "") in name


def one_line(text):
    """A message or a name as it stands in a line."""
    return " ".join(str(text).split())[:600]


class Results:
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
        atexit.register(self.file.close)

    def add(self, outcome, name, message=""):
        self.file.write(f"{outcome}\t{one_line(name)}\t{one_line(message)}\n")


def read(path):
    """Name to (outcome, message). A name that came twice has passed when each has."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            outcome, name, message = line.rstrip("\n").split("\t")
            if name not in found or found[name][0] == "pass":
                found[name] = (outcome, message)
    return found


def run_limited(command, limit_s=LIMIT_S, **options):
    """Runs a command in a process group of its own: (exit status, or None when it was ended at its limit; its output)."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace",
        start_new_session=True, **options,
    )
    try:
        output, _ = process.communicate(timeout=limit_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output
