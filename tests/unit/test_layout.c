/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/layout.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/layout_tables.h"

struct layout_field {
    const char *name;
    uint32_t offset;
};

struct layout_case {
    const char *name;
    uint32_t version;
    bool free_threaded;
    const struct layout_field *fields;
    size_t n_fields;
    const uint64_t *table;
    size_t n_words; /* 0 = the version has no table */
};

#include "layout_cases.inc"

enum { N_CASES = sizeof cases / sizeof cases[0], RUNTIME = 0x7000, WHY = 160 };

/* ---- a reader of one block of bytes ---- */

struct block_mem {
    struct strobe_mem mem;
    uint64_t base;
    unsigned char *bytes;
    size_t len, reads;
};

static int block_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct block_mem *block = (struct block_mem *)mem;

    block->reads++;
    if (addr < block->base || addr - block->base > block->len || len > block->len - (addr - block->base))
        return STROBE_ERR_FAULT;
    memcpy(buf, block->bytes + (addr - block->base), len);
    return 0;
}

static void block_close(struct strobe_mem *mem)
{
    (void)mem;
}

static const struct strobe_mem_ops block_ops = {block_read, NULL, NULL, block_close, NULL};

static void put64(struct block_mem *block, uint64_t addr, uint64_t value)
{
    assert_true(addr >= block->base && addr + 8 <= block->base + block->len);
    memcpy(block->bytes + (addr - block->base), &value, 8);
}

static uint32_t member(const struct strobe_layout *lay, const char *name)
{
    for (size_t i = 0; i < strobe_layout_row_count; i++)
        if (strcmp(strobe_layout_rows[i].name, name) == 0)
            return strobe_span_u32(lay, strobe_layout_rows[i].member);
    fail_msg("no row %s", name);
    return 0;
}

/* A runtime of the version with one interpreter in its list. */
static int init_case(const struct layout_case *c, struct strobe_layout *ret_layout, char *why)
{
    static unsigned char bytes[8192];
    struct block_mem block = {{.ops = &block_ops}, RUNTIME, bytes, sizeof bytes, 0};
    struct strobe_layout_hint hint = {RUNTIME, c->n_words ? 0 : c->version, false};

    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, c->table, c->n_words * 8);
    for (size_t i = 0; i < c->n_fields; i++)
        if (strcmp(c->fields[i].name, "rt_interpreters_head") == 0)
            put64(&block, RUNTIME + c->fields[i].offset, 0x1234);
    return strobe_layout_init(&block.mem, &hint, ret_layout, why);
}

/* ---- the table of versions ---- */

/* Every member behind the marker has exactly one row; a row's entries stay inside their version's table. */
static void test_rows(void **state)
{
    enum { START = offsetof(struct strobe_layout, pointer_mask_low), END = offsetof(struct strobe_layout, rows_end) };
    unsigned char seen[END] = {0};

    (void)state;
    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        const struct strobe_layout_row *row = &strobe_layout_rows[i];

        assert_true(row->member >= START && row->member + 4 <= END && row->member % 4 == 0);
        if (seen[row->member]++)
            fail_msg("%s has two rows", row->name);
        for (size_t col = 0; col < STROBE_LAYOUT_COLUMNS; col++) {
            uint32_t entry = row->from[col], mask = (1u << STROBE_LAYOUT_POSITION_BITS) - 1;
            uint32_t a = entry >> STROBE_LAYOUT_POSITION_BITS & mask, b = entry & mask;

            if (entry == STROBE_NONE || !(entry & STROBE_LAYOUT_OP))
                continue;
            assert_true(a % 8 == 0 && b % 8 == 0);
            assert_true(a + 8 <= strobe_layout_columns[col].table_size && b + 8 <= strobe_layout_columns[col].table_size);
        }
    }
    for (size_t at = START; at < END; at += 4)
        if (!seen[at])
            fail_msg("the member at byte %zu of struct strobe_layout (after number %zu) has no row", at, (at - START) / 4);
    for (size_t g = 0; g < STROBE_LAYOUT_GROUPS; g++)
        assert_non_null(strobe_layout_groups[g].name);
}

