# SPDX-License-Identifier: Apache-2.0
"""Writes sampler/runtime/opcodes_tables.c: what each version's instructions do to the value stack.

    python3 tools/make_opcodes.py PYTHON... > sampler/runtime/opcodes_tables.c

Each PYTHON (one per version, "chroot ROOT python" is fine) gives the numbers of its opcodes, the specialised and the
instrumented ones included, their inline cache entries and their stack effects.  OPS below says by name what they mean; where
its numbers disagree with an interpreter's own dis.stack_effect(), or a name is missing, nothing is written."""
import json
import re
import subprocess
import sys

WORKER = r'''
import dis, json, opcode, sys
minor = sys.version_info[1]
opmap = {n: o for n, o in getattr(dis, "_all_opmap", opcode.opmap).items() if o < 256}
base = {}
for family, members in getattr(opcode, "_specializations", {}).items():
    for member in members:
        base[member] = family
for name in opmap:
    if name.startswith("INSTRUMENTED_"):
        base[name] = name[len("INSTRUMENTED_"):]
    elif name not in base and name not in opcode.opmap and "__" in name:
        base[name] = name.split("__")[0]   # 3.11, 3.12: two instructions run as one, the second stays in place
if hasattr(opcode, "_inline_cache_entries"):
    entries = opcode._inline_cache_entries
    caches = {n: entries[o] if not hasattr(entries, "get") else entries.get(n, 0) for n, o in opcode.opmap.items() if o < 256}
else:
    caches = {}
effects = {}
for name, op in opcode.opmap.items():
    if op >= 256:
        continue
    effects[name] = {}
    for arg in range(18):
        try:
            has = op >= opcode.HAVE_ARGUMENT or minor >= 12
            one = [opcode.stack_effect(op, arg if has else None, jump=j) for j in (False, True)]
        except (ValueError, OverflowError):
            continue
        effects[name][arg] = one
special = list(getattr(opcode, "_special_method_names", []))
binary = [one[-1] for one in getattr(opcode, "_nb_ops", [])]
json.dump({"minor": minor, "opmap": opmap, "base": base, "caches": caches, "effects": effects, "special": special, "binary": binary,
           "jumps": sorted({opcode.opname[o] for o in list(opcode.hasjrel) + list(opcode.hasjabs)
                            + list(getattr(opcode, "hasjump", [])) if o < 256}),
           "names": sorted(opcode.opname[o] for o in opcode.hasname if o < 256),
           "absolute": sorted(opcode.opname[o] for o in opcode.hasjabs if o < 256)}, sys.stdout)
'''

