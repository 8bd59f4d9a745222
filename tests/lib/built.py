# SPDX-License-Identifier: Apache-2.0
"""What tests have make build: one at a time, as several test processes may want the same file."""
import contextlib
import fcntl
import os
import subprocess

from lib import tool


def folder():
    return os.path.join(tool.REPOSITORY, os.environ.get("BUILD") or "build")


def path(name):
    return os.path.join(folder(), name)


@contextlib.contextmanager
def alone(name="make"):
    """No other test process is in here with the same name and build folder."""
    os.makedirs(folder(), exist_ok=True)
    with open(path(".tests-" + name), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*args, **variables):
    """What make says and how it ends.  args: rules and options; variables: of make, BUILD for one."""
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    words = ["%s=%s" % item for item in dict({"BUILD": folder()}, **variables).items()]
    return subprocess.run(["make", "-s", "-j2", "-C", tool.REPOSITORY] + list(args) + words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, env=env, stdin=subprocess.DEVNULL)


def make(*args, **variables):
    with alone():
        done = run(*args, **variables)
    assert done.returncode == 0, done.stdout[-20000:]
    return done.stdout
