# SPDX-License-Identifier: Apache-2.0
"""The same dump of the same quiet process by py-spy, an independent program, as far as it knows the version."""
import json
import os
import shutil
import subprocess
import sys

import pytest

from lib import tool
from lib.target import Target

PYSPY = os.path.join(os.path.dirname(sys.executable), "py-spy")
if not os.path.exists(PYSPY):
    PYSPY = shutil.which("py-spy")
# Where the program's own account (test_dump.py) is on our side: (version or all, thread).
PEER_IS_WRONG = {
    (None, "long_code"),  # line 0 in a line table of over 4 kB
    ("3.10", "generator_expression"),  # the line before
}


@pytest.mark.skipif(not PYSPY, reason="py-spy is not installed")
def test_same_dump_as_py_spy(py):
    if py.free_threaded:
        pytest.skip("py-spy 0.4.3 does not read free-threaded builds")
    with Target(py, "shapes.py") as target:
        target.settle()
        done = subprocess.run([PYSPY, "dump", "--pid", str(target.pid), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        target.settle()  # py-spy stops every thread; they run for a moment when they are let go
        theirs, ours = json.loads(done.stdout), tool.dump_json(target.pid)
        assert [thread["thread_id"] for thread in ours] == [thread["thread_id"] for thread in theirs], "the same order"
        for their, our in zip(theirs, ours):
            assert our["thread_name"] == their["thread_name"]
            assert (our["active"], our["owns_gil"]) == (their["active"], their["owns_gil"]), our["thread_name"]
            if their["os_thread_id"] is not None:
                assert our["os_thread_id"] == their["os_thread_id"]
            if (py.label, our["thread_name"]) in PEER_IS_WRONG or (None, our["thread_name"]) in PEER_IS_WRONG:
                continue
            # py-spy looks for __init__.py on this side of a chroot
            keys = ("name", "filename", "line") if py.root else ("name", "filename", "short_filename", "line")
            assert [[f[k] for k in keys] for f in our["frames"]] == [[f[k] for k in keys] for f in their["frames"]], our["thread_name"]
