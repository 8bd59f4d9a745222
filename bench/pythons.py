# SPDX-License-Identifier: Apache-2.0
"""The CPythons of this machine, as the tests find them (tests/lib/interpreters.py: PATH, pyenv, $STROBE_PYTHONS)."""
import importlib.util
import json
import os
import subprocess


def finder():
    """The tests' own module; not imported by name, as tests/ is no package."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "lib", "interpreters.py")
    spec = importlib.util.spec_from_file_location("strobe_tests_interpreters", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Python:
    """An interpreter: path is as seen inside root ("/" = the machine's own)."""

    def __init__(self, path, root, version, abi):
        self.path, self.root, self.version, self.abi = path, root or "/", tuple(version), abi

    def __str__(self):
        return ".".join(map(str, self.version)) + self.abi + (" (in a root folder)" if self.root != "/" else "")

    @property
    def minor(self):
        return self.version[:2]

    @property
    def label(self):
        """ "3.14", "3.14t" """
        return "%d.%d%s" % (self.minor + (self.abi,))

    @property
    def plain(self):
        """Neither free-threaded nor a debug build."""
        return not self.abi


def in_root(root):
    """What to put before a command to run it in a root folder; chroot(1) becomes the command, so the process id is its own."""
    return [] if root == "/" else ["chroot", root]


def find(extra=None):
    """All interpreters; the one at path extra, if given, is the first."""
    found = []
    if extra:
        ask = "import sys, json; print(json.dumps([list(sys.version_info[:3]), getattr(sys, 'abiflags', '')]))"
        try:
            version, abi = json.loads(subprocess.run([extra, "-I", "-c", ask], stdout=subprocess.PIPE, timeout=30).stdout.decode())
        except (OSError, ValueError, subprocess.TimeoutExpired):
            raise SystemExit("bench: %s is no Python that runs" % extra)
        found.append(Python(extra, "/", version, abi))
    return found + [Python(p.executable, p.root, p.version, p.abi) for p in finder().find_all()]
