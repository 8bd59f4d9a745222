/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/arena.h"
#include "tests/lib/alloc_fail.h"

static void test_pieces_are_aligned_and_apart(void **state)
{
    struct strobe_arena arena = STROBE_ARENA_INIT;
    unsigned char *piece[500];

    for (size_t i = 0; i < 500; i++) {
        piece[i] = strobe_arena_alloc(&arena, i);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(piece[i][k], i & 0xff);
    strobe_arena_release(&arena);
    assert_null(arena.first);
}

static void test_large_pieces(void **state)
{
    struct strobe_arena arena = STROBE_ARENA_INIT;
    unsigned char *small = strobe_arena_alloc(&arena, 10), *large = strobe_arena_alloc(&arena, 5 << 20);

    assert_non_null(small);
    assert_non_null(large);
    memset(large, 1, 5 << 20);
    memset(small, 2, 10);
    assert_int_equal(large[(5 << 20) - 1], 1);
    strobe_arena_release(&arena);
}

static void test_impossible_sizes(void **state)
{
    struct strobe_arena arena = STROBE_ARENA_INIT;

    assert_null(strobe_arena_alloc(&arena, SIZE_MAX));
    assert_null(strobe_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(strobe_arena_alloc(&arena, SIZE_MAX / 2));
    assert_non_null(strobe_arena_alloc(&arena, 1));
    strobe_arena_release(&arena);
}

/* The proof that a sampling loop which has reached its size allocates nothing: the same work after a reset asks for none. */
static void test_reset_keeps_the_memory(void **state)
{
    static const size_t sizes[] = {100, 60000, 70000, 8, 300000, 64 * 1024, 17};
    struct strobe_arena arena = STROBE_ARENA_INIT;

    for (int round = 0; round < 4; round++) {
        alloc_fail_arm(0);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            memset(strobe_arena_alloc(&arena, sizes[i]), round, sizes[i]);
        if (round)
            assert_int_equal(alloc_fail_disarm(), 0);
        else
            assert_true(alloc_fail_disarm() > 0);
        strobe_arena_reset(&arena);
    }
    strobe_arena_release(&arena);
}

static void test_each_allocation_fails_once(void **state)
{
    for (uint64_t n = 1; n <= 4; n++) {
        struct strobe_arena arena = STROBE_ARENA_INIT;
        unsigned nulls = 0;

        alloc_fail_arm(n);
        for (int i = 0; i < 4; i++)
            nulls += !strobe_arena_alloc(&arena, 60000);
        alloc_fail_disarm();
        assert_int_equal(nulls, 1);
        strobe_arena_release(&arena);
        assert_int_equal(alloc_fail_live(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_aligned_and_apart),
        cmocka_unit_test(test_large_pieces),
        cmocka_unit_test(test_impossible_sizes),
        cmocka_unit_test(test_reset_keeps_the_memory),
        cmocka_unit_test(test_each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
