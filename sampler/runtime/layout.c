/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/layout_tables.h"

enum {
    WHY_SIZE = 160,             /* promised by the header */
    MAX_TABLE = 4096,           /* bytes of a debug-offset table; every position of ours fits STROBE_LAYOUT_POSITION_BITS */
    MAX_STRUCT = 16 << 20,      /* a struct's own size word; the interpreter state is the largest, 0.4 MB */
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

/* Width and alignment of a kind of field, in bytes; 0 for what is no field. */
static uint32_t width_of(enum strobe_layout_kind kind)
{
    switch (kind) {
    case STROBE_LAYOUT_PTR: return 8;
    case STROBE_LAYOUT_I32: return 4;
    case STROBE_LAYOUT_U8: return 1;
    default: return 0;
    }
}

static uint32_t *member_of(struct strobe_layout *lay, const struct strobe_layout_row *row)
{
    return (uint32_t *)(void *)((unsigned char *)lay + row->member);
}

static uint32_t value_of(const struct strobe_layout *lay, const struct strobe_layout_row *row)
{
    return strobe_span_u32(lay, row->member);
}

/* ---- the version ---- */

static int check_version(uint32_t version, char *why)
{
    unsigned major = version >> 24, minor = version >> 16 & 0xff, level = version >> 4 & 0xf, serial = version & 0xf;

    if (major == 2 || (major == 3 && minor < STROBE_LAYOUT_OLDEST))
        return refuse(why, STROBE_ERR_VERSION, "Python %u.%u is older than 3.%d, the oldest supported", major, minor, STROBE_LAYOUT_OLDEST);
    /* The low half is zero where only 3.MM is known; else the release level is alpha 0xa, beta 0xb, candidate 0xc, final 0xf. */
    if (major != 3 || minor > STROBE_LAYOUT_ABSURD ||
        ((version & 0xffff) && ((level < 0xa || level == 0xd || level == 0xe) || (level == 0xf && serial))))
        return refuse(why, STROBE_ERR_VERSION, "its version number 0x%08x is not that of a Python", version);
    return 0;
}

static bool is_prerelease(uint32_t version)
{
    if (!(version & 0xffff) || (version >> 4 & 0xf) == 0xf)
        return false;
    for (size_t i = 0; i < strobe_layout_known_prerelease_count; i++)
        if (strobe_layout_known_prereleases[i] == version)
            return false;
    return true;
}

/* The column of a version, or the newest one's when every column is older. */
static size_t find_column(uint32_t version, bool free_threaded, bool *ret_newer)
{
    unsigned minor = version >> 16 & 0xff;
    size_t best = STROBE_LAYOUT_COLUMNS;

    for (size_t i = 0; i < STROBE_LAYOUT_COLUMNS; i++) {
        const struct strobe_layout_column *col = &strobe_layout_columns[i];

        if (col->free_threaded != free_threaded || col->minor > minor)
            continue;
        if (best == STROBE_LAYOUT_COLUMNS || col->minor > strobe_layout_columns[best].minor)
            best = i;
    }
    *ret_newer = best < STROBE_LAYOUT_COLUMNS && strobe_layout_columns[best].minor != minor;
    return best;
}

/* ---- filling a layout from a column ---- */

/* The number of a row's entry; UINT64_MAX when it comes of an absurd word, which no bound lets through. */
static uint64_t entry_value(uint32_t entry, const unsigned char *table)
{
    uint32_t mask = (1u << STROBE_LAYOUT_POSITION_BITS) - 1;
    uint64_t a, b;

    if (!(entry & STROBE_LAYOUT_OP))
        return entry;
    a = strobe_span_u64(table, entry >> STROBE_LAYOUT_POSITION_BITS & mask);
    b = strobe_span_u64(table, entry & mask);
    if ((entry & STROBE_LAYOUT_OP) == STROBE_LAYOUT_FROM_TABLE)
        return b > MAX_STRUCT ? UINT64_MAX : b;
    if (a > MAX_STRUCT || b > MAX_STRUCT)
        return UINT64_MAX;
    return (entry & STROBE_LAYOUT_OP) == STROBE_LAYOUT_SUM ? a + b : a - b;
}

/* Bounds [ret_low, ret_high) of the fields of a group. */
static int group_bounds(enum strobe_layout_group group, size_t column, const unsigned char *table, uint64_t *ret_low, uint64_t *ret_high,
                        char *why)
{
    const struct strobe_layout_group_info *info = &strobe_layout_groups[group];
    uint64_t low = 0, high = info->cap, size;

    if (info->size_at[column]) {
        size = strobe_span_u64(table, info->size_at[column]);
        if (size < 8 || size > MAX_STRUCT)
            return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets gives the %s a size of %llu bytes", info->name,
                          (unsigned long long)size);
        if (size < high)
            high = size;
    }
    if (group == STROBE_LAYOUT_RT)
        low = strobe_layout_columns[column].table_size; /* the table itself comes first */
    else if (info->object)
        low = strobe_layout_columns[column].free_threaded ? 32 : 16; /* sizeof(PyObject); fill_rows checks the table's word */
    *ret_low = low;
    *ret_high = high;
    return 0;
}

