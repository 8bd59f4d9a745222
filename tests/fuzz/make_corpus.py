# SPDX-License-Identifier: Apache-2.0
"""Seeds for the fuzzers: make_corpus.py FOLDER writes FOLDER/{linetable,callsite,layout,asyncio,elf,walk,tasks,meter}/...  The same files each time.

From the recorded images (tests/images), this interpreter's own line tables and an ELF object written here.
"""
import glob
import os
import random
import struct
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
IMAGES = sorted(glob.glob(os.path.join(os.path.dirname(HERE), "images", "*.img")))
TASK_IMAGES = sorted(glob.glob(os.path.join(os.path.dirname(HERE), "images", "asyncio", "*.img")))


def write(folder, name, data):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


def load(path):
    """Facts and ranges of an image (format: tests/lib/mem_image.h)."""
    with open(path, "rb") as image:
        body = zlib.decompress(image.read()[16:])
    at = 0

    def take(size):
        nonlocal at
        at += size
        return body[at - size:at]

    def number():
        return struct.unpack("<I", take(4))[0]

    facts = {}
    for _ in range(number()):
        key = take(number()).decode()
        facts[key] = take(number()).decode()
    ranges = [struct.unpack("<QI", take(12)) for _ in range(number())]
    return facts, [(addr, take(size)) for addr, size in ranges]


def read(ranges, addr, size):
    found = b""
    for start, data in ranges:
        if start <= addr + len(found) < start + len(data):
            found += data[addr + len(found) - start:][:size - len(found)]
    return found


def linetables(folder):
    def visit(code, depth=0):
        table = getattr(code, "co_linetable", None) or code.co_lnotab
        for kind in range(3):
            name = "%s-%d-%d-%d" % (code.co_name.strip("<>"), code.co_firstlineno, depth, kind)
            write(folder, name, struct.pack("<Bii", kind, code.co_firstlineno, len(code.co_code) // 2) + table)
        for const in code.co_consts:
            if hasattr(const, "co_code"):
                visit(const, depth + 1)
    with open(os.path.join(os.path.dirname(HERE), "images", "target.py"), encoding="utf-8") as source:
        visit(compile(source.read(), "target.py", "exec"))
    write(folder, "pairs", struct.pack("<Bii", 0, 10, 300) + bytes([6, 1, 8, 255, 255, 0, 0, 128, 4, 127, 2, 3]))
    write(folder, "ranges", struct.pack("<Bii", 1, 10, 300) + bytes([6, 1, 8, 128, 254, 0, 0, 127, 4, 129, 2, 3]))


def callsites(folder):
    """Bytecode of this interpreter; the others' have other numbers for much the same instructions."""
    def visit(code):
        table = getattr(code, "co_exceptiontable", b"")
        write(folder, "%s-%d" % (code.co_name.strip("<>"), code.co_firstlineno),
              struct.pack("<BHH", sys.version_info[1] - 8, 4, len(table)) + table + code.co_code)
        for const in code.co_consts:
            if hasattr(const, "co_code"):
                visit(const)
    with open(os.path.join(os.path.dirname(HERE), "images", "target.py"), encoding="utf-8") as source:
        visit(compile(source.read(), "target.py", "exec"))


def layouts(folder):
    for path in IMAGES:
        facts, ranges = load(path)
        table = read(ranges, int(facts["runtime"], 16), 1024)
        if table[:8] == b"xdebugpy":
            write(folder, os.path.basename(path), table)


def asyncio_tables(folder):
    for free, header in (0, 16), (1, 32):
        words = [header + at for at in (152, 120, 80, 92, 93, 112, 136)] + [226240, 10856, 1104, 1024, 1032, 1048]
        write(folder, "table-%d" % free, bytes([free]) + struct.pack("<13Q", *words))


def elf_object():
    """A small shared object: one PT_LOAD of everything, PT_DYNAMIC, a SysV hash table, three symbols, section headers."""
    strings = b"\0_PyRuntime\0Py_Version\0libpython3.99.so\0.PyRuntime\0.dynsym\0.dynstr\0.shstrtab\0.symtab\0"

    def name(text):
        return strings.index(b"\0" + text + b"\0") + 1

    symbols = struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)
    symbols += struct.pack("<IBBHQQ", name(b"_PyRuntime"), 0x11, 0, 1, 0x2000, 4096)
    symbols += struct.pack("<IBBHQQ", name(b"Py_Version"), 0x11, 0, 1, 0x1008, 8)
    hashes = struct.pack("<II", 1, 3) + struct.pack("<I", 1) + struct.pack("<III", 0, 2, 0)
    at_strings = 64 + 2 * 56
    at_symbols = (at_strings + len(strings) + 7) & ~7
    at_hash = at_symbols + len(symbols)
    at_dynamic = (at_hash + len(hashes) + 7) & ~7
    dynamic = b"".join(struct.pack("<QQ", *pair) for pair in (
        (1, name(b"libpython3.99.so")), (4, at_hash), (5, at_strings), (6, at_symbols), (10, len(strings)), (11, 24),
        (14, name(b"libpython3.99.so")), (0, 0)))
    at_sections = at_dynamic + len(dynamic)
    sections = b"".join(struct.pack("<IIQQQQIIQQ", *section) for section in (
        (0,) * 10,
        (name(b".PyRuntime"), 1, 3, 0x2000, at_dynamic, 64, 0, 0, 8, 0),
        (name(b".dynstr"), 3, 2, at_strings, at_strings, len(strings), 0, 0, 1, 0),
        (name(b".dynsym"), 11, 2, at_symbols, at_symbols, len(symbols), 2, 1, 8, 24),
        (name(b".symtab"), 2, 0, 0, at_symbols, len(symbols), 2, 1, 8, 24),
        (name(b".shstrtab"), 3, 0, 0, at_strings, len(strings), 0, 0, 1, 0)))
    size = at_sections + len(sections)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, at_sections, 0, 64, 56, 2, 64, 6, 5)
    head += struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, size, size + 8192, 4096)
    head += struct.pack("<IIQQQQQQ", 2, 6, at_dynamic, at_dynamic, at_dynamic, len(dynamic), len(dynamic), 8)
    parts = [(0, head), (at_strings, strings), (at_symbols, symbols), (at_hash, hashes), (at_dynamic, dynamic), (at_sections, sections)]
    out = bytearray(size)
    for at, part in parts:
        out[at:at + len(part)] = part
    return bytes(out)


