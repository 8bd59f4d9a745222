# SPDX-License-Identifier: Apache-2.0
"""What is known of semaphores and executors beforehand: by strobe.watch(), and by being there when they are made."""
import sys
import threading
import weakref

from strobe import _strobe

_kept = {}  # id -> weak reference, or the object where it takes none
_hooked = {}  # class -> (its own __init__, ours)
_noting = False  # ours note what is made: not after unhook(), where somebody has wrapped ours and still calls it
_lock = threading.Lock()
_SEMAPHORES = (("threading", "Semaphore"), ("asyncio.locks", "Semaphore"))
_EXECUTORS = (("concurrent.futures.thread", "ThreadPoolExecutor"), ("concurrent.futures.process", "ProcessPoolExecutor"))


def watch(obj, name=None, capacity=None):
    """Shows a semaphore, limiter, executor or queue under this name and with this capacity; returns it.

    For what strobe does not find or name by itself, and for the capacity of a plain Semaphore that was made before strobe.meter().  What is None
    stays as it is known.  The object goes when the program has done with it, unless it takes no weak references: then it is kept for ever.
    """
    if name is None and capacity is None:
        raise ValueError("watch() wants a name, a capacity, or both")
    if capacity is not None and capacity < 0:
        raise ValueError("a capacity is 0 or more, not %r" % (capacity,))
    _keep(obj, name, -1 if capacity is None else int(capacity))
    return obj


def _keep(obj, name, capacity):
    address = id(obj)

    def forget(reference):
        if _kept.get(address) is reference:
            del _kept[address]
            _strobe.unhint(address)

    try:
        reference = weakref.ref(obj, forget)
    except TypeError:
        reference = obj
    _strobe.hint(address, name, capacity)
    _kept[address] = reference


def hook():
    """From now on every asyncio and threading semaphore is noted when it is made, with its capacity, and every executor.

    Their classes' __init__ is replaced for that by one that calls it; costs a microsecond an object.  Classes whose module is not imported are
    left alone until this is called again, but for thread pools, whose module is small and imported by concurrent.futures when one is made.
    """
    import concurrent.futures.thread  # noqa: F401

    global _noting
    with _lock:
        for kinds, init in ((_SEMAPHORES, _semaphore_init), (_EXECUTORS, _executor_init)):
            for module, name in kinds:
                cls = getattr(sys.modules.get(module), name, None)
                if cls is not None and cls not in _hooked:
                    _hook(cls, init(cls.__init__))
        _noting = True


def _semaphore_init(original):
    def __init__(self, value=1, *args, **kwargs):
        original(self, value, *args, **kwargs)
        _note(self, value if isinstance(value, int) else -1)
    return __init__


def _executor_init(original):
    def __init__(self, *args, **kwargs):
        original(self, *args, **kwargs)
        _note(self, -1)
    return __init__


def _note(obj, capacity):
    try:
        if _noting and id(obj) not in _kept:
            _keep(obj, None, capacity)
    except Exception:  # being noted is no reason for an object not to be made
        pass


def _hook(cls, ours):
    original = cls.__init__
    ours.__wrapped__ = original
    ours.__doc__ = original.__doc__
    cls.__init__ = ours
    _hooked[cls] = original, ours


def unhook():
    """Puts the classes' own __init__ back; where somebody has wrapped ours meanwhile, it does nothing more."""
    global _noting
    with _lock:
        _noting = False
        for cls, (original, ours) in list(_hooked.items()):
            if cls.__dict__.get("__init__") is ours:
                cls.__init__ = original
                del _hooked[cls]


def after_fork():
    """In the child: who held the lock is not there."""
    global _lock
    _lock = threading.Lock()
