# SPDX-License-Identifier: Apache-2.0
"""Allocations of the interpreter fail for a while (_testcapi.set_nomemory) in a program, without a profile and with one.

callfaults.py hooks|begin|end|read HOW WHERE MOST: each attempt fails a little later than the one before.  HOW: "bare" or one of HOWS; WHERE:
in the thread that begins the profile ("main"), one that was there before ("thread"), or one that has come since ("late")."""
import _thread
import asyncio  # noqa: F401, for the hooks then ask for tasks
import contextvars
import io
import os
import sys
import threading
import types

import _testcapi

from common import main, tell

FILE = os.path.basename(__file__)
VARIABLE = contextvars.ContextVar("request")
HOWS = {
    "plain": lambda: {},
    "builtins": lambda: {"builtins": True},
    "tag": lambda: {"tag": VARIABLE},
    "filter": lambda: {"filter": "__main__"},
    "left_out": lambda: {"filter": os.path.abspath("nowhere")},
    "compensate": lambda: {"compensate": True, "clock": "cpu"},
}

# ---- a program that knows what it has begun; to note it takes no memory ----

NAMES = ("leaf", "fib", "kinds", "numbers", "waits", "outer", "made")
begun = [0] * len(NAMES)


def leaf():
    begun[0] += 1
    return 7


def fib(n):
    begun[1] += 1
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def kinds(n):
    begun[2] += 1
    return len([str(n), sorted([n, leaf()]), {n: "a" * n}])


def numbers(n):
    begun[3] += 1
    for i in range(n):
        leaf()
        yield i


CODES, SPACE = [], {"__name__": "__main__"}


class Moment:
    def __await__(self):
        yield


async def waits():
    begun[4] += 1
    await Moment()
    return leaf()


async def outer():
    begun[5] += 1
    return await waits() + await waits()


def awaited():
    coroutine = outer()
    try:
        for _ in range(3):
            coroutine.send(None)
    except StopIteration as end:
        return end.value
    finally:
        coroutine.close()


def made(codes):
    """Functions that are new each time."""
    begun[6] += 1
    return sum([types.FunctionType(code, SPACE)() for code in codes])


STEPS = ((leaf, (), 7), (fib, (6,), 8), (kinds, (3,), 3), (lambda: list(numbers(4)), (), [0, 1, 2, 3]), (awaited, (), 14),
         (made, (CODES,), 40), (kinds, (5,), 3), (fib, (5,), 5))
SCORES = [0] * len(STEPS)


def steps():
    """1: a result that is right; 0: no memory; else what came instead."""
    for i in range(len(STEPS)):
        SCORES[i] = 0
        try:
            SCORES[i] = step(*STEPS[i])
        except MemoryError:
            pass
        except BaseException as error:
            SCORES[i] = error


def step(function, args, right):
    is_right = function(*args) == right
    return 1 if is_right else 2


# ---- a thread that waits for what it is to do ----

go, done = _thread.allocate_lock(), _thread.allocate_lock()
TODO = [None]


def works():
    while True:
        go.acquire()
        if TODO[0] is None:
            break
        try:
            TODO[0]()
        except MemoryError:
            pass
        done.release()
    done.release()


def have_done(what):
    TODO[0] = what
    go.release()
    done.acquire()


def steps_there():
    have_done(steps)


# ---- attempts ----

NEVER = 1 << 30, 1 << 30
# CPython 3.9 makes room for a cache in a function's 1024th call, and ends that without an exception when there is none.
OFTEN = 1100 if not hasattr(sys, "exception") else 1
FAILED = [0]  # attempts in which there was no memory for something


def windows(most, case):
    """When allocations begin to fail, and when they do not any more: one; some; and in the program, all that come."""
    for start in range(most):
        yield start, start + 2
    for start in range(0, most, 7):
        yield start, start + 12
    for start in range(0, most if case is hooks else 0, 31):
        yield start, start + 100000


def failing(window, function):
    """What it raises, while allocations fail."""
    CODES[:] = [compile("def f(): return 2", FILE, "exec").co_consts[0] for _ in range(20)]
    begun[:], SCORES[:] = [0] * len(begun), [0 if function in (steps, steps_there) else 1] * len(STEPS)
    error = None
    try:
        _testcapi.set_nomemory(*window)
        function()
    except BaseException as raised:
        error = raised
    is_over = False
    while not is_over:
        try:
            _testcapi.remove_mem_hooks()
            is_over = True
        except MemoryError:  # a call of it is an event, too
            pass
    FAILED[0] += error is not None or 0 in SCORES
    return error


def wrong_end(error):
    return [] if error is None or isinstance(error, MemoryError) else ["it raises %r" % (error,)]


def wrong_scores():
    return [repr(score) for score in SCORES if score not in (0, 1)]


