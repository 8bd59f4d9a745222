/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agg/await.h"
#include "base/buf.h"
#include "base/err.h"
#include "tests/lib/alloc_fail.h"

/* Frames are numbers here; those below 10 are marks. */
enum { CYCLE = 1, DEEP = 2, ROOT = 3, WAITS = 4, BUSY = 5, MS = 1000000 };

static struct strobe_agg *agg;
static struct strobe_await await;
static uint32_t row;

static int set_up(void **state)
{
    if (strobe_agg_new(MS, STROBE_AGG_EVEN, &agg) || strobe_agg_thread(agg, 1, 1, 0, "tasks", &row))
        return -1;
    strobe_await_init(&await, agg, CYCLE, DEEP);
    return 0;
}

static int tear_down(void **state)
{
    strobe_await_release(&await);
    strobe_agg_free(agg);
    return 0;
}

#define FRAMES(...) .frames = (uint32_t[]){__VA_ARGS__}, .n_frames = sizeof((uint32_t[]){__VA_ARGS__}) / 4
#define BY(...) .awaiters = (uint32_t[]){__VA_ARGS__}, .n_awaiters = sizeof((uint32_t[]){__VA_ARGS__}) / 4

static void bill(struct strobe_await_task *tasks, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        tasks[i].row = row;
    assert_int_equal(strobe_await_bill(&await, tasks, n, 1000 * (uint64_t)MS), 0);
}
#define BILL(...) \
    bill((struct strobe_await_task[]){__VA_ARGS__}, sizeof((struct strobe_await_task[]){__VA_ARGS__}) / sizeof(struct strobe_await_task))

static int put_entry(void *ctx, const struct strobe_agg_entry *entry)
{
    uint32_t frames[64];
    size_t depth = strobe_agg_frames(agg, entry->leaf, frames, 64);

    assert_in_range(depth, 0, 64);
    for (size_t i = 0; i < depth; i++)
        strobe_buf_printf(ctx, "%s%u", i ? ";" : "", (unsigned)frames[i]);
    strobe_buf_printf(ctx, " %llu\n", (unsigned long long)entry->ns);
    return 0;
}

/* "1;2;3 NS" a line, in the order first billed. */
static void assert_billed(const char *expected)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    assert_int_equal(strobe_agg_each(agg, put_entry, &text), 0);
    assert_string_equal(strobe_buf_str(&text), expected);
    strobe_buf_release(&text);
}

static int add_ns(void *ctx, const struct strobe_agg_entry *entry)
{
    *(uint64_t *)ctx += entry->ns;
    return 0;
}

static uint64_t billed(void)
{
    uint64_t sum = 0;

    assert_int_equal(strobe_agg_each(agg, add_ns, &sum), 0);
    return sum;
}

/* ---- shapes ---- */

static void test_nobody_waits_for_it(void **state)
{
    BILL({FRAMES(10, 11), .ns = 7});
    assert_billed("10;11 7\n");
}

static void test_one_awaiter(void **state)
{
    BILL({FRAMES(10, 11), .ns = 7}, {FRAMES(20), BY(0), .ns = 5}, {FRAMES(30), BY(1), .ns = 3});
    assert_billed("10;11 7\n10;11;20 5\n10;11;20;30 3\n"); /* each its own time, once */
}

static void test_awaiters_come_later(void **state)
{
    BILL({FRAMES(30), BY(1), .ns = 3}, {FRAMES(20), BY(2), .ns = 5}, {FRAMES(10), .ns = 7});
    assert_billed("10;20;30 3\n10;20 5\n10 7\n");
}

static void test_awaiters_share_equally(void **state)
{
    BILL({FRAMES(10), .ns = 1}, {FRAMES(11), .ns = 1}, {FRAMES(12), .ns = 1}, {FRAMES(20), BY(0, 1, 2), .ns = 3000000});
    assert_billed("10 1\n11 1\n12 1\n10;20 1000000\n11;20 1000000\n12;20 1000000\n");
}

static void test_what_does_not_divide_is_not_lost(void **state)
{
    BILL({FRAMES(10)}, {FRAMES(11)}, {FRAMES(12)}, {FRAMES(20), BY(0, 1, 2), .ns = 1000});
    assert_billed("10;20 333\n11;20 333\n12;20 334\n");
}

