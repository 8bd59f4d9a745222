/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include "report/tasks_words.h"
#include "tests/unit/tasks_sample.h"

static struct tasks_sample s;

static uint32_t sleeping, working;
static bool all; /* the form for programs */

static void begin(uint32_t max)
{
    tasks_init(&s, max);
    sleeping = tasks_wait(&s, STROBE_WAIT_SLEEP, "", "");
    s.raw_waits[sleeping].object = 0;
    working = tasks_wait_for_tasks(&s, "gather");
}

/* What is said, a line each. */
static void assert_said(const char *expected)
{
    struct strobe_tasks_index index;
    struct strobe_buf out = STROBE_BUF_INIT, lines = STROBE_BUF_INIT;
    const char *at;
    int n;

    tasks_finish(&s);
    assert_int_equal(strobe_tasks_index(&index, &s.report), 0);
    n = strobe_tasks_diagnose(&index, true, all, &out);
    at = strobe_buf_str(&out);
    for (int i = 0; i < n; i++, at += strlen(at) + 1)
        strobe_buf_printf(&lines, "%s\n", at);
    assert_string_equal(strobe_buf_str(&lines), expected);
    strobe_buf_release(&out);
    strobe_buf_release(&lines);
    strobe_tasks_index_release(&index);
    tasks_release(&s);
}

static uint32_t task(const char *name, uint32_t wait)
{
    uint32_t t = tasks_task(&s, name, "f a.py:1");

    s.tasks[t].wait = wait;
    return t;
}

static uint32_t lock(const char *name)
{
    uint32_t w = tasks_wait(&s, STROBE_WAIT_LOCK, "Lock", name);

    s.waits[w].facts.free = 0;
    s.waits[w].facts.capacity = 1;
    s.waits[w].facts.capacity_source = STROBE_CAPACITY_STORED;
    return w;
}

static uint32_t semaphore(const char *name, int64_t capacity, enum strobe_capacity_source source)
{
    uint32_t w = tasks_wait(&s, STROBE_WAIT_SEMAPHORE, "Semaphore", name);

    s.waits[w].facts.free = 0;
    s.waits[w].facts.capacity = capacity;
    s.waits[w].facts.capacity_source = source;
    return w;
}

static void test_nothing_follows(void **state)
{
    uint32_t l, w;

    begin(8);
    task("a", sleeping);
    l = lock("L"); /* held, wanted by one: that is what locks are for */
    tasks_hold(&s, task("holder", sleeping), l);
    task("waiter", l);
    w = semaphore("S", 4, STROBE_CAPACITY_STORED);
    s.waits[w].facts.free = 1;
    task("b", w);
    task("c", w);
    assert_said("");
}

static void test_deadlock_of_two(void **state)
{
    uint32_t x, y, a, b;

    begin(8);
    x = lock("X");
    y = lock("");
    a = task("a", y);
    b = task("b\n", x);
    task("c", x);
    task("d", x);
    tasks_hold(&s, a, x);
    tasks_hold(&s, b, y);
    assert_said("deadlock: a holds Lock X and waits for Lock at 0x500300 held by b\\x0a, which waits for Lock X\n");
}

/* Two locks of one name. */
static void test_deadlock_of_namesakes(void **state)
{
    uint32_t x, y;

    begin(8);
    x = lock("Account.lock");
    y = lock("Account.lock");
    tasks_hold(&s, task("a", y), x);
    tasks_hold(&s, task("b", x), y);
    assert_said("deadlock: a holds Lock Account.lock at 0x500200 and waits for Lock Account.lock at 0x500300 held by b, which waits for"
                " Lock Account.lock at 0x500200\n");
}

static void test_deadlock_with_oneself(void **state)
{
    uint32_t x;

    begin(8);
    x = lock("X");
    tasks_hold(&s, task("a", x), x);
    assert_said("deadlock: a holds Lock X and waits for it\n");
}

/* The holder waits for a task that waits for its lock; a wait with a timeout is no deadlock. */
static void test_deadlock_through_a_task(void **state)
{
    for (int timeout = 0; timeout < 2; timeout++) {
        uint32_t x, a, other, child;

        begin(8);
        x = lock("X");
        if (timeout)
            s.raw_waits[working].how = "wait";
        a = task("a", working);
        other = task("other", sleeping);
        child = task("child", x);
        tasks_hold(&s, a, x);
        tasks_awaits(&s, a, other);
        tasks_awaits(&s, a, child);
        assert_said(timeout ? "" : "deadlock: a holds Lock X and waits for child, which waits for Lock X\n");
    }
}

