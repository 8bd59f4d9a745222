/* SPDX-License-Identifier: Apache-2.0 */
/* How long is waited for in a queue, against queues that are simulated exactly: who stands where since when, what CPython's deque counts,
 * and memory that the next waiter gets as soon as it is free. */
#include "tests/unit/cm.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "meter/queuewatch.h"

enum { ROOM = 4096 };
static const uint64_t ms = 1000 * 1000;

/* How those who leave do it. */
enum leaving {
    BY_POPLEFT,         /* asyncio up to 3.9: in turn; nobody leaves otherwise */
    BY_REMOVE,          /* asyncio from 3.11 on, threading from 3.10 on */
    BY_OLD_REMOVE,      /* threading up to 3.9: each item that is passed over is moved */
    BY_EITHER,          /* anyio: in turn by popleft(), else by remove() */
    LEAVINGS
};

static const uint32_t leaves[LEAVINGS] = {2, 4, 3, 2};

/* A deque, and who stands in it. */
struct queue {
    enum leaving leaving;
    uint64_t random, now, state;
    size_t n;
    uint64_t items[ROOM], since[ROOM];
    uint64_t free[ROOM], n_free, next; /* addresses to be used again, the latest first */
};

static void join(struct queue *q)
{
    if (q->n == ROOM)
        return;
    q->items[q->n] = q->n_free ? q->free[--q->n_free] : 0x1000 + 0x100 * q->next++;
    q->since[q->n++] = q->now;
    q->state++;
}

static void leave(struct queue *q, size_t at)
{
    size_t n = q->n;
    bool removed = q->leaving != BY_POPLEFT && !(q->leaving == BY_EITHER && at == 0);

    if (q->n_free < ROOM)
        q->free[q->n_free++] = q->items[at];
    memmove(q->items + at, q->items + at + 1, (n - at - 1) * sizeof *q->items);
    memmove(q->since + at, q->since + at + 1, (n - at - 1) * sizeof *q->since);
    q->n--;
    q->state++; /* popleft() */
    if (removed && q->leaving == BY_OLD_REMOVE)
        q->state += at + (n >= 3);
    else if (removed)
        q->state += (n >= 2) + (n >= 3); /* to the left end, and back */
}

static void leave_in_the_middle(struct queue *q)
{
    if (q->n && q->leaving != BY_POPLEFT)
        leave(q, strobe_random_below(&q->random, q->n));
}

static double longest(const struct queue *q)
{
    return q->n ? (double)(q->now - q->since[0]) / 1e9 : 0;
}

/* A reading of it; what is told must be no more than the truth. */
static double look(struct queue *q, struct strobe_queuewatch *watch, size_t cap)
{
    struct strobe_queuewatch_reading reading = {.before_ns = q->now, .after_ns = q->now, .len = q->n, .state = q->state,
                                                .leave = leaves[q->leaving]};
    double told;

    if (strobe_queuewatch_wants(watch, q->n, q->state, q->now)) {
        reading.items = q->items;
        reading.n_items = q->n < cap ? q->n : cap;
    }
    strobe_queuewatch_step(watch, &reading);
    told = strobe_queuewatch_longest(watch, q->now);
    if (told > longest(q) + 1e-9)
        fail_msg("told %.6f s, and nobody has waited for longer than %.6f s", told, longest(q));
    assert_true(watch->n_marks <= STROBE_QUEUEWATCH_MARKS);
    return told;
}

/* Anything at any time: bursts, a queue that runs empty and fills, many who give up, none who does. */
static void run_at_random(enum leaving leaving, uint64_t seed)
{
    static struct queue q;
    struct strobe_queuewatch watch = {.known = false};
    uint64_t come = 0, go = 0, give_up = 0, gap = 0;

    q = (struct queue){.leaving = leaving, .random = seed | 1, .now = 1000 * ms};
    for (int i = 0; i < 20000; i++) {
        if (i % 500 == 0) { /* another mood */
            come = strobe_random_below(&q.random, 6);
            go = strobe_random_below(&q.random, 6);
            give_up = strobe_random_below(&q.random, 3) ? 0 : strobe_random_below(&q.random, 4);
            gap = 1 + strobe_random_below(&q.random, 40);
        }
        q.now += strobe_random_below(&q.random, 3 * ms);
        for (uint64_t k = strobe_random_below(&q.random, come + 1); k; k--)
            join(&q);
        for (uint64_t k = strobe_random_below(&q.random, go + 1); k && q.n; k--)
            leave(&q, 0);
        for (uint64_t k = strobe_random_below(&q.random, give_up + 1); k; k--)
            leave_in_the_middle(&q);
        if (strobe_random_below(&q.random, gap) == 0)
            look(&q, &watch, i % 1000 < 900 ? ROOM : 7);
    }
}

