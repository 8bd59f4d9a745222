# SPDX-License-Identifier: Apache-2.0
"""Whether an await chain of targets/aiochains.py can be true (its own comment says which can)."""
import collections
import importlib.util
import os
import re

OURS = re.compile(r"^(?:([ab])(\d+)_(\d+)|run|main)$")


class AwaitRules:
    def __init__(self):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "targets", "aiochains.py")
        spec = importlib.util.spec_from_file_location("strobe_bench_aiochains", path)
        self.made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.made)
        self.awaited = {}  # function: the one line on which it is awaited
        for number, text in enumerate(self.made.source().split("\n"), 1):
            for callee in re.findall(r"await .*# (\w+)$|await ([ab]\d+_\d+)\(", text):
                self.awaited[callee[0] or callee[1]] = number

    def possible(self, names):
        """Are these functions, outermost first, one of the chains?"""
        if names[:1] != ["main"] or names[1:2] not in ([], ["run"]):
            return False
        if len(names) < 3:
            return True
        m = OURS.match(names[2])
        if not m.group(1):
            return False
        chain = ["a%s_%d" % (m.group(2), j) for j in range(self.made.DEPTH)] + ["b%s_%d" % (m.group(2), j) for j in range(self.made.DEPTH)]
        return names[2:] == chain[:len(names) - 2]

    def judge(self, stack):
        """'good', 'mixed' (functions that never are in one chain), 'line' (they fit, but one stands on another line than that of its
        await), 'torn off' (a chain that nobody waits for, which begins with a child that had begun)."""
        frames = [f for f in stack if not (f[0] or "").startswith(("[", "<"))]
        while frames and not OURS.match(frames[-1][0] or ""):  # sleep() and what makes tasks
            frames.pop()
        names = [f for f, _ in frames]
        if any(not OURS.match(f or "") for f in names):
            return "mixed"
        if not names:
            return "good"
        if names[0] not in ("main",):
            if names[0] == "run":
                return "torn off" if self.possible(["main"] + names) else "mixed"
            m = OURS.match(names[0])
            whole = ["main", "run"] + ["a%s_%d" % (m.group(2), j) for j in range(self.made.DEPTH)]
            if m.group(1) != "b" or not self.possible(whole + names):
                return "mixed"
            return "good" if len(names) == 1 else "torn off"
        if not self.possible(names):
            return "mixed"
        for (_, line), callee in zip(frames, names[1:]):
            if line and line != self.awaited[callee]:
                return "line"
        return "good"

    def count(self, stacks):
        found = collections.Counter()
        for stack, n in stacks.items():
            found[self.judge(stack)] += n
        return found