static void test_long_deadlock(void **state)
{
    enum { MANY = 2000 };
    char name[32];

    begin(MANY);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "t%u", (unsigned)i);
        task(name, working);
        tasks_awaits(&s, i, (i + 1) % MANY);
    }
    assert_said("deadlock: t0 waits for t1, which waits for t2, which waits for t3, which waits for t4, which waits for t5, which waits for"
                " t6, which waits for ... 1993 more in a row ..., which waits for t0\n");
}

/* All permits are held by tasks that wait for more permits, themselves or through others. */
static void test_semaphore_held_by_its_waiters(void **state)
{
    uint32_t w;

    for (int stored = 0; stored < 2; stored++) {
        begin(8);
        w = semaphore("S", 2, stored ? STROBE_CAPACITY_STORED : STROBE_CAPACITY_COUNTED);
        for (int i = 0; i < 2; i++) {
            uint32_t holder = task(i ? "second" : "first", working), child = task("child", w);

            tasks_hold(&s, holder, w);
            tasks_awaits(&s, holder, child);
        }
        assert_said(stored ? "deadlock: first and 1 more hold all of Semaphore S; first waits for child, which waits for Semaphore S\n"
                           : "likely deadlock: first and 1 more are all that were seen to hold Semaphore S; first waits for child, which "
                             "waits for Semaphore S\n");
        begin(8);
        w = semaphore("S", 2, stored ? STROBE_CAPACITY_STORED : STROBE_CAPACITY_COUNTED);
        tasks_hold(&s, task("first", w), w);
        tasks_hold(&s, task("second", w), w);
        assert_said(stored ? "deadlock: first and 1 more hold all of Semaphore S; first waits for it\n"
                           : "likely deadlock: first and 1 more are all that were seen to hold Semaphore S; first waits for it\n");
    }
}

/* One of those that hold it sleeps, and will give its permit back. */
static void test_semaphore_with_one_that_goes_on(void **state)
{
    uint32_t w;

    begin(8);
    w = semaphore("S", 2, STROBE_CAPACITY_STORED);
    tasks_hold(&s, task("first", w), w);
    tasks_hold(&s, task("second", sleeping), w);
    assert_said("");
}

/* Two semaphores, each held by those that wait for the other. */
static void test_semaphores_in_a_circle(void **state)
{
    uint32_t x, y;

    begin(8);
    x = semaphore("X", 2, STROBE_CAPACITY_STORED);
    y = semaphore("Y", 2, STROBE_CAPACITY_STORED);
    for (int i = 0; i < 2; i++) {
        tasks_hold(&s, task(i ? "a1" : "a0", y), x);
        tasks_hold(&s, task(i ? "b1" : "b0", x), y);
    }
    assert_said("deadlock: a0 and 1 more hold all of Semaphore X; a0 waits for Semaphore Y held by b0 and 1 more, which waits for "
                "Semaphore X\n");
}

/* A pool of two: each thread waits for a coroutine, which waits for the pool. */
static void pool_of_two(bool ends, bool busy)
{
    uint32_t executor = tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");

    tasks_pool(&s, "p", 2, 2, 2);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t caller = task(i ? "caller-1" : "caller-0", executor), inner = task(i ? "inner-1" : "inner-0", executor);

        tasks_worker(&s, i ? "p_1" : "p_0", caller, "handler svc.py:9", "");
        s.raw_workers[i].thread = i;
        s.tasks[inner].pool = 0;
        s.tasks[inner].queue_place = i + 1;
        tasks_link(&s, i, inner);
        s.links[i].ends = ends && i == 1;
    }
    if (busy)
        s.report.n_links = 1; /* the other computes */
    s.tasks[0].loop_thread = s.tasks[1].loop_thread = s.tasks[2].loop_thread = s.tasks[3].loop_thread = STROBE_NO_INDEX;
}

