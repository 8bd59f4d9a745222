/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "billing/tasklanes.h"
#include "tests/lib/alloc_fail.h"

static struct strobe_agg *agg;
static struct strobe_tasklanes lanes;

static int set_up(void **state)
{
    if (strobe_agg_new(1000, STROBE_AGG_LOG | STROBE_AGG_EVEN, &agg))
        return -1;
    strobe_tasklanes_init(&lanes, agg, 7);
    return 0;
}

static int tear_down(void **state)
{
    strobe_tasklanes_release(&lanes);
    strobe_agg_free(agg);
    return 0;
}

static int tick(const uint64_t *tasks, size_t n, uint32_t *rows)
{
    int err = 0;

    strobe_tasklanes_begin(&lanes);
    for (size_t i = 0; !err && i < n; i++)
        err = strobe_tasklanes_keep(&lanes, tasks[i]);
    for (size_t i = 0; !err && i < n; i++)
        err = strobe_tasklanes_row(&lanes, tasks[i], &rows[i]);
    return err;
}

/* Tasks are letters: the lanes of "abc" as digits. */
static void assert_lanes(const char *tasks, const char *expected)
{
    uint64_t addrs[16] = {0};
    uint32_t rows[16];
    char got[17] = "";
    size_t n = strlen(tasks);

    for (size_t i = 0; i < n; i++)
        addrs[i] = (uint64_t)tasks[i];
    assert_int_equal(tick(addrs, n, rows), 0);
    for (size_t i = 0; i < n; i++) {
        const char *name = strobe_agg_thread_info(agg, rows[i]).name;

        assert_int_equal(strncmp(name, "tasks lane ", 11), 0);
        got[i] = name[11];
    }
    assert_string_equal(got, expected);
}

static void test_a_task_keeps_its_lane_and_leaves_it_to_the_next(void **state)
{
    assert_lanes("abc", "123");
    assert_lanes("abc", "123");
    assert_lanes("cab", "312");
    assert_lanes("ac", "13");
    assert_lanes("acd", "132"); /* b has ended */
    assert_lanes("efd", "132");
    assert_lanes("", "");
    assert_lanes("d", "1"); /* it was away for a tick: like a new one */
    assert_int_equal(strobe_agg_thread_count(agg), 3);
    assert_int_equal(strobe_agg_thread_info(agg, 0).pid, 7);
    assert_int_equal(strobe_agg_thread_info(agg, 0).tid, STROBE_AGG_NO_THREAD);
}

/* A task that could not be read is kept, though it has no row. */
static void test_kept_without_being_asked_for(void **state)
{
    uint32_t row;

    assert_lanes("ab", "12");
    strobe_tasklanes_begin(&lanes);
    assert_int_equal(strobe_tasklanes_keep(&lanes, 'a'), 0);
    assert_int_equal(strobe_tasklanes_row(&lanes, 'c', &row), 0);
    assert_string_equal(strobe_agg_thread_info(agg, row).name, "tasks lane 2");
    assert_lanes("abc", "132");
}

static void test_a_bounded_number(void **state)
{
    enum { N = STROBE_TASKLANES_MAX + 50 };
    uint64_t *tasks = calloc(N, sizeof *tasks);
    uint32_t *rows = calloc(N, sizeof *rows);

    for (size_t i = 0; i < N; i++)
        tasks[i] = 16 * (i + 1);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(tick(tasks, N, rows), 0);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(rows[i], i < STROBE_TASKLANES_MAX ? i : STROBE_TASKLANES_MAX - 1);
    }
    free(tasks);
    free(rows);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    uint64_t tasks[100];
    uint32_t rows[100];
    int err = -1;

    for (size_t i = 0; i < 100; i++)
        tasks[i] = i;
    tear_down(NULL);
    for (uint64_t n = 1; err; n++) {
        set_up(NULL);
        alloc_fail_arm(n);
        err = tick(tasks, 50, rows);
        if (!err)
            err = tick(tasks + 20, 80, rows);
        alloc_fail_disarm();
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        tear_down(NULL);
        assert_int_equal(alloc_fail_live(), 0);
    }
    set_up(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_task_keeps_its_lane_and_leaves_it_to_the_next),
        TEST(test_kept_without_being_asked_for),
        TEST(test_a_bounded_number),
        TEST(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
