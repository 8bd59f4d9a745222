/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, against a model that does the slow and obvious thing: at each event it walks the whole stack and gives the time that has passed to
 * every function and every pair of functions on it. */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls/calls.h"
#include "calls/rows.h"
#include "calls/state.h"

enum { N = 12 }; /* functions of the model: keys[i] */

static char keys[1 << 16];
static const void *key_of(int function)
{
    return &keys[function];
}

static int n_adopted;
static uint32_t numbers[1 << 16];
static int first_generator, first_coroutine, first_async, first_left_out;

static enum strobe_calls_kind kind(void *ctx, const void *key)
{
    int function = (int)((const char *)key - keys);

    return function >= first_left_out  ? STROBE_CALLS_LEFT_OUT :
           function >= first_async     ? STROBE_CALLS_ASYNC_GENERATOR :
           function >= first_coroutine ? STROBE_CALLS_COROUTINE :
           function >= first_generator ? STROBE_CALLS_GENERATOR :
                                         STROBE_CALLS_FUNCTION;
}

static int adopt(void *ctx, const void *key, uint32_t function)
{
    n_adopted++;
    numbers[(const char *)key - keys] = function;
    return 0;
}

static struct strobe_calls *calls;
static struct strobe_calls_thread *thread;
static struct strobe_calls_time now;

static uint64_t cost, activation_cost;

static void begin(int generators, int coroutines, int asyncs, int left_out, uint32_t max_functions)
{
    struct strobe_calls_opts opts = {.ops = {.kind = kind, .adopt = adopt}, .max_functions = max_functions, .cost = cost,
                                     .activation_cost = activation_cost};

    first_generator = generators, first_coroutine = coroutines, first_async = asyncs, first_left_out = left_out;
    memset(numbers, 0, sizeof numbers);
    n_adopted = 0;
    now = (struct strobe_calls_time){1000, 500};
    assert_int_equal(strobe_calls_new(&opts, &calls), 0);
    assert_int_equal(strobe_calls_thread_new(calls, 1, 11, "main", &thread), 0);
    strobe_calls_go_on(thread, now);
}

static void pass(uint64_t wall, uint64_t cpu)
{
    now.wall += wall;
    now.cpu += cpu;
}

static void enter(int f)
{
    assert_int_equal(strobe_calls_enter(thread, key_of(f), STROBE_CALLS_SAME, now), STROBE_CALLS_NOTED);
}

static void start(int f, intptr_t frame)
{
    assert_int_equal(strobe_calls_enter(thread, key_of(f), STROBE_CALLS_SAME, now), STROBE_CALLS_ACTIVATES);
    strobe_calls_activate(thread, key_of(f), (void *)(frame * 64), STROBE_CALLS_SAME, now);
}

static void resume(int f, intptr_t frame)
{
    strobe_calls_resume(thread, key_of(f), (void *)(frame * 64), STROBE_CALLS_SAME, now);
}

static void suspend(int f)
{
    strobe_calls_suspend(thread, key_of(f), false, NULL, now);
}

static void leave(int f)
{
    strobe_calls_leave(thread, key_of(f), now);
}

static struct strobe_calls_time now_of(void *ctx, const struct strobe_calls_thread *of)
{
    return now;
}

static struct strobe_calls_rows rows;

static void read_group(uint32_t group)
{
    struct strobe_calls_question question = {.group = group, .now = now_of, .wall = now.wall};

    strobe_calls_rows_release(&rows);
    assert_int_equal(strobe_calls_rows_init(calls, &question, &rows), 0);
}

static void read_rows(void)
{
    read_group(STROBE_CALLS_ANY);
}

static const struct strobe_calls_figures *row(int f)
{
    return &rows.functions[numbers[f]].figures;
}

static const struct strobe_calls_figures *edge(int caller, int callee)
{
    static const struct strobe_calls_figures none;

    for (size_t i = 0; i < rows.n_edges; i++)
        if (rows.edges[i].caller == (caller < 0 ? STROBE_CALLS_OTHER : numbers[caller]) && rows.edges[i].callee == numbers[callee])
            return &rows.edges[i].figures;
    return &none;
}

static int end(void **state)
{
    strobe_calls_rows_release(&rows);
    strobe_calls_free(calls);
    calls = NULL;
    cost = activation_cost = 0;
    return 0;
}

/* ---- functions ---- */