static void test_pool_whose_threads_wait_for_it(void **state)
{
    begin(8);
    pool_of_two(false, false);
    assert_said("deadlock: thread MainThread waits in result() for inner-0, which waits for ThreadPoolExecutor \"p\", whose 2 threads all "
                "wait: thread MainThread and 1 more\n");
    for (int busy = 0; busy < 2; busy++) {
        begin(8);
        pool_of_two(true, busy);
        assert_said("bottleneck: 2 threads of ThreadPoolExecutor \"p\" serve 4 tasks: raise ThreadPoolExecutor \"p\" max_workers first\n");
    }
}

/* future.result() on the loop's own thread: for a task of the loop, or for a coroutine that it has not begun. */
static void test_loop_that_waits_for_itself(void **state)
{
    for (int begun = 0; begun < 2; begun++)
        for (int ends = 0; ends < 2; ends++) {
            uint32_t t, inner;

            begin(8);
            t = tasks_task(&s, "runner", "handle svc.py:1, Future.result _base.py:2");
            s.raw[t].state = STROBE_TASK_RUNNING;
            s.raw[t].thread = 0;
            s.tasks[t].n_sync = 1;
            inner = task("inner", STROBE_NO_INDEX);
            s.raw[inner].state = STROBE_TASK_READY;
            tasks_link(&s, 0, begun ? inner : STROBE_NO_INDEX);
            if (!begun)
                s.links[0].loop_thread = 0;
            s.links[0].ends = ends;
            task("other", sleeping);
            if (ends)
                assert_said("the loop is blocked by runner in handle svc.py:1 -> Future.result _base.py:2: 1 task is ready\n");
            else if (begun)
                assert_said("deadlock: thread MainThread (runner in handle svc.py:1) waits in result() for inner, which waits for its "
                            "loop, which is in thread MainThread\n");
            else
                assert_said("deadlock: thread MainThread (runner in handle svc.py:1) waits in result() for a coroutine that its own loop "
                            "was handed and cannot begin\n");
        }
}

static void test_holders_that_do_something(void **state)
{
    uint32_t w;

    begin(32);
    w = semaphore("S", 3, STROBE_CAPACITY_COUNTED);
    for (int i = 0; i < 3; i++)
        tasks_hold(&s, task("holder", sleeping), w);
    for (int i = 0; i < 5; i++)
        task("waiter", w);
    assert_said("bottleneck: 3 permits of Semaphore S for 8 tasks; the 3 tasks that hold it wait for sleep\n");
    begin(32);
    w = semaphore("S", 2, STROBE_CAPACITY_COUNTED);
    for (int i = 0; i < 2; i++)
        tasks_hold(&s, task("holder", tasks_wait(&s, STROBE_WAIT_FUTURE, "Future", "")), w);
    for (int i = 0; i < 2; i++)
        task("waiter", w);
    assert_said("bottleneck: 2 permits of Semaphore S for 4 tasks; the 2 tasks that hold it wait for 2 different futures\n");
    begin(32); /* calls that have just ended: each is in no pool, and of the same one perhaps */
    w = semaphore("S", 2, STROBE_CAPACITY_COUNTED);
    for (int i = 0; i < 2; i++)
        tasks_hold(&s, task("holder", tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "")), w);
    for (int i = 0; i < 2; i++)
        task("waiter", w);
    assert_said("bottleneck: 2 permits of Semaphore S for 4 tasks; the 2 tasks that hold it wait for 2 executor calls that no worker is in "
                "now\n");
    begin(32);
    w = semaphore("S", 3, STROBE_CAPACITY_COUNTED);
    tasks_hold(&s, task("holder", sleeping), w);
    tasks_hold(&s, task("holder", tasks_wait(&s, STROBE_WAIT_QUEUE_GET, "Queue", "")), w);
    tasks_hold(&s, task("holder", STROBE_NO_INDEX), w);
    s.raw[2].state = STROBE_TASK_RUNNING;
    for (int i = 0; i < 5; i++)
        task("waiter", w);
    assert_said("bottleneck: 3 permits of Semaphore S for 8 tasks; the 3 tasks that hold it: 1 waits for sleep, 1 waits for queue-get, 1 "
                "running\n");
}

static void test_holder_that_waits_for_nothing(void **state)
{
    begin(32);
    tasks_hold(&s, task("holder", STROBE_NO_INDEX), lock("L"));
    s.raw[0].state = STROBE_TASK_READY;
    for (int i = 0; i < 2; i++)
        task("waiter", 2);
    assert_said("bottleneck: Lock L for 3 tasks; holder holds it and is ready\n");
}

