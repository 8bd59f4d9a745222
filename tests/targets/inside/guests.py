# SPDX-License-Identifier: Apache-2.0
"""strobe is a guest in a program that does what it likes: closes what it does not know, wraps what strobe has wrapped, has other interpreters,
turns metering off.  guests.py CASE"""
import gc
import os
import socket
import sys
import threading
import time

from common import start_thread, tell
from common import until as wait_until

import strobe


def names():
    return {family["name"] for family in strobe.metrics() if family["samples"]}


def same(files):
    """Of (descriptor, what it was): all are still there."""
    return all(os.path.exists("/proc/self/fd/%d" % fd) and os.fstat(fd).st_ino == inode for fd, inode in files)


def closed():
    """As daemons do: all descriptors are closed, and their numbers are others' files."""
    gate = threading.Event()
    threads = [start_thread(gate.wait) for _ in range(5)]
    strobe.meter(max_cpu=0.5)
    recording = strobe.Recording(rate=2000, task_rate=0, order=True)
    recording.start()

    def turn(n):
        return n and turn(n - 1)

    def work(samples):
        end = recording.state()["stats"]["samples"] + samples
        while recording.state()["stats"]["samples"] < end:
            for n in range(30):
                turn(n)

    work(2500)  # so many that some of their order is in the file
    os.closerange(3, 256)
    pairs = [socket.socketpair() for _ in range(12)]
    zeros = []
    for n in range(12):
        zeros.append(open("zeros-%d" % n, "w+b"))
        zeros[-1].write(bytes(1 << 16))
        zeros[-1].flush()
    mine = [(one.fileno(), os.fstat(one.fileno()).st_ino) for pair in pairs for one in pair] + [
        (one.fileno(), os.fstat(one.fileno()).st_ino) for one in zeros]
    looks = strobe.metrics()
    work(3000)
    wait_until(lambda: strobe.metrics() != looks, "readings")
    profile = recording.stop()
    strobe.stop_meter()
    intact = []
    for n, file in enumerate(zeros):
        with open("zeros-%d" % n, "rb") as again:
            intact.append(again.read() == bytes(1 << 16))
    try:
        profile.save("x.speedscope.json")
        order = None
    except RuntimeError as error:
        order = str(error)
    gate.set()
    for thread in threads:
        thread.join()
    tell({"mine": same(mine), "intact": all(intact), "order": order, "seconds": profile.seconds(), "stacks": len(profile.collapsed())})


def wrapped():
    """Somebody wraps what strobe has wrapped, again and again: strobe is in it once, and does nothing when it is not asked to."""
    cls, first = threading.Semaphore, threading.Semaphore.__init__
    for _ in range(3):
        strobe.meter()
        inner = cls.__init__

        def outer(self, *args, _inner=inner, **kwargs):
            _inner(self, *args, **kwargs)

        cls.__init__ = outer
        strobe.stop_meter()
    layers, init = 0, cls.__init__
    while init is not first:
        init = getattr(init, "__wrapped__", None) or init.__kwdefaults__["_inner"]
        layers += 1
    kept = len(strobe._registry._kept)
    quiet = [threading.Semaphore(2) for _ in range(3)]
    silent = len(strobe._registry._kept) == kept
    strobe.meter()
    loud = threading.Semaphore(3)
    tell({"layers": layers, "silent": silent, "again": id(loud) in strobe._registry._kept, "quiet": len(quiet)})


def refused():
    """What watch() does not take is not kept."""
    class Slotted:
        __slots__ = ("value",)

    strobe.meter()
    errors = []
    for how in ({"name": 7}, {"name": "a\0b"}, {"name": "\ud800"}, {"capacity": 10 ** 30}):
        try:
            strobe.watch(Slotted(), **how)
            errors.append(None)
        except (TypeError, ValueError, OverflowError) as error:
            errors.append(type(error).__name__)
    tell({"errors": errors, "kept": [type(one).__name__ for one in strobe._registry._kept.values() if isinstance(one, Slotted)]})


def turned_off():
    """stop_meter(), and children that follow_fork=False leaves out: nobody begins again but the program; and then as it was before."""
    from strobe import _source

    source = _source.ThisProcess()
    strobe.meter(prefix="shop_", follow_fork=False)
    before = names()
    pid = os.fork()
    if not pid:
        os._exit(0 if source.metrics() == [] and source.events() == [] and not has_meter() else 1)
    child = os.waitpid(pid, 0)[1]
    pid = os.fork()
    if not pid:
        os._exit(0 if "shop_active_async_tasks" in names() else 1)  # the program asks itself
    asked = os.waitpid(pid, 0)[1]
    strobe.stop_meter()
    source.begin()
    off = source.metrics() == [] and source.pools() == {"resources": []} and not has_meter()
    again = names()
    tell({"before": "shop_active_async_tasks" in before, "child": child, "asked": asked, "off": off, "again": again == before})