/* What lies behind a mutex is elsewhere on machines whose mutexes have another size than where the cases were made. */
static bool is_machine_specific(const char *name)
{
    return sizeof(pthread_mutex_t) != 40 && (strcmp(name, "gil_size") == 0 || strcmp(name, "rt_tstate_current") == 0);
}

/* Each version's layout, made from constants or from that version's own table, is what its headers say. */
static void test_against_headers(void **state)
{
    bool covered[STROBE_LAYOUT_COLUMNS] = {false};

    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const struct layout_case *c = &cases[i];
        struct strobe_layout lay;
        char why[WHY] = "";
        size_t known = 0;

        if (init_case(c, &lay, why))
            fail_msg("%s: %s", c->name, why);
        assert_int_equal(lay.version, c->version);
        assert_int_equal(lay.minor, c->version >> 16 & 0xff);
        assert_int_equal(lay.free_threaded, c->free_threaded);
        assert_false(lay.newer);
        assert_true(lay.runtime == RUNTIME);
        for (size_t f = 0; f < c->n_fields; f++)
            if (!is_machine_specific(c->fields[f].name) && member(&lay, c->fields[f].name) != c->fields[f].offset)
                fail_msg("%s: %s is %u, not %u", c->name, c->fields[f].name, c->fields[f].offset, member(&lay, c->fields[f].name));
        /* What the headers do not have, the layout has not: values, and sizes that mean something else, excepted. */
        for (size_t r = 0; r < strobe_layout_row_count; r++)
            if (strobe_layout_rows[r].group != STROBE_LAYOUT_VALUE && strobe_span_u32(&lay, strobe_layout_rows[r].member) != STROBE_NONE)
                known++;
        assert_int_equal(known, c->n_fields + 2); /* in_size, ts_size */
        assert_true(lay.ts_size >= lay.ts_id + 8 && lay.ts_size <= 320);
        assert_true(lay.in_size >= lay.in_sysdict + 8 && lay.in_size <= 18 * 1024);
        for (size_t col = 0; col < STROBE_LAYOUT_COLUMNS; col++)
            if (strobe_layout_columns[col].minor == lay.minor && strobe_layout_columns[col].free_threaded == lay.free_threaded)
                covered[col] = true;
    }
    for (size_t col = 0; col < STROBE_LAYOUT_COLUMNS; col++)
        assert_true(covered[col]);
}

/* ---- versions ---- */

static const struct layout_case *find_case(const char *name)
{
    for (size_t i = 0; i < N_CASES; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    fail_msg("no case %s", name);
    return NULL;
}

static void test_versions_of_tables(void **state)
{
    static const struct {
        uint64_t version;
        int err;
        bool newer;
        const char *why;
    } tries[] = {
        {0x030f02f0, 0, false, NULL},
        {0x030f00c2, 0, false, NULL}, /* compared with the release */
        {0x030f00c1, 0, true, NULL},
        {0x030f00a1, 0, true, NULL},
        {0x031000f0, 0, true, NULL},
        {0x032800b2, 0, true, NULL}, /* 3.40 */
        {0x032900f0, STROBE_ERR_VERSION, false, "version number 0x032900f0"},
        {0x040000f0, STROBE_ERR_VERSION, false, "version number 0x040000f0"},
        {0x020712f0, STROBE_ERR_VERSION, false, "Python 2.7 is older than 3.8, the oldest supported"},
        {0x030710f0, STROBE_ERR_VERSION, false, "Python 3.7 is older than 3.8, the oldest supported"},
        {0x030c01f0, STROBE_ERR_VERSION, false, "Python 3.12, which has none"},
        {0x030f0210, STROBE_ERR_VERSION, false, "version number"},
        {0x030f02d0, STROBE_ERR_VERSION, false, "version number"},
        {0x030f02f1, STROBE_ERR_VERSION, false, "version number"},
        {0x030f0000, STROBE_ERR_VERSION, false, "version number"},
        {0x1030f02f0, STROBE_ERR_VERSION, false, "version number"},
        {0, STROBE_ERR_VERSION, false, "version number"},
    };
    const struct layout_case *c = find_case("3.15.2");
    uint64_t table[128];

    (void)state;
    memcpy(table, c->table, c->n_words * 8);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct strobe_layout lay = {.minor = 99};
        char why[WHY] = "";

        table[1] = tries[i].version;
        assert_int_equal(strobe_layout_from_table(table, c->n_words * 8, &lay, why), tries[i].err);
        if (tries[i].err) {
            assert_int_equal(lay.minor, 99);
            if (!strstr(why, tries[i].why))
                fail_msg("%s", why);
        } else {
            assert_int_equal(lay.newer, tries[i].newer);
        }
        assert_int_equal(strobe_layout_from_table(table, c->n_words * 8, &lay, NULL), tries[i].err);
    }
}

