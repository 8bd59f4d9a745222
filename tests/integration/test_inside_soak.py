# SPDX-License-Identifier: Apache-2.0
"""A busy program that records itself as fast as it goes, for a while: nothing crashes, memory stays flat.  Once with AddressSanitizer and
UndefinedBehaviorSanitizer in the extension.  `make soak` takes a million samples on each interpreter instead."""
import os
import subprocess
import sys

import pytest

from lib import inside

pytestmark = pytest.mark.inside
SECONDS = float(os.environ.get("SOAK_SECONDS", 20))
SAMPLES = int(os.environ.get("SOAK_SAMPLES", 0))  # stacks of threads; 0 = by time
RATE = float(os.environ.get("SOAK_RATE", 20000))
TIMEOUT = 4 * SECONDS + SAMPLES / 100 + 120
SOME = ("3.9", "3.11", "3.12", "3.14", "3.14t")
GROWTH = 24 << 20  # bytes; after warm-up a program like this one moves by some MiB to and fro with what its threads have at the moment


def soak(py, capsys, *args, **kwargs):
    facts = inside.run(py, "soak.py", SAMPLES, 0 if SAMPLES else SECONDS, RATE, *args, timeout=TIMEOUT, **kwargs)
    totals = facts["totals"]
    with capsys.disabled():
        print("\nsoak on %s: %d samples (%d taken on the thread, %d of tasks), %d errors, %d snapshots in %.0f s; memory %.1f -> %.1f MiB" % (
            py, totals["samples"], totals["visits"], totals["task_samples"], totals["errors"], totals["snapshots"], facts["seconds"],
            facts["warm"] / 2 ** 20, facts["end"] / 2 ** 20))
    assert totals["visits"] > 100 and totals["task_samples"] > 10 and totals["samples"] >= SAMPLES, facts
    assert all(facts["rounds"].get(name) for name in facts["workers"]), "each part of it has run: %s" % facts
    assert facts["threads"] == 1, facts
    return facts


@pytest.mark.versions(*SOME)
@pytest.mark.timeout(TIMEOUT)
def test_soak(py, capsys):
    facts = soak(py, capsys)
    assert facts["end"] - facts["warm"] < GROWTH, facts


@pytest.mark.versions("3.12")
@pytest.mark.timeout(TIMEOUT + 600)
def test_soak_with_sanitizers(py, capsys):
    """The interpreter is as it is; what of its memory we read goes through the kernel.  Own accesses are all checked.  Idle semaphores are
    not looked for: the sanitizer's own terabytes would be searched."""
    soak(py, capsys, "without-pools", **inside.sanitized())


@pytest.mark.versions("3.12")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("script, case", [("lifecycle.py", "nested"), ("lifecycle.py", "cycles"), ("forks.py", "at_once"), ("forks.py", "plain"),
                                          ("signals.py", "handlers"), ("ends.py", "abandoned"), ("saves.py", "")])
def test_with_sanitizers(py, script, case):
    args = {"": [], "cycles": ["cycles", 20], "at_once": ["at_once", 20, "apart"]}.get(case, [case])
    inside.run(py, script, *args, timeout=300, **inside.sanitized())


@pytest.mark.versions("3.12")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("script, case", [("lifecycle.py", ["nested"]), ("lifecycle.py", ["cycles", 10]), ("forks.py", ["at_once", 5])])
def test_races(py, script, case):
    """ThreadSanitizer finds none between the sampler's thread, who asks it, stops it or forks, and handlers."""
    inside.run(py, script, *case, timeout=300, **inside.watched())


def test_a_sanitizer_would_say_so(tmp_path):
    """The way in which the sanitizer is put under an interpreter does find what is wrong."""
    source = tmp_path / "wrong.c"
    source.write_text("#include <stdlib.h>\nint wrong(int n) { char *p = malloc(8); p[n] = 1; int r = p[n]; free(p); return r; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-g"] + inside.SANITIZERS.split() + ["-o", str(tmp_path / "wrong.so"), str(source)], check=True)
    options = inside.sanitized()
    done = subprocess.run([*options["wrapper"], sys.executable, "-c", "import ctypes; ctypes.CDLL(%r).wrong(8)" % str(tmp_path / "wrong.so")],
                          env=dict(os.environ, **options["env"]), stderr=subprocess.PIPE, text=True)
    assert done.returncode != 0 and "heap-buffer-overflow" in done.stderr
