/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/linetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

struct case_run {
    int units, line; /* code units (2 bytes) on one line; line 0 = none */
};

struct line_case {
    const char *name;
    enum strobe_lines_kind kind;
    int firstlineno;
    const unsigned char *table;
    size_t len;
    const struct case_run *runs;
    size_t n_runs;
};

#include "linetable_cases.inc"

static int line_at(const struct line_case *c, int64_t lasti)
{
    int32_t line = -1;

    assert_int_equal(strobe_linetable_line(c->kind, c->table, c->len, c->firstlineno, lasti, &line), 0);
    return line;
}

/* Every instruction of every code object of every version, against that interpreter's own answer. */
static void test_real_tables(void **state)
{
    size_t checked = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct line_case *c = &cases[i];
        int64_t at = 0;

        assert_int_equal(line_at(c, -1), c->firstlineno);
        assert_int_equal(line_at(c, -2), c->firstlineno);
        for (size_t r = 0; r < c->n_runs; r++)
            for (int u = 0; u < c->runs[r].units; u++, at += 2, checked++)
                if (line_at(c, at) != c->runs[r].line)
                    fail_msg("%s at %d: %d, not %d", c->name, (int)at, line_at(c, at), c->runs[r].line);
        /* Beyond the code: the last line goes on in an lnotab, there is none in the others. */
        assert_int_equal(line_at(c, at + 100000), c->kind == STROBE_LINES_LNOTAB ? line_at(c, at) : 0);
    }
    assert_true(checked > 10000);
}

struct raw_case {
    enum strobe_lines_kind kind;
    unsigned char table[12];
    size_t len;
    int64_t lasti;
    int err, line; /* firstlineno is 10 */
};

static void check_raw(const struct raw_case *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t line = -7;
        /* An exact heap copy, so that the sanitizers see a read beyond the end. */
        unsigned char *copy = malloc(c[i].len + !c[i].len);

        assert_non_null(copy);
        memcpy(copy, c[i].table, c[i].len);
        if (strobe_linetable_line(c[i].kind, copy, c[i].len, 10, c[i].lasti, &line) != c[i].err || line != c[i].line)
            fail_msg("raw case %d: line %d", (int)i, line);
        free(copy);
    }
}

static void test_worked_by_hand(void **state)
{
    static const struct raw_case raw[] = {
        /* The example of lnotab_notes.txt: 300 bytes, 200 lines are 255,0 45,127 0,73. */
        {STROBE_LINES_LNOTAB, {6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1}, 12, 5, 0, 10},
        {STROBE_LINES_LNOTAB, {6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1}, 12, 6, 0, 11},
        {STROBE_LINES_LNOTAB, {6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1}, 12, 349, 0, 16},
        {STROBE_LINES_LNOTAB, {6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1}, 12, 350, 0, 216},
        {STROBE_LINES_LNOTAB, {6, 1, 44, 5, 255, 0, 45, 127, 0, 73, 11, 1}, 12, 361, 0, 217},
        {STROBE_LINES_LNOTAB, {2, 253}, 2, 2, 0, 7},
        {STROBE_LINES_LNOTAB, {0}, 0, 40, 0, 10},
        /* 3.10: a range without a line between two with. */
        {STROBE_LINES_PEP626, {4, 0, 2, 128, 2, 3}, 6, 3, 0, 10},
        {STROBE_LINES_PEP626, {4, 0, 2, 128, 2, 3}, 6, 4, 0, 0},
        {STROBE_LINES_PEP626, {4, 0, 2, 128, 2, 3}, 6, 6, 0, 13},
        {STROBE_LINES_PEP626, {4, 0, 2, 128, 2, 3}, 6, 8, 0, 0},
        {STROBE_LINES_PEP626, {0, 100, 2, 0}, 4, 0, 0, 110},
        /* Locations: short form, one line down, none, no columns with -3, long with +70. */
        {STROBE_LINES_LOCATIONS, {0x80 | 0 << 3 | 1, 0x11}, 2, 3, 0, 10},
        {STROBE_LINES_LOCATIONS, {0x80 | 11 << 3, 5, 9}, 3, 1, 0, 11},
        {STROBE_LINES_LOCATIONS, {0x80 | 15 << 3}, 1, 0, 0, 0},
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3, 3 << 1 | 1}, 2, 0, 0, 7},
        {STROBE_LINES_LOCATIONS, {0x80 | 14 << 3, 0x40 | (140 & 63), 140 >> 6, 0, 1, 1}, 6, 0, 0, 80},
        {STROBE_LINES_LOCATIONS, {0x80 | 14 << 3, 0x40 | (140 & 63), 140 >> 6, 0, 1, 1}, 6, 2, 0, 0},
        {STROBE_LINES_LOCATIONS, {0}, 0, 0, 0, 0},
    };

    (void)state;
    check_raw(raw, sizeof raw / sizeof raw[0]);
}

static void test_damaged(void **state)
{
    static const struct raw_case raw[] = {
        {STROBE_LINES_LNOTAB, {6, 1, 44}, 3, 100, STROBE_ERR_FORMAT, 10},
        {STROBE_LINES_LNOTAB, {0, 128}, 2, 0, STROBE_ERR_FORMAT, 10}, /* line -118 */
        {STROBE_LINES_PEP626, {6}, 1, 0, STROBE_ERR_FORMAT, 10},
        {STROBE_LINES_PEP626, {6, 129}, 2, 0, STROBE_ERR_FORMAT, 10},
        {STROBE_LINES_LOCATIONS, {0x11, 0x80}, 2, 0, STROBE_ERR_FORMAT, 10},               /* no start of an entry */
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3}, 1, 0, STROBE_ERR_FORMAT, 10},           /* operand missing */
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3, 0x40}, 2, 0, STROBE_ERR_FORMAT, 10},     /* number cut short */
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3, 0x40, 0x88}, 3, 0, STROBE_ERR_FORMAT, 10}, /* by the next entry */
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 1}, 9, 0, STROBE_ERR_FORMAT, 10},
        {STROBE_LINES_LOCATIONS, {0x80 | 13 << 3, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x3f}, 7, 0, STROBE_ERR_FORMAT, 10}, /* far below 0 */
        {(enum strobe_lines_kind)99, {0}, 0, 0, STROBE_ERR_FORMAT, 10},
    };

    (void)state;
    check_raw(raw, sizeof raw / sizeof raw[0]);
}

/* Every table cut anywhere, and with each byte set to some others: any answer, but no read beyond the end, and a line that is
 * not negative. */
static void test_any_bytes(void **state)
{
    static const unsigned char values[] = {0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xe8, 0xf0, 0xff};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct line_case *c = &cases[i];
        size_t some = c->len < 200 ? c->len : 200;

        for (size_t len = 0; len <= some; len++) {
            unsigned char *copy = malloc(some + 1);
            int32_t line = -1;

            assert_non_null(copy);
            memcpy(copy, c->table, len);
            copy = realloc(copy, len + !len);
            strobe_linetable_line(c->kind, copy, len, c->firstlineno, 1 << 20, &line);
            assert_true(line >= 0);
            for (size_t v = 0; len && v < sizeof values; v++) {
                copy[len - 1] = values[v];
                strobe_linetable_line(c->kind, copy, len, c->firstlineno, (int64_t)len, &line);
                assert_true(line >= 0);
            }
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_tables),
        cmocka_unit_test(test_worked_by_hand),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
