# SPDX-License-Identifier: Apache-2.0
"""The process of the recorded images: threads that stand still in known stacks, and what it says of itself.

target.py TRUTH: writes the truth (format: tests/lib/replay.h) and "ready", then waits for the end of stdin.
Every thread waits in `park`, on the line on which it announced itself, so that its stack is the same from then on.
"""
import _thread
import sys
import threading

gate = _thread.allocate_lock()
gate.acquire()
announced = {}


def park():
    announced[_thread.get_ident()].release(); gate.acquire(); gate.release()


def recurse(depth):
    if depth == 0:
        park()
    else:
        recurse(depth - 1)


def generator():
    yield 1
    park()
    yield 2


def through_generator():
    for _ in generator():
        pass


class Parker:
    def __init__(self, then):
        self.then = then

    def method(self):
        return self.static(self)

    @staticmethod
    def static(self):
        return self.cls(self)

    @classmethod
    def cls(cls, self):
        return self.prop

    @property
    def prop(self):
        return self()

    def __call__(self):
        with self:
            pass

    def __enter__(self):
        self.then()

    def __exit__(self, *_):
        pass


def combine(*args, **kwargs):
    return args


def multi_line():
    return combine(
        1,
        combine(
            2,
            3,
        ),
        combine(4, 5,
                *[
                    park()
                    for _ in range(1)
                ]),
        key="value",
    )


def naïve_größe():
    名前()


def 名前():
    callback = lambda _: park()  # noqa: E731
    list(map(callback, [0]))


async def coroutine():
    await inner_coroutine()


async def inner_coroutine():
    park()


def drive():
    coroutine().send(None)


def from_text():
    exec(compile("\n" * 200 + "def late():\n" + "\n" * 300 + "    park()\n" + "late()\n", "<text>", "exec"), {"park": park})


def values(first, second=2, *rest, **named):
    none, yes, no, number, minus, big = None, True, False, 42, -7, 2 ** 60
    ratio, text, raw = 1.5, "text é 字 😀", b"bytes\x00"
    items, pair, mapping = [1, "two", None], (1,), {"key": 1}
    empty, numbers, frozen, nested = set(), {5}, frozenset(("one",)), [[1, (2, {"k": [3]})]]
    circle = []
    circle.append(circle)
    cls, own, function, builtin, huge = int, Parker, combine, len, 2 ** 100
    cell = 99

    def closure():
        return cell
    park()
    return closure, none, yes, no, number, minus, big, ratio, text, raw, items, pair, mapping, empty, numbers, frozen, nested, cls, own, function, builtin, huge


VALUES = ["first", "second", "rest", "named", "none", "yes", "no", "number", "minus", "big", "ratio", "text", "raw", "items", "pair",
          "mapping", "empty", "numbers", "frozen", "nested", "circle", "cls", "own", "function", "builtin", "huge", "cell"]


def class_body():
    class Values:
        in_class = "in a class's body"
        park()
    return Values


CLASS_VALUES = ["in_class"]


def finishing():
    try:
        raise ValueError("expected")
    except ValueError:
        try:
            pass
        finally:
            park()


THREADS = [
    ("recursion", lambda: recurse(25)),
    ("generator", through_generator),
    ("methods", Parker(park).method),
    ("multi-line", multi_line),
    ("unicode ü 字", naïve_größe),
    ("coroutine", drive),
    ("compiled", from_text),
    ("values", lambda: values("one", *range(3), word="w")),
    ("class body", class_body),
    ("finally", finishing),
]


def start(name, function):
    locks = [_thread.allocate_lock(), _thread.allocate_lock()]
    for lock in locks:
        lock.acquire()

    def run():
        announced[_thread.get_ident()] = locks[0]
        function()
    threading.Thread(target=run, name=name, daemon=True).start()
    locks[0].acquire()


def lines_of(thread, frame):
    yield "T\t%d\t%d\t%s" % (thread.ident, getattr(thread, "native_id", 0) or 0, thread.name)
    while frame is not None:
        code = frame.f_code
        yield "F\t%s\t%d\t%d\t%s" % (getattr(code, "co_qualname", code.co_name), frame.f_lineno, code.co_firstlineno, code.co_filename)
        if code.co_name in ("values", "Values"):
            for name in VALUES if code.co_name == "values" else CLASS_VALUES:
                yield "L\t%s\t%r" % (name, frame.f_locals[name])
        frame = frame.f_back


def tell(path):
    frames = sys._current_frames()
    me = sys._getframe(1)
    with open(path, "w", encoding="utf-8") as out:
        for thread in threading.enumerate():
            top = me if thread is threading.current_thread() else frames[thread.ident]
            out.write("\n".join(lines_of(thread, top)) + "\n")
    print("ready", flush=True)


def main():
    for name, function in THREADS:
        start(name, function)
    tell(sys.argv[1]); sys.stdin.buffer.raw.read(1)


main()