static void test_versions_of_hints(void **state)
{
    static const struct {
        uint32_t version;
        int err;
        bool newer;
    } tries[] = {
        {0x03080000, 0, false}, {0x030a0000, 0, false}, {0x030c0000, 0, false}, {0x030c00b3, 0, true},
        {0x03070000, STROBE_ERR_VERSION, false}, {0x02070000, STROBE_ERR_VERSION, false}, {0, STROBE_ERR_VERSION, false},
        {0x030d0000, STROBE_ERR_LAYOUT, false}, {0x030f02f0, STROBE_ERR_LAYOUT, false}, {0x05000000, STROBE_ERR_VERSION, false},
    };
    static unsigned char bytes[2048];
    struct block_mem block = {{.ops = &block_ops}, RUNTIME, bytes, sizeof bytes, 0};

    (void)state;
    memset(bytes, 1, sizeof bytes);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct strobe_layout_hint hint = {RUNTIME, tries[i].version, false};
        struct strobe_layout lay = {.minor = 99};
        char why[WHY] = "";

        assert_int_equal(strobe_layout_init(&block.mem, &hint, &lay, why), tries[i].err);
        if (tries[i].err)
            assert_true(lay.minor == 99 && why[0]);
        else
            assert_int_equal(lay.newer, tries[i].newer);
    }
}

static void test_not_ready_and_unreadable(void **state)
{
    static unsigned char bytes[2048];
    struct block_mem block = {{.ops = &block_ops}, RUNTIME, bytes, sizeof bytes, 0};
    struct strobe_layout_hint hint = {RUNTIME, 0x030b07f0, false};
    struct strobe_layout lay;
    char why[WHY] = "";
    const struct layout_case *c = find_case("3.14.10");

    (void)state;
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(strobe_layout_init(&block.mem, &hint, &lay, why), STROBE_ERR_NOTREADY);
    assert_string_equal(why, "its Python runtime has no interpreter yet");
    hint.runtime = 0x1000;
    assert_int_equal(strobe_layout_init(&block.mem, &hint, &lay, why), STROBE_ERR_FAULT);
    /* The mapping ends in the middle of the table, and before the list of interpreters. */
    memcpy(bytes, c->table, c->n_words * 8);
    hint.runtime = RUNTIME;
    block.len = 400;
    assert_int_equal(strobe_layout_init(&block.mem, &hint, &lay, why), STROBE_ERR_FAULT);
    block.len = c->n_words * 8;
    assert_int_equal(strobe_layout_init(&block.mem, &hint, &lay, why), STROBE_ERR_FAULT);
}

/* ---- damaged tables ---- */

/* Whatever was let through reads within the limits that layout.h names. */
static void check_harmless(const struct strobe_layout *lay)
{
    const uint32_t spans[][2] = {
        {lay->fr_size, STROBE_MAX_FR_SIZE}, {lay->co_size, STROBE_MAX_CO_SIZE}, {lay->ts_size, STROBE_MAX_TS_SIZE},
        {lay->in_size, STROBE_MAX_IN_SIZE}, {lay->gil_size, STROBE_MAX_GIL_SIZE}, {lay->ob_header, 64},
    };

    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        assert_true(spans[i][0] <= spans[i][1]);
    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        const struct strobe_layout_row *row = &strobe_layout_rows[i];
        uint32_t at = strobe_span_u32(lay, row->member), width = 0, size = strobe_layout_groups[row->group].cap;

        if (at == STROBE_NONE || row->kind == STROBE_LAYOUT_NUM || row->kind == STROBE_LAYOUT_END)
            continue;
        if (row->kind != STROBE_LAYOUT_TAIL)
            width = row->kind == STROBE_LAYOUT_PTR ? 8 : row->kind == STROBE_LAYOUT_I32 ? 4 : 1;
        switch (row->group) {
        case STROBE_LAYOUT_FR: size = lay->fr_size; break;
        case STROBE_LAYOUT_CO: size = lay->co_size; break;
        case STROBE_LAYOUT_TS: size = lay->ts_size; break;
        case STROBE_LAYOUT_IN: size = lay->in_size; break;
        case STROBE_LAYOUT_GIL: size = lay->gil_size; break;
        default: break;
        }
        if (at + width > size || (width && at % width))
            fail_msg("%s at %u of %u", row->name, at, size);
    }
}

