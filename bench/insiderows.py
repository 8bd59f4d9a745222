# SPDX-License-Identifier: Apache-2.0
"""The rows about the sampler inside of an application: what it costs that application, beside other profilers (bench/README.md says the
same in words)."""
import os
import statistics
import time

import launch
from launch import Failed, Unavailable
from profilers import EXACT
from rows import FLOOR, PY_SPY, SETTLE, STROBE, Row, at_most

PYINSTRUMENT, DDTRACE = "pyinstrument", "ddtrace"
COLUMNS = (PY_SPY, PYINSTRUMENT, DDTRACE, FLOOR, STROBE)
VERSIONS = ("3.9", "3.11", "3.12", "3.14", "3.14t")
QUICK_VERSIONS = ("3.9", "3.11", "3.14")
INSIDE = {PYINSTRUMENT: "pyinstrument", DDTRACE: "ddtrace", STROBE: "strobe"}  # as targets/inside.py knows them
WAITING = 1000  # tasks


def quartiles(numbers):
    """The median and, for the brackets of the table, the quartiles of many pairs."""
    if len(numbers) < 2:
        return list(numbers)
    return statistics.quantiles(numbers, n=4, method="inclusive")


class InsideRow(Row):
    """Figures are "VERSION NAME"; all interpreters are measured in one go, by pairs of runs that take turns."""

    columns = COLUMNS
    table = COLUMNS
    once = True  # the rounds are in it: pairs
    script = "insideapp.py"
    versions, quick_versions = VERSIONS, QUICK_VERSIONS

    def measure(self, bench, column):
        figures, reasons = {}, {}
        for version in bench.pick(self.quick_versions, self.versions):
            try:
                found = self.one(bench, column, bench.labelled(version))
            except (Failed, Unavailable) as why:
                reasons.setdefault(str(why), []).append(version)
                continue
            figures.update(("%s %s" % (version, name), numbers) for name, numbers in found.items())
            bench.log("%s, %s on %s: %s" % (self.key, column, version, ", ".join("%s %.3g" % (n, statistics.median(x)) for n, x in found.items())))
        if not figures:
            raise Unavailable("; ".join(reasons))
        for why, versions in reasons.items():
            bench.note("%s on %s: %s (%s)" % (column, ", ".join(versions), why, self.key))
        return figures

    def one(self, bench, column, python):
        """{name: numbers} on one interpreter."""
        raise NotImplementedError

    def app(self, bench, python, needs, tasks, seconds):
        """The target, its work as long as is wanted."""
        if python is None:
            raise Unavailable("no such Python here")
        shelf = bench.shelf(python)
        env = bench.packages.environment(shelf, python, needs) if needs else None
        target = launch.Talker(shelf, python, self.script, args=[str(tasks)], env=env)
        try:
            target.ask("size", seconds)
        except BaseException:
            target.close()
            raise
        return target


def slowdowns(pairs, clock):
    return [100.0 * (with_it[clock] / without[clock] - 1.0) for without, with_it in pairs]


# name, rate, rate of tasks, tasks, seconds of a run, pairs, bound
COSTS = (("100 Hz", 100, 10, WAITING, 0.4, 30, 1), ("1 kHz", 1000, 0, 0, 0.2, 40, 3))
COST_FIGURES = (("slow", "%", 2), ("work", "%", 2), ("own", "% of a core", 2))
# name, rate, seconds of a run, pairs
VISITS = (("5 kHz", 5000, 0.05, 200), ("1 kHz", 1000, 0.1, 200))