static void test_nested(void **state)
{
    begin(100, 100, 100, 100, 1000);
    enter(0);
    pass(10, 5);
    enter(1);
    pass(20, 0);
    leave(1);
    pass(3, 3);
    enter(1);
    pass(40, 40);
    read_rows();
    assert_int_equal(row(1)->total.wall, 60); /* the one that runs, too */
    assert_int_equal(row(1)->started - row(1)->finished, 1);
    leave(1);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->self.wall, 13);
    assert_int_equal(row(0)->self.cpu, 8);
    assert_int_equal(row(0)->total.wall, 73);
    assert_int_equal(row(0)->total.cpu, 48);
    assert_int_equal(row(1)->started, 2);
    assert_int_equal(row(1)->shortest, 20);
    assert_int_equal(row(1)->longest, 40);
    assert_int_equal(edge(0, 1)->total.cpu, 40);
    assert_int_equal(edge(-1, 0)->started, 1);
    assert_int_equal(rows.wall, 73);
}

static void test_left_out_and_unknown_ends(void **state)
{
    begin(100, 100, 100, 50, 1000);
    leave(3); /* of a frame that was there before */
    enter(0);
    assert_int_equal(strobe_calls_enter(thread, key_of(50), STROBE_CALLS_SAME, now), STROBE_CALLS_IGNORED);
    pass(5, 5);
    enter(1);
    enter(2);
    pass(7, 7);
    leave(1); /* the end of 2 was not seen */
    leave(50);
    pass(1, 1);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->self.wall, 6);
    assert_int_equal(row(2)->finished, 1);
    assert_int_equal(row(2)->total.wall, 7);
    assert_int_equal(row(1)->total.wall, 7);
    assert_int_equal(edge(0, 1)->started, 1);
}

static void test_more_functions_than_allowed(void **state)
{
    begin(1 << 16, 1 << 16, 1 << 16, 1 << 16, 10);
    for (int f = 0; f < 100; f++) {
        enter(f);
        pass(1, 1);
        leave(f);
    }
    read_rows();
    assert_int_equal(n_adopted, 10);
    assert_int_equal(rows.functions[STROBE_CALLS_OTHER].figures.started, 90);
    assert_int_equal(rows.functions[STROBE_CALLS_OTHER].figures.self.wall, 90);
    assert_int_equal(strobe_calls_lost(calls).functions, 90);
}

/* ---- against the model ---- */

/* A function beyond the limit is OTHERS, and so is the caller of what nobody has called. */
enum { OTHERS = N, ALL = N + 1 };

struct model {
    int stack[400], keys[400], n; /* which function it is, and of which key */
    int known, limit;
    bool is_known[N];
    uint64_t self[ALL], total[ALL], started[ALL], primitive[ALL], edges[ALL][ALL], edge_total[ALL][ALL], edge_primitive[ALL][ALL];
};

static void model_pass(struct model *m, uint64_t wall)
{
    bool on[ALL] = {false}, pair[ALL][ALL] = {{false}};

    if (m->n)
        m->self[m->stack[m->n - 1]] += wall;
    for (int i = 0; i < m->n; i++) {
        on[m->stack[i]] = true;
        pair[i ? m->stack[i - 1] : OTHERS][m->stack[i]] = true;
    }
    for (int f = 0; f < ALL; f++) {
        m->total[f] += on[f] ? wall : 0;
        for (int c = 0; c < ALL; c++)
            m->edge_total[c][f] += pair[c][f] ? wall : 0;
    }
}

static void model_enter(struct model *m, int key)
{
    int caller = m->n ? m->stack[m->n - 1] : OTHERS, f;
    bool is_on = false, is_pair = false;

    if (!m->is_known[key] && m->known < m->limit) {
        m->is_known[key] = true;
        m->known++;
    }
    f = m->is_known[key] ? key : OTHERS;

    for (int i = 0; i < m->n; i++) {
        is_on |= m->stack[i] == f;
        is_pair |= m->stack[i] == f && (i ? m->stack[i - 1] : OTHERS) == caller;
    }
    m->started[f]++;
    m->primitive[f] += !is_on;
    m->edges[caller][f]++;
    m->edge_primitive[caller][f] += !is_pair;
    m->keys[m->n] = key;
    m->stack[m->n++] = f;
}

static uint32_t number_of(int f)
{
    return f == OTHERS ? STROBE_CALLS_OTHER : numbers[f];
}

static const struct strobe_calls_figures *edge_between(int caller, int callee)
{
    for (size_t i = 0; i < rows.n_edges; i++)
        if (rows.edges[i].caller == number_of(caller) && rows.edges[i].callee == number_of(callee))
            return &rows.edges[i].figures;
    return NULL;
}

