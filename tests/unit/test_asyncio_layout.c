/* SPDX-License-Identifier: Apache-2.0 */
/* asyncio_layout: known tables give the known layouts; a table that is wrong in any word is refused or harmless; constants by version. */
#include "runtime/asyncio_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/layout_tables_aio.h"

enum { RUNTIME = 0x7000, TABLE = 0x9000, WHY = 160, INTERP_SIZE_AT = 48, BASE_SIZE_AT = 152 };

/* Read out of live processes: 3.14.10, 3.15.2, 3.14.7 free-threaded. */
static const uint64_t table_314[STROBE_AIO_WORDS] = {168, 136, 96, 108, 109, 128, 152, 225864, 10880, 936, 864, 872, 880};
static const uint64_t table_315[STROBE_AIO_WORDS] = {168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048};
static const uint64_t table_314t[STROBE_AIO_WORDS] = {192, 152, 112, 124, 125, 144, 168, 246720, 17632, 15608, 864, 872, 880};

static struct strobe_layout layout_of(uint8_t minor, bool free_threaded)
{
    struct strobe_layout lay = {.version = 0x030000f0u | (uint32_t)minor << 16, .minor = minor, .free_threaded = free_threaded};

    lay.ob_header = free_threaded ? 32 : 16;
    lay.ts_size = 280;
    lay.runtime = RUNTIME;
    return lay;
}

/* ---- a reader of two words of the runtime and a table ---- */

struct words_mem {
    struct strobe_mem mem;
    uint64_t interp_size, base_size;
    const uint64_t *table;
};

static int words_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    const struct words_mem *words = (const struct words_mem *)mem;

    if (addr == RUNTIME + INTERP_SIZE_AT && len == 8)
        memcpy(buf, &words->interp_size, len);
    else if (addr == RUNTIME + BASE_SIZE_AT && len == 8)
        memcpy(buf, &words->base_size, len);
    else if (addr == TABLE && words->table && len == STROBE_AIO_TABLE_SIZE)
        memcpy(buf, words->table, len);
    else
        return STROBE_ERR_FAULT;
    return 0;
}

static const struct strobe_mem_ops words_ops = {words_read, NULL, NULL, NULL, NULL};

static void test_known_tables(void **state)
{
    struct strobe_layout lay = layout_of(14, false), free = layout_of(14, true), next = layout_of(15, false), far = layout_of(17, false);
    struct strobe_aio_layout aio;
    char why[WHY];

    (void)state;
    assert_int_equal(strobe_aio_layout_from_table(table_314, sizeof table_314, &lay, &aio, why), 0);
    assert_int_equal(aio.fut_loop, 16);
    assert_int_equal(aio.fut_result, 64);
    assert_int_equal(aio.fut_state, 104);
    assert_int_equal(aio.fut_size, 112);
    assert_int_equal(aio.task_must_cancel, 110);
    assert_int_equal(aio.task_must_cancel_mask, 4);
    assert_int_equal(aio.task_num_cancels, 112);
    assert_int_equal(aio.task_fut_waiter, 120);
    assert_int_equal(aio.task_context, 144);
    assert_int_equal(aio.task_size, 168);
    assert_int_equal(aio.interp_tasks_head, 10880);
    assert_int_equal(strobe_aio_layout_from_table(table_314t, sizeof table_314t, &free, &aio, why), 0);
    assert_int_equal(aio.fut_loop, 32);
    assert_int_equal(aio.fut_result, 80);
    assert_int_equal(aio.fut_state, 120);
    assert_int_equal(aio.fut_size, 128);
    assert_int_equal(aio.task_fut_waiter, 136);
    assert_int_equal(aio.task_size, 192);
    assert_int_equal(strobe_aio_layout_from_table(table_315, sizeof table_315, &next, &aio, why), 0);
    assert_int_equal(aio.thread_tasks_head, 1048);
    assert_int_equal(strobe_aio_layout_from_table(table_315, sizeof table_315, &far, &aio, why), 0);
    /* the other build's table does not fit */
    assert_int_equal(strobe_aio_layout_from_table(table_314t, sizeof table_314t, &lay, &aio, why), STROBE_ERR_LAYOUT);
    assert_int_equal(strobe_aio_layout_from_table(table_314, sizeof table_314, &free, &aio, why), STROBE_ERR_LAYOUT);
}

