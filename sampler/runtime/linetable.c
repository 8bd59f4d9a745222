/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/linetable.h"

#include "base/err.h"

/* The sum of all deltas fits easily: a table has at most 2^32 bytes and a delta at most 2^31. */
static int finish(int64_t line, int32_t firstlineno, int32_t *ret_line)
{
    if (line < 0 || line > INT32_MAX) {
        *ret_line = firstlineno;
        return STROBE_ERR_FORMAT;
    }
    *ret_line = (int32_t)line;
    return 0;
}

static int damaged(int32_t firstlineno, int32_t *ret_line)
{
    *ret_line = firstlineno;
    return STROBE_ERR_FORMAT;
}

/* 3.8, 3.9: pairs (bytes of code, signed lines); a pair's lines count from the end of its bytes on (CPython:
 * Objects/lnotab_notes.txt).  Beyond the last pair its line goes on. */
static int lnotab_line(const unsigned char *table, size_t len, int32_t firstlineno, int64_t lasti, int32_t *ret_line)
{
    int64_t line = firstlineno, addr = 0;

    if (len % 2)
        return damaged(firstlineno, ret_line);
    for (size_t i = 0; i < len; i += 2) {
        addr += table[i];
        if (addr > lasti)
            break;
        line += (signed char)table[i + 1];
    }
    return finish(line, firstlineno, ret_line);
}

/* 3.10: pairs (bytes of code, signed lines) of ranges; -128 = a range without a line, which leaves the count as it is
 * (PEP 626; CPython 3.10: Objects/lnotab_notes.txt). */
static int pep626_line(const unsigned char *table, size_t len, int32_t firstlineno, int64_t lasti, int32_t *ret_line)
{
    int64_t line = firstlineno, end = 0;

    if (len % 2)
        return damaged(firstlineno, ret_line);
    for (size_t i = 0; i < len; i += 2) {
        int delta = (signed char)table[i + 1];

        end += table[i];
        if (delta != -128)
            line += delta;
        if (lasti < end)
            return finish(delta == -128 ? 0 : line, firstlineno, ret_line);
    }
    *ret_line = 0;
    return 0;
}

/* A signed varint of the location table: six bits a byte, least significant first, bit 6 = more follow; then the sign is the
 * lowest bit.  Reads from [*pos, end).  False when it is cut short or does not fit. */
static bool read_svarint(const unsigned char *table, size_t *pos, size_t end, int64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift <= 30; shift += 6) {
        unsigned char byte;

        if (*pos >= end)
            return false;
        byte = table[(*pos)++];
        value |= (uint64_t)(byte & 63) << shift;
        if (!(byte & 64)) {
            *ret = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
            return true;
        }
    }
    return false;
}

/* 3.11+: entries of one byte 1ccccnnn and operands, which are bytes without the top bit (CPython: Objects/locations.md, later
 * InternalDocs/code_objects.md).  cccc = form, nnn + 1 = code units covered. */
static int location_line(const unsigned char *table, size_t len, int32_t firstlineno, int64_t lasti, int32_t *ret_line)
{
    enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15, UNIT = 2 /* bytes */ };
    int64_t line = firstlineno, end = 0, delta;
    size_t pos = 0;

    while (pos < len) {
        unsigned head = table[pos++], form = head >> 3 & 15;
        size_t operands = pos;

        if (!(head & 128))
            return damaged(firstlineno, ret_line);
        while (pos < len && !(table[pos] & 128))
            pos++;
        end += UNIT * ((head & 7) + 1);
        if (form == LONG || form == NO_COLUMNS) {
            if (!read_svarint(table, &operands, pos, &delta))
                return damaged(firstlineno, ret_line);
            line += delta;
        } else if (form >= ONE_LINE_0 && form <= ONE_LINE_2) {
            line += form - ONE_LINE_0;
        }
        if (lasti < end)
            return finish(form == NONE ? 0 : line, firstlineno, ret_line);
    }
    *ret_line = 0;
    return 0;
}

int strobe_linetable_line(enum strobe_lines_kind kind, const unsigned char *table, size_t len, int32_t firstlineno,
                          int64_t lasti, int32_t *ret_line)
{
    if (lasti < 0) {
        *ret_line = firstlineno;
        return 0;
    }
    switch (kind) {
    case STROBE_LINES_LNOTAB: return lnotab_line(table, len, firstlineno, lasti, ret_line);
    case STROBE_LINES_PEP626: return pep626_line(table, len, firstlineno, lasti, ret_line);
    case STROBE_LINES_LOCATIONS: return location_line(table, len, firstlineno, lasti, ret_line);
    }
    return damaged(firstlineno, ret_line);
}
