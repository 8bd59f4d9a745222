# SPDX-License-Identifier: Apache-2.0
"""Run by each interpreter: loads a pstats file with Python's own module, puts it through its paces, prints what it holds."""
import io
import json
import pstats
import sys

path = sys.argv[1]


def shown(stats, *calls):
    stats.stream.seek(0)
    stats.stream.truncate()
    for name in calls:
        getattr(stats, name)()
    return stats.stream.getvalue()


stats = pstats.Stats(path, stream=io.StringIO())
facts = {
    "functions": [[list(key), list(value[:4]), [[list(caller), list(four)] for caller, four in value[4].items()]]
                  for key, value in stats.stats.items()],
    "total_tt": stats.total_tt,
    "total_calls": stats.total_calls,
    "prim_calls": stats.prim_calls,
}
for key in ("calls", "cumulative", "time", "name", "file", "line", "nfl", "pcalls", "stdname"):
    stats.sort_stats(key)
facts["text"] = shown(stats.sort_stats("cumulative"), "print_stats", "print_callers", "print_callees")
twice = pstats.Stats(path, path, stream=io.StringIO())
twice.add(path)
facts["thrice_tt"] = twice.total_tt
twice.strip_dirs()
facts["stripped_tt"] = sum(value[2] for value in twice.stats.values())
shown(twice, "print_stats", "print_callers", "print_callees")
json.dump(facts, sys.stdout)