static void test_table_as_bytes(void **state)
{
    unsigned char bytes[STROBE_AIO_TABLE_SIZE + 1];
    struct strobe_layout lay = layout_of(14, false), old = layout_of(13, false);
    struct strobe_aio_layout aio, before;

    (void)state;
    memcpy(bytes + 1, table_314, sizeof table_314);
    assert_int_equal(strobe_aio_layout_from_table(bytes + 1, STROBE_AIO_TABLE_SIZE, &lay, &aio, NULL), 0); /* unaligned */
    before = aio;
    for (size_t len = 0; len < STROBE_AIO_TABLE_SIZE; len++)
        assert_int_equal(strobe_aio_layout_from_table(bytes + 1, len, &lay, &aio, NULL), STROBE_ERR_LAYOUT);
    assert_int_equal(strobe_aio_layout_from_table(bytes + 1, STROBE_AIO_TABLE_SIZE, &old, &aio, NULL), STROBE_ERR_VERSION);
    assert_memory_equal(&aio, &before, sizeof aio);
}

/* Whatever a table says, a layout that is accepted keeps these promises. */
static void assert_sane(const struct strobe_aio_layout *aio, const struct strobe_layout *lay, const uint64_t *table)
{
    struct strobe_aio_layout copy = *aio;

    assert_true(aio->task_size <= STROBE_AIO_MAX_TASK && aio->fut_size <= aio->task_size);
    for (size_t i = 0; i < strobe_aio_row_count; i++) {
        const struct strobe_aio_row *row = &strobe_aio_rows[i];
        uint32_t at = *(uint32_t *)(void *)((unsigned char *)&copy + row->member);
        uint32_t width = row->kind == STROBE_AIO_NODE ? 16 : row->kind == STROBE_AIO_PTR ? 8 : row->kind == STROBE_AIO_I32 ? 4 : 1;
        uint64_t end = row->group == STROBE_AIO_FUT ? aio->fut_size : row->group == STROBE_AIO_TASK ? aio->task_size :
                       table[row->group == STROBE_AIO_INTERP ? STROBE_AIO_W_INTERP_SIZE : STROBE_AIO_W_THREAD_SIZE];

        if (row->kind == STROBE_AIO_NUM || row->kind == STROBE_AIO_SIZE)
            continue;
        assert_true((uint64_t)at + width <= end);
        assert_int_equal(at % (width > 8 ? 8 : width), 0);
        if (row->group == STROBE_AIO_FUT || row->group == STROBE_AIO_TASK)
            assert_true(at >= lay->ob_header);
    }
}

