# SPDX-License-Identifier: Apache-2.0
"""The arrows between the modules, read from the #include lines; versions only where they belong; nothing of one machine in the tree."""
import os
import re
import subprocess

from lib.tool import REPOSITORY

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
MAX_FILE = 512 * 1024

# module -> what of ours it may include, beside itself and base.  An entry with ".h" is that header alone.
ALLOWED = {
    "base": [],
    "mem": [],
    "runtime": ["mem"],
    "walk": ["runtime", "mem"],
    "agg": ["walk/sample.h"],
    "export": ["agg"],
    "calls": [],
    "report": ["walk/sample.h", "walk/tasks.h", "walk/pools.h", "walk/waitfacts.h", "runtime/code.h", "runtime/pyobj.h", "agg"],
    "meter": ["report/resources.h", "report/report.h", "report/tasks.h", "report/json.h"],
    "snapshot": ["walk", "mem", "runtime"],  # the modules that lie in sampler/ itself: what the session is made of
    "naming": ["walk", "mem", "runtime"],
    "billing": ["naming", "walk", "mem", "runtime", "agg"],
    "session": ["snapshot", "billing", "walk", "mem/host.h", "mem", "runtime", "agg"],
    "picture": ["snapshot", "session", "naming", "billing", "meter", "report", "walk", "runtime", "mem"],
    "proc": ["mem", "runtime"],  # attach/proc/: what Linux tells of any process; nothing there stops or traces one
    "attach": ["proc", "mem", "runtime"],
    "ext": ["proc", "base", "mem", "runtime", "walk", "agg", "calls", "naming", "billing", "export", "report", "meter", "snapshot", "session",
            "picture"],
    "tools": ["attach", "proc", "snapshot", "session", "picture", "naming", "billing", "export", "report", "meter", "agg", "runtime", "walk", "mem"],
}
SAMPLER = ["base", "mem", "runtime", "walk", "agg", "calls", "naming", "billing", "export", "report", "meter", "snapshot", "session", "picture"]
# Headers of the system that libstrobe, pure computation over a reader, has no business with.
NOT_IN_SAMPLER = re.compile(r"^(Python\.h|sys/ptrace\.h|elf\.h|libelf\.h|gelf\.h|elfutils/.*|libunwind.*|sys/uio\.h|sys/wait\.h|dlfcn\.h)$")
# Other files in sampler/ itself belong to the snapshot.
SESSION_FILES = {"session", "session_parts", "session_target", "session_tasks", "stackids", "prints"}


def tracked():
    """Files of the repository: those under version control and new ones that are not ignored."""
    done = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], stdout=subprocess.PIPE)
    if done.returncode == 0:
        names = done.stdout.decode().split("\0")
    else:
        names = [os.path.relpath(os.path.join(folder, name), REPOSITORY) for folder, _, files in os.walk(REPOSITORY) for name in files]
        names = [name for name in names if not name.startswith(("build/", ".git/", "dist/"))]
    return sorted({name for name in names if name and os.path.isfile(os.path.join(REPOSITORY, name))})


def module_of(path):
    parts = path.split("/")
    if parts[0] == "sampler":
        if len(parts) > 2:
            return parts[1]
        stem = os.path.splitext(parts[1])[0]
        return "session" if stem in SESSION_FILES else "snapshot"
    if parts[:2] == ["attach", "proc"]:
        return "proc"
    return parts[0] if parts[0] in ("attach", "ext", "tools") else None


def sources():
    for path in tracked():
        if path.endswith((".c", ".h")) and module_of(path):
            with open(os.path.join(REPOSITORY, path), encoding="utf-8") as f:
                yield path, module_of(path), f.read()


def resolve(path, included):
    """The repository's file that an #include "..." means: beside the file, under sampler/ or from the top; what a .inc or .pb-c.h is
    made from."""
    included = included[:-len(".inc")] if included.endswith((".js.inc", ".css.inc")) else included
    included = included[:-len(".pb-c.h")] + ".proto" if included.endswith(".pb-c.h") else included
    for base in (os.path.dirname(path), "sampler", ""):
        candidate = os.path.normpath(os.path.join(base, included))
        if os.path.isfile(os.path.join(REPOSITORY, candidate)):
            return candidate
    return None


