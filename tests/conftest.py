# SPDX-License-Identifier: Apache-2.0
"""Interpreters as parameters, the rights that attaching needs, and the proof that every version was tested."""
import os
import sys

import pytest

from lib import interpreters, tool

FOUND = interpreters.find()
REQUIRE_ALL = os.environ.get("STROBE_REQUIRE_ALL") == "1"
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
    marker = metafunc.definition.get_closest_marker("versions")
    if marker:
        first = {}
        for py in FOUND:
            first.setdefault(py.label, py)
        chosen = [first[label] for label in marker.args if label in first] or FOUND[:1]
    metafunc.parametrize("py", chosen, ids=[py.id for py in chosen])


@pytest.fixture(scope="session", autouse=True)
def _executable():
    if not os.access(tool.path(), os.X_OK):
        pytest.exit("%s is not built: run `make` first" % tool.path(), returncode=1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    params = getattr(getattr(item, "callspec", None), "params", {})
    if call.when == "call" and outcome.get_result().passed and "py" in params:
        label = params["py"].label
        _passed[label] = _passed.get(label, 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if REQUIRE_ALL and not session.config.option.collectonly:
        missing = [label for label in interpreters.WANTED if not _passed.get(label)]
        if missing:
            print("\nNOT TESTED, but STROBE_REQUIRE_ALL=1: " + ", ".join(missing), file=sys.stderr)
            session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    counts = ", ".join("%s: %d" % (label, _passed.get(label, 0)) for label in interpreters.WANTED)
    terminalreporter.write_line("integration tests passed by version: " + counts)
