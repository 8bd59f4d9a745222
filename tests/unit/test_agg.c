/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agg/agg.h"
#include "agg/stacktree.h"
#include "base/err.h"
#include "tests/lib/alloc_fail.h"

enum { MS = 1000000, PERIOD = 10 * MS };
static const uint64_t start = 5000000000;

static uint32_t thread_of(struct strobe_agg *agg, int32_t tid)
{
    uint32_t thread;

    assert_int_equal(strobe_agg_thread(agg, 1, tid, 0, "t", &thread), 0);
    return thread;
}

static uint32_t stack_of(struct strobe_agg *agg, size_t n, const uint32_t *frames)
{
    uint32_t leaf;

    assert_int_equal(strobe_agg_stack(agg, frames, n, &leaf), 0);
    return leaf;
}
#define STACK(agg, ...) stack_of(agg, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[]){__VA_ARGS__})

struct seen {
    size_t n;
    struct strobe_agg_entry entry[64];
    struct strobe_agg_event event[64];
};

static int see_entry(void *ctx, const struct strobe_agg_entry *entry)
{
    struct seen *seen = ctx;

    seen->entry[seen->n++ % 64] = *entry;
    return 0;
}

static int see_event(void *ctx, const struct strobe_agg_event *event)
{
    struct seen *seen = ctx;

    seen->event[seen->n++ % 64] = *event;
    return 0;
}

static int stop_at_once(void *ctx, const struct strobe_agg_event *event)
{
    return ++*(int *)ctx;
}

