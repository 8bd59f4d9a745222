# SPDX-License-Identifier: Apache-2.0
"""python -m strobe: becomes the native strobe; python -m strobe run PROGRAM: profiles its calls, in this interpreter."""
import os
import sys

from strobe import executable

if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        if sys.hexversion < 0x3090000:
            sys.exit("strobe: run needs CPython 3.9 or later")
        from strobe import _run

        _run.main(sys.argv[2:])
        sys.exit()
    os.execv(executable(), ["strobe"] + sys.argv[1:])
