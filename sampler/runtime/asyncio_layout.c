/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/asyncio_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/layout_tables_aio.h"

enum {
    WHY_SIZE = 160,           /* promised by the header */
    MAX_INTERP = 16 << 20,    /* PyInterpreterState; 0.25 MB in 3.14t */
    MAX_THREAD = 1 << 20,     /* _PyThreadStateImpl; 16 kB in 3.14t */
};

/* What the entries of a column are made from. */
struct source {
    const struct strobe_layout *lay;
    struct strobe_mem *mem;     /* NULL: no word of the runtime can be asked for */
    const unsigned char *table; /* NULL: a column of constants */
};

static int refuse(char *why, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int refuse(char *why, int code, const char *fmt, ...)
{
    va_list args;

    if (!why)
        return code;
    va_start(args, fmt);
    vsnprintf(why, WHY_SIZE, fmt, args);
    va_end(args);
    return code;
}

static uint64_t word_of(const void *table, unsigned word)
{
    return strobe_span_u64(table, word * sizeof(uint64_t));
}

static uint32_t width_of(uint8_t kind)
{
    switch (kind) {
    case STROBE_AIO_PTR: return 8;
    case STROBE_AIO_I32: return 4;
    case STROBE_AIO_U8: return 1;
    case STROBE_AIO_NODE: return 16;
    default: return 0;
    }
}

static uint32_t *member_of(struct strobe_aio_layout *aio, const struct strobe_aio_row *row)
{
    return (uint32_t *)(void *)((unsigned char *)aio + row->member);
}

/* The first column for a target's version, or the newest one when every column is older; STROBE_AIO_COLUMNS: none. */
static size_t find_column(const struct strobe_layout *lay)
{
    size_t best = STROBE_AIO_COLUMNS;

    for (size_t i = 0; i < STROBE_AIO_COLUMNS; i++) {
        const struct strobe_aio_column *col = &strobe_aio_columns[i];

        if (!(lay->free_threaded ? col->free_threaded : col->gil) || col->minor > lay->minor)
            continue;
        if (best == STROBE_AIO_COLUMNS || col->minor > strobe_aio_columns[best].minor)
            best = i;
    }
    return best;
}

/* ---- the table as a whole ---- */

static int check_size(const char *name, uint64_t size, uint64_t cap, char *why)
{
    if (size >= 16 && size <= cap && size % 8 == 0)
        return 0;
    return refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets gives the %s a size of %llu bytes", name, (unsigned long long)size);
}

static int check_table(const unsigned char *table, const struct strobe_layout *lay, char *why)
{
    int err = check_size("task", word_of(table, STROBE_AIO_W_TASK_SIZE), STROBE_AIO_MAX_TASK, why);

    if (!err)
        err = check_size("interpreter", word_of(table, STROBE_AIO_W_INTERP_SIZE), MAX_INTERP, why);
    if (!err)
        err = check_size("thread state", word_of(table, STROBE_AIO_W_THREAD_SIZE), MAX_THREAD, why);
    for (size_t i = 0; !err && i < strobe_aio_relation_count; i++) {
        const struct strobe_aio_relation *rel = &strobe_aio_relations[i];
        uint64_t word = word_of(table, rel->word);
        uint64_t of = rel->of == STROBE_AIO_REL_HEADER ? lay->ob_header : word_of(table, rel->of);

        if (word > STROBE_AIO_MAX_TASK || of > STROBE_AIO_MAX_TASK || word != (of + rel->add + rel->round - 1) / rel->round * rel->round)
            err = refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets describes a task of another shape (its word %u is %llu)",
                         (unsigned)rel->word, (unsigned long long)word);
    }
    return err;
}

/* ---- filling a layout from a column ---- */

