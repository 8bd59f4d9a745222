/* SPDX-License-Identifier: Apache-2.0 */
/* From a worker's frame to the contexts of who waits for its call, by objects made by hand.  (Real pools: tests/integration/
 * test_labels.py.)  Contexts are numbers here: nobody looks into them. */
#include "tests/unit/cm.h"

#include <string.h>

#include "tests/lib/alloc_fail.h"
#include "tests/lib/pytask.h"
#include "walk/callers.h"

enum { SUBMITTED = 0x5000, WAITING = 0x6000, OTHER = 0x7000, DEPTH = 4 };

static struct world {
    struct pytask t;
    struct strobe_callers callers;
    uint64_t worker, run, plain, result, manager, process_worker, passes_on; /* code objects */
    uint64_t asyncio_future, concurrent_future, object;                      /* classes, those in Python */
    struct strobe_raw_frame frames[3][DEPTH];
    struct strobe_thread threads[3];
    struct strobe_sample sample;
} w;

static void open_world(int version)
{
    memset(&w, 0, sizeof w);
    pytask_open(&w.t, version);
    w.worker = pytask_code(&w.t, "/lib/concurrent/futures/thread.py", "_worker", 0, "executor_reference work_queue work_item", "");
    w.run = pytask_code(&w.t, "/lib/threading.py", "run", 0, "self", "");
    w.plain = pytask_code(&w.t, "/srv/app.py", "work", 0, "", "");
    w.result = pytask_code(&w.t, "/lib/concurrent/futures/_base.py", "result", 0, "self timeout", "");
    w.manager = pytask_code(&w.t, "/lib/concurrent/futures/process.py", "run", 0, "self", "");
    w.process_worker = pytask_code(&w.t, "/lib/concurrent/futures/process.py", "_process_worker", 0, "call_queue call_item", "");
    w.passes_on = pytask_code(&w.t, "/lib/asyncio/futures.py", "_call_set_state", 0, "", "dest_loop destination");
    w.asyncio_future = pytask_class(&w.t, "asyncio.futures", "Future", 0);
    w.concurrent_future = pytask_class(&w.t, "concurrent.futures._base", "Future", 0);
    w.object = pytask_class(&w.t, "concurrent.futures.thread", "_WorkItem", 0);
    strobe_callers_init(&w.callers, &w.t.heap->mem, &w.t.heap->lay, NULL, NULL);
    w.callers.aio.fut_context0 = w.t.heap->lay.ob_header + 16; /* 3.8 - 3.12 */
    w.callers.aio.fut_callbacks = w.t.heap->lay.ob_header + 24;
    w.callers.has_aio = true;
    for (uint32_t i = 0; i < 3; i++)
        w.threads[i] = (struct strobe_thread){.tstate = 0x1000 + i, .slot = i, .frames = w.frames[i]};
    w.sample = (struct strobe_sample){.n_threads = 3, .threads = w.threads};
}

static void close_world(void)
{
    strobe_callers_release(&w.callers);
    pyheap_free(w.t.heap);
}

/* One frame further in, with these locals; its address. */
static uint64_t call(uint32_t thread, uint64_t code, const uint64_t *locals, size_t n)
{
    const struct strobe_layout *lay = &w.t.heap->lay;
    struct strobe_thread *to = &w.threads[thread];
    uint64_t frame = pyheap_room(w.t.heap, 0, lay->fr_localsplus + 64);

    pyheap_word(w.t.heap, frame + lay->fr_code, code);
    pyheap_put(w.t.heap, frame + lay->fr_localsplus, locals, n * sizeof *locals);
    memmove(w.frames[thread] + 1, w.frames[thread], (DEPTH - 1) * sizeof w.frames[thread][0]);
    w.frames[thread][0] = (struct strobe_raw_frame){.code = code, .frame = frame};
    to->n_frames++;
    return frame;
}

static uint64_t instance(uint64_t class, const char *name, uint64_t value)
{
    return pytask_instance(&w.t, class, &name, &value, 1);
}

/* A concurrent future whose result is passed on to an asyncio one; 0: to none. */
static uint64_t future_for(uint64_t destination)
{
    uint64_t closure[2] = {w.t.heap->none, destination};
    uint64_t callback = destination ? pytask_function(&w.t, w.passes_on, closure, 2) : 0;

    return instance(w.concurrent_future, "_done_callbacks", pyheap_list(w.t.heap, &callback, destination != 0));
}

static uint64_t pair(uint64_t context)
{
    return pyheap_tuple(w.t.heap, (uint64_t[]){w.t.heap->none, context}, 2);
}

/* An asyncio future made in C: loop, first callback and its context, the others. */
static uint64_t future_in_c(uint64_t context, const uint64_t *others, size_t n)
{
    uint64_t words[32] = {0, w.t.heap->none, context, n ? pyheap_list(w.t.heap, others, n) : 0};

    return pytask_object(&w.t, w.t.future, words, 32);
}

