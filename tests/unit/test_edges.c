/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agg/agg.h"
#include "agg/edges.h"
#include "base/err.h"
#include "base/names.h"
#include "tests/lib/alloc_fail.h"

enum { PERIOD = 1000, OFTEN = 10 * STROBE_RARE };

struct profile {
    struct strobe_names *names;
    struct strobe_agg *agg;
    uint32_t thread;
    uint64_t time_ns;
};

static void setup(struct profile *p)
{
    *p = (struct profile){.time_ns = PERIOD};
    assert_int_equal(strobe_names_new(&p->names), 0);
    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_LOG, &p->agg), 0);
    assert_int_equal(strobe_agg_thread(p->agg, 1, 1, 0, "t", &p->thread), 0);
}

static void teardown(struct profile *p)
{
    strobe_agg_free(p->agg);
    strobe_names_free(p->names);
}

/* "name:line" in a file of its own name; a name in angle brackets is a marker. */
static uint32_t frame_of(struct profile *p, const char *text, size_t len)
{
    struct strobe_frame frame = {.first_line = 1};
    const char *colon = memchr(text, ':', len);
    size_t name_len = colon ? (size_t)(colon - text) : len;
    char name[32];
    uint32_t id;

    assert_true(name_len < sizeof name);
    memcpy(name, text, name_len);
    name[name_len] = 0;
    if (*name == '<') {
        assert_int_equal(strobe_names_marker(p->names, name, &id), 0);
        return id;
    }
    for (const char *at = colon ? colon + 1 : text + len; at < text + len; at++)
        frame.line = frame.line * 10 + (*at - '0');
    assert_int_equal(strobe_names_string(p->names, name, name_len, &frame.name), 0);
    assert_int_equal(strobe_names_string(p->names, "m.py", 4, &frame.file), 0);
    assert_int_equal(strobe_names_frame(p->names, &frame, &id), 0);
    return id;
}

/* The thread shows a stack ("run:1;f:2;g:3", outermost first) n times. */
static uint32_t show(struct profile *p, const char *stack, int n)
{
    uint32_t frames[16], leaf;
    size_t depth = 0;

    for (const char *at = stack; *at;) {
        size_t len = strcspn(at, ";");

        frames[depth++] = frame_of(p, at, len);
        at += len + (at[len] == ';');
    }
    assert_int_equal(strobe_agg_stack(p->agg, frames, depth, &leaf), 0);
    for (int i = 0; i < n; i++) {
        p->time_ns += PERIOD;
        assert_int_equal(strobe_agg_add(p->agg, p->thread, leaf, p->time_ns, PERIOD), 0);
    }
    return leaf;
}

static uint64_t judge(struct profile *p)
{
    uint64_t left_out = UINT64_MAX;

    assert_int_equal(strobe_agg_leave_out_mixed(p->agg, p->names, &left_out), 0);
    return left_out;
}

struct sums {
    uint64_t entry_ns, samples, event_ns;
    uint32_t absent; /* a leaf that must not come */
};

static int sum_entry(void *ctx, const struct strobe_agg_entry *entry)
{
    struct sums *sums = ctx;

    assert_int_not_equal(entry->leaf, sums->absent);
    sums->entry_ns += entry->ns;
    sums->samples += entry->samples;
    return 0;
}

static int sum_event(void *ctx, const struct strobe_agg_event *event)
{
    struct sums *sums = ctx;

    assert_int_not_equal(event->leaf, sums->absent);
    sums->event_ns += event->end_ns - event->start_ns;
    return 0;
}

static void test_a_foreign_caller_is_left_out_and_counted(void **state)
{
    struct profile p;
    struct sums sums = {0};
    uint32_t mixed, own;

    setup(&p);
    own = show(&p, "run:1;f:2;g:3", OFTEN);
    show(&p, "run:4;h:5;k:6", OFTEN);
    mixed = show(&p, "run:1;f:2;k:6", 3);
    sums.absent = mixed;
    assert_int_equal(judge(&p), 3);
    assert_true(strobe_agg_is_left_out(p.agg, mixed));
    assert_false(strobe_agg_is_left_out(p.agg, own));
    assert_false(strobe_agg_is_left_out(p.agg, strobe_agg_parent(p.agg, mixed))); /* run:1;f:2 is no one's fault */
    assert_int_equal(strobe_agg_each(p.agg, sum_entry, &sums), 0);
    assert_int_equal(strobe_agg_each_event(p.agg, sum_event, &sums), 0);
    assert_int_equal(sums.samples, 2 * OFTEN);
    assert_int_equal(sums.entry_ns, 2 * OFTEN * PERIOD);
    assert_int_equal(sums.event_ns, 2 * OFTEN * PERIOD);
    teardown(&p);
}

static void test_all_below_a_foreign_edge_is_left_out(void **state)
{
    struct profile p;
    uint32_t deep;

    setup(&p);
    show(&p, "run:1;f:2", OFTEN);
    show(&p, "run:4;h:5;k:6;l:7", OFTEN);
    deep = show(&p, "run:1;f:2;k:6;l:7", 1);
    assert_int_equal(judge(&p), 1);
    assert_true(strobe_agg_is_left_out(p.agg, deep));
    assert_true(strobe_agg_is_left_out(p.agg, strobe_agg_parent(p.agg, deep)));
    teardown(&p);
}