static int fill_row(struct strobe_layout *lay, const struct strobe_layout_row *row, size_t column, const unsigned char *table, char *why)
{
    const struct strobe_layout_group_info *info = &strobe_layout_groups[row->group];
    uint64_t value, low = 0, high = 0, width = width_of(row->kind);
    int err;

    if (row->from[column] == STROBE_NONE) {
        *member_of(lay, row) = STROBE_NONE;
        return 0;
    }
    value = entry_value(row->from[column], table);
    if (row->kind == STROBE_LAYOUT_NUM)
        goto store;
    err = group_bounds(row->group, column, table, &low, &high, why);
    if (err)
        return err;
    if (row->kind == STROBE_LAYOUT_END) {
        if (value > MAX_STRUCT || value % 8)
            return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets has a size of %llu bytes for the %s", (unsigned long long)value,
                          info->name);
        goto store;
    }
    if (value < low || value > high || value + width > high)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets puts %s at %llu, outside the %s of %llu bytes", row->name,
                      (unsigned long long)value, info->name, (unsigned long long)high);
    if (width && value % width)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets puts %s at %llu, which is not aligned", row->name,
                      (unsigned long long)value);
store:
    *member_of(lay, row) = (uint32_t)value;
    return 0;
}

/* No two fields of one struct may share bytes. */
static int check_overlaps(const struct strobe_layout *lay, char *why)
{
    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        const struct strobe_layout_row *a = &strobe_layout_rows[i];
        uint32_t at = value_of(lay, a), width = width_of(a->kind);

        if (at == STROBE_NONE || !width)
            continue;
        for (size_t j = i + 1; j < strobe_layout_row_count && strobe_layout_rows[j].group == a->group; j++) {
            const struct strobe_layout_row *b = &strobe_layout_rows[j];
            uint32_t other = value_of(lay, b), other_width = width_of(b->kind);

            if (other != STROBE_NONE && other_width && at < other + other_width && other < at + width)
                return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets puts %s and %s at the same place", a->name, b->name);
        }
    }
    return 0;
}

/* End of the last field of a group, in whole words. */
static uint32_t end_of_fields(const struct strobe_layout *lay, enum strobe_layout_group group)
{
    uint32_t end = 0;

    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        const struct strobe_layout_row *row = &strobe_layout_rows[i];
        uint32_t at = value_of(lay, row), width = width_of(row->kind);

        if (row->group == group && width && at != STROBE_NONE && at + width > end)
            end = at + width;
    }
    return (end + 7) & ~7u;
}

/* What the walk relies on between rows: spans cover their fields, and constants agree with the words beside them. */
static int check_spans(struct strobe_layout *lay, char *why)
{
    const struct {
        const char *name;
        enum strobe_layout_group group;
        uint32_t size, cap;
    } spans[] = {
        {"frame", STROBE_LAYOUT_FR, lay->fr_size, STROBE_MAX_FR_SIZE},
        {"code object", STROBE_LAYOUT_CO, lay->co_size, STROBE_MAX_CO_SIZE},
        {"GIL", STROBE_LAYOUT_GIL, lay->gil_size, STROBE_MAX_GIL_SIZE},
    };

    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        if (spans[i].size > spans[i].cap || end_of_fields(lay, spans[i].group) > spans[i].size)
            return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets makes a %s of %u bytes", spans[i].name, spans[i].size);
    if (lay->ob_header != lay->ob_size || lay->ob_type > lay->ob_header - 8)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets makes an object header of %u bytes", lay->ob_header);
    if (lay->gil_switch_number != lay->gil_locked + 8)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets has a GIL of another shape");
    if (lay->ts_chunk != STROBE_NONE && lay->ts_chunk_top != lay->ts_chunk + 8)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets has a thread state of another shape");
    /* Only the part of these two with fields of ours is ever read. */
    lay->in_size = end_of_fields(lay, STROBE_LAYOUT_IN);
    lay->ts_size = end_of_fields(lay, STROBE_LAYOUT_TS);
    return 0;
}

static int fill(struct strobe_layout *ret_layout, uint32_t version, size_t column, bool newer, const unsigned char *table, char *why)
{
    const struct strobe_layout_column *col = &strobe_layout_columns[column];
    struct strobe_layout lay = {0};
    int err;

    lay.version = version;
    lay.minor = (uint8_t)(version >> 16);
    lay.free_threaded = col->free_threaded;
    lay.newer = newer;
    lay.frames = (enum strobe_frame_kind)col->frames;
    lay.lines = (enum strobe_lines_kind)col->lines;
    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        err = fill_row(&lay, &strobe_layout_rows[i], column, table, why);
        if (err)
            return err;
    }
    err = check_overlaps(&lay, why);
    if (!err)
        err = check_spans(&lay, why);
    if (!err)
        *ret_layout = lay;
    return err;
}

