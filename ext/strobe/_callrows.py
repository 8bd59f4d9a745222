# SPDX-License-Identifier: Apache-2.0
"""What a deterministic profile has counted, as plain data, for people, and for files."""
import os
import sys
import threading

OTHER = 0  # STROBE_CALLS_OTHER of sampler/calls/calls.h
PARTS = ("thread", "task", "tag")
_SORTS = ("self", "total", "inclusive", "awaited", "self_awaited", "calls", "name", "self_cpu", "total_cpu", "average", "longest")


def _describe_builtin(function):
    """(as it is called, as cProfile calls it): "<built-in method time.sleep>", "<method 'append' of 'list' objects>".  function: itself, or
    (type, name) of an object's method."""
    if isinstance(function, tuple):
        owner, name = function
        bases = type.__dict__["__mro__"].__get__(owner)  # those of Python may override it, and call it by super()
        descriptor = next((base.__dict__[name] for base in bases if type(base.__dict__.get(name)) is type(list.append)), None)
        text = repr(descriptor) if descriptor is not None else "<method %r of %r objects>" % (name, owner.__name__)
    elif hasattr(function, "__objclass__"):
        text = repr(function)
    elif isinstance(getattr(function, "__self__", None), type):
        return "<built-in method %s>" % function.__qualname__, "<built-in method %s>" % function.__name__
    else:
        module = getattr(function, "__module__", None)
        text = "<built-in method %s%s>" % (module + "." if isinstance(module, str) else "", function.__name__)
    return text, text


class Function:
    """What a row is about.  kind: "function", "generator", "coroutine", "async generator", "builtin" or "other"."""

    __slots__ = ("name", "short", "file", "line", "kind")

    def __init__(self, what):
        code = hasattr(what, "co_filename")
        if what is None:
            self.name = self.short = "(other functions)"
        else:
            self.name, self.short = (getattr(what, "co_qualname", what.co_name), what.co_name) if code else _describe_builtin(what)
        self.file = what.co_filename if code else "~"
        self.line = what.co_firstlineno if code else 0
        flags = what.co_flags if code else 0
        self.kind = "other" if what is None else "builtin" if not code else "coroutine" if flags & 0x180 else \
            "async generator" if flags & 0x200 else "generator" if flags & 0x20 else "function"

    @property
    def suspends(self):
        """Do its calls suspend themselves and go on?"""
        return self.kind not in ("function", "builtin", "other")


class Row:
    """Figures of a function, or of one as called by another.  Times in seconds."""

    __slots__ = ("caller", "function", "calls", "finished", "unfinished", "primitive", "resumes", "primitive_resumes", "self", "self_cpu", "total",
                 "total_cpu", "awaited", "self_awaited", "shortest", "longest")

    def __init__(self, native, tick):
        (self.caller, self.function, self.calls, self.finished, self.unfinished, self.primitive, self.resumes,
         self.primitive_resumes, *times) = native
        (self.self, self.self_cpu, self.total, self.total_cpu, self.awaited, self.self_awaited,
         self.shortest, self.longest) = [time * tick for time in times]
        if not self.finished:
            self.shortest = self.longest = None

    def add(self, other):
        for name in self.__slots__[2:-2]:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.shortest = min((one.shortest for one in (self, other) if one.shortest is not None), default=None)
        self.longest = max((one.longest for one in (self, other) if one.longest is not None), default=None)

    @property
    def inclusive(self):
        return self.total + self.awaited

    def figures(self, has_cpu):
        average = self.inclusive / (self.finished + self.unfinished) if self.finished + self.unfinished else None
        figures = {"calls": self.calls, "finished": self.finished, "unfinished": self.unfinished, "primitive": self.primitive,
                   "resumes": self.resumes, "self": self.self, "total": self.total, "inclusive": self.inclusive, "awaited": self.awaited,
                   "self_awaited": self.self_awaited,
                   "shortest": self.shortest, "longest": self.longest, "average": average}
        figures["self_cpu"] = self.self_cpu if has_cpu else None
        figures["total_cpu"] = self.total_cpu if has_cpu else None
        return figures


