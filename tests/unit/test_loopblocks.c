/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cm.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "billing/loopblocks.h"
#include "tests/lib/alloc_fail.h"

enum { LOOP = 0x1000, MS = 1000000 };

static struct strobe_names *names;
static struct strobe_loopblocks blocks;

static int set_up(void **state)
{
    if (strobe_names_new(&names))
        return -1;
    strobe_loopblocks_init(&blocks, names);
    return 0;
}

static int tear_down(void **state)
{
    strobe_loopblocks_release(&blocks);
    strobe_names_free(names);
    return 0;
}

static uint32_t frame(const char *name, int line)
{
    struct strobe_frame f = {.line = line, .first_line = 1};
    uint32_t id;

    assert_int_equal(strobe_names_string(names, name, strlen(name), &f.name), 0);
    assert_int_equal(strobe_names_frame(names, &f, &id), 0);
    return id;
}

static void note(uint64_t tick, uint64_t step, uint32_t leaf, uint32_t caller, uint64_t ns)
{
    struct strobe_loopblock_look look = {.loop = LOOP, .pid = 1, .tick = tick, .ns = ns, .step = step, .most_ns = UINT64_MAX,
                                         .frames = (uint32_t[]){leaf, caller}, .n_frames = 2};

    assert_int_equal(strobe_loopblocks_note(&blocks, &look), 0);
}

static void assert_block(size_t i, uint64_t times, uint64_t total_ns, uint64_t longest_ns)
{
    assert_true(i < blocks.n);
    assert_int_equal(blocks.at[i].times, times);
    assert_int_equal(blocks.at[i].total_ns, total_ns);
    assert_int_equal(blocks.at[i].longest_ns, longest_ns);
}

static void test_looks_at_one_step_are_one_stay(void **state)
{
    uint32_t work = frame("work", 3), handle = frame("handle", 9);

    note(1, 5, work, handle, 10 * MS);
    note(2, 5, work, handle, 12 * MS);
    note(3, 6, work, handle, 7 * MS); /* another step */
    note(5, 6, work, handle, 7 * MS); /* the loop was free in between */
    note(6, 0, work, handle, 7 * MS); /* unknown: no reason to think that it is another */
    note(7, 6, work, handle, 7 * MS);
    assert_int_equal(blocks.n, 1);
    assert_block(0, 3, 50 * MS, 22 * MS);
}

static void test_lines_differ_functions_tell(void **state)
{
    uint32_t at3 = frame("work", 3), at4 = frame("work", 4), handle = frame("handle", 9), other = frame("other", 3);

    note(1, 5, at3, handle, 10 * MS);
    note(2, 5, at4, handle, 10 * MS);
    note(3, 5, other, handle, 40 * MS); /* the same step in other functions: a stay of those */
    note(4, 5, at3, handle, 5 * MS);
    assert_int_equal(blocks.n, 2);
    strobe_loopblocks_sort(&blocks);
    assert_block(0, 1, 40 * MS, 40 * MS);
    assert_block(1, 2, 25 * MS, 20 * MS);
    assert_int_equal(blocks.at[1].n, 2);
    assert_int_equal(blocks.at[1].frames[0], at4); /* the lines of the longest stay */
    assert_int_equal(blocks.at[1].frames[1], handle);
}

static void test_loops_are_apart(void **state)
{
    uint32_t work = frame("work", 3);
    struct strobe_loopblock_look look = {.pid = 1, .ns = MS, .step = 1, .most_ns = UINT64_MAX, .frames = &work, .n_frames = 1};

    for (look.tick = 1; look.tick <= 3; look.tick++)
        for (look.pid = 1; look.pid <= 2; look.pid++)
            for (look.loop = LOOP; look.loop < LOOP + 2; look.loop++)
                assert_int_equal(strobe_loopblocks_note(&blocks, &look), 0);
    assert_block(0, 4, 12 * MS, 3 * MS);
}

