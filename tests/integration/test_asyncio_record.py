# SPDX-License-Identifier: Apache-2.0
"""strobe record --asyncio against programs that know what their tasks did: tests/targets/aio/schedule.py."""
import collections
import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from lib import aio, formats, pprof, tool
from lib.target import Target, wait_for

pytestmark = pytest.mark.alone

RATE = 200
SECONDS = 3
STATES = ("waiting", "ready", "running")
VERSIONS = pytest.mark.versions("3.8", "3.11", "3.13", "3.14", "3.14t", "3.15")


def schedule(py, which):
    return Target(py, os.path.join("aio", "schedule.py"), which)


class Recording:
    """A recording of a program, and what the program says of the same time."""

    def __init__(self, target, tmp_path, *args, rate=RATE, seconds=SECONDS):
        out = str(tmp_path / "profile")
        done = tool.run("record", "--asyncio", "--json", "-p", target.pid, "-d", seconds, "-r", rate, "-f", "raw", "-o", out, *args, check=0)
        self.summary, self.said = json.loads(done.stdout), done.stderr
        self.tasks = self.summary["tasks"]
        self.log = target.ask("log")
        self.paths = {tuple(path) for path in target.ask("paths")}
        self.functions = {name for path in self.paths for name in path}
        self.kinds = {interval[0] for interval in self.log["intervals"]}
        self.stacks = [(stack, count / rate) for stack, count in formats.raw_names(out)]
        self.period = 1 / rate
        target.assert_unharmed()

    def kind(self, stack):
        """Of the tasks on a stack the innermost one, whose time it is."""
        own = [name for name in stack if name in self.kinds]
        return own[-1] if own else None

    def recorded(self):
        found = collections.Counter()
        for stack, seconds in self.stacks:
            state = "waiting" if stack[-1].startswith("[waiting: ") else "ready" if stack[-1] == "[ready: loop busy]" else "running"
            found[self.kind(stack), state] += seconds
        return found

    def clip(self, start, end):
        return max(0.0, min(end, self.tasks["to_monotonic"]) - max(start, self.tasks["from_monotonic"]))

    def states(self):
        """(kind, state, from, to) by the program.  A task that is due is ready while the loop is in one of its long calls; before and
        after it waits for the loop's timers."""
        for kind, state, start, end in self.log["intervals"]:
            if state == "due":
                for _, a, b in self.log["busy"]:
                    if a < end and b > start:
                        yield kind, "waiting", start, max(start, a)
                        yield kind, "ready", max(start, a), min(end, b)
                        start = min(end, b)
                state = "waiting"
            if state != "done":
                yield kind, state, start, end

    def truth(self):
        """Seconds by (kind, state) inside the recording."""
        found = collections.Counter()
        for kind, state, start, end in self.states():
            found[kind, state] += self.clip(start, end)
        return found

    def chance(self, kind, state=None):
        """Four standard errors of a time that was looked at so many times, in seconds: from how much the number of such tasks varies.
        Looks that come late weigh more, as if there were half as many.  One look more counts as error: what is rare is no normal
        distribution (of a state that lasts 0.5 ms of 3 s, three looks in 600 are seen in one recording of some thousands), and between
        the loop's beginning of a step and the task's mark lie some microseconds."""
        steps, looks, mean, square = 2000, self.tasks["looks"] / 2, 0.0, 0.0
        start, window = self.tasks["from_monotonic"], self.tasks["to_monotonic"] - self.tasks["from_monotonic"]
        change = [0] * (steps + 1)
        for one, is_in, begin, end in self.states():
            if one == kind and state in (None, is_in):
                change[min(steps, max(0, int((begin - start) / window * steps)))] += 1
                change[min(steps, max(0, int((end - start) / window * steps)))] -= 1
        count = 0
        for step in range(steps):
            count += change[step]
            mean += count / steps
            square += count * count / steps
        return 4 * (max(0.0, square - mean * mean) / looks + 1 / looks ** 2) ** 0.5 * window

    def hiccups(self):
        """The part of its time in which a sleeping task was due, the loop in none of its long calls, and for longer than a timer's
        resolution tells: the machine was busy elsewhere.  Of the kind with most.  Whether the loop had begun its step the program cannot know."""
        late, lived = collections.Counter(), collections.Counter()
        for kind, state, start, end in self.log["intervals"]:
            if state in ("waiting", "due"):
                lived[kind] += self.clip(start, end)
            if state == "due":
                over = self.clip(start, end)
                over -= sum(self.clip(max(start, a), min(end, b)) for _, a, b in self.log["busy"] if a < end and b > start)
                late[kind] += over if over > 0.002 else 0
        return max(late[kind] / lived[kind] for kind in late)

    def assert_true(self):
        """Each kind's time in each state: within 2 %, or two ticks a task, and chance."""
        truth, recorded, hiccups = self.truth(), self.recorded(), self.hiccups()
        for kind in self.kinds:
            life = sum(truth[kind, state] for state in STATES)
            ticks = 2 * self.period * max(1, life / SECONDS)
            for state in STATES:
                want, have = truth[kind, state], recorded[kind, state]
                bound = max(0.02 * want, ticks) + self.chance(kind, state) + 2 * hiccups * life
                assert abs(have - want) <= bound, (kind, state, "recorded", have, "true", want, "within", bound, self.said)

    def assert_sums(self):
        """All billed time is somewhere, once; and it is the tasks' lifetimes."""
        billed = sum(seconds for _, seconds in self.stacks)
        assert abs(billed - self.tasks["total_s"]) <= self.period + 1e-6
        assert abs(sum(self.tasks[state + "_s"] for state in STATES) - self.tasks["total_s"]) < 1e-6
        truth, recorded = self.truth(), self.recorded()
        for kinds in [[kind] for kind in self.kinds] + [self.kinds]:
            lived = sum(seconds for (kind, _), seconds in truth.items() if kind in kinds)
            seen = sum(seconds for (kind, _), seconds in recorded.items() if kind in kinds)
            chance = sum(self.chance(kind) ** 2 for kind in kinds) ** 0.5
            assert abs(seen - lived) <= 0.01 * lived + 2 * self.period + chance, (kinds, "recorded", seen, "true", lived, chance, self.said)

    def assert_possible(self, but=0.001):
        """No functions of the program on one another that cannot be, but for a small part of the time: a task that is made or ends while
        it is read may stand without the one that awaits it, or without its own outer frame."""
        found = []
        for stack, seconds in self.stacks:
            path = tuple(name for name in stack if name in self.functions)
            if path not in self.paths or path == ("child",) and stack[-1] != "[ready: loop busy]":
                found.append((stack, seconds))
        assert sum(seconds for _, seconds in found) <= but * sum(seconds for _, seconds in self.stacks), found

    def leaves(self, kind):
        found = collections.Counter()
        for stack, seconds in self.stacks:
            if self.kind(stack) == kind:
                found[stack[-1]] += seconds
        return found


