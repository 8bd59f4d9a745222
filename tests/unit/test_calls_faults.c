/* SPDX-License-Identifier: Apache-2.0 */
/* Each allocation of a profile fails once, and each of those who read it.  The program goes on as if nothing had been: what was not noted
 * is counted, what was noted holds together, and what comes later is noted again. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "calls/calls.h"
#include "calls/rows.h"
#include "tests/lib/alloc_fail.h"

/* ---- functions: what they are, by their number ---- */

enum { PLAIN = 0, GENERATOR = 60, COROUTINE = 75, ASYNC = 90, LEFT_OUT = 97, LATER = 100, FUNCTIONS = 106 };

static char keys[FUNCTIONS];
static void **adopted; /* what the extension keeps of each function: its room grows */
static size_t cap_adopted;

static const void *key_of(int f)
{
    return &keys[f];
}

static enum strobe_calls_kind kind(void *ctx, const void *key)
{
    ptrdiff_t f = (const char *)key - keys;

    return f >= LATER     ? (f == LATER + 2 ? STROBE_CALLS_COROUTINE : STROBE_CALLS_FUNCTION) :
           f >= LEFT_OUT  ? STROBE_CALLS_LEFT_OUT :
           f >= ASYNC     ? STROBE_CALLS_ASYNC_GENERATOR :
           f >= COROUTINE ? STROBE_CALLS_COROUTINE :
           f >= GENERATOR ? STROBE_CALLS_GENERATOR :
                            STROBE_CALLS_FUNCTION;
}

static int adopt(void *ctx, const void *key, uint32_t function)
{
    if (function == STROBE_CALLS_OTHER)
        return 0;
    if (strobe_grow(&adopted, &cap_adopted, (size_t)function + 1, sizeof *adopted))
        return STROBE_ERR_NOMEM;
    adopted[function] = (void *)key;
    return 0;
}

/* ---- a program at random, which knows its own stacks ---- */

enum { DEEP = 300, STACKS = 3, SUSPENDED = 40, CHAIN = 6 };

struct frame {
    int f;
    intptr_t at; /* 0: a plain function's */
};

struct program {
    struct strobe_calls *calls;
    struct strobe_calls_thread *thread;
    struct strobe_calls_time now;
    struct frame stacks[STACKS][DEEP];
    int n[STACKS], on; /* the stack that it is on */
    struct strobe_calls_stack *real[STACKS]; /* NULL: the first one, and those that are not there */
    struct frame suspended[SUSPENDED][CHAIN]; /* coroutines that wait for each other, outermost first; or one generator */
    int n_chain[SUSPENDED], n_suspended;
    intptr_t last_at;
    uint64_t seed;
    bool was_told; /* of some loss */
};

static uint64_t at_random(struct program *p, uint64_t below)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (p->seed >> 33) % below;
}

static bool is_activation(int f)
{
    return kind(NULL, key_of(f)) != STROBE_CALLS_FUNCTION && kind(NULL, key_of(f)) != STROBE_CALLS_LEFT_OUT;
}

static struct strobe_calls_time now_of(void *ctx, const struct strobe_calls_thread *thread)
{
    return strobe_calls_latest(thread, ((struct program *)ctx)->now);
}

static void told(struct program *p, int err)
{
    assert_true(err == 0 || err == STROBE_ERR_NOMEM);
    p->was_told |= err != 0;
}

static void pass(struct program *p)
{
    uint64_t ticks = at_random(p, 50);

    p->now.wall += ticks;
    p->now.cpu += ticks / 2;
}

static struct frame *push(struct program *p, int f, intptr_t at)
{
    struct frame *frame = &p->stacks[p->on][p->n[p->on]++];

    *frame = (struct frame){f, at};
    return frame;
}

static uint32_t group_of(struct program *p)
{
    uint32_t group = 0;
    char name[16];

    snprintf(name, sizeof name, "task-%d", (int)at_random(p, 40));
    told(p, strobe_calls_group(p->calls, name, &group));
    return group;
}

static void enter(struct program *p, int f)
{
    uint32_t group = at_random(p, 4) ? STROBE_CALLS_SAME : group_of(p);

    if (strobe_calls_enter(p->thread, key_of(f), STROBE_CALLS_SAME, p->now) == STROBE_CALLS_ACTIVATES) {
        push(p, f, p->last_at += 64);
        strobe_calls_activate(p->thread, key_of(f), (void *)p->last_at, group, p->now);
    } else {
        push(p, f, is_activation(f) ? p->last_at += 64 : 0);
    }
}

static void leave(struct program *p)
{
    strobe_calls_leave(p->thread, key_of(p->stacks[p->on][--p->n[p->on]].f), p->now);
}

