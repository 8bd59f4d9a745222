/* SPDX-License-Identifier: Apache-2.0 */
/* Cache of 16 KiB blocks over another reader.
 *
 *   address:  | block number: 50 bits | page: 2 bits | offset in page: 12 bits |
 *   index     { block number, round in which it was read, slot, one bit a page that holds data }, found by the block number's
 *             hash; open addressing, at most half full
 *   slot      16 KiB; a ring: the block that was read first makes room for the next
 *
 * An entry of an older round is empty, so dropping everything is one increment, and slots are taken from the first on again:
 * the memory that is ever touched is what the largest epoch needed, wherever the addresses move.
 *
 * A scan that never comes back is so read through a small ring, which stays in the processor's own caches: tasks, coroutines and
 * frames that were made together lie together.  Where blocks that had to make room are asked for again too often, the slots
 * double.
 *
 * After again(), a miss reads with the block also those that were read after it in the last round begun so, only the pages that
 * were asked for, in one call.
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
    CHUNK = 64,          /* slots; 1 MiB, the least there is: what a processor's second cache holds */
    MAX_SLOTS = 4096,    /* 64 MiB: the tasks, coroutines and frames of 10,000 tasks of asyncio, wherever they lie */
    /* Blocks are asked for again too often when they are more than 1 in so many of those read in a turn of the ring: when much was
     * read before that is read again (the memory will be of use again), and else (getting memory costs more than such a read). */
    OFTEN_HERE = 16, OFTEN = 2,
    LEAST_INDEX = 1024,  /* entries of the index */
    MAX_INDEX = 1 << 20, /* blocks of 8 GiB in one epoch */
    HUGE = 2 << 20,
    AHEAD = 16,          /* blocks that are read again in one call: they are looked at while the processor has them */
    WINDOW = 256,        /* how far from where it is expected a block is looked for */
    BYPASS = 4 * BLOCK,  /* larger reads would push everything else out and are read once anyway */
    NO_SLOT = 0xffff,    /* of a block that made room */
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
    struct entry *index;
    unsigned index_shift; /* 64 - log2 of its entries */
    size_t n_index, cap_index;
    unsigned next, used, slots;    /* the slot for the next block; slots that are taken; slots there are: CHUNK << n */
    unsigned n_read, n_read_again; /* in this turn of the ring */
    /* Where the slots lie, CHUNK by CHUNK; the first one, and each 1 << n, begins a piece of memory. */
    unsigned char *data[MAX_SLOTS / CHUNK];
    struct owner {
        uint64_t block;
        size_t worn; /* its place in log */
    } *owners; /* by slot */
    struct worn *log; /* what this round has read, if it began with again() */
    size_t n_log, cap_log;
    struct turn {
        struct worn *worn; /* in the order in which they were read */
        size_t n, cap;
        size_t at;         /* the next one to be expected in this round */
    } turns[STROBE_MEM_TURNS], *noting; /* noting: this round began with again(): what it reads is read again at that turn's next */
};

/* The block's entry, or the empty one where it belongs. */
static inline struct entry *find(const struct mem_paged *paged, uint64_t block)
{
    size_t i = block * 0x9e3779b97f4a7c15ull >> paged->index_shift;

    while (paged->index[i].round == paged->round && paged->index[i].block != block)
        i = (i + 1) & (paged->cap_index - 1);
    return &paged->index[i];
}

static inline bool is_there(const struct mem_paged *paged, const struct entry *entry)
{
    return entry->round == paged->round && entry->slot != NO_SLOT;
}

static inline unsigned char *data_of(const struct mem_paged *paged, unsigned slot)
{
    return paged->data[slot / CHUNK] + (size_t)(slot % CHUNK) * BLOCK;
}

/* Empties a slot. */
static void make_room(struct mem_paged *paged, unsigned slot)
{
    struct entry *entry = find(paged, paged->owners[slot].block);

    if (entry->round != paged->round || entry->slot != slot)
        return;
    if (paged->noting)
        paged->log[paged->owners[slot].worn].pages = entry->touched;
    entry->slot = NO_SLOT;
}

/* Keeps what this round read for the next of its turn. */
static void note(struct mem_paged *paged)
{
    struct turn *turn = paged->noting;
    struct worn *worn = turn->worn;
    size_t n = 0, cap = turn->cap;

    for (unsigned slot = 0; slot < paged->used; slot++)
        make_room(paged, slot);
    for (size_t i = 0; i < paged->n_log; i++)
        if (paged->log[i].pages)
            paged->log[n++] = paged->log[i];
    paged->noting = NULL;
    turn->worn = paged->log;
    turn->cap = paged->cap_log;
    turn->n = n;
    paged->log = worn;
    paged->cap_log = cap;
}

/* Forgets everything. */
static void drop(struct mem_paged *paged)
{
    if (paged->noting)
        note(paged);
    paged->round++;
    paged->n_index = paged->n_log = 0;
    paged->next = paged->used = paged->n_read = paged->n_read_again = 0;
}

/* Memory by the megabyte; for use again and again in huge pages where the system has them.  Else not: it may move what others have, for
 * a tenth of a second, to make one. */
static void *large(size_t size, bool lasting)
{
    void *data = size % HUGE ? malloc(size) : aligned_alloc(HUGE, size);

    if (data && lasting && size % HUGE == 0)
        madvise(data, size, MADV_HUGEPAGE); /* as well without */
    return data;
}

/* Is much read that was read before, and will be again? */
static bool reads_again(const struct mem_paged *paged)
{
    return paged->noting && paged->noting->n;
}

