# SPDX-License-Identifier: Apache-2.0
"""Work under labels, timed by its own clocks.

    labelled.py SCENE inside [PROFILE]   records itself (import strobe), prints {"spent": ..., "by": ..., "whole": ...}, writes PROFILE
    labelled.py SCENE                    only works, and prints {"spent": ...}: others record

spent: seconds of work by the label that it ran under ("none" = without).  Work under the label K is done in a function of the name work_K, so
that each stack tells which label it ought to have."""
import asyncio
import collections
import concurrent.futures
import contextlib
import contextvars
import json
import sys
import threading
import time
import types

INSIDE = sys.argv[2:3] == ["inside"]
if INSIDE:
    import strobe
    label = strobe.label
else:
    LABELS = contextvars.ContextVar("strobe_labels")  # what strobe.label() sets, for versions on which strobe cannot be imported

    @contextlib.contextmanager
    def label(**values):
        token = LABELS.set({**LABELS.get({}), **{name: str(value) for name, value in values.items()}})
        try:
            yield
        finally:
            LABELS.reset(token)

spent, stretches = collections.Counter(), collections.Counter()  # seconds of work under each label, and in how many pieces
facts = {}
structlog_request = contextvars.ContextVar("structlog_request_id")


def named(function, name):
    """The same function under another name."""
    names = {"co_name": name, "co_qualname": name} if hasattr(function.__code__, "co_qualname") else {"co_name": name}
    return types.FunctionType(function.__code__.replace(**names), globals(), name)


def work(seconds):
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        pass
    return time.perf_counter() - start


workers = {}


def spin(seconds, key):
    """Works under the label key."""
    key = str(key)
    if key not in workers:
        workers[key] = named(work, "work_" + key)
    stretches[key] += 1
    spent[key] += workers[key](seconds)


def run(coroutine):
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


# ---- scenes ----

async def child(key, seconds):
    spin(seconds, key)
    await asyncio.sleep(seconds)


async def request(n):
    with label(request_id=n, tier="web"):
        await asyncio.ensure_future(named(child, "child_%d" % n)(n, 0.1 * n))
        with label(step="deep"):
            spin(0.1, n)
        if hasattr(asyncio, "to_thread"):
            await asyncio.to_thread(spin, 0.2 + 0.1 * n, n)
    spin(0.1, "none")


def nested():
    async def main():
        for n in (1, 2, 3):
            await asyncio.ensure_future(request(n))
    run(main())


def threads():
    def one(n):
        structlog_request.set("r%d" % n)
        with label(request_id="outer"):
            with label(request_id=n):
                spin(0.2 + 0.1 * n, n)
            spin(0.1, "outer")
        spin(0.1, "none")

    for n in (1, 2, 3):
        thread = threading.Thread(target=one, args=(n,))
        thread.start()
        thread.join()