static void compare(const struct model *m)
{
    uint64_t all = 0;

    read_rows();
    for (int f = 0; f < ALL; f++) {
        const struct strobe_calls_figures *is_row = &rows.functions[number_of(f)].figures;

        if (!m->started[f])
            continue;
        assert_int_equal(is_row->self.wall, m->self[f]);
        assert_int_equal(is_row->total.wall, m->total[f]);
        assert_int_equal(is_row->started, m->started[f]);
        assert_int_equal(is_row->primitive, m->primitive[f]);
        all += m->self[f];
        for (int c = 0; c < ALL; c++) {
            const struct strobe_calls_figures *is = edge_between(c, f);

            if (!m->edges[c][f])
                continue;
            assert_non_null(is);
            assert_int_equal(is->started, m->edges[c][f]);
            assert_int_equal(is->primitive, m->edge_primitive[c][f]);
            assert_int_equal(is->total.wall, m->edge_total[c][f]);
            assert_true(c == OTHERS || is->total.wall <= row(c)->total.wall);
        }
    }
    assert_int_equal(rows.wall, all);
    assert_int_equal(strobe_calls_lost(calls).functions, m->started[OTHERS]);
}

static void run_at_random(unsigned seed, int64_t room, int limit, int events)
{
    struct model *m = calloc(1, sizeof *m);

    m->limit = limit;
    srandom(seed);
    begin(100, 100, 100, 100, (uint32_t)limit);
    atomic_store(&calls->room, room);
    for (int i = 0; i < events; i++) {
        uint64_t wall = (uint64_t)random() % 50;
        bool deeper = m->n < 3 || (m->n < 400 && random() % 100 < 51);
        int f = (int)(random() % N);

        model_pass(m, wall);
        pass(wall, wall / 2);
        if (deeper) {
            model_enter(m, f);
            enter(f);
        } else {
            leave(m->keys[--m->n]);
        }
        if (i % (events / 3) == 0)
            compare(m);
    }
    compare(m);
    free(m);
    end(NULL);
}

static void test_any_program(void **state)
{
    for (unsigned seed = 1; seed <= 20; seed++)
        run_at_random(seed, STROBE_CALLS_MAX_NODES, 1000, 20000);
}

/* Paths beyond the limit take nothing away from functions and edges; functions beyond theirs are one, each of its calls counted. */
static void test_any_program_beyond_the_limits(void **state)
{
    for (unsigned seed = 1; seed <= 10; seed++) {
        run_at_random(seed, seed * 40, 1000, 20000);
        run_at_random(seed, STROBE_CALLS_MAX_NODES, (int)seed, 20000);
        run_at_random(seed, seed * 40, (int)seed, 20000);
    }
}

static void test_many_children(void **state)
{
    begin(1 << 16, 1 << 16, 1 << 16, 1 << 16, 1 << 16);
    for (int turn = 0; turn < 3; turn++)
        for (int f = 1; f < 5000; f++) {
            enter(f);
            pass(1, 1);
            leave(f);
        }
    read_rows();
    assert_int_equal(thread->tables.n_nodes, 5000);
    for (int f = 1; f < 5000; f++)
        assert_int_equal(row(f)->started, 3);
}

/* ---- coroutines and generators ---- */

enum { GENERATOR = 20, COROUTINE = 30, ASYNC = 40 };

static void begin_async(void)
{
    begin(GENERATOR, COROUTINE, ASYNC, 50, 1000);
}

static void test_awaits(void **state)
{
    begin_async();
    enter(0); /* the loop */
    start(COROUTINE, 1);
    pass(2, 2);
    start(COROUTINE + 1, 2);
    pass(3, 3);
    suspend(COROUTINE + 1);
    suspend(COROUTINE);
    pass(100, 0); /* the loop waits */
    read_rows();
    assert_int_equal(row(COROUTINE)->awaited, 100); /* so far */
    assert_int_equal(row(COROUTINE)->started - row(COROUTINE)->finished, 1);
    resume(COROUTINE, 1);
    pass(1, 1);
    resume(COROUTINE + 1, 2);
    pass(4, 4);
    leave(COROUTINE + 1);
    pass(5, 5);
    leave(COROUTINE);
    leave(0);
    read_rows();
    assert_int_equal(row(COROUTINE)->started, 1);
    assert_int_equal(row(COROUTINE)->finished, 1);
    assert_int_equal(row(COROUTINE)->resumes, 1);
    assert_int_equal(row(COROUTINE)->self.wall, 8);
    assert_int_equal(row(COROUTINE)->total.wall, 15);
    assert_int_equal(row(COROUTINE)->awaited, 100);
    assert_int_equal(row(COROUTINE)->longest, 115);
    assert_int_equal(row(COROUTINE + 1)->longest, 108); /* it waited until it went on itself */
    assert_int_equal(edge(COROUTINE, COROUTINE + 1)->awaited, 101); /* it was awaited by it */
    assert_int_equal(edge(0, COROUTINE)->awaited, 0);               /* which nobody was for the other */
    assert_int_equal(row(0)->total.wall, 115);
    assert_int_equal(rows.wall, 115);
}

