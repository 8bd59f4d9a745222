/* SPDX-License-Identifier: Apache-2.0 */
/* Chains of coroutines made by hand, as the versions of CPython lay them out. */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "tests/lib/alloc_fail.h"
#include "tests/lib/pytask.h"

enum { DEEP = 400 };

/* One version's memory, and a chain over it. */
struct world {
    struct pytask t;
    struct strobe_roles roles;
    struct strobe_coderoles codes;
    struct strobe_chain chain;
    uint64_t plain; /* code of the program */
};

static void open_world(struct world *w, int version)
{
    pytask_open(&w->t, version);
    strobe_roles_init(&w->roles, &w->t.heap->mem, &w->t.heap->lay);
    strobe_coderoles_init(&w->codes, &w->t.heap->mem, &w->t.heap->lay);
    assert_int_equal(strobe_chain_init(&w->chain, &w->t.heap->mem, &w->t.heap->lay, &w->roles, &w->codes), 0);
    w->plain = pytask_code(&w->t, "/app/svc.py", "handle", PYTASK_COROUTINE, "", "");
}

static void close_world(struct world *w)
{
    strobe_chain_release(&w->chain);
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

static uint64_t coroutine(struct world *w, enum strobe_chain_state state)
{
    return pytask_gen(&w->t, w->t.coroutine, w->plain, state, PYTASK_YIELD_AT, NULL, 0);
}

static uint64_t future_iter(struct world *w, uint64_t *ret_future)
{
    *ret_future = pytask_object(&w->t, w->t.future, NULL, 0);
    return pytask_object(&w->t, w->t.future_iter, ret_future, 1);
}

static void each_state(struct world *w)
{
    assert_int_equal(strobe_chain_read(&w->chain, coroutine(w, STROBE_CHAIN_CREATED)), 0);
    assert_int_equal(w->chain.state, STROBE_CHAIN_CREATED);
    assert_int_equal(w->chain.n, 1);
    assert_int_equal(strobe_chain_read(&w->chain, coroutine(w, STROBE_CHAIN_EXECUTING)), 0);
    assert_int_equal(w->chain.state, STROBE_CHAIN_EXECUTING);
    assert_int_equal(w->chain.n, 1);
    assert_int_equal(strobe_chain_read(&w->chain, coroutine(w, STROBE_CHAIN_FINISHED)), 0);
    assert_int_equal(w->chain.state, STROBE_CHAIN_FINISHED);
    assert_int_equal(w->chain.n, 0);
    assert_int_equal(strobe_chain_read(&w->chain, coroutine(w, STROBE_CHAIN_SUSPENDED)), 0);
    assert_int_equal(w->chain.state, STROBE_CHAIN_SUSPENDED);
    assert_int_equal(w->chain.n, 1);
    assert_int_equal(w->chain.frames[0].code, w->plain);
    assert_int_equal(w->chain.frames[0].instr, PYTASK_YIELD_AT);
    assert_int_equal(w->chain.end, 0); /* it yields, so awaits nothing */
    assert_int_equal(w->chain.user, 0);
}

static void test_each_state(void **state)
{
    each_version(each_state);
}

static void future_at_the_end(struct world *w)
{
    uint64_t future, iter = future_iter(w, &future), inner = pytask_awaiting(&w->t, w->plain, iter);

    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, inner)), 0);
    assert_int_equal(w->chain.n, 2);
    assert_int_equal(w->chain.state, STROBE_CHAIN_SUSPENDED);
    assert_int_equal(w->chain.end, iter);
    assert_int_equal(w->chain.end_role, STROBE_ROLE_FUTURE_ITER);
    assert_int_equal(w->chain.end_future, future);
    assert_int_equal(w->chain.user, 1);
    /* A future itself, as those that yield themselves leave it on the stack. */
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, future)), 0);
    assert_int_equal(w->chain.end_future, future);
    /* A foreign object: the chain ends there. */
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, pyheap_str(w->t.heap, "?"))), 0);
    assert_int_equal(w->chain.end_future, 0);
    assert_int_equal(w->chain.end_role, STROBE_ROLE_NONE);
}

