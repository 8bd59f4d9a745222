# SPDX-License-Identifier: Apache-2.0
"""Profiles for the tests of output formats: described here, written by tests/integration/export_demo.c."""
import subprocess

from lib import built

MS = 1000000
START = 5000000000  # monotonic time of a profile's start, ns
A, A2, B = ("a", "/x/t.py", 5, 4), ("a", "/x/t.py", 6, 4), ("b", "/x/t.py", 9, 8)
MAIN, GC = ("<module>", "/x/t.py", 20, 1), ("<GC>", "", 0, 0)

# Names that have broken other people's files.
HOSTILE = [
    "<script>alert(1)</script>", "</text><script>alert(2)</script>", "]]>", "]]></script>", "a\"b'c&d<e>f",
    "&lt;already&gt;", "&#0;", "--><!--",
    "x" * 10000, "\x00\x01\x08\x0b\x1b[31m\x7f\x85", "line\nbreak\r\n\ttab", "u2028\u2028u2029\u2029", "\ufffe\uffff", "\u202eevil\u202c",
    "semi;colon;", "ends in digits 17", "back\\slash\\n", "%s%n{{7*7}}${1}", "\U0001f600 emoji",
    "javascript:alert(3)", "", " ", "'\"><img src=x onerror=alert(4)>",
    "日本語 名前", "</title><rect onload=\"alert(5)\"/>", "__proto__", "constructor",
]
NOT_UTF8 = [b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"ok\x80ok"]


def _hex(text):
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return raw.hex() or "-"


def build_demo():
    """The demo program, built when it is missing or old."""
    built.make("export-demo")
    return built.path("tests/integration/export_demo")


