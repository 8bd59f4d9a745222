/* SPDX-License-Identifier: Apache-2.0 */
/* When a process is looked at rather than glanced at. */
#include "picture/metered.h"

#include "tests/unit/cm.h"

static const uint64_t second = 1000000000;

static void test_looks(void **state)
{
    struct strobe_metered metered = {.looked = false, .look_ns = 100 * second};

    assert_true(strobe_metered_is_look(&metered, 10 * second, 100 * second)); /* the first one */
    metered.looked = true;
    metered.n_looks = 7;
    assert_false(strobe_metered_is_look(&metered, 10 * second, 101 * second - 1));
    assert_true(strobe_metered_is_look(&metered, 10 * second, 101 * second)); /* the eighth */
    metered.n_looks = 8;
    assert_false(strobe_metered_is_look(&metered, 10 * second, 109 * second));
    assert_true(strobe_metered_is_look(&metered, 10 * second, 110 * second));
    metered.wants_look = true;
    assert_false(strobe_metered_is_look(&metered, 10 * second, 109 * second)); /* whatever the news, */
    metered.scan_unseen = true;
    assert_true(strobe_metered_is_look(&metered, 10 * second, 100 * second)); /* but for what its first scan has found */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_looks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
