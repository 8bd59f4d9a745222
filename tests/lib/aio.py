# SPDX-License-Identifier: Apache-2.0
"""The asyncio targets (tests/targets/aio), what `strobe ps --json` says of them, and the two compared."""
import json
import os
import re
import time

from lib import packages, tool
from lib.target import TARGETS, Target

AIO = os.path.join(TARGETS, "aio")


def target(py, script, *args, uvloop=False, needs=()):
    """A program of tests/targets/aio.  needs: sets of packages; where one of them cannot be had, the test is skipped with the reason."""
    needs = list(needs)
    if uvloop:
        needs.append("uvloop")
        args += ("--uvloop",)
    env = {"PYTHONPATH": ":".join(packages.need(py, name)["PYTHONPATH"] for name in needs)}
    return Target(py, os.path.join("aio", script), *args, env=env, files=[os.path.join(AIO, "aioharness.py")])


def ps(pid, *args, **kwargs):
    return Answer(json.loads(tool.run("ps", "--json", *args, pid, check=0, **kwargs).stdout))


class Answer:
    """What ps --json said; done tasks, which the interpreter's own list leaves out, apart from the others."""

    def __init__(self, answer):
        self.raw = answer
        self.pid = answer["pid"]
        self.tasks = [task for task in answer["tasks"] if task["state"] != "done"]
        self.done = [task for task in answer["tasks"] if task["state"] == "done"]
        self.by_id = {int(task["id"], 16): task for task in answer["tasks"]}
        self.waits = {wait["id"]: wait for wait in answer.get("waits", [])}
        self.pools = {pool["id"]: pool for pool in answer.get("pools", [])}
        self.wrong = []
        self._check_itself()

    def _check_itself(self):
        """Every id leads to something, and nothing is listed twice."""
        if len(self.by_id) != len(self.raw["tasks"]):
            self.wrong.append("a task is listed twice")
        if len(self.waits) != len(self.raw.get("waits", [])) or len(self.pools) != len(self.raw.get("pools", [])):
            self.wrong.append("an id of a wait or a pool is given twice")
        for task in self.raw["tasks"]:
            name = task["name"]
            if task.get("waits_for") is not None and task["waits_for"] not in self.waits:
                self.wrong.append("%s waits for %s, which is not listed" % (name, task["waits_for"]))
            for held in task.get("holds") or []:
                if held not in self.waits:
                    self.wrong.append("%s holds %s, which is not listed" % (name, held))
            for parent in task.get("awaited_by") or []:
                if int(parent, 16) not in self.by_id:
                    self.wrong.append("%s is awaited by %s, which is not listed" % (name, parent))
        for wait in self.waits.values():
            if wait.get("pool") is not None and wait["pool"] not in self.pools:
                self.wrong.append("%s is of %s, which is not listed" % (wait["id"], wait["pool"]))
            for holder in wait.get("holders") or []:
                if int(holder, 16) not in self.by_id:
                    self.wrong.append("%s is held by %s, which is not listed" % (wait["id"], holder))

    def names(self, ids):
        return sorted(self.by_id[int(one, 16)]["name"] for one in ids or [] if int(one, 16) in self.by_id)

    def wait_of(self, task):
        return self.waits.get(task.get("waits_for"))


def _stack(frames):
    """Without the innermost frame of a future implemented in Python, which stands for the future itself."""
    if frames and frames[0][0].split(".")[-1] in ("__await__", "__iter__") and frames[0][1].endswith("asyncio/futures.py"):
        return frames[1:]
    return frames


def _same_stack(have, want):
    """Of a very deep stack both ends are shown, and between them how many are not."""
    for place, frame in enumerate(have):
        left_out = re.match(r"\.\.\. ([\d,]+) frames left out \.\.\.$", frame[0])
        if left_out and not frame[1]:
            inner, outer = have[:place], have[place + 1:]
            return (min(len(inner), len(outer)) >= 1000 and len(inner) + len(outer) + int(left_out.group(1).replace(",", "")) == len(want) and
                    inner == want[:len(inner)] and outer == want[len(want) - len(outer):])
    return have == want