static void test_awaiters_with_one_stack_are_one_path(void **state)
{
    uint32_t n;
    uint64_t total;
    const struct strobe_await_share *shares;

    BILL({FRAMES(10)}, {FRAMES(10)}, {FRAMES(11)}, {FRAMES(20), BY(0, 1, 2), .ns = 3000000});
    assert_billed("10;20 2000000\n11;20 1000000\n");
    shares = strobe_await_shares(&await, 3, &n, &total);
    assert_int_equal(n, 2);
    assert_int_equal(shares[0].parts + shares[1].parts, total);
    assert_int_equal(shares[0].parts, 2 * shares[1].parts);
    assert_int_equal(shares[0].depth, 2);
    assert_int_equal(strobe_agg_frame(agg, shares[0].node), 20);
}

static void test_diamond(void **state)
{
    BILL({FRAMES(10), .ns = 4}, {FRAMES(11), BY(0), .ns = 4}, {FRAMES(12), BY(0), .ns = 4}, {FRAMES(20), BY(1, 2), .ns = 4});
    assert_billed("10 4\n10;11 4\n10;12 4\n10;11;20 2\n10;12;20 2\n");
}

/* An awaiter's own paths share its half; the other awaiter has all of its own. */
static void test_paths_of_an_awaiter_share_its_part(void **state)
{
    BILL({FRAMES(10)}, {FRAMES(11)}, {FRAMES(20), BY(0, 1)}, {FRAMES(21), BY(1)}, {FRAMES(30), BY(2, 3), .ns = 4 * MS});
    assert_billed("10;20;30 1000000\n11;20;30 1000000\n11;21;30 2000000\n");
}

/* Once on a path for as long as it stays the same. */
static void test_root_marks(void **state)
{
    BILL({FRAMES(10), .root = ROOT, .ns = 2}, {FRAMES(20), .root = ROOT, BY(0), .ns = 3}, {FRAMES(30), .root = ROOT + 100, BY(1), .ns = 4},
         {FRAMES(40), .root = ROOT, BY(2), .ns = 5}, {FRAMES(50), BY(3), .ns = 6}, {FRAMES(60), BY(2), .ns = 7}, {FRAMES(70), .ns = 8},
         {FRAMES(80), .root = ROOT, BY(0, 6), .ns = 20});
    assert_billed("3;10 2\n3;10;20 3\n3;10;20;103;30 4\n3;10;20;103;30;3;40 5\n3;10;20;103;30;3;40;50 6\n3;10;20;103;30;60 7\n70 8\n"
                  "3;10;80 10\n70;3;80 10\n");
}

/* A root mark that stands for several frames. */
static void test_root_frames(void **state)
{
    const uint32_t both[] = {6, 7}, other[] = {6, 8, 9};

    BILL({FRAMES(10), .root = ROOT, .root_frames = both, .n_root_frames = 2, .ns = 2},
         {FRAMES(20), .root = ROOT, .root_frames = both, .n_root_frames = 2, BY(0), .ns = 3},
         {FRAMES(30), .root = ROOT + 1, .root_frames = other, .n_root_frames = 3, BY(1), .ns = 4}, {FRAMES(40), BY(2), .ns = 5},
         {FRAMES(50), BY(0), .ns = 6});
    assert_billed("6;7;10 2\n6;7;10;20 3\n6;7;10;20;6;8;9;30 4\n6;7;10;20;6;8;9;30;40 5\n6;7;10;50 6\n");
}

static void test_root_frames_of_every_path(void **state)
{
    const uint32_t frames[] = {6, 7};

    BILL({FRAMES(10), .ns = 1}, {FRAMES(11), .root = ROOT, .root_frames = frames, .n_root_frames = 2, .ns = 1},
         {FRAMES(20), .root = ROOT, .root_frames = frames, .n_root_frames = 2, BY(0, 1), .ns = 2000000});
    assert_billed("10 1\n6;7;11 1\n10;6;7;20 1000000\n6;7;11;20 1000000\n");
}

static void test_circles(void **state)
{
    /* 0 waits for 1 waits for 2 waits for 0: the circle is cut where it is met */
    BILL({FRAMES(10), BY(2), .ns = 1}, {FRAMES(11), BY(0), .ns = 2}, {FRAMES(12), BY(1), .ns = 4}, {FRAMES(13), BY(2), .ns = 8});
    assert_billed("1;11;12;10 1\n1;11 2\n1;11;12 4\n1;11;12;13 8\n");
    assert_int_equal(billed(), 15);
}

static void test_a_task_that_waits_for_itself(void **state)
{
    BILL({FRAMES(10), BY(0), .ns = 5}, {FRAMES(11), BY(0, 1), .ns = 6});
    assert_billed("1;10 5\n1;10;11 2\n1;11 4\n");
    assert_int_equal(billed(), 11);
}

