/* SPDX-License-Identifier: Apache-2.0 */
/* The whole walk over a recorded process whose memory is damaged by the input.
 *
 * Input: image: 1 byte | mode: 1 byte | changes of 8 bytes each:
 *   what: 1 byte | shift: 1 byte | place: u16 | value: u32
 * what % 4:
 *   0  the place-th range's word at (value's low 12 bits) gets value << shift
 *   1  the same, gets the address of range number (value >> 12), plus shift: a pointer that can be followed
 *   2  the place-th read fails
 *   3  the place-th read's word at (value's low 12 bits) is changed by value >> 12 << shift: two reads of one place differ
 * The images come from tests/images/NAME.img, or the folder that STROBE_IMAGES names. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/mem_image.h"
#include "tests/lib/replay.h"

enum { MAX_IMAGES = 64, MAX_CHANGES = 64, CHANGE = 8 };

struct change {
    uint8_t what, shift;
    uint16_t place;
    uint32_t value;
};

/* A wrapper reader that makes the changes of kinds 2 and 3. */
struct damage {
    struct strobe_mem mem;
    struct strobe_mem *inner;
    const struct change *changes;
    size_t n;
    uint32_t calls;
};

static struct image *images[MAX_IMAGES];
static struct strobe_layout_hint hints[MAX_IMAGES];
static size_t n_images;
static struct replay seen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("STROBE_IMAGES");
    char pattern[4096];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s/*.img", folder ? folder : "tests/images");
    if (glob(pattern, 0, NULL, &found))
        exit(1);
    for (size_t i = 0; i < found.gl_pathc && n_images < MAX_IMAGES; i++, n_images++)
        if (image_load(found.gl_pathv[i], &images[n_images]) || replay_hint(images[n_images], &hints[n_images]))
            exit(1);
    globfree(&found);
    return 0;
}

static int damage_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct damage *damage = (struct damage *)mem;
    int err = strobe_mem_read(damage->inner, addr, buf, len);

    damage->calls++;
    for (size_t i = 0; i < damage->n && !err; i++) {
        const struct change *c = &damage->changes[i];
        uint64_t word, off = c->value & 0xfff;

        if (c->place != (uint16_t)damage->calls)
            continue;
        if (c->what % 4 == 2)
            err = STROBE_ERR_FAULT;
        if (c->what % 4 != 3 || len < 8)
            continue;
        off %= len - 7;
        memcpy(&word, (char *)buf + off, 8);
        word ^= (uint64_t)(c->value >> 12) << c->shift % 64;
        memcpy((char *)buf + off, &word, 8);
    }
    return err;
}

static void no_close(struct strobe_mem *mem)
{
}

/* Makes a change of kind 0 or 1 in the image; the word before goes to ret_old, its place is returned (NULL: no change). */
static unsigned char *change_image(struct image *image, const struct change *c, uint64_t *ret_old)
{
    uint64_t addr, to, value;
    size_t len;
    unsigned char *at = image_range(image, c->place % image_count(image), &addr, &len);

    if (len < 8)
        return NULL;
    at += (c->value & 0xfff) % (len - 7);
    value = (uint64_t)c->value << c->shift % 64;
    if (c->what % 4 == 1) {
        image_range(image, (c->value >> 12) % image_count(image), &to, &len);
        value = to + c->shift;
    }
    memcpy(ret_old, at, 8);
    memcpy(at, &value, 8);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct strobe_mem_ops ops = {damage_read, NULL, NULL, no_close, NULL};
    struct change changes[MAX_CHANGES];
    unsigned char *places[MAX_CHANGES] = {NULL};
    uint64_t olds[MAX_CHANGES];
    struct damage damage = {.mem = {.ops = &ops}, .changes = changes};
    struct image *image;

    if (size < 2 || !n_images)
        return 0;
    image = images[data[0] % n_images];
    for (const uint8_t *at = data + 2; (size_t)(data + size - at) >= CHANGE && damage.n < MAX_CHANGES; at += CHANGE) {
        struct change *c = &changes[damage.n++];

        *c = (struct change){.what = at[0], .shift = at[1]};
        memcpy(&c->place, at + 2, 2);
        memcpy(&c->value, at + 4, 4);
        if (c->what % 4 < 2)
            places[damage.n - 1] = change_image(image, c, &olds[damage.n - 1]);
    }
    if (!image_mem_new(image, &damage.inner)) {
        replay_walk(&damage.mem, &hints[data[0] % n_images], data[1] & 1 ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT, &seen);
        strobe_mem_close(damage.inner);
    }
    for (size_t i = damage.n; i-- > 0;) /* backwards: a place may have been changed twice */
        if (places[i])
            memcpy(places[i], &olds[i], 8);
    return 0;
}