class Snapshot:
    """One moment of a profile: functions, their rows, edges.  It changes no more."""

    def __init__(self, functions, rows, edges, wall, cpu, elapsed, has_cpu, lost, cost, compensated):
        self.functions, self.rows, self.edges = functions, rows, edges
        self.wall, self.cpu, self.elapsed, self.has_cpu, self.lost = wall, cpu, elapsed, has_cpu, lost
        self.cost, self.compensated = cost, compensated

    def overhead(self):
        """Seconds that the events of these rows have taken of the program's time: their number times what one costs."""
        def taken(row):
            function = self.functions[row.function]
            cost = self.cost[1 if function.suspends else 2 if function.kind == "builtin" else 0]
            return (row.calls + row.finished + (2 * row.resumes if function.suspends else 0)) * cost
        return sum(map(taken, self.rows)) / 1e9

    def stats(self, sort):
        """As Readable.stats() says."""
        dicts = {row.function: dict(_place(self.functions[row.function]), **row.figures(self.has_cpu), callers=[], callees=[])
                 for row in self.rows}
        for edge in self.edges:
            if edge.caller == OTHER or edge.function not in dicts:
                continue
            figures = edge.figures(self.has_cpu)
            dicts[edge.function]["callers"].append(dict(_place(self.functions[edge.caller]), **figures))
            if edge.caller in dicts:
                dicts[edge.caller]["callees"].append(dict(_place(self.functions[edge.function]), **figures))
        return sorted(dicts.values(), key=_sort_key(sort))

    def seconds(self):
        """As Readable.tasks() says, without the name."""
        return {"wall": self.wall, "cpu": self.cpu if self.has_cpu else None, "awaited": sum(row.self_awaited for row in self.rows)}

    def totals(self):
        """As Readable.totals() says, of what was asked for."""
        return {"elapsed": self.elapsed, "wall": self.wall, "cpu": self.cpu if self.has_cpu else None, "overhead": self.overhead(),
                "compensated": self.compensated, "lost": self.lost}


def _merged(rows):
    merged = {}
    for row in rows:
        key = row.caller, row.function
        if key in merged:
            merged[key].add(row)
        else:
            merged[key] = row
    return list(merged.values())


