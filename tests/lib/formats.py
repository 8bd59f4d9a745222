# SPDX-License-Identifier: Apache-2.0
"""Readers of the files that `strobe record` writes."""
import json
import re

_LABEL = re.compile(r"^(.*) \(([^()]*?)(?::(\d+))?\)$", re.S)


def name_of(label):
    """ "spin (t.py:5)" -> "spin" """
    match = _LABEL.match(label)
    return match.group(1) if match else label


def raw(path):
    """Collapsed stacks: [(labels outermost first, count)]."""
    found = []
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines():
            stack, count = line.rsplit(" ", 1)
            found.append((stack.split(";"), int(count)))
    return found


def raw_names(path):
    return [([name_of(label) for label in stack], count) for stack, count in raw(path)]


def total(stacks):
    return sum(count for _, count in stacks)


def share(stacks, name):
    """Part of all samples whose stack has a function."""
    return sum(count for stack, count in stacks if name in stack) / max(1, total(stacks))


def speedscope(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def speedscope_stacks(path):
    """[(names outermost first, seconds)] over all profiles of the file."""
    data, found = speedscope(path), []
    names = [frame["name"] for frame in data["shared"]["frames"]]
    for profile in data["profiles"]:
        assert profile["type"] == "sampled" and profile["unit"] == "seconds"
        assert len(profile["samples"]) == len(profile["weights"])
        found += [([names[i] for i in sample], weight) for sample, weight in zip(profile["samples"], profile["weights"])]
    return found


def chrometrace(path):
    with open(path, encoding="utf-8") as f:
        data = json.load(f)
    return data["traceEvents"] if isinstance(data, dict) else data
