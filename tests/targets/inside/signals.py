# SPDX-License-Identifier: Apache-2.0
"""Programs that use signals themselves, in all the ways that there are, while they are recorded."""
import ctypes
import faulthandler
import json
import os
import resource
import signal
import socket
import sys
import threading
import time

import strobe
from common import burn, looked, main, signals, start_thread, tell, tids, until

FREE = [signal.SIGURG, signal.SIGWINCH] + list(range(signal.SIGRTMIN, signal.SIGRTMAX + 1))  # that programs are left to use


def seconds_of(function, rate=1000):
    """Part of the time of function that a recording saw, and whether it was taken on the thread."""
    begun = time.monotonic()
    with strobe.sample(rate=rate) as p:
        function()
    stats = p.stats()
    return {"part": p.seconds() / (time.monotonic() - begun), "visits": stats["visits"], "samples": stats["samples"]}


def all_taken():
    """Every signal that is free has a handler of the program: there is none for strobe, and it says so."""
    came = []
    for number in FREE:
        signal.signal(number, lambda n, frame: came.append(n))
    facts = seconds_of(lambda: burn(0.5))
    strobe.start(rate=500)
    facts["signal"] = strobe.stats()["signal"]
    for number in FREE:
        os.kill(os.getpid(), number)
    burn(0.1)
    strobe.stop()
    tell(dict(facts, came=sorted(came) == FREE))


def all_blocked():
    """Every signal is blocked in all threads, and one thread waits for them: what it gets are the program's alone."""
    signal.pthread_sigmask(signal.SIG_SETMASK, range(1, signal.NSIG))
    got = []

    def waits():
        while True:
            number = signal.sigwait(range(1, signal.NSIG))
            if number == signal.SIGTERM:
                return
            got.append(number)

    thread = start_thread(waits)
    facts = seconds_of(lambda: burn(0.5))
    for _ in range(20):
        os.kill(os.getpid(), signal.SIGUSR1)
        burn(0.005)
    while not got:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGTERM)
    thread.join()
    tell(dict(facts, got=sorted(set(got))))


def one_blocks():
    """A thread blocks all signals later on: it is read without."""
    strobe.start(rate=1000)
    looked(strobe)
    facts = []

    def blocks():
        signal.pthread_sigmask(signal.SIG_SETMASK, range(1, signal.NSIG))
        facts.append(seconds_of(lambda: burn(0.5)))

    thread = start_thread(blocks)
    thread.join()
    strobe.stop()
    tell(facts[0])


def named_like_ours():
    """A program whose threads are called strobe-something, and one of them waits for signals: none of these is taken."""
    libc = ctypes.CDLL(None)
    begun, over = threading.Event(), threading.Event()

    def waits():
        libc.prctl(15, b"strobe-gateway", 0, 0, 0)  # PR_SET_NAME
        signal.pthread_sigmask(signal.SIG_BLOCK, FREE)
        begun.set()
        over.wait()

    thread = start_thread(waits)
    begun.wait()
    with strobe.sample(rate=500) as p:
        number = p._recording.state()["signal"]
        burn(0.1)
    over.set()
    thread.join()
    until(lambda: not os.path.exists("/proc/self/task/%d" % thread.native_id), "the joined thread to be gone")
    strobe.start(rate=100)  # its thread blocks all signals, and is none of the program's
    with strobe.sample(rate=500) as p:
        after = p._recording.state()["signal"]
    tell({"signal": number, "after": after})


def takes_ours():
    """The program installs a handler on the very number that strobe has chosen: it is the program's from then on."""
    came = []
    strobe.start(rate=1000)
    looked(strobe)
    number = strobe.stats()["signal"]
    signal.signal(number, lambda n, frame: came.append(n))
    burn(0.3)
    looked(strobe)
    before = list(came)
    os.kill(os.getpid(), number)
    burn(0.01)
    second = strobe.stats()["signal"]
    stats = strobe.stop().stats()
    tell({"number": number, "second": second, "before": before, "came": came, "visits": stats["visits"],
          "handler": signal.getsignal(number) != signal.SIG_DFL})


def resets_ours():
    """The program sets all signals to their defaults, as daemons do: none of strobe's signals ends it."""
    strobe.start(rate=5000)
    looked(strobe)
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    for _ in range(200):
        for number in FREE:
            libc.signal(number, None)
        burn(0.001)
    tell({"alive": True, "signal": strobe.stats()["signal"]})


