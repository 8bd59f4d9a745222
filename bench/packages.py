# SPDX-License-Identifier: Apache-2.0
"""What targets import: the extension, built for their interpreters, and peers from PyPI, unpacked below the build folder."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from launch import HERE, Unavailable

WANTED = {"ddtrace": "ddtrace==4.16.0", "pyinstrument": "pyinstrument==5.1.3", "prometheus_client": "prometheus_client==0.26.0",
          "yappi": "yappi==1.7.6", "viztracer": "viztracer==1.1.1"}


class Packages:
    """Folders for sys.path by interpreter, made when they are first asked for."""

    def __init__(self, build, pythons):
        self.build, self.pythons = build, pythons
        self.made, self.reasons = {}, {}

    def environment(self, shelf, python, names):
        """With what the interpreter finds them.  names: of WANTED, or "strobe".  Raises Unavailable with the reason."""
        path = ":".join(self._seen(shelf, python, self._once(python, name)) for name in names)
        return {"PYTHONPATH": path, "LD_LIBRARY_PATH": path if python.root != "/" else os.environ.get("LD_LIBRARY_PATH", "")}

    def _once(self, python, name):
        # one binary serves all interpreters but free-threaded ones
        key = (name, "t" if "t" in python.abi else "") if name == "strobe" else (name, python.label)
        if key not in self.made and key not in self.reasons:
            try:
                self.made[key] = self._extension(python) if name == "strobe" else self._wheels(python, name)
            except Unavailable as why:
                self.reasons[key] = str(why)
        if key in self.reasons:
            raise Unavailable(self.reasons[key])
        return self.made[key]

    def _extension(self, python):
        """Built for the oldest interpreter that it serves; one in a root folder has no headers that the compiler here would see."""
        fit = [p for p in self.pythons if p.root == "/" and p.minor >= (3, 9) and ("t" in p.abi) == ("t" in python.abi) and "d" not in p.abi]
        if not fit:
            raise Unavailable("the extension: no interpreter to build it for")
        oldest = min(fit, key=lambda p: p.version)
        done = subprocess.run(["make", "-C", os.path.dirname(HERE), "ext", "BUILD=" + self.build, "PY=" + oldest.path],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Unavailable("the extension could not be built for %s: %s" % (oldest, last_line(done.stderr)))
        return os.path.join(self.build, "ext")

    def _wheels(self, python, name):
        folder = os.path.join(self.build, "peers-%s" % python.label, re.sub("[^a-zA-Z0-9.]+", "-", WANTED[name]))
        if os.path.isdir(folder):
            return folder
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        new = tempfile.mkdtemp(dir=os.path.dirname(folder))
        tag = "cp" + python.label.replace(".", "")
        done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:", "--no-compile",
                               "--implementation", "cp", "--python-version", "%d.%d" % python.minor, "--abi", tag, "--abi", "abi3", "--abi", "none",
                               "--root-user-action", "ignore", "--target", new, WANTED[name]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise Unavailable("%s could not be installed: %s" % (WANTED[name], last_line(done.stderr)))
        os.rename(new, folder)
        return folder

    @staticmethod
    def _seen(shelf, python, folder):
        """In a root folder there is a copy for the time of the run, with the libraries of ours that it may lack."""
        if python.root == "/":
            return folder
        name = "%s-%s" % (os.path.basename(folder), python.label)
        if not os.path.isdir(shelf.outside(name)):
            shutil.copytree(folder, shelf.outside(name))
            for extension in glob.glob(os.path.join(folder, "strobe", "_strobe*.so")):
                for library in libraries(extension):
                    shutil.copy(library, shelf.outside(name))
        return shelf.name(name)


def libraries(extension):
    """What it is linked with beside the C library and zlib, which every Python has."""
    told = subprocess.run(["ldd", extension], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return [path for name, path in re.findall(r"(\S+) => (/\S+)", told) if not re.match(r"lib(c|m|z|pthread|dl|rt)\.so", name)]


def last_line(text):
    lines = [line for line in text.decode("utf-8", "replace").split("\n") if line.strip()]
    return lines[-1].strip() if lines else "nothing said"
