# SPDX-License-Identifier: Apache-2.0
"""docs/runbook.md: each command is run on a service that has the illness, and prints every line that the page quotes.

A quoted line means itself, but for what differs from run to run and from Python to Python: process ids, addresses, numbers of tasks, the lines of
the standard library and of code that runs, the class before a method (known from 3.11 on), times, and how many samples there were.
"""
import os
import re
import shlex
import signal

import pytest

from lib import procfs, tool
from lib.target import Target, wait_for

pytestmark = pytest.mark.alone  # what a moment of a busy program looks like is the machine's, too
RUNBOOK = os.path.join(tool.REPOSITORY, "docs", "runbook.md")
SICK = "tests/targets/sick/"
# So that the picture stands still: the upstream takes an hour to answer, the ranking as long as it likes.
ARGUMENTS = {"slow_upstream.py": ["3600"], "busy_loop.py": ["1000000000"]}
RUNNING = {"busy_loop.py": 2}  # never comes to rest: so many threads of it go on
SOME_PID = "4242"


def steps():
    """[(service, stopped?, [(command, [quoted lines]), ...]), ...] in the order of the page."""
    found, quoted = [], None
    with open(RUNBOOK, encoding="utf-8") as f:
        text = f.read()
    for line in text.splitlines():
        tried = re.match(r"(?:.*Tried on )?`%s(\w+\.py)`(, stopped)?[^`]*:$" % re.escape(SICK), line)
        if tried:
            found.append((tried.group(1), bool(tried.group(2)), []))
        elif line.startswith("    $ "):
            quoted = []
            found[-1][2].append((line[6:], quoted))
        elif line.startswith("    ") and quoted is not None:
            quoted.append(line[4:])
        elif line:
            quoted = None
    return found


# what a quoted line has -> what may stand there; tried in this order at each place of the line
VARIES = [
    (r"\.\.\.", r".*"),
    (r"0x[0-9a-f]+", r"0x[0-9a-f]+"),
    (r"\b%s\b" % SOME_PID, r"\\d+"),
    (r"\bTask-\d+", r"Task-\\d+"),
    (r"\b_?[A-Z]\w+\.(?=\w+ (?:\(|\w+\.py))", r"(?:\\w+\\.)?"),
    (r"(?<=/)(\w+\.py):\d+", r"\1:\\d+"),
    (r"\bbusy_loop\.py:\d+", r"busy_loop\\.py:\\d+"),
    (r"\b\d+\.\d+ m?s\b", r"\\d+\\.\\d+ m?s"),
    (r"\b\d+\.\d+ (?=%|task)", r"\\d+\\.\\d+ "),
    (r"\b\d+ times?\b", r"\\d+ times?"),
    (r"\((?:waiting for gil|active\+gil)\)", r"\\((?:waiting for gil|active(?:\\+gil)?)\\)"),
    (r"(?<=[\])]) \d+$", r" \\d+"),
]


def pattern(line):
    out, at, line = "", 0, line.rstrip()
    while at < len(line):
        for what, instead in VARIES:
            match = re.compile(what).match(line, at)
            if match:
                out += match.expand(instead)
                at = match.end()
                break
        else:
            out += re.escape(line[at])
            at += 1
    return re.compile(out + "$")


def unwrapped(lines):
    """Lines of a tree, what a task does on the line of its name: pstree gives it a line of its own where both are longer than a
    screen is wide, which a shorter process id can change."""
    out = []
    for line in lines:
        state = re.match(r"[│ ]{6,}([^│├└ ].*)", line)
        if state and out:
            out[-1] += "   " + state.group(1)
        else:
            out.append(line)
    return out


def assert_quoted(quoted, printed, command):
    """Each quoted line is among the printed ones, in the order of the page: recordings have none of their own."""
    quoted, left = unwrapped(quoted), unwrapped(printed.splitlines())
    for line in quoted:
        if line.strip() == "...":
            continue
        wanted = pattern(line)
        places = [i for i, one in enumerate(left) if wanted.match(one)]
        assert places, "%s does not print\n%s\n(%s)\nbut\n%s" % (command, line, wanted.pattern, printed)
        if "record" in command:
            del left[places[0]]
        else:
            del left[:places[0] + 1]


def run(command, target):
    """A command line of the page on this target; what it printed, both outputs."""
    if command.startswith("sleep 60; "):
        command = command[len("sleep 60; "):]
        before = target.ready["orders"]
        assert target.ask("more")["orders"] == 2 * before
        target.settle()
    words = shlex.split(command)
    assert words[0] == "strobe" and words[-1] == SOME_PID, command
    words = ["1" if last == "-d" else word for last, word in zip(words, words[1:])]
    done = tool.run(*words[:-1], target.pid, check=0)
    return done.stdout + done.stderr


def begun(target, service):
    """Waits until the illness is all that there is of it."""
    if service in RUNNING:
        wait_for(lambda: len(procfs.tids(target.pid)) == RUNNING[service], "the thread that announces to end")
    else:
        target.settle()


@pytest.mark.versions("3.8", "3.9", "3.14")
@pytest.mark.parametrize("service, stopped, commands", steps(), ids=[service + (" stopped" if stopped else "") for service, stopped, _ in steps()])
def test_runbook(py, service, stopped, commands):
    assert commands
    with Target(py, os.path.join("sick", service), *ARGUMENTS.get(service, ())) as target:
        begun(target, service)
        if stopped:
            target.kill(signal.SIGSTOP)
            wait_for(lambda: procfs.state(target.pid) == "T", "the target to stop")
        for command, quoted in commands:
            assert_quoted(quoted, run(command, target), command)
        if not stopped:
            target.assert_unharmed()


@pytest.mark.versions("3.8", "3.14")
def test_gil_is_wanted_by_two(py):
    """What the page reads from `dump`: one thread has the GIL and the other wants it, whichever is which at the moment.  It goes from one to
    the other every 5 ms, and for some microseconds then nobody has it (ceval_gil.h: drop_gil)."""
    with Target(py, "sick/busy_loop.py", *ARGUMENTS["busy_loop.py"]) as target:
        begun(target, "busy_loop.py")
        seen = [sorted(thread.status for thread in tool.dump_text(target.pid).threads) for _ in range(10)]
        had = [statuses for statuses in seen if "active+gil" in statuses]
        assert len(had) >= 5, seen
        assert all(statuses in (["active+gil", "waiting for gil"], ["active", "active+gil"]) for statuses in had), seen
        assert all(set(statuses) <= {"active", "waiting for gil"} for statuses in seen if statuses not in had), seen


def test_every_service_is_tried():
    tried = {service for service, _, _ in steps()}
    assert tried == {name for name in os.listdir(os.path.join(tool.REPOSITORY, SICK)) if name.endswith(".py")}
    quoted = [line for _, _, commands in steps() for _, lines in commands for line in lines]
    assert len(quoted) > 40  # the page is read as it was meant


def test_links_of_the_page():
    with open(RUNBOOK, encoding="utf-8") as f:
        text = f.read()
    known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links and set(links) <= known


def test_patterns_are_strict():
    """A count, a name or a line of the service's own that differs is noticed."""
    line = '      ThreadPoolExecutor "database" Database.pool  4 of 4 busy, 196 queued'
    assert pattern(line).match(line)
    for wrong in (line.replace("196", "195"), line.replace("database", "data"), line.replace("4 of 4", "3 of 4"), line + " x"):
        assert not pattern(line).match(wrong)
    frame = "    Database.query (full_pool.py:25)"
    assert pattern(frame).match("    query (full_pool.py:25)") and not pattern(frame).match("    Database.query (full_pool.py:26)")