class Readable:
    """The reading side of a profile."""

    def _asked(self, thread=None, task=None, tag=None, number=None):
        """Numbers of threads (0: all), and of groups (-1: all).  number: of one thread; others may have had its ident before."""
        native = self._begun()
        if number is not None:
            threads = [number]
        else:
            threads = [0] if thread is None else [row[-1] for row in native.threads() if _is_thread(row, thread)]
        groups = [-1] if task is None and tag is None else [place for place, name in enumerate(native.groups()) if _is_group(name, task, tag)]
        return threads, groups

    def _read(self, **which):
        native, (threads, groups) = self._begun(), self._asked(**which)
        tick, elapsed, functions, events, too_deep, without_builtins, paths_full, groups_full = native.facts()
        tick = self._tick or tick
        found = [native.rows(one, group) for one in threads for group in groups]
        rows = _merged([Row(row, tick) for one in found for row in one[0]])
        edges = _merged([Row(row, tick) for one in found for row in one[1]])
        lost = {"calls_of_other_functions": functions, "events": events, "stacks_too_deep": too_deep,
                "builtins_of_threads": without_builtins, "paths": paths_full, "tasks_and_tags": groups_full}
        return Snapshot(self._known_functions(), rows, edges, sum(one[2] for one in found) * tick,
                        sum(one[3] for one in found) * tick, elapsed * tick, self._has_cpu, lost, self._cost, self._compensate)

    def _known_functions(self):
        """By number.  They are as they are until the profile begins anew: there may only be more of them."""
        known = self._functions
        self._functions = known = known + [Function(what) for what in self._begun().functions()[len(known):]]
        return known

    def stats(self, sort="self", thread=None, task=None, tag=None):
        """The rows: a list of dicts, the largest first.  It changes nothing of the profile, which may go on.

        A row: "name" (qualified), "file", "line", "kind"; "calls" that have begun, "finished" and "unfinished" ones, "primitive" ones (not
        from inside themselves), "resumes"; in seconds "self" and "total" on the thread, "self_cpu" and "total_cpu" (None where CPU time is
        not measured), "awaited" (suspended by an await), "self_awaited" (of that, not for a wait of what it has called), "inclusive" (total and
        awaited), "shortest" and "longest" of the finished calls and "average"; "callers" and "callees": the same figures by other function.
        thread: a name, ident, native id, or a Thread; task, tag: a name; None: of all.  Raises ValueError for an unknown sort.
        """
        _check_sort(sort)
        return self._read(thread=thread, task=task, tag=tag).stats(sort)

    def totals(self):
        """"elapsed": seconds for which the profile ran; "wall", "cpu": of all threads under it, the sums of all "self" and "self_cpu"; "overhead":
        seconds that the profiler itself has taken, as estimated by what an event cost at the start; "compensated": they are taken out of the
        times on threads; "lost": what could not be told apart."""
        return self._read().totals()

    def threads(self):
        """The threads that have rows: a list of dicts of "name", "ident", "native_id", "ended", and in seconds "wall", "cpu" and "awaited": the
        sums of their rows' "self", "self_cpu" and "self_awaited"."""
        return [facts for facts, _ in self._parts("thread")]

    def tasks(self):
        """The tasks by which there are rows, equal ones as one: a list of dicts of "name" (without its numbers; of those that asyncio has named,
        the coroutine's), and in seconds "wall", "cpu" and "awaited": the sums of their rows' "self", "self_cpu" and "self_awaited"."""
        return [facts for facts, _ in self._parts("task")]

    def tags(self):
        """The same by the values of the tag, as text."""
        return [facts for facts, _ in self._parts("tag")]

    def _parts(self, by):
        """(facts, Snapshot) of each thread, task or tag."""
        native = self._begun()
        if by == "thread":
            for ident, tid, name, ended, number in native.threads():
                shot = self._read(number=number)
                yield {"name": name, "ident": ident, "native_id": tid or None, "ended": ended, **shot.seconds()}, shot
            return
        names = {name.partition("\x1f")[0] for name in native.groups()} - {""} if by == "task" else {
            name.partition("\x1f")[2] for name in native.groups() if "\x1f" in name}
        for name in sorted(names):
            shot = self._read(**{by: name})
            yield {"name": name, **shot.seconds()}, shot

    def _begun(self):
        if self._native is None:
            raise RuntimeError("this profile has not begun")
        return self._native

    def print(self, sort=None, limit=30, file=None, thread=None, task=None, tag=None, by=None):
        """A table for people: the `limit` largest rows (None: all).  sort: see stats(); None: self, of the profile's clock.
        by: "thread", "task" or "tag": a row for each of these instead, most time first, with the functions that take most of it.
        """
        cpu = self._clock == "cpu"
        sort = sort or ("self_cpu" if cpu else "self")
        _check_sort(sort)
        if by not in (None, *PARTS):
            raise ValueError("by is %s, not %r" % (" or ".join(map(repr, PARTS)), by))
        if by and (thread, task, tag) != (None, None, None):
            raise ValueError("by makes rows of all threads, tasks or tags: it does not go with one of them")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise ValueError("limit is a number of rows, or None for all, not %r" % (limit,))
        out = sys.stdout if file is None else file
        if out is None:  # pythonw, or closed
            return
        if by:
            text = table_of_parts([(facts, part.stats("self")) for facts, part in self._parts(by)], self.totals(), limit, by, cpu)
        else:
            shot = self._read(thread=thread, task=task, tag=tag)
            of = _printable(of_text({"thread": thread, "task": task, "tag": tag}))
            text = table(shot.stats(sort), shot.totals(), limit, sort, cpu, of, self._how[5] is not None)
        encoding = getattr(out, "encoding", None)
        out.write(text.encode(encoding, "backslashreplace").decode(encoding) if encoding else text)

    def save(self, path, format=None, compat=None, thread=None, task=None, tag=None):
        """Writes the profile to a file, whole or not at all.

        path: its ending chooses the format, unless format names one: "pstat", "callgrind", "json", "collapsed", "speedscope", "flamegraph",
        "pprof".  compat: "cprofile" or "yappi": counts and times of a pstat file as they have them (docs/deterministic.md).
        thread, task, tag: of these alone, see stats().  Raises ValueError for a format that is not known.
        """
        from strobe import _callfiles

        _callfiles.save(self, path, format, compat, thread=thread, task=task, tag=tag)


