/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/proc/threadstat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/proc/mem_process.h"
#include "attach/proc/procpath.h"
#include "attach/proc/threadstat_parts.h"
#include "base/grow.h"
#include "base/ownfile.h"

enum {
    MOST_ENTRIES = 4096, /* when all of so many are of living threads, it starts over */
    ROUNDS = 32,         /* times that a thread is asked for until it is looked who else was: more than in a single look, tries included */
    SHARE = 16,          /* files kept open of our own process: at most one in so many of those that it may open */
};

struct threadstat_entry {
    int32_t tid;
    struct strobe_ownfile schedstat, syscall; /* open files */
    bool settled;           /* state holds a reading in which it slept in a system call: true until it has run again */
    uint16_t asked;         /* how often, since it was looked who is not asked for any more */
    struct strobe_thread_state state;
};

/* Descriptors of our own process are the program's, and the limit is as it sets it: asked now and then. */
static void ask_limit(struct strobe_threadstat *stat)
{
    struct rlimit files;

    stat->allowed = !stat->self ? SIZE_MAX : getrlimit(RLIMIT_NOFILE, &files) ? 0 : files.rlim_cur / SHARE;
}

int strobe_threadstat_new(pid_t pid, struct strobe_threadstat **ret_stat)
{
    struct strobe_threadstat *stat = calloc(1, sizeof *stat);
    struct rlimit files;
    char path[64], line[256];
    FILE *status;
    int err, a, b;

    if (!stat)
        return STROBE_ERR_NOMEM;
    err = strobe_mem_process_new(pid, &stat->mem);
    if (err) {
        free(stat);
        return err;
    }
    stat->pid = pid;
    stat->self = pid == getpid();
    stat->same_namespace = true;
    strobe_procpath(path, sizeof path, pid, "status");
    status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "NSpid: %d %d", &a, &b) == 2)
            stat->same_namespace = false;
    if (status)
        fclose(status);
    /* Two files a thread are kept open; a target may have hundreds.  Of our own process the limit is the program's affair. */
    if (!stat->self && !getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    ask_limit(stat);
    *ret_stat = stat;
    return 0;
}

static void close_file(struct strobe_threadstat *stat, struct strobe_ownfile *file)
{
    if (file->fd < 0)
        return;
    strobe_ownfile_close(file);
    stat->n_open--;
}

static void close_files(struct strobe_threadstat *stat, struct threadstat_entry *entry)
{
    close_file(stat, &entry->schedstat);
    close_file(stat, &entry->syscall);
    entry->settled = false;
}

static void close_all(struct strobe_threadstat *stat)
{
    for (size_t i = 0; i < stat->n; i++)
        close_files(stat, &stat->entries[i]);
}

void strobe_threadstat_free(struct strobe_threadstat *stat)
{
    if (!stat)
        return;
    close_all(stat);
    free(stat->entries);
    strobe_htab_release(&stat->index);
    strobe_htab_release(&stat->inner);
    strobe_mem_close(stat->mem);
    free(stat);
}

/* Threads that have ended are not asked for any more, while others are, again and again: their entries go, and their files with them. */
static void forget_unasked(struct strobe_threadstat *stat)
{
    size_t left = 0;

    strobe_htab_clear(&stat->index);
    for (size_t i = 0; i < stat->n; i++) {
        struct threadstat_entry *entry = &stat->entries[i];

        if (entry->asked) {
            entry->asked = 0;
            strobe_htab_put(&stat->index, (uint64_t)entry->tid, 0, left); /* as large as it was: cannot fail */
            stat->entries[left++] = *entry;
        } else {
            close_files(stat, entry);
        }
    }
    stat->n = left;
    ask_limit(stat);
    if (stat->n_open > stat->allowed)
        close_all(stat);
}

static void start_over(struct strobe_threadstat *stat)
{
    strobe_htab_clear(&stat->index);
    close_all(stat);
    stat->n = 0;
}

