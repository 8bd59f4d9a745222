# SPDX-License-Identifier: Apache-2.0
"""One thread for each shape of Python stack, each blocked for good at a place that only the shape makes interesting."""
import asyncio
import builtins
import functools
import sys
import threading
import types

import harness

gate = threading.Lock()
gate.acquire()
builtins.strobe_gate = gate  # for code that is made at run time
shapes = {}


def shape(function):
    shapes[function.__name__] = function
    return function


@shape
def plain():
    gate.acquire()


@shape
def recursion(n=40):
    if n:
        return recursion(n - 1)
    gate.acquire()


def generator(n):
    yield n
    if n:
        for x in generator(n - 1):
            yield x
    else:
        gate.acquire()


@shape
def generators():
    for _ in generator(5):
        pass


def delegating(n):
    yield n
    if n:
        yield from delegating(n - 1)
    gate.acquire()


@shape
def yield_from():
    return list(delegating(5))


async def coroutine(n):
    if n:
        return await coroutine(n - 1)
    gate.acquire()


@shape
def coroutines():
    coroutine(7).send(None)


@types.coroutine
def once():
    yield


async def resumed():
    await once()
    async with Manager():
        gate.acquire()


class Manager:
    async def __aenter__(self):
        await once()

    async def __aexit__(self, *args):
        pass


@shape
def resumed_coroutine():
    running = resumed()
    running.send(None)
    running.send(None)
    running.send(None)


async def async_generator():
    yield 1
    gate.acquire()
    yield 2


async def consume():
    async for _ in async_generator():
        pass
    return [x async for x in async_generator()]


@shape
def async_for():
    consume().send(None)


@shape
def async_comprehension():
    async def only():
        return [x async for x in async_generator() if x]
    only().send(None)


@shape
def event_loop():
    async def leaf():
        await asyncio.sleep(0)
        gate.acquire()

    async def root():
        await asyncio.gather(leaf(), asyncio.sleep(0))
    asyncio.run(root())


class Base:
    def method(self):
        self.other(1, 2)

    @classmethod
    def of_class(cls):
        cls.of_none()

    @staticmethod
    def of_none():
        gate.acquire()

    def other(self, *args, **kwargs):
        self.value

    @property
    def value(self):
        self.of_class()


class Derived(Base):
    class Inner:
        def __init__(self):
            super().__init__()
            Derived().method()

    def method(self):
        super().method()


@shape
def methods():
    Derived.Inner()


class Odd:
    def __getattr__(self, name):
        return self + name

    def __add__(self, other):
        return self[other]

    def __getitem__(self, key):
        return self()

    def __call__(self):
        for x in self:
            pass

    def __iter__(self):
        return self

    def __next__(self):
        with self:
            pass

    def __enter__(self):
        pass

    def __exit__(self, *args):
        gate.acquire()


@shape
def operators():
    Odd().missing


class Meta(type):
    def __new__(meta, name, bases, body):
        gate.acquire()


@shape
def class_body():
    class Outer:
        class Nested(metaclass=Meta):
            x = 1


@shape
def lambdas():
    (lambda: (lambda x: gate.acquire())(
        1))()


@shape
def comprehension():
    [
        gate.acquire()
        for _ in range(3)
    ]


@shape
def nested_comprehension():
    return {x: [y for y in range(2) if gate.acquire()] for x in {1, 2}}


@shape
def generator_expression():
    return sum(
        gate.acquire() for _ in range(2))


@shape
def through_c():
    return sorted([1, 2], key=lambda x: functools.reduce(
        lambda a, b: list(map(block_with, [a, b])),
        [1, 2]))


def block_with(x):
    gate.acquire()


def give(*args, **kwargs):
    return args


@shape
def multi_line_call():
    give(
        1,
        give(
            2),
        gate.acquire(),
        give(
            3),
    )


@shape
def multi_line_outer():
    give(
        give(),
    ), block_with(

        2
    ), give(
        4)


@shape
def in_finally():
    try:
        try:
            raise ValueError
        finally:
            gate.acquire()
    except ValueError:
        pass


@shape
def in_except():
    try:
        give().missing
    except AttributeError:
        for _ in [1]:
            while True:
                if gate.acquire():
                    break


@shape
def in_with_exit():
    with Odd():
        x = 1
        del x


def decorator(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(
            *args,
            **kwargs)
    return wrapper


@shape
@decorator
@decorator
def decorated(a=1,
              b=2):
    gate.acquire()


@shape
def closures():
    def one(x):
        def two():
            def three():
                return x, gate.acquire()
            return three()
        return two()
    one(1)


@shape
def from_exec():
    exec("def f():\n    strobe_gate.acquire()\n\n\nf()\n", {})


@shape
def from_eval():
    eval("[f() for f in\n [strobe_gate.acquire]]", {})


@shape
def far_lines():
    # steps of more than 127 lines forward and back, and a first line above 2**16
    text = "\n" * 70000 + "def far():\n    x = 1\n" + "\n" * 400 + "    g(x,\n" + "\n" * 300 + "      strobe_gate.acquire(),\n" + "\n" * 200 + "      x)\n\nfar()\n"
    exec(compile(text, "far/away (1).py", "exec"), {"g": give})


@shape
def long_code():
    # an instruction offset above 2**16, and lines whose code is long
    body = "".join("    x = [%s]\n" % ", ".join("x + %d" % n for n in range(40)) for _ in range(200))
    exec(compile("def long(x):\n    if x == 1: g()\n" + body.replace("x = [", "y = [") + "    strobe_gate.acquire()\n" + body + "\nlong(2)\n",
                 "long.py", "exec"), {"g": give})


@shape
def unicode_names():
    text = "def größe():\n    函数()\ndef 函数():\n    \U00020000()\ndef \U00020000():\n    strobe_gate.acquire()\ngröße()\n"
    exec(compile(text, "dir ectory/ünï-\U0001f600.py", "exec"), {})


@shape
def importing():
    import blocker  # noqa: F401 (made by main)


class Callable(threading.Thread):
    """A thread class with its own run()."""

    def run(self):
        self.body()

    def body(self):
        gate.acquire()


def main():
    with open(sys.path[0] + "/blocker.py", "w") as f:
        f.write("# blocks when it is imported\n\n\ndef block():\n    strobe_gate.acquire()\n\n\nblock()\n")
    threads = [threading.Thread(target=function, name=name, daemon=True) for name, function in shapes.items()]
    threads.append(Callable(name="own run", daemon=True))
    threads.append(threading.Thread(target=plain, name="näme 名前 \U0001f600", daemon=True))
    for thread in threads:
        thread.start()
    harness.serve()
    harness.ready(shapes=[thread.name for thread in threads])
    gate.acquire()


if __name__ == "__main__":
    main()
