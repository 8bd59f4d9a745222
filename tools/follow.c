/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/follow.h"

#include <stdlib.h>
#include <string.h>

#include "attach/target.h"
#include "base/err.h"
#include "base/grow.h"
#include "mem/host.h"
#include "mem/mem.h"
#include "tools/opening.h"

enum { MAX_PROCESSES = 4096 }; /* a build or a pool on a big machine; those beyond are not followed until others end */

/* A process that has just been attached may be a fork on its way to exec: looked after at every poll.  One that has been quiet for this
 * long is looked after four times a second. */
static const uint64_t young_ns = 1000 * 1000 * 1000, quiet_ns = 250 * 1000 * 1000;
static const uint64_t longest_retry_ns = 1000 * 1000 * 1000;

/* So long the dynamic loader may take until libpython is mapped, on a busy machine; looked at often meanwhile. */
static const uint64_t start_ns = 200 * 1000 * 1000, start_retry_ns = 5 * 1000 * 1000;

/* A new child is a copy of its parent until it execs: it is given so long to do that.  (Attached meanwhile it would be let go at the exec
 * and attached anew.) */
static const uint64_t fork_ns = 8 * 1000 * 1000;

struct process {
    pid_t pid;
    uint64_t dev, ino;             /* of its executable, when last tried */
    uint64_t since_ns, next_ns;    /* when this program was first seen; when to look again */
    struct strobe_attach *attach;  /* owned; NULL = not attached */
    bool listed;                   /* seen in the current poll */
    bool gone;
};

struct strobe_follow {
    struct strobe_session *session;
    pid_t root;
    bool children, root_gone;
    struct process *all; /* sorted by pid */
    size_t n, cap;
    pid_t *found;        /* scratch of a poll */
    uint64_t attached;
    struct strobe_buf why, warning;
};

int strobe_follow_new(pid_t root, bool children, struct strobe_follow **ret_follow)
{
    struct strobe_follow *follow = calloc(1, sizeof *follow);

    if (!follow)
        return STROBE_ERR_NOMEM;
    follow->found = malloc(MAX_PROCESSES * sizeof *follow->found);
    follow->all = calloc(1, sizeof *follow->all);
    if (!follow->found || !follow->all) {
        strobe_follow_free(follow);
        return STROBE_ERR_NOMEM;
    }
    follow->cap = 1;
    follow->n = 1;
    follow->all[0] = (struct process){.pid = root};
    follow->root = root;
    follow->children = children;
    *ret_follow = follow;
    return 0;
}

void strobe_follow_free(struct strobe_follow *follow)
{
    if (!follow)
        return;
    for (size_t i = 0; i < follow->n; i++)
        strobe_attach_close(follow->all[i].attach);
    free(follow->all);
    free(follow->found);
    strobe_buf_release(&follow->why);
    strobe_buf_release(&follow->warning);
    free(follow);
}

void strobe_follow_bind(struct strobe_follow *follow, struct strobe_session *session)
{
    follow->session = session;
}

static int find_asyncio(void *ctx, struct strobe_mem *mem, uint64_t *ret_table)
{
    return strobe_attach_asyncio(ctx, mem, ret_table);
}

/* The session takes reader and host over; the facade stays for what people read. */
static int add_to_session(struct strobe_follow *follow, struct strobe_attach *attach, pid_t pid)
{
    bool forked = pid != follow->root && strobe_target_is_fork(pid, strobe_target_parent(pid));
    struct strobe_session_target target = {.layout = strobe_attach_layout(attach), .pid = pid, .label = strobe_attach_cmdline(attach),
                                            .find_asyncio = find_asyncio, .find_ctx = attach,
                                            .forked_as = forked ? strobe_target_own_pid(pid) : 0};
    int err;

    strobe_attach_detach_parts(attach, &target.mem, &target.host);
    err = strobe_session_add(follow->session, &target);
    if (err) {
        strobe_mem_close(target.mem);
        target.host->ops->close(target.host);
    }
    return err;
}

static int try_attach(struct strobe_follow *follow, struct process *process, bool patient, struct strobe_buf *why)
{
    struct strobe_attach *attach;
    int err = patient ? strobe_open_target(process->pid, &attach, why) : strobe_attach_open(process->pid, &attach, why);

    if (err)
        return err;
    err = add_to_session(follow, attach, process->pid);
    if (err) {
        strobe_buf_puts(why, strobe_err_text(err));
        strobe_attach_close(attach);
        return err;
    }
    if (strobe_attach_warning(attach) && !follow->warning.len)
        strobe_buf_puts(&follow->warning, strobe_attach_warning(attach));
    process->attach = attach;
    follow->attached++;
    return 0;
}

/* An attached process: is it still what was attached to? */
static void look_after(struct strobe_follow *follow, struct process *process, uint64_t now_ns)
{
    int err = strobe_attach_alive(process->attach);

    if (!err) {
        process->next_ns = now_ns - process->since_ns < young_ns ? now_ns : now_ns + quiet_ns;
        return;
    }
    strobe_session_remove(follow->session, process->pid);
    strobe_attach_close(process->attach);
    process->attach = NULL;
    process->gone = err != STROBE_ERR_EXECED;
    process->since_ns = process->next_ns = now_ns;
}