static void test_holders_that_are_not_seen(void **state)
{
    uint32_t w, pool, executor;

    begin(32);
    w = semaphore("S", -1, STROBE_CAPACITY_UNKNOWN);
    for (int i = 0; i < 5; i++)
        task("waiter", w);
    assert_said("bottleneck: permits of Semaphore S for 5 tasks; who holds it was not seen\n");
    /* Of 10 holders one is seen, and waits for a pool: the nine others may do anything. */
    begin(32);
    w = semaphore("S", 10, STROBE_CAPACITY_STORED);
    executor = tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");
    pool = tasks_pool(&s, "p", 1, 1, 1);
    tasks_hold(&s, task("holder", executor), w);
    s.tasks[0].pool = pool;
    for (int i = 0; i < 5; i++)
        task("waiter", w);
    assert_said("bottleneck: 10 permits of Semaphore S for 6 tasks; of those that hold it only holder was seen, which waits for "
                "ThreadPoolExecutor \"p\"\n");
}

/* Tokens of a limiter whose holders are in threads: what those are in. */
static void test_limiter_and_its_threads(void **state)
{
    static const char *const calls[] = {"first a.py:1", "first a.py:1", "second a.py:2", "third a.py:3", "second a.py:2"};
    uint32_t w, thread;

    begin(32);
    w = tasks_wait(&s, STROBE_WAIT_LIMITER, "CapacityLimiter", "limit");
    s.waits[w].facts = (struct strobe_wait_facts){.free = 0, .capacity = 5, .capacity_source = STROBE_CAPACITY_STORED, .borrowed = 5};
    thread = tasks_wait(&s, STROBE_WAIT_WORKER_THREAD, "", "");
    s.waits[thread].pool = tasks_pool(&s, "", -1, 5, 0);
    s.raw_pools[0].kind = STROBE_POOL_ANYIO;
    for (int i = 0; i < 5; i++) {
        uint32_t t = task("request", thread);

        tasks_hold(&s, t, w);
        tasks_worker(&s, "AnyIO worker thread", t, calls[i], i < 2 ? "time.sleep" : "");
    }
    for (int i = 0; i < 2; i++)
        task("late", w);
    assert_said("bottleneck: 5 tokens (5 borrowed) of CapacityLimiter limit for 7 tasks; the 5 tasks that hold it are in anyio's worker "
                "threads: 2 in first a.py:1 -> time.sleep, 2 in second a.py:2 and 1 more\n");
}