def _is_thread(row, asked):
    """row: (ident, native id or 0, name, ...).  asked: a name, an ident, a native id, or a Thread."""
    if isinstance(asked, str):
        return asked == row[2]
    if hasattr(asked, "ident"):
        own = {getattr(asked, "native_id", None), os.getpid() if asked is threading.main_thread() else None} - {None}  # it is stale after a fork
        return bool(asked.ident) and asked.ident == row[0] and (not own or not row[1] or row[1] in own)
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise TypeError("thread is a name, an ident, a native id or a Thread, not %r" % (asked,))
    return asked != 0 and asked in row[:2]


def of_text(which):
    """", thread worker-1": of what a table or a file is; which: {"thread", "task", "tag": None or what was asked for}."""
    return "".join([", %s %s" % (name, getattr(one, "name", one)) for name, one in which.items() if one is not None])


def _is_group(name, task, tag):
    of_task, has_tag, of_tag = name.partition("\x1f")
    return (task is None or of_task == task) and (tag is None or has_tag and of_tag == str(tag))


def _place(function):
    return {"name": function.name, "file": function.file, "line": function.line, "kind": function.kind}


def _check_sort(sort):
    if sort not in _SORTS:
        raise ValueError("sort is one of %s, not %r" % (", ".join(_SORTS), sort))


def _sort_key(sort):
    if sort == "name":
        return _place_of
    return lambda row: (-(row[sort] or 0), *_place_of(row))


def _printable(text):
    """Names come from the program: what a terminal would obey is shown instead."""
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) if ord(c) < 256 else "\\u%04x" % ord(c) for c in text)


def _seconds(value):
    return "-" if value is None else "%.9f" % value if 0 < value < 1e-5 else "%.6f" % value if value < 1000 else "%.1f" % value


def _lines(heads, cells, places):
    """Columns, the last of which is text."""
    lines = [heads] + [(*line, place) for line, place in zip(cells, places)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads) - 1)]
    return ["  ".join([cell.rjust(width) for cell, width in zip(line, widths)] + [line[-1]]) for line in lines]


def _called(row):
    """Name and place, as text."""
    name = row["name"] if len(row["name"]) <= _LONGEST else row["name"][:_LONGEST] + "..."
    return _printable("%s (%s:%d)" % (name, os.path.basename(row["file"]), row["line"]) if row["line"] else name)


_COLUMNS = {"self": "self", "total": "total", "awaited": "awaited", "self_awaited": "self awaited", "self_cpu": "self CPU", "total_cpu": "total CPU",
            "inclusive": "inclusive", "longest": "longest", "average": "average"}
_HEADS = {"wall": "self", "cpu": "self CPU", "awaited": "awaited"}
_LONGEST = 120  # name in a table
_WAITS = 5  # that are shown below a table which is sorted by something else


def _table_of_rows(rows, limit, sort, cpu):
    columns = ["self_cpu", "total_cpu", "awaited", "self", "average"] if cpu else ["self", "total", "awaited", "self_cpu", "average"]
    if sort in _COLUMNS and sort not in columns:
        columns.insert(0, sort)
    shown = rows if limit is None else rows[:limit]
    cells = [("%d" % row["calls"] if row["calls"] == row["primitive"] else "%d/%d" % (row["calls"], row["primitive"]), str(row["unfinished"] or ""),
              str(row["resumes"] or ""), *("" if name.endswith("awaited") and not row[name] else _seconds(row[name]) for name in columns))
             for row in shown]
    lines = _lines(("calls", "unfinished", "resumes", *(_COLUMNS[name] for name in columns), "function"), cells, map(_called, shown))
    if len(shown) < len(rows):
        lines.append("... and %d functions more" % (len(rows) - len(shown)))
    return lines


