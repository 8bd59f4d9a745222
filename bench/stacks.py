# SPDX-License-Identifier: Apache-2.0
"""Stacks as the profilers write them, and whether they can be true.

A stack here is a tuple of (function, line), outermost first.
"""
import collections
import importlib.util
import os
import re

PY_SPY_FRAME = re.compile(r"^(.*) \((.*?)(?::(\d+))?\)$")
CHAIN = re.compile(r"^c(\d+)_(\d+)$")
NOT_CODE = ("<GC>", "<native>")  # marks that a profiler adds to a stack


def read_raw(path):
    """py-spy's and strobe's raw format: 'name (file:line);... count'."""
    found = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            text, _, count = line.rstrip("\n").rpartition(" ")
            frames = []
            for frame in text.split(";"):
                m = PY_SPY_FRAME.match(frame)
                frames.append((m.group(1), int(m.group(3) or 0)) if m else (frame, 0))
            found[tuple(frames)] += int(count)
    return found


def read_collapsed(path):
    """profiling.sampling's: 'tid:N;file:function:line;... count'; a task begins with '<task>:NAME:0'."""
    found = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            text, _, count = line.rstrip("\n").rpartition(" ")
            frames = []
            for frame in text.split(";"):
                if frame.startswith(("tid:", "<task>:")):
                    continue
                rest, _, number = frame.rpartition(":")
                frames.append((rest.partition(":")[2], int(number) if number.lstrip("-").isdigit() else 0))
            found[tuple(frames)] += int(count)
    return found


def share(stacks, functions):
    """Which part of the samples has each of the functions in it."""
    total = sum(stacks.values())
    hits = [0] * len(functions)
    for stack, n in stacks.items():
        names = {f for f, _ in stack}
        for i, function in enumerate(functions):
            if function in names:
                hits[i] += n
    return [h / total if total else 0.0 for h in hits]


class ChainRules:
    """Knows what stacks targets/chains.py can have (its own comment says which), from its source."""

    def __init__(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "targets", "chains.py")
        spec = importlib.util.spec_from_file_location("strobe_bench_chains", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.defined, self.called = {}, {}
        for number, text in enumerate(module.source().split("\n"), 1):
            m = re.match(r"^def (\w+)\(", text)
            if m:
                inside = m.group(1)
                self.defined[inside] = number
            for callee in re.findall(r"(?<!def )\b(c\d+_\d+)\(", text):
                self.called[callee] = number  # the one line on which it is called
        self.last = {f: number for f, number in self.defined.items()}

    def judge(self, stack):
        """'chain': possible, in a chain; 'outside': possible, not in a chain; 'mixed': functions that never are on a stack
        together; 'line': the functions fit, but one that has called stands on another line than that of the call."""
        frames = [f for f in stack if f[0] not in NOT_CODE]
        names = [f for f, _ in frames]
        if names[:2] != ["<module>", "run"]:
            return "mixed"
        chain = names[2:]
        for depth, name in enumerate(chain):
            m = CHAIN.match(name or "")
            if not m or int(m.group(2)) != depth or m.group(1) != CHAIN.match(chain[0]).group(1) or name not in self.defined:
                return "mixed"
        for (_, line), callee in zip(frames[1:], chain):
            if line and line != self.called[callee]:
                return "line"
        return "chain" if chain else "outside"

    def count(self, stacks):
        """Counter of judgements over all samples."""
        found = collections.Counter()
        for stack, n in stacks.items():
            found[self.judge(stack)] += n
        return found
