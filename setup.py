# SPDX-License-Identifier: Apache-2.0
"""Builds with make the native strobe, a script of the wheel, and the C extension; everything else is in pyproject.toml.

Which wheel comes of it: from 3.9 on cp39-abi3, one for all that have a GIL; free-threaded ones get their own (cp314-cp314t); for 3.8, from
where strobe can be run and attached only, one without the extension (cp38-none).
"""
import glob
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile

from setuptools import Distribution, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel  # setuptools 70.1 and later
except ImportError:
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:
        bdist_wheel = None  # enough for an sdist

from distutils.command.build_scripts import build_scripts  # setuptools brings it where Python has it no more

HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS = {"jansson.h": "libjansson-dev", "microhttpd.h": "libmicrohttpd-dev", "protobuf-c/protobuf-c.h": "libprotobuf-c-dev",
           "zlib.h": "zlib1g-dev"}
HAS_EXTENSION = sys.version_info >= (3, 9) and sys.implementation.name == "cpython"
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def missing():
    """Debian packages of what the build needs and the machine lacks."""
    tools = (("make", "make"), (compiler()[0], "gcc"), (os.environ.get("PROTOC_C") or "protoc-c", "protobuf-c-compiler"))
    packages = [package for tool, package in tools if not shutil.which(tool)]
    if "gcc" in packages:
        return packages  # headers are looked for by compiling
    for header, package in HEADERS.items():
        found = subprocess.run(compiler() + ["-E", "-x", "c", "-"], input=b"#include <%s>\n" % header.encode(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        if found.returncode:
            packages.append(package)
    if HAS_EXTENSION and not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        packages.append("python3-dev")
    return packages or (["libc6-dev"] if not can_link() else [])


def compiler():
    return (os.environ.get("CC") or "gcc").split()


def can_link():
    with tempfile.TemporaryDirectory() as folder:
        program = b"#include <stdio.h>\nint main(void) { return 0; }\n"
        done = subprocess.run(compiler() + ["-x", "c", "-", "-o", os.path.join(folder, "a.out")], input=program,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def make(folder, *targets):
    """Builds in a folder of its own, whatever make was called with around us."""
    if not sys.platform.startswith("linux"):
        sys.exit("strobe runs on Linux only.")
    packages = missing()
    if packages:
        sys.exit("strobe: this cannot be built without: %s (on Debian: apt-get install %s)" % (", ".join(packages), " ".join(packages)))
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DEVELOPER")}
    command = ["make", "-s", "-j%d" % (os.cpu_count() or 1), "-C", HERE, "BUILD=" + folder, "CC=" + " ".join(compiler())]
    if subprocess.run(command + list(targets), env=env).returncode:
        sys.exit("strobe: the build failed; the compiler's messages are above.")


class BuildNative(build_scripts):
    """The one script of the package is the executable that make builds."""

    def get_source_files(self):
        return []

    def run(self):
        os.makedirs(self.build_dir, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="strobe-build-") as folder:
            make(folder, folder + "/strobe")
            shutil.copy2(os.path.join(folder, "strobe"), os.path.join(self.build_dir, "strobe"))


class BuildExtension(build_ext):
    """strobe._strobe, beside the package's modules."""

    def run(self):
        if not HAS_EXTENSION:
            return
        with tempfile.TemporaryDirectory(prefix="strobe-build-") as folder:
            make(folder, "ext", "PY=" + sys.executable)
            built, = glob.glob(os.path.join(folder, "ext", "strobe", "*.so"))
            target = os.path.join(HERE, "ext", "strobe") if self.inplace else os.path.join(self.build_lib, "strobe")
            os.makedirs(target, exist_ok=True)
            self.built = [os.path.join(target, os.path.basename(built))]
            shutil.copy2(built, self.built[0])

    def get_source_files(self):
        return []

    def get_outputs(self):
        return getattr(self, "built", [])

    def get_output_mapping(self):
        return {}


class Build(build):
    def has_scripts(self):
        return True

    sub_commands = [("build_py", build.has_pure_modules), ("build_ext", has_scripts), ("build_scripts", has_scripts)]


class Sdist(sdist):
    """The sources come from MANIFEST.in; the script does not exist before the build."""

    def _add_defaults_scripts(self):
        pass


class NativeDistribution(Distribution):
    def has_ext_modules(self):
        return True  # the wheel is for one platform


commands = {"build": Build, "build_ext": BuildExtension, "build_scripts": BuildNative, "sdist": Sdist}

if bdist_wheel:

    class Wheel(bdist_wheel):
        def get_tag(self):
            version = "cp%d%d" % sys.version_info[:2]
            abi = ("cp39", "abi3") if not FREE_THREADED else (version, version + "t")
            return (abi if HAS_EXTENSION else (version, "none")) + (super().get_tag()[2],)

    commands["bdist_wheel"] = Wheel

setup(distclass=NativeDistribution, scripts=["strobe"], cmdclass=commands)
