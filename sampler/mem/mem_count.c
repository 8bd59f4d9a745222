/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what goes through, and fails one read on request (tests, measurements). */
#include "mem/mem.h"

#include <stdlib.h>

struct mem_count {
    struct strobe_mem mem;
    struct strobe_mem *inner;
    uint64_t fail_at;
    struct strobe_mem_stats stats;
};

/* Counts one call; true when it is the one to fail. */
static int must_fail(struct mem_count *count, size_t segments)
{
    count->stats.calls++;
    count->stats.segments += segments;
    return count->stats.calls == count->fail_at;
}

static int note(struct mem_count *count, int err, size_t bytes)
{
    if (err)
        count->stats.failures++;
    else
        count->stats.bytes += bytes;
    return err;
}

static int count_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct mem_count *count = (struct mem_count *)mem;

    if (must_fail(count, 1))
        return note(count, STROBE_ERR_FAULT, 0);
    return note(count, strobe_mem_read(count->inner, addr, buf, len), len);
}

static int count_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    struct mem_count *count = (struct mem_count *)mem;
    size_t bytes = 0;

    if (must_fail(count, n))
        return note(count, STROBE_ERR_FAULT, 0);
    for (size_t i = 0; i < n; i++)
        bytes += segs[i].len;
    return note(count, strobe_mem_readv(count->inner, segs, n), bytes);
}

static void count_epoch(struct strobe_mem *mem)
{
    strobe_mem_epoch(((struct mem_count *)mem)->inner);
}

static void count_close(struct strobe_mem *mem)
{
    strobe_mem_close(((struct mem_count *)mem)->inner);
    free(mem);
}

int strobe_mem_count_new(struct strobe_mem *inner, uint64_t fail_at, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {count_read, count_readv, count_epoch, count_close, NULL};
    struct mem_count *count = calloc(1, sizeof *count);

    if (!count)
        return STROBE_ERR_NOMEM;
    count->mem.ops = &ops;
    count->inner = inner;
    count->fail_at = fail_at;
    *ret_mem = &count->mem;
    return 0;
}

const struct strobe_mem_stats *strobe_mem_count_stats(const struct strobe_mem *mem)
{
    return &((const struct mem_count *)mem)->stats;
}