@VERSIONS
def test_what_waits(py, tmp_path):
    """Sleeps, a semaphore, a pool, gather(), a task that two wait for, an asynchronous generator."""
    with schedule(py, "mix") as target:
        recording = Recording(target, tmp_path)
    recording.assert_true()
    recording.assert_sums()
    assert {leaf for leaf in recording.leaves("sleeper_long") if leaf.startswith("[")} <= {"[waiting: sleep]", "[ready: loop busy]"}
    calls = recording.leaves("caller")  # of a call that ended a moment ago no pool knows
    assert calls["[waiting: ThreadPoolExecutor lookups]"] > 0.97 * sum(calls.values()), calls
    # two of six clients hold the semaphore and sleep, in turns; four wait for it
    clients = recording.leaves("client")
    assert abs(clients["[waiting: Semaphore hold.semaphore]"] / sum(clients.values()) - 4 / 6) < 0.02, clients
    # a parent bills its own waiting, its children theirs, below it
    assert recording.leaves("parent")["[waiting: 3 tasks]"] > 0.9 * 3 * SECONDS
    below = sum(seconds for stack, seconds in recording.stacks if "parent" in stack and recording.kind(stack) == "child")
    assert below > 0.95 * sum(recording.leaves("child").values())
    # half of a task that two wait for is under either
    halves = [sum(seconds for stack, seconds in recording.stacks if recording.kind(stack) == "shared" and who in stack) for who in ("left", "right")]
    assert min(halves) > 0.45 * sum(recording.leaves("shared").values()), halves
    generators = {tuple(name for name in stack if name in recording.functions) for stack, _ in recording.stacks if "consumer" in stack}
    assert ("consumer", "numbers") in generators