def _waits_for(row, by_place):
    """The two callers for which it has waited longest; of one in the same folder (a library's own), those of that, as long as it has waited
    for nothing else."""
    for _ in range(10):
        callers = sorted((one for one in row["callers"] if one["awaited"]), key=_sort_key("awaited"))[:2]
        if not callers or os.path.dirname(callers[0]["file"]) != os.path.dirname(row["file"]):
            break
        caller = by_place[_place_of(callers[0])]
        if not _waits_only_for(caller, row):
            break
        row = caller
    return callers


def _place_of(row):
    return row["name"], row["file"], row["line"]


def _waits_only_for(caller, row):
    """Is this all that it has waited for?"""
    others = [one for one in caller["callees"] if one["awaited"] and _place_of(one) != _place_of(row)]
    return not others and caller["self_awaited"] < 0.01 * caller["awaited"]


def _table_of_waits(rows):
    """Where coroutines have waited: what they awaited last, and who called that."""
    by_place = {_place_of(row): row for row in rows}
    waits = sorted((row for row in rows if row["self_awaited"]), key=_sort_key("self_awaited"))[:_WAITS]
    if not waits:
        return []
    places = []
    for row in waits:
        callers = _waits_for(row, by_place)
        places.append(_called(row) + (", for " + " and ".join(map(_called, callers)) if callers else ""))
    cells = [(_seconds(row["self_awaited"]), "%d" % row["calls"], str(row["unfinished"] or ""), _seconds(row["longest"])) for row in waits]
    total = sum(row["self_awaited"] for row in rows)
    return ["", "awaited by all coroutines together: %s s, most of it in" % _seconds(total)] + _lines(
        ("awaited", "calls", "unfinished", "longest", "function"), cells, places)


def _most(rows, column):
    """The function that has most of it, as text; None: none has any."""
    most = max(rows, key=lambda row: row[column] or 0, default=None)
    return _called(most) if most is not None and most[column] else None


def table_of_parts(parts, totals, limit, by, cpu):
    """The text that print(by=...) writes.  parts: (facts, rows) of each."""
    columns = ("cpu", "wall", "awaited") if cpu else ("wall", "cpu", "awaited")
    parts.sort(key=lambda part: (-(part[0][columns[0]] or 0), -part[0]["awaited"], part[0]["name"]))
    shown, places = parts if limit is None else parts[:limit], []
    for facts, rows in shown:
        takes, waits = _most(rows, "self_cpu" if cpu else "self"), _most(rows, "self_awaited")
        places.append(_printable(facts["name"]) + (": most in " + takes if takes else "") + (", awaits most in " + waits if waits else ""))
    cells = [[_seconds(facts[name]) if facts[name] or name != "awaited" else "" for name in columns] for facts, _ in shown]
    plural = "" if len(parts) == 1 else "s"
    lines = ["%d %s%s, %.3f s of threads (%s s of CPU) in %.3f s"
             % (len(parts), by, plural, totals["wall"], _seconds(totals["cpu"]), totals["elapsed"])]
    lines += _lines([_HEADS[name] for name in columns] + [by], cells, places) if shown else ["no %s has rows" % by]
    if len(shown) < len(parts):
        lines.append("... and %d %ss more" % (len(parts) - len(shown), by))
    return "\n".join(lines) + "\n"


def table(rows, totals, limit, sort, cpu, of="", tagged=False):
    """The text that print() writes.  tagged: a tag was asked for, whose cost no estimate has."""
    lines = ["%d functions, %d calls, %.3f s of threads (%s s of CPU) in %.3f s%s"
             % (len(rows), sum(row["calls"] for row in rows), totals["wall"], _seconds(totals["cpu"]), totals["elapsed"], of)]
    lines.append("the profiler has taken about %.3f s%s, %s" % (totals["overhead"], " and what the tag took" if tagged else "", "which are taken out" if totals["compensated"] else
                                                              "which are in these times (compensate=True takes them out)"))
    for name, count in totals["lost"].items():
        if count:
            lines.append("not told apart: %s%s" % (name.replace("_", " "), "" if count is True else ": %d" % count))
    lines += _table_of_rows(rows, limit, sort, cpu) if rows else [
        "no function was called, or none that the filter, the thread, task or tag lets through"]
    lines += _table_of_waits(rows) if not sort.endswith("awaited") else []
    return "\n".join(lines) + "\n"
