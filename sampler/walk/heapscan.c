/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/heapscan.h"

#include <stdlib.h>

#include "base/grow.h"

enum {
    PAGE = 4096,
    MAX_HITS = 1 << 18, /* a program has thousands of what is looked for; hostile memory may be full of it */
};

void strobe_heapscan_init(struct strobe_heapscan *scan, struct strobe_mem *mem)
{
    *scan = (struct strobe_heapscan){.mem = mem, .wanted = STROBE_HTAB_INIT};
}

void strobe_heapscan_release(struct strobe_heapscan *scan)
{
    strobe_htab_release(&scan->wanted);
    free(scan->block);
    free(scan->hits);
    scan->block = NULL;
    scan->hits = NULL;
    scan->n_hits = scan->cap_hits = 0;
}

/* Classes are aligned to 16 bytes. */
static inline unsigned bucket(uint64_t word)
{
    return (unsigned)(word >> 4 ^ word >> 16) % STROBE_HEAPSCAN_FILTER;
}

int strobe_heapscan_want(struct strobe_heapscan *scan, uint64_t word)
{
    int err = strobe_htab_put(&scan->wanted, word, 0, 0);

    if (!err)
        scan->filter[bucket(word)] = 1;
    return err;
}

void strobe_heapscan_clear(struct strobe_heapscan *scan)
{
    scan->n_hits = 0;
    scan->unread = 0;
}

static int look_at(struct strobe_heapscan *scan, uint64_t addr, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = strobe_span_u64(scan->block, i);

        if (!scan->filter[bucket(word)] || !strobe_htab_get(&scan->wanted, word, 0))
            continue;
        if (scan->n_hits == MAX_HITS)
            return 0;
        if (strobe_grow(&scan->hits, &scan->cap_hits, scan->n_hits + 1, sizeof *scan->hits))
            return STROBE_ERR_NOMEM;
        scan->hits[scan->n_hits++] = addr + i;
    }
    return 0;
}

/* One block; where it is not all there (memory is given back at any moment), page by page. */
static int run_block(struct strobe_heapscan *scan, uint64_t addr, size_t len)
{
    int err = strobe_mem_probe(scan->mem, addr, scan->block, len);

    if (!err)
        return look_at(scan, addr, len);
    for (size_t done = 0, part; done < len && (err == 0 || err == STROBE_ERR_FAULT); done += part) {
        part = PAGE - (addr + done) % PAGE;
        part = part < len - done ? part : len - done;
        err = strobe_mem_probe(scan->mem, addr + done, scan->block, part);
        if (!err)
            err = look_at(scan, addr + done, part);
        else if (err == STROBE_ERR_FAULT)
            scan->unread += part;
    }
    return err == STROBE_ERR_FAULT ? 0 : err;
}

int strobe_heapscan_run(struct strobe_heapscan *scan, uint64_t addr, uint64_t bytes)
{
    int err = 0;

    if (!scan->block && !(scan->block = malloc(STROBE_HEAPSCAN_BLOCK)))
        return STROBE_ERR_NOMEM;
    while (!err && bytes) {
        size_t len = bytes < STROBE_HEAPSCAN_BLOCK ? (size_t)bytes : STROBE_HEAPSCAN_BLOCK;

        err = run_block(scan, addr, len);
        addr += len;
        bytes -= len;
    }
    return err;
}
