# SPDX-License-Identifier: Apache-2.0
"""Writes tests/unit/callsite_cases.inc: bytecode made and run by real interpreters, and what it awaited at each place.

    python3 tests/unit/make_callsite_cases.py PYTHON... > tests/unit/callsite_cases.inc

Each PYTHON runs the functions of SOURCE many times (so that their bytecode is specialised) over objects that know by which
expression they were reached: `self.pool.get("a").lock` is an object whose text is "self.pool.get().lock".  What a function awaits
or has entered when it is suspended is therefore told by the objects, not by the bytecode.  A name that a function gives to
something is given by hand: lock = V("lock").
From 3.12 on the functions are run under sys.monitoring too ("events"), and some with line events, which hide opcodes ("lines").
The file is kept in the repository, so that the tests need no interpreter."""
import json
import subprocess
import sys
import zlib

SOURCE = r'''
async def attributes(self, other):
    await self.fut
    await self.a.b.fut
    await self.queue.get()
    await self.a.b.c.queue.put(1)
    await other
    await other.get()
    async with self._lock:
        await self.work()
    async with self.a.b._price_semaphore as held:
        await held_by(self.x, key=other.y).result()
        await self.work(1, key=self.z)

async def names(self):
    await G
    await G.wait()
    await func(self)
    await func(1, x=2)
    await func(self).wait()
    await lib.wait_for(self.queue.get(), timeout=3)
    async with G:
        await G.fut
    async with G.locks.main:
        pass
    async with func("x"):
        await self.a
    lock = V("lock")
    await lock
    await lock.acquire()
    async with lock:
        await lock.cond.wait()
    alias = lock
    method = V("method")
    await method()
    await method(1, 2)
    async with method() as m:
        pass

async def subscripts(self, d, k):
    await d[k]
    await d["a"].get()
    await d[k].x[k + 1].get(d)
    await self.handlers[k](1)
    await self.q[1:2].get()
    async with d[k]:
        async with self.locks["a", 1].lock:
            await self.map[k].fut

async def chains(self):
    await self.pool().acquire()
    await self.pool(1, *[2]).acquire(*[1], **{"x": 1})
    await self.pool.get(1).lock.acquire(x=1)
    await self.get()()
    await (await self.pool.get()).run()
    await self(1)
    await self.fn(*[1, 2])
    await func(*[1, 2])
    await func(**{"a": 1})
    async with self.pool.acquire(timeout=3).ctx():
        await self.nested.call(self.a(1), [x for x in range(2)], {y: 1 for y in range(2)}, *[z for z in range(3)])
    async with await self.factory():
        await self.x

async def arguments(self, flag, other):
    await self.q.put(make(self.x, y=3))
    await self.q.put(self.a if flag else other, flag or other, flag and other)
    await self.q.put(lambda: self, (1, 2), [other, *[1]], {"a": 1, **{}}, f"{self.x!r:>{1}} {other}", not flag, -1, 1 < 2 < 3)
    await lib.gather(self.one(), self.two(), *[func(i) for i in range(3)], return_exceptions=True)
    await self.q.put(
        make(
            self.x,
            y=[
                3,
            ],
        ),
        other.value,
    )
    await self.q.put((walrus := self.x), walrus)
    await self.q.put(await other.get(), (await func()).value)
    async with self.lock_for(other.key, [k for k in range(2)], default=other.x or flag):
        await self.work(x=flag if other else self.y)

async def unnamed(self, flag, other):
    await (V("unknown") if flag else other.b)
    await (V("unknown") or other).get()
    async with (V("unknown") if flag else other):
        await self.in_body
    await [V("unknown"), other][0]
    await {"a": V("unknown")}["a"].y
    await V("V()")
    async with self.named:
        async with (flag and V("unknown")):
            async with G:
                await self.deep

async def nested(self, b):
    async with self.one:
        await self.at1
        async with b.two as t:
            await self.at2
            async with G.three:
                await self.at3
            await self.at4
        await self.at5
    await self.at6

async def sequence(self):
    async with self.one:
        await self.at1
    await self.between
    async with self.two:
        await self.at2
    async with self.one:
        async with self.one:
            await self.twice

async def items(self, a, b):
    async with a, b.lock, self.c as (x, y), G.d:
        await self.at1
    async with a as self.x, b as d[0]:
        await self.at2

async def loops(self, a):
    for i in range(3):
        async with self.one:
            await self.at1
            if i == 0:
                continue
            async with a:
                await self.at2
                if i == 1:
                    break
    while True:
        async with self.two:
            for j in [V("j")]:
                await j.x()
                await self.at3
            break
    else:
        await self.never
    async for item in self.stream(1):
        await self.at4
        async with self.three:
            async for other in a:
                await self.at5

async def returns(self, x):
    for i in range(2):
        async with self.one:
            async with x.two:
                await self.at1
                if i:
                    return (await self.value()).more

async def handlers(self, a):
    try:
        async with self.one:
            try:
                await self.at1
                raise ValueError
            except (KeyError, ValueError) as e:
                await self.at2
                async with a:
                    await self.at3
                    raise KeyError
            finally:
                await self.at4
                async with a.b:
                    await self.at5
    except KeyError:
        await self.at6
        async with a.c:
            await self.at7
    finally:
        async with self.two:
            await self.at8
    try:
        await self.at9
    except ValueError:
        pass
    else:
        async with a:
            await self.at10
    await self.at11

async def finals(self, a):
    for i in range(3):
        try:
            async with self.one:
                if i == 0:
                    continue
                await self.at1
                if i == 2:
                    return self.value
        finally:
            await self.at2
            async with a.lock:
                await self.at3

async def mixed(self, a):
    with self.sync:
        await self.at1
        async with a.one:
            with open_(a) as f, self.sync:
                await self.at2
                await f.read()
            async with self.two:
                await self.at3
        try:
            with self.sync:
                async with a.three:
                    raise ValueError
        except ValueError:
            await self.at4

async def swallowed(self, a):
    async with self.outer:
        async with a.swallow:
            await self.at1
            raise ValueError
        await self.at2

async def comprehensions(self, q):
    [await self.get(x) for x in range(2)]
    x = [await y.g() for y in [V("y")]]
    [z async for z in self.stream()]
    async with self.lock:
        {k: await self.get(k) for k in range(2)}
        await self.q.put([i for i in range(3) if i], [await self.z.get() for i in range(1)])

def closure():
    self = V("self")
    lock = V("lock")
    cell = V("cell")
    def read():
        return cell, other
    async def inside(arg, cellarg):
        await lock
        await lock.acquire()
        own = V("own")
        def deeper():
            return own, cellarg
        async with self.a.b:
            await own.get(arg)
            async with own:
                await cellarg.get()
                async with arg:
                    await lock.cond
    other = 1
    return inside
inside = closure()

def free_and_cell():
    outer = V("outer")
    async def cells(self, cellarg):
        await outer.get()
        async with cellarg.lock:
            own = V("own")
            async with own, outer.x:
                await self.a
                await own
        return lambda: (own, cellarg)
    return cells
cells = free_and_cell()

class Base:
    def close(self, *args):
        return V("super().close()")
    pool = V("super().pool")

class Child(Base):
    def __init__(self):
        self.__private = V("self._Child__private")
        self.plain = V("self.plain")
    async def inherits(self):
        await super().close()
        await super().close(1, 2)
        await super().pool.get()
        await self.__private.get()
        async with super().pool:
            await self.plain

async def patterns(self, v):
    a, *b, c = range(5)
    del a
    x = y = [1, 2, 3]
    x[0] += 1
    x[0:1] = [2]
    a = b if v else c
    assert v, "message"
    import os.path as path
    from os import sep, path as p
    lock, other = V("lock"), V("other")
    lock, other = other, lock
    async with self.locks[x[1] if x else 0].get():
        z = {**{}, "a": 1}
        s = {1, 2, *x}
        t = f"{a}{b!r}{c:>3}"
        del x[0], z["a"]
        await self.after(t, *x, **z)
    class Inner(Base):
        y = 1
    global written
    written = 1
    await self.done

async def yields(self, a):
    async def agen():
        yield 1
    async for i in agen():
        await self.at1
    async with a:
        async for i in agen():
            async with self.lock:
                await self.at2

async def inner_coroutine(a, *args):
    return await a.in_inner

@types.coroutine
def from_generator(a, flag):
    yield from a.legacy()
    yield from (V("unknown") if flag else a)
    yield from a.b.fut

async def delegates(self, a):
    await inner_coroutine(V("a"))
    async with self.lock:
        await inner_coroutine(V("a"), 1, a)
        await self.q.put(await inner_coroutine(V("a")))
        await from_generator(V("a"), a)
        async with a:
            [await inner_coroutine(V("a"), x) for x in [V("x")]]

async def long_method_names(self):
    await self.a_long_attribute_name_of_some_forty_bytes_0.a_long_attribute_name_of_some_forty_bytes_1.method_that_has_a_long_name()
''' + "async def wide(self, n):\n    global %s\n    %s = 1\n    %s = 1\n" % (
    ", ".join("g%d" % i for i in range(300)), " = ".join("g%d" % i for i in range(300)), " = ".join("l%d" % i for i in range(300))) + '''
    late = V("late")
    for i in range(1):
        await self.q299.get()
        async with late.lock299:
            await func299(late, n.x300(late), key=late.x301)
            async with G299:
                await late
                await late.fut299
'''