/* The column for a table's first words, checked. */
static int table_column(const unsigned char *head, uint32_t *ret_version, size_t *ret_column, bool *ret_newer, char *why)
{
    uint64_t version = strobe_span_u64(head, STROBE_LAYOUT_AT_VERSION);
    uint64_t free_threaded = strobe_span_u64(head, STROBE_LAYOUT_AT_FREE_THREADED);
    bool newer;
    int err;

    if (version > UINT32_MAX || !(version & 0xffff))
        return refuse(why, STROBE_ERR_VERSION, "its version number 0x%llx is not that of a Python", (unsigned long long)version);
    err = check_version((uint32_t)version, why);
    if (err)
        return err;
    if ((version >> 16 & 0xff) < STROBE_LAYOUT_FIRST_TABLE)
        return refuse(why, STROBE_ERR_VERSION, "a table of offsets in Python 3.%u, which has none", (unsigned)(version >> 16 & 0xff));
    if (free_threaded > 1)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets is damaged: neither free-threaded nor not");
    *ret_column = find_column((uint32_t)version, free_threaded, &newer);
    *ret_newer = newer || is_prerelease((uint32_t)version);
    *ret_version = (uint32_t)version;
    return 0;
}

int strobe_layout_from_table(const void *table, size_t len, struct strobe_layout *ret_layout, char *why)
{
    uint32_t version;
    size_t column;
    bool newer;
    int err;

    if (len < STROBE_LAYOUT_TABLE_HEAD || memcmp(table, STROBE_LAYOUT_COOKIE, 8) != 0)
        return refuse(why, STROBE_ERR_LAYOUT, "no table of offsets at the runtime's address");
    err = table_column(table, &version, &column, &newer, why);
    if (err)
        return err;
    if (len < strobe_layout_columns[column].table_size)
        return refuse(why, STROBE_ERR_LAYOUT, "its table of offsets is cut short");
    return fill(ret_layout, version, column, newer, table, why);
}

/* Versions without a table: the hint is all there is. */
static int from_hint(const struct strobe_layout_hint *hint, struct strobe_layout *ret_layout, char *why)
{
    static const unsigned char no_table[8];
    unsigned minor = hint->version >> 16 & 0xff;
    size_t column;
    bool newer;
    int err;

    if (!hint->version)
        return refuse(why, STROBE_ERR_VERSION, "its version cannot be told");
    err = check_version(hint->version, why);
    if (err)
        return err;
    if (minor >= STROBE_LAYOUT_FIRST_TABLE)
        return refuse(why, STROBE_ERR_LAYOUT, "Python 3.%u has a table of offsets, but there is none at the runtime's address", minor);
    column = find_column(hint->version, false, &newer);
    return fill(ret_layout, hint->version, column, newer || is_prerelease(hint->version), no_table, why);
}

int strobe_layout_init(struct strobe_mem *mem, const struct strobe_layout_hint *hint, struct strobe_layout *ret_layout, char *why)
{
    unsigned char table[MAX_TABLE];
    struct strobe_layout lay;
    uint32_t version;
    size_t column;
    uint64_t head;
    bool newer;
    int err;

    err = strobe_mem_read(mem, hint->runtime, table, STROBE_LAYOUT_TABLE_HEAD);
    if (err)
        return refuse(why, err, "its runtime at 0x%llx cannot be read: %s", (unsigned long long)hint->runtime, strobe_err_text(err));
    if (memcmp(table, STROBE_LAYOUT_COOKIE, 8) != 0) {
        err = from_hint(hint, &lay, why);
    } else {
        err = table_column(table, &version, &column, &newer, why);
        if (err)
            return err;
        err = strobe_mem_read(mem, hint->runtime, table, strobe_layout_columns[column].table_size);
        if (err)
            return refuse(why, err, "its table of offsets cannot be read: %s", strobe_err_text(err));
        err = strobe_layout_from_table(table, strobe_layout_columns[column].table_size, &lay, why);
    }
    if (err)
        return err;
    lay.runtime = hint->runtime;
    err = strobe_mem_u64(mem, lay.runtime + lay.rt_interpreters_head, &head);
    if (err)
        return refuse(why, err, "its list of interpreters cannot be read: %s", strobe_err_text(err));
    if (!head)
        return refuse(why, STROBE_ERR_NOTREADY, "its Python runtime has no interpreter yet");
    *ret_layout = lay;
    return 0;
}
