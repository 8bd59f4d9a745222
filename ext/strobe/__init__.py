# SPDX-License-Identifier: Apache-2.0
"""strobe: a sampling profiler for CPython that attaches from outside.

The profiler is the native executable `strobe`, which this package brings along; `python -m strobe` runs it.
"""
import importlib.metadata
import os
import shutil
import sysconfig

__all__ = ["__version__", "executable"]

__version__ = importlib.metadata.version("strobe")


def executable():
    """The path of the native strobe that belongs to this package, else of the first one on PATH.

    Raises FileNotFoundError when there is none.
    """
    schemes = [None] + [name for name in sysconfig.get_scheme_names() if name.endswith("_user")]
    for scheme in schemes:
        folder = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        path = os.path.join(folder, "strobe")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("strobe")
    if found is None:
        raise FileNotFoundError("no strobe executable beside this Python or on PATH")
    return found
