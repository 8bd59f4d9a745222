/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded processes of each version (tests/images/NAME.img), walked offline: as they were, with each read failing once, with each
 * allocation failing once.  What is shown must be what the process said of itself, or an error, never anything else. */
#include "tests/unit/cm.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/alloc_fail.h"
#include "tests/lib/mem_image.h"
#include "tests/lib/replay.h"

enum { MAX_IMAGES = 64, ENDLESS = 100000 };

static const enum strobe_snapshot_mode modes[] = {STROBE_MODE_EXACT, STROBE_MODE_NONBLOCKING};

/* One image, what its process said, and the last replay of it. */
struct world {
    struct image *image;
    struct strobe_layout_hint hint;
    struct replay truth, seen;
};

static int setup(void **state)
{
    const char *path = *state;
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    assert_int_equal(image_load(path, &world->image), 0);
    assert_int_equal(replay_hint(world->image, &world->hint), 0);
    assert_int_equal(replay_truth(world->image, &world->truth), 0);
    assert_true(world->truth.n_threads > 5);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    image_free(world->image);
    free(world);
    return 0;
}

static const struct replay_thread *thread_of(const struct replay *truth, uint64_t ident)
{
    for (size_t i = 0; i < truth->n_threads; i++)
        if (truth->threads[i].ident == ident)
            return &truth->threads[i];
    fail_msg("no thread has the id %llu", (unsigned long long)ident);
    return NULL;
}

/* A frame as it was, or an error; where a read failed, the line may be unknown (0). */
static void check_frame(const struct replay_frame *seen, const struct replay_frame *truth, bool whole)
{
    if (whole || !seen->error) {
        assert_int_equal(seen->error, 0);
        assert_string_equal(seen->name, truth->name);
        assert_string_equal(seen->file, truth->file);
        assert_int_equal(seen->first_line, truth->first_line);
        if (whole || seen->line)
            assert_int_equal(seen->line, truth->line);
    }
}

/* whole: everything must be there. */
static void check(const struct world *world, bool whole)
{
    const struct replay *seen = &world->seen;

    assert_true(seen->n_threads <= world->truth.n_threads);
    for (size_t i = 0; i < seen->n_threads; i++) {
        const struct replay_thread *thread = &seen->threads[i], *truth = thread_of(&world->truth, thread->ident);

        for (size_t k = 0; k < i; k++)
            assert_true(seen->threads[k].ident != thread->ident);
        if (whole || thread->name[0])
            assert_string_equal(thread->name, truth->name);
        assert_true(thread->native == 0 || thread->native == truth->native);
        if (whole)
            assert_int_equal(thread->error, 0);
        if (thread->error)
            assert_true(thread->n_frames <= truth->n_frames + 1); /* the mark of a broken chain is one more */
        else
            assert_int_equal(thread->n_frames, truth->n_frames);
        for (size_t k = 0; k < thread->n_frames && k < truth->n_frames; k++)
            check_frame(&thread->frames[k], &truth->frames[k], whole);
    }
    if (whole)
        assert_int_equal(seen->n_threads, world->truth.n_threads);
}

/* Values as they were; whole: all of them.  Otherwise some may be missing, or say that they could not be read. */
static void check_locals(const struct world *world, bool whole)
{
    for (size_t i = 0; i < world->truth.n_locals; i++) {
        size_t k = 0;

        while (k < world->seen.n_locals && strcmp(world->seen.locals[k].name, world->truth.locals[i].name))
            k++;
        if (k == world->seen.n_locals) {
            if (whole)
                fail_msg("local variable %s is missing", world->truth.locals[i].name);
            continue;
        }
        /* A class whose module cannot be read is shown by its bare name. */
        if (whole || (!strstr(world->seen.locals[k].repr, "<unreadable") && strncmp(world->seen.locals[k].repr, "<class ", 7)))
            assert_string_equal(world->seen.locals[k].repr, world->truth.locals[i].repr);
    }
    assert_true(world->truth.n_locals > 10);
}