static void test_a_wrong_line_of_the_right_caller_is_left_out(void **state)
{
    struct profile p;

    setup(&p);
    show(&p, "run:1;f:2;g:3", OFTEN);
    show(&p, "run:1;f:9", OFTEN);
    show(&p, "run:1;f:9;g:3", 2);
    assert_int_equal(judge(&p), 2);
    teardown(&p);
}

/* In step with the target: not so rare, but another caller calls it more, and this caller calls something else there. */
static void test_rare_both_ways_is_left_out(void **state)
{
    struct profile p;

    setup(&p);
    show(&p, "run:1;f:2;g:3", OFTEN);
    show(&p, "run:4;h:5;k:6", OFTEN);
    show(&p, "run:1;f:2;k:6", OFTEN / 5);
    show(&p, "run:1;f:9;k:6", OFTEN / 5);
    assert_int_equal(judge(&p), OFTEN / 5);
    teardown(&p);
}

static void test_an_only_caller_is_believed_however_rare(void **state)
{
    struct profile p;
    char stack[32];

    setup(&p);
    show(&p, "run:1;dispatch:2;common:3", 100 * OFTEN);
    for (int i = 0; i < 100; i++) {
        assert_in_range(snprintf(stack, sizeof stack, "run:1;dispatch:2;rare%d:3", i), 1, sizeof stack - 1);
        show(&p, stack, 1);
    }
    assert_int_equal(judge(&p), 0);
    teardown(&p);
}

static void test_little_seen_proves_nothing(void **state)
{
    struct profile p;

    setup(&p);
    show(&p, "run:1;f:2;g:3", STROBE_RARE);
    show(&p, "run:4;g:3", 1);
    assert_int_equal(judge(&p), 0);
    show(&p, "run:1;f:2;g:3", 1);
    assert_int_equal(judge(&p), 1); /* judged anew, with what came since */
    teardown(&p);
}

/* Recursion holds an edge many times in one stack: that is one sighting, else nobody outside could compete. */
static void test_recursion_counts_a_stack_once(void **state)
{
    struct profile p;

    setup(&p);
    show(&p, "run:1;f:2;f:2;f:2;f:2;f:2;f:2;f:2;f:2;f:2;f:2;f:2;f:2", 10 * STROBE_RARE);
    show(&p, "other:1;f:2", 11);
    assert_int_equal(judge(&p), 0);
    teardown(&p);
}

static void test_markers_are_no_callers(void **state)
{
    struct profile p;

    setup(&p);
    show(&p, "<thread 1>;run:1;f:2;g:3", 100 * OFTEN);
    show(&p, "<thread 2>;run:1;f:2", 1);
    show(&p, "run:1;f:2;g:3;<GC>", 1);
    show(&p, "<thread 3>;g:3", 1);
    assert_int_equal(judge(&p), 0);
    teardown(&p);
}

static void test_same_name_elsewhere_is_another_function(void **state)
{
    struct profile p;
    struct strobe_frame lambda = {.first_line = 40, .line = 40};
    uint32_t frames[2], leaf;

    setup(&p);
    show(&p, "run:1;lambda:2", OFTEN);
    frames[0] = frame_of(&p, "other:7", 7);
    assert_int_equal(strobe_names_string(p.names, "lambda", 6, &lambda.name), 0);
    assert_int_equal(strobe_names_string(p.names, "m.py", 4, &lambda.file), 0);
    assert_int_equal(strobe_names_frame(p.names, &lambda, &frames[1]), 0);
    assert_int_equal(strobe_agg_stack(p.agg, frames, 2, &leaf), 0);
    assert_int_equal(strobe_agg_add(p.agg, p.thread, leaf, p.time_ns + PERIOD, PERIOD), 0);
    assert_int_equal(judge(&p), 0);
    teardown(&p);
}

static void test_an_empty_recording(void **state)
{
    struct profile p;

    setup(&p);
    assert_int_equal(judge(&p), 0);
    teardown(&p);
}

static void test_every_failed_allocation_leaves_nothing_out(void **state)
{
    struct profile p;
    uint32_t mixed;

    setup(&p);
    show(&p, "run:1;f:2;g:3", OFTEN);
    mixed = show(&p, "run:4;h:5;g:3", 1);
    for (uint64_t n = 1;; n++) {
        uint64_t left_out = 0;
        int err;

        alloc_fail_arm(n);
        err = strobe_agg_leave_out_mixed(p.agg, p.names, &left_out);
        alloc_fail_disarm();
        if (!alloc_fail_hit()) {
            assert_int_equal(err, 0);
            assert_int_equal(left_out, 1);
            break;
        }
        assert_int_equal(err, STROBE_ERR_NOMEM);
        assert_false(strobe_agg_is_left_out(p.agg, mixed));
    }
    teardown(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_foreign_caller_is_left_out_and_counted),
        cmocka_unit_test(test_all_below_a_foreign_edge_is_left_out),
        cmocka_unit_test(test_a_wrong_line_of_the_right_caller_is_left_out),
        cmocka_unit_test(test_rare_both_ways_is_left_out),
        cmocka_unit_test(test_an_only_caller_is_believed_however_rare),
        cmocka_unit_test(test_little_seen_proves_nothing),
        cmocka_unit_test(test_recursion_counts_a_stack_once),
        cmocka_unit_test(test_markers_are_no_callers),
        cmocka_unit_test(test_same_name_elsewhere_is_another_function),
        cmocka_unit_test(test_an_empty_recording),
        cmocka_unit_test(test_every_failed_allocation_leaves_nothing_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
