# SPDX-License-Identifier: Apache-2.0
"""What the asyncio targets share: loops of either kind, named tasks that are kept, facts stated beside the code that makes them true.

A program registers shapes; without arguments all of them that this Python has run in one process, else those that are named.
Options: --uvloop (uvloop's loop), --pytask (tasks implemented in Python).  When all are parked it says ready and answers:
  "tasks": asyncio.all_tasks() of every loop, with the chain that the interpreter itself sees
  "shape": the facts that the program states, by task name; before that they are checked against the objects themselves
"""
import asyncio
import gc
import os
import sys
import threading
import types

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
UVLOOP = "--uvloop" in sys.argv
PYTASK = "--pytask" in sys.argv
# since 3.14 a task implemented in Python is not asyncio.current_task(), so that TaskGroup and timeout() refuse it
NO_CURRENT_TASK = PYTASK and sys.version_info >= (3, 14)
WORDS = [word for word in sys.argv[1:] if not word.startswith("--")]

shapes = {}    # name -> coroutine function that starts it
expected = {}  # task name -> facts
objects = {}   # task name -> the object it waits on
workers = {}   # task name -> what the function that it calls in a thread said of itself
kept = []      # tasks (a loop keeps none of them alive) and what else must not go
unnamed = []   # (task whose name nobody asked for, facts)
loops = []     # (loop, native id of its thread or None)


def shape(function=None, since=(3, 8), unless=False):
    def register(function):
        if sys.version_info >= since and not unless:
            shapes[function.__name__] = function
        return function
    return register(function) if function else register


def python_task(loop, coro, **kwargs):
    return asyncio.tasks._PyTask(coro, loop=loop, **kwargs)


def new_loop():
    if UVLOOP:
        import uvloop
        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    if PYTASK:
        loop.set_task_factory(python_task)
    return loop


def expect(task, chain, state="waiting", parents=(), wait=None, obj=None, holds=(), **facts):
    """chain: functions of this program, innermost first, blank separated.  wait: facts of what it waits for, which is obj.
    A list as a fact's value means any of these; parents of None: not stated.  holds: objects, or a function that gives their ids."""
    assert task not in expected, task
    expected[task] = dict(facts, chain=chain.split(), state=state, parents=parents if parents is None else sorted(parents), wait=wait,
                          holds=holds if callable(holds) else lambda: sorted(hex(id(one)) for one in holds))
    if obj is not None:
        objects[task] = obj
        expected[task]["wait"] = dict(wait, object=hex(id(obj)))
    if not callable(holds):
        kept.extend(holds)


def start(coro, name, chain=None, **facts):
    """A task that is kept; with a chain also its facts."""
    if PYTASK and sys.version_info < (3, 11):  # the factory is not told the name
        task = asyncio.get_running_loop().create_task(coro)
        task.set_name(name)
    else:
        task = asyncio.get_running_loop().create_task(coro, name=name)
    kept.append(task)
    if chain is not None:
        expect(name, chain, **facts)
    return task


def all_tasks(loop=None):
    """asyncio.all_tasks(), which since 3.14 knows nothing of the tasks implemented in Python."""
    found = asyncio.all_tasks(loop)
    if sys.version_info >= (3, 14):
        found = found | asyncio.tasks._py_all_tasks(loop)
    return found


def name_task_of(coro, name):
    """Names the task that a library made of a coroutine object."""
    found = [task for task in all_tasks() if task.get_coro() is coro]
    assert len(found) == 1, (name, found)
    found[0].set_name(name)
    kept.append(found[0])


async def hops(n=10):
    """Lets everything that is due run, n times over."""
    for _ in range(n):
        await asyncio.sleep(0)


async def forever():
    await asyncio.get_running_loop().create_future()


FUTURE = {"kind": "future"}


class Latch:
    """Awaited until other threads have counted it down."""

    def __init__(self, count):
        self.loop, self.left, self.done = asyncio.get_running_loop(), count, asyncio.get_running_loop().create_future()

    def count_down(self):
        self.loop.call_soon_threadsafe(self._one)

    def _one(self):
        self.left -= 1
        if self.left == 0:
            self.done.set_result(None)


def block(task, latch=None):
    """For a worker thread: says where it is, then stays."""
    workers[task] = threading.get_native_id()
    if latch:
        latch.count_down()
    threading.Event().wait()


_WRAPPERS = ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable")


def chain(awaited):
    """[[name, file, line], ...] innermost first: coroutines, generators, async generators, as their own attributes link them."""
    found = []
    while awaited is not None:
        if isinstance(awaited, types.CoroutineType):
            frame, awaited = awaited.cr_frame, awaited.cr_await
        elif isinstance(awaited, types.GeneratorType):
            frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
        elif isinstance(awaited, types.AsyncGeneratorType):
            frame, awaited = awaited.ag_frame, awaited.ag_await
        elif type(awaited).__name__ in _WRAPPERS:
            awaited = gc.get_referents(awaited)[0]
            continue
        else:
            break
        if frame is not None:
            code = frame.f_code
            found.append([getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno])
    return found[::-1]


