# SPDX-License-Identifier: Apache-2.0
"""The Python package as an interpreter under test imports it: its modules beside a distribution's name, below a folder it can see."""
import glob
import os
import re
import shutil

from lib import tool
from lib.program import Program

FIRST = (3, 9)


def version():
    with open(os.path.join(tool.REPOSITORY, "pyproject.toml"), encoding="utf-8") as f:
        return re.search(r'^version *= *"(.*)"', f.read(), re.M).group(1)


def install(here):
    """Puts the package's pure-Python part into a folder."""
    shutil.copytree(os.path.join(tool.REPOSITORY, "ext", "strobe"), os.path.join(here, "strobe"), ignore=shutil.ignore_patterns("__pycache__"))
    metadata = os.path.join(here, "strobe-%s.dist-info" % version())
    os.mkdir(metadata)
    with open(os.path.join(metadata, "METADATA"), "w", encoding="utf-8") as f:
        f.write("Metadata-Version: 2.1\nName: strobe\nVersion: %s\n" % version())


def program(py, env=None):
    """The programs of tests/targets/doors, beside the package without its extension."""
    files = sorted(glob.glob(os.path.join(tool.REPOSITORY, "tests", "targets", "doors", "*.py")))
    made = Program(py, files, [env or {}])
    install(made.here)
    here, made.env["TMPDIR"] = made.path("tmp")
    os.mkdir(here)
    return made