static void test_equal_stacks_are_one_node(void **state)
{
    struct strobe_agg *agg;
    uint32_t leaf, frames[4];

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    leaf = STACK(agg, 7, 8, 9);
    assert_int_equal(STACK(agg, 7, 8, 9), leaf);
    assert_int_equal(strobe_agg_node_count(agg), 4);
    assert_int_equal(STACK(agg, 7, 8), strobe_agg_parent(agg, leaf));
    assert_int_not_equal(STACK(agg, 7, 9), leaf);
    assert_int_not_equal(STACK(agg, 9, 8, 7), leaf);
    assert_int_equal(STACK(agg, 7, 8, 9), leaf);
    assert_int_equal(strobe_agg_frame(agg, leaf), 9);
    assert_int_equal(strobe_agg_frame(agg, 0), UINT32_MAX);
    assert_int_equal(stack_of(agg, 0, NULL), 0);
    memset(frames, 0xff, sizeof frames);
    assert_int_equal(strobe_agg_frames(agg, leaf, frames, 4), 3);
    assert_memory_equal(frames, ((uint32_t[]){7, 8, 9, UINT32_MAX}), sizeof frames);
    memset(frames, 0xff, sizeof frames);
    assert_int_equal(strobe_agg_frames(agg, leaf, frames, 2), 3);
    assert_memory_equal(frames, ((uint32_t[]){7, 8, UINT32_MAX, UINT32_MAX}), sizeof frames);
    strobe_agg_free(agg);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Against the plain truth: a leaf's path is the stack that was asked for. */
static void test_random_stacks_come_back(void **state)
{
    enum { ROUNDS = 20000, DEEPEST = 300 };
    uint32_t seed = 1, frames[DEEPEST], back[DEEPEST];
    struct strobe_agg *agg;

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    memset(frames, 0, sizeof frames);
    for (int i = 0; i < ROUNDS; i++) {
        size_t depth = next_random(&seed) % (i % 100 ? 12 : DEEPEST), from = depth ? next_random(&seed) % depth : 0;

        for (size_t k = from; k < depth; k++)
            frames[k] = next_random(&seed) % 5;
        assert_int_equal(strobe_agg_frames(agg, stack_of(agg, depth, frames), back, DEEPEST), depth);
        assert_memory_equal(back, frames, depth * sizeof *frames);
    }
    for (uint32_t node = 1; node < strobe_agg_node_count(agg); node++)
        assert_true(strobe_agg_parent(agg, node) < node);
    strobe_agg_free(agg);
}

static void test_threads_by_identity(void **state)
{
    struct strobe_agg *agg;
    uint32_t a, b, c, d;

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    assert_int_equal(strobe_agg_thread(agg, 1, 2, 3, "", &a), 0);
    assert_int_equal(strobe_agg_thread(agg, 1, 2, 3, "worker", &b), 0);
    assert_int_equal(a, b);
    assert_string_equal(strobe_agg_thread_info(agg, a).name, "worker");
    assert_int_equal(strobe_agg_thread(agg, 1, 2, 3, NULL, &b), 0);
    assert_string_equal(strobe_agg_thread_info(agg, a).name, "worker");
    assert_int_equal(strobe_agg_thread(agg, 1, 2, 3, "renamed", &b), 0);
    assert_string_equal(strobe_agg_thread_info(agg, a).name, "renamed");
    assert_int_equal(strobe_agg_thread(agg, 1, 2, 4, "", &b), 0);
    assert_int_equal(strobe_agg_thread(agg, 1, 3, 3, "", &c), 0);
    assert_int_equal(strobe_agg_thread(agg, 2, 2, 3, "", &d), 0);
    assert_true(a != b && a != c && a != d && b != c && b != d && c != d);
    assert_int_equal(strobe_agg_thread_count(agg), 4);
    assert_int_equal(strobe_agg_thread_info(agg, d).pid, 2);
    assert_string_equal(strobe_agg_thread_info(agg, d).name, "");
    assert_string_equal(strobe_agg_thread_info(agg, 99).name, "");
    strobe_agg_free(agg);
}

/* Whatever the weights, a thread's whole periods stay within a period of its real time, at every moment. */
static void test_remainder_is_carried(void **state)
{
    uint32_t seed = 7;
    uint64_t sum[2] = {0, 0}, time_ns = start;
    struct strobe_agg *agg;

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    for (int i = 0; i < 3000; i++) {
        uint64_t ns = i % 500 == 499 ? 9 * PERIOD : next_random(&seed) % (2 * PERIOD), samples = 0;
        uint32_t who = next_random(&seed) % 2, thread = thread_of(agg, (int32_t)who);
        struct seen seen = {0};

        time_ns += ns;
        assert_int_equal(strobe_agg_add(agg, thread, STACK(agg, next_random(&seed) % 5), time_ns, ns), 0);
        sum[thread] += ns;
        assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
        assert_true(seen.n <= 10);
        for (size_t k = 0; k < seen.n; k++)
            samples += seen.entry[k].thread == thread ? seen.entry[k].samples : 0;
        assert_true(samples * PERIOD <= sum[thread] + PERIOD);
        assert_true(sum[thread] <= samples * PERIOD + PERIOD);
    }
    strobe_agg_free(agg);
}

/* A program that does A for half of each period and B for the other, looked at as the session does: between half a period and one and a
 * half after the look before.  Its whole periods tell half and half, as its time does. */
static void test_a_rhythm_of_one_period(void **state)
{
    enum { LOOKS = 200000 };
    uint64_t x = 88172645463325252ull, time_ns = start, counts[2] = {0, 0};
    struct strobe_agg *agg;
    struct seen seen = {0};

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    for (int i = 0; i < LOOKS; i++) {
        uint64_t ns;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ns = PERIOD / 2 + x % (PERIOD + 1);
        time_ns += ns;
        assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), STACK(agg, (time_ns - start) % PERIOD < PERIOD / 2), time_ns, ns), 0);
    }
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
    assert_int_equal(seen.n, 2);
    for (int i = 0; i < 2; i++)
        counts[i] = seen.entry[i].samples;
    assert_in_range(counts[0] + counts[1], LOOKS - LOOKS / 200, LOOKS + LOOKS / 200);
    assert_in_range(counts[0] * 1000 / (counts[0] + counts[1]), 490, 510);
    strobe_agg_free(agg);
}

