/* SPDX-License-Identifier: Apache-2.0 */
/* Threads at once, as in a free-threaded build: each feeds its own part of a profile, in the way of ext/trace.c, while others read it all
 * and bury threads that have ended.  What is counted is what each has done.  Under ThreadSanitizer (`make check-tsan`) this says that the
 * locks that calls.h asks for are enough: a thread's guard, held during its events, and what the core does by itself. */
#include "tests/unit/cm.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls/calls.h"
#include "calls/rows.h"

enum { PLAIN = 24, GENERATORS = 4, COROUTINES = 4, FUNCTIONS = PLAIN + GENERATORS + COROUTINES, LEFT_OUT = FUNCTIONS, KEYS };

static char keys[KEYS];
static uint32_t numbers[KEYS];

static const void *key_of(int f)
{
    return &keys[f];
}

static enum strobe_calls_kind kind(void *ctx, const void *key)
{
    ptrdiff_t f = (const char *)key - keys;

    return f >= LEFT_OUT             ? STROBE_CALLS_LEFT_OUT :
           f >= PLAIN + GENERATORS   ? STROBE_CALLS_COROUTINE :
           f >= PLAIN                ? STROBE_CALLS_GENERATOR :
                                       STROBE_CALLS_FUNCTION;
}

static int adopt(void *ctx, const void *key, uint32_t function)
{
    numbers[(const char *)key - keys] = function;
    return 0;
}

/* cmocka's assertions are for the thread that runs the test. */
static atomic_int first_wrong; /* line */

static void note_wrong(int line)
{
    int none = 0;

    atomic_compare_exchange_strong(&first_wrong, &none, line);
}

#define EXPECT(holds) ((holds) ? (void)0 : note_wrong(__LINE__))

static struct strobe_calls *calls;
static _Atomic uint64_t clock_now = 1000; /* wall time of all; each event's is its own.  Relaxed: a clock puts nothing in order */

/* ---- what a thread has, and what it knows of itself ---- */

struct figures {
    uint64_t started[FUNCTIONS], resumed[FUNCTIONS], self[FUNCTIONS], total[FUNCTIONS], awaited[FUNCTIONS];
};

struct frame {
    int f;
    intptr_t at; /* 0: a plain function's */
    uint64_t since; /* it is suspended */
};

struct writer {
    atomic_bool busy; /* its guard */
    struct strobe_calls_thread *thread;
    pthread_t id;
    int serial, events;
    unsigned seed;
    struct strobe_calls_time now;
    struct frame stack[64];
    int n;
    unsigned depth[FUNCTIONS];
    struct figures did;
};

/* Generators and coroutines that are suspended go on in whichever thread takes them, as asynchronous programs do that hand them over. */
static struct {
    pthread_mutex_t lock;
    struct frame frames[200];
    int n;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic intptr_t last_at;

/* As strobe_seat_begin and strobe_seat_let_go: who reads a thread, or buries it, has its guard meanwhile. */
static void begin(struct writer *w)
{
    uint64_t passed;

    while (atomic_exchange_explicit(&w->busy, true, memory_order_acquire))
        sched_yield();
    passed = atomic_fetch_add_explicit(&clock_now, 3, memory_order_relaxed) + 3 - w->now.wall;
    w->now.wall += passed;
    w->now.cpu += 1;
    if (w->n)
        w->did.self[w->stack[w->n - 1].f] += passed;
    for (int f = 0; f < FUNCTIONS; f++)
        w->did.total[f] += w->depth[f] ? passed : 0;
}

static void let_go(struct writer *w)
{
    atomic_store_explicit(&w->busy, false, memory_order_release);
}

static void push(struct writer *w, int f, intptr_t at)
{
    w->stack[w->n++] = (struct frame){.f = f, .at = at};
    w->depth[f]++;
}

static struct frame pop(struct writer *w)
{
    struct frame frame = w->stack[--w->n];