/* throw(): the innermost comes first, each goes before the one that awaits it. */
static void test_cancelled(void **state)
{
    begin_async();
    enter(0);
    start(COROUTINE, 1);
    start(COROUTINE + 1, 2);
    suspend(COROUTINE + 1);
    suspend(COROUTINE);
    pass(50, 1);
    resume(COROUTINE + 1, 2);
    pass(1, 1);
    leave(COROUTINE + 1);
    resume(COROUTINE, 1);
    pass(2, 2);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(COROUTINE)->longest, 53);     /* it waits until it goes on itself */
    assert_int_equal(row(COROUTINE)->awaited, 51);
    assert_int_equal(row(COROUTINE + 1)->longest, 51);
    assert_int_equal(row(COROUTINE + 1)->awaited, 50);
    assert_int_equal(row(COROUTINE)->self_awaited, 0);
    assert_int_equal(row(COROUTINE + 1)->self_awaited, 50);
    assert_int_equal(edge(COROUTINE, COROUTINE + 1)->awaited, 50);
    assert_int_equal(edge(0, COROUTINE + 1)->total.wall, 1);
    assert_int_equal(edge(0, COROUTINE + 1)->started, 0);
}

static void test_recursive_coroutines(void **state)
{
    begin_async();
    start(COROUTINE, 1);
    start(COROUTINE, 2);
    start(COROUTINE, 3);
    pass(1, 1);
    for (int i = 0; i < 3; i++)
        suspend(COROUTINE);
    pass(10, 0);
    for (intptr_t i = 1; i <= 3; i++)
        resume(COROUTINE, i);
    pass(1, 1);
    for (int i = 0; i < 3; i++)
        leave(COROUTINE);
    read_rows();
    assert_int_equal(row(COROUTINE)->started, 3);
    assert_int_equal(row(COROUTINE)->primitive, 1);
    assert_int_equal(row(COROUTINE)->total.wall, 2);
    assert_int_equal(row(COROUTINE)->awaited, 10);
    assert_int_equal(row(COROUTINE)->self_awaited, 10);
    assert_int_equal(edge(COROUTINE, COROUTINE)->awaited, 10);
    assert_int_equal(row(COROUTINE)->shortest, 12);
}

/* A coroutine that drives another one by send(), and awaits something else then: each waits for itself. */
static void test_driven_coroutine(void **state)
{
    static const char value, other;

    begin_async();
    start(COROUTINE, 1);
    start(COROUTINE + 1, 2);
    strobe_calls_suspend(thread, key_of(COROUTINE + 1), false, &value, now);
    strobe_calls_suspend(thread, key_of(COROUTINE), false, &other, now);
    pass(10, 0);
    resume(COROUTINE, 1);
    pass(1, 1);
    resume(COROUTINE + 1, 2);
    leave(COROUTINE + 1);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(COROUTINE)->awaited, 10);
    assert_int_equal(row(COROUTINE + 1)->awaited, 11);
    assert_int_equal(edge(COROUTINE, COROUTINE + 1)->awaited, 0);
}

/* An eager task begins on the stack of who makes it, which may be of the same function: both wait. */
static void test_eager_task_of_the_same_function(void **state)
{
    begin_async();
    start(COROUTINE, 1);
    start(COROUTINE, 2);
    suspend(COROUTINE);
    enter(0);
    leave(0);
    suspend(COROUTINE);
    pass(10, 0);
    read_rows();
    assert_int_equal(row(COROUTINE)->awaited, 20);
    assert_int_equal(row(COROUTINE)->self_awaited, 20);
    assert_int_equal(edge(COROUTINE, COROUTINE)->awaited, 0);
    resume(COROUTINE, 2);
    leave(COROUTINE);
    pass(5, 0);
    resume(COROUTINE, 1);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(COROUTINE)->awaited, 25);
    assert_int_equal(edge(COROUTINE, COROUTINE)->awaited, 0);
}

