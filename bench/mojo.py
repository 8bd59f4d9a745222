# SPDX-License-Identifier: Apache-2.0
"""Reads what Austin 4 writes: the MOJO format, versions 3 and 4 (https://p403n1x87.github.io/austin/4.1/formats/mojo/).

A stream of events, each a byte and its data; numbers are varints: seven bits a byte, least significant first, the top bit
says that more follow; the first byte gives up a further bit for the sign.  A frame is defined once (event 3) and stands in
stacks as a reference (event 5).
"""
METADATA, STACK, FRAME, INVALID, FRAME_REF, KERNEL, GC, IDLE, TIME, MEMORY, STRING, STRING_REF, REPEAT = range(1, 14)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        data, at = self.data, self.at
        byte = data[at]
        negative, value, shift = byte & 0x40, byte & 0x3F, 6
        while byte & 0x80:
            at += 1
            byte = data[at]
            value |= (byte & 0x7F) << shift
            shift += 7
        self.at = at + 1
        return -value if negative else value

    def numbers(self, n):
        return [self.number() for _ in range(n)]

    def string(self):
        end = self.data.index(b"\0", self.at)
        text = self.data[self.at:end].decode("utf-8", "replace")
        self.at = end + 1
        return text


def stacks(data):
    """Yields each sample as a list of (function, line), outermost first; an invalid frame is (None, 0)."""
    r = Reader(data)
    if data[:3] != b"MOJ":
        raise ValueError("not a MOJO file")
    r.at = 3
    if r.number() not in (3, 4):
        raise ValueError("an unknown version of MOJO")
    names, frames, stack, last, open_ = {}, {}, [], [], False
    while r.at < len(data):
        event = data[r.at]
        r.at += 1
        if event == STACK:
            if open_:
                yield stack
                last = stack
            r.numbers(2)  # process, interpreter
            r.string()  # thread
            stack, open_ = [], True
        elif event == FRAME_REF:
            key = r.number()
            stack.append(frames.get(key, (None, 0)))
        elif event == FRAME:
            key, _, scope, line, _, _, _ = r.numbers(7)
            frames[key] = (names.get(scope, scope), line)
        elif event == INVALID:
            stack.append((None, 0))
        elif event == REPEAT:
            stack = list(last)
        elif event == STRING:
            key = r.number()
            names[key] = r.string()
        elif event in (TIME, MEMORY, STRING_REF):
            r.number()
        elif event == METADATA:
            r.string()
            r.string()
        elif event == KERNEL:
            r.string()
        elif event not in (GC, IDLE):
            raise ValueError("an unknown event %d in a MOJO file" % event)
    if open_:
        yield stack
