# SPDX-License-Identifier: Apache-2.0
"""The rows about the deterministic profiler, beside its peers (bench/README.md says the same in words)."""
import launch
from insiderows import InsideRow, quartiles
from launch import Unavailable
from rows import FLOOR, STROBE, at_most

CPROFILE, YAPPI, YAPPI_CPU, VIZTRACER = "cProfile", "yappi wall", "yappi cpu", "viztracer"
COLUMNS = (CPROFILE, YAPPI, YAPPI_CPU, VIZTRACER, FLOOR, STROBE)
NEEDS = {YAPPI: ["yappi"], YAPPI_CPU: ["yappi"], VIZTRACER: ["viztracer"], STROBE: ["strobe"], FLOOR: ["strobe"], CPROFILE: []}
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.14", "3.14t")
QUICK_VERSIONS = ("3.11", "3.12", "3.14")
# work, version, bound
BOUNDS = (("call-heavy", "3.12", 2.8), ("call-heavy", "3.14", 2.8), ("await-heavy", "3.12", 2.0), ("await-heavy", "3.14", 2.0),
          ("call-heavy", "3.11", 2.5), ("call-heavy", "3.10", 1.8))
CPU_BOUND = 3.5  # of call-heavy work, where CPU time costs no system call an event: one run has both clocks
MEMORY_KIB, GROWTH_KIB = 40 * 1024, 256


class CallsRow(InsideRow):
    columns = COLUMNS
    table = COLUMNS
    versions, quick_versions = VERSIONS, QUICK_VERSIONS

    def one(self, bench, column, python):
        if python is None:
            raise Unavailable("no such Python here")
        shelf = bench.shelf(python)
        env = bench.packages.environment(shelf, python, NEEDS[column]) if NEEDS[column] else None
        target = launch.Talker(shelf, python, "callwork.py", env=env)
        try:
            return self.ask(bench, target, column)
        finally:
            target.close()

    def ask(self, bench, target, column):
        """{name: numbers} of one target."""
        raise NotImplementedError


class Calls(CallsRow):
    """How many times as long a run takes under a profiler."""

    key = "calls"
    title = "Run time under a deterministic profiler, times that without (floor: strobe's hooks with nothing behind them)"
    figures = tuple(("%s %s" % (version, work), "x", 2) for version in VERSIONS for work in ("call-heavy", "await-heavy"))

    def ask(self, bench, target, column):
        tool = {FLOOR: "hooks", STROBE: "strobe"}.get(column, column)
        count = bench.pick(3, 5 if column in (YAPPI, YAPPI_CPU) else 15)
        found = {}
        for work in ("call-heavy", "await-heavy"):
            pairs = target.ask("pairs", '{"tool": "%s", "work": "%s", "count": %d}' % (tool, work, count))
            found[work] = quartiles([under / bare for bare, under in pairs])
        return found

    def verdicts(self, value):
        for work, version, bound in BOUNDS:
            yield at_most("at most %.1f, %s, %s, wall and CPU columns together" % (bound, work, version),
                          value(STROBE, "%s %s" % (version, work)), bound)
        for version in ("3.12", "3.14"):
            yield at_most("at most %.1f, call-heavy, %s, CPU times, which the same run has" % (CPU_BOUND, version),
                          value(STROBE, "%s call-heavy" % version), CPU_BOUND)


class Memory(CallsRow):
    """What a profile of many calls keeps."""

    key = "calls-memory"
    title = "Private memory of a profile of 10^8 calls of 5,000 functions (--quick: 10^6)"
    columns = (STROBE,)
    figures = tuple(("%s %s" % (version, name), "KiB", 0) for version in VERSIONS for name in ("memory", "in the last nine tenths"))

    def ask(self, bench, target, column):
        before, early, end = target.ask("memory", '{"calls": %d}' % bench.pick(1000000, 100000000))
        return {"memory": [end - before], "in the last nine tenths": [end - early]}

    def verdicts(self, value):
        for version in ("3.11", "3.12", "3.14"):
            yield at_most("at most 40 MiB, %s" % version, value(STROBE, "%s memory" % version), MEMORY_KIB)
            yield at_most("not growing with calls: at most 256 KiB in the last nine tenths, %s" % version,
                          value(STROBE, "%s in the last nine tenths" % version), GROWTH_KIB)


ROWS = [Calls(), Memory()]