def has_meter():
    comms = []
    for tid in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/comm" % tid) as f:
            comms.append(f.read().strip())
    return "strobe-meter" in comms


def interpreters():
    """In another interpreter, one that shares the GIL, too."""
    try:
        import _interpreters
    except ImportError:
        import _xxsubinterpreters as _interpreters
    read, write = os.pipe()
    try:
        other = _interpreters.create("legacy")
    except TypeError:
        other = _interpreters.create()
    code = """if True:
        import os, strobe
        found = []
        for name in ("meter", "metrics", "start", "dump"):
            try:
                getattr(strobe, name)()
                found.append("none")
            except ImportError:
                found.append("ImportError")
        with strobe.label(request_id="1"):
            found.append("label")
        os.write(%d, " ".join(found).encode())
    """ % write
    run = getattr(_interpreters, "run_string", None) or _interpreters.exec
    run(other, code)
    tell({"found": os.read(read, 4096).decode().split()})


def odd_path():
    """A path that is no UTF-8."""
    import signal

    path = os.fsencode(os.getcwd()) + b"/d\xff.txt"
    strobe.install_signal(signal.SIGUSR2, path)
    os.kill(os.getpid(), signal.SIGUSR2)

    def text():
        with open(path, "rb") as f:
            return f.read()

    wait_until(lambda: text().endswith(b"\n\n"), "the dump")
    tell({"text": b"MainThread" in text()})


def last_values():
    """A worker of a server that has loaded the program beforehand: its last values are written when it ends, whoever ends first."""
    import concurrent.futures

    os.mkdir("metrics")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.path.abspath("metrics")
    import strobe.prometheus

    writer = strobe.prometheus.start_multiprocess(this_process=False, interval=30)
    pid = os.fork()
    if not pid:
        pool = concurrent.futures.ThreadPoolExecutor(1)
        globals()["POOL"] = pool
        pool.submit(time.sleep, 1.5).result()
        counted = [sample["value"] for family in strobe.metrics() if family["name"] == "executor_busy_worker_seconds_total"
                   for sample in family["samples"]]
        with open("known", "w") as f:
            f.write(repr(sum(counted)))
        sys.exit(0)  # as a worker ends: through atexit
    child = os.waitpid(pid, 0)[1]
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    written = sum(sample.value for family in registry.collect() for sample in family.samples
                  if sample.name == "executor_busy_worker_seconds_total")
    with open("known") as f:
        known = float(f.read())
    writer.stop()
    tell({"child": child, "known": known, "written": written})


def manners():
    """What cannot be meant is refused by name; names that are too long are cut, not lost."""
    import strobe.health

    with strobe.sample(rate=1000) as profile:
        with strobe.label(**{"n" * 70: "v", "\xe9" * 40: "w"}):
            end = time.process_time() + 0.1
            while time.process_time() < end:
                pass
    told = []
    for use in (lambda: strobe.install_signal(10, True), lambda: strobe.install_signal(1 << 31), lambda: strobe.install_signal(10, 1 << 40),
                lambda: strobe.uninstall_signal(12.7), lambda: strobe.start(labels=None), lambda: strobe.label(a=1)(3),
                lambda: strobe.label(a=1)(int), lambda: profile.by(3), lambda: strobe.health.Health(checks=3),
                lambda: profile.save("/nowhere/x.svg")):
        try:
            use()
            told.append("nothing")
        except Exception as error:
            told.append("%s: %s" % (type(error).__name__, error))
    tell({"told": told, "labels": [sorted(map(str, profile.by(name))) for name in ("n" * 70, "\xe9" * 40, "\udcff")]})


def references():
    """Much use of everything: how many references to None, True and False there are more afterwards."""
    class Thing:
        pass

    watched = Thing()

    def once():
        with strobe.label(request_id="a"):
            strobe.dump()
            strobe.tasks()
            strobe.pools()
        strobe.watch(watched, name="watched", capacity=3)
        profile = strobe.Profile()
        profile.start()
        profile.stats()
        profile.clear()
        profile.stop()
        profile.threads()
        strobe.start(rate=1000)
        strobe.snapshot()
        strobe.stop()

    once()
    before = [sys.getrefcount(one) for one in (None, True, False)]
    for _ in range(60):
        once()
    gc.collect()
    tell([sys.getrefcount(one) - count for one, count in zip((None, True, False), before)])


if __name__ == "__main__":
    {case.__name__: case
     for case in (closed, wrapped, refused, turned_off, interpreters, odd_path, last_values, manners, references)}[sys.argv[1]]()