def _frame_of(coro):
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        if hasattr(coro, name):
            return getattr(coro, name)


def stack_of(coro):
    """A suspended task's chain; of a running one, the thread's frames down to the task's outermost."""
    if not (getattr(coro, "cr_running", False) or getattr(coro, "gi_running", False)):
        return chain(coro)
    outermost = _frame_of(coro)
    for frame in sys._current_frames().values():
        found = harness.frames_of(frame)
        depth = 0
        while frame is not None:
            depth += 1
            if frame is outermost:
                return found[:depth]
            frame = frame.f_back
    return []


def parents_of(task):
    """Names of the tasks that await it, as asyncio itself notes since 3.14, through the futures of gather() and the like."""
    found, seen, left = set(), set(), [task]
    while left:
        for waiter in getattr(left.pop(), "_asyncio_awaited_by", None) or ():
            if isinstance(waiter, asyncio.Task) or isinstance(waiter, asyncio.tasks._PyTask):
                found.add(waiter.get_name())
            elif id(waiter) not in seen:
                seen.add(id(waiter))
                left.append(waiter)
    return sorted(found)


def tasks():
    found = []
    for loop, thread in loops:
        for task in all_tasks(loop):
            found.append({
                "id": hex(id(task)), "name": task.get_name(), "loop": hex(id(loop)), "thread": thread, "done": task.done(),
                "cancelling": bool(task.cancelling()) if hasattr(task, "cancelling") else None,
                "implementation": "Python" if isinstance(task, asyncio.tasks._PyTask) else "C",
                "stack": stack_of(task.get_coro()), "parents": parents_of(task) if sys.version_info >= (3, 14) else None,
            })
    return found


def graph():
    """What asyncio.capture_call_graph() says (3.14+): {task id: [stack innermost first, names of the tasks that await it]}."""
    found = {}
    for loop, _ in loops:
        for task in all_tasks(loop):
            captured = asyncio.capture_call_graph(task)
            stack = []
            for entry in captured.call_stack:
                code = entry.frame.f_code
                stack.append([code.co_qualname, code.co_filename, entry.frame.f_lineno])
            left, parents = list(captured.awaited_by), set()
            while left:
                one = left.pop()
                if isinstance(one.future, asyncio.Task):
                    parents.add(one.future.get_name())
                else:
                    left.extend(one.awaited_by)
            found[hex(id(task))] = [stack, sorted(parents)]
    return found


def _done_of(waiter):
    """anyio's waiters are pairs of a task and a future."""
    return (waiter[1] if isinstance(waiter, tuple) else waiter).done


def _check(task, wait, obj):
    """The stated facts against the object."""
    waiters = getattr(obj, {"queue-get": "_getters", "queue-put": "_putters", "limiter": "_wait_queue"}.get(wait["kind"], "_waiters"), None)
    if "waiters" in wait and waiters is not None:
        count = len(waiters) if wait["kind"] == "limiter" else sum(not done() for done in map(_done_of, waiters))
        assert count == wait["waiters"], (task, count)
    if "free" in wait and hasattr(obj, "_value"):
        assert obj._value == wait["free"], (task, obj._value)
    if "size" in wait:
        assert obj.qsize() == wait["size"] and obj.maxsize == wait["maxsize"], task
    if "type" in wait:
        assert type(obj).__name__ == wait["type"] and type(obj).__module__ == wait.get("module", type(obj).__module__), (task, type(obj))


def stated():
    for task, facts in unnamed:  # asked for only now: see the test
        expected[task.get_name()] = facts
    del unnamed[:]
    for task, obj in objects.items():
        _check(task, expected[task]["wait"], obj)
    answer = {}
    for task, facts in expected.items():
        answer[task] = {key: value() if callable(value) else value for key, value in facts.items()}
        if task in workers:
            answer[task]["worker"] = workers[task]
    return answer


def serve(**more):
    return harness.serve(tasks=tasks, shape=stated, graph=graph, **more)


async def main():
    """Starts the chosen shapes one after the other, says ready when all have done their part, and waits for good."""
    chosen = WORDS or list(shapes)
    for name in chosen:
        await shapes[name]()
    await hops()
    loop = asyncio.get_running_loop()
    stop = loop.create_future()
    loop.call_soon(lambda: harness.ready(shapes=chosen, all=list(shapes), loop=type(loop).__module__.split(".")[0]))
    await stop


def run():
    loop = new_loop()
    asyncio.set_event_loop(loop)
    loops.append((loop, threading.get_native_id()))
    serve()
    task = loop.create_task(main())
    task.set_name("main")
    expect("main", "main", wait={"kind": "future", "name": ["stop", "main.stop"]})
    loop.run_until_complete(task)