static void test_a_circle_with_an_awaiter_outside(void **state)
{
    BILL({FRAMES(10), .ns = 1}, {FRAMES(11), BY(0, 2), .ns = 2 * MS}, {FRAMES(12), BY(1), .ns = 4});
    assert_int_equal(billed(), 5 + 2 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t n;
        uint64_t total;
        const struct strobe_await_share *shares = strobe_await_shares(&await, i, &n, &total);

        assert_int_equal(n, i == 1 ? 2 : 1);
        for (uint32_t k = 0; k < n; k++)
            assert_in_range(shares[k].depth, 1, 4);
    }
}

static void test_a_task_without_frames_is_passed_over(void **state)
{
    BILL({FRAMES(10), .ns = 1}, {BY(0), .ns = 2}, {FRAMES(20), BY(1), .ns = 4});
    assert_billed("10 3\n10;20 4\n");
}

/* ---- tails ---- */

#define TAIL(p, ...) {(uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4, p}
#define TAILS(...)                                        \
    .tails = (struct strobe_await_tail[]){__VA_ARGS__}, \
    .n_tails = sizeof((struct strobe_await_tail[]){__VA_ARGS__}) / sizeof(struct strobe_await_tail)

static void test_tails_stand_below_the_frames(void **state)
{
    BILL({FRAMES(10), TAILS(TAIL(1, WAITS, BUSY)), .ns = 9});
    assert_billed("10;4;5 9\n");
}

static void test_tails_share_by_parts(void **state)
{
    BILL({FRAMES(10)}, {FRAMES(11)}, {FRAMES(20), BY(0, 1), TAILS(TAIL(1, WAITS, 30), TAIL(3, WAITS, 31)), .ns = 8000});
    assert_billed("10;20;4;30 1000\n10;20;4;31 3000\n11;20;4;30 1000\n11;20;4;31 3000\n");
}

static void test_a_tail_without_parts_gets_nothing_unless_it_is_the_last(void **state)
{
    BILL({FRAMES(10), TAILS(TAIL(0, WAITS), TAIL(2, BUSY)), .ns = 5});
    BILL({FRAMES(11), TAILS(TAIL(0, WAITS)), .ns = 5});
    assert_int_equal(billed(), 10);
    assert_billed("10;4 0\n10;5 5\n11;4 5\n");
}

struct events {
    struct strobe_agg_event at[8];
    size_t n;
};

static int see_event(void *ctx, const struct strobe_agg_event *event)
{
    struct events *events = ctx;

    events->at[events->n++ % 8] = *event;
    return 0;
}

/* In a row with an order in time the pieces of one look come one after the other. */
static void test_pieces_do_not_overlap(void **state)
{
    struct events events = {.n = 0};

    tear_down(NULL);
    assert_int_equal(strobe_agg_new(MS, STROBE_AGG_LOG | STROBE_AGG_EVEN, &agg), 0);
    assert_int_equal(strobe_agg_thread(agg, 1, 1, 0, "tasks", &row), 0);
    strobe_await_init(&await, agg, CYCLE, DEEP);
    BILL({FRAMES(10)}, {FRAMES(11)}, {FRAMES(20), BY(0, 1), TAILS(TAIL(1, WAITS), TAIL(3, BUSY)), .ns = 8000});
    assert_int_equal(strobe_agg_each_event(agg, see_event, &events), 0);
    assert_int_equal(events.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(events.at[i].end_ns - events.at[i].start_ns, i % 2 ? 3000 : 1000);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(events.at[i].end_ns, events.at[i + 1].start_ns);
    assert_int_equal(events.at[3].end_ns, 1000 * (uint64_t)MS);
}

static void test_children_do_not_hang_below_tails(void **state)
{
    BILL({FRAMES(10), TAILS(TAIL(1, WAITS)), .ns = 5}, {FRAMES(20), BY(0), TAILS(TAIL(1, BUSY)), .ns = 6});
    assert_billed("10;4 5\n10;20;5 6\n");
}

/* ---- many, deep ---- */

static void test_more_paths_than_are_kept(void **state)
{
    enum { MANY = 40, SHARED = 1600000 };
    struct strobe_await_task tasks[MANY + 1] = {0};
    uint32_t frames[MANY + 1], by[MANY], n;
    uint64_t total;

    for (uint32_t i = 0; i <= MANY; i++) {
        frames[i] = 10 + i;
        tasks[i] = (struct strobe_await_task){.frames = &frames[i], .n_frames = 1, .row = row};
        if (i < MANY)
            by[i] = i;
    }
    tasks[MANY].awaiters = by;
    tasks[MANY].n_awaiters = MANY;
    tasks[MANY].ns = SHARED;
    bill(tasks, MANY + 1);
    assert_int_equal(billed(), SHARED);
    strobe_await_shares(&await, MANY, &n, &total);
    assert_int_equal(n, STROBE_AWAIT_PATHS);
    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_await_share *share = strobe_await_shares(&await, MANY, &n, &total) + i;

        assert_int_equal(share->parts * STROBE_AWAIT_PATHS, total);
        assert_int_equal(strobe_agg_frame(agg, strobe_agg_parent(agg, share->node)), 10 + i);
    }
}

