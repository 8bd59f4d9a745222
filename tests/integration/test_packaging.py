# SPDX-License-Identifier: Apache-2.0
"""pip install: as a wheel and from an sdist, the native strobe is on PATH and the Python package is there; the wheels that serve each
interpreter."""
import glob
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from lib import interpreters, tool

pytestmark = [pytest.mark.skipif(not os.path.exists(os.path.join(tool.REPOSITORY, "setup.py")), reason="there is no setup.py"),
              pytest.mark.few]  # each of them builds all of it


def call(*argv, **kwargs):
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON") and key not in ("BUILD", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "STROBE")}
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, env=env, **kwargs)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What is under version control, so that nothing built lies about."""
    folder = tmp_path_factory.mktemp("source")
    names = subprocess.run(["git", "-C", tool.REPOSITORY, "ls-files", "-z"], stdout=subprocess.PIPE)
    if names.returncode == 0 and names.stdout:
        for name in names.stdout.decode().split("\0"):
            path = os.path.join(tool.REPOSITORY, name)
            if name and os.path.isfile(path):
                os.makedirs(os.path.dirname(folder / name), exist_ok=True)
                shutil.copy2(path, folder / name)
    else:
        shutil.copytree(tool.REPOSITORY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("build", ".git", "dist", "__pycache__"))
    return folder


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_pip_install(kind, source, tmp_path):
    if kind == "wheel":
        call(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path / "dist", source)
        package, = glob.glob(str(tmp_path / "dist" / "*.whl"))
        assert "none-any" not in package, "it has a native executable"
    else:
        call(sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path / "dist", cwd=source) if importable("setuptools") else pytest.skip("no setuptools")
        package, = glob.glob(str(tmp_path / "dist" / "*.tar.gz"))
    venv = tmp_path / "venv"
    call(sys.executable, "-m", "venv", venv)
    call(venv / "bin" / "pip", "install", package)
    version = call(venv / "bin" / "strobe", "--version", cwd=tmp_path)
    assert version.startswith("strobe ")
    with open(venv / "bin" / "strobe", "rb") as f:
        assert f.read(4) == b"\x7fELF", "a native executable, not a script"
    found = call(venv / "bin" / "python", "-c", "import strobe; print(strobe.__version__); print(strobe.executable())", cwd=tmp_path).split("\n")
    assert found[0] in version
    assert call(found[1], "--version") == version
    assert call(venv / "bin" / "python", "-m", "strobe", "--version", cwd=tmp_path) == version
    assert call(venv / "bin" / "python", "-c", RECORDS, cwd=tmp_path).startswith("[svg]")


# ---- wheels ----

RECORDS = """
import strobe, time
with strobe.sample(rate=500) as p:
    end = time.monotonic() + 0.3
    while time.monotonic() < end: pass
assert 0.05 < p.seconds() < 0.5, p.seconds()
p.save("x.svg")
with open("x.svg") as f:
    print("[svg]", f.read(5))
"""


def kind_of(py):
    return "without" if py.minor < (3, 9) else py.label if py.free_threaded else "abi3"


def tag_of(py):
    version = "cp%d%d" % py.minor
    return {"without": version + "-none", "abi3": "cp39-abi3"}.get(kind_of(py), "%s-%st" % (version, version))


@pytest.fixture(scope="module")
def wheels(source, tmp_path_factory):
    """{kind: wheel}: each built by the first interpreter here that can: one that has its headers."""
    built = {}
    for py in interpreters.find():
        if kind_of(py) in built or py.root or "d" in py.abi or py.run("-c", "import pip").returncode:
            continue
        if py.run("-c", "import os, sysconfig; open(os.path.join(sysconfig.get_path('include'), 'Python.h'))").returncode:
            continue
        folder = tmp_path_factory.mktemp("wheel")
        call(py.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, source)
        built[kind_of(py)], = glob.glob(str(folder / "*.whl"))
    return built


@pytest.mark.timeout(900)
def test_the_wheel_that_serves_it(py, wheels):
    """Installed where pip is, unpacked where it is not; and what the wheel says of itself is true."""
    if kind_of(py) not in wheels:
        pytest.skip("no interpreter here builds the wheel for " + py.id)
    wheel = wheels[kind_of(py)]
    assert re.fullmatch(r"strobe-[0-9.]+-%s-linux_\w+\.whl" % tag_of(py), os.path.basename(wheel)), wheel
    here, there = py.workspace()
    try:
        if not py.root and "d" not in py.abi:
            site = os.path.join(here, "venv")
            call(py.executable, "-m", "venv", site)
            call(os.path.join(site, "bin", "pip"), "install", "--no-deps", "--no-index", wheel)
            argv, env = [os.path.join(site, "bin", "python")], {}
        else:
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(here)
            argv, env = py.argv, {"PYTHONPATH": there}
        code = "import os; os.chdir(%r)\n" % there
        if kind_of(py) == "without":
            assert "import strobe" and call(*argv, "-c", "import strobe; print(strobe.__version__)").strip()
            assert not glob.glob(os.path.join(here, "**", "_strobe*"), recursive=True)
        else:
            done = subprocess.run(argv + ["-c", code + RECORDS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=dict({key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}, **env))
            if py.root and "cannot open shared object" in done.stdout:
                pytest.skip("its file system lacks a library: " + done.stdout.splitlines()[-1])
            assert done.returncode == 0 and done.stdout.startswith("[svg]"), done.stdout
    finally:
        shutil.rmtree(here, ignore_errors=True)


@pytest.mark.timeout(900)
def test_what_the_wheels_bring(wheels, tmp_path):
    """One shared object that exports its entry alone, needs no library by a path of the machine it was built on, and no source."""
    assert "abi3" in wheels or not sysconfig.get_config_var("INCLUDEPY"), "this Python builds the one for all"
    for kind, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as packed:
            names = packed.namelist()
            native = [name for name in names if name.endswith(".so")]
            assert [name for name in names if name.endswith("/scripts/strobe")]
            assert not [name for name in names if name.endswith((".c", ".h", ".o", ".mk"))], names
            assert len(native) == (kind != "without"), native
            packed.extractall(tmp_path / kind)
        for name in native:
            path = tmp_path / kind / name
            assert os.path.basename(name) == "_strobe.abi3.so" or kind != "abi3"
            exported = call("nm", "-D", "--defined-only", path).split()[2::3]
            assert exported == ["PyInit__strobe"], exported
            dynamic = call("readelf", "-d", path)
            assert "RPATH" not in dynamic and "RUNPATH" not in dynamic and "libpython" not in dynamic, dynamic


def importable(name):
    return subprocess.run([sys.executable, "-c", "import " + name], stderr=subprocess.DEVNULL).returncode == 0
