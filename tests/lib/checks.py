"""Checks that print one line each and a closing line; the exit code tells whether all passed."""

import sys
import traceback


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, run):
        """Runs one check; any exception is its failure."""
        try:
            run()
        except Exception as error:  # noqa: BLE001: whatever a client raises is the finding
            self.fail(name, error)
        else:
            self.ok(name)

    def check_or_gap(self, name, run, code_of):
        """As `check`, for what the gateway says it does not support yet (0A000): that counts as neither."""
        try:
            run()
        except Exception as error:  # noqa: BLE001
            if code_of(error) == "0A000":
                self.gap(name, error)
            else:
                self.fail(name, error)
        else:
            self.ok(name)

    def gap(self, name, error):
        print(f"gap  {name}: {str(error).strip().splitlines()[0]}", flush=True)

    def ok(self, name):
        self.passed += 1
        print(f"ok   {name}", flush=True)

    def fail(self, name, error):
        self.failed += 1
        where = traceback.extract_tb(error.__traceback__)
        line = next((f"line {f.lineno}: " for f in where if "/lib/python" not in f.filename and "checks.py" not in f.filename), "")
        print(f"FAIL {name}: {line}{type(error).__name__}: {str(error).strip()[:600]}", flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


def equal(got, expected, what=""):
    # asyncpg's UUID is a subclass; a bool is no int here.
    if got != expected or not isinstance(got, type(expected)) or isinstance(got, bool) != isinstance(expected, bool):
        raise AssertionError(f"{what or 'value'}: got {got!r}, expected {expected!r}")


def raises(sqlstate, run, code_of):
    """The call must fail with this SQLSTATE."""
    try:
        run()
    except Exception as error:  # noqa: BLE001
        code = code_of(error)
        if code != sqlstate:
            raise AssertionError(f"expected SQLSTATE {sqlstate}, got {code}: {error}") from error
    else:
        raise AssertionError(f"expected SQLSTATE {sqlstate}, got no error")