static struct strobe_mem *reader(struct world *world)
{
    struct strobe_mem *mem = NULL;

    assert_int_equal(image_mem_new(world->image, &mem), 0);
    return mem;
}

static void test_shows_the_truth(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        struct strobe_mem *mem = reader(world);

        assert_int_equal(replay_walk(mem, &world->hint, modes[i], &world->seen), 0);
        check(world, true);
        check_locals(world, true);
        strobe_mem_close(mem);
    }
}

static void test_shows_the_truth_through_the_cache(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        struct strobe_mem *mem = NULL;

        assert_int_equal(strobe_mem_paged_new(reader(world), &mem), 0);
        assert_int_equal(replay_walk(mem, &world->hint, modes[i], &world->seen), 0);
        check(world, true);
        strobe_mem_close(mem);
    }
}

static void test_each_read_fails_once(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        for (uint64_t n = 1;; n++) {
            struct strobe_mem *mem = NULL;
            uint64_t calls;

            assert_int_equal(strobe_mem_count_new(reader(world), n, &mem), 0);
            if (replay_walk(mem, &world->hint, modes[i], &world->seen) == 0) {
                check(world, false);
                check_locals(world, false);
            }
            calls = strobe_mem_count_stats(mem)->calls;
            strobe_mem_close(mem);
            if (calls < n)
                break;
            assert_true(n < ENDLESS);
        }
        check(world, true);
    }
}

static void test_each_allocation_fails_once(void **state)
{
    struct world *world = *state;

    for (uint64_t n = 1;; n++) {
        struct strobe_mem *mem = reader(world);
        int err;

        alloc_fail_arm(n);
        err = replay_walk(mem, &world->hint, STROBE_MODE_EXACT, &world->seen);
        alloc_fail_disarm();
        strobe_mem_close(mem);
        assert_int_equal(alloc_fail_live(), 0);
        if (!alloc_fail_hit()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_true(err == 0 || err == STROBE_ERR_NOMEM);
        if (!err) {
            check(world, false);
            check_locals(world, false);
        }
        assert_true(n < ENDLESS);
    }
    check(world, true);
}

/* A tick that was damaged leaves nothing behind: the next one is whole, names kept from the damaged one included. */
static void test_the_tick_after_a_failed_read_is_whole(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        uint64_t opening = 0;
        bool reached = true; /* n = 0 stands for no failure, to learn how many reads the opening takes */

        for (uint64_t n = 0; reached; n++) {
            struct strobe_mem *mem = NULL;
            struct replay_session session;

            assert_int_equal(strobe_mem_count_new(reader(world), n ? opening + n : 0, &mem), 0);
            assert_int_equal(replay_open(&session, mem, &world->hint, modes[i]), 0);
            opening = strobe_mem_count_stats(mem)->calls;
            if (replay_tick(&session, &world->seen) == 0)
                check(world, n == 0);
            reached = strobe_mem_count_stats(mem)->calls >= opening + n;
            assert_int_equal(replay_tick(&session, &world->seen), 0);
            check(world, true);
            replay_close(&session);
            strobe_mem_close(mem);
            assert_true(n < ENDLESS);
        }
    }
}

/* Overwrites a word of the image; returns what was there. */
static uint64_t poke(struct image *image, uint64_t at, uint64_t value)
{
    for (size_t i = 0; i < image_count(image); i++) {
        uint64_t addr, old;
        size_t len;
        unsigned char *bytes = image_range(image, i, &addr, &len);

        if (at < addr || at + 8 > addr + len)
            continue;
        memcpy(&old, bytes + (at - addr), 8);
        memcpy(bytes + (at - addr), &value, 8);
        return old;
    }
    fail_msg("address %llx is not in the image", (unsigned long long)at);
    return 0;
}