static uint64_t begin_call(uint64_t future)
{
    uint64_t locals[3] = {0, 0, future ? instance(w.object, "future", future) : 0};
    uint64_t frame;

    call(0, w.run, NULL, 0);
    frame = call(0, w.worker, locals, 3);
    call(0, w.plain, NULL, 0);
    return frame;
}

static void assert_contexts(const uint64_t *expected, size_t n)
{
    uint64_t found[STROBE_CALLERS_MAX];

    for (int again = 0; again < 2; again++) {
        strobe_callers_begin(&w.callers, &w.sample, 0);
        assert_int_equal(strobe_callers_of_thread(&w.callers, &w.threads[0], found), n);
        assert_memory_equal(found, expected, n * sizeof *found);
    }
}
#define ASSERT_CONTEXTS(...) assert_contexts((uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

#define FOR_EACH_VERSION for (int version = PYHEAP_38; version <= PYHEAP_312; version++)

/* The one in which the call was handed over comes first. */
static void test_futures_in_c(void **state)
{
    FOR_EACH_VERSION {
        open_world(version);
        begin_call(future_for(future_in_c(SUBMITTED, (uint64_t[]){pair(WAITING), pair(OTHER)}, 2)));
        ASSERT_CONTEXTS(SUBMITTED, WAITING, OTHER);
        close_world();
    }
}

static void test_futures_in_python(void **state)
{
    FOR_EACH_VERSION {
        uint64_t pairs[2];

        open_world(version);
        pairs[0] = pair(SUBMITTED);
        pairs[1] = pair(WAITING);
        begin_call(future_for(instance(w.asyncio_future, "_callbacks", pyheap_list(w.t.heap, pairs, 2))));
        ASSERT_CONTEXTS(SUBMITTED, WAITING);
        close_world();
    }
}

static void test_in_no_call(void **state)
{
    open_world(PYHEAP_312);
    begin_call(0);
    assert_contexts(NULL, 0);
    w.threads[0].n_frames = 1; /* no worker at all */
    assert_contexts(NULL, 0);
    w.threads[0].n_frames = 0;
    assert_contexts(NULL, 0);
    close_world();
}

static void test_a_thread_waits_for_the_result(void **state)
{
    FOR_EACH_VERSION {
        uint64_t future, other;

        open_world(version);
        future = future_for(0);
        other = future_for(0);
        begin_call(future);
        call(1, w.result, &other, 1);
        call(2, w.plain, NULL, 0);
        w.threads[1].context = OTHER;
        w.threads[2].context = WAITING;
        assert_contexts(NULL, 0);
        call(2, w.result, &future, 1);
        call(2, w.run, NULL, 0); /* Condition.wait() */
        ASSERT_CONTEXTS(WAITING);
        close_world();
    }
}

/* What was known of the thread's frames holds for those frames. */
static void test_the_next_call(void **state)
{
    uint64_t frame, item;

    open_world(PYHEAP_312);
    frame = begin_call(future_for(future_in_c(SUBMITTED, NULL, 0)));
    ASSERT_CONTEXTS(SUBMITTED);
    item = instance(w.object, "future", future_for(future_in_c(OTHER, NULL, 0)));
    pyheap_word(w.t.heap, frame + w.t.heap->lay.fr_localsplus + 16, item);
    ASSERT_CONTEXTS(OTHER);
    w.frames[0][1].code = w.frames[0][2].code; /* another stack in the same slot */
    assert_contexts(NULL, 0);
    close_world();
}

static void test_no_more_than_fit(void **state)
{
    enum { MANY = 100 };
    uint64_t pairs[MANY], expected[STROBE_CALLERS_MAX] = {SUBMITTED};

    open_world(PYHEAP_312);
    for (uint64_t i = 0; i < MANY; i++)
        pairs[i] = pair(WAITING + i);
    for (uint64_t i = 1; i < STROBE_CALLERS_MAX; i++)
        expected[i] = WAITING + i - 1;
    begin_call(future_for(future_in_c(SUBMITTED, pairs, MANY)));
    assert_contexts(expected, STROBE_CALLERS_MAX);
    close_world();
}

