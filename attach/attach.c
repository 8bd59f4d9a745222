/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/host_process.h"
#include "attach/locate.h"
#include "attach/proc/locate_asyncio.h"
#include "attach/proc/mem_process.h"
#include "attach/pyversion.h"
#include "attach/proc/shorten.h"
#include "attach/target.h"
#include "base/err.h"

enum {
    MAX_RUNTIMES = 8,    /* libpythons in one process that are tried */
    WHY = 256,           /* at least what strobe_layout_init asks for */
    CHECK_TRIES = 20,    /* the self-check reads a running target, perhaps in the middle of its start: readings may be torn */
    CHECK_PAUSE = 1000,  /* us between two of them; a wrong layout is known for certain after 20 ms */
};

struct strobe_attach {
    pid_t pid;
    uint64_t start_ticks, stack; /* of strobe_target_stat */
    uint64_t exe_dev, exe_ino; /* 0 = unknown */
    int space; /* /proc/PID/mem: stays bound to the address space of now, so reads of it end at an exec; -1 = refused */
    struct strobe_mem *mem;   /* NULL after detach_parts */
    struct strobe_host *host; /* NULL after detach_parts */
    struct strobe_layout layout;
    uint64_t asyncio;      /* address of asyncio's table, 0 = not found yet */
    uint64_t asyncio_seen; /* of strobe_locate_asyncio */
    struct strobe_shortener *shortener;
    struct strobe_buf cmdline, exe;
    char version[32];
    char warning[160];
};

static int fail(struct strobe_buf *why, int err, pid_t pid, const char *text)
{
    strobe_buf_printf(why, "process %d %s", (int)pid, text);
    return err;
}

static const char ended[] = "ended while it was looked at", execed[] = "started another program while it was looked at",
                  headless[] = "cannot be read: its first thread has ended while others go on, perhaps to start another program";

/* Is there a process, and one that has an address space? */
static int check_exists(pid_t pid, struct strobe_target_stat *ret_stat, struct strobe_buf *why)
{
    int err = pid > 0 ? strobe_target_settled(pid, ret_stat) : STROBE_ERR_NOPROC;

    if (err == STROBE_ERR_FILES) {
        strobe_buf_puts(why, strobe_err_text(err));
        return err;
    }
    if (err && pid > 0 && (!kill(pid, 0) || errno == EPERM)) {
        strobe_buf_printf(why, "permission denied reading process %d: ", (int)pid);
        strobe_target_explain_perm(pid, why);
        return STROBE_ERR_PERM;
    }
    if (err) {
        strobe_buf_printf(why, "no process %d", (int)pid);
        return STROBE_ERR_NOPROC;
    }
    if (strobe_target_headless(ret_stat))
        return fail(why, STROBE_ERR_GONE, pid, headless);
    if (strobe_target_ended(ret_stat))
        return fail(why, STROBE_ERR_GONE, pid, "has ended and waits to be reaped");
    if (ret_stat->flags & STROBE_TARGET_KTHREAD) {
        strobe_buf_printf(why, "process %d is not a Python process: it is the kernel thread [%s]", (int)pid, ret_stat->comm);
        return STROBE_ERR_NOTPYTHON;
    }
    return 0;
}

/* Chooses offsets for one runtime and proves them on the live process. */
static int try_runtime(struct strobe_attach *attach, const struct strobe_location *loc, char *why)
{
    int err;

    why[0] = '\0';
    err = strobe_layout_init(attach->mem, &loc->hint, &attach->layout, why);
    for (int i = 0; !err && i < CHECK_TRIES; i++) {
        if (i)
            usleep(CHECK_PAUSE);
        strobe_mem_epoch(attach->mem);
        err = strobe_layout_check(attach->mem, &attach->layout, why);
        if (!err || err == STROBE_ERR_NOTREADY || err == STROBE_ERR_GONE || err == STROBE_ERR_PERM || err == STROBE_ERR_NOMEM)
            break;
        if (i < CHECK_TRIES - 1)
            err = 0;
    }
    return err;
}

/* The sentence for a runtime that could not be read; returns one of the codes that attach.h names. */
static int explain_runtime(const struct strobe_attach *attach, const struct strobe_location *loc, int err, const char *clause,
                           struct strobe_buf *why)
{
    struct strobe_target_stat stat;
    char version[32];
    int stat_err = strobe_target_settled(attach->pid, &stat);
    bool there = !stat_err && stat.start_ticks == attach->start_ticks;