static void try_again(struct strobe_follow *follow, struct process *process, uint64_t now_ns)
{
    uint64_t dev = 0, ino = 0, wait_ns;
    struct strobe_buf why = STROBE_BUF_INIT;
    bool first = !process->ino;
    int err;

    err = strobe_target_exe_id(process->pid, &dev, &ino);
    if (err == STROBE_ERR_NOPROC) {
        process->gone = true;
        return;
    }
    if (dev != process->dev || ino != process->ino) { /* new, or another program since */
        process->dev = dev;
        process->ino = ino;
        process->since_ns = process->next_ns = now_ns;
        if (first)
            process->next_ns += fork_ns;
    }
    if (now_ns < process->next_ns || (process->pid != follow->root && strobe_target_in_parents_memory(process->pid)))
        return;
    err = try_attach(follow, process, false, &why);
    /* A runtime that starts is ready within milliseconds; what is not Python now may load it later, ever less likely. */
    wait_ns = (now_ns - process->since_ns) / 2;
    if (wait_ns > longest_retry_ns)
        wait_ns = longest_retry_ns;
    if (now_ns - process->since_ns < start_ns && wait_ns > start_retry_ns)
        wait_ns = start_retry_ns;
    process->next_ns = err == STROBE_ERR_NOTREADY || !err ? now_ns : now_ns + wait_ns;
    process->gone = err == STROBE_ERR_NOPROC || err == STROBE_ERR_GONE;
    if (process->pid == follow->root && !process->gone) {
        strobe_buf_clear(&follow->why);
        if (err)
            strobe_buf_puts(&follow->why, strobe_buf_str(&why));
    }
    strobe_buf_release(&why);
}

int strobe_follow_root(struct strobe_follow *follow, struct strobe_buf *why)
{
    struct process *root = &follow->all[0];

    strobe_target_exe_id(root->pid, &root->dev, &root->ino); /* best effort: attaching gives the reason if it fails */
    return try_attach(follow, root, true, why);
}

static int by_pid(const void *a, const void *b)
{
    const struct process *x = a, *y = b;

    return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Marks processes that still descend from the root, adds the new ones. */
static void list(struct strobe_follow *follow, pid_t of, uint64_t now_ns)
{
    size_t found = strobe_target_descendants(of, follow->found, MAX_PROCESSES), sorted = follow->n;

    for (size_t i = 0; i < found; i++) {
        struct process key = {.pid = follow->found[i]}, *known = bsearch(&key, follow->all, sorted, sizeof key, by_pid);

        if (known) {
            known->listed = true;
            continue;
        }
        if (follow->n >= MAX_PROCESSES)
            break;
        if (strobe_grow(&follow->all, &follow->cap, follow->n + 1, sizeof *follow->all))
            break; /* tried again at the next poll */
        follow->all[follow->n++] = (struct process){.pid = key.pid, .since_ns = now_ns, .listed = true};
    }
    qsort(follow->all, follow->n, sizeof *follow->all, by_pid);
}

/* Children whose parent ended belong to another parent now, but stay ours while they are attached; what they start is found
 * through them. */
static void list_all(struct strobe_follow *follow, uint64_t now_ns)
{
    pid_t *orphans;
    size_t n = 0;

    for (size_t i = 0; i < follow->n; i++)
        follow->all[i].listed = follow->all[i].pid == follow->root;
    list(follow, follow->root, now_ns);
    orphans = malloc(follow->n * sizeof *orphans);
    for (size_t i = 0; orphans && i < follow->n; i++)
        if (!follow->all[i].listed && follow->all[i].attach) {
            follow->all[i].listed = true;
            orphans[n++] = follow->all[i].pid;
        }
    for (size_t i = 0; i < n; i++)
        list(follow, orphans[i], now_ns);
    free(orphans);
}

void strobe_follow_poll(struct strobe_follow *follow, uint64_t now_ns)
{
    size_t kept = 0;

    if (follow->children)
        list_all(follow, now_ns);
    for (size_t i = 0; i < follow->n; i++) {
        struct process *process = &follow->all[i];

        if (follow->children && !process->listed)
            process->gone = true;
        else if (process->attach && now_ns >= process->next_ns)
            look_after(follow, process, now_ns);
        if (!process->attach && !process->gone)
            try_again(follow, process, now_ns);
        if (!process->gone) {
            follow->all[kept++] = *process;
            continue;
        }
        strobe_attach_close(process->attach);
        follow->root_gone |= process->pid == follow->root;
    }
    follow->n = kept;
}

uint64_t strobe_follow_attached(const struct strobe_follow *follow)
{
    return follow->attached;
}

bool strobe_follow_root_alive(const struct strobe_follow *follow)
{
    return !follow->root_gone;
}

int strobe_follow_root_check(struct strobe_follow *follow)
{
    for (size_t i = 0; i < follow->n; i++)
        if (follow->all[i].pid == follow->root && follow->all[i].attach)
            return strobe_attach_alive(follow->all[i].attach);
    return follow->root_gone ? STROBE_ERR_GONE : STROBE_ERR_NOTPYTHON;
}

const char *strobe_follow_title(const struct strobe_follow *follow)
{
    for (size_t i = 0; i < follow->n; i++)
        if (follow->all[i].pid == follow->root && follow->all[i].attach)
            return strobe_attach_cmdline(follow->all[i].attach);
    return "";
}

const char *strobe_follow_why(const struct strobe_follow *follow)
{
    return strobe_buf_str(&follow->why);
}

const char *strobe_follow_warning(const struct strobe_follow *follow)
{
    return follow->warning.len ? strobe_buf_str(&follow->warning) : NULL;
}

int strobe_follow_shorten(void *ctx, const char *path, struct strobe_buf *ret_short)
{
    const struct strobe_follow *follow = ctx;

    for (size_t i = 0; i < follow->n; i++)
        if (follow->all[i].attach && strobe_attach_shorten(follow->all[i].attach, path, ret_short) == 0)
            return 0;
    return STROBE_ERR_MISSING;
}