/* A generator alone; coroutines together with those that await them. */
static void suspend(struct program *p)
{
    struct frame *frames = p->stacks[p->on];
    int n = p->n[p->on], from = n - 1, chain = p->n_suspended;
    bool parked = frames[from].f >= GENERATOR && frames[from].f < COROUTINE;

    while (!parked && from > 0 && frames[from - 1].at && frames[from - 1].f >= COROUTINE && n - from < CHAIN)
        from--;
    for (int i = n; i-- > from;)
        strobe_calls_suspend(p->thread, key_of(frames[i].f), parked, NULL, p->now);
    memcpy(p->suspended[chain], &frames[from], (size_t)(n - from) * sizeof *frames);
    p->n_chain[chain] = n - from;
    p->n_suspended++;
    p->n[p->on] = from;
}

static void resume(struct program *p)
{
    int chain = (int)at_random(p, (uint64_t)p->n_suspended), last = --p->n_suspended;

    for (int i = 0; i < p->n_chain[chain]; i++) {
        struct frame *frame = push(p, p->suspended[chain][i].f, p->suspended[chain][i].at);
        uint32_t group = group_of(p);

        if (strobe_calls_resume(p->thread, key_of(frame->f), (void *)frame->at, STROBE_CALLS_TELL, p->now) == STROBE_CALLS_UNKNOWN)
            strobe_calls_resume(p->thread, key_of(frame->f), (void *)frame->at, group, p->now);
        pass(p);
    }
    memcpy(p->suspended[chain], p->suspended[last], sizeof p->suspended[last]);
    p->n_chain[chain] = p->n_chain[last];
}

static void switch_to(struct program *p, int to)
{
    if (to && !p->real[to]) {
        int err = strobe_calls_stack_new(p->thread, &p->real[to]);

        told(p, err);
        if (err)
            return;
    }
    strobe_calls_switch(p->thread, to ? p->real[to] : NULL, p->now);
    p->on = to;
}

static void end_stack(struct program *p)
{
    int which = 1 + (int)at_random(p, STACKS - 1);

    if (!p->real[which] || which == p->on)
        return;
    assert_true(strobe_calls_stack_end(p->thread, p->real[which]));
    p->real[which] = NULL;
    p->n[which] = 0;
}

static void events(struct program *p, int n, int functions)
{
    for (int i = 0; i < n; i++) {
        int deep = p->n[p->on];
        const struct frame *top = deep ? &p->stacks[p->on][deep - 1] : NULL;
        uint64_t dice = at_random(p, 100);

        pass(p);
        if (top && top->at && dice < 25 && p->n_suspended < SUSPENDED)
            suspend(p);
        else if (dice < 35 && p->n_suspended && deep < DEEP - CHAIN)
            resume(p);
        else if (dice < 37)
            switch_to(p, (int)at_random(p, STACKS));
        else if (dice < 38)
            end_stack(p);
        else if (deep < DEEP && (dice < 70 || !deep))
            enter(p, (int)at_random(p, (uint64_t)functions));
        else if (deep)
            leave(p);
    }
}

/* As deep as it goes, and back. */
static void recur(struct program *p)
{
    int from = p->n[p->on];

    while (p->n[p->on] < DEEP) {
        pass(p);
        enter(p, 3 + p->n[p->on] % 2);
    }
    while (p->n[p->on] > from) {
        pass(p);
        leave(p);
    }
}

/* Threads that are soon over.  functions: those that they call. */
static void short_threads(struct program *p, int n, int functions)
{
    static struct program other;

    for (int i = 0; i < n; i++) {
        int err;

        other = (struct program){.calls = p->calls, .now = p->now, .seed = at_random(p, 1000), .last_at = (intptr_t)(i + 1) << 32};
        err = strobe_calls_thread_new(p->calls, (uint64_t)i + 2, i + 12, "", &other.thread);
        told(p, err);
        if (err)
            continue;
        strobe_calls_go_on(other.thread, other.now);
        told(p, strobe_calls_thread_rename(other.thread, "short"));
        events(&other, 60, functions);
        switch_to(&other, 0);
        if (i % 2)
            strobe_calls_thread_end(other.thread);
        else /* which finds that another thread has its place */
            assert_null(strobe_calls_thread_find(p->calls, (uint64_t)i + 2, 12345));
        p->was_told |= other.was_told;
        p->now = other.now;
    }
}