static void test_generators(void **state)
{
    begin_async();
    enter(0);
    start(GENERATOR, 1);
    pass(1, 1);
    suspend(GENERATOR); /* yields to 0, */
    pass(10, 10);       /* whose time this is */
    resume(GENERATOR, 1);
    pass(1, 1);
    suspend(GENERATOR);
    pass(10, 10);
    resume(GENERATOR, 1);
    leave(GENERATOR);
    read_rows();
    assert_int_equal(row(GENERATOR)->started, 1);
    assert_int_equal(row(GENERATOR)->resumes, 2);
    assert_int_equal(row(GENERATOR)->primitive_resumes, 2);
    assert_int_equal(row(GENERATOR)->longest, 2);
    assert_int_equal(row(GENERATOR)->awaited, 0);
    assert_int_equal(row(0)->self.wall, 20);
    /* Inside of an await, a generator's yield is the await: __await__ written in Python. */
    start(COROUTINE, 2);
    start(GENERATOR + 1, 3);
    start(GENERATOR + 2, 4);
    suspend(GENERATOR + 2);
    suspend(GENERATOR + 1);
    suspend(COROUTINE);
    pass(30, 0);
    resume(COROUTINE, 2);
    resume(GENERATOR + 1, 3);
    resume(GENERATOR + 2, 4);
    leave(GENERATOR + 2);
    leave(GENERATOR + 1);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(GENERATOR + 2)->awaited, 30);
    assert_int_equal(row(GENERATOR + 1)->awaited, 30);
    assert_int_equal(edge(COROUTINE, GENERATOR + 1)->awaited, 30);
    assert_int_equal(edge(GENERATOR + 1, GENERATOR + 2)->awaited, 30);
}

static void test_asynchronous_generators(void **state)
{
    begin_async();
    start(COROUTINE, 1);
    start(ASYNC, 2);
    pass(1, 1);
    strobe_calls_suspend(thread, key_of(ASYNC), true, NULL, now); /* a value for the consumer */
    pass(100, 100);
    resume(ASYNC, 2);
    pass(1, 1);
    suspend(ASYNC); /* it awaits, and so does the consumer */
    suspend(COROUTINE);
    pass(7, 0);
    resume(COROUTINE, 1);
    resume(ASYNC, 2);
    pass(1, 1);
    leave(ASYNC);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(ASYNC)->longest, 10);
    assert_int_equal(row(ASYNC)->awaited, 7);
    assert_int_equal(row(ASYNC)->total.wall, 3);
    assert_int_equal(row(COROUTINE)->longest, 110);
}

/* A frame's memory is another one's: the end of the first was not seen. */
static void test_an_end_unseen(void **state)
{
    begin_async();
    start(COROUTINE, 1);
    pass(1, 1);
    suspend(COROUTINE);
    start(COROUTINE + 1, 1);
    pass(1, 1);
    suspend(COROUTINE + 1);
    resume(COROUTINE, 1); /* and again; nobody has seen it start */
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(COROUTINE)->started + row(COROUTINE)->seeded, row(COROUTINE)->finished);
    assert_int_equal(row(COROUTINE + 1)->finished, 1);
    start(COROUTINE, 2);
    enter(0);
    start(COROUTINE, 2); /* while it is on the stack */
    pass(1, 1);
    leave(COROUTINE);
    read_rows();
    assert_int_equal(row(0)->finished, 1);
    assert_int_equal(calls->activations.count, 0);
}

/* ---- tasks ---- */

static void test_groups(void **state)
{
    uint32_t a, b;

    begin_async();
    assert_int_equal(strobe_calls_group(calls, "a", &a), 0);
    assert_int_equal(strobe_calls_group(calls, "b", &b), 0);
    enter(0);
    for (int turn = 0; turn < 2; turn++)
        for (intptr_t task = 1; task <= 2; task++) {
            if (turn)
                resume(COROUTINE, task);
            else
                strobe_calls_activate(thread, key_of(COROUTINE), (void *)(task * 64), task == 1 ? a : b, now);
            enter(1);
            pass(task == 1 ? 5 : 7, 1);
            leave(1);
            if (turn)
                leave(COROUTINE);
            else
                suspend(COROUTINE);
        }
    read_group(a);
    assert_int_equal(row(1)->total.wall, 10);
    assert_int_equal(row(1)->started, 2);
    assert_int_equal(row(COROUTINE)->started, 1);
    assert_int_equal(row(COROUTINE)->awaited, 7);
    assert_int_equal(row(0)->total.wall, 0);
    assert_int_equal(rows.wall, 10);
    read_group(b);
    assert_int_equal(row(1)->total.wall, 14);
    assert_int_equal(row(COROUTINE)->awaited, 5);
    read_group(0);
    assert_int_equal(row(0)->self.wall, 0);
    for (int i = 0; i < 2 * STROBE_CALLS_MAX_GROUPS; i++) {
        char name[32];

        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(strobe_calls_group(calls, name, &a), 0);
    }
    assert_int_equal(a, STROBE_CALLS_MAX_GROUPS);
    assert_string_equal(strobe_calls_group_name(calls, a), "(other)");
    assert_true(strobe_calls_lost(calls).groups);
}

