# SPDX-License-Identifier: Apache-2.0
"""What every target program shares: it says when it is ready, tells the truth about itself when asked, ends when stdin closes.

Lines on stdin are commands, each answered by one JSON line on stdout: "truth" (built in) and those given to serve().
Runs on every CPython from 3.8 on; nothing but the standard library.
"""
import json
import mmap
import os
import sys
import threading


def frames_of(frame):
    """[[name, file, line], ...] innermost first, as the interpreter itself sees it."""
    found = []
    while frame is not None:
        code = frame.f_code
        found.append([getattr(code, "co_qualname", code.co_name), code.co_filename, frame.f_lineno])
        frame = frame.f_back
    return found


def truth():
    """Every Python thread but the one that tells.  A thread that C code made has neither name nor native id here."""
    known = {thread.ident: thread for thread in threading.enumerate()}
    threads = []
    for ident, frame in sys._current_frames().items():
        if ident == threading.get_ident():
            continue
        thread = known.get(ident)
        threads.append({
            "ident": ident, "frames": frames_of(frame), "main": thread is threading.main_thread(),
            "name": thread.name if thread else None, "native_id": thread.native_id if thread else None,
        })
    return threads


def say(what):
    """One write, so that lines of several threads never mix."""
    os.write(1, (json.dumps(what) + "\n").encode())


def counter():
    """The file "counter" beside the script, mapped: a native 64-bit integer in which a program counts what it does."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "counter"), "w+b") as f:
        f.truncate(4096)
        return mmap.mmap(f.fileno(), 4096)


def _serve(commands):
    threading.current_thread().strobe_harness = True
    for line in iter(sys.stdin.readline, ""):
        words = line.split()
        try:
            answer = truth() if words[0] == "truth" else commands[words[0]](*words[1:])
        except Exception as error:
            answer = {"error": repr(error)}
        say(answer)
    os._exit(0)


def _failed(*error):
    """A program whose main thread fails ends at once: its other threads would keep it, and whoever waits for it would wait for ever."""
    sys.__excepthook__(*error)
    sys.stderr.flush()
    os._exit(1)


def serve(**commands):
    """Starts to answer; commands are called in the harness's own thread.  Its native id is returned."""
    sys.excepthook = _failed
    thread = threading.Thread(target=_serve, args=(commands,), name="harness", daemon=True)
    thread.start()
    return thread.native_id


def ready(**facts):
    facts["ready"] = True
    facts["pid"] = os.getpid()
    say(facts)
