# SPDX-License-Identifier: Apache-2.0
"""The Python modules of the package, tested by programs that run in each interpreter (tests/targets/doors/doors_*.py)."""
import re

import pytest

from lib import doors, packages
from lib.doors import FIRST

pytestmark = pytest.mark.few


def run(py, program, env=None):
    """All tests of the program ran in the interpreter, none was skipped and none failed."""
    if py.minor < FIRST:
        pytest.skip("from 3.9 on")
    with doors.program(py, env) as one:
        done = one.finish(words=["-X", "dev", "-W", "ignore::DeprecationWarning", "-m", "unittest", "-v", program], timeout=110)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert int(re.search(r"^Ran (\d+) tests? in", said, re.M).group(1)) > 0, said
    assert re.search(r"^OK$", said, re.M), said
    assert "never retrieved" not in said and "never awaited" not in said, said


def test_prometheus(py):
    run(py, "doors_prometheus", packages.need(py, "prometheus"))


@pytest.mark.versions("3.11")
@pytest.mark.parametrize("version", ["0.9.0", "0.14.1", "0.16.0", "0.19.0"])
def test_files_of_older_prometheus_clients(py, version):
    run(py, "doors_multiprocess", packages.need(py, "prometheus-" + version))


def test_multiprocess(py):
    run(py, "doors_multiprocess", packages.need(py, "prometheus"))


def test_eventlog(py):
    run(py, "doors_eventlog", packages.need(py, "structlog"))


@pytest.mark.alone
def test_health(py):
    run(py, "doors_health")