@VERSIONS
@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_a_loop_of_any_kind_that_is_blocked(py, tmp_path, uvloop):
    """By a task and by a callback; in between it waits, and nothing blocks it."""
    with aio.target(py, "schedule.py", "given", uvloop=uvloop) as target:
        recording = Recording(target, tmp_path, "--blame")
    calls = [recording.clip(start, end) for function, start, end in recording.log["busy"] if recording.clip(start, end)]
    ready = recording.leaves("taker")["[ready: loop busy]"]
    assert 0.8 * sum(calls) < ready < 1.1 * sum(calls) + 4 * recording.period, (ready, sum(calls))
    blocked = recording.summary["blocked"]
    total = sum(one["total_s"] for one in blocked)
    assert 0.8 * sum(calls) < total < 1.1 * sum(calls) + 4 * recording.period, (blocked, sum(calls))
    by = collections.Counter()
    for one in blocked:
        names = [frame["name"] for frame in one["stack"] if frame["filename"]]
        by[tuple(names[:2])] += one["total_s"]
    assert {stack for stack, seconds in by.items() if seconds > 0.05 * total} == {("render", "giver"), ("render", "giving")}, by


@VERSIONS
@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
def test_a_loop_that_waits_blocks_nobody(py, tmp_path, uvloop):
    with aio.target(py, "schedule.py", "missed", uvloop=uvloop) as target:
        recording = Recording(target, tmp_path, "--blame", seconds=2)
    assert recording.leaves("forgotten")["[ready: loop busy]"] > 1
    assert recording.summary["blocked"] == []


@VERSIONS
def test_a_loop_that_is_blocked(py, tmp_path):
    with schedule(py, "blocked") as target:
        recording = Recording(target, tmp_path, seconds=4)
    recording.assert_true()
    recording.assert_sums()
    recording.assert_possible()
    assert recording.tasks["ready_s"] > 2, recording.said
    # what blocked it
    calls = collections.defaultdict(list)
    for function, start, end in recording.log["busy"]:
        if recording.clip(start, end):
            calls[function].append(recording.clip(start, end))
    for function in ("render", "spin"):
        for one in recording.summary["blocked"]:  # the C function that it is in has no file
            one["python"] = [frame for frame in one["stack"] if frame["filename"]]
            assert one["python"] == one["stack"] or one["stack"][0] == {"name": "time.sleep", "filename": None, "line": None}
        blocked = [one for one in recording.summary["blocked"] if one["python"][0]["name"] == function]
        outer = {one["python"][1]["name"] for one in blocked}
        assert outer == ({"blocker", "callback"} if function == "render" else {"blocker"}), blocked
        # A victim is due at most 10 ms after the call began; the rest of it counts.
        total, times = sum(one["total_s"] for one in blocked), sum(one["times"] for one in blocked)
        whole = sum(calls[function])
        assert 0.4 * whole < total < 1.1 * whole + 2 * recording.period, (blocked, whole)
        # all but a few calls are looked at, and twice or more; few are counted twice (the loop may go on between stack and step)
        assert 0.6 * len(calls[function]) <= times <= 1.15 * len(calls[function]) + 2, (blocked, len(calls[function]))
        longest = max(one["longest_s"] for one in blocked)
        assert 0.5 * min(calls[function]) < longest < max(calls[function]) + 4 * recording.period, (blocked, calls[function])
        assert all(frame["filename"].endswith("schedule.py") and frame["line"] > 0 for one in blocked for frame in one["python"][:2])
    assert "What blocked the loop" in recording.said and "render (schedule.py:" in recording.said


