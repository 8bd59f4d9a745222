/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded asyncio processes of each version (tests/images/asyncio/NAME.img), read offline: as they were, with reads failing once, with
 * allocations failing once.  A task that is shown must be what the process said of itself, or be left out and counted. */
#include "tests/unit/cm.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/alloc_fail.h"
#include "tests/lib/mem_image.h"
#include "tests/lib/replay_tasks.h"

enum { MAX_IMAGES = 64, ENDLESS = 1000000 };

/* Sanitizers make it slow: then only some of the failures. */
#ifdef __SANITIZE_ADDRESS__
enum { SOME = 5 };
#else
enum { SOME = 1 };
#endif

static const enum strobe_snapshot_mode modes[] = {STROBE_MODE_EXACT, STROBE_MODE_NONBLOCKING};

/* One image, what its process said, and the last two looks at it. */
struct world {
    struct image *image;
    struct strobe_layout_hint hint;
    struct replay_tasks truth, seen, again;
    unsigned met;         /* modes, as bits */
    uint64_t first, step; /* of the reads and allocations that are made to fail: this image's share, or all when it is tested alone */
};

static glob_t images;

static int setup(void **state)
{
    char **path = *state;
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    assert_int_equal(image_load(*path, &world->image), 0);
    assert_int_equal(replay_hint(world->image, &world->hint), 0);
    assert_int_equal(replay_tasks_truth(world->image, &world->truth), 0);
    assert_true(world->truth.n_tasks > 50);
    world->first = (uint64_t)(path - images.gl_pathv);
    world->step = images.gl_pathc == 1 ? 1 : SOME * images.gl_pathc;
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

static struct strobe_mem *reader(struct world *world)
{
    struct strobe_mem *mem = NULL;

    assert_int_equal(image_mem_new(world->image, &mem), 0);
    return mem;
}

/* ---- whole ---- */

static const struct replay_task *task_at(const struct replay_tasks *truth, uint64_t addr)
{
    for (size_t i = 0; i < truth->n_tasks; i++)
        if (truth->tasks[i].addr == addr)
            return &truth->tasks[i];
    fail_msg("no task is at %llx", (unsigned long long)addr);
    return NULL;
}

static void same_text(const char *task, const char *what, const char *seen, const char *truth)
{
    if (strcmp(seen, truth) != 0)
        fail_msg("%s: %s is \"%s\", not \"%s\"", task, what, seen, truth);
}

static void same_number(const char *task, const char *what, int64_t seen, int64_t truth)
{
    if (seen != truth)
        fail_msg("%s: %s is %lld, not %lld", task, what, (long long)seen, (long long)truth);
}

/* A fact that the program stated. */
static void said(const char *task, const char *what, int64_t seen, int64_t truth)
{
    if (truth != INT64_MIN && truth != INT32_MIN)
        same_number(task, what, seen, truth);
}

static void check_facts(const char *task, const struct replay_wait *seen, const struct replay_wait *truth)
{
    const struct strobe_wait_facts *f = &seen->facts, *t = &truth->facts;

    said(task, "free", f->free, t->free);
    said(task, "capacity", f->capacity, t->capacity);
    said(task, "size", f->size, t->size);
    said(task, "maxsize", f->maxsize, t->maxsize);
    said(task, "unfinished", f->unfinished, t->unfinished);
    said(task, "queued", f->queued, t->queued);
    said(task, "fd", f->fd, t->fd);
    if (t->capacity != INT64_MIN && t->capacity_source == STROBE_CAPACITY_COUNTED)
        assert_int_equal(f->capacity_source, STROBE_CAPACITY_COUNTED);
}

static void check_wait(const char *task, const struct replay_wait *seen, const struct replay_wait *truth)
{
    same_text(task, "kind", seen->kind, truth->kind);
    same_text(task, "how", seen->how, truth->how);
    same_text(task, "label", seen->label, truth->label);
    same_text(task, "the name's source", seen->source, truth->source);
    same_number(task, "object", (int64_t)seen->object, (int64_t)truth->object);
    said(task, "waiters", seen->waiters, truth->waiters);
    said(task, "holders", seen->holders, truth->holders);
    check_facts(task, seen, truth);
}

static bool is_among(uint64_t addr, const uint64_t *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i] == addr)
            return true;
    return false;
}

static void check_frames(const struct replay_task *seen, const struct replay_task *truth, bool whole)
{
    same_number(truth->name, "frames", (int64_t)seen->n_frames, (int64_t)truth->n_frames);
    same_number(truth->name, "synchronous frames", seen->n_sync, truth->n_sync);
    for (size_t i = 0; i < seen->n_frames; i++) {
        const struct replay_frame *frame = &seen->frames[i], *want = &truth->frames[i];

        if (!whole && frame->error)
            continue;
        assert_int_equal(frame->error, 0);
        same_text(truth->name, "a frame's function", frame->name, want->name);
        same_text(truth->name, "a frame's file", frame->file, want->file);
        same_number(truth->name, "a frame's first line", frame->first_line, want->first_line);
        if (whole || frame->line)
            same_number(truth->name, "a frame's line", frame->line, want->line);
    }
}

