/* SPDX-License-Identifier: Apache-2.0 */
/* When to glance, look and scan: what all of it costs, over an hour of a made-up clock, stays within the budget. */
#include "tests/unit/cm.h"

#include <stdint.h>

#include "meter/turns.h"

static const uint64_t ms = 1000 * 1000, second = 1000 * 1000 * 1000;

/* An hour of glances that cost so much: their share of a CPU, and how many there were. */
static double hour(double max_cpu, uint64_t cost_ns, uint64_t *ret_n)
{
    struct strobe_turns turns;
    uint64_t now = 5 * second, end = now + 3600 * second, spent = 0;

    *ret_n = 0;
    strobe_turns_init(&turns, max_cpu, now);
    while (turns.glance_due < end) {
        now = turns.glance_due + cost_ns;
        spent += cost_ns;
        ++*ret_n;
        strobe_turns_glanced(&turns, cost_ns, now);
        assert_true(turns.glance_due + turns.period_ns >= now); /* a late one does not take the next one's time */
    }
    return (double)spent / (3600.0 * (double)second);
}

static void test_cheap_glances_are_fifty_a_second(void **state)
{
    uint64_t n;

    assert_true(hour(0.01, ms / 10, &n) <= 0.006);
    assert_in_range(n, 178000, 182000);
    assert_true(hour(0.01, ms / 100, &n) <= 0.0006); /* and no more */
    assert_in_range(n, 178000, 182000);
}

static void test_dear_glances_are_fewer(void **state)
{
    static const uint64_t costs[] = {1, 3, 20, 200};

    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        uint64_t n;
        double share = hour(0.01, costs[i] * ms, &n);

        assert_true(share <= 0.0062);
        assert_true(share >= 0.004); /* and no fewer than that */
    }
}

/* One glance in each slot, so that the counters stay unbiased. */
static void test_one_a_slot(void **state)
{
    struct strobe_turns turns;
    uint64_t now = 0, slot;

    strobe_turns_init(&turns, 0.01, now);
    for (int i = 0; i < 1000; i++) {
        slot = turns.glance_due / turns.period_ns;
        assert_int_equal(slot, (uint64_t)i);
        now = turns.glance_due;
        strobe_turns_glanced(&turns, ms / 100, now);
    }
}

static void test_cheaper_again(void **state)
{
    struct strobe_turns turns;

    strobe_turns_init(&turns, 0.01, 0);
    strobe_turns_glanced(&turns, 10 * ms, turns.glance_due);
    assert_true(turns.period_ns >= 10 * ms * 100 * 10 / 6);
    strobe_turns_glanced(&turns, 9 * ms, turns.glance_due); /* a little cheaper: the rhythm stays */
    assert_true(turns.period_ns >= 10 * ms * 100 * 10 / 6);
    strobe_turns_glanced(&turns, ms / 10, turns.glance_due);
    assert_int_equal(turns.period_ns, 20 * ms);
}

static void test_looks(void **state)
{
    struct strobe_turns turns;
    uint64_t spacing;

    strobe_turns_init(&turns, 0.01, 0);
    spacing = strobe_turns_look_spacing(&turns, 3 * ms / 4);
    assert_int_equal(spacing, 500 * ms); /* 15 % of 1 % */
    assert_false(strobe_turns_is_look(spacing, 999 * ms, false));
    assert_true(strobe_turns_is_look(spacing, second, false));
    assert_true(strobe_turns_is_look(spacing, 500 * ms, true));
    assert_false(strobe_turns_is_look(spacing, 499 * ms, true)); /* whatever the news */
    spacing = strobe_turns_look_spacing(&turns, 15 * ms);
    assert_false(strobe_turns_is_look(spacing, 9 * second, true));
    assert_true(strobe_turns_is_look(spacing, 10 * second, false));
}

static void test_scans(void **state)
{
    struct strobe_turns turns;

    assert_false(strobe_turns_is_scan(second - 1, 0)); /* one that has just begun: every second, */
    assert_true(strobe_turns_is_scan(second, 0));
    assert_false(strobe_turns_is_scan(4 * second, 10 * second)); /* then more seldom, */
    assert_true(strobe_turns_is_scan(5 * second, 10 * second));
    assert_false(strobe_turns_is_scan(9 * second, 3600 * second)); /* and every ten */
    assert_true(strobe_turns_is_scan(10 * second, 3600 * second));
    strobe_turns_init(&turns, 0.01, 0);
    strobe_turns_sliced(&turns, 3 * ms / 4, second);
    assert_int_equal(turns.slice_due, second + 500 * ms);
    strobe_turns_sliced(&turns, 0, second); /* there was none to read */
    assert_int_equal(turns.slice_due, second + 250 * ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cheap_glances_are_fifty_a_second), cmocka_unit_test(test_dear_glances_are_fewer),
        cmocka_unit_test(test_one_a_slot), cmocka_unit_test(test_cheaper_again), cmocka_unit_test(test_looks), cmocka_unit_test(test_scans),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