static int entry_value(uint32_t entry, const struct source *from, uint64_t *ret)
{
    uint32_t rest = entry & ~STROBE_AIO_OP;

    if ((entry & STROBE_AIO_OP) == (from->table ? STROBE_AIO_RUNTIME : STROBE_AIO_WORD))
        return STROBE_ERR_MISSING; /* a column has entries of one of the two */
    switch (entry & STROBE_AIO_OP) {
    case STROBE_AIO_WORD:
        *ret = word_of(from->table, rest >> 8) + (uint64_t)(rest & 0xff) - 128; /* may wrap: then no bound lets it through */
        return 0;
    case STROBE_AIO_HEADER:
        *ret = from->lay->ob_header + rest;
        return 0;
    case STROBE_AIO_RUNTIME:
        return !from->mem ? STROBE_ERR_MISSING : strobe_mem_u64(from->mem, from->lay->runtime + rest, ret);
    default:
        *ret = entry;
        return 0;
    }
}

static void bounds_of(uint8_t group, const struct source *from, const struct strobe_aio_layout *aio, uint64_t *ret_low, uint64_t *ret_high)
{
    *ret_low = 0;
    switch (group) {
    case STROBE_AIO_INTERP:
        *ret_high = from->table ? word_of(from->table, STROBE_AIO_W_INTERP_SIZE) : MAX_INTERP;
        break;
    case STROBE_AIO_THREAD:
        *ret_low = from->lay->ts_size; /* asyncio's own lie behind what the runtime's table describes */
        *ret_high = from->table ? word_of(from->table, STROBE_AIO_W_THREAD_SIZE) : MAX_THREAD;
        break;
    default:
        *ret_low = from->lay->ob_header;
        *ret_high = group == STROBE_AIO_FUT ? aio->fut_size : aio->task_size;
        break;
    }
}

static int fill_row(struct strobe_aio_layout *aio, const struct strobe_aio_row *row, size_t column, const struct source *from, char *why)
{
    uint64_t value, low, high, width = width_of(row->kind);
    int err;

    if (row->from[column] == STROBE_NONE) {
        *member_of(aio, row) = STROBE_NONE;
        return 0;
    }
    err = entry_value(row->from[column], from, &value);
    if (err)
        return refuse(why, err, "its table of offsets cannot be read: %s", strobe_err_text(err));
    if (row->kind == STROBE_AIO_SIZE)
        err = check_size(row->group == STROBE_AIO_FUT ? "future" : "task", value, STROBE_AIO_MAX_TASK, why);
    if (width) {
        bounds_of(row->group, from, aio, &low, &high);
        if (value < low || value > high || value + width > high)
            err = refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets puts %s at %llu, outside of %llu bytes", row->name,
                         (unsigned long long)value, (unsigned long long)high);
        else if (value % (width < 8 ? width : 8))
            err = refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets puts %s at %llu, which is not aligned", row->name,
                         (unsigned long long)value);
    }
    if (!err)
        *member_of(aio, row) = (uint32_t)value;
    return err;
}

/* Do two rows belong to one struct?  A task begins with a future. */
static bool same_struct(const struct strobe_aio_row *a, const struct strobe_aio_row *b)
{
    return a->group == b->group || (a->group == STROBE_AIO_FUT && b->group == STROBE_AIO_TASK) ||
           (a->group == STROBE_AIO_TASK && b->group == STROBE_AIO_FUT);
}

static int check_overlaps(struct strobe_aio_layout *aio, char *why)
{
    for (size_t i = 0; i < strobe_aio_row_count; i++) {
        const struct strobe_aio_row *a = &strobe_aio_rows[i];
        uint32_t at = *member_of(aio, a), width = width_of(a->kind);

        for (size_t j = i + 1; at != STROBE_NONE && width && j < strobe_aio_row_count; j++) {
            const struct strobe_aio_row *b = &strobe_aio_rows[j];
            uint32_t other = *member_of(aio, b), other_width = width_of(b->kind);

            if (same_struct(a, b) && other != STROBE_NONE && other_width && at < other + other_width && other < at + width)
                return refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets puts %s and %s at the same place", a->name, b->name);
        }
    }
    return 0;
}

