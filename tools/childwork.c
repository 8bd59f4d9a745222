/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/childwork.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/attach.h"
#include "attach/target.h"
#include "base/clock.h"
#include "base/htab.h"
#include "snapshot.h"

enum {
    MAX_CHILDREN = 4096,
    MAX_ASKED = 256, /* processes; each takes some milliseconds */
    MAX_NESTED = 33, /* namespaces of process ids in each other: MAX_PID_NS_LEVEL of the kernel (include/linux/pid_namespace.h), and ours */
};

/* NSpid of proc_pid_status(5): a process's ids, in our namespace first, then inward to its own.  How many there are; 0 = it has ended. */
static int ids_of(pid_t pid, int32_t ids[MAX_NESTED])
{
    char path[64], line[512], *at, *end;
    int n = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    while (f && !n && fgets(line, sizeof line, f))
        if (strncmp(line, "NSpid:", 6) == 0)
            for (at = line + 6; n < MAX_NESTED && (ids[n] = (int32_t)strtol(at, &end, 10)) && end > at; at = end)
                n++;
    if (f)
        fclose(f);
    return n;
}

/* All that descend from a process: their ids as it knows them -> as we do. */
static int list_children(pid_t parent, struct strobe_htab *ret)
{
    pid_t *children = malloc(MAX_CHILDREN * sizeof *children);
    int32_t ids[MAX_NESTED];
    int depth = ids_of(parent, ids), err = children ? 0 : STROBE_ERR_NOMEM;
    size_t n = children && depth ? strobe_target_descendants(parent, children, MAX_CHILDREN) : 0;

    for (size_t i = 0; !err && i < n; i++)
        if (ids_of(children[i], ids) >= depth)
            err = strobe_htab_put(ret, (uint64_t)ids[depth - 1], 0, (uint64_t)children[i]);
    free(children);
    return err;
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

int strobe_childwork_ask(int32_t parent, enum strobe_snapshot_mode mode, struct strobe_pools *pools)
{
    struct strobe_htab children = STROBE_HTAB_INIT;
    bool listed = false;
    size_t asked = 0;
    int err = 0;

    for (uint32_t p = 0; !err && p < pools->n; p++) {
        if (pools->at[p].kind != STROBE_POOL_PROCESSES || !pools->at[p].n_calls)
            continue;
        if (!listed)
            err = list_children(parent, &children);
        listed = true;
        for (uint32_t i = 0; !err && i < pools->at[p].n_workers && asked < MAX_ASKED; i++, asked++) {
            uint32_t worker = pools->at[p].first_worker + i;
            const uint64_t *pid = strobe_htab_get(&children, (uint64_t)pools->workers[worker].pid, 0);
            uint64_t work_id;

            if (pid && !ask((pid_t)*pid, mode, &work_id))
                strobe_pools_assign(pools, p, worker, work_id);
        }
    }
    strobe_htab_release(&children);
    return err;
}