/* ---- before and after ---- */

static void test_alive_at_start_and_stop(void **state)
{
    const void *waiting[] = {key_of(COROUTINE), key_of(COROUTINE + 1)}, *frames[] = {(void *)64, (void *)128};

    begin_async();
    strobe_calls_seed(thread, key_of(0), NULL, STROBE_CALLS_SAME, now);
    strobe_calls_seed_suspended(thread, waiting, frames, 2, 0, now);
    pass(10, 0);
    resume(COROUTINE, 1);
    resume(COROUTINE + 1, 2);
    pass(1, 1);
    suspend(COROUTINE + 1);
    suspend(COROUTINE);
    enter(1);
    pass(2, 2);
    strobe_calls_pause(thread, now);
    strobe_calls_pause_waits(calls, now.wall);
    pass(1000, 1000); /* nobody looks */
    read_rows();
    assert_int_equal(row(COROUTINE)->awaited, 12);
    assert_int_equal(edge(COROUTINE, COROUTINE + 1)->awaited, 12);
    assert_int_equal(row(0)->total.wall, 13);
    assert_int_equal(row(0)->started, 0);
    assert_int_equal(row(0)->seeded - row(0)->finished, 1);
    assert_int_equal(row(1)->started - row(1)->finished, 1);
    strobe_calls_go_on(thread, now);
    strobe_calls_seed(thread, key_of(0), NULL, STROBE_CALLS_SAME, now);
    strobe_calls_seed_suspended(thread, waiting, frames, 2, 0, now);
    pass(5, 5);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->seeded - row(0)->finished, 0);
    assert_int_equal(row(0)->total.wall, 18);
    assert_int_equal(row(1)->started + row(1)->seeded - row(1)->finished, 0); /* it has gone meanwhile */
    assert_int_equal(row(COROUTINE)->seeded - row(COROUTINE)->finished, 1);
    assert_int_equal(row(COROUTINE)->awaited, 17);
}

static void test_clear(void **state)
{
    begin_async();
    enter(0);
    pass(3, 3);
    start(COROUTINE, 1);
    suspend(COROUTINE);
    enter(1);
    strobe_calls_clear(calls, true, now_of, NULL, now.wall);
    pass(4, 4);
    leave(1);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->total.wall, 4);
    assert_int_equal(row(0)->started, 0);
    assert_int_equal(row(0)->seeded, row(0)->finished);
    assert_int_equal(row(1)->longest, 4);
    assert_int_equal(row(COROUTINE)->awaited, 4);
    assert_int_equal(row(COROUTINE)->seeded - row(COROUTINE)->finished, 1);
}

/* ---- threads and greenlets ---- */

static void test_threads_that_end(void **state)
{
    struct strobe_calls_thread_facts *threads;
    size_t n;

    begin(100, 100, 100, 100, 1000);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(strobe_calls_thread_new(calls, (uint64_t)i + 2, i, "short", &thread), 0);
        strobe_calls_go_on(thread, now);
        enter(0);
        enter(i % 5);
        pass(2, 2);
        leave(i % 5);
        enter(1); /* in which it is when it ends */
        pass(1, 1);
        strobe_calls_charge(thread, now);
        strobe_calls_thread_end(thread);
    }
    read_rows();
    assert_int_equal(strobe_calls_threads(calls, &threads, &n), 0);
    strobe_calls_threads_free(threads, n);
    assert_true(n <= 70);
    assert_int_equal(row(0)->total.wall, 900);
    assert_int_equal(row(0)->started, 360);
    assert_int_equal(row(0)->primitive, 300);
    assert_int_equal(row(1)->total.wall, 60 * 2 + 300);
    assert_int_equal(edge(0, 1)->total.wall, 60 * 2 + 300);
    assert_int_equal(rows.wall, 900);
}

/* ---- what events cost ---- */