def pool_of_one():
    """A thread pool whose worker is there: submit() of the first call returns only when the thread runs, and until then nobody waits for the
    call.  Where threads inherit contexts, the worker has this label for ever."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    with label(request_id="first", step="first"):
        pool.submit(int).result()
    return pool


async def calls(loop, pool):
    """Each call of one worker under the label of whoever waits for it, whatever lies between them."""
    with label(request_id="direct"):
        await loop.run_in_executor(pool, spin, 0.3, "direct")
    with label(request_id="gather"):
        await asyncio.gather(*[loop.run_in_executor(pool, spin, 0.15, "gather") for _ in range(2)])
    with label(request_id="levels"):
        async def inner():
            return await asyncio.shield(asyncio.gather(loop.run_in_executor(pool, spin, 0.3, "levels"), asyncio.sleep(0.01)))
        await asyncio.wait_for(inner(), 30)
    with label(request_id="wrapped"):
        await asyncio.wrap_future(pool.submit(spin, 0.3, "wrapped"), loop=loop)
    spin(0.1, "none")
    call = pool.submit(spin, 0.3, "later")  # handed over before there was a label
    with label(request_id="later"):
        await asyncio.wrap_future(call, loop=loop)
    await loop.run_in_executor(pool, spin, 0.3, "none")


def executors():
    with pool_of_one() as pool:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(calls(loop, pool))
        loop.close()


def plain_pool():
    with pool_of_one() as pool:
        for n in (1, 2, 3):
            with label(request_id=n):
                pool.submit(spin, 0.2 + 0.1 * n, n).result()
        pool.submit(spin, 0.3, "none").result(30)


def short_calls():
    """Calls of 1 to 10 ms, one after the other and queued, of three requests that take turns."""
    async def one(loop, pool, n):
        with label(request_id=n):
            for ms in range(1, 11):
                await asyncio.gather(*[loop.run_in_executor(pool, spin, ms / 1000, n) for _ in range(n)])

    async def main(pool):
        loop = asyncio.get_event_loop()
        await asyncio.gather(*[asyncio.ensure_future(one(loop, pool, n)) for n in (1, 2, 3) for _ in range(4)])

    with pool_of_one() as pool:
        run(main(pool))


def spin_there(seconds, key):
    spin(seconds, key)
    return spent.pop(key)


async def calls_elsewhere(pool):
    loop = asyncio.get_event_loop()
    for n in (1, 2):
        with label(request_id=n):
            stretches[str(n)] += 1
            spent[str(n)] += await loop.run_in_executor(pool, spin_there, 0.3 * n, str(n))
    stretches["none"] += 1
    spent["none"] += await loop.run_in_executor(pool, spin_there, 0.3, "none")


def processes():
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(spin_there, 0.5, "begun").result()  # others who record find the worker meanwhile
        run(calls_elsewhere(pool))


def interpreters():
    with concurrent.futures.InterpreterPoolExecutor(1) as pool:
        pool.submit(spin_there, 0.5, "begun").result()
        run(calls_elsewhere(pool))


def structlog():
    import structlog as module

    async def one(n):
        module.contextvars.bind_contextvars(request_id="req-%d" % n, user=n)
        spin(0.1 * n, "req-%d" % n)
        await asyncio.get_event_loop().run_in_executor(None, spin, 0.1 * n, "req-%d" % n)
        module.contextvars.clear_contextvars()
        spin(0.1, "none")

    async def main():
        asyncio.get_event_loop().set_default_executor(pool_of_one())
        for n in (1, 2, 3):
            await asyncio.ensure_future(one(n))
    run(main())


def otel():
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    tracer = trace.get_tracer("test")
    facts["spans"] = {}

    async def one(n):
        with tracer.start_as_current_span("request") as span:
            ids = span.get_span_context()
            key = trace.format_trace_id(ids.trace_id)
            facts["spans"][trace.format_span_id(ids.span_id)] = key
            spin(0.1 * n, key)
            with tracer.start_as_current_span("inner") as inner:
                facts["spans"][trace.format_span_id(inner.get_span_context().span_id)] = key
                await asyncio.get_event_loop().run_in_executor(None, spin, 0.1, key)
        spin(0.1, "none")

    async def main():
        asyncio.get_event_loop().set_default_executor(pool_of_one())
        for n in (1, 2, 3):
            await asyncio.ensure_future(one(n))
    run(main())


class Strange:
    def __repr__(self):
        raise RuntimeError("nobody may call this")

    __str__ = __repr__


HOSTILE = ["x" * 5000000, "line\nbreak\r\t", "]", "a]b=c;d [e", "\u00e9\u20ac\U0001f600", "\ud800 lone", "", "\0nul", 7, -(1 << 200), 1.5, None, True,
           b"bytes", ["list"], Strange()]


def spin_until_seen(key):
    """Works on until a sample was made that began meanwhile: the one after the next, as one may be on its way."""
    first = RECORDING.state()["stats"]["samples"]
    while RECORDING.state()["stats"]["samples"] < first + 2:
        spin(0.01, key)


def hostile():
    variable = contextvars.ContextVar("structlog_request_id")
    plain = contextvars.Context()
    for value in HOSTILE:
        def one():
            variable.set(value)
            spin_until_seen("hostile")
        plain.copy().run(one)
    for n in range(12):
        with label(**{"k%d" % n: HOSTILE[n % 7], "a=b": "c", "]": "[", "": "empty name", "n" * 500: "long name"}):
            spin_until_seen("hostile")


def many():
    """More values than are told apart."""
    with label(other_label="still"):
        for n in range(5000):
            with label(request_id=n):
                spin(0.001, "many")


# ---- recording ----

def main():
    global RECORDING
    scene = globals()[sys.argv[1]]
    if not INSIDE:
        scene()
        print(json.dumps({"spent": spent, "stretches": stretches, "facts": facts}), flush=True)
        return
    rate = 2000 if scene is many else 500
    with strobe.sample(rate=rate, task_rate=100, labels=["structlog_request_id"]) as p:
        RECORDING = p._recording
        scene()
    by, names = {}, ["request_id", "structlog_request_id", "step", "tier", "trace_id", "span_id", "a=b", "a?b", "]", "k1", "k5"]
    for name in ["request_id", "other_label"] if scene is many else names:
        by[name] = [[value, part.seconds(), part.seconds("tasks")] for value, part in p.by(name).items()]
    for path in sys.argv[3:]:
        p.save(path)
    print(json.dumps({"spent": spent, "stretches": stretches, "facts": facts, "samples": p.stats()["samples"], "stats": p.stats(), "by": by, "whole": [p.seconds(), p.seconds("tasks")], "stacks": p.collapsed(),
                      "tasks": p.collapsed("tasks")}), flush=True)


if __name__ == "__main__":
    main()