# NAME: "pops > pushes [/ pushes when it jumps]" in terms of the operand a: "2", "1+a", "2+2a", "1+b1" (one more if bit 1 of it is set).
# Plain ones by effect first; what matters for naming follows.
PLAIN = {
    "0>0": "NOP POP_BLOCK DELETE_FAST DELETE_DEREF DELETE_GLOBAL DELETE_NAME SETUP_ANNOTATIONS GEN_START NOT_TAKEN COPY_FREE_VARS MAKE_CELL "
           "KW_NAMES CALL_FINALLY",
    "1>0": "POP_TOP STORE_FAST STORE_DEREF STORE_GLOBAL STORE_NAME DELETE_ATTR PRINT_EXPR IMPORT_STAR LIST_APPEND SET_ADD LIST_EXTEND "
           "SET_UPDATE DICT_UPDATE DICT_MERGE POP_EXCEPT END_FOR EXIT_INIT_CHECK",
    "2>0": "STORE_ATTR DELETE_SUBSCR STORE_FAST_STORE_FAST MAP_ADD END_ASYNC_FOR POP_ITER",
    "3>0": "STORE_SUBSCR", "4>0": "STORE_SLICE",
    "0>1": "LOAD_CONST LOAD_BUILD_CLASS LOAD_ASSERTION_ERROR LOAD_COMMON_CONSTANT LOAD_SMALL_INT LOAD_LOCALS LOAD_CLOSURE PUSH_NULL "
           "RETURN_GENERATOR",
    "1>1": "UNARY_POSITIVE UNARY_NEGATIVE UNARY_NOT UNARY_INVERT TO_BOOL FORMAT_SIMPLE CONVERT_VALUE LIST_TO_TUPLE ASYNC_GEN_WRAP "
           "CALL_INTRINSIC_1 GET_ITER COPY_DICT_WITHOUT_KEYS",
    "1>2": "IMPORT_FROM GET_LEN MATCH_MAPPING MATCH_SEQUENCE PUSH_EXC_INFO",
    "2>1": "COMPARE_OP CONTAINS_OP IS_OP IMPORT_NAME FORMAT_WITH_SPEC SET_FUNCTION_ATTRIBUTE CALL_INTRINSIC_2 BUILD_TEMPLATE "
           "PREP_RERAISE_STAR "
           + " ".join(k + "_" + n for k in ("BINARY", "INPLACE") for n in (
               "ADD AND FLOOR_DIVIDE LSHIFT MATRIX_MULTIPLY MODULO MULTIPLY OR POWER RSHIFT SUBTRACT TRUE_DIVIDE XOR").split()),
    "2>2": "CHECK_EXC_MATCH CHECK_EG_MATCH", "2>3": "MATCH_KEYS", "3>1": "MATCH_CLASS",
    "a>1": "BUILD_TUPLE BUILD_LIST BUILD_SET BUILD_STRING BUILD_SLICE BUILD_LIST_UNPACK BUILD_SET_UNPACK BUILD_TUPLE_UNPACK BUILD_MAP_UNPACK "
           "BUILD_TUPLE_UNPACK_WITH_CALL BUILD_MAP_UNPACK_WITH_CALL",
    "2a>1": "BUILD_MAP", "1+a>1": "BUILD_CONST_KEY_MAP", "1>a": "UNPACK_SEQUENCE",
    "1+b4>1": "FORMAT_VALUE", "2+b1>1": "BUILD_INTERPOLATION",
}
FIRST, LAST = 8, 99
# name: [(first minor, last minor, effect, kind, flow, shift, at)]; kinds and flows are those of runtime/opcodes.h.
OPS = {name: [(FIRST, LAST, effect, "OTHER", "NEXT", 0, 0)] for effect, names in PLAIN.items() for name in names.split()}


def op(name, effect, kind="OTHER", flow="NEXT", shift=0, at=0, first=FIRST, last=LAST):
    rows = [row for row in OPS.get(name, []) if row[1] < first or row[0] > last] if first > FIRST or last < LAST else []
    old = [row for row in OPS.get(name, []) if not (row[1] < first or row[0] > last)]
    for row in old:   # what is left of an older row on either side of the new one
        if first > FIRST and row[0] < first:
            rows.append((row[0], first - 1) + row[2:])
        if last < LAST and row[1] > last:
            rows.append((last + 1, row[1]) + row[2:])
    OPS[name] = rows + [(first, last, effect, kind, flow, shift, at)]


# Exceptions and their handlers: up to 3.10 a handler begins with six values; 3.8's finally is reckoned as six on every way into it.
op("POP_EXCEPT", "3>0", last=10)
op("BEGIN_FINALLY", "0>6")
op("END_FINALLY", "6>0")
op("POP_FINALLY", "6>0")
op("WITH_CLEANUP_FINISH", "3>0")
op("END_ASYNC_FOR", "7>0", last=10)
op("POP_ITER", "1>0", last=14)
op("PREP_RERAISE_STAR", "2>1")
op("END_FOR", "2>0", last=12)
op("END_FOR", "1>0", first=13)
op("MATCH_CLASS", "3>2", last=10)
op("MATCH_KEYS", "2>4", last=10)
op("CHECK_EG_MATCH", "2>2")
op("MAKE_FUNCTION", "2+b15>1", last=10)
op("MAKE_FUNCTION", "1+b15>1", first=11, last=12)
op("MAKE_FUNCTION", "1>1", first=13)
op("UNPACK_EX", "1>0", "UNPACK_EX")
op("RETURN_VALUE", "1>0", flow="STOP")
op("RETURN_CONST", "0>0", flow="STOP")
op("INTERPRETER_EXIT", "1>0", flow="STOP")
op("RAISE_VARARGS", "a>0", flow="STOP")
op("RERAISE", "3>0", flow="STOP", last=10)
op("RERAISE", "1>0", flow="STOP", first=11)
# Jumps.
op("JUMP_FORWARD", "0>0/0", flow="GOTO_FORWARD")
op("JUMP_ABSOLUTE", "0>0/0", flow="GOTO_ABSOLUTE")
op("JUMP_BACKWARD", "0>0/0", flow="GOTO_BACKWARD")
op("JUMP_BACKWARD_NO_INTERRUPT", "0>0/0", flow="GOTO_BACKWARD")
for condition in "TRUE", "FALSE":
    op("POP_JUMP_IF_" + condition, "1>0/0", flow="JUMP_ABSOLUTE", last=10)
    op("JUMP_IF_%s_OR_POP" % condition, "1>0/1", flow="JUMP_ABSOLUTE", last=10)
    op("JUMP_IF_%s_OR_POP" % condition, "1>0/1", flow="JUMP_FORWARD", first=11)
