# SPDX-License-Identifier: Apache-2.0
"""The C unit programs, the same under sanitizers, and the fuzzers for a while: rules of the Makefile, one test each."""
import os
import shutil

import pytest

from lib import built

FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "30")


def check(rule, **variables):
    """Of rules whose files are theirs alone, so that no other test waits for their end."""
    done = built.run(rule, **variables)
    assert done.returncode == 0, done.stdout[-20000:]
    return done.stdout


@pytest.mark.timeout(600)
def test_units():
    built.make("units")
    text = check("check-unit")
    assert "FAILED" not in text and "PASSED" in text


@pytest.mark.timeout(900)
def test_units_and_images_under_sanitizers():
    text = check("check-san")
    assert "runtime error" not in text and "AddressSanitizer" not in text


@pytest.mark.timeout(600)
def test_calls_under_thread_sanitizer():
    """What threads do at once with a deterministic profile: tests/unit/test_calls_threads.c."""
    text = check("check-tsan")
    assert "PASSED" in text and "WARNING: ThreadSanitizer" not in text


@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("clang"), reason="no clang, which the fuzzers are built with")
def test_fuzzers():
    check("check-fuzz", FUZZ_SECONDS=FUZZ_SECONDS)


@pytest.mark.skipif(not shutil.which("aarch64-linux-gnu-gcc"), reason="no compiler for aarch64")
@pytest.mark.timeout(600)
def test_aarch64_compiles():
    check("check-aarch64")