static void check_whole_task(const struct replay_task *seen, const struct replay_task *truth)
{
    const char *name = truth->name;

    same_text(name, "name", seen->name, name);
    same_text(name, "state", seen->state, truth->state);
    same_text(name, "flags", seen->flags, truth->flags);
    same_text(name, "context", seen->context, truth->context);
    same_text(name, "pool", seen->pool, truth->pool);
    same_text(name, "worker", seen->worker, truth->worker);
    same_number(name, "loop", (int64_t)seen->loop, (int64_t)truth->loop);
    same_number(name, "place", seen->place, truth->place);
    same_number(name, "whether it waits", seen->waits, truth->waits);
    same_number(name, "holds", (int64_t)seen->n_holds, (int64_t)truth->n_holds);
    same_number(name, "parents", (int64_t)seen->n_parents, (int64_t)truth->n_parents);
    assert_true(fabs(seen->due - truth->due) < 1e-6);
    check_frames(seen, truth, true);
    if (truth->waits)
        check_wait(name, &seen->wait, &truth->wait);
    for (size_t i = 0; i < truth->n_holds; i++)
        check_wait(name, &seen->holds[i], &truth->holds[i]);
    for (size_t i = 0; i < truth->n_parents; i++)
        assert_true(is_among(truth->parents[i], seen->parents, seen->n_parents));
}

static void check_threads(const struct replay_tasks *seen, const struct replay_tasks *truth)
{
    for (size_t i = 0; i < seen->n_threads; i++)
        for (size_t k = 0; k < truth->n_threads; k++)
            if (seen->threads[i].ident == truth->threads[k].ident)
                assert_int_equal(seen->threads[i].loop, truth->threads[k].loop);
}

static void check_whole(const struct replay_tasks *seen, const struct replay_tasks *truth)
{
    for (size_t i = 0; i < truth->n_tasks; i++) {
        size_t k = 0;

        while (k < seen->n_tasks && seen->tasks[k].addr != truth->tasks[i].addr)
            k++;
        if (k == seen->n_tasks)
            fail_msg("%s is missing, %zu of %zu, dropped %d", truth->tasks[i].name, seen->n_tasks, truth->n_tasks, (int)seen->n_dropped);
        check_whole_task(&seen->tasks[k], &truth->tasks[i]);
    }
    assert_int_equal(seen->n_tasks, truth->n_tasks);
    assert_int_equal(seen->n_dropped, 0);
    assert_int_equal(seen->n_threads, truth->n_threads);
    check_threads(seen, truth);
    assert_int_equal(seen->n_pools, truth->n_pools);
    for (size_t i = 0; i < truth->n_pools; i++) {
        assert_string_equal(seen->pools[i].name, truth->pools[i].name);
        assert_int_equal(seen->pools[i].max, truth->pools[i].max);
        assert_int_equal(seen->pools[i].busy, truth->pools[i].busy);
        assert_int_equal(seen->pools[i].queued, truth->pools[i].queued);
    }
}

static void test_shows_the_truth(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        struct strobe_mem *mem = reader(world);

        assert_int_equal(replay_tasks_walk(world->image, mem, &world->hint, modes[i], &world->seen), 0);
        check_whole(&world->seen, &world->truth);
        strobe_mem_close(mem);
    }
}

static void test_shows_the_truth_through_the_cache(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        struct replay_task_session session;
        struct strobe_mem *mem = NULL;

        assert_int_equal(strobe_mem_paged_new(reader(world), &mem), 0);
        assert_int_equal(replay_tasks_open(&session, world->image, mem, &world->hint, modes[i], i == 0), 0);
        for (int k = 0; k < 3; k++) { /* what is kept from look to look changes nothing */
            assert_int_equal(replay_tasks_tick(&session, &world->seen), 0);
            check_whole(&world->seen, &world->truth);
        }
        replay_tasks_close(&session);
        strobe_mem_close(mem);
    }
}

/* Two looks say the same, to the byte. */
static void test_two_looks_are_equal(void **state)
{
    struct world *world = *state;
    struct strobe_mem *mem = reader(world);
    struct replay_task_session session;

    assert_int_equal(replay_tasks_open(&session, world->image, mem, &world->hint, STROBE_MODE_EXACT, false), 0);
    assert_int_equal(replay_tasks_tick(&session, &world->seen), 0);
    assert_int_equal(replay_tasks_tick(&session, &world->again), 0);
    assert_memory_equal(&world->seen, &world->again, sizeof world->seen);
    replay_tasks_close(&session);
    strobe_mem_close(mem);
}

