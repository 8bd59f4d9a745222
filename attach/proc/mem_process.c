/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of another process: process_vm_readv, or /proc/PID/mem where that call is refused (seccomp, dropped rights).
 * Facts: process_vm_readv(2): at most IOV_MAX (1024) elements a side; a bad later element ends the call early with a short
 * count, a bad first byte gives EFAULT; an element may be copied in part.  So: everything or an error. */
#include "attach/proc/mem_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attach/proc/procpath.h"
#include "base/ownfile.h"

enum {
    IOV_LIMIT = 1024,
    NEAR = 512, /* finding another place in the target costs as much as copying some thousand bytes */
};

struct mem_process {
    struct strobe_mem mem;
    pid_t pid;
    bool self;
    struct strobe_ownfile file; /* /proc/PID/mem; none while not needed */
    struct iovec local[IOV_LIMIT], remote[IOV_LIMIT];
    char thrown_away[NEAR];
};

static int error_of(int err)
{
    switch (err) {
    case ESRCH:
        return STROBE_ERR_GONE;
    case EPERM:
    case EACCES:
        return STROBE_ERR_PERM;
    case ENOMEM:
        return STROBE_ERR_NOMEM;
    default:
        return STROBE_ERR_FAULT;
    }
}

/* Reads through /proc/PID/mem, which is opened at the first need. */
static int read_file(struct mem_process *proc, uint64_t addr, void *buf, size_t len)
{
    if (proc->self && proc->file.fd >= 0 && !strobe_ownfile_is(&proc->file))
        proc->file = (struct strobe_ownfile)STROBE_OWNFILE_NONE;
    if (proc->file.fd < 0) {
        char path[64];

        strobe_procpath(path, sizeof path, proc->pid, "mem");
        proc->file = strobe_ownfile_keep(open(path, O_RDONLY | O_CLOEXEC));
        if (proc->file.fd < 0)
            return errno == ENOENT ? STROBE_ERR_GONE : STROBE_ERR_PERM;
    }
    while (len) {
        ssize_t got = pread(proc->file.fd, buf, len, (off_t)addr);

        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            return STROBE_ERR_GONE; /* the address space is gone: exit or exec */
        if (got < 0)
            return errno == EIO ? STROBE_ERR_FAULT : error_of(errno);
        buf = (char *)buf + got;
        addr += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

static int process_read(struct strobe_mem *mem, uint64_t addr, void *buf, size_t len)
{
    struct mem_process *proc = (struct mem_process *)mem;
    struct iovec local = {buf, len}, remote = {(void *)(uintptr_t)addr, len};
    ssize_t got;

    if (proc->file.fd >= 0)
        return read_file(proc, addr, buf, len);
    got = process_vm_readv(proc->pid, &local, 1, &remote, 1, 0);
    if (got == (ssize_t)len)
        return 0;
    if (got >= 0)
        return STROBE_ERR_FAULT;
    if (errno == EPERM || errno == ENOSYS)
        return read_file(proc, addr, buf, len);
    return error_of(errno);
}

/* One call for at most IOV_LIMIT / 2 segments.  Each element of the remote side has its price, not so of the local one: where a segment
 * begins shortly behind the one before it, both become one remote element, and what lies between them is thrown away.
 * False: errno tells, or is 0 for a short count. */
static bool call(struct mem_process *proc, const struct strobe_mem_seg *segs, size_t n, size_t near)
{
    size_t total = 0, n_local = 0, n_remote = 0;
    uint64_t end = 0;
    ssize_t got;

    for (size_t i = 0; i < n; i++) {
        uint64_t gap = segs[i].addr - end;

        if (n_remote && gap <= near) {
            if (gap)
                proc->local[n_local++] = (struct iovec){proc->thrown_away, gap};
            proc->remote[n_remote - 1].iov_len += gap + segs[i].len;
            total += gap;
        } else {
            proc->remote[n_remote++] = (struct iovec){(void *)(uintptr_t)segs[i].addr, segs[i].len};
        }
        proc->local[n_local++] = (struct iovec){segs[i].buf, segs[i].len};
        end = segs[i].addr + segs[i].len;
        total += segs[i].len;
    }
    errno = 0;
    got = process_vm_readv(proc->pid, proc->local, n_local, proc->remote, n_remote, 0);
    return got >= 0 && (size_t)got == total;
}

static int process_readv(struct strobe_mem *mem, const struct strobe_mem_seg *segs, size_t n)
{
    struct mem_process *proc = (struct mem_process *)mem;
    int err;

    if (proc->file.fd >= 0) {
        for (size_t i = 0; i < n; i++)
            if ((err = read_file(proc, segs[i].addr, segs[i].buf, segs[i].len)))
                return err;
        return 0;
    }
    for (; n > IOV_LIMIT / 2; segs += IOV_LIMIT / 2, n -= IOV_LIMIT / 2)
        if ((err = process_readv(mem, segs, IOV_LIMIT / 2)))
            return err;
    if (call(proc, segs, n, NEAR))
        return 0;
    if ((errno == EFAULT || errno == 0) && call(proc, segs, n, 0)) /* a hole between two segments */
        return 0;
    if (errno != EPERM && errno != ENOSYS)
        return error_of(errno);
    for (size_t i = 0; i < n; i++)
        if ((err = read_file(proc, segs[i].addr, segs[i].buf, segs[i].len)))
            return err;
    return 0;
}

static void process_close(struct strobe_mem *mem)
{
    struct mem_process *proc = (struct mem_process *)mem;

    strobe_ownfile_close(&proc->file);
    free(proc);
}

int strobe_mem_process_new(pid_t pid, struct strobe_mem **ret_mem)
{
    static const struct strobe_mem_ops ops = {process_read, process_readv, NULL, process_close, NULL};
    struct mem_process *proc = malloc(sizeof *proc);

    if (!proc)
        return STROBE_ERR_NOMEM;
    proc->mem = (struct strobe_mem){.ops = &ops};
    proc->pid = pid;
    proc->self = pid == getpid();
    proc->file = (struct strobe_ownfile)STROBE_OWNFILE_NONE;
    *ret_mem = &proc->mem;
    return 0;
}
