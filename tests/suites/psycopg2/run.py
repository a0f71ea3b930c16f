"""psycopg2's unittest suite, each test in a process of its own: libpq waits in C, where only a signal that kills ends it."""

import multiprocessing
import os
import sys
import traceback
import unittest

import results


class Outcome(unittest.TestResult):
    """Keeps the last thing that went wrong, else that the test was skipped."""

    def __init__(self):
        super().__init__()
        self.said = ("pass", "")

    def addSkip(self, test, reason):
        self.said = ("skip", reason)

    def addFailure(self, test, error):
        self.said = ("fail", "".join(traceback.format_exception_only(*error[:2])))

    addError = addFailure

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.addFailure(test, error)

    def addUnexpectedSuccess(self, test):
        self.said = ("fail", "unexpected success")


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def child(test, sender):
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    outcome = Outcome()
    # A suite of one: it runs what the class has to set up.
    unittest.TestSuite([test]).run(outcome)
    sender.send(outcome.said)
    sender.close()
    os._exit(0)


def run(test, found):
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=child, args=(test, sender))
    process.start()
    sender.close()
    try:
        said = receiver.recv() if receiver.poll(results.LIMIT_S) else ("hang", f"not done within {results.LIMIT_S:.0f} s")
    except EOFError:
        said = ("fail", "the process of the test died")
    process.kill()
    process.join()
    receiver.close()
    found.add(said[0], test.id(), said[1])


def main(path):
    multiprocessing.set_start_method("fork")
    import tests

    found = results.Results(path)
    for test in tests_of(tests.test_suite()):
        if results.only(test.id()):
            run(test, found)


if __name__ == "__main__":
    main(sys.argv[1])
