# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: what is measured, on which target, for which tools, and what strobe is to reach.

A row's measure() takes one measurement of one column and returns {figure: number}; run.py calls it in alternating rounds
and hands the medians to verdicts().  bench/README.md says the same in words.
"""
import concurrent.futures
import json
import time

import launch
import stacks
from launch import Failed, Unavailable
from profilers import EXACT, NONBLOCKING

PY_SPY, AUSTIN, SAMPLING, FLOOR, STROBE, STROBE_315 = "py-spy", "Austin", "profiling.sampling", "floor", "strobe", "strobe on 3.15"
COLUMNS = (PY_SPY, AUSTIN, SAMPLING, FLOOR, STROBE, STROBE_315)
PEERS = (PY_SPY, AUSTIN, SAMPLING)
PARTS = ("part_a", "part_b", "part_c", "part_d")
FLOORS = ("stop poll", "stop block", "stop both", "held poll", "held block", "held both")
SETTLE = 0.7  # seconds from a profiler's start to the first window of a slow-down


class Row:
    key = title = script = how = ""
    figures = ()  # (name, unit, digits)
    columns = COLUMNS
    table = COLUMNS  # of the table that it stands in
    once = False  # one long round instead of several

    def measure(self, bench, column):
        raise NotImplementedError

    def verdicts(self, value):
        """[(what strobe must, what it reached, met or None when it cannot be told)]; value(column, figure): a median or None."""
        raise NotImplementedError

    def target(self, bench, column, truth=False):
        python = bench.python(column)
        if python is None:
            raise Unavailable("no such Python here")
        return launch.Target(bench.shelf(python), python, self.script, truth)


def at_most(text, value, bound):
    """A verdict: (what is asked, what was found beside the bound, whether that is met)."""
    if value is None or bound is None:
        return (text, "", None)
    return (text, "%.4g (bound %.4g)" % (value, bound), value <= bound)


def at_least(text, value, bound):
    if value is None:
        return (text, "", None)
    return (text, "%.4g (bound %.4g)" % (value, bound), value >= bound)


def apart(a, b):
    return None if a is None or b is None else abs(a - b)


def times(x, factor):
    return None if x is None else x * factor


def floor_run(bench, mode, target, rate, seconds):
    words = mode.split()
    used = launch.run([bench.floor, words[0], str(target.pid), str(rate), str(seconds)] + words[1:])
    if used.status:
        raise Failed(used.err.strip())
    return json.loads(used.out)


class Cpu(Row):
    """CPU seconds (user + system) of the tool per tick: the slope between a short and a long recording."""

    figures = (("cpu", "µs", 1),)
    rate, mode, threads = 1000, EXACT, 1
    script = "busy20.py"
    floors = FLOORS
    rates = {}  # of tools that cannot keep up, or count their time in ticks

    def measure(self, bench, column):
        short, long_ = bench.pick((1, 4), (1, 8))
        if column == FLOOR:
            with self.target(bench, column, truth=self.script == "busy20.py") as target:
                return {"cpu/" + mode: floor_run(bench, mode, target, self.rate, short)["cpu_us"] for mode in self.floors}
        tool = bench.tool(column)
        with self.target(bench, column, truth=self.script == "busy20.py") as target:
            shelf = bench.shelf(target.python)
            rate = self.rates.get(column, self.rate)
            a = tool.record(target, shelf, short, rate, self.mode, self.threads)
            b = tool.record(target, shelf, long_, rate, self.mode, self.threads)
        if b.ticks <= a.ticks:
            raise Failed("%s took fewer samples in the longer recording" % tool.name)
        return {"cpu": (b.used.cpu - a.used.cpu) * 1e6 / (b.ticks - a.ticks), "rate": b.ticks / b.seconds / 1e3}


class CpuExact(Cpu):
    key = "cpu-exact"
    title = "CPU of the tool per sample at 1 kHz, exact"
    figures = (("cpu", "µs", 1), ("rate", "kHz", 2))

    def verdicts(self, value):
        yield at_most("at most 1/4 of py-spy's", value(STROBE, "cpu"), times(value(PY_SPY, "cpu"), 0.25))
        yield at_most("aim: 1.3 x floor", value(STROBE, "cpu"), times(value(FLOOR, "cpu"), 1.3))


class CpuNonblocking(Cpu):
    key = "cpu-nonblocking"
    title = "CPU of the tool per sample at 1 kHz, not pausing"
    mode = NONBLOCKING
    floors = ("read",)

    def verdicts(self, value):
        peers = [value(c, "cpu") for c in (PY_SPY, AUSTIN, SAMPLING) if value(c, "cpu") is not None]
        yield at_most("at most the best peer's", value(STROBE, "cpu"), min(peers) if peers else None)


class Flat(Cpu):
    key = "flat-out"
    title = "Flat out, not pausing"
    mode, rate = NONBLOCKING, 0
    floors = ("flat",)
    figures = (("cpu", "µs", 2), ("rate", "kHz", 0))
    columns = (AUSTIN, SAMPLING, FLOOR, STROBE, STROBE_315)

    def measure(self, bench, column):
        if column == FLOOR:
            with self.target(bench, column, truth=True) as target:
                found = floor_run(bench, "flat", target, 0, 1)
            return {"cpu": found["cpu_us"], "rate": found["rate"] / 1e3}
        return super().measure(bench, column)

    def verdicts(self, value):
        yield at_most("at most 3 µs", value(STROBE, "cpu"), 3.0)
        yield at_least("at least 300 kHz", value(STROBE, "rate"), 300)


class Threads(Cpu):
    key = "threads"
    title = "8 threads x 200 frames, 7 of them asleep, per sweep"
    script = "threads8x200.py"
    threads = 8
    rate = 200
    rates = {PY_SPY: 20}
    columns = (PY_SPY, AUSTIN, SAMPLING, STROBE, STROBE_315)

    def verdicts(self, value):
        yield at_most("at most 120 µs", value(STROBE, "cpu"), 120.0)


class Slow(Row):
    key = "slow-down"
    title = "Target slowed at 1 kHz, exact (Austin, profiling.sampling: not paused)"
    script = "busy20.py"
    figures = (("slow", "%", 1),)

    def measure(self, bench, column):
        window = bench.pick(1.5, 4.0)
        with self.target(bench, column, truth=True) as target:
            if column == FLOOR:
                return {"slow/" + mode: self.one(bench, target, window, mode) for mode in ("stop both", "held both")}
            return {"slow": self.one(bench, target, window, bench.tool(column))}

    def one(self, bench, target, window, tool, rate=1000, mode=EXACT):
        """Iterations per second with the tool, against the mean of just before and just after."""
        if isinstance(tool, str):
            seconds = SETTLE + window + 0.3
            mode, wait = tool.split()
            argv, root = [bench.floor, mode, str(target.pid), str(rate), str(seconds), wait], "/"
        else:
            seconds = round(SETTLE + window + 1)
            argv, root = tool.start(target, bench.shelf(target.python), seconds, rate, mode)
        before = self.speed(target, window / 2)
        process = launch.start(argv, root)
        try:
            time.sleep(SETTLE)
            during = self.speed(target, window)
            if process.poll() is not None:
                raise Failed("%s ended with %d before the end of the window" % (argv[0].split("/")[-1], process.returncode))
        finally:
            launch.finish(process)
        after = self.speed(target, window / 2)
        return 100.0 * (1.0 - during / ((before + after) / 2))

    @staticmethod
    def speed(target, seconds):
        n, t = target.count(), time.perf_counter()
        time.sleep(seconds)
        return (target.count() - n) / (time.perf_counter() - t)

    def verdicts(self, value):
        yield at_most("at most 1.3 x floor", value(STROBE, "slow"), times(value(FLOOR, "slow"), 1.3))
        yield at_most("less than half of py-spy's", value(STROBE, "slow"), times(value(PY_SPY, "slow"), 0.5))


class Impossible(Row):
    """Stacks that the program cannot have, per million shown; the figure 'line' counts those whose functions fit but
    whose lines do not."""

    script = "chains.py"
    once = True
    figures = (("mixed", "per million", 0), ("line", "per million", 0), ("dropped", "%", 1), ("samples", "samples", 0))
    columns = (PY_SPY, AUSTIN, SAMPLING, STROBE, STROBE_315)
    mode = EXACT
    rates = {}

    def measure(self, bench, column):
        tool = bench.tool(column)
        rate = self.rates[column]
        with self.target(bench, column) as target:
            # strobe shall be judged on a million; 30 s tell the peers' rates well enough
            seconds = bench.pick(3, max(10, 1500000 // (rate or 150000)) if column in (STROBE, STROBE_315) else 30)
            got = tool.record(target, bench.shelf(target.python), seconds, rate, self.mode, keep=True)
        found = stacks.ChainRules().count(got.stacks)
        n = sum(found.values())
        return {
            "mixed": found["mixed"] * 1e6 / n,
            "line": found["line"] * 1e6 / n,
            "dropped": 100.0 * got.dropped / (got.dropped + got.samples),
            "samples": min(n, got.samples),  # strobe weights by time: late ticks count for more than one
        }


class ImpossibleExact(Impossible):
    key = "impossible-exact"
    title = "Impossible stacks, exact (Austin, profiling.sampling: not paused)"
    rates = {PY_SPY: 2000, AUSTIN: 10000, SAMPLING: 10000, STROBE: 10000, STROBE_315: 10000}

    def verdicts(self, value):
        for column in (STROBE, STROBE_315):
            yield at_most("none (%s)" % column, value(column, "mixed"), 0)
            yield at_most("none, lines (%s)" % column, value(column, "line"), 0)
        yield at_least("in 1,000,000 samples or more", value(STROBE, "samples"), 1000000)


class ImpossibleNonblocking(Impossible):
    key = "impossible-nonblocking"
    title = "Impossible stacks, not pausing"
    mode = NONBLOCKING
    rates = {PY_SPY: 2000, AUSTIN: 10000, SAMPLING: 10000, STROBE: 0, STROBE_315: 0}

    def verdicts(self, value):
        for column in (STROBE, STROBE_315):
            yield at_most("at most 100 per million (%s)" % column, value(column, "mixed"), 100)
            yield at_most("at most 30 %% dropped (%s)" % column, value(column, "dropped"), 30)


class Chains(Row):
    key = "chains-shown"
    title = "Share of samples that show the chains"
    script = "chains.py"
    figures = (("exact", "%", 2), ("nonblocking", "%", 2))
    columns = (PY_SPY, AUSTIN, SAMPLING, STROBE, STROBE_315)

    def measure(self, bench, column):
        tool, seconds, figures = bench.tool(column), bench.pick(3, 10), {}
        for mode in (EXACT,) if column in (AUSTIN, SAMPLING) else (EXACT, NONBLOCKING):
            with self.target(bench, column) as target:
                got = tool.record(target, bench.shelf(target.python), seconds, 1000, mode, keep=True)
            found = stacks.ChainRules().count(got.stacks)
            # an impossible stack shows a chain, too, if a wrong one
            shown = sum(n for stack, n in got.stacks.items() if any(stacks.CHAIN.match(f or "") for f, _ in stack))
            figures["nonblocking" if column in (AUSTIN, SAMPLING) else mode] = 100.0 * shown / sum(found.values())
        return figures

    def verdicts(self, value):
        exact, peer, loose = value(STROBE, "exact"), value(PY_SPY, "exact"), value(STROBE, "nonblocking")
        yield at_most("exact within 1.5 points of py-spy's", apart(exact, peer), 1.5)
        yield at_most("aim: not pausing within 3 points of exact", apart(exact, loose), 3)


class Dump(Row):
    figures = (("wall", "ms", 2),)
    columns = (PY_SPY, SAMPLING, STROBE, STROBE_315)
    bound = 0.0

    def measure(self, bench, column):
        with self.target(bench, column) as target:
            root, argv = bench.tool(column).dump(target)
            count = bench.pick(5, 20)
            used = launch.run([bench.floor, "run", root, str(count)] + argv)
            found = json.loads(used.out)
            if found["failed"]:
                raise Failed("%d of %d dumps failed" % (found["failed"], count))
        return {"wall": found["median_us"] / 1e3}

    def verdicts(self, value):
        yield at_most("at most %g ms" % self.bound, value(STROBE, "wall"), self.bound)


class DumpSmall(Dump):
    key = "dump-small"
    title = "dump, wall time, small process"
    script = "small.py"
    bound = 4.0


class DumpLarge(Dump):
    key = "dump-64x200"
    title = "dump, wall time, 64 threads x 200 frames"
    script = "threads64x200.py"
    bound = 10.0


class Memory(Row):
    key = "memory"
    title = "Memory of the tool while recording (8 threads x 200 frames, 1 kHz; py-spy 20 Hz)"
    script = "threads8x200.py"
    figures = (("peak", "MB", 1), ("growth", "KiB in the second half", 0))
    columns = (PY_SPY, AUSTIN, SAMPLING, STROBE, STROBE_315)
    once = True

    def measure(self, bench, column):
        with self.target(bench, column) as target:
            rate = 20 if column == PY_SPY else 1000
            seconds = 3600 if bench.hour and column == STROBE else bench.pick(4, 30)
            got = bench.tool(column).record(target, bench.shelf(target.python), seconds, rate, EXACT, 8, memory=True)
        return {"peak": got.used.peak_kib / 1024.0, "growth": got.used.peak_kib - got.used.half_kib}

    def verdicts(self, value):
        yield at_most("at most 12 MB", value(STROBE, "peak"), 12.0)
        yield at_most("not growing", value(STROBE, "growth"), 256)


class Shares(Row):
    key = "accuracy"
    title = "Largest error of the shares, 50/30/15/5 by the program's own clock, 1 kHz"
    script = "shares.py"
    figures = (("3.8 exact", "points", 2), ("3.8 nonblocking", "points", 2), ("3.14 exact", "points", 2), ("3.14 nonblocking", "points", 2))
    columns = (PY_SPY, STROBE)
    once = True
    rate, pythons, samples = 1000, ("3.8", "3.14"), 40000
    at_once = 1

    def measure(self, bench, column):
        figures = {}
        for minor in self.pythons:
            python = bench.version(tuple(int(x) for x in minor.split(".")))
            if python is None:
                continue
            with concurrent.futures.ThreadPoolExecutor(self.at_once) as pool:
                jobs = [(mode, pool.submit(self.error, bench, bench.tool(column), python, mode)) for mode in (EXACT, NONBLOCKING)]
                for mode, job in jobs:
                    figures["%s %s" % (minor, mode)] = job.result()
        return figures

    def error(self, bench, tool, python, mode):
        """A place for files and a target of its own, as two may run at once."""
        seconds = bench.pick(max(3, 300 // self.rate), self.samples * 1.02 / self.rate)
        with launch.Shelf(python.root) as shelf, launch.Target(shelf, python, self.script, truth=True) as target:
            before = target.spent()
            got = tool.record(target, shelf, round(seconds), self.rate, mode, keep=True)
            spent = [b - a for a, b in zip(before, target.spent())]
        truth = [s / sum(spent) for s in spent]
        return 100.0 * max(abs(s - t) for s, t in zip(stacks.share(got.stacks, PARTS), truth))

    def verdicts(self, value):
        for figure, _, _ in self.figures:
            yield at_most("under 1 point, " + figure, value(STROBE, figure), 1.0)


class Rhythm(Shares):
    key = "accuracy-rhythm"
    title = "The same on a program with a 10 ms rhythm, sampled at 100 Hz"
    script = "rhythm10ms.py"
    rate = 100
    pythons = ("3.14",)
    at_once = 2  # 40,000 samples at 100 Hz take 400 s; the tools hardly use a CPU at that rate
    figures = (("3.14 exact", "points", 2), ("3.14 nonblocking", "points", 2))


ROWS = [CpuExact(), CpuNonblocking(), Flat(), Threads(), Slow(), ImpossibleExact(), ImpossibleNonblocking(), Chains()]
ROWS += [DumpSmall(), DumpLarge(), Memory(), Shares(), Rhythm()]