static int fill(struct strobe_aio_layout *ret, size_t column, const struct source *from, char *why)
{
    struct strobe_aio_layout aio = {0};
    int err = 0;

    for (int sizes = 1; sizes >= 0; sizes--) /* the structs' sizes first: they bound the fields */
        for (size_t i = 0; !err && i < strobe_aio_row_count; i++)
            if ((strobe_aio_rows[i].kind == STROBE_AIO_SIZE) == sizes)
                err = fill_row(&aio, &strobe_aio_rows[i], column, from, why);
    if (!err && aio.fut_size > aio.task_size)
        err = refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets makes a task smaller than a future");
    if (!err)
        err = check_overlaps(&aio, why);
    if (!err)
        *ret = aio;
    return err;
}

bool strobe_aio_layout_has_table(const struct strobe_layout *lay)
{
    size_t column = find_column(lay);

    return column < STROBE_AIO_COLUMNS && strobe_aio_columns[column].table_size;
}

int strobe_aio_layout_from_table(const void *table, size_t len, const struct strobe_layout *lay, struct strobe_aio_layout *ret,
                                 char *why)
{
    const struct source from = {.lay = lay, .table = table};
    int err;

    if (!strobe_aio_layout_has_table(lay))
        return refuse(why, STROBE_ERR_VERSION, "a table of asyncio's offsets in a version that has none");
    if (len < STROBE_AIO_TABLE_SIZE)
        return refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets is cut short");
    err = check_table(table, lay, why);
    return err ? err : fill(ret, find_column(lay), &from, why);
}

/* The runtime's own table and asyncio's must have been compiled from the same headers. */
static int check_interp_size(struct strobe_mem *mem, const struct strobe_layout *lay, const unsigned char *table, char *why)
{
    uint16_t at = strobe_aio_columns[find_column(lay)].interp_size_at;
    uint64_t size = 0, said = word_of(table, STROBE_AIO_W_INTERP_SIZE);
    int err = at ? strobe_mem_u64(mem, lay->runtime + at, &size) : 0;

    if (err)
        return refuse(why, err, "its table of offsets cannot be read: %s", strobe_err_text(err));
    if (!at || size == said)
        return 0;
    return refuse(why, STROBE_ERR_LAYOUT, "asyncio's table of offsets is of another Python: interpreters of %llu bytes instead of %llu",
                  (unsigned long long)said, (unsigned long long)size);
}

int strobe_aio_layout_init(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t table, struct strobe_aio_layout *ret,
                           char *why)
{
    const struct source constants = {.lay = lay, .mem = mem};
    unsigned char bytes[STROBE_AIO_TABLE_SIZE];
    struct strobe_aio_layout aio;
    size_t column = find_column(lay);
    int err;

    if (column == STROBE_AIO_COLUMNS)
        return refuse(why, STROBE_ERR_VERSION, "the asyncio of its Python is not known");
    if (!strobe_aio_columns[column].table_size)
        return fill(ret, column, &constants, why);
    if (!table)
        return refuse(why, STROBE_ERR_MISSING, "asyncio's table of offsets is not there");
    err = strobe_mem_read(mem, table, bytes, sizeof bytes);
    if (err)
        return refuse(why, err, "asyncio's table of offsets cannot be read: %s", strobe_err_text(err));
    err = strobe_aio_layout_from_table(bytes, sizeof bytes, lay, &aio, why);
    if (!err)
        err = check_interp_size(mem, lay, bytes, why);
    if (!err)
        *ret = aio;
    return err;
}

int strobe_aio_layout_fit(const struct strobe_layout *lay, uint64_t basicsize, struct strobe_aio_layout *aio, char *why)
{
    const struct source constants = {.lay = lay};
    size_t first = find_column(lay);
    struct strobe_aio_layout other;

    for (size_t i = first; aio->task_size != basicsize && i < STROBE_AIO_COLUMNS; i++) {
        if (strobe_aio_columns[i].minor != strobe_aio_columns[first].minor ||
            strobe_aio_columns[i].free_threaded != strobe_aio_columns[first].free_threaded)
            continue;
        if (!fill(&other, i, &constants, NULL) && other.task_size == basicsize)
            *aio = other;
    }
    if (aio->task_size == basicsize)
        return 0;
    return refuse(why, STROBE_ERR_LAYOUT, "its tasks have %llu bytes instead of %u", (unsigned long long)basicsize, aio->task_size);
}