/* ---- damaged ---- */

/* Empty where it could not be read. */
static void same_or_nothing(const char *task, const char *what, const char *seen, const char *truth)
{
    if (*seen)
        same_text(task, what, seen, truth);
}

/* Does the label consist of what comes before the name, and the name or nothing? */
static bool is_label(const char *label, const char *before, size_t n, const char *name)
{
    return strncmp(label, before, n) == 0 && (!label[n] || (label[n] == ' ' && strcmp(label + n + 1, name) == 0));
}

/* A class whose name could not be read is called by what it does; a name that could not be found out whole is not there. */
static void check_partial_label(const char *task, const char *seen, const struct replay_wait *truth)
{
    const char *space = truth->source[0] ? strrchr(truth->label, ' ') : NULL, *name = space ? space + 1 : "";
    char word[REPLAY_WORD];
    size_t n;

    for (n = 0; truth->kind[n]; n++)
        word[n] = truth->kind[n] == '-' ? '.' : truth->kind[n];
    if (!*seen || is_label(seen, word, n, name))
        return;
    n = space ? (size_t)(space - truth->label) : strlen(truth->label);
    if (!is_label(seen, truth->label, n, name))
        fail_msg("%s: label is \"%s\", not \"%s\"", task, seen, truth->label);
}

/* A fact that the program stated, or -1. */
static void said_or_nothing(const char *task, const char *what, int64_t seen, int64_t truth)
{
    if (seen != -1)
        said(task, what, seen, truth);
}

static void at_most(const char *task, const char *what, int64_t seen, int64_t truth)
{
    if (truth != INT64_MIN && seen > truth)
        fail_msg("%s: %s are %lld, of %lld", task, what, (long long)seen, (long long)truth);
}

static void check_partial_wait(const char *task, const struct replay_wait *seen, const struct replay_wait *truth)
{
    const struct strobe_wait_facts *f = &seen->facts, *t = &truth->facts;

    same_text(task, "kind", seen->kind, truth->kind);
    same_text(task, "how", seen->how, truth->how);
    check_partial_label(task, seen->label, truth);
    same_number(task, "object", (int64_t)seen->object, (int64_t)truth->object);
    at_most(task, "waiters", seen->waiters, truth->waiters);
    at_most(task, "holders", seen->holders, truth->holders);
    said_or_nothing(task, "free", f->free, t->free);
    if (f->capacity_source == STROBE_CAPACITY_COUNTED) /* one that holds it may have been left out */
        at_most(task, "permits", f->capacity, t->capacity);
    else
        said_or_nothing(task, "capacity", f->capacity, t->capacity);
    said_or_nothing(task, "size", f->size, t->size);
    said_or_nothing(task, "maxsize", f->maxsize, t->maxsize);
    said_or_nothing(task, "unfinished", f->unfinished, t->unfinished);
    said_or_nothing(task, "queued", f->queued, t->queued);
    said_or_nothing(task, "fd", f->fd, t->fd);
}

static void check_partial_task(const struct replay_task *seen, const struct replay_task *truth)
{
    const char *name = truth->name;

    same_or_nothing(name, "name", seen->name, name);
    same_text(name, "state", seen->state, truth->state);
    same_text(name, "flags", seen->flags, truth->flags);
    same_or_nothing(name, "context", seen->context, truth->context);
    same_or_nothing(name, "pool", seen->pool, truth->pool);
    same_or_nothing(name, "worker", seen->worker, truth->worker);
    same_number(name, "loop", (int64_t)seen->loop, (int64_t)truth->loop);
    same_number(name, "whether it waits", seen->waits, truth->waits);
    check_frames(seen, truth, false);
    if (truth->waits)
        check_partial_wait(name, &seen->wait, &truth->wait);
    for (size_t i = 0; i < seen->n_holds; i++) {
        size_t k = 0;

        while (k < truth->n_holds && truth->holds[k].object != seen->holds[i].object)
            k++;
        assert_true(k < truth->n_holds);
        check_partial_wait(name, &seen->holds[i], &truth->holds[k]);
    }
    for (size_t i = 0; i < seen->n_parents; i++)
        assert_true(is_among(seen->parents[i], truth->parents, truth->n_parents));
}

static void check_partial(const struct replay_tasks *seen, const struct replay_tasks *truth)
{
    for (size_t i = 0; i < seen->n_tasks; i++) {
        check_partial_task(&seen->tasks[i], task_at(truth, seen->tasks[i].addr));
        for (size_t k = 0; k < i; k++)
            assert_true(seen->tasks[k].addr != seen->tasks[i].addr);
    }
}