static void test_entries_in_a_stable_order(void **state)
{
    struct strobe_agg *agg;
    struct seen seen = {0};
    uint32_t one, two, x, y;

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    one = thread_of(agg, 1);
    two = thread_of(agg, 2);
    x = STACK(agg, 1);
    y = STACK(agg, 2);
    assert_int_equal(strobe_agg_add(agg, two, x, start, 2 * PERIOD), 0);
    assert_int_equal(strobe_agg_add(agg, one, y, start, PERIOD), 0);
    assert_int_equal(strobe_agg_add(agg, one, x, start + PERIOD, PERIOD), 0);
    assert_int_equal(strobe_agg_add(agg, one, y, start + 2 * PERIOD, PERIOD), 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
    assert_int_equal(seen.n, 3);
    assert_memory_equal(&seen.entry[0], &((struct strobe_agg_entry){one, y, 2 * PERIOD, 2}), sizeof *seen.entry);
    assert_memory_equal(&seen.entry[1], &((struct strobe_agg_entry){one, x, PERIOD, 1}), sizeof *seen.entry);
    assert_memory_equal(&seen.entry[2], &((struct strobe_agg_entry){two, x, 2 * PERIOD, 2}), sizeof *seen.entry);
    strobe_agg_free(agg);
}

static void test_refuses_what_cannot_be(void **state)
{
    struct strobe_agg *agg;
    struct seen seen = {0};

    assert_int_equal(strobe_agg_new(UINT64_MAX, 0, &agg), STROBE_ERR_ARG);
    assert_int_equal(strobe_agg_new(0, 0, &agg), 0);
    assert_int_equal(strobe_agg_add(agg, 0, 0, start, 1), STROBE_ERR_ARG);
    assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), 99, start, 1), STROBE_ERR_ARG);
    assert_int_equal(strobe_agg_add(agg, 0, 0, start, UINT64_MAX), STROBE_ERR_ARG);
    assert_int_equal(strobe_agg_each_event(agg, see_event, &seen), STROBE_ERR_MISSING);
    assert_int_equal(strobe_agg_each_event_of(agg, 0, see_event, &seen), STROBE_ERR_MISSING);
    /* Without a period, an addition is a sample. */
    assert_int_equal(strobe_agg_add(agg, 0, 0, start, 5), 0);
    assert_int_equal(strobe_agg_add(agg, 0, 0, start + 3, 3), 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
    assert_int_equal(seen.entry[0].samples, 2);
    assert_int_equal(seen.entry[0].ns, 8);
    strobe_agg_free(agg);
}

static void test_log_joins_what_is_contiguous(void **state)
{
    struct strobe_agg *agg;
    struct seen seen = {0};
    uint32_t one, two, x, y;
    int calls = 0;

    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_LOG, &agg), 0);
    one = thread_of(agg, 1);
    two = thread_of(agg, 2);
    x = STACK(agg, 1);
    y = STACK(agg, 1, 2);
    assert_int_equal(strobe_agg_add(agg, one, x, start + 10, 10), 0);
    assert_int_equal(strobe_agg_add(agg, two, y, start + 12, 12), 0);
    assert_int_equal(strobe_agg_add(agg, one, x, start + 25, 15), 0); /* goes on */
    assert_int_equal(strobe_agg_add(agg, one, y, start + 30, 5), 0);  /* another stack */
    assert_int_equal(strobe_agg_add(agg, one, y, start + 50, 10), 0); /* a gap of 10 */
    assert_int_equal(strobe_agg_add(agg, one, y, start + 55, 10), 0); /* an overlap of 5 is cut off: goes on */
    assert_int_equal(strobe_agg_add(agg, one, x, start + 55, 0), 0);  /* no time */
    for (int twice = 0; twice < 2; twice++) {
        memset(&seen, 0, sizeof seen);
        assert_int_equal(strobe_agg_each_event(agg, see_event, &seen), 0);
        assert_int_equal(seen.n, 4);
        assert_memory_equal(&seen.event[0], &((struct strobe_agg_event){one, x, start, start + 25}), sizeof *seen.event);
        assert_memory_equal(&seen.event[1], &((struct strobe_agg_event){one, y, start + 25, start + 30}), sizeof *seen.event);
        assert_memory_equal(&seen.event[2], &((struct strobe_agg_event){one, y, start + 40, start + 55}), sizeof *seen.event);
        assert_memory_equal(&seen.event[3], &((struct strobe_agg_event){two, y, start, start + 12}), sizeof *seen.event);
    }
    memset(&seen, 0, sizeof seen);
    assert_int_equal(strobe_agg_each_event_of(agg, two, see_event, &seen), 0);
    assert_int_equal(seen.n, 1);
    assert_int_equal(strobe_agg_each_event(agg, stop_at_once, &calls), 1);
    assert_int_equal(calls, 1);
    strobe_agg_free(agg);
}

struct replay {
    uint32_t thread, seed;
    uint64_t time_ns, n, wrong;
};