@VERSIONS
def test_steps_in_the_same_function_are_apart(py, tmp_path):
    """A task blocks its loop in the same function step after step, beside 3,000 tasks that take a while to look at."""
    with schedule(py, "twice") as target:
        recording = Recording(target, tmp_path, "--task-rate", "100")  # else looks at so many would be fewer than its steps
    calls = [(start, end) for _, start, end in recording.log["busy"] if recording.clip(start, end)]
    blocked = [one for one in recording.summary["blocked"] if one["stack"][0]["name"] == "spin"]
    assert sum(one["total_s"] for one in blocked) > 0.5 * SECONDS, recording.said
    assert max(one["longest_s"] for one in blocked) < max(end - start for start, end in calls) + 0.01, (blocked, recording.said)
    # where they are not told apart there are a few at most; some are counted twice (the loop may go on between stack and step)
    assert len(calls) / 8 < sum(one["times"] for one in blocked) <= 1.15 * len(calls) + 2, (blocked, len(calls))


@VERSIONS
def test_a_thousand_tasks_a_second(py, tmp_path):
    """Each is seen at one look or none; together they are what they lived."""
    with schedule(py, "short") as target:
        recording = Recording(target, tmp_path, seconds=4)
    lived = sum(seconds for (kind, _), seconds in recording.truth().items() if kind == "request")
    assert lived > 4, recording.said
    recording.assert_sums()
    recording.assert_possible(but=0.005)


@pytest.mark.parametrize("nonblocking", [False, True], ids=["exact", "nonblocking"])
@VERSIONS
def test_no_impossible_chain(py, tmp_path, nonblocking):
    with schedule(py, "mix") as target:
        recording = Recording(target, tmp_path, *(["--nonblocking"] if nonblocking else []), rate=1000)
    assert recording.tasks["looks"] > 50, recording.said  # how many it is, is the machine's
    recording.assert_possible()


# ---- blame ----

@VERSIONS
def test_blame(py, tmp_path):
    with schedule(py, "mix") as target:
        recording = Recording(target, tmp_path, "--blame")
    recording.assert_sums()
    for stack, seconds in recording.stacks:
        if "[Semaphore hold.semaphore]" in stack:
            assert stack[stack.index("[Semaphore hold.semaphore]") + 1] == "[held by Task-*]", stack
            assert stack[-1] != "[waiting: Semaphore hold.semaphore]"
    # what holds the semaphore sleeps: the cause of nearly all of it
    causes = collections.Counter()
    for stack, seconds in recording.stacks:
        if "[Semaphore hold.semaphore]" in stack:
            causes[stack[-1]] += seconds
    assert causes["[waiting: sleep]"] > 0.95 * sum(causes.values()), causes
    # who waits for the pool waits for what its two threads do
    calls = [(stack, seconds) for stack, seconds in recording.stacks if recording.kind(stack) == "caller"]
    assert formats.share(calls, "lookup") > 0.95, calls
    assert any("[ThreadPoolExecutor lookups 2/2]" in stack for stack, _ in recording.stacks)


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t", "3.15")
def test_blame_of_the_incident(py, tmp_path):
    """200 requests, 10 permits, 4 threads: each request's time ends where the four calls are."""
    with aio.target(py, "incident.py") as target:
        target.settle()
        done = tool.run("record", "--asyncio", "--blame", "--json", "-p", target.pid, "-d", "1", "-r", RATE, "-f", "raw", "-o", tmp_path / "raw",
                        check=0)
        target.assert_unharmed()
    tasks = json.loads(done.stdout)["tasks"]
    stacks = formats.raw_names(tmp_path / "raw")
    requests = [(stack, count) for stack, count in stacks if "handle_request" in stack]
    total = sum(count for _, count in requests)
    assert total / RATE == pytest.approx(200 * (tasks["to_monotonic"] - tasks["from_monotonic"]), rel=0.02), tasks
    held = sum(count for stack, count in requests if "[Semaphore PriceClient._price_semaphore]" in stack)
    assert abs(held / total - 190 / 200) < 0.01
    for stack, _ in requests:
        assert "[ThreadPoolExecutor pricing 4/4]" in stack, stack
        assert stack[stack.index("[ThreadPoolExecutor pricing 4/4]") + 1].endswith("_blocking_lookup"), stack
        if "[Semaphore PriceClient._price_semaphore]" in stack:
            assert stack[stack.index("[Semaphore PriceClient._price_semaphore]") + 1] == "[held by request-*]"


