/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/loopblocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/grow.h"

/* How a loop was found at the last look that found it blocked. */
struct strobe_loopstay {
    uint64_t tick, step, ns;
    uint32_t block;
};

void strobe_loopblocks_init(struct strobe_loopblocks *blocks, const struct strobe_names *names)
{
    *blocks = (struct strobe_loopblocks){.names = names};
}

void strobe_loopblocks_release(struct strobe_loopblocks *blocks)
{
    for (size_t i = 0; i < blocks->n; i++)
        free(blocks->at[i].frames);
    free(blocks->at);
    free(blocks->stay);
    strobe_htab_release(&blocks->by_stack);
    strobe_htab_release(&blocks->stays);
    *blocks = (struct strobe_loopblocks){.names = NULL};
}

/* A step goes from line to line: equal functions are an equal stack. */
static void hash_functions(const struct strobe_loopblocks *blocks, const uint32_t *frames, uint32_t n, uint64_t ret[2])
{
    ret[0] = ret[1] = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_frame *frame = strobe_names_get(blocks->names, frames[i]);
        int64_t words[3] = {frame ? frame->name : 0, frame ? frame->file : 0, frame ? frame->first_line : 0};

        ret[0] = strobe_hash_bytes(words, sizeof words, ret[0]);
        ret[1] = strobe_hash_bytes(words, sizeof words, ~ret[1]);
    }
}

static int new_block(struct strobe_loopblocks *blocks, const uint64_t key[2], uint32_t *ret)
{
    if (strobe_grow(&blocks->at, &blocks->cap, blocks->n + 1, sizeof *blocks->at) ||
        strobe_htab_put(&blocks->by_stack, key[0], key[1], blocks->n))
        return STROBE_ERR_NOMEM;
    blocks->at[blocks->n] = (struct strobe_loopblock){.frames = NULL};
    *ret = (uint32_t)blocks->n++;
    return 0;
}

static int block_of(struct strobe_loopblocks *blocks, const uint32_t *frames, uint32_t n, uint32_t *ret)
{
    uint64_t key[2], *known;

    hash_functions(blocks, frames, n, key);
    known = strobe_htab_get(&blocks->by_stack, key[0], key[1]);
    if (!known && blocks->n >= STROBE_LOOPBLOCKS_MAX) {
        key[0] = key[1] = 0;
        known = strobe_htab_get(&blocks->by_stack, 0, 0);
    }
    if (!known)
        return new_block(blocks, key, ret);
    *ret = (uint32_t)*known;
    return 0;
}

static int stay_of(struct strobe_loopblocks *blocks, int32_t pid, uint64_t loop, struct strobe_loopstay **ret)
{
    uint64_t *known = strobe_htab_get(&blocks->stays, loop, (uint64_t)pid);

    if (known) {
        *ret = &blocks->stay[*known];
        return 0;
    }
    if (strobe_grow(&blocks->stay, &blocks->cap_stays, blocks->n_stays + 1, sizeof *blocks->stay) ||
        strobe_htab_put(&blocks->stays, loop, (uint64_t)pid, blocks->n_stays))
        return STROBE_ERR_NOMEM;
    blocks->stay[blocks->n_stays] = (struct strobe_loopstay){.tick = UINT64_MAX};
    *ret = &blocks->stay[blocks->n_stays++];
    return 0;
}

static int keep_frames(struct strobe_loopblock *block, const uint32_t *frames, uint32_t n)
{
    if (!block->frames && !(block->frames = malloc((n ? n : 1) * sizeof *frames)))
        return STROBE_ERR_NOMEM;
    memcpy(block->frames, frames, n * sizeof *frames); /* equal functions are equally many */
    block->n = n;
    return 0;
}

int strobe_loopblocks_note(struct strobe_loopblocks *blocks, const struct strobe_loopblock_look *look)
{
    uint32_t index, n = look->n_frames < STROBE_LOOPBLOCKS_FRAMES ? look->n_frames : STROBE_LOOPBLOCKS_FRAMES;
    struct strobe_loopstay *stay;
    struct strobe_loopblock *block;
    uint64_t lasted;
    int err;

    if ((err = block_of(blocks, look->frames, n, &index)) || (err = stay_of(blocks, look->pid, look->loop, &stay)))
        return err;
    block = &blocks->at[index];
    if (stay->tick + 1 != look->tick || stay->block != index || (stay->step && look->step && stay->step != look->step)) {
        block->times++;
        *stay = (struct strobe_loopstay){.block = index};
    }
    stay->tick = look->tick;
    stay->step = look->step ? look->step : stay->step;
    stay->ns += look->ns;
    block->total_ns += look->ns;
    lasted = stay->ns < look->most_ns ? stay->ns : look->most_ns;
    if (lasted <= block->longest_ns && (block->frames || index == STROBE_LOOPBLOCKS_MAX))
        return 0;
    block->longest_ns = lasted;
    return index < STROBE_LOOPBLOCKS_MAX ? keep_frames(block, look->frames, n) : 0;
}

static int more_time_first(const void *a, const void *b)
{
    const struct strobe_loopblock *x = a, *y = b;

    return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
}

void strobe_loopblocks_sort(struct strobe_loopblocks *blocks)
{
    if (blocks->n)
        qsort(blocks->at, blocks->n, sizeof *blocks->at, more_time_first);
}
