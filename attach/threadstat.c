/* SPDX-License-Identifier: Apache-2.0 */
#include "attach/threadstat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/mem_process.h"
#include "base/grow.h"
#include "base/htab.h"

struct entry {
    int32_t tid;
    int schedstat, syscall; /* open files; -1 = not open */
    bool settled;           /* state holds a reading in which it slept in a system call: true until it has run again */
    struct strobe_thread_state state;
};

struct strobe_threadstat {
    pid_t pid;
    struct strobe_mem *mem;
    struct strobe_htab index; /* tid -> position in entries */
    struct entry *entries;
    size_t n, cap;
    struct strobe_htab inner; /* inner tid -> outer tid; empty when the namespaces are the same */
    bool same_namespace;
    uint32_t pthread_offset; /* of the tid inside struct pthread; 0 = not found yet */
    uint64_t stamp;          /* stands in for run counts where the kernel keeps none */
};

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
    stat->same_namespace = true;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "NSpid: %d %d", &a, &b) == 2)
            stat->same_namespace = false;
    if (status)
        fclose(status);
    /* Two files a thread are kept open; a target may have hundreds. */
    if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    *ret_stat = stat;
    return 0;
}

static void close_files(struct entry *entry)
{
    if (entry->schedstat >= 0)
        close(entry->schedstat);
    if (entry->syscall >= 0)
        close(entry->syscall);
    entry->schedstat = entry->syscall = -1;
    entry->settled = false;
}

void strobe_threadstat_free(struct strobe_threadstat *stat)
{
    if (!stat)
        return;
    for (size_t i = 0; i < stat->n; i++)
        close_files(&stat->entries[i]);
    free(stat->entries);
    strobe_htab_release(&stat->index);
    strobe_htab_release(&stat->inner);
    strobe_mem_close(stat->mem);
    free(stat);
}

/* Threads that ended leave their entries behind; when the table is full of those, start over. */
static void forget_dead(struct strobe_threadstat *stat)
{
    strobe_htab_clear(&stat->index);
    for (size_t i = 0; i < stat->n; i++)
        close_files(&stat->entries[i]);
    stat->n = 0;
}

/* Where the limit of open files is too low for two a thread: those that are kept are given up for the one that is wanted.
 * Entries stay; their files are opened again when asked for. */
static int open_anyway(const struct strobe_threadstat *stat, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
        return fd;
    for (size_t i = 0; i < stat->n; i++)
        close_files(&stat->entries[i]);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int find(struct strobe_threadstat *stat, int32_t tid, struct entry **ret_entry)
{
    enum { MANY = 4096 };
    uint64_t *at = strobe_htab_get(&stat->index, (uint64_t)tid, 0);
    int err;

    if (at) {
        *ret_entry = &stat->entries[*at];
        return 0;
    }
    if (stat->n == MANY)
        forget_dead(stat);
    if (strobe_grow(&stat->entries, &stat->cap, stat->n + 1, sizeof *stat->entries))
        return STROBE_ERR_NOMEM;
    err = strobe_htab_put(&stat->index, (uint64_t)tid, 0, stat->n);
    if (err)
        return err;
    stat->entries[stat->n] = (struct entry){.tid = tid, .schedstat = -1, .syscall = -1};
    *ret_entry = &stat->entries[stat->n++];
    return 0;
}

/* Reads a small /proc file through a descriptor that is kept; reopened once when its thread is gone (the tid may live
 * again as another thread).  Length, or an error. */
static int read_kept(const struct strobe_threadstat *stat, int32_t tid, const char *name, int *fd, char *buf, size_t size)
{
    for (int tries = 0; tries < 2; tries++) {
        ssize_t got;

        if (*fd < 0) {
            char path[96];

            snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)stat->pid, (int)tid, name);
            *fd = open_anyway(stat, path);
            if (*fd < 0)
                return errno == ENOENT || errno == ESRCH ? STROBE_ERR_GONE : STROBE_ERR_PERM;
        }
        got = pread(*fd, buf, size - 1, 0);
        if (got > 0) {
            buf[got] = '\0';
            return (int)got;
        }
        close(*fd);
        *fd = -1;
    }
    return STROBE_ERR_GONE;
}

/* The same, once. */
static int read_once(const struct strobe_threadstat *stat, int32_t tid, const char *name, char *buf, size_t size)
{
    int fd = -1, got = read_kept(stat, tid, name, &fd, buf, size);

    if (fd >= 0)
        close(fd);
    return got;
}

static bool exists(const struct strobe_threadstat *stat, int32_t tid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task/%d", (int)stat->pid, (int)tid);
    return !access(path, F_OK);
}

/* Where /proc/.../syscall does not tell: the letter of /proc/.../stat, without the futex.  faulting: it is in no system call; D is a page
 * that is fetched for it then. */
