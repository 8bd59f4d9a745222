# SPDX-License-Identifier: Apache-2.0
"""make bench: strobe side by side with its peers and with the floor.  See bench/README.md.

usage: run.py [--build DIR] [--rounds N] [--only ROW[,ROW]] [--quick] [--hour] [--minute SECONDS] [--python PATH] [--write FILE] [--list]
"""
import argparse
import fnmatch
import os
import statistics
import sys
import time

import aiorows
import callrows
import insiderows
import launch
import machine
import meterrows
import packages
import profilers
import pythons
import rows
from launch import Failed, Unavailable

ROWS = rows.ROWS + aiorows.ROWS + insiderows.ROWS + meterrows.ROWS + callrows.ROWS


class Bench:
    """What a row needs: interpreters, tools, a place for files, and how long to take."""

    def __init__(self, options):
        self.quick, self.hour, self.minute = options.quick, options.hour, options.minute
        self.floor, self.ping = os.path.join(options.build, "floor"), os.path.join(options.build, "ping.so")
        self.pythons = pythons.find(options.python)
        self.packages = packages.Packages(options.build, self.pythons)
        self.notes = []  # why a part of a column is missing
        peers = os.path.join(options.build, "peers")
        profilers.install(peers, self.log)
        self.new = next((p for p in self.pythons if p.minor == (3, 15) and p.plain), None)
        self.main = self.pythons[0] if options.python else self.version((3, 14)) or self.best()
        self.strobe = os.path.join(options.build, "strobe")
        strobe = profilers.Strobe(self.strobe)
        self.tools = {
            rows.PY_SPY: profilers.PySpy(peers),
            rows.AUSTIN: profilers.Austin(peers),
            rows.SAMPLING: profilers.Sampling(self.new),
            rows.STROBE: strobe,
            rows.STROBE_315: strobe,
            aiorows.ASYNCIO: profilers.AsyncioPstree(),
            aiorows.STROBE_39: strobe,
            aiorows.STROBE_311: strobe,
        }
        self.shelves, self.background = {}, []

    @staticmethod
    def log(text):
        print("bench: " + text, file=sys.stderr, flush=True)

    def best(self):
        plain = [p for p in self.pythons if p.plain and (3, 8) <= p.minor <= (3, 15)]
        if not plain:
            raise SystemExit("bench: no CPython 3.8-3.15 found; name folders of them in STROBE_PYTHONS, or use --python")
        return max(plain, key=lambda p: p.version)

    def version(self, minor):
        return next((p for p in self.pythons if p.minor == minor and p.plain), None)

    def labelled(self, label):
        """3.14, 3.14t (and no debug build), or None."""
        return next((p for p in self.pythons if p.label == label), None)

    def python(self, column):
        if column in (aiorows.STROBE_39, aiorows.STROBE_311):
            return self.version((3, 9) if column == aiorows.STROBE_39 else (3, 11))
        return self.new if column in (rows.SAMPLING, rows.STROBE_315) else self.main

    def tool(self, column):
        tool = self.tools[column]
        if column != rows.STROBE or self.main:
            tool.check(self.python(column))
        return tool

    def shelf(self, python):
        if python.root not in self.shelves:
            self.shelves[python.root] = launch.Shelf(python.root)
        return self.shelves[python.root]

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def pick(self, quick, full):
        return quick if self.quick else full

    def close(self):
        for shelf in self.shelves.values():
            shelf.close()
        self.tools[rows.AUSTIN].close()


class Results:
    """All measurements of one row: median by column and figure, and why some are missing."""

    def __init__(self, row):
        self.row, self.found, self.missing = row, {}, {}

    def add(self, column, figures):
        for name, number in figures.items():
            self.found.setdefault((column, name), []).extend(number if isinstance(number, list) else [number])

    def numbers(self, column, figure):
        """The floor is measured in several ways, "figure/way": the one with the lowest median is the floor."""
        ways = [n for (c, name), n in self.found.items() if c == column and name.partition("/")[0] == figure]
        return min(ways, key=statistics.median) if ways else []

    def value(self, column, figure):
        numbers = self.numbers(column, figure)
        return statistics.median(numbers) if numbers else None


def measure(bench, row, rounds):
    """The columns take turns, in every round the other way round."""
    results = Results(row)
    for turn in range(1 if row.once else rounds):
        for column in row.columns if turn % 2 == 0 else row.columns[::-1]:
            if column in results.missing:
                continue
            try:
                figures = row.measure(bench, column)
            except Unavailable as why:
                results.missing[column] = str(why)
                continue
            except Failed as why:
                bench.log("%s, %s: %s" % (row.key, column, why))
                if turn == 0:
                    results.missing[column] = "failed: %s" % why
                continue
            results.add(column, figures)
            said = ", ".join("%s %.4g" % (name, statistics.median(x) if isinstance(x, list) else x) for name, x in figures.items())
            bench.log("%s, round %d, %s: %s" % (row.key, turn + 1, column, said))
    return results


def number(value, digits):
    return "-" if value is None else "{:,.{}f}".format(value, digits)


def ratio(a, b):
    return "-" if a is None or not b else "%.2f" % (a / b)


