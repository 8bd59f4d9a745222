# SPDX-License-Identifier: Apache-2.0
"""strobe: a profiling and introspection runtime for CPython.

From inside a program:

    import strobe
    strobe.start()                      # a native thread samples threads and tasks from now on, at 1 % of a core
    profile = strobe.snapshot()         # what it gathered since then, or since the last snapshot
    profile.save("profile.svg")
    with strobe.sample() as p: ...      # a recording of its own
    strobe.dump(), strobe.tasks(), strobe.pools()    # this moment, as plain data
    with strobe.Profile() as p: ...     # every call, exactly; p.print(), p.save("out.pstat")

From outside, without a change to the program: the command `strobe` (python -m strobe), which this package brings along.
"""
__all__ = ["__version__", "dump", "events", "executable", "install_signal", "is_running", "label", "meter", "metrics", "pools", "Profile", "profile",
           "Recording", "sample", "SampledProfile", "snapshot", "start", "stats", "stop", "stop_meter", "tasks", "uninstall_signal", "watch"]

_LATER = dict.fromkeys(__all__, "strobe._inside")
_LATER.update(Profile="strobe._calls", profile="strobe._calls")
_LATER["label"] = "strobe._labels"  # in other interpreters than the main one, too, where the extension cannot be
_LATER.update(__version__="strobe._version", executable="strobe._command")
_ANYWHERE = ("strobe._version", "strobe._command")  # on 3.8, too
_MODULES = ("eventlog", "health", "prometheus")


def __getattr__(name):
    """The C extension is loaded with the first thing that needs it: the command does without.  So are the modules."""
    if name in _MODULES:
        import importlib

        return importlib.import_module("strobe." + name)
    module = _LATER.get(name)
    if module is None:
        raise AttributeError("module 'strobe' has no attribute %r" % name)
    value = getattr(_import(module), name)
    globals()[name] = value
    return value


def _import(module):
    import importlib
    import sys

    if sys.version_info < (3, 9) and module not in _ANYWHERE:
        raise ImportError("strobe records a process from inside from CPython 3.9 on; of 3.8 use the command: strobe record --pid PID")
    return importlib.import_module(module)


def __dir__():
    return sorted(set(globals()) | set(_LATER))