for condition in "TRUE", "FALSE", "NONE", "NOT_NONE":
    op("POP_JUMP_IF_" + condition, "1>0/0", flow="JUMP_FORWARD", first=11)
    op("POP_JUMP_FORWARD_IF_" + condition, "1>0/0", flow="JUMP_FORWARD")
    op("POP_JUMP_BACKWARD_IF_" + condition, "1>0/0", flow="JUMP_BACKWARD")
op("JUMP_IF_NOT_EXC_MATCH", "2>0/0", flow="JUMP_ABSOLUTE")
op("FOR_ITER", "1>2/0", flow="JUMP_FORWARD", last=11)
op("FOR_ITER", "0>1/1", flow="JUMP_FORWARD", first=12)
op("SETUP_FINALLY", "0>0/6", flow="JUMP_FORWARD")
op("SETUP_WITH", "1>2/7", "WITH", flow="JUMP_FORWARD")
op("BEFORE_WITH", "1>2", "WITH")
op("SETUP_ASYNC_WITH", "1>1/6", flow="JUMP_FORWARD")
# Moving values about.
for name in "COPY", "SWAP", "ROT_N":
    op(name, "0>0", name[:3] if name == "ROT_N" else name)
op("DUP_TOP", "0>0", "COPY", at=1)
op("DUP_TOP_TWO", "0>0", "DUP_TWO")
op("ROT_TWO", "0>0", "ROT", at=2)
op("ROT_THREE", "0>0", "ROT", at=3)
op("ROT_FOUR", "0>0", "ROT", at=4)
# Names.
for name in "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR", "LOAD_FAST_BORROW":
    op(name, "0>1", "LOCAL")
for name in "LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW":
    op(name, "0>2", "LOCAL_TWO")
