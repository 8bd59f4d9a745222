# SPDX-License-Identifier: Apache-2.0
"""Viewers of pstat files read what the deterministic profiler has saved (tests/targets/inside/callviewers.py)."""
import json
import marshal
import re

import pytest

from lib import inside, packages

pytestmark = [pytest.mark.inside, pytest.mark.versions("3.12")]


@pytest.fixture
def saved(py):
    """(the program with its files, what it tells of itself)"""
    with inside.Program(py, "callviewers.py", env=packages.need(py, "viewers")) as program:
        yield program, program.run("write")


def loaded(program, name):
    with open(program.path(name)[0], "rb") as file:
        return marshal.load(file)


# ---- gprof2dot ----


def graph(program, name):
    """What a dot graph says: ({node: calls}, {(caller, callee): calls}, percentages); a node is called FILE:LINE:FUNCTION."""
    done = program.finish(words=["-m", "gprof2dot", "-f", "pstats", "-n0", "-e0", program.path(name)[1]])
    assert done.returncode == 0 and done.stderr == "", done.stderr
    names, nodes, edges, shares = {}, {}, [], []
    for numbers, label in re.findall(r'^\t(\d+|\d+ -> \d+) \[.*?\blabel="((?:[^"\\]|\\.)*)"', done.stdout, re.M):
        *parts, calls = json.loads('"%s"' % label).split("\n")
        shares += [float(share) for share in re.findall(r"^\(?([\d.]+)%\)?$", "\n".join(parts), re.M)]
        calls = int(calls.rstrip("\u00d7"))
        caller, _, callee = numbers.partition(" -> ")
        if callee:
            edges.append((caller, callee, calls))
        else:
            names[numbers] = parts[0]
            nodes[parts[0]] = calls
    assert len(names) == len(nodes), "two nodes have one name"
    return nodes, {(names[caller], names[callee]): calls for caller, callee, calls in edges}, shares


def test_gprof2dot(saved):
    """Each function is a node with its calls, each edge has those of the program's own count."""
    program, told = saved
    nodes, edges, shares = graph(program, "x.pstat")
    assert len(nodes) == told["functions"]
    own = {name.split(":", 2)[2]: calls for name, calls in nodes.items() if name.startswith("callviewers:")}
    assert (own["fib"], own["child"], own["waits"], own["stays"], own["root.<locals>.<lambda>"]) == (177, 8, 0, 1, 5)
    assert own["leaf"] == sum(count for edge, count in told["known"].items() if edge.endswith("> leaf"))
    assert nodes['<strange "file" & {braces} \\ |pipe|>:1:strange'] == 1
    assert nodes["~:0:<built-in method time.sleep>"] == 1
    found = {"%s > %s" % (caller.split(":", 2)[2], callee.split(":", 2)[2]): calls for (caller, callee), calls in edges.items()
             if caller.startswith("callviewers:") and callee.startswith("callviewers:")}
    assert {edge: found[edge] for edge in told["known"]} == told["known"]
    assert ("fib > fib" in found) and max(shares) <= 100.0


def test_gprof2dot_shows_what_it_shows_of_cprofile(saved):
    """Of the same program, recursion and builtins too."""
    program, _ = saved
    graphs = []
    for name in ("cprofile.pstat", "compat.pstat"):
        nodes, edges, _ = graph(program, name)
        graphs.append(({node: calls for node, calls in nodes.items() if "_lsprof" not in node},
                       {edge: calls for edge, calls in edges.items() if "_lsprof" not in edge[1]}))
    assert graphs[0][1] and graphs[0] == graphs[1]


# ---- SnakeViz ----


def test_snakeviz(saved):
    """Its table and its data for the picture have the calls and times of the file, which are those of the profile."""
    program, told = saved
    stats = loaded(program, "x.pstat")
    shown = program.run("snakeviz", program.path("x.pstat")[1])
    expected = {"%s:%d(%s)" % key: value for key, value in stats.items()}
    assert len(shown["rows"]) == len(expected) == told["functions"]
    for calls, own, cumulative, name in shown["rows"]:
        assert [calls, own, cumulative] == pytest.approx([expected[name][at] for at in (1, 2, 3)], rel=1e-3), name
    for name, one in shown["json"].items():
        assert one["stats"] == list(expected[name][:4]), name
        assert one["callers"] == {"%s:%d(%s)" % key: list(value) for key, value in expected[name][4].items()}, name
        for callee, figures in one["children"].items():
            assert shown["json"][callee]["callers"][name] == figures
    fib = next(one for name, one in shown["json"].items() if name.endswith("(fib)"))
    callers = {re.search(r"\((\w+)\)$", name).group(1): figures[0] for name, figures in fib["callers"].items()}
    assert fib["stats"][:2] == [1, 177] and callers == {"fib": 176, "root": 1}
    merged = {}
    for file, line, name, *figures in told["rows"]:
        key = "%s:%d(%s)" % (file, line, name)
        merged[key] = [a + b for a, b in zip(merged.get(key, [0] * 4), figures)]
    for key, figures in merged.items():
        assert list(expected[key][:4]) == pytest.approx(figures, rel=1e-6), key  # each reading measures the clock


# ---- tuna ----


def walk(node, parent=None):
    yield node, parent
    for child in node.get("children", ()):
        yield from walk(child, node)


def test_tuna(saved):
    """Its tree has the functions below those that call them, with their own times; its page is made of it."""
    program, told = saved
    shown = program.run("tuna", program.path("x.pstat")[1])
    below, times = {}, {}
    for node, parent in walk(shown["tree"]):
        name = node["text"][0]
        if name.count("::") >= 2:
            if name.endswith("::self"):
                times[name.split("::")[2]] = node["value"]
            elif parent is not None:
                below.setdefault(name.split("::")[2], set()).add(parent["text"][0].split("::")[-1])
    assert below["fib"] == {"root"} and below["numbers"] == {"<built-in method builtins.sorted>"} and below["strange"] == {"write"}
    assert below["worker"] == below["waits"] == {"Thread.run"}
    own = {name: figures[2] for _, _, name, *figures in told["rows"]}
    for name in ("root", "numbers", "write", "worker"):
        assert times[name] == pytest.approx(own[name], rel=1e-6), name
    assert all(node.get("value", 0) >= 0 for node, _ in walk(shown["tree"]))
    assert "::fib" in shown["page"] and "</html>" in shown["page"]
