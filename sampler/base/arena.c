/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

struct strobe_arena_block {
    struct strobe_arena_block *next;
    size_t used, cap;
    _Alignas(16) unsigned char data[];
};

enum { BLOCK_MIN = 64 * 1024 }; /* one block serves an ordinary sample */

void strobe_arena_release(struct strobe_arena *arena)
{
    struct strobe_arena_block *block = arena->first, *next;

    for (; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct strobe_arena)STROBE_ARENA_INIT;
}

void strobe_arena_reset(struct strobe_arena *arena)
{
    for (struct strobe_arena_block *block = arena->first; block; block = block->next)
        block->used = 0;
    arena->current = arena->first;
}

void *strobe_arena_alloc(struct strobe_arena *arena, size_t size)
{
    struct strobe_arena_block *block = arena->current, *last = NULL;
    size_t cap = BLOCK_MIN;

    if (size > SIZE_MAX / 4)
        return NULL;
    size = (size + 15) & ~(size_t)15;
    for (; block; last = block, block = block->next)
        if (block->cap - block->used >= size)
            goto found;
    while (cap < size)
        cap *= 2;
    block = malloc(sizeof *block + cap);
    if (!block)
        return NULL;
    block->next = NULL;
    block->used = 0;
    block->cap = cap;
    if (last)
        last->next = block;
    else
        arena->first = block;
found:
    arena->current = block;
    block->used += size;
    return block->data + block->used - size;
}