op("STORE_FAST_LOAD_FAST", "1>1", "STORE_LOCAL")
op("LOAD_DEREF", "0>1", "DEREF")
op("LOAD_CLASSDEREF", "0>1", "DEREF")
op("LOAD_FROM_DICT_OR_DEREF", "1>1", "DEREF")
op("LOAD_NAME", "0>1", "GLOBAL")
op("LOAD_FROM_DICT_OR_GLOBALS", "1>1", "GLOBAL")
op("LOAD_GLOBAL", "0>1", "GLOBAL", last=10)
op("LOAD_GLOBAL", "0>1+b1", "GLOBAL", shift=1, at=1, first=11, last=12)  # NULL, then the value
op("LOAD_GLOBAL", "0>1+b1", "GLOBAL", shift=1, first=13)
op("LOAD_ATTR", "1>1", "ATTR", last=11)
op("LOAD_ATTR", "1>1+b1", "ATTR", shift=1, first=12)
op("LOAD_METHOD", "1>2", "ATTR")
op("LOAD_SUPER_ATTR", "3>1+b1", "SUPER", shift=2)
op("BINARY_SUBSCR", "2>1", "SUBSCRIPT")
op("BINARY_SLICE", "3>1", "SUBSCRIPT")
op("BINARY_OP", "2>1")
op("BINARY_OP", "2>1", "BINARY", at="[]", first=14)
# Calls; at: of the values popped, how many from the lowest may be the callee; the first argument follows, if they count them.
op("CALL_FUNCTION", "1+a>1", "CALL", at=1)
op("CALL_FUNCTION_KW", "2+a>1", "CALL", at=1)
op("CALL_METHOD", "2+a>1", "CALL", at=2)
op("CALL_FUNCTION_EX", "2+b1>1", "CALL", at=1, last=10)
op("CALL_FUNCTION_EX", "3+b1>1", "CALL", at=2, first=11, last=13)
op("CALL_FUNCTION_EX", "4>1", "CALL", at=2, first=14)
op("PRECALL", "0>0", "PRECALL")
op("CALL", "2+a>1", "CALL", at=2)
op("CALL_KW", "3+a>1", "CALL", at=2)
# Awaiting.
op("GET_AWAITABLE", "1>1", "KEEP")
op("GET_YIELD_FROM_ITER", "1>1", "KEEP")
op("GET_ITER", "1>2", "KEEP", first=15)  # of yield from too
op("GET_AITER", "1>1", "AITER")
op("GET_ANEXT", "1>2", "ANEXT")
op("BEFORE_ASYNC_WITH", "1>2", "ASYNC_WITH")
op("LOAD_SPECIAL", "1>2", "SPECIAL", at="__aenter__")  # __aexit__ is the next number
op("WITH_CLEANUP_START", "0>2", "EXCEPT_START", at=7)
op("WITH_EXCEPT_START", "0>1", "EXCEPT_START", at=7, last=10)
op("WITH_EXCEPT_START", "0>1", "EXCEPT_START", at=4, first=11, last=13)
op("WITH_EXCEPT_START", "0>1", "EXCEPT_START", at=5, first=14)
op("YIELD_FROM", "2>1", "SEND")
op("SEND", "2>2/1", "SEND", flow="JUMP_FORWARD", last=11)
op("SEND", "2>2/2", "SEND", flow="JUMP_FORWARD", first=12, last=14)
op("SEND", "3>3/3", "SEND", flow="JUMP_FORWARD", first=15)
op("END_SEND", "2>1", "KEEP", last=14)
op("END_SEND", "3>1", "KEEP", first=15)
op("CLEANUP_THROW", "3>2", "KEEP", last=14)
op("CLEANUP_THROW", "4>3", "KEEP", first=15)
op("YIELD_VALUE", "1>1", "YIELD")
op("RESUME", "0>0", "RESUME")
# Prefix, and what hides another instruction.
op("EXTENDED_ARG", "0>0", "EXTENDED_ARG")
op("ENTER_EXECUTOR", "0>0", "EXECUTOR", flow="STOP")  # a backward jump, or the RESUME at the start
HIDDEN = {"INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION", "TRACE_RECORD", "CACHE", "RESERVED"}
# stack_effect() counts these otherwise, to the same sum or on purpose.
OTHERWISE = {"RETURN_VALUE", "PRECALL", "CALL", "GEN_START", "RETURN_GENERATOR", "COPY", "DUP_TOP", "DUP_TOP_TWO", "UNPACK_EX", "ENTER_EXECUTOR"}
NOT_JUMPS = {"CALL_FINALLY", "END_ASYNC_FOR", "ENTER_EXECUTOR"}


def term(text):
    """(constant, times the operand, mask of bits) of "2+a"."""
    const = times = bits = 0
    for part in text.strip().split("+"):
        number, kind, mask = re.match(r"(\d*)([ab]?)(\d*)$", part).groups()
        if kind == "a":
            times = int(number or 1)
        elif kind == "b":
            bits = int(mask)
        else:
            const += int(number)
    return const, times, bits


def value(parts, arg):
    return parts[0] + parts[1] * arg + bin(parts[2] & arg).count("1")


def find(name, minor):
    return next((row for row in OPS.get(name, []) if row[0] <= minor <= row[1]), None)