/* A look at a short step stands for the time since the look before; but so long the step was not. */
static void test_no_stay_is_longer_than_its_step(void **state)
{
    uint32_t work = frame("work", 3);
    struct strobe_loopblock_look look = {.loop = LOOP, .pid = 1, .ns = 10 * MS, .step = 1, .frames = &work, .n_frames = 1};

    for (look.tick = 1; look.tick < 9; look.tick += 2) {
        look.most_ns = look.tick * MS / 10;
        assert_int_equal(strobe_loopblocks_note(&blocks, &look), 0);
    }
    assert_block(0, 4, 40 * MS, 7 * MS / 10);
}

static void test_a_bounded_number_of_stacks_and_frames(void **state)
{
    enum { MORE = STROBE_LOOPBLOCKS_MAX + 50, DEEP = STROBE_LOOPBLOCKS_FRAMES + 50 };
    uint32_t deep[DEEP];
    struct strobe_loopblock_look look = {.loop = LOOP, .pid = 1, .ns = 3 * MS, .most_ns = UINT64_MAX, .frames = deep, .n_frames = DEEP};
    uint64_t total = 0;

    for (uint32_t i = 0; i < DEEP; i++)
        deep[i] = frame("deep", (int)i);
    assert_int_equal(strobe_loopblocks_note(&blocks, &look), 0);
    assert_int_equal(blocks.at[0].n, STROBE_LOOPBLOCKS_FRAMES);
    for (uint32_t i = 1; i < MORE; i++) {
        char name[16];

        snprintf(name, sizeof name, "f%u", (unsigned)i);
        note(2 * i, 0, frame(name, 1), deep[0], i == STROBE_LOOPBLOCKS_MAX ? 2 * MS : MS);
    }
    assert_int_equal(blocks.n, STROBE_LOOPBLOCKS_MAX + 1);
    assert_block(STROBE_LOOPBLOCKS_MAX, 50, 51 * MS, 2 * MS); /* those beyond the limit, together */
    assert_int_equal(blocks.at[STROBE_LOOPBLOCKS_MAX].n, 0);
    strobe_loopblocks_sort(&blocks);
    assert_block(0, 50, 51 * MS, 2 * MS);
    for (size_t i = 0; i < blocks.n; i++) {
        assert_true(!i || blocks.at[i - 1].total_ns >= blocks.at[i].total_ns);
        total += blocks.at[i].total_ns;
    }
    assert_int_equal(total, MORE * (uint64_t)MS + 3 * MS);
}

static void test_every_failed_allocation_is_reported(void **state)
{
    uint32_t frames[20];
    int err = -1;

    for (int i = 0; i < 20; i++) {
        char name[] = {(char)('a' + i), '\0'};

        frames[i] = frame(name, 1);
    }
    strobe_loopblocks_release(&blocks);
    for (uint64_t n = 1; err; n++) {
        strobe_loopblocks_init(&blocks, names);
        err = 0;
        alloc_fail_arm(n);
        for (uint32_t i = 0; !err && i < 20; i++) {
            struct strobe_loopblock_look look = {.loop = LOOP + i, .pid = 1, .tick = 1, .ns = 1, .frames = &frames[i], .n_frames = 1};

            err = strobe_loopblocks_note(&blocks, &look);
        }
        alloc_fail_disarm();
        assert_int_equal(err, alloc_fail_hit() ? STROBE_ERR_NOMEM : 0);
        strobe_loopblocks_release(&blocks);
        assert_int_equal(alloc_fail_live(), 0);
    }
    strobe_loopblocks_init(&blocks, names);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_looks_at_one_step_are_one_stay),
        TEST(test_lines_differ_functions_tell),
        TEST(test_loops_are_apart),
        TEST(test_no_stay_is_longer_than_its_step),
        TEST(test_a_bounded_number_of_stacks_and_frames),
        TEST(test_every_failed_allocation_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
