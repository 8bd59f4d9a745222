# SPDX-License-Identifier: Apache-2.0
"""python -m strobe: becomes the native strobe; python -m strobe run PROGRAM: profiles its calls, in this interpreter."""
import os
import sys

from strobe import executable

if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        from strobe import _run

        _run.main(sys.argv[2:])
        sys.exit()
    os.execv(executable(), ["strobe"] + sys.argv[1:])
