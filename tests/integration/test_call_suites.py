# SPDX-License-Identifier: Apache-2.0
"""Packages that bring their own tests, under `python -m strobe run`: they end as they do without it, test by test."""
import json
import pstats
import re
import resource
import time

import pytest

from lib import inside, packages

pytestmark = [pytest.mark.inside, pytest.mark.few, pytest.mark.alone, pytest.mark.timeout(600)]

# What judges times by a clock, or asks for the network beyond this machine, is left out: it fails now and then without a profiler, too.
TORNADO = ["tornado.test." + name for name in (
    "asyncio_test circlerefs_test concurrent_test gen_test http1connection_test httpserver_test ioloop_test locks_test netutil_test "
    "process_test queues_test routing_test tcpserver_test template_test testing_test web_test wsgi_test "
    "iostream_test.TestIOStream iostream_test.TestPipeIOStream iostream_test.TestIOStreamStartTLS "
    "websocket_test.WebSocketTest websocket_test.WebSocketNativeCoroutineTest websocket_test.NoCompressionTest "
    "websocket_test.DefaultCompressionTest websocket_test.MaxMessageSizeTest").split()]
SUITES = {
    "simplejson": ["-m", "unittest", "-v", "simplejson.tests.all_tests_suite"],
    "tornado": ["-m", "tornado.test.runtests", "--verbose"] + TORNADO,
}
# A test's name and what became of it; another one may begin in the same line, and the program may write in between.
NAME = re.compile(r"(?:^|(?<= \.\.\. ))(\w+ \([\w.]+\)|Doctest: [\w.]+)", re.M)
OUTCOME = re.compile(r"(?:^|\s)(ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$", re.M)


def run(program, words):
    """(the ended process, {test: what became of it each time}, how many ran, unittest's last word, (seconds, seconds of CPU))"""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = program.finish(words=words, timeout=300)
    took, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "\nRan " in done.stderr, done.stderr[-5000:]
    each, ran, end = re.split(r"^Ran (\d+) tests? in .*$", done.stderr, maxsplit=1, flags=re.M)
    parts = NAME.split(re.split(r"^={70}$", each, maxsplit=1, flags=re.M)[0])
    outcomes = {}
    for name, text in zip(parts[1::2], parts[2::2]):
        outcomes.setdefault(name, []).append((OUTCOME.findall(text) or [""])[-1])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, outcomes, int(ran), re.search(r"^(?:OK|FAILED).*$", end, re.M).group(), (took, cpu)


@pytest.mark.parametrize("name", sorted(SUITES))
def test_suite(py, name, record_property):
    """The same tests with the same outcomes and the same exit status; the profile has what ran.  How much longer it took is printed."""
    env = dict(packages.need(py, "suites"), ASYNC_TEST_TIMEOUT="60")
    with inside.Program(py, "callguests.py", env=env) as program:
        bare, outcomes, ran, last, times = run(program, SUITES[name])
        files = ["-o", program.path("x.json")[1], "-o", program.path("x.pstat")[1]]
        under, found, ran_under, last_under, times_under = run(program, ["-m", "strobe", "run"] + files + SUITES[name])
        assert sum(len(each) for each in outcomes.values()) >= sum(each.count("ok") for each in outcomes.values()) > 250
        changed = {test: (outcomes.get(test), found.get(test)) for test in set(outcomes) | set(found)
                   if outcomes.get(test) != found.get(test)}
        assert not changed, under.stderr[-5000:]
        assert (under.returncode, ran_under, last_under) == (bare.returncode, ran, last), under.stderr[-5000:]
        with open(program.path("x.json")[0]) as file:
            profile = json.load(file)
        stats = pstats.Stats(program.path("x.pstat")[0]).stats
    rows = profile["functions"]
    own = [row for row in rows if "/%s/" % name in row["file"] and row["calls"]]
    assert len(own) > 100 and all(row["finished"] + row["unfinished"] >= row["calls"] for row in own)
    started = [row["calls"] for row in rows if row["file"].endswith("unittest/runner.py") and row["name"].endswith("startTest")]
    assert started == [ran], "unittest's own count"
    assert sum(row["self"] for row in rows) == pytest.approx(profile["wall"], rel=1e-6)
    assert sum(value[1] for value in stats.values()) == sum(row["calls"] for row in rows)
    ratios = [after / before for before, after in zip(times, times_under)]
    record_property("overhead", ratios)
    print("%s on %s: %d tests, %.1f s and %.1f s of CPU; under the profiler %.2f and %.2f times as much; %d calls, %d rows of %s"
          % (name, py, ran, *times, *ratios, sum(row["calls"] for row in rows), len(own), name))
