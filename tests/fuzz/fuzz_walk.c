/* SPDX-License-Identifier: Apache-2.0 */
/* The whole walk over a recorded process whose memory is damaged by the input.
 *
 * Input: image: 1 byte | mode: 1 byte | changes (tests/lib/damage.h)
 * The images come from tests/images/NAME.img, or the folder that STROBE_IMAGES names. */
#include <stdlib.h>

#include "tests/lib/damage.h"
#include "tests/lib/replay.h"

enum { MAX_IMAGES = 64 };

static struct image *images[MAX_IMAGES];
static struct strobe_layout_hint hints[MAX_IMAGES];
static size_t n_images;
static struct replay seen;
static struct damage damage;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("STROBE_IMAGES");

    n_images = damage_images(folder ? folder : "tests/images", images, MAX_IMAGES);
    for (size_t i = 0; i < n_images; i++)
        if (replay_hint(images[i], &hints[i]))
            exit(1);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t i;

    if (size < 2 || !n_images)
        return 0;
    i = data[0] % n_images;
    if (damage_begin(&damage, images[i], data + 2, size - 2))
        return 0;
    replay_walk(&damage.mem, &hints[i], data[1] & 1 ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT, &seen);
    damage_end(&damage);
    return 0;
}
