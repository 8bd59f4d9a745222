# SPDX-License-Identifier: Apache-2.0
"""The rows about asyncio: what is measured, for which tools, and what strobe is to reach (bench/README.md says the same in words)."""
import json
import time

import aiostacks
import launch
from launch import Failed, Unavailable
from profilers import TASKS
from rows import FLOOR, SAMPLING, STROBE, STROBE_315, Row, Slow, at_least, at_most, times

ASYNCIO, STROBE_39, STROBE_311 = "asyncio pstree", "strobe on 3.9", "strobe on 3.11"
COLUMNS = (ASYNCIO, SAMPLING, FLOOR, STROBE, STROBE_315, STROBE_39, STROBE_311)
PEERS = (ASYNCIO, SAMPLING)
OURS = (STROBE, STROBE_315, STROBE_39, STROBE_311)
EVENT_WAITS = 1  # tasks of waiting.py and switching.py beyond those asked for: main()'s


class AioRow(Row):
    columns = COLUMNS
    table = COLUMNS
    script = "waiting.py"
    args = ()

    def target(self, bench, column, truth=False, args=None):
        python = bench.python(column)
        if python is None:
            raise Unavailable("no such Python here")
        return launch.Target(bench.shelf(python), python, self.script, truth, self.args if args is None else args)

    @staticmethod
    def wall(bench, column, target, count):
        """Median milliseconds of the command that prints the tree."""
        root, argv = bench.tool(column).tree(target)
        found = json.loads(launch.run([bench.floor, "run", root, str(count)] + argv, limit=600).out)
        if found["failed"]:
            raise Failed("%d of %d runs failed" % (found["failed"], count))
        return found["median_us"] / 1e3


class Pstree(AioRow):
    key = "asyncio-pstree"
    title = "pstree, wall time of the command, N waiting tasks, 7 awaits deep"
    sizes = (200, 1000, 10000)
    bounds = (8, 12, 40)
    figures = tuple(("%d" % n, "ms", 1) for n in sizes)
    columns = (ASYNCIO,) + OURS

    def measure(self, bench, column):
        figures = {}
        for n in self.sizes:
            with self.target(bench, column, args=[str(n)]) as target:
                count = bench.pick(5, 15 if column != ASYNCIO or n < 10000 else 5)
                figures["%d" % n] = self.wall(bench, column, target, count)
        return figures

    def verdicts(self, value):
        for n, bound in zip(self.sizes, self.bounds):
            yield at_most("at most %d ms for %d" % (bound, n), value(STROBE, "%d" % n), bound)
        for column in (STROBE_39, STROBE_311):
            for n, bound in zip(self.sizes, self.bounds):
                yield at_most("at most %d ms for %d (%s)" % (2 * bound, n, column), value(column, "%d" % n), 2 * bound)