static void test_future_at_the_end(void **state)
{
    each_version(future_at_the_end);
}

/* coroutine_wrapper, asend(), anext(): one inside the other; they are no frames of their own. */
static void wrappers(struct world *w)
{
    uint64_t future, at = future_iter(w, &future);

    at = pytask_gen(&w->t, w->t.async_generator, w->plain, STROBE_CHAIN_SUSPENDED, PYTASK_AWAIT_AT, (uint64_t[]){at, w->t.heap->none},
                    w->t.heap->lay.awaited_slot);
    at = pytask_object(&w->t, w->t.asend, &at, 1);
    at = pytask_object(&w->t, w->t.anext, &at, 1);
    at = pytask_object(&w->t, w->t.wrapper, &at, 1);
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, at)), 0);
    assert_int_equal(w->chain.n, 2);
    assert_int_equal(w->chain.end_future, future);
    for (int i = 0; i < 20; i++)
        at = pytask_object(&w->t, w->t.wrapper, &at, 1);
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, at)), STROBE_ERR_TORN);
}

static void test_wrappers(void **state)
{
    each_version(wrappers);
}

/* What is awaited has begun and has not ended. */
static void impossible(struct world *w)
{
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, coroutine(w, STROBE_CHAIN_CREATED))), STROBE_ERR_TORN);
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, coroutine(w, STROBE_CHAIN_FINISHED))), STROBE_ERR_TORN);
    assert_int_equal(strobe_chain_read(&w->chain, pyheap_str(w->t.heap, "no coroutine")), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_chain_read(&w->chain, 0x1003), STROBE_ERR_TORN);
    assert_int_equal(strobe_chain_read(&w->chain, UINT64_C(0x10000)), STROBE_ERR_FAULT);
    /* An inner one that executes ends the chain: the rest is the thread's to say. */
    assert_int_equal(strobe_chain_read(&w->chain, pytask_awaiting(&w->t, w->plain, coroutine(w, STROBE_CHAIN_EXECUTING))), 0);
    assert_int_equal(w->chain.state, STROBE_CHAIN_EXECUTING);
    assert_int_equal(w->chain.n, 2);
}

static void test_impossible(void **state)
{
    each_version(impossible);
}

/* Where the awaited object lies in a coroutine without locals. */
static uint64_t awaited_at(struct world *w, uint64_t gen)
{
    const struct strobe_layout *lay = &w->t.heap->lay;
    uint64_t frame = gen + lay->gen_frame;

    if (lay->frames == STROBE_FRAMES_HEAP)
        assert_int_equal(strobe_mem_u64(&w->t.heap->mem, frame, &frame), 0);
    return frame + lay->fr_localsplus;
}

static void circles(struct world *w)
{
    for (size_t around = 1; around <= 9; around++) {
        for (size_t before = 0; before < 5; before++) {
            uint64_t first = pytask_awaiting(&w->t, w->plain, w->t.heap->none), at = first;

            for (size_t i = 1; i < around; i++)
                at = pytask_awaiting(&w->t, w->plain, at);
            pyheap_word(w->t.heap, awaited_at(w, first), at);
            for (size_t i = 0; i < before; i++)
                at = pytask_awaiting(&w->t, w->plain, at);
            assert_int_equal(strobe_chain_read(&w->chain, at), STROBE_ERR_TORN);
            assert_true(w->chain.n < 64);
        }
    }
}

static void test_circles(void **state)
{
    each_version(circles);
}

static void deep(struct world *w)
{
    uint64_t future, at = future_iter(w, &future);

    for (int i = 0; i < DEEP; i++)
        at = pytask_awaiting(&w->t, w->plain, at);
    assert_int_equal(strobe_chain_read(&w->chain, at), 0);
    assert_int_equal(w->chain.n, DEEP);
    assert_int_equal(w->chain.end_future, future);
    for (int i = 1; i < DEEP; i++)
        assert_true(w->chain.frames[i].frame != w->chain.frames[i - 1].frame);
}

