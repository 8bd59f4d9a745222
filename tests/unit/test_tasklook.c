/* SPDX-License-Identifier: Apache-2.0 */
/* Which way a look at tasks takes: kept, read while a loop's thread stands still, read as it goes on.  The memory is a recorded process's,
 * the threads are played. */
#include "tests/unit/cm.h"

#include <string.h>

#include "base/clock.h"
#include "tasklook.h"
#include "tests/unit/aio_images.h"

enum { MS = 1000000, TIDS = 64 };

struct play {
    struct strobe_host host;
    struct strobe_thread_state state; /* of every thread */
    uint64_t held;                    /* times that a thread was to be */
    int refused;                      /* error of hold(); 0 = it is held */
    int32_t holding;
    struct {
        uint64_t pthread;
    } tids[TIDS];
    int32_t n_tids;
};

struct stage {
    struct aio_image *aio;
    struct play play;
    struct strobe_clock clock;
    uint64_t now;
    struct strobe_mem *mem;
    struct strobe_snapshot *snap;
    struct strobe_tasklook *look;
    const struct strobe_task_sample *sample;
};

static struct play *play_of(struct strobe_host *host)
{
    return (struct play *)((char *)host - offsetof(struct play, host));
}

static int hold(struct strobe_host *host, int32_t tid)
{
    play_of(host)->held++;
    if (!play_of(host)->refused)
        play_of(host)->holding = tid;
    return play_of(host)->refused;
}

static void release(struct strobe_host *host)
{
    play_of(host)->holding = 0;
}

static int thread_state(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret)
{
    *ret = play_of(host)->state;
    if (play_of(host)->holding == tid)
        *ret = (struct strobe_thread_state){.run = STROBE_RUN_STOPPED, .run_count = 1};
    return 0;
}

static int thread_id(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid)
{
    struct play *play = play_of(host);
    int32_t i = 0;

    (void)native;
    while (i < play->n_tids && play->tids[i].pthread != pthread)
        i++;
    assert_true(i < TIDS);
    play->tids[i].pthread = pthread;
    play->n_tids += i == play->n_tids;
    *ret_tid = 1000 + i;
    return 0;
}

static int thread_name(struct strobe_host *host, int32_t tid, char *buf, size_t size)
{
    snprintf(buf, size, "played");
    return 0;
}

static void close_host(struct strobe_host *host)
{
}

static uint64_t clock_now(struct strobe_clock *clock)
{
    struct stage *stage = (struct stage *)((char *)clock - offsetof(struct stage, clock));

    return stage->now += 1000; /* each question takes a microsecond */
}

static void clock_sleep(struct strobe_clock *clock, uint64_t until)
{
}

static int find_table(void *ctx, struct strobe_mem *mem, uint64_t *ret_table)
{
    const char *text = image_get(ctx, "asyncio");

    if (!text)
        return STROBE_ERR_MISSING;
    *ret_table = strtoull(text, NULL, 16);
    return 0;
}

static void open_stage(struct stage *stage, struct aio_image *aio, const struct strobe_tasklook_opts *opts)
{
    static const struct strobe_host_ops ops = {hold, release, thread_state, thread_id, thread_name, close_host};
    const struct strobe_snapshot_opts snap = {.mode = STROBE_MODE_EXACT};
    struct strobe_mem *inner = NULL;

    *stage = (struct stage){.aio = aio, .now = 1000 * (uint64_t)MS, .clock = {clock_now, clock_sleep}};
    stage->play = (struct play){.host = {.ops = &ops}, .state = {.run = STROBE_RUN_SLEEPING, .run_count = 5}};
    assert_int_equal(image_mem_new(aio->image, &inner), 0);
    assert_int_equal(strobe_mem_count_new(inner, 0, &stage->mem), 0);
    assert_int_equal(strobe_snapshot_new(stage->mem, &stage->play.host, &aio->session.base.lay, &stage->clock, &snap, &stage->snap), 0);
    assert_int_equal(strobe_tasklook_new(stage->mem, &aio->session.base.lay, stage->snap, &stage->clock, opts, &stage->look), 0);
    strobe_tasklook_set_finder(stage->look, find_table, aio->image);
}

