# SPDX-License-Identifier: Apache-2.0
"""Files of a deterministic profile: pstat, callgrind, JSON, and what the native exporters write."""
import json
import marshal
import os
import sys

from strobe import _files
from strobe._callrows import OTHER, PARTS, of_text
from strobe._version import __version__

_ENDINGS = {
    ".pstat": "pstat", ".pstats": "pstat", ".prof": "pstat",
    ".callgrind": "callgrind", ".json": "json",
    ".collapsed": "collapsed", ".folded": "collapsed", ".txt": "collapsed",
    ".speedscope.json": "speedscope", ".speedscope": "speedscope",
    ".svg": "flamegraph", ".pb.gz": "pprof", ".pprof": "pprof",
}
_NATIVE = {"collapsed": "raw", "speedscope": "speedscope", "flamegraph": "flamegraph", "pprof": "pprof"}
_FORMATS = sorted(set(_ENDINGS.values()))


def format_of(path):
    """Raises ValueError."""
    if os.path.basename(path).lower().startswith("callgrind.out"):
        return "callgrind"
    return _files.format_of(path, _ENDINGS, _FORMATS)


def save(profile, path, format=None, compat=None, **which):
    """which: thread, task, tag, as Readable.stats() has them."""
    path = os.fsdecode(path)
    format = format or format_of(path)
    if format not in _FORMATS:
        raise ValueError("strobe has no format %r of calls: there are %s" % (format, ", ".join(_FORMATS)))
    if compat not in (None, "cprofile", "yappi"):
        raise ValueError("compat is 'cprofile' or 'yappi', not %r" % (compat,))
    if compat and format != "pstat":
        raise ValueError("compat is of pstat files, not of %s" % format)
    _files.write_whole(path, export(profile, format, compat, **which))


def save_at_end(profile, files, table, out=None):
    """When a process ends: (path, compat) each by itself, whatever becomes of the others; what is not written is said, and shown as a table.
    table: writes it to a file object.  out: where this is said; what is stderr then, if that is closed, or there is none."""
    out, failed = sys.stderr or sys.__stderr__ if out is None or out.closed else out, not files
    for path, compat in files:
        try:
            save(profile, path, compat=compat)
        except BaseException as error:  # Ctrl-C, too, is of the file that is being written
            failed = True
            why = getattr(error, "strerror", None) or "%s: %s" % (type(error).__name__, error)
            why = "interrupted" if isinstance(error, KeyboardInterrupt) else why
            if out is not None:
                out.write("strobe: cannot write %s: %s\n" % (path, why))
    if failed and out is not None:
        table(out)


def export(profile, format, compat=None, **which):
    which = {name: value for name, value in which.items() if value is not None}
    if format in _NATIVE:
        title = "calls of " + _command() + _plain(of_text(which))
        return profile._begun().export(_NATIVE[format], _names(profile), profile._clock == "cpu", title, *profile._asked(**which))
    shot = profile._read(**which)
    if format == "pstat":
        return marshal.dumps(pstat(shot, profile._clock, compat), 4)
    if format == "callgrind":
        return callgrind(shot).encode("utf-8", "replace")
    return json.dumps(facts(profile, shot) if which else everything(profile, shot), indent=1).encode()


def facts(profile, shot):
    """What a JSON file has of any part of a profile."""
    return {"strobe": __version__, "clock": profile._clock, **shot.totals(), "functions": shot.stats("self")}


def everything(profile, shot):
    """What a JSON file has of a whole one."""
    def rows(part):
        return [{key: value for key, value in row.items() if key not in ("callers", "callees")} for row in part.stats("self")]
    return {**facts(profile, shot),
            **{by + "s": [dict(one, functions=rows(part)) for one, part in profile._parts(by)] for by in PARTS}}


def _command():
    """What was run, as text: arguments may be any bytes, and the program may have taken them away."""
    return _plain(" ".join(map(str, getattr(sys, "argv", ()))))