WORKER = r'''
import ctypes, json, re, sys, types
job = json.loads(sys.stdin.read())
minor = sys.version_info[1]
held, seen = [], {}

class Wait:
    def __init__(self, role, text, result=None, then=None, fail=False):
        self.role, self.text, self.result, self.then, self.fail = role, text, result, then, fail
    def __await__(self):
        note_all(frames_from(sys._getframe(1)), self)
        yield self
        if self.then:
            self.then()
        if self.fail:
            raise StopAsyncIteration
        return self.result

class V:
    def __init__(self, text):
        self._text = text
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__[name] = found = V(self._text + "." + name)
        return found
    def __call__(self, *args, **kwargs):
        return V(self._text + "()")
    def __getitem__(self, key):
        return V(self._text + "[...]")
    def __setitem__(self, key, value):
        pass
    def __add__(self, other):
        return V("unknown")
    def get(self, *args, **kwargs):
        return V(self._text + ".get()")
    def put(self, *args, **kwargs):
        return V(self._text + ".put()")
    def __iter__(self):
        if sys._getframe(1).f_code.co_name == "from_generator":
            return self.__await__()
        return iter((1, 2))
    def __await__(self):
        return Wait("await", self._text, self).__await__()
    def __enter__(self):
        return V("f")
    def __exit__(self, *args):
        return False
    def __aenter__(self):
        held.append(["enter", self._text])
        entry = held[-1]
        return Wait("enter", self._text, self, lambda: entry.__setitem__(0, "body"))
    def __aexit__(self, kind, value, traceback):
        entry = held[-1]
        # An exit function that is called for an exception stays on the stack, but in 3.8.
        if kind is None or minor == 8:
            held.pop()
            return Wait("exit", self._text, self._text.endswith("swallow"))
        entry[0] = "exit"
        return Wait("exit", self._text, self._text.endswith("swallow"), lambda: held.pop())
    def __aiter__(self):
        return Iterator(self._text)

class Iterator:
    def __init__(self, text):
        self.text, self.left = text, 2
    def __anext__(self):
        self.left -= 1
        return Wait("for", self.text, V("item"), None, self.left < 0)

def slots(code):
    if minor < 11:
        return list(code.co_varnames + code.co_cellvars + code.co_freevars)
    names = []
    try:
        while True:
            names.append(code._varname_from_oparg(len(names)))
    except (IndexError, SystemError):
        return names

def describe(code, role, text):
    """ "role kind slot base path method", "-" for what is empty. """
    words = re.findall(r"^\w+|\.\w+|\(\)|\[\.\.\.\]", text)
    assert "".join(words) == text, text
    base, links, method, slot = words[0], words[1:], "-", "-"
    if base == "unknown" or base not in slots(code) + list(code.co_names):
        return role + " none - - - -"
    if role == "await" and links[-1:] == ["()"] and links[-2:-1] and links[-2].startswith("."):
        method = links[-2][1:]
        links = links[:-2]
    if links[:1] == ["()"]:
        kind, links = "call", links[1:]
    elif base in code.co_cellvars + code.co_freevars:
        kind = "deref"
    elif base in code.co_varnames:
        kind = "local"
    else:
        kind = "global"
    if kind in ("local", "deref"):
        names = slots(code)
        slot = str(len(names) - 1 - names[::-1].index(base) if kind == "deref" else names.index(base))
    path = "".join(links)
    return " ".join([role, kind, slot, base, path[1:] if path.startswith(".") else path or "-", method])

def frames_from(frame):
    """Those of SOURCE that await each other, innermost first."""
    frames = []
    while frame is not None and frame.f_code.co_filename == "cases.py":
        frames.append(frame)
        frame = frame.f_back
    return frames

def note_all(frames, wait):
    """The innermost frame is at an await of wait, the others of the function in front."""
    text, role = wait.text, wait.role
    for frame in frames:
        note(frame, role, text)
        role, text = "await", frame.f_code.co_name.strip("<>") + "()"

def note(frame, role, text):
    """A frame is at an await: it runs (up to 3.10 its instruction is another one then) or is suspended."""
    code = frame.f_code
    around = [] if code.co_name != running else [describe(code, *one) for one in reversed(held)]
    key = (code, frame.f_lasti)
    truth = [describe(code, role, text)] + (around if code.co_name == running else ["?"])
    if seen.setdefault(key, truth) != truth:
        seen[key] = ["?"]   # one place, several truths: nobody can tell from it

def drive(function):
    global running
    code = function.__code__
    running = code.co_name
    args = [V(name) for name in code.co_varnames[:code.co_argcount]]
    if code.co_varnames[:1] == ("self",) and running == "inherits":
        args[0] = space["Child"]()
    del held[:]
    coro = function(*args)
    try:
        while True:
            wait = coro.send(None)
            chain, awaited = [], coro
            while awaited is not None and not (hasattr(awaited, "gi_code") and awaited.gi_code is Wait.__await__.__code__):
                chain.append(getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None))
                awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
            if awaited is not None and None not in chain:   # not through an asynchronous generator
                note_all(list(reversed(chain)), wait)
    except StopIteration:
        pass

def raw(code):
    if minor < 11:
        return code.co_code
    return ctypes.string_at(id(code) + type(code).__basicsize__, len(code.co_code))

def collect(kind, only=None):
    """Runs everything, then the code as it is now and what was seen."""
    seen.clear()
    for function in functions:
        if only is None or function.__name__ in only:
            for i in range(job["times"]):
                drive(function)
    out = {}
    for (code, lasti), truth in seen.items():
        out.setdefault(code, {})[lasti] = truth
    first = {}
    for code, sites in out.items():
        resume = -1
        if minor >= 11:
            import dis
            resume = next(i.offset for i in dis.get_instructions(code) if i.opname == "RESUME")
        yield {"name": code.co_name, "kind": kind, "code": raw(code).hex(), "table": getattr(code, "co_exceptiontable", b"").hex(),
               "names": list(code.co_names), "first": resume, "nlocals": code.co_nlocals,
               "locals": slots(code) if minor >= 11 else list(code.co_varnames), "cells": list(code.co_cellvars),
               "frees": list(code.co_freevars), "sites": sorted(sites.items())}

space = {"V": V, "types": types, "G": V("G"), "G299": V("G299"), "func": V("func"), "func299": V("func299"), "lib": V("lib"), "make": V("make"),
         "held_by": V("held_by"), "d": V("d"), "open_": lambda a: V("f")}
exec(compile(job["source"], "cases.py", "exec"), space)
functions = [f for f in space.values() if hasattr(f, "__code__") and f.__code__.co_flags & 0x80 and f.__code__.co_filename == "cases.py"]
functions.remove(space["inner_coroutine"])   # the others' matter
functions.append(space["Child"].inherits)
found = list(collect("plain"))
if minor >= 12:
    events = sys.monitoring.events
    sys.monitoring.use_tool_id(3, "cases")
    names = [n for n in dir(events) if n.isupper() and n not in ("LINE", "INSTRUCTION", "NO_EVENTS", "RAISE", "RERAISE", "C_RAISE",
             "C_RETURN", "PY_UNWIND", "PY_THROW", "EXCEPTION_HANDLED")]
    for name in names:
        sys.monitoring.register_callback(3, getattr(events, name), lambda *args: None)
    mask = 0
    for name in names:
        mask |= getattr(events, name)
    sys.monitoring.set_events(3, mask)
    found += list(collect("events", job["few"]))
    sys.monitoring.register_callback(3, events.LINE, lambda *args: None)
    sys.monitoring.set_events(3, events.LINE)
    found += list(collect("lines", job["few"][:2]))
    sys.monitoring.set_events(3, 0)
json.dump({"minor": minor, "threaded": "t" in getattr(sys, "abiflags", ""), "codes": found}, sys.stdout)
'''

