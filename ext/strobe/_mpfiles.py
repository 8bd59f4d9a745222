# SPDX-License-Identifier: Apache-2.0
"""Files in a PROMETHEUS_MULTIPROC_DIR that are strobe's own: their format, and who may write which.

prometheus_client reads every *.db of the directory at a scrape, one after the other and without a lock, adds counters up over all
files and takes the rest of a file's name for the process.  Its own naming by process id needs somebody who removes what a killed
process left, and moving a counter from a dead process's file into another one is seen half done by a scrape: too little or too much,
and rate() takes either for a restart.  So strobe's files belong to *slots*:

    gauge_livesum_strobe-3.db  gauge_livemax_strobe-3.db  gauge_livemin_strobe-3.db  counter_strobe-3.db      .strobe.lock

A process owns a slot while it holds the lock on byte 1 + slot of .strobe.lock; the kernel frees it however the process ends, and knows no
two processes of one id.  Whoever takes a slot over continues its counters from where they stand: nothing is moved, so nothing is
counted twice or lost, whenever it was killed.  Gauges of slots without an owner are emptied, not removed (a file that vanishes during a
scrape fails it, in most versions of prometheus_client).  There are as many slots as there ever were processes at one time.

The locks are POSIX record locks, which a forked child does not inherit; a process loses them when it closes any descriptor of the file,
so only this module opens it, once a process.  Byte 0 is held while slots are given out and swept.

The directory may be one that others can write to: what is opened there must be a plain file, no link that leads elsewhere and no pipe that
is waited for, and new files are made where none is.
"""
from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import re
import stat
import struct
import tempfile
import threading
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set, Tuple

LOCK_FILE = ".strobe.lock"
_OWN = re.compile(r"^(counter|gauge_[a-z]+)_strobe-(\d+)\.db$")
_EMPTY = struct.pack("i4x", 8)
_PLAIN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_open: Dict[str, "Directory"] = {}  # by real path: the one descriptor of a lock file that this process has


class Format(NamedTuple):
    """How the installed prometheus_client writes an entry: int length, key padded to 8, double value[, double timestamp]."""

    tail: int  # bytes after the key: 8, or 16 with a timestamp
    helped: bool  # the help text is part of the key
    modes: FrozenSet[str]

    def mode(self, name: str) -> str:
        """livemin and livemax came later than min and max, which do the same for files that are emptied."""
        return name if name in self.modes else name.replace("live", "", 1)

    def key(self, metric: str, name: str, labels: Dict[str, str], words: str) -> str:
        parts: List[object] = [metric, name, labels]
        return json.dumps(parts + [words] if self.helped else parts, sort_keys=True)


class FormatError(Exception):
    """A file, or the installed prometheus_client, is not of a known format."""


def installed_format() -> Format:
    """Asks the installed prometheus_client by having it write an entry.  FormatError when that is none we know."""
    from prometheus_client.metrics import Gauge
    from prometheus_client.mmap_dict import MmapedDict, mmap_key

    try:
        helped, key = True, mmap_key("m", "n", ["l"], ["v"], "h")
    except TypeError:
        helped, key = False, mmap_key("m", "n", ["l"], ["v"])  # type: ignore[call-arg]
    with tempfile.TemporaryDirectory(prefix="strobe-") as folder:
        path = os.path.join(folder, "probe.db")
        probe: Any = MmapedDict(path)  # type: ignore[no-untyped-call]
        probe.read_value("probe")
        probe.close()
        with open(path, "rb") as f:
            data = f.read(64)
    modes = getattr(Gauge, "_MULTIPROC_MODES", frozenset(("min", "max", "livesum", "liveall", "all")))
    for tail in (8, 16):
        found = Format(tail, helped, frozenset(modes))
        if found.key("m", "n", {"l": "v"}, "h") == key and data.startswith(encode({"probe": 0.0}, found)[0]):  # its length included
            return found
    raise FormatError("this version of prometheus_client writes its files in a way that strobe does not know")


