# SPDX-License-Identifier: Apache-2.0
"""import strobe where it cannot record: the command is found, and the rest says why in one sentence."""
import os

import pytest

from lib import inside


@pytest.mark.versions("3.8")
def test_one_clear_sentence(py):
    if py.minor != (3, 8):
        pytest.skip("there is no 3.8")
    done = py.run("-c", "import strobe; print(strobe.executable.__name__); strobe.start()",
                  env=dict(os.environ, PYTHONPATH=inside.build(), PYTHONDONTWRITEBYTECODE="1"))
    assert done.returncode == 1 and done.stdout == "executable\n"
    assert done.stderr.strip().splitlines()[-1] == "ImportError: " + (
        "strobe records a process from inside from CPython 3.9 on; of 3.8 use the command: strobe record --pid PID")