def compare_tasks(answer, truth):
    """Adds to answer.wrong what differs from the interpreter's own list: which tasks, names, stacks, loops, threads, kinds."""
    wrong = answer.wrong
    told = {int(task["id"], 16): task for task in truth}
    got = {int(task["id"], 16): task for task in answer.tasks}
    for one in sorted(told.keys() - got.keys()):
        wrong.append("%s is missing" % told[one]["name"])
    for one in sorted(got.keys() - told.keys()):
        wrong.append("%s (%x) is not in all_tasks()" % (got[one]["name"], one))
    for one in sorted(told.keys() & got.keys()):
        have, want, name = got[one], told[one], told[one]["name"]
        if have["name"] != name:
            wrong.append("%s is named %s" % (name, have["name"]))
        stack = [[frame["name"], frame["filename"], frame["line"]] for frame in have["stack"]]
        if not _same_stack(_stack(stack), _stack(want["stack"])):
            wrong.append("%s has the stack\n    %s\n  not\n    %s" % (name, stack[:100], want["stack"][:100]))
        if have.get("loop") is None or int(have["loop"], 16) != int(want["loop"], 16):
            wrong.append("%s has the loop %s, not %s" % (name, have.get("loop"), want["loop"]))
        for key in ("thread", "implementation", "cancelling"):
            if want[key] == "unknown" or (want[key] is None and key != "thread"):
                continue
            if have.get(key) != want[key]:
                wrong.append("%s has %s %s, not %s" % (name, key, have.get(key), want[key]))


def _is(have, want):
    """A list of facts means any of these; of a fact that is None, null and its absence are the same."""
    return have in want if isinstance(want, list) else have == want


def _compare_wait(answer, name, have, want):
    wrong = answer.wrong
    for key, value in want.items():
        if key == "holders":
            got = answer.names(have.get("holders"))
            if got != sorted(value):
                wrong.append("%s waits for what is held by %s, not %s" % (name, got, value))
        elif key == "object":
            if have.get("object") is None or int(have["object"], 16) != int(value, 16):
                wrong.append("%s waits for the object %s, not %s" % (name, have.get("object"), value))
        elif key == "pool":
            pool = answer.pools.get(have.get("pool"))
            if pool is None:
                wrong.append("%s waits for no pool" % name)
                continue
            for fact, number in value.items():
                if not _is(pool.get(fact), number):
                    wrong.append("%s waits for a pool whose %s is %s, not %s" % (name, fact, pool.get(fact), number))
        elif not _is(have.get(key), value):
            wrong.append("%s waits for what has %s %s, not %s" % (name, key, have.get(key), value))


def compare_facts(answer, facts, now=None):
    """Adds to answer.wrong what differs from the facts that the program states.  now: CLOCK_MONOTONIC before and after ps."""
    wrong = answer.wrong
    by_name = {task["name"]: task for task in answer.tasks}
    # what is held and nobody waits for need not be listed
    waited_for = {int(one["object"], 16) for one in map(answer.wait_of, answer.tasks) if one and one.get("object")}
    for name, want in facts.items():
        have = by_name.get(name)
        if have is None:
            wrong.append("%s is missing" % name)
            continue
        if not _is(have["state"], want["state"]):
            wrong.append("%s is %s, not %s" % (name, have["state"], want["state"]))
        parents = answer.names(have.get("awaited_by"))
        if want["parents"] is not None and parents != want["parents"]:
            wrong.append("%s is awaited by %s, not %s" % (name, parents, want["parents"]))
        wait = answer.wait_of(have)
        if want["wait"] is not None:
            if wait is None:
                wrong.append("%s waits for nothing, not %s" % (name, want["wait"].get("kind")))
            else:
                _compare_wait(answer, name, wait, want["wait"])
        elif want["state"] in ("ready", "running") and wait is not None:
            wrong.append("%s is %s and waits for %s" % (name, have["state"], wait))
        holds = {int(answer.waits[held]["object"], 16) for held in have.get("holds") or [] if answer.waits.get(held, {}).get("object")}
        if holds & waited_for != {int(one, 16) for one in want["holds"]} & waited_for or holds - {int(one, 16) for one in want["holds"]}:
            wrong.append("%s holds %s, not %s" % (name, sorted(map(hex, holds)), want["holds"]))
        for key in ("worker", "queue_place", "cancelling", "implementation"):
            if key in want and have.get(key) != want[key]:
                wrong.append("%s has %s %s, not %s" % (name, key, have.get(key), want[key]))
        if "main_interpreter" in want and (have["interpreter"] == 0) != want["main_interpreter"]:
            wrong.append("%s is of interpreter %s" % (name, have["interpreter"]))
        if "due" in want and now is not None:
            _compare_due(wrong, name, have, want, now)