static void test_every_word_mutated(void **state)
{
    static const uint64_t values[] = {
        0, 1, 4, 7, 8, 15, 16, 17, 24, 32, 64, 95, 96, 97, 100, 104, 108, 109, 112, 120, 128, 136, 144, 152, 160, 168, 176, 184, 192,
        255, 256, 504, 512, 520, 856, 864, 865, 868, 872, 880, 896, 928, 936, 944, 4096, 10872, 10880, 10884, 225848, 225856, 225864,
        1 << 20, (1 << 20) + 8,
        16 << 20, (16 << 20) + 8, UINT32_MAX - 7, UINT32_MAX, UINT32_MAX + 1ull, UINT32_MAX + 129ull, INT64_MAX, 1ull << 63,
        UINT64_MAX - 127, UINT64_MAX - 16, UINT64_MAX - 7, UINT64_MAX,
    };
    struct strobe_layout lay = layout_of(14, false);
    uint64_t table[STROBE_AIO_WORDS];
    size_t accepted = 0;

    (void)state;
    for (unsigned word = 0; word < STROBE_AIO_WORDS; word++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            struct strobe_aio_layout aio;
            char why[WHY];
            int err;

            memcpy(table, table_314, sizeof table);
            table[word] = values[i];
            memset(why, 'x', sizeof why);
            err = strobe_aio_layout_from_table(table, sizeof table, &lay, &aio, why);
            if (err) {
                assert_int_equal(err, STROBE_ERR_LAYOUT);
                assert_true(why[0] != 'x' && memchr(why, '\0', sizeof why));
                continue;
            }
            accepted++;
            assert_sane(&aio, &lay, table);
            /* what places a task's fields has one right value; sizes and places in other structs have more */
            if (word >= STROBE_AIO_W_NAME && word <= STROBE_AIO_W_NODE)
                assert_int_equal(values[i], table_314[word]);
        }
    }
    assert_true(accepted > STROBE_AIO_WORDS);
}

static void test_boundaries(void **state)
{
    static const struct {
        unsigned word;
        uint64_t value;
        bool good;
    } cases[] = {
        {STROBE_AIO_W_TASK_SIZE, 160, false}, /* the node would not fit */
        {STROBE_AIO_W_TASK_SIZE, 168, true}, {STROBE_AIO_W_TASK_SIZE, 172, false}, {STROBE_AIO_W_TASK_SIZE, 176, true},
        {STROBE_AIO_W_TASK_SIZE, STROBE_AIO_MAX_TASK, true}, {STROBE_AIO_W_TASK_SIZE, STROBE_AIO_MAX_TASK + 8, false},
        {STROBE_AIO_W_INTERP_HEAD, 225848, true}, {STROBE_AIO_W_INTERP_HEAD, 225856, false}, {STROBE_AIO_W_INTERP_HEAD, 4, false},
        {STROBE_AIO_W_THREAD_HEAD, 920, true}, {STROBE_AIO_W_THREAD_HEAD, 928, false},
        {STROBE_AIO_W_THREAD_HEAD, 856, false}, /* its second word lies on running_loop */
        {STROBE_AIO_W_THREAD_HEAD, 848, true},
        {STROBE_AIO_W_RUNNING_LOOP, 272, false}, {STROBE_AIO_W_RUNNING_LOOP, 280, true}, /* behind the runtime's own fields */
        {STROBE_AIO_W_RUNNING_LOOP, 872, false}, {STROBE_AIO_W_RUNNING_TASK, 864, false}, /* one place for both */
        {STROBE_AIO_W_RUNNING_TASK, 888, false}, {STROBE_AIO_W_RUNNING_TASK, 896, true},
        {STROBE_AIO_W_THREAD_SIZE, 888, false}, {STROBE_AIO_W_THREAD_SIZE, 896, true},
    };
    struct strobe_layout lay = layout_of(14, false);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t table[STROBE_AIO_WORDS];
        struct strobe_aio_layout aio;

        memcpy(table, table_314, sizeof table);
        table[cases[i].word] = cases[i].value;
        if ((strobe_aio_layout_from_table(table, sizeof table, &lay, &aio, NULL) == 0) != cases[i].good)
            fail_msg("word %u = %llu", cases[i].word, (unsigned long long)cases[i].value);
    }
}

