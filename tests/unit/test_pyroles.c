/* SPDX-License-Identifier: Apache-2.0 */
/* Which part a class plays, and when what is remembered of it is believed. */
#include "tests/unit/cm.h"

#include "runtime/pyroles.h"
#include "tests/lib/pytask.h"

static void each_version(void (*test)(struct pytask *t, struct strobe_roles *roles))
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct strobe_roles roles;
        struct pytask t;

        pytask_open(&t, version);
        strobe_roles_init(&roles, &t.heap->mem, &t.heap->lay);
        test(&t, &roles);
        strobe_roles_release(&roles);
        pyheap_free(t.heap);
    }
}

static void by_name_and_module(struct pytask *t, struct strobe_roles *roles)
{
    uint64_t lock = pytask_class(t, "asyncio.locks", "Lock", 0);
    uint64_t semaphore = pytask_class(t, "asyncio.locks", "Semaphore", 0);

    assert_int_equal(strobe_roles_of_type(roles, t->coroutine), STROBE_ROLE_GENERATOR);
    assert_int_equal(strobe_roles_of_type(roles, t->asend), STROBE_ROLE_WRAPPER);
    assert_int_equal(strobe_roles_of_type(roles, t->task), STROBE_ROLE_TASK);
    assert_int_equal(strobe_roles_of_type(roles, lock), STROBE_ROLE_LOCK);
    assert_int_equal(strobe_roles_of_type(roles, pytask_class(t, "threading", "Lock", 0)), STROBE_ROLE_NONE);
    assert_int_equal(strobe_roles_of_type(roles, pytask_class(t, "svc", "Gate", semaphore)), STROBE_ROLE_SEMAPHORE);
    assert_int_equal(strobe_roles_of_type(roles, pytask_class(t, "asyncio.locks", "BoundedSemaphore", semaphore)),
                     STROBE_ROLE_BOUNDED_SEMAPHORE); /* the nearest that has a role */
    assert_int_equal(strobe_roles_of_type(roles, pytask_class(t, "svc", "Task", t->task)), STROBE_ROLE_TASK);
    assert_int_equal(strobe_roles_of(roles, pytask_object(t, lock, NULL, 0)), STROBE_ROLE_LOCK);
    assert_int_equal(strobe_roles_of(roles, 0), STROBE_ROLE_NONE);
    assert_int_equal(strobe_roles_of(roles, 17), STROBE_ROLE_NONE);
    assert_int_equal(roles->failures, 0);
    assert_int_equal(strobe_roles_of(roles, 0x1234567800), STROBE_ROLE_NONE);
    assert_int_equal(roles->failures, 1);
}

static void test_by_name_and_module(void **state)
{
    each_version(by_name_and_module);
}

/* Another class at the same address: known from the next sample on, not before. */
static void reused(struct pytask *t, struct strobe_roles *roles)
{
    uint64_t lock = pytask_class(t, "asyncio.locks", "Lock", 0), other = pytask_class(t, "asyncio.queues", "Queue", 0);
    unsigned char bytes[1024];

    pyheap_word(t->heap, other + t->heap->lay.ty_basicsize, 48);
    assert_int_equal(strobe_roles_of_type(roles, lock), STROBE_ROLE_LOCK);
    assert_int_equal(strobe_mem_read(&t->heap->mem, other, bytes, sizeof bytes), 0);
    pyheap_put(t->heap, lock, bytes, sizeof bytes);
    assert_int_equal(strobe_roles_of_type(roles, lock), STROBE_ROLE_LOCK);
    strobe_roles_begin(roles);
    assert_int_equal(strobe_roles_of_type(roles, lock), STROBE_ROLE_QUEUE);
    assert_int_equal(strobe_roles_size(roles, lock), 48);
    assert_int_equal(strobe_roles_size(roles, other), 0); /* never asked for */
    /* Its memory is gone. */
    strobe_roles_begin(roles);
    assert_int_equal(strobe_roles_of_type(roles, 0x1234567800), STROBE_ROLE_NONE);
}

static void test_an_address_is_used_again(void **state)
{
    each_version(reused);
}

/* Each read fails once: the right role, or none and a failure noted; in no case is it kept. */
static void each_read(struct pytask *t, struct strobe_roles *unused)
{
    uint64_t gate = pytask_class(t, "svc", "Gate", pytask_class(t, "asyncio.locks", "Semaphore", 0));

    for (uint64_t n = 1;; n++) {
        struct strobe_mem *mem = NULL;
        struct strobe_roles roles;
        enum strobe_role role;
        uint64_t calls;

        assert_int_equal(strobe_mem_count_new(&t->heap->mem, n, &mem), 0);
        strobe_roles_init(&roles, mem, &t->heap->lay);
        role = strobe_roles_of_type(&roles, gate);
        assert_true(role == STROBE_ROLE_SEMAPHORE || (role == STROBE_ROLE_NONE && roles.failures));
        assert_int_equal(strobe_roles_of_type(&roles, gate), STROBE_ROLE_SEMAPHORE);
        calls = strobe_mem_count_stats(mem)->calls;
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

/* Bases in a circle. */
static void circle(struct pytask *t, struct strobe_roles *roles)
{
    uint64_t one = pytask_class(t, "svc", "One", 0), two = pytask_class(t, "svc", "Two", one);

    pyheap_word(t->heap, one + t->heap->lay.ty_base, two);
    assert_int_equal(strobe_roles_of_type(roles, one), STROBE_ROLE_NONE);
}

static void test_circle(void **state)
{
    each_version(circle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_name_and_module),
        cmocka_unit_test(test_an_address_is_used_again),
        cmocka_unit_test(test_each_read_fails_once),
        cmocka_unit_test(test_circle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
