# SPDX-License-Identifier: Apache-2.0
"""Files that are written: whole or not at all, in the format that their names end in."""
import os


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
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)  # less the mask, which others may be using
    except OSError as error:
        raise type(error)(error.errno, error.strerror, path) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
