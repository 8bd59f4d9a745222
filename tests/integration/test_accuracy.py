# SPDX-License-Identifier: Apache-2.0
"""What is shown is what was: no stack that the program cannot have, and shares as the program's own clock has them.

The bench has the large runs; here are short ones with bounds wide enough that chance alone never breaks them.
"""
import os
import re
import struct

import pytest

from lib import formats, tool
from lib.target import BENCH_TARGETS, Target

pytestmark = pytest.mark.alone

PARTS = ["part_a", "part_b", "part_c", "part_d"]


def is_possible(names):
    """<module>, run, then cI_0 cI_1 ... of one I without a gap (see bench/targets/chains.py)."""
    names = [name for name in names if name != "<module>"]
    if not names:  # run() is about to be called
        return True
    if names[0] != "run":
        return False
    chain = names[1:]
    return not chain or chain == ["c%s_%d" % (chain[0][1:].split("_")[0], j) for j in range(len(chain))]


@pytest.mark.parametrize("rate", [1000, 20000])
def test_no_impossible_stack(py, tmp_path, rate):
    """A truth, not a timing: by default not one mixed chain may ever appear."""
    with Target(py, os.path.join(BENCH_TARGETS, "chains.py"), plain=True) as target:
        done = tool.run("record", "--pid", target.pid, "-d", "1.5", "-r", rate, "-f", "raw", "-o", tmp_path / "raw", "--function", check=0)
        stacks = formats.raw_names(tmp_path / "raw")
        impossible = [(stack, count) for stack, count in stacks if not is_possible(stack)]
        assert not impossible, (impossible[:5], done.stderr)
        assert formats.total(stacks) > 500, done.stderr
        # Some 90 % of the time is spent inside the chains; a tool that drops what is hard to read shows far less (45-64 %).
        assert sum(count for stack, count in stacks if len(stack) > 2) / formats.total(stacks) > 0.75
        target.assert_unharmed()


def test_no_impossible_stack_of_a_thread_that_has_just_started(py, tmp_path):
    """The interpreter lists a thread before it runs, with its creator's ids (before 3.12) or none: it must not be watched under those."""
    target = Target(py, os.path.join(BENCH_TARGETS, "chains.py"), plain=True)
    target.command.append("threads")
    with target:
        done = tool.run("record", "--pid", target.pid, "-d", "2", "-r", "3000", "-f", "raw", "-o", tmp_path / "raw", "--function", check=0)
        stacks = [(stack[stack.index("body") + 1:], count) for stack, count in formats.raw_names(tmp_path / "raw") if "body" in stack]
        impossible = [(stack, count) for stack, count in stacks if not is_possible(stack)]
        assert not impossible, (impossible[:5], done.stderr)
        assert sum(count for _, count in stacks) > 100, done.stderr  # how many it is, of 6,000, is the machine's load
        target.assert_unharmed()


def test_nonblocking_drops_rather_than_lies(py, tmp_path):
    with Target(py, os.path.join(BENCH_TARGETS, "chains.py"), plain=True) as target:
        done = tool.run("record", "--pid", target.pid, "-d", "1.5", "-r", "5000", "-f", "raw", "-o", tmp_path / "raw", "--function", "--nonblocking",
                        check=0)
        stacks = formats.raw_names(tmp_path / "raw")
        assert "Dropped: " in done.stderr
        impossible = sum(count for stack, count in stacks if not is_possible(stack))
        # The bound of the bench is 100 per million; a few thousand samples can only show that it is not percents.  One weighs up to 40
        # periods where the machine was busy.
        assert impossible <= max(0.005 * formats.total(stacks), 120), [stack for stack, _ in stacks if not is_possible(stack)][:5]
        target.assert_unharmed()


FUNCTIONS = re.compile(r"main|run|[ab]\d_\d")


def is_possible_chain(names):
    """main, run, a0_0 ... a0_3, b0_0 ... of one number without a gap, as far as it goes (see bench/targets/aiochains.py)."""
    names = [name for name in names if FUNCTIONS.fullmatch(name)]
    if len(names) == 1 and names[0].startswith("b"):
        return names[0].endswith("_0")  # made, and not awaited yet
    n = names[2][1] if len(names) > 2 else 0
    return names == (["main", "run"] + ["a%s_%d" % (n, j) for j in range(4)] + ["b%s_%d" % (n, j) for j in range(4)])[:len(names)]