FEW = ["nested", "names", "handlers", "loops"]


def text(value, indent="     "):
    """A C string, cut into lines."""
    parts = [value[i:i + 120] for i in range(0, len(value), 120)] or [""]
    return ("\n" + indent).join('"%s"' % part.replace('"', '\\"') for part in parts)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by make_callsite_cases.py: bytecode of real interpreters, and what it awaited and held where. */")
    index, truths, blobs = [], {}, []
    for number, python in enumerate(sys.argv[1:]):
        job = {"source": SOURCE, "times": 80, "few": FEW}
        done = subprocess.run(python.split() + ["-c", WORKER], input=json.dumps(job), stdout=subprocess.PIPE, universal_newlines=True)
        if done.returncode:
            sys.exit(python + " failed")
        data = json.loads(done.stdout)
        blob = b""
        for count, code in enumerate(data["codes"]):
            name = "sites_%d_%d" % (number, count)
            sites = ["{%d, %d}" % (instr, truths.setdefault("|".join(truth), len(truths))) for instr, truth in code["sites"]]
            print("static const struct site_truth %s[] = {" % name)
            for i in range(0, len(sites), 12):
                print("    %s," % ", ".join(sites[i:i + 12]))
            print("};")
            index.append('    {"3.%d%s %s %s", %d, %d, %d, %d, %d, %d, %d,\n     %s,\n     %s, "%s", "%s", %s, %d},' % (
                data["minor"], "t" if data["threaded"] else "", code["name"], code["kind"], data["minor"], code["first"], code["nlocals"],
                number, len(blob), len(code["code"]) // 2, len(code["table"]) // 2, text(" ".join(code["names"])),
                text(" ".join(code["locals"])), " ".join(code["cells"]), " ".join(code["frees"]), name, len(sites)))
            blob += bytes.fromhex(code["code"] + code["table"])
        blobs.append(blob)
    print("/* What is awaited, then what is held, innermost first: role, base, slot, name, path, method. */")
    print("static const char *const truths[] = {")
    for truth in truths:
        print("    %s," % text(truth))
    print("};")
    print("/* Bytecode and exception tables of one interpreter each: zlib, as hexadecimal digits. */")
    print("static const struct site_blob blobs[] = {")
    for blob in blobs:
        print("    {%d, %s}," % (len(blob), text(zlib.compress(blob, 9).hex())))
    print("};")
    print("static const struct site_case cases[] = {")
    print("\n".join(index))
    print("};")


if __name__ == "__main__":
    main()
