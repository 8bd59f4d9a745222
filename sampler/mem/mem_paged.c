/* SPDX-License-Identifier: Apache-2.0 */
/* Cache of 16 KiB blocks over another reader.
 *
 *   address:  | block number: 50 bits | page: 2 bits | offset in page: 12 bits |
 *   index     { block number, round in which it was filled, slot, one bit a page that holds data }, found by the block number's
 *             hash; open addressing, at most half full
 *   slot      16 KiB; taken one after the other
 *
 * An entry of an older round is empty, so dropping everything is one increment, and slots are taken from the first on again:
 * the memory that is ever touched is what the largest epoch read, wherever the addresses move.  Are all slots taken within one
 * epoch, their number doubles.  At the largest number, or without memory for more, everything is dropped instead: a scan
 * of more than the cache holds finds nothing in it either way, and what is wanted all the time is read once more a round.
 *
 * After again(), a miss reads with the block also those that were asked for after it in the last round begun so, only the pages that
 * were, in one call.
 *
 * A block that is not wholly there is filled page by page as pages are asked for; a page that cannot be read whole (images
 * may hold less) is read by its exact bytes, uncached.  So caching never makes a readable range fail. */
#include "mem/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/grow.h"

enum {
    PAGE = 4096,
    BLOCK_SHIFT = 14, /* one read of 16 KiB costs little more than one of 4 KiB, and neighbours are usually wanted next */
    BLOCK = 1 << BLOCK_SHIFT,
    ALL_PAGES = (1 << (BLOCK / PAGE)) - 1,
    CHUNK = 256,         /* slots; 4 MiB, the least there is: the thread states and stacks of hundreds of threads */
    MAX_SLOTS = 4096,    /* 64 MiB: the tasks, coroutines and frames of 10,000 tasks of asyncio lie in 20 - 75 MB */
    HUGE = 2 << 20,
    AHEAD = 32,          /* blocks that are read again in one call: what stays in a processor's cache until it is looked at */
    WINDOW = 256,        /* how far from where it is expected a block is looked for */
    BYPASS = 4 * BLOCK,  /* larger reads would push everything else out and are read once anyway */
};

struct entry {
    uint64_t block;
    uint64_t pages : 4;   /* that hold data */
    uint64_t touched : 4; /* that were asked for */
    uint64_t slot : 16;
    uint64_t round : 40;  /* 0 = never filled; 4 months of 100,000 rounds a second */
};

/* What an epoch that began with again() read. */
struct worn {
    uint64_t block;
    unsigned pages;
};

struct mem_paged {
    struct strobe_mem mem;
    struct strobe_mem *inner;
    uint64_t round;
    struct entry *index;  /* 2 x slots */
    unsigned index_shift; /* 64 - log2 of that */
    unsigned used, slots; /* slots taken in this round; slots there are: CHUNK << n */
    /* Where the slots lie, CHUNK by CHUNK; the first one, and each 1 << n, begins a piece of memory. */
    unsigned char *data[MAX_SLOTS / CHUNK];
    struct turn {
        struct worn *worn; /* in the order in which they were first asked for */
        size_t n, cap;
        size_t at;         /* the next one to be expected in this round */
    } turns[STROBE_MEM_TURNS], *noting; /* noting: this round began with again(): what it reads is read again at that turn's next */
};

/* The block's entry, or the empty one where it belongs. */
static inline struct entry *find(const struct mem_paged *paged, uint64_t block)
{
    size_t i = block * 0x9e3779b97f4a7c15ull >> paged->index_shift;

    while (paged->index[i].round == paged->round && paged->index[i].block != block)
        i = (i + 1) & (2 * (size_t)paged->slots - 1);
    return &paged->index[i];
}

static inline unsigned char *data_of(const struct mem_paged *paged, unsigned slot)
{
    return paged->data[slot / CHUNK] + (size_t)(slot % CHUNK) * BLOCK;
}

/* Keeps what this round read, in the order of its slots, which is that of the asking. */
static void note(struct mem_paged *paged)
{
    struct turn *turn = paged->noting;
    size_t n = 0;

    paged->noting = NULL;
    turn->n = 0;
    if (strobe_grow(&turn->worn, &turn->cap, paged->used, sizeof *turn->worn))
        return;
    memset(turn->worn, 0, paged->used * sizeof *turn->worn);
    for (size_t i = 0; i < 2 * (size_t)paged->slots; i++)
        if (paged->index[i].round == paged->round)
            turn->worn[paged->index[i].slot] = (struct worn){paged->index[i].block, paged->index[i].touched};
    for (size_t i = 0; i < paged->used; i++)
        if (turn->worn[i].pages)
            turn->worn[n++] = turn->worn[i];
    turn->n = n;
}

