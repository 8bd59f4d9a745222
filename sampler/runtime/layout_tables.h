/* SPDX-License-Identifier: Apache-2.0 */
/* layout_tables: the facts about CPython's versions, as rows of data; private to layout.c and its tests.
 * May include: layout.h.  No state, no code. */
#ifndef STROBE_RUNTIME_LAYOUT_TABLES_H
#define STROBE_RUNTIME_LAYOUT_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/layout.h"

enum { STROBE_LAYOUT_COLUMNS = 11 };

/* What a row's number is; gives its width and alignment. */
enum strobe_layout_kind {
    STROBE_LAYOUT_NUM,  /* a value, not an offset */
    STROBE_LAYOUT_PTR,  /* offset of a pointer or another word of 8 bytes */
    STROBE_LAYOUT_I32,  /* offset of an int (or of the low half of something wider) */
    STROBE_LAYOUT_U8,   /* offset of a byte */
    STROBE_LAYOUT_TAIL, /* offset of an array at the end of the struct */
    STROBE_LAYOUT_END,  /* not a field: how many bytes of the struct may be read in one go */
};

/* Which struct a row belongs to. */
enum strobe_layout_group {
    STROBE_LAYOUT_VALUE, STROBE_LAYOUT_RT, STROBE_LAYOUT_IN, STROBE_LAYOUT_GIL, STROBE_LAYOUT_TS, STROBE_LAYOUT_CF, STROBE_LAYOUT_FR,
    STROBE_LAYOUT_CO, STROBE_LAYOUT_OB, STROBE_LAYOUT_TY, STROBE_LAYOUT_HT, STROBE_LAYOUT_LONG, STROBE_LAYOUT_FLOAT, STROBE_LAYOUT_STR,
    STROBE_LAYOUT_BYTES, STROBE_LAYOUT_TUPLE, STROBE_LAYOUT_LIST, STROBE_LAYOUT_DICT, STROBE_LAYOUT_KEYS, STROBE_LAYOUT_VALUES,
    STROBE_LAYOUT_SET, STROBE_LAYOUT_CHUNK, STROBE_LAYOUT_CELL, STROBE_LAYOUT_WEAKREF, STROBE_LAYOUT_MODULE, STROBE_LAYOUT_FUNC,
    STROBE_LAYOUT_CFUNC, STROBE_LAYOUT_METHOD, STROBE_LAYOUT_GEN, STROBE_LAYOUT_DEQUE,
    STROBE_LAYOUT_CONTEXT, STROBE_LAYOUT_CONTEXTVAR, STROBE_LAYOUT_HAMT, STROBE_LAYOUT_HAMT_NODE,
    STROBE_LAYOUT_SIMPLEQUEUE, STROBE_LAYOUT_MONITORING,
    STROBE_LAYOUT_GROUPS
};

/* An entry of a row is one of
 *   a constant
 *   STROBE_NONE                     the version has no such field
 *   FROM_TABLE | byte position      the word there in the target's _Py_DebugOffsets
 *   DIFFERENCE | a << 12 | b        word at a minus word at b
 *   SUM        | a << 12 | b        word at a plus word at b */
enum { STROBE_LAYOUT_POSITION_BITS = 12 };
#define STROBE_LAYOUT_OP 0xf0000000u
#define STROBE_LAYOUT_FROM_TABLE 0x10000000u
#define STROBE_LAYOUT_DIFFERENCE 0x20000000u
#define STROBE_LAYOUT_SUM 0x30000000u

struct strobe_layout_row {
    const char *name;
    uint16_t member; /* offset in struct strobe_layout of the uint32_t to fill */
    uint8_t group;   /* enum strobe_layout_group */
    uint8_t kind;    /* enum strobe_layout_kind */
    uint32_t from[STROBE_LAYOUT_COLUMNS];
};

struct strobe_layout_group_info {
    const char *name;
    uint32_t cap;    /* no field ends beyond this, whatever the target says */
    bool object;     /* fields lie behind the object header */
    uint16_t size_at[STROBE_LAYOUT_COLUMNS]; /* position of the struct's own size in _Py_DebugOffsets; 0 = none */
};

struct strobe_layout_column {
    uint8_t minor;
    bool free_threaded;
    uint8_t frames;      /* enum strobe_frame_kind */
    uint8_t lines;       /* enum strobe_lines_kind */
    uint16_t table_size; /* sizeof(_Py_DebugOffsets); 0 = the version has none */
};

extern const struct strobe_layout_column strobe_layout_columns[STROBE_LAYOUT_COLUMNS];
extern const struct strobe_layout_group_info strobe_layout_groups[STROBE_LAYOUT_GROUPS];
extern const struct strobe_layout_row strobe_layout_rows[];
extern const size_t strobe_layout_row_count;

/* Pre-releases (PY_VERSION_HEX) whose layout was compared and found equal to the release's. */
extern const uint32_t strobe_layout_known_prereleases[];
extern const size_t strobe_layout_known_prerelease_count;

/* Positions in _Py_DebugOffsets that hold in every version. */
enum { STROBE_LAYOUT_AT_VERSION = 8, STROBE_LAYOUT_AT_FREE_THREADED = 16, STROBE_LAYOUT_TABLE_HEAD = 24 };
#define STROBE_LAYOUT_COOKIE "xdebugpy" /* its first 8 bytes */
enum {
    STROBE_LAYOUT_OLDEST = 8,      /* minor version */
    STROBE_LAYOUT_FIRST_TABLE = 13, /* first minor version with _Py_DebugOffsets */
    STROBE_LAYOUT_ABSURD = 40,     /* a minor version that is a damaged word rather than the future */
};

#endif