/* Is the word at this byte position used for a row of this column? */
static bool is_used(size_t column, size_t position)
{
    uint32_t mask = (1u << STROBE_LAYOUT_POSITION_BITS) - 1;

    for (size_t i = 0; i < strobe_layout_row_count; i++) {
        uint32_t entry = strobe_layout_rows[i].from[column];

        if (entry == STROBE_NONE || !(entry & STROBE_LAYOUT_OP))
            continue;
        if ((entry & mask) == position)
            return true;
        if ((entry & STROBE_LAYOUT_OP) != STROBE_LAYOUT_FROM_TABLE && (entry >> STROBE_LAYOUT_POSITION_BITS & mask) == position)
            return true;
    }
    for (size_t g = 0; g < STROBE_LAYOUT_GROUPS; g++)
        if (position && strobe_layout_groups[g].size_at[column] == position)
            return true;
    return position == STROBE_LAYOUT_AT_FREE_THREADED;
}

static void test_damaged_words(void **state)
{
    static const uint64_t values[] = {0, 1, 2, 3, 4, 7, 8, 12, 16, 17, 24, 32, 64, 72, 200, 255, 1000, 1024, 4095, 4096, 65528, 65536,
                                      1 << 20, 1 << 24, 1u << 31, UINT32_MAX, 1ull << 32, (1ull << 32) + 8, 1ull << 63,
                                      UINT64_MAX - 7, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const struct layout_case *c = &cases[i];
        size_t column = 0;
        uint64_t table[128];

        if (!c->n_words)
            continue;
        while (strobe_layout_columns[column].minor != (c->version >> 16 & 0xff) ||
               strobe_layout_columns[column].free_threaded != c->free_threaded)
            column++;
        assert_int_equal(strobe_layout_columns[column].table_size, c->n_words * 8);
        for (size_t w = 0; w < c->n_words; w++) {
            memcpy(table, c->table, c->n_words * 8);
            for (size_t v = 0; v < 2 * sizeof values / sizeof values[0]; v++) {
                struct strobe_layout lay;
                char why[WHY] = "";
                int err;

                table[w] = v % 2 ? values[v / 2] : c->table[w] + values[v / 2]; /* instead of, and beside the right one */
                err = strobe_layout_from_table(table, c->n_words * 8, &lay, why);
                if (!err)
                    check_harmless(&lay);
                else
                    assert_true((err == STROBE_ERR_LAYOUT || err == STROBE_ERR_VERSION) && why[0]);
                if (!err && is_used(column, w * 8) && table[w] > 1 << 24)
                    fail_msg("%s: word %zu = %llx was let through", c->name, w, (unsigned long long)table[w]);
            }
        }
    }
}

static void test_cut_tables(void **state)
{
    const struct layout_case *c = find_case("3.14.10t");
    struct strobe_layout lay;

    (void)state;
    for (size_t len = 0; len < c->n_words * 8; len++) {
        unsigned char *copy = malloc(len + !len); /* exactly as long, so that the sanitizers see a read beyond it */

        assert_non_null(copy);
        memcpy(copy, c->table, len);
        assert_int_equal(strobe_layout_from_table(copy, len, &lay, NULL), STROBE_ERR_LAYOUT);
        free(copy);
    }
    assert_int_equal(strobe_layout_from_table("xdebugpz................", 24, &lay, NULL), STROBE_ERR_LAYOUT);
}

/* ---- the self-check ---- */

enum { WORLD = 0x100000, INTERP = WORLD, INTERP2 = WORLD + 0x2000, TSTATE = WORLD + 0x4000, TSTATE2 = WORLD + 0x5000,
       CFRAME = WORLD + 0x6000, FRAME = WORLD + 0x6100, SHIM = WORLD + 0x6200, CODE = WORLD + 0x7000, TYPE = WORLD + 0x8000,
       NAME = WORLD + 0x9000, HEAD = WORLD + 0xa000, WORLD_SIZE = 0xb000 };

