/* SPDX-License-Identifier: Apache-2.0 */
/* The ways from what CPython knows of a thread (native id, pthread id) to its tid. */
#include "attach/proc/threadstat_parts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/procpath.h"
#include "base/err.h"
#include "mem/mem.h"

/* Calls each(ctx, outer, inner) for every thread; stops when it returns non-zero and returns that. */
static int each_task(const struct strobe_threadstat *stat, int (*each)(void *, int32_t, int32_t), void *ctx)
{
    char path[300], line[256];
    DIR *dir;
    struct dirent *item;
    int found = 0;

    strobe_procpath(path, sizeof path, stat->pid, "task");
    dir = opendir(path);
    if (!dir)
        return STROBE_ERR_GONE;
    while (!found && (item = readdir(dir))) {
        int32_t outer = atoi(item->d_name), inner = outer;
        FILE *status;

        if (outer <= 0)
            continue;
        if (!stat->same_namespace) {
            strobe_procpath(path, sizeof path, stat->pid, "task/%s/status", item->d_name);
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

int threadstat_outer(struct strobe_threadstat *stat, int32_t inner, int32_t *ret_tid)
{
    uint64_t *outer;
    char path[96];

    if (stat->same_namespace) {
        *ret_tid = inner;
        return 0;
    }
    outer = strobe_htab_get(&stat->inner, (uint64_t)inner, 0);
    if (outer) {
        strobe_procpath(path, sizeof path, stat->pid, "task/%d", (int)*outer);
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

int strobe_threadstat_outer(struct strobe_threadstat *stat, int32_t inner, int32_t *ret_tid)
{
    if (!stat->self)
        return threadstat_outer(stat, inner, ret_tid);
    *ret_tid = inner;
    return 0;
}

struct tid_search {
    const unsigned char *bytes; /* the head of a struct pthread */
    uint32_t offset;
    int32_t outer, inner;
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
    search->inner = inner;
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
        struct tid_search search = {bytes, known[i], 0, 0};

        if ((!stat->pthread_offset || stat->pthread_offset == known[i]) && each_task(stat, match_tid, &search) == 1) {
            stat->pthread_offset = search.offset;
            *ret_tid = stat->self ? search.inner : search.outer;
            return 0;
        }
    }
    /* Another C library: with one thread there is no doubt which it is. */
    if (stat->pthread_offset || each_task(stat, count_tasks, &tasks) || tasks != 1)
        return STROBE_ERR_MISSING;
    *ret_tid = stat->pid;
    return 0;
}
