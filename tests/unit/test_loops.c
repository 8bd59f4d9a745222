/* SPDX-License-Identifier: Apache-2.0 */
/* The loop that a thread runs, as the versions keep it. */
#include "tests/unit/cm.h"

#include "tests/lib/pytask.h"
#include "walk/loops.h"

enum { RUNNING_LOOP = 304 };

static void test_in_the_dict(void **state)
{
    for (int version = 0; version < PYHEAP_314T; version++) {
        struct pytask t;
        struct strobe_thread thread = {.pthread = 1};
        uint64_t loop, holder, value = 5;
        int32_t own_pid = 0;
        const char *const key[] = {"__asyncio_running_event_loop__"};

        pytask_open(&t, version);
        thread.tstate = pyheap_room(t.heap, 0, 1024);
        loop = pytask_object(&t, pytask_class(&t, "asyncio.unix_events", "_UnixSelectorEventLoop", 0), NULL, 0);
        holder = pytask_object(&t, pyheap_class(t.heap, "_RunningLoopHolder", t.heap->type[PYHEAP_OBJECT], 0), (uint64_t[]){loop, 4242}, 2);
#define ASK() strobe_loop_of_thread(&t.heap->mem, &t.heap->lay, NULL, &thread, own_pid, &value)
#define PUT(what) pyheap_word(t.heap, thread.tstate + t.heap->lay.ts_dict, what)
        assert_int_equal(ASK(), STROBE_ERR_MISSING); /* no dict yet */
        PUT(pytask_dict(&t, (const char *const[]){"other"}, &loop, 1));
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
        PUT(pytask_dict(&t, key, &t.heap->none, 1));
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
        assert_int_equal(value, 5);
        PUT(pytask_dict(&t, key, &loop, 1));
        assert_int_equal(ASK(), 0);
        assert_int_equal(value, loop);
        value = 5;
        PUT(pytask_dict(&t, key, &holder, 1));
        assert_int_equal(ASK(), 0);
        assert_int_equal(value, loop);
        own_pid = 4242;
        assert_int_equal(ASK(), 0);
        own_pid = 4243; /* it ran in the process that this one was forked from */
        value = 5;
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
        assert_int_equal(value, 5);
        own_pid = 4242;
        pyheap_word(t.heap, holder + t.heap->lay.ob_header, t.heap->none); /* it has stopped */
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
        pyheap_word(t.heap, holder + t.heap->lay.ob_header, 0);
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
        PUT(0x1234567800);
        assert_int_equal(ASK(), STROBE_ERR_FAULT);
        PUT(loop);
        assert_true(ASK() < 0);
        thread.tstate = 0x1234567800;
        assert_int_equal(ASK(), STROBE_ERR_FAULT);
        assert_int_equal(value, 5);
        t.heap->lay.ts_dict = STROBE_NONE;
        assert_int_equal(ASK(), STROBE_ERR_MISSING);
#undef ASK
#undef PUT
        pyheap_free(t.heap);
    }
}

static void test_in_the_thread_state(void **state)
{
    struct strobe_aio_layout aio = {.thread_running_loop = RUNNING_LOOP};
    struct strobe_thread thread = {.pthread = 1};
    struct pytask t;
    uint64_t loop = 5;

    pytask_open(&t, PYTASK_LATER);
    thread.tstate = pyheap_room(t.heap, 0, 1024);
    assert_int_equal(strobe_loop_of_thread(&t.heap->mem, &t.heap->lay, &aio, &thread, 0, &loop), STROBE_ERR_MISSING);
    assert_int_equal(loop, 5);
    pyheap_word(t.heap, thread.tstate + RUNNING_LOOP, t.heap->none);
    assert_int_equal(strobe_loop_of_thread(&t.heap->mem, &t.heap->lay, &aio, &thread, 0, &loop), 0);
    assert_int_equal(loop, t.heap->none);
    thread.tstate = 0x1234567800;
    assert_int_equal(strobe_loop_of_thread(&t.heap->mem, &t.heap->lay, &aio, &thread, 0, &loop), STROBE_ERR_FAULT);
    pyheap_free(t.heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_the_dict), cmocka_unit_test(test_in_the_thread_state)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