# ---- by a context variable ----

@VERSIONS
def test_by_context_variable(py, tmp_path):
    """Each task by the value in its own context: once on a path as long as it is the same, none where the variable is not set."""
    with schedule(py, "context") as target:
        recording = Recording(target, tmp_path, "--by", "contextvar:turn", seconds=1)
        other = Recording(target, tmp_path, "--by", "contextvar:no_such", seconds=0.5)
    seconds = recording.tasks["to_monotonic"] - recording.tasks["from_monotonic"]
    # handlers 0 to 7 set n % 3, but the last a word; each awaits a task that was made after that, in a copy of its context
    found = collections.Counter()
    for stack, spent in recording.stacks:
        found[tuple(name for name in stack if name.startswith("[turn=") or name in ("handler", "work"))] += spent
    want = {("work",): 1}
    for value, handlers in (("0", 3), ("1", 2), ("2", 2), ("seven", 1)):
        want["[turn=%s]" % value, "handler"] = want["[turn=%s]" % value, "handler", "work"] = handlers
    found.pop((), None)  # main
    assert found == {path: pytest.approx(number * seconds, abs=3 / RATE + 0.02) for path, number in want.items()}
    assert not any(name.startswith("[no_such") for stack, _ in other.stacks for name in stack)


# ---- formats ----

@VERSIONS
def test_every_format_has_the_tasks(py, tmp_path):
    with schedule(py, "blocked") as target:
        for fmt in ("raw", "flamegraph", "speedscope", "chrometrace", "pstats", "pprof"):
            out = os.path.join(target.here, fmt)  # where the target's own Python can read it too
            done = tool.run("record", "--asyncio", "--json", "-p", target.pid, "-d", "1.5", "-r", RATE, "-f", fmt, "-o", out, check=0)
            tasks = json.loads(done.stdout)["tasks"]
            assert json.loads(done.stdout)["files"] == {"threads": None, "tasks": out}
            globals()["check_" + fmt](py, out, tasks)
        target.assert_unharmed()


def check_raw(py, out, tasks):
    stacks = formats.raw_names(out)
    assert abs(formats.total(stacks) / RATE - tasks["total_s"]) <= 1 / RATE
    assert any(stack[-1] == "[ready: loop busy]" for stack, _ in stacks) and any(stack[-1] == "[waiting: sleep]" for stack, _ in stacks)


def check_flamegraph(py, out, tasks):
    text = ElementTree.tostring(ElementTree.parse(out).getroot(), encoding="unicode")
    assert all(name in text for name in ("victim", "blocker", "[waiting: sleep]", "[ready: loop busy]"))


def by_state(stacks):
    found = collections.Counter()
    for stack, seconds in stacks:
        found["waiting" if stack[-1].startswith("[waiting") else "ready" if stack[-1].startswith("[ready") else "running"] += seconds
    return found


def check_speedscope(py, out, tasks):
    """Seven tasks, each in a row of its own: no row holds more than the time there was."""
    data = formats.speedscope(out)
    assert len(data["profiles"]) == 7, [profile["name"] for profile in data["profiles"]]
    for profile in data["profiles"]:
        assert "tasks" in profile["name"] and profile["endValue"] <= tasks["to_monotonic"] - tasks["from_monotonic"] + 1e-6
    found = by_state(formats.speedscope_stacks(out))
    for state in STATES:
        assert found[state] == pytest.approx(tasks[state + "_s"], abs=1e-3)


def check_chrometrace(py, out, tasks):
    events = formats.chrometrace(out)
    rows = {event["tid"] for event in events}
    assert len(rows) == 7
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert len(names) == 7 and all("tasks" in name for name in names), names
    spent = collections.Counter()
    for row in rows:
        stack, since = [], 0
        for event in events:
            if event["tid"] != row or event["ph"] == "M":
                continue
            if stack:
                spent[by_state_of(stack[-1])] += event["ts"] - since
            since = event["ts"]
            if event["ph"] == "B":
                stack.append(event["name"])
            else:
                assert stack.pop() == event["name"]
        assert not stack
    for state in STATES:  # the first look's period began before the recording
        assert spent[state] / 1e6 == pytest.approx(tasks[state + "_s"], abs=7 / RATE + 1e-3)


