/* SPDX-License-Identifier: Apache-2.0 */
/* aio_images: each test of a program with each recorded asyncio process (tests/images/asyncio), open and looked at once. */
#ifndef STROBE_TESTS_AIO_IMAGES_H
#define STROBE_TESTS_AIO_IMAGES_H

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/replay_tasks.h"

struct aio_image {
    struct image *image;
    struct strobe_layout_hint hint;
    struct strobe_mem *mem;
    struct replay_task_session session;
    struct replay_tasks truth, seen;
};

static void aio_image_open(void **state, bool careful)
{
    const char *path = *state;
    struct aio_image *aio = calloc(1, sizeof *aio);

    assert_non_null(aio);
    assert_int_equal(image_load(path, &aio->image), 0);
    assert_int_equal(replay_hint(aio->image, &aio->hint), 0);
    assert_int_equal(replay_tasks_truth(aio->image, &aio->truth), 0);
    assert_int_equal(image_mem_new(aio->image, &aio->mem), 0);
    assert_int_equal(replay_tasks_open(&aio->session, aio->image, aio->mem, &aio->hint, STROBE_MODE_EXACT, careful), 0);
    assert_int_equal(replay_tasks_tick(&aio->session, &aio->seen), 0);
    *state = aio;
}

static inline int aio_image_setup(void **state)
{
    aio_image_open(state, false);
    return 0;
}

/* As ps looks. */
static inline int aio_image_setup_careful(void **state)
{
    aio_image_open(state, true);
    return 0;
}

static inline int aio_image_teardown(void **state)
{
    struct aio_image *aio = *state;

    replay_tasks_close(&aio->session);
    strobe_mem_close(aio->mem);
    image_free(aio->image);
    free(aio);
    return 0;
}

/* What the program said of a task; NULL = nothing. */
static inline const struct replay_task *aio_image_truth(const struct aio_image *aio, uint64_t addr)
{
    for (size_t i = 0; i < aio->truth.n_tasks; i++)
        if (aio->truth.tasks[i].addr == addr)
            return &aio->truth.tasks[i];
    return NULL;
}

static inline int aio_images_run(const char *group, const struct CMUnitTest *each, size_t n_each)
{
    struct CMUnitTest *tests;
    char (*names)[128];
    glob_t images;
    size_t n = 0;
    int failed;

    if (glob("tests/images/asyncio/*.img", 0, NULL, &images)) {
        fprintf(stderr, "no images found (run from the top folder of the sources)\n");
        return 1;
    }
    tests = calloc(images.gl_pathc * n_each, sizeof *tests);
    names = calloc(images.gl_pathc * n_each, sizeof *names);
    for (size_t i = 0; tests && names && i < images.gl_pathc; i++)
        for (size_t k = 0; k < n_each; k++, n++) {
            tests[n] = each[k];
            tests[n].initial_state = images.gl_pathv[i];
            snprintf(names[n], sizeof names[n], "%s: %s", images.gl_pathv[i], each[k].name);
            tests[n].name = names[n];
        }
    failed = n ? _cmocka_run_group_tests(group, tests, n, NULL, NULL) : 1;
    globfree(&images);
    free(tests);
    free(names);
    return failed;
}

#endif