static void test_never_more_than_the_truth(void **state)
{
    for (int leaving = 0; leaving < LEAVINGS; leaving++)
        for (uint64_t seed = 1; seed <= 30; seed++)
            run_at_random((enum leaving)leaving, seed * 0x9e3779b97f4a7c15);
}

/* Turns of a queue that stays as long as it is: each one's wait is the queue's length times the time between turns.  Returns the longest
 * that was told; the last one is in *ret_told. */
static double run_in_turn(enum leaving leaving, size_t n, uint64_t turn_ns, uint64_t reading_ns, uint64_t seconds, uint64_t give_up_ns,
                          double *ret_least)
{
    static struct queue q;
    struct strobe_queuewatch watch = {.known = false};
    uint64_t turn, reading, giving = give_up_ns ? give_up_ns : UINT64_MAX, end;
    double most = 0, told, warm;

    q = (struct queue){.leaving = leaving, .random = n | 1, .now = 1000 * ms};
    for (size_t i = 0; i < n; i++)
        join(&q);
    turn = reading = q.now;
    end = q.now + seconds * 1000 * ms;
    giving = give_up_ns ? q.now + give_up_ns : UINT64_MAX;
    warm = 3.0 * (double)n * (double)turn_ns / 1e9; /* three times round */
    *ret_least = 1;
    while (q.now < end) {
        q.now = turn < reading ? turn : reading;
        q.now = giving < q.now ? giving : q.now;
        if (q.now == giving) {
            leave_in_the_middle(&q);
            join(&q);
            giving += give_up_ns;
        } else if (q.now == turn) {
            leave(&q, 0);
            join(&q);
            turn += turn_ns;
        } else {
            told = look(&q, &watch, ROOM);
            most = told > most ? told : most;
            if ((double)(q.now - 1000 * ms) / 1e9 > warm && longest(&q) > 0 && told / longest(&q) < *ret_least)
                *ret_least = told / longest(&q);
            reading += reading_ns / 2 + strobe_random_below(&q.random, reading_ns);
        }
    }
    return most;
}

/* Three wait, 20 ms each: never said to be long, however long that goes on. */
static void test_many_short_waits(void **state)
{
    double least;

    for (int leaving = 0; leaving < LEAVINGS; leaving++)
        for (size_t n = 1; n <= 8; n++)
            assert_true(run_in_turn((enum leaving)leaving, n, 20 * ms / n, 50 * ms, 60, 0, &least) <= 0.021);
}

/* Each waits for two seconds: in a long queue that moves fast, in short ones, alone; the last mark that holds is never much younger. */
static void test_long_waits_in_a_moving_queue(void **state)
{
    static const size_t lengths[] = {1, 2, 3, 5, 15, 16, 17, 40, 100, 2000};

    for (int leaving = 0; leaving < LEAVINGS; leaving++)
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            double least, most = run_in_turn((enum leaving)leaving, lengths[i], 2000 * ms / lengths[i], 50 * ms, 30, 0, &least);

            assert_true(most >= 1.8);
            if (lengths[i] > 3 && least < 0.75) /* in short ones the first has just come to be it */
                fail_msg("%zu of %d: %.3f of the truth", lengths[i], leaving, least);
        }
}

/* The same with one who gives up every 30 ms, anywhere. */
static void test_some_give_up(void **state)
{
    for (int leaving = BY_REMOVE; leaving < LEAVINGS; leaving++) {
        double least, most = run_in_turn((enum leaving)leaving, 100, 20 * ms, 50 * ms, 30, 30 * ms, &least);

        printf("leaving %d, some give up: told up to %.3f s, at least %.3f of the truth\n", leaving, most, least);
        assert_true(most >= (leaving == BY_OLD_REMOVE ? 0.5 : 0.95));
    }
}