    if (stat_err == STROBE_ERR_FILES)
        err = stat_err;
    else if (there && strobe_target_headless(&stat))
        return fail(why, STROBE_ERR_GONE, attach->pid, headless);
    else if (there && stat.stack && attach->stack && stat.stack != attach->stack)
        return fail(why, STROBE_ERR_GONE, attach->pid, execed);
    else if (!there || err == STROBE_ERR_GONE || strobe_target_ended(&stat))
        return fail(why, STROBE_ERR_GONE, attach->pid, ended);
    strobe_pyversion_format(loc->hint.version, version, sizeof version);
    switch (err) {
    case STROBE_ERR_PERM:
        strobe_buf_printf(why, "permission denied reading process %d: ", (int)attach->pid);
        strobe_target_explain_perm(attach->pid, why);
        return err;
    case STROBE_ERR_NOTREADY:
        return fail(why, err, attach->pid, "is just starting: its Python runtime is not initialised yet");
    case STROBE_ERR_VERSION:
        if (loc->hint.version)
            strobe_buf_printf(why, "process %d runs Python %s: %s", (int)attach->pid, version, clause[0] ? clause : strobe_err_text(err));
        else
            strobe_buf_printf(why, "process %d runs a Python that cannot be read: %s", (int)attach->pid,
                              clause[0] ? clause : strobe_err_text(err));
        return err;
    case STROBE_ERR_NOMEM:
        strobe_buf_puts(why, strobe_err_text(err));
        return err;
    default: /* LAYOUT, or a reading that failed again and again */
        strobe_buf_printf(why, "the Python runtime of process %d (%s) does not look as expected: %s", (int)attach->pid, loc->path,
                          clause[0] ? clause : strobe_err_text(err));
        return STROBE_ERR_LAYOUT;
    }
}

static int find_runtime(struct strobe_attach *attach, struct strobe_buf *why)
{
    struct strobe_location *locs = malloc(MAX_RUNTIMES * sizeof *locs);
    struct strobe_buf ignored = STROBE_BUF_INIT;
    char clause[WHY], other[WHY];
    int n, err;

    if (!locs)
        return STROBE_ERR_NOMEM;
    /* The likeliest one first: nothing else is looked at when it is right. */
    n = strobe_locate(attach->pid, attach->mem, locs, 1, why);
    err = n < 0 ? n : try_runtime(attach, &locs[0], clause);
    if (n < 0 || !err || err == STROBE_ERR_GONE || err == STROBE_ERR_PERM)
        goto done;
    /* A second libpython may be the one in use; the first one's error is the one to show. */
    n = strobe_locate(attach->pid, attach->mem, locs, MAX_RUNTIMES, &ignored);
    for (int i = 1; i < n && err; i++)
        if (!try_runtime(attach, &locs[i], other))
            err = 0;
    n = 1;
    strobe_buf_release(&ignored);
done:
    if (n > 0 && err)
        err = explain_runtime(attach, &locs[0], err, clause, why);
    free(locs);
    return err;
}

static void read_exe(struct strobe_attach *attach)
{
    char name[64], path[4096];
    ssize_t got;

    snprintf(name, sizeof name, "/proc/%d/exe", (int)attach->pid);
    got = readlink(name, path, sizeof path);
    strobe_buf_put(&attach->exe, path, got > 0 ? (size_t)got : 0);
}

static void gather_facts(struct strobe_attach *attach)
{
    char name[64];

    snprintf(name, sizeof name, "/proc/%d/mem", (int)attach->pid);
    attach->space = open(name, O_RDONLY | O_CLOEXEC);
    strobe_target_exe_id(attach->pid, &attach->exe_dev, &attach->exe_ino);
    strobe_target_cmdline(attach->pid, &attach->cmdline);
    read_exe(attach);
    strobe_pyversion_format(attach->layout.version, attach->version, sizeof attach->version);
    if (attach->layout.newer)
        snprintf(attach->warning, sizeof attach->warning,
                 "process %d runs Python %s, which is newer than this strobe knows; its own table of offsets is used as far as it goes",
                 (int)attach->pid, attach->version);
}

