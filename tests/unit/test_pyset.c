/* SPDX-License-Identifier: Apache-2.0 */
/* Sets made by hand. */
#include "tests/unit/cm.h"

#include "runtime/pyobj.h"
#include "tests/lib/pyheap.h"

enum { MANY = 1500, PLACES = 4096 }; /* more than are read at a time; the places of the table that pyheap_set() gives them */

struct seen {
    uint64_t item[MANY];
    size_t n, stop; /* stop: the member at which to stop; 0 = none */
};

static int see(void *ctx, uint64_t item)
{
    struct seen *seen = ctx;

    if (seen->n < MANY)
        seen->item[seen->n] = item;
    return ++seen->n == seen->stop ? 7 : 0;
}

static int each(struct pyheap *heap, uint64_t set, uint64_t most, struct seen *seen)
{
    return strobe_py_set_each(&heap->mem, &heap->lay, set, most, see, seen);
}

static void test_members(void **state)
{
    static const size_t counts[] = {0, 1, 3, 1024, MANY};
    uint64_t item[MANY];

    for (size_t i = 0; i < MANY; i++)
        item[i] = 0x10000 + 16 * i;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct pyheap *heap = pyheap_new(PYHEAP_312);
        uint64_t set = pyheap_set(heap, heap->type[c % 2 ? PYHEAP_SET : PYHEAP_FROZENSET], item, counts[c]);
        struct seen seen = {.n = 0};

        assert_int_equal(each(heap, set, PLACES, &seen), 0);
        assert_int_equal(seen.n, counts[c]); /* what was removed is none of them */
        assert_memory_equal(seen.item, item, counts[c] * sizeof *item);
        seen = (struct seen){.stop = 2};
        assert_int_equal(each(heap, set, PLACES, &seen), counts[c] < 2 ? 0 : 7);
        pyheap_free(heap);
    }
}

static void test_hostile(void **state)
{
    struct pyheap *heap = pyheap_new(PYHEAP_312);
    uint64_t item[3] = {0x10000, 0x10010, 0x10020}, set = pyheap_set(heap, heap->type[PYHEAP_SET], item, 3);
    struct seen seen = {.n = 0};

    assert_int_equal(each(heap, heap->none, PLACES, &seen), STROBE_ERR_OBJECT);
    assert_int_equal(each(heap, set, 7, &seen), STROBE_ERR_TORN); /* it has eight places */
    assert_int_equal(each(heap, set, 8, &seen), 0);
    pyheap_word(heap, set + heap->lay.set_mask, 6);
    assert_int_equal(each(heap, set, PLACES, &seen), STROBE_ERR_TORN);
    pyheap_word(heap, set + heap->lay.set_mask, UINT64_MAX);
    assert_int_equal(each(heap, set, UINT64_MAX, &seen), STROBE_ERR_TORN);
    pyheap_word(heap, set + heap->lay.set_mask, 7);
    pyheap_word(heap, set + heap->lay.set_table, 16);
    assert_true(each(heap, set, PLACES, &seen) != 0);
    assert_int_equal(seen.n, 3);
    pyheap_free(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members), cmocka_unit_test(test_hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
