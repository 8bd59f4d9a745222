/* SPDX-License-Identifier: Apache-2.0 */
/* mem_image: a recorded memory image (ranges of bytes by address, and facts about the process as text), and a reader over it.
 *
 * The file, all numbers little-endian:
 *   "strobeim" | format: u32 = 1 | length of the body: u32 | the body, compressed by zlib
 *   body:  number of facts: u32 | { key length: u32, key, value length: u32, value } ...
 *          number of ranges: u32 | { address: u64, length: u32 } ... sorted, not overlapping
 *          the ranges' bytes, one after the other
 * Ownership: an image is freed by whoever made or loaded it, after its readers are closed. */
#ifndef STROBE_TESTS_MEM_IMAGE_H
#define STROBE_TESTS_MEM_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "mem/mem.h"

struct image;

int image_new(struct image **ret_image);
void image_free(struct image *image);

/* Adds a range (copied).  Ranges may come in any order but must not overlap. */
int image_add(struct image *image, uint64_t addr, const void *bytes, size_t len);
/* Sets a fact; an earlier value of the key is replaced. */
int image_set(struct image *image, const char *key, const char *value);
/* The fact's text, borrowed; NULL when absent. */
const char *image_get(const struct image *image, const char *key);

size_t image_count(const struct image *image);
/* Range i in order of address: its bytes, which may be changed (fuzzers). */
unsigned char *image_range(struct image *image, size_t i, uint64_t *ret_addr, size_t *ret_len);

/* STROBE_ERR_IO, _NOMEM; _FORMAT for a damaged file. */
int image_save(struct image *image, const char *path);
int image_load(const char *path, struct image **ret_image);

/* A reader: STROBE_ERR_FAULT outside the ranges.  The image is borrowed. */
int image_mem_new(struct image *image, struct strobe_mem **ret_mem);

#endif
