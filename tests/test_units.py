# SPDX-License-Identifier: Apache-2.0
"""The C unit programs, the same under sanitizers, and the fuzzers for a while: rules of the Makefile, one test each."""
import os
import shutil
import subprocess

import pytest

from lib.tool import REPOSITORY

FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "30")


def has_rule(rule):
    """Whether the Makefile has it: a dry run that names it as unknown has not."""
    done = make("-n", rule)
    return "No rule to make target '%s'" % rule not in done.stdout


def make(*args):
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    build = os.environ.get("BUILD")
    return subprocess.run(["make", "-C", REPOSITORY] + (["BUILD=" + build] if build else []) + list(args), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=env, stdin=subprocess.DEVNULL)


def check(rule, *args):
    if not has_rule(rule):
        pytest.skip("there is no rule " + rule)
    done = make("-j2", "-s", rule, *args)
    assert done.returncode == 0, done.stdout[-20000:]
    return done.stdout


@pytest.mark.timeout(600)
def test_units():
    text = check("check-unit")
    assert "FAILED" not in text and "PASSED" in text


@pytest.mark.timeout(900)
def test_units_and_images_under_sanitizers():
    text = check("check-san")
    assert "runtime error" not in text and "AddressSanitizer" not in text


@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("clang"), reason="no clang, which the fuzzers are built with")
def test_fuzzers():
    check("check-fuzz", "FUZZ_SECONDS=" + FUZZ_SECONDS)


@pytest.mark.skipif(not shutil.which("aarch64-linux-gnu-gcc"), reason="no compiler for aarch64")
@pytest.mark.timeout(600)
def test_aarch64_compiles():
    check("check-aarch64")
