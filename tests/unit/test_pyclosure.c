/* SPDX-License-Identifier: Apache-2.0 */
/* Closures of functions made by hand. */
#include "tests/unit/cm.h"

#include "runtime/pyobj.h"
#include "tests/lib/pytask.h"

static void test_cells(void **state)
{
    for (int version = 0; version < PYTASK_VERSIONS; version++) {
        struct pytask t;
        struct strobe_mem *mem;
        const struct strobe_layout *lay;
        uint64_t code, function, value = 3, one, two, closure;

        pytask_open(&t, version);
        mem = &t.heap->mem;
        lay = &t.heap->lay;
        one = pyheap_str(t.heap, "one");
        two = pyheap_str(t.heap, "two");
        code = pytask_code(&t, "/app/svc.py", "call", 0, "", "one empty two");
        function = pytask_function(&t, code, (uint64_t[]){one, 0, two}, 3);
        assert_int_equal(strobe_py_closure(mem, lay, function, 0, &value), 0);
        assert_int_equal(value, one);
        assert_int_equal(strobe_py_closure(mem, lay, function, 1, &value), STROBE_ERR_MISSING); /* empty */
        assert_int_equal(value, one);
        assert_int_equal(strobe_py_closure(mem, lay, function, 2, &value), 0);
        assert_int_equal(value, two);
        assert_int_equal(strobe_py_closure(mem, lay, function, 3, &value), STROBE_ERR_MISSING);
        assert_int_equal(strobe_py_closure(mem, lay, function, SIZE_MAX, &value), STROBE_ERR_MISSING);
        /* No closure; something else in its place; a tuple of no cells. */
        assert_int_equal(strobe_py_closure(mem, lay, pytask_function(&t, code, NULL, 0), 0, &value), STROBE_ERR_MISSING);
        pyheap_word(t.heap, function + lay->func_closure, one);
        assert_int_equal(strobe_py_closure(mem, lay, function, 0, &value), STROBE_ERR_OBJECT);
        closure = pyheap_tuple(t.heap, &one, 1);
        pyheap_word(t.heap, function + lay->func_closure, closure);
        assert_int_equal(strobe_py_closure(mem, lay, function, 0, &value), STROBE_ERR_OBJECT);
        /* A length that is made up: no more than what can be there is looked at. */
        pyheap_word(t.heap, closure + lay->tuple_size, 1 << 30);
        assert_true(strobe_py_closure(mem, lay, function, 1 << 20, &value) < 0);
        assert_int_equal(strobe_py_closure(mem, lay, 0x1234567800, 0, &value), STROBE_ERR_FAULT);
        assert_int_equal(value, two);
        pyheap_free(t.heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