/* The additions of one thread of the long log, from the thread's own stream of random numbers. */
static struct strobe_agg_event next_event(struct replay *replay)
{
    uint64_t gap = next_random(&replay->seed) % 3 ? 0 : next_random(&replay->seed), length = 1 + next_random(&replay->seed) % 100000;
    uint32_t leaf = 1 + (uint32_t)(replay->n % 2 ? 0 : 1) + 2 * (next_random(&replay->seed) % 8); /* never twice the same */
    struct strobe_agg_event event = {replay->thread, leaf, replay->time_ns + gap, replay->time_ns + gap + length};

    replay->time_ns = event.end_ns;
    replay->n++;
    return event;
}

static int compare_event(void *ctx, const struct strobe_agg_event *event)
{
    struct replay *replay = ctx;
    struct strobe_agg_event expected = next_event(replay);

    replay->wrong += event->thread != expected.thread || event->leaf != expected.leaf || event->start_ns != expected.start_ns ||
                     event->end_ns != expected.end_ns;
    return 0;
}

/* Many blocks of several threads, mixed: each comes back whole and in order, and memory has not grown meanwhile. */
static void test_long_log_lies_on_disk(void **state)
{
    enum { THREADS = 3, EVENTS = 40000, WARM = 2000 };
    struct replay writer[THREADS];
    struct strobe_agg *agg;
    uint32_t frame[] = {0};

    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_LOG, &agg), 0);
    for (frame[0] = 0; frame[0] < 20; frame[0]++)
        stack_of(agg, 1, frame);
    for (uint32_t t = 0; t < THREADS; t++)
        writer[t] = (struct replay){.thread = thread_of(agg, (int32_t)t), .seed = t, .time_ns = start};
    for (int i = 0; i < EVENTS; i++) {
        for (uint32_t t = 0; t < (i % 7 ? THREADS : 1); t++) {
            struct strobe_agg_event event = next_event(&writer[t]);

            if (i == WARM && t == 0)
                alloc_fail_arm(0);
            assert_int_equal(strobe_agg_add(agg, t, event.leaf, event.end_ns, event.end_ns - event.start_ns), 0);
        }
    }
    assert_int_equal(alloc_fail_disarm(), 0);
    for (uint32_t t = 0; t < THREADS; t++) {
        struct replay reader = {.thread = t, .seed = t, .time_ns = start};

        assert_int_equal(strobe_agg_each_event_of(agg, t, compare_event, &reader), 0);
        assert_int_equal(reader.n, writer[t].n);
        assert_int_equal(reader.wrong, 0);
    }
    strobe_agg_free(agg);
}

/* A limit on file sizes stands in for the full disk: write fails in the same way.  losable: adding goes on, the sequence is lost. */
static void fill_disk(bool losable)
{
    struct rlimit before, tight;
    struct strobe_agg *agg;
    struct seen seen = {0};
    int err = 0, added = 0;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 20000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_LOG | (losable ? STROBE_AGG_LOG_LOSABLE : 0), &agg), 0);
    thread_of(agg, 1);
    for (uint32_t i = 0; i < 2; i++)
        stack_of(agg, 1, &i);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (uint64_t time_ns = start; !err && added < 100000; added++)
        err = strobe_agg_add(agg, 0, 1 + (uint32_t)added % 2, time_ns += PERIOD, PERIOD);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(err, losable ? 0 : STROBE_ERR_IO);
    err = strobe_agg_add(agg, 0, 1, start + PERIOD * (uint64_t)(added + 1), PERIOD);
    assert_int_equal(err, losable ? 0 : STROBE_ERR_IO); /* a hole stays a hole */
    assert_int_equal(strobe_agg_each_event(agg, see_event, &seen), STROBE_ERR_IO);
    assert_int_equal(seen.n, 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0); /* but the weights are whole */
    assert_int_equal(seen.entry[0].samples + seen.entry[1].samples, added + 1);
    strobe_agg_free(agg);
}

static void test_full_disk_is_an_error_and_no_crash(void **state)
{
    fill_disk(false);
    fill_disk(true);
}