def figure_table(all_results, columns, peer, ours=rows.STROBE):
    """peer: the column that ours is divided by, beside the floor's."""
    head = ["row", "figure", "unit"] + list(columns) + [ours + " / " + peer, ours + " / floor"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for results in all_results:
        row = results.row
        for name, unit, digits in row.figures:
            cells = []
            for column in columns:
                numbers = results.numbers(column, name)
                text = number(results.value(column, name), digits)
                if len(numbers) > 1:
                    text += " (%s to %s)" % (number(min(numbers), digits), number(max(numbers), digits))
                cells.append(text)
            own = results.value(ours, name)
            cells += [ratio(own, results.value(peer, name)), ratio(own, results.value(rows.FLOOR, name))]
            lines.append("| " + " | ".join([row.key, name, unit] + cells) + " |")
    return lines


def verdict_table(all_results):
    lines = ["| row | strobe must | reached | met |", "|---|---|---|---|"]
    for results in all_results:
        for text, reached, met in results.row.verdicts(results.value):
            answer = {True: "yes", False: "**no**", None: "not measured"}[met]
            lines.append("| %s | %s | %s | %s |" % (results.row.key, text, reached, answer))
    return lines


def missing_lines(all_results):
    seen = {}
    for results in all_results:
        for column, why in results.missing.items():
            seen.setdefault((column, why), []).append(results.row.key)
    return ["- %s: %s (%s)" % (column, why, ", ".join(keys)) for (column, why), keys in seen.items()]


def report(bench, all_results, options, started, load):
    text = ["# Results of `make bench`", "", "Written by bench/run.py; how each figure is measured: bench/README.md.", ""]
    text += ["- Date: " + started, "- Command: `%s`" % command(options)]
    text += ["- " + line for line in machine.describe()]
    text.append("- Load average before and after: %s, %s" % (load, machine.load()))
    busy = sorted(bench.background) or [0.0]
    text.append("- Others kept %.0f %% of the machine busy before a row (median), %.0f %% at most" % (busy[len(busy) // 2], busy[-1]))
    where = (bench.main, bench.new or "none")
    text.append("- Targets run on CPython %s; for profiling.sampling and the last column of strobe on %s" % where)
    versions = []
    for column in (rows.STROBE,) + rows.PEERS:
        try:
            versions.append("%s %s" % (column, bench.tool(column).version()))
        except Unavailable as why:
            versions.append("%s (%s)" % (column, why))
    text += ["- Tools: " + ", ".join(versions), ""]
    text += ["Medians; in brackets the lowest and highest of %d rounds in which the tools took turns." % options.rounds, ""]
    tables = ((rows.COLUMNS, rows.PY_SPY), (aiorows.COLUMNS, aiorows.ASYNCIO), (insiderows.COLUMNS, insiderows.DDTRACE),
              (meterrows.COLUMNS, meterrows.INSIDE, meterrows.SERVE), (callrows.COLUMNS, callrows.YAPPI))
    for columns, peer, *ours in tables:
        some = [r for r in all_results if r.row.table == columns]
        if some:
            text += figure_table(some, columns, peer, *ours) + [""] + ["- `%s`: %s" % (r.row.key, r.row.title) for r in some] + [""]
    text += ["## What strobe must reach", ""] + verdict_table(all_results)
    missing = missing_lines(all_results) + ["- " + note for note in bench.notes]
    if missing:
        text += ["", "## Not measured", ""] + missing
    return "\n".join(text) + "\n"


def command(options):
    words = ["make bench"]
    args = ["--rounds %d" % options.rounds] * (options.rounds != (2 if options.quick else 5)) + ["--quick"] * options.quick
    args += ["--hour"] * options.hour
    args += ["--minute %g" % options.minute] if options.minute else []
    args += ["--only " + options.only] * bool(options.only)
    args += ["--python PATH"] * bool(options.python)
    return " ".join(words + (['BENCH="%s"' % " ".join(args)] if args else []))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", help="folder with strobe and floor; the peers are installed there")
    parser.add_argument("--rounds", type=int, help="5; 2 with --quick")
    parser.add_argument("--only", help="rows by key, separated by commas; asyncio-* = all that begin so")
    parser.add_argument("--quick", action="store_true", help="short runs: the region of each figure, not its value")
    parser.add_argument("--hour", action="store_true", help="watch strobe's memory for an hour")
    parser.add_argument("--minute", type=float, metavar="SECONDS", help="how long the spikes of the row counters last: 60; 10 with --quick")
    parser.add_argument("--python", help="the interpreter that targets run on (default: 3.14 if there is one)")
    parser.add_argument("--write", help="file for the results (default: bench/RESULTS.md after a full run)")
    parser.add_argument("--list", action="store_true", help="list the rows")
    options = parser.parse_args()
    if options.list:
        print("\n".join("%-24s %s" % (row.key, row.title) for row in ROWS))
        return 0
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.build = os.path.abspath(options.build)
    wanted = set()
    for pattern in options.only.split(",") if options.only else ["*"]:
        found = fnmatch.filter([row.key for row in ROWS], pattern)
        if not found:
            parser.error("no such row: %s (see --list)" % pattern)
        wanted.update(found)
    started, load, all_results = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), machine.load(), []
    bench = Bench(options)
    try:
        for row in ROWS:
            if row.key in wanted:
                bench.background.append(machine.busy(0.5))
                all_results.append(measure(bench, row, options.rounds))
        text = report(bench, all_results, options, started, load)
    except KeyboardInterrupt:
        return 130
    finally:
        bench.close()
    print(text)
    full = not options.only and not options.quick and not options.python
    path = options.write or (os.path.join(launch.HERE, "RESULTS.md") if full else None)
    if path:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