def wrong_rows(profile, how, may_lose=False):
    """What does not hold of any profile, or of one of the program that has just been.  may_lose: strobe's own frames, too, were met when there
    was no memory."""
    wrong = []
    stats, totals = profile.stats(), profile.totals()
    own = sum(row["self"] for row in stats)
    if abs(own - totals["wall"]) > 1e-6:
        wrong.append("self times are %r, threads' %r" % (own, totals["wall"]))
    places = {(row["name"], row["file"], row["line"]): row for row in stats}
    for row in stats:
        if not 0 <= row["self"] <= row["total"] + 1e-9 or row["primitive"] > row["calls"] or row["unfinished"] < 0:
            wrong.append("%s: %r" % (row["name"], {key: row[key] for key in ("self", "total", "calls", "primitive", "unfinished")}))
        if row["self"] > 100 or (row["self_cpu"] or 0) > 100:
            wrong.append("%s took %r and %r" % (row["name"], row["self"], row["self_cpu"]))
        for caller in row["callers"]:
            if caller["total"] > places[caller["name"], caller["file"], caller["line"]]["total"] + 1e-9:
                wrong.append("%s takes more than its caller %s" % (row["name"], caller["name"]))
    rows = {row["name"]: row for row in stats if os.path.basename(row["file"]) == FILE}
    for i, name in enumerate(NAMES):
        calls = rows[name]["calls"] if name in rows else 0
        # With builtins the interpreter needs memory to tell of them: a call may end before its first line.
        if calls != begun[i] and how != "left_out" and not (how == "builtins" and calls > begun[i]):
            wrong.append("%d calls of %s are %d, lost: %r" % (begun[i], name, calls, totals["lost"]))
    if how == "left_out" and rows:
        wrong.append("rows of what is left out: %r" % (sorted(rows),))
    if any(totals["lost"].values()) and how not in ("builtins", "left_out") and not may_lose:
        wrong.append("lost: %r" % (totals["lost"],))
    return wrong


def new_profile(how):
    VARIABLE.set(how)  # not in the program: CPython itself ends when that finds no memory
    return strobe.Profile(**HOWS[how]())


def fresh(how):
    """What is wrong with a profile that begins now."""
    with new_profile(how) as profile:
        error = failing(NEVER, steps)
    return wrong_end(error) + wrong_scores() + ["no memory"] * (0 in SCORES) + wrong_rows(profile, how)


def hooks(window, how, where):
    """In the events of a program."""
    profile = new_profile(how) if how != "bare" else None
    if where == "thread":
        threading.Thread(target=works, daemon=True).start()
    if profile:
        profile.start()
    if where == "late":
        _thread.start_new_thread(works, ())
        have_done(bool)
    error = failing(window, steps if where == "main" else steps_there)
    wrong = wrong_end(error) + wrong_scores()
    if profile:
        leaf()
        profile.stop()
        wrong += wrong_rows(profile, how)
        profile.threads(), profile.tasks(), profile.tags()
    if where != "main":
        have_done(None)
    return wrong


def begin(window, how, where):
    """While a profile begins: it has, or nothing of it stays."""
    profile = new_profile(how)
    error = failing(window, profile.start)
    wrong = wrong_end(error)
    if error is None:
        failing(NEVER, steps)
        profile.stop()
        wrong += wrong_scores() + wrong_rows(profile, how, may_lose=True)
    elif profile.is_running():
        wrong.append("it runs")
    profile.stop()
    return wrong + fresh(how)


def end(window, how, where):
    """While it ends: it has, when it is asked to once more."""
    profile = new_profile(how).start()
    failing(NEVER, steps)
    scores, calls = list(SCORES), list(begun)
    error = failing(window, profile.stop)
    profile.stop()
    SCORES[:], begun[:] = scores, calls
    return wrong_end(error) + wrong_scores() + wrong_rows(profile, how, may_lose=True) + fresh(how)


def figures(stats):
    """What does not change with time: how long a tick is, is known better and better."""
    return [[row[name] for name in ("name", "file", "line", "calls", "primitive", "finished", "resumes")] for row in stats]


def reads():
    return (finished.stats, finished.totals, finished.threads, finished.tasks, lambda: finished.print(file=io.StringIO()),
            lambda: finished.save("read.json"), lambda: finished.save("read.pstat"), lambda: finished.save("read.collapsed"))


def read(window, how, where):
    """While it is read: what is there, or MemoryError."""
    wrong = []
    for ask in reads():
        before, result = figures(finished.stats("name")), []
        error = failing(window, lambda: result.append(ask()))
        wrong += wrong_end(error)
        if figures(finished.stats("name")) != before:
            wrong.append("%s changes what there is" % ask)
        if ask == finished.stats and error is None and sorted(figures(result[0])) != sorted(before):
            wrong.append("it reads %r" % (result[0],))
    for name in os.listdir("."):
        if name.startswith(".strobe"):
            os.unlink(name)
            if window[1] - window[0] <= 2:  # to take it away needs memory, too
                wrong.append("%s stays" % name)
    return wrong


def attempts(case, how, where, most):
    global finished
    found = []
    for _ in range(OFTEN):
        failing(NEVER, steps)
    if how != "bare":
        found += fresh(how)
        finished = new_profile(how).start()
        failing(NEVER, steps)
        finished.stop()
        for ask in reads() * OFTEN if case is read else ():
            ask()
    for window in windows(int(most), case):
        wrong = case(window, how, where)
        if wrong:
            found.append([window, wrong])
    tell({"wrong": found[:20], "n": len(found), "failed": FAILED[0]})


if __name__ == "__main__":
    if "bare" not in sys.argv:
        import strobe
    go.acquire()
    done.acquire()
    main({case.__name__: lambda *words, case=case: attempts(case, *words) for case in (hooks, begin, end, read)})