/* The entry of a thread, made when there is none; valid until the next find. */
static int find(struct strobe_threadstat *stat, int32_t tid, struct threadstat_entry **ret_entry)
{
    uint64_t *at = strobe_htab_get(&stat->index, (uint64_t)tid, 0);
    int err;

    if (at && stat->entries[*at].asked++ == ROUNDS) {
        forget_unasked(stat);
        at = strobe_htab_get(&stat->index, (uint64_t)tid, 0);
    }
    if (at) {
        *ret_entry = &stat->entries[*at];
        return 0;
    }
    if (stat->n == MOST_ENTRIES)
        start_over(stat);
    if (strobe_grow(&stat->entries, &stat->cap, stat->n + 1, sizeof *stat->entries))
        return STROBE_ERR_NOMEM;
    err = strobe_htab_put(&stat->index, (uint64_t)tid, 0, stat->n);
    if (err)
        return err;
    stat->entries[stat->n] = (struct threadstat_entry){
        .tid = tid, .schedstat = STROBE_OWNFILE_NONE, .syscall = STROBE_OWNFILE_NONE, .asked = 1};
    *ret_entry = &stat->entries[stat->n++];
    return 0;
}

/* ---- files ---- */

/* A file of a thread ("" = its folder).  False: there is no such thread. */
static bool path_of(struct strobe_threadstat *stat, int32_t tid, const char *name, char *path, size_t size)
{
    if (stat->self && threadstat_outer(stat, tid, &tid))
        return false;
    strobe_procpath(path, size, stat->pid, "task/%d/%s", (int)tid, name);
    return true;
}

/* Where the limit of open files is too low for two a thread: those that are kept are given up for the one that is wanted.
 * Entries stay; their files are opened again when asked for. */
