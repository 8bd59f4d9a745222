# SPDX-License-Identifier: Apache-2.0
"""Packages for the interpreters under test: wheels unpacked below the build folder, never into an interpreter.

tests/packages/NAME.txt is what is wanted, every package of it with its version; NAME-3.8.txt instead of it for that version.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

from lib import tool

WANTED = os.path.join(tool.REPOSITORY, "tests", "packages")
_reasons = {}  # folder -> why it is not there


def _requirements(py, name):
    special = os.path.join(WANTED, "%s-%d.%d.txt" % ((name,) + py.minor))
    return special if os.path.exists(special) else os.path.join(WANTED, name + ".txt")


def _install(py, name):
    """The folder with the packages, or None; then _reasons says why."""
    requirements = _requirements(py, name)
    with open(requirements, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()[:12]
    # a debug build loads the wheels of the plain one
    label = "%d.%d%s" % (py.minor + (py.abi.replace("d", ""),))
    folder = os.path.join(tool.REPOSITORY, os.environ.get("BUILD", "build"), "packages", "%s-%s-%s" % (name, label, digest))
    if os.path.isdir(folder) or folder in _reasons:
        return folder
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    new = tempfile.mkdtemp(dir=os.path.dirname(folder))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--no-compile",
         "--implementation", "cp", "--python-version", "%d.%d" % py.minor, "--abi", "cp" + label.replace(".", ""), "--abi", "abi3", "--abi", "none",
         "--target", os.path.join(new, "site"), "-r", requirements], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        _keep(os.path.join(new, "site"), folder)
    else:
        _reasons[folder] = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "pip failed"
    shutil.rmtree(new, ignore_errors=True)
    return folder


def _keep(new, folder):
    """Gives a finished folder its name, unless another run was faster."""
    try:
        os.rename(new, folder)
    except OSError:
        if not os.path.isdir(folder):
            raise


def _seen_from(py, folder):
    """The folder as the interpreter sees it: below its own root there is one copy, which stays there as the build folder does here."""
    if not py.root:
        return folder
    there = os.path.join("/tmp/strobe-packages", os.path.basename(folder))
    here = py.root + there
    if not os.path.isdir(here):
        os.makedirs(os.path.dirname(here), exist_ok=True)
        new = tempfile.mkdtemp(dir=os.path.dirname(here))
        shutil.copytree(folder, os.path.join(new, "site"))
        _keep(os.path.join(new, "site"), here)
        shutil.rmtree(new, ignore_errors=True)
    return there


def find(py, name):
    """(environment with which py imports the packages, None) or (None, why not)."""
    folder = _install(py, name)
    if folder in _reasons:
        return None, "no %s for %s: %s" % (name, py, _reasons[folder])
    env = {"PYTHONPATH": _seen_from(py, folder)}
    with open(_requirements(py, name)) as f:
        main = f.readline().split("==")[0].strip()
    done = py.run("-c", "import " + main, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **env))
    if done.returncode != 0:
        return None, "%s cannot import %s: %s" % (py, name, done.stderr.strip().splitlines()[-1])
    return env, None


def need(py, name):
    """The environment, or the test is skipped with the reason."""
    env, reason = find(py, name)
    if env is None:
        pytest.skip(reason)
    return env