static void test_cost_is_taken_out(void **state)
{
    cost = 2, activation_cost = 3;
    begin_async();
    enter(0);
    pass(5, 5); /* 3 of its own */
    enter(1);
    pass(6, 4); /* 4, and 2 of CPU */
    leave(1);
    pass(1, 1); /* less than the event took: 1 is owed */
    enter(1);
    pass(10, 10); /* 7 */
    leave(1);
    pass(2, 2);
    start(COROUTINE, 1);
    pass(4, 4); /* 1 */
    suspend(COROUTINE);
    pass(20, 20); /* 17 of 0's; the wait is as long as it was */
    resume(COROUTINE, 1);
    pass(3, 3);
    leave(COROUTINE);
    pass(5, 5); /* so far 2 */
    read_rows();
    assert_int_equal(row(0)->self.wall, 3 + 0 + 0 + 17 + 2);
    assert_int_equal(row(1)->self.wall, 4 + 7);
    assert_int_equal(row(1)->self.cpu, 2 + 7);
    assert_int_equal(row(1)->longest, 7);
    assert_int_equal(row(COROUTINE)->self.wall, 1);
    assert_int_equal(row(COROUTINE)->awaited, 20);
    assert_int_equal(row(0)->total.wall, rows.wall);
    assert_int_equal(edge(0, 1)->total.wall, 11);
    leave(0);
    strobe_calls_clear(calls, true, now_of, NULL, now.wall);
    pass(100, 100);
    enter(0);
    pass(12, 12);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->total.wall, 10);
}

static void test_greenlets(void **state)
{
    struct strobe_calls_stack *other;

    begin(100, 100, 100, 100, 1000);
    assert_int_equal(strobe_calls_stack_new(thread, &other), 0);
    enter(0);
    enter(1);
    pass(1, 1);
    strobe_calls_switch(thread, other, now);
    enter(1);
    enter(2);
    pass(10, 10);
    read_rows();
    assert_int_equal(row(0)->awaited, 10);
    assert_int_equal(row(1)->awaited, 0); /* one of it runs */
    strobe_calls_switch(thread, NULL, now);
    pass(100, 100);
    strobe_calls_switch(thread, other, now);
    leave(2);
    leave(1);
    strobe_calls_switch(thread, NULL, now);
    strobe_calls_stack_end(thread, other);
    leave(1);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->total.wall, 101);
    assert_int_equal(row(0)->longest, 111);
    assert_int_equal(row(0)->awaited, 10);
    assert_int_equal(row(1)->total.wall, 111);
    assert_int_equal(row(2)->total.wall, 10);
    assert_int_equal(row(2)->awaited, 100);
    assert_int_equal(rows.wall, 111);
}

/* Two stacks, one of which waits: function 0 on the thread's own, 1 on the other; then 20 ticks pass. */
static struct strobe_calls_stack *begin_with_one_that_waits(uint32_t group)
{
    struct strobe_calls_stack *other;

    begin(100, 100, 100, 100, 1000);
    assert_int_equal(strobe_calls_stack_new(thread, &other), 0);
    enter(0);
    pass(3, 3);
    strobe_calls_switch(thread, other, now);
    assert_int_equal(strobe_calls_enter(thread, key_of(1), group, now), STROBE_CALLS_NOTED);
    pass(5, 5);
    strobe_calls_switch(thread, NULL, now);
    pass(20, 20);
    return other;
}

static void test_greenlets_at_stop(void **state)
{
    struct strobe_calls_stack *other;

    begin_with_one_that_waits(STROBE_CALLS_SAME);
    read_rows();
    assert_int_equal(row(1)->awaited, 20);
    strobe_calls_pause(thread, now);
    strobe_calls_pause_waits(calls, now.wall);
    pass(1000, 1000);
    read_rows();
    assert_int_equal(row(1)->awaited, 20); /* and not less, as nobody waits any more */
    assert_int_equal(row(1)->self_awaited, 20);
    assert_int_equal(edge(-1, 1)->awaited, 20);
    assert_int_equal(row(0)->awaited, 5);
    assert_int_equal(row(0)->total.wall, 23);
    assert_int_equal(row(1)->total.wall, 5);
    strobe_calls_go_on(thread, now);
    strobe_calls_seed(thread, key_of(0), NULL, STROBE_CALLS_SAME, now); /* whichever stack it stopped on, it is on its own one */
    assert_int_equal(strobe_calls_stack_new(thread, &other), 0);
    strobe_calls_seed_unseen(thread, (void *)64);
    assert_ptr_equal(strobe_calls_unseen(thread), (void *)64);
}

