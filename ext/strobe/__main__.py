# SPDX-License-Identifier: Apache-2.0
"""python -m strobe: becomes the native strobe."""
import os
import sys

from strobe import executable

if __name__ == "__main__":
    os.execv(executable(), ["strobe"] + sys.argv[1:])
