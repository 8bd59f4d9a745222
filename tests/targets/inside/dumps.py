# SPDX-License-Identifier: Apache-2.0
"""install_signal() where what it writes to, the signal's action, or forks get in its way."""
import ctypes
import os
import signal
import socket
import sys
import threading
import warnings

import strobe
from common import fds, main, start_thread, tell, tids, until

USR2 = signal.SIGUSR2
BIG = 300  # threads with stacks of 20 frames: some 256 KiB of dump, more than a pipe holds


def kill():
    os.kill(os.getpid(), USR2)


def many_threads():
    over = threading.Event()

    def down(n):
        return over.wait() if not n else down(n - 1)

    return over, [start_thread(down, 20, name="deep %d" % i) for i in range(BIG)]


def text_of(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def complete(path, n=1):
    text = text_of(path)
    return text.count("strobe: ") >= n and text.endswith("\n\n")


def has_thread():
    names = []
    for tid in tids():
        try:
            names.append(open("/proc/self/task/%d/comm" % tid).read().strip())
        except OSError:  # the thread has ended meanwhile
            pass
    return "strobe-dump" in names


def own_pipe():
    """A dump that exceeds a pipe, which another thread of this process drains, while the signal is installed and removed again."""
    over, threads = many_threads()
    read, write = os.pipe()
    strobe.install_signal(USR2, write)
    kill()
    got = [os.read(read, 1)]  # it has begun, and cannot end
    strobe.install_signal(USR2, write)
    strobe.install_signal(signal.SIGUSR1, "other.txt")
    strobe.uninstall_signal(signal.SIGUSR1)
    os.close(write)

    def drain():
        while not b"".join(got[-2:]).endswith(b"\n\n") or b"MainThread" not in b"".join(got):
            got.append(os.read(read, 65536))

    start_thread(drain).join()
    text = b"".join(got).decode()
    kill()
    os.read(read, 1)
    removed = strobe.uninstall_signal(USR2)  # with another one that cannot end
    over.set()
    tell({"bytes": len(text), "deep": text.count('"deep '), "dumps": text.count("strobe: "), "removed": removed, "thread": has_thread()})


def forks_meanwhile():
    """The reader of the pipe is the one who forks: both ways, os.fork() and C code's."""
    over, threads = many_threads()
    read, write = os.pipe()
    strobe.install_signal(USR2, write)
    kill()
    got = [os.read(read, 1)]
    before = len(fds())
    libc = ctypes.PyDLL(None)
    left = []
    for fork in (os.fork, libc.fork):
        pid = fork()
        if pid == 0:
            os._exit(before - len(fds()))  # the child has no part in what is being written
        left.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(write)
    while not b"".join(got[-2:]).endswith(b"\n\n"):
        got.append(os.read(read, 65536))
    over.set()
    text = b"".join(got).decode()
    tell({"deep": text.count('"deep '), "dumps": text.count("strobe: "), "left": left})


def warned():
    """The thread rests while Python forks."""
    strobe.install_signal(USR2, "dumps.txt")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pid = os.fork()
        if pid == 0:
            os._exit(0)
    os.waitpid(pid, 0)
    kill()
    until(lambda: complete("dumps.txt"), "the dump")
    tell({"told": [str(each.message) for each in caught]})


def fifo():
    """A path that leads to a FIFO without a reader, then with one; a socket; a terminal's place is taken by /dev/null."""
    os.mkfifo("fifo")
    strobe.install_signal(USR2, "fifo")
    kill()
    strobe.install_signal(USR2, "fifo")
    ours, theirs = socket.socketpair()
    strobe.install_signal(USR2, ours)
    kill()
    by_socket = b""
    while not by_socket.endswith(b"\n\n"):
        by_socket += theirs.recv(65536)
    read = os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(read, True)
    strobe.install_signal(USR2, "fifo")
    kill()
    text = b""
    until(lambda: os.stat("fifo") and has_thread(), "the thread")
    while not text.endswith(b"\n\n"):
        text += os.read(read, 65536)
    tell({"socket": b"MainThread" in by_socket, "fifo": b"MainThread" in text})


def closed():
    """The program closes what it gave: its number becomes another file's."""
    file = open("dumps.txt", "w")
    number = file.fileno()
    strobe.install_signal(USR2, file)
    file.close()
    other = open("other.txt", "w")
    same = other.fileno() == number
    kill()
    until(lambda: complete("dumps.txt"), "the dump")

    def kept():
        return [path for path in fds().values() if path.endswith("dumps.txt")]

    until(lambda: len(kept()) == 1, "the dump, which writes to a descriptor of its own, to close that")
    strobe.uninstall_signal(USR2)
    left = kept()
    # and as daemons do: all that they do not know
    strobe.install_signal(USR2, open("more.txt", "w"))
    os.closerange(3, 64)
    others = [open("other.txt", "a") for _ in range(40)]
    strobe.install_signal(signal.SIGUSR1, "end.txt")
    kill()
    os.kill(os.getpid(), signal.SIGUSR1)
    until(lambda: complete("end.txt"), "the dump of another signal")
    strobe.uninstall_signal(USR2)
    tell({"same": same, "other": text_of("other.txt"), "left": left, "more": text_of("more.txt"), "open": all(os.fstat(f.fileno()) for f in others)})


def late():
    """A signal, and its end before the dump could be begun: none is made, not by the next one in its place either."""
    over, threads = many_threads()
    read, write = os.pipe()
    strobe.install_signal(signal.SIGUSR1, write)
    os.kill(os.getpid(), signal.SIGUSR1)
    first = os.read(read, 1)  # the dump has begun, and waits from now on for room in the pipe
    for _ in range(20):
        strobe.install_signal(USR2, "dumps.txt")
        kill()
        strobe.uninstall_signal(USR2)
    strobe.install_signal(USR2, "stranger.txt")
    while first.count(b"deep ") < BIG or b"MainThread" not in first or not first.endswith(b"\n\n"):
        first += os.read(read, 1 << 16)
    over.set()
    for thread in threads:
        thread.join()
    os.kill(os.getpid(), signal.SIGUSR1)
    second = b""  # which comes behind all that were asked for
    while b"MainThread" not in second or not second.endswith(b"\n\n"):
        second += os.read(read, 1 << 16)
    tell({"dumps": text_of("dumps.txt"), "stranger": text_of("stranger.txt")})


def reset():
    """The program sets the action back, as prefork workers do, and installs it again; another handler is left alone."""
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    strobe.install_signal(USR2, "dumps.txt")
    libc.signal(USR2, None)
    strobe.install_signal(USR2, "dumps.txt")
    kill()
    until(lambda: complete("dumps.txt"), "the dump")
    came = []
    signal.signal(USR2, lambda number, frame: came.append(number))
    removed = strobe.uninstall_signal(USR2)
    kill()
    until(lambda: came, "the program's own handler")
    # installed over each other, each of them calling the other one
    strobe.install_signal(USR2, "dumps.txt", chain=True)
    kill()
    until(lambda: complete("dumps.txt", 2) and len(came) == 2, "both")
    strobe.uninstall_signal(USR2)
    kill()
    until(lambda: len(came) == 3, "the program's own handler")
    tell({"removed": removed, "dumps": text_of("dumps.txt").count("strobe: "), "came": len(came), "thread": has_thread()})


def refused():
    said = []
    for number, file in [(signal.SIGSEGV, "x"), (signal.SIGBUS, "x"), (signal.SIGFPE, "x"), (signal.SIGILL, "x"), (signal.SIGABRT, "x"),
                         (signal.SIGKILL, "x"), (signal.SIGSTOP, "x"), (0, "x"), (-1, "x"), (1000, "x"), (USR2, 999), (USR2, None)]:
        if file is None:
            sys.stderr = None
        try:
            strobe.install_signal(number, file)
            said.append("nothing was raised")
        except (ValueError, RuntimeError, OSError) as error:
            said.append(type(error).__name__)
    sys.stderr = sys.__stderr__
    installed = []
    try:
        for number in range(signal.SIGRTMIN, signal.SIGRTMAX):
            strobe.install_signal(number, "x")
            installed.append(number)
    except RuntimeError:
        said.append("at %d" % len(installed))
    for number in installed:
        strobe.uninstall_signal(number)
    tell({"said": said, "thread": has_thread(), "caught": signal.getsignal(signal.SIGRTMIN) == signal.SIG_DFL})


def first_dumps():
    """Children that look for the first time while the parent does, too, without any recording: nobody has left them a lock."""
    over = threading.Event()

    def dumps():
        while not over.is_set():
            strobe.dump()

    others = [start_thread(dumps) for _ in range(2)]
    strobe.install_signal(USR2, "dumps.txt")
    bad = 0
    libc = ctypes.CDLL(None)
    for i in range(15):
        kill()
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # a child that waits for ever is ended by it
            with strobe.sample(rate=1000):
                strobe.dump()
            os._exit(7)
        bad += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 7
    over.set()
    for thread in others:
        thread.join()
    tell({"bad": bad})


def at_once():
    """Threads that install, remove, ask and fork at the same time."""
    over = threading.Event()
    strobe.is_running()  # imported: a child of a fork in the midst of that waits for a thread that it has not
    signal.signal(USR2, signal.SIG_IGN)

    def installs(number, path):
        while not over.is_set():
            strobe.install_signal(number, path)
            strobe.uninstall_signal(number)

    def asks():
        while not over.is_set():
            strobe.install_signal(USR2, "dumps.txt")
            kill()

    threads = [start_thread(installs, USR2, "dumps.txt"), start_thread(installs, signal.SIGUSR1, "x.txt"), start_thread(asks)]
    bad = 0
    for i in range(100):
        pid = os.fork()
        if pid == 0:
            strobe.install_signal(signal.SIGUSR1, "child.txt")
            strobe.uninstall_signal(signal.SIGUSR1)
            os._exit(5)
        bad += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 5
    over.set()
    for thread in threads:
        thread.join()
    strobe.uninstall_signal(USR2)
    tell({"bad": bad, "thread": has_thread(), "whole": text_of("dumps.txt").count("strobe: ")})


if __name__ == "__main__":
    main({name: function for name, function in list(globals().items()) if callable(function)})
