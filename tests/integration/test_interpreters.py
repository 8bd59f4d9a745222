# SPDX-License-Identifier: Apache-2.0
"""Names the versions that this machine lacks."""
import os

import pytest

from conftest import FOUND


def test_version_is_here(wanted_label):
    if wanted_label in [py.label for py in FOUND]:
        return
    text = "CPython %s was not found on this machine (PATH, pyenv, STROBE_PYTHONS)" % wanted_label
    if os.environ.get("STROBE_REQUIRE_ALL") == "1":
        pytest.fail(text)
    pytest.skip(text)
