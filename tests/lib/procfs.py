# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of a process: the independent source for thread ids, states, tracers."""
import os
import signal


def _status(pid, tid=None):
    path = "/proc/%d/task/%d/status" % (pid, tid) if tid else "/proc/%d/status" % pid
    with open(path, "rb") as f:
        return dict(line.split(":", 1) for line in f.read().decode(errors="replace").splitlines() if ":" in line)


def tids(pid):
    try:
        return sorted(int(name) for name in os.listdir("/proc/%d/task" % pid))
    except FileNotFoundError:
        return []


def state(pid, tid=None):
    """One letter (R, S, D, T, t, Z); "" when it is gone."""
    try:
        return _status(pid, tid)["State"].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def tracer(pid, tid=None):
    return int(_status(pid, tid)["TracerPid"])


def inner_tid(pid, tid):
    """The id of a thread as its own PID namespace has it."""
    return int(_status(pid, tid)["NSpid"].split()[-1])


def run_counts(pid):
    """{tid: how often it was put on a CPU}."""
    counts = {}
    for tid in tids(pid):
        try:
            with open("/proc/%d/task/%d/schedstat" % (pid, tid)) as f:
                counts[tid] = int(f.read().split()[2])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return counts


def children(pid):
    found = []
    for tid in tids(pid):
        try:
            with open("/proc/%d/task/%d/children" % (pid, tid)) as f:
                found += [int(word) for word in f.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def family(pid):
    """A process's children, theirs, and so on."""
    return [one for child in children(pid) for one in [child] + family(child)]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def held(pid):
    """Threads that are stopped or traced: [(tid, state, tracer)]; must be empty when nobody looks any more."""
    found = []
    for tid in tids(pid):
        try:
            what = _status(pid, tid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        letter, by = what["State"].split()[0], int(what["TracerPid"])
        if letter in "Tt" or by:
            found.append((tid, letter, by))
    return found


def comm(pid, tid):
    with open("/proc/%d/task/%d/comm" % (pid, tid)) as f:
        return f.read().rstrip("\n")


def sleeps_until(pid):
    """Is its first thread in clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, ...)?  The number of the call is the machine's."""
    with open("/proc/%d/syscall" % pid) as f:
        words = f.read().split()
    return words[1:3] == ["0x1", "0x1"]
