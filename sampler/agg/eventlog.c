/* SPDX-License-Identifier: Apache-2.0 */
#include "agg/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum {
    BLOCK = 4096,                      /* a page: what the kernel caches and writes at once */
    HEADER = 12,                       /* next offset, bytes used */
    VARINT_MAX = 10,                   /* 64 bits in groups of 7 */
    RUN_MAX = 5 + 2 * VARINT_MAX,      /* a 32-bit leaf and two times */
    FIRST_CAP = 128,                   /* short-lived threads are many: they shall not cost a page each */
};

void strobe_eventlog_release(struct strobe_eventlog *log)
{
    strobe_ownfile_close(&log->spool);
    *log = (struct strobe_eventlog)STROBE_EVENTLOG_INIT;
}

void strobe_eventlog_thread_release(struct strobe_eventlog_thread *thread)
{
    free(thread->block);
    *thread = (struct strobe_eventlog_thread){0};
}

/* A file without a name.  /var/tmp before /tmp: /tmp is memory on many systems, and this file may become large. */
static int open_spool(void)
{
    const char *dirs[] = {getenv("TMPDIR"), "/var/tmp", "/tmp"};
    char path[4096];

    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        int fd;

        if (!dirs[i] || !*dirs[i])
            continue;
        fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        /* Some file systems (overlay of old kernels, NFS) have no O_TMPFILE. */
        if (snprintf(path, sizeof path, "%s/strobe-XXXXXX", dirs[i]) >= (int)sizeof path)
            continue;
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0) {
            unlink(path);
            return fd;
        }
    }
    return -1;
}

static int write_all(int fd, const unsigned char *bytes, size_t len, uint64_t off)
{
    while (len) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return STROBE_ERR_IO;
        bytes += n;
        len -= (size_t)n;
        off += (uint64_t)n;
    }
    return 0;
}

static int read_all(int fd, unsigned char *bytes, size_t len, uint64_t off)
{
    while (len) {
        ssize_t n = pread(fd, bytes, len, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return STROBE_ERR_IO;
        bytes += n;
        len -= (size_t)n;
        off += (uint64_t)n;
    }
    return 0;
}

/* Writes the thread's block and gives the thread the place of its next one. */
static int flush_block(struct strobe_eventlog *log, struct strobe_eventlog_thread *thread)
{
    uint64_t next, this_off = thread->this_off;
    int err;

    if (!log->size) {
        log->spool = strobe_ownfile_keep(open_spool());
        log->size = BLOCK;
    }
    if (!strobe_ownfile_is(&log->spool))
        return STROBE_ERR_IO;
    if (!this_off) {
        this_off = log->size;
        log->size += BLOCK;
    }
    next = log->size;
    memcpy(thread->block, &next, 8);
    memcpy(thread->block + 8, &thread->used, 4);
    err = write_all(log->spool.fd, thread->block, thread->used, this_off);
    if (err)
        return err;
    log->size += BLOCK;
    if (!thread->first_off)
        thread->first_off = this_off;
    thread->this_off = next;
    thread->used = HEADER;
    return 0;
}

/* Room for one more run in the thread's block. */
static int reserve_run(struct strobe_eventlog *log, struct strobe_eventlog_thread *thread)
{
    if (thread->used + RUN_MAX <= thread->cap)
        return 0;
    if (thread->cap < BLOCK) {
        uint32_t cap = thread->cap ? thread->cap * 2 : FIRST_CAP;
        unsigned char *block = realloc(thread->block, cap);

        if (!block)
            return STROBE_ERR_NOMEM;
        if (!thread->block)
            thread->used = HEADER;
        thread->block = block;
        thread->cap = cap;
        return 0;
    }
    return flush_block(log, thread);
}

static uint32_t put_varint(unsigned char *to, uint64_t value)
{
    uint32_t n = 0;

    for (; value >= 0x80; value >>= 7)
        to[n++] = (unsigned char)(value | 0x80);
    to[n++] = (unsigned char)value;
    return n;
}

/* Moves the open run into the block. */
static int close_run(struct strobe_eventlog *log, struct strobe_eventlog_thread *thread)
{
    int err = reserve_run(log, thread);
    unsigned char *to;

    if (err)
        return err;
    to = thread->block + thread->used;
    to += put_varint(to, thread->leaf);
    to += put_varint(to, thread->start_ns - thread->closed_ns);
    to += put_varint(to, thread->end_ns - thread->start_ns);
    thread->used = (uint32_t)(to - thread->block);
    thread->closed_ns = thread->end_ns;
    return 0;
}

int strobe_eventlog_add(struct strobe_eventlog *log, struct strobe_eventlog_thread *thread, uint32_t leaf, uint64_t start_ns,
                        uint64_t end_ns)
{
    if (log->error)
        return log->error;
    if (start_ns < thread->end_ns)
        start_ns = thread->end_ns;
    if (start_ns >= end_ns)
        return 0;
    if (thread->end_ns > thread->start_ns) {
        if (thread->leaf == leaf && thread->end_ns == start_ns) {
            thread->end_ns = end_ns;
            return 0;
        }
        log->error = close_run(log, thread);
        if (log->error)
            return log->error;
    }
    thread->leaf = leaf;
    thread->start_ns = start_ns;
    thread->end_ns = end_ns;
    return 0;
}

static int get_varint(const unsigned char **at, const unsigned char *end, uint64_t *ret)
{
    uint64_t value = 0;

    for (int shift = 0; *at < end && shift < 7 * VARINT_MAX; shift += 7) {
        unsigned char byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return 0;
        }
    }
    return STROBE_ERR_IO;
}

/* The runs of one block; *clock is the end of the run before. */
static int each_in_block(const unsigned char *block, uint32_t used, uint64_t *clock, strobe_eventlog_fn *each, void *ctx)
{
    const unsigned char *at = block + HEADER, *end = block + used;

    while (at < end) {
        uint64_t leaf, skip, len;
        int err;

        if (get_varint(&at, end, &leaf) || get_varint(&at, end, &skip) || get_varint(&at, end, &len))
            return STROBE_ERR_IO;
        err = each(ctx, (uint32_t)leaf, *clock + skip, *clock + skip + len);
        if (err)
            return err;
        *clock += skip + len;
    }
    return 0;
}

int strobe_eventlog_each(const struct strobe_eventlog *log, const struct strobe_eventlog_thread *thread, strobe_eventlog_fn *each,
                         void *ctx)
{
    unsigned char block[BLOCK];
    uint64_t clock = 0, off = thread->first_off;
    uint32_t used;
    int err;

    if (log->error)
        return log->error;
    if (off && !strobe_ownfile_is(&log->spool))
        return STROBE_ERR_IO;
    while (off && off != thread->this_off) {
        err = read_all(log->spool.fd, block, HEADER, off);
        if (err)
            return err;
        memcpy(&used, block + 8, 4);
        if (used < HEADER || used > BLOCK)
            return STROBE_ERR_IO;
        err = read_all(log->spool.fd, block + HEADER, used - HEADER, off + HEADER);
        if (!err)
            err = each_in_block(block, used, &clock, each, ctx);
        if (err)
            return err;
        memcpy(&off, block, 8);
    }
    if (thread->used > HEADER) {
        err = each_in_block(thread->block, thread->used, &clock, each, ctx);
        if (err)
            return err;
    }
    return thread->end_ns > thread->start_ns ? each(ctx, thread->leaf, thread->start_ns, thread->end_ns) : 0;
}