/* Forgets everything. */
static void drop(struct mem_paged *paged)
{
    if (paged->noting)
        note(paged);
    paged->round++;
    paged->used = 0;
}

/* Memory by the megabyte, in huge pages where the system has them: filling it costs its faults more than its copying. */
static void *large(size_t size)
{
    void *data = aligned_alloc(HUGE, size);

    if (data)
        madvise(data, size, MADV_HUGEPAGE); /* as well without */
    return data;
}

/* Twice as many slots; what is cached stays where it is.  false: as before. */
static bool grow(struct mem_paged *paged)
{
    struct entry *old = paged->index, *index;
    unsigned slots = paged->slots;
    unsigned char *data;

    if (slots == MAX_SLOTS)
        return false;
    index = calloc(4 * (size_t)slots, sizeof *index);
    data = index ? large((size_t)slots * BLOCK) : NULL;
    if (!data) {
        free(index);
        return false;
    }
    for (unsigned i = 0; i < slots / CHUNK; i++)
        paged->data[slots / CHUNK + i] = data + (size_t)i * CHUNK * BLOCK;
    paged->index = index;
    paged->index_shift--;
    paged->slots = 2 * slots;
    for (size_t i = 0; i < 2 * (size_t)slots; i++)
        if (old[i].round == paged->round)
            *find(paged, old[i].block) = old[i];
    free(old);
    return true;
}

/* Appends the runs of pages that a block's mask names. */
static size_t add_runs(uint64_t block, unsigned pages, unsigned char *data, struct strobe_mem_seg *segs)
{
    size_t n = 0;

    for (unsigned page = 0, end; page < BLOCK / PAGE; page = end + 1) {
        for (end = page; pages >> end & 1;)
            end++;
        if (end > page)
            segs[n++] = (struct strobe_mem_seg){(block << BLOCK_SHIFT) + page * PAGE, data + page * PAGE, (end - page) * PAGE};
    }
    return n;
}

/* A block that the last round of this turn asked for: it and those that were asked for after it, in one call.  They are looked at while
 * they are in the processor's cache.  false: it was not among the next expected, or a page is gone. */
static bool load_ahead(struct mem_paged *paged, uint64_t block)
{
    struct turn *turn = paged->noting;
    struct strobe_mem_seg segs[AHEAD * (BLOCK / PAGE + 1) / 2];
    uint64_t taken[AHEAD];
    unsigned pages[AHEAD], n_taken = 0;
    size_t at = turn->at, end = turn->n - at < WINDOW ? turn->n : at + WINDOW, n = 0;

    while (at < end && turn->worn[at].block != block)
        at++;
    if (at == end)
        return false;
    for (; at < turn->n && n_taken < AHEAD && paged->used + n_taken < paged->slots; at++) {
        const struct worn *worn = &turn->worn[at];

        if (find(paged, worn->block)->round == paged->round)
            continue;
        n += add_runs(worn->block, worn->pages, data_of(paged, paged->used + n_taken), segs + n);
        taken[n_taken] = worn->block;
        pages[n_taken++] = worn->pages;
    }
    turn->at = at;
    if (strobe_mem_readv(paged->inner, segs, n))
        return false;
    for (unsigned i = 0; i < n_taken; i++)
        *find(paged, taken[i]) = (struct entry){.block = taken[i], .pages = pages[i] & ALL_PAGES, .slot = paged->used++ & 0xffff, .round = paged->round};
    return true;
}

/* Reads a block that is not there.  ret_entry: its own, without pages where it is not wholly mapped.  May move all entries. */
static int load(struct mem_paged *paged, uint64_t block, struct entry **ret_entry)
{
    struct entry *entry;
    int err;

    if (paged->used == paged->slots && !grow(paged))
        drop(paged);
    if (paged->noting && paged->noting->n && load_ahead(paged, block)) {
        *ret_entry = find(paged, block);
        return 0;
    }
    err = strobe_mem_read(paged->inner, block << BLOCK_SHIFT, data_of(paged, paged->used), BLOCK);
    if (err && err != STROBE_ERR_FAULT)
        return err;
    entry = find(paged, block);
    *entry = (struct entry){.block = block, .pages = err ? 0 : ALL_PAGES, .slot = (uint64_t)paged->used++, .round = paged->round};
    *ret_entry = entry;
    return 0;
}

