# SPDX-License-Identifier: Apache-2.0
"""Records the images that tests/unit/test_replay*.c replay: make_images.py RECORDER FOLDER [LABEL ...]

For each interpreter found (tests/lib/interpreters.py) two images: of threads, FOLDER/3.12.img (target.py), and of asyncio tasks,
FOLDER/asyncio/3.12.img (aiotarget.py).  --tasks before the labels: only the latter.  Needs root: the target runs in a mount namespace
where its prefix lies at /mnt, with an empty environment, so that an image does not depend on where things lie on this machine.
"""
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from lib import interpreters, procfs  # noqa: E402

APP = "/tmp/app"
MAX_SIZE = 160000
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def forbidden():
    """What must not be found in an image: where this machine keeps things, and its name."""
    words = [os.path.expanduser("~"), os.getcwd(), socket.gethostname(), "/opt/", "/home/", "pyenv"]
    return [word.encode() for word in words if len(word) > 3]


def command(py):
    if py.root:
        return py.argv
    inside = os.path.relpath(py.real_executable, py.prefix)
    assert not inside.startswith(".."), (py.prefix, py.real_executable)
    if py.prefix in ("/usr", "/usr/local"):
        return py.argv
    return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /mnt && shift && exec "$@"', py.prefix, "-", "/mnt/" + inside]


def wait_until_quiet(pid):
    """Until every thread sleeps and none has run between two looks."""
    before = None
    for _ in range(1000):
        now = procfs.run_counts(pid)
        if now == before and all(procfs.state(pid, tid) == "S" for tid in now):
            return
        before = now
        time.sleep(0.01)
    raise SystemExit("the target does not come to rest")


def facts_end(body):
    """Where the facts end and memory begins (format: tests/lib/mem_image.h)."""
    at = 4
    for _ in range(2 * int.from_bytes(body[:4], "little")):
        at += 4 + int.from_bytes(body[at:at + 4], "little")
    return at


def scrub(path):
    """Zeroes, in the recorded memory, what lies beside what was read and says where this machine keeps things.  Nothing that is read
    may be so: the facts are told by the program itself, and the replay compares."""
    with open(path, "rb") as image:
        head, body = image.read(16), zlib.decompress(image.read())
    at = facts_end(body)
    memory = body[at:]
    for word in forbidden():
        if word in body[:at]:
            raise SystemExit("%s says %r" % (path, word))
        memory = memory.replace(word, bytes(len(word)))
    with open(path, "wb") as image:
        image.write(head + zlib.compress(body[:at] + memory, 9))
    if os.path.getsize(path) > MAX_SIZE:
        raise SystemExit("%s: %d bytes" % (path, os.path.getsize(path)))


def record(py, recorder, program, out, *options):
    app = py.root + APP
    truth = app + "/truth"
    shutil.rmtree(app, ignore_errors=True)
    os.makedirs(app)
    shutil.copy(os.path.join(HERE, program), app)
    target = subprocess.Popen(command(py) + ["-I", "-S", "-B", APP + "/" + program, APP + "/truth"], env=ENV, cwd="/",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if target.stdout.readline() != b"ready\n":
            raise SystemExit("the target did not start on %r" % py)
        wait_until_quiet(target.pid)
        subprocess.run([recorder, str(target.pid), truth, out, *options], check=True)
    finally:
        target.stdin.close()
        target.wait()
        shutil.rmtree(app, ignore_errors=True)
    scrub(out)


def main():
    recorder, folder, labels = sys.argv[1], sys.argv[2], sys.argv[3:]
    tasks_only = labels[:1] == ["--tasks"]
    labels = labels[tasks_only:]
    os.makedirs(os.path.join(folder, "asyncio"), exist_ok=True)
    found = {}
    for py in interpreters.find():
        found.setdefault(py.label, py)
    for label in labels or interpreters.WANTED:
        if label in found:
            if not tasks_only:
                record(found[label], recorder, "target.py", os.path.join(folder, label + ".img"))
            record(found[label], recorder, "aiotarget.py", os.path.join(folder, "asyncio", label + ".img"), "tasks")
        else:
            print("no interpreter found for %s" % label)


main()
