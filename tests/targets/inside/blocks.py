# SPDX-License-Identifier: Apache-2.0
"""label() and sample() where blocks end in other contexts, in children, in turns; what a profile is before it is there."""
import asyncio
import gc
import os
import stat
import threading

import strobe
from common import burn, main, start_thread, tell, until


recording = []  # the one that goes on


def work(seconds):
    """Computes for so long, and until it was looked at in there: the recording's thread may have to wait for a CPU."""
    first = recording[-1].state()["stats"]["looks"]
    burn(seconds)
    until(lambda: burn(0.005) and recording[-1].state()["stats"]["looks"] > first + 300 * seconds, "looks")


def in_one(seconds):
    work(seconds)


def in_other(seconds):
    work(seconds)


def in_none(seconds):
    work(seconds)


def parts(function, name="n"):
    """Periods under each label of each of the functions above."""
    with strobe.sample(rate=1000) as p:
        recording.append(p._recording)
        work(0.05)
        function()
        recording.pop()
    found = {str(value): part.collapsed() for value, part in p.by(name).items()}
    return {value: {place: sum(n for stack, n in stacks.items() if place in stack) for place in ("in_one", "in_other", "in_none")}
            for value, stacks in found.items()}


def finalised():
    """An async generator that is left in the midst of its block: its loop ends it, in another context."""
    said = []

    async def steps():
        with strobe.label(n="inside"):
            yield 1

    async def work():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(repr(context.get("exception"))))
        generator = steps()
        await generator.__anext__()
        del generator
        gc.collect()
        await asyncio.sleep(0.01)

    asyncio.run(work())
    tell({"said": said})


def shared():
    """One object, used by two tasks in turns, by itself inside of itself, and ended in another order than begun."""
    one = strobe.label(n="one")

    async def task(first, second):
        with one:
            await asyncio.sleep(first)
            in_one(0.1)
            await asyncio.sleep(second)
        in_none(0.1)

    async def tasks():
        await asyncio.gather(task(0, 0.3), task(0.15, 0))

    def nested():
        with one:
            with one:
                in_one(0.1)
            in_one(0.1)
        in_none(0.1)

    def crossed():
        other = strobe.label(n="other")
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        in_other(0.1)
        other.__exit__(None, None, None)
        in_none(0.1)

    tell({"tasks": parts(lambda: asyncio.run(tasks())), "nested": parts(nested), "crossed": parts(crossed)})


def generators():
    """What a labelled generator does is labelled, what its caller does in between is not; send, throw, return and close go through."""
    went = []

    @strobe.label(n="one")
    def generator():
        """Steps."""
        in_one(0.1)
        got = yield 1
        in_one(0.1)
        try:
            yield got
        except KeyError:
            went.append("thrown")
        try:
            yield 3
        finally:
            went.append("closed")

    @strobe.label(n="one")
    async def asynchronous():
        in_one(0.1)
        got = yield 1
        await asyncio.sleep(0)
        in_one(0.1)
        try:
            yield got
        except KeyError:
            went.append("thrown")
        try:
            yield 3
        finally:
            went.append("closed")

    def returns():
        one = strobe.label(n="x")(ends)()
        next(one)
        try:
            next(one)
        except StopIteration as end:
            went.append(end.value)

    def ends():
        yield 1
        return "returned"

    def use():
        one = generator()
        went.append(next(one))
        in_none(0.1)
        went.append(one.send("sent"))
        went.append(one.throw(KeyError()))
        one.close()
        returns()

    async def use_async():
        one = asynchronous()
        went.append(await one.__anext__())
        in_none(0.1)
        went.append(await one.asend("sent"))
        went.append(await one.athrow(KeyError()))
        await one.aclose()
        async for item in asynchronous():
            break

    sync = parts(use)
    went.append("|")
    tell({"sync": sync, "async": parts(lambda: asyncio.run(use_async())), "went": went, "doc": generator.__doc__})


def figures():
    """Of the parts of a profile: samples add up to the whole's periods."""
    with strobe.sample(rate=1000) as p:
        recording.append(p._recording)
        with strobe.label(n="one"):
            in_one(0.2)
        in_none(0.1)
    found = {str(value): part.stats() for value, part in p.by("n").items()}
    tell({"parts": found, "repr": [repr(part) for part in p.by("n").values()],
          "periods": {str(value): sum(part.collapsed().values()) for value, part in p.by("n").items()}})


def early():
    """A profile that is asked for before it is there; in a child, whose own exception goes through."""
    said = []

    def ask(what):
        try:
            what()
            said.append("nothing was raised")
        except RuntimeError as error:
            said.append(str(error))

    p = strobe.sample()
    ask(p.stats)
    with p:
        ask(p.stats)
        ask(lambda: p.save("x.svg"))
        ask(lambda: p.by("x"))
        said.append(repr(p))
        pid = os.fork()
        if pid == 0:
            try:
                try:
                    with strobe.label(a=1), p:  # begins its own
                        pass
                except RuntimeError:
                    pass
                try:
                    p.__exit__(None, None, None)
                    p.stats()
                except RuntimeError as error:
                    os._exit(0 if "parent" in str(error) or "not recording" in str(error) else 2)
            finally:
                os._exit(3)
        child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    exits = []
    for ending in (SystemExit(9), KeyError("the child's own")):
        pid = None
        try:
            with strobe.sample() as q:
                pid = os.fork()
                if pid == 0:
                    raise ending
        except BaseException as error:
            if pid == 0:
                os._exit(7 if error is ending else 8)
            raise
        exits.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    try:
        strobe.start(labels=list("abcdef"))
        refused = None
    except ValueError as error:
        refused = str(error)
    tell({"said": said, "child": child, "exits": exits, "refused": refused, "repr": repr(p), "q": q.stats()["looks"] >= 0})


def masks():
    """The program's mask is its own while profiles are saved: no file that another thread makes is open to others."""
    os.umask(0o077)
    over = threading.Event()
    with strobe.sample(rate=200) as p:
        burn(0.05)

    def saves():
        while not over.is_set():
            p.save("x.collapsed")

    thread = start_thread(saves)
    modes = set()
    for i in range(20000):
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o666))
        modes.add(stat.S_IMODE(os.stat("f").st_mode))
        os.unlink("f")
    over.set()
    thread.join()
    tell({"modes": sorted(modes), "saved": stat.S_IMODE(os.stat("x.collapsed").st_mode), "left": [n for n in os.listdir(".") if n.startswith(".")]})


if __name__ == "__main__":
    main({name: function for name, function in list(globals().items()) if callable(function)})