static void test_greenlets_and_clear(void **state)
{
    begin_with_one_that_waits(STROBE_CALLS_SAME);
    strobe_calls_clear(calls, true, now_of, NULL, now.wall);
    pass(7, 7);
    read_rows();
    assert_int_equal(row(1)->awaited, 7);
    assert_int_equal(row(0)->total.wall, 7);
}

static void test_greenlets_of_a_group(void **state)
{
    const uint32_t group = 1;
    struct strobe_calls_stack *other = begin_with_one_that_waits(group);

    for (int back = 0; back < 2; back++) {
        read_group(group);
        assert_int_equal(row(1)->awaited, 20);
        assert_int_equal(row(1)->self_awaited, 20);
        assert_int_equal(row(0)->awaited, 0);
        strobe_calls_switch(thread, other, now);
    }
}

/* Begun in one thread, they go on and end in another one. */
static void test_generators_that_change_threads(void **state)
{
    struct strobe_calls_thread *first;

    begin(5, 100, 100, 100, 1000);
    enter(0);
    for (int i = 0; i < 3; i++) {
        start(5, 1 + i);
        strobe_calls_suspend(thread, key_of(5), true, NULL, now);
    }
    first = thread;
    assert_int_equal(strobe_calls_thread_new(calls, 2, 12, "second", &thread), 0);
    strobe_calls_go_on(thread, now);
    enter(1);
    for (int i = 0; i < 2; i++) {
        resume(5, 1 + i);
        pass(1, 1);
        leave(5);
    }
    read_rows();
    assert_int_equal(row(5)->started, 3);
    assert_int_equal(row(5)->started + row(5)->seeded - row(5)->finished, 1);
    assert_int_equal(edge(0, 5)->started + edge(0, 5)->seeded - edge(0, 5)->finished, 1);
    assert_int_equal(edge(1, 5)->started + edge(1, 5)->seeded - edge(1, 5)->finished, 0);
    assert_int_equal(edge(1, 5)->finished, 2);
    thread = first;
}

/* What seeding takes is nobody's time. */
static void test_time_begins_after_the_seeds(void **state)
{
    const void *waiting[] = {key_of(COROUTINE)}, *frames[] = {(void *)64};

    begin_async();
    strobe_calls_seed(thread, key_of(0), NULL, STROBE_CALLS_SAME, now);
    pass(500, 400);
    strobe_calls_seed_suspended(thread, waiting, frames, 1, 0, now);
    pass(500, 400);
    strobe_calls_seeded(thread, now);
    strobe_calls_seeded_waits(calls, now.wall);
    pass(7, 6);
    leave(0);
    read_rows();
    assert_int_equal(row(0)->total.wall, 7);
    assert_int_equal(row(0)->self.wall, 7);
    assert_int_equal(row(0)->self.cpu, 6);
    assert_int_equal(row(COROUTINE)->awaited, 7);
    assert_int_equal(rows.wall, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nested, end),
        cmocka_unit_test_teardown(test_left_out_and_unknown_ends, end),
        cmocka_unit_test_teardown(test_more_functions_than_allowed, end),
        cmocka_unit_test(test_any_program),
        cmocka_unit_test(test_any_program_beyond_the_limits),
        cmocka_unit_test_teardown(test_many_children, end),
        cmocka_unit_test_teardown(test_awaits, end),
        cmocka_unit_test_teardown(test_cancelled, end),
        cmocka_unit_test_teardown(test_recursive_coroutines, end),
        cmocka_unit_test_teardown(test_driven_coroutine, end),
        cmocka_unit_test_teardown(test_eager_task_of_the_same_function, end),
        cmocka_unit_test_teardown(test_generators, end),
        cmocka_unit_test_teardown(test_asynchronous_generators, end),
        cmocka_unit_test_teardown(test_an_end_unseen, end),
        cmocka_unit_test_teardown(test_groups, end),
        cmocka_unit_test_teardown(test_alive_at_start_and_stop, end),
        cmocka_unit_test_teardown(test_clear, end),
        cmocka_unit_test_teardown(test_cost_is_taken_out, end),
        cmocka_unit_test_teardown(test_threads_that_end, end),
        cmocka_unit_test_teardown(test_greenlets, end),
        cmocka_unit_test_teardown(test_greenlets_at_stop, end),
        cmocka_unit_test_teardown(test_greenlets_and_clear, end),
        cmocka_unit_test_teardown(test_greenlets_of_a_group, end),
        cmocka_unit_test_teardown(test_generators_that_change_threads, end),
        cmocka_unit_test_teardown(test_time_begins_after_the_seeds, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