/* A chain of frames that runs in a circle: that thread has an error or shows its real inner end, all others are as they were. */
static void test_a_circle_of_frames(void **state)
{
    struct world *world = *state;
    struct strobe_mem *mem = reader(world);
    struct replay_session session;

    for (size_t i = 0; i < 2; i++) {
        const struct strobe_sample *sample;
        uint64_t inner, outer, old, ident;
        size_t damaged = 0;

        assert_int_equal(replay_open(&session, mem, &world->hint, modes[i]), 0);
        assert_int_equal(strobe_snapshot_take(session.snap, &sample), 0);
        ident = sample->threads[1].pthread;
        inner = sample->threads[1].frames[0].frame;
        outer = sample->threads[1].frames[sample->threads[1].n_frames - 1].frame;
        old = poke(world->image, outer + session.lay.fr_previous, inner);
        if (replay_tick(&session, &world->seen) == 0) {
            for (size_t t = 0; t < world->seen.n_threads; t++) {
                struct replay_thread *thread = &world->seen.threads[t];

                if (thread->ident != ident)
                    continue;
                damaged++;
                assert_true(thread->error || thread->n_frames > REPLAY_FRAMES);
                *thread = *thread_of(&world->truth, ident);
            }
            assert_int_equal(damaged, 1);
            check(world, true);
        }
        poke(world->image, outer + session.lay.fr_previous, old);
        assert_int_equal(replay_tick(&session, &world->seen), 0);
        check(world, true);
        replay_close(&session);
    }
    strobe_mem_close(mem);
}

/* Lists of thread states and of interpreters that run in a circle end with an error. */
static void test_circles_of_lists(void **state)
{
    struct world *world = *state;
    struct strobe_mem *mem = reader(world);
    struct replay_session session;
    const struct strobe_sample *sample;
    uint64_t first, interp, old;

    assert_int_equal(replay_open(&session, mem, &world->hint, STROBE_MODE_EXACT), 0);
    assert_int_equal(strobe_snapshot_take(session.snap, &sample), 0);
    first = sample->threads[0].tstate;
    assert_int_equal(strobe_mem_u64(mem, first + session.lay.ts_interp, &interp), 0);
    old = poke(world->image, first + session.lay.ts_next, first);
    assert_true(replay_tick(&session, &world->seen) < 0);
    poke(world->image, first + session.lay.ts_next, old);
    old = poke(world->image, interp + session.lay.in_next, interp);
    assert_true(replay_tick(&session, &world->seen) < 0);
    poke(world->image, interp + session.lay.in_next, old);
    assert_int_equal(replay_tick(&session, &world->seen), 0);
    check(world, true);
    replay_close(&session);
    strobe_mem_close(mem);
}

/* One tick of a recording: read, resolve. */
static void tick(struct replay_session *session)
{
    const struct strobe_sample *sample;
    uint32_t id;

    assert_int_equal(strobe_snapshot_take(session->snap, &sample), 0);
    for (uint32_t t = 0; t < sample->n_threads; t++) {
        for (uint32_t f = 0; f < sample->threads[t].n_frames; f++) {
            const struct strobe_raw_frame *frame = &sample->threads[t].frames[f];

            assert_int_equal(strobe_codes_resolve(session->codes, frame->code, (int64_t)frame->instr, &id), 0);
        }
    }
}