/* Twice as many slots; what is cached stays where it is.  false: as before. */
static bool grow(struct mem_paged *paged)
{
    unsigned slots = paged->slots;
    struct owner *owners = slots < MAX_SLOTS ? realloc(paged->owners, 2 * (size_t)slots * sizeof *owners) : NULL;
    unsigned char *data;

    if (!owners)
        return false;
    paged->owners = owners;
    data = large((size_t)slots * BLOCK, reads_again(paged));
    if (!data)
        return false;
    for (unsigned i = 0; i < slots / CHUNK; i++)
        paged->data[slots / CHUNK + i] = data + (size_t)i * CHUNK * BLOCK;
    paged->next = slots;
    paged->slots = 2 * slots;
    return true;
}

static bool grow_index(struct mem_paged *paged)
{
    struct entry *old = paged->index, *index;
    size_t cap = paged->cap_index;

    index = cap < MAX_INDEX ? calloc(2 * cap, sizeof *index) : NULL;
    if (!index)
        return false;
    paged->index = index;
    paged->index_shift--;
    paged->cap_index = 2 * cap;
    for (size_t i = 0; i < cap; i++)
        if (old[i].round == paged->round)
            *find(paged, old[i].block) = old[i];
    free(old);
    return true;
}

/* Makes sure that there is room for some more blocks in the index, and more slots where that pays. */
static void prepare(struct mem_paged *paged)
{
    if (2 * (paged->n_index + AHEAD) > paged->cap_index && !grow_index(paged))
        drop(paged);
    if (paged->n_read_again > paged->slots / (reads_again(paged) ? OFTEN_HERE : OFTEN)) {
        if (paged->n_index > paged->slots) /* else all that made room is still to come back, once */
            grow(paged);
        paged->n_read = paged->n_read_again = 0;
    }
    if (paged->n_read >= paged->slots)
        paged->n_read = paged->n_read_again = 0;
    if (paged->noting && strobe_grow(&paged->log, &paged->cap_log, paged->n_log + AHEAD, sizeof *paged->log))
        paged->noting = NULL;
}

/* The next slot has this block now. */
static struct entry *settle(struct mem_paged *paged, uint64_t block, unsigned pages)
{
    struct entry *entry = find(paged, block);

    paged->n_read++;
    if (entry->round == paged->round)
        paged->n_read_again++;
    else
        paged->n_index++;
    *entry = (struct entry){.block = block, .pages = pages & ALL_PAGES, .slot = paged->next & NO_SLOT, .round = paged->round};
    paged->owners[paged->next] = (struct owner){block, paged->n_log};
    if (paged->noting)
        paged->log[paged->n_log++] = (struct worn){block, 0};
    paged->used = paged->used > paged->next ? paged->used : paged->next + 1;
    paged->next = paged->next + 1 == paged->slots ? 0 : paged->next + 1;
    return entry;
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

/* A block that the last round of this turn asked for: it and those that were asked for after it, in one call.
 * false: it was not among the next expected, or a page is gone. */
static bool load_ahead(struct mem_paged *paged, uint64_t block)
{
    struct turn *turn = paged->noting;
    struct strobe_mem_seg segs[AHEAD * (BLOCK / PAGE + 1) / 2];
    struct worn taken[AHEAD];
    unsigned n_taken = 0;
    size_t at = turn->at, end = turn->n - at < WINDOW ? turn->n : at + WINDOW, n = 0;

    while (at < end && turn->worn[at].block != block)
        at++;
    if (at == end)
        return false;
    for (; at < turn->n && n_taken < AHEAD; at++) {
        unsigned slot = (paged->next + n_taken) & (paged->slots - 1);
        bool known = is_there(paged, find(paged, turn->worn[at].block));

        for (unsigned i = 0; i < n_taken && !known; i++)
            known = taken[i].block == turn->worn[at].block;
        if (known)
            continue;
        make_room(paged, slot);
        n += add_runs(turn->worn[at].block, turn->worn[at].pages, data_of(paged, slot), segs + n);
        taken[n_taken++] = turn->worn[at];
    }
    turn->at = at;
    if (strobe_mem_readv(paged->inner, segs, n))
        return false;
    for (unsigned i = 0; i < n_taken; i++)
        settle(paged, taken[i].block, taken[i].pages);
    return true;
}

/* Reads a block that is not there.  ret_entry: its own, without pages where it is not wholly mapped.  May move all entries. */
static int load(struct mem_paged *paged, uint64_t block, struct entry **ret_entry)
{
    int err;

    prepare(paged);
    if (reads_again(paged) && load_ahead(paged, block)) {
        *ret_entry = find(paged, block);
        return 0;
    }
    make_room(paged, paged->next);
    err = strobe_mem_read(paged->inner, block << BLOCK_SHIFT, data_of(paged, paged->next), BLOCK);
    if (err && err != STROBE_ERR_FAULT)
        return err;
    *ret_entry = settle(paged, block, err ? 0 : ALL_PAGES);
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
    int err = is_there(paged, entry) ? 0 : load(paged, addr >> BLOCK_SHIFT, &entry);

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

    if (!is_there(paged, entry) || len > BLOCK - off || !len)
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
    free(paged->owners);
    free(paged->log);
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
    paged->index = calloc(LEAST_INDEX, sizeof *paged->index);
    paged->owners = calloc(CHUNK, sizeof *paged->owners);
    paged->data[0] = malloc((size_t)CHUNK * BLOCK);
    if (!paged->index || !paged->owners || !paged->data[0]) {
        release(paged);
        return STROBE_ERR_NOMEM;
    }
    paged->mem.ops = &ops;
    paged->inner = inner;
    paged->round = 1;
    paged->slots = CHUNK;
    paged->cap_index = LEAST_INDEX;
    paged->index_shift = 64 - 10; /* LEAST_INDEX = 1 << 10 */
    *ret_mem = &paged->mem;
    return 0;
}
