# SPDX-License-Identifier: Apache-2.0
"""pip install: as a wheel and from an sdist, the native strobe is on PATH and the Python package is there."""
import glob
import os
import shutil
import subprocess
import sys

import pytest

from lib import tool

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(tool.REPOSITORY, "setup.py")), reason="there is no setup.py")


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


def importable(name):
    return subprocess.run([sys.executable, "-c", "import " + name], stderr=subprocess.DEVNULL).returncode == 0