def may_include(module, target):
    to = module_of(target)
    if to == module or to == "base":
        return True
    short = target[len("sampler/"):] if target.startswith("sampler/") else target
    return any(entry == to or entry == short for entry in ALLOWED[module])


def test_include_arrows():
    wrong = []
    for path, module, text in sources():
        for kind, included in INCLUDE.findall(text):
            if kind == '"':
                target = resolve(path, included)
                if target is None:
                    wrong.append("%s includes %s, which does not exist" % (path, included))
                elif not may_include(module, target):
                    wrong.append("%s (%s) must not include %s" % (path, module, target))
            elif module in SAMPLER and NOT_IN_SAMPLER.match(included):
                wrong.append("%s is part of libstrobe and must not include <%s>" % (path, included))
    assert not wrong, "\n".join(wrong)


def test_own_header_first():
    wrong = []
    for path, _, text in sources():
        own = path[:-2] + ".h"
        if path.endswith(".c") and os.path.exists(os.path.join(REPOSITORY, own)):
            first = INCLUDE.search(text)
            if not first or resolve(path, first.group(2)) != own:
                wrong.append(path)
    assert not wrong, "these do not include their own header first: " + ", ".join(wrong)


def without_comments_and_strings(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"', " ", text, flags=re.S)


def test_versions_only_in_the_tables():
    """No comparison with a version outside of layout_tables.c and compat.h."""
    wrong = []
    compare = re.compile(r"\b(\w*minor\w*)\b\s*(==|!=|<=|>=|<|>)\s*([5-9]|1\d|0x[0-9a-fA-F]+)\b|\b\w*version\w*\b\s*(==|!=|<=|>=|<|>)\s*0x03|PY_VERSION_HEX|PY_MINOR_VERSION",
                         re.I)
    for path, _, text in sources():
        if os.path.basename(path).startswith("layout_tables") or path == "ext/compat.h":
            continue
        for number, line in enumerate(without_comments_and_strings(text).splitlines(), 1):
            match = compare.search(line)
            if match:
                wrong.append("%s: %s" % (path, match.group(0)))
    assert not wrong, "\n".join(wrong)


def test_nothing_of_one_machine():
    pattern = re.compile(r"(?<![\w)}.-])/(root|home/[a-z]+|work|farm|opt/pys|Users)/|pyenv/versions/\d")
    this = os.path.relpath(os.path.abspath(__file__), REPOSITORY)
    wrong = []
    for path in tracked():
        if path == this:
            continue
        with open(os.path.join(REPOSITORY, path), "rb") as f:
            data = f.read()
        if b"\0" in data[:65536]:
            text = data.decode("latin-1")
        else:
            text = data.decode("utf-8", "replace")
        match = pattern.search(text)
        if match:
            wrong.append("%s: %r" % (path, text[max(0, match.start() - 30):match.end() + 30]))
    assert not wrong, "\n".join(wrong)


def test_no_large_file():
    wrong = ["%s: %d bytes" % (path, size) for path in tracked() for size in [os.path.getsize(os.path.join(REPOSITORY, path))] if size > MAX_FILE]
    assert not wrong, "\n".join(wrong)


def test_first_lines_and_widths():
    wrong = []
    for path in tracked():
        if not path.endswith((".c", ".h", ".py", ".sh", ".mk")) or path.endswith(".inc"):
            continue
        with open(os.path.join(REPOSITORY, path), encoding="utf-8") as f:
            lines = f.read().splitlines()
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
            wrong.append("%s: no licence line" % path)
        wrong += ["%s:%d: %d characters" % (path, i, len(line)) for i, line in enumerate(lines, 1) if len(line) > 140 and path.endswith((".c", ".h"))]
    assert not wrong, "\n".join(wrong)
