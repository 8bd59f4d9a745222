# SPDX-License-Identifier: Apache-2.0
"""Where the native command of this package is."""
import os
import shutil
import sysconfig


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