def elves(folder):
    whole = elf_object()
    write(folder, "shared", whole)
    write(folder, "cut", whole[:300])
    write(folder, "executable", whole[:16] + struct.pack("<H", 2) + whole[18:])


def walks(folder, images=IMAGES, modes=(0, 1), n=8):
    rng = random.Random(1)
    for image in range(len(images)):
        for mode in modes:
            write(folder, "whole-%d-%d" % (image, mode), bytes([image, mode]))
        for k in range(n):
            changes = b""
            for _ in range(1 + k):
                changes += struct.pack("<BBHI", rng.randrange(4), rng.choice((0, 8, 32, 56)), rng.randrange(1000), rng.randrange(1 << 20))
            write(folder, "changed-%d-%d" % (image, k), bytes([image, modes[k % len(modes)]]) + changes)


def task_walks(folder):
    """Besides what is changed anywhere: words of the tasks and their coroutines, which the truth names."""
    walks(folder, TASK_IMAGES, (0, 1, 6), 3)
    rng = random.Random(2)
    for number, path in enumerate(TASK_IMAGES):
        facts, ranges = load(path)
        pages = [start for start, _ in ranges]
        tasks = [int(line.split("\t")[1]) for line in facts["tasks"].splitlines() if line.startswith("K\t")]
        for k in range(8):
            changes = b""
            for _ in range(1 + k % 4):
                at = rng.choice(tasks) + 8 * rng.randrange(2, 26)
                if at & ~4095 not in pages:
                    continue
                if k % 2:
                    to = rng.choice(tasks)
                    held = rng.randrange(128)
                    changes += struct.pack("<BBHI", 1, 128 + held, pages.index(at & ~4095), pages.index(to & ~4095) << 12 | at & 4095)
                else:
                    value = rng.choice((0, 1, 8, rng.randrange(1 << 32)))
                    changes += struct.pack("<BBHI", 0, 0, pages.index(at & ~4095), value & ~4095 | at & 4095)
            write(folder, "task-%d-%d" % (number, k), bytes([number, k % 16]) + changes)


def readings(folder):
    """Things that come and go between readings (tests/fuzz/fuzz_meter.c)."""
    rng = random.Random(1)
    for number in range(20):
        steps = bytes([rng.randrange(256)])
        for _ in range(rng.randrange(2, 12)):
            for _ in range(rng.randrange(6)):
                name = rng.choice([b"", b"other", b"app.POOL", b"gate_%d" % rng.randrange(30), b"\xff\n\"}", b"at 0x7f0012345678"])
                steps += bytes([0, rng.randrange(7), rng.randrange(16)] + [rng.choice([0, 1, 2, 3, 4, 7, 9, 200]) for _ in range(3)]
                               + [rng.randrange(4), rng.random() < 0.1, len(name)]) + name + b"\1"
            steps += bytes([rng.choice([200, 230])]) + struct.pack(">H", rng.choice([50, 100, 1100, 5000, 0]))
            if rng.random() < 0.3:
                steps += bytes([240 + rng.randrange(10), 3]) + b"app"
        write(folder, "readings-%d" % number, steps)


def main():
    for name, make in (("linetable", linetables), ("callsite", callsites), ("layout", layouts), ("asyncio", asyncio_tables), ("elf", elves), ("walk", walks),
                       ("tasks", task_walks), ("meter", readings)):
        make(os.path.join(sys.argv[1], name))


main()
