# SPDX-License-Identifier: Apache-2.0
"""The rows about metrics: what a scrape costs, and how right the integrated counters are (bench/README.md says the same in words)."""
import time

import launch
import metering
from insiderows import quartiles
from launch import Failed, Unavailable
from rows import FLOOR, Row, at_most

SERVE, INSIDE = "strobe serve", "strobe inside"
COLUMNS = (FLOOR, SERVE, INSIDE)
SETTLE = 60.0  # seconds in which all that the target has must be known
NEEDS = ["strobe", "prometheus_client"]


class MeterRow(Row):
    columns = COLUMNS
    table = COLUMNS

    def target_of(self, bench, python, column):
        """column: all but SERVE import strobe."""
        if python is None:
            raise Unavailable("no such Python here")
        shelf = bench.shelf(python)
        env = bench.packages.environment(shelf, python, NEEDS) if column != SERVE else None
        return launch.Talker(shelf, python, self.script, env=env)

    def door(self, bench, target, column):
        return metering.Served(bench.strobe, target.pid) if column == SERVE else metering.Inside(target)


class Scrape(MeterRow):
    """A wrong answer is no figure: what is shown must be what the target has."""

    key = "scrape"
    title = "A scrape of 50 executors, 500 semaphores, 10,000 tasks (floor: prometheus_client with the same samples ready), and CPU between scrapes"
    script = "scrapepools.py"
    figures = (("scrape", "ms", 2), ("first", "ms", 1), ("between", "% of a core", 2))
    wanted = {"executor_max_workers": 100, "semaphore_capacity": 2000, "semaphore_waiters": 1000, "active_async_tasks": 10000}
    once = True

    def measure(self, bench, column):
        with self.target_of(bench, bench.main, column) as target, self.door(bench, target, column) as door:
            first = door.get()[0] if column == SERVE else None
            metering.until(lambda: self.missing(door) == {}, SETTLE, lambda: self.missing(door))
            count = bench.pick(10, 60)
            if column == SERVE:
                times = []
                for _ in range(count):
                    launch.pause(0.3)
                    times.append(door.get()[0])
                between = self.between(door, bench.pick(5, 60))
            else:
                times = target.ask("render", "constant" if column == FLOOR else "strobe", count, 0.3)["ms"]
                idle = target.ask("idle", bench.pick(5, 60))
                between = 100.0 * idle["cpu"] / idle["seconds"]
        figures = {"scrape": quartiles(times)}
        if column != FLOOR:
            figures["between"] = between
        if first is not None:
            figures["first"] = first
        return figures

    def missing(self, door):
        """What is not yet shown as it is: {name: shown}."""
        found = door.samples()
        shown = {name: metering.total(found, name) for name in self.wanted}
        return {name: value for name, value in shown.items() if value != self.wanted[name]}

    @staticmethod
    def between(door, seconds):
        before = door.cpu()
        took = launch.pause(seconds)
        return 100.0 * (door.cpu() - before) / took

    def verdicts(self, value):
        yield at_most("at most 30 ms from outside", value(SERVE, "scrape"), 30)
        yield at_most("at most 10 ms from inside", value(INSIDE, "scrape"), 10)
        for column in (SERVE, INSIDE):
            yield at_most("at most 1 %% of a core between scrapes (%s)" % column, value(column, "between"), 1)


COUNTERS = (("executor_busy_worker_seconds_total", "executor", True), ("executor_saturated_seconds_total", "executor", True),
            ("semaphore_exhausted_seconds_total", "dependency", True), ("semaphore_wait_seconds_total", "dependency", True),
            ("event_loop_busy_seconds_total", None, False))  # name, label, by rhythm
COUNTER_VERSIONS = ("3.9", "3.14")


def counter_figures():
    for version in COUNTER_VERSIONS:
        for name, _, by_rhythm in COUNTERS:
            for rhythm in ("random", "periodic") if by_rhythm else ("random",):
                yield "%s %s%s" % (version, name, " " + rhythm if by_rhythm else "")


COUNTER_FIGURES = tuple((name, "%", 2) for name in counter_figures()) + tuple((v + " looks", "a second", 1) for v in COUNTER_VERSIONS)


class Counters(MeterRow):
    """Between two moments at which nothing has gone on for a while: what the counters have grown by, against the truth."""

    key = "counters"
    title = "Error of the integrated counters over a minute of spikes shorter than three seconds"
    script = "spikes.py"
    columns = (SERVE, INSIDE)
    figures = COUNTER_FIGURES

    def measure(self, bench, column):
        figures, reasons = {}, []
        for version in COUNTER_VERSIONS:
            try:
                figures.update(self.one(bench, column, version))
            except (Failed, Unavailable) as why:
                reasons.append("on %s: %s" % (version, why))
        if not figures:
            raise Unavailable("; ".join(reasons))
        for reason in reasons:
            bench.note("%s %s (%s)" % (column, reason, self.key))
        return figures

    def one(self, bench, column, version):
        seconds = bench.minute or bench.pick(10, 60)
        with self.target_of(bench, bench.labelled(version), column) as target, self.door(bench, target, column) as door:
            self.quiet(door)
            before, begin = door.samples(), time.perf_counter()
            truth = target.ask("run", seconds)
            self.quiet(door)
            after, took = door.samples(), time.perf_counter() - begin
        figures = dict(self.errors(version, truth, before, after))
        looks = [metering.total(found, "strobe_looks_total") for found in (before, after)]
        if None not in looks:
            figures[version + " looks"] = (looks[1] - looks[0]) / took
        return figures

    @staticmethod
    def quiet(door):
        """All four objects are known, and have been looked at some times since now."""
        def shown(found):
            names = ("RANDOM_EXECUTOR", "PERIODIC_EXECUTOR")
            return [metering.total(found, "executor_active_workers", executor=name) for name in names] + [
                metering.total(found, "semaphore_waiters", dependency=name) for name in ("RANDOM_SEMAPHORE", "PERIODIC_SEMAPHORE")]
        looks = []

        def ready():
            found = door.samples()
            if shown(found) == [0, 0, 0, 0]:
                looks.append(metering.total(found, "strobe_looks_total") or len(looks))
            return looks and looks[-1] >= looks[0] + 5
        metering.until(ready, SETTLE, lambda: shown(door.samples()))

    @staticmethod
    def errors(version, truth, before, after):
        for name, label, by_rhythm in COUNTERS:
            for rhythm, true in truth[name].items():
                labels = {label: rhythm.upper()} if by_rhythm else {}
                grown = (metering.total(after, name, **labels) or 0) - (metering.total(before, name, **labels) or 0)
                yield "%s %s%s" % (version, name, " " + rhythm if by_rhythm else ""), 100.0 * abs(grown / true - 1.0)

    def verdicts(self, value):
        for column in self.columns:
            for version in COUNTER_VERSIONS:
                errors = [value(column, name) for name in counter_figures() if name.startswith(version + " ")]
                known = [error for error in errors if error is not None]
                yield at_most("all within 2 %%, %s (%s)" % (version, column), max(known) if len(known) == len(errors) else None, 2)


ROWS = [Scrape(), Counters()]