static void test_shifted_tables(void **state)
{
    struct strobe_layout lay = layout_of(15, false);

    (void)state;
    /* a version with one more pointer in the future: derived neighbours would be wrong, so nothing is believed */
    for (unsigned first = STROBE_AIO_W_NAME; first <= STROBE_AIO_W_NODE; first++) {
        uint64_t table[STROBE_AIO_WORDS];
        struct strobe_aio_layout aio;
        char why[WHY];

        memcpy(table, table_315, sizeof table);
        table[STROBE_AIO_W_TASK_SIZE] += 8;
        for (unsigned word = STROBE_AIO_W_NAME; word <= STROBE_AIO_W_NODE; word++)
            if (table_315[word] >= table_315[first])
                table[word] += 8;
        assert_int_equal(strobe_aio_layout_from_table(table, sizeof table, &lay, &aio, why), STROBE_ERR_LAYOUT);
        assert_non_null(strstr(why, "another shape"));
    }
}

static void test_init_from_memory(void **state)
{
    struct words_mem words = {{.ops = &words_ops}, table_314[STROBE_AIO_W_INTERP_SIZE], 304, table_314};
    struct strobe_layout lay = layout_of(14, false);
    struct strobe_aio_layout aio, before;
    char why[WHY];

    (void)state;
    memset(&before, 0x5a, sizeof before);
    aio = before;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, why), STROBE_ERR_MISSING);
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, TABLE + 8, &aio, why), STROBE_ERR_FAULT);
    words.interp_size += 24; /* a module of another micro version */
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, TABLE, &aio, why), STROBE_ERR_LAYOUT);
    assert_memory_equal(&aio, &before, sizeof aio);
    words.interp_size -= 24;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, TABLE, &aio, why), 0);
    assert_int_equal(aio.task_coro, 128);
}

static void test_constants(void **state)
{
    static const struct {
        uint8_t minor;
        bool free_threaded;
        uint32_t task, fut, coro, result, fut_state, must_cancel;
    } cases[] = {
        {8, false, 144, 104, 112, 56, 72, 136}, {9, false, 184, 144, 152, 56, 80, 176}, {10, false, 192, 152, 160, 64, 88, 184},
        {11, false, 176, 128, 136, 64, 88, 160}, {12, false, 176, 128, 136, 64, 88, 160}, {13, false, 144, 104, 120, 64, 96, 100},
        {13, true, 160, 120, 136, 80, 112, 116},
    };
    struct words_mem words = {{.ops = &words_ops}, 0, 304, NULL};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strobe_layout lay = layout_of(cases[i].minor, cases[i].free_threaded);
        struct strobe_aio_layout aio;
        char why[WHY];

        assert_false(strobe_aio_layout_has_table(&lay));
        assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, why), 0);
        assert_int_equal(aio.task_size, cases[i].task);
        assert_int_equal(aio.fut_size, cases[i].fut);
        assert_int_equal(aio.task_coro, cases[i].coro);
        assert_int_equal(aio.task_fut_waiter, cases[i].coro - 8);
        assert_int_equal(aio.task_name, cases[i].coro + 8);
        assert_int_equal(aio.fut_result, cases[i].result);
        assert_int_equal(aio.fut_state, cases[i].fut_state);
        assert_int_equal(aio.task_must_cancel, cases[i].must_cancel);
        assert_int_equal(aio.interp_tasks_head, STROBE_NONE);
        assert_int_equal(aio.thread_running_loop, cases[i].minor == 13 ? 304 : STROBE_NONE);
    }
}

/* 3.13: the one number that the runtime's memory gives. */
static void test_running_loop_from_memory(void **state)
{
    static const uint64_t bad[] = {0, 272, 281, 300, 1 << 20, UINT64_MAX - 7, UINT64_MAX};
    struct words_mem words = {{.ops = &words_ops}, 0, 312, NULL};
    struct strobe_layout lay = layout_of(13, false);
    struct strobe_aio_layout aio;

    (void)state;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, NULL), 0);
    assert_int_equal(aio.thread_running_loop, 312);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        words.base_size = bad[i];
        assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, NULL), STROBE_ERR_LAYOUT);
    }
    lay.runtime += 8;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, NULL), STROBE_ERR_FAULT);
}

