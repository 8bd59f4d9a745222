/* SPDX-License-Identifier: Apache-2.0 */
/* damage: an image whose memory is damaged as a fuzzer's input says, and a reader over it.
 *
 * Changes of 8 bytes each:
 *   what: 1 byte | shift: 1 byte | place: u16 | value: u32
 * what % 4:
 *   0  the place-th range's word at (value's low 12 bits) gets value << shift
 *   1  the same, gets the address of range number (value >> 12), plus shift: a pointer that can be followed; from shift 128 on
 *      the word in that range at 32 * (shift - 128): what another object has
 *   2  the place-th read fails
 *   3  the place-th read's word at (value's low 12 bits) is changed by value >> 12 << shift: two reads of one place differ
 * The image is as it was after damage_end.  One user at a time. */
#ifndef STROBE_TESTS_DAMAGE_H
#define STROBE_TESTS_DAMAGE_H

#include "mem/mem.h"
#include "tests/lib/mem_image.h"

enum { DAMAGE_CHANGES = 64 };

struct damage_change {
    uint8_t what, shift;
    uint16_t place;
    uint32_t value;
};

struct damage {
    struct strobe_mem mem; /* closing it does nothing */
    struct strobe_mem *inner;
    struct damage_change changes[DAMAGE_CHANGES];
    size_t n;
    unsigned char *places[DAMAGE_CHANGES]; /* in the image; NULL: not changed there */
    uint64_t olds[DAMAGE_CHANGES];
    uint32_t calls;
};

/* 0 or STROBE_ERR_NOMEM. */
int damage_begin(struct damage *damage, struct image *image, const uint8_t *data, size_t size);
void damage_end(struct damage *damage);

/* The images FOLDER/NAME.img, sorted; at most max.  Ends the program when there is none. */
size_t damage_images(const char *folder, struct image **ret, size_t max);

#endif