@pytest.mark.parametrize("rate, loops", [(25, 1), (25, 2), (1000, 1)])
def test_no_impossible_await_chain(py, tmp_path, rate, loops):
    """Tasks that await chain after chain, with children that do: by default no two of them are ever mixed.

    That is so where tasks are read while their loop stands still, for which there is a fiftieth of the time: at 25 looks a second enough
    on any machine.  At 1,000, and for two loops, a busy machine needs more than there is; what is then read as the loops go on may be
    wrong once in some thousand (docs/status.md), as it is for two loops that run at the same time.
    """
    may_mix = rate > 25 or loops > 1
    with Target(py, os.path.join(BENCH_TARGETS, "aiochains.py"), 8 // loops, loops, plain=True) as target:
        done = tool.run("record", "--asyncio", "--pid", target.pid, "-d", "3", "-r", rate, "-f", "raw", "-o", tmp_path / "raw", "--function", check=0)
        stacks = formats.raw_names(tmp_path / "raw")
        impossible = [(stack, count) for stack, count in stacks if not is_possible_chain(stack)]
        assert sum(count for _, count in impossible) <= (0.01 * formats.total(stacks) if may_mix else 0), (impossible[:5], done.stderr)
        # main, eight that run, and children while they are awaited, nearly always: what is hard to read is not left out
        assert may_mix or formats.total(stacks) > (8 + loops) * 0.95 * 3 * rate, (formats.total(stacks), done.stderr)
        deep = sum(count for stack, count in stacks if len(stack) > 8)
        assert deep > 0.04 * formats.total(stacks), (deep, formats.total(stacks), done.stderr)
        target.assert_unharmed()


@pytest.mark.parametrize("mode", ["exact", "nonblocking"])
def test_shares(py, tmp_path, mode):
    """About 50/30/15/5 by the program's own clock.

    4,000 samples: the standard error of a share of one half is 0.8 points when they come in time.  On a busy machine they come late and
    weigh unequally, as if there were a quarter of them: 12 points is seven standard errors even then (9 were seen while compilers ran),
    and a bias that matters (a part that is never or always seen) is larger.  The bench holds the bound of one point with 40,000.
    """
    with open(tmp_path / "truth", "wb") as f:
        f.truncate(4096)
    truth = str(tmp_path / "truth")
    with SharesTarget(py, truth) as target:
        before = target.spent()
        tool.run("record", "--pid", target.pid, "-d", "4", "-r", "1000", "-f", "raw", "-o", tmp_path / "raw", "--function",
                 *(["--nonblocking"] if mode == "nonblocking" else []), check=0)
        spent = [after - start for after, start in zip(target.spent(), before)]
        stacks = formats.raw_names(tmp_path / "raw")
        assert formats.total(stacks) > 1000
        for part, seconds in zip(PARTS, spent):
            assert abs(formats.share(stacks, part) - seconds / sum(spent)) < 0.12, (part, formats.share(stacks, part), seconds / sum(spent))


class SharesTarget(Target):
    """bench/targets/shares.py: keeps five native doubles up to date in a file, the seconds spent in each part and outside."""

    def __init__(self, py, _):
        super().__init__(py, os.path.join(BENCH_TARGETS, "shares.py"), plain=True)
        with open(os.path.join(self.here, "truth"), "wb") as f:
            f.truncate(4096)
        self.command.append(os.path.join(self.there, "truth"))

    def spent(self):
        with open(os.path.join(self.here, "truth"), "rb") as f:
            return struct.unpack("5d", f.read(40))


@pytest.mark.parametrize("mode", ["exact", "nonblocking"])
def test_code_objects_that_reuse_addresses(py, tmp_path, mode):
    """50 functions of equal times, freed and made again: each gets about a fiftieth, no name outlives its function."""
    with Target(py, "reuse.py") as target:
        flags = ["--nonblocking"] if mode == "nonblocking" else []
        tool.run("record", "--pid", target.pid, "-d", "4", "-r", 500, "-f", "raw", "-o", tmp_path / "raw", "--nolineno", *flags)
        parts = {}
        for stack, count in formats.raw_names(tmp_path / "raw"):
            for name in stack:
                if name.startswith("part_"):
                    parts[name] = parts.get(name, 0) + count
        # Some turns of 50 parts: a part that happened to be seen four times as often as the mean is beyond chance.
        assert len(parts) > 40, parts
        assert max(parts.values()) < 4 * sum(parts.values()) / len(parts), parts