static void test_deep(void **state)
{
    each_version(deep);
}

/* More values on the stack than are read with the frame at first. */
static void many_locals(struct world *w)
{
    uint64_t values[15], future, code = pytask_code(&w->t, "/app/svc.py", "many", PYTASK_COROUTINE, "a b c d e f g h i j k l", "");
    size_t n = 0;

    while (n < 12)
        values[n++] = w->t.heap->none;
    values[n++] = future_iter(w, &future);
    if (w->t.heap->lay.awaited_slot == 2)
        values[n++] = w->t.heap->none;

    uint64_t gen = pytask_gen(&w->t, w->t.coroutine, code, STROBE_CHAIN_SUSPENDED, PYTASK_AWAIT_AT, values, n);

    assert_int_equal(strobe_chain_read(&w->chain, gen), 0);
    assert_int_equal(w->chain.end_future, future);
}

static void test_many_locals(void **state)
{
    each_version(many_locals);
}

/* ---- contexts ---- */

struct context {
    uint64_t object, aexit, aenter_code;
};

static struct context make_context(struct world *w)
{
    uint64_t type = pytask_class(&w->t, "svc", "Context", 0);
    uint64_t leave = pytask_code(&w->t, "/app/svc.py", "__aexit__", PYTASK_COROUTINE, "", "");

    return (struct context){pytask_object(&w->t, type, NULL, 0), pytask_function(&w->t, leave, NULL, 0),
                            pytask_code(&w->t, "/lib/asyncio/locks.py", "__aenter__", PYTASK_COROUTINE, "", "")};
}

/* A frame inside of a context, which awaits: __aexit__ bound (up to 3.13), or the function with the object above it. */
static uint64_t inside(struct world *w, const struct context *c, bool bound, uint64_t what)
{
    uint64_t values[5];
    size_t n = 0;

    if (bound) {
        values[n++] = pytask_bound(&w->t, c->aexit, c->object);
    } else {
        values[n++] = c->aexit;
        values[n++] = c->object;
    }
    values[n++] = what;
    if (w->t.heap->lay.awaited_slot == 2)
        values[n++] = w->t.heap->none;
    return pytask_gen(&w->t, w->t.coroutine, w->plain, STROBE_CHAIN_SUSPENDED, PYTASK_AWAIT_AT, values, n);
}

static void contexts(struct world *w)
{
    struct context c = make_context(w);
    uint64_t future, iter = future_iter(w, &future), enter;

    for (int bound = 0; bound < 2; bound++) {
        assert_int_equal(strobe_chain_read(&w->chain, inside(w, &c, bound, iter)), 0);
        assert_int_equal(w->chain.n_holds, 1);
        assert_int_equal(w->chain.holds[0].object, c.object);
        assert_int_equal(w->chain.holds[0].level, 0);
        assert_false(w->chain.holds[0].entering);
        assert_int_equal(w->chain.end_future, future);
        /* While its __aenter__ is awaited it is not held; what lies outside of it is. */
        enter = pytask_awaiting(&w->t, c.aenter_code, iter);
        assert_int_equal(strobe_chain_read(&w->chain, inside(w, &c, bound, inside(w, &c, bound, enter))), 0);
        assert_int_equal(w->chain.n_holds, 2);
        assert_false(w->chain.holds[0].entering);
        assert_true(w->chain.holds[1].entering);
        assert_int_equal(w->chain.holds[1].level, 1);
        assert_int_equal(w->chain.user, 1);
        assert_int_equal(w->chain.n_libs, 1);
        assert_int_equal(w->chain.libs[0].level, 2);
    }
}

static void test_contexts(void **state)
{
    each_version(contexts);
}