def by_state_of(leaf):
    return "waiting" if leaf.startswith("[waiting") else "ready" if leaf.startswith("[ready") else "running"


def check_pstats(py, out, tasks):
    """tt is time on the thread; ct has the waiting too."""
    done = py.run("-c", "import json, pstats, sys; s = pstats.Stats(sys.argv[1]); "
                        "print(json.dumps([[k, v[:4]] for k, v in s.stats.items()] + [s.total_tt]))", out[len(py.root):])
    assert done.returncode == 0, done.stderr
    *functions, total = json.loads(done.stdout)
    assert total == pytest.approx(tasks["running_s"], abs=1e-3)
    found = {key[2]: four for key, four in functions}
    assert found["[waiting: sleep]"][2] == 0 and found["[ready: loop busy]"][2] == 0
    assert found["[waiting: sleep]"][3] == pytest.approx(tasks["waiting_s"] - found["[waiting: Future]" if "[waiting: Future]" in found
                                                         else "[waiting: future]"][3], abs=0.05)
    seconds = tasks["to_monotonic"] - tasks["from_monotonic"]
    assert found["blocker"][3] == pytest.approx(seconds, rel=0.02) and found["victim"][3] == pytest.approx(5 * seconds, rel=0.02)
    assert found["victim"][2] < 0.02 * seconds
    assert found["render"][3] + found["spin"][3] > 0.8 * tasks["running_s"]


def check_pprof(py, out, tasks):
    found = pprof.read(out)
    count, ns = found.total()
    assert ns / 1e9 == pytest.approx(tasks["total_s"], abs=1e-6) and abs(count / RATE - tasks["total_s"]) <= 1 / RATE
    spent = collections.Counter()
    for sample in found.samples:
        spent[by_state_of(sample.stack[-1][0])] += sample.ns / 1e9
    for state in STATES:
        assert spent[state] == pytest.approx(tasks[state + "_s"], abs=1e-6)


# ---- which profile ----

@VERSIONS
def test_both_profiles(py, tmp_path):
    """Two files, never one sum."""
    with schedule(py, "blocked") as target:
        done = tool.run("record", "--asyncio=both", "--json", "-p", target.pid, "-d", "1", "-r", RATE, "-f", "raw", "-o",
                        tmp_path / "p.txt", check=0)
    assert sorted(os.listdir(tmp_path)) == ["p-tasks.txt", "p.txt"]
    summary = json.loads(done.stdout)
    assert summary["files"] == {"threads": str(tmp_path / "p.txt"), "tasks": str(tmp_path / "p-tasks.txt")}
    threads, tasks = formats.raw_names(tmp_path / "p.txt"), formats.raw_names(tmp_path / "p-tasks.txt")
    assert all(stack[0] == "<module>" for stack, _ in threads) and not any(stack[-1].startswith("[") for stack, _ in threads)
    assert formats.total(threads) <= 1.1 * RATE + 2  # one thread
    assert abs(formats.total(tasks) / RATE - summary["tasks"]["total_s"]) <= 1 / RATE and summary["tasks"]["total_s"] > 6
    assert not any(stack[0] == "<module>" for stack, _ in tasks)


@pytest.mark.versions("3.8", "3.12", "3.14t")
def test_threads_are_the_plain_profile(py, tmp_path):
    with schedule(py, "blocked") as target:
        shares = []
        for name, args in (("plain", []), ("threads", ["--asyncio=threads"])):
            done = tool.run("record", *args, "-p", target.pid, "-d", "2", "-r", "500", "-f", "raw", "-o", tmp_path / name, check=0)
            stacks = formats.raw_names(tmp_path / name)
            assert all(stack[0] == "<module>" for stack, _ in stacks) and "task" not in done.stderr.replace(str(tmp_path), "")
            shares.append(formats.share(stacks, "spin"))
        assert min(shares) > 0.5, shares