class Cost(InsideRow):
    """slow: by the clock.  work: by the CPU time of the thread that works: what others do to the machine is hardly in it, but neither
    is waiting for the GIL.  own: CPU time that is not that thread's, which is the profiler's."""

    key = "inside-cost"
    title = "An application slowed by a profiler in it (py-spy: outside), at depth 20; 100 Hz with 1,000 waiting tasks at 10 Hz, and 1 kHz without"
    figures = tuple(("%s %s %s" % (v, case[0], name), unit, digits) for v in VERSIONS for case in COSTS for name, unit, digits in COST_FIGURES)

    def one(self, bench, column, python):
        found = {}
        for name, rate, task_rate, tasks, seconds, count, _ in COSTS:
            count = bench.pick(3, count)
            if column == PY_SPY:
                pairs = self.outside(bench, python, rate, tasks, seconds, max(2, count // 3))
            else:
                tool = INSIDE.get(column, "nothing")
                needs = [] if column == FLOOR else [tool]
                with self.app(bench, python, needs, tasks, seconds) as target:
                    how = '{"tool": "%s", "rate": %d, "task_rate": %d, "count": %d, "settle": 0.1}' % (tool, rate, task_rate, count)
                    pairs = target.ask("pairs", how)
            found[name + " slow"] = quartiles(slowdowns(pairs, "wall"))
            found[name + " work"] = quartiles(slowdowns(pairs, "cpu"))
            if column != PYINSTRUMENT:  # it has no thread of its own: all it does is in "work"
                found[name + " own"] = quartiles([100.0 * w.get("own", w["others"]) / w["wall"] for _, w in pairs])
        return found

    def outside(self, bench, python, rate, tasks, seconds, count):
        """py-spy is started for each pair anew, and so much longer that it records during the whole of the run."""
        tool, pairs = bench.tools[PY_SPY], []
        if python is None:
            raise Unavailable("no such Python here")
        tool.check(python)
        with self.app(bench, python, [], tasks, seconds) as target:
            for n in range(count):
                without = [target.ask("work")] if n % 2 == 0 else []
                argv, root = tool.start(target, bench.shelf(python), round(SETTLE + 4 * seconds + 5), rate, EXACT)
                process = launch.start(argv, root)
                try:
                    time.sleep(SETTLE)
                    own = launch.cpu_of_all(process.pid) if process.poll() is None else 0.0
                    with_it = target.ask("work")
                    if process.poll() is not None:
                        raise Failed("py-spy ended with %d" % process.returncode)
                    with_it["own"] = launch.cpu_of_all(process.pid) - own
                finally:
                    launch.finish(process)
                pairs.append([(without or [target.ask("work")])[0], with_it])
        return pairs

    def verdicts(self, value):
        for version in VERSIONS:
            for name, _, _, _, _, _, bound in COSTS:
                yield at_most("at most %d %%, %s, %s" % (bound, version, name), value(STROBE, "%s %s slow" % (version, name)), bound)


class Visit(InsideRow):
    """The thread's own CPU time with and without samples, by the number of samples that were taken on it.

    to itself: what the kernel takes for a signal that a thread sends to itself, by the clock; it hardly depends on others.
    """

    key = "inside-visit"
    title = "What one sample costs the sampled thread, depth 20 (floor: a signal with an empty handler)"
    columns = (FLOOR, STROBE)
    figures = tuple(("%s %s" % (v, name), "µs", 2) for v in VERSIONS for name in [rate[0] for rate in VISITS] + ["to itself"])

    def one(self, bench, column, python):
        if python is None:
            raise Unavailable("no such Python here")
        library, found = bench.shelf(python).put(bench.ping), {}
        tool = "empty" if column == FLOOR else "strobe"
        for name, rate, seconds, count in VISITS:
            pairs = self.pairs(bench, python, tool, rate, seconds, bench.pick(20, count), library if column == FLOOR else "")
            found[name] = quartiles([1e6 * (w["cpu"] - b["cpu"]) / w["visits"] for b, w in pairs if w["visits"]])
            if not found[name]:
                raise Failed("no visit was counted")
            if column == FLOOR:
                found["to itself"] = quartiles([w["undisturbed"] for _, w in pairs])
        return found

    def pairs(self, bench, python, tool, rate, seconds, count, library):
        with self.app(bench, python, ["strobe"] if tool == "strobe" else [], 0, seconds) as target:
            how = '{"tool": "%s", "rate": %d, "task_rate": 0, "count": %d, "settle": 0.01, "library": "%s"}'
            return target.ask("pairs", how % (tool, rate, count, library))

    def verdicts(self, value):
        for version in VERSIONS[1:]:
            yield at_most("at most 5 µs, %s" % version, value(STROBE, "%s 5 kHz" % version), 5)
        for version in VERSIONS[1:]:
            yield at_most("aim: at most 5 µs, %s, 1 kHz" % version, value(STROBE, "%s 1 kHz" % version), 5)


ROWS = [Cost(), Visit()]
