/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks a future's end would wake, by callbacks made by hand: each kind that asyncio has. */
#include "tests/unit/cm.h"

#include "tests/lib/alloc_fail.h"
#include "tests/lib/pytask.h"
#include "walk/awaiters.h"

enum { CALLBACK0 = 40, CALLBACKS = 56, AWAITED_BY = 64, BY_IS_SET = 72, SIZE = 96 };

struct world {
    struct pytask t;
    struct strobe_aio_layout aio;
    struct strobe_roles roles;
    struct strobe_coderoles codes;
    struct strobe_awaiters a;
    uint64_t task[3];
};

static void open_world(struct world *w, int version)
{
    pytask_open(&w->t, version);
    w->aio = (struct strobe_aio_layout){.fut_callback0 = CALLBACK0, .fut_callbacks = CALLBACKS, .fut_awaited_by = STROBE_NONE,
                                        .fut_size = SIZE};
    strobe_roles_init(&w->roles, &w->t.heap->mem, &w->t.heap->lay);
    strobe_coderoles_init(&w->codes, &w->t.heap->mem, &w->t.heap->lay);
    strobe_awaiters_init(&w->a, &w->t.heap->mem, &w->t.heap->lay, &w->roles, &w->codes);
    strobe_awaiters_begin(&w->a, &w->aio);
    for (int i = 0; i < 3; i++)
        w->task[i] = pytask_object(&w->t, w->t.task, NULL, 0);
}

static void close_world(struct world *w)
{
    strobe_awaiters_release(&w->a);
    strobe_coderoles_release(&w->codes);
    strobe_roles_release(&w->roles);
    pyheap_free(w->t.heap);
}

static void each_version(void (*test)(struct world *w))
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct world w;

        open_world(&w, version);
        test(&w);
        close_world(&w);
    }
}

/* A future with these callbacks: the first in its own place, the others in a list of (callback, context). */
static uint64_t future_with(struct world *w, const uint64_t *callbacks, size_t n)
{
    uint64_t future = pytask_object(&w->t, w->t.future, NULL, 0), pairs[8];

    if (n)
        pyheap_word(w->t.heap, future + CALLBACK0, callbacks[0]);
    for (size_t i = 1; i < n; i++)
        pairs[i - 1] = pyheap_tuple(w->t.heap, (uint64_t[]){callbacks[i], w->t.heap->none}, 2);
    if (n > 1)
        pyheap_word(w->t.heap, future + CALLBACKS, pyheap_list(w->t.heap, pairs, n - 1));
    return future;
}

/* task_wakeup, bound to its task. */
static uint64_t wakeup(struct world *w, uint64_t task)
{
    uint64_t builtin = pytask_object(&w->t, w->t.builtin, NULL, 0);

    pyheap_word(w->t.heap, builtin + w->t.heap->lay.cfunc_def + 8, task);
    return builtin;
}

