# SPDX-License-Identifier: Apache-2.0
"""Files that are written: whole or not at all, in the format that their names end in."""
import contextlib
import os
import stat


def format_of(path, endings, formats):
    """The format by a file's name.  endings: {ending, in small letters: format}; formats: those that there are.  Raises ValueError."""
    name, known = os.path.basename(path).lower(), {ending: format for ending, format in endings.items() if format in formats}
    for ending in sorted(known, key=len, reverse=True):
        if name.endswith(ending):
            return known[ending]
    raise ValueError("no format is known for %r: give one of %s, or a name that ends in %s"
                     % (path, ", ".join(sorted(formats)), ", ".join(sorted(known))))


def write_whole(path, data):
    """Replaces the file by these bytes; a symbolic link is followed; what is there and no regular file (a FIFO, a device) is written into."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    path = os.path.realpath(path)
    folder = os.path.dirname(os.path.abspath(path))
    part = os.path.join(folder, ".strobe-%d-%s" % (os.getpid(), os.urandom(8).hex()))
    try:
        try:
            with open(part, "xb", buffering=0) as file:
                with contextlib.suppress(OSError):  # a file that is there keeps its mode
                    os.fchmod(file.fileno(), stat.S_IMODE(os.stat(path).st_mode))
                rest = memoryview(data)
                while rest:
                    rest = rest[file.write(rest):]
        except OSError as error:
            raise type(error)(error.errno, error.strerror, path) from None
        os.replace(part, path)
    except BaseException:  # an interruption may come anywhere, before there is a file and when it has its name
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
