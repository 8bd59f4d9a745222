/* SPDX-License-Identifier: Apache-2.0 */
/* What a task's frames hold and which of them waits, by chains made by hand.  (Contexts of real programs: tests/integration.) */
#include "tests/unit/cm.h"

#include <stdlib.h>

#include "tests/lib/pytask.h"
#include "walk/taskreader_parts.h"

static uint64_t lock(struct pytask *t, uint64_t type)
{
    return pytask_instance(t, type, (const char *const[]){"_locked"}, (uint64_t[]){pyheap_int(t->heap, 1, (const uint32_t[]){1}, 1)}, 1);
}

/* A reader that knows nothing of tasks made in C. */
static struct strobe_taskreader *reader_of(struct pyheap *heap)
{
    struct strobe_taskreader *reader = calloc(1, sizeof *reader);

    reader->mem = &heap->mem;
    reader->lay = &heap->lay;
    strobe_roles_init(&reader->roles, &heap->mem, &heap->lay);
    strobe_coderoles_init(&reader->codes, &heap->mem, &heap->lay);
    strobe_tasklist_init(&reader->list, &heap->mem, &heap->lay, &reader->roles);
    strobe_awaiters_init(&reader->awaiters, &heap->mem, &heap->lay, &reader->roles, &reader->codes);
    assert_int_equal(strobe_chain_init(&reader->chain, &heap->mem, &heap->lay, &reader->roles, &reader->codes), 0);
    assert_int_equal(strobe_chain_init(&reader->inner, &heap->mem, &heap->lay, &reader->roles, &reader->codes), 0);
    return reader;
}

/* A chain of n frames; the one at this level waits, and holds a lock. */
static void check(uint32_t n, uint32_t level, uint32_t index)
{
    struct strobe_taskreader *reader;
    struct strobe_task task = {.addr = 0x1000};
    struct strobe_chain *chain;
    struct pytask t;

    pytask_open(&t, PYHEAP_312);
    reader = reader_of(t.heap);
    chain = &reader->chain;
    chain->n = n;
    chain->state = STROBE_CHAIN_SUSPENDED;
    chain->user = level;
    chain->holds[0] = (struct strobe_chain_hold){.object = lock(&t, pytask_class(&t, "asyncio.locks", "Lock", 0)), .level = level};
    chain->n_holds = 1;
    task.future = pytask_object(&t, t.future, NULL, 0);
    assert_int_equal(strobe_taskreader_classify(reader, &task), 0);
    assert_int_equal(task.state, STROBE_TASK_WAITING);
    assert_int_equal(task.place, index);
    assert_int_equal(strobe_taskreader_holds(reader, &task), 0);
    assert_int_equal(task.n_holds, 1);
    assert_int_equal(reader->holds[task.first_hold].frame, index);
    strobe_taskreader_free(reader);
    pyheap_free(t.heap);
}

/* They are places in the frames that are kept: of a very deep chain 2048 at each end and a mark between them. */
static void test_places_in_a_chain(void **state)
{
    enum { DEEP = 10000, KEPT = STROBE_KEEP_INNER + 1 + STROBE_KEEP_OUTER };

    check(3, 2, 0);
    check(3, 0, 2);
    check(STROBE_KEEP_INNER + STROBE_KEEP_OUTER, 0, STROBE_KEEP_INNER + STROBE_KEEP_OUTER - 1);
    check(STROBE_KEEP_INNER + STROBE_KEEP_OUTER + 1, 0, KEPT - 1);
    check(DEEP, DEEP - 1, 0);
    check(DEEP, 0, KEPT - 1);
    check(DEEP, STROBE_KEEP_OUTER - 1, STROBE_KEEP_INNER + 1);
    check(DEEP, STROBE_KEEP_OUTER, STROBE_NO_INDEX);
    check(DEEP, DEEP - STROBE_KEEP_INNER, STROBE_KEEP_INNER - 1);
    check(DEEP, DEEP - STROBE_KEEP_INNER - 1, STROBE_NO_INDEX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_in_a_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
