# SPDX-License-Identifier: Apache-2.0
"""Programs that `import strobe`, on each interpreter: the extension is built for it here, and lies where the interpreter sees it.

One binary serves every CPython from 3.9 on that has a GIL; it is built with the headers of the oldest one at hand.  Free-threaded ones
get their own.
"""
import glob
import os
import shutil
import subprocess
import tempfile

from lib import built, interpreters, program
from lib.target import TARGETS

# As tests/san.mk has them; the interpreter is not built with them, so that their library comes first by LD_PRELOAD.
QUIET = "-Wno-format-truncation -Wno-maybe-uninitialized"  # instrumented code shows gcc less of what is known
SANITIZERS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer " + QUIET
THREADS = "-fsanitize=thread -fno-omit-frame-pointer -Wno-tsan " + QUIET
UNMOVED = ("setarch", "-R")
_built = {}  # build folder -> error text


def _has_headers(py):
    return not py.root and py.run("-c", "import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path('include'), "
                                        "'Python.h')))").returncode == 0


def _can_build(py):
    return py.minor >= (3, 9) and "d" not in py.abi and _has_headers(py)


def _makers():
    """The interpreters to build with: the first one of each kind of binary that has its headers here."""
    kinds = {}
    for py in interpreters.find():
        kind = py.id if py.free_threaded else "abi3"
        if kind not in kinds and _can_build(py):
            kinds[kind] = py
    return list(kinds.values())


def newest_maker():
    """The newest interpreter with a GIL that has its headers here."""
    return max((py for py in interpreters.find() if not py.free_threaded and _can_build(py)), key=lambda py: py.minor)


def build(makers=None, **variables):
    """Builds the extension; the folder to import strobe from.  makers: interpreters whose headers it is built with; variables: of make,
    BUILD and OPT for one."""
    folder = variables.setdefault("BUILD", built.folder())
    if folder not in _built:
        with built.alone():
            done = [built.run("ext", PY=py.executable, **variables) for py in makers or _makers()]
        _built[folder] = "".join(one.stdout[-4000:] for one in done if one.returncode)
    assert not _built[folder], _built[folder]
    return os.path.join(folder, "ext")


def _copy_into(root, folder):
    """A copy below a root of its own, as fresh as the original, with the libraries of this machine that are missing there."""
    here = root + "/tmp/strobe-inside"
    binary, = glob.glob(os.path.join(folder, "strobe", "*.abi3.so"))
    newest = max(os.stat(path).st_mtime_ns for path in glob.glob(os.path.join(folder, "strobe", "*")))
    stamp = os.path.join(here, "stamp-%d-%d" % (os.stat(binary).st_mtime_ns, newest))
    if os.path.exists(stamp):
        return
    new = tempfile.mkdtemp(prefix="strobe-inside-", dir=root + "/tmp")
    shutil.copytree(os.path.join(folder, "strobe"), os.path.join(new, "strobe"))
    os.mkdir(os.path.join(new, "lib"))
    inside = new[len(root):] + "/strobe/" + os.path.basename(binary)
    missing = [line.split()[0] for line in _ldd(["chroot", root, "ldd", inside]) if "not found" in line]
    for line in _ldd(["ldd", binary]):
        words = line.split()
        if words and words[0] in missing:
            shutil.copy(words[2], os.path.join(new, "lib", words[0]))
    open(os.path.join(new, os.path.basename(stamp)), "w").close()
    os.chmod(new, 0o755)
    shutil.rmtree(here, ignore_errors=True)
    os.rename(new, here)


def _ldd(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()


def environment(py, folder=None):
    """What py needs to `import strobe`: of this build, or of one in another folder."""
    folder = folder or build()
    if not py.root:
        return {"PYTHONPATH": folder}
    with built.alone("copies"):
        _copy_into(py.root, folder)
    return {"PYTHONPATH": "/tmp/strobe-inside", "LD_LIBRARY_PATH": "/tmp/strobe-inside/lib"}


def _library_of_gcc(name):
    return subprocess.run(["gcc", "-print-file-name=" + name], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _sanitizer(name, flags, library, options):
    """What run() needs for an interpreter that loads an extension built with flags.  Its memory lies where it would without randomization:
    the sanitizers of gcc 12 die at start where the kernel moves it farther than they reckon with (vm.mmap_rnd_bits above 28)."""
    folder = build(BUILD=built.path(name), OPT="-O1 -g " + flags)
    return {"folder": folder, "env": options, "wrapper": UNMOVED + ("env", "LD_PRELOAD=" + _library_of_gcc(library))}


def sanitized():
    """Options of run(): an extension built with SANITIZERS.  The interpreter's own memory is not ours to look for leaks in."""
    return _sanitizer("san", SANITIZERS, "libasan.so",
                      {"ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:quarantine_size_mb=16"})


def watched():
    """The same for one built with THREADS.  It sees what the extension does: its own threads, locks and words; others' memory is read by the
    kernel.  exitcode: of a process in which it found a race."""
    return _sanitizer("tsan", THREADS, "libtsan.so", {"TSAN_OPTIONS": "exitcode=66"})


class Program(program.Program):
    """A program of tests/targets/inside, with what it needs to import strobe (but with strobe=False).  Its last line on stdout is JSON: facts.

    with Program(py, "fork.py") as program: facts = program.run("many", 1000).  folder: of another build, see environment().
    """

    def __init__(self, py, script, files=(), env=None, python_args=(), folder=None, strobe=True, wrapper=()):
        super().__init__(py, [os.path.join(TARGETS, "inside", script), os.path.join(TARGETS, "inside", "common.py")] + list(files),
                         [environment(py, folder) if strobe else {}, env or {}], python_args, wrapper)


def run(py, script, *args, **kwargs):
    """The facts that a program of tests/targets/inside tells of itself."""
    options = {key: kwargs.pop(key) for key in ("timeout", "status") if key in kwargs}
    with Program(py, script, **kwargs) as one:
        return one.run(*args, **options)