static void check(struct world *w, uint64_t future, const uint64_t *tasks, size_t n)
{
    w->a.n = 0;
    assert_int_equal(strobe_awaiters_of(&w->a, future, strobe_roles_of(&w->roles, future)), 0);
    assert_int_equal(w->a.n, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(w->a.tasks[i], tasks[i]);
}

static void direct(struct world *w)
{
    uint64_t wrapper = pytask_object(&w->t, pyheap_static(w->t.heap, "TaskWakeupMethWrapper"),
                                     &w->task[1], 1);
    uint64_t step = pytask_function(&w->t, pytask_code(&w->t, "/lib/asyncio/tasks.py", "__wakeup", 0, "self future", ""), NULL, 0);
    uint64_t all[] = {wakeup(w, w->task[0]), wrapper, pytask_bound(&w->t, step, w->task[2])};

    check(w, future_with(w, NULL, 0), NULL, 0);
    check(w, future_with(w, all, 3), w->task, 3);
    /* Bound to something that is no task; other methods; other callables. */
    check(w, future_with(w, (uint64_t[]){wakeup(w, w->t.heap->none), pytask_bound(&w->t, step, w->t.heap->none), w->t.heap->none}, 3),
          NULL, 0);
}

static void test_direct(void **state)
{
    each_version(direct);
}

/* gather(): each child has the same function as a callback, which leads through the outer future. */
static void through_a_closure(struct world *w)
{
    uint64_t outer = future_with(w, (uint64_t[]){wakeup(w, w->task[0]), wakeup(w, w->task[1])}, 2);
    uint64_t code = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut", "children outer"), seen;
    uint64_t callback = pytask_function(&w->t, code, (uint64_t[]){w->t.heap->none, outer}, 2);

    check(w, future_with(w, &callback, 1), w->task, 2);
    seen = w->t.heap->mem.reads;
    check(w, future_with(w, &callback, 1), w->task, 2); /* known: the outer future is not read again */
    assert_true(w->t.heap->mem.reads - seen < 8);
    strobe_awaiters_begin(&w->a, &w->aio);
    pyheap_word(w->t.heap, outer + CALLBACKS, 0);
    check(w, future_with(w, &callback, 1), w->task, 1); /* a new sample: all anew */
}

static void test_through_a_closure(void **state)
{
    each_version(through_a_closure);
}

static void partial_of_a_waiter(struct world *w)
{
    uint64_t waiter = future_with(w, (uint64_t[]){wakeup(w, w->task[2])}, 1);
    uint64_t args = pyheap_tuple(w->t.heap, &waiter, 1), partial = pytask_object(&w->t, w->t.partial, (uint64_t[]){0, args}, 2);

    check(w, future_with(w, &partial, 1), &w->task[2], 1);
    partial = pytask_object(&w->t, w->t.partial, (uint64_t[]){0, pyheap_tuple(w->t.heap, NULL, 0)}, 2);
    check(w, future_with(w, &partial, 1), NULL, 0);
}

static void test_partial_of_a_waiter(void **state)
{
    each_version(partial_of_a_waiter);
}

static void group(struct world *w)
{
    uint64_t type = pytask_class(&w->t, "asyncio.taskgroups", "TaskGroup", 0);
    uint64_t object = pytask_instance(&w->t, type, (const char *const[]){"_parent_task"}, &w->task[1], 1);
    uint64_t code = pytask_code(&w->t, "/lib/asyncio/taskgroups.py", "_on_task_done", 0, "self task", "");
    uint64_t callback = pytask_bound(&w->t, pytask_function(&w->t, code, NULL, 0), object);

    for (int i = 0; i < 2; i++)
        check(w, future_with(w, &callback, 1), &w->task[1], 1);
}

static void test_group(void **state)
{
    each_version(group);
}

/* as_completed(): whoever takes from the queue of what is done. */
static void takers(struct world *w)
{
    uint64_t getter = future_with(w, (uint64_t[]){wakeup(w, w->task[0])}, 1), items[] = {getter};
    uint64_t getters = pytask_deque(&w->t, items, 1, 3);
    uint64_t queue = pytask_instance(&w->t, pytask_class(&w->t, "asyncio.queues", "Queue", 0), (const char *const[]){"_getters"},
                                     &getters, 1);
    uint64_t code = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_on_completion", 0, "f", "done todo");
    uint64_t callback = pytask_function(&w->t, code, (uint64_t[]){queue, w->t.heap->none}, 2);

    check(w, future_with(w, &callback, 1), &w->task[0], 1);
}

static void test_takers(void **state)
{
    each_version(takers);
}

/* The other side of run_in_executor(), and shield(): no tasks, but told. */
static void notes(struct world *w)
{
    uint64_t source = pytask_object(&w->t, w->t.future, NULL, 0);
    uint64_t check_cancel = pytask_code(&w->t, "/lib/asyncio/futures.py", "_call_check_cancel", 0, "destination", "source");
    uint64_t set_state = pytask_code(&w->t, "/lib/asyncio/futures.py", "_call_set_state", 0, "source", "destination");
    uint64_t shield = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_outer_done_callback", 0, "outer", "inner");
    uint64_t callback = pytask_function(&w->t, check_cancel, &source, 1);

    check(w, future_with(w, &callback, 1), NULL, 0);
    assert_int_equal(w->a.chained, source);
    assert_false(w->a.chained_back);
    callback = pytask_function(&w->t, set_state, &source, 1);
    check(w, future_with(w, &callback, 1), NULL, 0);
    assert_true(w->a.chained_back);
    callback = pytask_function(&w->t, shield, &source, 1);
    for (int i = 0; i < 2; i++) { /* each time: this is not remembered by the callback */
        check(w, future_with(w, &callback, 1), NULL, 0);
        assert_int_equal(w->a.chained, 0);
        assert_string_equal(w->a.how, "shield");
    }
    check(w, future_with(w, NULL, 0), NULL, 0);
    assert_null(w->a.how);
}

static void test_notes(void **state)
{
    each_version(notes);
}

/* 3.14+: the task says it itself; of a set the callbacks tell. */
static void awaited_by(struct world *w)
{
    uint64_t future = future_with(w, NULL, 0);

    w->aio.fut_awaited_by = AWAITED_BY;
    w->aio.fut_awaited_by_is_set = BY_IS_SET;
    pyheap_word(w->t.heap, future + AWAITED_BY, w->task[0]);
    check(w, future, w->task, 1);
    pyheap_word(w->t.heap, future + BY_IS_SET, 1);
    check(w, future, NULL, 0);
}

static void test_awaited_by(void **state)
{
    each_version(awaited_by);
}

/* Futures that lead to each other in a circle, and a list that says it is endless. */
static void hostile(struct world *w)
{
    uint64_t code = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut", "outer");
    uint64_t future = pytask_object(&w->t, w->t.future, NULL, 0), callback = pytask_function(&w->t, code, &future, 1), list;

    pyheap_word(w->t.heap, future + CALLBACK0, callback);
    check(w, future, NULL, 0);
    list = pyheap_list(w->t.heap, &callback, 1);
    pyheap_word(w->t.heap, list + w->t.heap->lay.list_size, INT64_MAX);
    pyheap_word(w->t.heap, future + CALLBACKS, list);
    pyheap_word(w->t.heap, future + CALLBACK0, wakeup(w, w->task[0]));
    check(w, future, w->task, 1);
    pyheap_word(w->t.heap, future + CALLBACKS, 0x1234567800);
    check(w, future, w->task, 1);
    pyheap_word(w->t.heap, future + CALLBACK0, 0x1234567800);
    check(w, future, NULL, 0);
    check(w, w->t.heap->none, NULL, 0);
    /* Many callbacks at each of several futures behind each other: every branch ends. */
    for (int depth = 0; depth < 12; depth++) {
        uint64_t again[4];

        for (int i = 0; i < 4; i++)
            again[i] = pytask_function(&w->t, code, &future, 1);
        future = future_with(w, again, 4);
    }
    assert_int_equal(strobe_awaiters_of(&w->a, future, STROBE_ROLE_FUTURE), 0);
}

/* Each callback of a future leads to that future again, by every kind of way: each is looked at once in a question. */
static void circle(struct world *w)
{
    uint64_t future = pytask_object(&w->t, w->t.future, NULL, 0), getters = pytask_deque(&w->t, &future, 1, 0), pairs[24], before;
    uint64_t queue = pytask_instance(&w->t, pytask_class(&w->t, "asyncio.queues", "Queue", 0), (const char *const[]){"_getters"},
                                     &getters, 1);
    uint64_t done = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut", "outer");
    uint64_t on_completion = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_on_completion", 0, "f", "done");
    uint64_t args = pyheap_tuple(w->t.heap, &future, 1), callback;

    for (size_t i = 0; i < 24; i++) {
        callback = i % 3 == 0 ? pytask_object(&w->t, w->t.partial, (uint64_t[]){0, args}, 2)
                              : pytask_function(&w->t, i % 3 == 1 ? done : on_completion, i % 3 == 1 ? &future : &queue, 1);
        if (i == 20)
            callback = 0x1234567800; /* what cannot be read keeps anything from being remembered */
        pairs[i] = pyheap_tuple(w->t.heap, (uint64_t[]){callback, w->t.heap->none}, 2);
    }
    pyheap_word(w->t.heap, future + CALLBACK0, wakeup(w, w->task[0]));
    pyheap_word(w->t.heap, future + CALLBACKS, pyheap_list(w->t.heap, pairs, 24));
    before = w->t.heap->mem.reads;
    w->a.n = 0;
    assert_int_equal(strobe_awaiters_of(&w->a, future, STROBE_ROLE_FUTURE), 0);
    assert_true(w->a.n >= 1);
    assert_int_equal(w->a.tasks[0], w->task[0]);
    assert_true(w->t.heap->mem.reads - before < 20000);
}

/* What is left out is said. */
static void bounds(struct world *w)
{
    uint64_t code = pytask_code(&w->t, "/lib/asyncio/tasks.py", "_done_callback", 0, "fut", "outer"), nones[20], list, callback, far;
    uint64_t future = future_with(w, (uint64_t[]){wakeup(w, w->task[0]), wakeup(w, w->task[1])}, 2), before;

    check(w, future, w->task, 2);
    assert_false(w->a.cut);
    /* more callbacks than are read */
    assert_int_equal(strobe_mem_u64(&w->t.heap->mem, future + CALLBACKS, &list), 0);
    pyheap_word(w->t.heap, list + w->t.heap->lay.list_size, 100001);
    check(w, future, w->task, 1);
    assert_true(w->a.cut);
    /* futures behind futures, and more of them than are followed */
    far = future_with(w, (uint64_t[]){wakeup(w, w->task[0])}, 1);
    for (int hops = 1; hops <= 9; hops++) {
        callback = pytask_function(&w->t, code, &far, 1);
        far = future_with(w, &callback, 1);
        strobe_awaiters_begin(&w->a, &w->aio);
        check(w, far, w->task, hops <= 8);
        assert_int_equal(w->a.cut, hops > 8);
    }
    /* lists of what is no callback: what was read of them counts, and when that was enough, they are not even read */
    for (int i = 0; i < 20; i++)
        nones[i] = w->t.heap->none;
    pyheap_word(w->t.heap, future + CALLBACKS, pyheap_list(w->t.heap, nones, 20));
    strobe_awaiters_begin(&w->a, &w->aio);
    check(w, future, w->task, 1);
    assert_false(w->a.cut);
    assert_int_equal(w->a.n_looked, 21);
    w->a.n_looked = (1 << 22) - 10;
    check(w, future, w->task, 1);
    assert_true(w->a.cut);
    before = w->t.heap->mem.reads;
    check(w, future, NULL, 0);
    assert_true(w->t.heap->mem.reads - before < 8);
}

static void test_bounds(void **state)
{
    each_version(bounds);
}

static void test_circle(void **state)
{
    each_version(circle);
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct), cmocka_unit_test(test_through_a_closure), cmocka_unit_test(test_partial_of_a_waiter),
        cmocka_unit_test(test_group),  cmocka_unit_test(test_takers),            cmocka_unit_test(test_notes),
        cmocka_unit_test(test_awaited_by), cmocka_unit_test(test_circle),        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
