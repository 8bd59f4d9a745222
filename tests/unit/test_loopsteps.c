/* SPDX-License-Identifier: Apache-2.0 */
/* Which step a loop's thread is in, in memory that is made up, with each version's layout. */
#include "tests/unit/cm.h"

#include <string.h>

#include "billing/loopsteps.h"
#include "tests/lib/alloc_fail.h"
#include "tests/unit/aio_images.h"

enum { CODE = 0x10000, OTHER_CODE = 0x20000, FRAME = 0x30000, FLOAT = 0x40000, INT = 0x50000, END_SLOT = 7, I_SLOT = 3, PAGE = 4096 };

/* A thread in _run_once(), called by run_forever(), in a function that is called from there. */
static const struct strobe_raw_frame frames[] = {{.code = OTHER_CODE, .frame = 0x60000}, {.code = CODE, .frame = FRAME},
                                                 {.code = OTHER_CODE, .frame = 0x70000}};
static const struct strobe_thread thread = {.tstate = 0x1000, .tstate_id = 7, .frames = frames, .n_frames = 3};

struct made {
    const struct strobe_layout *lay;
    struct image *image;
    struct strobe_mem *mem;
    struct strobe_coderoles codes;
    struct strobe_code_entry entry, *entries[1];
    struct strobe_loopsteps steps;
};

static void put(struct made *made, uint64_t addr, uint64_t word)
{
    for (size_t i = 0; i < image_count(made->image); i++) {
        uint64_t start;
        size_t len;
        unsigned char *bytes = image_range(made->image, i, &start, &len);

        if (addr >= start && addr + sizeof word <= start + len)
            memcpy(bytes + (addr - start), &word, sizeof word);
    }
}

static void set_step(struct made *made, double end_time, uint32_t handles)
{
    const struct strobe_layout *lay = made->lay;
    uint64_t bits, tag = lay->pointer_mask_low ? 1 : 0, digits = handles > 0;

    memcpy(&bits, &end_time, sizeof bits);
    put(made, FRAME + lay->fr_code, CODE | tag);
    put(made, FRAME + lay->fr_localsplus + 8 * END_SLOT, FLOAT | tag);
    put(made, FRAME + lay->fr_localsplus + 8 * I_SLOT, INT | tag);
    put(made, FLOAT + lay->float_value, bits);
    put(made, INT + lay->long_digit, 0xdeadbeef00000000 | handles); /* what lies behind the digit is not its own */
    put(made, INT + lay->long_tag, lay->long_shift ? digits << lay->long_shift | !digits : digits);
    if (lay->long_digit < lay->long_tag + 8) /* the words overlap: the digit last */
        put(made, INT + lay->long_digit, handles);
}

static void open_made(struct made *made, struct aio_image *aio)
{
    static const unsigned char zeros[PAGE];
    static const uint64_t pages[] = {FRAME, FLOAT, INT};

    *made = (struct made){.lay = &aio->session.base.lay};
    assert_int_equal(image_new(&made->image), 0);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        assert_int_equal(image_add(made->image, pages[i], zeros, sizeof zeros), 0);
    assert_int_equal(image_mem_new(made->image, &made->mem), 0);
    strobe_coderoles_init(&made->codes, made->mem, made->lay);
    made->entry = (struct strobe_code_entry){.code = CODE, .role = STROBE_CODE_STEPS, .slot = {END_SLOT, I_SLOT, -1},
                                             .checked = made->codes.sample, .n_locals = 10};
    made->entries[0] = &made->entry;
    made->codes.at = made->entries;
    made->codes.n = 1;
    assert_int_equal(strobe_htab_put(&made->codes.known, CODE, 0, 0), 0);
    strobe_loopsteps_init(&made->steps, made->lay, &made->codes);
}

static void close_made(struct made *made)
{
    strobe_loopsteps_release(&made->steps);
    made->codes.at = NULL; /* not its own */
    made->codes.n = 0;
    strobe_coderoles_release(&made->codes);
    strobe_mem_close(made->mem);
    image_free(made->image);
}

static void assert_step(struct made *made, double end_time, int64_t handles)
{
    struct strobe_loopstep step;

    assert_true(strobe_loopsteps_get(&made->steps, &thread, &frames[1], &step));
    assert_true(step.end_time == end_time);
    assert_int_equal(step.handles, handles);
}

static void test_what_was_read_with_the_stack(void **state)
{
    struct strobe_loopstep step;
    struct made made;

    open_made(&made, *state);
    set_step(&made, 1234.5, 0);
    strobe_loopsteps_visit(&made.steps, made.mem, &thread); /* not known to run a loop */
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step));
    assert_int_equal(strobe_loopsteps_add(&made.steps, &thread), 0);
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step)); /* not visited yet */
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_step(&made, 1234.5, 0);
    set_step(&made, 1234.5, 41); /* the loop goes on; the stack was read before */
    assert_step(&made, 1234.5, 0);
    alloc_fail_arm(1);
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_false(alloc_fail_hit()); /* nothing is allocated while a thread stands still */
    alloc_fail_disarm();
    assert_step(&made, 1234.5, 41);
    close_made(&made);
}

/* A step is of the frame and the code that it was read of, or of nothing. */
static void test_nothing_is_known_of_others(void **state)
{
    struct strobe_raw_frame moved = {.code = CODE, .frame = FRAME + 8};
    struct strobe_thread another = thread, outside = {.tstate = 0x1000, .tstate_id = 7, .frames = frames, .n_frames = 1};
    struct strobe_loopstep step;
    struct made made;

    open_made(&made, *state);
    set_step(&made, 5, 6);
    assert_int_equal(strobe_loopsteps_add(&made.steps, &thread), 0);
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_step(&made, 5, 6);
    another.tstate_id++;
    assert_false(strobe_loopsteps_get(&made.steps, &another, &frames[1], &step));
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &moved, &step));
    strobe_loopsteps_visit(&made.steps, made.mem, &outside); /* it has left the loop */
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step));
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    put(&made, FRAME + made.lay->fr_localsplus + 8 * END_SLOT, 0); /* unbound */
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step));
    set_step(&made, 5, 6);
    put(&made, FRAME + made.lay->fr_code, OTHER_CODE); /* another frame by now */
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step));
    made.entry.slot[1] = -1; /* a _run_once() without such a variable */
    set_step(&made, 5, 6);
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_false(strobe_loopsteps_get(&made.steps, &thread, &frames[1], &step));
    close_made(&made);
}

static void test_threads_that_come_and_go(void **state)
{
    struct strobe_thread other = thread;
    struct made made;

    open_made(&made, *state);
    set_step(&made, 8, 9);
    for (uint64_t i = 0; i < 1000; i++) {
        other.tstate_id = 100 + i;
        assert_int_equal(strobe_loopsteps_add(&made.steps, &other), 0);
        assert_int_equal(strobe_loopsteps_add(&made.steps, &other), 0);
        assert_true(made.steps.n <= 256);
    }
    assert_int_equal(strobe_loopsteps_add(&made.steps, &thread), 0);
    strobe_loopsteps_visit(&made.steps, made.mem, &thread);
    assert_step(&made, 8, 9);
    close_made(&made);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_what_was_read_with_the_stack, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_nothing_is_known_of_others, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_threads_that_come_and_go, aio_image_setup, aio_image_teardown),
};

int main(void)
{
    return aio_images_run("loopsteps", each_image, sizeof each_image / sizeof *each_image);
}