/* Names and stacks of any length: a sentence stays one. */
static void test_sentences_are_short(void **state)
{
    char name[400], deep[400] = "";
    uint32_t t;

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    begin(32);
    for (uint32_t i = 0; i < 9; i++) {
        task(name, working);
        tasks_awaits(&s, i, (i + 1) % 9);
    }
    assert_said("deadlock: nnnnnnnnnnnnnnnnnnnnnnnn...nnnnnnnnnnnnnnnnnnnnnnnn waits for "
                "nnnnnnnnnnnnnnnnnnnnnnnn...nnnnnnnnnnnnnnnnnnnnnnnn"
                ", which waits for ... 7 more in a row ..., which waits for nnnnnnnnnnnnnnnnnnnnnnnn...nnnnnnnnnnnnnnnnnnnnnnnn\n");
    for (int i = 0; i < 9; i++)
        snprintf(deep + strlen(deep), sizeof deep - strlen(deep), "%sf%d a.py:%d", i ? ", " : "", i, i + 1);
    begin(32);
    t = tasks_task(&s, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", deep);
    s.raw[t].state = STROBE_TASK_RUNNING;
    s.tasks[t].n_sync = 8;
    s.raw[task("late", STROBE_NO_INDEX)].state = STROBE_TASK_READY;
    assert_said("the loop is blocked by \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 in f0 a.py:1 -> ... 5 frames ... -> f6 a.py:7 -> f7 a.py:8 -> f8 "
                "a.py:9: 1 task is ready\n");
}

static void test_chain_of_locks(void **state)
{
    uint32_t outer, inner;

    begin(32);
    outer = lock("outer");
    inner = lock("inner");
    tasks_hold(&s, task("a", inner), outer);
    tasks_hold(&s, task("b", sleeping), inner);
    task("c", outer);
    assert_said("bottleneck: Lock outer and Lock inner serve 3 tasks; b holds Lock inner and waits for sleep\n");
}

static void test_pool_alone(void **state)
{
    uint32_t executor;

    begin(32);
    executor = tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");
    tasks_pool(&s, "p\x1b", 2, 2, 3);
    for (int i = 0; i < 5; i++)
        s.tasks[task("t", executor)].pool = 0;
    assert_said("bottleneck: 2 threads of ThreadPoolExecutor \"p\\x1b\" serve 5 tasks: raise ThreadPoolExecutor \"p\\x1b\" max_workers "
                "first\n");
    begin(32);
    executor = tasks_wait(&s, STROBE_WAIT_EXECUTOR, "", "");
    tasks_pool(&s, "p", 2, 2, 0); /* busy, but nothing waits for it */
    for (int i = 0; i < 2; i++)
        s.tasks[task("t", executor)].pool = 0;
    assert_said("");
}

/* Thousands of locks: one look over them all, and only the worst are named. */
static void test_many_locks(void **state)
{
    begin(2000);
    for (uint32_t i = 0; i < TASKS_MAX_WAITS - 2; i++) {
        uint32_t l = lock("L");

        tasks_hold(&s, task("holder", sleeping), l);
        task("waiter", l);
        task("waiter", l);
    }
    assert_said("bottleneck: Lock L at 0x500200 for 3 tasks; holder holds it and waits for sleep\n"
                "bottleneck: Lock L at 0x500300 for 3 tasks; holder holds it and waits for sleep\n"
                "bottleneck: Lock L at 0x500400 for 3 tasks; holder holds it and waits for sleep\n"
                "and 507 more like it\n");
}

/* Programs get each of them. */
static void test_all_of_a_kind(void **state)
{
    for (int form = 0; form < 2; form++) {
        begin(16);
        for (int i = 0; i < 5; i++)
            tasks_hold(&s, task("t", 2 + (uint32_t)i), lock("L"));
        all = form;
        assert_said(form ? "deadlock: t holds Lock L at 0x500200 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500300 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500400 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500500 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500600 and waits for it\n"
                         : "deadlock: t holds Lock L at 0x500200 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500300 and waits for it\n"
                           "deadlock: t holds Lock L at 0x500400 and waits for it\n"
                           "and 2 more like it\n");
        all = false;
    }
}

static void test_blocked_loop(void **state)
{
    uint32_t t;

    begin(8);
    t = tasks_task(&s, "runner", "handle svc.py:1, parse svc.py:2, loads json.py:3");
    s.raw[t].state = STROBE_TASK_RUNNING;
    s.tasks[t].n_sync = 2;
    for (int i = 0; i < 3; i++)
        s.raw[task("late", STROBE_NO_INDEX)].state = STROBE_TASK_READY;
    s.raw[3].loop = 0x77; /* another loop's */
    t = task("slept", sleeping);
    s.tasks[t].due_in = -0.2; /* the loop has not looked at its timers since */
    assert_said("the loop is blocked by runner in handle svc.py:1 -> parse svc.py:2 -> loads json.py:3: 3 tasks are ready\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_follows),
        cmocka_unit_test(test_deadlock_of_two),
        cmocka_unit_test(test_deadlock_of_namesakes),
        cmocka_unit_test(test_deadlock_with_oneself),
        cmocka_unit_test(test_deadlock_through_a_task),
        cmocka_unit_test(test_long_deadlock),
        cmocka_unit_test(test_semaphore_held_by_its_waiters),
        cmocka_unit_test(test_semaphore_with_one_that_goes_on),
        cmocka_unit_test(test_semaphores_in_a_circle),
        cmocka_unit_test(test_pool_whose_threads_wait_for_it),
        cmocka_unit_test(test_loop_that_waits_for_itself),
        cmocka_unit_test(test_holders_that_do_something),
        cmocka_unit_test(test_holder_that_waits_for_nothing),
        cmocka_unit_test(test_holders_that_are_not_seen),
        cmocka_unit_test(test_limiter_and_its_threads),
        cmocka_unit_test(test_sentences_are_short),
        cmocka_unit_test(test_chain_of_locks),
        cmocka_unit_test(test_pool_alone),
        cmocka_unit_test(test_many_locks),
        cmocka_unit_test(test_all_of_a_kind),
        cmocka_unit_test(test_blocked_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
