# SPDX-License-Identifier: Apache-2.0
"""Programs that hypothesis makes, under the deterministic profiler: they do what they do without it, and what it counts is what they count
(tests/targets/inside/callprograms.py)."""
import json
import subprocess

import hypothesis
import pytest
from hypothesis import strategies as st

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.versions_all]

LEAVES = st.one_of(st.tuples(st.just("spin"), st.integers(1, 3)), st.tuples(st.just("raise")))


def steps_of(bodies):
    return st.one_of(
        LEAVES,
        st.tuples(st.just("call"), st.integers(0, 2), bodies),
        st.tuples(st.just("generate"), st.integers(0, 1), st.integers(0, 4), bodies),
        st.tuples(st.just("delegate"), bodies),
        st.tuples(st.just("try"), bodies))


def async_steps_of(bodies):
    return st.one_of(
        LEAVES,
        st.tuples(st.just("sleep"), st.integers(0, 3)),
        st.tuples(st.just("call"), st.integers(0, 2), SYNC),
        st.tuples(st.just("generate"), st.integers(0, 1), st.integers(0, 4), SYNC),
        st.tuples(st.just("await"), st.integers(0, 1), bodies),
        st.tuples(st.just("gather"), st.lists(bodies, min_size=1, max_size=3)),
        st.tuples(st.just("cancel"), bodies),
        st.tuples(st.just("iterate"), st.integers(0, 4), bodies),
        st.tuples(st.just("try"), bodies))


SYNC = st.recursive(st.lists(LEAVES, max_size=2), lambda bodies: st.lists(steps_of(bodies), max_size=3), max_leaves=8)
ASYNC = st.recursive(st.lists(st.one_of(LEAVES, st.tuples(st.just("sleep"), st.integers(0, 3))), max_size=2), lambda bodies: st.lists(async_steps_of(bodies), max_size=3),
                     max_leaves=8)
PROGRAMS = st.lists(st.one_of(st.tuples(st.just("sync"), SYNC), st.tuples(st.just("async"), ASYNC)), min_size=1, max_size=3)


@pytest.fixture
def ask(py):
    """What is wrong with a program's profile, in one process for all of them."""
    with inside.Program(py, "callprograms.py") as program:
        process = subprocess.Popen(program.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=program.env,
                                   cwd=program.here)

        def tell(threads):
            process.stdin.write(json.dumps(threads) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "it ended with %s: %s" % (process.wait(), process.stderr.read()[-3000:])
            return json.loads(answer)

        yield tell
        process.stdin.close()
        assert process.wait(60) == 0, process.stderr.read()[-3000:]
        process.stdout.close()
        process.stderr.close()


@pytest.mark.alone
def test_generated_programs(ask):
    @hypothesis.settings(max_examples=60, deadline=None, derandomize=True, database=None,
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(PROGRAMS)
    def check(threads):
        assert ask(threads) == []

    check()
