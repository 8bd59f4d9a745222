/* SPDX-License-Identifier: Apache-2.0 */
/* arena: bump memory that is reset per sample.  Blocks are kept over a reset, so a sampling loop that has reached its
 * size allocates nothing.  Ownership: the holder releases.  Not thread-safe. */
#ifndef STROBE_BASE_ARENA_H
#define STROBE_BASE_ARENA_H

#include <stddef.h>

struct strobe_arena_block;

struct strobe_arena {
    struct strobe_arena_block *first, *current;
};

#define STROBE_ARENA_INIT {NULL, NULL}

void strobe_arena_release(struct strobe_arena *arena);
/* Everything handed out becomes invalid; the memory is kept. */
void strobe_arena_reset(struct strobe_arena *arena);
/* size bytes, 16-byte aligned, not zeroed; NULL when out of memory. */
void *strobe_arena_alloc(struct strobe_arena *arena, size_t size);

#endif