static int open_anyway(struct strobe_threadstat *stat, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
        return fd;
    close_all(stat);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Reads a small /proc file by its name.  ret_file: where it is to be kept open, if it may be; NULL = not.  Length, or an error. */
static int read_named(struct strobe_threadstat *stat, int32_t tid, const char *name, struct strobe_ownfile *ret_file, char *buf,
                      size_t size)
{
    char path[96];
    ssize_t got;
    int fd;

    if (!path_of(stat, tid, name, path, sizeof path))
        return STROBE_ERR_GONE;
    fd = open_anyway(stat, path);
    if (fd < 0)
        return errno == ENOENT || errno == ESRCH ? STROBE_ERR_GONE : STROBE_ERR_PERM;
    got = pread(fd, buf, size - 1, 0);
    if (got > 0)
        buf[got] = '\0';
    if (got > 0 && ret_file && stat->n_open < stat->allowed) {
        *ret_file = strobe_ownfile_keep(fd);
        stat->n_open += ret_file->fd >= 0;
    } else {
        close(fd);
    }
    return got > 0 ? (int)got : STROBE_ERR_GONE;
}

/* The same through a descriptor that is kept; by its name where there is none, or its thread is gone (the tid may live again as another
 * thread). */
static int read_kept(struct strobe_threadstat *stat, int32_t tid, const char *name, struct strobe_ownfile *file, char *buf,
                     size_t size)
{
    if (file->fd >= 0 && (!stat->self || strobe_ownfile_is(file))) {
        ssize_t got = pread(file->fd, buf, size - 1, 0);

        if (got > 0) {
            buf[got] = '\0';
            return (int)got;
        }
    }
    close_file(stat, file);
    return read_named(stat, tid, name, file, buf, size);
}

static bool exists(struct strobe_threadstat *stat, int32_t tid)
{
    char path[64];

    return path_of(stat, tid, "", path, sizeof path) && !access(path, F_OK);
}

/* ---- states ---- */

/* Where /proc/.../syscall does not tell: the letter of /proc/.../stat, without the futex.  faulting: it is in no system call; D is a page
 * that is fetched for it then. */
static enum strobe_run run_from_stat(struct strobe_threadstat *stat, int32_t tid, bool faulting)
{
    char buf[512], *paren;

    if (read_named(stat, tid, "stat", NULL, buf, sizeof buf) < 0 || !(paren = strrchr(buf, ')')) || paren[1] == '\0')
        return STROBE_RUN_UNKNOWN;
    switch (paren[2]) {
    case 'R':
        return STROBE_RUN_RUNNING;
    case 'D':
        return faulting ? STROBE_RUN_FAULTING : STROBE_RUN_SLEEPING;
    case 'T':
    case 't':
        return STROBE_RUN_STOPPED;
    default:
        return STROBE_RUN_SLEEPING;
    }
}

/* Format (fs/proc/base.c, proc_pid_syscall): "running", or "NR ARG0 ARG1 ... SP PC", or "-1 SP PC" (blocked outside a call).
 * A timed wait on a futex that was interrupted goes on as restart_syscall, its arguments still in their registers. */
static enum strobe_run parse_syscall(const char *text, uint64_t *ret_futex)
{
    char *end;
    long nr;

    if (text[0] == 'r')
        return STROBE_RUN_RUNNING;
    nr = strtol(text, &end, 10);
    if (nr == SYS_futex || nr == SYS_restart_syscall)
        *ret_futex = strtoull(end, NULL, 16);
    return STROBE_RUN_SLEEPING;
}

int strobe_threadstat_read(struct strobe_threadstat *stat, int32_t tid, struct strobe_thread_state *ret)
{
    struct strobe_thread_state state = {0};
    struct threadstat_entry *entry;
    enum { MOVES = 4 }; /* times that a thread is followed into its next system call */
    char buf[256], *end;
    int got = 0, err = find(stat, tid, &entry);

    if (err)
        return err;
    /* One look tells all of a thread that runs. */
    if (!entry->settled && read_kept(stat, tid, "syscall", &entry->syscall, buf, sizeof buf) > 0 && buf[0] == 'r') {
        *ret = (struct strobe_thread_state){.run = STROBE_RUN_RUNNING};
        return 0;
    }
    /* The count first, the state second: a thread that sleeps now and whose count is the same later has not run. */
    got = read_kept(stat, tid, "schedstat", &entry->schedstat, buf, sizeof buf);
    if (got == STROBE_ERR_GONE && !exists(stat, tid)) {
        close_files(stat, entry);
        return got;
    }
    if (got > 0) {
        strtoull(buf, &end, 10);
        strtoull(end, &end, 10);
        state.run_count = strtoull(end, NULL, 10);
    }
    if (got < 0 || !state.run_count)
        state.run_count = ++stat->stamp; /* a kernel without schedstat: never "unchanged" */
    if (entry->settled && entry->state.run_count == state.run_count) {
        *ret = entry->state;
        return 0;
    }
    for (int tries = 0; tries < MOVES; tries++) {
        got = read_kept(stat, tid, "syscall", &entry->syscall, buf, sizeof buf);
        if (got == STROBE_ERR_GONE && !exists(stat, tid)) {
            close_files(stat, entry);
            return got;
        }
        state.run = got < 0 ? STROBE_RUN_UNKNOWN : parse_syscall(buf, &state.futex);
        if (got >= 0 && buf[0] != '-')
            break;
        /* "-1" says only that it is not in a system call: stopped, faulting, or woken and not on a CPU yet.  If it sleeps a moment
         * later, it has gone into a call since: which one must be asked again. */
        state.run = run_from_stat(stat, tid, got >= 0);
        if (got < 0 || state.run != STROBE_RUN_SLEEPING)
            break;
    }
    entry->state = state;
    entry->settled = got > 0 && state.run == STROBE_RUN_SLEEPING && buf[0] != '-';
    if (entry->settled && stat->n_open > stat->allowed / 2)
        close_file(stat, &entry->syscall); /* not asked for while it sleeps, and others want its place */
    *ret = state;
    return 0;
}

static bool read_comm(struct strobe_threadstat *stat, int32_t tid, char *buf, size_t size)
{
    int got = read_named(stat, tid, "comm", NULL, buf, size);

    if (got > 0 && buf[got - 1] == '\n')
        buf[got - 1] = '\0';
    return got > 0;
}

int strobe_threadstat_name(struct strobe_threadstat *stat, int32_t tid, char *buf, size_t size)
{
    char leader[64];

    buf[0] = '\0';
    if (tid == stat->pid)
        return 0;
    if (!read_comm(stat, stat->pid, leader, sizeof leader) || !read_comm(stat, tid, buf, size))
        return STROBE_ERR_GONE;
    if (!strcmp(leader, buf))
        buf[0] = '\0';
    return 0;
}
