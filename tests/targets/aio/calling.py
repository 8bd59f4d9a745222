# SPDX-License-Identifier: Apache-2.0
"""Threads of a pool, each for good in one C function, which its code names in one of many ways.  The fact "leaf" is that name; None: the
thread is in none."""
import _thread
import asyncio
import functools
import os
import queue
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import aioharness
from aioharness import Latch, kept, shape, start, workers

WARM, LONG = 40, 100000
calls = {}  # name of a function -> (it, leaf)


def call(leaf):
    def register(function):
        calls[function.__name__] = function, leaf
        return function
    return register


class Locks:
    """Free ones while they are warmed up, then one that is taken."""

    def __init__(self):
        self.gate = _thread.allocate_lock()
        self.all = {"a": self.gate}
        self.later = functools.partial(self.gate.acquire, True)

    def __getattr__(self, name):
        assert name.startswith("wide_"), name
        return self.gate

    def get(self):
        return self.gate

    def close(self):
        self.gate.acquire()


class Own(_thread.RLock):
    def acquire(self, *args):
        return super().acquire(*args)


@call("time.sleep")
def module_attribute(locks, long):
    time.sleep(long)


@call("sleep")
def from_import(locks, long):
    sleep(long)


@call("nap")
def local_name(locks, long):
    nap = time.sleep
    nap(long)


@call("locks.gate.acquire")
def method(locks, long):
    locks.gate.acquire()
    locks.gate.release()


@call("locks.gate.acquire")
def keyword(locks, long):
    locks.gate.acquire(timeout=LONG)
    locks.gate.release()


@call("locks.gate.acquire")
def stars(locks, long):
    locks.gate.acquire(*[True], **{"timeout": LONG})
    locks.gate.release()


@call("time.sleep")
def star(locks, long):
    args = [long]
    time.sleep(*args)


@call("locks.get().acquire")
def of_a_call(locks, long):
    locks.get().acquire()
    locks.gate.release()


@call("locks.all[...].acquire")
def of_an_item(locks, long):
    locks.all["a"].acquire()
    locks.gate.release()


@call("locks.gate.__enter__")
def with_statement(locks, long):
    with locks.gate:
        pass


@call("locks.get().__enter__")
def with_in_try(locks, long):
    for _ in range(1):
        try:
            with locks.get() as held, locks.all["a" if held else ""] if long > 2 * LONG else open(os.devnull):
                pass
        finally:
            del locks


@call("locks.later")
def of_a_partial(locks, long):
    locks.later()
    locks.gate.release()


@call("list")
def in_an_iterator(locks, long):
    list(map(time.sleep, [long]))


@call("os.read")
def nested(locks, long):
    if long:
        len(str(os.read(os.pipe()[0], 1)))


@call("pair[...].recv")
def a_socket(locks, long):
    pair = socket.socketpair()
    pair[0].send(b"1") if not long else None
    pair[1].recv(1)
    for one in pair:
        one.close()


@call("select.select")
def selecting(locks, long):
    select.select([], [], [], long)


@call("self._queue.get")
def simple_queue(locks, long):
    class Inbox:
        def __init__(self):
            self._queue = queue.SimpleQueue()

        def take(self):
            return self._queue.get()
    inbox = Inbox()
    if not long:
        inbox._queue.put(1)
    inbox.take()


@call("waiter.acquire")  # of threading.Condition
def an_event(locks, long):
    threading.Event().wait(None if long else 0)


@call("super().acquire")
def of_super(locks, long):
    own = Own()
    if long:
        _thread.start_new_thread(own.acquire, ())
        while own.acquire(False):  # until the other one has it
            own.release()
            time.sleep(0.001)
    own.acquire()


def closure():
    nap = time.sleep

    def free_variable(locks, long):
        nap(long)

    return free_variable


call("nap")(closure())

exec("def wide(locks, long):\n" + "".join("    if long < 0: v%d = locks.wide_%d\n" % (i, i) for i in range(300)) + "    locks.wide_300.acquire()\n"
     "    locks.gate.release()\n")
call("locks.wide_300.acquire")(wide)  # noqa: F821: operands of more than 8 bits


@call(None)
def in_an_iteration(locks, long):
    for _ in map(time.sleep, [long]):
        pass


@call(None)
def of_nothing_named(locks, long):
    [time.sleep][0](long)


@call(None)
def in_python_code(locks, long):
    while long:
        pass


@shape
async def all_calls():
    pool, latch, loop = ThreadPoolExecutor(len(calls), "calls"), Latch(len(calls)), asyncio.get_running_loop()
    kept.append(pool)

    def run(name, function):
        workers[name] = threading.get_native_id()
        locks = Locks()
        for _ in range(WARM):
            function(locks, 0)
        locks.close()
        latch.count_down()
        function(locks, LONG)

    async def wait_for(name, function):
        await loop.run_in_executor(pool, run, name, function)

    for name, (function, leaf) in calls.items():
        start(wait_for(name, function), name, "wait_for", wait={"kind": "executor"}, leaf=leaf, queue_place=None)
    await latch.done
    await asyncio.sleep(0.3)  # that they are at rest is waited for by who looks


@shape
async def handed_over():
    """The pool itself calls them: they are called as they call themselves."""
    taken = _thread.allocate_lock()
    taken.acquire()
    own, loop = ThreadPoolExecutor(8, "handed"), asyncio.get_running_loop()
    kept.append(own)

    async def to_pool(function):
        await loop.run_in_executor(own, function)

    async def to_thread():
        await asyncio.to_thread(time.sleep, LONG)

    later = functools.partial(time.sleep, LONG)
    for name, function, leaf in (("partial", later, "time.sleep"), ("twice", functools.partial(later), "time.sleep"),
                                 ("method", taken.acquire, "lock.acquire"), ("lambda", lambda: sleep(LONG), "sleep")):
        start(to_pool(function), "handed-" + name, "to_pool", wait={"kind": "executor"}, leaf=leaf, queue_place=None)
    if hasattr(asyncio, "to_thread"):
        start(to_thread(), "handed-to-thread", "to_thread", wait={"kind": "executor"}, leaf="time.sleep", queue_place=None)


if __name__ == "__main__":
    aioharness.run()
