# SPDX-License-Identifier: Apache-2.0
"""Names that attack whoever prints them: control characters, markup, quotes, separators, 10 kB, lone surrogates.

usage: hostile.py block | spin
"""
import json
import sys
import threading

import harness

NAMES = [
    "\x1b[31mred\x1b[0m", "a\nb\r\tc", "bell\x07nul\x00end", "c1\x9b31m\x85x", "bidi\u202edcba\u2066", "<script>alert(1)</script>",
    "quote\"quote'&amp;<b>", "semi;colon 17", "back\\slash", "x" * 10240, "lone\udc80\ud800", "(paren) (file.py:3)", "]]>--><!--",
    "\u2028line\u2029", "%s%n%d", "\U0001f600\u0301",
]
gate = threading.Lock()
gate.acquire()


def block():
    gate.acquire()


def spin():
    while True:
        for _ in range(1000):
            pass


def renamed(function, name):
    changes = {"co_name": name, "co_filename": "/tmp/%s.py" % name}
    if sys.version_info >= (3, 11):
        changes["co_qualname"] = name
    return type(function)(function.__code__.replace(**changes), function.__globals__, name)


def main():
    body = block if sys.argv[1] == "block" else spin
    threads = []
    for name in NAMES:
        thread = threading.Thread(target=renamed(body, name), name="T" + name, daemon=True)
        try:
            thread.start()
        except UnicodeEncodeError:  # 3.14+ gives the name to the kernel
            thread = threading.Thread(target=renamed(body, name), name="Tlone", daemon=True)
            thread.start()
        threads.append(thread)
    harness.serve()
    harness.ready(names=json.loads(json.dumps(NAMES)), native=[thread.native_id for thread in threads])
    gate.acquire()


if __name__ == "__main__":
    main()