/* Half of an image's failures in one mode, half in the other: n is 1 + first, and then `step` more each time, or a multiple that is odd. */
static enum strobe_snapshot_mode mode_of(struct world *world, uint64_t n)
{
    uint64_t turn = n ? (n - 1) / world->step : 0;

    world->met |= 1u << turn % 2;
    return modes[turn % 2];
}

static void test_each_read_fails_once(void **state)
{
    struct world *world = *state;

    for (uint64_t n = 1 + world->first;; n += world->step) {
        struct strobe_mem *mem = NULL;
        uint64_t calls;

        assert_int_equal(strobe_mem_count_new(reader(world), n, &mem), 0);
        if (replay_tasks_walk(world->image, mem, &world->hint, mode_of(world, n), &world->seen) == 0)
            check_partial(&world->seen, &world->truth);
        calls = strobe_mem_count_stats(mem)->calls;
        strobe_mem_close(mem);
        if (calls < n)
            break;
        assert_true(n < ENDLESS);
    }
    check_whole(&world->seen, &world->truth);
    assert_int_equal(world->met, 3);
}

static void test_each_allocation_fails_once(void **state)
{
    struct world *world = *state;

    for (uint64_t n = 1 + world->first;; n += world->step) {
        struct strobe_mem *mem = reader(world);
        int err;

        alloc_fail_arm(n);
        err = replay_tasks_walk(world->image, mem, &world->hint, mode_of(world, n), &world->seen);
        alloc_fail_disarm();
        strobe_mem_close(mem);
        assert_int_equal(alloc_fail_live(), 0);
        if (!alloc_fail_hit()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_true(err == 0 || err == STROBE_ERR_NOMEM);
        if (!err)
            check_partial(&world->seen, &world->truth);
        assert_true(n < ENDLESS);
    }
    check_whole(&world->seen, &world->truth);
    assert_int_equal(world->met, 3);
}

/* What a damaged look has learned wrong is not believed in the next. */
static void test_the_look_after_a_failed_read_is_whole(void **state)
{
    struct world *world = *state;
    uint64_t opening = 0;
    bool reached = true; /* n = 0 stands for no failure, to learn how many reads the opening takes */

    for (uint64_t n = 0; reached; n = n ? n + 7 * world->step : 1 + world->first) {
        struct strobe_mem *mem = NULL;
        struct replay_task_session session;

        assert_int_equal(strobe_mem_count_new(reader(world), n ? opening + n : 0, &mem), 0);
        assert_int_equal(replay_tasks_open(&session, world->image, mem, &world->hint, mode_of(world, n), false), 0);
        opening = strobe_mem_count_stats(mem)->calls;
        replay_tasks_tick(&session, &world->seen);
        reached = strobe_mem_count_stats(mem)->calls >= opening + n;
        assert_int_equal(replay_tasks_tick(&session, &world->seen), 0);
        check_whole(&world->seen, &world->truth);
        replay_tasks_close(&session);
        strobe_mem_close(mem);
        assert_true(n < ENDLESS);
    }
    assert_int_equal(world->met, 3);
}

static const struct CMUnitTest each_image[] = {
    cmocka_unit_test_setup_teardown(test_shows_the_truth, setup, teardown),
    cmocka_unit_test_setup_teardown(test_shows_the_truth_through_the_cache, setup, teardown),
    cmocka_unit_test_setup_teardown(test_two_looks_are_equal, setup, teardown),
    cmocka_unit_test_setup_teardown(test_each_read_fails_once, setup, teardown),
    cmocka_unit_test_setup_teardown(test_each_allocation_fails_once, setup, teardown),
    cmocka_unit_test_setup_teardown(test_the_look_after_a_failed_read_is_whole, setup, teardown),
};

enum { TESTS = sizeof each_image / sizeof *each_image };

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_IMAGES * TESTS];
    static char names[MAX_IMAGES * TESTS][128];
    size_t n = 0;
    int failed;

    /* Images named on the command line, or all. */
    if (glob(argc > 1 ? argv[1] : "tests/images/asyncio/*.img", 0, NULL, &images) || images.gl_pathc > MAX_IMAGES) {
        fprintf(stderr, "no images found (run from the top folder of the sources)\n");
        return 1;
    }
    for (size_t i = 0; i < images.gl_pathc; i++) {
        for (size_t k = 0; k < TESTS; k++, n++) {
            tests[n] = each_image[k];
            tests[n].initial_state = &images.gl_pathv[i];
            snprintf(names[n], sizeof names[n], "%s: %s", images.gl_pathv[i], each_image[k].name);
            tests[n].name = names[n];
        }
    }
    failed = _cmocka_run_group_tests("replay of tasks", tests, n, NULL, NULL);
    globfree(&images);
    return failed;
}