def _compare_due(wrong, name, have, want, now):
    """uvloop keeps its timers out of sight."""
    due = have.get("due_in")
    if due is None:
        if not want.get("due_may_be_unknown"):
            wrong.append("%s has no time at which it is due" % name)
    elif not want["due"] - now[1] - 0.01 <= due <= want.get("due_at_most", want["due"]) - now[0] + 0.01:  # asked a moment before or after
        wrong.append("%s is due in %s, not %s" % (name, due, want["due"] - now[0]))


def compare_workers(answer):
    """Pools and tasks name the same threads."""
    for pool in answer.pools.values():
        workers = pool.get("workers") or []
        if pool.get("busy") is not None and pool["kind"] != "ProcessPoolExecutor" and sum(worker["busy"] for worker in workers) != pool["busy"]:
            answer.wrong.append("the pool %s has %s busy, but lists others" % (pool.get("name"), pool["busy"]))
        for worker in workers:
            task = worker.get("task") and answer.by_id.get(int(worker["task"], 16))
            if worker.get("task") and (task is None or task.get("worker") != worker["thread"]):
                answer.wrong.append("a worker of %s runs for %s, which does not say so" % (pool.get("name"), task and task["name"]))


def compare_graph(answer, graph):
    """Adds to answer.wrong what differs from asyncio.capture_call_graph(), which goes no further inward than the first generator."""
    for one, (stack, parents) in graph.items():
        task = answer.by_id.get(int(one, 16))
        if task is None:
            continue  # said already
        got = [[frame["name"], frame["filename"], frame["line"]] for frame in task["stack"]]
        if got[len(got) - len(stack):] != stack:
            answer.wrong.append("%s has the stack\n    %s\n  not the captured\n    %s" % (task["name"], got, stack))
        if answer.names(task.get("awaited_by")) != parents:
            answer.wrong.append("%s is awaited by %s, not the captured %s" % (task["name"], answer.names(task.get("awaited_by")), parents))


def look(aimed, *args, all_stated=True):
    """ps of a target at rest against its own account, asked afterwards: asking gives tasks their names.  The answer; .wrong is empty
    when all is as it should be.  all_stated: the program states facts of each of its tasks."""
    aimed.settle()
    before = time.monotonic()
    answer = ps(aimed.pid, *args)
    now = before, time.monotonic()
    facts, truth = aimed.ask("shape"), aimed.ask("tasks")
    assert not all_stated or sorted(task["name"] for task in truth) == sorted(facts), "the program states other tasks than it has"
    compare_tasks(answer, truth)
    compare_facts(answer, facts, now)
    compare_workers(answer)
    aimed.assert_unharmed()
    return answer


def assert_right(answer, limit=40):
    wrong = answer.wrong
    assert not wrong, "%d differences\n%s" % (len(wrong), "\n".join(wrong[:limit]))
