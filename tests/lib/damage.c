/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/damage.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGE = 8, WORD_HELD = 128, STEP = 32 };

static int damage_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct damage *damage = (struct damage *)mem;
    int err = strobe_mem_read(damage->inner, addr, buf, len);

    damage->calls++;
    for (size_t i = 0; i < damage->n && !err; i++) {
        const struct damage_change *c = &damage->changes[i];
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

/* What a change of kind 0 or 1 puts in its place. */
static uint64_t value_of(struct image *image, const struct damage_change *c)
{
    uint64_t addr, value;
    unsigned char *range;
    size_t len;

    if (c->what % 4 == 0)
        return (uint64_t)c->value << c->shift % 64;
    range = image_range(image, (c->value >> 12) % image_count(image), &addr, &len);
    if (c->shift < WORD_HELD)
        return addr + c->shift;
    if (len < 8)
        return addr;
    memcpy(&value, range + (size_t)(c->shift - WORD_HELD) * STEP % (len - 7), 8);
    return value;
}

static void change_image(struct damage *damage, struct image *image, size_t i)
{
    const struct damage_change *c = &damage->changes[i];
    uint64_t addr, value = value_of(image, c);
    size_t len;
    unsigned char *at = image_range(image, c->place % image_count(image), &addr, &len);

    if (len < 8)
        return;
    at += (c->value & 0xfff) % (len - 7);
    memcpy(&damage->olds[i], at, 8);
    memcpy(at, &value, 8);
    damage->places[i] = at;
}

int damage_begin(struct damage *damage, struct image *image, const uint8_t *data, size_t size)
{
    static const struct strobe_mem_ops ops = {.read = damage_read, .close = no_close};
    int err;

    *damage = (struct damage){.mem = {.ops = &ops}};
    if ((err = image_mem_new(image, &damage->inner)))
        return err;
    for (; size >= CHANGE && damage->n < DAMAGE_CHANGES; data += CHANGE, size -= CHANGE) {
        struct damage_change *c = &damage->changes[damage->n++];

        *c = (struct damage_change){.what = data[0], .shift = data[1]};
        memcpy(&c->place, data + 2, 2);
        memcpy(&c->value, data + 4, 4);
        if (c->what % 4 < 2)
            change_image(damage, image, damage->n - 1);
    }
    return 0;
}

void damage_end(struct damage *damage)
{
    strobe_mem_close(damage->inner);
    for (size_t i = damage->n; i-- > 0;) /* backwards: a place may have been changed twice */
        if (damage->places[i])
            memcpy(damage->places[i], &damage->olds[i], 8);
}

size_t damage_images(const char *folder, struct image **ret, size_t max)
{
    char pattern[4096];
    glob_t found;
    size_t n = 0;

    snprintf(pattern, sizeof pattern, "%s/*.img", folder);
    if (glob(pattern, 0, NULL, &found))
        exit(1);
    for (; n < found.gl_pathc && n < max; n++)
        if (image_load(found.gl_pathv[n], &ret[n]))
            exit(1);
    globfree(&found);
    return n;
}