static enum strobe_run run_from_stat(const struct strobe_threadstat *stat, int32_t tid, bool faulting)
{
    char buf[512], *paren;

    if (read_once(stat, tid, "stat", buf, sizeof buf) < 0 || !(paren = strrchr(buf, ')')) || paren[1] == '\0')
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
    struct entry *entry;
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
        close_files(entry);
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
            close_files(entry);
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
    *ret = state;
    return 0;
}

static bool read_comm(const struct strobe_threadstat *stat, int32_t tid, char *buf, size_t size)
{
    int got = read_once(stat, tid, "comm", buf, size);

    if (got > 0 && buf[got - 1] == '\n')
        buf[got - 1] = '\0';
    return got > 0;
}

int strobe_threadstat_name(const struct strobe_threadstat *stat, int32_t tid, char *buf, size_t size)
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

/* Calls each(ctx, outer, inner) for every thread; stops when it returns non-zero and returns that. */
static int each_task(const struct strobe_threadstat *stat, int (*each)(void *, int32_t, int32_t), void *ctx)
{
    char path[300], line[256];
    DIR *dir;
    struct dirent *item;
    int found = 0;

    snprintf(path, sizeof path, "/proc/%d/task", (int)stat->pid);
    dir = opendir(path);
    if (!dir)
        return STROBE_ERR_GONE;
    while (!found && (item = readdir(dir))) {
        int32_t outer = atoi(item->d_name), inner = outer;
        FILE *status;

        if (outer <= 0)
            continue;
        if (!stat->same_namespace) {
            snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)stat->pid, item->d_name);
            status = fopen(path, "re");
            while (status && fgets(line, sizeof line, status))
                if (!strncmp(line, "NSpid:", 6)) {
                    char *last = strrchr(line, '\t');

                    inner = last ? atoi(last + 1) : outer;
                }
            if (status)
                fclose(status);
        }
        found = each(ctx, outer, inner);
    }
    closedir(dir);
    return found;
}

static int remember_inner(void *ctx, int32_t outer, int32_t inner)
{
    return strobe_htab_put(&((struct strobe_threadstat *)ctx)->inner, (uint64_t)inner, 0, (uint64_t)outer);
}

int strobe_threadstat_outer(struct strobe_threadstat *stat, int32_t inner, int32_t *ret_tid)
{
    uint64_t *outer;
    char path[96];

    if (stat->same_namespace) {
        *ret_tid = inner;
        return 0;
    }
    outer = strobe_htab_get(&stat->inner, (uint64_t)inner, 0);
    if (outer) {
        snprintf(path, sizeof path, "/proc/%d/task/%d", (int)stat->pid, (int)*outer);
        if (!access(path, F_OK)) {
            *ret_tid = (int32_t)*outer;
            return 0;
        }
    }
    strobe_htab_clear(&stat->inner);
    each_task(stat, remember_inner, stat);
    outer = strobe_htab_get(&stat->inner, (uint64_t)inner, 0);
    if (!outer)
        return STROBE_ERR_MISSING;
    *ret_tid = (int32_t)*outer;
    return 0;
}

struct tid_search {
    const unsigned char *bytes; /* the head of a struct pthread */
    uint32_t offset;
    int32_t outer;
};

enum { PTHREAD_SPAN = 1024 };

static int match_tid(void *ctx, int32_t outer, int32_t inner)
{
    struct tid_search *search = ctx;
    int32_t value;

    memcpy(&value, search->bytes + search->offset, sizeof value);
    if (value != inner)
        return 0;
    search->outer = outer;
    return 1;
}

static int count_tasks(void *ctx, int32_t outer, int32_t inner)
{
    (void)outer, (void)inner;
    ++*(int *)ctx;
    return 0;
}

int strobe_threadstat_pthread(struct strobe_threadstat *stat, uint64_t pthread, int32_t *ret_tid)
{
    /* Offsets of pthread.tid seen: glibc x86-64 720, glibc aarch64 208, musl 48.  The one that matched first is kept. */
    static const uint32_t known[] = {720, 208, 48};
    unsigned char bytes[PTHREAD_SPAN];
    int err = strobe_mem_read(stat->mem, pthread, bytes, sizeof bytes), tasks = 0;

    if (err)
        return err;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct tid_search search = {bytes, known[i], 0};

        if ((!stat->pthread_offset || stat->pthread_offset == known[i]) && each_task(stat, match_tid, &search) == 1) {
            stat->pthread_offset = search.offset;
            *ret_tid = search.outer;
            return 0;
        }
    }
    /* Another C library: with one thread there is no doubt which it is. */
    if (stat->pthread_offset || each_task(stat, count_tasks, &tasks) || tasks != 1)
        return STROBE_ERR_MISSING;
    *ret_tid = stat->pid;
    return 0;
}