@pytest.mark.versions("3.12")
def test_what_cannot_be_asked_for(py, tmp_path):
    with schedule(py, "mix") as target:
        for args, words in ((["--blame"], "--blame needs --asyncio"), (["--asyncio=threads", "--blame"], "--asyncio=threads does not record"),
                            (["--asyncio", "-g"], "--gil is about threads"),
                            (["--task-rate", "5"], "--task-rate needs --asyncio"), (["--by", "turn"], "'turn' is no value for --by")):
            done = tool.run("record", *args, "-p", target.pid, "-d", "1", "-o", tmp_path / "x", check=2)
            assert words in done.stderr
        for args, words in ((["--asyncio=both"], "--asyncio=both writes two profiles"), (["--asyncio", "--json"], "--json writes a summary")):
            done = tool.run("record", *args, "-p", target.pid, "-d", "1", "-f", "raw", "-o", "-", check=2)
            assert words in done.stderr and done.stdout == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.versions("3.8", "3.14")
def test_task_rate(py, tmp_path):
    """Fewer looks, each for the time since the one before."""
    with schedule(py, "mix") as target:
        recording = Recording(target, tmp_path, "--task-rate", "20")
    assert 12 <= recording.tasks["rate"] <= 22, recording.tasks
    seconds = recording.tasks["to_monotonic"] - recording.tasks["from_monotonic"]
    assert recording.leaves("sleeper_long")["[waiting: sleep]"] == pytest.approx(3 * seconds, rel=0.02)


@pytest.mark.parametrize("rate, per_second", [(["-r", "100"], 100), (["--flat-out"], 100_000)], ids=["asleep", "looking"])  # when stopped
@pytest.mark.versions("3.9", "3.14")
def test_time_in_which_strobe_was_stopped_is_nobodys(py, tmp_path, rate, per_second):
    with schedule(py, "mix") as target:
        command = [tool.path(), "record", "--asyncio", "--json", "-p", str(target.pid), "-d", "2", *rate, "-f", "raw", "-o", str(tmp_path / "raw")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=tool.environment())
        try:
            assert "Sampling process" in process.stderr.readline()
            begin = time.monotonic()
            wait_for(lambda: time.monotonic() - begin > 0.5, "samples")
            begin = time.monotonic()
            os.kill(process.pid, signal.SIGSTOP)
            wait_for(lambda: time.monotonic() - begin > 1, "a second")
            stopped = time.monotonic() - begin
            os.kill(process.pid, signal.SIGCONT)
            out, said = process.communicate(timeout=60)
        finally:
            process.kill()
        target.assert_unharmed()
    tasks = json.loads(out)["tasks"]
    assert "Left out: 1 gap" in said, said
    long_ones = sum(count for stack, count in formats.raw_names(tmp_path / "raw") if "sleeper_long" in stack) / per_second
    assert long_ones == pytest.approx(3 * (tasks["to_monotonic"] - tasks["from_monotonic"] - stopped), abs=3 * 0.1), (tasks, said)


@pytest.mark.versions("3.12")
def test_no_tasks(py, tmp_path):
    with Target(py, "busy.py") as target:
        done = tool.run("record", "--asyncio", "--json", "-p", target.pid, "-d", "0.5", "-f", "raw", "-o", tmp_path / "x", check=0)
    summary = json.loads(done.stdout)
    assert "No tasks" in done.stderr and summary["tasks"]["total_s"] == 0 and summary["blocked"] == []
    assert formats.raw(tmp_path / "x") == []


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_tasks_that_have_ended(py, tmp_path):
    """A task that is listed and has ended is no task of the recording."""
    with Target(py, os.path.join("aio", "ended.py")) as target:
        done = tool.run("record", "--asyncio", "--json", "-p", target.pid, "-d", "0.5", "-f", "raw", "-o", tmp_path / "x", check=0)
    tasks = json.loads(done.stdout)["tasks"]
    assert "No tasks" in done.stderr and "nan" not in done.stderr and (tasks["most"], tasks["samples"], tasks["total_s"]) == (0, 0, 0)
