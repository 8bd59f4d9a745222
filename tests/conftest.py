# SPDX-License-Identifier: Apache-2.0
"""Interpreters as parameters, the rights that attaching needs, and the proof that every version was tested."""
import os
import sys

import pytest

from lib import interpreters, tool

FOUND = interpreters.find()
REQUIRE_ALL = os.environ.get("STROBE_REQUIRE_ALL") == "1"
# Interpreters that differ most from each other: for what takes long and hardly depends on the version; all of them with STROBE_EVERY=1.
FEW = ["3.9", "3.11", "3.12", "3.14", "3.14t"]
EVERY = os.environ.get("STROBE_EVERY") == "1"
_passed = {}  # label -> tests that passed on it


def pytest_report_header(config):
    found = ", ".join("%s (%s)" % (py.id, ".".join(map(str, py.version))) for py in FOUND)
    return ["interpreters: " + found, "strobe: " + tool.path()]


def pytest_generate_tests(metafunc):
    if "wanted_label" in metafunc.fixturenames:
        metafunc.parametrize("wanted_label", interpreters.WANTED)
    if "py" not in metafunc.fixturenames:
        return
    chosen = FOUND
    if metafunc.definition.get_closest_marker("inside"):
        chosen = [py for py in FOUND if py.minor >= (3, 9)]
    marker = metafunc.definition.get_closest_marker("versions")
    is_few = metafunc.definition.get_closest_marker("few") and not metafunc.definition.get_closest_marker("versions_all")
    labels = marker.args if marker else FEW if is_few and not EVERY else None
    if labels:
        first = {}
        for py in chosen:
            first.setdefault(py.label, py)
        chosen = [first[label] for label in labels if label in first] or chosen[:1]
    metafunc.parametrize("py", chosen, ids=[py.id for py in chosen])


@pytest.fixture(scope="session", autouse=True)
def _executable():
    if not os.access(tool.path(), os.X_OK):
        pytest.exit("%s is not built: run `make` first" % tool.path(), returncode=1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    params = getattr(getattr(item, "callspec", None), "params", {})
    if call.when == "call" and "py" in params:
        outcome.get_result().user_properties.append(("interpreter", params["py"].label))


def pytest_runtest_logreport(report):
    """In the process that gathers what others have run, too."""
    label = dict(report.user_properties).get("interpreter")
    if report.when == "call" and report.passed and label:
        _passed[label] = _passed.get(label, 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:  # of one of the two runs of `make test PYTEST="-k ..."`
        session.exitstatus = 0
    if REQUIRE_ALL and not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
        missing = [label for label in interpreters.WANTED if not _passed.get(label)]
        if missing:
            print("\nNOT TESTED, but STROBE_REQUIRE_ALL=1: " + ", ".join(missing), file=sys.stderr)
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    counts = ", ".join("%s: %d" % (label, _passed.get(label, 0)) for label in interpreters.WANTED)
    terminalreporter.write_line("integration tests passed by version: " + counts)