static void close_stage(struct stage *stage)
{
    strobe_tasklook_free(stage->look);
    strobe_snapshot_free(stage->snap);
    strobe_mem_close(stage->mem);
}

/* One look, which must show every task that the process had; the bytes that were read for it. */
static uint64_t look(struct stage *stage)
{
    uint64_t before = strobe_mem_count_stats(stage->mem)->bytes;
    const struct strobe_sample *threads;

    stage->now += 10 * MS;
    assert_int_equal(strobe_tasklook_take(stage->look, &threads, &stage->sample), 0);
    assert_int_equal(stage->sample->n_tasks, stage->aio->truth.n_tasks);
    assert_int_equal(stage->sample->n_dropped, 0);
    assert_int_equal(stage->play.holding, 0);
    return strobe_mem_count_stats(stage->mem)->bytes - before;
}

/* Of a process made by fork: tasks of loops that its threads run are its own, others were its parent's.  The process of the image is
 * another one than that which is named, so that by the versions that note whose a loop is none runs. */
static void test_of_a_fork(void **state)
{
    const struct aio_image *aio = *state;
    struct strobe_tasklook_opts opts = {.careful = true};
    const struct strobe_sample *threads;
    struct stage stage;
    bool noted;

    open_stage(&stage, *state, &opts);
    look(&stage);
    assert_int_equal(stage.sample->n_copies, 0);
    noted = strobe_tasklook_reader(stage.look)->lay->minor <= 11;
    strobe_tasklook_set_forked(stage.look, 1);
    stage.play.state.run_count++;
    assert_int_equal(strobe_tasklook_take(stage.look, &threads, &stage.sample), 0);
    assert_int_equal(stage.sample->n_tasks, noted ? 0 : aio->truth.n_tasks);
    assert_int_equal(stage.sample->n_copies, noted ? aio->truth.n_tasks : 0);
    assert_int_equal(stage.sample->n_dropped, 0);
    assert_true(noted ? !stage.sample->n_waits && !stage.sample->n_awaiters : stage.sample->n_waits > 0);
    close_stage(&stage);
}

/* While no loop's thread runs, the tasks are what they were; one that has run is a reason to read all of them. */
static void test_kept_while_nothing_runs(void **state)
{
    struct strobe_tasklook_opts opts = {.careful = false};
    struct stage stage;
    uint64_t first, kept, again;

    open_stage(&stage, *state, &opts);
    look(&stage);
    assert_true(stage.sample->whole);
    stage.play.state.run_count++;
    first = look(&stage);
    kept = look(&stage);
    assert_true(stage.sample->whole);
    assert_true(kept < first / 4);
    assert_true(look(&stage) <= kept);
    stage.play.state.run_count++;
    again = look(&stage);
    assert_true(again > first / 2);
    assert_true(stage.sample->whole); /* it slept while they were read */
    assert_int_equal(stage.play.held, 0); /* who sleeps is never held */
    close_stage(&stage);
}

/* Threads that run all the time: the tasks are each for itself what they were. */
static void test_running_loops_are_not_whole(void **state)
{
    struct strobe_tasklook_opts opts = {.careful = false};
    struct stage stage;
    uint64_t first;

    open_stage(&stage, *state, &opts);
    stage.play.state = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
    look(&stage);
    first = look(&stage);
    assert_false(stage.sample->whole);
    assert_true(look(&stage) > first / 2); /* nothing is kept */
    assert_false(stage.sample->list_torn);
    close_stage(&stage);
}

/* Who looks for itself takes the look again while loops run, a few times. */
static void test_careful_looks_again(void **state)
{
    struct strobe_tasklook_opts opts = {.careful = true}, once = {.careful = false};
    uint64_t bytes[2];

    for (int careful = 0; careful < 2; careful++) {
        struct stage stage;

        open_stage(&stage, *state, careful ? &opts : &once);
        stage.play.state = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        look(&stage); /* the first reads classes and code besides */
        bytes[careful] = look(&stage);
        assert_false(stage.sample->whole);
        close_stage(&stage);
    }
    assert_true(bytes[1] > 2 * bytes[0]);
}