def handlers():
    """What the program does with signals goes on as it was: handlers, timers, wake-up descriptors, faulthandler."""
    counts = {"alarm": 0, "usr1": 0, "prof": 0}

    def count(name):
        def handler(number, frame):
            counts[name] += 1
        return handler

    signal.signal(signal.SIGALRM, count("alarm"))
    signal.signal(signal.SIGUSR1, count("usr1"))
    signal.signal(signal.SIGPROF, count("prof"))
    read, write = socket.socketpair()
    read.setblocking(False)
    write.setblocking(False)
    signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
    with open("traces", "w+") as traces:
        faulthandler.register(signal.SIGUSR2, file=traces, all_threads=True, chain=False)
        strobe.start(rate=1000)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        signal.setitimer(signal.ITIMER_PROF, 0.004, 0.004)
        woken, sent = set(), 0
        end = time.monotonic() + 2
        while time.monotonic() < end:
            os.kill(os.getpid(), signal.SIGUSR1)
            sent += 1
            burn(0.01)
            try:
                woken |= set(read.recv(65536))
            except BlockingIOError:
                pass
        os.kill(os.getpid(), signal.SIGUSR2)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        burn(0.01)
        stats = strobe.stop().stats()
        traces.seek(0)
        text = traces.read()
    tell({"counts": counts, "sent": sent, "woken": sorted(woken), "visits": stats["visits"], "samples": stats["samples"],
          "traced": "in handlers" in text, "ours": strobe.is_running()})


def alternate_stack():
    """A thread with little stack: the handler has to do with what there is (or with the alternate one, where one is set)."""
    strobe.is_running()
    threading.stack_size(64 * 1024)
    facts = []
    thread = threading.Thread(target=lambda: facts.append(seconds_of(lambda: burn(0.5))))
    thread.start()
    thread.join()
    tell(facts[0])


def second_interpreter():
    """An interpreter inside the process: its threads are seen; `import strobe` there is refused, in one sentence, or right."""
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    text = "import sys; sys.path[:0] = %r\ntry:\n    import strobe\n    strobe.start(rate=500)\n    said = 'recording'\n    strobe.stop()\n" \
           "except Exception as error:\n    said = type(error).__name__\nopen('said', 'w').write(said)\n" % (sys.path,)
    burns = "import time\nend = time.monotonic() + 0.5\ndef in_second():\n    while time.monotonic() < end: pass\nin_second()\n"
    one = interpreters.create()
    interpreters.run_string(one, text)
    with strobe.sample(rate=500) as p:
        interpreters.run_string(one, burns)
    interpreters.destroy(one)
    tell({"said": open("said").read(), "seen": sum(n for s, n in p.collapsed().items() if "in_second" in s) / 500})


# ---- rights that are gone ----

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_SET_DUMPABLE, SECCOMP_MODE_FILTER = 38, 22, 4, 2
NUMBERS = {"x86_64": (0xC000003E, {"process_vm_readv": 310, "tgkill": 234, "clone": 56, "clone3": 435}),
           "aarch64": (0xC00000B7, {"process_vm_readv": 270, "tgkill": 131, "clone": 220, "clone3": 435})}


def forbid(*names):
    """A filter after which these calls say EPERM."""
    machine, numbers = NUMBERS[os.uname().machine]

    class line(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

    class program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(line))]

    lines = [line(0x20, 0, 0, 0)]  # the number of the call
    for i, name in enumerate(names):
        lines.append(line(0x15, len(names) - i, 0, numbers[name]))
    lines += [line(0x06, 0, 0, 0x7FFF0000), line(0x06, 0, 0, 0x00050001)]  # allow; EPERM
    array = (line * len(lines))(*lines)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program(len(lines), array)), 0, 0) == 0, ctypes.get_errno()


def seccomp(*names):
    """Calls that strobe makes are forbidden: before the recording begins, or (later) while it goes on."""
    later = "later" in names
    names = [name for name in names if name != "later"]
    if later:
        strobe.start(rate=500)
        looked(strobe)
    forbid(*names)
    facts = seconds_of(lambda: burn(0.5))
    if later:
        try:
            facts["first"] = strobe.stop().seconds()
        except RuntimeError as error:
            facts["first"] = str(error)
    tell(facts)


def no_more_threads():
    """The recording behind a snapshot cannot begin: what was gathered until then is given all the same."""
    strobe.start(rate=500)
    burn(0.3)
    forbid("clone", "clone3")
    first = strobe.snapshot().seconds()
    running = strobe.is_running()
    try:
        strobe.snapshot()
        said = "nothing was raised"
    except RuntimeError as error:
        said = str(error)
    tell({"first": first, "running": running, "said": said})


def undumpable():
    """A process that nobody may look into, without rights: its own memory is still its own."""
    strobe.is_running()
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    assert libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    facts = seconds_of(lambda: burn(0.5))
    facts["tasks"] = strobe.tasks()["tasks"]
    facts["threads"] = len(strobe.dump()["threads"])
    tell(facts)


def drops_rights():
    """setuid() while it is recorded."""
    strobe.start(rate=500)
    looked(strobe)
    begun = time.monotonic()
    strobe.snapshot()
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    burn(0.5)
    profile = strobe.stop()
    tell({"part": profile.seconds() / (time.monotonic() - begun), "visits": profile.stats()["visits"], "samples": profile.stats()["samples"]})


if __name__ == "__main__":
    main({name: function for name, function in list(globals().items()) if callable(function)})