/* The loop that runs up to 300,000 times a second. */
static void test_known_stacks_allocate_nothing(void **state)
{
    uint32_t frames[64], leaf, seed = 3;
    uint64_t time_ns = start;
    struct strobe_agg *agg;

    assert_int_equal(strobe_agg_new(PERIOD, 0, &agg), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            uint32_t thread;
            size_t depth = 1 + next_random(&seed) % 64;

            for (size_t k = 0; k < depth; k++)
                frames[k] = next_random(&seed) % 50;
            assert_int_equal(strobe_agg_thread(agg, 1, i % 5, 0, "name", &thread), 0);
            assert_int_equal(strobe_agg_stack(agg, frames, depth, &leaf), 0);
            assert_int_equal(strobe_agg_add(agg, thread, leaf, time_ns += MS, MS), 0);
        }
        if (round == 0) {
            alloc_fail_arm(0);
            seed = 3;
        }
    }
    assert_int_equal(alloc_fail_disarm(), 0);
    strobe_agg_free(agg);
}

static int live(struct strobe_agg **ret_agg)
{
    uint32_t frames[400], thread, leaf = 0;
    int err = strobe_agg_new(PERIOD, STROBE_AGG_LOG, ret_agg);

    for (uint32_t i = 0; !err && i < 200; i++) {
        for (uint32_t k = 0; k < 400; k++)
            frames[k] = k < 5 ? i : k;
        err = strobe_agg_thread(*ret_agg, 1, (int32_t)(i % 20), 0, i % 2 ? "a" : "b", &thread);
        if (!err)
            err = strobe_agg_stack(*ret_agg, frames, i == 150 ? 400 : 7, &leaf);
        if (!err)
            err = strobe_agg_add(*ret_agg, thread, leaf, start + (i + 1) * PERIOD, PERIOD);
    }
    return err;
}

static void test_every_failed_allocation_is_reported(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct strobe_agg *agg = NULL;
        uint32_t frames[] = {1, 2, 3}, leaf, back[3];
        int err;

        alloc_fail_arm(n);
        err = live(&agg);
        alloc_fail_disarm();
        if (!alloc_fail_hit()) {
            assert_int_equal(err, 0);
            strobe_agg_free(agg);
            break;
        }
        assert_int_equal(err, STROBE_ERR_NOMEM);
        if (agg) { /* what is remembered of the stack before is still true */
            assert_int_equal(strobe_agg_stack(agg, frames, 3, &leaf), 0);
            assert_int_equal(strobe_agg_frames(agg, leaf, back, 3), 3);
            assert_memory_equal(back, frames, sizeof frames);
        }
        strobe_agg_free(agg);
        assert_int_equal(alloc_fail_live(), 0);
    }
}

/* ---- STROBE_AGG_EVEN ---- */

struct sum {
    struct strobe_agg *agg;
    uint32_t node;
    uint64_t ns, samples;
};

static int sum_subtree(void *ctx, const struct strobe_agg_entry *entry)
{
    struct sum *sum = ctx;
    uint32_t at = entry->leaf;

    while (at && at != sum->node)
        at = strobe_agg_parent(sum->agg, at);
    if (at == sum->node) {
        sum->ns += entry->ns;
        sum->samples += entry->samples;
    }
    return 0;
}

/* Whatever was added, in whatever order: every entry is its time in periods rounded up or down, every node with all below it within
 * a period of its time, the sum rounded. */
static void test_even_counts_follow_the_times(void **state)
{
    uint32_t seed = 11, frames[8] = {0};
    uint64_t total = 0, samples = 0, time_ns = start;
    struct strobe_agg *agg;
    struct seen seen = {0};

    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_EVEN, &agg), 0);
    for (int i = 0; i < 4000; i++) {
        size_t depth = next_random(&seed) % 4;
        uint64_t ns = next_random(&seed) % 3 ? PERIOD / 100 : next_random(&seed) % (3 * PERIOD);

        for (size_t k = 0; k < depth; k++)
            frames[k] = next_random(&seed) % 2;
        assert_int_equal(strobe_agg_add(agg, thread_of(agg, i % 2), stack_of(agg, depth, frames), time_ns += MS, ns), 0);
        total += ns;
    }
    for (int twice = 0; twice < 2; twice++) {
        seen.n = samples = 0;
        assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
        assert_in_range(seen.n, 20, 64);
        for (size_t i = 0; i < seen.n; i++) {
            assert_in_range(seen.entry[i].samples, seen.entry[i].ns / PERIOD, (seen.entry[i].ns + PERIOD - 1) / PERIOD);
            samples += seen.entry[i].samples;
        }
        assert_int_equal(samples, (total + PERIOD / 2) / PERIOD);
    }
    for (uint32_t node = 0; node < strobe_agg_node_count(agg); node++) {
        struct sum sum = {agg, node, 0, 0};

        assert_int_equal(strobe_agg_each(agg, sum_subtree, &sum), 0);
        assert_in_range(sum.samples, sum.ns / PERIOD, (sum.ns + PERIOD - 1) / PERIOD);
    }
    strobe_agg_free(agg);
}

