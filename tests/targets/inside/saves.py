# SPDX-License-Identifier: Apache-2.0
"""A profile with names that do harm where they are not escaped, in every format."""
import os
import pstats

import strobe
from common import burn, tell

NAME = '<hostile name="&;\n]]> \\x \x01 é>'
code = compile("def f(burn):\n    burn(0.4)\n", '/tmp/<script>alert("1")</script>;\t &.py', "exec")
space = {}
exec(code, space)
f = space["f"]
f.__code__ = f.__code__.replace(co_name=NAME, **({"co_qualname": NAME} if hasattr(f.__code__, "co_qualname") else {}))
os.umask(0o027)
with strobe.sample(rate=400, threads=True) as p:
    f(burn)
    burn(0.4)
for kind in ("collapsed", "speedscope.json", "trace.json", "svg", "pstat"):
    p.save("x." + kind)
try:
    p.save("no such folder/x.svg")
    unwritable = ""
except OSError as error:
    unwritable = "%s: %s" % (type(error).__name__, error)
stats = pstats.Stats("x.pstat")
tell({"name": NAME, "seconds": p.seconds(), "pstat": len(stats.stats), "mode": os.stat("x.svg").st_mode & 0o777,
      "left": [name for name in os.listdir(".") if name.startswith(".")], "unwritable": unwritable})
