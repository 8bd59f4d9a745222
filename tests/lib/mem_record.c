/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/mem_record.h"

#include <stdlib.h>

#include "base/htab.h"

enum {
    PAGE = 4096,
    GRAIN = 64, /* a page is 64 grains: one word of bits a page */
    KEEP = 2,   /* grains kept beside one that was read: a walk that reads a field more next year still finds it */
};

struct mem_record {
    struct strobe_mem mem;
    struct strobe_mem *inner;
    struct strobe_htab pages; /* page number -> bit i: grain i was read */
    bool failed;              /* out of memory: what was touched is not known whole */
};

static void touch(struct mem_record *rec, uint64_t addr, size_t len)
{
    uint64_t grain = addr / GRAIN, last = (addr + len - 1) / GRAIN;

    for (; len && grain <= last; grain++) {
        uint64_t page = grain / (PAGE / GRAIN), bit = 1ull << grain % (PAGE / GRAIN);
        uint64_t *bits = strobe_htab_get(&rec->pages, page, 0);

        if (bits)
            *bits |= bit;
        else if (strobe_htab_put(&rec->pages, page, 0, bit))
            rec->failed = true;
    }
}

static int record_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct mem_record *rec = (struct mem_record *)mem;
    int err = strobe_mem_read(rec->inner, addr, buf, len);

    if (!err)
        touch(rec, addr, len);
    return err;
}

static int record_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    struct mem_record *rec = (struct mem_record *)mem;
    int err = strobe_mem_readv(rec->inner, segs, n);

    for (size_t i = 0; !err && i < n; i++)
        touch(rec, segs[i].addr, segs[i].len);
    return err;
}

static void record_epoch(struct strobe_mem *mem)
{
    strobe_mem_epoch(((struct mem_record *)mem)->inner);
}

static void record_close(struct strobe_mem *mem)
{
    struct mem_record *rec = (struct mem_record *)mem;

    strobe_htab_release(&rec->pages);
    free(rec);
}

int record_mem_new(struct strobe_mem *inner, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {record_read, record_readv, record_epoch, record_close, NULL};
    struct mem_record *rec = calloc(1, sizeof *rec);

    if (!rec)
        return STROBE_ERR_NOMEM;
    rec->mem.ops = &ops;
    rec->inner = inner;
    *ret_mem = &rec->mem;
    return 0;
}

int record_mem_save(struct strobe_mem *mem, struct image *image)
{
    struct mem_record *rec = (struct mem_record *)mem;
    unsigned char bytes[PAGE];
    int err = rec->failed ? STROBE_ERR_NOMEM : 0;

    strobe_mem_epoch(rec->inner);
    for (size_t i = 0; !err && rec->pages.slots && i <= rec->pages.mask; i++) {
        const struct strobe_htab_slot *slot = &rec->pages.slots[i];
        uint64_t keep = slot->value;

        if (!slot->used)
            continue;
        for (int k = 0; k < KEEP; k++)
            keep |= keep << 1 | keep >> 1;
        err = strobe_mem_read(rec->inner, slot->key[0] * PAGE, bytes, sizeof bytes);
        for (unsigned g = 0; g < PAGE / GRAIN; g++)
            if (!(keep >> g & 1))
                memset(bytes + g * GRAIN, 0, GRAIN);
        if (!err)
            err = image_add(image, slot->key[0] * PAGE, bytes, sizeof bytes);
    }
    return err;
}
