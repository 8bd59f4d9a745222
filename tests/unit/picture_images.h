/* SPDX-License-Identifier: Apache-2.0 */
/* picture_images: a recorded asyncio process (tests/images/asyncio) as a place, with all of its memory to be scanned. */
#ifndef STROBE_TESTS_PICTURE_IMAGES_H
#define STROBE_TESTS_PICTURE_IMAGES_H

#include <stdio.h>
#include <stdlib.h>

#include "mem/host.h"
#include "picture/pooled.h"
#include "tests/unit/aio_images.h"

struct picture_image {
    struct strobe_place place; /* first */
    struct image *image;
    struct strobe_mem *mem;
    struct strobe_layout layout;
};

static int picture_find_asyncio(struct strobe_place *place, struct strobe_mem *mem, uint64_t *ret_table)
{
    const char *text = image_get(((struct picture_image *)place)->image, "asyncio");

    if (!text)
        return STROBE_ERR_MISSING;
    *ret_table = strtoull(text, NULL, 16);
    return 0;
}

static inline void picture_open(struct picture_image *picture, const char *path)
{
    static const struct strobe_place_ops ops = {.find_asyncio = picture_find_asyncio};
    struct strobe_layout_hint hint;
    char why[256];

    *picture = (struct picture_image){.image = NULL};
    assert_int_equal(image_load(path, &picture->image), 0);
    assert_int_equal(replay_hint(picture->image, &hint), 0);
    assert_int_equal(image_mem_new(picture->image, &picture->mem), 0);
    assert_int_equal(strobe_layout_init(picture->mem, &hint, &picture->layout, why), 0);
    picture->place = (struct strobe_place){.ops = &ops, .mem = picture->mem, .host = strobe_host_null(), .layout = &picture->layout,
                                           .pid = 1, .cmdline = "", .exe = "", .version = ""};
}

static inline void picture_close(struct picture_image *picture)
{
    strobe_mem_close(picture->mem);
    image_free(picture->image);
}

/* Each test with each image: *state is its path. */
static inline int picture_images_run(const char *group, const struct CMUnitTest *each, size_t n_each)
{
    return aio_images_run(group, each, n_each);
}

#endif