int strobe_attach_open(pid_t pid, struct strobe_attach **ret, struct strobe_buf *why)
{
    struct strobe_target_stat stat;
    struct strobe_attach *attach;
    struct strobe_mem *inner;
    const size_t said = why->len;
    int err;

    err = check_exists(pid, &stat, why);
    if (err)
        return err;
    attach = calloc(1, sizeof *attach);
    if (!attach)
        return STROBE_ERR_NOMEM;
    attach->pid = pid;
    attach->start_ticks = stat.start_ticks;
    attach->stack = stat.stack;
    attach->space = -1;
    err = strobe_mem_process_new(pid, &inner);
    if (err)
        goto done;
    err = strobe_mem_paged_new(inner, &attach->mem);
    if (err) {
        strobe_mem_close(inner);
        goto done;
    }
    err = find_runtime(attach, why);
    if (!err)
        err = strobe_host_process_new(pid, &attach->host);
    if (!err)
        err = strobe_shortener_new(pid, &attach->shortener);
    if (err)
        goto done;
    gather_facts(attach);
    /* Has it become another program meanwhile?  Then what was found is not true of it. */
    err = strobe_attach_alive(attach);
    if (err) {
        err = fail(why, STROBE_ERR_GONE, pid, err == STROBE_ERR_EXECED ? execed : ended);
        goto done;
    }
    *ret = attach;
    attach = NULL;
done:
    if (err && why->len == said)
        strobe_buf_printf(why, "cannot attach to process %d: %s", (int)pid, strobe_err_text(err));
    strobe_attach_close(attach);
    return err;
}

void strobe_attach_close(struct strobe_attach *attach)
{
    if (!attach)
        return;
    if (attach->host)
        attach->host->ops->close(attach->host);
    strobe_mem_close(attach->mem);
    strobe_shortener_free(attach->shortener);
    strobe_buf_release(&attach->cmdline);
    strobe_buf_release(&attach->exe);
    if (attach->space >= 0)
        close(attach->space);
    free(attach);
}

struct strobe_mem *strobe_attach_mem(struct strobe_attach *attach)
{
    return attach->mem;
}

struct strobe_host *strobe_attach_host(struct strobe_attach *attach)
{
    return attach->host;
}

const struct strobe_layout *strobe_attach_layout(const struct strobe_attach *attach)
{
    return &attach->layout;
}

void strobe_attach_detach_parts(struct strobe_attach *attach, struct strobe_mem **ret_mem, struct strobe_host **ret_host)
{
    *ret_mem = attach->mem;
    *ret_host = attach->host;
    attach->mem = NULL;
    attach->host = NULL;
}

int strobe_attach_alive(struct strobe_attach *attach)
{
    struct strobe_target_stat stat;
    uint64_t dev, ino;
    char byte;
    int err;

    /* One system call while all is well: the runtime is mapped as long as this address space is in use. */
    if (attach->space >= 0 && pread(attach->space, &byte, 1, (off_t)attach->layout.runtime) == 1)
        return 0;
    err = strobe_target_settled(attach->pid, &stat); /* while a thread other than the first execs, the first has ended */
    if (err == STROBE_ERR_FILES) /* that is us */
        return 0;
    if (err || stat.start_ticks != attach->start_ticks || strobe_target_ended(&stat))
        return STROBE_ERR_GONE;
    if (attach->space >= 0)
        return STROBE_ERR_EXECED;
    if (attach->exe_ino && !strobe_target_exe_id(attach->pid, &dev, &ino) && (dev != attach->exe_dev || ino != attach->exe_ino))
        return STROBE_ERR_EXECED;
    return 0;
}

int strobe_attach_asyncio(struct strobe_attach *attach, struct strobe_mem *mem, uint64_t *ret_addr)
{
    int err = 0;

    if (!attach->asyncio)
        err = strobe_locate_asyncio(attach->pid, mem ? mem : attach->mem, &attach->layout, &attach->asyncio_seen, &attach->asyncio);
    if (!err)
        *ret_addr = attach->asyncio;
    return err;
}

const char *strobe_attach_cmdline(const struct strobe_attach *attach)
{
    return strobe_buf_str(&attach->cmdline);
}

const char *strobe_attach_exe(const struct strobe_attach *attach)
{
    return strobe_buf_str(&attach->exe);
}

const char *strobe_attach_version(const struct strobe_attach *attach)
{
    return attach->version;
}

const char *strobe_attach_warning(const struct strobe_attach *attach)
{
    return attach->warning[0] ? attach->warning : NULL;
}

int strobe_attach_shorten(struct strobe_attach *attach, const char *path, struct strobe_buf *ret_short)
{
    return strobe_shorten(attach->shortener, path, ret_short);
}