/* Bytes inside one page of a block that is not wholly mapped. */
static int read_in_page(struct mem_paged *paged, struct entry *entry, uint64_t addr, void *buf, size_t len)
{
    size_t off = addr % BLOCK, page = off / PAGE;
    unsigned char *data = data_of(paged, entry->slot);
    int err;

    if (!(entry->pages & 1u << page)) {
        err = strobe_mem_read(paged->inner, addr - addr % PAGE, data + page * PAGE, PAGE);
        if (err == STROBE_ERR_FAULT)
            return strobe_mem_read(paged->inner, addr, buf, len);
        if (err)
            return err;
        entry->pages |= 1u << page;
    }
    entry->touched |= 1u << page;
    memcpy(buf, data + off, len);
    return 0;
}

/* Bytes inside one block. */
static int read_in_block(struct mem_paged *paged, uint64_t addr, void *buf, size_t len)
{
    struct entry *entry = find(paged, addr >> BLOCK_SHIFT);
    int err = entry->round == paged->round ? 0 : load(paged, addr >> BLOCK_SHIFT, &entry);

    for (size_t step; !err && len; addr += step, buf = (char *)buf + step, len -= step) {
        step = PAGE - addr % PAGE;
        step = step < len ? step : len;
        err = read_in_page(paged, entry, addr, buf, step);
    }
    return err;
}

/* Whatever is not simply there. */
static __attribute__((noinline)) int read_any(struct mem_paged *paged, uint64_t addr, void *buf, size_t len)
{
    int err = 0;

    if (len > BYPASS)
        return strobe_mem_read(paged->inner, addr, buf, len);
    if (addr + len < addr)
        return STROBE_ERR_FAULT;
    for (size_t step; !err && len; addr += step, buf = (char *)buf + step, len -= step) {
        step = BLOCK - addr % BLOCK;
        step = step < len ? step : len;
        err = read_in_block(paged, addr, buf, step);
    }
    return err;
}

/* One bit a page of a block that len > 0 bytes at off lie in. */
static inline unsigned pages_of(size_t off, size_t len)
{
    return (2u << (off + len - 1) / PAGE) - (1u << off / PAGE);
}

static int paged_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct mem_paged *paged = (struct mem_paged *)mem;
    struct entry *entry = find(paged, addr >> BLOCK_SHIFT);
    size_t off = addr % BLOCK;
    unsigned wanted;

    if (entry->round != paged->round || len > BLOCK - off || !len)
        return read_any(paged, addr, buf, len);
    wanted = pages_of(off, len);
    if ((entry->pages & wanted) != wanted)
        return read_any(paged, addr, buf, len);
    entry->touched |= wanted;
    memcpy(buf, data_of(paged, entry->slot) + off, len);
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

    drop(paged);
    strobe_mem_epoch(paged->inner);
}

static void paged_again(struct strobe_mem *mem, unsigned turn)
{
    struct mem_paged *paged = (struct mem_paged *)mem;

    paged_epoch(mem);
    paged->turns[turn].at = 0;
    paged->noting = &paged->turns[turn];
}

static void release(struct mem_paged *paged)
{
    for (size_t i = 0; i < STROBE_MEM_TURNS; i++)
        free(paged->turns[i].worn);
    free(paged->data[0]);
    for (size_t i = 1; i < MAX_SLOTS / CHUNK; i *= 2)
        free(paged->data[i]);
    free(paged->index);
    free(paged);
}

static void paged_close(struct strobe_mem *mem)
{
    strobe_mem_close(((struct mem_paged *)mem)->inner);
    release((struct mem_paged *)mem);
}

int strobe_mem_paged_new(struct strobe_mem *inner, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {paged_read, paged_readv, paged_epoch, paged_close, paged_again};
    struct mem_paged *paged = calloc(1, sizeof *paged);

    if (!paged)
        return STROBE_ERR_NOMEM;
    paged->index = calloc(2 * (size_t)CHUNK, sizeof *paged->index);
    paged->data[0] = malloc((size_t)CHUNK * BLOCK);
    if (!paged->index || !paged->data[0]) {
        release(paged);
        return STROBE_ERR_NOMEM;
    }
    paged->mem.ops = &ops;
    paged->inner = inner;
    paged->round = 1;
    paged->slots = CHUNK;
    paged->index_shift = 64 - 9; /* 2 x CHUNK = 1 << 9 */
    *ret_mem = &paged->mem;
    return 0;
}
