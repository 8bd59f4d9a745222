# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler beside its peers, with their way of counting (compat=): calls are exactly equal, and both times what the
program's own clock says (tests/targets/inside/callpeers.py)."""
import pytest

from lib import inside, packages

pytestmark = [pytest.mark.inside, pytest.mark.few, pytest.mark.alone]

LONG = ("spin", "recursive", "consume", "sleeps", "adds")  # 20 ms and more, which they measure themselves


def assert_as_theirs(told, names):
    assert set(told["ours"]) - {"run"} == set(told["theirs"]) - {"run"}
    for name, (calls, primitive, own, cumulative) in told["theirs"].items():
        found = told["ours"][name]
        if name != "run":
            assert (found[0], found[1]) == (calls, primitive), name
        if name in names:
            assert (cumulative, found[3]) == pytest.approx((1, 1), rel=0.03), name
    assert (told["theirs"]["adds"][2], told["ours"]["adds"][2]) == pytest.approx((1, 1), rel=0.03)


@pytest.mark.versions_all
def test_cprofile(py):
    assert_as_theirs(inside.run(py, "callpeers.py", "cprofile"), LONG)


@pytest.mark.versions("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
def test_yappi(py):
    """Coroutines among them: their time goes from their first start to their end."""
    told = inside.run(py, "callpeers.py", "yappi", env=packages.need(py, "yappi"))
    assert_as_theirs(told, LONG + ("leaf", "request"))