class Profile:
    """Stacks in order of time.  A frame is (name, file, line, first line); no file makes a mark, of a kind when the first line is below 0
    (enum strobe_mark)."""

    def __init__(self, period=10 * MS, title="python app.py"):
        self.period, self.lines = period, ["period %d" % period, "title " + _hex(title)]
        self.frames, self.threads, self.clock = {}, [], {}
        self.adds = []  # (thread, time, ns, stack): what the tests compute their truth from

    def thread(self, name="", pid=100, tid=None, serial=0):
        index = len(self.threads)
        self.threads.append((pid, tid if tid is not None else 1000 + index, name))
        self.lines.append("thread %d %d %d %s" % (pid, self.threads[-1][1], serial, _hex(name)))
        self.clock[index] = START
        return index

    def frame(self, frame):
        if frame not in self.frames:
            self.frames[frame] = len(self.frames)
            name, file, line, first = frame
            self.lines.append("frame %s %s %d %d" % (_hex(name), _hex(file), line, first))
        return self.frames[frame]

    def add(self, thread, ns, *stack):
        """The thread was in this stack (outermost first) for the next ns nanoseconds."""
        ids = [self.frame(frame) for frame in stack]
        self.clock[thread] += ns
        self.adds.append((thread, self.clock[thread], ns, stack))
        self.lines.append("add %d %d %d %d %s" % (thread, self.clock[thread], ns, len(ids), " ".join(map(str, ids))))

    def gap(self, thread, ns):
        self.clock[thread] += ns

    def write(self, demo, fmt, *options):
        done = subprocess.run([demo, fmt] + list(options), input="\n".join(self.lines).encode() + b"\n", stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def mixed():
    """Recursion, two threads, a gap, a line that moves, a mark, weights of whole periods."""
    profile = Profile()
    for frame in [("never sampled", "/x/t.py", 1, 1), GC, B, A]:  # so that ids and order of appearance differ
        profile.frame(frame)
    one, two = profile.thread("MainThread", pid=100, tid=100), profile.thread("pool", pid=100, tid=101)
    profile.add(one, 30 * MS, MAIN, A, B)
    profile.add(one, 20 * MS, MAIN, A, B)
    profile.add(two, 10 * MS, MAIN, B)
    profile.add(one, 10 * MS, MAIN, A2, B, A, A)
    profile.gap(one, 500 * MS)
    profile.add(one, 40 * MS, MAIN, A2, B, A, A)
    profile.add(one, 70 * MS, MAIN)
    profile.add(two, 60 * MS, MAIN, A, B)
    profile.add(one, 10 * MS, MAIN, A, GC)
    profile.add(two, 10 * MS, MAIN, B, A, B, A, B)
    return profile


def hostile():
    """Every hostile name as function, file and thread."""
    profile = Profile(title="python -c '<script>alert(0)</script>' \x1b[0m")
    names = HOSTILE + NOT_UTF8
    for i, name in enumerate(names):
        thread = profile.thread(name.replace("\0", "") if isinstance(name, str) else name.replace(b"\0", b""))
        profile.add(thread, 30 * MS, ("<module>", "app.py", 1, 1), (name, "app.py", 10 + i, 10), ("leaf", name or "f", 7, 3))
    return profile


def service(seconds=30, seed=7):
    """Something like a real service: a loop, a pool, libraries, collections."""
    import random
    rng = random.Random(seed)
    lib = "/usr/lib/python3.12/"
    site = "/srv/venv/lib/python3.12/site-packages/"
    profile = Profile(title="python -m shop.server --port 8080 --workers 4")
    main, boot = profile.thread("MainThread"), ("Thread._bootstrap", lib + "threading.py", 1030, 1010)
    workers = [profile.thread("worker-%d" % i) for i in range(3)]
    base = [("<module>", "/srv/shop/server.py", 88, 1),
            ("main", "/srv/shop/server.py", 71, 60), ("run", lib + "asyncio/runners.py", 194, 160),
            ("BaseEventLoop.run_forever", lib + "asyncio/base_events.py", 641, 610),
            ("BaseEventLoop._run_once", lib + "asyncio/base_events.py", 1987, 1900)]
    handlers = [("checkout", 120, 40), ("search_products", 210, 25), ("render_home", 300, 18), ("health", 340, 2)]
    tails = [
        [("Session.execute", site + "sqlalchemy/orm/session.py", 2308, 2200),
         ("Connection._exec", site + "sqlalchemy/engine/base.py", 1416, 1300),
         ("do_execute", site + "sqlalchemy/engine/default.py", 921, 900)],
        [("Template.render", site + "jinja2/environment.py", 1301, 1290), ("root", "<template>", 14, 1),
         ("escape", site + "markupsafe/__init__.py", 40, 30)],
        [("loads", lib + "json/__init__.py", 346, 299), ("JSONDecoder.decode", lib + "json/decoder.py", 337, 330),
         ("raw_decode", lib + "json/decoder.py", 353, 343)],
        [("score", "/srv/shop/ranking.py", 55, 40), ("cosine", "/srv/shop/ranking.py", 21, 12)],
        [("<GC>", "", 0, 0)],
    ]
    for _ in range(int(seconds * 100)):
        name, line, _weight = rng.choices(handlers, [h[2] for h in handlers])[0]
        stack = base + [("Handle._run", lib + "asyncio/events.py", 88, 80),
                        (name, "/srv/shop/views.py", line + rng.choice([0, 3, 7]), line - 5)]
        stack += rng.choices(tails, [30, 22, 15, 28, 5])[0]
        if rng.random() < 0.25:
            stack = base + [("EpollSelector.select", lib + "selectors.py", 468, 435)]
        profile.add(main, 10 * MS, *stack)
        for worker in workers:
            depth = rng.randrange(2, 9)
            call = [boot, ("Thread._bootstrap_inner", lib + "threading.py", 1073, 1040),
                    ("_worker", lib + "concurrent/futures/thread.py", 90, 70)]
            call += [("walk_tree", "/srv/shop/catalogue.py", 33, 28)] * depth + rng.choices(tails[3:], [9, 1])[0]
            profile.add(worker, 10 * MS, *call)
    return profile