/* One wait of 1.3 s among short ones, whenever it comes: found when it is 1.2 s old. */
static void test_one_long_wait(void **state)
{
    static struct queue q;

    for (int leaving = 0; leaving < LEAVINGS; leaving++)
        for (uint64_t seed = 1; seed <= 50; seed++) {
            struct strobe_queuewatch watch = {.known = false};
            uint64_t stuck, end;
            double told = 0;

            q = (struct queue){.leaving = (enum leaving)leaving, .random = seed * 77777 | 1, .now = 1000 * ms};
            for (int i = 0; i < 3; i++)
                join(&q);
            stuck = q.now + 500 * ms + strobe_random_below(&q.random, 500 * ms);
            end = stuck + 1200 * ms;
            for (uint64_t reading = q.now; q.now < end; q.now += 7 * ms) {
                if (q.now < stuck)
                    leave(&q, 0);
                if (q.now < stuck || strobe_random_below(&q.random, 3) == 0) /* more and more come */
                    join(&q);
                if (q.now >= reading) {
                    told = look(&q, &watch, ROOM);
                    reading = q.now + strobe_random_below(&q.random, 100 * ms);
                }
            }
            assert_true(told >= 1.0);
        }
}

/* The same numbers by chance: another object's queue at this place, which is younger. */
static void test_a_state_that_goes_back(void **state)
{
    static struct queue q, other;
    struct strobe_queuewatch watch = {.known = false};

    q = (struct queue){.leaving = BY_REMOVE, .now = 1000 * ms};
    for (int i = 0; i < 5; i++)
        join(&q);
    for (int i = 0; i < 3; i++)
        leave(&q, 0);
    look(&q, &watch, ROOM);
    other = (struct queue){.leaving = BY_REMOVE, .now = q.now + 5000 * ms, .n_free = 2};
    other.free[0] = q.items[1];
    other.free[1] = q.items[0];
    join(&other);
    join(&other);
    assert_memory_equal(other.items, q.items, 2 * sizeof *q.items);
    assert_true(look(&other, &watch, ROOM) == 0);
    other.now += 1000 * ms;
    assert_true(look(&other, &watch, ROOM) == 1);
}

static void test_one_that_has_given_up(void **state)
{
    static struct queue q;
    struct strobe_queuewatch watch = {.known = false};

    q = (struct queue){.leaving = BY_POPLEFT, .now = 1000 * ms};
    join(&q);
    look(&q, &watch, ROOM);
    q.now += 500 * ms;
    join(&q);
    look(&q, &watch, ROOM);
    q.now += 500 * ms;
    assert_true(look(&q, &watch, ROOM) == 1);
    strobe_queuewatch_drop_first(&watch);
    assert_true(strobe_queuewatch_longest(&watch, q.now) == 0.5);
    strobe_queuewatch_drop_first(&watch);
    strobe_queuewatch_drop_first(&watch);
    assert_true(strobe_queuewatch_longest(&watch, q.now) == 0);
}

/* Whatever the target's memory says: nothing is read beyond the items, and the marks stay bounded. */
static void test_hostile_numbers(void **state)
{
    static const uint64_t words[] = {0, 1, 2, 3, 16, 17, 1000, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
    uint64_t items[40], random = 99;
    struct strobe_queuewatch watch = {.known = false};
    size_t n = sizeof words / sizeof words[0];

    for (size_t i = 0; i < 40; i++)
        items[i] = i % 5;
    for (uint64_t now = 1; now < 200000 * ms; now += ms) {
        struct strobe_queuewatch_reading reading = {
            .before_ns = now, .after_ns = now, .len = words[strobe_random_below(&random, n)],
            .state = words[strobe_random_below(&random, n)], .leave = (uint32_t)words[strobe_random_below(&random, n)],
            .items = items, .n_items = strobe_random_below(&random, 41)};

        strobe_queuewatch_wants(&watch, reading.len, reading.state, now);
        strobe_queuewatch_step(&watch, &reading);
        assert_true(watch.n_marks <= STROBE_QUEUEWATCH_MARKS);
        for (uint32_t i = 1; i < watch.n_marks; i++)
            assert_true(watch.marks[i].at > watch.marks[i - 1].at && watch.marks[i].since_ns >= watch.marks[i - 1].since_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_more_than_the_truth), cmocka_unit_test(test_many_short_waits),
        cmocka_unit_test(test_long_waits_in_a_moving_queue), cmocka_unit_test(test_some_give_up), cmocka_unit_test(test_one_long_wait),
        cmocka_unit_test(test_a_state_that_goes_back), cmocka_unit_test(test_one_that_has_given_up), cmocka_unit_test(test_hostile_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
