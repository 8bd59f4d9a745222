# SPDX-License-Identifier: Apache-2.0
"""Contexts of all sizes and shapes: says where they lie and what is in them, and keeps them until stdin closes.

{"pid", "contexts": {what: {"at": address, "vars": {address: [name, repr of the value]}}}}
"""
import contextvars
import json
import os
import sys

VALUES = ["request-%d", "größe %d", "名前 %d", "\U0001f40d %d"]


def value(i):
    return VALUES[i // 2 % 4] % i if i % 2 else i ** 3 - 7


def folded(var):
    """The 32 bits of a variable's hash that place it in the tree (hamt_hash)."""
    full = hash(var) & 0xFFFFFFFFFFFFFFFF
    return (full ^ full >> 32) & 0xFFFFFFFF


def alike(bits):
    """Two variables whose hashes have the low bits in common, and, where these are not all 32, no more."""
    seen, kept = {}, []
    while True:
        var = contextvars.ContextVar("alike-%d" % len(kept))
        kept.append(var)
        other = seen.setdefault(folded(var) & (1 << bits) - 1, var)
        if other is not var and (bits == 32 or folded(other) != folded(var)):
            return [other, var]


def made(variables):
    context = contextvars.Context()
    for i, var in enumerate(variables):
        context.run(var.set, value(i))
    return context


def shrunk(n, left):
    """One that had n variables, of which some are left."""
    variables = [contextvars.ContextVar("shrunk-%d" % i) for i in range(n)]
    context = contextvars.Context()
    tokens = [context.run(var.set, value(i)) for i, var in enumerate(variables)]
    for var, token in list(zip(variables, tokens))[left:]:
        context.run(var.reset, token)
    return context


def main():
    contexts = {"%d variables" % n: made([contextvars.ContextVar("größe-%d" % i if i % 3 else "var%d" % i) for i in range(n)])
                for n in (0, 1, 2, 8, 16, 17, 40, 1000, 20000)}
    contexts["one hash"] = made(alike(32))
    contexts["one hash of many"] = made(alike(32) + [contextvars.ContextVar("many-%d" % i) for i in range(100)])
    contexts["as deep as can be"] = made(alike(30))
    contexts["one name"] = made([contextvars.ContextVar("one") for _ in range(3)])
    contexts["shrunk"] = shrunk(1000, 5)
    contexts["emptied"] = shrunk(40, 0)
    contextvars.ContextVar("of the thread").set("its value")
    contexts["copied"] = contextvars.copy_context()
    facts = {what: {"at": id(context), "vars": {id(var): [var.name, repr(value)] for var, value in context.items()}}
             for what, context in contexts.items()}
    os.write(1, (json.dumps({"pid": os.getpid(), "contexts": facts}) + "\n").encode())
    sys.stdin.read()


main()
