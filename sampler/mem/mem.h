/* SPDX-License-Identifier: Apache-2.0 */
/* mem: THE reader interface: memory that we did not allocate, by address.
 *
 * Readers: another process (attach/mem_process.c), an image (tests/lib/mem_image.c), our own process, a core file;
 * wrappers: mem_paged.c (cache), mem_count.c.  Read-only by having no write call.
 * May include: base.  Ownership: whoever made a reader closes it.  Threads: one user per reader. */
#ifndef STROBE_MEM_MEM_H
#define STROBE_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

struct strobe_mem_seg {
    uint64_t addr;
    void *buf;
    size_t len;
};

struct strobe_mem;

enum { STROBE_MEM_TURNS = 4 };

struct strobe_mem_ops {
    /* Exactly len bytes, or an error (STROBE_ERR_FAULT not mapped, STROBE_ERR_GONE, STROBE_ERR_PERM); on error the
     * buffer's contents are undefined. */
    int (*read)(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len);
    /* All segments, in order, as close in time as the memory allows (one system call for a process).  All or an error.
     * NULL = a loop over read. */
    int (*readv)(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n);
    /* A new sample begins: forget what was cached.  NULL = nothing cached. */
    void (*epoch)(struct strobe_mem *mem);
    /* Frees the reader.  A wrapper closes what it wraps. */
    void (*close)(struct strobe_mem *mem);
    /* Like epoch, and what was read in the last epoch that began so with this `turn` (below STROBE_MEM_TURNS) is read again at once,
     * in few calls: for samples that read much of the same each time.  NULL = epoch. */
    void (*again)(struct strobe_mem *mem, unsigned turn);
};

/* Readers embed this as their first member, zero but for ops. */
struct strobe_mem {
    const struct strobe_mem_ops *ops;
    uint64_t reads; /* asked for so far: who finds it unchanged knows that nothing was read meanwhile */
    uint64_t faults; /* of those, failed: who finds it unchanged knows that nothing was passed over as unreadable */
    struct strobe_clock *clock; /* of the deadline; borrowed */
    uint64_t due_ns; /* see strobe_mem_set_deadline */
    unsigned asked;  /* how often it was looked at */
};

/* From due_ns (of that clock) on every read fails with STROBE_ERR_TORN: what is read while a thread is held ends in time, however much
 * there is.  0 = no deadline. */
static inline void strobe_mem_set_deadline(struct strobe_mem *mem, struct strobe_clock *clock, uint64_t due_ns)
{
    mem->clock = clock;
    mem->due_ns = due_ns;
    mem->asked = 0;
}

/* Has the deadline passed?  The clock is asked every some times only. */
bool strobe_mem_is_late(struct strobe_mem *mem);

static inline int strobe_mem_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    int err;

    mem->reads++;
    err = mem->due_ns && strobe_mem_is_late(mem) ? STROBE_ERR_TORN : mem->ops->read(mem, addr, buf, len);
    mem->faults += err != 0;
    return err;
}

/* The same for more than is needed, which may end behind a mapping: that it fails is no fault. */
static inline int strobe_mem_probe(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    mem->reads++;
    return mem->due_ns && strobe_mem_is_late(mem) ? STROBE_ERR_TORN : mem->ops->read(mem, addr, buf, len);
}

int strobe_mem_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n);
void strobe_mem_epoch(struct strobe_mem *mem);
void strobe_mem_again(struct strobe_mem *mem, unsigned turn);
/* NULL is allowed. */
void strobe_mem_close(struct strobe_mem *mem);

/* One little-endian value at addr.  ret untouched on failure. */
int strobe_mem_u64(struct strobe_mem *mem, uint64_t addr, uint64_t *ret);
int strobe_mem_u32(struct strobe_mem *mem, uint64_t addr, uint32_t *ret);
int strobe_mem_i32(struct strobe_mem *mem, uint64_t addr, int32_t *ret);
int strobe_mem_u8(struct strobe_mem *mem, uint64_t addr, uint8_t *ret);
/* A C string of at most size - 1 bytes into buf, always terminated; longer ones are cut. */
int strobe_mem_cstr(struct strobe_mem *mem, uint64_t addr, char *buf, size_t size);

/* A value inside a span that was read whole: unaligned-safe. */
static inline uint64_t strobe_span_u64(const void *span, size_t off)
{
    uint64_t v;

    memcpy(&v, (const unsigned char *)span + off, sizeof v);
    return v;
}

static inline uint32_t strobe_span_u32(const void *span, size_t off)
{
    uint32_t v;

    memcpy(&v, (const unsigned char *)span + off, sizeof v);
    return v;
}

static inline uint8_t strobe_span_u8(const void *span, size_t off)
{
    return ((const unsigned char *)span)[off];
}

/* mem_paged: a cache of 16 KiB blocks over inner, dropped at each epoch; a ring of 1 MiB, and by doubling up to 64 MiB where an epoch
 * asks again for what had to make room (only what is used is touched).  Takes ownership of inner on success. */
int strobe_mem_paged_new(struct strobe_mem *inner, struct strobe_mem **ret_mem);

/* mem_count: counts calls, bytes and failures; with fail_at = n the n-th read (1-based, once) fails with STROBE_ERR_FAULT; 0 = never.
 * Takes ownership of inner on success. */
struct strobe_mem_stats {
    uint64_t calls, segments, bytes, failures;
};
int strobe_mem_count_new(struct strobe_mem *inner, uint64_t fail_at, struct strobe_mem **ret_mem);
const struct strobe_mem_stats *strobe_mem_count_stats(const struct strobe_mem *mem);

#endif
