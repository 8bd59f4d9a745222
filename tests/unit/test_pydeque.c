/* SPDX-License-Identifier: Apache-2.0 */
/* Deques made by hand. */
#include "tests/unit/cm.h"

#include "runtime/pyobj.h"
#include "tests/lib/pytask.h"

enum { MANY = 300 };

struct seen {
    uint64_t item[MANY];
    size_t n, stop; /* stop: the item at which to stop; 0 = none */
};

static int see(void *ctx, uint64_t item)
{
    struct seen *seen = ctx;

    if (seen->n < MANY)
        seen->item[seen->n] = item;
    return ++seen->n == seen->stop ? 7 : 0;
}

static void each_version(void (*test)(struct pytask *t, struct strobe_mem *mem, const struct strobe_layout *lay))
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct pytask t;

        pytask_open(&t, version);
        test(&t, &t.heap->mem, &t.heap->lay);
        pyheap_free(t.heap);
    }
}

/* Whatever the place of the first item: all, in order, over the edges of blocks. */
static void items(struct pytask *t, struct strobe_mem *mem, const struct strobe_layout *lay)
{
    static const size_t counts[] = {0, 1, 63, 64, 65, 129, MANY}, starts[] = {0, 31, 63};
    struct strobe_py_deque head;
    uint64_t item[MANY], len;

    for (size_t i = 0; i < MANY; i++)
        item[i] = 0x10000 + 16 * i;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
            struct seen seen = {.n = 0};
            uint64_t deque = pytask_deque(t, item, counts[c], starts[s]);

            assert_int_equal(strobe_py_deque_len(mem, lay, deque, &len), 0);
            assert_int_equal(len, counts[c]);
            pyheap_word(t->heap, deque + lay->deque_state, 1000 + c);
            assert_int_equal(strobe_py_deque_head(mem, lay, deque, &head), 0);
            assert_true(head.len == counts[c] && head.state == 1000 + c);
            assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), 0);
            assert_int_equal(seen.n, counts[c]);
            assert_memory_equal(seen.item, item, counts[c] * sizeof *item);
            seen = (struct seen){.stop = 65};
            assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), counts[c] < 65 ? 0 : 7);
        }
    }
}

static void test_items(void **state)
{
    each_version(items);
}

static void hostile(struct pytask *t, struct strobe_mem *mem, const struct strobe_layout *lay)
{
    uint64_t item[100], deque, left, len = 5;
    struct seen seen = {.n = 0};

    for (size_t i = 0; i < 100; i++)
        item[i] = t->heap->none;
    deque = pytask_deque(t, item, 100, 10);
    assert_int_equal(strobe_py_deque_len(mem, lay, t->heap->none, &len), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_deque_head(mem, lay, t->heap->none, &(struct strobe_py_deque){0}), STROBE_ERR_OBJECT);
    assert_int_equal(strobe_py_deque_each(mem, lay, t->heap->none, see, &seen), STROBE_ERR_OBJECT);
    pyheap_word(t->heap, deque + lay->deque_index, 64);
    assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), STROBE_ERR_OBJECT);
    pyheap_word(t->heap, deque + lay->deque_index, UINT64_MAX);
    assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), STROBE_ERR_OBJECT);
    pyheap_word(t->heap, deque + lay->deque_index, 10);
    pyheap_word(t->heap, deque + lay->ob_size, UINT64_MAX);
    assert_int_equal(strobe_py_deque_len(mem, lay, deque, &len), STROBE_ERR_OBJECT);
    assert_int_equal(len, 5);
    pyheap_word(t->heap, deque + lay->ob_size, 200); /* the list of blocks ends before that */
    assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), STROBE_ERR_OBJECT);
    /* A circle of blocks and a length without end: no more than is looked at of any container. */
    assert_int_equal(strobe_mem_u64(mem, deque + lay->deque_left, &left), 0);
    pyheap_word(t->heap, left + 8 * 65, left);
    pyheap_word(t->heap, deque + lay->ob_size, INT64_MAX);
    seen.n = 0;
    assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), 0);
    assert_int_equal(seen.n, STROBE_PY_MAX_ITEMS);
    pyheap_word(t->heap, deque + lay->deque_left, 0x1234567800);
    assert_int_equal(strobe_py_deque_each(mem, lay, deque, see, &seen), STROBE_ERR_FAULT);
}

static void test_hostile(void **state)
{
    each_version(hostile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items), cmocka_unit_test(test_hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