/* Other functions on the stack, and a bound method of another name, are no contexts. */
static void no_contexts(struct world *w)
{
    struct context c = make_context(w);
    uint64_t future, iter = future_iter(w, &future);

    c.aexit = pytask_function(&w->t, w->plain, NULL, 0);
    for (int bound = 0; bound < 2; bound++) {
        assert_int_equal(strobe_chain_read(&w->chain, inside(w, &c, bound, iter)), 0);
        assert_int_equal(w->chain.n_holds, 0);
    }
}

static void test_no_contexts(void **state)
{
    each_version(no_contexts);
}

/* ---- damage ---- */

/* Every read of a chain fails once: an error, or what was left out is known by the count of faults. */
static void each_read(struct world *w)
{
    struct context c = make_context(w);
    uint64_t future, iter = future_iter(w, &future), at = inside(w, &c, true, pytask_awaiting(&w->t, w->plain, iter));
    struct strobe_mem *mem = NULL;

    for (uint64_t n = 1;; n++) {
        struct strobe_chain chain;
        struct strobe_roles roles;
        struct strobe_coderoles codes;
        uint64_t calls, known;
        int err;

        assert_int_equal(strobe_mem_count_new(&w->t.heap->mem, n, &mem), 0);
        strobe_roles_init(&roles, mem, &w->t.heap->lay);
        strobe_coderoles_init(&codes, mem, &w->t.heap->lay);
        assert_int_equal(strobe_chain_init(&chain, mem, &w->t.heap->lay, &roles, &codes), 0);
        err = strobe_chain_read(&chain, at);
        known = mem->faults + roles.failures + codes.failures;
        calls = strobe_mem_count_stats(mem)->calls;
        if (!err && !known) {
            assert_int_equal(chain.n, 2);
            assert_int_equal(chain.end_future, future);
            assert_int_equal(chain.n_holds, 1);
        }
        /* Nothing of it is believed for good. */
        strobe_roles_begin(&roles);
        strobe_coderoles_begin(&codes);
        assert_int_equal(strobe_chain_read(&chain, at), 0);
        assert_int_equal(chain.end_future, future);
        assert_int_equal(chain.n_holds, 1);
        strobe_chain_release(&chain);
        strobe_coderoles_release(&codes);
        strobe_roles_release(&roles);
        strobe_mem_close(mem);
        if (calls < n)
            break;
    }
}

static void test_each_read_fails_once(void **state)
{
    each_version(each_read);
}

static void each_allocation(struct world *w)
{
    uint64_t future, at = pytask_awaiting(&w->t, w->plain, future_iter(w, &future));

    for (uint64_t n = 1;; n++) {
        struct strobe_chain chain = {.n = 0};
        struct strobe_roles roles;
        struct strobe_coderoles codes;
        bool hit;
        int err;

        alloc_fail_arm(n);
        strobe_roles_init(&roles, &w->t.heap->mem, &w->t.heap->lay);
        strobe_coderoles_init(&codes, &w->t.heap->mem, &w->t.heap->lay);
        err = strobe_chain_init(&chain, &w->t.heap->mem, &w->t.heap->lay, &roles, &codes);
        if (!err) {
            err = strobe_chain_read(&chain, at);
            if (!err && !(roles.failures + codes.failures))
                assert_int_equal(chain.end_future, future);
        }
        hit = alloc_fail_hit();
        strobe_chain_release(&chain);
        strobe_coderoles_release(&codes);
        strobe_roles_release(&roles);
        alloc_fail_disarm();
        assert_int_equal(alloc_fail_live(), 0);
        if (!hit)
            break;
    }
}

static void test_each_allocation_fails_once(void **state)
{
    each_version(each_allocation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_state),
        cmocka_unit_test(test_future_at_the_end),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_many_locals),
        cmocka_unit_test(test_contexts),
        cmocka_unit_test(test_no_contexts),
        cmocka_unit_test(test_each_read_fails_once),
        cmocka_unit_test(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