def encode(values: Dict[str, float], form: Format) -> Tuple[bytearray, Dict[str, int]]:
    """The bytes of a whole file, and where in them the value of each key is."""
    out, at = bytearray(_EMPTY), {}
    for key, value in values.items():
        raw = key.encode("utf-8")
        out += struct.pack("i", len(raw)) + raw + b" " * (8 - (len(raw) + 4) % 8)
        at[key] = len(out)
        out += struct.pack("d", value).ljust(form.tail, b"\0")
    struct.pack_into("i", out, 0, len(out))
    return out, at


def decode(data: bytes, form: Format) -> Dict[str, float]:
    """What a file holds.  FormatError when it is cut short, or of another format."""
    if not data:
        return {}
    try:
        used, pos, values = struct.unpack_from("i", data)[0], 8, {}
        if used > len(data):
            raise FormatError("cut short")
        while pos < used:
            size = struct.unpack_from("i", data, pos)[0]
            begin = pos + 4
            pos = begin + size + 8 - (size + 4) % 8 + form.tail
            if size < 0 or pos > used:
                raise FormatError("an entry reaches beyond the end")
            key = data[begin:begin + size].decode("utf-8")
            parts = json.loads(key)
            if len(parts) != (4 if form.helped else 3) or not isinstance(parts[2], dict):
                raise FormatError("a key is not of this version")
            values[key] = struct.unpack_from("d", data, pos - form.tail)[0]
    except (struct.error, ValueError, TypeError) as error:
        raise FormatError(str(error)) from error
    return values