/* A small 3.12: interpreter 1, then the main one with a thread whose innermost frame is a shim above a Python frame. */
static void make_world(struct block_mem *block, struct strobe_layout *lay)
{
    static unsigned char bytes[WORLD_SIZE];
    char why[WHY];

    assert_int_equal(init_case(find_case("3.12.1"), lay, why), 0);
    memset(bytes, 0, sizeof bytes);
    *block = (struct block_mem){{.ops = &block_ops}, WORLD, bytes, sizeof bytes, 0};
    lay->runtime = HEAD;
    put64(block, HEAD + lay->rt_interpreters_head, INTERP2);
    put64(block, INTERP2 + lay->in_id, 1);
    put64(block, INTERP2 + lay->in_next, INTERP);
    put64(block, INTERP + lay->in_threads_head, TSTATE2);
    put64(block, TSTATE2 + lay->ts_interp, INTERP);
    put64(block, TSTATE2 + lay->ts_next, TSTATE);
    put64(block, TSTATE + lay->ts_interp, INTERP);
    put64(block, TSTATE + lay->ts_frame, CFRAME);
    put64(block, CFRAME + lay->cframe_current, SHIM);
    put64(block, SHIM + lay->fr_previous, FRAME);
    block->bytes[SHIM - WORLD + lay->fr_owner] = 3;
    put64(block, FRAME + lay->fr_code, CODE);
    put64(block, CODE + lay->ob_type, TYPE);
    put64(block, TYPE + lay->ty_name, NAME);
    put64(block, TYPE + lay->ty_basicsize, lay->co_size);
    memcpy(block->bytes + (NAME - WORLD), "code", 5);
}

static void test_check(void **state)
{
    struct strobe_layout lay;
    struct block_mem block;
    char why[WHY] = "";

    (void)state;
    make_world(&block, &lay);
    assert_int_equal(strobe_layout_check(&block.mem, &lay, why), 0);
    /* No thread runs Python: nothing contradicts. */
    put64(&block, TSTATE + lay.ts_frame, 0);
    assert_int_equal(strobe_layout_check(&block.mem, &lay, why), 0);
}

static void test_check_refuses(void **state)
{
    enum { CASES = 9 };
    const int expected[CASES] = {STROBE_ERR_NOTREADY, STROBE_ERR_NOTREADY, STROBE_ERR_LAYOUT, STROBE_ERR_LAYOUT, STROBE_ERR_LAYOUT,
                                 STROBE_ERR_LAYOUT, STROBE_ERR_LAYOUT, STROBE_ERR_LAYOUT, STROBE_ERR_LAYOUT};

    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct strobe_layout lay;
        struct block_mem block;
        char why[WHY] = "";

        make_world(&block, &lay);
        switch (i) {
        case 0: put64(&block, HEAD + lay.rt_interpreters_head, 0); break;
        case 1: put64(&block, INTERP + lay.in_threads_head, 0); break;
        case 2: put64(&block, INTERP2 + lay.in_next, INTERP2); break; /* a ring */
        case 3: put64(&block, INTERP + lay.in_id, 7); break;
        case 4: put64(&block, TSTATE + lay.ts_interp, INTERP2); break;
        case 5: put64(&block, TSTATE2 + lay.ts_next, 0x10); break;    /* not mapped */
        case 6: memcpy(block.bytes + (NAME - WORLD), "codec", 6); break;
        case 7: put64(&block, TYPE + lay.ty_basicsize, lay.co_size + 8); break;
        case 8: put64(&block, FRAME + lay.fr_code, 0x10); break;
        }
        if (strobe_layout_check(&block.mem, &lay, why) != expected[i] || !why[0])
            fail_msg("case %d: %s", i, why);
        assert_true(block.reads < 2 * 1000 * 1000); /* bounded, rings too */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_against_headers),
        cmocka_unit_test(test_versions_of_tables),
        cmocka_unit_test(test_versions_of_hints),
        cmocka_unit_test(test_not_ready_and_unreadable),
        cmocka_unit_test(test_damaged_words),
        cmocka_unit_test(test_cut_tables),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_check_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
