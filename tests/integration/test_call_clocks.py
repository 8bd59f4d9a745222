# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler's clocks where the machine lacks what makes them cheap (docs/deterministic.md, "Clocks")."""
import subprocess

import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.alone, pytest.mark.versions("3.9", "3.12")]

SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
# What the program sees there is another file: in a mount namespace of its own.
INSTEAD = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" %s && exec "$@"' % SOURCE)


def instead_of_source(tmp_path, name):
    """A wrapper of programs: the kernel keeps time by this clock source, as far as they can tell."""
    file = tmp_path / "clocksource"
    file.write_text(name + "\n")
    file.chmod(0o644)
    wrapper = INSTEAD + (str(file),)
    if subprocess.run(wrapper + ("true",), stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs the right to mount")
    return wrapper


def check_wall(told):
    for name, truth in told["truth"].items():
        assert told["rows"][name]["total"] == pytest.approx(truth["total"], rel=0.02, abs=1e-3), name
    assert told["totals"]["elapsed"] == pytest.approx(told["elapsed"], rel=0.02, abs=0.05)
    assert told["rows"]["rest"]["total"] >= 0.14 and told["rows"]["rest"]["calls"] == 6


def check_cpu(told):
    """Within 2 % of the threads' own clocks; who sleeps takes none."""
    rows = told["rows"]
    for name, truth in told["truth"].items():
        assert rows[name]["total_cpu"] == pytest.approx(truth["total_cpu"], rel=0.02, abs=0.5e-3), name
    assert rows["spin"]["total_cpu"] == pytest.approx(told["spun"], rel=0.02)
    assert rows["spin"]["self_cpu"] + rows["step"]["self_cpu"] == pytest.approx(told["spun"], rel=0.02)
    assert rows["rest"]["total_cpu"] < 0.01
    assert told["totals"]["cpu"] == pytest.approx(sum(told["all_cpu"]), rel=1e-6)
    assert sum(truth["total_cpu"] for truth in told["truth"].values()) <= told["totals"]["cpu"] * 1.02


def check_no_cpu(told):
    """It would cost a system call per event, and nobody has asked for it."""
    assert told["totals"]["cpu"] is None and set(told["all_cpu"]) == {None}
    assert all(row["total_cpu"] is None for row in told["rows"].values())
    assert "(- s of CPU)" in told["table"]


def check_fallback(py, **kwargs):
    """Both ways to ask; what a program with CPU times has told."""
    told = inside.run(py, "callclocks.py", "wall", **kwargs)
    assert told["has_cheap_cpu"] is False
    check_wall(told)
    check_no_cpu(told)
    told = inside.run(py, "callclocks.py", "cpu", **kwargs)
    check_wall(told)
    check_cpu(told)
    assert "s of CPU)" in told["table"] and "(- s" not in told["table"]
    return told


@pytest.mark.parametrize("clock", ("wall", "cpu"))
def test_as_the_machine_is(py, clock):
    told = inside.run(py, "callclocks.py", clock)
    check_wall(told)
    if told["has_cheap_cpu"] or clock == "cpu":
        check_cpu(told)
    else:
        check_no_cpu(told)


def test_a_thread_that_threading_does_not_know(py):
    told = inside.run(py, "callclocks.py", "unknown")
    check_cpu(told)
    assert told["rows"]["waits"]["total_cpu"] == pytest.approx(told["truth"]["left"]["total_cpu"], rel=0.02, abs=0.5e-3)


def test_without_rseq(py):
    """glibc has not registered it."""
    told = check_fallback(py, env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})
    assert told["tick"] != 1e-9 or told["source"] != "tsc"


def test_without_the_counter(py, tmp_path):
    """The kernel does not trust it: wall time is CLOCK_MONOTONIC, in nanoseconds."""
    told = check_fallback(py, wrapper=instead_of_source(tmp_path, "hpet"))
    assert told["source"] == "hpet" and told["tick"] == pytest.approx(1e-9, rel=1e-12)


def test_without_either(py, tmp_path):
    told = check_fallback(py, wrapper=instead_of_source(tmp_path, "acpi_pm"), env={"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})
    assert told["source"] == "acpi_pm" and told["tick"] == pytest.approx(1e-9, rel=1e-12)