struct chain {
    struct strobe_await_task *tasks;
    uint32_t *frames, *by, n;
};

/* Each waits for the next; backwards: the outermost comes last. */
static void make_chain(struct chain *chain, uint32_t n, bool backwards)
{
    chain->n = n;
    chain->tasks = calloc(n, sizeof *chain->tasks);
    chain->frames = calloc(n, sizeof *chain->frames);
    chain->by = calloc(n, sizeof *chain->by);
    for (uint32_t i = 0; i < n; i++) {
        chain->frames[i] = 10 + i % 7;
        chain->by[i] = backwards ? i + 1 : i - 1;
        chain->tasks[i] = (struct strobe_await_task){.frames = &chain->frames[i], .n_frames = 1, .awaiters = &chain->by[i],
                                                     .n_awaiters = i != (backwards ? n - 1 : 0), .row = row, .ns = 1 + i % 3};
    }
}

static void free_chain(struct chain *chain)
{
    free(chain->tasks);
    free(chain->frames);
    free(chain->by);
}

static void *bill_chain(void *arg)
{
    const struct chain *chain = arg;

    return (void *)(intptr_t)strobe_await_bill(&await, chain->tasks, chain->n, MS);
}

/* On a stack that 100,000 nested calls would not fit. */
static void long_chain(bool backwards)
{
    enum { LONG = 100000, STACK = 128 << 10 };
    struct chain chain;
    pthread_attr_t attr;
    pthread_t thread;
    uint64_t given = 0;
    void *err;

    make_chain(&chain, LONG, backwards);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attr, bill_chain, &chain), 0);
    assert_int_equal(pthread_join(thread, &err), 0);
    pthread_attr_destroy(&attr);
    assert_null(err);
    for (uint32_t i = 0; i < LONG; i++)
        given += chain.tasks[i].ns;
    assert_int_equal(billed(), given);
    assert_in_range(strobe_agg_node_count(agg), STROBE_AWAIT_DEPTH, STROBE_AWAIT_DEPTH + 2);
    free_chain(&chain);
}

static void test_long_chain(void **state)
{
    long_chain(false);
}

static void test_long_chain_backwards(void **state)
{
    long_chain(true);
}

static void test_deep_paths_end_in_a_mark(void **state)
{
    struct chain chain;
    uint32_t *frames = calloc(2 * STROBE_AWAIT_DEPTH, sizeof *frames), n;
    uint64_t total;
    size_t depth;

    make_chain(&chain, STROBE_AWAIT_DEPTH + 10, false);
    bill(chain.tasks, chain.n);
    for (uint32_t i = 0; i < chain.n; i++) {
        const struct strobe_await_share *share = strobe_await_shares(&await, i, &n, &total);

        assert_int_equal(n, 1);
        depth = strobe_agg_frames(agg, share->node, frames, 2 * STROBE_AWAIT_DEPTH);
        assert_int_equal(depth, i < STROBE_AWAIT_DEPTH ? i + 1 : STROBE_AWAIT_DEPTH + 1);
        assert_int_equal(frames[depth - 1], i < STROBE_AWAIT_DEPTH ? chain.frames[i] : DEEP); /* one mark, however much lies beyond */
    }
    free(frames);
    free_chain(&chain);
}

/* ---- the sum ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

enum { MOST = 200, EDGES = 8 };
struct graph {
    struct strobe_await_task tasks[MOST];
    uint32_t frames[MOST][4], by[MOST][EDGES], tail[MOST][2][2], n;
    struct strobe_await_tail tails[MOST][2];
};

/* Any graph at all: circles, doubles, itself.  A task's own mark ends its tails, so that its time can be told from the others'. */
static void make_graph(struct graph *graph, uint32_t *seed)
{
    graph->n = 1 + next_random(seed) % MOST;
    for (uint32_t i = 0; i < graph->n; i++) {
        struct strobe_await_task *task = &graph->tasks[i];

        *task = (struct strobe_await_task){.frames = graph->frames[i], .n_frames = next_random(seed) % 4, .tails = graph->tails[i],
                                           .n_tails = 1 + next_random(seed) % 2, .root = next_random(seed) % 4 ? 0 : ROOT,
                                           .awaiters = graph->by[i], .n_awaiters = next_random(seed) % (EDGES + 1), .row = row,
                                           .ns = next_random(seed) % 3 ? next_random(seed) % (100 * MS) : next_random(seed) % 5};
        for (uint32_t k = 0; k < 4; k++)
            graph->frames[i][k] = 10 + next_random(seed) % 50;
        for (uint32_t k = 0; k < EDGES; k++)
            graph->by[i][k] = next_random(seed) % graph->n;
        for (uint32_t k = 0; k < 2; k++) {
            graph->tail[i][k][0] = k ? WAITS : BUSY;
            graph->tail[i][k][1] = 1000 + i;
            graph->tails[i][k] = (struct strobe_await_tail){graph->tail[i][k], 2, 1 + next_random(seed) % 1000};
        }
    }
}