def _plain(text):
    """As the native part takes it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "?")


def _names(profile):
    """(name, file, line) of each function, by number; a builtin has no file."""
    return [(one.name, "" if one.file == "~" else one.file, one.line) for one in profile._known_functions()]


# ---- pstat ----


def _key(function, compat):
    if function.kind == "other":
        return "~", 0, function.name
    return function.file, function.line, function.name if compat is None else function.short


def _figures(row, function, clock, compat):
    """Primitive calls, calls, self, cumulative."""
    calls, primitive, cumulative = row.calls, row.primitive, row.inclusive
    if compat == "cprofile":
        calls, primitive, cumulative = calls + row.resumes, primitive + row.primitive_resumes, row.total
    if compat == "yappi" and function.suspends:
        calls = row.finished if function.kind != "generator" else calls + row.resumes
        primitive = min(primitive + (row.primitive_resumes if function.kind == "generator" else 0), calls)
        cumulative = row.total if function.kind == "generator" else row.inclusive
    if clock == "cpu":
        return primitive, calls, row.self_cpu, row.total_cpu
    return primitive, calls, row.self, cumulative


def _is_shown(row, compat):
    """cProfile knows nothing of what was there when it began."""
    return compat is None or row.calls or row.resumes


def pstat(shot, clock, compat):
    """The dict of a pstat file (Lib/pstats.py): {function: (primitive calls, calls, self, cumulative, {caller: (calls, primitive, ...)})}.
    Code objects of one place and name are one function there; what one of them has called of the others is in its time already."""
    stats = {}
    for row in shot.rows:
        function = shot.functions[row.function]
        if _is_shown(row, compat):
            key = _key(function, compat)
            new = _figures(row, function, clock, compat)
            old = stats.get(key)  # two code objects of the same place and name
            stats[key] = (*((a + b for a, b in zip(old[:4], new)) if old else new), old[4] if old else {})
    for edge in shot.edges:
        function, caller = shot.functions[edge.function], shot.functions[edge.caller]
        key, by = _key(function, compat), _key(caller, compat)
        if edge.caller == OTHER or key not in stats or by not in stats or not _is_shown(edge, compat):
            continue
        primitive, calls, own, cumulative = _figures(edge, function, clock, compat)
        before = stats[key][4].get(by, (0, 0, 0.0, 0.0))
        stats[key][4][by] = tuple(a + b for a, b in zip(before, (calls, primitive, own, cumulative)))
        if key == by and edge.function != edge.caller:
            stats[key] = (*stats[key][:3], stats[key][3] - cumulative, stats[key][4])
    return stats


# ---- callgrind ----


def _text(text):
    return "".join(c if c.isprintable() else "?" for c in text)


class _Compressed:
    """Names are written once, and by number afterwards (callgrind's name compression)."""

    def __init__(self):
        self._numbers = {}

    def __call__(self, text):
        known = self._numbers.get(text)
        if known:
            return "(%d)" % known
        self._numbers[text] = len(self._numbers) + 1
        return "(%d) %s" % (len(self._numbers), _text(text))


def _costs(wall, cpu, awaited, has_cpu):
    return " ".join("%d" % round(seconds * 1e9) for seconds in ((wall, cpu, awaited) if has_cpu else (wall, awaited)))


def callgrind(shot):
    """The callgrind format (valgrind's manual, "Callgrind Format Specification"): nanoseconds of time on threads, of CPU, and awaited."""
    files, names = _Compressed(), _Compressed()
    by_caller = {}
    for edge in shot.edges:
        by_caller.setdefault(edge.caller, []).append(edge)
    lines = ["# callgrind format", "version: 1", "creator: strobe " + __version__, "cmd: " + _text(_command()), "positions: line",
             "event: Wall : nanoseconds on the thread"] + (["event: CPU : nanoseconds of CPU"] if shot.has_cpu else []) + [
             "event: Awaited : nanoseconds of waiting", "events: Wall %sAwaited" % ("CPU " if shot.has_cpu else "")]
    for row in sorted(shot.rows, key=lambda row: row.function):
        function = shot.functions[row.function]
        lines += ["", "fl=" + files(function.file), "fn=" + names(function.name),
                  "%d %s" % (function.line, _costs(row.self, row.self_cpu, row.self_awaited, shot.has_cpu))]
        for edge in by_caller.get(row.function, ()):
            callee = shot.functions[edge.function]
            lines += ["cfl=" + files(callee.file), "cfn=" + names(callee.name), "calls=%d %d" % (edge.calls, callee.line),
                      "%d %s" % (function.line, _costs(edge.total, edge.total_cpu, edge.awaited, shot.has_cpu))]
    rows = shot.rows
    sums = _costs(sum(row.self for row in rows), sum(row.self_cpu or 0 for row in rows), sum(row.self_awaited for row in rows), shot.has_cpu)
    return "\n".join(lines + ["", "totals: " + sums]) + "\n"
