# SPDX-License-Identifier: Apache-2.0
"""Files that are written whole or not at all."""
import os


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
