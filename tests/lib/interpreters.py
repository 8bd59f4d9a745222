# SPDX-License-Identifier: Apache-2.0
"""The CPythons of this machine: found, asked what they are, one of each kind kept.

Looked for on PATH, under pyenv, and in the folders named by STROBE_PYTHONS (colon separated).  Such a folder is an installation
prefix (bin/python3), or the root of a file system of its own, entered with chroot (a virtual environment /v3.14 in it, or
/usr/bin/python3.14), or holds several of either.
"""
import glob
import json
import os
import subprocess
import tempfile

SUPPORTED = [(3, minor) for minor in range(8, 16)]
WANTED = ["3.%d" % minor for _, minor in SUPPORTED] + ["3.14t"]

_ASK = """
import json, os, sys
maps = open("/proc/self/maps").read()
print(json.dumps({
    "version": list(sys.version_info[:3]), "abi": getattr(sys, "abiflags", ""), "executable": os.path.realpath(sys.executable),
    "argv0": sys.executable, "shared": "/libpython" in maps, "implementation": sys.implementation.name,
    "prefix": sys.base_prefix,
}))
"""


class Interpreter:
    """One CPython.  root: "" or the folder to chroot into; executable: as seen inside that root."""

    def __init__(self, facts, executable, root=""):
        self.version = tuple(facts["version"])
        self.minor = self.version[:2]
        self.abi = facts["abi"]
        self.shared = facts["shared"]
        self.prefix = facts["prefix"]
        self.real_executable = facts["executable"]
        self.executable = executable
        self.root = root
        self.id = ""

    @property
    def label(self):
        """ "3.14t": what must have been tested. """
        return "%d.%d%s" % (self.minor + (self.abi,))

    @property
    def free_threaded(self):
        return "t" in self.abi

    @property
    def argv(self):
        return ["chroot", self.root, self.executable] if self.root else [self.executable]

    def workspace(self):
        """A new folder that the interpreter can see: (path here, path as the interpreter sees it)."""
        base = os.path.join(self.root, "tmp") if self.root else None
        here = tempfile.mkdtemp(prefix="strobe-test-", dir=base)
        os.chmod(here, 0o755)
        return here, here[len(self.root):] if self.root else here

    def run(self, *args, **kwargs):
        return subprocess.run(self.argv + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, **kwargs)

    def __repr__(self):
        return self.id or self.executable


def _ask(executable, root=""):
    argv = (["chroot", root, executable] if root else [executable]) + ["-I", "-c", _ASK]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
        facts = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return facts if facts and facts["implementation"] == "cpython" else None


def _executables_of(folder):
    """Executables of an installation prefix or a folder of PATH: (path, root)."""
    names = ["python3"] + ["python3.%d%s" % (minor, abi) for _, minor in [(3, 6), (3, 7)] + SUPPORTED for abi in ("", "t", "d", "td")]
    for name in names:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            yield path, ""


def _named_folder(folder):
    folder = os.path.abspath(folder)
    if os.path.isdir(os.path.join(folder, "usr", "bin")) and os.path.isdir(os.path.join(folder, "etc")):  # a root
        if os.geteuid() != 0:
            return
        for path in sorted(glob.glob(os.path.join(folder, "v3.*", "bin", "python"))):
            yield path[len(folder):], folder
        for _, minor in SUPPORTED:
            for abi in ("", "d"):
                if os.path.exists(os.path.join(folder, "usr/bin/python3.%d%s" % (minor, abi))):
                    yield "/usr/bin/python3.%d%s" % (minor, abi), folder
    elif os.path.isdir(os.path.join(folder, "bin")):
        yield from _executables_of(os.path.join(folder, "bin"))
    elif os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            sub = os.path.join(folder, name)
            if os.path.isdir(os.path.join(sub, "bin")) or os.path.isdir(os.path.join(sub, "usr", "bin")):
                yield from _named_folder(sub)


def _candidates():
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for prefix in sorted(glob.glob(os.path.join(pyenv, "versions", "*"))):
        yield from _executables_of(os.path.join(prefix, "bin"))
    for folder in os.environ.get("STROBE_PYTHONS", "").split(":"):
        if folder:
            yield from _named_folder(folder)
    for folder in os.environ.get("PATH", "").split(":"):
        # a virtual environment's bin has a copy or link of one found elsewhere; pyenv's shims only run what is found above
        if folder and not os.path.exists(os.path.join(folder, "..", "pyvenv.cfg")) and not folder.endswith("/shims"):
            yield from _executables_of(folder)


def find_all():
    """All interpreters, refused versions too: one for each (minor, ABI, shared or static)."""
    asked, kinds = set(), {}
    for executable, root in _candidates():
        real = (root, executable if root else os.path.realpath(executable))
        if real in asked:
            continue
        asked.add(real)
        facts = _ask(executable, root)
        if facts is None or facts["version"][0] != 3:
            continue
        found = Interpreter(facts, executable, root)
        kinds.setdefault((found.minor, found.abi, not found.shared), found)
    plain = set()
    for (minor, abi, static), found in sorted(kinds.items(), key=lambda item: item[0]):
        name = "py%d.%d%s" % (minor + (abi,))
        found.id = name + "-static" if name in plain and static else name
        plain.add(name)
    return [kinds[key] for key in sorted(kinds)]


def find():
    """Those that strobe must read: 3.8 to 3.15."""
    return [one for one in find_all() if one.minor in SUPPORTED]


if __name__ == "__main__":
    for one in find_all():
        print("%-14s %-10s %s%s" % (one.id, ".".join(map(str, one.version)), one.root + ":" if one.root else "", one.executable))
