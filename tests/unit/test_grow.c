/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/grow.h"
#include "tests/lib/alloc_fail.h"

static void test_contents_stay(void **state)
{
    uint32_t *array = NULL;
    size_t cap = 0, growths = 0;

    for (uint32_t i = 0; i < 1000; i++) {
        size_t before = cap;

        assert_int_equal(strobe_grow(&array, &cap, i + 1, sizeof *array), 0);
        assert_true(cap > i);
        growths += cap != before;
        array[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(array[i], i);
    assert_in_range(growths, 1, 10); /* doubled, not one by one */
    free(array);
}

static void test_room_for_many_at_once(void **state)
{
    uint64_t *array = NULL;
    size_t cap = 0;

    assert_int_equal(strobe_grow(&array, &cap, 12345, sizeof *array), 0);
    assert_true(cap >= 12345);
    array[12344] = 1;
    free(array);
}

static void test_nothing_changes_without_memory(void **state)
{
    uint32_t *array = NULL;
    size_t cap = 0;
    uint32_t *before;

    assert_int_equal(strobe_grow(&array, &cap, 1, sizeof *array), 0);
    before = array;
    array[0] = 42;
    assert_int_equal(strobe_grow(&array, &cap, UINT32_MAX, sizeof *array), STROBE_ERR_NOMEM);
    alloc_fail_arm(1);
    assert_int_equal(strobe_grow(&array, &cap, cap + 1, sizeof *array), STROBE_ERR_NOMEM);
    alloc_fail_disarm();
    assert_ptr_equal(array, before);
    assert_int_equal(array[0], 42);
    free(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_stay),
        cmocka_unit_test(test_room_for_many_at_once),
        cmocka_unit_test(test_nothing_changes_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