class ValueFile:
    """One file of values.  A scrape sees it before or after a write that adds or removes keys; else every single value before or after.

    Written with write(), not through a mapping: a full file system is then an error, not a signal that ends the process.
    """

    def __init__(self, path: str, form: Format) -> None:
        self._path, self._form = path, form
        self._body, self._at = bytearray(), {}  # type: bytearray, Dict[str, int]
        self._id: Optional[Tuple[int, int]] = None

    def read(self) -> Dict[str, float]:
        """Its values; {} when there is no such file.  FormatError, OSError."""
        try:
            fd = open_plain(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return {}
        with open(fd, "rb") as f:
            return decode(f.read(), self._form)

    def write(self, values: Dict[str, float]) -> None:
        """Makes these its values.  OSError: what was there before is whole, but may be there no more."""
        if self._id is None or values.keys() != self._at.keys() or not self._in_place(values):
            self._body, self._at = encode(values, self._form)
            self._id = replace(self._path, bytes(self._body))

    def _in_place(self, values: Dict[str, float]) -> bool:
        """False: somebody removed or replaced the file."""
        before = bytes(self._body)
        for key, value in values.items():
            struct.pack_into("d", self._body, self._at[key], value)
        try:
            fd = open_plain(self._path, os.O_WRONLY)
        except (FileNotFoundError, FormatError):
            return False
        try:
            if _identity(fd) != self._id:
                return False
            if before != self._body:
                self._id = None  # until it is known to be whole
                if os.pwrite(fd, self._body, 0) != len(self._body):
                    return False
                self._id = _identity(fd)
        finally:
            os.close(fd)
        return True


def open_plain(path: str, flags: int) -> int:
    """A descriptor of a plain file.  FormatError when it is anything else; OSError."""
    try:
        fd = os.open(path, flags | _PLAIN, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):  # a link, a pipe that nobody reads
            raise FormatError("%s is no plain file" % path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FormatError("%s is no plain file" % path)
    return fd


def _identity(fd: int) -> Tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def replace(path: str, data: bytes) -> Tuple[int, int]:
    """Puts a new file in the place of another; gives (device, inode).  prometheus_client does not read the helper file."""
    folder, name = os.path.split(path)
    helper = os.path.join(folder, ".%s.new" % name)
    try:
        os.unlink(helper)  # of a process that was killed in here; the slot is ours, and so is the name
    except FileNotFoundError:
        pass
    fd = os.open(helper, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN, 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left):]
        identity = _identity(fd)
        os.rename(helper, path)
    except OSError:
        os.unlink(helper)
        raise
    finally:
        os.close(fd)
    return identity


class Directory:
    """The slots of one directory as this process sees them: one object, which several threads may use."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.slot: Optional[int] = None
        self._lock_path = os.path.join(path, LOCK_FILE)
        self._pid = os.getpid()
        self._mutex = threading.Lock()  # record locks do not tell threads apart
        self._last_slot: Optional[int] = None
        self._fd = -1
        self._id: Optional[Tuple[int, int]] = None

    @staticmethod
    def at(path: str) -> "Directory":
        """The one object of this process for a directory."""
        real = os.path.realpath(path)
        found = _open.get(real)
        if found is None or found._pid != os.getpid():
            if found is not None:
                found._close()
            found = _open[real] = Directory(real)
        return found

    def file(self, kind: str, form: Format) -> ValueFile:
        """kind: counter, or gauge_MODE.  Of the slot that is owned."""
        return ValueFile(os.path.join(self.path, "%s_strobe-%s.db" % (kind, self.slot)), form)

    def own(self) -> bool:
        """Makes sure that a slot is owned: True when it is the same one as before.  BlockingIOError when others are about it: try again.

        It is another one, or the same one anew, when somebody removed the lock file with the rest of the directory.
        """
        with self._mutex:
            self._reopen()
            if self.slot is not None and self._try(1 + self.slot):
                return True
            if self.slot is not None:
                self._last_slot, self.slot = self.slot, None
            with self:
                self.slot = next(number for number in self._numbers() if self._try(1 + number))
            return False

    def release(self) -> None:
        """The slot is free for others; its gauges are the caller's to empty before."""
        with self._mutex:
            self.slot = None
            self._close()

    def sweep(self) -> None:
        """Empties the gauges of slots that nobody owns.  Does nothing when another process is at it."""
        with self._mutex:
            self._reopen()
            self._sweep()

    def _sweep(self) -> None:
        gauges: Dict[int, Set[str]] = {}
        for name in os.listdir(self.path):
            match = _OWN.match(name)
            if match and match.group(1) != "counter" and int(match.group(2)) != self.slot:
                gauges.setdefault(int(match.group(2)), set()).add(os.path.join(self.path, name))
        if not gauges:
            return
        try:
            with self:
                for number, paths in gauges.items():
                    if self._try(1 + number):
                        for path in paths:
                            status = os.lstat(path)
                            if stat.S_ISREG(status.st_mode) and status.st_size > len(_EMPTY):
                                replace(path, _EMPTY)
                        self._unlock(1 + number)
        except (BlockingIOError, FileNotFoundError):
            pass

    def __enter__(self) -> None:
        """The lock on all slots.  BlockingIOError when another process has it."""
        if not self._try(0):
            raise BlockingIOError(errno.EAGAIN, "another process has the lock", self._lock_path)

    def __exit__(self, *_: object) -> None:
        self._unlock(0)

    def _numbers(self) -> Iterator[int]:
        """Slots to try: first the one that was lost."""
        if self._last_slot is not None:
            yield self._last_slot
        yield from itertools.count()

    def _try(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, byte)

    def _reopen(self) -> None:
        """Opens the lock file if it is not open, or is another one by now; then the slot is lost."""
        try:
            status = os.lstat(self._lock_path)
            if self._is_ours() and (status.st_dev, status.st_ino) == self._id:
                return
        except FileNotFoundError:
            pass
        if self.slot is not None:
            self._last_slot, self.slot = self.slot, None
        self._close()
        self._fd = open_plain(self._lock_path, os.O_RDWR | os.O_CREAT)
        self._id = _identity(self._fd)

    def _is_ours(self) -> bool:
        """Is the descriptor the one that was opened?  A program that becomes a daemon closes all it finds, and numbers are used again."""
        try:
            return self._fd >= 0 and _identity(self._fd) == self._id
        except OSError:
            return False

    def _close(self) -> None:
        if self._is_ours():
            os.close(self._fd)
        self._fd, self._id = -1, None
