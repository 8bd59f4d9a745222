# SPDX-License-Identifier: Apache-2.0
"""tools/deploy: Kubernetes and systemd files are what their programs take, and the rights that they give are enough and not too many."""
import configparser
import os
import re
import shutil
import subprocess
import tempfile

import kubernetes_validate
import pytest
import yaml

from lib import tool
from lib.target import Target

DEPLOY = os.path.join(tool.REPOSITORY, "tools", "deploy")
UNIT = os.path.join(DEPLOY, "systemd", "strobe.service")
YAMA = "/proc/sys/kernel/yama/ptrace_scope"
KUBERNETES = ["1.27", "1.33"]  # an old and a newer version of its API
SOMEBODY = 64321  # a user that nothing else has, as DynamicUser= makes them


def documents(name):
    with open(os.path.join(DEPLOY, "kubernetes", name), encoding="utf-8") as f:
        return list(yaml.safe_load_all(f))


def pod(name):
    return documents(name)[0]["spec"]["template"]


def container(name, which="strobe"):
    return next(one for one in pod(name)["spec"]["containers"] if one["name"] == which)


def unit():
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read(UNIT)
    return parser


# --- form ---

@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", ["sidecar.yaml", "daemonset.yaml", "networkpolicy.yaml"])
def test_kubernetes_schema(name, version):
    for document in documents(name):
        kubernetes_validate.validate(document, version, strict=True)


def test_schema_notices_a_wrong_word():
    document = documents("sidecar.yaml")[0]
    document["spec"]["template"]["spec"]["sharedProcessNamespace"] = document["spec"]["template"]["spec"].pop("shareProcessNamespace")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES[-1], strict=True)


def test_no_file_is_forgotten():
    assert sorted(os.listdir(os.path.join(DEPLOY, "kubernetes"))) == ["daemonset.yaml", "networkpolicy.yaml", "podmonitor.yaml", "sidecar.yaml"]


