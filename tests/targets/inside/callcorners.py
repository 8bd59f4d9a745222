# SPDX-License-Identifier: Apache-2.0
"""Programs in which a deterministic profile meets what is rare: signals, forks, foreign awaitables, ends of threads, limits.  callcorners.py CASE"""
import asyncio
import cProfile
import contextvars
import ctypes
import gc
import importlib.machinery
import json
import marshal
import os
import signal
import sys
import threading
import time
import warnings

from common import main, start_thread, tell, tids, until

import strobe

VALUE = contextvars.ContextVar("request")


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def leaf():
    pass


def rows(profile, **which):
    return {row["name"].rpartition(".")[2]: row for row in profile.stats(**which)}


def counted(row):
    return [row["calls"], row["finished"], row["unfinished"]]


# ---- exceptions that come while something is asked for the profile ----


class Late(BaseException):
    pass


class Slow:
    """A tag that takes its time to say what it is: time in which a signal comes."""

    def __str__(self):
        spin(0.002)
        return "slow"


def interrupt(*_):
    raise Late("too late")


def attempt(seconds, calls):
    """Has what the signal's handler raises come here?"""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        for _ in range(calls):
            leaf()
        return None
    except Late as error:
        return str(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def signals():
    """Time-outs under tags: how many of twenty the program has seen."""
    signal.signal(signal.SIGALRM, interrupt)
    found = {}
    for name, tag, value, calls in (("variable", VALUE, "x", 3000000), ("name", VALUE.name, "x", 3000000), ("text", VALUE, Slow(), 1000)):
        VALUE.set(value)
        with strobe.Profile(tag=tag):
            found[name] = [attempt(0.005, calls) for _ in range(20)]
    tell(found)


# ---- forks ----


def forked():
    """In a child: what is on the stack when a profile begins."""
    def inner(profile):
        with profile:
            leaf()
            return rows(profile)

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        profile = strobe.Profile()
        found = inner(profile)
        os.write(write, json.dumps({"rows": {name: counted(found[name]) for name in ("<module>", "forked", "inner", "leaf")},
                                    "total": found["inner"]["total"],
                                    "same": len(profile.stats(thread=threading.main_thread())) == len(profile.stats()),
                                    "threads": [[one["name"], one["native_id"], one["ended"]] for one in profile.threads()],
                                    "pid": os.getpid()}).encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        facts = json.load(file)
    os.waitpid(pid, 0)
    tell(facts)


# ---- what lives on ----


class Watched:
    def __del__(self):
        dead.append(1)


dead = []


def lifetimes():
    """A local of the function that calls start() dies when that returns."""
    gc.disable()
    profile = strobe.Profile()

    def begins():
        watched = Watched()
        profile.start()
        return watched is None

    found = []
    for _ in range(3):
        begins()
        leaf()
        found.append(len(dead))
        profile.stop()
        leaf()
        found.append(len(dead))
        dead.clear()
    tell({"dead": found})


# ---- threads ----


def one_after_the_other():
    """Threads that have had the same ident, by name, as objects, and in a file."""
    def work(n):
        for _ in range(n):
            leaf()

    threads = []
    with strobe.Profile() as profile:
        for n in (10, 100, 1000):
            threads.append(threading.Thread(target=work, args=(n,), name="worker-%d" % n))
            threads[-1].start()
            threads[-1].join()
    profile.save("threads.json")
    with open("threads.json") as file:
        saved = {one["name"]: {row["name"]: row["calls"] for row in one["functions"]}.get("leaf") for one in json.load(file)["threads"]}
    refused = []
    for wrong in ([], {}, 1.5, True):
        try:
            profile.stats(thread=wrong)
        except TypeError as error:
            refused.append(str(error))
    tell({"saved": saved, "refused": len(refused),
          "objects": {thread.name: rows(profile, thread=thread)["leaf"]["calls"] for thread in threads},
          "names": {thread.name: rows(profile, thread=thread.name)["leaf"]["calls"] for thread in threads},
          "unstarted": len(profile.stats(thread=threading.Thread())), "nobody": len(profile.stats(thread=0))})


def stopped_anywhere():
    """Threads that are in the middle of something when a profile stops: which of those that go on it says have ended."""
    over, wrong, n = threading.Event(), [], 0

    def short():
        for _ in range(200):
            pass

    def goes_on():
        while not over.is_set():
            short()
            time.sleep(0)

    threads = [start_thread(goes_on) for _ in range(10)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        profile = strobe.Profile().start()
        time.sleep(0.0005)
        profile.stop()
        n += 1
        wrong += [counted(row) for name, row in rows(profile).items() if name in ("goes_on", "_bootstrap") and row["finished"]]
    sys.setswitchinterval(before)
    over.set()
    for thread in threads:
        thread.join()
    tell({"wrong": wrong, "n": n})


def destructors():
    """C code runs Python while a thread ends, when that has said that it is over, and another thread has come meanwhile."""
    library, key = ctypes.CDLL(None), ctypes.c_uint()
    is_inside, go = threading.Event(), threading.Event()

    def late():
        leaf()
        is_inside.set()
        go.wait()
        for _ in range(1000):
            leaf()

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    def destructor(value):
        late()

    def first():
        leaf()
        library.pthread_setspecific(key, ctypes.c_void_p(1))

    def second():
        leaf()
        go.set()
        until(lambda: tid not in tids(), "the first thread's end")
        leaf()

    with strobe.Profile() as profile:
        before = threading.Thread(target=leaf)
        before.start()
        before.join()
        library.pthread_key_create(ctypes.byref(key), destructor)
        thread = threading.Thread(target=first, name="first", daemon=True)
        thread.start()
        tid = thread.native_id
        is_inside.wait(10)
        profile.threads()
        thread = threading.Thread(target=second, name="second")
        thread.start()
        thread.join()
    tell({"second": rows(profile, thread="second")["leaf"]["calls"], "all": counted(rows(profile)["leaf"]), "late": counted(rows(profile)["late"])})


def decorated_in_a_handler():
    """A signal's handler calls a decorated function while this thread begins a profile, for which another one that calls it waits."""
    @strobe.profile(save="decorated.json")
    def decorated():
        called.append(threading.current_thread())

    def slowly():
        if threading.current_thread() is threading.main_thread() and not other.is_alive():
            other.start()
            time.sleep(0.2)  # it waits, and nothing can be seen of that
            signal.raise_signal(signal.SIGALRM)
        return real()

    called, other = [], threading.Thread(target=decorated)
    signal.signal(signal.SIGALRM, lambda *_: decorated())
    real, sys._current_frames = sys._current_frames, slowly
    profile = strobe.Profile().start()
    sys._current_frames = real
    profile.stop()
    other.join()
    tell({"called by": sorted(thread is other for thread in called)})


def thrown_with_filter():
    """An exception goes into a generator that was there before a profile which asks for its module."""
    def catches():
        try:
            yield 1
        except ValueError:
            yield "caught"

    sys.modules["__main__"].__spec__ = importlib.machinery.ModuleSpec("some.module", None)
    profiles, generators = [strobe.Profile(filter=which) for which in ("some.module", "some.other", "callcorners")], []
    for profile in profiles:
        generators.append(catches())
        next(generators[-1])
        with profile:
            generators[-1] = generators[-1].throw(ValueError)
            leaf()
    tell({"caught": generators, "leaf": [[row["calls"] for row in profile.stats() if row["name"] == "leaf"] for profile in profiles]})


class Forks:
    """A tag that forks while it is asked."""

    def __str__(self):
        if not forked_by:
            forked_by.append(os.fork())
        return "tag"


forked_by = []


def forked_by_a_tag():
    """The child goes on where its parent was asked: it is as it would be without a profile."""
    def child():
        leaf()
        os._exit(7)

    VALUE.set(Forks())
    pid = os.getpid()
    with strobe.Profile(tag=VALUE) as profile:
        leaf()
        if os.getpid() != pid:
            child()
    tell({"status": os.waitpid(forked_by[0], 0)[1] >> 8, "leaf": counted(rows(profile)["leaf"])})


def current_and_gone():
    """Another thread that has the ident of the one that began the profile, when that has ended."""
    def work(names, begin):
        idents.append(threading.get_ident())
        if begin:
            profiles.append(strobe.Profile(threads="current").start())
        leaf()

    profiles, idents, tries = [], [0, 1], 0
    while idents[-1] != idents[-2] and tries < 100:
        tries += 1
        idents.clear()
        for begin in (True, False):
            thread = threading.Thread(target=work, args=(None, begin))
            thread.start()
            thread.join()
        profiles[-1].stop()
    tell({"same ident": idents[-1] == idents[-2], "leaf": counted(rows(profiles[-1])["leaf"])})


def deep(depth, function):
    return deep(depth - 1, function) if depth else function()


def cost_in_depth():
    cost(2000)


def cost_flat():
    cost(0)


def cost(depth):
    """What an event costs, measured where most of the stack is used, or not."""
    def begin():
        with strobe.Profile() as profile:
            pass
        return profile

    sys.setrecursionlimit(10000)
    profile = deep(depth, begin)
    with profile:
        for _ in range(10000):
            leaf()
    tell({"overhead": profile.totals()["overhead"]})


def read_while_it_begins():
    """Threads read a profile while another one begins it, deep in calls, again and again; and while one forks."""
    def read():
        while not done:
            profile.totals()
            profile.stats()

    def begin():
        profile.start()
        leaf()
        profile.stop()

    def of_child():
        try:
            profile.stats()
            leaf()
            os._exit(5)
        finally:
            os._exit(6)

    done, profile = [], strobe.Profile()
    begin()
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(30):
        deep(20 * n, begin)
    status = []
    warnings.simplefilter("ignore")  # of forks with threads
    for runs in (True, False):
        if runs:
            profile.start()
        for _ in range(30):
            child = os.fork()
            if not child:
                of_child()
            status.append(os.waitpid(child, 0)[1] >> 8)
        profile.stop()
    done.append(1)
    for reader in readers:
        reader.join()
    tell({"leaf": counted(rows(profile)["leaf"]), "status": sorted(set(status))})


def ended_meanwhile():
    """A thread that ends while the profile is stopped has ended when it begins again."""
    begun, go = threading.Event(), threading.Event()

    def work():
        leaf()
        begun.set()
        go.wait()

    profile = strobe.Profile().start()
    thread = threading.Thread(target=work, name="worker")
    thread.start()
    begun.wait()
    profile.stop()
    go.set()
    thread.join()
    until(lambda: thread.native_id not in tids(), "its end")
    profile.start()
    profile.stop()
    tell({one["name"]: one["ended"] for one in profile.threads()})


def ended_afterwards():
    """A thread that ends when the profile has ended."""
    begun, go = threading.Event(), threading.Event()

    def work():
        begun.set()
        go.wait()

    with strobe.Profile() as profile:
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        begun.wait()
    before = {one["name"]: one["ended"] for one in profile.threads()}
    go.set()
    thread.join()
    until(lambda: thread.native_id not in tids(), "its end")
    tell({"before": before, "after": {one["name"]: one["ended"] for one in profile.threads()}})


# ---- what the table and the files say ----


def profile_functions():
    """The program sets profile functions of its own while builtins are counted: their calls are nobody's callers."""
    def busy():
        sum(range(1000))

    def calls_it():
        busy()
        sys.setprofile(lambda *_: None)
        busy()
        sys.setprofile(None)
        busy()
        mine = cProfile.Profile()
        mine.enable()
        busy()
        mine.disable()
        busy()

    with strobe.Profile(builtins=True) as profile:
        calls_it()
    found = rows(profile)
    tell({"busy": counted(found["busy"]), "by": {one["name"].rpartition(".")[2]: one["calls"] for one in found["busy"]["callers"]},
          "lost": profile.totals()["lost"]["builtins_of_threads"]})


class Overrides(dict):
    def get(self, key):
        return super().get(key)


def names_of_builtins():
    """A method of C that a class of Python overrides is still the one of C."""
    first = Overrides(a=1)
    with strobe.Profile(builtins=True) as profile:
        first.get("a")
        for _ in range(10):
            {}.get("b")
    tell({row["name"]: row["calls"] for row in profile.stats() if "get" in row["name"] and row["kind"] == "builtin"})


def no_tag():
    """What has no tag is not what has an empty one; more of them than are told apart are others."""
    with strobe.Profile(tag=VALUE) as profile:
        VALUE.set(None)
        for _ in range(3):
            leaf()
        VALUE.set("")
        leaf()
    empty = counted(rows(profile, tag="")["leaf"])
    with strobe.Profile(tag=VALUE) as profile:
        for n in range(1500):
            VALUE.set("t%d" % n)
            leaf()
    tell({"empty": empty, "lost": profile.totals()["lost"]["tasks_and_tags"], "tags": len(profile.tags()),
          "others": counted(rows(profile, tag="(other)")["leaf"])[0], "all": counted(rows(profile)["leaf"])[0]})


def equal_keys():
    """Functions of one place and name, one in the other, are one in a pstat file, which takes no longer than its caller."""
    def caller():
        return sum(x for x in (spin(0.002) or 1 for _ in range(5)))

    with strobe.Profile() as profile:
        caller()
    profile.save("out.pstat")
    with open("out.pstat", "rb") as file:
        stats = marshal.load(file)
    os.unlink("out.pstat")
    by_name = {key[2].rpartition(".")[2]: value for key, value in stats.items()}
    tell({"caller": by_name["caller"][3], "inner": by_name["<genexpr>"][3], "self": by_name["<genexpr>"][2]})


def warned():
    """What strobe itself calls to warn is not the program's."""
    @strobe.profile(save="out.pstat")
    def inner():
        leaf()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with strobe.Profile() as profile:
            inner()
    tell({"warned": len(caught), "files": sorted({os.path.basename(row["file"]) for row in profile.stats()})})


# ---- what waits ----


class Proxy:
    """What a tracing library puts in the place of a coroutine."""

    def __init__(self, coroutine):
        self.coroutine = coroutine

    def __await__(self):
        return self

    def send(self, value):
        return self.coroutine.send(value)

    def throw(self, *error):
        return self.coroutine.throw(*error)

    def close(self):
        return self.coroutine.close()

    def __iter__(self):
        return self

    def __next__(self):
        return self.coroutine.send(None)

    def __getattr__(self, name):
        return getattr(self.coroutine, name)


class Half(Proxy):
    def __getattr__(self, name):
        if name == "cr_suspended":
            raise AttributeError(name)
        return super().__getattr__(name)


class Closed(Proxy):
    def __getattr__(self, name):
        raise RuntimeError("outside of its context")


def foreign():
    """Tasks that wait through objects of the program's own when a profile begins."""
    async def job():
        await asyncio.sleep(0.02)

    async def waits(kind):
        await kind(job())

    async def under(kind):
        task = asyncio.ensure_future(waits(kind))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with strobe.Profile() as profile:
            await task
            await asyncio.sleep(0.05)
        return counted(rows(profile)["waits"]), rows(profile)["job"]["awaited"] if "job" in rows(profile) else 0.0

    tell({kind.__name__: asyncio.run(under(kind)) for kind in (Proxy, Half, Closed)})


def generators_that_wait():
    """An asynchronous generator that waits when a profile begins."""
    async def numbers():
        await asyncio.sleep(0.1)
        yield 1

    async def consumer():
        return [number async for number in numbers()]

    async def all_():
        task = asyncio.ensure_future(consumer())
        await asyncio.sleep(0.02)
        with strobe.Profile() as profile:
            begun = time.perf_counter()
            await task
            took = time.perf_counter() - begun
        return profile, took

    profile, took = asyncio.run(all_())
    found = rows(profile)
    tell({"took": took, "rows": {name: [found[name]["awaited"], found[name]["self_awaited"], *counted(found[name])] for name in ("consumer", "numbers", "sleep")}})


# ---- limits ----


def beyond():
    """Calls of functions beyond max_functions, and those that are within it, in a tree that is full."""
    def deep(n):
        if n:
            deep(n - 1)
            other(n - 1)

    def other(n):
        if n:
            deep(n - 1)
            other(n - 1)

    def first():
        leaf()

    def second():
        first()

    def works():
        first()
        second()
        spin(0.02)

    def calls():
        works()
        works()

    found = {}
    for name, depth in (("room", 2), ("full", 17)):
        with strobe.Profile(max_functions=8) as profile:
            deep(depth)
            for _ in range(300):
                leaf()
            calls()
        found[name] = {"works": rows(profile)["works"]["self"], "lost": profile.totals()["lost"],
                       "others": rows(profile)["(other functions)"]["calls"], "leaf": "leaf" in rows(profile)}
    tell(found)


def averages():
    """Calls that were there before are among those of which there is an average."""
    def waits(n, seconds):
        if n:
            return waits(n - 1, seconds)
        with profile:
            time.sleep(seconds)
            once()

    def once():
        time.sleep(0.01)

    profile = strobe.Profile()
    waits(3, 0.02)
    found = rows(profile)
    tell({name: [found[name]["average"], found[name]["inclusive"], found[name]["calls"], found[name]["unfinished"]] for name in ("waits", "once")})


def turns():
    """compensate, while other threads have the GIL in turns: what they take is not the profiler's."""
    def work():
        for _ in range(100000):
            leaf()

    VALUE.set("x")
    over = threading.Event()

    def burns():
        while not over.is_set():
            pass

    found = {}
    for others in (0, 3):
        over.clear()
        with strobe.Profile(tag=VALUE, compensate=True, threads="current") as profile:
            threads = [start_thread(burns) for _ in range(others)]
            wall, cpu = time.perf_counter(), time.thread_time()
            work()
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            over.set()
        for thread in threads:
            thread.join()
        found[others] = [wall, cpu, rows(profile)["work"]["total"]]
    tell(found)


def another_tool():
    """Frames are evaluated by a tool of the program's, which comes while strobe steps aside."""
    api = ctypes.pythonapi
    get, put, current = api._PyInterpreterState_GetEvalFrameFunc, api._PyInterpreterState_SetEvalFrameFunc, api.PyInterpreterState_Get
    get.restype = current.restype = ctypes.c_void_p
    get.argtypes, put.argtypes, put.restype = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_void_p], None
    interpreter = current()
    default = get(interpreter)
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    tool = kind(lambda state, frame, throws: kind(default)(state, frame, throws))
    address = ctypes.cast(tool, ctypes.c_void_p).value
    sys.setrecursionlimit(20000)

    def deep(n):
        if n:
            return deep(n - 1)
        put(interpreter, address)

    profile = strobe.Profile().start()
    deep(6000)
    stays = get(interpreter) == address
    put(interpreter, default)
    profile.stop()
    tell({"aside": profile.totals()["lost"]["stacks_too_deep"], "stays": stays})


# ---- files ----


def interrupted_files():
    """Ctrl-C while a file is written, and just after it has its name."""
    with strobe.Profile() as profile:
        leaf()
    real, found = os.replace, {}

    def after(source, target):
        real(source, target)
        raise KeyboardInterrupt

    def before(source, target):
        raise KeyboardInterrupt

    for name, replace in (("after", after), ("before", before)):
        os.replace = replace
        try:
            profile.save(name + ".pstat")
        except BaseException as error:
            found[name] = type(error).__name__
    os.replace = real
    found["files"] = sorted(name for name in os.listdir(".") if name.endswith(".pstat") or name.startswith(".strobe"))
    found["same"] = profile.stats() == profile.stats() and profile.totals() == profile.totals()
    tell(found)


def greenlet_left():
    """A thread that ends while one of its greenlets is suspended."""
    import greenlet

    kept = []

    def waits():
        parents[-1].switch()

    parents = []

    def work():
        parents.append(greenlet.getcurrent())
        kept.append(greenlet.greenlet(waits))
        kept[-1].switch()
        spin(0.02)

    with strobe.Profile() as profile:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        until(lambda: thread.native_id not in tids(), "its end")
        profile.threads()
    row = rows(profile)["waits"]
    tell({"counted": counted(row), "shortest": row["shortest"], "longest": row["longest"], "inclusive": row["inclusive"], "awaited": row["awaited"]})


main({case.__name__: case for case in (signals, forked, lifetimes, one_after_the_other, stopped_anywhere, destructors, decorated_in_a_handler,
                                        thrown_with_filter, forked_by_a_tag, current_and_gone, cost_in_depth, cost_flat, read_while_it_begins,
                                        ended_meanwhile, ended_afterwards, profile_functions, names_of_builtins, no_tag, equal_keys, warned, foreign,
                                        generators_that_wait, beyond, averages, turns, another_tool, interrupted_files, greenlet_left)})