class Growth(AioRow):
    key = "asyncio-growth"
    title = "pstree, wall time of 100,000 tasks over that of 10,000 (asyncio pstree stops at 65,536)"
    figures = (("growth", "times", 1), ("100000", "ms", 0))
    columns = OURS

    def measure(self, bench, column):
        with self.target(bench, column, args=["10000"]) as small, self.target(bench, column, args=["100000"]) as large:
            pairs = [(self.wall(bench, column, small, 3), self.wall(bench, column, large, 1)) for _ in range(bench.pick(3, 7))]
        few, many = sorted(few for few, _ in pairs), sorted(many for _, many in pairs)
        return {"growth": many[len(many) // 2] / few[len(few) // 2], "100000": many[len(many) // 2]}

    def verdicts(self, value):
        for column in OURS:
            yield at_most("at most 12 times (%s)" % column, value(column, "growth"), 12)


class Tick(AioRow):
    """As fast as it goes, so that wall time is that of the ticks alone; CPU is the slope between a short and a long recording.

    wall, cpu: the loop wakes all the time, so everything has to be read anew.  asleep: it does not.
    """

    key = "asyncio-tick"
    title = "A tick of record --asyncio, 10,000 waiting tasks in a loop that wakes, CPU too, and one that does not (floor: reading their pages)"
    tasks = 10000
    figures = (("wall", "ms", 2), ("cpu", "ms", 2), ("asleep", "ms", 2))
    columns = (SAMPLING, FLOOR) + OURS

    def measure(self, bench, column):
        if column == FLOOR:
            return self.floor(bench)
        wall, cpu = self.one(bench, column, [str(self.tasks), "awake"])
        return {"wall": wall, "cpu": cpu, "asleep": self.one(bench, column, [str(self.tasks)])[0]}

    def one(self, bench, column, args):
        tool, (short, long_) = bench.tool(column), bench.pick((1, 3), (2, 6))
        with self.target(bench, column, args=args) as target:
            shelf = bench.shelf(target.python)
            a = tool.record(target, shelf, short, 0, TASKS, self.tasks + EVENT_WAITS)
            b = tool.record(target, shelf, long_, 0, TASKS, self.tasks + EVENT_WAITS)
        if b.ticks <= a.ticks:
            raise Failed("%s took fewer ticks in the longer recording" % tool.name)
        ticks = b.ticks - a.ticks
        return (b.seconds - a.seconds) * 1e3 / ticks, (b.used.cpu - a.used.cpu) * 1e3 / ticks

    def floor(self, bench):
        """Their 16 KiB blocks, one call each or many a call."""
        shelf, figures = bench.shelf(bench.python(STROBE)), {}
        with self.target(bench, STROBE, args=[str(self.tasks), shelf.name("blocks")]) as target:
            for way in ("1", "32"):
                used = launch.run([bench.floor, "blocks", str(target.pid), str(bench.pick(1, 2)), shelf.outside("blocks"), way])
                if used.status:
                    raise Failed(used.err.strip())
                found = json.loads(used.out)
                figures["wall/" + way] = found["wall_us"] / 1e3
                figures["cpu/" + way] = found["cpu_us"] / 1e3
        return figures

    def verdicts(self, value):
        for column in (STROBE, STROBE_315):
            yield at_most("at most 15 ms (%s)" % column, value(column, "wall"), 15)
            yield at_most("at most 15 ms, asleep (%s)" % column, value(column, "asleep"), 15)


class Rate(AioRow):
    key = "asyncio-rate"
    title = "record --asyncio -r 100, 1,000 tasks: CPU of the tool, when all wait and when they take turns all the time"
    tasks = 1000
    figures = (("waiting", "% of a core", 1), ("switching", "% of a core", 1), ("ticks", "a second", 0))
    columns = (SAMPLING,) + OURS

    def measure(self, bench, column):
        figures = {}
        for script, truth, figure in (("waiting.py", False, "waiting"), ("switching.py", True, "switching")):
            self.script = script
            with self.target(bench, column, truth=truth, args=[str(self.tasks)]) as target:
                figures[figure], rate = self.cpu(bench, column, target)
            figures.setdefault("ticks", rate)
        return figures

    def cpu(self, bench, column, target):
        tool, shelf = bench.tool(column), bench.shelf(target.python)
        short, long_ = bench.pick((1, 4), (2, 10))
        a = tool.record(target, shelf, short, 100, TASKS, self.tasks + EVENT_WAITS)
        b = tool.record(target, shelf, long_, 100, TASKS, self.tasks + EVENT_WAITS)
        return 100.0 * (b.used.cpu - a.used.cpu) / (long_ - short), b.ticks / long_

    def verdicts(self, value):
        for figure in ("waiting", "switching"):
            yield at_most("at most 15 % of a core, " + figure, value(STROBE, figure), 15)
            yield at_most("at most a third of the peer's, " + figure, value(STROBE_315, figure), times(value(SAMPLING, figure), 1 / 3))


class AioSlow(AioRow, Slow):
    key = "asyncio-slow"
    title = "Target slowed by record --asyncio -r 100, 1,000 tasks that take turns all the time"
    script = "switching.py"
    args = ("1000",)
    columns = (SAMPLING,) + OURS
    figures = (("slow", "%", 1), ("work", "%", 1))

    def measure(self, bench, column):
        window = bench.pick(1.5, 4.0)
        with self.target(bench, column, truth=True) as target:
            self.speeds = []
            slow = self.one(bench, target, window, bench.tool(column), 100, TASKS)
            before, during, after = self.speeds
            return {"slow": slow, "work": 100.0 * (1.0 - during / ((before + after) / 2))}

    def speed(self, target, seconds):
        """Beside it, in self.speeds, turns by the target's CPU time: others that keep the CPUs busy do not slow that down."""
        n, cpu = target.count(), launch.cpu_of(target.pid)
        speed = Slow.speed(target, seconds)
        self.speeds.append((target.count() - n) / (launch.cpu_of(target.pid) - cpu))
        return speed

    def verdicts(self, value):
        for column in OURS:
            yield at_most("at most 2 %% (%s)" % column, value(column, "slow"), 2)


class AioImpossible(AioRow):
    key = "asyncio-impossible"
    title = "Impossible await chains, 17 tasks that switch all the time"
    script = "aiochains.py"
    once = True
    tasks, rate = 17, 600
    many = 1001  # of which so much time is read that a look is not one moment's truth any more
    figures = (("mixed", "per million", 0), ("line", "per million", 0), ("torn off", "per million", 0), ("dropped", "%", 1), ("ticks", "ticks", 0),
               ("mixed of %d" % many, "per million", 0))
    columns = (SAMPLING,) + OURS

    def measure(self, bench, column):
        tool = bench.tool(column)
        ticks = 100000 if column in (STROBE, STROBE_315) else 20000
        with self.target(bench, column) as target:
            seconds = bench.pick(3, round(1.2 * ticks / self.rate))
            got = tool.record(target, bench.shelf(target.python), seconds, self.rate, TASKS, self.tasks, keep=True)
        found = aiostacks.AwaitRules().count(got.stacks)
        n = sum(found.values())
        figures = {name: found[name] * 1e6 / n for name in ("mixed", "line", "torn off")}
        figures.update({"dropped": 100.0 * got.dropped / (got.dropped + got.samples), "ticks": got.ticks})
        with self.target(bench, column, args=[str(self.many // 2)]) as target:
            got = tool.record(target, bench.shelf(target.python), bench.pick(2, 20), 100, TASKS, self.many, keep=True)
        found = aiostacks.AwaitRules().count(got.stacks)
        figures["mixed of %d" % self.many] = found["mixed"] * 1e6 / sum(found.values())
        return figures

    def verdicts(self, value):
        for column in OURS:
            yield at_most("none (%s)" % column, value(column, "mixed"), 0)
            yield at_most("none, lines (%s)" % column, value(column, "line"), 0)
        yield at_least("in 100,000 ticks or more", value(STROBE, "ticks"), 100000)


ROWS = [Pstree(), Growth(), Tick(), Rate(), AioSlow(), AioImpossible()]
