# SPDX-License-Identifier: Apache-2.0
"""What an event of the deterministic profiler costs the program: measured, once in a process for each kind of profile."""
import _thread
import sys
import time

from strobe import _callhooks, _callseeds, _strobe

_WORK = compile("""
def empty():
    pass


def call(n):
    for _ in range(n):
        empty()


def numbers(n):
    for i in range(n):
        yield i


def resume(n):
    for _ in numbers(n):
        pass


def builtin(n, one=len, text=""):
    for _ in range(n):
        one(text)
""", "<strobe: what an event costs>", "exec")
_known = {}  # (cpu, builtins): what of_events() has found
_EVENTS, _ROUNDS = 2000, 5  # of each kind, half of them starts or resumes
_TIMES = 3  # of which the shortest runs are taken: what disturbs the machine for some milliseconds is not in all of them


def _shortest(work):
    """Seconds of CPU time; the shortest of some runs: what else the machine does makes them only longer."""
    def run():
        begin = time.thread_time()
        work(_EVENTS // 2)
        return time.thread_time() - begin
    return min(run() for _ in range(_ROUNDS))


def of_events(cpu, builtins):
    """Nanoseconds that an event takes: of a plain function; of a generator, coroutine or asynchronous generator; of a builtin (0 where these
    are not wanted).  cpu: how CPU time is read.  Raises RuntimeError when the hooks are somebody else's."""
    if (cpu, builtins) not in _known:
        _known[cpu, builtins] = _costs(cpu, builtins)
    return _known[cpu, builtins]


def _costs(cpu, builtins):
    space = {}
    exec(_WORK, space)
    works = [space[name] for name in ("call", "resume") + ("builtin",) * builtins]
    found, too_deep = _all_measured(works, cpu, builtins)
    if too_deep:  # as much of this thread's stack is used events step aside, and cost nothing
        found, _ = _on_a_thread(lambda: _all_measured(works, cpu, builtins))
    bare, under = ([min(times) for times in zip(*each)] for each in zip(*found))
    costs = [max(1e9 * (with_it - without) / _EVENTS, 0.0) for with_it, without in zip(under, bare)]
    return costs[0], costs[1], costs[2] if builtins else 0.0


def _on_a_thread(work):
    """What it returns, or raises, on a thread that the module threading does not know."""
    found, done = [], _thread.allocate_lock()

    def run():
        try:
            found.append((work(), None))
        except BaseException as error:
            found.append((None, error))
        finally:
            done.release()

    done.acquire()
    _thread.start_new_thread(run, ())
    done.acquire()
    result, error = found[0]
    if error is not None:
        raise error
    return result


def _all_measured(works, cpu, builtins):
    """(what _measured() finds, several times; how often a hook has stepped aside)"""
    found = [_measured(works, cpu, builtins) for _ in range(_TIMES)]
    return [each[:2] for each in found], sum(each[2] for each in found)


def _measured(works, cpu, builtins):
    """Seconds that each takes without a profile, and with one; how often a hook has stepped aside."""
    bare = [_shortest(work) for work in works]
    only = (_strobe.thread_ident(), _thread.get_native_id())
    native = _strobe.Calls(sys.hexversion, 100, cpu, only, builtins, False, None, (), (), (_callseeds.OWN,), (0, 0, 0), ("", None))
    undo = None
    try:
        native.begin()
        native.go(lambda: True, True)
        undo = _callhooks.hook(_callhooks.EVENTS + (_callhooks.BUILTIN_EVENTS if builtins else ()))
        under = [_shortest(work) for work in works]
    finally:
        if undo is not None:
            undo()
        native.stop()
    return bare, under, native.facts()[4]
