/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <string.h>

#include "tools/ratelimit.h"

static const uint64_t second = 1000 * 1000 * 1000;

static struct strobe_ratelimit make(void)
{
    return (struct strobe_ratelimit){.per_second = 2, .burst = 3, .all_per_second = 8, .all_burst = 12};
}

static const unsigned char *address(unsigned n)
{
    static unsigned char bytes[16];

    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &n, sizeof n);
    return bytes;
}

static unsigned take_all(struct strobe_ratelimit *limit, unsigned who, uint64_t now)
{
    unsigned n = 0;

    while (n < 1000 && strobe_ratelimit_take(limit, address(who), now))
        n++;
    return n;
}

static void test_one_address(void **state)
{
    struct strobe_ratelimit limit = make();

    assert_int_equal(take_all(&limit, 1, second), 3);
    assert_int_equal(take_all(&limit, 1, second + second / 2), 1);
    assert_int_equal(take_all(&limit, 1, 3 * second + second / 2), 3); /* four were due, three is all that is saved up */
}

static void test_addresses_have_their_own(void **state)
{
    struct strobe_ratelimit limit = make();

    for (unsigned who = 1; who <= 4; who++)
        assert_int_equal(take_all(&limit, who, second), 3);
    assert_int_equal(take_all(&limit, 5, second), 0); /* all together have twelve */
    assert_int_equal(take_all(&limit, 6, 2 * second), 3);
}

static void test_refused_takes_nothing(void **state)
{
    struct strobe_ratelimit limit = make();

    take_all(&limit, 1, second);
    for (int i = 0; i < 100; i++)
        assert_false(strobe_ratelimit_take(&limit, address(1), second));
    assert_int_equal(take_all(&limit, 2, second), 3);
}

static void test_many_addresses(void **state)
{
    struct strobe_ratelimit limit = make();
    unsigned n = 0;

    limit.all_per_second = limit.all_burst = 1e9;
    for (unsigned who = 1; who <= 10 * STROBE_RATELIMIT_ADDRESSES; who++)
        n += take_all(&limit, who, second + who);
    assert_int_equal(n, 3 * 10 * STROBE_RATELIMIT_ADDRESSES);
    assert_int_equal(take_all(&limit, 10 * STROBE_RATELIMIT_ADDRESSES, 2 * second - 1), 1); /* the last ones are still known */
}

static void test_time_stands_still_or_goes_back(void **state)
{
    struct strobe_ratelimit limit = make();

    assert_int_equal(take_all(&limit, 1, 5 * second), 3);
    assert_int_equal(take_all(&limit, 1, 4 * second), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address),
        cmocka_unit_test(test_addresses_have_their_own),
        cmocka_unit_test(test_refused_takes_nothing),
        cmocka_unit_test(test_many_addresses),
        cmocka_unit_test(test_time_stands_still_or_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
