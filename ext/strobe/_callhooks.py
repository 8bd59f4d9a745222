# SPDX-License-Identifier: Apache-2.0
"""How interpreters are made to call the deterministic profiler's hooks (ext/trace_monitoring.c, ext/trace_frames.c)."""
import functools
import sys
import types

from strobe import _strobe

EVENTS = ("PY_START", "PY_RESUME", "PY_THROW", "PY_YIELD", "PY_RETURN", "PY_UNWIND")
BUILTIN_EVENTS = ("CALL",)  # C_RETURN and C_RAISE come with it
UNSEEN = not hasattr(sys, "monitoring")  # the hook is not told of the ends of frames that were there before it
_TOOL_IDS = (4, 3)  # those that PEP 669 gives to nobody
_NAME = "strobe.Profile"
_callbacks = {}
_filtered = False  # some profile before had a filter: what it left out, sys.monitoring does not tell of any more


def hook(events, filtered=False):
    """Has the interpreter call us; what to call to undo it, which may be called again."""
    global _filtered
    if not hasattr(sys, "monitoring"):
        if BUILTIN_EVENTS[0] in events and sys.getprofile() is not None:
            raise RuntimeError("builtins=True needs the thread's profile function, which is %r" % (sys.getprofile(),))
        _strobe.trace_frames(True)
        return lambda: _strobe.trace_frames(False)
    monitoring = sys.monitoring
    for tool in _TOOL_IDS:
        if monitoring.get_tool(tool) == _NAME:  # of a start() that was interrupted
            _unhook(tool)
    free = [tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None]
    if not free:
        raise RuntimeError("both tool ids of sys.monitoring that strobe may take are in use, by %s"
                           % " and ".join(repr(monitoring.get_tool(tool)) for tool in _TOOL_IDS))
    tool = free[0]
    if not _callbacks:
        _callbacks.update(_strobe.trace_callbacks(monitoring.DISABLE, types.CodeType))
    monitoring.use_tool_id(tool, _NAME)
    for name, callback in _callbacks.items():
        monitoring.register_callback(tool, getattr(monitoring.events, name), callback)
    if _filtered:
        monitoring.restart_events()
    _filtered = filtered
    monitoring.set_events(tool, sum(getattr(monitoring.events, name) for name in events))
    return functools.partial(_unhook, tool)


def _unhook(tool):
    monitoring = sys.monitoring
    if monitoring.get_tool(tool) != _NAME:  # somebody has freed it
        return
    monitoring.set_events(tool, 0)
    for name in _callbacks:
        monitoring.register_callback(tool, getattr(monitoring.events, name), None)
    monitoring.free_tool_id(tool)


# ---- greenlet: a tracer is a thread's own ----


class _Both:
    """Ours, and the one that the program had in this thread."""

    def __init__(self, before):
        self.before = before

    def __call__(self, event, args):
        if not _strobe.trace_switched(event, args):  # no profile runs any more
            sys.modules["greenlet"].settrace(self.before)
        self.before(event, args)


def trace_greenlets():
    """In each thread, when the program has imported greenlet: are we told of its switches now?"""
    greenlet = sys.modules.get("greenlet")
    if not hasattr(greenlet, "settrace"):  # it is just being imported, or another one of this name
        return False
    now = greenlet.gettrace()
    if now is not _strobe.trace_switched and not isinstance(now, _Both):
        greenlet.settrace(_strobe.trace_switched if now is None else _Both(now))
    return True


def forget_greenlets():
    """This thread's tracer is the program's own again; that of others with their next switch."""
    greenlet = sys.modules.get("greenlet")
    now = greenlet.gettrace() if hasattr(greenlet, "gettrace") else None
    if now is _strobe.trace_switched:
        greenlet.settrace(None)
    elif isinstance(now, _Both):
        greenlet.settrace(now.before)