static void seed(struct program *p)
{
    for (int i = 0; i < p->n[p->on]; i++) {
        const struct frame *frame = &p->stacks[p->on][i];

        strobe_calls_seed(p->thread, key_of(frame->f), frame->at ? (void *)frame->at : NULL, STROBE_CALLS_SAME, p->now);
    }
    for (int chain = 0; chain < p->n_suspended; chain++) {
        const void *chain_keys[CHAIN], *chain_frames[CHAIN];

        for (int i = 0; i < p->n_chain[chain]; i++) {
            chain_keys[i] = key_of(p->suspended[chain][i].f);
            chain_frames[i] = (void *)p->suspended[chain][i].at;
        }
        strobe_calls_seed_suspended(p->thread, chain_keys, chain_frames, (size_t)p->n_chain[chain], 0, p->now);
    }
}

static void stop_and_start(struct program *p)
{
    switch_to(p, 0);
    p->n[1] = p->n[2] = 0; /* their frames leave their stacks, too, and these are gone */
    p->real[1] = p->real[2] = NULL;
    strobe_calls_pause(p->thread, p->now);
    strobe_calls_pause_waits(p->calls, p->now.wall);
    pass(p);
    strobe_calls_go_on(p->thread, p->now);
    seed(p);
}

static void note_losses(struct program *p)
{
    struct strobe_calls_lost lost = strobe_calls_lost(p->calls);

    p->was_told |= lost.events || lost.functions;
}

/* How a program runs. */
struct way {
    uint64_t seed;
    uint32_t max_functions;
    uint64_t cost;
    int functions, threads; /* of these functions; and so many threads that are soon over */
    bool is_shared, stops, clears;
};

/* false: there was no memory to begin with. */
static bool run(struct program *p, const struct way *way)
{
    struct strobe_calls_opts opts = {.ops = {.kind = kind, .adopt = adopt}, .max_functions = way->max_functions, .cost = way->cost,
                                     .activation_cost = way->cost * 2, .is_shared = way->is_shared};

    *p = (struct program){.now = {1000, 500}, .seed = way->seed};
    if (strobe_calls_new(&opts, &p->calls))
        return false;
    if (strobe_calls_thread_new(p->calls, 1, 11, "main", &p->thread))
        return false;
    strobe_calls_go_on(p->thread, p->now);
    events(p, 1500, way->functions);
    if (way->stops)
        stop_and_start(p);
    recur(p);
    short_threads(p, way->threads, way->functions < 30 ? way->functions : 30);
    if (way->clears) {
        note_losses(p);
        strobe_calls_clear(p->calls, true, now_of, p, p->now.wall);
    }
    events(p, 1500, way->functions);
    note_losses(p);
    return true;
}

static void end(struct program *p)
{
    strobe_calls_free(p->calls);
    free(adopted);
    adopted = NULL;
    cap_adopted = 0;
}

/* ---- what must hold ---- */

static void read_rows(struct program *p, uint32_t group, struct strobe_calls_rows *ret)
{
    struct strobe_calls_question question = {.group = group, .now = now_of, .ctx = p, .wall = p->now.wall};

    assert_int_equal(strobe_calls_rows_init(p->calls, &question, ret), 0);
}

static void check_figures(const struct strobe_calls_figures *is)
{
    assert_true(is->self.wall <= is->total.wall && is->self.cpu <= is->total.cpu);
    assert_true(is->primitive <= is->started);
    assert_true(is->shortest <= is->longest || is->shortest == UINT64_MAX);
}

static int add_path(void *ctx, const struct strobe_calls_thread_facts *thread, uint32_t group, const uint32_t *functions, size_t n,
                    struct strobe_calls_time self)
{
    *(uint64_t *)ctx += self.wall;
    return n ? 0 : -1;
}

static void check_rows(struct program *p)
{
    struct strobe_calls_question question = {.group = STROBE_CALLS_ANY, .now = now_of, .ctx = p, .wall = p->now.wall};
    struct strobe_calls_rows rows, part;
    uint64_t self = 0, started = 0, by_edges = 0, by_groups = 0, by_paths = 0;

    read_rows(p, STROBE_CALLS_ANY, &rows);
    for (size_t i = 0; i < rows.n_functions; i++) {
        check_figures(&rows.functions[i].figures);
        assert_true(rows.functions[i].figures.finished <= rows.functions[i].figures.started + rows.functions[i].figures.seeded);
        self += rows.functions[i].figures.self.wall;
        started += rows.functions[i].figures.started;
    }
    for (size_t i = 0; i < rows.n_edges; i++) {
        const struct strobe_calls_row *edge = &rows.edges[i];

        check_figures(&edge->figures);
        by_edges += edge->figures.self.wall;
        if (edge->caller == STROBE_CALLS_OTHER)
            continue;
        assert_true(edge->figures.total.wall <= rows.functions[edge->caller].figures.total.wall);
        assert_true(edge->figures.total.cpu <= rows.functions[edge->caller].figures.total.cpu);
    }
    for (uint32_t group = 0; strobe_calls_group_name(p->calls, group); group++) {
        read_rows(p, group, &part);
        for (size_t i = 0; i < part.n_functions; i++)
            by_groups += part.functions[i].figures.started;
        strobe_calls_rows_release(&part);
    }
    assert_int_equal(strobe_calls_paths(p->calls, &question, add_path, &by_paths), 0);
    assert_int_equal(self, rows.wall);
    assert_int_equal(by_edges, rows.wall);
    assert_int_equal(by_paths, rows.wall);
    assert_int_equal(by_groups, started);
    strobe_calls_rows_release(&rows);
}

