/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/lib/alloc_fail.h"

static void test_empty(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;

    assert_string_equal(strobe_buf_str(&buf), "");
    strobe_buf_clear(&buf);
    strobe_buf_put(&buf, NULL, 0);
    assert_int_equal(buf.len, 0);
    assert_string_equal(strobe_buf_str(&buf), "");
    strobe_buf_release(&buf);
    assert_null(buf.data);
}

static void test_appends_in_order_and_stays_terminated(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    char expected[3000] = "";

    for (int i = 0; i < 200; i++) {
        strobe_buf_puts(&buf, "ab");
        strobe_buf_putc(&buf, '-');
        strobe_buf_printf(&buf, "%d;", i);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "ab-%d;", i);
        assert_int_equal(strlen(buf.data), buf.len);
        assert_true(buf.cap > buf.len);
    }
    assert_string_equal(strobe_buf_str(&buf), expected);
    strobe_buf_release(&buf);
}

static void test_holds_any_byte(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    unsigned char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    strobe_buf_put(&buf, all, sizeof all);
    strobe_buf_putc(&buf, '\0');
    assert_int_equal(buf.len, 257);
    assert_memory_equal(buf.data, all, sizeof all);
    strobe_buf_release(&buf);
}

static void test_clear_keeps_the_memory(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    const char *data;

    strobe_buf_puts(&buf, "something");
    data = buf.data;
    strobe_buf_clear(&buf);
    assert_string_equal(strobe_buf_str(&buf), "");
    strobe_buf_puts(&buf, "else");
    assert_ptr_equal(buf.data, data);
    assert_string_equal(strobe_buf_str(&buf), "else");
    strobe_buf_release(&buf);
}

static void test_reserve_makes_room(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;

    assert_int_equal(strobe_buf_reserve(&buf, 1000), 0);
    alloc_fail_arm(1);
    for (int i = 0; i < 1000; i++)
        strobe_buf_putc(&buf, 'x');
    assert_int_equal(alloc_fail_disarm(), 0);
    assert_false(buf.failed);
    assert_int_equal(buf.len, 1000);
    strobe_buf_release(&buf);
}

/* An impossible size fails without asking the system, and is not remembered as room. */
static void test_sizes_that_overflow(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4, SIZE_MAX / 2 + 2};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct strobe_buf buf = STROBE_BUF_INIT;

        strobe_buf_puts(&buf, "abc");
        assert_int_equal(strobe_buf_reserve(&buf, sizes[i]), STROBE_ERR_NOMEM);
        assert_true(buf.failed);
        assert_int_equal(buf.len, 3);
        strobe_buf_release(&buf);
    }
}

/* After a failed allocation nothing is appended, so that no text with a hole comes out; clear forgets the failure. */
static void test_failure_sticks_until_clear(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;
    char big[200];

    memset(big, 'y', sizeof big);
    strobe_buf_puts(&buf, "kept");
    alloc_fail_arm(1);
    strobe_buf_put(&buf, big, sizeof big);
    alloc_fail_disarm();
    assert_true(buf.failed);
    strobe_buf_puts(&buf, "z");
    strobe_buf_printf(&buf, "%d", 1);
    assert_string_equal(strobe_buf_str(&buf), "kept");
    assert_int_equal(strobe_buf_reserve(&buf, 1), STROBE_ERR_NOMEM);
    strobe_buf_clear(&buf);
    strobe_buf_put(&buf, big, sizeof big);
    assert_false(buf.failed);
    assert_int_equal(buf.len, sizeof big);
    strobe_buf_release(&buf);
}

static void test_printf_fails_once(void **state)
{
    struct strobe_buf buf = STROBE_BUF_INIT;

    alloc_fail_arm(1);
    strobe_buf_printf(&buf, "%s", "x");
    assert_true(alloc_fail_hit());
    alloc_fail_disarm();
    assert_true(buf.failed);
    assert_string_equal(strobe_buf_str(&buf), "");
    strobe_buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_appends_in_order_and_stays_terminated),
        cmocka_unit_test(test_holds_any_byte),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_reserve_makes_room),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_failure_sticks_until_clear),
        cmocka_unit_test(test_printf_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
