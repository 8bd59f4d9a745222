/* SPDX-License-Identifier: Apache-2.0 */
/* Cache of 16 KiB blocks over another reader.
 *
 *   address:  | block number | page: 2 bits | offset in page: 12 bits |
 *   set = hash(block number), WAYS slots a set, the oldest is replaced
 *   slot = { block number, epoch in which it was filled, one bit a page that holds data } + 16 KiB
 *
 * A slot of an older epoch is empty, so dropping everything is one increment.  A block that is not wholly mapped is filled
 * page by page as pages are asked for; a page that cannot be read whole (images may hold less) is read by its exact bytes,
 * uncached.  So caching never makes a readable range fail.  All memory is taken at creation; untouched slots cost none. */
#include "mem/mem.h"

#include <stdlib.h>

enum {
    PAGE_SHIFT = 12,
    PAGE = 1 << PAGE_SHIFT,
    BLOCK_SHIFT = 14, /* one read of 16 KiB costs little more than one of 4 KiB, and neighbours are usually wanted next */
    BLOCK = 1 << BLOCK_SHIFT,
    ALL_PAGES = (1 << (BLOCK / PAGE)) - 1,
    SET_BITS = 6,
    WAYS = 4,
    SLOTS = WAYS << SET_BITS, /* 256 x 16 KiB = 4 MiB: the thread states and stacks of hundreds of threads */
    BYPASS = 4 * BLOCK,       /* larger reads would push everything else out and are read once anyway */
};

struct slot {
    uint64_t block;
    uint64_t epoch; /* 0 = never filled */
    uint32_t pages; /* bit i: page i holds data; fewer than all = the block is not wholly mapped */
};

struct mem_paged {
    struct strobe_mem mem;
    struct strobe_mem *inner;
    uint64_t epoch;
    unsigned last; /* slot of the last hit: most reads stay in one block */
    struct slot slots[SLOTS];
    uint8_t victim[SLOTS / WAYS]; /* per set: way to be replaced next */
    unsigned char (*data)[BLOCK];
};

/* The block's slot, or SLOTS when it is not there. */
static unsigned lookup(struct mem_paged *paged, uint64_t block, unsigned set)
{
    const struct slot *slot = &paged->slots[paged->last];

    if (slot->block == block && slot->epoch == paged->epoch)
        return paged->last;
    for (unsigned i = set * WAYS; i < (set + 1) * WAYS; i++) {
        slot = &paged->slots[i];
        if (slot->block == block && slot->epoch == paged->epoch)
            return paged->last = i;
    }
    return SLOTS;
}

/* Makes a slot of the set the block's; it holds nothing yet.  Empty slots are taken first. */
static unsigned claim(struct mem_paged *paged, uint64_t block, unsigned set)
{
    unsigned i = set * WAYS;

    while (i < (set + 1) * WAYS && paged->slots[i].epoch == paged->epoch)
        i++;
    if (i == (set + 1) * WAYS) {
        i = set * WAYS + paged->victim[set];
        paged->victim[set] = (paged->victim[set] + 1) % WAYS;
    }
    paged->slots[i] = (struct slot){block, paged->epoch, 0};
    return paged->last = i;
}

/* Makes sure that the page (0-3) of the block is there.  ret_slot: where. */
static int fill(struct mem_paged *paged, uint64_t block, unsigned page, unsigned *ret_slot)
{
    unsigned set = (unsigned)(block * 0x9e3779b97f4a7c15ull >> (64 - SET_BITS));
    unsigned i = lookup(paged, block, set);
    int err;

    if (i == SLOTS) {
        i = claim(paged, block, set);
        err = strobe_mem_read(paged->inner, block << BLOCK_SHIFT, paged->data[i], BLOCK);
        if (!err) {
            paged->slots[i].pages = ALL_PAGES;
        } else if (err != STROBE_ERR_FAULT) {
            paged->slots[i].epoch = 0;
            return err;
        }
    }
    if (!(paged->slots[i].pages & 1u << page)) {
        err = strobe_mem_read(paged->inner, (block << BLOCK_SHIFT) + page * PAGE, paged->data[i] + page * PAGE, PAGE);
        if (err)
            return err;
        paged->slots[i].pages |= 1u << page;
    }
    *ret_slot = i;
    return 0;
}

static int paged_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct mem_paged *paged = (struct mem_paged *)mem;
    unsigned slot;
    int err;

    if (len > BYPASS)
        return strobe_mem_read(paged->inner, addr, buf, len);
    if (addr + len < addr)
        return STROBE_ERR_FAULT;
    while (len) {
        size_t off = (size_t)(addr % BLOCK), page = off / PAGE;
        size_t step = (page + 1) * PAGE - off;

        if (step > len)
            step = len;
        err = fill(paged, addr >> BLOCK_SHIFT, (unsigned)page, &slot);
        if (!err)
            memcpy(buf, paged->data[slot] + off, step);
        else if (err == STROBE_ERR_FAULT)
            err = strobe_mem_read(paged->inner, addr, buf, step);
        if (err)
            return err;
        buf = (char *)buf + step;
        addr += step;
        len -= step;
    }
    return 0;
}

/* The caller wants the segments as one moment, so the cache neither answers nor learns. */
static int paged_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    return strobe_mem_readv(((struct mem_paged *)mem)->inner, segs, n);
}

static void paged_epoch(struct strobe_mem *mem)
{
    struct mem_paged *paged = (struct mem_paged *)mem;

    paged->epoch++;
    strobe_mem_epoch(paged->inner);
}

static void paged_close(struct strobe_mem *mem)
{
    struct mem_paged *paged = (struct mem_paged *)mem;

    strobe_mem_close(paged->inner);
    free(paged->data);
    free(paged);
}

int strobe_mem_paged_new(struct strobe_mem *inner, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {paged_read, paged_readv, paged_epoch, paged_close};
    struct mem_paged *paged = calloc(1, sizeof *paged);

    if (!paged)
        return STROBE_ERR_NOMEM;
    paged->data = malloc((size_t)SLOTS * BLOCK);
    if (!paged->data) {
        free(paged);
        return STROBE_ERR_NOMEM;
    }
    paged->mem.ops = &ops;
    paged->inner = inner;
    paged->epoch = 1;
    *ret_mem = &paged->mem;
    return 0;
}
