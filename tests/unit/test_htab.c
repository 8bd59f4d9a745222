/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/htab.h"
#include "tests/lib/alloc_fail.h"

enum { MANY = 20000 };

static void test_empty(void **state)
{
    struct strobe_htab tab = STROBE_HTAB_INIT;

    assert_null(strobe_htab_get(&tab, 0, 0));
    strobe_htab_clear(&tab);
    strobe_htab_release(&tab);
}

static void test_zero_is_a_key_and_a_value(void **state)
{
    struct strobe_htab tab = STROBE_HTAB_INIT;

    assert_int_equal(strobe_htab_put(&tab, 0, 0, 0), 0);
    assert_non_null(strobe_htab_get(&tab, 0, 0));
    assert_int_equal(*strobe_htab_get(&tab, 0, 0), 0);
    assert_null(strobe_htab_get(&tab, 0, 1));
    assert_null(strobe_htab_get(&tab, 1, 0));
    assert_int_equal(tab.count, 1);
    strobe_htab_release(&tab);
}

static void test_overwriting_counts_once(void **state)
{
    struct strobe_htab tab = STROBE_HTAB_INIT;

    for (uint64_t v = 0; v < 100; v++)
        assert_int_equal(strobe_htab_put(&tab, 7, 9, v), 0);
    assert_int_equal(tab.count, 1);
    assert_int_equal(*strobe_htab_get(&tab, 7, 9), 99);
    *strobe_htab_get(&tab, 7, 9) = 5;
    assert_int_equal(*strobe_htab_get(&tab, 7, 9), 5);
    strobe_htab_release(&tab);
}

/* Keys as they come in practice: aligned addresses in one half, small numbers in the other. */
static void test_many_keys(void **state)
{
    struct strobe_htab tab = STROBE_HTAB_INIT;

    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(strobe_htab_put(&tab, 0x7f0000000000 + i / 2 * 4096, i % 2, i), 0);
    assert_int_equal(tab.count, MANY);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t *value = strobe_htab_get(&tab, 0x7f0000000000 + i / 2 * 4096, i % 2);

        assert_non_null(value);
        assert_int_equal(*value, i);
        assert_null(strobe_htab_get(&tab, 0x7f0000000000 + i / 2 * 4096, i % 2 + 2));
    }
    strobe_htab_release(&tab);
}

static void test_clear_keeps_the_memory(void **state)
{
    struct strobe_htab tab = STROBE_HTAB_INIT;

    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(strobe_htab_put(&tab, i, i, i), 0);
    strobe_htab_clear(&tab);
    assert_int_equal(tab.count, 0);
    for (uint64_t i = 0; i < 1000; i++)
        assert_null(strobe_htab_get(&tab, i, i));
    alloc_fail_arm(0);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(strobe_htab_put(&tab, i, i + 1, i), 0);
    assert_int_equal(alloc_fail_disarm(), 0);
    strobe_htab_release(&tab);
}

/* A put that cannot grow fails and changes nothing: everything put before is still there. */
static void test_each_allocation_fails_once(void **state)
{
    for (uint64_t n = 1;; n++) {
        struct strobe_htab tab = STROBE_HTAB_INIT;
        uint64_t done = 0;

        alloc_fail_arm(n);
        while (done < 1000 && !strobe_htab_put(&tab, done, 0, done * 3))
            done++;
        alloc_fail_disarm();
        assert_int_equal(alloc_fail_hit(), done < 1000);
        assert_int_equal(tab.count, done);
        for (uint64_t i = 0; i < done; i++)
            assert_int_equal(*strobe_htab_get(&tab, i, 0), i * 3);
        assert_null(strobe_htab_get(&tab, done, 0));
        assert_int_equal(strobe_htab_put(&tab, done, 0, 1), 0);
        strobe_htab_release(&tab);
        assert_int_equal(alloc_fail_live(), 0);
        if (done == 1000)
            return;
    }
}

/* The hash of bytes depends on every byte, on the length and on the seed, and on nothing beside them. */
static void test_hash_bytes(void **state)
{
    unsigned char bytes[40];

    for (size_t len = 0; len <= 32; len++) {
        uint64_t hash;

        memset(bytes, 0, sizeof bytes);
        hash = strobe_hash_bytes(bytes, len, 1);
        assert_true(hash != strobe_hash_bytes(bytes, len + 1, 1));
        assert_true(hash != strobe_hash_bytes(bytes, len, 2));
        bytes[len] = 1;
        assert_true(hash == strobe_hash_bytes(bytes, len, 1));
        for (size_t i = 0; i < len; i++) {
            bytes[i] ^= 0x80;
            assert_true(hash != strobe_hash_bytes(bytes, len, 1));
            bytes[i] ^= 0x80;
        }
        memmove(bytes + 3, bytes, len); /* unaligned input is the same input */
        assert_true(hash == strobe_hash_bytes(bytes + 3, len, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_zero_is_a_key_and_a_value),
        cmocka_unit_test(test_overwriting_counts_once),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_clear_keeps_the_memory),
        cmocka_unit_test(test_each_allocation_fails_once),
        cmocka_unit_test(test_hash_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