static int add_to_task(void *ctx, const struct strobe_agg_entry *entry)
{
    uint64_t *ns = ctx;
    uint32_t mark = strobe_agg_frame(agg, entry->leaf);

    assert_in_range(mark, 1000, 1000 + MOST - 1);
    ns[mark - 1000] += entry->ns;
    return 0;
}

static void test_each_task_is_billed_what_it_is_due(void **state)
{
    struct graph *graph = malloc(sizeof *graph);
    uint64_t due[MOST] = {0}, got[MOST] = {0};
    uint32_t seed = 5;

    for (int round = 0; round < 300; round++) {
        make_graph(graph, &seed);
        bill(graph->tasks, graph->n);
        for (uint32_t i = 0; i < graph->n; i++)
            due[i] += graph->tasks[i].ns;
    }
    assert_int_equal(strobe_agg_each(agg, add_to_task, got), 0);
    assert_memory_equal(got, due, sizeof due);
    free(graph);
}

static void test_known_stacks_allocate_nothing(void **state)
{
    struct graph *graph = malloc(sizeof *graph);
    uint32_t seed = 5;

    make_graph(graph, &seed);
    bill(graph->tasks, graph->n);
    alloc_fail_arm(0);
    bill(graph->tasks, graph->n);
    assert_int_equal(alloc_fail_disarm(), 0);
    free(graph);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    struct graph *graph = malloc(sizeof *graph);
    uint32_t seed = 9;
    int err = -1;

    make_graph(graph, &seed);
    tear_down(NULL);
    for (uint64_t n = 1; err; n++) {
        set_up(NULL);
        alloc_fail_arm(n);
        err = strobe_await_bill(&await, graph->tasks, graph->n, MS);
        alloc_fail_disarm();
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        if (err) /* and the next tick is a whole one */
            bill(graph->tasks, graph->n);
        tear_down(NULL);
        assert_int_equal(alloc_fail_live(), 0);
    }
    set_up(NULL);
    free(graph);
}

static void test_what_the_aggregate_says_is_passed_on(void **state)
{
    struct strobe_await_task task = {FRAMES(10), .row = 77, .ns = 1};

    assert_int_equal(strobe_await_bill(&await, &task, 1, MS), STROBE_ERR_ARG);
    assert_int_equal(strobe_await_bill(&await, NULL, 0, MS), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nobody_waits_for_it),
        TEST(test_one_awaiter),
        TEST(test_awaiters_come_later),
        TEST(test_awaiters_share_equally),
        TEST(test_what_does_not_divide_is_not_lost),
        TEST(test_awaiters_with_one_stack_are_one_path),
        TEST(test_diamond),
        TEST(test_paths_of_an_awaiter_share_its_part),
        TEST(test_root_marks),
        TEST(test_root_frames),
        TEST(test_root_frames_of_every_path),
        TEST(test_circles),
        TEST(test_a_task_that_waits_for_itself),
        TEST(test_a_circle_with_an_awaiter_outside),
        TEST(test_a_task_without_frames_is_passed_over),
        TEST(test_tails_stand_below_the_frames),
        TEST(test_tails_share_by_parts),
        TEST(test_a_tail_without_parts_gets_nothing_unless_it_is_the_last),
        TEST(test_children_do_not_hang_below_tails),
        TEST(test_pieces_do_not_overlap),
        TEST(test_more_paths_than_are_kept),
        TEST(test_long_chain),
        TEST(test_long_chain_backwards),
        TEST(test_deep_paths_end_in_a_mark),
        TEST(test_each_task_is_billed_what_it_is_due),
        TEST(test_known_stacks_allocate_nothing),
        TEST(test_every_failed_allocation_is_reported),
        TEST(test_what_the_aggregate_says_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