/* A hundred tasks at once in one row at every tick, as a recording of tasks has them. */
static void test_even_counts_of_many_at_once(void **state)
{
    enum { TASKS = 100, TICKS = 200 };
    struct strobe_agg *agg;
    uint64_t seen_samples = 0;

    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_EVEN | STROBE_AGG_LOG, &agg), 0);
    for (int t = 0; t < TICKS; t++)
        for (uint32_t i = 0; i < TASKS; i++)
            assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), STACK(agg, 1, i), start + (uint64_t)t * PERIOD, PERIOD), 0);
    for (uint32_t i = 0; i < TASKS; i++) {
        struct sum sum = {agg, STACK(agg, 1, i), 0, 0};

        assert_int_equal(strobe_agg_each(agg, sum_subtree, &sum), 0);
        assert_int_equal(sum.samples, TICKS);
        seen_samples += sum.samples;
    }
    assert_int_equal(seen_samples, TASKS * TICKS);
    strobe_agg_free(agg);
}

/* Entries far below a period: together they have what they are, and no one entry more than one. */
static void test_even_counts_of_what_is_short(void **state)
{
    enum { SHORT = 64 };
    struct strobe_agg *agg;
    struct seen seen = {0};
    uint64_t samples = 0;

    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_EVEN, &agg), 0);
    for (uint32_t i = 0; i < SHORT; i++)
        assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), STACK(agg, i), start, PERIOD / 10), 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
    assert_int_equal(seen.n, SHORT);
    for (size_t i = 0; i < SHORT; i++) {
        assert_in_range(seen.entry[i].samples, 0, 1);
        samples += seen.entry[i].samples;
    }
    assert_int_equal(samples, 6); /* 6.4 */
    strobe_agg_free(agg);
}

static void test_even_counts_without_a_period_or_memory(void **state)
{
    struct strobe_agg *agg;
    struct seen seen = {0};

    assert_int_equal(strobe_agg_new(0, STROBE_AGG_EVEN, &agg), 0);
    assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), STACK(agg, 1), start, 5), 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0);
    assert_int_equal(seen.entry[0].samples, 1); /* an addition is a sample */
    strobe_agg_free(agg);
    assert_int_equal(strobe_agg_new(PERIOD, STROBE_AGG_EVEN, &agg), 0);
    assert_int_equal(strobe_agg_each(agg, see_entry, &seen), 0); /* nothing at all */
    assert_int_equal(strobe_agg_add(agg, thread_of(agg, 1), STACK(agg, 1), start, 5), 0);
    for (uint64_t n = 1; n <= 2; n++) {
        seen.n = 0;
        alloc_fail_arm(n);
        assert_int_equal(strobe_agg_each(agg, see_entry, &seen), STROBE_ERR_NOMEM);
        alloc_fail_disarm();
        assert_int_equal(seen.n, 0);
        assert_int_equal(alloc_fail_live(), 0);
    }
    strobe_agg_free(agg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_stacks_are_one_node),
        cmocka_unit_test(test_random_stacks_come_back),
        cmocka_unit_test(test_threads_by_identity),
        cmocka_unit_test(test_remainder_is_carried),
        cmocka_unit_test(test_a_rhythm_of_one_period),
        cmocka_unit_test(test_entries_in_a_stable_order),
        cmocka_unit_test(test_refuses_what_cannot_be),
        cmocka_unit_test(test_log_joins_what_is_contiguous),
        cmocka_unit_test(test_long_log_lies_on_disk),
        cmocka_unit_test(test_full_disk_is_an_error_and_no_crash),
        cmocka_unit_test(test_known_stacks_allocate_nothing),
        cmocka_unit_test(test_every_failed_allocation_is_reported),
        cmocka_unit_test(test_even_counts_follow_the_times),
        cmocka_unit_test(test_even_counts_of_many_at_once),
        cmocka_unit_test(test_even_counts_of_what_is_short),
        cmocka_unit_test(test_even_counts_without_a_period_or_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
