/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/childwork.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "attach/target.h"
#include "base/clock.h"
#include "snapshot.h"

enum { MAX_CHILDREN = 4096, MAX_ASKED = 256 /* processes; each takes some milliseconds */ };

/* The innermost process id of a process: as it knows itself (proc_pid_status(5), NSpid). */
static int32_t own_pid(pid_t pid)
{
    char path[64], line[512];
    long found = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "NSpid:", 6) == 0) {
            char *last = strrchr(line, '\t');

            found = last ? strtol(last + 1, NULL, 10) : 0;
            break;
        }
    if (f)
        fclose(f);
    return (int32_t)found;
}

/* The call that a worker process is in. */
static int ask(pid_t pid, enum strobe_snapshot_mode mode, uint64_t *ret_work_id)
{
    struct strobe_snapshot_opts opts = {.mode = mode};
    struct strobe_snapshot *snap = NULL;
    struct strobe_buf why = STROBE_BUF_INIT;
    const struct strobe_sample *threads;
    struct strobe_coderoles codes;
    struct strobe_attach *attach;
    int err = strobe_attach_open(pid, &attach, &why);

    strobe_buf_release(&why);
    if (err)
        return err;
    strobe_coderoles_init(&codes, strobe_attach_mem(attach), strobe_attach_layout(attach));
    err = strobe_snapshot_new(strobe_attach_mem(attach), strobe_attach_host(attach), strobe_attach_layout(attach), strobe_clock_system(),
                              &opts,
                              &snap);
    if (!err)
        err = strobe_snapshot_take(snap, &threads);
    if (!err)
        err = strobe_pool_child_work(strobe_attach_mem(attach), strobe_attach_layout(attach), threads, &codes, ret_work_id);
    strobe_coderoles_release(&codes);
    strobe_snapshot_free(snap);
    strobe_attach_close(attach);
    return err;
}

static void ask_worker(const pid_t *children, size_t n, enum strobe_snapshot_mode mode, struct strobe_pools *pools, uint32_t pool,
                       uint32_t worker)
{
    uint64_t work_id;

    for (size_t i = 0; i < n; i++)
        if (own_pid(children[i]) == pools->workers[worker].pid && !ask(children[i], mode, &work_id)) {
            strobe_pools_assign(pools, pool, worker, work_id);
            return;
        }
}

void strobe_childwork_ask(int32_t parent, enum strobe_snapshot_mode mode, struct strobe_pools *pools)
{
    pid_t *children = NULL;
    size_t n = 0, asked = 0;

    for (uint32_t p = 0; p < pools->n; p++) {
        if (pools->at[p].kind != STROBE_POOL_PROCESSES || !pools->at[p].n_calls)
            continue;
        if (!children && (children = malloc(MAX_CHILDREN * sizeof *children)))
            n = strobe_target_descendants(parent, children, MAX_CHILDREN);
        for (uint32_t i = 0; children && i < pools->at[p].n_workers && asked < MAX_ASKED; i++, asked++)
            ask_worker(children, n, mode, pools, p, pools->at[p].first_worker + i);
    }
    free(children);
}
