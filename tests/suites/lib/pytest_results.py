"""A plugin for pytest (`-p pytest_results`): writes what each test came to into the file SUITE_RESULTS names, and takes only the
tests that are asked for. With pytest-timeout a test that hangs is interrupted, which is its failure."""

import os
import re

import pytest

import results

WORSE = {"pass": 0, "skip": 1, "fail": 2}


def name(item):
    """SQLAlchemy puts the server's version into its classes' names."""
    return re.sub(r"_postgresql\+psycopg_\d+_\d+", "", item.nodeid)


def pytest_configure(config):
    config.suite_results = results.Results(os.environ["SUITE_RESULTS"])
    config.suite_said = {}


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if results.only(name(item))]


def pytest_collectreport(report):
    if report.failed:
        raise pytest.UsageError(f"{report.nodeid}: {report.longreprtext}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    outcome = {"passed": "pass", "skipped": "skip", "failed": "fail"}[report.outcome]
    message = ""
    if outcome == "fail":
        message = call.excinfo.exconly() if call.excinfo else report.longreprtext
    elif outcome == "skip" and isinstance(report.longrepr, tuple):
        message = report.longrepr[2]
    said = item.config.suite_said
    # The worst of setup, call and teardown.
    if item.nodeid not in said or WORSE[outcome] > WORSE[said[item.nodeid][0]]:
        said[item.nodeid] = (outcome, message)
    if report.when == "teardown":
        outcome, message = said.pop(item.nodeid)
        item.config.suite_results.add(outcome, name(item), message)
    return report