def check(name, row, data, wrong):
    popped, pushed = row[2].split(">")
    pushed, _, jumped = pushed.partition("/")
    for arg, effects in data["effects"].get(name, {}).items():
        if name in OTHERWISE or (name == "BUILD_SLICE" and arg not in "23"):
            continue
        out = value(term(popped), int(arg))
        mine = [value(term(pushed), int(arg)) - out, value(term(jumped or pushed), int(arg)) - out]
        theirs = [effects[0] if not row[4].startswith("GOTO") else mine[0], effects[1] if jumped else mine[1]]
        if mine != theirs:
            wrong.append("3.%d %s %s: effect %s, not %s" % (data["minor"], name, arg, mine, theirs))
    if ("JUMP" in row[4] or "GOTO" in row[4]) != (name in data["jumps"]) and name not in NOT_JUMPS:
        wrong.append("3.%d %s: a jump or not?" % (data["minor"], name))
    if ("ABSOLUTE" in row[4]) != (name in data["absolute"]):
        wrong.append("3.%d %s: absolute or not?" % (data["minor"], name))
    if row[3] in ("GLOBAL", "ATTR", "SUPER") and name not in data["names"]:
        wrong.append("3.%d %s: operand is no name" % (data["minor"], name))


def line(name, row, data):
    _, _, effect, kind, flow, shift, at = row
    popped, pushed = effect.split(">")
    pushed, _, jumped = pushed.partition("/")
    if isinstance(at, str):
        at = (data["special"] if kind == "SPECIAL" else data["binary"]).index(at)
        if kind == "SPECIAL":
            assert data["special"][at + 1] == "__aexit__" and data["special"][at - 2] == "__enter__"
    caches = 1 if kind == "EXECUTOR" else data["caches"].get(name, 0)
    return "    {%s, %s, %d, %d, %d, {%d, %d, %d}, {%d, %d, %d}, %d}, /* %s */" % (
        (kind, flow, caches, shift, at) + term(popped) + term(pushed) + (term(jumped)[0] if jumped else 0, name))


def main():
    versions, wrong = [], []
    for python in sys.argv[1:]:
        done = subprocess.run(python.split() + ["-c", WORKER], stdout=subprocess.PIPE, universal_newlines=True, check=True)
        data = json.loads(done.stdout)
        names, numbers, lines = {}, [0] * 256, []
        for name, number in sorted(data["opmap"].items(), key=lambda item: item[1]):
            base = data["base"].get(name, name)
            if name in HIDDEN or base in HIDDEN:
                continue
            row = find(base, data["minor"])
            if row is None:
                wrong.append("3.%d %s is not known" % (data["minor"], base))
                continue
            if base not in names:
                check(base, row, data, wrong)
                lines.append(line(base, row, data))
                names[base] = len(lines)
            numbers[number] = names[base]
        versions.append((data["minor"], lines, numbers, data["opmap"].get("INSTRUMENTED_LINE", 0),
                         data["opmap"].get("INSTRUMENTED_INSTRUCTION", 0)))
    if wrong:
        sys.exit("\n".join(wrong))
    write(versions)


def write(versions):
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* Made by tools/make_opcodes.py from the interpreters' own modules.")
    print(" * {kind, flow, cache units, shift, at, {popped, times operand, bits}, {pushed, ...}, pushed when it jumps} */")
    print('#include "runtime/opcodes.h"\n')
    kinds = sorted({row[3] for rows in OPS.values() for row in rows} | {"HIDDEN"})
    flows = sorted({row[4] for rows in OPS.values() for row in rows})
    for prefix, names in (("OP", kinds), ("FLOW", flows)):
        for name in names:
            print("#define %s STROBE_%s_%s" % (name, prefix, name))
    for minor, lines, numbers, _, _ in versions:
        print("\nstatic const struct strobe_op ops_%d[] = {" % minor)
        print("    {HIDDEN, STOP, 0, 0, 0, {0, 0, 0}, {0, 0, 0}, 0},")
        print("\n".join(lines) + "\n};")
        print("static const uint8_t numbers_%d[256] = {" % minor)
        for at in range(0, 256, 24):
            print("    %s," % ", ".join(map(str, numbers[at:at + 24])))
        print("};")
    print("\nconst struct strobe_opcodes strobe_opcodes[] = {")
    for minor, _, _, line, instruction in versions:
        # Operands of jumps count bytes up to 3.9, units of 2 bytes after; those of cells count from the first cell up to 3.10.
        print("    {%d, %d, %d, %d, %s, ops_%d, numbers_%d}," % (
            minor, 1 if minor <= 9 else 2, line, instruction, "true" if minor <= 10 else "false", minor, minor))
    print("};")
    print("const size_t strobe_opcodes_count = sizeof strobe_opcodes / sizeof strobe_opcodes[0];")


if __name__ == "__main__":
    main()
