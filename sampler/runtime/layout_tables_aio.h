/* SPDX-License-Identifier: Apache-2.0 */
/* layout_tables_aio: the facts about asyncio's structs in CPython's versions, as rows of data; private to asyncio_layout.c and its
 * tests.  May include: asyncio_layout.h.  No state, no code. */
#ifndef STROBE_RUNTIME_LAYOUT_TABLES_AIO_H
#define STROBE_RUNTIME_LAYOUT_TABLES_AIO_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/asyncio_layout.h"

enum { STROBE_AIO_COLUMNS = 9 };

enum strobe_aio_kind {
    STROBE_AIO_NUM,  /* a value, not an offset */
    STROBE_AIO_PTR,  /* offset of a pointer */
    STROBE_AIO_I32,  /* offset of an int */
    STROBE_AIO_U8,   /* offset of a byte */
    STROBE_AIO_NODE, /* offset of two pointers: a node or the head of a circular list */
    STROBE_AIO_SIZE, /* not a field: the struct's own size */
};

enum strobe_aio_group { STROBE_AIO_VALUE, STROBE_AIO_FUT, STROBE_AIO_TASK, STROBE_AIO_INTERP, STROBE_AIO_THREAD, STROBE_AIO_GROUPS };

/* An entry of a row is one of
 *   a constant
 *   STROBE_NONE                                the version has no such field
 *   STROBE_AIO_WORD | n << 8 | 128 + d         word n of asyncio's table, plus d (-128 .. 127)
 *   STROBE_AIO_HEADER | d                      the size of an object's header, plus d
 *   STROBE_AIO_RUNTIME | position              the word there in the runtime's _Py_DebugOffsets */
#define STROBE_AIO_OP 0xf0000000u
#define STROBE_AIO_WORD 0x10000000u
#define STROBE_AIO_HEADER 0x20000000u
#define STROBE_AIO_RUNTIME 0x30000000u

struct strobe_aio_row {
    const char *name;
    uint16_t member; /* offset in struct strobe_aio_layout of the uint32_t to fill */
    uint8_t group;   /* enum strobe_aio_group */
    uint8_t kind;    /* enum strobe_aio_kind */
    uint32_t from[STROBE_AIO_COLUMNS];
};

struct strobe_aio_column {
    uint8_t minor;
    bool gil, free_threaded;    /* builds that it is for */
    uint16_t table_size;        /* bytes of asyncio's own table; 0 = the version has none */
    uint16_t interp_size_at;    /* position in _Py_DebugOffsets of the size of PyInterpreterState, where the table repeats it */
};

/* What the derived entries rely on: word a of the table must be b (a word, or the header's size) plus d. */
enum { STROBE_AIO_REL_HEADER = 255 };
struct strobe_aio_relation {
    uint8_t word, of;
    uint8_t add, round; /* the sum is rounded up to a multiple of round */
};

extern const struct strobe_aio_column strobe_aio_columns[STROBE_AIO_COLUMNS];
extern const struct strobe_aio_row strobe_aio_rows[];
extern const size_t strobe_aio_row_count;
extern const struct strobe_aio_relation strobe_aio_relations[];
extern const size_t strobe_aio_relation_count;

/* The table's words. */
enum {
    STROBE_AIO_W_TASK_SIZE, STROBE_AIO_W_NAME, STROBE_AIO_W_AWAITED_BY, STROBE_AIO_W_IS_TASK, STROBE_AIO_W_IS_SET, STROBE_AIO_W_CORO,
    STROBE_AIO_W_NODE, STROBE_AIO_W_INTERP_SIZE, STROBE_AIO_W_INTERP_HEAD, STROBE_AIO_W_THREAD_SIZE, STROBE_AIO_W_RUNNING_LOOP,
    STROBE_AIO_W_RUNNING_TASK, STROBE_AIO_W_THREAD_HEAD, STROBE_AIO_WORDS
};

#endif
