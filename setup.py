# SPDX-License-Identifier: Apache-2.0
"""Builds the native strobe with make and packs it as a script of the wheel; everything else is in pyproject.toml."""
import os
import shutil
import subprocess
import sys
import tempfile

from setuptools import Distribution, setup
from setuptools.command.build import build
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
HEADERS = {"jansson.h": "libjansson-dev"}


def missing():
    """Debian packages of what the build needs and the machine lacks."""
    packages = [package for tool, package in (("make", "make"), (compiler()[0], "gcc")) if not shutil.which(tool)]
    if packages:
        return packages
    for header, package in HEADERS.items():
        found = subprocess.run(compiler() + ["-E", "-x", "c", "-"], input=b"#include <%s>\n" % header.encode(), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        if found.returncode:
            packages.append(package)
    return packages or (["libc6-dev"] if not can_link() else [])


def compiler():
    return (os.environ.get("CC") or "gcc").split()


def can_link():
    with tempfile.TemporaryDirectory() as folder:
        program = b"#include <stdio.h>\nint main(void) { return 0; }\n"
        done = subprocess.run(compiler() + ["-x", "c", "-", "-o", os.path.join(folder, "a.out")], input=program,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


class BuildNative(build_scripts):
    """The one script of the package is the executable that make builds."""

    def get_source_files(self):
        return []

    def run(self):
        if not sys.platform.startswith("linux"):
            sys.exit("strobe runs on Linux only.")
        packages = missing()
        if packages:
            sys.exit("strobe: this cannot be built without: %s (on Debian: apt-get install %s)" % (", ".join(packages), " ".join(packages)))
        os.makedirs(self.build_dir, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="strobe-build-") as folder:
            env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DEVELOPER")}
            jobs = "-j%d" % (os.cpu_count() or 1)
            command = ["make", "-s", jobs, "-C", HERE, "BUILD=" + folder, "CC=" + " ".join(compiler()), folder + "/strobe"]
            made = subprocess.run(command, env=env)
            if made.returncode:
                sys.exit("strobe: the build failed; the compiler's messages are above.")
            shutil.copy2(os.path.join(folder, "strobe"), os.path.join(self.build_dir, "strobe"))


class Build(build):
    def has_scripts(self):
        return True

    sub_commands = [("build_py", build.has_pure_modules), ("build_scripts", has_scripts)]


class Sdist(sdist):
    """The sources come from MANIFEST.in; the script does not exist before the build."""

    def _add_defaults_scripts(self):
        pass


class NativeDistribution(Distribution):
    def has_ext_modules(self):
        return True  # the wheel is for one platform


commands = {"build": Build, "build_scripts": BuildNative, "sdist": Sdist}

if bdist_wheel:

    class Wheel(bdist_wheel):
        def get_tag(self):
            return "py3", "none", super().get_tag()[2]

    commands["bdist_wheel"] = Wheel

setup(distclass=NativeDistribution, scripts=["strobe"], cmdclass=commands)