    w->depth[frame.f]--;
    return frame;
}

/* ---- events ---- */

static void enter(struct writer *w, int f)
{
    uint32_t group = STROBE_CALLS_SAME;
    intptr_t at = 0;
    char name[16];

    if (f % 5 == 0 && w->serial % 2) {
        snprintf(name, sizeof name, "task-%d", w->serial % 20);
        EXPECT(strobe_calls_group(calls, name, &group) == 0);
    }
    begin(w);
    if (strobe_calls_enter(w->thread, key_of(f), group, w->now) == STROBE_CALLS_ACTIVATES) {
        at = atomic_fetch_add_explicit(&last_at, 64, memory_order_relaxed) + 64;
        strobe_calls_activate(w->thread, key_of(f), (void *)at, group, w->now);
    }
    let_go(w);
    w->did.started[f]++;
    push(w, f, at);
}

static void leave(struct writer *w)
{
    begin(w);
    strobe_calls_leave(w->thread, key_of(w->stack[w->n - 1].f), w->now);
    let_go(w);
    pop(w);
}

static void left_out(struct writer *w)
{
    begin(w);
    EXPECT(strobe_calls_enter(w->thread, key_of(LEFT_OUT), STROBE_CALLS_SAME, w->now) == STROBE_CALLS_IGNORED);
    EXPECT(strobe_calls_leave(w->thread, key_of(LEFT_OUT), w->now) == STROBE_CALLS_IGNORED);
    let_go(w);
}

static bool is_room(void)
{
    bool is;

    pthread_mutex_lock(&pool.lock);
    is = pool.n < 100;
    pthread_mutex_unlock(&pool.lock);
    return is;
}

static void suspend(struct writer *w)
{
    struct frame frame;

    begin(w);
    strobe_calls_suspend(w->thread, key_of(w->stack[w->n - 1].f), false, NULL, w->now);
    let_go(w);
    frame = pop(w);
    frame.since = w->now.wall;
    left_out(w); /* who is below does not wait with it */
    pthread_mutex_lock(&pool.lock);
    pool.frames[pool.n++] = frame;
    pthread_mutex_unlock(&pool.lock);
}

static bool take(struct frame *ret)
{
    bool is_one;

    pthread_mutex_lock(&pool.lock);
    if ((is_one = pool.n > 0))
        *ret = pool.frames[--pool.n];
    pthread_mutex_unlock(&pool.lock);
    return is_one;
}

static bool resume(struct writer *w)
{
    struct frame frame;

    if (!take(&frame))
        return false;
    begin(w);
    EXPECT(strobe_calls_resume(w->thread, key_of(frame.f), (void *)frame.at, STROBE_CALLS_TELL, w->now) == STROBE_CALLS_NOTED);
    let_go(w);
    w->did.resumed[frame.f]++;
    if (frame.f >= PLAIN + GENERATORS)
        w->did.awaited[frame.f] += w->now.wall - frame.since;
    push(w, frame.f, frame.at);
    return true;
}

static void *write_events(void *arg)
{
    struct writer *w = arg;
    char name[32];

    w->now.wall = atomic_load_explicit(&clock_now, memory_order_relaxed);
    EXPECT(!strobe_calls_thread_find(calls, (uint64_t)w->serial, w->serial));
    EXPECT(strobe_calls_thread_new(calls, (uint64_t)w->serial, w->serial, "", &w->thread) == 0);
    strobe_calls_go_on(w->thread, w->now);
    strobe_calls_guard(w->thread, &w->busy);
    snprintf(name, sizeof name, "writer-%d", w->serial);
    EXPECT(strobe_calls_thread_rename(w->thread, name) == 0);
    for (int i = 0; i < w->events; i++) {
        int dice = rand_r(&w->seed) % 100, f = rand_r(&w->seed) % FUNCTIONS;

        if (w->n && w->stack[w->n - 1].at && dice < 40 && is_room())
            suspend(w);
        else if (dice < 20 && w->n < 60)
            resume(w);
        else if (dice < 22)
            left_out(w);
        else if (!w->n || (dice < 62 && w->n < 60))
            enter(w, f >= PLAIN && w->depth[f] ? 0 : f);
        else
            leave(w);
    }
    while (w->n)
        leave(w);
    while (resume(w))
        leave(w);
    return NULL;
}

/* ---- threads ---- */

enum { WRITERS = 3, SHORT = 80, EVENTS = 2500, LEAST = 5 }; /* SHORT: of those some are absorbed */

static pthread_mutex_t seats_lock = PTHREAD_MUTEX_INITIALIZER;
static struct writer writers[WRITERS], short_ones[SHORT];
static atomic_int n_going;

static void start(struct writer *w, int serial, int events)
{
    w->serial = serial;
    w->seed = (unsigned)serial;
    w->events = events;
    EXPECT(pthread_create(&w->id, NULL, write_events, w) == 0);
}

/* As strobe_trace_reap does, in whichever thread. */
static void bury(struct writer *w)
{
    pthread_join(w->id, NULL);
    pthread_mutex_lock(&seats_lock);
    strobe_calls_guard(w->thread, NULL);
    strobe_calls_thread_end(w->thread);
    pthread_mutex_unlock(&seats_lock);
}

static void *make_threads(void *arg)
{
    for (int i = 0; i < SHORT; i++) {
        start(&short_ones[i], 100 + i, 60);
        bury(&short_ones[i]);
    }
    atomic_fetch_sub_explicit(&n_going, 1, memory_order_relaxed);
    return NULL;
}

static struct strobe_calls_time now_of(void *ctx, const struct strobe_calls_thread *thread)
{
    return strobe_calls_latest(thread, (struct strobe_calls_time){0, 0});
}

static int add_path(void *ctx, const struct strobe_calls_thread_facts *thread, uint32_t group, const uint32_t *functions, size_t n,
                    struct strobe_calls_time self)
{
    *(uint64_t *)ctx += self.wall;
    return 0;
}

/* It reads while the others write: what holds of any profile, and nothing becomes less. */
static void *read_all(void *arg)
{
    uint64_t least = 0, least_self = 0, least_awaited = 0;

    for (int turn = 0; turn < LEAST || atomic_load_explicit(&n_going, memory_order_relaxed); turn++) {
        struct strobe_calls_question question = {.group = STROBE_CALLS_ANY, .now = now_of,
                                                 .wall = atomic_load_explicit(&clock_now, memory_order_relaxed)};
        struct strobe_calls_thread_facts *threads;
        struct strobe_calls_rows rows;
        uint64_t started = 0, self = 0, awaited = 0, by_paths = 0;
        size_t n;

        EXPECT(strobe_calls_rows_init(calls, &question, &rows) == 0);
        for (size_t i = 0; i < rows.n_functions; i++) {
            EXPECT(rows.functions[i].figures.self.wall <= rows.functions[i].figures.total.wall);
            started += rows.functions[i].figures.started;
            self += rows.functions[i].figures.self.wall;
            awaited += rows.functions[i].figures.awaited;
        }
        EXPECT(self + rows.later.self.wall == rows.wall);
        EXPECT(started + rows.later.started >= least && rows.wall >= least_self);
        least = started + rows.later.started;
        least_self = rows.wall;
        EXPECT(awaited + rows.later.awaited >= least_awaited);
        least_awaited = awaited + rows.later.awaited;
        strobe_calls_rows_release(&rows);
        EXPECT(strobe_calls_threads(calls, &threads, &n) == 0);
        for (size_t i = 0; i < n; i++)
            EXPECT(strcmp(threads[i].name, "") == 0 || strncmp(threads[i].name, "writer-", 7) == 0 || threads[i].has_ended);
        strobe_calls_threads_free(threads, n);
        for (uint32_t group = 0; strobe_calls_group_name(calls, group); group++)
            ;
        EXPECT(strobe_calls_paths(calls, &question, add_path, &by_paths) == 0);
        EXPECT(by_paths >= least_self);
        EXPECT(strobe_calls_lost(calls).events == 0);
    }
    return NULL;
}

static void add(struct figures *sum, const struct figures *more)
{
    for (int f = 0; f < FUNCTIONS; f++) {
        sum->started[f] += more->started[f];
        sum->resumed[f] += more->resumed[f];
        sum->self[f] += more->self[f];
        sum->total[f] += more->total[f];
        sum->awaited[f] += more->awaited[f];
    }
}

static void check(const struct figures *did)
{
    struct strobe_calls_question question = {.group = STROBE_CALLS_ANY, .now = now_of, .wall = atomic_load(&clock_now)};
    struct strobe_calls_rows rows;

    assert_int_equal(strobe_calls_rows_init(calls, &question, &rows), 0);
    for (int f = 0; f < FUNCTIONS; f++) {
        const struct strobe_calls_figures *is = &rows.functions[numbers[f]].figures;

        assert_true(numbers[f] && is->started);
        assert_int_equal(is->started, did->started[f]);
        assert_int_equal(is->finished, did->started[f]);
        assert_int_equal(is->resumes, did->resumed[f]);
        assert_int_equal(is->self.wall, did->self[f]);
        assert_int_equal(is->total.wall, did->total[f]);
        assert_int_equal(is->awaited, did->awaited[f]);
    }
    assert_int_equal(strobe_calls_lost(calls).events, 0);
    strobe_calls_rows_release(&rows);
}

static void run(void)
{
    struct strobe_calls_opts opts = {.ops = {.kind = kind, .adopt = adopt}, .max_functions = 1000, .is_shared = true};
    struct figures *did = calloc(1, sizeof *did);
    pthread_t maker, reader;

    memset(writers, 0, sizeof writers);
    memset(short_ones, 0, sizeof short_ones);
    assert_int_equal(strobe_calls_new(&opts, &calls), 0);
    atomic_store(&n_going, WRITERS + 1);
    for (int i = 0; i < WRITERS; i++)
        start(&writers[i], i + 1, EVENTS);
    assert_int_equal(pthread_create(&maker, NULL, make_threads, NULL), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, NULL), 0);
    for (int i = 0; i < WRITERS; i++) {
        bury(&writers[i]);
        atomic_fetch_sub_explicit(&n_going, 1, memory_order_relaxed);
    }
    pthread_join(maker, NULL);
    pthread_join(reader, NULL);
    assert_int_equal(atomic_load(&first_wrong), 0);
    for (int i = 0; i < WRITERS; i++)
        add(did, &writers[i].did);
    for (int i = 0; i < SHORT; i++)
        add(did, &short_ones[i].did);
    check(did);
    free(did);
    strobe_calls_free(calls);
}

static void test_threads_at_once(void **state)
{
    run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