static int by_place(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(struct strobe_calls_row, figures));
}

static void assert_same_rows(const struct strobe_calls_rows *a, const struct strobe_calls_rows *b)
{
    qsort(a->edges, a->n_edges, sizeof *a->edges, by_place); /* they come in the order of threads */
    qsort(b->edges, b->n_edges, sizeof *b->edges, by_place);
    assert_int_equal(a->n_functions, b->n_functions);
    assert_int_equal(a->n_edges, b->n_edges);
    assert_int_equal(a->wall, b->wall);
    assert_memory_equal(a->functions, b->functions, a->n_functions * sizeof *a->functions);
    assert_memory_equal(a->edges, b->edges, a->n_edges * sizeof *a->edges);
}

/* What comes later is noted as if nothing had been. */
static void check_later(struct program *p)
{
    static const int a = LATER, b = LATER + 1, c = LATER + 2;
    struct strobe_calls_rows rows;
    uint32_t numbers[3] = {0, 0, 0};

    while (p->n[p->on])
        leave(p);
    strobe_calls_charge(p->thread, p->now);
    p->now.wall += 1000; /* what is owed is paid */
    p->now.cpu += 1000;
    for (int turn = 0; turn < 3; turn++) {
        enter(p, a);
        p->now.wall += 20;
        enter(p, b);
        p->now.wall += 30;
        p->now.cpu += 15;
        leave(p);
        enter(p, c);
        suspend(p);
        p->now.wall += 100;
        p->n_suspended--; /* it goes on: of those that are suspended the last one */
        strobe_calls_resume(p->thread, key_of(c), (void *)p->last_at, STROBE_CALLS_TELL, p->now);
        push(p, c, p->last_at);
        leave(p);
        leave(p);
    }
    for (uint32_t i = 1; i < strobe_calls_function_count(p->calls); i++)
        for (int which = 0; which < 3; which++)
            numbers[which] = adopted[i] == key_of(LATER + which) ? i : numbers[which];
    read_rows(p, STROBE_CALLS_ANY, &rows);
    assert_true(numbers[0] && numbers[1] && numbers[2]);
    assert_int_equal(rows.functions[numbers[0]].figures.started, 3);
    assert_int_equal(rows.functions[numbers[0]].figures.finished, 3);
    assert_int_equal(rows.functions[numbers[0]].figures.total.wall, 3 * 150);
    assert_int_equal(rows.functions[numbers[0]].figures.self.wall, 3 * 120);
    assert_int_equal(rows.functions[numbers[1]].figures.self.wall, 3 * 30);
    assert_int_equal(rows.functions[numbers[1]].figures.total.cpu, 3 * 15);
    assert_int_equal(rows.functions[numbers[2]].figures.finished, 3);
    assert_int_equal(rows.functions[numbers[2]].figures.resumes, 3);
    assert_int_equal(rows.functions[numbers[2]].figures.awaited, 3 * 100);
    strobe_calls_rows_release(&rows);
}

/* ---- writing ---- */

static struct program program;

/* A run that has lost nothing, as far as it says, has the rows of one whose allocations all succeed. */
static void each_allocation_fails(struct way way)
{
    struct strobe_calls_rows right, rows;
    uint64_t n = 0;
    bool was_hit;

    assert_true(run(&program, &way));
    assert_true(!program.was_told || way.max_functions < FUNCTIONS);
    check_rows(&program);
    read_rows(&program, STROBE_CALLS_ANY, &right);
    end(&program);
    do {
        bool ran;

        alloc_fail_arm(++n);
        ran = run(&program, &way);
        alloc_fail_disarm();
        was_hit = alloc_fail_hit();
        if (ran) {
            check_rows(&program);
            read_rows(&program, STROBE_CALLS_ANY, &rows);
            if (!was_hit || !program.was_told)
                assert_same_rows(&rows, &right);
            strobe_calls_rows_release(&rows);
            if (!way.cost && way.max_functions >= FUNCTIONS)
                check_later(&program);
        }
        end(&program);
        assert_int_equal(alloc_fail_live(), 0);
    } while (was_hit);
    assert_true(n > 50);
    strobe_calls_rows_release(&right);
}