static void test_fit(void **state)
{
    struct words_mem words = {{.ops = &words_ops}, table_314[STROBE_AIO_W_INTERP_SIZE], 304, table_314};
    struct strobe_layout lay = layout_of(10, false);
    struct strobe_aio_layout aio, before;
    char why[WHY];

    (void)state;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, why), 0);
    assert_int_equal(strobe_aio_layout_fit(&lay, 192, &aio, why), 0);
    assert_int_equal(aio.fut_result, 64);
    before = aio;
    assert_int_equal(strobe_aio_layout_fit(&lay, 200, &aio, why), STROBE_ERR_LAYOUT);
    assert_memory_equal(&aio, &before, sizeof aio);
    assert_int_equal(strobe_aio_layout_fit(&lay, 184, &aio, why), 0); /* 3.10.0 */
    assert_int_equal(aio.task_size, 184);
    assert_int_equal(aio.fut_result, 56);
    assert_int_equal(strobe_aio_layout_fit(&lay, 192, &aio, why), 0); /* and back */
    assert_memory_equal(&aio, &before, sizeof aio);
    for (uint8_t minor = 8; minor < 18; minor++) {
        lay = layout_of(minor, minor % 2);
        if (strobe_aio_layout_init(&words.mem, &lay, TABLE, &aio, NULL))
            continue;
        assert_int_equal(strobe_aio_layout_fit(&lay, aio.task_size + 8, &aio, why), STROBE_ERR_LAYOUT);
        assert_int_equal(strobe_aio_layout_fit(&lay, UINT64_MAX, &aio, NULL), STROBE_ERR_LAYOUT);
    }
}

static void test_unknown_versions(void **state)
{
    struct words_mem words = {{.ops = &words_ops}, 0, 304, NULL};
    struct strobe_layout lay = layout_of(7, false), free = layout_of(12, true);
    struct strobe_aio_layout aio = {.task_size = 144};

    (void)state;
    assert_int_equal(strobe_aio_layout_init(&words.mem, &lay, 0, &aio, NULL), STROBE_ERR_VERSION);
    assert_int_equal(strobe_aio_layout_init(&words.mem, &free, TABLE, &aio, NULL), STROBE_ERR_VERSION);
    assert_int_equal(strobe_aio_layout_fit(&lay, 152, &aio, NULL), STROBE_ERR_LAYOUT);
}

/* Every member has a row, and every row every column. */
static void test_rows_cover_the_struct(void **state)
{
    unsigned char seen[offsetof(struct strobe_aio_layout, rows_end)] = {0};

    (void)state;
    for (size_t i = 0; i < strobe_aio_row_count; i++) {
        assert_int_equal(strobe_aio_rows[i].member % 4, 0);
        assert_int_equal(seen[strobe_aio_rows[i].member], 0);
        memset(seen + strobe_aio_rows[i].member, 1, 4);
        for (size_t column = 0; column < STROBE_AIO_COLUMNS; column++) {
            uint32_t entry = strobe_aio_rows[i].from[column];

            if (entry == STROBE_NONE)
                continue;
            if ((entry & STROBE_AIO_OP) == STROBE_AIO_WORD)
                assert_true((entry & ~STROBE_AIO_OP) >> 8 < STROBE_AIO_WORDS && strobe_aio_columns[column].table_size);
            if (strobe_aio_rows[i].kind == STROBE_AIO_SIZE)
                assert_true(entry);
        }
    }
    for (size_t i = 0; i < sizeof seen; i++)
        if (!seen[i])
            fail_msg("no row for the member at %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_tables),          cmocka_unit_test(test_table_as_bytes),
        cmocka_unit_test(test_every_word_mutated),    cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_shifted_tables),        cmocka_unit_test(test_init_from_memory),
        cmocka_unit_test(test_constants),             cmocka_unit_test(test_running_loop_from_memory),
        cmocka_unit_test(test_fit),                   cmocka_unit_test(test_unknown_versions),
        cmocka_unit_test(test_rows_cover_the_struct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