def test_files_fit_each_other():
    """Labels that select, and names of ports that are meant, are those of the pods; the command listens where it is asked."""
    monitor = documents("podmonitor.yaml")[0]
    (selects,) = monitor["spec"]["selector"]["matchExpressions"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    policies = {document["metadata"]["name"]: document["spec"] for document in documents("networkpolicy.yaml")}
    for name, policy in (("sidecar.yaml", "shop-strobe"), ("daemonset.yaml", "strobe-node")):
        document, labels = documents(name)[0], pod(name)["metadata"]["labels"]
        assert document["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert labels[selects["key"]] in selects["values"] and monitor["spec"]["jobLabel"] in labels
        assert policies[policy]["podSelector"]["matchLabels"].items() <= labels.items()
        (port,) = container(name)["ports"]
        assert endpoint["port"] == port["name"] and endpoint["path"] == "/metrics"
        words = container(name)["command"]
        assert words[:2] == ["strobe", "serve"] and words[words.index("--listen") + 1] == "0.0.0.0:%d" % port["containerPort"]
        ports = {one["name"] for each in pod(name)["spec"]["containers"] for one in each["ports"]}
        assert {one["port"] for rule in policies[policy]["ingress"] for one in rule["ports"]} == ports
        for rule in policies[policy]["ingress"]:
            if {"port": port["name"]} in rule["ports"]:
                assert rule["from"] and rule["ports"] == [{"port": port["name"]}]
        for probe in ("livenessProbe", "readinessProbe"):
            if probe in container(name):
                assert container(name)[probe]["httpGet"] == {"path": "/health", "port": port["name"]}
    assert "livenessProbe" in container("sidecar.yaml") and "readinessProbe" not in container("sidecar.yaml")
    assert pod("sidecar.yaml")["spec"]["shareProcessNamespace"] is True and pod("daemonset.yaml")["spec"]["hostPID"] is True
    assert "hostPID" not in pod("sidecar.yaml")["spec"]


@pytest.mark.parametrize("name", ["sidecar.yaml", "daemonset.yaml"])
def test_least_rights(name):
    mine, spec = container(name), pod(name)["spec"]
    rights = mine["securityContext"]
    assert rights["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE"]}
    assert rights["readOnlyRootFilesystem"] is True and rights["allowPrivilegeEscalation"] is False and "privileged" not in rights
    assert isinstance(rights["runAsUser"], int) and spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(key in spec for key in ("hostNetwork", "hostIPC", "volumes"))
    # a thread that is held must not be held by the kernel's bandwidth control
    assert "cpu" not in mine["resources"]["limits"] and "cpu" in mine["resources"]["requests"] and "memory" in mine["resources"]["limits"]


def test_unit(tmp_path):
    service = unit()["Service"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == "CAP_SYS_PTRACE"
    assert service["NoNewPrivileges"] == service["DynamicUser"] == "yes" and "127.0.0.1:9477" in service["ExecStart"]
    assert not {"CPUQuota", "ProtectProc", "ProcSubset", "PrivateUsers"} & set(service)  # each would harm or blind it
    with open(UNIT, encoding="utf-8") as f:
        text = f.read()
    assert verify(tmp_path, text) == ""
    assert "RestrictSUID" in verify(tmp_path, text.replace("RestrictSUIDSGID=", "RestrictSUID="))


def verify(folder, text):
    """What systemd has to say against a unit; the executable is the one under test."""
    path = folder / "strobe.service"
    path.write_text(text.replace("/usr/local/bin/strobe", tool.path()))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    about = "".join(line for line in done.stdout.splitlines(True) if "strobe.service" in line)
    assert done.returncode == 0 or about, done.stdout
    return about


def test_serve_takes_what_is_deployed():
    if not re.search(r"^  serve ", tool.run("--help", check=0).stdout, re.M):
        pytest.skip("this build has no `strobe serve`")
    known = tool.run("serve", "--help", check=0).stdout
    commands = [container("sidecar.yaml")["command"], container("daemonset.yaml")["command"], unit()["Service"]["ExecStart"].split()]
    for option in {word for words in commands for word in words if word.startswith("--")}:
        assert option in known, option


def test_readme_names_every_file():
    with open(os.path.join(DEPLOY, "README.md"), encoding="utf-8") as f:
        text = f.read()
    for folder, _, names in os.walk(DEPLOY):
        for name in names:
            if name != "README.md" and not name.endswith(".pyc"):
                assert name in text, os.path.join(folder, name)


# --- rights, by the kernel of this machine ---

def with_rights(user, capabilities, ambient=False):
    """A command in front that runs the rest as a container runtime or systemd would: this user, no capability but these, none to be gained."""
    only = "-all" + "".join(",+" + name.lower() for name in capabilities)
    command = ["setpriv", "--reuid", str(user), "--regid", str(user), "--clear-groups", "--no-new-privs", "--bounding-set", only]
    return command + (["--inh-caps", only, "--ambient-caps", only] if ambient else ["--inh-caps", "-all"])


def of_container(name):
    rights = container(name)["securityContext"]
    return with_rights(rights["runAsUser"], rights["capabilities"]["add"])


def of_unit():
    return with_rights(SOMEBODY, [name.replace("CAP_", "") for name in unit()["Service"]["AmbientCapabilities"].split()], ambient=True)


@pytest.fixture
def strobe_for_all():
    """The executable where every user reaches it."""
    folder = tempfile.mkdtemp(prefix="strobe-test-")
    os.chmod(folder, 0o755)
    yield shutil.copy(tool.path(), folder)
    shutil.rmtree(folder)


@pytest.fixture
def full_pool(py):
    """A service of the user that the sidecar's example gives its app, and of no other rights."""
    if os.geteuid() != 0:
        pytest.skip("only root can become other users")
    user = container("sidecar.yaml", "app")["securityContext"]["runAsUser"]
    if py.root:
        argv, wrapper = ["chroot", "--userspec=%d:%d" % (user, user), py.root, py.executable], ()
    else:
        argv, wrapper = None, with_rights(user, [])
        if subprocess.run(wrapper + py.argv + ["-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            pytest.skip("%s is in a folder that other users cannot enter" % py)
    with Target(py, "sick/full_pool.py", argv=argv, wrapper=wrapper) as target:
        assert os.stat("/proc/%d" % target.pid).st_uid == user
        target.settle()
        yield target
        target.assert_unharmed()


def look(front, strobe, *args):
    return subprocess.run(front + [strobe] + [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=tool.environment(), timeout=60)


@pytest.mark.versions("3.14", "3.14t")
@pytest.mark.parametrize("front", [of_container("sidecar.yaml"), of_container("daemonset.yaml"), of_unit()], ids=["sidecar", "daemonset", "systemd"])
def test_rights_are_enough(full_pool, strobe_for_all, front):
    pid = full_pool.pid
    assert '! Database.pool  ThreadPoolExecutor "database"  4 of 4 busy, 196 queued' in look(front, strobe_for_all, "pools", pid).stdout
    assert look(front, strobe_for_all, "dump", pid).stdout.count("Database.query (full_pool.py:25)") == 4
    done = look(front, strobe_for_all, "record", "-i", "-d", "0.5", "-f", "raw", "-o", "-", pid)
    assert done.returncode == 0 and "Database.query (full_pool.py:25)" in done.stdout and "Errors: 0" in done.stderr, done.stderr


def calls_in(group):
    """System calls of a group as systemd knows it, those of the groups in it too."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], stdout=subprocess.PIPE, text=True, check=True)
    found = set()
    for word in re.findall(r"^ +([@\w-]+)$", done.stdout, re.M):
        found |= calls_in(word) if word.startswith("@") else {word}
    return found


@pytest.mark.versions("3.14")
def test_unit_allows_the_calls_that_are_made(py, tmp_path):
    """What strobe calls while it looks at a process that runs and one that rests is within the unit's filter."""
    allowed = set()
    for word in unit()["Service"]["SystemCallFilter"].split():
        allowed |= calls_in(word) if word.startswith("@") else {word}
    made = set()
    for service, args in (("sick/busy_loop.py", ["record", "-d", "0.5", "-f", "raw", "-o", "/dev/null"]), ("sick/full_pool.py", ["pools"])):
        with Target(py, service) as target:
            trace = tmp_path / "trace"
            subprocess.run(["strace", "-f", "-qq", "-o", str(trace), tool.path()] + args + [str(target.pid)], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True, timeout=60)
            made |= set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    assert {"ptrace", "process_vm_readv"} <= made and made <= allowed, made - allowed


@pytest.mark.versions("3.14")
@pytest.mark.parametrize("front", [with_rights(0, []), with_rights(SOMEBODY, ["SYS_PTRACE"])], ids=["root without", "added to a user"])
def test_rights_are_needed(full_pool, strobe_for_all, front):
    """Without the capability nothing is read; nor with one that is added to a user's container, where it has no effect: why user 0 is given."""
    done = look(front, strobe_for_all, "pools", full_pool.pid)
    assert done.returncode != 0 and not done.stdout and "permission denied" in done.stderr, done.stderr


@pytest.mark.versions("3.14")
def test_same_user_needs_no_capability(full_pool, strobe_for_all):
    """The other way that sidecar.yaml names, where Yama does not forbid it."""
    scope = int(open(YAMA).read()) if os.path.exists(YAMA) else 0
    done = look(with_rights(container("sidecar.yaml", "app")["securityContext"]["runAsUser"], []), strobe_for_all, "pools", full_pool.pid)
    if scope == 0:
        assert "4 of 4 busy, 196 queued" in done.stdout, done.stderr
    else:
        assert done.returncode != 0 and "permission denied" in done.stderr