static void test_functions(void **state)
{
    each_allocation_fails((struct way){.seed = 1, .max_functions = 1000, .functions = GENERATOR, .threads = 68});
}

static void test_all_kinds(void **state)
{
    for (uint64_t seed = 2; seed < 4; seed++)
        each_allocation_fails((struct way){.seed = seed, .max_functions = 1000, .functions = LATER, .threads = 68, .stops = true});
}

static void test_where_threads_run_at_the_same_time(void **state)
{
    each_allocation_fails((struct way){.seed = 5, .max_functions = 1000, .functions = LATER, .threads = 20, .is_shared = true,
                                       .stops = true, .clears = true});
}

static void test_with_what_events_cost_taken_out(void **state)
{
    each_allocation_fails((struct way){.seed = 6, .max_functions = 1000, .functions = LATER, .cost = 3, .threads = 20,
                                       .clears = true});
}

static void test_more_functions_than_allowed(void **state)
{
    each_allocation_fails((struct way){.seed = 7, .max_functions = 20, .functions = LATER, .threads = 20, .stops = true});
}

/* ---- reading ---- */

static int read_a_group(struct strobe_calls *calls, void *out)
{
    struct strobe_calls_question question = {.group = 1, .now = now_of, .ctx = &program, .wall = program.now.wall};

    return strobe_calls_rows_init(calls, &question, out);
}

static int read_all(struct strobe_calls *calls, void *out)
{
    struct strobe_calls_question question = {.group = STROBE_CALLS_ANY, .now = now_of, .ctx = &program, .wall = program.now.wall};

    return strobe_calls_rows_init(calls, &question, out);
}

static int read_paths(struct strobe_calls *calls, void *out)
{
    struct strobe_calls_question question = {.group = STROBE_CALLS_ANY, .now = now_of, .ctx = &program, .wall = program.now.wall};
    uint64_t self = 0;

    return strobe_calls_paths(calls, &question, add_path, &self);
}

struct threads {
    struct strobe_calls_thread_facts *all;
    size_t n;
};

static int read_threads(struct strobe_calls *calls, void *out)
{
    struct threads *threads = out;

    return strobe_calls_threads(calls, &threads->all, &threads->n);
}

static void release_rows(void *out)
{
    strobe_calls_rows_release(out);
}

static void release_threads(void *out)
{
    struct threads *threads = out;

    strobe_calls_threads_free(threads->all, threads->n);
}

static void release_nothing(void *out)
{
}

/* fewest: allocations that it makes. */
static void each_read_fails(int (*read)(struct strobe_calls *calls, void *out), void (*release)(void *out), uint64_t fewest)
{
    unsigned char out[sizeof(struct strobe_calls_rows)], untouched[sizeof out];
    uint64_t n = 0;
    int err;

    memset(untouched, 0x5a, sizeof untouched);
    do {
        memcpy(out, untouched, sizeof out);
        alloc_fail_arm(++n);
        err = read(program.calls, out);
        alloc_fail_disarm();
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        if (err)
            assert_memory_equal(out, untouched, sizeof out);
        else
            release(out);
        assert_int_equal(alloc_fail_live(), 0);
    } while (err);
    assert_true(n > fewest);
}

static void test_reading(void **state)
{
    struct way way = {.seed = 8, .max_functions = 1000, .functions = LATER, .threads = 80, .stops = true};
    struct strobe_calls_rows before, after;

    assert_true(run(&program, &way));
    while (!program.on || !program.n_suspended) /* something waits in each way */
        events(&program, 1, LATER);
    read_rows(&program, STROBE_CALLS_ANY, &before);
    each_read_fails(read_all, release_rows, 5);
    each_read_fails(read_a_group, release_rows, 5);
    each_read_fails(read_threads, release_threads, 60);
    each_read_fails(read_paths, release_nothing, 1);
    read_rows(&program, STROBE_CALLS_ANY, &after);
    assert_same_rows(&before, &after);
    strobe_calls_rows_release(&before);
    strobe_calls_rows_release(&after);
    end(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_all_kinds),
        cmocka_unit_test(test_where_threads_run_at_the_same_time),
        cmocka_unit_test(test_with_what_events_cost_taken_out),
        cmocka_unit_test(test_more_functions_than_allowed),
        cmocka_unit_test(test_reading),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
