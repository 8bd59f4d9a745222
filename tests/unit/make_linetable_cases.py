# SPDX-License-Identifier: Apache-2.0
"""Writes tests/unit/linetable_cases.inc: line tables made by real compilers, with the lines those interpreters give.

    python3 tests/unit/make_linetable_cases.py PYTHON... > tests/unit/linetable_cases.inc

Each PYTHON (one per version) compiles SOURCE and prints, for every code object, its table and the line of every
instruction: co_lines() from 3.10 on, dis.findlinestarts() before (a line lasts until the next start).
The file is kept in the repository, so that the tests need no interpreter."""
import json
import subprocess
import sys

SOURCE = '''
"""Docstring
over two lines."""
import sys


def plain(a, b):
    c = a + b
    return (
        c
        * a
        - b
    )


def loop(n):
    total = 0
    for i in range(n):
        if i %% 2:
            total += i
            continue
        try:
            total -= len(str(i)
                         + str(n))
        except (ValueError,
                TypeError) as e:
            print(e)
        finally:
            total += 1
    else:
        total = -total
    while total:
        total -= 1
    return total


async def waits(lock, items):
    async with lock:
        async for x in items:
            await x(
                1,
                *items,
            )
    return [y async for y in items
            if y]


class Klass:
    attr = {
        "a": 1,
        "b": lambda: (
            2
        ),
    }

    @property
    def prop(self):
        with open(
            self.attr
        ) as f:
            yield from f

    def nested(self):
        def inner():
            return self.prop
        return [inner() for _ in
                range(3)]


BIG = [
%(many)s
]
%(gap)s
def after_gap():
    x = 1
%(inner_gap)s
    return x

def long_line():
    return %(wide)s
''' % {
    # Line deltas of more than 127 and code of more than 255 bytes on one line: entries that must be split.
    "many": "\n".join("    max(%d, sys)," % i for i in range(150)),
    "gap": "\n" * 400,
    "inner_gap": "\n" * 300,
    "wide": " + ".join("plain(%d, plain)" % i for i in range(60)),
}

WORKER = r'''
import dis, json, sys, types
source = json.loads(sys.stdin.read())
found = []
def visit(code):
    size = len(code.co_code)
    lines = {}
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            for at in range(start, end, 2):
                lines[at] = line or 0
    else:
        starts = dict(dis.findlinestarts(code))
        line = code.co_firstlineno
        for at in range(0, size, 2):
            line = starts.get(at, line)
            lines[at] = line
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    found.append({"name": code.co_name, "first": code.co_firstlineno, "table": list(table),
                  "lines": [lines.get(at, 0) for at in range(0, size, 2)]})
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            visit(const)
visit(compile(source, "cases.py", "exec"))
json.dump({"version": sys.version_info[:2], "codes": found}, sys.stdout)
'''


def runs(lines):
    """[(number of units, line)] of equal neighbours."""
    out = []
    for line in lines:
        if out and out[-1][1] == line:
            out[-1][0] += 1
        else:
            out.append([1, line])
    return out


def wrap(values, per_row=24):
    rows = [", ".join(values[i:i + per_row]) for i in range(0, len(values), per_row)]
    return ",\n        ".join(rows)


def main():
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by make_linetable_cases.py: tables of real compilers and the lines their interpreters give. */")
    index = []
    for python in sys.argv[1:]:
        done = subprocess.run(python.split() + ["-c", WORKER], input=json.dumps(SOURCE), stdout=subprocess.PIPE,
                              universal_newlines=True, check=True)
        data = json.loads(done.stdout)
        minor = data["version"][1]
        kind = "LNOTAB" if minor < 10 else "PEP626" if minor == 10 else "LOCATIONS"
        for number, code in enumerate(data["codes"]):
            name = "case_3_%d_%d" % (minor, number)
            print("static const unsigned char %s_table[] = {\n        %s};" % (
                name, wrap([str(b) for b in code["table"]] or ["0"])))
            print("static const struct case_run %s_runs[] = {\n        %s};" % (
                name, wrap(["{%d, %d}" % tuple(run) for run in runs(code["lines"])], 12)))
            index.append('    {"3.%d %s", STROBE_LINES_%s, %d, %s_table, %d, %s_runs, %d},' % (
                minor, code["name"], kind, code["first"], name, len(code["table"]), name, len(runs(code["lines"]))))
    print("static const struct line_case cases[] = {")
    print("\n".join(index))
    print("};")


if __name__ == "__main__":
    main()