/* Whatever stands in the place of the objects on the way, there is no context, and no harm. */
static void test_hostile(void **state)
{
    for (int kind = 0; kind < 8; kind++) {
        uint64_t text, function, callbacks[2], odd;

        open_world(PYHEAP_312);
        text = pyheap_str(w.t.heap, "text");
        function = pytask_function(&w.t, w.plain, &text, 1);
        callbacks[0] = kind == 1 ? function : kind == 2 ? 64 : kind == 3 ? 0 : text;
        callbacks[1] = kind == 4 ? pytask_function(&w.t, w.passes_on, NULL, 0) : kind == 5 ? text : function;
        odd = kind == 0 ? text : instance(w.concurrent_future, "_done_callbacks", pyheap_list(w.t.heap, callbacks, 2));
        if (kind == 6)
            odd = future_for(text);
        if (kind == 7)
            odd = future_for(instance(w.asyncio_future, "_callbacks", pyheap_list(w.t.heap, (uint64_t[]){text, 8, 0}, 3)));
        begin_call(odd);
        assert_contexts(NULL, 0);
        close_world();
    }
}

static uint64_t dict_by_number(int64_t key, uint64_t value)
{
    uint64_t number = pyheap_small(w.t.heap, key);

    return pyheap_dict(w.t.heap, pyheap_keys(w.t.heap, 3, 1, &number, &value, 1), 0);
}

static void test_worker_processes(void **state)
{
    static const char *const names[] = {"processes", "pending_work_items"};

    FOR_EACH_VERSION {
        uint64_t item, self, call_item, id, found[STROBE_CALLERS_MAX];

        open_world(version);
        item = instance(w.object, "future", future_for(future_in_c(SUBMITTED, NULL, 0)));
        self = pytask_instance(&w.t, pytask_class(&w.t, "concurrent.futures.process", "_ExecutorManagerThread", 0), names,
                               (uint64_t[]){dict_by_number(4711, w.t.heap->none), dict_by_number(17, item)}, 2);
        call(0, w.run, NULL, 0);
        call(0, w.manager, &self, 1);
        strobe_callers_begin(&w.callers, &w.sample, 0);
        assert_int_equal(strobe_callers_of_process(&w.callers, 4711, 17, found), 1);
        assert_int_equal(found[0], SUBMITTED);
        assert_int_equal(strobe_callers_of_process(&w.callers, 4711, 18, found), 0); /* another call */
        assert_int_equal(strobe_callers_of_process(&w.callers, 4712, 17, found), 0); /* another pool's process */
        /* In the child. */
        call_item = instance(w.object, "work_id", pyheap_small(w.t.heap, 17));
        assert_false(strobe_callers_work_id(&w.callers, &w.threads[1], &id));
        call(1, w.plain, NULL, 0);
        call(1, w.process_worker, (uint64_t[]){0, call_item}, 2);
        call(1, w.plain, NULL, 0);
        assert_true(strobe_callers_work_id(&w.callers, &w.threads[1], &id));
        assert_int_equal(id, 17);
        close_world();
    }
}

/* Where threads inherit a context the worker's own has what its first call had. */
static void test_inherited_contexts(void **state)
{
    uint64_t before = OTHER;

    open_world(PYHEAP_312);
    w.t.heap->lay.context_prev = w.t.heap->lay.ob_header;
    w.threads[0].context = pyheap_room(w.t.heap, 0, 64);
    w.threads[1].context = w.threads[0].context;
    begin_call(0);
    call(1, w.plain, NULL, 0);
    assert_false(strobe_callers_inherited(&w.callers, &w.threads[0]));
    w.callers.inherits = true;
    assert_true(strobe_callers_inherited(&w.callers, &w.threads[0]));
    assert_false(strobe_callers_inherited(&w.callers, &w.threads[1])); /* no worker */
    pyheap_word(w.t.heap, w.threads[0].context + w.t.heap->lay.context_prev, before);
    assert_false(strobe_callers_inherited(&w.callers, &w.threads[0])); /* Context.run(), as asyncio.to_thread() does */
    w.threads[0].context = 0;
    assert_false(strobe_callers_inherited(&w.callers, &w.threads[0]));
    close_world();
}

/* Without memory for what is remembered the answers are the same. */
static void test_no_memory(void **state)
{
    bool hit = true;

    for (uint64_t n = 1; hit; n++) {
        uint64_t found[STROBE_CALLERS_MAX];
        size_t got;

        open_world(PYHEAP_312);
        begin_call(future_for(future_in_c(SUBMITTED, NULL, 0)));
        alloc_fail_arm(n);
        strobe_callers_begin(&w.callers, &w.sample, 0);
        got = strobe_callers_of_thread(&w.callers, &w.threads[0], found);
        alloc_fail_disarm();
        hit = alloc_fail_hit();
        assert_true(got == 1 || hit);
        ASSERT_CONTEXTS(SUBMITTED);
        close_world();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_futures_in_c),
        cmocka_unit_test(test_futures_in_python),
        cmocka_unit_test(test_in_no_call),
        cmocka_unit_test(test_a_thread_waits_for_the_result),
        cmocka_unit_test(test_the_next_call),
        cmocka_unit_test(test_no_more_than_fit),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_worker_processes),
        cmocka_unit_test(test_inherited_contexts),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