/* asyncio's layout: by constants, or with the table whose address an image carries. */
static void test_asyncio_layout(void **state)
{
    enum { TABLE = 0x1000, INTERP_SIZE_AT = 48 };
    struct world *world = *state;
    struct strobe_mem *mem = reader(world);
    struct strobe_aio_layout aio, again;
    struct strobe_layout lay;
    uint64_t h, size;

    assert_int_equal(strobe_layout_init(mem, &world->hint, &lay, NULL), 0);
    h = lay.ob_header;
    if (!strobe_aio_layout_has_table(&lay)) {
        assert_int_equal(replay_asyncio(world->image, mem, &lay, &aio), 0);
        assert_int_equal(aio.task_coro, aio.task_fut_waiter + 8);
        strobe_mem_close(mem);
        return;
    }
    if (!image_get(world->image, "asyncio")) {
        uint64_t table[] = {h + 152, h + 120, h + 80, h + 92, h + 93, h + 112, h + 136, 0, 8192, 4096, 2048, 2056, 2064};

        assert_int_equal(replay_asyncio(world->image, mem, &lay, &aio), STROBE_ERR_MISSING);
        assert_int_equal(strobe_mem_u64(mem, lay.runtime + INTERP_SIZE_AT, &size), 0);
        table[7] = size;
        strobe_mem_close(mem);
        assert_int_equal(image_add(world->image, TABLE, table, sizeof table), 0);
        assert_int_equal(image_set(world->image, "asyncio", "1000"), 0);
        mem = reader(world);
    }
    assert_int_equal(replay_asyncio(world->image, mem, &lay, &aio), 0);
    assert_int_equal(aio.task_coro, h + 112);
    again = aio;
    assert_int_equal(image_set(world->image, "asyncio", "no address"), 0);
    assert_int_equal(replay_asyncio(world->image, mem, &lay, &again), STROBE_ERR_FORMAT);
    assert_memory_equal(&again, &aio, sizeof aio);
    strobe_mem_close(mem);
}

/* Once everything was seen, sampling allocates nothing, whether the lists are walked again or not. */
static void test_sampling_allocates_nothing(void **state)
{
    struct world *world = *state;
    struct strobe_mem *mem = NULL;
    struct replay_session session;

    assert_int_equal(strobe_mem_paged_new(reader(world), &mem), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(replay_open(&session, mem, &world->hint, modes[i]), 0);
        tick(&session);
        tick(&session);
        alloc_fail_arm(1);
        for (int k = 0; k < 6; k++) {
            session.now += k % 2 ? 1000000000 : 0;
            tick(&session);
        }
        assert_int_equal(alloc_fail_disarm(), 0);
        replay_close(&session);
    }
    strobe_mem_close(mem);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_shows_the_truth, setup, teardown),
    cmocka_unit_test_setup_teardown(test_shows_the_truth_through_the_cache, setup, teardown),
    cmocka_unit_test_setup_teardown(test_each_read_fails_once, setup, teardown),
    cmocka_unit_test_setup_teardown(test_each_allocation_fails_once, setup, teardown),
    cmocka_unit_test_setup_teardown(test_the_tick_after_a_failed_read_is_whole, setup, teardown),
    cmocka_unit_test_setup_teardown(test_a_circle_of_frames, setup, teardown),
    cmocka_unit_test_setup_teardown(test_circles_of_lists, setup, teardown),
    cmocka_unit_test_setup_teardown(test_asyncio_layout, setup, teardown),
    cmocka_unit_test_setup_teardown(test_sampling_allocates_nothing, setup, teardown),
};

enum { TESTS = sizeof each_image / sizeof *each_image };

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_IMAGES * TESTS];
    static char names[MAX_IMAGES * TESTS][128];
    glob_t images;
    size_t n = 0;
    int failed;

    /* Images named on the command line, or all. */
    if (glob(argc > 1 ? argv[1] : "tests/images/*.img", 0, NULL, &images) || images.gl_pathc > MAX_IMAGES) {
        fprintf(stderr, "no images found (run from the top folder of the sources)\n");
        return 1;
    }
    for (size_t i = 0; i < images.gl_pathc; i++) {
        for (size_t k = 0; k < TESTS; k++, n++) {
            tests[n] = each_image[k];
            tests[n].initial_state = images.gl_pathv[i];
            snprintf(names[n], sizeof names[n], "%s: %s", images.gl_pathv[i], each_image[k].name);
            tests[n].name = names[n];
        }
    }
    failed = _cmocka_run_group_tests("replay", tests, n, NULL, NULL);
    globfree(&images);
    return failed;
}