/* A few tasks are read while a loop's thread stands still; with more than the time allows, or none of it, they are read as the loop goes
 * on.  In a build with a GIL one thread that stands still is enough. */
static void test_few_with_a_pause_many_without(void **state)
{
    const struct strobe_tasklook_opts few = {.max_pause_ns = 1000 * (uint64_t)MS, .still_ns = 1000 * (uint64_t)MS},
                                      many = {.max_pause_ns = 1000 * (uint64_t)MS, .still_ns = 1},
                                      never = {.still_ns = 1000 * (uint64_t)MS};
    const struct strobe_tasklook_opts *all[] = {&few, &many, &never};

    for (size_t i = 0; i < 3; i++) {
        struct aio_image *aio = *state;
        bool gil = !aio->session.base.lay.free_threaded;
        struct stage stage;

        open_stage(&stage, aio, all[i]);
        stage.play.state = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        look(&stage);
        for (int k = 0; k < 3; k++) {
            look(&stage);
            assert_true(stage.play.held > 0);
            assert_int_equal(stage.sample->whole, all[i] == &few && gil);
        }
        close_stage(&stage);
    }
}

/* Another tracer has the process: nothing stands still, though a pause was asked for. */
static void test_a_hold_that_is_refused(void **state)
{
    const struct strobe_tasklook_opts few = {.careful = true, .max_pause_ns = 1000 * (uint64_t)MS, .still_ns = 1000 * (uint64_t)MS};
    static const int refusals[] = {STROBE_ERR_BUSY, STROBE_ERR_PERM};

    for (size_t i = 0; i < 2; i++) {
        struct stage stage;

        open_stage(&stage, *state, &few);
        stage.play.refused = refusals[i];
        stage.play.state = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        for (int k = 0; k < 3; k++) {
            look(&stage);
            assert_true(stage.play.held > 0);
            assert_false(stage.sample->whole);
        }
        close_stage(&stage);
    }
}

/* A few tasks that cannot be read in time while all stands still: some looks come to nothing, and say so; never more
 * than a few in a row. */
static void test_what_is_not_read_in_time_is_passed_over(void **state)
{
    const struct strobe_tasklook_opts hasty = {.max_pause_ns = 1, .still_ns = 1000 * (uint64_t)MS};
    struct aio_image *aio = *state;
    int passed = 0, in_a_row = 0, read = 0;
    struct stage stage;

    open_stage(&stage, aio, &hasty);
    stage.play.state = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
    for (int i = 0; i < 30; i++) {
        const struct strobe_sample *threads;

        stage.now += 10 * MS;
        assert_int_equal(strobe_tasklook_take(stage.look, &threads, &stage.sample), 0);
        if (stage.sample->passed)
            assert_int_equal(stage.sample->n_tasks, 0);
        else if (!stage.sample->list_torn)
            assert_int_equal(stage.sample->n_tasks + stage.sample->n_dropped, aio->truth.n_tasks);
        assert_false(stage.sample->whole);
        in_a_row = stage.sample->passed ? in_a_row + 1 : 0;
        assert_true(in_a_row <= 6);
        passed += stage.sample->passed;
        read += !stage.sample->passed;
    }
    assert_true(read >= 4);
    assert_true(aio->session.base.lay.free_threaded || passed >= 12); /* of several loops without a GIL none is waited for */
    close_stage(&stage);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_what_is_not_read_in_time_is_passed_over, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_a_hold_that_is_refused, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_few_with_a_pause_many_without, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_of_a_fork, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_kept_while_nothing_runs, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_running_loops_are_not_whole, aio_image_setup, aio_image_teardown),
    cmocka_unit_test_setup_teardown(test_careful_looks_again, aio_image_setup, aio_image_teardown),
};

int main(void)
{
    return aio_images_run("tasklook", each_image, sizeof each_image / sizeof *each_image);
}
